//! What a model is shown: within a budget of tokens the evidence, the files that it names and their neighbours, and the branch's own
//! difference, in order of worth, each with the reason why it is there; and what was left out, and why.
//!
//! Pure, so it works in rounds with whoever can read: [`Plan::new`] says which files are wanted, [`Plan::take`] is given them,
//! [`Plan::follow`] wants what they import, and [`Plan::choose`] fits all of it into the budget.
//!
//! **Invariant:** the text is never longer than its budget, the same input gives the same text, and no text from outside stands outside of
//! its fence.

use std::collections::{BTreeSet, HashSet};
use std::fmt::{self, Write as _};
use std::sync::LazyLock;

use regex::Regex;

use super::diagnosis::excerpt::own_name;
use super::diagnosis::{Category, paths};
use super::redaction::redact;
use super::remediation::DiagnosisRecord;
use super::render::escape;
use super::source::files::{is_generated, is_lock_file, is_test};

mod difference;
pub mod imports;
pub mod neighbours;
pub mod tree;
pub mod window;

pub use tree::Entry;
use tree::Tree;

/// Bytes that are taken for one token, as everywhere in a diagnosis.
pub const BYTES_PER_TOKEN: usize = 3;

/// Most bytes of a file that are worth reading.
pub const LARGEST: usize = 400_000;

/// Most files that are wanted in all, and most that one reason may bring in.
const FILES: usize = 48;
const PER_REASON: usize = 12;

/// A repository with so few files is shown as it is where the failure names hardly any.
const SMALL: usize = 60;

/// Why a piece is shown. The list is closed; each has a [worth](Why::worth) and a [sentence](Why::sentence).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// What the log says about the failure.
    Failure,
    /// The command that fails.
    Command,
    /// What an earlier attempt led to.
    Attempt,
    /// The failure names the file.
    Named,
    /// A test that failed stands in it.
    HoldsTest,
    /// What the branch changed against its base.
    Difference,
    /// The excerpt mentions it, further from the cause.
    Mentioned,
    /// The code under this test.
    CodeUnder(String),
    /// The recorded snapshot of this test.
    SnapshotOf(String),
    /// A test of this code.
    TestOf(String),
    /// This file imports it.
    ImportedBy(String),
    /// The branch changed it.
    Changed,
    /// Settings of the tool that failed.
    Settings,
    /// The manifest that governs the file.
    Manifest,
    /// The workflow that failed.
    Workflow,
    /// A source of a small repository.
    Source,
}

impl Why {
    /// From 0 to 100: what is worth more is chosen first. Where the failure is about dependencies, settings or the workflow, their files are
    /// worth as much as the code is elsewhere.
    #[must_use]
    pub fn worth(&self, category: Category) -> u8 {
        match (self, category) {
            (Self::Failure, _) => 100,
            (Self::Command, _) => 98,
            (Self::Attempt, _) => 96,
            (Self::Workflow, Category::GithubActionsConfig) | (Self::Manifest, Category::DependencyInstall) => 94,
            (Self::Named, _) => 92,
            (Self::SnapshotOf(_), Category::SnapshotDiff) | (Self::Settings, Category::DockerBuild) => 90,
            (Self::HoldsTest, _) => 86,
            (Self::Difference, _) => 82,
            (Self::CodeUnder(_), _) => 78,
            (Self::Settings, Category::LintError | Category::TypeError) => 74,
            (Self::Mentioned, _) => 70,
            (Self::ImportedBy(_), _) => 64,
            (Self::TestOf(_), _) => 60,
            (Self::Changed, _) => 56,
            (Self::SnapshotOf(_), _) => 52,
            (Self::Manifest, _) => 48,
            (Self::Settings, _) => 44,
            (Self::Workflow, _) => 36,
            (Self::Source, _) => 30,
        }
    }

