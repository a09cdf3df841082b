//! What teammates, administrators and tests do directly, and what they can look at.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use crate::events::Happening;
use crate::git::{Author, Change, NewCommit};
use crate::github::issues;
use crate::http::RequestRecord;
use crate::model::{ModelRequest, ModelRule};
use crate::pulls::{self, Merged, NewPull};
use crate::refs::{self, RefChange};
use crate::slack::SlackMessage;
use crate::state::{App, Comment, Issue, Protection, Pull, Repo, Run, State, Token, TokenSpec};
use crate::webhooks::{self, Delivery, Hook, WebhookFault};
use crate::{Simulator, SimulatorError};

/// A repository to create.
#[derive(Clone, Debug)]
pub struct RepoSpec {
    /// Owner.
    pub owner: String,
    /// Name.
    pub name: String,
    /// Default branch.
    pub default_branch: String,
    /// Files of the first commit; without any the repository stays empty. A fork takes its parent's branches instead.
    pub files: Vec<Change>,
    /// Repository id; none picks one.
    pub id: Option<u64>,
    /// `owner/name` of the repository it is a fork of.
    pub fork_of: Option<String>,
    /// Whether only tokens that name it see it.
    pub private: bool,
    /// Whether the plan allows draft pull requests.
    pub drafts_allowed: bool,
    /// Whether pull requests whose base is deleted are pointed at the default branch instead of closed.
    pub retarget_on_base_delete: bool,
    /// Author and time of the first commit; it does not start workflows unless asked.
    pub author: Author,
    /// Whether the first commit starts the workflows, like any push.
    pub run_first_commit: bool,
}

impl RepoSpec {
    /// A public, empty repository with `main` as its default branch.
    #[must_use]
    pub fn new(owner: &str, name: &str) -> Self {
        Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
            default_branch: "main".to_owned(),
            files: Vec::new(),
            id: None,
            fork_of: None,
            private: false,
            drafts_allowed: true,
            retarget_on_base_delete: false,
            author: Author::login(owner),
            run_first_commit: true,
        }
    }
}

/// A teammate's push of one commit.
#[derive(Clone, Debug)]
pub struct Push {
    /// Branch to push to; created where it is missing.
    pub branch: String,
    /// Branch or SHA that a new branch starts from; the default branch where none.
    pub from: Option<String>,
    /// Files written and removed.
    pub changes: Vec<Change>,
    /// Commit message.
    pub message: String,
    /// Author and pusher.
    pub author: Author,
    /// Commit time; now where none.
    pub at: Option<DateTime<Utc>>,
}

impl Push {
    /// A push of nothing yet, by a teammate.
    #[must_use]
    pub fn new(branch: &str, message: &str) -> Self {
        Self { branch: branch.to_owned(), from: None, changes: Vec::new(), message: message.to_owned(), author: Author::login("teammate"), at: None }
    }

    /// Where a new branch starts.
    #[must_use]
    pub fn from(mut self, start: &str) -> Self {
        self.from = Some(start.to_owned());
        self
    }

    /// Writes a file.
    #[must_use]
    pub fn write(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.changes.push(Change::write(path, content));
        self
    }

    /// Removes a file.
    #[must_use]
    pub fn delete(mut self, path: &str) -> Self {
        self.changes.push(Change::delete(path));
        self
    }

    /// Who pushes.
    #[must_use]
    pub fn by(mut self, author: Author) -> Self {
        self.author = author;
        self
    }

    /// When it was committed.
    #[must_use]
    pub fn at(mut self, at: DateTime<Utc>) -> Self {
        self.at = Some(at);
        self
    }
}

/// A comment and what it is on.
#[derive(Clone, Debug)]
pub struct CommentView {
    /// `#7` or a commit SHA.
    pub on: String,
    /// The comment.
    pub comment: Comment,
}

/// What [`Simulator::wait_until`] shows its condition: the world's memory, without copies. Refs are git's; ask [`Simulator::refs`].
pub struct View<'a>(&'a State);

