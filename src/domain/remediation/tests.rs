use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::domain::gate::Gate;
use crate::domain::ids::{BranchName, CommitSha, Fingerprint, PatchHash, PullNumber, RemediationKey, RepoId, RepoSlug, RunId};
use proptest::prelude::*;

fn at(n: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + n, 0).unwrap()
}

fn opened() -> Event {
    let key = RemediationKey { repo: RepoId(1), branch: BranchName::parse("a").unwrap(), sha: CommitSha::parse(&"a".repeat(40)).unwrap(), generation: 0 };
    Event::Opened {
        opening: Opening { key, slug: RepoSlug::parse("o/r").unwrap(), default_branch: BranchName::parse("main").unwrap(), owner: None, dry_run: false },
    }
}

fn run(n: u64) -> AttachedRun {
    AttachedRun { run: RunId(n), attempt: 1, workflow: "ci".into(), path: String::new(), url: String::new(), trigger: "push".into(), started_at: at(n as i64) }
}

fn verdict() -> Verdict {
    Verdict::of(Gate::Admission, 0, vec![])
}

fn run_record() -> RunRecord {
    RunRecord { command: "t".into(), exit_code: Some(1), seconds: 1.0, tests: None, tail: String::new() }
}

fn proof() -> ProofRecord {
    ProofRecord { patch: PatchHash::of("p"), proved: true, before: run_record(), after: None, wider: None, sentences: vec![], sandbox: "bwrap".into() }
}

fn pull() -> PullRecord {
    let branch = |name| BranchName::parse(name).unwrap();
    PullRecord { number: PullNumber(1), url: String::new(), base: branch("a"), head: branch("agent-fix/a"), draft: true, node_id: String::new() }
}

/// One of each event, and for the ends one of each reason.
fn samples() -> Vec<Event> {
    let diagnosis = DiagnosisRecord {
        fingerprint: Fingerprint::parse("0123456789abcdef").unwrap(),
        category: "test_assertion".into(),
        confidence: 0.9,
        headline: String::new(),
        excerpt: String::new(),
        failed_tests: vec![],
        files: vec![],
        steps: vec![],
        fixable_by_code: true,
        rerun_could_help: false,
    };
    let command = CommandRecord { shell: String::new(), script: "t".into(), directory: String::new(), env: BTreeMap::new(), setup: vec![], without: vec![] };
    let proposal = ProposalRecord {
        attempt: 1,
        route: "r".into(),
        deterministic: false,
        response_id: None,
        explanation: String::new(),
        patch: "p".into(),
        hash: PatchHash::of("p"),
        repairs: vec![],
    };
    let branch = BranchName::parse("agent-fix/a").unwrap();
    let commit = CommitSha::parse(&"b".repeat(40)).unwrap();
    let mut all = vec![
        opened(),
        Event::RunAttached { run: run(1) },
        Event::Diagnosed { diagnosis },
        Event::Admitted { verdict: verdict() },
        Event::Cloned { snapshot: "s".into() },
        Event::CommandResolved { command },
        Event::LeftToCi { why: "services".into() },
        Event::PatchNeeded,
        Event::RerunChosen { why: "flaky".into() },
        Event::RerunRed,
        Event::ModelAnswered { route: "r".into(), spent: Spent { tokens: 5, cost_usd: 0.5 }, ok: true },
        Event::ProposalFailed { attempt: 1, route: "r".into(), evidence: "e".into() },
        Event::Proposed { proposal },
        Event::GatePassed { verdict: verdict() },
        Event::GateRefused { verdict: verdict(), evidence: "e".into() },
        Event::Proved { proof: Some(proof()) },
        Event::ProofFailed { proof: proof(), evidence: "e".into() },
        Event::Cleared { verdict: verdict(), simulated: false },
        Event::ApprovalAsked { verdict: verdict(), until: at(9), why: vec!["risk 4/10".into()] },
        Event::Approved { by: "ann".into() },
        Event::Published { branch: branch.clone(), commit, pull: Some(pull()), unproven: false },
        Event::Recorded { branch, writes: vec![] },
        Event::PullSeen { reason: Reason::ReadyForReview, draft: false },
        Event::CiRed { evidence: "e".into() },
        Event::Intended { what: Outside::OpenPull, detail: String::new() },
        Event::Done { what: Outside::OpenPull, detail: String::new() },
        Event::Cancelled { by: "ann".into(), why: "no".into() },
    ];
    for reason in Reason::ALL.iter().copied() {
        all.push(match reason.place() {
            Place::Completed => Event::Completed { reason },
            Place::Failed => Event::Failed { reason, detail: String::new() },
            Place::Blocked => Event::Blocked { reason, verdict: None, detail: String::new() },
            Place::Superseded => Event::Superseded { reason },
            Place::Open => Event::PullSeen { reason, draft: true },
            Place::Intake | Place::Cancelled => continue,
        });
    }
    all
}

