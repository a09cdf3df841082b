//! Analysis: the cheap ladder. Most failures must never reach a large model.

use std::collections::BTreeMap;

use super::{current_branch, opted_out};
use crate::domain::ids::{RemediationId, RunId};
use crate::domain::remediation::{CommandRecord, Event, FailedStepRecord, Phase, Reason, Remediation, SetupStep};
use crate::domain::rules::{Autonomy, Prove, RepoRules};
use crate::domain::workflow::{self, Failed, Purpose, RunContext, ShellKind, StepPlan, Workflow};
use crate::engine::session::{Next, Session};
use crate::engine::{Engine, StageError, evidence, intake};
use crate::ports::forge::{Conclusion, Repository};
use crate::ports::git::Remote;
use crate::ports::sandbox::{HOME, WORKSPACE};
use crate::ports::store::Filter;

/// Goes down the ladder.
pub async fn run(engine: &Engine, session: &mut Session) -> Result<Next, StageError> {
    let repository = session.repository(engine).await?;
    if current_branch(engine, session, &repository).await?.is_none() {
        return Ok(Next::GoOn);
    }
    if already_green(engine, session, &repository).await? {
        session.record(engine, vec![Event::Completed { reason: Reason::AlreadyGreen }]).await?;
        return Ok(Next::GoOn);
    }
    if decided_before(engine, &session.state).await? {
        session.record(engine, vec![Event::Completed { reason: Reason::Known }]).await?;
        return Ok(Next::GoOn);
    }
    let rules = engine.rules.of(&repository.slug).clone();
    let mut events = how_to_prove(engine, session, &repository).await?;
    if let Some(diagnosis) = session.state.diagnosis.clone() {
        let writes = rules.autonomy >= Autonomy::Draft && !session.state.opening.dry_run && !engine.rules.dry_run;
        if diagnosis.rerun_could_help && rules.rerun && !session.state.rerun && writes {
            if let Some(stopped) = opted_out(engine, &repository, &session.state).await? {
                session.record(engine, vec![stopped]).await?;
                return Ok(Next::GoOn);
            }
            events.push(Event::RerunChosen { why: format!("{} can pass when it runs again", diagnosis.category) });
            session.record(engine, events).await?;
            return Ok(Next::GoOn);
        }
        if !diagnosis.fixable_by_code {
            let detail = format!("{}: {}", diagnosis.category, diagnosis.headline);
            session.record(engine, vec![Event::Blocked { reason: Reason::NotFixableByCode, verdict: None, detail }]).await?;
            return Ok(Next::GoOn);
        }
        if red_on_base(engine, session, &repository).await? {
            session.record(engine, vec![Event::Completed { reason: Reason::NotOurs }]).await?;
            return Ok(Next::GoOn);
        }
    }
    events.push(Event::PatchNeeded);
    session.record(engine, events).await?;
    Ok(Next::GoOn)
}

/// The command that shows the failure, or why the proof is left to CI.
pub async fn how_to_prove(engine: &Engine, session: &Session, repository: &Repository) -> Result<Vec<Event>, StageError> {
    let rules = engine.rules.of(&repository.slug);
    let remote = engine.remote(repository).await?;
    Ok(match command(engine, session, repository, &remote, rules).await? {
        Ok(command) if rules.prove != Prove::Ci => vec![Event::CommandResolved { command }],
        Ok(command) => vec![Event::CommandResolved { command }, Event::LeftToCi { why: "the settings leave the proof to CI".into() }],
        Err(why) => vec![Event::LeftToCi { why }],
    })
}

/// Whether every failed run has passed since, in a later attempt.
async fn already_green(engine: &Engine, session: &Session, repository: &Repository) -> Result<bool, StageError> {
    let runs = engine.forge.runs_of(&repository.slug, &session.state.opening.key.sha).await?;
    let attached = &session.state.runs;
    Ok(!attached.is_empty()
        && attached.iter().all(|mine| runs.iter().any(|run| run.id == mine.run && run.attempt > mine.attempt && run.conclusion == Some(Conclusion::Success))))
}

