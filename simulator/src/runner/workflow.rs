//! Workflow files: read in order, triggers asked, matrices unfolded. What this runner does not know makes a startup failure,
//! as an invalid file does on GitHub, rather than a run that silently does less.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::glob;

/// YAML with its order kept: jobs, steps, and the values of a matrix are shown in the file's order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Yaml {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        match self {
            Yaml::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn entries(&self) -> &[(String, Yaml)] {
        match self {
            Yaml::Map(entries) => entries,
            _ => &[],
        }
    }

    /// A scalar as text, as it would stand in an environment variable.
    pub fn text(&self) -> Option<String> {
        match self {
            Yaml::Bool(value) => Some(value.to_string()),
            Yaml::Integer(value) => Some(value.to_string()),
            Yaml::Float(value) => Some(value.to_string()),
            Yaml::Text(value) => Some(value.clone()),
            Yaml::Null => Some(String::new()),
            Yaml::List(_) | Yaml::Map(_) => None,
        }
    }

    /// One text or a list of them.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Yaml::List(items) => items.iter().filter_map(Yaml::text).collect(),
            Yaml::Null | Yaml::Map(_) => Vec::new(),
            scalar => scalar.text().into_iter().collect(),
        }
    }

    pub fn json(&self) -> Value {
        match self {
            Yaml::Null => Value::Null,
            Yaml::Bool(value) => Value::Bool(*value),
            Yaml::Integer(value) => Value::from(*value),
            Yaml::Float(value) => Value::from(*value),
            Yaml::Text(value) => Value::from(value.as_str()),
            Yaml::List(items) => Value::Array(items.iter().map(Yaml::json).collect()),
            Yaml::Map(entries) => Value::Object(entries.iter().map(|(key, value)| (key.clone(), value.json())).collect()),
        }
    }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyYaml;
        impl<'de> Visitor<'de> for AnyYaml {
            type Value = Yaml;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("any YAML value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Yaml, E> {
                Ok(Yaml::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Yaml, E> {
                Ok(Yaml::Integer(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Yaml, E> {
                Ok(i64::try_from(value).map_or_else(|_| Yaml::Text(value.to_string()), Yaml::Integer))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Yaml, E> {
                Ok(Yaml::Float(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Yaml, E> {
                Ok(Yaml::Text(value.to_owned()))
            }
            fn visit_unit<E>(self) -> Result<Yaml, E> {
                Ok(Yaml::Null)
            }
            fn visit_none<E>(self) -> Result<Yaml, E> {
                Ok(Yaml::Null)
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Yaml, D::Error> {
                Yaml::deserialize(deserializer)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Yaml, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = access.next_element()? {
                    items.push(item);
                }
                Ok(Yaml::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Yaml, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = access.next_key::<String>()? {
                    entries.push((key, access.next_value()?));
                }
                Ok(Yaml::Map(entries))
            }
        }
        deserializer.deserialize_any(AnyYaml)
    }
}

/// A workflow file.
#[derive(Clone, Debug)]
pub(crate) struct Workflow {
    pub name: Option<String>,
    pub triggers: Vec<(String, Yaml)>,
    pub env: Vec<(String, String)>,
    pub defaults: Defaults,
    pub concurrency: Option<(String, bool)>,
    pub jobs: Vec<JobSpec>,
}

/// `defaults.run`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub shell: Option<String>,
    pub directory: Option<String>,
}

/// A job of a workflow file.
#[derive(Clone, Debug)]
pub(crate) struct JobSpec {
    pub key: String,
    pub name: Option<String>,
    pub needs: Vec<String>,
    pub condition: Option<String>,
    pub runs_on: Vec<String>,
    pub env: Vec<(String, String)>,
    pub defaults: Defaults,
    pub combinations: Vec<Vec<(String, Yaml)>>,
    pub has_matrix: bool,
    pub fail_fast: bool,
    pub continue_on_error: Option<String>,
    pub timeout_minutes: Option<String>,
    pub outputs: Vec<(String, String)>,
    pub steps: Vec<StepSpec>,
}

/// A step of a job.
#[derive(Clone, Debug)]
pub(crate) struct StepSpec {
    pub id: Option<String>,
    pub name: Option<String>,
    pub condition: Option<String>,
    pub uses: Option<String>,
    pub with: Vec<(String, String)>,
    pub run: Option<String>,
    pub shell: Option<String>,
    pub directory: Option<String>,
    pub env: Vec<(String, String)>,
    pub continue_on_error: Option<String>,
    pub timeout_minutes: Option<String>,
}

/// Reads a workflow file, or says why GitHub would refuse it.
pub(crate) fn parse(text: &str) -> Result<Workflow, String> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let yaml: Yaml = serde_saphyr::from_str_with_options(text, options).map_err(|error| format!("You have an error in your yaml syntax: {error}"))?;
    let on = yaml.get("on").ok_or("No event triggers defined in `on`")?;
    let triggers = match on {
        Yaml::Map(entries) => entries.clone(),
        other => other.texts().into_iter().map(|name| (name, Yaml::Null)).collect(),
    };
    let workflow = Workflow {
        name: yaml.get("name").and_then(Yaml::text),
        triggers,
        env: pairs(yaml.get("env")),
        defaults: defaults(&yaml),
        concurrency: yaml.get("concurrency").and_then(|value| match value {
            Yaml::Map(_) => Some((value.get("group")?.text()?, value.get("cancel-in-progress").and_then(Yaml::text).is_some_and(|text| text == "true"))),
            scalar => Some((scalar.text()?, false)),
        }),
        jobs: yaml.get("jobs").map(Yaml::entries).unwrap_or_default().iter().map(|(key, job)| job_spec(key, job)).collect::<Result<_, _>>()?,
    };
    if workflow.jobs.is_empty() {
        return Err("The workflow must contain at least one job".to_owned());
    }
    for job in &workflow.jobs {
        if let Some(unknown) = job.needs.iter().find(|need| !workflow.jobs.iter().any(|other| other.key == **need)) {
            return Err(format!("Job '{}' depends on unknown job '{unknown}'", job.key));
        }
    }
    if cyclic(&workflow.jobs) {
        return Err("The workflow must contain at least one job with no dependencies".to_owned());
    }
    Ok(workflow)
}

fn cyclic(jobs: &[JobSpec]) -> bool {
    let mut done: Vec<&str> = Vec::new();
    loop {
        let ready: Vec<&str> = jobs
            .iter()
            .filter(|job| !done.contains(&job.key.as_str()) && job.needs.iter().all(|need| done.contains(&need.as_str())))
            .map(|job| job.key.as_str())
            .collect();
        if ready.is_empty() {
            return done.len() < jobs.len();
        }
        done.extend(ready);
    }
}

fn pairs(yaml: Option<&Yaml>) -> Vec<(String, String)> {
    yaml.map(Yaml::entries).unwrap_or_default().iter().filter_map(|(key, value)| Some((key.clone(), value.text()?))).collect()
}

fn defaults(yaml: &Yaml) -> Defaults {
    let run = yaml.get("defaults").and_then(|defaults| defaults.get("run"));
    Defaults {
        shell: run.and_then(|run| run.get("shell")).and_then(Yaml::text),
        directory: run.and_then(|run| run.get("working-directory")).and_then(Yaml::text),
    }
}

fn job_spec(key: &str, job: &Yaml) -> Result<JobSpec, String> {
    if job.get("uses").is_some() {
        return Err(format!("Job '{key}' calls a reusable workflow, which the simulator does not run"));
    }
    let runs_on = match job.get("runs-on") {
        Some(group @ Yaml::Map(_)) => group.get("labels").map(Yaml::texts).unwrap_or_default(),
        Some(labels) => labels.texts(),
        None => return Err(format!("Required property is missing: runs-on (job '{key}')")),
    };
    let steps = match job.get("steps") {
        Some(Yaml::List(steps)) => steps.iter().map(|step| step_spec(key, step)).collect::<Result<_, _>>()?,
        _ => return Err(format!("Job '{key}' has no steps")),
    };
    let strategy = job.get("strategy");
    let matrix = strategy.and_then(|strategy| strategy.get("matrix"));
    let combinations = match matrix {
        None => vec![Vec::new()],
        Some(matrix) => combinations(matrix).map_err(|reason| format!("Job '{key}': {reason}"))?,
    };
    let text = |name: &str| job.get(name).and_then(Yaml::text);
    Ok(JobSpec {
        key: key.to_owned(),
        name: text("name"),
        needs: job.get("needs").map(Yaml::texts).unwrap_or_default(),
        condition: text("if"),
        runs_on,
        env: pairs(job.get("env")),
        defaults: defaults(job),
        combinations,
        has_matrix: matrix.is_some(),
        fail_fast: strategy.and_then(|strategy| strategy.get("fail-fast")) != Some(&Yaml::Bool(false)),
        continue_on_error: text("continue-on-error"),
        timeout_minutes: text("timeout-minutes"),
        outputs: pairs(job.get("outputs")),
        steps,
    })
}

fn step_spec(job: &str, step: &Yaml) -> Result<StepSpec, String> {
    let text = |name: &str| step.get(name).and_then(Yaml::text);
    let spec = StepSpec {
        id: text("id"),
        name: text("name"),
        condition: text("if"),
        uses: text("uses"),
        with: pairs(step.get("with")),
        run: text("run"),
        shell: text("shell"),
        directory: text("working-directory"),
        env: pairs(step.get("env")),
        continue_on_error: text("continue-on-error"),
        timeout_minutes: text("timeout-minutes"),
    };
    if spec.run.is_some() == spec.uses.is_some() {
        return Err(format!("Every step must define a `uses` or `run` key (job '{job}')"));
    }
    Ok(spec)
}

/// Unfolds a matrix: the product of its lists, less `exclude`, with `include` extended or added.
fn combinations(matrix: &Yaml) -> Result<Vec<Vec<(String, Yaml)>>, String> {
    let Yaml::Map(entries) = matrix else {
        return Err("a matrix made by an expression is not simulated".to_owned());
    };
    let mut all: Vec<Vec<(String, Yaml)>> = vec![Vec::new()];
    let mut keys: Vec<&str> = Vec::new();
    for (key, values) in entries.iter().filter(|(key, _)| key != "include" && key != "exclude") {
        let Yaml::List(values) = values else {
            return Err(format!("matrix values of `{key}` must be a list"));
        };
        keys.push(key);
        all = all
            .into_iter()
            .flat_map(|combination| {
                values.iter().map(move |value| {
                    let mut longer = combination.clone();
                    longer.push((key.clone(), value.clone()));
                    longer
                })
            })
            .collect();
    }
    if let Some(Yaml::List(excludes)) = matrix.get("exclude") {
        all.retain(|combination| !excludes.iter().any(|exclude| exclude.entries().iter().all(|pair| combination.contains(pair))));
    }
    if keys.is_empty() {
        all.clear();
    }
    let originals = all.len();
    if let Some(Yaml::List(includes)) = matrix.get("include") {
        for include in includes {
            let fixed: Vec<_> = include.entries().iter().filter(|(key, _)| keys.contains(&key.as_str())).collect();
            let mut extended = false;
            for combination in all.iter_mut().take(originals) {
                if fixed.iter().all(|pair| combination.contains(pair)) {
                    for pair in include.entries().iter().filter(|(key, _)| !keys.contains(&key.as_str())) {
                        combination.retain(|(key, _)| *key != pair.0);
                        combination.push(pair.clone());
                    }
                    extended = true;
                }
            }
            if !extended {
                all.push(include.entries().to_vec());
            }
        }
    }
    if all.is_empty() { Err("Matrix vector does not contain any values".to_owned()) } else { Ok(all) }
}

/// Whether a filter's `branches`/`branches-ignore` (or `tags…`, `paths…`) take a name in; none where neither is given.
fn filtered(filter: &Yaml, name: &str, values: &[String]) -> Option<bool> {
    if let Some(list) = filter.get(name) {
        let patterns = list.texts();
        return Some(values.iter().any(|value| glob::filter_list(&patterns, value)));
    }
    let ignored = filter.get(&format!("{name}-ignore"))?.texts();
    Some(values.iter().any(|value| !glob::filter_list(&ignored, value)))
}

impl Workflow {
    fn trigger(&self, event: &str) -> Option<&Yaml> {
        self.triggers.iter().find(|(name, _)| name == event).map(|(_, filter)| filter)
    }

    /// Whether a push of a ref starts this workflow.
    pub fn on_push(&self, full_ref: &str, changed: &[String]) -> bool {
        let Some(filter) = self.trigger("push") else { return false };
        let named = if let Some(branch) = full_ref.strip_prefix("refs/heads/") {
            let tags_only = filter.get("tags").is_some() || filter.get("tags-ignore").is_some();
            filtered(filter, "branches", &[branch.to_owned()]).unwrap_or(!tags_only)
        } else if let Some(tag) = full_ref.strip_prefix("refs/tags/") {
            let branches_only = filter.get("branches").is_some() || filter.get("branches-ignore").is_some();
            return filtered(filter, "tags", &[tag.to_owned()]).unwrap_or(!branches_only);
        } else {
            false
        };
        named && filtered(filter, "paths", changed).unwrap_or(true)
    }

    /// Whether an action on a pull request starts this workflow.
    pub fn on_pull_request(&self, action: &str, base: &str, changed: &[String]) -> bool {
        let Some(filter) = self.trigger("pull_request") else { return false };
        let types = match filter.get("types") {
            Some(types) => types.texts(),
            None => ["opened", "synchronize", "reopened"].map(str::to_owned).to_vec(),
        };
        types.iter().any(|kind| kind == action)
            && filtered(filter, "branches", &[base.to_owned()]).unwrap_or(true)
            && filtered(filter, "paths", changed).unwrap_or(true)
    }
}

/// The name of a job as GitHub shows it, before expressions are filled in.
pub(crate) fn job_name(job: &JobSpec, combination: &[(String, Yaml)]) -> String {
    let base = job.name.clone().unwrap_or_else(|| job.key.clone());
    if !job.has_matrix || base.contains("${{") {
        return base;
    }
    let values: Vec<String> = combination.iter().map(|(_, value)| value.text().unwrap_or_else(|| value.json().to_string())).collect();
    format!("{base} ({})", values.join(", "))
}

/// A combination as the `matrix` context.
pub(crate) fn matrix_context(combination: &[(String, Yaml)]) -> Value {
    Value::Object(combination.iter().map(|(key, value)| (key.clone(), value.json())).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CI: &str = "name: CI\non:\n  push:\n    branches: ['**', '!wip/**']\n  pull_request:\n    branches: [main]\njobs:\n  build:\n    runs-on: ubuntu-latest\n    strategy:\n      matrix:\n        os: [linux, mac]\n        v: [1, 2]\n        exclude:\n          - {os: mac, v: 1}\n        include:\n          - {os: linux, extra: yes}\n          - {os: win, v: 3}\n    steps:\n      - run: echo hi\n";

    #[test]
    fn triggers_and_matrices_are_read() {
        let workflow = parse(CI).unwrap();
        assert!(workflow.on_push("refs/heads/agent-fix/a-1", &[]));
        assert!(!workflow.on_push("refs/heads/wip/a", &[]));
        assert!(!workflow.on_push("refs/tags/v1", &[]));
        assert!(workflow.on_pull_request("opened", "main", &[]));
        assert!(!workflow.on_pull_request("opened", "feature/x", &[]));
        assert!(!workflow.on_pull_request("ready_for_review", "main", &[]));
        let names: Vec<_> = workflow.jobs[0].combinations.iter().map(|c| job_name(&workflow.jobs[0], c)).collect();
        assert_eq!(names, ["build (linux, 1, yes)", "build (linux, 2, yes)", "build (mac, 2)", "build (win, 3)"]);
    }

    #[test]
    fn bad_files_say_why() {
        for (text, reason) in [
            ("on: push\njobs: {a: {runs-on: x, steps: [{run: a}], needs: b}}", "unknown job"),
            ("on: push\njobs: {a: {runs-on: x, steps: [{name: a}]}}", "`uses` or `run`"),
            ("on: push\njobs: {a: {steps: [{run: a}]}}", "runs-on"),
            ("on: push\n  bad\n indent: [", "yaml syntax"),
            ("on: push", "at least one job"),
            ("on: push\njobs: {a: {runs-on: x, needs: a, steps: [{run: a}]}}", "no dependencies"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(reason), "{error} should contain {reason}");
        }
    }

    #[test]
    fn paths_filter() {
        let workflow = parse("on: {push: {paths: ['src/**', '!**.md']}}\njobs: {a: {runs-on: x, steps: [{run: a}]}}").unwrap();
        assert!(workflow.on_push("refs/heads/a", &["src/lib.rs".to_owned()]));
        assert!(!workflow.on_push("refs/heads/a", &["src/a.md".to_owned(), "docs/x".to_owned()]));
    }
}
