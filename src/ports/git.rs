//! Git as the engine sees it: commits in a mirror, exported trees, fix commits and one new branch.
//!
//! Everything that is read here was written by strangers (paths, contents, server messages): it is bounded where it
//! is read. Reading needs an earlier [`Git::fetch`] of the commit.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use thiserror::Error;
use url::Url;

use crate::domain::gate::{Clearance, Permit};
use crate::domain::ids::{BranchName, CommitSha};

/// What the flow needs of git. Every call is bounded in time and in what it takes in.
#[async_trait]
pub trait Git: Send + Sync {
    /// Makes the commit available in the repository's mirror, with its history. No network when it is there already.
    async fn fetch(&self, remote: &Remote, branch: &BranchName, sha: &CommitSha) -> Result<FetchReport, GitError>;

    /// Reads one file of a commit, without a checkout. `None` where the path is absent or a folder. At most `cap`
    /// bytes are given ([`FileContent::truncated`] says when there are more).
    async fn read_file(&self, remote: &Remote, sha: &CommitSha, path: &str, cap: usize) -> Result<Option<FileContent>, GitError>;

    /// All entries of a commit's tree that are not folders, in git's order. Too many are [`GitError::TooLarge`].
    async fn list(&self, remote: &Remote, sha: &CommitSha) -> Result<Vec<TreeEntry>, GitError>;

    /// The paths that differ between two commits' trees. A rename is a deletion and an addition.
    async fn changed_files(&self, remote: &Remote, from: &CommitSha, to: &CommitSha) -> Result<Vec<ChangedFile>, GitError>;

    /// The unified diff between two commits' trees (three lines of context, binary files only named, bytes that are
    /// not UTF-8 replaced). More than `cap` bytes are [`GitError::TooLarge`]: half a diff would mislead.
    async fn diff(&self, remote: &Remote, from: &CommitSha, to: &CommitSha, cap: usize) -> Result<String, GitError>;

    /// The best common ancestor, or `None` for unrelated histories.
    async fn merge_base(&self, remote: &Remote, a: &CommitSha, b: &CommitSha) -> Result<Option<CommitSha>, GitError>;

    /// Writes the commit's tree into `into` (absent or empty) as a repository of its own: one commit, no remotes, no
    /// hooks, no link to the mirror. Filters (line ends, LFS) are not run. On an error `into` is left empty.
    async fn export(&self, remote: &Remote, sha: &CommitSha, into: &Path, limits: &ExportLimits) -> Result<ExportReport, GitError>;

    /// Builds the fix commit from base and changes in the mirror's object database. Same plan, same id.
    async fn commit(&self, remote: &Remote, commit: &CommitPlan) -> Result<CommitSha, GitError>;

    /// Creates a branch under `agent-fix/` on the remote, expecting absence. In a local clone this writes the new
    /// ref and its objects and nothing else.
    /// Only a clearance that covers the commit's base and branch opens it.
    async fn push_new(&self, clearance: &Clearance, remote: &Remote, branch: &BranchName, sha: &CommitSha) -> Result<PushOutcome, GitError>;

    /// Deletes a branch under `agent-fix/` if it is at `expected`.
    async fn delete_branch(&self, permit: &Permit, remote: &Remote, branch: &BranchName, expected: &CommitSha) -> Result<DeleteOutcome, GitError>;

    /// Where the branch is on the remote now, or `None` where there is no such branch.
    async fn remote_head(&self, remote: &Remote, branch: &BranchName) -> Result<Option<CommitSha>, GitError>;

    /// Removes mirrors that nobody used since `keep_newer_than`, the least recently used ones over the size cap, and
    /// what killed processes left. A mirror in use is left alone; a removed one is fetched anew when it is needed.
    async fn clean(&self, keep_newer_than: DateTime<Utc>) -> Result<CleanReport, GitError>;
}

/// User name and password (or token) for a remote over HTTP.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// For a GitHub token: `x-access-token`.
    pub username: String,
    /// Never shown: [`SecretString`] redacts itself.
    pub password: SecretString,
}

