//! The simulated world's memory. What git keeps (refs, commits, trees) is *not* here: it is asked of the bare repositories.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::events::{Happening, SimEvent};
use crate::faults::Faults;
use crate::git::{Author, Git};
use crate::http::RequestRecord;
use crate::model::{ModelRequest, ModelRule};
use crate::slack::SlackMessage;
use crate::webhooks::{Delivery, Hook, WebhookFault};
use crate::{SimulatorError, SimulatorOptions};

/// What a token may do.
#[derive(Clone, Debug)]
pub struct TokenSpec {
    /// Whether it may write.
    pub write: bool,
    /// Who it acts as; an app's is `slug[bot]`.
    pub login: String,
    /// Personal or minted for an app's installation.
    pub kind: TokenKind,
    /// The private repositories (`owner/name`) it sees; none is all.
    pub repos: Option<Vec<String>>,
}

impl TokenSpec {
    /// A personal token that may write everywhere.
    #[must_use]
    pub fn writer(login: &str) -> Self {
        Self { write: true, login: login.to_owned(), kind: TokenKind::Pat, repos: None }
    }

    /// A personal token that may read everywhere.
    #[must_use]
    pub fn reader(login: &str) -> Self {
        Self { write: false, ..Self::writer(login) }
    }
}

/// The kinds of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A personal access token.
    Pat,
    /// An installation token of an app.
    App,
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub spec: TokenSpec,
    pub expires_at: Option<DateTime<Utc>>,
    pub used: u32,
    pub window_start: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub(crate) struct App {
    pub id: u64,
    pub slug: String,
    pub installation: u64,
    pub owner: String,
}

/// Branch protection as GitHub tells it.
#[derive(Clone, Debug, Default)]
pub struct Protection {
    /// The branch's `protected` flag. A protected branch takes no push.
    pub protected: bool,
    /// The rules that `/rules/branches/{branch}` answers, in GitHub's shape (`{"type": "pull_request", …}`).
    pub rules: Vec<Value>,
}

/// A pull request.
#[derive(Clone, Debug)]
pub struct Pull {
    /// Database id.
    pub id: u64,
    /// Number in the repository.
    pub number: u64,
    /// Title.
    pub title: String,
    /// Body.
    pub body: Option<String>,
    /// Login of the author.
    pub author: String,
    /// Id of the head's repository.
    pub head_repo: u64,
    /// Head branch.
    pub head: String,
    /// Head commit.
    pub head_sha: String,
    /// Base branch.
    pub base: String,
    /// Commit of the base branch when last looked at.
    pub base_sha: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether it is open.
    pub open: bool,
    /// When it was merged.
    pub merged_at: Option<DateTime<Utc>>,
    /// Login of who merged.
    pub merged_by: Option<String>,
    /// The test merge while open, the real one once merged; none on conflict.
    pub merge_commit_sha: Option<String>,
    /// Opened.
    pub created_at: DateTime<Utc>,
    /// Last changed.
    pub updated_at: DateTime<Utc>,
    /// Closed or merged.
    pub closed_at: Option<DateTime<Utc>>,
    /// Reviews, oldest first.
    pub reviews: Vec<Review>,
    /// Whether the base's team may push to the head.
    pub maintainer_can_modify: bool,
}

