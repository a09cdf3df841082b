//! Never a protected branch: no name, no protection and no setting clears a write on one, and open branches do clear.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use regreen::domain::breaker::CircuitState;
use regreen::domain::gate::{self, Check, Cleared, Finding, Gate, Offer, Protection, SmallWrite, Status, Subject, Verdict};
use regreen::domain::ids::{BranchName, CommitSha, PatchHash, RepoId};
use regreen::domain::rules::{Pattern, RepoRules};

/// One world: a broken branch, its repository, and what the operator and the forge say.
#[derive(Debug, Clone)]
struct Case {
    offer: Offer,
    branch: BranchName,
    default: BranchName,
    protection: Protection,
    patterns: Vec<&'static str>,
    dry_run: bool,
    /// Another check than protection that refuses.
    other: Option<Check>,
}

fn names() -> impl Strategy<Value = String> {
    let known = select(vec![
        "main",
        "Main",
        "MAIN",
        "mAiN",
        "master",
        "MASTER",
        "Master",
        "trunk",
        "Trunk",
        "TRUNK",
        "develop",
        "release/1.0",
        "release/1/0",
        "hotfix",
        "gh-pages",
        "main/x",
        "x/main",
        "mainline",
        "main-2",
        "refs/heads/main",
        "heads/main",
        "agent-fix/main-0123456789ab",
        "agent-fix/x",
        "Agent-Fix/x",
        "HEAD-main",
        // Letters that look like others: different branches, which GitHub keeps apart as well.
        "m\u{0430}in",
        "\u{ff4d}ain",
        "ma\u{0131}n",
        "main\u{200b}",
        "ma\u{00ad}in",
        "mаster",
        "ｍaster",
        "trunк",
    ]);
    // Names as people give them are the most, so that an open branch is no rare case.
    prop_oneof![2 => known.prop_map(str::to_owned), 5 => "[a-z]{1,6}(/[a-z0-9]{1,6}){0,2}", 1 => "\\PC{1,24}"]
}

