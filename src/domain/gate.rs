//! The safety gates: checks in, a verdict tree out, and from the last gate a [`Clearance`].
//!
//! Every check is always evaluated, so that the reader sees all that failed and not the first. What could not be found
//! out counts as failed. The gates are asked three times: *admission* before anything is paid for, *gating* before
//! anything is run, *clearing* before anything is written. Only [`clear`] makes a [`Clearance`], and only a
//! [`Clearance`] opens the write side.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::breaker::CircuitState;
use super::ids::{BranchName, CommitSha, PatchHash, RepoId};

/// How long a clearance holds: long enough for a push and a pull request, short enough that the world is as it was seen.
pub const CLEARANCE_HOLDS: Duration = Duration::minutes(5);

/// The checks. The first five are mandatory by name; the rest stand beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Mandatory 1: the risk score is within the repository's limit.
    RiskScore,
    /// Mandatory 2: the circuit of this failure signature lets it through.
    Circuit,
    /// Mandatory 3: the branch is not protected.
    ProtectedBranch,
    /// Mandatory 4: dry-run is off.
    DryRun,
    /// Mandatory 5: a snapshot is stored and can be restored.
    Snapshot,
    /// The patch does not weaken tests.
    TestIntegrity,
    /// The patch touches only what it may.
    Paths,
    /// The budget allows it.
    Budget,
    /// Nobody has paused regreen here, and the pull request has no opt-out label.
    NotStopped,
    /// The branch's head is still the commit that was fixed.
    HeadUnmoved,
    /// The fix is proved, or the settings leave the proof to CI.
    Proof,
    /// No workflow that the fix would start reaches secrets or write permissions, or a person approved it.
    WorkflowReach,
    /// The repository's autonomy allows a pull request.
    Autonomy,
    /// Nothing is left that a person has to say yes to, or a person said it.
    Approval,
}

impl Check {
    /// The mandatory five, in the order in which they are told.
    pub const MANDATORY: [Check; 5] = [Check::RiskScore, Check::Circuit, Check::ProtectedBranch, Check::DryRun, Check::Snapshot];

    /// The name used in JSON and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Check::RiskScore => "risk_score",
            Check::Circuit => "circuit",
            Check::ProtectedBranch => "protected_branch",
            Check::DryRun => "dry_run",
            Check::Snapshot => "snapshot",
            Check::TestIntegrity => "test_integrity",
            Check::Paths => "paths",
            Check::Budget => "budget",
            Check::NotStopped => "not_stopped",
            Check::HeadUnmoved => "head_unmoved",
            Check::Proof => "proof",
            Check::WorkflowReach => "workflow_reach",
            Check::Autonomy => "autonomy",
            Check::Approval => "approval",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// When the gates are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Before anything is paid for.
    Admission,
    /// Before anything of the patch is run.
    Gating,
    /// Before anything is written.
    Clearing,
}

impl Gate {
    /// The checks that must be present at this gate. One that nobody reported counts as failed, and without all of them no clearance is
    /// made; so a check that is forgotten in the flow closes the gate and does not open it.
    pub const fn required(self) -> &'static [Check] {
        use Check::{
            Approval, Autonomy, Budget, Circuit, DryRun, HeadUnmoved, NotStopped, Paths, Proof, ProtectedBranch, RiskScore, Snapshot, TestIntegrity,
            WorkflowReach,
        };
        match self {
            Gate::Admission => &[RiskScore, Circuit, ProtectedBranch, DryRun, Snapshot, Budget, NotStopped],
            Gate::Gating => &[RiskScore, Circuit, ProtectedBranch, DryRun, Snapshot, TestIntegrity, Paths, Budget, NotStopped],
            Gate::Clearing => &[
                RiskScore,
                Circuit,
                ProtectedBranch,
                DryRun,
                Snapshot,
                TestIntegrity,
                Paths,
                Budget,
                NotStopped,
                HeadUnmoved,
                Proof,
                WorkflowReach,
                Autonomy,
                Approval,
            ],
        }
    }
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It holds.
    Passed,
    /// It does not hold.
    Failed,
    /// It can't be asked yet at this gate (there is no patch, no snapshot): asked again later.
    NotYet,
}

/// One check's result: what was seen, and what is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which check.
    pub check: Check,
    /// How it came out.
    pub status: Status,
    /// One sentence for people.
    pub sentence: String,
    /// The value seen.
    pub seen: String,
    /// The value required.
    pub required: String,
    /// What it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
}

