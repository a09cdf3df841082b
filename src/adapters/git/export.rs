//! Exporting a commit's tree into a repository of its own, for code that is not trusted to run in.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use git2::{IndexEntry, IndexTime, Odb, Oid, PackBuilder, Repository, RepositoryInitOptions, Signature, Time};

use super::mirror::Mirror;
use super::paths::{check_component, link_stays_inside, refused};
use super::tree::{blob_size, kind_of};
use super::{sha as id, shown};
use crate::domain::ids::CommitSha;
use crate::ports::git::{EntryKind, ExportLimits, ExportReport, GitError};

/// See [`crate::ports::git::Git::export`].
pub(super) fn export(mirror: &Mirror, sha: &CommitSha, into: &Path, limits: &ExportLimits) -> Result<ExportReport, GitError> {
    let storage = |source| GitError::Storage { what: format!("exporting into `{}`", into.display()), source };
    match fs::read_dir(into) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(GitError::BadName { what: format!("folder `{}`", into.display()), reason: "it is not empty".to_owned() });
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(into).map_err(storage)?,
        Err(error) => return Err(storage(error)),
    }
    let result = write_out(mirror, sha, into, limits);
    if result.is_err() {
        // Half a tree must not be taken for a tree.
        for entry in fs::read_dir(into).map_err(storage)?.flatten() {
            let path = entry.path();
            let gone = if entry.file_type().is_ok_and(|kind| kind.is_dir()) { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            if let Err(error) = gone {
                tracing::warn!(path = %path.display(), %error, "what is left of a failed export could not be removed");
            }
        }
    }
    result
}

fn write_out(mirror: &Mirror, sha: &CommitSha, into: &Path, limits: &ExportLimits) -> Result<ExportReport, GitError> {
    let failed = |error: git2::Error| GitError::Failed { what: format!("exporting {}", sha.short()), reason: shown(error.message()) };
    let source = mirror.commit(sha)?;
    let mut init = RepositoryInitOptions::new();
    init.external_template(false).no_reinit(true).mkdir(false).initial_head("regreen");
    let repo = Repository::init_opts(into, &init).map_err(failed)?;
    match fs::remove_dir_all(repo.path().join("hooks")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(GitError::Storage { what: "removing the sample hooks".to_owned(), source: error }),
        _ => {}
    }

    let mut export = Export {
        mirror,
        from: mirror.repo.odb().map_err(failed)?,
        pack: mirror.repo.packbuilder().map_err(failed)?,
        root: into,
        limits,
        entries: Vec::new(),
        links: Vec::new(),
        report: ExportReport { files: 0, symlinks: 0, flattened: Vec::new(), submodules: Vec::new(), bytes: 0, commit: sha.clone() },
        trees: 0,
    };
    export.folder(source.tree_id(), Path::new(""), 0)?;
    export.links()?;
    // One pack is written in a fraction of the time of as many loose objects.
    export.pack.set_threads(1);
    if export.pack.object_count() > 0 {
        export.pack.write(&repo.path().join("objects/pack"), 0o444).map_err(|error| mirror.damaged("packing the tree", &error))?;
    }
    let Export { mut entries, mut report, .. } = export;

    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let mut index = repo.index().map_err(failed)?;
    for entry in &entries {
        index.add(entry).map_err(failed)?;
    }
    let tree = index.write_tree().map_err(failed)?;
    index.write().map_err(failed)?;
    let tree = repo.find_tree(tree).map_err(failed)?;
    // The author is nobody and the time the source's, so that the same commit always exports to the same id.
    let author = Signature::new("regreen", "regreen@localhost", &Time::new(source.time().seconds(), 0)).map_err(failed)?;
    let commit = repo.commit(Some("HEAD"), &author, &author, &format!("export of {sha}\n"), &tree, &[]).map_err(failed)?;
    report.commit = id(commit)?;
    Ok(report)
}

struct Export<'a> {
    mirror: &'a Mirror,
    from: Odb<'a>,
    pack: PackBuilder<'a>,
    root: &'a Path,
    limits: &'a ExportLimits,
    entries: Vec<IndexEntry>,
    links: Vec<(PathBuf, Oid, usize)>,
    report: ExportReport,
    trees: usize,
}

