//! Circuits and stops, and which repository a name means.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::App;
use super::problem::Problem;
use crate::domain::ids::{RepoId, RepoSlug};
use crate::ports::store::{Store, StoreError};

/// A repository's name as given by a person.
pub fn slug(text: &str) -> Result<RepoSlug, Problem> {
    RepoSlug::from_address(text).map_err(|bad| Problem::bad_request(bad.to_string()))
}

/// The id of a polled repository, by its name in any usual form, without regard to case, or by the id itself.
pub async fn repository_id(store: &dyn Store, text: &str) -> Result<RepoId, Problem> {
    if let Ok(number) = text.trim().parse() {
        return Ok(RepoId(number));
    }
    let wanted = slug(text)?;
    let known = names(store).await?.into_iter().find(|(_, slug)| slug.as_str().eq_ignore_ascii_case(wanted.as_str()));
    known.map(|(id, _)| id).ok_or_else(|| Problem::not_found(format!("repository `{wanted}` has not been polled yet")))
}

/// Names by id.
pub async fn names(store: &dyn Store) -> Result<BTreeMap<RepoId, RepoSlug>, StoreError> {
    Ok(store.watched().await?.into_iter().map(|repository| (repository.id, repository.slug)).collect())
}

/// `GET /api/circuits`.
pub async fn circuits(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let store = app.web.engine.store.as_ref();
    let names = names(store).await?;
    let rows: Vec<Value> = store
        .circuits(None)
        .await?
        .into_iter()
        .map(|row| {
            json!({
                "repo": names.get(&row.repo), "repo_id": row.repo, "signature": row.fingerprint, "state": row.circuit.state,
                "failure_count": row.circuit.failure_count, "openings": row.circuit.openings, "opened_at": row.circuit.opened_at,
                "reset_at": row.circuit.reset_at, "probe": row.circuit.probe.as_ref().map(|probe| &probe.remediation), "updated_at": row.updated_at,
            })
        })
        .collect();
    Ok(Json(json!({"circuits": rows})))
}

/// `GET /api/pauses`.
pub async fn pauses(State(app): State<App>) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({"pauses": app.web.engine.store.pauses().await?})))
}
