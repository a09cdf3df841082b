//! The test-integrity gate: a fix may not make tests say less.
//!
//! Decided in code over the texts before and after, never by a model. Words in comments and strings
//! do not count, so neither a comment about skipping nor a skip dressed as a comment fools it.
//!
//! It fails closed: a change of existing test material needs a person, unless it is on the short list of [`harmless`] ones
//! (layout, whole new tests, added assertions, imports that bind the same). The rules of this file and of `strength` and
//! `patterns` only decide what is so certain that it is refused. What can't be parsed needs a person too.

mod commands;
mod config;
mod counterpart;
mod dependencies;
mod dialects;
mod disguise;
mod effects;
mod evidence;
mod harmless;
mod imports;
mod lines;
mod lint;
mod lockfile;
mod material;
mod patterns;
mod places;
mod production;
mod scripts;
mod strength;
mod subject;
mod tests_found;

use std::collections::HashMap;

use regex::Regex;
use serde::Serialize;

use self::strength::Change;
use self::tests_found::{Assertion, Source, Test};
use super::apply::FileChange;
use crate::domain::source::files::{is_snapshot, is_test};
use crate::domain::source::lexer::Language;

/// What was weakened. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A test source goes away.
    TestFileDeleted,
    /// A test goes away, or is no longer collected.
    TestDeleted,
    /// A test keeps its name and loses its body.
    TestEmptied,
    /// Rows of a table of cases go away.
    CasesRemoved,
    /// A skip, a focus, or an expected failure is added.
    SkipAdded,
    /// A test is built under a condition only.
    TestGated,
    /// Assertions go away.
    AssertionRemoved,
    /// An assertion demands less.
    AssertionLoosened,
    /// An assertion can no longer fail.
    AssertionVacuous,
    /// A tolerance grows.
    ToleranceBroadened,
    /// The expected value changes.
    ExpectedValueChanged,
    /// A failing assertion is caught.
    ErrorSwallowed,
    /// A test can end before its assertions.
    EarlyReturn,
    /// What tests compare with is rewritten.
    SnapshotRewritten,
    /// The test runner leaves tests out.
    RunnerConfigWeakened,
    /// A failing command passes.
    FailureIgnored,
    /// A threshold is lowered.
    CoverageLowered,
    /// A linter's or type checker's rules are loosened.
    LintConfigWeakened,
    /// A complaint is silenced in place.
    LintSuppressed,
    /// Production code asks whether it is being tested.
    TestSpecialCased,
    /// A test is taken out of the build.
    TestUnregistered,
    /// What a test asserts would be answered by a mock.
    SubjectMocked,
    /// A test gets more tries or more time.
    RetriesRaised,
    /// Something is added that a reader of the diff does not see.
    HiddenText,
    /// A lock file names another source or checksum for the same version.
    LockTampered,
    /// Code from elsewhere would run on installing or building.
    ForeignCode,
    /// The definition of a pipeline changes.
    PipelineChanged,
    /// Something changes that acts on the machine of whoever pulls, opens, builds or commits.
    TeammateMachine,
    /// What agents are told changes.
    AgentInstructions,
    /// A file would be taken in place of a runner, or of a part of it.
    RunnerShadowed,
    /// An existing test changes in a way that is not known to be harmless.
    TestChanged,
    /// What tests share, read or are set up by changes in such a way.
    TestSupportChanged,
    /// Something comes that a runner would load, or that reaches beyond its own tests.
    HookAdded,
    /// Test material that could not be parsed.
    NotUnderstood,
}

