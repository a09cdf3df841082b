//! Slack: a bot, an incoming webhook and silence, over HTTP on the loopback.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use chrono::{DateTime, Utc};
use regreen::adapters::clock::SystemClock;
use regreen::adapters::slack::{EVENT_TYPE, Slack, SlackSettings, SlackSettingsError};
use regreen::domain::ids::RemediationId;
use regreen::ports::alerts::{AlertError, AlertStyle, AlertText, Alerts as _, MessageRef};
use secrecy::SecretString;
use serde_json::{Value, json};

const TOKEN: &str = "xoxb-canary-token";
const HOOK: &str = "T000/B000/canary-hook";

/// A workspace with two channels: it keeps messages as Slack does, and pages as it does.
#[derive(Debug, Clone)]
struct Workspace {
    address: SocketAddr,
    state: Arc<Mutex<Inside>>,
}

/// Status, a header, body.
type Planned = (u16, Option<(&'static str, &'static str)>, String);

#[derive(Debug, Default)]
struct Inside {
    /// Messages of `C0000CIBOT`, the oldest first.
    messages: Vec<Value>,
    /// Method, query, body.
    seen: Vec<(String, String, Value)>,
    /// Answers that come before the usual ones.
    planned: VecDeque<Planned>,
    tokens: Vec<String>,
}

impl Workspace {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let workspace = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let router = Router::new().fallback(answer).with_state(workspace.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        workspace
    }

    fn bot(&self, channel: &str) -> Slack {
        let settings = SlackSettings {
            bot_token: Some(SecretString::from(TOKEN)),
            channel: Some(channel.into()),
            webhook_url: None,
            api_url: Some(format!("http://{}/api/", self.address).parse().unwrap()),
        };
        Slack::new(settings, Arc::new(SystemClock)).unwrap()
    }

    fn webhook(&self) -> Slack {
        let address = format!("http://{}/services/{HOOK}", self.address);
        Slack::new(SlackSettings { webhook_url: Some(SecretString::from(address)), ..SlackSettings::default() }, Arc::new(SystemClock)).unwrap()
    }

    fn plan(&self, status: u16, header: Option<(&'static str, &'static str)>, body: impl Into<String>) {
        self.state.lock().unwrap().planned.push_back((status, header, body.into()));
    }

    fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().seen.iter().map(|(method, _, _)| method.clone()).collect()
    }

    fn last(&self) -> (String, String, Value) {
        self.state.lock().unwrap().seen.last().cloned().unwrap()
    }
}

