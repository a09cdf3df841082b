//! The store, through sea-orm: one code path for SQLite and PostgreSQL.
//!
//! Every method of the port is one transaction. Writes go through `writing!`, which begins anew where the
//! database was busy or chose the transaction as a victim, and never after a COMMIT whose outcome is not known.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode, TransactionOptions, TransactionTrait};

use crate::domain::breaker::{BreakerSettings, Circuit};
use crate::domain::ids::{BranchName, Fingerprint, RemediationId, RemediationKey, RepoId, RepoSlug, RunKey};
use crate::domain::remediation::{AttachedRun, Opening, Phase, Remediation};
use crate::ports::alerts::{AlertText, MessageRef};
use crate::ports::store::{
    Append, Appended, Attached, AuditEntry, ChainReport, CircuitRow, Claim, Delivery, DueAlert, Filter, ModelCall, Pause, SeenRun, Snapshot, Store, StoreError,
    StoredEvent, WatchedRepository,
};

mod audit;
mod chain;
mod circuits;
mod connect;
mod entities;
mod fault;
mod intake;
mod leases;
mod outbox;
mod remediations;
mod snapshots;
mod verify;

use connect::Address;
use fault::Fault;

/// How often a transaction is begun before the caller hears of it.
const TRIES: u32 = 6;
/// The first wait between two tries; each further one is twice as long, and a random part of itself shorter.
const FIRST_WAIT: Duration = Duration::from_millis(5);
/// The key of the advisory lock under which PostgreSQL is migrated: `regreen` in ASCII.
const MIGRATION_LOCK: i64 = 0x0072_6567_7265_656e;

/// Runs `$work` in one transaction, `$tx`: everything it did is gone if it fails, or if the future is dropped. It may be run
/// several times, each time on a clean slate.
///
/// Not a function that takes a closure: there is no way yet to ask of an `AsyncFn` that its future be `Send`.
macro_rules! writing {
    ($store:ident, $tx:ident => $work:expr) => {{
        let mut tries = 0;
        loop {
            tries += 1;
            let tried = match $store.begin().await {
                Ok(begun) => {
                    let $tx = &begun;
                    let outcome: Result<_, Fault> = async { $work }.await;
                    finish(begun, outcome).await
                }
                Err(failed) => Err(failed),
            };
            match tried {
                Ok(done) => break Ok(done),
                Err((fault, undone)) => {
                    if let Err(error) = again(fault, undone, tries).await {
                        break Err(error);
                    }
                }
            }
        }
    }};
}

/// Runs a read, `$db`; again where the connection was lost.
macro_rules! reading {
    ($store:ident, $db:ident => $work:expr) => {{
        let mut tries = 0;
        loop {
            tries += 1;
            let $db = &$store.read;
            let outcome: Result<_, Fault> = async { $work }.await;
            match outcome {
                Ok(done) => break Ok(done),
                Err(fault) => {
                    if let Err(error) = again(fault, true, tries).await {
                        break Err(error);
                    }
                }
            }
        }
    }};
}

/// A database.
#[derive(Clone)]
pub struct SqlStore {
    write: DatabaseConnection,
    read: DatabaseConnection,
    address: String,
    breaker: BreakerSettings,
    /// Of a private store: removed with the last clone.
    _folder: Option<Arc<tempfile::TempDir>>,
}

impl std::fmt::Debug for SqlStore {
    /// Names the place without its credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlStore").field("address", &self.address).field("breaker", &self.breaker).finish_non_exhaustive()
    }
}

/// A step of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStep {
    /// Its name.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