impl Rule {
    /// The stable name.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::TestFileDeleted => "test_file_deleted",
            Self::TestDeleted => "test_deleted",
            Self::TestEmptied => "test_emptied",
            Self::CasesRemoved => "cases_removed",
            Self::SkipAdded => "skip_added",
            Self::TestGated => "test_gated",
            Self::AssertionRemoved => "assertion_removed",
            Self::AssertionLoosened => "assertion_loosened",
            Self::AssertionVacuous => "assertion_vacuous",
            Self::ToleranceBroadened => "tolerance_broadened",
            Self::ExpectedValueChanged => "expected_value_changed",
            Self::ErrorSwallowed => "error_swallowed",
            Self::EarlyReturn => "early_return",
            Self::SnapshotRewritten => "snapshot_rewritten",
            Self::RunnerConfigWeakened => "runner_config_weakened",
            Self::FailureIgnored => "failure_ignored",
            Self::CoverageLowered => "coverage_lowered",
            Self::LintConfigWeakened => "lint_config_weakened",
            Self::LintSuppressed => "lint_suppressed",
            Self::TestSpecialCased => "test_special_cased",
            Self::TestUnregistered => "test_unregistered",
            Self::SubjectMocked => "subject_mocked",
            Self::RetriesRaised => "retries_raised",
            Self::HiddenText => "hidden_text",
            Self::LockTampered => "lock_tampered",
            Self::ForeignCode => "foreign_code",
            Self::PipelineChanged => "pipeline_changed",
            Self::TeammateMachine => "teammate_machine",
            Self::AgentInstructions => "agent_instructions",
            Self::RunnerShadowed => "runner_shadowed",
            Self::TestChanged => "test_changed",
            Self::TestSupportChanged => "test_support_changed",
            Self::HookAdded => "hook_added",
            Self::NotUnderstood => "not_understood",
        }
    }
}

/// What a finding means for the patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A person may allow it.
    NeedsApproval,
    /// The patch does not pass.
    Refuse,
}

/// One weakening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// In which file: the new one, or the old one where it is gone.
    pub path: String,
    /// 1-based line in that file; 1 where no line can be named.
    pub line: usize,
    /// What it means.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// The text before, bounded.
    pub before: Option<String>,
    /// The text after, bounded.
    pub after: Option<String>,
}

impl Finding {
    fn new(rule: Rule, severity: Severity, path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { rule, path: path.to_owned(), line, severity, message: message.into(), before: None, after: None }
    }

    fn with(mut self, before: Option<&str>, after: Option<&str>) -> Self {
        self.before = before.map(super::shown);
        self.after = after.map(super::shown);
        self
    }
}

/// What is known about the failure.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The values that the failing tests really got, as the log shows them. An expectation that is
    /// changed into one of them only makes the test repeat the fault.
    pub actual_values: Vec<String>,
}

/// What the gate says of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Sorted by path and line.
    pub findings: Vec<Finding>,
    /// Files with tests in them, or for tests, that could not be parsed. Each has a finding too.
    pub not_understood: Vec<String>,
}

/// Whether production code changes in more than layout and comments.
#[must_use]
pub fn production_changes(changes: &[FileChange]) -> bool {
    material::production_changes(changes)
}

/// Judge a change: the findings alone, sorted by path and line.
#[must_use]
pub fn check(changes: &[FileChange], evidence: &Evidence) -> Vec<Finding> {
    judge(changes, evidence).findings
}

/// Judge a change.
#[must_use]
pub fn judge(changes: &[FileChange], evidence: &Evidence) -> Report {
    let text = |content: &Option<super::FileContent>| content.as_ref().and_then(|content| content.text().map(str::to_owned));
    let texts: Vec<(&str, Option<String>, Option<String>)> =
        changes.iter().map(|change| (change.path.as_str(), text(&change.before), text(&change.after))).collect();
    let before: Vec<Source<'_>> = texts.iter().filter_map(|(path, before, _)| before.as_deref().map(|text| Source::new(path, text))).collect();
    let after: Vec<Source<'_>> = texts.iter().filter_map(|(path, _, after)| after.as_deref().map(|text| Source::new(path, text))).collect();
    let mut findings = Vec::new();
    tests(&before, &after, evidence, &mut findings);
    places::check(changes, &mut findings);
    for (path, old, new) in &texts {
        files(path, old.as_deref(), new.as_deref(), &after, &mut findings);
    }
    for source in &after {
        let old = before.iter().find(|old| old.path == source.path).or_else(|| moved_from(source, &before, &after));
        words(old, source, &mut findings);
        config::check(old, source, &mut findings);
        commands::check(old, source, &mut findings);
        lint::check(old, source, &mut findings);
        lockfile::check(old, source, &mut findings);
        disguise::check(old, source, &mut findings);
        production::check(old, source, &mut findings);
    }
    let mut not_understood = Vec::new();
    material::check(changes, &before, &after, &mut findings, &mut not_understood);
    findings.sort_by(|a, b| (&a.path, a.line, a.rule, &a.after).cmp(&(&b.path, b.line, b.rule, &b.after)));
    findings.dedup();
    Report { findings, not_understood }
}

