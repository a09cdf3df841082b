//! The store, on SQLite always, and on PostgreSQL where `REGREEN_TEST_POSTGRES_URL` names a server. Each test has its own
//! file, or its own schema, which is dropped after.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::future::join_all;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};

use migrations::{Migrator, MigratorTrait};
use regreen::adapters::store::SqlStore;
use regreen::domain::breaker::{BreakerSettings, CircuitState};
use regreen::domain::gate::{Gate, Verdict};
use regreen::domain::ids::{BranchName, CommitSha, Fingerprint, PatchHash, PullNumber, RemediationId, RemediationKey, RepoId, RepoSlug, RunId, RunKey};
use regreen::domain::remediation::{
    AttachedRun, DiagnosisRecord, Effect, Event, Opening, Outside, Phase, ProposalRecord, PullRecord, Reason, Remediation, Spent,
};
use regreen::ports::alerts::{AlertText, MessageRef};
use regreen::ports::store::{Append, Appended, Attached, Claim, Delivery, Filter, ModelCall, SeenRun, Snapshot, SnapshotFile, Store, StoreError};

// --- the ground the tests stand on ----------------------------------------------------------------------------------

/// A database of its own.
struct Bed {
    url: String,
    store: SqlStore,
    _folder: Option<tempfile::TempDir>,
}

const BREAKER: BreakerSettings = BreakerSettings { threshold: 3, reset_seconds: 600, growth: 2.0, reset_max_seconds: 86_400, probe_seconds: 21_600 };

impl Bed {
    async fn open(&self) -> SqlStore {
        SqlStore::open(&self.url, BREAKER).await.unwrap()
    }

    /// A connection that goes around the store, as somebody with the database's password would.
    async fn raw(&self) -> DatabaseConnection {
        Database::connect(&self.url).await.unwrap()
    }

    /// Claims this very remediation.
    async fn claim(&self, id: &RemediationId) -> Claim {
        self.store.claim_one(id, "worker", LONG, at(10)).await.unwrap().unwrap()
    }

    /// A remediation of the head number `n`, with one run.
    async fn opened(&self, n: u64) -> RemediationId {
        match self.store.attach(&opening(n), &run(n, 1), None, at(0), at(1)).await.unwrap() {
            Attached::Opened(id) => id,
            other => panic!("{other:?}"),
        }
    }

    async fn append(&self, id: &RemediationId, events: Vec<Event>) -> Appended {
        self.append_at(id, events, at(20)).await
    }

    async fn append_at(&self, id: &RemediationId, events: Vec<Event>, now: DateTime<Utc>) -> Appended {
        let seq = self.load(id).await.seq;
        self.store.append(&Append { remediation: id.clone(), epoch: None, expected_seq: seq, events, alert: None, due: None }, now).await.unwrap()
    }

    async fn load(&self, id: &RemediationId) -> Remediation {
        self.store.load(id).await.unwrap().unwrap()
    }

    async fn faults(&self) -> Vec<String> {
        self.store.verify().await.unwrap().faults
    }
}

async fn on_sqlite<F: Future<Output = ()> + Send + 'static>(test: fn(Arc<Bed>) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("data/regreen.db").display());
    let store = SqlStore::open(&url, BREAKER).await.unwrap();
    test(Arc::new(Bed { url, store, _folder: Some(folder) })).await;
}

async fn on_postgres<F: Future<Output = ()> + Send + 'static>(name: &str, test: fn(Arc<Bed>) -> F) {
    let base = std::env::var("REGREEN_TEST_POSTGRES_URL").unwrap_or_default();
    crate::requires!(name, !base.is_empty(), "REGREEN_TEST_POSTGRES_URL");
    let schema = format!("regreen_test_{}", uuid::Uuid::now_v7().simple());
    let admin = Database::connect(&base).await.unwrap();
    admin.execute_unprepared(&format!("CREATE SCHEMA {schema}")).await.unwrap();
    let joint = if base.contains('?') { '&' } else { '?' };
    let url = format!("{base}{joint}options=-csearch_path%3D{schema}");
    let store = SqlStore::open(&url, BREAKER).await.unwrap();
    let bed = Arc::new(Bed { url, store, _folder: None });
    let outcome = tokio::spawn(test(bed.clone())).await;
    bed.store.close().await.unwrap();
    admin.execute_unprepared(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    if let Err(error) = outcome {
        std::panic::resume_unwind(error.into_panic());
    }
}

macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() { super::on_sqlite(super::$name).await; })* }
        mod postgres { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $name() {
            super::on_postgres(concat!("store::postgres::", stringify!($name)), super::$name).await;
        })* }
    };
}

on_both! {
    claimers_never_meet
    a_lease_runs_out
    a_late_worker_is_refused
    claims_and_failures_are_counted
    an_orphan_is_free_at_once
    appends_are_all_or_nothing
    an_append_builds_on_what_was_read
    the_end_clears_lease_and_due
    runs_attach_to_their_head
    a_race_opens_once
    a_retry_is_a_new_generation
    tampering_is_found
    the_logs_only_grow
    three_failures_open_a_circuit
    first_failures_at_once_both_count
    a_person_resets_circuits
    a_new_signature_gives_the_probe_back
    a_probe_that_waits_for_a_person_is_not_silent
    alerts_are_said_once_and_newest
    one_sender_begins
    a_late_failure_is_judged_by_itself
    deliveries_are_kept_once
    a_stop_holds
    the_audit_is_a_chain
    a_kill_leaves_all_or_nothing
    times_are_utc_with_microseconds
    the_schema_takes_a_sample_of_everything
    many_open_at_once
    repositories_are_watched
    snapshots_come_back
    costs_add_up
    remediations_are_found
    hostile_text_is_kept
    what_cannot_be_read_back_is_not_written
}

const LONG: Duration = Duration::from_secs(600);

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn sha(n: u64) -> CommitSha {
    CommitSha::parse(&format!("{n:040x}")).unwrap()
}

fn fingerprint(n: u64) -> Fingerprint {
    Fingerprint::parse(&format!("{n:016x}")).unwrap()
}

fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

fn slug() -> RepoSlug {
    RepoSlug::parse("team/app").unwrap()
}

fn opening(n: u64) -> Opening {
    let key = RemediationKey { repo: RepoId(7), branch: branch("feature/x"), sha: sha(n), generation: 0 };
    Opening { key, slug: slug(), default_branch: branch("main"), owner: Some("ann".into()), dry_run: false }
}

fn run(n: u64, attempt: u32) -> AttachedRun {
    AttachedRun {
        run: RunId(1000 + n),
        attempt,
        workflow: "ci".into(),
        path: ".github/workflows/ci.yml".into(),
        url: "https://forge.example/run".into(),
        trigger: "push".into(),
        started_at: at(-60),
    }
}

fn alert(id: &RemediationId, text: &str) -> AlertText {
    AlertText { remediation: id.clone(), channel: None, fallback: text.into(), blocks: serde_json::json!([{"type": "section"}]), last: false }
}

fn diagnosed(n: u64) -> Event {
    Event::Diagnosed {
        diagnosis: DiagnosisRecord {
            fingerprint: fingerprint(n),
            category: "test_assertion".into(),
            confidence: 0.9,
            headline: "assertion failed".into(),
            excerpt: "left: 1\nright: 2".into(),
            failed_tests: vec!["adds".into()],
            files: vec![("src/lib.rs".into(), Some(3))],
            steps: vec![],
            fixable_by_code: true,
            rerun_could_help: false,
        },
    }
}

fn failed() -> Event {
    Event::Failed { reason: Reason::AttemptsSpent, detail: "nothing usable".into() }
}

fn verdict(gate: Gate) -> Verdict {
    Verdict::of(gate, 2, vec![])
}

/// From `pending` to an open pull request.
fn up_to_the_pull() -> Vec<Event> {
    let patch = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+2\n".to_owned();
    let proposal = ProposalRecord {
        attempt: 1,
        route: "scripted".into(),
        deterministic: false,
        response_id: None,
        explanation: "adds".into(),
        hash: PatchHash::of(&patch),
        patch,
        repairs: vec![],
    };
    let pull = PullRecord {
        number: PullNumber(5),
        url: "https://forge.example/pull/5".into(),
        base: branch("feature/x"),
        head: branch("agent-fix/feature/x-0"),
        draft: true,
        node_id: "PR_1".into(),
    };
    vec![
        Event::Admitted { verdict: verdict(Gate::Admission) },
        Event::Cloned { snapshot: "s-1".into() },
        Event::PatchNeeded,
        // Sums of tenths are not tenths: the fold must stand that.
        Event::ModelAnswered { route: "scripted".into(), spent: Spent { tokens: 10, cost_usd: 0.1 }, ok: false },
        Event::ModelAnswered { route: "scripted".into(), spent: Spent { tokens: 10, cost_usd: 0.2 }, ok: true },
        Event::Proposed { proposal },
        Event::GatePassed { verdict: verdict(Gate::Gating) },
        Event::Proved { proof: None },
        Event::Cleared { verdict: verdict(Gate::Clearing), simulated: false },
        Event::Published { branch: branch("agent-fix/feature/x-0"), commit: sha(99), pull: Some(pull), unproven: false },
    ]
}

