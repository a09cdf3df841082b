//! JUnit on the console of Maven (Surefire, Failsafe), Gradle and Ant.

use std::sync::LazyLock;

use regex::Regex;

use super::{Reader, Runner, Tally, number};

/// `[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 0`, for every class (with a time) and every module.
/// <https://maven.apache.org/surefire/maven-surefire-plugin/>
#[derive(Default)]
pub(super) struct Maven {
    tally: Tally,
    classes: u64,
    /// `Results:` headers; one stands above each total.
    headers: u64,
    totals: u64,
}

static RUN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\[(?:INFO|ERROR|WARNING)\] +)?Tests run: +(\d+), Failures: +(\d+), Errors: +(\d+), Skipped: +(\d+)(.*)$").expect("constant pattern")
});
static IN_CLASS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"--? in ([\w.$]+)").expect("constant pattern"));
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
                if failures + errors == 0
                    && run > skipped
                    && let Some(class) = IN_CLASS.captures(&found[5])
                {
                    self.tally.passing.insert(class[1].to_owned());
                }
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

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if self.totals == 0 && self.classes == 0 {
            return None;
        }
        // The classes' own counts are no measure: forked and nested classes lose lines in real builds.
        if self.totals != self.headers {
            self.tally.contradicts(format!("Maven announced results {} times and gave {} totals", self.headers, self.totals));
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
        // A build may be set not to list failures; listing more than were counted does not happen.
        if self.summaries > 0 && self.summed[1] < failed {
            self.tally.contradicts(format!("Gradle listed {failed} failures and counted {}", self.summed[1]));
        }
        Some((Runner::Gradle, self.tally))
    }
}

/// Ant's `<junit>`: one `[junit] Tests run: 5, Failures: 0, …` for every class, and no total.
/// <https://ant.apache.org/manual/Tasks/junit.html>
#[derive(Default)]
pub(super) struct Ant {
    tally: Tally,
    classes: u64,
    suites: u64,
    /// The last `Testcase:`, until a line says how it ended.
    testcase: Option<String>,
}

static ANT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^Tests run: +(\d+), Failures: +(\d+), Errors: +(\d+)(?:, Skipped: +(\d+))?, Time elapsed: ").expect("constant pattern"));

impl Reader for Ant {
    fn line(&mut self, line: &str) {
        let Some(line) = line.trim_start().strip_prefix("[junit] ") else { return };
        if line.starts_with("Testsuite: ") || line.starts_with("Running ") {
            self.suites += 1;
        } else if let Some(found) = ANT.captures(line) {
            self.classes += 1;
            let [run, failures, errors, skipped] = [1, 2, 3, 4].map(|group| found.get(group).and_then(|count| number(count.as_str())).unwrap_or(0));
            self.tally.failed += failures + errors;
            self.tally.skipped += skipped;
            self.tally.passed += run.saturating_sub(failures + errors + skipped);
        } else if let Some(rest) = line.strip_prefix("Testcase: ") {
            self.testcase = rest.split([' ', ':']).next().map(str::to_owned);
            if rest.ends_with("FAILED") || rest.ends_with("Caused an ERROR") {
                self.ends_badly();
            }
        } else if matches!(line.trim(), "FAILED" | "Caused an ERROR") {
            self.ends_badly();
        }
    }

    fn finish(mut self: Box<Self>) -> Option<(Runner, Tally)> {
        if self.classes == 0 {
            return None;
        }
        if self.suites > 0 && self.classes > self.suites {
            self.tally.contradicts(format!("Ant started {} classes and counted {}", self.suites, self.classes));
        }
        Some((Runner::Ant, self.tally))
    }
}

impl Ant {
    fn ends_badly(&mut self) {
        if let Some(name) = self.testcase.take() {
            self.tally.fails(&name);
        }
    }
}
