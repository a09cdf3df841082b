//! Jest.

use super::{Call, Kind, Sums};
use crate::domain::proof::ask::Wish;
use crate::domain::proof::line::{FAILED, IDLE, Outline, PASSED, count_of, marked, without_duration};
use crate::domain::proof::report::{Reader, Tally};
use crate::domain::proof::results::Form;

pub(super) const KIND: Kind = Kind { starts, ask, sums: Sums::Once, reader: || Box::new(Jest::default()) };

fn starts(call: &Call) -> bool {
    call.is("jest")
}

/// With a file, `--json` leaves the usual output as it is. <https://jestjs.io/docs/cli#--outputfilefilename>
fn ask(call: &Call) -> Option<Wish> {
    let own = ["--json", "--outputFile", "--watch", "--listTests", "--showConfig", "--version", "--help"];
    (!call.has(&own)).then_some(Wish::File { behind: 0, text: "--json --outputFile={}", form: Form::Jest })
}

/// Jest: `Tests:       1 failed, 4 passed, 6 total` below `Test Suites: …`, once for every run.
/// <https://jestjs.io/docs/cli>
#[derive(Default)]
struct Jest {
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
                Some((mark, name)) if IDLE.contains(&mark) => {
                    let name = name.strip_prefix("skipped ").or_else(|| name.strip_prefix("todo ")).unwrap_or(name);
                    let name = self.outline.full(depth, name);
                    self.tally.skips(&name);
                }
                _ => self.outline.group(depth, line),
            }
        } else {
            self.in_tree = false;
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if self.summaries == 0 || self.suites == 0 {
            return None;
        }
        if self.suites != self.summaries {
            self.tally.contradicts(format!("Jest summed up suites {} times and tests {} times", self.suites, self.summaries));
        }
        self.tally.runs = self.summaries;
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than Jest counts");
        }
        Some(self.tally)
    }
}
