//! Reading what a test runner printed: how many tests ran, which passed, which failed, which were skipped.
//!
//! The output is written by the code under test, so it is hostile. A program can print anything a runner could
//! print; what this reader adds is that the pieces must fit each other (announced counts, listed tests, summaries),
//! and that a misfit is reported instead of being resolved in the program's favour. A program that forges a whole
//! consistent report cannot be told from the runner by its output alone: that is the limit of this method, and why
//! a proof also needs the exit code, the same command before and after, and a patch that leaves the tests alone.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use super::line::clean;
use super::name::{normal, same_test};
use super::results::Results;
use super::runner::{Runner, Started};

/// Most names kept.
const MAX_NAMES: usize = 200_000;
/// Among more failing tests than these a name is looked for as a whole only.
const MAX_SEARCHED: usize = 500;

/// How often a test was seen ending in each way. One name can stand for many tests: parameters need not show in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Passed, an unexpected success that the runner lets pass included.
    pub passed: u32,
    /// Failed or broke off.
    pub failed: bool,
    /// Skipped, ignored, pending or to do.
    pub skipped: u32,
    /// Failed as the test itself says it must.
    pub expected: u32,
}

impl Seen {
    /// Nothing but passing.
    pub fn only_passes(self) -> bool {
        self.passed > 0 && !self.failed && self.idle() == 0
    }

    /// How often it did not have to pass.
    pub fn idle(self) -> u32 {
        self.skipped.saturating_add(self.expected)
    }
}

/// What the counts are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    #[default]
    Tests,
    /// `go test` without `-v` counts packages.
    Packages,
}

/// Where the names of tests come from. Names of different sources are not compared to the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    /// What the runner printed.
    #[default]
    Printed,
    /// What the runner wrote down for machines, and what it printed agrees.
    Written,
}

/// What a run's output says about tests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TestReport {
    /// The runners that were recognised, in the order of their kind.
    pub runners: BTreeSet<Runner>,
    pub source: Source,
    /// Why the runner's own report was not used, where there should be one.
    pub left_out: Option<String>,
    /// What is counted.
    pub unit: Unit,
    /// Those that ran to an end: passed and failed.
    pub ran: u64,
    /// Those that passed.
    pub passed: u64,
    /// Those that failed (errors while collecting included).
    pub failed: u64,
    /// Those skipped, ignored, pending or to do.
    pub skipped: u64,
    /// Those that failed as they themselves say they must.
    pub expected: u64,
    /// Those filtered out or deselected.
    pub filtered: u64,
    /// What was named, and how it ended.
    pub tests: BTreeMap<String, Seen>,
    /// Failing tests of a run that counts something larger, and names tests only where they fail.
    pub only_failing: BTreeSet<String>,
    /// Every passing test is named.
    pub names_all_passing: bool,
    /// Every skipped test and every expected failure is named.
    pub names_all_idle: bool,
    /// A runner finished that does not say how many tests ran when all pass (Gradle's default).
    pub uncounted: bool,
    /// Summaries that nothing announced: a program can add one with a single line.
    pub unannounced: u64,
    /// Pieces of the output that do not fit each other.
    pub contradictions: Vec<String>,
}

/// What one reader found.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) unit: Unit,
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    pub(super) expected: u64,
    pub(super) filtered: u64,
    pub(super) tests: BTreeMap<String, Seen>,
    pub(super) only_failing: BTreeSet<String>,
    /// How many passing tests were named; more than there are names where names repeat.
    pub(super) named: u64,
    /// How many skipped tests and expected failures were named.
    pub(super) named_idle: u64,
    /// How often it was summed up, and how often a run had been announced before.
    pub(super) runs: u64,
    pub(super) announced: u64,
    pub(super) uncounted: bool,
    pub(super) contradictions: Vec<String>,
}

impl Tally {
    fn seen(&mut self, name: &str) -> Option<&mut Seen> {
        let name = name.trim();
        (self.tests.len() < MAX_NAMES || self.tests.contains_key(name)).then(|| self.tests.entry(name.to_owned()).or_default())
    }

