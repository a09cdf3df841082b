//! RSpec.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::ask::Wish;
use crate::domain::proof::line::number;
use crate::domain::proof::report::{Reader, Tally};
use crate::domain::proof::results::Form;

pub(super) const KIND: Kind = Kind { starts, ask, sums: Sums::Once, reader: || Box::new(Rspec::default()) };

fn starts(call: &Call) -> bool {
    call.is("rspec")
}

/// `SPEC_OPTS` takes the place of formatters named elsewhere: where there are any on the command line, it is left alone.
/// <https://rspec.info/features/3-13/rspec-core/configuration/read-options-from-file/>
fn ask(call: &Call) -> Option<Wish> {
    let own = ["--format", "-f", "--out", "-o", "--options", "-O", "--dry-run", "--version", "--help"];
    (!call.has(&own)).then_some(Wish::Variable { name: "SPEC_OPTS", value: "--format progress --format json --out {}", form: Form::Rspec })
}

/// RSpec: `5 examples, 1 failure, 1 pending`, below `Finished in …`.
/// <https://rspec.info/features/3-13/rspec-core/formatters/>
#[derive(Default)]
struct Rspec {
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
            let counts = [examples.saturating_sub(failures + pending), failures + count(4), pending];
            // Where several processes share the work, the last line is their total, and no run of its own.
            if self.summaries > self.finished && self.summaries > 2 && counts == [self.tally.passed, self.tally.failed, self.tally.skipped] {
                self.summaries -= 1;
                return;
            }
            self.tally.passed += counts[0];
            self.tally.failed += counts[1];
            self.tally.skipped += counts[2];
        } else if let Some(found) = RERUN.captures(line) {
            self.tally.fails(&found[2]);
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if self.summaries == 0 {
            return None;
        }
        if self.finished != self.summaries {
            self.tally.contradicts(format!("RSpec finished {} times and summed up {} times", self.finished, self.summaries));
        }
        (self.tally.runs, self.tally.announced) = (self.summaries, self.finished);
        Some(self.tally)
    }
}
