//! Surefire and Failsafe on Maven's console.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::ask::Wish;
use crate::domain::proof::line::number;
use crate::domain::proof::report::{Reader, Tally};
use crate::domain::proof::results::Form;

pub(super) const KIND: Kind = Kind { starts, ask, sums: Sums::Often, reader: || Box::new(Maven::default()) };

fn starts(call: &Call) -> bool {
    call.is("mvn") || call.is("mvnw") || call.is("mvnd")
}

/// <https://maven.apache.org/surefire/maven-surefire-plugin/test-mojo.html#reportsDirectory>
fn ask(_: &Call) -> Option<Wish> {
    Some(Wish::Anyway { form: Form::Junit, ends: &["target/surefire-reports/TEST-*.xml", "target/failsafe-reports/TEST-*.xml"] })
}

/// `[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 0`, for every class (with a time) and every module.
/// <https://maven.apache.org/surefire/maven-surefire-plugin/>
#[derive(Default)]
struct Maven {
    tally: Tally,
    classes: u64,
    /// `Results:` headers; one stands above each total.
    headers: u64,
    totals: u64,
}

static RUN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\[(?:INFO|ERROR|WARNING)\] +)?Tests run: +(\d+), Failures: +(\d+), Errors: +(\d+), Skipped: +(\d+)(.*)$").expect("constant pattern")
});
static NEW: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?:\[ERROR\] +)?([\w.$]+\.\w+)(?:[({\[].*)? +(?:-- +)?Time elapsed: .*<<< (?:FAILURE|ERROR)!").expect("constant pattern"));
static OLD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?:\[ERROR\] +)?(\w+)\S*\(([\w.$]+)\) +Time elapsed: .*<<< (?:FAILURE|ERROR)!").expect("constant pattern"));

impl Reader for Maven {
    fn line(&mut self, line: &str) {
        if let Some(found) = RUN.captures(line) {
            let [run, failures, errors, skipped] = [1, 2, 3, 4].map(|group| number(&found[group]).unwrap_or(0));
            if found[5].contains("Time elapsed") {
                self.classes += 1;
                return;
            }
            self.totals += 1;
            if failures + errors + skipped > run {
                self.tally.contradicts("the counts of a Maven module do not add up");
            }
            self.tally.failed += failures + errors;
            self.tally.skipped += skipped;
            self.tally.passed += run.saturating_sub(failures + errors + skipped);
        } else if matches!(line.trim_start_matches("[INFO]").trim_start_matches("[ERROR]").trim(), "Results:" | "Results :") {
            self.headers += 1;
        } else if let Some(found) = NEW.captures(line) {
            self.tally.fails(&found[1]);
        } else if let Some(found) = OLD.captures(line) {
            self.tally.fails(&format!("{}.{}", &found[2], &found[1]));
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        if self.totals == 0 && self.classes == 0 {
            return None;
        }
        // The classes' own counts are no measure: forked and nested classes lose lines in real builds.
        if self.totals != self.headers {
            self.tally.contradicts(format!("Maven announced results {} times and gave {} totals", self.headers, self.totals));
        }
        (self.tally.runs, self.tally.announced) = (self.totals, self.headers);
        Some(self.tally)
    }
}
