//! The part of Slack's Web API that a bot needs to post, update and find its messages, and an incoming webhook.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::events::Happening;
use crate::http::{Reply, Request};
use crate::state::World;

/// A message as the channel shows it now, with what it was before.
#[derive(Clone, Debug)]
pub struct SlackMessage {
    /// Channel id.
    pub channel: String,
    /// Slack's message id: seconds and microseconds.
    pub ts: String,
    /// The message it answers.
    pub thread_ts: Option<String>,
    /// Plain text.
    pub text: String,
    /// Block Kit blocks, or null.
    pub blocks: Value,
    /// Attachments, or null.
    pub attachments: Value,
    /// Message metadata, or null.
    pub metadata: Value,
    /// Whether it came through the incoming webhook.
    pub by_webhook: bool,
    /// When it was posted.
    pub posted_at: DateTime<Utc>,
    /// Earlier contents, oldest first.
    pub edits: Vec<SlackEdit>,
}

/// What a message said before an update.
#[derive(Clone, Debug)]
pub struct SlackEdit {
    /// When it was replaced.
    pub at: DateTime<Utc>,
    /// Text until then.
    pub text: String,
    /// Blocks until then.
    pub blocks: Value,
    /// Attachments until then.
    pub attachments: Value,
}

const TEAM: &str = "T0SIMULATOR";
const BOT_USER: &str = "U0REGREEN";

pub(crate) async fn answer(world: Arc<World>, request: Request) -> Reply {
    if request.path.starts_with("/services/") {
        return webhook(&world, &request);
    }
    let Some(method) = request.path.strip_prefix("/api/") else { return Reply::text(404, "not found") };
    let arguments = arguments(&request);
    let bearer = request.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
    let token = bearer.map(str::to_owned).or_else(|| text(&arguments, "token"));
    match token {
        None => return error("not_authed"),
        Some(token) if token != world.options.slack_token => return error("invalid_auth"),
        Some(_) => {}
    }
    let answer = match method {
        "auth.test" => Ok(
            json!({"url": "https://simulator.slack.com/", "team": "Simulator", "user": "regreen", "team_id": TEAM, "user_id": BOT_USER, "bot_id": "B0REGREEN", "is_enterprise_install": false}),
        ),
        "chat.postMessage" => post(&world, &arguments),
        "chat.update" => update(&world, &arguments),
        "conversations.history" => history(&world, &arguments),
        "conversations.replies" => replies(&world, &arguments),
        "conversations.list" => {
            let channels: Vec<Value> = world.options.slack_channels.iter().map(|(id, name)| channel_shape(id, name)).collect();
            Ok(json!({"channels": channels, "response_metadata": {"next_cursor": ""}}))
        }
        "conversations.info" => channel(&world, &arguments).map(|(id, name)| json!({"channel": channel_shape(&id, &name)})),
        "users.lookupByEmail" => lookup(&world, &arguments),
        "apps.connections.open" => Err("not_allowed_token_type"),
        _ => Err("unknown_method"),
    };
    match answer {
        Ok(mut value) => {
            value["ok"] = json!(true);
            Reply::json(200, &value)
        }
        Err(reason) => error(reason),
    }
}

fn error(reason: &str) -> Reply {
    Reply::json(200, &json!({"ok": false, "error": reason}))
}

/// Arguments come as a form, as JSON, or in the query; structured ones in a form are JSON text.
fn arguments(request: &Request) -> Map<String, Value> {
    let mut out = Map::new();
    let mut form = |bytes: &[u8]| {
        for (name, value) in url::form_urlencoded::parse(bytes) {
            let parsed = matches!(&*name, "blocks" | "attachments" | "metadata").then(|| serde_json::from_str(&value).ok()).flatten();
            out.insert(name.into_owned(), parsed.unwrap_or_else(|| json!(value)));
        }
    };
    form(request.raw_query.as_bytes());
    if request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        if let Value::Object(body) = request.json() {
            out.extend(body);
        }
    } else {
        form(&request.body);
    }
    out
}

fn text(arguments: &Map<String, Value>, name: &str) -> Option<String> {
    match arguments.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

fn value(arguments: &Map<String, Value>, name: &str) -> Value {
    arguments.get(name).cloned().unwrap_or(Value::Null)
}

fn channel(world: &World, arguments: &Map<String, Value>) -> Result<(String, String), &'static str> {
    let wanted = text(arguments, "channel").ok_or("channel_not_found")?;
    let wanted = wanted.trim_start_matches('#');
    world.options.slack_channels.iter().find(|(id, name)| id == wanted || name == wanted).cloned().ok_or("channel_not_found")
}