impl Finding {
    /// A check that holds.
    pub fn passed(check: Check, sentence: impl Into<String>, seen: impl Into<String>, required: impl Into<String>) -> Self {
        Self { check, status: Status::Passed, sentence: sentence.into(), seen: seen.into(), required: required.into(), parts: Vec::new() }
    }

    /// A check that does not hold.
    pub fn failed(check: Check, sentence: impl Into<String>, seen: impl Into<String>, required: impl Into<String>) -> Self {
        Self { status: Status::Failed, ..Self::passed(check, sentence, seen, required) }
    }

    /// A check that waits for a later gate.
    pub fn not_yet(check: Check, sentence: impl Into<String>) -> Self {
        Self { status: Status::NotYet, ..Self::passed(check, sentence, "", "") }
    }

    /// With what it rests on.
    pub fn with_parts(mut self, parts: Vec<String>) -> Self {
        self.parts = parts;
        self
    }
}

/// A gate's answer: a tree of findings that explains itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which gate.
    pub gate: Gate,
    /// Whether all of it holds.
    pub allowed: bool,
    /// 0 to 10; 0 before there is a patch.
    pub risk_score: u8,
    /// Every check that was asked.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Joins findings. A required check that nobody reported counts as failed: silence is no yes.
    pub fn of(gate: Gate, risk_score: u8, mut findings: Vec<Finding>) -> Self {
        for check in gate.required() {
            if !findings.iter().any(|finding| finding.check == *check) {
                findings.push(Finding::failed(*check, "the check was not evaluated", "nothing", "an answer"));
            }
        }
        findings.sort_by_key(|finding| finding.check);
        let allowed = findings.iter().all(|finding| match finding.status {
            Status::Passed => true,
            Status::Failed => false,
            Status::NotYet => gate != Gate::Clearing,
        });
        Self { gate, allowed, risk_score, findings }
    }

    /// The checks that failed; at clearing also those that were not asked.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.status == Status::Failed || (self.gate == Gate::Clearing && finding.status == Status::NotYet))
    }

    /// Whether `check` failed.
    pub fn failed(&self, check: Check) -> bool {
        self.failures().any(|finding| finding.check == check)
    }

    /// Whether dry-run is all that stands in the way: the flow goes on, on a simulated clearance. Nobody is asked for a yes to what
    /// will not be written, so a missing approval stands in nobody's way then.
    pub fn refused_by_dry_run_alone(&self) -> bool {
        self.failed(Check::DryRun) && self.failures().all(|finding| matches!(finding.check, Check::DryRun | Check::Approval))
    }

    /// The check that decided: the first failure in the order in which checks are told; dry-run comes last.
    pub fn decisive(&self) -> Option<Check> {
        self.failures().find(|finding| finding.check != Check::DryRun).or_else(|| self.failures().next()).map(|finding| finding.check)
    }

    /// The flat form of the result.
    pub fn result(&self) -> SafetyCheckResult {
        let reason =
            if self.allowed { "all checks passed".to_owned() } else { self.failures().map(|finding| finding.sentence.as_str()).collect::<Vec<_>>().join("; ") };
        SafetyCheckResult {
            allowed: self.allowed,
            reason,
            risk_score: self.risk_score,
            checks_passed: self.findings.iter().filter(|finding| finding.status == Status::Passed).map(|finding| finding.check).collect(),
            checks_failed: self.failures().map(|finding| finding.check).collect(),
        }
    }
}

/// The result that people and programs rely on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafetyCheckResult {
    /// Whether all of it holds.
    pub allowed: bool,
    /// All that failed, in sentences; or that nothing did.
    pub reason: String,
    /// 0 to 10.
    pub risk_score: u8,
    /// The checks that hold.
    pub checks_passed: Vec<Check>,
    /// The checks that don't.
    pub checks_failed: Vec<Check>,
}

/// How a fix is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// As a pull request into the broken branch, on the forge.
    PullRequest,
    /// As a branch of its own in a person's clone, at that person's command: nobody is asked to merge it, and no other ref changes.
    LocalBranch,
}

/// What is known of a branch's protection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protection {
    /// The forge said that nothing protects it.
    Open,
    /// The forge said that it is protected, and by what.
    Protected(String),
    /// The forge gave no answer, or the permission to ask is missing: counts as protected.
    Unknown(String),
}

