//! Finds where a hunk belongs, with growing tolerance, and turns it into edits of the file.
//!
//! The rule is the same at every level: a place counts only when it is certain. One match is
//! certain; several are not, unless the stated line numbers have proven themselves on the other
//! hunks of the file (see [`super::apply`]). What is kept of a match is always the file's own
//! spelling, so that drift in context never leaks into the result.

pub(super) mod spelling;

use std::cell::Cell;
use std::collections::HashMap;

use super::{Hunk, Line, LineKind, PatchError, RepairKind};

/// Line comparisons one patch may cost: bounds a hostile answer, far beyond any honest one.
const WORK: u64 = 50_000_000;
/// Outer context lines that are peeled off one by one before all of them are.
const PEEL: usize = 8;

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Eol {
    Lf,
    CrLf,
    /// The last line of a file without a final newline.
    None,
}

/// One line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DocLine {
    pub text: String,
    pub eol: Eol,
}

/// A file as lines, with an index of where each trimmed line occurs.
#[derive(Debug)]
pub(super) struct Doc {
    pub lines: Vec<DocLine>,
    dominant: Eol,
    index: HashMap<String, Vec<usize>>,
    work: Cell<u64>,
}

impl Doc {
    pub fn new(text: &str) -> Self {
        let lines: Vec<DocLine> = text
            .split_inclusive('\n')
            .map(|line| {
                let (text, eol) = match line.strip_suffix('\n') {
                    None => (line, Eol::None),
                    Some(line) => line.strip_suffix('\r').map_or((line, Eol::Lf), |line| (line, Eol::CrLf)),
                };
                DocLine { text: text.to_owned(), eol }
            })
            .collect();
        let crlf = lines.iter().filter(|line| line.eol == Eol::CrLf).count();
        let dominant = if crlf * 2 > lines.len() { Eol::CrLf } else { Eol::Lf };
        let mut index: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, line) in lines.iter().enumerate() {
            index.entry(key(&line.text).to_owned()).or_default().push(at);
        }
        Self { lines, dominant, index, work: Cell::new(0) }
    }

    fn spend(&self, amount: usize) -> Result<(), PatchError> {
        let spent = self.work.get().saturating_add(amount as u64);
        self.work.set(spent);
        if spent > WORK {
            return Err(PatchError::TooLarge { what: "line comparisons", found: usize::try_from(spent).unwrap_or(usize::MAX), limit: WORK as usize });
        }
        Ok(())
    }

    /// The file with the edits made. `edits` are sorted and do not overlap.
    pub fn edited(&self, edits: &[Edit]) -> String {
        let mut out: Vec<DocLine> = Vec::with_capacity(self.lines.len());
        let mut at = 0;
        for edit in edits {
            out.extend_from_slice(&self.lines[at..edit.start]);
            out.extend_from_slice(&edit.lines);
            at = edit.end;
        }
        out.extend_from_slice(&self.lines[at..]);
        let last = out.len().saturating_sub(1);
        let mut text = String::new();
        for (at, line) in out.iter().enumerate() {
            text.push_str(&line.text);
            match line.eol {
                Eol::Lf => text.push('\n'),
                Eol::CrLf => text.push_str("\r\n"),
                // Only the last line may lack an end: what is appended behind it gives it one.
                Eol::None if at != last => text.push_str(if self.dominant == Eol::CrLf { "\r\n" } else { "\n" }),
                Eol::None => {}
            }
        }
        text
    }
}

/// What a line is looked up by. A byte order mark belongs to the file, not to its first line.
fn key(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

/// Lines `start..end` of the file become `lines`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub start: usize,
    pub end: usize,
    pub lines: Vec<DocLine>,
}

/// How much a match may differ from the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Exact,
    TrailingWhitespace,
    LostPrefix,
    Indentation,
}

const LEVELS: [Level; 4] = [Level::Exact, Level::TrailingWhitespace, Level::LostPrefix, Level::Indentation];

