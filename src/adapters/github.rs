//! GitHub, and GitHub Enterprise Server. Octocrab carries the requests and signs for the App; the shapes, the retries and the limits are our own.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::SecondsFormat;
use http::{Method, StatusCode, header};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

use crate::domain::gate::{Clearance, Offer, Permit, Protection, SmallWrite};
use crate::domain::ids::{BranchName, CommitSha, JobId, PullNumber, RepoSlug, RunId};
use crate::ports::clock::Clock;
use crate::ports::forge::{
    Access, Branch, CommitCheck, Conclusion, Forge, ForgeError, Fresh, GitAccess, Job, LogText, NewPull, OpenedPull, Pull, RateLimit, Repository, RunPage,
    WorkflowRun,
};

mod auth;
mod client;
mod failure;
mod protection;
mod route;
mod transport;
mod wire;

pub use auth::GitHubAuth;
pub use client::RetryPolicy;
pub use transport::Timeouts;

use auth::{Credentials, Scope};
use client::{Answer, Ask, Client, RAW, Sink, parse};
use failure::{Failure, plain};
use route::Route;

/// The route of GraphQL, whose address is not below the API's base everywhere.
const GRAPHQL: &str = "/graphql";
/// Rows a page: GitHub's largest.
const PER_PAGE: usize = 100;
/// A listing that is longer is refused: absence of a row would else mean nothing.
const MOST_PAGES: u32 = 50;
/// How many pull requests' owners are remembered for GraphQL.
const MOST_NODES: usize = 10_000;

/// What the adapter needs.
#[derive(Clone)]
pub struct GitHubSettings {
    /// `https://api.github.com`, or `https://HOST/api/v3`.
    pub api_url: Url,
    /// `https://github.com`, or `https://HOST`.
    pub server_url: Url,
    /// Who we are.
    pub auth: GitHubAuth,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The `User-Agent`, which GitHub requires.
    pub user_agent: String,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// How reads are repeated.
    pub retry: RetryPolicy,
}

/// Settings that can't work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitHubSettingsError {
    /// An address.
    #[error("{name}: an http or https address without user, query and fragment is expected")]
    Address { name: &'static str },
    /// The token or the key. Its text is not shown.
    #[error("{name}: it can't be used; {expected}")]
    Credentials { name: &'static str, expected: &'static str },
    /// The HTTP client.
    #[error("the HTTP client can't be built ({message}); check SSL_CERT_FILE and the proxy settings")]
    Client { message: String },
    /// A mistake of ours.
    #[error("the GitHub adapter must be built within a tokio runtime")]
    NoRuntime,
}

/// The forge at GitHub.
pub struct GitHub {
    client: Client,
    server: String,
    /// GraphQL names a pull request by its node id alone; an App has to know whose it is.
    owners: Mutex<HashMap<String, String>>,
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHub").field("api", &self.client.api.as_str()).field("credentials", &self.client.credentials).finish_non_exhaustive()
    }
}

