//! Cloning: the broken commit comes into the mirror, and the snapshot of the branch is stored.

use crate::domain::remediation::Event;
use crate::engine::session::{Next, Session};
use crate::engine::{Engine, StageError};
use crate::ports::store::Snapshot;

/// Fetches, and takes the snapshot.
pub async fn run(engine: &Engine, session: &mut Session) -> Result<Next, StageError> {
    let repository = session.repository(engine).await?;
    let remote = engine.remote(&repository).await?;
    let key = session.state.opening.key.clone();
    let report = engine.git.fetch(&remote, &key.branch, &key.sha).await?;
    tracing::debug!(remediation = %session.state.id, ?report, "fetched");
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
