//! pytest.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::ask::Wish;
use crate::domain::proof::line::count_of;
use crate::domain::proof::report::{Reader, Tally};
use crate::domain::proof::results::Form;

pub(super) const KIND: Kind = Kind { starts, ask, sums: Sums::Once, reader: || Box::new(Pytest::default()) };

fn starts(call: &Call) -> bool {
    call.is("pytest") || call.is("py.test")
}

/// `PYTEST_ADDOPTS` is read by every pytest since 2.4, and cleared by pytest's own plugin for tests that run pytest.
/// <https://docs.pytest.org/en/stable/reference/reference.html#envvar-PYTEST_ADDOPTS>
fn ask(call: &Call) -> Option<Wish> {
    let own = ["--junit", "--collect-only", "--co", "--version", "--help", "--fixtures"];
    (!call.has(&own)).then_some(Wish::Variable { name: "PYTEST_ADDOPTS", value: "--junitxml={}", form: Form::Junit })
}

/// pytest, with any of `-v`, `-q`, `-rA` and pytest-xdist.
/// <https://docs.pytest.org/en/stable/how-to/output.html>
#[derive(Default)]
struct Pytest {
    tally: Tally,
    sessions: u64,
    summaries: u64,
}

/// `tests/test_a.py::test_x PASSED [ 20%]`
static VERBOSE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(\S+::.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS|RERUN)\b(?: \(.*\))?\s*(?:\[\s*\d+%\])?\s*$").expect("constant pattern")
});
/// `[gw0] [ 20%] PASSED tests/test_a.py::test_x`
static WORKER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\[gw\d+\]\s+\[\s*\d+%\]\s+(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS|RERUN)\s+(\S.*?)\s*$").expect("constant pattern"));
/// `FAILED tests/test_a.py::test_x - AssertionError`
static LISTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(PASSED|FAILED|ERROR) (\S.*?)(?: - .*)?$").expect("constant pattern"));
/// `=== 1 failed, 4 passed in 0.12s ===`, and the same without rules for `-q`.
static SUMMARY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:=+ )?((?:(?:\d+ (?:failed|passed|skipped|deselected|xfailed|xpassed|errors?|warnings?|rerun|subtests passed|subtests failed))(?:, )?)+|no tests ran|no tests collected.*) in [\d.]+s?(?: \([\d:, days]+\))?(?: =+)?$")
        .expect("constant pattern")
});

impl Reader for Pytest {
    fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if line.starts_with("===") && line.contains(" test session starts ") {
            self.sessions += 1;
        } else if let Some(found) = SUMMARY.captures(line) {
            self.summaries += 1;
            let counts = &found[1];
            let count = |word| count_of(counts, word).unwrap_or(0);
            self.tally.passed += count("passed") + count("xpassed");
            self.tally.expected += count("xfailed");
            self.tally.failed += count("failed") + count("error") + count("errors");
            self.tally.skipped += count("skipped");
            self.tally.filtered += count("deselected");
        } else if let Some(found) = WORKER.captures(line) {
            self.verdict(&found[1], &found[2]);
        } else if let Some(found) = VERBOSE.captures(line) {
            self.verdict(&found[2], &found[1]);
        } else if let Some(found) = LISTED.captures(line) {
            let name = &found[2];
            // `ERROR: not found: …` and log lines are no tests: a test's id has a file in it.
            if name.contains("::") || name.ends_with(".py") || name.starts_with("collecting ") {
                match &found[1] {
                    "PASSED" => {
                        self.verdict("PASSED", name);
                    }
                    _ => self.tally.fails(name),
                }
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if self.sessions == 0 && self.summaries == 0 {
            return None;
        }
        // `-q` prints no header: how many summaries there may be then, the command says.
        if self.summaries < self.sessions || (self.sessions == 1 && self.summaries > 1) {
            self.tally.contradicts(format!("pytest started {} times and summed up {} times", self.sessions, self.summaries));
        }
        (self.tally.runs, self.tally.announced) = (self.summaries, self.sessions);
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than the summary counts");
        }
        Some(self.tally)
    }
}

impl Pytest {
    fn verdict(&mut self, verdict: &str, name: &str) {
        match verdict {
            "FAILED" | "ERROR" => self.tally.fails(name),
            // `-v` and `-rA` together name a test twice.
            _ if self.tally.knows(name) => {}
            "PASSED" | "XPASS" => self.tally.passes(name),
            "SKIPPED" => self.tally.skips(name),
            "XFAIL" => self.tally.fails_as_expected(name),
            _ => {}
        }
    }
}
