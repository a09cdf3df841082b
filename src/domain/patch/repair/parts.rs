//! Hunks that leave out lines of the file between their own: with a mark such as `...`, or without any.

use super::super::{Hunk, Line, LineKind, PatchError, RepairKind};
use super::doc::{Doc, Edit};
use super::edits::edits_at;
use super::{Found, LEVELS, Placement, matches, narrow, old_lines, significant};

/// A line that stands for left-out lines.
pub(in super::super) fn is_elision(text: &str) -> bool {
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

/// First words of a comment that only stands for code.
const STANDING: [&str; 28] = [
    "the",
    "rest",
    "remaining",
    "remainder",
    "existing",
    "other",
    "previous",
    "unchanged",
    "same",
    "omitted",
    "snip",
    "keep",
    "leave",
    "your",
    "code",
    "all",
    "more",
    "and",
    "everything",
    "etc",
    "implementation",
    "body",
    "method",
    "function",
    "class",
    "import",
    "imports",
    "as",
];

/// Whether a new line of `hunk` stands for code that is left out. A comment may speak of what exists and end in dots: it does where it begins as
/// a sentence, and no more lines go than come.
pub(in super::super) fn is_placeholder(text: &str, hunk: &Hunk) -> bool {
    if !is_elision(text) || !text.chars().any(char::is_alphabetic) {
        return false;
    }
    // What the file has already is only moved.
    if old_lines(&hunk.lines).any(|line| line.text.trim() == text.trim()) {
        return false;
    }
    let bare = text.trim().trim_start_matches(['/', '#', '-', '*', '<', '!', ';', '%', ' ']).to_ascii_lowercase();
    let first = bare.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let told = ["unchanged", "omitted", "snip", "same as", " code", " here"].iter().any(|word| bare.contains(word));
    let sentence = !first.is_empty() && !STANDING.contains(&first) && !told;
    let count = |kind: LineKind| hunk.lines.iter().filter(|line| line.kind == kind && !line.text.trim().is_empty()).count();
    !(sentence && count(LineKind::Delete) <= count(LineKind::Insert))
}

/// A hunk whose context holds elisions: each part must have its own certain place, in order.
pub(super) fn in_parts(doc: &Doc, hunk: &Hunk) -> Result<Option<Placement>, PatchError> {
    let gap = |line: &Line| line.kind == LineKind::Context && is_elision(&line.text);
    if !hunk.lines.iter().any(gap) {
        return Ok(None);
    }
    let parts: Vec<&[Line]> = hunk.lines.split(gap).filter(|part| !part.is_empty()).collect();
    let Some(mut placed) = in_order(doc, hunk, &parts)? else { return Ok(Some(Placement::Nowhere)) };
    placed.2.insert(0, RepairKind::Elided);
    Ok(Some(Placement::Certain { at: placed.0, edits: placed.1, repairs: placed.2 }))
}

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

/// Places between lines of context where the file may have more of them, and places of one part: beyond, a hunk is not looked at for them.
const MOST_JOINTS: usize = 40;
const MOST_PLACES: usize = 20;

/// A hunk between whose lines of context the file has others, without any mark: every part must be in the file as it stands, in order, and
/// however the hunk is parted, all ways must mean the same edits.
pub(super) fn unmarked_gaps(doc: &Doc, hunk: &Hunk) -> Result<Option<Placement>, PatchError> {
    let lines = &hunk.lines;
    let context = |at: usize| lines[at].kind == LineKind::Context;
    let joints: Vec<usize> = (1..lines.len()).filter(|at| context(at - 1) && context(*at)).collect();
    if joints.len() > MOST_JOINTS {
        return Ok(None);
    }
    let single: Vec<Vec<&[Line]>> = joints.iter().map(|at| vec![&lines[..*at], &lines[*at..]]).collect();
    let pairs = joints.iter().enumerate().flat_map(|(k, a)| joints[k + 1..].iter().map(move |b| (*a, *b)));
    let double: Vec<Vec<&[Line]>> = pairs.map(|(a, b)| vec![&lines[..a], &lines[a..b], &lines[b..]]).collect();
    for partings in [single, double] {
        let mut ways: Vec<Found> = Vec::new();
        for parts in partings {
            // What could stand anywhere holds no place.
            if !parts.iter().all(|part| old_lines(part).any(|line| significant(&line.text))) {
                continue;
            }
            for found in ordered(doc, &parts)? {
                if !ways.iter().any(|way| way.1 == found.1) {
                    ways.push(found);
                }
            }
            if ways.len() > 1 {
                return Ok(None);
            }
        }
        if let Some((at, edits, mut repairs)) = ways.pop() {
            repairs.insert(0, RepairKind::Elided);
            repairs.dedup();
            return Ok(Some(Placement::Certain { at, edits, repairs }));
        }
    }
    Ok(None)
}

/// Every way to place `parts` one behind the other; two are as good as all.
fn ordered(doc: &Doc, parts: &[&[Line]]) -> Result<Vec<Found>, PatchError> {
    // (where the next may begin, what was placed)
    let mut ways: Vec<(usize, Vec<(usize, usize)>)> = vec![(0, Vec::new())];
    let mut levels = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let mut found = None;
        for level in LEVELS {
            let places = matches(doc, part, level)?;
            if !places.is_empty() {
                found = Some((level, places));
                break;
            }
        }
        let Some((level, places)) = found.filter(|(_, places)| places.len() <= MOST_PLACES) else { return Ok(Vec::new()) };
        levels.push(level);
        let height = old_lines(part).count();
        let mut more = Vec::new();
        for (floor, placed) in &ways {
            for at in places.iter().filter(|at| **at >= *floor) {
                let mut placed = placed.clone();
                placed.push((number, *at));
                more.push((at + height, placed));
            }
        }
        ways = more;
    }
    let mut out: Vec<Found> = Vec::new();
    for (_, placed) in ways {
        let (mut edits, mut repairs) = (Vec::new(), Vec::new());
        for (number, at) in placed {
            if parts[number].iter().any(|line| line.kind != LineKind::Context) {
                let (more, mended) = edits_at(doc, parts[number], at, levels[number]);
                edits.extend(more);
                repairs.extend(mended);
            }
        }
        repairs.sort_unstable();
        repairs.dedup();
        let Some(first) = edits.first().map(|edit: &Edit| edit.start) else { continue };
        if !out.iter().any(|way| way.1 == edits) {
            out.push((first, edits, repairs));
        }
        if out.len() > 1 {
            break;
        }
    }
    Ok(out)
}
