//! What others say, made fit for an error message: short, one line, and without the key or the prompt.
//!
//! A gateway's complaint may echo what it was sent. So nothing is masked: a complaint that shares a piece with the key or the
//! prompt is not quoted at all, and the status and the error's code have to do.

use memchr::memmem::Finder;

/// The longest quotation, in characters.
const LONGEST: usize = 200;

/// A shared piece of this many characters counts as an echo of the prompt. Shorter ones are ordinary English.
const ECHO: usize = 16;

/// The same for the key.
const KEY_ECHO: usize = 6;

/// What must not be quoted.
#[derive(Clone, Copy)]
pub struct Unquotable<'a> {
    /// The key.
    pub key: Option<&'a str>,
    /// The parts of the prompt.
    pub prompt: &'a [&'a str],
}

impl Unquotable<'_> {
    /// `text` on one line and bounded, or nothing where it echoes the key or the prompt, or is empty.
    pub fn quote(&self, text: &str) -> Option<String> {
        let line = line(text);
        let letters: Vec<char> = line.chars().collect();
        if letters.is_empty() || self.key.is_some_and(|key| shares(&letters, KEY_ECHO, &[key])) || shares(&letters, ECHO, self.prompt) {
            return None;
        }
        Some(line)
    }
}

/// Whether any `length` characters in a row of `letters` occur in one of `texts`, or a text that is shorter than that (and is not a
/// mere syllable) occurs in `letters`.
fn shares(letters: &[char], length: usize, texts: &[&str]) -> bool {
    let whole: String = letters.iter().collect();
    texts.iter().any(|text| (3..length).contains(&text.chars().count()) && whole.contains(text))
        || letters.windows(length).any(|window| {
            let window: String = window.iter().collect();
            let finder = Finder::new(window.as_bytes());
            texts.iter().any(|text| finder.find(text.as_bytes()).is_some())
        })
}

/// The first [`LONGEST`] characters on one line: no control, no invisible and no direction-changing character.
fn line(text: &str) -> String {
    let mut line = String::new();
    let mut length = 0;
    let mut gap = false;
    for letter in text.chars().take(16 * LONGEST) {
        if letter.is_whitespace() || letter.is_control() {
            gap = true;
            continue;
        }
        if matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}') {
            continue;
        }
        if length >= LONGEST {
            line.push('…');
            break;
        }
        if gap && !line.is_empty() {
            line.push(' ');
            length += 1;
        }
        gap = false;
        line.push(letter);
        length += 1;
    }
    line
}

/// `text`, where it is a plain identifier, as error codes are.
pub fn identifier(text: &str) -> Option<&str> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    (plain && (1..=48).contains(&text.len())).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let unquotable = Unquotable { key: Some("sk-canary-0123456789"), prompt: &["the canary of the prompt\nsings", "short one"] };
        assert_eq!(unquotable.quote(text).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn a_quotation_is_short_and_echoes_nothing() {
        check("model not found", Some("model not found"));
        check("two\r\n\tlines \u{202e}and\u{200b} tricks\u{1b}[31m", Some("two lines and tricks [31m"));
        check("", None);
        check(" \n ", None);
        check("wrong key: sk-canary-0123456789", None);
        check("wrong key: ...456789", None);
        check("could not parse `canary of the prompt`", None);
        check("you said: short one", None);
        check("of the prompt", Some("of the prompt"));
        check("...456", Some("...456"));
        let long = "x".repeat(1000);
        check(&long, Some(&format!("{}…", "x".repeat(LONGEST))));
    }

    #[test]
    fn identifiers() {
        for (text, plain) in [("insufficient_quota", true), ("429", true), ("", false), ("a b", false), ("<b>", false)] {
            assert_eq!(identifier(text).is_some(), plain, "{text:?}");
        }
        assert_eq!(identifier(&"a".repeat(49)), None);
    }

    proptest! {
        #[test]
        fn the_key_is_never_quoted(before in ".{0,300}", after in ".{0,300}", key in "[a-zA-Z0-9_-]{6,60}") {
            let unquotable = Unquotable { key: Some(&key), prompt: &[] };
            if let Some(quoted) = unquotable.quote(&format!("{before}{key}{after}")) {
                prop_assert!(!quoted.contains(&key));
                prop_assert!(quoted.chars().count() <= LONGEST + 2);
            }
        }
    }
}
