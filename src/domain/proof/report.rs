//! Reading what a test runner printed: how many tests ran, which passed, which failed, which were skipped.
//!
//! The output is written by the code under test, so it is hostile. A program can print anything a runner could
//! print; what this reader adds is that the pieces must fit each other (announced counts, listed tests, summaries),
//! and that a misfit is reported instead of being resolved in the program's favour. A program that forges a whole
//! consistent report cannot be told from the runner by its output alone: that is the limit of this method, and why
//! a proof also needs the exit code, the same command before and after, and a patch that leaves the tests alone.

mod compiled;
mod go;
mod javascript;
mod jvm;
mod others;
mod python;
mod tap;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Lines longer than this are cut, in bytes.
const MAX_LINE: usize = 2_048;
/// Most names kept of one kind.
const MAX_NAMES: usize = 100_000;

/// A test runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Runner {
    CargoTest,
    Nextest,
    Pytest,
    Unittest,
    Jest,
    Vitest,
    Mocha,
    NodeTest,
    Go,
    Maven,
    Gradle,
    Ant,
    Rspec,
    Minitest,
    Phpunit,
    Dotnet,
    Ctest,
    Tap,
}

/// What a run's output says about tests. Counts are of tests (of packages for `go test` without `-v`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TestReport {
    /// The runners that were recognised, in alphabetical order of their kind.
    pub runners: BTreeSet<Runner>,
    /// Tests that ran to an end: passed and failed.
    pub ran: u64,
    /// Tests that passed, by count.
    pub passed: u64,
    /// Names of tests seen passing; complete only where [`TestReport::names_all_passing`].
    pub passing: BTreeSet<String>,
    /// Names of tests seen failing, sorted.
    pub failing: BTreeSet<String>,
    /// Tests that failed, by count (errors while collecting included).
    pub failed: u64,
    /// Tests skipped, ignored, pending or to do.
    pub skipped: u64,
    /// Tests that were filtered out or deselected.
    pub filtered: u64,
    /// Every passing test is named.
    pub names_all_passing: bool,
    /// A runner finished that does not say how many tests ran when all pass (Gradle's default).
    pub uncounted: bool,
    /// Pieces of the output that do not fit each other.
    pub contradictions: Vec<String>,
}

/// What one reader found.
#[derive(Debug, Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
    filtered: u64,
    passing: BTreeSet<String>,
    failing: BTreeSet<String>,
    /// How many passing tests were named; more than `passing` where names repeat.
    named: u64,
    uncounted: bool,
    contradictions: Vec<String>,
}

impl Tally {
    fn passes(&mut self, name: &str) {
        self.named += 1;
        if self.passing.len() < MAX_NAMES {
            self.passing.insert(name.trim().to_owned());
        }
    }

    fn fails(&mut self, name: &str) {
        if self.failing.len() < MAX_NAMES {
            self.failing.insert(name.trim().to_owned());
        }
    }

    fn contradicts(&mut self, what: impl Into<String>) {
        if self.contradictions.len() < 10 {
            self.contradictions.push(what.into());
        }
    }
}

/// Reads one runner's lines.
trait Reader {
    /// One line, without escapes and line end.
    fn line(&mut self, line: &str);
    /// What was found; nothing where the runner did not speak at all.
    fn finish(self: Box<Self>) -> Option<(Runner, Tally)>;
}

impl TestReport {
    /// Reads the whole output of a command.
    pub fn read(output: &[u8]) -> Self {
        let mut readers: Vec<Box<dyn Reader>> = vec![
            Box::new(compiled::CargoTest::default()),
            Box::new(compiled::Nextest::default()),
            Box::new(compiled::Ctest::default()),
            Box::new(python::Pytest::default()),
            Box::new(python::Unittest::default()),
            Box::new(javascript::Jest::default()),
            Box::new(javascript::Vitest::default()),
            Box::new(javascript::Mocha::default()),
            Box::new(javascript::NodeTest::default()),
            Box::new(go::Go::default()),
            Box::new(jvm::Maven::default()),
            Box::new(jvm::Gradle::default()),
            Box::new(jvm::Ant::default()),
            Box::new(others::Rspec::default()),
            Box::new(others::Minitest::default()),
            Box::new(others::Phpunit::default()),
            Box::new(others::Dotnet::default()),
            Box::new(tap::Tap::default()),
        ];
        for line in output.split(|byte| *byte == b'\n') {
            let line = clean(line);
            for reader in &mut readers {
                reader.line(&line);
            }
        }
        let mut found: Vec<_> = readers.into_iter().filter_map(Reader::finish).collect();
        // TAP is also the form in which other runners report; theirs is the fuller reading.
        if found.iter().any(|(runner, _)| *runner == Runner::NodeTest) {
            found.retain(|(runner, _)| *runner != Runner::Tap);
        }
        let mut report = Self { names_all_passing: !found.is_empty(), ..Self::default() };
        for (runner, tally) in found {
            report.runners.insert(runner);
            report.passed = report.passed.saturating_add(tally.passed);
            report.failed = report.failed.saturating_add(tally.failed);
            report.skipped = report.skipped.saturating_add(tally.skipped);
            report.filtered = report.filtered.saturating_add(tally.filtered);
            report.names_all_passing &= tally.named >= tally.passed && !tally.uncounted;
            report.uncounted |= tally.uncounted;
            report.passing.extend(tally.passing);
            report.failing.extend(tally.failing);
            report.contradictions.extend(tally.contradictions);
        }
        report.ran = report.passed.saturating_add(report.failed);
        report
    }

