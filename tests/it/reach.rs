//! What a fix would start: asked of the real binary, over real git, before anything is written.

use regreen::domain::remediation::Phase;
use simulator::{ModelReply, ModelRule, SimulatorOptions};

use crate::bed::{Bed, REPO, repair};

const QUICK: &str = "[timing]\nfollow = \"300ms\"\nsettle = \"1s\"\nlease = \"4s\"\n";

/// Waits for every run of `ci`, with a secret: GitHub takes it from the default branch.
const DEPLOY: &str = "name: deploy\non:\n  workflow_run:\n    workflows: [ci]\n    types: [completed]\npermissions: {}\njobs:\n  deploy:\n    runs-on: ubuntu-latest\n    steps:\n      - run: ./deploy\n        env:\n          KEY: ${{ secrets.DEPLOY_KEY }}\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_stands_only_on_the_default_branch_is_asked_about() {
    let mut bed = Bed::new(SimulatorOptions::default(), &[("ci", "**")], QUICK).await;
    bed.simulator.script_model(ModelRule::when(&["## File one.txt", "\n17\n"], ModelReply::Text(repair("one", "17"))));
    // The branch was made before the workflow was.
    bed.push("ada/one", Some("main"), &[("notes.txt", "begun\n")], "ada").await;
    bed.push("main", None, &[(".github/workflows/deploy.yml", DEPLOY)], "ada").await;
    bed.start();
    bed.push("ada/one", None, &[("one.txt", "17\n")], "ada").await;
    let store = bed.store().await;
    let rests = |phase: Phase| phase.is_end() || matches!(phase, Phase::AwaitingApproval | Phase::Feedback);
    let states = bed.wait(&store, "a person is asked", 120, |states| states.iter().any(|state| rests(state.phase))).await;
    let state = &states[0];
    assert_eq!((states.len(), state.phase), (1, Phase::AwaitingApproval), "{:?} {}", state.reason, state.detail);
    for part in ["deploy.yml of", "DEPLOY_KEY", "workflow_run"] {
        assert!(state.detail.contains(part), "{part}: {}", state.detail);
    }
    assert!(!state.detail.contains("ci.yml"), "{}", state.detail);
    assert!(bed.simulator.pulls(REPO).is_empty(), "nothing is written before a person has said yes");
    assert_eq!(bed.stop().await, Some(0));
}
