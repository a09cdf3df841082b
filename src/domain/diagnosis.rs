//! Diagnosis: from any CI log to the few lines that matter.
//!
//! One streaming pass in bounded memory cleans lines, follows GitHub's structure of jobs and steps, and asks
//! a set of [`rule::Rule`]s (one file a family of tools) what a line is. Findings and their surroundings are
//! kept as blocks; at the end they decide the category, the fingerprint and the excerpt.

use crate::domain::redaction::redact;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

pub mod address;
pub mod blocks;
pub mod clean;
pub mod command;
pub mod compilers;
pub mod excerpt;
pub mod fingerprint;
pub mod generic;
pub mod green;
pub mod linters;
pub mod mask;
pub mod packages;
pub mod paths;
pub mod platform;
pub mod prefix;
pub mod rule;
pub mod runners;
mod stream;
pub mod structure;
pub mod systems;
pub mod taxonomy;
pub mod verdict;

pub use fingerprint::Fingerprint;
pub use green::GreenProfile;
pub use taxonomy::Category;

use rule::{Role, Rule};

/// Every family of rules. Of two rules with the same weight the one that stands earlier is tried first.
pub(crate) fn families() -> &'static [&'static [Rule]] {
    &[
        platform::RULES,
        packages::RULES,
        runners::rust::RULES,
        runners::pytest::RULES,
        runners::junit::RULES,
        runners::gradle::RULES,
        runners::go::RULES,
        runners::javascript::RULES,
        runners::browser::RULES,
        runners::ruby::RULES,
        runners::php::RULES,
        runners::dotnet::RULES,
        runners::native::RULES,
        runners::apple::RULES,
        runners::functional::RULES,
        runners::script::RULES,
        runners::behaviour::RULES,
        compilers::python::RULES,
        compilers::typescript::RULES,
        compilers::rustc::RULES,
        compilers::jvm::RULES,
        linters::jvm::RULES,
        linters::javascript::RULES,
        linters::python::RULES,
        linters::general::RULES,
        compilers::scripting::RULES,
        compilers::native::RULES,
        compilers::others::RULES,
        linters::house::RULES,
        runners::unknown::RULES,
        generic::RULES,
    ]
}

/// How a diagnosis is made.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Most bytes of the excerpt. A token is about three bytes.
    pub budget: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { budget: 6_600 }
    }
}

/// A step that the runner reported as failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedStep {
    /// The job, as the log was labelled.
    pub job: String,
    /// The step's title.
    pub step: String,
    /// Its script, or the action.
    pub command: String,
    /// The exit code, where one was reported.
    pub exit_code: Option<i32>,
}

/// A file that the failure names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// The path as the repository would name it, as far as the log tells.
    pub path: String,
    /// The lines named in it, in the order found.
    pub lines: Vec<u32>,
}

/// A message that says why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorLine {
    /// What was said.
    pub message: String,
    /// Where, as far as the same line tells.
    pub file: Option<String>,
    /// The line there.
    pub line: Option<u32>,
    /// Which format it was recognised by (`rustc.coded`).
    pub rule: String,
    /// The number of the log's line, from 1.
    pub log_line: u64,
    /// How often the same was said.
    pub count: u32,
}

/// What is strange about a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flags {
    /// A line is written for a model that reads it. It is data like all others.
    pub addresses_the_model: bool,
    /// A line imitates what only a runner prints.
    pub imitates_markers: bool,
    /// Escapes that do more than colour were removed.
    pub hostile_escapes: bool,
    /// The log is binary.
    pub binary: bool,
    /// No failure was found in it.
    pub no_failure_found: bool,
}

