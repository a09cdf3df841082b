//! What happened, for whoever watches: the demo's timeline and the tests.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// One change of the simulated world, sent once it is visible to the servers' clients.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// The kinds of change. `repo` is always `owner/name`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happening {
    /// A branch or tag was created (`old` is none), moved or deleted (`new` is none).
    RefUpdated {
        /// Repository.
        repo: String,
        /// Full name, `refs/heads/…`.
        name: String,
        /// Before.
        old: Option<String>,
        /// After.
        new: Option<String>,
        /// Login of who did it.
        actor: String,
    },
    /// A push was turned down by branch protection.
    PushRejected {
        /// Repository.
        repo: String,
        /// Full ref name.
        name: String,
        /// Login of who tried.
        actor: String,
    },
    /// An attempt of a workflow run was queued.
    RunStarted {
        /// Repository.
        repo: String,
        /// Run id.
        run: u64,
        /// Attempt, from 1.
        attempt: u32,
        /// Workflow name.
        workflow: String,
        /// Head branch.
        branch: String,
        /// Head SHA.
        sha: String,
        /// `push`, `pull_request`, ….
        trigger: String,
    },
    /// An attempt of a workflow run ended.
    RunCompleted {
        /// Repository.
        repo: String,
        /// Run id.
        run: u64,
        /// Attempt, from 1.
        attempt: u32,
        /// Workflow name.
        workflow: String,
        /// Head branch.
        branch: String,
        /// Head SHA.
        sha: String,
        /// `success`, `failure`, ….
        conclusion: String,
    },
    /// A pull request was opened.
    PullOpened {
        /// Repository.
        repo: String,
        /// Number.
        number: u64,
        /// Title.
        title: String,
        /// Head branch.
        head: String,
        /// Base branch.
        base: String,
        /// Whether it is a draft.
        draft: bool,
        /// Login of the author.
        author: String,
    },
    /// A draft became ready for review.
    PullReady {
        /// Repository.
        repo: String,
        /// Number.
        number: u64,
    },
    /// A pull request was turned back into a draft.
    PullDrafted {
        /// Repository.
        repo: String,
        /// Number.
        number: u64,
    },
    /// A pull request's title, body, base, state or head changed.
    PullUpdated {
        /// Repository.
        repo: String,
        /// Number.
        number: u64,
        /// `edited`, `synchronize`, `reopened`, `retargeted`.
        action: String,
    },
    /// A pull request was closed or merged.
    PullClosed {
        /// Repository.
        repo: String,
        /// Number.
        number: u64,
        /// Whether it was merged.
        merged: bool,
    },
    /// A review of a pull request was posted.
    Reviewed {
        /// Repository.
        repo: String,
        /// Number of the pull request.
        number: u64,
        /// Login.
        author: String,
        /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`.
        state: String,
    },
    /// A comment on an issue, a pull request or a commit was posted.
    Commented {
        /// Repository.
        repo: String,
        /// `#7` or a commit SHA.
        on: String,
        /// Login.
        author: String,
        /// The text.
        body: String,
    },
    /// Labels of an issue or pull request changed.
    Labelled {
        /// Repository.
        repo: String,
        /// Number.
        number: u64,
        /// All labels now.
        labels: Vec<String>,
    },
    /// A message was posted to Slack.
    SlackPosted {
        /// Channel id.
        channel: String,
        /// Timestamp, Slack's message id.
        ts: String,
        /// The plain text.
        text: String,
    },
    /// A Slack message was updated in place.
    SlackUpdated {
        /// Channel id.
        channel: String,
        /// Timestamp.
        ts: String,
        /// The new plain text.
        text: String,
    },
    /// The scripted model was asked.
    ModelAsked {
        /// The model named in the request.
        model: String,
        /// Bytes of all prompt text.
        prompt_bytes: usize,
        /// Index of the script rule that answered, or none for the default refusal.
        rule: Option<usize>,
    },
    /// Feedback about an earlier answer arrived at the gateway.
    ModelFeedback {
        /// The metric.
        metric: String,
        /// What it is about: an inference or episode id.
        target: String,
    },
    /// A webhook was delivered, or lost on purpose.
    WebhookDelivered {
        /// Event name.
        name: String,
        /// Answered status; none where lost or unreachable.
        status: Option<u16>,
    },
}
