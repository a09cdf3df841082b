//! The service against the simulated GitHub, Slack and model: what it finds, what it writes, what a kill leaves behind.

use std::collections::BTreeMap;
use std::time::Duration;

use regreen::domain::remediation::{Phase, Reason, Remediation};
use regreen::ports::store::Store as _;
use simulator::{ModelReply, ModelRule, SimulatorOptions};

use crate::bed::{Bed, REPO, full_scale, repair};

const QUICK: &str = "[timing]\nfollow = \"300ms\"\nsettle = \"8s\"\nlease = \"4s\"\n";

/// Two red branches, one of them with three failing workflows of one push, and a red main.
async fn three_red() -> Bed {
    let bed =
        Bed::new(SimulatorOptions::default(), &[("ci", "**"), ("lint", "ada/**', 'agent-fix/ada/**"), ("docs", "ada/**', 'agent-fix/ada/**")], QUICK).await;
    bed.simulator.script_model(ModelRule::when(&["## File one.txt", "\n17\n"], ModelReply::Text(repair("one", "17"))));
    bed.simulator.script_model(ModelRule::when(&["## File two.txt", "\n18\n"], ModelReply::Text(repair("two", "18"))));
    bed.push("ada/one", Some("main"), &[("one.txt", "17\n")], "ada").await;
    bed.push("grace/two", Some("main"), &[("two.txt", "18\n")], "grace").await;
    bed.push("main", None, &[("one.txt", "19\n"), ("two.txt", "19\n")], "linus").await;
    bed
}

fn offered(state: &Remediation) -> bool {
    state.phase == Phase::Feedback && state.reason == Some(Reason::ReadyForReview)
}

fn all_done(states: &[Remediation]) -> bool {
    states.len() == 3 && states.iter().filter(|state| offered(state)).count() == 2 && states.iter().any(|state| state.reason == Some(Reason::ProtectedBranch))
}