/// Whether a person closed a fix of this failure on this branch: it is not offered again.
async fn decided_before(engine: &Engine, state: &Remediation) -> Result<bool, StageError> {
    let Some(fingerprint) = state.fingerprint() else { return Ok(false) };
    let key = &state.opening.key;
    let filter = Filter {
        repo: Some(key.repo),
        branch: Some(key.branch.clone()),
        fingerprint: Some(fingerprint.clone()),
        phases: vec![Phase::Completed],
        limit: 20,
        ..Filter::default()
    };
    let closed = engine.store.list(&filter).await?.iter().any(|other| other.id != state.id && other.reason == Some(Reason::Closed));
    Ok(closed && !asked_again(engine, state).await?)
}

/// Whether a person asked for it again: only they open a head anew whose last end was a person's word, or the memory of one.
async fn asked_again(engine: &Engine, state: &Remediation) -> Result<bool, StageError> {
    let mut before = state.opening.key.clone();
    let Some(generation) = before.generation.checked_sub(1) else { return Ok(false) };
    before.generation = generation;
    let before = engine.store.load(&RemediationId::of(&before)).await?;
    Ok(before.and_then(|before| before.reason).is_some_and(|reason| !reason.judges_its_runs_only()))
}

/// Whether the newest run of the same workflow on the default branch is red for the same reason.
pub async fn red_on_base(engine: &Engine, session: &Session, repository: &Repository) -> Result<bool, StageError> {
    let state = &session.state;
    let Some(fingerprint) = state.fingerprint() else { return Ok(false) };
    // A branch is not its own base: that is asked for in a clone whose default branch is red itself.
    if state.opening.key.branch == repository.default_branch {
        return Ok(false);
    }
    let Some(base) = engine.forge.branch(&repository.slug, &repository.default_branch).await? else { return Ok(false) };
    let paths: Vec<&str> = state.runs.iter().map(|run| run.path.as_str()).collect();
    let runs = engine.forge.runs_of(&repository.slug, &base.head).await?;
    let red: Vec<_> =
        runs.iter().filter(|run| run.conclusion.is_some_and(Conclusion::is_red) && paths.contains(&run.path.as_str())).map(intake::attached_run).collect();
    if red.is_empty() {
        return Ok(false);
    }
    let read = evidence::read(engine, &repository.slug, &red).await?;
    Ok(read.diagnosis.is_some_and(|diagnosis| diagnosis.fingerprint == *fingerprint))
}

/// The command that shows the failure: the settings', or the failed step's.
async fn command(
    engine: &Engine,
    session: &Session,
    repository: &Repository,
    remote: &Remote,
    rules: &RepoRules,
) -> Result<Result<CommandRecord, String>, StageError> {
    let setup = |script: &String| SetupStep { shell: String::new(), script: script.clone(), directory: String::new(), env: BTreeMap::new() };
    if let Some(script) = &rules.command {
        return Ok(Ok(CommandRecord {
            shell: "bash".into(),
            script: script.clone(),
            directory: String::new(),
            env: BTreeMap::new(),
            setup: rules.setup.iter().map(setup).collect(),
            without: Vec::new(),
        }));
    }
    let Some(diagnosis) = &session.state.diagnosis else { return Ok(Err("there is no log that names the failed step".into())) };
    let mut why = "no failed step is named".to_owned();
    for step in &diagnosis.steps {
        match step_plan(engine, session, repository, remote, step).await? {
            Ok(plan) => return Ok(Ok(record(plan, rules))),
            Err(reason) => why = reason,
        }
    }
    Ok(Err(why))
}

fn record(plan: StepPlan, rules: &RepoRules) -> CommandRecord {
    let mut setup: Vec<SetupStep> =
        rules.setup.iter().map(|script| SetupStep { shell: String::new(), script: script.clone(), directory: String::new(), env: BTreeMap::new() }).collect();
    // The operator's own set-up stands for the job's: both would do the same twice.
    let mut without = Vec::new();
    if setup.is_empty() {
        without = plan.goes_without();
        let needed = plan.earlier_steps.into_iter().filter(|step| matches!(step.purpose, Purpose::Install | Purpose::Other));
        setup =
            needed.map(|step| SetupStep { shell: shell(&step.command.shell), script: step.command.script, directory: step.directory, env: step.env }).collect();
    }
    CommandRecord { shell: shell(&plan.command.shell), script: plan.command.script, directory: plan.directory, env: plan.env, setup, without }
}

