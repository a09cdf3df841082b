//! Why a remediation ended, was refused or waits: the closed list, and where each code may stand.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::gate::Check;

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
    OptedOut "opted_out" Blocked "the branch's pull request carries the opt-out label";
    Rejected "rejected" Blocked "a person said no";
    ApprovalExpired "expired" Blocked "nobody answered in time";
    NeedsApproval "needs_approval" Blocked "a person would have to approve it, and nobody can be asked here";
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

impl Reason {
    /// Whether a failure with this reason says something about the signature: the circuit counts it. Faults of the
    /// surroundings (an outside service, a missing sandbox, an expired log) don't open a circuit.
    pub const fn blames_the_fix(self) -> bool {
        matches!(self, Reason::NoPatch | Reason::AttemptsSpent | Reason::NotReproduced | Reason::NotProved | Reason::CiRed)
    }

    /// Whether such an end speaks only of the runs that had failed by then: another workflow of the same head that fails later is a failure that
    /// nobody has judged. A person's word (closed, rejected, cancelled) is about the head, and so is a fix that was merged; what a fault of the
    /// surroundings ended is taken up again by people.
    pub const fn judges_its_runs_only(self) -> bool {
        matches!(
            self,
            Reason::NotOurs
                | Reason::AlreadyGreen
                | Reason::Flaky
                | Reason::LogExpired
                | Reason::NotFixableByCode
                | Reason::NotReproducible
                | Reason::NotReproduced
                | Reason::SetupFailed
                | Reason::NoPatch
                | Reason::NotProved
        )
    }
}

/// The reason code of a remediation that a failed check ends.
impl From<Check> for Reason {
    fn from(check: Check) -> Self {
        match check {
            Check::RiskScore => Self::RiskTooHigh,
            Check::Circuit => Self::CircuitOpen,
            Check::ProtectedBranch => Self::ProtectedBranch,
            Check::DryRun => Self::DryRun,
            Check::Snapshot => Self::SnapshotMissing,
            Check::TestIntegrity => Self::TestIntegrity,
            Check::Paths => Self::PathRefused,
            Check::Budget => Self::Budget,
            Check::NotStopped => Self::OptedOut,
            Check::HeadUnmoved => Self::HeadMoved,
            Check::Proof => Self::Unproven,
            Check::WorkflowReach => Self::WorkflowReach,
            Check::Autonomy => Self::Autonomy,
            Check::Approval => Self::NeedsApproval,
        }
    }
}
