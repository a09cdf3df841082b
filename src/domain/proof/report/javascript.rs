//! Jest, Vitest, Mocha and Node's own runner.

use std::sync::LazyLock;

use regex::Regex;

use super::{Outline, Reader, Runner, Tally, count_of, number, without_duration};

/// Marks in front of a passing and of a failing test.
const PASSED: [char; 3] = ['✓', '✔', '√'];
const FAILED: [char; 4] = ['✕', '✖', '×', '✗'];
/// Marks in front of tests that do not run.
const IDLE: [char; 5] = ['○', '✎', '↓', '﹣', '-'];

/// A line's mark and what follows it.
fn marked(line: &str) -> Option<(char, &str)> {
    let trimmed = line.trim_start();
    let mark = trimmed.chars().next()?;
    let rest = trimmed[mark.len_utf8()..].strip_prefix(' ')?;
    Some((mark, rest))
}

/// Jest: `Tests:       1 failed, 4 passed, 6 total` below `Test Suites: …`, once for every run.
/// <https://jestjs.io/docs/cli>
#[derive(Default)]
pub(super) struct Jest {
    tally: Tally,
    suites: u64,
    summaries: u64,
    failed_suites: u64,
    /// Within the tree of tests behind `PASS file` or `FAIL file`.
    in_tree: bool,
    outline: Outline,
}

impl Reader for Jest {
    fn line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("Test Suites: ") {
            self.suites += 1;
            self.failed_suites = count_of(rest, "failed").unwrap_or(0);
        } else if let Some(rest) = line.strip_prefix("Tests: ") {
            self.summaries += 1;
            let count = |word| count_of(rest, word).unwrap_or(0);
            let (passed, failed) = (count("passed"), count("failed"));
            let idle = count("skipped") + count("todo") + count("pending");
            if passed + failed + idle != count("total") {
                self.tally.contradicts("the counts of Jest's summary do not add up");
            }
            self.tally.passed += passed;
            // A suite that cannot be loaded fails without a test.
            self.tally.failed += if failed == 0 { self.failed_suites } else { failed };
            self.tally.skipped += idle;
            self.in_tree = false;
        } else if line.starts_with("PASS ") || line.starts_with("FAIL ") {
            self.in_tree = true;
            self.outline.clear();
            if self.summaries == 0 && line.starts_with("FAIL ") {
                self.tally.fails(without_duration(&line[5..]));
            }
        } else if let Some(name) = line.strip_prefix("  ● ") {
            self.in_tree = false;
            let name = name.trim();
            if !name.starts_with("Console") && name != "Test suite failed to run" && !name.starts_with("Deprecation") {
                self.tally.fails(name);
            }
        } else if line.trim().is_empty() {
            // A blank line ends the tree, and separates the file's name from it in some versions.
        } else if self.in_tree && line.starts_with("  ") {
            let depth = Outline::depth(line);
            match marked(line) {
                Some((mark, name)) if PASSED.contains(&mark) => {
                    let name = self.outline.full(depth, without_duration(name));
                    self.tally.passes(&name);
                }
                Some((mark, name)) if FAILED.contains(&mark) => {
                    let name = self.outline.full(depth, without_duration(name));
                    self.tally.fails(&name);
                }
                Some((mark, _)) if IDLE.contains(&mark) => {}
                _ => self.outline.group(depth, line),
            }
        } else {
            self.in_tree = false;
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if self.summaries == 0 || self.suites == 0 {
            return None;
        }
        if self.suites != self.summaries {
            self.tally.contradicts(format!("Jest summed up suites {} times and tests {} times", self.suites, self.summaries));
        }
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than Jest counts");
        }
        Some((Runner::Jest, self.tally))
    }
}

/// Vitest: `Tests  1 failed | 4 passed (5)` below `Test Files  …`.
/// <https://vitest.dev/guide/reporters>
#[derive(Default)]
pub(super) struct Vitest {
    tally: Tally,
    files: u64,
    summaries: u64,
    failed_files: u64,
    outline: Outline,
}

static FILE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\(\d+ tests?\b[^)]*\)|^\S+\.[cm]?[jt]sx? \(\d+\)").expect("constant pattern"));

