//! The life of a pull request, whoever moves it: the REST API, GraphQL, a teammate in the set-up, or a changed ref.

use std::sync::Arc;

use chrono::Utc;
use serde_json::json;

use crate::SimulatorError;
use crate::events::Happening;
use crate::github::shapes;
use crate::refs::{self, RefChange};
use crate::runner;
use crate::state::{Issue, Pull, World};
use crate::webhooks;

/// What is asked for when a pull request is opened.
pub(crate) struct NewPull {
    pub title: String,
    pub body: Option<String>,
    pub author: String,
    pub head_repo: u64,
    pub head: String,
    pub base: String,
    pub draft: bool,
    pub maintainer_can_modify: bool,
}

/// Why a pull request was not opened: GitHub's code, field and message.
pub(crate) struct Refused {
    pub code: &'static str,
    pub field: Option<&'static str>,
    pub message: String,
}

/// Opens a pull request, or says why GitHub would not.
pub(crate) async fn open(world: &Arc<World>, repo: u64, new: NewPull) -> Result<Result<u64, Refused>, SimulatorError> {
    let base_repo = world.repo_by_id(repo).ok_or_else(|| SimulatorError::NoSuch(format!("repository {repo}")))?;
    let refused = |code, field, message: &str| Ok(Err(Refused { code, field, message: message.to_owned() }));
    let Some(head_repo) = world.repo_by_id(new.head_repo) else {
        return refused("invalid", Some("head"), "head repository is gone");
    };
    let guard = base_repo.lock.lock().await;
    let Some(base_sha) = world.git.resolve(&base_repo.dir, &format!("refs/heads/{}", new.base)).await else {
        return refused("invalid", Some("base"), "");
    };
    let Some(head_sha) = world.git.resolve(&head_repo.dir, &format!("refs/heads/{}", new.head)).await else {
        return refused("invalid", Some("head"), "");
    };
    if new.draft && !base_repo.drafts_allowed {
        return refused("custom", None, "Draft pull requests are not supported in this repository.");
    }
    if head_repo.id != base_repo.id {
        world.git.bytes(&base_repo.dir, &["fetch", "--quiet", "--no-tags", &head_repo.dir.to_string_lossy(), &head_sha]).await?;
    }
    if world.git.is_ancestor(&base_repo.dir, &head_sha, &base_sha).await {
        return refused("custom", None, &format!("No commits between {} and {}", new.base, new.head));
    }
    let number = {
        let mut state = world.state();
        let existing = base_repo_open(&state, repo, &new);
        if existing {
            let owner = head_repo.owner.clone();
            drop(state);
            return refused("custom", None, &format!("A pull request already exists for {owner}:{}.", new.head));
        }
        let (id, issue_id) = (state.id(), state.id());
        let known = state.by_id_mut(repo).ok_or_else(|| SimulatorError::NoSuch(format!("repository {repo}")))?;
        let number = known.issues.iter().map(|issue| issue.number).max().unwrap_or(0) + 1;
        let now = Utc::now();
        known.issues.push(Issue {
            id: issue_id,
            number,
            title: new.title.clone(),
            body: new.body.clone(),
            author: new.author.clone(),
            open: true,
            is_pull: true,
            labels: Vec::new(),
            comments: Vec::new(),
            created_at: now,
            updated_at: now,
        });
        known.pulls.push(Pull {
            id,
            number,
            title: new.title.clone(),
            body: new.body,
            author: new.author.clone(),
            head_repo: new.head_repo,
            head: new.head.clone(),
            head_sha: head_sha.clone(),
            base: new.base.clone(),
            base_sha,
            draft: new.draft,
            open: true,
            merged_at: None,
            merged_by: None,
            merge_commit_sha: None,
            created_at: now,
            updated_at: now,
            closed_at: None,
            reviews: Vec::new(),
            maintainer_can_modify: new.maintainer_can_modify,
        });
        number
    };
    world.git.bytes(&base_repo.dir, &["update-ref", &format!("refs/pull/{number}/head"), &head_sha]).await?;
    test_merge(world, repo, number).await?;
    drop(guard);
    world.tell(Happening::PullOpened {
        repo: base_repo.full_name(),
        number,
        title: new.title,
        head: new.head,
        base: new.base,
        draft: new.draft,
        author: new.author.clone(),
    });
    announce(world, repo, number, "opened", &new.author).await?;
    Ok(Ok(number))
}