async fn sql(db: &DatabaseConnection, text: &str) {
    db.execute_unprepared(text).await.unwrap_or_else(|error| panic!("{text}: {error}"));
}

fn is_postgres(db: &DatabaseConnection) -> bool {
    db.get_database_backend() == DbBackend::Postgres
}

// --- leases ---------------------------------------------------------------------------------------------------------

async fn claimers_never_meet(bed: Arc<Bed>) {
    for n in 0..60 {
        bed.opened(n).await;
    }
    let stores = [bed.open().await, bed.open().await];
    let claimers = (0..32).map(|n| {
        let store = stores[n % 2].clone();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            while let Some(claim) = store.claim(&format!("worker-{n}"), LONG, at(10)).await.unwrap() {
                mine.push(claim);
            }
            mine
        })
    });
    let claims: Vec<Claim> = join_all(claimers).await.into_iter().flat_map(Result::unwrap).collect();
    let ids: BTreeSet<_> = claims.iter().map(|claim| claim.remediation.id.clone()).collect();
    assert_eq!((claims.len(), ids.len()), (60, 60));
    for claim in &claims {
        let loaded = bed.load(&claim.remediation.id).await;
        assert_eq!(loaded, claim.remediation);
        assert_eq!((claim.claims, claim.epoch, loaded.seq), (1, 1, 2));
    }
    assert_eq!(bed.faults().await, Vec::<String>::new());
}

async fn a_lease_runs_out(bed: Arc<Bed>) {
    let id = bed.opened(1).await;
    assert_eq!(bed.store.claim("early", LONG, at(0)).await.unwrap(), None, "not due yet");
    let first = bed.store.claim("first", LONG, at(10)).await.unwrap().unwrap();
    assert_eq!(bed.store.claim("second", LONG, at(10)).await.unwrap(), None, "held");
    assert_eq!(bed.store.claim_one(&id, "second", LONG, at(10)).await.unwrap(), None, "held");
    // A heartbeat counts from now, not on top of what was left.
    bed.store.heartbeat(&id, first.epoch, Duration::from_millis(50)).await.unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    let second = loop {
        if let Some(claim) = bed.store.claim("second", LONG, at(11)).await.unwrap() {
            break claim;
        }
        assert!(Instant::now() < end, "the lease never ran out");
        tokio::task::yield_now().await;
    };
    assert_eq!((second.epoch, second.claims), (first.epoch + 1, 2));
    assert!(matches!(bed.store.claim_one(&RemediationId::parse("r-00000000000000ff").unwrap(), "w", LONG, at(10)).await, Err(StoreError::NotFound(_))));
}

async fn a_late_worker_is_refused(bed: Arc<Bed>) {
    let id = bed.opened(1).await;
    let old = bed.store.claim("old", Duration::ZERO, at(10)).await.unwrap().unwrap();
    let new = bed.store.claim("new", LONG, at(10)).await.unwrap().unwrap();
    let late =
        Append { remediation: id.clone(), epoch: Some(old.epoch), expected_seq: new.remediation.seq, events: vec![diagnosed(1)], alert: None, due: None };
    let lost = |result: Result<(), StoreError>| match result {
        Err(StoreError::LeaseLost { held, current, .. }) => assert_eq!((held, current), (old.epoch, new.epoch)),
        other => panic!("{other:?}"),
    };
    lost(bed.store.append(&late, at(11)).await.map(drop));
    lost(bed.store.heartbeat(&id, old.epoch, LONG).await);
    lost(bed.store.release(&id, old.epoch, at(12), false).await);
    let fresh = Append { epoch: Some(new.epoch), ..late };
    let after = bed.store.append(&fresh, at(11)).await.unwrap().remediation;
    assert_eq!(after.fingerprint(), Some(&fingerprint(1)));
    // Given back, the same epoch holds nothing either.
    bed.store.release(&id, new.epoch, at(100), false).await.unwrap();
    let after_release = Append { expected_seq: after.seq, ..fresh };
    assert!(matches!(bed.store.append(&after_release, at(12)).await, Err(StoreError::LeaseLost { .. })));
    assert_eq!(bed.store.claim("third", LONG, at(99)).await.unwrap(), None, "not due before");
    assert!(bed.store.claim("third", LONG, at(100)).await.unwrap().is_some());
    assert_eq!(bed.faults().await, Vec::<String>::new());
}

async fn claims_and_failures_are_counted(bed: Arc<Bed>) {
    let id = bed.opened(1).await;
    let claim = async || bed.store.claim("w", Duration::ZERO, at(10)).await.unwrap().unwrap();
    let counts = |claim: &Claim| (claim.claims, claim.failures);
    // Workers that die say nothing: the next one is told.
    for dead in 1..=3 {
        assert_eq!(counts(&claim().await), (dead, 0));
    }
    let failed = claim().await;
    bed.store.release(&id, failed.epoch, at(10), true).await.unwrap();
    let again = claim().await;
    assert_eq!(counts(&again), (1, 1));
    bed.store.release(&id, again.epoch, at(10), true).await.unwrap();
    let waits = claim().await;
    assert_eq!(counts(&waits), (1, 2));
    bed.store.release(&id, waits.epoch, at(10), false).await.unwrap();
    claim().await;
    assert_eq!(counts(&claim().await), (2, 0));
    // Progress: what made earlier workers die is behind it.
    bed.append(&id, vec![Event::Admitted { verdict: verdict(Gate::Admission) }]).await;
    assert_eq!(counts(&claim().await), (1, 0));
    assert_eq!(bed.faults().await, Vec::<String>::new());
}

async fn an_orphan_is_free_at_once(bed: Arc<Bed>) {
    for n in 0..3 {
        bed.opened(n).await;
    }
    for worker in ["host-1/a", "host-1/b", "HOST-1/c"] {
        bed.store.claim(worker, LONG, at(10)).await.unwrap().unwrap();
    }
    assert_eq!(bed.store.orphan("").await.unwrap(), 0, "an empty prefix names nobody");
    assert_eq!(bed.store.orphan("host_1").await.unwrap(), 0, "no wildcards");
    assert_eq!(bed.store.orphan("host-1/").await.unwrap(), 2);
    assert!(bed.store.claim("next", LONG, at(10)).await.unwrap().is_some());
    assert!(bed.store.claim("next", LONG, at(10)).await.unwrap().is_some());
    assert_eq!(bed.store.claim("next", LONG, at(10)).await.unwrap(), None);
}

// --- the log and its fold -------------------------------------------------------------------------------------------

async fn appends_are_all_or_nothing(bed: Arc<Bed>) {
    let id = bed.opened(1).await;
    let before = bed.load(&id).await;
    let bad = Append {
        remediation: id.clone(),
        epoch: None,
        expected_seq: before.seq,
        events: vec![diagnosed(1), Event::RerunRed],
        alert: Some(alert(&id, "never")),
        due: Some(at(500)),
    };
    assert!(matches!(bed.store.append(&bad, at(20)).await, Err(StoreError::Illegal(_))));
    assert_eq!(bed.load(&id).await, before);
    assert_eq!(bed.store.due_alerts(at(1000), 10).await.unwrap(), vec![]);
    let done = bed.append(&id, [vec![diagnosed(1)], up_to_the_pull()].concat()).await;
    assert_eq!((done.remediation.phase, done.remediation.seq), (Phase::Feedback, before.seq + 11));
    assert_eq!(done.effects.iter().filter(|effect| **effect == Effect::Work).count(), 8);
    assert_eq!(bed.load(&id).await, done.remediation);
    let events = bed.store.events(&id).await.unwrap();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=before.seq + 11).collect::<Vec<_>>());
    let folded = Remediation::fold(events.iter().map(|stored| (&stored.event, stored.at))).unwrap();
    assert_eq!(folded.phase, Phase::Feedback);
    assert_eq!(bed.faults().await, Vec::<String>::new());
}

