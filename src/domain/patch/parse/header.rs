//! File and hunk headers of unified and git diffs.
//! Format: <https://git-scm.com/docs/diff-format#generate_patch_text_with_p>.

use super::super::{FileKind, ModeChange};
use super::segment::Source;

/// What the lines before the first hunk say about a file.
#[derive(Debug)]
pub(super) struct FileHeader {
    pub old_path: Option<String>,
    pub new_path: Option<String>,
    pub kind: FileKind,
    pub mode: ModeChange,
    pub binary: bool,
    /// Something that should be there was not.
    pub mended: bool,
    /// `---` and `+++` were read, so that lines may follow.
    pub has_body_lines: bool,
}

/// Numbers of `@@ -l,s +l,s @@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub old_start: usize,
    /// `None` where the header is not of the exact form.
    pub counts: Option<(usize, usize)>,
}

/// The numbers of a hunk header; `None` where it has none.
pub(super) fn range(text: &str) -> Option<Range> {
    let rest = text.trim_start_matches('@').trim_start();
    let mut words = rest.split_whitespace();
    let old = words.next()?.strip_prefix('-')?;
    let (old_start, old_count) = numbers(old.trim_end_matches(['@', ',']))?;
    let new = words.next().and_then(|word| word.strip_prefix('+')).and_then(|word| numbers(word.trim_end_matches('@')));
    Some(Range { old_start, counts: new.map(|(_, new_count)| (old_count, new_count)) })
}

fn numbers(text: &str) -> Option<(usize, usize)> {
    let (start, count) = text.split_once(',').unwrap_or((text, "1"));
    // Numbers beyond any file are noise; they are bounded so that sums cannot overflow.
    let start: usize = start.parse().ok().filter(|start| *start < 100_000_000)?;
    let count: usize = count.parse().ok().filter(|count| *count < 100_000_000)?;
    Some((start, count))
}

/// The text of a numberless header, `@@ class Foo` or `@@ def bar @@`, as an anchor.
pub(super) fn anchor(text: &str) -> Option<String> {
    let rest = text.trim_start_matches('@').trim().trim_end_matches('@').trim();
    (!rest.is_empty() && rest != "..." && !rest.starts_with("...")).then(|| rest.to_owned())
}

/// What stands behind the second `@@` of a header with numbers.
pub(super) fn heading(text: &str) -> Option<String> {
    let (_, rest) = text.trim_start_matches('@').split_once("@@")?;
    let rest = rest.trim();
    (!rest.is_empty()).then(|| rest.to_owned())
}