impl View<'_> {
    /// Pull requests of a repository, oldest first.
    #[must_use]
    pub fn pulls(&self, repo: &str) -> &[Pull] {
        self.0.repo(repo).map(|repo| repo.pulls.as_slice()).unwrap_or_default()
    }

    /// Issues and conversations of a repository.
    #[must_use]
    pub fn issues(&self, repo: &str) -> &[Issue] {
        self.0.repo(repo).map(|repo| repo.issues.as_slice()).unwrap_or_default()
    }

    /// Runs of a repository, oldest first.
    pub fn runs(&self, repo: &str) -> impl Iterator<Item = &Run> {
        let id = self.0.repo(repo).map(|repo| repo.id);
        self.0.runs.iter().filter(move |run| Some(run.repo) == id)
    }

    /// Slack messages, oldest first.
    #[must_use]
    pub fn slack(&self) -> &[SlackMessage] {
        &self.0.slack
    }

    /// Requests to the model.
    #[must_use]
    pub fn model_requests(&self) -> &[ModelRequest] {
        &self.0.model_requests
    }

    /// All HTTP requests.
    #[must_use]
    pub fn requests(&self) -> &[RequestRecord] {
        &self.0.requests
    }

    /// Webhook deliveries.
    #[must_use]
    pub fn deliveries(&self) -> &[Delivery] {
        &self.0.deliveries
    }
}

