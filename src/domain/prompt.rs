//! Evidence in, a prompt out, within a budget. Templates are versioned files.

use std::fmt::Write as _;

use super::context::{BYTES_PER_TOKEN, Context, Evidence, Plan, Why};
use super::redaction::redact;
use super::remediation::Remediation;
use super::render::escape::bounded;

/// The name of the template in use, for the audit.
pub const FIX_TEMPLATE: &str = "fix-v2";

/// The system part.
pub const FIX_SYSTEM: &str = include_str!("../../prompts/fix-v2.md");

/// The user part may have so many tokens, estimated as bytes / 3.
pub const FIX_BUDGET: usize = 24_000;

/// What is asked, after all evidence.
const REQUEST: &str = "Give the smallest unified diff that makes the failing command pass for the right reason.\n";

/// The user part of the prompt for a fix: what failed, the command, earlier attempts, and what `plan` chose beside the branch's own
/// `difference`, in order of worth and within [`FIX_BUDGET`].
#[must_use]
pub fn fix(state: &Remediation, plan: &Plan<'_>, difference: &str) -> String {
    let mut text = context(state, plan, difference).text();
    text.push_str(REQUEST);
    text
}

/// The same before it is text: which pieces are shown and why, and what is left out.
#[must_use]
pub fn context(state: &Remediation, plan: &Plan<'_>, difference: &str) -> Context {
    let room = FIX_BUDGET - REQUEST.len().div_ceil(BYTES_PER_TOKEN);
    plan.choose(evidence(state), difference, room)
}

fn evidence(state: &Remediation) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    if let Some(diagnosis) = &state.diagnosis {
        let mut text = format!("{}\n", diagnosis.headline);
        for test in diagnosis.failed_tests.iter().take(20) {
            let _ = writeln!(text, "failed test: {test}");
        }
        text.push('\n');
        text.push_str(&diagnosis.excerpt);
        // The category is one of a closed list; all else comes from the log.
        evidence.push(Evidence { heading: format!("What failed ({})", bounded(&diagnosis.category, 40)), text: bounded(&text, 20_000), why: Why::Failure });
    }
    if let Some(command) = &state.command {
        evidence.push(Evidence { heading: "The failing command".into(), text: bounded(&redact(&command.script).text, 2_000), why: Why::Command });
    }
    for (n, earlier) in state.evidence.iter().enumerate() {
        evidence.push(Evidence { heading: format!("Earlier attempt {}", n + 1), text: bounded(&redact(earlier).text, 6_000), why: Why::Attempt });
    }
    evidence
}