/// What a log says about a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What would go into a prompt: plain text, safe for a terminal, within the budget.
    pub excerpt: String,
    /// What kind of failure it is.
    pub category: Category,
    /// How sure the category is, from 0 to 1.
    pub confidence: f32,
    /// The lines that decided the category.
    pub evidence: Vec<String>,
    /// A change to the repository can settle it.
    pub fixable_by_code: bool,
    /// Running the same commit again may be green.
    pub rerun_could_help: bool,
    /// The key of the cause across runs.
    pub fingerprint: Fingerprint,
    /// Steps that failed.
    pub failed_steps: Vec<FailedStep>,
    /// Tests that failed.
    pub failed_tests: Vec<String>,
    /// Files that the failure names, the likeliest first.
    pub files: Vec<FileRef>,
    /// Commands that failed.
    pub commands: Vec<String>,
    /// Messages that say why, the weightiest first.
    pub errors: Vec<ErrorLine>,
    /// Tokens of the excerpt, estimated as bytes / 3.
    pub tokens: usize,
    /// Secrets masked, by kind; filled by whoever redacts.
    pub redactions: BTreeMap<String, usize>,
    /// What is strange about the log.
    pub flags: Flags,
    /// Most bytes of the excerpt, as it was asked for.
    #[serde(skip)]
    budget: usize,
}

/// Most tests, files and errors that a diagnosis lists.
const TESTS: usize = 500;
const FILES: usize = 12;
const ERRORS: usize = 20;
/// Lines of the end of a step that is not understood that take part in its fingerprint.
const LAST_WORDS: usize = 3;

impl Diagnosis {
    /// Without secrets, in every text that came from the log; what was masked is counted by kind. Nothing is shown, stored or sent before.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        let mut counts = std::mem::take(&mut self.redactions);
        let excerpt = redact(&self.excerpt);
        // The excerpt holds what the other texts hold: its count is the one that people are told.
        for (kind, count) in excerpt.counts {
            *counts.entry(kind).or_default() += count;
        }
        // A mask may be longer than what it stands for: the budget holds for what is sent.
        let budget = if self.budget > 0 { self.budget } else { self.excerpt.len() };
        self.excerpt = excerpt::within(excerpt.text, budget);
        let mask = |text: &mut String| *text = redact(text).text;
        self.evidence.iter_mut().for_each(mask);
        self.failed_tests.iter_mut().for_each(mask);
        self.commands.iter_mut().for_each(mask);
        self.errors.iter_mut().for_each(|error| mask(&mut error.message));
        self.failed_steps.iter_mut().for_each(|step| mask(&mut step.command));
        self.files.iter_mut().for_each(|file| mask(&mut file.path));
        self.tokens = self.excerpt.len().div_ceil(3);
        self.redactions = counts;
        self
    }
}

/// Takes logs in pieces of any size and diagnoses them, in memory that does not grow with them.
pub struct Diagnoser<'g> {
    stream: stream::Stream<'g>,
    options: Options,
}

impl<'g> Diagnoser<'g> {
    /// A diagnoser without a green run to compare with.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { stream: stream::Stream::new(None), options }
    }

    /// A diagnoser that takes what a green run printed too for noise.
    #[must_use]
    pub fn against(options: Options, green: &'g GreenProfile) -> Self {
        Self { stream: stream::Stream::new(Some(green)), options }
    }

    /// Begins the log of the job `label`; what is pushed before is a job without a name.
    pub fn job(&mut self, label: &str) {
        self.stream.job(label);
    }

    /// Takes the next bytes of the log.
    pub fn push(&mut self, bytes: &[u8]) {
        self.stream.push(bytes);
    }

    /// The diagnosis.
    #[must_use]
    pub fn finish(self) -> Diagnosis {
        conclude(self.stream.finish(), self.options)
    }
}

/// Diagnoses one log that is in memory.
#[must_use]
pub fn diagnose(log: &[u8], green: Option<&GreenProfile>) -> Diagnosis {
    let options = Options::default();
    let mut diagnoser = match green {
        Some(green) => Diagnoser::against(options, green),
        None => Diagnoser::new(options),
    };
    diagnoser.push(log);
    diagnoser.finish()
}

/// Diagnoses the logs of several jobs of one failure, each with its label.
#[must_use]
pub fn diagnose_jobs(logs: &[(&str, &[u8])], options: Options) -> Diagnosis {
    let mut diagnoser = Diagnoser::new(options);
    for (label, log) in logs {
        diagnoser.job(label);
        diagnoser.push(log);
    }
    diagnoser.finish()
}