async fn an_append_builds_on_what_was_read(bed: Arc<Bed>) {
    let id = bed.opened(1).await;
    let seq = bed.load(&id).await.seq;
    let attempt = |store: SqlStore| {
        let append = Append { remediation: id.clone(), epoch: None, expected_seq: seq, events: vec![diagnosed(1)], alert: None, due: None };
        tokio::spawn(async move { store.append(&append, at(20)).await })
    };
    let outcomes = join_all((0..8).map(|_| attempt(bed.store.clone()))).await;
    let stale =
        outcomes.iter().filter(|outcome| matches!(outcome, Ok(Err(StoreError::Stale { expected, current, .. })) if (*expected, *current) == (seq, seq + 1)));
    assert_eq!(stale.count(), 7);
    let unknown =
        Append { remediation: RemediationId::parse("r-00000000000000ff").unwrap(), epoch: None, expected_seq: 0, events: vec![], alert: None, due: None };
    assert!(matches!(bed.store.append(&unknown, at(20)).await, Err(StoreError::NotFound(_))));
}

async fn the_end_clears_lease_and_due(bed: Arc<Bed>) {
    let id = bed.opened(1).await;
    let claim = bed.claim(&id).await;
    let step =
        |seq: u64, events: Vec<Event>| Append { remediation: id.clone(), epoch: Some(claim.epoch), expected_seq: seq, events, alert: None, due: Some(at(5)) };
    let intended = Event::Intended { what: Outside::Label, detail: "red".into() };
    let ended = bed.store.append(&step(claim.remediation.seq, vec![intended, failed()]), at(20)).await.unwrap();
    assert_eq!(ended.remediation.phase, Phase::Failed);
    assert_eq!(bed.store.claim("other", LONG, at(9999)).await.unwrap(), None);
    assert_eq!(bed.store.claim_one(&id, "other", LONG, at(9999)).await.unwrap(), None);
    // The worker may still say how its outside effect went, and let go without an error.
    let done = Event::Done { what: Outside::Label, detail: "red".into() };
    let told = bed.store.append(&step(ended.remediation.seq, vec![done]), at(21)).await.unwrap();
    assert_eq!(told.remediation.intents, vec![]);
    bed.store.heartbeat(&id, claim.epoch, LONG).await.unwrap();
    bed.store.release(&id, claim.epoch, at(30), false).await.unwrap();
    assert_eq!(bed.store.claim("other", LONG, at(9999)).await.unwrap(), None, "a release must not wake it");
    assert_eq!(bed.faults().await, Vec::<String>::new());
}

async fn what_cannot_be_read_back_is_not_written(bed: Arc<Bed>) {
    let id = bed.opened(1).await;
    let Event::Diagnosed { mut diagnosis } = diagnosed(1) else { unreachable!() };
    diagnosis.confidence = f32::NAN;
    let before = bed.load(&id).await;
    let append =
        Append { remediation: id.clone(), epoch: None, expected_seq: before.seq, events: vec![Event::Diagnosed { diagnosis }], alert: None, due: None };
    assert!(matches!(bed.store.append(&append, at(20)).await, Err(StoreError::Damaged(_))));
    assert_eq!(bed.load(&id).await, before);
}

async fn hostile_text_is_kept(bed: Arc<Bed>) {
    let id = bed.opened(1).await;
    let text = "a\0b'; DROP TABLE outbox; -- \u{202e}\u{1f980}\\u0000 \"";
    bed.append(&id, vec![Event::Failed { reason: Reason::AttemptsSpent, detail: text.into() }]).await;
    assert_eq!(bed.load(&id).await.detail, text);
    bed.store.audit("ann", "note", "it", text, at(20)).await.unwrap();
    assert_eq!(bed.store.audit_entries().await.unwrap()[0].reason, text);
    bed.store.pause(None, text, text, at(20)).await.unwrap();
    assert!(bed.store.pauses().await.unwrap()[0].reason.contains("DROP TABLE"));
    let seen = SeenRun {
        key: RunKey { repo: RepoId(u64::MAX), run: RunId(u64::MAX), attempt: u32::MAX },
        branch: Some(text.into()),
        sha: sha(1),
        remediation: None,
        refused: Some(Reason::BadName),
    };
    bed.store.refuse(&seen, at(20)).await.unwrap();
    assert_eq!(bed.store.seen(seen.key).await.unwrap().unwrap().key, seen.key);
    assert_eq!(bed.faults().await, Vec::<String>::new());
}

// --- intake ---------------------------------------------------------------------------------------------------------

async fn runs_attach_to_their_head(bed: Arc<Bed>) {
    let store = &bed.store;
    let id = RemediationId::of(&opening(1).key);
    let opened = store.attach(&opening(1), &run(1, 1), Some(alert(&id, "opened")), at(0), at(60)).await.unwrap();
    assert_eq!(opened, Attached::Opened(id.clone()));
    assert_eq!(store.due_alerts(at(0), 10).await.unwrap()[0].alert.fallback, "opened");
    assert_eq!(store.attach(&opening(1), &run(1, 1), None, at(1), at(61)).await.unwrap(), Attached::Duplicate);
    assert_eq!(store.attach(&opening(1), &run(2, 1), None, at(2), at(90)).await.unwrap(), Attached::Joined(id.clone()));
    assert_eq!(bed.load(&id).await.runs.len(), 2);
    // The second run has put the first look off; an earlier time brings it no nearer.
    store.attach(&opening(1), &run(3, 1), None, at(3), at(30)).await.unwrap();
    assert_eq!(store.claim("w", LONG, at(89)).await.unwrap(), None);
    let claim = store.claim("w", LONG, at(90)).await.unwrap().unwrap();
    let seen = store.seen(RunKey { repo: RepoId(7), run: RunId(1002), attempt: 1 }).await.unwrap().unwrap();
    assert_eq!((seen.remediation, seen.refused), (Some(id.clone()), None));
    // Once it works, a further run does not put it off.
    let step = Append {
        remediation: id.clone(),
        epoch: Some(claim.epoch),
        expected_seq: claim.remediation.seq,
        events: vec![Event::Admitted { verdict: verdict(Gate::Admission) }],
        alert: None,
        due: None,
    };
    store.append(&step, at(91)).await.unwrap();
    store.attach(&opening(1), &run(4, 1), None, at(92), at(5000)).await.unwrap();
    store.release(&id, claim.epoch, at(95), false).await.unwrap();
    assert!(store.claim("w", LONG, at(95)).await.unwrap().is_some());
    bed.append(&id, vec![failed()]).await;
    assert_eq!(store.attach(&opening(1), &run(5, 1), None, at(99), at(100)).await.unwrap(), Attached::Ended(id.clone()));
    assert_eq!(store.attach(&opening(1), &run(5, 1), None, at(99), at(100)).await.unwrap(), Attached::Duplicate);
    let refused =
        SeenRun { key: RunKey { repo: RepoId(7), run: RunId(1), attempt: 1 }, branch: None, sha: sha(1), remediation: None, refused: Some(Reason::Fork) };
    store.refuse(&refused, at(0)).await.unwrap();
    store.refuse(&SeenRun { refused: Some(Reason::Tag), ..refused.clone() }, at(1)).await.unwrap();
    assert_eq!(store.seen(refused.key).await.unwrap(), Some(refused));
    assert_eq!(bed.faults().await, Vec::<String>::new());
}

async fn a_race_opens_once(bed: Arc<Bed>) {
    let stores = [bed.open().await, bed.open().await];
    let attach = |n: u64| {
        let store = stores[n as usize % 2].clone();
        // Sixteen runs, each told twice: by the poll and by the webhook.
        tokio::spawn(async move { store.attach(&opening(1), &run(n / 2, 1), None, at(0), at(60)).await.unwrap() })
    };
    let outcomes: Vec<Attached> = join_all((0..32).map(attach)).await.into_iter().map(Result::unwrap).collect();
    let count = |wanted: fn(&Attached) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
    assert_eq!(count(|outcome| matches!(outcome, Attached::Opened(_))), 1);
    assert_eq!(count(|outcome| matches!(outcome, Attached::Joined(_))), 15);
    assert_eq!(count(|outcome| matches!(outcome, Attached::Duplicate)), 16);
    let remediation = bed.load(&RemediationId::of(&opening(1).key)).await;
    assert_eq!((remediation.runs.len(), remediation.seq), (16, 17));
    assert_eq!(bed.faults().await, Vec::<String>::new());
}

