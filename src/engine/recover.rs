//! After a restart, and against what piles up.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::intake::IntakeError;
use super::rollback::RollbackError;
use super::stages::{cache, place};
use super::{Engine, rollback, schedule};
use crate::domain::ids::{RemediationId, RepoSlug, RunId};
use crate::domain::remediation::{Outside, Phase};
use crate::ports::forge::ForgeError;
use crate::ports::store::{Delivery, Filter, StoreError};

/// Ends the leases of this machine's earlier life, so that its work goes on at once.
pub async fn orphans(engine: &Engine, worker_prefix: &str) -> Result<u64, StoreError> {
    let ended = engine.store.orphan(worker_prefix).await?;
    if ended > 0 {
        tracing::info!(ended, "leases of an earlier life were ended");
    }
    // What a killed process left in the working folder belongs to nobody.
    let work_dir = engine.work_dir.clone();
    match tokio::task::spawn_blocking(move || place::sweep(&work_dir)).await {
        Ok(Ok(0)) => {}
        Ok(Ok(removed)) => tracing::info!(removed, "working folders of an earlier life were removed"),
        Ok(Err(error)) => tracing::warn!(%error, "old working folders could not be removed"),
        Err(error) => tracing::warn!(%error, "old working folders could not be removed"),
    }
    Ok(ended)
}

/// The part of a `workflow_run` delivery that is used: what it says is asked of the forge again. No more of it is stored.
#[derive(Deserialize)]
struct RunDelivery {
    action: Option<String>,
    workflow_run: Option<RunPart>,
    repository: RepositoryPart,
}

#[derive(Deserialize)]
struct RunPart {
    id: u64,
}

#[derive(Deserialize)]
struct RepositoryPart {
    full_name: String,
}

