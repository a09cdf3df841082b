//! A worker's hold on one remediation: what it knows, and the only way to write it down.

use chrono::{DateTime, Utc};

use super::{Engine, StageError};
use crate::domain::remediation::{Effect, Event, Outside, Remediation};
use crate::domain::render;
use crate::domain::rules::Rules;
use crate::ports::alerts::AlertText;
use crate::ports::forge::Repository;
use crate::ports::store::{Append, Claim};

/// A claim that is being worked on.
pub struct Session {
    /// The state as of the last append.
    pub state: Remediation,
    /// The repository, once asked for.
    pub repository: Option<Repository>,
    /// The broken commit is in this machine's mirror: asked once a claim, since another machine may have fetched it.
    pub fetched: bool,
    epoch: u64,
}

impl Session {
    /// Takes over a claim.
    pub fn new(claim: Claim) -> Self {
        Self { state: claim.remediation, repository: None, fetched: false, epoch: claim.epoch }
    }

    /// The lease.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The repository as the forge knows it now.
    pub async fn repository(&mut self, engine: &Engine) -> Result<Repository, StageError> {
        if let Some(repository) = &self.repository {
            return Ok(repository.clone());
        }
        let repository = engine.forge.repository(&self.state.opening.slug).await?;
        if repository.id != self.state.opening.key.repo {
            return Err(StageError::End(
                crate::domain::remediation::Reason::OutsideServiceFailed,
                format!("`{}` is another repository now", self.state.opening.slug),
            ));
        }
        self.repository = Some(repository.clone());
        Ok(repository)
    }

    /// Writes events down in one transaction, with the alert that follows from them.
    pub async fn record(&mut self, engine: &Engine, events: Vec<Event>) -> Result<(), StageError> {
        let now = engine.clock.now();
        let mut after = self.state.clone();
        let mut effects = Vec::new();
        for event in &events {
            let (next, more) = after.apply(event, now).map_err(|illegal| StageError::Store(illegal.into()))?;
            after = next;
            effects.extend(more);
        }
        let alert = effects.contains(&Effect::Alert).then(|| alert_text(&engine.rules, &after));
        let names: Vec<&str> = events.iter().map(Event::name).collect();
        let append = Append { remediation: self.state.id.clone(), epoch: Some(self.epoch), expected_seq: self.state.seq, events, alert, due: None };
        let appended = engine.store.append(&append, now).await?;
        tracing::info!(remediation = %self.state.id, from = %self.state.phase, to = %appended.remediation.phase, events = names.join(","), "recorded");
        if appended.remediation.phase != self.state.phase {
            metrics::counter!("regreen_stage_transitions_total", "from" => self.state.phase.as_str(), "to" => appended.remediation.phase.as_str()).increment(1);
        }
        if appended.remediation.phase.is_end() && !self.state.phase.is_end() {
            let reason = appended.remediation.reason.map_or("", |reason| reason.code());
            metrics::counter!("regreen_remediations_total", "outcome" => appended.remediation.phase.as_str(), "reason" => reason).increment(1);
        }
        self.state = appended.remediation;
        if effects.contains(&Effect::Alert) {
            engine.wake.notify_waiters();
        }
        Ok(())
    }

    /// Stores the intent of an outside effect. A step that finds its own intent open looks before it acts.
    pub async fn intend(&mut self, engine: &Engine, what: Outside, detail: impl Into<String>) -> Result<(), StageError> {
        self.record(engine, vec![Event::Intended { what, detail: detail.into() }]).await
    }

    /// Stores that it is done.
    pub async fn done(&mut self, engine: &Engine, what: Outside, detail: impl Into<String>) -> Result<(), StageError> {
        self.record(engine, vec![Event::Done { what, detail: detail.into() }]).await
    }
}

/// The alert for a state.
pub fn alert_text(all: &Rules, state: &Remediation) -> AlertText {
    let rules = all.of(&state.opening.slug);
    let owner = state.opening.owner.as_ref().and_then(|login| rules.owners.get(login)).map(String::as_str);
    let audit_url = match all.public_url.as_str() {
        "" => String::new(),
        base => format!("{base}/jobs/{}", state.id),
    };
    let message = render::alert::message(state, owner, &audit_url);
    AlertText { remediation: state.id.clone(), channel: rules.slack_channel.clone(), fallback: message.fallback, blocks: message.blocks, last: message.last }
}

/// What a worker does after a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Goes on with the stage of the new phase.
    GoOn,
    /// Gives the remediation back until then.
    Wait(DateTime<Utc>),
}
