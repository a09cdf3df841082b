//! One job: a fresh folder, the commit checked out, the steps run for real in an emptied environment.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Map, Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::time::Instant;

use super::JobOrder;
use super::expression::{self, Scope};
use super::log::StepLog;
use super::workflow::{self, StepSpec};
use crate::SimulatorError;
use crate::state::{Step, World};

/// GitHub's default for a job.
const DEFAULT_JOB_MINUTES: f64 = 360.0;

/// Kills a step's whole process group when dropped: at its end, on a timeout, and when the world shuts down.
struct Group(i32);

impl Drop for Group {
    fn drop(&mut self) {
        // It has usually ended by itself; then there is nobody left to signal.
        let _ = killpg(Pid::from_raw(self.0), Signal::SIGKILL);
    }
}

enum Ended {
    Exit(i32),
    TimedOut,
    Cancelled,
    NotStarted(String),
}

/// The folders of a job on this machine; in logs they appear under GitHub's names.
struct Folders {
    home: PathBuf,
    workspace: PathBuf,
    temp: PathBuf,
}

struct Bench {
    world: Arc<World>,
    order: JobOrder,
    folders: Folders,
    scope: Scope,
    /// Workflow and job level variables, filled in.
    env: Vec<(String, String)>,
    /// What steps added through `GITHUB_ENV`.
    added_env: BTreeMap<String, String>,
    added_path: Vec<String>,
    masks: Vec<String>,
    deadline: Instant,
    minutes: f64,
    timed_out: bool,
    number: u32,
}

/// Runs a job and returns its conclusion. The steps are kept in the world as they end.
pub(super) async fn execute(world: &Arc<World>, order: JobOrder) -> &'static str {
    let permit = tokio::select! {
        permit = world.jobs.acquire() => permit,
        () = order.cancel.cancelled() => return "cancelled",
    };
    let Ok(_permit) = permit else { return "cancelled" };
    let home = world.root.join("runners").join(order.job.to_string());
    let folders =
        Folders { workspace: home.join("work").join(&order.repo.name).join(&order.repo.name), temp: home.join("work").join("_temp"), home: home.clone() };
    let mut bench = Bench::new(world.clone(), order, folders);
    let conclusion = bench.run().await;
    if let Err(error) = std::fs::remove_dir_all(&home) {
        tracing::debug!(%error, "a job's folder could not be removed yet");
    }
    conclusion
}

impl Bench {
    fn new(world: Arc<World>, order: JobOrder, folders: Folders) -> Self {
        let combination = order.spec.combinations.get(order.index).cloned().unwrap_or_default();
        let mut github = order.github.clone();
        github["job"] = json!(order.spec.key);
        github["workspace"] = json!(folders.workspace);
        let contexts = json!({
            "github": github, "matrix": workflow::matrix_context(&combination), "needs": order.needs, "env": {}, "steps": {}, "vars": {}, "secrets": {}, "inputs": {},
            "job": {"status": "success"}, "strategy": {"fail-fast": order.spec.fail_fast, "job-index": order.index, "job-total": order.spec.combinations.len()},
            "runner": {"os": "Linux", "arch": "X64", "name": "GitHub Actions 1", "temp": folders.temp, "tool_cache": folders.home.join("toolcache"), "environment": "github-hosted"},
        });
        Self {
            world,
            order,
            folders,
            scope: Scope { contexts, failed: false, cancelled: false },
            env: Vec::new(),
            added_env: BTreeMap::new(),
            added_path: Vec::new(),
            masks: Vec::new(),
            deadline: Instant::now() + Duration::from_secs(3600),
            minutes: DEFAULT_JOB_MINUTES,
            timed_out: false,
            number: 0,
        }
    }

