//! What a workflow could get at when a pushed branch starts it: secrets, write permissions, machines.
//!
//! Everything here errs on the side of "more": what cannot be decided from the file counts as reachable.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::matrix::expand;
use super::scope::{Scope, Variables};
use super::trigger::triggers;
use super::value::Value;
use super::{Workflow, template};

/// What a workflow's jobs can get at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reach {
    /// Secrets named in the file, sorted; `*` where all of them are handed on or the name is computed.
    pub secrets: Vec<String>,
    /// Permissions with `write`, sorted; `write-all`; `default` where a job's permissions are the repository's default.
    pub write_permissions: Vec<String>,
    /// The event `pull_request_target`, which hands the base's rights to a pull request, starts it.
    pub pull_request_target: bool,
    /// A job runs, or may run, on a machine of the team's own.
    pub self_hosted: bool,
    /// A job can sign in elsewhere as this repository (`id-token: write`).
    pub oidc: bool,
    /// Deployment environments named by jobs, sorted; computed names as they stand in the file.
    pub environments: Vec<String>,
    /// Reusable workflows it calls, sorted; what these reach is not in this file.
    pub calls: Vec<String>,
}

impl Reach {
    /// True where there is nothing that a pushed branch could get at.
    pub fn is_harmless(&self) -> bool {
        self.secrets.is_empty()
            && self.write_permissions.is_empty()
            && !self.pull_request_target
            && !self.self_hosted
            && !self.oidc
            && self.environments.is_empty()
            && self.calls.is_empty()
    }

    /// What there is, for people; empty where it is harmless. Holds text of the workflow file, to be escaped where it is shown.
    pub fn parts(&self) -> Vec<String> {
        let named = [("secrets", &self.secrets), ("write permission", &self.write_permissions)];
        let marks = [(self.pull_request_target, "pull_request_target"), (self.self_hosted, "a self-hosted runner"), (self.oidc, "an OIDC token")];
        let also = [("environments", &self.environments), ("called workflows", &self.calls)];
        let list = |(what, names): (&str, &Vec<String>)| (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")));
        let mut parts: Vec<String> = named.into_iter().filter_map(list).collect();
        parts.extend(marks.into_iter().filter(|(there, _)| *there).map(|(_, what)| what.to_owned()));
        parts.extend(also.into_iter().filter_map(list));
        parts
    }
}

/// `secrets`, and what follows it: `.NAME`, `['NAME']`, or anything else.
static SECRETS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)(?:^|[^\w.-])secrets\b(?:\s*\.\s*([A-Za-z_][\w-]*)|\s*\[\s*'([^']*)'\s*\])?").expect("constant pattern"));
/// `github.token`, the same token under another name.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)(?:^|[^\w.-])github\s*(?:\.\s*token\b|\[\s*'token'\s*\])").expect("constant pattern"));

/// What this workflow's jobs can get at.
pub fn reach(workflow: &Workflow) -> Reach {
    let mut secrets = BTreeSet::new();
    collect_secrets(workflow.root(), "", &mut secrets);
    let mut writes = BTreeSet::new();
    let mut environments = BTreeSet::new();
    let mut calls = BTreeSet::new();
    let mut self_hosted = false;
    let common = workflow.root().get("permissions");
    for (_, job) in workflow.jobs() {
        match job.get("permissions").or(common) {
            Some(permissions) => collect_writes(permissions, &mut writes),
            None => {
                writes.insert("default".to_owned());
            }
        }
        match job.get("environment") {
            Some(Value::Map(_)) => environments.extend(job.get("environment").and_then(|e| e.get("name")).map(Value::to_text)),
            Some(value) => environments.extend(value.texts()),
            None => {}
        }
        if let Some(uses) = job.get("uses").and_then(Value::as_text) {
            calls.insert(uses.to_owned());
            match job.get("secrets") {
                Some(Value::Text(word)) if word == "inherit" => {
                    secrets.insert("*".to_owned());
                }
                _ => {}
            }
        } else {
            self_hosted |= may_be_self_hosted(job);
        }
    }
    Reach {
        oidc: writes.contains("id-token") || writes.contains("write-all"),
        secrets: secrets.into_iter().collect(),
        write_permissions: writes.into_iter().collect(),
        pull_request_target: triggers(workflow).iter().any(|trigger| trigger.event == "pull_request_target"),
        self_hosted,
        environments: environments.into_iter().collect(),
        calls: calls.into_iter().collect(),
    }
}

/// Reads texts, not trees: an expression that our parser refuses still counts.
fn collect_secrets(value: &Value, key: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Text(text) if key == "if" || template::is_template(text) => {
            let bodies = template::expressions(text);
            // A bare condition, and a text whose expressions cannot be told apart, are searched whole.
            let searched = if bodies.is_empty() { vec![text.as_str()] } else { bodies };
            for body in searched {
                for found in SECRETS.captures_iter(body) {
                    let name = found.get(1).or_else(|| found.get(2)).map_or("*", |name| name.as_str());
                    into.insert(name.to_owned());
                }
                if TOKEN.is_match(body) {
                    into.insert("GITHUB_TOKEN".to_owned());
                }
            }
        }
        Value::List(items) => items.iter().for_each(|item| collect_secrets(item, key, into)),
        Value::Map(entries) => entries.iter().for_each(|(key, item)| {
            if template::is_template(key) {
                collect_secrets(&Value::Text(key.clone()), "", into);
            }
            collect_secrets(item, key, into);
        }),
        _ => {}
    }
}

fn collect_writes(permissions: &Value, into: &mut BTreeSet<String>) {
    match permissions {
        Value::Text(word) if word == "read-all" => {}
        Value::Text(word) => {
            into.insert(word.clone());
        }
        Value::Map(entries) => {
            into.extend(entries.iter().filter(|(_, level)| !matches!(level.as_text(), Some("read" | "none"))).map(|(name, _)| name.clone()));
        }
        _ => {}
    }
}

/// GitHub's own machines are called `ubuntu-…`, `windows-…` and `macos-…`; every other label may be the team's, and so
/// may one that depends on more than the file.
fn may_be_self_hosted(job: &Value) -> bool {
    match job.get("runs-on") {
        None => false,
        Some(Value::Map(_)) => true,
        Some(value) => labels(job, value).is_none_or(|labels| labels.iter().any(|label| !is_hosted(label))),
    }
}

/// The labels over all combinations of the job's matrix; nothing where one depends on more than the file.
fn labels(job: &Value, runs_on: &Value) -> Option<Vec<String>> {
    let nothing_known = Scope {
        github: Value::Null,
        runner: Value::Null,
        inputs: Value::Null,
        strategy: Value::Null,
        vars: None,
        matrix: Ok(Value::Null),
        env: Variables::new(),
        env_is_open: true,
        succeeded: true,
    };
    let combinations = expand(job.get("strategy"), &nothing_known).ok()?;
    let matrices = if combinations.is_empty() { vec![Value::Null] } else { combinations.into_iter().map(|combination| combination.matrix).collect() };
    let mut labels = Vec::new();
    for matrix in matrices {
        let scope = Scope { matrix: Ok(matrix), ..nothing_known.clone() };
        let filled = template::fill_deep(runs_on, &scope).ok()?;
        let found = filled.texts();
        // A group, or nothing at all, is no label that is known to be GitHub's.
        if found.is_empty() {
            return None;
        }
        labels.extend(found);
    }
    Some(labels)
}

fn is_hosted(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    ["ubuntu-", "windows-", "macos-"].iter().any(|system| label.starts_with(system))
}
