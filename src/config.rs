//! The only reader of environment and files: in go `.env`, the environment and `regreen.toml`, out come validated
//! [`Settings`]. All that is missing or malformed is reported together, by name, with what is expected. No value of a
//! secret is ever part of a message.

mod file;
mod reader;
mod routes;
mod rules;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::domain::rules::Rules;

use file::File;
pub use reader::duration;
use reader::{Reader, listed, web_address};

/// How GitHub is spoken to.
#[derive(Debug, Clone)]
pub enum GitHubCredentials {
    /// A token of a person or a bot.
    Token(SecretString),
    /// A GitHub App.
    App {
        /// The App's id.
        id: u64,
        /// Its private key, PEM.
        key: SecretString,
    },
}

/// How often GitHub is polled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Poll {
    /// At this distance.
    Every(Duration),
    /// At these times (UTC), five or six fields.
    Cron(String),
}

/// What kind of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// OpenAI, and everything that speaks its chat completions.
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini.
    Gemini,
    /// A TensorZero gateway.
    TensorZero,
    /// A coding agent run as a command.
    Command,
}

/// A route to a model.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// What it speaks.
    pub kind: RouteKind,
    /// Where it is; `None` for the vendor's own address.
    pub base_url: Option<Url>,
    /// The model's name, verbatim.
    pub model: String,
    /// Which variable holds the key.
    pub key_env: String,
    /// The key.
    pub key: Option<SecretString>,
    /// One request.
    pub timeout: Duration,
    /// The longest answer, in tokens.
    pub max_output_tokens: u32,
    /// US dollars for a million tokens in.
    pub input_price: f64,
    /// US dollars for a million tokens out.
    pub output_price: f64,
    /// The command of a `command` route.
    pub argv: Vec<String>,
}

/// How the team's channel is reached.
#[derive(Debug, Clone, Default)]
pub struct SlackSettings {
    /// A bot's token.
    pub bot_token: Option<SecretString>,
    /// The channel, by id or name.
    pub channel: Option<String>,
    /// An incoming webhook instead of a bot; the address is a secret.
    pub webhook_url: Option<SecretString>,
    /// Another address of the Web API.
    pub api_url: Option<Url>,
}

/// The sandbox (`[sandbox]`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxSettings {
    /// Memory of the whole tree of processes, in MiB.
    pub memory_mib: u64,
    /// Processes.
    pub processes: u32,
    /// Growth of the tree on disk, in MiB.
    pub disk_mib: u64,
    /// The largest file, in MiB.
    pub file_mib: u64,
    /// Output of one command, in MiB.
    pub output_mib: u64,
    /// Hosts that the set-up phase may reach; replaces the usual registries.
    pub setup_hosts: Option<Vec<String>>,
    /// Folders with toolchains, beside those that are found.
    pub toolchains: Vec<PathBuf>,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self { memory_mib: 4096, processes: 512, disk_mib: 8192, file_mib: 1024, output_mib: 16, setup_hosts: None, toolchains: Vec::new() }
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Everything that was set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `None`: nothing on GitHub can be done.
    pub github: Option<GitHubCredentials>,
    /// REST.
    pub github_api_url: Url,
    /// Git and pages.
    pub github_server_url: Url,
    /// Webhook secrets; several while rotating.
    pub webhook_secrets: Vec<SecretString>,
    /// When to poll.
    pub poll: Poll,
    /// The database.
    pub database_url: String,
    /// Files of ours.
    pub data_dir: PathBuf,
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Who may use the admin endpoints: person and token.
    pub admin_tokens: Vec<(String, SecretString)>,
    /// Workers.
    pub workers: usize,
    /// The folder with policies.
    pub policies: Option<PathBuf>,
    /// Slack.
    pub slack: SlackSettings,
    /// Routes in order.
    pub routes: Vec<Route>,
    /// The sandbox.
    pub sandbox: SandboxSettings,
    /// What the flow needs.
    pub rules: Rules,
    /// The log's filter.
    pub log: String,
    /// The log's form.
    pub log_format: LogFormat,
}

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting.
    pub name: String,
    /// What is wrong, and what is expected. Never the value of a secret.
    pub message: String,
}

/// All that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} setting(s) can't be used:", self.0.len())?;
        for problem in &self.0 {
            writeln!(f, "  {}: {}", problem.name, problem.message)?;
        }
        f.write_str("see `.env.example` and `regreen.example.toml` for what each one takes")
    }
}

/// Where the settings are read from. The only place that touches the process's environment.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Variables: the environment over `.env`.
    pub env: BTreeMap<String, String>,
    /// `regreen.toml` and its text.
    pub file: Option<(PathBuf, String)>,
    /// What could not even be read.
    pub problems: Vec<Problem>,
}

