//! Pull requests over REST.

use chrono::Utc;
use serde_json::{Value, json};

use super::{Answer, Call, invalid, message, not_found, shapes};
use crate::events::Happening;
use crate::http::Reply;
use crate::pulls::{self, Merged, NewPull};
use crate::state::{Pull, Repo, Review};

pub(super) async fn answer(call: &Call, repo: &Repo, rest: &[&str]) -> Answer {
    let urls = &call.world.urls;
    let find = |number: &str| number.parse().ok().and_then(|number| repo.pull(number)).ok_or_else(not_found);
    match (call.request.method.as_str(), rest) {
        ("GET", ["pulls"]) => Ok(list(call, repo)),
        ("POST", ["pulls"]) => open(call, repo).await,
        ("GET", ["pulls", number]) => {
            let pull = find(number)?;
            if call.request.header("accept").is_some_and(|accept| accept.contains("diff") || accept.contains("patch")) {
                let base = merge_base(call, repo, pull).await?;
                let diff = call.world.git.bytes(&repo.dir, &["diff", "--no-color", "--no-ext-diff", &base, &pull.head_sha]).await?;
                return Ok(Reply::new(200, "application/vnd.github.v3.diff; charset=utf-8", diff));
            }
            shown(call, repo.id, pull.number)
        }
        ("PATCH", ["pulls", number]) => edit(call, repo, find(number)?).await,
        ("GET", ["pulls", number, "files"]) => {
            let pull = find(number)?;
            let base = merge_base(call, repo, pull).await?;
            let files = call.world.git.diff(&repo.dir, &base, &pull.head_sha).await?;
            Ok(call.page(files.iter().map(|file| shapes::file(urls, repo, &pull.head_sha, file)).collect(), None))
        }
        ("GET", ["pulls", number, "commits"]) => {
            let pull = find(number)?;
            let mut commits = call.world.git.log(&repo.dir, &format!("{}..{}", pull.base_sha, pull.head_sha), 250, 0, None).await?;
            commits.reverse();
            let state = call.world.state();
            Ok(call.page(commits.iter().map(|commit| shapes::commit(urls, &state, repo, commit)).collect(), None))
        }
        ("GET", ["pulls", number, "merge"]) => Ok(Reply::empty(if find(number)?.merged_at.is_some() { 204 } else { 404 })),
        ("PUT", ["pulls", number, "merge"]) => {
            let pull = find(number)?;
            let method = call.field("merge_method").unwrap_or_else(|| "merge".to_owned());
            match pulls::merge(&call.world, repo.id, pull.number, &method, call.field("sha").as_deref(), &call.caller.login).await? {
                Merged::Yes(sha) => Ok(Reply::json(200, &json!({"sha": sha, "merged": true, "message": "Pull Request successfully merged"}))),
                Merged::No(status, text) => Err(message(status, &text)),
            }
        }
        ("GET", ["pulls", number, "reviews"]) => {
            let pull = find(number)?;
            Ok(call.page(pull.reviews.iter().map(|review| shapes::review(urls, repo, pull.number, review)).collect(), None))
        }
        ("GET", ["pulls", number, "comments"]) => {
            let pull = find(number)?;
            Ok(call.page(pull.reviews.iter().flat_map(|review| review.comments.clone()).collect(), None))
        }
        ("POST", ["pulls", number, "reviews"]) => review(call, repo, find(number)?).await,
        _ => Err(not_found()),
    }
}

async fn merge_base(call: &Call, repo: &Repo, pull: &Pull) -> Result<String, Reply> {
    Ok(call.world.git.merge_base(&repo.dir, &pull.base_sha, &pull.head_sha).await.unwrap_or_else(|| pull.base_sha.clone()))
}

/// The pull request as it is now.
fn shown(call: &Call, repo: u64, number: u64) -> Answer {
    let state = call.world.state();
    let (repo, pull) = state.by_id(repo).and_then(|repo| Some((repo, repo.pull(number)?))).ok_or_else(not_found)?;
    Ok(Reply::json(200, &shapes::pull(&call.world.urls, &state, repo, pull, Some(pull.merge_commit_sha.is_some()))))
}