async fn a_retry_is_a_new_generation(bed: Arc<Bed>) {
    let id = bed.opened(1).await;
    let key = opening(1).key;
    assert!(matches!(bed.store.reopen(&key, false, "ann", at(5)).await, Err(StoreError::Illegal(_))), "it has not ended");
    bed.append(&id, vec![failed()]).await;
    let retries = join_all((0..4).map(|_| {
        let (store, key) = (bed.store.clone(), key.clone());
        tokio::spawn(async move { store.reopen(&key, false, "ann", at(30)).await })
    }))
    .await;
    let opened: Vec<RemediationId> = retries.into_iter().filter_map(|retry| retry.unwrap().ok()).collect();
    assert_eq!(opened, vec![RemediationId::of(&RemediationKey { generation: 1, ..key })]);
    let again = bed.load(&opened[0]).await;
    assert_eq!((again.phase, again.opening.key.generation, again.runs.len()), (Phase::Pending, 1, 1));
    assert_eq!(bed.store.attach(&opening(1), &run(9, 1), None, at(31), at(40)).await.unwrap(), Attached::Joined(opened[0].clone()));
    let acts = bed.store.audit_entries().await.unwrap();
    assert_eq!(acts.iter().map(|act| (act.act.as_str(), act.by.as_str(), act.subject.as_str())).collect::<Vec<_>>(), [("retry", "ann", id.as_str())]);
    assert!(matches!(bed.store.reopen(&opening(2).key, false, "ann", at(5)).await, Err(StoreError::NotFound(_))));
    assert_eq!(bed.faults().await, Vec::<String>::new());
}

async fn deliveries_are_kept_once(bed: Arc<Bed>) {
    let delivery = |id: &str, second| Delivery { id: id.into(), event: "workflow_run".into(), payload: "{\"a\":1}".into(), at: at(second) };
    let told = join_all((0..8).map(|_| bed.store.deliver(&DELIVERY))).await;
    assert_eq!(told.into_iter().filter(|told| *told.as_ref().unwrap()).count(), 1);
    assert!(bed.store.deliver(&delivery("first", -5)).await.unwrap());
    assert!(bed.store.deliver(&delivery("last", 5)).await.unwrap());
    let open = || async { bed.store.deliveries(10).await.unwrap().into_iter().map(|delivery| delivery.id).collect::<Vec<_>>() };
    assert_eq!(open().await, ["first", "d-1", "last"]);
    bed.store.delivered("d-1", at(9)).await.unwrap();
    assert_eq!(open().await, ["first", "last"]);
    assert!(!bed.store.deliver(&delivery("d-1", 10)).await.unwrap(), "a redelivery of what was handled");
    assert_eq!(bed.store.deliveries(1).await.unwrap(), vec![delivery("first", -5)]);
    assert!(matches!(bed.store.delivered("unknown", at(9)).await, Err(StoreError::NotFound(_))));
    // Only what was handled, and long enough ago.
    assert_eq!(bed.store.purge(at(9), at(0)).await.unwrap(), (0, 0));
    assert_eq!(bed.store.purge(at(10), at(0)).await.unwrap(), (1, 0));
    assert_eq!(open().await, ["first", "last"]);
}

async fn a_late_failure_is_judged_by_itself(bed: Arc<Bed>) {
    let id = bed.opened(1).await;
    let ended = Event::Blocked { reason: Reason::NotFixableByCode, verdict: None, detail: "a secret is missing".into() };
    bed.append(&id, vec![ended]).await;
    // Another attempt of the run that was judged changes nothing; another workflow of the head does, once.
    assert_eq!(bed.store.attach(&opening(1), &run(1, 2), None, at(30), at(40)).await.unwrap(), Attached::Ended(id.clone()));
    let next = RemediationId::of(&RemediationKey { generation: 1, ..opening(1).key });
    assert_eq!(bed.store.attach(&opening(1), &run(2, 1), None, at(31), at(41)).await.unwrap(), Attached::Opened(next.clone()));
    assert_eq!(bed.store.attach(&opening(1), &run(3, 1), None, at(32), at(42)).await.unwrap(), Attached::Joined(next.clone()));
    let state = bed.load(&next).await;
    assert_eq!((state.runs.len(), state.opening.key.generation), (2, 1), "without the run that was judged");
    let seen = bed.store.seen(RunKey { repo: RepoId(7), run: RunId(1002), attempt: 1 }).await.unwrap();
    assert_eq!(seen.and_then(|seen| seen.remediation), Some(next.clone()));
    // A person's word is about the head.
    bed.append(&next, vec![Event::Cancelled { by: "ann".into(), why: "mine".into() }]).await;
    assert_eq!(bed.store.attach(&opening(1), &run(4, 1), None, at(50), at(60)).await.unwrap(), Attached::Ended(next));
    assert_eq!(bed.faults().await, Vec::<String>::new());
}

static DELIVERY: std::sync::LazyLock<Delivery> =
    std::sync::LazyLock::new(|| Delivery { id: "d-1".into(), event: "check_suite".into(), payload: "{}".into(), at: at(0) });

// --- the chains -----------------------------------------------------------------------------------------------------

/// What somebody with the database's password could do once the triggers are gone.
async fn tampering_is_found(bed: Arc<Bed>) {
    for n in 0..2 {
        bed.store.audit("ann", "note", "x", &n.to_string(), at(n)).await.unwrap();
    }
    let raw = bed.raw().await;
    drop_triggers(&raw).await;
    // Each on a remediation of its own: which statement, and what is said.
    let cases = [
        ("UPDATE remediation_events SET payload = replace(payload, 'assertion', 'assumption') WHERE remediation = 'ID' AND seq = 3", "event 3 was changed"),
        ("UPDATE remediation_events SET hash = prev_hash WHERE remediation = 'ID' AND seq = 3", "event 3 was changed"),
        ("UPDATE remediation_events SET kind = 'approved' WHERE remediation = 'ID' AND seq = 3", "filed as `approved`"),
        ("UPDATE remediation_events SET prev_hash = hash WHERE remediation = 'ID' AND seq = 2", "event 2 does not follow"),
        ("DELETE FROM remediation_events WHERE remediation = 'ID' AND seq = 2", "after event 1 comes event 3"),
        ("DELETE FROM remediation_events WHERE remediation = 'ID' AND seq = 4", "its head is event 4, but the last event stored is 3"),
        ("DELETE FROM remediation_events WHERE remediation = 'ID'", "the last event stored is 0"),
        ("UPDATE remediations SET phase = 'completed' WHERE id = 'ID'", "`phase` of its row"),
        ("UPDATE remediations SET branch = 'main' WHERE id = 'ID'", "`branch` of its row"),
        ("UPDATE remediations SET fingerprint = 'ffffffffffffffff' WHERE id = 'ID'", "`fingerprint` of its row"),
        ("UPDATE remediations SET state = replace(state, 'nothing usable', 'all is well') WHERE id = 'ID'", "its row is not the fold"),
        ("UPDATE remediations SET state = '{}' WHERE id = 'ID'", "unreadable"),
        ("UPDATE remediations SET seq = 3 WHERE id = 'ID'", "but event 4 is stored"),
        ("UPDATE remediations SET head = '00' WHERE id = 'ID'", "its head is not the hash"),
    ];
    let mut ids = Vec::new();
    for n in 0..cases.len() as u64 {
        let id = bed.opened(n).await;
        bed.append(&id, vec![diagnosed(n), failed()]).await;
        ids.push(id);
    }
    let whole = bed.store.verify().await.unwrap();
    assert_eq!((whole.chains, whole.events, whole.faults), (cases.len() as u64 + 1, 4 * cases.len() as u64 + 2, vec![]));
    for (id, (statement, _)) in ids.iter().zip(&cases) {
        sql(&raw, &statement.replace("ID", id.as_str())).await;
    }
    let faults = bed.faults().await;
    for (id, (statement, said)) in ids.iter().zip(&cases) {
        assert!(faults.iter().any(|fault| fault.contains(id.as_str()) && fault.contains(said)), "{statement}: `{said}` is not among {faults:#?}");
    }
    // Every tampered chain is told, and no other.
    for fault in &faults {
        assert!(ids.iter().any(|id| fault.contains(id.as_str())), "{fault}");
    }
    for (statement, said) in [
        ("UPDATE audit_log SET payload = replace(payload, 'ann', 'bob') WHERE seq = 1", "event 1 was changed"),
        ("DELETE FROM audit_log WHERE seq = 2", "its head is event 2, but the last event stored is 1"),
        ("DELETE FROM chain_heads", "its head is missing"),
    ] {
        sql(&raw, statement).await;
        let faults = bed.faults().await;
        assert!(faults.iter().any(|fault| fault.contains("`audit`") && fault.contains(said)), "{statement}: {faults:#?}");
    }
    raw.close().await.unwrap();
}

async fn drop_triggers(raw: &DatabaseConnection) {
    for table in ["remediation_events", "audit_log"] {
        if is_postgres(raw) {
            sql(raw, &format!("DROP TRIGGER {table}_append_only ON {table}")).await;
        } else {
            sql(raw, &format!("DROP TRIGGER {table}_no_update; DROP TRIGGER {table}_no_delete")).await;
        }
    }
}