fn cases() -> impl Strategy<Value = Case> {
    let protection = prop_oneof![
        6 => Just(Protection::Open),
        1 => "[a-z ]{0,12}".prop_map(Protection::Protected),
        1 => "[a-z ]{0,12}".prop_map(Protection::Unknown),
    ];
    let patterns = proptest::collection::vec(select(vec!["release/**", "hotfix", "*", "**", "[Mm]ain*", "x/**", "{develop,gh-pages}"]), 0..2);
    // Mostly none: an operator's `**` protects everything.
    let patterns = prop_oneof![3 => Just(Vec::new()), 1 => patterns];
    let other = prop_oneof![9 => Just(None), 1 => select(vec![Check::RiskScore, Check::Circuit, Check::Snapshot, Check::Proof]).prop_map(Some)];
    let offer = prop_oneof![4 => Just(Offer::PullRequest), 1 => Just(Offer::LocalBranch)];
    (offer, names(), names(), protection, patterns, prop::bool::weighted(0.1), other).prop_filter_map(
        "names that git takes",
        |(offer, branch, default, protection, patterns, dry_run, other)| {
            let (branch, default) = (BranchName::parse(&branch).ok()?, BranchName::parse(&default).ok()?);
            Some(Case { offer, branch, default, protection, patterns, dry_run, other })
        },
    )
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn subject(case: &Case) -> Subject {
    let sha = CommitSha::parse(&"ab".repeat(20)).unwrap();
    Subject { offer: case.offer, repo: RepoId(1), base_branch: case.branch.clone(), base_sha: sha, patch: PatchHash::of("patch") }
}

/// Check 3, as the flow asks it: the rules' own patterns, then the gate.
fn protection(case: &Case) -> Finding {
    let rules = RepoRules { protected: case.patterns.iter().map(|text| Pattern::parse(text).unwrap()).collect(), ..RepoRules::default() };
    gate::protected_branch(case.offer, &case.branch, &case.default, &case.protection, rules.protects(&case.branch))
}

fn verdict(case: &Case) -> Verdict {
    let mut findings = vec![
        gate::risk_score(if case.other == Some(Check::RiskScore) { 9 } else { 2 }, 5, Vec::new()),
        gate::circuit(if case.other == Some(Check::Circuit) { CircuitState::Open } else { CircuitState::Closed }, 0, false, None),
        protection(case),
        gate::dry_run(case.dry_run),
        gate::snapshot((case.other != Some(Check::Snapshot)).then_some("s"), Ok(())),
    ];
    findings.push(match case.other {
        Some(Check::Proof) => Finding::failed(Check::Proof, "the proof failed", "", ""),
        _ => Finding::passed(Check::Proof, "it is proved", "", ""),
    });
    // What the case does not speak of holds.
    let others = Gate::Clearing.required().iter().filter(|check| !findings.iter().any(|finding| finding.check == **check));
    findings.extend(others.map(|check| Finding::passed(*check, "it holds", "", "")).collect::<Vec<_>>());
    Verdict::of(Gate::Clearing, 2, findings)
}

/// What the documentation says of protection, in other words than the code.
fn is_protected(case: &Case) -> bool {
    let name = case.branch.as_str();
    let by_pattern = case.patterns.iter().any(|text| globset::GlobBuilder::new(text).literal_separator(true).build().unwrap().compile_matcher().is_match(name));
    // In a person's own clone no branch is written but ours: only the operator's patterns speak there.
    if case.offer == Offer::LocalBranch {
        return by_pattern;
    }
    let reserved = ["main", "master"].contains(&name.to_ascii_lowercase().as_str());
    reserved || case.branch == case.default || case.protection != Protection::Open || by_pattern
}

#[test]
fn no_protected_branch_is_ever_cleared() {
    const CASES: u32 = 20_000;
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    // The same cases each time: the share that clears is part of what is asserted.
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let (mut real, mut simulated, mut protected, mut local) = (0_u32, 0_u32, 0_u32, 0_u32);
    let strategy = cases();
    for _ in 0..CASES {
        let case = strategy.new_tree(&mut runner).unwrap().current();
        let verdict = verdict(&case);
        let guarded = is_protected(&case);
        protected += u32::from(guarded);
        assert_eq!(verdict.failed(Check::ProtectedBranch), guarded, "{case:?}");
        let cleared = gate::clear(&verdict, subject(&case), now());
        let ours = case.branch.as_str().starts_with("agent-fix/");
        let refused = guarded || ours || case.other.is_some();
        match &cleared {
            Cleared::Real(clearance) => {
                assert!(!refused && !case.dry_run, "cleared: {case:?}");
                // What it opens is one branch of our own, which is nobody's base and no protected name.
                let subject = clearance.subject();
                let fix = subject.base_branch.fix_branch(&subject.base_sha);
                assert!(fix.is_ours() && fix != case.branch && (fix != case.default || ours), "{fix}");
                assert_eq!(clearance.covers(&self::subject(&case), now()), Ok(()));
                real += 1;
                local += u32::from(case.offer == Offer::LocalBranch);
            }
            Cleared::Simulated(_) => {
                assert!(!refused && case.dry_run, "simulated: {case:?}");
                simulated += 1;
            }
            Cleared::Refused => assert!(refused, "refused without a reason: {case:?} {:?}", verdict.result()),
        }
        // A clearance for one branch never covers another, whatever it is called.
        if let Cleared::Real(clearance) = cleared
            && case.default != case.branch
        {
            let other = Subject { base_branch: case.default.clone(), ..subject(&case) };
            assert!(clearance.covers(&other, now()).is_err(), "{case:?}");
        }
        // What changes a branch or runs on it takes a permit, which asks the same.
        for what in [SmallWrite::Rollback, SmallWrite::Rerun] {
            assert_eq!(gate::permit(what, case.dry_run, false, &protection(&case)).is_ok(), !guarded && !case.dry_run, "{case:?}");
        }
    }
    eprintln!("{real} of {CASES} cleared ({local} in a clone), {simulated} simulated, {protected} protected");
    assert!(real * 3 >= CASES, "only {real} of {CASES} cleared: the property holds of nothing");
    assert!(protected * 5 >= CASES && simulated * 50 >= CASES && local * 20 >= CASES, "{protected} protected, {simulated} simulated, {local} local");
}

/// A finding about protection that was not made, is not asked yet, or was made at another gate, clears nothing.
#[test]
fn silence_about_protection_is_no_yes() {
    let open = Case {
        offer: Offer::PullRequest,
        branch: BranchName::parse("feature").unwrap(),
        default: BranchName::parse("trunk").unwrap(),
        protection: Protection::Open,
        patterns: Vec::new(),
        dry_run: false,
        other: None,
    };
    assert!(matches!(gate::clear(&verdict(&open), subject(&open), now()), Cleared::Real(_)));
    for gate in [Gate::Admission, Gate::Gating] {
        assert!(matches!(gate::clear(&Verdict { gate, ..verdict(&open) }, subject(&open), now()), Cleared::Refused), "{gate:?}");
    }
    let mut none = verdict(&open);
    none.findings.retain(|finding| finding.check != Check::ProtectedBranch);
    assert!(matches!(gate::clear(&none, subject(&open), now()), Cleared::Refused));
    for status in [Status::NotYet, Status::Failed] {
        let mut changed = verdict(&open);
        changed.findings.iter_mut().filter(|finding| finding.check == Check::ProtectedBranch).for_each(|finding| finding.status = status);
        assert!(matches!(gate::clear(&changed, subject(&open), now()), Cleared::Refused), "{status:?}");
    }
    // A second finding that fails is not outvoted by a first that holds.
    let mut twice = verdict(&open);
    twice.findings.push(Finding::failed(Check::ProtectedBranch, "protected", "", ""));
    assert!(matches!(gate::clear(&twice, subject(&open), now()), Cleared::Refused));
}
