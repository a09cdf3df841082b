//! The team's Slack channel: a bot whose messages are found again and updated, an incoming webhook, or nothing.
//!
//! The Web API is spoken with our own few types over the same kind of HTTP client as everywhere: it honours `HTTPS_PROXY`, bounds an
//! answer while it is read and follows no redirect; Block Kit goes out as it was rendered; and of a channel's history only the
//! timestamp and the metadata are read, so that a message of a kind that is new to us can't break the search.

mod api;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use self::api::{Fault, Posted};
use crate::ports::alerts::{AlertError, AlertStyle, AlertText, Alerts, MessageRef};
use crate::ports::clock::Clock;

/// Marks our messages in their metadata.
pub const EVENT_TYPE: &str = "regreen_remediation";

/// Where Slack is.
const ADDRESS: &str = "https://slack.com/api";

/// Messages on one page of a history, and pages at most: a channel with more than that since the remediation began is too loud for a
/// search to matter.
const HISTORY: (u32, usize) = (200, 25);

/// The same for the list of channels.
const CHANNELS: (u32, usize) = (200, 100);

/// How far Slack's clock may be behind ours.
const SKEW: chrono::Duration = chrono::Duration::minutes(1);

/// How long to stay away where Slack does not say.
const PAUSE: chrono::Duration = chrono::Duration::seconds(30);

/// How the team's channel is reached.
#[derive(Clone, Default)]
pub struct SlackSettings {
    /// A bot's token. It comes before a webhook.
    pub bot_token: Option<SecretString>,
    /// The channel, by id or by name.
    pub channel: Option<String>,
    /// An incoming webhook; the whole address is a secret.
    pub webhook_url: Option<SecretString>,
    /// Another address of the Web API, up to and with `/api`.
    pub api_url: Option<Url>,
}

impl fmt::Debug for SlackSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackSettings")
            .field("has_bot_token", &self.bot_token.is_some())
            .field("channel", &self.channel)
            .field("has_webhook_url", &self.webhook_url.is_some())
            .field("api_host", &self.api_url.as_ref().and_then(Url::host_str))
            .finish()
    }
}

/// Why Slack can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlackSettingsError {
    /// The webhook's address is none.
    #[error("SLACK_WEBHOOK_URL is not an http or https address")]
    Webhook,
    /// The token can't stand in a header.
    #[error("SLACK_BOT_TOKEN has characters that no token has; check it for line ends and quotes")]
    Token,
    /// The HTTP client can't be made.
    #[error("no HTTP client can be made ({reason}); check the machine's certificate authorities")]
    Client { reason: String },
}

/// The team's channel in Slack.
pub struct Slack {
    reach: Reach,
    channel: Option<String>,
    clock: Arc<dyn Clock>,
}

enum Reach {
    Bot(Box<Bot>),
    Webhook { client: Client, address: SecretString },
    Silent,
}

struct Bot {
    api: api::Api,
    /// Names and their ids, as far as they are known.
    ids: Mutex<HashMap<String, String>>,
}

impl fmt::Debug for Slack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slack").field("style", &self.style()).field("channel", &self.channel).finish_non_exhaustive()
    }
}