async fn answer(State(workspace): State<Workspace>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body: Value = serde_json::from_slice(&axum::body::to_bytes(body, 1 << 20).await.unwrap()).unwrap_or_default();
    let method = parts.uri.path().trim_start_matches("/api/").to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let mut inside = workspace.state.lock().unwrap();
    inside.seen.push((method.clone(), query.clone(), body.clone()));
    inside.tokens.push(parts.headers.get("authorization").map_or(String::new(), |token| token.to_str().unwrap().to_owned()));
    if let Some((status, header, body)) = inside.planned.pop_front() {
        let mut response = Response::builder().status(status);
        if let Some((name, value)) = header {
            response = response.header(name, value);
        }
        return response.body(body.into()).unwrap();
    }
    let given = |name: &str| query.split('&').find_map(|pair| Some(pair.strip_prefix(name)?.strip_prefix('=')?.to_owned()));
    let known = |channel: &str| channel == "C0000CIBOT";
    let answer = match method.as_str() {
        "auth.test" => json!({"ok": true, "user": "regreen", "team": "Team"}),
        "conversations.list" => match given("cursor").as_deref() {
            None => json!({"ok": true, "channels": [{"id": "C0000OTHER", "name": "other"}], "response_metadata": {"next_cursor": "page2"}}),
            _ => json!({"ok": true, "channels": [{"id": "C0000CIBOT", "name": "ci"}], "response_metadata": {"next_cursor": ""}}),
        },
        "chat.postMessage" if known(body["channel"].as_str().unwrap()) || body["channel"] == "ci" => {
            let ts = format!("{}.{:06}", Utc::now().timestamp(), inside.messages.len());
            let mut message = body.clone();
            message["ts"] = ts.as_str().into();
            inside.messages.push(message);
            json!({"ok": true, "channel": "C0000CIBOT", "ts": ts})
        }
        "chat.update" => match inside.messages.iter_mut().find(|message| message["ts"] == body["ts"]) {
            Some(message) => {
                *message = body.clone();
                json!({"ok": true, "channel": body["channel"], "ts": body["ts"]})
            }
            None => json!({"ok": false, "error": "message_not_found"}),
        },
        "conversations.history" if known(&given("channel").unwrap()) => {
            let oldest: f64 = given("oldest").unwrap().parse().unwrap();
            let size: usize = given("limit").unwrap().parse().unwrap();
            let from: usize = given("cursor").map_or(0, |cursor| cursor.parse().unwrap());
            let all: Vec<Value> =
                inside.messages.iter().rev().filter(|message| message["ts"].as_str().unwrap().parse::<f64>().unwrap() >= oldest).cloned().collect();
            let next = if from + size < all.len() { (from + size).to_string() } else { String::new() };
            let page: Vec<Value> = all.into_iter().skip(from).take(size).collect();
            json!({"ok": true, "messages": page, "response_metadata": {"next_cursor": next}})
        }
        _ if method.starts_with("/services/") => return Response::new("ok".into()),
        _ => json!({"ok": false, "error": "channel_not_found"}),
    };
    Response::builder().header("content-type", "application/json").body(answer.to_string().into()).unwrap()
}

fn alert(id: &str) -> AlertText {
    AlertText {
        remediation: RemediationId::parse(id).unwrap(),
        channel: None,
        fallback: "the branch is red".into(),
        blocks: json!([{"type": "brand_new_block", "anything": {"at": ["all"]}}]),
        last: false,
    }
}

const ONE: &str = "r-0000000000000001";
const TWO: &str = "r-0000000000000002";

fn long_ago() -> DateTime<Utc> {
    Utc::now() - chrono::Duration::hours(1)
}

#[tokio::test]
async fn a_bot_posts_finds_again_and_updates() {
    let workspace = Workspace::start().await;
    let bot = workspace.bot("#ci");
    assert_eq!(bot.style(), AlertStyle::Bot);
    assert_eq!(bot.find(&alert(ONE), long_ago()).await.unwrap(), None);
    let posted = bot.post(&alert(ONE)).await.unwrap().unwrap();
    let other = bot.post(&alert(TWO)).await.unwrap().unwrap();
    assert_eq!(posted.channel, "C0000CIBOT");
    let (_, _, body) = workspace.last();
    assert_eq!(body["metadata"], json!({"event_type": EVENT_TYPE, "event_payload": {"remediation": TWO}}));
    assert_eq!((&body["channel"], &body["blocks"]), (&json!("C0000CIBOT"), &alert(TWO).blocks), "block kit goes out as it is");
    // Another process, after a crash.
    let bot = workspace.bot("C0000CIBOT");
    assert_eq!(bot.find(&alert(ONE), long_ago()).await.unwrap(), Some(posted.clone()));
    assert_eq!(bot.find(&alert(TWO), long_ago()).await.unwrap(), Some(other));
    assert_eq!(bot.find(&alert(ONE), Utc::now() + chrono::Duration::hours(1)).await.unwrap(), None, "`since` bounds the search");
    bot.update(&posted, &AlertText { fallback: "the branch is green".into(), ..alert(ONE) }).await.unwrap();
    assert_eq!(workspace.state.lock().unwrap().messages[0]["text"], "the branch is green");
    assert_eq!(bot.find(&alert(ONE), long_ago()).await.unwrap(), Some(posted), "an updated message is still found");
    assert!(workspace.state.lock().unwrap().tokens.iter().all(|token| *token == format!("Bearer {TOKEN}")));
}