/// Handles accepted webhooks, until `stop`.
pub async fn deliveries(engine: Engine, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let pending = match engine.store.deliveries(20).await {
            Ok(pending) => pending,
            Err(error) => {
                tracing::warn!(%error, "deliveries could not be read");
                Vec::new()
            }
        };
        let mut again: Option<Duration> = None;
        for delivery in &pending {
            match handle(&engine, delivery).await {
                Ok(()) => {
                    if let Err(error) = engine.store.delivered(&delivery.id, engine.clock.now()).await {
                        tracing::warn!(%error, "a delivery could not be marked");
                    }
                }
                Err(error) => {
                    tracing::warn!(delivery = delivery.id, %error, "a delivery waits");
                    let wait = patience(&error, engine.clock.now());
                    again = again.max(Some(wait));
                    // The others would be told the same.
                    if wait > AGAIN {
                        break;
                    }
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = engine.wake.notified(), if again.is_none() => {}
            () = tokio::time::sleep(again.unwrap_or(Duration::from_millis(500))) => {}
        }
    }
}

/// How long a delivery waits that did not get through.
const AGAIN: Duration = Duration::from_secs(5);

/// What the forge says of the time, and a minute where only people can help.
fn patience(error: &IntakeError, now: DateTime<Utc>) -> Duration {
    match error {
        IntakeError::Forge(ForgeError::RateLimited { retry_at, .. }) => (*retry_at - now).to_std().unwrap_or(AGAIN).clamp(AGAIN, Duration::from_secs(3600)),
        IntakeError::Forge(ForgeError::Unauthorized { .. }) => Duration::from_secs(60),
        _ => AGAIN,
    }
}

async fn handle(engine: &Engine, delivery: &Delivery) -> Result<(), IntakeError> {
    if delivery.event != "workflow_run" {
        return Ok(());
    }
    let Ok(read) = serde_json::from_str::<RunDelivery>(&delivery.payload) else {
        tracing::warn!(delivery = delivery.id, "a delivery of an unknown form was let go; the poll finds what it meant");
        return Ok(());
    };
    let (Some("completed"), Some(run), Ok(slug)) = (read.action.as_deref(), read.workflow_run, RepoSlug::parse(&read.repository.full_name)) else {
        return Ok(());
    };
    if !engine.rules.serves(&slug) {
        return Ok(());
    }
    match schedule::poke(engine, &slug, RunId(run.id)).await {
        Ok(outcome) => {
            tracing::debug!(?outcome, delivery = delivery.id, "a delivery was handled");
            Ok(())
        }
        // What can't be found or seen is nothing to wait for; the poll is the truth.
        Err(IntakeError::Forge(
            ForgeError::NotFound { .. }
            | ForgeError::Forbidden { .. }
            | ForgeError::Gone { .. }
            | ForgeError::Malformed { .. }
            | ForgeError::Refused { .. }
            | ForgeError::TooLarge { .. },
        )) => Ok(()),
        Err(error) => Err(error),
    }
}

/// How often it is asked whether a withdrawal is owed.
const OWED_EVERY: Duration = Duration::from_secs(60);

/// Whoever cancelled may still be taking back by themselves.
const OWED_AFTER: chrono::Duration = chrono::Duration::minutes(1);

/// Withdrawals that did not get through: how often, and when they are tried again.
type Tries = HashMap<RemediationId, (u32, DateTime<Utc>)>;

/// Takes back, until `stop`, what is owed by remediations that have ended: the process was killed in between, or the forge did not answer.
pub async fn withdrawals(engine: Engine, stop: CancellationToken) {
    let mut tries = Tries::new();
    while !stop.is_cancelled() {
        if let Err(error) = owed(&engine, &mut tries).await {
            tracing::warn!(%error, "what is owed could not be looked through");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(OWED_EVERY) => {}
        }
    }
}

async fn owed(engine: &Engine, tries: &mut Tries) -> Result<(), StoreError> {
    if engine.rules.dry_run {
        return Ok(());
    }
    let now = engine.clock.now();
    let phases = Phase::ALL.into_iter().filter(|phase| phase.is_end()).collect();
    let mut all = engine.store.list(&Filter { phases, owing: true, ..Filter::default() }).await?;
    all.retain(|state| state.intents.contains(&Outside::Withdraw));
    tries.retain(|id, _| all.iter().any(|state| state.id == *id));
    for state in all {
        let due = tries.get(&state.id).map_or(state.updated_at + OWED_AFTER, |(_, due)| *due);
        if due > now {
            continue;
        }
        let id = state.id.clone();
        match rollback::run(engine, &id, rollback::OURSELVES, "a withdrawal was owed").await {
            Ok(done) => tracing::info!(remediation = %id, steps = done.steps.join("; "), left = done.left.join("; "), "taken back"),
            // It is another repository by now: there is nothing of ours in it.
            Err(RollbackError::Refused(why)) => {
                tracing::warn!(remediation = %id, %why, "a withdrawal is written off");
                if let Err(error) = rollback::settle(engine, state).await {
                    tracing::warn!(remediation = %id, %error, "and could not be written off");
                }
            }
            Err(error) => {
                let times = tries.get(&id).map_or(0, |(times, _)| *times);
                // A minute, two, four … up to six hours.
                let distance = chrono::Duration::minutes((1_i64 << times.min(9)).min(360));
                tracing::warn!(remediation = %id, %error, "not taken back yet");
                tries.insert(id, (times + 1, now + distance));
            }
        }
    }
    Ok(())
}

/// Deliveries that were handled are kept so long: the forge repeats one only within hours.
const HANDLED_KEPT: chrono::Duration = chrono::Duration::days(3);

/// Removes what is too old, now and every six hours.
pub async fn clean(engine: Engine, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let keep = engine.clock.now() - chrono::Duration::days(14);
        match engine.git.clean(keep).await {
            Ok(report) => tracing::debug!(?report, "mirrors were cleaned"),
            Err(error) => tracing::warn!(%error, "mirrors could not be cleaned"),
        }
        let work_dir = engine.work_dir.clone();
        let cleaned = tokio::task::spawn_blocking(move || {
            // A tree whose removal failed while its last process was still dying, too.
            place::sweep(&work_dir)?;
            cache::clean(&work_dir, keep.into(), cache::CAP)
        });
        match cleaned.await {
            Ok(Ok(removed)) => tracing::debug!(removed, "results of set-ups were cleaned"),
            Ok(Err(error)) => tracing::warn!(%error, "working folders could not be cleaned"),
            Err(error) => tracing::warn!(%error, "working folders could not be cleaned"),
        }
        let now = engine.clock.now();
        match engine.store.purge(now - HANDLED_KEPT, now).await {
            Ok((deliveries, snapshots)) => tracing::debug!(deliveries, snapshots, "the database was cleaned"),
            Err(error) => tracing::warn!(%error, "the database could not be cleaned"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(6 * 3600)) => {}
        }
    }
}
