//! What a runner itself wrote down of its tests, beside its usual output, in a form that is meant for machines.
//!
//! **What such a report is believed for.** The tests' own code can write it, so it is as hostile as the output. It is given a fresh path that
//! was not there before the run, and it never stands alone: the exit code must be 0 all the same, what was printed must count the same tests,
//! and whatever it calls red is red. So it can add names to counts that are known, and it can say no. What is not understood to the last
//! element is not used at all: then the printed text is judged as ever, and the judgement says so.

mod jest;
mod junit;
mod rspec;
mod trx;

use super::report::Seen;
use super::sentence::shown;

/// Most files of one run.
pub const MAX_FILES: usize = 5_000;
/// Most bytes of one file, and of all files of one run.
pub const MAX_FILE_BYTES: usize = 32 << 20;
pub const MAX_BYTES: usize = 64 << 20;
/// Most tests of one run.
const MAX_TESTS: u64 = 200_000;
/// Longest name, in bytes; what is longer is cut.
const MAX_NAME: usize = 1_024;

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JUnit's XML, as Ant began it and pytest, Surefire, Gradle and PHPUnit write it.
    Junit,
    /// Jest's `--json`, which Vitest's `json` reporter writes too.
    Jest,
    /// RSpec's `json` formatter.
    Rspec,
    /// VSTest's `trx`.
    Trx,
}

/// What a run's reports say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Results {
    /// Every test with how it ended.
    Read(Tests),
    /// There is no report, or it is not understood; why.
    NotUsed(String),
}

/// Tests by name, and their counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tests {
    pub(super) tests: std::collections::BTreeMap<String, Seen>,
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    pub(super) expected: u64,
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    Skipped,
    ExpectedFailure,
}

impl Tests {
    fn add(&mut self, name: &str, verdict: Verdict) -> Result<(), String> {
        let name = name.trim();
        if name.is_empty() {
            return Err("a test has no name".into());
        }
        let name = &name[..name.floor_char_boundary(MAX_NAME)];
        let seen = self.tests.entry(name.to_owned()).or_default();
        let (count, of_name) = match verdict {
            Verdict::Passed => (&mut self.passed, Some(&mut seen.passed)),
            Verdict::Skipped => (&mut self.skipped, Some(&mut seen.skipped)),
            Verdict::ExpectedFailure => (&mut self.expected, Some(&mut seen.expected)),
            Verdict::Failed => {
                seen.failed = true;
                (&mut self.failed, None)
            }
        };
        *count += 1;
        if let Some(of_name) = of_name {
            *of_name += 1;
        }
        if self.passed + self.failed + self.skipped + self.expected > MAX_TESTS {
            return Err(format!("it has more than {MAX_TESTS} tests"));
        }
        Ok(())
    }
}

impl Results {
    /// Reads all reports of one run. One that is not understood spoils them all: half of the tests is no report of them.
    pub fn read(form: Form, files: &[Vec<u8>]) -> Self {
        let mut tests = Tests::default();
        let size: usize = files.iter().map(Vec::len).sum();
        if files.is_empty() {
            return Self::NotUsed("the runner wrote none".into());
        }
        if files.len() > MAX_FILES || size > MAX_BYTES || files.iter().any(|file| file.len() > MAX_FILE_BYTES) {
            return Self::NotUsed("it is too large".into());
        }
        for file in files {
            let text = match std::str::from_utf8(file) {
                Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
                Err(_) => return Self::NotUsed("it is no text".into()),
            };
            let read = match form {
                Form::Junit => junit::read(text, &mut tests),
                Form::Jest => jest::read(text, &mut tests),
                Form::Rspec => rspec::read(text, &mut tests),
                Form::Trx => trx::read(text, &mut tests),
            };
            if let Err(why) = read {
                return Self::NotUsed(shown(&format!("it is not understood: {why}")));
            }
        }
        Self::Read(tests)
    }
}

#[cfg(test)]
mod tests;
