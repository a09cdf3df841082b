//! A local clone as a forge: one branch, one failed run, no pull requests. What needs a server is refused by name.

use std::path::PathBuf;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::domain::gate::{Clearance, Permit, Protection};
use crate::domain::ids::{BranchName, CommitSha, JobId, PullNumber, RepoId, RepoSlug, RunId};
use crate::ports::forge::{
    Access, Branch, CommitCheck, Conclusion, Forge, ForgeError, Fresh, GitAccess, Job, LogText, NewPull, OpenedPull, Pull, RateLimit, Repository, RunPage,
    WorkflowRun,
};

/// A clone on this machine, with the failure that is to be fixed.
pub struct LocalClone {
    path: PathBuf,
    repository: Repository,
    branch: BranchName,
    head: CommitSha,
    run: WorkflowRun,
    log: Vec<u8>,
    author: Option<String>,
}

/// A facility that a local clone does not have.
fn none(what: &str) -> ForgeError {
    ForgeError::Refused { what: what.to_owned(), message: "a local clone has no such thing".into() }
}

impl LocalClone {
    /// The clone at an absolute `path`, whose `branch` is red at `head` with this `log`. `time` is the head's commit time: the
    /// fix commit bears it, so that the same input gives the same commit.
    pub fn new(
        path: PathBuf,
        branch: BranchName,
        default_branch: BranchName,
        head: CommitSha,
        time: DateTime<Utc>,
        log: Vec<u8>,
        author: Option<String>,
    ) -> Self {
        let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
        let number = digest.iter().take(6).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let id = RepoId(number);
        let plain: String = path
            .file_name()
            .map(|name| name.to_string_lossy().chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(80).collect())
            .unwrap_or_default();
        let name = if plain.is_empty() { "clone".to_owned() } else { plain };
        // Both parts consist of allowed characters, as filtered above.
        let slug = RepoSlug::parse(&format!("local/{name}")).expect("plain characters");
        let repository = Repository { id, slug, default_branch, fork: false, archived: false, can_push: true, clone_url: path.display().to_string() };
        let run = WorkflowRun {
            id: RunId(1),
            attempt: 1,
            workflow: "local".into(),
            path: String::new(),
            trigger: "push".into(),
            head_branch: Some(branch.to_string()),
            head_sha: head.clone(),
            head_author: None,
            head_repo: Some(id),
            repo: id,
            actor: None,
            conclusion: Some(Conclusion::Failure),
            url: String::new(),
            created_at: time,
            started_at: time,
            updated_at: time,
        };
        Self { path, repository, branch, head, run, log, author }
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The failed run.
    pub fn run(&self) -> &WorkflowRun {
        &self.run
    }
}

#[async_trait]
impl Forge for LocalClone {
    async fn repository(&self, _: &RepoSlug) -> Result<Repository, ForgeError> {
        Ok(self.repository.clone())
    }

    async fn repositories_of(&self, _: &str) -> Result<Vec<Repository>, ForgeError> {
        Ok(vec![self.repository.clone()])
    }

    async fn git_access(&self, _: &Repository) -> Result<GitAccess, ForgeError> {
        Ok(GitAccess { url: self.path.display().to_string(), username: None, password: None })
    }

    async fn completed_runs(&self, _: &RepoSlug, page: RunPage, _: Option<&str>) -> Result<Fresh<Vec<WorkflowRun>>, ForgeError> {
        Ok(Fresh::New(if page == RunPage::FIRST { vec![self.run.clone()] } else { Vec::new() }, None))
    }

    async fn run(&self, _: &RepoSlug, _: RunId) -> Result<WorkflowRun, ForgeError> {
        Ok(self.run.clone())
    }

    async fn runs_of(&self, _: &RepoSlug, sha: &CommitSha) -> Result<Vec<WorkflowRun>, ForgeError> {
        Ok(if *sha == self.head { vec![self.run.clone()] } else { Vec::new() })
    }

    async fn last_green(&self, _: &RepoSlug, _: &str, _: &BranchName) -> Result<Option<WorkflowRun>, ForgeError> {
        Ok(None)
    }

