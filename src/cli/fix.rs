//! `regreen fix`: one failure, of a local clone or of one run on GitHub, through every gate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::output::{Format, Progress, Usage, json, say};
use super::{Context, code, start_log};
use crate::app::{self, Isolation, LocalRepository, Parts};
use crate::config::{LogFormat, Settings};
use crate::domain::gate::SafetyCheckResult;
use crate::domain::ids::{BranchName, CommitSha, RepoSlug, RunId};
use crate::domain::proof;
use crate::domain::remediation::{CommandRecord, Phase, Reason, Remediation, RunRecord, SetupStep};
use crate::domain::render::{self, escape, terminal};
use crate::domain::rules::{Pattern, Prove, RepoRules};
use crate::engine::stages::workspace::{NotPrepared, Ran, Workspace, limits};
use crate::engine::stages::{cache, place};
use crate::engine::{Engine, Runs, StageError, evidence, intake, worker};
use crate::ports::forge::Forge;
use crate::ports::git::Remote;

/// What to fix.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  regreen fix --repo . --cmd 'cargo test'
  regreen fix --repo . --setup 'python3 -m venv .venv && .venv/bin/pip install -r requirements.txt' --cmd '.venv/bin/python -m pytest'
  regreen fix --repo . --branch feature/x --cmd 'npm test' --dry-run
  regreen fix --run https://github.com/o/r/actions/runs/1")]
pub struct FixArgs {
    /// A local clone. Its checkout and its branches stay as they are; the fix is left on a branch agent-fix/….
    #[arg(long, value_name = "PATH", conflicts_with = "run", required_unless_present = "run")]
    repo: Option<PathBuf>,
    /// The broken branch; default what is checked out.
    #[arg(long, requires = "repo")]
    branch: Option<String>,
    /// The branch that the broken one came from, for comparison; default the clone's default branch.
    #[arg(long, requires = "repo", value_name = "REF")]
    base: Option<String>,
    /// The command that fails. It is run in a sandbox without network.
    #[arg(long, requires = "repo", value_name = "COMMAND")]
    cmd: Option<String>,
    /// Prepares the tree (dependencies), with network to package registries only; kept for the same lock files or commit. May be given several times.
    #[arg(long, requires = "repo", value_name = "COMMAND")]
    setup: Vec<String>,
    /// The wider test command that must not break.
    #[arg(long, requires = "repo", value_name = "COMMAND")]
    test: Option<String>,
    /// How long one command may take, such as 90s or 20m; default what the settings say of the repository.
    #[arg(long, requires = "repo", value_name = "TIME", value_parser = time)]
    timeout: Option<std::time::Duration>,
    /// CI's log of the failure; default what the command prints here.
    #[arg(long, requires = "repo", value_name = "FILE")]
    log: Option<PathBuf>,
    /// One run on GitHub, by its address.
    #[arg(long, value_name = "URL")]
    run: Option<String>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn time(text: &str) -> Result<std::time::Duration, String> {
    let read = crate::config::duration(text).filter(|time| !time.is_zero());
    read.ok_or_else(|| "expected a time such as 90s, 20m or 1h".to_owned())
}

/// What `--format json` prints.
#[derive(Debug, Default, Serialize)]
struct Report {
    outcome: &'static str,
    reason: String,
    detail: String,
    branch: Option<String>,
    base_sha: Option<String>,
    commit: Option<String>,
    patch: Option<String>,
    verdict: Option<SafetyCheckResult>,
    attempts: u32,
    route: Option<String>,
    tokens: u64,
    cost_usd: f64,
    proof: Option<ProofReport>,
    pr: Option<serde_json::Value>,
    remediation: Option<String>,
    would_write: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_request: Option<String>,
}

#[derive(Debug, Serialize)]
struct ProofReport {
    before: Option<RunReport>,
    after: Option<RunReport>,
    wider: Option<RunReport>,
}

#[derive(Debug, Serialize)]
struct RunReport {
    command: String,
    exit_code: Option<i32>,
    seconds: f64,
}

impl From<&RunRecord> for RunReport {
    fn from(run: &RunRecord) -> Self {
        Self { command: run.command.clone(), exit_code: run.exit_code, seconds: run.seconds }
    }
}

/// Runs it.
pub async fn run(context: &Context, args: &FixArgs) -> anyhow::Result<u8> {
    let settings = context.settings()?;
    let filter = std::env::var("REGREEN_LOG").unwrap_or_else(|_| if context.verbose > 0 { settings.log.clone() } else { "error".into() });
    start_log(context, &filter, LogFormat::Pretty);
    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                stop.cancel();
            }
        }
    });
    let progress = Progress::start(false);
    let result = match (&args.repo, &args.run) {
        (Some(repo), _) => local(&settings, args, repo, &progress, &stop).await,
        (None, Some(address)) => remote(&settings, address, &progress, &stop).await,
        (None, None) => Err(Usage("give --repo PATH or --run URL".into()).into()),
    };
    progress.end();
    // What an earlier run that was killed left in the working folder belongs to nobody.
    let work_dir = app::work_dir(&settings.data_dir);
    if let Ok(Err(error)) = tokio::task::spawn_blocking(move || place::sweep(&work_dir)).await {
        tracing::warn!(%error, "old working folders could not be removed");
    }
    let report = result?;
    match args.format {
        Format::Json => json(&report.0)?,
        Format::Text => print(&report, context.paint),
    }
    Ok(match report.0.outcome {
        "fixed" | "dry_run" => code::DONE,
        "blocked" => code::BLOCKED,
        _ if report.0.reason == Reason::OutsideServiceFailed.code() => code::OUTSIDE,
        _ => code::NO,
    })
}