/// The file that a new file was renamed from, told by its text.
fn moved_from<'a, 'b>(source: &Source<'_>, before: &'a [Source<'b>], after: &[Source<'_>]) -> Option<&'a Source<'b>> {
    before.iter().filter(|old| !after.iter().any(|new| new.path == old.path)).find(|old| alike(old.text, source.text) >= 0.5)
}

/// The share of lines with text that two texts have in common.
fn alike(a: &str, b: &str) -> f64 {
    let mut lines: HashMap<&str, usize> = HashMap::new();
    let count = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).count();
    for line in a.lines().map(str::trim).filter(|line| !line.is_empty()) {
        *lines.entry(line).or_default() += 1;
    }
    let mut common = 0_usize;
    for line in b.lines().map(str::trim) {
        if let Some(left) = lines.get_mut(line).filter(|left| **left > 0) {
            *left -= 1;
            common += 1;
        }
    }
    let longest = count(a).max(count(b)).max(1);
    // Counts of lines are far below what a double holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "line counts are small")]
    let share = common as f64 / longest as f64;
    share
}

/// Pair every test with its successor and compare the two.
fn tests(before: &[Source<'_>], after: &[Source<'_>], evidence: &Evidence, findings: &mut Vec<Finding>) {
    let all: Vec<(usize, &Test)> = after.iter().enumerate().flat_map(|(at, source)| source.tests.iter().map(move |test| (at, test))).collect();
    let mut taken = vec![false; all.len()];
    let mut lost: Vec<(&Source<'_>, &Test)> = Vec::new();
    let mut pairs: Vec<(&Source<'_>, &Test, usize, &Test)> = Vec::new();
    let mut open: Vec<(&Source<'_>, &Test)> = before.iter().flat_map(|source| source.tests.iter().map(move |test| (source, test))).collect();
    // First by path and name, then by name in another file, then by body.
    for step in 0..3 {
        lost.clear();
        for (source, test) in open.drain(..) {
            let body = &source.text[test.body.clone()];
            let candidates = all.iter().enumerate().filter(|(at, (file, other))| {
                !taken[*at]
                    && match step {
                        0 => after[*file].path == source.path && other.name == test.name,
                        1 => other.name == test.name && after[*file].language == source.language,
                        _ => after[*file].language == source.language,
                    }
            });
            let found = if step < 2 {
                candidates.map(|(at, _)| at).next()
            } else {
                candidates
                    .map(|(at, (file, other))| (at, alike(body, &after[*file].text[other.body.clone()])))
                    .filter(|(_, share)| *share >= 0.5 && !body.trim().is_empty())
                    .max_by(|a, b| a.1.total_cmp(&b.1))
                    .map(|(at, _)| at)
            };
            match found {
                Some(at) => {
                    taken[at] = true;
                    pairs.push((source, test, all[at].0, all[at].1));
                }
                None => lost.push((source, test)),
            }
        }
        open.append(&mut lost);
    }
    for (source, test) in open {
        let gone = !after.iter().any(|new| new.path == source.path);
        let message = if gone {
            format!("test `{}` is gone with its file, or is no longer collected", super::shown(&test.name))
        } else {
            format!("test `{}` is gone", super::shown(&test.name))
        };
        findings.push(
            Finding::new(Rule::TestDeleted, Severity::Refuse, source.path, source.line(test.range.start), message)
                .with(Some(source.line_text(test.range.start)), None),
        );
    }
    for (source, test, file, other) in pairs {
        compare(source, test, &after[file], other, evidence, findings);
    }
    // Assertions outside tests: in the functions that tests share.
    for source in before.iter().filter(|source| is_test(source.path)) {
        let Some(new) = after.iter().find(|new| new.path == source.path) else { continue };
        let (old, now) = (shared(source), shared(new));
        if old.len() > now.len() && total(new) < total(source) {
            let missing = old.iter().find(|assertion| !now.iter().any(|other| other.text == assertion.text)).or(old.first());
            findings.push(
                Finding::new(Rule::AssertionRemoved, Severity::Refuse, source.path, 1, "an assertion shared by tests is removed")
                    .with(missing.map(|assertion| assertion.text.as_str()), None),
            );
        } else if old.len() == now.len() {
            compare_assertions(source, new, old, now, evidence, findings);
        }
    }
}

fn total(source: &Source<'_>) -> usize {
    source.assertions(0..source.text.len()).len()
}

/// The assertions of a source that are in none of its tests.
fn shared(source: &Source<'_>) -> Vec<Assertion> {
    source.assertions(0..source.text.len()).into_iter().filter(|assertion| source.owner(assertion.at).is_none()).collect()
}

/// One test before and after.
fn compare(source: &Source<'_>, test: &Test, new: &Source<'_>, other: &Test, evidence: &Evidence, findings: &mut Vec<Finding>) {
    if source.text[test.range.clone()] == new.text[other.range.clone()] {
        return;
    }
    let line = new.line(other.range.start);
    let name = super::shown(&test.name);
    let (old, now) = (source.assertions(test.body.clone()), new.assertions(other.body.clone()));
    let code = |source: &Source<'_>, test: &Test| {
        source.masked.code[test.body.clone()].lines().filter(|line| line.chars().any(char::is_alphanumeric) && line.trim() != "pass").count()
    };
    let (lines, left) = (code(source, test), code(new, other));
    if now.is_empty() && left * 2 < lines {
        let severity = if left == 0 || !old.is_empty() { Severity::Refuse } else { Severity::NeedsApproval };
        findings.push(Finding::new(Rule::TestEmptied, severity, new.path, line, format!("test `{name}` loses most of its body")));
    }
    if old.len() > now.len() {
        let moved = shared(new).len() > shared(source).len();
        let severity = if moved { Severity::NeedsApproval } else { Severity::Refuse };
        let missing = old.iter().find(|assertion| !now.iter().any(|other| other.text == assertion.text));
        let message = format!("test `{name}` has {} assertions in place of {}", now.len(), old.len());
        findings.push(Finding::new(Rule::AssertionRemoved, severity, new.path, line, message).with(missing.map(|assertion| assertion.text.as_str()), None));
    }
    compare_assertions(source, new, old, now, evidence, findings);
    let spans = |source: &Source<'_>, test: &Test, regexes: &[Regex]| -> usize {
        regexes.iter().map(|regex| regex.find_iter(&source.masked.code[test.range.clone()]).count()).sum()
    };
    for (regexes, rule, message) in [
        (patterns::swallowers(new.language), Rule::ErrorSwallowed, "a failure inside the test would be caught or expected"),
        (patterns::escapes(), Rule::EarlyReturn, "the test could end before its assertions"),
    ] {
        if spans(new, other, regexes) > spans(source, test, regexes) {
            let at = regexes
                .iter()
                .filter_map(|regex| regex.find_iter(&new.masked.code[other.range.clone()]).last())
                .map(|hit| other.range.start + hit.start())
                .max()
                .unwrap_or(other.range.start);
            findings
                .push(Finding::new(rule, Severity::Refuse, new.path, new.line(at), format!("test `{name}`: {message}")).with(None, Some(new.line_text(at))));
        }
    }
    for regex in patterns::gates(new.language) {
        let count = |source: &Source<'_>, test: &Test| regex.find_iter(&source.masked.code[test.range.clone()]).count();
        if count(new, other) > count(source, test) {
            findings.push(
                Finding::new(Rule::TestGated, Severity::NeedsApproval, new.path, line, format!("test `{name}` would be built under a condition only"))
                    .with(None, Some(new.line_text(other.range.start))),
            );
        }
    }
    let head = |source: &Source<'_>, test: &Test| source.text[test.range.start..test.body.start].matches("expected").count();
    if head(source, test) > head(new, other) && source.masked.code[test.range.start..test.body.start].contains("should_panic") {
        findings.push(Finding::new(Rule::AssertionLoosened, Severity::Refuse, new.path, line, format!("test `{name}` no longer says which panic it expects")));
    }
    if let Some(row) = changed_row(source, test, new, other) {
        findings.push(
            Finding::new(Rule::ExpectedValueChanged, Severity::NeedsApproval, new.path, line, format!("a case of test `{name}` changes")).with(Some(row), None),
        );
    }
    let (rows, rows_left) = (cases(source, test), cases(new, other));
    if rows_left < rows {
        findings.push(Finding::new(Rule::CasesRemoved, Severity::Refuse, new.path, line, format!("test `{name}` has {rows_left} cases in place of {rows}")));
    }
}

/// Rows of cases: attributes that hold one each, elements of parametrised lists, literal rows of tables.
fn cases(source: &Source<'_>, test: &Test) -> usize {
    let code = &source.masked.code[test.range.clone()];
    let attributes = ["#[case", "#[test_case", "[InlineData", "[TestCase(", "[DataRow"].iter().map(|word| code.matches(word).count()).sum::<usize>();
    let listed: usize = ["parametrize(", ".each(", "@CsvSource(", "@ValueSource(", "listOf("]
        .iter()
        .flat_map(|word| code.match_indices(word).map(move |(at, _)| at + word.len() - 1))
        .map(|open| {
            let inside = tests_found::within(code, open);
            let Some(list) = inside.find(['[', '{']) else { return strength::split_arguments(inside).len() };
            strength::split_arguments(tests_found::within(inside, list)).len()
        })
        .sum();
    let piped = source.language == Language::Groovy;
    let row =
        |line: &&str| (line.starts_with(['{', '(', '[']) && line.ends_with(',') && line.len() > 4) || (piped && line.contains('|') && !line.contains("||"));
    let rows = code.lines().map(str::trim).filter(row).count();
    attributes + listed + if listed == 0 { rows } else { 0 }
}

/// The first literal row of a table of cases that is gone although the table is no shorter, and whose literals no new row has all of.
fn changed_row<'a>(source: &Source<'a>, test: &Test, new: &Source<'_>, other: &Test) -> Option<&'a str> {
    fn rows<'a>(source: &Source<'a>, test: &Test) -> Vec<&'a str> {
        let row = |line: &&str| line.starts_with(['{', '(', '[']) && line.ends_with([',', '}', ')', ']']) && line.len() > 4;
        source.text[test.range.clone()].lines().map(str::trim).filter(row).collect()
    }
    let (mut old, mut now) = (rows(source, test), rows(new, other));
    if old.len() > now.len() {
        return None;
    }
    old.retain(|row| now.iter().position(|other| other == row).map(|at| now.swap_remove(at)).is_none());
    old.into_iter().find(|row| {
        let literals = strength::literals_in(row);
        !literals.is_empty() && !now.iter().any(|other| strength::has_all(&strength::literals_in(other), &literals))
    })
}

