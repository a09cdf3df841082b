//! GitHub's deliveries: checked, made durable, and only then accepted.
//!
//! What a delivery says is never trusted beyond the name of a run: the flow asks the forge again. Cheap refusals come first, and
//! nothing of a body is parsed before its signature holds.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;
use tokio::sync::Semaphore;

use super::App;
use super::problem::Problem;
use crate::domain::render::escape;
use crate::ports::store::Delivery;

/// GitHub sends nothing larger (docs.github.com, "Webhook payload object"): 25 MB.
const BODY_CAP: usize = 25 * 1024 * 1024;

/// All bodies that are being read take at most so much memory together: unsigned bodies are read too, up to their end.
const MEMORY: usize = 64 * 1024 * 1024;

/// So many deliveries may come at once.
const BURST: f64 = 120.0;

/// And so many a second in the long run.
const RATE: f64 = 20.0;

/// Longer ids and event names are not GitHub's.
const NAME_CAP: usize = 128;

/// What all deliveries share.
pub struct Intake {
    bucket: Mutex<Bucket>,
    memory: Arc<Semaphore>,
}

impl Default for Intake {
    fn default() -> Self {
        Self { bucket: Mutex::new(Bucket { tokens: BURST, filled: Instant::now() }), memory: Arc::new(Semaphore::new(MEMORY)) }
    }
}

/// A token bucket. One for all callers: behind a proxy they share an address, and what is refused is found by the poll.
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + since * RATE).min(BURST);
        self.filled = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

/// What became of a delivery, for the answer and the metric.
enum Outcome {
    Pong,
    Ignored,
    Duplicate,
    Accepted,
}

/// `POST /webhook`, `/webhook/`, `/webhooks/github/`.
pub async fn receive(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (label, response) = match take(&app, &parts.headers, body).await {
        Ok((outcome, id)) => {
            let (status, label) = match outcome {
                Outcome::Pong => (StatusCode::OK, "pong"),
                Outcome::Ignored => (StatusCode::OK, "ignored"),
                Outcome::Duplicate => (StatusCode::OK, "duplicate"),
                Outcome::Accepted => (StatusCode::ACCEPTED, "accepted"),
            };
            (label, (status, Json(json!({"status": label, "delivery": id}))).into_response())
        }
        Err(problem) => {
            let label = if problem.status().is_server_error() { "failed" } else { "refused" };
            tracing::info!(status = problem.status().as_u16(), why = problem.detail(), "a webhook was not accepted");
            (label, problem.into_response())
        }
    };
    metrics::counter!("regreen_webhooks_total", "outcome" => label).increment(1);
    response
}

async fn take(app: &App, headers: &HeaderMap, body: Body) -> Result<(Outcome, String), Problem> {
    let secrets = &app.web.webhook_secrets;
    if secrets.is_empty() {
        tracing::warn!("a webhook came, and GITHUB_WEBHOOK_SECRET is not set: nothing can be told from it, so it is refused");
        return Err(Problem::unauthorized("webhooks are not accepted here: no secret is configured"));
    }
    if !app.intake.bucket.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now()) {
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many deliveries; the poll finds what is left out").retry_after(5));
    }
    let signature = signature(headers)?;
    let body = read(headers, body, &app.intake.memory).await?;
    if !signed(secrets, &body.bytes, &signature) {
        return Err(Problem::unauthorized(
            "the signature in `x-hub-signature-256` does not fit the body; compare GITHUB_WEBHOOK_SECRET with the webhook's secret",
        ));
    }
    let id = name(headers, "x-github-delivery")?;
    let event = name(headers, "x-github-event")?;
    let payload = payload(headers, &body.bytes)?;
    let action = action(&payload)?;
    let wanted = match (event.as_str(), action.as_deref()) {
        ("ping", _) => return Ok((Outcome::Pong, id)),
        ("workflow_run", Some("completed")) => true,
        _ => false,
    };
    if !wanted {
        return Ok((Outcome::Ignored, id));
    }
    let engine = &app.web.engine;
    let delivery = Delivery { id: id.clone(), event, payload: kept(&payload)?, at: engine.clock.now() };
    if !engine.store.deliver(&delivery).await? {
        return Ok((Outcome::Duplicate, id));
    }
    engine.wake.notify_waiters();
    Ok((Outcome::Accepted, id))
}

