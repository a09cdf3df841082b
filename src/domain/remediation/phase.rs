//! Where a remediation may stand, and the edges between.

use std::fmt;

use serde::{Deserialize, Serialize};

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
