//! `regreen init`: asks, and writes `.env` and `regreen.toml`.
//!
//! Secrets are never taken from the command line, where every account of the machine could read them: they are asked for without an echo, or come from
//! a file or from the environment.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use clap::Args;

use super::code;
use super::output::{Usage, say};
use crate::config::{Settings, Sources};

/// Longer answers are refused: an App's key has some 1,700 bytes.
const LONGEST_SECRET: u64 = 16 * 1024;

/// The answers; what is missing is asked for on a terminal.
#[derive(Debug, Args)]
#[command(after_help = "What is not given is asked for, on a terminal only. Secrets come from files, from the environment (GITHUB_TOKEN, SLACK_BOT_TOKEN,
ANTHROPIC_API_KEY …) or are typed unseen. `.env` is written for its owner only (mode 600).

Examples:
  regreen init
  regreen init --repos acme/widgets --github-token-file token.txt --slack-channel ci
  regreen init --repos 'acme/*' --github-app-id 123456 --github-app-key-file /etc/regreen/app.pem --no-dry-run --force")]
pub struct InitArgs {
    /// The repositories to watch: `owner/name` or `owner/*`, comma-separated.
    #[arg(long, value_name = "LIST")]
    repos: Option<String>,
    /// A file that holds the GitHub token.
    #[arg(long, value_name = "FILE", conflicts_with = "github_app_id")]
    github_token_file: Option<PathBuf>,
    /// The id of a GitHub App, instead of a token.
    #[arg(long, value_name = "ID", requires = "github_app_key_file")]
    github_app_id: Option<u64>,
    /// The file of the App's private key; it stays where it is.
    #[arg(long, value_name = "FILE", requires = "github_app_id")]
    github_app_key_file: Option<PathBuf>,
    /// The Slack channel.
    #[arg(long, value_name = "NAME")]
    slack_channel: Option<String>,
    /// A file that holds the Slack bot's token.
    #[arg(long, value_name = "FILE")]
    slack_token_file: Option<PathBuf>,
    /// The vendor of the model: anthropic, openai or gemini.
    #[arg(long, value_enum)]
    model: Option<Vendor>,
    /// A file that holds the model's key.
    #[arg(long, value_name = "FILE", requires = "model")]
    model_key_file: Option<PathBuf>,
    /// Write for real from the start; default is to begin with dry-run.
    #[arg(long)]
    no_dry_run: bool,
    /// The folder for the two files.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    dir: PathBuf,
    /// Replace files that are there.
    #[arg(long)]
    force: bool,
}

/// Vendors that need nothing but a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Vendor {
    Anthropic,
    Openai,
    Gemini,
}

impl Vendor {
    const fn key(self) -> &'static str {
        match self {
            Vendor::Anthropic => "ANTHROPIC_API_KEY",
            Vendor::Openai => "OPENAI_API_KEY",
            Vendor::Gemini => "GEMINI_API_KEY",
        }
    }
}

/// Runs it.
pub fn run(args: &InitArgs) -> anyhow::Result<u8> {
    let (env_path, toml_path) = (args.dir.join(".env"), args.dir.join("regreen.toml"));
    if !args.force {
        for path in [&env_path, &toml_path] {
            // A dangling link counts as there: writing through it would go elsewhere.
            if path.symlink_metadata().is_ok() {
                return Err(Usage(format!("`{}` is there already; move it away, or replace it with --force", path.display())).into());
            }
        }
    }
    let asks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let environment = Sources::read(None).env;
    let (values, dry_run) = answers(args, asks, &environment)?;
    let (env, toml) = (env_text(&values), toml_text(&values, dry_run));

    // What can't be used is told before it is written.
    let mut variables = values.clone();
    variables.extend(["HOME", "XDG_DATA_HOME"].into_iter().filter_map(|name| Some((name.to_owned(), environment.get(name)?.clone()))));
    Settings::from_sources(Sources { env: variables, file: Some((toml_path.clone(), toml.clone())), problems: Vec::new() })?;

    std::fs::create_dir_all(&args.dir).with_context(|| format!("the folder `{}` can't be made", args.dir.display()))?;
    write(&env_path, &env, 0o600, args.force)?;
    write(&toml_path, &toml, 0o644, args.force)?;
    say(&format!("wrote {} (for its owner only) and {}", env_path.display(), toml_path.display()));
    say(if dry_run {
        "dry-run is on: nothing is written to GitHub until REGREEN_DRY_RUN=false"
    } else {
        "dry-run is off: fixes will be offered as pull requests"
    });
    say("next: regreen doctor");
    Ok(code::DONE)
}