    /// The reason in words. A path in it is escaped.
    #[must_use]
    pub fn sentence(&self) -> String {
        let of = |words: &str, path: &str| format!("{words} {}", shown(path, 200));
        match self {
            Self::Failure => "what the log says about the failure".into(),
            Self::Command => "this command fails, and must pass".into(),
            Self::Attempt => "what an earlier patch led to".into(),
            Self::Named => "the failure names it".into(),
            Self::HoldsTest => "a test that failed stands in it".into(),
            Self::Difference => "what is new on the branch is the likeliest cause".into(),
            Self::Mentioned => "the log mentions it near the failure".into(),
            Self::CodeUnder(path) => of("the code that is tested by", path),
            Self::SnapshotOf(path) => of("the recorded snapshot of", path),
            Self::TestOf(path) => of("a test of", path),
            Self::ImportedBy(path) => of("imported by", path),
            Self::Changed => "changed by this branch".into(),
            Self::Settings => "settings of the tool that failed".into(),
            Self::Manifest => "the manifest".into(),
            Self::Workflow => "the workflow that failed".into(),
            Self::Source => "a source of this small repository".into(),
        }
    }
}

/// Why a file or a text that was wanted is not shown. The list is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Omission {
    /// The budget was spent on what is worth more.
    OverBudget,
    /// It is not text.
    NotText,
    /// It is over [`LARGEST`].
    TooLarge,
    /// The commit does not have it, or it is no ordinary file.
    Absent,
    /// A machine wrote it.
    Generated,
}

impl fmt::Display for Omission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OverBudget => "no room left",
            Self::NotText => "not text",
            Self::TooLarge => "too large",
            Self::Absent => "not in the commit",
            Self::Generated => "written by a machine",
        })
    }
}

/// A file that is wanted, and what is known of it so far.
#[derive(Debug)]
struct Wanted {
    path: String,
    why: Why,
    /// Lines from 1 that the failure or a definition points at.
    anchors: BTreeSet<usize>,
    state: State,
    followed: bool,
}

#[derive(Debug)]
enum State {
    Unread,
    Read(String),
    Omitted(Omission),
}

/// Which files are wanted for a failure.
#[derive(Debug)]
pub struct Plan<'t> {
    tree: Tree<'t>,
    category: Category,
    wanted: Vec<Wanted>,
    /// Names that stand in the failure: where one of them is defined is worth seeing.
    words: HashSet<String>,
}

impl<'t> Plan<'t> {
    /// What a failure in this commit asks for. `changed` are the paths that the branch changed; `entries` the commit's ordinary files.
    #[must_use]
    pub fn new(diagnosis: Option<&DiagnosisRecord>, changed: &[String], entries: &'t [Entry]) -> Self {
        let category = diagnosis.and_then(|d| Category::ALL.into_iter().find(|c| c.name() == d.category)).unwrap_or(Category::Unknown);
        let mut plan = Self { tree: Tree::new(entries), category, wanted: Vec::new(), words: HashSet::new() };
        if let Some(diagnosis) = diagnosis {
            plan.words = words(diagnosis);
            plan.named(diagnosis);
        }
        let core: Vec<String> = plan.wanted.iter().filter(|file| matches!(file.why, Why::Named | Why::HoldsTest)).map(|file| file.path.clone()).collect();
        for path in &core {
            plan.around(path);
        }
        for path in changed.iter().take(PER_REASON) {
            if plan.tree.exact(path).is_some() {
                plan.want(path, Why::Changed, None);
            }
        }
        let first = core.first().or(changed.first()).cloned().unwrap_or_default();
        for path in neighbours::settings(&plan.tree, &first, category) {
            plan.want(path, Why::Settings, None);
        }
        for path in neighbours::manifests(&plan.tree, &first) {
            plan.want(path, Why::Manifest, None);
        }
        if plan.tree.len() <= SMALL && core.len() < 3 {
            let sources: Vec<&str> = plan.tree.paths().filter(|path| neighbours::is_source(path)).take(PER_REASON).collect();
            for path in sources {
                plan.want(path, Why::Source, None);
            }
        }
        plan
    }

