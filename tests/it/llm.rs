//! The model gateways: each over HTTP on the loopback, and commands as real processes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, Response};
use base64::Engine as _;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use regreen::adapters::clock::SystemClock;
use regreen::adapters::llm::{Models, Price, Retries, RouteKind, RouteSettings, RoutesError};
use regreen::ports::llm::{ANSWER_CAP, Llm as _, ModelAnswer, ModelError, ModelRequest, Role, Turn};
use secrecy::SecretString;
use serde_json::{Value, json};

const KEY: &str = "sk-canary-key-8f3a2b";
const PROMPT: &str = "please mend the canary sentence of this prompt";

/// 64 KiB of zeros as a piece of a deflate stream that can be repeated.
const ZEROS: &str = "7MEBAQAAAICQ/q/uCAoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABqAAAA//8=";

/// What the gateway answers.
#[derive(Debug, Clone)]
enum Answer {
    Json(u16, Value),
    Text(u16, &'static str, String),
    /// A status with one header.
    Header(u16, &'static str, String),
    /// None, ever.
    Silence,
    /// A good status and a body without an end.
    Endless,
    /// A body that breaks off.
    Cut,
    /// A small body that unpacks to 20 MB.
    Bomb,
}

#[derive(Debug, Clone)]
struct Seen {
    method: String,
    path: String,
    headers: http::HeaderMap,
    body: Value,
}

#[derive(Debug, Clone)]
struct Gateway {
    address: SocketAddr,
    answers: Arc<Vec<Answer>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    sent: Arc<AtomicUsize>,
}

impl Gateway {
    /// Answers in turn; the last answer stays.
    async fn start(answers: Vec<Answer>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = Self { address: listener.local_addr().unwrap(), answers: Arc::new(answers), seen: Arc::default(), sent: Arc::default() };
        let router = Router::new().fallback(answer).with_state(gateway.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        gateway
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(State(gateway): State<Gateway>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 24).await.unwrap();
    let number = {
        let mut seen = gateway.seen.lock().unwrap();
        seen.push(Seen {
            method: parts.method.to_string(),
            path: parts.uri.path_and_query().unwrap().to_string(),
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        });
        seen.len() - 1
    };
    let built = Response::builder();
    match gateway.answers[number.min(gateway.answers.len() - 1)].clone() {
        Answer::Json(status, body) => built.status(status).header("content-type", "application/json").body(body.to_string().into()).unwrap(),
        Answer::Text(status, kind, body) => built.status(status).header("content-type", kind).body(body.into()).unwrap(),
        Answer::Header(status, name, value) => built.status(status).header(name, value).body("{}".into()).unwrap(),
        Answer::Silence => std::future::pending().await,
        Answer::Endless => {
            let chunk = Bytes::from(vec![b' '; 64 * 1024]);
            let sent = gateway.sent.clone();
            let stream = futures::stream::repeat_with(move || {
                sent.fetch_add(chunk.len(), Ordering::Relaxed);
                Ok::<_, std::io::Error>(chunk.clone())
            });
            built.header("content-type", "application/json").body(Body::from_stream(stream)).unwrap()
        }
        Answer::Bomb => {
            let zeros = base64::engine::general_purpose::STANDARD.decode(ZEROS).unwrap();
            // The header of a gzip file (RFC 1952, 2.3); nobody gets as far as its end.
            let packed = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff], zeros.repeat(320).as_slice()].concat();
            built.header("content-type", "application/json").header("content-encoding", "gzip").body(packed.into()).unwrap()
        }
        Answer::Cut => {
            let chunks = [Ok(Bytes::from_static(b"{\"choices\":[")), Err(std::io::Error::other("cut"))];
            // The error has to come after the first piece is on its way.
            let stream = futures::stream::iter(chunks).then(|chunk| async {
                tokio::task::yield_now().await;
                chunk
            });
            built.header("content-type", "application/json").body(Body::from_stream(stream)).unwrap()
        }
    }
}

fn good() -> Value {
    json!({
        "id": "chatcmpl-1", "model": "model-1", "episode_id": "episode-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "the answer"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200},
    })
}

fn route(kind: RouteKind, base_url: &str) -> RouteSettings {
    RouteSettings {
        name: "main".into(),
        kind,
        base_url: Some(base_url.parse().unwrap()),
        model: "model-1".into(),
        key: Some(SecretString::from(KEY)),
        key_env: "THE_KEY".into(),
        timeout: Duration::from_secs(10),
        max_output_tokens: 4096,
        price: Price { input_per_mtok: 2.0, output_per_mtok: 10.0 },
        argv: Vec::new(),
    }
}

fn models(route: RouteSettings) -> Models {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let retries = Retries { times: 2, first: Duration::from_millis(1), longest: Duration::from_secs(2) };
    Models::new(vec![route], Arc::new(SystemClock)).unwrap().with_retries(retries)
}

fn request() -> ModelRequest {
    ModelRequest {
        route: "main".into(),
        system: "be brief".into(),
        turns: vec![
            Turn { role: Role::User, text: PROMPT.into() },
            Turn { role: Role::Assistant, text: "which".into() },
            Turn { role: Role::User, text: "that one".into() },
        ],
        max_output_tokens: 9999,
        tag: "r-0123456789abcdef".into(),
    }
}

/// Asks a gateway that answers so; with the number of requests that it saw.
async fn asked(answers: Vec<Answer>) -> (Result<ModelAnswer, ModelError>, usize) {
    let gateway = Gateway::start(answers).await;
    let models = models(route(RouteKind::OpenAi, &gateway.url("/v1")));
    let result = models.ask(&request()).await;
    (result, gateway.seen().len())
}

#[tokio::test]
async fn an_openai_compatible_gateway_is_asked_and_understood() {
    let gateway = Gateway::start(vec![Answer::Json(200, good())]).await;
    let models = models(RouteSettings { model: "vendor/model-high::x".into(), ..route(RouteKind::OpenAi, &gateway.url("")) });
    let answer = models.ask(&request()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.model.as_str()), ("the answer", "model-1"));
    assert_eq!((answer.response_id.as_deref(), answer.episode_id.as_deref()), (Some("chatcmpl-1"), Some("episode-1")));
    assert_eq!((answer.input_tokens, answer.output_tokens), (1000, 200));
    assert!((answer.cost_usd - 0.004).abs() < 1e-12, "{}", answer.cost_usd);
    let [seen] = gateway.seen().try_into().unwrap();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(seen.headers["authorization"], format!("Bearer {KEY}"));
    assert!(seen.headers["x-client-request-id"].to_str().unwrap().starts_with("r-0123456789abcdef-"));
    assert_eq!(
        seen.body,
        json!({
            "model": "vendor/model-high::x", "stream": false, "max_tokens": 4096,
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": PROMPT},
                {"role": "assistant", "content": "which"},
                {"role": "user", "content": "that one"},
            ],
        })
    );
}

