//! The folder of mirrors: layout, locks, making, mending, removing.
//!
//! ```text
//! <root>/<key>.git          the mirror, bare
//! <root>/<key>.use.lock     shared by all who use the mirror; its modification time is the last use
//! <root>/<key>.write.lock   exclusive for whoever writes
//! <root>/incoming/          mirrors in the making: they are renamed into place when whole
//! <root>/trash/             mirrors taken out of use: removed at leisure
//! <root>/lookup             an empty repository that lends its settings to look-ups, which need no mirror
//! ```
//! Lock files are never removed: whoever waits on a removed file waits on nothing.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use git2::{ErrorClass, ErrorCode, Oid, Repository, RepositoryInitOptions};

use super::{GitOptions, oid, shown};
use crate::domain::ids::CommitSha;
use crate::ports::git::{CleanReport, GitError};

const INCOMING: &str = "incoming";
const TRASH: &str = "trash";
const LOOKUP: &str = "lookup";
/// In a mirror in which something unreadable was met.
const SUSPECT: &str = "regreen-suspect";
/// In a mirror of a shallow local clone: the clone's `shallow` file at the last fetch.
const BOUNDARY: &str = "regreen-boundary";
/// Refs that keep what was fetched in sight of the next negotiation.
pub(super) const SEEN: &str = "refs/regreen/seen";
/// Refs that keep what we made.
pub(super) const MADE: &str = "refs/regreen/made";
/// How many refs of each kind a cleaning leaves: enough for a negotiation, few enough to walk at every write.
const MOST_REFS: usize = 256;
/// How often a held lock is asked again. Only the operating system's lock is polled; it is contended between
/// processes only.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// What a mirror is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Look only; the mirror must exist.
    Read,
    /// Alone among writers; the mirror is made, or mended, when needed.
    Write,
}

/// An open mirror with the locks that belong to it.
pub(super) struct Mirror {
    pub(super) repo: Repository,
    key: String,
    dir: PathBuf,
    rebuilt: bool,
    _write: Option<File>,
    _use: File,
}

fn storage(what: impl Into<String>) -> impl FnOnce(io::Error) -> GitError {
    let what = what.into();
    move |source| GitError::Storage { what, source }
}

pub(super) fn prepare_root(root: &Path) -> Result<(), GitError> {
    for dir in [root.join(INCOMING), root.join(TRASH)] {
        fs::create_dir_all(&dir).map_err(storage(format!("making the folder `{}`", dir.display())))?;
    }
    Ok(())
}

/// The empty repository for look-ups; libgit2 reads the rule on redirects from a repository only.
pub(super) fn lookup(root: &Path) -> Result<Repository, GitError> {
    let dir = root.join(LOOKUP);
    if !dir.exists() {
        match make(root, &dir) {
            // Another thread or process was faster.
            Err(_) if dir.exists() => {}
            made => made?,
        }
    }
    Repository::open_bare(&dir)
        .map_err(|error| GitError::Failed { what: format!("opening `{}` (remove it to have it made anew)", dir.display()), reason: shown(error.message()) })
}

fn dir_of(root: &Path, key: &str) -> PathBuf {
    root.join(format!("{key}.git"))
}

fn lock_file(root: &Path, key: &str, kind: &str) -> Result<File, GitError> {
    let path = root.join(format!("{key}.{kind}.lock"));
    OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(storage(format!("opening the lock `{}`", path.display())))
}

