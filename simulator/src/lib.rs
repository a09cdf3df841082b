//! A loopback GitHub, Slack and language model, for regreen's demo and tests.
//!
//! The program under test is not changed: it is pointed at these addresses and talks HTTP and git to them as it would to the real
//! ones. The repositories are real bare git repositories, workflow runs really run their steps, and every answer has the shape of the
//! real service's. Nothing here depends on regreen.
//!
//! ```no_run
//! # async fn example() -> Result<(), simulator::SimulatorError> {
//! use std::time::Duration;
//! use simulator::{Author, Change, Protection, Push, RepoSpec, Simulator, SimulatorOptions, TokenSpec};
//!
//! let simulator = Simulator::start(SimulatorOptions::default()).await?;
//! simulator.add_token("ghp_agent", TokenSpec::writer("regreen-bot"));
//! let ci = "name: CI\non:\n  push:\n    branches: ['**']\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - run: sh check.sh\n";
//! let files = vec![Change::write(".github/workflows/ci.yml", ci), Change::write("check.sh", "true\n")];
//! simulator.create_repo(RepoSpec { files, ..RepoSpec::new("acme", "widgets") }).await?;
//! simulator.protect("acme/widgets", "main", Protection { protected: true, rules: Vec::new() })?;
//!
//! // A teammate breaks something; the push starts the workflow for real.
//! let sha = simulator
//!     .push_commit("acme/widgets", Push::new("feature/x", "Break it").from("main").write("check.sh", "exit 1\n").by(Author::login("ada")))
//!     .await?;
//! simulator.wait_for_run("acme/widgets", &sha, Duration::from_secs(30)).await?;
//! assert_eq!(simulator.runs("acme/widgets")[1].latest().conclusion.as_deref(), Some("failure"));
//!
//! println!("GITHUB_API_URL={} GITHUB_SERVER_URL={}", simulator.api_url(), simulator.server_url());
//! println!("SLACK_API_URL={} model base_url={}", simulator.slack_url(), simulator.model_url());
//! simulator.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! | Room | What it keeps |
//! |---|---|
//! | `state` | the world's memory; refs are not in it, they are asked of git |
//! | `git`, `git_http`, `refs` | bare repositories, smart HTTP, and what follows from a changed ref |
//! | `github` | REST and GraphQL, one file a resource; `shapes` holds the JSON |
//! | `runner` | workflow files, expressions, steps run for real, logs |
//! | `pulls` | the life of a pull request |
//! | `slack`, `model`, `webhooks` | the other services |
//! | `faults`, `http` | what goes wrong on the way, and the way |

#![recursion_limit = "256"] // the JSON shapes are long literals

mod events;
mod faults;
mod git;
mod git_http;
mod github;
mod glob;
mod http;
mod model;
mod pulls;
mod refs;
mod runner;
mod setup;
mod slack;
mod state;
mod synthetic;
mod webhooks;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The dialects of workflow files as this double reads them, to be compared with another reader's.
pub mod dialect {
    pub use crate::glob::filter;
    pub use crate::runner::expression::{Scope, evaluate};
}

pub use events::{Happening, SimEvent};
pub use faults::{Fault, FaultKind, Faults, Server};
pub use git::{Author, Change};
pub use http::RequestRecord;
pub use model::{ModelReply, ModelRequest, ModelRule};
pub use setup::{CommentView, Push, RepoSpec, View};
pub use slack::{SlackEdit, SlackMessage};
pub use state::{Attempt, Comment, Issue, Job, Protection, Pull, Review, Run, Step, TokenKind, TokenSpec};
pub use synthetic::{SyntheticAttempt, SyntheticJob, SyntheticRun};
pub use webhooks::{Delivery, WebhookFault, WebhookTrouble};

use state::{State, Urls, World};

/// The token the simulated Slack accepts unless told otherwise.
pub const SLACK_TOKEN: &str = "xoxb-simulator";
/// The path of the incoming webhook.
pub(crate) const SLACK_WEBHOOK_PATH: &str = "/services/T0SIMULATOR/B0REGREEN/simulatorwebhook";

/// Why the simulator could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// git failed.
    #[error("git {what}: {reason}")]
    Git {
        /// The command.
        what: String,
        /// What git said.
        reason: String,
    },
    /// A file, folder or socket failed.
    #[error("cannot {what}: {reason}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's reason.
        reason: String,
    },
    /// Something named does not exist.
    #[error("there is no {0} in the simulated world")]
    NoSuch(String),
    /// The simulated GitHub refused.
    #[error("the simulated GitHub refused: {0}")]
    Refused(String),
    /// A condition did not come true in time.
    #[error("not within {0:?}: {1}")]
    TimedOut(Duration, String),
}

impl SimulatorError {
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        Self::Io { what: what.to_owned(), reason: error.to_string() }
    }
}

/// How the simulated world behaves.
#[derive(Clone, Debug)]
pub struct SimulatorOptions {
    /// Whether pushes and pull requests start the workflows in the repository. Off for tests that add synthetic runs.
    pub run_workflows: bool,
    /// Jobs that run at once.
    pub parallel_jobs: usize,
    /// How long lists take to show a new or changed run or branch, in milliseconds.
    pub read_lag_ms: u64,
    /// Requests an hour that a token may make.
    pub rate_limit: u32,
    /// The Slack token that is accepted.
    pub slack_token: String,
    /// Slack channels as (id, name); the first takes what comes through the incoming webhook.
    pub slack_channels: Vec<(String, String)>,
    /// The key the model asks for; none takes any.
    pub model_key: Option<String>,
    /// Metrics the model's gateway knows; an empty list knows all.
    pub model_metrics: Vec<String>,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            run_workflows: true,
            parallel_jobs: 2,
            read_lag_ms: 150,
            rate_limit: 5000,
            slack_token: SLACK_TOKEN.to_owned(),
            slack_channels: vec![("C0REGREEN01".to_owned(), "regreen".to_owned())],
            model_key: None,
            model_metrics: Vec::new(),
        }
    }
}

