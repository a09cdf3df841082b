//! Hunks whose context is in part not in the file: what remains must have one place, and enough of it.

use super::super::{Hunk, Line, LineKind, PatchError, RepairKind};
use super::doc::{Doc, Edit};
use super::edits::edits_at;
use super::{Found, LEVELS, Placement, matches, old_lines, significant};

/// Outer context lines that are peeled off one by one before all of them are.
const PEEL: usize = 8;

/// The last resort: context that is not in the file is left out, around the hunk and between its
/// edits, as long as what remains has one place.
pub(super) fn stale(doc: &Doc, hunk: &Hunk) -> Result<Placement, PatchError> {
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
