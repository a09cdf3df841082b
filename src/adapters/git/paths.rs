//! Which paths a stranger's tree may have.
//!
//! The rules are those of git's own `verify_path` (read-cache.c) with the protections for NTFS and HFS+ switched on
//! everywhere: what we export or commit must be harmless on a teammate's laptop too.

use crate::ports::git::GitError;

/// Longest path that is taken, in bytes; Linux stops at 4096 with the folder before it.
const MAX_PATH_BYTES: usize = 3072;

/// A refusal of a path.
pub(super) fn refused(path: &[u8], reason: impl Into<String>) -> GitError {
    GitError::BadPath { path: super::shown_up_to(&String::from_utf8_lossy(path), 200), reason: reason.into() }
}

/// Checks a whole path, given with slashes.
pub(super) fn check_path(path: &str) -> Result<(), GitError> {
    if path.len() > MAX_PATH_BYTES {
        return Err(refused(path.as_bytes(), "it is too long"));
    }
    for component in path.split('/') {
        check_component(component.as_bytes()).map_err(|reason| refused(path.as_bytes(), reason))?;
    }
    Ok(())
}

/// Checks one name in a tree.
pub(super) fn check_component(name: &[u8]) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it has an empty part");
    }
    if name.len() > 255 {
        return Err("a part of it is longer than 255 bytes");
    }
    if name.contains(&b'/') || name.contains(&0) {
        return Err("a part of it has a slash or a zero byte");
    }
    // A backslash is a letter on Linux and a separator on Windows.
    for piece in name.split(|byte| *byte == b'\\') {
        if piece == b"." || piece == b".." {
            return Err("it steps out of its folder");
        }
        if is_dot_git(piece) {
            return Err("it reaches into `.git`");
        }
    }
    Ok(())
}

/// Whether some file system takes the name as `.git`: any case, the 8.3 short name `git~1`, trailing dots and
/// spaces, an alternate data stream (`.git::$INDEX_ALLOCATION`), or code points that HFS+ ignores.
fn is_dot_git(name: &[u8]) -> bool {
    let stream = name.split(|byte| *byte == b':').next().unwrap_or_default();
    let end = stream.iter().rposition(|byte| !matches!(byte, b'.' | b' ')).map_or(0, |last| last + 1);
    let plain = &stream[..end];
    if plain.eq_ignore_ascii_case(b".git") || plain.eq_ignore_ascii_case(b"git~1") {
        return true;
    }
    let visible: String = String::from_utf8_lossy(name)
        .chars()
        .filter(|c| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'))
        .collect();
    visible.eq_ignore_ascii_case(".git")
}

/// Whether a link in a folder `depth` levels below the root stays inside the tree.
///
/// `..` is taken at the start only: after a name it would be resolved against wherever that name leads, and two
/// links that are each harmless by their text could leave the tree together.
pub(super) fn link_stays_inside(target: &[u8], depth: usize) -> bool {
    if target.is_empty() || target.starts_with(b"/") || target.contains(&0) || target.contains(&b'\\') || target.len() > MAX_PATH_BYTES {
        return false;
    }
    let mut ups = 0;
    let mut named = false;
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if named => return false,
            b".." => ups += 1,
            name if is_dot_git(name) => return false,
            _ => named = true,
        }
    }
    ups <= depth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_reach_into_git_or_out_of_the_tree_are_refused() {
        let bad = [
            ".git",
            ".GIT",
            ".gIt",
            ".git/config",
            "a/.git/hooks/x",
            "git~1",
            "GIT~1",
            ".git.",
            ".git ",
            ".git . .",
            ".git::$INDEX_ALLOCATION",
            ".git:x",
            "a\\.git\\b",
            ".g\u{200c}it",
            ".git\u{feff}",
            "..",
            ".",
            "a/../b",
            "a/./b",
            "a\\..\\b",
            "",
            "a//b",
            "/a",
            "a/",
            "a\0b",
        ];
        for path in bad {
            assert!(check_path(path).is_err(), "{path:?}");
        }
        assert!(check_path(&"x".repeat(256)).is_err());
        assert!(check_path(&"x/".repeat(2000)).is_err());
    }

    #[test]
    fn ordinary_names_are_taken() {
        for path in [".gitignore", ".github/workflows/ci.yml", ".gitattributes", "a.git", "git", "...", "a b", "ü/漢.rs", "-x", "a\\b", ".git2", "git~2", "x:y"]
        {
            assert!(check_path(path).is_ok(), "{path:?}");
        }
    }

    #[test]
    fn links_stay_inside() {
        let cases = [
            ("b", 0, true),
            ("./b/c", 0, true),
            ("../b", 1, true),
            ("../../b", 2, true),
            ("..", 1, true),
            ("../b", 0, false),
            ("../../b", 1, false),
            ("/etc/passwd", 3, false),
            ("a/../../b", 5, false),
            ("", 0, false),
            ("../.git/config", 1, false),
            (".GIT", 0, false),
        ];
        for (target, depth, inside) in cases {
            assert_eq!(link_stays_inside(target.as_bytes(), depth), inside, "{target:?} at {depth}");
        }
    }
}