fn base_repo_open(state: &crate::state::State, repo: u64, new: &NewPull) -> bool {
    state
        .by_id(repo)
        .is_some_and(|known| known.pulls.iter().any(|pull| pull.open && pull.head_repo == new.head_repo && pull.head == new.head && pull.base == new.base))
}

/// Sends the webhook of an action and starts the workflows that listen to it.
async fn announce(world: &Arc<World>, repo: u64, number: u64, action: &str, actor: &str) -> Result<(), SimulatorError> {
    let payload = {
        let state = world.state();
        let Some((known, pull)) = state.by_id(repo).and_then(|known| Some((known, known.pull(number)?))) else { return Ok(()) };
        json!({
            "action": action, "number": number, "pull_request": shapes::pull(&world.urls, &state, known, pull, None),
            "repository": shapes::repository(&world.urls, &state, known), "sender": shapes::user(&world.urls, actor),
        })
    };
    webhooks::send(world, "pull_request", payload);
    if world.options.run_workflows {
        runner::on_pull_request(world, repo, number, action, actor).await?;
    }
    Ok(())
}

fn change(world: &Arc<World>, repo: u64, number: u64, edit: impl FnOnce(&mut Pull)) -> Option<String> {
    let mut state = world.state();
    let known = state.by_id_mut(repo)?;
    let name = known.full_name();
    let pull = known.pulls.iter_mut().find(|pull| pull.number == number)?;
    edit(pull);
    pull.updated_at = Utc::now();
    let (open, title, body) = (pull.open, pull.title.clone(), pull.body.clone());
    if let Some(issue) = known.issues.iter_mut().find(|issue| issue.number == number) {
        issue.open = open;
        issue.title = title;
        issue.body = body;
        issue.updated_at = Utc::now();
    }
    Some(name)
}

/// Makes the merge commit that `pull_request` runs test, and keeps it under `refs/pull/N/merge`.
async fn test_merge(world: &Arc<World>, repo: u64, number: u64) -> Result<(), SimulatorError> {
    let Some(known) = world.repo_by_id(repo) else { return Ok(()) };
    let Some(pull) = known.pull(number).filter(|pull| pull.open) else { return Ok(()) };
    let merged = match world.git.merge_tree(&known.dir, &pull.base_sha, &pull.head_sha).await {
        Some(tree) => {
            let message = format!("Merge {} into {}", pull.head_sha, pull.base_sha);
            let author = world.author(&pull.author);
            let sha = world.git.commit_tree(&known.dir, &tree, &[&pull.base_sha, &pull.head_sha], &message, &author, pull.created_at).await?;
            world.git.bytes(&known.dir, &["update-ref", &format!("refs/pull/{number}/merge"), &sha]).await?;
            Some(sha)
        }
        None => None,
    };
    change(world, repo, number, |pull| pull.merge_commit_sha = merged);
    Ok(())
}

/// The head branch moved.
pub(crate) async fn synchronize(world: &Arc<World>, repo: u64, number: u64, sha: &str, actor: &str) -> Result<(), SimulatorError> {
    let Some(name) = change(world, repo, number, |pull| sha.clone_into(&mut pull.head_sha)) else { return Ok(()) };
    if let Some(known) = world.repo_by_id(repo)
        && let Some(head) = known.pull(number).and_then(|pull| world.repo_by_id(pull.head_repo))
    {
        if head.id != known.id {
            world.git.bytes(&known.dir, &["fetch", "--quiet", "--no-tags", &head.dir.to_string_lossy(), sha]).await?;
        }
        world.git.bytes(&known.dir, &["update-ref", &format!("refs/pull/{number}/head"), sha]).await?;
    }
    test_merge(world, repo, number).await?;
    world.tell(Happening::PullUpdated { repo: name, number, action: "synchronize".to_owned() });
    announce(world, repo, number, "synchronize", actor).await
}

