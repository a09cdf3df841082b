//! All outgoing text, in one place and pure: pull request, commit, comments, Slack, terminal.
//!
//! What comes from logs, code, models and people outside is hostile: it goes through [`escape`] on its way into any of
//! these, and is bounded.

pub mod alert;
pub mod check;
pub mod diagnosis;
#[cfg(test)]
mod endings;
pub mod escape;
pub mod pull;
pub mod terminal;
pub mod width;

use super::gate::Check;
use super::remediation::{Phase, Reason, Remediation};

/// What was decided and done, in one line for people.
pub fn action(state: &Remediation) -> String {
    let pull = state.pull.as_ref().map(|pull| format!("#{}", pull.number));
    match (state.phase, state.reason) {
        (Phase::Feedback, Some(Reason::ReadyForReview)) => format!("proven fix offered in {}, ready for review", pull.unwrap_or_default()),
        (Phase::Feedback, Some(Reason::CiNotTriggered)) => {
            format!("draft {} opened; a job that failed did not run on it, so it stays a draft", pull.unwrap_or_default())
        }
        (Phase::Feedback, _) => match pull {
            Some(number) => format!("draft {number} opened, waiting for its CI"),
            None => "fix written to a branch".into(),
        },
        (Phase::Completed, Some(Reason::DryRun)) => "blocked by dry-run: everything was done but the writing".into(),
        (Phase::AwaitingApproval, _) => "waiting for a person's approval".into(),
        (Phase::Blocked, Some(reason)) => format!("blocked: {}", reason.sentence()),
        (phase, Some(reason)) if phase.is_end() => format!("{phase}: {}", reason.sentence()),
        (Phase::Pending, _) => "seen; waiting for the branch's other runs".into(),
        (phase, _) => format!("working on it ({phase})"),
    }
}

/// Why it was decided so, in one line for people.
pub fn why(state: &Remediation) -> String {
    if let (Phase::AwaitingApproval, false) = (state.phase, state.detail.is_empty()) {
        return format!("a person's approval is needed: {}", state.detail);
    }
    // A person's no is the reason, whatever a gate said before.
    if let (Some(Reason::ByPerson | Reason::Rejected), false) = (state.reason, state.detail.is_empty()) {
        return state.detail.clone();
    }
    if let Some(verdict) = state.verdict.as_ref().filter(|verdict| !verdict.allowed) {
        let failed: Vec<&str> = verdict
            .failures()
            .filter(|finding| finding.check != Check::DryRun || verdict.refused_by_dry_run_alone())
            .map(|finding| finding.sentence.as_str())
            .collect();
        if !failed.is_empty() {
            return failed.join("; ");
        }
    }
    if let (true, false) = (state.phase.is_end(), state.detail.is_empty()) {
        return state.detail.clone();
    }
    match (&state.proof, &state.diagnosis) {
        (Some(proof), _) if proof.proved && !proof.sentences.is_empty() => proof.sentences.join(" "),
        (_, Some(diagnosis)) => diagnosis.headline.clone(),
        _ => "the branch's CI failed".into(),
    }
}