/// What became of one hunk before the others are known.
#[derive(Debug)]
pub(super) enum Placement {
    /// One certain place (or several, for a hunk in parts).
    Certain { at: usize, edits: Vec<Edit>, repairs: Vec<RepairKind> },
    /// Several places; the stated number may settle it.
    Several { level: Level, places: Vec<usize> },
    /// The edit is there already.
    Already,
    /// It fits nowhere.
    Nowhere,
}

/// Find the place of a hunk. Where its lines can only be placed after they were read otherwise, the hunk is rewritten so.
pub(super) fn place(doc: &Doc, hunk: &mut Hunk) -> Result<Placement, PatchError> {
    if !hunk.lines.iter().any(|line| line.kind != LineKind::Insert) {
        return Ok(placeless(doc, hunk));
    }
    let found = placed(doc, hunk)?;
    if !matches!(found, Placement::Nowhere) {
        return Ok(found);
    }
    for (kind, reading) in spelling::readings(doc, hunk) {
        let mut found = placed(doc, &reading)?;
        match &mut found {
            Placement::Nowhere => continue,
            Placement::Certain { repairs, .. } => repairs.insert(0, kind),
            Placement::Several { .. } | Placement::Already => {}
        }
        *hunk = reading;
        return Ok(found);
    }
    stale(doc, hunk)
}

/// The place of a hunk by all of its lines.
fn placed(doc: &Doc, hunk: &Hunk) -> Result<Placement, PatchError> {
    for level in LEVELS {
        let mut places = matches(doc, &hunk.lines, level)?;
        narrow(doc, hunk, &mut places);
        match places.as_slice() {
            [] => {}
            [at] => {
                if hunk.old_start.is_none() && repeated(doc, hunk, *at) {
                    return Ok(Placement::Already);
                }
                let (edits, repairs) = edits_at(doc, &hunk.lines, *at, level);
                return Ok(Placement::Certain { at: *at, edits, repairs });
            }
            _ => return Ok(Placement::Several { level, places }),
        }
    }
    if already(doc, hunk)? {
        return Ok(Placement::Already);
    }
    Ok(in_parts(doc, hunk)?.unwrap_or(Placement::Nowhere))
}

/// Turn a settled place of an ambiguous hunk into edits.
pub(super) fn settle(doc: &Doc, hunk: &Hunk, at: usize, level: Level) -> (Vec<Edit>, Vec<RepairKind>) {
    edits_at(doc, &hunk.lines, at, level)
}

/// A hunk without any old line has no evidence of its place: only an empty file, or the stated
/// end of the file, is certain.
fn placeless(doc: &Doc, hunk: &Hunk) -> Placement {
    if doc.lines.is_empty() || hunk.at_end {
        let at = doc.lines.len();
        let (edits, repairs) = edits_at(doc, &hunk.lines, at, Level::Exact);
        return Placement::Certain { at, edits, repairs };
    }
    let places = (0..=doc.lines.len()).collect();
    Placement::Several { level: Level::Exact, places }
}

fn old_lines(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| line.kind != LineKind::Insert)
}

fn new_lines(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| line.kind != LineKind::Delete)
}

/// Every place where the old side of `lines` fits.
fn matches(doc: &Doc, lines: &[Line], level: Level) -> Result<Vec<usize>, PatchError> {
    let old: Vec<&Line> = old_lines(lines).collect();
    let mut places = fits(doc, &old, |line, text| same(line, text, level))?;
    if level == Level::Indentation {
        places.retain(|&at| indentation(doc, lines, at).is_some());
    }
    Ok(places)
}

/// Every start where `wanted` fits line by line.
fn fits(doc: &Doc, wanted: &[&Line], same: impl Fn(&Line, &str) -> bool) -> Result<Vec<usize>, PatchError> {
    // Start from the rarest line: it names few candidates even in a file of repetitions.
    let empty = Vec::new();
    let Some((offset, starts)) =
        wanted.iter().enumerate().map(|(offset, line)| (offset, doc.index.get(key(&line.text)).unwrap_or(&empty))).min_by_key(|(_, starts)| starts.len())
    else {
        return Ok(Vec::new());
    };
    doc.spend(wanted.len())?;
    let mut places = Vec::new();
    for start in starts.iter().filter_map(|at| at.checked_sub(offset)) {
        if start + wanted.len() > doc.lines.len() {
            continue;
        }
        let agreeing = wanted.iter().zip(&doc.lines[start..]).take_while(|(line, own)| same(line, own_text(own))).count();
        doc.spend(agreeing + 1)?;
        if agreeing == wanted.len() {
            places.push(start);
        }
    }
    Ok(places)
}

