//! What people read at the end of a remediation: the pull request, the commit, the comment and the message, as one snapshot an ending.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::{alert, pull};
use crate::domain::breaker::CircuitState;
use crate::domain::gate::{self, Check, Finding, Gate, Offer, Protection, Verdict};
use crate::domain::ids::{BranchName, CommitSha, Fingerprint, PatchHash, PullNumber, RemediationKey, RepoId, RepoSlug, RunId};
use crate::domain::remediation::{
    AttachedRun, CommandRecord, DiagnosisRecord, Event, FailedStepRecord, Opening, ProofRecord, ProposalRecord, PullRecord, Reason, Remediation, RunRecord,
    Spent,
};

const PATCH: &str = "diff --git a/src/price.rs b/src/price.rs\n--- a/src/price.rs\n+++ b/src/price.rs\n@@ -1,3 +1,3 @@\n pub fn total(net: u64, tax: u64) -> u64 {\n-    net - tax\n+    net + tax\n }\n";

fn at(n: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + i64::try_from(n).unwrap(), 0).unwrap()
}

fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

fn sha(digit: &str) -> CommitSha {
    CommitSha::parse(&digit.repeat(40)).unwrap()
}

/// A verdict in which `wrong` stand in the place of what would hold.
fn verdict(at: Gate, risk: u8, wrong: Vec<Finding>) -> Verdict {
    let broken = branch("grace/prices");
    let mut all = wrong;
    let usual = [
        gate::risk_score(risk, 6, vec!["+1 src/price.rs: 2 lines changed".into()]),
        gate::circuit(CircuitState::Closed, 0, false, None),
        gate::protected_branch(Offer::PullRequest, &broken, &branch("main"), &Protection::Open, None),
        gate::dry_run(false),
        gate::snapshot(Some("s-1"), Ok(())),
    ];
    for finding in usual {
        if !all.iter().any(|other| other.check == finding.check) {
            all.push(finding);
        }
    }
    for check in at.required() {
        if !all.iter().any(|other| other.check == *check) {
            all.push(Finding::passed(*check, format!("{check} holds"), "as it should be", "as it should be"));
        }
    }
    Verdict::of(at, risk, all)
}

fn opened(name: &str, dry_run: bool) -> Vec<Event> {
    let key = RemediationKey { repo: RepoId(7), branch: branch(name), sha: sha("a"), generation: 0 };
    let run = AttachedRun {
        run: RunId(41),
        attempt: 2,
        workflow: "tests".into(),
        path: ".github/workflows/ci.yml".into(),
        url: "https://github.com/acme/shop/actions/runs/41".into(),
        trigger: "push".into(),
        started_at: at(0),
    };
    let diagnosis = DiagnosisRecord {
        fingerprint: Fingerprint::parse("0123456789abcdef").unwrap(),
        category: "test_assertion".into(),
        confidence: 0.93,
        headline: "price::tests::adds_tax: assertion failed: left 90, right 110".into(),
        excerpt: "---- price::tests::adds_tax stdout ----\nassertion `left == right` failed\n  left: 90\n right: 110".into(),
        failed_tests: vec!["price::tests::adds_tax".into()],
        files: vec![("src/price.rs".into(), Some(12))],
        steps: vec![FailedStepRecord {
            run: RunId(41),
            workflow: "tests".into(),
            path: ".github/workflows/ci.yml".into(),
            job: "unit (stable)".into(),
            step: "cargo test".into(),
            number: 4,
        }],
        fixable_by_code: true,
        rerun_could_help: false,
    };
    let opening = Opening { key, slug: RepoSlug::parse("acme/shop").unwrap(), default_branch: branch("main"), owner: Some("grace".into()), dry_run };
    vec![Event::Opened { opening }, Event::RunAttached { run }, Event::Diagnosed { diagnosis }]
}

