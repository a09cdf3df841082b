//! The acts of people: retry, cancel, roll back, approve, reject, reset, pause, resume.
//!
//! Each needs a person's token, and names that person in the audit. An act is written by the same store and the same fold as the
//! flow's own events: what the phase does not take is refused with 409.

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use http::request::Parts;
use http::{StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use super::App;
use super::jobs::{Id, Job};
use super::problem::Problem;
use super::status::{repository_id, slug};
use crate::domain::ids::Fingerprint;
use crate::domain::remediation::Remediation;
use crate::domain::render::escape;
use crate::engine::acts::{self, ActError};
use crate::engine::rollback::{self, RollbackError};
use crate::ports::store::StoreError;

/// The body of an act is small.
const BODY_CAP: usize = 16 * 1024;

/// Reasons are cut to so many characters.
const REASON_CAP: usize = 500;

/// A person, by the token in `Authorization: Bearer`.
pub struct Person(String);

impl FromRequestParts<App> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let refused = |detail: &str| Problem::unauthorized(detail).challenge("Bearer realm=\"regreen\"");
        if app.web.admin_tokens.is_empty() {
            return Err(refused("nobody may act here: REGREEN_ADMIN_TOKENS is not set"));
        }
        let given =
            parts.headers.get(header::AUTHORIZATION).ok_or_else(|| refused("`Authorization: Bearer` with a token of REGREEN_ADMIN_TOKENS is missing"))?;
        let given = given.as_bytes();
        let token = match given.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token.trim_ascii(),
            _ => return Err(refused("the scheme `Bearer` is expected")),
        };
        match person(&app.web.admin_tokens, token) {
            Some(name) => Ok(Person(name.to_owned())),
            None => {
                tracing::warn!("an act was refused: the token is nobody's");
                Err(refused("the token is nobody's"))
            }
        }
    }
}

/// Whose token it is. Digests are compared, so that neither length nor content can be measured, and all of them, whichever fits.
fn person<'a>(tokens: &'a [(String, secrecy::SecretString)], given: &[u8]) -> Option<&'a str> {
    let given = Sha256::digest(given);
    let mut found = 0_u64;
    for (index, (_, token)) in (1_u64..).zip(tokens) {
        let token = token.expose_secret();
        let same = Sha256::digest(token.as_bytes()).ct_eq(&given) & Choice::from(u8::from(!token.is_empty()));
        found.conditional_assign(&index, same);
    }
    let index = usize::try_from(found).ok()?.checked_sub(1)?;
    tokens.get(index).map(|(name, _)| name.as_str())
}

/// The body of an act: JSON, or nothing where nothing is needed.
pub struct Given<T>(T);

impl<T: DeserializeOwned> FromRequest<App> for Given<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, _: &App) -> Result<Self, Problem> {
        let body = Limited::new(request.into_body(), BODY_CAP).collect().await;
        let bytes = body.map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is broken, or larger than {BODY_CAP} bytes")))?.to_bytes();
        let text = if bytes.trim_ascii().is_empty() { b"{}" } else { bytes.as_ref() };
        serde_json::from_slice(text)
            .map(Given)
            .map_err(|error| Problem::bad_request(format!("the body is not the expected JSON object: {}", escape::line(&error.to_string(), 200))))
    }
}

/// Why, where it may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Why {
    #[serde(default)]
    reason: String,
}

impl Why {
    /// What is written down.
    fn or(&self, otherwise: &str) -> String {
        match escape::line(&self.reason, REASON_CAP) {
            text if text.is_empty() => otherwise.to_owned(),
            text => text,
        }
    }
}

/// A reason that must be given.
fn reason(text: &str) -> Result<String, Problem> {
    match escape::line(text, REASON_CAP) {
        text if text.is_empty() => Err(Problem::bad_request("`reason` is missing: say why, for the audit")),
        text => Ok(text),
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Unknown(id) => Problem::not_found(format!("remediation `{id}` is not known")),
            ActError::NotAsked { .. } | ActError::TooLate(_) | ActError::Illegal { .. } => Problem::conflict(error.to_string()),
            ActError::Store(error) => error.into(),
        }
    }
}

