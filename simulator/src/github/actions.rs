//! Workflows, runs, attempts, jobs and their logs.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::{Answer, Call, blob, message, not_found, shapes};
use crate::http::Reply;
use crate::runner::{self, Again};
use crate::state::{Attempt, Repo, Run, RunStatus};

pub(super) async fn answer(call: &Call, repo: &Repo, rest: &[&str]) -> Answer {
    let urls = &call.world.urls;
    match (call.request.method.as_str(), rest) {
        ("GET", ["actions", "runs"]) => Ok(list(call, repo, None)),
        ("GET", ["actions", "workflows", workflow, "runs"]) => {
            let id = find_workflow(repo, workflow).ok_or_else(not_found)?.0;
            Ok(list(call, repo, Some(id)))
        }
        ("GET", ["actions", "workflows"]) => {
            let shapes = repo.workflows.iter().map(|(path, (id, name, _))| shapes::workflow(urls, repo, *id, name, path)).collect();
            Ok(call.page(shapes, Some("workflows")))
        }
        ("GET", ["actions", "workflows", workflow]) => {
            let (id, name, path) = find_workflow(repo, workflow).ok_or_else(not_found)?;
            Ok(Reply::json(200, &shapes::workflow(urls, repo, id, &name, &path)))
        }
        ("GET", ["actions", "permissions", "workflow"]) => {
            Ok(Reply::json(200, &json!({"default_workflow_permissions": "read", "can_approve_pull_request_reviews": false})))
        }
        ("GET", ["actions", "permissions"]) => Ok(Reply::json(200, &json!({"enabled": true, "allowed_actions": "all"}))),
        ("GET", ["actions", "runs", id]) => on_run(call, repo, id, |run| {
            let state = call.world.state();
            Ok(Reply::json(200, &shapes::run(urls, &state, repo, run, run.latest())))
        }),
        ("GET", ["actions", "runs", id, "attempts", number]) => on_attempt(call, repo, id, number, |run, attempt| {
            let state = call.world.state();
            Ok(Reply::json(200, &shapes::run(urls, &state, repo, run, attempt)))
        }),
        ("GET", ["actions", "runs", id, "attempts", number, "jobs"]) => {
            on_attempt(call, repo, id, number, |run, attempt| Ok(call.page(jobs(call, repo, run, attempt), Some("jobs"))))
        }
        ("GET", ["actions", "runs", id, "jobs"]) => on_run(call, repo, id, |run| {
            let listed = if call.request.query("filter").as_deref() == Some("all") {
                run.attempts.iter().flat_map(|attempt| jobs(call, repo, run, attempt)).collect()
            } else {
                jobs(call, repo, run, run.latest())
            };
            Ok(call.page(listed, Some("jobs")))
        }),
        ("GET", ["actions", "runs", id, "logs"]) => on_run(call, repo, id, |run| zip_redirect(call, run, run.latest())),
        ("GET", ["actions", "runs", id, "attempts", number, "logs"]) => on_attempt(call, repo, id, number, |run, attempt| zip_redirect(call, run, attempt)),
        ("GET", ["actions", "runs", id, "artifacts"]) => on_run(call, repo, id, |_| Ok(call.page(Vec::new(), Some("artifacts")))),
        ("GET", ["actions", "jobs", id]) => on_job(call, repo, id, |run, attempt, job| {
            let job = &attempt.jobs[job];
            Ok(Reply::json(200, &shapes::job(urls, repo, run, attempt.number, job)))
        }),
        ("GET", ["actions", "jobs", id, "logs"]) => on_job(call, repo, id, |run, attempt, job| {
            let job = &attempt.jobs[job];
            if run.logs_expired {
                return Err(message(410, "Gone"));
            }
            // A job that still runs, or never started, has no log yet.
            if job.status != "completed" || (job.steps.is_empty() && job.fixed_log.is_none()) {
                return Err(not_found());
            }
            Ok(redirect(call, &format!("/logs/{}/{}.txt", run.id, job.id)))
        }),
        ("GET", ["check-runs", id]) => {
            on_job(call, repo, id, |run, attempt, job| Ok(Reply::json(200, &shapes::check_run(urls, repo, run, &attempt.jobs[job]))))
        }
        ("GET", ["check-runs", _, "annotations"]) => Ok(call.page(Vec::new(), None)),
        ("POST", ["actions", "runs", id, "rerun-failed-jobs"]) => rerun(call, repo, id, &Again::Failed),
        ("POST", ["actions", "runs", id, "rerun"]) => rerun(call, repo, id, &Again::All),
        ("POST", ["actions", "runs", id, "cancel"]) => {
            let id = on_run(call, repo, id, |run| Ok(run.id))?;
            if runner::cancel(&call.world, repo.id, id) {
                Ok(Reply::json(202, &json!({})))
            } else {
                Err(message(409, "Cannot cancel a workflow run that is completed."))
            }
        }
        ("POST", ["actions", "jobs", id, "rerun"]) => {
            let (run, job) = on_job(call, repo, id, |run, attempt, job| Ok((run.id, attempt.jobs[job].id)))?;
            rerun(call, repo, &run.to_string(), &Again::One(job))
        }
        _ => Err(not_found()),
    }
}