impl Slack {
    /// Takes the settings: a bot where there is a token, else the webhook, else silence. The process's rustls provider must be installed.
    pub fn new(settings: SlackSettings, clock: Arc<dyn Clock>) -> Result<Self, SlackSettingsError> {
        let client = || api::client().map_err(|error| SlackSettingsError::Client { reason: error.without_url().to_string() });
        let reach = if let Some(token) = &settings.bot_token {
            let address = settings.api_url.as_ref().map_or(ADDRESS, Url::as_str);
            let api = api::Api::new(client()?, address.trim_end_matches('/'), token.expose_secret()).ok_or(SlackSettingsError::Token)?;
            Reach::Bot(Box::new(Bot { api, ids: Mutex::default() }))
        } else if let Some(address) = settings.webhook_url {
            let url: Url = address.expose_secret().parse().map_err(|_| SlackSettingsError::Webhook)?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(SlackSettingsError::Webhook);
            }
            Reach::Webhook { client: client()?, address }
        } else {
            Reach::Silent
        };
        Ok(Self { reach, channel: settings.channel, clock })
    }

    fn wanted<'a>(&'a self, alert: &'a AlertText) -> Result<&'a str, AlertError> {
        let channel = alert.channel.as_deref().or(self.channel.as_deref()).unwrap_or_default();
        let name = channel.trim().trim_start_matches('#');
        if name.is_empty() { Err(refused("no channel is configured; set SLACK_CHANNEL or the repository's slack_channel")) } else { Ok(name) }
    }

    /// What a fault means to the caller. `method` is what was asked for.
    fn error(&self, method: &str, fault: Fault) -> AlertError {
        match fault {
            Fault::Unsure(message) => AlertError::Transient { message: format!("{method}: {message}") },
            Fault::RateLimited(wait) => {
                let wait = wait.and_then(|wait| chrono::Duration::from_std(wait).ok()).unwrap_or(PAUSE);
                AlertError::RateLimited { retry_at: self.clock.now() + wait }
            }
            Fault::Code { code, needed } => match code.as_str() {
                "message_not_found" | "cant_update_message" | "edit_window_closed" => AlertError::MessageGone,
                "ratelimited" | "rate_limited" | "message_limit_exceeded" => AlertError::RateLimited { retry_at: self.clock.now() + PAUSE },
                "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" | "team_added_to_org" => {
                    AlertError::Transient { message: format!("{method}: {code}") }
                }
                _ => refused(&format!("{method}: {code}{}", remedy(&code, needed.as_deref()))),
            },
        }
    }

    /// The id of a channel. The list of channels is fetched where a name is not known yet; `None` where it can't be had or lacks the
    /// name, since Slack takes the names of public channels in some places.
    async fn id(&self, bot: &Bot, wanted: &str) -> Result<Option<String>, AlertError> {
        if is_id(wanted) {
            return Ok(Some(wanted.to_owned()));
        }
        // Held over the request, so that many alerts at once fetch one list.
        let mut ids = bot.ids.lock().await;
        if let Some(id) = ids.get(wanted) {
            return Ok(Some(id.clone()));
        }
        for kinds in ["public_channel,private_channel", "public_channel"] {
            match bot.api.channels(kinds, CHANNELS).await {
                Ok(found) => {
                    ids.extend(found);
                    break;
                }
                // A bot that may not list private channels may list public ones; one that may not list any can still post.
                Err(Fault::Code { code, .. }) if code == "missing_scope" => {}
                Err(fault) => return Err(self.error("conversations.list", fault)),
            }
        }
        Ok(ids.get(wanted).cloned())
    }
}

