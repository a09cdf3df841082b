//! Reads a patch out of a model's answer.
//!
//! Taken: unified and git diffs (fenced or bare, with or without `diff --git`, prefixes, numbers or
//! right counts), the `*** Begin Patch` format, search/replace blocks, and, where an answer holds
//! nothing else, whole files in fences that name their path. Nothing is resolved against the
//! repository here, and no stated number is believed.

mod alternatives;
mod blocks;
mod header;
mod object;
mod segment;
mod shell;

use super::{FileKind, FilePatch, Hunk, Line, LineKind, MAX_ANSWER_BYTES, Patch, PatchError, Repair, RepairKind};
use alternatives::Taken;
use header::FileHeader;
use segment::{Segment, Source};

/// Files an answer may name; beyond it, reading stops with an error.
const MAX_FILES: usize = 200;
/// Hunks in an answer.
const MAX_HUNKS: usize = 2_000;
/// Lines in an answer.
const MAX_LINES: usize = 100_000;

/// Read a patch out of an answer.
///
/// # Errors
/// `nothing` where there is none, `too_large` beyond the bounds, `malformed` where there is one that
/// cannot be read. Paths are not judged here: see [`super::inspect`].
pub fn parse(answer: &str) -> Result<Patch, PatchError> {
    if answer.len() > MAX_ANSWER_BYTES {
        return Err(PatchError::TooLarge { what: "bytes", found: answer.len(), limit: MAX_ANSWER_BYTES });
    }
    match read(answer) {
        // An answer in JSON holds its patch in a string.
        Err(PatchError::Nothing) => object::text(answer).map_or(Err(PatchError::Nothing), |text| {
            let mut patch = read(&text)?;
            patch.repairs.insert(0, Repair::new(RepairKind::Converted, "", None, "the patch was sent inside JSON"));
            Ok(patch)
        }),
        read => read,
    }
}

fn read(answer: &str) -> Result<Patch, PatchError> {
    let answer = answer.strip_prefix('\u{feff}').unwrap_or(answer);
    let answer = &segment::uncoloured(answer);
    let answer = &shell::unwrapped(answer);
    let mut lines = segment::lines(answer);
    if lines.len() > MAX_LINES {
        return Err(PatchError::TooLarge { what: "lines", found: lines.len(), limit: MAX_LINES });
    }
    segment::unquote(&mut lines);
    segment::dedent(&mut lines);
    let segments = segment::split(&lines);
    let mut reader = Reader { patch: Patch::default(), hunks: 0, taken: Vec::new(), lone: false };
    for segment in &segments {
        reader.segment(segment)?;
    }
    if reader.patch.files.is_empty() {
        for segment in segments.iter().filter(|segment| segment.fenced) {
            if let Some(file) = blocks::whole_file(segment) {
                let path = file.path().to_owned();
                reader.repaired(RepairKind::Converted, &path, "a whole file was sent in place of a diff");
                reader.push(file)?;
                reader.taken.push(Taken { start: segment.first - 1, end: segment.first - 1 + segment.lines.len(), path });
            }
        }
    }
    let fenced = |line: usize| segments.iter().any(|segment| segment.fenced && (segment.first - 1..segment.first - 1 + segment.lines.len()).contains(&line));
    if let Some((first, second)) = alternatives::find(&lines, &reader.taken, |line| !fenced(line)) {
        return Err(PatchError::Alternatives { first: first + 1, second: second + 1 });
    }
    reader.finish()
}

struct Reader {
    patch: Patch,
    hunks: usize,
    /// Where in the answer each section stood.
    taken: Vec<Taken>,
    /// The last path was a lone word, which may as well be prose.
    lone: bool,
}

impl Reader {
    fn repaired(&mut self, kind: RepairKind, path: &str, detail: &str) {
        self.patch.repairs.push(Repair::new(kind, path, None, detail));
    }

