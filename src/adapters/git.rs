//! Git through libgit2: a bare mirror a repository, trees exported from it, fix commits built in it.
//!
//! Choices that are not free to change:
//! - Mirrors hold full history. A shallow one would be smaller, but has no merge base and breaks pushes of commits
//!   whose parents it lacks; a fetch takes only what is new, so the price is paid once.
//! - Nothing in a mirror is ever pruned object by object. A mirror is whole or it is removed whole, so "the commit
//!   is there" also means that its tree and history are.
//! - A mirror is only written under two locks: one in this process (fair, and waits without a thread), and one of
//!   the operating system (it dies with its holder, so a killed process leaves nothing to recover by hand).

pub mod clone;
mod commit;
pub mod compare;
mod export;
mod local;
mod mirror;
mod network;
mod paths;
mod process;
mod tree;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, oneshot};

use self::mirror::{Access, Mirror};
use self::network::Watch;
use crate::domain::gate::{Clearance, Permit};
use crate::domain::ids::{BranchName, CommitSha};
use crate::ports::git::{
    ChangedFile, CleanReport, CommitPlan, DeleteOutcome, ExportLimits, ExportReport, FetchReport, FetchedBy, FileContent, Git, GitError, Location, PushOutcome,
    Remote, TreeEntry,
};

/// How the adapter works; see [`GitOptions::new`] for values that suit most.
#[derive(Debug, Clone)]
pub struct GitOptions {
    /// Folder of the mirrors. Made when absent; nothing else may live in it.
    pub root: PathBuf,
    /// The most time one network operation takes from start to end.
    pub deadline: Duration,
    /// The most time a server may be silent. Holds for the process: the first adapter's value stays.
    pub stall: Duration,
    /// The most time a connection may take to come up. Holds for the process, too.
    pub connect: Duration,
    /// The most time to wait for another process that holds a mirror.
    pub lock_wait: Duration,
    /// The most bytes one fetch receives.
    pub max_fetch_bytes: u64,
    /// The most bytes all mirrors take after a cleaning.
    pub max_total_bytes: u64,
    /// The most entries a tree may have to be listed.
    pub max_tree_entries: usize,
    /// Blocking operations at once.
    pub parallel: usize,
    /// Certificate authorities to trust beside the machine's (PEM). Without it `SSL_CERT_FILE`, `SSL_CERT_DIR` and
    /// the usual places of the distributions are searched. Holds for the process, too.
    pub ca_bundle: Option<PathBuf>,
}

impl GitOptions {
    /// Five minutes an operation, thirty seconds of silence, 2 GiB a fetch, 20 GiB in all.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            deadline: Duration::from_secs(300),
            stall: Duration::from_secs(30),
            connect: Duration::from_secs(15),
            lock_wait: Duration::from_secs(60),
            max_fetch_bytes: 2 << 30,
            max_total_bytes: 20 << 30,
            max_tree_entries: 200_000,
            parallel: 8,
            ca_bundle: None,
        }
    }
}

/// The [`Git`] port over libgit2 and a folder of mirrors. Cheap to share in an `Arc`.
#[derive(Debug)]
pub struct GitMirrors {
    options: Arc<GitOptions>,
    permits: Arc<Semaphore>,
    writers: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl GitMirrors {
    /// Prepares libgit2 for this process and the folder of mirrors.
    ///
    /// Call it early, before other threads read the environment: on first use libgit2's binding looks for the
    /// machine's certificates and names them in `SSL_CERT_FILE`.
    ///
    /// # Errors
    /// [`GitError::Storage`] when the folder can't be made, [`GitError::Failed`] when the certificate bundle can't
    /// be read.
    pub fn new(options: GitOptions) -> Result<Self, GitError> {
        process::prepare(&options)?;
        mirror::prepare_root(&options.root)?;
        let permits = Arc::new(Semaphore::new(options.parallel.max(1)));
        Ok(Self { options: Arc::new(options), permits, writers: Mutex::default() })
    }

    /// Runs blocking work on the mirror of `remote`, off the async threads.
    ///
    /// Locks and permit move into the work: when the caller gives up (deadline, shutdown), they are held until the
    /// work really ends.
    async fn on_mirror<T, W>(&self, remote: &Remote, access: Access, limit: Option<Duration>, what: String, work: W) -> Result<T, GitError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Mirror, &Remote, &GitOptions) -> Result<T, GitError> + Send + 'static,
    {
        let writer = match access {
            Access::Read => None,
            Access::Write => {
                let lock = {
                    let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
                    Arc::clone(writers.entry(remote.key().to_owned()).or_default())
                };
                let waited = tokio::time::timeout(self.options.lock_wait, lock.lock_owned()).await;
                Some(waited.map_err(|_| GitError::Busy { key: remote.key().to_owned() })?)
            }
        };
        let options = Arc::clone(&self.options);
        let remote = remote.clone();
        self.blocking(limit, what, move |begun| {
            let _writer = writer;
            let mut mirror = Mirror::open(&options, remote.key(), access)?;
            // Waiting for the lock has a limit of its own; the operation's time starts here.
            begun();
            let result = work(&mut mirror, &remote, &options);
            if matches!(result, Err(GitError::Corrupt { .. })) {
                mirror.suspect();
            }
            result
        })
        .await
    }

