//! The command line: one file a subcommand. Results go to stdout, progress and errors to stderr.

pub mod audit;
pub mod check;
pub mod circuit;
#[cfg(feature = "demo")]
pub mod demo;
pub mod diagnose;
pub mod doctor;
pub mod fix;
pub mod init;
pub mod jobs;
pub mod migrate;
pub mod output;
pub mod patch;
pub mod pause;
pub mod redact;
pub mod rollback;
pub mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Problems, Settings, Sources};
use crate::ports::forge::ForgeError;
use crate::ports::git::GitError;
use crate::ports::store::StoreError;

/// Exit codes, as `--help` documents them.
pub mod code {
    /// Done.
    pub const DONE: u8 = 0;
    /// Done, and the answer is no.
    pub const NO: u8 = 1;
    /// Usage or configuration.
    pub const USAGE: u8 = 2;
    /// An outside service failed.
    pub const OUTSIDE: u8 = 3;
    /// Blocked by a gate.
    pub const BLOCKED: u8 = 4;
    /// A bug of ours.
    pub const BUG: u8 = 70;
}

const CODES: &str = "Exit codes:
  0   done
  1   done, and the answer is no (no fix, a check failed)
  2   usage or configuration
  3   an outside service failed
  4   blocked by a safety gate
  70  a bug of regreen's; please report it

Examples:
  regreen demo                                      the whole loop on this machine, no account
  regreen fix --repo . --cmd 'cargo test'           fix a local clone; leaves a branch agent-fix/…
  regreen fix --run https://github.com/o/r/actions/runs/1
  regreen diagnose --log ci.log                     what failed, where, and why
  regreen check --base origin/main                  may this branch's change pass the gate?
  regreen init                                      write .env and regreen.toml after asking
  regreen doctor                                    try every dependency and permission
  regreen serve                                     watch the repositories of REGREEN_REPOS";

/// regreen turns a team's red branches green: proven fix pull requests, behind safety gates.
#[derive(Debug, Parser)]
#[command(name = "regreen", version, after_help = CODES, propagate_version = true)]
struct Cli {
    /// The settings file; default `regreen.toml` in this folder.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Do everything but the writing; show what would be written.
    #[arg(long, global = true)]
    dry_run: bool,
    /// More of the log on stderr; twice for all of it.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// No colours (also by NO_COLOR).
    #[arg(long, global = true)]
    no_color: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch the repositories, fix what is red, serve HTTP; until SIGTERM, then drain.
    #[command(after_help = "Examples:\n  regreen serve\n  regreen serve --dry-run")]
    Serve(serve::ServeArgs),
    /// Fix one failure: of a local clone, or of one run on GitHub.
    Fix(fix::FixArgs),
    /// Logs in, diagnosis out; no network, no model.
    ///
    /// On a terminal the answer fits the window, and the lines that decided are marked; --full shows all of the excerpt. With --format json
    /// one object is printed, for programs. A log of any size is read in a few megabytes of memory.
    #[command(after_help = "Examples:
  regreen diagnose --log ci.log                          what failed, why, where, and what next
  gh run view 123 --log-failed | regreen diagnose --log -
  regreen diagnose --log red.log --green green.log       what the last green run printed too is noise
  regreen diagnose --log unit.log --log lint.log         several jobs of one failure
  regreen diagnose --log ci.log --repo .                 paths as this checkout names them
  regreen diagnose --log ci.log --format json | jq .fingerprint

The exit code is 0 where a diagnosis was made, also one that finds no failure")]
    Diagnose(diagnose::DiagnoseArgs),
    /// What the patch engine makes of a diff.
    #[command(after_help = "Example:\n  regreen patch apply --dir . --diff fix.diff")]
    Patch(patch::PatchArgs),
    /// The gate alone, for any change: allow, ask a person, or refuse.
    Check(check::CheckArgs),
    /// The text with its secrets masked, line for line.
    #[command(
        after_help = "Examples:\n  regreen redact ci.log\n  gh run view 1 --log-failed | regreen redact > to-paste.log\n  kubectl logs deploy/app | regreen redact -\n  regreen redact ci.log --format json | jq .counts\n\nOnly the secret goes, as [redacted:kind]; names, hosts and users stay, and so do commits, digests, identifiers and lock files.\nLines are kept, a second pass changes nothing, and memory is bounded. A secret that no form, name or place tells stays: look before you paste."
    )]
    Redact(redact::RedactArgs),
    /// The remediations: list, show, retry, cancel, approve, reject.
    #[command(
        after_help = "Examples:\n  regreen jobs list --state blocked\n  regreen jobs show r-0123456789abcdef\n  regreen jobs approve r-0123456789abcdef --reason 'read it'"
    )]
    Jobs(jobs::JobsArgs),
    /// The circuit breaker: list, show, reset.
    #[command(after_help = "Examples:\n  regreen circuit list\n  regreen circuit reset --repo acme/widgets --reason 'the registry is back'")]
    Circuit(circuit::CircuitArgs),
    /// Stop everything, or one repository, at once.
    #[command(after_help = "Examples:\n  regreen pause --reason 'incident 12'\n  regreen pause --repo acme/widgets --reason 'release day'")]
    Pause(pause::PauseArgs),
    /// End a stop.
    #[command(after_help = "Example:\n  regreen resume --reason 'incident 12 is over'")]
    Resume(pause::PauseArgs),
    /// Take back what a remediation wrote: its open pull request, its branch.
    Rollback(rollback::RollbackArgs),
    /// The audit log: export, verify.
    Audit(audit::AuditArgs),
    /// Try every dependency and permission; each failure says its remedy.
    Doctor(doctor::DoctorArgs),
    /// Write .env and regreen.toml after asking.
    Init(init::InitArgs),
    /// The database's schema: up, status.
    Migrate(migrate::MigrateArgs),
    /// The whole loop on this machine, with a simulated GitHub, Slack and model.
    #[cfg(feature = "demo")]
    #[command(after_help = "Example:\n  regreen demo")]
    Demo(demo::DemoArgs),
}