impl SqlStore {
    /// Opens the database at `url` and brings its schema up to date. `sqlite://path`, a bare path, `postgres://…`.
    ///
    /// A SQLite file is made if it is missing, readable by its owner only. Several processes may open the same database at
    /// once: one migrates, the others wait for it.
    pub async fn open(url: &str, breaker: BreakerSettings) -> Result<Self, StoreError> {
        let store = Self::connect(url, breaker).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Opens the database and leaves its schema as it is; for `migrate status`.
    pub async fn connect(url: &str, breaker: BreakerSettings) -> Result<Self, StoreError> {
        Self::at(&Address::parse(url)?, breaker, None).await
    }

    /// A private store that is gone with its last clone, for a single `fix` on a local clone. It is a SQLite file in a
    /// temporary folder that never waits for the disk: one in memory has no second connection to read by.
    pub async fn in_memory(breaker: BreakerSettings) -> Result<Self, StoreError> {
        let folder = tempfile::Builder::new()
            .prefix("regreen-store-")
            .tempdir()
            .map_err(|error| StoreError::Unavailable(format!("a temporary folder can't be made: {error}; check TMPDIR")))?;
        let address = Address::Sqlite { path: folder.path().join("regreen.db"), create: true, fleeting: true };
        let store = Self::at(&address, breaker, Some(Arc::new(folder))).await?;
        store.migrate().await?;
        Ok(store)
    }

    async fn at(address: &Address, breaker: BreakerSettings, folder: Option<Arc<tempfile::TempDir>>) -> Result<Self, StoreError> {
        let (write, read) = address.open().await?;
        Ok(Self { write, read, address: address.to_string(), breaker, _folder: folder })
    }

    /// Applies what is missing of the schema; the names of what was applied.
    ///
    /// A database that a newer release has already expanded is left alone: the two work side by side while replicas are
    /// exchanged.
    pub async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        let pending = |steps: Vec<MigrationStep>| steps.into_iter().filter(|step| !step.applied).map(|step| step.name).collect::<Vec<_>>();
        // Most starts have nothing to do, and should not wait for the one writer of a SQLite file.
        if pending(self.migrations_status().await?).is_empty() {
            return Ok(Vec::new());
        }
        writing!(self, tx => {
            if tx.get_database_backend() == DbBackend::Postgres {
                // Held to the end of the transaction; whoever waits here finds nothing left to do.
                tx.execute_unprepared(&format!("SET LOCAL lock_timeout = '5min'; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
            }
            let missing = pending(steps(tx).await?);
            if !missing.is_empty() {
                Migrator::up(tx, None).await?;
            }
            Ok(missing)
        })
    }

    /// All steps of the schema that this release knows, oldest first.
    pub async fn migrations_status(&self) -> Result<Vec<MigrationStep>, StoreError> {
        reading!(self, db => steps(db).await)
    }

    /// Lets go of all connections. Calls after it fail.
    pub async fn close(&self) -> Result<(), StoreError> {
        // Readers first: the last connection to a SQLite file folds its log into it, and readers may not.
        self.read.close_by_ref().await.map_err(|error| Fault::from(error).into_store())?;
        self.write.close_by_ref().await.map_err(|error| Fault::from(error).into_store())
    }

    /// Begins a transaction that may write.
    async fn begin(&self) -> Result<DatabaseTransaction, (Fault, bool)> {
        // Read-modify-write on SQLite must take the write lock at once: a reader that wants to become a writer later is
        // refused when somebody else wrote meanwhile. PostgreSQL ignores the mode.
        let options = TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
        self.write.begin_with_options(options).await.map_err(|error| (error.into(), true))
    }
}

/// Commits or rolls back. With the failure comes whether it is sure that nothing was committed.
async fn finish<T>(tx: DatabaseTransaction, outcome: Result<T, Fault>) -> Result<T, (Fault, bool)> {
    match outcome {
        Ok(done) => match tx.commit().await {
            Ok(()) => Ok(done),
            Err(error) => {
                let fault = Fault::from(error);
                let undone = fault.refused_by_database();
                Err((fault, undone))
            }
        },
        Err(fault) => {
            // If it can't be rolled back the connection is broken, and the database does it.
            let _ = tx.rollback().await;
            Err((fault, true))
        }
    }
}

/// Waits for the next try, or says why there is none.
async fn again(fault: Fault, undone: bool, tries: u32) -> Result<(), StoreError> {
    if !undone || !fault.is_transient() || tries >= TRIES {
        return Err(fault.into_store());
    }
    tracing::debug!(?fault, tries, "a transaction is begun anew");
    let longest = FIRST_WAIT * 2u32.saturating_pow(tries.saturating_sub(1).min(10));
    tokio::time::sleep(longest.mul_f64(rand::random_range(0.5..=1.0))).await;
    Ok(())
}

/// Reads what is applied without writing, so that it can be asked through a connection that may only read.
async fn steps(db: &impl ConnectionTrait) -> Result<Vec<MigrationStep>, Fault> {
    use sea_orm::sea_query::{Alias, Query};
    let table = Migrator::migration_table_name();
    let applied: Vec<String> = if has_table(db, &table.to_string()).await? {
        let names = Query::select().column(Alias::new("version")).from(table).to_owned();
        db.query_all(&names).await?.iter().map(|row| row.try_get("", "version")).collect::<Result<_, _>>()?
    } else {
        Vec::new()
    };
    Ok(Migrator::get_migration_files()
        .iter()
        .map(|step| MigrationStep { name: step.name().to_owned(), applied: applied.iter().any(|name| name == step.name()) })
        .collect())
}

async fn has_table(db: &impl ConnectionTrait, name: &str) -> Result<bool, Fault> {
    use sea_orm::Statement;
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = $1",
        _ => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
    };
    Ok(db.query_one_raw(Statement::from_sql_and_values(backend, sql, [name.into()])).await?.is_some())
}

#[async_trait]
impl Store for SqlStore {
    async fn ping(&self) -> Result<(), StoreError> {
        reading!(self, db => Ok(db.execute_unprepared("SELECT 1").await.map(drop)?))
    }

