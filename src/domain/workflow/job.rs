//! Which job, and which combination of its matrix, has the displayed name.

use std::collections::BTreeMap;

use super::matrix::{Combination, expand};
use super::scope::{Missing, Scope, Unresolved, Variables};
use super::template::{Pattern, fill, is_template};
use super::value::Value;
use super::{Failed, NotReproducible, Reason, RunContext, StepPlan, Workflow, step};

/// Reusable workflows may call each other this deep (GitHub's limit for nesting is ten).
const MAX_CALLS: usize = 10;
/// How many names a message lists.
const MAX_LISTED: usize = 10;

/// A job in one combination, with what its expressions see.
pub(super) struct Candidate<'a> {
    pub id: &'a str,
    pub job: &'a Value,
    pub workflow: &'a Workflow,
    pub scope: Scope,
}

/// How well a name fits; the larger the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Parts of the name are unknown; so many bytes are known.
    Open(usize),
    /// A form of the name that GitHub is not known to use today.
    Unusual,
    Exact,
}

pub(super) fn find(workflow: &Workflow, failed: &Failed, context: &RunContext, called: &BTreeMap<String, Workflow>) -> Result<StepPlan, NotReproducible> {
    let scope = base_scope(context);
    search(workflow, failed.job.trim(), failed, &scope, called, 0)
}

fn search(
    workflow: &Workflow,
    shown: &str,
    failed: &Failed,
    base: &Scope,
    called: &BTreeMap<String, Workflow>,
    depth: usize,
) -> Result<StepPlan, NotReproducible> {
    let mut best: Vec<(Candidate, Option<String>)> = Vec::new();
    let mut best_fit = None;
    let mut names = Vec::new();
    for (id, job) in workflow.jobs() {
        let calls = job.get("uses").is_some();
        for (candidate, patterns) in candidates(workflow, id, job, base) {
            if names.len() < MAX_LISTED {
                names.push(patterns.first().and_then(|(p, _)| p.text()).unwrap_or(id).to_owned());
            }
            let fit = patterns
                .iter()
                .filter_map(|(pattern, usual)| {
                    let rest = if calls { inside(pattern, shown)? } else { pattern.matches(shown).then(String::new)? };
                    let fit = match (pattern.is_exact(), usual) {
                        (false, _) => Fit::Open(pattern.weight()),
                        (true, false) => Fit::Unusual,
                        (true, true) => Fit::Exact,
                    };
                    Some((fit, rest))
                })
                .max_by_key(|(fit, _)| *fit);
            let Some((fit, rest)) = fit else { continue };
            if best_fit.is_none_or(|best| fit > best) {
                best_fit = Some(fit);
                best.clear();
            }
            if best_fit == Some(fit) {
                best.push((candidate, calls.then_some(rest)));
            }
        }
    }
    if best.is_empty() {
        let detail = format!("no job is displayed as `{shown}`; the file has: {}", names.join(", "));
        return Err(NotReproducible::new(Reason::NoSuchJob, detail));
    }
    let mut plans = best.into_iter().map(|(candidate, rest)| match rest {
        None => step::plan(&candidate, failed),
        Some(rest) => enter(&candidate, &rest, failed, called, depth),
    });
    let first = plans.next().unwrap_or_else(|| Err(NotReproducible::new(Reason::NoSuchJob, shown)));
    // Several combinations of one name are no question as long as they would run the same.
    if plans.all(|plan| plan == first) { first } else { Err(NotReproducible::new(Reason::AmbiguousJob, format!("several jobs are displayed as `{shown}`"))) }
}

/// `callee` of `caller / callee`; an empty text for the calling job itself.
fn inside(pattern: &Pattern, shown: &str) -> Option<String> {
    if pattern.matches(shown) {
        return Some(String::new());
    }
    shown.match_indices(" / ").find(|(at, _)| pattern.matches(&shown[..*at])).map(|(at, separator)| shown[at + separator.len()..].to_owned())
}

/// Goes into the reusable workflow that a job calls.
fn enter(caller: &Candidate, shown: &str, failed: &Failed, called: &BTreeMap<String, Workflow>, depth: usize) -> Result<StepPlan, NotReproducible> {
    let path = caller.job.get("uses").map(Value::to_text).unwrap_or_default();
    let Some(workflow) = called.get(&path).filter(|_| depth < MAX_CALLS && !shown.is_empty()) else {
        return Err(NotReproducible::new(Reason::ReusableWorkflow, path));
    };
    let declared = workflow.root().get("on").and_then(|on| on.get("workflow_call")).and_then(|call| call.get("inputs"));
    let given = caller.job.get("with");
    let mut inputs = Vec::new();
    for (name, declaration) in declared.map(Value::entries).unwrap_or_default() {
        let value = given.and_then(|given| given.get(name)).or_else(|| declaration.get("default"));
        let value = match value {
            Some(Value::Text(text)) => fill(text, &caller.scope).map_err(|why| unresolved(&why))?,
            Some(other) => other.clone(),
            // A missing input is empty, and false where it is declared as a boolean.
            None => match declaration.get("type").and_then(Value::as_text) {
                Some("boolean") => Value::Bool(false),
                Some("number") => Value::Number(0.0),
                _ => Value::Text(String::new()),
            },
        };
        inputs.push((name.clone(), value));
    }
    let mut scope = caller.scope.clone();
    scope.inputs = Value::Map(inputs);
    scope.matrix = Ok(Value::Null);
    scope.strategy = Value::Null;
    scope.env = Variables::new();
    search(workflow, shown, failed, &scope, called, depth + 1)
}