impl Simulator {
    /// Creates a repository, with a first commit where there are files, and returns its id.
    ///
    /// # Errors
    /// Where the name is taken, the parent does not exist, or git fails.
    pub async fn create_repo(&self, spec: RepoSpec) -> Result<u64, SimulatorError> {
        let world = &self.world;
        let full = format!("{}/{}", spec.owner, spec.name);
        if world.repo(&full).is_ok() {
            return Err(SimulatorError::Refused(format!("repository `{full}` exists already")));
        }
        let parent = spec.fork_of.as_deref().map(|name| world.repo(name)).transpose()?;
        let id = spec.id.unwrap_or_else(|| world.state().id() % 1_000_000_000);
        let dir = world.root.join("repos").join(format!("{id}.git"));
        world.git.init(&dir, &spec.default_branch).await?;
        if let Some(parent) = &parent {
            world.git.bytes(&dir, &["fetch", "--quiet", &parent.dir.to_string_lossy(), "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]).await?;
        }
        let now = Utc::now();
        {
            let mut state = world.state();
            state.logins.insert(spec.author.email.clone(), spec.author.login.clone());
            state.repos.push(Repo {
                id,
                owner: spec.owner,
                name: spec.name,
                default_branch: spec.default_branch.clone(),
                private: spec.private,
                fork_of: parent.as_ref().map(|parent| parent.id),
                drafts_allowed: spec.drafts_allowed,
                retarget_on_base_delete: spec.retarget_on_base_delete,
                dir,
                created_at: now,
                pushed_at: now,
                protections: Vec::new(),
                permissions: HashMap::new(),
                pulls: Vec::new(),
                issues: Vec::new(),
                commit_comments: Vec::new(),
                labels: ["bug", "documentation", "enhancement", "good first issue"].map(str::to_owned).to_vec(),
                workflows: BTreeMap::new(),
                ref_changes: Vec::new(),
                lock: Arc::new(tokio::sync::Mutex::new(())),
            });
        }
        if parent.is_none() && !spec.files.is_empty() {
            let push =
                Push { branch: spec.default_branch, from: None, changes: spec.files, message: "Initial commit".to_owned(), author: spec.author, at: None };
            if spec.run_first_commit {
                self.push_commit(&full, push).await?;
            } else {
                let repo = world.repo(&full)?;
                let new = NewCommit { parent: None, changes: &push.changes, message: &push.message, author: &push.author, at: now };
                world.git.commit(&repo.dir, &push.branch, new).await?;
            }
        }
        Ok(id)
    }

    /// Pushes a commit as a teammate does: the ref moves, and all that follows from a push happens. Protection does not bind teammates
    /// here. Returns the new SHA.
    ///
    /// # Errors
    /// Where the repository or the start does not exist, or git fails.
    pub async fn push_commit(&self, repo: &str, push: Push) -> Result<String, SimulatorError> {
        let world = &self.world;
        let known = world.repo(repo)?;
        let name = format!("refs/heads/{}", push.branch);
        let guard = known.lock.lock().await;
        let old = world.git.resolve(&known.dir, &name).await;
        let parent = match (&old, &push.from) {
            (Some(old), _) => Some(old.clone()),
            (None, Some(from)) => Some(world.git.resolve(&known.dir, from).await.ok_or_else(|| SimulatorError::NoSuch(format!("branch or commit `{from}`")))?),
            (None, None) => world.git.resolve(&known.dir, &format!("refs/heads/{}", known.default_branch)).await,
        };
        let at = push.at.unwrap_or_else(Utc::now);
        let new = NewCommit { parent: parent.as_deref(), changes: &push.changes, message: &push.message, author: &push.author, at };
        let sha = world.git.commit(&known.dir, &push.branch, new).await?;
        world.state().logins.insert(push.author.email.clone(), push.author.login.clone());
        drop(guard);
        refs::follow(world, known.id, vec![RefChange { name, old, new: Some(sha.clone()) }], &push.author.login).await?;
        Ok(sha)
    }

    /// Points a branch at any commit, as a forced push by a teammate does.
    ///
    /// # Errors
    /// Where the repository or commit does not exist.
    pub async fn force_branch(&self, repo: &str, branch: &str, to: &str) -> Result<String, SimulatorError> {
        let world = &self.world;
        let known = world.repo(repo)?;
        let name = format!("refs/heads/{branch}");
        let guard = known.lock.lock().await;
        let sha = world.git.resolve(&known.dir, to).await.ok_or_else(|| SimulatorError::NoSuch(format!("branch or commit `{to}`")))?;
        let old = world.git.resolve(&known.dir, &name).await;
        world.git.update_ref(&known.dir, &name, Some(&sha), old.as_deref()).await?;
        drop(guard);
        refs::follow(world, known.id, vec![RefChange { name, old, new: Some(sha.clone()) }], "teammate").await?;
        Ok(sha)
    }

    /// Deletes a branch.
    ///
    /// # Errors
    /// Where there is no such branch.
    pub async fn delete_branch(&self, repo: &str, branch: &str) -> Result<(), SimulatorError> {
        let world = &self.world;
        let known = world.repo(repo)?;
        let name = format!("refs/heads/{branch}");
        let guard = known.lock.lock().await;
        let old = world.git.resolve(&known.dir, &name).await.ok_or_else(|| SimulatorError::NoSuch(format!("branch `{branch}`")))?;
        world.git.update_ref(&known.dir, &name, None, Some(&old)).await?;
        drop(guard);
        refs::follow(world, known.id, vec![RefChange { name, old: Some(old), new: None }], "teammate").await
    }

    /// Protects the branches that a glob takes in.
    ///
    /// # Errors
    /// Where there is no such repository.
    pub fn protect(&self, repo: &str, branch_glob: &str, protection: Protection) -> Result<(), SimulatorError> {
        self.with_repo(repo, |repo| repo.protections.push((branch_glob.to_owned(), protection)))
    }

    /// Gives a person a level: `admin`, `maintain`, `write`, `triage`, `read`.
    ///
    /// # Errors
    /// Where there is no such repository.
    pub fn set_permission(&self, repo: &str, login: &str, level: &str) -> Result<(), SimulatorError> {
        self.with_repo(repo, |repo| {
            repo.permissions.insert(login.to_owned(), level.to_owned());
        })
    }

    /// Renames a repository; the old name redirects.
    ///
    /// # Errors
    /// Where there is no such repository.
    pub fn rename_repo(&self, repo: &str, new_name: &str) -> Result<(), SimulatorError> {
        let known = self.world.repo(repo)?;
        self.with_repo(repo, |repo| new_name.clone_into(&mut repo.name))?;
        self.world.state().renamed.insert(known.full_name().to_lowercase(), known.id);
        Ok(())
    }

    fn with_repo<T>(&self, repo: &str, change: impl FnOnce(&mut Repo) -> T) -> Result<T, SimulatorError> {
        self.world.state().repo_mut(repo).map(change).ok_or_else(|| SimulatorError::NoSuch(format!("repository `{repo}`")))
    }

    /// Makes a token known.
    pub fn add_token(&self, token: &str, spec: TokenSpec) {
        self.world.state().tokens.insert(token.to_owned(), Token { spec, expires_at: None, used: 0, window_start: Utc::now() });
    }

    /// Forgets a token: it answers 401 from now on.
    pub fn revoke_token(&self, token: &str) {
        self.world.state().tokens.remove(token);
    }

    /// Lets all tokens minted for apps expire.
    pub fn expire_app_tokens(&self) {
        let now = Utc::now();
        self.world.state().tokens.values_mut().filter(|token| token.expires_at.is_some()).for_each(|token| token.expires_at = Some(now));
    }

    /// Installs an app for an owner and returns the installation's id. The JWT's issuer and lifetime are checked, its signature is not.
    pub fn install_app(&self, app_id: u64, slug: &str, owner: &str) -> u64 {
        let mut state = self.world.state();
        let installation = state.id() % 100_000_000;
        state.apps.push(App { id: app_id, slug: slug.to_owned(), installation, owner: owner.to_owned() });
        installation
    }

    /// Subscribes a receiver to webhooks (`*` is all), and sends it a `ping`.
    ///
    /// # Errors
    /// Where the address is none.
    pub fn subscribe_webhook(&self, url: &str, secret: &str, events: &[&str]) -> Result<(), SimulatorError> {
        let url = url::Url::parse(url).map_err(|error| SimulatorError::Refused(format!("`{url}` is no address: {error}")))?;
        let hook = Hook { url, secret: secret.to_owned(), events: events.iter().map(|event| (*event).to_owned()).collect() };
        self.world.state().hooks.push(hook.clone());
        let payload = json!({"zen": "Keep it logically awesome.", "hook_id": 500_000_001, "hook": {"type": "Repository", "id": 500_000_001, "active": true, "events": events, "config": {"url": hook.url.as_str(), "content_type": "json"}}});
        webhooks::deliver(&self.world, hook, "ping", &payload);
        Ok(())
    }

    /// Puts trouble in the way of the next webhooks.
    pub fn trouble_webhooks(&self, fault: WebhookFault) {
        self.world.state().webhook_faults.push(fault);
    }

    /// Opens a pull request as a teammate does, and returns its number. `head` is a branch, or `owner:branch` of a fork.
    ///
    /// # Errors
    /// Where GitHub would refuse.
    pub async fn open_pull(&self, repo: &str, head: &str, base: &str, title: &str, body: &str, author: &str) -> Result<u64, SimulatorError> {
        let known = self.world.repo(repo)?;
        let (head_repo, head) = match head.split_once(':') {
            None => (known.id, head),
            Some((owner, branch)) => {
                let state = self.world.state();
                let fork = state.repos.iter().find(|candidate| candidate.owner == owner && (candidate.fork_of == Some(known.id) || candidate.id == known.id));
                (fork.ok_or_else(|| SimulatorError::NoSuch(format!("fork of `{repo}` by `{owner}`")))?.id, branch)
            }
        };
        let new = NewPull {
            title: title.to_owned(),
            body: Some(body.to_owned()),
            author: author.to_owned(),
            head_repo,
            head: head.to_owned(),
            base: base.to_owned(),
            draft: false,
            maintainer_can_modify: head_repo != known.id,
        };
        match pulls::open(&self.world, known.id, new).await? {
            Ok(number) => Ok(number),
            Err(refused) => Err(SimulatorError::Refused(format!("{} {} {}", refused.code, refused.field.unwrap_or_default(), refused.message))),
        }
    }

    /// Merges a pull request (`merge`, `squash` or `rebase`) as a teammate does, and returns the base's new SHA. A draft is made ready first.
    ///
    /// # Errors
    /// Where it cannot be merged.
    pub async fn merge_pull(&self, repo: &str, number: u64, method: &str) -> Result<String, SimulatorError> {
        let known = self.world.repo(repo)?;
        pulls::set_draft(&self.world, known.id, number, false, "teammate").await?;
        match pulls::merge(&self.world, known.id, number, method, None, "teammate").await? {
            Merged::Yes(sha) => Ok(sha),
            Merged::No(_, reason) => Err(SimulatorError::Refused(reason)),
        }
    }

    /// Closes a pull request without merging it, as a teammate does.
    ///
    /// # Errors
    /// Where there is no such repository.
    pub async fn close_pull(&self, repo: &str, number: u64) -> Result<(), SimulatorError> {
        let known = self.world.repo(repo)?;
        pulls::close(&self.world, known.id, number, "teammate").await
    }

    /// Opens an issue and returns its number.
    ///
    /// # Errors
    /// Where there is no such repository.
    pub fn create_issue(&self, repo: &str, title: &str, body: &str, author: &str) -> Result<u64, SimulatorError> {
        let id = self.world.state().id();
        let number = self.with_repo(repo, |known| {
            let now = Utc::now();
            let number = known.issues.iter().map(|issue| issue.number).max().unwrap_or(0) + 1;
            known.issues.push(Issue {
                id,
                number,
                title: title.to_owned(),
                body: Some(body.to_owned()),
                author: author.to_owned(),
                open: true,
                is_pull: false,
                labels: Vec::new(),
                comments: Vec::new(),
                created_at: now,
                updated_at: now,
            });
            number
        })?;
        let payload = {
            let state = self.world.state();
            state.repo(repo).and_then(|known| known.issue(number).map(|issue| (known, issue))).map(|(known, issue)| {
                use crate::github::shapes;
                let urls = &self.world.urls;
                json!({"action": "opened", "issue": shapes::issue(urls, known, issue), "repository": shapes::repository(urls, &state, known), "sender": shapes::user(urls, author)})
            })
        };
        if let Some(payload) = payload {
            webhooks::send(&self.world, "issues", payload);
        }
        Ok(number)
    }

    /// Comments on an issue or pull request, and returns the comment's id.
    ///
    /// # Errors
    /// Where there is no such issue.
    pub fn comment(&self, repo: &str, number: u64, login: &str, body: &str) -> Result<u64, SimulatorError> {
        let known = self.world.repo(repo)?;
        let comment = issues::post_comment(&self.world, known.id, number, login, body).ok_or_else(|| SimulatorError::NoSuch(format!("issue #{number}")))?;
        Ok(comment.id)
    }

    /// Sets the labels of an issue or pull request.
    ///
    /// # Errors
    /// Where there is no such issue.
    pub fn set_labels(&self, repo: &str, number: u64, labels: &[&str]) -> Result<(), SimulatorError> {
        let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        let known = self.with_repo(repo, |known| {
            let issue = known.issues.iter_mut().find(|issue| issue.number == number);
            issue.map(|issue| issue.labels.clone_from(&labels)).is_some()
        })?;
        if !known {
            return Err(SimulatorError::NoSuch(format!("issue #{number}")));
        }
        self.world.tell(Happening::Labelled { repo: repo.to_owned(), number, labels });
        Ok(())
    }

    /// Puts a rule behind those of the model's script.
    pub fn script_model(&self, rule: ModelRule) {
        self.world.state().model_rules.push(rule);
    }

    /// Forgets the model's script.
    pub fn clear_model_script(&self) {
        self.world.state().model_rules.clear();
    }

    /// All branches and tags of a repository by full name, and `refs/pull/…`, as git has them.
    ///
    /// # Errors
    /// Where there is no such repository.
    pub async fn refs(&self, repo: &str) -> Result<BTreeMap<String, String>, SimulatorError> {
        let known = self.world.repo(repo)?;
        self.world.git.refs(&known.dir, "refs").await
    }

    /// The commit of a branch; none where it does not exist.
    ///
    /// # Errors
    /// Where there is no such repository.
    pub async fn branch(&self, repo: &str, branch: &str) -> Result<Option<String>, SimulatorError> {
        let known = self.world.repo(repo)?;
        Ok(self.world.git.resolve(&known.dir, &format!("refs/heads/{branch}")).await)
    }

    /// A file's content at a branch or commit; none where it does not exist.
    ///
    /// # Errors
    /// Where there is no such repository.
    pub async fn file(&self, repo: &str, at: &str, path: &str) -> Result<Option<Vec<u8>>, SimulatorError> {
        let known = self.world.repo(repo)?;
        match self.world.git.resolve(&known.dir, at).await {
            Some(sha) => Ok(self.world.git.file(&known.dir, &sha, path).await),
            None => Ok(None),
        }
    }

    /// The unified diff between two branches or commits.
    ///
    /// # Errors
    /// Where one does not exist.
    pub async fn diff(&self, repo: &str, base: &str, head: &str) -> Result<String, SimulatorError> {
        let known = self.world.repo(repo)?;
        let find =
            async |name: &str| self.world.git.resolve(&known.dir, name).await.ok_or_else(|| SimulatorError::NoSuch(format!("branch or commit `{name}`")));
        let (base, head) = (find(base).await?, find(head).await?);
        let bytes = self.world.git.bytes(&known.dir, &["diff", "--no-color", "--no-ext-diff", &base, &head]).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Pull requests, oldest first.
    #[must_use]
    pub fn pulls(&self, repo: &str) -> Vec<Pull> {
        View(&self.world.state()).pulls(repo).to_vec()
    }

    /// Issues and conversations of pull requests, oldest first.
    #[must_use]
    pub fn issues(&self, repo: &str) -> Vec<Issue> {
        View(&self.world.state()).issues(repo).to_vec()
    }

    /// All comments: on issues, pull requests (`#7`) and commits (their SHA).
    #[must_use]
    pub fn comments(&self, repo: &str) -> Vec<CommentView> {
        let state = self.world.state();
        let Some(known) = state.repo(repo) else { return Vec::new() };
        let on_issues = known
            .issues
            .iter()
            .flat_map(|issue| issue.comments.iter().map(|comment| CommentView { on: format!("#{}", issue.number), comment: comment.clone() }));
        on_issues.chain(known.commit_comments.iter().map(|(sha, comment)| CommentView { on: sha.clone(), comment: comment.clone() })).collect()
    }

    /// Workflow runs, oldest first.
    #[must_use]
    pub fn runs(&self, repo: &str) -> Vec<Run> {
        View(&self.world.state()).runs(repo).cloned().collect()
    }

    /// Slack messages, oldest first.
    #[must_use]
    pub fn slack_messages(&self) -> Vec<SlackMessage> {
        self.world.state().slack.clone()
    }

    /// Requests to the model, with their bodies.
    #[must_use]
    pub fn model_requests(&self) -> Vec<ModelRequest> {
        self.world.state().model_requests.clone()
    }

    /// Feedback that reached the gateway.
    #[must_use]
    pub fn model_feedback(&self) -> Vec<Value> {
        self.world.state().model_feedback.clone()
    }

    /// All HTTP requests of all servers.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.world.state().requests.clone()
    }

    /// Webhook deliveries.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.world.state().deliveries.clone()
    }

    /// Waits until a condition holds; it is asked after every change.
    ///
    /// # Errors
    /// Where it does not come true in time.
    pub async fn wait_until(&self, timeout: Duration, what: &str, condition: impl Fn(&View<'_>) -> bool) -> Result<(), SimulatorError> {
        let mut events = self.world.events.subscribe();
        let holds = || condition(&View(&self.world.state()));
        let wait = async {
            while !holds() {
                // Not every change is told (a request's record is not), so the condition is also asked from time to time.
                match tokio::time::timeout(Duration::from_millis(25), events.recv()).await {
                    Ok(Err(RecvError::Closed)) => tokio::time::sleep(Duration::from_millis(25)).await,
                    Ok(Ok(_) | Err(RecvError::Lagged(_))) | Err(_) => {}
                }
            }
        };
        tokio::time::timeout(timeout, wait).await.map_err(|_| SimulatorError::TimedOut(timeout, what.to_owned()))
    }

    /// Waits until a commit has runs and all of them have ended.
    ///
    /// # Errors
    /// Where that does not happen in time.
    pub async fn wait_for_run(&self, repo: &str, sha: &str, timeout: Duration) -> Result<(), SimulatorError> {
        self.wait_until(timeout, &format!("the runs of {sha} have ended"), |view| {
            let mut of_sha = view.runs(repo).filter(|run| run.head_sha == sha).peekable();
            of_sha.peek().is_some() && of_sha.all(|run| run.latest().status == "completed")
        })
        .await
    }
}
