//! JSON in the shapes of GitHub's REST API (version 2022-11-28), with the fields and nulls that the real one has.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::git::{Commit, DiffFile};
use crate::state::{Attempt, Comment, Issue, Job, Pull, Repo, Review, Run, State, Urls};

/// A time as the REST API writes it: UTC, whole seconds.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(crate) fn node_id(kind: &str, id: u64) -> String {
    format!("{kind}_kwDO{}", STANDARD.encode(id.to_be_bytes()).trim_end_matches('='))
}

/// Stable over a login, and never 0.
fn user_id(login: &str) -> u64 {
    1_000_000 + login.bytes().fold(17_u64, |hash, byte| (hash * 31 + u64::from(byte)) % 98_000_000)
}

pub(crate) fn user(urls: &Urls, login: &str) -> Value {
    let id = user_id(login);
    let api = format!("{}/users/{login}", urls.api);
    let bot = login.ends_with("[bot]");
    json!({
        "login": login, "id": id, "node_id": node_id("U", id), "avatar_url": format!("{}/avatars/u/{id}?v=4", urls.server), "gravatar_id": "", "url": api,
        "html_url": format!("{}/{login}", urls.server), "followers_url": format!("{api}/followers"), "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"), "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"), "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"), "repos_url": format!("{api}/repos"), "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"), "type": if bot { "Bot" } else { "User" }, "user_view_type": "public", "site_admin": false,
    })
}

pub(crate) fn minimal_repository(urls: &Urls, repo: &Repo) -> Value {
    let name = repo.full_name();
    let api = format!("{}/repos/{name}", urls.api);
    json!({
        "id": repo.id, "node_id": node_id("R", repo.id), "name": repo.name, "full_name": name, "private": repo.private, "owner": user(urls, &repo.owner),
        "html_url": format!("{}/{name}", urls.server), "description": null, "fork": repo.fork_of.is_some(), "url": api,
        "branches_url": format!("{api}/branches{{/branch}}"), "pulls_url": format!("{api}/pulls{{/number}}"), "commits_url": format!("{api}/commits{{/sha}}"),
        "contents_url": format!("{api}/contents/{{+path}}"), "compare_url": format!("{api}/compare/{{base}}...{{head}}"), "git_refs_url": format!("{api}/git/refs{{/sha}}"),
        "issues_url": format!("{api}/issues{{/number}}"), "statuses_url": format!("{api}/statuses/{{sha}}"), "hooks_url": format!("{api}/hooks"),
    })
}

pub(crate) fn repository(urls: &Urls, state: &State, repo: &Repo) -> Value {
    let mut value = minimal_repository(urls, repo);
    let name = repo.full_name();
    let open_issues = repo.issues.iter().filter(|issue| issue.open).count();
    let more = json!({
        "git_url": format!("git://{}/{name}.git", urls.server.trim_start_matches("http://")), "ssh_url": format!("git@localhost:{name}.git"),
        "clone_url": format!("{}/{name}.git", urls.server), "svn_url": format!("{}/{name}", urls.server), "homepage": null, "size": 100, "stargazers_count": 0, "watchers_count": 0, "language": null,
        "has_issues": true, "has_projects": true, "has_downloads": true, "has_wiki": false, "has_pages": false, "has_discussions": false, "forks_count": 0, "mirror_url": null,
        "archived": false, "disabled": false, "open_issues_count": open_issues, "license": null, "allow_forking": true, "is_template": false, "web_commit_signoff_required": false,
        "topics": [], "visibility": if repo.private { "private" } else { "public" }, "forks": 0, "open_issues": open_issues, "watchers": 0, "default_branch": repo.default_branch,
        "created_at": time(repo.created_at), "updated_at": time(repo.pushed_at), "pushed_at": time(repo.pushed_at),
        "allow_squash_merge": true, "allow_merge_commit": true, "allow_rebase_merge": true, "allow_auto_merge": false, "delete_branch_on_merge": false, "allow_update_branch": false,
    });
    extend(&mut value, more);
    if let Some(parent) = repo.fork_of.and_then(|id| state.by_id(id)) {
        value["parent"] = minimal_repository(urls, parent);
        value["source"] = minimal_repository(urls, parent);
    }
    value
}

fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(map), Value::Object(more)) = (value, more) {
        map.extend(more);
    }
}