/// Mandatory check 3. `patterns` are the operator's own, already compiled into an answer by the caller.
pub fn protected_branch(offer: Offer, branch: &BranchName, default_branch: &BranchName, protection: &Protection, operator_pattern: Option<&str>) -> Finding {
    let required = "a branch that nothing protects";
    let name = branch.as_str();
    let fail = |sentence: String, seen: &str| Finding::failed(Check::ProtectedBranch, sentence, seen, required);
    if offer == Offer::LocalBranch {
        return match operator_pattern {
            Some(pattern) => fail(format!("`{name}` is protected by the setting `{pattern}`"), "a protected pattern"),
            None => Finding::passed(
                Check::ProtectedBranch,
                format!("`{name}` is not written: the fix is left on a branch of its own in this clone"),
                "a local clone",
                required,
            ),
        };
    }
    if is_reserved(branch) {
        return fail(format!("`{name}` is never touched"), "a reserved name");
    }
    if branch == default_branch {
        return fail(format!("`{name}` is the default branch"), "the default branch");
    }
    if let Some(pattern) = operator_pattern {
        return fail(format!("`{name}` is protected by the setting `{pattern}`"), "a protected pattern");
    }
    match protection {
        Protection::Open => Finding::passed(Check::ProtectedBranch, format!("`{name}` is not protected"), "no protection, no restricting rule", required),
        Protection::Protected(by) => fail(format!("`{name}` is protected: {by}"), "protected"),
        Protection::Unknown(why) => fail(format!("it could not be told whether `{name}` is protected ({why}), which counts as protected"), "unknown"),
    }
}

/// `main` and `master`, in any case of letters.
fn is_reserved(branch: &BranchName) -> bool {
    branch.as_str().eq_ignore_ascii_case("main") || branch.as_str().eq_ignore_ascii_case("master")
}

/// Mandatory check 1.
pub fn risk_score(score: u8, limit: u8, reasons: Vec<String>) -> Finding {
    let (seen, required) = (format!("{score}/10"), format!("at most {limit}/10"));
    if score <= limit {
        Finding::passed(Check::RiskScore, format!("risk {score}/10 is within the limit of {limit}"), seen, required)
    } else {
        Finding::failed(Check::RiskScore, format!("risk {score}/10 is above the limit of {limit}"), seen, required)
    }
    .with_parts(reasons)
}

/// Mandatory check 2. `held` tells that this remediation is the single probe.
pub fn circuit(state: CircuitState, failures: u32, held: bool, until: Option<DateTime<Utc>>) -> Finding {
    let required = "closed, or half-open with this remediation as its probe";
    let seen = format!("{} after {failures} failure(s)", state.as_str());
    match (state, held) {
        (CircuitState::Closed, _) => Finding::passed(Check::Circuit, "the circuit for this failure is closed", seen, required),
        (CircuitState::HalfOpen, true) => Finding::passed(Check::Circuit, "the circuit is half-open, and this is its probe", seen, required),
        (CircuitState::HalfOpen, false) => Finding::failed(Check::Circuit, "the circuit is half-open, and another remediation is its probe", seen, required),
        (CircuitState::Open, _) => {
            let when = until.map_or(String::new(), |at| format!("; it may be probed from {}", at.format("%Y-%m-%d %H:%M:%S UTC")));
            Finding::failed(Check::Circuit, format!("the circuit for this failure is open after {failures} failures{when}"), seen, required)
        }
    }
}

/// Mandatory check 4.
pub fn dry_run(on: bool) -> Finding {
    if on {
        Finding::failed(Check::DryRun, "dry-run is on: nothing is written", "on", "off")
    } else {
        Finding::passed(Check::DryRun, "dry-run is off", "off", "off")
    }
}

/// Mandatory check 5. `restorable` is the answer of a read-back of the stored snapshot.
pub fn snapshot(id: Option<&str>, restorable: Result<(), String>) -> Finding {
    let required = "stored, whole and not expired";
    match (id, restorable) {
        (Some(id), Ok(())) => Finding::passed(Check::Snapshot, format!("snapshot `{id}` is stored and was read back"), "stored", required),
        (Some(id), Err(why)) => Finding::failed(Check::Snapshot, format!("snapshot `{id}` can't be restored: {why}"), "damaged", required),
        (None, _) => Finding::failed(Check::Snapshot, "no snapshot of the branch is stored", "none", required),
    }
}