impl GitHub {
    /// Checks the settings and builds the client; sends nothing. Octocrab spawns a task, so a tokio runtime must be running.
    pub fn new(settings: GitHubSettings) -> Result<Self, GitHubSettingsError> {
        let GitHubSettings { api_url, server_url, auth, clock, user_agent, timeouts, retry } = settings;
        for (name, url) in [("GITHUB_API_URL", &api_url), ("GITHUB_SERVER_URL", &server_url)] {
            let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
            if !plain || !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
                return Err(GitHubSettingsError::Address { name });
            }
            if url.scheme() == "http" && !transport::is_loopback(url) {
                tracing::warn!(setting = name, "the credentials travel unencrypted; use https");
            }
        }
        let credentials = Credentials::new(&auth).map_err(|_| match auth {
            GitHubAuth::Token(_) => GitHubSettingsError::Credentials { name: "GITHUB_TOKEN", expected: "one line of visible characters is expected" },
            GitHubAuth::App { .. } => GitHubSettingsError::Credentials { name: "GITHUB_APP_PRIVATE_KEY", expected: "an RSA private key as PEM is expected" },
        })?;
        tokio::runtime::Handle::try_current().map_err(|_| GitHubSettingsError::NoRuntime)?;
        let octocrab = transport::octocrab(&api_url, &user_agent, &timeouts).map_err(|error| GitHubSettingsError::Client { message: error.to_string() })?;
        let graphql = graphql_url(&api_url);
        let client = Client { graphql, octocrab, credentials, clock, timeouts, retry, api: api_url, limit: Mutex::default() };
        Ok(Self { client, server: server_url.as_str().trim_end_matches('/').to_owned(), owners: Mutex::default() })
    }

    /// A read below one repository.
    fn get<'a>(&self, slug: &'a RepoSlug, template: &'static str, values: &[&str]) -> Result<Ask<'a>, ForgeError> {
        Ok(Ask::get(Scope::Owner(slug.owner()), below(slug, template, values)?))
    }

    /// All rows of a listing. `rows` takes a page apart.
    async fn list<P: DeserializeOwned, T>(&self, mut ask: Ask<'_>, rows: impl Fn(P) -> Vec<T>) -> Result<Vec<T>, ForgeError> {
        let first = ask.route.clone().with("per_page", &PER_PAGE.to_string());
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            // The first page has no number, so that its address is the one that a validator was given for.
            ask.route = if page == 1 { first.clone() } else { first.clone().with("page", &page.to_string()) };
            let answer = self.client.read(&ask).await?;
            let got = rows(parse(&ask, &answer)?);
            // A `Link` header knows best; without one, a full page means that there may be more.
            let more = match answer.header(header::LINK) {
                Some(link) => link.contains("rel=\"next\""),
                None => got.len() >= PER_PAGE,
            };
            all.extend(got);
            if !more {
                return Ok(all);
            }
        }
        Err(ForgeError::Malformed { what: ask.what(), message: format!("more than {MOST_PAGES} pages") })
    }

    /// A write below one repository: sent once. A redirect means that nothing was done and the name is an old one; the redirect of the read goes by the
    /// repository's id, which gives the new name.
    async fn write(&self, slug: &RepoSlug, method: Method, template: &'static str, values: &[&str], body: &serde_json::Value) -> Result<Answer, ForgeError> {
        let moved = match self.send(slug, method.clone(), template, values, body).await {
            Ok(answer) => return Ok(answer),
            Err(Failure::Moved(error)) => error,
            Err(other) => return Err(other.into_error()),
        };
        let now = self.repository(slug).await?;
        if now.slug == *slug {
            return Err(moved);
        }
        self.send(&now.slug, method, template, values, body).await.map_err(Failure::into_error)
    }

    async fn send(&self, slug: &RepoSlug, method: Method, template: &'static str, values: &[&str], body: &serde_json::Value) -> Result<Answer, Failure> {
        let route = below(slug, template, values).map_err(Failure::Final)?;
        self.client.attempt(&Ask::with_body(method, Scope::Owner(slug.owner()), route, body)).await
    }

    /// Whether the installation may push; `None` with a token, where the repository's own word counts.
    async fn installed_push(&self, owner: &str) -> Result<Option<bool>, ForgeError> {
        match self.client.credentials {
            Credentials::Token(_) => Ok(None),
            Credentials::App { .. } => Ok(self.client.installation(owner).await.map_err(Failure::into_error)?.can_push),
        }
    }

    fn remember(&self, slug: &RepoSlug, pull: &Pull) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.len() >= MOST_NODES {
            // What is forgotten is found again by asking every installation.
            owners.clear();
        }
        owners.insert(pull.node_id.clone(), slug.owner().to_owned());
    }

    /// Our own pull request, or a refusal: a number that was mixed up must not touch a teammate's.
    async fn own_pull(&self, slug: &RepoSlug, number: PullNumber) -> Result<(), ForgeError> {
        let pull = self.pull(slug, number).await?;
        if pull.head.is_ours() {
            return Ok(());
        }
        Err(ForgeError::Refused { what: format!("pull request #{number} of {slug}"), message: "it is not one of ours".into() })
    }

    /// The rules that apply to a branch.
    async fn rules(&self, slug: &RepoSlug, branch: &BranchName) -> Result<Protection, ForgeError> {
        let ask = self.get(slug, "/repos/{owner}/{repo}/rules/branches/{branch}", &[branch.as_str()])?;
        let rules: Vec<wire::Rule> = self.list(ask, |rows: Vec<wire::Rule>| rows).await?;
        Ok(protection::by_rules(rules.iter().map(|rule| rule.kind.as_deref().unwrap_or("a rule without a type"))))
    }

    /// Owners that a node id may belong to.
    async fn owners_of(&self, node_id: &str) -> Result<Vec<String>, ForgeError> {
        let known = self.owners.lock().unwrap_or_else(PoisonError::into_inner).get(node_id).cloned();
        match (&self.client.credentials, known) {
            (_, Some(owner)) => Ok(vec![owner]),
            (Credentials::Token(_), None) => Ok(vec![String::new()]),
            (Credentials::App { .. }, None) => {
                let ask = Ask::get(Scope::App, route("/app/installations", &[])?);
                let rows: Vec<wire::InstallationWire> = self.list(ask, |rows: Vec<wire::InstallationWire>| rows).await?;
                Ok(rows.iter().filter(|row| row.suspended_at.is_none()).filter_map(|row| row.owner().map(str::to_owned)).collect())
            }
        }
    }

    async fn ready_as(&self, owner: &str, node_id: &str) -> Result<(), ForgeError> {
        const MUTATION: &str = "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }";
        let body = json!({ "query": MUTATION, "variables": { "id": node_id } });
        let ask = Ask::with_body(Method::POST, Scope::Owner(owner), route(GRAPHQL, &[])?, &body);
        let answer = self.client.attempt(&ask).await.map_err(Failure::into_error)?;
        let told: wire::GraphQl = parse(&ask, &answer)?;
        let what = "marking the pull request ready".to_owned();
        if let Some(error) = told.errors.unwrap_or_default().into_iter().next() {
            let message = plain(&error.message.unwrap_or_default());
            return Err(match error.kind.as_deref() {
                Some("NOT_FOUND") => ForgeError::NotFound { what },
                Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => ForgeError::Forbidden { what, message },
                Some("RATE_LIMITED") => ForgeError::RateLimited { what, retry_at: self.limited_until(&answer) },
                Some("INTERNAL" | "SERVICE_UNAVAILABLE") => ForgeError::Transient { what, message },
                _ if message.contains("Resource not accessible") => ForgeError::Forbidden { what, message },
                _ => ForgeError::Refused { what, message },
            });
        }
        match told.data.as_ref().and_then(|data| data.pointer("/markPullRequestReadyForReview/pullRequest/isDraft")) {
            Some(serde_json::Value::Bool(false)) => Ok(()),
            Some(serde_json::Value::Bool(true)) => Err(ForgeError::Refused { what, message: "it is still a draft".into() }),
            _ => Err(ForgeError::Malformed { what, message: "neither data nor errors".into() }),
        }
    }

    fn limited_until(&self, answer: &Answer) -> chrono::DateTime<chrono::Utc> {
        let now = self.client.clock.now();
        let reset = failure::number(&answer.headers, "x-ratelimit-reset").and_then(|at| i64::try_from(at).ok());
        reset.and_then(|at| chrono::DateTime::from_timestamp(at, 0)).filter(|at| *at > now).unwrap_or(now + chrono::TimeDelta::minutes(1))
    }
}