fn opening() -> Remediation {
    Remediation::open(&opened(), at(0)).unwrap().0
}

#[test]
fn exactly_the_edges_of_the_table() {
    let mut taken = BTreeSet::new();
    for phase in Phase::ALL {
        let state = Remediation { phase, ..opening() };
        for event in samples() {
            if let Ok((next, effects)) = state.apply(&event, at(1)) {
                if next.phase == phase {
                    continue;
                }
                taken.insert((phase, next.phase));
                assert_eq!(effects.contains(&Effect::Work), !next.phase.is_end(), "{phase} -> {}", next.phase);
                assert_eq!(next.reason.is_some_and(|r| r.place() != Place::Open), next.phase.is_end(), "{phase} -> {}", next.phase);
                assert!(!next.phase.is_end() || effects.contains(&Effect::Alert), "every end is told");
            }
        }
    }
    let table: BTreeSet<_> =
        Phase::ALL.into_iter().flat_map(|a| Phase::ALL.into_iter().filter(move |b| a != *b && a.may_become(*b)).map(move |b| (a, b))).collect();
    assert_eq!(taken, table);
    // 24 in the table's rows, and superseded, cancelled and failed from each of the eleven that have not ended.
    assert_eq!(table.len(), 24 + 3 * 11);
}

#[test]
fn reasons_are_one_closed_list() {
    let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes.len(), Reason::ALL.len());
    for reason in Reason::ALL {
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
    }
    let wrong = opening().apply(&Event::Failed { reason: Reason::Merged, detail: String::new() }, at(1));
    assert!(matches!(wrong, Err(Illegal::Reason { reason: Reason::Merged, .. })));
}

#[test]
fn the_circuit_hears_what_concerns_it() {
    let feedback = Remediation { phase: Phase::Feedback, pull: Some(pull()), ..opening() };
    let effects = |state: &Remediation, event: Event| state.apply(&event, at(1)).unwrap().1;
    assert!(effects(&feedback, Event::PullSeen { reason: Reason::ReadyForReview, draft: false }).contains(&Effect::CircuitSuccess));
    assert!(effects(&feedback, Event::Failed { reason: Reason::CiRed, detail: String::new() }).contains(&Effect::CircuitFailure));
    assert!(effects(&feedback, Event::Completed { reason: Reason::Merged }).contains(&Effect::CircuitSuccess));
    assert!(effects(&feedback, Event::Superseded { reason: Reason::HeadMoved }).contains(&Effect::ReleaseProbe));
    let unblamed = effects(&opening(), Event::Blocked { reason: Reason::LogExpired, verdict: None, detail: String::new() });
    assert!(unblamed.contains(&Effect::ReleaseProbe) && !unblamed.contains(&Effect::CircuitFailure));
}

#[test]
fn phases_that_try_nothing_blame_no_fix() {
    for phase in [Phase::Pending, Phase::Analysis, Phase::Gating, Phase::Clearing, Phase::AwaitingApproval] {
        let state = Remediation { phase, ..opening() };
        assert!(state.apply(&Event::Failed { reason: Reason::NoPatch, detail: String::new() }, at(1)).is_err(), "{phase}");
        for legal in [Reason::AttemptsSpent, Reason::OutsideServiceFailed, Reason::CloneFailed, Reason::WriteRefused] {
            let (_, effects) = state.apply(&Event::Failed { reason: legal, detail: String::new() }, at(1)).unwrap();
            assert_eq!(effects.contains(&Effect::CircuitFailure), legal == Reason::AttemptsSpent, "{phase} {legal}");
        }
    }
}

#[test]
fn a_started_effect_stays_open_until_reported() {
    let intended = Event::Intended { what: Outside::PushBranch, detail: String::new() };
    let (state, _) = opening().apply(&intended, at(1)).unwrap();
    let (state, _) = state.apply(&intended, at(2)).unwrap();
    assert_eq!(state.intents, [Outside::PushBranch]);
    let (state, _) = state.apply(&Event::Done { what: Outside::PushBranch, detail: String::new() }, at(3)).unwrap();
    assert!(state.intents.is_empty());
}

