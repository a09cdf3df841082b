//! Claims, heartbeats, stages: one remediation at a time for each worker.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::session::{Next, Session};
use super::stages;
use super::{Engine, StageError, follow_up};
use crate::domain::ids::RemediationId;
use crate::domain::remediation::{Event, Phase, Reason, Remediation};
use crate::domain::render::escape;
use crate::ports::store::{Claim, StoreError};

/// How long an idle worker sleeps when nothing wakes it.
const IDLE: Duration = Duration::from_millis(500);

/// How long a stage may go on after the stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Outside failures of one phase before it is given up; with the back-off that is more than a day.
pub const PATIENCE: u32 = 300;

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
pub async fn work(engine: &Engine, claim: Claim, stop: &CancellationToken) -> Remediation {
    let id = claim.remediation.id.clone();
    let (claims, failures) = (claim.claims, claim.failures);
    let mut session = Session::new(claim);
    let lost = CancellationToken::new();
    let heartbeat = tokio::spawn(beat(engine.clone(), id.clone(), session.epoch(), lost.clone()));
    let stage_stop = CancellationToken::new();
    let outcome = tokio::select! {
        outcome = drive(engine, &mut session, claims, stop, &stage_stop) => outcome,
        () = lost.cancelled() => Err(StageError::LetGo),
        // What takes longer than the drain is given back; whoever takes it up does the stage again.
        () = async { stop.cancelled().await; tokio::time::sleep(DRAIN).await } => Ok(Next::GoOn),
    };
    heartbeat.abort();
    // Whatever still runs in a sandbox for this session ends with it.
    stage_stop.cancel();
    finish(engine, &mut session, outcome, failures).await;
    session.state
}

async fn finish(engine: &Engine, session: &mut Session, outcome: Result<Next, StageError>, failures: u32) {
    let now = engine.clock.now();
    let (due, failed) = match outcome {
        Ok(Next::GoOn) => (now, false),
        Ok(Next::Wait(due)) => (due, false),
        Err(StageError::LetGo) => return,
        Err(StageError::Store(error)) => {
            tracing::error!(remediation = %session.state.id, %error, "the store failed; the lease runs out and the work is taken up again");
            (now + chrono::Duration::seconds(5), true)
        }
        Err(StageError::Outside(why, retry_at)) => {
            tracing::warn!(remediation = %session.state.id, phase = %session.state.phase, %why, "an outside service failed; trying again later");
            if failures >= engine.patience {
                end(engine, session, Reason::OutsideServiceFailed, &why).await;
            }
            (retry_at.unwrap_or_else(|| now + back_off(failures)).max(now), true)
        }
        Err(StageError::End(reason, why)) => {
            end(engine, session, reason, &why).await;
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

/// Exponential with jitter: 1 s, 2 s, 4 s … 5 min, each between half and the whole of it.
fn back_off(failures: u32) -> chrono::Duration {
    let whole = (1_u64 << failures.min(9)).min(300) * 1000;
    let jitter = rand::random_range(whole / 2..=whole);
    chrono::Duration::milliseconds(i64::try_from(jitter).unwrap_or(300_000))
}

/// Ends it with a reason, in the way that its phase takes.
async fn end(engine: &Engine, session: &mut Session, reason: Reason, why: &str) {
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
    let event = if fits { event } else { Event::Failed { reason: Reason::AttemptsSpent, detail: format!("{reason}: {}", escape::line(why, 400)) } };
    if let Err(error) = session.record(engine, vec![event]).await {
        tracing::error!(remediation = %session.state.id, %error, "its end could not be recorded; it will be taken up again");
    }
}

async fn drive(engine: &Engine, session: &mut Session, claims: u32, stop: &CancellationToken, stage_stop: &CancellationToken) -> Result<Next, StageError> {
    if claims > engine.rules.timing.claims {
        return Err(StageError::End(Reason::AttemptsSpent, format!("its worker died {} times in phase `{}`", claims - 1, session.state.phase)));
    }
    loop {
        if session.state.phase.is_end() {
            return Ok(Next::GoOn);
        }
        // A person's stop is read before every stage; what is only being watched goes on being watched.
        if session.state.phase != Phase::Feedback
            && let Some(pause) = engine.store.paused(&session.state.opening.slug).await?
        {
            tracing::info!(remediation = %session.state.id, by = pause.by, "paused");
            return Ok(Next::Wait(engine.clock.now() + chrono::Duration::seconds(5)));
        }
        let phase = session.state.phase;
        let started = std::time::Instant::now();
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
) -> Result<Remediation, StoreError> {
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
                let state = work(engine, claim, stop).await;
                if !(state.phase.is_end() || until(&state)) {
                    tokio::time::sleep(Duration::from_millis(300)).await;
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
