//! Commits, comparisons and file contents.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde_json::{Value, json};

use super::{Answer, Call, invalid, message, not_found, shapes};
use crate::events::Happening;
use crate::http::Reply;
use crate::state::{Comment, Repo};

pub(super) async fn answer(call: &Call, repo: &Repo, rest: &[&str]) -> Answer {
    let urls = &call.world.urls;
    match (call.request.method.as_str(), rest) {
        ("GET", ["commits"]) => list(call, repo).await,
        ("GET", ["commits", name @ .., "check-runs"]) => {
            let sha = resolve(call, repo, &name.join("/")).await?;
            let state = call.world.state();
            let wanted = call.request.query("check_name");
            let runs = state.runs.iter().filter(|run| run.repo == repo.id && run.head_sha == sha);
            let shapes = runs
                .flat_map(|run| run.latest().jobs.iter().map(move |job| (run, job)))
                .filter(|(_, job)| wanted.as_ref().is_none_or(|wanted| *wanted == job.name))
                .map(|(run, job)| shapes::check_run(urls, repo, run, job))
                .collect();
            Ok(call.page(shapes, Some("check_runs")))
        }
        ("GET", ["commits", name @ .., "comments"]) => {
            let sha = resolve(call, repo, &name.join("/")).await?;
            let shapes =
                repo.commit_comments.iter().filter(|(at, _)| *at == sha).map(|(_, comment)| shapes::commit_comment(urls, repo, &sha, comment)).collect();
            Ok(call.page(shapes, None))
        }
        ("POST", ["commits", name @ .., "comments"]) => {
            let sha = resolve(call, repo, &name.join("/")).await?;
            let body = call.field("body").ok_or_else(|| invalid("CommitComment", "missing_field", Some("body"), ""))?;
            let now = Utc::now();
            let comment = {
                let mut state = call.world.state();
                let comment = Comment { id: state.id(), author: call.caller.login.clone(), body: body.clone(), created_at: now, updated_at: now };
                if let Some(repo) = state.by_id_mut(repo.id) {
                    repo.commit_comments.push((sha.clone(), comment.clone()));
                }
                comment
            };
            call.world.tell(Happening::Commented { repo: repo.full_name(), on: sha.clone(), author: comment.author.clone(), body });
            Ok(Reply::json(201, &shapes::commit_comment(urls, repo, &sha, &comment)))
        }
        ("GET", ["commits", name @ .., "pulls"]) => {
            let sha = resolve(call, repo, &name.join("/")).await?;
            let mut found = Vec::new();
            for pull in &repo.pulls {
                if pull.head_sha == sha
                    || pull.merge_commit_sha.as_deref() == Some(&sha)
                    || call.world.git.is_ancestor(&repo.dir, &sha, &pull.head_sha).await && !call.world.git.is_ancestor(&repo.dir, &sha, &pull.base_sha).await
                {
                    found.push(pull);
                }
            }
            let state = call.world.state();
            Ok(call.page(found.into_iter().map(|pull| shapes::pull(urls, &state, repo, pull, None)).collect(), None))
        }
        ("GET", ["commits", name @ .., "status"]) => {
            let sha = resolve(call, repo, &name.join("/")).await?;
            Ok(Reply::json(
                200,
                &json!({"state": "pending", "statuses": [], "sha": sha, "total_count": 0, "repository": shapes::minimal_repository(urls, repo)}),
            ))
        }
        ("GET", ["commits", name @ ..]) => {
            let sha = resolve(call, repo, &name.join("/")).await?;
            let commit = call.world.git.commit_info(&repo.dir, &sha).await.ok_or_else(not_found)?;
            // The empty tree stands in for the parent of a first commit.
            let parent = commit.parents.first().cloned().unwrap_or_else(|| "4b825dc642cb6eb9a060e54bf8d69288fbee4904".to_owned());
            let files = call.world.git.diff(&repo.dir, &parent, &sha).await.unwrap_or_default();
            let state = call.world.state();
            let mut value = shapes::commit(urls, &state, repo, &commit);
            let (additions, deletions) = files.iter().fold((0, 0), |sum, file| (sum.0 + file.additions, sum.1 + file.deletions));
            value["stats"] = json!({"total": additions + deletions, "additions": additions, "deletions": deletions});
            value["files"] = files.iter().map(|file| shapes::file(urls, repo, &sha, file)).collect();
            Ok(Reply::json(200, &value))
        }
        ("GET", ["compare", spec @ ..]) => compare(call, repo, &spec.join("/")).await,
        ("GET", ["contents", path @ ..]) => contents(call, repo, &path.join("/")).await,
        _ => Err(not_found()),
    }
}

async fn resolve(call: &Call, repo: &Repo, name: &str) -> Result<String, Reply> {
    let name = name.strip_prefix("heads/").unwrap_or(name);
    call.world.git.resolve(&repo.dir, name).await.ok_or_else(|| message(422, &format!("No commit found for SHA: {name}")))
}

