//! Branches, the rules that apply to them, and refs: read from and written to the bare repository.

use serde_json::{Value, json};

use super::{Answer, Call, invalid, message, not_found, shapes};
use crate::events::Happening;
use crate::http::Reply;
use crate::refs::{self, RefChange};
use crate::state::Repo;

pub(super) async fn answer(call: &Call, repo: &Repo, rest: &[&str]) -> Answer {
    let git = &call.world.git;
    match (call.request.method.as_str(), rest) {
        ("GET", ["branches"]) => {
            let mut listed = Vec::new();
            for (name, sha) in lagging(call, repo).await? {
                let Some(branch) = name.strip_prefix("refs/heads/") else { continue };
                let protected = repo.protection(branch).protected;
                if call.request.query("protected").is_some_and(|wanted| wanted != protected.to_string()) {
                    continue;
                }
                let url = format!("{}/repos/{}/commits/{sha}", call.world.urls.api, repo.full_name());
                listed.push(json!({"name": branch, "commit": {"sha": sha, "url": url}, "protected": protected}));
            }
            Ok(call.page(listed, None))
        }
        ("GET", ["branches", name @ ..]) => {
            let branch = name.join("/");
            let sha = git.resolve(&repo.dir, &format!("refs/heads/{branch}")).await.ok_or_else(|| message(404, "Branch not found"))?;
            let commit = git.commit_info(&repo.dir, &sha).await.ok_or_else(not_found)?;
            let protection = repo.protection(&branch);
            let api = format!("{}/repos/{}/branches/{branch}", call.world.urls.api, repo.full_name());
            let state = call.world.state();
            Ok(Reply::json(
                200,
                &json!({
                    "name": branch, "commit": shapes::commit(&call.world.urls, &state, repo, &commit),
                    "_links": {"self": api, "html": format!("{}/{}/tree/{branch}", call.world.urls.server, repo.full_name())}, "protected": protection.protected,
                    "protection": {"enabled": protection.protected, "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []}}, "protection_url": format!("{api}/protection"),
                }),
            ))
        }
        // Rules are told for names that don't exist yet, too.
        ("GET", ["rules", "branches", name @ ..]) => Ok(call.page(repo.protection(&name.join("/")).rules, None)),
        ("GET", ["git", "ref", name @ ..]) => {
            let full = format!("refs/{}", name.join("/"));
            let sha = git.refs(&repo.dir, &full).await?.remove(&full).ok_or_else(not_found)?;
            Ok(Reply::json(200, &shapes::git_ref(&call.world.urls, repo, &full, &sha)))
        }
        ("GET", ["git", "matching-refs", name @ ..]) => {
            let prefix = format!("refs/{}", name.join("/"));
            let found = git.refs(&repo.dir, "refs").await?;
            let shapes: Vec<Value> =
                found.iter().filter(|(name, _)| name.starts_with(&prefix)).map(|(name, sha)| shapes::git_ref(&call.world.urls, repo, name, sha)).collect();
            Ok(call.page(shapes, None))
        }
        ("GET", ["git", "commits", sha]) => {
            let commit = git.commit_info(&repo.dir, sha).await.ok_or_else(not_found)?;
            let state = call.world.state();
            let mut value = shapes::commit(&call.world.urls, &state, repo, &commit)["commit"].take();
            value["sha"] = json!(commit.sha);
            value["parents"] = json!(commit.parents.iter().map(|parent| json!({"sha": parent})).collect::<Vec<_>>());
            Ok(Reply::json(200, &value))
        }
        ("GET", ["git", "trees", sha]) => {
            let sha = git.resolve(&repo.dir, sha).await.unwrap_or_else(|| (*sha).to_owned());
            let deep = call.request.query("recursive").is_some_and(|value| value != "0" && value != "false");
            let mut arguments = vec!["ls-tree", "-z"];
            if deep {
                arguments.extend(["-r", "-t"]);
            }
            arguments.extend(["--end-of-options", &sha]);
            let text = git.text(&repo.dir, &arguments).await.map_err(|_| not_found())?;
            let entries: Vec<Value> = text
                .split('\0')
                .filter_map(|entry| {
                    let (meta, path) = entry.split_once('\t')?;
                    let mut parts = meta.split(' ');
                    Some(json!({"mode": parts.next()?, "type": parts.next()?, "sha": parts.next()?, "path": path}))
                })
                .collect();
            Ok(Reply::json(200, &json!({"sha": sha, "url": "", "tree": entries, "truncated": false})))
        }
        ("POST", ["git", "refs"]) => create(call, repo).await,
        ("PATCH", ["git", "refs", name @ ..]) => update(call, repo, &format!("refs/{}", name.join("/"))).await,
        ("DELETE", ["git", "refs", name @ ..]) => delete(call, repo, &format!("refs/{}", name.join("/"))).await,
        _ => Err(not_found()),
    }
}

/// The refs as a list shows them: changes younger than the read lag are not yet seen.
async fn lagging(call: &Call, repo: &Repo) -> Result<std::collections::BTreeMap<String, String>, Reply> {
    let mut found = call.world.git.refs(&repo.dir, "refs/heads").await?;
    let seen = call.world.list_time();
    for (_, name, before) in repo.ref_changes.iter().rev().take_while(|(at, _, _)| *at > seen) {
        match before {
            Some(sha) => found.insert(name.clone(), sha.clone()),
            None => found.remove(name),
        };
    }
    Ok(found)
}

fn reference(text: &str) -> Reply {
    message(422, text)
}

fn refused(call: &Call, repo: &Repo, name: &str, created: bool, deleted: bool, forced: bool) -> Option<Reply> {
    let branch = name.strip_prefix("refs/heads/")?;
    let reason = repo.refusal(branch, created, deleted, forced)?;
    call.world.tell(Happening::PushRejected { repo: repo.full_name(), name: name.to_owned(), actor: call.caller.login.clone() });
    Some(message(422, &format!("Repository rule violations found: cannot update this protected ref ({reason}).")))
}

fn shaped(name: &str) -> bool {
    let short = name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/")).unwrap_or_default();
    !short.is_empty()
        && !short.contains("..")
        && !short.starts_with('-')
        && !short.ends_with('/')
        && !short.ends_with(".lock")
        && !short.contains([' ', '~', '^', ':', '?', '*', '[', '\\'])
}

async fn create(call: &Call, repo: &Repo) -> Answer {
    let (Some(name), Some(sha)) = (call.field("ref"), call.field("sha")) else {
        return Err(message(422, "Invalid request.\n\n\"ref\", \"sha\" weren't supplied."));
    };
    if !shaped(&name) {
        return Err(reference("Reference name must start with 'refs/' and be well-formed"));
    }
    let guard = repo.lock.lock().await;
    let git = &call.world.git;
    if git.resolve(&repo.dir, &name).await.is_some() {
        return Err(reference("Reference already exists"));
    }
    if git.commit_info(&repo.dir, &sha).await.is_none() {
        return Err(reference("Object does not exist"));
    }
    if let Some(refusal) = refused(call, repo, &name, true, false, false) {
        return Err(refusal);
    }
    git.update_ref(&repo.dir, &name, Some(&sha), None).await.map_err(|_| reference("Reference already exists"))?;
    drop(guard);
    refs::follow(&call.world, repo.id, vec![RefChange { name: name.clone(), old: None, new: Some(sha.clone()) }], &call.caller.login).await?;
    Ok(Reply::json(201, &shapes::git_ref(&call.world.urls, repo, &name, &sha)))
}

async fn update(call: &Call, repo: &Repo, name: &str) -> Answer {
    let body = call.request.json();
    let sha = body["sha"].as_str().ok_or_else(|| invalid("Reference", "missing_field", Some("sha"), ""))?;
    let force = body["force"].as_bool().unwrap_or(false);
    let guard = repo.lock.lock().await;
    let git = &call.world.git;
    let old = git.resolve(&repo.dir, name).await.ok_or_else(|| reference("Reference does not exist"))?;
    if git.commit_info(&repo.dir, sha).await.is_none() {
        return Err(reference("Object does not exist"));
    }
    let forward = git.is_ancestor(&repo.dir, &old, sha).await;
    if let Some(refusal) = refused(call, repo, name, false, false, !forward) {
        return Err(refusal);
    }
    if !forward && !force {
        return Err(reference("Update is not a fast forward"));
    }
    git.update_ref(&repo.dir, name, Some(sha), Some(&old)).await?;
    drop(guard);
    refs::follow(&call.world, repo.id, vec![RefChange { name: name.to_owned(), old: Some(old), new: Some(sha.to_owned()) }], &call.caller.login).await?;
    Ok(Reply::json(200, &shapes::git_ref(&call.world.urls, repo, name, sha)))
}

async fn delete(call: &Call, repo: &Repo, name: &str) -> Answer {
    let guard = repo.lock.lock().await;
    let git = &call.world.git;
    let old = git.resolve(&repo.dir, name).await.ok_or_else(|| reference("Reference does not exist"))?;
    if name.strip_prefix("refs/heads/") == Some(repo.default_branch.as_str()) {
        return Err(reference("Cannot delete the default branch"));
    }
    if let Some(refusal) = refused(call, repo, name, false, true, false) {
        return Err(refusal);
    }
    git.update_ref(&repo.dir, name, None, Some(&old)).await?;
    drop(guard);
    refs::follow(&call.world, repo.id, vec![RefChange { name: name.to_owned(), old: Some(old), new: None }], &call.caller.login).await?;
    Ok(Reply::empty(204))
}
