//! One request to GitHub: credentials, redirects, deadlines, caps, retries, and what is counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use chrono::DateTime;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use octocrab::{OctoBody, Octocrab};
use serde::de::DeserializeOwned;
use url::Url;

use super::auth::{Credentials, Scope};
use super::failure::{self, Failure};
use super::route::Route;
use super::transport::Timeouts;
use crate::ports::clock::Clock;
use crate::ports::forge::{ForgeError, RateLimit};

/// What JSON may weigh: the largest answers of GitHub stay well below.
pub(super) const JSON_CAP: u64 = 32 << 20;
/// What an error's body may weigh before it is cut.
const ERROR_CAP: u64 = 64 << 10;
/// A log that goes on for longer than this is not read to its end.
const LONGEST_STREAM: u64 = 1 << 30;
/// A renamed repository takes one hop, a log one; more is a circle.
const MOST_HOPS: usize = 4;
/// The usual media type.
pub(super) const JSON: &str = "application/vnd.github+json";
/// The media type of a file's bytes.
pub(super) const RAW: &str = "application/vnd.github.raw+json";
/// The version of the API that this adapter was written for.
const API_VERSION: &str = "2022-11-28";

/// How a read is repeated. A write never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Requests in all.
    pub tries: u32,
    /// The first pause; it doubles, with jitter.
    pub first_delay: Duration,
    /// The longest of those pauses.
    pub longest_delay: Duration,
    /// No new try after this long.
    pub total: Duration,
    /// GitHub may ask for a longer pause than this: then the caller is told rather than kept waiting.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries: 5,
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(20),
            total: Duration::from_secs(120),
            longest_wait: Duration::from_secs(45),
        }
    }
}

/// What becomes of the body.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sink {
    /// All of it; more than this many bytes is an error.
    Whole(u64),
    /// Its last bytes, at most this many; the answer may come from another host.
    Tail(u64),
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Ask<'a> {
    pub method: Method,
    pub route: Route,
    pub scope: Scope<'a>,
    pub accept: &'static str,
    pub validator: Option<&'a str>,
    pub body: Option<Bytes>,
    pub sink: Sink,
}

impl<'a> Ask<'a> {
    /// A read of JSON.
    pub fn get(scope: Scope<'a>, route: Route) -> Self {
        Self { method: Method::GET, route, scope, accept: JSON, validator: None, body: None, sink: Sink::Whole(JSON_CAP) }
    }

    /// A request with a JSON body.
    pub fn with_body(method: Method, scope: Scope<'a>, route: Route, body: &serde_json::Value) -> Self {
        Self { method, body: Some(Bytes::from(body.to_string())), ..Self::get(scope, route) }
    }

    /// What errors name.
    pub fn what(&self) -> String {
        format!("{} {}", self.method, self.route.path())
    }
}

/// An answer: a success, or 304.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Whether the body's head was cut off.
    pub truncated: bool,
}

impl Answer {
    /// A header as text.
    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Sends requests. One for the process: it holds the connections and the tokens.
pub(super) struct Client {
    pub api: Url,
    pub graphql: Url,
    pub octocrab: Octocrab,
    pub credentials: Credentials,
    pub clock: Arc<dyn Clock>,
    pub timeouts: Timeouts,
    pub retry: RetryPolicy,
    pub limit: Mutex<Option<RateLimit>>,
}

impl Client {
    /// A read, repeated where that makes sense.
    pub async fn read(&self, ask: &Ask<'_>) -> Result<Answer, ForgeError> {
        let policy = self.retry;
        let pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(policy.first_delay)
            .with_max_delay(policy.longest_delay)
            .with_max_times(policy.tries.saturating_sub(1) as usize);
        let begun = tokio::time::Instant::now();
        let worth = |failure: &Failure| match failure {
            Failure::Again(_, wait) => begun.elapsed() + wait.unwrap_or_default() < policy.total && wait.unwrap_or_default() <= policy.longest_wait,
            Failure::Final(_) | Failure::Moved(_) => false,
        };
        (|| self.attempt(ask))
            .retry(pauses)
            .when(worth)
            .adjust(|failure, pause| match failure {
                Failure::Again(_, Some(wait)) => pause.map(|pause| pause.max(*wait)),
                _ => pause,
            })
            .notify(|failure, pause| tracing::debug!(error = ?failure, ?pause, "asking the forge again"))
            .await
            .map_err(Failure::into_error)
    }

    /// A read of JSON.
    pub async fn read_json<T: DeserializeOwned>(&self, ask: &Ask<'_>) -> Result<T, ForgeError> {
        let answer = self.read(ask).await?;
        parse(ask, &answer)
    }

