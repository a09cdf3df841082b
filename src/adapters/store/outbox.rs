//! Alerts that wait to be said: one row a remediation, so that only the newest text is ever sent.

use chrono::{DateTime, Duration, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

use super::chain::micros;
use super::entities::outbox::{ActiveModel, Column, Entity, Model};
use super::fault::Fault;
use super::intake::plain;
use crate::domain::ids::RemediationId;
use crate::ports::alerts::{AlertText, MessageRef};
use crate::ports::store::{DueAlert, StoreError};

/// How long a begun post keeps others away. A sender that says nothing for so long is taken for dead.
const BEGUN_HOLDS: Duration = Duration::seconds(60);

/// What of an error is kept, in characters.
const ERROR_KEPT: usize = 500;

async fn lock(tx: &DatabaseTransaction, id: &RemediationId) -> Result<Option<Model>, Fault> {
    Ok(Entity::find_by_id(id.as_str()).lock_exclusive().one(tx).await?)
}

async fn known(tx: &DatabaseTransaction, id: &RemediationId) -> Result<Model, Fault> {
    lock(tx, id).await?.ok_or_else(|| StoreError::NotFound(format!("an alert of `{id}`")).into())
}

async fn update(tx: &DatabaseTransaction, id: &RemediationId, columns: ActiveModel) -> Result<(), Fault> {
    Entity::update_many().set(columns).filter(Column::Remediation.eq(id.as_str())).exec(tx).await?;
    Ok(())
}

/// Sets the text to be shown from now on. The caller holds the remediation's row, so nobody else sets it at once.
///
/// A text that comes while a post is under way, or while a failed one waits its time (a rate limit), is said when that
/// time is up: otherwise two senders would post at once, or the limit would be run against.
pub async fn put(tx: &DatabaseTransaction, id: &RemediationId, alert: &AlertText, now: DateTime<Utc>) -> Result<(), Fault> {
    let now = micros(now);
    let alert = AlertText { remediation: id.clone(), ..alert.clone() };
    let alert = serde_json::to_string(&alert).map_err(|error| Fault::damaged(format_args!("the alert of `{id}`"), error))?;
    match lock(tx, id).await? {
        None => {
            let row = Model {
                remediation: id.to_string(),
                alert,
                revision: 1,
                said_revision: 0,
                begun_at: None,
                message_channel: None,
                message_ts: None,
                due_at: Some(now),
                failures: 0,
                last_error: None,
                first_at: now,
            };
            Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
            Ok(())
        }
        Some(row) => {
            let waits = row.due_at.filter(|_| row.begun_at.is_some() || row.failures > 0);
            let columns = ActiveModel { alert: Set(alert), revision: Set(row.revision + 1), due_at: Set(Some(waits.unwrap_or(now))), ..Default::default() };
            update(tx, id, columns).await
        }
    }
}

/// See `Store::due_alerts`.
pub async fn due(db: &impl ConnectionTrait, now: DateTime<Utc>, limit: u64) -> Result<Vec<DueAlert>, Fault> {
    let rows = Entity::find()
        .filter(Column::DueAt.lte(micros(now)))
        .filter(Expr::col(Column::Revision).gt(Expr::col(Column::SaidRevision)))
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::Remediation)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            let alert = serde_json::from_str(&row.alert).map_err(|error| Fault::damaged(format_args!("the alert of `{}`", row.remediation), error))?;
            Ok(DueAlert {
                alert,
                revision: row.revision.cast_unsigned(),
                message: row.message_channel.zip(row.message_ts).map(|(channel, ts)| MessageRef { channel, ts }),
                begun: row.begun_at.is_some(),
                since: row.first_at,
                failures: u32::try_from(row.failures).unwrap_or(u32::MAX),
            })
        })
        .collect()
}

/// See `Store::alert_begun`.
pub async fn begun(tx: &DatabaseTransaction, id: &RemediationId, now: DateTime<Utc>) -> Result<bool, Fault> {
    let now = micros(now);
    let row = known(tx, id).await?;
    if row.revision <= row.said_revision || row.due_at.is_none_or(|due| due > now) {
        return Ok(false);
    }
    update(tx, id, ActiveModel { begun_at: Set(Some(now)), due_at: Set(Some(now + BEGUN_HOLDS)), ..Default::default() }).await?;
    Ok(true)
}

/// See `Store::alert_said`.
pub async fn said(tx: &DatabaseTransaction, id: &RemediationId, revision: u64, message: Option<&MessageRef>, now: DateTime<Utc>) -> Result<(), Fault> {
    let row = known(tx, id).await?;
    let said = Ord::max(row.said_revision, revision.cast_signed());
    let mut columns = ActiveModel {
        said_revision: Set(said),
        begun_at: Set(None),
        due_at: Set((row.revision > said).then_some(micros(now))),
        failures: Set(0),
        last_error: Set(None),
        ..Default::default()
    };
    if let Some(message) = message {
        columns.message_channel = Set(Some(plain(&message.channel)));
        columns.message_ts = Set(Some(plain(&message.ts)));
    }
    update(tx, id, columns).await
}

/// See `Store::alert_failed`. Whether the post took effect is not known, so `begun` stays: the next sender looks first.
pub async fn failed(tx: &DatabaseTransaction, id: &RemediationId, error: &str, again: Option<DateTime<Utc>>) -> Result<(), Fault> {
    let row = known(tx, id).await?;
    let error = plain(&error.chars().take(ERROR_KEPT).collect::<String>());
    let columns =
        ActiveModel { due_at: Set(again.map(micros)), failures: Set(row.failures.saturating_add(1)), last_error: Set(Some(error)), ..Default::default() };
    update(tx, id, columns).await
}
