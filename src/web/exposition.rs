//! `/metrics`, in the text format of Prometheus.

use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use metrics::Unit;

use super::App;
use crate::domain::breaker::CircuitState;
use crate::domain::remediation::Phase;
use crate::ports::store::{Store, StoreError};

/// Tells the recorder what this room's metrics mean.
pub fn describe() {
    metrics::describe_counter!("regreen_http_requests_total", "Requests by method, route template and status");
    metrics::describe_histogram!("regreen_request_latency_seconds", Unit::Seconds, "Time from a request's head to its answer, by route template");
    metrics::describe_gauge!("regreen_queue_depth", "Remediations by phase");
    metrics::describe_gauge!("regreen_circuits", "Circuits by state");
    metrics::describe_counter!("regreen_webhooks_total", "Webhook deliveries by what became of them");
}

/// `GET /metrics`. What the store knows is asked anew at each scrape; where it does not answer, the last values stay.
pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    if let Err(error) = refresh(app.web.engine.store.as_ref()).await {
        tracing::warn!(%error, "gauges keep their last values");
    }
    app.web.metrics.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.web.metrics.render())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
async fn refresh(store: &dyn Store) -> Result<(), StoreError> {
    let depth = store.depth().await?;
    for phase in Phase::ALL {
        let count: u64 = depth.iter().filter(|(of, _)| *of == phase).map(|(_, count)| count).sum();
        metrics::gauge!("regreen_queue_depth", "state" => phase.as_str()).set(count as f64);
    }
    let circuits = store.circuits(None).await?;
    for state in [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen] {
        let count = circuits.iter().filter(|row| row.circuit.state == state).count();
        metrics::gauge!("regreen_circuits", "state" => state.as_str()).set(count as f64);
    }
    Ok(())
}
