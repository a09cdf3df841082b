//! Which step of a job has the displayed name, and everything needed to run it again.

use std::collections::BTreeMap;

use super::job::{Candidate, unresolved, variables};
use super::purpose::{Use, purpose, use_of};
use super::scope::{Missing, Scope, Unresolved, Variables};
use super::template::{Pattern, condition, fill};
use super::tools;
use super::value::Value;
use super::{EarlierStep, Failed, LeftOut, NotReproducible, Purpose, Reason, ShellKind, StepCommand, StepPlan};

pub(super) fn plan(candidate: &Candidate, failed: &Failed) -> Result<StepPlan, NotReproducible> {
    let Candidate { id, job, workflow, scope } = candidate;
    let runs_on = runs_on(job.get("runs-on"), scope);
    if let Some(label) = runs_on.iter().find(|label| is_other_system(label)) {
        return Err(NotReproducible::new(Reason::OtherSystem, label));
    }
    if let Some(container) = job.get("container").filter(|container| !container.is_empty()) {
        let image = container.get("image").unwrap_or(container);
        return Err(NotReproducible::new(Reason::Container, image.to_text()));
    }
    if let Some(services) = job.get("services").filter(|services| !services.is_empty()) {
        let names: Vec<_> = services.entries().iter().map(|(name, _)| name.as_str()).collect();
        return Err(NotReproducible::new(Reason::Services, names.join(", ")));
    }
    let steps = job.get("steps").map(Value::items).unwrap_or_default();
    let scopes = scopes(steps, scope);
    let at = locate(steps, &scopes, failed)?;
    let (step, scope) = (&steps[at], &scopes[at]);
    if let Some(action) = step.get("uses") {
        let action = action.to_text();
        let reason = if action.starts_with("./") { Reason::CompositeAction } else { Reason::NotARunStep };
        return Err(NotReproducible::new(reason, action));
    }
    let defaults = [job.get("defaults"), workflow.root().get("defaults")];
    let checkout = checkout_path(&steps[..at], &scopes[..at]);
    let reading = Reading { defaults, checkout: checkout.as_deref() };

    let mut left_out = Vec::new();
    let run = reading.run(step, scope, &mut left_out)?;
    let mut earlier_steps = Vec::new();
    for (step, scope) in steps[..at].iter().zip(&scopes) {
        let name = display_name(step, scope);
        match reading.earlier(step, scope, &name)? {
            Earlier::Needed(step, without) => {
                left_out.extend(without.map(|why| LeftOut { what: name, why }));
                earlier_steps.push(*step);
            }
            Earlier::LeftOut(why) => left_out.push(LeftOut { what: name, why }),
            Earlier::Skipped => {}
        }
    }
    left_out.dedup();
    let minutes = |value: Option<&Value>| {
        let value = match value? {
            Value::Text(text) => fill(text, scope).ok()?,
            other => other.clone(),
        };
        let number = value.to_number();
        // GitHub lets no job run longer than five days on its own machines.
        (1.0..=7200.0).contains(&number).then_some(number as u32)
    };
    Ok(StepPlan {
        job_id: (*id).to_owned(),
        step: display_name(step, scope),
        command: run.command,
        directory: run.directory,
        env: run.env,
        earlier_steps,
        setup_tools: tools::hints(&steps[..at], &scopes[..at]),
        runs_on,
        timeout_minutes: minutes(step.get("timeout-minutes")).or_else(|| minutes(job.get("timeout-minutes"))),
        left_out,
    })
}

fn runs_on(value: Option<&Value>, scope: &Scope) -> Vec<String> {
    let Some(value) = value else { return Vec::new() };
    let labels = value.get("labels").unwrap_or(value);
    labels
        .texts()
        .iter()
        .flat_map(|label| match fill(label, scope) {
            Ok(Value::Map(entries)) => Value::Map(entries).get("labels").map(Value::texts).unwrap_or_default(),
            Ok(filled) => filled.texts(),
            Err(_) => vec![label.clone()],
        })
        .collect()
}