fn conclude(collected: stream::Collected, options: Options) -> Diagnosis {
    let mut blocks = blocks::fold(collected.blocks);
    blocks.iter_mut().for_each(blocks::Block::place_under_headings);
    let steps = collected.steps.all();
    let standing = verdict::Standing::new(steps, &blocks);
    let verdict = verdict::decide(&blocks, steps, &standing, collected.last);
    let failed_tests = failed_tests(&blocks, &standing, verdict.category);
    let excerpt = excerpt::assemble(&blocks, steps, &standing, &failed_tests, &verdict, options.budget);
    let errors = errors(&blocks, &standing);
    let fingerprint = fingerprint_of(&blocks, &standing, verdict.category, &failed_tests, steps);
    let failed_steps: Vec<FailedStep> = steps
        .iter()
        .filter(|s| s.failed)
        .take(16)
        .map(|s| FailedStep { job: s.job.clone(), step: s.title.clone(), command: s.command.clone(), exit_code: s.exit_code })
        .collect();
    let mut commands: Vec<String> = Vec::new();
    let named = blocks.iter().filter(|b| standing.factor(b) >= 1.0).flat_map(blocks::Block::findings).filter_map(|(_, f)| f.command.clone());
    for command in failed_steps.iter().map(|s| s.command.clone()).filter(|c| !c.is_empty()).chain(named) {
        if commands.len() < 12 && !commands.contains(&command) {
            commands.push(command);
        }
    }
    let found = blocks.iter().flat_map(blocks::Block::findings).any(|(_, f)| !matches!(f.rule.role, Role::Frame | Role::Detail));
    let mut evidence = Vec::new();
    for (line, finding) in blocks.iter().filter(|b| standing.factor(b) >= 1.0).flat_map(blocks::Block::findings) {
        let text = line.text.trim();
        if finding.rule.category == Some(verdict.category) && evidence.len() < 6 && !evidence.iter().any(|e| e == text) {
            evidence.push(text.to_owned());
        }
    }
    if evidence.is_empty() {
        let codes = steps.iter().filter(|s| s.failed).filter_map(|s| s.exit_code).filter_map(structure::end_of);
        evidence.extend(codes.map(|end| format!("exit code {}: {}", end.code, end.words)).take(1));
    }
    let environment_in_build = verdict.transient && matches!(verdict.category, Category::DockerBuild | Category::DependencyInstall);
    // Of what is shown and goes on to a model; the rest of the log reaches nobody.
    let addresses_the_model = address::speaks_to_a_model(&excerpt);
    Diagnosis {
        tokens: excerpt.len().div_ceil(3),
        excerpt,
        category: verdict.category,
        confidence: (verdict.confidence * 100.0).round() / 100.0,
        evidence,
        fixable_by_code: verdict.category.fixable_by_code() && !environment_in_build,
        rerun_could_help: verdict.category.rerun_could_help() || environment_in_build,
        fingerprint,
        failed_steps,
        files: files(&blocks, &standing),
        failed_tests,
        commands,
        errors,
        redactions: BTreeMap::new(),
        budget: options.budget,
        flags: Flags {
            addresses_the_model,
            imitates_markers: collected.steps.imitated,
            hostile_escapes: collected.hostile,
            binary: collected.binary,
            no_failure_found: !found && !collected.marked,
        },
    }
}