    async fn jobs(&self, _: &RepoSlug, _: RunId, _: u32) -> Result<Vec<Job>, ForgeError> {
        Ok(vec![Job { id: JobId(1), name: "local".into(), conclusion: Some(Conclusion::Failure), steps: Vec::new(), url: String::new(), labels: Vec::new() }])
    }

    async fn job_log(&self, _: &RepoSlug, _: JobId, cap: u64) -> Result<LogText, ForgeError> {
        let start = self.log.len().saturating_sub(usize::try_from(cap).unwrap_or(usize::MAX));
        Ok(LogText { bytes: self.log[start..].to_vec(), truncated: start > 0 })
    }

    async fn rerun_failed(&self, _: &Permit, _: &RepoSlug, _: RunId) -> Result<(), ForgeError> {
        Err(none("rerun"))
    }

    /// The branch as it was when the command began: a clone is a person's own, and the fix is for the commit that was red.
    async fn branch(&self, _: &RepoSlug, branch: &BranchName) -> Result<Option<Branch>, ForgeError> {
        Ok((*branch == self.branch).then(|| Branch { name: self.branch.clone(), head: self.head.clone(), protection: Protection::Open }))
    }

    async fn file(&self, _: &RepoSlug, _: &CommitSha, _: &str, _: u64) -> Result<Option<Vec<u8>>, ForgeError> {
        Err(none("file"))
    }

    async fn commit_author(&self, _: &RepoSlug, _: &CommitSha) -> Result<Option<String>, ForgeError> {
        Ok(self.author.clone())
    }

    async fn checks(&self, _: &RepoSlug, _: &CommitSha) -> Result<Vec<CommitCheck>, ForgeError> {
        Ok(Vec::new())
    }

    async fn pulls(&self, _: &RepoSlug, _: Option<&BranchName>, _: Option<&BranchName>, _: bool) -> Result<Vec<Pull>, ForgeError> {
        Ok(Vec::new())
    }

    async fn pull(&self, _: &RepoSlug, _: PullNumber) -> Result<Pull, ForgeError> {
        Err(none("pull request"))
    }

    async fn open_pull(&self, _: &Clearance, _: &RepoSlug, _: &NewPull) -> Result<OpenedPull, ForgeError> {
        Err(none("pull request"))
    }

    async fn edit_pull(&self, _: &Permit, _: &RepoSlug, _: PullNumber, _: Option<&str>, _: &str) -> Result<(), ForgeError> {
        Err(none("pull request"))
    }

    async fn mark_ready(&self, _: &Permit, _: &str) -> Result<(), ForgeError> {
        Err(none("pull request"))
    }

    async fn add_labels(&self, _: &Permit, _: &RepoSlug, _: PullNumber, _: &[String]) -> Result<(), ForgeError> {
        Err(none("label"))
    }

    async fn close_pull(&self, _: &Permit, _: &RepoSlug, _: PullNumber) -> Result<(), ForgeError> {
        Err(none("pull request"))
    }

    async fn commit_comments(&self, _: &RepoSlug, _: &CommitSha) -> Result<Vec<(u64, String)>, ForgeError> {
        Ok(Vec::new())
    }

    async fn comment_on_commit(&self, _: &Permit, _: &RepoSlug, _: &CommitSha, _: &str) -> Result<(), ForgeError> {
        Err(none("comment"))
    }

    async fn comment(&self, _: &Permit, _: &RepoSlug, _: PullNumber, _: &str) -> Result<(), ForgeError> {
        Err(none("comment"))
    }

    async fn access(&self, _: &RepoSlug, _: &str) -> Result<Access, ForgeError> {
        Ok(Access::Admin)
    }

    async fn workflow_token_writes(&self, _: &RepoSlug) -> Result<Option<bool>, ForgeError> {
        Ok(Some(false))
    }

    fn has_pulls(&self) -> bool {
        false
    }

    async fn whoami(&self) -> Result<String, ForgeError> {
        Ok("local".into())
    }

    fn rate_limit(&self) -> Option<RateLimit> {
        None
    }
}