    async fn run(&mut self) -> &'static str {
        let now = Utc::now();
        if let Some(job) = self.world.state().job_mut(self.order.run, self.order.job) {
            job.started_at = Some(now);
        }
        if !self.set_up().await {
            return "failure";
        }
        let steps = self.order.spec.steps.clone();
        for step in &steps {
            self.step(step).await;
        }
        for step in steps.iter().rev().filter(|step| step.uses.as_deref().is_some_and(|uses| uses.starts_with("actions/checkout"))) {
            let name = step_name(step);
            let mut log = self.begin();
            log.line("Post job cleanup.");
            log.line("[command]/usr/bin/git version");
            log.line("git version 2.47.3");
            self.end(&format!("Post {name}"), log, "success");
        }
        let mut log = self.begin();
        log.line("Cleaning up orphan processes");
        self.end("Complete job", log, "success");
        self.outputs();
        if self.timed_out {
            "timed_out"
        } else if self.scope.cancelled {
            "cancelled"
        } else if self.scope.failed {
            "failure"
        } else {
            "success"
        }
    }

    fn outputs(&self) {
        let filled: BTreeMap<String, String> =
            self.order.spec.outputs.iter().filter_map(|(name, value)| Some((name.clone(), expression::fill(value, &self.scope).ok()?))).collect();
        if let Some(job) = self.world.state().job_mut(self.order.run, self.order.job) {
            job.outputs = filled;
        }
    }

    /// Opens the next step; it shows as in progress until it ends.
    fn begin(&mut self) -> StepLog {
        self.number += 1;
        let step = Step {
            number: self.number,
            name: String::new(),
            status: "in_progress".to_owned(),
            conclusion: None,
            started_at: Some(Utc::now()),
            completed_at: None,
            log: String::new(),
        };
        if let Some(job) = self.world.state().job_mut(self.order.run, self.order.job) {
            job.steps.push(step);
        }
        let folders = vec![(self.folders.home.to_string_lossy().into_owned(), "/home/runner".to_owned())];
        StepLog::new(folders, self.masks.clone())
    }

    fn end(&mut self, name: &str, log: StepLog, conclusion: &str) {
        let (text, masks) = log.finish();
        self.masks = masks;
        let mut state = self.world.state();
        let step = state.job_mut(self.order.run, self.order.job).and_then(|job| job.steps.last_mut());
        if let Some(step) = step {
            name.clone_into(&mut step.name);
            "completed".clone_into(&mut step.status);
            step.conclusion = Some(conclusion.to_owned());
            step.completed_at = Some(Utc::now());
            step.log = text;
        }
    }

    async fn set_up(&mut self) -> bool {
        let mut log = self.begin();
        for line in [
            "Current runner version: '2.329.0'",
            "##[group]Runner Image Provisioner",
            "Hosted Compute Agent",
            "##[endgroup]",
            "##[group]Operating System",
            "Ubuntu",
            "24.04.3",
            "LTS",
            "##[endgroup]",
            "##[group]Runner Image",
            "Image: ubuntu-24.04",
            "##[endgroup]",
            "##[group]GITHUB_TOKEN Permissions",
            "Contents: read",
            "Metadata: read",
            "Packages: read",
            "##[endgroup]",
            "Secret source: Actions",
            "Prepare workflow directory",
            "Prepare all required actions",
        ] {
            log.line(line);
        }
        let mut downloads: Vec<&str> = self.order.spec.steps.iter().filter_map(|step| step.uses.as_deref()).filter(|uses| !uses.starts_with("./")).collect();
        downloads.dedup();
        if !downloads.is_empty() {
            log.line("Getting action download info");
        }
        let unknown = self.order.spec.steps.iter().filter_map(|step| step.uses.as_deref()).find(|uses| action(uses).is_none());
        let mut problem = unknown.map(|uses| format!("Unable to resolve action {uses}, the simulator does not know it"));
        for uses in downloads {
            log.line(&format!("Download action repository '{uses}'"));
        }
        if problem.is_none() {
            problem = self.prepare().await.err();
        }
        let name = self.world.state().job_mut(self.order.run, self.order.job).map(|job| job.name.clone()).unwrap_or_default();
        match problem {
            Some(problem) => {
                log.line(&format!("##[error]{problem}"));
                self.end("Set up job", log, "failure");
                false
            }
            None => {
                log.line(&format!("Complete job name: {name}"));
                self.end("Set up job", log, "success");
                true
            }
        }
    }

    /// Fills in what the whole job shares, and checks the commit out.
    async fn prepare(&mut self) -> Result<(), String> {
        let mut env: Vec<(String, String)> = Vec::new();
        for (name, value) in self.order.workflow_env.iter().chain(&self.order.spec.env) {
            let value = expression::fill(value, &self.scope)?;
            env.retain(|(known, _)| known != name);
            self.scope.contexts["env"][name] = json!(value);
            env.push((name.clone(), value));
        }
        self.env = env;
        if let Some(minutes) = &self.order.spec.timeout_minutes {
            let text = expression::fill(minutes, &self.scope)?;
            self.minutes = text.parse().map_err(|_| format!("`{text}` is no number of minutes"))?;
        }
        self.deadline = Instant::now() + Duration::from_secs_f64(self.minutes.clamp(0.0, DEFAULT_JOB_MINUTES) * 60.0);
        self.check_out().await.map_err(|error| error.to_string())
    }

    async fn check_out(&self) -> Result<(), SimulatorError> {
        let Folders { workspace, temp, .. } = &self.folders;
        for folder in [workspace, temp] {
            std::fs::create_dir_all(folder).map_err(|error| SimulatorError::io("create a job's folder", &error))?;
        }
        let git = &self.world.git;
        let origin = format!("{}/{}", self.world.urls.server, self.order.repo.full_name());
        let whole = self.order.spec.steps.iter().any(|step| {
            step.uses.as_deref().is_some_and(|uses| uses.starts_with("actions/checkout"))
                && step.with.iter().any(|(name, value)| name == "fetch-depth" && value == "0")
        });
        git.bytes(workspace, &["init", "--quiet", "--template=", "--initial-branch=main"]).await?;
        git.bytes(workspace, &["remote", "add", "origin", &origin]).await?;
        let source = format!("file://{}", self.order.repo.dir.display());
        let mut fetch = vec!["fetch", "--quiet", "--no-tags"];
        if !whole {
            fetch.push("--depth=1");
        }
        fetch.extend([source.as_str(), self.order.checkout.as_str()]);
        git.bytes(workspace, &fetch).await?;
        let git_ref = self.order.github["ref"].as_str().unwrap_or_default();
        match git_ref.strip_prefix("refs/heads/") {
            Some(branch) => git.bytes(workspace, &["checkout", "--quiet", "--force", "-B", branch, &self.order.checkout]).await?,
            None => git.bytes(workspace, &["checkout", "--quiet", "--force", "--detach", &self.order.checkout]).await?,
        };
        Ok(())
    }

    async fn step(&mut self, step: &StepSpec) {
        let name = step_name(step);
        self.scope.cancelled |= self.order.cancel.is_cancelled();
        if Instant::now() >= self.deadline && !self.timed_out {
            self.timed_out = true;
            self.scope.cancelled = true;
        }
        let name = expression::fill(&name, &self.scope).unwrap_or(name);
        let mut log = self.begin();
        let run = match expression::condition(step.condition.as_deref(), &self.scope) {
            Ok(run) => run,
            Err(reason) => {
                log.line(&format!("##[error]The template is not valid. {reason}"));
                self.scope.failed = true;
                self.end(&name, log, "failure");
                return;
            }
        };
        if !run {
            let conclusion = if self.scope.cancelled { "cancelled" } else { "skipped" };
            self.note_step(step, conclusion, conclusion, Map::new());
            self.end(&name, log, conclusion);
            return;
        }
        let (outcome, outputs) = match self.perform(step, &mut log).await {
            Ok(result) => result,
            Err(reason) => {
                log.line(&format!("##[error]{reason}"));
                ("failure", Map::new())
            }
        };
        let tolerated = step.continue_on_error.as_deref().is_some_and(|text| expression::fill(text, &self.scope).is_ok_and(|text| text == "true"));
        let conclusion = if outcome == "failure" && tolerated { "success" } else { outcome };
        self.scope.failed |= conclusion == "failure";
        self.scope.contexts["job"]["status"] = json!(if self.scope.failed { "failure" } else { "success" });
        self.note_step(step, outcome, conclusion, outputs);
        self.end(&name, log, conclusion);
    }

    fn note_step(&mut self, step: &StepSpec, outcome: &str, conclusion: &str, outputs: Map<String, Value>) {
        if let Some(id) = &step.id {
            self.scope.contexts["steps"][id] = json!({"outcome": outcome, "conclusion": conclusion, "outputs": outputs});
        }
    }

    async fn perform(&mut self, step: &StepSpec, log: &mut StepLog) -> Result<(&'static str, Map<String, Value>), String> {
        let mut env: Vec<(String, String)> = self.env.clone();
        let added = self.added_env.iter().map(|(name, value)| (name.clone(), value.clone()));
        env.retain(|(name, _)| !self.added_env.contains_key(name));
        env.extend(added);
        for (name, value) in &step.env {
            let value = expression::fill(value, &self.scope)?;
            env.retain(|(known, _)| known != name);
            env.push((name.clone(), value));
        }
        let mut scope = self.scope.clone();
        scope.contexts["env"] = Value::Object(env.iter().map(|(name, value)| (name.clone(), json!(value))).collect());
        if let Some(uses) = &step.uses {
            self.uses(step, uses, &env, &scope, log)?;
            return Ok(("success", Map::new()));
        }
        let script = expression::fill(step.run.as_deref().unwrap_or_default(), &scope)?;
        let pick = |of_step: &Option<String>, of_job: &Option<String>, of_workflow: &Option<String>| {
            of_step.clone().or_else(|| of_job.clone()).or_else(|| of_workflow.clone())
        };
        let shell = pick(&step.shell, &self.order.spec.defaults.shell, &self.order.workflow_defaults.shell);
        let directory = pick(&step.directory, &self.order.spec.defaults.directory, &self.order.workflow_defaults.directory);
        let directory = match directory {
            Some(directory) => self.folders.workspace.join(expression::fill(&directory, &scope)?),
            None => self.folders.workspace.clone(),
        };
        let (shown, arguments, extension) = shell_of(shell.as_deref());
        let script = script.trim_end().to_owned();
        log.line(&format!("##[group]Run {}", script.lines().next().unwrap_or_default()));
        for line in script.lines() {
            log.line(&format!("\u{1b}[36;1m{line}\u{1b}[0m"));
        }
        log.line(&format!("shell: {shown}"));
        log_env(log, &env);
        log.line("##[endgroup]");
        let minutes = match &step.timeout_minutes {
            Some(text) => Some(expression::fill(text, &scope)?.parse::<f64>().map_err(|_| "timeout-minutes is no number".to_owned())?),
            None => None,
        };
        self.command(&script, &arguments, extension, &directory, &env, minutes, step, log).await
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one step, used once")]
    async fn command(
        &mut self,
        script: &str,
        arguments: &[String],
        extension: &str,
        directory: &Path,
        env: &[(String, String)],
        minutes: Option<f64>,
        step: &StepSpec,
        log: &mut StepLog,
    ) -> Result<(&'static str, Map<String, Value>), String> {
        let io = |error: std::io::Error| format!("An error occurred trying to start process: {error}");
        let file = self.folders.temp.join(format!("step-{}.{extension}", self.number));
        std::fs::write(&file, format!("{script}\n")).map_err(io)?;
        let mut exchange = Vec::new();
        for name in ["GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_STATE"] {
            let path = self.folders.temp.join(format!("{}-{}", name.to_lowercase(), self.number));
            std::fs::write(&path, "").map_err(io)?;
            exchange.push((name, path));
        }
        let mut command = Command::new(&arguments[0]);
        command.args(arguments[1..].iter().map(|argument| argument.replace("{0}", &file.to_string_lossy())));
        command.current_dir(directory).env_clear().envs(self.base_env());
        command.envs(exchange.iter().map(|(name, path)| (*name, path.as_os_str())));
        command.envs(env.iter().map(|(name, value)| (name, value)));
        let step_deadline = minutes.map(|minutes| Instant::now() + Duration::from_secs_f64(minutes.clamp(0.0, DEFAULT_JOB_MINUTES) * 60.0));
        let deadline = step_deadline.map_or(self.deadline, |own| own.min(self.deadline));
        let ended = supervise(command, deadline, &self.order.cancel, log).await;
        let outputs = self.read_exchange(&exchange);
        let outcome = match ended {
            Ended::Exit(0) => "success",
            Ended::Exit(code) => {
                log.line(&format!("##[error]Process completed with exit code {code}."));
                "failure"
            }
            Ended::NotStarted(reason) => {
                log.line(&format!("##[error]{reason}"));
                "failure"
            }
            Ended::TimedOut if step_deadline.is_some_and(|own| own <= self.deadline) => {
                log.line(&format!("##[error]The action '{}' has timed out after {} minutes.", step_name(step), minutes.unwrap_or_default()));
                "failure"
            }
            Ended::TimedOut => {
                log.line(&format!("##[error]The job has exceeded the maximum execution time of {}m0s", self.minutes));
                log.line("##[error]The operation was canceled.");
                self.timed_out = true;
                self.scope.cancelled = true;
                "cancelled"
            }
            Ended::Cancelled => {
                log.line("##[error]The operation was canceled.");
                self.scope.cancelled = true;
                "cancelled"
            }
        };
        Ok((outcome, outputs))
    }

    /// The environment every step starts with: nothing of the caller's but the search path and the Rust toolchain's folders.
    fn base_env(&self) -> Vec<(String, std::ffi::OsString)> {
        let caller_home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_else(|| "/root".into());
        let folder = |name: &str, below: &str| std::env::var_os(name).unwrap_or_else(|| caller_home.join(below).into_os_string());
        let mut path = std::ffi::OsString::from(self.added_path.iter().rev().fold(String::new(), |all, entry| all + entry + ":"));
        path.push(std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()));
        let mut env: Vec<(String, std::ffi::OsString)> = vec![
            ("PATH".to_owned(), path),
            ("HOME".to_owned(), self.folders.home.clone().into_os_string()),
            ("CARGO_HOME".to_owned(), folder("CARGO_HOME", ".cargo")),
            ("RUSTUP_HOME".to_owned(), folder("RUSTUP_HOME", ".rustup")),
            ("TMPDIR".to_owned(), self.folders.temp.clone().into_os_string()),
        ];
        for (name, value) in [
            ("CI", "true"),
            ("LANG", "C.UTF-8"),
            ("GITHUB_ACTIONS", "true"),
            ("RUNNER_OS", "Linux"),
            ("RUNNER_ARCH", "X64"),
            ("RUNNER_NAME", "GitHub Actions 1"),
            ("RUNNER_ENVIRONMENT", "github-hosted"),
        ] {
            env.push((name.to_owned(), value.into()));
        }
        env.push(("RUNNER_TEMP".to_owned(), self.folders.temp.clone().into_os_string()));
        env.push(("GITHUB_WORKSPACE".to_owned(), self.folders.workspace.clone().into_os_string()));
        env.push(("GITHUB_JOB".to_owned(), self.order.spec.key.clone().into()));
        for name in [
            "actor",
            "triggering_actor",
            "event_name",
            "sha",
            "ref",
            "ref_name",
            "ref_type",
            "base_ref",
            "head_ref",
            "repository",
            "repository_owner",
            "repository_id",
            "run_id",
            "run_number",
            "run_attempt",
            "workflow",
            "server_url",
            "api_url",
            "graphql_url",
        ] {
            let value = self.order.github[name].as_str().unwrap_or_default();
            env.push((format!("GITHUB_{}", name.to_uppercase()), value.into()));
        }
        env
    }

    /// Takes over what a step wrote into its exchange files, and returns its outputs.
    fn read_exchange(&mut self, files: &[(&str, PathBuf)]) -> Map<String, Value> {
        let mut outputs = Map::new();
        for (name, path) in files {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            match *name {
                "GITHUB_OUTPUT" => outputs.extend(assignments(&text).into_iter().map(|(name, value)| (name, json!(value)))),
                "GITHUB_ENV" => {
                    for (name, value) in assignments(&text) {
                        self.scope.contexts["env"][&name] = json!(value);
                        self.added_env.insert(name, value);
                    }
                }
                "GITHUB_PATH" => self.added_path.extend(text.lines().filter(|line| !line.is_empty()).map(str::to_owned)),
                _ => {}
            }
        }
        outputs
    }

    /// The actions whose effect the runner has anyway: they print, in short, what the real ones print.
    fn uses(&self, step: &StepSpec, uses: &str, env: &[(String, String)], scope: &Scope, log: &mut StepLog) -> Result<(), String> {
        log.line(&format!("##[group]Run {uses}"));
        let repository = self.order.repo.full_name();
        let mut with = step.with.clone();
        if action(uses) == Some("checkout") && !with.iter().any(|(name, _)| name == "repository") {
            with.insert(0, ("repository".to_owned(), repository.clone()));
        }
        if !with.is_empty() {
            log.line("with:");
            for (name, value) in &with {
                log.line(&format!("  {name}: {}", expression::fill(value, scope)?));
            }
        }
        log_env(log, env);
        log.line("##[endgroup]");
        match action(uses) {
            Some("checkout") => {
                log.line(&format!("Syncing repository: {repository}"));
                log.line("##[group]Getting Git version info");
                log.line(&format!("Working directory is '{}'", self.folders.workspace.display()));
                log.line("[command]/usr/bin/git version");
                log.line("git version 2.47.3");
                log.line("##[endgroup]");
                log.line("##[group]Checking out the ref");
                log.line(&format!("[command]/usr/bin/git checkout --progress --force {}", self.order.github["ref"].as_str().unwrap_or_default()));
                log.line("##[endgroup]");
                log.line("[command]/usr/bin/git log -1 --format=%H");
                log.line(&self.order.checkout);
            }
            Some("cache") => log.line("Cache not found for input keys"),
            _ => log.line("Found in cache"),
        }
        Ok(())
    }
}

