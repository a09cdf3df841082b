//! Webhook, JSON, acts, metrics and pages over real HTTP on loopback, with the SQLite store.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeZone as _, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use metrics_exporter_prometheus::PrometheusBuilder;
use regreen::adapters::git::{GitMirrors, GitOptions};
use regreen::adapters::github::{GitHub, GitHubAuth, GitHubSettings, RetryPolicy, Timeouts};
use regreen::adapters::store::SqlStore;
use regreen::domain::breaker::BreakerSettings;
use regreen::domain::gate::{Check, Finding, Gate, Verdict};
use regreen::domain::ids::{BranchName, CommitSha, Fingerprint, PatchHash, PullNumber, RemediationId, RemediationKey, RepoId, RepoSlug, RunId};
use regreen::domain::remediation::{
    AttachedRun, CommandRecord, DiagnosisRecord, Event, FailedStepRecord, Opening, Phase, ProofRecord, ProposalRecord, PullRecord, Reason, RunRecord, Spent,
};
use regreen::domain::rules::{RepoPattern, Rules};
use regreen::engine::{Engine, Runs};
use regreen::ports::alerts::{AlertError, AlertStyle, AlertText, Alerts, MessageRef};
use regreen::ports::clock::Clock;
use regreen::ports::llm::{Llm, ModelAnswer, ModelError, ModelRequest};
use regreen::ports::sandbox::{Limits, Network};
use regreen::ports::store::{Append, Attached, Store};
use regreen::web::{self, Health, WebState};
use reqwest::{Client, Method, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// What must never stand in a page as it is.
const HOSTILE: &str = "\"><script>alert('x')</script><img src=x onerror=alert(1)>\u{202e}\u{1b}[31m";

struct At;

impl At {
    fn moment() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
    }
}

impl Clock for At {
    fn now(&self) -> DateTime<Utc> {
        Self::moment()
    }
}

struct NoModels;

#[async_trait]
impl Llm for NoModels {
    fn routes(&self) -> Vec<String> {
        Vec::new()
    }
    async fn ask(&self, _: &ModelRequest) -> Result<ModelAnswer, ModelError> {
        Err(ModelError::Unknown { route: "none".into() })
    }
    async fn feedback(&self, route: &str, _: &str, _: &str, _: bool) -> Result<(), ModelError> {
        Err(ModelError::Unknown { route: route.into() })
    }
    async fn check(&self, route: &str) -> Result<(), ModelError> {
        Err(ModelError::Unknown { route: route.into() })
    }
}

struct NoChannel;

#[async_trait]
impl Alerts for NoChannel {
    fn style(&self) -> AlertStyle {
        AlertStyle::Silent
    }
    async fn find(&self, _: &AlertText, _: DateTime<Utc>) -> Result<Option<MessageRef>, AlertError> {
        Ok(None)
    }
    async fn post(&self, _: &AlertText) -> Result<Option<MessageRef>, AlertError> {
        Ok(None)
    }
    async fn update(&self, _: &MessageRef, _: &AlertText) -> Result<(), AlertError> {
        Ok(())
    }
    async fn check(&self) -> Result<String, AlertError> {
        Ok("silent".into())
    }
}

/// A running server, and what stands behind it.
struct Served {
    address: SocketAddr,
    store: SqlStore,
    health: Arc<Health>,
    wake: Arc<tokio::sync::Notify>,
    client: Client,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<std::io::Result<()>>,
    _folder: tempfile::TempDir,
}

