//! The demo, as a newcomer runs it.

use std::process::Command;

use serde_json::Value;

fn demo(args: &[&str]) -> (Option<i32>, Vec<Value>, String) {
    let folder = tempfile::tempdir().unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_regreen")).args(["demo", "--json"]).args(args).current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    (out.status.code(), lines, String::from_utf8_lossy(&out.stderr).into_owned())
}

#[test]
fn two_fixes_and_a_refusal() {
    let (code, lines, err) = demo(&["--seed", "11"]);
    assert_eq!(code, Some(0), "{err}");
    for line in &lines {
        assert!(line["event"].is_string() && line["at"].is_string(), "{line}");
    }
    let done = lines.last().unwrap();
    assert_eq!(done["event"], "done");
    assert_eq!(done["seed"], 11);
    let all = done["remediations"].as_array().unwrap();
    assert_eq!(all.len(), 3);
    let with_pull: Vec<_> = all.iter().filter(|one| !one["pr"].is_null()).collect();
    assert_eq!(with_pull.len(), 2);
    for one in with_pull {
        assert_eq!(one["pr"]["base"], one["branch"]);
        assert!(one["pr"]["head"].as_str().unwrap().starts_with("agent-fix/"));
        assert_eq!(one["pr"]["draft"], false);
        assert_eq!(one["proved"], true);
        assert!(one["checks_passed"].as_array().unwrap().len() >= 5);
        assert_eq!(one["checks_failed"].as_array().unwrap().len(), 0);
    }
    let routes: Vec<_> = all.iter().filter_map(|one| one["route"].as_str()).collect();
    assert!(routes.contains(&"cargo-fix") && routes.contains(&"scripted"), "{routes:?}");
    let main = all.iter().find(|one| one["branch"] == "main").unwrap();
    assert_eq!((main["outcome"].as_str(), main["reason"].as_str()), (Some("blocked"), Some("protected_branch")));
    assert!(main["checks_failed"].as_array().unwrap().contains(&Value::from("protected_branch")));
}

#[test]
fn every_other_scenario_ends_as_its_name_says() {
    let out = Command::new(env!("CARGO_BIN_EXE_regreen")).args(["demo", "--list"]).output().unwrap();
    let list = String::from_utf8_lossy(&out.stdout).into_owned();
    for scenario in ["compile-error", "protected-branch", "risk-too-high", "skipped-test", "stale-branch", "circuit-open", "no-ci", "dry-run", "flaky"] {
        assert!(list.contains(scenario), "{list}");
        let (code, lines, err) = demo(&["--scenario", scenario, "--seed", "12"]);
        assert_eq!(code, Some(0), "{scenario}: {}\n{err}", lines.last().map(ToString::to_string).unwrap_or_default());
    }
}

#[test]
fn a_scenario_that_is_not_there_is_a_wrong_use() {
    let out = Command::new(env!("CARGO_BIN_EXE_regreen")).args(["demo", "--scenario", "nonsense"]).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("skipped-test"));
}
