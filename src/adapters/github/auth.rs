//! Who we are to GitHub: a token, or an App with an installation token for each owner.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderValue, Method};
use octocrab::auth::{AppAuth, EncodingKey};
use octocrab::models::AppId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::client::{Ask, Client};
use super::failure::{self, Failure};
use super::route::Route;
use super::wire::InstallationWire;
use crate::ports::forge::ForgeError;

/// A token must hold for this long yet: a large fetch or push may be done with it.
const SPARE: TimeDelta = TimeDelta::minutes(5);

/// What the settings give.
#[derive(Debug, Clone)]
pub enum GitHubAuth {
    /// A personal, fine-grained or workflow token.
    Token(SecretString),
    /// A GitHub App.
    App {
        /// Its id.
        app_id: u64,
        /// Its RSA private key, as PEM.
        key_pem: SecretString,
    },
}

/// As whom a request is made. With a token it is all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope<'a> {
    /// As the installation at this owner.
    Owner(&'a str),
    /// As the App itself.
    App,
}

/// An installation token.
#[derive(Clone)]
pub(super) struct Installation {
    pub token: SecretString,
    pub expires_at: DateTime<Utc>,
    /// Whether it may write contents; `None` where GitHub did not say.
    pub can_push: Option<bool>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Installation>>>;

/// The credentials, and the tokens made from them.
pub(super) enum Credentials {
    Token(SecretString),
    App { app: AppAuth, tokens: Mutex<HashMap<String, Slot>> },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::Token(_) => f.write_str("Token([redacted])"),
            Credentials::App { app, .. } => write!(f, "App({}, [redacted])", app.app_id),
        }
    }
}

/// A key or a token that can't be used. The cause is left out: it could quote the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadCredentials;

impl Credentials {
    pub fn new(auth: &GitHubAuth) -> Result<Self, BadCredentials> {
        match auth {
            GitHubAuth::Token(token) => {
                bearer(token).filter(|_| !token.expose_secret().is_empty()).ok_or(BadCredentials)?;
                Ok(Credentials::Token(token.clone()))
            }
            GitHubAuth::App { app_id, key_pem } => {
                let key = EncodingKey::from_rsa_pem(key_pem.expose_secret().as_bytes()).map_err(|_| BadCredentials)?;
                Ok(Credentials::App { app: AppAuth { app_id: AppId(*app_id), key }, tokens: Mutex::default() })
            }
        }
    }

    /// Forgets the installation token that was just refused. False where a new one would be no other.
    pub async fn revoke(&self, scope: Scope<'_>, refused: Option<&HeaderValue>) -> bool {
        let (Credentials::App { tokens, .. }, Scope::Owner(owner)) = (self, scope) else { return false };
        let slot = slot(tokens, owner);
        let mut held = slot.lock().await;
        // Another task may already hold a newer one.
        if held.as_ref().is_some_and(|installation| bearer(&installation.token).as_ref() == refused) {
            *held = None;
        }
        true
    }
}

fn slot(tokens: &Mutex<HashMap<String, Slot>>, owner: &str) -> Slot {
    // Logins are compared without regard to case.
    let mut tokens = tokens.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(tokens.entry(owner.to_ascii_lowercase()).or_default())
}

