//! Language models: OpenAI and whatever speaks its chat completions, TensorZero, Anthropic, Gemini, and coding agents as commands.
//!
//! Requests are small and plain (a system text, turns, a limit), so they are written here and go through one bounded transport. That
//! keeps three promises that a provider library does not: an answer is bounded *while* it is read, a model's name goes out verbatim,
//! and no error holds the prompt or the key.

mod command;
mod quote;
mod transport;
mod wire;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable as _};
use chrono::{DateTime, Utc};
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use url::Url;

use self::command::CommandFailure;
use self::quote::Unquotable;
use self::transport::{Call, Failure};
use self::wire::openai::LimitName;
use self::wire::{Complaint, End, Reply, Unreadable, anthropic, gemini, openai};
use crate::ports::clock::Clock;
use crate::ports::llm::{ANSWER_CAP, Llm, ModelAnswer, ModelError, ModelRequest, Usage};

/// The longest time of a [`Llm::check`] and of a [`Llm::feedback`].
const SHORT: Duration = Duration::from_secs(15);

/// What a route speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteKind {
    /// OpenAI, and everything that speaks its chat completions.
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini.
    Gemini,
    /// A TensorZero gateway.
    TensorZero,
    /// A coding agent, started as a command.
    Command,
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Price {
    /// In.
    pub input_per_mtok: f64,
    /// Out.
    pub output_per_mtok: f64,
}

impl Price {
    /// US dollars.
    fn cost(self, input: u64, output: u64) -> f64 {
        (input as f64 * self.input_per_mtok + output as f64 * self.output_per_mtok) / 1e6
    }
}

/// One route to a model.
#[derive(Clone)]
pub struct RouteSettings {
    /// Its name.
    pub name: String,
    /// What it speaks.
    pub kind: RouteKind,
    /// Where it is, with or without `/v1`; `None` for the vendor's own address.
    pub base_url: Option<Url>,
    /// The model's name, sent verbatim.
    pub model: String,
    /// The key; a gateway of one's own may need none.
    pub key: Option<SecretString>,
    /// The name of the variable that holds the key, for messages; a command gets the key under this name.
    pub key_env: String,
    /// How long one question may take, retries included.
    pub timeout: Duration,
    /// The longest answer, in tokens.
    pub max_output_tokens: u32,
    /// What it costs.
    pub price: Price,
    /// The command and its arguments, for [`RouteKind::Command`].
    pub argv: Vec<String>,
}

impl fmt::Debug for RouteSettings {
    /// Without the key, and of the address (which can hold a password) only the host; arguments can hold secrets too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteSettings")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("host", &self.base_url.as_ref().and_then(Url::host_str))
            .field("model", &self.model)
            .field("has_key", &self.key.is_some())
            .field("key_env", &self.key_env)
            .field("timeout", &self.timeout)
            .field("max_output_tokens", &self.max_output_tokens)
            .field("price", &self.price)
            .field("command", &self.argv.first())
            .finish()
    }
}

/// How often and how long a failed request is repeated. Times are doubled from the first to the longest, with jitter; the route's
/// timeout bounds all of it together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Repetitions after the first request.
    pub times: usize,
    /// Before the first of them.
    pub first: Duration,
    /// The longest wait. A gateway that asks for a longer one gets none: the error says when to come back.
    pub longest: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self { times: 3, first: Duration::from_millis(500), longest: Duration::from_secs(20) }
    }
}

/// Why the routes can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoutesError {
    /// A key that can't stand in a header.
    #[error("the key in {key_env} has characters that no key has; check it for line ends and quotes")]
    Key { key_env: String },
    /// The same name twice.
    #[error("the route `{route}` is configured twice")]
    Twice { route: String },
    /// The HTTP client can't be made.
    #[error("no HTTP client can be made ({reason}); check the machine's certificate authorities")]
    Client { reason: String },
}

/// The configured models.
pub struct Models {
    routes: Vec<Route>,
    client: Client,
    retries: Retries,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes: Vec<&RouteSettings> = self.routes.iter().map(|route| &route.settings).collect();
        f.debug_struct("Models").field("routes", &routes).field("retries", &self.retries).finish_non_exhaustive()
    }
}

struct Route {
    settings: RouteSettings,
    /// The key in its header.
    key: Option<(HeaderName, HeaderValue)>,
    /// Whether the gateway has refused the limit's usual name.
    other_limit_name: AtomicBool,
}

/// A failed request.
struct Failed {
    error: ModelError,
    /// Whether to repeat it at all.
    again: bool,
    /// How long the gateway wants us to wait.
    retry_after: Option<Duration>,
    /// Whether it is only about the name of the limit.
    about_limit: bool,
}