/// Whether a person has to say yes. `questions` are what is asked, `by` who has said yes to them.
pub fn approval(questions: &[String], by: Option<&str>) -> Finding {
    let required = "nothing to ask, or a person's yes";
    match (questions.len(), by) {
        (0, _) => Finding::passed(Check::Approval, "nobody has to be asked", "nothing to ask", required),
        (n, Some(by)) => Finding::passed(Check::Approval, format!("{by} said yes to {n} question(s)"), "approved", required),
        (n, None) => Finding::failed(Check::Approval, format!("a person has to say yes to {n} question(s)"), "no answer", required),
    }
    .with_parts(questions.to_vec())
}

/// What a clearance is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// How the fix is offered.
    pub offer: Offer,
    /// The repository.
    pub repo: RepoId,
    /// The broken branch: the only base that a pull request may have.
    pub base_branch: BranchName,
    /// The commit that the fix branches from.
    pub base_sha: CommitSha,
    /// The one patch that was checked.
    pub patch: PatchHash,
}

/// The right to write one fix. It has no public constructor, is never stored, and runs out.
#[derive(Debug)]
pub struct Clearance {
    subject: Subject,
    expires_at: DateTime<Utc>,
}

/// What dry-run gets instead: it opens nothing but the recording interpreter.
#[derive(Debug)]
pub struct SimulatedClearance {
    subject: Subject,
}

/// What clearing gives.
#[derive(Debug)]
pub enum Cleared {
    /// Everything holds.
    Real(Clearance),
    /// Everything but dry-run holds.
    Simulated(SimulatedClearance),
    /// A check failed.
    Refused,
}

/// A clearance that does not fit what is to be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCleared {
    /// Too late.
    #[error("the clearance has expired; the gates must be asked again")]
    Expired,
    /// Another repository, branch, commit or patch.
    #[error("the clearance is for another {0}")]
    Other(&'static str),
}

/// The only place where a clearance is made: from the verdict of the clearing gate.
pub fn clear(verdict: &Verdict, subject: Subject, now: DateTime<Utc>) -> Cleared {
    let reserved = subject.base_branch.is_ours() || (subject.offer == Offer::PullRequest && is_reserved(&subject.base_branch));
    let told = Gate::Clearing.required().iter().all(|check| verdict.findings.iter().any(|finding| finding.check == *check));
    // The flags are not believed: `allowed` is asked of the findings again.
    let holds = verdict.gate == Gate::Clearing && told && !reserved;
    if holds && verdict.failures().next().is_none() {
        Cleared::Real(Clearance { subject, expires_at: now + CLEARANCE_HOLDS })
    } else if holds && verdict.refused_by_dry_run_alone() {
        Cleared::Simulated(SimulatedClearance { subject })
    } else {
        Cleared::Refused
    }
}

impl Clearance {
    /// What it is about.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Whether it covers writing `patch` on top of `base_sha` of `base_branch` at `now`.
    pub fn covers(&self, subject: &Subject, now: DateTime<Utc>) -> Result<(), NotCleared> {
        if now >= self.expires_at {
            return Err(NotCleared::Expired);
        }
        let mine = &self.subject;
        let differs = [
            (mine.offer != subject.offer, "way to offer it"),
            (mine.repo != subject.repo, "repository"),
            (mine.base_branch != subject.base_branch, "branch"),
            (mine.base_sha != subject.base_sha, "commit"),
            (mine.patch != subject.patch, "patch"),
        ];
        differs.into_iter().find(|(differs, _)| *differs).map_or(Ok(()), |(_, what)| Err(NotCleared::Other(what)))
    }
}

impl SimulatedClearance {
    /// What it is about.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }
}

/// Writes that are no fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallWrite {
    /// A comment.
    Comment,
    /// Failed jobs run again.
    Rerun,
    /// Our own pull request is marked ready, labelled, or closed; our own branch deleted.
    OwnPull,
    /// A rollback.
    Rollback,
}

/// The right to do one small write: dry-run is off and nobody has stopped us. No closed circuit is asked for.
#[derive(Debug)]
pub struct Permit {
    what: SmallWrite,
}

/// Why there is no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPermitted {
    /// Dry-run is on.
    #[error("dry-run is on")]
    DryRun,
    /// A person has paused regreen.
    #[error("regreen is paused")]
    Paused,
    /// The branch is protected, or its protection is unknown.
    #[error("the branch is protected")]
    Protected,
}