/// The signature, as 32 bytes.
fn signature(headers: &HeaderMap) -> Result<[u8; 32], Problem> {
    let value = headers.get("x-hub-signature-256").ok_or_else(|| Problem::unauthorized("the header `x-hub-signature-256` is missing"))?;
    let malformed = || Problem::unauthorized("`x-hub-signature-256` is not `sha256=` and 64 hexadecimal digits");
    let digits = value.to_str().ok().and_then(|text| text.strip_prefix("sha256=")).ok_or_else(malformed)?;
    if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(malformed());
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| malformed())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| malformed())?;
    }
    Ok(bytes)
}

/// Whether any of the secrets made this signature. Each is compared in constant time, and all are, whichever fits.
fn signed(secrets: &[SecretString], body: &[u8], signature: &[u8; 32]) -> bool {
    secrets.iter().fold(false, |fits, secret| {
        // A key of any length makes an HMAC; an empty one is nobody's secret.
        let key = secret.expose_secret().as_bytes();
        let holds = !key.is_empty()
            && Hmac::<Sha256>::new_from_slice(key).is_ok_and(|mut mac| {
                mac.update(body);
                mac.verify_slice(signature).is_ok()
            });
        holds | fits
    })
}

/// A body, and its share of the memory.
struct Read<'a> {
    bytes: Vec<u8>,
    share: Option<tokio::sync::SemaphorePermit<'a>>,
}

/// Reads a body up to the cap. Memory is taken as bytes come, so that a large announcement alone keeps nobody out.
async fn read<'a>(headers: &HeaderMap, mut body: Body, memory: &'a Semaphore) -> Result<Read<'a>, Problem> {
    let too_large = || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a delivery has at most {} MiB", BODY_CAP / 1024 / 1024));
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_CAP as u64) {
        return Err(too_large());
    }
    let mut read = Read { bytes: Vec::new(), share: None };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::bad_request("the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if read.bytes.len() + data.len() > BODY_CAP {
            return Err(too_large());
        }
        let busy = || Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many large deliveries at once; the poll finds what is left out").retry_after(5);
        let share = u32::try_from(data.len()).ok().and_then(|length| memory.try_acquire_many(length).ok()).ok_or_else(busy)?;
        match &mut read.share {
            Some(held) => held.merge(share),
            none => *none = Some(share),
        }
        read.bytes.extend_from_slice(&data);
    }
    Ok(read)
}

/// A required header of modest length, in visible ASCII.
fn name(headers: &HeaderMap, header: &'static str) -> Result<String, Problem> {
    let text = headers.get(header).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if (1..=NAME_CAP).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(Problem::bad_request(format!("the header `{header}` is missing, or is not 1 to {NAME_CAP} visible characters")))
}

/// The JSON of a body: the body itself, or its field `payload` where the webhook's content type is a form.
fn payload<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Cow<'a, str>, Problem> {
    let form = headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if form {
        return url::form_urlencoded::parse(body)
            .find(|(field, _)| field == "payload")
            .map(|(_, value)| value)
            .ok_or_else(|| Problem::bad_request("the form has no field `payload`"));
    }
    std::str::from_utf8(body).map(Cow::Borrowed).map_err(|_| Problem::bad_request("the body is not UTF-8"))
}

