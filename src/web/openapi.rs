//! `/api/openapi.json`: what there is, written by hand. A test asks a running server for every route and method in it, and for
//! every route that is not.

use axum::Json;
use serde_json::{Map, Value, json};

/// What an operation needs beside its path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Nothing.
    Nothing,
    /// The list's filters, as a query.
    Filters,
    /// A signature over the body.
    Signature,
    /// A person's token, and a body of this schema.
    Person(&'static str),
}

/// One operation: path, method, name, what it does, what it needs, and its answers: status and schema (empty for plain text).
type Operation = (&'static str, &'static str, &'static str, &'static str, Needs, &'static [(u16, &'static str)]);

const WEBHOOK: &[(u16, &str)] =
    &[(200, "Delivery"), (202, "Delivery"), (400, "Problem"), (401, "Problem"), (413, "Problem"), (429, "Problem"), (503, "Problem")];
const ACTED: &[(u16, &str)] = &[(200, "Job"), (400, "Problem"), (401, "Problem"), (404, "Problem"), (409, "Problem"), (503, "Problem")];
const CANCELLED: &[(u16, &str)] =
    &[(200, "Cancelled"), (400, "Problem"), (401, "Problem"), (404, "Problem"), (409, "Problem"), (502, "Problem"), (503, "Problem")];
const TAKEN_BACK: &[(u16, &str)] =
    &[(200, "TakenBack"), (400, "Problem"), (401, "Problem"), (404, "Problem"), (409, "Problem"), (502, "Problem"), (503, "Problem")];
const RETRIED: &[(u16, &str)] = &[(202, "Retried"), (400, "Problem"), (401, "Problem"), (404, "Problem"), (409, "Problem"), (503, "Problem")];
const RESET: &[(u16, &str)] = &[(200, "Closed"), (400, "Problem"), (401, "Problem"), (404, "Problem"), (503, "Problem")];
const STOPPED: &[(u16, &str)] = &[(200, "Stopped"), (400, "Problem"), (401, "Problem"), (503, "Problem")];
const LISTED: &[(u16, &str)] = &[(200, "Jobs"), (400, "Problem"), (503, "Problem")];
const SHOWN: &[(u16, &str)] = &[(200, "JobDetail"), (404, "Problem"), (503, "Problem")];

const OPERATIONS: &[Operation] = &[
    ("/", "get", "dashboard", "The dashboard, as HTML", Needs::Filters, &[(200, ""), (400, ""), (503, "")]),
    ("/jobs", "get", "jobs", "Remediations, newest first; HTML where the browser asks for it", Needs::Filters, LISTED),
    ("/jobs/{id}", "get", "job", "One remediation with its events; HTML where the browser asks for it", Needs::Nothing, SHOWN),
    ("/jobs/{id}/retry", "post", "jobRetry", "Opens a further try of what has ended", Needs::Person("Why"), RETRIED),
    ("/jobs/{id}/cancel", "post", "jobCancel", "Ends it, and takes back what it wrote", Needs::Person("Why"), CANCELLED),
    ("/jobs/{id}/rollback", "post", "jobRollback", "Takes back what it wrote", Needs::Person("Why"), TAKEN_BACK),
    ("/jobs/{id}/approve", "post", "jobApprove", "Says yes to what waits for an answer", Needs::Person("Why"), ACTED),
    ("/jobs/{id}/reject", "post", "jobReject", "Says no to what waits for an answer", Needs::Person("Why"), ACTED),
    ("/circuits/reset", "post", "circuitsReset", "Closes one circuit, or all of a repository", Needs::Person("Reset"), RESET),
    ("/pause", "post", "pause", "Stops everything, or one repository", Needs::Person("Stop"), STOPPED),
    ("/resume", "post", "resume", "Ends that stop", Needs::Person("Stop"), STOPPED),
    ("/api/jobs", "get", "apiJobs", "Remediations, newest first", Needs::Filters, LISTED),
    ("/api/jobs/{id}", "get", "apiJob", "One remediation with its events and their hashes", Needs::Nothing, SHOWN),
    ("/api/jobs/{id}/retry", "post", "apiJobRetry", "Opens a further try of what has ended", Needs::Person("Why"), RETRIED),
    ("/api/jobs/{id}/cancel", "post", "apiJobCancel", "Ends it, and takes back what it wrote", Needs::Person("Why"), CANCELLED),
    ("/api/jobs/{id}/rollback", "post", "apiJobRollback", "Takes back what it wrote", Needs::Person("Why"), TAKEN_BACK),
    ("/api/jobs/{id}/approve", "post", "apiJobApprove", "Says yes to what waits for an answer", Needs::Person("Why"), ACTED),
    ("/api/jobs/{id}/reject", "post", "apiJobReject", "Says no to what waits for an answer", Needs::Person("Why"), ACTED),
    ("/api/circuits", "get", "circuits", "All circuits", Needs::Nothing, &[(200, "Circuits"), (503, "Problem")]),
    ("/api/circuits/reset", "post", "apiCircuitsReset", "Closes one circuit, or all of a repository", Needs::Person("Reset"), RESET),
    ("/api/pauses", "get", "pauses", "All stops", Needs::Nothing, &[(200, "Pauses"), (503, "Problem")]),
    ("/api/pause", "post", "apiPause", "Stops everything, or one repository", Needs::Person("Stop"), STOPPED),
    ("/api/resume", "post", "apiResume", "Ends that stop", Needs::Person("Stop"), STOPPED),
    ("/api/openapi.json", "get", "openapi", "This description", Needs::Nothing, &[(200, "Any")]),
    ("/webhook", "post", "webhook", "Takes a delivery of GitHub", Needs::Signature, WEBHOOK),
    ("/webhook/", "post", "webhookSlash", "Takes a delivery of GitHub", Needs::Signature, WEBHOOK),
    ("/webhooks/github/", "post", "webhookGithub", "Takes a delivery of GitHub", Needs::Signature, WEBHOOK),
    ("/webhooks/github/health", "get", "webhookHealth", "Whether the receiver answers", Needs::Nothing, &[(200, "Any")]),
    ("/healthz", "get", "alive", "Whether the process answers", Needs::Nothing, &[(200, "Any")]),
    ("/readyz", "get", "ready", "Whether database, scheduler and forge are in order", Needs::Nothing, &[(200, "Any"), (503, "Problem")]),
    ("/metrics", "get", "metrics", "Metrics in Prometheus' text format", Needs::Nothing, &[(200, "")]),
    ("/style.css", "get", "style", "The dashboard's style sheet", Needs::Nothing, &[(200, "")]),
    ("/favicon.svg", "get", "icon", "The dashboard's icon", Needs::Nothing, &[(200, "")]),
];

