//! From a run to a remediation: what is refused here is refused for good and costs nothing.

use chrono::{DateTime, Utc};

use super::Engine;
use crate::domain::ids::{BranchName, RemediationId, RemediationKey, RunKey};
use crate::domain::remediation::{AttachedRun, Opening, Reason};
use crate::ports::forge::{ForgeError, Repository, WorkflowRun};
use crate::ports::store::{Attached, SeenRun, StoreError};

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was refused.
    Refused(Reason),
    /// It went to this remediation.
    Taken(RemediationId),
    /// It was known.
    Known,
}

/// Why intake did not get through; the run is seen again at the next poll.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The forge did not answer.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The checks that need nothing but the run itself.
pub fn refusal(engine: &Engine, repository: &Repository, run: &WorkflowRun) -> Result<BranchName, Reason> {
    if !engine.rules.serves(&repository.slug) {
        return Err(Reason::NotListed);
    }
    // Forks are told by the repository's id: a branch name says nothing.
    if run.head_repo != Some(repository.id) || run.repo != repository.id {
        return Err(Reason::Fork);
    }
    match run.conclusion {
        None => return Err(Reason::NotFinished),
        Some(conclusion) if !conclusion.is_red() => return Err(Reason::NotFailed),
        Some(_) => {}
    }
    match run.trigger.as_str() {
        "push" | "pull_request" => {}
        "merge_group" => return Err(Reason::MergeQueue),
        // `pull_request_target` runs the base's code, and the rest was started by no change of a branch.
        _ => return Err(Reason::Scheduled),
    }
    let name = run.head_branch.as_deref().ok_or(Reason::Tag)?;
    let branch = BranchName::parse(name).map_err(|_| Reason::BadName)?;
    if branch.is_merge_queue() {
        return Err(Reason::MergeQueue);
    }
    if branch.is_ours() || run.head_author.as_deref().is_some_and(|author| author.eq_ignore_ascii_case(&engine.rules.bot_email)) {
        return Err(Reason::OwnBranch);
    }
    if !engine.rules.of(&repository.slug).watches(&branch) {
        return Err(Reason::NotWatched);
    }
    Ok(branch)
}

/// Takes one run in. Durable when it returns.
pub async fn consider(engine: &Engine, repository: &Repository, run: &WorkflowRun) -> Result<Outcome, IntakeError> {
    let now = engine.clock.now();
    let key = RunKey { repo: repository.id, run: run.id, attempt: run.attempt };
    if engine.store.seen(key).await?.is_some() {
        return Ok(Outcome::Known);
    }
    let refuse = |reason| SeenRun { key, branch: run.head_branch.clone(), sha: run.head_sha.clone(), remediation: None, refused: Some(reason) };
    let branch = match refusal(engine, repository, run) {
        Ok(branch) => branch,
        // It will be red or green later: nothing to remember yet.
        Err(Reason::NotFinished) => return Ok(Outcome::Refused(Reason::NotFinished)),
        Err(reason) => {
            engine.store.refuse(&refuse(reason), now).await?;
            return Ok(Outcome::Refused(reason));
        }
    };
    // A tag's run looks like a branch's: the forge knows the branch, or it is none.
    match engine.forge.branch(&repository.slug, &branch).await? {
        None => {
            engine.store.refuse(&refuse(Reason::BranchGone), now).await?;
            return Ok(Outcome::Refused(Reason::BranchGone));
        }
        Some(found) if found.head != run.head_sha => {
            engine.store.refuse(&refuse(Reason::HeadMoved), now).await?;
            return Ok(Outcome::Refused(Reason::HeadMoved));
        }
        Some(_) => {}
    }
    attach(engine, repository, run, branch, now).await
}

async fn attach(engine: &Engine, repository: &Repository, run: &WorkflowRun, branch: BranchName, now: DateTime<Utc>) -> Result<Outcome, IntakeError> {
    let owner = match engine.forge.commit_author(&repository.slug, &run.head_sha).await {
        Ok(author) => author.or_else(|| run.actor.clone()),
        Err(_) => run.actor.clone(),
    };
    let opening = Opening {
        key: RemediationKey { repo: repository.id, branch, sha: run.head_sha.clone(), generation: 0 },
        slug: repository.slug.clone(),
        default_branch: repository.default_branch.clone(),
        owner,
        dry_run: engine.rules.dry_run,
    };
    let attached = engine.store.attach(&opening, &attached_run(run), None, now, now).await?;
    engine.wake.notify_waiters();
    Ok(match attached {
        Attached::Opened(id) => {
            tracing::info!(remediation = %id, repository = %repository.slug, branch = %opening.key.branch, run = %run.id, "a branch is red");
            Outcome::Taken(id)
        }
        Attached::Joined(id) | Attached::Ended(id) => Outcome::Taken(id),
        Attached::Duplicate => Outcome::Known,
    })
}

/// What of a run is kept.
pub fn attached_run(run: &WorkflowRun) -> AttachedRun {
    AttachedRun {
        run: run.id,
        attempt: run.attempt,
        workflow: run.workflow.clone(),
        path: run.path.clone(),
        url: run.url.clone(),
        trigger: run.trigger.clone(),
        started_at: run.started_at,
    }
}
