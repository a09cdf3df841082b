//! The acts of people on one remediation: approve, reject, cancel. The command line and the dashboard take the same way: the
//! newest state is asked, the event goes through the same fold as the flow's own, and the channel is told.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Engine;
use super::rollback::{self, Rollback, RollbackError};
use super::session::alert_text;
use crate::domain::ids::RemediationId;
use crate::domain::remediation::{Effect, Event, Illegal, Outside, Phase, Reason, Remediation};
use crate::domain::render::escape;
use crate::domain::rules::Rules;
use crate::ports::clock::Clock;
use crate::ports::store::{Append, Store, StoreError};

/// How often an append is tried while a worker moves the remediation on.
const TRIES: u32 = 20;

/// How long is waited between two tries.
const BETWEEN: Duration = Duration::from_millis(100);

/// Reasons are cut to so many characters.
const REASON_CAP: usize = 500;

/// Why an act was not done.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// No such remediation.
    #[error("no remediation `{0}`; `regreen jobs list` names them")]
    Unknown(RemediationId),
    /// It waits for no answer.
    #[error("`{id}` does not wait for an answer: it is in phase `{phase}`; `regreen jobs cancel` ends what goes on")]
    NotAsked {
        /// The remediation.
        id: RemediationId,
        /// Where it stands.
        phase: Phase,
    },
    /// The time for an answer is over.
    #[error("the time for an answer ran out at {}; `regreen jobs retry` begins anew", .0.format("%Y-%m-%d %H:%M UTC"))]
    TooLate(DateTime<Utc>),
    /// The phase does not take it.
    #[error("`{id}` can't take that now: {illegal}")]
    Illegal {
        /// The remediation.
        id: RemediationId,
        /// The edge that is not there.
        illegal: Illegal,
    },
    /// The store failed, or the remediation kept moving.
    #[error(transparent)]
    Store(StoreError),
}