    pub(super) fn passes(&mut self, name: &str) {
        // A name that can't be kept is none.
        if let Some(seen) = self.seen(name) {
            seen.passed = seen.passed.saturating_add(1);
            self.named += 1;
        }
    }

    pub(super) fn fails(&mut self, name: &str) {
        if let Some(seen) = self.seen(name) {
            seen.failed = true;
        }
    }

    pub(super) fn skips(&mut self, name: &str) {
        if let Some(seen) = self.seen(name) {
            seen.skipped = seen.skipped.saturating_add(1);
            self.named_idle += 1;
        }
    }

    pub(super) fn fails_as_expected(&mut self, name: &str) {
        if let Some(seen) = self.seen(name) {
            seen.expected = seen.expected.saturating_add(1);
            self.named_idle += 1;
        }
    }

    /// Whether this very name was seen before.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.tests.contains_key(name.trim())
    }

    pub(super) fn contradicts(&mut self, what: impl Into<String>) {
        if self.contradictions.len() < 10 {
            self.contradictions.push(what.into());
        }
    }
}

/// Reads one runner's lines.
pub(super) trait Reader {
    /// One line, without escapes and line end.
    fn line(&mut self, line: &str);
    /// What was found; nothing where the runner did not speak at all.
    fn finish(self: Box<Self>) -> Option<Tally>;
}

impl TestReport {
    /// Reads the whole output of a command. Only the readers that fit the command are asked: where it is told which runners it starts,
    /// what looks like another one's line is the program's own.
    pub fn read(command: &str, output: &[u8]) -> Self {
        let started = Started::by(command);
        let mut readers: Vec<_> = Runner::ALL.iter().filter(|runner| started.fits(**runner)).map(|runner| (*runner, runner.reader())).collect();
        for line in output.split(|byte| *byte == b'\n') {
            let line = clean(line);
            for (_, reader) in &mut readers {
                reader.line(&line);
            }
        }
        let mut found: Vec<_> = readers.into_iter().filter_map(|(runner, reader)| Some((runner, reader.finish()?))).collect();
        // TAP is also the form in which other runners report; theirs is the fuller reading.
        if found.iter().any(|(runner, _)| *runner == Runner::NodeTest) {
            found.retain(|(runner, _)| *runner != Runner::Tap);
        }
        for (runner, tally) in &mut found {
            if let Some(most) = started.most_summaries(*runner)
                && tally.runs > most
            {
                tally.contradicts(format!("{} summaries of a runner that was started {most} times at most", tally.runs));
            }
        }
        // Packages are no tests: where both were counted, the sum is of neither.
        let mixed = found.iter().any(|(_, tally)| tally.unit == Unit::Packages) && found.len() > 1;
        let mut report = Self { names_all_passing: !found.is_empty(), names_all_idle: !found.is_empty(), ..Self::default() };
        for (runner, tally) in found {
            report.add(runner, tally, &started);
        }
        if mixed {
            report.unit = Unit::Packages;
        }
        report.ran = report.passed.saturating_add(report.failed);
        report
    }

    fn add(&mut self, runner: Runner, tally: Tally, started: &Started) {
        self.runners.insert(runner);
        self.unit = tally.unit;
        self.passed = self.passed.saturating_add(tally.passed);
        self.failed = self.failed.saturating_add(tally.failed);
        self.skipped = self.skipped.saturating_add(tally.skipped);
        self.expected = self.expected.saturating_add(tally.expected);
        self.filtered = self.filtered.saturating_add(tally.filtered);
        self.names_all_passing &= tally.named >= tally.passed && !tally.uncounted;
        self.names_all_idle &= tally.named_idle >= tally.skipped.saturating_add(tally.expected) && !tally.uncounted;
        self.uncounted |= tally.uncounted;
        if started.most_summaries(runner).is_none() {
            self.unannounced = self.unannounced.saturating_add(tally.runs.saturating_sub(tally.announced));
        }
        for (name, seen) in tally.tests {
            let known = self.tests.entry(name).or_default();
            known.passed = known.passed.saturating_add(seen.passed);
            known.failed |= seen.failed;
            known.skipped = known.skipped.saturating_add(seen.skipped);
            known.expected = known.expected.saturating_add(seen.expected);
        }
        self.only_failing.extend(tally.only_failing);
        self.contradictions.extend(tally.contradictions);
    }

