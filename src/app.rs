//! The composition root: builds the adapters from the settings, and hands them to the engine. The only room that sees all floors.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};

use crate::adapters::clock::SystemClock;
use crate::adapters::folders;
use crate::adapters::git::clone::{self, NotAClone};
use crate::adapters::git::compare;
use crate::adapters::git::{GitMirrors, GitOptions};
use crate::adapters::github::{GitHub, GitHubAuth, GitHubSettings};
use crate::adapters::llm::{Models, Price, RouteKind, RouteSettings};
use crate::adapters::local::LocalClone;
use crate::adapters::sandbox;
use crate::adapters::slack::{Slack, SlackSettings};
use crate::adapters::store::SqlStore;
use crate::config::{GitHubCredentials, SandboxSettings, Settings};
use crate::domain::breaker::BreakerSettings;
use crate::domain::rules::Rules;
use crate::engine::acts::Desk;
use crate::engine::{Engine, Runs, stages};
use crate::ports::alerts::Alerts;
use crate::ports::clock::Clock;
use crate::ports::forge::Forge;
use crate::ports::llm::Llm;
use crate::ports::sandbox::{Limits, Network, SandboxError};

/// GitHub asks for a name.
const USER_AGENT: &str = concat!("regreen/", env!("CARGO_PKG_VERSION"));

/// The database, as the commands ask and change it.
pub type Database = SqlStore;

/// The time, where a command acts at once.
pub fn now() -> DateTime<Utc> {
    SystemClock.now()
}

/// How much of the sandbox a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Namespaces, or untrusted code is not run.
    Required,
    /// Where there are none, a weaker sandbox: only for our own code, in `demo`.
    WeakAllowed,
}

/// The database of the settings, opened and migrated.
pub async fn store(settings: &Settings) -> anyhow::Result<Database> {
    std::fs::create_dir_all(&settings.data_dir)
        .with_context(|| format!("the data folder `{}` can't be made; set REGREEN_DATA_DIR", settings.data_dir.display()))?;
    SqlStore::open(&settings.database_url, settings.rules.breaker).await.context("the database of DATABASE_URL can't be opened")
}

/// How long a service waits for the data folder: one that was killed may still have a child on its way out.
const FOLDER_WAIT: Duration = Duration::from_secs(5);