async fn list(call: &Call, repo: &Repo) -> Answer {
    let start = call.request.query("sha").unwrap_or_else(|| repo.default_branch.clone());
    let sha = call.world.git.resolve(&repo.dir, &start).await.ok_or_else(not_found)?;
    let path = call.request.query("path");
    let commits = call.world.git.log(&repo.dir, &sha, 1000, 0, path.as_deref()).await?;
    let since = call.request.query("since");
    let author = call.request.query("author");
    let state = call.world.state();
    let shapes: Vec<Value> = commits
        .iter()
        .filter(|commit| since.as_ref().is_none_or(|since| commit.committer_date.as_str() >= since.as_str()))
        .filter(|commit| author.as_ref().is_none_or(|author| commit.author_email == *author || state.logins.get(&commit.author_email) == Some(author)))
        .map(|commit| shapes::commit(&call.world.urls, &state, repo, commit))
        .collect();
    Ok(call.page(shapes, None))
}

async fn compare(call: &Call, repo: &Repo, spec: &str) -> Answer {
    let (base, head) = spec.split_once("...").ok_or_else(not_found)?;
    // A label may carry its owner; the simulated forks share no objects unless a pull request brought them here.
    let short = |name: &str| name.rsplit_once(':').map_or(name, |(_, name)| name).to_owned();
    let git = &call.world.git;
    let base = git.resolve(&repo.dir, &short(base)).await.ok_or_else(not_found)?;
    let head = git.resolve(&repo.dir, &short(head)).await.ok_or_else(not_found)?;
    let merge_base = git.merge_base(&repo.dir, &base, &head).await.ok_or_else(|| message(404, "No common ancestor between the two commits."))?;
    let mut ahead = git.log(&repo.dir, &format!("{base}..{head}"), 1000, 0, None).await?;
    let behind = git.log(&repo.dir, &format!("{head}..{base}"), 1000, 0, None).await?.len();
    ahead.reverse();
    let status = match (ahead.len(), behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let files = git.diff(&repo.dir, &merge_base, &head).await?;
    let base_commit = git.commit_info(&repo.dir, &base).await.ok_or_else(not_found)?;
    let merge_commit = git.commit_info(&repo.dir, &merge_base).await.ok_or_else(not_found)?;
    let urls = &call.world.urls;
    let state = call.world.state();
    let name = repo.full_name();
    let html = format!("{}/{name}/compare/{spec}", urls.server);
    Ok(Reply::json(
        200,
        &json!({
            "url": format!("{}/repos/{name}/compare/{spec}", urls.api), "html_url": html, "permalink_url": html, "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"),
            "base_commit": shapes::commit(urls, &state, repo, &base_commit), "merge_base_commit": shapes::commit(urls, &state, repo, &merge_commit),
            "status": status, "ahead_by": ahead.len(), "behind_by": behind, "total_commits": ahead.len(),
            "commits": ahead.iter().map(|commit| shapes::commit(urls, &state, repo, commit)).collect::<Vec<_>>(),
            "files": files.iter().map(|file| shapes::file(urls, repo, &head, file)).collect::<Vec<_>>(),
        }),
    ))
}

async fn contents(call: &Call, repo: &Repo, path: &str) -> Answer {
    let git = &call.world.git;
    let name = call.request.query("ref").unwrap_or_else(|| repo.default_branch.clone());
    let sha = git.resolve(&repo.dir, &name).await.ok_or_else(|| message(404, &format!("No commit found for the ref {name}")))?;
    let urls = &call.world.urls;
    let shape = |path: &str, kind: &str, sha: &str, size: usize| {
        let full = repo.full_name();
        let api = format!("{}/repos/{full}/contents/{path}?ref={name}", urls.api);
        let html = format!("{}/{full}/blob/{name}/{path}", urls.server);
        let file_name = path.rsplit('/').next().unwrap_or(path);
        json!({"name": file_name, "path": path, "sha": sha, "size": size, "url": api, "html_url": html, "git_url": format!("{}/repos/{full}/git/blobs/{sha}", urls.api), "download_url": (kind == "file").then(|| format!("{}/{full}/raw/{name}/{path}", urls.server)), "type": kind, "_links": {"self": api, "git": format!("{}/repos/{full}/git/blobs/{sha}", urls.api), "html": html}})
    };
    let raw = call.request.header("accept").is_some_and(|accept| accept.contains("raw"));
    if let Some(bytes) = git.file(&repo.dir, &sha, path).await {
        if raw {
            return Ok(Reply::new(200, "application/vnd.github.raw+json; charset=utf-8", bytes));
        }
        let blob = git.text(&repo.dir, &["rev-parse", &format!("{sha}:{path}")]).await?;
        let mut value = shape(path, "file", &blob, bytes.len());
        if bytes.len() > 1 << 20 {
            value["content"] = json!("");
            value["encoding"] = json!("none");
        } else {
            let encoded = STANDARD.encode(&bytes);
            let lines: Vec<&str> = encoded.as_bytes().chunks(60).filter_map(|chunk| std::str::from_utf8(chunk).ok()).collect();
            value["content"] = json!(lines.iter().map(|line| format!("{line}\n")).collect::<String>());
            value["encoding"] = json!("base64");
        }
        return Ok(Reply::json(200, &value));
    }
    let entries = git.tree(&repo.dir, &sha, path.trim_end_matches('/')).await.map_err(|_| not_found())?;
    let listed: Vec<Value> = entries.iter().map(|(_, kind, blob, path)| shape(path, if kind == "tree" { "dir" } else { "file" }, blob, 0)).collect();
    Ok(Reply::json(200, &Value::Array(listed)))
}
