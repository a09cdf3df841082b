//! Issues, the conversation of pull requests, labels, and who may do what.

use std::sync::Arc;

use chrono::Utc;
use serde_json::{Value, json};

use super::{Answer, Call, invalid, not_found, shapes};
use crate::events::Happening;
use crate::http::Reply;
use crate::state::{Comment, Repo, World};
use crate::webhooks;

pub(super) async fn answer(call: &Call, repo: &Repo, rest: &[&str]) -> Answer {
    let urls = &call.world.urls;
    let find = |number: &str| number.parse().ok().and_then(|number| repo.issue(number)).ok_or_else(not_found);
    match (call.request.method.as_str(), rest) {
        ("GET", ["issues"]) => {
            let wanted = call.request.query("state").unwrap_or_else(|| "open".to_owned());
            let found = repo.issues.iter().rev().filter(|issue| wanted == "all" || (wanted == "open") == issue.open);
            Ok(call.page(found.map(|issue| shapes::issue(urls, repo, issue)).collect(), None))
        }
        ("PATCH", ["issues", "comments", id]) => edit_comment(call, repo, id),
        ("GET", ["issues", "comments", id]) => {
            let (number, comment) = find_comment(repo, id).ok_or_else(not_found)?;
            Ok(Reply::json(200, &shapes::issue_comment(urls, repo, number, comment)))
        }
        ("DELETE", ["issues", "comments", id]) => {
            find_comment(repo, id).ok_or_else(not_found)?;
            if let Some(repo) = call.world.state().by_id_mut(repo.id) {
                repo.issues.iter_mut().for_each(|issue| issue.comments.retain(|comment| comment.id.to_string() != *id));
            }
            Ok(Reply::empty(204))
        }
        ("GET", ["issues", number]) => Ok(Reply::json(200, &shapes::issue(urls, repo, find(number)?))),
        ("GET", ["issues", number, "comments"]) => {
            let issue = find(number)?;
            Ok(call.page(issue.comments.iter().map(|comment| shapes::issue_comment(urls, repo, issue.number, comment)).collect(), None))
        }
        ("POST", ["issues", number, "comments"]) => {
            let issue = find(number)?;
            let body = call.field("body").filter(|body| !body.is_empty()).ok_or_else(|| invalid("IssueComment", "missing_field", Some("body"), ""))?;
            // GitHub's limit; longer bodies are refused, not cut.
            if body.len() > 65_536 {
                return Err(invalid("IssueComment", "custom", None, "body is too long (maximum is 65536 characters)"));
            }
            let comment = post_comment(&call.world, repo.id, issue.number, &call.caller.login, &body).ok_or_else(not_found)?;
            Ok(Reply::json(201, &shapes::issue_comment(urls, repo, issue.number, &comment)))
        }
        ("GET", ["issues", number, "labels"]) => {
            let labels = find(number)?.labels.iter().map(|name| shapes::label(urls, repo, name)).collect();
            Ok(call.page(labels, None))
        }
        ("POST", ["issues", number, "labels"]) => {
            let number = find(number)?.number;
            let body = call.request.json();
            let names = body["labels"].as_array().or_else(|| body.as_array()).ok_or_else(|| invalid("Label", "missing_field", Some("labels"), ""))?;
            let names: Vec<String> = names.iter().filter_map(|name| name.as_str().or_else(|| name["name"].as_str())).map(str::to_owned).collect();
            label(call, repo, number, |labels| {
                for name in names {
                    if !labels.contains(&name) {
                        labels.push(name);
                    }
                }
            })
        }
        ("DELETE", ["issues", number, "labels", name @ ..]) => {
            let issue = find(number)?;
            let name = name.join("/");
            if !issue.labels.contains(&name) {
                return Err(super::message(404, "Label does not exist"));
            }
            label(call, repo, issue.number, |labels| labels.retain(|label| *label != name))
        }
        ("GET", ["labels"]) => Ok(call.page(repo.labels.iter().map(|name| shapes::label(urls, repo, name)).collect(), None)),
        ("GET", ["labels", name]) => {
            let known = repo.labels.iter().find(|label| label == name).ok_or_else(not_found)?;
            Ok(Reply::json(200, &shapes::label(urls, repo, known)))
        }
        ("POST", ["labels"]) => {
            let name = call.field("name").ok_or_else(|| invalid("Label", "missing_field", Some("name"), ""))?;
            if repo.labels.contains(&name) {
                return Err(invalid("Label", "already_exists", Some("name"), ""));
            }
            if let Some(repo) = call.world.state().by_id_mut(repo.id) {
                repo.labels.push(name.clone());
            }
            Ok(Reply::json(201, &shapes::label(urls, repo, &name)))
        }
        ("GET", ["collaborators", login, "permission"]) => {
            let level = repo.permissions.get(*login).map_or(if repo.private { "none" } else { "read" }, String::as_str);
            // The old field knows only four words; the role carries the finer one.
            let coarse = match level {
                "admin" => "admin",
                "maintain" | "write" => "write",
                "triage" | "read" => "read",
                _ => "none",
            };
            let mut user = shapes::user(urls, login);
            user["permissions"] = json!({"admin": coarse == "admin", "maintain": matches!(level, "admin" | "maintain"), "push": matches!(coarse, "admin" | "write"), "triage": level != "read" && coarse != "none", "pull": coarse != "none"});
            user["role_name"] = json!(level);
            Ok(Reply::json(200, &json!({"permission": coarse, "user": user, "role_name": level})))
        }
        ("GET", ["collaborators", login]) => Ok(Reply::empty(if repo.permissions.contains_key(*login) { 204 } else { 404 })),
        _ => Err(not_found()),
    }
}

