//! Rerunning: the failed jobs run again on the forge, since the failure looks like one that passes.

use std::time::Duration;

use super::{current_branch, not_paused, protection_finding, triage};
use crate::domain::gate::{SmallWrite, permit};
use crate::domain::remediation::{AttachedRun, Event, Outside, Reason};
use crate::engine::session::{Next, Session};
use crate::engine::worker::later;
use crate::engine::{Engine, StageError, evidence, intake};
use crate::ports::forge::{Conclusion, ForgeError, Repository};

/// A rerun that has not ended by then counts as red.
const RERUN_WAIT: chrono::Duration = chrono::Duration::hours(6);

/// Starts the rerun once, then waits for its end.
pub async fn run(engine: &Engine, session: &mut Session) -> Result<Next, StageError> {
    let repository = session.repository(engine).await?;
    let Some(branch) = current_branch(engine, session, &repository).await? else { return Ok(Next::GoOn) };
    let finding = protection_finding(engine, &repository, &session.state, &branch.protection);
    let mut waiting = false;
    let mut again = Vec::new();
    // Each run once, by its first attempt: a later one that intake attached meanwhile is the rerun itself.
    let mut firsts = session.state.runs.clone();
    firsts.sort_by_key(|mine| (mine.run, mine.attempt));
    firsts.dedup_by_key(|mine| mine.run);
    let given_up = engine.clock.now() - session.state.updated_at > RERUN_WAIT;
    for mine in firsts {
        let now = engine.forge.run(&repository.slug, mine.run).await?;
        let told = session.state.reruns.contains(&mine.run.to_string());
        if now.attempt == mine.attempt && told {
            // The forge shows it late.
            waiting = true;
        } else if now.attempt == mine.attempt {
            // Looked, and it has not been started: by us before a crash, or by anybody.
            not_paused(engine, &repository.slug).await?;
            let permit = permit(SmallWrite::Rerun, engine.rules.dry_run || session.state.opening.dry_run, false, &finding)
                .map_err(|why| StageError::End(Reason::WriteRefused, format!("the failed jobs were not run again: {why}")))?;
            session.intend(engine, Outside::RerunJobs, mine.run.to_string()).await?;
            match engine.forge.rerun_failed(&permit, &repository.slug, mine.run).await {
                Ok(()) => session.done(engine, Outside::RerunJobs, mine.run.to_string()).await?,
                // Too old, or not allowed: then it counts as red.
                Err(ForgeError::Refused { .. } | ForgeError::Forbidden { .. } | ForgeError::NotFound { .. } | ForgeError::Gone { .. }) => {
                    session.record(engine, vec![Event::RerunRed]).await?;
                    return Ok(Next::GoOn);
                }
                Err(error) => return Err(error.into()),
            }
            waiting = true;
        } else {
            match now.conclusion {
                None => waiting = true,
                Some(Conclusion::Success) => {}
                Some(_) => again.push(intake::attached_run(&now)),
            }
        }
    }
    if waiting && given_up {
        session.record(engine, vec![Event::RerunRed]).await?;
        return Ok(Next::GoOn);
    }
    if waiting {
        // The longer it takes, the rarer it is looked at.
        let now = engine.clock.now();
        let waited = (now - session.state.updated_at).to_std().unwrap_or_default();
        return Ok(later(now, (waited / 10).clamp(Duration::from_secs(2), Duration::from_secs(60))));
    }
    if again.is_empty() {
        session.record(engine, vec![Event::Completed { reason: Reason::Flaky }]).await?;
        return Ok(Next::GoOn);
    }
    red_again(engine, session, &repository, again).await
}

/// Red again: what the new logs say counts from here on. The first ones may speak of the network only, and of the fault behind it nothing.
async fn red_again(engine: &Engine, session: &mut Session, repository: &Repository, again: Vec<AttachedRun>) -> Result<Next, StageError> {
    let read = evidence::read(engine, &repository.slug, &again).await?;
    let mut events: Vec<Event> = again.into_iter().map(|run| Event::RunAttached { run }).collect();
    let Some(diagnosis) = read.diagnosis else {
        // The first logs are all there is.
        events.push(Event::RerunRed);
        session.record(engine, events).await?;
        return Ok(Next::GoOn);
    };
    // What a rerun could have helped, and did not, may lie in the code all the same: an address that never resolves can be a wrong one.
    let nothing_to_mend = (!diagnosis.fixable_by_code && !diagnosis.rerun_could_help).then(|| format!("{}: {}", diagnosis.category, diagnosis.headline));
    events.push(Event::Diagnosed { diagnosis });
    session.record(engine, events).await?;
    if triage::red_on_base(engine, session, repository).await? {
        session.record(engine, vec![Event::Completed { reason: Reason::NotOurs }]).await?;
        return Ok(Next::GoOn);
    }
    let mut events = triage::how_to_prove(engine, session, repository).await?;
    events.push(Event::RerunRed);
    if let Some(detail) = nothing_to_mend {
        events.push(Event::Blocked { reason: Reason::NotFixableByCode, verdict: None, detail });
    }
    session.record(engine, events).await?;
    Ok(Next::GoOn)
}