fn is_other_system(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    ["windows", "macos"].iter().any(|system| label.starts_with(system))
}

/// What each step's expressions see: its own `env` laid over the job's.
fn scopes(steps: &[Value], job: &Scope) -> Vec<Scope> {
    let mut open = false;
    steps
        .iter()
        .map(|step| {
            let mut scope = job.clone();
            scope.env_is_open = open;
            scope.env = variables(step.get("env"), &scope, &scope.env);
            // An action may set variables as well as a script may.
            open |= step.get("uses").is_some_and(|uses| !uses.to_text().starts_with("actions/checkout@"))
                || step.get("run").map(Value::to_text).is_some_and(|script| script.contains("GITHUB_ENV"));
            scope
        })
        .collect()
}

/// The name GitHub shows for a step, with what can be resolved of it.
fn pattern(step: &Value, scope: &Scope) -> Pattern {
    if let Some(name) = step.get("name").map(Value::to_text).filter(|name| !name.trim().is_empty()) {
        return Pattern::of(&name, scope);
    }
    let body = match (step.get("run"), step.get("uses")) {
        (Some(script), _) => first_line(&script.to_text()).to_owned(),
        (None, Some(action)) => action.to_text(),
        (None, None) => String::new(),
    };
    Pattern::of(&format!("Run {body}"), scope)
}

fn display_name(step: &Value, scope: &Scope) -> String {
    match pattern(step, scope).text() {
        Some(text) => text.to_owned(),
        None => step.get("name").map_or_else(|| format!("Run {}", first_line(&step.get("run").map(Value::to_text).unwrap_or_default())), Value::to_text),
    }
}

fn first_line(script: &str) -> &str {
    script.trim_start().lines().next().unwrap_or_default().trim_end()
}

/// Steps that the runner adds around the workflow's own.
fn is_runners_own(name: &str) -> bool {
    ["Set up job", "Set up runner", "Complete job", "Complete runner", "Initialize containers", "Stop containers"].contains(&name)
        || ["Post ", "Pre ", "Pull ", "Build "].iter().any(|prefix| name.starts_with(prefix))
}

fn locate(steps: &[Value], scopes: &[Scope], failed: &Failed) -> Result<usize, NotReproducible> {
    let shown = failed.step.trim();
    let patterns: Vec<_> = steps.iter().zip(scopes).map(|(step, scope)| pattern(step, scope)).collect();
    let all =
        |wanted: &dyn Fn(&Pattern) -> bool| -> Vec<usize> { patterns.iter().enumerate().filter(|(_, pattern)| wanted(pattern)).map(|(at, _)| at).collect() };
    let mut found = all(&|pattern| pattern.is_exact() && pattern.matches(shown));
    if found.is_empty() {
        found = all(&|pattern| pattern.matches(shown));
    }
    // Names written with their expressions still in place, as the runner shows them before it can fill them in.
    if found.is_empty() {
        found = steps
            .iter()
            .enumerate()
            .filter(|(_, step)| {
                step.get("name").map(Value::to_text).as_deref() == Some(shown)
                    || step.get("run").is_some_and(|run| format!("Run {}", first_line(&run.to_text())) == shown)
            })
            .map(|(at, _)| at)
            .collect();
    }
    match found.as_slice() {
        [] if is_runners_own(shown) => Err(NotReproducible::new(Reason::NotARunStep, shown)),
        [] => Err(NotReproducible::new(Reason::NoSuchStep, format!("no step is displayed as `{shown}`"))),
        [only] => Ok(*only),
        several => several_of_one_name(several, shown, failed)
            .ok_or_else(|| NotReproducible::new(Reason::AmbiguousStep, format!("{} steps are displayed as `{shown}`", several.len()))),
    }
}