/// The first line is compared without its byte order mark.
fn own_text(own: &DocLine) -> &str {
    own.text.strip_prefix('\u{feff}').unwrap_or(&own.text)
}

fn same(line: &Line, own: &str, level: Level) -> bool {
    let text = line.text.strip_prefix('\u{feff}').unwrap_or(&line.text);
    match level {
        Level::Exact => text == own,
        Level::TrailingWhitespace => text.trim_end() == own.trim_end(),
        Level::LostPrefix => {
            text.trim_end() == own.trim_end() || (line.kind == LineKind::Context && own.strip_prefix(' ').is_some_and(|own| own.trim_end() == text.trim_end()))
        }
        Level::Indentation => text.trim() == own.trim(),
    }
}

/// The one of several places that lies beneath the hunk's heading, which must be a single line of the file.
pub(super) fn under_heading(doc: &Doc, hunk: &Hunk, places: &[usize]) -> Option<usize> {
    let heading = hunk.heading.as_deref()?;
    let lines: Vec<usize> = (0..doc.lines.len()).filter(|&at| is_anchor(&doc.lines[at].text, heading)).collect();
    let [line] = lines.as_slice() else { return None };
    let block = *line..block_end(doc, *line);
    let mut inside = places.iter().copied().filter(|at| block.contains(at));
    let place = inside.next()?;
    inside.next().is_none().then_some(place)
}

/// Keep the places that the anchors and the end-of-file mark allow.
fn narrow(doc: &Doc, hunk: &Hunk, places: &mut Vec<usize>) {
    if places.len() < 2 && !hunk.at_end {
        return;
    }
    let height = old_lines(&hunk.lines).count();
    // What ends without a newline ends the file.
    if hunk.at_end || hunk.lines.last().is_some_and(|line| line.no_newline) {
        let at_end: Vec<usize> = places.iter().copied().filter(|at| at + height == doc.lines.len()).collect();
        if !at_end.is_empty() {
            *places = at_end;
        }
    }
    let mut range = 0..doc.lines.len();
    for anchor in &hunk.anchors {
        let found: Vec<usize> = range.clone().filter(|&at| is_anchor(&doc.lines[at].text, anchor)).collect();
        // An anchor that is missing or repeated says nothing certain.
        let [at] = found.as_slice() else { continue };
        range = *at..block_end(doc, *at).min(range.end);
    }
    if range.len() < doc.lines.len() {
        let inside: Vec<usize> = places.iter().copied().filter(|at| range.contains(at)).collect();
        if !inside.is_empty() {
            *places = inside;
        }
    }
}

fn is_anchor(own: &str, anchor: &str) -> bool {
    let (own, anchor) = (own.trim(), anchor.trim());
    own == anchor || (anchor.len() >= 4 && own.trim_end_matches([':', '{', ' ']) == anchor.trim_end_matches([':', '{', ' ']))
}

/// Where the block that an anchor line opens ends: the next line indented no deeper that is not
/// just a closer.
fn block_end(doc: &Doc, at: usize) -> usize {
    let depth = indent(&doc.lines[at].text).len();
    let closer = |text: &str| text.trim().chars().all(|c| matches!(c, '}' | ')' | ']' | ';' | ',' | '{' | '('));
    (at + 1..doc.lines.len())
        .find(|&line| {
            let text = &doc.lines[line].text;
            !text.trim().is_empty() && indent(text).len() <= depth && !closer(text)
        })
        .unwrap_or(doc.lines.len())
}

fn indent(text: &str) -> &str {
    &text[..text.len() - text.trim_start().len()]
}

