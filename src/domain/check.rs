//! The gate on its own, for any change, whoever made it: allow, ask a person, or refuse.
//!
//! It asks what a patch by itself can be asked: which paths it touches, whether tests still say what they said, whether it brings
//! secrets, and what it makes the code do anew. There is no failure here, no proof and no circuit; those belong to a remediation.

use serde::Serialize;

use super::patch::integrity::{self, Evidence, Rule, Severity};
use super::patch::{self, Applied, FileContent, FileMode, PathRules};
use super::redaction::redact;
use super::risk::{self, RiskInputs, RiskReason};

/// The largest file that is judged line by line, before or after.
pub const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;
/// The most files that one change may touch before a person has to look whatever they hold.
pub const MAX_FILES: usize = 300;

/// Points of the risk score that only say how big a change is, or repeat a finding of this report. A team's own pull requests are
/// read by people anyway, so these never ask by themselves; they do where the caller sets a limit for the whole score.
const SIZE: &[&str] =
    &["size", "files", "removed_lines", "deleted_files", "tests", "test_support", "test_integrity", "snapshots", "public_api", "generated", "runner_config"];

/// Weakenings that a change of production code may explain: a test goes with what it tested, and is written anew with it. There a person
/// is asked; where nothing but tests changes, or where it is a fix of our own, nothing explains them.
const EXPLAINED: &[Rule] = &[
    Rule::TestDeleted,
    Rule::TestFileDeleted,
    Rule::TestEmptied,
    Rule::AssertionRemoved,
    Rule::AssertionLoosened,
    Rule::CasesRemoved,
    Rule::SkipAdded,
    Rule::ErrorSwallowed,
    Rule::EarlyReturn,
    Rule::ToleranceBroadened,
    Rule::SnapshotRewritten,
];

/// What the gate says to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Nothing was found, and everything was understood.
    Allow,
    /// A person has to look at it.
    Ask,
    /// It does not pass.
    Refuse,
}

impl Decision {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Refuse => "refuse",
        }
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// A person may allow it.
    Ask,
    /// It does not pass.
    Refuse,
}

/// One thing that speaks against a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which rule, by its stable name.
    pub rule: String,
    /// In which file; empty where the change as a whole is meant.
    pub path: String,
    /// 1-based line in the file after the change (before it, where it is gone); 1 where none can be named.
    pub line: usize,
    /// What it means for the change.
    pub severity: Weight,
    /// One sentence.
    pub what: String,
}

/// The answer. The names are a contract.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The answer in a word: the hardest finding.
    pub decision: Decision,
    /// Sorted by path and line.
    pub findings: Vec<Finding>,
    /// 0 to 10.
    pub risk_score: u8,
    /// What the score is made of.
    pub risk_reasons: Vec<RiskReason>,
    /// Files that could not be read as what they are; a person is asked about each.
    pub not_understood: Vec<String>,
    /// Files that differ.
    pub files: usize,
    /// Lines added.
    pub added: usize,
    /// Lines removed.
    pub removed: usize,
}

/// Limits for the whole risk score. `None`: only the points that say what a change does, not how big it is, are looked at, and
/// only to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Above this a person is asked.
    pub ask_above: Option<u8>,
    /// Above this it is refused.
    pub refuse_above: Option<u8>,
}

/// Above this many points for what a change does anew, a person is asked.
const ASK_ABOVE: i32 = 3;

/// A change that could not even be read.
#[must_use]
pub fn unreadable(rule: &str, path: &str, why: &str) -> Report {
    let finding = Finding { rule: rule.to_owned(), path: path.to_owned(), line: 1, severity: Weight::Refuse, what: why.to_owned() };
    Report {
        decision: Decision::Refuse,
        findings: vec![finding],
        risk_score: 10,
        risk_reasons: Vec::new(),
        not_understood: Vec::new(),
        files: 0,
        added: 0,
        removed: 0,
    }
}

