//! The closed list of what a failure can be, and what follows from each kind.

use serde::{Deserialize, Serialize};

/// What kind of failure a log shows. The names are a contract (`regreen diagnose --format json`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// A test ran and did not hold.
    TestAssertion,
    /// A compiler, linker or interpreter did not take the source.
    CompileError,
    /// A type checker did not take the source.
    TypeError,
    /// A linter or formatter complained.
    LintError,
    /// A recorded snapshot differs from what came out.
    SnapshotDiff,
    /// Dependencies could not be resolved or installed.
    DependencyInstall,
    /// The workflow or an action is wrong.
    GithubActionsConfig,
    /// A right, a secret or a login is missing.
    PermissionOrSecret,
    /// The network, or a service behind it, failed.
    NetworkOrFlaky,
    /// Out of time, memory or disk.
    TimeoutOrOom,
    /// An image could not be built.
    DockerBuild,
    /// The machine that ran the job was lost.
    RunnerInfrastructure,
    /// None of these could be told.
    Unknown,
}

impl Category {
    /// Every category, in the order of the contract.
    pub const ALL: [Self; 13] = [
        Self::TestAssertion,
        Self::CompileError,
        Self::TypeError,
        Self::LintError,
        Self::SnapshotDiff,
        Self::DependencyInstall,
        Self::GithubActionsConfig,
        Self::PermissionOrSecret,
        Self::NetworkOrFlaky,
        Self::TimeoutOrOom,
        Self::DockerBuild,
        Self::RunnerInfrastructure,
        Self::Unknown,
    ];

    /// The name used in JSON, in metrics and in text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TestAssertion => "test_assertion",
            Self::CompileError => "compile_error",
            Self::TypeError => "type_error",
            Self::LintError => "lint_error",
            Self::SnapshotDiff => "snapshot_diff",
            Self::DependencyInstall => "dependency_install",
            Self::GithubActionsConfig => "github_actions_config",
            Self::PermissionOrSecret => "permission_or_secret",
            Self::NetworkOrFlaky => "network_or_flaky",
            Self::TimeoutOrOom => "timeout_or_oom",
            Self::DockerBuild => "docker_build",
            Self::RunnerInfrastructure => "runner_infrastructure",
            Self::Unknown => "unknown",
        }
    }

    /// The category with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }

    /// About the world around the code: machine, time, rights, network.
    #[must_use]
    pub const fn is_outside(self) -> bool {
        matches!(self, Self::RunnerInfrastructure | Self::TimeoutOrOom | Self::PermissionOrSecret | Self::NetworkOrFlaky)
    }

    /// A change to the repository's files can settle failures of this kind.
    #[must_use]
    pub const fn fixable_by_code(self) -> bool {
        !matches!(self, Self::PermissionOrSecret | Self::NetworkOrFlaky | Self::TimeoutOrOom | Self::RunnerInfrastructure)
    }

    /// Running the same commit again may be green.
    #[must_use]
    pub const fn rerun_could_help(self) -> bool {
        matches!(self, Self::NetworkOrFlaky | Self::TimeoutOrOom | Self::RunnerInfrastructure)
    }
}

impl std::fmt::Display for Category {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
