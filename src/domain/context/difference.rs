//! The branch's own difference, file by file: those near the cause first, and as many as there is room for.

use std::fmt::Write as _;

use super::window::{FENCE, beginning, fenced};
use crate::domain::source::files::{is_generated, is_lock_file};

/// Bytes kept for the names of the files that had to go.
const NAMES: usize = 400;

/// What the difference says about one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    path: String,
    text: String,
}

/// The parts of a unified diff as git writes it, the ones worth most first. `worth` says how near to the cause a path is.
///
/// Only a file's header begins with `diff --git` at the beginning of a line: content has a mark before it.
pub fn parts(diff: &str, worth: impl Fn(&str) -> u8) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for line in diff.split_inclusive('\n') {
        if line.starts_with("diff --git ") || parts.is_empty() {
            parts.push(Part { path: String::new(), text: String::new() });
        }
        if let Some(part) = parts.last_mut() {
            if part.path.is_empty()
                && let Some(path) = line.strip_prefix("+++ b/").or_else(|| line.strip_prefix("--- a/"))
            {
                part.path = path.trim_end().to_owned();
            }
            part.text.push_str(line);
        }
    }
    // What machines write is long and says little.
    let made = |path: &str| {
        let lower = path.to_ascii_lowercase();
        let name = lower.rsplit('/').next().unwrap_or(&lower);
        is_lock_file(name) || is_generated(&lower)
    };
    parts.sort_by_key(|part| (made(&part.path), std::cmp::Reverse(worth(&part.path))));
    parts
}

/// As many of the parts as fit into `limit` bytes with their fence, or the beginning of the first. `None` where nothing fits.
pub fn view(parts: &[Part], limit: usize) -> Option<String> {
    let total: usize = parts.iter().map(|part| part.text.len()).sum();
    let room = if total + FENCE <= limit { limit } else { limit.checked_sub(NAMES)? };
    let mut text = String::new();
    let mut gone: Vec<&str> = Vec::new();
    for part in parts {
        if text.len() + part.text.len() + FENCE <= room {
            text.push_str(&part.text);
        } else {
            gone.push(&part.path);
        }
    }
    if text.is_empty() {
        return beginning(&parts.first()?.text, limit);
    }
    let mut out = fenced(&text);
    if !gone.is_empty() {
        let mut names = String::new();
        for path in gone.iter().take(6) {
            let _ = write!(names, "{}{}", if names.is_empty() { "" } else { ", " }, super::shown(path, 40));
        }
        let more = if gone.len() > 6 { format!(" and {} more", gone.len() - 6) } else { String::new() };
        let told = format!("(changed too, left out for length: {names}{more})\n");
        if out.len() + told.len() <= limit {
            out.push_str(&told);
        }
    }
    (out.len() <= limit).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(path: &str, lines: usize) -> String {
        format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,1 +1,{lines} @@\n{}", "+x\n".repeat(lines))
    }

    #[test]
    fn what_is_near_comes_first_and_what_is_gone_is_named() {
        let text = [diff("Cargo.lock", 10), diff("docs/a.md", 200), diff("src/near.rs", 10)].concat();
        let parts = parts(&text, |path| u8::from(path == "src/near.rs"));
        assert_eq!(parts.iter().map(|part| part.path.as_str()).collect::<Vec<_>>(), ["src/near.rs", "docs/a.md", "Cargo.lock"]);
        let shown = view(&parts, 700).expect("two of them fit");
        assert!(shown.contains("+++ b/src/near.rs") && shown.contains("Cargo.lock") && shown.contains("left out for length: docs/a.md"), "{shown}");
        assert!(shown.len() <= 700);
        assert!(view(&parts, 10_000).expect("all fit").matches("diff --git").count() == 3);
        assert!(view(&parts, 150).is_none());
    }

    #[test]
    fn content_is_no_header() {
        let text = format!("{}+diff --git a/evil b/evil\n diff --git a/evil b/evil\n", diff("a.rs", 1));
        assert_eq!(parts(&text, |_| 0).len(), 1);
    }
}
