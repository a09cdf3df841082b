//! Reading commits from a mirror: files, lists, differences.

use std::collections::{BinaryHeap, HashSet};

use git2::{Delta, DiffFormat, DiffOptions, ErrorCode, ObjectType, Oid};

use super::mirror::Mirror;
use super::paths::{check_path, refused};
use super::{oid, sha as id};
use crate::domain::ids::CommitSha;
use crate::ports::git::{ChangeKind, ChangedFile, EntryKind, FileContent, GitError, TreeEntry};

/// Folders within folders that are followed; a tree can be built that is deeper than any stack.
const MAX_DEPTH: usize = 128;
/// The largest blob that is taken into memory for its beginning.
const MAX_BLOB_BYTES: usize = 256 << 20;
/// Files above this are named in a diff, not compared line by line.
const MAX_DIFFED_BYTES: i64 = 8 << 20;

/// What a tree entry's mode means; `None` for a folder.
///
/// Old repositories have modes such as 100664, so only the bits that matter are looked at.
pub(super) fn kind_of(mode: i32) -> Option<EntryKind> {
    match mode & 0o170_000 {
        0o040_000 => None,
        0o120_000 => Some(EntryKind::Symlink),
        0o160_000 => Some(EntryKind::Submodule),
        _ if mode & 0o111 != 0 => Some(EntryKind::Executable),
        _ => Some(EntryKind::File),
    }
}

/// See [`crate::ports::git::Git::read_file`].
pub(super) fn read_file(mirror: &Mirror, sha: &CommitSha, path: &str, cap: usize) -> Result<Option<FileContent>, GitError> {
    check_path(path)?;
    let mut tree = mirror.tree(sha)?;
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let Some(entry) = tree.get_name_bytes(part.as_bytes()).map(|entry| entry.to_owned()) else { return Ok(None) };
        match (kind_of(entry.filemode()), parts.peek()) {
            (None, Some(_)) => tree = mirror.repo.find_tree(entry.id()).map_err(|error| mirror.damaged("reading a tree", &error))?,
            (None, None) | (Some(_), Some(_)) => return Ok(None),
            (Some(EntryKind::Submodule), None) => return Ok(Some(FileContent { kind: EntryKind::Submodule, size: 0, bytes: Vec::new(), truncated: false })),
            (Some(kind), None) => return content(mirror, path, entry.id(), kind, cap).map(Some),
        }
    }
    Ok(None)
}

fn content(mirror: &Mirror, path: &str, blob: Oid, kind: EntryKind, cap: usize) -> Result<FileContent, GitError> {
    let damaged = |error: git2::Error| mirror.damaged("reading a file", &error);
    let odb = mirror.repo.odb().map_err(damaged)?;
    let (size, _) = odb.read_header(blob).map_err(damaged)?;
    if size > cap.max(MAX_BLOB_BYTES) {
        return Err(GitError::TooLarge { what: format!("file `{}`", path.escape_debug()), limit: format!("{} bytes", cap.max(MAX_BLOB_BYTES)) });
    }
    let object = odb.read(blob).map_err(damaged)?;
    let data = object.data();
    let taken = data.len().min(cap);
    Ok(FileContent { kind, size: data.len() as u64, bytes: data[..taken].to_vec(), truncated: taken < data.len() })
}

/// See [`crate::ports::git::Git::list`].
pub(super) fn list(mirror: &Mirror, sha: &CommitSha, most: usize) -> Result<Vec<TreeEntry>, GitError> {
    let damaged = |error: git2::Error| mirror.damaged("reading a tree", &error);
    let odb = mirror.repo.odb().map_err(damaged)?;
    let mut found = Vec::new();
    // Trees count too: one tree that is named thousands of times costs nothing to store and everything to walk.
    let mut visited = 0_usize;
    let mut stack = vec![(mirror.tree(sha)?.id(), String::new(), 0_usize)];
    while let Some((tree, folder, depth)) = stack.pop() {
        let tree = mirror.repo.find_tree(tree).map_err(damaged)?;
        let mut below = Vec::new();
        for entry in &tree {
            visited += 1;
            if visited > most || depth > MAX_DEPTH {
                return Err(GitError::TooLarge { what: format!("the tree of {}", sha.short()), limit: format!("{most} entries and {MAX_DEPTH} levels") });
            }
            let path = format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes()));
            let Some(kind) = kind_of(entry.filemode()) else {
                below.push((entry.id(), format!("{path}/"), depth + 1));
                continue;
            };
            let size = match kind {
                EntryKind::Submodule => 0,
                _ => odb.read_header(entry.id()).map_err(damaged)?.0 as u64,
            };
            found.push(TreeEntry { path, kind, size, oid: entry.id().to_string() });
        }
        stack.extend(below);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn compared<'a>(mirror: &'a Mirror, from: &CommitSha, to: &CommitSha) -> Result<git2::Diff<'a>, GitError> {
    let (from, to) = (mirror.tree(from)?, mirror.tree(to)?);
    let mut options = DiffOptions::new();
    options.context_lines(3).include_typechange(true).id_abbrev(40).max_size(MAX_DIFFED_BYTES).old_prefix("a").new_prefix("b");
    mirror.repo.diff_tree_to_tree(Some(&from), Some(&to), Some(&mut options)).map_err(|error| mirror.damaged("comparing trees", &error))
}

