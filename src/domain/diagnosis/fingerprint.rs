//! The key of a failure: the same cause gives the same key, whatever changes from run to run.

use serde::{Deserialize, Serialize};

use super::mask::{Depth, mask};
use super::taxonomy::Category;

/// Identifies a cause across runs: 24 hexadecimal characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

/// Most tests and most messages that take part: a mass failure is the same with a hundred tests or with ninety.
const PARTS: usize = 24;

impl Fingerprint {
    /// The fingerprint of a cause: its category, the tests that failed and the messages that say why.
    ///
    /// Order and repetition do not matter, and neither does anything that [`mask`] takes away.
    pub fn of<'a>(category: Category, tests: impl Iterator<Item = &'a str>, messages: impl Iterator<Item = &'a str>) -> Self {
        let mut tests: Vec<String> = tests.map(|t| mask(t, Depth::Name)).collect();
        tests.sort_unstable();
        tests.dedup();
        let mut messages: Vec<String> = messages.map(|m| mask(m, Depth::Full)).filter(|m| !m.is_empty()).collect();
        messages.sort_unstable();
        messages.dedup();
        let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        let parts = std::iter::once(category.name())
            .chain(tests.iter().take(PARTS).map(String::as_str))
            .chain(std::iter::once("|"))
            .chain(messages.iter().take(PARTS).map(String::as_str));
        for part in parts {
            for byte in part.bytes().chain(std::iter::once(0xff)) {
                hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
            }
        }
        let text = format!("{hash:032x}");
        Self(text[..24].to_owned())
    }

    /// The fingerprint as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
