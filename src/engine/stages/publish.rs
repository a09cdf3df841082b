//! Pr: the fix branch and the fix pull request. The plan is made first; the clearance decides which interpreter takes it.

use super::{clear, not_paused};
use crate::domain::gate::{Clearance, Cleared, SmallWrite, permit};
use crate::domain::ids::{BranchName, CommitSha, RemediationId};
use crate::domain::patch::Applied;
use crate::domain::remediation::{Effect, Event, Outside, PullRecord, Reason};
use crate::domain::render::{self, escape};
use crate::engine::session::{Next, Session, alert_text};
use crate::engine::{Engine, StageError, follow_up, rollback};
use crate::ports::forge::{NewPull, OpenedPull, Pull, Repository};
use crate::ports::git::{CommitMessage, CommitPlan, PushOutcome, Remote, Signature, TreeChange};
use crate::ports::store::{Append, Filter};

/// Everything that will be written, decided before the first write.
struct Plan {
    branch: BranchName,
    commit: CommitPlan,
    pull: NewPull,
    unproven: bool,
}

/// Writes, or records what would be written.
pub async fn run(engine: &Engine, session: &mut Session) -> Result<Next, StageError> {
    // Asked afresh, whatever the gate before said: the clearance is about this moment, and is never stored.
    let asked = match clear::ask(engine, session).await? {
        Ok(asked) => asked,
        Err(reason) => {
            rollback::leftovers(engine, session).await?;
            session.record(engine, vec![Event::Superseded { reason }]).await?;
            return Ok(Next::GoOn);
        }
    };
    let cleared = crate::domain::gate::clear(&asked.verdict, clear::subject(engine, session)?, engine.clock.now());
    let repository = session.repository(engine).await?;
    let remote = engine.remote(&repository).await?;
    let plan = plan(engine, session, &asked.applied)?;
    match cleared {
        Cleared::Real(clearance) => publish(engine, session, &repository, &remote, &clearance, plan).await,
        Cleared::Simulated(_) => {
            rollback::leftovers(engine, session).await?;
            record(engine, session, &remote, plan, &asked.approval).await
        }
        Cleared::Refused => {
            let why = asked.verdict.result().reason;
            Err(StageError::End(Reason::WriteRefused, format!("the gates refused it at the last moment: {why}")))
        }
    }
}

fn plan(engine: &Engine, session: &Session, applied: &Applied) -> Result<Plan, StageError> {
    let state = &session.state;
    let key = &state.opening.key;
    let rules = engine.rules.of(&state.opening.slug);
    let changes = applied
        .files
        .iter()
        .map(|change| TreeChange {
            path: change.path.clone(),
            content: change.after.as_ref().map(|after| after.bytes.clone()),
            executable: change.after.as_ref().map(|after| after.mode.octal() & 0o111 != 0),
        })
        .collect();
    let unproven = state.proof.as_ref().is_none_or(|proof| !proof.proved);
    let title = render::pull::title(state);
    Ok(Plan {
        branch: key.branch.fix_branch(&key.sha),
        commit: CommitPlan {
            base: key.sha.clone(),
            changes,
            message: CommitMessage { title: title.clone(), body: render::pull::commit_body(state), trailers: render::pull::trailers(state) },
            author: Signature { name: engine.rules.bot_name.clone(), email: engine.rules.bot_email.clone(), time: state.commit_time() },
            sign_off: rules.sign_off,
        },
        pull: NewPull {
            head: key.branch.fix_branch(&key.sha),
            base: key.branch.clone(),
            title,
            body: render::pull::body(state, unproven),
            draft: true,
            labels: if unproven { vec!["unproven".into()] } else { Vec::new() },
        },
        unproven,
    })
}

