//! `cargo nextest run`.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::line::count_of;
use crate::domain::proof::report::{Reader, Tally};

pub(super) const KIND: Kind = Kind { starts, ask: |_| None, sums: Sums::Once, reader: || Box::new(Nextest::default()) };

fn starts(call: &Call) -> bool {
    (call.is("cargo") && call.subcommand(&["nextest"])) || call.is("cargo-nextest")
}

/// nextest: `PASS [   0.004s] (1/3) crate test::name`, then one `Summary […] 3 tests run: …`.
/// <https://nexte.st/docs/running/>
#[derive(Default)]
struct Nextest {
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

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if self.starts == 0 && self.summaries == 0 {
            return None;
        }
        if self.starts != self.summaries {
            self.tally.contradicts(format!("nextest started {} times and summed up {} times", self.starts, self.summaries));
        }
        (self.tally.runs, self.tally.announced) = (self.summaries, self.starts);
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than the summary counts");
        }
        Some(self.tally)
    }
}
