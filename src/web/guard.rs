//! What every request goes through: an id, a time limit, a net for panics, metrics, security headers.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tracing::Instrument as _;

use super::problem::Problem;

/// A request takes at most so long, its body included.
const LIMIT: Duration = Duration::from_secs(30);

/// Names the request in logs and answers.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Only our own sheet and icon are loaded; no script, no frame, no foreign anything. The filter form goes to ourselves.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Bounds one request, and counts it under the route's template.
pub async fn watch(template: &'static str, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method_name(request.method());
    let response = match tokio::time::timeout(LIMIT, AssertUnwindSafe(next.run(request)).catch_unwind()).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => {
            // The panic hook has printed where it happened; what it said may hold what came from outside.
            tracing::error!(method, endpoint = template, "a handler panicked: this is a bug of regreen's");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a fault of regreen's own; the log has more").into_response()
        }
        Err(_elapsed) => Problem::new(StatusCode::REQUEST_TIMEOUT, format!("the request took longer than {} s", LIMIT.as_secs())).into_response(),
    };
    let took = started.elapsed();
    let status = response.status();
    metrics::counter!("regreen_http_requests_total", "method" => method, "endpoint" => template, "status" => status.as_str().to_owned()).increment(1);
    metrics::histogram!("regreen_request_latency_seconds", "endpoint" => template).record(took.as_secs_f64());
    tracing::debug!(method, endpoint = template, status = status.as_u16(), took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "answered");
    response
}

/// The method as a label: a closed list, since anybody can invent methods.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

/// Gives the request an id, or takes the caller's where it is a modest one.
pub async fn identify(request: Request, next: Next) -> Response {
    let theirs = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| modest(id)).map(str::to_owned);
    let id = theirs.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let span = tracing::info_span!("http", request = %id);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn modest(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The headers of every answer.
pub async fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_modest_ids_are_taken_over() {
        for (id, taken) in [("abc-1_2.3", true), ("", false), ("a b", false), ("<x>", false), (&"a".repeat(64), true), (&"a".repeat(65), false)] {
            assert_eq!(modest(id), taken, "{id:?}");
        }
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_tells_nothing() {
        use tower::ServiceExt as _;
        async fn broken() -> &'static str {
            panic!("a secret of the handler")
        }
        let app = axum::Router::new().route("/", axum::routing::get(broken).layer(axum::middleware::from_fn(|request, next| watch("/", request, next))));
        let response = app.oneshot(Request::new(axum::body::Body::empty())).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("secret"));
    }

    #[test]
    fn invented_methods_share_one_label() {
        assert_eq!(method_name(&Method::from_bytes(b"BREW").unwrap()), "OTHER");
        assert_eq!(method_name(&Method::DELETE), "DELETE");
    }
}
