//! Remediations, as JSON and as pages.

use axum::Json;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::response::{Html as HtmlResponse, IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::problem::Problem;
use super::{App, detail, page, status};
use crate::domain::gate::Check;
use crate::domain::ids::{BranchName, CommitSha, PullNumber, RemediationId, RepoSlug};
use crate::domain::remediation::{Phase, Reason, Remediation, Spent};
use crate::domain::render::{self, escape};
use crate::ports::store::{Filter, StoredEvent};

/// Listed where nothing else is asked for.
const LISTED: u64 = 100;

/// The most that is listed.
const MOST: u64 = 1000;

/// A remediation in short.
#[derive(Debug, Serialize)]
pub struct Job {
    id: RemediationId,
    repo: RepoSlug,
    branch: BranchName,
    sha: CommitSha,
    generation: u32,
    state: Phase,
    ended: bool,
    reason: Option<Reason>,
    action: String,
    why: String,
    risk_score: u8,
    checks_passed: Vec<Check>,
    checks_failed: Vec<Check>,
    dry_run: bool,
    owner: Option<String>,
    workflows: Vec<String>,
    attempts: u32,
    route: Option<String>,
    fix_branch: Option<BranchName>,
    pr: Option<Pr>,
    spent: Spent,
    opened_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A remediation with all that is stored of it.
#[derive(Serialize)]
struct Full<'a> {
    #[serde(flatten)]
    job: Job,
    remediation: &'a Remediation,
    events: Vec<Value>,
}

/// The fix pull request in short.
#[derive(Debug, Serialize)]
struct Pr {
    number: PullNumber,
    base: BranchName,
    head: BranchName,
    draft: bool,
    url: String,
}

impl Job {
    /// Of a state.
    pub fn of(state: &Remediation) -> Self {
        let result = state.verdict.as_ref().map(crate::domain::gate::Verdict::result);
        let (checks_passed, checks_failed) = result.map(|result| (result.checks_passed, result.checks_failed)).unwrap_or_default();
        let mut workflows: Vec<String> = state.runs.iter().map(|run| run.workflow.clone()).collect();
        workflows.sort();
        workflows.dedup();
        Self {
            id: state.id.clone(),
            repo: state.opening.slug.clone(),
            branch: state.opening.key.branch.clone(),
            sha: state.opening.key.sha.clone(),
            generation: state.opening.key.generation,
            state: state.phase,
            ended: state.phase.is_end(),
            reason: state.reason,
            action: render::action(state),
            why: render::why(state),
            risk_score: state.verdict.as_ref().map_or(0, |verdict| verdict.risk_score),
            checks_passed,
            checks_failed,
            dry_run: state.opening.dry_run,
            owner: state.opening.owner.clone(),
            workflows,
            attempts: state.attempts,
            route: state.proposal.as_ref().map(|proposal| proposal.route.clone()),
            fix_branch: state.branch.clone(),
            pr: state.pull.as_ref().map(|pull| Pr {
                number: pull.number,
                base: pull.base.clone(),
                head: pull.head.clone(),
                draft: pull.draft,
                url: pull.url.clone(),
            }),
            spent: state.spent,
            opened_at: state.opened_at,
            updated_at: state.updated_at,
        }
    }
}

/// The id in the path.
pub struct Id(pub RemediationId);

impl FromRequestParts<App> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        let text = path.map(|Path(text)| text).map_err(|_| Problem::bad_request("the path is not UTF-8"))?;
        RemediationId::parse(&text).map(Id).map_err(|bad| Problem::not_found(bad.to_string()))
    }
}

/// What is asked of the list.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    state: Option<String>,
    repo: Option<String>,
    limit: Option<String>,
}

impl FromRequestParts<App> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let query = Query::<Asked>::from_request_parts(parts, app).await;
        query.map(|Query(asked)| asked).map_err(|bad| Problem::bad_request(format!("the query can't be read: {}", escape::line(&bad.body_text(), 160))))
    }
}

/// Phases by name, several with commas; or a group: `active`, `ended`.
fn phases(text: Option<&str>) -> Result<Vec<Phase>, Problem> {
    let mut phases = Vec::new();
    for word in text.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match (word, Phase::parse(word)) {
            (_, Some(phase)) => phases.push(phase),
            ("active", _) => phases.extend(Phase::ALL.into_iter().filter(|phase| !phase.is_end())),
            ("ended", _) => phases.extend(Phase::ALL.into_iter().filter(|phase| phase.is_end())),
            _ => {
                let known = Phase::ALL.map(Phase::as_str).join(", ");
                return Err(Problem::bad_request(format!("`{}` is no state; there are {known}, and the groups active and ended", escape::line(word, 40))));
            }
        }
    }
    Ok(phases)
}

fn limit(text: Option<&str>) -> Result<u64, Problem> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(LISTED) };
    match text.parse() {
        Ok(limit @ 1..=MOST) => Ok(limit),
        _ => Err(Problem::bad_request(format!("`limit` is a number from 1 to {MOST}"))),
    }
}

