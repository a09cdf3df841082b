//! `regreen doctor`: every dependency and permission is tried, and each failure says its remedy. Nothing is written outside; here only the data folder
//! and an empty database file are made, as every other command makes them.

mod house;
mod outside;

use clap::Args;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::output::{Format, Progress, json, say};
use super::{Context, code};
use crate::config::{GitHubCredentials, Problems, Settings, Sources};
use crate::domain::render::{escape, terminal::Paint};

/// How the report is printed.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 nothing fails (warnings may stand) · 1 something fails · 2 the settings can't be read.

Examples:
  regreen doctor
  regreen doctor --format json")]
pub struct DoctorArgs {
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It is as it should be.
    Ok,
    /// It works, and something about it should be known.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Which part of the house.
    pub section: &'static str,
    /// What was tried.
    pub name: String,
    /// How it came out.
    pub mark: Mark,
    /// What was seen.
    pub says: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Everything that was tried, in order.
#[derive(Debug, Default)]
pub struct Report {
    tried: Vec<Tried>,
    /// What must never be printed, whoever sends it back to us in a message.
    secrets: Vec<String>,
}

impl Report {
    /// It is as it should be.
    pub fn ok(&mut self, section: &'static str, name: impl AsRef<str>, says: impl AsRef<str>) {
        self.push(section, name.as_ref(), Mark::Ok, says.as_ref(), None);
    }

    /// It works, but.
    pub fn warn(&mut self, section: &'static str, name: impl AsRef<str>, says: impl AsRef<str>, remedy: impl AsRef<str>) {
        self.push(section, name.as_ref(), Mark::Warn, says.as_ref(), Some(remedy.as_ref()));
    }

    /// It does not work.
    pub fn fail(&mut self, section: &'static str, name: impl AsRef<str>, says: impl AsRef<str>, remedy: impl AsRef<str>) {
        self.push(section, name.as_ref(), Mark::Fail, says.as_ref(), Some(remedy.as_ref()));
    }

    fn push(&mut self, section: &'static str, name: &str, mark: Mark, says: &str, remedy: Option<&str>) {
        let clean = |text: &str| {
            let hidden = self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "[secret]"));
            escape::line(&hidden, 600)
        };
        let tried = Tried { section, name: clean(name), mark, says: clean(says), remedy: remedy.map(clean) };
        self.tried.push(tried);
    }

    fn count(&self, mark: Mark) -> usize {
        self.tried.iter().filter(|tried| tried.mark == mark).count()
    }

    fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        let mut section = "";
        for tried in &self.tried {
            if tried.section != section {
                section = tried.section;
                text.push_str(&format!("{}\n", paint.bold(section)));
            }
            let mark = match tried.mark {
                Mark::Ok => paint.green("ok  "),
                Mark::Warn => paint.yellow("warn"),
                Mark::Fail => paint.red("fail"),
            };
            text.push_str(&format!("  {mark}  {}: {}\n", tried.name, tried.says));
            if let Some(remedy) = &tried.remedy {
                text.push_str(&format!("        remedy: {remedy}\n"));
            }
        }
        text.push_str(&format!("{} ok, {} warning(s), {} failure(s)", self.count(Mark::Ok), self.count(Mark::Warn), self.count(Mark::Fail)));
        text
    }

    fn print(&self, format: Format, paint: Paint) -> anyhow::Result<()> {
        match format {
            Format::Text => say(&self.text(paint)),
            Format::Json => json(&serde_json::json!({
                "ok": self.count(Mark::Fail) == 0,
                "counts": {"ok": self.count(Mark::Ok), "warn": self.count(Mark::Warn), "fail": self.count(Mark::Fail)},
                "checks": self.tried,
            }))?,
        }
        Ok(())
    }
}

/// Runs it.
pub async fn run(context: &Context, args: &DoctorArgs) -> anyhow::Result<u8> {
    let mut report = Report::default();
    let settings = match context.settings() {
        Ok(settings) => settings,
        Err(Problems(problems)) => {
            for problem in &problems {
                report.fail("settings", &problem.name, &problem.message, "see `.env.example` and `regreen.example.toml` for what it takes");
            }
            report.print(args.format, context.paint)?;
            return Ok(code::USAGE);
        }
    };
    super::start_log(context, "error", settings.log_format);
    report.secrets = secrets(&settings);
    let progress = Progress::start(false);
    house::settings(&mut report, &settings, &Sources::read(context.config.as_deref()));
    progress.step("the database and the data folder");
    house::database(&mut report, &settings).await;
    house::data_folder(&mut report, &settings);
    house::listen(&mut report, &settings);
    progress.step("the sandbox");
    house::sandbox(&mut report, &settings).await;
    outside::github(&mut report, &settings, &progress).await;
    progress.step("Slack");
    outside::slack(&mut report, &settings).await;
    outside::models(&mut report, &settings, &progress).await;
    progress.step("the clock");
    outside::clock(&mut report, &settings).await;
    progress.end();
    report.print(args.format, context.paint)?;
    Ok(if report.count(Mark::Fail) == 0 { code::DONE } else { code::NO })
}

/// Every secret of the settings, as text.
fn secrets(settings: &Settings) -> Vec<String> {
    let mut all: Vec<&str> = Vec::new();
    match &settings.github {
        Some(GitHubCredentials::Token(token)) => all.push(token.expose_secret()),
        Some(GitHubCredentials::App { key, .. }) => all.push(key.expose_secret()),
        None => {}
    }
    all.extend(settings.webhook_secrets.iter().map(|secret| secret.expose_secret()));
    all.extend(settings.admin_tokens.iter().map(|(_, token)| token.expose_secret()));
    all.extend([&settings.slack.bot_token, &settings.slack.webhook_url].into_iter().flatten().map(|secret| secret.expose_secret()));
    all.extend(settings.routes.iter().filter_map(|route| route.key.as_ref()).map(|key| key.expose_secret()));
    let database = url::Url::parse(&settings.database_url).ok();
    all.extend(database.as_ref().and_then(url::Url::password));
    // A text of a few characters would be found everywhere, and hides nothing.
    all.into_iter().filter(|secret| secret.len() >= 6).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_escapes_stay_out() {
        let mut report = Report { secrets: vec!["hunter2-canary".into()], ..Report::default() };
        report.fail("github", "x", "the server said hunter2-canary\n\u{1b}[31m", "keep hunter2-canary");
        let text = report.text(Paint(false));
        assert!(!text.contains("hunter2") && !text.contains('\u{1b}'), "{text}");
        assert!(text.ends_with("0 ok, 0 warning(s), 1 failure(s)"), "{text}");
    }
}
