//! Vitest.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::ask::Wish;
use crate::domain::proof::line::{FAILED, IDLE, Outline, PASSED, count_of, marked, number, without_duration};
use crate::domain::proof::report::{Reader, Tally};
use crate::domain::proof::results::Form;

pub(super) const KIND: Kind = Kind { starts, ask, sums: Sums::Once, reader: || Box::new(Vitest::default()) };

fn starts(call: &Call) -> bool {
    call.is("vitest")
}

/// <https://vitest.dev/guide/reporters#reporter-output>
fn ask(call: &Call) -> Option<Wish> {
    let own = ["--reporter", "--outputFile", "--watch", "-w", "--version", "--help", "-h"];
    let behind = usize::from(call.words.get(1).is_some_and(|word| ["run", "related", "dev"].contains(&word.as_str())));
    (!call.has(&own)).then_some(Wish::File { behind, text: "--reporter=default --reporter=json --outputFile.json={}", form: Form::Jest })
}

/// Vitest: `Tests  1 failed | 4 passed (5)` below `Test Files  …`.
/// <https://vitest.dev/guide/reporters>
#[derive(Default)]
struct Vitest {
    tally: Tally,
    files: u64,
    summaries: u64,
    failed_files: u64,
    outline: Outline,
}

static FILE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\(\d+ tests?\b[^)]*\)|^\S+\.[cm]?[jt]sx? \(\d+\)").expect("constant pattern"));

impl Reader for Vitest {
    fn line(&mut self, line: &str) {
        let trimmed = line.trim();
        if let Some(rest) = trimmed.strip_prefix("Test Files  ") {
            self.files += 1;
            self.failed_files = count_of(rest, "failed").unwrap_or(0);
        } else if let Some(rest) = trimmed.strip_prefix("Tests  ") {
            self.summaries += 1;
            let count = |word| count_of(rest, word).unwrap_or(0);
            let (passed, failed) = (count("passed"), count("failed"));
            let idle = count("skipped") + count("todo");
            let total = rest.rsplit_once('(').and_then(|(_, total)| number(total.trim_end_matches(')')));
            // Expected failures are counted in the total too.
            if total.is_some_and(|total: u64| passed + failed + idle + count("expected") != total) {
                self.tally.contradicts("the counts of Vitest's summary do not add up");
            }
            self.tally.passed += passed;
            self.tally.failed += if failed == 0 { self.failed_files } else { failed };
            self.tally.skipped += idle;
            self.tally.expected += count("expected");
        } else if let Some(name) = trimmed.strip_prefix("FAIL  ") {
            self.tally.fails(name.split(" [ ").next().unwrap_or(name));
        } else if self.files == 0 {
            let depth = Outline::depth(line);
            match marked(line) {
                Some((mark, name)) if PASSED.contains(&mark) || mark == '❯' => {
                    let name = without_duration(name);
                    if mark == '❯' || FILE.is_match(name) {
                        self.outline.group(depth, name.split(" (").next().unwrap_or(name));
                    } else {
                        let name = self.outline.full(depth, name);
                        self.tally.passes(&name);
                    }
                }
                Some((mark, name)) if FAILED.contains(&mark) => {
                    let name = self.outline.full(depth, without_duration(name));
                    self.tally.fails(&name);
                }
                Some((mark, name)) if IDLE.contains(&mark) => {
                    let name = self.outline.full(depth, without_duration(name));
                    self.tally.skips(&name);
                }
                _ => {}
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if self.files == 0 {
            return None;
        }
        if self.files != self.summaries {
            self.tally.contradicts(format!("Vitest summed up files {} times and tests {} times", self.files, self.summaries));
        }
        self.tally.runs = self.summaries;
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than Vitest counts");
        }
        Some(self.tally)
    }
}
