//! The forge: repositories, workflow runs, pull requests. GitHub behind `adapters::github`, a local clone behind
//! `adapters::local`.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::gate::{Clearance, Permit, Protection};
use crate::domain::ids::{BranchName, CommitSha, JobId, PullNumber, RepoId, RepoSlug, RunId};

/// A failure at the forge, told apart by what the caller can do about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ForgeError {
    /// The credentials are wrong or expired. Never retried.
    #[error("{what}: the forge refused the credentials; check GITHUB_TOKEN or GITHUB_APP_ID and its key")]
    Unauthorized { what: String },
    /// The credentials lack a permission. Never retried.
    #[error("{what}: permission is missing ({message})")]
    Forbidden { what: String, message: String },
    /// It is not there (or not to be seen).
    #[error("{what}: not found")]
    NotFound { what: String },
    /// It was there and is gone for good: an expired log.
    #[error("{what}: gone")]
    Gone { what: String },
    /// The primary or a secondary rate limit; asking again makes sense from `retry_at`.
    #[error("{what}: rate limited until {retry_at}")]
    RateLimited { what: String, retry_at: DateTime<Utc> },
    /// The forge understood and refused: validation, conflict.
    #[error("{what}: refused ({message})")]
    Refused { what: String, message: String },
    /// Network, time-out, 5xx, a truncated body: asking again makes sense.
    #[error("{what}: {message}")]
    Transient { what: String, message: String },
    /// The answer was not what it should be.
    #[error("{what}: unexpected answer ({message})")]
    Malformed { what: String, message: String },
    /// More bytes than allowed.
    #[error("{what}: larger than {limit} bytes")]
    TooLarge { what: String, limit: u64 },
}

impl ForgeError {
    /// Whether asking again could help.
    pub fn is_transient(&self) -> bool {
        matches!(self, ForgeError::RateLimited { .. } | ForgeError::Transient { .. } | ForgeError::Malformed { .. })
    }
}

/// A repository as the forge knows it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// The id, which survives renames.
    pub id: RepoId,
    /// Today's name.
    pub slug: RepoSlug,
    /// The default branch.
    pub default_branch: BranchName,
    /// Whether it is a fork itself.
    pub fork: bool,
    /// Archived repositories take no writes.
    pub archived: bool,
    /// Whether our credentials may push.
    pub can_push: bool,
    /// Where git fetches and pushes.
    pub clone_url: String,
}

/// How a run or a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// All is well.
    Success,
    /// A step failed.
    Failure,
    /// A limit on time ended it.
    TimedOut,
    /// The workflow file could not be used.
    StartupFailure,
    /// A person or a newer push ended it.
    Cancelled,
    /// It was not needed.
    Skipped,
    /// Neutral, stale, action required, or a word that is not known.
    Other,
}

impl Conclusion {
    /// Whether it is a red that a fix could be wanted for.
    pub fn is_red(self) -> bool {
        matches!(self, Conclusion::Failure | Conclusion::TimedOut | Conclusion::StartupFailure)
    }
}

/// A workflow run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowRun {
    /// Its id.
    pub id: RunId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The workflow's name; the file's where it has none.
    pub workflow: String,
    /// The workflow file within the repository, without `@ref`; empty where it can't be told.
    pub path: String,
    /// The event: `push`, `pull_request`, `schedule` …
    pub trigger: String,
    /// The branch or tag; `None` where the forge gives none.
    pub head_branch: Option<String>,
    /// The commit.
    pub head_sha: CommitSha,
    /// The commit's committer or author email, where given: tells our own commits.
    pub head_author: Option<String>,
    /// The repository that the head lives in; `None` for a deleted fork.
    pub head_repo: Option<RepoId>,
    /// The repository that the run belongs to.
    pub repo: RepoId,
    /// Who started it.
    pub actor: Option<String>,
    /// `None` while it runs.
    pub conclusion: Option<Conclusion>,
    /// The page.
    pub url: String,
    /// When the run came to be: lists are in this order.
    pub created_at: DateTime<Utc>,
    /// Start of this attempt.
    pub started_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// A page of the list of completed runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunPage {
    /// From 1; a list has [`RunPage::LAST`] pages.
    pub number: u32,
    /// Only runs that were created up to then: where an earlier list ended. `None` for the newest.
    pub until: Option<DateTime<Utc>>,
}

impl RunPage {
    /// The newest runs: the one page that is asked for conditionally.
    pub const FIRST: RunPage = RunPage { number: 1, until: None };
    /// Lists with a filter end after 1,000 runs, 100 a page
    /// (<https://docs.github.com/rest/actions/workflow-runs#list-workflow-runs-for-a-repository>).
    pub const LAST: u32 = 10;
}

