//! What a refused request means, and whether asking again makes sense.

use std::error::Error;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::route::BadSegment;
use crate::ports::forge::ForgeError;

/// GitHub asks for at least a minute after a secondary limit that names no time.
const SECONDARY_WAIT: TimeDelta = TimeDelta::minutes(1);
/// A message from outside is cut to this many characters.
const LONGEST_MESSAGE: usize = 400;

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// Asking again won't help.
    Final(ForgeError),
    /// Asking again may help, after this long where a time is known.
    Again(ForgeError, Option<Duration>),
    /// A write met a redirect: it was not carried out, the repository has another name.
    Moved(ForgeError),
}

impl Failure {
    /// What the caller of the port gets to see.
    pub fn into_error(self) -> ForgeError {
        match self {
            Failure::Final(error) | Failure::Again(error, _) | Failure::Moved(error) => error,
        }
    }
}

/// Tells what an answer that is neither a success nor a redirect means.
pub(super) fn of_answer(what: &str, status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Failure {
    let what = what.to_owned();
    let message = message_of(status, body);
    if let Some(retry_at) = limited_until(status, headers, &message, now) {
        let wait = (retry_at - now).to_std().unwrap_or_default();
        return Failure::Again(ForgeError::RateLimited { what, retry_at }, Some(wait));
    }
    match status.as_u16() {
        401 => Failure::Final(ForgeError::Unauthorized { what }),
        403 => Failure::Final(ForgeError::Forbidden { what, message }),
        404 => Failure::Final(ForgeError::NotFound { what }),
        410 => Failure::Final(ForgeError::Gone { what }),
        408 | 425 | 500..=599 => Failure::Again(ForgeError::Transient { what, message }, retry_after(headers, now)),
        _ => Failure::Final(ForgeError::Refused { what, message }),
    }
}

/// The end of the primary or a secondary rate limit; `None` where the answer is about something else.
/// <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>
fn limited_until(status: StatusCode, headers: &HeaderMap, message: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if !matches!(status.as_u16(), 403 | 429) {
        return None;
    }
    if let Some(wait) = retry_after(headers, now) {
        return Some(now + TimeDelta::from_std(wait).unwrap_or(SECONDARY_WAIT));
    }
    if number(headers, "x-ratelimit-remaining") == Some(0) {
        let reset = number(headers, "x-ratelimit-reset").and_then(|at| i64::try_from(at).ok()).and_then(|at| DateTime::from_timestamp(at, 0));
        // A second more: the window ends within the second that is named.
        return Some(reset.map_or(now + SECONDARY_WAIT, |at| at.max(now) + TimeDelta::seconds(1)));
    }
    let lower = message.to_ascii_lowercase();
    let told = lower.contains("rate limit") || lower.contains("abuse detection");
    (status == StatusCode::TOO_MANY_REQUESTS || told).then(|| now + SECONDARY_WAIT)
}

/// `Retry-After`: seconds, or a date. Bounded by a day, so that no sum overflows.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc) - now).to_std().unwrap_or_default(),
    };
    Some(wait.min(Duration::from_hours(24)))
}

/// A header that holds a number.
pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The shape of an error: `message`, and `errors` of strings or objects.
#[derive(Deserialize, Default)]
struct Told {
    message: Option<String>,
    errors: Option<serde_json::Value>,
}

fn message_of(status: StatusCode, body: &[u8]) -> String {
    let told: Told = serde_json::from_slice(body).unwrap_or_default();
    let Some(mut text) = told.message else { return format!("status {}", status.as_u16()) };
    if let Some(serde_json::Value::Array(errors)) = told.errors {
        for error in errors.iter().take(5) {
            let part = |key: &str| error.get(key).and_then(|value| value.as_str());
            match (error.as_str().or_else(|| part("message")), part("field"), part("code")) {
                (Some(words), _, _) => text.push_str(&format!(": {words}")),
                (None, Some(field), Some(code)) => text.push_str(&format!(": {field} {code}")),
                _ => {}
            }
        }
    }
    plain(&text)
}