async fn the_logs_only_grow(bed: Arc<Bed>) {
    bed.opened(1).await;
    bed.store.audit("ann", "note", "x", "y", at(0)).await.unwrap();
    let raw = bed.raw().await;
    let mut statements = vec![
        "UPDATE remediation_events SET kind = 'x'",
        "DELETE FROM remediation_events",
        "UPDATE audit_log SET payload = 'x'",
        "DELETE FROM audit_log",
        "DELETE FROM remediations",
    ];
    if is_postgres(&raw) {
        statements.extend(["TRUNCATE remediation_events", "TRUNCATE audit_log"]);
    }
    for statement in statements {
        let error = raw.execute_unprepared(statement).await.map(drop).expect_err(statement).to_string();
        assert!(error.contains("append-only") || error.to_lowercase().contains("foreign key"), "{statement}: {error}");
    }
    raw.close().await.unwrap();
    assert_eq!(bed.faults().await, Vec::<String>::new());
}

async fn the_audit_is_a_chain(bed: Arc<Bed>) {
    let writers = (0..20).map(|n| {
        let store = bed.store.clone();
        tokio::spawn(async move { store.audit("ann", "note", &n.to_string(), "at once", at(n)).await.unwrap() })
    });
    join_all(writers).await.into_iter().for_each(Result::unwrap);
    let entries = bed.store.audit_entries().await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    assert_eq!(entries.iter().map(|entry| entry.subject.clone()).collect::<BTreeSet<_>>().len(), 20);
    let report = bed.store.verify().await.unwrap();
    assert_eq!((report.chains, report.events, report.faults), (1, 20, vec![]));
}

// --- circuits -------------------------------------------------------------------------------------------------------

async fn three_failures_open_a_circuit(bed: Arc<Bed>) {
    let (repo, signature) = (RepoId(7), fingerprint(1));
    for n in 0..3 {
        let id = bed.opened(n).await;
        assert!(bed.store.admit(repo, &signature, &id, at(20)).await.unwrap().1);
        bed.append(&id, vec![diagnosed(1), failed()]).await;
        assert_eq!(bed.store.circuit(repo, &signature).await.unwrap().failure_count, n as u32 + 1);
    }
    let open = bed.store.circuit(repo, &signature).await.unwrap();
    assert_eq!((open.state, open.reset_at), (CircuitState::Open, Some(at(620))));
    let ids = join_all((10..40).map(|n| bed.opened(n))).await;
    assert!(!bed.store.admit(repo, &signature, &ids[0], at(619)).await.unwrap().1);
    assert_eq!(bed.store.circuit(repo, &fingerprint(2)).await.unwrap().state, CircuitState::Closed, "another signature is another circuit");
    // Ten ask at once; one is the probe.
    let probe = |ids: &[RemediationId], now: DateTime<Utc>| {
        let asked = ids.iter().map(|id| {
            let (store, id, signature) = (bed.store.clone(), id.clone(), signature.clone());
            tokio::spawn(async move { store.admit(repo, &signature, &id, now).await.unwrap().1.then_some(id) })
        });
        let asked: Vec<_> = asked.collect();
        async { join_all(asked).await.into_iter().filter_map(Result::unwrap).collect::<Vec<_>>() }
    };
    let allowed = probe(&ids[0..10], at(620)).await;
    assert_eq!(allowed.len(), 1);
    let half = bed.store.circuit(repo, &signature).await.unwrap();
    assert_eq!((half.state, half.probe.map(|probe| probe.remediation)), (CircuitState::HalfOpen, Some(allowed[0].clone())));
    assert!(bed.store.admit(repo, &signature, &allowed[0], at(621)).await.unwrap().1, "the probe itself may ask again");
    // It fails: open again, for longer.
    bed.append_at(&allowed[0], vec![diagnosed(1), failed()], at(700)).await;
    let open = bed.store.circuit(repo, &signature).await.unwrap();
    assert_eq!((open.state, open.reset_at), (CircuitState::Open, Some(at(700 + 1200))));
    // A probe that is not used is given back.
    let allowed = probe(&ids[10..20], at(1900)).await;
    assert_eq!(allowed.len(), 1);
    bed.append_at(&allowed[0], vec![diagnosed(1), Event::Superseded { reason: Reason::HeadMoved }], at(1901)).await;
    assert_eq!(bed.store.circuit(repo, &signature).await.unwrap().probe, None);
    // A probe that says nothing for six hours has failed, and the stored circuit says so.
    let silent = probe(&ids[20..30], at(1902)).await;
    assert_eq!(silent.len(), 1);
    let (lapsed, allowed) = bed.store.admit(repo, &signature, &RemediationId::of(&opening(50).key), at(1902 + 21_600)).await.unwrap();
    assert_eq!((lapsed.state, allowed), (CircuitState::Open, false));
    assert_eq!(bed.store.circuit(repo, &signature).await.unwrap(), lapsed);
    // Success closes it.
    let now = lapsed.reset_at.unwrap();
    let last = bed.opened(60).await;
    assert!(bed.store.admit(repo, &signature, &last, now).await.unwrap().1);
    bed.append_at(&last, [vec![diagnosed(1)], up_to_the_pull(), vec![Event::PullSeen { reason: Reason::ReadyForReview, draft: false }]].concat(), now).await;
    let closed = bed.store.circuits(Some(repo)).await.unwrap();
    assert_eq!(
        closed.iter().map(|row| (row.fingerprint.clone(), row.circuit.state, row.circuit.failure_count)).collect::<Vec<_>>(),
        [(signature, CircuitState::Closed, 0)]
    );
    assert_eq!(bed.faults().await, Vec::<String>::new());
}

async fn first_failures_at_once_both_count(bed: Arc<Bed>) {
    let ids = join_all((0..6).map(|n| bed.opened(n))).await;
    let fail = ids.iter().map(|id| {
        let (bed, id) = (bed.clone(), id.clone());
        tokio::spawn(async move { bed.append(&id, vec![diagnosed(1), failed()]).await })
    });
    join_all(fail).await.into_iter().for_each(|done| drop(done.unwrap()));
    assert_eq!(bed.store.circuit(RepoId(7), &fingerprint(1)).await.unwrap().failure_count, 6);
}

async fn a_person_resets_circuits(bed: Arc<Bed>) {
    for n in 0..4 {
        let id = bed.opened(n).await;
        bed.append(&id, vec![diagnosed(n % 2), failed()]).await;
    }
    let reset = |signature: Option<u64>| {
        let bed = bed.clone();
        async move { bed.store.reset_circuits(RepoId(7), signature.map(fingerprint).as_ref(), "ann", "fixed by hand", at(99)).await.unwrap() }
    };
    assert_eq!(reset(Some(0)).await, 1);
    assert_eq!(bed.store.circuit(RepoId(7), &fingerprint(0)).await.unwrap().failure_count, 0);
    assert_eq!(bed.store.circuit(RepoId(7), &fingerprint(1)).await.unwrap().failure_count, 2);
    assert_eq!(reset(None).await, 1);
    assert_eq!(reset(None).await, 0);
    let acts = bed.store.audit_entries().await.unwrap();
    assert_eq!(acts.len(), 3);
    assert_eq!((acts[0].by.as_str(), acts[0].act.as_str(), acts[0].reason.as_str()), ("ann", "circuit_reset", "fixed by hand"));
    assert_eq!(acts[0].subject, "repository 7, signature 0000000000000000");
}

async fn a_new_signature_gives_the_probe_back(bed: Arc<Bed>) {
    for n in 0..3 {
        let id = bed.opened(n).await;
        bed.append(&id, vec![diagnosed(1), failed()]).await;
    }
    let id = bed.opened(5).await;
    bed.append(&id, vec![diagnosed(1)]).await;
    assert!(bed.store.admit(RepoId(7), &fingerprint(1), &id, at(620)).await.unwrap().1);
    bed.append(&id, vec![diagnosed(2)]).await;
    let circuit = bed.store.circuit(RepoId(7), &fingerprint(1)).await.unwrap();
    assert_eq!((circuit.state, circuit.probe), (CircuitState::HalfOpen, None));
}

