//! Remediations: the log, its fold, and the acts that append to it.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait as _, TryInsertResult,
    UpdateMany,
};

use super::chain::{LinkHash, micros};
use super::circuits;
use super::entities::{event, remediation};
use super::fault::Fault;
use super::outbox;
use crate::domain::breaker::BreakerSettings;
use crate::domain::ids::{RemediationId, RemediationKey};
use crate::domain::remediation::{AttachedRun, Effect, Event, Illegal, Opening, Phase, Remediation};
use crate::ports::store::{Append, Appended, Filter, StoreError, StoredEvent};

/// What a list gives where no limit is named.
pub const LIST_LIMIT: u64 = 1000;

/// So many of the newest remediations are asked whether they owe a withdrawal.
const OWING_LOOK: u64 = 5000;

/// A remediation whose row this transaction holds.
pub struct Held {
    /// The row as it will be written.
    pub row: remediation::Model,
    /// Its fold.
    pub state: Remediation,
}

impl Held {
    /// Reads the fold of a row.
    pub fn new(row: remediation::Model) -> Result<Self, Fault> {
        let state = read_state(&row.id, &row.state)?;
        Ok(Self { row, state })
    }

    /// The remediation with this id, locked until the transaction ends.
    pub async fn lock(tx: &DatabaseTransaction, id: &RemediationId) -> Result<Self, Fault> {
        let row = remediation::Entity::find_by_id(id.as_str()).lock_exclusive().one(tx).await?;
        Self::new(row.ok_or_else(|| StoreError::NotFound(format!("remediation `{id}`")))?)
    }

    /// The newest generation of this head, locked; `None` if there is none yet.
    pub async fn lock_newest(tx: &DatabaseTransaction, key: &RemediationKey) -> Result<Option<Self>, Fault> {
        let of_head = || {
            remediation::Entity::find()
                .filter(remediation::Column::Repo.eq(key.repo.0.cast_signed()))
                .filter(remediation::Column::Branch.eq(key.branch.as_str()))
                .filter(remediation::Column::Sha.eq(key.sha.as_str()))
                .order_by_desc(remediation::Column::Generation)
                .limit(1)
        };
        loop {
            let Some(row) = of_head().lock_exclusive().one(tx).await? else { return Ok(None) };
            // While we waited for the lock, its holder may have opened the next generation.
            let newest: Option<String> = of_head().select_only().column(remediation::Column::Id).into_tuple().one(tx).await?;
            if newest.as_ref() == Some(&row.id) {
                return Self::new(row).map(Some);
            }
        }
    }

    /// A remediation that does not stand in the database yet, with its first events.
    pub fn open(opening: &Opening, runs: &[AttachedRun], at: DateTime<Utc>, due: DateTime<Utc>) -> Result<(Self, Vec<event::Model>), Fault> {
        let at = micros(at);
        let first = Event::Opened { opening: opening.clone() };
        let (state, _) = Remediation::open(&first, at)?;
        let key = &opening.key;
        let row = remediation::Model {
            id: state.id.to_string(),
            repo: key.repo.0.cast_signed(),
            branch: key.branch.to_string(),
            sha: key.sha.to_string(),
            generation: key.generation.into(),
            phase: String::new(),
            ended: false,
            reason: None,
            fingerprint: None,
            state: String::new(),
            seq: 0,
            head: LinkHash::GENESIS.to_string(),
            due_at: Some(micros(due)),
            lease_until: None,
            lease_worker: None,
            epoch: 0,
            claims: 0,
            failures: 0,
            created_at: at,
            updated_at: at,
        };
        let mut held = Self { row, state };
        let mut links = vec![held.link(&first, at)?.0];
        for run in runs {
            let event = Event::RunAttached { run: run.clone() };
            links.push(held.fold(&event, at)?.0);
        }
        held.settle(at)?;
        Ok((held, links))
    }

    /// The stored form of an event, chained to the head; and the event as it will be read back. What could not be read
    /// back (a number that JSON has no word for) is refused here, not found out later.
    fn link(&mut self, event: &Event, at: DateTime<Utc>) -> Result<(event::Model, Event), Fault> {
        let refuse = |error| Fault::damaged(format_args!("event `{}` can't be stored", event.name()), error);
        let payload = serde_json::to_string(event).map_err(refuse)?;
        let event: Event = serde_json::from_str(&payload).map_err(refuse)?;
        let prev = LinkHash::parse(&self.row.head).ok_or_else(|| Fault::damaged(&self.row.id, "its head is no hash"))?;
        let seq = self.row.seq + 1;
        let hash = prev.next(&self.row.id, seq.cast_unsigned(), at, &payload);
        let link = event::Model {
            remediation: self.row.id.clone(),
            seq,
            at,
            kind: event.name().to_owned(),
            payload,
            prev_hash: std::mem::replace(&mut self.row.head, hash.to_string()),
            hash: hash.to_string(),
        };
        self.row.seq = seq;
        Ok((link, event))
    }

