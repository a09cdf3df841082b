//! What counts as proof: red before the patch for CI's own reason, green after it, and nothing weakened on the way.
//!
//! **What this cannot see.** The judgement reads an exit code and a text, both made by code that the patch may have
//! changed. A program that ends with 0 and prints a whole, consistent, forged report is not told from a green run.
//! So a proof is one gate among several: the same command runs before and after, tests that a patch removes, skips
//! or loosens are caught where the patch is inspected, and the team's own CI runs the fix branch again.

mod absence;
pub mod ask;
mod less;
mod line;
mod name;
pub mod report;
pub mod results;
pub mod runner;
mod script;
mod sentence;

use std::fmt;

use serde::{Deserialize, Serialize};

use absence::{missing_network, missing_tool};
use less::less;
use sentence::{kept, shown, some_of};

pub use ask::{Asked, Reports, plan};
pub use less::Less;
pub use name::same_test;
pub use report::{Source, TestReport, Unit};
pub use results::Results;
pub use runner::Runner;

/// What makes a failure this failure and no other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FailureIdentity {
    /// Equal for equal causes; empty where none could be made.
    pub fingerprint: String,
    /// Names of the tests that failed; empty for compilers, linters and other tools.
    pub failed_tests: Vec<String>,
    /// The kind of failure (`test_assertion`, `compile_error` …); empty where it is not known.
    pub category: String,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// A limit of the sandbox ended it; which one.
    Limit(String),
    /// We stopped it ourselves.
    Stopped,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Limit(limit) => write!(f, "the limit on {}", shown(limit)),
            Self::Stopped => write!(f, "a stop from outside"),
        }
    }
}

/// One run of a command in the sandbox.
#[derive(Debug, Clone, Copy)]
pub struct RunEvidence<'a> {
    pub command: &'a str,
    pub exit: &'a Exit,
    /// Standard output and error as they came.
    pub output: &'a [u8],
    /// The diagnosis of this run's output, where it failed.
    pub identity: Option<&'a FailureIdentity>,
    /// What the runner itself wrote down, where it was asked.
    pub results: Option<&'a Results>,
}

impl RunEvidence<'_> {
    /// What it says of tests.
    pub fn report(&self) -> TestReport {
        TestReport::read(self.command, self.output).beside(self.results)
    }
}

/// Why a run says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum NotRun {
    /// A tool or the runner's own module is not installed, or a script may not be run.
    MissingTool { line: String },
    /// The run needed a network that the sandbox does not give.
    Network { line: String },
    /// The runner found no test at all.
    NoTests,
    /// A limit of the sandbox, a signal or we ourselves ended it.
    CutOff { by: String },
    /// Pieces of the output do not fit each other; the output cannot be trusted.
    Contradictory { what: Vec<String> },
    /// It was not tried.
    NotTried,
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingTool { line } => write!(f, "a tool is missing here (`{line}`)"),
            Self::Network { line } => write!(f, "it needs the network (`{line}`)"),
            Self::NoTests => write!(f, "no test was found"),
            Self::CutOff { by } => write!(f, "it was ended by {by}"),
            Self::Contradictory { what } => write!(f, "its output contradicts itself ({})", what.join("; ")),
            Self::NotTried => write!(f, "it was not tried"),
        }
    }
}

/// What the failing command did before the patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "red", rename_all = "snake_case")]
pub enum RedBefore {
    /// Red for CI's reason.
    Same {
        /// Tests that failed in CI and failed here.
        tests: Vec<String>,
        /// Tests that failed here and not in CI; they too must pass after the patch.
        others: Vec<String>,
        /// The fingerprints are equal.
        fingerprint: bool,
    },
    /// Red for another reason.
    DifferentFailure {
        expected: String,
        seen: String,
    },
    /// Green: the failure is not reproduced here.
    Green,
    NotRun(NotRun),
}

/// How closely green was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Only the exit code speaks: a compiler, a linter, a runner that is silent when all pass.
    ExitCode,
    /// No fewer tests ran, none failed and none more were skipped, by count.
    Counts,
    /// Each test that had failed was seen passing by name.
    EachTest,
}

