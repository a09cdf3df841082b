//! The methods of Slack's Web API that we use (<https://docs.slack.dev/reference/methods>), and the incoming webhook.

use std::time::Duration;

use http::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How much of an answer is read: a page of a history with all its blocks.
const ANSWER_CAP: usize = 8 * 1024 * 1024;

/// The longest time that we let ourselves be sent away for.
const LONGEST_PAUSE: u64 = 3600;

/// Why a request did not succeed.
#[derive(Debug)]
pub enum Fault {
    /// Slack said no, with this code.
    Code { code: String, needed: Option<String> },
    /// Too many requests, and when to come back.
    RateLimited(Option<Duration>),
    /// Network, time-out, 5xx, or an answer that can't be read.
    Unsure(String),
}

/// A message as Slack names it.
#[derive(Debug, Deserialize)]
pub struct Posted {
    pub channel: Option<String>,
    pub ts: Option<String>,
    #[serde(default)]
    metadata: Option<Value>,
}

impl Posted {
    /// The remediation in the metadata of a message that is marked with `event_type`.
    pub fn remediation(&self, event_type: &str) -> Option<&str> {
        let metadata = self.metadata.as_ref()?;
        (metadata.get("event_type")?.as_str()? == event_type).then(|| metadata.pointer("/event_payload/remediation")?.as_str()).flatten()
    }
}

/// What every answer begins with.
#[derive(Deserialize)]
struct Envelope {
    ok: bool,
    error: Option<String>,
    needed: Option<String>,
}

#[derive(Deserialize)]
struct Cursor {
    #[serde(default)]
    next_cursor: String,
}

#[derive(Deserialize)]
struct HistoryPage {
    messages: Vec<Value>,
    response_metadata: Option<Cursor>,
}

#[derive(Deserialize)]
struct ChannelsPage {
    channels: Vec<Channel>,
    response_metadata: Option<Cursor>,
}