fn find_comment<'a>(repo: &'a Repo, id: &str) -> Option<(u64, &'a Comment)> {
    repo.issues.iter().find_map(|issue| issue.comments.iter().find(|comment| comment.id.to_string() == id).map(|comment| (issue.number, comment)))
}

fn edit_comment(call: &Call, repo: &Repo, id: &str) -> Answer {
    let body = call.field("body").ok_or_else(|| invalid("IssueComment", "missing_field", Some("body"), ""))?;
    let mut state = call.world.state();
    let known = state.by_id_mut(repo.id).ok_or_else(not_found)?;
    let (number, comment) = known
        .issues
        .iter_mut()
        .find_map(|issue| {
            let number = issue.number;
            issue.comments.iter_mut().find(|comment| comment.id.to_string() == id).map(|comment| (number, comment))
        })
        .ok_or_else(not_found)?;
    comment.body = body;
    comment.updated_at = Utc::now();
    Ok(Reply::json(200, &shapes::issue_comment(&call.world.urls, repo, number, comment)))
}

fn label(call: &Call, repo: &Repo, number: u64, change: impl FnOnce(&mut Vec<String>)) -> Answer {
    let labels = {
        let mut state = call.world.state();
        let known = state.by_id_mut(repo.id).ok_or_else(not_found)?;
        let issue = known.issues.iter_mut().find(|issue| issue.number == number).ok_or_else(not_found)?;
        change(&mut issue.labels);
        issue.updated_at = Utc::now();
        let labels = issue.labels.clone();
        // Labels that don't exist yet are made.
        for name in &labels {
            if !known.labels.contains(name) {
                known.labels.push(name.clone());
            }
        }
        labels
    };
    let shapes: Vec<Value> = labels.iter().map(|name| shapes::label(&call.world.urls, repo, name)).collect();
    call.world.tell(Happening::Labelled { repo: repo.full_name(), number, labels });
    Ok(Reply::json(200, &Value::Array(shapes)))
}

/// Posts a comment to an issue or pull request, whoever asks.
pub(crate) fn post_comment(world: &Arc<World>, repo: u64, number: u64, login: &str, body: &str) -> Option<Comment> {
    let now = Utc::now();
    let (comment, payload, name) = {
        let mut state = world.state();
        let comment = Comment { id: state.id(), author: login.to_owned(), body: body.to_owned(), created_at: now, updated_at: now };
        let known = state.by_id_mut(repo)?;
        let issue = known.issues.iter_mut().find(|issue| issue.number == number)?;
        issue.comments.push(comment.clone());
        issue.updated_at = now;
        let known = state.by_id(repo)?;
        let issue = known.issue(number)?;
        let payload = json!({
            "action": "created", "issue": shapes::issue(&world.urls, known, issue), "comment": shapes::issue_comment(&world.urls, known, number, &comment),
            "repository": shapes::repository(&world.urls, &state, known), "sender": shapes::user(&world.urls, login),
        });
        (comment, payload, known.full_name())
    };
    world.tell(Happening::Commented { repo: name, on: format!("#{number}"), author: login.to_owned(), body: body.to_owned() });
    webhooks::send(world, "issue_comment", payload);
    Some(comment)
}
