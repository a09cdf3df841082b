//! From a workflow file and the names of what failed to the command that failed, so that it can be run again.
//!
//! Pure and bounded: the file is hostile text. Nothing here runs anything; what cannot be told from the
//! file says why, from one closed list ([`Reason`]).

pub mod expression;
pub mod filter;
mod job;
pub mod matrix;
mod purpose;
pub mod reach;
pub mod scope;
pub mod start;
mod step;
pub mod template;
mod tools;
pub mod trigger;
pub mod value;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use reach::{Reach, reach};
pub use start::{Happening, started};
pub use tools::{Tool, ToolHint};
pub use trigger::{Filters, Trigger, triggers};
use value::Value;

/// Largest workflow file that is read, in bytes (GitHub's own limit).
pub const MAX_FILE: usize = 512 * 1024;

/// A workflow file that has been read.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    root: Value,
}

/// Why a text is no workflow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkflowError {
    #[error("the workflow file has {bytes} bytes, more than the {MAX_FILE} that are read")]
    TooLarge { bytes: usize },
    #[error("the workflow file is not valid YAML: {0}")]
    Yaml(String),
    #[error("the workflow file has no mapping `jobs`")]
    NoJobs,
}

impl Workflow {
    /// Reads a workflow file.
    ///
    /// # Errors
    /// The text is too large, nested too deeply, uses aliases beyond measure, is no YAML, or has no jobs.
    pub fn parse(text: &str) -> Result<Self, WorkflowError> {
        if text.len() > MAX_FILE {
            return Err(WorkflowError::TooLarge { bytes: text.len() });
        }
        // GitHub takes a byte order mark; `on:` must stay a text (YAML 1.1 would read a boolean).
        let options = serde_saphyr::options! {
            strict_booleans: true,
            emit_comments: false,
            with_snippet: false,
            budget: serde_saphyr::budget! {
                max_depth: 40,
                max_events: 120_000,
                max_nodes: 60_000,
                max_aliases: 300,
                max_anchors: 300,
                max_documents: 1,
            },
            alias_limits: serde_saphyr::alias_limits! {
                max_total_replayed_events: 20_000,
                max_replay_stack_depth: 8,
            },
        };
        let root: Value = serde_saphyr::from_str_with_options(text.trim_start_matches('\u{feff}'), options)
            .map_err(|why| WorkflowError::Yaml(why.to_string().chars().take(300).collect()))?;
        match root.get("jobs") {
            Some(Value::Map(jobs)) if !jobs.is_empty() => Ok(Self { root }),
            _ => Err(WorkflowError::NoJobs),
        }
    }

    /// The whole file.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// Ids and definitions of the jobs, in the order of the file.
    pub fn jobs(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.root.get("jobs").map(Value::entries).unwrap_or_default().iter().map(|(id, job)| (id.as_str(), job))
    }
}

/// What failed, as GitHub's jobs API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed<'a> {
    /// The job's displayed name: `build (ubuntu-latest, 3.11)`, `caller / callee`.
    pub job: &'a str,
    /// The step's displayed name: `Run npm test`.
    pub step: &'a str,
    /// The step's `number` in the API, where known.
    pub number: Option<u32>,
    /// All steps of the job as the API lists them (number and name); may be empty. Tells steps of one name apart.
    pub steps: &'a [(u32, &'a str)],
}

/// The facts of the run that expressions may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunContext {
    /// The commit that was built.
    pub sha: String,
    /// `refs/heads/topic`
    pub git_ref: String,
    /// `owner/name`
    pub repository: String,
    /// `push`, `pull_request` …
    pub event_name: String,
    /// The pull request's base branch; empty for a push.
    pub base_ref: String,
    /// The pull request's head branch; empty for a push.
    pub head_ref: String,
    pub actor: String,
    /// Name of the workflow.
    pub workflow: String,
    /// Absolute folder in which the checkout appears when the step is run again.
    pub workspace: String,
    /// Absolute folder for temporary files when the step is run again.
    pub temp: String,
    /// The repository's `vars`, where they are known.
    pub vars: Option<BTreeMap<String, String>>,
    /// `inputs` of a manual start.
    pub inputs: BTreeMap<String, String>,
}

impl RunContext {
    /// `topic/x` of `refs/heads/topic/x`.
    pub fn ref_name(&self) -> &str {
        ["refs/heads/", "refs/tags/", "refs/pull/"].iter().find_map(|prefix| self.git_ref.strip_prefix(prefix)).unwrap_or(&self.git_ref)
    }

    /// The variables that GitHub's runner sets for every step, as far as they are known.
    pub fn runner_variables(&self) -> BTreeMap<String, String> {
        [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SHA", &self.sha),
            ("GITHUB_REF", &self.git_ref),
            ("GITHUB_REF_NAME", self.ref_name()),
            ("GITHUB_REF_TYPE", if self.git_ref.starts_with("refs/tags/") { "tag" } else { "branch" }),
            ("GITHUB_REPOSITORY", &self.repository),
            ("GITHUB_EVENT_NAME", &self.event_name),
            ("GITHUB_BASE_REF", &self.base_ref),
            ("GITHUB_HEAD_REF", &self.head_ref),
            ("GITHUB_ACTOR", &self.actor),
            ("GITHUB_WORKFLOW", &self.workflow),
            ("GITHUB_WORKSPACE", &self.workspace),
            ("RUNNER_OS", "Linux"),
            ("RUNNER_TEMP", &self.temp),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }
}

/// What a step's script is given to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShellKind {
    /// None was named: `bash -e FILE`.
    Unspecified,
    /// `bash --noprofile --norc -eo pipefail FILE`
    Bash,
    /// `sh -e FILE`
    Sh,
    /// `python FILE`
    Python,
    /// A command line of the workflow's own, with `{0}` for the file.
    Custom(String),
}