/// Tells steps of one name apart by their place in the API's list, else by the number, which counts `Set up job` as one.
fn several_of_one_name(found: &[usize], shown: &str, failed: &Failed) -> Option<usize> {
    let number = failed.number?;
    let listed: Vec<u32> = failed.steps.iter().filter(|(_, name)| name.trim() == shown).map(|(number, _)| *number).collect();
    if listed.len() == found.len() {
        let at = listed.iter().position(|listed| *listed == number)?;
        return Some(found[at]);
    }
    let at = usize::try_from(number).ok()?.checked_sub(2)?;
    found.contains(&at).then_some(at)
}

/// A folder below the workspace into which this repository is checked out.
fn checkout_path(steps: &[Value], scopes: &[Scope]) -> Option<String> {
    let (step, scope) = steps.iter().zip(scopes).find(|(step, _)| {
        let checkout = step.get("uses").and_then(Value::as_text).is_some_and(|uses| uses.starts_with("actions/checkout@"));
        checkout && step.get("with").and_then(|with| with.get("repository")).is_none()
    })?;
    let path = fill(step.get("with")?.get("path")?.as_text()?, scope).ok()?.to_text();
    let path = path.trim_start_matches("./").trim_matches('/').to_owned();
    (!path.is_empty() && path != ".").then_some(path)
}

/// A command that is ready to run.
struct Run {
    command: StepCommand,
    directory: String,
    env: BTreeMap<String, String>,
}

enum Earlier {
    /// It is run; what it will go without, if anything.
    Needed(Box<EarlierStep>, Option<String>),
    /// It is not run, and why; a later step may miss it.
    LeftOut(String),
    /// It is not run, and nothing misses it.
    Skipped,
}

struct Reading<'a> {
    /// `defaults` of the job, then of the workflow.
    defaults: [Option<&'a Value>; 2],
    checkout: Option<&'a str>,
}