async fn a_probe_that_waits_for_a_person_is_not_silent(bed: Arc<Bed>) {
    let (repo, signature) = (RepoId(7), fingerprint(1));
    for n in 0..3 {
        let id = bed.opened(n).await;
        bed.append(&id, vec![diagnosed(1), failed()]).await;
    }
    let (id, other) = (bed.opened(5).await, bed.opened(6).await);
    let (asked, hour) = (1_000, 3_600);
    assert!(bed.store.admit(repo, &signature, &id, at(620)).await.unwrap().1);
    let until = at(asked + 24 * hour);
    let mut events = vec![diagnosed(1)];
    events.extend(up_to_the_pull().into_iter().take(8));
    events.push(Event::ApprovalAsked { verdict: verdict(Gate::Clearing), until, why: vec!["risk 4/10".into()] });
    bed.append_at(&id, events, at(asked)).await;
    // Twenty hours later nobody else has the probe, and with the yes it goes on.
    let yes = asked + 20 * hour;
    assert!(!bed.store.admit(repo, &signature, &other, at(yes)).await.unwrap().1);
    bed.append_at(&id, vec![Event::Approved { by: "ann".into() }], at(yes)).await;
    let (circuit, allowed) = bed.store.admit(repo, &signature, &id, at(yes + 1)).await.unwrap();
    assert_eq!((circuit.state, allowed), (CircuitState::HalfOpen, true));
    // Silence after it counts again.
    let (circuit, allowed) = bed.store.admit(repo, &signature, &other, at(yes + 6 * hour)).await.unwrap();
    assert_eq!((circuit.state, allowed), (CircuitState::Open, false));
}

// --- outbox, stops, and what is kept beside the log ----------------------------------------------------------------------

async fn alerts_are_said_once_and_newest(bed: Arc<Bed>) {
    let id = bed.opened(1).await;
    let store = &bed.store;
    let tell = async |text: &str, now: i64| {
        let append =
            Append { remediation: id.clone(), epoch: None, expected_seq: bed.load(&id).await.seq, events: vec![], alert: Some(alert(&id, text)), due: None };
        store.append(&append, at(now)).await.unwrap();
    };
    let due = async |now: i64| {
        let due = store.due_alerts(at(now), 10).await.unwrap();
        due.into_iter().map(|due| (due.alert.fallback, due.revision, due.begun, due.failures)).collect::<Vec<_>>()
    };
    tell("one", 10).await;
    tell("two", 11).await;
    assert_eq!(due(9).await, []);
    assert_eq!(due(11).await, [("two".to_owned(), 2, false, 0)]);
    assert!(store.alert_begun(&id, at(12)).await.unwrap());
    // A text that comes while a post is under way waits for it.
    tell("three", 13).await;
    assert_eq!(due(13).await, []);
    let message = MessageRef { channel: "C1".into(), ts: "1.2".into() };
    store.alert_said(&id, 2, Some(&message), at(14)).await.unwrap();
    let third = store.due_alerts(at(14), 10).await.unwrap();
    assert_eq!((third[0].revision, &third[0].message, third[0].begun, third[0].since), (3, &Some(message.clone()), false, at(10)));
    // Rate limited: not before its time, and a newer text does not run against the limit.
    assert!(store.alert_begun(&id, at(14)).await.unwrap());
    store.alert_failed(&id, "slow down", Some(at(50))).await.unwrap();
    tell("four", 15).await;
    assert_eq!(due(49).await, []);
    assert_eq!(due(50).await, [("four".to_owned(), 4, true, 1)]);
    store.alert_said(&id, 4, None, at(51)).await.unwrap();
    assert_eq!(due(9999).await, []);
    // The message stays known for the next text.
    tell("five", 60).await;
    assert_eq!(store.due_alerts(at(60), 10).await.unwrap()[0].message, Some(message));
    // Never again, until there is something new to say.
    store.alert_failed(&id, "invalid_auth", None).await.unwrap();
    assert_eq!(due(9999).await, []);
    tell("six", 70).await;
    assert_eq!(due(70).await, [("six".to_owned(), 6, false, 1)]);
    assert!(matches!(store.alert_said(&RemediationId::of(&opening(9).key), 1, None, at(0)).await, Err(StoreError::NotFound(_))));
}

async fn one_sender_begins(bed: Arc<Bed>) {
    let id = RemediationId::of(&opening(1).key);
    bed.store.attach(&opening(1), &run(1, 1), Some(alert(&id, "x")), at(0), at(1)).await.unwrap();
    let begin = |now: i64| {
        let tasks = (0..10).map(|_| {
            let (store, id) = (bed.store.clone(), id.clone());
            tokio::spawn(async move { store.alert_begun(&id, at(now)).await.unwrap() })
        });
        let tasks: Vec<_> = tasks.collect();
        async { join_all(tasks).await.into_iter().filter(|begun| *begun.as_ref().unwrap()).count() }
    };
    assert_eq!(begin(0).await, 1);
    assert_eq!(bed.store.due_alerts(at(30), 10).await.unwrap(), vec![]);
    // The sender died: after a minute another looks, knowing that a post may stand.
    assert!(bed.store.due_alerts(at(60), 10).await.unwrap()[0].begun);
    assert_eq!(begin(60).await, 1);
}

async fn a_stop_holds(bed: Arc<Bed>) {
    let store = &bed.store;
    let same = RepoSlug::parse("Team/App").unwrap();
    assert_eq!(store.paused(&slug()).await.unwrap(), None);
    store.pause(Some(&slug()), "ann", "release day", at(1)).await.unwrap();
    let stop = store.paused(&same).await.unwrap().unwrap();
    assert_eq!((stop.repo, stop.by.as_str(), stop.reason.as_str(), stop.since), (Some(slug()), "ann", "release day", at(1)));
    assert_eq!(store.paused(&RepoSlug::parse("team/other").unwrap()).await.unwrap(), None);
    store.pause(None, "bob", "fire", at(2)).await.unwrap();
    assert_eq!(store.paused(&slug()).await.unwrap().unwrap().repo, None);
    assert_eq!(store.pauses().await.unwrap().len(), 2);
    assert!(store.resume(None, "bob", "out", at(3)).await.unwrap());
    assert!(!store.resume(None, "bob", "out", at(3)).await.unwrap());
    assert!(store.paused(&slug()).await.unwrap().is_some());
    assert!(store.resume(Some(&same), "ann", "released", at(4)).await.unwrap());
    assert_eq!(store.pauses().await.unwrap(), vec![]);
    let acts: Vec<String> = store.audit_entries().await.unwrap().into_iter().map(|act| format!("{} {} {}", act.by, act.act, act.subject)).collect();
    assert_eq!(acts, ["ann pause team/app", "bob pause all repositories", "bob resume all repositories", "ann resume Team/App"]);
}

async fn repositories_are_watched(bed: Arc<Bed>) {
    let store = &bed.store;
    store.watch(RepoId(7), &slug(), &branch("main")).await.unwrap();
    store.polled(RepoId(7), Some("etag"), Some(at(5)), at(6)).await.unwrap();
    let renamed = RepoSlug::parse("team/renamed").unwrap();
    let row = store.watch(RepoId(7), &renamed, &branch("trunk")).await.unwrap();
    assert_eq!((row.slug.as_str(), row.default_branch.as_str(), row.validator.as_deref(), row.cursor), ("team/renamed", "trunk", Some("etag"), Some(at(5))));
    store.polled(RepoId(7), None, None, at(7)).await.unwrap();
    let rows = store.watched().await.unwrap();
    assert_eq!((rows.len(), rows[0].validator.as_deref(), rows[0].cursor, rows[0].polled_at), (1, None, Some(at(5)), Some(at(7))));
    assert!(matches!(store.polled(RepoId(8), None, None, at(7)).await, Err(StoreError::NotFound(_))));
    store.ping().await.unwrap();
}

async fn snapshots_come_back(bed: Arc<Bed>) {
    let file = |n: usize| SnapshotFile {
        path: format!("{}/{n}.bin", "deep".repeat(900)),
        content: (n > 0).then(|| vec![0, 159, 146, 150, n as u8]),
        executable: n.is_multiple_of(2),
        sha256: String::new(),
    };
    let mut snapshot = Snapshot {
        id: "s-1".into(),
        remediation: RemediationId::of(&opening(1).key),
        repo: RepoId(7),
        branch: branch("feature/x"),
        sha: sha(1),
        files: vec![],
        status: "taken".into(),
        taken_at: at(1),
        expires_at: at(9),
    };
    bed.store.save_snapshot(&snapshot).await.unwrap();
    assert_eq!(bed.store.snapshot("s-1").await.unwrap(), Some(snapshot.clone()));
    snapshot.status = "complete".into();
    snapshot.files = (0..250).map(file).collect();
    bed.store.save_snapshot(&snapshot).await.unwrap();
    assert_eq!(bed.store.snapshot("s-1").await.unwrap(), Some(snapshot.clone()));
    snapshot.files.truncate(1);
    bed.store.save_snapshot(&snapshot).await.unwrap();
    assert_eq!(bed.store.snapshot("s-1").await.unwrap(), Some(snapshot));
    assert_eq!(bed.store.snapshot("s-2").await.unwrap(), None);
    // What has expired goes with the end of its remediation, and not before.
    let id = bed.opened(1).await;
    assert_eq!(bed.store.purge(at(0), at(100)).await.unwrap(), (0, 0));
    bed.append(&id, vec![failed()]).await;
    assert_eq!(bed.store.purge(at(0), at(9)).await.unwrap(), (0, 0));
    assert_eq!(bed.store.purge(at(0), at(100)).await.unwrap(), (0, 1));
    assert_eq!(bed.store.snapshot("s-1").await.unwrap(), None);
}

