//! Evidence in, a prompt out, within a budget. Templates are versioned files.

use std::fmt::Write as _;

use super::redaction::redact;
use super::remediation::Remediation;
use super::render::escape::bounded;

/// The name of the template in use, for the audit.
pub const FIX_TEMPLATE: &str = "fix-v1";

/// The system part.
pub const FIX_SYSTEM: &str = include_str!("../../prompts/fix-v1.md");

/// The user part may have so many bytes. A token is about three.
pub const FIX_BUDGET: usize = 72_000;

/// A file that may matter, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path.
    pub path: String,
    /// Its text: hostile.
    pub text: String,
    /// The line that the failure names.
    pub line: Option<u32>,
    /// Why it is here.
    pub why: &'static str,
}

/// Lines kept around the named line of a file that is too long.
const AROUND: usize = 150;

/// The user part of the prompt for a fix.
///
/// The order is that of worth: what failed, earlier attempts, files, the branch's own change. What does not fit any more is left out
/// from the end, and named.
pub fn fix(state: &Remediation, files: &[SourceFile], branch_diff: &str) -> String {
    let mut out = String::from("BEGIN EVIDENCE\n");
    if let Some(diagnosis) = &state.diagnosis {
        let _ = writeln!(out, "## What failed\ncategory: {}\n{}\n", diagnosis.category, diagnosis.headline);
        for test in diagnosis.failed_tests.iter().take(20) {
            let _ = writeln!(out, "failed test: {test}");
        }
        let _ = writeln!(out, "\n{}\n", bounded(&diagnosis.excerpt, 16_000));
    }
    if let Some(command) = &state.command {
        let _ = writeln!(out, "## The failing command\n{}\n", bounded(&command.script, 2_000));
    }
    for (n, evidence) in state.evidence.iter().enumerate() {
        let _ = writeln!(out, "## Earlier attempt {}\n{}\n", n + 1, bounded(&redact(evidence).text, 6_000));
    }
    let mut left_out = Vec::new();
    for file in files {
        let shown = numbered(file);
        if out.len() + shown.len() > FIX_BUDGET {
            left_out.push(file.path.as_str());
            continue;
        }
        out.push_str(&shown);
    }
    if !branch_diff.is_empty() {
        let diff = format!("## What this branch changed against its base\n{}\n", bounded(&redact(branch_diff).text, 12_000));
        if out.len() + diff.len() <= FIX_BUDGET {
            out.push_str(&diff);
        }
    }
    if !left_out.is_empty() {
        let _ = writeln!(out, "## Left out for length\n{}", left_out.join("\n"));
    }
    out.push_str("END EVIDENCE\n\nGive the smallest unified diff that makes the failing command pass for the right reason.\n");
    out
}

/// The file as text, without line numbers, since a diff is taken against it; cut around the named line where it is long.
fn numbered(file: &SourceFile) -> String {
    let text = redact(&file.text).text;
    let lines: Vec<&str> = text.lines().collect();
    let (from, to) = match file.line.map(|line| line as usize) {
        _ if lines.len() <= 2 * AROUND => (0, lines.len()),
        Some(line) => (line.saturating_sub(AROUND).min(lines.len()), (line + AROUND).min(lines.len())),
        None => (0, 2 * AROUND),
    };
    let cut = if from > 0 || to < lines.len() { format!(" (lines {} to {to} of {})", from + 1, lines.len()) } else { String::new() };
    let at = file.line.map_or(String::new(), |line| format!(", the failure names line {line}"));
    format!("## File {}{cut}: {}{at}\n{}\n\n", file.path, file.why, lines[from..to].join("\n"))
}