/// `https://HOST/api/v3` → `https://HOST/api/graphql`; else `/graphql` at the base.
fn graphql_url(api: &Url) -> Url {
    let base = api.path().trim_end_matches('/');
    let path = base.strip_suffix("/v3").filter(|rest| rest.ends_with("/api")).unwrap_or(base);
    let mut url = api.clone();
    url.set_path(&format!("{path}{GRAPHQL}"));
    url
}

fn route(template: &'static str, values: &[&str]) -> Result<Route, ForgeError> {
    Route::new(template, values).map_err(|bad| failure::of_segment(template, bad).into_error())
}

/// A route below a repository: owner and name come first.
fn below(slug: &RepoSlug, template: &'static str, values: &[&str]) -> Result<Route, ForgeError> {
    route(template, &[&[slug.owner(), slug.name()], values].concat())
}

fn malformed(ask: &Ask<'_>) -> impl Fn(wire::Fault) -> ForgeError {
    let what = ask.what();
    move |message| ForgeError::Malformed { what: what.clone(), message }
}

/// Rows of which one that can't be read must not hide the others: it is logged and left out.
fn readable<W: DeserializeOwned, T>(rows: Vec<serde_json::Value>, what: &str, into: impl Fn(W) -> Result<T, wire::Fault>) -> Vec<T> {
    let read = |row| serde_json::from_value::<W>(row).map_err(|error| error.to_string()).and_then(&into);
    rows.into_iter()
        .filter_map(|row| read(row).inspect_err(|fault| tracing::warn!(what, fault = plain(fault), "a row of the forge's answer was left out")).ok())
        .collect()
}

