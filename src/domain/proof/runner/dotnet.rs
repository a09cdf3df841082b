//! `dotnet test`.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::ask::Wish;
use crate::domain::proof::line::{count_after, number, without_duration};
use crate::domain::proof::report::{Reader, Tally};
use crate::domain::proof::results::Form;

pub(super) const KIND: Kind = Kind { starts, ask, sums: Sums::Often, reader: || Box::new(Dotnet::default()) };

fn starts(call: &Call) -> bool {
    call.is("dotnet") && call.subcommand(&["test"])
}

/// The console's own logger stays beside it; a file for every assembly gets a name of its own.
/// <https://learn.microsoft.com/dotnet/core/tools/dotnet-test-vstest>
fn ask(call: &Call) -> Option<Wish> {
    let behind = call.words.iter().position(|word| word == "test")?;
    let own = ["--logger", "-l", "--results-directory", "-r", "--list-tests", "-t", "--help", "-h"];
    (!call.has(&own)).then_some(Wish::Folder { behind, text: "--logger trx --results-directory {}", ending: "trx", form: Form::Trx })
}

/// `dotnet test`, by VSTest (`Passed!  - Failed: 0, Passed: 5, …` for every assembly) and by the newer platform.
/// <https://learn.microsoft.com/dotnet/core/tools/dotnet-test>
#[derive(Default)]
struct Dotnet {
    tally: Tally,
    /// Assemblies that were summed up, and those that were said to begin.
    assemblies: u64,
    begun: u64,
    /// The one summary of the newer platform, which repeats what the assemblies said.
    summed: Option<[u64; 3]>,
}

static ASSEMBLY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(Passed|Failed|Skipped)!\s+- Failed:\s*(\d+), Passed:\s*(\d+), Skipped:\s*(\d+), Total:\s*(\d+)").expect("constant pattern")
});
static TEST: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\s{2,}(Passed|Failed|Skipped) (\S.*?)(?: \[[^\]]*\])?$").expect("constant pattern"));

impl Reader for Dotnet {
    fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(found) = ASSEMBLY.captures(line) {
            self.assemblies += 1;
            let [failed, passed, skipped, total] = [2, 3, 4, 5].map(|group| number(&found[group]).unwrap_or(0));
            if failed + passed + skipped != total || (&found[1] == "Failed") != (failed > 0) {
                self.tally.contradicts("the counts of an assembly do not add up");
            }
            self.tally.failed += failed;
            self.tally.passed += passed;
            self.tally.skipped += skipped;
        } else if line.starts_with("Test run for ") {
            self.begun += 1;
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
            match &found[1] {
                "Passed" => self.tally.passes(name),
                "Failed" => self.tally.fails(name),
                _ => self.tally.skips(name),
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if let Some([passed, failed, skipped]) = self.summed {
            if self.assemblies > 0 && [self.tally.passed, self.tally.failed, self.tally.skipped] != [passed, failed, skipped] {
                self.tally.contradicts("the assemblies' counts and the test summary do not agree");
            }
            (self.tally.passed, self.tally.failed, self.tally.skipped) = (passed, failed, skipped);
        } else if self.assemblies == 0 {
            return None;
        }
        (self.tally.runs, self.tally.announced) = (self.assemblies, self.begun);
        if self.begun > 0 && self.assemblies > self.begun {
            self.tally.contradicts(format!("{} assemblies began and {} were summed up", self.begun, self.assemblies));
        }
        if self.tally.named > self.tally.passed {
            self.tally.contradicts("more tests were listed as passed than were counted");
        }
        Some(self.tally)
    }
}