pub(crate) fn git_ref(urls: &Urls, repo: &Repo, name: &str, sha: &str) -> Value {
    let api = format!("{}/repos/{}", urls.api, repo.full_name());
    json!({"ref": name, "node_id": node_id("REF", user_id(name)), "url": format!("{api}/git/{name}"), "object": {"sha": sha, "type": "commit", "url": format!("{api}/git/commits/{sha}")}})
}

pub(crate) fn commit(urls: &Urls, state: &State, repo: &Repo, commit: &Commit) -> Value {
    let api = format!("{}/repos/{}", urls.api, repo.full_name());
    let html = format!("{}/{}", urls.server, repo.full_name());
    let account = |email: &str| state.logins.get(email).map_or(Value::Null, |login| user(urls, login));
    let sha = &commit.sha;
    json!({
        "sha": sha, "node_id": format!("C_kwDO{}", &sha[..sha.len().min(20)]),
        "commit": {
            "author": {"name": commit.author_name, "email": commit.author_email, "date": commit.author_date},
            "committer": {"name": commit.committer_name, "email": commit.committer_email, "date": commit.committer_date},
            "message": commit.message, "tree": {"sha": commit.tree, "url": format!("{api}/git/trees/{}", commit.tree)}, "url": format!("{api}/git/commits/{sha}"), "comment_count": 0,
            "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null},
        },
        "url": format!("{api}/commits/{sha}"), "html_url": format!("{html}/commit/{sha}"), "comments_url": format!("{api}/commits/{sha}/comments"),
        "author": account(&commit.author_email), "committer": account(&commit.committer_email),
        "parents": commit.parents.iter().map(|parent| json!({"sha": parent, "url": format!("{api}/commits/{parent}"), "html_url": format!("{html}/commit/{parent}")})).collect::<Vec<_>>(),
    })
}

pub(crate) fn file(urls: &Urls, repo: &Repo, at: &str, file: &DiffFile) -> Value {
    let name = repo.full_name();
    let mut value = json!({
        "sha": file.blob, "filename": file.path, "status": file.status, "additions": file.additions, "deletions": file.deletions, "changes": file.additions + file.deletions,
        "blob_url": format!("{}/{name}/blob/{at}/{}", urls.server, file.path), "raw_url": format!("{}/{name}/raw/{at}/{}", urls.server, file.path),
        "contents_url": format!("{}/repos/{name}/contents/{}?ref={at}", urls.api, file.path),
    });
    // Real GitHub leaves these out where they don't apply.
    if let Some(patch) = &file.patch {
        value["patch"] = json!(patch);
    }
    if let Some(previous) = &file.previous {
        value["previous_filename"] = json!(previous);
    }
    value
}

pub(crate) fn workflow(urls: &Urls, repo: &Repo, id: u64, name: &str, path: &str) -> Value {
    let full = repo.full_name();
    json!({
        "id": id, "node_id": node_id("W", id), "name": name, "path": path, "state": "active", "created_at": time(repo.created_at), "updated_at": time(repo.created_at),
        "url": format!("{}/repos/{full}/actions/workflows/{id}", urls.api), "html_url": format!("{}/{full}/blob/{}/{path}", urls.server, repo.default_branch),
        "badge_url": format!("{}/{full}/workflows/{name}/badge.svg", urls.server),
    })
}

/// A run as one of its attempts shows it.
pub(crate) fn run(urls: &Urls, state: &State, repo: &Repo, run: &Run, attempt: &Attempt) -> Value {
    run_as(urls, state, repo, run, attempt, &attempt.status, attempt.conclusion.as_deref())
}