fn channel_shape(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "is_channel": true, "is_group": false, "is_im": false, "is_private": false, "is_archived": false, "is_general": false, "is_member": true, "created": 1_700_000_000, "creator": "U0OWNER",
        "name_normalized": name, "is_shared": false, "num_members": 5, "topic": {"value": "", "creator": "", "last_set": 0}, "purpose": {"value": "", "creator": "", "last_set": 0}})
}

fn shape(message: &SlackMessage, with_metadata: bool) -> Value {
    let mut value =
        json!({"type": "message", "user": BOT_USER, "bot_id": "B0REGREEN", "app_id": "A0REGREEN", "team": TEAM, "ts": message.ts, "text": message.text});
    for (name, part) in [("blocks", &message.blocks), ("attachments", &message.attachments)] {
        if !part.is_null() {
            value[name] = part.clone();
        }
    }
    if let Some(thread) = &message.thread_ts {
        value["thread_ts"] = json!(thread);
    }
    if let Some(edit) = message.edits.last() {
        value["edited"] = json!({"user": BOT_USER, "ts": format!("{}.000000", edit.at.timestamp())});
    }
    if with_metadata && !message.metadata.is_null() {
        value["metadata"] = message.metadata.clone();
    }
    value
}

fn keep(world: &World, mut message: SlackMessage) -> SlackMessage {
    {
        let mut state = world.state();
        // A timestamp is the message's id, so two in one microsecond must differ.
        let mut micros = message.posted_at.timestamp_micros();
        let stamp = |micros: i64| format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        while state.slack.iter().any(|other| other.ts == stamp(micros)) {
            micros += 1;
        }
        message.ts = stamp(micros);
        state.slack.push(message.clone());
    }
    world.tell(Happening::SlackPosted { channel: message.channel.clone(), ts: message.ts.clone(), text: message.text.clone() });
    message
}

fn post(world: &World, arguments: &Map<String, Value>) -> Result<Value, &'static str> {
    let (channel, _) = channel(world, arguments)?;
    let message = SlackMessage {
        channel: channel.clone(),
        ts: String::new(),
        thread_ts: text(arguments, "thread_ts"),
        text: text(arguments, "text").unwrap_or_default(),
        blocks: value(arguments, "blocks"),
        attachments: value(arguments, "attachments"),
        metadata: value(arguments, "metadata"),
        by_webhook: false,
        posted_at: Utc::now(),
        edits: Vec::new(),
    };
    if message.text.is_empty() && message.blocks.is_null() && message.attachments.is_null() {
        return Err("no_text");
    }
    check_blocks(&message.blocks)?;
    let message = keep(world, message);
    Ok(json!({"channel": channel, "ts": message.ts, "message": shape(&message, true)}))
}

/// Slack's limits on blocks that are met in practice.
fn check_blocks(blocks: &Value) -> Result<(), &'static str> {
    let Some(list) = blocks.as_array() else { return if blocks.is_null() { Ok(()) } else { Err("invalid_blocks_format") } };
    if list.len() > 50 {
        return Err("invalid_blocks");
    }
    let too_long = |text: &Value, limit: usize| text["text"].as_str().is_some_and(|text| text.chars().count() > limit || text.is_empty());
    for block in list {
        if !block["type"].is_string() {
            return Err("invalid_blocks");
        }
        let fields = block["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        if too_long(&block["text"], if block["type"] == "header" { 150 } else { 3000 }) || fields.len() > 10 || fields.iter().any(|field| too_long(field, 2000))
        {
            return Err("invalid_blocks");
        }
    }
    Ok(())
}

fn update(world: &World, arguments: &Map<String, Value>) -> Result<Value, &'static str> {
    let (channel, _) = channel(world, arguments)?;
    let ts = text(arguments, "ts").ok_or("message_not_found")?;
    check_blocks(&value(arguments, "blocks"))?;
    let answer = {
        let mut state = world.state();
        let message = state.slack.iter_mut().find(|message| message.channel == channel && message.ts == ts).ok_or("message_not_found")?;
        if message.by_webhook {
            return Err("cant_update_message");
        }
        message.edits.push(SlackEdit { at: Utc::now(), text: message.text.clone(), blocks: message.blocks.clone(), attachments: message.attachments.clone() });
        // What is left out stays, except that new text alone takes the blocks' place.
        if let Some(new) = text(arguments, "text") {
            message.text = new;
        }
        for (name, part) in [("blocks", &mut message.blocks), ("attachments", &mut message.attachments), ("metadata", &mut message.metadata)] {
            if let Some(new) = arguments.get(name) {
                *part = new.clone();
            }
        }
        json!({"channel": channel, "ts": ts, "text": message.text, "message": shape(message, true)})
    };
    world.tell(Happening::SlackUpdated { channel, ts, text: answer["text"].as_str().unwrap_or_default().to_owned() });
    Ok(answer)
}