fn answers(args: &InitArgs, asks: bool, environment: &BTreeMap<String, String>) -> anyhow::Result<(BTreeMap<String, String>, bool)> {
    let mut values = BTreeMap::new();
    let mut missing = Vec::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()) {
            values.insert(name.to_owned(), value);
        }
    };
    let given = |name: &str| environment.get(name).filter(|value| !value.trim().is_empty()).cloned();

    let repos = match args.repos.clone().or_else(|| given("REGREEN_REPOS")) {
        None if asks => ask("Repositories to watch (owner/name or owner/*, comma-separated)")?,
        repos => repos,
    };
    if repos.as_ref().is_none_or(|repos| repos.trim().is_empty()) {
        missing.push("--repos LIST");
    }
    put("REGREEN_REPOS", repos);

    if let (Some(id), Some(file)) = (args.github_app_id, &args.github_app_key_file) {
        let file = file.canonicalize().with_context(|| format!("the App's key `{}` can't be read", file.display()))?;
        put("GITHUB_APP_ID", Some(id.to_string()));
        put("GITHUB_APP_PRIVATE_KEY_FILE", Some(file.display().to_string()));
    } else {
        let token = match secret(args.github_token_file.as_deref(), given("GITHUB_TOKEN"))? {
            None if asks => ask_unseen("GitHub token (docs/first-hour.md names the permissions)")?,
            token => token,
        };
        if token.is_none() {
            missing.push("--github-token-file FILE (or GITHUB_TOKEN in the environment, or --github-app-id and --github-app-key-file)");
        }
        put("GITHUB_TOKEN", token);
    }
    if !missing.is_empty() {
        return Err(Usage(format!("there is no terminal to ask on, or the answer was empty; give {}", missing.join(" and "))).into());
    }

    let channel = match args.slack_channel.clone().or_else(|| given("SLACK_CHANNEL")) {
        None if asks => ask("Slack channel (empty for none)")?,
        channel => channel,
    };
    if let Some(channel) = channel.filter(|channel| !channel.trim().is_empty()) {
        let token = match secret(args.slack_token_file.as_deref(), given("SLACK_BOT_TOKEN"))? {
            None if asks => ask_unseen("Slack bot token (xoxb-…)")?,
            token => token,
        };
        if token.is_none() {
            return Err(Usage("a Slack channel needs --slack-token-file FILE (or SLACK_BOT_TOKEN in the environment)".into()).into());
        }
        put("SLACK_CHANNEL", Some(channel));
        put("SLACK_BOT_TOKEN", token);
    }

    let vendor = match args.model {
        None if asks && args.model_key_file.is_none() => match ask("Model vendor: anthropic, openai, gemini (empty for none)")? {
            Some(name) => Some(<Vendor as clap::ValueEnum>::from_str(name.trim(), true).map_err(Usage)?),
            None => None,
        },
        vendor => vendor,
    };
    if let Some(vendor) = vendor {
        let key = match secret(args.model_key_file.as_deref(), given(vendor.key()))? {
            None if asks => ask_unseen(&format!("{} (empty to set it later)", vendor.key()))?,
            key => key,
        };
        put(vendor.key(), key);
    }
    let dry_run = if args.no_dry_run {
        false
    } else if asks {
        !ask("Begin with dry-run, where nothing is written to GitHub? [Y/n]")?.is_some_and(|answer| answer.trim().to_ascii_lowercase().starts_with('n'))
    } else {
        true
    };
    Ok((values, dry_run))
}