    /// True where no runner was recognised: a compiler or a linter, say.
    pub fn is_empty(&self) -> bool {
        self.runners.is_empty()
    }

    /// True where this test is named among the passing ones and not among the failing ones.
    pub fn sees_passing(&self, name: &str) -> bool {
        self.passing.iter().any(|passing| same_test(passing, name)) && !self.sees_failing(name)
    }

    /// True where this test is named among the failing ones.
    pub fn sees_failing(&self, name: &str) -> bool {
        self.failing.iter().any(|failing| same_test(failing, name))
    }
}

/// Whether two names mean one test. Tools name a test with more or less of its surroundings
/// (`tests/test_a.py::test_x` or `test_x`, `Suite > works` or `works`): one may be the end of the other.
pub fn same_test(left: &str, right: &str) -> bool {
    let (left, right) = (normal(left), normal(right));
    let (short, long) = if left.len() <= right.len() { (&left, &right) } else { (&right, &left) };
    if short.is_empty() {
        return false;
    }
    long == short || long.strip_suffix(short.as_str()).is_some_and(|before| before.ends_with(['\u{1f}', ' ']))
}

/// A name with every separator of nested names made the same.
fn normal(name: &str) -> String {
    let name = name.trim().trim_end_matches("()");
    // unittest: `test_x (tests.test_a.Case)` or `test_x (tests.test_a.Case.test_x)`.
    if let Some((method, rest)) = name.split_once(" (") {
        let path = rest.strip_suffix(')').filter(|path| !path.is_empty() && !path.contains(char::is_whitespace) && path.contains('.'));
        if let Some(path) = path.filter(|_| !method.contains(char::is_whitespace)) {
            let case = path.strip_suffix(method).unwrap_or(path).trim_end_matches('.');
            return format!("{case}.{method}").replace(['.', ':'], "\u{1f}").replace("\u{1f}\u{1f}", "\u{1f}");
        }
    }
    let mut out = name.replace(" > ", "\u{1f}").replace(" › ", "\u{1f}").replace("::", "\u{1f}").replace(['#', '.', '/', '\\'], "\u{1f}");
    if out.contains(" \u{1f}") || out.contains("\u{1f} ") {
        out = out.replace(" \u{1f}", "\u{1f}").replace("\u{1f} ", "\u{1f}");
    }
    out
}

/// A line as people see it: bounded, without escape sequences, with what a carriage return overwrote left out.
fn clean(line: &[u8]) -> String {
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
fn number(text: &str) -> Option<u64> {
    const CAP: u64 = 1_000_000_000;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(CAP).min(CAP))
}

/// The number in front of a word, among pieces such as `3 failed, 10 passed`.
fn count_of(text: &str, word: &str) -> Option<u64> {
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
fn count_after(text: &str, word: &str) -> Option<u64> {
    let at = text.find(word)?;
    let rest = text[at + word.len()..].trim_start_matches([':', '=', ' ', '\t']);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    number(&rest[..end])
}

/// A name without the duration that runners put behind it: ` (12 ms)`, ` 12ms`, ` [0.1s]`.
fn without_duration(name: &str) -> &str {
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
struct Outline {
    open: Vec<(usize, String)>,
}

impl Outline {
    fn depth(line: &str) -> usize {
        line.chars().take_while(|c| *c == ' ').count()
    }

    /// Opens a group at this depth; deeper and equally deep ones are closed.
    fn group(&mut self, depth: usize, name: &str) {
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
    fn full(&mut self, depth: usize, name: &str) -> String {
        self.close(depth);
        self.open.iter().map(|(_, name)| name.as_str()).chain([name.trim()]).collect::<Vec<_>>().join(" > ")
    }

    fn clear(&mut self) {
        self.open.clear();
    }
}

#[cfg(test)]
mod tests;