/// A run with another status than the present one, for lists that lag.
pub(crate) fn run_as(urls: &Urls, state: &State, repo: &Repo, run: &Run, attempt: &Attempt, status: &str, conclusion: Option<&str>) -> Value {
    let name = repo.full_name();
    let base = format!("{}/repos/{name}", urls.api);
    let api = format!("{base}/actions/runs/{}", run.id);
    let head_repo = run.head_repo.and_then(|id| state.by_id(id));
    // GitHub leaves the list empty for pull requests from forks.
    let pulls: Vec<Value> = run
        .pull
        .or_else(|| {
            repo.pulls
                .iter()
                .rev()
                .find(|pull| pull.open && pull.head_repo == repo.id && Some(&pull.head) == run.head_branch.as_ref() && pull.head_sha == run.head_sha)
                .map(|pull| pull.number)
        })
        .and_then(|number| repo.pull(number))
        .filter(|pull| pull.head_repo == repo.id)
        .map(|pull| {
            let short = json!({"id": repo.id, "url": base, "name": repo.name});
            json!({"url": format!("{base}/pulls/{}", pull.number), "id": pull.id, "number": pull.number,
                "head": {"ref": pull.head, "sha": pull.head_sha, "repo": short}, "base": {"ref": pull.base, "sha": pull.base_sha, "repo": short}})
        })
        .into_iter()
        .collect();
    json!({
        "id": run.id, "name": run.workflow, "node_id": node_id("WFR", run.id), "head_branch": run.head_branch, "head_sha": run.head_sha, "path": run.path,
        "display_title": run.display_title, "run_number": run.run_number, "event": run.event, "status": status, "conclusion": conclusion, "workflow_id": run.workflow_id,
        "check_suite_id": run.check_suite_id, "check_suite_node_id": node_id("CS", run.check_suite_id), "url": api, "html_url": format!("{}/{name}/actions/runs/{}", urls.server, run.id),
        "pull_requests": pulls, "created_at": time(run.created_at), "updated_at": time(attempt.updated_at), "actor": user(urls, &run.actor), "run_attempt": attempt.number,
        "referenced_workflows": [], "run_started_at": time(attempt.started_at), "triggering_actor": user(urls, &run.actor), "jobs_url": format!("{api}/jobs"), "logs_url": format!("{api}/logs"),
        "check_suite_url": format!("{base}/check-suites/{}", run.check_suite_id), "artifacts_url": format!("{api}/artifacts"), "cancel_url": format!("{api}/cancel"), "rerun_url": format!("{api}/rerun"),
        "previous_attempt_url": (attempt.number > 1).then(|| format!("{api}/attempts/{}", attempt.number - 1)), "workflow_url": format!("{base}/actions/workflows/{}", run.workflow_id),
        "head_commit": {"id": run.head_sha, "tree_id": run.head_sha, "message": run.display_title, "timestamp": time(run.created_at), "author": {"name": run.actor, "email": format!("{}@users.noreply.github.com", run.actor)}, "committer": {"name": "GitHub", "email": "noreply@github.com"}},
        "repository": minimal_repository(urls, repo), "head_repository": head_repo.map(|head| minimal_repository(urls, head)),
    })
}

pub(crate) fn job(urls: &Urls, repo: &Repo, run: &Run, attempt: u32, job: &Job) -> Value {
    let name = repo.full_name();
    let base = format!("{}/repos/{name}", urls.api);
    let started = job.status != "queued";
    let steps: Vec<Value> = job
        .steps
        .iter()
        .map(|step| json!({"name": step.name, "status": step.status, "conclusion": step.conclusion, "number": step.number, "started_at": step.started_at.map(time), "completed_at": step.completed_at.map(time)}))
        .collect();
    json!({
        "id": job.id, "run_id": run.id, "workflow_name": run.workflow, "head_branch": run.head_branch, "run_url": format!("{base}/actions/runs/{}", run.id), "run_attempt": attempt,
        "node_id": node_id("CR", job.id), "head_sha": run.head_sha, "url": format!("{base}/actions/jobs/{}", job.id), "html_url": format!("{}/{name}/actions/runs/{}/job/{}", urls.server, run.id, job.id),
        "status": job.status, "conclusion": job.conclusion, "created_at": time(job.created_at), "started_at": time(job.started_at.unwrap_or(job.created_at)), "completed_at": job.completed_at.map(time),
        "name": job.name, "steps": steps, "check_run_url": format!("{base}/check-runs/{}", job.id), "labels": job.labels,
        "runner_id": started.then_some(1), "runner_name": started.then_some("GitHub Actions 1"), "runner_group_id": started.then_some(0), "runner_group_name": started.then_some("GitHub Actions"),
    })
}

