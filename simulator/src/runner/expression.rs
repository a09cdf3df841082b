//! `${{ … }}`: the part of GitHub's expression language that workflows commonly use.

use serde_json::Value;

/// What an expression can see.
#[derive(Clone, Debug)]
pub struct Scope {
    /// `github`, `env`, `matrix`, `needs`, `steps`, `runner`, … as one object.
    pub contexts: Value,
    /// Whether something before failed.
    pub failed: bool,
    /// Whether the run was cancelled.
    pub cancelled: bool,
}

/// Fills in every `${{ … }}` of a text.
pub(crate) fn fill(text: &str, scope: &Scope) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${{") {
        out.push_str(&rest[..start]);
        let after = &rest[start + 3..];
        let end = after.find("}}").ok_or_else(|| format!("unclosed expression in `{text}`"))?;
        out.push_str(&as_text(&evaluate(&after[..end], scope)?));
        rest = &after[end + 2..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Answers an `if:`; without a status function it also asks for `success()`, as GitHub does.
pub(crate) fn condition(text: Option<&str>, scope: &Scope) -> Result<bool, String> {
    let ok = !scope.failed && !scope.cancelled;
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(ok) };
    let inner = text.strip_prefix("${{").and_then(|text| text.strip_suffix("}}")).unwrap_or(text);
    let asks_status = ["success(", "failure(", "always(", "cancelled("].iter().any(|name| inner.contains(name));
    let value = truthy(&evaluate(inner, scope)?);
    Ok(value && (asks_status || ok))
}

/// Evaluates one expression.
pub fn evaluate(text: &str, scope: &Scope) -> Result<Value, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, scope, depth: 0 };
    let value = parser.or()?;
    if parser.at == parser.tokens.len() { Ok(value) } else { Err(format!("unexpected text at the end of `{}`", text.trim())) }
}

pub(crate) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(_) => "Array".to_owned(),
        Value::Object(_) => "Object".to_owned(),
        other => other.to_string(),
    }
}

fn as_number(value: &Value) -> f64 {
    match value {
        Value::Null => 0.0,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => text_as_number(text.trim()),
        Value::Array(_) | Value::Object(_) => f64::NAN,
    }
}

/// Decimal, `0x…` and `0o…` of 32 signed bits, `Infinity`.
fn text_as_number(text: &str) -> f64 {
    let bits = |digits, radix| u32::from_str_radix(digits, radix).map_or(f64::NAN, |bits| f64::from(bits.cast_signed()));
    match text.get(..2) {
        _ if text.is_empty() => 0.0,
        Some("0x") => bits(&text[2..], 16),
        Some("0o") => bits(&text[2..], 8),
        _ => match text.trim_start_matches(['+', '-']).to_ascii_lowercase().as_str() {
            "inf" | "nan" => f64::NAN,
            _ => text.parse().unwrap_or(f64::NAN),
        },
    }
}

/// The order of two values, if they have one: texts by their letters without regard to case, all else as numbers.
fn order(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.to_uppercase().cmp(&b.to_uppercase())),
        _ => as_number(a).partial_cmp(&as_number(b)),
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.eq_ignore_ascii_case(b),
        (Value::Null, Value::Null) => true,
        // GitHub asks whether they are one and the same, which is not known of copies.
        (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_)) => false,
        #[expect(clippy::float_cmp, reason = "the language compares coerced numbers exactly")]
        _ => as_number(a) == as_number(b),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Text(String),
    Number(f64),
    Name(String),
    Symbol(&'static str),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    const SYMBOLS: [&str; 16] = ["==", "!=", "<=", ">=", "&&", "||", "!", "<", ">", "(", ")", "[", "]", ".", ",", "*"];
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let mut value = String::new();
            let mut chars = rest[1..].char_indices().peekable();
            let mut end = None;
            while let Some((at, character)) = chars.next() {
                if character != '\'' {
                    value.push(character);
                } else if chars.peek().is_some_and(|(_, next)| *next == '\'') {
                    chars.next();
                    value.push('\'');
                } else {
                    end = Some(at + 2);
                    break;
                }
            }
            rest = &rest[end.ok_or_else(|| format!("unclosed string in `{text}`"))?..];
            out.push(Token::Text(value));
        } else if first.is_ascii_digit() || (first == '-' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let end = rest[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '.').map_or(rest.len(), |at| at + 1);
            let number = rest[..end].parse().map_err(|_| format!("`{}` is no number", &rest[..end]))?;
            out.push(Token::Number(number));
            rest = &rest[end..];
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
            out.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)).ok_or_else(|| format!("unexpected `{first}` in `{}`", text.trim()))?;
            out.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
        }
        rest = rest.trim_start();
    }
    Ok(out)
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    scope: &'a Scope,
    depth: usize,
}