    fn named(&mut self, diagnosis: &DiagnosisRecord) {
        for (path, line) in &diagnosis.files {
            for hit in self.tree.named(path) {
                self.want(hit, Why::Named, *line);
            }
        }
        for test in diagnosis.failed_tests.iter().take(40) {
            if let Some(hit) = neighbours::holder(&self.tree, test) {
                self.want(hit, Why::HoldsTest, None);
            }
        }
        for place in diagnosis.excerpt.lines().flat_map(paths::places) {
            for hit in self.tree.named(&place.path) {
                self.want(hit, Why::Mentioned, place.line);
            }
        }
        if self.category == Category::GithubActionsConfig {
            for step in &diagnosis.steps {
                if let Some(hit) = self.tree.exact(&step.path) {
                    self.want(hit, Why::Workflow, None);
                }
            }
        }
    }

    /// The neighbours of a file that stands near the cause.
    fn around(&mut self, path: &str) {
        let test = is_test(path);
        for other in neighbours::counterparts(&self.tree, path) {
            self.want(other, if test { Why::CodeUnder(path.to_owned()) } else { Why::TestOf(path.to_owned()) }, None);
        }
        if self.category == Category::SnapshotDiff {
            for other in neighbours::snapshots(&self.tree, path) {
                self.want(other, Why::SnapshotOf(path.to_owned()), None);
            }
        }
    }

    /// Wants a file. What is wanted already keeps its first reason, and learns another line.
    fn want(&mut self, path: &str, why: Why, line: Option<u32>) {
        let line = line.and_then(|line| usize::try_from(line).ok());
        if let Some(known) = self.wanted.iter_mut().find(|file| file.path == path) {
            if known.anchors.len() < 12 {
                known.anchors.extend(line);
            }
            return;
        }
        let kind = std::mem::discriminant(&why);
        let alike = self.wanted.iter().filter(|file| std::mem::discriminant(&file.why) == kind).count();
        if alike >= PER_REASON || self.wanted.len() >= FILES {
            return;
        }
        let lower = path.to_ascii_lowercase();
        let made = is_generated(&lower) || is_lock_file(tree::name(&lower));
        let state = if self.tree.size(path) > LARGEST as u64 {
            State::Omitted(Omission::TooLarge)
        } else if made && !(why == Why::Named && line.is_some()) {
            State::Omitted(Omission::Generated)
        } else {
            State::Unread
        };
        self.wanted.push(Wanted { path: path.to_owned(), why, anchors: line.into_iter().collect(), state, followed: false });
    }

    /// The paths of the files that are to be read next.
    #[must_use]
    pub fn unread(&self) -> Vec<String> {
        self.wanted.iter().filter(|file| matches!(file.state, State::Unread)).map(|file| file.path.clone()).collect()
    }

    /// Takes a file's content; `None` where the commit has no ordinary file there. Secrets are masked.
    pub fn take(&mut self, path: &str, content: Option<&[u8]>) {
        let Some(file) = self.wanted.iter_mut().find(|file| file.path == path) else { return };
        file.state = match content.map(std::str::from_utf8) {
            None => State::Omitted(Omission::Absent),
            Some(_) if content.is_some_and(|bytes| bytes.len() > LARGEST) => State::Omitted(Omission::TooLarge),
            Some(Ok(text)) if !text.contains('\0') => {
                if window::has_long_lines(text) {
                    State::Omitted(Omission::Generated)
                } else {
                    file.anchors.extend(definitions(text, &self.words));
                    State::Read(redact(text).text)
                }
            }
            Some(_) => State::Omitted(Omission::NotText),
        };
    }

