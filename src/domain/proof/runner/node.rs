//! Node's own runner.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::line::{FAILED, IDLE, Outline, PASSED, marked, number, without_duration};
use crate::domain::proof::report::{Reader, Tally};

pub(super) const KIND: Kind = Kind { starts, ask: |_| None, sums: Sums::Once, reader: || Box::new(NodeTest::default()) };

fn starts(call: &Call) -> bool {
    call.is("node") && call.words.iter().any(|word| word == "--test")
}

/// Node's runner, `spec` and TAP: `ℹ tests 5` … `ℹ cancelled 0` … (with `#` in TAP).
/// <https://nodejs.org/api/test.html>
#[derive(Default)]
struct NodeTest {
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
                if name.starts_with("failing tests:") {
                    return;
                }
                if let Some((name, _)) = name.split_once(" # ").filter(|(_, directive)| is_idle(directive)) {
                    let full = self.outline.full(depth, without_duration(name));
                    self.tally.skips(&full);
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
            Some((mark, name)) if IDLE.contains(&mark) => {
                let full = self.outline.full(depth, without_duration(name.split(" # ").next().unwrap_or(name)));
                self.tally.skips(&full);
            }
            _ => {}
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        self.block();
        if self.blocks == 0 {
            return None;
        }
        self.tally.runs = self.blocks;
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than Node counts");
        }
        Some(self.tally)
    }
}

/// Whether what stands behind ` # ` says that a test did not have to pass.
fn is_idle(directive: &str) -> bool {
    directive.starts_with("SKIP") || directive.starts_with("TODO")
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
        if rest.split(" # ").skip(1).any(is_idle) {
            self.tally.skips(&full);
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
