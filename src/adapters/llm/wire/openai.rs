//! Chat completions, as OpenAI defined them and most gateways speak them (TensorZero too, under `/openai/v1`).

use serde_json::{Value, json};
use url::Url;

use super::{End, Reply, Unreadable, name, number, text};
use crate::ports::llm::{ModelRequest, Role};

/// How the limit of tokens is called. OpenAI's newer models refuse the old name, many gateways do not know the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitName {
    MaxTokens,
    MaxCompletionTokens,
}

impl LimitName {
    fn key(self) -> &'static str {
        match self {
            LimitName::MaxTokens => "max_tokens",
            LimitName::MaxCompletionTokens => "max_completion_tokens",
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            LimitName::MaxTokens => LimitName::MaxCompletionTokens,
            LimitName::MaxCompletionTokens => LimitName::MaxTokens,
        }
    }
}

/// The address that ends in `version` (or what stands for it), from any usual form of it: the host alone, with a version, or the
/// full address of the completions. A query (Azure's `api-version`) is kept. The other vendors' addresses are built alike.
pub fn base(given: &Url, version: &str) -> Url {
    let mut segments: Vec<&str> = given.path_segments().into_iter().flatten().filter(|segment| !segment.is_empty()).collect();
    let full = segments.ends_with(&["chat", "completions"]);
    if full {
        segments.truncate(segments.len() - 2);
    }
    let versioned = segments.iter().any(|segment| segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())));
    if !full && !versioned {
        segments.push(version);
    }
    with_path(given, &segments)
}

/// TensorZero's OpenAI-compatible address, from the gateway's.
pub fn tensorzero_base(given: &Url) -> Url {
    let mut segments = root_segments(given);
    segments.extend(["openai", "v1"]);
    with_path(given, &segments)
}

/// TensorZero's own address, without the OpenAI-compatible part.
pub fn tensorzero_root(given: &Url) -> Url {
    with_path(given, &root_segments(given))
}

fn root_segments(given: &Url) -> Vec<&str> {
    let segments: Vec<&str> = given.path_segments().into_iter().flatten().filter(|segment| !segment.is_empty()).collect();
    let end = segments.iter().position(|segment| *segment == "openai").unwrap_or(segments.len());
    segments[..end].to_vec()
}

fn with_path(given: &Url, segments: &[&str]) -> Url {
    let mut url = given.clone();
    // The segments come from a URL, so they are encoded already.
    url.set_path(&segments.join("/"));
    url
}

/// `base` and more segments.
pub fn below(base: &Url, segments: &[&str]) -> Url {
    let path = format!("{}/{}", base.path().trim_end_matches('/'), segments.join("/"));
    let mut url = base.clone();
    url.set_path(&path);
    url
}

/// The body of a request.
pub fn body(model: &str, request: &ModelRequest, limit: u32, limit_name: LimitName) -> Value {
    let system = (!request.system.is_empty()).then(|| json!({"role": "system", "content": request.system}));
    let turns = request.turns.iter().map(|turn| {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({"role": role, "content": turn.text})
    });
    let messages: Vec<Value> = system.into_iter().chain(turns).collect();
    let mut body = json!({"model": model, "messages": messages, "stream": false});
    body[limit_name.key()] = limit.into();
    body
}

