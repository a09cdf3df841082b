//! What happens to a remediation, and what follows from it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::reason::Reason;
use super::record::{AttachedRun, CommandRecord, DiagnosisRecord, Opening, ProofRecord, ProposalRecord, PullRecord, Spent};
use crate::domain::gate::Verdict;
use crate::domain::ids::{BranchName, CommitSha};

/// What happens outside, named before it is done and again after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// Failed jobs are run again.
    RerunJobs,
    /// A model is asked.
    AskModel,
    /// The fix branch is pushed.
    PushBranch,
    /// The pull request is opened.
    OpenPull,
    /// A comment on the broken commit.
    Comment,
    /// The pull request leaves the draft state.
    MarkReady,
    /// Labels are set.
    Label,
    /// Our own pull request is closed, or its branch deleted.
    Withdraw,
}

/// What happened to a remediation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first event of each chain.
    Opened { opening: Opening },
    /// Another failed run of the same head.
    RunAttached { run: AttachedRun },
    /// The logs were read: the circuit's key is known before anything is paid for.
    Diagnosed { diagnosis: DiagnosisRecord },
    /// Admission passed.
    Admitted { verdict: Verdict },
    /// The commit is in the mirror and the snapshot stored.
    Cloned { snapshot: String },
    /// The command that shows the failure is known.
    CommandResolved { command: CommandRecord },
    /// The step can't be run here; the proof is left to the pull request's CI.
    LeftToCi { why: String },
    /// The cheap ladder ended without an answer: a patch is needed.
    PatchNeeded,
    /// The cheap ladder says: run the failed jobs again.
    RerunChosen { why: String },
    /// The rerun is red as well.
    RerunRed,
    /// A model answered, or failed to: tokens and cost count either way.
    ModelAnswered { route: String, spent: Spent, ok: bool },
    /// An attempt was made and gave nothing usable; the evidence goes into the next.
    ProposalFailed { attempt: u32, route: String, evidence: String },
    /// There is a patch.
    Proposed { proposal: ProposalRecord },
    /// The gates let the patch run in the sandbox.
    GatePassed { verdict: Verdict },
    /// The gates refused this patch, and a better one could pass.
    GateRefused { verdict: Verdict, evidence: String },
    /// The proof succeeded, or is left to CI.
    Proved { proof: Option<ProofRecord> },
    /// The proof failed; the evidence goes into the next attempt.
    ProofFailed { proof: ProofRecord, evidence: String },
    /// Everything was asked again and holds. `simulated` under dry-run.
    Cleared { verdict: Verdict, simulated: bool },
    /// A person must say yes.
    ApprovalAsked {
        verdict: Verdict,
        until: DateTime<Utc>,
        /// What the person is asked to allow, in sentences.
        #[serde(default)]
        why: Vec<String>,
    },
    /// A person said yes.
    Approved { by: String },
    /// Branch and pull request stand. `None` for a local clone.
    Published { branch: BranchName, commit: CommitSha, pull: Option<PullRecord>, unproven: bool },
    /// What the recording interpreter would have written.
    Recorded { branch: BranchName, writes: Vec<String> },
    /// How the pull request stands changed.
    PullSeen { reason: Reason, draft: bool },
    /// The pull request's own CI is red, and it was withdrawn; the evidence goes into the next attempt.
    CiRed { evidence: String },
    /// An outside effect is about to be done.
    Intended { what: Outside, detail: String },
    /// An outside effect is done.
    Done { what: Outside, detail: String },
    /// It ended `completed`.
    Completed { reason: Reason },
    /// It ended `failed`.
    Failed { reason: Reason, detail: String },
    /// It ended `blocked`.
    Blocked { reason: Reason, verdict: Option<Verdict>, detail: String },
    /// The branch moved on, or is gone.
    Superseded { reason: Reason },
    /// A person cancelled it.
    Cancelled { by: String, why: String },
}

impl Event {
    /// The event's name, as stored.
    pub const fn name(&self) -> &'static str {
        match self {
            Event::Opened { .. } => "opened",
            Event::RunAttached { .. } => "run_attached",
            Event::Diagnosed { .. } => "diagnosed",
            Event::Admitted { .. } => "admitted",
            Event::Cloned { .. } => "cloned",
            Event::CommandResolved { .. } => "command_resolved",
            Event::LeftToCi { .. } => "left_to_ci",
            Event::PatchNeeded => "patch_needed",
            Event::RerunChosen { .. } => "rerun_chosen",
            Event::RerunRed => "rerun_red",
            Event::ModelAnswered { .. } => "model_answered",
            Event::ProposalFailed { .. } => "proposal_failed",
            Event::Proposed { .. } => "proposed",
            Event::GatePassed { .. } => "gate_passed",
            Event::GateRefused { .. } => "gate_refused",
            Event::Proved { .. } => "proved",
            Event::ProofFailed { .. } => "proof_failed",
            Event::Cleared { .. } => "cleared",
            Event::ApprovalAsked { .. } => "approval_asked",
            Event::Approved { .. } => "approved",
            Event::Published { .. } => "published",
            Event::Recorded { .. } => "recorded",
            Event::PullSeen { .. } => "pull_seen",
            Event::CiRed { .. } => "ci_red",
            Event::Intended { .. } => "intended",
            Event::Done { .. } => "done",
            Event::Completed { .. } => "completed",
            Event::Failed { .. } => "failed",
            Event::Blocked { .. } => "blocked",
            Event::Superseded { .. } => "superseded",
            Event::Cancelled { .. } => "cancelled",
        }
    }
}

/// What follows from an event. Planned here, stored with the event, done by the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The stage of the new phase is to be run.
    Work,
    /// The team's channel is told how it stands.
    Alert,
    /// The circuit counts a failure of this signature.
    CircuitFailure,
    /// The circuit counts a success.
    CircuitSuccess,
    /// A half-open probe that was not used is given back.
    ReleaseProbe,
}