#[tokio::test]
async fn a_key_is_optional_and_so_is_the_count_of_tokens() {
    let mut body = good();
    body.as_object_mut().unwrap().remove("usage");
    let gateway = Gateway::start(vec![Answer::Json(200, body)]).await;
    let models = models(RouteSettings { key: None, ..route(RouteKind::OpenAi, &gateway.url("/v1/")) });
    let answer = models.ask(&ModelRequest { max_output_tokens: 7, system: String::new(), ..request() }).await.unwrap();
    assert!(!gateway.seen()[0].headers.contains_key("authorization"));
    assert_eq!(gateway.seen()[0].body["max_tokens"], 7);
    assert_eq!(gateway.seen()[0].body["messages"].as_array().unwrap().len(), 3);
    assert_eq!((answer.input_tokens, answer.output_tokens), ((PROMPT.len() as u64 + 5 + 8).div_ceil(3), 4));
}

#[tokio::test]
async fn failures_have_their_class_and_only_the_passing_ones_are_repeated() {
    let error = |code: &str| json!({"error": {"message": format!("you sent {KEY} and {PROMPT}"), "code": code}});
    let choice = |finish: &str, message: Value| json!({"choices": [{"message": message, "finish_reason": finish}]});
    // The answer, the error's kind, a piece of its text, and the requests that it takes (three: it was repeated).
    let cases: Vec<(Answer, &str, &str, usize)> = vec![
        (Answer::Json(401, error("invalid_api_key")), "unauthorized", "check THE_KEY", 1),
        (Answer::Json(403, error("forbidden")), "unauthorized", "check THE_KEY", 1),
        (Answer::Json(400, error("context_length_exceeded")), "refused", "status 400, context_length_exceeded", 1),
        (Answer::Json(404, json!({"error": {"message": "no such model"}})), "refused", "no such model; check base_url and model", 1),
        (Answer::Json(422, json!({"detail": "unprocessable"})), "refused", "unprocessable", 1),
        (Answer::Json(429, error("insufficient_quota")), "refused", "no credit", 1),
        (Answer::Json(429, error("slow_down")), "rate limited", "", 3),
        (Answer::Json(500, error("server_error")), "transient", "status 500, server_error", 3),
        (Answer::Json(503, json!({})), "transient", "status 503", 3),
        (Answer::Json(529, json!({})), "transient", "status 529", 3),
        (Answer::Json(501, json!({})), "refused", "status 501", 1),
        (Answer::Text(502, "text/html", format!("<html>{KEY} {PROMPT}</html>")), "transient", "a web page came", 3),
        (Answer::Header(307, "location", "/elsewhere".into()), "refused", "redirect", 1),
        (Answer::Text(200, "text/html", format!("<!doctype html>{KEY} {PROMPT}")), "unusable", "a web page came", 1),
        (Answer::Text(200, "application/json", format!("{{\"choices\": {PROMPT}")), "unusable", "not the JSON", 1),
        (Answer::Json(200, json!({"answer": PROMPT})), "unusable", "not the JSON", 1),
        (Answer::Json(200, json!({"error": {"code": 429, "message": "slow"}})), "rate limited", "", 3),
        (Answer::Json(200, json!({"error": {"message": PROMPT}})), "unusable", "status 200", 1),
        (Answer::Json(200, choice("stop", json!({"content": ""}))), "unusable", "it is empty", 1),
        (Answer::Json(200, choice("stop", json!({"content": " \n"}))), "unusable", "it is empty", 1),
        (Answer::Json(200, choice("length", json!({"content": "half"}))), "unusable", "raise max_output_tokens", 1),
        (Answer::Json(200, choice("stop", json!({"content": null, "refusal": PROMPT}))), "declined", "declined", 1),
        (Answer::Json(200, choice("content_filter", json!({"content": "x"}))), "declined", "declined", 1),
        (Answer::Json(200, choice("tool_calls", json!({"content": null, "tool_calls": [{}]}))), "unusable", "a tool", 1),
        (Answer::Cut, "transient", "the answer broke off", 3),
    ];
    for (answer, kind, piece, requests) in cases {
        let (result, seen) = asked(vec![answer.clone()]).await;
        let error = result.unwrap_err();
        let is = match &error {
            ModelError::Unauthorized { .. } => "unauthorized",
            ModelError::RateLimited { .. } => "rate limited",
            ModelError::Transient { .. } => "transient",
            ModelError::Refused { .. } => "refused",
            ModelError::Unusable { .. } => "unusable",
            ModelError::Declined { .. } => "declined",
            ModelError::Unknown { .. } => "unknown",
        };
        if let ModelError::Unusable { cost, .. } | ModelError::Declined { cost, .. } = &error {
            assert!(cost.input_tokens > 0, "it was paid for: {error:?}");
        }
        let text = format!("{error} {error:?}");
        assert_eq!((is, seen), (kind, requests), "{answer:?}: {error}");
        assert!(text.contains(piece), "{answer:?}: {error}");
        assert!(!text.contains(KEY) && !text.contains("canary") && text.len() < 700, "{answer:?}: {text}");
    }
}

