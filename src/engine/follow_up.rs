//! Feedback: the open pull request is watched until people, or its own CI, have spoken.

use std::time::Duration;

use crate::domain::gate::SmallWrite;
use crate::domain::ids::{BranchName, CommitSha, PullNumber};
use crate::domain::remediation::{Event, Outside, PullRecord, Reason};
use crate::domain::render;
use crate::domain::rules::Autonomy;
use crate::engine::session::{Next, Session};
use crate::engine::stages::opted_out;
use crate::engine::stages::publish::own_permit;
use crate::engine::worker::later;
use crate::engine::{Engine, StageError, evidence, intake};
use crate::ports::forge::{CommitCheck, Conclusion, ForgeError, Pull, Repository};
use crate::ports::git::GitError;

/// How the originally failing jobs stand on the pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ci {
    /// At least one did not run, and nothing is on its way.
    Silent,
    /// At least one is running, or waits.
    Running,
    /// All passed.
    Green,
    /// At least one failed.
    Red,
}

/// Looks once.
pub async fn run(engine: &Engine, session: &mut Session) -> Result<Next, StageError> {
    let Some(record) = session.state.pull.clone() else {
        // A local clone, or dry-run: there is nothing outside to wait for.
        let reason = if session.state.recorded.is_empty() { Reason::BranchLeft } else { Reason::DryRun };
        session.record(engine, vec![Event::Completed { reason }]).await?;
        return Ok(Next::GoOn);
    };
    let repository = session.repository(engine).await?;
    let pull = engine.forge.pull(&repository.slug, record.number).await?;
    // Closed by ourselves, and killed before it was written down: then it is no person's answer.
    let own = session.state.intents.contains(&Outside::Withdraw) && !pull.merged && !pull.open;
    if let Some(event) = ended(&pull).filter(|_| !own) {
        session.record(engine, vec![event]).await?;
        return Ok(Next::GoOn);
    }
    // Reading goes on under a pause and under dry-run; what would be written waits, and is no failure.
    if engine.rules.dry_run || engine.store.paused(&repository.slug).await?.is_some() {
        return Ok(later(engine.clock.now(), engine.rules.timing.follow));
    }
    let key = session.state.opening.key.clone();
    // A base that was deleted can be retargeted by the forge, even onto `main`: then it is ours no more.
    let moved = match engine.forge.branch(&repository.slug, &key.branch).await? {
        _ if pull.base != key.branch => Some(Reason::BranchGone),
        None => Some(Reason::BranchGone),
        Some(branch) if branch.head != key.sha => Some(Reason::HeadMoved),
        Some(_) => None,
    };
    if let Some(reason) = moved {
        let ours = session.state.commit.clone();
        if taken_over(session, &pull) {
            // People build on it: whether it is still wanted is theirs to say.
            session.record(engine, vec![Event::Superseded { reason }]).await?;
            return Ok(Next::GoOn);
        }
        withdraw(engine, session, &repository, pull.number, &pull.head, ours.as_ref()).await?;
        session.record(engine, vec![withdrawn(pull.number), Event::Superseded { reason }]).await?;
        return Ok(Next::GoOn);
    }

    if own {
        return red(engine, session, &repository, &pull).await;
    }

    let now = engine.clock.now();
    let waited = session.state.published_at.map_or(Duration::ZERO, |at| (now - at).to_std().unwrap_or_default());
    let checks = checks(engine, &repository, &pull.head_sha).await?;
    let ci = ci(session, &checks);
    // Before anything is written, and only then: the label is one more request.
    let writes = matches!(ci, Ci::Green | Ci::Red) || (ci == Ci::Silent && waited >= engine.rules.timing.ci_wait);
    let left_alone = writes && opted_out(engine, &repository, &session.state).await?.is_some();
    match ci {
        _ if left_alone => {}
        Ci::Green => ready(engine, session, &repository, &record, &pull).await?,
        Ci::Red if taken_over(session, &pull) => {}
        Ci::Red => return red(engine, session, &repository, &pull).await,
        Ci::Silent if waited >= engine.rules.timing.ci_wait => {
            if session.state.reason != Some(Reason::CiNotTriggered) {
                tell(engine, session, &repository, &record, Reason::CiNotTriggered).await?;
                session.record(engine, vec![Event::PullSeen { reason: Reason::CiNotTriggered, draft: pull.draft }]).await?;
            }
        }
        Ci::Silent | Ci::Running => {
            let draft_refused = !record.draft && session.state.reason == Some(Reason::CiPending);
            if draft_refused {
                session.record(engine, vec![Event::PullSeen { reason: Reason::DraftRefused, draft: false }]).await?;
            }
        }
    }
    // The older it is, the rarer it is looked at.
    let follow = engine.rules.timing.follow;
    let wait = match waited.as_secs() {
        0..1800 => follow,
        1800..14_400 => follow * 4,
        _ => follow * 20,
    };
    Ok(later(now, wait))
}

