//! Rollback: a person takes back what a remediation wrote outside. The pull request is closed and the fix branch deleted
//! where it is still at our commit; a fix that was merged is told how to take out, and is never pushed over.
//!
//! It is a person's act, so a pause does not stop it: who pauses because of an incident must be able to take back.
//! Done twice, it changes nothing.

use std::time::Duration;

use super::session::alert_text;
use super::{Engine, StageError};
use crate::domain::gate::{self, NotPermitted, Offer, Permit, Protection, SmallWrite};
use crate::domain::ids::{BranchName, CommitSha, RemediationId};
use crate::domain::remediation::{Event, Outside, Remediation};
use crate::domain::render::{self, escape};
use crate::ports::forge::{ForgeError, Pull, Repository};
use crate::ports::git::{DeleteOutcome, GitError};
use crate::ports::store::{Append, StoreError};

/// How often an append is tried while a worker moves the remediation on.
const TRIES: u32 = 20;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// What was ours outside is gone.
    Withdrawn,
    /// There was nothing of ours outside.
    Nothing,
    /// Dry-run: the steps are what would have been done.
    Recorded,
    /// The fix is part of the broken branch: it is taken out by a person's own pull request.
    ByHand {
        /// Why.
        why: String,
        /// What a person types, in order; safe for a shell as they stand. Empty where nothing can be said.
        commands: Vec<String>,
    },
}