/// The kind of a known action, by its name without the version.
fn action(uses: &str) -> Option<&'static str> {
    let name = uses.split('@').next().unwrap_or_default();
    match name {
        "actions/checkout" => Some("checkout"),
        "actions/cache" | "actions/cache/restore" | "actions/cache/save" | "Swatinem/rust-cache" => Some("cache"),
        "dtolnay/rust-toolchain" | "actions-rust-lang/setup-rust-toolchain" | "taiki-e/install-action" | "pnpm/action-setup" | "astral-sh/setup-uv" => {
            Some("setup")
        }
        name if name.starts_with("actions/setup-") || name.starts_with("dtolnay/rust-toolchain") => Some("setup"),
        _ => None,
    }
}

fn step_name(step: &StepSpec) -> String {
    match (&step.name, &step.uses, &step.run) {
        (Some(name), _, _) => name.clone(),
        (None, Some(uses), _) => format!("Run {uses}"),
        (None, None, run) => format!("Run {}", run.as_deref().unwrap_or_default().lines().next().unwrap_or_default()),
    }
}

fn log_env(log: &mut StepLog, env: &[(String, String)]) {
    if !env.is_empty() {
        log.line("env:");
        for (name, value) in env {
            log.line(&format!("  {name}: {value}"));
        }
    }
}

