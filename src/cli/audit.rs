//! `regreen audit`: the audit log, out of the house and checked.

use clap::{Args, Subcommand};

use super::output::{Format, json, say};
use super::{Context, code};
use crate::app;
use crate::domain::render::escape;
use crate::ports::store::{Filter, Store as _};

/// The audit log.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  regreen audit export > audit.jsonl
  regreen audit verify")]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ExportFormat {
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// All acts of people and all events of all remediations, one JSON object a line, each with its hash.
    #[command(
        after_help = "Each line has `kind`: `act` (seq, at, by, act, subject, reason, hash) or `event` (remediation, repo, branch, seq, at, event, hash).

Example:
  regreen audit export --format json > audit.jsonl"
    )]
    Export {
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t = ExportFormat::Json)]
        format: ExportFormat,
    },
    /// Recompute every chain of hashes and every remediation from its events; exit 1 where something does not hold.
    #[command(after_help = "Example:\n  regreen audit verify --format json")]
    Verify {
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Runs it.
pub async fn run(context: &Context, args: &AuditArgs) -> anyhow::Result<u8> {
    let settings = context.settings()?;
    let store = app::store(&settings).await?;
    match &args.command {
        AuditCommand::Export { format: ExportFormat::Json } => {
            for act in store.audit_entries().await? {
                say(&tagged("act", serde_json::to_value(&act)?).to_string());
            }
            // The database takes no larger limit.
            let mut all = store.list(&Filter { limit: i64::MAX as u64, ..Filter::default() }).await?;
            all.sort_by(|a, b| (a.opened_at, a.id.as_str()).cmp(&(b.opened_at, b.id.as_str())));
            for state in all {
                for event in store.events(&state.id).await? {
                    let mut line = tagged("event", serde_json::to_value(&event)?);
                    line["remediation"] = serde_json::to_value(&state.id)?;
                    line["repo"] = serde_json::to_value(&state.opening.slug)?;
                    line["branch"] = serde_json::to_value(&state.opening.key.branch)?;
                    say(&line.to_string());
                }
            }
            Ok(code::DONE)
        }
        AuditCommand::Verify { format } => {
            let report = store.verify().await?;
            match format {
                Format::Json => json(&report)?,
                Format::Text => {
                    for fault in &report.faults {
                        say(&format!("fault: {}", escape::line(fault, 400)));
                    }
                    let holds = if report.faults.is_empty() { "all hold".to_owned() } else { format!("{} fault(s)", report.faults.len()) };
                    say(&format!("{} chain(s), {} event(s): {holds}", report.chains, report.events));
                }
            }
            Ok(if report.faults.is_empty() { code::DONE } else { code::NO })
        }
    }
}

fn tagged(kind: &str, mut value: serde_json::Value) -> serde_json::Value {
    value["kind"] = kind.into();
    value
}
