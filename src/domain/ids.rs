//! The names things go by. Each is a newtype: a branch can't be passed where a commit is meant, and a name that exists
//! has been validated.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

/// A name that did not fit its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a {kind}: {why}", shown(.value))]
pub struct BadName {
    /// What was expected.
    pub kind: &'static str,
    /// What came.
    pub value: String,
    /// Why it does not do.
    pub why: &'static str,
}

/// A name that failed validation may hold anything: bounded, and without control characters.
fn shown(value: &str) -> String {
    value.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Implements what every textual name shares: parse on the way in, plain text on the way out.
macro_rules! textual {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::parse(text)
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

/// A full commit id: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitSha(String);
textual!(CommitSha);

impl CommitSha {
    /// Takes a full id only; abbreviations are ambiguous and refused.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let fits = matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName { kind: "commit id", value: text.to_owned(), why: "40 or 64 lower-case hexadecimal digits are expected" })
        }
    }

    /// The first twelve digits, as used in branch names and messages.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

/// A branch name, without `refs/heads/`, that git would take (`git check-ref-format --branch`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(String);
textual!(BranchName);

/// The prefix of every branch that regreen itself writes.
pub const FIX_PREFIX: &str = "agent-fix/";

/// GitHub refuses longer names, and so do file systems with loose refs.
const LONGEST_BRANCH: usize = 244;

/// One part of a fix branch: git writes `<part>.lock` beside a loose ref, and a file name ends at 255 bytes.
const LONGEST_BRANCH_PART: usize = 200;

impl BranchName {
    /// Validates by the rules of git-check-ref-format(1).
    pub fn parse(text: &str) -> Result<Self, BadName> {
        match branch_fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(why) => Err(BadName { kind: "branch name", value: text.to_owned(), why }),
        }
    }

    /// The full ref, `refs/heads/…`.
    pub fn to_ref(&self) -> String {
        format!("refs/heads/{}", self.0)
    }

    /// Whether regreen itself made this branch: such branches are never remediated.
    pub fn is_ours(&self) -> bool {
        self.0.starts_with(FIX_PREFIX)
    }

    /// `gh-readonly-queue/…`: the temporary branches of GitHub's merge queue.
    pub fn is_merge_queue(&self) -> bool {
        self.0.starts_with("gh-readonly-queue/")
    }

    /// The branch that a fix for `self` at `sha` is pushed to: `agent-fix/<broken>-<first 12 of the SHA>`.
    ///
    /// Names that would grow beyond what GitHub or a file system takes, or that could stand in the way of another fix
    /// branch (git keeps refs as files, so `a` and `a/b` exclude each other), become flat and get twelve digits of
    /// their own hash. Every fix branch ends with `-` and twelve hexadecimal digits and no folder above one does, so
    /// no two of them exclude each other.
    pub fn fix_branch(&self, sha: &CommitSha) -> BranchName {
        let plain = format!("{FIX_PREFIX}{}-{}", self.0, sha.short());
        let fits = plain.len() <= LONGEST_BRANCH && plain.split('/').all(|part| part.len() <= LONGEST_BRANCH_PART);
        let folders = self.0.rsplit_once('/').map_or("", |(folders, _)| folders);
        if fits && !folders.split('/').any(ends_like_a_fix) {
            return Self(plain);
        }
        let digest = hex(&Sha256::digest(self.0.as_bytes())[..6]);
        let flat = self.0.replace('/', "-");
        let mut end = (LONGEST_BRANCH_PART - 12 - 12 - 2).min(flat.len());
        while !flat.is_char_boundary(end) {
            end -= 1;
        }
        Self(format!("{FIX_PREFIX}{}-{digest}-{}", &flat[..end], sha.short()))
    }
}