fn secret(file: Option<&Path>, given: Option<String>) -> anyhow::Result<Option<String>> {
    let Some(file) = file else { return Ok(given) };
    let length = std::fs::metadata(file).with_context(|| format!("`{}` can't be read", file.display()))?.len();
    if length > LONGEST_SECRET {
        return Err(Usage(format!("`{}` is larger than {LONGEST_SECRET} bytes: it holds no token", file.display())).into());
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("`{}` can't be read", file.display()))?;
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// Asks on stderr, so that stdout stays for results. An empty answer is `None`.
fn ask(question: &str) -> anyhow::Result<Option<String>> {
    eprint!("{question}: ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(Some(line.trim().to_owned()).filter(|line| !line.is_empty()))
}

/// Turns the terminal's echo off, and on again when it is dropped.
struct Unseen;

impl Unseen {
    fn stty(flag: &str) -> bool {
        Command::new("stty").arg(flag).stdin(Stdio::inherit()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    fn start() -> Option<Self> {
        Self::stty("-echo").then_some(Self)
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        Self::stty("echo");
    }
}

fn ask_unseen(question: &str) -> anyhow::Result<Option<String>> {
    let unseen = Unseen::start();
    if unseen.is_none() {
        return Err(Usage(format!("the terminal's echo can't be turned off for `{question}`; give the secret by a file (see --help)")).into());
    }
    let answer = ask(question);
    drop(unseen);
    eprintln!();
    answer
}

/// `.env`, as dotenv reads it: within single quotes nothing is expanded. But a backslash hides the quote at the end from it, so such a value, and one
/// with a single quote, is put in double quotes and escaped.
fn env_text(values: &BTreeMap<String, String>) -> String {
    let mut text = String::from("# Written by `regreen init`; .env.example shows every setting. Keep this file to yourself.\n");
    for (name, value) in values {
        let quoted = if value.contains(['\'', '\\']) {
            let escaped: String = value.chars().flat_map(|c| if matches!(c, '"' | '\\' | '$') { vec!['\\', c] } else { vec![c] }).collect();
            format!("\"{escaped}\"")
        } else {
            format!("'{value}'")
        };
        text.push_str(&format!("{name}={quoted}\n"));
    }
    text
}

fn toml_text(values: &BTreeMap<String, String>, dry_run: bool) -> String {
    let mut text = String::from("# Written by `regreen init`; regreen.example.toml shows every setting, with its default.\n\n");
    text.push_str("# Everything is done but the writing; REGREEN_DRY_RUN in the environment wins.\n");
    text.push_str(&format!("dry_run = {dry_run}\n"));
    let first = values.get("REGREEN_REPOS").and_then(|repos| repos.split(',').next()).unwrap_or("acme/widgets");
    // A name in a comment; that it has no line ends is seen to here.
    let first: String = first.trim().chars().filter(|c| !c.is_control() && *c != '"').collect();
    text.push_str(&format!("\n# What holds for one repository, for example:\n#[[repo]]\n#name = \"{first}\"\n#setup = [\"npm ci\"]\n#test = \"npm test\"\n"));
    text
}

/// Writes beside and renames, so that a crash leaves the old file or the new one. Without `force` nothing is replaced.
fn write(path: &Path, text: &str, mode: u32, force: bool) -> anyhow::Result<()> {
    let told = || format!("`{}` can't be written", path.display());
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    if !force {
        return options.open(path).and_then(|mut file| file.write_all(text.as_bytes())).with_context(told);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::Builder::new().prefix(".regreen-init-").tempfile_in(folder).with_context(told)?;
    beside.write_all(text.as_bytes()).with_context(told)?;
    std::fs::set_permissions(beside.path(), <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(mode)).with_context(told)?;
    beside.persist(path).map_err(|error| error.error).with_context(told)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in "[ -~]{1,60}") {
            let value = value.trim().to_owned();
            prop_assume!(!value.is_empty());
            let values = BTreeMap::from([("GITHUB_TOKEN".to_owned(), value.clone())]);
            let read: Vec<(String, String)> = dotenvy::from_read_iter(env_text(&values).as_bytes()).collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(read, vec![("GITHUB_TOKEN".to_owned(), value)]);
        }
    }

    #[test]
    fn the_file_names_the_first_repository() {
        let values = BTreeMap::from([("REGREEN_REPOS".to_owned(), "acme/web,acme/api".to_owned())]);
        assert!(toml_text(&values, true).contains("#name = \"acme/web\""));
    }
}
