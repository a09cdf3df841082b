//! Rerunning: the failed jobs run again on the forge, since the failure looks like one that passes.

use std::time::Duration;

use super::{current_branch, protection_finding};
use crate::domain::gate::{SmallWrite, permit};
use crate::domain::remediation::{Event, Outside, Reason};
use crate::engine::session::{Next, Session};
use crate::engine::worker::later;
use crate::engine::{Engine, StageError, intake};
use crate::ports::forge::{Conclusion, ForgeError};

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
            let paused = engine.store.paused(&repository.slug).await?.is_some();
            let permit = permit(SmallWrite::Rerun, engine.rules.dry_run || session.state.opening.dry_run, paused, &finding)
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
        return Ok(later(engine.clock.now(), Duration::from_secs(2)));
    }
    let event = if again.is_empty() {
        vec![Event::Completed { reason: Reason::Flaky }]
    } else {
        again.into_iter().map(|run| Event::RunAttached { run }).chain([Event::RerunRed]).collect()
    };
    session.record(engine, event).await?;
    Ok(Next::GoOn)
}