/// Where a person's acts are taken: what they need of an engine, and no more. No forge, no git: a yes or a no needs neither.
#[derive(Clone)]
pub struct Desk {
    /// Where they are written down.
    pub store: Arc<dyn Store>,
    /// Whom the channel's message goes to.
    pub rules: Arc<Rules>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl Desk {
    /// Says yes to what waits for an answer.
    ///
    /// # Errors
    /// [`ActError`]; nothing was written then.
    pub async fn approve(&self, id: &RemediationId, by: &str) -> Result<Remediation, ActError> {
        let now = self.clock.now();
        self.append(id, |state| {
            asked(state)?;
            match state.approval_until {
                Some(until) if until <= now => Err(ActError::TooLate(until)),
                _ => Ok(vec![Event::Approved { by: by.to_owned() }]),
            }
        })
        .await
    }

    /// Says no to what waits for an answer.
    ///
    /// # Errors
    /// [`ActError`]; nothing was written then.
    pub async fn reject(&self, id: &RemediationId, by: &str, why: &str) -> Result<Remediation, ActError> {
        let detail = format!("rejected by {by}: {}", reason(why));
        self.append(id, |state| {
            asked(state)?;
            Ok(vec![Event::Blocked { reason: Reason::Rejected, verdict: None, detail: detail.clone() }])
        })
        .await
    }

    /// Ends what has not ended. That what it wrote outside must be taken back is written down with it, and done by [`withdraw`].
    ///
    /// # Errors
    /// [`ActError`]; nothing was written then.
    pub async fn cancel(&self, id: &RemediationId, by: &str, why: &str) -> Result<Remediation, ActError> {
        let cancelled = Event::Cancelled { by: by.to_owned(), why: reason(why) };
        let wrote = self.wrote(id).await.map_err(ActError::Store)?;
        self.append(id, |state| Ok(self.ending(state, wrote, cancelled.clone()))).await
    }

    /// A person's end, and before it, in one transaction, the withdrawal that it owes: who kills the process right after it leaves a note of that.
    /// While the fix is being written it is owed in any case, since the write may come after the look; under dry-run it is made up for when that is off.
    pub(super) fn ending(&self, state: &Remediation, wrote: bool, end: Event) -> Vec<Event> {
        let owes = wrote || state.phase == Phase::Pr;
        let owed = Event::Intended { what: Outside::Withdraw, detail: state.pull.as_ref().map_or_else(String::new, |pull| pull.number.to_string()) };
        if owes { vec![owed, end] } else { vec![end] }
    }

    /// Whether a write of the fix was ever begun: then something of ours may stand outside.
    ///
    /// # Errors
    /// The store's.
    pub async fn wrote(&self, id: &RemediationId) -> Result<bool, StoreError> {
        let began = |event: &Event| matches!(event, Event::Intended { what: Outside::PushBranch | Outside::OpenPull, .. });
        Ok(self.store.events(id).await?.iter().any(|stored| began(&stored.event)))
    }

    /// Appends what `events` makes of the newest state, in one transaction and with the alert that follows from it; nothing where it makes nothing.
    /// Due at once, so that a worker goes on with it; a worker that moves it on meanwhile is waited for.
    ///
    /// # Errors
    /// [`ActError`]; nothing was written then.
    pub async fn append(&self, id: &RemediationId, events: impl Fn(&Remediation) -> Result<Vec<Event>, ActError>) -> Result<Remediation, ActError> {
        for _ in 0..TRIES {
            let state = self.store.load(id).await.map_err(ActError::Store)?.ok_or_else(|| ActError::Unknown(id.clone()))?;
            let events = events(&state)?;
            if events.is_empty() {
                return Ok(state);
            }
            let now = self.clock.now();
            let (mut after, mut tell) = (state.clone(), false);
            for event in &events {
                let (next, effects) = after.apply(event, now).map_err(|illegal| ActError::Illegal { id: id.clone(), illegal })?;
                after = next;
                tell |= effects.contains(&Effect::Alert);
            }
            let alert = tell.then(|| alert_text(&self.rules, &after));
            let append = Append { remediation: id.clone(), epoch: None, expected_seq: state.seq, events, alert, due: Some(now) };
            match self.store.append(&append, now).await {
                Ok(appended) => {
                    let after = appended.remediation;
                    tracing::info!(remediation = %id, from = %state.phase, to = %after.phase, "a person acted");
                    if after.phase.is_end() && !state.phase.is_end() {
                        let reason = after.reason.map_or("", Reason::code);
                        metrics::counter!("regreen_remediations_total", "outcome" => after.phase.as_str(), "reason" => reason).increment(1);
                    }
                    return Ok(after);
                }
                Err(StoreError::Stale { .. }) => tokio::time::sleep(BETWEEN).await,
                Err(error) => return Err(ActError::Store(error)),
            }
        }
        Err(ActError::Store(StoreError::Unavailable(format!("`{id}` keeps changing; try again"))))
    }
}

/// What is written down as the reason: one bounded line.
fn reason(given: &str) -> String {
    match escape::line(given, REASON_CAP) {
        text if text.trim().is_empty() => "no reason given".to_owned(),
        text => text,
    }
}

/// Only what waits for an answer takes one.
fn asked(state: &Remediation) -> Result<(), ActError> {
    match state.phase {
        Phase::AwaitingApproval => Ok(()),
        phase => Err(ActError::NotAsked { id: state.id.clone(), phase }),
    }
}

/// After a cancellation: takes back what was written outside. `None` where no write was ever begun, and under dry-run.
///
/// # Errors
/// [`RollbackError`]; the remediation stays cancelled, and `regreen rollback` does it again.
pub async fn withdraw(engine: &Engine, id: &RemediationId, by: &str, why: &str) -> Result<Option<Rollback>, RollbackError> {
    let owed = engine.store.load(id).await?.is_some_and(|state| state.intents.contains(&Outside::Withdraw));
    if engine.rules.dry_run || !(owed || engine.desk().wrote(id).await?) {
        return Ok(None);
    }
    rollback::run(engine, id, by, why).await.map(Some)
}