    /// One try: hops over redirects where they may be followed, a second exchange where an installation token had been revoked.
    pub async fn attempt(&self, ask: &Ask<'_>) -> Result<Answer, Failure> {
        let what = ask.what();
        let mut url = self.address(&ask.route);
        let mut reminted = false;
        let mut hops = 0;
        loop {
            let bearer = if self.is_ours(&url) { Some(self.authorization(ask.scope).await?) } else { None };
            let (budget, home) = match ask.sink {
                Sink::Whole(_) => (self.timeouts.request, bearer.is_some()),
                Sink::Tail(_) => (self.timeouts.log, bearer.is_some()),
            };
            let answer = match tokio::time::timeout(budget, self.exchange(ask, &url, bearer.clone())).await {
                Ok(answer) => answer,
                Err(_) => Err(Failure::Again(ForgeError::Transient { what: what.clone(), message: format!("no whole answer within {budget:?}") }, None)),
            };
            if home {
                count(ask, answer.as_ref().map(|answer| answer.status).ok());
            }
            let answer = answer?;
            if home {
                self.remember(&answer.headers);
            }
            let status = answer.status;
            if status.is_success() || (status == StatusCode::NOT_MODIFIED && ask.validator.is_some()) {
                return Ok(answer);
            }
            if status == StatusCode::UNAUTHORIZED && home && !reminted && self.credentials.revoke(ask.scope, bearer.as_ref()).await {
                // Nothing was done: a write may be sent again as well.
                reminted = true;
                continue;
            }
            if status.is_redirection() {
                url = self.redirect(ask, &url, &answer.headers)?;
                hops += 1;
                if hops > MOST_HOPS {
                    return Err(Failure::Final(ForgeError::Malformed { what, message: "redirected in a circle".into() }));
                }
                continue;
            }
            if !home {
                return Err(elsewhere(what, status));
            }
            let failure = failure::of_answer(&what, status, &answer.headers, &answer.body, self.clock.now());
            return Err(scrubbed(failure, bearer.as_ref()));
        }
    }

    /// Where a redirect leads, if it may be followed.
    fn redirect(&self, ask: &Ask<'_>, from: &Url, headers: &HeaderMap) -> Result<Url, Failure> {
        let refused = |message: &str| ForgeError::Refused { what: ask.what(), message: message.to_owned() };
        if ask.method != Method::GET {
            return Err(Failure::Moved(refused("the repository has moved")));
        }
        let target = headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).and_then(|to| from.join(to).ok());
        let Some(target) = target else {
            return Err(Failure::Final(ForgeError::Malformed { what: ask.what(), message: "a redirect without a usable address".into() }));
        };
        let kept = target.scheme() == from.scheme() || (from.scheme() == "http" && target.scheme() == "https");
        if !kept || !matches!(target.scheme(), "http" | "https") {
            return Err(Failure::Final(refused("a redirect to a weaker scheme was not followed")));
        }
        match ask.sink {
            Sink::Whole(_) if !self.is_ours(&target) => Err(Failure::Final(refused("a redirect to another host was not followed"))),
            Sink::Whole(_) | Sink::Tail(_) => Ok(target),
        }
    }

    /// One exchange, its body read as the ask wants it.
    async fn exchange(&self, ask: &Ask<'_>, url: &Url, bearer: Option<HeaderValue>) -> Result<Answer, Failure> {
        let what = ask.what();
        let mut request = http::Request::builder().method(ask.method.clone()).uri(url.as_str());
        if let Some(bearer) = bearer {
            request = request.header(header::AUTHORIZATION, bearer).header(header::ACCEPT, ask.accept).header("x-github-api-version", API_VERSION);
            if let Some(validator) = ask.validator {
                request = request.header(header::IF_NONE_MATCH, validator);
            }
        }
        let body = match &ask.body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                OctoBody::from(body.clone())
            }
            None => OctoBody::empty(),
        };
        let unusable = |error: http::Error| Failure::Final(ForgeError::Refused { what: what.clone(), message: format!("the request can't be made: {error}") });
        let request = request.body(body).map_err(unusable)?;
        let response = self.octocrab.execute(request).await.map_err(|error| failure::of_exchange(&what, &error))?;
        let (parts, body) = response.into_parts();
        let (body, truncated) = match ask.sink {
            // An error's body is a help, not a need: what of it arrives will do.
            _ if !parts.status.is_success() => tail(body, ERROR_CAP, &what).await.unwrap_or_default(),
            Sink::Whole(cap) => (whole(body, cap, &what).await?, false),
            Sink::Tail(cap) => tail(body, cap, &what).await?,
        };
        Ok(Answer { status: parts.status, headers: parts.headers, body, truncated })
    }

    /// The API's base and a route, or GraphQL's own address. Joined as text: `Url::join` would drop a base path such as `/api/v3`.
    fn address(&self, route: &Route) -> Url {
        if route.template() == super::GRAPHQL {
            return self.graphql.clone();
        }
        let mut url = self.api.clone();
        let target = route.target();
        let (path, query) = target.split_once('?').map_or((target.as_str(), None), |(path, query)| (path, Some(query)));
        url.set_path(&format!("{}{path}", self.api.path().trim_end_matches('/')));
        url.set_query(query);
        url
    }

    /// Whether the credentials may be shown to this address.
    fn is_ours(&self, url: &Url) -> bool {
        url.origin() == self.api.origin() && url.username().is_empty() && url.password().is_none()
    }

    fn remember(&self, headers: &HeaderMap) {
        // GraphQL and search have budgets of their own.
        if headers.get("x-ratelimit-resource").is_some_and(|resource| resource != "core") {
            return;
        }
        let number = |name| failure::number(headers, name);
        let (Some(remaining), Some(limit), Some(reset)) = (number("x-ratelimit-remaining"), number("x-ratelimit-limit"), number("x-ratelimit-reset")) else {
            return;
        };
        let Some(reset_at) = i64::try_from(reset).ok().and_then(|at| DateTime::from_timestamp(at, 0)) else { return };
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        metrics::gauge!("regreen_forge_rate_limit_remaining").set(f64::from(small(remaining)));
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner) = Some(RateLimit { remaining: small(remaining), limit: small(limit), reset_at });
    }
}

