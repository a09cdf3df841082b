//! What is spoken over HTTP: webhook, health, metrics, JSON, the acts of people, and the dashboard.
//!
//! **Invariants:** a webhook is answered 2xx only after its delivery is durable. Nothing from outside reaches a page but through
//! [`html::Html::text`]. Every answer bears the security headers and a request id, every error is `application/problem+json`,
//! and metrics know the templates of routes, never raw paths.

mod admin;
mod detail;
mod diff;
mod exposition;
mod guard;
mod health;
mod html;
mod jobs;
mod openapi;
mod page;
mod problem;
mod status;
mod style;
mod timeline;
mod webhook;

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, map_response};
use axum::routing::{MethodRouter, any, get, post};
use axum::serve::ListenerExt;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
pub use health::Health;

/// How long requests in hand may take after the stop.
const DRAIN: Duration = Duration::from_secs(10);

/// How often what histograms have gathered is folded, so that it does not grow where nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// What the pages and endpoints work with.
#[derive(Clone)]
pub struct WebState {
    /// The flow's parts: store, clock, rules, and the bell for workers.
    pub engine: Engine,
    /// Secrets that a webhook may be signed with; several while rotating. Empty: every webhook is refused.
    pub webhook_secrets: Vec<SecretString>,
    /// Who may act, and by which token; the person goes into the audit. Empty: nobody may.
    pub admin_tokens: Vec<(String, SecretString)>,
    /// The recorder's handle, for `/metrics`.
    pub metrics: PrometheusHandle,
    /// Signs of life of scheduler and forge.
    pub health: Arc<Health>,
}

/// The state as handlers see it.
type App = Arc<Shared>;

/// The caller's state, and what all requests share beside it.
struct Shared {
    web: WebState,
    intake: webhook::Intake,
}

/// Every route: its template and its handlers. `/api/openapi.json` describes the same ones; a test compares them.
fn routes() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/", get(jobs::dashboard)),
        ("/jobs", get(jobs::list)),
        ("/jobs/{id}", get(jobs::show)),
        ("/jobs/{id}/retry", post(admin::retry)),
        ("/jobs/{id}/cancel", post(admin::cancel)),
        ("/jobs/{id}/rollback", post(admin::rollback)),
        ("/jobs/{id}/approve", post(admin::approve)),
        ("/jobs/{id}/reject", post(admin::reject)),
        ("/circuits/reset", post(admin::reset)),
        ("/pause", post(admin::pause)),
        ("/resume", post(admin::resume)),
        ("/api/jobs", get(jobs::list_json)),
        ("/api/jobs/{id}", get(jobs::show_json)),
        ("/api/jobs/{id}/retry", post(admin::retry)),
        ("/api/jobs/{id}/cancel", post(admin::cancel)),
        ("/api/jobs/{id}/rollback", post(admin::rollback)),
        ("/api/jobs/{id}/approve", post(admin::approve)),
        ("/api/jobs/{id}/reject", post(admin::reject)),
        ("/api/circuits", get(status::circuits)),
        ("/api/circuits/reset", post(admin::reset)),
        ("/api/pauses", get(status::pauses)),
        ("/api/pause", post(admin::pause)),
        ("/api/resume", post(admin::resume)),
        ("/api/openapi.json", get(openapi::document)),
        ("/webhook", post(webhook::receive)),
        ("/webhook/", post(webhook::receive)),
        ("/webhooks/github/", post(webhook::receive)),
        ("/webhooks/github/health", get(health::webhook)),
        ("/healthz", get(health::alive)),
        ("/readyz", get(health::ready)),
        ("/metrics", get(exposition::metrics)),
        ("/style.css", get(style::sheet)),
        ("/favicon.svg", get(style::icon)),
    ]
}

/// The templates of all routes, in the order in which they are declared.
pub fn templates() -> Vec<&'static str> {
    routes().into_iter().map(|(template, _)| template).collect()
}

/// The application. Cheap to clone; all clones share the webhook's token bucket.
pub fn router(state: WebState) -> Router {
    exposition::describe();
    let shared: App = Arc::new(Shared { web: state, intake: webhook::Intake::default() });
    let mut router = Router::new();
    for (template, methods) in routes() {
        // The fallback is part of the route, so that a wrong method is counted and answered like everything else.
        let watched = methods.fallback(problem::wrong_method).layer(from_fn(move |request, next| guard::watch(template, request, next)));
        router = router.route(template, watched);
    }
    let unknown = any(problem::no_route).layer(from_fn(|request, next| guard::watch("unmatched", request, next)));
    router
        .fallback_service(unknown.with_state(()))
        // Handlers read bodies by themselves, with bounds of their own.
        .layer(DefaultBodyLimit::disable())
        .layer(map_response(guard::secure))
        .layer(from_fn(guard::identify))
        .with_state(shared)
}

/// Serves until `stop`; then takes nothing new and finishes what is in hand, for at most ten seconds.
///
/// # Errors
/// The listener's own; a connection that fails ends by itself.
pub async fn serve(listener: tokio::net::TcpListener, state: WebState, stop: CancellationToken) -> std::io::Result<()> {
    let metrics = state.metrics.clone();
    let upkeep = async {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics.run_upkeep();
        }
    };
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was not taken");
        }
    });
    let served = axum::serve(listener, router(state)).with_graceful_shutdown(stop.clone().cancelled_owned());
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = served.into_future() => ended,
        () = overdue => {
            tracing::warn!("requests were still in hand {} s after the stop, and were cut off", DRAIN.as_secs());
            Ok(())
        }
        () = upkeep => Ok(()),
    }
}
