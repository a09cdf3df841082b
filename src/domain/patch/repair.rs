//! Finds where a hunk belongs, with growing tolerance, and turns it into edits of the file.
//!
//! The rule is the same at every level: a place counts only when it is certain. One match is
//! certain; several are not, unless the stated line numbers have proven themselves on the other
//! hunks of the file (see [`super::apply`]). What is kept of a match is always the file's own
//! spelling, so that drift in context never leaks into the result.

mod doc;
mod edits;
mod indent;
mod parts;
pub(super) mod spelling;
mod stale;

use super::{Hunk, Line, LineKind, PatchError, RepairKind};
pub(super) use doc::{Doc, Edit};
use doc::{indent, key, own_text};
use edits::edits_at;
use indent::indentation;
pub(super) use parts::{is_elision, is_placeholder};

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
    /// What is inserted stands there, at this line, and may be meant to stand there once more.
    Repeated { line: usize },
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
            Placement::Several { .. } | Placement::Already | Placement::Repeated { .. } => {}
        }
        *hunk = reading;
        return Ok(found);
    }
    if let Some(found) = parts::unmarked_gaps(doc, hunk)? {
        return Ok(found);
    }
    stale::stale(doc, hunk)
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
                    return Ok(standing(doc, hunk, *at));
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
    Ok(parts::in_parts(doc, hunk)?.unwrap_or(Placement::Nowhere))
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
    if let Some(at) = after_anchor(doc, hunk) {
        let there = hunk.lines.iter().enumerate().all(|(k, line)| doc.lines.get(at + k).is_some_and(|own| own.text.trim_end() == line.text.trim_end()));
        if there {
            return standing(doc, hunk, at);
        }
        let (edits, repairs) = edits_at(doc, &hunk.lines, at, Level::Exact);
        return Placement::Certain { at, edits, repairs };
    }
    let places = (0..=doc.lines.len()).collect();
    Placement::Several { level: Level::Exact, places }
}

/// The line behind the one that the anchors of a hunk name, if they name one and the new lines belong behind it: at the depth of what follows.
fn after_anchor(doc: &Doc, hunk: &Hunk) -> Option<usize> {
    let mut range = 0..doc.lines.len();
    let mut last = None;
    for anchor in &hunk.anchors {
        let [at] = anchor_lines(doc, range, anchor).try_into().ok()?;
        range = at + 1..block_end(doc, at).max(at + 1);
        last = Some(at);
    }
    let at = last?;
    let own = doc.lines[at].text.as_str();
    // Behind the first line of a call or of parameters nothing can be put.
    let count = |set: &[char]| own.chars().filter(|c| set.contains(c)).count();
    if count(&['(', '[']) > count(&[')', ']']) {
        return None;
    }
    let new = hunk.lines.iter().find(|line| !line.text.trim().is_empty())?;
    let next = doc.lines[at + 1..].iter().find(|line| !line.text.trim().is_empty()).map_or(own, |line| line.text.as_str());
    let depth = if indent(next).len() > indent(own).len() { indent(next) } else { indent(own) };
    (indent(&new.text) == depth).then_some(at + 1)
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
        let found = anchor_lines(doc, range.clone(), anchor);
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

/// The lines of `range` that an anchor names: by their whole text, or where none does, by their beginning (`def name` of `def name(self):`).
fn anchor_lines(doc: &Doc, range: std::ops::Range<usize>, anchor: &str) -> Vec<usize> {
    let whole: Vec<usize> = range.clone().filter(|&at| is_anchor(&doc.lines[at].text, anchor)).collect();
    let anchor = anchor.trim();
    if !whole.is_empty() || anchor.len() < 4 {
        return whole;
    }
    let begins = |own: &str| own.trim().strip_prefix(anchor).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
    range.filter(|&at| begins(&doc.lines[at].text)).collect()
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

/// What a numberless insertion is whose lines stand at its place: made before where one of them tells it from all other lines of the file and of
/// the hunk; else nobody knows whether it is to be made once more.
fn standing(doc: &Doc, hunk: &Hunk, at: usize) -> Placement {
    let context = |text: &str| hunk.lines.iter().any(|line| line.kind == LineKind::Context && line.text.trim() == text.trim());
    let only = |line: &&Line| line.kind == LineKind::Insert && significant(&line.text) && !context(&line.text);
    let told = hunk.lines.iter().filter(only).any(|line| doc.index.get(key(&line.text)).is_some_and(|places| places.len() == 1));
    if told {
        return Placement::Already;
    }
    let offset = new_lines(&hunk.lines).position(|line| line.kind == LineKind::Insert).unwrap_or(0);
    Placement::Repeated { line: at + offset }
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

/// First line, edits and mendings of a placed hunk.
type Found = (usize, Vec<Edit>, Vec<RepairKind>);

/// A line that tells one place from another.
fn significant(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphanumeric()).count() >= 2
}