/// Judges a change. `unread` are files that were too large to be taken into memory, with the reason.
#[must_use]
pub fn check(change: &Applied, unread: &[(String, String)], rules: &PathRules, limits: Limits) -> Report {
    let mut findings = Vec::new();
    let mut not_understood: Vec<String> = Vec::new();
    let mut add = |rule: &str, path: &str, line: usize, severity: Weight, what: String| {
        findings.push(Finding { rule: rule.to_owned(), path: path.to_owned(), line, severity, what });
    };
    for file in &change.files {
        let path = file.path.as_str();
        if let Err(error) = patch::inspect::check_path(path) {
            add(error.code(), path, 1, Weight::Refuse, error.to_string());
        }
        if let Some(rule) = rules.forbids(path) {
            add("path_forbidden", path, 1, Weight::Refuse, format!("no change may touch it without its owners: it matches `{rule}`"));
        }
        let sides = || file.before.iter().chain(&file.after);
        if sides().any(|content| matches!(content.mode, FileMode::Symlink | FileMode::Submodule)) {
            add("special_file", path, 1, Weight::Refuse, "it is a symbolic link or a submodule".into());
        } else if sides().any(|content| content.bytes.len() > MAX_FILE_BYTES) {
            not_understood.push(path.to_owned());
            add("not_understood", path, 1, Weight::Ask, format!("it is larger than {MAX_FILE_BYTES} bytes and was not read"));
        } else if sides().any(|content| content.text().is_none_or(|text| text.contains('\0'))) {
            not_understood.push(path.to_owned());
            add("not_understood", path, 1, Weight::Ask, "it is not UTF-8 text, so what changes in it can't be told".into());
        }
        for (line, kinds) in secrets(file.before.as_ref(), file.after.as_ref()) {
            add("secret_added", path, line, Weight::Refuse, format!("the line holds a secret ({kinds})"));
        }
    }
    for (path, why) in unread {
        not_understood.push(path.clone());
        add("not_understood", path, 1, Weight::Ask, why.clone());
    }
    if change.files.len() > MAX_FILES {
        add(
            "too_many_files",
            "",
            1,
            Weight::Ask,
            format!("{} files differ, more than the {MAX_FILES} up to which each is judged by itself", change.files.len()),
        );
    }
    let integrity = integrity::judge(&change.files, &Evidence::default());
    not_understood.extend(integrity.not_understood);
    let weakened = integrity.findings;
    let production = integrity::production_changes(&change.files);
    for finding in &weakened {
        let explained = production && EXPLAINED.contains(&finding.rule);
        let severity = if finding.severity == Severity::Refuse && !explained { Weight::Refuse } else { Weight::Ask };
        add(finding.rule.id(), &finding.path, finding.line, severity, finding.message.clone());
    }
    let secrets = findings.iter().filter(|finding| finding.rule == "secret_added").count();
    let approvals = weakened.iter().filter(|finding| finding.severity == Severity::NeedsApproval).count();
    // Nothing is known of a failure here, so doubt about a diagnosis is no part of it.
    let risk = risk::score(&RiskInputs { integrity_approvals: approvals, secrets, ..RiskInputs::of(change) });
    findings.extend(risk_finding(&risk, limits));
    findings.sort_by(|a, b| (&a.path, a.line, &a.rule, &a.what).cmp(&(&b.path, b.line, &b.rule, &b.what)));
    findings.dedup();
    not_understood.sort();
    not_understood.dedup();
    let decision = match findings.iter().map(|finding| finding.severity).max() {
        None => Decision::Allow,
        Some(Weight::Ask) => Decision::Ask,
        Some(Weight::Refuse) => Decision::Refuse,
    };
    Report {
        decision,
        findings,
        risk_score: risk.score,
        risk_reasons: risk.reasons,
        not_understood,
        files: change.stats.files,
        added: change.stats.added,
        removed: change.stats.removed,
    }
}

fn risk_finding(risk: &risk::Risk, limits: Limits) -> Option<Finding> {
    let finding = |severity, what| Some(Finding { rule: "risk".into(), path: String::new(), line: 1, severity, what });
    if let Some(limit) = limits.refuse_above.filter(|limit| risk.score > *limit) {
        return finding(Weight::Refuse, format!("risk {}/10 is above {limit}", risk.score));
    }
    if let Some(limit) = limits.ask_above {
        return if risk.score > limit { finding(Weight::Ask, format!("risk {}/10 is above {limit}", risk.score)) } else { None };
    }
    let nature: Vec<&RiskReason> = risk.reasons.iter().filter(|reason| reason.points > 0 && !SIZE.contains(&reason.code)).collect();
    let points: i32 = nature.iter().map(|reason| i32::from(reason.points)).sum();
    if points <= ASK_ABOVE {
        return None;
    }
    let why: Vec<&str> = nature.iter().map(|reason| reason.sentence.as_str()).collect();
    finding(Weight::Ask, format!("what it does, not how big it is, makes {points} points of risk: {}", why.join("; ")))
}