/// A job in each of its combinations, with the names it may have; the usual form of the name is marked.
fn candidates<'a>(workflow: &'a Workflow, id: &'a str, job: &'a Value, base: &Scope) -> Vec<(Candidate<'a>, Vec<(Pattern, bool)>)> {
    let name = job.get("name").map(Value::to_text).filter(|name| !name.trim().is_empty());
    let literal = name.as_deref().is_none_or(|name| !is_template(name));
    let name = name.unwrap_or_else(|| id.to_owned());
    let candidate = |matrix, strategy| {
        let mut scope = base.clone();
        scope.matrix = matrix;
        scope.strategy = strategy;
        scope.env = variables(workflow.root().get("env"), &scope, &Variables::new());
        scope.env = variables(job.get("env"), &scope, &scope.env);
        Candidate { id, job, workflow, scope }
    };
    match expand(job.get("strategy"), base) {
        Ok(combinations) if combinations.is_empty() => {
            let total = Value::Map(vec![("job-index".to_owned(), Value::Number(0.0)), ("job-total".to_owned(), Value::Number(1.0))]);
            let candidate = candidate(Ok(Value::Null), total);
            let pattern = Pattern::of(&name, &candidate.scope);
            vec![(candidate, vec![(pattern, true)])]
        }
        Ok(combinations) => combinations
            .into_iter()
            .map(|Combination { matrix, segments, strategy }| {
                let all = matrix.leaves();
                let candidate = candidate(Ok(matrix), strategy);
                let pattern = Pattern::of(&name, &candidate.scope);
                let suffixed = |segments: &[String]| {
                    if segments.is_empty() { pattern.clone() } else { pattern.followed_by(&format!(" ({})", segments.join(", "))) }
                };
                // A name with an expression stands alone; a plain one gets the combination behind it.
                let mut patterns = vec![(suffixed(&segments), literal), (pattern.clone(), !literal)];
                if all != segments {
                    patterns.push((suffixed(&all), false));
                }
                patterns.sort_by_key(|(_, usual)| !usual);
                (candidate, patterns)
            })
            .collect(),
        Err(why) => {
            let why = Unresolved {
                // A malformed matrix stays malformed; any other is simply not known.
                missing: if why.missing == Missing::Syntax { Missing::Syntax } else { Missing::Matrix },
                what: format!("matrix ({})", why.what),
            };
            let candidate = candidate(Err(why), Value::Null);
            let pattern = Pattern::of(&name, &candidate.scope);
            let suffixed = pattern.followed_by_anything(" (", ")");
            vec![(candidate, vec![(suffixed, true), (pattern, true)])]
        }
    }
}

/// A level of `env`, laid over the one outside it.
pub(super) fn variables(env: Option<&Value>, scope: &Scope, outer: &Variables) -> Variables {
    let mut variables = outer.clone();
    match env {
        Some(Value::Map(entries)) => {
            for (name, value) in entries {
                let value = match value {
                    Value::Text(text) => fill(text, scope).map(|value| value.to_text()),
                    other => Ok(other.to_text()),
                };
                variables.insert(name.clone(), value);
            }
        }
        // `env: ${{ fromJSON(…) }}`
        Some(Value::Text(text)) => {
            if let Ok(Value::Map(entries)) = fill(text, scope) {
                variables.extend(entries.into_iter().map(|(name, value)| (name, Ok(value.to_text()))));
            }
        }
        _ => {}
    }
    variables
}

/// The reason that goes with an expression that is not resolved.
pub(super) fn unresolved(why: &Unresolved) -> NotReproducible {
    let reason = match why.missing {
        Missing::Secret => Reason::Secrets,
        Missing::StepOutput => Reason::StepOutput,
        Missing::JobOutput => Reason::JobOutput,
        Missing::Variable => Reason::Variable,
        Missing::Matrix => Reason::MatrixUnresolved,
        Missing::Context | Missing::Files | Missing::Syntax => Reason::Expression,
    };
    NotReproducible::new(reason, why.to_string())
}

fn base_scope(context: &RunContext) -> Scope {
    let map = |entries: &[(&str, &str)]| Value::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), Value::Text((*value).to_owned()))).collect());
    let texts = |values: &BTreeMap<String, String>| Value::Map(values.iter().map(|(key, value)| (key.clone(), Value::Text(value.clone()))).collect());
    let (owner, _) = context.repository.split_once('/').unwrap_or((&context.repository, ""));
    let ref_type = if context.git_ref.starts_with("refs/tags/") { "tag" } else { "branch" };
    Scope {
        github: map(&[
            ("sha", &context.sha),
            ("ref", &context.git_ref),
            ("ref_name", context.ref_name()),
            ("ref_type", ref_type),
            ("repository", &context.repository),
            ("repository_owner", owner),
            ("event_name", &context.event_name),
            ("base_ref", &context.base_ref),
            ("head_ref", &context.head_ref),
            ("actor", &context.actor),
            ("workflow", &context.workflow),
            ("workspace", &context.workspace),
        ]),
        runner: map(&[("os", "Linux"), ("arch", "X64"), ("temp", &context.temp), ("environment", "github-hosted"), ("debug", "")]),
        inputs: texts(&context.inputs),
        strategy: Value::Null,
        vars: context.vars.as_ref().map(texts),
        matrix: Ok(Value::Null),
        env: Variables::new(),
        env_is_open: false,
        succeeded: true,
    }
}
