//! Who the caller is: users, apps, installations, and what they see.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{Duration, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Answer, Call, message, not_found, shapes, token_of};
use crate::http::{Reply, Request, hex};
use crate::state::{App, Repo, Token, TokenKind, TokenSpec, World};

const PERMISSIONS: &str =
    r#"{"actions": "write", "checks": "read", "contents": "write", "issues": "write", "metadata": "read", "pull_requests": "write", "workflows": "write"}"#;

fn permissions() -> Value {
    serde_json::from_str(PERMISSIONS).unwrap_or(Value::Null)
}

/// The addresses that take an app's own JWT instead of a token; none where the path is another.
pub(super) fn app_route(world: &World, request: &Request, parts: &[&str]) -> Option<Reply> {
    let repo_installation = matches!(parts, ["repos", _, _, "installation"]) && token_of(request).is_some_and(|token| token.matches('.').count() == 2);
    if !matches!(parts, ["app", ..]) && !repo_installation {
        return None;
    }
    let app = match jwt_app(world, request) {
        Ok(app) => app,
        Err(reason) => return Some(message(401, &reason)),
    };
    Some(match (request.method.as_str(), parts) {
        ("GET", ["app"]) => Reply::json(200, &app_shape(world, &app)),
        ("GET", ["app", "installations"]) => Reply::json(200, &json!([installation(world, &app)])),
        ("GET", ["app", "installations", id]) if *id == app.installation.to_string() => Reply::json(200, &installation(world, &app)),
        ("POST", ["app", "installations", id, "access_tokens"]) if *id == app.installation.to_string() => {
            let (token, expires_at) = mint(world, &app);
            Reply::json(201, &json!({"token": token, "expires_at": shapes::time(expires_at), "permissions": permissions(), "repository_selection": "all"}))
        }
        ("GET", ["repos", owner, name, "installation"]) => {
            let state = world.state();
            match state.repo(&format!("{owner}/{name}")) {
                Some(repo) if repo.owner.eq_ignore_ascii_case(&app.owner) => {
                    drop(state);
                    Reply::json(200, &installation(world, &app))
                }
                _ => not_found(),
            }
        }
        _ => not_found(),
    })
}

/// The app a JWT is for. The signature is not checked: issuer and lifetime are.
fn jwt_app(world: &World, request: &Request) -> Result<App, String> {
    let token = token_of(request).ok_or("A JSON web token could not be decoded")?;
    let payload = token.split('.').nth(1).filter(|_| token.matches('.').count() == 2).ok_or("A JSON web token could not be decoded")?;
    let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| "A JSON web token could not be decoded")?;
    let claims: Value = serde_json::from_slice(&bytes).map_err(|_| "A JSON web token could not be decoded")?;
    let now = Utc::now().timestamp();
    let expiry = claims["exp"].as_i64().ok_or("Missing 'exp' claim in assertion")?;
    if expiry <= now {
        return Err("'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires".to_owned());
    }
    if expiry > now + 660 {
        return Err("'Expiration time' claim ('exp') is too far in the future".to_owned());
    }
    let issuer = claims["iss"]
        .as_u64()
        .map(|id| id.to_string())
        .or_else(|| claims["iss"].as_str().map(str::to_owned))
        .ok_or("Missing 'issuer' claim ('iss') in assertion")?;
    world.state().apps.iter().find(|app| app.id.to_string() == issuer).cloned().ok_or_else(|| "'Issuer' claim ('iss') must be an Integer".to_owned())
}

fn mint(world: &World, app: &App) -> (String, chrono::DateTime<Utc>) {
    let now = Utc::now();
    let expires_at = now + Duration::hours(1);
    let mut state = world.state();
    let fresh = state.id();
    let token = format!("ghs_{}", &hex(&Sha256::digest(format!("{} {fresh}", app.id)))[..36]);
    let spec = TokenSpec { write: true, login: format!("{}[bot]", app.slug), kind: TokenKind::App, repos: None };
    state.tokens.insert(token.clone(), Token { spec, expires_at: Some(expires_at), used: 0, window_start: now });
    (token, expires_at)
}