/// `GET /api/openapi.json`.
pub async fn document() -> Json<Value> {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.0).or_insert_with(|| json!({}));
        path[operation.1] = described(operation);
    }
    Json(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "regreen",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What regreen knows and does. Reading needs no token: keep the address within the team. Acts need a person's token.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"}
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "person": {"type": "http", "scheme": "bearer", "description": "A token of REGREEN_ADMIN_TOKENS; its person is named in the audit"},
                "signature": {"type": "apiKey", "in": "header", "name": "X-Hub-Signature-256", "description": "`sha256=` and the HMAC-SHA256 of the body under a webhook secret"}
            },
            "schemas": schemas()
        }
    }))
}

fn described((path, _, name, summary, needs, answers): &Operation) -> Value {
    let mut parameters = Vec::new();
    if path.contains("{id}") {
        parameters.push(json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^r-[0-9a-f]{16}$"}}));
    }
    if *needs == Needs::Filters {
        parameters
            .push(json!({"name": "state", "in": "query", "description": "Phases with commas between, or `active`, `ended`", "schema": {"type": "string"}}));
        parameters.push(json!({"name": "repo", "in": "query", "description": "`owner/name`, or the repository's id", "schema": {"type": "string"}}));
        parameters.push(json!({"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}}));
    }
    if *needs == Needs::Signature {
        for header in ["X-GitHub-Delivery", "X-GitHub-Event"] {
            parameters.push(json!({"name": header, "in": "header", "required": true, "schema": {"type": "string", "minLength": 1, "maxLength": 128}}));
        }
    }
    let mut operation = json!({"operationId": name, "summary": summary, "parameters": parameters, "responses": {}});
    match needs {
        Needs::Person(body) => {
            operation["security"] = json!([{"person": []}]);
            let required = *body != "Why";
            operation["requestBody"] = json!({"required": required, "content": {"application/json": {"schema": reference(body)}}});
        }
        Needs::Signature => {
            operation["security"] = json!([{"signature": []}]);
            operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": {"type": "object"}}}});
        }
        Needs::Nothing | Needs::Filters => {}
    }
    for (status, schema) in *answers {
        let mut answer = json!({"description": http::StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Answer")});
        match *schema {
            "" => {}
            "Problem" => answer["content"] = json!({"application/problem+json": {"schema": reference("Problem")}}),
            name => answer["content"] = json!({"application/json": {"schema": reference(name)}}),
        }
        operation["responses"][status.to_string()] = answer;
    }
    operation
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn schemas() -> Map<String, Value> {
    let text = json!({"type": "string"});
    let maybe = json!({"type": ["string", "null"]});
    let time = json!({"type": "string", "format": "date-time"});
    let count = json!({"type": "integer", "minimum": 0});
    let flag = json!({"type": "boolean"});
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let phases: Vec<&str> = crate::domain::remediation::Phase::ALL.iter().map(|phase| phase.as_str()).collect();
    let reasons: Vec<Value> = crate::domain::remediation::Reason::ALL.iter().map(|reason| json!(reason.code())).chain(std::iter::once(Value::Null)).collect();
    let all = [
        ("Any", json!({"type": "object"})),
        (
            "Problem",
            json!({"type": "object", "required": ["type", "title", "status", "detail"], "properties": {"type": text, "title": text, "status": count, "detail": text}}),
        ),
        ("Delivery", json!({"type": "object", "properties": {"status": {"enum": ["pong", "ignored", "duplicate", "accepted"]}, "delivery": text}})),
        ("Why", json!({"type": "object", "additionalProperties": false, "properties": {"reason": text}})),
        (
            "Reset",
            json!({"type": "object", "additionalProperties": false, "required": ["repo", "reason"], "properties": {"repo": text, "signature": maybe, "reason": text}}),
        ),
        ("Stop", json!({"type": "object", "additionalProperties": false, "required": ["reason"], "properties": {"repo": maybe, "reason": text}})),
        (
            "TakenBack",
            json!({"type": "object", "properties": {
                "remediation": text, "outcome": {"enum": ["withdrawn", "nothing", "dry_run", "by_hand"]}, "phase": {"enum": phases}, "steps": texts, "left": texts,
                "why": text, "commands": texts, "by": text
            }}),
        ),
        (
            "Cancelled",
            json!({"allOf": [reference("Job"), {"type": "object", "properties": {"withdrawn": {"anyOf": [reference("TakenBack"), {"type": "null"}]}}}]}),
        ),
        ("Retried", json!({"type": "object", "properties": {"id": text, "retries": text}})),
        ("Closed", json!({"type": "object", "properties": {"closed": count}})),
        ("Stopped", json!({"type": "object", "properties": {"paused": flag, "resumed": flag, "repo": maybe}})),
        (
            "Circuits",
            json!({"type": "object", "properties": {"circuits": {"type": "array", "items": {"type": "object", "properties": {
                "repo": maybe, "repo_id": count, "signature": text, "state": {"enum": ["closed", "open", "half_open"]}, "failure_count": count, "openings": count,
                "opened_at": maybe, "reset_at": maybe, "probe": maybe, "updated_at": time
            }}}}}),
        ),
        (
            "Pauses",
            json!({"type": "object", "properties": {"pauses": {"type": "array", "items": {"type": "object", "properties": {"repo": maybe, "by": text, "reason": text, "since": time}}}}}),
        ),
        ("Jobs", json!({"type": "object", "properties": {"count": count, "jobs": {"type": "array", "items": reference("Job")}}})),
        (
            "Job",
            json!({"type": "object", "properties": {
                "id": text, "repo": text, "branch": text, "sha": text, "generation": count, "state": {"enum": phases}, "ended": flag, "reason": {"enum": reasons},
                "action": text, "why": text, "risk_score": {"type": "integer", "minimum": 0, "maximum": 10}, "checks_passed": texts, "checks_failed": texts,
                "dry_run": flag, "owner": maybe, "workflows": texts, "attempts": count, "route": maybe, "fix_branch": maybe,
                "pr": {"type": ["object", "null"], "properties": {"number": count, "base": text, "head": text, "draft": flag, "url": text}},
                "spent": {"type": "object", "properties": {"tokens": count, "cost_usd": {"type": "number"}}}, "opened_at": time, "updated_at": time
            }}),
        ),
        (
            "JobDetail",
            json!({"allOf": [reference("Job"), {"type": "object", "properties": {
                "remediation": {"type": "object", "description": "The whole state: the fold of the events"},
                "events": {"type": "array", "items": {"type": "object", "properties": {
                    "seq": count, "at": time, "name": text, "event": {"type": "object"}, "hash": {"type": "string", "description": "SHA-256 over the previous hash and the stored bytes"}
                }}}
            }}]}),
        ),
    ];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}
