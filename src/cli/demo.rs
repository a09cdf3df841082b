//! `regreen demo`: the whole loop on this machine. A simulated GitHub, Slack and model are started, with a real git repository and real
//! CI runs; the unmodified `serve` is a child process that finds what is red.

mod scenario;
mod shop;
mod timeline;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use simulator::{Happening, Push, Simulator, SimulatorOptions, TokenSpec};

use self::scenario::{REPO, Scenario, Then};
use self::timeline::Timeline;
use super::output::{Usage, say, table};
use super::{Context, code};
use crate::app::Database;
use crate::domain::breaker::BreakerSettings;
use crate::domain::remediation::Remediation;
use crate::ports::store::{Filter, Store as _};

/// The demo.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  regreen demo
  regreen demo --seed 7 --keep
  regreen demo --scenario circuit-open
  regreen demo --json | jq .event")]
pub struct DemoArgs {
    /// Which fault is put into the code; default random, and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Another scenario; see --list.
    #[arg(long, default_value = "default")]
    scenario: String,
    /// Print the scenarios.
    #[arg(long)]
    list: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// Leave the dashboard up afterwards, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Use the routes of your own settings instead of the scripted model.
    #[arg(long)]
    model: bool,
}

/// A scenario that takes longer has failed.
const DEADLINE: Duration = Duration::from_secs(420);

/// The token that the service gets.
const TOKEN: &str = "demo-token-of-regreen";

/// Runs it.
pub async fn run(context: &Context, args: &DemoArgs) -> anyhow::Result<u8> {
    if args.list {
        say(&table(&["scenario", "what happens"], scenario::ALL.iter().map(|scenario| vec![scenario.name.into(), scenario.about.into()]).collect()));
        return Ok(code::DONE);
    }
    let Some(scenario) = Scenario::named(&args.scenario) else {
        let names: Vec<_> = scenario::ALL.iter().map(|scenario| scenario.name).collect();
        return Err(Usage(format!("there is no scenario `{}`; one of {}", args.scenario, names.join(", "))).into());
    };
    let seed = args.seed.unwrap_or_else(|| rand::random_range(0..1_000_000));
    let mut timeline = Timeline::new(args.json, context.paint);
    timeline.start(scenario, seed, args.model);

    let simulator = Simulator::start(SimulatorOptions::default()).await.context("the simulator could not be started; is `git` installed?")?;
    simulator.add_token(TOKEN, TokenSpec::writer("regreen-bot"));
    let mut happenings = simulator.events();
    let then = scenario.build(&simulator, seed).await?;

    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let mut child = serve(context, args, scenario, &simulator, folder.path(), port)?;
    let outcome = watch(scenario, &simulator, &mut happenings, then, folder.path(), &mut child, &mut timeline).await;
    let result = match outcome {
        Ok(states) => {
            let untouched = main_untouched(&simulator).await?;
            let good = scenario.ended(&states) && untouched;
            timeline.end(scenario, seed, &states, &simulator, good).await?;
            if !good {
                tell_log(folder.path());
            }
            if good { code::DONE } else { code::NO }
        }
        Err(error) => {
            tell_log(folder.path());
            stop(&mut child).await;
            simulator.shutdown().await;
            return Err(error);
        }
    };
    if args.keep {
        eprintln!("the dashboard is at http://127.0.0.1:{port}/ until Ctrl-C");
        let _ = tokio::signal::ctrl_c().await;
    }
    stop(&mut child).await;
    simulator.shutdown().await;
    Ok(result)
}

/// The first commit of main, and what teammates pushed there, are all that main may hold.
async fn main_untouched(simulator: &Simulator) -> anyhow::Result<bool> {
    let refs = simulator.refs(REPO).await?;
    let ours = refs.iter().filter(|(name, _)| name.starts_with("refs/heads/agent-fix/")).count();
    let pulls = simulator.pulls(REPO);
    // No pull request into main, and none merged.
    let clean = pulls.iter().all(|pull| pull.base != "main" && pull.merged_at.is_none());
    tracing::debug!(ours, pulls = pulls.len(), "after the demo");
    Ok(clean)
}

