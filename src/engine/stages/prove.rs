//! Testing: red before for CI's reason, green after, in a sandbox.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use super::workspace::{NotPrepared, Ran, Workspace, is_lock, limits, sandbox, tail};
use crate::domain::ids::RemediationId;
use crate::domain::patch::FileChange;
use crate::domain::proof::{self, FailureIdentity, GreenAfter, RedBefore, RunEvidence, Unit, Widening, WiderRuns};
use crate::domain::remediation::{CommandRecord, Event, ProofRecord, ProposalRecord, Reason, RunRecord, SetupStep};
use crate::domain::render::escape;
use crate::domain::rules::Prove;
use crate::engine::session::{Next, Session};
use crate::engine::stages::propose;
use crate::engine::{Engine, StageError, evidence};

/// The failing command before the patch, for the attempts of one remediation in this process.
pub struct Red {
    ran: Ran,
    identity: FailureIdentity,
}

/// See [`Red`]. Bounded: a remediation that is gone gives its place to another.
#[derive(Default)]
pub struct RedCache(Mutex<HashMap<RemediationId, Arc<Red>>>);

const REDS: usize = 16;

impl RedCache {
    fn get(&self, id: &RemediationId) -> Option<Arc<Red>> {
        self.lock().get(id).cloned()
    }

    /// Whether the failing command was seen red already.
    pub fn has(&self, id: &RemediationId) -> bool {
        self.lock().contains_key(id)
    }