impl Served {
    async fn new(secrets: &[&str]) -> Self {
        // Another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let store = SqlStore::in_memory(BreakerSettings::default()).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(At);
        // Nothing listens there: what these tests touch asks no forge.
        let nowhere: url::Url = "http://127.0.0.1:1/".parse().unwrap();
        let forge = GitHub::new(GitHubSettings {
            api_url: nowhere.clone(),
            server_url: nowhere,
            auth: GitHubAuth::Token(SecretString::from("t")),
            clock: Arc::clone(&clock),
            user_agent: "regreen".into(),
            timeouts: Timeouts::default(),
            retry: RetryPolicy::default(),
        })
        .unwrap();
        let wake = Arc::new(tokio::sync::Notify::new());
        let engine = Engine {
            forge: Arc::new(forge),
            git: Arc::new(GitMirrors::new(GitOptions::new(folder.path().join("mirrors"))).unwrap()),
            llm: Arc::new(NoModels),
            alerts: Arc::new(NoChannel),
            store: Arc::new(store.clone()),
            runs: Runs::Not("a test".into()),
            clock,
            rules: Arc::new(Rules { repos: vec![RepoPattern::One(slug())], ..Rules::default() }),
            limits: Limits::default(),
            setup_network: Network::None,
            work_dir: folder.path().to_owned(),
            spares: Default::default(),
            wake: Arc::clone(&wake),
            seen_red: Arc::default(),
            patience: 3,
        };
        // One recorder a test: the test's runtime is this thread, and so is the server's.
        let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
        std::mem::forget(metrics::set_default_local_recorder(recorder));
        let health = Arc::new(Health::new(Duration::from_secs(120)));
        let state = WebState {
            engine,
            webhook_secrets: secrets.iter().map(|secret| SecretString::from(*secret)).collect(),
            admin_tokens: vec![("ann".into(), SecretString::from("ann-token")), ("bob".into(), SecretString::from("bob-token"))],
            metrics: recorder.handle(),
            health: Arc::clone(&health),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let ended = tokio::spawn(web::serve(listener, state, stop.clone()));
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { address, store, health, wake, client, stop, ended, _folder: folder }
    }

    fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let answer = self.client.get(self.at(path)).send().await.unwrap();
        read(answer).await
    }

    async fn page(&self, path: &str) -> (StatusCode, String) {
        let answer = self.client.get(self.at(path)).header("accept", "text/html,*/*;q=0.8").send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        (answer.status(), answer.text().await.unwrap())
    }

    async fn act(&self, path: &str, token: Option<&str>, body: &str) -> (StatusCode, Value) {
        let mut request = self.client.post(self.at(path)).body(body.to_owned());
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        read(request.send().await.unwrap()).await
    }

    async fn deliver(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (StatusCode, Value) {
        let mut request = self.client.post(self.at(path)).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.send().await.unwrap()).await
    }

    /// Delivers with a good signature.
    async fn signed(&self, secret: &str, id: &str, event: &str, body: &[u8]) -> (StatusCode, Value) {
        let signature = sign(secret, body);
        self.deliver("/webhook", &[("x-hub-signature-256", &signature), ("x-github-delivery", id), ("x-github-event", event)], body).await
    }

    async fn append(&self, id: &RemediationId, events: Vec<Event>) {
        let seq = self.store.load(id).await.unwrap().unwrap().seq;
        let append = Append { remediation: id.clone(), epoch: None, expected_seq: seq, events, alert: None, due: None };
        self.store.append(&append, At::moment()).await.unwrap();
    }

    async fn phase(&self, id: &RemediationId) -> (Phase, Option<Reason>) {
        let state = self.store.load(id).await.unwrap().unwrap();
        (state.phase, state.reason)
    }
}