/// The recording interpreter: the same plan, and nothing leaves the house.
async fn record(engine: &Engine, session: &mut Session, remote: &Remote, plan: Plan, approval: &[String]) -> Result<Next, StageError> {
    let commit = engine.git.commit(remote, &plan.commit).await?;
    let mut writes: Vec<String> = approval.iter().take(12).map(|why| format!("ask a person first: {}", escape::line(why, 200))).collect();
    if !engine.forge.has_pulls() {
        writes.push(format!("make the branch {} at {} in this clone", plan.branch, commit.short()));
        session.record(engine, vec![Event::Recorded { branch: plan.branch, writes }]).await?;
        return Ok(Next::GoOn);
    }
    writes.extend([
        format!("git push origin {}:refs/heads/{}", commit.short(), plan.branch),
        format!("open a draft pull request `{}` from `{}` into `{}`", plan.pull.title, plan.pull.head, plan.pull.base),
    ]);
    writes.extend(plan.pull.labels.iter().map(|label| format!("label it `{label}`")));
    writes.push(format!("comment on commit {}", session.state.opening.key.sha.short()));
    session.record(engine, vec![Event::Recorded { branch: plan.branch, writes }]).await?;
    Ok(Next::GoOn)
}

async fn publish(
    engine: &Engine,
    session: &mut Session,
    repository: &Repository,
    remote: &Remote,
    clearance: &Clearance,
    mut plan: Plan,
) -> Result<Next, StageError> {
    let subject = clear::subject(engine, session)?;
    let covered = |engine: &Engine| clearance.covers(&subject, engine.clock.now()).map_err(|why| StageError::Outside(why.to_string(), None));
    let commit = engine.git.commit(remote, &plan.commit).await?;

    // One open fix for a broken branch: an older head's is withdrawn first.
    withdraw_older(engine, session, repository, &plan.branch).await?;

    not_paused(engine, &repository.slug).await?;
    covered(engine)?;
    session.intend(engine, Outside::PushBranch, format!("{} at {}", plan.branch, commit.short())).await?;
    let mut pushed = engine.git.push_new(clearance, remote, &plan.branch, &commit).await?;
    if let PushOutcome::Conflict { found } = &pushed
        && (written_commit(engine, session, &plan.branch).await?.as_ref() == Some(found)
            || rollback::pushed(engine, &session.state.id, Some(found)).await?.as_ref() == Some(found))
    {
        // An earlier try at the same head (a person's `retry`, or our own before a crash) left its branch: it gives way, with its pull request.
        let permit = own_permit(engine, repository, SmallWrite::OwnPull).await?;
        engine.git.delete_branch(&permit, remote, &plan.branch, found).await?;
        pushed = engine.git.push_new(clearance, remote, &plan.branch, &commit).await?;
    }
    match pushed {
        PushOutcome::Created | PushOutcome::AlreadyThere => {}
        PushOutcome::Conflict { found } => {
            return Err(StageError::End(Reason::WriteRefused, format!("the branch `{}` exists already at {}", plan.branch, found.short())));
        }
    }
    session.done(engine, Outside::PushBranch, commit.to_string()).await?;
    if !engine.forge.has_pulls() {
        return published(engine, session, Event::Published { branch: plan.branch, commit, pull: None, unproven: plan.unproven }).await;
    }

    let pull = match find(engine, session, repository, &plan.branch).await? {
        Some(found) => found,
        None => {
            not_paused(engine, &repository.slug).await?;
            covered(engine)?;
            session.intend(engine, Outside::OpenPull, plan.branch.to_string()).await?;
            match open(engine, session, repository, clearance, &mut plan).await {
                Ok(pull) => pull,
                // The forge may have opened it and lost the answer, or shown its list late.
                Err(error) => match find(engine, session, repository, &plan.branch).await? {
                    Some(found) => found,
                    None => return Err(error),
                },
            }
        }
    };
    session.done(engine, Outside::OpenPull, pull.number.to_string()).await?;
    let record = PullRecord { number: pull.number, url: pull.url, base: pull.base, head: pull.head, draft: pull.draft, node_id: pull.node_id };
    label(engine, session, repository, &record, &plan.pull.labels).await?;
    comment(engine, session, repository, &record).await?;
    published(engine, session, Event::Published { branch: plan.branch, commit, pull: Some(record), unproven: plan.unproven }).await
}