fn free_port() -> anyhow::Result<u16> {
    // Taken and let go: `serve` binds it a moment later. Somebody else could take it in between, and the demo would say so.
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts the real `serve`, with settings that point at the simulator.
fn serve(context: &Context, args: &DemoArgs, scenario: &Scenario, simulator: &Simulator, folder: &Path, port: u16) -> anyhow::Result<tokio::process::Child> {
    let timing = if scenario.settings.contains("[timing]") { "" } else { "[timing]\nfollow = \"1s\"\nsettle = \"20s\"\nlease = \"20s\"\n" };
    let routes = if args.model {
        own_routes(context)?
    } else {
        format!("[[route]]\nname = \"scripted\"\nkind = \"openai\"\nbase_url = \"{}\"\nmodel = \"scripted\"\n", simulator.model_url())
    };
    std::fs::write(folder.join("regreen.toml"), format!("{}\n{timing}\n{routes}", scenario.settings))?;
    let log = std::fs::File::create(folder.join("serve.log"))?;
    let program = std::env::current_exe()?;
    let mut command = tokio::process::Command::new(program);
    command.arg("serve").arg("--allow-weak-sandbox").current_dir(folder).env_clear();
    // What finds the toolchain and certificates, and nothing else of the caller's.
    for name in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "TMPDIR", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    if args.model {
        for (name, value) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.ends_with("_API_KEY") || name.starts_with("TENSORZERO_") || name.to_ascii_lowercase().ends_with("_proxy"))
            {
                command.env(name, value);
            }
        }
    }
    command
        .env("GITHUB_TOKEN", TOKEN)
        .env("GITHUB_API_URL", simulator.api_url())
        .env("GITHUB_SERVER_URL", simulator.server_url())
        .env("SLACK_BOT_TOKEN", simulator::SLACK_TOKEN)
        .env("SLACK_CHANNEL", "C0REGREEN01")
        .env("SLACK_API_URL", simulator.slack_url())
        .env("REGREEN_REPOS", REPO)
        .env("REGREEN_POLL", "1s")
        .env("REGREEN_DATA_DIR", folder.join("data"))
        .env("REGREEN_LISTEN", format!("127.0.0.1:{port}"))
        .env("REGREEN_PUBLIC_URL", format!("http://127.0.0.1:{port}"))
        .env("REGREEN_DRY_RUN", if scenario.dry_run || context.dry_run { "true" } else { "false" })
        .env("REGREEN_LOG", "info,regreen=debug")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true);
    command.spawn().context("`regreen serve` could not be started")
}

/// The `[[route]]` tables of the caller's own settings.
fn own_routes(context: &Context) -> anyhow::Result<String> {
    let path = context.config.clone().unwrap_or_else(|| "regreen.toml".into());
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(String::new()) };
    let whole: toml::Table = toml::from_str(&text).with_context(|| format!("`{}` can't be read", path.display()))?;
    let mut routes = toml::Table::new();
    if let Some(given) = whole.get("route") {
        routes.insert("route".into(), given.clone());
    }
    Ok(toml::to_string(&routes)?)
}

async fn stop(child: &mut tokio::process::Child) {
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM);
    }
    if tokio::time::timeout(Duration::from_secs(10), child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// The end of the service's log, where something went wrong.
fn tell_log(folder: &Path) {
    if let Ok(text) = std::fs::read_to_string(folder.join("serve.log")) {
        let lines: Vec<&str> = text.lines().collect();
        eprintln!("the last of `serve`'s log:");
        for line in &lines[lines.len().saturating_sub(60)..] {
            eprintln!("  {}", crate::domain::render::escape::line(line, 400));
        }
    }
}

/// Shows what happens until every branch has ended as declared, or nothing will change any more.
async fn watch(
    scenario: &Scenario,
    simulator: &Simulator,
    happenings: &mut tokio::sync::broadcast::Receiver<simulator::SimEvent>,
    mut then: Then,
    folder: &Path,
    child: &mut tokio::process::Child,
    timeline: &mut Timeline,
) -> anyhow::Result<Vec<Remediation>> {
    let started = std::time::Instant::now();
    let database = folder.join("data").join("regreen.db");
    let mut store: Option<Database> = None;
    let mut pushed = 0;
    let mut settled_at = None;
    loop {
        while let Ok(event) = happenings.try_recv() {
            if let (Happening::ModelAsked { .. }, Then::PushWhenAsked { branch, source }) = (&event.what, &then) {
                let push = Push::new(branch, "Fixed it myself").write("src/lib.rs", source.clone()).by(simulator::Author::login("grace"));
                simulator.push_commit(REPO, push).await?;
                then = Then::Nothing;
            }
            timeline.happening(&event);
        }
        if let Some(status) = child.try_wait()? {
            anyhow::bail!("`regreen serve` ended with {status}");
        }
        if store.is_none() && database.exists() {
            // Read beside the service: SQLite takes several processes.
            store = Database::connect(&format!("sqlite://{}?mode=rwc", database.display()), BreakerSettings::default()).await.ok();
        }
        let mut states = Vec::new();
        if let Some(store) = &store
            && let Ok(found) = store.list(&Filter { limit: 50, ..Filter::default() }).await
        {
            states = found;
            states.sort_by_key(|state| state.opened_at);
            for state in &states {
                if let Ok(events) = store.events(&state.id).await {
                    timeline.remediation(state, &events);
                }
            }
        }
        if let Then::PushWhenEnded { branch, times } = &then {
            let ended = states.iter().filter(|state| state.phase.is_end()).count();
            if pushed < *times && ended > pushed as usize {
                pushed += 1;
                let push = Push::new(branch, "Try again").write("NOTES.md", format!("try {pushed}\n")).by(simulator::Author::login("grace"));
                simulator.push_commit(REPO, push).await?;
            }
        }
        let more_to_push = matches!(&then, Then::PushWhenEnded { times, .. } if pushed < *times);
        // Ended as declared; the last message still has to reach the channel.
        if scenario.ended(&states) && !more_to_push {
            let told = store.as_ref().is_some() && simulator.slack_messages().len() >= states.len();
            let since = *settled_at.get_or_insert_with(std::time::Instant::now);
            if (told && since.elapsed() > Duration::from_millis(1200)) || since.elapsed() > Duration::from_secs(10) {
                return Ok(states);
            }
        }
        let all_over = !states.is_empty() && !more_to_push && states.len() >= scenario.expected().len() && states.iter().all(|state| state.phase.is_end());
        if started.elapsed() > DEADLINE || (all_over && !scenario.ended(&states)) {
            return Ok(states);
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}
