//! Errors as RFC 9457 problem details.

use axum::Json;
use axum::extract::OriginalUri;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use crate::domain::render::escape;
use crate::ports::store::StoreError;

/// An error as the caller hears it: what is safe to show, and nothing else.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    further: Vec<(&'static str, Value)>,
    retry_after: Option<u32>,
    challenge: Option<&'static str>,
}

impl Problem {
    /// With a sentence that names the thing, the reason and the remedy.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), further: Vec::new(), retry_after: None, challenge: None }
    }

    /// 400.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401, without a challenge: for what no browser could answer.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 409.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// With a further member.
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.further.push((name, value));
        self
    }

    /// With `Retry-After`, in seconds.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// With `WWW-Authenticate`.
    pub fn challenge(mut self, scheme: &'static str) -> Self {
        self.challenge = Some(scheme);
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        for (name, value) in self.further {
            body[name] = value;
        }
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(scheme) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(_) => Problem::not_found(error.to_string()),
            StoreError::Illegal(_) => Problem::conflict(error.to_string()),
            StoreError::Stale { .. } | StoreError::LeaseLost { .. } => Problem::conflict("the remediation moved on meanwhile; look at it and try again"),
            // What the database says may name hosts and files: for the log only.
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "a request could not be served");
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer; try again in a moment").retry_after(2)
            }
            StoreError::Damaged(_) => {
                tracing::error!(%error, "a request could not be served");
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the database holds something unreadable; `regreen audit verify` says what")
            }
        }
    }
}

/// Answers what no route covers.
pub async fn no_route(OriginalUri(uri): OriginalUri) -> Problem {
    Problem::not_found(format!("there is nothing at `{}`; `/api/openapi.json` lists what there is", escape::line(uri.path(), 120)))
}

/// Answers a method that the route does not take; `Allow` is added by the router.
pub async fn wrong_method(method: Method) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("`{}` is not taken here; see the `Allow` header", escape::line(method.as_str(), 20)))
}