    fn push(&mut self, file: FilePatch) -> Result<(), PatchError> {
        let empty = file.hunks.is_empty() && file.whole.is_none() && !file.binary;
        if empty && file.kind == FileKind::Modify && file.mode.new.is_none() {
            return Ok(());
        }
        self.hunks += file.hunks.len();
        if self.hunks > MAX_HUNKS {
            return Err(PatchError::TooLarge { what: "hunks", found: self.hunks, limit: MAX_HUNKS });
        }
        // A draft and its repetition: the same section twice is one section.
        if self.patch.files.contains(&file) {
            let path = file.path().to_owned();
            self.repaired(RepairKind::Duplicate, &path, "the same section came twice");
            return Ok(());
        }
        if self.patch.files.len() >= MAX_FILES {
            return Err(PatchError::TooLarge { what: "files", found: MAX_FILES + 1, limit: MAX_FILES });
        }
        self.patch.files.push(file);
        Ok(())
    }

    fn finish(self) -> Result<Patch, PatchError> {
        if self.patch.files.is_empty() { Err(PatchError::Nothing) } else { Ok(self.patch) }
    }

    /// Walk one segment, handing each start of a known format to its reader.
    fn segment(&mut self, segment: &Segment<'_>) -> Result<(), PatchError> {
        let lines = segment.lines;
        let mut at = 0;
        let mut last_path: Option<String> = None;
        while at < lines.len() {
            let (start, known) = (at, self.patch.files.len());
            at = self.step(segment, at, &mut last_path)?;
            let first = segment.first - 1;
            let read = self.patch.files.get(known..).unwrap_or_default();
            self.taken.extend(read.iter().map(|file| Taken { start: first + start, end: first + at, path: file.path().to_owned() }));
        }
        Ok(())
    }

    /// Reads what begins at a line of a segment, if anything does; where to go on.
    fn step(&mut self, segment: &Segment<'_>, mut at: usize, last_path: &mut Option<String>) -> Result<usize, PatchError> {
        let lines = segment.lines;
        if let Some(line) = lines.get(at) {
            if blocks::wraps_diff(lines, at) {
                at += 1;
            } else if blocks::is_apply_patch(line.text) {
                at = self.apply_patch(segment, at)?;
            } else if header::starts_file(lines, at) {
                at = self.unified(segment, at, last_path)?;
            } else if blocks::is_search(line.text) {
                at = self.search_replace(segment, at, last_path)?;
            } else if line.text.starts_with("@@") && (segment.fenced || header::range(line.text).is_some()) {
                // Hunks whose file is named only by the prose before the fence.
                let Some(path) = last_path.clone().or_else(|| segment.named_path(at)) else {
                    return Err(PatchError::Malformed { line: segment.first + at, reason: "a hunk without a file: add `--- a/path` and `+++ b/path`" });
                };
                let (hunks, next) = self.hunks(segment, at, &path, false)?;
                self.repaired(RepairKind::Headers, &path, "the file was named outside the diff");
                self.push(modify(path.clone(), hunks))?;
                *last_path = Some(path);
                at = next;
            } else if at == 0 && segment.is_headerless_diff() {
                let Some(path) = segment.named_path(0) else {
                    return Err(PatchError::Malformed { line: segment.first, reason: "a diff without a file: add `--- a/path` and `+++ b/path`" });
                };
                let (lines, next, lost) = body(segment, at, None, false);
                if lost {
                    self.repaired(RepairKind::Prefix, &path, "context lines had lost their leading space");
                }
                self.repaired(RepairKind::Headers, &path, "the diff had no headers");
                let hunk = Hunk { lines, ..Hunk::default() };
                self.push(modify(path, vec![hunk]))?;
                at = next.max(at + 1);
            } else {
                at += 1;
            }
        }
        Ok(at)
    }

