//! Values as GitHub Actions knows them, read from YAML or JSON with the order of keys kept.
//!
//! The order matters: a job's displayed name lists its matrix values in the order in which the file names them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// One value of a workflow file or of an expression. Numbers are doubles, as in GitHub's own evaluator
/// (which is why a matrix of `3.10` really runs, and is displayed, as `3.1`).
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    /// Keys in the order of the file.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The value under `key`: an exact match first, then one that differs in case only (contexts ignore case).
    pub fn get(&self, key: &str) -> Option<&Value> {
        let Value::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).or_else(|| entries.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))).map(|(_, value)| value)
    }

    /// The text, if this is a text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a map; nothing for any other kind.
    pub fn entries(&self) -> &[(String, Value)] {
        match self {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; nothing for any other kind.
    pub fn items(&self) -> &[Value] {
        match self {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// True for null, and for a list or map without content.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::Null => true,
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
            Value::Text(text) => text.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// One text, or every text of a list: the shape of `branches`, `needs`, `runs-on` and many more.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Value::Null | Value::Map(_) => Vec::new(),
            Value::List(items) => items.iter().filter(|item| !item.is_empty()).map(Value::to_text).collect(),
            scalar => vec![scalar.to_text()],
        }
    }

    /// The value as it is put into a text: null is empty, lists and maps are their kind's name.
    pub fn to_text(&self) -> String {
        match self {
            Value::Null => String::new(),
            Value::Bool(value) => value.to_string(),
            Value::Number(value) => number_text(*value),
            Value::Text(text) => text.clone(),
            Value::List(_) => "Array".to_owned(),
            Value::Map(_) => "Object".to_owned(),
        }
    }

    /// False for null, `false`, zero, NaN and the empty text; true for everything else.
    pub fn truthy(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Number(value) => *value != 0.0 && !value.is_nan(),
            Value::Text(text) => !text.is_empty(),
            Value::List(_) | Value::Map(_) => true,
        }
    }

    /// The number GitHub makes of a value when the kinds of two operands differ.
    pub fn to_number(&self) -> f64 {
        match self {
            Value::Null => 0.0,
            Value::Bool(value) => f64::from(u8::from(*value)),
            Value::Number(value) => *value,
            Value::Text(text) => text_number(text),
            Value::List(_) | Value::Map(_) => f64::NAN,
        }
    }

    /// `==` of expressions: texts ignore case, different kinds are compared as numbers, lists and maps are never equal.
    pub fn loosely_equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Text(left), Value::Text(right)) => fold_case(left) == fold_case(right),
            (Value::List(_) | Value::Map(_), _) | (_, Value::List(_) | Value::Map(_)) => false,
            _ => self.to_number() == other.to_number(),
        }
    }

    /// The order of two values for `<` and its kin; none where they cannot be ordered.
    pub fn order(&self, other: &Value) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Value::Text(left), Value::Text(right)) => Some(fold_case(left).cmp(&fold_case(right))),
            _ => self.to_number().partial_cmp(&other.to_number()),
        }
    }

    /// Every scalar inside, depth first, in the order of the file, as text; nulls and empty texts are left out.
    pub fn leaves(&self) -> Vec<String> {
        fn walk(value: &Value, into: &mut Vec<String>) {
            match value {
                Value::List(items) => items.iter().for_each(|item| walk(item, into)),
                Value::Map(entries) => entries.iter().for_each(|(_, item)| walk(item, into)),
                scalar => {
                    let text = scalar.to_text();
                    if !text.is_empty() {
                        into.push(text);
                    }
                }
            }
        }
        let mut into = Vec::new();
        walk(self, &mut into);
        into
    }

    /// JSON with two spaces of indentation, as `toJSON` writes it.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out, 0);
        out
    }

    fn write_json(&self, out: &mut String, depth: usize) {
        let pad = |out: &mut String, depth: usize| {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        };
        match self {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Number(value) => out.push_str(&number_text(*value)),
            Value::Text(text) => out.push_str(&quoted(text)),
            Value::List(items) if items.is_empty() => out.push_str("[]"),
            Value::Map(entries) if entries.is_empty() => out.push_str("{}"),
            Value::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    pad(out, depth + 1);
                    item.write_json(out, depth + 1);
                }
                pad(out, depth);
                out.push(']');
            }
            Value::Map(entries) => {
                out.push('{');
                for (index, (key, item)) in entries.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    pad(out, depth + 1);
                    out.push_str(&quoted(key));
                    out.push_str(": ");
                    item.write_json(out, depth + 1);
                }
                pad(out, depth);
                out.push('}');
            }
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// A double as .NET's `G15` prints it for the sizes that occur in workflows: fifteen digits, no trailing `.0`.
fn number_text(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else if value == 0.0 {
        "0".to_owned()
    } else if value.fract() == 0.0 {
        value.to_string()
    } else {
        // Rounding to a number of digits keeps a double a double.
        format!("{value:.14e}").parse().unwrap_or(value).to_string()
    }
}

