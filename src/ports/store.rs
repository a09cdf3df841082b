//! What is remembered. One code path behind it for SQLite and PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::alerts::{AlertText, MessageRef};
use crate::domain::breaker::{BreakerSettings, Circuit};
use crate::domain::ids::{BranchName, CommitSha, Fingerprint, RemediationId, RemediationKey, RepoId, RepoSlug, RunKey};
use crate::domain::remediation::{AttachedRun, Effect, Event, Opening, Phase, Reason, Remediation};

/// A failure of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database can't be reached, or is busy beyond its time: asking again makes sense.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// The lease went to somebody else: this worker must let go.
    #[error("the lease on `{remediation}` was lost (epoch {held}, now {current})")]
    LeaseLost { remediation: RemediationId, held: u64, current: u64 },
    /// The remediation has moved on since it was read.
    #[error("`{remediation}` is at event {current}, not {expected}")]
    Stale { remediation: RemediationId, expected: u64, current: u64 },
    /// The event does not fit the state.
    #[error(transparent)]
    Illegal(#[from] crate::domain::remediation::Illegal),
    /// There is no such thing.
    #[error("{0} is not known")]
    NotFound(String),
    /// What is stored can't be read: damage, or a newer schema.
    #[error("the database holds something unreadable: {0}")]
    Damaged(String),
}

/// A repository that is polled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedRepository {
    /// Its id.
    pub id: RepoId,
    /// Today's name.
    pub slug: RepoSlug,
    /// The default branch.
    pub default_branch: BranchName,
    /// The validator of the last poll.
    pub validator: Option<String>,
    /// Runs up to this update time were seen.
    pub cursor: Option<DateTime<Utc>>,
    /// When it was polled last.
    pub polled_at: Option<DateTime<Utc>>,
}

/// What was decided of a run at intake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenRun {
    /// Which run.
    pub key: RunKey,
    /// Its branch, as the forge gave it.
    pub branch: Option<String>,
    /// Its commit.
    pub sha: CommitSha,
    /// The remediation that it went to, or
    pub remediation: Option<RemediationId>,
    /// why it was refused.
    pub refused: Option<Reason>,
}

/// What became of a run at intake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attached {
    /// A new remediation was opened with it.
    Opened(RemediationId),
    /// It joined one that stands.
    Joined(RemediationId),
    /// It had been seen before.
    Duplicate,
    /// The remediation of this head has ended already; the run is noted.
    Ended(RemediationId),
}

/// A remediation that a worker holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The state.
    pub remediation: Remediation,
    /// Claims in a row, this one included, that were neither released nor moved it on: their workers died.
    pub claims: u32,
    /// Releases in a row because of an outside failure; the back-off grows with them.
    pub failures: u32,
    /// Which lease it is: appends by an older one are refused. Counts up whenever the lease changes hands or is given back.
    pub epoch: u64,
    /// Who holds it.
    pub worker: String,
}

/// What is appended in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    /// The remediation.
    pub remediation: RemediationId,
    /// The lease; `None` for a person's act, which needs none.
    pub epoch: Option<u64>,
    /// `Remediation::seq` that the events build on.
    pub expected_seq: u64,
    /// The events, in order.
    pub events: Vec<Event>,
    /// The alert to show from now on, rendered by the caller for the state after the events.
    pub alert: Option<AlertText>,
    /// When it is to be looked at again; `None` leaves it as it is.
    pub due: Option<DateTime<Utc>>,
}

/// What an append gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Appended {
    /// The new state.
    pub remediation: Remediation,
    /// What follows. Circuit effects were done in the same transaction.
    pub effects: Vec<Effect>,
}

/// An event as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// From 1.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub event: Event,
    /// SHA-256 over the previous hash and the stored bytes, hexadecimal.
    pub hash: String,
}

/// Which remediations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only this repository.
    pub repo: Option<RepoId>,
    /// Only this branch.
    pub branch: Option<BranchName>,
    /// Only this signature.
    pub fingerprint: Option<Fingerprint>,
    /// Only these phases; empty for all.
    pub phases: Vec<Phase>,
    /// Only what has begun a withdrawal and not reported it, of the newest remediations.
    pub owing: bool,
    /// At most so many, newest first; 0 for the thousand newest.
    pub limit: u64,
}

/// A circuit with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitRow {
    /// The repository.
    pub repo: RepoId,
    /// The signature.
    pub fingerprint: Fingerprint,
    /// The circuit.
    pub circuit: Circuit,
    /// The last change.
    pub updated_at: DateTime<Utc>,
}

/// A file as it was before the fix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFile {
    /// Its path.
    pub path: String,
    /// Its content; `None` if it was not there.
    pub content: Option<Vec<u8>>,
    /// Executable.
    pub executable: bool,
    /// SHA-256 of the content, hexadecimal; empty if it was not there.
    pub sha256: String,
}

