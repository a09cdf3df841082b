//! The life of one remediation, as a pure function from (state, event) to (state, effects).
//!
//! The row in the database is the fold of the events; nothing else changes it. Every legal edge stands in
//! [`Phase::may_become`], which the documentation prints and a property test holds [`Remediation::apply`] to.

mod event;
mod phase;
mod reason;
mod record;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::gate::Verdict;
use super::ids::{BranchName, CommitSha, Fingerprint, RemediationId};

pub use event::{Effect, Event, Outside};
pub use phase::Phase;
pub use reason::{Place, Reason};
pub use record::{
    AttachedRun, CommandRecord, DiagnosisRecord, FailedStepRecord, Opening, ProofRecord, ProposalRecord, PullRecord, RunRecord, SetupStep, Spent,
};

/// An event that the phase does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// No such edge or event in this phase.
    #[error("`{event}` is not taken in phase `{phase}`")]
    Event {
        /// The phase.
        phase: Phase,
        /// The event.
        event: &'static str,
    },
    /// The reason code belongs elsewhere.
    #[error("reason `{reason}` does not go with `{event}`")]
    Reason {
        /// The reason.
        reason: Reason,
        /// The event.
        event: &'static str,
    },
    /// A chain must start with `opened`, once.
    #[error("a chain of events starts with `opened`, and holds it once")]
    Opening,
}

/// A remediation: the fold of its events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remediation {
    /// Derived from the key.
    pub id: RemediationId,
    /// What was known at the opening.
    pub opening: Opening,
    /// Where it stands.
    pub phase: Phase,
    /// Why, for ends and for open pull requests.
    pub reason: Option<Reason>,
    /// The detail of the end, or what a person is asked to allow: for people, bounded, redacted.
    pub detail: String,
    /// How many events there are: the next one's sequence number.
    pub seq: u64,
    /// The failed runs.
    pub runs: Vec<AttachedRun>,
    /// Proposals so far.
    pub attempts: u32,
    /// The diagnosis.
    pub diagnosis: Option<DiagnosisRecord>,
    /// The snapshot's id.
    pub snapshot: Option<String>,
    /// The command that shows the failure.
    pub command: Option<CommandRecord>,
    /// Why the proof is left to CI.
    pub left_to_ci: Option<String>,
    /// The failed jobs were rerun once.
    pub rerun: bool,
    /// The runs that were told to run again.
    #[serde(default)]
    pub reruns: Vec<String>,
    /// The patch in hand.
    pub proposal: Option<ProposalRecord>,
    /// Evidence for the next attempt, oldest first.
    pub evidence: Vec<String>,
    /// The last verdict.
    pub verdict: Option<Verdict>,
    /// The proof of the patch in hand.
    pub proof: Option<ProofRecord>,
    /// Who approved the patch in hand.
    pub approved_by: Option<String>,
    /// When the approval runs out.
    pub approval_until: Option<DateTime<Utc>>,
    /// The fix branch, once published.
    pub branch: Option<BranchName>,
    /// The fix commit, once published.
    pub commit: Option<CommitSha>,
    /// The pull request.
    pub pull: Option<PullRecord>,
    /// What dry-run would have written.
    pub recorded: Vec<String>,
    /// The last request to a model, kept under dry-run for the reader.
    #[serde(default)]
    pub model_request: Option<String>,
    /// What models cost.
    pub spent: Spent,
    /// Outside effects that were started and not reported done.
    pub intents: Vec<Outside>,
    /// The time of the first event.
    pub opened_at: DateTime<Utc>,
    /// When branch and pull request were written.
    pub published_at: Option<DateTime<Utc>>,
    /// The time of the last event.
    pub updated_at: DateTime<Utc>,
}

/// At most so much evidence is carried on: older pieces are let go first.
const EVIDENCE_KEPT: usize = 4;