#[tokio::test]
async fn what_passes_is_repeated_until_it_has_passed() {
    let (result, requests) = asked(vec![Answer::Json(503, json!({})), Answer::Json(429, json!({})), Answer::Json(200, good())]).await;
    assert_eq!((result.unwrap().text.as_str(), requests), ("the answer", 3));
}

#[tokio::test]
async fn a_short_retry_after_is_waited_for_and_a_long_one_is_handed_on() {
    let started = Instant::now();
    let (result, requests) = asked(vec![Answer::Header(429, "retry-after-ms", "300".into()), Answer::Json(200, good())]).await;
    assert_eq!((result.is_ok(), requests), (true, 2));
    assert!(started.elapsed() >= Duration::from_millis(300));

    let before = Utc::now();
    let (result, requests) = asked(vec![Answer::Header(429, "retry-after", "120".into())]).await;
    let Err(ModelError::RateLimited { retry_at: Some(at), .. }) = result else { panic!("{result:?}") };
    assert_eq!(requests, 1);
    let expected: DateTime<Utc> = before + chrono::Duration::seconds(120);
    assert!(at >= expected && at < expected + chrono::Duration::seconds(30), "{at}");
}

#[tokio::test]
async fn the_timeout_bounds_it_all() {
    let gateway = Gateway::start(vec![Answer::Silence]).await;
    let models = models(RouteSettings { timeout: Duration::from_millis(200), ..route(RouteKind::OpenAi, &gateway.url("")) });
    let started = Instant::now();
    let error = models.ask(&request()).await.unwrap_err();
    assert!(matches!(&error, ModelError::Transient { message, .. } if message.contains("no answer within 0.2 s")), "{error}");
    assert!(started.elapsed() < Duration::from_secs(25));
    assert_eq!(gateway.seen().len(), 1);
}