    /// Wants what the files near the cause import, of those that were read since the last time. Returns whether anything new is wanted.
    pub fn follow(&mut self) -> bool {
        let before = self.wanted.len();
        let mut found: Vec<(String, Vec<&'t str>)> = Vec::new();
        for file in &mut self.wanted {
            let near = matches!(file.why, Why::Named | Why::HoldsTest | Why::CodeUnder(_));
            if let (true, false, State::Read(text)) = (near, file.followed, &file.state) {
                found.push((file.path.clone(), imports::imported(&self.tree, &file.path, text)));
                file.followed = true;
            }
        }
        for (by, imports) in found {
            for path in imports {
                self.want(path, Why::ImportedBy(by.clone()), None);
            }
        }
        self.wanted.len() > before
    }

    /// The worthiest of the evidence, the branch's difference and the files within `budget` tokens.
    #[must_use]
    pub fn choose(&self, evidence: Vec<Evidence>, difference: &str, budget: usize) -> Context {
        let limit = budget.saturating_mul(BYTES_PER_TOKEN);
        let mut left_out = Vec::new();
        let mut candidates: Vec<Candidate> =
            evidence.into_iter().map(|part| Candidate { heading: part.heading, path: None, body: Body::Text(part.text), why: part.why }).collect();
        if !difference.is_empty() {
            let near = |path: &str| self.wanted.iter().find(|file| file.path == path).map_or(0, |file| file.why.worth(self.category));
            let parts = difference::parts(&redact(difference).text, near);
            candidates.push(Candidate {
                heading: "What this branch changed against its base".into(),
                path: None,
                body: Body::Difference(parts),
                why: Why::Difference,
            });
        }
        for file in &self.wanted {
            let heading = format!("File {}", shown(&file.path, 300));
            match &file.state {
                State::Read(text) => candidates.push(Candidate {
                    heading,
                    path: Some(file.path.clone()),
                    body: Body::File(text.clone(), file.anchors.clone()),
                    why: file.why.clone(),
                }),
                State::Unread => left_out.push(LeftOut { what: heading, why: Omission::Absent }),
                State::Omitted(why) => left_out.push(LeftOut { what: heading, why: *why }),
            }
        }
        // The sort is stable: of one worth, the order in which they were wanted.
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.why.worth(self.category)));
        fit(candidates, left_out, limit, self.category)
    }
}

/// A text that is no file: what failed, the command, an earlier attempt. It is fenced like all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What it is, in words of our own.
    pub heading: String,
    /// The text; secrets are masked by whoever gives it.
    pub text: String,
    /// Why it is shown.
    pub why: Why,
}

struct Candidate {
    heading: String,
    path: Option<String>,
    body: Body,
    why: Why,
}

enum Body {
    Text(String),
    File(String, BTreeSet<usize>),
    Difference(Vec<difference::Part>),
}

impl Candidate {
    /// As it would stand in at most `limit` bytes.
    fn view(&self, limit: usize) -> Option<String> {
        let lines = match &self.body {
            Body::File(_, anchors) if !anchors.is_empty() && self.why == Why::Named => {
                let lines: Vec<String> = anchors.iter().take(8).map(ToString::to_string).collect();
                format!("; see line {}", lines.join(", "))
            }
            _ => String::new(),
        };
        let head = format!("## {}\nwhy: {}{lines}\n", self.heading, self.why.sentence());
        let room = limit.checked_sub(head.len() + 1)?;
        let body = match &self.body {
            Body::Text(text) => window::beginning(text, room),
            Body::File(text, anchors) => window::view(text, anchors, room),
            Body::Difference(parts) => difference::view(parts, room),
        }?;
        Some(format!("{head}{body}\n"))
    }
}

/// A piece that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The file's path, if it is one.
    pub path: Option<String>,
    /// Why it is there.
    pub why: Why,
    /// As it stands in the prompt, with its heading, reason and fence.
    pub text: String,
}

/// A piece that was wanted and is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What it is, escaped.
    pub what: String,
    /// Why not.
    pub why: Omission,
}

/// What is shown, and what is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The pieces, the worthiest first.
    pub pieces: Vec<Piece>,
    /// What was wanted and left out, the worthiest first.
    pub left_out: Vec<LeftOut>,
    /// The last section, which names what was left out; may be empty.
    closing: String,
}

impl Context {
    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out: String = self.pieces.iter().map(|piece| piece.text.as_str()).collect();
        out.push_str(&self.closing);
        out
    }

    /// Tokens of the whole text, estimated as everywhere.
    #[must_use]
    pub fn tokens(&self) -> usize {
        let bytes: usize = self.pieces.iter().map(|piece| piece.text.len()).sum();
        (bytes + self.closing.len()).div_ceil(BYTES_PER_TOKEN)
    }
}