    /// Runs blocking work within a permit. `limit` counts from when the work calls what it is given.
    async fn blocking<T, W>(&self, limit: Option<Duration>, what: String, work: W) -> Result<T, GitError>
    where
        T: Send + 'static,
        W: FnOnce(&mut dyn FnMut()) -> Result<T, GitError> + Send + 'static,
    {
        let timeout = |after| GitError::Timeout { what: what.clone(), after };
        let joined = |joined: Result<Result<T, GitError>, tokio::task::JoinError>| {
            joined.unwrap_or_else(|error| Err(GitError::Failed { what: what.clone(), reason: error.to_string() }))
        };
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = match limit {
            None => permit.await,
            Some(after) => tokio::time::timeout(after, permit).await.map_err(|_| timeout(after))?,
        };
        let permit = permit.map_err(|_| GitError::Failed { what: what.clone(), reason: "the adapter is shutting down".to_owned() })?;
        let (begin, begun) = oneshot::channel();
        let mut task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut begin = Some(begin);
            work(&mut || {
                if let Some(begin) = begin.take() {
                    // Nobody listens where there is no limit.
                    let _ = begin.send(());
                }
            })
        });
        let Some(after) = limit else { return joined(task.await) };
        tokio::select! {
            ended = &mut task => return joined(ended),
            // An error means that the work ended without having begun; then the task ends at once, too.
            _ = begun => {}
        }
        joined(tokio::time::timeout(after, task).await.map_err(|_| timeout(after))?)
    }

    /// Time for a network operation as seen from outside: the watch inside ends it first wherever libgit2 calls back.
    fn outer_limit(&self) -> Duration {
        self.options.deadline + Duration::from_millis(500)
    }
}

#[async_trait]
impl Git for GitMirrors {
    async fn fetch(&self, remote: &Remote, branch: &BranchName, sha: &CommitSha) -> Result<FetchReport, GitError> {
        // Asked first without the write lock: the warm path must not wait for another branch's fetch.
        let wanted = sha.clone();
        let present =
            self.on_mirror(remote, Access::Read, None, "look-up".to_owned(), move |mirror, _, _| Ok(!mirror.is_suspect() && mirror.has(&wanted))).await;
        if matches!(present, Ok(true)) {
            return Ok(FetchReport { by: FetchedBy::Present, received_bytes: 0, received_objects: 0, rebuilt: false });
        }
        let (branch, sha) = (branch.clone(), sha.clone());
        let what = format!("fetch of {} from `{}`", sha.short(), remote.location());
        let limit = self.outer_limit();
        self.on_mirror(remote, Access::Write, Some(limit), what.clone(), move |mirror, remote, options| {
            let watch = Watch::new(what, remote, options);
            network::fetch(mirror, remote, &branch, &sha, &watch, options)
        })
        .await
    }

    async fn read_file(&self, remote: &Remote, sha: &CommitSha, path: &str, cap: usize) -> Result<Option<FileContent>, GitError> {
        let (sha, path) = (sha.clone(), path.to_owned());
        self.on_mirror(remote, Access::Read, None, "reading a file".to_owned(), move |mirror, _, _| tree::read_file(mirror, &sha, &path, cap)).await
    }

    async fn list(&self, remote: &Remote, sha: &CommitSha) -> Result<Vec<TreeEntry>, GitError> {
        let sha = sha.clone();
        self.on_mirror(remote, Access::Read, None, "listing a tree".to_owned(), move |mirror, _, options| tree::list(mirror, &sha, options.max_tree_entries))
            .await
    }

    async fn changed_files(&self, remote: &Remote, from: &CommitSha, to: &CommitSha) -> Result<Vec<ChangedFile>, GitError> {
        let (from, to) = (from.clone(), to.clone());
        let work = move |mirror: &mut Mirror, _: &Remote, options: &GitOptions| tree::changed_files(mirror, &from, &to, options.max_tree_entries);
        self.on_mirror(remote, Access::Read, None, "comparing trees".to_owned(), work).await
    }

    async fn diff(&self, remote: &Remote, from: &CommitSha, to: &CommitSha, cap: usize) -> Result<String, GitError> {
        let (from, to) = (from.clone(), to.clone());
        self.on_mirror(remote, Access::Read, None, "diff".to_owned(), move |mirror, _, _| tree::diff(mirror, &from, &to, cap)).await
    }

    async fn merge_base(&self, remote: &Remote, a: &CommitSha, b: &CommitSha) -> Result<Option<CommitSha>, GitError> {
        let (a, b) = (a.clone(), b.clone());
        self.on_mirror(remote, Access::Read, None, "merge base".to_owned(), move |mirror, _, _| tree::merge_base(mirror, &a, &b)).await
    }