/// The base branch moved: only the test merge changes.
pub(crate) async fn base_moved(world: &Arc<World>, repo: u64, number: u64, sha: &str) -> Result<(), SimulatorError> {
    change(world, repo, number, |pull| sha.clone_into(&mut pull.base_sha));
    test_merge(world, repo, number).await
}

/// Closes without merging.
pub(crate) async fn close(world: &Arc<World>, repo: u64, number: u64, actor: &str) -> Result<(), SimulatorError> {
    let mut was_open = false;
    let name = change(world, repo, number, |pull| {
        was_open = pull.open;
        pull.open = false;
        pull.closed_at = Some(Utc::now());
    });
    let Some(name) = name.filter(|_| was_open) else { return Ok(()) };
    world.tell(Happening::PullClosed { repo: name, number, merged: false });
    announce(world, repo, number, "closed", actor).await
}

/// Opens a closed pull request again. Answers false where its branches are gone or it was merged.
pub(crate) async fn reopen(world: &Arc<World>, repo: u64, number: u64, actor: &str) -> Result<bool, SimulatorError> {
    let Some(known) = world.repo_by_id(repo) else { return Ok(false) };
    let Some(pull) = known.pull(number).filter(|pull| !pull.open && pull.merged_at.is_none()) else { return Ok(false) };
    let Some(head_repo) = world.repo_by_id(pull.head_repo) else { return Ok(false) };
    let head = world.git.resolve(&head_repo.dir, &format!("refs/heads/{}", pull.head)).await;
    let base = world.git.resolve(&known.dir, &format!("refs/heads/{}", pull.base)).await;
    let (Some(head), Some(base)) = (head, base) else { return Ok(false) };
    change(world, repo, number, |pull| {
        pull.open = true;
        pull.closed_at = None;
        pull.head_sha = head;
        pull.base_sha = base;
    });
    test_merge(world, repo, number).await?;
    world.tell(Happening::PullUpdated { repo: known.full_name(), number, action: "reopened".to_owned() });
    announce(world, repo, number, "reopened", actor).await?;
    Ok(true)
}

/// Points an open pull request at another base.
pub(crate) async fn retarget(world: &Arc<World>, repo: u64, number: u64, base: &str, actor: &str) -> Result<(), SimulatorError> {
    let Some(known) = world.repo_by_id(repo) else { return Ok(()) };
    let Some(sha) = world.git.resolve(&known.dir, &format!("refs/heads/{base}")).await else {
        return close(world, repo, number, actor).await;
    };
    change(world, repo, number, |pull| {
        base.clone_into(&mut pull.base);
        pull.base_sha = sha;
    });
    test_merge(world, repo, number).await?;
    world.tell(Happening::PullUpdated { repo: known.full_name(), number, action: "retargeted".to_owned() });
    announce(world, repo, number, "edited", actor).await
}

/// Changes title or body.
pub(crate) async fn edit(
    world: &Arc<World>,
    repo: u64,
    number: u64,
    title: Option<String>,
    body: Option<Option<String>>,
    actor: &str,
) -> Result<(), SimulatorError> {
    let name = change(world, repo, number, |pull| {
        if let Some(title) = title {
            pull.title = title;
        }
        if let Some(body) = body {
            pull.body = body;
        }
    });
    let Some(name) = name else { return Ok(()) };
    world.tell(Happening::PullUpdated { repo: name, number, action: "edited".to_owned() });
    announce(world, repo, number, "edited", actor).await
}