#[derive(Deserialize)]
struct Channel {
    id: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Identity {
    user: Option<String>,
    team: Option<String>,
}

/// A client without redirects: they would carry the token elsewhere, or turn the POST into a GET.
pub fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .user_agent(concat!("regreen/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .redirect(redirect::Policy::none())
        // A repeated POST is a second message.
        .retry(reqwest::retry::never())
        .referer(false)
        .build()
}

/// The Web API with a bot's token.
pub struct Api {
    client: Client,
    address: String,
    authorization: HeaderValue,
}

impl Api {
    /// `None` where the token can't stand in a header.
    pub fn new(client: Client, address: &str, token: &str) -> Option<Self> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        authorization.set_sensitive(true);
        Some(Self { client, address: address.to_owned(), authorization })
    }

    /// `chat.postMessage` and `chat.update`.
    pub async fn post(&self, method: &str, body: &Value) -> Result<Posted, Fault> {
        let request = self.client.post(format!("{}/{method}", self.address)).header("content-type", "application/json; charset=utf-8");
        Ok(self.call(request.body(body.to_string())).await?.0)
    }

    /// The newest message since `oldest` that is `wanted`, on so many pages.
    pub async fn history(&self, channel: &str, oldest: &str, (size, pages): (u32, usize), wanted: impl Fn(&Posted) -> bool) -> Result<Option<String>, Fault> {
        let mut cursor = String::new();
        for _ in 0..pages {
            let size = size.to_string();
            let query =
                [("channel", channel), ("oldest", oldest), ("inclusive", "true"), ("include_all_metadata", "true"), ("limit", &size), ("cursor", &cursor)];
            let page: HistoryPage = self.get("conversations.history", &query).await?;
            // A message of a shape that we do not know is not ours.
            let found = page.messages.into_iter().filter_map(|message| serde_json::from_value::<Posted>(message).ok()).find(&wanted);
            if let Some(ts) = found.and_then(|found| found.ts) {
                return Ok(Some(ts));
            }
            match page.response_metadata {
                Some(Cursor { next_cursor }) if !next_cursor.is_empty() => cursor = next_cursor,
                _ => return Ok(None),
            }
        }
        tracing::warn!(channel, pages, "the search for our message ended before the history did");
        Ok(None)
    }

    /// Names and ids of the channels of these kinds.
    pub async fn channels(&self, kinds: &str, (size, pages): (u32, usize)) -> Result<Vec<(String, String)>, Fault> {
        let mut found = Vec::new();
        let mut cursor = String::new();
        for _ in 0..pages {
            let size = size.to_string();
            let query = [("types", kinds), ("exclude_archived", "true"), ("limit", &size), ("cursor", &cursor)];
            let page: ChannelsPage = self.get("conversations.list", &query).await?;
            found.extend(page.channels.into_iter().filter_map(|channel| Some((channel.name?, channel.id))));
            match page.response_metadata {
                Some(Cursor { next_cursor }) if !next_cursor.is_empty() => cursor = next_cursor,
                _ => break,
            }
        }
        Ok(found)
    }

    /// Who we are, and the token's scopes where Slack tells them.
    pub async fn identity(&self) -> Result<(String, Option<Vec<String>>), Fault> {
        let (identity, headers): (Identity, HeaderMap) = self.call(self.client.post(format!("{}/auth.test", self.address))).await?;
        let scopes = headers.get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
        let scopes = scopes.map(|scopes| scopes.split(',').map(|scope| scope.trim().to_owned()).collect());
        let plain = |name: Option<String>| name.unwrap_or_default().chars().filter(|c| !c.is_control()).take(80).collect::<String>();
        Ok((format!("bot `{}` in `{}`", plain(identity.user), plain(identity.team)), scopes))
    }

    async fn get<T: DeserializeOwned>(&self, method: &str, query: &[(&str, &str)]) -> Result<T, Fault> {
        let given: Vec<_> = query.iter().filter(|(_, value)| !value.is_empty()).collect();
        Ok(self.call(self.client.get(format!("{}/{method}", self.address)).query(&given)).await?.0)
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<(T, HeaderMap), Fault> {
        let exchanged = exchange(request.header("authorization", self.authorization.clone()));
        let (status, headers, body) = tokio::time::timeout(TIMEOUT, exchanged).await.map_err(|_| timed_out())??;
        if status == 429 {
            return Err(Fault::RateLimited(retry_after(&headers)));
        }
        let envelope: Option<Envelope> = serde_json::from_slice(&body).ok();
        match envelope {
            Some(Envelope { ok: false, error, needed }) => {
                let code = error.as_deref().and_then(plain).unwrap_or("an error without a code").to_owned();
                Err(Fault::Code { code, needed: needed.as_deref().and_then(scopes).map(str::to_owned) })
            }
            Some(_) if (200..300).contains(&status) => {
                let read = serde_json::from_slice(&body).map_err(|_| Fault::Unsure("the answer is not what was expected".into()))?;
                Ok((read, headers))
            }
            _ if (300..400).contains(&status) || (400..500).contains(&status) => Err(Fault::Code { code: format!("status {status}"), needed: None }),
            _ => Err(Fault::Unsure(format!("status {status}, and the answer is not JSON"))),
        }
    }
}

/// One post to an incoming webhook (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>).
pub async fn webhook(client: &Client, address: &str, body: &Value) -> Result<(), Fault> {
    let exchanged = exchange(client.post(address).header("content-type", "application/json").body(body.to_string()));
    let (status, headers, body) = tokio::time::timeout(TIMEOUT, exchanged).await.map_err(|_| timed_out())??;
    match status {
        200..=299 => Ok(()),
        429 => Err(Fault::RateLimited(retry_after(&headers))),
        300..=499 => {
            let code = std::str::from_utf8(&body).ok().and_then(|code| plain(code.trim())).map_or_else(|| format!("status {status}"), str::to_owned);
            Err(Fault::Code { code, needed: None })
        }
        _ => Err(Fault::Unsure(format!("status {status}"))),
    }
}

async fn exchange(request: RequestBuilder) -> Result<(u16, HeaderMap, Vec<u8>), Fault> {
    let mut response: Response = request.send().await.map_err(network)?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        if body.len() + chunk.len() > ANSWER_CAP {
            return Err(Fault::Unsure(format!("the answer is longer than {ANSWER_CAP} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, headers, body))
}

fn timed_out() -> Fault {
    Fault::Unsure(format!("no answer within {} s", TIMEOUT.as_secs()))
}

/// In our words only: the error's own would hold the address, and a webhook's address is a secret.
fn network(error: reqwest::Error) -> Fault {
    let what = if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "timed out"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the connection broke"
    };
    Fault::Unsure(what.into())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_PAUSE)))
}

/// A code is shown, so it has to be one.
fn plain(code: &str) -> Option<&str> {
    ((1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')).then_some(code)
}

fn scopes(scopes: &str) -> Option<&str> {
    ((1..=200).contains(&scopes.len()) && scopes.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'.' | b',')))
        .then_some(scopes)
}