async fn costs_add_up(bed: Arc<Bed>) {
    assert_eq!(bed.store.spent_since(at(0)).await.unwrap(), 0.0);
    for n in 0..4 {
        let call = ModelCall {
            remediation: RemediationId::of(&opening(1).key),
            repo: RepoId(7),
            route: "r".into(),
            response_id: None,
            input_tokens: 100,
            output_tokens: 10,
            cost_usd: 0.25,
            ok: n % 2 == 0,
            at: at(n),
        };
        bed.store.model_called(&call).await.unwrap();
    }
    assert_eq!(bed.store.spent_since(at(0)).await.unwrap(), 1.0);
    assert_eq!(bed.store.spent_since(at(2)).await.unwrap(), 0.5);
    assert_eq!(bed.store.spent_since(at(4)).await.unwrap(), 0.0);
}

async fn remediations_are_found(bed: Arc<Bed>) {
    for n in 0..4 {
        bed.store.attach(&opening(n), &run(n, 1), None, at(n as i64), at(60)).await.unwrap();
    }
    let id = RemediationId::of(&opening(1).key);
    bed.append(&id, vec![diagnosed(1), failed()]).await;
    let found = async |filter: Filter| {
        let list = bed.store.list(&filter).await.unwrap();
        list.into_iter().map(|remediation| remediation.opening.key.sha).collect::<Vec<_>>()
    };
    let newest_first: Vec<CommitSha> = [3, 2, 1, 0].map(sha).to_vec();
    assert_eq!(found(Filter::default()).await, newest_first);
    assert_eq!(found(Filter { limit: 2, ..Filter::default() }).await, newest_first[..2]);
    assert_eq!(found(Filter { fingerprint: Some(fingerprint(1)), ..Filter::default() }).await, [sha(1)]);
    assert_eq!(found(Filter { phases: vec![Phase::Failed, Phase::Blocked], ..Filter::default() }).await, [sha(1)]);
    assert_eq!(found(Filter { repo: Some(RepoId(8)), ..Filter::default() }).await, []);
    assert_eq!(found(Filter { branch: Some(branch("feature/x")), repo: Some(RepoId(7)), ..Filter::default() }).await.len(), 4);
    assert_eq!(bed.store.depth().await.unwrap(), [(Phase::Pending, 3), (Phase::Failed, 1)]);
    assert_eq!(bed.store.load(&RemediationId::of(&opening(9).key)).await.unwrap(), None);
}

// --- crashes, times, schema -----------------------------------------------------------------------------------------

/// Drops the append after so many wake-ups: at every point where it can wait, a kill finds it in the middle. What was
/// committed is whole, what was not is gone.
async fn a_kill_leaves_all_or_nothing(bed: Arc<Bed>) {
    let (mut undone, mut finished) = (0, 0);
    for round in 0..80 {
        let polls = round % 16;
        let id = bed.opened(round).await;
        let mut append = Append {
            remediation: id.clone(),
            epoch: None,
            expected_seq: 2,
            events: vec![diagnosed(round), failed()],
            alert: Some(alert(&id, "ended")),
            due: None,
        };
        let mut left = polls;
        let done = {
            let mut act = pin!(bed.store.append(&append, at(20)));
            std::future::poll_fn(|context| {
                if left == 0 {
                    return Poll::Ready(false);
                }
                left -= 1;
                act.as_mut().poll(context).map(|outcome| outcome.is_ok())
            })
            .await
        };
        // A COMMIT may be under way still: who asks for the row's lock waits for its end.
        append.expected_seq = 999;
        let Err(StoreError::Stale { current: seq, .. }) = bed.store.append(&append, at(20)).await else { panic!("not stale") };
        let failures = bed.store.circuit(RepoId(7), &fingerprint(round)).await.unwrap().failure_count;
        let alerts = bed.store.due_alerts(at(1000), 1000).await.unwrap().iter().filter(|due| due.alert.remediation == id).count();
        match (seq, failures, alerts) {
            (2, 0, 0) => undone += u32::from(polls > 0),
            (4, 1, 1) => finished += 1,
            other => panic!("after {polls} polls half an append stands: {other:?}"),
        }
        assert!(!done || seq == 4);
    }
    assert!(undone > 0 && finished > 0, "{undone} undone, {finished} finished: the kills did not cover both");
    assert_eq!(bed.faults().await, Vec::<String>::new());
}

async fn times_are_utc_with_microseconds(bed: Arc<Bed>) {
    let odd = DateTime::from_timestamp(1_800_000_000, 123_456_789).unwrap();
    bed.store.attach(&opening(1), &run(1, 1), None, odd, odd).await.unwrap();
    let id = RemediationId::of(&opening(1).key);
    let events = bed.store.events(&id).await.unwrap();
    assert_eq!(events[0].at, DateTime::from_timestamp(1_800_000_000, 123_456_000).unwrap());
    assert_eq!(bed.load(&id).await.updated_at, events[1].at);
    assert_eq!(bed.faults().await, Vec::<String>::new());
    let raw = bed.raw().await;
    let list = if is_postgres(&raw) {
        "SELECT table_name AS t, column_name AS c, data_type AS k FROM information_schema.columns WHERE table_schema = current_schema()"
    } else {
        "SELECT m.name AS t, p.name AS c, p.type AS k FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'"
    };
    let wanted = if is_postgres(&raw) { "timestamp with time zone" } else { "timestamp_with_timezone_text" };
    let mut times = 0;
    for row in raw.query_all_raw(Statement::from_string(raw.get_database_backend(), list)).await.unwrap() {
        let [table, column, kind] = ["t", "c", "k"].map(|name| row.try_get::<String>("", name).unwrap());
        let is_time = column == "at" || column == "since" || column.ends_with("_at") || column == "lease_until" || column == "probe_since";
        if is_time && table != "seaql_migrations" {
            times += 1;
            assert_eq!(kind, wanted, "{table}.{column}");
        }
    }
    assert!(times > 20, "{times}");
    raw.close().await.unwrap();
}

/// For every migration a row of every table that it makes, written with all columns by hand: a later migration that can't
/// carry old rows fails here.
const SAMPLES: [(&str, &[&str]); 1] = [(
    "m0001_foundation",
    &[
        "INSERT INTO repositories (id, slug, default_branch, validator, cursor_at, polled_at) VALUES (7, 'team/app', 'main', 'etag', '{at}', '{at}')",
        "INSERT INTO runs_seen (repo, run, attempt, branch, sha, remediation, refused, seen_at) VALUES (7, 1, 1, 'x', '{sha}', NULL, 'fork', '{at}')",
        "INSERT INTO remediations (id, repo, branch, sha, generation, phase, ended, reason, fingerprint, state, seq, head, due_at, lease_until, lease_worker, epoch, claims, failures, created_at, updated_at)
         VALUES ('r-0000000000000001', 7, 'x', '{sha}', 0, 'pending', false, NULL, NULL, '{}', 1, 'h', '{at}', '{at}', 'w', 1, 1, 0, '{at}', '{at}')",
        "INSERT INTO remediation_events (remediation, seq, at, kind, payload, prev_hash, hash) VALUES ('r-0000000000000001', 1, '{at}', 'opened', '{}', 'p', 'h')",
        "INSERT INTO circuits (repo, fingerprint, state, failure_count, openings, opened_at, reset_at, probe_remediation, probe_since, updated_at)
         VALUES (7, '0011223344556677', 'half_open', 3, 1, '{at}', '{at}', 'r-0000000000000001', '{at}', '{at}')",
        "INSERT INTO snapshots (id, remediation, repo, branch, sha, status, taken_at, expires_at) VALUES ('s', 'r-0000000000000001', 7, 'x', '{sha}', 'taken', '{at}', '{at}')",
        "INSERT INTO snapshot_files (snapshot, ordinal, path, content, executable, sha256) VALUES ('s', 1, 'a', NULL, true, '')",
        "INSERT INTO model_calls (remediation, repo, route, response_id, input_tokens, output_tokens, cost_usd, ok, at) VALUES ('r-0000000000000001', 7, 'r', NULL, 1, 2, 0.5, true, '{at}')",
        "INSERT INTO outbox (remediation, alert, revision, said_revision, begun_at, message_channel, message_ts, due_at, failures, last_error, first_at)
         VALUES ('r-0000000000000001', '{\"remediation\":\"r-0000000000000001\",\"channel\":null,\"fallback\":\"x\",\"blocks\":[],\"last\":false}', 2, 1, NULL, 'C', '1.2', '{at}', 0, NULL, '{at}')",
        "INSERT INTO deliveries (id, event, payload, at, handled_at) VALUES ('d', 'push', '{}', '{at}', NULL)",
        "INSERT INTO pauses (scope, repo, \"by\", reason, since) VALUES ('team/app', 'team/app', 'ann', 'why', '{at}')",
        "INSERT INTO audit_log (seq, at, payload, prev_hash, hash) VALUES (1, '{at}', '{\"by\":\"ann\",\"act\":\"note\",\"subject\":\"x\",\"reason\":\"y\"}', 'p', 'h')",
    ],
)];

