//! After a restart, and against what piles up.

use std::time::Duration;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::intake::IntakeError;
use super::{Engine, schedule};
use crate::domain::ids::{RepoSlug, RunId};
use crate::ports::forge::ForgeError;
use crate::ports::store::{Delivery, StoreError};

/// Ends the leases of this machine's earlier life, so that its work goes on at once.
pub async fn orphans(engine: &Engine, worker_prefix: &str) -> Result<u64, StoreError> {
    let ended = engine.store.orphan(worker_prefix).await?;
    if ended > 0 {
        tracing::info!(ended, "leases of an earlier life were ended");
    }
    // What a killed process left in the working folder belongs to nobody.
    let jobs = engine.work_dir.join("jobs");
    if let Err(error) = tokio::fs::remove_dir_all(&jobs).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "old working folders could not be removed");
    }
    Ok(ended)
}

/// The part of a `workflow_run` delivery that is used: what it says is asked of the forge again.
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
        let mut again = false;
        for delivery in &pending {
            match handle(&engine, delivery).await {
                Ok(()) => {
                    if let Err(error) = engine.store.delivered(&delivery.id, engine.clock.now()).await {
                        tracing::warn!(%error, "a delivery could not be marked");
                    }
                }
                Err(error) => {
                    tracing::warn!(delivery = delivery.id, %error, "a delivery waits");
                    again = true;
                }
            }
        }
        let wait = if again { Duration::from_secs(5) } else { Duration::from_millis(500) };
        tokio::select! {
            () = stop.cancelled() => {}
            () = engine.wake.notified(), if !again => {}
            () = tokio::time::sleep(wait) => {}
        }
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

/// Removes what is too old, now and every six hours.
pub async fn clean(engine: Engine, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let keep = engine.clock.now() - chrono::Duration::days(14);
        match engine.git.clean(keep).await {
            Ok(report) => tracing::debug!(?report, "mirrors were cleaned"),
            Err(error) => tracing::warn!(%error, "mirrors could not be cleaned"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(6 * 3600)) => {}
        }
    }
}
