//! RSpec, Minitest, PHPUnit and `dotnet test`.

use std::sync::LazyLock;

use regex::Regex;

use super::{Reader, Runner, Tally, count_after, number, without_duration};

/// RSpec: `5 examples, 1 failure, 1 pending`, below `Finished in …`.
/// <https://rspec.info/features/3-13/rspec-core/formatters/>
#[derive(Default)]
pub(super) struct Rspec {
    tally: Tally,
    finished: u64,
    summaries: u64,
}

static EXAMPLES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(\d+) examples?, (\d+) failures?(?:, (\d+) pending)?(?:, (\d+) errors? occurred outside of examples)?$").expect("constant pattern")
});
static RERUN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^rspec (\S+?)(?:\[[\d:,]+\])?(?::\d+)? # (.+)$").expect("constant pattern"));

impl Reader for Rspec {
    fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if line.starts_with("Finished in ") && line.contains("files took") {
            self.finished += 1;
        } else if let Some(found) = EXAMPLES.captures(line) {
            self.summaries += 1;
            let count = |group| found.get(group).and_then(|c: regex::Match| number(c.as_str())).unwrap_or(0);
            let (examples, failures, pending) = (count(1), count(2), count(3));
            if failures + pending > examples {
                self.tally.contradicts("the counts of RSpec's summary do not add up");
            }
            self.tally.failed += failures + count(4);
            self.tally.skipped += pending;
            self.tally.passed += examples.saturating_sub(failures + pending);
        } else if let Some(found) = RERUN.captures(line) {
            self.tally.fails(&found[2]);
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if self.summaries == 0 {
            return None;
        }
        if self.finished != self.summaries {
            self.tally.contradicts(format!("RSpec finished {} times and summed up {} times", self.finished, self.summaries));
        }
        Some((Runner::Rspec, self.tally))
    }
}

/// Minitest: `5 runs, 10 assertions, 1 failures, 0 errors, 1 skips`.
/// <https://docs.seattlerb.org/minitest/>
#[derive(Default)]
pub(super) struct Minitest {
    tally: Tally,
    finished: u64,
    summaries: u64,
    next_is_name: bool,
}

static RUNS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(\d+) (?:runs|tests), \d+ assertions, (\d+) failures, (\d+) errors, (\d+) skips$").expect("constant pattern"));
static VERBOSE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(\S+#test_\S+) = [\d.]+ s = ([.FES])$").expect("constant pattern"));

impl Reader for Minitest {
    fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if self.next_is_name {
            self.next_is_name = false;
            let name = line.split([' ', ':']).next().unwrap_or(line);
            if name.contains('#') {
                self.tally.fails(name);
            }
        }
        if line.starts_with("Finished in ") {
            self.finished += 1;
        } else if let Some(found) = RUNS.captures(line) {
            self.summaries += 1;
            let [runs, failures, errors, skips] = [1, 2, 3, 4].map(|group| number(&found[group]).unwrap_or(0));
            self.tally.failed += failures + errors;
            self.tally.skipped += skips;
            self.tally.passed += runs.saturating_sub(failures + errors + skips);
        } else if let Some(found) = VERBOSE.captures(line) {
            match &found[2] {
                "." => self.tally.passes(&found[1]),
                "F" | "E" => self.tally.fails(&found[1]),
                _ => {}
            }
        } else {
            // `  1) Failure:` with the name on the next line.
            let trimmed = line.trim_start();
            let number = trimmed.split(')').next().is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
            self.next_is_name = line == "Failure:" || line == "Error:" || (number && (trimmed.ends_with(") Failure:") || trimmed.ends_with(") Error:")));
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if self.summaries == 0 {
            return None;
        }
        if self.finished != self.summaries {
            self.tally.contradicts(format!("Minitest finished {} times and summed up {} times", self.finished, self.summaries));
        }
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than Minitest counts");
        }
        Some((Runner::Minitest, self.tally))
    }
}

/// PHPUnit: `OK (5 tests, 10 assertions)` or `Tests: 5, Assertions: 10, Failures: 1.`.
/// <https://docs.phpunit.de/en/11.5/textui.html>
#[derive(Default)]
pub(super) struct Phpunit {
    tally: Tally,
    started: u64,
    summaries: u64,
    /// Within `There was 1 failure:` (and not within lists of skipped or risky tests).
    in_failures: bool,
}