/// Pair the assertions that differ and say what became of each.
fn compare_assertions(
    source: &Source<'_>,
    new: &Source<'_>,
    mut old: Vec<Assertion>,
    mut now: Vec<Assertion>,
    evidence: &Evidence,
    findings: &mut Vec<Finding>,
) {
    old.retain(|assertion| {
        let same = now.iter().position(|other| other.text == assertion.text);
        same.map(|at| now.remove(at)).is_none()
    });
    for before in &old {
        let Some(at) = strength::counterpart(before, &now) else { break };
        let after = now.remove(at);
        let line = new.line(after.at);
        let (rule, severity, message) = match strength::compare(before, &after) {
            Change::Fine => continue,
            Change::Vacuous => (Rule::AssertionVacuous, Severity::Refuse, "the assertion can no longer fail"),
            Change::Weaker => (Rule::AssertionLoosened, Severity::Refuse, "the assertion demands less than before"),
            Change::Tolerance => (Rule::ToleranceBroadened, Severity::Refuse, "the tolerance is wider than before"),
            Change::Subject => (Rule::AssertionLoosened, Severity::NeedsApproval, "the call under test is gone from the assertion"),
            Change::Expected if copies(before, &after, evidence) => {
                (Rule::ExpectedValueChanged, Severity::Refuse, "the expected value is replaced by what the failing test got")
            }
            Change::Expected => (Rule::ExpectedValueChanged, Severity::NeedsApproval, "the expected value changes"),
        };
        findings.push(Finding::new(rule, severity, new.path, line, message).with(Some(&before.text), Some(&after.text)));
    }
    // What is new must be able to fail too, when something was there before to be replaced.
    for assertion in now.iter().filter(|assertion| strength::is_vacuous(assertion)) {
        let severity = if old.is_empty() && source.text.len() < new.text.len() { Severity::NeedsApproval } else { Severity::Refuse };
        findings.push(
            Finding::new(Rule::AssertionVacuous, severity, new.path, new.line(assertion.at), "the assertion cannot fail").with(None, Some(&assertion.text)),
        );
    }
}