#[tokio::test]
async fn a_message_is_found_behind_many_others_and_strange_ones() {
    let workspace = Workspace::start().await;
    let bot = workspace.bot("C0000CIBOT");
    let posted = bot.post(&alert(ONE)).await.unwrap().unwrap();
    {
        let mut inside = workspace.state.lock().unwrap();
        let now = Utc::now().timestamp();
        for number in 0..450 {
            let strange = match number % 3 {
                0 => json!({"ts": format!("{now}.{number:06}"), "text": "chatter"}),
                1 => json!({"ts": format!("{now}.{number:06}"), "metadata": {"event_type": "other", "event_payload": {"remediation": ONE}}}),
                _ => json!({"ts": format!("{now}.{number:06}"), "channel": {"of": "another shape"}, "metadata": 7}),
            };
            inside.messages.push(strange);
        }
    }
    assert_eq!(bot.find(&alert(ONE), long_ago()).await.unwrap(), Some(posted));
    assert_eq!(workspace.calls().iter().filter(|call| *call == "conversations.history").count(), 3);
}

#[tokio::test]
async fn a_channels_name_is_looked_up_once() {
    let workspace = Workspace::start().await;
    let bot = workspace.bot("ci");
    for _ in 0..3 {
        bot.post(&alert(ONE)).await.unwrap();
    }
    let calls = workspace.calls();
    assert_eq!(calls, ["conversations.list", "conversations.list", "chat.postMessage", "chat.postMessage", "chat.postMessage"], "two pages, once");
    assert!(matches!(workspace.bot("nowhere").find(&alert(ONE), long_ago()).await, Err(AlertError::Refused { message }) if message.contains("SLACK_CHANNEL")));
    let elsewhere = AlertText { channel: Some("#nowhere".into()), ..alert(ONE) };
    assert!(
        matches!(bot.post(&elsewhere).await, Err(AlertError::Refused { message }) if message.contains("channel_not_found")),
        "the alert's own channel wins"
    );
}

#[tokio::test]
async fn a_bot_that_may_not_list_channels_posts_by_name() {
    let workspace = Workspace::start().await;
    let bot = workspace.bot("ci");
    for _ in 0..2 {
        workspace.plan(200, None, json!({"ok": false, "error": "missing_scope", "needed": "groups:read"}).to_string());
    }
    let posted = bot.post(&alert(ONE)).await.unwrap().unwrap();
    assert_eq!(posted.channel, "C0000CIBOT");
    assert_eq!(workspace.last().2["channel"], "ci");
    bot.find(&alert(ONE), long_ago()).await.unwrap().unwrap();
    assert_eq!(workspace.calls().last().unwrap(), "conversations.history", "the id is known from the post");
}

