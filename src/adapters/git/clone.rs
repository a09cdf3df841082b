//! A look at a person's clone: which branch is checked out, and where it stands. Reads only.

use std::path::Path;

use chrono::{DateTime, Utc};

use crate::domain::ids::{BranchName, CommitSha};

/// What a clone says of itself.
#[derive(Debug, Clone)]
pub struct Clone {
    /// The broken branch.
    pub branch: BranchName,
    /// Its head.
    pub head: CommitSha,
    /// The head's commit time.
    pub time: DateTime<Utc>,
    /// The head's author.
    pub author: Option<String>,
    /// The branch to compare with.
    pub default_branch: BranchName,
    /// The address of `origin`, without credentials.
    pub origin: Option<String>,
}

/// Why a clone can't be used.
#[derive(Debug, thiserror::Error)]
pub enum NotAClone {
    /// Not a repository, or damaged.
    #[error("`{path}` is no git repository that can be read: {reason}")]
    Unreadable { path: String, reason: String },
    /// There is no such branch.
    #[error("there is no branch `{branch}` in `{path}`")]
    NoBranch { branch: String, path: String },
    /// No commit yet.
    #[error("`{path}` has no commit yet")]
    Empty { path: String },
    /// A name that is not accepted.
    #[error(transparent)]
    Name(#[from] crate::domain::ids::BadName),
}

/// Reads the clone at `path`.
pub fn look(path: &Path, branch: Option<&str>, base: Option<&str>) -> Result<Clone, NotAClone> {
    let shown = path.display().to_string();
    let unreadable = |error: git2::Error| NotAClone::Unreadable { path: shown.clone(), reason: error.message().to_owned() };
    let repository = git2::Repository::open(path).map_err(unreadable)?;
    let (name, commit) = match branch {
        Some(given) => {
            let name = BranchName::parse(given.strip_prefix("refs/heads/").unwrap_or(given))?;
            let found = repository.find_reference(&name.to_ref()).map_err(|_| NotAClone::NoBranch { branch: name.to_string(), path: shown.clone() })?;
            (Some(name), found.peel_to_commit().map_err(unreadable)?)
        }
        None => {
            let head = repository.head().map_err(|_| NotAClone::Empty { path: shown.clone() })?;
            let name = if head.is_branch() { head.shorthand().ok().map(BranchName::parse).transpose()? } else { None };
            (name, head.peel_to_commit().map_err(unreadable)?)
        }
    };
    let head = CommitSha::parse(&commit.id().to_string())?;
    // A detached head (as CI checks out) has no name of its own.
    let branch = match name {
        Some(name) => name,
        None => BranchName::parse(&format!("detached-{}", head.short()))?,
    };
    let default_branch = match base {
        Some(given) => BranchName::parse(given.trim_start_matches("refs/heads/").trim_start_matches("origin/"))?,
        None => default_branch(&repository, &branch),
    };
    let author = commit.author().name().ok().map(str::to_owned);
    let origin = repository.find_remote("origin").ok().and_then(|remote| remote.url().ok().map(str::to_owned));
    Ok(Clone { branch, head, time: DateTime::from_timestamp(commit.time().seconds(), 0).unwrap_or(DateTime::UNIX_EPOCH), author, default_branch, origin })
}

/// Where `origin/HEAD` points, else `main` or `master`, else the branch itself.
fn default_branch(repository: &git2::Repository, branch: &BranchName) -> BranchName {
    let origin = repository.find_reference("refs/remotes/origin/HEAD").ok().and_then(|head| head.symbolic_target().ok().flatten().map(str::to_owned));
    let named = origin.as_deref().and_then(|target| target.strip_prefix("refs/remotes/origin/")).and_then(|name| BranchName::parse(name).ok());
    named
        .or_else(|| {
            ["main", "master"].into_iter().filter_map(|name| BranchName::parse(name).ok()).find(|name| repository.find_reference(&name.to_ref()).is_ok())
        })
        .unwrap_or_else(|| branch.clone())
}
