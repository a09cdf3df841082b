//! Other readings of a hunk whose old lines are not in the file as they stand: numbered, escaped, or in look-alike characters.
//!
//! A reading must explain every old line of the hunk, and says the same of the inserted ones. It still has to find its place.

use std::collections::{BTreeSet, HashMap};

use super::doc::{Doc, indent, key};
use crate::domain::patch::{Hunk, Line, LineKind, RepairKind};

/// The readings of a hunk that differ from it.
pub(super) fn readings(doc: &Doc, hunk: &Hunk) -> Vec<(RepairKind, Hunk)> {
    let of = |kind, lines: Option<Vec<Line>>| lines.map(|lines| (kind, Hunk { lines, ..hunk.clone() }));
    [
        of(RepairKind::LineNumbers, unnumbered(&hunk.lines)),
        of(RepairKind::Escaped, unescaped(&hunk.lines)),
        of(RepairKind::Lookalike, as_in_file(doc, &hunk.lines)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `17 |     x`, `17:     x`, `    17\t    x`: the number and the text.
fn numbered(text: &str) -> Option<(usize, &str)> {
    let rest = text.trim_start_matches(' ');
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = rest[..digits].parse().ok()?;
    let rest = &rest[digits..];
    let rest = match rest.strip_prefix('\t') {
        Some(rest) => rest,
        None => {
            let rest = rest.trim_start_matches(' ').strip_prefix(['|', ':', '\u{2502}', '\u{2192}'])?;
            rest.strip_prefix(' ').unwrap_or(rest)
        }
    };
    Some((number, rest))
}

/// Without line numbers, which every old line must carry, one more each. Inserted lines carry one each or none at all.
fn unnumbered(lines: &[Line]) -> Option<Vec<Line>> {
    let inserts = lines.iter().filter(|line| line.kind == LineKind::Insert && !line.text.trim().is_empty());
    let with = inserts.clone().filter(|line| numbered(&line.text).is_some()).count();
    if with > 0 && with < inserts.count() {
        return None;
    }
    let mut last = None;
    let mut out = Vec::with_capacity(lines.len());
    for line in lines {
        let read = numbered(&line.text);
        let text = match (line.kind, read) {
            (LineKind::Insert, read) => read.map_or(line.text.as_str(), |(_, text)| text),
            (_, Some((number, text))) if last.is_none_or(|last| number == last + 1) => {
                last = Some(number);
                text
            }
            _ => return None,
        };
        out.push(Line { text: text.to_owned(), ..line.clone() });
    }
    last.map(|_| out)
}

const ENTITIES: [(&str, char); 7] = [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&'), ("&quot;", '"'), ("&#39;", '\''), ("&#x27;", '\''), ("&apos;", '\'')];

/// Without HTML's escapes, where the hunk is escaped throughout: no bare `<`, `>` or `&` stands in it.
fn unescaped(lines: &[Line]) -> Option<Vec<Line>> {
    let escaped = lines.iter().any(|line| line.kind != LineKind::Insert && ENTITIES.iter().any(|(entity, _)| line.text.contains(entity)));
    if !escaped {
        return None;
    }
    lines.iter().map(|line| plain(&line.text).map(|text| Line { text, ..line.clone() })).collect()
}

/// Whether every line is escaped as for HTML, or has nothing to escape, and an inserted one is.
pub(in super::super) fn inserts_escaped(lines: &[Line]) -> bool {
    lines.iter().all(|line| plain(&line.text).is_some())
        && lines.iter().any(|line| line.kind == LineKind::Insert && ENTITIES.iter().any(|(entity, _)| line.text.contains(entity)))
}

/// The lines with the inserted ones as they are without HTML's escapes.
pub(in super::super) fn inserts_plain(lines: &[Line]) -> Vec<Line> {
    let of = |line: &Line| (line.kind == LineKind::Insert).then(|| plain(&line.text)).flatten().map(|text| Line { text, ..line.clone() });
    lines.iter().map(|line| of(line).unwrap_or_else(|| line.clone())).collect()
}

fn plain(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '<' | '>' => return None,
            '&' => {
                let (entity, c) = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity))?;
                out.push(*c);
                rest = &rest[entity.len()..];
            }
            _ => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    Some(out)
}

/// What a typographer's character is in ASCII.
fn folded(c: char) -> char {
    match c {
        '\u{2018}'..='\u{201b}' | '\u{2032}' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{2033}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        c => c,
    }
}

fn fold(text: &str) -> String {
    text.chars().map(folded).collect()
}

/// Old lines as the file spells them, where that differs in look-alikes only. Where the answer had the typographer's character and the
/// file the plain one, inserted lines get the plain one too: they are code of the same file.
fn as_in_file(doc: &Doc, lines: &[Line]) -> Option<Vec<Line>> {
    let strange = |line: &Line| line.kind != LineKind::Insert && !doc.index.contains_key(key(&line.text));
    if !lines.iter().any(strange) {
        return None;
    }
    let mut spellings: HashMap<String, BTreeSet<&str>> = HashMap::new();
    for own in doc.index.keys() {
        spellings.entry(fold(own).trim().to_owned()).or_default().insert(own);
    }
    let mut plainer: BTreeSet<char> = BTreeSet::new();
    let mut out = lines.to_vec();
    for line in out.iter_mut().filter(|line| strange(line)) {
        let text = key(&line.text);
        let own = spellings.get(fold(text).trim()).filter(|owns| owns.len() == 1)?.first()?;
        plainer.extend(text.chars().zip(own.chars()).filter(|(c, own)| c != own && own.is_ascii()).map(|(_, own)| own));
        line.text = format!("{}{own}", fold(indent(&line.text)));
    }
    for line in out.iter_mut().filter(|line| line.kind == LineKind::Insert) {
        line.text = line.text.chars().map(|c| if plainer.contains(&folded(c)) { folded(c) } else { c }).collect();
    }
    Some(out)
}