/// A numberless edit whose new side already stands where its old side was found.
fn repeated(doc: &Doc, hunk: &Hunk, at: usize) -> bool {
    let new: Vec<&Line> = new_lines(&hunk.lines).collect();
    let inserts = hunk.lines.iter().any(|line| line.kind == LineKind::Insert && !line.text.trim().is_empty());
    let deletes = hunk.lines.iter().any(|line| line.kind == LineKind::Delete);
    inserts
        && !deletes
        && at + new.len() <= doc.lines.len()
        && new.iter().zip(&doc.lines[at..]).all(|(line, own)| same(line, &own.text, Level::TrailingWhitespace))
}

/// The old side is nowhere, but the new side is: the edit was made before.
fn already(doc: &Doc, hunk: &Hunk) -> Result<bool, PatchError> {
    let new: Vec<&Line> = new_lines(&hunk.lines).collect();
    let count = |kind: LineKind, counts: fn(&str) -> bool| hunk.lines.iter().filter(|line| line.kind == kind && counts(&line.text)).count();
    let written = |text: &str| !text.trim().is_empty();
    let told = count(LineKind::Insert, significant) > 0
        || count(LineKind::Context, significant) >= 2
        || (count(LineKind::Insert, written) > 0 && count(LineKind::Context, written) >= 2);
    if !told {
        return Ok(false);
    }
    Ok(!fits(doc, &new, |line, own| same(line, own, Level::TrailingWhitespace))?.is_empty())
}

/// A line that tells one place from another.
fn significant(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphanumeric()).count() >= 2
}

/// A line that stands for left-out lines.
pub(super) fn is_elision(text: &str) -> bool {
    let text = text.trim();
    let unmarked = ["//", "#", "--", "/*", "<!--", ";", "%", "*"].iter().find_map(|mark| text.strip_prefix(mark));
    let (marked, text) = (unmarked.is_some(), unmarked.unwrap_or(text));
    let text = text.trim_end_matches("*/").trim_end_matches("-->").trim();
    if matches!(text, "..." | "…" | "....") {
        return true;
    }
    let dotted = text.starts_with("...") || text.starts_with('…') || text.ends_with("...") || text.ends_with('…');
    let lower = text.to_ascii_lowercase();
    let wordy = text.trim_matches(['(', ')', '[', ']', '.', ' ']).to_ascii_lowercase();
    let said = ["unchanged", "the same", "as before", "omitted", "goes here", "stays here"].iter().any(|end| wordy.ends_with(end));
    let left = ["rest of ", "the rest ", "remaining ", "remainder of ", "existing ", "other ", "previous "].iter().any(|start| wordy.starts_with(start));
    if said && left && text.len() < 80 && marked {
        return true;
    }
    dotted && text.len() < 80 && ["existing", "unchanged", "rest of", "remaining", "same as", "omitted", "snip"].iter().any(|word| lower.contains(word))
}

/// A hunk whose context holds elisions: each part must have its own certain place, in order.
fn in_parts(doc: &Doc, hunk: &Hunk) -> Result<Option<Placement>, PatchError> {
    let gap = |line: &Line| line.kind == LineKind::Context && is_elision(&line.text);
    if !hunk.lines.iter().any(gap) {
        return Ok(None);
    }
    let parts: Vec<&[Line]> = hunk.lines.split(gap).filter(|part| !part.is_empty()).collect();
    let Some(mut placed) = in_order(doc, hunk, &parts)? else { return Ok(Some(Placement::Nowhere)) };
    placed.2.insert(0, RepairKind::Elided);
    Ok(Some(Placement::Certain { at: placed.0, edits: placed.1, repairs: placed.2 }))
}

/// First line, edits and mendings of a placed hunk.
type Found = (usize, Vec<Edit>, Vec<RepairKind>);

