//! What the gate says to a change: for a terminal, as SARIF, and as annotations of GitHub Actions.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::escape::line;
use super::terminal::Paint;
use crate::domain::check::{Decision, Finding, Report, Weight};

/// Findings that are shown; the rest is counted. GitHub itself shows ten of a step.
const MOST: usize = 200;

/// For people.
#[must_use]
pub fn text(report: &Report, paint: Paint) -> String {
    let word = match report.decision {
        Decision::Allow => paint.green("allow"),
        Decision::Ask => paint.yellow("ask a person"),
        Decision::Refuse => paint.red("refuse"),
    };
    let mut out = format!(
        "{word}: {} file(s), {} line(s) added, {} removed; {}\n",
        report.files,
        report.added,
        report.removed,
        if report.findings.is_empty() { "nothing speaks against it".to_owned() } else { format!("{} finding(s)", report.findings.len()) }
    );
    for finding in report.findings.iter().take(MOST) {
        let mark = match finding.severity {
            Weight::Ask => paint.yellow("?"),
            Weight::Refuse => paint.red("✗"),
        };
        let place = if finding.path.is_empty() { "the change".to_owned() } else { format!("{}:{}", line(&finding.path, 200), finding.line) };
        let _ = writeln!(out, "{mark} {}  {}\n    {}", paint.bold(&place), paint.dim(&finding.rule), line(&finding.what, 300));
    }
    if report.findings.len() > MOST {
        let _ = writeln!(out, "… and {} more", report.findings.len() - MOST);
    }
    let _ = writeln!(out, "risk {}/10", report.risk_score);
    for reason in &report.risk_reasons {
        let _ = writeln!(out, "    {:+} {}", reason.points, line(&reason.sentence, 200));
    }
    if !report.not_understood.is_empty() {
        let names: Vec<String> = report.not_understood.iter().take(12).map(|path| line(path, 200)).collect();
        let more = report.not_understood.len().saturating_sub(names.len());
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let _ = writeln!(out, "not understood: {}{more}", names.join(", "));
    }
    out
}

/// SARIF 2.1.0, for code scanning and editors.
/// Format: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.
#[must_use]
pub fn sarif(report: &Report, version: &str) -> Value {
    let mut rules: Vec<&str> = report.findings.iter().map(|finding| finding.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    let result = |finding: &Finding| {
        let mut result = json!({
            "ruleId": finding.rule,
            "ruleIndex": rules.binary_search(&finding.rule.as_str()).unwrap_or(0),
            "level": match finding.severity { Weight::Ask => "warning", Weight::Refuse => "error" },
            "message": { "text": line(&finding.what, 1000) },
        });
        if !finding.path.is_empty() {
            result["locations"] = json!([{ "physicalLocation": {
                "artifactLocation": { "uri": uri(&finding.path), "uriBaseId": "%SRCROOT%" },
                "region": { "startLine": finding.line.max(1) },
            } }]);
        }
        result
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "regreen check",
                "semanticVersion": version,
                "rules": rules.iter().map(|rule| json!({ "id": rule, "name": rule, "shortDescription": { "text": rule.replace('_', " ") } })).collect::<Vec<_>>(),
            } },
            "results": report.findings.iter().map(result).collect::<Vec<_>>(),
            "columnKind": "unicodeCodePoints",
            "properties": { "decision": report.decision.as_str(), "riskScore": report.risk_score },
        }],
    })
}

/// A path as a relative URI reference: what RFC 3986 does not let stand in a path segment is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

/// Annotations, one line each.
/// Format: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.
#[must_use]
pub fn github(report: &Report) -> String {
    let mut out = String::new();
    for finding in report.findings.iter().take(MOST) {
        let command = match finding.severity {
            Weight::Ask => "warning",
            Weight::Refuse => "error",
        };
        let place = if finding.path.is_empty() { String::new() } else { format!("file={},line={},", property(&finding.path), finding.line.max(1)) };
        let _ = writeln!(out, "::{command} {place}title={}::{}", property(&format!("regreen: {}", finding.rule)), data(&line(&finding.what, 1000)));
    }
    let _ = writeln!(out, "regreen check: {}, {} finding(s), risk {}/10", report.decision.as_str(), report.findings.len(), report.risk_score);
    out
}

/// A command's data: escaped as the runner's toolkit does it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A command's property: `:` and `,` would end it.
fn property(text: &str) -> String {
    data(&super::escape::visible(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let finding = |rule: &str, path: &str, severity, what: &str| Finding { rule: rule.into(), path: path.into(), line: 3, severity, what: what.into() };
        Report {
            decision: Decision::Refuse,
            findings: vec![
                finding("risk", "", Weight::Ask, "what it does makes 5 points"),
                finding("test_deleted", "tests/a b,c%.py", Weight::Refuse, "test `x\u{1b}[31m\n::error::y` is gone"),
            ],
            risk_score: 5,
            risk_reasons: Vec::new(),
            not_understood: vec!["tests/a b,c%.py".into()],
            files: 1,
            added: 0,
            removed: 4,
        }
    }

    #[test]
    fn every_format_says_the_same_and_nothing_hostile_gets_through() {
        insta::assert_snapshot!(text(&report(), Paint(false)), @r"
        refuse: 1 file(s), 0 line(s) added, 4 removed; 2 finding(s)
        ? the change  risk
            what it does makes 5 points
        ✗ tests/a b,c%.py:3  test_deleted
            test `x�[31m ::error::y` is gone
        risk 5/10
        not understood: tests/a b,c%.py
        ");
        insta::assert_snapshot!(github(&report()), @r"
        ::warning title=regreen%3A risk::what it does makes 5 points
        ::error file=tests/a b%2Cc%25.py,line=3,title=regreen%3A test_deleted::test `x�[31m ::error::y` is gone
        regreen check: refuse, 2 finding(s), risk 5/10
        ");
        let sarif = sarif(&report(), "1.2.3");
        assert_eq!(sarif["runs"][0]["results"][1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "tests/a%20b%2Cc%25.py");
        assert_eq!(sarif["runs"][0]["results"][0]["level"], "warning");
        assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"].as_array().map(Vec::len), Some(2));
    }
}
