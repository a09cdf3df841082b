//! What happened, one sentence an event.

use crate::domain::gate::Verdict;
use crate::domain::remediation::{Event, Outside, ProofRecord};

/// How an event is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something went on.
    Step,
    /// Something held, or was proved.
    Good,
    /// Something failed.
    Bad,
    /// A gate said no.
    Blocked,
    /// A person acted, or is asked.
    Person,
}

/// The event for people: plain text with `code` in backticks, of any length and as hostile as its origin.
pub fn sentence(event: &Event) -> (Tone, String) {
    use Tone::{Bad, Blocked, Good, Person, Step};
    match event {
        Event::Opened { opening } => {
            (Step, format!("opened for `{}` at `{}`{}", opening.key.branch, opening.key.sha.short(), if opening.dry_run { ", under dry-run" } else { "" }))
        }
        Event::RunAttached { run } => (Step, format!("failed run of `{}` attached (attempt {})", run.workflow, run.attempt)),
        Event::Diagnosed { diagnosis } => {
            (Step, format!("logs read: {} ({}, {:.0} % sure)", diagnosis.headline, diagnosis.category.replace('_', " "), diagnosis.confidence * 100.0))
        }
        Event::Admitted { verdict } => (Good, format!("admitted: {}", told(verdict))),
        Event::Cloned { snapshot } => (Step, format!("commit fetched, snapshot `{snapshot}` stored")),
        Event::CommandResolved { command } => (Step, format!("the command that shows the failure is `{}`", command.script.trim())),
        Event::LeftToCi { why } => (Step, format!("the proof is left to the pull request's CI: {why}")),
        Event::PatchNeeded => (Step, "a patch is needed".into()),
        Event::RerunChosen { why } => (Step, format!("the failed jobs run again first: {why}")),
        Event::RerunRed => (Bad, "the rerun is red as well".into()),
        Event::ModelAnswered { route, spent, ok } => (
            if *ok { Step } else { Bad },
            format!("`{route}` {}: {} tokens, {:.4} US$", if *ok { "answered" } else { "gave no usable answer" }, spent.tokens, spent.cost_usd),
        ),
        Event::ProposalFailed { attempt, route, evidence } => (Bad, format!("attempt {attempt} by `{route}` gave no usable patch: {evidence}")),
        Event::Proposed { proposal } => (Step, format!("attempt {} by `{}`: {}", proposal.attempt, proposal.route, proposal.explanation)),
        Event::GatePassed { verdict } => (Good, format!("the gates let the patch run: {}", told(verdict))),
        Event::GateRefused { verdict, .. } => (Blocked, format!("the gates refused this patch: {}", told(verdict))),
        Event::Proved { proof: Some(proof) } => (Good, format!("proved: {}", proved(proof))),
        Event::Proved { proof: None } => (Step, "not proved here; the pull request's CI decides".into()),
        Event::ProofFailed { proof, .. } => (Bad, format!("not proved: {}", proved(proof))),
        Event::Cleared { verdict, simulated: false } => (Good, format!("cleared for writing: {}", told(verdict))),
        Event::Cleared { verdict, simulated: true } => (Good, format!("cleared in simulation only: {}", told(verdict))),
        Event::ApprovalAsked { verdict, until, why } => {
            let why = if why.is_empty() { told(verdict) } else { why.join("; ") };
            (Person, format!("a person is asked until {}: {why}", until.format("%Y-%m-%d %H:%M UTC")))
        }
        Event::Approved { by } => (Person, format!("approved by {by}")),
        Event::Published { branch, commit, pull, unproven } => {
            let pull = pull.as_ref().map_or(String::new(), |pull| format!(", {} #{} opened", if pull.draft { "draft" } else { "pull request" }, pull.number));
            (Good, format!("`{branch}` written at `{}`{pull}{}", commit.short(), if *unproven { ", labelled unproven" } else { "" }))
        }
        Event::Recorded { branch, writes } => (Good, format!("dry-run: {} writes to `{branch}` were recorded and not done", writes.len())),
        Event::PullSeen { reason, draft } => (Step, format!("{}{}", reason.sentence(), if *draft { " (draft)" } else { "" })),
        Event::CiRed { evidence } => (Bad, format!("the pull request's own CI is red; it was withdrawn: {evidence}")),
        Event::Intended { what, detail } => (Step, format!("begun: {}{}", outside(*what), after(detail))),
        Event::Done { what, detail } => (Step, format!("done: {}{}", outside(*what), after(detail))),
        Event::Completed { reason } => (Good, format!("completed: {}", reason.sentence())),
        Event::Failed { reason, detail } => (Bad, format!("failed: {}{}", reason.sentence(), after(detail))),
        Event::Blocked { reason, detail, .. } => (Blocked, format!("blocked: {}{}", reason.sentence(), after(detail))),
        Event::Superseded { reason } => (Step, format!("superseded: {}", reason.sentence())),
        Event::Cancelled { by, why } => (Person, format!("cancelled by {by}: {why}")),
    }
}

fn after(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(" · {detail}") }
}

/// A verdict in short.
fn told(verdict: &Verdict) -> String {
    verdict.result().reason
}

fn proved(proof: &ProofRecord) -> String {
    if proof.sentences.is_empty() { "no sentence was given".into() } else { proof.sentences.join("; ") }
}

/// An outside effect for people.
const fn outside(what: Outside) -> &'static str {
    match what {
        Outside::RerunJobs => "run the failed jobs again",
        Outside::AskModel => "ask a model",
        Outside::PushBranch => "push the fix branch",
        Outside::OpenPull => "open the pull request",
        Outside::Comment => "comment on the commit",
        Outside::MarkReady => "mark the pull request ready",
        Outside::Label => "label the pull request",
        Outside::Withdraw => "withdraw the pull request",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::gate::{Check, Finding, Gate};
    use crate::domain::remediation::{Reason, Spent};

    #[test]
    fn events_are_told_with_what_matters() {
        let refused = Verdict::of(Gate::Gating, 7, vec![Finding::failed(Check::Paths, "`.github/x` may not be touched", "a", "b")]);
        for (event, tone, part) in [
            (Event::GateRefused { verdict: refused, evidence: String::new() }, Tone::Blocked, "`.github/x` may not be touched"),
            (Event::Approved { by: "ann".into() }, Tone::Person, "approved by ann"),
            (Event::ModelAnswered { route: "fast".into(), spent: Spent { tokens: 12, cost_usd: 0.5 }, ok: false }, Tone::Bad, "no usable answer: 12 tokens"),
            (
                Event::Blocked { reason: Reason::Rejected, verdict: None, detail: "rejected by bob: no".into() },
                Tone::Blocked,
                "a person said no · rejected by bob: no",
            ),
            (Event::Intended { what: Outside::PushBranch, detail: String::new() }, Tone::Step, "begun: push the fix branch"),
        ] {
            let (found, text) = sentence(&event);
            assert_eq!(found, tone, "{text}");
            assert!(text.contains(part), "{text}");
        }
    }
}