/// A permit is for one kind of write; a rollback's also covers withdrawing what is ours.
fn permitted(permit: &Permit, kinds: &[SmallWrite], what: &str) -> Result<(), ForgeError> {
    if kinds.contains(&permit.what()) {
        return Ok(());
    }
    Err(ForgeError::Refused { what: what.to_owned(), message: "the permit is for another kind of write".into() })
}

#[async_trait]
impl Forge for GitHub {
    async fn repository(&self, slug: &RepoSlug) -> Result<Repository, ForgeError> {
        let ask = self.get(slug, "/repos/{owner}/{repo}", &[])?;
        let found: wire::RepoWire = self.client.read_json(&ask).await?;
        found.into_port(self.installed_push(slug.owner()).await?, &self.server).map_err(malformed(&ask))
    }

    async fn repositories_of(&self, owner: &str) -> Result<Vec<Repository>, ForgeError> {
        let can_push = self.installed_push(owner).await?;
        let scope = Scope::Owner(owner);
        let (ask, rows) = if matches!(self.client.credentials, Credentials::App { .. }) {
            let ask = Ask::get(scope, route("/installation/repositories", &[])?);
            (ask.clone(), self.list(ask, |page: wire::Repos| page.repositories).await?)
        } else {
            let found: wire::User = self.client.read_json(&Ask::get(scope, route("/users/{owner}", &[owner])?)).await?;
            let ask = if found.kind.as_deref() == Some("Organization") {
                Ask::get(scope, route("/orgs/{owner}/repos", &[owner])?.with("type", "all"))
            } else if self.whoami().await.is_ok_and(|login| login.eq_ignore_ascii_case(owner)) {
                // Only here are private repositories listed.
                Ask::get(scope, route("/user/repos", &[])?.with("affiliation", "owner"))
            } else {
                Ask::get(scope, route("/users/{owner}/repos", &[owner])?.with("type", "owner"))
            };
            (ask.clone(), self.list(ask, |rows: Vec<serde_json::Value>| rows).await?)
        };
        let mut all = readable(rows, &ask.what(), |row: wire::RepoWire| row.into_port(can_push, &self.server));
        all.retain(|repo| repo.slug.owner().eq_ignore_ascii_case(owner));
        Ok(all)
    }

    async fn git_access(&self, repo: &Repository) -> Result<GitAccess, ForgeError> {
        let token: SecretString = match &self.client.credentials {
            Credentials::Token(token) => token.clone(),
            Credentials::App { .. } => self.client.installation(repo.slug.owner()).await.map_err(Failure::into_error)?.token,
        };
        // The address is made anew from the slug: a stored or foreign one must not get the token.
        Ok(GitAccess { url: format!("{}/{}.git", self.server, repo.slug), username: Some("x-access-token".into()), password: Some(token) })
    }

    /// All events are listed: what is not wanted is refused, with a reason, at intake, and a filtered page could be taken for the last one.
    async fn completed_runs(&self, slug: &RepoSlug, page: RunPage, validator: Option<&str>) -> Result<Fresh<Vec<WorkflowRun>>, ForgeError> {
        let mut ask = self.get(slug, "/repos/{owner}/{repo}/actions/runs", &[])?;
        // `completed` includes `timed_out` and `startup_failure`, which `failure` misses.
        ask.route = ask.route.with("status", "completed").with("per_page", "100").with("exclude_pull_requests", "true");
        if let Some(until) = page.until {
            ask.route = ask.route.with("created", &format!("<={}", until.to_rfc3339_opts(SecondsFormat::Secs, true)));
        }
        if page.number > 1 {
            ask.route = ask.route.with("page", &page.number.to_string());
        }
        if page == RunPage::FIRST {
            ask.validator = validator.filter(|text| header::HeaderValue::from_str(text).is_ok());
        }
        let answer = self.client.read(&ask).await?;
        if answer.status == StatusCode::NOT_MODIFIED {
            return Ok(Fresh::Same);
        }
        let found: wire::Runs = parse(&ask, &answer)?;
        let validator = (page == RunPage::FIRST).then(|| answer.header(header::ETAG).map(str::to_owned)).flatten();
        Ok(Fresh::New(readable(found.workflow_runs, &ask.what(), wire::RunWire::into_port), validator))
    }

