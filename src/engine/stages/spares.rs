//! Trees laid out ahead: while a model thinks, the trees that its answer will be proved in are exported.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

use super::workspace::Workspace;
use crate::domain::ids::CommitSha;
use crate::engine::{Engine, StageError};
use crate::ports::git::Remote;

/// The repository's key and the commit.
type Of = (String, CommitSha);

/// A tree that is laid out, or about to be.
type Spare = JoinHandle<Result<Workspace, StageError>>;

/// The trees that wait to be used, of all remediations in this process, and those that are being removed.
#[derive(Default)]
pub struct Spares {
    waiting: Mutex<HashMap<Of, Vec<Spare>>>,
    ending: Mutex<Vec<JoinHandle<()>>>,
}

impl Spares {
    /// Begins to export trees of a commit until so many wait. Tells nobody when it fails: whoever takes a tree then exports one itself.
    pub fn lay_out(&self, engine: &Engine, remote: &Remote, sha: &CommitSha, count: usize) {
        let mut waiting = lock(&self.waiting);
        let spares = waiting.entry((remote.key().to_owned(), sha.clone())).or_default();
        while spares.len() < count {
            let (engine, remote, sha) = (engine.clone(), remote.clone(), sha.clone());
            spares.push(tokio::spawn(async move { Workspace::export(&engine, &remote, &sha).await }));
        }
    }

    /// A tree of this commit that nobody has used, if one was laid out.
    pub async fn take(&self, remote: &Remote, sha: &CommitSha) -> Option<Workspace> {
        let spare = lock(&self.waiting).get_mut(&(remote.key().to_owned(), sha.clone())).and_then(Vec::pop)?;
        match spare.await {
            Ok(Ok(workspace)) => Some(workspace),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a tree could not be laid out ahead");
                None
            }
            Err(_) => None,
        }
    }

    /// Lets go of what was laid out for a commit and not used.
    pub fn clear(&self, repository: &str, sha: &CommitSha) {
        let spares = lock(&self.waiting).remove(&(repository.to_owned(), sha.clone())).unwrap_or_default();
        let mut ending = lock(&self.ending);
        ending.retain(|task| !task.is_finished());
        // An export can't be stopped half-way: its tree is dropped when it is there.
        ending.extend(spares.into_iter().map(|spare| tokio::spawn(async move { drop(spare.await) })));
    }

    /// Keeps the removal of a tree, to be waited for.
    pub fn removing(&self, removal: JoinHandle<()>) {
        let mut ending = lock(&self.ending);
        ending.retain(|task| !task.is_finished());
        ending.push(removal);
    }

    /// Waits until what was let go of is there and removed: before a process ends. A tree with its dependencies takes seconds.
    pub async fn settle(&self) {
        loop {
            let ending = std::mem::take(&mut *lock(&self.ending));
            if ending.is_empty() {
                return;
            }
            for task in ending {
                // A task that panicked has nothing left to wait for. One that drops a tree leaves the tree's removal behind.
                let _ = task.await;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while it was held leaves it whole: every change is one insertion or removal.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