pub(crate) fn check_run(urls: &Urls, repo: &Repo, run: &Run, job: &Job) -> Value {
    let name = repo.full_name();
    let html = format!("{}/{name}/actions/runs/{}/job/{}", urls.server, run.id, job.id);
    json!({
        "id": job.id, "name": job.name, "node_id": node_id("CR", job.id), "head_sha": run.head_sha, "external_id": run.id.to_string(), "url": format!("{}/repos/{name}/check-runs/{}", urls.api, job.id),
        "html_url": html, "details_url": html, "status": job.status, "conclusion": job.conclusion, "started_at": time(job.started_at.unwrap_or(job.created_at)), "completed_at": job.completed_at.map(time),
        "output": {"title": null, "summary": null, "text": null, "annotations_count": 0, "annotations_url": format!("{}/repos/{name}/check-runs/{}/annotations", urls.api, job.id)},
        "check_suite": {"id": run.check_suite_id},
        "app": {"id": 15368, "client_id": "Iv1.05c79e9ad1f6bdfa", "slug": "github-actions", "node_id": "MDM6QXBwMTUzNjg=", "owner": user(urls, "github"), "name": "GitHub Actions", "description": "Automate your workflow from idea to production", "external_url": "https://help.github.com/en/actions", "html_url": format!("{}/apps/github-actions", urls.server), "created_at": "2018-07-30T09:30:17Z", "updated_at": "2025-03-07T16:35:00Z", "permissions": {}, "events": []},
        "pull_requests": [],
    })
}

/// A pull request. `mergeable` is only told where one is asked for by number.
pub(crate) fn pull(urls: &Urls, state: &State, repo: &Repo, pull: &Pull, mergeable: Option<bool>) -> Value {
    let name = repo.full_name();
    let base_api = format!("{}/repos/{name}", urls.api);
    let api = format!("{base_api}/pulls/{}", pull.number);
    let html = format!("{}/{name}/pull/{}", urls.server, pull.number);
    let issue = format!("{base_api}/issues/{}", pull.number);
    let head_repo = state.by_id(pull.head_repo);
    let head_owner = head_repo.map_or("unknown", |head| head.owner.as_str());
    let labels: Vec<Value> = repo.issue(pull.number).map(|issue| issue.labels.iter().map(|name| label(urls, repo, name)).collect()).unwrap_or_default();
    let mut value = json!({
        "url": api, "id": pull.id, "node_id": node_id("PR", pull.id), "html_url": html, "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"), "issue_url": issue,
        "number": pull.number, "state": if pull.open { "open" } else { "closed" }, "locked": false, "title": pull.title, "user": user(urls, &pull.author), "body": pull.body,
        "created_at": time(pull.created_at), "updated_at": time(pull.updated_at), "closed_at": pull.closed_at.map(time), "merged_at": pull.merged_at.map(time), "merge_commit_sha": pull.merge_commit_sha,
        "assignee": null, "assignees": [], "requested_reviewers": [], "requested_teams": [], "labels": labels, "milestone": null, "draft": pull.draft,
        "commits_url": format!("{api}/commits"), "review_comments_url": format!("{api}/comments"), "review_comment_url": format!("{base_api}/pulls/comments{{/number}}"),
        "comments_url": format!("{issue}/comments"), "statuses_url": format!("{base_api}/statuses/{}", pull.head_sha),
        "head": {"label": format!("{head_owner}:{}", pull.head), "ref": pull.head, "sha": pull.head_sha, "user": user(urls, head_owner), "repo": head_repo.map(|head| repository(urls, state, head))},
        "base": {"label": format!("{}:{}", repo.owner, pull.base), "ref": pull.base, "sha": pull.base_sha, "user": user(urls, &repo.owner), "repo": repository(urls, state, repo)},
        "_links": {"self": {"href": api}, "html": {"href": html}, "issue": {"href": issue}, "comments": {"href": format!("{issue}/comments")}, "review_comments": {"href": format!("{api}/comments")},
            "review_comment": {"href": format!("{base_api}/pulls/comments{{/number}}")}, "commits": {"href": format!("{api}/commits")}, "statuses": {"href": format!("{base_api}/statuses/{}", pull.head_sha)}},
        "author_association": "CONTRIBUTOR", "auto_merge": null, "active_lock_reason": null,
    });
    if let Some(mergeable) = mergeable {
        let comments = repo.issue(pull.number).map_or(0, |issue| issue.comments.len());
        let state = match (pull.open, mergeable, pull.draft) {
            (false, _, _) => "unknown",
            (_, false, _) => "dirty",
            (_, _, true) => "draft",
            _ => "clean",
        };
        extend(
            &mut value,
            json!({"merged": pull.merged_at.is_some(), "mergeable": pull.open.then_some(mergeable), "rebaseable": pull.open.then_some(mergeable), "mergeable_state": state,
                "merged_by": pull.merged_by.as_deref().map(|login| user(urls, login)), "comments": comments, "review_comments": pull.reviews.iter().map(|review| review.comments.len()).sum::<usize>(),
                "maintainer_can_modify": pull.maintainer_can_modify}),
        );
    }
    value
}

