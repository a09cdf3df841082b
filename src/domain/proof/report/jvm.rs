//! JUnit on the console of Maven (Surefire, Failsafe) and Gradle.

use std::sync::LazyLock;

use regex::Regex;

use super::{Reader, Runner, Tally, number};

/// `[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 0`, for every class (with a time) and every module.
/// <https://maven.apache.org/surefire/maven-surefire-plugin/>
#[derive(Default)]
pub(super) struct Maven {
    tally: Tally,
    in_classes: u64,
    in_totals: u64,
    totals: u64,
}

static RUN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\[(?:INFO|ERROR|WARNING)\] +)?Tests run: +(\d+), Failures: +(\d+), Errors: +(\d+), Skipped: +(\d+)(.*)$").expect("constant pattern")
});
static IN_CLASS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"--? in ([\w.$]+)").expect("constant pattern"));
static NEW: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?:\[ERROR\] +)?([\w.$]+\.\w+)(?:[({\[].*)? +-- +Time elapsed: .*<<< (?:FAILURE|ERROR)!").expect("constant pattern"));
static OLD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?:\[ERROR\] +)?(\w+)\S*\(([\w.$]+)\) +Time elapsed: .*<<< (?:FAILURE|ERROR)!").expect("constant pattern"));

impl Reader for Maven {
    fn line(&mut self, line: &str) {
        if let Some(found) = RUN.captures(line) {
            let [run, failures, errors, skipped] = [1, 2, 3, 4].map(|group| number(&found[group]).unwrap_or(0));
            if found[5].contains("Time elapsed") {
                self.in_classes = self.in_classes.saturating_add(run);
                if failures + errors == 0
                    && run > skipped
                    && let Some(class) = IN_CLASS.captures(&found[5])
                {
                    self.tally.passing.insert(class[1].to_owned());
                }
                return;
            }
            self.totals += 1;
            self.in_totals = self.in_totals.saturating_add(run);
            if failures + errors + skipped > run {
                self.tally.contradicts("the counts of a Maven module do not add up");
            }
            self.tally.failed += failures + errors;
            self.tally.skipped += skipped;
            self.tally.passed += run.saturating_sub(failures + errors + skipped);
        } else if let Some(found) = NEW.captures(line) {
            self.tally.fails(&found[1]);
        } else if let Some(found) = OLD.captures(line) {
            self.tally.fails(&format!("{}.{}", &found[2], &found[1]));
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if self.totals == 0 && self.in_classes == 0 {
            return None;
        }
        if self.totals == 0 {
            self.tally.contradicts("Maven listed test classes and gave no total");
        } else if self.in_classes > 0 && self.in_totals > self.in_classes {
            self.tally.contradicts(format!("Maven's totals count {} tests, its classes {}", self.in_totals, self.in_classes));
        }
        Some((Runner::Maven, self.tally))
    }
}

/// Gradle: `Class > test() FAILED` and `5 tests completed, 1 failed`; nothing at all when everything passes,
/// unless the build logs passing tests.
/// <https://docs.gradle.org/current/userguide/java_testing.html>
#[derive(Default)]
pub(super) struct Gradle {
    tally: Tally,
    listed: [u64; 3],
    summed: [u64; 3],
    summaries: u64,
    executed: bool,
    successful: bool,
}

static LISTED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?:Gradle Test Executor \d+ > )?(\S.* > \S.*?) (PASSED|FAILED|SKIPPED)(?: \([^)]*\))?$").expect("constant pattern"));
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
                _ => self.listed[2] += 1,
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
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
        if self.summaries > 0 && self.summed[1] != failed {
            self.tally.contradicts(format!("Gradle listed {failed} failures and counted {}", self.summed[1]));
        }
        Some((Runner::Gradle, self.tally))
    }
}
