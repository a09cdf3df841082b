//! `regreen rollback`: takes back what a remediation wrote.

use std::sync::Arc;

use clap::Args;

use super::output::{Format, Usage, json, say};
use super::{Context, code};
use crate::app::{self, Parts};
use crate::domain::ids::RemediationId;
use crate::domain::render::escape;
use crate::engine::Runs;
use crate::engine::rollback::{self, Outcome, RollbackError};

/// Which remediation, and why.
#[derive(Debug, Args)]
#[command(after_help = "An open pull request of ours is closed, and its branch deleted if it is still at our commit. A fix that was merged is not pushed
over: the commands that take it out are printed, and the exit code is 4.

Examples:
  regreen rollback r-0123456789abcdef --reason 'breaks the staging build'
  regreen rollback r-0123456789abcdef --dry-run")]
pub struct RollbackArgs {
    /// The remediation, `r-…`.
    #[arg(value_name = "REMEDIATION")]
    id: String,
    /// Why; goes into the audit log.
    #[arg(long, default_value = "")]
    reason: String,
    /// Who; default the name of the account.
    #[arg(long)]
    by: Option<String>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs it.
pub async fn run(context: &Context, args: &RollbackArgs) -> anyhow::Result<u8> {
    let settings = context.settings()?;
    let id = RemediationId::parse(&args.id).map_err(|error| Usage(error.to_string()))?;
    let by = super::pause::person(args.by.as_deref());
    let parts = Parts {
        forge: Arc::new(app::github(&settings)?),
        store: Arc::new(app::store(&settings).await?),
        llm: Arc::new(app::models(&settings)?),
        alerts: Arc::new(app::alerts(&settings)?),
        runs: Runs::Not("a rollback runs nothing".into()),
        rules: settings.rules.clone(),
        folder: settings.data_dir.clone(),
    };
    let engine = app::engine(&settings, parts)?;
    let done = match rollback::run(&engine, &id, &by, &args.reason).await {
        Ok(done) => done,
        Err(RollbackError::Forge(error)) => return Err(error.into()),
        Err(RollbackError::Git(error)) => return Err(error.into()),
        Err(RollbackError::Store(error)) => return Err(error.into()),
        Err(error @ RollbackError::Unknown(_)) => return Err(Usage(error.to_string()).into()),
        Err(error @ RollbackError::Refused(_)) => {
            eprintln!("blocked: {error}");
            return Ok(code::BLOCKED);
        }
        Err(error @ RollbackError::Stage(_)) => {
            eprintln!("error: {error}");
            return Ok(code::OUTSIDE);
        }
    };
    let (outcome, why, commands) = match &done.outcome {
        Outcome::Withdrawn => ("withdrawn", "", &[][..]),
        Outcome::Nothing => ("nothing", "nothing of it is outside", &[][..]),
        Outcome::Recorded => ("dry_run", "", &[][..]),
        Outcome::ByHand { why, commands } => ("by_hand", why.as_str(), commands.as_slice()),
    };
    match args.format {
        Format::Json => json(&serde_json::json!({
            "remediation": id, "outcome": outcome, "phase": done.state.phase, "steps": done.steps, "left": done.left, "why": why, "commands": commands, "by": by,
        }))?,
        Format::Text => {
            let lead = if done.outcome == Outcome::Recorded { "would: " } else { "" };
            for step in &done.steps {
                say(&format!("{id}: {lead}{}", escape::line(step, 400)));
            }
            for left in &done.left {
                say(&format!("{id}: {}", escape::line(left, 400)));
            }
            if !why.is_empty() {
                say(&format!("{id}: {}", escape::line(why, 800)));
            }
            for command in commands {
                say(&format!("  {}", escape::line(command, 1000)));
            }
        }
    }
    Ok(if matches!(done.outcome, Outcome::ByHand { .. }) { code::BLOCKED } else { code::DONE })
}
