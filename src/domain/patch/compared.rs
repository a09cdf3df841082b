//! A change that already stands, as the same thing that a patch becomes when it is applied.

use super::canonical::section;
use super::{Applied, FileChange, FileContent, PatchHash, Stats};

/// Two trees compared: `files` differ, `renames` (old, new) are among them under both names. What no text diff can show (other bytes
/// than UTF-8, a link) is in `files` and not in the canonical diff, and its lines are not counted.
#[must_use]
pub fn compared(mut files: Vec<FileChange>, mut renames: Vec<(String, String)>) -> Applied {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    renames.sort();
    let content = |path: &str, pick: fn(&FileChange) -> &Option<FileContent>| files.iter().find(|file| file.path == path).and_then(|file| pick(file).as_ref());
    let mut stats = Stats::default();
    let mut canonical = String::new();
    for file in &files {
        if renames.iter().any(|(old, _)| *old == file.path) {
            continue;
        }
        let old_path = renames.iter().find(|(_, new)| *new == file.path).map_or(file.path.as_str(), |(old, _)| old.as_str());
        let before = content(old_path, |change| &change.before).map(|content| (old_path, content));
        let after = file.after.as_ref().map(|content| (file.path.as_str(), content));
        stats.files += 1;
        if let Ok(part) = section(before, after) {
            stats.added += part.added;
            stats.removed += part.removed;
            canonical.push_str(&part.text);
        }
    }
    Applied { hash: PatchHash::of(&canonical), files, renames, canonical, repairs: Vec::new(), stats }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_counts_once_and_bytes_that_are_no_text_have_no_lines() {
        let file = |path: &str, before: Option<&[u8]>, after: Option<&[u8]>| FileChange {
            path: path.into(),
            before: before.map(FileContent::regular),
            after: after.map(FileContent::regular),
        };
        let applied = compared(
            vec![file("b.rs", None, Some(b"one\ntwo\n")), file("a.rs", Some(b"one\n"), None), file("logo.png", Some(b"\xff\x00"), Some(b"\xfe\x00"))],
            vec![("a.rs".into(), "b.rs".into())],
        );
        assert_eq!(applied.stats, Stats { files: 2, added: 1, removed: 0 });
        assert!(applied.canonical.contains("rename from a.rs") && !applied.canonical.contains("logo"), "{}", applied.canonical);
    }
}