/// Where a repository lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// `http://` or `https://`, without user information.
    Http(Url),
    /// A clone, worktree or bare repository on this machine; the path is absolute.
    Local(PathBuf),
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => write!(formatter, "{url}"),
            Self::Local(path) => write!(formatter, "{}", path.display()),
        }
    }
}

/// A repository to work with: the name of its mirror, where it is, and how to get in.
#[derive(Debug, Clone)]
pub struct Remote {
    key: String,
    location: Location,
    credentials: Option<Credentials>,
}

impl Remote {
    /// A repository over HTTP. `key` names the mirror's folder: something stable, such as the repository's id.
    ///
    /// # Errors
    /// [`GitError::BadName`] for a key that is no plain folder name, another scheme, or a URL with a user in it (it
    /// would end in logs: give [`Credentials`]).
    pub fn http(key: &str, url: Url, credentials: Option<Credentials>) -> Result<Self, GitError> {
        let refused = |reason: &str| Err(GitError::BadName { what: "remote URL".to_owned(), reason: reason.to_owned() });
        if !matches!(url.scheme(), "http" | "https") {
            return refused("only `https` and `http` are spoken");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return refused("it has no host");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("it has a user or password in it: give the credentials apart");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refused("it has a query or a fragment");
        }
        Ok(Self { key: checked_key(key)?, location: Location::Http(url), credentials })
    }

    /// A repository on this machine, by absolute path.
    ///
    /// # Errors
    /// [`GitError::BadName`] for a key that is no plain folder name or a path that is not absolute.
    pub fn local(key: &str, path: &Path) -> Result<Self, GitError> {
        if !path.is_absolute() {
            return Err(GitError::BadName { what: format!("path `{}`", path.display()), reason: "it is not absolute".to_owned() });
        }
        Ok(Self { key: checked_key(key)?, location: Location::Local(path.to_owned()), credentials: None })
    }

    /// The name of the mirror's folder.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where the repository lies.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// How to get in.
    #[must_use]
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }
}

fn checked_key(key: &str) -> Result<String, GitError> {
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if plain && (1..=100).contains(&key.len()) && !key.starts_with('.') {
        Ok(key.to_owned())
    } else {
        let shown: String = key.chars().take(60).flat_map(char::escape_debug).collect();
        Err(GitError::BadName { what: format!("mirror key `{shown}`"), reason: "take 1 to 100 of `a-z A-Z 0-9 - _ .`, not starting with a dot".to_owned() })
    }
}

/// How a commit came to be in the mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchedBy {
    /// It was there; the network was not used.
    Present,
    /// By its id (the branch has moved on, or is gone).
    ExactSha,
    /// With its branch.
    Branch,
}

/// What a fetch did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchReport {
    /// How the commit was found.
    pub by: FetchedBy,
    /// Bytes of pack data received.
    pub received_bytes: u64,
    /// Objects received.
    pub received_objects: u64,
    /// Whether the mirror was found damaged and built anew.
    pub rebuilt: bool,
}

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A plain file.
    File,
    /// A file with the executable bit.
    Executable,
    /// A symbolic link; its content is the target.
    Symlink,
    /// A commit of another repository; it has no content here.
    Submodule,
}

/// An entry of a commit's tree that is not a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Path from the root, with slashes. Bytes that are not UTF-8 are replaced, and such a file can't be read by it.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of content; 0 for a submodule.
    pub size: u64,
    /// The blob's id (for a submodule: the commit's).
    pub oid: String,
}

/// A file of a commit, or its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContent {
    /// What it is. A submodule has no bytes.
    pub kind: EntryKind,
    /// Its full size in bytes.
    pub size: u64,
    /// The content, at most the asked number of bytes.
    pub bytes: Vec<u8>,
    /// Whether `bytes` is only the beginning.
    pub truncated: bool,
}

/// How a path differs between two trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// Only in the new tree.
    Added,
    /// In both, with another content or mode.
    Modified,
    /// Only in the old tree.
    Deleted,
    /// A file became a link, a submodule, or the other way round.
    TypeChanged,
}

/// A path that differs between two trees.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangedFile {
    /// Path from the root.
    pub path: String,
    /// How it differs.
    pub kind: ChangeKind,
}

