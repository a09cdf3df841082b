use std::io::Read;

use serde_json::{Value, json};
use simulator::{Change, Push};

use crate::{Bench, REPO, WAIT};

const CI: &str = r#"name: CI
on:
  push:
    branches: ['**']
  pull_request:
    branches: [main]
env:
  GREETING: hello
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Prepare
        id: prepare
        run: |
          echo "answer=42" >> "$GITHUB_OUTPUT"
          echo "LATER=yes" >> "$GITHUB_ENV"
      - run: sh check.sh
        env:
          ANSWER: ${{ steps.prepare.outputs.answer }}
      - if: failure()
        run: echo "cleaning $LATER $CI $GITHUB_REF_NAME"
      - run: echo never
  after:
    needs: build
    runs-on: ubuntu-latest
    steps:
      - run: echo after
"#;

fn ci(check: &str) -> Vec<Change> {
    vec![Change::write(".github/workflows/ci.yml", CI), Change::write("check.sh", check)]
}

const BROKEN: &str = "pwd\nprintf '\\033[31m%s %s\\033[0m\\n' \"$GREETING\" \"$ANSWER\"\necho to stderr >&2\ntest \"$GITHUB_RUN_ATTEMPT\" = 2\n";

async fn log_of(bench: &Bench, path: &str) -> Vec<u8> {
    let redirect = bench.request("GET", path, "writer").send().await.unwrap();
    assert_eq!(redirect.status(), 302, "{path}");
    bench.http.get(redirect.headers()["location"].to_str().unwrap()).send().await.unwrap().bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn a_failing_step_leaves_githubs_log_and_a_rerun_repeats_it() {
    let bench = Bench::start(true, ci("exit 0\n")).await;
    let sha = bench.push("feature/x", "check.sh", BROKEN).await;
    bench.simulator.wait_for_run(REPO, &sha, WAIT).await.unwrap();
    let runs = bench.get(&format!("/repos/{REPO}/actions/runs?head_sha={sha}")).await;
    let run = &runs["workflow_runs"][0];
    assert_eq!(
        (&run["conclusion"], &run["event"], &run["head_branch"], &run["path"]),
        (&json!("failure"), &json!("push"), &json!("feature/x"), &json!(".github/workflows/ci.yml"))
    );
    let id = run["id"].as_u64().unwrap();
    let jobs = bench.get(&format!("/repos/{REPO}/actions/runs/{id}/jobs")).await["jobs"].take();
    let steps: Vec<(&str, &str)> =
        jobs[0]["steps"].as_array().unwrap().iter().map(|step| (step["name"].as_str().unwrap(), step["conclusion"].as_str().unwrap())).collect();
    assert_eq!(
        steps,
        [
            ("Set up job", "success"),
            ("Run actions/checkout@v4", "success"),
            ("Prepare", "success"),
            ("Run sh check.sh", "failure"),
            ("Run echo \"cleaning $LATER $CI $GITHUB_REF_NAME\"", "success"),
            ("Run echo never", "skipped"),
            ("Post Run actions/checkout@v4", "success"),
            ("Complete job", "success"),
        ]
    );
    assert_eq!(jobs[1]["conclusion"], "skipped");
    let log = String::from_utf8(log_of(&bench, &format!("/repos/{REPO}/actions/jobs/{}/logs", jobs[0]["id"])).await).unwrap();
    assert!(log.starts_with('\u{feff}'));
    let lines: Vec<&str> = log.trim_start_matches('\u{feff}').lines().map(|line| line.split_once(' ').map_or("", |(_, text)| text)).collect();
    let at = lines.iter().position(|line| *line == "##[group]Run sh check.sh").unwrap();
    assert_eq!(
        &lines[at..at + 12],
        [
            "##[group]Run sh check.sh",
            "\u{1b}[36;1msh check.sh\u{1b}[0m",
            "shell: /usr/bin/bash -e {0}",
            "env:",
            "  GREETING: hello",
            "  LATER: yes",
            "  ANSWER: 42",
            "##[endgroup]",
            "/home/runner/work/widgets/widgets",
            "\u{1b}[31mhello 42\u{1b}[0m",
            "to stderr",
            "##[error]Process completed with exit code 1.",
        ]
    );
    assert!(lines.contains(&"cleaning yes true feature/x"), "{log}");
    assert!(log.lines().all(|line| line.trim_start_matches('\u{feff}').as_bytes()[27] == b'Z'), "{log}");

    let archive = log_of(&bench, &format!("/repos/{REPO}/actions/runs/{id}/logs")).await;
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert!(names.iter().any(|name| name == "0_build.txt") && names.iter().any(|name| name == "build/1_Set up job.txt"), "{names:?}");
    let mut step = String::new();
    archive.by_name("build/4_Run sh check.sh.txt").unwrap().read_to_string(&mut step).unwrap();
    assert!(step.contains("##[error]Process completed with exit code 1."));

    assert_eq!(bench.ask("POST", &format!("/repos/{REPO}/actions/runs/{id}/rerun-failed-jobs"), Value::Null).await.0, 201);
    bench
        .simulator
        .wait_until(WAIT, "the rerun", |view| view.runs(REPO).any(|run| run.id == id && run.latest().number == 2 && run.latest().status == "completed"))
        .await
        .unwrap();
    let run = bench.get(&format!("/repos/{REPO}/actions/runs/{id}")).await;
    assert_eq!((&run["run_attempt"], &run["conclusion"]), (&json!(2), &json!("success")));
    assert!(std::fs::read_dir(bench.simulator.folder().join("runners")).unwrap().next().is_none(), "a job's folder goes with it");
}

#[tokio::test]
async fn triggers_decide_which_pull_requests_have_ci() {
    let only_main = CI.replace("branches: ['**']", "branches: [main]");
    let files = vec![Change::write(".github/workflows/ci.yml", only_main), Change::write("check.sh", "exit 0\n")];
    let bench = Bench::start(true, files).await;
    let main = bench.simulator.branch(REPO, "main").await.unwrap().unwrap();
    bench.simulator.wait_for_run(REPO, &main, WAIT).await.unwrap();
    bench.push("feature/x", "a", "1").await;
    let sha = bench.simulator.push_commit(REPO, Push::new("fix", "Fix").from("feature/x").write("a", "2")).await.unwrap();
    bench.simulator.open_pull(REPO, "fix", "feature/x", "t", "", "ada").await.unwrap();
    assert_eq!(bench.simulator.runs(REPO).len(), 1, "neither the push nor the base is listened to");
    bench.simulator.open_pull(REPO, "fix", "main", "t", "", "ada").await.unwrap();
    bench.simulator.wait_for_run(REPO, &sha, WAIT).await.unwrap();
    let runs = bench.get(&format!("/repos/{REPO}/actions/runs?event=pull_request")).await["workflow_runs"].take();
    assert_eq!((&runs[0]["head_sha"], &runs[0]["conclusion"], &runs[0]["pull_requests"][0]["number"]), (&json!(sha), &json!("success"), &json!(2)));
}

#[tokio::test]
async fn invalid_files_timeouts_and_matrices_conclude() {
    let slow = "name: Slow\non: push\njobs:\n  s:\n    runs-on: x\n    timeout-minutes: 0.02\n    steps:\n      - run: sleep 60 & sleep 60\n";
    let matrix = "name: Matrix\non: push\njobs:\n  m:\n    runs-on: x\n    strategy:\n      fail-fast: false\n      matrix:\n        code: [0, 3]\n    steps:\n      - run: exit ${{ matrix.code }}\n        shell: bash\n      - continue-on-error: true\n        run: exit 1\n";
    let bad = "name: Bad\non: push\njobs:\n  b:\n    steps: []\n";
    let file = |name: &str, text: &str| Change::write(&format!(".github/workflows/{name}.yml"), text);
    let bench = Bench::start(true, vec![file("slow", slow), file("matrix", matrix), file("bad", bad)]).await;
    let main = bench.simulator.branch(REPO, "main").await.unwrap().unwrap();
    bench.simulator.wait_for_run(REPO, &main, WAIT).await.unwrap();
    let conclusion = |path: &str| {
        let runs = bench.simulator.runs(REPO);
        runs.iter().find(|run| run.path.ends_with(path)).unwrap().latest().conclusion.clone().unwrap()
    };
    assert_eq!(
        (conclusion("slow.yml"), conclusion("bad.yml"), conclusion("matrix.yml")),
        ("timed_out".to_owned(), "startup_failure".to_owned(), "failure".to_owned())
    );
    let runs = bench.simulator.runs(REPO);
    let jobs = &runs.iter().find(|run| run.workflow == "Matrix").unwrap().latest().jobs;
    let short: Vec<_> = jobs.iter().map(|job| (job.name.as_str(), job.conclusion.as_deref().unwrap())).collect();
    assert_eq!(short, [("m (0)", "success"), ("m (3)", "failure")]);
}

#[tokio::test]
async fn the_rust_toolchain_works_in_the_emptied_environment() {
    let ci = "name: CI\non: push\nenv:\n  CARGO_TERM_COLOR: always\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - uses: dtolnay/rust-toolchain@stable\n      - run: cargo test --offline\n";
    let files = vec![
        Change::write(".github/workflows/ci.yml", ci),
        Change::write("Cargo.toml", "[package]\nname = \"sum\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        Change::write("src/lib.rs", "pub fn sum(a: u8, b: u8) -> u8 { a - b }\n#[test]\nfn adds() { assert_eq!(sum(2, 1), 3); }\n"),
    ];
    let bench = Bench::start(true, files).await;
    let main = bench.simulator.branch(REPO, "main").await.unwrap().unwrap();
    bench.simulator.wait_for_run(REPO, &main, WAIT * 2).await.unwrap();
    let runs = bench.simulator.runs(REPO);
    let log = runs[0].latest().jobs[0].log();
    for part in [
        "\u{1b}[1m",
        "test adds ... FAILED",
        "panicked at src/lib.rs:3:13",
        "##[error]Process completed with exit code 101.",
        "(/home/runner/work/widgets/widgets)",
    ] {
        assert!(log.contains(part), "{part:?} should be in {log}");
    }
}
