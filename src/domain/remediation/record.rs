//! What a remediation keeps of what it saw and made.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::ids::{BranchName, Fingerprint, PatchHash, PullNumber, RemediationKey, RepoSlug, RunId};

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
    /// What the job had and a run here goes without, each with the reason; text of the workflow's file, to be escaped where it is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

impl CommandRecord {
    /// What may be the reason if it fails otherwise than in CI, to be put behind that; empty where nothing is missing.
    pub fn gone_without(&self) -> String {
        if self.without.is_empty() { String::new() } else { format!("; the run here went without {}", self.without.join(", ")) }
    }
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
