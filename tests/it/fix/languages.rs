//! A really failing test in each language, mended, proved and left on a branch of its own.

use std::path::Path;
use std::process::Command;

use super::bench::{Bench, PYTHON, PYTHON_FIX, UNITTEST, diff, git_in, has, isolates, reaches};

/// One repository, how it is tested, and what mends it.
struct Case {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    setup: &'static [&'static str],
    command: &'static str,
    fix: &'static str,
}

/// Dry-run first (nothing at all is written), then the fix, then the same once more (the same commit).
async fn mends(case: &Case) {
    let bench = Bench::new(case.files, vec![diff(case.fix)]).await;
    let before = bench.look();
    let head = bench.git(&["rev-parse", "HEAD"]);
    let branch = format!("agent-fix/feature/x-{}", &head[..12]);
    let mut arguments: Vec<&str> = case.setup.iter().flat_map(|setup| ["--setup", setup]).collect();
    arguments.extend(["--cmd", case.command]);

    let dry = bench.fix(&[arguments.as_slice(), &["--dry-run"]].concat()).await;
    let json = dry.expect("dry_run", "dry_run", 0);
    assert_eq!(bench.look(), before, "{}: dry-run changed the clone", case.name);
    assert_eq!(json["branch"], branch.as_str());
    assert_eq!(json["commit"], serde_json::Value::Null);
    assert_eq!(json["verdict"]["checks_failed"], serde_json::json!(["dry_run"]));
    assert!(json["would_write"].as_array().is_some_and(|all| all.iter().any(|line| line.as_str().is_some_and(|line| line.contains(&branch)))), "{json}");

    let ran = bench.fix(&arguments).await;
    let json = ran.expect("fixed", "branch_left", 0);
    assert_eq!(bench.look().without(&branch), before, "{}: more than the fix branch changed", case.name);
    let commit = bench.git(&["rev-parse", &format!("refs/heads/{branch}")]);
    assert_eq!(
        (json["branch"].as_str(), json["commit"].as_str(), json["base_sha"].as_str()),
        (Some(branch.as_str()), Some(commit.as_str()), Some(head.as_str()))
    );
    assert_eq!(bench.git(&["rev-parse", &format!("{commit}^@")]), head, "one commit, on the broken one");
    assert_eq!(
        (json["attempts"].as_u64(), json["route"].as_str(), json["tokens"].as_u64(), json["cost_usd"].as_f64()),
        (Some(1), Some("scripted"), Some(120), Some(0.0))
    );
    assert_eq!(json["verdict"]["allowed"], true);
    assert_eq!(json["verdict"]["checks_failed"], serde_json::json!([]));
    for check in ["risk_score", "circuit", "protected_branch", "dry_run", "snapshot"] {
        assert!(json["verdict"]["checks_passed"].as_array().is_some_and(|all| all.iter().any(|passed| passed == check)), "{check}: {json}");
    }
    let proof = &json["proof"];
    assert!(proof["before"]["exit_code"].as_i64().is_some_and(|code| code != 0) && proof["after"]["exit_code"] == 0, "{proof}");
    assert!(proof["before"]["seconds"].is_f64() && proof["before"]["command"] == case.command && proof["after"]["command"] == case.command, "{proof}");

    // The patch alone turns the broken commit into the fix, and the fix passes where nobody prepared anything but the set-up.
    let elsewhere = bench.checkout("feature/x");
    std::fs::write(bench.base().join("fix.diff"), json["patch"].as_str().unwrap()).unwrap();
    git_in(&elsewhere, &["apply", "--index", "../fix.diff"]);
    assert_eq!(git_in(&elsewhere, &["write-tree"]), bench.git(&["rev-parse", &format!("{commit}^{{tree}}")]));
    let fixed = bench.checkout(&branch);
    for setup in case.setup {
        assert!(shell(&fixed, setup), "{}: {setup}", case.name);
    }
    assert!(shell(&fixed, case.command), "{}: the fix is not green elsewhere", case.name);

    let again = bench.fix(&arguments).await.expect("fixed", "branch_left", 0);
    assert_eq!(again["commit"], commit.as_str(), "the same input gives the same commit");
    bench.git(&["branch", "-D", &branch]);
    std::fs::remove_dir_all(bench.data()).unwrap();
    let anew = bench.fix(&arguments).await.expect("fixed", "branch_left", 0);
    assert_eq!(anew["commit"], commit.as_str(), "the same input gives the same commit, also from nothing");
    bench.assert_tidy();
}