fn find_workflow(repo: &Repo, wanted: &str) -> Option<(u64, String, String)> {
    let found = repo.workflows.iter().find(|(path, (id, _, _))| id.to_string() == wanted || path.rsplit('/').next() == Some(wanted))?;
    Some((found.1.0, found.1.1.clone(), found.0.clone()))
}

/// Runs are looked up by id at once; only lists lag.
fn on_run<T>(call: &Call, repo: &Repo, id: &str, then: impl FnOnce(&Run) -> Result<T, Reply>) -> Result<T, Reply> {
    let run = id.parse().ok().and_then(|id| call.world.state().run(repo.id, id).cloned()).ok_or_else(not_found)?;
    then(&run)
}

fn on_attempt(call: &Call, repo: &Repo, id: &str, number: &str, then: impl FnOnce(&Run, &Attempt) -> Answer) -> Answer {
    on_run(call, repo, id, |run| {
        let attempt = run.attempts.iter().find(|attempt| attempt.number.to_string() == number).ok_or_else(not_found)?;
        then(run, attempt)
    })
}

fn on_job<T>(call: &Call, repo: &Repo, id: &str, then: impl FnOnce(&Run, &Attempt, usize) -> Result<T, Reply>) -> Result<T, Reply> {
    let id: u64 = id.parse().map_err(|_| not_found())?;
    let run = {
        let state = call.world.state();
        state.runs.iter().find(|run| run.repo == repo.id && run.attempts.iter().any(|attempt| attempt.jobs.iter().any(|job| job.id == id))).cloned()
    };
    let run = run.ok_or_else(not_found)?;
    let (attempt, job) =
        run.attempts.iter().rev().find_map(|attempt| Some((attempt, attempt.jobs.iter().position(|job| job.id == id)?))).ok_or_else(not_found)?;
    then(&run, attempt, job)
}

fn jobs(call: &Call, repo: &Repo, run: &Run, attempt: &Attempt) -> Vec<Value> {
    attempt.jobs.iter().map(|job| shapes::job(&call.world.urls, repo, run, attempt.number, job)).collect()
}

