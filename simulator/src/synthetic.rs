//! Runs with prescribed results, for tests that need a certain run rather than a real one.

use std::collections::BTreeMap;

use chrono::Utc;

use crate::SimulatorError;
use crate::events::Happening;
use crate::runner::{self, NewRun, log};
use crate::state::{Attempt, Job, RunSource, Step, World};

/// A run as it is prescribed.
#[derive(Clone, Debug)]
pub struct SyntheticRun {
    /// Head branch; none for what has none.
    pub branch: Option<String>,
    /// Head commit.
    pub sha: String,
    /// Workflow name.
    pub workflow: String,
    /// Workflow path; made of the name where empty.
    pub path: String,
    /// `push`, `pull_request`, `schedule`, `merge_group`, ….
    pub event: String,
    /// The first attempt.
    pub result: SyntheticAttempt,
    /// `owner/name` of the head's repository where it is not this one; it must exist.
    pub head_repository: Option<String>,
    /// Number of the pull request that started it.
    pub pull: Option<u64>,
    /// Login of who caused it.
    pub actor: String,
    /// What reruns give, one after another; when spent, the last result is repeated.
    pub reruns: Vec<SyntheticAttempt>,
}

impl SyntheticRun {
    /// A failed push run of workflow `CI` with one job `build` and its log.
    #[must_use]
    pub fn failed(branch: &str, sha: &str, log: &str) -> Self {
        Self {
            branch: Some(branch.to_owned()),
            sha: sha.to_owned(),
            workflow: "CI".to_owned(),
            path: String::new(),
            event: "push".to_owned(),
            result: SyntheticAttempt { conclusion: "failure".to_owned(), jobs: vec![SyntheticJob::new("build", "failure", log)] },
            head_repository: None,
            pull: None,
            actor: "teammate".to_owned(),
            reruns: Vec::new(),
        }
    }

    /// A green push run of workflow `CI` with one job `build`.
    #[must_use]
    pub fn succeeded(branch: &str, sha: &str) -> Self {
        let mut run = Self::failed(branch, sha, "");
        run.result = SyntheticAttempt { conclusion: "success".to_owned(), jobs: vec![SyntheticJob::new("build", "success", "ok")] };
        run
    }
}

/// One attempt of a synthetic run.
#[derive(Clone, Debug)]
pub struct SyntheticAttempt {
    /// `success`, `failure`, `cancelled`, `timed_out`, `startup_failure`, …; empty for a run that stays in progress.
    pub conclusion: String,
    /// Its jobs.
    pub jobs: Vec<SyntheticJob>,
}

/// One job of a synthetic run.
#[derive(Clone, Debug)]
pub struct SyntheticJob {
    /// Name.
    pub name: String,
    /// `success`, `failure`, ….
    pub conclusion: String,
    /// Log text. Where its first line has no timestamp, every line gets one, and the byte order mark is put before.
    pub log: String,
    /// Steps as (name, conclusion); where empty, one step of the job's name.
    pub steps: Vec<(String, String)>,
    /// Runner labels.
    pub labels: Vec<String>,
}

impl SyntheticJob {
    /// A job on `ubuntu-latest`.
    #[must_use]
    pub fn new(name: &str, conclusion: &str, log: &str) -> Self {
        Self { name: name.to_owned(), conclusion: conclusion.to_owned(), log: log.to_owned(), steps: Vec::new(), labels: vec!["ubuntu-latest".to_owned()] }
    }
}

impl SyntheticAttempt {
    /// The same result once more.
    pub(crate) fn again(last: &Attempt) -> Self {
        Self {
            conclusion: last.conclusion.clone().unwrap_or_default(),
            jobs: last
                .jobs
                .iter()
                .map(|job| SyntheticJob {
                    name: job.name.clone(),
                    conclusion: job.conclusion.clone().unwrap_or_default(),
                    log: job.log(),
                    steps: job.steps.iter().map(|step| (step.name.clone(), step.conclusion.clone().unwrap_or_default())).collect(),
                    labels: job.labels.clone(),
                })
                .collect(),
        }
    }

