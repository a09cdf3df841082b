//! What a green run of the same job printed: lines that stand in it too did not make the red one red.

use std::collections::HashSet;

use super::clean::clean_line;
use super::mask::{Depth, hash, mask};
use super::rule::Role;

/// Most keys that are remembered (16 bytes each), one or two a line.
const LIMIT: usize = 600_000;
/// Longest line that is taken in one piece.
const LINE: usize = 64 << 10;

/// The masked lines of a green log, as hashes. Built by streaming the log through [`Self::push`].
#[derive(Debug, Default, Clone)]
pub struct GreenProfile {
    lines: HashSet<u64>,
    rest: Vec<u8>,
}

impl GreenProfile {
    /// An empty profile.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The profile of a whole log.
    #[must_use]
    pub fn of(log: &[u8]) -> Self {
        let mut profile = Self::new();
        profile.push(log);
        profile.finish();
        profile
    }

    /// Takes the next bytes of the log.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while let Some(at) = memchr::memchr(b'\n', bytes) {
            if self.rest.is_empty() {
                self.line(&bytes[..at]);
            } else {
                let mut line = std::mem::take(&mut self.rest);
                line.extend_from_slice(&bytes[..at.min(LINE)]);
                self.line(&line);
            }
            bytes = &bytes[at + 1..];
        }
        let room = LINE.saturating_sub(self.rest.len());
        self.rest.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Takes what is left of a log that does not end with a line feed.
    pub fn finish(&mut self) {
        let line = std::mem::take(&mut self.rest);
        if !line.is_empty() {
            self.line(&line);
        }
    }

    fn line(&mut self, raw: &[u8]) {
        if self.lines.len() >= LIMIT {
            return;
        }
        let text = clean_line(&raw[..raw.len().min(LINE)], 0).text;
        if !text.trim().is_empty() {
            self.lines.extend([Depth::Full, Depth::Name].map(|depth| Self::key(&text, depth)));
        }
    }

    fn key(text: &str, depth: Depth) -> u64 {
        hash(&mask(text, depth)) ^ (depth as u64 + u64::from(says_zero(text)) * 2)
    }

    /// Whether a (cleaned) line, which is `role` to its rule, stands in the green log, apart from its volatile parts.
    ///
    /// In totals and in names of tests the numbers are what is said; elsewhere only whether there was none of a thing: `0 errors` of
    /// the green run are not the red one's `3 errors`.
    #[must_use]
    pub fn contains(&self, text: &str, role: Role) -> bool {
        let depth = if matches!(role, Role::Summary | Role::Test) { Depth::Name } else { Depth::Full };
        !self.lines.is_empty() && self.lines.contains(&Self::key(text, depth))
    }
}

/// Whether a word of the text is a zero.
fn says_zero(text: &str) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || c == '.')).any(|word| word == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_of_none_is_not_a_total_of_some() {
        let green = GreenProfile::of(b"Found 0 errors in 4 files\nretry 3 in 12 ms\n2 failed, 3 passed\n");
        let table = [
            ("Found 3 errors in 4 files", Role::Cause, false),
            ("Found 3 errors in 4 files", Role::Summary, false),
            ("retry 7 in 9 ms", Role::Cause, true),
            ("5 failed, 3 passed", Role::Summary, false),
            ("2 failed, 3 passed", Role::Summary, true),
        ];
        for (line, role, known) in table {
            assert_eq!(green.contains(line, role), known, "{line}");
        }
    }
}
