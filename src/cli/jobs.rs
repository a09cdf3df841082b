//! `regreen jobs`: the remediations, and what a person may do with one.

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::output::{Format, Usage, json, say, table};
use super::{Context, code};
use crate::app;
use crate::config::Settings;
use crate::domain::ids::RemediationId;
use crate::domain::remediation::{Outside, Phase, Remediation};
use crate::domain::render::{self, escape, terminal};
use crate::engine::acts::{self, ActError};
use crate::engine::rollback::Outcome;
use crate::ports::store::{Filter, Store as _};

/// The remediations.
#[derive(Debug, Args)]
pub struct JobsArgs {
    #[command(subcommand)]
    command: JobsCommand,
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    /// The newest remediations.
    List {
        /// Only this phase (pending, patching, feedback, blocked …).
        #[arg(long)]
        state: Vec<String>,
        /// Only this repository.
        #[arg(long, value_name = "O/R")]
        repo: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 30)]
        limit: u64,
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// One remediation with its events, verdict, patch and proof.
    Show {
        /// Its id, `r-…`.
        id: String,
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Take up an ended remediation again.
    Retry(Act),
    /// End a remediation; what it wrote is taken back.
    Cancel(Act),
    /// Let a remediation that waits for a person go on.
    Approve(Act),
    /// Refuse a remediation that waits for a person.
    Reject(Act),
}

