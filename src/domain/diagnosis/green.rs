//! What a green run of the same job printed: lines that stand in it too did not make the red one red.

use std::collections::HashSet;

use super::clean::clean_line;
use super::mask::{Depth, hash, mask};

/// Most lines that are remembered (16 bytes each).
const LIMIT: usize = 400_000;
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
            self.lines.insert(Self::key(&text));
        }
    }

    fn key(text: &str) -> u64 {
        hash(&mask(text, Depth::Full))
    }

    /// Whether a (cleaned) line stands in the green log, apart from its volatile parts.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        !self.lines.is_empty() && self.lines.contains(&Self::key(text))
    }
}
