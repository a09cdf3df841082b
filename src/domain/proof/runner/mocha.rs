//! Mocha.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::line::{IDLE, Outline, PASSED, marked, number, without_duration};
use crate::domain::proof::report::{Reader, Tally};

pub(super) const KIND: Kind = Kind { starts, ask: |_| None, sums: Sums::Once, reader: || Box::new(Mocha::default()) };

fn starts(call: &Call) -> bool {
    call.is("mocha") || call.is("_mocha")
}

/// Mocha's `spec` reporter: `  4 passing (10ms)`, `  1 failing`, then the failures by number.
/// <https://mochajs.org/#spec>
#[derive(Default)]
struct Mocha {
    tally: Tally,
    summaries: u64,
    outline: Outline,
    /// The lines of a failure's title, until one ends with a colon.
    title: Vec<String>,
    in_title: bool,
}

static COUNT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\s+(\d+) (passing|failing|pending)(?: \([^)]*\))?\s*$").expect("constant pattern"));
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(\s+)\d+\) (.+)$").expect("constant pattern"));

impl Reader for Mocha {
    fn line(&mut self, line: &str) {
        if let Some(found) = COUNT.captures(line) {
            let count: u64 = number(&found[1]).unwrap_or(0);
            match &found[2] {
                "passing" => {
                    self.summaries += 1;
                    self.tally.passed += count;
                }
                "failing" => self.tally.failed += count,
                _ => self.tally.skipped += count,
            }
            return;
        }
        if self.summaries > 0 {
            self.failure(line);
            return;
        }
        let depth = Outline::depth(line);
        if depth == 0 {
            return;
        }
        match marked(line) {
            Some((mark, name)) if PASSED.contains(&mark) => {
                let name = self.outline.full(depth, without_duration(name));
                self.tally.passes(&name);
            }
            Some((mark, name)) if IDLE.contains(&mark) => {
                let name = self.outline.full(depth, name);
                self.tally.skips(&name);
            }
            _ => {
                if let Some(found) = NUMBERED.captures(line) {
                    let name = self.outline.full(depth, &found[2]);
                    self.tally.fails(&name);
                } else if !line.trim().is_empty() {
                    self.outline.group(depth, line);
                }
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if self.summaries == 0 {
            return None;
        }
        self.tally.runs = self.summaries;
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than Mocha counts");
        }
        Some(self.tally)
    }
}

impl Mocha {
    fn failure(&mut self, line: &str) {
        if let Some(found) = NUMBERED.captures(line) {
            self.title = vec![found[2].trim().to_owned()];
            self.in_title = true;
        } else if self.in_title {
            self.title.push(line.trim().to_owned());
            // Titles are short; an error's text is not part of them.
            self.in_title = !line.trim().is_empty() && self.title.len() < 8;
        }
        if self.in_title && self.title.last().is_some_and(|last| last.ends_with(':')) {
            self.in_title = false;
            let name = self.title.join(" > ");
            self.tally.fails(name.trim_end_matches(':'));
        }
    }
}