/// `C…`, `G…` and `D…` with capitals and digits, as no name of a channel has them.
fn is_id(channel: &str) -> bool {
    channel.len() >= 9 && channel.starts_with(['C', 'G', 'D']) && channel.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn refused(message: &str) -> AlertError {
    AlertError::Refused { message: message.to_owned() }
}

/// What to do about one of Slack's error codes.
fn remedy(code: &str, needed: Option<&str>) -> String {
    let text = match code {
        "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" | "not_allowed_token_type" => {
            "; check SLACK_BOT_TOKEN, and install the app in the workspace again if it was removed"
        }
        "missing_scope" | "no_permission" => {
            return format!("; give the app the scope {} and install it again", needed.map_or("that it lacks".to_owned(), |scope| format!("`{scope}`")));
        }
        "channel_not_found" => "; check SLACK_CHANNEL, and invite the bot where the channel is private",
        "not_in_channel" => "; invite the bot to the channel, or give it the scope `chat:write.public`",
        "is_archived" | "channel_is_archived" => "; the channel is archived, choose another one",
        "restricted_action" | "ekm_access_denied" | "action_prohibited" => "; the workspace's settings forbid it, ask its administrator",
        "invalid_blocks" | "invalid_blocks_format" | "msg_too_long" | "msg_blocks_too_long" | "invalid_payload" => "; this is a fault of regreen's text",
        "no_service" | "no_service_id" | "no_team" | "invalid_token" | "no_active_hooks" => "; the incoming webhook was removed, make a new SLACK_WEBHOOK_URL",
        _ => "",
    };
    text.to_owned()
}

fn message(alert: &AlertText) -> Value {
    json!({
        "text": alert.fallback,
        "blocks": alert.blocks,
        "metadata": {"event_type": EVENT_TYPE, "event_payload": {"remediation": alert.remediation.as_str()}},
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

#[async_trait]
impl Alerts for Slack {
    fn style(&self) -> AlertStyle {
        match self.reach {
            Reach::Bot(_) => AlertStyle::Bot,
            Reach::Webhook { .. } => AlertStyle::Webhook,
            Reach::Silent => AlertStyle::Silent,
        }
    }

    async fn find(&self, alert: &AlertText, since: DateTime<Utc>) -> Result<Option<MessageRef>, AlertError> {
        let Reach::Bot(bot) = &self.reach else { return Ok(None) };
        let wanted = self.wanted(alert)?;
        let Some(channel) = self.id(bot, wanted).await? else {
            return Err(refused(&format!("no channel `{wanted}` is visible to the bot; check SLACK_CHANNEL, or give the channel's id")));
        };
        let from = since - SKEW;
        let oldest = format!("{}.{:06}", from.timestamp().max(0), from.timestamp_subsec_micros());
        let ours = |posted: &Posted| posted.remediation(EVENT_TYPE) == Some(alert.remediation.as_str());
        let found = bot.api.history(&channel, &oldest, HISTORY, ours).await.map_err(|fault| self.error("conversations.history", fault))?;
        Ok(found.map(|ts| MessageRef { channel, ts }))
    }

    async fn post(&self, alert: &AlertText) -> Result<Option<MessageRef>, AlertError> {
        match &self.reach {
            Reach::Bot(bot) => {
                let wanted = self.wanted(alert)?;
                let known = self.id(bot, wanted).await?;
                let mut body = message(alert);
                body["channel"] = known.as_deref().unwrap_or(wanted).into();
                let posted = bot.api.post("chat.postMessage", &body).await.map_err(|fault| self.error("chat.postMessage", fault))?;
                let (Some(channel), Some(ts)) = (posted.channel, posted.ts) else {
                    return Err(AlertError::Transient { message: "chat.postMessage: the answer names no message".into() });
                };
                if known.is_none() {
                    bot.ids.lock().await.insert(wanted.to_owned(), channel.clone());
                }
                Ok(Some(MessageRef { channel, ts }))
            }
            Reach::Webhook { client, address } => {
                // It can't be updated, so only the end is worth saying; and it is said once: nothing is repeated here.
                if alert.last {
                    let body = json!({"text": alert.fallback, "blocks": alert.blocks});
                    api::webhook(client, address.expose_secret(), &body).await.map_err(|fault| self.error("incoming webhook", fault))?;
                }
                Ok(None)
            }
            Reach::Silent => {
                tracing::info!(remediation = %alert.remediation, text = %alert.fallback, "alert");
                Ok(None)
            }
        }
    }

    async fn update(&self, message_ref: &MessageRef, alert: &AlertText) -> Result<(), AlertError> {
        match &self.reach {
            Reach::Bot(bot) => {
                let mut body = message(alert);
                body["channel"] = message_ref.channel.as_str().into();
                body["ts"] = message_ref.ts.as_str().into();
                bot.api.post("chat.update", &body).await.map(|_| ()).map_err(|fault| self.error("chat.update", fault))
            }
            // There is no message to be gone: saying so would make the caller post a second one.
            Reach::Webhook { .. } => Ok(()),
            Reach::Silent => {
                tracing::info!(remediation = %alert.remediation, text = %alert.fallback, "alert");
                Ok(())
            }
        }
    }

    async fn check(&self) -> Result<String, AlertError> {
        match &self.reach {
            Reach::Bot(bot) => {
                let (identity, scopes) = bot.api.identity().await.map_err(|fault| self.error("auth.test", fault))?;
                let missing: Vec<&str> = match &scopes {
                    Some(scopes) => ["chat:write", "channels:history"].into_iter().filter(|needed| !scopes.iter().any(|scope| scope == needed)).collect(),
                    None => Vec::new(),
                };
                if missing.contains(&"chat:write") {
                    return Err(refused(&format!("the token lacks the scope `chat:write`{}", remedy("missing_scope", Some("chat:write")))));
                }
                let missing = if missing.is_empty() { "" } else { "; without the scope `channels:history` a message is not found again after a crash" };
                Ok(format!("{identity}{missing}"))
            }
            Reach::Webhook { .. } => Ok("an incoming webhook; only a message would show whether it works".into()),
            Reach::Silent => Ok("nothing is configured; alerts are logged only".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names() {
        for (channel, id) in [("C0123456789", true), ("G01234567", true), ("ci-alerts", false), ("C", false), ("CHANNELS-OF-OURS", false), ("", false)] {
            assert_eq!(is_id(channel), id, "{channel}");
        }
    }

    #[test]
    fn every_remedy_says_what_to_do() {
        assert!(remedy("missing_scope", Some("channels:read")).contains("`channels:read`"));
        assert!(remedy("invalid_auth", None).contains("SLACK_BOT_TOKEN"));
        assert!(remedy("not_in_channel", None).contains("invite"));
        assert_eq!(remedy("something_new", None), "");
    }
}
