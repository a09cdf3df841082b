//! A step of the state machine, with a state of realistic size: an excerpt of 16 kB and a patch of 8 kB are carried along.

use chrono::DateTime;
use regreen::domain::gate::{Gate, Verdict};
use regreen::domain::ids::{BranchName, CommitSha, Fingerprint, PatchHash, RemediationKey, RepoId, RepoSlug};
use regreen::domain::remediation::{DiagnosisRecord, Event, Opening, ProposalRecord, Remediation};

fn main() {
    divan::main();
}

fn patching() -> Remediation {
    let key = RemediationKey {
        repo: RepoId(1),
        branch: BranchName::parse("feature/x").expect("a name"),
        sha: CommitSha::parse(&"a".repeat(40)).expect("an id"),
        generation: 0,
    };
    let opening = Opening {
        key,
        slug: RepoSlug::parse("o/r").expect("a name"),
        default_branch: BranchName::parse("main").expect("a name"),
        owner: Some("ada".into()),
        dry_run: false,
    };
    let diagnosis = DiagnosisRecord {
        fingerprint: Fingerprint::parse("0123456789abcdef").expect("a fingerprint"),
        category: "test_assertion".into(),
        confidence: 0.9,
        headline: "test a failed".into(),
        excerpt: "assertion failed\n".repeat(1000),
        failed_tests: vec!["a".into()],
        files: vec![("src/lib.rs".into(), Some(3))],
        steps: Vec::new(),
        fixable_by_code: true,
        rerun_could_help: false,
    };
    let at = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let verdict = Verdict::of(Gate::Admission, 0, Vec::new());
    let events =
        [Event::Opened { opening }, Event::Diagnosed { diagnosis }, Event::Admitted { verdict }, Event::Cloned { snapshot: "s".into() }, Event::PatchNeeded];
    Remediation::fold(events.iter().map(|event| (event, at))).expect("a legal chain")
}

#[divan::bench]
fn step(bencher: divan::Bencher) {
    let state = patching();
    let patch = "+a line of a patch\n".repeat(400);
    let proposal = ProposalRecord {
        attempt: 1,
        route: "r".into(),
        deterministic: false,
        response_id: None,
        explanation: String::new(),
        hash: PatchHash::of(&patch),
        patch,
        repairs: Vec::new(),
    };
    let event = Event::Proposed { proposal };
    let at = DateTime::from_timestamp(1_800_000_001, 0).expect("a time");
    bencher.bench(|| divan::black_box(&state).apply(divan::black_box(&event), at));
}
