//! The formats that are not diffs: apply-patch sections, search/replace blocks, whole files.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::super::{FileKind, FilePatch, Hunk, Line, LineKind, ModeChange};
use super::header::relative;
use super::segment::{Segment, Source, info_path, path_line};

/// Where a block could not be read (offset in the segment), and why.
type Fault = (usize, &'static str);

const UPDATE: &str = "*** Update File:";
const ADD: &str = "*** Add File:";
const DELETE: &str = "*** Delete File:";

pub(super) fn is_apply_patch(text: &str) -> bool {
    text.starts_with("*** Begin Patch") || [UPDATE, ADD, DELETE].iter().any(|start| text.starts_with(start))
}

/// Any control line of the format: these end a hunk.
pub(super) fn is_apply_patch_line(text: &str) -> bool {
    is_apply_patch(text) || text.starts_with("*** End") || text.starts_with("*** Move to:")
}

/// `*** Begin Patch` around a unified diff: the diff counts, the wrapping does not.
pub(super) fn wraps_diff(lines: &[Source<'_>], at: usize) -> bool {
    let inside = || lines.iter().skip(at + 1).position(|line| !line.text.trim().is_empty()).map(|offset| at + 1 + offset);
    lines[at].text.starts_with("*** Begin Patch") && inside().is_some_and(|at| super::header::starts_file(lines, at))
}

pub(super) fn fence_like(text: &str) -> Option<()> {
    (text.trim_start().starts_with("```") || text.trim_start().starts_with("~~~")).then_some(())
}

/// `*** Begin Patch` … `*** End Patch`. The last line may be missing where a `closed` fence says that nothing was cut off.
pub(super) fn apply_patch(lines: &[Source<'_>], start: usize, closed: bool) -> Result<(Vec<FilePatch>, usize), Fault> {
    let mut files: Vec<FilePatch> = Vec::new();
    let mut at = start;
    let begun = lines[at].text.starts_with("*** Begin Patch");
    if begun {
        at += 1;
    }
    while let Some(line) = lines.get(at) {
        let text = line.text;
        if text.starts_with("*** End Patch") {
            return Ok((files, at + 1));
        }
        if let Some(path) = text.strip_prefix(ADD) {
            let path = relative(path.trim());
            let (lines, next) = section(lines, at + 1);
            let mut hunk = Hunk::default();
            for (_, line) in lines {
                let body = line.text.strip_prefix('+').unwrap_or(line.text);
                hunk.lines.push(Line::new(LineKind::Insert, body));
            }
            trim_blank_tail(&mut hunk.lines, LineKind::Insert);
            files.push(FilePatch {
                old_path: None,
                new_path: Some(path),
                kind: FileKind::Create,
                mode: ModeChange::default(),
                hunks: vec![hunk],
                whole: None,
                binary: false,
            });
            at = next;
        } else if let Some(path) = text.strip_prefix(DELETE) {
            files.push(FilePatch {
                old_path: Some(relative(path.trim())),
                new_path: None,
                kind: FileKind::Delete,
                mode: ModeChange::default(),
                hunks: Vec::new(),
                whole: None,
                binary: false,
            });
            at += 1;
        } else if let Some(path) = text.strip_prefix(UPDATE) {
            let old = relative(path.trim());
            at += 1;
            let mut new = old.clone();
            if let Some(target) = lines.get(at).and_then(|line| line.text.strip_prefix("*** Move to:")) {
                new = relative(target.trim());
                at += 1;
            }
            let (body, next) = section(lines, at);
            let hunks = chunks(&body)?;
            let kind = if old == new { FileKind::Modify } else { FileKind::Rename };
            files.push(FilePatch { old_path: Some(old), new_path: Some(new), kind, mode: ModeChange::default(), hunks, whole: None, binary: false });
            at = next;
        } else if begun && !text.trim().is_empty() {
            return Err((at, "expected `*** Update File:`, `*** Add File:` or `*** Delete File:`"));
        } else if text.trim().is_empty() {
            at += 1;
        } else {
            break;
        }
    }
    if begun && (!closed || files.is_empty()) {
        return Err((at.saturating_sub(1), "`*** End Patch` is missing: the answer may be cut off"));
    }
    Ok((files, at))
}

/// Lines up to the next control line (`*** End of File` stays inside).
fn section<'a>(lines: &'a [Source<'a>], start: usize) -> (Vec<(usize, Source<'a>)>, usize) {
    let mut out = Vec::new();
    let mut at = start;
    while let Some(line) = lines.get(at) {
        if is_apply_patch(line.text) || line.text.starts_with("*** End Patch") {
            break;
        }
        out.push((at, *line));
        at += 1;
    }
    (out, at)
}

/// The hunks of an update section: `@@ anchor` lines, then edits.
fn chunks(body: &[(usize, Source<'_>)]) -> Result<Vec<Hunk>, Fault> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut hunk = Hunk::default();
    let flush = |hunk: &mut Hunk, hunks: &mut Vec<Hunk>| {
        let mut done = std::mem::take(hunk);
        trim_blank_tail(&mut done.lines, LineKind::Context);
        if done.lines.iter().any(|line| line.kind != LineKind::Context) {
            hunks.push(done);
        }
    };
    let texts: Vec<Source<'_>> = body.iter().map(|(_, line)| *line).collect();
    // The headers of a unified diff, repeated inside.
    let headed = texts.len() > 1 && texts[0].text.starts_with("--- ") && texts[1].text.starts_with("+++ ") && super::header::starts_file(&texts, 0);
    for (at, line) in body.iter().skip(if headed { 2 } else { 0 }) {
        let text = line.text;
        if text.starts_with("@@") {
            // Several anchors may stand above one another; after edits they begin a new hunk.
            if !hunk.lines.is_empty() {
                flush(&mut hunk, &mut hunks);
            }
            if let Some(range) = super::header::range(text) {
                hunk.old_start = Some(range.old_start);
            } else {
                hunk.anchors.extend(super::header::anchor(text));
            }
            continue;
        }
        if text.starts_with("*** End of File") {
            hunk.at_end = true;
            flush(&mut hunk, &mut hunks);
            continue;
        }
        let line = match text.as_bytes().first() {
            Some(b'+') => Line::new(LineKind::Insert, &text[1..]),
            Some(b'-') => Line::new(LineKind::Delete, &text[1..]),
            Some(b' ') => Line::new(LineKind::Context, &text[1..]),
            None => Line::new(LineKind::Context, ""),
            Some(b'\\') => continue,
            Some(_) if !hunk.lines.is_empty() => Line::new(LineKind::Context, text),
            Some(_) => return Err((*at, "expected a line that begins with ` `, `+`, `-` or `@@`")),
        };
        hunk.lines.push(line);
    }
    flush(&mut hunk, &mut hunks);
    Ok(hunks)
}

/// Blank lines before the next control line are layout.
fn trim_blank_tail(lines: &mut Vec<Line>, kind: LineKind) {
    while lines.last().is_some_and(|line| line.kind == kind && line.text.is_empty() && lines.len() > 1) {
        lines.pop();
    }
}

pub(super) fn is_search(text: &str) -> bool {
    let words: &[&str] = match text.strip_prefix("<<<<<<<") {
        Some(_) => &["SEARCH", "ORIGINAL", "search"],
        // With dashes and pluses for angles: less to be mistaken for a conflict.
        None => &["SEARCH"],
    };
    let Some(rest) = text.strip_prefix("<<<<<<<").or_else(|| text.strip_prefix("------- ")) else { return false };
    let rest = rest.trim_start_matches('<').trim();
    words.iter().any(|word| rest.starts_with(word))
}

/// One search/replace block. An empty search creates the file.
pub(super) fn search_replace(lines: &[Source<'_>], start: usize, path: &str) -> Result<(FilePatch, usize), Fault> {
    let divider = |text: &str| text.len() >= 7 && text.trim_end().bytes().all(|byte| byte == b'=') && text.trim_end().len() == 7;
    let dashed = lines[start].text.starts_with('-');
    let closes = |text: &str| text.starts_with(if dashed { "+++++++ REPLACE" } else { ">>>>>>>" });
    let mut middle = None;
    let mut end = None;
    for (at, line) in lines.iter().enumerate().skip(start + 1) {
        if is_search(line.text) {
            return Err((at, "a search/replace block is not closed"));
        }
        if closes(line.text) {
            end = Some(at);
            break;
        }
        if divider(line.text) {
            if middle.is_some() {
                return Err((at, "a search/replace block with two dividers: send a unified diff"));
            }
            middle = Some(at);
        }
    }
    let (Some(middle), Some(end)) = (middle, end) else {
        return Err((start, "a search/replace block is not closed"));
    };
    let hints = Hints::read(&lines[start + 1..middle]);
    let search: Vec<&str> = lines[start + 1 + hints.height..middle].iter().map(|line| line.text).collect();
    let replace: Vec<&str> = lines[middle + 1..end].iter().map(|line| line.text).collect();
    let path = relative(path);
    let created = search.iter().all(|line| line.trim().is_empty());
    let mut hunk = Hunk { lines: edits(&search, &replace, created), ..Hunk::default() };
    // Numbers that count the block's own lines may tell one place from another; others say nothing.
    if let (Some(first), Some(last), false) = (hints.first, hints.last, created)
        && last.checked_sub(first).is_some_and(|more| more + 1 == search.len())
    {
        (hunk.old_start, hunk.counts) = (Some(first), Some(hunk.recount()));
    }
    let file = FilePatch {
        old_path: (!created).then(|| path.clone()),
        new_path: Some(path),
        kind: if created { FileKind::Create } else { FileKind::Modify },
        mode: ModeChange::default(),
        hunks: vec![hunk],
        whole: None,
        binary: false,
    };
    Ok((file, end + 1))
}

/// Lines of a block that say where it belongs and are none of its text: `:start_line:12`, `:end_line:15`, and a rule of dashes below them.
/// Format: the `apply_diff` tool of Roo Code.
#[derive(Debug, Default)]
struct Hints {
    first: Option<usize>,
    last: Option<usize>,
    /// How many lines they are.
    height: usize,
}

impl Hints {
    fn read(lines: &[Source<'_>]) -> Self {
        let mut hints = Self::default();
        for line in lines {
            let number = |name: &str| line.text.trim().strip_prefix(name).map(|rest| rest.trim().parse().ok().filter(|number| *number < 100_000_000_usize));
            if let Some(Some(first)) = number(":start_line:") {
                hints.first = Some(first);
            } else if let Some(Some(last)) = number(":end_line:") {
                hints.last = Some(last);
            } else {
                // The rule is a hint only below others.
                hints.height += usize::from(hints.height > 0 && line.text.trim_end() == "-------");
                break;
            }
            hints.height += 1;
        }
        hints
    }
}

/// Search and replacement as hunk lines: what both have is context, so that the file's own
/// spelling of it survives.
fn edits(search: &[&str], replace: &[&str], created: bool) -> Vec<Line> {
    if created {
        return replace.iter().map(|line| Line::new(LineKind::Insert, *line)).collect();
    }
    let mut lines = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, search, replace) {
        let (kind, old, new) = match op {
            DiffOp::Equal { old_index, len, .. } => {
                lines.extend(search[old_index..old_index + len].iter().map(|line| Line::new(LineKind::Context, *line)));
                continue;
            }
            DiffOp::Delete { old_index, old_len, .. } => (LineKind::Delete, old_index..old_index + old_len, 0..0),
            DiffOp::Insert { new_index, new_len, .. } => (LineKind::Insert, 0..0, new_index..new_index + new_len),
            DiffOp::Replace { old_index, old_len, new_index, new_len } => (LineKind::Delete, old_index..old_index + old_len, new_index..new_index + new_len),
        };
        debug_assert!(kind != LineKind::Context);
        lines.extend(search[old].iter().map(|line| Line::new(LineKind::Delete, *line)));
        lines.extend(replace[new].iter().map(|line| Line::new(LineKind::Insert, *line)));
    }
    lines
}

/// A fence that holds a whole file, where its path is named by the fence, by the line before it,
/// or by a comment in its first line.
pub(super) fn whole_file(segment: &Segment<'_>) -> Option<FilePatch> {
    if segment.unterminated || segment.lines.is_empty() {
        return None;
    }
    let first = segment.lines[0].text;
    let comment = ["//", "#", "--", "<!--", "/*", ";"].iter().any(|mark| first.starts_with(mark)) && !first.starts_with("#!");
    let in_first = comment.then(|| path_line(first.trim_end_matches("-->").trim_start_matches("<!--"))).flatten();
    let outside = info_path(segment.info).or_else(|| segment.lead.and_then(path_line));
    let (path, skip) = match (outside, in_first) {
        // A comment that repeats the path may well be the file's own first line: it stays.
        (Some(path), _) => (path, 0),
        (None, Some(path)) => (path, 1),
        (None, None) => return None,
    };
    let text: String = segment.lines[skip..].iter().flat_map(|line| [line.text, "\n"]).collect();
    let path = relative(&path);
    Some(FilePatch {
        old_path: Some(path.clone()),
        new_path: Some(path),
        kind: FileKind::Modify,
        mode: ModeChange::default(),
        hunks: Vec::new(),
        whole: Some(text),
        binary: false,
    })
}
