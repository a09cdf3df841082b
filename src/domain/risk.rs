//! The risk score: 0 (nothing to fear) to 10, every point with its reason.
//!
//! A sum of the points of [`table`], clamped to 0..=10. Deterministic, and monotone: more of anything that is counted, less confidence, or no
//! tool's word never lower the score. What a rule of danger has said, no relief takes back: a deterministic tool that adds a secret has added a
//! secret.
//!
//! # Calibration
//! By default up to 3 nobody is asked, up to 6 a person is, and above it is refused (`domain/rules.rs`). What that means, tested row by row;
//! the diagnosis is sure, it is the first attempt, and the code failed its test, where nothing else is said:
//!
//! | Change | Score | By default |
//! |---|---|---|
//! | two lines of one source file | 0 | automatic |
//! | a formatter's rewrite of 60 lines in one file | 0 | automatic |
//! | 30 lines in two source files | 1 | automatic |
//! | 30 lines in four source files | 2 | automatic |
//! | one line of a test | 1 | automatic |
//! | a version in a manifest and its lock file | 2 | automatic |
//! | two lines at the third attempt | 2 | automatic |
//! | two lines of a public interface, diagnosis 70 % sure | 2 | automatic |
//! | two lines of a build script | 2 | automatic |
//! | a rewritten snapshot, 60 lines | 4 | a person |
//! | two lines, failure of unknown kind, diagnosis 35 % sure | 5 | a person |
//! | 30 lines in four files, one of them of authentication | 5 | a person |
//! | a new migration | 4 | a person |
//! | 200 lines in six files | 5 | a person |
//! | a newly started process | 4 | a person |
//! | a new network call by a deterministic tool | 4 | a person |
//! | a line of a pipeline | 4 | a person |
//! | a line of an agent's instructions | 4 | a person |
//! | a line of an unknown dot file, three places of tests to look at | 7 | refused |
//! | a new process and a new network call | 8 | refused |
//! | 200 lines in six files with a new process | 9 | refused |
//! | a new secret, by a formatter, for a lint failure | 10 | refused |

mod calls;

use std::collections::HashMap;

use serde::Serialize;

use super::diagnosis::Category;
use super::patch::{Applied, Repair, RepairKind, Touches};
use super::redaction::redact;

pub use calls::NewCalls;

/// Everything the score is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskInputs {
    /// Lines added.
    pub added: usize,
    /// Lines removed.
    pub removed: usize,
    /// Files touched.
    pub files: usize,
    /// Kinds touched.
    pub touches: Touches,
    /// How sure the diagnosis is, 0 to 1. Anything else counts as 0.
    pub confidence: f64,
    /// What failed.
    pub category: Category,
    /// The change comes from a formatter, a linter's `--fix`, a compiler's suggestion.
    pub deterministic_fixer: bool,
    /// Repairs that touched place or content, see [`tolerant`].
    pub repairs: usize,
    /// Attempts so far, the present one included (1 for the first).
    pub attempts: u32,
    /// Test-integrity findings that need approval.
    pub integrity_approvals: usize,
    /// Dangerous calls newly added.
    pub calls: NewCalls,
    /// Secrets newly added, as counted by the redaction rules.
    pub secrets: usize,
}

impl Default for RiskInputs {
    fn default() -> Self {
        Self {
            added: 0,
            removed: 0,
            files: 0,
            touches: Touches::default(),
            confidence: 1.0,
            category: Category::TestAssertion,
            deterministic_fixer: false,
            repairs: 0,
            attempts: 1,
            integrity_approvals: 0,
            calls: NewCalls::default(),
            secrets: 0,
        }
    }
}

impl RiskInputs {
    /// What an applied patch says by itself; diagnosis, attempts and findings are the caller's.
    #[must_use]
    pub fn of(applied: &Applied) -> Self {
        let mut touches = Touches::of(applied.files.iter().map(|file| file.path.as_str()));
        for file in &applied.files {
            let renamed = applied.renames.iter().any(|(old, new)| *old == file.path || *new == file.path);
            match (&file.before, &file.after) {
                (Some(_), None) if !renamed => touches.deleted.push(file.path.clone()),
                (None, Some(_)) if !renamed => touches.created.push(file.path.clone()),
                (Some(before), Some(after)) if before.mode != after.mode => touches.executable.push(file.path.clone()),
                _ => {}
            }
        }
        Self {
            added: applied.stats.added,
            removed: applied.stats.removed,
            files: applied.stats.files,
            touches,
            repairs: tolerant(&applied.repairs),
            calls: NewCalls::of(applied),
            secrets: new_secrets(applied),
            ..Self::default()
        }
    }
}

