//! What the team's channel is told. One message for a remediation, with all the fields every time.

use serde_json::{Value, json};

use super::escape::slack;
use super::{action, why};
use crate::domain::gate::Gate;
use crate::domain::remediation::{Phase, Remediation};

/// A message: plain text for notifications, and blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Plain text.
    pub fallback: String,
    /// Slack's Block Kit.
    pub blocks: Value,
    /// Whether it is the last word for now: the remediation has ended, or its pull request waits for people.
    pub last: bool,
}

/// Renders the message. `owner` is the Slack user id of the branch's owner where the settings know one; `audit_url` leads to the audit log.
pub fn message(state: &Remediation, owner: Option<&str>, audit_url: &str) -> Message {
    let key = &state.opening.key;
    let workflows = {
        let mut names: Vec<&str> = state.runs.iter().map(|run| run.workflow.as_str()).collect();
        names.dedup();
        names.join(", ")
    };
    let who = match (owner, &state.opening.owner) {
        (Some(user), _) if user.bytes().all(|b| b.is_ascii_alphanumeric()) => format!("<@{user}>"),
        (_, Some(login)) => slack(login, 60),
        _ => "unknown".into(),
    };
    // Before there is a patch there is no score, and a 0 would be read as one.
    let scored = state.verdict.as_ref().filter(|verdict| verdict.gate != Gate::Admission);
    let risk = scored.map_or("–".to_owned(), |verdict| format!("{}/10", verdict.risk_score));
    let (action, why) = (action(state), why(state));
    let mark = match state.phase {
        Phase::Feedback | Phase::Completed => ":white_check_mark:",
        Phase::Blocked | Phase::AwaitingApproval => ":no_entry:",
        Phase::Failed => ":x:",
        Phase::Superseded | Phase::Cancelled => ":fast_forward:",
        _ => ":hourglass_flowing_sand:",
    };
    let pull = match &state.pull {
        Some(pull) if pull.url.starts_with("http") && !pull.url.contains(['|', '>', ' ']) => format!("<{}|#{}>", pull.url, pull.number),
        Some(pull) => format!("#{}", pull.number),
        None if state.phase.is_end() => match audit_url {
            "" => format!("none; audit log: `regreen jobs show {}`", state.id),
            url => format!("none; <{url}|audit log>"),
        },
        None => "Pending".into(),
    };
    let repo = slack(state.opening.slug.as_str(), 120);
    let branch = slack(key.branch.as_str(), 120);
    let workflow = slack(&workflows, 160);
    let field = |name: &str, value: &str| json!({"type": "mrkdwn", "text": format!("*{name}*\n{value}")});
    let blocks = json!([
        {"type": "section", "text": {"type": "mrkdwn", "text": format!("{mark} *{repo}* `{branch}`: {}", slack(&action, 300))}},
        {"type": "section", "fields": [
            field("Repository", &repo),
            field("Branch", &format!("`{branch}` at `{}`", key.sha.short())),
            field("Workflow", &workflow),
            field("Owner", &who),
            field("Decision", &format!("{}{}", state.phase, state.reason.map_or(String::new(), |reason| format!(" (`{reason}`)")))),
            field("Risk", &risk),
            field("Action", &slack(&action, 300)),
            field("Pull request", &pull),
        ]},
        {"type": "section", "text": {"type": "mrkdwn", "text": format!("*Why*\n{}", slack(&why, 800))}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": format!("regreen · `{}`{}", state.id, if state.opening.dry_run { " · dry-run" } else { "" })}]},
    ]);
    let fallback = format!("{repo} {branch} ({workflow}): {} · risk {risk} · {}", slack(&action, 200), slack(&why, 200));
    Message {
        fallback,
        blocks,
        last: state.phase.is_end() || (state.phase == Phase::Feedback && state.reason != Some(crate::domain::remediation::Reason::CiPending)),
    }
}
