//! The hash chain of the logs.
//!
//! `hash = SHA-256(previous hash, 32 bytes ‖ chain name ‖ sequence number, 8 bytes big-endian ‖ time ‖ payload)`
//!
//! The chain's name is the remediation's id (18 bytes) or `audit`; the time is RFC 3339 in UTC with six digits of
//! microseconds and `Z` (27 bytes); the payload is the stored text, byte for byte. The first link follows on 32 zero
//! bytes. Hashes are stored as lower-case hexadecimal.

use std::fmt;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use sha2::{Digest, Sha256};

use crate::domain::ids::hex;

/// The name of the chain of people's acts.
pub const AUDIT: &str = "audit";

/// The hash of one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkHash([u8; 32]);

impl LinkHash {
    /// What the first link follows on.
    pub const GENESIS: LinkHash = LinkHash([0; 32]);

    /// The hash of the link after this one.
    pub fn next(&self, chain: &str, seq: u64, at: DateTime<Utc>, payload: &str) -> LinkHash {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(chain);
        hash.update(seq.to_be_bytes());
        hash.update(at.to_rfc3339_opts(SecondsFormat::Micros, true));
        hash.update(payload);
        LinkHash(hash.finalize().into())
    }

    /// Reads what `Display` writes; `None` for anything else.
    pub fn parse(text: &str) -> Option<LinkHash> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let value = |digit: u8| if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 };
            *byte = value(pair[0]) << 4 | value(pair[1]);
        }
        Some(LinkHash(bytes))
    }
}

impl fmt::Display for LinkHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// The time as both databases can keep it: PostgreSQL knows microseconds, and what is hashed must be what is read back.
pub fn micros(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 123_456_789).unwrap()
    }

    /// Computed elsewhere (Python's hashlib): whoever checks an export follows the module's text, not this code.
    #[test]
    fn the_formula_is_pinned() {
        let link = LinkHash::GENESIS.next("audit", 1, micros(at()), "{}");
        assert_eq!(link.to_string(), "46c345785faae2db92295a1d7c9e6ef4870825a58f39b193f2c5b4dfd75c765c");
    }

    #[test]
    fn every_part_counts() {
        let base = LinkHash::GENESIS.next("r-1", 1, at(), "a");
        let others = [
            base.next("r-1", 1, at(), "a"),
            LinkHash::GENESIS.next("r-2", 1, at(), "a"),
            LinkHash::GENESIS.next("r-1", 2, at(), "a"),
            LinkHash::GENESIS.next("r-1", 1, at() + chrono::Duration::microseconds(1), "a"),
            LinkHash::GENESIS.next("r-1", 1, at(), "b"),
        ];
        for other in others {
            assert_ne!(base, other);
        }
    }

    proptest! {
        #[test]
        fn text_and_back(bytes: [u8; 32]) {
            prop_assert_eq!(LinkHash::parse(&LinkHash(bytes).to_string()), Some(LinkHash(bytes)));
        }

        #[test]
        fn only_its_own_text_is_read(text in "\\PC{0,70}") {
            prop_assert_eq!(LinkHash::parse(&text).map(|hash| hash.to_string()), LinkHash::parse(&text).map(|_| text));
        }
    }
}
