//! Pending: waits for the head's other runs, reads their logs, and asks the first gate before anything is paid for.

use std::time::Duration;

use super::{budget_finding, circuit_finding, current_branch, protection_finding, stopped_finding};
use crate::domain::gate::{Check, Finding, Gate, Verdict, dry_run};
use crate::domain::ids::RunKey;
use crate::domain::remediation::{Event, Reason};
use crate::domain::rules::Autonomy;
use crate::engine::session::{Next, Session};
use crate::engine::worker::later;
use crate::engine::{Engine, StageError, evidence, intake};
use crate::ports::forge::Conclusion;

/// How often a head that has not settled is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Settles, diagnoses, admits.
pub async fn run(engine: &Engine, session: &mut Session) -> Result<Next, StageError> {
    let repository = session.repository(engine).await?;
    let Some(branch) = current_branch(engine, session, &repository).await? else { return Ok(Next::GoOn) };

    let now = engine.clock.now();
    let runs = engine.forge.runs_of(&repository.slug, &session.state.opening.key.sha).await?;
    // Only this branch's: a commit can be the head of several, and each has its own remediation.
    let mine = |run: &&crate::ports::forge::WorkflowRun| run.head_branch.as_deref() == Some(session.state.opening.key.branch.as_str());
    let known = |run: &&crate::ports::forge::WorkflowRun| session.state.runs.iter().any(|seen| (seen.run, seen.attempt) == (run.id, run.attempt));
    let red = |run: &&crate::ports::forge::WorkflowRun| run.conclusion.is_some_and(Conclusion::is_red) && intake::refusal(engine, &repository, run).is_ok();
    let mut attached = Vec::new();
    for run in runs.iter().filter(mine).filter(red).filter(|run| !known(run)) {
        // What an earlier remediation of this head has judged stays judged.
        let key = RunKey { repo: repository.id, run: run.id, attempt: run.attempt };
        let judged = engine.store.seen(key).await?.and_then(|seen| seen.remediation).is_some_and(|id| id != session.state.id);
        if !judged {
            attached.push(Event::RunAttached { run: intake::attached_run(run) });
        }
    }
    let running = runs.iter().filter(mine).any(|run| run.conclusion.is_none());
    if !attached.is_empty() {
        session.record(engine, attached).await?;
    }
    let settled_at = session.state.opened_at + chrono::Duration::from_std(engine.rules.timing.settle).unwrap_or(chrono::Duration::minutes(5));
    if running && now < settled_at {
        return Ok(later(now, LOOK.min(engine.rules.timing.settle)));
    }

    // Without a log there is no failure to mend: whatever a model made of that would be invented.
    let mut missing = None;
    if session.state.diagnosis.is_none() {
        let read = evidence::read(engine, &repository.slug, &session.state.runs).await?;
        match read.diagnosis {
            Some(diagnosis) => session.record(engine, vec![Event::Diagnosed { diagnosis }]).await?,
            None if read.expired => missing = Some((Reason::LogExpired, "every log of the failed jobs is gone")),
            None => missing = Some((Reason::NotFixableByCode, "no job of the failed run was started; a workflow file that can't be used is mended by people")),
        }
    }

    let protection = protection_finding(engine, &repository, &session.state, &branch.protection);
    let mut findings = vec![
        Finding::not_yet(Check::RiskScore, "there is no patch yet"),
        dry_run(session.state.opening.dry_run || engine.rules.dry_run),
        Finding::not_yet(Check::Snapshot, "taken after admission"),
        budget_finding(engine, &session.state).await?,
        stopped_finding(engine, &repository, &session.state).await?,
    ];
    findings.push(protection);
    if engine.rules.of(&repository.slug).autonomy == Autonomy::Observe {
        findings.push(Finding::failed(Check::Autonomy, "the repository's autonomy is `observe`: it is only told", "observe", "suggest, draft or ready"));
    }
    // Every check is always asked; a half-open probe that another check makes useless is given back with the refusal.
    findings.push(circuit_finding(engine, &session.state).await?);
    let verdict = Verdict::of(Gate::Admission, 0, findings);
    count(&verdict);
    let event = match (verdict.decisive().map(Reason::from).filter(|_| !verdict.refused_by_dry_run_alone()), missing) {
        // A protected branch is told as such, with or without a log.
        (Some(reason), _) => Event::Blocked { reason, detail: verdict.result().reason, verdict: Some(verdict) },
        (None, Some((reason, detail))) => Event::Blocked { reason, detail: detail.to_owned(), verdict: Some(verdict) },
        (None, None) => Event::Admitted { verdict },
    };
    session.record(engine, vec![event]).await?;
    Ok(Next::GoOn)
}

/// Counts each check's answer.
pub fn count(verdict: &Verdict) {
    for finding in &verdict.findings {
        let decision = match finding.status {
            crate::domain::gate::Status::Passed => "passed",
            crate::domain::gate::Status::Failed => "failed",
            crate::domain::gate::Status::NotYet => "not_yet",
        };
        metrics::counter!("regreen_gate_decisions_total", "check" => finding.check.as_str(), "decision" => decision).increment(1);
    }
}