/// A snapshot of the broken branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its id.
    pub id: String,
    /// The remediation.
    pub remediation: RemediationId,
    /// The repository.
    pub repo: RepoId,
    /// The branch.
    pub branch: BranchName,
    /// The commit that the branch was at.
    pub sha: CommitSha,
    /// The touched files, as they were; filled in when the patch is known.
    pub files: Vec<SnapshotFile>,
    /// `taken`, `complete`, `restored`, `expired`.
    pub status: String,
    /// When it was taken.
    pub taken_at: DateTime<Utc>,
    /// When it may be forgotten.
    pub expires_at: DateTime<Utc>,
}

/// A stop that a person has put in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The repository; `None` for all.
    pub repo: Option<RepoSlug>,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// A call of a model, for budgets and for the audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCall {
    /// Which remediation.
    pub remediation: RemediationId,
    /// Which repository.
    pub repo: RepoId,
    /// Which route.
    pub route: String,
    /// The gateway's id.
    pub response_id: Option<String>,
    /// Tokens in.
    pub input_tokens: u64,
    /// Tokens out.
    pub output_tokens: u64,
    /// US dollars.
    pub cost_usd: f64,
    /// Whether there was an answer.
    pub ok: bool,
    /// When.
    pub at: DateTime<Utc>,
}

/// A message that waits to be said.
#[derive(Debug, Clone, PartialEq)]
pub struct DueAlert {
    /// The newest text.
    pub alert: AlertText,
    /// Its revision: counts up with each text.
    pub revision: u64,
    /// Where an earlier revision stands.
    pub message: Option<MessageRef>,
    /// Whether a post was begun and not reported: look before posting again.
    pub begun: bool,
    /// When the first text was written; bounds the search for a lost message.
    pub since: DateTime<Utc>,
    /// How often it failed.
    pub failures: u32,
}

/// An act of a person that is no event of a remediation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// From 1.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: String,
    /// What: `circuit_reset`, `pause`, `resume`, `retry`, …
    pub act: String,
    /// On what.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// Chained like the events.
    pub hash: String,
}

/// A webhook delivery that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// GitHub's id.
    pub id: String,
    /// The event's name.
    pub event: String,
    /// The payload.
    pub payload: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What `audit verify` found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainReport {
    /// Chains read.
    pub chains: u64,
    /// Events read.
    pub events: u64,
    /// What does not hold, in sentences.
    pub faults: Vec<String>,
}