#[tokio::test]
async fn failures_have_their_class_and_nothing_is_repeated() {
    let code = |code: &str| json!({"ok": false, "error": code, "needed": "chat:write", "provided": "nothing"}).to_string();
    let cases: Vec<(u16, String, &str, &str)> = vec![
        (200, code("invalid_auth"), "refused", "SLACK_BOT_TOKEN"),
        (200, code("token_revoked"), "refused", "SLACK_BOT_TOKEN"),
        (200, code("channel_not_found"), "refused", "SLACK_CHANNEL"),
        (200, code("not_in_channel"), "refused", "invite the bot"),
        (200, code("missing_scope"), "refused", "`chat:write`"),
        (200, code("is_archived"), "refused", "archived"),
        (200, code("<script>canary"), "refused", "an error without a code"),
        (200, code("message_not_found"), "gone", ""),
        (200, code("cant_update_message"), "gone", ""),
        (200, code("ratelimited"), "rate limited", ""),
        (200, code("internal_error"), "transient", "internal_error"),
        (403, "<html>canary".into(), "refused", "status 403"),
        (302, String::new(), "refused", "status 302"),
        (500, "canary".into(), "transient", "status 500"),
        (503, "{}".into(), "transient", "status 503"),
        (200, "<html>canary".into(), "transient", "not JSON"),
        (200, "{\"ok\":".into(), "transient", "not JSON"),
        (200, " ".repeat(9 << 20), "transient", "longer than"),
    ];
    for (status, body, kind, piece) in cases {
        let workspace = Workspace::start().await;
        let bot = workspace.bot("C0000CIBOT");
        workspace.plan(status, None, body.clone());
        let error = bot.update(&MessageRef { channel: "C0000CIBOT".into(), ts: "1.2".into() }, &alert(ONE)).await.unwrap_err();
        let is = match error {
            AlertError::Refused { .. } => "refused",
            AlertError::RateLimited { .. } => "rate limited",
            AlertError::Transient { .. } => "transient",
            AlertError::MessageGone => "gone",
        };
        let text = format!("{error} {error:?}");
        assert_eq!(is, kind, "{status}: {error}");
        assert!(text.contains(piece) && !text.contains("canary"), "{status}: {text}");
        assert_eq!(workspace.calls().len(), 1, "{status}: {error}");
    }
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let workspace = Workspace::start().await;
    workspace.plan(429, Some(("retry-after", "90")), "");
    workspace.plan(429, None, "");
    let bot = workspace.bot("C0000CIBOT");
    for seconds in [90, 30] {
        let before = Utc::now();
        let Err(AlertError::RateLimited { retry_at }) = bot.post(&alert(ONE)).await else { panic!("not rate limited") };
        let wait = retry_at - before;
        assert!(wait >= chrono::Duration::seconds(seconds) && wait < chrono::Duration::seconds(seconds + 20), "{wait}");
    }
}

#[tokio::test]
async fn a_webhook_posts_once_and_at_the_end() {
    let workspace = Workspace::start().await;
    let hook = workspace.webhook();
    assert_eq!(hook.style(), AlertStyle::Webhook);
    let end = AlertText { last: true, ..alert(ONE) };
    assert_eq!(hook.post(&alert(ONE)).await.unwrap(), None);
    assert_eq!(hook.find(&end, long_ago()).await.unwrap(), None);
    hook.update(&MessageRef { channel: "C".into(), ts: "1".into() }, &end).await.unwrap();
    assert_eq!(workspace.calls().len(), 0, "nothing but the end is posted");
    assert_eq!(hook.post(&end).await.unwrap(), None);
    let (path, _, body) = workspace.last();
    assert_eq!((path, body), (format!("/services/{HOOK}"), json!({"text": end.fallback, "blocks": end.blocks})));
    assert_eq!(workspace.state.lock().unwrap().tokens, [""]);
    hook.check().await.unwrap();
    for (status, answer, refused, piece) in [
        (500, "x", false, "status 500"),
        (404, "no_service", true, "SLACK_WEBHOOK_URL"),
        (403, "<canary>", true, "status 403"),
        (410, "channel_is_archived", true, "archived"),
    ] {
        let before = workspace.calls().len();
        workspace.plan(status, None, answer);
        let error = hook.post(&end).await.unwrap_err();
        assert_eq!(matches!(error, AlertError::Refused { .. }), refused, "{error}");
        assert!(error.to_string().contains(piece) && !error.to_string().contains("canary"), "{error}");
        assert_eq!(workspace.calls().len(), before + 1, "at most once");
    }
}

#[tokio::test]
async fn a_dead_webhook_does_not_show_its_address() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/services/{HOOK}", listener.local_addr().unwrap());
    drop(listener);
    let settings = SlackSettings { webhook_url: Some(SecretString::from(address)), ..SlackSettings::default() };
    let hook = Slack::new(settings.clone(), Arc::new(SystemClock)).unwrap();
    let error = hook.post(&AlertText { last: true, ..alert(ONE) }).await.unwrap_err();
    let shown = format!("{error} {error:?} {hook:?} {settings:?}");
    assert!(matches!(error, AlertError::Transient { .. }) && !shown.contains("canary"), "{shown}");
}

