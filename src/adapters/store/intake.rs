//! What comes in: repositories, run attempts that were seen, webhook deliveries. Unique keys do the deduplication.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, TryInsertResult};

use super::chain::micros;
use super::entities::{delivery, repository, run_seen};
use super::fault::Fault;
use super::outbox;
use super::remediations::{self, Held};
use crate::domain::ids::{BranchName, CommitSha, RemediationId, RepoId, RepoSlug, RunId, RunKey};
use crate::domain::remediation::{AttachedRun, Event, Opening, Phase, Reason};
use crate::ports::alerts::AlertText;
use crate::ports::store::{Attached, Delivery, SeenRun, StoreError, WatchedRepository};

/// PostgreSQL's text can't hold U+0000, and no text of ours needs it.
pub fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn read_repository(row: repository::Model) -> Result<WatchedRepository, Fault> {
    let what = format!("repository {}", row.id.cast_unsigned());
    Ok(WatchedRepository {
        id: RepoId(row.id.cast_unsigned()),
        slug: RepoSlug::parse(&row.slug).map_err(|error| Fault::damaged(&what, error))?,
        default_branch: BranchName::parse(&row.default_branch).map_err(|error| Fault::damaged(&what, error))?,
        validator: row.validator,
        cursor: row.cursor_at,
        polled_at: row.polled_at,
    })
}

/// See `Store::watch`.
pub async fn watch(tx: &DatabaseTransaction, id: RepoId, slug: &RepoSlug, default_branch: &BranchName) -> Result<WatchedRepository, Fault> {
    let row = repository::Model {
        id: id.0.cast_signed(),
        slug: slug.to_string(),
        default_branch: default_branch.to_string(),
        validator: None,
        cursor_at: None,
        polled_at: None,
    };
    let renamed = OnConflict::column(repository::Column::Id).update_columns([repository::Column::Slug, repository::Column::DefaultBranch]).to_owned();
    let row = repository::Entity::insert(row.into_active_model()).on_conflict(renamed).exec_with_returning(tx).await?;
    read_repository(row)
}

/// See `Store::watched`.
pub async fn watched(db: &impl ConnectionTrait) -> Result<Vec<WatchedRepository>, Fault> {
    repository::Entity::find().order_by_asc(repository::Column::Slug).all(db).await?.into_iter().map(read_repository).collect()
}

/// See `Store::polled`.
pub async fn polled(tx: &DatabaseTransaction, id: RepoId, validator: Option<&str>, cursor: Option<DateTime<Utc>>, at: DateTime<Utc>) -> Result<(), Fault> {
    let mut update = repository::Entity::update_many()
        .col_expr(repository::Column::Validator, Expr::value(validator.map(plain)))
        .col_expr(repository::Column::PolledAt, Expr::value(micros(at)))
        .filter(repository::Column::Id.eq(id.0.cast_signed()));
    if let Some(cursor) = cursor {
        update = update.col_expr(repository::Column::CursorAt, Expr::value(micros(cursor)));
    }
    match update.exec(tx).await?.rows_affected {
        0 => Err(StoreError::NotFound(format!("repository {id}")).into()),
        _ => Ok(()),
    }
}

fn run_key(key: RunKey) -> (i64, i64, i64) {
    (key.repo.0.cast_signed(), key.run.0.cast_signed(), key.attempt.into())
}

/// See `Store::seen`.
pub async fn seen(db: &impl ConnectionTrait, key: RunKey) -> Result<Option<SeenRun>, Fault> {
    let Some(row) = run_seen::Entity::find_by_id(run_key(key)).one(db).await? else { return Ok(None) };
    let what = format!("run {} of repository {}", key.run, key.repo);
    let refused = row
        .refused
        .map(|code| Reason::ALL.iter().copied().find(|reason| reason.code() == code).ok_or_else(|| Fault::damaged(&what, format_args!("reason `{code}`"))));
    Ok(Some(SeenRun {
        key: RunKey { repo: RepoId(row.repo.cast_unsigned()), run: RunId(row.run.cast_unsigned()), attempt: key.attempt },
        branch: row.branch,
        sha: CommitSha::parse(&row.sha).map_err(|error| Fault::damaged(&what, error))?,
        remediation: row.remediation.map(|id| RemediationId::parse(&id)).transpose().map_err(|error| Fault::damaged(&what, error))?,
        refused: refused.transpose()?,
    }))
}

/// Notes a run; false if it was seen before. A concurrent note of the same run is waited for.
pub async fn note(tx: &DatabaseTransaction, run: &SeenRun, at: DateTime<Utc>) -> Result<bool, Fault> {
    let (repo, number, attempt) = run_key(run.key);
    let row = run_seen::Model {
        repo,
        run: number,
        attempt,
        branch: run.branch.as_deref().map(plain),
        sha: run.sha.to_string(),
        remediation: run.remediation.as_ref().map(ToString::to_string),
        refused: run.refused.map(|reason| reason.code().to_owned()),
        seen_at: micros(at),
    };
    let noted = run_seen::Entity::insert(row.into_active_model())
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(tx)
        .await?;
    Ok(matches!(noted, TryInsertResult::Inserted(1)))
}