/// Writes the publication down. A withdrawal of an earlier try that was begun and not reported ends with it: left open, a person's closing of the new
/// pull request would be taken for ours.
async fn published(engine: &Engine, session: &mut Session, event: Event) -> Result<Next, StageError> {
    let mut events = Vec::new();
    if session.state.intents.contains(&Outside::Withdraw) {
        events.push(Event::Done { what: Outside::Withdraw, detail: "an earlier try".into() });
    }
    events.push(event);
    session.record(engine, events).await?;
    Ok(Next::GoOn)
}

/// Our pull request of this remediation, found by its branch and marker.
async fn find(engine: &Engine, session: &Session, repository: &Repository, branch: &BranchName) -> Result<Option<Pull>, StageError> {
    let marker = render::pull::marker(&session.state.id);
    let base = &session.state.opening.key.branch;
    let pulls = engine.forge.pulls(&repository.slug, Some(branch), Some(base), true).await?;
    Ok(pulls.into_iter().find(|pull| pull.body.contains(&marker)))
}

async fn open(engine: &Engine, session: &Session, repository: &Repository, clearance: &Clearance, plan: &mut Plan) -> Result<Pull, StageError> {
    match engine.forge.open_pull(clearance, &repository.slug, &plan.pull).await? {
        OpenedPull::Opened(pull) => Ok(*pull),
        OpenedPull::Refused(why) => Err(StageError::End(Reason::WriteRefused, format!("the pull request was refused: {why}"))),
        OpenedPull::DraftRefused if engine.rules.of(&repository.slug).unproven_pulls => {
            plan.pull.draft = false;
            plan.pull.labels = vec!["unproven".into()];
            plan.pull.body = render::pull::body(&session.state, true);
            match engine.forge.open_pull(clearance, &repository.slug, &plan.pull).await? {
                OpenedPull::Opened(pull) => Ok(*pull),
                OpenedPull::DraftRefused => Err(StageError::End(Reason::WriteRefused, "an ordinary pull request was refused as a draft".into())),
                OpenedPull::Refused(why) => Err(StageError::End(Reason::WriteRefused, format!("the pull request was refused: {why}"))),
            }
        }
        OpenedPull::DraftRefused => Err(StageError::End(
            Reason::WriteRefused,
            "the plan takes no draft pull requests; set `unproven_pulls = true` for the repository to open ordinary ones".into(),
        )),
    }
}

async fn label(engine: &Engine, session: &mut Session, repository: &Repository, pull: &PullRecord, labels: &[String]) -> Result<(), StageError> {
    if labels.is_empty() {
        return Ok(());
    }
    let permit = own_permit(engine, repository, SmallWrite::OwnPull).await?;
    session.intend(engine, Outside::Label, labels.join(", ")).await?;
    // Adding a label that is there changes nothing, so it needs no look.
    if let Err(error) = engine.forge.add_labels(&permit, &repository.slug, pull.number, labels).await {
        if error.is_transient() {
            return Err(error.into());
        }
        tracing::warn!(remediation = %session.state.id, %error, "not labelled");
    }
    session.done(engine, Outside::Label, labels.join(", ")).await
}

async fn comment(engine: &Engine, session: &mut Session, repository: &Repository, pull: &PullRecord) -> Result<(), StageError> {
    let sha: CommitSha = session.state.opening.key.sha.clone();
    let marker = render::pull::marker(&session.state.id);
    let permit = own_permit(engine, repository, SmallWrite::Comment).await?;
    session.intend(engine, Outside::Comment, sha.short()).await?;
    let there = engine.forge.commit_comments(&repository.slug, &sha).await?.iter().any(|(_, body)| body.contains(&marker));
    if !there {
        let mut state = session.state.clone();
        state.pull = Some(pull.clone());
        if let Err(error) = engine.forge.comment_on_commit(&permit, &repository.slug, &sha, &render::pull::commit_comment(&state)).await {
            if error.is_transient() {
                return Err(error.into());
            }
            // The pull request says it all; a token without this permission still does its work.
            tracing::warn!(remediation = %session.state.id, %error, "the commit was not commented");
        }
    }
    session.done(engine, Outside::Comment, sha.short()).await
}