fn list(call: &Call, repo: &Repo, workflow: Option<u64>) -> Reply {
    let query = |name: &str| call.request.query(name).filter(|value| !value.is_empty());
    let (branch, event, status, sha, actor, created) = (query("branch"), query("event"), query("status"), query("head_sha"), query("actor"), query("created"));
    let seen_at = call.world.list_time();
    let no_pulls = query("exclude_pull_requests").as_deref() == Some("true");
    let state = call.world.state();
    let mut found: Vec<(&Run, &RunStatus)> = state
        .runs
        .iter()
        .filter(|run| run.repo == repo.id && workflow.is_none_or(|id| run.workflow_id == id))
        .filter(|run| branch.is_none() || run.head_branch == branch)
        .filter(|run| event.as_ref().is_none_or(|event| run.event == *event))
        .filter(|run| sha.as_ref().is_none_or(|sha| run.head_sha == *sha))
        .filter(|run| actor.as_ref().is_none_or(|actor| run.actor == *actor))
        .filter(|run| created.as_ref().is_none_or(|created| in_range(run.created_at, created)))
        .filter_map(|run| Some((run, run.seen_at(seen_at)?)))
        .filter(|(_, seen)| status.as_ref().is_none_or(|status| seen.status == *status || seen.conclusion.as_ref() == Some(status)))
        .collect();
    // Newest first; a rerun keeps its place.
    found.sort_by_key(|(run, _)| std::cmp::Reverse((run.created_at, run.id)));
    let shapes = found
        .into_iter()
        .map(|(run, seen)| {
            let attempt = run.attempts.iter().find(|attempt| attempt.number == seen.attempt).unwrap_or_else(|| run.latest());
            let mut value = shapes::run_as(&call.world.urls, &state, repo, run, attempt, &seen.status, seen.conclusion.as_deref());
            if no_pulls {
                value["pull_requests"] = json!([]);
            }
            value
        })
        .collect();
    call.page(shapes, Some("workflow_runs"))
}

/// GitHub's date search: `>=2026-01-01`, `2026-01-01..2026-02-01`, `*..2026-01-01T10:00:00Z`, a day.
fn in_range(at: DateTime<Utc>, range: &str) -> bool {
    let instant = |text: &str, end: bool| -> Option<DateTime<Utc>> {
        if let Ok(exact) = DateTime::parse_from_rfc3339(text) {
            return Some(exact.with_timezone(&Utc));
        }
        let day = text.parse::<NaiveDate>().ok()?;
        let time = if end { day.and_hms_milli_opt(23, 59, 59, 999)? } else { day.and_hms_opt(0, 0, 0)? };
        Some(time.and_utc())
    };
    // Stored times have more digits than those shown.
    let at = DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at);
    if let Some((from, to)) = range.split_once("..") {
        return instant(from, false).is_none_or(|from| at >= from) && instant(to, true).is_none_or(|to| at <= to);
    }
    if let Some(from) = range.strip_prefix(">=") {
        return instant(from, false).is_none_or(|from| at >= from);
    }
    if let Some(to) = range.strip_prefix("<=") {
        return instant(to, true).is_none_or(|to| at <= to);
    }
    if let Some(from) = range.strip_prefix('>') {
        return instant(from, true).is_none_or(|from| at > from);
    }
    if let Some(to) = range.strip_prefix('<') {
        return instant(to, false).is_none_or(|to| at < to);
    }
    instant(range, false).is_none_or(|from| at >= from) && instant(range, true).is_none_or(|to| at <= to)
}

fn redirect(call: &Call, path: &str) -> Reply {
    let signature = blob::sign(&call.world, path);
    Reply::empty(302).with("location", format!("{}{path}?sig={signature}", call.world.urls.blob))
}

fn zip_redirect(call: &Call, run: &Run, attempt: &Attempt) -> Answer {
    if run.logs_expired {
        return Err(message(410, "Gone"));
    }
    if attempt.status != "completed" || attempt.jobs.is_empty() {
        return Err(not_found());
    }
    Ok(redirect(call, &format!("/archives/{}/{}.zip", run.id, attempt.number)))
}

fn rerun(call: &Call, repo: &Repo, id: &str, what: &Again) -> Answer {
    let id = on_run(call, repo, id, |run| Ok(run.id))?;
    if runner::rerun(&call.world, repo.id, id, what, &call.caller.login) {
        Ok(Reply::json(201, &json!({})))
    } else {
        Err(message(403, "This workflow run cannot be retried: it is already running or its workflow file is invalid"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn created_ranges() {
        let at: DateTime<Utc> = "2026-03-02T10:00:00.5Z".parse().unwrap();
        for (range, expected) in [
            (">=2026-03-02", true),
            (">2026-03-02", false),
            ("<2026-03-02", false),
            ("2026-03-01..2026-03-02", true),
            ("*..2026-03-01", false),
            ("2026-03-02", true),
            (">=2026-03-02T10:00:00Z", true),
            (">=2026-03-02T10:00:01Z", false),
        ] {
            assert_eq!(in_range(at, range), expected, "{range}");
        }
    }
}
