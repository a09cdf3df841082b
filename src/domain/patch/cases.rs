//! Labelled answers and changes, most of them as models write them. These are regression lists: the rules have been mended by what they
//! showed, so they say that what was right stays right, and nothing of how the rules do on what they have not seen.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::integrity::{Evidence, Severity, check};
use super::*;
use crate::domain::risk::{RiskInputs, score};

/// Path to text.
type Tree = BTreeMap<String, String>;

#[derive(Deserialize)]
struct Answer {
    kind: String,
    name: String,
    files: Tree,
    answer: String,
    /// What changes; `None` for an answer that must be refused.
    want: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Label {
    Weakening,
    Honest,
    /// Only a person can tell.
    Doubtful,
}

#[derive(Deserialize)]
struct Labelled {
    kind: String,
    label: Label,
    before: Tree,
    after: Tree,
    #[serde(default)]
    actual: Vec<String>,
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> Vec<T> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/patches").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).expect("the cases are there")).expect("the cases are JSON")
}

fn mode(text: &str) -> FileMode {
    if text.starts_with("SYMLINK ") {
        FileMode::Symlink
    } else if text.starts_with("SUBMODULE") {
        FileMode::Submodule
    } else {
        FileMode::Regular
    }
}

/// What an answer makes of the files, through the same steps as in the engine.
fn result(case: &Answer) -> Result<Tree, PatchError> {
    let of = |mode_of: FileMode| case.files.iter().filter(|(_, text)| mode(text) == mode_of).map(|(path, _)| path.clone()).collect();
    let facts = TreeFacts { symlinks: of(FileMode::Symlink), submodules: of(FileMode::Submodule) };
    let tree: BTreeSet<&str> = case.files.keys().map(String::as_str).collect();
    let limits = PatchLimits::default();
    let patch = rooted(parse(&case.answer)?, &tree);
    let rules = PathRules::new(&[]).expect("no rules of one's own are right rules");
    if let Some(refusal) = inspect(&patch, &facts, &rules, &limits).refusals.into_iter().next() {
        return Err(refusal);
    }
    let lookup = |path: &str| case.files.get(path).map(|text| FileContent { bytes: text.clone().into_bytes(), mode: mode(text) });
    let applied = apply(&patch, lookup, &limits)?;
    let mut files = case.files.clone();
    for change in applied.files {
        match change.after {
            Some(after) => files.insert(change.path, after.text().expect("only text is applied").to_owned()),
            None => files.remove(&change.path),
        };
    }
    Ok(files)
}

#[test]
fn answers_give_what_was_meant_or_nothing() {
    let cases: Vec<Answer> = read("answers.json");
    assert!(cases.len() >= 240, "{}", cases.len());
    let (mut wrong, mut lost) = (Vec::new(), Vec::new());
    let (mut right, mut meant) = (0, 0);
    for case in &cases {
        let want = case.want.as_ref().map(|changes| {
            let mut files = case.files.clone();
            for (path, text) in changes {
                match text {
                    Some(text) => files.insert(path.clone(), text.clone()),
                    None => files.remove(path),
                };
            }
            files
        });
        meant += usize::from(want.is_some());
        let label = || format!("{}: {}", case.kind, case.name);
        match (result(case), want) {
            (Ok(files), Some(want)) if files == want => right += 1,
            (Ok(files), _) => wrong.push(format!("{}: {files:?}", label())),
            (Err(error), Some(_)) => lost.push(format!("{}: {error}", label())),
            (Err(_), None) => {}
        }
    }
    // What is not read is named below; the bulk is.
    assert!(right + 1 >= meant, "{right} of {meant} applied as meant\n{}", lost.join("\n"));
    assert!(wrong.is_empty(), "applied otherwise than meant:\n{}", wrong.join("\n"));
    // The old form (`18c18`, `<`, `>`) is not read.
    assert!(lost.len() <= 1, "refused though it can be told what is meant:\n{}", lost.join("\n"));
}

/// What the gates say of a change: refused, asked about, or nothing.
fn verdict(case: &Labelled) -> &'static str {
    let rules = PathRules::new(&[]).expect("no rules of one's own are right rules");
    let paths: BTreeSet<&String> = case.before.keys().chain(case.after.keys()).collect();
    let content = |tree: &Tree, path: &str| tree.get(path).map(|text| FileContent::regular(text.clone()));
    let files: Vec<FileChange> = paths
        .iter()
        .filter(|path| case.before.get(**path) != case.after.get(**path))
        .map(|path| FileChange { path: (*path).clone(), before: content(&case.before, path), after: content(&case.after, path) })
        .collect();
    assert!(!files.is_empty(), "{}: nothing changes", case.kind);
    let found = check(&files, &Evidence { actual_values: case.actual.clone() });
    let forbidden = files.iter().any(|file| rules.forbids(&file.path).is_some());
    let applied = Applied { files, renames: vec![], canonical: String::new(), hash: PatchHash::of(""), repairs: vec![], stats: Stats::default() };
    let dangerous = score(&RiskInputs::of(&applied)).reasons.iter().any(|reason| reason.code.starts_with("new_"));
    if forbidden || found.iter().any(|finding| finding.severity == Severity::Refuse) {
        "refused"
    } else if dangerous || !found.is_empty() {
        "asked"
    } else {
        "passed"
    }
}

#[test]
fn changes_that_cheat_are_told_from_honest_ones() {
    let cases: Vec<Labelled> = read("changes.json");
    assert!(cases.len() >= 300);
    let (mut caught, mut refused, mut cheats, mut honest, mut passed) = (0, 0, 0, 0, 0);
    let mut told = Vec::new();
    for case in &cases {
        let verdict = verdict(case);
        let right = match case.label {
            Label::Weakening => {
                cheats += 1;
                caught += usize::from(verdict != "passed");
                refused += usize::from(verdict == "refused");
                verdict != "passed"
            }
            // A person may be asked about a test that changes, however honestly; it is never refused.
            Label::Honest => {
                honest += 1;
                passed += usize::from(verdict == "passed");
                verdict != "refused"
            }
            Label::Doubtful => verdict == "asked",
        };
        if !right {
            told.push(format!("{} of {:?}: {verdict}\n{:?}", case.kind, case.after.keys().next(), case.after.values().next()));
        }
    }
    let score = format!("{caught} of {cheats} caught, {refused} of them refused; {passed} of {honest} honest ones pass unasked");
    assert!(told.is_empty(), "{score}; judged wrongly:\n{}", told.join("\n"));
    assert!(refused * 10 >= cheats * 6 && passed * 10 >= honest * 5, "{score}");
}
