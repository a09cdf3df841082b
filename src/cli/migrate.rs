//! `regreen migrate`: the database's schema.

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::output::{Format, json, say, table};
use super::{Context, code};
use crate::app::Database;
use crate::config::Settings;

/// The schema.
#[derive(Debug, Args)]
#[command(after_help = "`regreen serve` does this by itself at its start; apart from it, it is for databases where another account owns the schema.

Examples:
  regreen migrate status
  regreen migrate up")]
pub struct MigrateArgs {
    #[command(subcommand)]
    command: MigrateCommand,
}

#[derive(Debug, Subcommand)]
enum MigrateCommand {
    /// Apply what is missing.
    #[command(after_help = "Example:\n  regreen migrate up")]
    Up {
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// What the database has, and what is missing; exit 1 where something is.
    #[command(after_help = "Example:\n  regreen migrate status --format json")]
    Status {
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// The database of the settings, its schema left as it is.
pub async fn connect(settings: &Settings) -> anyhow::Result<Database> {
    std::fs::create_dir_all(&settings.data_dir)
        .with_context(|| format!("the data folder `{}` can't be made; set REGREEN_DATA_DIR", settings.data_dir.display()))?;
    Database::connect(&settings.database_url, settings.rules.breaker).await.context("the database of DATABASE_URL can't be opened")
}

/// Runs it.
pub async fn run(context: &Context, args: &MigrateArgs) -> anyhow::Result<u8> {
    let settings = context.settings()?;
    let store = connect(&settings).await?;
    let code = match &args.command {
        // Under `--dry-run` only what would be applied is named.
        MigrateCommand::Up { format } if context.dry_run => {
            let names: Vec<String> = store.migrations_status().await?.into_iter().filter(|step| !step.applied).map(|step| step.name).collect();
            applied(*format, &names, "would apply")?;
            code::DONE
        }
        MigrateCommand::Up { format } => {
            let names = store.migrate().await?;
            applied(*format, &names, "applied")?;
            code::DONE
        }
        MigrateCommand::Status { format } => {
            let steps = store.migrations_status().await?;
            match format {
                Format::Json => {
                    json(&steps.iter().map(|step| serde_json::json!({"name": step.name, "applied": step.applied})).collect::<Vec<_>>())?;
                }
                Format::Text => {
                    let rows = steps.iter().map(|step| vec![step.name.clone(), if step.applied { "applied" } else { "missing" }.to_owned()]).collect();
                    say(&table(&["migration", "state"], rows));
                }
            }
            if steps.iter().all(|step| step.applied) { code::DONE } else { code::NO }
        }
    };
    store.close().await?;
    Ok(code)
}

fn applied(format: Format, names: &[String], word: &str) -> anyhow::Result<()> {
    match format {
        Format::Json => json(&serde_json::json!({"applied": names, "done": word == "applied"}))?,
        Format::Text if names.is_empty() => say("the schema is up to date"),
        Format::Text => names.iter().for_each(|name| say(&format!("{word} {name}"))),
    }
    Ok(())
}