fn app_shape(world: &World, app: &App) -> Value {
    json!({"id": app.id, "client_id": format!("Iv23{}", app.id), "slug": app.slug, "node_id": shapes::node_id("A", app.id), "owner": shapes::user(&world.urls, &app.owner), "name": app.slug, "description": null,
        "external_url": world.urls.server, "html_url": format!("{}/apps/{}", world.urls.server, app.slug), "permissions": permissions(), "events": ["check_suite", "issue_comment", "pull_request", "push", "workflow_run"], "installations_count": 1})
}

fn installation(world: &World, app: &App) -> Value {
    let api = format!("{}/app/installations/{}", world.urls.api, app.installation);
    json!({"id": app.installation, "account": shapes::user(&world.urls, &app.owner), "repository_selection": "all", "access_tokens_url": format!("{api}/access_tokens"), "repositories_url": format!("{}/installation/repositories", world.urls.api),
        "html_url": format!("{}/settings/installations/{}", world.urls.server, app.installation), "app_id": app.id, "app_slug": app.slug, "target_id": 1, "target_type": "Organization", "permissions": permissions(), "events": ["workflow_run"],
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "single_file_name": null, "has_multiple_single_files": false, "single_file_paths": [], "suspended_by": null, "suspended_at": null})
}

/// A repository's installation is told to apps only, and those are answered before.
pub(super) fn repo_installation(_call: &Call, _repo: &Repo) -> Answer {
    Err(message(401, "A JSON web token could not be decoded"))
}

/// What is not below a repository.
pub(super) fn answer(call: &Call, parts: &[&str]) -> Answer {
    let world = &call.world;
    let known = || if call.caller.token.is_some() { Ok(()) } else { Err(message(401, "Requires authentication")) };
    let visible = |owner: Option<&str>| -> Vec<Value> {
        let state = world.state();
        state
            .repos
            .iter()
            .filter(|repo| call.caller.sees(repo) && owner.is_none_or(|owner| repo.owner.eq_ignore_ascii_case(owner)))
            .map(|repo| {
                let mut value = shapes::repository(&world.urls, &state, repo);
                value["permissions"] = json!({"admin": false, "maintain": false, "push": call.caller.write, "triage": call.caller.write, "pull": true});
                value
            })
            .collect()
    };
    match (call.request.method.as_str(), parts) {
        ("GET", ["user"]) => {
            known()?;
            if call.caller.kind == Some(TokenKind::App) {
                return Err(message(403, "Resource not accessible by integration"));
            }
            let mut user = shapes::user(&world.urls, &call.caller.login);
            user["name"] = json!(call.caller.login);
            user["email"] = Value::Null;
            let scopes = if call.caller.write { "repo, workflow" } else { "" };
            Ok(Reply::json(200, &user).with("x-oauth-scopes", scopes).with("x-accepted-oauth-scopes", ""))
        }
        ("GET", ["users", login]) => Ok(Reply::json(200, &shapes::user(&world.urls, login))),
        ("GET", ["rate_limit"]) => {
            let limit = world.options.rate_limit;
            let state = world.state();
            let token = call.caller.token.as_ref().and_then(|token| state.tokens.get(token));
            // Asking is free.
            let used = token.map_or(0, |token| token.used.saturating_sub(1));
            let reset = (token.map_or_else(Utc::now, |token| token.window_start) + Duration::hours(1)).timestamp();
            let core = json!({"limit": limit, "used": used, "remaining": limit.saturating_sub(used), "reset": reset});
            Ok(Reply::json(
                200,
                &json!({"resources": {"core": core, "graphql": core, "search": {"limit": 30, "used": 0, "remaining": 30, "reset": reset}}, "rate": core}),
            ))
        }
        ("GET", ["meta"] | []) => Ok(Reply::json(200, &json!({"verifiable_password_authentication": false, "installed_version": "3.19.0"}))),
        ("GET", ["installation", "repositories"]) => {
            known()?;
            if call.caller.kind != Some(TokenKind::App) {
                return Err(message(403, "You must authenticate with an installation access token in order to list repositories for an installation."));
            }
            Ok(call.page(visible(None), Some("repositories")))
        }
        ("GET", ["user", "repos"]) => {
            known()?;
            Ok(call.page(visible(None), None))
        }
        ("GET", ["orgs" | "users", owner, "repos"]) => {
            let found = visible(Some(owner));
            if found.is_empty() { Err(not_found()) } else { Ok(call.page(found, None)) }
        }
        _ => Err(not_found()),
    }
}