    fn fold(&mut self, event: &Event, at: DateTime<Utc>) -> Result<(event::Model, Vec<Effect>), Fault> {
        let (link, event) = self.link(event, at)?;
        let (state, effects) = self.state.apply(&event, at)?;
        self.state = state;
        Ok((link, effects))
    }

    /// Takes the row's columns from the fold.
    fn settle(&mut self, at: DateTime<Utc>) -> Result<(), Fault> {
        let Self { row, state } = self;
        // Progress: whatever made earlier workers die or wait is behind it.
        if row.phase != state.phase.as_str() {
            row.claims = 0;
            row.failures = 0;
        }
        row.phase = state.phase.as_str().to_owned();
        row.ended = state.phase.is_end();
        row.reason = state.reason.map(|reason| reason.code().to_owned());
        row.fingerprint = state.fingerprint().map(ToString::to_string);
        row.state = serde_json::to_string(state).map_err(|error| Fault::damaged(&row.id, error))?;
        row.updated_at = at;
        if row.ended {
            row.due_at = None;
            row.lease_until = None;
            row.lease_worker = None;
        }
        Ok(())
    }

    /// Appends events to the log and folds them; the row is written by [`Held::save`].
    pub async fn take(&mut self, tx: &DatabaseTransaction, events: &[Event], at: DateTime<Utc>) -> Result<Vec<Effect>, Fault> {
        let mut links = Vec::with_capacity(events.len());
        let mut effects = Vec::new();
        for event in events {
            let (link, follows) = self.fold(event, at)?;
            links.push(link);
            effects.extend(follows);
        }
        self.settle(at)?;
        insert_links(tx, links).await?;
        Ok(effects)
    }

    /// The statement that writes the row; callers may add to it.
    pub fn update(&self) -> UpdateMany<remediation::Entity> {
        let row = &self.row;
        let mut columns = remediation::ActiveModel {
            phase: Set(row.phase.clone()),
            ended: Set(row.ended),
            reason: Set(row.reason.clone()),
            fingerprint: Set(row.fingerprint.clone()),
            state: Set(row.state.clone()),
            seq: Set(row.seq),
            head: Set(row.head.clone()),
            due_at: Set(row.due_at),
            lease_worker: Set(row.lease_worker.clone()),
            epoch: Set(row.epoch),
            claims: Set(row.claims),
            failures: Set(row.failures),
            updated_at: Set(row.updated_at),
            ..Default::default()
        };
        if row.ended {
            columns.lease_until = Set(None);
        }
        remediation::Entity::update_many().set(columns).filter(remediation::Column::Id.eq(row.id.as_str()))
    }

    /// Writes the row.
    pub async fn save(self, tx: &DatabaseTransaction) -> Result<Remediation, Fault> {
        self.update().exec(tx).await?;
        Ok(self.state)
    }
}

async fn insert_links(tx: &DatabaseTransaction, links: Vec<event::Model>) -> Result<(), Fault> {
    // Seven columns a row, and SQLite takes 32,766 parameters a statement; PostgreSQL 65,535.
    let mut links = links.into_iter().map(IntoActiveModel::into_active_model).peekable();
    while links.peek().is_some() {
        event::Entity::insert_many(links.by_ref().take(1000)).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// The fold that a row holds.
pub fn read_state(id: &str, text: &str) -> Result<Remediation, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::damaged(format_args!("the state of `{id}`"), error))
}

/// Writes a new remediation; false if its head has one of this generation already (then nothing is written).
pub async fn insert(tx: &DatabaseTransaction, held: Held, links: Vec<event::Model>) -> Result<bool, Fault> {
    let inserted = remediation::Entity::insert(held.row.into_active_model())
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(tx)
        .await?;
    if !matches!(inserted, TryInsertResult::Inserted(1)) {
        return Ok(false);
    }
    insert_links(tx, links).await?;
    Ok(true)
}

/// See `Store::append`.
pub async fn append(tx: &DatabaseTransaction, breaker: &BreakerSettings, append: &Append, now: DateTime<Utc>) -> Result<Appended, Fault> {
    let now = micros(now);
    let id = &append.remediation;
    let mut held = Held::lock(tx, id).await?;
    let epoch = held.row.epoch.cast_unsigned();
    if let Some(mine) = append.epoch.filter(|mine| *mine != epoch) {
        return Err(StoreError::LeaseLost { remediation: id.clone(), held: mine, current: epoch }.into());
    }
    let seq = held.row.seq.cast_unsigned();
    if append.expected_seq != seq {
        return Err(StoreError::Stale { remediation: id.clone(), expected: append.expected_seq, current: seq }.into());
    }
    let known_as = held.state.fingerprint().cloned();
    let effects = held.take(tx, &append.events, now).await?;
    if let Some(due) = append.due.filter(|_| !held.row.ended) {
        held.row.due_at = Some(micros(due));
    }
    if let Some(before) = known_as.as_ref().filter(|before| held.state.fingerprint() != Some(*before)) {
        // A second look gave the failure another signature: a probe taken under the first is not used.
        circuits::follow(tx, breaker, held.state.opening.key.repo, before, id, &[Effect::ReleaseProbe], now).await?;
    }
    if let Some(fingerprint) = held.state.fingerprint() {
        circuits::follow(tx, breaker, held.state.opening.key.repo, fingerprint, id, &effects, now).await?;
    }
    let remediation = held.save(tx).await?;
    if let Some(alert) = &append.alert {
        outbox::put(tx, id, alert, now).await?;
    }
    Ok(Appended { remediation, effects })
}

