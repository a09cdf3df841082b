//! The team's channel.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::ids::RemediationId;

/// What is said of one remediation. Rendered by `domain::render`; the adapter only carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertText {
    /// The remediation: one message each, updated in place.
    pub remediation: RemediationId,
    /// The channel; `None` for the configured one.
    pub channel: Option<String>,
    /// Plain text for notifications.
    pub fallback: String,
    /// Block Kit blocks, as Slack's JSON array.
    pub blocks: serde_json::Value,
    /// Whether the remediation has ended (an incoming webhook posts only then).
    pub last: bool,
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRef {
    /// The channel's id.
    pub channel: String,
    /// The message's timestamp: Slack's id of it.
    pub ts: String,
}

/// Why it was not said.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AlertError {
    /// Token, scope or channel are wrong. Not retried until the settings change.
    #[error("slack refused: {message}")]
    Refused { message: String },
    /// Too many requests.
    #[error("slack is rate limited until {retry_at}")]
    RateLimited { retry_at: DateTime<Utc> },
    /// Network, time-out, 5xx. Whether a post took effect is not known.
    #[error("slack: {message}")]
    Transient { message: String },
    /// The message that was to be updated is gone.
    #[error("the slack message is gone")]
    MessageGone,
}

/// How messages get there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStyle {
    /// Nothing is configured: alerts are logged only.
    Silent,
    /// A bot: messages are found again and updated.
    Bot,
    /// An incoming webhook: one post at the end, at most once.
    Webhook,
}

/// The team's channel.
#[async_trait]
pub trait Alerts: Send + Sync {
    /// How messages get there.
    fn style(&self) -> AlertStyle;
    /// Looks for the message of this remediation by its metadata; for after a crash. `since` bounds the search.
    async fn find(&self, alert: &AlertText, since: DateTime<Utc>) -> Result<Option<MessageRef>, AlertError>;
    /// Posts it, with the remediation in its metadata.
    async fn post(&self, alert: &AlertText) -> Result<Option<MessageRef>, AlertError>;
    /// Replaces it.
    async fn update(&self, message: &MessageRef, alert: &AlertText) -> Result<(), AlertError>;
    /// A sign of life, for `doctor`.
    async fn check(&self) -> Result<String, AlertError>;
}