/// The running simulator. A clone is the same world; it ends with [`Simulator::shutdown`] or when the last clone is dropped.
#[derive(Clone)]
pub struct Simulator {
    pub(crate) world: Arc<World>,
    house: Arc<House>,
}

/// Ends the world with the last handle: background tasks hold the world itself, so it cannot be the one that notices.
struct House {
    shutdown: CancellationToken,
    root: Mutex<Option<TempDir>>,
}

impl Drop for House {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Ok(mut root) = self.root.lock()
            && let Some(root) = root.take()
            && let Err(error) = root.close()
        {
            tracing::debug!(%error, "the simulator's folder could not be removed");
        }
    }
}

impl Simulator {
    /// Starts all servers on free loopback ports.
    ///
    /// # Errors
    /// Where no folder or port can be had.
    pub async fn start(options: SimulatorOptions) -> Result<Self, SimulatorError> {
        let root =
            tempfile::Builder::new().prefix("regreen-simulator-").tempdir().map_err(|error| SimulatorError::io("create the simulator's folder", &error))?;
        // The real path: tools print it, and logs replace it.
        let path = root.path().canonicalize().map_err(|error| SimulatorError::io("find the simulator's folder", &error))?;
        for folder in ["repos", "runners", "home"] {
            std::fs::create_dir_all(path.join(folder)).map_err(|error| SimulatorError::io("create the simulator's folder", &error))?;
        }
        let (api, api_url) = listen().await?;
        let (git, server_url) = listen().await?;
        let (slack, slack_url) = listen().await?;
        let (model, model_url) = listen().await?;
        let (blob, blob_url) = listen().await?;
        let shutdown = CancellationToken::new();
        let world = Arc::new(World {
            jobs: Semaphore::new(options.parallel_jobs.max(1)),
            options,
            urls: Urls { api: api_url, server: server_url, slack: slack_url, model: model_url, blob: blob_url },
            git: git::Git::new(path.join("home")),
            root: path,
            faults: Faults::default(),
            events: broadcast::channel(4096).0,
            shutdown: shutdown.clone(),
            tasks: TaskTracker::new(),
            state: Mutex::new(State::default()),
        });
        macro_rules! serve {
            ($server:ident, $listener:ident, $answer:path) => {{
                let known = world.clone();
                let handler: http::Handler = Arc::new(move |request| $answer(known.clone(), request).boxed());
                world.tasks.spawn(http::serve(world.clone(), Server::$server, $listener, handler));
            }};
        }
        serve!(Github, api, github::answer);
        serve!(Git, git, git_http::answer);
        serve!(Slack, slack, slack::answer);
        serve!(Model, model, model::answer);
        serve!(Blob, blob, github::blob::answer);
        let house = Arc::new(House { shutdown, root: Mutex::new(Some(root)) });
        Ok(Self { world, house })
    }

    /// Ends all servers and jobs, and removes the folder.
    pub async fn shutdown(&self) {
        self.house.shutdown.cancel();
        self.world.tasks.close();
        if tokio::time::timeout(Duration::from_secs(5), self.world.tasks.wait()).await.is_err() {
            tracing::warn!("the simulator's background work did not end in time");
        }
        let root = self.house.root.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(root) = root
            && let Err(error) = root.close()
        {
            tracing::debug!(%error, "the simulator's folder could not be removed");
        }
    }

    /// For `GITHUB_API_URL`. The same API answers under `/api/v3`, GraphQL at `/graphql` and `/api/graphql`.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.world.urls.api.clone()
    }

    /// For `GITHUB_SERVER_URL`: git over smart HTTP.
    #[must_use]
    pub fn server_url(&self) -> String {
        self.world.urls.server.clone()
    }

    /// For `SLACK_API_URL`; ends in `/api/`.
    #[must_use]
    pub fn slack_url(&self) -> String {
        format!("{}/api/", self.world.urls.slack)
    }

    /// For `SLACK_WEBHOOK_URL`.
    #[must_use]
    pub fn slack_webhook_url(&self) -> String {
        format!("{}{SLACK_WEBHOOK_PATH}", self.world.urls.slack)
    }

    /// The model's base address in OpenAI's shape; ends in `/v1`.
    #[must_use]
    pub fn model_url(&self) -> String {
        format!("{}/v1", self.world.urls.model)
    }

    /// The model's address as a TensorZero gateway: `/openai/v1/chat/completions` and `/feedback` are below it.
    #[must_use]
    pub fn gateway_url(&self) -> String {
        self.world.urls.model.clone()
    }

    /// The origin that log redirects point at.
    #[must_use]
    pub fn blob_url(&self) -> String {
        self.world.urls.blob.clone()
    }

    /// The folder that holds the bare repositories and the runner's work; gone after the shutdown.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.world.root
    }

    /// All changes from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<SimEvent> {
        self.world.events.subscribe()
    }

    /// The faults in force.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.world.faults.clone()
    }
}

async fn listen() -> Result<(TcpListener, String), SimulatorError> {
    let error = |error: std::io::Error| SimulatorError::io("listen on a loopback port", &error);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(error)?;
    let address = listener.local_addr().map_err(error)?;
    Ok((listener, format!("http://{address}")))
}