/// Asks until the lock is ours or the time is over.
fn wait(file: &File, key: &str, exclusive: bool, limit: Duration) -> Result<(), GitError> {
    let started = Instant::now();
    loop {
        let asked = if exclusive { file.try_lock() } else { file.try_lock_shared() };
        match asked {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if started.elapsed() < limit => std::thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => return Err(GitError::Busy { key: key.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(GitError::Storage { what: format!("locking the mirror `{key}`"), source }),
        }
    }
}

impl Mirror {
    pub(super) fn open(options: &GitOptions, key: &str, access: Access) -> Result<Self, GitError> {
        let root = &options.root;
        let dir = dir_of(root, key);
        if access == Access::Read && !dir.exists() {
            return Err(GitError::NotFound { what: format!("the mirror `{key}` (nothing was fetched into it yet)") });
        }
        let write = match access {
            Access::Read => None,
            Access::Write => {
                let file = lock_file(root, key, "write")?;
                wait(&file, key, true, options.lock_wait)?;
                Some(file)
            }
        };
        let used = lock_file(root, key, "use")?;
        wait(&used, key, false, options.lock_wait)?;
        // The time of last use is the file system's, as `clean` compares it with what the caller's clock says.
        used.set_modified(SystemTime::now()).map_err(storage(format!("noting the use of mirror `{key}`")))?;

        let mut rebuilt = false;
        if access == Access::Write && dir.exists() {
            drop_stale_locks(&dir);
            if dir.join(SUSPECT).exists() || Repository::open_bare(&dir).is_err() {
                tracing::warn!(mirror = key, "the mirror is damaged and is built anew");
                take_out(root, &dir)?;
                rebuilt = true;
            }
        }
        if access == Access::Write && !dir.exists() {
            make(root, &dir)?;
        }
        let repo = Repository::open_bare(&dir).map_err(|error| GitError::Corrupt { key: key.to_owned(), reason: shown(error.message()) })?;
        Ok(Self { repo, key: key.to_owned(), dir, rebuilt, _write: write, _use: used })
    }

    pub(super) fn rebuilt(&self) -> bool {
        self.rebuilt
    }

    /// Whether the commit is there and readable. Only whole packs enter a mirror, so its tree and history are too.
    pub(super) fn has(&self, sha: &CommitSha) -> bool {
        oid(sha).is_ok_and(|oid| self.repo.find_commit(oid).and_then(|commit| commit.tree()).is_ok())
    }

    /// Builds the mirror anew, empty, if anything that its refs name is gone. Needs the write lock.
    pub(super) fn mend(&mut self, options: &GitOptions) -> Result<(), GitError> {
        let whole = || -> Result<bool, git2::Error> {
            let odb = self.repo.odb()?;
            for reference in self.repo.references()? {
                if !reference?.target().is_none_or(|target| odb.exists(target)) {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        if whole().unwrap_or(false) {
            return Ok(());
        }
        tracing::warn!(mirror = self.key, "the mirror has lost objects and is built anew");
        self.build_anew(options)
    }

    /// Replaces the mirror by an empty one. Needs the write lock.
    fn build_anew(&mut self, options: &GitOptions) -> Result<(), GitError> {
        take_out(&options.root, &self.dir)?;
        make(&options.root, &self.dir)?;
        self.repo = Repository::open_bare(&self.dir).map_err(|error| self.damaged("opening the mirror", &error))?;
        self.rebuilt = true;
        Ok(())
    }

    /// Empties a mirror whose history ends elsewhere than its local source's does now (`boundary` is the source's
    /// `shallow` file): what lay beyond the end would never be asked for.
    pub(super) fn drop_other_boundary(&mut self, options: &GitOptions, boundary: Option<&[u8]>) -> Result<(), GitError> {
        let ours = fs::read(self.dir.join(BOUNDARY)).ok();
        if ours.is_some() && ours.as_deref() != boundary { self.build_anew(options) } else { Ok(()) }
    }

    /// Notes where the history ends, after a fetch.
    pub(super) fn note_boundary(&self, boundary: &[u8]) -> Result<(), GitError> {
        fs::write(self.dir.join(BOUNDARY), boundary).map_err(storage(format!("noting where the history of mirror `{}` ends", self.key)))
    }

    /// The commits whose parents are not here because they were not in the source. Empty for a whole history.
    pub(super) fn history_ends(&self) -> HashSet<Oid> {
        let noted = fs::read_to_string(self.dir.join(BOUNDARY)).unwrap_or_default();
        noted.lines().filter_map(|line| Oid::from_str(line.trim()).ok()).collect()
    }

    pub(super) fn commit(&self, sha: &CommitSha) -> Result<git2::Commit<'_>, GitError> {
        self.repo.find_commit(oid(sha)?).map_err(|error| match error.code() {
            // A pack that can't be read is as if it were not there; the ref tells that it once was.
            ErrorCode::NotFound if self.repo.refname_to_id(&format!("{SEEN}/{sha}")).is_ok() => self.damaged("reading a commit", &error),
            ErrorCode::NotFound => GitError::NotFound { what: format!("commit {} in the mirror `{}`", sha.short(), self.key) },
            _ => self.damaged("reading a commit", &error),
        })
    }

    pub(super) fn tree(&self, sha: &CommitSha) -> Result<git2::Tree<'_>, GitError> {
        self.commit(sha)?.tree().map_err(|error| self.damaged("reading a tree", &error))
    }

    /// Sorts an error that came up while reading or writing objects: what can't be read is damage.
    pub(super) fn damaged(&self, what: &str, error: &git2::Error) -> GitError {
        let reason = format!("{what}: {}", shown(error.message()));
        let unreadable = matches!(
            error.class(),
            ErrorClass::Odb | ErrorClass::Zlib | ErrorClass::Indexer | ErrorClass::Object | ErrorClass::Tree | ErrorClass::Config | ErrorClass::Repository
        );
        if unreadable || error.code() == ErrorCode::NotFound {
            GitError::Corrupt { key: self.key.clone(), reason }
        } else {
            GitError::Failed { what: what.to_owned(), reason: shown(error.message()) }
        }
    }

    /// Pins an object by a ref, so that what walks refs (negotiation) sees it.
    pub(super) fn pin(&self, name: &str, target: Oid) -> Result<(), GitError> {
        self.repo.reference(name, target, true, "").map(drop).map_err(|error| self.damaged("writing a ref", &error))
    }

    pub(super) fn is_suspect(&self) -> bool {
        self.dir.join(SUSPECT).exists()
    }

    /// Marks the mirror to be built anew by the next writer.
    pub(super) fn suspect(&self) {
        if let Err(error) = fs::write(self.dir.join(SUSPECT), b"") {
            tracing::warn!(mirror = self.key, %error, "a damaged mirror could not be marked");
        }
    }
}

/// Makes an empty mirror aside and renames it into place, so that a half-made one is never seen.
fn make(root: &Path, dir: &Path) -> Result<(), GitError> {
    let aside = root.join(INCOMING).join(uuid::Uuid::now_v7().to_string());
    let mut init = RepositoryInitOptions::new();
    init.bare(true).external_template(false).no_reinit(true).mkdir(true).mkpath(true);
    let failed = |error: git2::Error| GitError::Failed { what: format!("making the mirror `{}`", dir.display()), reason: shown(error.message()) };
    let repo = Repository::init_opts(&aside, &init).map_err(failed)?;
    let mut config = repo.config().map_err(failed)?;
    // Redirects stay on the host they started from: the next host would be asked, and would get, our token.
    config.set_bool("http.followRedirects", false).map_err(failed)?;
    config.set_i32("gc.auto", 0).map_err(failed)?;
    // No search for deltas when packing: it costs more than it saves for one tree (export) or a few files (push).
    // libgit2 1.9 reads its threshold under the wrong name, so both are set.
    config.set_i32("pack.deltaCacheSize", 0).map_err(failed)?;
    config.set_i32("core.bigFileThreshold", 0).map_err(failed)?;
    drop((config, repo));
    fs::rename(&aside, dir).map_err(storage(format!("putting the mirror `{}` in place", dir.display())))
}

/// Takes a mirror out of use in one step; whoever has it open reads on.
fn take_out(root: &Path, dir: &Path) -> Result<(), GitError> {
    prepare_root(root)?;
    let aside = root.join(TRASH).join(uuid::Uuid::now_v7().to_string());
    fs::rename(dir, &aside).map_err(storage(format!("taking out the mirror `{}`", dir.display())))?;
    if let Err(error) = fs::remove_dir_all(&aside) {
        tracing::warn!(folder = %aside.display(), %error, "a mirror that was taken out could not be removed yet");
    }
    Ok(())
}

/// Removes what a killed writer left: we hold the write lock, so no living process owns a `*.lock` or a half pack.
fn drop_stale_locks(dir: &Path) -> usize {
    fn is_lock(path: &Path) -> bool {
        path.extension().is_some_and(|extension| extension == "lock")
    }
    let mut removed = 0;
    let mut remove = |path: &Path| match fs::remove_file(path) {
        Ok(()) => {
            tracing::info!(file = %path.display(), "removed what a killed process had left");
            removed += 1;
        }
        Err(error) => tracing::warn!(file = %path.display(), %error, "a leftover could not be removed"),
    };
    let mut folders = vec![dir.join("refs")];
    for path in entries(dir) {
        if is_lock(&path) {
            remove(&path);
        }
    }
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if is_lock(&path) {
                remove(&path);
            }
        }
    }
    for path in entries(&dir.join("objects/pack")) {
        // libgit2 writes a pack as `pack_git2_<random>` before it gets its name.
        if path.file_name().is_some_and(|name| name.to_string_lossy().contains("_git2_")) {
            remove(&path);
        }
    }
    removed
}

/// Removes all but the newest refs in a folder. Their objects stay: nothing is ever pruned from a mirror.
fn forget_oldest(folder: &Path) {
    let age = |path: &PathBuf| fs::metadata(path).and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut refs = entries(folder);
    refs.sort_by_cached_key(|path| std::cmp::Reverse(age(path)));
    for path in refs.iter().skip(MOST_REFS) {
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!(file = %path.display(), %error, "an old ref could not be removed");
        }
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect()).unwrap_or_default()
}

