//! Building the fix commit in the mirror's object database, from base and changes: never from a worktree, in which
//! a test run could have left anything.

use std::collections::BTreeSet;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Time, Tree};

use super::mirror::Mirror;
use super::paths::{check_path, refused};
use super::tree::kind_of;
use super::{sha as id, shown};
use crate::domain::ids::CommitSha;
use crate::ports::git::{CommitMessage, CommitPlan, EntryKind, GitError, Signature, TreeChange};

/// See [`crate::ports::git::Git::commit`].
pub(super) fn commit(mirror: &Mirror, plan: &CommitPlan) -> Result<CommitSha, GitError> {
    let base = mirror.commit(&plan.base)?;
    let before = mirror.tree(&plan.base)?;
    let failed = |error: git2::Error| mirror.damaged("building the commit", &error);
    let signature = signature(&plan.author)?;
    let message = message(&plan.message, plan.sign_off.then_some(&plan.author))?;

    let mut seen = BTreeSet::new();
    let mut update = TreeUpdateBuilder::new();
    for change in &plan.changes {
        check_path(&change.path)?;
        if !seen.insert(change.path.as_str()) {
            return Err(refused(change.path.as_bytes(), "it is changed twice"));
        }
        stage(mirror, &before, change, &mut update)?;
    }
    // A file that another of the changes takes for a folder.
    for path in &seen {
        if let Some(folder) = path.match_indices('/').map(|(at, _)| &path[..at]).find(|folder| seen.contains(folder)) {
            let deleted = plan.changes.iter().any(|change| change.path == *folder && change.content.is_none());
            let reason = if deleted { "a file can't become a folder in one commit: make it two" } else { "it lies below another file that is changed" };
            return Err(refused(path.as_bytes(), reason));
        }
    }
    let tree = update.create_updated(&mirror.repo, &before).map_err(failed)?;
    if tree == before.id() {
        return Err(GitError::NothingToCommit { base: plan.base.clone() });
    }
    let tree = mirror.repo.find_tree(tree).map_err(failed)?;
    id(mirror.repo.commit(None, &signature, &signature, &message, &tree, &[&base]).map_err(failed)?)
}

fn stage(mirror: &Mirror, before: &Tree<'_>, change: &TreeChange, update: &mut TreeUpdateBuilder) -> Result<(), GitError> {
    let path = change.path.as_str();
    let here = existing(mirror, before, path)?;
    let Some(content) = &change.content else {
        return match here {
            Found::File(EntryKind::Submodule) => Err(refused(path.as_bytes(), "it is a submodule")),
            Found::File(_) => {
                update.remove(path);
                Ok(())
            }
            Found::Folder => Err(refused(path.as_bytes(), "it is a folder")),
            Found::Nothing => Err(refused(path.as_bytes(), "it is to be deleted and is not there")),
        };
    };
    let was_executable = match here {
        Found::File(EntryKind::Symlink) => return Err(refused(path.as_bytes(), "it is a symbolic link")),
        Found::File(EntryKind::Submodule) => return Err(refused(path.as_bytes(), "it is a submodule")),
        Found::Folder => return Err(refused(path.as_bytes(), "it is a folder")),
        Found::File(kind) => kind == EntryKind::Executable,
        Found::Nothing => false,
    };
    let mode = if change.executable.unwrap_or(was_executable) { FileMode::BlobExecutable } else { FileMode::Blob };
    let blob: Oid = mirror.repo.blob(content).map_err(|error| mirror.damaged("writing a file", &error))?;
    update.upsert(path, blob, mode);
    Ok(())
}

enum Found {
    Nothing,
    Folder,
    File(EntryKind),
}

