//! What the demo shows: the timeline as it happens, then verdicts, diffs, pull requests and messages.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use simulator::{Happening, SimEvent, Simulator};

use super::scenario::{REPO, Scenario};
use crate::cli::output::say;
use crate::domain::ids::RemediationId;
use crate::domain::remediation::{Event, Outside, Remediation};
use crate::domain::render::escape::line;
use crate::domain::render::terminal::Paint;
use crate::ports::store::StoredEvent;

/// Prints as it happens.
pub struct Timeline {
    json: bool,
    paint: Paint,
    began: DateTime<Utc>,
    shown: HashMap<RemediationId, u64>,
}

impl Timeline {
    /// Begins now.
    pub fn new(json: bool, paint: Paint) -> Self {
        Self { json, paint, began: crate::app::now(), shown: HashMap::new() }
    }

    /// The first words.
    pub fn start(&self, scenario: &Scenario, seed: u64, own_model: bool) {
        if self.json {
            self.object("start", self.began, json!({"scenario": scenario.name, "seed": seed, "model": if own_model { "own" } else { "scripted" }}));
            return;
        }
        say(&format!("{} {}", self.paint.bold("regreen demo"), self.paint.dim(&format!("scenario {}, seed {seed}", scenario.name))));
        say(&format!("{}.", scenario.about));
        let model = if own_model { "Your own model is asked." } else { "The model is scripted: it knows the one fault of this seed and nothing else." };
        say(&self.paint.dim(&format!("GitHub, Slack and the model are simulated on this machine; git, CI runs, the sandbox and regreen are real. {model}")));
        say("");
    }