impl From<RollbackError> for Problem {
    fn from(error: RollbackError) -> Self {
        match error {
            RollbackError::Unknown(id) => Problem::not_found(format!("remediation `{id}` is not known")),
            RollbackError::Refused(why) => Problem::conflict(why),
            RollbackError::Store(error) => error.into(),
            RollbackError::Act(error) => error.into(),
            // What the forge or git says may name hosts and folders: for the log only.
            RollbackError::Forge(_) | RollbackError::Git(_) | RollbackError::Stage(_) => {
                tracing::warn!(%error, "what was written could not be taken back");
                let detail = "the forge, or git, did not let it be taken back now; the log says why. Do it again in a moment: done twice, it changes nothing";
                Problem::new(StatusCode::BAD_GATEWAY, detail)
            }
        }
    }
}

/// `POST /jobs/{id}/cancel`: ends it, and takes back what it wrote.
pub async fn cancel(State(app): State<App>, Person(by): Person, Id(id): Id, Given(why): Given<Why>) -> Result<Json<Cancelled>, Problem> {
    let engine = app.web.engine.clone();
    let why = why.or("no reason given");
    let ended = engine.desk().cancel(&id, &by, &why).await?;
    engine.wake.notify_waiters();
    // The write goes on where the caller hangs up.
    let taken = tokio::spawn(async move { acts::withdraw(&engine, &id, &by, &why).await.map(|done| done.map(|done| done.json(&by))) }).await;
    let withdrawn = match taken {
        Ok(taken) => taken?,
        Err(_) => return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "it is cancelled, and what it wrote could not be taken back; use `rollback`")),
    };
    Ok(Json(Cancelled { job: Job::of(&ended), withdrawn }))
}

/// What came of a cancellation.
#[derive(serde::Serialize)]
pub struct Cancelled {
    #[serde(flatten)]
    job: Job,
    /// The rollback; nothing where no write was ever begun.
    withdrawn: Option<Value>,
}

/// `POST /jobs/{id}/rollback`: takes back what it wrote, and ends it where it has not ended.
pub async fn rollback(State(app): State<App>, Person(by): Person, Id(id): Id, Given(why): Given<Why>) -> Result<Json<Value>, Problem> {
    let engine = app.web.engine.clone();
    let why = why.or("no reason given");
    let wake = engine.wake.clone();
    let done = tokio::spawn(async move { rollback::run(&engine, &id, &by, &why).await.map(|done| done.json(&by)) }).await;
    wake.notify_waiters();
    match done {
        Ok(done) => Ok(Json(done?)),
        Err(_) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "it could not be taken back; do it again")),
    }
}

/// `POST /jobs/{id}/approve`.
pub async fn approve(State(app): State<App>, Person(by): Person, Id(id): Id, Given(_): Given<Why>) -> Result<Json<Job>, Problem> {
    acted(&app, app.web.engine.desk().approve(&id, &by).await)
}

/// `POST /jobs/{id}/reject`.
pub async fn reject(State(app): State<App>, Person(by): Person, Id(id): Id, Given(why): Given<Why>) -> Result<Json<Job>, Problem> {
    acted(&app, app.web.engine.desk().reject(&id, &by, &why.or("no reason given")).await)
}

/// Wakes the workers, and answers with the state.
fn acted(app: &App, done: Result<Remediation, ActError>) -> Result<Json<Job>, Problem> {
    let after = done?;
    app.web.engine.wake.notify_waiters();
    Ok(Json(Job::of(&after)))
}