impl Sources {
    /// Reads `.env` and `regreen.toml` in the working folder (or the named file), and the environment.
    pub fn read(config: Option<&Path>) -> Self {
        let mut sources = Sources::default();
        match dotenvy::from_path_iter(".env") {
            Ok(pairs) => {
                for pair in pairs {
                    match pair {
                        Ok((name, value)) => {
                            sources.env.insert(name, value);
                        }
                        // dotenvy's message quotes the line, which may hold a secret.
                        Err(_) => sources.problem(".env", "a line is not of the form NAME=value; quote values with spaces or `#`"),
                    }
                }
            }
            Err(dotenvy::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => sources.problem(".env", "the file can't be read"),
        }
        sources.env.extend(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))));
        let path = config.map(Path::to_path_buf).or_else(|| sources.env.get("REGREEN_CONFIG").map(PathBuf::from));
        let named = path.is_some();
        let path = path.unwrap_or_else(|| PathBuf::from("regreen.toml"));
        match std::fs::read_to_string(&path) {
            Ok(text) => sources.file = Some((path, text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => {}
            Err(error) => sources.problem(&path.display().to_string(), &format!("the file can't be read ({})", error.kind())),
        }
        sources
    }

    fn problem(&mut self, name: &str, message: &str) {
        self.problems.push(Problem { name: name.to_owned(), message: message.to_owned() });
    }
}

impl Settings {
    /// Validates; all problems at once.
    pub fn from_sources(sources: Sources) -> Result<Settings, Problems> {
        let mut file = File::default();
        let mut reader = Reader { env: sources.env, problems: sources.problems };
        if let Some((path, text)) = sources.file {
            match toml::from_str::<File>(&text) {
                Ok(read) => file = read,
                Err(error) => {
                    // The message names key and kind; the quoted source line could hold anything, so it is left out.
                    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
                    let place = line.map_or(String::new(), |line| format!(", line {line}"));
                    reader.problem(format!("{}{place}", path.display()), error.message().lines().next().unwrap_or("it is not valid TOML"));
                }
            }
        }
        let settings = Settings::build(&mut reader, file);
        if reader.problems.is_empty() { Ok(settings) } else { Err(Problems(reader.problems)) }
    }

    fn build(reader: &mut Reader, file: File) -> Settings {
        let github = github_credentials(reader);
        let data_dir = reader.text("REGREEN_DATA_DIR").map_or_else(|| default_data_dir(reader), PathBuf::from);
        let database_url = reader
            .env("DATABASE_URL", "sqlite://PATH or postgres://USER@HOST/DATABASE", |text| {
                ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| text.starts_with(scheme)).then(|| text.to_owned())
            })
            .unwrap_or_else(|| format!("sqlite://{}?mode=rwc", data_dir.join("regreen.db").display()));
        let listen = reader.text("REGREEN_LISTEN").or_else(|| file.listen.clone());
        let listen = reader
            .parsed("REGREEN_LISTEN", listen, "an address and a port, such as 127.0.0.1:8080", |text| text.parse().ok())
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        let poll = reader.text("REGREEN_POLL").or_else(|| file.poll.clone());
        let poll = reader
            .parsed("REGREEN_POLL", poll, "a duration such as `60s`, or a cron expression of five fields", schedule)
            .unwrap_or(Poll::Every(Duration::from_secs(60)));
        let workers = reader.env("REGREEN_WORKERS", "a number from 1 to 64", |text| text.parse().ok()).or(file.workers).unwrap_or(2);
        if !(1..=64).contains(&workers) {
            reader.problem("REGREEN_WORKERS", "expected a number from 1 to 64");
        }
        let log_format = reader
            .env("REGREEN_LOG_FORMAT", "`pretty` or `json`", |text| match text {
                "pretty" => Some(LogFormat::Pretty),
                "json" => Some(LogFormat::Json),
                _ => None,
            })
            .unwrap_or(LogFormat::Pretty);
        Settings {
            github,
            github_api_url: reader.url("GITHUB_API_URL", "https://api.github.com"),
            github_server_url: reader.url("GITHUB_SERVER_URL", "https://github.com"),
            webhook_secrets: reader.text("GITHUB_WEBHOOK_SECRET").map(|text| listed(&text).map(SecretString::from).collect()).unwrap_or_default(),
            poll,
            database_url,
            data_dir,
            listen,
            admin_tokens: admin_tokens(reader),
            workers,
            policies: reader.text("REGREEN_POLICIES").map(PathBuf::from),
            slack: slack(reader),
            routes: routes::routes(reader, &file.route),
            sandbox: file.sandbox.clone(),
            rules: rules::rules(reader, &file),
            log: reader.text("REGREEN_LOG").unwrap_or_else(|| "info,sqlx=warn,hyper=warn,sea_orm_migration=warn".into()),
            log_format,
        }
    }
}