/// What the failing command did after the patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "green", rename_all = "snake_case")]
pub enum GreenAfter {
    Proven {
        strength: Strength,
        unit: Unit,
        ran_before: u64,
        ran_after: u64,
    },
    StillRed {
        exit: Exit,
        failing: Vec<String>,
    },
    /// Green, but less was tested than before.
    Weakened(Less),
    NotRun(NotRun),
}

/// What the wider command (the project's tests) did after the patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wider", rename_all = "snake_case")]
pub enum Wider {
    /// There is none, or it is the failing command itself.
    NoCommand,
    Passed {
        unit: Unit,
        ran: u64,
    },
    /// Red, as it was before the patch, with no new failing test, and none of those that the patch is to mend.
    AlreadyRed {
        failing: Vec<String>,
    },
    Broken {
        exit: Exit,
        failing: Vec<String>,
    },
    /// Green, but less was tested than before the patch, or than by the failing command alone.
    Weakened(Less),
    /// What it needs is missing on this machine, as the run without the patch shows.
    CanNotRun(NotRun),
    /// It was run and says nothing: it hung, crashed, was cut off, contradicts itself.
    NotRun(NotRun),
}

impl Wider {
    /// Whether nothing here speaks against the patch.
    fn allows(&self) -> bool {
        match self {
            Self::NoCommand | Self::Passed { .. } | Self::AlreadyRed { .. } | Self::CanNotRun(_) => true,
            Self::Broken { .. } | Self::Weakened(_) | Self::NotRun(_) => false,
        }
    }
}

/// The judgement over all runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    pub red: RedBefore,
    /// Nothing where the run before the patch already rules a proof out.
    pub green: Option<GreenAfter>,
    pub wider: Option<Wider>,
    /// For people, in order. Names in it are bounded and without control characters, and still to be escaped.
    pub summary: Vec<String>,
}

impl Proof {
    /// Red for CI's reason before, green after, and a wider command, where there is one, that was seen to end well.
    pub fn holds(&self) -> bool {
        let green = matches!(self.green, Some(GreenAfter::Proven { .. }));
        matches!(self.red, RedBefore::Same { .. }) && green && self.wider.as_ref().is_none_or(Wider::allows)
    }
}

/// The runs of the wider command, after the patch and (where it was run) before it.
#[derive(Debug, Clone, Copy)]
pub struct WiderRuns<'a> {
    pub before: Option<RunEvidence<'a>>,
    pub after: RunEvidence<'a>,
}

/// What is known of a wider command.
#[derive(Debug, Clone, Copy)]
pub enum Widening<'a> {
    /// It was not run yet; the judgement is one on the way.
    NotYet,
    /// There is none.
    NoCommand,
    Ran(WiderRuns<'a>),
}

/// Judges a fix. `ci` is the failure as CI saw it.
pub fn judge(ci: &FailureIdentity, before: &RunEvidence, after: Option<&RunEvidence>, wider: Widening) -> Proof {
    let red = red_before(ci, before);
    let green = after.map(|after| green_after(before, after));
    let wider = match wider {
        Widening::NotYet => None,
        Widening::NoCommand => Some(Wider::NoCommand),
        Widening::Ran(runs) => Some(wider_after(&red, after, &runs)),
    };
    let mut summary = vec![sentence::red(&red, before.command)];
    summary.extend(green.as_ref().map(sentence::green));
    summary.extend(after.and_then(|after| after.report().left_out).map(|why| sentence::printed_only(&why)));
    summary.extend(wider.as_ref().map(sentence::wider));
    Proof { red, green, wider, summary }
}

