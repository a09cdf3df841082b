//! An answer as lines, and as fenced and bare stretches.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::domain::source::text;

/// One line of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source<'a> {
    /// Without `\n` and without a final `\r`.
    pub text: &'a str,
    /// It ended in `\r`.
    pub cr: bool,
}

/// A stretch of the answer.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    /// Its lines, without the fences.
    pub lines: &'a [Source<'a>],
    /// 1-based number of its first line in the answer.
    pub first: usize,
    /// It was between fences.
    pub fenced: bool,
    /// The answer ended before the fence did.
    pub unterminated: bool,
    /// What stood behind the opening fence.
    pub info: &'a str,
    /// The last line with text before the opening fence.
    pub lead: Option<&'a str>,
}

pub(super) fn lines(answer: &str) -> Vec<Source<'_>> {
    let mut lines: Vec<Source<'_>> = answer
        .split('\n')
        .map(|line| {
            // However many: of several only one would be lost each time that the diff is read.
            let text = line.trim_end_matches('\r');
            Source { text, cr: text.len() < line.len() }
        })
        .collect();
    if lines.last().is_some_and(|line| line.text.is_empty()) {
        lines.pop();
    }
    lines
}

/// The answer without the colours of a terminal, where its diff lines carry them. Elsewhere an escape is content.
pub(super) fn uncoloured(answer: &str) -> Cow<'_, str> {
    let coloured = answer.lines().any(|line| {
        line.starts_with('\u{1b}') && {
            let bare = text::uncoloured(line);
            bare.starts_with("@@ ") || bare.starts_with("diff --git ") || bare.starts_with("--- ")
        }
    });
    if coloured { text::uncoloured(answer) } else { Cow::Borrowed(answer) }
}