/// Places for all parts with edits, or none. Parts of context only narrow where the next may be.
fn in_order(doc: &Doc, hunk: &Hunk, parts: &[&[Line]]) -> Result<Option<Found>, PatchError> {
    let mut floor = 0;
    let (mut first, mut edits, mut repairs) = (None, Vec::new(), Vec::new());
    for part in parts {
        let changes = part.iter().any(|line| line.kind != LineKind::Context);
        let height = old_lines(part).count();
        let mut found = None;
        for level in LEVELS {
            let mut places = matches(doc, part, level)?;
            places.retain(|at| *at >= floor);
            if !hunk.anchors.is_empty() {
                narrow(doc, hunk, &mut places);
            }
            if !places.is_empty() {
                found = Some((level, places));
                break;
            }
        }
        match found {
            Some((level, places)) if places.len() == 1 => {
                let at = places[0];
                if changes {
                    let (more, mended) = edits_at(doc, part, at, level);
                    edits.extend(more);
                    repairs.extend(mended);
                    first.get_or_insert(at);
                }
                floor = at + height;
            }
            // Context that is repeated or gone does not help, and does not hurt.
            _ if !changes => {}
            _ => return Ok(None),
        }
    }
    repairs.sort_unstable();
    repairs.dedup();
    Ok(first.map(|at| (at, edits, repairs)))
}

/// The last resort: context that is not in the file is left out, around the hunk and between its
/// edits, as long as what remains has one place.
fn stale(doc: &Doc, hunk: &Hunk) -> Result<Placement, PatchError> {
    if let Some((at, edits, mut repairs)) = peeled(doc, &hunk.lines, 0)? {
        repairs.insert(0, RepairKind::StaleContext);
        return Ok(Placement::Certain { at, edits, repairs });
    }
    let groups = groups(&hunk.lines);
    if groups.len() < 2 {
        return Ok(Placement::Nowhere);
    }
    let (mut floor, mut first, mut edits, mut repairs) = (0, None, Vec::new(), vec![RepairKind::StaleContext]);
    for group in groups {
        let Some((at, more, mended)) = peeled(doc, group, floor)? else { return Ok(Placement::Nowhere) };
        floor = more.last().map_or(at, |edit: &Edit| edit.end);
        first.get_or_insert(at);
        edits.extend(more);
        repairs.extend(mended);
    }
    repairs.sort_unstable();
    repairs.dedup();
    Ok(first.map_or(Placement::Nowhere, |at| Placement::Certain { at, edits, repairs }))
}

/// The hunk as runs of edits, each with the context on both of its sides.
fn groups(lines: &[Line]) -> Vec<&[Line]> {
    let mut groups = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < lines.len() {
        while at < lines.len() && lines[at].kind == LineKind::Context {
            at += 1;
        }
        if at == lines.len() {
            break;
        }
        while at < lines.len() && lines[at].kind != LineKind::Context {
            at += 1;
        }
        let after = at;
        while at < lines.len() && lines[at].kind == LineKind::Context {
            at += 1;
        }
        groups.push(&lines[start..at]);
        start = after;
        at = after;
    }
    groups
}

/// Peel outer context, least first, until one place remains.
fn peeled(doc: &Doc, lines: &[Line], floor: usize) -> Result<Option<Found>, PatchError> {
    let top = lines.iter().take_while(|line| line.kind == LineKind::Context).count();
    let bottom = lines.iter().rev().take_while(|line| line.kind == LineKind::Context).count();
    if top == lines.len() {
        return Ok(None);
    }
    let steps = |count: usize| -> Vec<usize> { (0..=count.min(PEEL)).chain((count > PEEL).then_some(count)).collect() };
    let mut ways: Vec<(usize, usize)> = steps(top).into_iter().flat_map(|a| steps(bottom).into_iter().map(move |b| (a, b))).collect();
    ways.sort_by_key(|(a, b)| (a + b, a.abs_diff(*b)));
    for (a, b) in ways {
        let core = &lines[a..lines.len() - b];
        if !holds(core, top > 0, bottom > 0) {
            continue;
        }
        for level in LEVELS {
            let places = matches(doc, core, level)?;
            match places.as_slice() {
                [] => {}
                [at] if *at >= floor => {
                    if unmarked(doc, lines, a, b, *at) {
                        return Ok(None);
                    }
                    let (edits, repairs) = edits_at(doc, core, *at, level);
                    return Ok(Some((*at, edits, repairs)));
                }
                // Repeated already: with less context it can only be more so.
                _ => return Ok(None),
            }
        }
    }
    Ok(None)
}