/// Names of failed tests, each once, in the fullest form in which the log gives it.
fn failed_tests(blocks: &[blocks::Block], standing: &verdict::Standing, category: Category) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let in_the_end = |b: &blocks::Block| b.findings().filter(|(_, f)| f.rule.role == Role::Passed).flat_map(|(_, f)| f.tests.clone()).collect::<Vec<_>>();
    let passed: HashSet<String> = blocks.iter().flat_map(in_the_end).collect();
    let top = blocks.iter().map(|b| standing.factor(b)).fold(0.0, f32::max);
    // Names in unknown formats are believed where nothing else named a test, and tests are what failed.
    let unknown = |f: &blocks::Finding| f.rule.family() == "unknown";
    let standing_out = || blocks.iter().filter(|b| standing.factor(b) >= top).flat_map(blocks::Block::findings);
    let described = standing_out().any(|(_, f)| !unknown(f) && !f.tests.is_empty());
    let tested = !matches!(category, Category::CompileError | Category::TypeError | Category::LintError | Category::DependencyInstall | Category::DockerBuild);
    for block in blocks.iter().filter(|b| standing.factor(b) >= top) {
        for (_, finding) in block.findings().filter(|(_, f)| !unknown(f) || (!described && tested)) {
            for test in &finding.tests {
                if names.len() < 4 * TESTS && !names.contains(test) && !passed.contains(test) {
                    names.push(test.clone());
                }
            }
        }
    }
    let mut by_own: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, name) in names.iter().enumerate() {
        by_own.entry(excerpt::own_name(name).trim_end_matches("()")).or_default().push(at);
    }
    // `Class.test` and `test(com.acme.Class)` are the same as `com.acme.Class.test`.
    let words =
        |name: &str| -> Vec<String> { name.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty()).map(ToOwned::to_owned).collect() };
    let mut dropped = vec![false; names.len()];
    for group in by_own.values().filter(|g| g.len() > 1) {
        for a in group {
            let mine = words(&names[*a]);
            dropped[*a] = group.iter().any(|b| {
                let theirs = words(&names[*b]);
                a != b && !dropped[*b] && mine.iter().all(|w| theirs.contains(w)) && (theirs.len() > mine.len() || (theirs.len() == mine.len() && b < a))
            });
        }
    }
    names.into_iter().enumerate().filter(|(at, _)| !dropped[*at]).map(|(_, n)| n).take(TESTS).collect()
}

fn files(blocks: &[blocks::Block], standing: &verdict::Standing) -> Vec<FileRef> {
    struct Entry {
        worth: f32,
        first: usize,
        lines: Vec<u32>,
        /// How many blocks name it, and the last that did.
        blocks: usize,
        last: usize,
    }
    let mut entries: HashMap<String, Entry> = HashMap::new();
    let mut sequence = 0;
    let mut add = |path: String, line: Option<u32>, worth: f32, block: usize| {
        sequence += 1;
        let entry = entries.entry(path).or_insert(Entry { worth: 0.0, first: sequence, lines: Vec::new(), blocks: 0, last: usize::MAX });
        entry.worth = entry.worth.max(worth) + 0.02;
        if entry.last != block {
            entry.blocks += 1;
            entry.last = block;
        }
        if let Some(line) = line
            && entry.lines.len() < 12
            && !entry.lines.contains(&line)
        {
            entry.lines.push(line);
        }
    };
    let mut naming = 0;
    for (nth, block) in blocks.iter().enumerate() {
        let factor = standing.factor(block);
        naming += usize::from(factor >= 1.0 && !block.tail && block.findings().any(|(_, f)| f.file.is_some()));
        for (line, finding) in block.findings() {
            let base = f32::from(finding.rule.weight) * factor;
            match &finding.file {
                Some((path, at)) => add(path.clone(), *at, base * if finding.rule.role == Role::Frame { 0.95 } else { 1.0 }, nth),
                None if matches!(finding.rule.role, Role::Summary | Role::Noise) => {}
                None => {
                    for place in paths::places(&line.text) {
                        let named = if place.line.is_some() { 0.85 } else { 0.5 };
                        add(place.path, place.line, base * named, nth);
                    }
                }
            }
        }
        // The end of a failed step may name files in a format that nobody here knows.
        if block.tail {
            for line in &block.lines {
                for place in paths::places(&line.text) {
                    add(place.path, place.line, 24.0 * factor, nth);
                }
            }
        }
    }
    let mut list: Vec<(String, Entry)> = entries.into_iter().collect();
    // Where many findings lead through one file, it is nearer to the cause than each of those that they begin in.
    let top = list.iter().map(|(_, e)| e.worth).fold(0.0, f32::max);
    for (_, entry) in list.iter_mut().filter(|(_, e)| e.blocks >= 3 && e.blocks * 2 >= naming && e.worth >= top * 0.5) {
        entry.worth = top;
    }
    // Of files that are worth about the same, the one named first is nearer to the cause.
    let tier = |entry: &Entry| (entry.worth / 12.0).floor();
    list.sort_by(|a, b| tier(&b.1).total_cmp(&tier(&a.1)).then(a.1.first.cmp(&b.1.first)));
    let best = list.iter().map(|(_, e)| e.worth).fold(0.0, f32::max);
    list.into_iter().filter(|(_, e)| e.worth >= best * 0.45).take(FILES).map(|(path, e)| FileRef { path, lines: e.lines }).collect()
}

