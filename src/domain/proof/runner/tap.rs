//! TAP, and Perl's `prove` that sums it up.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::line::number;
use crate::domain::proof::report::{Reader, Tally};

pub(super) const KIND: Kind = Kind { starts, ask: |_| None, sums: Sums::Once, reader: || Box::new(Tap::default()) };

fn starts(call: &Call) -> bool {
    call.is("prove") || call.is("bats")
}

/// Top-level lines of a TAP stream: a plan `1..N` and N results. <https://testanything.org/tap-version-14-specification.html>
#[derive(Default)]
struct Tap {
    tally: Tally,
    versioned: bool,
    plans: u64,
    planned: u64,
    results: [u64; 3],
    /// `prove`'s own count of tests and of failed ones.
    proved: Option<u64>,
    failed_subtests: u64,
}

static PLAN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^1\.\.(\d+)(?:\s*#.*)?$").expect("constant pattern"));
static RESULT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(not )?ok\b(?: (\d+))?(?: - | )?(.*)$").expect("constant pattern"));
static PROVE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^Files=\d+, Tests=(\d+),").expect("constant pattern"));
static SUBTESTS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^Failed \d+/\d+ test programs\. (\d+)/\d+ subtests failed\.").expect("constant pattern"));

impl Reader for Tap {
    fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if line.starts_with("TAP version ") {
            self.versioned = true;
        } else if let Some(found) = PLAN.captures(line) {
            self.plans += 1;
            self.planned = self.planned.saturating_add(number(&found[1]).unwrap_or(0));
        } else if let Some(found) = PROVE.captures(line) {
            if self.proved.replace(number(&found[1]).unwrap_or(0)).is_some() {
                self.tally.contradicts("prove summed up twice");
            }
        } else if let Some(found) = SUBTESTS.captures(line) {
            self.failed_subtests = number(&found[1]).unwrap_or(0);
        } else if let Some(found) = RESULT.captures(line) {
            let rest = &found[3];
            // Go prints `ok  \tpackage`; a TAP result has a number or a dash.
            if line.contains('\t') || (found.get(2).is_none() && !line.contains(" - ")) {
                return;
            }
            let (name, directive) = rest.split_once(" # ").unwrap_or((rest, ""));
            let directive = directive.to_ascii_uppercase();
            if directive.starts_with("SKIP") || directive.starts_with("TODO") {
                self.results[2] += 1;
                self.tally.skips(name);
            } else if found.get(1).is_some() {
                self.results[1] += 1;
                self.tally.fails(name);
            } else {
                self.results[0] += 1;
                self.tally.passes(name);
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        let [passed, failed, skipped] = self.results;
        let listed = passed + failed + skipped;
        if let Some(tests) = self.proved {
            self.tally.failed = self.failed_subtests.max(failed);
            self.tally.skipped = skipped;
            self.tally.passed = tests.saturating_sub(self.tally.failed + skipped);
            self.tally.runs = 1;
            return Some(self.tally);
        }
        // A plan alone is a line that any program may print.
        if self.plans == 0 || (listed == 0 && !self.versioned) {
            return None;
        }
        self.tally.runs = self.plans;
        if listed != self.planned {
            self.tally.contradicts(format!("{} tests were planned, {listed} have a result", self.planned));
        }
        (self.tally.passed, self.tally.failed, self.tally.skipped) = (passed, failed, skipped);
        Some(self.tally)
    }
}
