//! Pieces of a line that a runner printed: counts, durations, marks, names nested by indentation.

/// Lines longer than this are cut, in bytes.
const MAX_LINE: usize = 2_048;

/// Marks in front of a passing and of a failing test.
pub(super) const PASSED: [char; 3] = ['✓', '✔', '√'];
pub(super) const FAILED: [char; 4] = ['✕', '✖', '×', '✗'];
/// Marks in front of tests that do not run.
pub(super) const IDLE: [char; 5] = ['○', '✎', '↓', '﹣', '-'];

/// A line's mark and what follows it.
pub(super) fn marked(line: &str) -> Option<(char, &str)> {
    let trimmed = line.trim_start();
    let mark = trimmed.chars().next()?;
    let rest = trimmed[mark.len_utf8()..].strip_prefix(' ')?;
    Some((mark, rest))
}

/// A line as people see it: bounded, without escape sequences, with what a carriage return overwrote left out.
pub(super) fn clean(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.rsplit(|byte| *byte == b'\r').next().unwrap_or(line);
    let text = String::from_utf8_lossy(&line[..line.len().min(MAX_LINE)]);
    if !text.contains('\u{1b}') {
        return text.into_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            out.push(c);
            continue;
        }
        match chars.next() {
            // A control sequence ends with its first letter (or `@`, `~` and their like).
            Some('[') => {
                chars.by_ref().find(|c| ('\u{40}'..='\u{7e}').contains(c));
            }
            // An operating-system command ends with a bell or a string terminator.
            Some(']') => {
                chars.by_ref().find(|c| matches!(c, '\u{7}' | '\\'));
            }
            _ => {}
        }
    }
    out
}

/// A count. Capped far above what any run has, so that sums over a bounded output cannot overflow.
pub(super) fn number(text: &str) -> Option<u64> {
    const CAP: u64 = 1_000_000_000;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(CAP).min(CAP))
}

/// The number in front of a word, among pieces such as `3 failed, 10 passed`.
pub(super) fn count_of(text: &str, word: &str) -> Option<u64> {
    let mut before = None;
    for token in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '|' | '=')).filter(|t| !t.is_empty()) {
        if token.trim_end_matches(['.', ':']) == word && before.is_some() {
            return before;
        }
        before = number(token);
    }
    None
}

/// The number behind `word:` or `word=`.
pub(super) fn count_after(text: &str, word: &str) -> Option<u64> {
    let at = text.find(word)?;
    let rest = text[at + word.len()..].trim_start_matches([':', '=', ' ', '\t']);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    number(&rest[..end])
}

/// A name without the duration that runners put behind it: ` (12 ms)`, ` 12ms`, ` [0.1s]`.
pub(super) fn without_duration(name: &str) -> &str {
    let name = name.trim();
    let is_duration = |text: &str| {
        let text = text.trim_start_matches(['<', '>', '~', ' ']);
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim();
        text.starts_with(|c: char| c.is_ascii_digit()) && ["ms", "s", "m", "min", "sec", "µs", "ns"].contains(&unit)
    };
    for (open, close) in [('(', ')'), ('[', ']')] {
        if let Some(inner) = name.strip_suffix(close)
            && let Some((before, inside)) = inner.rsplit_once(open)
            && is_duration(inside)
        {
            return before.trim_end();
        }
    }
    match name.rsplit_once(' ') {
        Some((before, last)) if is_duration(last) && (last.ends_with("ms") || last.ends_with('s')) && last.len() > 1 => before.trim_end(),
        _ => name,
    }
}

/// Names nested by indentation, as reporters of the "spec" kind print them.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) open: Vec<(usize, String)>,
}

impl Outline {
    pub(super) fn depth(line: &str) -> usize {
        line.chars().take_while(|c| *c == ' ').count()
    }

    /// Opens a group at this depth; deeper and equally deep ones are closed.
    pub(super) fn group(&mut self, depth: usize, name: &str) {
        self.close(depth);
        // Depth is bounded by the line's length; names by the line's bound.
        self.open.push((depth, name.trim().to_owned()));
    }

    fn close(&mut self, depth: usize) {
        while self.open.last().is_some_and(|(open, _)| *open >= depth) {
            self.open.pop();
        }
    }

    /// The full name of a test at this depth.
    pub(super) fn full(&mut self, depth: usize, name: &str) -> String {
        self.close(depth);
        self.open.iter().map(|(_, name)| name.as_str()).chain([name.trim()]).collect::<Vec<_>>().join(" > ")
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }
}