/// See `Store::attach`.
///
/// The newest generation of the head takes the run; where that has ended without a word about it, the next one is opened. Where none stands, it is opened; if somebody else opens it in the
/// same moment, the insert waits for them and does nothing, and the run joins theirs.
pub async fn attach(
    tx: &DatabaseTransaction,
    opening: &Opening,
    run: &AttachedRun,
    alert: Option<&AlertText>,
    at: DateTime<Utc>,
    due: DateTime<Utc>,
) -> Result<Attached, Fault> {
    let key = RunKey { repo: opening.key.repo, run: run.run, attempt: run.attempt };
    let seen = SeenRun { key, branch: Some(opening.key.branch.to_string()), sha: opening.key.sha.clone(), remediation: None, refused: None };
    if !note(tx, &seen, at).await? {
        return Ok(Attached::Duplicate);
    }
    let mut opening = opening.clone();
    let attached = loop {
        match Held::lock_newest(tx, &opening.key).await? {
            Some(held) if held.row.generation >= opening.key.generation.into() => {
                if !unjudged(&held, run) {
                    break join(tx, held, run, at, due).await?;
                }
                opening.key.generation = held.state.opening.key.generation.saturating_add(1);
            }
            _ => {
                let (held, links) = Held::open(&opening, std::slice::from_ref(run), at, due)?;
                let id = held.state.id.clone();
                if remediations::insert(tx, held, links).await? {
                    if let Some(alert) = alert {
                        outbox::put(tx, &id, alert, at).await?;
                    }
                    break Attached::Opened(id);
                }
            }
        }
    };
    if let Attached::Opened(id) | Attached::Joined(id) | Attached::Ended(id) = &attached {
        let (repo, number, attempt) = run_key(key);
        run_seen::Entity::update_many()
            .col_expr(run_seen::Column::Remediation, Expr::value(id.as_str()))
            .filter(run_seen::Column::Repo.eq(repo))
            .filter(run_seen::Column::Run.eq(number))
            .filter(run_seen::Column::Attempt.eq(attempt))
            .exec(tx)
            .await?;
    }
    Ok(attached)
}

/// Whether the head's last remediation ended before this run failed, and said nothing of it: then it is a failure that nobody has judged.
fn unjudged(held: &Held, run: &AttachedRun) -> bool {
    let of_its_runs = held.state.reason.is_some_and(Reason::judges_its_runs_only);
    held.row.ended && of_its_runs && !held.state.runs.iter().any(|known| known.run == run.run)
}

/// While the head settles, a further run puts the first look off, to what the caller gives and never beyond it.
async fn join(tx: &DatabaseTransaction, mut held: Held, run: &AttachedRun, at: DateTime<Utc>, due: DateTime<Utc>) -> Result<Attached, Fault> {
    let id = held.state.id.clone();
    if held.row.ended {
        return Ok(Attached::Ended(id));
    }
    held.take(tx, &[Event::RunAttached { run: run.clone() }], micros(at)).await?;
    if held.state.phase == Phase::Pending {
        held.row.due_at = held.row.due_at.max(Some(micros(due)));
    }
    held.save(tx).await?;
    Ok(Attached::Joined(id))
}

/// See `Store::deliver`.
pub async fn deliver(tx: &DatabaseTransaction, delivery: &Delivery) -> Result<bool, Fault> {
    let row = delivery::Model {
        id: plain(&delivery.id),
        event: plain(&delivery.event),
        payload: plain(&delivery.payload),
        at: micros(delivery.at),
        handled_at: None,
    };
    let kept = delivery::Entity::insert(row.into_active_model())
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(tx)
        .await?;
    Ok(matches!(kept, TryInsertResult::Inserted(1)))
}

/// See `Store::deliveries`.
pub async fn deliveries(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Delivery>, Fault> {
    let rows = delivery::Entity::find()
        .filter(delivery::Column::HandledAt.is_null())
        .order_by_asc(delivery::Column::At)
        .order_by_asc(delivery::Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| Delivery { id: row.id, event: row.event, payload: row.payload, at: row.at }).collect())
}

/// See `Store::delivered`.
pub async fn delivered(tx: &DatabaseTransaction, id: &str, now: DateTime<Utc>) -> Result<(), Fault> {
    let handled = delivery::Entity::update_many()
        .col_expr(delivery::Column::HandledAt, Expr::value(micros(now)))
        .filter(delivery::Column::Id.eq(plain(id)))
        .exec(tx)
        .await?;
    match handled.rows_affected {
        0 => Err(StoreError::NotFound(format!("delivery `{}`", plain(id))).into()),
        _ => Ok(()),
    }
}

/// See `Store::purge`.
pub async fn purge(tx: &DatabaseTransaction, handled: DateTime<Utc>) -> Result<u64, Fault> {
    Ok(delivery::Entity::delete_many().filter(delivery::Column::HandledAt.lt(micros(handled))).exec(tx).await?.rows_affected)
}