/// `POST /jobs/{id}/retry`: a further generation of what has ended.
pub async fn retry(State(app): State<App>, Person(by): Person, Id(id): Id, Given(_): Given<Why>) -> Result<(StatusCode, Json<Value>), Problem> {
    let engine = &app.web.engine;
    let state = engine.store.load(&id).await?.ok_or_else(|| Problem::not_found(format!("remediation `{id}` is not known")))?;
    let next = match engine.store.reopen(&state.opening.key, engine.rules.dry_run, &by, engine.clock.now()).await {
        Ok(next) => next,
        Err(StoreError::Illegal(_)) => {
            return Err(Problem::conflict(format!("`{id}`, or a later try of the same commit, has not ended: there is nothing to retry")));
        }
        Err(error) => return Err(error.into()),
    };
    tracing::info!(remediation = %id, %next, "a person asked for another try");
    engine.wake.notify_waiters();
    Ok((StatusCode::ACCEPTED, Json(json!({"id": next, "retries": id}))))
}

/// Which circuits are closed, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    repo: String,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    reason: String,
}

/// `POST /circuits/reset`: one signature's, or all of a repository.
pub async fn reset(State(app): State<App>, Person(by): Person, Given(given): Given<Reset>) -> Result<Json<Value>, Problem> {
    let engine = &app.web.engine;
    let why = reason(&given.reason)?;
    let signature = given.signature.as_deref().map(Fingerprint::parse).transpose().map_err(|bad| Problem::bad_request(bad.to_string()))?;
    let repo = repository_id(engine.store.as_ref(), &given.repo).await?;
    let closed = engine.store.reset_circuits(repo, signature.as_ref(), &by, &why, engine.clock.now()).await?;
    engine.wake.notify_waiters();
    Ok(Json(json!({"closed": closed})))
}

/// What is stopped, or goes on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    #[serde(default)]
    repo: Option<String>,
    #[serde(default)]
    reason: String,
}

/// `POST /pause`: everything, or one repository.
pub async fn pause(State(app): State<App>, Person(by): Person, Given(stop): Given<Stop>) -> Result<Json<Value>, Problem> {
    let engine = &app.web.engine;
    let why = reason(&stop.reason)?;
    let repo = stop.repo.as_deref().map(slug).transpose()?;
    engine.store.pause(repo.as_ref(), &by, &why, engine.clock.now()).await?;
    tracing::info!(by, repository = repo.as_ref().map_or("all", |repo| repo.as_str()), "paused by a person");
    Ok(Json(json!({"paused": true, "repo": repo})))
}

/// `POST /resume`: ends that stop.
pub async fn resume(State(app): State<App>, Person(by): Person, Given(stop): Given<Stop>) -> Result<Json<Value>, Problem> {
    let engine = &app.web.engine;
    let why = reason(&stop.reason)?;
    let repo = stop.repo.as_deref().map(slug).transpose()?;
    let was = engine.store.resume(repo.as_ref(), &by, &why, engine.clock.now()).await?;
    engine.wake.notify_waiters();
    Ok(Json(json!({"resumed": was, "repo": repo})))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn a_token_names_its_person_and_nobody_elses() {
        let tokens: Vec<_> = [("ann", "a-token"), ("bob", "b-token"), ("none", "")].map(|(name, token)| (name.to_owned(), SecretString::from(token))).into();
        for (given, expected) in [("a-token", Some("ann")), ("b-token", Some("bob")), ("a-toke", None), ("a-token ", None), ("", None), ("A-TOKEN", None)] {
            assert_eq!(person(&tokens, given.as_bytes()), expected, "{given:?}");
        }
    }

    #[test]
    fn reasons_become_one_bounded_line() {
        assert_eq!(reason("a\nb\u{1b}").unwrap(), "a b\u{fffd}");
        assert_eq!(reason(&"x".repeat(2000)).unwrap().chars().count(), REASON_CAP + 1);
        assert_eq!(reason(" \n").unwrap_err().status(), StatusCode::BAD_REQUEST);
    }
}