fn errors(blocks: &[blocks::Block], standing: &verdict::Standing) -> Vec<ErrorLine> {
    let occurrences = blocks::occurrences(blocks);
    let mut list: Vec<(f32, ErrorLine)> = Vec::new();
    let mut seen = HashSet::new();
    for block in blocks {
        let factor = standing.factor(block);
        for (line, finding) in block.findings().filter(|(_, f)| f.rule.role == Role::Cause) {
            let key = mask::hash(&mask::mask(&finding.message, mask::Depth::Full));
            if list.len() >= 2_000 || !seen.insert(key) {
                continue;
            }
            let (file, at) = finding.file.clone().map_or((None, None), |(f, l)| (Some(f), l));
            let count = occurrences.get(&key).copied().unwrap_or(1);
            let error = ErrorLine { message: finding.message.clone(), file, line: at, rule: finding.rule.id.to_owned(), log_line: line.number, count };
            list.push((f32::from(finding.rule.weight) * factor, error));
        }
    }
    list.sort_by(|a, b| b.0.total_cmp(&a.0));
    list.into_iter().take(ERRORS).map(|(_, e)| e).collect()
}

fn fingerprint_of(blocks: &[blocks::Block], standing: &verdict::Standing, category: Category, tests: &[String], steps: &[structure::Step]) -> Fingerprint {
    let causes = || {
        blocks.iter().flat_map(move |b| {
            let factor = standing.factor(b);
            b.findings()
                .filter(|(_, f)| f.rule.role == Role::Cause && (!f.rule.inside || f.rule.late || f.rule.weight >= 80))
                .map(move |(_, f)| (f32::from(f.rule.weight) * factor, f))
        })
    };
    let mut chosen: Vec<(f32, &blocks::Finding)> = causes().filter(|(_, f)| f.rule.category == Some(category)).collect();
    if chosen.is_empty() {
        chosen = causes().collect();
    }
    let best = chosen.iter().map(|(w, _)| *w).fold(0.0, f32::max);
    let tests: &[String] = if matches!(category, Category::TestAssertion | Category::SnapshotDiff) { tests } else { &[] };
    // The same words about another file are another cause; where the file lies is the machine's matter.
    let message = |f: &blocks::Finding| match &f.file {
        Some((path, _)) => format!("{} {}", path.rsplit('/').next().unwrap_or(path), f.message),
        None => f.message.clone(),
    };
    let mut messages: Vec<String> = chosen.iter().filter(|(w, _)| *w >= best * 0.9).map(|(_, f)| message(f)).collect();
    if messages.is_empty() && tests.is_empty() {
        messages.extend(steps.iter().filter(|s| s.failed).map(|s| s.command.clone()));
        // Nothing is understood: what was said last tells one failure of a command from another.
        let ends = blocks.iter().filter(|b| b.tail && standing.factor(b) >= 1.0);
        messages.extend(ends.flat_map(|b| b.lines.iter().rev().filter(|l| !l.text.starts_with("##[")).take(LAST_WORDS)).map(|l| l.text.clone()));
    }
    Fingerprint::of(category, tests.iter().map(String::as_str), messages.iter().map(String::as_str))
}

#[cfg(test)]
mod cases;
