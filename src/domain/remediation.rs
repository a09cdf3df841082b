//! The life of one remediation, as a pure function from (state, event) to (state, effects).
//!
//! The row in the database is the fold of the events; nothing else changes it. Every legal edge stands in
//! [`Phase::may_become`], which the documentation prints and a property test holds [`Remediation::apply`] to.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::gate::Verdict;
use super::ids::{BranchName, CommitSha, Fingerprint, PatchHash, PullNumber, RemediationId, RemediationKey, RepoSlug, RunId};

/// Where a remediation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Settling: runs of this head still attach; then admission.
    Pending,
    /// The commit is fetched and a snapshot taken.
    Cloning,
    /// The cheap ladder is asked.
    Analysis,
    /// The failed jobs run again on the forge.
    Rerunning,
    /// A patch is made.
    Patching,
    /// The patch is checked before anything of it is run.
    Gating,
    /// The patch is proved in a sandbox.
    Testing,
    /// All gates again, with the proof; mints the clearance.
    Clearing,
    /// A person must say yes.
    AwaitingApproval,
    /// Branch and pull request are written.
    Pr,
    /// The pull request is watched.
    Feedback,
    /// Ended well, or with a clear answer.
    Completed,
    /// Ended without a fix.
    Failed,
    /// Ended by a gate.
    Blocked,
    /// Ended because the branch moved on.
    Superseded,
    /// Ended by a person.
    Cancelled,
}

impl Phase {
    /// Every phase, in the order of the table.
    pub const ALL: [Phase; 16] = [
        Phase::Pending,
        Phase::Cloning,
        Phase::Analysis,
        Phase::Rerunning,
        Phase::Patching,
        Phase::Gating,
        Phase::Testing,
        Phase::Clearing,
        Phase::AwaitingApproval,
        Phase::Pr,
        Phase::Feedback,
        Phase::Completed,
        Phase::Failed,
        Phase::Blocked,
        Phase::Superseded,
        Phase::Cancelled,
    ];

    /// The name used in the database, in JSON and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Pending => "pending",
            Phase::Cloning => "cloning",
            Phase::Analysis => "analysis",
            Phase::Rerunning => "rerunning",
            Phase::Patching => "patching",
            Phase::Gating => "gating",
            Phase::Testing => "testing",
            Phase::Clearing => "clearing",
            Phase::AwaitingApproval => "awaiting_approval",
            Phase::Pr => "pr",
            Phase::Feedback => "feedback",
            Phase::Completed => "completed",
            Phase::Failed => "failed",
            Phase::Blocked => "blocked",
            Phase::Superseded => "superseded",
            Phase::Cancelled => "cancelled",
        }
    }

    /// The phase with this name.
    pub fn parse(name: &str) -> Option<Phase> {
        Phase::ALL.into_iter().find(|phase| phase.as_str() == name)
    }

    /// Whether the remediation has ended.
    pub const fn is_end(self) -> bool {
        matches!(self, Phase::Completed | Phase::Failed | Phase::Blocked | Phase::Superseded | Phase::Cancelled)
    }

    /// The edge table. Staying in a phase is not an edge.
    pub const fn may_become(self, next: Phase) -> bool {
        use Phase as P;
        if self.is_end() {
            return false;
        }
        // Any that has not ended may be superseded, cancelled, or fail at the claim.
        if matches!(next, P::Superseded | P::Cancelled | P::Failed) {
            return true;
        }
        match self {
            P::Pending => matches!(next, P::Cloning | P::Blocked),
            P::Cloning => matches!(next, P::Analysis),
            P::Analysis => matches!(next, P::Patching | P::Rerunning | P::Completed | P::Blocked),
            P::Rerunning => matches!(next, P::Completed | P::Patching),
            P::Patching => matches!(next, P::Gating | P::Blocked),
            P::Gating => matches!(next, P::Testing | P::Patching | P::Blocked),
            P::Testing => matches!(next, P::Clearing | P::Patching),
            P::Clearing => matches!(next, P::Pr | P::AwaitingApproval | P::Blocked),
            P::AwaitingApproval => matches!(next, P::Clearing | P::Blocked),
            P::Pr => matches!(next, P::Feedback),
            P::Feedback => matches!(next, P::Completed | P::Patching),
            P::Completed | P::Failed | P::Blocked | P::Superseded | P::Cancelled => false,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Declares the closed list of reason codes: variant, code, sentence for people, and where it may stand.
macro_rules! reasons {
    ($($variant:ident $code:literal $phase:ident $sentence:literal;)*) => {
        /// Why a remediation ended, was refused at intake, or waits: one closed list, which the documentation prints.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $(#[doc = $sentence] #[serde(rename = $code)] $variant,)*
        }
        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// The code used in the database, in JSON and in metrics.
            pub const fn code(self) -> &'static str {
                match self { $(Reason::$variant => $code,)* }
            }

            /// What it means, for people.
            pub const fn sentence(self) -> &'static str {
                match self { $(Reason::$variant => $sentence,)* }
            }

            /// Where it may stand.
            pub const fn place(self) -> Place {
                match self { $(Reason::$variant => Place::$phase,)* }
            }
        }
    };
}

