//! `regreen rollback`: takes back what a remediation wrote.

use clap::Args;

use super::jobs::Act;
use super::output::{Format, Usage, json, say};
use super::{Context, code};
use crate::app;
use crate::domain::render::escape;
use crate::engine::rollback::{self, Outcome, Rollback, RollbackError};

/// Which remediation, and why.
#[derive(Debug, Args)]
#[command(after_help = "An open pull request of ours is closed, and its branch deleted if it is still at our commit. A fix that was merged is not pushed
over: the commands that take it out are printed, and the exit code is 4.

Examples:
  regreen rollback r-0123456789abcdef --reason 'breaks the staging build'
  regreen rollback r-0123456789abcdef --dry-run")]
pub struct RollbackArgs {
    #[command(flatten)]
    act: Act,
}

/// Runs it.
pub async fn run(context: &Context, args: &RollbackArgs) -> anyhow::Result<u8> {
    let settings = context.settings()?;
    let (id, by) = (super::jobs::id_of(&args.act.id)?, super::pause::person(args.act.by.as_deref()));
    let engine = app::without_sandbox(&settings).await?;
    match rollback::run(&engine, &id, &by, &args.act.reason).await {
        Ok(done) => print(&done, &by, args.act.format),
        Err(error) => failed(error),
    }
}

/// What did not come of it, as an exit code or an error of the command.
pub fn failed(error: RollbackError) -> anyhow::Result<u8> {
    match error {
        RollbackError::Forge(error) => Err(error.into()),
        RollbackError::Git(error) => Err(error.into()),
        RollbackError::Store(error) => Err(error.into()),
        error @ (RollbackError::Unknown(_) | RollbackError::Act(_)) => Err(Usage(error.to_string()).into()),
        error @ RollbackError::Refused(_) => {
            eprintln!("blocked: {error}");
            Ok(code::BLOCKED)
        }
        error @ RollbackError::Stage(_) => {
            eprintln!("error: {error}");
            Ok(code::OUTSIDE)
        }
    }
}

/// Says what was done.
pub fn print(done: &Rollback, by: &str, format: Format) -> anyhow::Result<u8> {
    let id = &done.state.id;
    match format {
        Format::Json => json(&done.json(by))?,
        Format::Text => {
            let (_, why, commands) = done.parts();
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