/// The lines after the change that hold a secret that no line before held, with the kinds of what is masked.
fn secrets(before: Option<&FileContent>, after: Option<&FileContent>) -> Vec<(usize, String)> {
    let text =
        |content: Option<&FileContent>| content.filter(|content| content.bytes.len() <= MAX_FILE_BYTES).and_then(|content| content.text().map(str::to_owned));
    let Some(after) = text(after) else { return Vec::new() };
    let before = text(before).unwrap_or_default();
    let known: std::collections::HashSet<&str> = before.lines().collect();
    if after.lines().all(|line| known.contains(line)) {
        return Vec::new();
    }
    // The whole text is read: a key may span lines, and its head name what the next line holds.
    let masked = redact(&after);
    if masked.counts.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut block = false;
    for (at, (line, shown)) in after.lines().zip(masked.text.lines()).enumerate() {
        let hit = line != shown && !known.contains(line);
        // One finding a block of lines: a key is one secret.
        if hit && !block {
            found.push((at + 1, kinds(shown)));
        }
        block = hit;
    }
    found
}

/// The kinds that a masked line names: `[redacted:kind]`.
fn kinds(masked: &str) -> String {
    let mut kinds: Vec<&str> = masked.split("[redacted:").skip(1).filter_map(|rest| rest.split(']').next()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() { "part of a key".to_owned() } else { kinds.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::patch::{FileChange, compared};

    fn judged(files: &[(&str, Option<&str>, Option<&str>)], limits: Limits) -> Report {
        let file = |(path, before, after): &(&str, Option<&str>, Option<&str>)| FileChange {
            path: (*path).to_owned(),
            before: before.map(FileContent::regular),
            after: after.map(FileContent::regular),
        };
        check(&compared(files.iter().map(file).collect(), Vec::new()), &[], &PathRules::new(&[]).unwrap(), limits)
    }

    #[test]
    fn each_kind_of_change_gets_its_answer() {
        let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        let secret = format!("TOKEN = \"{token}\"\n");
        type Case<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Decision, &'a str);
        let cases: &[Case<'_>] = &[
            ("src/sum.rs", Some("fn add(a: u8) -> u8 { a - 1 }\n"), Some("fn add(a: u8) -> u8 { a + 1 }\n"), Decision::Allow, ""),
            (".github/workflows/ci.yml", Some("on: push\n"), Some("on: pull_request\n"), Decision::Refuse, "path_forbidden"),
            ("src/config.py", Some("A = 1\n"), Some(&secret), Decision::Refuse, "secret_added"),
            ("src/config.py", Some(&secret), Some(&format!("A = 1\n{secret}")), Decision::Allow, ""),
            ("a/../b.rs", None, Some("x\n"), Decision::Refuse, "outside_repository"),
            ("src/logo.svgz", Some("a\0b"), Some("a\0c"), Decision::Ask, "not_understood"),
            ("tests/test_sum.py", Some("def test_a():\n    assert f(1) == 2\n"), None, Decision::Refuse, "test_deleted"),
            (
                "src/run.py",
                Some("def f():\n    return 1\n"),
                Some("def f():\n    requests.post(url, data=open('/etc/passwd'))\n    os.system(c)\n    return 1\n"),
                Decision::Ask,
                "risk",
            ),
        ];
        for (path, before, after, decision, rule) in cases {
            let report = judged(&[(path, *before, *after)], Limits::default());
            assert_eq!(report.decision, *decision, "{path}: {:?}", report.findings);
            assert!(rule.is_empty() || report.findings.iter().any(|finding| finding.rule == *rule), "{path}: {:?}", report.findings);
            if *decision == Decision::Allow {
                assert!(report.findings.is_empty());
            }
        }
    }

    #[test]
    fn a_limit_of_the_callers_counts_size_too() {
        let long = "let x = 1;\n".repeat(200);
        let files = [("src/a.rs", Some("\n"), Some(long.as_str()))];
        assert_eq!(judged(&files, Limits::default()).decision, Decision::Allow);
        assert_eq!(judged(&files, Limits { ask_above: Some(1), refuse_above: None }).decision, Decision::Ask);
        assert_eq!(judged(&files, Limits { ask_above: Some(1), refuse_above: Some(2) }).decision, Decision::Refuse);
    }

    #[test]
    fn a_key_of_many_lines_is_one_finding_and_never_shown() {
        let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n{}\n-----END RSA PRIVATE KEY-----\n", "MIIEow".repeat(10), "IBAAKC".repeat(10));
        let report = judged(&[("src/k.txt", Some("a\n"), Some(&key))], Limits::default());
        assert_eq!(report.findings.iter().filter(|finding| finding.rule == "secret_added").count(), 1, "{:?}", report.findings);
        assert!(!format!("{report:?}").contains("MIIEow"));
    }

    #[test]
    fn what_was_too_large_to_read_is_asked_about() {
        let change = compared(Vec::new(), Vec::new());
        let report = check(&change, &[("big.json".into(), "it is 9 MB".into())], &PathRules::new(&[]).unwrap(), Limits::default());
        assert_eq!((report.decision, report.not_understood.as_slice()), (Decision::Ask, ["big.json".to_owned()].as_slice()));
    }
}