/// Where a reason code may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Refused before there was a remediation.
    Intake,
    /// Ends `completed`.
    Completed,
    /// Ends `failed`.
    Failed,
    /// Ends `blocked`.
    Blocked,
    /// Ends `superseded`.
    Superseded,
    /// Ends `cancelled`.
    Cancelled,
    /// Says how a pull request that is open stands.
    Open,
}

reasons! {
    Fork "fork" Intake "the run belongs to a fork; forks are never touched";
    Tag "tag" Intake "the run was started by a tag, not by a branch";
    MergeQueue "merge_queue" Intake "the run belongs to the merge queue";
    Scheduled "scheduled" Intake "the run was started by a schedule or by hand, not by a push or a pull request";
    OwnBranch "own_branch" Intake "the branch or the commit is regreen's own";
    NotFailed "not_failed" Intake "the run has not failed";
    NotFinished "not_finished" Intake "the run has not finished";
    NotListed "not_listed" Intake "the repository is not on the allow list";
    NotWatched "not_watched" Intake "the branch is not among the watched patterns";
    BadName "bad_name" Intake "the branch or the commit has a name that is not accepted";

    NotOurs "not_ours" Completed "the same failure is on the base branch, so it is not this branch's";
    AlreadyGreen "already_green" Completed "the branch is green again";
    Flaky "flaky" Completed "the failed jobs passed when they ran again";
    Known "known" Completed "an open fix or an earlier decision covers this failure";
    Merged "merged" Completed "the fix was merged";
    Closed "closed" Completed "the fix was closed without merging";
    Reverted "reverted" Completed "the fix was merged and later reverted";
    DryRun "dry_run" Completed "dry-run is on: everything was done but the writing";
    BranchLeft "branch_left" Completed "the fix was left on a branch of the local clone";

    NoPatch "no_patch" Failed "no usable patch was made";
    AttemptsSpent "attempts_spent" Failed "all attempts were used up";
    NotReproducible "not_reproducible" Failed "the failing step can't be run here";
    NotReproduced "not_reproduced" Failed "the failing step did not fail here for CI's reason";
    NoRoute "no_route" Failed "no model route is configured and no deterministic fixer applies";
    SandboxUnavailable "sandbox_unavailable" Failed "this machine offers no sandbox, and untrusted code is not run without one";
    SetupFailed "setup_failed" Failed "the set-up command failed";
    CloneFailed "clone_failed" Failed "the commit could not be fetched";
    NotProved "not_proved" Failed "no patch could be proved";
    CiRed "ci_red" Failed "the pull request's own CI stayed red";
    WriteRefused "write_refused" Failed "the forge refused the write";
    OutsideServiceFailed "outside_service_failed" Failed "an outside service kept failing";
    Internal "internal" Failed "a fault of regreen's own";

    LogExpired "log_expired" Blocked "the log of the failed run is gone";
    NotFixableByCode "not_fixable_by_code" Blocked "no change of the code can fix this kind of failure";
    ProtectedBranch "protected_branch" Blocked "the branch is protected, or its protection could not be told";
    CircuitOpen "circuit_open" Blocked "the circuit for this failure is open";
    Budget "budget" Blocked "the budget is spent";
    RiskTooHigh "risk_too_high" Blocked "the risk score is above the repository's limit";
    TestIntegrity "test_integrity" Blocked "the patch weakens tests";
    PathRefused "path_refused" Blocked "the patch touches what it may not touch";
    SnapshotMissing "snapshot_missing" Blocked "no usable snapshot of the branch is stored";
    Paused "paused" Blocked "regreen is paused by a person";
    OptedOut "opted_out" Blocked "the branch's pull request carries the opt-out label";
    Rejected "rejected" Blocked "a person said no";
    ApprovalExpired "expired" Blocked "nobody answered in time";
    WorkflowReach "workflow_reach" Blocked "the pushed branch would start a workflow with secrets or write permissions in its reach";
    Unproven "unproven" Blocked "there is no proof, and the settings ask for one";
    Autonomy "autonomy" Blocked "the repository's autonomy allows observing or suggesting only";

    HeadMoved "head_moved" Superseded "the branch has moved on";
    BranchGone "branch_gone" Superseded "the branch is gone";

    ByPerson "by_person" Cancelled "a person cancelled it";

    CiPending "ci_pending" Open "the pull request's CI is running";
    ReadyForReview "ready_for_review" Open "the originally failing job is green on the pull request";
    CiNotTriggered "ci_not_triggered" Open "a job that failed did not run on the pull request, so it stays a draft";
    DraftRefused "draft_refused" Open "the plan takes no drafts: an ordinary pull request labelled `unproven` was opened";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A failed run that belongs to a remediation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedRun {
    /// The run.
    pub run: RunId,
    /// The attempt that failed.
    pub attempt: u32,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow file, `.github/workflows/ci.yml`; empty where it can't be told.
    pub path: String,
    /// The page of the run.
    pub url: String,
    /// What started the run: `push`, `pull_request`.
    pub trigger: String,
    /// When the run started; the time of the fix commit is taken from it.
    pub started_at: DateTime<Utc>,
}

/// What is known at the opening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Repository, branch, head, generation.
    pub key: RemediationKey,
    /// The repository's name at that time.
    pub slug: RepoSlug,
    /// The default branch.
    pub default_branch: BranchName,
    /// Who pushed the head, as the forge's login; `None` where it can't be told.
    pub owner: Option<String>,
    /// Dry-run was on when it was opened.
    pub dry_run: bool,
}

