//! JUnit on Ant's console.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::line::number;
use crate::domain::proof::report::{Reader, Tally};

pub(super) const KIND: Kind = Kind { starts, ask: |_| None, sums: Sums::Often, reader: || Box::new(Ant::default()) };

fn starts(call: &Call) -> bool {
    call.is("ant")
}

/// Ant's `<junit>`: one `[junit] Tests run: 5, Failures: 0, …` for every class, and no total.
/// <https://ant.apache.org/manual/Tasks/junit.html>
#[derive(Default)]
struct Ant {
    tally: Tally,
    classes: u64,
    suites: u64,
    /// The last `Testcase:`, until a line says how it ended.
    testcase: Option<String>,
}

static ANT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^Tests run: +(\d+), Failures: +(\d+), Errors: +(\d+)(?:, Skipped: +(\d+))?, Time elapsed: ").expect("constant pattern"));

impl Reader for Ant {
    fn line(&mut self, line: &str) {
        let Some(line) = line.trim_start().strip_prefix("[junit] ") else { return };
        if line.starts_with("Testsuite: ") || line.starts_with("Running ") {
            self.suites += 1;
        } else if let Some(found) = ANT.captures(line) {
            self.classes += 1;
            let [run, failures, errors, skipped] = [1, 2, 3, 4].map(|group| found.get(group).and_then(|count| number(count.as_str())).unwrap_or(0));
            self.tally.failed += failures + errors;
            self.tally.skipped += skipped;
            self.tally.passed += run.saturating_sub(failures + errors + skipped);
        } else if let Some(rest) = line.strip_prefix("Testcase: ") {
            self.testcase = rest.split([' ', ':']).next().map(str::to_owned);
            if rest.ends_with("FAILED") || rest.ends_with("Caused an ERROR") {
                self.ends_badly();
            }
        } else if matches!(line.trim(), "FAILED" | "Caused an ERROR") {
            self.ends_badly();
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if self.classes == 0 {
            return None;
        }
        if self.suites > 0 && self.classes > self.suites {
            self.tally.contradicts(format!("Ant started {} classes and counted {}", self.suites, self.classes));
        }
        (self.tally.runs, self.tally.announced) = (self.classes, self.suites);
        Some(self.tally)
    }
}

impl Ant {
    fn ends_badly(&mut self) {
        if let Some(name) = self.testcase.take() {
            self.tally.fails(&name);
        }
    }
}