impl Export<'_> {
    fn folder(&mut self, tree: Oid, folder: &Path, depth: usize) -> Result<(), GitError> {
        if depth > self.limits.max_depth {
            return Err(GitError::TooLarge { what: "the depth of the tree".to_owned(), limit: format!("{} folders", self.limits.max_depth) });
        }
        let tree = self.mirror.repo.find_tree(tree).map_err(|error| self.mirror.damaged("reading a tree", &error))?;
        for entry in &tree {
            let name = entry.name_bytes();
            let path = folder.join(std::ffi::OsStr::from_bytes(name));
            check_component(name).map_err(|reason| refused(path.as_os_str().as_bytes(), reason))?;
            let Some(kind) = kind_of(entry.filemode()) else {
                self.trees += 1;
                self.count()?;
                fs::create_dir(self.root.join(&path)).map_err(|error| occupied(&path, error))?;
                self.folder(entry.id(), &path, depth + 1)?;
                continue;
            };
            match kind {
                EntryKind::File | EntryKind::Executable => self.file(&path, entry.id(), kind)?,
                // Links come last, so that nothing is ever written through one.
                EntryKind::Symlink => self.links.push((path, entry.id(), depth)),
                EntryKind::Submodule => {
                    fs::create_dir(self.root.join(&path)).map_err(|error| occupied(&path, error))?;
                    self.report.submodules.push(path.to_string_lossy().into_owned());
                    self.note(&path, entry.id(), 0o160_000)?;
                }
            }
            self.count()?;
        }
        Ok(())
    }

    fn count(&self) -> Result<(), GitError> {
        if self.entries.len() + self.links.len() > self.limits.max_files || self.trees > self.limits.max_files {
            return Err(GitError::TooLarge { what: "the number of files".to_owned(), limit: self.limits.max_files.to_string() });
        }
        Ok(())
    }

    /// Reads a blob after its size was found to be within the limits.
    fn blob(&mut self, path: &Path, blob: Oid) -> Result<Vec<u8>, GitError> {
        let size = blob_size(self.mirror, blob)? as u64;
        if size > self.limits.max_file_bytes {
            let what = format!("file `{}`", path.to_string_lossy().escape_debug());
            return Err(GitError::TooLarge { what, limit: format!("{} bytes", self.limits.max_file_bytes) });
        }
        self.report.bytes += size;
        if self.report.bytes > self.limits.max_bytes {
            return Err(GitError::TooLarge { what: "the tree".to_owned(), limit: format!("{} bytes", self.limits.max_bytes) });
        }
        let object = self.from.read(blob).map_err(|error| self.mirror.damaged("reading a file", &error))?;
        self.pack.insert_object(blob, None).map_err(|error| GitError::Failed { what: "copying a file".to_owned(), reason: shown(error.message()) })?;
        Ok(object.data().to_vec())
    }

    fn file(&mut self, path: &Path, blob: Oid, kind: EntryKind) -> Result<(), GitError> {
        let data = self.blob(path, blob)?;
        let mode = if kind == EntryKind::Executable { 0o755 } else { 0o644 };
        self.write(path, &data, mode)?;
        self.report.files += 1;
        self.note(path, blob, 0o100_000 | mode)
    }

    fn write(&self, path: &Path, data: &[u8], mode: u32) -> Result<(), GitError> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(self.root.join(path)).map_err(|error| occupied(path, error))?;
        file.write_all(data).map_err(|source| GitError::Storage { what: format!("writing `{}`", path.display()), source })
    }

    fn links(&mut self) -> Result<(), GitError> {
        for (path, blob, depth) in std::mem::take(&mut self.links) {
            let target = self.blob(&path, blob)?;
            if link_stays_inside(&target, depth) {
                symlink(std::ffi::OsStr::from_bytes(&target), self.root.join(&path)).map_err(|error| occupied(&path, error))?;
                self.report.symlinks += 1;
                self.note(&path, blob, 0o120_000)?;
            } else {
                self.write(&path, &target, 0o644)?;
                self.report.flattened.push(path.to_string_lossy().into_owned());
                self.note(&path, blob, 0o100_644)?;
            }
        }
        Ok(())
    }

    /// Notes a written entry with its times and place, so that `git status` need not read the file again.
    fn note(&mut self, path: &Path, oid: Oid, mode: u32) -> Result<(), GitError> {
        let meta =
            fs::symlink_metadata(self.root.join(path)).map_err(|source| GitError::Storage { what: format!("looking at `{}`", path.display()), source })?;
        // The index keeps the low 32 bits of each; git compares them in the same way.
        let low = |value: u64| (value & u64::from(u32::MAX)) as u32;
        let time = |seconds: i64, nanoseconds: i64| IndexTime::new(seconds as i32, nanoseconds as u32);
        self.entries.push(IndexEntry {
            ctime: time(meta.ctime(), meta.ctime_nsec()),
            mtime: time(meta.mtime(), meta.mtime_nsec()),
            dev: low(meta.dev()),
            ino: low(meta.ino()),
            mode,
            uid: meta.uid(),
            gid: meta.gid(),
            file_size: if meta.is_dir() { 0 } else { low(meta.len()) },
            id: oid,
            flags: 0,
            flags_extended: 0,
            path: path.as_os_str().as_bytes().to_vec(),
        });
        Ok(())
    }
}

/// A place that is taken means a tree with one name twice, or two names that this file system takes for one.
fn occupied(path: &Path, error: io::Error) -> GitError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => refused(path.as_os_str().as_bytes(), "the tree has it twice"),
        io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput => refused(path.as_os_str().as_bytes(), "the file system does not take it"),
        _ => GitError::Storage { what: format!("writing `{}`", path.display()), source: error },
    }
}