async fn the_schema_takes_a_sample_of_everything(bed: Arc<Bed>) {
    let raw = bed.raw().await;
    Migrator::down(&raw, None).await.unwrap();
    let store = SqlStore::connect(&bed.url, BREAKER).await.unwrap();
    assert!(store.migrations_status().await.unwrap().iter().all(|step| !step.applied));
    assert!(matches!(store.watched().await, Err(StoreError::Damaged(_))), "no tables");
    let names: Vec<String> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    assert_eq!(names, SAMPLES.map(|(name, _)| name.to_owned()), "each migration has its sample");
    for (_, rows) in SAMPLES {
        Migrator::up(&raw, Some(1)).await.unwrap();
        for row in rows {
            sql(&raw, &row.replace("{at}", "2027-01-15T08:00:00.5+00:00").replace("{sha}", sha(1).as_str())).await;
        }
    }
    assert_eq!(store.migrate().await.unwrap(), Vec::<String>::new());
    assert!(store.migrations_status().await.unwrap().iter().all(|step| step.applied));
    // What was written by hand is read by the store.
    let moment = at(0) + chrono::Duration::milliseconds(500);
    assert_eq!(store.watched().await.unwrap()[0].cursor, Some(moment));
    assert_eq!(store.seen(RunKey { repo: RepoId(7), run: RunId(1), attempt: 1 }).await.unwrap().unwrap().refused, Some(Reason::Fork));
    assert_eq!(store.circuits(None).await.unwrap()[0].circuit.probe.as_ref().unwrap().since, moment);
    assert!(store.snapshot("s").await.unwrap().unwrap().files[0].executable);
    assert_eq!(store.spent_since(at(0)).await.unwrap(), 0.5);
    assert_eq!(store.due_alerts(at(1), 10).await.unwrap()[0].since, moment);
    assert_eq!(store.deliveries(10).await.unwrap()[0].at, moment);
    assert_eq!(store.pauses().await.unwrap()[0].since, moment);
    assert_eq!(store.audit_entries().await.unwrap()[0].by, "ann");
    assert_eq!(store.depth().await.unwrap(), [(Phase::Pending, 1)]);
    let made = raw
        .query_all_raw(Statement::from_string(
            raw.get_database_backend(),
            if is_postgres(&raw) {
                "SELECT table_name AS t FROM information_schema.tables WHERE table_schema = current_schema()"
            } else {
                "SELECT name AS t FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            },
        ))
        .await
        .unwrap();
    for row in made {
        let table: String = row.try_get("", "t").unwrap();
        let sampled = SAMPLES.iter().flat_map(|(_, rows)| rows.iter()).any(|row| row.contains(&format!("INTO {table} ")));
        assert!(sampled || ["seaql_migrations", "chain_heads"].contains(&table.as_str()), "`{table}` has no sample");
    }
    store.close().await.unwrap();
    raw.close().await.unwrap();
}

async fn many_open_at_once(bed: Arc<Bed>) {
    let raw = bed.raw().await;
    Migrator::down(&raw, None).await.unwrap();
    sql(&raw, "DROP TABLE seaql_migrations").await;
    raw.close().await.unwrap();
    let stores = join_all((0..6).map(|_| {
        let url = bed.url.clone();
        tokio::spawn(async move { SqlStore::open(&url, BREAKER).await })
    }))
    .await;
    for store in stores {
        let store = store.unwrap().unwrap();
        assert!(store.migrations_status().await.unwrap().iter().all(|step| step.applied));
        store.close().await.unwrap();
    }
    bed.opened(1).await;
}

// --- SQLite only ----------------------------------------------------------------------------------------------------

mod file {
    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = folder.path().join("a/b/regreen.db");
        let store = SqlStore::open(path.to_str().unwrap(), BREAKER).await.unwrap();
        store.audit("ann", "note", "x", "y", at(0)).await.unwrap();
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&path.with_extension("db-wal")), 0o600);
        assert_eq!((mode(&folder.path().join("a/b")), mode(&folder.path().join("a"))), (0o700, 0o700));
        assert_eq!(mode(folder.path()), 0o755, "what was there keeps its mode");
    }

    #[tokio::test]
    async fn durable_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("regreen.db");
        let store = SqlStore::open(path.to_str().unwrap(), BREAKER).await.unwrap();
        store.audit("ann", "note", "x", "y", at(0)).await.unwrap();
        let raw = Database::connect(format!("sqlite://{}", path.display())).await.unwrap();
        let mode = raw.query_one_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA journal_mode")).await.unwrap().unwrap();
        assert_eq!(mode.try_get_by_index::<String>(0).unwrap(), "wal");
        assert!(matches!(
            SqlStore::open(&format!("sqlite://{}?mode=rw", folder.path().join("none.db").display()), BREAKER).await,
            Err(StoreError::Unavailable(_))
        ));
        let text = folder.path().join("text.db");
        std::fs::write(&text, "this is not a database, however long it may be; ".repeat(100)).unwrap();
        assert!(matches!(SqlStore::open(text.to_str().unwrap(), BREAKER).await, Err(StoreError::Damaged(_))));
    }

    #[tokio::test]
    async fn a_private_store_leaves_nothing() {
        let store = SqlStore::in_memory(BREAKER).await.unwrap();
        let shown = format!("{store:?}");
        let path = shown.split("sqlite ").nth(1).and_then(|rest| rest.split('"').next()).map(std::path::PathBuf::from).unwrap();
        assert!(path.exists(), "{shown}");
        store.attach(&opening(1), &run(1, 1), None, at(0), at(1)).await.unwrap();
        assert!(store.claim("w", LONG, at(1)).await.unwrap().is_some());
        drop(store);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn no_secret_is_shown() {
        let error = SqlStore::open("postgres://me:s3cr3t@127.0.0.1:1/none", BREAKER).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)));
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error}");
    }

    /// The command line beside the service: this very test runs itself as another process on the same file.
    #[tokio::test]
    async fn two_processes_share_it() {
        const FILE: &str = "REGREEN_TEST_STORE_FILE";
        const EACH: u64 = 25;
        let work = async |store: SqlStore, who: u64| {
            for n in 0..EACH {
                store.attach(&opening(1), &run(who * EACH + n, 1), None, at(0), at(60)).await.unwrap();
                store.audit("ann", "note", "x", "y", at(0)).await.unwrap();
            }
        };
        if let Ok(path) = std::env::var(FILE) {
            return work(SqlStore::open(&path, BREAKER).await.unwrap(), 1).await;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("regreen.db").display().to_string();
        let mut other = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::file::two_processes_share_it"])
            .env(FILE, &path)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let store = SqlStore::open(&path, BREAKER).await.unwrap();
        work(store.clone(), 0).await;
        assert!(tokio::time::timeout(Duration::from_secs(60), other.wait()).await.unwrap().unwrap().success());
        let remediation = store.load(&RemediationId::of(&opening(1).key)).await.unwrap().unwrap();
        assert_eq!(remediation.runs.len() as u64, 2 * EACH);
        let report = store.verify().await.unwrap();
        assert_eq!((report.events, report.faults), (4 * EACH + 1, vec![]));
    }

    /// Printed, and held to a bound that only a fault of ours would break: a slow disk is not one.
    #[tokio::test]
    async fn an_append_is_quick() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::open(folder.path().join("regreen.db").to_str().unwrap(), BREAKER).await.unwrap();
        store.attach(&opening(1), &run(1, 1), None, at(0), at(1)).await.unwrap();
        let id = RemediationId::of(&opening(1).key);
        let mut times = BTreeMap::new();
        for n in 0..100u64 {
            let append = Append { remediation: id.clone(), epoch: None, expected_seq: 2 + n, events: vec![diagnosed(n)], alert: None, due: None };
            let begun = Instant::now();
            store.append(&append, at(20)).await.unwrap();
            times.insert(begun.elapsed(), n);
        }
        let median = *times.keys().nth(times.len() / 2).unwrap();
        println!("an append takes {median:?} in the median, {:?} at worst", times.keys().last().unwrap());
    }
}
