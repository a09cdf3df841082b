//! Whether the process lives, and whether it can work.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde_json::{Value, json};

use super::App;
use super::problem::Problem;

/// The database has so long for its sign of life.
const PING: Duration = Duration::from_secs(3);

const UNKNOWN: u8 = 0;
const REACHED: u8 = 1;
const FAILING: u8 = 2;

/// Signs of life of scheduler and forge. Whoever polls may note them here; polls that the store knows of count as well.
#[derive(Debug)]
pub struct Health {
    /// Microseconds since 1970; 0 for never.
    polled: AtomicI64,
    forge: AtomicU8,
    stale_after: Duration,
}

impl Default for Health {
    /// Takes a poll for late after fifteen minutes.
    fn default() -> Self {
        Self::new(Duration::from_secs(15 * 60))
    }
}

impl Health {
    /// `stale_after`: a scheduler that has not got through a poll for so long counts as stuck. A small multiple of the distance of polls fits.
    pub const fn new(stale_after: Duration) -> Self {
        Self { polled: AtomicI64::new(0), forge: AtomicU8::new(UNKNOWN), stale_after }
    }

    /// A poll got through.
    pub fn polled(&self, at: DateTime<Utc>) {
        self.polled.fetch_max(at.timestamp_micros(), Ordering::Relaxed);
    }

    /// The forge answered, or did not.
    pub fn forge(&self, reached: bool) {
        self.forge.store(if reached { REACHED } else { FAILING }, Ordering::Relaxed);
    }

    fn last_poll(&self) -> Option<DateTime<Utc>> {
        match self.polled.load(Ordering::Relaxed) {
            0 => None,
            micros => DateTime::from_timestamp_micros(micros),
        }
    }
}

/// `GET /healthz`: the process answers.
pub async fn alive() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// `GET /webhooks/github/health`: the receiver answers, and whether it could accept anything.
pub async fn webhook(State(app): State<App>) -> Json<Value> {
    Json(json!({"status": "ok", "secrets_configured": app.web.webhook_secrets.len()}))
}

/// One thing that must hold.
struct Sign {
    name: &'static str,
    ok: bool,
    detail: String,
}

/// `GET /readyz`: database, scheduler, forge. 503 with what is missing.
pub async fn ready(State(app): State<App>) -> Response {
    let signs = signs(&app).await;
    let checks: serde_json::Map<String, Value> = signs.iter().map(|sign| (sign.name.to_owned(), json!({"ok": sign.ok, "detail": sign.detail}))).collect();
    let failing: Vec<String> = signs.iter().filter(|sign| !sign.ok).map(|sign| format!("{}: {}", sign.name, sign.detail)).collect();
    if failing.is_empty() {
        return Json(json!({"status": "ready", "checks": checks})).into_response();
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, failing.join("; ")).with("checks", Value::Object(checks)).into_response()
}

async fn signs(app: &App) -> [Sign; 3] {
    let engine = &app.web.engine;
    let health = &app.web.health;
    let database = match tokio::time::timeout(PING, engine.store.ping()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database gave no sign of life");
            Err("it does not answer".to_owned())
        }
        Err(_) => Err(format!("it did not answer within {} s", PING.as_secs())),
    };
    let mut last = health.last_poll();
    if database.is_ok()
        && let Ok(Ok(watched)) = tokio::time::timeout(PING, engine.store.watched()).await
    {
        last = last.max(watched.iter().filter_map(|repository| repository.polled_at).max());
    }
    let age = last.map(|last| (engine.clock.now() - last).to_std().unwrap_or_default());
    let nothing_listed = engine.rules.repos.is_empty();
    let bound = health.stale_after.as_secs();
    let (polling, scheduler) = match age {
        _ if nothing_listed => (true, "no repository is listed, so nothing is polled".to_owned()),
        Some(age) if age <= health.stale_after => (true, format!("the last poll got through {} s ago", age.as_secs())),
        Some(age) => (false, format!("the last poll got through {} s ago; at most {bound} s are expected", age.as_secs())),
        None => (false, "no poll has got through yet".to_owned()),
    };
    let (reached, forge) = match health.forge.load(Ordering::Relaxed) {
        REACHED => (true, "it answers"),
        FAILING => (false, "it does not answer, or refuses the credentials; `regreen doctor` says which"),
        // Nobody noted anything: a poll that got through has spoken to it.
        _ if polling => (true, "the last poll spoke to it"),
        _ => (false, "nothing is known of it yet"),
    };
    [
        Sign { name: "database", ok: database.is_ok(), detail: database.err().unwrap_or_else(|| "it answers".to_owned()) },
        Sign { name: "scheduler", ok: polling, detail: scheduler },
        Sign { name: "forge", ok: reached, detail: forge.to_owned() },
    ]
}