impl Reader for Vitest {
    fn line(&mut self, line: &str) {
        let trimmed = line.trim();
        if let Some(rest) = trimmed.strip_prefix("Test Files  ") {
            self.files += 1;
            self.failed_files = count_of(rest, "failed").unwrap_or(0);
        } else if let Some(rest) = trimmed.strip_prefix("Tests  ") {
            self.summaries += 1;
            let count = |word| count_of(rest, word).unwrap_or(0);
            let (passed, failed) = (count("passed"), count("failed"));
            let idle = count("skipped") + count("todo");
            let total = rest.rsplit_once('(').and_then(|(_, total)| number(total.trim_end_matches(')')));
            // Expected failures are counted in the total too.
            if total.is_some_and(|total: u64| passed + failed + idle + count("expected") != total) {
                self.tally.contradicts("the counts of Vitest's summary do not add up");
            }
            self.tally.passed += passed;
            self.tally.failed += if failed == 0 { self.failed_files } else { failed };
            self.tally.skipped += idle;
        } else if let Some(name) = trimmed.strip_prefix("FAIL  ") {
            self.tally.fails(name.split(" [ ").next().unwrap_or(name));
        } else if self.files == 0 {
            let depth = Outline::depth(line);
            match marked(line) {
                Some((mark, name)) if PASSED.contains(&mark) || mark == '❯' => {
                    let name = without_duration(name);
                    if mark == '❯' || FILE.is_match(name) {
                        self.outline.group(depth, name.split(" (").next().unwrap_or(name));
                    } else {
                        let name = self.outline.full(depth, name);
                        self.tally.passes(&name);
                    }
                }
                Some((mark, name)) if FAILED.contains(&mark) => {
                    let name = self.outline.full(depth, without_duration(name));
                    self.tally.fails(&name);
                }
                _ => {}
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if self.files == 0 {
            return None;
        }
        if self.files != self.summaries {
            self.tally.contradicts(format!("Vitest summed up files {} times and tests {} times", self.files, self.summaries));
        }
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than Vitest counts");
        }
        Some((Runner::Vitest, self.tally))
    }
}

/// Mocha's `spec` reporter: `  4 passing (10ms)`, `  1 failing`, then the failures by number.
/// <https://mochajs.org/#spec>
#[derive(Default)]
pub(super) struct Mocha {
    tally: Tally,
    summaries: u64,
    outline: Outline,
    /// The lines of a failure's title, until one ends with a colon.
    title: Vec<String>,
    in_title: bool,
}

static COUNT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\s+(\d+) (passing|failing|pending)(?: \([^)]*\))?\s*$").expect("constant pattern"));
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(\s+)\d+\) (.+)$").expect("constant pattern"));

