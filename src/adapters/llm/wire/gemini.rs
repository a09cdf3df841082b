//! Google's Gemini (<https://ai.google.dev/api/generate-content>).

use serde_json::{Value, json};
use url::Url;

use super::{End, Reply, Unreadable, name, number, text};
use crate::ports::llm::{ModelRequest, Role};

/// Where Gemini is.
pub const ADDRESS: &str = "https://generativelanguage.googleapis.com/v1beta";

/// The address of a generation: the model is a part of it. `models/` may stand before its name.
pub fn address(base: &Url, model: &str) -> Url {
    let mut url = base.clone();
    let (kind, model) = model.split_once('/').unwrap_or(("models", model));
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push(kind).push(&format!("{model}:generateContent"));
    }
    url
}

/// The body of a request.
pub fn body(request: &ModelRequest, limit: u32) -> Value {
    let contents: Vec<Value> = request
        .turns
        .iter()
        .map(|turn| {
            let role = match turn.role {
                Role::User => "user",
                Role::Assistant => "model",
            };
            json!({"role": role, "parts": [{"text": turn.text}]})
        })
        .collect();
    let mut body = json!({"contents": contents, "generationConfig": {"maxOutputTokens": limit}});
    if !request.system.is_empty() {
        body["systemInstruction"] = json!({"parts": [{"text": request.system}]});
    }
    body
}

/// The answer of a request.
pub fn read(body: &[u8]) -> Result<Reply, Unreadable> {
    let value = super::json(body)?;
    let blocked = text(&value, "/promptFeedback/blockReason").is_some();
    let candidate = value.pointer("/candidates/0");
    if candidate.is_none() && !blocked {
        return Err(Unreadable::Shape);
    }
    let parts = candidate.and_then(|candidate| candidate.pointer("/content/parts")).and_then(Value::as_array);
    let parts = || parts.into_iter().flatten().filter(|part| part.get("thought") != Some(&Value::Bool(true)));
    let end = match candidate.and_then(|candidate| candidate.get("finishReason")).and_then(Value::as_str) {
        _ if blocked => End::Declined,
        Some("MAX_TOKENS") => End::CutOff,
        Some("SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII") => End::Declined,
        Some("MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL") => End::ToolCall,
        _ if parts().any(|part| part.get("functionCall").is_some()) => End::ToolCall,
        _ => End::Complete,
    };
    let outputs = ["/usageMetadata/candidatesTokenCount", "/usageMetadata/thoughtsTokenCount"].map(|pointer| number(&value, pointer));
    Ok(Reply {
        text: parts().filter_map(|part| text(part, "/text")).collect(),
        model: name(&value, "/modelVersion"),
        response_id: name(&value, "/responseId"),
        episode_id: None,
        input_tokens: number(&value, "/usageMetadata/promptTokenCount"),
        output_tokens: outputs.iter().any(Option::is_some).then(|| outputs.iter().flatten().fold(0, |sum: u64, tokens| sum.saturating_add(*tokens))),
        end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let base: Url = "http://g/v1beta".parse().unwrap();
        assert_eq!(address(&base, "gemini-x").as_str(), "http://g/v1beta/models/gemini-x:generateContent");
        assert_eq!(address(&base, "tunedModels/mine").as_str(), "http://g/v1beta/tunedModels/mine:generateContent");
        assert_eq!(address(&base, "x?y#z").as_str(), "http://g/v1beta/models/x%3Fy%23z:generateContent");
    }

    #[test]
    fn answers() {
        let body = json!({
            "candidates": [{"content": {"parts": [{"text": "hm", "thought": true}, {"text": "a"}, {"text": "b"}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "thoughtsTokenCount": 5}, "modelVersion": "gemini-x", "responseId": "r",
        });
        let reply = read(body.to_string().as_bytes()).unwrap();
        assert_eq!((reply.text.as_str(), reply.input_tokens, reply.output_tokens, reply.end), ("ab", Some(3), Some(9), End::Complete));
        for (reason, end) in [("MAX_TOKENS", End::CutOff), ("SAFETY", End::Declined), ("MALFORMED_FUNCTION_CALL", End::ToolCall)] {
            assert_eq!(read(json!({"candidates": [{"finishReason": reason}]}).to_string().as_bytes()).unwrap().end, end);
        }
        assert_eq!(read(br#"{"promptFeedback":{"blockReason":"SAFETY"}}"#).unwrap().end, End::Declined);
        assert!(matches!(read(b"{}"), Err(Unreadable::Shape)));
    }
}