/// The answer of a request.
pub fn read(body: &[u8]) -> Result<Reply, Unreadable> {
    let value = super::json(body)?;
    let choice = value.pointer("/choices/0").filter(|choice| choice.is_object()).ok_or(Unreadable::Shape)?;
    // OpenRouter tells the failure of the provider behind it here.
    if choice.get("error").is_some_and(|error| !error.is_null()) {
        return Err(Unreadable::Complaint(number(choice, "/error/code").and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code))));
    }
    let message = choice.get("message").filter(|message| message.is_object()).ok_or(Unreadable::Shape)?;
    let content = match message.get("content") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(content)) => content.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter(|part| part.get("type").is_none_or(|kind| kind == "text")).filter_map(|part| text(part, "/text")).collect()
        }
        Some(_) => return Err(Unreadable::Shape),
    };
    let calls = message.get("tool_calls").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty())
        || message.get("function_call").is_some_and(Value::is_object);
    let end = match choice.get("finish_reason").and_then(Value::as_str) {
        Some("length" | "max_tokens" | "model_length") => End::CutOff,
        Some("content_filter" | "refusal") => End::Declined,
        _ if text(message, "/refusal").is_some() => End::Declined,
        Some("tool_calls" | "function_call") => End::ToolCall,
        _ if calls => End::ToolCall,
        _ => End::Complete,
    };
    Ok(Reply {
        text: content,
        model: name(&value, "/model"),
        response_id: name(&value, "/id"),
        episode_id: name(&value, "/episode_id"),
        input_tokens: number(&value, "/usage/prompt_tokens"),
        output_tokens: number(&value, "/usage/completion_tokens"),
        end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_form_of_the_address() {
        let check =
            |given: &str, expected: &str| assert_eq!(below(&base(&given.parse().unwrap(), "v1"), &["chat", "completions"]).as_str(), expected, "{given}");
        check("http://h:1", "http://h:1/v1/chat/completions");
        check("http://h:1/", "http://h:1/v1/chat/completions");
        check("http://h:1/v1", "http://h:1/v1/chat/completions");
        check("http://h:1/v1/", "http://h:1/v1/chat/completions");
        check("http://h:1/v1/chat/completions", "http://h:1/v1/chat/completions");
        check("https://h/api/v1", "https://h/api/v1/chat/completions");
        check("https://h/openai", "https://h/openai/v1/chat/completions");
        check("https://h/v1beta/openai/", "https://h/v1beta/openai/chat/completions");
        check("https://h/api/paas/v4", "https://h/api/paas/v4/chat/completions");
        check("https://h/chat/completions", "https://h/chat/completions");
        check("https://h/vllm", "https://h/vllm/v1/chat/completions");
        check("https://h/a%20b/v1?api-version=2", "https://h/a%20b/v1/chat/completions?api-version=2");
    }

    #[test]
    fn any_form_of_tensorzeros_address() {
        for given in ["http://t:3000", "http://t:3000/", "http://t:3000/openai/v1", "http://t:3000/openai/v1/chat/completions"] {
            assert_eq!(tensorzero_base(&given.parse().unwrap()).as_str(), "http://t:3000/openai/v1", "{given}");
            assert_eq!(below(&tensorzero_root(&given.parse().unwrap()), &["feedback"]).as_str(), "http://t:3000/feedback", "{given}");
        }
        assert_eq!(tensorzero_base(&"http://t/gate".parse().unwrap()).as_str(), "http://t/gate/openai/v1");
    }

    #[test]
    fn answers() {
        let end = |choice: Value| read(json!({"choices": [choice]}).to_string().as_bytes()).map(|reply| (reply.text, reply.end)).ok();
        assert_eq!(end(json!({"message": {"content": " x\n"}, "finish_reason": "stop"})), Some((" x\n".into(), End::Complete)));
        assert_eq!(end(json!({"message": {"content": "x"}})), Some(("x".into(), End::Complete)));
        assert_eq!(
            end(json!({"message": {"content": [{"type": "thinking", "text": "no"}, {"type": "text", "text": "x"}]}})),
            Some(("x".into(), End::Complete))
        );
        assert_eq!(end(json!({"message": {"content": "x"}, "finish_reason": "length"})), Some(("x".into(), End::CutOff)));
        assert_eq!(end(json!({"message": {"content": null, "refusal": "no"}, "finish_reason": "stop"})), Some((String::new(), End::Declined)));
        assert_eq!(end(json!({"message": {"content": "x"}, "finish_reason": "content_filter"})), Some(("x".into(), End::Declined)));
        assert_eq!(end(json!({"message": {"content": null, "tool_calls": [{}]}})), Some((String::new(), End::ToolCall)));
        assert_eq!(end(json!({"message": {"content": "x", "tool_calls": null}})), Some(("x".into(), End::Complete)));
        assert_eq!(end(json!({"message": {"content": 7}})), None);
        assert_eq!(end(json!({"text": "x"})), None);
        assert_eq!(end(json!(null)), None);
        assert!(matches!(read(b"<!doctype html>"), Err(Unreadable::Page)));
        assert!(matches!(read(b"{\"choices\":"), Err(Unreadable::Shape)));
        assert!(matches!(read(b"{\"error\":{\"code\":429}}"), Err(Unreadable::Complaint(Some(429)))));
        assert!(matches!(read(b"{\"choices\":[{\"error\":{\"code\":502}}]}"), Err(Unreadable::Complaint(Some(502)))));
        assert!(matches!(read(b"{\"error\":\"no\"}"), Err(Unreadable::Complaint(None))));
    }
}