/// A line of the context that was left out, with `a` lines above and `b` below, looks like an inserted one that lost its `+`: the file goes
/// on without it. Where the file has another line in its place, it was only remembered wrongly.
fn unmarked(doc: &Doc, lines: &[Line], a: usize, b: usize, at: usize) -> bool {
    let core = &lines[a..lines.len() - b];
    let below = at + old_lines(core).count();
    let above: Vec<&str> = doc.lines[..at].iter().rev().map(|line| line.text.trim()).take(a).collect();
    let under: Vec<&str> = doc.lines.get(below..).unwrap_or_default().iter().map(|line| line.text.trim()).take(b).collect();
    let top: Vec<&str> = lines[..a].iter().rev().map(|line| line.text.trim()).collect();
    let bottom: Vec<&str> = lines[lines.len() - b..].iter().map(|line| line.text.trim()).collect();
    let edits = |line: Option<&Line>| line.is_some_and(|line| line.kind != LineKind::Context);
    // What stands elsewhere in the file may be context of another place.
    let strange = |line: Option<&&str>| line.is_some_and(|line| !line.is_empty() && !doc.index.contains_key(*line));
    is_extra(&top, &above, edits(core.first()) && strange(top.first())) || is_extra(&bottom, &under, edits(core.last()) && strange(bottom.first()))
}

/// Whether `said`, read away from the edit, goes on as `own` does once one to four of its lines are left out. Where nothing farther tells,
/// a strange line that touches an edit is doubtful.
fn is_extra(said: &[&str], own: &[&str], touches: bool) -> bool {
    let agree = |from: usize, shift: usize| (from..said.len()).filter(|k| !said[*k].is_empty() && own.get(k - shift) == Some(&said[*k])).count();
    let Some(first) = (0..said.len()).find(|k| own.get(*k) != Some(&said[*k])) else { return false };
    let straight = agree(first + 1, 0);
    let extra = |shift: &usize| said.get(first..first + shift).is_some_and(|lines| lines.iter().any(|line| !line.is_empty()));
    let shifted = (1..=4).filter(extra).map(|shift| agree(first + shift, shift)).max().unwrap_or(0);
    let doubtful = straight == 0 && first == 0 && touches && !own.first().is_some_and(|own| similar(said[0], own));
    shifted > straight || doubtful
}

/// Two spellings of one line share at least half of their words.
fn similar(a: &str, b: &str) -> bool {
    let words =
        |text: &str| -> Vec<String> { text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).map(str::to_owned).collect() };
    let (a, mut b) = (words(a), words(b));
    let longest = a.len().max(b.len());
    let common = a.iter().filter(|word| b.iter().position(|other| other == *word).map(|at| b.swap_remove(at)).is_some()).count();
    common > 0 && common * 2 >= longest
}

/// Enough evidence remains: the removed lines themselves, or, where nothing is removed, the lines
/// on both sides of the insertion.
fn holds(core: &[Line], had_top: bool, had_bottom: bool) -> bool {
    let deletes = core.iter().any(|line| line.kind == LineKind::Delete && significant(&line.text));
    if deletes {
        // An insertion at the rim of what is left must still touch a known line.
        return core.first().is_some_and(|line| line.kind != LineKind::Insert) || core.last().is_some_and(|line| line.kind != LineKind::Insert);
    }
    let context = core.iter().any(|line| line.kind == LineKind::Context && significant(&line.text));
    let top = core.first().is_some_and(|line| line.kind == LineKind::Context);
    let bottom = core.last().is_some_and(|line| line.kind == LineKind::Context);
    context && (top || !had_top) && (bottom || !had_bottom) && (top || bottom)
}