/// What every command gets.
#[derive(Debug, Clone)]
pub struct Context {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--dry-run`.
    pub dry_run: bool,
    /// `-v`.
    pub verbose: u8,
    /// Whether stdout is to be coloured.
    pub paint: crate::domain::render::terminal::Paint,
    /// Colours are refused everywhere.
    pub no_color: bool,
}

impl Context {
    /// The validated settings.
    pub fn settings(&self) -> Result<Settings, Problems> {
        let mut settings = Settings::from_sources(Sources::read(self.config.as_deref()))?;
        settings.rules.dry_run |= self.dry_run;
        Ok(settings)
    }
}

/// Parses, runs, and turns the result into an exit code.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let no_color = cli.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let paint = crate::domain::render::terminal::Paint(!no_color && std::io::IsTerminal::is_terminal(&std::io::stdout()));
    let context = Context { config: cli.config, dry_run: cli.dry_run, verbose: cli.verbose, paint, no_color };
    let result = match cli.command {
        // No runtime, no settings: these are filters.
        Command::Diagnose(args) => {
            return match diagnose::run(&args, no_color) {
                Ok(code) => code,
                Err(error) => fail(&error.into()),
            };
        }
        Command::Redact(args) => {
            return redact::run(&args).unwrap_or_else(|error| fail(&error));
        }
        Command::Patch(args) => patch::run(&args),
        Command::Check(args) => check::run(&args, &context),
        Command::Init(args) => init::run(&args),
        command => with_runtime(context, command),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => fail(&error),
    }
}

fn with_runtime(context: Context, command: Command) -> anyhow::Result<u8> {
    // The first thing that could speak TLS needs its provider; a second installation is no fault.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).max_blocking_threads(16).enable_all().build()?;
    let result = runtime.block_on(async move {
        match command {
            Command::Serve(args) => serve::run(&context, &args).await,
            Command::Fix(args) => fix::run(&context, &args).await,
            Command::Jobs(args) => jobs::run(&context, &args).await,
            Command::Circuit(args) => circuit::run(&context, &args).await,
            Command::Pause(args) => pause::run(&context, &args, true).await,
            Command::Resume(args) => pause::run(&context, &args, false).await,
            Command::Rollback(args) => rollback::run(&context, &args).await,
            Command::Audit(args) => audit::run(&context, &args).await,
            Command::Doctor(args) => doctor::run(&context, &args).await,
            Command::Migrate(args) => migrate::run(&context, &args).await,
            #[cfg(feature = "demo")]
            Command::Demo(args) => demo::run(&context, &args).await,
            Command::Diagnose(_) | Command::Patch(_) | Command::Check(_) | Command::Redact(_) | Command::Init(_) => unreachable!("handled before the runtime"),
        }
    });
    // A blocking call into libgit2 that hangs must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    result
}

/// Starts the log on stderr. `default` is the filter where REGREEN_LOG is not set.
pub fn start_log(context: &Context, filter: &str, format: LogFormat) {
    let filter = match context.verbose {
        0 => filter.to_owned(),
        1 => format!("{filter},regreen=debug"),
        _ => "debug".to_owned(),
    };
    // A filter that can't be read must not silence the service.
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = !context.no_color && std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start (in one process with `demo`) changes nothing.
    let _ = match format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Pretty => builder.with_ansi(ansi).with_target(false).try_init(),
    };
}

/// Tells the error, and finds its exit code.
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::from(code_of(error))
}

fn code_of(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if cause.is::<Problems>() || cause.is::<output::Usage>() {
            return code::USAGE;
        }
        if cause.is::<ForgeError>() || cause.is::<StoreError>() || cause.is::<GitError>() || cause.is::<std::io::Error>() {
            return code::OUTSIDE;
        }
    }
    code::USAGE
}
