//! Anthropic's messages (<https://docs.anthropic.com/en/api/messages>).

use serde_json::{Value, json};

use super::{End, Reply, Unreadable, name, number, text};
use crate::ports::llm::{ModelRequest, Role};

/// Where Anthropic is.
pub const ADDRESS: &str = "https://api.anthropic.com/v1";

/// The version of the format.
pub const VERSION: &str = "2023-06-01";

/// The body of a request.
pub fn body(model: &str, request: &ModelRequest, limit: u32) -> Value {
    let messages: Vec<Value> = request
        .turns
        .iter()
        .map(|turn| {
            let role = match turn.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            json!({"role": role, "content": turn.text})
        })
        .collect();
    let mut body = json!({"model": model, "max_tokens": limit, "messages": messages});
    if !request.system.is_empty() {
        body["system"] = request.system.as_str().into();
    }
    body
}

/// The answer of a request.
pub fn read(body: &[u8]) -> Result<Reply, Unreadable> {
    let value = super::json(body)?;
    let parts = value.get("content").and_then(Value::as_array).ok_or(Unreadable::Shape)?;
    let end = match value.get("stop_reason").and_then(Value::as_str) {
        Some("max_tokens" | "model_context_window_exceeded") => End::CutOff,
        Some("refusal") => End::Declined,
        Some("tool_use") => End::ToolCall,
        _ => End::Complete,
    };
    // What is written to and read from the cache comes on top of `input_tokens`.
    let inputs = ["/usage/input_tokens", "/usage/cache_creation_input_tokens", "/usage/cache_read_input_tokens"].map(|pointer| number(&value, pointer));
    Ok(Reply {
        text: parts.iter().filter(|part| part.get("type").is_some_and(|kind| kind == "text")).filter_map(|part| text(part, "/text")).collect(),
        model: name(&value, "/model"),
        response_id: name(&value, "/id"),
        episode_id: None,
        input_tokens: inputs[0].map(|_| inputs.iter().flatten().fold(0, |sum: u64, tokens| sum.saturating_add(*tokens))),
        output_tokens: number(&value, "/usage/output_tokens"),
        end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let body = json!({
            "id": "msg_1", "type": "message", "model": "claude-x", "stop_reason": "end_turn",
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 5},
        });
        let reply = read(body.to_string().as_bytes()).unwrap();
        assert_eq!((reply.text.as_str(), reply.input_tokens, reply.output_tokens, reply.end), ("ab", Some(7), Some(5), End::Complete));
        assert_eq!(reply.response_id.as_deref(), Some("msg_1"));
        for (reason, end) in [("max_tokens", End::CutOff), ("refusal", End::Declined), ("tool_use", End::ToolCall)] {
            assert_eq!(read(json!({"content": [], "stop_reason": reason}).to_string().as_bytes()).unwrap().end, end);
        }
        assert!(matches!(read(b"{}"), Err(Unreadable::Shape)));
        assert!(matches!(read(br#"{"type":"error","error":{"type":"overloaded_error"}}"#), Err(Unreadable::Complaint(None))));
    }
}