/// How inserted lines are indented where the file indents differently from the answer.
enum Reindent<'a> {
    Same,
    Add(&'a str),
    Strip(&'a str),
    /// So many blanks are one tab.
    ToTabs(usize),
    /// One tab is so many blanks.
    ToSpaces(usize),
    Map(HashMap<&'a str, &'a str>),
}

impl Reindent<'_> {
    fn line(&self, text: &str) -> Option<String> {
        if text.is_empty() || (text.trim().is_empty() && !matches!(self, Self::Add(_))) {
            return Some(text.to_owned());
        }
        let (own, rest) = (indent(text), text.trim_start());
        match self {
            Self::Same => Some(text.to_owned()),
            Self::Add(prefix) => Some(format!("{prefix}{text}")),
            Self::Strip(prefix) => text.strip_prefix(prefix).map(str::to_owned),
            Self::ToTabs(width) => {
                let blanks = own.len();
                (own.bytes().all(|byte| byte == b' ') && blanks.is_multiple_of(*width)).then(|| format!("{}{rest}", "\t".repeat(blanks / width)))
            }
            Self::ToSpaces(width) => own.bytes().all(|byte| byte == b'\t').then(|| format!("{}{rest}", " ".repeat(own.len() * width))),
            Self::Map(map) => map.get(own).map(|indent| format!("{indent}{rest}")),
        }
    }
}

/// The one rule that explains every pair of indentations and can indent every inserted line.
fn indentation<'a>(doc: &'a Doc, lines: &'a [Line], at: usize) -> Option<Reindent<'a>> {
    let pairs: Vec<(&str, &str)> = old_lines(lines)
        .zip(&doc.lines[at..])
        .filter(|(line, _)| !line.text.trim().is_empty())
        .map(|(line, own)| (indent(&line.text), indent(&own.text)))
        .collect();
    let rule = reindent(&pairs)?;
    lines.iter().filter(|line| line.kind == LineKind::Insert).all(|line| rule.line(&line.text).is_some()).then_some(rule)
}

fn reindent<'a>(pairs: &[(&'a str, &'a str)]) -> Option<Reindent<'a>> {
    let (patch, own) = *pairs.iter().find(|(patch, own)| patch != own).or_else(|| pairs.first())?;
    if pairs.iter().all(|(patch, own)| patch == own) {
        return Some(Reindent::Same);
    }
    if let Some(prefix) = own.strip_suffix(patch)
        && pairs.iter().all(|(patch, own)| own.strip_suffix(patch) == Some(prefix))
    {
        return Some(Reindent::Add(prefix));
    }
    if let Some(prefix) = patch.strip_suffix(own)
        && pairs.iter().all(|(patch, own)| patch.strip_suffix(own) == Some(prefix))
    {
        return Some(Reindent::Strip(prefix));
    }
    let (blanks, tabs) = (|text: &str| text.bytes().all(|byte| byte == b' '), |text: &str| text.bytes().all(|byte| byte == b'\t'));
    if !own.is_empty() && pairs.iter().all(|(patch, own)| blanks(patch) && tabs(own)) {
        let width = patch.len() / own.len();
        if width > 0 && pairs.iter().all(|(patch, own)| patch.len() == own.len() * width) {
            return Some(Reindent::ToTabs(width));
        }
    }
    if !patch.is_empty() && pairs.iter().all(|(patch, own)| tabs(patch) && blanks(own)) {
        let width = own.len() / patch.len();
        if width > 0 && pairs.iter().all(|(patch, own)| own.len() == patch.len() * width) {
            return Some(Reindent::ToSpaces(width));
        }
    }
    let mut map: HashMap<&str, &str> = HashMap::new();
    for (patch, own) in pairs {
        if map.insert(patch, own).is_some_and(|before| before != *own) {
            return None;
        }
    }
    Some(Reindent::Map(map))
}

/// The edits of `lines` at a place where their old side fits at `level`, and what was mended.
fn edits_at(doc: &Doc, lines: &[Line], at: usize, level: Level) -> (Vec<Edit>, Vec<RepairKind>) {
    let mut repairs = Vec::new();
    match level {
        Level::Exact => {}
        Level::TrailingWhitespace => repairs.push(RepairKind::TrailingWhitespace),
        Level::LostPrefix => repairs.push(RepairKind::Prefix),
        Level::Indentation => repairs.push(RepairKind::Indentation),
    }
    let rule = if level == Level::Indentation { indentation(doc, lines, at) } else { None }.unwrap_or(Reindent::Same);
    let ends = LineEnds::read(doc, lines, at, &mut repairs);
    let mut edits: Vec<Edit> = Vec::new();
    let mut open: Option<Edit> = None;
    let mut position = at;
    for line in lines {
        match line.kind {
            LineKind::Context => {
                edits.extend(open.take());
                position += 1;
            }
            LineKind::Delete => {
                let edit = open.get_or_insert_with(|| Edit { start: position, end: position, lines: Vec::new() });
                position += 1;
                edit.end = position;
            }
            LineKind::Insert => {
                let edit = open.get_or_insert_with(|| Edit { start: position, end: position, lines: Vec::new() });
                let text = rule.line(&line.text).unwrap_or_else(|| line.text.clone());
                let eol = ends.inserted(doc, line, edit.start);
                edit.lines.push(DocLine { text, eol });
            }
        }
    }
    edits.extend(open);
    for edit in &mut edits {
        keep_order_mark(doc, edit);
        if edit.end == doc.lines.len()
            && let Some(last) = edit.lines.last_mut()
        {
            ends.close(last, doc);
        }
    }
    (edits, repairs)
}

