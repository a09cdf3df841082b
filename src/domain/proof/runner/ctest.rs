//! CMake's `ctest`.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::line::number;
use crate::domain::proof::report::{Reader, Tally};

pub(super) const KIND: Kind = Kind { starts, ask: |_| None, sums: Sums::Once, reader: || Box::new(Ctest::default()) };

fn starts(call: &Call) -> bool {
    call.is("ctest")
}

/// ctest: `1/3 Test #1: name .....   Passed    0.01 sec`, then `67% tests passed, 1 tests failed out of 3`.
/// <https://cmake.org/cmake/help/latest/manual/ctest.1.html>
#[derive(Default)]
struct Ctest {
    tally: Tally,
    results: [u64; 3],
    totals: u64,
    summaries: u64,
}

static CTEST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*\d+/\d+ Test\s+#\d+: (.+?) \.*\s*(Passed|\*\*\*.+?)\s+[\d.]+ sec").expect("constant pattern"));
static CTEST_SUM: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\d+% tests passed, (\d+) tests? failed out of (\d+)").expect("constant pattern"));

impl Reader for Ctest {
    fn line(&mut self, line: &str) {
        if let Some(found) = CTEST.captures(line) {
            let (name, verdict) = (&found[1], &found[2]);
            if verdict == "Passed" {
                self.results[0] += 1;
                self.tally.passes(name);
            } else if verdict.starts_with("***Skipped") || verdict.contains("Disabled") {
                self.results[2] += 1;
                self.tally.skips(name);
            } else {
                self.results[1] += 1;
                self.tally.fails(name);
            }
        } else if let Some(found) = CTEST_SUM.captures(line) {
            self.summaries += 1;
            let failed: u64 = number(&found[1]).unwrap_or(0);
            self.totals = self.totals.saturating_add(number(&found[2]).unwrap_or(0));
            self.tally.failed = self.tally.failed.saturating_add(failed);
        } else if line.starts_with("No tests were found") {
            self.summaries += 1;
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if self.summaries == 0 && self.results == [0; 3] {
            return None;
        }
        let [passed, failed, skipped] = self.results;
        if self.summaries == 0 {
            self.tally.contradicts("ctest listed tests and gave no summary");
        } else if failed != self.tally.failed {
            self.tally.contradicts(format!("ctest listed {failed} failures and counted {}", self.tally.failed));
        }
        // ctest counts a skipped test as passed; without a listing the total is all there is.
        let listed = passed + failed + skipped;
        self.tally.passed = if listed > 0 { passed } else { self.totals.saturating_sub(self.tally.failed) };
        self.tally.skipped = skipped;
        self.tally.runs = self.summaries;
        Some(self.tally)
    }
}