impl Reader for Mocha {
    fn line(&mut self, line: &str) {
        if let Some(found) = COUNT.captures(line) {
            let count: u64 = number(&found[1]).unwrap_or(0);
            match &found[2] {
                "passing" => {
                    self.summaries += 1;
                    self.tally.passed += count;
                }
                "failing" => self.tally.failed += count,
                _ => self.tally.skipped += count,
            }
            return;
        }
        if self.summaries > 0 {
            self.failure(line);
            return;
        }
        let depth = Outline::depth(line);
        if depth == 0 {
            return;
        }
        match marked(line) {
            Some((mark, name)) if PASSED.contains(&mark) => {
                let name = self.outline.full(depth, without_duration(name));
                self.tally.passes(&name);
            }
            Some((mark, _)) if IDLE.contains(&mark) => {}
            _ => {
                if let Some(found) = NUMBERED.captures(line) {
                    let name = self.outline.full(depth, &found[2]);
                    self.tally.fails(&name);
                } else if !line.trim().is_empty() {
                    self.outline.group(depth, line);
                }
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if self.summaries == 0 {
            return None;
        }
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than Mocha counts");
        }
        Some((Runner::Mocha, self.tally))
    }
}

impl Mocha {
    fn failure(&mut self, line: &str) {
        if let Some(found) = NUMBERED.captures(line) {
            self.title = vec![found[2].trim().to_owned()];
            self.in_title = true;
        } else if self.in_title {
            self.title.push(line.trim().to_owned());
            // Titles are short; an error's text is not part of them.
            self.in_title = !line.trim().is_empty() && self.title.len() < 8;
        }
        if self.in_title && self.title.last().is_some_and(|last| last.ends_with(':')) {
            self.in_title = false;
            let name = self.title.join(" > ");
            self.tally.fails(name.trim_end_matches(':'));
        }
    }
}

/// Node's runner, `spec` and TAP: `ℹ tests 5` … `ℹ cancelled 0` … (with `#` in TAP).
/// <https://nodejs.org/api/test.html>
#[derive(Default)]
pub(super) struct NodeTest {
    tally: Tally,
    /// Counts of the current block, in the order of [`FIELDS`].
    counts: [Option<u64>; 6],
    blocks: u64,
    outline: Outline,
    /// Open `# Subtest:` entries of TAP: depth, name, whether something was inside.
    subtests: Vec<(usize, String, bool)>,
    /// A TAP test with others inside, until its `type:` tells a suite (which is not counted) from a test.
    parent: Option<String>,
}

const FIELDS: [&str; 6] = ["tests", "pass", "fail", "cancelled", "skipped", "todo"];
static FIELD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(?:ℹ|#) (tests|pass|fail|cancelled|skipped|todo) (\d+)$").expect("constant pattern"));
static TAP_LINE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^( *)(not )?ok \d+(?: - | )(.*)$").expect("constant pattern"));

impl Reader for NodeTest {
    fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(found) = FIELD.captures(line) {
            let Some(at) = FIELDS.iter().position(|field| *field == &found[1]) else { return };
            if self.counts[at].is_some() {
                self.block();
            }
            self.counts[at] = number(&found[2]);
            return;
        }
        if let Some((indent, name)) = line.split_once("# Subtest: ") {
            if indent.trim().is_empty() {
                if let Some(outer) = self.subtests.iter_mut().rev().find(|(depth, ..)| *depth < indent.len()) {
                    outer.2 = true;
                }
                self.subtests.push((indent.len(), name.to_owned(), false));
            }
            return;
        }
        if let Some(found) = TAP_LINE.captures(line) {
            self.tap(found[1].len(), found.get(2).is_some(), &found[3]);
            return;
        }
        let trimmed = line.trim();
        if let Some(parent) = self.parent.take() {
            match trimmed {
                "type: 'suite'" => {}
                "..." => self.tally.passes(&parent),
                _ => self.parent = Some(parent),
            }
            return;
        }
        let depth = Outline::depth(line);
        match marked(line) {
            Some(('▶', name)) => self.outline.group(depth, without_duration(name)),
            Some((mark, name)) if PASSED.contains(&mark) || FAILED.contains(&mark) => {
                if name.ends_with("# SKIP") || name.ends_with("# TODO") || name.starts_with("failing tests:") {
                    return;
                }
                let name = without_duration(name);
                // A suite's own line closes it.
                let closes = self.outline.open.iter().any(|(open, group)| *open == depth && group == name);
                let full = self.outline.full(depth, name);
                if closes {
                    return;
                }
                if FAILED.contains(&mark) {
                    self.tally.fails(&full);
                } else {
                    self.tally.passes(&full);
                }
            }
            _ => {}
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        self.block();
        if self.blocks == 0 {
            return None;
        }
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than Node counts");
        }
        Some((Runner::NodeTest, self.tally))
    }
}

impl NodeTest {
    fn tap(&mut self, depth: usize, failed: bool, rest: &str) {
        let at = self.subtests.iter().rposition(|(open, ..)| *open == depth);
        let parent = at.is_some_and(|at| self.subtests[at].2);
        let name = rest.split(" # ").next().unwrap_or(rest).trim();
        let full = self.subtests.iter().filter(|(open, ..)| *open < depth).map(|(_, name, _)| name.as_str()).chain([name]).collect::<Vec<_>>().join(" > ");
        if let Some(at) = at {
            self.subtests.truncate(at);
        }
        if rest.contains(" # SKIP") || rest.contains(" # TODO") {
            return;
        }
        match (failed, parent) {
            (true, false) => self.tally.fails(&full),
            // A parent fails because a child did, which has been named.
            (true, true) => {}
            (false, true) => self.parent = Some(full),
            (false, false) => self.tally.passes(&full),
        }
    }

    /// Takes over a whole block of counts; without `cancelled` it is another tool's.
    fn block(&mut self) {
        let counts = std::mem::take(&mut self.counts);
        let [Some(tests), Some(pass), Some(fail), Some(cancelled), skipped, todo] = counts else {
            return;
        };
        self.blocks += 1;
        let idle = skipped.unwrap_or(0) + todo.unwrap_or(0);
        if pass + fail + cancelled + idle != tests {
            self.tally.contradicts("the counts of Node's summary do not add up");
        }
        self.tally.passed += pass;
        self.tally.failed += fail + cancelled;
        self.tally.skipped += idle;
    }
}