async fn local(
    settings: &Settings,
    args: &FixArgs,
    repo: &Path,
    progress: &Progress,
    stop: &CancellationToken,
) -> anyhow::Result<(Report, Option<Remediation>)> {
    let command = args.cmd.clone().ok_or_else(|| Usage("--repo needs --cmd 'COMMAND': the command that fails".into()))?;
    let path = repo.canonicalize().map_err(|error| Usage(format!("`{}` can't be opened: {error}", repo.display())))?;
    let found = LocalRepository::at(path.clone(), args.branch.as_deref(), args.base.as_deref()).map_err(|error| Usage(error.to_string()))?;
    let clone = &found.clone;
    let log = match &args.log {
        Some(file) => Some(read_log(file)?),
        None => None,
    };

    let mut rules = settings.rules.clone();
    let setup: Vec<String> = args.setup.clone();
    let mut own = RepoRules { command: Some(command.clone()), setup, test: args.test.clone(), prove: Prove::Sandbox, rerun: false, ..rules.default.clone() };
    own.watch = vec![Pattern::parse("**").map_err(Usage)?];
    // What the settings say of this clone's repository (limits, risk, routes) holds here too.
    if let Some(slug) = clone.origin.as_deref().and_then(|origin| RepoSlug::from_address(origin).ok()) {
        let given = rules.of(&slug).clone();
        own = RepoRules {
            command: own.command,
            setup: if own.setup.is_empty() { given.setup.clone() } else { own.setup },
            test: own.test.or(given.test.clone()),
            prove: Prove::Sandbox,
            rerun: false,
            ..given
        };
    }
    own.timeout = args.timeout.unwrap_or(own.timeout);
    let forge_for = |log: Vec<u8>| found.forge(log);
    rules.repos = vec![crate::domain::rules::RepoPattern::One(forge_for(Vec::new()).repository().slug.clone())];
    rules.by_repo = Vec::new();
    rules.default = own.clone();
    rules.timing.settle = std::time::Duration::ZERO;

    let store = Arc::new(app::database_in_memory(rules.breaker).await?);
    let folder = settings.data_dir.clone();
    std::fs::create_dir_all(&folder)?;
    let parts = |forge: Arc<dyn Forge>, runs: Runs| -> anyhow::Result<Parts> {
        Ok(Parts {
            forge,
            store: store.clone(),
            llm: Arc::new(app::models(settings)?),
            alerts: Arc::new(app::no_alerts()?),
            runs,
            rules: rules.clone(),
            folder: folder.clone(),
        })
    };
    let sandbox = app::runs(&settings.sandbox, Isolation::Required);
    if let Runs::Not(why) = &sandbox {
        let report = Report {
            outcome: "no_fix",
            reason: Reason::SandboxUnavailable.code().into(),
            detail: why.clone(),
            base_sha: Some(clone.head.to_string()),
            ..Report::default()
        };
        return Ok((report, None));
    }

    // Reproduced first: what the command prints here is the log, where none was given.
    progress.step(&format!("reproducing `{}` at {} of {}", escape::line(&command, 60), clone.head.short(), clone.branch));
    let mut engine = app::engine(settings, parts(Arc::new(forge_for(Vec::new())), sandbox.clone())?)?;
    engine.patience = 3;
    let record = CommandRecord {
        shell: "bash".into(),
        script: command.clone(),
        directory: String::new(),
        env: Default::default(),
        setup: own
            .setup
            .iter()
            .map(|script| SetupStep { shell: String::new(), script: script.clone(), directory: String::new(), env: Default::default() })
            .collect(),
        without: Vec::new(),
    };
    let remote = Remote::local(&forge_for(Vec::new()).repository().id.to_string(), &path)?;
    engine.git.fetch(&remote, &clone.branch, &clone.head).await?;
    let seen = reproduce(&engine, &remote, &clone.head, &record, own.timeout, stop).await;
    let nothing = match &seen {
        Ok(red) => not_red(red, log.as_deref(), &command, &clone.head),
        Err(_) => None,
    };
    if seen.is_err() || nothing.is_some() {
        engine.spares.settle().await;
    }
    let red = match seen {
        Ok(ran) => ran,
        Err(NotPrepared::Stage(StageError::Outside(why, _))) => anyhow::bail!(std::io::Error::other(why)),
        Err(error) => {
            let StageError::End(reason, detail) = error.end() else { anyhow::bail!(std::io::Error::other("the command could not be run")) };
            return Ok((
                Report { outcome: "not_reproduced", reason: reason.code().into(), detail, base_sha: Some(clone.head.to_string()), ..Report::default() },
                None,
            ));
        }
    };
    if let Some((reason, detail)) = nothing {
        let base_sha = Some(clone.head.to_string());
        return Ok((Report { outcome: "not_reproduced", reason: reason.code().into(), detail, base_sha, ..Report::default() }, None));
    }
    progress.step(&format!("red: {}", escape::line(&evidence::record(&evidence::of_output(&red.output), Vec::new()).headline, 120)));

    let forge = forge_for(log.unwrap_or_else(|| red.output.clone()));
    let (repository, failed) = (forge.repository().clone(), forge.run().clone());
    engine.forge = Arc::new(forge);
    let intake::Outcome::Taken(id) = intake::consider(&engine, &repository, &failed).await? else {
        anyhow::bail!(Usage(format!("branch `{}` is regreen's own", clone.branch)))
    };
    engine.seen_red.put(&id, red);
    // Nobody can answer for a store in memory: a fix that needs a person's yes ends here, with its patch in the report.
    let state = drive(&engine, &id, progress, stop, |state| state.phase == Phase::AwaitingApproval).await?;
    if !own.setup.is_empty() {
        // `serve` does it every six hours; who only runs this command has nobody else for it.
        let (work_dir, keep) = (engine.work_dir.clone(), engine.clock.now() - chrono::Duration::days(14));
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || cache::clean(&work_dir, keep.into(), cache::CAP)).await {
            tracing::warn!(%error, "old results of set-ups could not be removed");
        }
    }
    let mut report = report(&state, &clone.head);
    if state.phase == Phase::AwaitingApproval {
        report.detail.push_str("; nobody is asked in a clone, so no branch was left: read the patch, and take it with `git apply` if it is right");
    }
    Ok((report, Some(state)))
}