    fn object(&self, event: &str, at: DateTime<Utc>, mut fields: Value) {
        if let Value::Object(map) = &mut fields {
            map.insert("event".into(), event.into());
            map.insert("at".into(), at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true).into());
        }
        say(&fields.to_string());
    }

    fn row(&self, at: DateTime<Utc>, who: &str, text: &str) {
        let seconds = (at - self.began).num_milliseconds().max(0) as f64 / 1000.0;
        let who = match who {
            "regreen" => self.paint.green("regreen"),
            other => self.paint.cyan(&format!("{other:<7}")),
        };
        say(&format!("{} {who} {text}", self.paint.dim(&format!("{seconds:7.2}s"))));
    }

    /// Something in the simulated world.
    pub fn happening(&self, event: &SimEvent) {
        let at = event.at;
        let (name, fields, who, text) = match &event.what {
            Happening::RefUpdated { name, new: Some(new), actor, .. } if !name.contains("refs/pull/") => {
                let branch = name.trim_start_matches("refs/heads/");
                (
                    "push",
                    json!({"branch": branch, "sha": new, "actor": actor}),
                    "git",
                    format!("{} pushed {branch} at {}", line(actor, 40), &new[..12.min(new.len())]),
                )
            }
            Happening::PushRejected { name, actor, .. } => {
                ("push_rejected", json!({"ref": name, "actor": actor}), "git", format!("a push of {} to {} was rejected", line(actor, 40), line(name, 80)))
            }
            Happening::RunCompleted { run, workflow, branch, conclusion, sha, .. } => {
                let word = if conclusion == "success" { self.paint.green(conclusion) } else { self.paint.red(conclusion) };
                (
                    "run_completed",
                    json!({"run": run, "workflow": workflow, "branch": branch, "sha": sha, "conclusion": conclusion}),
                    "ci",
                    format!("{workflow} on {branch}: {word}"),
                )
            }
            Happening::PullOpened { number, title, head, base, draft, .. } => {
                let kind = if *draft { "draft pull request" } else { "pull request" };
                (
                    "pull_opened",
                    json!({"number": number, "title": title, "head": head, "base": base, "draft": draft}),
                    "github",
                    format!("{kind} #{number} {head} -> {}: {}", self.paint.bold(base), line(title, 80)),
                )
            }
            Happening::PullReady { number, .. } => ("pull_ready", json!({"number": number}), "github", format!("#{number} is ready for review")),
            Happening::PullClosed { number, merged, .. } => {
                ("pull_closed", json!({"number": number, "merged": merged}), "github", format!("#{number} was closed"))
            }
            Happening::Commented { on, author, .. } => {
                ("commented", json!({"on": on, "author": author}), "github", format!("{} commented on {}", line(author, 40), &line(on, 12)))
            }
            Happening::SlackPosted { text, ts, .. } => ("slack_posted", json!({"text": text, "ts": ts}), "slack", line(text, 160)),
            Happening::SlackUpdated { text, ts, .. } => ("slack_updated", json!({"text": text, "ts": ts}), "slack", line(text, 160)),
            Happening::ModelAsked { model, prompt_bytes, rule } => (
                "model_asked",
                json!({"model": model, "prompt_bytes": prompt_bytes, "scripted": rule.is_some()}),
                "model",
                format!("asked with {} bytes ({} model)", prompt_bytes, line(model, 40)),
            ),
            _ => return,
        };
        if self.json { self.object(name, at, fields) } else { self.row(at, who, &text) }
    }

    /// New events of a remediation.
    pub fn remediation(&mut self, state: &Remediation, events: &[StoredEvent]) {
        let seen = self.shown.get(&state.id).copied().unwrap_or(0);
        for stored in events.iter().filter(|stored| stored.seq > seen) {
            let branch = state.opening.key.branch.as_str();
            if self.json {
                let reason = reason_of(&stored.event);
                self.object(
                    "remediation",
                    stored.at,
                    json!({"remediation": state.id, "branch": branch, "what": stored.event.name(), "seq": stored.seq, "hash": stored.hash, "reason": reason}),
                );
            } else if let Some(text) = self.words(&stored.event) {
                self.row(stored.at, "regreen", &format!("{}: {text}", self.paint.bold(branch)));
            }
        }
        if let Some(last) = events.last() {
            self.shown.insert(state.id.clone(), last.seq);
        }
    }

    fn words(&self, event: &Event) -> Option<String> {
        let paint = self.paint;
        Some(match event {
            Event::Opened { .. } => "red; taken in".into(),
            Event::Diagnosed { diagnosis } => {
                format!("{} ({}, {:.2}), signature {}", line(&diagnosis.headline, 120), diagnosis.category, diagnosis.confidence, diagnosis.fingerprint)
            }
            Event::Admitted { .. } => "admitted by the gates".into(),
            Event::Cloned { .. } => "commit fetched, snapshot stored".into(),
            Event::CommandResolved { command } => format!("to reproduce: {}", paint.dim(&line(&command.script, 100))),
            Event::LeftToCi { why } => format!("the proof is left to CI: {}", line(why, 140)),
            Event::RerunChosen { why } => format!("run again first: {}", line(why, 100)),
            Event::RerunRed => "red again".into(),
            Event::Proposed { proposal } => format!("patch {} by {} (attempt {})", proposal.hash.short(), paint.bold(&proposal.route), proposal.attempt),
            Event::ProposalFailed { evidence, attempt, .. } => format!("attempt {attempt} gave no usable patch: {}", line(evidence, 120)),
            Event::GatePassed { verdict } => format!("gates passed, risk {}/10", verdict.risk_score),
            Event::GateRefused { verdict, .. } => format!("{}: {}", paint.red("patch refused"), line(&verdict.result().reason, 160)),
            Event::Proved { proof: Some(proof) } => format!("{}: {}", paint.green("proved"), line(&proof.sentences.join(" "), 200)),
            Event::ProofFailed { proof, .. } => format!("{}: {}", paint.red("not proved"), line(&proof.sentences.join(" "), 200)),
            Event::Cleared { simulated: true, .. } => "cleared, simulated: dry-run is on".into(),
            Event::Cleared { .. } => "cleared to write".into(),
            Event::ApprovalAsked { .. } => "waits for a person's approval".into(),
            Event::Recorded { writes, .. } => format!("would write: {}", line(&writes.join("; "), 240)),
            Event::PullSeen { reason, .. } => reason.sentence().into(),
            Event::CiRed { .. } => "the pull request's CI is red; trying again".into(),
            Event::Intended { what: Outside::RerunJobs, .. } => "the failed jobs are run again".into(),
            Event::Completed { reason } => format!("{}: {}", paint.green("completed"), reason.sentence()),
            Event::Failed { reason, detail } => format!("{}: {} {}", paint.red("failed"), reason.sentence(), line(detail, 160)),
            Event::Blocked { reason, detail, .. } => format!("{}: {} {}", paint.yellow("blocked"), reason.sentence(), line(detail, 160)),
            Event::Superseded { reason } => format!("{}: {}", paint.yellow("superseded"), reason.sentence()),
            Event::Cancelled { by, .. } => format!("cancelled by {}", line(by, 40)),
            Event::RunAttached { .. }
            | Event::PatchNeeded
            | Event::ModelAnswered { .. }
            | Event::Proved { proof: None }
            | Event::Approved { .. }
            | Event::Published { .. }
            | Event::Intended { .. }
            | Event::Done { .. } => return None,
        })
    }

    /// The last words, and the `done` object.
    pub async fn end(&self, scenario: &Scenario, seed: u64, states: &[Remediation], simulator: &Simulator, good: bool) -> anyhow::Result<()> {
        if self.json {
            let remediations: Vec<Value> = states.iter().map(summary).collect();
            self.object("done", crate::app::now(), json!({"seed": seed, "scenario": scenario.name, "as_declared": good, "remediations": remediations}));
            return Ok(());
        }
        let paint = self.paint;
        for state in states {
            say(&format!("\n{}", paint.bold(&format!("── {} ", line(state.opening.key.branch.as_str(), 80)))));
            say(&crate::cli::jobs::detail(state, paint));
        }
        say(&paint.bold("── Slack"));
        for message in simulator.slack_messages() {
            say(&format!("  {} {}", message.posted_at.format("%H:%M:%S"), line(&message.text, 300)));
            if !message.edits.is_empty() {
                say(&paint.dim(&format!("           one message, updated in place {} time(s)", message.edits.len())));
            }
        }
        say(&paint.bold("\n── Pull requests"));
        let pulls = simulator.pulls(REPO);
        if pulls.is_empty() {
            say("  none");
        }
        for pull in &pulls {
            let kind = if pull.draft { "draft" } else { "ready for review" };
            say(&format!("  #{} {} -> {} ({kind}): {}", pull.number, pull.head, paint.bold(&pull.base), line(&pull.title, 100)));
        }
        let proven = states.iter().filter(|state| state.pull.is_some() && state.proof.as_ref().is_some_and(|proof| proof.proved)).count();
        let word = if good { paint.green("as declared") } else { paint.red("NOT as declared") };
        say(&format!("\n{word}: {} branch(es), {proven} proven fix pull request(s), seed {seed}", states.len()));
        Ok(())
    }
}

