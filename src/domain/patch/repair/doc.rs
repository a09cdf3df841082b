//! A file as lines, and the edits that are made to it.

use std::cell::Cell;
use std::collections::HashMap;

use super::super::PatchError;

/// Line comparisons one patch may cost: bounds a hostile answer, far beyond any honest one.
const WORK: u64 = 50_000_000;

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Eol {
    Lf,
    CrLf,
    /// The last line of a file without a final newline.
    None,
}

/// One line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct DocLine {
    pub text: String,
    pub eol: Eol,
}

/// A file as lines, with an index of where each trimmed line occurs.
#[derive(Debug)]
pub(in super::super) struct Doc {
    pub lines: Vec<DocLine>,
    pub(super) dominant: Eol,
    pub(super) index: HashMap<String, Vec<usize>>,
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

    pub fn spend(&self, amount: usize) -> Result<(), PatchError> {
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
pub(super) fn key(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

/// Lines `start..end` of the file become `lines`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Edit {
    pub start: usize,
    pub end: usize,
    pub lines: Vec<DocLine>,
}

/// The first line is compared without its byte order mark.
pub(super) fn own_text(own: &DocLine) -> &str {
    own.text.strip_prefix('\u{feff}').unwrap_or(&own.text)
}

/// The blanks a line begins with.
pub(super) fn indent(text: &str) -> &str {
    &text[..text.len() - text.trim_start().len()]
}