    async fn export(&self, remote: &Remote, sha: &CommitSha, into: &Path, limits: &ExportLimits) -> Result<ExportReport, GitError> {
        let (sha, into, limits) = (sha.clone(), into.to_owned(), limits.clone());
        self.on_mirror(remote, Access::Read, None, "export".to_owned(), move |mirror, _, _| export::export(mirror, &sha, &into, &limits)).await
    }

    async fn commit(&self, remote: &Remote, commit: &CommitPlan) -> Result<CommitSha, GitError> {
        let plan = commit.clone();
        self.on_mirror(remote, Access::Write, None, "commit".to_owned(), move |mirror, _, _| commit::commit(mirror, &plan)).await
    }

    async fn push_new(&self, clearance: &Clearance, remote: &Remote, branch: &BranchName, sha: &CommitSha) -> Result<PushOutcome, GitError> {
        // The one branch that the clearance is about has one fix branch: no other is written by it.
        let subject = clearance.subject();
        if *branch != subject.base_branch.fix_branch(&subject.base_sha) {
            return Err(GitError::BadName { what: format!("branch `{branch}`"), reason: "it is not the fix branch of what was cleared".to_owned() });
        }
        ours(branch)?;
        let (branch, sha) = (branch.clone(), sha.clone());
        let what = format!("push of `{branch}` to `{}`", remote.location());
        let limit = self.outer_limit();
        self.on_mirror(remote, Access::Write, Some(limit), what.clone(), move |mirror, remote, options| match remote.location() {
            Location::Local(path) => local::create_branch(mirror, path, &branch, &sha),
            Location::Http(_) => network::push_new(mirror, remote, &branch, &sha, &Watch::new(what, remote, options)),
        })
        .await
    }

    async fn delete_branch(&self, _permit: &Permit, remote: &Remote, branch: &BranchName, expected: &CommitSha) -> Result<DeleteOutcome, GitError> {
        ours(branch)?;
        let (branch, expected) = (branch.clone(), expected.clone());
        let what = format!("deletion of `{branch}` in `{}`", remote.location());
        let limit = self.outer_limit();
        self.on_mirror(remote, Access::Write, Some(limit), what.clone(), move |mirror, remote, options| match remote.location() {
            Location::Local(path) => local::delete_branch(path, &branch, &expected),
            Location::Http(_) => network::delete_branch(mirror, remote, &branch, &expected, &Watch::new(what, remote, options)),
        })
        .await
    }

    async fn remote_head(&self, remote: &Remote, branch: &BranchName) -> Result<Option<CommitSha>, GitError> {
        let (remote, branch, options) = (remote.clone(), branch.clone(), Arc::clone(&self.options));
        let what = format!("look-up of `{branch}` in `{}`", remote.location());
        self.blocking(Some(self.outer_limit()), what.clone(), move |begun| {
            begun();
            match remote.location() {
                Location::Local(path) => local::head(path, &branch),
                Location::Http(_) => network::remote_head(&mirror::lookup(&options.root)?, &remote, &branch, &Watch::new(what, &remote, &options)),
            }
        })
        .await
    }

    async fn clean(&self, keep_newer_than: DateTime<Utc>) -> Result<CleanReport, GitError> {
        let options = Arc::clone(&self.options);
        self.blocking(None, "cleaning".to_owned(), move |_| mirror::clean(&options, SystemTime::from(keep_newer_than))).await
    }
}

fn ours(branch: &BranchName) -> Result<(), GitError> {
    if branch.is_ours() { Ok(()) } else { Err(GitError::NotOurs { branch: branch.clone() }) }
}

/// The commit's id as libgit2 takes it.
fn oid(sha: &CommitSha) -> Result<git2::Oid, GitError> {
    if sha.as_str().len() != 40 {
        return Err(GitError::Unsupported { reason: format!("commit {} is of a SHA-256 repository; only SHA-1 repositories are supported", sha.short()) });
    }
    git2::Oid::from_str(sha.as_str()).map_err(|error| GitError::BadName { what: format!("commit {sha}"), reason: error.message().to_owned() })
}

/// The commit id that libgit2 gave.
fn sha(oid: git2::Oid) -> Result<CommitSha, GitError> {
    CommitSha::parse(&oid.to_string()).map_err(|error| GitError::Failed { what: "reading a commit id".to_owned(), reason: error.to_string() })
}

/// Text from outside as it may stand in a message: one line, escaped, bounded.
fn shown(text: &str) -> String {
    shown_up_to(text, 400)
}

fn shown_up_to(text: &str, most: usize) -> String {
    let mut short = String::new();
    for c in text.trim().chars().take(most) {
        match c {
            '\n' | '\t' => short.push(' '),
            // Control characters move a terminal's cursor, and directional ones reorder what is read.
            c if c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => short.extend(c.escape_unicode()),
            c => short.push(c),
        }
    }
    if text.trim().chars().nth(most).is_some() {
        short.push('…');
    }
    short
}