fn size_of(dir: &Path) -> u64 {
    let mut total = 0;
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            match fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_dir() => folders.push(path),
                Ok(meta) => total += meta.len(),
                Err(_) => {}
            }
        }
    }
    total
}

/// See [`crate::ports::git::Git::clean`].
pub(super) fn clean(options: &GitOptions, keep_newer_than: SystemTime) -> Result<CleanReport, GitError> {
    let root = &options.root;
    let mut report = CleanReport::default();
    for folder in [INCOMING, TRASH] {
        for path in entries(&root.join(folder)) {
            // A mirror in the making is younger than any sensible limit.
            let old = fs::metadata(&path).and_then(|meta| meta.modified()).is_ok_and(|time| time < keep_newer_than);
            if old && fs::remove_dir_all(&path).is_ok() {
                report.leftovers += 1;
            }
        }
    }

    let mut mirrors = Vec::new();
    for dir in entries(root) {
        let Some(key) = dir.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".git")) else { continue };
        let used = fs::metadata(root.join(format!("{key}.use.lock"))).or_else(|_| fs::metadata(&dir)).and_then(|meta| meta.modified());
        mirrors.push((used.unwrap_or(SystemTime::UNIX_EPOCH), key.to_owned(), size_of(&dir), dir));
    }
    mirrors.sort();
    let mut total: u64 = mirrors.iter().map(|(_, _, size, _)| size).sum();
    for (used, key, size, dir) in mirrors {
        if used >= keep_newer_than && total <= options.max_total_bytes {
            let write = lock_file(root, &key, "write")?;
            if write.try_lock().is_ok() {
                report.leftovers += drop_stale_locks(&dir);
                forget_oldest(&dir.join(SEEN));
                forget_oldest(&dir.join(MADE));
            }
            report.kept += 1;
            continue;
        }
        let (write, using) = (lock_file(root, &key, "write")?, lock_file(root, &key, "use")?);
        if write.try_lock().is_err() || using.try_lock().is_err() {
            report.busy.push(key);
            report.kept += 1;
            continue;
        }
        take_out(root, &dir)?;
        total -= size;
        report.removed.push(key);
    }
    report.kept_bytes = total;
    Ok(report)
}
