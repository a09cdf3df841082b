//! The outbox: says what is due to be said, once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::ports::alerts::{AlertError, AlertStyle};
use crate::ports::store::{DueAlert, StoreError};

/// Looks for due alerts until `stop`, and once more after it.
pub async fn run(engine: Engine, stop: CancellationToken) {
    loop {
        let last = stop.is_cancelled();
        if let Err(error) = flush(&engine).await {
            tracing::warn!(%error, "the outbox could not be read");
        }
        if last {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = engine.wake.notified() => {}
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
}

/// Says everything that is due now.
pub async fn flush(engine: &Engine) -> Result<(), StoreError> {
    for due in engine.store.due_alerts(engine.clock.now(), 50).await? {
        let id = due.alert.remediation.clone();
        if let Err(error) = say(engine, &due).await? {
            let now = engine.clock.now();
            let again = match &error {
                AlertError::RateLimited { retry_at } => Some(*retry_at),
                // Wrong settings are mended by people; then it is said after all.
                AlertError::Refused { .. } => Some(now + chrono::Duration::minutes(10)),
                AlertError::Transient { .. } | AlertError::MessageGone => Some(now + chrono::Duration::seconds(1_i64 << due.failures.min(8))),
            };
            tracing::warn!(remediation = %id, %error, "not said; trying again later");
            engine.store.alert_failed(&id, &error.to_string(), again).await?;
        }
    }
    Ok(())
}

/// Says one. The outer error is the store's, the inner the channel's.
async fn say(engine: &Engine, due: &DueAlert) -> Result<Result<(), AlertError>, StoreError> {
    let (id, alert) = (&due.alert.remediation, &due.alert);
    let now = engine.clock.now();
    match engine.alerts.style() {
        AlertStyle::Silent => {
            tracing::info!(remediation = %id, text = alert.fallback, "alert");
            engine.store.alert_said(id, due.revision, None, now).await?;
        }
        AlertStyle::Webhook => {
            // A webhook's post can't be found again: at most once, at the end, and never after a begin that was not reported.
            if alert.last && !due.begun {
                if !engine.store.alert_begun(id, now).await? {
                    return Ok(Ok(()));
                }
                if let Err(error) = engine.alerts.post(alert).await {
                    tracing::warn!(remediation = %id, %error, "the webhook's post failed, and is not repeated");
                }
            }
            engine.store.alert_said(id, due.revision, None, now).await?;
        }
        AlertStyle::Bot => {
            let mut message = due.message.clone();
            if message.is_none() && due.begun {
                message = match engine.alerts.find(alert, due.since).await {
                    Ok(found) => found,
                    Err(error) => return Ok(Err(error)),
                };
            }
            if let Some(message) = &message {
                match engine.alerts.update(message, alert).await {
                    Ok(()) => {
                        engine.store.alert_said(id, due.revision, Some(message), now).await?;
                        return Ok(Ok(()));
                    }
                    // Somebody deleted it: it is said anew.
                    Err(AlertError::MessageGone) => {}
                    Err(error) => return Ok(Err(error)),
                }
            }
            // Another sender has it: it reports by itself.
            if !engine.store.alert_begun(id, now).await? {
                return Ok(Ok(()));
            }
            match engine.alerts.post(alert).await {
                Ok(message) => engine.store.alert_said(id, due.revision, message.as_ref(), now).await?,
                Err(error) => return Ok(Err(error)),
            }
        }
    }
    Ok(Ok(()))
}
