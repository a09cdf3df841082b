//! A placed hunk as edits of the file, with the file's own line ends and indentation.

use super::super::{Line, LineKind, RepairKind};
use super::doc::{Doc, DocLine, Edit, Eol};
use super::indent::{Reindent, indentation};
use super::{Level, new_lines, old_lines};

/// The edits of `lines` at a place where their old side fits at `level`, and what was mended.
pub(super) fn edits_at(doc: &Doc, lines: &[Line], at: usize, level: Level) -> (Vec<Edit>, Vec<RepairKind>) {
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