fn list(call: &Call, repo: &Repo) -> Reply {
    let wanted = call.request.query("state").unwrap_or_else(|| "open".to_owned());
    let (head, base) = (call.request.query("head"), call.request.query("base"));
    let state = call.world.state();
    let mut found: Vec<&Pull> = repo
        .pulls
        .iter()
        .filter(|pull| wanted == "all" || (wanted == "open") == pull.open)
        .filter(|pull| base.as_ref().is_none_or(|base| pull.base == *base))
        .filter(|pull| {
            // Without an owner GitHub ignores the filter.
            head.as_ref()
                .and_then(|head| head.split_once(':'))
                .is_none_or(|(owner, branch)| pull.head == branch && state.by_id(pull.head_repo).is_some_and(|head| head.owner.eq_ignore_ascii_case(owner)))
        })
        .collect();
    let key = |pull: &Pull| if call.request.query("sort").as_deref() == Some("updated") { pull.updated_at } else { pull.created_at };
    found.sort_by_key(|pull| (key(pull), pull.number));
    if call.request.query("direction").as_deref() != Some("asc") {
        found.reverse();
    }
    let shapes = found.into_iter().map(|pull| shapes::pull(&call.world.urls, &state, repo, pull, None)).collect();
    drop(state);
    call.page(shapes, None)
}

async fn open(call: &Call, repo: &Repo) -> Answer {
    let body = call.request.json();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let Some(title) = text("title").filter(|title| !title.is_empty()) else {
        return Err(invalid("PullRequest", "missing_field", Some("title"), ""));
    };
    let Some(head) = text("head") else { return Err(invalid("PullRequest", "missing_field", Some("head"), "")) };
    let Some(base) = text("base") else { return Err(invalid("PullRequest", "missing_field", Some("base"), "")) };
    let (head_repo, head) = match head.split_once(':') {
        None => (repo.id, head),
        Some((owner, branch)) => {
            let state = call.world.state();
            let found = state
                .repos
                .iter()
                .find(|candidate| candidate.owner.eq_ignore_ascii_case(owner) && (candidate.id == repo.id || candidate.fork_of == Some(repo.id)));
            (found.ok_or_else(|| invalid("PullRequest", "invalid", Some("head"), ""))?.id, branch.to_owned())
        }
    };
    let new = NewPull {
        title,
        body: text("body"),
        author: call.caller.login.clone(),
        head_repo,
        head,
        base,
        draft: body["draft"].as_bool().unwrap_or(false),
        maintainer_can_modify: body["maintainer_can_modify"].as_bool().unwrap_or(true) && head_repo != repo.id,
    };
    match pulls::open(&call.world, repo.id, new).await? {
        Ok(number) => {
            let mut reply = shown(call, repo.id, number)?;
            reply.status = 201;
            Ok(reply)
        }
        Err(refused) => Err(invalid("PullRequest", refused.code, refused.field, &refused.message)),
    }
}

async fn edit(call: &Call, repo: &Repo, pull: &Pull) -> Answer {
    let body = call.request.json();
    let (world, actor, number) = (&call.world, &call.caller.login, pull.number);
    let title = body["title"].as_str().map(str::to_owned);
    let text = body.get("body").map(|text| text.as_str().map(str::to_owned));
    if title.is_some() || text.is_some() {
        pulls::edit(world, repo.id, number, title, text, actor).await?;
    }
    if let Some(base) = body["base"].as_str().filter(|base| *base != pull.base) {
        if world.git.resolve(&repo.dir, &format!("refs/heads/{base}")).await.is_none() {
            return Err(invalid("PullRequest", "invalid", Some("base"), ""));
        }
        pulls::retarget(world, repo.id, number, base, actor).await?;
    }
    match body["state"].as_str() {
        Some("closed") => pulls::close(world, repo.id, number, actor).await?,
        Some("open") if !pull.open => {
            let reopened = pulls::reopen(world, repo.id, number, actor).await?;
            if !reopened {
                return Err(invalid("PullRequest", "invalid", Some("state"), "state cannot be changed. The pull request cannot be reopened."));
            }
        }
        _ => {}
    }
    shown(call, repo.id, number)
}

