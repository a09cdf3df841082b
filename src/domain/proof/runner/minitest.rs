//! Minitest.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::line::number;
use crate::domain::proof::report::{Reader, Tally};

pub(super) const KIND: Kind = Kind { starts, ask: |_| None, sums: Sums::Once, reader: || Box::new(Minitest::default()) };

fn starts(call: &Call) -> bool {
    (call.is("rails") || call.is("rake")) && call.subcommand(&["test"])
}

/// Minitest: `5 runs, 10 assertions, 1 failures, 0 errors, 1 skips`.
/// <https://docs.seattlerb.org/minitest/>
#[derive(Default)]
struct Minitest {
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
                "S" => self.tally.skips(&found[1]),
                _ => {}
            }
        } else {
            // `  1) Failure:` with the name on the next line.
            let trimmed = line.trim_start();
            let number = trimmed.split(')').next().is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
            self.next_is_name = line == "Failure:" || line == "Error:" || (number && (trimmed.ends_with(") Failure:") || trimmed.ends_with(") Error:")));
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if self.summaries == 0 {
            return None;
        }
        if self.finished != self.summaries {
            self.tally.contradicts(format!("Minitest finished {} times and summed up {} times", self.finished, self.summaries));
        }
        (self.tally.runs, self.tally.announced) = (self.summaries, self.finished);
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than Minitest counts");
        }
        Some(self.tally)
    }
}
