//! What counts as proof: red before the patch for CI's own reason, green after it, and nothing weakened on the way.
//!
//! **What this cannot see.** The judgement reads an exit code and a text, both made by code that the patch may have
//! changed. A program that ends with 0 and prints a whole, consistent, forged report is not told from a green run.
//! So a proof is one gate among several: the same command runs before and after, tests that a patch removes, skips
//! or loosens are caught where the patch is inspected, and the team's own CI runs the fix branch again.

pub mod report;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use report::{Runner, TestReport, same_test};

/// Longest list of names that is kept in a judgement; the rest is counted.
const MAX_KEPT: usize = 50;

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
        ran_before: u64,
        ran_after: u64,
    },
    StillRed {
        exit: Exit,
        failing: Vec<String>,
    },
    /// Green, but fewer tests ran or more were skipped than before.
    Weakened {
        ran_before: u64,
        ran_after: u64,
        skipped_before: u64,
        skipped_after: u64,
        /// Tests that ran before and were not seen running now.
        missing: Vec<String>,
    },
    NotRun(NotRun),
}

/// What the wider command (the project's tests) did after the patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wider", rename_all = "snake_case")]
pub enum Wider {
    Passed {
        ran: u64,
    },
    /// Red, as it was before the patch, with no new failing test.
    AlreadyRed {
        failing: Vec<String>,
    },
    Broken {
        exit: Exit,
        failing: Vec<String>,
    },
    NotRun(NotRun),
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
    /// Red for CI's reason before, green after, and the wider command not broken by the patch.
    pub fn holds(&self) -> bool {
        matches!(self.red, RedBefore::Same { .. }) && matches!(self.green, Some(GreenAfter::Proven { .. })) && !matches!(self.wider, Some(Wider::Broken { .. }))
    }
}

/// The runs of the wider command, after the patch and (where it was run) before it.
#[derive(Debug, Clone, Copy)]
pub struct WiderRuns<'a> {
    pub before: Option<RunEvidence<'a>>,
    pub after: RunEvidence<'a>,
}

/// Judges a fix. `ci` is the failure as CI saw it.
pub fn judge(ci: &FailureIdentity, before: &RunEvidence, after: Option<&RunEvidence>, wider: Option<&WiderRuns>) -> Proof {
    let red = red_before(ci, before);
    let green = after.map(|after| green_after(before, after));
    let wider = wider.map(wider_after);
    let mut summary = vec![red_sentence(&red, before.command)];
    summary.extend(green.as_ref().map(green_sentence));
    summary.extend(wider.as_ref().map(wider_sentence));
    Proof { red, green, wider, summary }
}

/// Whether the failing command is red before the patch, for CI's reason.
pub fn red_before(ci: &FailureIdentity, before: &RunEvidence) -> RedBefore {
    let report = TestReport::read(before.output);
    if let Some(why) = says_nothing(before, &report) {
        return RedBefore::NotRun(why);
    }
    if *before.exit == Exit::Code(0) {
        return RedBefore::Green;
    }
    let seen = before.identity;
    let fingerprint = seen.is_some_and(|seen| !seen.fingerprint.is_empty() && seen.fingerprint == ci.fingerprint);
    let mut failing: Vec<&str> = report.failing.iter().map(String::as_str).collect();
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
    RedBefore::DifferentFailure {
        expected: describe(Some(ci), kept(ci.failed_tests.iter().map(String::as_str).collect())),
        seen: describe(seen, kept(failing)),
    }
}

