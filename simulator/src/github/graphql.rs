//! The few GraphQL operations that have no REST counterpart. The query is not parsed as a whole: the operation is told by its
//! field's name, the argument is taken from the variables or the text, and all fields a client may select are answered.

use serde_json::{Value, json};

use super::{Answer, Call, message, shapes};
use crate::http::Reply;
use crate::pulls;

pub(super) async fn answer(call: &Call) -> Answer {
    if call.caller.token.is_none() {
        return Err(message(401, "This endpoint requires you to be authenticated."));
    }
    let body = call.request.json();
    let Some(query) = body["query"].as_str() else {
        return Err(message(400, "A query attribute must be specified and must be a string."));
    };
    for (field, draft) in [("markPullRequestReadyForReview", false), ("convertPullRequestToDraft", true)] {
        if query.contains(field) {
            return set_draft(call, query, &body["variables"], field, draft).await;
        }
    }
    if query.contains("viewer") {
        return Ok(Reply::json(200, &json!({"data": {"viewer": {"login": call.caller.login, "id": shapes::node_id("U", 1)}}})));
    }
    Ok(failure("undefinedField", "The simulator answers only `viewer`, `markPullRequestReadyForReview` and `convertPullRequestToDraft`"))
}

/// GraphQL answers 200 for its errors, too.
fn failure(kind: &str, text: &str) -> Reply {
    Reply::json(200, &json!({"data": null, "errors": [{"type": kind, "path": [], "locations": [{"line": 1, "column": 1}], "message": text}]}))
}

/// The pull request's node id: from the variables wherever it is, or written into the query.
fn pull_id(query: &str, variables: &Value) -> Option<String> {
    fn search(value: &Value) -> Option<String> {
        match value {
            Value::String(text) if text.starts_with("PR_") => Some(text.clone()),
            Value::Object(map) => map.values().find_map(search),
            _ => None,
        }
    }
    search(variables).or_else(|| {
        let start = query.find("\"PR_")? + 1;
        let length = query[start..].find('"')?;
        Some(query[start..start + length].to_owned())
    })
}

async fn set_draft(call: &Call, query: &str, variables: &Value, field: &str, draft: bool) -> Answer {
    if !call.caller.write {
        return Ok(failure("FORBIDDEN", "Resource not accessible by integration"));
    }
    let wanted = pull_id(query, variables).unwrap_or_default();
    let found =
        {
            let state = call.world.state();
            state.repos.iter().filter(|repo| call.caller.sees(repo)).find_map(|repo| {
                repo.pulls.iter().find(|pull| shapes::node_id("PR", pull.id) == wanted).map(|pull| (repo.id, repo.drafts_allowed, pull.clone()))
            })
        };
    let Some((repo, drafts_allowed, pull)) = found else {
        return Ok(failure("NOT_FOUND", &format!("Could not resolve to a node with the global id of '{wanted}'")));
    };
    if !pull.open {
        return Ok(failure("UNPROCESSABLE", "Pull request is closed"));
    }
    if draft && !drafts_allowed {
        return Ok(failure("UNPROCESSABLE", "Draft pull requests are not supported in this repository."));
    }
    pulls::set_draft(&call.world, repo, pull.number, draft, &call.caller.login).await?;
    let url = call.world.repo_by_id(repo).map(|repo| format!("{}/{}/pull/{}", call.world.urls.server, repo.full_name(), pull.number));
    let shape = json!({"id": wanted, "number": pull.number, "isDraft": draft, "state": "OPEN", "url": url, "title": pull.title, "headRefOid": pull.head_sha, "headRefName": pull.head, "baseRefName": pull.base});
    Ok(Reply::json(200, &json!({"data": {field: {"clientMutationId": null, "pullRequest": shape}}})))
}
