//! Two commits of a person's clone, compared as a pull request would be: what `head` brings since it left `base`. Reads only.

use std::path::Path;

use git2::{Delta, DiffFindOptions, DiffOptions, ErrorCode, Oid, Repository};

use crate::domain::patch::{Applied, FileChange, FileContent, FileMode, compared};

/// Files above this are named, and not taken into memory.
const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of all files together, before and after.
const MAX_TOTAL_BYTES: usize = 256 * 1024 * 1024;
/// Files that may differ at all.
const MAX_FILES: usize = 20_000;

/// Two commits, and what differs.
#[derive(Debug)]
pub struct Comparison {
    /// The commit that `head` left from (the merge base).
    pub base: String,
    /// The commit that is judged.
    pub head: String,
    /// What differs.
    pub change: Applied,
    /// Files that were too large to be read, with the reason.
    pub unread: Vec<(String, String)>,
}

/// Why there is nothing to judge.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// Not a repository, or damaged.
    #[error("`{path}` is no git repository that can be read: {reason}")]
    Unreadable { path: String, reason: String },
    /// No such commit.
    #[error("`{name}` is no commit of this repository: {reason}; in CI, fetch it first (`fetch-depth: 0`)")]
    NoCommit { name: String, reason: String },
    /// No base was given and none can be told.
    #[error("there is no `origin/HEAD`, `origin/main`, `origin/master`, `main` or `master` to compare with: name the base by --base REF")]
    NoBase,
    /// The histories have nothing in common, or the clone is too shallow to tell.
    #[error("`{base}` and `{head}` have no common commit here; if this is a shallow clone, fetch its history (`git fetch --unshallow`, `fetch-depth: 0`)")]
    Unrelated { base: String, head: String },
    /// More than is taken in.
    #[error("the difference is over the limit of {limit}: compare smaller steps")]
    TooLarge { limit: String },
}

/// The branches that a base is looked for among, when none is given.
const BASES: [&str; 5] = ["refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master"];

/// Compares. `base` and `head` are anything that git calls a revision; the default base is the repository's default branch as far as
/// the clone knows it, the default head is `HEAD`.
///
/// # Errors
/// Any [`CompareError`].
pub fn compare(path: &Path, base: Option<&str>, head: Option<&str>) -> Result<Comparison, CompareError> {
    let unreadable = |error: git2::Error| CompareError::Unreadable { path: path.display().to_string(), reason: error.message().to_owned() };
    let repository = Repository::discover(path).map_err(unreadable)?;
    let head_name = head.unwrap_or("HEAD");
    let head = commit(&repository, head_name)?;
    let (base_name, base) = match base {
        Some(name) => (name, commit(&repository, name)?),
        None => BASES.iter().find_map(|name| commit(&repository, name).ok().map(|oid| (*name, oid))).ok_or(CompareError::NoBase)?,
    };
    let from = match repository.merge_base(base, head) {
        Ok(from) => from,
        Err(error) if error.code() == ErrorCode::NotFound => return Err(CompareError::Unrelated { base: base_name.to_owned(), head: head_name.to_owned() }),
        Err(error) => return Err(unreadable(error)),
    };
    let tree = |oid: Oid| repository.find_commit(oid).and_then(|commit| commit.tree()).map_err(unreadable);
    let mut options = DiffOptions::new();
    options.include_typechange(true).ignore_submodules(false);
    let mut diff = repository.diff_tree_to_tree(Some(&tree(from)?), Some(&tree(head)?), Some(&mut options)).map_err(unreadable)?;
    if diff.deltas().len() > MAX_FILES {
        return Err(CompareError::TooLarge { limit: format!("{MAX_FILES} files") });
    }
    // Renames only: a copy leaves its source as it was, and is a new file to the gate.
    diff.find_similar(Some(DiffFindOptions::new().renames(true).copies(false).rename_limit(1_000))).map_err(unreadable)?;
    let (mut files, mut renames, mut unread, mut total) = (Vec::new(), Vec::new(), Vec::new(), 0_usize);
    for delta in diff.deltas() {
        let old = side(&repository, &delta.old_file(), &mut total, &mut unread)?;
        let new = side(&repository, &delta.new_file(), &mut total, &mut unread)?;
        if total > MAX_TOTAL_BYTES {
            return Err(CompareError::TooLarge { limit: format!("{MAX_TOTAL_BYTES} bytes") });
        }
        let (old_path, new_path) = (name(&delta.old_file()), name(&delta.new_file()));
        if delta.status() == Delta::Renamed && old_path != new_path {
            files.push(FileChange { path: old_path.clone(), before: old, after: None });
            files.push(FileChange { path: new_path.clone(), before: None, after: new });
            renames.push((old_path, new_path));
        } else {
            files.push(FileChange { path: new_path, before: old, after: new });
        }
    }
    // What was not read is told apart, not taken for absent.
    files.retain(|file| !unread.iter().any(|(path, _)| *path == file.path));
    renames.retain(|(old, new)| files.iter().any(|file| file.path == *old) && files.iter().any(|file| file.path == *new));
    unread.dedup();
    Ok(Comparison { base: from.to_string(), head: head.to_string(), change: compared(files, renames), unread })
}

fn commit(repository: &Repository, name: &str) -> Result<Oid, CompareError> {
    repository
        .revparse_single(name)
        .and_then(|object| object.peel_to_commit())
        .map(|commit| commit.id())
        .map_err(|error| CompareError::NoCommit { name: name.to_owned(), reason: error.message().to_owned() })
}

fn name(file: &git2::DiffFile<'_>) -> String {
    String::from_utf8_lossy(file.path_bytes().unwrap_or_default()).into_owned()
}

fn side(
    repository: &Repository,
    file: &git2::DiffFile<'_>,
    total: &mut usize,
    unread: &mut Vec<(String, String)>,
) -> Result<Option<FileContent>, CompareError> {
    let mode = match file.mode() {
        git2::FileMode::Unreadable => return Ok(None),
        git2::FileMode::Link => FileMode::Symlink,
        git2::FileMode::Commit => return Ok(Some(FileContent { bytes: Vec::new(), mode: FileMode::Submodule })),
        git2::FileMode::BlobExecutable => FileMode::Executable,
        _ => FileMode::Regular,
    };
    if file.id().is_zero() {
        return Ok(None);
    }
    let path = name(file);
    let missing = |error: git2::Error| CompareError::Unreadable {
        path: path.clone(),
        reason: format!("{}; a partial clone lacks contents: fetch them", error.message()),
    };
    let odb = repository.odb().map_err(missing)?;
    let (size, _) = odb.read_header(file.id()).map_err(missing)?;
    if size > MAX_FILE_BYTES {
        unread.push((path, format!("it is {size} bytes large, and files above {MAX_FILE_BYTES} are not read")));
        return Ok(None);
    }
    *total += size;
    let object = odb.read(file.id()).map_err(missing)?;
    Ok(Some(FileContent { bytes: object.data().to_vec(), mode }))
}