/// The few things of a diagnosis that the flow and the reader need again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiagnosisRecord {
    /// The circuit breaker's key.
    pub fingerprint: Fingerprint,
    /// The category, by its name in the taxonomy.
    pub category: String,
    /// 0 to 1.
    pub confidence: f32,
    /// One line for people.
    pub headline: String,
    /// What goes into a prompt: redacted, bounded.
    pub excerpt: String,
    /// The tests that failed.
    pub failed_tests: Vec<String>,
    /// Files named by the failure, with the first line.
    pub files: Vec<(String, Option<u32>)>,
    /// The failed jobs and steps.
    pub steps: Vec<FailedStepRecord>,
    /// Whether a change of code can fix it at all.
    pub fixable_by_code: bool,
    /// Whether running it again could turn it green.
    pub rerun_could_help: bool,
}

/// A step that failed in CI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedStepRecord {
    /// The run it belongs to.
    pub run: RunId,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow file.
    pub path: String,
    /// The job's name as the forge shows it.
    pub job: String,
    /// The step's name as the forge shows it.
    pub step: String,
    /// The step's number within the job.
    pub number: u32,
}

/// A command as it is run for the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// GitHub's name of the shell; empty for the default.
    pub shell: String,
    /// The script.
    pub script: String,
    /// The folder within the tree.
    pub directory: String,
    /// The environment of the step.
    pub env: BTreeMap<String, String>,
    /// Steps that run before it, with network through the proxy.
    #[serde(default)]
    pub setup: Vec<SetupStep>,
}

/// A step that prepares the tree: an earlier step of the job, or a set-up command of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupStep {
    /// GitHub's name of the shell; empty for the default.
    pub shell: String,
    /// The script.
    pub script: String,
    /// The folder within the tree.
    pub directory: String,
    /// The environment of the step.
    pub env: BTreeMap<String, String>,
}

/// A patch that was proposed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProposalRecord {
    /// Counted from 1.
    pub attempt: u32,
    /// `cargo-fix` and the like, or the route's name.
    pub route: String,
    /// Whether a deterministic fixer made it.
    pub deterministic: bool,
    /// The gateway's id of the answer.
    pub response_id: Option<String>,
    /// What the change does, in the route's own words: hostile text, bounded.
    pub explanation: String,
    /// The canonical unified diff.
    pub patch: String,
    /// Its hash.
    pub hash: PatchHash,
    /// What was mended in the diff before it applied.
    pub repairs: Vec<String>,
}