/// A rollback.
#[derive(Debug, Clone)]
pub struct Rollback {
    /// What came of it.
    pub outcome: Outcome,
    /// What was done, in sentences.
    pub steps: Vec<String>,
    /// What was left alone, and why.
    pub left: Vec<String>,
    /// The remediation after it.
    pub state: Remediation,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// No such remediation.
    #[error("no remediation `{0}`; `regreen jobs list` names them")]
    Unknown(RemediationId),
    /// It may not be done.
    #[error("{0}")]
    Refused(String),
    /// The forge failed.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The repository can't be reached by git.
    #[error(transparent)]
    Stage(#[from] StageError),
}

/// What there is of ours outside.
struct Found {
    pull: Option<Pull>,
    branch: BranchName,
    /// Where the fix branch is now.
    head: Option<CommitSha>,
    /// The commit that we pushed to it, as far as it is known.
    ours: Option<CommitSha>,
}

/// Takes back what the remediation wrote. `by` and `reason` go into the audit.
pub async fn run(engine: &Engine, id: &RemediationId, by: &str, reason: &str) -> Result<Rollback, RollbackError> {
    let state = engine.store.load(id).await?.ok_or_else(|| RollbackError::Unknown(id.clone()))?;
    let repository = engine.forge.repository(&state.opening.slug).await?;
    if repository.id != state.opening.key.repo {
        return Err(RollbackError::Refused(format!("`{}` is another repository now: nothing there is ours", state.opening.slug)));
    }
    let found = look(engine, &state, &repository).await?;
    if let Some(pull) = found.pull.as_ref().filter(|pull| pull.merged) {
        let outcome = by_hand(engine, &state, &repository, pull).await?;
        if !engine.rules.dry_run {
            engine.store.audit(by, "rollback_asked", id.as_str(), reason, engine.clock.now()).await?;
        }
        return Ok(Rollback { outcome, steps: Vec::new(), left: Vec::new(), state });
    }
    if engine.rules.dry_run {
        let steps = plan(&state, &found);
        let outcome = if steps.is_empty() { Outcome::Nothing } else { Outcome::Recorded };
        return Ok(Rollback { outcome, steps, left: Vec::new(), state });
    }
    let permit = permit(engine, &state, &repository).await?;
    engine.store.audit(by, "rollback", id.as_str(), reason, engine.clock.now()).await?;
    let mut steps = Vec::new();
    // First of all the remediation ends, so that no worker writes anew what is taken back.
    let mut state = state;
    if !state.phase.is_end() {
        state = append(engine, id, |_| Event::Cancelled { by: by.to_owned(), why: escape::line(&format!("rolled back: {reason}"), 300) }).await?;
        steps.push("the remediation is cancelled".to_owned());
    }
    let mut left = Vec::new();
    let open = found.pull.as_ref().filter(|pull| pull.open);
    if open.is_some() || found.head.is_some() {
        let what = open.map_or_else(|| found.branch.to_string(), |pull| pull.number.to_string());
        append(engine, id, |_| Event::Intended { what: Outside::Withdraw, detail: what.clone() }).await?;
        if let Some(pull) = open {
            engine.forge.close_pull(&permit, &repository.slug, pull.number).await?;
            steps.push(format!("pull request #{} is closed", pull.number));
        }
        delete(engine, &permit, &repository, &found, &mut steps, &mut left).await?;
        state = append(engine, id, |_| Event::Done { what: Outside::Withdraw, detail: what.clone() }).await?;
    }
    if state.intents.iter().any(|what| matches!(what, Outside::PushBranch | Outside::OpenPull)) {
        left.push("a write was under way when this began; run the command once more in a minute to be sure".to_owned());
    }
    let outcome = if steps.is_empty() && left.is_empty() { Outcome::Nothing } else { Outcome::Withdrawn };
    Ok(Rollback { outcome, steps, left, state })
}

async fn look(engine: &Engine, state: &Remediation, repository: &Repository) -> Result<Found, RollbackError> {
    let key = &state.opening.key;
    let branch = state.branch.clone().unwrap_or_else(|| key.branch.fix_branch(&key.sha));
    let pull = match &state.pull {
        Some(record) => match engine.forge.pull(&repository.slug, record.number).await {
            Ok(pull) => Some(pull),
            Err(ForgeError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        },
        // A pull request that was opened and not recorded, after a crash, bears our marker.
        None if engine.forge.has_pulls() => {
            let marker = render::pull::marker(&state.id);
            let pulls = engine.forge.pulls(&repository.slug, Some(&branch), None, true).await?;
            pulls.into_iter().find(|pull| pull.body.contains(&marker) && pull.head_repo == Some(repository.id))
        }
        None => None,
    };
    let remote = engine.remote(repository).await?;
    let head = engine.git.remote_head(&remote, &branch).await?;
    let ours = match &state.commit {
        Some(commit) => Some(commit.clone()),
        None => pushed(engine, &state.id, head.as_ref()).await?,
    };
    Ok(Found { pull, branch, head, ours })
}

/// The commit of a push that was reported, or that was begun and is what stands there now.
async fn pushed(engine: &Engine, id: &RemediationId, head: Option<&CommitSha>) -> Result<Option<CommitSha>, RollbackError> {
    let events = engine.store.events(id).await?;
    let of = |event: &Event| match event {
        Event::Done { what: Outside::PushBranch, detail } => CommitSha::parse(detail).ok(),
        // The intent ends with the first digits of the commit.
        Event::Intended { what: Outside::PushBranch, detail } => {
            let short = detail.rsplit(' ').next().filter(|short| short.len() >= 12)?;
            head.filter(|head| head.as_str().starts_with(short)).cloned()
        }
        _ => None,
    };
    Ok(events.iter().rev().find_map(|stored| of(&stored.event)))
}

fn plan(state: &Remediation, found: &Found) -> Vec<String> {
    let mut steps = Vec::new();
    if !state.phase.is_end() {
        steps.push("cancel the remediation".to_owned());
    }
    if let Some(pull) = found.pull.as_ref().filter(|pull| pull.open) {
        steps.push(format!("close pull request #{}", pull.number));
    }
    match (&found.head, &found.ours) {
        (Some(head), Some(ours)) if head == ours => steps.push(format!("delete the branch {} at {}", found.branch, head.short())),
        (Some(head), _) => steps.push(format!("leave the branch {}: it is at {}, which is not our commit", found.branch, head.short())),
        (None, _) => {}
    }
    steps
}

/// The right to take back. The protection of the broken branch is asked afresh; where it is protected by now, or gone, the right shrinks to what is
/// our own: closing our pull request and deleting our branch changes nothing on it.
async fn permit(engine: &Engine, state: &Remediation, repository: &Repository) -> Result<Permit, RollbackError> {
    let branch = &state.opening.key.branch;
    let protection = match engine.forge.branch(&repository.slug, branch).await? {
        Some(found) => found.protection,
        None => Protection::Unknown("the branch is gone".into()),
    };
    let pattern = engine.rules.of(&repository.slug).protects(branch);
    let finding = gate::protected_branch(Offer::PullRequest, branch, &repository.default_branch, &protection, pattern);
    let asked = match gate::permit(SmallWrite::Rollback, engine.rules.dry_run, false, &finding) {
        Err(NotPermitted::Protected) => gate::permit(SmallWrite::OwnPull, engine.rules.dry_run, false, &finding),
        asked => asked,
    };
    asked.map_err(|why| RollbackError::Refused(why.to_string()))
}

async fn delete(
    engine: &Engine,
    permit: &Permit,
    repository: &Repository,
    found: &Found,
    steps: &mut Vec<String>,
    left: &mut Vec<String>,
) -> Result<(), RollbackError> {
    let (Some(head), branch) = (&found.head, &found.branch) else { return Ok(()) };
    let Some(ours) = &found.ours else {
        left.push(format!("the branch {branch} stays at {}: which commit on it is ours is not known", head.short()));
        return Ok(());
    };
    if engine.forge.has_pulls() {
        // A later generation of the same head writes to the same branch, and the same patch gives the same commit.
        let mine = found.pull.as_ref().map(|pull| pull.number);
        let others = engine.forge.pulls(&repository.slug, Some(branch), None, true).await?;
        if let Some(other) = others.iter().find(|pull| Some(pull.number) != mine) {
            left.push(format!("the branch {branch} stays: pull request #{} uses it", other.number));
            return Ok(());
        }
    }
    let remote = engine.remote(repository).await?;
    match engine.git.delete_branch(permit, &remote, branch, ours).await? {
        DeleteOutcome::Deleted => steps.push(format!("the branch {branch} is deleted (it was at {})", ours.short())),
        DeleteOutcome::Absent => {}
        DeleteOutcome::Moved { found } => {
            left.push(format!("the branch {branch} stays: somebody has pushed {} to it, and our commit was {}", found.short(), ours.short()));
        }
    }
    Ok(())
}

/// How a person takes out a fix that was merged. regreen never pushes to a teammate's branch, not to mend and not to take back.
async fn by_hand(engine: &Engine, state: &Remediation, repository: &Repository, pull: &Pull) -> Result<Outcome, RollbackError> {
    let base = &pull.base;
    if engine.forge.branch(&repository.slug, base).await?.is_none() {
        let why = format!("pull request #{} was merged into `{base}`, and that branch is gone: revert it where it was merged to", pull.number);
        return Ok(Outcome::ByHand { why, commands: Vec::new() });
    }
    let Some(merge) = pull.merge_sha.as_ref().or(state.commit.as_ref()) else {
        let why = format!("pull request #{} was merged into `{base}`, but the forge names no commit; use its Revert button", pull.number);
        return Ok(Outcome::ByHand { why, commands: Vec::new() });
    };
    let restore = format!("rollback/{}", state.id);
    let commands = vec![
        format!("git fetch origin {}", quoted(&base.to_ref())),
        format!("git switch -c {} FETCH_HEAD", quoted(&restore)),
        // A merge commit needs to be told which side stays; squashed and rebased fixes are one plain commit.
        format!("git revert --no-edit $(git rev-list --merges --no-walk {merge} | sed 's/.*/-m 1/') {merge}"),
        format!("git push -u origin {}", quoted(&restore)),
    ];
    let why = format!(
        "pull request #{} was merged into `{base}`, and regreen never pushes to a teammate's branch; in a clone, these commands take the fix out on a branch of its own: open a pull request from `{restore}` into `{base}`",
        pull.number
    );
    Ok(Outcome::ByHand { why, commands })
}

/// For a shell: nothing within leaves the quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Appends a person's event with the alert that follows from it; a worker that moves on meanwhile is waited for.
async fn append(engine: &Engine, id: &RemediationId, event: impl Fn(&Remediation) -> Event) -> Result<Remediation, RollbackError> {
    for _ in 0..TRIES {
        let state = engine.store.load(id).await?.ok_or_else(|| RollbackError::Unknown(id.clone()))?;
        let now = engine.clock.now();
        let event = event(&state);
        if state.phase.is_end() && matches!(event, Event::Cancelled { .. }) {
            return Ok(state);
        }
        let (after, _) = state.apply(&event, now).map_err(StoreError::from)?;
        let alert = (after.phase != state.phase).then(|| alert_text(engine, &after));
        let append = Append { remediation: id.clone(), epoch: None, expected_seq: state.seq, events: vec![event], alert, due: None };
        match engine.store.append(&append, now).await {
            Ok(appended) => return Ok(appended.remediation),
            Err(StoreError::Stale { .. }) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Unavailable(format!("`{id}` keeps changing; try again")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold() {
        assert_eq!(quoted("a/b"), "'a/b'");
        assert_eq!(quoted("a'; rm -rf ~; '"), r"'a'\''; rm -rf ~; '\'''");
    }
}
