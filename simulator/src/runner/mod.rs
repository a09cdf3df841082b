//! Workflow runs: started by pushes and pull requests, carried out for real, kept with their logs.

pub(crate) mod expression;
pub(crate) mod log;
mod steps;
pub(crate) mod workflow;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::Utc;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::SimulatorError;
use crate::events::Happening;
use crate::github::shapes;
use crate::refs::RefChange;
use crate::state::{Attempt, Job, Repo, Run, RunSource, World};
use crate::webhooks;
use expression::Scope;
use workflow::{JobSpec, Workflow};

/// What a new run is made of.
pub(crate) struct NewRun {
    pub path: String,
    pub name: String,
    pub event: String,
    pub head_branch: Option<String>,
    pub head_sha: String,
    pub head_repo: Option<u64>,
    pub pull: Option<u64>,
    pub title: String,
    pub actor: String,
    pub source: RunSource,
}

/// Starts the workflows that listen to a pushed ref.
pub(crate) async fn on_push(world: &Arc<World>, repo: &Repo, change: &RefChange, actor: &str) -> Result<(), SimulatorError> {
    let Some(sha) = change.new.as_deref() else { return Ok(()) };
    let files = workflow_files(world, repo, sha).await?;
    let Some(commit) = world.git.commit_info(&repo.dir, sha).await.filter(|_| !files.is_empty()) else { return Ok(()) };
    if skips(&commit.message) {
        return Ok(());
    }
    let before = match &change.old {
        Some(old) => Some(old.clone()),
        None => match world.git.resolve(&repo.dir, &format!("refs/heads/{}", repo.default_branch)).await {
            Some(default) => world.git.merge_base(&repo.dir, &default, sha).await.filter(|base| base != sha),
            None => None,
        },
    };
    let changed = match before {
        Some(before) => world.git.diff(&repo.dir, &before, sha).await?.into_iter().map(|file| file.path).collect(),
        None => all_paths(world, repo, sha).await?,
    };
    let short = change.name.strip_prefix("refs/heads/").or_else(|| change.name.strip_prefix("refs/tags/")).unwrap_or(&change.name).to_owned();
    for (path, text) in files {
        let parsed = workflow::parse(&text);
        if parsed.as_ref().is_ok_and(|workflow| !workflow.on_push(&change.name, &changed)) {
            continue;
        }
        let name = parsed.as_ref().ok().and_then(|workflow| workflow.name.clone()).unwrap_or_else(|| path.clone());
        let new = NewRun {
            path,
            name,
            event: "push".to_owned(),
            head_branch: Some(short.clone()),
            head_sha: sha.to_owned(),
            head_repo: Some(repo.id),
            pull: None,
            title: first_line(&commit.message),
            actor: actor.to_owned(),
            source: RunSource::Workflow {
                text,
                checkout: sha.to_owned(),
                git_ref: change.name.clone(),
                base_ref: String::new(),
                payload: json!({"ref": change.name, "after": sha, "before": change.old, "head_commit": {"id": sha, "message": commit.message}}),
            },
        };
        start(world, repo, new, parsed);
    }
    Ok(())
}

