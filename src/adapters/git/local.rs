//! Writing to a clone on this machine. libgit2 does not push into a repository with a worktree, and a push is more
//! than is wanted: here objects are copied and one ref is made, and nothing else of the clone is opened for writing.

use std::path::Path;

use git2::{ErrorCode, ObjectType, Odb, Oid, Repository};

use super::mirror::Mirror;
use super::{oid, sha as id, shown};
use crate::domain::ids::{BranchName, CommitSha};
use crate::ports::git::{DeleteOutcome, GitError, PushOutcome};

/// The most objects that are copied. A fix commit needs a handful; more means that the clone is another repository.
const MAX_COPIED: usize = 50_000;

fn open(path: &Path) -> Result<Repository, GitError> {
    Repository::open(path).map_err(|error| match error.code() {
        ErrorCode::NotFound => GitError::NotFound { what: format!("a git repository at `{}`", path.display()) },
        _ => failed("opening the clone", path)(error),
    })
}

fn failed(what: &str, path: &Path) -> impl Fn(git2::Error) -> GitError {
    let what = format!("{what} `{}`", path.display());
    move |error| GitError::Failed { what: what.clone(), reason: shown(error.message()) }
}

fn full(branch: &BranchName) -> String {
    format!("refs/heads/{branch}")
}

fn target(repo: &Repository, branch: &BranchName, path: &Path) -> Result<Option<Oid>, GitError> {
    match repo.refname_to_id(&full(branch)) {
        Ok(oid) => Ok(Some(oid)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(failed("reading a branch of", path)(error)),
    }
}

/// Where a branch of the clone is.
pub(super) fn head(path: &Path, branch: &BranchName) -> Result<Option<CommitSha>, GitError> {
    target(&open(path)?, branch, path)?.map(id).transpose()
}

/// Where the history of a shallow clone ends: its `shallow` file. `None` for a clone with all of it.
pub(super) fn boundary(path: &Path) -> Result<Option<Vec<u8>>, GitError> {
    let clone = open(path)?;
    match std::fs::read(clone.commondir().join("shallow")) {
        Ok(content) => Ok(Some(content).filter(|content| !content.is_empty())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(GitError::Storage { what: format!("reading where the history of `{}` ends", path.display()), source }),
    }
}

/// Copies what the commit needs, then makes the ref, expecting absence.
pub(super) fn create_branch(mirror: &Mirror, path: &Path, branch: &BranchName, sha: &CommitSha) -> Result<PushOutcome, GitError> {
    let wanted = oid(sha)?;
    mirror.commit(sha)?;
    let clone = open(path)?;
    let found = |found: Oid| if found == wanted { Ok(PushOutcome::AlreadyThere) } else { id(found).map(|found| PushOutcome::Conflict { found }) };
    if let Some(oid) = target(&clone, branch, path)? {
        return found(oid);
    }
    {
        let damaged = |error: git2::Error| mirror.damaged("copying objects", &error);
        let (from, to) = (mirror.repo.odb().map_err(damaged)?, clone.odb().map_err(failed("opening the objects of", path))?);
        copy(mirror, &from, &to, wanted, path)?;
    }
    match clone.reference(&full(branch), wanted, false, "regreen: fix") {
        Ok(_) => Ok(PushOutcome::Created),
        // Somebody was faster; or a branch `agent-fix` stands where a folder is needed.
        Err(error) => match target(&clone, branch, path)? {
            Some(oid) => found(oid),
            None => Err(GitError::Rejected { branch: branch.to_string(), reason: shown(error.message()) }),
        },
    }
}

/// Copies an object after everything it names, so that whatever is there is whole, even after a kill.
fn copy(mirror: &Mirror, from: &Odb<'_>, to: &Odb<'_>, root: Oid, path: &Path) -> Result<(), GitError> {
    let damaged = |error: git2::Error| mirror.damaged("copying objects", &error);
    let mut copied = 0;
    let mut stack = vec![(root, false)];
    while let Some((oid, named_are_there)) = stack.pop() {
        if to.exists(oid) {
            continue;
        }
        let object = from.read(oid).map_err(damaged)?;
        if !named_are_there {
            stack.push((oid, true));
            match object.kind() {
                ObjectType::Commit => {
                    let commit = mirror.repo.find_commit(oid).map_err(damaged)?;
                    stack.push((commit.tree_id(), false));
                    stack.extend(commit.parent_ids().map(|parent| (parent, false)));
                }
                ObjectType::Tree => {
                    let tree = mirror.repo.find_tree(oid).map_err(damaged)?;
                    stack.extend(tree.iter().filter(|entry| entry.kind() != Some(ObjectType::Commit)).map(|entry| (entry.id(), false)));
                }
                _ => {}
            }
            if stack.len() > MAX_COPIED {
                return Err(GitError::TooLarge { what: "the difference to the clone".to_owned(), limit: format!("{MAX_COPIED} objects") });
            }
            continue;
        }
        copied += 1;
        if copied > MAX_COPIED {
            return Err(GitError::TooLarge { what: "the difference to the clone".to_owned(), limit: format!("{MAX_COPIED} objects") });
        }
        to.write(object.kind(), object.data()).map_err(failed("writing objects of", path))?;
    }
    Ok(())
}

/// Deletes the ref under its lock if it is where it is expected.
pub(super) fn delete_branch(path: &Path, branch: &BranchName, expected: &CommitSha) -> Result<DeleteOutcome, GitError> {
    let clone = open(path)?;
    let name = full(branch);
    if target(&clone, branch, path)?.is_none() {
        return Ok(DeleteOutcome::Absent);
    }
    let mut transaction = clone.transaction().map_err(failed("locking a branch of", path))?;
    transaction.lock_ref(&name).map_err(failed("locking a branch of", path))?;
    match target(&clone, branch, path)? {
        None => return Ok(DeleteOutcome::Absent),
        Some(found) if found != oid(expected)? => return Ok(DeleteOutcome::Moved { found: id(found)? }),
        Some(_) => {}
    }
    let checked_out = |repo: &Repository| repo.find_reference("HEAD").is_ok_and(|head| head.symbolic_target().ok().flatten() == Some(name.as_str()));
    let elsewhere = clone.worktrees().map_err(failed("listing the worktrees of", path))?;
    let in_worktree = elsewhere
        .iter()
        .filter_map(|name| name.ok().flatten())
        .filter_map(|name| Repository::open_from_worktree(&clone.find_worktree(name).ok()?).ok())
        .any(|repo| checked_out(&repo));
    if checked_out(&clone) || in_worktree {
        return Err(GitError::Rejected { branch: branch.to_string(), reason: "it is checked out".to_owned() });
    }
    transaction.remove(&name).map_err(failed("deleting a branch of", path))?;
    transaction.commit().map_err(failed("deleting a branch of", path))?;
    Ok(DeleteOutcome::Deleted)
}