/// A text as GitHub compares it: in capitals, but for `ı`, which stays as it is.
/// <https://github.com/actions/languageservices/blob/main/expressions/src/result.ts> (`toUpperSpecial`)
pub(super) fn fold_case(text: &str) -> String {
    text.split('ı').map(str::to_uppercase).collect::<Vec<_>>().join("ı")
}

/// `ExpressionUtility.ParseNumber` of actions/runner: decimal, hexadecimal and octal (both as 32 signed bits), infinity.
fn text_number(text: &str) -> f64 {
    let text = text.trim();
    if text.is_empty() {
        return 0.0;
    }
    // `inf` and `nan` are numbers for Rust but not for GitHub.
    if let Some(number) = text.parse::<f64>().ok().filter(|number| number.is_finite()) {
        return number;
    }
    let bits = |digits: &str, radix| u32::from_str_radix(digits, radix).map_or(f64::NAN, |bits| f64::from(bits.cast_signed()));
    if let Some(digits) = text.strip_prefix("0x") {
        return bits(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return bits(digits, 8);
    }
    match text.strip_prefix(['+', '-']).unwrap_or(text).eq_ignore_ascii_case("infinity") {
        true if text.starts_with('-') => f64::NEG_INFINITY,
        true => f64::INFINITY,
        false => f64::NAN,
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }
            fn visit_none<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }
            fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
                Value::deserialize(inner)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Number(value as f64))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(Value::Number(value as f64))
            }
            fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
                Ok(Value::Number(value as f64))
            }
            fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
                Ok(Value::Number(value as f64))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Number(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(Value::Text(value.to_owned()))
            }
            fn visit_string<E>(self, value: String) -> Result<Value, E> {
                Ok(Value::Text(value))
            }
            fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
                Ok(Value::Text(String::from_utf8_lossy(value).into_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Value::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, value)) = map.next_entry::<Value, Value>()? {
                    entries.push((key.to_text(), value));
                }
                Ok(Value::Map(entries))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_github_prints_them() {
        for (number, text) in [(18.0, "18"), (3.1, "3.1"), (0.0, "0"), (-2.5, "-2.5"), (f64::NAN, "NaN")] {
            assert_eq!(Value::Number(number).to_text(), text);
        }
    }

    #[test]
    fn equality_is_loose() {
        let text = |t: &str| Value::Text(t.to_owned());
        assert!(text("Main").loosely_equals(&text("main")));
        assert!(Value::Null.loosely_equals(&text("")));
        assert!(Value::Bool(true).loosely_equals(&Value::Number(1.0)));
        assert!(text("0x10").loosely_equals(&Value::Number(16.0)));
        assert!(!text("abc").loosely_equals(&Value::Number(0.0)));
        assert!(!text("nan").loosely_equals(&Value::Number(f64::NAN)));
        assert!(!Value::List(vec![]).loosely_equals(&Value::List(vec![])));
    }

    #[test]
    fn json_keeps_the_order_of_keys() {
        let value: Value = serde_json::from_str(r#"{"z":[1,true,null],"a":{"k":"v\n"},"e":[]}"#).unwrap();
        assert_eq!(value.to_json(), "{\n  \"z\": [\n    1,\n    true,\n    null\n  ],\n  \"a\": {\n    \"k\": \"v\\n\"\n  },\n  \"e\": []\n}");
    }
}