pub(crate) fn review(urls: &Urls, repo: &Repo, number: u64, review: &Review) -> Value {
    let html = format!("{}/{}/pull/{number}", urls.server, repo.full_name());
    let api = format!("{}/repos/{}/pulls/{number}", urls.api, repo.full_name());
    json!({
        "id": review.id, "node_id": node_id("PRR", review.id), "user": user(urls, &review.author), "body": review.body, "state": review.state, "html_url": format!("{html}#pullrequestreview-{}", review.id),
        "pull_request_url": api, "author_association": "CONTRIBUTOR", "_links": {"html": {"href": format!("{html}#pullrequestreview-{}", review.id)}, "pull_request": {"href": api}},
        "submitted_at": time(review.submitted_at), "commit_id": review.commit_id,
    })
}

pub(crate) fn label(urls: &Urls, repo: &Repo, name: &str) -> Value {
    let id = user_id(name);
    json!({"id": id, "node_id": node_id("LA", id), "url": format!("{}/repos/{}/labels/{name}", urls.api, repo.full_name()), "name": name, "color": "ededed", "default": false, "description": null})
}

pub(crate) fn issue(urls: &Urls, repo: &Repo, issue: &Issue) -> Value {
    let name = repo.full_name();
    let api = format!("{}/repos/{name}/issues/{}", urls.api, issue.number);
    let kind = if issue.is_pull { "pull" } else { "issues" };
    let html = format!("{}/{name}/{kind}/{}", urls.server, issue.number);
    let mut value = json!({
        "url": api, "repository_url": format!("{}/repos/{name}", urls.api), "labels_url": format!("{api}/labels{{/name}}"), "comments_url": format!("{api}/comments"), "events_url": format!("{api}/events"),
        "html_url": html, "id": issue.id, "node_id": node_id("I", issue.id), "number": issue.number, "title": issue.title, "user": user(urls, &issue.author),
        "labels": issue.labels.iter().map(|name| label(urls, repo, name)).collect::<Vec<_>>(), "state": if issue.open { "open" } else { "closed" }, "locked": false, "assignee": null, "assignees": [],
        "milestone": null, "comments": issue.comments.len(), "created_at": time(issue.created_at), "updated_at": time(issue.updated_at), "closed_at": null, "author_association": "CONTRIBUTOR",
        "active_lock_reason": null, "body": issue.body, "closed_by": null, "reactions": {"total_count": 0}, "timeline_url": format!("{api}/timeline"), "performed_via_github_app": null, "state_reason": null,
    });
    if issue.is_pull {
        let pull_api = format!("{}/repos/{name}/pulls/{}", urls.api, issue.number);
        value["pull_request"] =
            json!({"url": pull_api, "html_url": html, "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"), "merged_at": null});
        value["draft"] = json!(repo.pull(issue.number).is_some_and(|pull| pull.draft));
    }
    value
}

pub(crate) fn issue_comment(urls: &Urls, repo: &Repo, number: u64, comment: &Comment) -> Value {
    let name = repo.full_name();
    json!({
        "url": format!("{}/repos/{name}/issues/comments/{}", urls.api, comment.id), "html_url": format!("{}/{name}/issues/{number}#issuecomment-{}", urls.server, comment.id),
        "issue_url": format!("{}/repos/{name}/issues/{number}", urls.api), "id": comment.id, "node_id": node_id("IC", comment.id), "user": user(urls, &comment.author),
        "created_at": time(comment.created_at), "updated_at": time(comment.updated_at), "author_association": "CONTRIBUTOR", "body": comment.body, "reactions": {"total_count": 0}, "performed_via_github_app": null,
    })
}

pub(crate) fn commit_comment(urls: &Urls, repo: &Repo, sha: &str, comment: &Comment) -> Value {
    let name = repo.full_name();
    json!({
        "url": format!("{}/repos/{name}/comments/{}", urls.api, comment.id), "html_url": format!("{}/{name}/commit/{sha}#commitcomment-{}", urls.server, comment.id), "id": comment.id,
        "node_id": node_id("CC", comment.id), "user": user(urls, &comment.author), "position": null, "line": null, "path": null, "commit_id": sha, "created_at": time(comment.created_at),
        "updated_at": time(comment.updated_at), "author_association": "CONTRIBUTOR", "body": comment.body, "reactions": {"total_count": 0},
    })
}