/// Whether the same command is green after the patch, with nothing weakened.
pub fn green_after(before: &RunEvidence, after: &RunEvidence) -> GreenAfter {
    let (was, is) = (TestReport::read(before.output), TestReport::read(after.output));
    let had_tests = was.ran > 0 || !was.failing.is_empty();
    match after.exit {
        Exit::Code(0) => {}
        Exit::Code(_) => {
            return match says_nothing(after, &is) {
                Some(why) => GreenAfter::NotRun(why),
                None => GreenAfter::StillRed { exit: after.exit.clone(), failing: kept(is.failing.iter().map(String::as_str).collect()) },
            };
        }
        other => return GreenAfter::NotRun(NotRun::CutOff { by: other.to_string() }),
    }
    if !is.contradictions.is_empty() {
        return GreenAfter::NotRun(contradictory(&is));
    }
    if is.failed > 0 || !is.failing.is_empty() {
        return GreenAfter::StillRed { exit: after.exit.clone(), failing: kept(is.failing.iter().map(String::as_str).collect()) };
    }
    if !had_tests && is.is_empty() {
        return GreenAfter::Proven { strength: Strength::ExitCode, ran_before: 0, ran_after: 0 };
    }
    if is.uncounted && is.runners == was.runners {
        return GreenAfter::Proven { strength: Strength::ExitCode, ran_before: was.ran, ran_after: is.ran };
    }
    let mut missing: Vec<&str> = Vec::new();
    if is.names_all_passing {
        missing.extend(was.failing.iter().filter(|name| !is.sees_passing(name)).map(String::as_str));
    }
    let named = was.names_all_passing && is.names_all_passing;
    if named {
        // Both were printed by the same runner in the same way: the names are equal to the letter.
        // An address in a parameter's name differs from run to run.
        missing.extend(was.passing.difference(&is.passing).filter(|name| !name.contains("0x")).map(String::as_str));
    }
    // A run that stopped early, at a failing binary or at a module that can't be imported, did not come to all tests: what is skipped among
    // those it did not see is no weakening. Where every test is named, the names say it; else only where more tests ran than before.
    let skips = !named && is.ran <= was.ran && (is.skipped > was.skipped || is.filtered > was.filtered);
    let weaker = is.ran < was.ran || skips || !missing.is_empty() || is.ran == 0;
    if weaker && (had_tests || is.ran == 0) {
        return GreenAfter::Weakened { ran_before: was.ran, ran_after: is.ran, skipped_before: was.skipped, skipped_after: is.skipped, missing: kept(missing) };
    }
    let strength = if is.names_all_passing && !was.failing.is_empty() { Strength::EachTest } else { Strength::Counts };
    GreenAfter::Proven { strength, ran_before: was.ran, ran_after: is.ran }
}

fn wider_after(runs: &WiderRuns) -> Wider {
    let is = TestReport::read(runs.after.output);
    let names = |report: &TestReport| kept(report.failing.iter().map(String::as_str).collect());
    if let Some(why) = says_nothing(&runs.after, &is) {
        return Wider::NotRun(why);
    }
    if *runs.after.exit == Exit::Code(0) && is.failing.is_empty() {
        return Wider::Passed { ran: is.ran };
    }
    if let Some(before) = &runs.before {
        let was = TestReport::read(before.output);
        let red = matches!(before.exit, Exit::Code(code) if *code != 0);
        let known = is.failing.iter().all(|name| was.sees_failing(name)) && is.failed <= was.failed;
        // Without names and counts (a compiler, a linter) only an equal fingerprint says that it is the same red.
        let same = match (before.identity, runs.after.identity) {
            (Some(was), Some(is)) => !was.fingerprint.is_empty() && was.fingerprint == is.fingerprint,
            _ => false,
        };
        if red && known && (same || (!is.failing.is_empty() && is.ran >= was.ran)) {
            return Wider::AlreadyRed { failing: names(&is) };
        }
    }
    Wider::Broken { exit: runs.after.exit.clone(), failing: names(&is) }
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
    (!report.is_empty() && !compiler && report.failing.is_empty()).then_some(NotRun::NoTests)
}

fn contradictory(report: &TestReport) -> NotRun {
    NotRun::Contradictory { what: report.contradictions.iter().map(|what| shown(what)).collect() }
}

/// The last lines of an output: where a shell and a package manager say what was missing.
fn tail(output: &[u8]) -> impl Iterator<Item = String> {
    const BYTES: usize = 64 * 1024;
    let start = output.len().saturating_sub(BYTES);
    String::from_utf8_lossy(&output[start..]).lines().map(str::to_owned).collect::<Vec<_>>().into_iter().rev()
}

fn missing_tool(output: &[u8]) -> Option<String> {
    /// Modules that run or check, rather than being the project's own imports.
    const MODULES: [&str; 16] =
        ["pytest", "unittest2", "nose", "nose2", "tox", "nox", "coverage", "mypy", "ruff", "flake8", "black", "pylint", "isort", "pip", "build", "pytest_cov"];
    tail(output).find_map(|line| {
        let line = line.trim();
        let module = line.split_once("No module named ").is_some_and(|(_, name)| {
            let name = name.trim_matches(['\'', '"', ' ', '.']);
            MODULES.contains(&name.split('.').next().unwrap_or(name))
        });
        let shell = line.ends_with(": command not found")
            || (line.ends_with(": not found") && (line.contains("sh: ") || line.split(": ").count() <= 3))
            || (line.starts_with("env: ") && line.ends_with("No such file or directory"))
            || line.ends_with(": Permission denied") && line.contains("sh: ")
            || line.ends_with("cannot execute binary file: Exec format error");
        let manager = line.starts_with("error: no such command: `")
            || line.starts_with("error: no such subcommand: `")
            || line.contains("is not installed for the toolchain")
            || line.contains("Missing script:")
            || line.contains("npm ERR! missing script:")
            || line.contains("Could not find or load main class org.gradle.wrapper.GradleWrapperMain")
            || line.starts_with("bundler: command not found:")
            || (line.starts_with("unrecognized arguments") || line.contains("error: unrecognized arguments: --cov"));
        (module || shell || manager).then(|| shown(line))
    })
}