static OK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^OK \((\d+) tests?, \d+ assertions?\)$").expect("constant pattern"));
static LISTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\d+\) (\S+::\S+)").expect("constant pattern"));

impl Reader for Phpunit {
    fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if line.starts_with("PHPUnit ") && line.contains(" by Sebastian Bergmann") {
            self.started += 1;
        } else if let Some(found) = OK.captures(line) {
            self.summaries += 1;
            self.tally.passed += number(&found[1]).unwrap_or(0);
        } else if line.starts_with("Tests: ") && line.contains("Assertions: ") {
            self.summaries += 1;
            let count = |word| count_after(line, word).unwrap_or(0);
            let failed = count("Failures") + count("Errors");
            let skipped = count("Skipped") + count("Incomplete");
            self.tally.failed += failed;
            self.tally.skipped += skipped;
            self.tally.passed += count("Tests").saturating_sub(failed + skipped);
        } else if line.starts_with("No tests executed!") {
            self.summaries += 1;
        } else if line.starts_with("There was ") || line.starts_with("There were ") {
            self.in_failures = [" failure", " error"].iter().any(|word| line.contains(word));
        } else if self.in_failures
            && let Some(found) = LISTED.captures(line)
        {
            self.tally.fails(&found[1]);
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if self.summaries == 0 || self.started == 0 {
            return None;
        }
        if self.summaries != self.started {
            self.tally.contradicts(format!("PHPUnit started {} times and summed up {} times", self.started, self.summaries));
        }
        Some((Runner::Phpunit, self.tally))
    }
}

/// `dotnet test`, by VSTest (`Passed!  - Failed: 0, Passed: 5, …` for every assembly) and by the newer platform.
/// <https://learn.microsoft.com/dotnet/core/tools/dotnet-test>
#[derive(Default)]
pub(super) struct Dotnet {
    tally: Tally,
    spoke: bool,
    /// The one summary of the newer platform, which repeats what the assemblies said.
    summed: Option<[u64; 3]>,
}

static ASSEMBLY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(Passed|Failed|Skipped)!\s+- Failed:\s*(\d+), Passed:\s*(\d+), Skipped:\s*(\d+), Total:\s*(\d+)").expect("constant pattern")
});
static TEST: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\s{2,}(Passed|Failed) (\S.*?)(?: \[[^\]]*\])?$").expect("constant pattern"));

impl Reader for Dotnet {
    fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(found) = ASSEMBLY.captures(line) {
            self.spoke = true;
            let [failed, passed, skipped, total] = [2, 3, 4, 5].map(|group| number(&found[group]).unwrap_or(0));
            if failed + passed + skipped != total || (&found[1] == "Failed") != (failed > 0) {
                self.tally.contradicts("the counts of an assembly do not add up");
            }
            self.tally.failed += failed;
            self.tally.passed += passed;
            self.tally.skipped += skipped;
        } else if let Some(rest) = line.trim_start().strip_prefix("Test summary: ") {
            let count = |word| count_after(rest, word).unwrap_or(0);
            let counts = [count("succeeded"), count("failed"), count("skipped")];
            if counts.iter().sum::<u64>() != count("total") {
                self.tally.contradicts("the counts of the test summary do not add up");
            }
            if self.summed.replace(counts).is_some() {
                self.tally.contradicts("there are two test summaries");
            }
        } else if let Some(found) = TEST.captures(line) {
            let name = without_duration(&found[2]);
            if &found[1] == "Passed" { self.tally.passes(name) } else { self.tally.fails(name) }
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if let Some([passed, failed, skipped]) = self.summed {
            if self.spoke && [self.tally.passed, self.tally.failed, self.tally.skipped] != [passed, failed, skipped] {
                self.tally.contradicts("the assemblies' counts and the test summary do not agree");
            }
            (self.tally.passed, self.tally.failed, self.tally.skipped) = (passed, failed, skipped);
        } else if !self.spoke {
            return None;
        }
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than were counted");
        }
        Some((Runner::Dotnet, self.tally))
    }
}
