//! One file a stage: each takes the remediation one phase on, and writes down what it did.

pub mod admit;
pub mod cache;
pub mod clear;
pub mod clone;
pub mod fixer;
pub mod gate;
pub mod overlay;
pub mod place;
pub mod propose;
pub mod prove;
pub mod publish;
pub mod reports;
pub mod rerun;
pub mod spares;
pub mod triage;
pub mod workspace;

use crate::domain::gate::{Check, Finding, Offer, Protection, Status, circuit as circuit_check, protected_branch};
use crate::domain::ids::RepoSlug;
use crate::domain::remediation::{Event, Reason, Remediation};
use crate::ports::forge::{Branch, Repository};

use super::session::Session;
use super::{Engine, StageError};

/// The branch as it is now, or why there is nothing left to mend on it.
pub async fn standing(engine: &Engine, state: &Remediation, repository: &Repository) -> Result<Result<Branch, Reason>, StageError> {
    let key = &state.opening.key;
    Ok(match engine.forge.branch(&repository.slug, &key.branch).await? {
        Some(branch) if branch.head == key.sha => Ok(branch),
        Some(_) => Err(Reason::HeadMoved),
        None => Err(Reason::BranchGone),
    })
}

/// The branch as it is now; ends the remediation where it moved on or is gone.
pub async fn current_branch(engine: &Engine, session: &mut Session, repository: &Repository) -> Result<Option<Branch>, StageError> {
    match standing(engine, &session.state, repository).await? {
        Ok(branch) => Ok(Some(branch)),
        Err(reason) => {
            session.record(engine, vec![Event::Superseded { reason }]).await?;
            Ok(None)
        }
    }
}

/// How a fix is offered here.
pub fn offer(engine: &Engine) -> Offer {
    if engine.forge.has_pulls() { Offer::PullRequest } else { Offer::LocalBranch }
}

/// Mandatory check 3 for this remediation.
pub fn protection_finding(engine: &Engine, repository: &Repository, state: &Remediation, protection: &Protection) -> Finding {
    let rules = engine.rules.of(&repository.slug);
    let branch = &state.opening.key.branch;
    protected_branch(offer(engine), branch, &repository.default_branch, protection, rules.protects(branch))
}

/// Mandatory check 2; takes the half-open probe where it is due.
pub async fn circuit_finding(engine: &Engine, state: &Remediation) -> Result<Finding, StageError> {
    let Some(fingerprint) = state.fingerprint() else {
        return Ok(Finding::passed(Check::Circuit, "there is no failure signature yet, so no circuit", "none", "closed"));
    };
    let (circuit, allowed) = engine.store.admit(state.opening.key.repo, fingerprint, &state.id, engine.clock.now()).await?;
    Ok(circuit_check(circuit.state, circuit.failure_count, allowed, circuit.reset_at))
}

/// The budget, the day's and the remediation's.
pub async fn budget_finding(engine: &Engine, state: &Remediation) -> Result<Finding, StageError> {
    let budget = engine.rules.budget;
    let day = engine.store.spent_since(engine.clock.now() - chrono::Duration::hours(24)).await?;
    let own = state.spent.cost_usd;
    let over = |spent: f64, limit: Option<f64>| limit.is_some_and(|limit| spent >= limit);
    let shown = |limit: Option<f64>| limit.map_or("no limit".to_owned(), |limit| format!("below ${limit:.2}"));
    let seen = format!("${day:.4} in 24 hours, ${own:.4} here");
    let required = format!("{} in 24 hours, {} here", shown(budget.per_day), shown(budget.per_remediation));
    Ok(if over(day, budget.per_day) || over(own, budget.per_remediation) {
        Finding::failed(Check::Budget, "the budget for models is spent", seen, required)
    } else {
        Finding::passed(Check::Budget, "the budget for models allows it", seen, required)
    })
}

/// Goes on only where nobody has paused it. A pause ends nothing: what meets one waits.
pub async fn not_paused(engine: &Engine, slug: &RepoSlug) -> Result<(), StageError> {
    match engine.store.paused(slug).await? {
        None => Ok(()),
        Some(pause) => Err(StageError::Paused(format!("paused by {}: {}", pause.by, pause.reason))),
    }
}

/// Whether the branch's pull request carries the opt-out label. A pause is no finding: what meets one waits.
pub async fn stopped_finding(engine: &Engine, repository: &Repository, state: &Remediation) -> Result<Finding, StageError> {
    let required = "no pause, and no opt-out label";
    not_paused(engine, &repository.slug).await?;
    let label = &engine.rules.of(&repository.slug).opt_out_label;
    let pulls = engine.forge.pulls(&repository.slug, Some(&state.opening.key.branch), None, true).await?;
    Ok(match pulls.iter().find(|pull| pull.labels.iter().any(|name| name.eq_ignore_ascii_case(label))) {
        Some(pull) => Finding::failed(Check::NotStopped, format!("pull request {} carries the label `{label}`", pull.number), "opted out", required),
        None => Finding::passed(Check::NotStopped, "nobody has stopped it", "no stop", required),
    })
}

/// The end of what carries the opt-out label: asked before each effect that costs or shows.
pub async fn opted_out(engine: &Engine, repository: &Repository, state: &Remediation) -> Result<Option<Event>, StageError> {
    let finding = stopped_finding(engine, repository, state).await?;
    Ok((finding.status == Status::Failed).then_some(Event::Blocked { reason: Reason::OptedOut, detail: finding.sentence, verdict: None }))
}
