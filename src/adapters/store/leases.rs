//! Who works on what: leases with epochs.
//!
//! A lease runs out by the clock of the database, which all workers share. The epoch counts up whenever the lease
//! changes hands or is given back, so whoever holds an older epoch holds nothing: its appends are refused.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, Func, LockBehavior, LockType};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::chain::micros;
use super::entities::remediation::{Column, Entity};
use super::fault::Fault;
use super::remediations::Held;
use crate::domain::ids::RemediationId;
use crate::ports::store::{Claim, StoreError};

/// The database's clock. SQLite's runs in this process and is the machine's, which all processes on the file share.
fn database_now(backend: DbBackend) -> Expr {
    match backend {
        DbBackend::Postgres => Expr::cust("now()"),
        // The form in which times are stored; three digits of the fraction sort well against six.
        _ => Expr::cust("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"),
    }
}

/// That clock, `lease` from now.
fn database_after(backend: DbBackend, lease: Duration) -> Expr {
    match backend {
        DbBackend::Postgres => Expr::cust_with_values("now() + $1 * interval '1 second'", [lease.as_secs_f64()]),
        _ => Expr::cust_with_values("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', ?)", [format!("+{:.3} seconds", lease.as_secs_f64())]),
    }
}

/// Remediations that have not ended and that nobody holds.
fn free(backend: DbBackend) -> Select<Entity> {
    Entity::find()
        .filter(Column::Ended.eq(false))
        .filter(Condition::any().add(Column::LeaseUntil.is_null()).add(Expr::col(Column::LeaseUntil).lte(database_now(backend))))
}

/// See `Store::claim`. The lock lets other replicas pass by a row that is being claimed; SQLite has one writer anyway.
pub async fn claim(tx: &DatabaseTransaction, worker: &str, lease: Duration, now: DateTime<Utc>) -> Result<Option<Claim>, Fault> {
    let row = free(tx.get_database_backend())
        .filter(Column::DueAt.lte(micros(now)))
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::Id)
        .limit(1)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(tx)
        .await?;
    match row {
        Some(row) => take(tx, Held::new(row)?, worker, lease, now).await.map(Some),
        None => Ok(None),
    }
}

/// See `Store::claim_one`.
pub async fn claim_one(tx: &DatabaseTransaction, id: &RemediationId, worker: &str, lease: Duration, now: DateTime<Utc>) -> Result<Option<Claim>, Fault> {
    let row = free(tx.get_database_backend()).filter(Column::Id.eq(id.as_str())).lock_exclusive().one(tx).await?;
    match row {
        Some(row) => take(tx, Held::new(row)?, worker, lease, now).await.map(Some),
        None => Held::lock(tx, id).await.map(|_| None),
    }
}

async fn take(tx: &DatabaseTransaction, mut held: Held, worker: &str, lease: Duration, now: DateTime<Utc>) -> Result<Claim, Fault> {
    // Counted before the work: a job that kills its process can't do so for ever.
    held.row.claims += 1;
    held.row.epoch += 1;
    held.row.updated_at = micros(now);
    held.row.lease_worker = Some(worker.to_owned());
    held.update().col_expr(Column::LeaseUntil, database_after(tx.get_database_backend(), lease)).exec(tx).await?;
    let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(Claim {
        epoch: held.row.epoch.cast_unsigned(),
        claims: count(held.row.claims),
        failures: count(held.row.failures),
        remediation: held.state,
        worker: worker.to_owned(),
    })
}

/// See `Store::heartbeat`.
pub async fn heartbeat(tx: &DatabaseTransaction, id: &RemediationId, epoch: u64, lease: Duration) -> Result<(), Fault> {
    let update = Entity::update_many().col_expr(Column::LeaseUntil, database_after(tx.get_database_backend(), lease));
    let prolonged = update.filter(held_by(id, epoch)).exec(tx).await?.rows_affected;
    if prolonged == 0 { ended_or_lost(tx, id, epoch).await } else { Ok(()) }
}

/// See `Store::release`.
pub async fn release(tx: &DatabaseTransaction, id: &RemediationId, epoch: u64, due: DateTime<Utc>, failed: bool) -> Result<(), Fault> {
    let failures = if failed { Expr::col(Column::Failures).add(1) } else { Expr::value(0_i64) };
    let update =
        given_back().col_expr(Column::DueAt, Expr::value(micros(due))).col_expr(Column::Claims, Expr::value(0_i64)).col_expr(Column::Failures, failures);
    let released = update.filter(held_by(id, epoch)).exec(tx).await?.rows_affected;
    if released == 0 { ended_or_lost(tx, id, epoch).await } else { Ok(()) }
}

/// See `Store::orphan`. An empty prefix would name every worker, living ones too: it names none.
pub async fn orphan(tx: &DatabaseTransaction, prefix: &str) -> Result<u64, Fault> {
    if prefix.is_empty() {
        return Ok(0);
    }
    // Not LIKE: SQLite's takes `a` for `A`, and both have wildcards. PostgreSQL's substr counts in 32 bits.
    let length = i32::try_from(prefix.chars().count()).unwrap_or(i32::MAX);
    let start = Func::cust("substr").args([Expr::col(Column::LeaseWorker), Expr::value(1i32), Expr::value(length)]);
    Ok(given_back().filter(Column::Ended.eq(false)).filter(Expr::expr(start).eq(prefix)).exec(tx).await?.rows_affected)
}

fn given_back() -> sea_orm::UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::LeaseWorker, Expr::value(None::<String>))
        .col_expr(Column::Epoch, Expr::col(Column::Epoch).add(1))
}

fn held_by(id: &RemediationId, epoch: u64) -> Condition {
    Condition::all().add(Column::Id.eq(id.as_str())).add(Column::Epoch.eq(epoch.cast_signed())).add(Column::Ended.eq(false))
}

/// The lease of a remediation that ended under this very epoch is gone without having been lost.
async fn ended_or_lost(tx: &DatabaseTransaction, id: &RemediationId, epoch: u64) -> Result<(), Fault> {
    let held = Held::lock(tx, id).await?;
    let current = held.row.epoch.cast_unsigned();
    if current == epoch { Ok(()) } else { Err(StoreError::LeaseLost { remediation: id.clone(), held: epoch, current }.into()) }
}
