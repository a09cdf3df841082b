//! Floor 2, the flow: orders effects, knows only the domain and the ports.
//!
//! **Invariant:** nothing here names GitHub, git, Slack, SQL or a vendor of models; nothing is written outside before
//! its intent is stored.

pub mod acts;
pub mod evidence;
pub mod follow_up;
pub mod intake;
pub mod notify;
pub mod recover;
pub mod rollback;
pub mod schedule;
pub mod session;
pub mod stages;
pub mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::rules::Rules;
use crate::ports::alerts::Alerts;
use crate::ports::clock::Clock;
use crate::ports::forge::{Forge, ForgeError, Repository};
use crate::ports::git::{Credentials, Git, GitError, Remote};
use crate::ports::llm::Llm;
use crate::ports::sandbox::{Limits, Network, Sandbox};
use crate::ports::store::Store;

/// Where untrusted code is run, or why it is not.
#[derive(Clone)]
pub enum Runs {
    /// In this sandbox.
    In(Arc<dyn Sandbox>),
    /// Not at all: the reason and the remedy.
    Not(String),
}

/// Everything the flow works with. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    /// The forge.
    pub forge: Arc<dyn Forge>,
    /// Git.
    pub git: Arc<dyn Git>,
    /// Models.
    pub llm: Arc<dyn Llm>,
    /// The team's channel.
    pub alerts: Arc<dyn Alerts>,
    /// What is remembered.
    pub store: Arc<dyn Store>,
    /// The sandbox.
    pub runs: Runs,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What the operator set.
    pub rules: Arc<Rules>,
    /// Limits of one command; its wall time comes from the repository's rules.
    pub limits: Limits,
    /// What the set-up phase reaches.
    pub setup_network: Network,
    /// Working folders and caches.
    pub work_dir: PathBuf,
    /// Wakes sleeping workers when something is due at once.
    pub wake: Arc<tokio::sync::Notify>,
    /// Evidence of the failing command, kept for the attempts of one remediation.
    pub seen_red: Arc<stages::prove::RedCache>,
    /// Trees laid out ahead.
    pub spares: Arc<stages::spares::Spares>,
    /// Outside failures of one phase before it is given up.
    pub patience: u32,
}

impl Engine {
    /// Where the acts of people are taken.
    pub fn desk(&self) -> acts::Desk {
        acts::Desk { store: self.store.clone(), rules: self.rules.clone(), clock: self.clock.clone() }
    }

    /// How git reaches a repository.
    pub async fn remote(&self, repo: &Repository) -> Result<Remote, StageError> {
        let access = self.forge.git_access(repo).await?;
        let key = repo.id.to_string();
        let remote = match url::Url::parse(&access.url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => {
                let credentials = access.username.zip(access.password).map(|(username, password)| Credentials { username, password });
                Remote::http(&key, url, credentials)
            }
            _ => Remote::local(&key, std::path::Path::new(&access.url)),
        };
        Ok(remote?)
    }
}

/// Why a stage did not get through.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// An outside service failed in a way that passes: the stage is done again later.
    #[error("{0}")]
    Outside(String, Option<chrono::DateTime<chrono::Utc>>),
    /// A person has paused it: it is given back, counts as no failure, and goes on when it is let go on.
    #[error("{0}")]
    Paused(String),
    /// Somebody else holds the remediation now, or it moved on: this worker lets go.
    #[error("the lease was lost")]
    LetGo,
    /// The store does not answer.
    #[error(transparent)]
    Store(crate::ports::store::StoreError),
    /// It can't be done, for good: the remediation ends with the reason.
    #[error("{0}: {1}")]
    End(crate::domain::remediation::Reason, String),
}

impl From<crate::ports::store::StoreError> for StageError {
    fn from(error: crate::ports::store::StoreError) -> Self {
        use crate::ports::store::StoreError as S;
        match error {
            S::LeaseLost { .. } | S::Stale { .. } => StageError::LetGo,
            other => StageError::Store(other),
        }
    }
}

impl From<ForgeError> for StageError {
    fn from(error: ForgeError) -> Self {
        use crate::domain::remediation::Reason;
        let message = error.to_string();
        match error {
            ForgeError::RateLimited { retry_at, .. } => StageError::Outside(message, Some(retry_at)),
            // Credentials and permissions are mended by people, and then the work goes on.
            ForgeError::Transient { .. } | ForgeError::Malformed { .. } | ForgeError::Unauthorized { .. } => StageError::Outside(message, None),
            ForgeError::Gone { .. } => StageError::End(Reason::LogExpired, message),
            ForgeError::NotFound { .. } | ForgeError::TooLarge { .. } => StageError::End(Reason::OutsideServiceFailed, message),
            ForgeError::Forbidden { .. } | ForgeError::Refused { .. } => StageError::End(Reason::WriteRefused, message),
        }
    }
}

impl From<GitError> for StageError {
    fn from(error: GitError) -> Self {
        use crate::domain::remediation::Reason;
        let message = error.to_string();
        match error {
            error if error.is_transient() => StageError::Outside(message, None),
            GitError::Unauthorized { .. } => StageError::Outside(message, None),
            GitError::Rejected { .. } => StageError::End(Reason::WriteRefused, message),
            _ => StageError::End(Reason::CloneFailed, message),
        }
    }
}
