//! Texts with `${{ … }}` in them: splitting, filling in, and matching against what GitHub displays.

use github_actions_expressions::Expr;

use super::expression::{asks_status, parse};
use super::scope::{Scope, Unresolved};
use super::value::Value;

/// Longest job name GitHub displays; longer ones end in `...`.
const MAX_DISPLAY: usize = 100;

#[derive(Debug)]
enum Part<'a> {
    Text(&'a str),
    Expression(&'a str),
}

/// Splits a text at its `${{ … }}`. A `}}` inside a quoted text does not end an expression.
fn split(text: &str) -> Result<Vec<Part<'_>>, Unresolved> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${{") {
        if start > 0 {
            parts.push(Part::Text(&rest[..start]));
        }
        let body = &rest[start + 3..];
        let end = end_of(body).ok_or_else(|| Unresolved::syntax("`${{` has no closing `}}`"))?;
        parts.push(Part::Expression(&body[..end]));
        rest = &body[end + 2..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

fn end_of(body: &str) -> Option<usize> {
    let bytes = body.as_bytes();
    let mut inside = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\'' => inside = !inside,
            b'}' if !inside && bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
    }
    None
}

/// True where a text holds at least one expression.
pub fn is_template(text: &str) -> bool {
    text.contains("${{")
}

/// What stands between `${{` and `}}`, for every expression of a text; nothing where the text is malformed.
pub fn expressions(text: &str) -> Vec<&str> {
    split(text)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|part| match part {
            Part::Expression(body) => Some(body),
            Part::Text(_) => None,
        })
        .collect()
}

fn evaluate(body: &str, scope: &Scope) -> Result<Value, Unresolved> {
    let expression = parse(body).map_err(|why| Unresolved::syntax(&format!("`{}`: {why}", body.trim())))?;
    scope.evaluate(&expression)
}

/// Fills in a text. A text that is one single expression keeps its value's kind (a list stays a list).
///
/// # Errors
/// The first expression that cannot be resolved.
pub fn fill(text: &str, scope: &Scope) -> Result<Value, Unresolved> {
    let parts = split(text)?;
    if let [Part::Expression(body)] = parts.as_slice() {
        return evaluate(body, scope);
    }
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Expression(body) => out.push_str(&evaluate(body, scope)?.to_text()),
        }
    }
    Ok(Value::Text(out))
}

/// Fills in every text of a value, keys included.
///
/// # Errors
/// The first expression that cannot be resolved.
pub fn fill_deep(value: &Value, scope: &Scope) -> Result<Value, Unresolved> {
    Ok(match value {
        Value::Text(text) if is_template(text) => fill(text, scope)?,
        Value::List(items) => Value::List(items.iter().map(|item| fill_deep(item, scope)).collect::<Result<_, _>>()?),
        Value::Map(entries) => Value::Map(entries.iter().map(|(key, item)| Ok((key.clone(), fill_deep(item, scope)?))).collect::<Result<_, Unresolved>>()?),
        other => other.clone(),
    })
}

/// Decides an `if:` (bare, or within `${{ }}`), with its implicit `success()`; `Ok(true)` where there is none.
///
/// # Errors
/// The condition depends on something that is not known here.
pub fn condition(value: Option<&Value>, scope: &Scope) -> Result<bool, Unresolved> {
    let text = match value {
        None | Some(Value::Null) => return Ok(scope.succeeded),
        Some(Value::Text(text)) => text.trim(),
        Some(other) => return Ok(other.truthy() && scope.succeeded),
    };
    let parts = split(text)?;
    let body = match parts.as_slice() {
        [Part::Expression(body)] => *body,
        // A text around an expression makes the whole a non-empty text, which is true: GitHub's own pitfall.
        [_, _, ..] => {
            let filled = fill(text, scope);
            // `${{ a }} && b` is what people write and GitHub reads as one expression without the braces.
            let bare = text.replace("${{", " ").replace("}}", " ");
            match parse(&bare) {
                Ok(expression) => return decide(&expression, scope),
                Err(_) => return filled.map(|value| value.truthy() && scope.succeeded),
            }
        }
        _ => text,
    };
    let expression = parse(body).map_err(|why| Unresolved::syntax(&format!("`{body}`: {why}")))?;
    decide(&expression, scope)
}

fn decide(expression: &Expr, scope: &Scope) -> Result<bool, Unresolved> {
    let value = scope.evaluate(expression)?.truthy();
    Ok(value && (asks_status(expression) || scope.succeeded))
}

/// A text of which some parts are unknown, to be compared with a displayed name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// Known pieces, in order; between two of them stands something unknown.
    pieces: Vec<String>,
}

impl Pattern {
    /// A pattern that matches only this text.
    pub fn exactly(text: impl Into<String>) -> Self {
        Self { pieces: vec![text.into()] }
    }

    /// Fills in what can be resolved and leaves the rest open.
    pub fn of(text: &str, scope: &Scope) -> Self {
        let Ok(parts) = split(text) else { return Self::exactly(text) };
        let mut pieces = vec![String::new()];
        for part in parts {
            let known = match part {
                Part::Text(text) => Some(text.to_owned()),
                Part::Expression(body) => evaluate(body, scope).ok().map(|value| value.to_text()),
            };
            match (known, pieces.last_mut()) {
                (Some(text), Some(last)) => last.push_str(&text),
                _ => pieces.push(String::new()),
            }
        }
        Self { pieces }
    }

    /// The same pattern with a text put behind it.
    pub fn followed_by(&self, suffix: &str) -> Self {
        let mut pieces = self.pieces.clone();
        if let Some(last) = pieces.last_mut() {
            last.push_str(suffix);
        }
        Self { pieces }
    }

    /// The same pattern with anything behind it, between two texts.
    pub fn followed_by_anything(&self, open: &str, close: &str) -> Self {
        let mut pattern = self.followed_by(open);
        pattern.pieces.push(close.to_owned());
        pattern
    }

    /// True where nothing in it is unknown.
    pub fn is_exact(&self) -> bool {
        self.pieces.len() == 1
    }

    /// How many bytes of it are known: the more, the better a match.
    pub fn weight(&self) -> usize {
        self.pieces.iter().map(String::len).sum()
    }

    /// The known text, where all of it is known.
    pub fn text(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [text] => Some(text),
            _ => None,
        }
    }

    /// Compares with a displayed name; GitHub cuts job names at 100 characters.
    pub fn matches(&self, shown: &str) -> bool {
        let shown = shown.trim();
        if let Some(text) = self.text() {
            let text = text.trim();
            return text == shown || truncated(text) == shown;
        }
        let [first, middle @ .., last] = self.pieces.as_slice() else { return false };
        let Some(mut rest) = shown.strip_prefix(first.trim_start()) else { return false };
        for piece in middle {
            let Some(at) = rest.find(piece.as_str()) else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(last.trim_end())
    }
}

fn truncated(text: &str) -> String {
    if text.chars().count() <= MAX_DISPLAY {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(MAX_DISPLAY - 3).collect();
    cut.push_str("...");
    cut
}
