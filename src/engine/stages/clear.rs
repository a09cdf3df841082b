//! Clearing: all of it again, with the proof, the approval and the branch's head asked afresh, before anything is written.

use std::time::Duration;

use super::{admit, current_branch, gate as gating, propose, standing};
use crate::domain::gate::{self, Check, Cleared, Finding, Gate, Subject, Verdict};
use crate::domain::ids::CommitSha;
use crate::domain::patch::Applied;
use crate::domain::patch::integrity::{self, Severity};
use crate::domain::remediation::{Event, Reason, Remediation};
use crate::domain::render::escape;
use crate::domain::rules::{Autonomy, Prove, RepoRules};
use crate::domain::workflow::start::{Branches, Copy, File};
use crate::domain::workflow::{self, Happening, Workflow};
use crate::engine::session::{Next, Session};
use crate::engine::worker::later;
use crate::engine::{Engine, StageError};
use crate::ports::forge::Repository;
use crate::ports::git::Remote;

/// What the last gate says, and the patch that it is about.
pub struct Asked {
    /// The verdict tree.
    pub verdict: Verdict,
    /// What a person must say yes to; empty where nobody needs to.
    pub approval: Vec<String>,
    /// The patch, applied afresh.
    pub applied: Applied,
}

/// Asks everything; the reason where the branch moved on meanwhile. Nothing is recorded: what was written may have to be taken back first.
pub async fn ask(engine: &Engine, session: &mut Session) -> Result<Result<Asked, Reason>, StageError> {
    // Nothing is believed that was read before.
    session.repository = None;
    let repository = session.repository(engine).await?;
    let branch = match standing(engine, &session.state, &repository).await? {
        Ok(branch) => branch,
        Err(reason) => return Ok(Err(reason)),
    };
    let proposal = gating::proposal(session)?;
    let remote = engine.remote(&repository).await?;
    let sha = session.state.opening.key.sha.clone();
    let applied = propose::reapply(engine, &remote, &sha, &proposal.patch).await?;
    let (mut findings, risk) = gating::findings(engine, session, &repository, &remote, &branch, &applied).await?;
    let rules = engine.rules.of(&repository.slug);
    findings.push(Finding::passed(Check::HeadUnmoved, "the branch is still at the broken commit", branch.head.short(), sha.short()));
    findings.push(proof_finding(&session.state, rules));
    findings.push(autonomy_finding(rules.autonomy));

    let mut approval = Vec::new();
    if risk.score > rules.risk_auto && risk.score <= rules.risk_max {
        approval.push(format!("risk {}/10 is above the {} up to which nobody is asked", risk.score, rules.risk_auto));
    }
    let doubtful =
        integrity::check(&applied.files, &gating::actual_values(&session.state)).into_iter().filter(|finding| finding.severity == Severity::NeedsApproval);
    approval.extend(doubtful.map(|finding| format!("{}:{}: {}", finding.path, finding.line, finding.message)));
    let reach = reach_finding(engine, &session.state, &repository, &remote, rules).await?;
    if reach.status == gate::Status::Failed {
        approval.push(reach.sentence.clone());
        approval.extend(reach.parts.iter().cloned());
    }
    let approved = session.state.approved_by.clone();
    findings.push(gate::approval(&approval, approved.as_deref()));
    findings.push(match approved {
        Some(by) if reach.status == gate::Status::Failed => {
            Finding::passed(Check::WorkflowReach, format!("{}; {by} approved it", reach.sentence), reach.seen, reach.required).with_parts(reach.parts)
        }
        _ => reach,
    });
    if session.state.approved_by.is_some() {
        approval.clear();
    }
    let verdict = Verdict::of(Gate::Clearing, risk.score, findings);
    Ok(Ok(Asked { verdict, approval, applied }))
}

/// What the clearance is about.
pub fn subject(engine: &Engine, session: &Session) -> Result<Subject, StageError> {
    let key = &session.state.opening.key;
    Ok(Subject {
        offer: super::offer(engine),
        repo: key.repo,
        base_branch: key.branch.clone(),
        base_sha: key.sha.clone(),
        patch: gating::proposal(session)?.hash,
    })
}

