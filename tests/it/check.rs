//! `regreen check` as people and pipelines call it: the real binary over real commits, and over a diff that is not committed yet.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn git(dir: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", dir)
        .output()
        .expect("git is needed by this test");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn check(dir: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_regreen")).arg("check").args(arguments).current_dir(dir).env_clear().output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("what is printed is UTF-8");
    (status.code().expect("it ended by itself"), text(stdout), text(stderr))
}

fn json(dir: &Path, arguments: &[&str]) -> (i32, Value) {
    let (code, out, err) = check(dir, &[arguments, &["--format", "json"]].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}")))
}

const SOURCE: &str = "def total(net, tax):\n    return net - tax\n";
const TEST: &str = "from shop import total\n\n\ndef test_adds_tax():\n    assert total(100, 10) == 110\n";

/// A repository whose `main` has a fault and the test that shows it, and a branch `topic` with `files` changed.
fn repository(files: &[(&str, Option<&str>)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let at = dir.path();
    git(at, &["init", "-q", "-b", "main"]);
    std::fs::create_dir(at.join("tests")).unwrap();
    std::fs::write(at.join("shop.py"), SOURCE).unwrap();
    std::fs::write(at.join("tests/test_shop.py"), TEST).unwrap();
    git(at, &["add", "-A"]);
    git(at, &["commit", "-qm", "start"]);
    git(at, &["checkout", "-qb", "topic"]);
    for (path, text) in files {
        let path = at.join(path);
        match text {
            Some(text) => {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            None => std::fs::remove_file(path).unwrap(),
        }
    }
    git(at, &["add", "-A"]);
    git(at, &["commit", "-qm", "change"]);
    dir
}

#[test]
fn a_branch_is_compared_with_where_it_left_main() {
    type Case<'a> = (&'a str, &'a [(&'a str, Option<&'a str>)], i32, &'a str);
    let cases: &[Case<'_>] = &[
        ("an honest fix", &[("shop.py", Some("def total(net, tax):\n    return net + tax\n"))], 0, ""),
        ("a deleted test", &[("tests/test_shop.py", None)], 4, "test_deleted"),
        (
            "an expected value that follows the fault",
            &[("tests/test_shop.py", Some("from shop import total\n\n\ndef test_adds_tax():\n    assert total(100, 10) == 90\n"))],
            1,
            "",
        ),
        ("a workflow", &[(".github/workflows/ci.yml", Some("on: push\n"))], 4, "path_forbidden"),
        ("bytes that are no text", &[("logo.bin", Some("a\0b"))], 1, "not_understood"),
    ];
    for (name, files, expected, rule) in cases {
        let dir = repository(files);
        let (code, report) = json(dir.path(), &[]);
        assert_eq!(code, *expected, "{name}: {report}");
        let decision = match expected {
            0 => "allow",
            1 => "ask",
            _ => "refuse",
        };
        assert_eq!(report["decision"], decision, "{name}");
        let findings = report["findings"].as_array().unwrap();
        assert_eq!(findings.is_empty(), *expected == 0, "{name}: {report}");
        assert!(rule.is_empty() || findings.iter().any(|finding| finding["rule"] == *rule), "{name}: {report}");
        for key in ["risk_score", "risk_reasons", "not_understood"] {
            assert!(!report[key].is_null(), "{name}: `{key}` is missing");
        }
        for finding in findings {
            for key in ["rule", "path", "line", "severity", "what"] {
                assert!(!finding[key].is_null(), "{name}: `{key}` is missing in {finding}");
            }
        }
        // Main moved on meanwhile: what is judged is still what the branch brings.
        git(dir.path(), &["checkout", "-q", "main"]);
        std::fs::remove_file(dir.path().join("tests/test_shop.py")).unwrap();
        git(dir.path(), &["commit", "-qam", "main goes on"]);
        assert_eq!(json(dir.path(), &["--base", "main", "--head", "topic"]).1["decision"], decision, "{name}, after main went on");
    }
}

#[test]
fn a_diff_says_the_same_as_the_commit_that_it_becomes() {
    let dir = repository(&[("tests/test_shop.py", Some("from shop import total\n\n\ndef test_adds_tax():\n    total(100, 10)\n"))]);
    let at = dir.path();
    let (code, of_commit) = json(at, &[]);
    let diff = Command::new("git").args(["diff", "main", "topic"]).current_dir(at).output().unwrap().stdout;
    git(at, &["checkout", "-q", "main"]);
    std::fs::write(at.join("fix.diff"), diff).unwrap();
    let (same, of_diff) = json(at, &["--dir", ".", "--diff", "fix.diff"]);
    assert_eq!((code, &of_commit["findings"], &of_commit["risk_score"]), (same, &of_diff["findings"], &of_diff["risk_score"]));
    assert_eq!(code, 4, "{of_commit}");

    // What does not fit, and what is no diff, is no yes.
    for text in ["--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@\n-nothing like it\n+x = 1\n", "hello", "--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n"] {
        std::fs::write(at.join("bad.diff"), text).unwrap();
        let (code, report) = json(at, &["--dir", ".", "--diff", "bad.diff"]);
        assert_eq!((code, report["decision"].as_str()), (4, Some("refuse")), "{text}: {report}");
    }
}

#[test]
fn every_format_is_one_that_its_reader_takes() {
    let dir = repository(&[("tests/test_shop.py", None), (".github/workflows/a b,c.yml", Some("on: push\n"))]);
    let (code, sarif, _) = check(dir.path(), &["--format", "sarif"]);
    let sarif: Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!((code, sarif["version"].as_str()), (4, Some("2.1.0")));
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
    }
    let (code, annotations, _) = check(dir.path(), &["--format", "github"]);
    assert_eq!(code, 4);
    assert!(annotations.lines().any(|line| line.starts_with("::error file=tests/test_shop.py,line=")), "{annotations}");
    let (code, text, _) = check(dir.path(), &[]);
    assert_eq!(code, 4);
    assert!(text.starts_with("refuse: 2 file(s)") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn what_can_not_be_compared_is_said_with_its_remedy() {
    let dir = repository(&[("shop.py", Some("x = 1\n"))]);
    for (arguments, says) in [
        (&["--base", "nope"][..], "fetch-depth: 0"),
        (&["--repo", "/nonexistent"][..], "no git repository"),
        (&["--dir", "."][..], "--diff"),
        (&["--dir", "/nonexistent", "--diff", "x"][..], "--dir"),
        (&["--forbid", "{"][..], "glob"),
    ] {
        let (code, out, err) = check(dir.path(), arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.contains(says), "{arguments:?}: {err}");
    }
    let empty = tempfile::tempdir().unwrap();
    git(empty.path(), &["init", "-q", "-b", "work"]);
    std::fs::write(empty.path().join("a"), "a").unwrap();
    git(empty.path(), &["add", "-A"]);
    git(empty.path(), &["commit", "-qm", "one"]);
    let (code, _, err) = check(empty.path(), &[]);
    assert!(code == 2 && err.contains("--base"), "{err}");
}