async fn find(app: &App, asked: &Asked) -> Result<Vec<Remediation>, Problem> {
    let store = app.web.engine.store.as_ref();
    let (phases, limit) = (phases(asked.state.as_deref())?, limit(asked.limit.as_deref())?);
    let Some(name) = asked.repo.as_deref().map(str::trim).filter(|name| !name.is_empty()) else {
        return Ok(store.list(&Filter { phases, limit, ..Filter::default() }).await?);
    };
    match status::repository_id(store, name).await {
        Ok(repo) => Ok(store.list(&Filter { repo: Some(repo), phases, limit, ..Filter::default() }).await?),
        Err(problem) if problem.status() != http::StatusCode::NOT_FOUND => Err(problem),
        // Renamed, or not polled any more: by the name that its remediations were opened under.
        Err(_) => {
            let slug = status::slug(name)?;
            let mut found = store.list(&Filter { phases, limit: 0, ..Filter::default() }).await?;
            found.retain(|state| state.opening.slug.as_str().eq_ignore_ascii_case(slug.as_str()));
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(found)
        }
    }
}

/// Whether the caller is a browser: HTML is named before JSON and before `*/*`.
fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    for kind in accepted {
        match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "text/html" | "application/xhtml+xml" => return true,
            "application/json" | "application/*" | "*/*" => return false,
            _ => {}
        }
    }
    false
}

/// One address, two forms.
fn varying(mut response: Response) -> Response {
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// A problem, for people.
fn explained(problem: Problem) -> Response {
    let title = problem.status().canonical_reason().unwrap_or("Error");
    (problem.status(), HtmlResponse(page::message(title, problem.detail()))).into_response()
}

/// `GET /`: the dashboard.
pub async fn dashboard(State(app): State<App>, asked: Result<Asked, Problem>) -> Response {
    match overview(&app, asked).await {
        Ok(page) => HtmlResponse(page).into_response(),
        Err(problem) => explained(problem),
    }
}

async fn overview(app: &App, asked: Result<Asked, Problem>) -> Result<String, Problem> {
    let asked = asked?;
    let engine = &app.web.engine;
    let store = engine.store.as_ref();
    let jobs = find(app, &asked).await?;
    let view = page::Overview {
        now: engine.clock.now(),
        jobs: &jobs,
        depth: &store.depth().await?,
        circuits: &store.circuits(None).await?,
        names: &status::names(store).await?,
        pauses: &store.pauses().await?,
        dry_run: engine.rules.dry_run,
        state: asked.state.as_deref().unwrap_or_default().trim(),
        repo: asked.repo.as_deref().unwrap_or_default().trim(),
    };
    Ok(page::overview(&view))
}

/// `GET /jobs`: JSON, or the dashboard for a browser.
pub async fn list(state: State<App>, headers: HeaderMap, asked: Result<Asked, Problem>) -> Response {
    varying(if wants_html(&headers) { dashboard(state, asked).await } else { list_json(state, asked).await.into_response() })
}

/// `GET /api/jobs`.
pub async fn list_json(State(app): State<App>, asked: Result<Asked, Problem>) -> Result<Json<Value>, Problem> {
    let jobs: Vec<Job> = find(&app, &asked?).await?.iter().map(Job::of).collect();
    Ok(Json(json!({"count": jobs.len(), "jobs": jobs})))
}

async fn load(app: &App, id: Result<Id, Problem>) -> Result<(Remediation, Vec<StoredEvent>), Problem> {
    let Id(id) = id?;
    let store = &app.web.engine.store;
    let state = store.load(&id).await?.ok_or_else(|| Problem::not_found(format!("remediation `{id}` is not known")))?;
    Ok((state, store.events(&id).await?))
}

/// `GET /jobs/{id}`: JSON, or the page for a browser.
pub async fn show(state: State<App>, headers: HeaderMap, id: Result<Id, Problem>) -> Response {
    if !wants_html(&headers) {
        return varying(show_json(state, id).await.into_response());
    }
    varying(match load(&state, id).await {
        Ok((remediation, events)) => HtmlResponse(detail::page(&remediation, &events, state.web.engine.clock.now())).into_response(),
        Err(problem) => explained(problem),
    })
}

/// `GET /api/jobs/{id}`: the short form, the whole state, and the events with their hashes.
pub async fn show_json(State(app): State<App>, id: Result<Id, Problem>) -> Result<Json<Value>, Problem> {
    let (state, events) = load(&app, id).await?;
    let events: Vec<Value> = events
        .iter()
        .map(|stored| json!({"seq": stored.seq, "at": stored.at, "name": stored.event.name(), "event": stored.event, "hash": stored.hash}))
        .collect();
    Ok(Json(json!(Full { job: Job::of(&state), remediation: &state, events })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_pages_and_programs_json() {
        for (accept, html) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("*/*", false),
            ("application/json", false),
            ("application/json, text/html", false),
            ("image/png, text/HTML;q=0.5", true),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(wants_html(&headers), html, "{accept}");
        }
        assert!(!wants_html(&HeaderMap::new()));
    }

    #[test]
    fn states_and_limits_are_read_strictly() {
        assert_eq!(phases(None).unwrap(), []);
        assert_eq!(phases(Some("pr, feedback")).unwrap(), [Phase::Pr, Phase::Feedback]);
        assert_eq!(phases(Some("ended")).unwrap().len(), 5);
        assert_eq!(phases(Some("active,ended")).unwrap().len(), Phase::ALL.len());
        assert!(phases(Some("nonsense")).unwrap_err().detail().contains("awaiting_approval"));
        for (text, expected) in
            [(None, Some(LISTED)), (Some(""), Some(LISTED)), (Some("5"), Some(5)), (Some("0"), None), (Some("1001"), None), (Some("-1"), None)]
        {
            assert_eq!(limit(text).ok(), expected, "{text:?}");
        }
    }
}
