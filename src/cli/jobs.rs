//! `regreen jobs`: the remediations, and what a person may do with one.

use clap::{Args, Subcommand};

use super::output::{Format, Usage, json, say, table};
use super::{Context, code};
use crate::app;
use crate::domain::ids::RemediationId;
use crate::domain::remediation::{Event, Phase, Reason, Remediation};
use crate::domain::render::{self, escape, terminal};
use crate::ports::store::{Append, Filter, Store, StoreError};

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
    /// End a remediation; its open pull request is withdrawn.
    Cancel(Act),
    /// Let a remediation that waits for a person go on.
    Approve(Act),
    /// Refuse a remediation that waits for a person.
    Reject(Act),
}

#[derive(Debug, Args)]
struct Act {
    /// The remediation, `r-…`.
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

fn id_of(text: &str) -> anyhow::Result<RemediationId> {
    Ok(RemediationId::parse(text).map_err(|error| Usage(error.to_string()))?)
}

/// Runs it.
pub async fn run(context: &Context, args: &JobsArgs) -> anyhow::Result<u8> {
    let settings = context.settings()?;
    let store = app::store(&settings).await?;
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
            let opened = store.reopen(&state.opening.key, &by, app::now()).await?;
            done(act.format, &opened, &format!("taken up again as {opened}"))
        }
        JobsCommand::Cancel(act) => {
            let by = super::pause::person(act.by.as_deref());
            let state = append(&store, act, |_| Event::Cancelled { by: by.clone(), why: escape::line(&act.reason, 300) }).await?;
            if let Some(pull) = state.pull.as_ref().filter(|_| !settings.rules.dry_run) {
                // The write is a person's own: it needs the forge, and is done here and now.
                let forge = app::github(&settings)?;
                let open = crate::domain::gate::dry_run(false);
                let permit = crate::domain::gate::permit(crate::domain::gate::SmallWrite::OwnPull, false, false, &open)?;
                crate::ports::forge::Forge::close_pull(&forge, &permit, &state.opening.slug, pull.number).await?;
            }
            done(act.format, &state.id, "cancelled")
        }
        JobsCommand::Approve(act) => {
            let by = super::pause::person(act.by.as_deref());
            let state = append(&store, act, |_| Event::Approved { by: by.clone() }).await?;
            done(act.format, &state.id, &format!("approved by {by}"))
        }
        JobsCommand::Reject(act) => {
            let waits = store.load(&id_of(&act.id)?).await?.is_some_and(|state| state.phase == Phase::AwaitingApproval);
            if !waits {
                return Err(Usage(format!("`{}` does not wait for an answer; `regreen jobs cancel` ends it", act.id)).into());
            }
            let by = super::pause::person(act.by.as_deref());
            let detail = escape::line(&format!("{by}: {}", act.reason), 300);
            let state = append(&store, act, |_| Event::Blocked { reason: Reason::Rejected, verdict: None, detail: detail.clone() }).await?;
            done(act.format, &state.id, &format!("rejected by {by}"))
        }
    }
}

fn done(format: Format, id: &RemediationId, text: &str) -> anyhow::Result<u8> {
    match format {
        Format::Json => json(&serde_json::json!({"remediation": id, "done": text}))?,
        Format::Text => say(&format!("{id}: {text}")),
    }
    Ok(code::DONE)
}

/// Appends a person's event; a worker that moves on meanwhile is waited for.
async fn append(store: &impl Store, act: &Act, event: impl Fn(&Remediation) -> Event) -> anyhow::Result<Remediation> {
    let id = id_of(&act.id)?;
    for _ in 0..20 {
        let state = store.load(&id).await?.ok_or_else(|| Usage(format!("no remediation `{id}`")))?;
        let now = app::now();
        let event = event(&state);
        let append = Append { remediation: id.clone(), epoch: None, expected_seq: state.seq, events: vec![event], alert: None, due: Some(now) };
        match store.append(&append, now).await {
            Ok(appended) => return Ok(appended.remediation),
            Err(StoreError::Stale { .. }) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            Err(StoreError::Illegal(illegal)) => return Err(Usage(format!("`{id}` can't take that now: {illegal}")).into()),
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Unavailable(format!("`{id}` keeps changing")).into())
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