/// Outside of any sandbox: this is the test's own code.
fn shell(folder: &Path, script: &str) -> bool {
    let output = Command::new("bash").args(["-c", script]).current_dir(folder).env_remove("CARGO_TARGET_DIR").output().unwrap();
    if !output.status.success() {
        eprintln!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_with_cargo_test() {
    requires!("rust_with_cargo_test", isolates(), "user namespaces");
    mends(&Case {
        name: "cargo test",
        files: &[
            ("Cargo.toml", "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
            (".gitignore", "target\n"),
            ("src/lib.rs", "pub fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn adds() {\n        assert_eq!(add(2, 3), 5);\n    }\n\n    #[test]\n    fn adds_nothing() {\n        assert_eq!(add(1, 0), 1);\n    }\n}\n"),
        ],
        setup: &[],
        command: "cargo test",
        fix: "--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -1,3 +1,3 @@\n pub fn add(a: i32, b: i32) -> i32 {\n-    a - b\n+    a + b\n }\n",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_with_unittest() {
    requires!("python_with_unittest", isolates() && has("python3", &["--version"]), "user namespaces and python3");
    mends(&Case { name: "unittest", files: &PYTHON, setup: &[], command: UNITTEST, fix: PYTHON_FIX }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_with_pytest_from_the_registry() {
    let met = isolates() && has("python3", &["-c", "import venv, ensurepip"]) && reaches("https://pypi.org/simple/pytest/");
    requires!("python_with_pytest_from_the_registry", met, "user namespaces, python3 with venv, curl and pypi.org");
    mends(&Case {
        name: "pytest",
        files: &PYTHON,
        setup: &["python3 -m venv .venv && .venv/bin/pip install pytest==8.3.5"],
        command: ".venv/bin/python -m pytest -rA",
        fix: PYTHON_FIX,
    })
    .await;
}

const JAVASCRIPT: &str = "exports.add = (a, b) => a - b;\n";
const JAVASCRIPT_FIX: &str = "--- a/calc.js\n+++ b/calc.js\n@@ -1 +1 @@\n-exports.add = (a, b) => a - b;\n+exports.add = (a, b) => a + b;\n";

#[tokio::test(flavor = "multi_thread")]
async fn javascript_with_nodes_own_runner() {
    requires!("javascript_with_nodes_own_runner", isolates() && has("node", &["--test", "--test-name-pattern=none"]), "user namespaces and node 18 or later");
    mends(&Case {
        name: "node --test",
        files: &[
            ("calc.js", JAVASCRIPT),
            ("calc.test.js", "const test = require('node:test');\nconst assert = require('node:assert');\nconst { add } = require('./calc');\n\ntest('adds', () => assert.strictEqual(add(2, 3), 5));\ntest('adds nothing', () => assert.strictEqual(add(1, 0), 1));\n"),
        ],
        setup: &[],
        command: "node --test",
        fix: JAVASCRIPT_FIX,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_with_mocha_from_the_registry() {
    let met = isolates() && has("npm", &["--version"]) && reaches("https://registry.npmjs.org/mocha/10.8.2");
    requires!("javascript_with_mocha_from_the_registry", met, "user namespaces, npm, curl and registry.npmjs.org");
    mends(&Case {
        name: "mocha",
        files: &[
            ("calc.js", JAVASCRIPT),
            (".gitignore", "node_modules\npackage-lock.json\n"),
            ("package.json", "{\"name\":\"calc\",\"version\":\"1.0.0\",\"scripts\":{\"test\":\"mocha\"},\"devDependencies\":{\"mocha\":\"10.8.2\"}}\n"),
            ("test/calc.test.js", "const assert = require('node:assert');\nconst { add } = require('../calc');\n\ndescribe('calc', () => {\n  it('adds', () => assert.strictEqual(add(2, 3), 5));\n  it('adds nothing', () => assert.strictEqual(add(1, 0), 1));\n});\n"),
        ],
        setup: &["npm install --no-audit --no-fund"],
        command: "npm test",
        fix: JAVASCRIPT_FIX,
    })
    .await;
}