/// Two pull requests and no second one, one message each, main as the teammate left it, and whole chains.
async fn as_it_should_be(bed: &Bed, states: &[Remediation], main: &str) {
    let pulls = bed.simulator.pulls(REPO);
    let bases: BTreeMap<&str, &str> = pulls.iter().map(|pull| (pull.base.as_str(), pull.head.as_str())).collect();
    assert_eq!(pulls.len(), 2, "{pulls:?}");
    assert_eq!(bases.keys().copied().collect::<Vec<_>>(), ["ada/one", "grace/two"]);
    assert!(bases.values().all(|head| head.starts_with("agent-fix/")));
    assert!(pulls.iter().all(|pull| pull.open && !pull.draft));
    assert!(pulls.iter().all(|pull| pull.body.as_deref().is_some_and(|body| body.contains("Green in the real CI"))));
    let refs = bed.simulator.refs(REPO).await.unwrap();
    assert_eq!(refs.keys().filter(|name| name.starts_with("refs/heads/agent-fix/")).count(), 2, "{refs:?}");
    assert_eq!(refs["refs/heads/main"], main);
    for state in states.iter().filter(|state| offered(state)) {
        assert!(state.proof.as_ref().is_some_and(|proof| proof.proved), "{}", state.opening.key.branch);
        assert_eq!(state.pull.as_ref().unwrap().base, state.opening.key.branch);
    }
    let ada = states.iter().find(|state| state.opening.key.branch.as_str() == "ada/one").unwrap();
    assert_eq!(ada.runs.len(), 3, "three failing workflows of one push are one remediation");
    // The last word reaches the channel a moment after it is recorded; where a kill fell between a post and its report, when the sender is taken for
    // dead: after a minute.
    let deadline = std::time::Instant::now() + Duration::from_secs(100);
    loop {
        let said = bed.simulator.slack_messages();
        if said.len() >= 3 && said.iter().filter(|message| message.text.contains("ready for review")).count() == 2 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{said:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let said = bed.simulator.slack_messages();
    assert_eq!(said.len(), 3, "{:?}", said.iter().map(|message| &message.text).collect::<Vec<_>>());
    let refusal = said.iter().find(|message| message.text.contains(" main ")).expect("the refusal is told");
    for field in ["Repository", "Branch", "Workflow", "Owner", "Decision", "Risk", "Action", "Pull request", "Why"] {
        assert!(refusal.blocks.to_string().contains(field), "{field}");
    }
    let report = bed.store().await.verify().await.unwrap();
    assert_eq!((report.chains >= 3, report.faults), (true, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn finds_what_is_red_and_refuses_main() {
    let mut bed = three_red().await;
    let main = bed.simulator.branch(REPO, "main").await.unwrap().unwrap();
    bed.start();
    let store = bed.store().await;
    let states = bed.wait(&store, "two fixes and a refusal", 120, all_done).await;
    as_it_should_be(&bed, &states, &main).await;
    let (code, out, _) = bed.cli(&["jobs", "list", "--format", "json"]).await;
    assert_eq!(code, 0);
    assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(&out).unwrap().len(), 3);
    assert_eq!(bed.stop().await, Some(0), "{}", bed.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_it_ends_the_same() {
    let kills = if full_scale() { 20 } else { 5 };
    let seed: u64 = std::env::var("REGREEN_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| rand::random_range(0..1_000_000));
    eprintln!("killing {kills} times, REGREEN_TEST_SEED={seed}");
    let mut rng = <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(seed);
    let mut bed = three_red().await;
    let main = bed.simulator.branch(REPO, "main").await.unwrap().unwrap();
    for _ in 0..kills {
        bed.start();
        // From before the database is open to well into the stages.
        let millis = rand::Rng::random_range(&mut rng, 50..1600);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        bed.kill().await;
    }
    bed.start();
    let store = bed.store().await;
    let states = bed.wait(&store, &format!("two fixes and a refusal after {kills} kills (seed {seed})"), 180, all_done).await;
    as_it_should_be(&bed, &states, &main).await;
    assert_eq!(bed.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_services_that_fail_are_waited_for() {
    use simulator::{Fault, FaultKind, Server};
    let mut bed = three_red().await;
    let main = bed.simulator.branch(REPO, "main").await.unwrap().unwrap();
    let faults = bed.simulator.faults();
    // Every write takes effect once and loses its answer; reads fail now and then; the channel and the model are down at first.
    faults.add(Fault::on(Server::Github, "POST", "/repos/*/pulls", FaultKind::AnswerThenDrop).times(1));
    faults.add(Fault::on(Server::Github, "POST", "/repos/*/comments", FaultKind::AnswerThenDrop).times(1));
    faults.add(
        Fault::on(Server::Github, "GET", "/repos/*/actions/*", FaultKind::Status { code: 502, headers: Vec::new(), body: "bad gateway".into() })
            .times(2)
            .skip(3),
    );
    faults.add(Fault::on(Server::Git, "*", "*", FaultKind::ResetConnection).times(2).skip(1));
    faults.add(Fault::on(Server::Slack, "POST", "*postMessage*", FaultKind::AnswerThenDrop).times(1));
    faults.add(Fault::on(Server::Model, "POST", "*", FaultKind::Status { code: 503, headers: Vec::new(), body: String::new() }).times(2));
    bed.start();
    let store = bed.store().await;
    let states = bed.wait(&store, "two fixes and a refusal in spite of all", 180, all_done).await;
    as_it_should_be(&bed, &states, &main).await;
    assert_eq!(bed.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_through_every_gate() {
    let bed = Bed::new(SimulatorOptions::default(), &[("ci", "**")], QUICK).await;
    bed.simulator.script_model(ModelRule::when(&["## File one.txt", "\n17\n"], ModelReply::Text(repair("one", "17"))));
    let sha = bed.push("ada/one", Some("main"), &[("one.txt", "17\n")], "ada").await;
    bed.simulator.wait_for_run(REPO, &sha, Duration::from_secs(30)).await.unwrap();
    let runs = bed.simulator.runs(REPO);
    let address = |branch: &str| {
        let run = runs.iter().find(|run| run.head_branch.as_deref() == Some(branch)).unwrap();
        format!("{}/{REPO}/actions/runs/{}", bed.simulator.server_url(), run.id)
    };

    // Not failed: a reason code, and nothing written.
    let (code, out, err) = bed.cli(&["fix", "--run", &address("main"), "--format", "json"]).await;
    let report: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    assert_eq!((code, report["reason"].as_str()), (1, Some("not_failed")));
    // Not to be seen with these credentials.
    let (code, _, err) = bed.cli(&["fix", "--run", "https://github.com/other/place/actions/runs/1"]).await;
    assert_eq!(code, 3, "{err}");

    let (code, out, err) = bed.cli(&["--dry-run", "fix", "--run", &address("ada/one"), "--format", "json"]).await;
    let report: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    assert_eq!((code, report["outcome"].as_str()), (0, Some("dry_run")), "{out}");
    assert!(report["would_write"].as_array().unwrap().len() >= 3 && report["model_request"].as_str().unwrap().contains("one.txt"), "{out}");
    assert!(bed.simulator.pulls(REPO).is_empty() && !bed.simulator.refs(REPO).await.unwrap().keys().any(|name| name.contains("agent-fix")));

    // Taken up again by a person.
    let id = report["remediation"].as_str().unwrap();
    let (code, out, err) = bed.cli(&["jobs", "retry", id, "--by", "ann", "--reason", "now for real", "--format", "json"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let (_, out, _) = bed.cli(&["jobs", "list", "--format", "json"]).await;
    assert!(out.contains("\"pending\""), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_stops_it_and_lets_it_go_on() {
    let mut bed = Bed::new(SimulatorOptions::default(), &[("ci", "**")], QUICK).await;
    bed.simulator.script_model(ModelRule::when(&["## File one.txt", "\n17\n"], ModelReply::Text(repair("one", "17"))));
    let (code, out, err) = bed.cli(&["pause", "--reason", "a release is on", "--by", "ann"]).await;
    assert_eq!(code, 0, "{out}{err}");
    bed.start();
    bed.push("ada/one", Some("main"), &[("one.txt", "17\n")], "ada").await;
    let store = bed.store().await;
    bed.wait(&store, "the failure is seen", 60, |states| states.len() == 1).await;
    // Long enough for the whole loop, had it not been stopped.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(bed.simulator.pulls(REPO).is_empty() && bed.simulator.model_requests().is_empty());
    let (code, ..) = bed.cli(&["resume", "--reason", "the release is out", "--by", "bob"]).await;
    assert_eq!(code, 0);
    bed.wait(&store, "a proven fix", 90, |states| states.iter().all(offered)).await;
    let acts: Vec<_> = store.audit_entries().await.unwrap().into_iter().map(|entry| (entry.act, entry.by)).collect();
    assert_eq!(acts, [("pause".to_owned(), "ann".to_owned()), ("resume".to_owned(), "bob".to_owned())]);
    assert_eq!(bed.stop().await, Some(0));
}

/// A failure that looks like one that passes is run again once; red again, it is mended.
#[tokio::test(flavor = "multi_thread")]
async fn red_again_after_a_rerun_is_patched() {
    const FETCH: &str =
        "if [ \"$(cat one.txt)\" = 42 ]; then\n  echo fetched\nelse\n  echo \"curl: (6) Could not resolve host: packages.example.org\" >&2\n  exit 6\nfi\n";
    let mut bed = Bed::new(SimulatorOptions::default(), &[("ci", "**")], QUICK).await;
    bed.simulator.script_model(ModelRule::when(&["## File one.txt", "\n17\n"], ModelReply::Text(repair("one", "17"))));
    bed.start();
    let sha = bed.push("ada/one", Some("main"), &[("one.txt", "17\n"), ("check.sh", FETCH)], "ada").await;
    let store = bed.store().await;
    let states = bed.wait(&store, "a fix after the rerun", 120, |states| states.iter().any(offered)).await;
    let state = &states[0];
    assert!(state.rerun && state.reruns.len() == 1, "{:?}", state.reruns);
    let attempts: Vec<u32> = bed.simulator.runs(REPO).iter().filter(|run| run.head_sha == sha).map(|run| u32::try_from(run.attempts.len()).unwrap()).collect();
    assert_eq!(attempts, [2], "once, and no oftener");
    let names: Vec<_> = store.events(&state.id).await.unwrap().iter().map(|stored| stored.event.name()).collect();
    let at = |name: &str| names.iter().position(|known| *known == name);
    assert!(at("rerun_chosen") < at("rerun_red") && at("rerun_red") < at("proposed"), "{names:?}");
    assert_eq!((states.len(), bed.simulator.pulls(REPO).len()), (1, 1));
    assert_eq!(bed.stop().await, Some(0));
}

/// A repository that is not there does not keep the others waiting, and a pause stops writes but no looking.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_and_a_missing_repository_hold_nothing_up() {
    let mut bed = Bed::new(SimulatorOptions::default(), &[("ci", "**")], QUICK).await;
    bed.set("REGREEN_REPOS", &format!("acme/gone,{REPO}"));
    bed.simulator.script_model(ModelRule::when(&["## File one.txt", "\n17\n"], ModelReply::Text(repair("one", "17"))));
    bed.start();
    let store = bed.store().await;
    for name in ["ada/one", "ada/two"] {
        bed.push(name, Some("main"), &[("one.txt", "17\n"), ("n.txt", name)], "ada").await;
    }
    bed.wait(&store, "two fixes", 120, |states| states.len() == 2 && states.iter().all(offered)).await;
    assert_eq!(bed.cli(&["pause", "--reason", "a release is on"]).await.0, 0);
    // Under the pause a person merges the one, and pushes to the other's branch.
    let pulls = bed.simulator.pulls(REPO);
    let of = |base: &str| pulls.iter().find(|pull| pull.base == base).unwrap().number;
    bed.simulator.merge_pull(REPO, of("ada/one"), "squash").await.unwrap();
    bed.push("ada/two", None, &[("n.txt", "more\n")], "ada").await;
    bed.wait(&store, "the merge is seen", 60, |states| states.iter().any(|state| state.reason == Some(Reason::Merged))).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(bed.simulator.pulls(REPO).iter().any(|pull| pull.number == of("ada/two") && pull.open), "what is ours stays while it is paused");
    assert_eq!(bed.cli(&["resume", "--reason", "the release is out"]).await.0, 0);
    let fits = |states: &[Remediation]| states.iter().any(|state| state.reason == Some(Reason::HeadMoved));
    bed.wait(&store, "the stale fix is withdrawn", 60, fits).await;
    assert!(bed.simulator.pulls(REPO).iter().any(|pull| pull.number == of("ada/two") && !pull.open));
    assert_eq!(bed.stop().await, Some(0));
}

/// Two services on one data folder would take each other's leases: the second is refused, and the first knows nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_is_for_one_service() {
    let mut bed = Bed::new(SimulatorOptions::default(), &[("ci", "**")], QUICK).await;
    bed.start();
    let _store = bed.store().await;
    let (code, _, told) = bed.cli(&["serve"]).await;
    let folder = bed.folder.path().join("data");
    assert_eq!(code, 2, "{told}");
    assert!(told.contains(&format!("the data folder `{}` is in use by another `regreen serve` (process {})", folder.display(), bed.service())), "{told}");
    // Killed, it holds nothing: the next one starts at once.
    bed.kill().await;
    bed.start();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while bed.log().matches("regreen is watching").count() < 2 {
        assert!(std::time::Instant::now() < deadline, "{}", bed.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(bed.stop().await, Some(0));
}

/// A person takes a fix back over HTTP: the pull request is closed, the branch is gone, and the channel is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_takes_it_back_over_http() {
    let mut bed = Bed::new(SimulatorOptions::default(), &[("ci", "**")], QUICK).await;
    bed.set("REGREEN_ADMIN_TOKENS", "ann=a-long-token-of-anns-own-0123456789");
    bed.simulator.script_model(ModelRule::when(&["## File one.txt", "\n17\n"], ModelReply::Text(repair("one", "17"))));
    bed.start();
    let store = bed.store().await;
    for name in ["ada/one", "ada/two"] {
        bed.push(name, Some("main"), &[("one.txt", "17\n"), ("n.txt", name)], "ada").await;
    }
    let states = bed.wait(&store, "two fixes", 120, |states| states.len() == 2 && states.iter().all(offered)).await;
    let client = crate::bed::client();
    let post = |path: String, token: &'static str| {
        let asked = client.post(format!("http://127.0.0.1:{}{path}", bed.port)).bearer_auth(token).body("{\"reason\":\"breaks staging\"}");
        async move {
            let answer = asked.send().await.unwrap();
            (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
        }
    };
    let ann = "a-long-token-of-anns-own-0123456789";
    assert_eq!(post(format!("/jobs/{}/rollback", states[0].id), "nobody").await.0, 401);
    assert_eq!(post("/jobs/r-0000000000000000/rollback".into(), ann).await.0, 404);
    let (status, told) = post(format!("/jobs/{}/rollback", states[0].id), ann).await;
    assert_eq!(
        (status, told["outcome"].as_str(), told["phase"].as_str(), told["by"].as_str()),
        (200, Some("withdrawn"), Some("cancelled"), Some("ann")),
        "{told}"
    );
    let (status, told) = post(format!("/api/jobs/{}/cancel", states[1].id), ann).await;
    assert_eq!((status, told["state"].as_str(), told["withdrawn"]["outcome"].as_str()), (200, Some("cancelled"), Some("withdrawn")), "{told}");
    // Done twice, it changes nothing; what has ended can't be cancelled.
    let (status, told) = post(format!("/api/jobs/{}/rollback", states[0].id), ann).await;
    assert_eq!((status, told["outcome"].as_str()), (200, Some("nothing")), "{told}");
    assert_eq!(post(format!("/jobs/{}/cancel", states[0].id), ann).await.0, 409);
    assert!(bed.simulator.pulls(REPO).iter().all(|pull| !pull.open));
    assert!(!bed.simulator.refs(REPO).await.unwrap().keys().any(|name| name.contains("agent-fix")));
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while bed.simulator.slack_messages().iter().filter(|message| message.blocks.to_string().contains("breaks staging")).count() < 2 {
        assert!(std::time::Instant::now() < deadline, "{:?}", bed.simulator.slack_messages());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(bed.simulator.slack_messages().len(), 2, "each message was updated in place");
    assert_eq!(bed.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_on_postgresql() {
    let Ok(url) = std::env::var("REGREEN_TEST_POSTGRES_URL") else {
        requires!("serve::the_same_on_postgresql", false, "REGREEN_TEST_POSTGRES_URL");
        return;
    };
    let mut bed = three_red().await;
    let schema = format!("serve_{}", bed.port);
    let joiner = if url.contains('?') { "&" } else { "?" };
    let made = std::process::Command::new("psql").args([url.as_str(), "-qc", &format!("create schema {schema}")]).status();
    requires!("serve::the_same_on_postgresql", made.is_ok_and(|status| status.success()), "psql");
    bed.set("DATABASE_URL", &format!("{url}{joiner}options=-csearch_path%3D{schema}"));
    bed.start();
    let deadline = std::time::Instant::now() + Duration::from_secs(120);
    while bed.simulator.pulls(REPO).iter().filter(|pull| !pull.draft).count() < 2 {
        assert!(std::time::Instant::now() < deadline, "{}", bed.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (code, out, err) = bed.cli(&["jobs", "list", "--format", "json"]).await;
    assert_eq!((code, serde_json::from_str::<Vec<serde_json::Value>>(&out).unwrap_or_default().len()), (0, 3), "{out}{err}");
    assert_eq!(bed.stop().await, Some(0));
    let dropped = std::process::Command::new("psql").args([url.as_str(), "-qc", &format!("drop schema {schema} cascade")]).status();
    assert!(dropped.is_ok_and(|status| status.success()));
}

/// Memory at rest and after work, as the kernel counts it. Measured at full size only; the small run shows that twenty get through.
#[tokio::test(flavor = "multi_thread")]
async fn many_remediations_stay_small() {
    let count = if full_scale() { 20 } else { 4 };
    let mut bed = Bed::new(SimulatorOptions::default(), &[("ci", "**")], QUICK).await;
    bed.simulator.script_model(ModelRule::when(&["## File one.txt", "\n17\n"], ModelReply::Text(repair("one", "17"))));
    bed.start();
    let store = bed.store().await;
    let fresh = bed.resident();
    for n in 0..count {
        bed.push(&format!("ada/{n}"), Some("main"), &[("one.txt", "17\n"), ("n.txt", &format!("{n}\n"))], "ada").await;
    }
    bed.wait(&store, &format!("{count} fixes"), 240, |states| states.len() == count && states.iter().all(offered)).await;
    let after = bed.resident();
    eprintln!("resident: {fresh} kB fresh, {after} kB after {count} remediations");
    if full_scale() {
        assert!(after < 100_000, "{after} kB after {count} remediations");
    }
    assert_eq!(bed.simulator.pulls(REPO).len(), count);
    assert_eq!(bed.stop().await, Some(0));
}

/// From "run seen" to "draft PR open" on 3,000 files with a warm mirror, less the model and the tests: printed, for the record.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_repository_is_served_as_well() {
    let files = if full_scale() { 3000 } else { 200 };
    let mut bed = Bed::new(SimulatorOptions::default(), &[("ci", "**")], QUICK).await;
    bed.simulator.script_model(ModelRule::when(&["## File one.txt", "\n17\n"], ModelReply::Text(repair("one", "17"))));
    let content: Vec<(String, String)> = (0..files).map(|n| (format!("src/d{}/f{n}.txt", n % 60), format!("file {n}\n").repeat(20))).collect();
    let changes: Vec<(&str, &str)> = content.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    bed.push("main", None, &changes, "linus").await;
    bed.start();
    let store = bed.store().await;
    let (mut overheads, mut steps) = (Vec::new(), Vec::new());
    for n in 0..5 {
        bed.push(&format!("ada/{n}"), Some("main"), &[("one.txt", "17\n"), ("n.txt", &format!("{n}\n"))], "ada").await;
        let states = bed.wait(&store, "a fix", 120, |states| states.len() == n + 1 && states.iter().all(offered)).await;
        let state = &states[n];
        let proof = state.proof.as_ref().unwrap();
        let tests = proof.before.seconds + proof.after.as_ref().map_or(0.0, |after| after.seconds);
        let whole = (state.published_at.unwrap() - state.opened_at).num_milliseconds() as f64 / 1000.0;
        overheads.push(whole - tests);
        let events = store.events(&state.id).await.unwrap();
        let took = events.windows(2).map(|pair| ((pair[1].at - pair[0].at).num_milliseconds(), pair[1].event.name())).filter(|(took, _)| *took >= 50);
        steps.push(took.map(|(took, name)| format!("{name} {took}")).collect::<Vec<_>>().join(", "));
    }
    for (n, took) in steps.iter().enumerate() {
        eprintln!("{n}: steps of 50 ms and more, ms: {took}");
    }
    eprintln!("seen to draft on {files} files, less the tests, seconds: {overheads:.2?} (the first with a cold mirror)");
    assert_eq!(bed.stop().await, Some(0));
}