/// How much an export may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportLimits {
    /// Files, links and submodules together.
    pub max_files: usize,
    /// Bytes of all files together.
    pub max_bytes: u64,
    /// Bytes of one file.
    pub max_file_bytes: u64,
    /// Folders within folders.
    pub max_depth: usize,
}

impl Default for ExportLimits {
    fn default() -> Self {
        Self { max_files: 100_000, max_bytes: 2 << 30, max_file_bytes: 256 << 20, max_depth: 64 }
    }
}

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportReport {
    /// Plain and executable files.
    pub files: usize,
    /// Symbolic links, all pointing inside the tree.
    pub symlinks: usize,
    /// Links that point elsewhere, written as plain files that hold the target.
    pub flattened: Vec<String>,
    /// Submodules, left as empty folders.
    pub submodules: Vec<String>,
    /// Bytes of all files.
    pub bytes: u64,
    /// The one commit of the exported repository (not the commit it was made from).
    pub commit: CommitSha,
}

/// One file as the fix leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeChange {
    /// Path from the root, with slashes.
    pub path: String,
    /// The whole new content, or `None` to delete the file.
    pub content: Option<Vec<u8>>,
    /// The executable bit; `None` keeps it (a new file has none).
    pub executable: Option<bool>,
}

/// A commit's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitMessage {
    /// One line.
    pub title: String,
    /// Paragraphs; may be empty.
    pub body: String,
    /// `Key: value` lines at the end.
    pub trailers: Vec<(String, String)>,
}

/// Who, and when: from the event that caused the work, so that a repeated step makes the same commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// A person's or the bot's name.
    pub name: String,
    /// The address that goes with it.
    pub email: String,
    /// Whole seconds are kept.
    pub time: DateTime<Utc>,
}

/// A fix commit to build. It has one parent, `base`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitPlan {
    /// The broken commit.
    pub base: CommitSha,
    /// All files that change, each once.
    pub changes: Vec<TreeChange>,
    /// Its text.
    pub message: CommitMessage,
    /// Author and committer.
    pub author: Signature,
    /// Whether to end with `Signed-off-by` of the author.
    pub sign_off: bool,
}

/// What came of creating a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// The branch is new.
    Created,
    /// The branch was at this commit already: an earlier try got through.
    AlreadyThere,
    /// The branch exists at another commit and was left alone.
    Conflict {
        /// Where it is.
        found: CommitSha,
    },
}

/// What came of deleting a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// It is gone now.
    Deleted,
    /// It was gone already.
    Absent,
    /// It is at another commit and was left alone.
    Moved {
        /// Where it is.
        found: CommitSha,
    },
}

/// What a cleaning removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CleanReport {
    /// Keys of the removed mirrors.
    pub removed: Vec<String>,
    /// Keys of the mirrors that should have gone but were in use.
    pub busy: Vec<String>,
    /// Mirrors that are left.
    pub kept: usize,
    /// Bytes that the left mirrors take.
    pub kept_bytes: u64,
    /// Folders and files that killed processes had left.
    pub leftovers: usize,
}