    async fn run(&self, slug: &RepoSlug, run: RunId) -> Result<WorkflowRun, ForgeError> {
        let ask = self.get(slug, "/repos/{owner}/{repo}/actions/runs/{run}", &[&run.to_string()])?;
        let found: wire::RunWire = self.client.read_json(&ask).await?;
        found.into_port().map_err(malformed(&ask))
    }

    /// A row that can't be read is an error here: whether all runs of a commit have ended hangs on every one.
    async fn runs_of(&self, slug: &RepoSlug, sha: &CommitSha) -> Result<Vec<WorkflowRun>, ForgeError> {
        let mut ask = self.get(slug, "/repos/{owner}/{repo}/actions/runs", &[])?;
        ask.route = ask.route.with("head_sha", sha.as_str()).with("exclude_pull_requests", "true");
        let rows = self.list(ask.clone(), |page: wire::Runs| page.workflow_runs).await?;
        let read = |row| serde_json::from_value::<wire::RunWire>(row).map_err(|error| error.to_string()).and_then(wire::RunWire::into_port);
        rows.into_iter().map(read).collect::<Result<_, _>>().map_err(malformed(&ask))
    }

    /// Runs of forks that happen to have a branch of this name are left out.
    async fn last_green(&self, slug: &RepoSlug, path: &str, branch: &BranchName) -> Result<Option<WorkflowRun>, ForgeError> {
        // Workflows that GitHub itself provides have a path that is no file.
        let Some(file) = path.strip_prefix(".github/workflows/").filter(|file| !file.is_empty() && !file.contains('/')) else { return Ok(None) };
        let mut ask = self.get(slug, "/repos/{owner}/{repo}/actions/workflows/{file}/runs", &[file])?;
        ask.route = ask.route.with("branch", branch.as_str()).with("status", "success").with("per_page", "20").with("exclude_pull_requests", "true");
        let found: wire::Runs = match self.client.read_json(&ask).await {
            Ok(found) => found,
            Err(ForgeError::NotFound { .. }) => return Ok(None),
            Err(other) => return Err(other),
        };
        let runs: Vec<WorkflowRun> = readable(found.workflow_runs, &ask.what(), wire::RunWire::into_port);
        let fits = |run: &WorkflowRun| run.conclusion == Some(Conclusion::Success) && run.head_repo == Some(run.repo);
        Ok(runs.into_iter().filter(fits).max_by_key(|run| run.started_at))
    }

    async fn jobs(&self, slug: &RepoSlug, run: RunId, attempt: u32) -> Result<Vec<Job>, ForgeError> {
        let ask = self.get(slug, "/repos/{owner}/{repo}/actions/runs/{run}/attempts/{attempt}/jobs", &[&run.to_string(), &attempt.to_string()])?;
        let rows = self.list(ask.clone(), |page: wire::Jobs| page.jobs).await?;
        rows.into_iter().map(wire::JobWire::into_port).collect::<Result<_, _>>().map_err(malformed(&ask))
    }

    async fn job_log(&self, slug: &RepoSlug, job: JobId, cap: u64) -> Result<LogText, ForgeError> {
        let mut ask = self.get(slug, "/repos/{owner}/{repo}/actions/jobs/{job}/logs", &[&job.to_string()])?;
        ask.sink = Sink::Tail(cap);
        match self.client.read(&ask).await {
            Ok(answer) => Ok(LogText { bytes: answer.body, truncated: answer.truncated }),
            // An expired log is either.
            Err(ForgeError::NotFound { what } | ForgeError::Gone { what }) => Err(ForgeError::Gone { what }),
            Err(other) => Err(other),
        }
    }

    async fn rerun_failed(&self, permit: &Permit, slug: &RepoSlug, run: RunId) -> Result<(), ForgeError> {
        let what = format!("rerunning the failed jobs of run {run}");
        permitted(permit, &[SmallWrite::Rerun], &what)?;
        let sent = self.write(slug, Method::POST, "/repos/{owner}/{repo}/actions/runs/{run}/rerun-failed-jobs", &[&run.to_string()], &json!({})).await;
        match sent {
            // GitHub says 403 also where the run is the reason: it already runs, is too old, or has nothing that failed.
            Err(ForgeError::Forbidden { message, .. }) if message.contains("workflow run") || message.contains("already running") => {
                Err(ForgeError::Refused { what, message })
            }
            sent => sent.map(drop),
        }
    }