async fn review(call: &Call, repo: &Repo, pull: &Pull) -> Answer {
    let body = call.request.json();
    let review_state = match body["event"].as_str() {
        Some("APPROVE") => "APPROVED",
        Some("REQUEST_CHANGES") => "CHANGES_REQUESTED",
        Some("COMMENT") => "COMMENTED",
        None => "PENDING",
        Some(_) => return Err(invalid("PullRequestReview", "invalid", Some("event"), "")),
    };
    if pull.author == call.caller.login && matches!(review_state, "APPROVED" | "CHANGES_REQUESTED") {
        return Err(message(422, "Unprocessable Entity: Can not approve or request changes on your own pull request"));
    }
    let comments = body["comments"].as_array().cloned().unwrap_or_default();
    // A comment outside the diff refuses the whole review, as GitHub does.
    let base = merge_base(call, repo, pull).await?;
    let files = call.world.git.diff(&repo.dir, &base, &pull.head_sha).await?;
    for comment in &comments {
        let file = files.iter().find(|file| Some(file.path.as_str()) == comment["path"].as_str());
        if file.is_none_or(|file| !in_diff(file.patch.as_deref().unwrap_or_default(), comment)) {
            return Err(message(
                422,
                "Unprocessable Entity: Pull request review thread line must be part of the diff and Pull request review thread diff hunk can't be blank",
            ));
        }
    }
    let review = {
        let mut state = call.world.state();
        let review = Review {
            id: state.id(),
            author: call.caller.login.clone(),
            state: review_state.to_owned(),
            body: body["body"].as_str().unwrap_or_default().to_owned(),
            commit_id: body["commit_id"].as_str().unwrap_or(&pull.head_sha).to_owned(),
            comments,
            submitted_at: Utc::now(),
        };
        let known = state.by_id_mut(repo.id).and_then(|repo| repo.pulls.iter_mut().find(|candidate| candidate.number == pull.number));
        known.ok_or_else(not_found)?.reviews.push(review.clone());
        review
    };
    call.world.tell(Happening::Reviewed { repo: repo.full_name(), number: pull.number, author: review.author.clone(), state: review.state.clone() });
    Ok(Reply::json(200, &shapes::review(&call.world.urls, repo, pull.number, &review)))
}

/// Whether a review comment's line is shown in a file's patch; a comment by `position` counts lines after the first hunk's head.
fn in_diff(patch: &str, comment: &Value) -> bool {
    if let Some(position) = comment["position"].as_u64() {
        return position >= 1 && position < patch.lines().count() as u64;
    }
    let Some(wanted) = comment["line"].as_u64() else { return comment["subject_type"] == "file" };
    let left = comment["side"] == "LEFT";
    let (mut old, mut new) = (0_u64, 0_u64);
    for line in patch.lines() {
        if let Some(head) = line.strip_prefix("@@ -") {
            let number = |text: Option<&str>| text.and_then(|text| text.split([',', ' ']).next()?.parse().ok()).unwrap_or(0);
            old = number(Some(head));
            new = number(head.split_once('+').map(|(_, rest)| rest));
            continue;
        }
        let (in_old, in_new) = match line.as_bytes().first() {
            Some(b'-') => (true, false),
            Some(b'+') => (false, true),
            Some(b'\\') => continue,
            _ => (true, true),
        };
        if (left && in_old && old == wanted) || (!left && in_new && new == wanted) {
            return true;
        }
        old += u64::from(in_old);
        new += u64::from(in_new);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_must_lie_in_the_diff() {
        let patch = "@@ -1,3 +1,3 @@ fn a\n x\n-y\n+z\n w\n@@ -10 +10,2 @@\n q\n+r";
        for (comment, expected) in [
            (json!({"line": 2}), true),
            (json!({"line": 2, "side": "LEFT"}), true),
            (json!({"line": 4}), false),
            (json!({"line": 11}), true),
            (json!({"line": 11, "side": "LEFT"}), false),
            (json!({"position": 7}), true),
            (json!({"position": 8}), false),
            (json!({"subject_type": "file"}), true),
        ] {
            assert_eq!(in_diff(patch, &comment), expected, "{comment}");
        }
    }
}
