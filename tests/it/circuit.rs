//! The circuit breaker through the real binary: every edge, and the person who resets it.

use std::time::Duration;

use regreen::domain::breaker::CircuitState;
use regreen::domain::remediation::{Phase, Reason, Remediation};
use regreen::ports::store::Store as _;
use simulator::{ModelReply, ModelRule, SimulatorOptions};

use crate::bed::{Bed, repair};

const SETTINGS: &str =
    "[timing]\nfollow = \"300ms\"\nsettle = \"8s\"\n[breaker]\nthreshold = 3\nreset = \"6s\"\ngrowth = 1.0\n[[repo]]\nname = \"acme/widgets\"\nattempts = 1\n";

async fn state_of(bed: &Bed) -> (CircuitState, u32) {
    let store = bed.store().await;
    let rows = store.circuits(None).await.unwrap();
    assert!(rows.len() <= 1, "one signature, one circuit: {rows:?}");
    rows.first().map_or((CircuitState::Closed, 0), |row| (row.circuit.state, row.circuit.failure_count))
}

/// A further push of the same failure; its remediation when it has come to rest.
async fn again(bed: &Bed, n: usize) -> Remediation {
    bed.push("ada/one", if n == 1 { Some("main") } else { None }, &[("one.txt", "17\n"), ("notes.txt", &format!("try {n}\n"))], "ada").await;
    let store = bed.store().await;
    let rest = |state: &Remediation| state.phase.is_end() || state.reason == Some(Reason::ReadyForReview);
    let states = bed.wait(&store, &format!("remediation {n}"), 60, |states| states.len() == n && rest(&states[n - 1])).await;
    states[n - 1].clone()
}

fn ended(state: &Remediation, phase: Phase, reason: Reason) {
    assert_eq!((state.phase, state.reason), (phase, Some(reason)), "{}", state.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_edge() {
    let mut bed = Bed::new(SimulatorOptions::default(), &[("ci", "**")], SETTINGS).await;
    bed.simulator.script_model(ModelRule::when(&["one.txt"], ModelReply::Nonsense));
    bed.start();

    // Three failures open it.
    for n in 1..=3 {
        ended(&again(&bed, n).await, Phase::Failed, Reason::NoPatch);
    }
    assert_eq!(state_of(&bed).await, (CircuitState::Open, 3));

    // The fourth is refused at admission, before a token is spent.
    let asked = bed.simulator.model_requests().len();
    let fourth = again(&bed, 4).await;
    ended(&fourth, Phase::Blocked, Reason::CircuitOpen);
    assert_eq!(bed.simulator.model_requests().len(), asked);
    assert_eq!(fourth.spent.tokens, 0);

    // The timer half-opens it; the probe fails, and it opens again.
    tokio::time::sleep(Duration::from_secs(7)).await;
    ended(&again(&bed, 5).await, Phase::Failed, Reason::NoPatch);
    assert_eq!(bed.simulator.model_requests().len(), asked + 1);
    assert_eq!(state_of(&bed).await, (CircuitState::Open, 4));
    ended(&again(&bed, 6).await, Phase::Blocked, Reason::CircuitOpen);

    // The timer half-opens it; the probe succeeds on the pull request's own CI, and it closes.
    bed.simulator.clear_model_script();
    bed.simulator.script_model(ModelRule::when(&["one.txt"], ModelReply::Text(repair("one", "17"))));
    tokio::time::sleep(Duration::from_secs(7)).await;
    ended(&again(&bed, 7).await, Phase::Feedback, Reason::ReadyForReview);
    assert_eq!(state_of(&bed).await, (CircuitState::Closed, 0));

    // Opened once more, a person closes it, and is named in the audit log.
    bed.simulator.clear_model_script();
    bed.simulator.script_model(ModelRule::when(&["one.txt"], ModelReply::Nonsense));
    for n in 8..=10 {
        ended(&again(&bed, n).await, Phase::Failed, Reason::NoPatch);
    }
    assert_eq!(state_of(&bed).await.0, CircuitState::Open);
    let (code, out, err) = bed.cli(&["circuit", "list", "--format", "json"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("\"open\""), "{out}");
    let (code, out, err) = bed.cli(&["circuit", "reset", "--repo", "acme/widgets", "--reason", "the mirror is back", "--by", "ann"]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(state_of(&bed).await.0, CircuitState::Closed);
    let audit = bed.store().await.audit_entries().await.unwrap();
    assert!(audit.iter().any(|entry| entry.act == "circuit_reset" && entry.by == "ann" && entry.reason == "the mirror is back"), "{audit:?}");
    assert_eq!(bed.stop().await, Some(0));
}