fn missing_network(output: &[u8]) -> Option<String> {
    const SIGNS: [&str; 12] = [
        "Could not resolve host",
        "Temporary failure in name resolution",
        "getaddrinfo EAI_AGAIN",
        "getaddrinfo ENOTFOUND",
        "failed to download from `https://",
        "attempting to make an HTTP request, but --offline was specified",
        "Failed to establish a new connection",
        "dial tcp: lookup ",
        "UnknownHostException",
        "Name or service not known",
        "Network is unreachable",
        "Could not transfer artifact",
    ];
    tail(output).find(|line| SIGNS.iter().any(|sign| line.contains(sign))).map(|line| shown(line.trim()))
}

/// A text for people: bounded, on one line, without control and direction characters.
fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    let hidden = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let clean: String = text.chars().filter(|c| !hidden(*c)).take(LONGEST + 1).collect();
    if clean.chars().count() > LONGEST { clean.chars().take(LONGEST).chain(['…']).collect() } else { clean }
}

fn kept(names: Vec<&str>) -> Vec<String> {
    names.into_iter().take(MAX_KEPT).map(shown).collect()
}

fn some_of(names: &[String]) -> String {
    const LISTED: usize = 3;
    let listed = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

fn tests(count: u64) -> String {
    if count == 1 { "1 test".to_owned() } else { format!("{count} tests") }
}

fn red_sentence(red: &RedBefore, command: &str) -> String {
    let command = shown(command.lines().next().unwrap_or_default());
    match red {
        RedBefore::Same { tests, .. } if !tests.is_empty() => format!("Before the patch `{command}` fails as in CI: {}.", some_of(tests)),
        RedBefore::Same { .. } => format!("Before the patch `{command}` fails for the reason CI gave."),
        RedBefore::DifferentFailure { expected, seen } => {
            format!("Before the patch `{command}` fails, but not as in CI: expected {expected}, seen {seen}.")
        }
        RedBefore::Green => format!("The failure is not reproduced: `{command}` is green without any patch."),
        RedBefore::NotRun(why) => format!("The failure is not reproduced: {why}."),
    }
}

fn green_sentence(green: &GreenAfter) -> String {
    match green {
        GreenAfter::Proven { strength: Strength::EachTest, ran_before, ran_after } => {
            format!("After the patch it is green: each failing test is seen passing, {} ran (before: {ran_before}).", tests(*ran_after))
        }
        GreenAfter::Proven { strength: Strength::Counts, ran_before, ran_after } => {
            format!("After the patch it is green: {} ran (before: {ran_before}), none fails.", tests(*ran_after))
        }
        GreenAfter::Proven { strength: Strength::ExitCode, .. } => "After the patch it ends with exit code 0; it does not count tests.".to_owned(),
        GreenAfter::StillRed { exit, failing } if failing.is_empty() => format!("After the patch it is still red ({exit})."),
        GreenAfter::StillRed { exit, failing } => format!("After the patch it is still red ({exit}): {}.", some_of(failing)),
        GreenAfter::Weakened { ran_before, ran_after, skipped_before, skipped_after, missing } => {
            let gone = if missing.is_empty() { String::new() } else { format!("; not seen any more: {}", some_of(missing)) };
            format!(
                "After the patch it is green with less tested: {} ran (before: {ran_before}), {skipped_after} skipped (before: {skipped_before}){gone}.",
                tests(*ran_after)
            )
        }
        GreenAfter::NotRun(why) => format!("After the patch there is no proof: {why}."),
    }
}

fn wider_sentence(wider: &Wider) -> String {
    match wider {
        Wider::Passed { ran: 0 } => "The wider command passes.".to_owned(),
        Wider::Passed { ran } => format!("The wider command passes: {} ran.", tests(*ran)),
        Wider::AlreadyRed { failing } if failing.is_empty() => "The wider command is red, as it was before the patch.".to_owned(),
        Wider::AlreadyRed { failing } => format!("The wider command is red as before the patch: {}.", some_of(failing)),
        Wider::Broken { exit, failing } if failing.is_empty() => format!("The wider command is red ({exit})."),
        Wider::Broken { exit, failing } => format!("The wider command is red ({exit}): {}.", some_of(failing)),
        Wider::NotRun(why) => format!("The wider command says nothing: {why}."),
    }
}

#[cfg(test)]
mod tests;