fn proposed() -> Vec<Event> {
    let proposal = ProposalRecord {
        attempt: 1,
        route: "gateway".into(),
        deterministic: false,
        response_id: Some("resp-1".into()),
        explanation: "The tax is added, not taken off.".into(),
        patch: PATCH.into(),
        hash: PatchHash::of(PATCH),
        repairs: vec![],
    };
    let command =
        CommandRecord { shell: "bash".into(), script: "cargo test".into(), directory: String::new(), env: BTreeMap::new(), setup: vec![], without: vec![] };
    vec![
        Event::Admitted { verdict: verdict(Gate::Admission, 0, vec![Finding::not_yet(Check::RiskScore, "there is no patch yet")]) },
        Event::Cloned { snapshot: "s-1".into() },
        Event::CommandResolved { command },
        Event::PatchNeeded,
        Event::ModelAnswered { route: "gateway".into(), spent: Spent { tokens: 2_345, cost_usd: 0.0123 }, ok: true },
        Event::Proposed { proposal },
    ]
}

fn run(exit: i32, tests: u32) -> RunRecord {
    RunRecord { command: "cargo test".into(), exit_code: Some(exit), seconds: 3.25, tests: Some(tests), tail: String::new() }
}

fn proof(proved: bool) -> ProofRecord {
    let sentences = if proved {
        vec!["Red before the patch, for CI's reason.".to_owned(), "After it the failing test passes, and no fewer tests ran.".to_owned()]
    } else {
        vec!["After the patch it is still red: `price::tests::adds_tax` fails.".to_owned()]
    };
    ProofRecord {
        patch: PatchHash::of(PATCH),
        proved,
        before: run(101, 12),
        after: Some(run(if proved { 0 } else { 101 }, 12)),
        wider: proved.then(|| run(0, 12)),
        sentences,
        sandbox: "bwrap 0.8: no network, no credentials".into(),
    }
}

fn cleared() -> Vec<Event> {
    vec![
        Event::GatePassed { verdict: verdict(Gate::Gating, 2, vec![]) },
        Event::Proved { proof: Some(proof(true)) },
        Event::Cleared { verdict: verdict(Gate::Clearing, 2, vec![]), simulated: false },
    ]
}

fn published(unproven: bool) -> Event {
    let pull = PullRecord {
        number: PullNumber(12),
        url: "https://github.com/acme/shop/pull/12".into(),
        base: branch("grace/prices"),
        head: branch("agent-fix/grace/prices-aaaaaaaaaaaa"),
        draft: true,
        node_id: "PR_12".into(),
    };
    Event::Published { branch: pull.head.clone(), commit: sha("b"), pull: Some(pull), unproven }
}

