//! Circuits: the domain decides how they move, and each move is made under the row's lock.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};

use super::chain::micros;
use super::entities::circuit::{Column, Entity, Model};
use super::fault::Fault;
use super::remediations;
use crate::domain::breaker::{Admission, BreakerSettings, Circuit, CircuitState, Probe};
use crate::domain::ids::{Fingerprint, RemediationId, RepoId};
use crate::domain::remediation::{Effect, Phase};
use crate::ports::store::CircuitRow;

fn read(row: &Model) -> Result<Circuit, Fault> {
    let what = || format!("the circuit of `{}` in repository {}", row.fingerprint, row.repo.cast_unsigned());
    let number = |value: i64| u32::try_from(value).map_err(|error| Fault::damaged(what(), error));
    let probe = match (&row.probe_remediation, row.probe_since) {
        (Some(id), Some(since)) => Some(Probe { remediation: RemediationId::parse(id).map_err(|error| Fault::damaged(what(), error))?, since }),
        (None, None) => None,
        _ => return Err(Fault::damaged(what(), "half a probe")),
    };
    Ok(Circuit {
        state: CircuitState::parse(&row.state).ok_or_else(|| Fault::damaged(what(), format_args!("state `{}`", row.state)))?,
        failure_count: number(row.failure_count)?,
        openings: number(row.openings)?,
        opened_at: row.opened_at,
        reset_at: row.reset_at,
        probe,
    })
}

fn write(repo: RepoId, fingerprint: &Fingerprint, circuit: &Circuit, now: DateTime<Utc>) -> Model {
    Model {
        repo: repo.0.cast_signed(),
        fingerprint: fingerprint.to_string(),
        state: circuit.state.as_str().to_owned(),
        failure_count: circuit.failure_count.into(),
        openings: circuit.openings.into(),
        opened_at: circuit.opened_at.map(micros),
        reset_at: circuit.reset_at.map(micros),
        probe_remediation: circuit.probe.as_ref().map(|probe| probe.remediation.to_string()),
        probe_since: circuit.probe.as_ref().map(|probe| micros(probe.since)),
        updated_at: micros(now),
    }
}

async fn lock(tx: &DatabaseTransaction, repo: RepoId, fingerprint: &Fingerprint) -> Result<Option<Circuit>, Fault> {
    let row = Entity::find_by_id((repo.0.cast_signed(), fingerprint.to_string())).lock_exclusive().one(tx).await?;
    row.as_ref().map(read).transpose()
}

async fn save(tx: &DatabaseTransaction, repo: RepoId, fingerprint: &Fingerprint, circuit: &Circuit, now: DateTime<Utc>) -> Result<(), Fault> {
    let row = write(repo, fingerprint, circuit, now).into_active_model();
    let key = [Column::Repo, Column::Fingerprint];
    let rest = [
        Column::State,
        Column::FailureCount,
        Column::Openings,
        Column::OpenedAt,
        Column::ResetAt,
        Column::ProbeRemediation,
        Column::ProbeSince,
        Column::UpdatedAt,
    ];
    Entity::insert(row).on_conflict(OnConflict::columns(key).update_columns(rest).to_owned()).exec_without_returning(tx).await?;
    Ok(())
}

/// When the probe's remediation said something last, or until when it waits for a person; `None` where it holds no more.
async fn heard(tx: &DatabaseTransaction, circuit: &Circuit) -> Result<Option<DateTime<Utc>>, Fault> {
    let Some(probe) = &circuit.probe else { return Ok(None) };
    let Some(state) = remediations::load(tx, &probe.remediation).await?.filter(|state| !state.phase.is_end()) else { return Ok(None) };
    let waits = state.approval_until.filter(|_| state.phase == Phase::AwaitingApproval);
    Ok(waits.max(Some(state.updated_at)))
}

