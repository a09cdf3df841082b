//! Language models behind one router port.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A request to one route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelRequest {
    /// The route's name in the settings.
    pub route: String,
    /// The system part.
    pub system: String,
    /// The conversation: user first, then alternating.
    pub turns: Vec<Turn>,
    /// The most tokens that the answer may have.
    pub max_output_tokens: u32,
    /// Identifies the remediation to the gateway, for its own logs.
    pub tag: String,
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: String,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// regreen.
    User,
    /// The model.
    Assistant,
}

/// A model's answer: hostile text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelAnswer {
    /// The text, at most [`ANSWER_CAP`] bytes.
    pub text: String,
    /// The model, as the gateway names it.
    pub model: String,
    /// The gateway's id of the answer, for feedback.
    pub response_id: Option<String>,
    /// The gateway's id of the episode.
    pub episode_id: Option<String>,
    /// Tokens in.
    pub input_tokens: u64,
    /// Tokens out.
    pub output_tokens: u64,
    /// US dollars, by the route's price; 0 where none is set.
    pub cost_usd: f64,
    /// How long it took.
    pub took: Duration,
}

/// What an answer cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Tokens in.
    pub input_tokens: u64,
    /// Tokens out.
    pub output_tokens: u64,
    /// US dollars, by the route's price; 0 where none is set.
    pub cost_usd: f64,
}

/// A longer answer is refused.
pub const ANSWER_CAP: usize = 2 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ModelError {
    /// The key is wrong. Never retried.
    #[error("route `{route}`: the gateway refused the credentials; check {key_env}")]
    Unauthorized { route: String, key_env: String },
    /// Too many requests.
    #[error("route `{route}`: rate limited")]
    RateLimited { route: String, retry_at: Option<DateTime<Utc>> },
    /// Network, time-out, 5xx.
    #[error("route `{route}`: {message}")]
    Transient { route: String, message: String },
    /// The request was refused: too long, an unknown model, …
    #[error("route `{route}`: the request was refused ({message})")]
    Refused { route: String, message: String },
    /// Empty, too long or unreadable. It was paid for all the same.
    #[error("route `{route}`: unusable answer ({message})")]
    Unusable { route: String, message: String, cost: Usage },
    /// The model, or its filter, would not answer. It was paid for all the same.
    #[error("route `{route}`: the model declined to answer")]
    Declined { route: String, cost: Usage },
    /// No such route in the settings.
    #[error("route `{route}` is not configured")]
    Unknown { route: String },
}

impl ModelError {
    /// Whether asking again could help.
    pub fn is_transient(&self) -> bool {
        matches!(self, ModelError::RateLimited { .. } | ModelError::Transient { .. })
    }
}

/// The models. Time-outs and bounded retries are inside the adapter.
#[async_trait]
pub trait Llm: Send + Sync {
    /// The routes, in the order of the settings.
    fn routes(&self) -> Vec<String>;
    /// Asks one route.
    async fn ask(&self, request: &ModelRequest) -> Result<ModelAnswer, ModelError>;
    /// Tells the gateway how an answer turned out, where it takes feedback. Best effort.
    async fn feedback(&self, route: &str, response_id: &str, metric: &str, value: bool) -> Result<(), ModelError>;
    /// Asks the route for a sign of life, without cost where possible; for `doctor`.
    async fn check(&self, route: &str) -> Result<(), ModelError>;
}