    async fn branch(&self, slug: &RepoSlug, branch: &BranchName) -> Result<Option<Branch>, ForgeError> {
        let ask = self.get(slug, "/repos/{owner}/{repo}/branches/{branch}", &[branch.as_str()])?;
        let found: wire::BranchWire = match self.client.read_json(&ask).await {
            Ok(found) => found,
            Err(ForgeError::NotFound { .. }) => {
                // A repository that we may not see answers the same: that is no word about the branch.
                self.repository(slug).await?;
                return Ok(None);
            }
            Err(other) => return Err(other),
        };
        // A renamed branch redirects to its new name, which is another branch.
        if found.name.as_deref() != Some(branch.as_str()) {
            return Ok(None);
        }
        let protection = match found.flag() {
            Some(true) => Protection::Protected("the forge's branch protection".into()),
            None => Protection::Unknown("the forge did not say whether the branch is protected".into()),
            Some(false) => match self.rules(slug, branch).await {
                Ok(protection) => protection,
                Err(error) => Protection::Unknown(format!("its rules can't be read: {error}")),
            },
        };
        Ok(Some(Branch { name: branch.clone(), head: found.head().map_err(malformed(&ask))?, protection }))
    }

    async fn file(&self, slug: &RepoSlug, sha: &CommitSha, path: &str, cap: u64) -> Result<Option<Vec<u8>>, ForgeError> {
        // A path that leaves the tree names no file of it.
        let Ok(mut ask) = self.get(slug, "/repos/{owner}/{repo}/contents/{*path}", &[path]) else { return Ok(None) };
        ask.route = ask.route.with("ref", sha.as_str());
        ask.accept = RAW;
        ask.sink = Sink::Whole(cap);
        match self.client.read(&ask).await {
            // Directories and submodules have no bytes: they come as plain JSON in spite of what was asked for.
            Ok(answer) if answer.header(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json")) => Ok(None),
            Ok(answer) => Ok(Some(answer.body)),
            Err(ForgeError::NotFound { .. }) => Ok(None),
            // Above 100 MB GitHub gives no bytes.
            Err(ForgeError::Forbidden { what, message } | ForgeError::Refused { what, message })
                if message.contains("too large") || message.contains("too_large") =>
            {
                Err(ForgeError::TooLarge { what, limit: cap })
            }
            Err(other) => Err(other),
        }
    }

    async fn commit_author(&self, slug: &RepoSlug, sha: &CommitSha) -> Result<Option<String>, ForgeError> {
        let mut ask = self.get(slug, "/repos/{owner}/{repo}/commits/{sha}", &[sha.as_str()])?;
        // The answer lists the commit's files, a page at a time: one is enough.
        ask.route = ask.route.with("per_page", "1");
        let found: wire::CommitWire = self.client.read_json(&ask).await?;
        Ok(found.login())
    }

    async fn checks(&self, slug: &RepoSlug, sha: &CommitSha) -> Result<Vec<CommitCheck>, ForgeError> {
        let mut ask = self.get(slug, "/repos/{owner}/{repo}/commits/{sha}/check-runs", &[sha.as_str()])?;
        ask.route = ask.route.with("filter", "latest");
        let runs = self.list(ask, |page: wire::CheckRuns| page.check_runs).await?;
        let ask = self.get(slug, "/repos/{owner}/{repo}/commits/{sha}/status", &[sha.as_str()])?;
        let statuses = self.list(ask, |page: wire::CombinedStatus| page.statuses).await?;
        Ok(runs.into_iter().map(wire::CheckRun::into_port).chain(statuses.into_iter().map(wire::Status::into_port)).collect())
    }

    async fn pulls(&self, slug: &RepoSlug, head: Option<&BranchName>, base: Option<&BranchName>, open_only: bool) -> Result<Vec<Pull>, ForgeError> {
        let mut ask = self.get(slug, "/repos/{owner}/{repo}/pulls", &[])?;
        ask.route = ask.route.with("state", if open_only { "open" } else { "all" }).with("sort", "created").with("direction", "desc");
        if let Some(head) = head {
            ask.route = ask.route.with("head", &format!("{}:{head}", slug.owner()));
        }
        if let Some(base) = base {
            ask.route = ask.route.with("base", base.as_str());
        }
        let rows = self.list(ask.clone(), |rows: Vec<serde_json::Value>| rows).await?;
        let mut pulls: Vec<Pull> = readable(rows, &ask.what(), wire::PullWire::into_port);
        // An unknown filter is ignored rather than refused; an older server, or the head's old owner after a transfer, could list too much.
        pulls.retain(|pull| head.is_none_or(|head| pull.head == *head) && base.is_none_or(|base| pull.base == *base));
        pulls.iter().for_each(|pull| self.remember(slug, pull));
        Ok(pulls)
    }

    async fn pull(&self, slug: &RepoSlug, number: PullNumber) -> Result<Pull, ForgeError> {
        let ask = self.get(slug, "/repos/{owner}/{repo}/pulls/{number}", &[&number.to_string()])?;
        let found: wire::PullWire = self.client.read_json(&ask).await?;
        let pull = found.into_port().map_err(malformed(&ask))?;
        self.remember(slug, &pull);
        Ok(pull)
    }

    /// Labels are set by a call of their own (`add_labels`): GitHub takes none here. The repository is read first: a name may have been given to
    /// another repository since the clearance, and a pull request must not be opened there.
    async fn open_pull(&self, clearance: &Clearance, slug: &RepoSlug, pull: &NewPull) -> Result<OpenedPull, ForgeError> {
        let subject = clearance.subject();
        let what = format!("opening a pull request against `{}` of {slug}", subject.base_branch);
        let refused = |message: &str| Err(ForgeError::Refused { what: what.clone(), message: message.to_owned() });
        if clearance.covers(subject, self.client.clock.now()).is_err() {
            return refused("the clearance has expired");
        }
        // A clearance for a person's clone was never asked whether the forge protects the branch.
        if subject.offer != Offer::PullRequest {
            return refused("the clearance is for a local branch");
        }
        if pull.base != subject.base_branch {
            return refused("the clearance is for another base branch");
        }
        if !pull.head.is_ours() {
            return refused("the head is not one of our branches");
        }
        let now = self.repository(slug).await?;
        if now.id != subject.repo {
            return refused("the clearance is for another repository");
        }
        let body = json!({ "title": pull.title, "head": pull.head, "base": pull.base, "body": pull.body, "draft": pull.draft, "maintainer_can_modify": false });
        match self.write(&now.slug, Method::POST, "/repos/{owner}/{repo}/pulls", &[], &body).await {
            Ok(answer) => {
                let fault = |message| ForgeError::Malformed { what: what.clone(), message };
                let made: wire::PullWire = serde_json::from_slice(&answer.body).map_err(|error| fault(error.to_string()))?;
                let made = made.into_port().map_err(fault)?;
                self.remember(&now.slug, &made);
                Ok(OpenedPull::Opened(Box::new(made)))
            }
            Err(ForgeError::Refused { message, .. }) if message.to_ascii_lowercase().contains("draft pull requests are not supported") => {
                Ok(OpenedPull::DraftRefused)
            }
            Err(ForgeError::Refused { message, .. }) => Ok(OpenedPull::Refused(message)),
            Err(other) => Err(other),
        }
    }

    async fn edit_pull(&self, permit: &Permit, slug: &RepoSlug, number: PullNumber, title: Option<&str>, body: &str) -> Result<(), ForgeError> {
        permitted(permit, &[SmallWrite::OwnPull, SmallWrite::Rollback], "editing our pull request")?;
        self.own_pull(slug, number).await?;
        let mut change = json!({ "body": body });
        if let Some(title) = title {
            change["title"] = json!(title);
        }
        self.write(slug, Method::PATCH, "/repos/{owner}/{repo}/pulls/{number}", &[&number.to_string()], &change).await.map(drop)
    }

    /// GraphQL only. The errors of an answer with status 200 are told apart as those of REST are.
    async fn mark_ready(&self, permit: &Permit, node_id: &str) -> Result<(), ForgeError> {
        permitted(permit, &[SmallWrite::OwnPull], "marking our pull request ready")?;
        let mut last = ForgeError::NotFound { what: "the pull request to be marked ready".into() };
        for owner in self.owners_of(node_id).await? {
            match self.ready_as(&owner, node_id).await {
                // Not this installation's: nothing was done.
                Err(error @ ForgeError::NotFound { .. }) => last = error,
                done => return done,
            }
        }
        Err(last)
    }

    async fn add_labels(&self, permit: &Permit, slug: &RepoSlug, number: PullNumber, labels: &[String]) -> Result<(), ForgeError> {
        permitted(permit, &[SmallWrite::OwnPull, SmallWrite::Comment, SmallWrite::Rollback], "adding labels")?;
        if labels.is_empty() {
            return Ok(());
        }
        let body = json!({ "labels": labels });
        self.write(slug, Method::POST, "/repos/{owner}/{repo}/issues/{number}/labels", &[&number.to_string()], &body).await.map(drop)
    }

    async fn close_pull(&self, permit: &Permit, slug: &RepoSlug, number: PullNumber) -> Result<(), ForgeError> {
        permitted(permit, &[SmallWrite::OwnPull, SmallWrite::Rollback], "closing our pull request")?;
        self.own_pull(slug, number).await?;
        let change = json!({ "state": "closed" });
        self.write(slug, Method::PATCH, "/repos/{owner}/{repo}/pulls/{number}", &[&number.to_string()], &change).await.map(drop)
    }

    async fn commit_comments(&self, slug: &RepoSlug, sha: &CommitSha) -> Result<Vec<(u64, String)>, ForgeError> {
        let ask = self.get(slug, "/repos/{owner}/{repo}/commits/{sha}/comments", &[sha.as_str()])?;
        let rows: Vec<wire::Comment> = self.list(ask, |rows: Vec<wire::Comment>| rows).await?;
        Ok(rows.into_iter().map(|comment| (comment.id, comment.body.unwrap_or_default())).collect())
    }

    async fn comment_on_commit(&self, permit: &Permit, slug: &RepoSlug, sha: &CommitSha, body: &str) -> Result<(), ForgeError> {
        permitted(permit, &[SmallWrite::Comment, SmallWrite::Rollback], "commenting on the commit")?;
        let body = json!({ "body": body });
        self.write(slug, Method::POST, "/repos/{owner}/{repo}/commits/{sha}/comments", &[sha.as_str()], &body).await.map(drop)
    }

    async fn comment(&self, permit: &Permit, slug: &RepoSlug, number: PullNumber, body: &str) -> Result<(), ForgeError> {
        permitted(permit, &[SmallWrite::Comment, SmallWrite::OwnPull, SmallWrite::Rollback], "commenting")?;
        let body = json!({ "body": body });
        self.write(slug, Method::POST, "/repos/{owner}/{repo}/issues/{number}/comments", &[&number.to_string()], &body).await.map(drop)
    }

    async fn access(&self, slug: &RepoSlug, login: &str) -> Result<Access, ForgeError> {
        // A login that can't be part of an address is nobody's.
        let Ok(ask) = self.get(slug, "/repos/{owner}/{repo}/collaborators/{login}/permission", &[login]) else { return Ok(Access::None) };
        match self.client.read_json::<wire::Level>(&ask).await {
            Ok(level) => Ok(level.access()),
            Err(ForgeError::NotFound { .. }) => Ok(Access::None),
            Err(other) => Err(other),
        }
    }

    async fn workflow_token_writes(&self, slug: &RepoSlug) -> Result<Option<bool>, ForgeError> {
        let ask = self.get(slug, "/repos/{owner}/{repo}/actions/permissions/workflow", &[])?;
        match self.client.read_json::<wire::WorkflowPermissions>(&ask).await {
            Ok(told) => Ok(match told.default_workflow_permissions.as_deref() {
                Some("read") => Some(false),
                Some("write") => Some(true),
                _ => None,
            }),
            // Asking takes the Administration permission, which we can do without.
            Err(ForgeError::Forbidden { .. } | ForgeError::NotFound { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn whoami(&self) -> Result<String, ForgeError> {
        let missing = |ask: &Ask<'_>| ForgeError::Malformed { what: ask.what(), message: "no login".into() };
        if let Credentials::App { .. } = self.client.credentials {
            let ask = Ask::get(Scope::App, route("/app", &[])?);
            let app: wire::AppWire = self.client.read_json(&ask).await?;
            return app.slug.map(|slug| format!("{slug}[bot]")).ok_or_else(|| missing(&ask));
        }
        let ask = Ask::get(Scope::App, route("/user", &[])?);
        let user: wire::User = self.client.read_json(&ask).await?;
        user.login.ok_or_else(|| missing(&ask))
    }

    fn rate_limit(&self) -> Option<RateLimit> {
        *self.client.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