/// Moves the circuit as the effects of events say. Before a failure is counted the row must exist, because only a row
/// can be locked: two first failures at once are two.
pub async fn follow(
    tx: &DatabaseTransaction,
    settings: &BreakerSettings,
    repo: RepoId,
    fingerprint: &Fingerprint,
    remediation: &RemediationId,
    effects: &[Effect],
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let moves = |effect: &&Effect| matches!(effect, Effect::CircuitFailure | Effect::CircuitSuccess | Effect::ReleaseProbe);
    if !effects.iter().any(|effect| moves(&effect)) {
        return Ok(());
    }
    if effects.contains(&Effect::CircuitFailure) {
        let blank = write(repo, fingerprint, &Circuit::default(), now).into_active_model();
        Entity::insert(blank).on_conflict(OnConflict::new().do_nothing().to_owned()).try_insert().exec_without_returning(tx).await?;
    }
    let Some(before) = lock(tx, repo, fingerprint).await? else { return Ok(()) };
    let after = effects.iter().filter(moves).fold(before.lapse(now, heard(tx, &before).await?, settings), |circuit, effect| match effect {
        Effect::CircuitFailure => circuit.failed(remediation, now, settings),
        Effect::CircuitSuccess => circuit.succeeded(),
        _ => circuit.released(remediation),
    });
    if after != before {
        save(tx, repo, fingerprint, &after, now).await?;
    }
    Ok(())
}

/// See `Store::admit`. A circuit without a row is closed and stays without.
pub async fn admit(
    tx: &DatabaseTransaction,
    settings: &BreakerSettings,
    repo: RepoId,
    fingerprint: &Fingerprint,
    remediation: &RemediationId,
    now: DateTime<Utc>,
) -> Result<(Circuit, bool), Fault> {
    let now = micros(now);
    let Some(before) = lock(tx, repo, fingerprint).await? else { return Ok((Circuit::default(), true)) };
    let heard = heard(tx, &before).await?;
    let lapsed = before.lapse(now, heard, settings);
    let (after, allowed) = match lapsed.admit(remediation, now, heard, settings) {
        Admission::Allowed => (lapsed, true),
        Admission::Probe(probed) => (probed, true),
        Admission::Refused { .. } => (lapsed, false),
    };
    if after != before {
        save(tx, repo, fingerprint, &after, now).await?;
    }
    Ok((after, allowed))
}

/// Closes circuits; how many were not as new.
pub async fn reset(tx: &DatabaseTransaction, repo: RepoId, fingerprint: Option<&Fingerprint>, now: DateTime<Utc>) -> Result<u64, Fault> {
    let mut query = Entity::find().filter(Column::Repo.eq(repo.0.cast_signed())).order_by_asc(Column::Fingerprint).lock_exclusive();
    if let Some(fingerprint) = fingerprint {
        query = query.filter(Column::Fingerprint.eq(fingerprint.as_str()));
    }
    let mut closed = 0;
    for row in query.all(tx).await? {
        let (row, circuit) = (read_row(&row)?, read(&row)?);
        let after = circuit.reset();
        if after != circuit {
            save(tx, repo, &row.fingerprint, &after, now).await?;
            closed += 1;
        }
    }
    Ok(closed)
}

fn read_row(row: &Model) -> Result<CircuitRow, Fault> {
    Ok(CircuitRow {
        repo: RepoId(row.repo.cast_unsigned()),
        fingerprint: Fingerprint::parse(&row.fingerprint).map_err(|error| Fault::damaged("a circuit", error))?,
        circuit: read(row)?,
        updated_at: row.updated_at,
    })
}

/// See `Store::circuit`.
pub async fn one(db: &impl ConnectionTrait, repo: RepoId, fingerprint: &Fingerprint) -> Result<Circuit, Fault> {
    let row = Entity::find_by_id((repo.0.cast_signed(), fingerprint.to_string())).one(db).await?;
    Ok(row.as_ref().map(read).transpose()?.unwrap_or_default())
}

/// See `Store::circuits`.
pub async fn all(db: &impl ConnectionTrait, repo: Option<RepoId>) -> Result<Vec<CircuitRow>, Fault> {
    let mut query = Entity::find().order_by_asc(Column::Repo).order_by_asc(Column::Fingerprint);
    if let Some(repo) = repo {
        query = query.filter(Column::Repo.eq(repo.0.cast_signed()));
    }
    query.all(db).await?.iter().map(read_row).collect()
}