/// Repairs that make it less sure that what was meant is what was done; mended headers do not.
#[must_use]
pub fn tolerant(repairs: &[Repair]) -> usize {
    repairs
        .iter()
        .filter(|repair| {
            matches!(
                repair.kind,
                RepairKind::Drift
                    | RepairKind::Indentation
                    | RepairKind::Elided
                    | RepairKind::LineNumbers
                    | RepairKind::Escaped
                    | RepairKind::Lookalike
                    | RepairKind::StaleContext
                    | RepairKind::Kind
                    | RepairKind::AlreadyApplied
                    | RepairKind::Path
            )
        })
        .count()
}

/// The lines that the files have more of than before, file by file. Taken from the contents and not from a diff's text, so that a line that begins
/// with `++` is a line.
#[must_use]
pub fn added_lines(applied: &Applied) -> String {
    let mut lines = String::new();
    for file in &applied.files {
        let text = |content: &Option<super::patch::FileContent>| content.as_ref().and_then(|content| content.text().map(str::to_owned)).unwrap_or_default();
        for line in fresh(&text(&file.before), &text(&file.after)) {
            lines.push_str(line);
            lines.push('\n');
        }
    }
    lines
}

/// The lines of `after` beyond those of `before`, in their order.
fn fresh<'a>(before: &str, after: &'a str) -> Vec<&'a str> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    for line in before.lines() {
        *known.entry(line).or_default() += 1;
    }
    after
        .lines()
        .filter(|line| match known.get_mut(line).filter(|left| **left > 0) {
            Some(left) => {
                *left -= 1;
                false
            }
            None => true,
        })
        .collect()
}

/// Secrets that the change adds: in the new lines, or in the whole of a file beyond those it had (a key whose first line was there before).
fn new_secrets(applied: &Applied) -> usize {
    let count = |text: &str| redact(text).counts.values().sum::<usize>();
    applied
        .files
        .iter()
        .map(|file| {
            let Some(after) = file.after.as_ref().and_then(|content| content.text()) else { return 0 };
            let before = file.before.as_ref().and_then(|content| content.text()).unwrap_or_default();
            count(&fresh(before, after).join("\n")).max(count(after).saturating_sub(count(before)))
        })
        .sum()
}

/// One reason and its points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RiskReason {
    /// Points added; negative where the reason lowers the score.
    pub points: i8,
    /// A stable name.
    pub code: &'static str,
    /// One sentence for a reader.
    pub sentence: String,
}

/// A score and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// 0 to 10.
    pub score: u8,
    /// The reasons; their sum, clamped, is the score.
    pub reasons: Vec<RiskReason>,
}

/// What a line of the table does to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Counts.
    Ordinary,
    /// Counts, and no relief counts beside it.
    Danger,
    /// Lowers the score where there is no danger.
    Relief,
}

/// A line of the table.
#[derive(Debug)]
pub struct Row {
    /// A stable name.
    pub code: &'static str,
    /// How much of it there is.
    pub measure: fn(&RiskInputs) -> usize,
    /// Points by the highest step that the measure exceeds; steps and points rise.
    pub steps: &'static [(usize, i8)],
    /// What it does to the others.
    pub weight: Weight,
    /// Why it has the points.
    pub why: &'static str,
    /// One sentence about a change.
    pub sentence: fn(&RiskInputs) -> String,
}

const fn ordinary(
    code: &'static str,
    measure: fn(&RiskInputs) -> usize,
    steps: &'static [(usize, i8)],
    sentence: fn(&RiskInputs) -> String,
    why: &'static str,
) -> Row {
    Row { code, measure, steps, weight: Weight::Ordinary, why, sentence }
}

const fn danger(
    code: &'static str,
    measure: fn(&RiskInputs) -> usize,
    steps: &'static [(usize, i8)],
    sentence: fn(&RiskInputs) -> String,
    why: &'static str,
) -> Row {
    Row { code, measure, steps, weight: Weight::Danger, why, sentence }
}

const fn relief(
    code: &'static str,
    measure: fn(&RiskInputs) -> usize,
    steps: &'static [(usize, i8)],
    sentence: fn(&RiskInputs) -> String,
    why: &'static str,
) -> Row {
    Row { code, measure, steps, weight: Weight::Relief, why, sentence }
}

