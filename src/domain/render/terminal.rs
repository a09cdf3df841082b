//! Text for a terminal. Colours are the caller's: it says whether there are any.

use std::fmt::Write as _;

use super::escape::{line, visible};
use crate::domain::gate::{Gate, Status, Verdict};
use crate::domain::remediation::{ProofRecord, RunRecord};

/// Whether to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint(pub bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
    /// For what is well.
    pub fn green(self, text: &str) -> String {
        self.with("32", text)
    }
    /// For what is not.
    pub fn red(self, text: &str) -> String {
        self.with("31", text)
    }
    /// For what waits.
    pub fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }
    /// For names.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }
    /// For what stands behind.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }
    /// For headings.
    pub fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }
}

/// The verdict as a tree.
pub fn verdict(verdict: &Verdict, paint: Paint) -> String {
    let gate = match verdict.gate {
        Gate::Admission => "admission",
        Gate::Gating => "gating",
        Gate::Clearing => "clearing",
    };
    let word = if verdict.allowed { paint.green("allowed") } else { paint.red("refused") };
    let mut out = format!("{} {word}, risk {}/10\n", paint.bold(gate), verdict.risk_score);
    for (n, finding) in verdict.findings.iter().enumerate() {
        let last = n + 1 == verdict.findings.len();
        let (branch, stem) = if last { ("└─", "   ") } else { ("├─", "│  ") };
        let mark = match finding.status {
            Status::Passed => paint.green("✓"),
            Status::Failed => paint.red("✗"),
            Status::NotYet => paint.yellow("…"),
        };
        let _ = writeln!(out, "{branch} {mark} {:<16} {}", finding.check.as_str(), line(&finding.sentence, 200));
        if finding.status == Status::Failed {
            let _ = writeln!(out, "{stem}    {}", paint.dim(&format!("seen: {} · required: {}", line(&finding.seen, 80), line(&finding.required, 100))));
        }
        for part in &finding.parts {
            let _ = writeln!(out, "{stem}    {} {}", paint.dim("·"), line(part, 160));
        }
    }
    out
}

/// A unified diff, coloured.
pub fn diff(patch: &str, paint: Paint) -> String {
    let mut out = String::new();
    for row in visible(patch).lines() {
        let shown = match row.as_bytes().first() {
            _ if row.starts_with("+++") || row.starts_with("---") || row.starts_with("diff ") => paint.bold(row),
            Some(b'+') => paint.green(row),
            Some(b'-') => paint.red(row),
            Some(b'@') => paint.cyan(row),
            _ => row.to_owned(),
        };
        let _ = writeln!(out, "{shown}");
    }
    out
}

/// Before and after.
pub fn proof(proof: &ProofRecord, paint: Paint) -> String {
    let mut out = String::new();
    let mut row = |name: &str, run: &RunRecord| {
        let exit = match run.exit_code {
            Some(0) => paint.green("exit 0"),
            Some(code) => paint.red(&format!("exit {code}")),
            None => paint.red("cut off"),
        };
        let tests = run.tests.map_or(String::new(), |tests| format!(", {tests} tests"));
        let _ = writeln!(out, "{name:<7} {exit}{tests}, {:.1} s  {}", run.seconds, paint.dim(&line(&run.command, 100)));
    };
    row("before", &proof.before);
    if let Some(after) = &proof.after {
        row("after", after);
    }
    if let Some(wider) = &proof.wider {
        row("wider", wider);
    }
    for sentence in &proof.sentences {
        let _ = writeln!(out, "  {}", line(sentence, 200));
    }
    let _ = writeln!(out, "  {}", paint.dim(&line(&proof.sandbox, 100)));
    out
}