/// Asks the gate. The clearance itself is minted by the stage that writes, from answers of its own moment.
pub async fn run(engine: &Engine, session: &mut Session) -> Result<Next, StageError> {
    let asked = match ask(engine, session).await? {
        Ok(asked) => asked,
        Err(reason) => {
            session.record(engine, vec![Event::Superseded { reason }]).await?;
            return Ok(Next::GoOn);
        }
    };
    admit::count(&asked.verdict);
    let now = engine.clock.now();
    // A person is asked only for what a person may allow: everything else must hold already.
    let answerable = asked.verdict.failures().all(|finding| matches!(finding.check, Check::WorkflowReach | Check::Approval | Check::DryRun));
    if !asked.approval.is_empty() && answerable && !asked.verdict.failed(Check::DryRun) {
        let until = now + chrono::Duration::from_std(engine.rules.timing.approval).unwrap_or(chrono::Duration::days(1));
        tracing::info!(remediation = %session.state.id, why = asked.approval.join("; "), "a person is asked");
        let why = asked.approval.iter().take(12).map(|why| escape::line(why, 200)).collect();
        session.record(engine, vec![Event::ApprovalAsked { verdict: asked.verdict, until, why }]).await?;
        return Ok(Next::GoOn);
    }
    match gate::clear(&asked.verdict, subject(engine, session)?, now) {
        Cleared::Refused => {
            let reason = asked.verdict.decisive().map_or(Reason::Internal, Reason::from);
            session.record(engine, vec![Event::Blocked { reason, detail: asked.verdict.result().reason, verdict: Some(asked.verdict) }]).await?;
        }
        cleared => {
            let simulated = matches!(cleared, Cleared::Simulated(_));
            session.record(engine, vec![Event::Cleared { verdict: asked.verdict, simulated }]).await?;
        }
    }
    Ok(Next::GoOn)
}

/// Waits for a person.
pub async fn wait(engine: &Engine, session: &mut Session) -> Result<Next, StageError> {
    let repository = session.repository(engine).await?;
    if current_branch(engine, session, &repository).await?.is_none() {
        return Ok(Next::GoOn);
    }
    let now = engine.clock.now();
    if session.state.approval_until.is_some_and(|until| now >= until) {
        session.record(engine, vec![Event::Blocked { reason: Reason::ApprovalExpired, verdict: None, detail: "nobody approved it in time".into() }]).await?;
        return Ok(Next::GoOn);
    }
    Ok(later(now, Duration::from_secs(10)))
}

fn proof_finding(state: &Remediation, rules: &RepoRules) -> Finding {
    let required = match rules.prove {
        Prove::Sandbox => "red before and green after, in the sandbox",
        Prove::Ci => "left to the pull request's CI",
        Prove::Both => "red before and green after in the sandbox, or left to the pull request's CI with the reason",
    };
    let patch = state.proposal.as_ref().map(|proposal| &proposal.hash);
    match (&state.proof, &state.left_to_ci) {
        (Some(proof), _) if proof.proved && Some(&proof.patch) == patch => {
            Finding::passed(Check::Proof, "the fix is proved: red before, green after", "proved", required)
        }
        (Some(proof), _) if Some(&proof.patch) != patch => Finding::failed(Check::Proof, "the proof belongs to another patch", "another patch", required),
        (Some(_), _) => Finding::failed(Check::Proof, "the proof failed", "not proved", required),
        (None, Some(why)) if rules.prove != Prove::Sandbox => {
            Finding::passed(Check::Proof, format!("the proof is left to the pull request's CI: {why}"), "left to CI", required)
        }
        (None, _) => Finding::failed(Check::Proof, "there is no proof", "none", required),
    }
}

fn autonomy_finding(autonomy: Autonomy) -> Finding {
    let required = "draft or ready";
    match autonomy {
        Autonomy::Draft | Autonomy::Ready => {
            Finding::passed(Check::Autonomy, "the repository's autonomy allows a pull request", format!("{autonomy:?}").to_lowercase(), required)
        }
        Autonomy::Observe | Autonomy::Suggest => {
            Finding::failed(Check::Autonomy, "the repository's autonomy allows no pull request", format!("{autonomy:?}").to_lowercase(), required)
        }
    }
}