/// A stretch of quoted lines (`> `) that holds a fence is read as if it were not quoted.
pub(super) fn unquote(lines: &mut [Source<'_>]) {
    fn bare(text: &str) -> Option<&str> {
        text.strip_prefix('>').map(|rest| rest.strip_prefix(' ').unwrap_or(rest))
    }
    for run in lines.chunk_by_mut(|a, b| bare(a.text).is_some() == bare(b.text).is_some()) {
        if run.iter().filter_map(|line| bare(line.text)).any(|text| fence(text).is_some()) {
            for line in run {
                line.text = bare(line.text).unwrap_or(line.text);
            }
        }
    }
}

/// A fence in a list is indented with all that it holds: the indentation belongs to the list. Where a line is indented less, it is content.
pub(super) fn dedent(lines: &mut [Source<'_>]) {
    if is_raw(lines) {
        return;
    }
    let mut at = 0;
    while at < lines.len() {
        let Some((indent, mark, length, _)) = fence(lines[at].text) else {
            at += 1;
            continue;
        };
        let closes = |line: &Source<'_>| {
            fence(line.text).is_some_and(|(inner, other, count, info)| inner <= indent && other == mark && count >= length && info.is_empty())
        };
        let end = lines[at + 1..].iter().position(closes).map_or(lines.len(), |offset| at + 1 + offset);
        let margin = " ".repeat(indent);
        if indent > 0 && lines[at + 1..end].iter().all(|line| line.text.trim().is_empty() || line.text.starts_with(&margin)) {
            let behind = (end + 1).min(lines.len());
            for line in &mut lines[at..behind] {
                line.text = line.text.strip_prefix(margin.as_str()).unwrap_or(line.text);
            }
        }
        at = end + 1;
    }
}

/// An opening or closing fence: (indentation, mark, length, info).
fn fence(text: &str) -> Option<(usize, u8, usize, &str)> {
    let trimmed = text.trim_start_matches(' ');
    let indent = text.len() - trimmed.len();
    let mark = *trimmed.as_bytes().first()?;
    if !matches!(mark, b'`' | b'~') || indent == 1 {
        // One space is a diff's context prefix, not an indented fence.
        return None;
    }
    let length = trimmed.bytes().take_while(|byte| *byte == mark).count();
    (length >= 3).then(|| (indent, mark, length, trimmed[length..].trim()))
}

/// A raw diff is not Markdown: its own lines may look like fences.
fn is_raw(lines: &[Source<'_>]) -> bool {
    lines
        .iter()
        .find(|line| !line.text.trim().is_empty())
        .is_some_and(|line| ["diff --git ", "--- ", "Index: ", "From ", "*** Begin Patch"].iter().any(|start| line.text.starts_with(start)))
}

pub(super) fn split<'a>(lines: &'a [Source<'a>]) -> Vec<Segment<'a>> {
    let bare =
        |range: std::ops::Range<usize>| Segment { first: range.start + 1, lines: &lines[range], fenced: false, unterminated: false, info: "", lead: None };
    if is_raw(lines) {
        return vec![bare(0..lines.len())];
    }
    let mut segments = Vec::new();
    let mut open_at = 0;
    let mut at = 0;
    while at < lines.len() {
        let Some((indent, mark, length, info)) = fence(lines[at].text) else {
            at += 1;
            continue;
        };
        if open_at < at {
            segments.push(bare(open_at..at));
        }
        let lead = lines[..at].iter().rev().map(|line| line.text).find(|text| !text.trim().is_empty()).filter(|text| fence(text).is_none());
        let diff = is_diff_info(info);
        let mut depth = 0;
        let mut end = at + 1;
        let mut unterminated = true;
        while end < lines.len() {
            if let Some((inner_indent, inner_mark, inner_length, inner_info)) = fence(lines[end].text)
                && inner_mark == mark
                && inner_length >= length
                && (inner_indent <= indent || !diff)
            {
                // A whole file of Markdown holds fences of its own; a diff's are prefixed.
                if !inner_info.is_empty() && !diff {
                    depth += 1;
                } else if depth > 0 {
                    depth -= 1;
                } else {
                    unterminated = false;
                    break;
                }
            }
            end += 1;
        }
        segments.push(Segment { lines: &lines[at + 1..end], first: at + 2, fenced: true, unterminated, info, lead });
        at = end + 1;
        open_at = at.min(lines.len());
    }
    if open_at < lines.len() {
        segments.push(bare(open_at..lines.len()));
    }
    segments
}

fn is_diff_info(info: &str) -> bool {
    let language = info.split(|c: char| c.is_whitespace() || c == ':').next().unwrap_or("");
    matches!(language.to_ascii_lowercase().as_str(), "diff" | "patch" | "udiff" | "git")
}

impl Segment<'_> {
    /// A `diff` fence with edits but neither file headers nor `@@`.
    pub fn is_headerless_diff(&self) -> bool {
        self.fenced
            && is_diff_info(self.info)
            && self.lines.iter().any(|line| line.text.starts_with(['+', '-']))
            && !self.lines.iter().any(|line| line.text.starts_with("@@") || line.text.starts_with("*** "))
            && !(0..self.lines.len()).any(|at| super::header::starts_file(self.lines, at) || super::blocks::is_search(self.lines[at].text))
    }

    /// The path that the surroundings of line `at` name: the line before it, the fence, the prose before the fence.
    pub fn named_path(&self, at: usize) -> Option<String> {
        let before = self.lines[..at].iter().rev().map(|line| line.text).find(|text| !text.trim().is_empty());
        before
            .filter(|text| super::blocks::fence_like(text).is_none())
            .and_then(path_line)
            .or_else(|| info_path(self.info))
            .or_else(|| if at == 0 || before.is_none() { self.lead.and_then(path_line) } else { None })
    }
}

impl Segment<'_> {
    /// The one word on the line above `at`, which may be the name of a file without any extension.
    pub fn lone_word(&self, at: usize) -> Option<String> {
        let above = at.checked_sub(1).and_then(|above| self.lines.get(above)).map(|line| line.text).or(if at == 0 { self.lead } else { None })?;
        let word = above.trim().trim_matches(['`', '*', '"']).trim_end_matches(':');
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        (!word.is_empty() && word.len() <= 64 && word.chars().all(name) && word.chars().any(char::is_alphanumeric)).then(|| word.to_owned())
    }
}

/// A path in a tag: `<file path="src/a.rs">`, `<path>src/a.rs</path>`, `<file name='a'>`, `[file: src/a.rs]`.
fn tagged(line: &str) -> Option<&str> {
    static TAG: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r#"(?i)^(?:<[\w:-]{1,24}(?:\s+[\w:-]+=(?:"[^"]*"|'[^']*'))*?\s+(?:path|file|name|filename|file_path|filepath)=["'](?P<attribute>[^"']{1,400})["'][^<>]*>|<(?:path|file|filename|file_path|filepath)>\s*(?P<element>[^<>]{1,400}?)\s*</[\w:-]{1,24}>|\[(?:file|path)[:=]?\s*(?P<bracket>[^\[\]]{1,400}?)\s*\])$"#,
        )
        .expect("a constant pattern, compiled by the tests")
    });
    let found = TAG.captures(line.trim())?;
    ["attribute", "element", "bracket"].iter().find_map(|name| found.name(name)).map(|path| path.as_str())
}

