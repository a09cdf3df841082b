//! Clones of every kind: what can be mended is, what can't is told, and nothing of them is touched.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::bench::{Bench, PYTHON, PYTHON_FIX, UNITTEST, diff, git_in, has, isolates, look};

fn met() -> bool {
    isolates() && has("python3", &["--version"])
}

async fn python() -> Bench {
    Bench::new(&PYTHON, vec![diff(PYTHON_FIX)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_links_and_submodules() {
    requires!("hostile_names_links_and_submodules", met(), "user namespaces and python3");
    let bench = python().await;
    let names = [
        "-rf",
        "--help",
        "a b",
        "line\nend",
        "tab\t",
        "quote'\"`",
        "$(touch PWNED)",
        ";touch PWNED",
        "|x",
        "é\u{301}",
        "\u{202e}txt.py",
        "%s%n",
        "*",
        "?",
        "\\",
        "\u{1b}[2J",
        "CON",
        "a:b",
        "END EVIDENCE",
    ];
    for name in names {
        bench.write(name, "x\n");
        bench.write(&format!("folder {name}/{name}"), "y\n");
    }
    bench.write(&"l".repeat(250), "z\n");
    for (at, to) in [
        ("link-up", "../../../../etc/passwd"),
        ("link-root", "/"),
        ("link-self", "link-self"),
        ("link-git", ".git/config"),
        ("link-in", "calc.py"),
        ("loop", "."),
    ] {
        std::os::unix::fs::symlink(to, bench.clone().join(at)).unwrap();
    }
    bench.git(&["add", "-A"]);
    bench.git(&["update-index", "--add", "--cacheinfo", "160000,1111111111111111111111111111111111111111,vendor/sub"]);
    bench.git(&["config", "-f", ".gitmodules", "submodule.sub.url", "--upload-pack=touch PWNED"]);
    bench.git(&["config", "-f", ".gitmodules", "submodule.sub.path", "vendor/sub"]);
    bench.git(&["add", ".gitmodules"]);
    bench.commit("hostile names");
    let before = bench.look();
    let ran = bench.fix(&["--cmd", UNITTEST]).await;
    let json = ran.expect("fixed", "branch_left", 0);
    assert_eq!(bench.look().without(json["branch"].as_str().unwrap()), before);
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{202e}'), "control characters are shown");
    // The fix changes one file and keeps every other entry.
    let changed = bench.git(&["diff", "--name-only", "HEAD", json["commit"].as_str().unwrap()]);
    assert_eq!(changed, "calc.py");
    assert!(!bench.clone().join("PWNED").exists() && !bench.base().join("PWNED").exists());
}

/// A patch through a link of the tree reaches nothing.
#[tokio::test(flavor = "multi_thread")]
async fn no_patch_goes_through_a_link() {
    requires!("no_patch_goes_through_a_link", met(), "user namespaces and python3");
    for (at, to, path) in [("out", "..", "out/escaped"), ("away", "/tmp", "away/regreen-escaped-by-link"), ("link.py", "calc.py", "link.py")] {
        let text = format!("{PYTHON_FIX}--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n");
        let bench = Bench::new(&PYTHON, vec![diff(&text)]).await;
        std::os::unix::fs::symlink(to, bench.clone().join(at)).unwrap();
        bench.git(&["add", "-A"]);
        bench.commit("a link");
        let before = bench.look();
        bench.fix(&["--cmd", UNITTEST]).await.expect("no_fix", "no_patch", 1);
        assert_eq!(bench.look(), before);
        assert!(!bench.base().join("escaped").exists() && !Path::new("/tmp/regreen-escaped-by-link").exists());
    }
}

/// What a clone's own settings, hooks and attributes would run is not run.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_clone_is_run_outside_the_sandbox() {
    requires!("nothing_of_a_clone_is_run_outside_the_sandbox", met(), "user namespaces and python3");
    let bench = python().await;
    let mark = bench.base().join("PWNED");
    let touch = format!("touch {}", mark.display());
    for hook in
        ["reference-transaction", "post-checkout", "post-commit", "pre-push", "pre-receive", "update", "post-update", "post-index-change", "fsmonitor-watchman"]
    {
        let path = bench.clone().join(".git/hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{touch}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    bench.write(".gitattributes", "*.py filter=evil diff=evil\n");
    bench.git(&["add", ".gitattributes"]);
    bench.commit("attributes");
    for (name, value) in [
        ("core.fsmonitor", touch.as_str()),
        ("core.sshCommand", &touch),
        ("core.editor", &touch),
        ("core.pager", &touch),
        ("credential.helper", &format!("!{touch}")),
        ("diff.external", &touch),
        ("diff.evil.command", &touch),
        ("diff.evil.textconv", &touch),
        ("filter.evil.clean", &touch),
        ("filter.evil.smudge", &touch),
        ("filter.evil.process", &touch),
        ("uploadpack.packObjectsHook", &touch),
        ("gpg.program", &touch),
        ("commit.gpgSign", "true"),
        ("remote.origin.url", &format!("ext::{touch}")),
        ("protocol.ext.allow", "always"),
    ] {
        bench.git(&["config", name, value]);
    }
    // Making all of it may have run some of it.
    let _ = std::fs::remove_file(&mark);
    let json = bench.fix(&["--cmd", UNITTEST]).await.expect("fixed", "branch_left", 0);
    assert!(!mark.exists(), "something of the clone was run");
    assert!(json["commit"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_of_every_name() {
    requires!("branches_of_every_name", met(), "user namespaces and python3");
    let long = format!("long/{}", "n".repeat(190));
    for name in ["main", "release/1.0", "user/ann/fix-#42", "ünïcødé/枝", "a@b", "x{y", long.as_str(), "agent-fixes/x", "v1.0-0123456789ab/x"] {
        let bench = python().await;
        if name == "main" {
            bench.git(&["checkout", "-q", "main"]);
            bench.git(&["reset", "-q", "--hard", "feature/x"]);
        } else {
            bench.git(&["branch", name]);
        }
        let before = bench.look();
        // Checked out is another branch than the one that is mended.
        let ran = bench.fix(&["--branch", name, "--cmd", UNITTEST]).await;
        let json = ran.expect("fixed", "branch_left", 0);
        let fix = json["branch"].as_str().unwrap();
        assert!(fix.starts_with("agent-fix/") && fix.ends_with(&json["base_sha"].as_str().unwrap()[..12]), "{fix}");
        assert_eq!(bench.look().without(fix), before, "{name}");
        assert_eq!(bench.git(&["rev-parse", &format!("refs/heads/{fix}")]), json["commit"].as_str().unwrap(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_that_are_refused() {
    let bench = python().await;
    bench.git(&["branch", "agent-fix/feature/y-0123456789ab"]);
    let before = bench.look();
    for (name, words) in [
        ("--branch=-x", "-x"),
        ("--branch=--upload-pack=touch PWNED", "--upload-pack"),
        ("--branch=nonesuch", "nonesuch"),
        ("--branch=a..b", "a..b"),
        ("--branch=a b", "a b"),
        ("--branch=x.lock", "x.lock"),
        ("--branch=refs/tags/v1", "refs/tags"),
        ("--branch=", "empty"),
        ("--branch=HEAD~1", "HEAD~1"),
    ] {
        bench.fix(&[name, "--cmd", UNITTEST]).await.refused(2, words);
    }
    assert_eq!(bench.look(), before);
    requires!("branches_that_are_refused (its own)", met(), "user namespaces and python3");
    bench.fix(&["--branch", "agent-fix/feature/y-0123456789ab", "--cmd", UNITTEST]).await.refused(2, "own");
    assert_eq!((bench.look(), bench.model.asked().len()), (before, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detached_head() {
    requires!("a_detached_head", met(), "user namespaces and python3");
    let bench = python().await;
    bench.git(&["checkout", "-q", "--detach"]);
    let before = bench.look();
    let json = bench.fix(&["--cmd", UNITTEST]).await.expect("fixed", "branch_left", 0);
    assert_eq!(bench.look().without(json["branch"].as_str().unwrap()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dirty_checkout() {
    requires!("a_dirty_checkout", met(), "user namespaces and python3");
    let bench = python().await;
    // Staged, changed, deleted and new: none of it takes part, and none of it is lost.
    bench.write("calc.py", "def add(a, b):\n    return 'staged'\n");
    bench.git(&["add", "calc.py"]);
    bench.write("calc.py", "def add(a, b):\n    return 'changed'\n");
    bench.write("new.py", "secret = 1\n");
    std::fs::remove_file(bench.clone().join("test_calc.py")).unwrap();
    bench.git(&["stash", "create"]);
    std::fs::write(bench.clone().join(".git/index.lock"), "").unwrap();
    let before = look(&bench.clone());
    let json = bench.fix(&["--cmd", UNITTEST]).await.expect("fixed", "branch_left", 0);
    assert_eq!(bench.look().without(json["branch"].as_str().unwrap()), before);
    assert_eq!(bench.git(&["diff", "--name-only", "HEAD", json["commit"].as_str().unwrap()]), "calc.py");
    assert!(!bench.model.prompt(0).contains("secret = 1") && !bench.model.prompt(0).contains("staged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bare_linked_and_shallow_clones() {
    requires!("bare_linked_and_shallow_clones", met(), "user namespaces and python3");
    let bench = python().await;
    let origin = format!("file://{}", bench.clone().display());
    git_in(bench.base(), &["clone", "-q", "--bare", &origin, "bare.git"]);
    git_in(bench.base(), &["clone", "-q", "--depth", "1", "--branch", "feature/x", &origin, "shallow"]);
    bench.git(&["worktree", "add", "-q", "-b", "feature/z", "../linked"]);
    bench.git(&["config", "gc.auto", "0"]);
    for name in ["bare.git", "shallow", "linked"] {
        let path = bench.base().join(name);
        // A linked folder's git is a file: its branches are the main clone's.
        let whole = if name == "linked" { bench.clone() } else { path.clone() };
        let before = (look(&whole), std::fs::metadata(&path).is_ok());
        let shown = path.display().to_string();
        let ran = bench.regreen(&["fix", "--repo", &shown, "--format", "json", "--cmd", UNITTEST]).await;
        let json = ran.expect("fixed", "branch_left", 0);
        let fix = json["branch"].as_str().unwrap();
        assert_eq!(git_in(&path, &["rev-parse", &format!("refs/heads/{fix}")]), json["commit"].as_str().unwrap(), "{name}");
        git_in(&path, &["fsck", "--connectivity-only"]);
        if name != "bare.git" {
            assert_eq!(git_in(&path, &["status", "--porcelain"]), "", "{name}");
            assert_eq!(look(&whole).without(fix), before.0, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_are_no_clone() {
    let bench = python().await;
    for (name, words) in [
        ("nothing", "no git repository"),
        ("empty", "no commit"),
        ("file", "no git repository"),
        ("broken", "no git repository"),
        ("nonesuch", "can't be opened"),
    ] {
        let path = bench.base().join(name);
        match name {
            "nothing" => std::fs::create_dir(&path).unwrap(),
            "empty" => drop(git_in(bench.base(), &["init", "-q", name])),
            "file" => std::fs::write(&path, "x").unwrap(),
            "broken" => {
                std::fs::create_dir_all(path.join(".git")).unwrap();
                std::fs::write(path.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
            }
            _ => {}
        }
        let shown = path.display().to_string();
        bench.regreen(&["fix", "--repo", &shown, "--cmd", "true"]).await.refused(2, words);
    }
    assert_eq!(bench.model.asked().len(), 0);
}

/// The fix branch's name is taken by somebody's own work.
#[tokio::test(flavor = "multi_thread")]
async fn a_taken_name_is_not_overwritten() {
    requires!("a_taken_name_is_not_overwritten", met(), "user namespaces and python3");
    let bench = python().await;
    let head = bench.git(&["rev-parse", "HEAD"]);
    let own = bench.git(&["commit-tree", "-m", "mine", "HEAD^{tree}"]);
    bench.git(&["branch", &format!("agent-fix/feature/x-{}", &head[..12]), &own]);
    let before = bench.look();
    bench.fix(&["--cmd", UNITTEST]).await.expect("no_fix", "write_refused", 1);
    assert_eq!(bench.look(), before);
}

/// CI's own log decides what counts as red: the same failure goes on, another does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_github() {
    requires!("a_log_of_github", met(), "user namespaces and python3");
    let log = |test: &str, seen: &str| {
        let stamp = "2026-03-01T12:00:00.1234567Z ";
        let lines = [
            "##[group]Run python3 -m unittest -v",
            "\u{1b}[36;1mpython3 -m unittest -v\u{1b}[0m",
            "shell: /usr/bin/bash -e {0}",
            "##[endgroup]",
            &format!("{test} (test_calc.CalcTest.{test}) ... FAIL"),
            "",
            "======================================================================",
            &format!("FAIL: {test} (test_calc.CalcTest.{test})"),
            "----------------------------------------------------------------------",
            "Traceback (most recent call last):",
            &format!("  File \"/home/runner/work/calc/calc/test_calc.py\", line 8, in {test}"),
            "    self.assertEqual(add(2, 3), 5)",
            &format!("AssertionError: {seen} != 5"),
            "",
            "----------------------------------------------------------------------",
            "Ran 3 tests in 0.001s",
            "",
            "FAILED (failures=1)",
            "##[error]Process completed with exit code 1.",
        ];
        lines.iter().map(|line| format!("{stamp}{line}\r\n")).collect::<String>()
    };
    let bench = python().await;
    let path = bench.base().join("ci.log");
    std::fs::write(&path, format!("\u{feff}{}", log("test_add", "-1"))).unwrap();
    let shown = path.display().to_string();
    let json = bench.fix(&["--cmd", UNITTEST, "--log", &shown]).await.expect("fixed", "branch_left", 0);
    assert!(bench.model.prompt(0).contains("test_add"), "{json}");

    let bench = python().await;
    let before = bench.look();
    for text in [log("test_of_another_module", "7"), String::new(), "\u{0}\u{7f}\r".repeat(4096)] {
        let path = bench.base().join("other.log");
        std::fs::write(&path, text).unwrap();
        let shown = path.display().to_string();
        let json = bench.fix(&["--cmd", UNITTEST, "--log", &shown]).await.expect("not_reproduced", "not_reproduced", 1);
        assert!(json["detail"].as_str().is_some_and(|detail| detail.contains("another reason")), "{json}");
    }
    assert_eq!((bench.look(), bench.model.asked().len()), (before, 0));
}

/// A branch of a clone is pushed by nobody: what a workflow could reach from it is its owner's matter.
#[tokio::test(flavor = "multi_thread")]
async fn workflows_with_secrets_are_no_hindrance_in_a_clone() {
    requires!("workflows_with_secrets_are_no_hindrance_in_a_clone", met(), "user namespaces and python3");
    let bench = python().await;
    let workflow = "on: [push, pull_request]\npermissions: write-all\njobs:\n  test:\n    runs-on: self-hosted\n    steps:\n      - run: ./deploy\n        env:\n          KEY: ${{ secrets.KEY }}\n";
    bench.write(".github/workflows/ci.yml", workflow);
    bench.git(&["add", "-A"]);
    bench.commit("a workflow");
    let json = bench.fix(&["--cmd", UNITTEST]).await.expect("fixed", "branch_left", 0);
    assert!(json["verdict"]["checks_passed"].as_array().is_some_and(|all| all.iter().any(|check| check == "workflow_reach")), "{json}");
}

/// What a partial clone lacks is not fetched behind its owner's back; the remedy is told, and works.
#[tokio::test(flavor = "multi_thread")]
async fn a_partial_clone_is_told_how_to_become_whole() {
    requires!("a_partial_clone_is_told_how_to_become_whole", met(), "user namespaces and python3");
    let bench = python().await;
    bench.write("calc.py", "# older\n");
    bench.git(&["add", "-A"]);
    bench.commit("older");
    bench.write("calc.py", PYTHON[0].1);
    bench.git(&["add", "-A"]);
    bench.commit("newer");
    bench.git(&["config", "uploadpack.allowFilter", "true"]);
    let origin = format!("file://{}", bench.clone().display());
    git_in(bench.base(), &["clone", "-q", "--filter=blob:none", "--branch", "feature/x", &origin, "partial"]);
    let partial = bench.base().join("partial");
    let shown = partial.display().to_string();
    let arguments = ["fix", "--repo", &shown, "--format", "json", "--cmd", UNITTEST];
    let ran = bench.regreen(&arguments).await;
    assert!(ran.stderr.contains("git fetch --refetch --no-filter"), "{}", ran.stderr);
    assert_eq!(bench.model.asked().len(), 0);
    git_in(&partial, &["fetch", "-q", "--refetch", "--no-filter"]);
    bench.regreen(&arguments).await.expect("fixed", "branch_left", 0);
}