/// The header's value, marked so that no trace prints it; `None` where the text can't be a header.
fn bearer(token: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[derive(Deserialize)]
struct Minted {
    token: String,
    expires_at: DateTime<Utc>,
    permissions: Option<HashMap<String, String>>,
}

impl Client {
    /// The `Authorization` of a request. Boxed, as minting a token is itself a request.
    pub fn authorization<'a>(&'a self, scope: Scope<'a>) -> BoxFuture<'a, Result<HeaderValue, Failure>> {
        async move {
            let unusable = || Failure::Final(ForgeError::Unauthorized { what: "authorization".into() });
            match (&self.credentials, scope) {
                (Credentials::Token(token), _) => bearer(token).ok_or_else(unusable),
                (Credentials::App { app, .. }, Scope::App) => {
                    // The token's times come from the system's clock: GitHub compares them with its own.
                    let token = app.generate_bearer_token().map_err(|_| unusable())?;
                    bearer(&SecretString::from(token)).ok_or_else(unusable)
                }
                (Credentials::App { .. }, Scope::Owner(owner)) => bearer(&self.installation(owner).await?.token).ok_or_else(unusable),
            }
        }
        .boxed()
    }

    /// The installation token for an owner: the one at hand, or a new one. Only one task mints for an owner at a time.
    pub async fn installation(&self, owner: &str) -> Result<Installation, Failure> {
        let Credentials::App { tokens, .. } = &self.credentials else {
            return Err(Failure::Final(ForgeError::Refused { what: "installation".into(), message: "a token has no installations".into() }));
        };
        let slot = slot(tokens, owner);
        let mut held = slot.lock().await;
        if let Some(installation) = held.as_ref().filter(|held| held.expires_at - self.clock.now() > SPARE) {
            return Ok(installation.clone());
        }
        let installation = self.mint(owner).await?;
        *held = Some(installation.clone());
        Ok(installation)
    }

    async fn mint(&self, owner: &str) -> Result<Installation, Failure> {
        let id = self.installation_id(owner).await?;
        let route = Route::new("/app/installations/{id}/access_tokens", &[&id.to_string()]);
        let route = route.map_err(|bad| failure::of_segment("installation", bad))?;
        let ask = Ask::with_body(Method::POST, Scope::App, route, &serde_json::json!({}));
        let answer = self.attempt(&ask).await?;
        // The body holds the token: a parse error must not quote it.
        let minted: Minted = serde_json::from_slice(&answer.body)
            .map_err(|_| Failure::Again(ForgeError::Malformed { what: ask.what(), message: "no token in the answer".into() }, None))?;
        let can_push = minted.permissions.map(|held| held.get("contents").is_some_and(|level| level == "write"));
        Ok(Installation { token: SecretString::from(minted.token), expires_at: minted.expires_at, can_push })
    }

    /// The list names users and organizations alike, and tells a suspended installation from one that is not there.
    async fn installation_id(&self, owner: &str) -> Result<u64, Failure> {
        for page in 1..=super::MOST_PAGES {
            let route = Route::new("/app/installations", &[]).map_err(|bad| failure::of_segment(owner, bad))?.with("per_page", "100");
            let route = if page == 1 { route } else { route.with("page", &page.to_string()) };
            let ask = Ask::get(Scope::App, route);
            let answer = self.attempt(&ask).await?;
            let rows: Vec<InstallationWire> = super::client::parse(&ask, &answer).map_err(|error| Failure::Again(error, None))?;
            let full = rows.len() >= super::PER_PAGE;
            if let Some(found) = rows.into_iter().find(|row| row.owner().is_some_and(|login| login.eq_ignore_ascii_case(owner))) {
                let what = format!("the App's installation at `{owner}`");
                if found.suspended_at.is_some() {
                    return Err(Failure::Final(ForgeError::Forbidden { what, message: "it is suspended".into() }));
                }
                return found.id.ok_or_else(|| Failure::Final(ForgeError::Malformed { what, message: "`id` is missing".into() }));
            }
            if !full {
                break;
            }
        }
        Err(Failure::Final(ForgeError::NotFound { what: format!("the App's installation at `{owner}`") }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        let token = SecretString::from("ghp_canary");
        let header = bearer(&token).unwrap();
        assert!(header.is_sensitive() && header == "Bearer ghp_canary");
        let held = Credentials::new(&GitHubAuth::Token(token.clone())).unwrap();
        for shown in [format!("{header:?}"), format!("{held:?}"), format!("{:?}", GitHubAuth::Token(token))] {
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
}