/// Whether a part of a ref ends as every fix branch ends: with `-` and twelve hexadecimal digits.
fn ends_like_a_fix(part: &str) -> bool {
    part.rsplit_once('-').is_some_and(|(_, tail)| tail.len() == 12 && tail.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

fn branch_fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > 255 {
        return Some("it is longer than 255 bytes");
    }
    if text == "@" || text == "HEAD" {
        return Some("git reserves it");
    }
    if text.starts_with('-') {
        return Some("it starts with a dash");
    }
    if text.starts_with('/') || text.ends_with('/') || text.contains("//") {
        return Some("it has an empty part");
    }
    if text.ends_with('.') || text.contains("..") || text.contains("@{") {
        return Some("`..`, `@{` and a final `.` are not allowed");
    }
    if text.chars().any(|c| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\')) {
        return Some("it has a character that git refuses");
    }
    if text.split('/').any(|part| part.starts_with('.') || part.ends_with(".lock")) {
        return Some("a part starts with `.` or ends with `.lock`");
    }
    None
}

/// `owner/name` on the forge. It may change (rename, transfer); [`RepoId`] does not.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoSlug(String);
textual!(RepoSlug);

impl RepoSlug {
    /// Takes `owner/name` in the characters that GitHub allows.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let bad = |why| BadName { kind: "repository (`owner/name`)", value: text.to_owned(), why };
        let (owner, name) = text.split_once('/').ok_or_else(|| bad("the slash is missing"))?;
        let plain = |part: &str| !part.is_empty() && part.len() <= 100 && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if !plain(owner) || !plain(name) || name == "." || name == ".." {
            return Err(bad("letters, digits, `-`, `_` and `.` are allowed"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes any usual form of a repository's address: `o/r`, `https://host/o/r(.git)`, `git@host:o/r.git`, `ssh://…`.
    pub fn from_address(text: &str) -> Result<Self, BadName> {
        let trimmed = text.trim().trim_end_matches('/');
        let path = if let Some((_, rest)) = trimmed.split_once("://") {
            rest.split_once('/').map_or("", |(_, path)| path)
        } else if let Some((host, path)) = trimmed.split_once(':').filter(|(host, _)| host.contains('@')) {
            let _ = host;
            path
        } else {
            trimmed
        };
        Self::parse(path.trim_matches('/').strip_suffix(".git").unwrap_or(path.trim_matches('/')))
    }

    /// The owner's login.
    pub fn owner(&self) -> &str {
        self.0.split_once('/').map_or("", |(owner, _)| owner)
    }

    /// The repository's own name.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }
}

/// Implements what numeric ids share.
macro_rules! numeric {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
numeric!(/// The forge's id of a repository. It survives renames, and tells a fork from its parent.
    RepoId);
numeric!(/// The forge's id of a workflow run. One run has one or more attempts.
    RunId);
numeric!(/// The forge's id of a job within a run attempt.
    JobId);
numeric!(/// A pull request's number within its repository.
    PullNumber);

/// One attempt of one workflow run: what is seen once and only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunKey {
    /// The repository.
    pub repo: RepoId,
    /// The run.
    pub run: RunId,
    /// The attempt, from 1.
    pub attempt: u32,
}

/// What makes a remediation one and the same: every failed run of this head attaches to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RemediationKey {
    /// The repository.
    pub repo: RepoId,
    /// The broken branch.
    pub branch: BranchName,
    /// The broken commit.
    pub sha: CommitSha,
    /// 0; a person's `retry` of an ended remediation counts it up.
    pub generation: u32,
}

/// The id of a remediation: derived from its key, so that whoever finds the same failure finds the same remediation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemediationId(String);
textual!(RemediationId);

impl RemediationId {
    /// The id that belongs to `key`: `r-` and 16 hexadecimal digits of its SHA-256.
    pub fn of(key: &RemediationKey) -> Self {
        let mut hash = Sha256::new();
        hash.update(format!("{}\0{}\0{}\0{}", key.repo, key.branch, key.sha, key.generation));
        Self(format!("r-{}", hex(&hash.finalize()[..8])))
    }

    /// Takes what [`RemediationId::of`] makes.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        match text.strip_prefix("r-") {
            Some(rest) if rest.len() == 16 && rest.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(Self(text.to_owned())),
            _ => Err(BadName { kind: "remediation id", value: text.to_owned(), why: "`r-` and 16 hexadecimal digits are expected" }),
        }
    }
}

/// What tells one cause of failure from another; see `diagnosis::fingerprint`. The circuit breaker's key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(String);
textual!(Fingerprint);

impl Fingerprint {
    /// Takes 8 to 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        if (8..=64).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName { kind: "fingerprint", value: text.to_owned(), why: "8 to 64 lower-case hexadecimal digits are expected" })
        }
    }
}

/// The SHA-256 of a canonical patch, in hexadecimal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatchHash(String);
textual!(PatchHash);

impl PatchHash {
    /// Hashes the canonical text of a patch.
    pub fn of(canonical: &str) -> Self {
        Self(hex(&Sha256::digest(canonical.as_bytes())))
    }

