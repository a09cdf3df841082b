//! Runners of compiled languages: `cargo test`, `cargo nextest`, `ctest`.

use std::sync::LazyLock;

use regex::Regex;

use super::{Reader, Runner, Tally, count_of, number};

/// libtest: `running N tests`, `test name ... ok`, `test result: ok. …`, once for every binary.
/// <https://doc.rust-lang.org/rustc/tests/index.html>
#[derive(Default)]
pub(super) struct CargoTest {
    tally: Tally,
    /// The count announced by `running N tests`, until its summary comes.
    announced: Option<u64>,
    binaries: u64,
    /// Tests named in the current binary.
    named: [u64; 3],
    in_failures: bool,
    /// Within nextest's output, which repeats what libtest printed for a failing test.
    muted: bool,
}

impl Reader for CargoTest {
    fn line(&mut self, line: &str) {
        let trimmed = line.trim_start();
        if trimmed.starts_with("Starting ") && trimmed.contains(" test") && trimmed.contains(" across ") {
            self.muted = true;
        } else if trimmed.starts_with("Doc-tests ") || trimmed.starts_with("Running ") {
            self.muted = false;
        }
        if self.muted {
            return;
        }
        if let Some(count) = line.strip_prefix("running ").and_then(|rest| rest.strip_suffix(" tests").or_else(|| rest.strip_suffix(" test"))) {
            let Some(count) = number(count) else { return };
            if self.announced.replace(count).is_some() {
                self.tally.contradicts("a test binary announced its tests and gave no result");
            }
            self.binaries += 1;
            self.named = [0; 3];
            self.in_failures = false;
        } else if let Some(rest) = line.strip_prefix("test result: ") {
            self.summary(rest);
        } else if line.trim_end() == "failures:" {
            self.in_failures = true;
        } else if let Some(rest) = line.strip_prefix("test ") {
            self.in_failures = false;
            let Some((name, verdict)) = rest.rsplit_once(" ... ") else { return };
            let name = name.strip_suffix(" - should panic").unwrap_or(name);
            match verdict.trim().split([',', ' ', '(']).next() {
                Some("ok") => {
                    self.named[0] += 1;
                    self.tally.passes(name);
                }
                Some("FAILED") => {
                    self.named[1] += 1;
                    self.tally.fails(name);
                }
                Some("ignored") => self.named[2] += 1,
                _ => {}
            }
        } else if self.in_failures && line.starts_with("    ") && !line.trim().is_empty() && !line.trim().contains(' ') {
            self.tally.fails(line);
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if self.announced.is_some() {
            self.tally.contradicts("a test binary announced its tests and gave no result");
        }
        (self.binaries > 0 || !self.tally.contradictions.is_empty()).then_some((Runner::CargoTest, self.tally))
    }
}

impl CargoTest {
    fn summary(&mut self, text: &str) {
        let count = |word| count_of(text, word).unwrap_or(0);
        let (passed, failed, ignored) = (count("passed"), count("failed"), count("ignored"));
        self.tally.filtered += count("filtered");
        let Some(announced) = self.announced.take() else {
            self.tally.contradicts("a test result was printed that no test binary announced");
            return;
        };
        if announced != passed + failed + ignored + count("measured") {
            self.tally.contradicts(format!("{announced} tests were announced, {} have a result", passed + failed + ignored));
        }
        if self.named[0] > passed || self.named[1] > failed || self.named[2] > ignored {
            self.tally.contradicts("more tests were listed than the test result counts");
        }
        if text.starts_with("ok.") != (failed == 0) {
            self.tally.contradicts("the test result's word and its counts do not agree");
        }
        self.tally.passed += passed;
        self.tally.failed += failed;
        self.tally.skipped += ignored;
        self.in_failures = false;
    }
}

/// nextest: `PASS [   0.004s] (1/3) crate test::name`, then one `Summary […] 3 tests run: …`.
/// <https://nexte.st/docs/running/>
#[derive(Default)]
pub(super) struct Nextest {
    tally: Tally,
    starts: u64,
    summaries: u64,
}

static NEXTEST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*(?:TRY \d+ )?([A-Z][A-Z-]*(?: \d+/\d+)?) \[[^\]]*\]\s+(?:\([^)]*\)\s+)?(\S.*)$").expect("constant pattern"));

impl Reader for Nextest {
    fn line(&mut self, line: &str) {
        let trimmed = line.trim_start();
        if trimmed.starts_with("Starting ") && trimmed.contains(" test") && trimmed.contains(" across ") {
            self.starts += 1;
            return;
        }
        if let Some(rest) = trimmed.strip_prefix("Summary [") {
            let Some((_, counts)) = rest.split_once("] ") else { return };
            if !counts.contains("run:") {
                return;
            }
            self.summaries += 1;
            let count = |word| count_of(counts, word).unwrap_or(0);
            self.tally.passed += count("passed");
            self.tally.failed += count("failed") + count("timed") + count("exec");
            self.tally.skipped += count("skipped");
            return;
        }
        if trimmed.starts_with("TRY ") {
            return;
        }
        let Some(found) = NEXTEST.captures(line) else { return };
        let (verdict, name) = (&found[1], found[2].trim());
        // `crate::binary test::path`
        match verdict.split(' ').next() {
            Some("PASS" | "FLAKY" | "LEAK") if self.summaries == 0 => self.tally.passes(name),
            Some("FAIL" | "TIMEOUT" | "ABORT" | "LEAK-FAIL") => self.tally.fails(name),
            Some(signal) if signal.starts_with("SIG") && signal != "SIGINT" => self.tally.fails(name),
            _ => {}
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if self.starts == 0 && self.summaries == 0 {
            return None;
        }
        if self.starts != self.summaries {
            self.tally.contradicts(format!("nextest started {} times and summed up {} times", self.starts, self.summaries));
        }
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than the summary counts");
        }
        Some((Runner::Nextest, self.tally))
    }
}

/// ctest: `1/3 Test #1: name .....   Passed    0.01 sec`, then `67% tests passed, 1 tests failed out of 3`.
/// <https://cmake.org/cmake/help/latest/manual/ctest.1.html>
#[derive(Default)]
pub(super) struct Ctest {
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

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
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
        Some((Runner::Ctest, self.tally))
    }
}