    /// Takes over what the runner itself wrote down. The report adds names where it agrees with what was printed, stands in where nothing was
    /// counted in print, and only adds what is red where the two don't agree.
    pub(super) fn beside(mut self, results: Option<&Results>) -> Self {
        let tests = match results {
            None => return self,
            Some(Results::NotUsed(why)) => {
                self.left_out = Some(why.clone());
                return self;
            }
            Some(Results::Read(tests)) => tests,
        };
        let uncounted = self.is_empty() || self.uncounted || self.unit == Unit::Packages;
        // A failure may be counted twice (in a test and in what cleans up behind it): that there is one is what must agree.
        let agrees = self.passed == tests.passed && self.idle() == tests.skipped + tests.expected && self.is_red() == (tests.failed > 0);
        if !uncounted && !agrees {
            self.left_out = Some(format!(
                "it tells {} passed, {} failed and {} other tests, and what was printed does not",
                tests.passed,
                tests.failed,
                tests.skipped + tests.expected
            ));
            self.failed = self.failed.max(tests.failed);
            self.ran = self.passed.saturating_add(self.failed);
            let failing: Vec<String> = tests.tests.iter().filter(|(_, seen)| seen.failed).map(|(name, _)| name.clone()).collect();
            self.only_failing.extend(failing);
            return self;
        }
        // What failed in print and is named otherwise there is kept: a name of the report that means the same test is enough.
        let written: HashSet<String> = tests.tests.iter().filter(|(_, seen)| seen.failed).map(|(name, _)| normal(name)).collect();
        let known = |name: &str| {
            let name = normal(name);
            written.contains(&name) || (written.len() <= MAX_SEARCHED && written.iter().any(|written| written.ends_with(&format!("\u{1f}{name}"))))
        };
        let printed = std::mem::take(&mut self.tests);
        self.only_failing.extend(printed.into_iter().filter(|(name, seen)| seen.failed && !known(name)).map(|(name, _)| name));
        // A binary or a package that failed without a test of its own is red all the same.
        let failed = if uncounted { tests.failed.max(u64::from(self.is_red())) } else { tests.failed.max(self.failed) };
        (self.passed, self.failed, self.skipped, self.expected) = (tests.passed, failed, tests.skipped, tests.expected);
        self.tests.clone_from(&tests.tests);
        self.ran = self.passed.saturating_add(self.failed);
        (self.unit, self.source, self.uncounted) = (Unit::Tests, Source::Written, false);
        (self.names_all_passing, self.names_all_idle) = (true, true);
        self
    }

    /// True where no runner was recognised: a compiler or a linter, say.
    pub fn is_empty(&self) -> bool {
        self.runners.is_empty()
    }

    /// Those that did not have to pass.
    pub fn idle(&self) -> u64 {
        self.skipped.saturating_add(self.expected)
    }

    /// The names of what failed, sorted.
    pub fn failing(&self) -> impl Iterator<Item = &str> {
        let tests = self.tests.iter().filter(|(_, seen)| seen.failed).map(|(name, _)| name.as_str());
        tests.chain(self.only_failing.iter().map(String::as_str))
    }

    /// Whether anything failed, by count or by name.
    pub fn is_red(&self) -> bool {
        self.failed > 0 || self.failing().next().is_some()
    }

    /// True where this test is named among the failing ones.
    pub fn sees_failing(&self, name: &str) -> bool {
        self.failing().any(|failing| same_test(failing, name))
    }

    /// What was seen of a test by any of its names: all that the name can mean, or the one whose whole name it is.
    pub(super) fn seen(&self, name: &str) -> Vec<Seen> {
        if let Some(seen) = self.tests.get(name) {
            return vec![*seen];
        }
        let wanted = normal(name);
        let mut alike = Vec::new();
        for (known, seen) in &self.tests {
            if normal(known) == wanted {
                return vec![*seen];
            }
            if same_test(known, name) {
                alike.push(*seen);
            }
        }
        alike
    }
}

#[cfg(test)]
mod tests;