/// Text from outside on one line: bounded, and without control characters.
pub(super) fn plain(text: &str) -> String {
    text.chars().take(LONGEST_MESSAGE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A name that can't be part of an address: nothing is sent.
pub(super) fn of_segment(what: &str, bad: BadSegment) -> Failure {
    Failure::Final(ForgeError::Refused { what: plain(what), message: bad.to_string() })
}

/// An exchange that broke: time-out, refused or reset connection, truncated body. None of the causes names more than a host.
pub(super) fn of_exchange(what: &str, error: &(dyn Error + 'static)) -> Failure {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&words);
        }
        next = cause.source();
    }
    Failure::Again(ForgeError::Transient { what: what.to_owned(), message: plain(&text) }, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn answers() {
        const RESET: &str = "1800000100";
        // Status, headers, body, the error's start, the wait in seconds where asking again makes sense.
        type Row = (u16, &'static [(&'static str, &'static str)], &'static str, &'static str, Option<Option<u64>>);
        let table: [Row; 24] = [
            (401, &[], r#"{"message":"Bad credentials"}"#, "GET /x: the forge refused the credentials", None),
            (403, &[], r#"{"message":"Resource not accessible by integration"}"#, "GET /x: permission is missing (Resource not", None),
            (403, &[("x-ratelimit-remaining", "12")], r#"{"message":"no"}"#, "GET /x: permission is missing", None),
            (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", RESET)], "{}", "GET /x: rate limited until 2027-01-15 08:01:41", Some(Some(101))),
            (429, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", RESET)], "", "GET /x: rate limited", Some(Some(101))),
            (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], "", "GET /x: rate limited", Some(Some(1))),
            (403, &[("x-ratelimit-remaining", "0")], "", "GET /x: rate limited", Some(Some(60))),
            (403, &[("retry-after", "7")], r#"{"message":"secondary"}"#, "GET /x: rate limited", Some(Some(7))),
            (429, &[("retry-after", "Fri, 15 Jan 2027 08:00:30 GMT")], "", "GET /x: rate limited", Some(Some(30))),
            (429, &[("retry-after", "99999999999999999")], "", "GET /x: rate limited", Some(Some(86_400))),
            (403, &[], r#"{"message":"You have exceeded a secondary rate limit."}"#, "GET /x: rate limited", Some(Some(60))),
            (403, &[], r#"{"message":"You have triggered an abuse detection mechanism."}"#, "GET /x: rate limited", Some(Some(60))),
            (429, &[], "", "GET /x: rate limited", Some(Some(60))),
            (404, &[], r#"{"message":"Not Found"}"#, "GET /x: not found", None),
            (410, &[], "", "GET /x: gone", None),
            (400, &[], r#"{"message":"Problems parsing JSON"}"#, "GET /x: refused (Problems parsing JSON)", None),
            (409, &[], r#"{"message":"Git Repository is empty."}"#, "GET /x: refused (Git Repository is empty.)", None),
            (
                422,
                &[],
                r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"A pull request already exists for o:b."}]}"#,
                "GET /x: refused (Validation Failed: A pull request already exists for o:b.)",
                None,
            ),
            (
                422,
                &[],
                r#"{"message":"Validation Failed","errors":[{"field":"base","code":"invalid"}]}"#,
                "GET /x: refused (Validation Failed: base invalid)",
                None,
            ),
            (422, &[], r#"{"message":"No","errors":["one","two"]}"#, "GET /x: refused (No: one: two)", None),
            (500, &[], "<html>", "GET /x: status 500", Some(None)),
            (502, &[], r#"{"message":"Server Error"}"#, "GET /x: Server Error", Some(None)),
            (503, &[("retry-after", "3")], "", "GET /x: status 503", Some(Some(3))),
            (408, &[], "", "GET /x: status 408", Some(None)),
        ];
        for (status, headers, body, expected, again) in table {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(http::HeaderName::from_static(name), value.parse().unwrap());
            }
            let failure = of_answer("GET /x", StatusCode::from_u16(status).unwrap(), &map, body.as_bytes(), now());
            let seen = match &failure {
                Failure::Again(_, wait) => Some(wait.map(|wait| wait.as_secs())),
                Failure::Final(_) | Failure::Moved(_) => None,
            };
            assert_eq!(seen, again, "{status} {body}");
            let text = failure.into_error().to_string();
            assert!(text.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn a_hostile_message_is_one_bounded_line() {
        let body = serde_json::json!({ "message": format!("a\u{1b}[31m\n{}", "x".repeat(100_000)) }).to_string();
        let text = message_of(StatusCode::BAD_REQUEST, body.as_bytes());
        assert!(text.chars().count() <= LONGEST_MESSAGE && !text.chars().any(char::is_control));
    }
}