/// How a shell is shown, how it is started, and the extension of its scripts; as GitHub documents them.
fn shell_of(shell: Option<&str>) -> (String, Vec<String>, &'static str) {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    match shell {
        None => ("/usr/bin/bash -e {0}".to_owned(), words("bash -e {0}"), "sh"),
        Some("bash") => ("/usr/bin/bash --noprofile --norc -e -o pipefail {0}".to_owned(), words("bash --noprofile --norc -e -o pipefail {0}"), "sh"),
        Some("sh") => ("/usr/bin/sh -e {0}".to_owned(), words("sh -e {0}"), "sh"),
        Some("python") => ("/usr/bin/python {0}".to_owned(), words("python3 {0}"), "py"),
        Some(custom) => {
            let parts = words(custom);
            let parts = if parts.is_empty() { words("bash -e {0}") } else { parts };
            (custom.to_owned(), parts, "sh")
        }
    }
}

/// Reads `name=value` and `name<<MARK` blocks.
fn assignments(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let equals = line.find('=').unwrap_or(usize::MAX);
        let heredoc = line.find("<<").unwrap_or(usize::MAX);
        if heredoc < equals {
            let (name, mark) = (&line[..heredoc], &line[heredoc + 2..]);
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != mark).collect();
            out.push((name.to_owned(), value.join("\n")));
        } else if equals != usize::MAX {
            out.push((line[..equals].to_owned(), line[equals + 1..].to_owned()));
        }
    }
    out
}