/// What is at a path; a path that leads through a file or a link is refused.
fn existing(mirror: &Mirror, root: &Tree<'_>, path: &str) -> Result<Found, GitError> {
    let mut tree = root.clone();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let Some(entry) = tree.get_name_bytes(part.as_bytes()).map(|entry| entry.to_owned()) else { return Ok(Found::Nothing) };
        match (kind_of(entry.filemode()), parts.peek()) {
            (None, None) => return Ok(Found::Folder),
            (None, Some(_)) => tree = mirror.repo.find_tree(entry.id()).map_err(|error| mirror.damaged("reading a tree", &error))?,
            (Some(kind), None) => return Ok(Found::File(kind)),
            (Some(_), Some(_)) => return Err(refused(path.as_bytes(), "a part of it is a file, a link or a submodule")),
        }
    }
    Ok(Found::Nothing)
}

fn signature(author: &Signature) -> Result<git2::Signature<'static>, GitError> {
    for (what, text) in [("author's name", &author.name), ("author's address", &author.email)] {
        if text.trim().is_empty() || text.chars().any(|c| c.is_control() || matches!(c, '<' | '>')) {
            return Err(GitError::BadName {
                what: format!("{what} `{}`", shown(text)),
                reason: "it is empty, or has `<`, `>` or a control character".to_owned(),
            });
        }
    }
    git2::Signature::new(&author.name, &author.email, &Time::new(author.time.timestamp(), 0))
        .map_err(|error| GitError::BadName { what: "author".to_owned(), reason: shown(error.message()) })
}

/// The commit's text: title, body, trailers, each apart by an empty line.
fn message(message: &CommitMessage, sign_off: Option<&Signature>) -> Result<String, GitError> {
    let title = one_line(&message.title);
    if title.is_empty() {
        return Err(GitError::BadName { what: "commit title".to_owned(), reason: "it is empty".to_owned() });
    }
    let mut text = title;
    let body = message.body.replace("\r\n", "\n");
    let body: String = body.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect();
    if !body.trim().is_empty() {
        text.push_str("\n\n");
        text.push_str(body.trim_start_matches('\n').trim_end());
    }
    let mut trailers = Vec::new();
    for (key, value) in &message.trailers {
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(GitError::BadName { what: format!("trailer `{}`", shown(key)), reason: "take letters, digits and dashes".to_owned() });
        }
        trailers.push(format!("{key}: {}", one_line(value)));
    }
    if let Some(author) = sign_off {
        trailers.push(format!("Signed-off-by: {} <{}>", author.name.trim(), author.email.trim()));
    }
    if !trailers.is_empty() {
        text.push_str("\n\n");
        text.push_str(&trailers.join("\n"));
    }
    text.push('\n');
    Ok(text)
}

fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn author() -> Signature {
        Signature { name: "Ann".to_owned(), email: "ann@example.com".to_owned(), time: DateTime::from_timestamp(1_700_000_000, 0).unwrap() }
    }

    #[test]
    fn a_message_is_title_body_and_trailers() {
        let input = CommitMessage {
            title: "  fix:\n the\0 thing ".to_owned(),
            body: "\nFirst.\r\n\r\nSecond\x1b.\n\n".to_owned(),
            trailers: vec![("Regreen-Run".to_owned(), "12\nEvil: yes".to_owned())],
        };
        let text = message(&input, Some(&author())).unwrap();
        assert_eq!(text, "fix: the thing\n\nFirst.\n\nSecond.\n\nRegreen-Run: 12 Evil: yes\nSigned-off-by: Ann <ann@example.com>\n");
    }

    #[test]
    fn what_git_would_misread_is_refused() {
        let empty = CommitMessage { title: "\n\0".to_owned(), body: String::new(), trailers: Vec::new() };
        assert!(message(&empty, None).is_err());
        let bad = CommitMessage { title: "t".to_owned(), body: String::new(), trailers: vec![("a b".to_owned(), "c".to_owned())] };
        assert!(message(&bad, None).is_err());
        for name in ["", " ", "a<b", "a\nb"] {
            assert!(signature(&Signature { name: name.to_owned(), ..author() }).is_err(), "{name:?}");
        }
        assert!(signature(&author()).is_ok());
    }
}