/// What a person does to one remediation.
#[derive(Debug, Args)]
pub(super) struct Act {
    /// The remediation, `r-…`.
    #[arg(value_name = "REMEDIATION")]
    pub id: String,
    /// Why; goes into the audit log.
    #[arg(long, default_value = "")]
    pub reason: String,
    /// Who; default the name of the account.
    #[arg(long)]
    pub by: Option<String>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub(super) fn id_of(text: &str) -> anyhow::Result<RemediationId> {
    Ok(RemediationId::parse(text).map_err(|error| Usage(error.to_string()))?)
}

/// Runs it.
pub async fn run(context: &Context, args: &JobsArgs) -> anyhow::Result<u8> {
    let settings = context.settings()?;
    let store = Arc::new(app::store(&settings).await?);
    match &args.command {
        JobsCommand::List { state, repo, limit, format } => {
            let phases = state
                .iter()
                .map(|name| Phase::parse(name).ok_or_else(|| Usage(format!("`{name}` is no phase; one of {}", Phase::ALL.map(Phase::as_str).join(", ")))))
                .collect::<Result<Vec<_>, _>>()?;
            let repo = match repo {
                Some(repo) => Some(super::circuit::repository(&store, repo).await?.0),
                None => None,
            };
            let found = store.list(&Filter { repo, phases, limit: *limit, ..Filter::default() }).await?;
            match format {
                Format::Json => json(&found)?,
                Format::Text if found.is_empty() => say("no remediations"),
                Format::Text => say(&listing(&found)),
            }
            Ok(code::DONE)
        }
        JobsCommand::Show { id, format } => {
            let id = id_of(id)?;
            let Some(state) = store.load(&id).await? else {
                say(&format!("no remediation `{id}`"));
                return Ok(code::NO);
            };
            let events = store.events(&id).await?;
            match format {
                Format::Json => json(&serde_json::json!({"remediation": state, "events": events}))?,
                Format::Text => {
                    say(&detail(&state, context.paint));
                    for event in &events {
                        say(&format!("{:>4}  {}  {:<16} {}", event.seq, event.at.format("%Y-%m-%d %H:%M:%S"), event.event.name(), &event.hash[..12]));
                    }
                }
            }
            Ok(code::DONE)
        }
        JobsCommand::Retry(act) => {
            let (id, by) = (id_of(&act.id)?, super::pause::person(act.by.as_deref()));
            let state = store.load(&id).await?.ok_or_else(|| Usage(format!("no remediation `{id}`")))?;
            let opened = store.reopen(&state.opening.key, settings.rules.dry_run, &by, app::now()).await?;
            done(act.format, &opened, &format!("taken up again as {opened}"))
        }
        JobsCommand::Cancel(act) => {
            let (id, by) = (id_of(&act.id)?, super::pause::person(act.by.as_deref()));
            let desk = app::desk(&settings, store);
            let ended = desk.cancel(&id, &by, &act.reason).await.map_err(refused)?;
            if !ended.intents.contains(&Outside::Withdraw) {
                return done(act.format, &id, "cancelled");
            }
            // What it wrote is taken back here and now: that needs the forge, and only then.
            match take_back(&settings, &id, &by, &act.reason).await {
                Ok(code) if code == code::DONE => done(act.format, &id, "cancelled, and what it wrote is taken back"),
                Ok(code) => {
                    done(act.format, &id, "cancelled; what it wrote is still there")?;
                    Ok(code)
                }
                Err(error) => {
                    eprintln!("`{id}` is cancelled, and what it wrote could not be taken back; `regreen rollback {id}` does it");
                    Err(error)
                }
            }
        }
        JobsCommand::Approve(act) => {
            let (id, by) = (id_of(&act.id)?, super::pause::person(act.by.as_deref()));
            app::desk(&settings, store).approve(&id, &by).await.map_err(refused)?;
            done(act.format, &id, &format!("approved by {by}"))
        }
        JobsCommand::Reject(act) => {
            let (id, by) = (id_of(&act.id)?, super::pause::person(act.by.as_deref()));
            app::desk(&settings, store).reject(&id, &by, &act.reason).await.map_err(refused)?;
            done(act.format, &id, &format!("rejected by {by}"))
        }
    }
}

/// Takes back what a cancelled remediation wrote, and says what was done on stderr: stdout has the one answer.
async fn take_back(settings: &Settings, id: &RemediationId, by: &str, why: &str) -> anyhow::Result<u8> {
    let engine = app::without_sandbox(settings).await?;
    match acts::withdraw(&engine, id, by, why).await {
        Ok(None) => Ok(code::DONE),
        Ok(Some(taken)) => {
            for line in taken.steps.iter().chain(&taken.left) {
                eprintln!("{id}: {}", escape::line(line, 400));
            }
            let (_, why, commands) = taken.parts();
            if !matches!(taken.outcome, Outcome::ByHand { .. }) {
                return Ok(if taken.left.is_empty() { code::DONE } else { code::NO });
            }
            eprintln!("{id}: {}", escape::line(why, 800));
            for command in commands {
                eprintln!("  {}", escape::line(command, 1000));
            }
            Ok(code::BLOCKED)
        }
        Err(error) => super::rollback::failed(error),
    }
}

/// An act that was not done: the person's mistake, or the store's failure.
fn refused(error: ActError) -> anyhow::Error {
    match error {
        ActError::Store(error) => error.into(),
        other => Usage(other.to_string()).into(),
    }
}

fn done(format: Format, id: &RemediationId, text: &str) -> anyhow::Result<u8> {
    match format {
        Format::Json => json(&serde_json::json!({"remediation": id, "done": text}))?,
        Format::Text => say(&format!("{id}: {text}")),
    }
    Ok(code::DONE)
}

fn listing(found: &[Remediation]) -> String {
    let rows = found
        .iter()
        .map(|state| {
            vec![
                state.id.to_string(),
                state.opening.slug.to_string(),
                escape::line(state.opening.key.branch.as_str(), 60),
                state.phase.to_string(),
                state.reason.map_or(String::new(), |reason| reason.to_string()),
                state.pull.as_ref().map_or(String::new(), |pull| format!("#{}", pull.number)),
                state.updated_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            ]
        })
        .collect();
    table(&["remediation", "repository", "branch", "phase", "reason", "pr", "updated (UTC)"], rows)
}

/// Everything about one remediation, for people.
pub fn detail(state: &Remediation, paint: terminal::Paint) -> String {
    let key = &state.opening.key;
    let mut text = format!(
        "{}  {} {} at {}\n{}\n{}\n",
        paint.bold(state.id.as_str()),
        state.opening.slug,
        escape::line(key.branch.as_str(), 120),
        key.sha.short(),
        paint.bold(&render::action(state)),
        escape::line(&render::why(state), 400),
    );
    if let Some(verdict) = &state.verdict {
        text.push_str(&format!("\n{}", terminal::verdict(verdict, paint)));
    }
    if let Some(proposal) = &state.proposal {
        text.push_str(&format!("\n{}", terminal::diff(&proposal.patch, paint)));
    }
    if let Some(proof) = &state.proof {
        text.push_str(&format!("\n{}", terminal::proof(proof, paint)));
    }
    if let Some(pull) = &state.pull {
        text.push_str(&format!("\npull request #{} {} -> {}  {}\n", pull.number, pull.head, pull.base, escape::line(&pull.url, 200)));
    }
    text
}