fn default_data_dir(reader: &Reader) -> PathBuf {
    let base = reader.text("XDG_DATA_HOME").map(PathBuf::from).or_else(|| reader.text("HOME").map(|home| PathBuf::from(home).join(".local/share")));
    base.map_or_else(|| PathBuf::from("regreen-data"), |base| base.join("regreen"))
}

fn schedule(text: &str) -> Option<Poll> {
    if let Some(every) = duration(text) {
        return (every >= Duration::from_millis(100)).then_some(Poll::Every(every));
    }
    text.parse::<croner::Cron>().ok().map(|_| Poll::Cron(text.to_owned()))
}

fn github_credentials(reader: &mut Reader) -> Option<GitHubCredentials> {
    let token = reader.secret("GITHUB_TOKEN");
    let id = reader.env("GITHUB_APP_ID", "the App's numeric id", |text| text.parse().ok());
    let file = ["GITHUB_APP_PRIVATE_KEY_FILE", "GITHUB_PRIVATE_KEY_PEM_FILE"].into_iter().find_map(|name| Some((name, reader.text(name)?)));
    let key = if let Some((name, path)) = file {
        match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) => {
                reader.problem(name, format!("the file can't be read ({})", error.kind()));
                None
            }
        }
    } else {
        reader.text("GITHUB_APP_PRIVATE_KEY").or_else(|| reader.text("GITHUB_PRIVATE_KEY_PEM"))
    };
    let key = key.map(|pem| pem.replace("\\n", "\n"));
    if let Some(pem) = &key
        && !(pem.contains("-----BEGIN") && pem.contains("PRIVATE KEY-----"))
    {
        reader.problem("GITHUB_APP_PRIVATE_KEY", "expected a private key in PEM form, with real or `\\n`-escaped line ends");
    }
    match (id, key, token) {
        (Some(id), Some(key), _) => Some(GitHubCredentials::App { id, key: SecretString::from(key) }),
        (Some(_), None, _) => {
            reader.problem("GITHUB_APP_PRIVATE_KEY", "is missing, and GITHUB_APP_ID needs it (or GITHUB_APP_PRIVATE_KEY_FILE)");
            None
        }
        (None, Some(_), None) => {
            reader.problem("GITHUB_APP_ID", "is missing, and GITHUB_APP_PRIVATE_KEY needs it");
            None
        }
        (None, _, token) => token.map(GitHubCredentials::Token),
    }
}

fn admin_tokens(reader: &mut Reader) -> Vec<(String, SecretString)> {
    let Some(text) = reader.text("REGREEN_ADMIN_TOKENS") else { return Vec::new() };
    let mut tokens = Vec::new();
    for (n, pair) in listed(&text).enumerate() {
        match pair.split_once('=') {
            Some((person, token)) if !person.trim().is_empty() && token.len() >= 16 => {
                tokens.push((person.trim().to_owned(), SecretString::from(token.to_owned())))
            }
            _ => reader.problem("REGREEN_ADMIN_TOKENS", format!("entry {}: expected `person=token` with a token of at least 16 characters", n + 1)),
        }
    }
    tokens
}