async fn reproduce(
    engine: &Engine,
    remote: &Remote,
    sha: &CommitSha,
    command: &CommandRecord,
    timeout: std::time::Duration,
    stop: &CancellationToken,
) -> Result<Ran, NotPrepared> {
    let limits = limits(engine, timeout);
    let workspace = Workspace::prepare(engine, remote, sha, &command.setup, limits, stop).await?;
    workspace.run_command(engine, command, limits, stop).await
}

/// Why there is nothing to mend: asked before a model is, since what can't be seen red here can't be proved green either.
fn not_red(red: &Ran, log: Option<&[u8]>, command: &str, head: &CommitSha) -> Option<(Reason, String)> {
    let command = escape::line(command, 80);
    let seen = evidence::identity(&evidence::of_output(&red.output));
    let expected = log.map_or_else(|| seen.clone(), |log| evidence::identity(&evidence::of_output(log)));
    let run = proof::RunEvidence { command: &command, exit: &red.exit, output: &red.output, identity: Some(&seen), results: red.results.as_ref() };
    match proof::red_before(&expected, &run) {
        proof::RedBefore::Same { .. } => None,
        proof::RedBefore::Green => Some((Reason::NotReproduced, format!("`{command}` passes here at {}: there is nothing to fix", head.short()))),
        proof::RedBefore::DifferentFailure { expected, seen } => {
            Some((Reason::NotReproduced, format!("`{command}` fails here for another reason than in the log: {seen} instead of {expected}")))
        }
        proof::RedBefore::NotRun(why) => Some((Reason::NotReproducible, format!("`{command}` says nothing of the code here: {why}"))),
    }
}