/// Reads JSON; what comes may be hostile, so the message names the place and not the text.
pub(super) fn parse<T: DeserializeOwned>(ask: &Ask<'_>, answer: &Answer) -> Result<T, ForgeError> {
    serde_json::from_slice(&answer.body).map_err(|error| ForgeError::Malformed { what: ask.what(), message: failure::plain(&error.to_string()) })
}

/// Another host's refusal says nothing of our permissions: a signed address that ran out is asked for again.
fn elsewhere(what: String, status: StatusCode) -> Failure {
    match status.as_u16() {
        404 | 410 => Failure::Final(ForgeError::Gone { what }),
        code => Failure::Again(ForgeError::Transient { what, message: format!("the store behind it answered {code}") }, None),
    }
}

/// A server may send our own token back in a message; it must not get any further.
fn scrubbed(failure: Failure, bearer: Option<&HeaderValue>) -> Failure {
    let token = bearer.and_then(|bearer| bearer.to_str().ok()).and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default().to_owned();
    let clean = |message: String| if token.is_empty() { message } else { message.replace(&token, "[redacted]") };
    let mend = |error| match error {
        ForgeError::Forbidden { what, message } => ForgeError::Forbidden { what, message: clean(message) },
        ForgeError::Refused { what, message } => ForgeError::Refused { what, message: clean(message) },
        ForgeError::Transient { what, message } => ForgeError::Transient { what, message: clean(message) },
        other => other,
    };
    match failure {
        Failure::Final(error) => Failure::Final(mend(error)),
        Failure::Again(error, wait) => Failure::Again(mend(error), wait),
        Failure::Moved(error) => Failure::Moved(mend(error)),
    }
}

fn count(ask: &Ask<'_>, status: Option<StatusCode>) {
    let cached = if status == Some(StatusCode::NOT_MODIFIED) { "true" } else { "false" };
    let status = status.map_or_else(|| "error".to_owned(), |status| status.as_u16().to_string());
    metrics::counter!("regreen_forge_requests_total", "endpoint" => ask.route.template(), "status" => status, "cached" => cached).increment(1);
}

type Body = BoxBody<Bytes, octocrab::Error>;

async fn whole(mut body: Body, cap: u64, what: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure::of_exchange(what, &error))?;
        if let Ok(data) = frame.into_data() {
            if (bytes.len() + data.len()) as u64 > cap {
                return Err(Failure::Final(ForgeError::TooLarge { what: what.to_owned(), limit: cap }));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

/// The last `cap` bytes, and whether anything was cut off. Holds at most twice the cap and one frame.
async fn tail(mut body: Body, cap: u64, what: &str) -> Result<(Vec<u8>, bool), Failure> {
    let keep = usize::try_from(cap).unwrap_or(usize::MAX);
    let mut bytes: Vec<u8> = Vec::new();
    let mut seen: u64 = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure::of_exchange(what, &error))?;
        if let Ok(data) = frame.into_data() {
            seen += data.len() as u64;
            if seen > LONGEST_STREAM.max(cap) {
                return Err(Failure::Final(ForgeError::TooLarge { what: what.to_owned(), limit: LONGEST_STREAM.max(cap) }));
            }
            bytes.extend_from_slice(&data);
            if bytes.len() > keep.saturating_mul(2) {
                bytes.drain(..bytes.len() - keep);
            }
        }
    }
    if bytes.len() > keep {
        bytes.drain(..bytes.len() - keep);
    }
    Ok((bytes, seen > cap))
}