/// One command that was run, before or after the patch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The script.
    pub command: String,
    /// The exit code; `None` where a limit or a signal ended it.
    pub exit_code: Option<i32>,
    /// Wall time in seconds.
    pub seconds: f64,
    /// How many tests ran, where it can be told.
    pub tests: Option<u32>,
    /// The last lines, redacted and bounded.
    pub tail: String,
}

/// The proof of a patch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProofRecord {
    /// The hash of the patch that was proved.
    pub patch: PatchHash,
    /// Red for CI's reason and green after.
    pub proved: bool,
    /// The failing command before the patch.
    pub before: RunRecord,
    /// The same after the patch.
    pub after: Option<RunRecord>,
    /// The wider test command after the patch.
    pub wider: Option<RunRecord>,
    /// Sentences for people.
    pub sentences: Vec<String>,
    /// Which sandbox.
    pub sandbox: String,
}

/// The fix pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRecord {
    /// Its number.
    pub number: PullNumber,
    /// The page.
    pub url: String,
    /// The branch it asks to merge into: the broken branch.
    pub base: BranchName,
    /// The fix branch.
    pub head: BranchName,
    /// Whether it is a draft.
    pub draft: bool,
    /// The forge's id for GraphQL.
    pub node_id: String,
}

/// What models cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Tokens in and out.
    pub tokens: u64,
    /// US dollars.
    pub cost_usd: f64,
}

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
            (P::Pending, Event::Admitted { verdict }) => {
                next.verdict = Some(verdict.clone());
                P::Cloning
            }
            (P::Cloning, Event::Cloned { snapshot }) => {
                next.snapshot = Some(snapshot.clone());
                P::Analysis
            }
            (P::Analysis, Event::CommandResolved { command }) => {
                next.command = Some(command.clone());
                self.phase
            }
            (P::Analysis | P::Testing, Event::LeftToCi { why }) => {
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
                // In the other phases nothing is tried that could fail: there, only the claims run out.
                let tries = matches!(self.phase, P::Cloning | P::Rerunning | P::Patching | P::Testing | P::Pr | P::Feedback);
                if !tries && *reason != Reason::AttemptsSpent {
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

    /// The time that the fix commit bears: the first failed run's, so that the same input gives the same commit.
    pub fn commit_time(&self) -> DateTime<Utc> {
        self.runs.iter().map(|run| run.started_at).min().unwrap_or(DateTime::UNIX_EPOCH)
    }
}

impl Reason {
    /// Whether a failure with this reason says something about the signature: the circuit counts it. Faults of the
    /// surroundings (an outside service, a missing sandbox, an expired log) don't open a circuit.
    pub const fn blames_the_fix(self) -> bool {
        matches!(self, Reason::NoPatch | Reason::AttemptsSpent | Reason::NotReproduced | Reason::NotProved | Reason::CiRed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::gate::Gate;
    use crate::domain::ids::RepoId;
    use proptest::prelude::*;

    fn at(n: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + n, 0).unwrap()
    }

    fn opened() -> Event {
        let key = RemediationKey { repo: RepoId(1), branch: BranchName::parse("a").unwrap(), sha: CommitSha::parse(&"a".repeat(40)).unwrap(), generation: 0 };
        Event::Opened {
            opening: Opening { key, slug: RepoSlug::parse("o/r").unwrap(), default_branch: BranchName::parse("main").unwrap(), owner: None, dry_run: false },
        }
    }

    fn run(n: u64) -> AttachedRun {
        AttachedRun {
            run: RunId(n),
            attempt: 1,
            workflow: "ci".into(),
            path: String::new(),
            url: String::new(),
            trigger: "push".into(),
            started_at: at(n as i64),
        }
    }

    fn verdict() -> Verdict {
        Verdict::of(Gate::Admission, 0, vec![])
    }

    fn run_record() -> RunRecord {
        RunRecord { command: "t".into(), exit_code: Some(1), seconds: 1.0, tests: None, tail: String::new() }
    }

    fn proof() -> ProofRecord {
        ProofRecord { patch: PatchHash::of("p"), proved: true, before: run_record(), after: None, wider: None, sentences: vec![], sandbox: "bwrap".into() }
    }

    fn pull() -> PullRecord {
        let branch = |name| BranchName::parse(name).unwrap();
        PullRecord { number: PullNumber(1), url: String::new(), base: branch("a"), head: branch("agent-fix/a"), draft: true, node_id: String::new() }
    }

    /// One of each event, and for the ends one of each reason.
    fn samples() -> Vec<Event> {
        let diagnosis = DiagnosisRecord {
            fingerprint: Fingerprint::parse("0123456789abcdef").unwrap(),
            category: "test_assertion".into(),
            confidence: 0.9,
            headline: String::new(),
            excerpt: String::new(),
            failed_tests: vec![],
            files: vec![],
            steps: vec![],
            fixable_by_code: true,
            rerun_could_help: false,
        };
        let command = CommandRecord { shell: String::new(), script: "t".into(), directory: String::new(), env: BTreeMap::new(), setup: vec![] };
        let proposal = ProposalRecord {
            attempt: 1,
            route: "r".into(),
            deterministic: false,
            response_id: None,
            explanation: String::new(),
            patch: "p".into(),
            hash: PatchHash::of("p"),
            repairs: vec![],
        };
        let branch = BranchName::parse("agent-fix/a").unwrap();
        let commit = CommitSha::parse(&"b".repeat(40)).unwrap();
        let mut all = vec![
            opened(),
            Event::RunAttached { run: run(1) },
            Event::Diagnosed { diagnosis },
            Event::Admitted { verdict: verdict() },
            Event::Cloned { snapshot: "s".into() },
            Event::CommandResolved { command },
            Event::LeftToCi { why: "services".into() },
            Event::PatchNeeded,
            Event::RerunChosen { why: "flaky".into() },
            Event::RerunRed,
            Event::ModelAnswered { route: "r".into(), spent: Spent { tokens: 5, cost_usd: 0.5 }, ok: true },
            Event::ProposalFailed { attempt: 1, route: "r".into(), evidence: "e".into() },
            Event::Proposed { proposal },
            Event::GatePassed { verdict: verdict() },
            Event::GateRefused { verdict: verdict(), evidence: "e".into() },
            Event::Proved { proof: Some(proof()) },
            Event::ProofFailed { proof: proof(), evidence: "e".into() },
            Event::Cleared { verdict: verdict(), simulated: false },
            Event::ApprovalAsked { verdict: verdict(), until: at(9), why: vec!["risk 4/10".into()] },
            Event::Approved { by: "ann".into() },
            Event::Published { branch: branch.clone(), commit, pull: Some(pull()), unproven: false },
            Event::Recorded { branch, writes: vec![] },
            Event::PullSeen { reason: Reason::ReadyForReview, draft: false },
            Event::CiRed { evidence: "e".into() },
            Event::Intended { what: Outside::OpenPull, detail: String::new() },
            Event::Done { what: Outside::OpenPull, detail: String::new() },
            Event::Cancelled { by: "ann".into(), why: "no".into() },
        ];
        for reason in Reason::ALL.iter().copied() {
            all.push(match reason.place() {
                Place::Completed => Event::Completed { reason },
                Place::Failed => Event::Failed { reason, detail: String::new() },
                Place::Blocked => Event::Blocked { reason, verdict: None, detail: String::new() },
                Place::Superseded => Event::Superseded { reason },
                Place::Open => Event::PullSeen { reason, draft: true },
                Place::Intake | Place::Cancelled => continue,
            });
        }
        all
    }

    fn opening() -> Remediation {
        Remediation::open(&opened(), at(0)).unwrap().0
    }

    #[test]
    fn exactly_the_edges_of_the_table() {
        let mut taken = BTreeSet::new();
        for phase in Phase::ALL {
            let state = Remediation { phase, ..opening() };
            for event in samples() {
                if let Ok((next, effects)) = state.apply(&event, at(1)) {
                    if next.phase == phase {
                        continue;
                    }
                    taken.insert((phase, next.phase));
                    assert_eq!(effects.contains(&Effect::Work), !next.phase.is_end(), "{phase} -> {}", next.phase);
                    assert_eq!(next.reason.is_some_and(|r| r.place() != Place::Open), next.phase.is_end(), "{phase} -> {}", next.phase);
                    assert!(!next.phase.is_end() || effects.contains(&Effect::Alert), "every end is told");
                }
            }
        }
        let table: BTreeSet<_> =
            Phase::ALL.into_iter().flat_map(|a| Phase::ALL.into_iter().filter(move |b| a != *b && a.may_become(*b)).map(move |b| (a, b))).collect();
        assert_eq!(taken, table);
        // 24 in the table's rows, and superseded, cancelled and failed from each of the eleven that have not ended.
        assert_eq!(table.len(), 24 + 3 * 11);
    }

    #[test]
    fn reasons_are_one_closed_list() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
        }
        let wrong = opening().apply(&Event::Failed { reason: Reason::Merged, detail: String::new() }, at(1));
        assert!(matches!(wrong, Err(Illegal::Reason { reason: Reason::Merged, .. })));
    }

    #[test]
    fn the_circuit_hears_what_concerns_it() {
        let feedback = Remediation { phase: Phase::Feedback, pull: Some(pull()), ..opening() };
        let effects = |state: &Remediation, event: Event| state.apply(&event, at(1)).unwrap().1;
        assert!(effects(&feedback, Event::PullSeen { reason: Reason::ReadyForReview, draft: false }).contains(&Effect::CircuitSuccess));
        assert!(effects(&feedback, Event::Failed { reason: Reason::CiRed, detail: String::new() }).contains(&Effect::CircuitFailure));
        assert!(effects(&feedback, Event::Completed { reason: Reason::Merged }).contains(&Effect::CircuitSuccess));
        assert!(effects(&feedback, Event::Superseded { reason: Reason::HeadMoved }).contains(&Effect::ReleaseProbe));
        let unblamed = effects(&opening(), Event::Blocked { reason: Reason::LogExpired, verdict: None, detail: String::new() });
        assert!(unblamed.contains(&Effect::ReleaseProbe) && !unblamed.contains(&Effect::CircuitFailure));
    }

    #[test]
    fn phases_that_try_nothing_fail_only_by_spent_claims() {
        for phase in [Phase::Pending, Phase::Analysis, Phase::Gating, Phase::Clearing, Phase::AwaitingApproval] {
            let state = Remediation { phase, ..opening() };
            assert!(state.apply(&Event::Failed { reason: Reason::NoPatch, detail: String::new() }, at(1)).is_err(), "{phase}");
            assert!(state.apply(&Event::Failed { reason: Reason::AttemptsSpent, detail: String::new() }, at(1)).is_ok(), "{phase}");
        }
    }

    #[test]
    fn a_started_effect_stays_open_until_reported() {
        let intended = Event::Intended { what: Outside::PushBranch, detail: String::new() };
        let (state, _) = opening().apply(&intended, at(1)).unwrap();
        let (state, _) = state.apply(&intended, at(2)).unwrap();
        assert_eq!(state.intents, [Outside::PushBranch]);
        let (state, _) = state.apply(&Event::Done { what: Outside::PushBranch, detail: String::new() }, at(3)).unwrap();
        assert!(state.intents.is_empty());
    }

    proptest! {
        #[test]
        fn any_order_of_events_keeps_the_rules(picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..60)) {
            let samples = samples();
            let mut chain = vec![(opened(), at(0))];
            let mut state = opening();
            for pick in picks {
                let event = pick.get(&samples);
                let now = at(state.seq as i64);
                match state.apply(event, now) {
                    Ok((next, _)) => {
                        prop_assert!(next.phase == state.phase || state.phase.may_become(next.phase));
                        prop_assert_eq!(next.seq, state.seq + 1);
                        prop_assert!(next.attempts >= state.attempts);
                        prop_assert!(next.evidence.len() <= EVIDENCE_KEPT);
                        prop_assert_eq!(next.id.clone(), state.id.clone());
                        chain.push((event.clone(), now));
                        state = next;
                    }
                    Err(_) => continue,
                }
            }
            let folded = Remediation::fold(chain.iter().map(|(event, at)| (event, *at))).unwrap();
            prop_assert_eq!(&folded, &state);
            // What is stored comes back the same.
            let text = serde_json::to_string(&state).unwrap();
            prop_assert_eq!(serde_json::from_str::<Remediation>(&text).unwrap(), state);
            for (event, _) in chain {
                let text = serde_json::to_string(&event).unwrap();
                prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
            }
        }
    }
}
