//! `cargo test`, as libtest prints it.

use super::{Call, Kind, Sums};
use crate::domain::proof::line::{count_of, number};
use crate::domain::proof::report::{Reader, Tally};

pub(super) const KIND: Kind = Kind { starts, ask: |_| None, sums: Sums::Often, reader: || Box::new(CargoTest::default()) };

fn starts(call: &Call) -> bool {
    call.is("cargo") && call.subcommand(&["test", "t"])
}

/// libtest: `running N tests`, `test name ... ok`, `test result: ok. …`, once for every binary.
/// <https://doc.rust-lang.org/rustc/tests/index.html>
#[derive(Default)]
struct CargoTest {
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
                Some("ignored") => {
                    self.named[2] += 1;
                    self.tally.skips(name);
                }
                _ => {}
            }
        } else if self.in_failures && line.starts_with("    ") && !line.trim().is_empty() && !line.trim().contains(' ') {
            self.tally.fails(line);
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if self.announced.is_some() {
            self.tally.contradicts("a test binary announced its tests and gave no result");
        }
        (self.tally.runs, self.tally.announced) = (self.binaries, self.binaries);
        (self.binaries > 0 || !self.tally.contradictions.is_empty()).then_some(self.tally)
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