/// Whether the failing command is red before the patch, for CI's reason.
pub fn red_before(ci: &FailureIdentity, before: &RunEvidence) -> RedBefore {
    let report = before.report();
    if let Some(why) = says_nothing(before, &report) {
        return RedBefore::NotRun(why);
    }
    if *before.exit == Exit::Code(0) {
        return RedBefore::Green;
    }
    let seen = before.identity;
    let fingerprint = seen.is_some_and(|seen| !seen.fingerprint.is_empty() && seen.fingerprint == ci.fingerprint);
    let mut failing: Vec<&str> = report.failing().collect();
    for name in seen.map(|seen| seen.failed_tests.as_slice()).unwrap_or_default() {
        if !failing.iter().any(|known| same_test(known, name)) {
            failing.push(name);
        }
    }
    let (tests, others): (Vec<&str>, Vec<&str>) = failing.iter().partition(|name| ci.failed_tests.iter().any(|wanted| same_test(wanted, name)));
    let same_kind = seen.is_none_or(|seen| seen.category.is_empty() || ci.category.is_empty() || seen.category == ci.category);
    if fingerprint || (!tests.is_empty() && same_kind) {
        return RedBefore::Same { tests: kept(tests), others: if ci.failed_tests.is_empty() { Vec::new() } else { kept(others) }, fingerprint };
    }
    let describe = |identity: Option<&FailureIdentity>, tests: Vec<String>| {
        let kind = identity.map(|identity| identity.category.as_str()).filter(|kind| !kind.is_empty()).unwrap_or("failure");
        if tests.is_empty() {
            format!("{kind} {}", identity.map(|identity| shown(&identity.fingerprint)).unwrap_or_default()).trim_end().to_owned()
        } else {
            format!("{kind} in {}", some_of(&tests))
        }
    };
    RedBefore::DifferentFailure { expected: describe(Some(ci), kept(ci.failed_tests.iter().map(String::as_str))), seen: describe(seen, kept(failing)) }
}

/// Whether the same command is green after the patch, with nothing weakened.
pub fn green_after(before: &RunEvidence, after: &RunEvidence) -> GreenAfter {
    let (was, is) = (before.report(), after.report());
    let had_tests = was.ran > 0 || was.is_red();
    let still_red = || GreenAfter::StillRed { exit: after.exit.clone(), failing: kept(is.failing()) };
    match after.exit {
        Exit::Code(0) => {}
        Exit::Code(_) => return says_nothing(after, &is).map_or_else(still_red, GreenAfter::NotRun),
        other => return GreenAfter::NotRun(NotRun::CutOff { by: other.to_string() }),
    }
    if !is.contradictions.is_empty() {
        return GreenAfter::NotRun(contradictory(&is));
    }
    if is.is_red() {
        return still_red();
    }
    if is.unannounced > was.unannounced.max(1) {
        let what = format!("{} summaries that nothing announced, {} before the patch", is.unannounced, was.unannounced);
        return GreenAfter::NotRun(NotRun::Contradictory { what: vec![what] });
    }
    let by_exit_code = GreenAfter::Proven { strength: Strength::ExitCode, unit: is.unit, ran_before: was.ran, ran_after: is.ran };
    if (!had_tests && is.is_empty()) || (is.uncounted && is.runners == was.runners) {
        return by_exit_code;
    }
    if let Some(less) = less(&was, &is).filter(|_| had_tests || is.ran == 0) {
        return GreenAfter::Weakened(less);
    }
    let named = is.names_all_passing && is.unit == Unit::Tests && was.failing().next().is_some();
    let strength = if named { Strength::EachTest } else { Strength::Counts };
    GreenAfter::Proven { strength, unit: is.unit, ran_before: was.ran, ran_after: is.ran }
}

/// Whether a green wider run is only worth something beside the same run without the patch: it counts less than the failing command alone
/// did, by the same runner, or says nothing.
pub fn wider_needs_before(after: &RunEvidence, wider: &RunEvidence) -> bool {
    let (narrow, is) = (after.report(), wider.report());
    *wider.exit != Exit::Code(0) || says_nothing(wider, &is).is_some() || (narrow.runners == is.runners && is.ran < narrow.ran)
}