/// The checks of a commit. A token that may not read checks (fine-grained ones can't) may still read workflow runs, whose jobs are the same.
async fn checks(engine: &Engine, repository: &Repository, sha: &CommitSha) -> Result<Vec<CommitCheck>, StageError> {
    match engine.forge.checks(&repository.slug, sha).await {
        Ok(checks) => return Ok(checks),
        Err(ForgeError::Forbidden { .. } | ForgeError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let mut checks = Vec::new();
    for run in engine.forge.runs_of(&repository.slug, sha).await? {
        let jobs = engine.forge.jobs(&repository.slug, run.id, run.attempt).await?;
        checks.extend(jobs.into_iter().map(|job| CommitCheck { name: job.name, conclusion: job.conclusion, url: job.url }));
    }
    Ok(checks)
}

fn ended(pull: &Pull) -> Option<Event> {
    match (pull.merged, pull.open) {
        (true, _) => Some(Event::Completed { reason: Reason::Merged }),
        (false, false) => Some(Event::Completed { reason: Reason::Closed }),
        (false, true) => None,
    }
}

/// Whether people have pushed to the fix branch: from then on it is theirs, and its CI speaks of their commits.
fn taken_over(session: &Session, pull: &Pull) -> bool {
    session.state.commit.as_ref().is_some_and(|ours| pull.head_sha != *ours)
}

/// The originally failing jobs among the checks of the pull request's head. Of several checks with one name (the push's and the pull request's) the
/// reddest counts; one that was skipped or cancelled says nothing.
fn ci(session: &Session, checks: &[CommitCheck]) -> Ci {
    let mut jobs: Vec<&str> = session.state.diagnosis.iter().flat_map(|diagnosis| diagnosis.steps.iter().map(|step| step.job.as_str())).collect();
    jobs.sort_unstable();
    jobs.dedup();
    let mine: Vec<&CommitCheck> =
        if jobs.is_empty() { checks.iter().collect() } else { checks.iter().filter(|check| jobs.contains(&check.name.as_str())).collect() };
    if mine.iter().any(|check| check.conclusion.is_some_and(Conclusion::is_red)) {
        return Ci::Red;
    }
    if mine.iter().any(|check| check.conclusion.is_none()) {
        return Ci::Running;
    }
    let green = |name: &str| mine.iter().any(|check| check.name == name && check.conclusion == Some(Conclusion::Success));
    let all_green = if jobs.is_empty() { mine.iter().any(|check| green(&check.name)) } else { jobs.iter().all(|job| green(job)) };
    match all_green {
        true => Ci::Green,
        // Others run: the failing one may still come.
        false if checks.iter().any(|check| check.conclusion.is_none()) => Ci::Running,
        // Nothing more is on its way: what is missing was not triggered, or was skipped.
        false => Ci::Silent,
    }
}

async fn ready(engine: &Engine, session: &mut Session, repository: &Repository, record: &PullRecord, pull: &Pull) -> Result<(), StageError> {
    if session.state.reason == Some(Reason::ReadyForReview) {
        return Ok(());
    }
    let mut draft = pull.draft;
    if draft && engine.rules.of(&repository.slug).autonomy == Autonomy::Ready {
        let permit = own_permit(engine, repository, SmallWrite::OwnPull).await?;
        session.intend(engine, Outside::MarkReady, record.number.to_string()).await?;
        match engine.forge.mark_ready(&permit, &record.node_id).await {
            Ok(()) => draft = false,
            Err(error) if error.is_transient() => return Err(error.into()),
            // The token may not, or a person has closed it meanwhile: it stays a draft, and goes on being watched.
            Err(error) => tracing::warn!(remediation = %session.state.id, %error, "the pull request was not marked ready"),
        }
        session.done(engine, Outside::MarkReady, record.number.to_string()).await?;
    }
    tell(engine, session, repository, record, Reason::ReadyForReview).await?;
    session.record(engine, vec![Event::PullSeen { reason: Reason::ReadyForReview, draft }]).await
}

/// Says in the pull request's own text how it stands. The same text twice changes nothing, so it needs no look.
async fn tell(engine: &Engine, session: &Session, repository: &Repository, record: &PullRecord, reason: Reason) -> Result<(), StageError> {
    let mut state = session.state.clone();
    state.reason = Some(reason);
    let unproven = state.proof.as_ref().is_none_or(|proof| !proof.proved);
    let permit = own_permit(engine, repository, SmallWrite::OwnPull).await?;
    match engine.forge.edit_pull(&permit, &repository.slug, record.number, None, &render::pull::body(&state, unproven)).await {
        Ok(()) => Ok(()),
        Err(error) if error.is_transient() => Err(error.into()),
        // A person may have locked it; the channel is told all the same.
        Err(error) => {
            tracing::warn!(remediation = %state.id, %error, "the pull request's text was not updated");
            Ok(())
        }
    }
}

/// The pull request's own CI is red: it is withdrawn, and its log goes into the next attempt.
async fn red(engine: &Engine, session: &mut Session, repository: &Repository, pull: &Pull) -> Result<Next, StageError> {
    let runs: Vec<_> = engine.forge.runs_of(&repository.slug, &pull.head_sha).await?;
    let failed: Vec<_> = runs.iter().filter(|run| run.conclusion.is_some_and(Conclusion::is_red)).map(intake::attached_run).collect();
    let read = evidence::read(engine, &repository.slug, &failed).await?;
    let told = read.diagnosis.map_or_else(|| "no log could be read".to_owned(), |diagnosis| diagnosis.excerpt);
    let evidence = format!("The last patch was pushed, and the pull request's own CI is red:\n{told}");
    if session.state.attempts >= engine.rules.of(&repository.slug).attempts {
        // It stays a draft for people to look at.
        session.record(engine, vec![Event::Failed { reason: Reason::CiRed, detail: format!("pull request {} stays a draft", pull.number) }]).await?;
        return Ok(Next::GoOn);
    }
    let ours = session.state.commit.clone();
    withdraw(engine, session, repository, pull.number, &pull.head, ours.as_ref()).await?;
    session.record(engine, vec![withdrawn(pull.number), Event::CiRed { evidence }]).await?;
    Ok(Next::GoOn)
}

/// Deletes the branch of our own pull request if it is at the commit that we wrote, and closes it. Done twice, it changes nothing.
pub async fn withdraw(
    engine: &Engine,
    session: &mut Session,
    repository: &Repository,
    number: PullNumber,
    branch: &BranchName,
    ours: Option<&CommitSha>,
) -> Result<(), StageError> {
    let permit = own_permit(engine, repository, SmallWrite::OwnPull).await?;
    session.intend(engine, Outside::Withdraw, number.to_string()).await?;
    // The branch first: an open pull request is what a repeated step finds it by. A commit that somebody added to our branch is not ours to
    // delete: then it stays.
    if let (true, Some(ours)) = (branch.is_ours(), ours) {
        let remote = engine.remote(repository).await?;
        match engine.git.delete_branch(&permit, &remote, branch, ours).await {
            // A rule of the repository keeps branches: the pull request is closed all the same.
            Err(GitError::Rejected { reason, .. }) => tracing::warn!(remediation = %session.state.id, %branch, %reason, "the fix branch can't be deleted"),
            other => {
                other?;
            }
        }
    }
    engine.forge.close_pull(&permit, &repository.slug, number).await?;
    Ok(())
}

/// The report of a withdrawal: written together with what it was done for, so that a crash in between is told from a person's closing.
pub fn withdrawn(number: PullNumber) -> Event {
    Event::Done { what: Outside::Withdraw, detail: number.to_string() }
}