/// A path as it stands outside of a fence: one line without anything that could be read as a mark.
fn shown(path: &str, most: usize) -> String {
    escape::line(path, most).replace(['<', '>', '`'], "?")
}

/// What one piece may take before the others had their turn, as a part of the budget.
fn share(worth: u8, limit: usize) -> usize {
    match worth {
        88.. => limit / 2,
        60.. => limit / 4,
        _ => limit / 8,
    }
}

fn fit(candidates: Vec<Candidate>, mut left_out: Vec<LeftOut>, limit: usize, category: Category) -> Context {
    let closing_limit = (limit / 10).min(1_500);
    let mut room = limit - closing_limit;
    let mut views: Vec<Option<String>> = Vec::with_capacity(candidates.len());
    for candidate in &candidates {
        let view = candidate.view(room.min(share(candidate.why.worth(category), limit)));
        room -= view.as_ref().map_or(0, String::len);
        views.push(view);
    }
    // What is left goes to those that had to be cut, the worthiest first.
    for (candidate, view) in candidates.iter().zip(&mut views) {
        let has = view.as_ref().map_or(0, String::len);
        if let Some(wider) = candidate.view(room + has).filter(|wider| wider.len() > has) {
            room -= wider.len() - has;
            *view = Some(wider);
        }
    }
    let mut pieces = Vec::new();
    let mut crowded = Vec::new();
    for (candidate, view) in candidates.into_iter().zip(views) {
        match view {
            Some(text) => pieces.push(Piece { path: candidate.path, why: candidate.why, text }),
            None => crowded.push(LeftOut { what: candidate.heading, why: Omission::OverBudget }),
        }
    }
    crowded.append(&mut left_out);
    let closing = closing(&crowded, closing_limit);
    Context { pieces, left_out: crowded, closing }
}

/// Names what was left out in at most `limit` bytes.
fn closing(left_out: &[LeftOut], limit: usize) -> String {
    const MORE: usize = "- … and 1000 more\n".len();
    if left_out.is_empty() {
        return String::new();
    }
    let mut out = String::from("## Left out\n");
    let mut told = 0;
    for item in left_out {
        let line = format!("- {}: {}\n", item.what, item.why);
        if out.len() + line.len() + MORE > limit {
            break;
        }
        out.push_str(&line);
        told += 1;
    }
    if told < left_out.len() && out.len() + MORE <= limit {
        let _ = writeln!(out, "- … and {} more", left_out.len() - told);
    }
    if out.len() > limit { String::new() } else { out }
}

/// Names in the failure that code may define: identifiers of some length.
fn words(diagnosis: &DiagnosisRecord) -> HashSet<String> {
    let own = diagnosis.failed_tests.iter().take(40).map(|test| own_name(test));
    let texts = own.chain([diagnosis.headline.as_str(), diagnosis.excerpt.as_str()]);
    let words = texts.flat_map(|text| text.split(|c: char| !(c.is_alphanumeric() || c == '_')));
    words.filter(|word| word.len() >= 4 && word.len() <= 80 && !word.starts_with(|c: char| c.is_ascii_digit())).take(2_000).map(str::to_owned).collect()
}

/// Lines, from 1, that define one of the names.
fn definitions(text: &str, names: &HashSet<String>) -> Vec<usize> {
    static DEFINITION: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"^\s*(?:(?:pub(?:\([a-z]+\))?|public|private|protected|internal|static|final|async|export|default|override|abstract|const|unsafe|open|virtual)\s+)*(?:(?:fn|def|func|fun|function|class|struct|enum|trait|interface|type|impl|module|object|sub|defp)\s+(?:\([^)]*\)\s*)?(?:self\.)?(?P<a>\w+)|[\w<>\[\],.?]+\s+(?P<b>\w+)\s*\([^;]*$)",
        )
        .expect("a constant pattern")
    });
    let hit = |line: &str| DEFINITION.captures(line).and_then(|found| found.name("a").or(found.name("b"))).is_some_and(|name| names.contains(name.as_str()));
    text.lines().enumerate().filter(|(_, line)| line.len() < 400 && hit(line)).map(|(at, _)| at + 1).take(6).collect()
}

#[cfg(test)]
mod tests;