impl Remediation {
    /// The state after the first event.
    pub fn open(event: &Event, at: DateTime<Utc>) -> Result<(Self, Vec<Effect>), Illegal> {
        let Event::Opened { opening } = event else { return Err(Illegal::Opening) };
        let state = Remediation {
            id: RemediationId::of(&opening.key),
            opening: opening.clone(),
            phase: Phase::Pending,
            reason: None,
            detail: String::new(),
            seq: 1,
            runs: Vec::new(),
            attempts: 0,
            diagnosis: None,
            snapshot: None,
            command: None,
            left_to_ci: None,
            rerun: false,
            reruns: Vec::new(),
            proposal: None,
            evidence: Vec::new(),
            verdict: None,
            proof: None,
            approved_by: None,
            approval_until: None,
            branch: None,
            commit: None,
            pull: None,
            recorded: Vec::new(),
            model_request: None,
            spent: Spent::default(),
            intents: Vec::new(),
            opened_at: at,
            published_at: None,
            updated_at: at,
        };
        Ok((state, vec![Effect::Work]))
    }

    /// Folds a whole chain.
    pub fn fold<'a>(events: impl IntoIterator<Item = (&'a Event, DateTime<Utc>)>) -> Result<Self, Illegal> {
        let mut events = events.into_iter();
        let (first, at) = events.next().ok_or(Illegal::Opening)?;
        let (mut state, _) = Remediation::open(first, at)?;
        for (event, at) in events {
            state = state.apply(event, at)?.0;
        }
        Ok(state)
    }

    /// The state after `event`, and what follows from it.
    pub fn apply(&self, event: &Event, at: DateTime<Utc>) -> Result<(Self, Vec<Effect>), Illegal> {
        use Phase as P;
        let illegal = || Illegal::Event { phase: self.phase, event: event.name() };
        if self.phase.is_end() {
            // What was started outside may still be reported: the report changes nothing but the list of intents.
            return match event {
                Event::Intended { what: Outside::Withdraw | Outside::Comment | Outside::Label, .. } | Event::Done { .. } => {
                    Ok((self.noted(event, at), Vec::new()))
                }
                Event::PullSeen { draft, .. } => {
                    let mut next = self.noted(event, at);
                    if let Some(pull) = &mut next.pull {
                        pull.draft = *draft;
                    }
                    Ok((next, Vec::new()))
                }
                _ => Err(illegal()),
            };
        }
        let mut next = self.noted(event, at);
        let mut effects = Vec::new();
        let to = match (self.phase, event) {
            (_, Event::Opened { .. }) => return Err(Illegal::Opening),
            (_, Event::RunAttached { run }) => {
                if !next.runs.iter().any(|seen| (seen.run, seen.attempt) == (run.run, run.attempt)) {
                    next.runs.push(run.clone());
                }
                self.phase
            }
            (_, Event::ModelAnswered { spent, .. }) => {
                next.spent.tokens += spent.tokens;
                next.spent.cost_usd += spent.cost_usd;
                self.phase
            }
            (_, Event::Intended { .. } | Event::Done { .. }) => self.phase,
            (P::Pending | P::Analysis, Event::Diagnosed { diagnosis }) => {
                next.diagnosis = Some(diagnosis.clone());
                self.phase
            }
            // Red again, and maybe for another reason: what was known of the first log's step is not known of this one's.
            (P::Rerunning, Event::Diagnosed { diagnosis }) => {
                next.diagnosis = Some(diagnosis.clone());
                next.command = None;
                next.left_to_ci = None;
                self.phase
            }
            (P::Pending, Event::Admitted { verdict }) => {
                next.verdict = Some(verdict.clone());
                P::Cloning
            }
            (P::Cloning, Event::Cloned { snapshot }) => {
                next.snapshot = Some(snapshot.clone());
                P::Analysis
            }
            (P::Analysis | P::Rerunning, Event::CommandResolved { command }) => {
                next.command = Some(command.clone());
                self.phase
            }
            (P::Analysis | P::Rerunning | P::Testing, Event::LeftToCi { why }) => {
                next.left_to_ci = Some(why.clone());
                self.phase
            }
            (P::Analysis, Event::PatchNeeded) => P::Patching,
            (P::Analysis, Event::RerunChosen { .. }) => {
                next.rerun = true;
                P::Rerunning
            }
            (P::Rerunning, Event::RerunRed) => P::Patching,
            (P::Patching, Event::ProposalFailed { evidence, attempt, .. }) => {
                next.attempts = next.attempts.max(*attempt);
                next.remember(evidence);
                self.phase
            }
            (P::Patching, Event::Proposed { proposal }) => {
                next.attempts = next.attempts.max(proposal.attempt);
                next.proposal = Some(proposal.clone());
                // Proof and approval belong to one patch only.
                next.proof = None;
                next.approved_by = None;
                P::Gating
            }
            (P::Gating, Event::GatePassed { verdict }) => {
                next.verdict = Some(verdict.clone());
                P::Testing
            }
            (P::Gating, Event::GateRefused { verdict, evidence }) => {
                next.verdict = Some(verdict.clone());
                next.remember(evidence);
                P::Patching
            }
            (P::Testing, Event::Proved { proof }) => {
                next.proof.clone_from(proof);
                P::Clearing
            }
            (P::Testing, Event::ProofFailed { proof, evidence }) => {
                next.proof = Some(proof.clone());
                next.remember(evidence);
                P::Patching
            }
            (P::Clearing, Event::Cleared { verdict, .. }) => {
                next.verdict = Some(verdict.clone());
                P::Pr
            }
            (P::Clearing, Event::ApprovalAsked { verdict, until, why }) => {
                next.verdict = Some(verdict.clone());
                next.detail = why.join("; ");
                next.approval_until = Some(*until);
                effects.push(Effect::Alert);
                P::AwaitingApproval
            }
            (P::AwaitingApproval, Event::Approved { by }) => {
                next.approved_by = Some(by.clone());
                next.detail.clear();
                P::Clearing
            }
            (P::Pr, Event::Published { branch, commit, pull, .. }) => {
                next.branch = Some(branch.clone());
                next.commit = Some(commit.clone());
                next.pull.clone_from(pull);
                next.reason = pull.as_ref().map(|_| Reason::CiPending);
                next.published_at = Some(at);
                effects.push(Effect::Alert);
                P::Feedback
            }
            (P::Pr, Event::Recorded { branch, writes }) => {
                next.branch = Some(branch.clone());
                next.recorded.clone_from(writes);
                P::Feedback
            }
            (P::Feedback, Event::PullSeen { reason, draft }) => {
                if reason.place() != Place::Open {
                    return Err(Illegal::Reason { reason: *reason, event: event.name() });
                }
                if let Some(pull) = &mut next.pull {
                    pull.draft = *draft;
                }
                if next.reason != Some(*reason) {
                    effects.push(Effect::Alert);
                    if *reason == Reason::ReadyForReview {
                        effects.push(Effect::CircuitSuccess);
                    }
                }
                next.reason = Some(*reason);
                self.phase
            }
            (P::Feedback, Event::CiRed { evidence }) => {
                next.remember(evidence);
                // The withdrawn pull request and its branch are gone; the next patch gets new ones.
                next.reason = None;
                next.pull = None;
                next.branch = None;
                next.commit = None;
                next.published_at = None;
                P::Patching
            }
            (P::Analysis | P::Rerunning | P::Feedback, Event::Completed { reason }) => {
                next.end(*reason, Place::Completed, event, "")?;
                effects.push(Effect::Alert);
                effects.push(match (self.phase, reason) {
                    (P::Feedback, Reason::Merged) => Effect::CircuitSuccess,
                    (P::Feedback, Reason::Reverted) => Effect::CircuitFailure,
                    _ => Effect::ReleaseProbe,
                });
                P::Completed
            }
            (P::Pending | P::Analysis | P::Patching | P::Gating | P::Clearing | P::AwaitingApproval, Event::Blocked { reason, verdict, detail }) => {
                next.end(*reason, Place::Blocked, event, detail)?;
                if verdict.is_some() {
                    next.verdict.clone_from(verdict);
                }
                effects.extend([Effect::Alert, Effect::ReleaseProbe]);
                P::Blocked
            }
            (_, Event::Failed { reason, detail }) => {
                // In the other phases no fix is tried that could be to blame; the surroundings may fail in any, and the claims run out in any.
                let tries = matches!(self.phase, P::Cloning | P::Rerunning | P::Patching | P::Testing | P::Pr | P::Feedback);
                if !tries && reason.blames_the_fix() && *reason != Reason::AttemptsSpent {
                    return Err(Illegal::Reason { reason: *reason, event: event.name() });
                }
                next.end(*reason, Place::Failed, event, detail)?;
                effects.push(Effect::Alert);
                effects.push(if reason.blames_the_fix() { Effect::CircuitFailure } else { Effect::ReleaseProbe });
                P::Failed
            }
            (_, Event::Superseded { reason }) => {
                next.end(*reason, Place::Superseded, event, "")?;
                effects.extend([Effect::Alert, Effect::ReleaseProbe]);
                P::Superseded
            }
            (_, Event::Cancelled { by, why }) => {
                next.end(Reason::ByPerson, Place::Cancelled, event, &format!("{by}: {why}"))?;
                effects.extend([Effect::Alert, Effect::ReleaseProbe]);
                P::Cancelled
            }
            (
                _,
                Event::Diagnosed { .. }
                | Event::Admitted { .. }
                | Event::Cloned { .. }
                | Event::CommandResolved { .. }
                | Event::LeftToCi { .. }
                | Event::PatchNeeded
                | Event::RerunChosen { .. }
                | Event::RerunRed
                | Event::ProposalFailed { .. }
                | Event::Proposed { .. }
                | Event::GatePassed { .. }
                | Event::GateRefused { .. }
                | Event::Proved { .. }
                | Event::ProofFailed { .. }
                | Event::Cleared { .. }
                | Event::ApprovalAsked { .. }
                | Event::Approved { .. }
                | Event::Published { .. }
                | Event::Recorded { .. }
                | Event::PullSeen { .. }
                | Event::CiRed { .. }
                | Event::Completed { .. }
                | Event::Blocked { .. },
            ) => return Err(illegal()),
        };
        if to != self.phase {
            debug_assert!(self.phase.may_become(to), "{} -> {to}", self.phase);
            if !to.is_end() {
                effects.insert(0, Effect::Work);
            }
        }
        next.phase = to;
        Ok((next, effects))
    }

    /// Counts the event, and keeps the list of what was started outside.
    fn noted(&self, event: &Event, at: DateTime<Utc>) -> Self {
        let mut next = self.clone();
        next.seq += 1;
        next.updated_at = at;
        match event {
            Event::Intended { what, detail } => {
                if !next.intents.contains(what) {
                    next.intents.push(*what);
                }
                if *what == Outside::AskModel && next.opening.dry_run {
                    next.model_request = Some(detail.clone());
                }
            }
            Event::Done { what, detail } => {
                next.intents.retain(|open| open != what);
                if *what == Outside::RerunJobs {
                    next.reruns.push(detail.clone());
                }
            }
            _ => {}
        }
        next
    }

    fn remember(&mut self, evidence: &str) {
        if self.evidence.len() == EVIDENCE_KEPT {
            self.evidence.remove(0);
        }
        self.evidence.push(evidence.to_owned());
    }

    fn end(&mut self, reason: Reason, place: Place, event: &Event, detail: &str) -> Result<(), Illegal> {
        if reason.place() != place {
            return Err(Illegal::Reason { reason, event: event.name() });
        }
        self.reason = Some(reason);
        detail.clone_into(&mut self.detail);
        Ok(())
    }

    /// The circuit's key, once the logs were read.
    pub fn fingerprint(&self) -> Option<&Fingerprint> {
        self.diagnosis.as_ref().map(|diagnosis| &diagnosis.fingerprint)
    }

    /// The time that the fix commit bears: that of the run it was opened for, so that the same input gives the same commit, whichever runs
    /// are attached while it is being made.
    pub fn commit_time(&self) -> DateTime<Utc> {
        self.runs.first().map_or(DateTime::UNIX_EPOCH, |run| run.started_at)
    }
}
