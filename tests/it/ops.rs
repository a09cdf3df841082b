//! The operator's commands, by the real binary in a folder of its own, against the simulated GitHub, Slack and model; and the documents that an operator
//! reads, against what the code says.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use chrono::{DateTime, Utc};
use regex::Regex;
use regreen::adapters::store::SqlStore;
use regreen::config::{SandboxSettings, Settings, Sources};
use regreen::domain::breaker::BreakerSettings;
use regreen::domain::gate::{Gate, Verdict};
use regreen::domain::ids::{BranchName, CommitSha, PatchHash, PullNumber, RemediationId, RemediationKey, RepoId, RepoSlug, RunId};
use regreen::domain::remediation::{AttachedRun, Event, Opening, Outside, Phase, ProposalRecord, PullRecord, Reason};
use regreen::domain::render;
use regreen::domain::rules::{RepoRules, Timing};
use regreen::ports::store::{Append, Attached, Store as _};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use simulator::{Change, Fault, FaultKind, Protection, Push, RepoSpec, Server, Simulator, SimulatorOptions, SyntheticRun, TokenSpec};

const TOKEN: &str = "ghp_canarycanarycanary";
const MODEL_KEY: &str = "sk-canarycanary";
const REPO: &str = "acme/widgets";
const BROKEN: &str = "feature/x";
/// One command, on a busy machine.
const LONG: Duration = Duration::from_secs(100);

// --- the ground the tests stand on ----------------------------------------------------------------------------------

/// A world, and the folder and the environment of an operator in it.
struct Desk {
    world: Simulator,
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
    repo: u64,
    /// The head of the broken branch.
    head: String,
}

#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// Runs the binary with this environment only.
async fn regreen(folder: &Path, env: &BTreeMap<String, String>, arguments: &[&str]) -> Ended {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_regreen"));
    command.args(arguments).current_dir(folder).env_clear().envs(env).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LONG, command.output()).await.expect("it ends in time").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ended = Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) };
    for secret in [TOKEN, MODEL_KEY, simulator::SLACK_TOKEN] {
        assert!(!ended.out.contains(secret) && !ended.err.contains(secret), "a secret in the output of {arguments:?}");
    }
    ended
}

fn path() -> String {
    std::env::var("PATH").unwrap()
}

impl Desk {
    async fn new() -> Self {
        let options = SimulatorOptions { run_workflows: false, read_lag_ms: 0, model_key: Some(MODEL_KEY.into()), ..SimulatorOptions::default() };
        let world = Simulator::start(options).await.unwrap();
        world.add_token(TOKEN, TokenSpec::writer("regreen-bot"));
        let files = vec![Change::write("a.txt", "one\ntwo\n"), Change::write(".github/workflows/ci.yml", "name: CI\non: [push]\njobs: {}\n")];
        let repo = world.create_repo(RepoSpec { files, ..RepoSpec::new("acme", "widgets") }).await.unwrap();
        world.protect(REPO, "main", Protection { protected: true, rules: Vec::new() }).unwrap();
        let head = world.push_commit(REPO, Push::new(BROKEN, "Break it").from("main").write("a.txt", "one\ntwoo\n")).await.unwrap();
        world.add_synthetic_run(REPO, SyntheticRun::failed(BROKEN, &head, "error: two is spelt two\n")).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let route = format!("[[route]]\nname = 'scripted'\nkind = 'openai'\nbase_url = '{}'\nmodel = 'scripted'\nkey_env = 'MODEL_KEY'\n", world.model_url());
        std::fs::write(folder.path().join("regreen.toml"), route).unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let env = [
            ("PATH", path()),
            ("HOME", at("home")),
            ("USER", "ann".into()),
            ("GITHUB_TOKEN", TOKEN.into()),
            ("GITHUB_API_URL", world.api_url()),
            ("GITHUB_SERVER_URL", world.server_url()),
            ("REGREEN_REPOS", REPO.into()),
            ("REGREEN_DATA_DIR", at("data")),
            ("REGREEN_LISTEN", "127.0.0.1:0".into()),
            ("SLACK_BOT_TOKEN", simulator::SLACK_TOKEN.into()),
            ("SLACK_CHANNEL", "regreen".into()),
            ("SLACK_API_URL", world.slack_url()),
            ("MODEL_KEY", MODEL_KEY.into()),
        ];
        let env = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { world, folder, env, repo, head }
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        regreen(self.folder.path(), &self.env, arguments).await
    }

    /// With some variables otherwise; an empty value takes one away.
    async fn run_with(&self, changes: &[(&str, &str)], arguments: &[&str]) -> Ended {
        let mut env = self.env.clone();
        for (name, value) in changes {
            match *value {
                "" => env.remove(*name),
                value => env.insert((*name).to_owned(), value.to_owned()),
            };
        }
        regreen(self.folder.path(), &env, arguments).await
    }

    fn database(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("data/regreen.db").display())
    }

    async fn store(&self) -> SqlStore {
        std::fs::create_dir_all(self.folder.path().join("data")).unwrap();
        SqlStore::open(&self.database(), BreakerSettings::default()).await.unwrap()
    }
}

fn now() -> DateTime<Utc> {
    Utc::now()
}

// --- doctor ---------------------------------------------------------------------------------------------------------