    fn unified(&mut self, segment: &Segment<'_>, start: usize, last_path: &mut Option<String>) -> Result<usize, PatchError> {
        let (header, at) = FileHeader::read(segment.lines, start).map_err(|(line, reason)| PatchError::Malformed { line: segment.first + line, reason })?;
        let path = header.path().to_owned();
        if header.mended {
            self.repaired(RepairKind::Headers, &path, "file headers were incomplete");
        }
        // A file section may hold its edits without any `@@`.
        let bare = segment.lines.get(at).is_some_and(|line| {
            header.has_body_lines && matches!(line.text.as_bytes().first(), Some(b'+' | b'-' | b' ')) && !header::starts_file(segment.lines, at)
        });
        let (mut hunks, next) = if bare {
            let (lines, next, lost) = body(segment, at, None, false);
            self.repaired(RepairKind::Recount, &path, "a hunk had no `@@` line");
            if lost {
                self.repaired(RepairKind::Prefix, &path, "context lines had lost their leading space");
            }
            let mut hunks = vec![Hunk { lines, ..Hunk::default() }];
            let (more, next) = self.hunks(segment, next, &path, false)?;
            hunks.extend(more);
            (hunks, next)
        } else {
            self.hunks(segment, at, &path, header.kind == FileKind::Create)?
        };
        if header.kind == FileKind::Create {
            let reason = "some lines of a created file have a `+` and some have not";
            if created(segment, at, &mut hunks).ok_or(PatchError::Malformed { line: segment.first + at, reason })? {
                self.repaired(RepairKind::Prefix, &path, "lines of a created file had lost their `+`");
            }
            // What was announced must be there: nobody creates an empty file by a hunk.
            if hunks.iter().any(|hunk| hunk.lines.is_empty()) {
                return Err(PatchError::Malformed { line: segment.first + next, reason: "the lines of a created file are missing" });
            }
        }
        *last_path = Some(path);
        self.push(FilePatch {
            old_path: header.old_path,
            new_path: header.new_path,
            kind: header.kind,
            mode: header.mode,
            hunks,
            whole: None,
            binary: header.binary,
        })?;
        Ok(next.max(start + 1))
    }

    /// The hunks from `at` on, those without edits too: an edit that lost its sign must be seen. Empty ones count only in a `whole`, a created file.
    fn hunks(&mut self, segment: &Segment<'_>, mut at: usize, path: &str, whole: bool) -> Result<(Vec<Hunk>, usize), PatchError> {
        let mut hunks = Vec::new();
        loop {
            // Blank lines between hunks are noise.
            let mut next = at;
            while segment.lines.get(next).is_some_and(|line| line.text.trim().is_empty()) {
                next += 1;
            }
            let Some(line) = segment.lines.get(next) else { break };
            if !line.text.starts_with("@@") {
                break;
            }
            at = next;
            let range = header::range(line.text);
            let counts = range.as_ref().and_then(|range| range.counts);
            let anchors = match &range {
                Some(_) => Vec::new(),
                None => header::anchor(line.text).into_iter().collect(),
            };
            let (lines, end, lost) = body(segment, at + 1, counts, line.cr);
            let heading = range.and_then(|_| header::heading(line.text));
            let hunk = Hunk { old_start: range.map(|range| range.old_start), counts, anchors, heading, at_end: false, lines };
            if lost {
                self.repaired(RepairKind::Prefix, path, "context lines had lost their leading space");
            }
            if counts != Some(hunk.recount()) {
                // An answer cut off in the middle of a hunk must not pass as a shorter change.
                if segment.unterminated && end >= segment.lines.len() && counts.is_some_and(|(old, new)| hunk.recount().0 < old || hunk.recount().1 < new) {
                    return Err(PatchError::Malformed { line: segment.first + end, reason: "the answer is cut off inside a hunk" });
                }
                self.patch.repairs.push(Repair::new(RepairKind::Recount, path, Some(hunks.len() + 1), "line counts in `@@` were wrong or missing"));
            }
            if whole || hunk.lines.iter().any(|line| !line.text.trim().is_empty() || line.kind != LineKind::Context) {
                hunks.push(hunk);
            }
            if hunks.len() > MAX_HUNKS {
                return Err(PatchError::TooLarge { what: "hunks", found: hunks.len(), limit: MAX_HUNKS });
            }
            at = end.max(at + 1);
        }
        Ok((hunks, at))
    }

