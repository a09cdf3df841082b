//! JUnit on Gradle's console.

use std::sync::LazyLock;

use regex::Regex;

use super::{Call, Kind, Sums};
use crate::domain::proof::ask::Wish;
use crate::domain::proof::line::number;
use crate::domain::proof::report::{Reader, Tally};
use crate::domain::proof::results::Form;

pub(super) const KIND: Kind = Kind { starts, ask, sums: Sums::Often, reader: || Box::new(Gradle::default()) };

fn starts(call: &Call) -> bool {
    call.is("gradle") || call.is("gradlew")
}

/// <https://docs.gradle.org/current/userguide/java_testing.html#test_reporting>
fn ask(_: &Call) -> Option<Wish> {
    Some(Wish::Anyway { form: Form::Junit, ends: &["build/test-results/*/TEST-*.xml"] })
}

/// Gradle: `Class > test() FAILED` and `5 tests completed, 1 failed`; nothing at all when everything passes,
/// unless the build logs passing tests.
/// <https://docs.gradle.org/current/userguide/java_testing.html>
#[derive(Default)]
struct Gradle {
    tally: Tally,
    listed: [u64; 3],
    summed: [u64; 3],
    summaries: u64,
    executed: bool,
    successful: bool,
}

static LISTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:Gradle Test Executor \d+ > )?(\S.* > \S.*?|[\w.$]+\.\w+) (PASSED|FAILED|SKIPPED)(?: \([^)]*\))?$").expect("constant pattern")
});
static COMPLETED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(\d+) tests? completed(?:, (\d+) failed)?(?:, (\d+) skipped)?$").expect("constant pattern"));

impl Reader for Gradle {
    fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(task) = line.strip_prefix("> Task :") {
            // `:app:test` ran; `:app:test UP-TO-DATE`, `NO-SOURCE`, `FROM-CACHE`, `SKIPPED` did not.
            let name = task.rsplit(':').next().unwrap_or(task);
            let name = name.strip_suffix(" FAILED").unwrap_or(name);
            self.executed |= !name.contains(' ') && name != "testClasses" && (name.starts_with("test") || name.ends_with("Test"));
        } else if line.starts_with("BUILD SUCCESSFUL") {
            self.successful = true;
        } else if let Some(found) = COMPLETED.captures(line) {
            self.summaries += 1;
            if found.get(2).is_none() {
                self.tally.contradicts("Gradle sums up only where a test failed");
            }
            for (slot, group) in self.summed.iter_mut().zip([1, 2, 3]) {
                *slot += found.get(group).and_then(|count| number(count.as_str())).unwrap_or(0);
            }
        } else if let Some(found) = LISTED.captures(line) {
            match &found[2] {
                "PASSED" => {
                    self.listed[0] += 1;
                    self.tally.passes(&found[1]);
                }
                "FAILED" => {
                    self.listed[1] += 1;
                    self.tally.fails(&found[1]);
                }
                _ => {
                    self.listed[2] += 1;
                    self.tally.skips(&found[1]);
                }
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Option<Tally> {
        let [passed, failed, skipped] = self.listed;
        let silent = self.executed && self.successful && self.listed == [0; 3] && self.summaries == 0;
        if !silent && self.summaries == 0 && (self.listed == [0; 3] || !self.executed) {
            return None;
        }
        self.tally.uncounted = silent;
        if passed == 0 && self.summaries > 0 {
            let [completed, failed, skipped] = self.summed;
            self.tally.failed = failed;
            self.tally.skipped = skipped;
            self.tally.passed = completed.saturating_sub(failed + skipped);
        } else {
            (self.tally.passed, self.tally.failed, self.tally.skipped) = (passed, failed, skipped);
        }
        // A build may be set not to list failures; listing more than were counted does not happen.
        if self.summaries > 0 && self.summed[1] < failed {
            self.tally.contradicts(format!("Gradle listed {failed} failures and counted {}", self.summed[1]));
        }
        (self.tally.runs, self.tally.announced) = (self.summaries, self.summaries);
        Some(self.tally)
    }
}