/// The whole formula: what is counted, its points, and why.
#[must_use]
pub fn table() -> &'static [Row] {
    TABLE
}

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ordinary("size", |i| i.added.saturating_add(i.removed), &[(10, 1), (50, 2), (150, 3), (400, 4)], |i| format!("{} changed", plural(i.added.saturating_add(i.removed), "line")), "what is long is read less well"),
    ordinary("files", |i| i.files, &[(2, 1), (5, 2), (10, 3)], |i| format!("{} touched", plural(i.files, "file")), "a failure seldom has its cause in many places"),
    ordinary("removed_lines", |i| i.removed, &[(20, 1), (200, 2)], |i| format!("{} removed", plural(i.removed, "line")), "a failure is easily mended by taking away what fails"),
    ordinary("deleted_files", |i| i.touches.deleted.len(), &[(0, 1), (1, 2)], |i| format!("{} deleted", plural(i.touches.deleted.len(), "file")), "the same"),
    ordinary("dependency_manifest", |i| i.touches.manifests.len(), &[(0, 1)], |i| touched("a dependency manifest", &i.touches.manifests), "other people's code comes in; its content is judged apart"),
    ordinary("lock_file", |i| i.touches.lock_files.len(), &[(0, 1)], |i| touched("a lock file", &i.touches.lock_files), "the same"),
    ordinary("build_script", |i| i.touches.build_scripts.len(), &[(0, 2)], |i| touched("a build script", &i.touches.build_scripts), "it runs on every machine that builds"),
    ordinary("migration", |i| i.touches.migrations.len(), &[(0, 4)], |i| touched("a database migration", &i.touches.migrations), "what it does to data is not undone by a revert"),
    ordinary("sensitive_path", |i| i.touches.sensitive.len(), &[(0, 3)], |i| touched("a path that looks like authentication, cryptography or payment", &i.touches.sensitive), "a mistake there costs more than a red build"),
    ordinary("public_api", |i| i.touches.public_api.len(), &[(0, 1)], |i| touched("a public interface", &i.touches.public_api), "others build on it"),
    ordinary("generated", |i| i.touches.generated.len(), &[(0, 1)], |i| touched("generated or vendored code", &i.touches.generated), "its source is elsewhere, and the next run undoes it"),
    ordinary("tests", |i| i.touches.tests.len(), &[(0, 1)], |i| touched("test files", &i.touches.tests), "what judges is changed beside what is judged; the content is judged apart"),
    ordinary("test_support", |i| i.touches.test_support.len(), &[(0, 2)], |i| touched("what tests stand on", &i.touches.test_support), "one line there reaches every test"),
    ordinary("snapshots", |i| i.touches.snapshots.len(), &[(0, 2)], |i| touched("snapshots or fixtures", &i.touches.snapshots), "the expectation becomes what came out"),
    ordinary("runner_config", |i| i.touches.runner_config.len(), &[(0, 2)], |i| touched("settings of a test runner", &i.touches.runner_config), "it says which tests run"),
    ordinary("executable", |i| i.touches.executable.len(), &[(0, 1)], |i| touched("the executable bit", &i.touches.executable), "somebody will run it"),
    danger("ci", |i| i.touches.ci.len(), &[(0, 4)], |i| touched("a pipeline", &i.touches.ci), "it runs with the rights of the pipeline"),
    danger("teammate_machine", |i| i.touches.machines.len(), &[(0, 4)], |i| touched("what acts on teammates' machines", &i.touches.machines), "it runs with the rights of whoever pulls"),
    danger("agent_instructions", |i| i.touches.instructions.len(), &[(0, 4)], |i| touched("what agents are told", &i.touches.instructions), "it is obeyed with the rights of whoever asks the agent"),
    danger("runner_shadow", |i| i.touches.shadows.len(), &[(0, 4)], |i| touched("what a runner would take for a part of its own", &i.touches.shadows), "it decides what green means"),
    danger("unknown_dot_file", |i| i.touches.unknown.len(), &[(0, 4)], |i| touched("a dot file that is not known", &i.touches.unknown), "some tool reads it by itself"),
    danger("new_process", |i| i.calls.process, &[(0, 4)], |i| newly("starts processes or shells", i.calls.process), "alone a person looks at it; with the network it is how things are stolen"),
    danger("new_unsafe", |i| i.calls.unsafe_code, &[(0, 4)], |i| newly("uses unsafe code", i.calls.unsafe_code), "no test shows that it is sound"),
    danger("new_eval", |i| i.calls.eval, &[(0, 4)], |i| newly("runs code made from text", i.calls.eval), "what it runs is not in the diff"),
    danger("new_network", |i| i.calls.network, &[(0, 4)], |i| newly("talks to the network", i.calls.network), "what is known there leaves"),
    danger("new_secret", |i| i.secrets, &[(0, 10)], |i| format!("{} newly added", plural(i.secrets, "secret")), "it is known to everybody who can read, for ever"),
    ordinary("test_integrity", |i| i.integrity_approvals, &[(0, 2), (2, 3)], |i| format!("{} of the test-integrity check need approval", plural(i.integrity_approvals, "finding")), "a person is asked for each anyway; many together are no detail"),
    ordinary("confidence", |i| doubt(i.confidence), &[(0, 1), (1, 2), (2, 3)], |i| format!("the diagnosis is {:.0} % sure", sure(i.confidence) * 100.0), "under 80, 60 and 40 %: a fix of the wrong thing can be green too"),
    ordinary("category", |i| category(i.category).0, &[(0, 1), (1, 2)], |i| format!("the failure is {}", category(i.category).1), "what failed is not the code alone"),
    ordinary("repairs", |i| i.repairs, &[(0, 1), (2, 2)], |i| format!("{} to make the patch fit", plural(i.repairs, "repair")), "what was meant had to be guessed"),
    ordinary("attempts", |i| usize::try_from(i.attempts).unwrap_or(usize::MAX), &[(1, 1), (2, 2)], |i| format!("attempt number {}", i.attempts), "tried long enough, something gets green"),
    relief("lint_failure", |i| usize::from(i.category == Category::LintError), &[(0, 1)], |_| "the failure is a linter's or formatter's".to_owned(), "the complaint itself says what to do"),
    relief("deterministic_fixer", |i| usize::from(i.deterministic_fixer), &[(0, 2)], |_| "a deterministic tool made the change".to_owned(), "the same input gives the same change, and no model had a say"),
];

fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

fn touched(what: &str, paths: &[String]) -> String {
    format!("touches {what} (`{}`)", super::patch::shown(paths.first().map_or("", String::as_str)))
}

fn newly(what: &str, count: usize) -> String {
    format!("newly {what} ({count} times)")
}

/// The confidence; what is no share of one counts as none.
fn sure(confidence: f64) -> f64 {
    if (0.0..=1.0).contains(&confidence) { confidence } else { 0.0 }
}

/// Under how many of the marks 0.8, 0.6 and 0.4 the confidence lies.
fn doubt(confidence: f64) -> usize {
    [0.8, 0.6, 0.4].iter().filter(|mark| sure(confidence) < **mark).count()
}

/// Points by the highest step that `value` exceeds.
fn steps(value: usize, steps: &[(usize, i8)]) -> i8 {
    steps.iter().rev().find(|(over, _)| value > *over).map_or(0, |(_, points)| *points)
}

/// Score a change. See [`table`].
#[must_use]
pub fn score(inputs: &RiskInputs) -> Risk {
    let points = |row: &Row| steps((row.measure)(inputs), row.steps);
    let dangerous = TABLE.iter().any(|row| row.weight == Weight::Danger && points(row) > 0);
    let reasons: Vec<RiskReason> = TABLE
        .iter()
        .filter_map(|row| {
            let points = match row.weight {
                Weight::Relief if dangerous => 0,
                Weight::Relief => -points(row),
                Weight::Ordinary | Weight::Danger => points(row),
            };
            (points != 0).then(|| RiskReason { points, code: row.code, sentence: (row.sentence)(inputs) })
        })
        .collect();
    let sum: i32 = reasons.iter().map(|reason| i32::from(reason.points)).sum();
    Risk { score: u8::try_from(sum.clamp(0, 10)).unwrap_or(10), reasons }
}

/// How far a failure of this category is from being the code's, 0 to 2, and how it is called.
fn category(category: Category) -> (usize, &'static str) {
    match category {
        Category::LintError => (0, "a linter's or formatter's"),
        Category::TestAssertion | Category::CompileError | Category::TypeError | Category::SnapshotDiff => (0, "in the code"),
        Category::DependencyInstall => (1, "in installing dependencies"),
        Category::TimeoutOrOom => (1, "a matter of time or memory"),
        Category::GithubActionsConfig => (2, "in the pipeline's configuration"),
        Category::PermissionOrSecret => (2, "a missing permission or secret"),
        Category::NetworkOrFlaky => (1, "of a kind that comes and goes"),
        Category::DockerBuild => (2, "in building an image"),
        Category::RunnerInfrastructure => (2, "the runner's"),
        Category::Unknown => (2, "of an unknown kind"),
    }
}

#[cfg(test)]
mod tests;
