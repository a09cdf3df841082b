//! What comes late, what does not run at all, and what people do with a fix meanwhile.

use std::time::{Duration, Instant};

use regreen::domain::remediation::{Phase, Reason, Remediation};
use simulator::{ModelReply, ModelRule, Push, SimulatorOptions};

use crate::bed::{Bed, REPO, repair};

const QUICK: &str = "[timing]\nfollow = \"300ms\"\nsettle = \"1s\"\nlease = \"4s\"\n";

fn offered(state: &Remediation) -> bool {
    state.phase == Phase::Feedback && state.reason == Some(Reason::ReadyForReview)
}

async fn bed(workflows: &[(&str, &str)]) -> Bed {
    let mut bed = Bed::new(SimulatorOptions::default(), workflows, QUICK).await;
    bed.simulator.script_model(ModelRule::when(&["## File one.txt", "\n17\n"], ModelReply::Text(repair("one", "17"))));
    bed.start();
    bed
}

/// A workflow with one job that runs a script.
fn job(name: &str, on: &str, condition: &str, script: &str) -> String {
    format!(
        "name: {name}\non: {on}\npermissions:\n  contents: read\njobs:\n  {name}:\n    runs-on: ubuntu-latest\n{condition}    steps:\n      - uses: actions/checkout@v4\n      - name: Check\n        run: {script}\n"
    )
}

/// Without a log there is nothing to mend: no model is asked, and the team is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_cannot_start_costs_nothing() {
    let mut bed = bed(&[]).await;
    bed.push("ada/flow", Some("main"), &[(".github/workflows/ci.yml", "name: ci\non: push\njobs: [\n")], "ada").await;
    let store = bed.store().await;
    let states = bed.wait(&store, "it is told", 60, |states| states.iter().any(|state| state.phase.is_end())).await;
    assert_eq!((states[0].phase, states[0].reason), (Phase::Blocked, Some(Reason::NotFixableByCode)), "{}", states[0].detail);
    assert!(states[0].detail.contains("workflow file"), "{}", states[0].detail);
    assert!(bed.simulator.model_requests().is_empty() && bed.simulator.pulls(REPO).is_empty());
    assert_eq!(bed.stop().await, Some(0));
}

/// A workflow that fails after its head's remediation has ended is a failure of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_workflow_is_judged_too() {
    let mut bed = bed(&[]).await;
    let refused = "'echo \"remote: Permission to acme/widgets.git denied to github-actions[bot].\" >&2; exit 128'";
    let (early, late) = (job("early", "push", "", refused), job("late", "push", "", "sleep 8; sh check.sh"));
    let files = [("one.txt", "17\n"), (".github/workflows/early.yml", early.as_str()), (".github/workflows/late.yml", late.as_str())];
    bed.push("ada/one", Some("main"), &files, "ada").await;
    let store = bed.store().await;
    let states = bed.wait(&store, "a fix for the late one", 120, |states| states.iter().any(offered)).await;
    let of = |generation: u32| states.iter().find(|state| state.opening.key.generation == generation).unwrap();
    assert_eq!((states.len(), of(0).reason), (2, Some(Reason::NotFixableByCode)), "{:?}", of(0).diagnosis);
    let workflows: Vec<&str> = of(1).runs.iter().map(|run| run.workflow.as_str()).collect();
    assert_eq!(workflows, ["late"], "what was judged stays judged");
    assert_eq!(bed.stop().await, Some(0));
}

/// The job ran for the push, and was skipped for the pull request, as many workflows say it: it is green.
#[tokio::test(flavor = "multi_thread")]
async fn a_skipped_check_of_the_same_name_says_nothing() {
    let mut bed = bed(&[]).await;
    let ci = job("ci", "[push, pull_request]", "    if: github.event_name == 'push'\n", "sh check.sh");
    bed.push("ada/one", Some("main"), &[("one.txt", "17\n"), (".github/workflows/ci.yml", &ci)], "ada").await;
    let store = bed.store().await;
    bed.wait(&store, "the fix is ready", 120, |states| states.iter().any(offered)).await;
    let skipped = bed.simulator.runs(REPO).iter().filter(|run| run.event == "pull_request").count();
    assert!(skipped >= 1, "the pull request's run was skipped, and is there");
    assert_eq!(bed.stop().await, Some(0));
}

/// People who push to the fix branch have taken it over: its red CI is theirs, and so is the pull request when the base moves on.
#[tokio::test(flavor = "multi_thread")]
async fn a_fix_that_people_took_over_is_theirs() {
    let mut bed = bed(&[("ci", "**")]).await;
    bed.push("ada/one", Some("main"), &[("one.txt", "17\n")], "ada").await;
    let store = bed.store().await;
    let states = bed.wait(&store, "a fix", 120, |states| states.iter().any(offered)).await;
    let fix = states[0].branch.clone().unwrap();
    let asked = bed.simulator.model_requests().len();
    let theirs = bed.simulator.push_commit(REPO, Push::new(fix.as_str(), "Polish it").write("two.txt", "0\n")).await.unwrap();
    bed.simulator.wait_for_run(REPO, &theirs, Duration::from_secs(30)).await.unwrap();
    let until = Instant::now() + Duration::from_secs(4);
    while Instant::now() < until {
        assert!(bed.simulator.pulls(REPO).iter().all(|pull| pull.open), "their pull request stays");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(bed.simulator.model_requests().len(), asked, "nobody is paid for their red");
    bed.push("ada/one", None, &[("one.txt", "42\n")], "ada").await;
    bed.wait(&store, "the head moved on", 60, |states| states.iter().any(|state| state.reason == Some(Reason::HeadMoved))).await;
    assert!(bed.simulator.pulls(REPO).iter().all(|pull| pull.open));
    assert_eq!(bed.simulator.refs(REPO).await.unwrap()[&format!("refs/heads/{fix}")], theirs);
    assert_eq!(bed.stop().await, Some(0));
}