fn read_log(file: &Path) -> anyhow::Result<Vec<u8>> {
    use std::io::Read as _;
    const CAP: u64 = 256 << 20;
    let mut bytes = Vec::new();
    let open = std::fs::File::open(file).map_err(|error| Usage(format!("the log `{}` can't be read: {error}", file.display())))?;
    open.take(CAP).read_to_end(&mut bytes)?;
    Ok(bytes)
}

async fn remote(settings: &Settings, address: &str, progress: &Progress, stop: &CancellationToken) -> anyhow::Result<(Report, Option<Remediation>)> {
    let (slug, run) = run_of(address)?;
    let store = Arc::new(app::store(settings).await?);
    let parts = Parts {
        forge: Arc::new(app::github(settings)?),
        store: store.clone(),
        llm: Arc::new(app::models(settings)?),
        alerts: Arc::new(app::alerts(settings)?),
        runs: app::runs(&settings.sandbox, Isolation::Required),
        rules: settings.rules.clone(),
        folder: settings.data_dir.clone(),
    };
    let mut engine = app::engine(settings, parts)?;
    engine.patience = 4;
    progress.step(&format!("run {run} of {slug}"));
    let repository = engine.forge.repository(&slug).await?;
    crate::ports::store::Store::watch(store.as_ref(), repository.id, &repository.slug, &repository.default_branch).await?;
    let found = engine.forge.run(&repository.slug, run).await?;
    let id = match intake::consider(&engine, &repository, &found).await? {
        intake::Outcome::Taken(id) => id,
        intake::Outcome::Refused(reason) => return Ok((refused(reason, &found.head_sha), None)),
        intake::Outcome::Known => {
            let key = crate::domain::ids::RunKey { repo: repository.id, run: found.id, attempt: found.attempt };
            let seen = crate::ports::store::Store::seen(store.as_ref(), key).await?;
            match seen.map(|seen| (seen.remediation, seen.refused)) {
                Some((Some(id), _)) => id,
                Some((None, reason)) => return Ok((refused(reason.unwrap_or(Reason::NotFailed), &found.head_sha), None)),
                None => anyhow::bail!(Usage("the run is not known any more; try again".into())),
            }
        }
    };
    let state = drive(&engine, &id, progress, stop, |state| {
        matches!(state.phase, Phase::Feedback | Phase::AwaitingApproval) && (state.pull.is_some() || state.phase == Phase::AwaitingApproval)
    })
    .await?;
    crate::engine::notify::flush(&engine).await?;
    Ok((report(&state, &found.head_sha), Some(state)))
}

/// A run that is not taken up at all.
fn refused(reason: Reason, head: &CommitSha) -> Report {
    Report { outcome: "no_fix", reason: reason.code().into(), detail: reason.sentence().into(), base_sha: Some(head.to_string()), ..Report::default() }
}

/// `https://HOST/O/R/actions/runs/ID`, with or without what may follow.
fn run_of(address: &str) -> anyhow::Result<(RepoSlug, RunId)> {
    let wrong = || Usage("expected the address of a run, such as https://github.com/o/r/actions/runs/1".into());
    let url = url::Url::parse(address).map_err(|_| wrong())?;
    let parts: Vec<&str> = url.path().trim_matches('/').split('/').collect();
    match parts.as_slice() {
        [owner, name, "actions", "runs", id, ..] => {
            Ok((RepoSlug::parse(&format!("{owner}/{name}")).map_err(|_| wrong())?, RunId(id.parse().map_err(|_| wrong())?)))
        }
        _ => Err(wrong().into()),
    }
}

/// Works until it ends, saying each phase.
async fn drive(
    engine: &Engine,
    id: &crate::domain::ids::RemediationId,
    progress: &Progress,
    stop: &CancellationToken,
    until: impl Fn(&Remediation) -> bool,
) -> anyhow::Result<Remediation> {
    let name = format!("fix-{}", std::process::id());
    let work = worker::run_one(engine, id, &name, stop, until, |why| progress.step(&crate::domain::render::escape::line(why, 300)));
    tokio::pin!(work);
    let mut shown = None;
    loop {
        tokio::select! {
            done = &mut work => {
                engine.spares.settle().await;
                return Ok(done?);
            }
            () = tokio::time::sleep(std::time::Duration::from_millis(200)) => {
                if let Ok(Some(state)) = engine.store.load(id).await
                    && shown != Some((state.phase, state.attempts))
                {
                    shown = Some((state.phase, state.attempts));
                    progress.step(&doing(&state));
                }
            }
        }
    }
}