fn reason_of(event: &Event) -> Option<&'static str> {
    match event {
        Event::Completed { reason }
        | Event::Failed { reason, .. }
        | Event::Blocked { reason, .. }
        | Event::Superseded { reason }
        | Event::PullSeen { reason, .. } => Some(reason.code()),
        _ => None,
    }
}

/// One remediation in the `done` object.
fn summary(state: &Remediation) -> Value {
    let result = state.verdict.as_ref().map(crate::domain::gate::Verdict::result);
    json!({
        "branch": state.opening.key.branch,
        "outcome": state.phase.as_str(),
        "reason": state.reason.map(crate::domain::remediation::Reason::code),
        "risk_score": result.as_ref().map_or(0, |result| result.risk_score),
        "checks_passed": result.as_ref().map(|result| result.checks_passed.clone()).unwrap_or_default(),
        "checks_failed": result.as_ref().map(|result| result.checks_failed.clone()).unwrap_or_default(),
        "pr": state.pull.as_ref().map(|pull| json!({"number": pull.number, "base": pull.base, "head": pull.head, "draft": pull.draft, "url": pull.url})),
        "attempts": state.attempts,
        "route": state.proposal.as_ref().map(|proposal| proposal.route.clone()),
        "proved": state.proof.as_ref().is_some_and(|proof| proof.proved),
    })
}
