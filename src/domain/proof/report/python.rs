//! pytest and unittest.

use std::sync::LazyLock;

use regex::Regex;

use super::{Reader, Runner, Tally, count_after, count_of, number};

/// pytest, with any of `-v`, `-q`, `-rA` and pytest-xdist.
/// <https://docs.pytest.org/en/stable/how-to/output.html>
#[derive(Default)]
pub(super) struct Pytest {
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
            self.tally.failed += count("failed") + count("error") + count("errors");
            self.tally.skipped += count("skipped") + count("xfailed");
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
                        if !self.tally.passing.contains(name) {
                            self.tally.passes(name);
                        }
                    }
                    _ => self.tally.fails(name),
                }
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if self.sessions == 0 && self.summaries == 0 {
            return None;
        }
        // `-q` prints no header; then one summary is all there may be.
        let expected = self.sessions.max(1);
        if self.summaries != expected {
            self.tally.contradicts(format!("pytest started {expected} times and summed up {} times", self.summaries));
        }
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than the summary counts");
        }
        Some((Runner::Pytest, self.tally))
    }
}

impl Pytest {
    fn verdict(&mut self, verdict: &str, name: &str) {
        match verdict {
            // `-v` and `-rA` together name a test twice.
            "PASSED" | "XPASS" if !self.tally.passing.contains(name) => {
                self.tally.passes(name);
            }
            "FAILED" | "ERROR" => self.tally.fails(name),
            _ => {}
        }
    }
}

/// unittest (and Django): `Ran 5 tests in 0.001s`, then `OK` or `FAILED (failures=1, skipped=1)`.
/// <https://docs.python.org/3/library/unittest.html>
#[derive(Default)]
pub(super) struct Unittest {
    tally: Tally,
    /// The count of a `Ran N tests` whose verdict has not come yet.
    ran: Option<u64>,
    runs: u64,
    /// `test_x (mod.Case)` whose verdict stands on the next line, behind the docstring.
    pending: Option<String>,
}

static RAN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^Ran (\d+) tests? in [\d.]+s$").expect("constant pattern"));
static HEAD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(\w+ \([\w.]+\))(?: \.\.\. (.*))?$").expect("constant pattern"));

impl Reader for Unittest {
    fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(found) = RAN.captures(line) {
            if self.ran.replace(number(&found[1]).unwrap_or(0)).is_some() {
                self.tally.contradicts("unittest counted its tests twice without a verdict");
            }
            self.runs += 1;
        } else if let Some(ran) = self.ran {
            if line == "OK" || line.starts_with("OK (") || line.starts_with("FAILED (") || line == "NO TESTS RAN" || line.starts_with("NO TESTS RAN (") {
                self.ran = None;
                let count = |word| count_after(line, word).unwrap_or(0);
                let failed = count("failures") + count("errors") + count("unexpected successes");
                let skipped = count("skipped") + count("expected failures");
                if failed + skipped > ran + count("errors") {
                    self.tally.contradicts("unittest counted more results than tests");
                }
                self.tally.failed += failed;
                self.tally.skipped += skipped;
                self.tally.passed += ran.saturating_sub(failed + skipped);
            } else if !line.is_empty() {
                self.ran = None;
                self.tally.contradicts("a count of tests has no verdict");
            }
        } else if let Some(name) = line.strip_prefix("FAIL: ").or_else(|| line.strip_prefix("ERROR: ")) {
            self.tally.fails(name.split(" [").next().unwrap_or(name));
        } else if let Some(found) = HEAD.captures(line) {
            let name = found[1].to_owned();
            match found.get(2) {
                Some(verdict) => self.verdict(&name, verdict.as_str()),
                None => self.pending = Some(name),
            }
        } else if let Some(name) = self.pending.take()
            && let Some((_, verdict)) = line.rsplit_once(" ... ")
        {
            self.verdict(&name, verdict);
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if self.runs == 0 {
            return None;
        }
        if self.ran.is_some() {
            self.tally.contradicts("a count of tests has no verdict");
        }
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than were counted");
        }
        Some((Runner::Unittest, self.tally))
    }
}

impl Unittest {
    fn verdict(&mut self, name: &str, verdict: &str) {
        match verdict.trim() {
            "ok" => self.tally.passes(name),
            "FAIL" | "ERROR" | "unexpected success" => self.tally.fails(name),
            _ => {}
        }
    }
}
