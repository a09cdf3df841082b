//! GitHub's REST API and the GraphQL mutations that have no REST counterpart.

mod actions;
mod apps;
pub(crate) mod blob;
mod branches;
mod commits;
mod graphql;
pub(crate) mod issues;
mod pulls;
pub(crate) mod shapes;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{Duration, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::SimulatorError;
use crate::http::{Reply, Request, hex};
use crate::state::{Repo, TokenKind, World};

/// An answer, or the problem that takes its place.
pub(crate) type Answer = Result<Reply, Reply>;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub token: Option<String>,
    pub login: String,
    pub kind: Option<TokenKind>,
    pub write: bool,
    repos: Option<Vec<String>>,
}

impl Caller {
    fn anonymous() -> Self {
        Self { token: None, login: "anonymous".to_owned(), kind: None, write: false, repos: Some(Vec::new()) }
    }

    pub fn sees(&self, repo: &Repo) -> bool {
        !repo.private || self.repos.as_ref().is_none_or(|repos| repos.iter().any(|name| name.eq_ignore_ascii_case(&repo.full_name())))
    }
}

/// One request with what answering it needs.
pub(crate) struct Call {
    pub world: Arc<World>,
    pub request: Request,
    pub caller: Caller,
}

impl From<SimulatorError> for Reply {
    fn from(error: SimulatorError) -> Self {
        tracing::warn!(%error, "the simulated GitHub failed");
        Reply::json(500, &json!({"message": "Server Error", "documentation_url": DOCS, "status": "500", "simulator": error.to_string()}))
    }
}

const DOCS: &str = "https://docs.github.com/rest";

pub(crate) fn message(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({"message": text, "documentation_url": DOCS, "status": status.to_string()}))
}

pub(crate) fn not_found() -> Reply {
    message(404, "Not Found")
}

/// A 422 in GitHub's shape; a `custom` code carries the text, others the field.
pub(crate) fn invalid(resource: &str, code: &str, field: Option<&str>, text: &str) -> Reply {
    let mut error = json!({"resource": resource, "code": code});
    if let Some(field) = field {
        error["field"] = json!(field);
    }
    if !text.is_empty() {
        error["message"] = json!(text);
    }
    Reply::json(422, &json!({"message": "Validation Failed", "errors": [error], "documentation_url": DOCS, "status": "422"}))
}

/// The token of an `Authorization` header: `Bearer x`, `token x`, or the password of basic authentication.
pub(crate) fn token_of(request: &Request) -> Option<String> {
    let header = request.header("authorization")?;
    let (scheme, value) = header.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => Some(value.trim().to_owned()),
        "basic" => {
            let decoded = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
            decoded.split_once(':').map(|(user, password)| if password.is_empty() { user } else { password }.to_owned())
        }
        _ => None,
    }
}

/// Who a request comes from, or none where its token is unknown or expired.
pub(crate) fn identify(world: &World, request: &Request) -> Option<Caller> {
    let Some(token) = token_of(request) else {
        return if request.header("authorization").is_some() { None } else { Some(Caller::anonymous()) };
    };
    let state = world.state();
    let known = state.tokens.get(&token)?;
    if known.expires_at.is_some_and(|expiry| expiry <= Utc::now()) {
        return None;
    }
    Some(Caller {
        token: Some(token.clone()),
        login: known.spec.login.clone(),
        kind: Some(known.spec.kind),
        write: known.spec.write,
        repos: known.spec.repos.clone(),
    })
}

/// Answers a request to the API's port.
pub(crate) async fn answer(world: Arc<World>, mut request: Request) -> Reply {
    if let Some(path) = request.path.strip_prefix("/api/v3") {
        request.path = path.to_owned();
    }
    let segments = request.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let Some(reply) = apps::app_route(&world, &request, &parts) {
        return finish(&world, None, &request, reply);
    }
    let Some(caller) = identify(&world, &request) else {
        return finish(&world, None, &request, message(401, "Bad credentials"));
    };
    if let Some(refusal) = exhausted(&world, &caller) {
        return finish(&world, Some(&caller), &request, refusal);
    }
    let call = Call { world: world.clone(), request, caller };
    let reply = route(&call, &parts).await.unwrap_or_else(|problem| problem);
    finish(&world, Some(&call.caller), &call.request, reply)
}

async fn route(call: &Call, parts: &[&str]) -> Answer {
    match (call.request.method.as_str(), parts) {
        ("POST", ["graphql"] | ["api", "graphql"]) => graphql::answer(call).await,
        (_, ["repos", owner, name, rest @ ..]) => {
            let full = format!("{owner}/{name}");
            let (repo, moved) = {
                let state = call.world.state();
                (state.repo(&full).cloned(), state.renamed.get(&full.to_lowercase()).copied())
            };
            match (repo, moved) {
                (Some(repo), _) => repo_route(call, &repo, rest).await,
                (None, Some(id)) => {
                    let rest: String = call.request.path.split('/').skip(4).map(|segment| format!("/{segment}")).collect();
                    let query = if call.request.raw_query.is_empty() { String::new() } else { format!("?{}", call.request.raw_query) };
                    let url = format!("{}/repositories/{id}{rest}{query}", call.world.urls.api);
                    let status = if call.request.method == "GET" { 301 } else { 307 };
                    let body = json!({"message": "Moved Permanently", "url": url, "documentation_url": DOCS});
                    Ok(Reply::json(status, &body).with("location", url))
                }
                (None, None) => Err(not_found()),
            }
        }
        (_, ["repositories", id, rest @ ..]) => {
            let repo = id.parse().ok().and_then(|id| call.world.repo_by_id(id)).ok_or_else(not_found)?;
            repo_route(call, &repo, rest).await
        }
        _ => apps::answer(call, parts),
    }
}