/// Makes a permit. What changes a branch's content (a rollback) or runs on it (a rerun) asks for the protection as well.
pub fn permit(what: SmallWrite, dry_run: bool, paused: bool, protection: &Finding) -> Result<Permit, NotPermitted> {
    if dry_run {
        return Err(NotPermitted::DryRun);
    }
    if paused {
        return Err(NotPermitted::Paused);
    }
    let asked = matches!(what, SmallWrite::Rerun | SmallWrite::Rollback);
    if asked && (protection.check != Check::ProtectedBranch || protection.status != Status::Passed) {
        return Err(NotPermitted::Protected);
    }
    Ok(Permit { what })
}

impl Permit {
    /// What it is for.
    pub fn what(&self) -> SmallWrite {
        self.what
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn branch(name: &str) -> BranchName {
        BranchName::parse(name).unwrap()
    }

    fn subject(name: &str) -> Subject {
        Subject {
            offer: Offer::PullRequest,
            repo: RepoId(1),
            base_branch: branch(name),
            base_sha: CommitSha::parse(&"a".repeat(40)).unwrap(),
            patch: PatchHash::of("x"),
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    /// The five mandatory checks as given, and the others as they should be.
    fn findings(protection: Finding) -> Vec<Finding> {
        let mut all = vec![risk_score(2, 5, vec![]), circuit(CircuitState::Closed, 0, false, None), protection, dry_run(false), snapshot(Some("s"), Ok(()))];
        let others = Gate::Clearing.required().iter().filter(|check| !Check::MANDATORY.contains(check));
        all.extend(others.map(|check| Finding::passed(*check, "it holds", "", "")));
        all
    }

    fn open(name: &str) -> Finding {
        protected_branch(Offer::PullRequest, &branch(name), &branch("trunk"), &Protection::Open, None)
    }

    #[test]
    fn a_check_that_was_not_told_has_failed() {
        let verdict = Verdict::of(Gate::Admission, 0, vec![dry_run(false)]);
        assert!(!verdict.allowed);
        assert_eq!(verdict.failures().count(), Gate::Admission.required().len() - 1);
    }

    #[test]
    fn not_yet_passes_admission_but_never_clearing() {
        let mut all = findings(open("a"));
        all[4] = Finding::not_yet(Check::Snapshot, "taken after admission");
        assert!(Verdict::of(Gate::Admission, 0, all.clone()).allowed);
        let clearing = Verdict::of(Gate::Clearing, 0, all);
        assert!(!clearing.allowed);
        assert!(matches!(clear(&clearing, subject("a"), now()), Cleared::Refused));
    }

    #[test]
    fn every_failure_is_told() {
        let all = vec![risk_score(9, 5, vec![]), circuit(CircuitState::Open, 3, false, None), open("main"), dry_run(true), snapshot(None, Ok(()))];
        let result = Verdict::of(Gate::Clearing, 9, all).result();
        assert_eq!(result.checks_failed, Gate::Clearing.required(), "all that failed, and all that nobody reported");
        assert_eq!(result.checks_passed, []);
        assert!(!result.allowed && result.reason.contains("risk 9/10") && result.reason.contains("dry-run"));
    }

    #[test]
    fn dry_run_alone_simulates() {
        let mut all = findings(open("a"));
        all[3] = dry_run(true);
        let verdict = Verdict::of(Gate::Clearing, 2, all.clone());
        assert!(matches!(clear(&verdict, subject("a"), now()), Cleared::Simulated(_)));
        all[0] = risk_score(9, 5, vec![]);
        assert!(matches!(clear(&Verdict::of(Gate::Clearing, 9, all), subject("a"), now()), Cleared::Refused));
    }

    #[test]
    fn a_forged_flag_opens_nothing() {
        let mut verdict = Verdict::of(Gate::Clearing, 0, findings(open("main")));
        verdict.allowed = true;
        assert!(matches!(clear(&verdict, subject("main"), now()), Cleared::Refused));
        let empty = Verdict { gate: Gate::Clearing, allowed: true, risk_score: 0, findings: vec![] };
        assert!(matches!(clear(&empty, subject("a"), now()), Cleared::Refused));
        let early = Verdict::of(Gate::Gating, 0, findings(open("a")));
        assert!(early.allowed && matches!(clear(&early, subject("a"), now()), Cleared::Refused));
    }

    /// Whichever check a refactoring forgets to report, no clearance is made.
    #[test]
    fn without_one_of_the_required_checks_nothing_is_cleared() {
        let whole = findings(open("a"));
        assert!(matches!(clear(&Verdict::of(Gate::Clearing, 2, whole.clone()), subject("a"), now()), Cleared::Real(_)));
        for check in Gate::Clearing.required() {
            let mut without = whole.clone();
            without.retain(|finding| finding.check != *check);
            let built = Verdict { gate: Gate::Clearing, allowed: true, risk_score: 2, findings: without.clone() };
            for verdict in [Verdict::of(Gate::Clearing, 2, without), built] {
                let cleared = clear(&verdict, subject("a"), now());
                assert!(!matches!(cleared, Cleared::Real(_)), "cleared without {check}");
            }
        }
        for gate in [Gate::Admission, Gate::Gating, Gate::Clearing] {
            assert!(Check::MANDATORY.iter().all(|check| gate.required().contains(check)), "{gate:?}");
        }
    }

    #[test]
    fn a_question_without_an_answer_clears_nothing_and_a_dry_run_asks_nobody() {
        let questions = ["tests/a.py:3: the expected value changes".to_owned()];
        for (finding, status) in
            [(approval(&[], None), Status::Passed), (approval(&questions, None), Status::Failed), (approval(&questions, Some("ann")), Status::Passed)]
        {
            assert_eq!(finding.status, status, "{}", finding.sentence);
            let mut all = findings(open("a"));
            all.retain(|other| other.check != Check::Approval);
            all.push(finding);
            assert_eq!(matches!(clear(&Verdict::of(Gate::Clearing, 2, all.clone()), subject("a"), now()), Cleared::Real(_)), status == Status::Passed);
            all[3] = dry_run(true);
            assert!(matches!(clear(&Verdict::of(Gate::Clearing, 2, all), subject("a"), now()), Cleared::Simulated(_)));
        }
    }

    #[test]
    fn a_clearance_covers_one_write_for_a_while() {
        let Cleared::Real(clearance) = clear(&Verdict::of(Gate::Clearing, 2, findings(open("a"))), subject("a"), now()) else { panic!("refused") };
        assert_eq!(clearance.covers(&subject("a"), now()), Ok(()));
        assert_eq!(clearance.covers(&subject("a"), now() + CLEARANCE_HOLDS), Err(NotCleared::Expired));
        assert_eq!(clearance.covers(&subject("b"), now()), Err(NotCleared::Other("branch")));
        assert_eq!(clearance.covers(&Subject { patch: PatchHash::of("y"), ..subject("a") }, now()), Err(NotCleared::Other("patch")));
        assert_eq!(clearance.covers(&Subject { repo: RepoId(2), ..subject("a") }, now()), Err(NotCleared::Other("repository")));
    }

    #[test]
    fn permits() {
        let (shut, open) = (open("main"), open("a"));
        assert!(permit(SmallWrite::Comment, false, false, &shut).is_ok());
        assert_eq!(permit(SmallWrite::Rerun, false, false, &shut).unwrap_err(), NotPermitted::Protected);
        assert!(permit(SmallWrite::Rerun, false, false, &open).is_ok());
        // A finding of another check is no answer about protection.
        assert_eq!(permit(SmallWrite::Rollback, false, false, &dry_run(false)).unwrap_err(), NotPermitted::Protected);
        assert_eq!(permit(SmallWrite::Comment, true, false, &open).unwrap_err(), NotPermitted::DryRun);
        assert_eq!(permit(SmallWrite::Comment, false, true, &open).unwrap_err(), NotPermitted::Paused);
    }

    proptest! {
        #[test]
        fn no_failed_check_ever_clears(fail in proptest::collection::vec(prop::bool::weighted(0.1), 14), name in "[a-z]{1,8}(/[a-z]{1,8})?") {
            let shown = |check: Check, failed: bool| if failed { Finding::failed(check, "no", "", "") } else { Finding::passed(check, "yes", "", "") };
            let all = Gate::Clearing.required().iter().zip(&fail).map(|(check, failed)| shown(*check, *failed)).collect();
            let cleared = clear(&Verdict::of(Gate::Clearing, 0, all), subject(&name), now());
            prop_assert_eq!(matches!(cleared, Cleared::Real(_)), fail.iter().all(|failed| !failed) && name != "main" && name != "master");
        }
    }
}