/// The data folder for one service alone. Two on one folder would take each other's leases for those of an earlier life, and share trees.
pub async fn claim(settings: &Settings) -> anyhow::Result<folders::Claim> {
    let folder = &settings.data_dir;
    std::fs::create_dir_all(folder).with_context(|| format!("the data folder `{}` can't be made; set REGREEN_DATA_DIR", folder.display()))?;
    let until = tokio::time::Instant::now() + FOLDER_WAIT;
    loop {
        let asked = folders::claim(folder, "serve.lock").with_context(|| format!("the data folder `{}` can't be written", folder.display()))?;
        match asked {
            folders::Asked::Ours(claim) => return Ok(claim),
            folders::Asked::Taken(by) if tokio::time::Instant::now() >= until => {
                let by = by.map_or_else(String::new, |id| format!(" (process {id})"));
                anyhow::bail!(
                    "the data folder `{}` is in use by another `regreen serve`{by}; stop that one, or give this one a folder of its own by REGREEN_DATA_DIR",
                    folder.display()
                );
            }
            folders::Asked::Taken(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// The data folder's own name, made once: an earlier life's leases are told by it. No name of the machine would do, since images and templates
/// carry theirs to every copy.
///
/// # Errors
/// The folder can't be read or written.
pub fn instance(settings: &Settings) -> anyhow::Result<String> {
    let file = settings.data_dir.join("instance");
    let told = || format!("`{}` can't be kept", file.display());
    match std::fs::read_to_string(&file) {
        Ok(name) if (8..=64).contains(&name.trim().len()) && name.trim().bytes().all(|b| b.is_ascii_hexdigit()) => return Ok(name.trim().to_owned()),
        // Half-written by a machine that went down: nobody holds a lease by such a name.
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(told),
    }
    let name = format!("{:016x}", rand::random::<u64>());
    std::fs::write(&file, format!("{name}\n")).with_context(told)?;
    Ok(name)
}

/// A database that ends with the process, for a command that leaves nothing behind but a branch.
pub async fn database_in_memory(breaker: BreakerSettings) -> anyhow::Result<Database> {
    SqlStore::in_memory(breaker).await.context("a database in memory can't be made")
}

/// What a person's clone is about, and the clone in place of a forge.
pub struct LocalRepository {
    path: PathBuf,
    /// What was found in it.
    pub clone: clone::Clone,
}

impl LocalRepository {
    /// Looks into the clone at `path`; nothing in it changes. Without `branch` it is the one that is checked out, without `base` the usual names are tried.
    pub fn at(path: PathBuf, branch: Option<&str>, base: Option<&str>) -> Result<Self, NotAClone> {
        let clone = clone::look(&path, branch, base)?;
        Ok(Self { path, clone })
    }

    /// The clone as a forge, which answers `log` when it is asked for the failed job's.
    pub fn forge(&self, log: Vec<u8>) -> LocalClone {
        let clone::Clone { branch, head, time, author, default_branch, .. } = self.clone.clone();
        LocalClone::new(self.path.clone(), branch, default_branch, head, time, log, author)
    }
}

/// What `head` brings to a clone since it left `base`; see [`compare::compare`].
///
/// # Errors
/// Any [`compare::CompareError`].
pub fn compare(path: &Path, base: Option<&str>, head: Option<&str>) -> Result<compare::Comparison, compare::CompareError> {
    compare::compare(path, base, head)
}

/// A channel that nobody listens to: what a command has to say it prints.
pub fn no_alerts() -> anyhow::Result<Slack> {
    Slack::new(SlackSettings::default(), Arc::new(SystemClock)).context("the silent channel can't be set up")
}

/// GitHub, as the settings reach it.
pub fn github(settings: &Settings) -> anyhow::Result<GitHub> {
    let auth = match &settings.github {
        Some(GitHubCredentials::Token(token)) => GitHubAuth::Token(token.clone()),
        Some(GitHubCredentials::App { id, key }) => GitHubAuth::App { app_id: *id, key_pem: key.clone() },
        None => anyhow::bail!("GITHUB_TOKEN is missing (or GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY): without it nothing on GitHub can be done"),
    };
    GitHub::new(GitHubSettings {
        api_url: settings.github_api_url.clone(),
        server_url: settings.github_server_url.clone(),
        auth,
        clock: Arc::new(SystemClock),
        user_agent: USER_AGENT.into(),
        timeouts: Default::default(),
        retry: Default::default(),
    })
    .context("GitHub can't be set up")
}

/// The team's channel.
pub fn alerts(settings: &Settings) -> anyhow::Result<Slack> {
    let slack = &settings.slack;
    let settings = SlackSettings {
        bot_token: slack.bot_token.clone(),
        channel: slack.channel.clone(),
        webhook_url: slack.webhook_url.clone(),
        api_url: slack.api_url.clone(),
    };
    Slack::new(settings, Arc::new(SystemClock)).context("Slack can't be set up")
}

/// The models.
pub fn models(settings: &Settings) -> anyhow::Result<Models> {
    let routes = settings.routes.iter().map(route).collect();
    Models::new(routes, Arc::new(SystemClock)).context("the model routes can't be set up")
}

fn route(route: &crate::config::Route) -> RouteSettings {
    use crate::config::RouteKind as From;
    RouteSettings {
        name: route.name.clone(),
        kind: match route.kind {
            From::OpenAi => RouteKind::OpenAi,
            From::Anthropic => RouteKind::Anthropic,
            From::Gemini => RouteKind::Gemini,
            From::TensorZero => RouteKind::TensorZero,
            From::Command => RouteKind::Command,
        },
        base_url: route.base_url.clone(),
        model: route.model.clone(),
        key: route.key.clone(),
        key_env: route.key_env.clone(),
        timeout: route.timeout,
        max_output_tokens: route.max_output_tokens,
        price: Price { input_per_mtok: route.input_price, output_per_mtok: route.output_price },
        argv: route.argv.clone(),
    }
}

/// The sandbox of this machine, or why there is none.
pub fn runs(settings: &SandboxSettings, isolation: Isolation) -> Runs {
    // Re-executed by the sandbox as its launcher and relay.
    let launcher = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    let options = sandbox::Options::from_process(&launcher).with_extra_toolchains(settings.toolchains.clone());
    match sandbox::detect_with(&options, isolation == Isolation::WeakAllowed) {
        Ok(sandbox) => Runs::In(sandbox),
        Err(SandboxError::Refused { reason, remedy }) => Runs::Not(format!("{reason}; {remedy}")),
        Err(error) => Runs::Not(error.to_string()),
    }
}

fn limits(settings: &SandboxSettings) -> Limits {
    const MIB: u64 = 1 << 20;
    Limits {
        memory_bytes: settings.memory_mib * MIB,
        processes: settings.processes,
        file_bytes: settings.file_mib * MIB,
        disk_bytes: settings.disk_mib * MIB,
        output_bytes: settings.output_mib * MIB,
        ..Limits::default()
    }
}

fn setup_network(settings: &SandboxSettings) -> anyhow::Result<Network> {
    let Some(hosts) = &settings.setup_hosts else { return Ok(Network::registries()) };
    let hosts = hosts.iter().map(|host| host.parse().with_context(|| format!("[sandbox] setup_hosts: `{host}`"))).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Network::Hosts(hosts))
}

/// What an engine is built from.
pub struct Parts {
    /// The forge.
    pub forge: Arc<dyn Forge>,
    /// The store.
    pub store: Arc<SqlStore>,
    /// The models.
    pub llm: Arc<dyn Llm>,
    /// The channel.
    pub alerts: Arc<dyn Alerts>,
    /// The sandbox.
    pub runs: Runs,
    /// The rules, as a command changed them.
    pub rules: Rules,
    /// Mirrors and working folders.
    pub folder: PathBuf,
}

/// An engine that runs nothing of a stranger's: for a person's acts.
pub async fn without_sandbox(settings: &Settings) -> anyhow::Result<Engine> {
    let parts = Parts {
        forge: Arc::new(github(settings)?),
        store: Arc::new(store(settings).await?),
        llm: Arc::new(models(settings)?),
        alerts: Arc::new(alerts(settings)?),
        runs: Runs::Not("this command runs nothing".into()),
        rules: settings.rules.clone(),
        folder: settings.data_dir.clone(),
    };
    engine(settings, parts)
}

/// Where a person's acts are taken.
pub fn desk(settings: &Settings, store: Arc<Database>) -> Desk {
    Desk { store, rules: Arc::new(settings.rules.clone()), clock: Arc::new(SystemClock) }
}

/// The mirrors of `folder`; made when absent.
pub fn mirrors(folder: &Path) -> anyhow::Result<GitMirrors> {
    GitMirrors::new(GitOptions::new(folder.join("mirrors"))).context("git can't be set up")
}

/// The toolchains that are found on this machine and shown to what is run.
#[cfg(target_os = "linux")]
pub fn toolchains(settings: &SandboxSettings) -> sandbox::toolchains::Toolchains {
    let options = sandbox::Options::from_process(Path::new("/proc/self/exe")).with_extra_toolchains(settings.toolchains.clone());
    sandbox::toolchains::find(&options.service)
}

/// Joins the parts.
pub fn engine(settings: &Settings, parts: Parts) -> anyhow::Result<Engine> {
    let git = mirrors(&parts.folder)?;
    let work_dir = work_dir(&parts.folder);
    let place = stages::place::of(&work_dir);
    folders::of_strangers(&place).with_context(|| format!("the working folder `{}` can't be made; set REGREEN_DATA_DIR", place.display()))?;
    Ok(Engine {
        forge: parts.forge,
        git: Arc::new(git),
        llm: parts.llm,
        alerts: parts.alerts,
        store: parts.store,
        runs: parts.runs,
        clock: Arc::new(SystemClock) as Arc<dyn Clock>,
        rules: Arc::new(parts.rules),
        limits: limits(&settings.sandbox),
        setup_network: setup_network(&settings.sandbox)?,
        work_dir,
        wake: Arc::new(tokio::sync::Notify::new()),
        seen_red: Arc::new(stages::prove::RedCache::default()),
        spares: Arc::new(stages::spares::Spares::default()),
        patience: crate::engine::worker::PATIENCE,
    })
}

/// Where trees are exported and run.
pub fn work_dir(folder: &Path) -> PathBuf {
    folder.join("work")
}