#[tokio::test]
async fn nobody_at_home_is_transient_and_does_not_show_the_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = models(route(RouteKind::OpenAi, &format!("http://user:canary@{address}"))).ask(&request()).await.unwrap_err();
    assert!(matches!(&error, ModelError::Transient { message, .. } if message.contains("no connection")), "{error}");
    assert!(error.is_transient() && !format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn an_answer_is_bounded_while_it_is_read() {
    let mut long = good();
    long["choices"][0]["message"]["content"] = "x".repeat(10 << 20).into();
    let (result, requests) = asked(vec![Answer::Json(200, long)]).await;
    assert!(matches!(&result, Err(ModelError::Unusable { message, .. }) if message.contains("too long")), "{result:?}");
    assert_eq!(requests, 1);

    let gateway = Gateway::start(vec![Answer::Endless]).await;
    let error = models(route(RouteKind::OpenAi, &gateway.url(""))).ask(&request()).await.unwrap_err();
    assert!(matches!(&error, ModelError::Unusable { message, .. } if message.contains("too long")), "{error}");
    // Beyond the cap there is only what the sockets hold.
    assert!(gateway.sent.load(Ordering::Relaxed) < ANSWER_CAP + (16 << 20));

    let (result, _) = asked(vec![Answer::Bomb]).await;
    assert!(matches!(&result, Err(ModelError::Unusable { message, .. }) if message.contains("too long")), "{result:?}");

    let mut just = good();
    just["choices"][0]["message"]["content"] = "x".repeat(ANSWER_CAP - 1000).into();
    let (result, _) = asked(vec![Answer::Json(200, just)]).await;
    assert_eq!(result.unwrap().text.len(), ANSWER_CAP - 1000);
}

#[tokio::test]
async fn a_gateway_that_knows_the_limit_by_its_other_name_gets_that() {
    let unsupported = json!({"error": {"message": "unsupported", "param": "max_tokens", "code": "unsupported_parameter"}});
    let gateway = Gateway::start(vec![Answer::Json(400, unsupported), Answer::Json(200, good())]).await;
    let models = models(route(RouteKind::OpenAi, &gateway.url("")));
    models.ask(&request()).await.unwrap();
    models.ask(&request()).await.unwrap();
    let names: Vec<bool> = gateway.seen().iter().map(|seen| seen.body["max_completion_tokens"] == 4096 && seen.body["max_tokens"].is_null()).collect();
    assert_eq!(names, [false, true, true], "it is remembered");
}

#[tokio::test]
async fn tensorzero_is_asked_under_its_own_path_and_takes_feedback() {
    let answers = vec![
        Answer::Json(200, good()),
        Answer::Json(200, json!({"feedback_id": "f"})),
        Answer::Json(404, json!({"error": "no metric"})),
        Answer::Json(200, json!({})),
    ];
    let gateway = Gateway::start(answers).await;
    let models = models(RouteSettings { model: "tensorzero::function_name::fix-high".into(), ..route(RouteKind::TensorZero, &gateway.url("/openai/v1")) });
    let answer = models.ask(&request()).await.unwrap();
    assert_eq!((answer.response_id.as_deref(), answer.episode_id.as_deref()), (Some("chatcmpl-1"), Some("episode-1")));
    models.feedback("main", "chatcmpl-1", "fix_merged", true).await.unwrap();
    let error = models.feedback("main", "chatcmpl-1", "unknown", false).await.unwrap_err();
    assert!(matches!(error, ModelError::Refused { .. }), "{error}");
    models.check("main").await.unwrap();
    let seen = gateway.seen();
    assert_eq!(seen[0].path, "/openai/v1/chat/completions");
    assert_eq!(seen[0].body["model"], "tensorzero::function_name::fix-high");
    assert_eq!(seen[0].body["tensorzero::tags"], json!({"regreen_remediation": "r-0123456789abcdef"}));
    assert_eq!((seen[1].path.as_str(), &seen[1].body), ("/feedback", &json!({"metric_name": "fix_merged", "inference_id": "chatcmpl-1", "value": true})));
    assert_eq!((seen[3].method.as_str(), seen[3].path.as_str()), ("GET", "/status"));
}

#[tokio::test]
async fn anthropic_is_asked_and_understood() {
    let body = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-1", "content": [{"type": "text", "text": "the answer"}],
        "stop_reason": "end_turn", "usage": {"input_tokens": 11, "output_tokens": 7},
    });
    let gateway = Gateway::start(vec![Answer::Json(529, json!({"type": "error", "error": {"type": "overloaded_error"}})), Answer::Json(200, body)]).await;
    let answer = models(route(RouteKind::Anthropic, &gateway.url(""))).ask(&request()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.model.as_str(), answer.input_tokens, answer.output_tokens), ("the answer", "claude-1", 11, 7));
    let seen = &gateway.seen()[1];
    assert_eq!((seen.path.as_str(), seen.headers["x-api-key"].to_str().unwrap()), ("/v1/messages", KEY));
    assert_eq!(seen.headers["anthropic-version"], "2023-06-01");
    assert_eq!((&seen.body["system"], &seen.body["max_tokens"], &seen.body["messages"][1]["role"]), (&json!("be brief"), &json!(4096), &json!("assistant")));
}

