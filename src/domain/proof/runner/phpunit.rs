//! PHPUnit.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::ask::Wish;
use crate::domain::proof::line::{count_after, number};
use crate::domain::proof::report::{Reader, Tally};
use crate::domain::proof::results::Form;
use crate::domain::proof::script::program;

pub(super) const KIND: Kind = Kind { starts, ask, sums: Sums::Once, reader: || Box::new(Phpunit::default()) };

fn starts(call: &Call) -> bool {
    call.is("phpunit") || (call.is("php") && call.words.get(1).is_some_and(|word| program(word) == "phpunit"))
}

/// <https://docs.phpunit.de/en/11.5/textui.html#logging>
fn ask(call: &Call) -> Option<Wish> {
    let behind = call.words.iter().position(|word| program(word) == "phpunit")?;
    let own = ["--log-junit", "--no-logging", "--list-", "--version", "--help"];
    (!call.has(&own)).then_some(Wish::File { behind, text: "--log-junit {}", form: Form::Junit })
}

/// PHPUnit: `OK (5 tests, 10 assertions)` or `Tests: 5, Assertions: 10, Failures: 1.`.
/// <https://docs.phpunit.de/en/11.5/textui.html>
#[derive(Default)]
struct Phpunit {
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

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if self.summaries == 0 || self.started == 0 {
            return None;
        }
        if self.summaries != self.started {
            self.tally.contradicts(format!("PHPUnit started {} times and summed up {} times", self.started, self.summaries));
        }
        (self.tally.runs, self.tally.announced) = (self.summaries, self.started);
        Some(self.tally)
    }
}