impl Parser<'_> {
    fn take(&mut self, symbol: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Symbol(here)) if *here == symbol);
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<Value, String> {
        let mut left = self.and()?;
        while self.take("||") {
            let right = self.and()?;
            if !truthy(&left) {
                left = right;
            }
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Value, String> {
        let mut left = self.comparison()?;
        while self.take("&&") {
            let right = self.comparison()?;
            if truthy(&left) {
                left = right;
            }
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Value, String> {
        let left = self.unary()?;
        for symbol in ["==", "!=", "<=", ">=", "<", ">"] {
            if self.take(symbol) {
                let right = self.unary()?;
                let order = order(&left, &right);
                return Ok(Value::Bool(match symbol {
                    "==" => equal(&left, &right),
                    "!=" => !equal(&left, &right),
                    "<=" => order.is_some_and(std::cmp::Ordering::is_le),
                    ">=" => order.is_some_and(std::cmp::Ordering::is_ge),
                    "<" => order.is_some_and(std::cmp::Ordering::is_lt),
                    _ => order.is_some_and(std::cmp::Ordering::is_gt),
                }));
            }
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > 100 {
            return Err("the expression is nested too deeply".to_owned());
        }
        let value = if self.take("!") { Value::Bool(!truthy(&self.unary()?)) } else { self.postfix()? };
        self.depth -= 1;
        Ok(value)
    }

    fn postfix(&mut self) -> Result<Value, String> {
        let mut value = match self.tokens.get(self.at).cloned() {
            Some(Token::Text(text)) => {
                self.at += 1;
                Value::String(text)
            }
            Some(Token::Number(number)) => {
                self.at += 1;
                #[expect(clippy::cast_possible_truncation, reason = "only whole numbers of a safe size are converted")]
                if number.fract() == 0.0 && number.abs() < 9e15 { Value::from(number as i64) } else { Value::from(number) }
            }
            Some(Token::Name(name)) => {
                self.at += 1;
                self.named(&name)?
            }
            Some(Token::Symbol("(")) => {
                self.at += 1;
                let inner = self.or()?;
                if !self.take(")") {
                    return Err("a parenthesis is not closed".to_owned());
                }
                inner
            }
            other => return Err(format!("unexpected {other:?} in an expression")),
        };
        loop {
            if self.take(".") {
                let Some(Token::Name(name)) = self.tokens.get(self.at).cloned() else {
                    return Err("a name must follow `.`".to_owned());
                };
                self.at += 1;
                value = field(&value, &name);
            } else if self.take("[") {
                let key = self.or()?;
                if !self.take("]") {
                    return Err("a bracket is not closed".to_owned());
                }
                value = match (&value, &key) {
                    (_, Value::Array(_) | Value::Object(_)) => Value::Null,
                    (Value::Array(items), key) => {
                        let at = as_number(key).floor();
                        (0..items.len()).find(|index| *index as f64 == at).map_or(Value::Null, |index| items[index].clone())
                    }
                    _ => field(&value, &as_text(&key)),
                };
            } else {
                return Ok(value);
            }
        }
    }

    fn named(&mut self, name: &str) -> Result<Value, String> {
        match name {
            "true" => return Ok(Value::Bool(true)),
            "false" => return Ok(Value::Bool(false)),
            "null" => return Ok(Value::Null),
            _ => {}
        }
        if !self.take("(") {
            return match self.scope.contexts.get(name) {
                Some(value) => Ok(value.clone()),
                None => Err(format!("Unrecognized named-value: '{name}'")),
            };
        }
        let mut arguments = Vec::new();
        if !self.take(")") {
            loop {
                arguments.push(self.or()?);
                if self.take(")") {
                    break;
                }
                if !self.take(",") {
                    return Err(format!("the arguments of `{name}` are not closed"));
                }
            }
        }
        self.call(name, &arguments)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let text = |index: usize| arguments.get(index).map(as_text).unwrap_or_default().to_lowercase();
        let plain = !arguments.iter().any(|argument| matches!(argument, Value::Array(_) | Value::Object(_)));
        Ok(match name.to_lowercase().as_str() {
            "success" => Value::Bool(!self.scope.failed && !self.scope.cancelled),
            "failure" => Value::Bool(self.scope.failed && !self.scope.cancelled),
            "cancelled" => Value::Bool(self.scope.cancelled),
            "always" => Value::Bool(true),
            "contains" => Value::Bool(match arguments.first() {
                Some(Value::Array(items)) => items.iter().any(|item| arguments.get(1).is_some_and(|wanted| equal(item, wanted))),
                _ => plain && text(0).contains(&text(1)),
            }),
            "startswith" => Value::Bool(plain && text(0).starts_with(&text(1))),
            "endswith" => Value::Bool(plain && text(0).ends_with(&text(1))),
            "format" => {
                // Escaped braces are put by while the places are filled.
                let mut out = arguments.first().map(as_text).unwrap_or_default().replace("{{", "\u{1}").replace("}}", "\u{2}");
                for (index, argument) in arguments.iter().skip(1).enumerate() {
                    out = out.replace(&format!("{{{index}}}"), &as_text(argument).replace('{', "\u{1}").replace('}', "\u{2}"));
                }
                if out.contains(['{', '}']) {
                    return Err("a place of `format` has no value".to_owned());
                }
                Value::String(out.replace('\u{1}', "{").replace('\u{2}', "}"))
            }
            "join" => {
                let separator = match arguments.get(1) {
                    None | Some(Value::Array(_) | Value::Object(_)) => ",".to_owned(),
                    Some(separator) => as_text(separator),
                };
                match arguments.first() {
                    Some(Value::Array(items)) => Value::String(items.iter().map(as_text).collect::<Vec<_>>().join(&separator)),
                    Some(Value::Object(_)) | None => Value::String(String::new()),
                    Some(other) => Value::String(as_text(other)),
                }
            }
            "tojson" => Value::String(arguments.first().map(|value| format!("{value:#}")).unwrap_or_default()),
            "fromjson" => serde_json::from_str(&arguments.first().map(as_text).unwrap_or_default()).map_err(|error| error.to_string())?,
            // Only ever part of a cache key here, and there is no cache.
            "hashfiles" => Value::String("0".repeat(64)),
            _ => return Err(format!("Unrecognized function: '{name}'")),
        })
    }
}

fn field(value: &Value, name: &str) -> Value {
    match value {
        Value::Object(map) => {
            map.get(name).or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)).cloned().unwrap_or(Value::Null)
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn expressions_answer_as_documented() {
        let scope = Scope {
            contexts: json!({"github": {"ref_name": "Main", "event": {"number": 7}}, "matrix": {"v": "1.70", "n": 3}, "env": {}, "needs": {"a": {"result": "failure"}}}),
            failed: true,
            cancelled: false,
        };
        for (text, expected) in [
            ("v=${{ matrix.v }}-${{matrix.n}}", "v=1.70-3"),
            ("${{ github.ref_name == 'main' && 'yes' || 'no' }}", "yes"),
            ("${{ env.MISSING }}|${{ github.event.number }}", "|7"),
            ("${{ format('{0}/{1}', 'a', 2) }}", "a/2"),
            ("${{ contains(fromJSON('[\"x\"]'), 'X') }}", "true"),
            ("${{ needs['a'].result != 'success' }}", "true"),
            ("${{ 'it''s' }}", "it's"),
        ] {
            assert_eq!(fill(text, &scope).unwrap(), expected, "{text}");
        }
        for (text, expected) in
            [(None, false), (Some("failure()"), true), (Some("always() && matrix.n > 2"), true), (Some("true"), false), (Some("${{ !cancelled() }}"), true)]
        {
            assert_eq!(condition(text, &scope).unwrap(), expected, "{text:?}");
        }
        for bad in ["${{ nope.x }}", "${{ f( }}", "${{ 'a", "${{ frobnicate(1) }}"] {
            assert!(fill(bad, &scope).is_err(), "{bad}");
        }
    }
}