/// Why git could not do it. The texts are safe to show: they hold no credentials, and what a server said is bounded
/// and escaped.
#[derive(Debug, Error)]
pub enum GitError {
    /// The remote did not let us in.
    #[error("`{remote}` refused access: {reason}; check the token and its permissions")]
    Unauthorized {
        /// The repository's address.
        remote: String,
        /// What it said.
        reason: String,
    },
    /// No such repository, commit, branch or mirror.
    #[error("{what} was not found")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// The time for it ran out.
    #[error("{what} took longer than {after:?}")]
    Timeout {
        /// What was under way.
        what: String,
        /// The limit.
        after: Duration,
    },
    /// More than we take in.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// The server did not take the change (a protected branch, a rule, a hook).
    #[error("the remote rejected `{branch}`: {reason}")]
    Rejected {
        /// The branch that was to change.
        branch: String,
        /// What it said.
        reason: String,
    },
    /// The server can't be reached, or the connection broke.
    #[error("`{remote}` can't be reached: {reason}")]
    Unreachable {
        /// The repository's address.
        remote: String,
        /// What went wrong.
        reason: String,
    },
    /// The server's certificate is not trusted.
    #[error("no trusted connection to `{remote}`: {reason}; name your certificate authority in `SSL_CERT_FILE`")]
    Untrusted {
        /// The repository's address.
        remote: String,
        /// What went wrong.
        reason: String,
    },
    /// Objects are missing or damaged. The mirror is built anew at the next fetch.
    #[error("the mirror `{key}` is damaged: {reason}; it is built anew at the next fetch")]
    Corrupt {
        /// The mirror's key.
        key: String,
        /// What went wrong.
        reason: String,
    },
    /// A name or text that git does not take.
    #[error("{what} is not taken: {reason}")]
    BadName {
        /// Which name.
        what: String,
        /// The rule it breaks.
        reason: String,
    },
    /// A path that is refused: it would leave the tree, touch `.git`, or does not fit what is there.
    #[error("path `{path}` is refused: {reason}")]
    BadPath {
        /// The path, escaped.
        path: String,
        /// The rule it breaks.
        reason: String,
    },
    /// The changes leave the tree as it is.
    #[error("the changes leave the tree of {base} as it is")]
    NothingToCommit {
        /// The commit they apply to.
        base: CommitSha,
    },
    /// A branch outside `agent-fix/` was to be written.
    #[error("branch `{branch}` is not ours: only `agent-fix/` is written")]
    NotOurs {
        /// The branch.
        branch: BranchName,
    },
    /// Another process holds the mirror.
    #[error("the mirror `{key}` is held by another process")]
    Busy {
        /// The mirror's key.
        key: String,
    },
    /// The disk refused.
    #[error("{what} failed")]
    Storage {
        /// What was tried.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What this build can't do.
    #[error("{reason}")]
    Unsupported {
        /// What, and what to do instead.
        reason: String,
    },
    /// Anything else that git says.
    #[error("git failed at {what}: {reason}")]
    Failed {
        /// What was tried.
        what: String,
        /// What it said.
        reason: String,
    },
}

impl GitError {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Unreachable { .. } | Self::Busy { .. } | Self::Corrupt { .. } => true,
            Self::Unauthorized { .. }
            | Self::NotFound { .. }
            | Self::TooLarge { .. }
            | Self::Rejected { .. }
            | Self::Untrusted { .. }
            | Self::BadName { .. }
            | Self::BadPath { .. }
            | Self::NothingToCommit { .. }
            | Self::NotOurs { .. }
            | Self::Storage { .. }
            | Self::Unsupported { .. }
            | Self::Failed { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_addresses_are_taken() {
        let cases = [
            ("https://github.com/o/r.git", true),
            ("http://127.0.0.1:8080/o/r.git", true),
            ("ssh://git@github.com/o/r", false),
            ("file:///etc", false),
            ("ext::sh -c id", false),
            ("https://user:secret@github.com/o/r", false),
            ("https://github.com/o/r?x=1", false),
        ];
        for (url, taken) in cases {
            let remote =
                Url::parse(url).map_err(|_| ()).and_then(|url| Remote::http("1", url, None).map_err(|error| assert!(!error.to_string().contains("secret"))));
            assert_eq!(remote.is_ok(), taken, "{url}");
        }
    }

    #[test]
    fn a_key_is_a_plain_folder_name() {
        for (key, taken) in [("123", true), ("a.b-c_D", true), ("", false), (".", false), ("..", false), ("a/b", false), ("a\0", false), ("é", false)] {
            assert_eq!(Remote::local(key, Path::new("/tmp/r")).is_ok(), taken, "{key:?}");
        }
        assert!(Remote::local("k", Path::new("relative")).is_err());
    }

    #[test]
    fn a_password_is_not_in_debug_output() {
        let credentials = Credentials { username: "x-access-token".to_owned(), password: SecretString::from("hush-hush") };
        let remote = Remote::http("1", Url::parse("https://example.com/r").unwrap(), Some(credentials)).unwrap();
        assert!(!format!("{remote:?}").contains("hush-hush"));
    }
}