/// See `Store::reopen`.
pub async fn reopen(tx: &DatabaseTransaction, key: &RemediationKey, dry_run: bool, at: DateTime<Utc>) -> Result<(RemediationId, RemediationId), Fault> {
    loop {
        let ended = Held::lock_newest(tx, key).await?.ok_or_else(|| StoreError::NotFound(format!("a remediation of `{}` at {}", key.branch, key.sha)))?;
        if !ended.row.ended {
            return Err(Illegal::Event { phase: ended.state.phase, event: "opened" }.into());
        }
        let mut opening = ended.state.opening.clone();
        opening.key.generation = opening.key.generation.saturating_add(1);
        // How it is now, not how it was then: whoever asks again after a dry-run wants the real thing.
        opening.dry_run = dry_run;
        let (held, links) = Held::open(&opening, &ended.state.runs, at, at)?;
        let id = held.state.id.clone();
        if insert(tx, held, links).await? {
            return Ok((ended.state.id, id));
        }
    }
}

/// See `Store::load`.
pub async fn load(db: &impl ConnectionTrait, id: &RemediationId) -> Result<Option<Remediation>, Fault> {
    let state: Option<String> = remediation::Entity::find_by_id(id.as_str()).select_only().column(remediation::Column::State).into_tuple().one(db).await?;
    state.map(|state| read_state(id.as_str(), &state)).transpose()
}

/// See `Store::events`.
pub async fn events(db: &impl ConnectionTrait, id: &RemediationId) -> Result<Vec<StoredEvent>, Fault> {
    let rows = event::Entity::find().filter(event::Column::Remediation.eq(id.as_str())).order_by_asc(event::Column::Seq).all(db).await?;
    rows.into_iter().map(|row| read_event(&row).map(|event| StoredEvent { seq: row.seq.cast_unsigned(), at: row.at, event, hash: row.hash })).collect()
}

/// The event of a row.
pub fn read_event(row: &event::Model) -> Result<Event, Fault> {
    serde_json::from_str(&row.payload).map_err(|error| Fault::damaged(format_args!("event {} of `{}`", row.seq, row.remediation), error))
}

/// See `Store::list`.
pub async fn list(db: &impl ConnectionTrait, filter: &Filter) -> Result<Vec<Remediation>, Fault> {
    let mut query = remediation::Entity::find()
        .select_only()
        .column(remediation::Column::Id)
        .column(remediation::Column::State)
        .order_by_desc(remediation::Column::CreatedAt)
        .order_by_desc(remediation::Column::Id)
        .limit(if filter.limit == 0 { LIST_LIMIT } else { filter.limit });
    if let Some(repo) = filter.repo {
        query = query.filter(remediation::Column::Repo.eq(repo.0.cast_signed()));
    }
    if let Some(branch) = &filter.branch {
        query = query.filter(remediation::Column::Branch.eq(branch.as_str()));
    }
    if let Some(fingerprint) = &filter.fingerprint {
        query = query.filter(remediation::Column::Fingerprint.eq(fingerprint.as_str()));
    }
    if !filter.phases.is_empty() {
        query = query.filter(remediation::Column::Phase.is_in(filter.phases.iter().map(|phase| phase.as_str())));
    }
    if filter.owing {
        // Of the newest only, so that the look stays cheap however many there are. In JSON the word stands in quotes nowhere but in the list of intents:
        // quotes within texts are escaped.
        let mut newest = remediation::Entity::find().select_only().column(remediation::Column::Id);
        newest = newest.order_by_desc(remediation::Column::CreatedAt).limit(OWING_LOOK);
        query = query.filter(remediation::Column::Id.in_subquery(newest.into_query())).filter(remediation::Column::State.contains("\"withdraw\""));
    }
    let rows: Vec<(String, String)> = query.into_tuple().all(db).await?;
    rows.iter().map(|(id, state)| read_state(id, state)).collect()
}

/// See `Store::depth`.
pub async fn depth(db: &impl ConnectionTrait) -> Result<Vec<(Phase, u64)>, Fault> {
    let rows: Vec<(String, i64)> = remediation::Entity::find()
        .select_only()
        .column(remediation::Column::Phase)
        .column_as(remediation::Column::Id.count(), "number")
        .group_by(remediation::Column::Phase)
        .into_tuple()
        .all(db)
        .await?;
    let mut depth = rows
        .into_iter()
        .map(|(name, number)| {
            Phase::parse(&name).map(|phase| (phase, number.cast_unsigned())).ok_or_else(|| Fault::damaged("a remediation", format_args!("phase `{name}`")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    depth.sort_unstable();
    Ok(depth)
}