/// A literal came that is one of the values the failing test got.
fn copies(before: &Assertion, after: &Assertion, evidence: &Evidence) -> bool {
    let bare = |text: &str| text.trim().trim_matches(['"', '\'', '`']).to_owned();
    let known: Vec<String> = strength::literals(before).into_iter().map(bare).collect();
    strength::literals(after)
        .into_iter()
        .map(bare)
        .any(|literal| !known.contains(&literal) && evidence.actual_values.iter().any(|value| bare(value) == literal))
}

/// Files as a whole: deleted tests, rewritten snapshots.
fn files(path: &str, old: Option<&str>, new: Option<&str>, after: &[Source<'_>], findings: &mut Vec<Finding>) {
    let Some(old) = old else { return };
    if is_snapshot(path) {
        match new {
            None if !after.iter().any(|source| is_snapshot(source.path) && source.text == old) => {
                findings.push(Finding::new(Rule::SnapshotRewritten, Severity::Refuse, path, 1, "what tests compare with is deleted"));
            }
            Some(new) if new != old => {
                findings.push(Finding::new(Rule::SnapshotRewritten, Severity::NeedsApproval, path, 1, "what tests compare with is rewritten"))
            }
            _ => {}
        }
    } else if is_test(path) && new.is_none() {
        let moved = after.iter().any(|source| is_test(source.path) && alike(old, source.text) >= 0.5);
        if !moved {
            findings.push(Finding::new(Rule::TestFileDeleted, Severity::Refuse, path, 1, "a test file is deleted, or moved to where no runner collects it"));
        }
    }
}

/// Skips, suppressions and special cases that the change adds.
fn words(before: Option<&Source<'_>>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    let test_file = is_test(after.path) || !after.tests.is_empty();
    let language = after.language;
    // (pattern, owner) so that a skip that only moved is not new, and one that moved to another test is.
    let owner = |source: &Source<'_>, at: usize| source.owner(at).map_or_else(String::new, |test| test.name.clone());
    if test_file {
        for regex in patterns::skips(language) {
            let hits = |source: &Source<'_>| {
                regex.find_iter(&source.masked.code).map(|hit| (owner(source, hit.end().saturating_sub(1)), hit.start())).collect::<Vec<_>>()
            };
            for at in added(before.map(hits).unwrap_or_default(), hits(after)) {
                let at = at + after.masked.code[at..].find(|c: char| !c.is_whitespace()).unwrap_or(0);
                findings.push(
                    Finding::new(Rule::SkipAdded, Severity::Refuse, after.path, after.line(at), "a skip, a focus or an expected failure is added")
                        .with(None, Some(after.line_text(at))),
                );
            }
        }
        for regex in dialects::told(language) {
            let view = |source: &Source<'_>| regex.find_iter(&source.masked.uncommented).map(|hit| (String::new(), hit.start())).collect::<Vec<_>>();
            for at in added_lines(before, after, before.map(view).unwrap_or_default(), view(after)) {
                findings.push(
                    Finding::new(Rule::SkipAdded, Severity::Refuse, after.path, after.line(at), "a tag that leaves the test out is added")
                        .with(None, Some(after.line_text(at))),
                );
            }
        }
        if language == Language::Go {
            for regex in patterns::gates(language) {
                let count = |source: &Source<'_>| regex.find_iter(&source.masked.comments).count();
                if count(after) > before.map_or(0, count) && before.is_some() {
                    findings.push(Finding::new(Rule::TestGated, Severity::Refuse, after.path, 1, "the test file would be built under a condition only"));
                }
            }
        }
    }
    let by_line = |view: &str, regex: &Regex| regex.find_iter(view).map(|hit| (String::new(), hit.start())).collect::<Vec<_>>();
    let silenced =
        patterns::suppressing_comments().iter().map(|regex| (true, regex)).chain(patterns::suppressing_code(language).iter().map(|regex| (false, regex)));
    for (comment, regex) in silenced {
        let view = |source: &Source<'_>| by_line(if comment { &source.masked.comments } else { &source.masked.code }, regex);
        for at in added_lines(before, after, before.map(view).unwrap_or_default(), view(after)) {
            let line = after.line_text(at);
            let severity = if patterns::is_blanket(line) { Severity::Refuse } else { Severity::NeedsApproval };
            findings.push(
                Finding::new(Rule::LintSuppressed, severity, after.path, after.line(at), "a complaint is silenced in place of being answered")
                    .with(None, Some(line)),
            );
        }
    }
    if test_file && let Some(before) = before {
        subject::mocked(before, after, findings);
    }
    if !is_test(after.path) {
        if !config_like(after.path) && is_source(language) {
            subject::special(before, after, findings);
        }
        for regex in patterns::special_cases() {
            let view = |source: &Source<'_>| by_line(&source.masked.uncommented, regex);
            for at in added_lines(before, after, before.map(view).unwrap_or_default(), view(after)) {
                if after.owner(at).is_none() && !config_like(after.path) {
                    findings.push(
                        Finding::new(Rule::TestSpecialCased, Severity::Refuse, after.path, after.line(at), "production code asks whether it is being tested")
                            .with(None, Some(after.line_text(at))),
                    );
                }
            }
        }
    }
}

