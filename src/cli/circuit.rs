//! `regreen circuit`: the breaker's circuits, and the reset by a person.

use clap::{Args, Subcommand};

use super::output::{Format, Usage, json, say, table};
use super::{Context, code};
use crate::app::{self, Database};
use crate::domain::ids::{Fingerprint, RepoId, RepoSlug};
use crate::ports::store::{CircuitRow, Store as _};

/// The circuit breaker.
#[derive(Debug, Args)]
pub struct CircuitArgs {
    #[command(subcommand)]
    command: CircuitCommand,
}

#[derive(Debug, Subcommand)]
enum CircuitCommand {
    /// All circuits, or one repository's.
    List {
        /// Only this repository.
        #[arg(long, value_name = "O/R")]
        repo: Option<String>,
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// One circuit.
    Show {
        /// The repository.
        #[arg(long, value_name = "O/R")]
        repo: String,
        /// The failure signature.
        #[arg(long, value_name = "FP")]
        signature: String,
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Close one circuit, or all of a repository. The person is named in the audit log.
    Reset {
        /// The repository.
        #[arg(long, value_name = "O/R")]
        repo: String,
        /// Only this failure signature.
        #[arg(long, value_name = "FP")]
        signature: Option<String>,
        /// Why; goes into the audit log.
        #[arg(long)]
        reason: String,
        /// Who; default the name of the account.
        #[arg(long)]
        by: Option<String>,
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Runs it.
pub async fn run(context: &Context, args: &CircuitArgs) -> anyhow::Result<u8> {
    let settings = context.settings()?;
    let store = app::store(&settings).await?;
    match &args.command {
        CircuitCommand::List { repo, format } => {
            let id = match repo {
                Some(repo) => Some(repository(&store, repo).await?.0),
                None => None,
            };
            let rows = store.circuits(id).await?;
            if *format == Format::Json {
                json(&rows)?;
            } else if rows.is_empty() {
                say("no circuit has counted a failure");
            } else {
                say(&show(&store, &rows).await?);
            }
            Ok(code::DONE)
        }
        CircuitCommand::Show { repo, signature, format } => {
            let (id, slug) = repository(&store, repo).await?;
            let signature = signature_of(signature)?;
            let Some(row) = store.circuits(Some(id)).await?.into_iter().find(|row| row.fingerprint == signature) else {
                say(&format!("no circuit of {slug} has the signature {signature}"));
                return Ok(code::NO);
            };
            if *format == Format::Json {
                json(&row)?;
            } else {
                say(&show(&store, &[row]).await?);
            }
            Ok(code::DONE)
        }
        CircuitCommand::Reset { repo, signature, reason, by, format } => {
            let (id, slug) = repository(&store, repo).await?;
            let signature = signature.as_deref().map(signature_of).transpose()?;
            let by = super::pause::person(by.as_deref());
            let closed = store.reset_circuits(id, signature.as_ref(), &by, reason, app::now()).await?;
            match format {
                Format::Json => json(&serde_json::json!({"repo": slug, "closed": closed, "by": by}))?,
                Format::Text => say(&format!("{closed} circuit(s) of {slug} closed by {by}")),
            }
            Ok(if closed > 0 { code::DONE } else { code::NO })
        }
    }
}

fn signature_of(text: &str) -> anyhow::Result<Fingerprint> {
    Ok(Fingerprint::parse(text).map_err(|error| Usage(error.to_string()))?)
}

/// A repository that the store knows by this name.
pub async fn repository(store: &Database, address: &str) -> anyhow::Result<(RepoId, RepoSlug)> {
    let slug = RepoSlug::from_address(address).map_err(|error| Usage(error.to_string()))?;
    let watched = store.watched().await?;
    let found = watched.into_iter().find(|watched| watched.slug.as_str().eq_ignore_ascii_case(slug.as_str()));
    match found {
        Some(found) => Ok((found.id, found.slug)),
        None => Err(Usage(format!("`{slug}` is not known here; `regreen serve` or `regreen fix --run` must have seen it")).into()),
    }
}

async fn show(store: &Database, rows: &[CircuitRow]) -> anyhow::Result<String> {
    let names = store.watched().await?;
    let rows = rows
        .iter()
        .map(|row| {
            let name = names.iter().find(|watched| watched.id == row.repo).map_or(row.repo.to_string(), |watched| watched.slug.to_string());
            let at = |time: Option<chrono::DateTime<chrono::Utc>>| time.map_or("–".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string());
            vec![
                name,
                row.fingerprint.to_string(),
                row.circuit.state.as_str().to_owned(),
                row.circuit.failure_count.to_string(),
                at(row.circuit.opened_at),
                at(row.circuit.reset_at),
                row.circuit.probe.as_ref().map_or("–".to_owned(), |probe| probe.remediation.to_string()),
            ]
        })
        .collect();
    Ok(table(&["repository", "signature", "state", "failures", "opened (UTC)", "probe from (UTC)", "probe"], rows))
}