/// What stands before a path and says that one comes: `File:`, `Modified file:`, `Path to the file:`.
fn unlabelled(text: &str) -> Option<&str> {
    static LABEL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)^(?:(?:[a-z]+ ){0,3}(?:file|files|path|filename|filepath|file_path)(?: name| path)?|changes (?:in|to)|edit|update|modify)\s*(?:\*\*)?:(?:\*\*)?\s*(?P<path>\S.*)$")
            .expect("a constant pattern, compiled by the tests")
    });
    LABEL.captures(text).and_then(|found| found.name("path")).map(|path| path.as_str())
}

/// A path in a fence's info string: `rust:src/lib.rs`, `src/lib.rs`, `title="src/lib.rs"`.
pub(super) fn info_path(info: &str) -> Option<String> {
    for word in info.split_whitespace() {
        let word = ["path=", "file=", "title=", "filename="].iter().find_map(|key| word.strip_prefix(key)).unwrap_or(word);
        let word = word.trim_matches(['"', '\'', '{', '}']);
        let candidate = word.split_once(':').map_or(word, |(_, path)| path);
        if looks_like_path(candidate) {
            return Some(candidate.to_owned());
        }
    }
    None
}

/// A line that says nothing but a path: `src/lib.rs`, `**src/lib.rs**`, `### File: src/lib.rs`, `// src/lib.rs`.
pub(super) fn path_line(line: &str) -> Option<String> {
    let mut text = line.trim().trim_start_matches(['#', '/', '*', '-', '>', ' ', ';']).trim();
    if line.trim().starts_with('/') && !line.trim().starts_with("//") {
        text = line.trim();
    }
    if let Some(path) = tagged(line) {
        // Whoever names it so means a file, whatever it looks like.
        return is_name(path).then(|| path.to_owned());
    }
    if let Some(rest) = unlabelled(text) {
        let rest = rest.split(" (").next().unwrap_or(rest).trim().trim_matches(['`', '*', '"', ' ']);
        return is_name(rest).then(|| rest.to_owned());
    }
    for label in ["File:", "file:", "Path:", "path:", "FILE:", "Filename:", "filename:", "In", "Update"] {
        if let Some(rest) = text.strip_prefix(label) {
            let rest = rest.trim_start_matches('*').trim();
            // A word such as "In" only introduces a quoted path.
            if label.ends_with(':') || rest.starts_with('`') {
                text = rest;
            }
            break;
        }
    }
    let text = text.trim_end_matches([':', '*', ' ', '-', '/']).trim_end_matches("*/").trim();
    let text = text.trim_matches('`').trim_matches('"').trim_matches('*').trim_matches('`').trim_end_matches(':');
    looks_like_path(text).then(|| text.to_owned())
}

/// One word, and nothing that prose or code would have.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 1024
        && !text.contains("://")
        && !text.starts_with("..=")
        && !text.chars().any(|c| c.is_whitespace() || matches!(c, '(' | ')' | '{' | '}' | '<' | '>' | ';' | ',' | '"' | '\'' | '=' | '|' | '`' | '*'))
}

/// One word with a slash or an extension, and nothing that prose or code would have.
fn looks_like_path(text: &str) -> bool {
    let known = matches!(text, "Makefile" | "Dockerfile" | "Gemfile" | "Rakefile" | "Procfile" | "Jenkinsfile" | "BUILD" | "WORKSPACE" | "LICENSE" | "gradlew");
    let has_shape = text.contains('/')
        || text.rsplit_once('.').is_some_and(|(stem, extension)| {
            (!stem.is_empty() || extension.len() > 1)
                && !extension.is_empty()
                && extension.len() <= 12
                && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    (known || has_shape) && is_name(text)
}
