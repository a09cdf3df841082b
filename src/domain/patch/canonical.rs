//! The canonical diff: what is hashed, shown, pushed, and taken by a strict `git apply`.
//!
//! `diff --git` headers, no `index` lines, three lines of context, files in path order.
//! Format: <https://git-scm.com/docs/diff-format#generate_patch_text_with_p>.

use std::fmt::Write as _;

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};

use super::{FileContent, FileMode, PatchError};

/// Context lines around an edit.
const CONTEXT: usize = 3;

/// One file's part of the canonical diff.
#[derive(Debug)]
pub(super) struct Section {
    pub text: String,
    pub added: usize,
    pub removed: usize,
}

/// The difference of one file. `before` and `after` carry path and content; a rename has both with
/// different paths. The texts must be UTF-8: apply has checked that.
pub(super) fn section(before: Option<(&str, &FileContent)>, after: Option<(&str, &FileContent)>) -> Result<Section, PatchError> {
    let path = after.or(before).map_or("", |(path, _)| path);
    let old_text = text(before)?;
    let new_text = text(after)?;
    let old_path = before.map_or(path, |(path, _)| path);
    let mut out = format!("diff --git {} {}\n", quoted("a/", old_path), quoted("b/", path));
    match (before, after) {
        (Some((old_path, old)), Some((new_path, new))) => {
            if old.mode != new.mode {
                let _ = write!(out, "old mode {:06o}\nnew mode {:06o}\n", old.mode.octal(), new.mode.octal());
            }
            if old_path != new_path {
                let _ = write!(out, "rename from {}\nrename to {}\n", quoted("", old_path), quoted("", new_path));
            }
        }
        (None, Some((_, new))) => {
            let _ = writeln!(out, "new file mode {:06o}", new.mode.octal());
        }
        (Some((_, old)), None) => {
            let _ = writeln!(out, "deleted file mode {:06o}", old.mode.octal());
        }
        (None, None) => {}
    }
    let old: Vec<&str> = old_text.split_inclusive('\n').collect();
    let new: Vec<&str> = new_text.split_inclusive('\n').collect();
    let (mut added, mut removed) = (0, 0);
    let mut body = String::new();
    for group in group_diff_ops(capture_diff_slices(Algorithm::Myers, &old, &new), CONTEXT) {
        hunk(&mut body, &group, &old, &new, &mut added, &mut removed);
    }
    if !body.is_empty() {
        let old_name = before.map_or("/dev/null".to_owned(), |(path, _)| tabbed(quoted("a/", path)));
        let new_name = after.map_or("/dev/null".to_owned(), |(path, _)| tabbed(quoted("b/", path)));
        let _ = write!(out, "--- {old_name}\n+++ {new_name}\n");
        out.push_str(&body);
        verify(path, &out[out.len() - body.len()..], old_text, new_text)?;
    }
    Ok(Section { text: out, added, removed })
}

fn text<'a>(file: Option<(&str, &'a FileContent)>) -> Result<&'a str, PatchError> {
    match file {
        None => Ok(""),
        Some((path, content)) => content.text().ok_or_else(|| PatchError::NotUtf8 { path: path.to_owned() }),
    }
}

fn hunk(out: &mut String, group: &[DiffOp], old: &[&str], new: &[&str], added: &mut usize, removed: &mut usize) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
    let old_range = first.old_range().start..last.old_range().end;
    let new_range = first.new_range().start..last.new_range().end;
    let _ = writeln!(out, "@@ -{} +{} @@", span(&old_range), span(&new_range));
    for op in group {
        if op.tag() == DiffTag::Equal {
            old[op.old_range()].iter().for_each(|line| push(out, ' ', line));
            continue;
        }
        *removed += op.old_range().len();
        *added += op.new_range().len();
        old[op.old_range()].iter().for_each(|line| push(out, '-', line));
        new[op.new_range()].iter().for_each(|line| push(out, '+', line));
    }
}

/// `start,count`; an empty range names the line before it, and a count of one is left out.
fn span(range: &std::ops::Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        count => format!("{},{count}", range.start + 1),
    }
}

fn push(out: &mut String, mark: char, line: &str) {
    out.push(mark);
    out.push_str(line);
    if !line.ends_with('\n') {
        out.push_str("\n\\ No newline at end of file\n");
    }
}

/// Apply our own hunks with another implementation: the diff must say exactly what was meant.
fn verify(path: &str, hunks: &str, old: &str, new: &str) -> Result<(), PatchError> {
    let fault = |reason| PatchError::SelfCheck { path: path.to_owned(), reason };
    let diff = format!("--- a\n+++ b\n{hunks}");
    let patch = diffy::Patch::from_str(&diff).map_err(|_| fault("it cannot be read back"))?;
    let result = diffy::apply(old, &patch).map_err(|_| fault("it does not apply to the original"))?;
    if result == new { Ok(()) } else { Err(fault("it gives another text")) }
}

/// Git's C-style quoting, only where it is needed.
fn quoted(prefix: &str, path: &str) -> String {
    // A blank at either end would be lost when it is read again.
    if !path.contains(['"', '\\']) && !path.chars().any(char::is_control) && path.trim() == path {
        return format!("{prefix}{path}");
    }
    let mut out = format!("\"{prefix}");
    for byte in path.bytes() {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            0x20..=0x7e => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "\\{other:03o}");
            }
        }
    }
    out.push('"');
    out
}

/// Git ends a name that holds a blank with a tab, so that it is not read as name and date.
fn tabbed(name: String) -> String {
    if name.contains(' ') && !name.starts_with('"') { format!("{name}\t") } else { name }
}

/// Whether a mode may appear in a canonical diff at all.
pub(super) fn is_plain(mode: FileMode) -> bool {
    matches!(mode, FileMode::Regular | FileMode::Executable)
}