/// A review of a pull request.
#[derive(Clone, Debug)]
pub struct Review {
    /// Database id.
    pub id: u64,
    /// Login.
    pub author: String,
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED` or `PENDING`.
    pub state: String,
    /// Text.
    pub body: String,
    /// Reviewed commit.
    pub commit_id: String,
    /// Inline comments, as they were sent.
    pub comments: Vec<Value>,
    /// When.
    pub submitted_at: DateTime<Utc>,
}

/// What issues and pull requests share: the conversation.
#[derive(Clone, Debug)]
pub struct Issue {
    /// Database id.
    pub id: u64,
    /// Number in the repository.
    pub number: u64,
    /// Title (of an issue; a pull request's is in [`Pull`]).
    pub title: String,
    /// Body.
    pub body: Option<String>,
    /// Login of the author.
    pub author: String,
    /// Whether it is open.
    pub open: bool,
    /// Whether it is the conversation of a pull request.
    pub is_pull: bool,
    /// Label names.
    pub labels: Vec<String>,
    /// Comments, oldest first.
    pub comments: Vec<Comment>,
    /// Opened.
    pub created_at: DateTime<Utc>,
    /// Last changed.
    pub updated_at: DateTime<Utc>,
}

/// A comment on an issue, a pull request or a commit.
#[derive(Clone, Debug)]
pub struct Comment {
    /// Database id.
    pub id: u64,
    /// Login.
    pub author: String,
    /// The text.
    pub body: String,
    /// Posted.
    pub created_at: DateTime<Utc>,
    /// Last edited.
    pub updated_at: DateTime<Utc>,
}

/// A workflow run with all its attempts.
#[derive(Clone, Debug)]
pub struct Run {
    /// Run id.
    pub id: u64,
    pub(crate) repo: u64,
    /// Workflow id.
    pub workflow_id: u64,
    /// Workflow name.
    pub workflow: String,
    /// `.github/workflows/….yml`.
    pub path: String,
    /// Number within the workflow.
    pub run_number: u64,
    /// `push`, `pull_request`, ….
    pub event: String,
    /// Head branch.
    pub head_branch: Option<String>,
    /// Head commit.
    pub head_sha: String,
    /// Id of the head's repository; none where the fork was deleted.
    pub head_repo: Option<u64>,
    /// Number of the pull request that started it.
    pub pull: Option<u64>,
    /// Title shown: the commit's first line or the pull request's title.
    pub display_title: String,
    /// Login of who caused it.
    pub actor: String,
    /// Check suite id.
    pub check_suite_id: u64,
    /// First queued.
    pub created_at: DateTime<Utc>,
    /// Attempts, oldest first; never empty.
    pub attempts: Vec<Attempt>,
    /// Whether logs answer 410.
    pub logs_expired: bool,
    pub(crate) source: RunSource,
    /// Statuses with their times, so that lists can lag.
    pub(crate) history: Vec<(DateTime<Utc>, RunStatus)>,
}

impl Run {
    /// The latest attempt.
    #[must_use]
    pub fn latest(&self) -> &Attempt {
        self.attempts.last().expect("a run is made with its first attempt and attempts are never removed")
    }

    pub(crate) fn latest_mut(&mut self) -> &mut Attempt {
        self.attempts.last_mut().expect("a run is made with its first attempt and attempts are never removed")
    }

    /// Notes the present status, for lists that lag.
    pub(crate) fn note(&mut self, at: DateTime<Utc>) {
        let attempt = self.latest();
        let status = RunStatus { attempt: attempt.number, status: attempt.status.clone(), conclusion: attempt.conclusion.clone() };
        self.history.push((at, status));
    }

    /// What a list shows at a time, or none where the run is not yet seen.
    pub(crate) fn seen_at(&self, at: DateTime<Utc>) -> Option<&RunStatus> {
        self.history.iter().rev().find(|(since, _)| *since <= at).map(|(_, status)| status)
    }
}

/// A run's status at some time.
#[derive(Clone, Debug)]
pub(crate) struct RunStatus {
    pub attempt: u32,
    pub status: String,
    pub conclusion: Option<String>,
}

/// What a run executes.
#[derive(Clone, Debug)]
pub(crate) enum RunSource {
    /// A workflow's text at the commit that is checked out.
    Workflow { text: String, checkout: String, git_ref: String, base_ref: String, payload: Value },
    /// Prescribed results: what the next attempts answer.
    Synthetic { reruns: Vec<crate::SyntheticAttempt> },
}

/// One attempt of a run.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// `queued`, `in_progress`, `completed`.
    pub status: String,
    /// `success`, `failure`, ….
    pub conclusion: Option<String>,
    /// When this attempt started.
    pub started_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// Its jobs.
    pub jobs: Vec<Job>,
    pub(crate) cancel: CancellationToken,
}

/// One job of an attempt.
#[derive(Clone, Debug)]
pub struct Job {
    /// Job id, also the check run's.
    pub id: u64,
    /// Name shown, with the matrix values.
    pub name: String,
    /// Key in the workflow file; for synthetic runs the name.
    pub key: String,
    /// Place within its matrix.
    pub(crate) index: usize,
    /// `queued`, `in_progress`, `completed`.
    pub status: String,
    /// `success`, `failure`, ….
    pub conclusion: Option<String>,
    /// Queued.
    pub created_at: DateTime<Utc>,
    /// Started.
    pub started_at: Option<DateTime<Utc>>,
    /// Ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// `runs-on`.
    pub labels: Vec<String>,
    /// Steps, each with its log.
    pub steps: Vec<Step>,
    /// Log text given for a synthetic job; replaces the steps' logs.
    pub(crate) fixed_log: Option<String>,
    pub(crate) outputs: BTreeMap<String, String>,
}

impl Job {
    /// The whole log as the API serves it: byte order mark first.
    #[must_use]
    pub fn log(&self) -> String {
        match &self.fixed_log {
            Some(log) => log.clone(),
            None => {
                let mut log = String::from("\u{feff}");
                self.steps.iter().for_each(|step| log.push_str(&step.log));
                log
            }
        }
    }
}

/// One step of a job.
#[derive(Clone, Debug)]
pub struct Step {
    /// From 1.
    pub number: u32,
    /// Name shown.
    pub name: String,
    /// `queued`, `in_progress`, `completed`.
    pub status: String,
    /// `success`, `failure`, `skipped`, `cancelled`.
    pub conclusion: Option<String>,
    /// Started.
    pub started_at: Option<DateTime<Utc>>,
    /// Ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// Log lines with their timestamps.
    pub log: String,
}

/// One repository without its git data.
#[derive(Clone, Debug)]
pub(crate) struct Repo {
    pub id: u64,
    pub owner: String,
    pub name: String,
    pub default_branch: String,
    pub private: bool,
    pub fork_of: Option<u64>,
    pub drafts_allowed: bool,
    pub retarget_on_base_delete: bool,
    pub dir: PathBuf,
    pub created_at: DateTime<Utc>,
    pub pushed_at: DateTime<Utc>,
    pub protections: Vec<(String, Protection)>,
    pub permissions: HashMap<String, String>,
    pub pulls: Vec<Pull>,
    pub issues: Vec<Issue>,
    pub commit_comments: Vec<(String, Comment)>,
    pub labels: Vec<String>,
    pub workflows: BTreeMap<String, (u64, String, u64)>,
    /// Recent ref changes, only so that lists can lag: (when, full name, before).
    pub ref_changes: Vec<(DateTime<Utc>, String, Option<String>)>,
    /// Held over every read-then-write of refs.
    pub lock: Arc<tokio::sync::Mutex<()>>,
}

impl Repo {
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    pub fn pull(&self, number: u64) -> Option<&Pull> {
        self.pulls.iter().find(|pull| pull.number == number)
    }

    pub fn issue(&self, number: u64) -> Option<&Issue> {
        self.issues.iter().find(|issue| issue.number == number)
    }

    /// The protection in force for a branch: all that match, added up.
    pub fn protection(&self, branch: &str) -> Protection {
        let mut all = Protection::default();
        for (pattern, protection) in &self.protections {
            if crate::glob::filter(pattern, branch) {
                all.protected |= protection.protected;
                all.rules.extend(protection.rules.iter().cloned());
            }
        }
        all
    }

    /// Why a ref may not be changed this way, or none where it may.
    pub fn refusal(&self, branch: &str, created: bool, deleted: bool, forced: bool) -> Option<&'static str> {
        let protection = self.protection(branch);
        if protection.protected {
            return Some("protected branch");
        }
        protection.rules.iter().find_map(|rule| match rule["type"].as_str().unwrap_or_default() {
            "update" if !created => Some("updates are restricted"),
            "pull_request" => Some("changes must be made through a pull request"),
            "required_status_checks" if !created => Some("required status checks are expected"),
            "creation" if created => Some("creations are restricted"),
            "deletion" if deleted => Some("deletions are restricted"),
            "non_fast_forward" if forced => Some("force pushes are restricted"),
            _ => None,
        })
    }
}

/// Everything in memory.
#[derive(Default)]
pub(crate) struct State {
    pub repos: Vec<Repo>,
    pub runs: Vec<Run>,
    pub renamed: HashMap<String, u64>,
    pub tokens: HashMap<String, Token>,
    pub apps: Vec<App>,
    pub logins: HashMap<String, String>,
    pub hooks: Vec<Hook>,
    pub webhook_faults: Vec<WebhookFault>,
    pub deliveries: Vec<Delivery>,
    pub requests: Vec<RequestRecord>,
    pub slack: Vec<SlackMessage>,
    pub model_rules: Vec<ModelRule>,
    pub model_requests: Vec<ModelRequest>,
    pub model_feedback: Vec<Value>,
    /// One-time signatures of log downloads.
    pub signatures: HashSet<String>,
    pub next: u64,
}

impl State {
    /// A fresh id, larger than all before. Starts where GitHub's ids have long been beyond 32 bits.
    pub fn id(&mut self) -> u64 {
        self.next += 1;
        11_000_000_000 + self.next * 7
    }

    pub fn repo(&self, name: &str) -> Option<&Repo> {
        self.repos.iter().find(|repo| repo.full_name().eq_ignore_ascii_case(name))
    }

    pub fn repo_mut(&mut self, name: &str) -> Option<&mut Repo> {
        self.repos.iter_mut().find(|repo| repo.full_name().eq_ignore_ascii_case(name))
    }

    pub fn by_id(&self, id: u64) -> Option<&Repo> {
        self.repos.iter().find(|repo| repo.id == id)
    }

    pub fn by_id_mut(&mut self, id: u64) -> Option<&mut Repo> {
        self.repos.iter_mut().find(|repo| repo.id == id)
    }

    pub fn run(&self, repo: u64, run: u64) -> Option<&Run> {
        self.runs.iter().find(|candidate| candidate.repo == repo && candidate.id == run)
    }

    pub fn run_mut(&mut self, run: u64) -> Option<&mut Run> {
        self.runs.iter_mut().find(|candidate| candidate.id == run)
    }

    pub fn job_mut(&mut self, run: u64, job: u64) -> Option<&mut Job> {
        self.run_mut(run)?.latest_mut().jobs.iter_mut().find(|candidate| candidate.id == job)
    }
}

/// The addresses of the servers, without a trailing slash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Urls {
    pub api: String,
    pub server: String,
    pub slack: String,
    pub model: String,
    pub blob: String,
}

/// All that the servers, the runner and the set-up calls share.
pub(crate) struct World {
    pub options: SimulatorOptions,
    pub urls: Urls,
    pub root: PathBuf,
    pub git: Git,
    pub faults: Faults,
    pub events: broadcast::Sender<SimEvent>,
    pub shutdown: CancellationToken,
    pub tasks: TaskTracker,
    pub jobs: Semaphore,
    pub state: Mutex<State>,
}

impl World {
    /// The memory; never held over an await.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever watches.
    pub fn tell(&self, what: Happening) {
        // No receiver is fine: nobody watches.
        let _ = self.events.send(SimEvent { at: Utc::now(), what });
    }

    /// The time at which lists look.
    pub fn list_time(&self) -> DateTime<Utc> {
        Utc::now() - Duration::milliseconds(i64::try_from(self.options.read_lag_ms).unwrap_or(i64::MAX / 2_000_000))
    }

    pub fn repo(&self, name: &str) -> Result<Repo, SimulatorError> {
        self.state().repo(name).cloned().ok_or_else(|| SimulatorError::NoSuch(format!("repository `{name}`")))
    }

    pub fn repo_by_id(&self, id: u64) -> Option<Repo> {
        self.state().by_id(id).cloned()
    }

    pub fn author(&self, login: &str) -> Author {
        let email = self
            .state()
            .logins
            .iter()
            .find(|(_, known)| *known == login)
            .map_or_else(|| format!("{login}@users.noreply.github.com"), |(email, _)| email.clone());
        Author { name: login.to_owned(), email, login: login.to_owned() }
    }

    /// Runs something in the background until it ends or the world does.
    pub fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = work => {}
            }
        });
    }
}