impl Reading<'_> {
    fn setting(&self, step: &Value, key: &str) -> Option<Value> {
        let default = || self.defaults.iter().flatten().find_map(|defaults| defaults.get("run")?.get(key));
        step.get(key).or_else(default).filter(|value| !value.is_empty()).cloned()
    }

    fn run(&self, step: &Value, scope: &Scope, left_out: &mut Vec<LeftOut>) -> Result<Run, NotReproducible> {
        let script = step.get("run").map(Value::to_text).filter(|script| !script.trim().is_empty());
        let Some(script) = script else {
            return Err(NotReproducible::new(Reason::BadWorkflow, "the step has neither `run` nor `uses`"));
        };
        let filled = |text: &str| fill(text, scope).map(|value| value.to_text()).map_err(|why| unresolved(&why));
        let env = self.env(step, &script, scope, left_out)?;
        let shell = match self.setting(step, "shell") {
            None => ShellKind::Unspecified,
            Some(shell) => shell_kind(&filled(&shell.to_text())?)?,
        };
        let directory = match self.setting(step, "working-directory") {
            None => String::new(),
            Some(directory) => filled(&directory.to_text())?,
        };
        let workspace = scope.github.get("workspace").map(Value::to_text).unwrap_or_default();
        let directory = self.inside(&directory, &workspace)?;
        Ok(Run { command: StepCommand { shell, script: filled(&script)? }, directory, env })
    }

    /// The variables of a step. What is not known stops the step only where the step uses it: its own `env` counts as
    /// use, an outer one only when the script names the variable.
    fn env(&self, step: &Value, script: &str, scope: &Scope, left_out: &mut Vec<LeftOut>) -> Result<BTreeMap<String, String>, NotReproducible> {
        let own: &Variables = &variables(step.get("env"), scope, &Variables::new());
        let mut env = BTreeMap::new();
        for (name, value) in &scope.env {
            match value {
                Ok(value) => {
                    env.insert(name.clone(), value.clone());
                }
                Err(why) if own.contains_key(name) || names(script, name) => return Err(unresolved(why)),
                Err(why) => left_out.push(LeftOut { what: name.clone(), why: why.to_string() }),
            }
        }
        Ok(env)
    }

    /// A working directory as a path within the checkout.
    fn inside(&self, directory: &str, workspace: &str) -> Result<String, NotReproducible> {
        let outside = || NotReproducible::new(Reason::OutsideWorkspace, directory);
        let path = match directory.strip_prefix(workspace) {
            Some(rest) if !workspace.is_empty() && (rest.is_empty() || rest.starts_with('/')) => rest.trim_start_matches('/'),
            _ => directory,
        };
        if path.starts_with(['/', '~', '$']) || path.contains(['\0', '\n']) {
            return Err(outside());
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop().ok_or_else(outside)?;
                }
                part => parts.push(part),
            }
        }
        if let Some(checkout) = self.checkout {
            let prefix: Vec<&str> = checkout.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
            if !parts.starts_with(&prefix) {
                return Err(outside());
            }
            parts.drain(..prefix.len());
        }
        Ok(parts.join("/"))
    }

    fn earlier(&self, step: &Value, scope: &Scope, name: &str) -> Result<Earlier, NotReproducible> {
        let certain = match condition(step.get("if"), scope) {
            Ok(false) => return Ok(Earlier::Skipped),
            Ok(true) => true,
            // Without secrets such a condition is false: "deploy only where there is a token".
            Err(Unresolved { missing: Missing::Secret, what }) => {
                return Ok(Earlier::LeftOut(format!("its condition asks for `{what}`")));
            }
            Err(_) => false,
        };
        if let Some(action) = step.get("uses").map(Value::to_text) {
            return Ok(if tools::is_harmless(&action, step) { Earlier::Skipped } else { Earlier::LeftOut(format!("it is the action `{action}`")) });
        }
        let script = step.get("run").map(Value::to_text).unwrap_or_default();
        let without = match use_of(&script) {
            Use::Idle => return Ok(Earlier::Skipped),
            Use::Fetches(command) => return Ok(Earlier::LeftOut(format!("`{command}` asks a service that can't be asked here"))),
            Use::Run(fetch) => fetch.map(|command| format!("`{command}` asks a service that can't be asked here")),
        };
        let tolerated = step.get("continue-on-error").is_some_and(Value::truthy);
        match self.run(step, scope, &mut Vec::new()) {
            Ok(run) => {
                let step = EarlierStep {
                    name: name.to_owned(),
                    purpose: purpose(&run.command.script),
                    writes_env: ["GITHUB_ENV", "GITHUB_PATH"].iter().any(|file| script.contains(file)),
                    command: run.command,
                    directory: run.directory,
                    env: run.env,
                    certain,
                };
                Ok(Earlier::Needed(Box::new(step), without))
            }
            // What only checks, may fail, or may not have run at all is not worth giving up for.
            Err(why) if tolerated || !certain || purpose(&script) == Purpose::Check => Ok(Earlier::LeftOut(why.to_string())),
            Err(why) => Err(NotReproducible::new(why.reason, format!("earlier step `{name}`: {}", why.detail))),
        }
    }
}

fn shell_kind(shell: &str) -> Result<ShellKind, NotReproducible> {
    match shell.trim() {
        "bash" => Ok(ShellKind::Bash),
        "sh" => Ok(ShellKind::Sh),
        "python" => Ok(ShellKind::Python),
        custom if custom.contains("{0}") && !custom.starts_with("pwsh") && !custom.starts_with("powershell") => Ok(ShellKind::Custom(custom.to_owned())),
        other => Err(NotReproducible::new(Reason::UnsupportedShell, other)),
    }
}

/// Whether a script mentions a variable by name, as a word of its own.
fn names(script: &str, variable: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    script
        .match_indices(variable)
        .any(|(at, found)| !script[..at].chars().next_back().is_some_and(word) && !script[at + found.len()..].chars().next().is_some_and(word))
}