    async fn watch(&self, id: RepoId, slug: &RepoSlug, default_branch: &BranchName) -> Result<WatchedRepository, StoreError> {
        writing!(self, tx => intake::watch(tx, id, slug, default_branch).await)
    }

    async fn watched(&self) -> Result<Vec<WatchedRepository>, StoreError> {
        reading!(self, db => intake::watched(db).await)
    }

    async fn polled(&self, id: RepoId, validator: Option<&str>, cursor: Option<DateTime<Utc>>, at: DateTime<Utc>) -> Result<(), StoreError> {
        writing!(self, tx => intake::polled(tx, id, validator, cursor, at).await)
    }

    async fn seen(&self, key: RunKey) -> Result<Option<SeenRun>, StoreError> {
        reading!(self, db => intake::seen(db, key).await)
    }

    async fn refuse(&self, run: &SeenRun, at: DateTime<Utc>) -> Result<(), StoreError> {
        writing!(self, tx => intake::note(tx, run, at).await.map(drop))
    }

    async fn attach(
        &self,
        opening: &Opening,
        run: &AttachedRun,
        alert: Option<AlertText>,
        at: DateTime<Utc>,
        due: DateTime<Utc>,
    ) -> Result<Attached, StoreError> {
        writing!(self, tx => intake::attach(tx, opening, run, alert.as_ref(), at, due).await)
    }

    async fn reopen(&self, key: &RemediationKey, dry_run: bool, by: &str, at: DateTime<Utc>) -> Result<RemediationId, StoreError> {
        writing!(self, tx => {
            let (ended, opened) = remediations::reopen(tx, key, dry_run, at).await?;
            audit::append(tx, by, "retry", ended.as_str(), &format!("opened again as {opened}"), at).await?;
            Ok(opened)
        })
    }

    async fn claim(&self, worker: &str, lease: Duration, now: DateTime<Utc>) -> Result<Option<Claim>, StoreError> {
        writing!(self, tx => leases::claim(tx, worker, lease, now).await)
    }

    async fn claim_one(&self, id: &RemediationId, worker: &str, lease: Duration, now: DateTime<Utc>) -> Result<Option<Claim>, StoreError> {
        writing!(self, tx => leases::claim_one(tx, id, worker, lease, now).await)
    }

    async fn heartbeat(&self, id: &RemediationId, epoch: u64, lease: Duration) -> Result<(), StoreError> {
        writing!(self, tx => leases::heartbeat(tx, id, epoch, lease).await)
    }

    async fn release(&self, id: &RemediationId, epoch: u64, due: DateTime<Utc>, failed: bool) -> Result<(), StoreError> {
        writing!(self, tx => leases::release(tx, id, epoch, due, failed).await)
    }

    async fn orphan(&self, worker_prefix: &str) -> Result<u64, StoreError> {
        writing!(self, tx => leases::orphan(tx, worker_prefix).await)
    }

    async fn append(&self, append: &Append, now: DateTime<Utc>) -> Result<Appended, StoreError> {
        writing!(self, tx => remediations::append(tx, &self.breaker, append, now).await)
    }

    async fn load(&self, id: &RemediationId) -> Result<Option<Remediation>, StoreError> {
        reading!(self, db => remediations::load(db, id).await)
    }

