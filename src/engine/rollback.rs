//! Rollback: a person takes back what a remediation wrote outside. The pull request is closed and the fix branch deleted
//! where it is still at our commit; a fix that was merged is told how to take out, and is never pushed over.
//!
//! It is a person's act, so a pause does not stop it: who pauses because of an incident must be able to take back.
//! Done twice, it changes nothing.

use super::acts::ActError;
use super::session::Session;
use super::stages::publish::own_permit;
use super::{Engine, StageError};
use crate::domain::gate::{self, NotPermitted, Offer, Permit, Protection, SmallWrite};
use crate::domain::ids::{BranchName, CommitSha, RemediationId};
use crate::domain::remediation::{Event, Outside, Remediation};
use crate::domain::render::{self, escape};
use crate::ports::forge::{ForgeError, Pull, Repository};
use crate::ports::git::{DeleteOutcome, GitError};
use crate::ports::store::StoreError;

/// Who takes back where no person does.
pub const OURSELVES: &str = "regreen";

/// After so long no write that was begun is still on its way: a push is given five minutes.
const LANDED: chrono::Duration = chrono::Duration::minutes(15);

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

impl Rollback {
    /// As programs read it.
    pub fn json(&self, by: &str) -> serde_json::Value {
        let (outcome, why, commands) = self.parts();
        serde_json::json!({
            "remediation": self.state.id, "outcome": outcome, "phase": self.state.phase, "steps": self.steps, "left": self.left, "why": why,
            "commands": commands, "by": by,
        })
    }

    /// The outcome's name, why it was so, and what a person types.
    pub fn parts(&self) -> (&'static str, &str, &[String]) {
        match &self.outcome {
            Outcome::Withdrawn => ("withdrawn", "", &[]),
            Outcome::Nothing => ("nothing", "nothing of it is outside", &[]),
            Outcome::Recorded => ("dry_run", "", &[]),
            Outcome::ByHand { why, commands } => ("by_hand", why, commands),
        }
    }
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
    /// It could not be written down.
    #[error(transparent)]
    Act(ActError),
}

impl From<ActError> for RollbackError {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Unknown(id) => RollbackError::Unknown(id),
            ActError::Store(error) => RollbackError::Store(error),
            other => RollbackError::Act(other),
        }
    }
}

impl From<RollbackError> for StageError {
    fn from(error: RollbackError) -> Self {
        match error {
            RollbackError::Forge(error) => error.into(),
            RollbackError::Git(error) => error.into(),
            RollbackError::Store(error) => error.into(),
            RollbackError::Stage(error) => error,
            other @ (RollbackError::Unknown(_) | RollbackError::Refused(_) | RollbackError::Act(_)) => {
                StageError::End(crate::domain::remediation::Reason::WriteRefused, other.to_string())
            }
        }
    }
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

impl Found {
    /// Whether anything stands there.
    fn is_outside(&self) -> bool {
        self.pull.as_ref().is_some_and(|pull| pull.open) || self.head.is_some()
    }

    /// What stands there: the pull request's number, else the branch.
    fn name(&self) -> String {
        self.pull.as_ref().filter(|pull| pull.open).map_or_else(|| self.branch.to_string(), |pull| pull.number.to_string())
    }
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
        let mut state = state;
        if !engine.rules.dry_run {
            if by != OURSELVES {
                engine.store.audit(by, "rollback_asked", id.as_str(), reason, engine.clock.now()).await?;
            }
            state = settle(engine, state).await?;
        }
        return Ok(Rollback { outcome, steps: Vec::new(), left: Vec::new(), state });
    }
    if engine.rules.dry_run {
        let steps = plan(&state, &found);
        let outcome = if steps.is_empty() { Outcome::Nothing } else { Outcome::Recorded };
        return Ok(Rollback { outcome, steps, left: Vec::new(), state });
    }
    let permit = permit(engine, &state, &repository).await?;
    // A person's act is audited; our own making up for it is in the remediation's events, and may take several tries.
    if by != OURSELVES {
        engine.store.audit(by, "rollback", id.as_str(), reason, engine.clock.now()).await?;
    }
    let (mut state, mut found) = (state, found);
    let (mut steps, mut left) = (Vec::new(), Vec::new());
    if !state.phase.is_end() {
        // First of all the remediation ends, so that no worker writes anew what is taken back; what was written up to then is looked for afresh.
        let why = escape::line(&format!("rolled back: {reason}"), 300);
        let desk = engine.desk();
        let wrote = found.is_outside() || desk.wrote(id).await?;
        let cancelled = Event::Cancelled { by: by.to_owned(), why };
        let end = |state: &Remediation| if state.phase.is_end() { Vec::new() } else { desk.ending(state, wrote, cancelled.clone()) };
        state = desk.append(id, |state| Ok(end(state))).await?;
        steps.push("the remediation is cancelled".to_owned());
        found = look(engine, &state, &repository).await?;
        if let Some(pull) = found.pull.as_ref().filter(|pull| pull.merged) {
            let outcome = by_hand(engine, &state, &repository, pull).await?;
            let state = settle(engine, state).await?;
            return Ok(Rollback { outcome, steps, left, state });
        }
    }
    let begun = state.intents.contains(&Outside::Withdraw);
    // A write that was begun and not reported may land after our look: for a while it is owed to look again.
    let under_way = state.intents.iter().any(|what| matches!(what, Outside::PushBranch | Outside::OpenPull)) && engine.clock.now() - state.updated_at < LANDED;
    if begun || found.is_outside() {
        let (desk, what) = (engine.desk(), found.name());
        if !begun {
            state = desk.append(id, |_| Ok(vec![Event::Intended { what: Outside::Withdraw, detail: what.clone() }])).await?;
        }
        take_back(engine, &permit, &repository, &found, &mut steps, &mut left).await?;
        if found.is_outside() || !under_way {
            state = desk.append(id, |_| Ok(vec![Event::Done { what: Outside::Withdraw, detail: what.clone() }])).await?;
        }
    }
    if under_way && !found.is_outside() {
        left.push("a write was under way when this began; it is looked for again in a few minutes by `serve`, or by this command".to_owned());
    }
    let outcome = if steps.is_empty() && left.is_empty() { Outcome::Nothing } else { Outcome::Withdrawn };
    Ok(Rollback { outcome, steps, left, state })
}