/// Does a file's section begin here?
pub(super) fn starts_file(lines: &[Source<'_>], at: usize) -> bool {
    let Some(line) = lines.get(at) else { return false };
    let next = lines.get(at + 1).map_or("", |line| line.text);
    let text = line.text;
    text.starts_with("diff --git ")
        || (text.starts_with("--- ") && next.starts_with("+++ "))
        || (text.starts_with("--- ") && looks_like_header_path(&text[4..]) && next.starts_with("@@ -"))
        || (text.starts_with("+++ ") && looks_like_header_path(&text[4..]) && next.starts_with("@@ -"))
}

fn looks_like_header_path(text: &str) -> bool {
    let text = text.trim_end();
    !text.is_empty() && !text.contains(' ') && (text.contains('/') || text.contains('.'))
}

impl FileHeader {
    pub fn path(&self) -> &str {
        self.new_path.as_deref().or(self.old_path.as_deref()).unwrap_or("")
    }

    /// Read the header that starts at `start`; on success, also where it ends.
    pub fn read(lines: &[Source<'_>], start: usize) -> Result<(Self, usize), (usize, &'static str)> {
        let mut at = start;
        let mut git: Option<(String, String)> = None;
        let (mut old, mut new): (Option<String>, Option<String>) = (None, None);
        let (mut from, mut to): (Option<String>, Option<String>) = (None, None);
        let mut mode = ModeChange::default();
        let (mut created, mut deleted, mut binary) = (false, false, false);
        if let Some(rest) = lines[at].text.strip_prefix("diff --git ") {
            git = git_paths(rest);
            at += 1;
            while let Some(line) = lines.get(at) {
                let text = line.text;
                if let Some(rest) = text.strip_prefix("old mode ") {
                    mode.old = octal(rest);
                } else if let Some(rest) = text.strip_prefix("new mode ") {
                    mode.new = Some(octal(rest).ok_or((at, "an unknown file mode"))?);
                } else if let Some(rest) = text.strip_prefix("new file mode ") {
                    mode.new = Some(octal(rest).ok_or((at, "an unknown file mode"))?);
                    created = true;
                } else if let Some(rest) = text.strip_prefix("deleted file mode ") {
                    mode.old = octal(rest);
                    deleted = true;
                } else if let Some(rest) = text.strip_prefix("rename from ") {
                    from = Some(unquoted(rest));
                } else if let Some(rest) = text.strip_prefix("rename to ") {
                    to = Some(unquoted(rest));
                } else if text.starts_with("copy from ") || text.starts_with("copy to ") {
                    return Err((at, "copies are not taken: send the new file as a whole"));
                } else if text.starts_with("GIT binary patch") || (text.starts_with("Binary files ") && text.ends_with(" differ")) {
                    binary = true;
                } else if !(text.starts_with("index ") || text.starts_with("similarity index ") || text.starts_with("dissimilarity index ")) {
                    break;
                }
                at += 1;
            }
        }
        let mut has_body_lines = false;
        if let Some(rest) = lines.get(at).and_then(|line| line.text.strip_prefix("--- "))
            && (git.is_none() || lines.get(at + 1).is_some_and(|line| line.text.starts_with("+++ ") || line.text.starts_with("@@")))
        {
            old = Some(header_path(rest));
            has_body_lines = true;
            at += 1;
        }
        if let Some(rest) = lines.get(at).and_then(|line| line.text.strip_prefix("+++ ")) {
            new = Some(header_path(rest));
            has_body_lines = true;
            at += 1;
        }
        if lines.get(at).is_some_and(|line| line.text.starts_with("Binary files ") && line.text.ends_with(" differ")) {
            binary = true;
            at += 1;
        }
        let mended = git.is_none() || (old.is_some() != new.is_some());
        let null = |path: &Option<String>| path.as_deref() == Some("/dev/null");
        let from_null = null(&old) || created;
        let to_null = null(&new) || deleted;
        if from_null && to_null {
            return Err((start, "a file that is neither before nor after"));
        }
        let old = old.filter(|path| path != "/dev/null");
        let new = new.filter(|path| path != "/dev/null");
        let (git_old, git_new) = git.map_or((None, None), |(a, b)| (Some(a), Some(b)));
        // A one-sided section names its path once; both sides fall back on `diff --git`.
        let old = old.or(if from_null { None } else { git_old.clone() });
        let new = new.or(if to_null { None } else { git_new.clone() });
        let old = if from_null { None } else { old.or_else(|| new.clone()) };
        let new = if to_null { None } else { new.or_else(|| old.clone()) };
        let stripped = match (&git_old, &git_new) {
            // A created or deleted file has both names in `diff --git` only.
            (Some(a), Some(b)) if old.is_none() || new.is_none() => {
                let (a, b) = strip_pair(Some(a.clone()), Some(b.clone()));
                (old.and(a), new.and(b))
            }
            _ => strip_pair(old, new),
        };
        let (mut old, mut new) = stripped;
        if let (Some(from), Some(to)) = (from, to) {
            old = Some(from);
            new = Some(to);
        }
        let old = old.map(|path| relative(&path));
        let new = new.map(|path| relative(&path));
        let kind = match (&old, &new) {
            (None, Some(_)) => FileKind::Create,
            (Some(_), None) => FileKind::Delete,
            (Some(a), Some(b)) if a != b => FileKind::Rename,
            (Some(_), Some(_)) => FileKind::Modify,
            (None, None) => return Err((start, "a file without a path")),
        };
        Ok((Self { old_path: old, new_path: new, kind, mode, binary, mended, has_body_lines }, at))
    }
}

fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim(), 8).ok()
}

