//! `regreen pause` and `regreen resume`: a person's stop, read before every effect.

use clap::Args;

use super::output::{Format, json, say};
use super::{Context, code};
use crate::app;
use crate::domain::ids::RepoSlug;
use crate::ports::store::Store as _;

/// What to stop, and why.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// Only this repository; without it everything.
    #[arg(long, value_name = "O/R")]
    repo: Option<String>,
    /// Why; goes into the audit log.
    #[arg(long)]
    reason: String,
    /// Who; default the name of the account.
    #[arg(long)]
    by: Option<String>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The person at the keyboard, for the audit log.
pub fn person(given: Option<&str>) -> String {
    let name =
        given.map(str::to_owned).or_else(|| std::env::var("SUDO_USER").ok()).or_else(|| std::env::var("USER").ok()).or_else(|| std::env::var("LOGNAME").ok());
    crate::domain::render::escape::line(name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or("operator"), 80)
}

/// Stops, or ends a stop.
pub async fn run(context: &Context, args: &PauseArgs, stop: bool) -> anyhow::Result<u8> {
    let settings = context.settings()?;
    let store = app::store(&settings).await?;
    let repo = args.repo.as_deref().map(RepoSlug::from_address).transpose().map_err(|error| super::output::Usage(error.to_string()))?;
    let by = person(args.by.as_deref());
    let now = app::now();
    let what = repo.as_ref().map_or("everything".to_owned(), ToString::to_string);
    let changed = if stop {
        store.pause(repo.as_ref(), &by, &args.reason, now).await?;
        true
    } else {
        store.resume(repo.as_ref(), &by, &args.reason, now).await?
    };
    match (args.format, stop, changed) {
        (Format::Json, ..) => json(&serde_json::json!({"repo": repo, "paused": stop, "changed": changed, "by": by}))?,
        (_, true, _) => say(&format!("{what} is paused by {by}: {}", args.reason)),
        (_, false, true) => say(&format!("{what} goes on")),
        (_, false, false) => say(&format!("{what} was not paused")),
    }
    Ok(if changed { code::DONE } else { code::NO })
}