/// A job of a run attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The name as shown, matrix included.
    pub name: String,
    /// `None` while it runs.
    pub conclusion: Option<Conclusion>,
    /// The steps.
    pub steps: Vec<Step>,
    /// The page.
    pub url: String,
    /// The labels of the runner.
    pub labels: Vec<String>,
}

/// A step of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The name as shown.
    pub name: String,
    /// From 1; 1 is "Set up job".
    pub number: u32,
    /// `None` while it runs.
    pub conclusion: Option<Conclusion>,
}

/// A log, cut to what was allowed: the tail is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogText {
    /// The bytes, as they came.
    pub bytes: Vec<u8>,
    /// Whether the head was cut off.
    pub truncated: bool,
}

/// A branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its name.
    pub name: BranchName,
    /// Its head.
    pub head: CommitSha,
    /// The forge's flag and the rules that apply, in one answer.
    pub protection: Protection,
}

/// An answer to a conditional request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fresh<T> {
    /// Nothing has changed since the validator.
    Same,
    /// The new state, and its validator.
    New(T, Option<String>),
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// Its number.
    pub number: PullNumber,
    /// The id for GraphQL.
    pub node_id: String,
    /// The page.
    pub url: String,
    /// The branch that it comes from.
    pub head: BranchName,
    /// The commit that it comes from.
    pub head_sha: CommitSha,
    /// The repository that it comes from; `None` for a deleted fork.
    pub head_repo: Option<RepoId>,
    /// The branch that it goes into.
    pub base: BranchName,
    /// The commit of the base.
    pub base_sha: CommitSha,
    /// A draft.
    pub draft: bool,
    /// Open.
    pub open: bool,
    /// Merged.
    pub merged: bool,
    /// The commit that merging made.
    pub merge_sha: Option<CommitSha>,
    /// Who opened it.
    pub author: Option<String>,
    /// Its title.
    pub title: String,
    /// Its text: hostile.
    pub body: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// A pull request to be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPull {
    /// The fix branch.
    pub head: BranchName,
    /// The broken branch.
    pub base: BranchName,
    /// One line.
    pub title: String,
    /// Markdown, with the marker.
    pub body: String,
    /// As a draft.
    pub draft: bool,
    /// Set after opening.
    pub labels: Vec<String>,
}

/// What became of opening a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenedPull {
    /// It stands.
    Opened(Box<Pull>),
    /// The plan takes no drafts.
    DraftRefused,
    /// The forge refused: no commits between, a branch gone, …
    Refused(String),
}

/// A check of a commit (check run or status).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitCheck {
    /// The name: for a job its name.
    pub name: String,
    /// `None` while it runs.
    pub conclusion: Option<Conclusion>,
    /// The page.
    pub url: String,
}

/// What a person may do in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Nothing.
    None,
    /// Read or triage.
    Read,
    /// Write or maintain.
    Write,
    /// Admin.
    Admin,
}

/// What is left of the rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Requests left.
    pub remaining: u32,
    /// Requests a window.
    pub limit: u32,
    /// When the window ends.
    pub reset_at: DateTime<Utc>,
}

/// Git credentials for a clone over HTTP.
#[derive(Clone)]
pub struct GitAccess {
    /// The URL.
    pub url: String,
    /// The user name that goes with the token; `None` for a local clone.
    pub username: Option<String>,
    /// The token.
    pub password: Option<secrecy::SecretString>,
}

/// The forge. Reads retry inside the adapter (bounded, with back-off, honouring Retry-After); writes are sent once.
#[async_trait]
pub trait Forge: Send + Sync {
    /// The repository by its name; follows renames.
    async fn repository(&self, slug: &RepoSlug) -> Result<Repository, ForgeError>;
    /// The repositories that the credentials reach under an owner, for `owner/*` on the allow list.
    async fn repositories_of(&self, owner: &str) -> Result<Vec<Repository>, ForgeError>;
    /// How git reaches the repository. A token is minted or reused; never log it.
    async fn git_access(&self, repo: &Repository) -> Result<GitAccess, ForgeError>;