/// Walks of legal events: each step goes to a phase drawn among those that can be reached, by an event drawn among those that lead there.
/// The same walks each time, so that what they visit can be pinned: a walk that stays at the start would prove nothing.
#[test]
fn legal_walks_visit_every_edge_and_keep_the_rules() {
    use proptest::test_runner::{RngAlgorithm, TestRng};
    const WALKS: usize = 1_000;
    let samples = samples();
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut draw = |n: usize| usize::try_from(rng.next_u64() % u64::try_from(n).unwrap()).unwrap();
    let (mut edges, mut kept, mut ends, mut steps) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::<Phase, usize>::new(), 0_usize);
    for _ in 0..WALKS {
        let mut chain = vec![(opened(), at(0))];
        let mut state = opening();
        // Sixty steps are more than a remediation needs to end; one that does not is as good.
        for _ in 0..60 {
            let now = at(state.seq as i64);
            let mut open: BTreeMap<Phase, Vec<(&Event, Remediation)>> = BTreeMap::new();
            for event in &samples {
                if let Ok((next, _)) = state.apply(event, now) {
                    assert!(next.phase == state.phase || state.phase.may_become(next.phase), "{} -> {}", state.phase, next.phase);
                    open.entry(next.phase).or_default().push((event, next));
                }
            }
            if open.is_empty() {
                break;
            }
            // Ends are reached from everywhere: drawn as one, so that walks get on. What no walk took yet is tried now and then.
            let fresh: Vec<Phase> = open.keys().copied().filter(|to| *to != state.phase && !edges.contains(&(state.phase, *to))).collect();
            let (end, live): (Vec<Phase>, Vec<Phase>) = open.keys().copied().partition(|phase| phase.is_end());
            let phase = match draw(live.len() * 3 + usize::from(!end.is_empty())) {
                0 if !fresh.is_empty() => fresh[draw(fresh.len())],
                n if n < live.len() * 3 => live[n % live.len()],
                _ => end[draw(end.len())],
            };
            let choices = open.remove(&phase).unwrap_or_default();
            let pick = draw(choices.len());
            let (event, next) = choices.into_iter().nth(pick).unwrap();
            assert_eq!(next.seq, state.seq + 1);
            assert!(next.attempts >= state.attempts && next.evidence.len() <= EVIDENCE_KEPT && next.id == state.id);
            if next.phase == state.phase {
                kept.insert(next.phase)
            } else {
                edges.insert((state.phase, next.phase))
            };
            chain.push((event.clone(), now));
            steps += 1;
            state = next;
        }
        *ends.entry(state.phase).or_default() += 1;
        assert_eq!(Remediation::fold(chain.iter().map(|(event, at)| (event, *at))).unwrap(), state);
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<Remediation>(&text).unwrap(), state);
    }
    let table: BTreeSet<_> =
        Phase::ALL.into_iter().flat_map(|a| Phase::ALL.into_iter().filter(move |b| a != *b && a.may_become(*b)).map(move |b| (a, b))).collect();
    assert_eq!(table.difference(&edges).collect::<Vec<_>>(), Vec::<&(Phase, Phase)>::new(), "edges that no walk took");
    assert_eq!((edges.len(), kept.len()), (57, 16), "{kept:?}");
    assert!(Phase::ALL.into_iter().filter(|phase| phase.is_end()).all(|phase| ends.get(&phase).is_some_and(|n| n * 50 >= WALKS)), "{ends:?}");
    assert!(steps >= WALKS * 8, "{steps} steps in {WALKS} walks");
}

proptest! {
    #[test]
    fn any_order_of_events_keeps_the_rules(picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..60)) {
        let samples = samples();
        let mut chain = vec![(opened(), at(0))];
        let mut state = opening();
        for pick in picks {
            let event = pick.get(&samples);
            let now = at(state.seq as i64);
            match state.apply(event, now) {
                Ok((next, _)) => {
                    prop_assert!(next.phase == state.phase || state.phase.may_become(next.phase));
                    prop_assert_eq!(next.seq, state.seq + 1);
                    prop_assert!(next.attempts >= state.attempts);
                    prop_assert!(next.evidence.len() <= EVIDENCE_KEPT);
                    prop_assert_eq!(next.id.clone(), state.id.clone());
                    chain.push((event.clone(), now));
                    state = next;
                }
                Err(_) => continue,
            }
        }
        let folded = Remediation::fold(chain.iter().map(|(event, at)| (event, *at))).unwrap();
        prop_assert_eq!(&folded, &state);
        // What is stored comes back the same.
        let text = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<Remediation>(&text).unwrap(), state);
        for (event, _) in chain {
            let text = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        }
    }
}

#[test]
fn a_run_that_is_attached_while_the_fix_is_made_does_not_change_the_commits_time() {
    let begun = |number: u64, seconds: i64| Event::RunAttached { run: AttachedRun { started_at: at(seconds), ..run(number) } };
    let mut state = opening().apply(&begun(1, 50), at(60)).unwrap().0;
    assert_eq!(state.commit_time(), at(50));
    for event in samples().into_iter().filter(|event| !matches!(event, Event::Opened { .. } | Event::RunAttached { .. })) {
        // A run that began earlier is found later, in whatever phase.
        if !state.phase.is_end() {
            state = state.apply(&begun(2, 10), at(70)).unwrap().0;
        }
        if let Ok((next, _)) = state.apply(&event, at(80)) {
            state = next;
        }
        assert_eq!(state.commit_time(), at(50), "{event:?}");
    }
    assert_eq!(state.runs.len(), 2);
}