/// GitHub's name of the shell, as `Shell::from_key` takes it.
fn shell(kind: &ShellKind) -> String {
    match kind {
        ShellKind::Unspecified => String::new(),
        ShellKind::Bash => "bash".into(),
        ShellKind::Sh => "sh".into(),
        ShellKind::Python => "python".into(),
        ShellKind::Custom(template) => template.clone(),
    }
}

async fn step_plan(
    engine: &Engine,
    session: &Session,
    repository: &Repository,
    remote: &Remote,
    step: &FailedStepRecord,
) -> Result<Result<StepPlan, String>, StageError> {
    let sha = &session.state.opening.key.sha;
    let Some(file) = workflow_file(engine, remote, sha, &step.path).await? else {
        return Ok(Err(format!("the workflow file `{}` is not in the commit", step.path)));
    };
    let file = match file {
        Ok(file) => file,
        Err(why) => return Ok(Err(why)),
    };
    let Some(run) = session.state.runs.iter().find(|run| run.run == step.run) else { return Ok(Err("the failed step belongs to no run".into())) };
    let steps = job_steps(engine, repository, step.run, run.attempt, &step.job).await?;
    let listed: Vec<(u32, &str)> = steps.iter().map(|(number, name)| (*number, name.as_str())).collect();
    let branch = session.state.opening.key.branch.as_str();
    let pull = run.trigger == "pull_request";
    let context = RunContext {
        sha: sha.to_string(),
        git_ref: format!("refs/heads/{branch}"),
        repository: repository.slug.to_string(),
        event_name: run.trigger.clone(),
        base_ref: if pull { repository.default_branch.to_string() } else { String::new() },
        head_ref: if pull { branch.to_owned() } else { String::new() },
        actor: session.state.opening.owner.clone().unwrap_or_default(),
        workflow: run.workflow.clone(),
        workspace: WORKSPACE.into(),
        temp: format!("{HOME}/tmp"),
        ..RunContext::default()
    };
    let failed = Failed { job: &step.job, step: &step.step, number: (step.number > 0).then_some(step.number), steps: &listed };
    let mut called = BTreeMap::new();
    // Reusable workflows of the same repository are fetched as they are named, a few deep.
    for _ in 0..4 {
        match workflow::plan(&file, &failed, &context, &called) {
            Ok(mut plan) => {
                let mut env = context.runner_variables();
                env.extend(plan.env);
                plan.env = env;
                return Ok(Ok(plan));
            }
            Err(no) if no.reason == workflow::Reason::ReusableWorkflow && no.detail.starts_with("./") && !called.contains_key(&no.detail) => {
                match workflow_file(engine, remote, sha, no.detail.trim_start_matches("./")).await? {
                    Some(Ok(more)) => {
                        called.insert(no.detail, more);
                    }
                    _ => return Ok(Err(no.to_string())),
                }
            }
            Err(no) => return Ok(Err(no.to_string())),
        }
    }
    Ok(Err("reusable workflows are nested too deeply".into()))
}

async fn workflow_file(
    engine: &Engine,
    remote: &Remote,
    sha: &crate::domain::ids::CommitSha,
    path: &str,
) -> Result<Option<Result<Workflow, String>>, StageError> {
    if path.is_empty() {
        return Ok(None);
    }
    let Some(file) = engine.git.read_file(remote, sha, path, workflow::MAX_FILE + 1).await? else { return Ok(None) };
    let text = String::from_utf8_lossy(&file.bytes).into_owned();
    Ok(Some(Workflow::parse(&text).map_err(|error| error.to_string())))
}

async fn job_steps(engine: &Engine, repository: &Repository, run: RunId, attempt: u32, job: &str) -> Result<Vec<(u32, String)>, StageError> {
    let jobs = engine.forge.jobs(&repository.slug, run, attempt).await?;
    Ok(jobs.into_iter().find(|found| found.name == job).map(|found| found.steps.into_iter().map(|step| (step.number, step.name)).collect()).unwrap_or_default())
}