    pub(crate) fn jobs(&self, world: &World) -> Vec<Job> {
        let mut state = world.state();
        let now = Utc::now();
        self.jobs
            .iter()
            .map(|job| {
                let known = if job.steps.is_empty() { vec![(format!("Run {}", job.name), job.conclusion.clone())] } else { job.steps.clone() };
                let status = |conclusion: &str| if conclusion.is_empty() { "in_progress" } else { "completed" }.to_owned();
                let steps = known
                    .into_iter()
                    .zip(1..)
                    .map(|((name, conclusion), number)| Step {
                        number,
                        name,
                        status: status(&conclusion),
                        conclusion: Some(conclusion).filter(|text| !text.is_empty()),
                        started_at: Some(now),
                        completed_at: Some(now),
                        log: String::new(),
                    })
                    .collect();
                let first = job.log.trim_start_matches('\u{feff}').split(' ').next().unwrap_or_default();
                let is_stamped = chrono::DateTime::parse_from_rfc3339(first).is_ok();
                let text = if is_stamped { job.log.clone() } else { format!("\u{feff}{}", log::stamped(&job.log, now)) };
                Job {
                    id: state.id(),
                    name: job.name.clone(),
                    key: job.name.clone(),
                    index: 0,
                    status: status(&job.conclusion),
                    conclusion: Some(job.conclusion.clone()).filter(|text| !text.is_empty()),
                    created_at: now,
                    started_at: Some(now),
                    completed_at: Some(now),
                    labels: job.labels.clone(),
                    steps,
                    fixed_log: Some(text),
                    outputs: BTreeMap::new(),
                }
            })
            .collect()
    }
}

impl crate::Simulator {
    /// Enters a run with prescribed results and returns its id. Webhooks and events are those of a real one.
    ///
    /// # Errors
    /// Where the repository, or the head's, does not exist.
    pub async fn add_synthetic_run(&self, repo: &str, run: SyntheticRun) -> Result<u64, SimulatorError> {
        let world = &self.world;
        let known = world.repo(repo)?;
        let head_repo = match &run.head_repository {
            Some(name) => world.repo(name)?.id,
            None => known.id,
        };
        let commit = world.git.commit_info(&known.dir, &run.sha).await;
        let title = commit.and_then(|commit| commit.message.lines().next().map(str::to_owned)).unwrap_or_else(|| run.workflow.clone());
        let path = if run.path.is_empty() { format!(".github/workflows/{}.yml", run.workflow.to_lowercase().replace(' ', "-")) } else { run.path };
        let now = Utc::now();
        let ended = !run.result.conclusion.is_empty();
        let attempt = Attempt {
            number: 1,
            status: if ended { "completed" } else { "in_progress" }.to_owned(),
            conclusion: Some(run.result.conclusion.clone()).filter(|text| !text.is_empty()),
            started_at: now,
            updated_at: now,
            jobs: run.result.jobs(world),
            cancel: world.shutdown.child_token(),
        };
        let new = NewRun {
            path,
            name: run.workflow,
            event: run.event,
            head_branch: run.branch,
            head_sha: run.sha,
            head_repo: Some(head_repo),
            pull: run.pull,
            title,
            actor: run.actor,
            source: RunSource::Synthetic { reruns: run.reruns },
        };
        let id = runner::enter(world, &known, new, attempt);
        runner::announce(world, known.id, id, if ended { "completed" } else { "in_progress" });
        Ok(id)
    }

    /// Ends a synthetic run that was left in progress.
    ///
    /// # Errors
    /// Where there is no such run.
    pub fn finish_synthetic_run(&self, repo: &str, run: u64, result: SyntheticAttempt) -> Result<(), SimulatorError> {
        let known = self.world.repo(repo)?;
        let jobs = result.jobs(&self.world);
        match self.world.state().run_mut(run) {
            Some(run) => run.latest_mut().jobs = jobs,
            None => return Err(SimulatorError::NoSuch(format!("run {run}"))),
        }
        runner::finish(&self.world, known.id, run, &result.conclusion);
        Ok(())
    }

    /// Lets a run's logs expire: their addresses answer 410 from now on.
    ///
    /// # Errors
    /// Where there is no such run.
    pub fn expire_logs(&self, run: u64) -> Result<(), SimulatorError> {
        match self.world.state().run_mut(run) {
            Some(run) => run.logs_expired = true,
            None => return Err(SimulatorError::NoSuch(format!("run {run}"))),
        }
        Ok(())
    }

    /// Reruns a run's failed jobs, as a teammate does with the button.
    ///
    /// # Errors
    /// Where there is no such run or it is still going.
    pub fn rerun(&self, repo: &str, run: u64) -> Result<(), SimulatorError> {
        let known = self.world.repo(repo)?;
        if runner::rerun(&self.world, known.id, run, &runner::Again::Failed, "teammate") {
            Ok(())
        } else {
            Err(SimulatorError::Refused(format!("run {run} cannot be rerun")))
        }
    }

    /// Tells the watchers something that only the set-up knows of; for the demo's own timeline marks.
    pub fn tell(&self, what: Happening) {
        self.world.tell(what);
    }
}