async fn repo_route(call: &Call, repo: &Repo, rest: &[&str]) -> Answer {
    if !call.caller.sees(repo) {
        return Err(not_found());
    }
    let method = call.request.method.as_str();
    if method != "GET" && !call.caller.write {
        return Err(match call.caller.kind {
            None => message(401, "Requires authentication"),
            Some(TokenKind::Pat) => message(403, "Resource not accessible by personal access token"),
            Some(TokenKind::App) => message(403, "Resource not accessible by integration"),
        });
    }
    match rest {
        [] if method == "GET" => {
            let state = call.world.state();
            let mut value = shapes::repository(&call.world.urls, &state, repo);
            if call.caller.token.is_some() {
                value["permissions"] = json!({"admin": false, "maintain": false, "push": call.caller.write, "triage": call.caller.write, "pull": true});
            }
            Ok(Reply::json(200, &value))
        }
        ["branches" | "rules" | "git", ..] => branches::answer(call, repo, rest).await,
        ["commits" | "compare" | "contents", ..] => commits::answer(call, repo, rest).await,
        ["actions" | "check-runs", ..] => actions::answer(call, repo, rest).await,
        ["pulls", ..] => pulls::answer(call, repo, rest).await,
        ["issues" | "labels" | "collaborators", ..] => issues::answer(call, repo, rest).await,
        ["installation"] if method == "GET" => apps::repo_installation(call, repo),
        _ => Err(not_found()),
    }
}

/// Counts against the budget; answers the refusal where it is spent.
fn exhausted(world: &World, caller: &Caller) -> Option<Reply> {
    let token = caller.token.as_ref()?;
    let limit = world.options.rate_limit;
    let mut state = world.state();
    let known = state.tokens.get_mut(token)?;
    if Utc::now() - known.window_start > Duration::hours(1) {
        known.window_start = Utc::now();
        known.used = 0;
    }
    if known.used >= limit {
        return Some(message(403, "API rate limit exceeded for user ID 1."));
    }
    known.used += 1;
    None
}

/// Adds what every answer carries: the tag, bound to the caller, that makes a 304 possible, and the state of the budget.
fn finish(world: &World, caller: Option<&Caller>, request: &Request, mut reply: Reply) -> Reply {
    let token = caller.and_then(|caller| caller.token.as_deref());
    if request.method == "GET" && reply.status == 200 {
        let mut hasher = Sha256::new();
        hasher.update(token.unwrap_or_default());
        hasher.update([0]);
        hasher.update(request.header("accept").unwrap_or_default());
        hasher.update([0]);
        hasher.update(&reply.body);
        let tag = format!("W/\"{}\"", hex(&hasher.finalize()));
        let known = request
            .header("if-none-match")
            .is_some_and(|tags| tags.split(',').any(|candidate| candidate.trim().trim_start_matches("W/") == tag.trim_start_matches("W/")));
        if known {
            reply = Reply::empty(304);
            let mut state = world.state();
            // Answers that changed nothing are free.
            if let Some(known) = token.and_then(|token| state.tokens.get_mut(token)) {
                known.used = known.used.saturating_sub(1);
            }
        }
        reply = reply.with("etag", tag).with("cache-control", "private, max-age=60, s-maxage=60");
    }
    let (used, reset) = {
        let state = world.state();
        let known = token.and_then(|token| state.tokens.get(token));
        (known.map_or(0, |known| known.used), known.map_or_else(Utc::now, |known| known.window_start) + Duration::hours(1))
    };
    let limit = world.options.rate_limit;
    reply
        .with("x-ratelimit-limit", limit.to_string())
        .with("x-ratelimit-remaining", limit.saturating_sub(used).to_string())
        .with("x-ratelimit-used", used.to_string())
        .with("x-ratelimit-reset", reset.timestamp().to_string())
        .with("x-ratelimit-resource", "core")
        .with("x-github-media-type", "github.v3; format=json")
        .with("x-github-api-version-selected", "2022-11-28")
        .with("x-github-request-id", "51C0:FFEE:1:2:3")
}

impl Call {
    /// A positive number from the query.
    fn number(&self, name: &str) -> Option<usize> {
        self.request.query(name).and_then(|text| text.parse().ok())
    }

    /// One page of a list, with the `Link` header of its neighbours. `wrap` names the list inside an object with `total_count`.
    pub fn page(&self, items: Vec<Value>, wrap: Option<&str>) -> Reply {
        let total = items.len();
        let size = self.number("per_page").filter(|size| *size > 0).unwrap_or(30).min(100);
        let page = self.number("page").unwrap_or(1).max(1);
        let last = total.div_ceil(size).max(1);
        let shown: Vec<Value> = items.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
        let body = match wrap {
            Some(name) => json!({"total_count": total, name: shown}),
            None => Value::Array(shown),
        };
        let mut reply = Reply::json(200, &body);
        let mut links = Vec::new();
        let mut link = |page: usize, relation: &str| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for (key, value) in url::form_urlencoded::parse(self.request.raw_query.as_bytes()).filter(|(key, _)| key != "page") {
                query.append_pair(&key, &value);
            }
            query.append_pair("page", &page.to_string());
            links.push(format!("<{}{}?{}>; rel=\"{relation}\"", self.world.urls.api, self.request.path, query.finish()));
        };
        if page > 1 {
            link((page - 1).min(last), "prev");
        }
        if page < last {
            link(page + 1, "next");
            link(last, "last");
        }
        if page > 1 {
            link(1, "first");
        }
        if !links.is_empty() {
            reply = reply.with("link", links.join(", "));
        }
        reply
    }

    /// A text field of the JSON body.
    pub fn field(&self, name: &str) -> Option<String> {
        self.request.json()[name].as_str().map(str::to_owned)
    }
}
