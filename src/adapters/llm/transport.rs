//! One HTTP exchange with a gateway, its answer bounded while it is read.
//!
//! It is our own and not a provider library's, because those take in the whole body before they look at it, and put the prompt
//! into their errors.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Method, Response, redirect};
use serde_json::Value;
use url::Url;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How much of an error's body is read; the rest is left.
const COMPLAINT_BYTES: usize = 64 * 1024;

/// A request to a gateway.
#[derive(Debug)]
pub struct Call {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Option<Value>,
}

/// Why there is no body of a successful answer.
#[derive(Debug)]
pub enum Failure {
    /// No connection, or it broke. The words are the system's, not the gateway's.
    Network(String),
    /// Another status than 2xx, with the start of the body.
    Status { status: u16, retry_after: Option<Duration>, body: Vec<u8> },
    /// More than the cap.
    TooLong,
}

/// A client without redirects: a redirect would carry the key elsewhere, or turn the POST into a GET.
pub fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .user_agent(concat!("regreen/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .tcp_keepalive(Duration::from_secs(30))
        .redirect(redirect::Policy::none())
        .referer(false)
        .build()
}

/// Sends `call` and reads at most `cap` bytes (after decompression) of a successful answer.
pub async fn exchange(client: &Client, call: Call, cap: usize, now: DateTime<Utc>) -> Result<Vec<u8>, Failure> {
    let mut request = client.request(call.method, call.url).headers(call.headers);
    if let Some(body) = &call.body {
        request = request.json(body);
    }
    let mut response = request.send().await.map_err(network)?;
    let status = response.status();
    if !status.is_success() {
        let retry_after = retry_after(response.headers(), now);
        return Err(Failure::Status { status: status.as_u16(), retry_after, body: beginning(&mut response).await });
    }
    if response.content_length().is_some_and(|length| length > cap as u64) {
        return Err(Failure::TooLong);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        if body.len() + chunk.len() > cap {
            return Err(Failure::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What can be had of an error's body. That it breaks off changes nothing.
async fn beginning(response: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(COMPLAINT_BYTES - body.len())]);
        if body.len() >= COMPLAINT_BYTES {
            break;
        }
    }
    body
}

/// The address stays out: it can hold a password.
fn network(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let what = if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "timed out"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the connection broke"
    };
    let mut deepest: &dyn std::error::Error = &error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    // Only the system's own words are repeated. Others may hold pieces of an answer.
    let reason = deepest.downcast_ref::<std::io::Error>().map(|error| error.kind().to_string());
    Failure::Network(reason.map_or_else(|| what.to_owned(), |reason| format!("{what}: {reason}")))
}

/// `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(milliseconds) = text("retry-after-ms").and_then(|text| text.parse::<u32>().ok()) {
        return Some(Duration::from_millis(milliseconds.into()));
    }
    let text = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = text.parse::<f64>() {
        // A day is more than anybody means; it also keeps the sum with a date in range.
        return (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(86_400.0)));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some((date.with_timezone(&Utc) - now).to_std().unwrap_or_default().min(Duration::from_secs(86_400)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_to_come_back() {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let cases: [(&'static str, &'static str, Option<Duration>); 8] = [
            ("retry-after", "7", Some(Duration::from_secs(7))),
            ("retry-after", "0.5", Some(Duration::from_millis(500))),
            ("retry-after", "Fri, 02 Jan 2026 03:04:35 GMT", Some(Duration::from_secs(30))),
            ("retry-after", "Fri, 02 Jan 2026 03:04:00 GMT", Some(Duration::ZERO)),
            ("retry-after", "1e300", Some(Duration::from_secs(86_400))),
            ("retry-after", "-1", None),
            ("retry-after", "soon", None),
            ("retry-after-ms", "250", Some(Duration::from_millis(250))),
        ];
        for (name, value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(retry_after(&headers, now), expected, "{name}: {value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
