//! Snapshots of broken branches, and what models cost: what is kept beside the log.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

use super::chain::micros;
use super::entities::{model_call, remediation, snapshot, snapshot_file};
use super::fault::Fault;
use super::intake::plain;
use crate::domain::ids::{BranchName, CommitSha, RemediationId, RepoId};
use crate::ports::store::{ModelCall, Snapshot, SnapshotFile};

/// Rows a statement: file contents are held in memory twice while it is built.
const FILES_A_STATEMENT: usize = 100;

/// See `Store::save_snapshot`.
pub async fn save(tx: &DatabaseTransaction, it: &Snapshot) -> Result<(), Fault> {
    use snapshot::Column;
    let row = snapshot::Model {
        id: plain(&it.id),
        remediation: it.remediation.to_string(),
        repo: it.repo.0.cast_signed(),
        branch: it.branch.to_string(),
        sha: it.sha.to_string(),
        status: plain(&it.status),
        taken_at: micros(it.taken_at),
        expires_at: micros(it.expires_at),
    };
    let id = row.id.clone();
    let rest = [Column::Remediation, Column::Repo, Column::Branch, Column::Sha, Column::Status, Column::TakenAt, Column::ExpiresAt];
    let replace = OnConflict::column(Column::Id).update_columns(rest).to_owned();
    snapshot::Entity::insert(row.into_active_model()).on_conflict(replace).exec_without_returning(tx).await?;
    snapshot_file::Entity::delete_many().filter(snapshot_file::Column::Snapshot.eq(id.as_str())).exec(tx).await?;
    let mut ordinal = 0;
    for files in it.files.chunks(FILES_A_STATEMENT) {
        let rows = files.iter().map(|file| {
            ordinal += 1;
            snapshot_file::ActiveModel {
                snapshot: Set(id.clone()),
                ordinal: Set(ordinal),
                path: Set(plain(&file.path)),
                content: Set(file.content.clone()),
                executable: Set(file.executable),
                sha256: Set(plain(&file.sha256)),
            }
        });
        snapshot_file::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// See `Store::snapshot`.
pub async fn load(db: &impl ConnectionTrait, id: &str) -> Result<Option<Snapshot>, Fault> {
    let id = plain(id);
    let Some(row) = snapshot::Entity::find_by_id(id.as_str()).one(db).await? else { return Ok(None) };
    let files =
        snapshot_file::Entity::find().filter(snapshot_file::Column::Snapshot.eq(id.as_str())).order_by_asc(snapshot_file::Column::Ordinal).all(db).await?;
    let damaged = |error| Fault::damaged(format_args!("snapshot `{id}`"), error);
    Ok(Some(Snapshot {
        remediation: RemediationId::parse(&row.remediation).map_err(damaged)?,
        repo: RepoId(row.repo.cast_unsigned()),
        branch: BranchName::parse(&row.branch).map_err(damaged)?,
        sha: CommitSha::parse(&row.sha).map_err(damaged)?,
        files: files
            .into_iter()
            .map(|file| SnapshotFile { path: file.path, content: file.content, executable: file.executable, sha256: file.sha256 })
            .collect(),
        status: row.status,
        taken_at: row.taken_at,
        expires_at: row.expires_at,
        id: row.id,
    }))
}

/// See `Store::purge`.
pub async fn purge(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<u64, Fault> {
    // A page at a time: each holds the sources of the files that a fix touched.
    const PAGE: u64 = 500;
    let expired: Vec<(String, String)> = snapshot::Entity::find()
        .select_only()
        .column(snapshot::Column::Id)
        .column(snapshot::Column::Remediation)
        .filter(snapshot::Column::ExpiresAt.lt(micros(now)))
        .order_by_asc(snapshot::Column::ExpiresAt)
        .limit(PAGE)
        .into_tuple()
        .all(tx)
        .await?;
    let owners = expired.iter().map(|(_, remediation)| remediation.as_str());
    let going_on: Vec<String> = remediation::Entity::find()
        .select_only()
        .column(remediation::Column::Id)
        .filter(remediation::Column::Id.is_in(owners))
        .filter(remediation::Column::Ended.eq(false))
        .into_tuple()
        .all(tx)
        .await?;
    let gone: Vec<&str> = expired.iter().filter(|(_, remediation)| !going_on.contains(remediation)).map(|(id, _)| id.as_str()).collect();
    snapshot_file::Entity::delete_many().filter(snapshot_file::Column::Snapshot.is_in(gone.iter().copied())).exec(tx).await?;
    Ok(snapshot::Entity::delete_many().filter(snapshot::Column::Id.is_in(gone)).exec(tx).await?.rows_affected)
}

/// See `Store::model_called`.
pub async fn model_called(tx: &DatabaseTransaction, call: &ModelCall) -> Result<(), Fault> {
    let row = model_call::ActiveModel {
        id: NotSet,
        remediation: Set(call.remediation.to_string()),
        repo: Set(call.repo.0.cast_signed()),
        route: Set(plain(&call.route)),
        response_id: Set(call.response_id.as_deref().map(plain)),
        input_tokens: Set(call.input_tokens.cast_signed()),
        output_tokens: Set(call.output_tokens.cast_signed()),
        cost_usd: Set(call.cost_usd),
        ok: Set(call.ok),
        at: Set(micros(call.at)),
    };
    model_call::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// See `Store::spent_since`.
pub async fn spent_since(db: &impl ConnectionTrait, since: DateTime<Utc>) -> Result<f64, Fault> {
    let sum: Option<Option<f64>> = model_call::Entity::find()
        .select_only()
        .column_as(model_call::Column::CostUsd.sum(), "sum")
        .filter(model_call::Column::At.gte(micros(since)))
        .into_tuple()
        .one(db)
        .await?;
    Ok(sum.flatten().unwrap_or(0.0))
}