/// Starts the workflows that listen to an action on a pull request; they test the merge of head into base.
pub(crate) async fn on_pull_request(world: &Arc<World>, repo: u64, number: u64, action: &str, actor: &str) -> Result<(), SimulatorError> {
    let Some(repo) = world.repo_by_id(repo) else { return Ok(()) };
    let Some(pull) = repo.pull(number).cloned() else { return Ok(()) };
    // A conflicting pull request has no merge commit, and so no runs.
    let Some(merge) = pull.merge_commit_sha.clone().filter(|_| pull.open) else { return Ok(()) };
    let files = workflow_files(world, &repo, &merge).await?;
    if files.is_empty() || world.git.commit_info(&repo.dir, &pull.head_sha).await.is_some_and(|commit| skips(&commit.message)) {
        return Ok(());
    }
    let changed: Vec<String> = world.git.diff(&repo.dir, &pull.base_sha, &merge).await?.into_iter().map(|file| file.path).collect();
    for (path, text) in files {
        let Ok(parsed) = workflow::parse(&text) else { continue };
        if !parsed.on_pull_request(action, &pull.base, &changed) {
            continue;
        }
        let payload = {
            let state = world.state();
            json!({"action": action, "number": number, "pull_request": shapes::pull(&world.urls, &state, &repo, &pull, None)})
        };
        let new = NewRun {
            name: parsed.name.clone().unwrap_or_else(|| path.clone()),
            path,
            event: "pull_request".to_owned(),
            head_branch: Some(pull.head.clone()),
            head_sha: pull.head_sha.clone(),
            head_repo: Some(pull.head_repo),
            pull: Some(number),
            title: pull.title.clone(),
            actor: actor.to_owned(),
            source: RunSource::Workflow { text, checkout: merge.clone(), git_ref: format!("refs/pull/{number}/merge"), base_ref: pull.base.clone(), payload },
        };
        start(world, &repo, new, Ok(parsed));
    }
    Ok(())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn skips(message: &str) -> bool {
    ["[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"].iter().any(|mark| message.contains(mark))
}

async fn workflow_files(world: &Arc<World>, repo: &Repo, sha: &str) -> Result<Vec<(String, String)>, SimulatorError> {
    let mut files = Vec::new();
    // A commit without the folder has no workflows.
    let Ok(entries) = world.git.tree(&repo.dir, sha, ".github/workflows").await else { return Ok(files) };
    for (_, kind, _, path) in entries {
        if kind == "blob" && (path.ends_with(".yml") || path.ends_with(".yaml")) {
            let bytes = world.git.file(&repo.dir, sha, &path).await.unwrap_or_default();
            files.push((path, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(files)
}

async fn all_paths(world: &Arc<World>, repo: &Repo, sha: &str) -> Result<Vec<String>, SimulatorError> {
    let text = world.git.text(&repo.dir, &["ls-tree", "-r", "-z", "--name-only", sha]).await?;
    Ok(text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

/// Enters a run into the books, without executing it.
pub(crate) fn enter(world: &Arc<World>, repo: &Repo, new: NewRun, attempt: Attempt) -> u64 {
    let mut state = world.state();
    let (id, suite, fresh) = (state.id(), state.id(), state.id());
    let Some(known) = state.by_id_mut(repo.id) else { return id };
    let entry = known.workflows.entry(new.path.clone()).or_insert_with(|| (fresh, new.name.clone(), 0));
    entry.1.clone_from(&new.name);
    entry.2 += 1;
    let (workflow_id, run_number) = (entry.0, entry.2);
    let now = Utc::now();
    let mut run = Run {
        id,
        repo: repo.id,
        workflow_id,
        workflow: new.name,
        path: new.path,
        run_number,
        event: new.event,
        head_branch: new.head_branch,
        head_sha: new.head_sha,
        head_repo: new.head_repo,
        pull: new.pull,
        display_title: new.title,
        actor: new.actor,
        check_suite_id: suite,
        created_at: now,
        attempts: vec![attempt],
        logs_expired: false,
        source: new.source,
        history: Vec::new(),
    };
    run.note(now);
    state.runs.push(run);
    id
}

fn start(world: &Arc<World>, repo: &Repo, new: NewRun, parsed: Result<Workflow, String>) {
    let now = Utc::now();
    let attempt = Attempt {
        number: 1,
        status: "queued".to_owned(),
        conclusion: None,
        started_at: now,
        updated_at: now,
        jobs: Vec::new(),
        cancel: world.shutdown.child_token(),
    };
    let group = parsed.as_ref().ok().and_then(|workflow| workflow.concurrency.clone());
    let id = enter(world, repo, new, attempt);
    match parsed {
        Ok(workflow) => {
            let jobs = queue_jobs(world, &workflow);
            if let Some(run) = world.state().run_mut(id) {
                run.latest_mut().jobs = jobs;
            }
            if let Some((group, true)) = group {
                cancel_older(world, repo.id, id, &group);
            }
            announce(world, repo.id, id, "requested");
            launch(world, repo.id, id, workflow);
        }
        Err(reason) => {
            tracing::debug!(%reason, "a workflow file is invalid");
            announce(world, repo.id, id, "requested");
            finish(world, repo.id, id, "startup_failure");
        }
    }
}

/// `concurrency` with `cancel-in-progress`: older runs of the same workflow on the same branch end as cancelled. Group expressions
/// nearly always name just these two, so they are not evaluated.
fn cancel_older(world: &Arc<World>, repo: u64, id: u64, group: &str) {
    tracing::debug!(group, "a newer run takes the place of older ones");
    let state = world.state();
    let Some(new) = state.run(repo, id) else { return };
    for run in state
        .runs
        .iter()
        .filter(|run| run.repo == repo && run.id != id && run.workflow_id == new.workflow_id && run.head_branch == new.head_branch && run.event == new.event)
    {
        if run.latest().status != "completed" {
            run.latest().cancel.cancel();
        }
    }
}

fn queue_jobs(world: &Arc<World>, workflow: &Workflow) -> Vec<Job> {
    let mut state = world.state();
    let now = Utc::now();
    let mut jobs = Vec::new();
    for spec in &workflow.jobs {
        for (index, combination) in spec.combinations.iter().enumerate() {
            let scope = Scope {
                contexts: json!({"matrix": workflow::matrix_context(combination), "github": {}, "env": {}, "needs": {}, "inputs": {}, "vars": {}, "secrets": {}}),
                failed: false,
                cancelled: false,
            };
            let name = workflow::job_name(spec, combination);
            jobs.push(Job {
                id: state.id(),
                name: expression::fill(&name, &scope).unwrap_or(name),
                key: spec.key.clone(),
                index,
                status: "queued".to_owned(),
                conclusion: None,
                created_at: now,
                started_at: None,
                completed_at: None,
                labels: spec.runs_on.iter().map(|label| expression::fill(label, &scope).unwrap_or_else(|_| label.clone())).collect(),
                steps: Vec::new(),
                fixed_log: None,
                outputs: BTreeMap::new(),
            });
        }
    }
    jobs
}

fn launch(world: &Arc<World>, repo: u64, id: u64, workflow: Workflow) {
    let known = world.clone();
    world.spawn(async move {
        execute(&known, repo, id, &workflow).await;
    });
}

/// Tells watchers and webhook receivers where a run stands.
pub(crate) fn announce(world: &Arc<World>, repo: u64, id: u64, action: &str) {
    let (payload, suite, happening) = {
        let state = world.state();
        let Some((known, run)) = state.by_id(repo).zip(state.run(repo, id)) else { return };
        let attempt = run.latest();
        let shape = shapes::run(&world.urls, &state, known, run, attempt);
        let repository = shapes::repository(&world.urls, &state, known);
        let sender = shapes::user(&world.urls, &run.actor);
        let payload = json!({"action": action, "workflow_run": shape, "workflow": shapes::workflow(&world.urls, known, run.workflow_id, &run.workflow, &run.path), "repository": repository, "sender": sender});
        let suite = (action == "completed").then(|| {
            json!({"action": "completed", "check_suite": {"id": run.check_suite_id, "head_branch": run.head_branch, "head_sha": run.head_sha, "status": "completed", "conclusion": attempt.conclusion, "pull_requests": [], "app": {"id": 15368, "slug": "github-actions", "name": "GitHub Actions"}}, "repository": repository, "sender": sender})
        });
        let (repo, branch) = (known.full_name(), run.head_branch.clone().unwrap_or_default());
        let happening = match action {
            "requested" => Some(Happening::RunStarted {
                repo,
                run: id,
                attempt: attempt.number,
                workflow: run.workflow.clone(),
                branch,
                sha: run.head_sha.clone(),
                trigger: run.event.clone(),
            }),
            "completed" => Some(Happening::RunCompleted {
                repo,
                run: id,
                attempt: attempt.number,
                workflow: run.workflow.clone(),
                branch,
                sha: run.head_sha.clone(),
                conclusion: attempt.conclusion.clone().unwrap_or_default(),
            }),
            _ => None,
        };
        (payload, suite, happening)
    };
    if let Some(happening) = happening {
        world.tell(happening);
    }
    webhooks::send(world, "workflow_run", payload);
    if let Some(suite) = suite {
        webhooks::send(world, "check_suite", suite);
    }
}

pub(crate) fn finish(world: &Arc<World>, repo: u64, id: u64, conclusion: &str) {
    {
        let mut state = world.state();
        let Some(run) = state.run_mut(id) else { return };
        let now = Utc::now();
        let attempt = run.latest_mut();
        "completed".clone_into(&mut attempt.status);
        attempt.conclusion = Some(conclusion.to_owned());
        attempt.updated_at = now;
        run.note(now);
    }
    announce(world, repo, id, "completed");
}

/// What a job is executed with.
pub(crate) struct JobOrder {
    pub repo: Repo,
    pub run: u64,
    pub job: u64,
    pub spec: JobSpec,
    pub index: usize,
    pub workflow_env: Vec<(String, String)>,
    pub workflow_defaults: workflow::Defaults,
    pub github: Value,
    pub needs: Value,
    pub checkout: String,
    pub cancel: CancellationToken,
}

async fn execute(world: &Arc<World>, repo: u64, id: u64, workflow: &Workflow) {
    let Some(known) = world.repo_by_id(repo) else { return };
    let (cancel, github, checkout) = {
        let mut state = world.state();
        let context = {
            let Some(run) = state.run(repo, id) else { return };
            let RunSource::Workflow { checkout, .. } = &run.source else { return };
            (run.latest().cancel.clone(), github_context(world, &known, run), checkout.clone())
        };
        if let Some(run) = state.run_mut(id) {
            "in_progress".clone_into(&mut run.latest_mut().status);
            run.note(Utc::now());
        }
        context
    };
    announce(world, repo, id, "in_progress");
    let mut running = FuturesUnordered::new();
    let matrix_cancels: HashMap<&str, CancellationToken> = workflow.jobs.iter().map(|job| (job.key.as_str(), cancel.child_token())).collect();
    loop {
        for (job, spec, index, verdict) in ready(world, id, workflow, &github, cancel.is_cancelled()) {
            match verdict {
                Readiness::End(conclusion) => {
                    end_job(world, id, job, conclusion);
                    // A skipped job may make others ready.
                    running.push(Box::pin(futures::future::ready((job, conclusion.to_owned(), spec.key.clone()))) as JobFuture);
                }
                Readiness::Go(needs) => {
                    if let Some(job) = world.state().job_mut(id, job) {
                        "in_progress".clone_into(&mut job.status);
                    }
                    let order = JobOrder {
                        repo: known.clone(),
                        run: id,
                        job,
                        spec: spec.clone(),
                        index,
                        workflow_env: workflow.env.clone(),
                        workflow_defaults: workflow.defaults.clone(),
                        github: github.clone(),
                        needs,
                        checkout: checkout.clone(),
                        cancel: matrix_cancels[spec.key.as_str()].clone(),
                    };
                    let world = world.clone();
                    let key = spec.key.clone();
                    running.push(Box::pin(async move {
                        let conclusion = steps::execute(&world, order).await;
                        (job, conclusion.to_owned(), key)
                    }));
                }
            }
        }
        let Some((job, conclusion, key)) = running.next().await else { break };
        end_job(world, id, job, &conclusion);
        let spec = workflow.jobs.iter().find(|spec| spec.key == key);
        if conclusion == "failure" && spec.is_some_and(|spec| spec.has_matrix && spec.fail_fast) {
            matrix_cancels[key.as_str()].cancel();
        }
    }
    let conclusion = {
        let state = world.state();
        let Some(run) = state.run(repo, id) else { return };
        let tolerated = |job: &Job| workflow.jobs.iter().any(|spec| spec.key == job.key && spec.continue_on_error.as_deref() == Some("true"));
        let has = |wanted: &str| run.latest().jobs.iter().any(|job| job.conclusion.as_deref() == Some(wanted) && !tolerated(job));
        if has("failure") {
            "failure"
        } else if has("timed_out") {
            "timed_out"
        } else if has("cancelled") {
            "cancelled"
        } else if run.latest().jobs.iter().all(|job| job.conclusion.as_deref() == Some("skipped")) {
            "skipped"
        } else {
            "success"
        }
    };
    finish(world, repo, id, conclusion);
}

type JobFuture = std::pin::Pin<Box<dyn Future<Output = (u64, String, String)> + Send>>;

enum Readiness {
    End(&'static str),
    Go(Value),
}

/// The queued jobs whose needs have ended, each with what to do.
fn ready<'w>(world: &Arc<World>, id: u64, workflow: &'w Workflow, github: &Value, cancelled: bool) -> Vec<(u64, &'w JobSpec, usize, Readiness)> {
    let state = world.state();
    let Some(run) = state.runs.iter().find(|run| run.id == id) else { return Vec::new() };
    let jobs = &run.latest().jobs;
    let mut out = Vec::new();
    for job in jobs.iter().filter(|job| job.status == "queued") {
        let Some(spec) = workflow.jobs.iter().find(|spec| spec.key == job.key) else { continue };
        let mut needs = Map::new();
        let mut all_ended = true;
        let mut failed = false;
        for need in &spec.needs {
            let family: Vec<&Job> = jobs.iter().filter(|other| other.key == *need).collect();
            all_ended &= family.iter().all(|other| other.status == "completed");
            let result = ["failure", "timed_out", "cancelled", "skipped"]
                .into_iter()
                .find(|result| family.iter().any(|other| other.conclusion.as_deref() == Some(*result)))
                .unwrap_or("success");
            let tolerated = workflow.jobs.iter().any(|other| other.key == *need && other.continue_on_error.as_deref() == Some("true"));
            failed |= result != "success" && !tolerated;
            let outputs: BTreeMap<&String, &String> = family.iter().flat_map(|other| &other.outputs).collect();
            needs.insert(need.clone(), json!({"result": if result == "timed_out" { "failure" } else { result }, "outputs": outputs}));
        }
        if !all_ended {
            continue;
        }
        let scope = Scope { contexts: json!({"github": github, "needs": needs, "vars": {}, "inputs": {}}), failed, cancelled };
        let verdict = match expression::condition(spec.condition.as_deref(), &scope) {
            Ok(true) => Readiness::Go(Value::Object(needs)),
            Ok(false) if cancelled => Readiness::End("cancelled"),
            Ok(false) => Readiness::End("skipped"),
            Err(reason) => {
                tracing::debug!(%reason, "a job's condition is invalid");
                Readiness::End("failure")
            }
        };
        out.push((job.id, spec, job.index, verdict));
    }
    out
}

fn end_job(world: &Arc<World>, run: u64, job: u64, conclusion: &str) {
    let mut state = world.state();
    let Some(job) = state.job_mut(run, job) else { return };
    let now = Utc::now();
    "completed".clone_into(&mut job.status);
    job.conclusion = Some(conclusion.to_owned());
    job.started_at.get_or_insert(now);
    job.completed_at = Some(now);
}

fn github_context(world: &Arc<World>, repo: &Repo, run: &Run) -> Value {
    let RunSource::Workflow { git_ref, base_ref, payload, checkout, .. } = &run.source else { return Value::Null };
    let (ref_name, ref_type) = match git_ref.strip_prefix("refs/tags/") {
        Some(tag) => (tag, "tag"),
        None => (git_ref.strip_prefix("refs/heads/").or_else(|| git_ref.strip_prefix("refs/pull/")).unwrap_or(git_ref), "branch"),
    };
    let head_ref = if run.pull.is_some() { run.head_branch.clone().unwrap_or_default() } else { String::new() };
    json!({
        "actor": run.actor, "triggering_actor": run.actor, "event_name": run.event, "event": payload, "sha": checkout, "ref": git_ref, "ref_name": ref_name,
        "ref_type": ref_type, "base_ref": base_ref, "head_ref": head_ref, "repository": repo.full_name(), "repository_owner": repo.owner,
        "repository_id": repo.id.to_string(), "run_id": run.id.to_string(), "run_number": run.run_number.to_string(), "run_attempt": run.latest().number.to_string(),
        "workflow": run.workflow, "server_url": world.urls.server, "api_url": world.urls.api, "graphql_url": format!("{}/graphql", world.urls.api), "token": "",
    })
}

/// Which jobs a rerun repeats.
pub(crate) enum Again {
    All,
    Failed,
    One(u64),
}

/// Starts another attempt. Answers false where the run is still going.
pub(crate) fn rerun(world: &Arc<World>, repo: u64, id: u64, what: &Again, actor: &str) -> bool {
    enum Next {
        Real(Workflow),
        Given(crate::SyntheticAttempt),
    }
    let next = {
        let mut state = world.state();
        let known = state.by_id(repo).is_some();
        let cancel = world.shutdown.child_token();
        let fresh: Vec<u64> = (0..state.run(repo, id).map_or(0, |run| run.latest().jobs.len())).map(|_| state.id()).collect();
        let Some(run) = state.run_mut(id).filter(|run| known && run.latest().status == "completed") else { return false };
        actor.clone_into(&mut run.actor);
        let now = Utc::now();
        let last = run.latest().clone();
        let next = match &mut run.source {
            RunSource::Workflow { text, .. } => match workflow::parse(text) {
                Ok(workflow) => Next::Real(workflow),
                Err(_) => return false,
            },
            RunSource::Synthetic { reruns } => {
                let given = if reruns.is_empty() { crate::SyntheticAttempt::again(&last) } else { reruns.remove(0) };
                Next::Given(given)
            }
        };
        let mut jobs = last.jobs.clone();
        if let Next::Real(workflow) = &next {
            let mut repeated: Vec<String> = jobs
                .iter()
                .filter(|job| match what {
                    Again::All => true,
                    Again::Failed => job.conclusion.as_deref() != Some("success"),
                    Again::One(wanted) => job.id == *wanted,
                })
                .map(|job| job.key.clone())
                .collect();
            // What needed a repeated job is repeated, too.
            loop {
                let more: Vec<String> = workflow
                    .jobs
                    .iter()
                    .filter(|spec| !repeated.contains(&spec.key) && spec.needs.iter().any(|need| repeated.contains(need)))
                    .map(|spec| spec.key.clone())
                    .collect();
                if more.is_empty() {
                    break;
                }
                repeated.extend(more);
            }
            for job in &mut jobs {
                let chosen = match what {
                    Again::All => true,
                    Again::Failed => {
                        job.conclusion.as_deref() != Some("success")
                            || workflow.jobs.iter().any(|spec| spec.key == job.key && spec.needs.iter().any(|need| repeated.contains(need)))
                    }
                    Again::One(wanted) => {
                        job.id == *wanted || workflow.jobs.iter().any(|spec| spec.key == job.key && spec.needs.iter().any(|need| repeated.contains(need)))
                    }
                };
                if chosen {
                    "queued".clone_into(&mut job.status);
                    job.conclusion = None;
                    job.started_at = None;
                    job.completed_at = None;
                    job.created_at = now;
                    job.steps.clear();
                    job.outputs.clear();
                }
            }
        }
        for (job, id) in jobs.iter_mut().zip(fresh) {
            job.id = id;
        }
        run.attempts.push(Attempt { number: last.number + 1, status: "queued".to_owned(), conclusion: None, started_at: now, updated_at: now, jobs, cancel });
        run.note(now);
        next
    };
    announce(world, repo, id, "requested");
    match next {
        Next::Real(workflow) => launch(world, repo, id, workflow),
        Next::Given(given) => {
            let jobs = given.jobs(world);
            if let Some(run) = world.state().run_mut(id) {
                run.latest_mut().jobs = jobs;
            }
            finish(world, repo, id, &given.conclusion);
        }
    }
    true
}

/// Ends a run that is still going as cancelled. Answers false where it has already ended.
pub(crate) fn cancel(world: &Arc<World>, repo: u64, id: u64) -> bool {
    let state = world.state();
    match state.run(repo, id) {
        Some(run) if run.latest().status != "completed" => {
            run.latest().cancel.cancel();
            true
        }
        _ => false,
    }
}