fn wider_after(red: &RedBefore, narrow: Option<&RunEvidence>, runs: &WiderRuns) -> Wider {
    let is = runs.after.report();
    let broken = || Wider::Broken { exit: runs.after.exit.clone(), failing: kept(is.failing()) };
    if let Some(why) = says_nothing(&runs.after, &is) {
        // What the machine lacks with and without the patch is no reproach to it. A run that hung or crashed stays unknown in both.
        let before = runs.before.as_ref().and_then(|before| says_nothing(before, &before.report()));
        let lacking = matches!(why, NotRun::MissingTool { .. } | NotRun::Network { .. } | NotRun::NoTests);
        let alike = before.is_some_and(|before| std::mem::discriminant(&before) == std::mem::discriminant(&why));
        return if lacking && alike { Wider::CanNotRun(why) } else { Wider::NotRun(why) };
    }
    if *runs.after.exit == Exit::Code(0) {
        return match (&runs.before, narrow) {
            (Some(before), _) => match green_after(before, &runs.after) {
                GreenAfter::Proven { unit, ran_after, .. } => Wider::Passed { unit, ran: ran_after },
                GreenAfter::StillRed { .. } => broken(),
                GreenAfter::Weakened(less) => Wider::Weakened(less),
                GreenAfter::NotRun(why) => Wider::NotRun(why),
            },
            _ if is.is_red() => broken(),
            (None, Some(narrow)) if wider_needs_before(narrow, &runs.after) => {
                let narrow = narrow.report();
                let (idle_before, idle_after) = (narrow.idle(), is.idle());
                Wider::Weakened(Less { unit: is.unit, ran_before: narrow.ran, ran_after: is.ran, idle_before, idle_after, missing: Vec::new() })
            }
            _ => Wider::Passed { unit: is.unit, ran: is.ran },
        };
    }
    if let Some(before) = &runs.before {
        let was = before.report();
        let was_red = matches!(before.exit, Exit::Code(code) if *code != 0) && says_nothing(before, &was).is_none();
        let known = is.failing().all(|name| was.sees_failing(name)) && is.failed <= was.failed;
        let mended: &[String] = if let RedBefore::Same { tests, .. } = red { tests } else { &[] };
        let left = mended.iter().any(|name| is.sees_failing(name));
        // Without names and counts (a compiler, a linter) only an equal fingerprint says that it is the same red.
        let same = match (before.identity, runs.after.identity) {
            (Some(was), Some(is)) => !was.fingerprint.is_empty() && was.fingerprint == is.fingerprint,
            _ => false,
        };
        let as_much = is.ran >= was.ran && is.idle() <= was.idle() && is.filtered <= was.filtered;
        if was_red && known && !left && (same || is.is_red()) && as_much {
            return Wider::AlreadyRed { failing: kept(is.failing()) };
        }
    }
    broken()
}

/// Why a run tells nothing about the code, where that is so.
fn says_nothing(run: &RunEvidence, report: &TestReport) -> Option<NotRun> {
    match run.exit {
        Exit::Code(126 | 127) => {
            let line = missing_tool(run.output).unwrap_or_else(|| run.exit.to_string());
            return Some(NotRun::MissingTool { line });
        }
        Exit::Code(_) => {}
        other => return Some(NotRun::CutOff { by: other.to_string() }),
    }
    if !report.contradictions.is_empty() {
        return Some(contradictory(report));
    }
    if report.ran > 0 || report.failed > 0 || report.uncounted {
        return None;
    }
    // Only where no test ran: a test may well print such a line itself.
    if *run.exit != Exit::Code(0) {
        if let Some(line) = missing_tool(run.output) {
            return Some(NotRun::MissingTool { line });
        }
        if let Some(line) = missing_network(run.output) {
            return Some(NotRun::Network { line });
        }
    }
    // A compiler's error among the binaries leaves a report without tests and a failure worth comparing.
    let compiler = run.identity.is_some_and(|identity| matches!(identity.category.as_str(), "compile_error" | "type_error" | "lint_error"));
    (!report.is_empty() && !compiler && !report.is_red()).then_some(NotRun::NoTests)
}

fn contradictory(report: &TestReport) -> NotRun {
    NotRun::Contradictory { what: report.contradictions.iter().map(|what| shown(what)).collect() }
}

#[cfg(test)]
mod tests;
