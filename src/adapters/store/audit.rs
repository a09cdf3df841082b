//! What people do beside remediations: stops, and the chained log of their acts.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use super::chain::{AUDIT, LinkHash, micros};
use super::entities::{audit, chain_head, pause};
use super::fault::Fault;
use super::intake::plain;
use crate::domain::ids::RepoSlug;
use crate::ports::store::{AuditEntry, Pause};

/// The scope of a stop that holds for all.
const EVERYTHING: &str = "*";

/// An act, as it is hashed.
#[derive(Serialize, Deserialize)]
struct Act {
    by: String,
    act: String,
    subject: String,
    reason: String,
}

/// Adds an act to the chain. The head's row serialises writers.
pub async fn append(tx: &DatabaseTransaction, by: &str, act: &str, subject: &str, reason: &str, now: DateTime<Utc>) -> Result<(), Fault> {
    let head = chain_head::Entity::find_by_id(AUDIT).lock_exclusive().one(tx).await?;
    let head = head.ok_or_else(|| Fault::damaged("the audit chain", "its head is missing"))?;
    let prev = LinkHash::parse(&head.hash).ok_or_else(|| Fault::damaged("the audit chain", "its head is no hash"))?;
    let act = Act { by: by.to_owned(), act: act.to_owned(), subject: subject.to_owned(), reason: reason.to_owned() };
    let payload = serde_json::to_string(&act).map_err(|error| Fault::damaged("an act", error))?;
    let (seq, at) = (head.seq + 1, micros(now));
    let hash = prev.next(AUDIT, seq.cast_unsigned(), at, &payload).to_string();
    let row = audit::Model { seq, at, payload, prev_hash: head.hash, hash: hash.clone() };
    audit::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    chain_head::Entity::update_many()
        .col_expr(chain_head::Column::Seq, Expr::value(seq))
        .col_expr(chain_head::Column::Hash, Expr::value(hash))
        .filter(chain_head::Column::Chain.eq(AUDIT))
        .exec(tx)
        .await?;
    Ok(())
}

/// See `Store::audit_entries`.
pub async fn entries(db: &impl ConnectionTrait) -> Result<Vec<AuditEntry>, Fault> {
    let rows = audit::Entity::find().order_by_asc(audit::Column::Seq).all(db).await?;
    rows.into_iter()
        .map(|row| {
            let act: Act = serde_json::from_str(&row.payload).map_err(|error| Fault::damaged(format_args!("act {} of the audit", row.seq), error))?;
            Ok(AuditEntry { seq: row.seq.cast_unsigned(), at: row.at, by: act.by, act: act.act, subject: act.subject, reason: act.reason, hash: row.hash })
        })
        .collect()
}

/// GitHub takes `Owner/Name` and `owner/name` for the same repository, so a stop does too.
fn scope(repo: Option<&RepoSlug>) -> String {
    repo.map_or_else(|| EVERYTHING.to_owned(), |slug| slug.as_str().to_ascii_lowercase())
}

fn subject(repo: Option<&RepoSlug>) -> String {
    repo.map_or_else(|| "all repositories".to_owned(), ToString::to_string)
}

/// See `Store::pause`.
pub async fn pause(tx: &DatabaseTransaction, repo: Option<&RepoSlug>, by: &str, reason: &str, now: DateTime<Utc>) -> Result<(), Fault> {
    let row = pause::Model { scope: scope(repo), repo: repo.map(ToString::to_string), by: plain(by), reason: plain(reason), since: micros(now) };
    let rest = [pause::Column::Repo, pause::Column::By, pause::Column::Reason, pause::Column::Since];
    let replace = OnConflict::column(pause::Column::Scope).update_columns(rest).to_owned();
    pause::Entity::insert(row.into_active_model()).on_conflict(replace).exec_without_returning(tx).await?;
    append(tx, by, "pause", &subject(repo), reason, now).await
}

/// See `Store::resume`.
pub async fn resume(tx: &DatabaseTransaction, repo: Option<&RepoSlug>, by: &str, reason: &str, now: DateTime<Utc>) -> Result<bool, Fault> {
    let ended = pause::Entity::delete_many().filter(pause::Column::Scope.eq(scope(repo))).exec(tx).await?.rows_affected;
    if ended == 0 {
        return Ok(false);
    }
    append(tx, by, "resume", &subject(repo), reason, now).await?;
    Ok(true)
}

fn read(row: pause::Model) -> Result<Pause, Fault> {
    let repo = row.repo.as_deref().map(RepoSlug::parse).transpose().map_err(|error| Fault::damaged("a stop", error))?;
    Ok(Pause { repo, by: row.by, reason: row.reason, since: row.since })
}

/// See `Store::paused`. The stop of everything is named first: it is the one that must be ended.
pub async fn paused(db: &impl ConnectionTrait, repo: &RepoSlug) -> Result<Option<Pause>, Fault> {
    let scopes = [EVERYTHING.to_owned(), scope(Some(repo))];
    // `*` sorts before every letter and digit in every collation but need not: the row is picked here.
    let rows = pause::Entity::find().filter(pause::Column::Scope.is_in(scopes)).all(db).await?;
    rows.into_iter().min_by_key(|row| row.scope != EVERYTHING).map(read).transpose()
}

/// See `Store::pauses`.
pub async fn pauses(db: &impl ConnectionTrait) -> Result<Vec<Pause>, Fault> {
    let rows = pause::Entity::find().order_by_asc(pause::Column::Since).order_by_asc(pause::Column::Scope).all(db).await?;
    rows.into_iter().map(read).collect()
}
