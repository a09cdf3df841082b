//! Gating: all five checks, test integrity, paths and risk, before anything of the patch is run.

use sha2::{Digest, Sha256};

use super::{admit, budget_finding, circuit_finding, current_branch, propose, protection_finding, stopped_finding};
use crate::domain::diagnosis::Category;
use crate::domain::gate::{self, Check, Finding, Gate, Verdict};
use crate::domain::ids::hex;
use crate::domain::patch::integrity::{self, Severity};
use crate::domain::patch::{self, Applied, PatchLimits, PathRules};
use crate::domain::remediation::{Event, ProposalRecord, Reason};
use crate::domain::risk::{self, Risk, RiskInputs};
use crate::engine::session::{Next, Session};
use crate::engine::{Engine, StageError};
use crate::ports::forge::{Branch, Repository};
use crate::ports::git::Remote;
use crate::ports::store::{Snapshot, SnapshotFile};

/// Asks the gate.
pub async fn run(engine: &Engine, session: &mut Session) -> Result<Next, StageError> {
    let repository = session.repository(engine).await?;
    let Some(branch) = current_branch(engine, session, &repository).await? else { return Ok(Next::GoOn) };
    let proposal = proposal(session)?;
    let remote = engine.remote(&repository).await?;
    let applied = propose::reapply(engine, &remote, &session.state.opening.key.sha, &proposal.patch).await?;
    complete_snapshot(engine, session, &applied).await?;
    let (findings, risk) = findings(engine, session, &repository, &remote, &branch, &applied).await?;
    let verdict = Verdict::of(Gate::Gating, risk.score, findings);
    admit::count(&verdict);
    let passed = verdict.failures().next().is_none() || verdict.refused_by_dry_run_alone();
    let event = if passed {
        Event::GatePassed { verdict }
    } else {
        // What lies in the patch itself, another patch could do better.
        let in_the_patch = verdict.failures().all(|finding| matches!(finding.check, Check::TestIntegrity | Check::Paths | Check::RiskScore | Check::DryRun));
        let attempts_left = session.state.attempts < engine.rules.of(&repository.slug).attempts;
        if in_the_patch && attempts_left {
            let parts: Vec<String> = verdict
                .failures()
                .filter(|finding| finding.check != Check::DryRun)
                .flat_map(|finding| std::iter::once(finding.sentence.clone()).chain(finding.parts.iter().take(6).cloned()))
                .collect();
            let evidence = format!(
                "The last patch was refused by the gates before it was run: {}\nThe refused patch:\n{}",
                parts.join("; "),
                crate::domain::render::escape::bounded(&proposal.patch, 3000)
            );
            Event::GateRefused { verdict, evidence }
        } else {
            let reason = verdict.decisive().map_or(Reason::Internal, Reason::from);
            Event::Blocked { reason, detail: verdict.result().reason, verdict: Some(verdict) }
        }
    };
    session.record(engine, vec![event]).await?;
    Ok(Next::GoOn)
}

/// The patch in hand.
pub fn proposal(session: &Session) -> Result<ProposalRecord, StageError> {
    session.state.proposal.clone().ok_or_else(|| StageError::End(Reason::Internal, "there is no patch in hand".into()))
}

/// Everything that gating and clearing ask alike.
pub async fn findings(
    engine: &Engine,
    session: &Session,
    repository: &Repository,
    remote: &Remote,
    branch: &Branch,
    applied: &Applied,
) -> Result<(Vec<Finding>, Risk), StageError> {
    let state = &session.state;
    let rules = engine.rules.of(&repository.slug);
    let weakened = integrity::check(&applied.files, &actual_values(state));
    let risk = risk::score(&risk_inputs(state, applied, &weakened));
    let reasons = risk.reasons.iter().map(|reason| format!("{:+} {}", reason.points, reason.sentence)).collect();
    let mut findings = vec![
        gate::risk_score(risk.score, rules.risk_max, reasons),
        protection_finding(engine, repository, state, &branch.protection),
        gate::dry_run(engine.rules.dry_run || state.opening.dry_run),
        gate::snapshot(state.snapshot.as_deref(), read_back(engine, session, applied).await?),
        integrity_finding(&weakened),
        paths_finding(engine, session, remote, rules).await?,
        budget_finding(engine, state).await?,
        stopped_finding(engine, repository, state).await?,
    ];
    // Every check is always asked; a half-open probe that another check makes useless is given back with the refusal.
    findings.push(circuit_finding(engine, state).await?);
    Ok((findings, risk))
}

fn risk_inputs(state: &crate::domain::remediation::Remediation, applied: &Applied, weakened: &[integrity::Finding]) -> RiskInputs {
    let diagnosis = state.diagnosis.as_ref();
    let category = diagnosis.and_then(|d| Category::parse(&d.category)).unwrap_or(Category::Unknown);
    RiskInputs {
        confidence: diagnosis.map_or(0.0, |d| f64::from(d.confidence)),
        category,
        deterministic_fixer: state.proposal.as_ref().is_some_and(|proposal| proposal.deterministic),
        attempts: state.attempts.max(1),
        integrity_approvals: weakened.iter().filter(|finding| finding.severity == Severity::NeedsApproval).count(),
        ..RiskInputs::of(applied)
    }
}

