//! What is sent to a gateway, and what its answer says, in each of the formats that gateways speak.

pub mod anthropic;
pub mod gemini;
pub mod openai;

use serde_json::Value;

use super::quote::{Unquotable, identifier};

/// What an answer says, whatever the format.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    pub text: String,
    pub model: Option<String>,
    pub response_id: Option<String>,
    pub episode_id: Option<String>,
    /// Tokens in, where they are told.
    pub input_tokens: Option<u64>,
    /// Tokens out, reasoning included, where they are told.
    pub output_tokens: Option<u64>,
    pub end: End,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum End {
    /// It had said all, or the gateway does not tell.
    #[default]
    Complete,
    /// The limit of tokens.
    CutOff,
    /// It, or a filter, declined.
    Declined,
    /// It wants a tool to be run.
    ToolCall,
}

/// Why a body with a good status is no answer.
#[derive(Debug)]
pub enum Unreadable {
    /// A web page.
    Page,
    /// Not JSON, or not of the expected shape.
    Shape,
    /// An error in the disguise of a success, with its status where it names one.
    Complaint(Option<u16>),
}

/// The body as JSON.
fn json(body: &[u8]) -> Result<Value, Unreadable> {
    let value: Value = serde_json::from_slice(body).map_err(|_| if is_page(body) { Unreadable::Page } else { Unreadable::Shape })?;
    match value.get("error") {
        Some(error) if !error.is_null() => {
            let status = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code));
            Err(Unreadable::Complaint(status))
        }
        _ => Ok(value),
    }
}

fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// `text` where `value` has it at `pointer`, without an empty one.
fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A name or an id from an answer: bounded, because it is stored and shown.
fn name(value: &Value, pointer: &str) -> Option<String> {
    text(value, pointer).filter(|text| text.len() <= 256 && !text.chars().any(char::is_control))
}

fn number(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer).and_then(Value::as_u64)
}

/// What a gateway says of a failure.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Complaint {
    /// Its code, type or status, in this order.
    pub code: Option<String>,
    /// The parameter it is about.
    pub parameter: Option<String>,
    /// Its words, where they can be quoted.
    pub message: Option<String>,
    /// Whether it says that the key is wrong. Gemini does so with status 400.
    pub about_key: bool,
    /// Whether it is about the name of the token limit.
    pub about_limit: bool,
}

impl Complaint {
    /// Reads the body of an error.
    pub fn read(body: &[u8], unquotable: Unquotable<'_>) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            let message = if is_page(body) { Some("a web page came instead of JSON".to_owned()) } else { unquotable.quote(&String::from_utf8_lossy(body)) };
            return Self { message, ..Self::default() };
        };
        // Gemini wraps its error into an array where the answer would have been a stream.
        let value = value.get(0).unwrap_or(&value);
        let words = ["/error/message", "/error", "/message", "/detail", "/choices/0/error/message"].iter().find_map(|pointer| text(value, pointer));
        let code = ["/error/code", "/error/type", "/error/status", "/code", "/type", "/choices/0/error/code"].iter().find_map(|pointer| {
            let code = text(value, pointer)?;
            identifier(&code).map(str::to_owned)
        });
        let parameter = text(value, "/error/param").and_then(|parameter| identifier(&parameter).map(str::to_owned));
        let reason = value.pointer("/error/details").and_then(Value::as_array).into_iter().flatten().find_map(|detail| text(detail, "/reason"));
        let about_key = reason.as_deref() == Some("API_KEY_INVALID") || matches!(code.as_deref(), Some("invalid_api_key" | "authentication_error"));
        let about_limit = matches!(parameter.as_deref(), Some("max_tokens" | "max_completion_tokens"))
            && matches!(code.as_deref(), Some("unsupported_parameter" | "unknown_parameter" | "invalid_request_error"));
        Self { message: words.and_then(|words| unquotable.quote(&words)), code, parameter, about_key, about_limit }
    }

    /// In one sentence, beginning with the status.
    pub fn sentence(&self, status: u16) -> String {
        let mut sentence = format!("status {status}");
        if let Some(code) = &self.code {
            sentence.push_str(&format!(", {code}"));
        }
        if let Some(message) = &self.message {
            sentence.push_str(&format!(": {message}"));
        }
        sentence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints() {
        let check = |body: &str, expected: &str| {
            let complaint = Complaint::read(body.as_bytes(), Unquotable { key: Some("sk-canary-1"), prompt: &["the secret of the prompt"] });
            assert_eq!(complaint.sentence(400), expected, "{body}");
        };
        check(r#"{"error":{"message":"no such model","code":"model_not_found"}}"#, "status 400, model_not_found: no such model");
        check(r#"{"error":{"message":"no key sk-canary-1","type":"invalid_request_error","code":null}}"#, "status 400, invalid_request_error");
        check(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, "status 400, overloaded_error: Overloaded");
        check(r#"[{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}}]"#, "status 400, INVALID_ARGUMENT: Bad");
        check(r#"{"error":"plain words"}"#, "status 400: plain words");
        check(r#"{"detail":"Not Found"}"#, "status 400: Not Found");
        check("<html><body>502</body></html>", "status 400: a web page came instead of JSON");
        check("upstream said: the secret of the prompt", "status 400");
        check("", "status 400");
        check("[]", "status 400");
        check("17", "status 400");
    }

    #[test]
    fn an_unknown_name_of_the_limit_is_told_from_a_limit_that_is_too_high() {
        let about_limit = |body: &str| Complaint::read(body.as_bytes(), Unquotable { key: None, prompt: &[] }).about_limit;
        assert!(about_limit(r#"{"error":{"message":"Unsupported parameter: 'max_tokens'","param":"max_tokens","code":"unsupported_parameter"}}"#));
        assert!(!about_limit(r#"{"error":{"message":"max_tokens is too large","param":"max_tokens","code":"integer_above_max_value"}}"#));
        assert!(!about_limit(r#"{"error":{"message":"bad","code":"unsupported_parameter","param":"temperature"}}"#));
    }
}