fn slack(reader: &mut Reader) -> SlackSettings {
    let slack = SlackSettings {
        bot_token: reader.secret("SLACK_BOT_TOKEN"),
        channel: reader.text("SLACK_CHANNEL"),
        webhook_url: reader
            .env("SLACK_WEBHOOK_URL", "an https address of an incoming webhook", |text| web_address(text).map(|_| SecretString::from(text.to_owned()))),
        api_url: reader.env("SLACK_API_URL", "an http or https address", web_address),
    };
    if slack.bot_token.is_some() && slack.channel.is_none() {
        reader.problem("SLACK_CHANNEL", "is missing, and SLACK_BOT_TOKEN needs it");
    }
    slack
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RepoSlug;
    use crate::domain::rules::RepoPattern;

    fn read(env: &[(&str, &str)], file: &str) -> Result<Settings, Problems> {
        Settings::from_sources(Sources {
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            file: Some(("regreen.toml".into(), file.to_owned())),
            problems: Vec::new(),
        })
    }

    #[test]
    fn defaults_need_nothing() {
        let settings = read(&[("HOME", "/home/a")], "").unwrap();
        assert_eq!(settings.github_api_url.as_str(), "https://api.github.com/");
        assert_eq!(settings.github_server_url.as_str(), "https://github.com/");
        assert_eq!(settings.database_url, "sqlite:///home/a/.local/share/regreen/regreen.db?mode=rwc");
        assert!(settings.github.is_none() && settings.routes.is_empty() && !settings.rules.dry_run);
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let env = [
            ("GITHUB_APP_ID", "abc"),
            ("GITHUB_APP_PRIVATE_KEY", "hunter2-canary"),
            ("GITHUB_API_URL", "ftp://x"),
            ("DATABASE_URL", "mysql://root:hunter2-canary@x"),
            ("REGREEN_REPOS", "a/b, nonsense"),
            ("REGREEN_POLL", "soon"),
            ("REGREEN_LISTEN", "8080"),
            ("REGREEN_ADMIN_TOKENS", "ann=hunter2"),
            ("REGREEN_WORKERS", "0"),
            ("REGREEN_DRY_RUN", "maybe"),
            ("SLACK_BOT_TOKEN", "xoxb-hunter2-canary"),
            ("SLACK_WEBHOOK_URL", "hunter2-canary"),
            ("REGREEN_BUDGET_USD_PER_DAY", "-1"),
            ("REGREEN_LOG_FORMAT", "xml"),
        ];
        let file = "[[route]]\nname='r'\nkind='anthropic'\n[[repo]]\nname='a/b'\nwatch=['[']\nrisk_max=11\ntimeout='x'\n[breaker]\nthreshold=0\ngrowth=0.5\n[timing]\nsettle='x'\n";
        let problems = read(&env, file).unwrap_err();
        let text = problems.to_string();
        assert!(!text.contains("hunter2"), "{text}");
        for (name, _) in env {
            let name = if name == "SLACK_BOT_TOKEN" { "SLACK_CHANNEL" } else { name };
            assert!(problems.0.iter().any(|problem| problem.name.contains(name)), "{name} in {text}");
        }
        for name in ["ANTHROPIC_API_KEY", "model", "watch", "risk_max", "timeout", "threshold", "growth", "settle"] {
            assert!(problems.0.iter().any(|problem| problem.name.contains(name)), "{name} in {text}");
        }
    }

    #[test]
    fn a_typo_in_the_file_is_found() {
        let problems = read(&[], "[[repo]]\nname='a/b'\nwacth=['x']\n").unwrap_err();
        assert!(problems.to_string().contains("wacth"), "{problems}");
    }

    #[test]
    fn environment_wins() {
        let settings = read(
            &[("REGREEN_REPOS", "https://github.com/a/b.git,c/*"), ("REGREEN_POLL", "*/5 * * * *"), ("REGREEN_DRY_RUN", "on")],
            "repos=['x/y']\npoll='1s'\ndry_run=false",
        )
        .unwrap();
        assert_eq!(settings.rules.repos, [RepoPattern::One(RepoSlug::parse("a/b").unwrap()), RepoPattern::Owner("c".into())]);
        assert_eq!(settings.poll, Poll::Cron("*/5 * * * *".into()));
        assert!(settings.rules.dry_run);
    }

    #[test]
    fn a_key_alone_makes_a_route() {
        let settings = read(&[("OPENAI_API_KEY", "k"), ("TENSORZERO_URL", "http://127.0.0.1:3000")], "").unwrap();
        let names: Vec<_> = settings.routes.iter().map(|route| route.name.as_str()).collect();
        assert_eq!(names, ["tensorzero", "openai"]);
    }

    #[test]
    fn keys_with_escaped_line_ends() {
        let pem = "-----BEGIN RSA PRIVATE KEY-----\\nx\\n-----END RSA PRIVATE KEY-----";
        for name in ["GITHUB_APP_PRIVATE_KEY", "GITHUB_PRIVATE_KEY_PEM"] {
            let settings = read(&[("GITHUB_APP_ID", "7"), (name, pem)], "").unwrap();
            let Some(GitHubCredentials::App { id: 7, key }) = settings.github else { panic!("no App") };
            assert_eq!(secrecy::ExposeSecret::expose_secret(&key).lines().count(), 3);
        }
    }

    #[test]
    fn durations() {
        for (text, millis) in [("90", 90_000), ("90s", 90_000), ("5m", 300_000), ("2h", 7_200_000), ("250ms", 250), ("1d", 86_400_000)] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "x", "5 weeks", "-1s", "99999999999999999999", "99999999999999d"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn nothing_secret_in_debug() {
        let settings = read(
            &[
                ("GITHUB_TOKEN", "canary"),
                ("SLACK_WEBHOOK_URL", "https://h/canary"),
                ("OPENAI_API_KEY", "canary"),
                ("GITHUB_WEBHOOK_SECRET", "canary"),
                ("REGREEN_ADMIN_TOKENS", "ann=canarycanarycanary"),
            ],
            "",
        )
        .unwrap();
        assert!(!format!("{settings:?}").contains("canary"));
    }
}