#[tokio::test]
async fn gemini_is_asked_and_understood() {
    let body = json!({
        "candidates": [{"content": {"role": "model", "parts": [{"text": "the answer"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 7}, "modelVersion": "gemini-1", "responseId": "g1",
    });
    let bad_key = json!({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}});
    let gateway = Gateway::start(vec![Answer::Json(200, body), Answer::Json(400, bad_key)]).await;
    let models = models(route(RouteKind::Gemini, &gateway.url("")));
    let answer = models.ask(&request()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.model.as_str(), answer.input_tokens, answer.output_tokens), ("the answer", "gemini-1", 11, 7));
    let seen = &gateway.seen()[0];
    assert_eq!((seen.path.as_str(), seen.headers["x-goog-api-key"].to_str().unwrap()), ("/v1beta/models/model-1:generateContent", KEY));
    assert_eq!((&seen.body["contents"][1]["role"], &seen.body["generationConfig"]["maxOutputTokens"]), (&json!("model"), &json!(4096)));
    assert!(matches!(models.ask(&request()).await, Err(ModelError::Unauthorized { .. })));
}

#[tokio::test]
async fn a_sign_of_life() {
    for (status, alive) in [(200, true), (404, true), (405, true), (401, false), (500, false)] {
        let gateway = Gateway::start(vec![Answer::Json(status, json!({}))]).await;
        let result = models(route(RouteKind::OpenAi, &gateway.url(""))).check("main").await;
        assert_eq!(result.is_ok(), alive, "{status}: {result:?}");
        let seen = gateway.seen();
        assert_eq!((seen.len(), seen[0].method.as_str(), seen[0].path.as_str()), (1, "GET", "/v1/models"));
    }
}

#[tokio::test]
async fn routes_are_known_by_their_names() {
    let gateway = Gateway::start(vec![Answer::Json(200, good())]).await;
    let one = models(route(RouteKind::OpenAi, &gateway.url("")));
    assert_eq!(one.routes(), ["main"]);
    assert!(matches!(one.ask(&ModelRequest { route: "other".into(), ..request() }).await, Err(ModelError::Unknown { .. })));
    assert!(matches!(one.check("other").await, Err(ModelError::Unknown { .. })));
    assert!(matches!(one.ask(&ModelRequest { turns: vec![], ..request() }).await, Err(ModelError::Refused { .. })));
    assert!(one.feedback("main", "x", "y", true).await.is_ok());
    assert_eq!(gateway.seen().len(), 0, "none of this needs the gateway");
    let twice = vec![route(RouteKind::OpenAi, "http://h"), route(RouteKind::OpenAi, "http://h")];
    assert_eq!(Models::new(twice, Arc::new(SystemClock)).unwrap_err(), RoutesError::Twice { route: "main".into() });
    let broken = RouteSettings { key: Some(SecretString::from(format!("{KEY}\n"))), ..route(RouteKind::OpenAi, "http://h") };
    let error = Models::new(vec![broken], Arc::new(SystemClock)).unwrap_err();
    assert!(error.to_string().contains("THE_KEY") && !format!("{error:?}").contains(KEY), "{error}");
}

#[tokio::test]
async fn secrets_are_not_shown() {
    let secret = RouteSettings { argv: vec!["agent".into(), KEY.into()], ..route(RouteKind::OpenAi, &format!("http://user:{KEY}@h/v1?key={KEY}")) };
    let shown = format!("{secret:?} {:?}", models(secret.clone()));
    assert!(!shown.contains(KEY) && shown.contains("THE_KEY"), "{shown}");
}

#[tokio::test]
async fn requests_tokens_and_dollars_are_counted() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let (result, _) = asked(vec![Answer::Json(503, json!({})), Answer::Json(200, good())]).await;
    result.unwrap();
    let mut cut = good();
    cut["choices"][0]["finish_reason"] = "length".into();
    asked(vec![Answer::Json(200, cut)]).await.0.unwrap_err();
    let text = handle.render();
    for line in [
        r#"regreen_llm_requests_total{route="main",status="transient"} 1"#,
        r#"regreen_llm_requests_total{route="main",status="ok"} 2"#,
        r#"regreen_llm_tokens_total{route="main",kind="input"} 2000"#,
        r#"regreen_llm_tokens_total{route="main",kind="output"} 400"#,
        r#"regreen_llm_cost_usd_total{route="main"} 0.008"#,
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

fn command(script: &str) -> RouteSettings {
    let argv = vec!["/bin/sh".into(), "-c".into(), script.into()];
    RouteSettings { argv, base_url: None, ..route(RouteKind::Command, "http://unused") }
}

#[tokio::test]
async fn a_command_reads_the_prompt_and_prints_the_answer() {
    let answer = models(command("cat; env | sort; pwd")).ask(&request()).await.unwrap();
    let (prompt, environment) = answer.text.split_at(answer.text.find("HOME=").unwrap());
    assert_eq!(prompt, format!("be brief\n\n## Request\n\n{PROMPT}\n\n## Your earlier answer\n\nwhich\n\n## Request\n\nthat one\n\n"));
    let names: Vec<&str> =
        environment.lines().filter_map(|line| Some(line.split_once('=')?.0)).filter(|name| !matches!(*name, "_" | "PWD" | "SHLVL" | "OLDPWD")).collect();
    assert_eq!(names, ["HOME", "LANG", "PATH", "THE_KEY", "TMPDIR"], "nothing is inherited");
    let home = environment.lines().find_map(|line| line.strip_prefix("HOME=")).unwrap();
    assert_eq!(environment.lines().last(), Some(home));
    assert!(!std::path::Path::new(home).exists(), "its folder is gone");
    assert!(answer.input_tokens > 10 && answer.output_tokens > 10);
}

#[tokio::test]
async fn commands_fail_in_their_ways() {
    let long = format!("head -c {} /dev/zero", 10 << 20);
    let echo = format!("echo {KEY} >&2; exit 3");
    for (script, kind, piece) in [
        (long.as_str(), "unusable", "too long"),
        ("yes", "unusable", "too long"),
        ("printf '\\377\\376'", "unusable", "not UTF-8"),
        ("true", "unusable", "it is empty"),
        ("echo broken >&2; exit 3", "unusable", "exit code 3: broken"),
        (echo.as_str(), "unusable", "exit code 3"),
        ("cat >&2; exit 3", "unusable", "exit code 3"),
        ("kill -9 $$", "unusable", "signal 9"),
    ] {
        let error = models(command(script)).ask(&request()).await.unwrap_err();
        assert_eq!(if matches!(error, ModelError::Unusable { .. }) { "unusable" } else { "other" }, kind, "{script}: {error}");
        assert!(error.to_string().contains(piece), "{script}: {error}");
        assert!(!error.to_string().contains("canary"), "{script}: {error}");
    }
    let missing = RouteSettings { argv: vec!["/nowhere/agent".into()], ..command("") };
    let missing = models(missing);
    assert!(matches!(missing.ask(&request()).await, Err(ModelError::Refused { .. })));
    assert!(matches!(missing.check("main").await, Err(ModelError::Refused { .. })));
    assert!(models(command("true")).check("main").await.is_ok());
}

/// Waits until no process has `mark` in its arguments.
async fn gone(mark: &str) {
    let alive = || {
        std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let state = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let zombie = state.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'));
            !zombie && std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(mark))
        })
    };
    let until = Instant::now() + Duration::from_secs(10);
    while alive() {
        assert!(Instant::now() < until, "a process is left: {mark}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_command_ends_with_all_that_it_started() {
    // Told apart from those of another run of this test.
    let own = std::process::id();
    // A child that keeps the output open: only the timeout ends the request.
    let slow = RouteSettings { timeout: Duration::from_millis(300), ..command(&format!("sleep 471.{own} & sleep 471.{own}")) };
    let error = models(slow).ask(&request()).await.unwrap_err();
    assert!(matches!(error, ModelError::Transient { .. }), "{error}");
    gone(&format!("471.{own}")).await;
    // A child that outlives the command, with its output closed.
    let answer = models(command(&format!("sleep 472.{own} >/dev/null 2>&1 & echo done"))).ask(&request()).await.unwrap();
    assert_eq!(answer.text, "done\n");
    gone(&format!("472.{own}")).await;
    // The caller gives up.
    let models = models(command(&format!("sleep 473.{own}")));
    assert!(tokio::time::timeout(Duration::from_millis(300), models.ask(&request())).await.is_err());
    gone(&format!("473.{own}")).await;
}
