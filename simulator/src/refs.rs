//! What follows from a changed ref: webhooks, workflows, pull requests that synchronise, close or are retargeted.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::Utc;
use serde_json::json;

use crate::SimulatorError;
use crate::events::Happening;
use crate::github::shapes;
use crate::pulls;
use crate::runner;
use crate::state::{Repo, World};
use crate::webhooks;

/// A ref before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefChange {
    pub name: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

/// The differences between two listings.
pub(crate) fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<RefChange> {
    let mut changes = Vec::new();
    for (name, old) in before {
        let new = after.get(name);
        if new != Some(old) {
            changes.push(RefChange { name: name.clone(), old: Some(old.clone()), new: new.cloned() });
        }
    }
    for (name, new) in after {
        if !before.contains_key(name) {
            changes.push(RefChange { name: name.clone(), old: None, new: Some(new.clone()) });
        }
    }
    changes
}

/// Lets everything happen that GitHub does after refs changed. The changes are already in the repository.
pub(crate) async fn follow(world: &Arc<World>, repo: u64, changes: Vec<RefChange>, actor: &str) -> Result<(), SimulatorError> {
    for change in changes {
        let Some(known) = world.repo_by_id(repo) else { return Ok(()) };
        {
            let mut state = world.state();
            if let Some(repo) = state.by_id_mut(repo) {
                repo.ref_changes.push((Utc::now(), change.name.clone(), change.old.clone()));
                repo.pushed_at = Utc::now();
            }
        }
        world.tell(Happening::RefUpdated {
            repo: known.full_name(),
            name: change.name.clone(),
            old: change.old.clone(),
            new: change.new.clone(),
            actor: actor.to_owned(),
        });
        if change.name.starts_with("refs/heads/") || change.name.starts_with("refs/tags/") {
            push_webhook(world, &known, &change, actor).await;
        }
        if let Some(branch) = change.name.strip_prefix("refs/heads/") {
            follow_pulls(world, &known, branch, &change, actor).await?;
        }
        if change.new.is_some() && world.options.run_workflows {
            runner::on_push(world, &known, &change, actor).await?;
        }
    }
    Ok(())
}

async fn push_webhook(world: &Arc<World>, repo: &Repo, change: &RefChange, actor: &str) {
    const ZERO: &str = "0000000000000000000000000000000000000000";
    let head = match &change.new {
        Some(sha) => world.git.commit_info(&repo.dir, sha).await,
        None => None,
    };
    let payload = {
        let state = world.state();
        let head = head.map(|commit| {
            json!({"id": commit.sha, "tree_id": commit.tree, "distinct": true, "message": commit.message, "timestamp": commit.committer_date,
                "author": {"name": commit.author_name, "email": commit.author_email}, "committer": {"name": commit.committer_name, "email": commit.committer_email},
                "added": [], "removed": [], "modified": []})
        });
        json!({
            "ref": change.name, "before": change.old.as_deref().unwrap_or(ZERO), "after": change.new.as_deref().unwrap_or(ZERO),
            "created": change.old.is_none(), "deleted": change.new.is_none(), "forced": false, "base_ref": null,
            "compare": format!("{}/{}/compare/{}...{}", world.urls.server, repo.full_name(), change.old.as_deref().unwrap_or(ZERO), change.new.as_deref().unwrap_or(ZERO)),
            "commits": head.iter().collect::<Vec<_>>(), "head_commit": head,
            "repository": shapes::repository(&world.urls, &state, repo), "pusher": {"name": actor, "email": null}, "sender": shapes::user(&world.urls, actor),
        })
    };
    webhooks::send(world, "push", payload);
}

async fn follow_pulls(world: &Arc<World>, repo: &Repo, branch: &str, change: &RefChange, actor: &str) -> Result<(), SimulatorError> {
    let (heads, bases) = {
        let state = world.state();
        let mut heads = Vec::new();
        let mut bases = Vec::new();
        for owner in &state.repos {
            for pull in owner.pulls.iter().filter(|pull| pull.open) {
                if pull.head_repo == repo.id && pull.head == branch {
                    heads.push((owner.id, pull.number));
                }
                if owner.id == repo.id && pull.base == branch {
                    bases.push(pull.number);
                }
            }
        }
        (heads, bases)
    };
    for (owner, number) in heads {
        match &change.new {
            None => pulls::close(world, owner, number, actor).await?,
            Some(sha) => pulls::synchronize(world, owner, number, sha, actor).await?,
        }
    }
    for number in bases {
        match &change.new {
            Some(sha) => pulls::base_moved(world, repo.id, number, sha).await?,
            None if repo.retarget_on_base_delete => pulls::retarget(world, repo.id, number, &repo.default_branch, actor).await?,
            None => pulls::close(world, repo.id, number, actor).await?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_created_moved_and_deleted() {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<BTreeMap<_, _>>();
        let changes = difference(&map(&[("a", "1"), ("b", "1"), ("c", "1")]), &map(&[("a", "1"), ("b", "2"), ("d", "3")]));
        let short: Vec<_> = changes.iter().map(|c| (c.name.as_str(), c.old.as_deref(), c.new.as_deref())).collect();
        assert_eq!(short, [("b", Some("1"), Some("2")), ("c", Some("1"), None), ("d", None, Some("3"))]);
    }
}
