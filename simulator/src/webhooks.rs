//! Webhooks: signed as GitHub signs them, and lost, repeated or late where a test says so.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::events::Happening;
use crate::http::{hex, post};
use crate::state::World;

/// A receiver.
#[derive(Clone)]
pub(crate) struct Hook {
    pub url: url::Url,
    pub secret: String,
    /// Event names, or `*`.
    pub events: Vec<String>,
}

/// What goes wrong with deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookTrouble {
    /// Never sent.
    Lose,
    /// Sent so many times more, with the same delivery id.
    Repeat(u32),
    /// Sent so many milliseconds late.
    Delay(u64),
}

/// Trouble with the next deliveries.
#[derive(Clone, Debug)]
pub struct WebhookFault {
    /// Event name, or none for all.
    pub event: Option<String>,
    /// What goes wrong.
    pub trouble: WebhookTrouble,
    /// How often; `None` is for ever.
    pub times: Option<u32>,
}

/// A delivery that was made, or lost on purpose.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The `X-GitHub-Delivery` id.
    pub id: String,
    /// Event name.
    pub event: String,
    /// `action` of the payload, or empty.
    pub action: String,
    /// Receiver.
    pub url: String,
    /// When it was sent or would have been.
    pub at: DateTime<Utc>,
    /// The answered status; none where lost or unreachable.
    pub status: Option<u16>,
    /// Whether it was lost on purpose.
    pub lost: bool,
}

/// The `X-Hub-Signature-256` value of a body.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    format!("sha256={}", hex(&mac.finalize().into_bytes()))
}

/// Sends an event to every receiver that wants it, in the background.
pub(crate) fn send(world: &Arc<World>, event: &str, payload: Value) {
    let hooks: Vec<Hook> = {
        let state = world.state();
        state.hooks.iter().filter(|hook| hook.events.iter().any(|wanted| wanted == event || wanted == "*")).cloned().collect()
    };
    for hook in hooks {
        deliver(world, hook, event, &payload);
    }
}

/// Sends an event to one receiver, in the background.
pub(crate) fn deliver(world: &Arc<World>, hook: Hook, event: &str, payload: &Value) {
    let body = Bytes::from(payload.to_string());
    let trouble = {
        let mut state = world.state();
        state.webhook_faults.iter_mut().find(|fault| fault.times != Some(0) && fault.event.as_deref().is_none_or(|wanted| wanted == event)).map(|fault| {
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            fault.trouble
        })
    };
    let id = {
        let number = world.state().id();
        let digest = hex(&Sha256::digest(number.to_be_bytes()));
        format!("{}-{}-11f0-{}-{}", &digest[..8], &digest[8..12], &digest[12..16], &digest[16..28])
    };
    let delivery = Delivery {
        id: id.clone(),
        event: event.to_owned(),
        action: payload["action"].as_str().unwrap_or_default().to_owned(),
        url: hook.url.to_string(),
        at: Utc::now(),
        status: None,
        lost: trouble == Some(WebhookTrouble::Lose),
    };
    if delivery.lost {
        world.state().deliveries.push(delivery);
        world.tell(Happening::WebhookDelivered { name: event.to_owned(), status: None });
        return;
    }
    let (known, event) = (world.clone(), event.to_owned());
    world.spawn(async move {
        let mut sends = 1;
        match trouble {
            Some(WebhookTrouble::Delay(milliseconds)) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
            Some(WebhookTrouble::Repeat(more)) => sends += more,
            Some(WebhookTrouble::Lose) | None => {}
        }
        for _ in 0..sends {
            let headers = [
                ("content-type", "application/json".to_owned()),
                ("user-agent", "GitHub-Hookshot/51c0ffe".to_owned()),
                ("x-github-event", event.clone()),
                ("x-github-delivery", id.clone()),
                ("x-github-hook-id", "500000001".to_owned()),
                ("x-hub-signature-256", signature(&hook.secret, &body)),
            ];
            // GitHub gives a receiver ten seconds.
            let sent = tokio::time::timeout(Duration::from_secs(10), post(&hook.url, &headers, body.clone())).await;
            let status = match sent {
                Ok(Ok(status)) => Some(status),
                Ok(Err(error)) => {
                    tracing::debug!(%error, url = %hook.url, "a webhook could not be delivered");
                    None
                }
                Err(_) => None,
            };
            known.state().deliveries.push(Delivery { at: Utc::now(), status, ..delivery.clone() });
            known.tell(Happening::WebhookDelivered { name: event.clone(), status });
        }
    });
}

#[cfg(test)]
mod tests {
    /// The example of GitHub's documentation on validating deliveries.
    #[test]
    fn signature_is_the_documented_one() {
        assert_eq!(super::signature("It's a Secret to Everybody", b"Hello, World!"), "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    }
}