fn history(world: &World, arguments: &Map<String, Value>) -> Result<Value, &'static str> {
    let (channel, _) = channel(world, arguments)?;
    let limit = text(arguments, "limit").and_then(|text| text.parse().ok()).unwrap_or(100_usize).clamp(1, 999);
    let seconds = |name: &str| text(arguments, name).and_then(|text| text.parse::<f64>().ok());
    let (oldest, latest) = (seconds("oldest").unwrap_or(0.0), seconds("latest").unwrap_or(f64::MAX));
    let metadata = text(arguments, "include_all_metadata").is_some_and(|text| text == "true" || text == "1");
    let offset: usize = text(arguments, "cursor")
        .filter(|cursor| !cursor.is_empty())
        .map_or(Ok(0), |cursor| cursor.trim_start_matches("bmV4dA-").parse())
        .map_err(|_| "invalid_cursor")?;
    let state = world.state();
    let found: Vec<&SlackMessage> = state
        .slack
        .iter()
        .rev()
        .filter(|message| message.channel == channel && message.thread_ts.as_ref().is_none_or(|thread| *thread == message.ts))
        .filter(|message| message.ts.parse::<f64>().is_ok_and(|at| at > oldest && at < latest))
        .collect();
    let more = found.len() > offset + limit;
    let messages: Vec<Value> = found.into_iter().skip(offset).take(limit).map(|message| shape(message, metadata)).collect();
    let cursor = if more { format!("bmV4dA-{}", offset + limit) } else { String::new() };
    Ok(json!({"messages": messages, "has_more": more, "pin_count": 0, "response_metadata": {"next_cursor": cursor}}))
}

fn replies(world: &World, arguments: &Map<String, Value>) -> Result<Value, &'static str> {
    let (channel, _) = channel(world, arguments)?;
    let ts = text(arguments, "ts").ok_or("thread_not_found")?;
    let state = world.state();
    let messages: Vec<Value> = state
        .slack
        .iter()
        .filter(|message| message.channel == channel && (message.ts == ts || message.thread_ts.as_deref() == Some(&ts)))
        .map(|message| shape(message, true))
        .collect();
    if messages.is_empty() { Err("thread_not_found") } else { Ok(json!({"messages": messages, "has_more": false})) }
}

fn lookup(world: &World, arguments: &Map<String, Value>) -> Result<Value, &'static str> {
    let email = text(arguments, "email").ok_or("users_not_found")?;
    let state = world.state();
    let login = state.logins.get(&email).ok_or("users_not_found")?;
    Ok(
        json!({"user": {"id": format!("U0{}", login.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "")), "team_id": TEAM, "name": login, "real_name": login, "deleted": false, "is_bot": false, "profile": {"email": email, "display_name": login, "real_name": login}}}),
    )
}

fn webhook(world: &World, request: &Request) -> Reply {
    if request.method != "POST" {
        return Reply::text(405, "method_not_allowed");
    }
    if !world.urls.slack.is_empty() && request.path != crate::SLACK_WEBHOOK_PATH {
        return Reply::text(404, "no_service");
    }
    let arguments = match arguments(request) {
        arguments if arguments.contains_key("payload") => match serde_json::from_str(arguments["payload"].as_str().unwrap_or_default()) {
            Ok(Value::Object(inner)) => inner,
            _ => return Reply::text(400, "invalid_payload"),
        },
        arguments => arguments,
    };
    let message = SlackMessage {
        channel: world.options.slack_channels.first().map(|(id, _)| id.clone()).unwrap_or_default(),
        ts: String::new(),
        thread_ts: None,
        text: text(&arguments, "text").unwrap_or_default(),
        blocks: value(&arguments, "blocks"),
        attachments: value(&arguments, "attachments"),
        metadata: Value::Null,
        by_webhook: true,
        posted_at: Utc::now(),
        edits: Vec::new(),
    };
    if message.text.is_empty() && message.blocks.is_null() && message.attachments.is_null() {
        return Reply::text(400, "no_text");
    }
    if let Err(reason) = check_blocks(&message.blocks) {
        return Reply::text(400, reason);
    }
    keep(world, message);
    Reply::text(200, "ok")
}