/// The checks with this name.
fn named<'a>(report: &'a Value, name: &str) -> Vec<&'a Value> {
    report["checks"].as_array().unwrap().iter().filter(|check| check["name"] == name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_finds_nothing_wrong() {
    let desk = Desk::new().await;
    desk.run(&["migrate", "up"]).await.exits(0);
    let ended = desk.run(&["doctor", "--format", "json"]).await.exits(0);
    let report = ended.json();
    assert_eq!(report["ok"], true);
    for check in report["checks"].as_array().unwrap() {
        // The sandbox and the disk are this machine's own affair.
        let section = check["section"].as_str().unwrap();
        assert!(check["mark"] == "ok" || ["sandbox", "data folder"].contains(&section), "{check}");
    }
    let everything = [
        "read",
        "open",
        "schema",
        "write",
        "space",
        "git mirrors",
        "REGREEN_LISTEN",
        "kind",
        "toolchains",
        "credentials",
        "acme/widgets reachable",
        "acme/widgets push",
        "acme/widgets git",
        "acme/widgets checks",
        "acme/widgets workflow runs",
        "acme/widgets logs",
        "acme/widgets branch rules",
        "acme/widgets pull requests",
        "acme/widgets workflow token",
        "rate limit",
        "sign of life",
        "scripted",
        "clock",
    ];
    for name in everything {
        assert_eq!(named(&report, name).len(), if name == "write" { 2 } else { 1 }, "{name} in {report:#}");
    }
    let ended = desk.run(&["doctor"]).await.exits(0);
    assert!(ended.out.contains("github\n  ok    credentials: regreen-bot at http://") && ended.out.contains(" 0 failure(s)"), "{ended:?}");
    // It wrote nothing outside.
    assert!(desk.world.requests().iter().all(|request| request.method == "GET" || request.server != Server::Github), "a write");
    assert!(desk.world.slack_messages().is_empty() && desk.world.model_requests().is_empty());
    desk.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_tells_each_failure_with_its_remedy() {
    let desk = Desk::new().await;
    desk.world.add_token("ghp_reader_canary", TokenSpec::reader("reader"));
    desk.run(&["migrate", "up"]).await.exits(0);
    let status = |code: u16, message: &str| FaultKind::Status {
        code,
        headers: vec![("content-type".into(), "application/json".into())],
        body: json!({ "message": message }).to_string(),
    };
    let on = |path: &str, kind: FaultKind| Some(Fault::on(Server::Github, "GET", path, kind));
    let upgrade = "Upgrade to GitHub Pro or make this repository public to enable this feature.";
    let refused = "Resource not accessible by personal access token";
    let past = FaultKind::Status { code: 200, headers: vec![("date".into(), "Sat, 01 Jan 2000 00:00:00 GMT".into())], body: "{}".into() };
    // What is otherwise, what goes wrong, the check, its mark, what it says, its remedy.
    type Row<'a> = (&'a [(&'a str, &'a str)], Option<Fault>, &'a str, &'a str, &'a str, &'a str);
    let table: Vec<Row<'_>> = vec![
        (&[("GITHUB_TOKEN", "")], None, "credentials", "fail", "GITHUB_TOKEN is missing", "set GITHUB_TOKEN"),
        (&[("GITHUB_TOKEN", "ghp_wrong_canary")], None, "credentials", "fail", "refused the credentials", "make a new token"),
        (&[("GITHUB_TOKEN", "ghp_reader_canary")], None, "acme/widgets push", "fail", "may not write", "Contents: write"),
        (&[("GITHUB_TOKEN", "ghp_reader_canary"), ("REGREEN_DRY_RUN", "1")], None, "acme/widgets push", "warn", "may not write", "Contents: write"),
        (&[("REGREEN_REPOS", "")], None, "REGREEN_REPOS", "fail", "does not start", "owner/name"),
        (&[("REGREEN_REPOS", "acme/nothing")], None, "acme/nothing reachable", "fail", "not found", "check the name"),
        (&[("REGREEN_REPOS", "nobody/*")], None, "nobody/*", "fail", "", "check the"),
        (&[("REGREEN_DRY_RUN", "true")], None, "REGREEN_DRY_RUN", "warn", "dry-run is on", "REGREEN_DRY_RUN=false"),
        (&[("REGREEN_REPO", "a/b")], None, "REGREEN_REPO", "warn", "nothing reads", ".env.example"),
        (&[("REGREEN_POLICIES", "/nowhere")], None, "REGREEN_POLICIES", "fail", "no folder", "name the folder"),
        (&[("DATABASE_URL", "sqlite:///proc/nowhere/x.db")], None, "open", "fail", "", "check DATABASE_URL"),
        (&[("DATABASE_URL", "postgres://u:canary-password@127.0.0.1:1/x")], None, "open", "fail", "", "that the server runs"),
        (&[("REGREEN_LISTEN", "192.0.2.1:8080")], None, "REGREEN_LISTEN", "fail", "can't be listened on", "an address of this machine"),
        (&[("SLACK_BOT_TOKEN", "xoxb-wrong-canary")], None, "sign of life", "fail", "invalid_auth", "scopes"),
        (&[("SLACK_BOT_TOKEN", "")], None, "channel", "warn", "logged only", "SLACK_BOT_TOKEN"),
        (&[("MODEL_KEY", "sk-wrong-canary")], None, "scripted", "fail", "refused the credentials", "MODEL_KEY"),
        (&[], on("/user", FaultKind::RateLimited { retry_after: 3600 }), "credentials", "fail", "rate limited", "wait until"),
        (&[], on("/repos/acme/widgets/rules/branches/*", status(403, upgrade)), "acme/widgets branch rules", "fail", "counts as protected", "paid plans only"),
        (&[], on("/repos/acme/widgets/rules/branches/*", status(403, refused)), "acme/widgets branch rules", "fail", "counts as protected", "Metadata"),
        (
            &[],
            on("/repos/acme/widgets/actions/runs", status(403, refused)),
            "acme/widgets workflow runs",
            "fail",
            "permission is missing",
            "Actions: read and write",
        ),
        (&[], on("*/jobs/*/logs", status(403, refused)), "acme/widgets logs", "fail", "permission is missing", "Actions: read and write"),
        (&[], on("*/check-runs", status(403, refused)), "acme/widgets checks", "fail", "permission is missing", "a GitHub App"),
        (&[], on("/repos/acme/widgets/pulls", status(403, refused)), "acme/widgets pull requests", "fail", "permission is missing", "Pull requests"),
        (
            &[],
            on("*/actions/permissions/workflow", FaultKind::Lie(json!({"default_workflow_permissions": "write"}))),
            "acme/widgets workflow token",
            "warn",
            "may write",
            "trusted_workflows",
        ),
        (&[], on("*/actions/permissions/workflow", status(403, refused)), "acme/widgets workflow token", "warn", "counts as yes", "Administration: read"),
        (&[], on("/repos/acme/widgets", FaultKind::Lie(json!({"archived": true}))), "acme/widgets reachable", "warn", "archived", "take it off"),
        (&[], on("/", past), "clock", "fail", "off GitHub's time", "NTP"),
    ];
    for (env, fault, name, mark, says, remedy) in table {
        let told = format!("{env:?} {fault:?}");
        desk.world.faults().clear();
        if let Some(fault) = fault {
            desk.world.faults().add(fault);
        }
        let ended = desk.run_with(env, &["doctor", "--format", "json"]).await;
        let report = ended.json();
        let found = named(&report, name);
        let check = found.iter().find(|check| check["mark"] == mark).unwrap_or_else(|| panic!("{told}: {report:#}"));
        let holds = |key: &str, part: &str| check[key].as_str().is_some_and(|text| text.contains(part));
        assert!(holds("says", says) && holds("remedy", remedy), "{told}: {check}");
        assert_eq!(ended.code, i32::from(mark == "fail"), "{told}: {ended:?}");
        assert!(!ended.out.contains("canary"), "{told}: {}", ended.out);
    }
    desk.world.faults().clear();

    // A pause is told with the command that ends it.
    desk.run(&["pause", "--reason", "incident"]).await.exits(0);
    let report = desk.run(&["doctor", "--format", "json"]).await.exits(0).json();
    assert_eq!(named(&report, "pause")[0]["remedy"], "regreen resume --reason TEXT");
    desk.run(&["resume", "--reason", "over"]).await.exits(0);

    // A database that was never migrated.
    let report = desk.run_with(&[("DATABASE_URL", "sqlite://fresh.db")], &["doctor", "--format", "json"]).await.exits(0).json();
    assert!(named(&report, "schema")[0]["remedy"].as_str().unwrap().contains("regreen migrate up"));

    // The text says the same.
    let ended = desk.run_with(&[("REGREEN_REPOS", "acme/nothing")], &["doctor"]).await.exits(1);
    assert!(ended.out.contains("  fail  acme/nothing reachable: ") && ended.out.contains("\n        remedy: check the name"), "{ended:?}");
    desk.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_tells_all_of_the_settings_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let env = [("PATH", path()), ("REGREEN_WORKERS", "0".into()), ("DATABASE_URL", "mysql://u:canary@x".into()), ("GITHUB_APP_ID", "x".into())];
    let env = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let ended = regreen(folder.path(), &env, &["doctor", "--format", "json"]).await.exits(2);
    let report = ended.json();
    for name in ["REGREEN_WORKERS", "DATABASE_URL", "GITHUB_APP_ID"] {
        assert_eq!(named(&report, name)[0]["mark"], "fail", "{report}");
    }
    assert!(!ended.out.contains("canary"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_names_an_open_env_file() {
    let desk = Desk::new().await;
    let file = desk.folder.path().join(".env");
    std::fs::write(&file, "REGREEN_WORKERS=3\n").unwrap();
    for (mode, count) in [(0o644, 1), (0o600, 0)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let report = desk.run(&["doctor", "--format", "json"]).await.exits(0).json();
        assert_eq!(named(&report, ".env").len(), count, "{report}");
    }
    desk.world.shutdown().await;
}

// --- migrate, audit -------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrate_tells_and_does() {
    let folder = tempfile::tempdir().unwrap();
    let env = BTreeMap::from([("PATH".to_owned(), path()), ("REGREEN_DATA_DIR".to_owned(), folder.path().join("data").display().to_string())]);
    let run = async |arguments: &[&str]| regreen(folder.path(), &env, arguments).await;
    let applied = |report: &Value| report.as_array().unwrap().iter().map(|step| step["applied"].as_bool().unwrap()).collect::<Vec<_>>();
    assert_eq!(applied(&run(&["migrate", "status", "--format", "json"]).await.exits(1).json()), [false]);
    assert!(run(&["--dry-run", "migrate", "up"]).await.exits(0).out.starts_with("would apply m0001"));
    assert!(run(&["migrate", "status"]).await.exits(1).out.contains("missing"));
    assert!(run(&["migrate", "up"]).await.exits(0).out.starts_with("applied m0001"));
    assert_eq!(run(&["migrate", "up"]).await.exits(0).out, "the schema is up to date\n");
    assert_eq!(applied(&run(&["migrate", "status", "--format", "json"]).await.exits(0).json()), [true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_is_exported_and_verified() {
    let desk = Desk::new().await;
    let id = published(&desk, "merge").await.id;
    desk.run(&["pause", "--reason", "incident 12", "--by", "bob"]).await.exits(0);
    let lines: Vec<Value> = desk.run(&["audit", "export"]).await.exits(0).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let acts: Vec<_> = lines.iter().filter(|line| line["kind"] == "act").collect();
    assert_eq!((acts.len(), &acts[0]["by"], &acts[0]["act"], &acts[0]["reason"]), (1, &json!("bob"), &json!("pause"), &json!("incident 12")));
    let events: Vec<_> = lines.iter().filter(|line| line["kind"] == "event").collect();
    assert!(events.len() > 8 && events.iter().all(|event| event["remediation"] == id.as_str() && event["repo"] == REPO && event["branch"] == BROKEN));
    assert_eq!(events.iter().map(|event| event["seq"].as_u64().unwrap()).collect::<Vec<_>>(), (1..=events.len() as u64).collect::<Vec<_>>());
    assert!(lines.iter().all(|line| line["hash"].as_str().unwrap().len() == 64));

    assert!(desk.run(&["audit", "verify"]).await.exits(0).out.ends_with("all hold\n"));
    let raw = sea_orm::Database::connect(desk.database()).await.unwrap();
    raw.execute_unprepared("DROP TRIGGER audit_log_no_update; UPDATE audit_log SET payload = replace(payload, 'bob', 'eve')")
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    raw.close().await.unwrap();
    let ended = desk.run(&["audit", "verify", "--format", "json"]).await.exits(1);
    assert_eq!(ended.json()["faults"].as_array().unwrap().len(), 1, "{ended:?}");
    assert!(desk.run(&["audit", "verify"]).await.exits(1).out.starts_with("fault: "));
    desk.world.shutdown().await;
}

// --- rollback -------------------------------------------------------------------------------------------------------

/// A remediation whose fix stands on the simulated GitHub.
struct Published {
    id: RemediationId,
    number: u64,
    fix: String,
    commit: String,
}

fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

/// Writes branch and pull request as regreen does, and the events that led there; `until` is the name of the last event.
async fn published(desk: &Desk, until: &str) -> Published {
    let sha = CommitSha::parse(&desk.head).unwrap();
    let key = RemediationKey { repo: RepoId(desk.repo), branch: branch(BROKEN), sha: sha.clone(), generation: 0 };
    let fix = branch(BROKEN).fix_branch(&sha);
    let id = RemediationId::of(&key);
    let commit = desk.world.push_commit(REPO, Push::new(fix.as_str(), "Fix it").from(BROKEN).write("a.txt", "one\ntwo\n")).await.unwrap();
    let number = desk.world.open_pull(REPO, fix.as_str(), BROKEN, "Fix it", &format!("proven\n\n{}", render::pull::marker(&id)), "regreen-bot").await.unwrap();

    let store = desk.store().await;
    let opening = Opening { key, slug: RepoSlug::parse(REPO).unwrap(), default_branch: branch("main"), owner: None, dry_run: false };
    let run = AttachedRun {
        run: RunId(1),
        attempt: 1,
        workflow: "CI".into(),
        path: ".github/workflows/ci.yml".into(),
        url: "https://forge.example/run".into(),
        trigger: "push".into(),
        started_at: now(),
    };
    assert_eq!(store.attach(&opening, &run, None, now(), now()).await.unwrap(), Attached::Opened(id.clone()));
    let patch = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-twoo\n+two\n".to_owned();
    let proposal = ProposalRecord {
        attempt: 1,
        route: "scripted".into(),
        deterministic: false,
        response_id: None,
        explanation: "spelling".into(),
        hash: PatchHash::of(&patch),
        patch,
        repairs: vec![],
    };
    let pull = PullRecord {
        number: PullNumber(number),
        url: format!("https://forge.example/pull/{number}"),
        base: branch(BROKEN),
        head: fix.clone(),
        draft: true,
        node_id: "PR_1".into(),
    };
    let told = CommitSha::parse(&commit).unwrap();
    let verdict = |gate| Verdict::of(gate, 2, vec![]);
    let events = vec![
        Event::Admitted { verdict: verdict(Gate::Admission) },
        Event::Cloned { snapshot: "s-1".into() },
        Event::PatchNeeded,
        Event::Proposed { proposal },
        Event::GatePassed { verdict: verdict(Gate::Gating) },
        Event::Proved { proof: None },
        Event::Cleared { verdict: verdict(Gate::Clearing), simulated: false },
        Event::Intended { what: Outside::PushBranch, detail: format!("{fix} at {}", told.short()) },
        Event::Done { what: Outside::PushBranch, detail: commit.clone() },
        Event::Intended { what: Outside::OpenPull, detail: fix.to_string() },
        Event::Done { what: Outside::OpenPull, detail: number.to_string() },
        Event::Published { branch: fix.clone(), commit: told, pull: Some(pull), unproven: false },
    ];
    let end = events.iter().position(|event| event.name() == until).map_or(events.len(), |n| n + 1);
    let seq = store.load(&id).await.unwrap().unwrap().seq;
    let append = Append { remediation: id.clone(), epoch: None, expected_seq: seq, events: events[..end].to_vec(), alert: None, due: None };
    store.append(&append, now()).await.unwrap();
    store.close().await.unwrap();
    Published { id, number, fix: fix.to_string(), commit }
}

impl Desk {
    fn is_open(&self, number: u64) -> bool {
        self.world.pulls(REPO).iter().any(|pull| pull.number == number && pull.open)
    }

    async fn at(&self, name: &str) -> Option<String> {
        self.world.branch(REPO, name).await.unwrap()
    }

    async fn phase(&self, id: &RemediationId) -> Phase {
        let store = self.store().await;
        let state = store.load(id).await.unwrap().unwrap();
        store.close().await.unwrap();
        state.phase
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_fix_is_withdrawn() {
    let desk = Desk::new().await;
    let fix = published(&desk, "published").await;
    let id = fix.id.as_str();

    // Dry-run names the steps and takes none.
    let ended = desk.run(&["rollback", id, "--dry-run"]).await.exits(0);
    assert_eq!(ended.out.lines().filter(|line| line.contains("would: ")).count(), 3, "{ended:?}");
    assert!(desk.is_open(fix.number) && desk.at(&fix.fix).await.is_some() && desk.phase(&fix.id).await == Phase::Feedback);

    // A pause is regreen's, not the person's who takes back.
    desk.run(&["pause", "--reason", "incident"]).await.exits(0);
    let report = desk.run(&["rollback", id, "--reason", "breaks staging", "--by", "ann", "--format", "json"]).await.exits(0).json();
    assert_eq!((&report["outcome"], &report["phase"], report["steps"].as_array().unwrap().len()), (&json!("withdrawn"), &json!("cancelled"), 3), "{report}");
    assert!(!desk.is_open(fix.number));
    assert_eq!(desk.at(&fix.fix).await, None);
    assert_eq!(desk.at(BROKEN).await.as_deref(), Some(desk.head.as_str()), "the teammate's branch is as it was");

    // Done twice, it changes nothing.
    assert_eq!(desk.run(&["rollback", id, "--format", "json"]).await.exits(0).json()["outcome"], "nothing");
    let audit = desk.run(&["audit", "export"]).await.exits(0).out;
    let mine = audit.lines().filter(|line| line.contains(r#""act":"rollback""#) && line.contains(id)).collect::<Vec<_>>();
    assert!(mine.len() == 2 && mine[0].contains("breaks staging") && mine[0].contains(r#""by":"ann""#), "{audit}");
    desk.run(&["audit", "verify"]).await.exits(0);
    desk.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teammates_commit_on_the_fix_branch_stays() {
    let desk = Desk::new().await;
    let fix = published(&desk, "published").await;
    let theirs = desk.world.push_commit(REPO, Push::new(&fix.fix, "Polish it").write("b.txt", "more\n")).await.unwrap();
    let report = desk.run(&["rollback", fix.id.as_str(), "--format", "json"]).await.exits(0).json();
    assert!(!desk.is_open(fix.number));
    assert_eq!(desk.at(&fix.fix).await, Some(theirs));
    assert!(report["left"][0].as_str().unwrap().contains("somebody has pushed"), "{report}");
    desk.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_pull_request_of_the_same_branch_stays() {
    let desk = Desk::new().await;
    let fix = published(&desk, "published").await;
    desk.world.close_pull(REPO, fix.number).await.unwrap();
    let later = desk.world.open_pull(REPO, &fix.fix, BROKEN, "Fix it", "<!-- regreen:r-fedcba9876543210 -->", "regreen-bot").await.unwrap();
    let report = desk.run(&["rollback", fix.id.as_str(), "--format", "json"]).await.exits(0).json();
    assert!(desk.is_open(later) && desk.at(&fix.fix).await == Some(fix.commit));
    assert!(report["left"][0].as_str().unwrap().contains(&format!("#{later} uses it")), "{report}");
    desk.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_write_and_report_leaves_nothing() {
    // The push was reported, the pull request was opened and not reported.
    let desk = Desk::new().await;
    let fix = published(&desk, "done").await;
    desk.run(&["rollback", fix.id.as_str()]).await.exits(0);
    assert!(!desk.is_open(fix.number));
    assert_eq!(desk.at(&fix.fix).await, None);
    assert_eq!(desk.phase(&fix.id).await, Phase::Cancelled);
    desk.world.shutdown().await;

    // Not even the push was reported.
    let desk = Desk::new().await;
    let fix = published(&desk, "intended").await;
    desk.run(&["rollback", fix.id.as_str()]).await.exits(0);
    assert_eq!((desk.is_open(fix.number), desk.at(&fix.fix).await), (false, None));
    desk.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_ours_can_be_withdrawn_from_a_branch_that_is_protected_by_now() {
    let desk = Desk::new().await;
    let fix = published(&desk, "published").await;
    desk.world.protect(REPO, BROKEN, Protection { protected: true, rules: Vec::new() }).unwrap();
    desk.run(&["rollback", fix.id.as_str()]).await.exits(0);
    assert_eq!((desk.is_open(fix.number), desk.at(&fix.fix).await), (false, None));
    assert_eq!(desk.at(BROKEN).await.as_deref(), Some(desk.head.as_str()));
    desk.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merged_fix_is_taken_out_by_hand_with_the_commands_told() {
    for method in ["merge", "squash", "rebase"] {
        // The simulated forge rebases with `git merge-tree --merge-base`, which came with 2.40.
        if method == "rebase" && git_version() < (2, 40) {
            crate::not_run::note("ops::a_merged_fix_is_taken_out_by_hand_with_the_commands_told (rebase)", "git 2.40");
            continue;
        }
        let desk = Desk::new().await;
        let fix = published(&desk, "published").await;
        desk.world.merge_pull(REPO, fix.number, method).await.unwrap();
        let merged = desk.at(BROKEN).await.unwrap();
        let report = desk.run(&["rollback", fix.id.as_str(), "--format", "json"]).await.exits(4).json();
        assert_eq!(report["outcome"], "by_hand");
        assert_eq!(desk.at(BROKEN).await, Some(merged), "nothing was pushed");
        assert_eq!(desk.phase(&fix.id).await, Phase::Feedback);

        // The commands do what they promise.
        let clone = desk.folder.path().join("clone");
        let repository = format!("{}/{REPO}.git", desk.world.server_url());
        let mut script = format!("set -e\ngit clone -q {} .\n", repository.replace("http://", &format!("http://x:{TOKEN}@")));
        for command in report["commands"].as_array().unwrap() {
            script.push_str(command.as_str().unwrap());
            script.push('\n');
        }
        std::fs::create_dir(&clone).unwrap();
        let output = tokio::process::Command::new("sh")
            .args(["-c", &script])
            .current_dir(&clone)
            .envs([
                ("GIT_AUTHOR_NAME", "ann"),
                ("GIT_AUTHOR_EMAIL", "ann@example.com"),
                ("GIT_COMMITTER_NAME", "ann"),
                ("GIT_COMMITTER_EMAIL", "ann@example.com"),
            ])
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{method}: {script}\n{}", String::from_utf8_lossy(&output.stderr));
        let restored = desk.world.file(REPO, &format!("rollback/{}", fix.id), "a.txt").await.unwrap();
        assert_eq!(restored.as_deref(), Some(&b"one\ntwoo\n"[..]), "{method}");
        desk.world.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merged_fix_whose_branch_is_gone_is_told() {
    let desk = Desk::new().await;
    let fix = published(&desk, "published").await;
    desk.world.merge_pull(REPO, fix.number, "merge").await.unwrap();
    desk.world.delete_branch(REPO, BROKEN).await.unwrap();
    let ended = desk.run(&["rollback", fix.id.as_str()]).await.exits(4);
    assert!(ended.out.contains("that branch is gone"), "{ended:?}");
    desk.world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollback_refuses_what_it_does_not_know() {
    let desk = Desk::new().await;
    desk.run(&["rollback", "r-0123456789abcdef"]).await.exits(2);
    desk.run(&["rollback", "nonsense"]).await.exits(2);
    let fix = published(&desk, "published").await;
    let failed = Fault::on(Server::Github, "GET", "/repos/acme/widgets", FaultKind::Status { code: 401, headers: vec![], body: "{}".into() });
    desk.world.faults().add(failed);
    desk.run(&["rollback", fix.id.as_str()]).await.exits(3);
    desk.world.faults().clear();
    desk.world.faults().add(Fault::on(Server::Github, "GET", "/repos/acme/widgets", FaultKind::Lie(json!({"id": 424_242}))));
    let ended = desk.run(&["rollback", fix.id.as_str()]).await.exits(4);
    assert!(ended.err.contains("another repository"), "{ended:?}");
    assert!(desk.is_open(fix.number) && desk.at(&fix.fix).await.as_deref() == Some(fix.commit.as_str()));
    desk.world.shutdown().await;
}

/// Runs the service until the remediation fits.
async fn served(
    desk: &Desk,
    id: &RemediationId,
    fits: impl Fn(&regreen::domain::remediation::Remediation) -> bool,
) -> regreen::domain::remediation::Remediation {
    let log = desk.folder.path().join("serve.log");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_regreen"));
    command.args(["serve", "--allow-weak-sandbox"]).current_dir(desk.folder.path()).env_clear().envs(&desk.env);
    command.env("REGREEN_POLL", "300ms").env("REGREEN_LOG", "info").stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(std::fs::File::create(&log).unwrap()).kill_on_drop(true).spawn().unwrap();
    let store = desk.store().await;
    let deadline = std::time::Instant::now() + LONG;
    let state = loop {
        let state = store.load(id).await.unwrap().unwrap();
        if fits(&state) {
            break state;
        }
        assert!(std::time::Instant::now() < deadline, "{:?} {:?}\n{}", state.phase, state.detail, std::fs::read_to_string(&log).unwrap());
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    store.close().await.unwrap();
    child.kill().await.unwrap();
    state
}

/// A kill between the writes and their report, and then no reason to write any more: nothing stays that nobody watches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_published_in_the_end_is_taken_back() {
    // The branch has moved on, or is gone.
    for gone in [false, true] {
        for until in ["intended", "done"] {
            let desk = Desk::new().await;
            let fix = published(&desk, until).await;
            if gone {
                desk.world.delete_branch(REPO, BROKEN).await.unwrap();
            } else {
                desk.world.push_commit(REPO, Push::new(BROKEN, "Go on").write("b.txt", "more\n")).await.unwrap();
            }
            let state = served(&desk, &fix.id, |state| state.phase.is_end()).await;
            assert_eq!(state.phase, Phase::Superseded, "{gone} {until}: {:?} {}", state.reason, state.detail);
            assert_eq!((desk.is_open(fix.number), desk.at(&fix.fix).await), (false, None), "{gone} {until}");
            assert!(!state.intents.contains(&Outside::Withdraw), "reported: {:?}", state.intents);
            desk.world.shutdown().await;
        }
    }
    // A gate says no at the last moment.
    let desk = Desk::new().await;
    let fix = published(&desk, "done").await;
    desk.world.protect(REPO, BROKEN, Protection { protected: true, rules: Vec::new() }).unwrap();
    let state = served(&desk, &fix.id, |state| state.phase.is_end()).await;
    assert_eq!((state.phase, state.reason), (Phase::Failed, Some(Reason::WriteRefused)), "{}", state.detail);
    assert_eq!((desk.is_open(fix.number), desk.at(&fix.fix).await), (false, None));
    assert_eq!(desk.at(BROKEN).await.as_deref(), Some(desk.head.as_str()));
    desk.world.shutdown().await;
    // What somebody pushed to the fix branch meanwhile stays.
    let desk = Desk::new().await;
    let fix = published(&desk, "done").await;
    let theirs = desk.world.push_commit(REPO, Push::new(&fix.fix, "Polish it").write("b.txt", "more\n")).await.unwrap();
    desk.world.push_commit(REPO, Push::new(BROKEN, "Go on").write("c.txt", "more\n")).await.unwrap();
    let state = served(&desk, &fix.id, |state| state.phase.is_end()).await;
    assert_eq!((state.phase, desk.is_open(fix.number)), (Phase::Superseded, false));
    assert_eq!(desk.at(&fix.fix).await, Some(theirs));
    desk.world.shutdown().await;
}

/// A cancel that could not take back what was written owes it: the service does it when it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_that_is_owed_is_made_up_for() {
    let desk = Desk::new().await;
    let fix = published(&desk, "published").await;
    // Cancelled two minutes ago, and the process was killed right after it was written down.
    let store = desk.store().await;
    let seq = store.load(&fix.id).await.unwrap().unwrap().seq;
    let events = vec![
        Event::Intended { what: Outside::Withdraw, detail: fix.number.to_string() },
        Event::Cancelled { by: "ann".into(), why: "we do it otherwise".into() },
    ];
    let then = now() - chrono::Duration::minutes(2);
    store.append(&Append { remediation: fix.id.clone(), epoch: None, expected_seq: seq, events, alert: None, due: None }, then).await.unwrap();
    store.close().await.unwrap();
    let state = served(&desk, &fix.id, |state| !state.intents.contains(&Outside::Withdraw)).await;
    assert_eq!((state.phase, desk.is_open(fix.number), desk.at(&fix.fix).await), (Phase::Cancelled, false, None));
    assert!(state.detail.contains("ann: we do it otherwise"), "{}", state.detail);
    desk.world.shutdown().await;
}

/// A withdrawal that was begun and not reported: the closed pull request is no person's answer, and the circuit hears nothing of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_closing_is_no_persons_answer() {
    let desk = Desk::new().await;
    let fix = published(&desk, "published").await;
    let store = desk.store().await;
    let seq = store.load(&fix.id).await.unwrap().unwrap().seq;
    let began = Event::Intended { what: Outside::Withdraw, detail: fix.number.to_string() };
    store.append(&Append { remediation: fix.id.clone(), epoch: None, expected_seq: seq, events: vec![began], alert: None, due: None }, now()).await.unwrap();
    store.close().await.unwrap();
    desk.world.close_pull(REPO, fix.number).await.unwrap();
    desk.world.push_commit(REPO, Push::new(BROKEN, "Go on").write("b.txt", "more\n")).await.unwrap();
    let state = served(&desk, &fix.id, |state| state.phase.is_end()).await;
    assert_eq!((state.phase, state.reason), (Phase::Superseded, Some(Reason::HeadMoved)), "{}", state.detail);
    assert_eq!(desk.at(&fix.fix).await, None);
    desk.world.shutdown().await;

    // A person's closing is one.
    let desk = Desk::new().await;
    let fix = published(&desk, "published").await;
    desk.world.close_pull(REPO, fix.number).await.unwrap();
    let state = served(&desk, &fix.id, |state| state.phase.is_end()).await;
    assert_eq!((state.phase, state.reason), (Phase::Completed, Some(Reason::Closed)), "{}", state.detail);
    desk.world.shutdown().await;
}

/// `jobs cancel` ends it, takes back what was written, and tells the channel why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cancelled_is_taken_back_and_told() {
    for until in ["intended", "published"] {
        let desk = Desk::new().await;
        let fix = published(&desk, until).await;
        let id = fix.id.as_str();
        let ended = desk.run(&["jobs", "cancel", id, "--by", "ann", "--reason", "we do it otherwise"]).await.exits(0);
        assert!(ended.out.contains("taken back") && ended.err.contains(&format!("#{} is closed", fix.number)), "{ended:?}");
        assert_eq!((desk.is_open(fix.number), desk.at(&fix.fix).await, desk.phase(&fix.id).await), (false, None, Phase::Cancelled), "{until}");
        let shown = desk.run(&["jobs", "show", id]).await.exits(0).out;
        assert!(shown.contains("ann: we do it otherwise"), "{shown}");
        desk.run(&["jobs", "cancel", id]).await.exits(2);
        let state = served(&desk, &fix.id, |_| !desk.world.slack_messages().is_empty()).await;
        assert_eq!(state.phase, Phase::Cancelled);
        let said = desk.world.slack_messages();
        assert!(said.len() == 1 && said[0].blocks.to_string().contains("we do it otherwise"), "{said:?}");
        desk.world.shutdown().await;
    }
    // The forge does not answer: it is cancelled all the same, and what is to be done is said.
    let desk = Desk::new().await;
    let fix = published(&desk, "published").await;
    desk.world.faults().add(Fault::on(Server::Github, "GET", "/repos/acme/widgets", FaultKind::Status { code: 401, headers: vec![], body: "{}".into() }));
    let ended = desk.run(&["jobs", "cancel", fix.id.as_str(), "--reason", "no"]).await.exits(3);
    assert!(ended.err.contains(&format!("regreen rollback {}", fix.id)), "{ended:?}");
    assert_eq!((desk.is_open(fix.number), desk.phase(&fix.id).await), (true, Phase::Cancelled));
    let store = desk.store().await;
    assert!(store.load(&fix.id).await.unwrap().unwrap().intents.contains(&Outside::Withdraw), "it is owed");
    store.close().await.unwrap();
    desk.world.faults().clear();
    desk.run(&["rollback", fix.id.as_str()]).await.exits(0);
    assert_eq!((desk.is_open(fix.number), desk.at(&fix.fix).await), (false, None));
    desk.world.shutdown().await;
}

// --- init -----------------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn init_writes_what_the_other_commands_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let home = at("home").display().to_string();
    let env = BTreeMap::from([("PATH".to_owned(), path()), ("HOME".to_owned(), home)]);
    let run = async |arguments: &[&str]| regreen(folder.path(), &env, arguments).await;

    // Without a terminal nothing is asked, and nothing is written.
    let ended = run(&["init"]).await.exits(2);
    assert!(ended.err.contains("--repos") && ended.err.contains("--github-token-file"), "{ended:?}");
    std::fs::write(at("token"), format!("{TOKEN}\n")).unwrap();
    run(&["init", "--repos", "no slash", "--github-token-file", "token"]).await.exits(2);
    run(&["init", "--repos", REPO, "--github-token-file", "token", "--slack-channel", "ci"]).await.exits(2);
    assert!(!at(".env").exists() && !at("regreen.toml").exists());

    std::fs::write(at("slack"), "xoxb-o'clock $HOME \"x\"\n").unwrap();
    std::fs::write(at("key"), MODEL_KEY).unwrap();
    let arguments = [
        "init",
        "--repos",
        REPO,
        "--github-token-file",
        "token",
        "--slack-channel",
        "ci",
        "--slack-token-file",
        "slack",
        "--model",
        "anthropic",
        "--model-key-file",
        "key",
    ];
    let ended = run(&arguments).await.exits(0);
    assert!(ended.out.contains("dry-run is on") && ended.out.contains("regreen doctor"), "{ended:?}");
    assert_eq!(std::fs::metadata(at(".env")).unwrap().permissions().mode() & 0o777, 0o600);
    let pairs: BTreeMap<String, String> = dotenvy::from_path_iter(at(".env")).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!((pairs["GITHUB_TOKEN"].as_str(), pairs["SLACK_BOT_TOKEN"].as_str()), (TOKEN, "xoxb-o'clock $HOME \"x\""));
    let file = (at("regreen.toml"), std::fs::read_to_string(at("regreen.toml")).unwrap());
    let settings = Settings::from_sources(Sources { env: pairs, file: Some(file), problems: vec![] }).unwrap();
    assert!(settings.rules.dry_run && settings.rules.serves(&RepoSlug::parse(REPO).unwrap()) && settings.routes[0].name == "anthropic");
    // What was written is what the next command reads.
    run(&["migrate", "up"]).await.exits(0);

    let before = std::fs::read(at(".env")).unwrap();
    let ended = run(&arguments).await.exits(2);
    assert!(ended.err.contains("--force"), "{ended:?}");
    assert_eq!(std::fs::read(at(".env")).unwrap(), before);
    run(&["init", "--repos", "acme/*", "--github-token-file", "token", "--no-dry-run", "--force"]).await.exits(0);
    assert!(std::fs::read_to_string(at("regreen.toml")).unwrap().contains("dry_run = false"));
    assert_eq!(std::fs::metadata(at(".env")).unwrap().permissions().mode() & 0o777, 0o600);
}

// --- what an operator reads -----------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_help_has_an_example() {
    let folder = tempfile::tempdir().unwrap();
    let env = BTreeMap::from([("PATH".to_owned(), path())]);
    let top = regreen(folder.path(), &env, &["--help"]).await.exits(0).out;
    let commands = Regex::new(r"(?m)^  ([a-z]+) ").unwrap();
    let listed = top.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names: Vec<&str> = commands.captures_iter(listed).map(|found| found.get(1).unwrap().as_str()).filter(|name| *name != "help").collect();
    for name in ["serve", "doctor", "init", "migrate", "audit", "rollback"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    for name in names {
        let help = regreen(folder.path(), &env, &[name, "--help"]).await.exits(0).out;
        assert!(help.contains("Example") && help.contains(&format!("regreen {name}")), "{help}");
    }
}

const ENV_EXAMPLE: &str = include_str!("../../.env.example");
const TOML_EXAMPLE: &str = include_str!("../../regreen.example.toml");
const CONFIG: [&str; 5] = [
    include_str!("../../src/config.rs"),
    include_str!("../../src/config/file.rs"),
    include_str!("../../src/config/reader.rs"),
    include_str!("../../src/config/routes.rs"),
    include_str!("../../src/config/rules.rs"),
];
const SETTINGS: &str = include_str!("../../docs/settings.md");
const FIRST_HOUR: &str = include_str!("../../docs/first-hour.md");
const CHECK: &str = include_str!("../../docs/check.md");
const REASONS: &str = include_str!("../../docs/reasons.md");

/// The names of variables that the settings are read from.
fn variables() -> BTreeSet<&'static str> {
    let code = CONFIG.map(|text| text.split("mod tests").next().unwrap());
    let names = Regex::new(r#""([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)""#).unwrap();
    let found: BTreeSet<&str> =
        code.iter().flat_map(|code| names.captures_iter(code)).map(|found| found.get(1).unwrap().as_str()).filter(|name| *name != "XDG_DATA_HOME").collect();
    assert!(found.len() > 30 && found.contains("REGREEN_REPOS"), "{found:?}");
    found
}

/// The names in the structured file, by the struct that reads them.
fn names_in_file() -> BTreeSet<&'static str> {
    let structs = Regex::new(r"(?s)struct (?:\w*File|SandboxSettings) \{(.*?)\n\}").unwrap();
    let field = Regex::new(r"(?m)^    (?:pub(?:\(super\))? )?([a-z_]+): ").unwrap();
    let code = CONFIG.map(|text| text.split("mod tests").next().unwrap());
    let found: BTreeSet<&str> = code
        .iter()
        .flat_map(|code| structs.captures_iter(code))
        .flat_map(|body| field.captures_iter(body.get(1).unwrap().as_str()).map(|name| name.get(1).unwrap().as_str()).collect::<Vec<_>>())
        .collect();
    assert!(found.len() > 40 && found.contains("forbidden_paths"), "{found:?}");
    found
}

/// A file of examples with its settings switched on: `#name = …`, `#[table]` and `#NAME=…`, but not `# prose`.
fn switched_on(text: &str) -> String {
    text.lines()
        .map(|line| line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '[')).unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    dotenvy::from_read_iter(text.as_bytes()).collect::<Result<_, _>>().unwrap()
}

#[test]
fn the_examples_are_whole_and_their_defaults_true() {
    // As they lie there, they change nothing.
    let plain = |env, file: &str| Settings::from_sources(Sources { env, file: Some(("regreen.example.toml".into(), file.to_owned())), problems: vec![] });
    let home = BTreeMap::from([("HOME".to_owned(), "/home/a".to_owned())]);
    let nothing = plain(home.clone(), "").unwrap();
    let mut env = pairs(ENV_EXAMPLE);
    env.extend(home.clone());
    assert_eq!(format!("{:?}", plain(env, TOML_EXAMPLE).unwrap()), format!("{nothing:?}"));

    // Switched on, every name is there and can be read.
    let lit = pairs(&switched_on(ENV_EXAMPLE));
    for name in variables() {
        assert!(lit.contains_key(name), "{name} is not in .env.example");
    }
    let toml = switched_on(TOML_EXAMPLE);
    // `argv` belongs to a kind that is refused: to show it switched on would be to show what does not work.
    for name in names_in_file().into_iter().filter(|name| *name != "argv") {
        let there = Regex::new(&format!(r"(?m)(?:^|[{{,] ?){name} = |^\[+{name}\]+$")).unwrap();
        assert!(there.is_match(&toml), "{name} is not in regreen.example.toml");
    }
    // The App's key is a file of the operator's; what else has a value is taken.
    let mut env: BTreeMap<String, String> = lit.into_iter().filter(|(name, _)| name != "GITHUB_APP_ID").collect();
    env.insert("ANTHROPIC_API_KEY".into(), "key".into());
    let settings = plain(env, &toml).unwrap();

    // What stands there as a default is the default.
    assert_eq!((&settings.poll, settings.listen, settings.workers), (&nothing.poll, nothing.listen, nothing.workers));
    assert_eq!((&settings.github_api_url, &settings.github_server_url), (&nothing.github_api_url, &nothing.github_server_url));
    assert_eq!((&settings.log, settings.log_format), (&nothing.log, nothing.log_format));
    assert_eq!((settings.rules.timing, settings.rules.breaker), (Timing::default(), BreakerSettings::default()));
    assert_eq!((&settings.rules.bot_name, &settings.rules.bot_email), (&nothing.rules.bot_name, &nothing.rules.bot_email));
    assert_eq!(SandboxSettings { setup_hosts: None, toolchains: vec![], ..settings.sandbox.clone() }, SandboxSettings::default());
    assert!(!settings.rules.dry_run);
    let (rules, default) = (&settings.rules.by_repo[0].1, RepoRules::default());
    assert_eq!(
        (rules.timeout, rules.risk_auto, rules.risk_max, rules.prove, rules.autonomy, rules.attempts),
        (default.timeout, default.risk_auto, default.risk_max, default.prove, default.autonomy, default.attempts)
    );
    assert_eq!(
        (rules.rerun, rules.unproven_pulls, rules.sign_off, &rules.opt_out_label),
        (default.rerun, default.unproven_pulls, default.sign_off, &default.opt_out_label)
    );
    let key_alone = plain(BTreeMap::from([("ANTHROPIC_API_KEY".to_owned(), "key".to_owned())]), "").unwrap();
    let (route, default) = (&settings.routes[0], &key_alone.routes[0]);
    assert_eq!(
        (&route.model, route.timeout, route.max_output_tokens, &route.key_env),
        (&default.model, default.timeout, default.max_output_tokens, &default.key_env)
    );
}

#[test]
fn every_setting_is_documented() {
    for name in variables().into_iter().chain(names_in_file()) {
        assert!(SETTINGS.contains(&format!("`{name}`")) || SETTINGS.contains(&format!("[{name}]")), "{name} is not in docs/settings.md");
    }
}

#[test]
fn every_reason_and_every_edge_is_documented() {
    let row = Regex::new(r"(?m)^\| `([a-z_]+)` \| ([a-z]+) \| (.+) \|$").unwrap();
    let written: Vec<(String, String, String)> =
        row.captures_iter(REASONS).map(|found| (found[1].to_owned(), found[2].to_owned(), found[3].to_owned())).collect();
    let known: Vec<(String, String, String)> =
        Reason::ALL.iter().map(|reason| (reason.code().to_owned(), format!("{:?}", reason.place()).to_lowercase(), reason.sentence().to_owned())).collect();
    assert_eq!(written, known);

    let edge = Regex::new(r"(?m)^\| ([a-z_]+) \| ([a-z_ ·–]+) \|$").unwrap();
    let written: Vec<(String, String)> = edge.captures_iter(REASONS).map(|found| (found[1].to_owned(), found[2].to_owned())).collect();
    let known: Vec<(String, String)> = Phase::ALL
        .into_iter()
        .map(|from| {
            let to: Vec<&str> = Phase::ALL.into_iter().filter(|to| from.may_become(*to)).map(Phase::as_str).collect();
            (from.to_string(), if to.is_empty() { "–".to_owned() } else { to.join(" · ") })
        })
        .collect();
    assert_eq!(written, known);
}

/// Every command of the documents is one that the binary takes: with `--help` at its end it is parsed and not carried out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_documents_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let env = BTreeMap::from([("PATH".to_owned(), path())]);
    let fenced = Regex::new(r"(?s)```(?:sh|console)\n(.*?)```").unwrap();
    let word = Regex::new(r"'[^']*'|\S+").unwrap();
    let mut count = 0;
    for document in [FIRST_HOUR, SETTINGS, REASONS, CHECK] {
        let lines = fenced.captures_iter(document).flat_map(|block| block[1].lines().map(str::to_owned).collect::<Vec<_>>());
        for line in lines.filter(|line| line.starts_with("regreen ")) {
            let command = line.split(['>', '|', '#']).next().unwrap();
            let mut words: Vec<&str> = word.find_iter(command).skip(1).map(|word| word.as_str().trim_matches('\'')).collect();
            words.push("--help");
            let ended = regreen(folder.path(), &env, &words).await;
            assert_eq!(ended.code, 0, "`{line}`: {ended:?}");
            count += 1;
        }
    }
    assert!(count > 15, "{count} commands were found");
}

/// Major and minor version of this machine's git.
fn git_version() -> (u32, u32) {
    let out = std::process::Command::new("git").arg("--version").output().expect("git runs");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
