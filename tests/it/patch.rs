//! The canonical diff against git itself: what we hand out, a strict `git apply` takes, and it
//! gives the same bytes.

use std::path::Path;
use std::process::Command;

use regreen::domain::patch::{FileContent, FileMode, PatchLimits, apply, parse};

fn git(dir: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git is needed by this test");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// (path, before; `None` for a file that is not there, the model's answer)
fn cases() -> Vec<(&'static str, Option<String>, String)> {
    let numbered = |count: usize| (1..=count).map(|n| format!("line {n}\n")).collect::<String>();
    let replace = |path: &str, from: &str, to: &str| format!("{path}\n<<<<<<< SEARCH\n{from}\n=======\n{to}\n>>>>>>> REPLACE\n");
    let mut cases = vec![
        ("x.txt", Some(numbered(30)), replace("x.txt", "line 15", "line fifteen")),
        ("x.txt", Some(numbered(30)), format!("{}{}", replace("x.txt", "line 2", "two"), replace("x.txt", "line 29", "twenty-nine"))),
        ("x.txt", Some(numbered(3)), replace("x.txt", "line 1", "first\nline 1")),
        ("x.txt", Some(numbered(3)), replace("x.txt", "line 3", "line 3\nlast")),
        ("x.txt", Some("a\nb".to_owned()), replace("x.txt", "b", "B")),
        ("x.txt", Some("a\nb".to_owned()), replace("x.txt", "b", "b\nc")),
        ("x.txt", Some("a\nb".to_owned()), "--- a/x.txt\n+++ b/x.txt\n@@ -2 +2 @@\n-b\n\\ No newline at end of file\n+b\n".to_owned()),
        ("x.txt", Some("a\r\nb\r\nc\r\n".to_owned()), replace("x.txt", "b", "B")),
        ("x.txt", Some("a\r\nb\nc\r\n".to_owned()), replace("x.txt", "b", "B")),
        ("x.txt", Some("\u{feff}a\nb\n".to_owned()), replace("x.txt", "a", "A")),
        ("x.txt", Some("only\n".to_owned()), "--- a/x.txt\n+++ b/x.txt\n@@ -1 +0,0 @@\n-only\n".to_owned()),
        ("x.txt", Some("only\n".to_owned()), "diff --git a/x.txt b/x.txt\ndeleted file mode 100644\n--- a/x.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-only\n".to_owned()),
        ("x.txt", Some(String::new()), "--- a/x.txt\n+++ b/x.txt\n@@ -0,0 +1 @@\n+a\n".to_owned()),
        ("x.txt", Some(String::new()), "diff --git a/x.txt b/x.txt\ndeleted file mode 100644\n".to_owned()),
        ("new.txt", None, "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1,2 @@\n+a\n+b\n".to_owned()),
        ("new.txt", None, "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n".to_owned()),
        ("deep/er/new.txt", None, "*** Begin Patch\n*** Add File: deep/er/new.txt\n+a\n*** End Patch\n".to_owned()),
        ("empty.txt", None, "diff --git a/empty.txt b/empty.txt\nnew file mode 100644\n".to_owned()),
        ("run.sh", None, "diff --git a/run.sh b/run.sh\nnew file mode 100755\n--- /dev/null\n+++ b/run.sh\n@@ -0,0 +1 @@\n+#!/bin/sh\n".to_owned()),
        ("run.sh", Some("#!/bin/sh\n".to_owned()), "diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n".to_owned()),
        ("a b/c d.txt", Some(numbered(9)), "--- a/a b/c d.txt\t\n+++ b/a b/c d.txt\t\n@@ -5 +5 @@\n-line 5\n+five\n".to_owned()),
        ("ü/ß.txt", Some(numbered(9)), "diff --git \"a/\\303\\274/\\303\\237.txt\" \"b/\\303\\274/\\303\\237.txt\"\n--- \"a/\\303\\274/\\303\\237.txt\"\n+++ \"b/\\303\\274/\\303\\237.txt\"\n@@ -5 +5 @@\n-line 5\n+five\n".to_owned()),
        ("q\"uote.txt", Some(numbered(9)), "--- \"a/q\\\"uote.txt\"\n+++ \"b/q\\\"uote.txt\"\n@@ -5 +5 @@\n-line 5\n+five\n".to_owned()),
        ("x.txt", Some(numbered(9)), "diff --git a/x.txt b/y z.txt\nrename from x.txt\nrename to y z.txt\n".to_owned()),
        ("x.txt", Some(numbered(9)), "diff --git a/x.txt b/sub/y.txt\nrename from x.txt\nrename to sub/y.txt\n--- a/x.txt\n+++ b/sub/y.txt\n@@ -5 +5 @@\n-line 5\n+five\n".to_owned()),
        ("x.sql", Some("a\n-- b\n++ c\n@@ d\ndiff --git e\n".to_owned()), replace("x.sql", "-- b\n++ c", "--- b\n+++ c\n@@ -1 +1 @@")),
        ("x.txt", Some("trailing  \n\ttab \n\n\n".to_owned()), replace("x.txt", "\ttab", "\ttab\t\n \nmore  ")),
        ("x.txt", Some("a\rb\nc\u{2028}d\n\u{c}e\n".to_owned()), replace("x.txt", "c\u{2028}d", "c\u{85}d")),
    ];
    for at in 1..=20 {
        cases.push(("x.txt", Some(numbered(20)), replace("x.txt", &format!("line {at}\n"), &format!("changed {at}\nand more\n"))));
    }
    cases
}

#[test]
fn strict_git_takes_the_canonical_diff() {
    let cases = cases();
    assert!(cases.len() >= 40);
    for (number, (path, before, answer)) in cases.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        assert!(git(dir.path(), &["init", "-q"]).0);
        assert!(git(dir.path(), &["config", "core.autocrlf", "false"]).0);
        if let Some(text) = &before {
            std::fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(path), text).unwrap();
        }
        let lookup = |asked: &str| before.as_ref().filter(|_| asked == path).map(|text| FileContent::regular(text.as_str()));
        let applied =
            parse(&answer).and_then(|patch| apply(&patch, lookup, &PatchLimits::default())).unwrap_or_else(|error| panic!("case {number}: {error}\n{answer}"));
        let diff = dir.path().join(".git/canonical.diff");
        std::fs::write(&diff, &applied.canonical).unwrap();
        let (took, error) = git(dir.path(), &["apply", "--check", ".git/canonical.diff"]);
        assert!(took, "case {number}: {error}\n{}", applied.canonical);
        let (took, error) = git(dir.path(), &["apply", "--whitespace=nowarn", ".git/canonical.diff"]);
        assert!(took, "case {number}: {error}\n{}", applied.canonical);
        for file in &applied.files {
            let bytes = std::fs::read(dir.path().join(&file.path)).ok();
            assert_eq!(bytes.as_deref(), file.after.as_ref().map(|after| after.bytes.as_slice()), "case {number}: {}\n{}", file.path, applied.canonical);
            #[cfg(unix)]
            if let Some(after) = &file.after {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = std::fs::metadata(dir.path().join(&file.path)).unwrap().permissions().mode();
                assert_eq!(mode & 0o100 != 0, after.mode == FileMode::Executable, "case {number}");
            }
        }
    }
}