/// A connection that is closed before it is answered may have carried the message: it is not sent again.
#[tokio::test]
async fn a_post_whose_answer_is_lost_is_not_repeated() {
    use tokio::io::AsyncReadExt as _;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/services/{HOOK}", listener.local_addr().unwrap());
    let connections = Arc::new(Mutex::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            *counted.lock().unwrap() += 1;
            let mut bytes = [0; 4096];
            let _ = stream.read(&mut bytes).await;
        }
    });
    let hook = Slack::new(SlackSettings { webhook_url: Some(SecretString::from(address)), ..SlackSettings::default() }, Arc::new(SystemClock)).unwrap();
    let end = AlertText { last: true, ..alert(ONE) };
    let error = tokio::time::timeout(Duration::from_secs(10), hook.post(&end)).await.unwrap().unwrap_err();
    assert!(matches!(error, AlertError::Transient { .. }), "{error}");
    assert_eq!(*connections.lock().unwrap(), 1);
}

#[tokio::test]
async fn silence_says_nothing_to_anybody() {
    let silent = Slack::new(SlackSettings { channel: Some("ci".into()), ..SlackSettings::default() }, Arc::new(SystemClock)).unwrap();
    assert_eq!(silent.style(), AlertStyle::Silent);
    assert_eq!(silent.post(&alert(ONE)).await.unwrap(), None);
    assert_eq!(silent.find(&alert(ONE), long_ago()).await.unwrap(), None);
    assert!(silent.check().await.unwrap().contains("logged only"));
}

#[tokio::test]
async fn a_check_says_who_we_are_and_what_is_missing() {
    let workspace = Workspace::start().await;
    let bot = workspace.bot("ci");
    assert_eq!(bot.check().await.unwrap(), "bot `regreen` in `Team`");
    let identity = json!({"ok": true, "user": "regreen", "team": "Team"}).to_string();
    workspace.plan(200, Some(("x-oauth-scopes", "chat:write,channels:read")), identity.clone());
    assert!(bot.check().await.unwrap().contains("channels:history"));
    workspace.plan(200, Some(("x-oauth-scopes", "channels:read")), identity);
    assert!(matches!(bot.check().await, Err(AlertError::Refused { message }) if message.contains("`chat:write`")));
    workspace.plan(200, None, json!({"ok": false, "error": "invalid_auth"}).to_string());
    assert!(matches!(bot.check().await, Err(AlertError::Refused { .. })));
}

#[tokio::test]
async fn settings_that_can_not_work_are_refused_without_showing_them() {
    let clock = || Arc::new(SystemClock);
    let hook = SlackSettings { webhook_url: Some(SecretString::from("canary, no address")), ..SlackSettings::default() };
    assert_eq!(Slack::new(hook, clock()).unwrap_err(), SlackSettingsError::Webhook);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let token = SlackSettings { bot_token: Some(SecretString::from(format!("{TOKEN}\n"))), ..SlackSettings::default() };
    assert!(!format!("{token:?}").contains("canary"));
    let error = Slack::new(token, clock()).unwrap_err();
    assert!(error.to_string().contains("SLACK_BOT_TOKEN") && !format!("{error:?}").contains("canary"), "{error}");
    let nowhere = SlackSettings { bot_token: Some(SecretString::from(TOKEN)), ..SlackSettings::default() };
    let nowhere = Slack::new(nowhere, clock()).unwrap();
    assert!(matches!(nowhere.post(&alert(ONE)).await, Err(AlertError::Refused { message }) if message.contains("SLACK_CHANNEL")));
    assert!(!format!("{nowhere:?}").contains("canary"));
}