    /// Keeps what was seen.
    pub fn put(&self, id: &RemediationId, ran: Ran) -> Arc<Red> {
        let identity = evidence::identity(&evidence::of_output(&ran.output));
        let red = Arc::new(Red { ran, identity });
        let mut reds = self.lock();
        if reds.len() >= REDS
            && let Some(some) = reds.keys().next().cloned()
        {
            reds.remove(&some);
        }
        reds.insert(id.clone(), red.clone());
        red
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RemediationId, Arc<Red>>> {
        // A panic while the map was held leaves it whole: every change is one insertion or removal.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Proves the patch in hand.
pub async fn run(engine: &Engine, session: &mut Session, stop: &CancellationToken) -> Result<Next, StageError> {
    let Some(proposal) = session.state.proposal.clone() else { return Err(StageError::End(Reason::Internal, "there is no patch to prove".into())) };
    let rules = engine.rules.of(&session.state.opening.slug).clone();
    let may_leave = rules.prove != Prove::Sandbox;
    let (Some(command), None) = (session.state.command.clone(), session.state.left_to_ci.clone()) else {
        if !may_leave {
            let why = session.state.left_to_ci.clone().unwrap_or_else(|| "the failing command is not known".into());
            return Err(StageError::End(Reason::NotReproducible, why));
        }
        session.record(engine, vec![Event::Proved { proof: None }]).await?;
        return Ok(Next::GoOn);
    };
    let outcome = match prove(engine, session, &proposal, &command, stop).await {
        Ok(outcome) => outcome,
        Err(NotPrepared::NoSandbox(why)) if may_leave => Outcome::Left(format!("untrusted code is not run on this machine: {why}")),
        // What the tool printed is below the first line.
        Err(NotPrepared::Setup(why)) if may_leave => Outcome::Left(why.lines().next().unwrap_or_default().to_owned()),
        Err(error) => return Err(error.end()),
    };
    if stop.is_cancelled() {
        return Err(StageError::LetGo);
    }
    let events = match outcome {
        Outcome::Judged(record, evidence) => match evidence {
            None => vec![Event::Proved { proof: Some(*record) }],
            Some(evidence) => vec![Event::ProofFailed { proof: *record, evidence }],
        },
        Outcome::Left(why) if may_leave => vec![Event::LeftToCi { why }, Event::Proved { proof: None }],
        Outcome::Left(why) => return Err(StageError::End(Reason::NotReproducible, why)),
        Outcome::NotReproduced(why) => return Err(StageError::End(Reason::NotReproduced, why)),
    };
    session.record(engine, events).await?;
    Ok(Next::GoOn)
}

enum Outcome {
    /// Judged; evidence for the next attempt where it is not proved.
    Judged(Box<ProofRecord>, Option<String>),
    /// It can't be run here for CI's reason.
    Left(String),
    /// It is green here.
    NotReproduced(String),
}

async fn prove(
    engine: &Engine,
    session: &mut Session,
    proposal: &ProposalRecord,
    command: &CommandRecord,
    stop: &CancellationToken,
) -> Result<Outcome, NotPrepared> {
    let repository = session.repository(engine).await?;
    let remote = engine.remote(&repository).await?;
    let rules = engine.rules.of(&repository.slug);
    let limits = limits(engine, rules.timeout);
    let sha = session.state.opening.key.sha.clone();
    let id = session.state.id.clone();
    let ci = session.state.diagnosis.as_ref().map(evidence::identity_of).unwrap_or_default();

    let red = match engine.seen_red.get(&id) {
        Some(red) => red,
        None => {
            let workspace = Workspace::prepare(engine, &remote, &sha, &command.setup, limits, stop).await?;
            let ran = workspace.run_command(engine, command, limits, stop).await?;
            engine.seen_red.put(&id, ran)
        }
    };
    let before = RunEvidence {
        command: &command.script,
        exit: &red.ran.exit,
        output: &red.ran.output,
        identity: Some(&red.identity),
        results: red.ran.results.as_ref(),
    };
    let judged = proof::judge(&ci, &before, None, Widening::NotYet);
    match &judged.red {
        RedBefore::Same { .. } => {}
        RedBefore::Green => return Ok(Outcome::NotReproduced(judged.summary.join("; "))),
        RedBefore::DifferentFailure { .. } | RedBefore::NotRun(_) => return Ok(Outcome::Left(judged.summary.join("; ") + &command.gone_without())),
    }

    // A fresh tree: nothing that the red run left behind can turn it green.
    let applied = propose::reapply(engine, &remote, &sha, &proposal.patch).await?;
    let (mut workspace, mut green) = (None, None);
    if !read_by_setup(&applied.files, &command.setup) {
        let tree = Workspace::prepare(engine, &remote, &sha, &command.setup, limits, stop).await?;
        tree.write(&applied.files).await?;
        let ran = tree.run_command(engine, command, limits, stop).await?;
        let seen = RunEvidence { command: &command.script, exit: &ran.exit, output: &ran.output, identity: None, results: ran.results.as_ref() };
        // Red with a code of its own: the set-up may have installed or built the project, and what was run is the code before the patch.
        let stale = !command.setup.is_empty() && ran.code().is_some() && !proof::judge(&ci, &before, Some(&seen), Widening::NotYet).holds();
        (workspace, green) = (Some(tree), (!stale).then_some(ran));
    }
    let (workspace, green) = match (workspace, green) {
        (Some(tree), Some(ran)) => (tree, ran),
        _ => match Workspace::prepare_patched(engine, (&remote, &sha), &applied.files, &command.setup, limits, stop).await {
            Ok(tree) => {
                let ran = tree.run_command(engine, command, limits, stop).await?;
                (tree, ran)
            }
            // Without the patch it went through, as it was run then.
            Err(NotPrepared::Setup(why)) if !stop.is_cancelled() => return set_up_fails(engine, proposal, command, &red, judged.summary, &why),
            Err(error) => return Err(error),
        },
    };
    let after_identity = (green.code() != Some(0)).then(|| evidence::identity(&evidence::of_output(&green.output)));
    let after =
        RunEvidence { command: &command.script, exit: &green.exit, output: &green.output, identity: after_identity.as_ref(), results: green.results.as_ref() };
    let mut judged = proof::judge(&ci, &before, Some(&after), Widening::NoCommand);

    let mut wider_ran = None;
    if judged.holds()
        && let Some(test) = rules.test.as_ref().filter(|test| **test != command.script)
    {
        let wider = CommandRecord {
            script: test.clone(),
            shell: "bash".into(),
            directory: String::new(),
            env: command.env.clone(),
            setup: Vec::new(),
            without: Vec::new(),
        };
        let ran = workspace.run_command(engine, &wider, limits, stop).await?;
        let ran_identity = (ran.code() != Some(0)).then(|| evidence::identity(&evidence::of_output(&ran.output)));
        let seen = RunEvidence { command: test, exit: &ran.exit, output: &ran.output, identity: ran_identity.as_ref(), results: ran.results.as_ref() };
        let mut base = None;
        if proof::wider_needs_before(&after, &seen) {
            // Red, or with as little to say, as well without the patch is no reproach to it.
            let untouched = Workspace::prepare(engine, &remote, &sha, &command.setup, limits, stop).await?;
            base = Some(untouched.run_command(engine, &wider, limits, stop).await?);
        }
        let base_identity = base.as_ref().map(|base| evidence::identity(&evidence::of_output(&base.output)));
        let base_evidence = base.as_ref().map(|base| RunEvidence {
            command: test,
            exit: &base.exit,
            output: &base.output,
            identity: base_identity.as_ref(),
            results: base.results.as_ref(),
        });
        judged = proof::judge(&ci, &before, Some(&after), Widening::Ran(WiderRuns { before: base_evidence, after: seen }));
        wider_ran = Some((test.clone(), ran));
    }

    let holds = judged.holds();
    let record = ProofRecord {
        patch: proposal.hash.clone(),
        proved: holds,
        before: run_record(&command.script, &red.ran),
        after: Some(run_record(&command.script, &green)),
        wider: wider_ran.as_ref().map(|(test, ran)| run_record(test, ran)),
        sentences: judged.summary.clone(),
        sandbox: sandbox(engine)?.kind().to_string(),
    };
    if holds {
        return Ok(Outcome::Judged(Box::new(record), None));
    }
    if let Some(GreenAfter::NotRun(proof::NotRun::CutOff { .. })) = &judged.green
        && stop.is_cancelled()
    {
        return Err(StageError::LetGo.into());
    }
    let shown = wider_ran.as_ref().map_or(&green.output, |(_, ran)| &ran.output);
    let read = evidence::record(&evidence::of_output(shown), Vec::new());
    let (patch, verdict) = (escape::bounded(&proposal.patch, 2000), judged.summary[1..].join(" "));
    let told = format!("This patch was applied and the command was run again. {verdict}\nThe patch:\n{patch}\nWhat was printed:\n{}", read.excerpt);
    Ok(Outcome::Judged(Box::new(record), Some(told)))
}

/// Whether the set-up reads one of the files, as far as names tell: a manifest or a lock file, or a file that a step names.
fn read_by_setup(files: &[FileChange], setup: &[SetupStep]) -> bool {
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    !setup.is_empty() && files.iter().map(|file| name(&file.path)).any(|name| is_lock(&name) || setup.iter().any(|step| step.script.contains(&name)))
}

/// The set-up fails with the patch: said to the next attempt.
fn set_up_fails(
    engine: &Engine,
    proposal: &ProposalRecord,
    command: &CommandRecord,
    red: &Red,
    mut sentences: Vec<String>,
    why: &str,
) -> Result<Outcome, NotPrepared> {
    let after = format!("After the patch the set-up fails: {}.", escape::line(why, 300));
    let told = format!("This patch was applied, and then {why}\nThe patch:\n{}", escape::bounded(&proposal.patch, 2000));
    sentences.push(after);
    let record = ProofRecord {
        patch: proposal.hash.clone(),
        proved: false,
        before: run_record(&command.script, &red.ran),
        after: None,
        wider: None,
        sentences,
        sandbox: sandbox(engine)?.kind().to_string(),
    };
    Ok(Outcome::Judged(Box::new(record), Some(told)))
}

fn run_record(command: &str, ran: &Ran) -> RunRecord {
    let seen = RunEvidence { command, exit: &ran.exit, output: &ran.output, identity: None, results: ran.results.as_ref() };
    let report = seen.report();
    RunRecord {
        command: escape::bounded(command, 2000),
        exit_code: ran.code(),
        seconds: ran.seconds,
        // Packages are no tests.
        tests: (!report.is_empty() && report.unit == Unit::Tests).then(|| u32::try_from(report.ran).unwrap_or(u32::MAX)),
        tail: tail(&ran.output, 2000),
    }
}
