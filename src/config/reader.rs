//! Takes values out of text, and collects what is wrong with them.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::Problem;

/// What a duration looks like, for people.
pub(super) const DURATION: &str = "a duration, such as `90s`, `5m` or `2h`";

/// Reads `90`, `90s`, `5m`, `2h`, `1d` or `250ms`.
pub fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis = match unit.trim() {
        "ms" => 1,
        "" | "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// Collects problems while values are taken.
pub(super) struct Reader {
    pub(super) env: BTreeMap<String, String>,
    pub(super) problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn problem(&mut self, name: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { name: name.into(), message: message.into() });
    }

    /// A variable; empty counts as not set.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.env.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    pub(super) fn secret(&self, name: &str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    pub(super) fn parsed<T>(&mut self, name: &str, value: Option<String>, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = value?;
        let parsed = parse(&value);
        if parsed.is_none() {
            self.problem(name, format!("expected {expected}"));
        }
        parsed
    }

    pub(super) fn env<T>(&mut self, name: &str, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = self.text(name);
        self.parsed(name, value, expected, parse)
    }

    pub(super) fn url(&mut self, name: &str, default: &str) -> Url {
        let given = self.env(name, "an http or https address, such as https://github.example.com/api/v3", web_address);
        // The defaults are constants of this file; their test parses them.
        given.unwrap_or_else(|| Url::parse(default).expect("a constant address"))
    }
}

pub(super) fn web_address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
}

pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

pub(super) fn amount(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|amount| amount.is_finite() && *amount >= 0.0)
}

/// Parts with commas between.
pub(super) fn listed(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect::<Vec<_>>().into_iter()
}
