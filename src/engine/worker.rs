//! Claims, heartbeats, stages: one remediation at a time for each worker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::session::{Next, Session};
use super::stages;
use super::{Engine, StageError, acts, follow_up, rollback};
use crate::domain::ids::RemediationId;
use crate::domain::remediation::{Event, Outside, Phase, Reason, Remediation};
use crate::domain::render::escape;
use crate::ports::store::{Claim, StoreError};

/// How long an idle worker sleeps when nothing wakes it.
const IDLE: Duration = Duration::from_millis(500);

/// How long a stage may go on after the stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Outside failures of one phase before it is given up; with the back-off that is more than a day.
pub const PATIENCE: u32 = 300;

/// How often it is asked whether a pause is over.
const PAUSE_LOOK: chrono::Duration = chrono::Duration::seconds(5);

/// Works until `stop`. What is in hand is finished up to the end of its stage.
pub async fn run(engine: Engine, name: String, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let now = engine.clock.now();
        match engine.store.claim(&name, engine.rules.timing.lease, now).await {
            Ok(Some(claim)) => {
                work(&engine, claim, &stop).await;
            }
            Ok(None) => {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = engine.wake.notified() => {}
                    () = tokio::time::sleep(IDLE) => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, "no work could be claimed");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(Duration::from_secs(2)) => {}
                }
            }
        }
    }
}

/// Works on one remediation until it ends, waits, or fails.
pub async fn work(engine: &Engine, claim: Claim, stop: &CancellationToken) -> (Remediation, Option<Rest>) {
    let id = claim.remediation.id.clone();
    let (claims, failures) = (claim.claims, claim.failures);
    let mut session = Session::new(claim);
    let lost = CancellationToken::new();
    let heartbeat = AbortOnDropHandle::new(tokio::spawn(beat(engine.clone(), id.clone(), session.epoch(), lost.clone())));
    let stage_stop = CancellationToken::new();
    let writing = AtomicBool::new(false);
    let outcome = {
        // Nothing that a panic leaves half-done is used again: the session is dropped, and the store has only whole events.
        let mut driven = std::pin::pin!(std::panic::AssertUnwindSafe(drive(engine, &mut session, claims, stop, &stage_stop, &writing)).catch_unwind());
        tokio::select! {
            outcome = &mut driven => ended(outcome),
            () = lost.cancelled() => match writing.load(Ordering::Relaxed) {
                // A write that is under way can't be called back: it is waited for, and what it would record then is refused by the epoch.
                true => ended(driven.await),
                false => Outcome::Stage(Err(StageError::LetGo)),
            },
            // What takes longer than the drain is given back; whoever takes it up does the stage again. A write may go on until the process is gone, so
            // then the lease is left to run out.
            () = async { stop.cancelled().await; tokio::time::sleep(DRAIN).await } => match writing.load(Ordering::Relaxed) {
                true => Outcome::Kept("was stopped while it wrote"),
                false => Outcome::Stage(Ok(Next::GoOn)),
            },
        }
    };
    // Whatever still runs in a sandbox for this session ends with it.
    stage_stop.cancel();
    let key = &session.state.opening.key;
    engine.spares.clear(&key.repo.to_string(), &key.sha);
    let rest = match outcome {
        Outcome::Stage(outcome) => {
            let rest = Rest::of(&outcome);
            let finished = std::panic::AssertUnwindSafe(finish(engine, &mut session, outcome, failures)).catch_unwind().await;
            if finished.is_err() {
                tracing::error!(remediation = %id, "giving it back panicked; it is taken up again when its lease runs out");
            }
            rest
        }
        // Not given back: the lease runs out, and the claim stays counted, so that what panics each time ends some day.
        Outcome::Kept(what) => {
            tracing::error!(remediation = %id, phase = %session.state.phase, "the stage {what}; it is taken up again when its lease runs out");
            None
        }
    };
    // Up to here: what is taken back at the end is work as well.
    drop(heartbeat);
    (session.state, rest)
}