/// The endings that people see most, by name.
fn endings() -> Vec<(&'static str, Vec<Event>)> {
    let offered = |rest: Vec<Event>| [opened("grace/prices", false), proposed(), cleared(), vec![published(false)], rest].concat();
    let seen = |reason, draft| Event::PullSeen { reason, draft };
    let refused = |wrong: Finding, risk: u8, reason: Reason| {
        let verdict = verdict(Gate::Gating, risk, vec![wrong]);
        let detail = verdict.result().reason;
        [opened("grace/prices", false), proposed(), vec![Event::Blocked { reason, detail, verdict: Some(verdict) }]].concat()
    };
    let protected = gate::protected_branch(Offer::PullRequest, &branch("main"), &branch("main"), &Protection::Open, None);
    let at_admission = verdict(Gate::Admission, 0, vec![protected, Finding::not_yet(Check::RiskScore, "there is no patch yet")]);
    let weakened = Finding::failed(Check::TestIntegrity, "the patch weakens tests in 1 place(s)", "1 place(s)", "no test weakened")
        .with_parts(vec!["tests/price.rs:9: test `adds_tax` has 0 assertions in place of 1".into()]);
    let asked = verdict(Gate::Clearing, 4, vec![gate::approval(&["risk 4/10 is above the 3 up to which nobody is asked".into()], None)]);
    let until_clearing = || [opened("grace/prices", false), proposed(), cleared()[..2].to_vec()].concat();
    vec![
        ("ready-for-review", offered(vec![seen(Reason::ReadyForReview, false)])),
        ("merged", offered(vec![seen(Reason::ReadyForReview, false), Event::Completed { reason: Reason::Merged }])),
        ("ci-not-triggered", offered(vec![seen(Reason::CiNotTriggered, true)])),
        (
            "left-to-ci",
            [
                opened("grace/prices", false),
                proposed(),
                vec![
                    Event::GatePassed { verdict: verdict(Gate::Gating, 2, vec![]) },
                    Event::LeftToCi { why: "the job needs the service `postgres`".into() },
                    Event::Proved { proof: None },
                    Event::Cleared { verdict: verdict(Gate::Clearing, 2, vec![]), simulated: false },
                    published(true),
                ],
            ]
            .concat(),
        ),
        (
            "protected-branch",
            [
                opened("main", false),
                vec![Event::Blocked { reason: Reason::ProtectedBranch, detail: at_admission.result().reason, verdict: Some(at_admission.clone()) }],
            ]
            .concat(),
        ),
        ("risk-too-high", refused(gate::risk_score(8, 6, vec!["+5 newly starts processes and talks to the network".into()]), 8, Reason::RiskTooHigh)),
        ("test-integrity", refused(weakened, 3, Reason::TestIntegrity)),
        (
            "awaiting-approval",
            [
                until_clearing(),
                vec![Event::ApprovalAsked { verdict: asked, until: at(86_400), why: vec!["risk 4/10 is above the 3 up to which nobody is asked".into()] }],
            ]
            .concat(),
        ),
        (
            "not-proved",
            [
                opened("grace/prices", false),
                proposed(),
                vec![
                    Event::GatePassed { verdict: verdict(Gate::Gating, 2, vec![]) },
                    Event::ProofFailed { proof: proof(false), evidence: "still red".into() },
                    Event::Failed { reason: Reason::NotProved, detail: "3 patches were tried, none of them could be proved".into() },
                ],
            ]
            .concat(),
        ),
        ("head-moved", offered(vec![Event::Superseded { reason: Reason::HeadMoved }])),
        ("cancelled", [until_clearing(), vec![Event::Cancelled { by: "ann".into(), why: "the branch is thrown away".into() }]].concat()),
        (
            "dry-run",
            [
                opened("grace/prices", true),
                proposed(),
                vec![
                    Event::GatePassed { verdict: verdict(Gate::Gating, 2, vec![gate::dry_run(true)]) },
                    Event::Proved { proof: Some(proof(true)) },
                    Event::Cleared { verdict: verdict(Gate::Clearing, 2, vec![gate::dry_run(true)]), simulated: true },
                    Event::Recorded { branch: branch("agent-fix/grace/prices-aaaaaaaaaaaa"), writes: vec!["push agent-fix/grace/prices-aaaaaaaaaaaa".into()] },
                    Event::Completed { reason: Reason::DryRun },
                ],
            ]
            .concat(),
        ),
    ]
}

/// Everything that leaves the house about one state.
fn documents(state: &Remediation) -> String {
    let mut text = String::new();
    let message = alert::message(state, Some("U123"), "https://regreen.example/jobs/r");
    let _ = writeln!(text, "=== phase {} · reason {}", state.phase, state.reason.map_or("none", Reason::code));
    let _ = writeln!(text, "=== Slack, fallback\n{}", message.fallback);
    let _ = writeln!(text, "=== Slack, blocks\n{}", serde_json::to_string_pretty(&message.blocks).unwrap());
    if state.branch.is_some() {
        let _ = writeln!(text, "=== commit\n{}\n\n{}", pull::title(state), pull::commit_body(state));
        for (key, value) in pull::trailers(state) {
            let _ = writeln!(text, "{key}: {value}");
        }
        let _ = writeln!(text, "=== pull request: {}\n{}", pull::title(state), pull::body(state, state.proof.is_none()));
        let _ = writeln!(text, "=== comment\n{}", pull::commit_comment(state));
    }
    text
}

#[test]
fn what_people_read_at_each_ending() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| {
        let endings = endings();
        assert!(endings.len() >= 10);
        for (name, events) in endings {
            let state = Remediation::fold(events.iter().zip(0..).map(|(event, n)| (event, at(n)))).unwrap_or_else(|error| panic!("{name}: {error}"));
            insta::assert_snapshot!(format!("ending-{name}"), documents(&state));
        }
    });
}