/// A fix runs code: what the workflows that start on account of it can get at.
///
/// GitHub takes some files from the fix and some from the default branch, so both are read.
async fn reach_finding(engine: &Engine, state: &Remediation, repository: &Repository, remote: &Remote, rules: &RepoRules) -> Result<Finding, StageError> {
    let required = "no secret and no write permission within reach, or the workflow named in the settings";
    if super::offer(engine) == gate::Offer::LocalBranch {
        // Its owner looks at it before it is pushed.
        return Ok(Finding::passed(Check::WorkflowReach, "nothing is pushed: a branch of this clone starts no workflow", "a local clone", required));
    }
    let key = &state.opening.key;
    let fix = key.branch.fix_branch(&key.sha);
    let mut within = Vec::new();
    let mut copies = workflow_files(engine, remote, &key.sha).await?.into_iter().map(|file| (Copy::Fix, file)).collect::<Vec<_>>();
    match default_head(engine, state, repository, remote).await? {
        Some(head) => {
            for file in workflow_files(engine, remote, &head).await? {
                match copies.iter_mut().find(|(_, other)| *other == file) {
                    Some((copy, _)) => *copy = Copy::Both,
                    None => copies.push((Copy::Default, file)),
                }
            }
        }
        None => within.push(format!("the workflows of the default branch `{}`: can't be read", repository.default_branch)),
    }
    let read: Vec<Option<Workflow>> = copies.iter().map(|(_, file)| file.text.as_deref().and_then(|text| Workflow::parse(text).ok())).collect();
    let files: Vec<File> =
        copies.iter().zip(&read).map(|((copy, file), workflow)| File { path: &file.path, copy: *copy, workflow: workflow.as_ref() }).collect();
    let branches = Branches { fix: fix.as_str(), base: key.branch.as_str(), default: repository.default_branch.as_str() };
    let mut started = 0;
    let mut token_writes = None;
    for (file, events) in files.iter().zip(workflow::started(&files, &Happening::OF_A_FIX, &branches)) {
        let name = file.path.strip_prefix(WORKFLOWS).unwrap_or(file.path);
        if events.is_empty() || rules.trusted_workflows.iter().any(|trusted| trusted == name || *trusted == file.path) {
            continue;
        }
        let of = if file.copy == Copy::Default { format!(" of `{}`", repository.default_branch) } else { String::new() };
        let Some(parsed) = file.workflow else {
            // GitHub may read what we can't.
            within.push(format!("{name}{of}: can't be read"));
            continue;
        };
        started += 1;
        let mut reach = workflow::reach(parsed);
        if reach.write_permissions.iter().any(|permission| permission == "default") {
            let writes = match token_writes {
                Some(known) => known,
                None => {
                    // No permission to ask, and no answer, count as write.
                    let writes = engine.forge.workflow_token_writes(&repository.slug).await.ok().flatten().unwrap_or(true);
                    token_writes = Some(writes);
                    writes
                }
            };
            if !writes {
                reach.write_permissions.retain(|permission| permission != "default");
            }
        }
        if !reach.is_harmless() {
            let by: Vec<String> = events.iter().map(|event| format!("`{event}` ({})", workflow::start::why(event))).collect();
            within.push(format!("{name}{of}: {}; started by {}", reach.parts().join("; "), by.join(", ")));
        }
    }
    Ok(if within.is_empty() {
        Finding::passed(Check::WorkflowReach, format!("{started} workflow(s) would start, with nothing in their reach"), "nothing", required)
    } else {
        Finding::failed(
            Check::WorkflowReach,
            format!("{} workflow(s) that the fix would start reach more than code", within.len()),
            within.len().to_string(),
            required,
        )
        .with_parts(within)
    })
}

const WORKFLOWS: &str = ".github/workflows/";

/// A workflow's file as it stands in a commit; no text where it is larger than what is read, or none.
#[derive(PartialEq, Eq)]
struct WorkflowFile {
    path: String,
    text: Option<String>,
}

/// The commit's workflow files.
async fn workflow_files(engine: &Engine, remote: &Remote, sha: &CommitSha) -> Result<Vec<WorkflowFile>, StageError> {
    let mut files = Vec::new();
    for entry in engine.git.list(remote, sha).await? {
        let Some(name) = entry.path.strip_prefix(WORKFLOWS) else { continue };
        if !(name.ends_with(".yml") || name.ends_with(".yaml")) || name.contains('/') {
            continue;
        }
        let content = engine.git.read_file(remote, sha, &entry.path, workflow::MAX_FILE + 1).await?;
        let text = content.filter(|content| content.bytes.len() <= workflow::MAX_FILE).map(|content| String::from_utf8_lossy(&content.bytes).into_owned());
        files.push(WorkflowFile { path: entry.path, text });
    }
    Ok(files)
}

/// The default branch's head, at hand in the mirror; nothing where there is no such branch.
async fn default_head(engine: &Engine, state: &Remediation, repository: &Repository, remote: &Remote) -> Result<Option<CommitSha>, StageError> {
    let key = &state.opening.key;
    if repository.default_branch == key.branch {
        return Ok(Some(key.sha.clone()));
    }
    let Some(head) = engine.git.remote_head(remote, &repository.default_branch).await? else { return Ok(None) };
    engine.git.fetch(remote, &repository.default_branch, &head).await?;
    Ok(Some(head))
}