    async fn events(&self, id: &RemediationId) -> Result<Vec<StoredEvent>, StoreError> {
        reading!(self, db => remediations::events(db, id).await)
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Remediation>, StoreError> {
        reading!(self, db => remediations::list(db, filter).await)
    }

    async fn depth(&self) -> Result<Vec<(Phase, u64)>, StoreError> {
        reading!(self, db => remediations::depth(db).await)
    }

    async fn circuit(&self, repo: RepoId, fingerprint: &Fingerprint) -> Result<Circuit, StoreError> {
        reading!(self, db => circuits::one(db, repo, fingerprint).await)
    }

    async fn circuits(&self, repo: Option<RepoId>) -> Result<Vec<CircuitRow>, StoreError> {
        reading!(self, db => circuits::all(db, repo).await)
    }

    async fn admit(&self, repo: RepoId, fingerprint: &Fingerprint, remediation: &RemediationId, now: DateTime<Utc>) -> Result<(Circuit, bool), StoreError> {
        writing!(self, tx => circuits::admit(tx, &self.breaker, repo, fingerprint, remediation, now).await)
    }

    async fn reset_circuits(&self, repo: RepoId, fingerprint: Option<&Fingerprint>, by: &str, reason: &str, now: DateTime<Utc>) -> Result<u64, StoreError> {
        writing!(self, tx => {
            let closed = circuits::reset(tx, repo, fingerprint, now).await?;
            let which = fingerprint.map_or("all signatures".to_owned(), |fingerprint| format!("signature {fingerprint}"));
            audit::append(tx, by, "circuit_reset", &format!("repository {repo}, {which}"), reason, now).await?;
            Ok(closed)
        })
    }

    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        writing!(self, tx => snapshots::save(tx, snapshot).await)
    }

    async fn snapshot(&self, id: &str) -> Result<Option<Snapshot>, StoreError> {
        reading!(self, db => snapshots::load(db, id).await)
    }

    async fn pause(&self, repo: Option<&RepoSlug>, by: &str, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        writing!(self, tx => audit::pause(tx, repo, by, reason, now).await)
    }

    async fn resume(&self, repo: Option<&RepoSlug>, by: &str, reason: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        writing!(self, tx => audit::resume(tx, repo, by, reason, now).await)
    }

    async fn paused(&self, repo: &RepoSlug) -> Result<Option<Pause>, StoreError> {
        reading!(self, db => audit::paused(db, repo).await)
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        reading!(self, db => audit::pauses(db).await)
    }

    async fn model_called(&self, call: &ModelCall) -> Result<(), StoreError> {
        writing!(self, tx => snapshots::model_called(tx, call).await)
    }

    async fn spent_since(&self, since: DateTime<Utc>) -> Result<f64, StoreError> {
        reading!(self, db => snapshots::spent_since(db, since).await)
    }

    async fn due_alerts(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<DueAlert>, StoreError> {
        reading!(self, db => outbox::due(db, now, limit).await)
    }

    async fn alert_begun(&self, id: &RemediationId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        writing!(self, tx => outbox::begun(tx, id, now).await)
    }

    async fn alert_said(&self, id: &RemediationId, revision: u64, message: Option<&MessageRef>, now: DateTime<Utc>) -> Result<(), StoreError> {
        writing!(self, tx => outbox::said(tx, id, revision, message, now).await)
    }

    async fn alert_failed(&self, id: &RemediationId, error: &str, again: Option<DateTime<Utc>>) -> Result<(), StoreError> {
        writing!(self, tx => outbox::failed(tx, id, error, again).await)
    }

    async fn deliver(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        writing!(self, tx => intake::deliver(tx, delivery).await)
    }

    async fn deliveries(&self, limit: u64) -> Result<Vec<Delivery>, StoreError> {
        reading!(self, db => intake::deliveries(db, limit).await)
    }

    async fn delivered(&self, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        writing!(self, tx => intake::delivered(tx, id, now).await)
    }

    async fn purge(&self, handled: DateTime<Utc>, now: DateTime<Utc>) -> Result<(u64, u64), StoreError> {
        let deliveries = writing!(self, tx => intake::purge(tx, handled).await)?;
        let snapshots = writing!(self, tx => snapshots::purge(tx, now).await)?;
        Ok((deliveries, snapshots))
    }

    async fn audit(&self, by: &str, act: &str, subject: &str, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        writing!(self, tx => audit::append(tx, by, act, subject, reason, now).await)
    }

    async fn audit_entries(&self) -> Result<Vec<AuditEntry>, StoreError> {
        reading!(self, db => audit::entries(db).await)
    }

    async fn verify(&self) -> Result<ChainReport, StoreError> {
        reading!(self, db => verify::verify(db).await)
    }

    fn breaker(&self) -> BreakerSettings {
        self.breaker
    }
}
