//! Cloning: the broken commit comes into the mirror, and the snapshot of the branch is stored.

use super::standing;
use crate::domain::remediation::{Event, Phase};
use crate::engine::session::{Next, Session};
use crate::engine::{Engine, StageError};
use crate::ports::git::GitError;
use crate::ports::store::Snapshot;

/// Fetches, and takes the snapshot.
pub async fn run(engine: &Engine, session: &mut Session) -> Result<Next, StageError> {
    if !ensure(engine, session).await? {
        return Ok(Next::GoOn);
    }
    let key = session.state.opening.key.clone();
    let now = engine.clock.now();
    let keep = chrono::Duration::from_std(engine.rules.timing.snapshot).unwrap_or(chrono::Duration::days(30));
    // Named by the remediation: a repeated step replaces its own.
    let id = format!("s-{}", session.state.id);
    engine
        .store
        .save_snapshot(&Snapshot {
            id: id.clone(),
            remediation: session.state.id.clone(),
            repo: key.repo,
            branch: key.branch,
            sha: key.sha,
            files: Vec::new(),
            status: "taken".into(),
            taken_at: now,
            expires_at: now + keep,
        })
        .await?;
    session.record(engine, vec![Event::Cloned { snapshot: id }]).await?;
    Ok(Next::GoOn)
}

/// Brings the commit into this machine's mirror, once a claim: the machine that fetched it first may be another one, and mirrors are cleaned. `false`
/// where the branch moved on and the remediation has ended for it.
///
/// # Errors
/// [`StageError`], as of any stage.
pub async fn ensure(engine: &Engine, session: &mut Session) -> Result<bool, StageError> {
    if session.fetched {
        return Ok(true);
    }
    let repository = session.repository(engine).await?;
    let remote = engine.remote(&repository).await?;
    let key = session.state.opening.key.clone();
    match engine.git.fetch(&remote, &key.branch, &key.sha).await {
        Ok(report) => {
            tracing::debug!(remediation = %session.state.id, ?report, "fetched");
            session.fetched = true;
            Ok(true)
        }
        Err(GitError::NotFound { what }) => match standing(engine, &session.state, &repository).await? {
            // The forge says that it is there, and git does not find it yet.
            Ok(_) => Err(StageError::Outside(format!("{what} was not found, though the branch is still at it"), None)),
            // The phase that writes takes back first what it may have written, and ends it then.
            Err(_) if session.state.phase == Phase::Pr => Ok(true),
            Err(reason) => {
                session.record(engine, vec![Event::Superseded { reason }]).await?;
                Ok(false)
            }
        },
        Err(error) => Err(error.into()),
    }
}
