//! A language model that follows a script: an OpenAI-compatible gateway with canned answers, and TensorZero's shape of the same.
//! Every answer names the model `scripted`, so that nobody takes it for a real one.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::events::Happening;
use crate::http::{Reply, Request};
use crate::state::World;

/// What the model answers.
#[derive(Clone, Debug)]
pub enum ModelReply {
    /// This text.
    Text(String),
    /// This JSON, as text.
    Json(Value),
    /// Text that fits no format.
    Nonsense,
    /// An answer without text.
    Empty,
    /// So many bytes of text.
    Huge(usize),
    /// An HTTP error, with `retry-after` in seconds where given.
    Status(u16, Option<u64>),
    /// Wait so many milliseconds, then give the default refusal.
    Stall(u64),
    /// This text cut off in the middle, with `finish_reason` `length`.
    Truncated(String),
}

/// One rule of the script. The first that matches answers.
#[derive(Clone, Debug)]
pub struct ModelRule {
    /// Substrings that must all occur in the text of the last message.
    pub when: Vec<String>,
    /// How often the rule answers; `None` is for ever.
    pub times: Option<u32>,
    /// The answer.
    pub reply: ModelReply,
}

impl ModelRule {
    /// A rule that answers whenever all the substrings occur.
    #[must_use]
    pub fn when(substrings: &[&str], reply: ModelReply) -> Self {
        Self { when: substrings.iter().map(|text| (*text).to_owned()).collect(), times: None, reply }
    }

    /// Answer only so many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

/// A request to the model, whole.
#[derive(Clone, Debug)]
pub struct ModelRequest {
    /// When.
    pub at: DateTime<Utc>,
    /// Path, which tells the gateway's shape.
    pub path: String,
    /// The body as it came.
    pub body: Value,
    /// Index of the rule that answered; none for the default refusal.
    pub rule: Option<usize>,
}

const REFUSAL: &str = "I am a scripted model and have no answer prepared for this prompt.";

pub(crate) async fn answer(world: Arc<World>, request: Request) -> Reply {
    if let Some(key) = &world.options.model_key
        && request.header("authorization") != Some(&format!("Bearer {key}"))
    {
        return failure(401, "Incorrect API key provided.", "invalid_api_key");
    }
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/v1/chat/completions" | "/openai/v1/chat/completions") => complete(&world, &request).await,
        ("GET", "/v1/models" | "/openai/v1/models") => {
            Reply::json(200, &json!({"object": "list", "data": [{"id": "scripted", "object": "model", "created": 1_700_000_000, "owned_by": "simulator"}]}))
        }
        ("POST", "/feedback") => feedback(&world, &request),
        ("GET", "/status" | "/health") => Reply::json(200, &json!({"status": "ok"})),
        _ => failure(404, "Unknown request URL", "unknown_url"),
    }
}

fn failure(status: u16, message: &str, code: &str) -> Reply {
    Reply::json(status, &json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": code}}))
}

/// A message's text, whether it is a string or a list of parts.
fn message_text(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

async fn complete(world: &Arc<World>, request: &Request) -> Reply {
    let body = request.json();
    let Some(messages) = body["messages"].as_array().filter(|messages| !messages.is_empty()) else {
        return failure(400, "'messages' must be a non-empty array", "invalid_value");
    };
    let gateway = request.path.starts_with("/openai/");
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    if gateway && !model.starts_with("tensorzero::") {
        return Reply::json(
            400,
            &json!({"error": "Invalid request to OpenAI-compatible endpoint: model name must start with 'tensorzero::function_name::' or 'tensorzero::model_name::'"}),
        );
    }
    let prompt: usize = messages.iter().map(|message| message_text(message).len()).sum();
    let last = messages.last().map(message_text).unwrap_or_default();
    let (rule, reply, id) = {
        let mut state = world.state();
        let found = state.model_rules.iter().position(|rule| rule.times != Some(0) && rule.when.iter().all(|part| last.contains(part.as_str())));
        let reply = found.map(|index| {
            let rule = &mut state.model_rules[index];
            if let Some(times) = &mut rule.times {
                *times -= 1;
            }
            rule.reply.clone()
        });
        let id = state.id();
        state.model_requests.push(ModelRequest { at: Utc::now(), path: request.path.clone(), body: body.clone(), rule: found });
        (found, reply, id)
    };
    world.tell(Happening::ModelAsked { model, prompt_bytes: prompt, rule });
    let mut finish = "stop";
    let text = match reply {
        None => REFUSAL.to_owned(),
        Some(ModelReply::Text(text)) => text,
        Some(ModelReply::Json(value)) => value.to_string(),
        Some(ModelReply::Nonsense) => "@@ -1 +1 colourless {{green ]] ideas ``` sleep\n+++ furiously".to_owned(),
        Some(ModelReply::Empty) => String::new(),
        Some(ModelReply::Huge(bytes)) => "regreen ".repeat(bytes / 8 + 1)[..bytes].to_owned(),
        Some(ModelReply::Status(code, retry_after)) => {
            let reply = failure(code, "The scripted model was told to fail.", if code == 429 { "rate_limit_exceeded" } else { "scripted_failure" });
            return match retry_after {
                Some(seconds) => reply.with("retry-after", seconds.to_string()),
                None => reply,
            };
        }
        Some(ModelReply::Stall(milliseconds)) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            REFUSAL.to_owned()
        }
        Some(ModelReply::Truncated(text)) => {
            finish = "length";
            let mut middle = text.len() / 2;
            while !text.is_char_boundary(middle) {
                middle -= 1;
            }
            text[..middle].to_owned()
        }
    };
    let (input, output) = (prompt.div_ceil(4), text.len().div_ceil(4));
    let usage = json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output});
    let message = json!({"role": "assistant", "content": text, "refusal": null});
    let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": finish});
    let mut value = json!({"id": format!("chatcmpl-{id}"), "object": "chat.completion", "created": Utc::now().timestamp(), "model": "scripted", "choices": [choice], "usage": usage, "system_fingerprint": "fp_scripted"});
    if gateway {
        value["id"] = json!(identifier(id));
        value["episode_id"] = body["tensorzero::episode_id"].as_str().map_or_else(|| json!(identifier(id + 1)), |episode| json!(episode));
        value["model"] = json!("tensorzero::model_name::scripted");
    }
    Reply::json(200, &value)
}

/// An id in the shape of a version 7 UUID.
fn identifier(number: u64) -> String {
    let millis = u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0);
    format!("{:08x}-{:04x}-7000-8000-{:012x}", (millis >> 16) & 0xffff_ffff, millis & 0xffff, number & 0xffff_ffff_ffff)
}

fn feedback(world: &World, request: &Request) -> Reply {
    let body = request.json();
    let metric = body["metric_name"].as_str().unwrap_or_default().to_owned();
    let target = body["inference_id"].as_str().or_else(|| body["episode_id"].as_str()).unwrap_or_default().to_owned();
    if metric.is_empty() || target.is_empty() || body.get("value").is_none() {
        return Reply::json(400, &json!({"error": "feedback needs `metric_name`, `value`, and `inference_id` or `episode_id`"}));
    }
    let known = &world.options.model_metrics;
    if !known.is_empty() && !known.contains(&metric) {
        return Reply::json(404, &json!({"error": format!("Unknown metric: {metric}")}));
    }
    let id = {
        let mut state = world.state();
        state.model_feedback.push(body);
        state.id()
    };
    world.tell(Happening::ModelFeedback { metric, target });
    Reply::json(200, &json!({"feedback_id": identifier(id)}))
}