fn doing(state: &Remediation) -> String {
    match state.phase {
        Phase::Pending => "reading the logs".into(),
        Phase::Cloning => "fetching the commit".into(),
        Phase::Analysis => "looking for a cheap answer".into(),
        Phase::Rerunning => "running the failed jobs again".into(),
        Phase::Patching => format!("making a patch (attempt {})", state.attempts + 1),
        Phase::Gating => "asking the safety gates".into(),
        Phase::Testing => "proving the patch in the sandbox".into(),
        Phase::Clearing => "asking the gates again".into(),
        Phase::Pr => "writing the fix branch".into(),
        phase => phase.to_string(),
    }
}

fn report(state: &Remediation, base: &CommitSha) -> Report {
    let outcome = match (state.phase, state.reason) {
        (Phase::Completed, Some(Reason::BranchLeft | Reason::Merged)) | (Phase::Feedback, _) => "fixed",
        (Phase::Completed, Some(Reason::DryRun)) => "dry_run",
        (Phase::Blocked | Phase::AwaitingApproval, _) => "blocked",
        (Phase::Failed, Some(Reason::NotReproduced | Reason::NotReproducible | Reason::SetupFailed)) => "not_reproduced",
        _ => "no_fix",
    };
    let fallback = if state.phase == Phase::AwaitingApproval { "awaiting_approval" } else { state.phase.as_str() };
    let published = matches!(outcome, "fixed");
    Report {
        outcome,
        reason: state.reason.map_or(fallback, Reason::code).to_owned(),
        detail: render::why(state),
        branch: state.branch.as_ref().filter(|_| published || outcome == "dry_run").map(BranchName::to_string),
        base_sha: Some(base.to_string()),
        commit: state.commit.as_ref().map(CommitSha::to_string),
        patch: state.proposal.as_ref().map(|proposal| proposal.patch.clone()),
        verdict: state.verdict.as_ref().map(crate::domain::gate::Verdict::result),
        attempts: state.attempts,
        route: state.proposal.as_ref().map(|proposal| proposal.route.clone()),
        tokens: state.spent.tokens,
        cost_usd: state.spent.cost_usd,
        proof: state.proof.as_ref().map(|proof| ProofReport {
            before: Some((&proof.before).into()),
            after: proof.after.as_ref().map(Into::into),
            wider: proof.wider.as_ref().map(Into::into),
        }),
        pr: state
            .pull
            .as_ref()
            .map(|pull| serde_json::json!({"number": pull.number, "base": pull.base, "head": pull.head, "draft": pull.draft, "url": pull.url})),
        remediation: Some(state.id.to_string()),
        would_write: state.recorded.clone(),
        model_request: state.model_request.clone(),
    }
}

fn print((report, state): &(Report, Option<Remediation>), paint: terminal::Paint) {
    if let Some(state) = state {
        if let Some(diagnosis) = &state.diagnosis {
            say(&format!(
                "{} {} ({}, confidence {:.2})\n",
                paint.bold("cause"),
                escape::line(&diagnosis.headline, 300),
                diagnosis.category,
                diagnosis.confidence
            ));
        }
        if let Some(proposal) = &state.proposal {
            say(&terminal::diff(&proposal.patch, paint));
        }
        if let Some(verdict) = &state.verdict {
            say(&terminal::verdict(verdict, paint));
        }
        if let Some(proof) = &state.proof {
            say(&terminal::proof(proof, paint));
        }
    }
    if let Some(request) = &report.model_request {
        say(&paint.dim(&escape::visible(request)));
    }
    for write in &report.would_write {
        say(&format!("would: {}", escape::line(write, 300)));
    }
    let word = match report.outcome {
        "fixed" => paint.green("fixed"),
        "dry_run" => paint.yellow("dry run"),
        other => paint.red(&other.replace('_', " ")),
    };
    let place = match (&report.pr, &report.branch, report.outcome) {
        (Some(pull), _, _) => format!(" pull request {}", pull["url"].as_str().unwrap_or_default()),
        (None, Some(branch), "fixed") => format!(" branch {branch} at {}", report.commit.as_deref().map_or("", |commit| &commit[..12])),
        // Lines after the first are what a tool printed.
        _ => {
            let (first, rest) = report.detail.split_once('\n').unwrap_or((&report.detail, ""));
            if !rest.is_empty() {
                say(&paint.dim(&escape::visible(rest)));
            }
            format!(" {}: {}", report.reason, escape::line(first, 400))
        }
    };
    say(&format!("{word}{place}"));
}