    /// Takes 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName { kind: "patch hash", value: text.to_owned(), why: "64 lower-case hexadecimal digits are expected" })
        }
    }

    /// The first twelve digits, for messages.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String can't fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sha() -> CommitSha {
        CommitSha::parse("0123456789abcdef0123456789abcdef01234567").unwrap()
    }

    #[test]
    fn branch_names() {
        for good in ["main", "feature/a", "ünï/ç", "a-b", "x@y", "agent-fix/a-0123", "release-1.0", "a/-b"] {
            assert!(BranchName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a..b",
            "a b",
            "a~",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "/a",
            "a/",
            "a//b",
            "a.",
            ".a",
            "a/.b",
            "a.lock",
            "a/b.lock/c",
            "@",
            "HEAD",
            "a@{b",
            "a\nb",
            "a\u{7f}",
        ] {
            assert!(BranchName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn fix_branches() {
        let fix = |name: &str| BranchName::parse(name).unwrap().fix_branch(&sha()).to_string();
        assert_eq!(fix("feature/x"), "agent-fix/feature/x-0123456789ab");
        let (a, b) = ("é".repeat(120), format!("{}x", "é".repeat(119)));
        assert!(fix(&a).len() <= LONGEST_BRANCH);
        assert_ne!(fix(&a), fix(&b));
    }

    #[test]
    fn two_fix_branches_never_exclude_each_other() {
        let fix = |name: &str| BranchName::parse(name).unwrap().fix_branch(&sha()).to_string();
        let (file, under) = (fix("feature"), fix("feature-0123456789ab/x"));
        assert!(!under.starts_with(&format!("{file}/")), "{file} {under}");
    }

    proptest! {
        #[test]
        fn every_fix_branch_is_a_valid_bounded_leaf(
            name in "[a-zé0-9-]{1,90}(/[a-f0-9.é-]{1,90}){0,2}",
            tail in prop::option::of("-[0-9a-f]{12}/[a-z]{1,5}"),
            hex in "[0-9a-f]{40}",
        ) {
            let Ok(broken) = BranchName::parse(&format!("{name}{}", tail.unwrap_or_default())) else { return Ok(()) };
            let sha = CommitSha::parse(&hex).unwrap();
            let fix = broken.fix_branch(&sha);
            prop_assert_eq!(BranchName::parse(fix.as_str()), Ok(fix.clone()));
            prop_assert_eq!(&fix, &broken.fix_branch(&sha));
            prop_assert!(fix.is_ours() && fix.as_str().len() <= LONGEST_BRANCH);
            prop_assert!(fix.as_str().split('/').all(|part| part.len() <= LONGEST_BRANCH_PART));
            prop_assert!(ends_like_a_fix(fix.as_str()));
            let folders = fix.as_str().rsplit_once('/').unwrap().0;
            prop_assert!(!folders.split('/').any(ends_like_a_fix));
        }
    }

    #[test]
    fn addresses() {
        for text in ["o/r", "https://github.com/o/r", "https://github.com/o/r.git", "git@github.com:o/r.git", "ssh://git@host:22/o/r.git", "https://u:p@h/o/r/"]
        {
            assert_eq!(RepoSlug::from_address(text).unwrap().as_str(), "o/r", "{text}");
        }
        for text in ["", "o", "o/", "/r", "o/r/x", "o/..", "https://github.com/o", "o r/x"] {
            assert!(RepoSlug::from_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_remediation_is_named_by_its_key() {
        let key = |generation| RemediationKey { repo: RepoId(7), branch: BranchName::parse("a").unwrap(), sha: sha(), generation };
        assert_eq!(RemediationId::of(&key(0)), RemediationId::of(&key(0)));
        assert_ne!(RemediationId::of(&key(0)), RemediationId::of(&key(1)));
        let id = RemediationId::of(&key(0));
        assert_eq!(RemediationId::parse(id.as_str()).unwrap(), id);
    }

    proptest! {
        #[test]
        fn a_fix_branch_is_valid_and_ours(name in "\\PC{1,120}") {
            if let Ok(branch) = BranchName::parse(&name) {
                let fix = branch.fix_branch(&sha());
                prop_assert!(BranchName::parse(fix.as_str()).is_ok(), "{fix}");
                prop_assert!(fix.is_ours());
            }
        }
    }
}