    /// One page of completed runs, newest first; an empty one is beyond the last. [`RunPage::FIRST`] has one constant address, so that the
    /// validator works; only it is conditional.
    async fn completed_runs(&self, slug: &RepoSlug, page: RunPage, validator: Option<&str>) -> Result<Fresh<Vec<WorkflowRun>>, ForgeError>;
    /// One run, latest attempt.
    async fn run(&self, slug: &RepoSlug, run: RunId) -> Result<WorkflowRun, ForgeError>;
    /// All runs of a commit, any state.
    async fn runs_of(&self, slug: &RepoSlug, sha: &CommitSha) -> Result<Vec<WorkflowRun>, ForgeError>;
    /// The newest successful run of a workflow file on a branch, for comparison.
    async fn last_green(&self, slug: &RepoSlug, path: &str, branch: &BranchName) -> Result<Option<WorkflowRun>, ForgeError>;
    /// The jobs of one attempt, all pages.
    async fn jobs(&self, slug: &RepoSlug, run: RunId, attempt: u32) -> Result<Vec<Job>, ForgeError>;
    /// The log of a job: at most `cap` bytes, the tail kept. `Gone` when it expired.
    async fn job_log(&self, slug: &RepoSlug, job: JobId, cap: u64) -> Result<LogText, ForgeError>;
    /// Runs the failed jobs of a run again.
    async fn rerun_failed(&self, permit: &Permit, slug: &RepoSlug, run: RunId) -> Result<(), ForgeError>;

    /// A branch with its head and its protection (the `protected` flag, and the rules that apply: an update restriction, required pull requests or
    /// checks protect). `None` if it is gone. What can't be found out is `Protection::Unknown`.
    async fn branch(&self, slug: &RepoSlug, branch: &BranchName) -> Result<Option<Branch>, ForgeError>;
    /// A file at a commit; `None` where there is none.
    async fn file(&self, slug: &RepoSlug, sha: &CommitSha, path: &str, cap: u64) -> Result<Option<Vec<u8>>, ForgeError>;
    /// Who wrote a commit, as a login.
    async fn commit_author(&self, slug: &RepoSlug, sha: &CommitSha) -> Result<Option<String>, ForgeError>;
    /// Checks of a commit: check runs and statuses.
    async fn checks(&self, slug: &RepoSlug, sha: &CommitSha) -> Result<Vec<CommitCheck>, ForgeError>;

    /// Pull requests, by head and base; any state if `open_only` is false.
    async fn pulls(&self, slug: &RepoSlug, head: Option<&BranchName>, base: Option<&BranchName>, open_only: bool) -> Result<Vec<Pull>, ForgeError>;
    /// One pull request.
    async fn pull(&self, slug: &RepoSlug, number: PullNumber) -> Result<Pull, ForgeError>;
    /// Opens the fix pull request that the clearance covers.
    async fn open_pull(&self, clearance: &Clearance, slug: &RepoSlug, pull: &NewPull) -> Result<OpenedPull, ForgeError>;
    /// Replaces title and body of our own pull request.
    async fn edit_pull(&self, permit: &Permit, slug: &RepoSlug, number: PullNumber, title: Option<&str>, body: &str) -> Result<(), ForgeError>;
    /// Marks our own draft ready for review.
    async fn mark_ready(&self, permit: &Permit, node_id: &str) -> Result<(), ForgeError>;
    /// Adds labels.
    async fn add_labels(&self, permit: &Permit, slug: &RepoSlug, number: PullNumber, labels: &[String]) -> Result<(), ForgeError>;
    /// Closes our own pull request.
    async fn close_pull(&self, permit: &Permit, slug: &RepoSlug, number: PullNumber) -> Result<(), ForgeError>;

    /// Comments on a commit: (id, body) of all there are.
    async fn commit_comments(&self, slug: &RepoSlug, sha: &CommitSha) -> Result<Vec<(u64, String)>, ForgeError>;
    /// Comments on a commit.
    async fn comment_on_commit(&self, permit: &Permit, slug: &RepoSlug, sha: &CommitSha, body: &str) -> Result<(), ForgeError>;
    /// Comments on an issue or a pull request.
    async fn comment(&self, permit: &Permit, slug: &RepoSlug, number: PullNumber, body: &str) -> Result<(), ForgeError>;
    /// What a person may do here.
    async fn access(&self, slug: &RepoSlug, login: &str) -> Result<Access, ForgeError>;
    /// The default permission of the workflow token (`read` or `write`), `None` where it can't be told.
    async fn workflow_token_writes(&self, slug: &RepoSlug) -> Result<Option<bool>, ForgeError>;

    /// Whether there are pull requests at all: a local clone has none.
    fn has_pulls(&self) -> bool {
        true
    }

    /// Who we are, as a login; for `doctor` and for telling our own commits.
    async fn whoami(&self) -> Result<String, ForgeError>;
    /// What the last answers said of the rate limit; no request.
    fn rate_limit(&self) -> Option<RateLimit>;
}