/// Reads an answer, and holds it to what all answers promise.
async fn read(answer: reqwest::Response) -> (StatusCode, Value) {
    let (status, headers) = (answer.status(), answer.headers().clone());
    for (name, part) in [
        ("content-security-policy", "default-src 'none'"),
        ("content-security-policy", "frame-ancestors 'none'"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert!(headers[name].to_str().unwrap().contains(part), "{name}");
    }
    assert!(!headers["x-request-id"].is_empty());
    let text = answer.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if status.is_client_error() || status.is_server_error() {
        assert_eq!(headers["content-type"], "application/problem+json", "{status} {body}");
        assert_eq!(body["status"], status.as_u16());
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
    (status, body)
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    mac.finalize().into_bytes().iter().fold("sha256=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn slug() -> RepoSlug {
    RepoSlug::parse("acme/shop").unwrap()
}

fn fingerprint() -> Fingerprint {
    Fingerprint::parse("deadbeefdeadbeef").unwrap()
}

async fn open(store: &SqlStore, branch: &str, sha: char) -> RemediationId {
    let repo = RepoId(7);
    let main = BranchName::parse("main").unwrap();
    store.watch(repo, &slug(), &main).await.unwrap();
    let opening = Opening {
        key: RemediationKey { repo, branch: BranchName::parse(branch).unwrap(), sha: CommitSha::parse(&sha.to_string().repeat(40)).unwrap(), generation: 0 },
        slug: slug(),
        default_branch: main,
        owner: Some(HOSTILE.into()),
        dry_run: false,
    };
    let run = AttachedRun {
        run: RunId(u64::from(sha)),
        attempt: 1,
        workflow: HOSTILE.into(),
        path: ".github/workflows/ci.yml".into(),
        url: "javascript:alert(1)".into(),
        trigger: "push".into(),
        started_at: At::moment(),
    };
    match store.attach(&opening, &run, None, At::moment(), At::moment()).await.unwrap() {
        Attached::Opened(id) => id,
        other => panic!("{other:?}"),
    }
}

fn verdict(gate: Gate) -> Verdict {
    let findings = Check::MANDATORY.map(|check| Finding::passed(check, HOSTILE, HOSTILE, HOSTILE).with_parts(vec![HOSTILE.into()]));
    Verdict::of(gate, 4, findings.into())
}

/// The events up to the question for a person; every text is hostile.
fn up_to_approval(until: DateTime<Utc>) -> Vec<Event> {
    let text = || HOSTILE.to_owned();
    let patch = format!("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-{HOSTILE}\n+{HOSTILE}\n");
    let hash = PatchHash::of(&patch);
    let run = |code| RunRecord { command: text(), exit_code: Some(code), seconds: 1.25, tests: Some(3), tail: text() };
    vec![
        Event::Diagnosed {
            diagnosis: DiagnosisRecord {
                fingerprint: fingerprint(),
                category: text(),
                confidence: 0.9,
                headline: text(),
                excerpt: text(),
                failed_tests: vec![text()],
                files: vec![(text(), Some(3))],
                steps: vec![FailedStepRecord { run: RunId(1), workflow: text(), path: text(), job: text(), step: text(), number: 2 }],
                fixable_by_code: true,
                rerun_could_help: false,
            },
        },
        Event::Admitted { verdict: verdict(Gate::Admission) },
        Event::Cloned { snapshot: text() },
        Event::CommandResolved {
            command: CommandRecord { shell: text(), script: text(), directory: text(), env: [(text(), text())].into(), setup: Vec::new(), without: Vec::new() },
        },
        Event::PatchNeeded,
        Event::ModelAnswered { route: text(), spent: Spent { tokens: 12_345, cost_usd: 0.25 }, ok: true },
        Event::Proposed {
            proposal: ProposalRecord {
                attempt: 1,
                route: text(),
                deterministic: false,
                response_id: Some(text()),
                explanation: text(),
                patch,
                hash: hash.clone(),
                repairs: vec![text()],
            },
        },
        Event::GatePassed { verdict: verdict(Gate::Gating) },
        Event::Proved {
            proof: Some(ProofRecord {
                patch: hash,
                proved: true,
                before: run(1),
                after: Some(run(0)),
                wider: Some(run(0)),
                sentences: vec![text()],
                sandbox: text(),
            }),
        },
        Event::ApprovalAsked { verdict: verdict(Gate::Clearing), until, why: vec!["calc.py:3: the expected value changes".into()] },
    ]
}

fn tomorrow() -> DateTime<Utc> {
    At::moment() + chrono::Duration::days(1)
}

fn published() -> Vec<Event> {
    let branch = BranchName::parse("agent-fix/x").unwrap();
    vec![
        Event::Approved { by: HOSTILE.into() },
        Event::Cleared { verdict: verdict(Gate::Clearing), simulated: false },
        Event::Published {
            branch: branch.clone(),
            commit: CommitSha::parse(&"c".repeat(40)).unwrap(),
            pull: Some(PullRecord {
                number: PullNumber(12),
                url: "javascript:alert(document.domain)".into(),
                base: BranchName::parse("feature").unwrap(),
                head: branch,
                draft: true,
                node_id: "n".into(),
            }),
            unproven: false,
        },
    ]
}

const RUN: &[u8] = br#"{"action":"completed","workflow_run":{"id":1},"repository":{"full_name":"acme/shop"}}"#;

#[tokio::test]
async fn a_webhook_is_answered_as_the_contract_says() {
    let served = Served::new(&["old-secret", "new-secret"]).await;
    let woken = served.wake.notified();
    tokio::pin!(woken);
    woken.as_mut().enable();

    // Accepted: durable before the answer, and workers are woken.
    let (status, body) = served.signed("new-secret", "d-1", "workflow_run", RUN).await;
    assert_eq!((status, &body["status"], &body["delivery"]), (StatusCode::ACCEPTED, &json!("accepted"), &json!("d-1")));
    let kept = served.store.deliveries(10).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].id.as_str(), kept[0].event.as_str(), kept[0].payload.as_bytes()), ("d-1", "workflow_run", RUN));
    tokio::time::timeout(Duration::from_secs(5), woken).await.expect("workers are woken");

    // The other secret, the other addresses, a suite, a form.
    assert_eq!(served.signed("old-secret", "d-2", "workflow_run", RUN).await.0, StatusCode::ACCEPTED);
    // What is not used is not kept: neither other events, nor what people wrote in these.
    assert_eq!(served.signed("old-secret", "d-3", "check_suite", b"{\"action\":\"completed\"}").await.0, StatusCode::OK);
    let full =
        br#"{"action":"completed","workflow_run":{"id":2,"head_commit":{"message":"a word"}},"repository":{"id":7,"full_name":"acme/shop"},"sender":{}}"#;
    assert_eq!(served.signed("old-secret", "d-7", "workflow_run", full).await.0, StatusCode::ACCEPTED);
    let kept = served.store.deliveries(10).await.unwrap().into_iter().find(|kept| kept.id == "d-7").unwrap();
    assert_eq!(kept.payload, r#"{"action":"completed","workflow_run":{"id":2},"repository":{"full_name":"acme/shop"}}"#);
    for (index, path) in ["/webhook/", "/webhooks/github/"].iter().enumerate() {
        let id = format!("p-{index}");
        let headers = [("x-hub-signature-256", &*sign("new-secret", RUN)), ("x-github-delivery", &*id), ("x-github-event", "workflow_run")];
        assert_eq!(served.deliver(path, &headers, RUN).await.0, StatusCode::ACCEPTED, "{path}");
    }
    let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", std::str::from_utf8(RUN).unwrap()).finish();
    let headers = [
        ("x-hub-signature-256", &*sign("new-secret", form.as_bytes())),
        ("x-github-delivery", "form"),
        ("x-github-event", "workflow_run"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    assert_eq!(served.deliver("/webhook", &headers, form.as_bytes()).await.0, StatusCode::ACCEPTED);
    assert_eq!(served.store.deliveries(10).await.unwrap().len(), 6);

    // 200: ping, ignored, duplicate; none of them is kept.
    for (id, event, body, word) in [
        ("d-4", "ping", &b"{\"zen\":\"x\"}"[..], "pong"),
        ("d-5", "push", b"{}", "ignored"),
        ("d-6", "workflow_run", b"{\"action\":\"requested\"}", "ignored"),
        ("d-1", "workflow_run", RUN, "duplicate"),
    ] {
        let (status, answer) = served.signed("new-secret", id, event, body).await;
        assert_eq!((status, answer["status"].as_str()), (StatusCode::OK, Some(word)), "{id}");
    }
    assert_eq!(served.store.deliveries(10).await.unwrap().len(), 6);

    // 401: missing, malformed, of another secret, of another body.
    let good = sign("new-secret", RUN);
    for signature in ["", "sha256=zz", "sha1=00", &sign("guess", RUN), &sign("new-secret", b"{}"), &good[..good.len() - 1]] {
        let mut headers = vec![("x-github-delivery", "d-7"), ("x-github-event", "workflow_run")];
        if !signature.is_empty() {
            headers.push(("x-hub-signature-256", signature));
        }
        assert_eq!(served.deliver("/webhook", &headers, RUN).await.0, StatusCode::UNAUTHORIZED, "{signature}");
    }

    // 400: no JSON object, no delivery id, an endless one, no event, no UTF-8.
    for body in [&b"{"[..], b"[]", b"", b"null", b"{\"a\":\"\xff\"}"] {
        assert_eq!(served.signed("new-secret", "d-8", "workflow_run", body).await.0, StatusCode::BAD_REQUEST, "{body:?}");
    }
    let long = "x".repeat(129);
    for (id, event) in [("", "workflow_run"), ("d 9", "workflow_run"), (&*long, "workflow_run"), ("d-9", "")] {
        assert_eq!(served.signed("new-secret", id, event, RUN).await.0, StatusCode::BAD_REQUEST, "{id:?} {event:?}");
    }
    assert_eq!(served.store.deliveries(10).await.unwrap().len(), 6);

    // The store is gone: no 2xx, since nothing was kept.
    served.store.close().await.unwrap();
    assert_eq!(served.signed("new-secret", "d-10", "workflow_run", RUN).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn without_a_secret_no_webhook_is_taken() {
    let served = Served::new(&[]).await;
    assert_eq!(served.signed("", "d-1", "workflow_run", RUN).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(served.signed("any", "d-1", "ping", b"{}").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(served.get("/webhooks/github/health").await, (StatusCode::OK, json!({"status": "ok", "secrets_configured": 0})));
    assert!(served.store.deliveries(1).await.unwrap().is_empty());
}

#[tokio::test]
async fn too_large_bodies_are_refused_whether_announced_or_not() {
    const CAP: usize = 25 * 1024 * 1024;
    let served = Served::new(&["s"]).await;
    let head = format!("POST /webhook HTTP/1.1\r\nhost: x\r\nx-hub-signature-256: sha256={}\r\nconnection: close\r\n", "0".repeat(64));

    // Announced: refused before a byte of it is sent.
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(format!("{head}content-length: {}\r\n\r\n", CAP + 1).as_bytes()).await.unwrap();
    assert!(first_line(&mut stream).await.starts_with("HTTP/1.1 413"));

    // In chunks without an announcement: refused with the first byte beyond.
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n", CAP + 1).as_bytes()).await.unwrap();
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..25 {
        stream.write_all(&chunk).await.unwrap();
    }
    stream.write_all(b"x").await.unwrap();
    assert!(first_line(&mut stream).await.starts_with("HTTP/1.1 413"));

    // An act's body is bounded as well.
    let body = format!("{{\"reason\":\"{}\"}}", "x".repeat(20_000));
    assert_eq!(served.act("/pause", Some("ann-token"), &body).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

async fn first_line(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 1024];
    let count = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8_lossy(&bytes[..count]).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_flood_of_deliveries_meets_429() {
    let served = Served::new(&["s"]).await;
    let mut refused = 0;
    for _ in 0..3000 {
        let answer = served.client.post(served.at("/webhook")).send().await.unwrap();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.headers().contains_key("retry-after"));
            assert_eq!(read(answer).await.0, StatusCode::TOO_MANY_REQUESTS);
            refused += 1;
            break;
        }
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(refused, 1);
    // Only deliveries are held back.
    assert_eq!(served.get("/healthz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn hostile_text_never_reaches_a_page_raw() {
    let served = Served::new(&["s"]).await;
    let shown = open(&served.store, "x\"><script>alert(1)</script>", 'a').await;
    served.append(&shown, up_to_approval(tomorrow())).await;
    served.store.pause(None, HOSTILE, HOSTILE, At::moment()).await.unwrap();
    let mut pages = vec![served.page("/").await, served.page(&format!("/jobs/{shown}")).await];
    served.append(&shown, published()).await;
    pages.push(served.page("/jobs").await);
    pages.push(served.page(&format!("/jobs/{shown}")).await);
    served.append(&shown, vec![Event::Failed { reason: Reason::CiRed, detail: HOSTILE.into() }]).await;
    pages.push(served.page(&format!("/jobs/{shown}")).await);
    pages.push(served.page("/?state=%3Cscript%3E%22%27").await);
    pages.push(served.page("/?repo=%3Cscript%3E%22%27").await);
    pages.push(served.page("/jobs/%22%3E%3Cscript%3Ealert(1)").await);
    let statuses: Vec<u16> = pages.iter().map(|(status, _)| status.as_u16()).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 400, 400, 404]);
    let (tags, values) = (regex::Regex::new("<[^>]*>").unwrap(), regex::Regex::new("\"[^\"]*\"").unwrap());
    for (_, page) in &pages {
        for raw in ["<script", "<img", "javascript:", "href=\"data", "\u{202e}", "\u{1b}", "alert('x')"] {
            assert!(!page.contains(raw), "{raw:?} in {page}");
        }
        // What is left of a tag without its quoted values is ours alone: no handler, no style, no script.
        for tag in tags.find_iter(page) {
            let bare = values.replace_all(tag.as_str(), "\"\"");
            assert!(bare.chars().all(|c| c.is_ascii_alphanumeric() || "<>/!-=\" ".contains(c)), "{bare}");
            assert!(!bare.contains(" on") && !bare.contains(" style") && !bare.contains(" src"), "{bare}");
        }
    }
    // It is there, escaped; and the pull request without an address of the web is no link.
    assert!(pages[1].1.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
    assert!(pages[3].1.contains("#12") && pages[1].1.contains("regreen jobs approve"));
    // What still moves is asked for again, what has ended is not.
    assert!(pages[1].1.contains("http-equiv=\"refresh\"") && !pages[4].1.contains("http-equiv=\"refresh\""));
}

#[tokio::test]
async fn remediations_are_listed_and_shown_as_json() {
    let served = Served::new(&["s"]).await;
    let first = open(&served.store, "feature/a", 'a').await;
    let second = open(&served.store, "feature/b", 'b').await;
    served.append(&second, up_to_approval(tomorrow())).await;
    for (path, expected) in [
        ("/jobs", vec![&first, &second]),
        ("/api/jobs", vec![&first, &second]),
        ("/jobs?state=pending", vec![&first]),
        ("/jobs?state=awaiting_approval,feedback", vec![&second]),
        ("/jobs?state=active&repo=ACME/shop", vec![&first, &second]),
        ("/jobs?repo=7&limit=10", vec![&first, &second]),
        ("/jobs?state=ended", vec![]),
        ("/jobs?repo=acme/other", vec![]),
    ] {
        let (status, body) = served.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let ids: BTreeSet<&str> = body["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected.iter().map(|id| id.as_str()).collect(), "{path}");
        assert_eq!(body["count"], expected.len());
    }
    assert_eq!(served.get("/jobs?limit=1").await.1["jobs"].as_array().unwrap().len(), 1);
    for path in ["/jobs?state=nonsense", "/jobs?limit=0", "/jobs?limit=x", "/jobs?repo=%00"] {
        assert_eq!(served.get(path).await.0, StatusCode::BAD_REQUEST, "{path}");
    }

    let (_, body) = served.get(&format!("/jobs/{second}")).await;
    assert_eq!(
        (&body["state"], &body["repo"], &body["branch"], &body["risk_score"]),
        (&json!("awaiting_approval"), &json!("acme/shop"), &json!("feature/b"), &json!(4))
    );
    assert_eq!(body["checks_passed"].as_array().unwrap().len(), 5);
    let stored = served.store.events(&second).await.unwrap();
    let events = body["events"].as_array().unwrap();
    assert_eq!(events.len(), stored.len());
    for (event, stored) in events.iter().zip(&stored) {
        assert_eq!((event["hash"].as_str(), event["name"].as_str()), (Some(stored.hash.as_str()), Some(stored.event.name())));
    }
    assert_eq!(served.get(&format!("/api/jobs/{second}")).await.1, body);
    for path in ["/jobs/r-0000000000000000", "/jobs/nonsense", "/api/jobs/r-0000000000000000"] {
        assert_eq!(served.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn people_act_with_their_own_token_and_are_named() {
    let served = Served::new(&["s"]).await;
    let ids =
        [open(&served.store, "a", 'a').await, open(&served.store, "b", 'b').await, open(&served.store, "c", 'c').await, open(&served.store, "d", 'd').await];
    for id in &ids[..2] {
        served.append(id, up_to_approval(tomorrow())).await;
    }
    served.append(&ids[3], up_to_approval(At::moment())).await;

    // Nobody acts without a token, on any of the addresses.
    for act in ["retry", "cancel", "approve", "reject"] {
        for prefix in ["", "/api"] {
            let path = format!("{prefix}/jobs/{}/{act}", ids[0]);
            for token in [None, Some(""), Some("ann-toke"), Some("ann")] {
                assert_eq!(served.act(&path, token, "").await.0, StatusCode::UNAUTHORIZED, "{path} {token:?}");
            }
        }
    }
    for path in ["/circuits/reset", "/pause", "/resume", "/api/pause"] {
        assert_eq!(served.act(path, None, "{\"repo\":\"acme/shop\",\"reason\":\"r\"}").await.0, StatusCode::UNAUTHORIZED);
    }
    let answer = served.client.post(served.at("/pause")).header("authorization", "Basic YW5uOg==").send().await.unwrap();
    assert_eq!(answer.headers()["www-authenticate"], "Bearer realm=\"regreen\"");
    assert_eq!(read(answer).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(served.phase(&ids[0]).await.0, Phase::AwaitingApproval);

    // Yes, no, and what neither fits.
    let (status, body) = served.act(&format!("/jobs/{}/approve", ids[0]), Some("ann-token"), "").await;
    assert_eq!((status, &body["state"]), (StatusCode::OK, &json!("clearing")));
    assert_eq!(served.store.load(&ids[0]).await.unwrap().unwrap().approved_by.as_deref(), Some("ann"));
    let (status, _) = served.act(&format!("/api/jobs/{}/reject", ids[1]), Some("bob-token"), "{\"reason\":\"not like this\"}").await;
    assert_eq!(status, StatusCode::OK);
    let rejected = served.store.load(&ids[1]).await.unwrap().unwrap();
    assert_eq!((rejected.phase, rejected.reason, rejected.detail.as_str()), (Phase::Blocked, Some(Reason::Rejected), "rejected by bob: not like this"));
    for (id, act) in [(&ids[0], "approve"), (&ids[2], "approve"), (&ids[2], "reject"), (&ids[1], "cancel"), (&ids[2], "retry"), (&ids[3], "approve")] {
        assert_eq!(served.act(&format!("/jobs/{id}/{act}"), Some("ann-token"), "").await.0, StatusCode::CONFLICT, "{act}");
    }
    assert_eq!(served.phase(&ids[3]).await.0, Phase::AwaitingApproval, "the time for an answer was over");
    assert_eq!(served.act("/jobs/r-0000000000000000/cancel", Some("ann-token"), "").await.0, StatusCode::NOT_FOUND);

    // Cancelled, told to the channel, and tried again.
    let (status, _) = served.act(&format!("/jobs/{}/cancel", ids[2]), Some("bob-token"), "{\"reason\":\"enough\"}").await;
    assert_eq!(status, StatusCode::OK);
    let cancelled = served.store.load(&ids[2]).await.unwrap().unwrap();
    assert_eq!((cancelled.phase, cancelled.detail.as_str()), (Phase::Cancelled, "bob: enough"));
    let alerts = served.store.due_alerts(At::moment(), 10).await.unwrap();
    assert!(alerts.iter().any(|due| due.alert.remediation == ids[2] && due.alert.last));
    let (status, body) = served.act(&format!("/jobs/{}/retry", ids[2]), Some("ann-token"), "{}").await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let next = RemediationId::parse(body["id"].as_str().unwrap()).unwrap();
    assert_eq!(served.phase(&next).await.0, Phase::Pending);
    assert_ne!(next, ids[2]);
    assert!(served.store.verify().await.unwrap().faults.is_empty());
}

#[tokio::test]
async fn stops_and_resets_are_in_the_audit() {
    let served = Served::new(&["s"]).await;
    let id = open(&served.store, "a", 'a').await;
    served.append(&id, up_to_approval(tomorrow())).await;
    served.append(&id, published()).await;
    served.append(&id, vec![Event::Failed { reason: Reason::CiRed, detail: String::new() }]).await;
    let (_, body) = served.get("/api/circuits").await;
    assert_eq!((&body["circuits"][0]["repo"], &body["circuits"][0]["failure_count"]), (&json!("acme/shop"), &json!(1)));

    // A reason is asked for, and what is not understood is refused.
    for (path, body) in [
        ("/pause", "{}"),
        ("/pause", "{\"reason\":\"  \"}"),
        ("/pause", "{\"reason\":\"r\",\"repo\":\"no slash\"}"),
        ("/pause", "{\"reason\":\"r\",\"repos\":\"acme/shop\"}"),
        ("/resume", "nonsense"),
        ("/circuits/reset", "{\"repo\":\"acme/shop\"}"),
        ("/circuits/reset", "{\"repo\":\"acme/shop\",\"reason\":\"r\",\"signature\":\"X\"}"),
    ] {
        assert_eq!(served.act(path, Some("ann-token"), body).await.0, StatusCode::BAD_REQUEST, "{path} {body}");
    }
    assert_eq!(served.act("/circuits/reset", Some("ann-token"), "{\"repo\":\"acme/none\",\"reason\":\"r\"}").await.0, StatusCode::NOT_FOUND);

    let token = Some("ann-token");
    let act = async |path: &str, body: &str| {
        let (status, body) = served.act(path, token, body).await;
        assert_eq!(status, StatusCode::OK, "{path} {body}");
        body
    };
    let reset = act("/circuits/reset", "{\"repo\":\"https://github.com/ACME/shop.git\",\"signature\":\"deadbeefdeadbeef\",\"reason\":\"mended\"}").await;
    assert_eq!(reset, json!({"closed": 1}));
    assert_eq!(served.store.circuit(RepoId(7), &fingerprint()).await.unwrap().failure_count, 0);
    assert_eq!(act("/pause", "{\"repo\":\"acme/shop\",\"reason\":\"release day\"}").await, json!({"paused": true, "repo": "acme/shop"}));
    assert!(served.store.paused(&slug()).await.unwrap().is_some());
    assert_eq!(served.get("/api/pauses").await.1["pauses"][0]["by"], "ann");
    assert_eq!(act("/resume", "{\"repo\":\"acme/shop\",\"reason\":\"over\"}").await["resumed"], true);
    assert_eq!(act("/resume", "{\"repo\":\"acme/shop\",\"reason\":\"over\"}").await["resumed"], false);
    let acts: Vec<(String, String)> = served.store.audit_entries().await.unwrap().into_iter().map(|entry| (entry.by, entry.act)).collect();
    for expected in ["circuit_reset", "pause", "resume"] {
        assert!(acts.contains(&("ann".to_owned(), expected.to_owned())), "{acts:?}");
    }
}

#[tokio::test]
async fn readiness_names_what_is_missing() {
    let served = Served::new(&["s"]).await;
    assert_eq!(served.get("/healthz").await, (StatusCode::OK, json!({"status": "ok"})));
    let (status, body) = served.get("/readyz").await;
    assert_eq!((status, &body["checks"]["scheduler"]["ok"], &body["checks"]["database"]["ok"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(false), &json!(true)));

    // A poll that the store knows of counts, until it is too old.
    served.store.watch(RepoId(7), &slug(), &BranchName::parse("main").unwrap()).await.unwrap();
    served.store.polled(RepoId(7), None, None, At::moment() - chrono::Duration::seconds(30)).await.unwrap();
    let (status, body) = served.get("/readyz").await;
    assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("ready")));
    served.store.polled(RepoId(7), None, None, At::moment() - chrono::Duration::seconds(121)).await.unwrap();
    assert_eq!(served.get("/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    served.health.polled(At::moment());
    assert_eq!(served.get("/readyz").await.0, StatusCode::OK);
    served.health.forge(false);
    assert!(served.get("/readyz").await.1["detail"].as_str().unwrap().starts_with("forge: "));
    served.health.forge(true);
    assert_eq!(served.get("/readyz").await.0, StatusCode::OK);

    served.store.close().await.unwrap();
    let (status, body) = served.get("/readyz").await;
    assert_eq!((status, &body["checks"]["database"]["ok"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(false)));
    assert_eq!(served.get("/healthz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_prometheus_text_and_name_routes_by_template() {
    let served = Served::new(&["s"]).await;
    let id = open(&served.store, "a", 'a').await;
    served.get(&format!("/jobs/{id}")).await;
    served.get("/secret-path-of-nobody").await;
    served.client.request(Method::from_bytes(b"BREW").unwrap(), served.at("/jobs")).send().await.unwrap();
    let answer = served.client.get(served.at("/metrics")).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.unwrap();
    let sample = regex::Regex::new(r#"^[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? -?[0-9.e+-]+$"#).unwrap();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        assert!(sample.is_match(line), "{line}");
    }
    for line in [
        "regreen_http_requests_total{method=\"GET\",endpoint=\"/jobs/{id}\",status=\"200\"} 1",
        "regreen_http_requests_total{method=\"GET\",endpoint=\"unmatched\",status=\"404\"} 1",
        "regreen_http_requests_total{method=\"OTHER\",endpoint=\"/jobs\",status=\"405\"} 1",
        "regreen_queue_depth{state=\"pending\"} 1",
        "regreen_queue_depth{state=\"failed\"} 0",
        "regreen_circuits{state=\"open\"} 0",
        "# TYPE regreen_http_requests_total counter",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    assert!(text.contains("regreen_request_latency_seconds") && !text.contains("secret-path") && !text.contains(id.as_str()));
}

#[tokio::test]
async fn the_description_is_true_to_the_routes() {
    let served = Served::new(&["s"]).await;
    let (_, document) = served.get("/api/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    let described: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
    assert_eq!(described, web::templates().into_iter().collect(), "every route is described, and nothing else");
    for (path, operations) in paths {
        let address = path.replace("{id}", "r-0000000000000000");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let request = served.client.request(method.parse().unwrap(), served.at(&address)).body("x");
            let answer = request.send().await.unwrap();
            let (status, allow) = (answer.status().as_u16(), answer.headers().get("allow").cloned());
            match operations.get(method.to_lowercase()) {
                Some(operation) => assert!(operation["responses"].get(status.to_string()).is_some(), "{method} {path} gave {status}, which is not described"),
                None => {
                    assert_eq!(status, 405, "{method} {path} is not described");
                    assert!(allow.is_some_and(|allow| !allow.is_empty()));
                }
            }
        }
    }
    let names: Vec<&str> =
        paths.values().flat_map(|operations| operations.as_object().unwrap().values()).map(|operation| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "operation ids are unique");
    // Every reference leads somewhere.
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
    assert_eq!(served.get("/nowhere").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_modest_request_id_is_kept_and_the_stop_ends_the_server() {
    let served = Served::new(&["s"]).await;
    for (given, kept) in [("abc-1", true), ("<b>", false)] {
        let answer = served.client.get(served.at("/healthz")).header("x-request-id", given).send().await.unwrap();
        assert_eq!(answer.headers()["x-request-id"] == given, kept);
    }
    // A connection that stays open without a request does not hold it up.
    let _idle = TcpStream::connect(served.address).await.unwrap();
    served.stop.cancel();
    tokio::time::timeout(Duration::from_secs(20), served.ended).await.expect("it ends").unwrap().unwrap();
}