/// Marks ready for review, or turns back into a draft.
pub(crate) async fn set_draft(world: &Arc<World>, repo: u64, number: u64, draft: bool, actor: &str) -> Result<(), SimulatorError> {
    let mut changed = false;
    let name = change(world, repo, number, |pull| {
        changed = pull.draft != draft;
        pull.draft = draft;
    });
    let Some(repo_name) = name.filter(|_| changed) else { return Ok(()) };
    let (what, action) = if draft {
        (Happening::PullDrafted { repo: repo_name, number }, "converted_to_draft")
    } else {
        (Happening::PullReady { repo: repo_name, number }, "ready_for_review")
    };
    world.tell(what);
    announce(world, repo, number, action, actor).await
}

/// How a merge ended.
pub(crate) enum Merged {
    /// The new commit of the base branch.
    Yes(String),
    /// GitHub's status and message.
    No(u16, String),
}

/// Merges by `merge`, `squash` or `rebase`. `expected` is the head the caller saw.
pub(crate) async fn merge(world: &Arc<World>, repo: u64, number: u64, method: &str, expected: Option<&str>, actor: &str) -> Result<Merged, SimulatorError> {
    let Some(known) = world.repo_by_id(repo) else { return Ok(Merged::No(404, "Not Found".to_owned())) };
    let guard = known.lock.lock().await;
    let Some(pull) = world.repo_by_id(repo).and_then(|known| known.pull(number).cloned()) else {
        return Ok(Merged::No(404, "Not Found".to_owned()));
    };
    if expected.is_some_and(|sha| sha != pull.head_sha) {
        return Ok(Merged::No(409, "Head branch was modified. Review and try the merge again.".to_owned()));
    }
    if !pull.open || pull.draft {
        return Ok(Merged::No(405, if pull.draft { "Pull Request is still a draft" } else { "Pull Request is not mergeable" }.to_owned()));
    }
    let base_ref = format!("refs/heads/{}", pull.base);
    let Some(base) = world.git.resolve(&known.dir, &base_ref).await else {
        return Ok(Merged::No(405, "Base branch was deleted".to_owned()));
    };
    let author = world.author(actor);
    let now = Utc::now();
    let conflict = || Merged::No(405, "Pull Request is not mergeable".to_owned());
    let sha = if method == "rebase" {
        let mut tip = base.clone();
        let mut commits = world.git.log(&known.dir, &format!("{base}..{}", pull.head_sha), 250, 0, None).await?;
        commits.reverse();
        for commit in commits {
            let Some(tree) = world.git.replay_tree(&known.dir, &tip, &commit.sha).await else { return Ok(conflict()) };
            let by = crate::Author { name: commit.author_name, email: commit.author_email, login: actor.to_owned() };
            tip = world.git.commit_tree(&known.dir, &tree, &[&tip], &commit.message, &by, now).await?;
        }
        tip
    } else {
        let Some(tree) = world.git.merge_tree(&known.dir, &base, &pull.head_sha).await else { return Ok(conflict()) };
        if method == "squash" {
            let message = format!("{} (#{number})", pull.title);
            world.git.commit_tree(&known.dir, &tree, &[&base], &message, &author, now).await?
        } else {
            let message = format!("Merge pull request #{number} from {}/{}\n\n{}", known.owner, pull.head, pull.title);
            world.git.commit_tree(&known.dir, &tree, &[&base, &pull.head_sha], &message, &author, now).await?
        }
    };
    world.git.update_ref(&known.dir, &base_ref, Some(&sha), Some(&base)).await?;
    change(world, repo, number, |pull| {
        pull.open = false;
        pull.closed_at = Some(now);
        pull.merged_at = Some(now);
        pull.merged_by = Some(actor.to_owned());
        pull.merge_commit_sha = Some(sha.clone());
    });
    drop(guard);
    world.tell(Happening::PullClosed { repo: known.full_name(), number, merged: true });
    announce(world, repo, number, "closed", actor).await?;
    refs::follow(world, repo, vec![RefChange { name: base_ref, old: Some(base), new: Some(sha.clone()) }], actor).await?;
    Ok(Merged::Yes(sha))
}