impl Models {
    /// Takes the routes. The process's rustls provider must be installed.
    pub fn new(routes: Vec<RouteSettings>, clock: Arc<dyn Clock>) -> Result<Self, RoutesError> {
        let mut names = HashSet::new();
        if let Some(route) = routes.iter().find(|route| !names.insert(&route.name)) {
            return Err(RoutesError::Twice { route: route.name.clone() });
        }
        let client = transport::client().map_err(|error| RoutesError::Client { reason: error.without_url().to_string() })?;
        let routes = routes.into_iter().map(Route::new).collect::<Result<_, _>>()?;
        Ok(Self { routes, client, retries: Retries::default(), clock })
    }

    /// Repeats failed requests otherwise than by [`Retries::default`].
    pub fn with_retries(mut self, retries: Retries) -> Self {
        self.retries = retries;
        self
    }

    fn route(&self, name: &str) -> Result<&Route, ModelError> {
        self.routes.iter().find(|route| route.settings.name == name).ok_or_else(|| ModelError::Unknown { route: name.to_owned() })
    }

    /// Sends what `call` makes until it succeeds, a repetition is pointless, or the time is up.
    async fn send<T>(
        &self,
        route: &Route,
        timeout: Duration,
        unquotable: Unquotable<'_>,
        call: impl Fn() -> Call,
        read: impl Fn(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<T, Failed> {
        let started = Instant::now();
        let once = || async {
            let result = match transport::exchange(&self.client, call(), ANSWER_CAP, self.clock.now()).await {
                Ok(body) => read(&body).map_err(|unreadable| route.unreadable(unreadable, &body, unquotable)),
                Err(failure) => Err(route.failed(failure, unquotable, self.clock.now())),
            };
            let status = result.as_ref().map_or_else(|failed| status_label(&failed.error), |_| "ok");
            metrics::counter!("regreen_llm_requests_total", "route" => route.settings.name.clone(), "status" => status).increment(1);
            result
        };
        let backoff =
            ExponentialBuilder::new().with_min_delay(self.retries.first).with_max_delay(self.retries.longest).with_max_times(self.retries.times).with_jitter();
        let repeated = once.retry(backoff).when(|failed: &Failed| failed.again).adjust(|failed, wait| {
            let wait = wait?.max(failed.retry_after.unwrap_or_default());
            let left = timeout.saturating_sub(started.elapsed());
            (wait < left && failed.retry_after.is_none_or(|asked| asked <= self.retries.longest)).then_some(wait)
        });
        match tokio::time::timeout(timeout, repeated).await {
            Ok(result) => result,
            Err(_) => {
                metrics::counter!("regreen_llm_requests_total", "route" => route.settings.name.clone(), "status" => "timeout").increment(1);
                Err(Failed::last(route.transient(format!("no answer within {} s", timeout.as_secs_f32()))))
            }
        }
    }

    async fn over_http(&self, route: &Route, request: &ModelRequest, unquotable: Unquotable<'_>) -> Result<Reply, ModelError> {
        let limit = request.max_output_tokens.min(route.settings.max_output_tokens).max(1);
        let send = |name: LimitName| {
            let (url, body) = route.question(request, limit, name);
            self.send(
                route,
                route.settings.timeout,
                unquotable,
                move || Call { method: Method::POST, url: url.clone(), headers: route.headers(&request.tag), body: Some(body.clone()) },
                |body| route.read(body),
            )
        };
        let name = route.limit_name();
        let mut result = send(name).await;
        if result.as_ref().is_err_and(|failed| failed.about_limit) {
            route.other_limit_name.fetch_xor(true, Ordering::Relaxed);
            result = send(name.other()).await;
        }
        result.map_err(|failed| failed.error)
    }

    async fn by_command(&self, route: &Route, request: &ModelRequest, unquotable: Unquotable<'_>) -> Result<Reply, ModelError> {
        let timeout = route.settings.timeout;
        let result = match tokio::time::timeout(timeout, command::ask(&route.settings, request)).await {
            Ok(Ok(text)) => Ok(Reply { text, ..Reply::default() }),
            Ok(Err(CommandFailure::NotStarted(why))) => Err(route.refused(format!("{why}; check argv"))),
            Ok(Err(CommandFailure::Failed { how, complaint })) => {
                let complaint = unquotable.quote(&String::from_utf8_lossy(&complaint)).map_or(String::new(), |complaint| format!(": {complaint}"));
                Err(route.unusable(format!("the command ended with {how}{complaint}")))
            }
            Ok(Err(CommandFailure::TooLong)) => Err(route.too_long()),
            Ok(Err(CommandFailure::NotText)) => Err(route.unusable("it is not UTF-8".into())),
            Err(_) => Err(route.transient(format!("no answer within {} s", timeout.as_secs_f32()))),
        };
        let status = result.as_ref().map_or_else(status_label, |_| "ok");
        metrics::counter!("regreen_llm_requests_total", "route" => route.settings.name.clone(), "status" => status).increment(1);
        result
    }
}

#[async_trait]
impl Llm for Models {
    fn routes(&self) -> Vec<String> {
        self.routes.iter().map(|route| route.settings.name.clone()).collect()
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelAnswer, ModelError> {
        let route = self.route(&request.route)?;
        if request.turns.iter().all(|turn| turn.text.trim().is_empty()) {
            return Err(route.refused("nothing was asked".into()));
        }
        let prompt: Vec<&str> = std::iter::once(request.system.as_str()).chain(request.turns.iter().map(|turn| turn.text.as_str())).collect();
        let unquotable = Unquotable { key: route.settings.key.as_ref().map(|key| key.expose_secret()), prompt: &prompt };
        let started = Instant::now();
        // Where the gateway does not count, three bytes a token errs on the safe side. An answer that can't be used was paid for too.
        let asked = prompt.iter().map(|text| text.len()).sum::<usize>().div_ceil(3) as u64;
        let reply = match route.settings.kind {
            RouteKind::Command => self.by_command(route, request, unquotable).await,
            _ => self.over_http(route, request, unquotable).await,
        };
        let reply = match reply {
            Err(ModelError::Unusable { route: name, message, .. }) => {
                let cost = Usage { input_tokens: asked, output_tokens: 0, cost_usd: route.settings.price.cost(asked, 0) };
                return Err(ModelError::Unusable { route: name, message, cost });
            }
            reply => reply?,
        };
        let input_tokens = reply.input_tokens.unwrap_or(asked);
        let output_tokens = reply.output_tokens.unwrap_or(reply.text.len().div_ceil(3) as u64);
        let cost_usd = route.settings.price.cost(input_tokens, output_tokens);
        let name = &route.settings.name;
        metrics::counter!("regreen_llm_tokens_total", "route" => name.clone(), "kind" => "input").increment(input_tokens);
        metrics::counter!("regreen_llm_tokens_total", "route" => name.clone(), "kind" => "output").increment(output_tokens);
        // A counter takes whole numbers only, and dollars are not.
        metrics::gauge!("regreen_llm_cost_usd_total", "route" => name.clone()).increment(cost_usd);
        let cost = Usage { input_tokens, output_tokens, cost_usd };
        let unusable = |message: String| Err(ModelError::Unusable { route: name.clone(), message, cost });
        match reply.end {
            End::CutOff => return unusable(format!("it was cut off after {output_tokens} tokens; raise max_output_tokens")),
            End::Declined => return Err(ModelError::Declined { route: name.clone(), cost }),
            End::ToolCall => return unusable("it asks for a tool, and none was offered".into()),
            End::Complete if reply.text.trim().is_empty() => return unusable("it is empty".into()),
            End::Complete => {}
        }
        Ok(ModelAnswer {
            text: reply.text,
            model: reply.model.unwrap_or_else(|| route.settings.model.clone()),
            response_id: reply.response_id,
            episode_id: reply.episode_id,
            input_tokens,
            output_tokens,
            cost_usd,
            took: started.elapsed(),
        })
    }

    /// Only TensorZero takes feedback; for the others there is nothing to do.
    async fn feedback(&self, route: &str, response_id: &str, metric: &str, value: bool) -> Result<(), ModelError> {
        let route = self.route(route)?;
        let (RouteKind::TensorZero, Some(given)) = (route.settings.kind, &route.settings.base_url) else {
            return Ok(());
        };
        let url = openai::below(&openai::tensorzero_root(given), &["feedback"]);
        let body = json!({"metric_name": metric, "inference_id": response_id, "value": value});
        let unquotable = Unquotable { key: route.settings.key.as_ref().map(|key| key.expose_secret()), prompt: &[] };
        let call = || Call { method: Method::POST, url: url.clone(), headers: route.headers(""), body: Some(body.clone()) };
        self.send(route, SHORT.min(route.settings.timeout), unquotable, call, |_| Ok(())).await.map_err(|failed| failed.error)
    }

    /// Lists the models (TensorZero: asks for its status), which costs nothing. A gateway that has no such list is alive too.
    async fn check(&self, route: &str) -> Result<(), ModelError> {
        let route = self.route(route)?;
        if route.settings.kind == RouteKind::Command {
            return command::find(&route.settings).map(|_| ()).ok_or_else(|| route.refused("the command was not found; give its full path in argv".into()));
        }
        let url = route.sign_of_life();
        let unquotable = Unquotable { key: route.settings.key.as_ref().map(|key| key.expose_secret()), prompt: &[] };
        let call = || Call { method: Method::GET, url: url.clone(), headers: route.headers(""), body: None };
        let alive = |status: u16| route.settings.kind == RouteKind::OpenAi && matches!(status, 404 | 405 | 501);
        let result =
            match tokio::time::timeout(SHORT.min(route.settings.timeout), transport::exchange(&self.client, call(), ANSWER_CAP, self.clock.now())).await {
                Ok(result) => result,
                Err(_) => return Err(route.transient("no sign of life in time; check base_url".into())),
            };
        match result {
            Ok(_) | Err(Failure::TooLong) => Ok(()),
            Err(Failure::Status { status, .. }) if alive(status) => Ok(()),
            Err(failure) => Err(route.failed(failure, unquotable, self.clock.now()).error),
        }
    }
}

impl Failed {
    fn last(error: ModelError) -> Self {
        Self { error, again: false, retry_after: None, about_limit: false }
    }
}

/// The metrics' label.
fn status_label(error: &ModelError) -> &'static str {
    match error {
        ModelError::Unauthorized { .. } => "unauthorized",
        ModelError::RateLimited { .. } => "rate_limited",
        ModelError::Transient { .. } => "transient",
        ModelError::Refused { .. } => "refused",
        ModelError::Unusable { .. } => "unusable",
        ModelError::Declined { .. } => "declined",
        ModelError::Unknown { .. } => "unknown",
    }
}

impl Route {
    fn new(settings: RouteSettings) -> Result<Self, RoutesError> {
        let key = match (&settings.key, settings.kind) {
            (None, _) | (_, RouteKind::Command) => None,
            (Some(key), kind) => {
                let key = key.expose_secret();
                let (name, value) = match kind {
                    RouteKind::Anthropic => (HeaderName::from_static("x-api-key"), HeaderValue::from_str(key)),
                    RouteKind::Gemini => (HeaderName::from_static("x-goog-api-key"), HeaderValue::from_str(key)),
                    _ => (AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {key}"))),
                };
                let mut value = value.map_err(|_| RoutesError::Key { key_env: settings.key_env.clone() })?;
                value.set_sensitive(true);
                Some((name, value))
            }
        };
        Ok(Self { settings, key, other_limit_name: AtomicBool::new(false) })
    }

    /// The address below which the route's endpoints are.
    fn base(&self) -> Url {
        let (vendor, version) = match self.settings.kind {
            RouteKind::Anthropic => (anthropic::ADDRESS, "v1"),
            RouteKind::Gemini => (gemini::ADDRESS, "v1beta"),
            RouteKind::TensorZero => ("http://localhost:3000", "v1"),
            RouteKind::OpenAi | RouteKind::Command => ("https://api.openai.com/v1", "v1"),
        };
        match &self.settings.base_url {
            Some(given) if self.settings.kind == RouteKind::TensorZero => openai::tensorzero_base(given),
            Some(given) => openai::base(given, version),
            None => vendor.parse().map(|url| openai::base(&url, version)).unwrap_or_else(|error| unreachable!("`{vendor}` is an address: {error}")),
        }
    }

    fn sign_of_life(&self) -> Url {
        match (&self.settings.base_url, self.settings.kind) {
            (Some(given), RouteKind::TensorZero) => openai::below(&openai::tensorzero_root(given), &["status"]),
            _ => openai::below(&self.base(), &["models"]),
        }
    }

    /// OpenAI's own (and Azure's) models want the new name, other gateways may know only the old one.
    fn limit_name(&self) -> LimitName {
        let own = match self.settings.base_url.as_ref().map(|url| url.host_str().unwrap_or_default()) {
            None => true,
            Some(host) => host == "api.openai.com" || host.ends_with(".openai.azure.com"),
        };
        let name = if own && self.settings.kind == RouteKind::OpenAi { LimitName::MaxCompletionTokens } else { LimitName::MaxTokens };
        if self.other_limit_name.load(Ordering::Relaxed) { name.other() } else { name }
    }

    fn question(&self, request: &ModelRequest, limit: u32, name: LimitName) -> (Url, Value) {
        let base = self.base();
        let model = &self.settings.model;
        match self.settings.kind {
            RouteKind::Anthropic => (openai::below(&base, &["messages"]), anthropic::body(model, request, limit)),
            RouteKind::Gemini => (gemini::address(&base, model), gemini::body(request, limit)),
            RouteKind::TensorZero => {
                let mut body = openai::body(model, request, limit, name);
                body["tensorzero::tags"] = json!({"regreen_remediation": request.tag});
                (openai::below(&base, &["chat", "completions"]), body)
            }
            RouteKind::OpenAi | RouteKind::Command => (openai::below(&base, &["chat", "completions"]), openai::body(model, request, limit, name)),
        }
    }

    fn read(&self, body: &[u8]) -> Result<Reply, Unreadable> {
        match self.settings.kind {
            RouteKind::Anthropic => anthropic::read(body),
            RouteKind::Gemini => gemini::read(body),
            _ => openai::read(body),
        }
    }

    fn headers(&self, tag: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = &self.key {
            headers.insert(name.clone(), value.clone());
        }
        if self.settings.kind == RouteKind::Anthropic {
            headers.insert("anthropic-version", HeaderValue::from_static(anthropic::VERSION));
        }
        // What OpenAI calls the client's own id of a request; it has to differ from one request to the next.
        if !tag.is_empty()
            && let Ok(value) = HeaderValue::from_str(&format!("{tag}-{}", uuid::Uuid::now_v7()))
        {
            headers.insert("x-client-request-id", value);
        }
        headers
    }

    fn failed(&self, failure: Failure, unquotable: Unquotable<'_>, now: DateTime<Utc>) -> Failed {
        match failure {
            Failure::Network(message) => Failed { again: true, ..Failed::last(self.transient(message)) },
            Failure::TooLong => Failed::last(self.too_long()),
            Failure::Status { status, retry_after, body } => {
                let complaint = Complaint::read(&body, unquotable);
                let retry_at = retry_after.and_then(|wait| chrono::Duration::from_std(wait).ok()).map(|wait| now + wait);
                Failed { retry_after, ..self.refusal(status, &complaint, retry_at) }
            }
        }
    }

    fn refusal(&self, status: u16, complaint: &Complaint, retry_at: Option<DateTime<Utc>>) -> Failed {
        let sentence = complaint.sentence(status);
        let route = self.settings.name.clone();
        let (error, again) = match status {
            _ if complaint.about_key => (self.unauthorized(), false),
            401 | 403 => (self.unauthorized(), false),
            429 if complaint.code.as_deref() == Some("insufficient_quota") => (self.refused(format!("{sentence}; the account has no credit left")), false),
            429 => (ModelError::RateLimited { route, retry_at }, true),
            404 => (self.refused(format!("{sentence}; check base_url and model")), false),
            300..=399 => (self.refused(format!("status {status}, a redirect; set base_url to where it leads")), false),
            408 | 425 | 500 | 502.. => (self.transient(sentence), true),
            _ => (self.refused(sentence), false),
        };
        Failed { again, about_limit: status == 400 && complaint.about_limit, ..Failed::last(error) }
    }

    fn unreadable(&self, unreadable: Unreadable, body: &[u8], unquotable: Unquotable<'_>) -> Failed {
        match unreadable {
            Unreadable::Page => Failed::last(self.unusable("a web page came instead of JSON; check base_url".into())),
            Unreadable::Shape => Failed::last(self.unusable("it is not the JSON that was expected; check base_url and kind".into())),
            Unreadable::Complaint(Some(status)) => self.refusal(status, &Complaint::read(body, unquotable), None),
            Unreadable::Complaint(None) => Failed::last(self.unusable(Complaint::read(body, unquotable).sentence(200))),
        }
    }

    fn unauthorized(&self) -> ModelError {
        let key_env = if self.settings.key_env.is_empty() { "the route's key_env".to_owned() } else { self.settings.key_env.clone() };
        ModelError::Unauthorized { route: self.settings.name.clone(), key_env }
    }

    fn transient(&self, message: String) -> ModelError {
        ModelError::Transient { route: self.settings.name.clone(), message }
    }

    fn refused(&self, message: String) -> ModelError {
        ModelError::Refused { route: self.settings.name.clone(), message }
    }

    fn unusable(&self, message: String) -> ModelError {
        ModelError::Unusable { route: self.settings.name.clone(), message, cost: Usage::default() }
    }

    fn too_long(&self) -> ModelError {
        self.unusable(format!("too long: more than {ANSWER_CAP} bytes"))
    }
}
