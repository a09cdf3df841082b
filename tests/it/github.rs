//! The GitHub adapter against a scripted server: what it sends, and what it makes of every kind of answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use chrono::{DateTime, TimeDelta, Utc};
use regreen::adapters::github::{GitHub, GitHubAuth, GitHubSettings, GitHubSettingsError, RetryPolicy, Timeouts};
use regreen::domain::breaker::CircuitState;
use regreen::domain::gate::{self, Check, Clearance, Cleared, Finding, Gate, Offer, Permit, Protection, SmallWrite, Subject, Verdict};
use regreen::domain::ids::{BranchName, CommitSha, JobId, PatchHash, PullNumber, RepoId, RepoSlug, RunId};
use regreen::ports::clock::Clock;
use regreen::ports::forge::{Access, Conclusion, Forge, ForgeError, Fresh, NewPull, OpenedPull, Repository, RunPage};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

mod server;

use server::{Reply, Server};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
const CANARY: &str = "ghp_canaryCANARYcanaryCANARYcanaryCANARY01";
const KEY: &str = include_str!("github/app-key-for-tests.pem");

struct Watch(Mutex<DateTime<Utc>>);

impl Watch {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap())))
    }

    fn pass(&self, time: TimeDelta) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for Watch {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

fn settings(api: Url, auth: GitHubAuth, clock: Arc<dyn Clock>) -> GitHubSettings {
    let ms = Duration::from_millis;
    GitHubSettings {
        server_url: Url::parse("https://github.example").unwrap(),
        api_url: api,
        auth,
        clock,
        user_agent: "regreen-test".into(),
        timeouts: Timeouts { connect: ms(2000), idle: ms(5000), request: ms(5000), log: ms(5000) },
        retry: RetryPolicy { tries: 3, first_delay: ms(1), longest_delay: ms(5), total: ms(5000), longest_wait: ms(1500) },
    }
}

fn token() -> GitHubAuth {
    GitHubAuth::Token(SecretString::from(CANARY))
}

fn app() -> GitHubAuth {
    GitHubAuth::App { app_id: 4711, key_pem: SecretString::from(KEY) }
}

fn github(server: &Server) -> GitHub {
    GitHub::new(settings(server.url(), token(), Watch::new())).unwrap()
}

fn slug() -> RepoSlug {
    RepoSlug::parse("o/r").unwrap()
}

fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

fn sha() -> CommitSha {
    CommitSha::parse(SHA).unwrap()
}

/// The shape of <https://docs.github.com/rest/repos/repos#get-a-repository>, shortened.
fn repo_json(id: u64, name: &str) -> Value {
    json!({"id": id, "node_id": "MDEwOlJlcG9zaXRvcnkxMjk2MjY5", "name": "r", "full_name": name, "owner": {"login": "o", "id": 1, "type": "User", "site_admin": false}, "private": false,
        "html_url": "https://github.com/o/r", "description": null, "fork": false, "clone_url": "https://evil.example/o/r.git", "mirror_url": null, "homepage": null,
        "language": null, "license": null, "default_branch": "trunk", "archived": false, "disabled": false, "permissions": {"admin": false, "push": true, "pull": true}})
}

fn run_json(id: u64, conclusion: &str) -> Value {
    json!({"id": id, "name": "CI", "head_branch": "feature", "head_sha": SHA, "path": ".github/workflows/ci.yml", "run_number": 5, "run_attempt": 1, "event": "push",
        "status": "completed", "conclusion": conclusion, "workflow_id": 3, "pull_requests": [], "created_at": "2020-01-22T19:33:08Z", "updated_at": "2020-01-22T19:33:08Z",
        "run_started_at": "2020-01-22T19:33:08Z", "actor": {"login": "octocat"}, "triggering_actor": null, "previous_attempt_url": null,
        "head_commit": {"id": SHA, "tree_id": "d2", "message": "m", "timestamp": "2016-10-10T17:11:54Z", "author": {"name": "o", "email": "o@x.example"}, "committer": null},
        "repository": {"id": 1}, "head_repository": {"id": 1}, "html_url": "https://github.com/o/r/actions/runs/1"})
}

fn pull_json(number: u64, head: &str, base: &str) -> Value {
    json!({"number": number, "node_id": format!("PR_{number}"), "html_url": "https://github.com/o/r/pull/7", "state": "open", "draft": true, "merged": false, "merged_at": null,
        "merge_commit_sha": null, "title": "t", "body": null, "user": {"login": "regreen[bot]"}, "labels": [], "head": {"ref": head, "sha": SHA, "repo": {"id": 1}},
        "base": {"ref": base, "sha": SHA, "repo": {"id": 1}}, "updated_at": "2020-01-22T19:33:08Z", "auto_merge": null})
}

fn branch_json(name: &str, protected: Value) -> Value {
    json!({"name": name, "commit": {"sha": SHA, "url": "u"}, "protected": protected, "protection": {"enabled": false}, "protection_url": "u"})
}

fn verdict() -> Verdict {
    let open = gate::protected_branch(Offer::PullRequest, &branch("feature"), &branch("trunk"), &Protection::Open, None);
    let mut findings = vec![
        gate::risk_score(1, 5, vec![]),
        gate::circuit(CircuitState::Closed, 0, false, None),
        open,
        gate::dry_run(false),
        gate::snapshot(Some("s"), Ok(())),
    ];
    let others = Gate::Clearing.required().iter().filter(|check| !Check::MANDATORY.contains(check));
    findings.extend(others.map(|check| Finding::passed(*check, "it holds", "", "")));
    Verdict::of(Gate::Clearing, 1, findings)
}

fn clearance() -> Clearance {
    clearance_for(Offer::PullRequest, "feature")
}

fn clearance_for(offer: Offer, base: &str) -> Clearance {
    let subject = Subject { offer, repo: RepoId(1), base_branch: branch(base), base_sha: sha(), patch: PatchHash::of("p") };
    match gate::clear(&verdict(), subject, DateTime::from_timestamp(1_800_000_000, 0).unwrap()) {
        Cleared::Real(clearance) => clearance,
        other => panic!("{other:?}"),
    }
}

fn permit(what: SmallWrite) -> Permit {
    let open = gate::protected_branch(Offer::PullRequest, &branch("feature"), &branch("trunk"), &Protection::Open, None);
    gate::permit(what, false, false, &open).unwrap()
}

fn new_pull(head: &str, base: &str) -> NewPull {
    NewPull { head: branch(head), base: branch(base), title: "Fix".into(), body: "b".into(), draft: true, labels: vec!["x".into()] }
}

#[tokio::test]
async fn settings_are_checked() {
    let good = Url::parse("https://api.github.com").unwrap();
    let refused = |api: &str, auth| GitHub::new(settings(Url::parse(api).unwrap(), auth, Watch::new())).unwrap_err();
    for api in ["https://u:p@h/", "https://h/?q", "https://h/#f", "ftp://h/"] {
        assert_eq!(refused(api, token()), GitHubSettingsError::Address { name: "GITHUB_API_URL" }, "{api}");
    }
    let canary = "canary-key-that-is-no-pem";
    for auth in [
        GitHubAuth::Token(SecretString::from("")),
        GitHubAuth::Token(SecretString::from(format!("{canary}\nx"))),
        GitHubAuth::App { app_id: 1, key_pem: SecretString::from(canary) },
    ] {
        let error = refused(good.as_str(), auth.clone());
        assert!(matches!(error, GitHubSettingsError::Credentials { .. }), "{error}");
        assert!(!format!("{error} {error:?} {auth:?}").contains(canary));
    }
}

#[test]
fn without_a_runtime_it_is_refused_rather_than_panicking() {
    let made = GitHub::new(settings(Url::parse("https://api.github.com").unwrap(), token(), Watch::new()));
    assert_eq!(made.unwrap_err(), GitHubSettingsError::NoRuntime);
}

#[tokio::test]
async fn a_repository_is_read_with_our_headers() {
    let server = Server::start().await;
    let limits =
        Reply::json(repo_json(1, "o/r")).header("x-ratelimit-limit", "5000").header("x-ratelimit-remaining", "4987").header("x-ratelimit-reset", "1800000100");
    server.on("GET /repos/o/r", limits.header("x-ratelimit-resource", "core"));
    let github = github(&server);
    assert_eq!(github.rate_limit(), None);
    let repo = github.repository(&slug()).await.unwrap();
    assert_eq!((repo.id, repo.default_branch.as_str(), repo.can_push, repo.archived), (RepoId(1), "trunk", true, false));
    // The address of the answer is not believed: git sends the token there.
    assert_eq!(repo.clone_url, "https://github.example/o/r.git");
    let seen = &server.seen()[0];
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {CANARY}").as_str()));
    assert_eq!((seen.header("user-agent"), seen.header("accept")), (Some("regreen-test"), Some("application/vnd.github+json")));
    assert_eq!(seen.header("x-github-api-version"), Some("2022-11-28"));
    let limit = github.rate_limit().unwrap();
    assert_eq!((limit.remaining, limit.limit, limit.reset_at.timestamp()), (4987, 5000, 1_800_000_100));
    let access = github.git_access(&Repository { clone_url: "https://evil.example".into(), ..repo }).await.unwrap();
    assert_eq!((access.url.as_str(), access.username.as_deref()), ("https://github.example/o/r.git", Some("x-access-token")));
    assert_eq!(access.password.unwrap().expose_secret(), CANARY);
}

#[tokio::test]
async fn reads_are_repeated_where_that_helps() {
    let good = || Reply::json(repo_json(1, "o/r"));
    let message = |text: &str| json!({ "message": text });
    // The first answer, how many requests there are, and whether the read succeeds.
    let table: Vec<(Reply, usize, bool)> = vec![
        (Reply::status(500), 2, true),
        (Reply::status(502).bytes("<html>bad gateway"), 2, true),
        (Reply::status(503).header("retry-after", "0"), 2, true),
        (good().cut(), 2, true),
        (Reply::refusal(403, message("slow down")).header("retry-after", "1"), 2, true),
        (Reply::refusal(429, message("x")).header("retry-after", "0"), 2, true),
        (Reply::refusal(401, message("Bad credentials")), 1, false),
        (Reply::refusal(403, message("Resource not accessible by integration")), 1, false),
        (Reply::refusal(404, message("Not Found")), 1, false),
        (Reply::status(410), 1, false),
        (Reply::refusal(422, message("Validation Failed")), 1, false),
        (Reply::refusal(403, message("You have exceeded a secondary rate limit")), 1, false),
        (Reply::status(403).header("retry-after", "3600"), 1, false),
        // Longer than `longest_wait`, though within `total`: the caller is told.
        (Reply::status(429).header("retry-after", "3"), 1, false),
        (Reply::status(429).header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", "1800003600"), 1, false),
    ];
    for (first, requests, fine) in table {
        let server = Server::start().await;
        server.on("GET /repos/o/r", first.clone());
        if fine {
            server.on("GET /repos/o/r", good());
        }
        let read = github(&server).repository(&slug()).await;
        assert_eq!((server.lines().len(), read.is_ok()), (requests, fine), "{first:?} {read:?}");
    }
}

#[tokio::test]
async fn refusals_have_a_type() {
    type Fits = fn(&ForgeError) -> bool;
    let table: [(Reply, Fits); 9] = [
        (Reply::status(401), |error| matches!(error, ForgeError::Unauthorized { .. })),
        (Reply::refusal(403, json!({"message": "no"})), |error| matches!(error, ForgeError::Forbidden { message, .. } if message == "no")),
        (Reply::status(404), |error| matches!(error, ForgeError::NotFound { what } if what == "GET /repos/o/r")),
        (Reply::status(410), |error| matches!(error, ForgeError::Gone { .. })),
        (Reply::status(422), |error| matches!(error, ForgeError::Refused { .. })),
        (
            Reply::status(403).header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", "1800003600"),
            |error| matches!(error, ForgeError::RateLimited { retry_at, .. } if retry_at.timestamp() == 1_800_003_601),
        ),
        (
            Reply::refusal(403, json!({"message": "secondary rate limit"})),
            |error| matches!(error, ForgeError::RateLimited { retry_at, .. } if retry_at.timestamp() == 1_800_000_060),
        ),
        (Reply::status(200).bytes("<html>"), |error| matches!(error, ForgeError::Malformed { .. })),
        (Reply::json(json!({"id": 1})), |error| matches!(error, ForgeError::Malformed { message, .. } if message.contains("full_name"))),
    ];
    for (reply, fits) in table {
        let server = Server::start().await;
        server.on("GET /repos/o/r", reply.clone());
        let error = github(&server).repository(&slug()).await.unwrap_err();
        assert!(fits(&error), "{reply:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_silent_or_absent_server_is_transient() {
    let server = Server::start().await;
    for _ in 0..2 {
        server.on("GET /repos/o/r", Reply::silent());
    }
    let mut short = settings(server.url(), token(), Watch::new());
    short.timeouts.request = Duration::from_millis(60);
    short.retry.tries = 2;
    let error = GitHub::new(short).unwrap().repository(&slug()).await.unwrap_err();
    assert!(matches!(&error, ForgeError::Transient { message, .. } if message.contains("60ms")), "{error:?}");
    // A port that nobody listens at: bound once, then let go.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let api = Url::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let error = GitHub::new(settings(api, token(), Watch::new())).unwrap().repository(&slug()).await.unwrap_err();
    assert!(matches!(error, ForgeError::Transient { .. }), "{error:?}");
}

#[tokio::test]
async fn writes_are_sent_once() {
    for reply in
        [Reply::status(500), Reply::status(201).bytes("{").cut(), Reply::status(429).header("retry-after", "0"), Reply::refusal(403, json!({"message": "no"}))]
    {
        let server = Server::start().await;
        server.on("POST /repos/o/r/issues/7/comments", reply.clone());
        let error = github(&server).comment(&permit(SmallWrite::Comment), &slug(), PullNumber(7), "hi").await.unwrap_err();
        assert_eq!(server.lines().len(), 1, "{reply:?}");
        assert!(matches!(error, ForgeError::Transient { .. } | ForgeError::RateLimited { .. } | ForgeError::Forbidden { .. }), "{error:?}");
    }
    let server = Server::start().await;
    server.on("POST /repos/o/r/issues/7/comments", Reply::silent());
    let mut short = settings(server.url(), token(), Watch::new());
    short.timeouts.request = Duration::from_millis(60);
    let error = GitHub::new(short).unwrap().comment(&permit(SmallWrite::Comment), &slug(), PullNumber(7), "hi").await.unwrap_err();
    assert!(matches!(error, ForgeError::Transient { .. }) && server.lines().len() == 1);
}

#[tokio::test]
async fn renamed_repositories_are_followed() {
    for status in [301, 302, 307, 308] {
        let server = Server::start().await;
        server.on("GET /repos/o/r", Reply::to(status, format!("{}repositories/1", server.url())));
        server.on("GET /repositories/1", Reply::json(repo_json(1, "o/new")));
        assert_eq!(github(&server).repository(&slug()).await.unwrap().slug.as_str(), "o/new");
        // A write is not redirected: a redirected POST would become a GET.
        let server = Server::start().await;
        server.on("POST /repos/o/r/issues/7/comments", Reply::to(status, "/repositories/1/issues/7/comments"));
        server.on("GET /repos/o/r", Reply::to(status, "/repositories/1"));
        server.on("GET /repositories/1", Reply::json(repo_json(1, "o/new")));
        server.on("POST /repos/o/new/issues/7/comments", Reply::refusal(201, json!({"id": 1})));
        github(&server).comment(&permit(SmallWrite::Comment), &slug(), PullNumber(7), "hi").await.unwrap();
        assert_eq!(server.seen()[3].body, r#"{"body":"hi"}"#);
    }
}

#[tokio::test]
async fn redirects_that_are_not_followed() {
    let other = Server::start().await;
    let server = Server::start().await;
    server.on("GET /repos/o/r", Reply::to(301, format!("{}steal", other.url())));
    let error = github(&server).repository(&slug()).await.unwrap_err();
    assert!(matches!(&error, ForgeError::Refused { message, .. } if message.contains("another host")), "{error:?}");
    assert_eq!(other.lines(), Vec::<String>::new());
    let server = Server::start().await;
    for _ in 0..5 {
        server.on("GET /repos/o/r", Reply::to(301, "/repos/o/r"));
    }
    assert!(matches!(github(&server).repository(&slug()).await.unwrap_err(), ForgeError::Malformed { .. }));
    let server = Server::start().await;
    server.on("GET /repos/o/r", Reply::status(301));
    assert!(matches!(github(&server).repository(&slug()).await.unwrap_err(), ForgeError::Malformed { .. }));
    let server = Server::start().await;
    server.on("GET /repos/o/r/actions/jobs/1/logs", Reply::to(302, "file:///etc/passwd"));
    assert!(matches!(github(&server).job_log(&slug(), JobId(1), 10).await.unwrap_err(), ForgeError::Refused { .. }));
}

#[tokio::test]
async fn completed_runs_are_asked_for_conditionally() {
    const PAGE: &str = "GET /repos/o/r/actions/runs?status=completed&per_page=100&exclude_pull_requests=true";
    let server = Server::start().await;
    let runs = json!({"total_count": 3, "workflow_runs": [run_json(1, "timed_out"), {"id": 2, "head_sha": "broken"}, run_json(3, "startup_failure")]});
    server.on(PAGE, Reply::json(runs).header("etag", "W/\"a\""));
    server.on(PAGE, Reply::status(304).header("etag", "W/\"a\""));
    server.on(&format!("{PAGE}&page=2"), Reply::json(json!({"total_count": 0, "workflow_runs": []})).header("etag", "W/\"b\""));
    let github = github(&server);
    let Fresh::New(runs, validator) = github.completed_runs(&slug(), RunPage::FIRST, None).await.unwrap() else { panic!("same") };
    // A row that can't be read doesn't hide the others.
    assert_eq!(runs.iter().map(|run| run.conclusion).collect::<Vec<_>>(), [Some(Conclusion::TimedOut), Some(Conclusion::StartupFailure)]);
    assert_eq!((runs[0].head_author.as_deref(), validator.as_deref()), (Some("o@x.example"), Some("W/\"a\"")));
    assert_eq!(github.completed_runs(&slug(), RunPage::FIRST, validator.as_deref()).await.unwrap(), Fresh::Same);
    assert_eq!(github.completed_runs(&slug(), RunPage { number: 2, until: None }, validator.as_deref()).await.unwrap(), Fresh::New(vec![], None));
    let asked: Vec<_> = server.seen().iter().map(|seen| seen.header("if-none-match").map(str::to_owned)).collect();
    assert_eq!(asked, [None, Some("W/\"a\"".to_owned()), None]);
}

#[tokio::test]
async fn all_pages_are_read() {
    const JOBS: &str = "GET /repos/o/r/actions/runs/9/attempts/2/jobs?per_page=100";
    let job = |id: u64| {
        json!({"id": id, "run_id": 9, "name": format!("j{id}"), "status": "completed", "conclusion": "failure", "head_branch": null, "workflow_name": null,
        "runner_id": null, "labels": ["ubuntu-latest"], "html_url": null, "steps": [{"name": "Set up job", "status": "completed", "conclusion": "success", "number": 1}]})
    };
    let page = |ids: std::ops::Range<u64>| Reply::json(json!({"total_count": 201, "jobs": ids.map(job).collect::<Vec<_>>()}));
    let server = Server::start().await;
    // Once without `Link`, once with one that names another base: only its word is taken, not its address.
    server.on(JOBS, page(0..100)).on(&format!("{JOBS}&page=2"), page(100..200)).on(&format!("{JOBS}&page=3"), page(200..201));
    let github = github(&server);
    assert_eq!(github.jobs(&slug(), RunId(9), 2).await.unwrap().len(), 201);
    server.on(JOBS, page(0..2).header("link", "<https://evil.example/jobs?page=2>; rel=\"next\""));
    server.on(&format!("{JOBS}&page=2"), page(2..3).header("link", "<https://evil.example/jobs?page=1>; rel=\"prev\""));
    let jobs = github.jobs(&slug(), RunId(9), 2).await.unwrap();
    assert_eq!((jobs.len(), jobs[2].steps[0].number, jobs[2].labels[0].as_str()), (3, 1, "ubuntu-latest"));
}

#[tokio::test]
async fn a_listing_without_end_is_refused() {
    let server = Server::start().await;
    let comments = |page: u32| {
        let query = if page == 1 { String::new() } else { format!("&page={page}") };
        format!("GET /repos/o/r/commits/{SHA}/comments?per_page=100{query}")
    };
    for page in 1..=50 {
        server.on(&comments(page), Reply::json(json!([{"id": page, "body": null}])).header("link", "<x>; rel=\"next\""));
    }
    let error = github(&server).commit_comments(&slug(), &sha()).await.unwrap_err();
    assert!(matches!(&error, ForgeError::Malformed { message, .. } if message.contains("50 pages")), "{error:?}");
}

#[tokio::test]
async fn a_log_is_fetched_elsewhere_without_credentials_and_its_tail_kept() {
    let (server, store) = (Server::start().await, Server::start().await);
    let signed = format!("{}logs/1?sig=signature-canary", store.url());
    let logs = "GET /repos/o/r/actions/jobs/1/logs";
    let text: Vec<u8> = (0..200_000u32).flat_map(|n| format!("{n}\n").into_bytes()).collect();
    for _ in 0..4 {
        server.on(logs, Reply::to(302, &signed));
    }
    store.on("GET /logs/1?sig=signature-canary", Reply::status(200).bytes(text.clone()));
    store.on("GET /logs/1?sig=signature-canary", Reply::status(200).bytes("short"));
    let github = github(&server);
    let log = github.job_log(&slug(), JobId(1), 1000).await.unwrap();
    assert!(log.truncated && log.bytes == text[text.len() - 1000..]);
    let log = github.job_log(&slug(), JobId(1), 1000).await.unwrap();
    assert!(!log.truncated && log.bytes == b"short");
    assert!(store.seen().iter().all(|seen| seen.header("authorization").is_none()));
    assert!(server.seen().iter().all(|seen| seen.header("authorization").is_some()));
    // A signed address that ran out is asked for again; a body that breaks as well.
    store.on("GET /logs/1?sig=signature-canary", Reply::status(403)).on("GET /logs/1?sig=signature-canary", Reply::status(200).bytes("late").cut());
    server.on(logs, Reply::to(302, &signed));
    store.on("GET /logs/1?sig=signature-canary", Reply::status(500));
    let error = github.job_log(&slug(), JobId(1), 1000).await.unwrap_err();
    assert!(matches!(error, ForgeError::Transient { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[tokio::test]
async fn an_expired_log_is_gone() {
    for status in [404, 410] {
        let (server, store) = (Server::start().await, Server::start().await);
        server.on("GET /repos/o/r/actions/jobs/1/logs", Reply::status(status));
        server.on("GET /repos/o/r/actions/jobs/2/logs", Reply::to(302, format!("{}x", store.url())));
        store.on("GET /x", Reply::status(status));
        for job in [1, 2] {
            assert!(matches!(github(&server).job_log(&slug(), JobId(job), 9).await.unwrap_err(), ForgeError::Gone { .. }));
        }
    }
}

#[tokio::test]
async fn files_are_bytes_within_a_cap() {
    let server = Server::start().await;
    let raw = |bytes: &str| Reply::status(200).bytes(bytes).header("content-type", "application/vnd.github.raw+json; charset=utf-8");
    let at = |path: &str| format!("GET /repos/o/r/contents/{path}?ref={SHA}");
    server.on(&at("src/a%20b%23.rs"), raw("text")).on(&at("big"), raw("0123456789")).on(&at("big"), raw("0123456789")).on(&at("data.json"), raw("[]"));
    server.on(&at("dir"), Reply::json(json!([{"type": "file"}]))).on(&at("none"), Reply::status(404));
    let github = github(&server);
    let file = async |path: &str, cap| github.file(&slug(), &sha(), path, cap).await;
    assert_eq!(file("src/a b#.rs", 100).await.unwrap().as_deref(), Some(&b"text"[..]));
    assert_eq!(file("big", 10).await.unwrap().map(|bytes| bytes.len()), Some(10));
    assert!(matches!(file("big", 9).await.unwrap_err(), ForgeError::TooLarge { limit: 9, .. }));
    assert_eq!(file("data.json", 9).await.unwrap().as_deref(), Some(&b"[]"[..]));
    for path in ["dir", "none", "../../../user", "a/../../b", "/etc", ""] {
        assert_eq!(file(path, 100).await.unwrap(), None, "{path}");
    }
    assert_eq!(server.seen()[0].header("accept"), Some("application/vnd.github.raw+json"));
}

#[tokio::test]
async fn branches_and_their_protection() {
    let rules = |kinds: &[&str]| {
        Reply::json(Value::Array(kinds.iter().map(|kind| json!({"type": kind, "ruleset_source_type": "Repository", "ruleset_id": 42})).collect()))
    };
    let flagged = |flag: Value| Reply::json(branch_json("b", flag));
    let open: fn(&Protection) -> bool = |protection| *protection == Protection::Open;
    let shut: fn(&Protection) -> bool = |protection| matches!(protection, Protection::Protected(_));
    let unknown: fn(&Protection) -> bool = |protection| matches!(protection, Protection::Unknown(_));
    // The branch, the rules' answer where they are asked for, and what comes of it.
    type Row = (Reply, Option<Reply>, fn(&Protection) -> bool);
    let table: Vec<Row> = vec![
        (flagged(json!(false)), Some(rules(&[])), open),
        (flagged(json!(false)), Some(rules(&["deletion", "non_fast_forward"])), open),
        (flagged(json!(false)), Some(rules(&["creation", "commit_message_pattern"])), open),
        (flagged(json!(false)), Some(rules(&["update"])), shut),
        (flagged(json!(false)), Some(rules(&["deletion", "pull_request"])), shut),
        (flagged(json!(false)), Some(rules(&["required_status_checks"])), shut),
        (flagged(json!(false)), Some(rules(&["a_rule_of_tomorrow"])), shut),
        (flagged(json!(false)), Some(Reply::json(json!([{"ruleset_id": 1}]))), shut),
        (flagged(json!(false)), Some(Reply::refusal(403, json!({"message": "Upgrade to GitHub Pro"}))), unknown),
        (flagged(json!(false)), Some(Reply::status(404)), unknown),
        (flagged(json!(false)), Some(Reply::json(json!({"not": "a list"}))), unknown),
        (flagged(json!(false)), Some(Reply::status(422)), unknown),
        (flagged(json!(true)), None, shut),
        (flagged(Value::Null), None, unknown),
        (Reply::json(json!({"name": "b", "commit": {"sha": SHA}, "protected": false, "protection": {"enabled": true}})), None, shut),
    ];
    for (branch_reply, rules_reply, fits) in table {
        let server = Server::start().await;
        server.on("GET /repos/o/r/branches/b", branch_reply.clone());
        if let Some(reply) = &rules_reply {
            server.on("GET /repos/o/r/rules/branches/b?per_page=100", reply.clone());
        }
        let found = github(&server).branch(&slug(), &branch("b")).await.unwrap().unwrap();
        assert!(fits(&found.protection), "{branch_reply:?} {rules_reply:?}: {:?}", found.protection);
        assert_eq!(found.head, sha());
    }
}

#[tokio::test]
async fn a_rule_on_the_second_page_protects() {
    let server = Server::start().await;
    server.on("GET /repos/o/r/branches/b", Reply::json(branch_json("b", json!(false))));
    server.on("GET /repos/o/r/rules/branches/b?per_page=100", Reply::json(Value::Array(vec![json!({"type": "deletion"}); 100])));
    server.on("GET /repos/o/r/rules/branches/b?per_page=100&page=2", Reply::json(json!([{"type": "update"}])));
    let found = github(&server).branch(&slug(), &branch("b")).await.unwrap().unwrap();
    assert!(matches!(found.protection, Protection::Protected(by) if by.contains("`update`") && by.contains("`deletion`")));
}

#[tokio::test]
async fn odd_branch_names_stay_in_their_place() {
    for (name, encoded) in
        [("feature/a", "feature%2Fa"), ("ünï#1", "%C3%BCn%C3%AF%231"), ("a%2e%2e", "a%252e%252e"), ("a&b=c;d", "a%26b%3Dc%3Bd"), ("x@y+z", "x%40y%2Bz")]
    {
        let server = Server::start().await;
        server.on(&format!("GET /repos/o/r/branches/{encoded}"), Reply::json(branch_json(name, json!(false))));
        server.on(&format!("GET /repos/o/r/rules/branches/{encoded}?per_page=100"), Reply::json(json!([])));
        let found = github(&server).branch(&slug(), &branch(name)).await.unwrap().unwrap();
        assert_eq!((found.name.as_str(), found.protection), (name, Protection::Open));
    }
    let server = Server::start().await;
    let up = RepoSlug::parse("../r").unwrap();
    assert!(matches!(github(&server).repository(&up).await.unwrap_err(), ForgeError::Refused { .. }));
    assert_eq!(github(&server).access(&slug(), "..").await.unwrap(), Access::None);
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_branch_that_is_gone() {
    let server = Server::start().await;
    server.on("GET /repos/o/r/branches/b", Reply::refusal(404, json!({"message": "Branch not found"}))).on("GET /repos/o/r", Reply::json(repo_json(1, "o/r")));
    assert_eq!(github(&server).branch(&slug(), &branch("b")).await.unwrap(), None);
    // A renamed branch redirects to its new name, which is another branch.
    server.on("GET /repos/o/r/branches/b", Reply::to(301, "/repositories/1/branches/c"));
    server.on("GET /repositories/1/branches/c", Reply::json(branch_json("c", json!(false))));
    assert_eq!(github(&server).branch(&slug(), &branch("b")).await.unwrap(), None);
    // A repository that is not to be seen is no gone branch.
    server.on("GET /repos/o/r/branches/b", Reply::status(404)).on("GET /repos/o/r", Reply::status(404));
    assert!(matches!(github(&server).branch(&slug(), &branch("b")).await.unwrap_err(), ForgeError::NotFound { .. }));
}

#[tokio::test]
async fn a_pull_request_is_opened_as_cleared() {
    let server = Server::start().await;
    server.on("GET /repos/o/r", Reply::json(repo_json(1, "o/r")));
    server.on("POST /repos/o/r/pulls", Reply::refusal(201, pull_json(7, "agent-fix/feature-x", "feature")));
    let made = github(&server).open_pull(&clearance(), &slug(), &new_pull("agent-fix/feature-x", "feature")).await.unwrap();
    assert!(matches!(made, OpenedPull::Opened(pull) if pull.number == PullNumber(7) && pull.draft));
    let sent: Value = serde_json::from_str(&server.seen()[1].body).unwrap();
    assert_eq!(sent, json!({"title": "Fix", "head": "agent-fix/feature-x", "base": "feature", "body": "b", "draft": true, "maintainer_can_modify": false}));
}

#[tokio::test]
async fn what_a_clearance_does_not_cover_is_not_sent() {
    for (pull, id) in
        [(new_pull("agent-fix/feature-x", "other"), None), (new_pull("feature-x", "feature"), None), (new_pull("agent-fix/feature-x", "feature"), Some(2))]
    {
        let server = Server::start().await;
        if let Some(id) = id {
            server.on("GET /repos/o/r", Reply::json(repo_json(id, "o/r")));
        }
        let error = github(&server).open_pull(&clearance(), &slug(), &pull).await.unwrap_err();
        assert!(matches!(error, ForgeError::Refused { .. }), "{error:?}");
        assert!(server.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", server.lines());
    }
}

#[tokio::test]
async fn a_clearance_for_a_clone_opens_nothing_on_the_forge() {
    let server = Server::start().await;
    // Such a clearance may name any base, `main` included.
    let clearance = clearance_for(Offer::LocalBranch, "main");
    let error = github(&server).open_pull(&clearance, &slug(), &new_pull("agent-fix/x", "main")).await.unwrap_err();
    assert!(matches!(&error, ForgeError::Refused { message, .. } if message.contains("local branch")), "{error:?}");
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn an_expired_clearance_opens_nothing() {
    let (server, watch) = (Server::start().await, Watch::new());
    let github = GitHub::new(settings(server.url(), token(), watch.clone())).unwrap();
    let clearance = clearance();
    watch.pass(TimeDelta::days(1));
    let error = github.open_pull(&clearance, &slug(), &new_pull("agent-fix/x", "feature")).await.unwrap_err();
    assert!(matches!(&error, ForgeError::Refused { message, .. } if message.contains("expired")), "{error:?}");
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept() {
    let server = Server::start().await;
    server.on("GET /repos/o/r", Reply::status(429).header("retry-after", "1")).on("GET /repos/o/r", Reply::json(repo_json(1, "o/r")));
    let begun = std::time::Instant::now();
    github(&server).repository(&slug()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn json_has_a_cap() {
    let server = Server::start().await;
    server.on("GET /repos/o/r", Reply::status(200).bytes(vec![b' '; (32 << 20) + 1]));
    assert!(matches!(github(&server).repository(&slug()).await.unwrap_err(), ForgeError::TooLarge { limit: 33_554_432, .. }));
}

#[tokio::test]
async fn requests_are_counted_by_route() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // The test's runtime has one thread, so that the recorder sees all of it and nothing of other tests.
    let guard = metrics::set_default_local_recorder(&recorder);
    let server = Server::start().await;
    let github = github(&server);
    server.on("GET /repos/o/r", Reply::status(500)).on("GET /repos/o/r", Reply::json(repo_json(1, "o/r")));
    github.repository(&slug()).await.unwrap();
    let runs = "GET /repos/o/r/actions/runs?status=completed&per_page=100&exclude_pull_requests=true";
    let limited = Reply::status(304).header("x-ratelimit-limit", "60").header("x-ratelimit-remaining", "42").header("x-ratelimit-reset", "1800000100");
    server.on(runs, limited);
    github.completed_runs(&slug(), RunPage::FIRST, Some("\"e\"")).await.unwrap();
    drop(guard);
    let text = handle.render();
    for line in [
        r#"regreen_forge_requests_total{endpoint="/repos/{owner}/{repo}",status="500",cached="false"} 1"#,
        r#"regreen_forge_requests_total{endpoint="/repos/{owner}/{repo}",status="200",cached="false"} 1"#,
        r#"regreen_forge_requests_total{endpoint="/repos/{owner}/{repo}/actions/runs",status="304",cached="true"} 1"#,
        "regreen_forge_rate_limit_remaining 42",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}

#[tokio::test]
async fn refused_pull_requests_are_told_apart() {
    let failed = |message: &str| {
        Reply::refusal(422, json!({"message": "Validation Failed", "errors": [{"resource": "PullRequest", "code": "custom", "message": message}]}))
    };
    let drafts = Reply::refusal(422, json!({"message": "Draft pull requests are not supported in this repository."}));
    for (reply, refused) in [
        (drafts, None),
        (failed("A pull request already exists for o:agent-fix/x."), Some("already exists")),
        (failed("No commits between a and b"), Some("No commits")),
    ] {
        let server = Server::start().await;
        server.on("GET /repos/o/r", Reply::json(repo_json(1, "o/r"))).on("POST /repos/o/r/pulls", reply);
        let made = github(&server).open_pull(&clearance(), &slug(), &new_pull("agent-fix/x", "feature")).await.unwrap();
        match (made, refused) {
            (OpenedPull::DraftRefused, None) => {}
            (OpenedPull::Refused(message), Some(part)) => assert!(message.contains(part), "{message}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn small_writes_take_a_permit_of_their_kind_and_touch_what_is_ours() {
    let server = Server::start().await;
    let github = github(&server);
    let (comment, own, rerun) = (permit(SmallWrite::Comment), permit(SmallWrite::OwnPull), permit(SmallWrite::Rerun));
    for refused in [
        github.rerun_failed(&comment, &slug(), RunId(1)).await,
        github.close_pull(&comment, &slug(), PullNumber(7)).await,
        github.edit_pull(&rerun, &slug(), PullNumber(7), None, "b").await,
        github.mark_ready(&comment, "PR_7").await,
        github.comment(&rerun, &slug(), PullNumber(7), "b").await,
        github.comment_on_commit(&own, &slug(), &sha(), "b").await,
    ] {
        assert!(matches!(refused.unwrap_err(), ForgeError::Refused { .. }));
    }
    assert_eq!(server.lines(), Vec::<String>::new());
    server.on("GET /repos/o/r/pulls/7", Reply::json(pull_json(7, "feature", "trunk")));
    assert!(
        matches!(github.close_pull(&own, &slug(), PullNumber(7)).await.unwrap_err(), ForgeError::Refused { message, .. } if message.contains("not one of ours"))
    );
    for _ in 0..2 {
        server.on("GET /repos/o/r/pulls/8", Reply::json(pull_json(8, "agent-fix/feature-x", "feature")));
        server.on("PATCH /repos/o/r/pulls/8", Reply::json(pull_json(8, "agent-fix/feature-x", "feature")));
    }
    github.close_pull(&own, &slug(), PullNumber(8)).await.unwrap();
    github.edit_pull(&own, &slug(), PullNumber(8), Some("T"), "B").await.unwrap();
    server.on("POST /repos/o/r/issues/8/labels", Reply::json(json!([])));
    github.add_labels(&own, &slug(), PullNumber(8), &["ci-fix".to_owned()]).await.unwrap();
    server.on(&format!("POST /repos/o/r/commits/{SHA}/comments"), Reply::refusal(201, json!({"id": 1})));
    github.comment_on_commit(&comment, &slug(), &sha(), "hi").await.unwrap();
    server.on("POST /repos/o/r/actions/runs/1/rerun-failed-jobs", Reply::status(201).bytes("{}"));
    server.on("POST /repos/o/r/actions/runs/1/rerun-failed-jobs", Reply::refusal(403, json!({"message": "This workflow run is already running"})));
    github.rerun_failed(&rerun, &slug(), RunId(1)).await.unwrap();
    assert!(matches!(github.rerun_failed(&rerun, &slug(), RunId(1)).await.unwrap_err(), ForgeError::Refused { .. }));
    let bodies: Vec<String> = server.seen().into_iter().filter(|seen| !seen.line.starts_with("GET")).map(|seen| seen.body).collect();
    assert_eq!(bodies, [r#"{"state":"closed"}"#, r#"{"body":"B","title":"T"}"#, r#"{"labels":["ci-fix"]}"#, r#"{"body":"hi"}"#, "{}", "{}"]);
}

#[tokio::test]
async fn ready_for_review_by_graphql() {
    let ready = |draft: bool| Reply::json(json!({"data": {"markPullRequestReadyForReview": {"pullRequest": {"isDraft": draft}}}}));
    let failed = |kind: Value, message: &str| {
        Reply::json(json!({"data": {"markPullRequestReadyForReview": null}, "errors": [{"type": kind, "path": ["x"], "message": message}]}))
    };
    type Fits = fn(&Result<(), ForgeError>) -> bool;
    let table: [(Reply, Fits); 10] = [
        (ready(false), |done| done.is_ok()),
        (ready(true), |done| matches!(done, Err(ForgeError::Refused { .. }))),
        (failed(json!("NOT_FOUND"), "Could not resolve to a node"), |done| matches!(done, Err(ForgeError::NotFound { .. }))),
        (failed(json!("FORBIDDEN"), "Resource not accessible by integration"), |done| matches!(done, Err(ForgeError::Forbidden { .. }))),
        (failed(Value::Null, "Resource not accessible by personal access token"), |done| matches!(done, Err(ForgeError::Forbidden { .. }))),
        (failed(json!("RATE_LIMITED"), "API rate limit exceeded"), |done| matches!(done, Err(ForgeError::RateLimited { .. }))),
        (
            failed(json!("UNPROCESSABLE"), "Pull request is not a draft"),
            |done| matches!(done, Err(ForgeError::Refused { message, .. }) if message.contains("not a draft")),
        ),
        (Reply::json(json!({"data": null})), |done| matches!(done, Err(ForgeError::Malformed { .. }))),
        (Reply::status(502), |done| matches!(done, Err(ForgeError::Transient { .. }))),
        (Reply::status(401), |done| matches!(done, Err(ForgeError::Unauthorized { .. }))),
    ];
    for (reply, fits) in table {
        let server = Server::start().await;
        server.on("POST /graphql", reply.clone());
        let done = github(&server).mark_ready(&permit(SmallWrite::OwnPull), "PR_7").await;
        assert!(fits(&done), "{reply:?}: {done:?}");
        let sent: Value = serde_json::from_str(&server.seen()[0].body).unwrap();
        assert_eq!(sent["variables"], json!({"id": "PR_7"}));
    }
}

#[tokio::test]
async fn an_enterprise_server_has_its_own_addresses() {
    let server = Server::start().await;
    let api = server.url().join("api/v3/").unwrap();
    let github = GitHub::new(settings(api, token(), Watch::new())).unwrap();
    server.on("GET /api/v3/repos/o/r", Reply::to(301, "/api/v3/repositories/1")).on("GET /api/v3/repositories/1", Reply::json(repo_json(1, "o/r")));
    github.repository(&slug()).await.unwrap();
    server.on("POST /api/graphql", Reply::json(json!({"data": {"markPullRequestReadyForReview": {"pullRequest": {"isDraft": false}}}})));
    github.mark_ready(&permit(SmallWrite::OwnPull), "PR_7").await.unwrap();
}

const INSTALLED: &str = "GET /app/installations?per_page=100";

fn installed() -> Reply {
    Reply::json(json!([{"id": 4, "account": {"login": "p"}, "suspended_at": null}, {"id": 5, "account": {"login": "O"}}, {"id": 6, "account": null}]))
}

fn minted(token: &str, minutes: i64) -> Reply {
    let expires_at = DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minutes);
    Reply::refusal(
        201,
        json!({"token": token, "expires_at": expires_at, "permissions": {"contents": "write", "metadata": "read"}, "repository_selection": "all"}),
    )
}

fn bearers(server: &Server, line: &str) -> Vec<String> {
    server.seen().iter().filter(|seen| seen.line == line).map(|seen| seen.header("authorization").unwrap().replace("Bearer ", "")).collect()
}

#[tokio::test]
async fn an_app_mints_a_token_for_each_owner() {
    let (server, watch) = (Server::start().await, Watch::new());
    let github = GitHub::new(settings(server.url(), app(), watch.clone())).unwrap();
    const MINT: &str = "POST /app/installations/5/access_tokens";
    server.on(INSTALLED, installed());
    server.on(MINT, minted("ghs_one", 60));
    for _ in 0..4 {
        server.on("GET /repos/o/r", Reply::json(json!({"id": 1, "full_name": "o/r", "default_branch": "trunk", "permissions": {"push": false}})));
    }
    // Two at once share one token; the installation's permissions say whether it may push.
    let one = slug();
    let (first, second) = tokio::join!(github.repository(&one), github.repository(&one));
    assert!(first.unwrap().can_push && second.is_ok());
    let signed = bearers(&server, MINT).remove(0);
    let parts: Vec<&str> = signed.split('.').collect();
    let claims: Value = serde_json::from_slice(&base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    assert_eq!((parts.len(), &claims["iss"]), (3, &json!(4711)));
    // Before it expires, a new one is minted.
    watch.pass(TimeDelta::minutes(54));
    github.repository(&slug()).await.unwrap();
    watch.pass(TimeDelta::minutes(2));
    server.on(INSTALLED, installed()).on(MINT, minted("ghs_two", 120));
    let repo = github.repository(&slug()).await.unwrap();
    assert_eq!(bearers(&server, "GET /repos/o/r"), ["ghs_one", "ghs_one", "ghs_one", "ghs_two"]);
    assert_eq!(github.git_access(&repo).await.unwrap().password.unwrap().expose_secret(), "ghs_two");
}

#[tokio::test]
async fn a_revoked_installation_token_is_minted_anew_once() {
    let server = Server::start().await;
    let github = GitHub::new(settings(server.url(), app(), Watch::new())).unwrap();
    const POST: &str = "POST /repos/o/r/issues/7/comments";
    for token in ["ghs_one", "ghs_two"] {
        server.on(INSTALLED, installed()).on("POST /app/installations/5/access_tokens", minted(token, 60));
    }
    server.on(POST, Reply::status(401)).on(POST, Reply::refusal(201, json!({"id": 1})));
    github.comment(&permit(SmallWrite::Comment), &slug(), PullNumber(7), "hi").await.unwrap();
    assert_eq!(bearers(&server, POST), ["ghs_one", "ghs_two"]);
    // A second refusal in a row is told.
    server.on(POST, Reply::status(401)).on(POST, Reply::status(401));
    server.on(INSTALLED, installed()).on("POST /app/installations/5/access_tokens", minted("ghs_three", 60));
    let error = github.comment(&permit(SmallWrite::Comment), &slug(), PullNumber(7), "hi").await.unwrap_err();
    assert!(matches!(error, ForgeError::Unauthorized { .. }), "{error:?}");
}

#[tokio::test]
async fn an_app_finds_whose_pull_request_it_is() {
    let server = Server::start().await;
    let github = GitHub::new(settings(server.url(), app(), Watch::new())).unwrap();
    server.on(INSTALLED, installed());
    for (owner, id) in [("p", 4), ("o", 5)] {
        server.on(INSTALLED, installed());
        server.on(&format!("POST /app/installations/{id}/access_tokens"), minted(&format!("ghs_{owner}"), 60));
    }
    server.on("POST /graphql", Reply::json(json!({"data": null, "errors": [{"type": "NOT_FOUND", "message": "no node"}]})));
    server.on("POST /graphql", Reply::json(json!({"data": {"markPullRequestReadyForReview": {"pullRequest": {"isDraft": false}}}})));
    github.mark_ready(&permit(SmallWrite::OwnPull), "PR_7").await.unwrap();
    assert_eq!(bearers(&server, "POST /graphql"), ["ghs_p", "ghs_o"]);
    // One that was seen is not searched for.
    server.on("GET /repos/o/r/pulls/7", Reply::json(pull_json(7, "agent-fix/x", "feature")));
    github.pull(&slug(), PullNumber(7)).await.unwrap();
    server.on("POST /graphql", Reply::json(json!({"data": {"markPullRequestReadyForReview": {"pullRequest": {"isDraft": false}}}})));
    github.mark_ready(&permit(SmallWrite::OwnPull), "PR_7").await.unwrap();
    assert_eq!(bearers(&server, "POST /graphql")[2], "ghs_o");
}

#[tokio::test]
async fn an_app_that_is_not_installed() {
    let server = Server::start().await;
    let github = GitHub::new(settings(server.url(), app(), Watch::new())).unwrap();
    server.on(INSTALLED, Reply::json(json!([{"id": 4, "account": {"login": "p"}}])));
    let error = github.repository(&slug()).await.unwrap_err();
    assert!(matches!(&error, ForgeError::NotFound { what } if what.contains("installation at `o`")), "{error:?}");
    server.on(INSTALLED, Reply::json(json!([{"id": 5, "account": {"login": "o"}, "suspended_at": "2026-01-01T00:00:00Z"}])));
    let error = github.repository(&slug()).await.unwrap_err();
    assert!(matches!(&error, ForgeError::Forbidden { message, .. } if message.contains("suspended")), "{error:?}");
    server.on("GET /app", Reply::json(json!({"id": 4711, "slug": "regreen", "owner": null})));
    assert_eq!(github.whoami().await.unwrap(), "regreen[bot]");
}

#[tokio::test]
async fn repositories_of_an_owner() {
    let listed = || Reply::json(json!([repo_json(1, "o/r"), {"id": 2, "full_name": "not a slug"}, repo_json(3, "other/r")]));
    for (kind, me, line) in [
        ("Organization", None, "GET /orgs/o/repos?type=all&per_page=100"),
        ("User", Some("someone"), "GET /users/o/repos?type=owner&per_page=100"),
        ("User", Some("O"), "GET /user/repos?affiliation=owner&per_page=100"),
    ] {
        let server = Server::start().await;
        server.on("GET /users/o", Reply::json(json!({"login": "o", "type": kind}))).on(line, listed());
        if let Some(me) = me {
            server.on("GET /user", Reply::json(json!({"login": me, "name": null})));
        }
        let repos = github(&server).repositories_of("o").await.unwrap();
        assert_eq!(repos.iter().map(|repo| repo.slug.as_str()).collect::<Vec<_>>(), ["o/r"]);
    }
    let server = Server::start().await;
    server.on(INSTALLED, installed()).on("POST /app/installations/5/access_tokens", minted("ghs_one", 60));
    server.on("GET /installation/repositories?per_page=100", Reply::json(json!({"total_count": 1, "repositories": [repo_json(1, "O/r")]})));
    let github = GitHub::new(settings(server.url(), app(), Watch::new())).unwrap();
    assert_eq!(github.repositories_of("o").await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_other_reads() {
    let server = Server::start().await;
    let github = github(&server);
    server
        .on("GET /repos/o/r/collaborators/dependabot%5Bbot%5D/permission", Reply::json(json!({"permission": "write", "role_name": "maintain", "user": null})));
    assert_eq!(github.access(&slug(), "dependabot[bot]").await.unwrap(), Access::Write);
    server.on("GET /repos/o/r/collaborators/x/permission", Reply::status(404));
    assert_eq!(github.access(&slug(), "x").await.unwrap(), Access::None);
    for (reply, expected) in [
        (Reply::json(json!({"default_workflow_permissions": "read", "can_approve_pull_request_reviews": false})), Some(false)),
        (Reply::json(json!({"default_workflow_permissions": "write"})), Some(true)),
        (Reply::refusal(403, json!({"message": "Resource not accessible by integration"})), None),
        (Reply::status(404), None),
    ] {
        server.on("GET /repos/o/r/actions/permissions/workflow", reply);
        assert_eq!(github.workflow_token_writes(&slug()).await.unwrap(), expected);
    }
    server.on(
        &format!("GET /repos/o/r/commits/{SHA}/check-runs?filter=latest&per_page=100"),
        Reply::json(json!({"total_count": 2, "check_runs": [
            {"id": 1, "name": "build", "status": "completed", "conclusion": "stale", "html_url": "u", "details_url": null, "output": {"title": null}},
            {"id": 2, "name": "test", "status": "in_progress", "conclusion": null, "html_url": null, "details_url": "d"}]})),
    );
    server.on(
        &format!("GET /repos/o/r/commits/{SHA}/status?per_page=100"),
        Reply::json(
            json!({"state": "failure", "statuses": [{"context": "ci/x", "state": "error", "target_url": null}, {"context": "ci/y", "state": "pending"}]}),
        ),
    );
    let checks = github.checks(&slug(), &sha()).await.unwrap();
    let told: Vec<_> = checks.iter().map(|check| (check.name.as_str(), check.conclusion, check.url.as_str())).collect();
    assert_eq!(told, [("build", Some(Conclusion::Other), "u"), ("test", None, "d"), ("ci/x", Some(Conclusion::Failure), ""), ("ci/y", None, "")]);
    server.on(&format!("GET /repos/o/r/commits/{SHA}?per_page=1"), Reply::json(json!({"sha": SHA, "author": null, "committer": {"login": "web-flow"}})));
    assert_eq!(github.commit_author(&slug(), &sha()).await.unwrap(), None);
    server.on(&format!("GET /repos/o/r/commits/{SHA}/comments?per_page=100"), Reply::json(json!([{"id": 9, "body": "x", "path": null, "user": null}])));
    assert_eq!(github.commit_comments(&slug(), &sha()).await.unwrap(), [(9, "x".to_owned())]);
    server.on("GET /user", Reply::json(json!({"login": "me", "type": "User"})));
    assert_eq!(github.whoami().await.unwrap(), "me");
    let mut fork = run_json(3, "success");
    fork["head_repository"]["id"] = json!(99);
    server.on(
        "GET /repos/o/r/actions/workflows/ci.yml/runs?branch=feature&status=success&per_page=20&exclude_pull_requests=true",
        Reply::json(json!({"workflow_runs": [fork, run_json(2, "success")]})),
    );
    let green = github.last_green(&slug(), ".github/workflows/ci.yml", &branch("feature")).await.unwrap();
    assert_eq!(green.map(|run| run.id), Some(RunId(2)));
    assert_eq!(github.last_green(&slug(), "dynamic/pages/pages-build-deployment", &branch("feature")).await.unwrap(), None);
    server.on("GET /repos/o/r/actions/runs/4", Reply::json(run_json(4, "failure")));
    assert_eq!(github.run(&slug(), RunId(4)).await.unwrap().conclusion, Some(Conclusion::Failure));
    let of_sha = format!("GET /repos/o/r/actions/runs?head_sha={SHA}&exclude_pull_requests=true&per_page=100");
    server.on(&of_sha, Reply::json(json!({"workflow_runs": [run_json(4, "failure")]}))).on(&of_sha, Reply::json(json!({"workflow_runs": [{"id": 5}]})));
    assert_eq!(github.runs_of(&slug(), &sha()).await.unwrap().len(), 1);
    // Here a row that can't be read must not look like one that is not there.
    assert!(matches!(github.runs_of(&slug(), &sha()).await.unwrap_err(), ForgeError::Malformed { .. }));
    server.on(
        "GET /repos/o/r/pulls?state=open&sort=created&direction=desc&head=o%3Aagent-fix%2Ffeature-x&base=feature&per_page=100",
        Reply::json(json!([pull_json(7, "agent-fix/feature-x", "feature"), pull_json(8, "else", "feature")])),
    );
    let pulls = github.pulls(&slug(), Some(&branch("agent-fix/feature-x")), Some(&branch("feature")), true).await.unwrap();
    assert_eq!(pulls.iter().map(|pull| pull.number).collect::<Vec<_>>(), [PullNumber(7)]);
}

/// Keeps every line that is traced.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_shown() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let server = Server::start().await;
    let github = github(&server);
    let mut shown = format!("{github:?}");
    // A server that sends our own credentials back.
    for status in [500, 500, 500, 403, 422] {
        server.on("GET /repos/o/r", Reply::refusal(status, json!({"message": format!("you sent Bearer {CANARY}")})));
    }
    for _ in 0..3 {
        let error = github.repository(&slug()).await.unwrap_err();
        shown.push_str(&format!("{error} {error:?}"));
    }
    server.on(INSTALLED, installed());
    server.on("POST /app/installations/5/access_tokens", Reply::refusal(201, json!({"token": CANARY, "expires_at": "never"})));
    let mut once = settings(server.url(), app(), Watch::new());
    once.retry.tries = 1;
    let by_app = GitHub::new(once).unwrap();
    let error = by_app.repository(&slug()).await.unwrap_err();
    shown.push_str(&format!("{by_app:?} {error} {error:?}"));
    drop(guard);
    shown.push_str(&String::from_utf8_lossy(&lines.0.lock().unwrap()));
    assert!(shown.contains("asking the forge again"), "tracing was not caught");
    assert!(shown.contains("[redacted]") && !shown.contains(CANARY) && !shown.contains("BEGIN RSA"));
}