/// The values that the failing tests got, as the log's excerpt shows them: an expectation that becomes one of them only repeats the fault.
pub fn actual_values(state: &crate::domain::remediation::Remediation) -> integrity::Evidence {
    state.diagnosis.as_ref().map_or_else(integrity::Evidence::default, |diagnosis| integrity::Evidence::from_log(&diagnosis.excerpt))
}

/// What weakens tests.
fn integrity_finding(weakened: &[integrity::Finding]) -> Finding {
    let required = "no test deleted, skipped, loosened or special-cased";
    let parts: Vec<String> = weakened.iter().map(|finding| format!("{}:{}: {}", finding.path, finding.line, finding.message)).collect();
    let refusing = weakened.iter().filter(|finding| finding.severity == Severity::Refuse).count();
    match (refusing, weakened.len()) {
        (0, 0) => Finding::passed(Check::TestIntegrity, "no test is weakened", "nothing found", required),
        (0, n) => Finding::passed(Check::TestIntegrity, format!("{n} place(s) want a person's look"), "nothing to refuse", required).with_parts(parts),
        (n, _) => {
            Finding::failed(Check::TestIntegrity, format!("the patch weakens tests in {n} place(s)"), format!("{n} place(s)"), required).with_parts(parts)
        }
    }
}

async fn paths_finding(engine: &Engine, session: &Session, remote: &Remote, rules: &crate::domain::rules::RepoRules) -> Result<Finding, StageError> {
    let required = "ordinary files of the repository, none of them forbidden";
    let proposal = proposal(session)?;
    let parsed = patch::parse(&proposal.patch).map_err(|error| StageError::End(Reason::Internal, error.to_string()))?;
    let facts = propose::tree_facts(engine, remote, &session.state.opening.key.sha).await?;
    let paths = PathRules::new(&rules.forbidden_paths).map_err(|why| StageError::End(Reason::Internal, why))?;
    let inspection = patch::inspect(&parsed, &facts, &paths, &PatchLimits::default());
    let touched = parsed.files.iter().map(patch::FilePatch::path).collect::<Vec<_>>().join(", ");
    Ok(if inspection.refusals.is_empty() {
        Finding::passed(Check::Paths, "the patch touches only what it may", touched, required)
    } else {
        let parts = inspection.refusals.iter().map(ToString::to_string).collect();
        Finding::failed(Check::Paths, "the patch touches what it may not", touched, required).with_parts(parts)
    })
}

/// Now that the touched files are known, their contents go into the snapshot.
async fn complete_snapshot(engine: &Engine, session: &Session, applied: &Applied) -> Result<(), StageError> {
    let Some(id) = &session.state.snapshot else { return Ok(()) };
    let Some(snapshot) = engine.store.snapshot(id).await? else { return Ok(()) };
    let files = applied
        .files
        .iter()
        .map(|change| SnapshotFile {
            path: change.path.clone(),
            sha256: change.before.as_ref().map_or(String::new(), |before| hex(&Sha256::digest(&before.bytes))),
            executable: change.before.as_ref().is_some_and(|before| before.mode.octal() & 0o111 != 0),
            content: change.before.as_ref().map(|before| before.bytes.clone()),
        })
        .collect();
    Ok(engine.store.save_snapshot(&Snapshot { files, status: "complete".into(), ..snapshot }).await?)
}

/// Reads the snapshot back, as a restore would: every touched file is there, with the content that its hash names.
async fn read_back(engine: &Engine, session: &Session, applied: &Applied) -> Result<Result<(), String>, StageError> {
    let Some(id) = &session.state.snapshot else { return Ok(Err("none was taken".into())) };
    let Some(snapshot) = engine.store.snapshot(id).await? else { return Ok(Err("it is not in the store".into())) };
    let key = &session.state.opening.key;
    if snapshot.sha != key.sha || snapshot.branch != key.branch || snapshot.repo != key.repo {
        return Ok(Err("it belongs to another commit".into()));
    }
    if snapshot.expires_at <= engine.clock.now() {
        return Ok(Err("it has expired".into()));
    }
    for change in &applied.files {
        let Some(file) = snapshot.files.iter().find(|file| file.path == change.path) else { return Ok(Err(format!("`{}` is not in it", change.path))) };
        let hash = file.content.as_ref().map_or(String::new(), |content| hex(&Sha256::digest(content)));
        if hash != file.sha256 || file.content.as_deref() != change.before.as_ref().map(|before| before.bytes.as_slice()) {
            return Ok(Err(format!("`{}` is damaged in it", change.path)));
        }
    }
    Ok(Ok(()))
}