/// What is remembered. Every method is one transaction.
#[async_trait]
pub trait Store: Send + Sync {
    /// A sign of life.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Adds a repository or notes its new name; cursor and validator stay.
    async fn watch(&self, id: RepoId, slug: &RepoSlug, default_branch: &BranchName) -> Result<WatchedRepository, StoreError>;
    /// The repositories that are polled.
    async fn watched(&self) -> Result<Vec<WatchedRepository>, StoreError>;
    /// Notes how far a poll got. Without a cursor the last one stays.
    async fn polled(&self, id: RepoId, validator: Option<&str>, cursor: Option<DateTime<Utc>>, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Whether a run attempt was seen.
    async fn seen(&self, key: RunKey) -> Result<Option<SeenRun>, StoreError>;
    /// Notes a run that intake refused; nothing if it was seen before.
    async fn refuse(&self, run: &SeenRun, at: DateTime<Utc>) -> Result<(), StoreError>;
    /// Notes a run and opens the remediation of its head with `alert`, or joins the newest generation that stands. Due at `due`
    /// (settling): a run that joins puts a pending one off to it, never beyond.
    async fn attach(
        &self,
        opening: &Opening,
        run: &AttachedRun,
        alert: Option<AlertText>,
        at: DateTime<Utc>,
        due: DateTime<Utc>,
    ) -> Result<Attached, StoreError>;
    /// Opens a further generation of an ended remediation with its runs, due at once; for a person's `retry`, in the audit.
    /// `Illegal` if the newest generation of this head has not ended.
    async fn reopen(&self, key: &RemediationKey, dry_run: bool, by: &str, at: DateTime<Utc>) -> Result<RemediationId, StoreError>;

    /// Takes the remediation that is due the longest and not leased (or whose lease ran out, by the database's clock). Counts the claim in
    /// the same transaction.
    async fn claim(&self, worker: &str, lease: Duration, now: DateTime<Utc>) -> Result<Option<Claim>, StoreError>;
    /// Takes this one, if nobody holds it; for `fix`.
    async fn claim_one(&self, id: &RemediationId, worker: &str, lease: Duration, now: DateTime<Utc>) -> Result<Option<Claim>, StoreError>;
    /// Prolongs the lease; `LeaseLost` if it went to somebody else. Nothing, if the remediation ended under it.
    async fn heartbeat(&self, id: &RemediationId, epoch: u64, lease: Duration) -> Result<(), StoreError>;
    /// Gives it back, to be looked at again at `due`. The epoch counts up: what the worker still sends is refused. The count of claims
    /// starts anew. `failed` counts an outside failure; else that count starts anew as well.
    async fn release(&self, id: &RemediationId, epoch: u64, due: DateTime<Utc>, failed: bool) -> Result<(), StoreError>;
    /// Ends all leases of a worker whose process is known to be dead (its own earlier life on this machine); how many. An
    /// empty prefix names nobody.
    async fn orphan(&self, worker_prefix: &str) -> Result<u64, StoreError>;
    /// Appends events, folds the row, moves the circuit, and sets the alert: all or nothing.
    async fn append(&self, append: &Append, now: DateTime<Utc>) -> Result<Appended, StoreError>;

    /// One remediation.
    async fn load(&self, id: &RemediationId) -> Result<Option<Remediation>, StoreError>;
    /// Its events.
    async fn events(&self, id: &RemediationId) -> Result<Vec<StoredEvent>, StoreError>;
    /// Remediations, newest first.
    async fn list(&self, filter: &Filter) -> Result<Vec<Remediation>, StoreError>;
    /// How many there are in each phase.
    async fn depth(&self) -> Result<Vec<(Phase, u64)>, StoreError>;

    /// A circuit; closed where none is stored.
    async fn circuit(&self, repo: RepoId, fingerprint: &Fingerprint) -> Result<Circuit, StoreError>;
    /// All circuits, or one repository's.
    async fn circuits(&self, repo: Option<RepoId>) -> Result<Vec<CircuitRow>, StoreError>;
    /// Asks the circuit, and takes the probe where it is due, as one compare-and-set. The circuit after it, and whether the remediation may go on.
    async fn admit(&self, repo: RepoId, fingerprint: &Fingerprint, remediation: &RemediationId, now: DateTime<Utc>) -> Result<(Circuit, bool), StoreError>;
    /// Closes one circuit or all of a repository, for a person; in the audit. How many were closed.
    async fn reset_circuits(&self, repo: RepoId, fingerprint: Option<&Fingerprint>, by: &str, reason: &str, now: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Stores a snapshot, or replaces it.
    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<(), StoreError>;
    /// Reads it back; hashes are checked by the caller.
    async fn snapshot(&self, id: &str) -> Result<Option<Snapshot>, StoreError>;

    /// Stops everything, or one repository; in the audit.
    async fn pause(&self, repo: Option<&RepoSlug>, by: &str, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// Ends a stop. Whether there was one.
    async fn resume(&self, repo: Option<&RepoSlug>, by: &str, reason: &str, now: DateTime<Utc>) -> Result<bool, StoreError>;
    /// The stop that holds for this repository.
    async fn paused(&self, repo: &RepoSlug) -> Result<Option<Pause>, StoreError>;
    /// All stops.
    async fn pauses(&self) -> Result<Vec<Pause>, StoreError>;

    /// Notes a call.
    async fn model_called(&self, call: &ModelCall) -> Result<(), StoreError>;
    /// US dollars since a time.
    async fn spent_since(&self, since: DateTime<Utc>) -> Result<f64, StoreError>;

    /// Alerts whose newest text has not been said, due by now.
    async fn due_alerts(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<DueAlert>, StoreError>;
    /// A post is begun, by this caller alone. False if it is not due any more: another sender has begun or said it. A sender
    /// that reports nothing for a minute is taken for dead, and the alert is due again with `begun` set.
    async fn alert_begun(&self, id: &RemediationId, now: DateTime<Utc>) -> Result<bool, StoreError>;
    /// It was said up to this revision.
    async fn alert_said(&self, id: &RemediationId, revision: u64, message: Option<&MessageRef>, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// It failed; due again at `again` (`None`: never).
    async fn alert_failed(&self, id: &RemediationId, error: &str, again: Option<DateTime<Utc>>) -> Result<(), StoreError>;

    /// Keeps a delivery before it is answered. False if its id is known.
    async fn deliver(&self, delivery: &Delivery) -> Result<bool, StoreError>;
    /// Deliveries not yet handled, oldest first.
    async fn deliveries(&self, limit: u64) -> Result<Vec<Delivery>, StoreError>;
    /// It is handled.
    async fn delivered(&self, id: &str, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// Removes deliveries that were handled before `handled`, and snapshots that have expired by `now` and whose remediation has ended: how many of each.
    async fn purge(&self, handled: DateTime<Utc>, now: DateTime<Utc>) -> Result<(u64, u64), StoreError>;

    /// Notes a person's act.
    async fn audit(&self, by: &str, act: &str, subject: &str, reason: &str, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// Acts, oldest first.
    async fn audit_entries(&self) -> Result<Vec<AuditEntry>, StoreError>;
    /// Recomputes every chain, and folds every remediation anew.
    async fn verify(&self) -> Result<ChainReport, StoreError>;
    /// The breaker's settings in force: the store moves circuits with them.
    fn breaker(&self) -> BreakerSettings;
}