/// The byte order mark stays at the head of the file, whatever replaces its first line.
fn keep_order_mark(doc: &Doc, edit: &mut Edit) {
    let marked = doc.lines.first().is_some_and(|line| line.text.starts_with('\u{feff}'));
    if marked
        && edit.start == 0
        && edit.end > 0
        && let Some(first) = edit.lines.first_mut()
        && !first.text.starts_with('\u{feff}')
    {
        first.text.insert(0, '\u{feff}');
    }
}

/// What the hunk says about line ends, and what the file has.
struct LineEnds {
    /// The hunk changes line ends on purpose: a line goes and comes back with another end.
    meant: bool,
    /// `\ No newline` stands in the hunk, on the old or the new side.
    marked_old: bool,
    marked_new: bool,
    /// The file ends without a newline.
    unended: bool,
}

impl LineEnds {
    fn read(doc: &Doc, lines: &[Line], at: usize, repairs: &mut Vec<RepairKind>) -> Self {
        let of = |kind: LineKind| lines.iter().filter(move |line| line.kind == kind);
        let meant = of(LineKind::Delete).any(|old| of(LineKind::Insert).any(|new| old.text == new.text && old.cr != new.cr));
        let marked_old = old_lines(lines).any(|line| line.no_newline);
        // On an old line that others follow the mark says how the file ended, not how it shall end.
        let marked_new = new_lines(lines).last().is_some_and(|line| line.no_newline);
        let unended = doc.lines.last().is_some_and(|line| line.eol == Eol::None);
        let pairs = || old_lines(lines).zip(doc.lines.get(at..).unwrap_or_default());
        // A diff that spells out the `\r` of every old line is exact to the byte, new lines included.
        let faithful = pairs().any(|(line, _)| line.cr) && pairs().all(|(line, own)| own.eol == Eol::None || (own.eol == Eol::CrLf) == line.cr);
        let meant = meant || faithful;
        if pairs().any(|(line, own)| (own.eol == Eol::CrLf) != line.cr && own.eol != Eol::None) {
            repairs.push(RepairKind::LineEndings);
        }
        if pairs().any(|(line, own)| (own.eol == Eol::None) != line.no_newline) {
            repairs.push(RepairKind::FinalNewline);
        }
        Self { meant, marked_old, marked_new, unended }
    }

    /// The end of an inserted line: its own where that is meant, else its neighbour's.
    fn inserted(&self, doc: &Doc, line: &Line, at: usize) -> Eol {
        if self.meant || doc.lines.is_empty() {
            return if line.cr { Eol::CrLf } else { Eol::Lf };
        }
        let neighbour = doc.lines.get(at).or_else(|| at.checked_sub(1).and_then(|at| doc.lines.get(at)));
        neighbour.map(|line| line.eol).filter(|eol| *eol != Eol::None).unwrap_or(doc.dominant)
    }

    /// The end of an inserted line that becomes the last of the file.
    fn close(&self, last: &mut DocLine, doc: &Doc) {
        let believed_wrongly = self.marked_old && !self.unended && !doc.lines.is_empty();
        let unmarked = !self.marked_old && !self.marked_new;
        if (self.marked_new && !believed_wrongly) || (unmarked && self.unended) {
            last.eol = Eol::None;
        }
    }
}