    fn apply_patch(&mut self, segment: &Segment<'_>, start: usize) -> Result<usize, PatchError> {
        let closed = segment.fenced && !segment.unterminated;
        let (files, next) =
            blocks::apply_patch(segment.lines, start, closed).map_err(|(line, reason)| PatchError::Malformed { line: segment.first + line, reason })?;
        for file in files {
            let path = file.path().to_owned();
            self.repaired(RepairKind::Converted, &path, "an apply-patch section was sent in place of a diff");
            self.push(file)?;
        }
        Ok(next.max(start + 1))
    }

    fn search_replace(&mut self, segment: &Segment<'_>, start: usize, last_path: &mut Option<String>) -> Result<usize, PatchError> {
        // A lone word may be a file's name; it is one where nothing else names a file, or where the file before was named so.
        let lone = segment.lone_word(start).filter(|_| last_path.is_none() || self.lone);
        let named = segment.named_path(start);
        self.lone = named.is_none() && lone.is_some();
        let named = named.or(lone).or_else(|| last_path.clone());
        let Some(path) = named else {
            return Err(PatchError::Malformed {
                line: segment.first + start,
                reason: "a search/replace block without a file: put the path on the line before it",
            });
        };
        let (file, next) =
            blocks::search_replace(segment.lines, start, &path).map_err(|(line, reason)| PatchError::Malformed { line: segment.first + line, reason })?;
        self.repaired(RepairKind::Converted, &path, "a search/replace block was sent in place of a diff");
        self.push(file)?;
        *last_path = Some(path);
        Ok(next)
    }
}

fn modify(path: String, hunks: Vec<Hunk>) -> FilePatch {
    FilePatch {
        old_path: Some(path.clone()),
        new_path: Some(path),
        kind: FileKind::Modify,
        mode: super::ModeChange::default(),
        hunks,
        whole: None,
        binary: false,
    }
}

/// Makes the lines of a created file inserted ones; whether they had lost their `+`, and `None` where only some had: then it is not known
/// which blanks are theirs. A blank line may always lack it.
fn created(segment: &Segment<'_>, start: usize, hunks: &mut [Hunk]) -> Option<bool> {
    let bare = |line: &Line| line.kind == LineKind::Context && !line.text.trim().is_empty();
    let lost = hunks.iter().flat_map(|hunk| &hunk.lines).any(|line| line.kind == LineKind::Context);
    if hunks.iter().flat_map(|hunk| &hunk.lines).any(bare) {
        if hunks.iter().flat_map(|hunk| &hunk.lines).any(|line| line.kind != LineKind::Context) {
            return None;
        }
        // Where one line begins with something else than a blank, blanks are the file's own; else each line has one too many.
        let raw = || segment.lines[start..].iter().filter(|line| !line.text.starts_with("@@") && !line.text.starts_with('\\'));
        let count = hunks.iter().map(|hunk| hunk.lines.len()).sum();
        let own = raw().take(count).any(|line| !line.text.is_empty() && !line.text.starts_with(' '));
        if own {
            for (line, raw) in hunks.iter_mut().flat_map(|hunk| &mut hunk.lines).zip(raw()) {
                raw.text.clone_into(&mut line.text);
            }
        }
    }
    hunks.iter_mut().flat_map(|hunk| &mut hunk.lines).for_each(|line| line.kind = LineKind::Insert);
    Some(lost)
}