/// The part of a `workflow_run` payload that is stored: which run of which repository. All else in it is asked of the forge again, and what people
/// wrote (messages of commits, names) is not kept.
fn kept(payload: &str) -> Result<String, Problem> {
    #[derive(Deserialize, Serialize)]
    struct Kept {
        action: Option<String>,
        workflow_run: Option<Run>,
        repository: Option<Repository>,
    }
    #[derive(Deserialize, Serialize)]
    struct Run {
        id: u64,
    }
    #[derive(Deserialize, Serialize)]
    struct Repository {
        full_name: String,
    }
    let wrong = |error: serde_json::Error| Problem::bad_request(format!("the payload is no workflow run: {}", escape::line(&error.to_string(), 160)));
    let kept: Kept = serde_json::from_str(payload).map_err(wrong)?;
    serde_json::to_string(&kept).map_err(wrong)
}

/// The payload's `action`; the payload must be a JSON object.
fn action(payload: &str) -> Result<Option<String>, Problem> {
    #[derive(Deserialize)]
    struct Acted {
        #[serde(default)]
        action: serde_json::Value,
    }
    // A struct would be read from an array as well.
    if !payload.trim_ascii_start().starts_with('{') {
        return Err(Problem::bad_request("the payload is not a JSON object"));
    }
    match serde_json::from_str::<Acted>(payload) {
        Ok(read) => Ok(read.action.as_str().map(str::to_owned)),
        Err(error) => Err(Problem::bad_request(format!("the payload is not JSON: {}", escape::line(&error.to_string(), 160)))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_bucket_empties_and_fills() {
        let start = Instant::now();
        let mut bucket = Bucket { tokens: BURST, filled: start };
        let taken = (0..1000).filter(|_| bucket.take(start)).count();
        assert_eq!(taken, 120);
        assert!(!bucket.take(start + Duration::from_millis(20)));
        assert!(bucket.take(start + Duration::from_millis(100)));
        // A long rest fills it to the burst and not beyond.
        let rested = start + Duration::from_secs(3600);
        assert_eq!((0..1000).filter(|_| bucket.take(rested)).count(), 120);
    }

    #[test]
    fn signatures_of_any_secret_hold_and_an_empty_secret_never() {
        // The example of GitHub's documentation, "Testing the webhook payload validation".
        let body = b"Hello, World!";
        let digits = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let mut headers = HeaderMap::new();
        headers.insert("x-hub-signature-256", format!("sha256={digits}").parse().unwrap());
        let given = signature(&headers).unwrap();
        let secret = SecretString::from("It's a Secret to Everybody");
        let other = SecretString::from("another");
        for (secrets, holds) in [
            (vec![secret.clone()], true),
            (vec![other.clone(), secret.clone()], true),
            (vec![secret, other.clone()], true),
            (vec![other], false),
            (vec![], false),
        ] {
            assert_eq!(signed(&secrets, body, &given), holds);
        }
        let mut of_nothing = Hmac::<Sha256>::new_from_slice(b"").unwrap();
        of_nothing.update(body);
        let bytes: [u8; 32] = of_nothing.finalize().into_bytes().into();
        assert!(!signed(&[SecretString::from("")], body, &bytes));
    }

    #[test]
    fn malformed_signatures_are_told_apart_from_missing_ones_and_both_refused() {
        assert!(signature(&HeaderMap::new()).unwrap_err().detail().contains("missing"));
        for text in ["", "sha1=00", "sha256=", "sha256=zz", &format!("sha256={}", "0".repeat(63)), &format!("sha256={}é", "0".repeat(62))] {
            let mut headers = HeaderMap::new();
            headers.insert("x-hub-signature-256", http::HeaderValue::from_bytes(text.as_bytes()).unwrap());
            assert_eq!(signature(&headers).unwrap_err().status(), StatusCode::UNAUTHORIZED, "{text:?}");
        }
    }

    #[test]
    fn an_action_is_read_of_objects_only() {
        for (payload, expected) in [
            ("{\"action\":\"completed\"}", Some(Some("completed"))),
            (" {\"zen\":1}", Some(None)),
            ("{\"action\":7}", Some(None)),
            ("[\"completed\"]", None),
            ("{\"action\":", None),
            ("", None),
            ("{} x", None),
        ] {
            assert_eq!(action(payload).ok(), expected.map(|action| action.map(str::to_owned)), "{payload}");
        }
    }
}