/// Runs a command to its end, its deadline or its cancellation; both output streams share one pipe, so that their order is kept.
async fn supervise(mut command: Command, deadline: Instant, cancel: &tokio_util::sync::CancellationToken, log: &mut StepLog) -> Ended {
    let not_started = |error: std::io::Error| Ended::NotStarted(format!("An error occurred trying to start process: {error}"));
    let (reader, writer) = match std::io::pipe() {
        Ok(pipe) => pipe,
        Err(error) => return not_started(error),
    };
    let second = match writer.try_clone() {
        Ok(second) => second,
        Err(error) => return not_started(error),
    };
    command.stdin(Stdio::null()).stdout(writer).stderr(second).process_group(0).kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return not_started(error),
    };
    // The command holds the pipe's writing ends; the reader sees the end only once they are closed.
    drop(command);
    let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) else {
        return Ended::NotStarted("the process has no id".to_owned());
    };
    let group = Group(pid);
    let mut reader = match pipe::Receiver::from_owned_fd(OwnedFd::from(reader)) {
        Ok(reader) => reader,
        Err(error) => return not_started(error),
    };
    let mut pending = Vec::new();
    let mut buffer = vec![0; 16 << 10];
    let mut open = true;
    let ended = loop {
        tokio::select! {
            read = reader.read(&mut buffer), if open => match read {
                Ok(0) | Err(_) => open = false,
                Ok(bytes) => {
                    pending.extend_from_slice(&buffer[..bytes]);
                    drain_lines(&mut pending, log);
                }
            },
            status = child.wait() => break match status {
                Ok(status) => Ended::Exit(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))),
                Err(error) => Ended::NotStarted(error.to_string()),
            },
            () = tokio::time::sleep_until(deadline) => break Ended::TimedOut,
            () = cancel.cancelled() => break Ended::Cancelled,
        }
    };
    // Whatever the step left running goes with it; that also closes the pipe.
    drop(group);
    let rest = async {
        while let Ok(bytes) = reader.read(&mut buffer).await {
            if bytes == 0 {
                break;
            }
            pending.extend_from_slice(&buffer[..bytes]);
            drain_lines(&mut pending, log);
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), rest).await;
    if !pending.is_empty() {
        log.output(&String::from_utf8_lossy(&pending));
    }
    ended
}

fn drain_lines(pending: &mut Vec<u8>, log: &mut StepLog) {
    while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
        let line: Vec<u8> = pending.drain(..=end).collect();
        log.output(&String::from_utf8_lossy(&line[..end]));
    }
    // A line without an end must not grow without bounds.
    if pending.len() > 1 << 20 {
        log.output(&String::from_utf8_lossy(pending));
        pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchange_files_are_read() {
        assert_eq!(
            assignments("a=1\nb<<E\nx\ny=2\nE\nc=d=e\n"),
            [("a", "1"), ("b", "x\ny=2"), ("c", "d=e")].map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn actions_are_known_by_name() {
        for (uses, known) in
            [("actions/checkout@v4", true), ("actions/setup-node@v4", true), ("dtolnay/rust-toolchain@stable", true), ("evil/action@v1", false)]
        {
            assert_eq!(action(uses).is_some(), known, "{uses}");
        }
    }
}