/// The right to one small write on what is our own.
pub async fn own_permit(engine: &Engine, repository: &Repository, what: SmallWrite) -> Result<crate::domain::gate::Permit, StageError> {
    not_paused(engine, &repository.slug).await?;
    let none = crate::domain::gate::dry_run(false);
    permit(what, engine.rules.dry_run, false, &none).map_err(|why| StageError::Outside(why.to_string(), None))
}

/// The commit that an earlier remediation of this branch wrote to a fix branch.
async fn written_commit(engine: &Engine, session: &Session, fix: &BranchName) -> Result<Option<CommitSha>, StageError> {
    let key = &session.state.opening.key;
    let filter = Filter { repo: Some(key.repo), branch: Some(key.branch.clone()), ..Filter::default() };
    let others = engine.store.list(&filter).await?;
    Ok(others.into_iter().find(|other| other.id != session.state.id && other.branch.as_ref() == Some(fix)).and_then(|other| other.commit))
}

/// The earlier remediation that a fix branch belongs to, while it is being watched.
async fn watched(engine: &Engine, session: &Session, fix: &BranchName) -> Result<Option<RemediationId>, StageError> {
    let key = &session.state.opening.key;
    let filter = Filter { repo: Some(key.repo), branch: Some(key.branch.clone()), ..Filter::default() };
    let others = engine.store.list(&filter).await?;
    Ok(others.into_iter().find(|older| older.id != session.state.id && !older.phase.is_end() && older.branch.as_ref() == Some(fix)).map(|older| older.id))
}

/// Writes into another remediation's chain; nothing where it has ended meanwhile.
async fn note(engine: &Engine, id: &RemediationId, events: &[Event]) -> Result<(), StageError> {
    let Some(state) = engine.store.load(id).await?.filter(|state| !state.phase.is_end()) else { return Ok(()) };
    let now = engine.clock.now();
    let (mut after, mut tell) = (state.clone(), false);
    for event in events {
        let (next, effects) = after.apply(event, now).map_err(|illegal| StageError::Store(illegal.into()))?;
        after = next;
        tell |= effects.contains(&Effect::Alert);
    }
    let alert = tell.then(|| alert_text(&engine.rules, &after));
    let append = Append { remediation: id.clone(), epoch: None, expected_seq: state.seq, events: events.to_vec(), alert, due: None };
    engine.store.append(&append, now).await?;
    Ok(())
}

/// Closes fix pull requests of older heads of the same branch.
async fn withdraw_older(engine: &Engine, session: &mut Session, repository: &Repository, branch: &BranchName) -> Result<(), StageError> {
    if !engine.forge.has_pulls() {
        return Ok(());
    }
    let base = session.state.opening.key.branch.clone();
    for pull in engine.forge.pulls(&repository.slug, None, Some(&base), true).await? {
        let ours = pull.head.is_ours() && pull.head_repo == Some(repository.id) && pull.body.contains("<!-- regreen:");
        if ours && pull.head != *branch {
            let written = written_commit(engine, session, &pull.head).await?;
            // The one that watches it is told first: it takes our closing for no person's answer, and goes on with it after a crash of ours.
            let older = watched(engine, session, &pull.head).await?;
            if let Some(older) = &older {
                note(engine, older, &[Event::Intended { what: Outside::Withdraw, detail: pull.number.to_string() }]).await?;
            }
            follow_up::withdraw(engine, session, repository, pull.number, &pull.head, written.as_ref()).await?;
            if let Some(older) = &older {
                note(engine, older, &[follow_up::withdrawn(pull.number), Event::Superseded { reason: Reason::HeadMoved }]).await?;
            }
            session.record(engine, vec![follow_up::withdrawn(pull.number)]).await?;
        }
    }
    Ok(())
}