/// See [`crate::ports::git::Git::changed_files`].
pub(super) fn changed_files(mirror: &Mirror, from: &CommitSha, to: &CommitSha, most: usize) -> Result<Vec<ChangedFile>, GitError> {
    let diff = compared(mirror, from, to)?;
    if diff.deltas().len() > most {
        return Err(GitError::TooLarge { what: format!("the difference of {} and {}", from.short(), to.short()), limit: format!("{most} files") });
    }
    let change = |delta: git2::DiffDelta<'_>| {
        let kind = match delta.status() {
            Delta::Added => ChangeKind::Added,
            Delta::Deleted => ChangeKind::Deleted,
            Delta::Typechange => ChangeKind::TypeChanged,
            _ => ChangeKind::Modified,
        };
        let file = if kind == ChangeKind::Deleted { delta.old_file() } else { delta.new_file() };
        ChangedFile { path: String::from_utf8_lossy(file.path_bytes().unwrap_or_default()).into_owned(), kind }
    };
    Ok(diff.deltas().map(change).collect())
}

/// See [`crate::ports::git::Git::diff`].
pub(super) fn diff(mirror: &Mirror, from: &CommitSha, to: &CommitSha, cap: usize) -> Result<String, GitError> {
    let diff = compared(mirror, from, to)?;
    let mut text = Vec::new();
    let mut over = false;
    let printed = diff.print(DiffFormat::Patch, |_, _, line| {
        let origin = line.origin();
        if matches!(origin, '+' | '-' | ' ') {
            text.push(origin as u8);
        }
        text.extend_from_slice(line.content());
        over = text.len() > cap;
        !over
    });
    if over {
        return Err(GitError::TooLarge { what: format!("the diff of {} and {}", from.short(), to.short()), limit: format!("{cap} bytes") });
    }
    printed.map_err(|error| mirror.damaged("printing a diff", &error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// See [`crate::ports::git::Git::merge_base`].
pub(super) fn merge_base(mirror: &Mirror, a: &CommitSha, b: &CommitSha) -> Result<Option<CommitSha>, GitError> {
    mirror.commit(a)?;
    mirror.commit(b)?;
    let ends = mirror.history_ends();
    if !ends.is_empty() {
        return merge_base_in_shallow(mirror, oid(a)?, oid(b)?, &ends);
    }
    match mirror.repo.merge_base(oid(a)?, oid(b)?) {
        Ok(base) => id(base).map(Some),
        Err(error) if error.code() == ErrorCode::NotFound && error.class() == git2::ErrorClass::Merge => Ok(None),
        Err(error) => Err(mirror.damaged("looking for the merge base", &error)),
    }
}

/// The newest common ancestor in a history that ends early. libgit2's own search runs over the end and fails there.
fn merge_base_in_shallow(mirror: &Mirror, a: Oid, b: Oid, ends: &HashSet<Oid>) -> Result<Option<CommitSha>, GitError> {
    let read = |oid: Oid| mirror.repo.find_commit(oid).map_err(|error| mirror.damaged("reading a commit", &error));
    let parents = |oid: Oid| if ends.contains(&oid) { Ok(Vec::new()) } else { read(oid).map(|commit| commit.parent_ids().collect()) };
    let mut of_a = HashSet::new();
    let mut open = vec![a];
    while let Some(next) = open.pop() {
        if of_a.insert(next) {
            open.extend(parents(next)?);
        }
    }
    let mut seen = HashSet::from([b]);
    let mut newest_first = BinaryHeap::from([(read(b)?.time().seconds(), b)]);
    while let Some((_, next)) = newest_first.pop() {
        if of_a.contains(&next) {
            return id(next).map(Some);
        }
        for parent in parents(next)? {
            if seen.insert(parent) {
                newest_first.push((read(parent)?.time().seconds(), parent));
            }
        }
    }
    Ok(None)
}

/// The size of a blob, by its header; an object of another kind is refused.
pub(super) fn blob_size(mirror: &Mirror, object: Oid) -> Result<usize, GitError> {
    let damaged = |error: git2::Error| mirror.damaged("reading a file", &error);
    let (size, kind) = mirror.repo.odb().map_err(damaged)?.read_header(object).map_err(damaged)?;
    if kind == ObjectType::Blob { Ok(size) } else { Err(refused(object.to_string().as_bytes(), "the tree names as a file what is none")) }
}