/// Written in a programming language.
fn is_source(language: Language) -> bool {
    use Language::{Config, Json, Other, Shell, Xml};
    !matches!(language, Config | Json | Other | Shell | Xml)
}

/// Settings of tools may well ask where they run.
fn config_like(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.contains(".config.") || name.contains(".conf.") || name.starts_with('.') || path.contains("/config/") || path.starts_with("config/")
}

/// Offsets of hits whose key occurs more often than before.
fn added(before: Vec<(String, usize)>, after: Vec<(String, usize)>) -> Vec<usize> {
    let mut left: HashMap<String, usize> = HashMap::new();
    for (key, _) in before {
        *left.entry(key).or_default() += 1;
    }
    after
        .into_iter()
        .filter_map(|(key, at)| match left.get_mut(&key).filter(|left| **left > 0) {
            Some(left) => {
                *left -= 1;
                None
            }
            None => Some(at),
        })
        .collect()
}

/// The hits on lines that are new, if there are more hits than before.
fn added_lines(before: Option<&Source<'_>>, after: &Source<'_>, old: Vec<(String, usize)>, new: Vec<(String, usize)>) -> Vec<usize> {
    let excess = new.len().saturating_sub(old.len());
    let mut known: Vec<&str> = old.iter().filter_map(|(_, at)| before.map(|source| source.line_text(*at))).collect();
    let mut fresh: Vec<usize> = Vec::new();
    for (_, at) in new {
        let line = after.line_text(at);
        match known.iter().position(|other| *other == line) {
            Some(found) => {
                known.swap_remove(found);
            }
            None => fresh.push(at),
        }
    }
    fresh.truncate(excess);
    fresh
}

#[cfg(test)]
mod tests;