/// A withdrawal that is owed and can't be paid any more is written off: what was merged is taken out by a person.
pub(super) async fn settle(engine: &Engine, state: Remediation) -> Result<Remediation, RollbackError> {
    if !state.intents.contains(&Outside::Withdraw) {
        return Ok(state);
    }
    let done = |state: &Remediation| {
        let owed = state.intents.contains(&Outside::Withdraw);
        Ok(if owed { vec![Event::Done { what: Outside::Withdraw, detail: "there is nothing left to take back by us".into() }] } else { Vec::new() })
    };
    Ok(engine.desk().append(&state.id, done).await?)
}

/// Takes back what a try of the phase `pr` wrote and did not get to report as published: before the remediation ends in any other way, so that
/// nothing of ours is left that nobody watches. Done twice, it changes nothing.
///
/// # Errors
/// [`StageError`], as of any stage.
pub async fn leftovers(engine: &Engine, session: &mut Session) -> Result<(), StageError> {
    let id = session.state.id.clone();
    let events = engine.store.events(&id).await?;
    let settled = |event: &Event| matches!(event, Event::Published { .. } | Event::CiRed { .. } | Event::Recorded { .. });
    let since = events.iter().rposition(|stored| settled(&stored.event)).map_or(0, |at| at + 1);
    let began = |event: &Event| matches!(event, Event::Intended { what: Outside::PushBranch | Outside::OpenPull, .. });
    if !events.iter().skip(since).any(|stored| began(&stored.event)) {
        return Ok(());
    }
    if engine.rules.dry_run {
        tracing::warn!(remediation = %id, "an earlier try, without dry-run, may have left a branch or a pull request; `regreen rollback {id}` takes it back");
        return Ok(());
    }
    let repository = session.repository(engine).await?;
    let found = look(engine, &session.state, &repository).await?;
    if !found.is_outside() || found.pull.as_ref().is_some_and(|pull| pull.merged) {
        return Ok(());
    }
    let permit = own_permit(engine, &repository, SmallWrite::OwnPull).await?;
    session.intend(engine, Outside::Withdraw, found.name()).await?;
    let (mut steps, mut left) = (Vec::new(), Vec::new());
    take_back(engine, &permit, &repository, &found, &mut steps, &mut left).await?;
    tracing::info!(remediation = %id, steps = steps.join("; "), left = left.join("; "), "what was not published in the end is taken back");
    session.done(engine, Outside::Withdraw, found.name()).await
}

/// The branch first: an open pull request is what a repeated step would find it by.
async fn take_back(
    engine: &Engine,
    permit: &Permit,
    repository: &Repository,
    found: &Found,
    steps: &mut Vec<String>,
    left: &mut Vec<String>,
) -> Result<(), RollbackError> {
    delete(engine, permit, repository, found, steps, left).await?;
    if let Some(pull) = found.pull.as_ref().filter(|pull| pull.open) {
        engine.forge.close_pull(permit, &repository.slug, pull.number).await?;
        steps.push(format!("pull request #{} is closed", pull.number));
    }
    Ok(())
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

/// The commit of our push that was reported, or that was begun and is what stands there now.
///
/// # Errors
/// The store's.
pub async fn pushed(engine: &Engine, id: &RemediationId, head: Option<&CommitSha>) -> Result<Option<CommitSha>, StoreError> {
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
    let deleted = match engine.git.delete_branch(permit, &remote, branch, ours).await {
        // A rule of the repository keeps branches: the pull request is closed all the same.
        Err(GitError::Rejected { reason, .. }) => {
            left.push(format!("the branch {branch} stays: the forge does not let it be deleted ({})", escape::line(&reason, 200)));
            return Ok(());
        }
        other => other?,
    };
    match deleted {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold() {
        assert_eq!(quoted("a/b"), "'a/b'");
        assert_eq!(quoted("a'; rm -rf ~; '"), r"'a'\''; rm -rf ~; '\'''");
    }
}