/// The lines of one hunk from `at`: (lines, where it ended, whether prefixes were lost).
///
/// The end is told by what follows, and not by the counts alone: a count that is too small would
/// silently drop the edits behind it.
fn body(segment: &Segment<'_>, start: usize, counts: Option<(usize, usize)>, header_cr: bool) -> (Vec<Line>, usize, bool) {
    let source = segment.lines;
    let mut lines: Vec<Line> = Vec::new();
    // Blank lines without a prefix at the end may belong to the prose.
    let mut soft_tail = 0;
    let mut lost = false;
    let (mut old, mut new) = (0, 0);
    let mut at = start;
    while let Some(line) = source.get(at) {
        let satisfied = counts == Some((old, new));
        let text = line.text;
        if text.starts_with("@@") || text.starts_with("diff --git ") || (header::starts_file(source, at) && !open(counts, old, new, source, at)) {
            break;
        }
        if blocks::is_apply_patch_line(text) || blocks::is_search(text) {
            break;
        }
        if satisfied && matches!(text, "-- " | "--") {
            break;
        }
        let cr = line.cr && !header_cr;
        let push = |lines: &mut Vec<Line>, kind, text: &str| {
            lines.push(Line { kind, text: text.to_owned(), cr, no_newline: false });
        };
        match text.as_bytes().first() {
            // The mark has a blank; a line of the file that lost its prefix may begin with a backslash.
            Some(b'\\') if text.starts_with("\\ ") => {
                if let Some(last) = lines.last_mut() {
                    last.no_newline = true;
                }
                at += 1;
                continue;
            }
            Some(b'+') => {
                push(&mut lines, LineKind::Insert, &text[1..]);
                new += 1;
                soft_tail = 0;
            }
            Some(b'-') => {
                push(&mut lines, LineKind::Delete, &text[1..]);
                old += 1;
                soft_tail = 0;
            }
            Some(b' ') => {
                push(&mut lines, LineKind::Context, &text[1..]);
                old += 1;
                new += 1;
                soft_tail = 0;
            }
            None => {
                if satisfied && !continues(source, at, segment.fenced) {
                    break;
                }
                push(&mut lines, LineKind::Context, "");
                old += 1;
                new += 1;
                soft_tail += 1;
            }
            Some(_) => {
                let prose = if segment.fenced { satisfied } else { satisfied || counts.is_none() };
                if prose || (!segment.fenced && lines.is_empty() && counts.is_none()) {
                    break;
                }
                push(&mut lines, LineKind::Context, text);
                lost = true;
                old += 1;
                new += 1;
                soft_tail = 0;
            }
        }
        at += 1;
    }
    while soft_tail > 0 && counts.is_none_or(|(declared_old, declared_new)| old > declared_old || new > declared_new) {
        lines.pop();
        old -= 1;
        new -= 1;
        soft_tail -= 1;
    }
    (lines, at, lost)
}

/// `-- x` removed and `++ y` added look like file headers. Inside stated counts they are content
/// unless a hunk follows them.
fn open(counts: Option<(usize, usize)>, old: usize, new: usize, source: &[Source<'_>], at: usize) -> bool {
    let Some((declared_old, declared_new)) = counts else { return false };
    let followed = source.get(at + 2).is_some_and(|line| line.text.starts_with("@@"));
    declared_old > old && declared_new > new && !followed && !source[at].text.starts_with("diff --git ")
}

/// After a hunk is complete by its counts, does it go on behind blank lines?
fn continues(source: &[Source<'_>], at: usize, fenced: bool) -> bool {
    let Some(offset) = source[at..].iter().position(|line| !line.text.is_empty()) else { return false };
    let next = at + offset;
    let text = source[next].text;
    !header::starts_file(source, next)
        && !matches!(text, "-- " | "--")
        && match text.as_bytes().first() {
            Some(b'+' | b'-') => true,
            Some(b' ') => fenced,
            _ => false,
        }
}