/// `a/x b/x`, quoted or not, with spaces or not.
fn git_paths(rest: &str) -> Option<(String, String)> {
    if let Some(tail) = rest.strip_prefix('"') {
        let end = closing_quote(tail)?;
        let first = unquoted(&rest[..end + 2]);
        return Some((first, unquoted(rest[end + 2..].trim())));
    }
    if rest.ends_with('"') {
        let (first, second) = rest.split_once(" \"")?;
        return Some((first.to_owned(), unquoted(&format!("\"{second}"))));
    }
    let words: Vec<usize> = rest.match_indices(' ').map(|(at, _)| at).collect();
    // Without quotes a space is ambiguous: prefer the split into two equal names.
    let same = words.iter().copied().find(|&at| {
        let (a, b) = (&rest[..at], &rest[at + 1..]);
        a == b || matches!((a.split_once('/'), b.split_once('/')), (Some((_, a)), Some((_, b))) if a == b)
    });
    let at = same.or_else(|| rest.find(" b/")).or_else(|| (words.len() == 1).then(|| words[0]))?;
    Some((rest[..at].to_owned(), rest[at + 1..].to_owned()))
}

fn closing_quote(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return Some(at),
            _ => at += 1,
        }
    }
    None
}

/// The path of a `---` or `+++` line: what follows a tab, or a blank and a date, is not part of it.
fn header_path(rest: &str) -> String {
    let rest = rest.split('\t').next().unwrap_or("").trim_end();
    if rest.starts_with('"') {
        return unquoted(rest);
    }
    let dated = rest.match_indices(' ').map(|(at, _)| at).find(|&at| {
        let tail = rest[at + 1..].trim_start().as_bytes();
        tail.len() >= 10 && tail[..4].iter().all(u8::is_ascii_digit) && tail[4] == b'-' && tail[7] == b'-'
    });
    let path = dated.map_or(rest, |at| &rest[..at]);
    path.trim_matches('`').trim().to_owned()
}

/// Undo git's C-style quoting (`"a/f\303\266o"`).
fn unquoted(text: &str) -> String {
    let text = text.trim_end();
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return text.to_owned() };
    let bytes = inner.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        let next = bytes.get(at + 1).copied().unwrap_or(b'\\');
        let digits: &[u8] = bytes.get(at + 1..at + 4).unwrap_or(&[]);
        if digits.len() == 3 && digits.iter().all(|byte| (b'0'..=b'7').contains(byte)) {
            let value = digits.iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
            out.push(u8::try_from(value & 0xff).unwrap_or(b'?'));
            at += 4;
            continue;
        }
        out.push(match next {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'v' => 11,
            other => other,
        });
        at += 2;
    }
    // What is not UTF-8 becomes U+FFFD, which no path check accepts as the same file.
    String::from_utf8_lossy(&out).into_owned()
}

/// Take git's prefixes off, but only as a pair: a repository may have a folder named `a`.
fn strip_pair(old: Option<String>, new: Option<String>) -> (Option<String>, Option<String>) {
    const PAIRS: [(&str, &str); 7] = [("a/", "b/"), ("i/", "w/"), ("c/", "i/"), ("c/", "w/"), ("o/", "w/"), ("old/", "new/"), ("1/", "2/")];
    match (old, new) {
        (Some(old), Some(new)) => {
            for (a, b) in PAIRS {
                if let (Some(old), Some(new)) = (old.strip_prefix(a), new.strip_prefix(b)) {
                    return (Some(old.to_owned()), Some(new.to_owned()));
                }
            }
            // One side only carries its prefix: both name the same file.
            if new.strip_prefix("b/") == Some(&old) {
                return (Some(old.clone()), Some(old));
            }
            if old.strip_prefix("a/") == Some(&new) {
                return (Some(new.clone()), Some(new));
            }
            (Some(old), Some(new))
        }
        (Some(old), None) => (Some(old.strip_prefix("a/").unwrap_or(&old).to_owned()), None),
        (None, Some(new)) => (None, Some(new.strip_prefix("b/").unwrap_or(&new).to_owned())),
        (None, None) => (None, None),
    }
}

/// `./src/x` is `src/x`. Anything stranger is left for the path check to refuse.
pub(super) fn relative(path: &str) -> String {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest;
    }
    path.to_owned()
}