/// A time that has to pass before it makes sense to go on, and whose word that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    /// Others have to do something first; it is looked at again then.
    Until(DateTime<Utc>),
    /// An outside service named the time.
    Told(DateTime<Utc>, String),
    /// A person has paused it.
    Paused(String),
}

impl Rest {
    fn of(outcome: &Result<Next, StageError>) -> Option<Rest> {
        match outcome {
            Ok(Next::Wait(due)) => Some(Rest::Until(*due)),
            Err(StageError::Outside(why, Some(at))) => Some(Rest::Told(*at, why.clone())),
            Err(StageError::Paused(why)) => Some(Rest::Paused(why.clone())),
            _ => None,
        }
    }
}

/// How the work on a claim ended.
enum Outcome {
    /// As its last stage says.
    Stage(Result<Next, StageError>),
    /// In a way that leaves the lease to run out.
    Kept(&'static str),
}

fn ended(driven: std::thread::Result<Result<Next, StageError>>) -> Outcome {
    driven.map_or(Outcome::Kept("panicked"), Outcome::Stage)
}

async fn finish(engine: &Engine, session: &mut Session, outcome: Result<Next, StageError>, failures: u32) {
    give_back(engine, session, outcome, failures).await;
    // Still in the phase that writes, as far as this worker knows: a person may have ended it meanwhile, and then nobody else sees what got out.
    if session.state.phase == Phase::Pr {
        withdraw_ended(engine, &session.state.id).await;
    }
}

async fn give_back(engine: &Engine, session: &mut Session, outcome: Result<Next, StageError>, failures: u32) {
    let mut owed = false;
    let outcome = match outcome {
        Err(StageError::End(reason, why)) if session.state.phase == Phase::Pr => match rollback::leftovers(engine, session).await {
            Ok(()) => Err(StageError::End(reason, why)),
            // It can't be taken back, for good: the end must not wait for it.
            Err(StageError::End(_, kept)) => {
                tracing::warn!(remediation = %session.state.id, %kept, "what was written could not be taken back; it is owed");
                owed = true;
                Err(StageError::End(reason, why))
            }
            Err(other) => Err(other),
        },
        // An open pull request is not let go of because the forge refuses a look for a while: permissions come back.
        // What kills its worker each time is let go of all the same.
        Err(StageError::End(reason, why)) if reason != Reason::AttemptsSpent && session.state.phase == Phase::Feedback && session.state.pull.is_some() => {
            Err(StageError::Outside(why, None))
        }
        other => other,
    };
    let now = engine.clock.now();
    let (due, failed) = match outcome {
        Ok(Next::GoOn) => (now, false),
        Ok(Next::Wait(due)) => (due, false),
        // Where the lease is still ours (a run was attached meanwhile) it is given back at once; where it is not, the epoch refuses.
        Err(StageError::LetGo) => (now, false),
        Err(StageError::Paused(why)) => {
            tracing::info!(remediation = %session.state.id, why, "waits");
            (now + PAUSE_LOOK, false)
        }
        Err(StageError::Store(error)) => {
            tracing::error!(remediation = %session.state.id, %error, "the store failed; the lease runs out and the work is taken up again");
            (now + chrono::Duration::seconds(5), true)
        }
        Err(StageError::Outside(why, retry_at)) => {
            tracing::warn!(remediation = %session.state.id, phase = %session.state.phase, %why, "an outside service failed; trying again later");
            // Nor is an open pull request let go of because the forge is away for long: somebody has to watch it.
            let watching = session.state.phase == Phase::Feedback && session.state.pull.is_some();
            if failures >= engine.patience && !watching {
                let mut owed = false;
                if session.state.phase == Phase::Pr
                    && let Err(error) = rollback::leftovers(engine, session).await
                {
                    tracing::warn!(remediation = %session.state.id, %error, "what was written could not be taken back; it is owed");
                    owed = true;
                }
                end(engine, session, Reason::OutsideServiceFailed, &why, owed).await;
            }
            (retry_at.unwrap_or_else(|| now + back_off(failures)).max(now), true)
        }
        Err(StageError::End(reason, why)) => {
            end(engine, session, reason, &why, owed).await;
            (now, false)
        }
    };
    if session.state.phase.is_end() {
        return;
    }
    if let Err(error) = engine.store.release(&session.state.id, session.epoch(), due, failed).await {
        tracing::debug!(remediation = %session.state.id, %error, "not released; the lease runs out by itself");
    }
}

/// What a person ended while its fix was being written is taken back. A draft that another worker published and left on purpose is not touched.
async fn withdraw_ended(engine: &Engine, id: &RemediationId) {
    let Ok(Some(state)) = engine.store.load(id).await else { return };
    let ours = state.phase == Phase::Cancelled || (state.phase.is_end() && state.commit.is_none());
    if ours && let Err(error) = acts::withdraw(engine, id, rollback::OURSELVES, "it ended while its fix was being written").await {
        tracing::warn!(remediation = %id, %error, "what was written after the end could not be taken back; `regreen rollback {id}` does it");
    }
}

/// Exponential with jitter: 1 s, 2 s, 4 s … 5 min, each between half and the whole of it.
fn back_off(failures: u32) -> chrono::Duration {
    let whole = (1_u64 << failures.min(9)).min(300) * 1000;
    let jitter = rand::random_range(whole / 2..=whole);
    chrono::Duration::milliseconds(i64::try_from(jitter).unwrap_or(300_000))
}

/// Ends it with a reason, in the way that its phase takes.
async fn end(engine: &Engine, session: &mut Session, reason: Reason, why: &str, owed: bool) {
    use crate::domain::remediation::Place;
    let detail = escape::line(why, 500);
    let event = match reason.place() {
        Place::Blocked => Event::Blocked { reason, verdict: None, detail },
        Place::Superseded => Event::Superseded { reason },
        Place::Completed => Event::Completed { reason },
        Place::Cancelled => Event::Cancelled { by: "regreen".into(), why: detail },
        Place::Failed | Place::Intake | Place::Open => Event::Failed { reason, detail },
    };
    let fits = session.state.apply(&event, engine.clock.now()).is_ok();
    let event = if fits { event } else { Event::Failed { reason: Reason::OutsideServiceFailed, detail: format!("{reason}: {}", escape::line(why, 400)) } };
    // What could not be taken back is written down with the end, and made up for later.
    let owed = owed.then(|| Event::Intended { what: Outside::Withdraw, detail: String::new() });
    if let Err(error) = session.record(engine, owed.into_iter().chain([event]).collect()).await {
        tracing::error!(remediation = %session.state.id, %error, "its end could not be recorded; it will be taken up again");
    }
}

async fn drive(
    engine: &Engine,
    session: &mut Session,
    claims: u32,
    stop: &CancellationToken,
    stage_stop: &CancellationToken,
    writing: &AtomicBool,
) -> Result<Next, StageError> {
    if claims > engine.rules.timing.claims {
        return Err(StageError::End(Reason::AttemptsSpent, format!("its worker died {} times in phase `{}`", claims - 1, session.state.phase)));
    }
    loop {
        if session.state.phase.is_end() {
            return Ok(Next::GoOn);
        }
        // A person's stop is read before every stage; what is only being watched goes on being watched.
        if session.state.phase != Phase::Feedback {
            stages::not_paused(engine, &session.state.opening.slug).await?;
        }
        let phase = session.state.phase;
        let started = std::time::Instant::now();
        writing.store(phase == Phase::Pr, Ordering::Relaxed);
        let reads = matches!(phase, Phase::Analysis | Phase::Patching | Phase::Gating | Phase::Testing | Phase::Clearing | Phase::Pr);
        if reads && !stages::clone::ensure(engine, session).await? {
            continue;
        }
        let next = match phase {
            Phase::Pending => stages::admit::run(engine, session).await,
            Phase::Cloning => stages::clone::run(engine, session).await,
            Phase::Analysis => stages::triage::run(engine, session).await,
            Phase::Rerunning => stages::rerun::run(engine, session).await,
            Phase::Patching => stages::propose::run(engine, session, stage_stop).await,
            Phase::Gating => stages::gate::run(engine, session).await,
            Phase::Testing => stages::prove::run(engine, session, stage_stop).await,
            Phase::Clearing => stages::clear::run(engine, session).await,
            Phase::AwaitingApproval => stages::clear::wait(engine, session).await,
            Phase::Pr => stages::publish::run(engine, session).await,
            Phase::Feedback => follow_up::run(engine, session).await,
            Phase::Completed | Phase::Failed | Phase::Blocked | Phase::Superseded | Phase::Cancelled => Ok(Next::GoOn),
        };
        metrics::histogram!("regreen_stage_duration_seconds", "stage" => phase.as_str()).record(started.elapsed().as_secs_f64());
        match next? {
            Next::GoOn if stop.is_cancelled() => return Ok(Next::GoOn),
            Next::GoOn => {}
            wait @ Next::Wait(_) => return Ok(wait),
        }
    }
}

async fn beat(engine: Engine, id: RemediationId, epoch: u64, lost: CancellationToken) {
    let lease = engine.rules.timing.lease;
    let mut last = std::time::Instant::now();
    loop {
        tokio::time::sleep(lease / 4).await;
        match engine.store.heartbeat(&id, epoch, lease).await {
            Ok(()) => last = std::time::Instant::now(),
            Err(StoreError::LeaseLost { .. } | StoreError::NotFound(_)) => {
                lost.cancel();
                return;
            }
            // A lease that could not be prolonged in time has run out: somebody else may hold it.
            Err(_) if last.elapsed() >= lease => {
                lost.cancel();
                return;
            }
            Err(error) => tracing::warn!(remediation = %id, %error, "no heartbeat"),
        }
    }
}

/// Works on one remediation in this process until it ends or only waits for others; for `fix`.
pub async fn run_one(
    engine: &Engine,
    id: &RemediationId,
    name: &str,
    stop: &CancellationToken,
    until: impl Fn(&Remediation) -> bool,
    says: impl Fn(&str),
) -> Result<Remediation, StoreError> {
    let mut said = String::new();
    loop {
        let state = engine.store.load(id).await?.ok_or_else(|| StoreError::NotFound(format!("remediation `{id}`")))?;
        if state.phase.is_end() || until(&state) || stop.is_cancelled() {
            return Ok(state);
        }
        match engine.store.claim_one(id, name, engine.rules.timing.lease, engine.clock.now()).await? {
            Some(claim) => {
                // A person waits: the back-off is short, and the patience of the engine bounds it.
                if claim.failures > 0 {
                    tokio::time::sleep(Duration::from_millis(500 << claim.failures.min(4))).await;
                }
                let (state, rest) = work(engine, claim, stop).await;
                if state.phase.is_end() || until(&state) {
                    continue;
                }
                let now = engine.clock.now();
                let (at, why) = match rest {
                    None => (now, String::new()),
                    Some(Rest::Until(at)) => (at, String::new()),
                    Some(Rest::Told(at, why)) => (at, format!("{why}; going on at {}", at.format("%H:%M:%S UTC"))),
                    Some(Rest::Paused(why)) => (now + PAUSE_LOOK, format!("{why}; `regreen resume` lets it go on")),
                };
                if !why.is_empty() && said != why {
                    says(&why);
                    said = why;
                }
                let wait = (at - now).to_std().unwrap_or_default().max(Duration::from_millis(300));
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
            None => {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(Duration::from_millis(200)) => {}
                }
            }
        }
    }
}

/// The time in which a stage is looked at again.
pub fn later(now: DateTime<Utc>, wait: Duration) -> Next {
    Next::Wait(now + chrono::Duration::from_std(wait).unwrap_or(chrono::Duration::hours(1)))
}
