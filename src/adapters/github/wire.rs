//! The answers of GitHub's REST API, as far as we need them: unknown fields are ignored, nulls are taken where GitHub sends them (and where it
//! only might), unknown words are [`Conclusion::Other`]. Shapes: <https://docs.github.com/rest>.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::domain::ids::{BranchName, CommitSha, JobId, PullNumber, RepoId, RepoSlug, RunId};
use crate::ports::forge::{Access, CommitCheck, Conclusion, Job, Pull, Repository, Step, WorkflowRun};

/// What an answer lacks or has wrong; the text names the field and never quotes the value.
pub(super) type Fault = String;

fn need<T>(value: Option<T>, field: &str) -> Result<T, Fault> {
    value.ok_or_else(|| format!("`{field}` is missing"))
}

fn sha(text: Option<&str>, field: &str) -> Result<CommitSha, Fault> {
    CommitSha::parse(need(text, field)?).map_err(|bad| format!("`{field}`: {}", bad.why))
}

fn branch_name(text: Option<&str>, field: &str) -> Result<BranchName, Fault> {
    BranchName::parse(need(text, field)?).map_err(|bad| format!("`{field}`: {}", bad.why))
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub login: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

fn login(user: Option<User>) -> Option<String> {
    user.and_then(|user| user.login).filter(|login| !login.is_empty())
}

#[derive(Debug, Deserialize)]
pub(super) struct RepoWire {
    id: Option<u64>,
    full_name: Option<String>,
    default_branch: Option<String>,
    fork: Option<bool>,
    archived: Option<bool>,
    disabled: Option<bool>,
    permissions: Option<Permissions>,
}

#[derive(Debug, Deserialize)]
struct Permissions {
    push: Option<bool>,
    maintain: Option<bool>,
    admin: Option<bool>,
}

impl RepoWire {
    /// `can_push` of an installation token wins over the repository's own word, which is about users. The clone's address is made from our
    /// settings: credentials are sent there.
    pub fn into_port(self, can_push: Option<bool>, server: &str) -> Result<Repository, Fault> {
        let slug = RepoSlug::parse(&need(self.full_name, "full_name")?).map_err(|bad| format!("`full_name`: {}", bad.why))?;
        let told = self.permissions.is_some_and(|held| [held.push, held.maintain, held.admin].contains(&Some(true)));
        let archived = self.archived.unwrap_or(false) || self.disabled.unwrap_or(false);
        Ok(Repository {
            id: RepoId(need(self.id, "id")?),
            default_branch: branch_name(self.default_branch.as_deref(), "default_branch")?,
            fork: self.fork.unwrap_or(false),
            archived,
            can_push: can_push.unwrap_or(told) && !archived,
            clone_url: format!("{server}/{slug}.git"),
            slug,
        })
    }
}

/// Pages that wrap their rows.
#[derive(Debug, Deserialize)]
pub(super) struct Repos {
    pub repositories: Vec<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Runs {
    pub workflow_runs: Vec<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Jobs {
    pub jobs: Vec<JobWire>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckRuns {
    pub check_runs: Vec<CheckRun>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CombinedStatus {
    pub statuses: Vec<Status>,
}

#[derive(Debug, Deserialize)]
struct Identified {
    id: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Person {
    email: Option<String>,
}

#[derive(Debug, Deserialize)]
struct HeadCommit {
    author: Option<Person>,
    committer: Option<Person>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RunWire {
    id: Option<u64>,
    name: Option<String>,
    path: Option<String>,
    event: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    run_attempt: Option<u32>,
    head_branch: Option<String>,
    head_sha: Option<String>,
    head_commit: Option<HeadCommit>,
    head_repository: Option<Identified>,
    repository: Option<Identified>,
    actor: Option<User>,
    triggering_actor: Option<User>,
    html_url: Option<String>,
    run_started_at: Option<DateTime<Utc>>,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
}

/// A conclusion counts once the thing has ended: a rerun may still carry the old one. An older server sends no status.
fn ended(status: Option<&str>, conclusion: Option<&str>) -> Option<Conclusion> {
    match (status, conclusion) {
        (None, None) => None,
        (None, Some(word)) | (Some("completed"), Some(word)) => Some(conclusion_of(word)),
        (Some("completed"), None) => Some(Conclusion::Other),
        (Some(_), _) => None,
    }
}

fn conclusion_of(word: &str) -> Conclusion {
    match word {
        "success" => Conclusion::Success,
        "failure" => Conclusion::Failure,
        "timed_out" => Conclusion::TimedOut,
        "startup_failure" => Conclusion::StartupFailure,
        "cancelled" => Conclusion::Cancelled,
        "skipped" => Conclusion::Skipped,
        _ => Conclusion::Other,
    }
}

impl RunWire {
    pub fn into_port(self) -> Result<WorkflowRun, Fault> {
        let id = need(self.id, "id")?;
        let path = self.path.as_deref().map_or("", |path| path.split_once('@').map_or(path, |(path, _)| path)).to_owned();
        let named = self.name.filter(|name| !name.is_empty());
        let file = path.rsplit('/').next().filter(|file| !file.is_empty()).map(str::to_owned);
        let person = self.head_commit.and_then(|commit| {
            let email = |person: Option<Person>| person.and_then(|person| person.email).filter(|email| !email.is_empty());
            email(commit.author).or_else(|| email(commit.committer))
        });
        let updated_at = self.updated_at.or(self.run_started_at).or(self.created_at);
        Ok(WorkflowRun {
            id: RunId(id),
            attempt: self.run_attempt.unwrap_or(1).max(1),
            workflow: named.or(file).unwrap_or_else(|| format!("run {id}")),
            path,
            trigger: self.event.unwrap_or_default(),
            head_branch: self.head_branch.filter(|branch| !branch.is_empty()),
            head_sha: sha(self.head_sha.as_deref(), "head_sha")?,
            head_author: person,
            head_repo: self.head_repository.and_then(|repo| repo.id).map(RepoId),
            repo: RepoId(need(self.repository.and_then(|repo| repo.id), "repository.id")?),
            actor: login(self.actor).or_else(|| login(self.triggering_actor)),
            conclusion: ended(self.status.as_deref(), self.conclusion.as_deref()),
            url: self.html_url.unwrap_or_default(),
            created_at: need(self.created_at.or(self.run_started_at).or(updated_at), "created_at")?,
            started_at: need(self.run_started_at.or(self.created_at).or(updated_at), "run_started_at")?,
            updated_at: need(updated_at, "updated_at")?,
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct JobWire {
    id: Option<u64>,
    name: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    html_url: Option<String>,
    labels: Option<Vec<String>>,
    steps: Option<Vec<StepWire>>,
}

#[derive(Debug, Deserialize)]
struct StepWire {
    name: Option<String>,
    number: Option<u32>,
    status: Option<String>,
    conclusion: Option<String>,
}

impl JobWire {
    pub fn into_port(self) -> Result<Job, Fault> {
        let step = |step: StepWire| Step {
            conclusion: ended(step.status.as_deref(), step.conclusion.as_deref()),
            name: step.name.unwrap_or_default(),
            number: step.number.unwrap_or(0),
        };
        Ok(Job {
            id: JobId(need(self.id, "id")?),
            name: self.name.unwrap_or_default(),
            conclusion: ended(self.status.as_deref(), self.conclusion.as_deref()),
            steps: self.steps.unwrap_or_default().into_iter().map(step).collect(),
            url: self.html_url.unwrap_or_default(),
            labels: self.labels.unwrap_or_default(),
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckRun {
    name: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    html_url: Option<String>,
    details_url: Option<String>,
}

impl CheckRun {
    pub fn into_port(self) -> CommitCheck {
        CommitCheck {
            conclusion: ended(self.status.as_deref(), self.conclusion.as_deref()),
            name: self.name.unwrap_or_default(),
            url: self.html_url.or(self.details_url).unwrap_or_default(),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Status {
    context: Option<String>,
    state: Option<String>,
    target_url: Option<String>,
}

impl Status {
    pub fn into_port(self) -> CommitCheck {
        let conclusion = match self.state.as_deref() {
            Some("success") => Some(Conclusion::Success),
            Some("failure" | "error") => Some(Conclusion::Failure),
            Some("pending") | None => None,
            Some(_) => Some(Conclusion::Other),
        };
        CommitCheck { name: self.context.unwrap_or_default(), conclusion, url: self.target_url.unwrap_or_default() }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct BranchWire {
    pub name: Option<String>,
    commit: Option<Tip>,
    pub protected: Option<bool>,
    protection: Option<Enabled>,
}

#[derive(Debug, Deserialize)]
struct Tip {
    sha: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Enabled {
    enabled: Option<bool>,
}

impl BranchWire {
    pub fn head(&self) -> Result<CommitSha, Fault> {
        sha(self.commit.as_ref().and_then(|tip| tip.sha.as_deref()), "commit.sha")
    }

    /// Either of the two places that say so.
    pub fn flag(&self) -> Option<bool> {
        let enabled = self.protection.as_ref().and_then(|protection| protection.enabled);
        if enabled == Some(true) { Some(true) } else { self.protected }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Rule {
    /// Missing, it counts as an unknown rule.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CommitWire {
    author: Option<User>,
    committer: Option<User>,
}

impl CommitWire {
    /// A commit made on the web is committed by `web-flow`, which is nobody.
    pub fn login(self) -> Option<String> {
        login(self.author).or_else(|| login(self.committer).filter(|login| login != "web-flow"))
    }
}

#[derive(Debug, Deserialize)]
struct Ref {
    #[serde(rename = "ref")]
    name: Option<String>,
    sha: Option<String>,
    repo: Option<Identified>,
}

#[derive(Debug, Deserialize)]
struct Label {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PullWire {
    number: Option<u64>,
    node_id: Option<String>,
    html_url: Option<String>,
    state: Option<String>,
    draft: Option<bool>,
    merged: Option<bool>,
    merged_at: Option<DateTime<Utc>>,
    merge_commit_sha: Option<String>,
    title: Option<String>,
    body: Option<String>,
    user: Option<User>,
    labels: Option<Vec<Label>>,
    head: Option<Ref>,
    base: Option<Ref>,
    updated_at: Option<DateTime<Utc>>,
}

impl PullWire {
    pub fn into_port(self) -> Result<Pull, Fault> {
        let (head, base) = (need(self.head, "head")?, need(self.base, "base")?);
        let merged = self.merged.unwrap_or(false) || self.merged_at.is_some();
        // Before the merge the field names a test merge, which is nothing to build upon.
        let merge_sha = if merged { self.merge_commit_sha.as_deref().and_then(|text| CommitSha::parse(text).ok()) } else { None };
        Ok(Pull {
            number: PullNumber(need(self.number, "number")?),
            node_id: self.node_id.unwrap_or_default(),
            url: self.html_url.unwrap_or_default(),
            head: branch_name(head.name.as_deref(), "head.ref")?,
            head_sha: sha(head.sha.as_deref(), "head.sha")?,
            head_repo: head.repo.and_then(|repo| repo.id).map(RepoId),
            base: branch_name(base.name.as_deref(), "base.ref")?,
            base_sha: sha(base.sha.as_deref(), "base.sha")?,
            draft: self.draft.unwrap_or(false),
            open: self.state.as_deref() == Some("open"),
            merged,
            merge_sha,
            author: login(self.user),
            title: self.title.unwrap_or_default(),
            body: self.body.unwrap_or_default(),
            labels: self.labels.unwrap_or_default().into_iter().filter_map(|label| label.name).collect(),
            updated_at: need(self.updated_at, "updated_at")?,
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Comment {
    pub id: u64,
    pub body: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Level {
    permission: Option<String>,
    role_name: Option<String>,
}

impl Level {
    /// `permission` is the base role (also under a custom role); `role_name` is asked only where it says nothing known.
    pub fn access(&self) -> Access {
        let known = |word: &str| match word {
            "admin" => Some(Access::Admin),
            "write" | "maintain" => Some(Access::Write),
            "read" | "triage" => Some(Access::Read),
            "none" => Some(Access::None),
            _ => None,
        };
        let told = |word: &Option<String>| word.as_deref().and_then(known);
        told(&self.permission).or_else(|| told(&self.role_name)).unwrap_or(Access::None)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WorkflowPermissions {
    pub default_workflow_permissions: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AppWire {
    pub slug: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct InstallationWire {
    pub id: Option<u64>,
    account: Option<User>,
    pub suspended_at: Option<String>,
}

impl InstallationWire {
    pub fn owner(&self) -> Option<&str> {
        self.account.as_ref().and_then(|user| user.login.as_deref())
    }
}

/// What GraphQL answers, with status 200 also where it refuses.
#[derive(Debug, Deserialize)]
pub(super) struct GraphQl {
    pub data: Option<serde_json::Value>,
    pub errors: Option<Vec<GraphQlError>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct GraphQlError {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn run(value: serde_json::Value) -> Result<WorkflowRun, Fault> {
        serde_json::from_value::<RunWire>(value).unwrap().into_port()
    }

    #[test]
    fn a_run_of_nulls_is_taken() {
        let value = json!({
            "id": 30433642, "name": null, "node_id": "x", "path": null, "run_attempt": null, "event": null, "status": null, "conclusion": null, "head_branch": null,
            "head_sha": SHA, "head_commit": null, "head_repository": null, "repository": {"id": 1296269}, "actor": null, "triggering_actor": null,
            "pull_requests": null, "html_url": null, "run_started_at": null, "created_at": "2020-01-22T19:33:08Z", "updated_at": null, "new_tomorrow": {"a": []}
        });
        let run = run(value).unwrap();
        assert_eq!((run.workflow.as_str(), run.attempt, run.conclusion, run.head_branch, run.head_repo), ("run 30433642", 1, None, None, None));
        assert_eq!(run.started_at, run.updated_at);
    }

    #[test]
    fn a_run_of_words() {
        let base = |status, conclusion| {
            json!({"id": 1, "name": null, "path": ".github/workflows/ci.yml@refs/heads/a@b", "head_sha": SHA, "repository": {"id": 2}, "head_repository": {"id": 3},
                "head_commit": {"author": {"email": "a@x"}, "committer": {"email": "b@x"}}, "run_attempt": 2, "updated_at": "2020-01-22T19:33:08Z",
                "status": status, "conclusion": conclusion, "actor": {"login": "octocat"}})
        };
        for (status, conclusion, expected) in [
            ("completed", "success", Some(Conclusion::Success)),
            ("completed", "failure", Some(Conclusion::Failure)),
            ("completed", "timed_out", Some(Conclusion::TimedOut)),
            ("completed", "startup_failure", Some(Conclusion::StartupFailure)),
            ("completed", "cancelled", Some(Conclusion::Cancelled)),
            ("completed", "skipped", Some(Conclusion::Skipped)),
            ("completed", "stale", Some(Conclusion::Other)),
            ("completed", "action_required", Some(Conclusion::Other)),
            ("completed", "neutral", Some(Conclusion::Other)),
            ("completed", "invented", Some(Conclusion::Other)),
            ("in_progress", "failure", None),
            ("queued", "failure", None),
        ] {
            let run = run(base(status, conclusion)).unwrap();
            assert_eq!(run.conclusion, expected, "{status} {conclusion}");
            assert_eq!((run.workflow.as_str(), run.path.as_str(), run.attempt), ("ci.yml", ".github/workflows/ci.yml", 2));
            assert_eq!((run.head_author.as_deref(), run.actor.as_deref(), run.head_repo), (Some("a@x"), Some("octocat"), Some(RepoId(3))));
        }
        assert!(run(json!({"id": 1, "head_sha": "zz", "repository": {"id": 2}, "updated_at": "2020-01-22T19:33:08Z"})).unwrap_err().contains("head_sha"));
    }

    #[test]
    fn access_levels() {
        for (permission, role, expected) in [
            (Some("admin"), Some("admin"), Access::Admin),
            (Some("write"), Some("maintain"), Access::Write),
            (Some("write"), Some("write"), Access::Write),
            (Some("read"), Some("triage"), Access::Read),
            (Some("read"), Some("read"), Access::Read),
            (Some("none"), None, Access::None),
            (Some("write"), Some("our custom role"), Access::Write),
            (None, Some("maintain"), Access::Write),
            (Some("invented"), Some("invented"), Access::None),
            (Some("none"), Some("admin"), Access::None),
            (None, None, Access::None),
        ] {
            let level = Level { permission: permission.map(str::to_owned), role_name: role.map(str::to_owned) };
            assert_eq!(level.access(), expected, "{permission:?} {role:?}");
        }
    }

    #[test]
    fn a_pull_of_a_deleted_fork() {
        let value = json!({"number": 7, "state": "open", "draft": null, "merged": null, "merged_at": null, "merge_commit_sha": SHA, "title": null, "body": null, "user": null,
            "labels": [{"name": null}, {"name": "bug"}], "head": {"ref": "a", "sha": SHA, "repo": null}, "base": {"ref": "b", "sha": SHA, "repo": {"id": 1}},
            "updated_at": "2020-01-22T19:33:08Z"});
        let pull = serde_json::from_value::<PullWire>(value).unwrap().into_port().unwrap();
        assert!(pull.open && !pull.merged && pull.head_repo.is_none() && pull.merge_sha.is_none() && pull.author.is_none());
        assert_eq!(pull.labels, ["bug"]);
    }
}