/// A script and its shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepCommand {
    pub shell: ShellKind,
    pub script: String,
}

/// What an earlier step is for, told from its commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Installs the system's packages (needs rights that a sandbox does not give).
    System,
    /// Installs the project's dependencies.
    Install,
    /// Only checks (formatting, lint, tests): it passed, and leaves nothing behind that is needed.
    Check,
    /// Builds, generates, or cannot be told.
    Other,
}

/// A run step before the failing one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierStep {
    pub name: String,
    pub command: StepCommand,
    /// Relative to the checkout; empty for its top.
    pub directory: String,
    pub env: BTreeMap<String, String>,
    pub purpose: Purpose,
    /// False where its `if:` depends on GitHub's side (a cache hit, say).
    pub certain: bool,
    /// It hands variables or paths on to later steps through `$GITHUB_ENV` or `$GITHUB_PATH`.
    pub writes_env: bool,
}

/// Something of the job that a rerun goes without, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The step's or the variable's name.
    pub what: String,
    pub why: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.what, self.why)
    }
}

/// How the failing step is run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepPlan {
    pub job_id: String,
    /// The step's displayed name.
    pub step: String,
    pub command: StepCommand,
    /// Relative to the checkout; empty for its top.
    pub directory: String,
    /// The file's variables for this step (workflow, job and step merged). GitHub's own are
    /// [`RunContext::runner_variables`].
    pub env: BTreeMap<String, String>,
    pub earlier_steps: Vec<EarlierStep>,
    pub setup_tools: Vec<ToolHint>,
    /// Labels of the machine.
    pub runs_on: Vec<String>,
    /// What the step may take, in minutes.
    pub timeout_minutes: Option<u32>,
    /// Steps and variables that the rerun goes without.
    pub left_out: Vec<LeftOut>,
}

impl StepPlan {
    /// What the rerun goes without, for people, bounded: what was left out, and the system's packages, which a sandbox does not install.
    pub fn goes_without(&self) -> Vec<String> {
        let packages = self.earlier_steps.iter().filter(|step| step.purpose == Purpose::System);
        let packages = packages.map(|step| LeftOut { what: step.name.clone(), why: "it installs packages of the system".to_owned() });
        self.left_out.iter().cloned().chain(packages).map(|left| left.to_string().chars().take(200).collect()).take(8).collect()
    }
}

/// Why the failing step cannot be run again here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The job uses service containers.
    Services,
    /// The job runs in a container of its own.
    Container,
    /// The step is a composite action of the repository.
    CompositeAction,
    /// The job is in a reusable workflow whose file is not at hand.
    ReusableWorkflow,
    /// The step uses a secret.
    Secrets,
    /// The job runs on Windows or macOS.
    OtherSystem,
    /// An expression depends on GitHub's side, or is malformed.
    Expression,
    /// An output of an earlier step, or a variable that one sets.
    StepOutput,
    /// An output of another job.
    JobOutput,
    /// A variable of the repository's settings that is not known.
    Variable,
    /// The matrix comes from elsewhere, and the step depends on it.
    MatrixUnresolved,
    NoSuchJob,
    /// Several jobs with different commands have the displayed name.
    AmbiguousJob,
    NoSuchStep,
    /// Several steps have the displayed name.
    AmbiguousStep,
    /// The step is an action or the runner's own work, not a command.
    NotARunStep,
    UnsupportedShell,
    /// The step works outside the checkout.
    OutsideWorkspace,
    BadWorkflow,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Services => "the job needs service containers",
            Self::Container => "the job runs in a container of its own",
            Self::CompositeAction => "the step is a composite action",
            Self::ReusableWorkflow => "the job is in a reusable workflow",
            Self::Secrets => "the step uses a secret",
            Self::OtherSystem => "the job runs on another operating system",
            Self::Expression => "an expression cannot be resolved",
            Self::StepOutput => "the step depends on what an earlier step put out",
            Self::JobOutput => "the step depends on another job's output",
            Self::Variable => "the step depends on a variable of the repository's settings",
            Self::MatrixUnresolved => "the matrix cannot be told from the file",
            Self::NoSuchJob => "the workflow has no such job",
            Self::AmbiguousJob => "several jobs have this name",
            Self::NoSuchStep => "the job has no such step",
            Self::AmbiguousStep => "several steps have this name",
            Self::NotARunStep => "the step is not a command",
            Self::UnsupportedShell => "the step's shell is not supported",
            Self::OutsideWorkspace => "the step works outside the checkout",
            Self::BadWorkflow => "the workflow file is malformed",
        })
    }
}

/// The failing step cannot be run again here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct NotReproducible {
    pub reason: Reason,
    /// The thing in question, bounded; text of the workflow file, to be escaped where it is shown.
    pub detail: String,
}

impl NotReproducible {
    fn new(reason: Reason, detail: impl AsRef<str>) -> Self {
        Self { reason, detail: detail.as_ref().chars().take(400).collect() }
    }
}

/// Finds the step that failed, and how to run it again.
///
/// `called` holds the reusable workflows of the same repository by the path that a job's `uses` names
/// (`./.github/workflows/test.yml`); a job in one that is not there answers [`Reason::ReusableWorkflow`]
/// with that path as its detail, so that the caller can fetch it and ask again.
///
/// # Errors
/// Why the step cannot be run again here.
pub fn plan(workflow: &Workflow, failed: &Failed, context: &RunContext, called: &BTreeMap<String, Workflow>) -> Result<StepPlan, NotReproducible> {
    job::find(workflow, failed, context, called)
}

#[cfg(test)]
mod tests;
