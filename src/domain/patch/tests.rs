use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A tree with one file.
fn one(path: &'static str, text: &str) -> impl Fn(&str) -> Option<FileContent> + use<> {
    let content = FileContent::regular(text);
    move |asked| (asked == path).then(|| content.clone())
}

fn run(path: &'static str, before: &str, answer: &str) -> Result<Applied, PatchError> {
    apply(&parse(answer)?, one(path, before), &PatchLimits::default())
}

/// The text after, or the error's code.
fn outcome(path: &'static str, before: &str, answer: &str) -> String {
    match run(path, before, answer) {
        Ok(applied) => {
            let change = applied.files.iter().find(|file| file.path == path);
            change.and_then(|file| file.after.as_ref()).and_then(FileContent::text).map_or_else(|| "<gone>".to_owned(), str::to_owned)
        }
        Err(error) => format!("error: {}", error.code()),
    }
}

const SRC: &str = "fn one() {\n    let a = 1;\n    let b = 2;\n    a + b\n}\n\nfn two() {\n    let c = 3;\n    c * 2\n}\n";
const FIXED: &str = "fn one() {\n    let a = 1;\n    let b = 5;\n    a + b\n}\n\nfn two() {\n    let c = 3;\n    c * 2\n}\n";
const BOTH: &str = "fn one() {\n    let a = 1;\n    let b = 5;\n    a + b\n}\n\nfn two() {\n    let c = 3;\n    c * 9\n}\n";

#[test]
fn sloppy_answers_give_the_intended_file() {
    let cases: &[(&str, &str, &str, &str)] = &[
        (
            "git diff",
            SRC,
            "diff --git a/x.rs b/x.rs\nindex 123..456 100644\n--- a/x.rs\n+++ b/x.rs\n@@ -1,4 +1,4 @@\n fn one() {\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n     a + b\n",
            FIXED,
        ),
        ("no diff --git, no prefixes", SRC, "--- x.rs\n+++ x.rs\n@@ -2,3 +2,3 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n     a + b\n", FIXED),
        (
            "fenced in prose",
            SRC,
            "Sure!\n\n```diff\n--- a/x.rs\n+++ b/x.rs\n@@ -2,3 +2,3 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n     a + b\n```\n\n- That fixes it.\n- Enjoy.\n",
            FIXED,
        ),
        (
            "two fences, one file each hunk",
            SRC,
            "First:\n```diff\n--- a/x.rs\n+++ b/x.rs\n@@ -2,3 +2,3 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n     a + b\n```\nThen:\n```diff\n--- a/x.rs\n+++ b/x.rs\n@@ -8,2 +8,2 @@\n     let c = 3;\n-    c * 2\n+    c * 9\n```\n",
            BOTH,
        ),
        (
            "the same fence twice",
            SRC,
            "```diff\n--- a/x.rs\n+++ b/x.rs\n@@ -3 +3 @@\n-    let b = 2;\n+    let b = 5;\n```\nAgain in full:\n```diff\n--- a/x.rs\n+++ b/x.rs\n@@ -3 +3 @@\n-    let b = 2;\n+    let b = 5;\n```\n",
            FIXED,
        ),
        (
            "wrong counts, later edit must not be lost",
            SRC,
            "--- a/x.rs\n+++ b/x.rs\n@@ -2,2 +2,2 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n     a + b\n }\n \n fn two() {\n     let c = 3;\n-    c * 2\n+    c * 9\n",
            BOTH,
        ),
        ("counts too large", SRC, "--- a/x.rs\n+++ b/x.rs\n@@ -2,30 +2,30 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n", FIXED),
        ("numberless", SRC, "--- a/x.rs\n+++ b/x.rs\n@@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n", FIXED),
        ("dots for numbers", SRC, "--- a/x.rs\n+++ b/x.rs\n@@ ... @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n", FIXED),
        ("no @@ at all", SRC, "--- a/x.rs\n+++ b/x.rs\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n", FIXED),
        ("drift", SRC, "--- a/x.rs\n+++ b/x.rs\n@@ -52,3 +52,3 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n     a + b\n", FIXED),
        (
            "lost leading space",
            SRC,
            "```diff\n--- a/x.rs\n+++ b/x.rs\n@@ -1,4 +1,4 @@\nfn one() {\n    let a = 1;\n-    let b = 2;\n+    let b = 5;\n    a + b\n```",
            FIXED,
        ),
        (
            "CRLF answer, LF file",
            SRC,
            "--- a/x.rs\r\n+++ b/x.rs\r\n@@ -2,3 +2,3 @@\r\n     let a = 1;\r\n-    let b = 2;\r\n+    let b = 5;\r\n     a + b\r\n",
            FIXED,
        ),
        ("LF answer, CRLF file", "a\r\nb\r\nc\r\n", "--- a/x.rs\n+++ b/x.rs\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", "a\r\nB\r\nc\r\n"),
        ("CRLF to LF on purpose", "a\r\nb\r\n", "--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,2 @@\n-a\r\n-b\r\n+a\n+b\n", "a\nb\n"),
        ("file without a final newline", "a\nb", "--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,2 @@\n a\n-b\n+B\n", "a\nB"),
        ("final newline added on purpose", "a\nb", "--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n", "a\nb\n"),
        ("final newline taken away on purpose", "a\nb\n", "--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,2 @@\n a\n-b\n+b\n\\ No newline at end of file\n", "a\nb"),
        ("append behind an unended line", "a\nb", "--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,3 @@\n a\n b\n+c\n", "a\nb\nc"),
        ("trailing blanks in the file", "a  \nb\t\nc\n", "--- a/x.rs\n+++ b/x.rs\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", "a  \nB\nc\n"),
        (
            "tabs in the file, blanks in the answer",
            "func f() {\n\tif x {\n\t\ty()\n\t}\n}\n",
            "--- a/x.rs\n+++ b/x.rs\n@@ -2,2 +2,3 @@\n     if x {\n-        y()\n+        z()\n+        w()\n",
            "func f() {\n\tif x {\n\t\tz()\n\t\tw()\n\t}\n}\n",
        ),
        ("dedented answer", SRC, "--- a/x.rs\n+++ b/x.rs\n@@ @@\n let a = 1;\n-let b = 2;\n+let b = 5;\n", FIXED),
        (
            "elided inner context",
            SRC,
            "--- a/x.rs\n+++ b/x.rs\n@@ -1,9 +1,9 @@\n fn one() {\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n ...\n     let c = 3;\n-    c * 2\n+    c * 9\n",
            BOTH,
        ),
        (
            "elided with a comment",
            SRC,
            "--- a/x.rs\n+++ b/x.rs\n@@ @@\n-    let b = 2;\n+    let b = 5;\n     // ... existing code ...\n-    c * 2\n+    c * 9\n",
            BOTH,
        ),
        (
            "stale outer context",
            SRC,
            "--- a/x.rs\n+++ b/x.rs\n@@ -1,4 +1,4 @@\n pub fn one() -> u8 {\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n     a - b\n",
            FIXED,
        ),
        (
            "stale inner context",
            SRC,
            "--- a/x.rs\n+++ b/x.rs\n@@ -1,9 +1,9 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n     a - b\n }\n \n fn two() {\n     let c = 4;\n-    c * 2\n+    c * 9\n",
            BOTH,
        ),
        (
            "one hunk there already",
            FIXED,
            "--- a/x.rs\n+++ b/x.rs\n@@ -2,3 +2,3 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n     a + b\n@@ -8,2 +8,2 @@\n     let c = 3;\n-    c * 2\n+    c * 9\n",
            BOTH,
        ),
        ("search and replace", SRC, "x.rs\n<<<<<<< SEARCH\n    let b = 2;\n    a + b\n=======\n    let b = 5;\n    a + b\n>>>>>>> REPLACE\n", FIXED),
        (
            "search and replace in a fence",
            SRC,
            "Here:\n\n```rust\nx.rs\n<<<<<<< SEARCH\n    let b = 2;\n=======\n    let b = 5;\n>>>>>>> REPLACE\n<<<<<<< SEARCH\n    c * 2\n=======\n    c * 9\n>>>>>>> REPLACE\n```\n",
            BOTH,
        ),
        (
            "apply-patch",
            SRC,
            "*** Begin Patch\n*** Update File: x.rs\n@@ fn one() {\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n*** End Patch\n",
            FIXED,
        ),
        (
            "whole file",
            SRC,
            "I rewrote it.\n\n`x.rs`:\n```rust\nfn one() {\n    let a = 1;\n    let b = 5;\n    a + b\n}\n\nfn two() {\n    let c = 3;\n    c * 2\n}\n```\n",
            FIXED,
        ),
        ("whole file by info string", "a\nb\n", "```rust:x.rs\na\nB\n```\n", "a\nB\n"),
        ("file named before a headerless fence", SRC, "Change `x.rs`:\n\n**x.rs**\n```diff\n-    let b = 2;\n+    let b = 5;\n```\n", FIXED),
        ("folder called a", "x\n", "--- a/x.rs\n+++ a/x.rs\n@@ -1 +1 @@\n-x\n+y\n", "y\n"),
        (
            "signature of format-patch",
            SRC,
            "From 123 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] x\n\n---\n x.rs | 2 +-\n\ndiff --git a/x.rs b/x.rs\n--- a/x.rs\n+++ b/x.rs\n@@ -2,2 +2,2 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n-- \n2.47.0\n",
            FIXED,
        ),
        ("removed SQL comment", "a\n-- x\nb\n", "--- a/x.rs\n+++ b/x.rs\n@@ -1,3 +1,2 @@\n a\n--- x\n b\n", "a\nb\n"),
        ("timestamps", "x\n", "--- a/x.rs\t2024-01-01 10:00:00.000 +0000\n+++ b/x.rs\t2024-01-01 10:00:00.000 +0000\n@@ -1 +1 @@\n-x\n+y\n", "y\n"),
        (
            "file named twice, in sequence",
            "a\nb\nc\n",
            "--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,2 @@\n-a\n+A\n b\n--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,2 @@\n-A\n+AA\n b\n",
            "AA\nb\nc\n",
        ),
        ("byte order mark", "\u{feff}a\nb\n", "--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,2 @@\n-a\n+A\n b\n", "\u{feff}A\nb\n"),
        ("repeated lines, right numbers", "x\ny\nx\ny\n", "--- a/x.rs\n+++ b/x.rs\n@@ -3,2 +3,2 @@\n x\n-y\n+z\n", "x\ny\nx\nz\n"),
        (
            "anchor tells repeated blocks apart",
            "def f():\n    x = 1\n    return x\n\ndef g():\n    x = 1\n    return x\n",
            "*** Begin Patch\n*** Update File: x.rs\n@@ def g():\n-    x = 1\n+    x = 2\n*** End Patch\n",
            "def f():\n    x = 1\n    return x\n\ndef g():\n    x = 2\n    return x\n",
        ),
        ("deleted file", "x\n", "diff --git a/x.rs b/x.rs\ndeleted file mode 100644\n--- a/x.rs\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n", "<gone>"),
    ];
    let mut wrong = Vec::new();
    for (name, before, answer, expected) in cases {
        let found = outcome("x.rs", before, answer);
        if found != *expected {
            wrong.push(format!("{name}:\n{found}\n{:?}", run("x.rs", before, answer).err()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n---\n"));
}

#[test]
fn what_is_not_certain_is_a_typed_error() {
    let cases: &[(&str, &str, &str, &str)] = &[
        ("prose only", SRC, "I could not find the fault, sorry.", "nothing"),
        ("snippet without a path", SRC, "Use this:\n```rust\nlet b = 5;\n```\n", "nothing"),
        ("snippet under a path is no file", &SRC.repeat(3), "In `x.rs`:\n```rust\nfn one() {\n    let b = 5;\n}\n```\n", "elided"),
        ("repeated, numberless", "x\ny\nx\ny\n", "--- a/x.rs\n+++ b/x.rs\n@@\n x\n-y\n+z\n", "ambiguous"),
        ("repeated, number points elsewhere", "x\ny\nx\ny\n", "--- a/x.rs\n+++ b/x.rs\n@@ -2,2 +2,2 @@\n x\n-y\n+z\n", "ambiguous"),
        ("repeated, counts prove the numbers wrong", "x\ny\nx\ny\n", "--- a/x.rs\n+++ b/x.rs\n@@ -3,7 +3,7 @@\n x\n-y\n+z\n", "ambiguous"),
        ("insertion without context", SRC, "--- a/x.rs\n+++ b/x.rs\n@@ -3,0 +4 @@\n+    let z = 1;\n", "ambiguous"),
        ("nowhere", SRC, "--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,2 @@\n fn three() {\n-    let q = 2;\n+    let q = 5;\n", "stale_context"),
        (
            "stale on both sides of an insertion",
            SRC,
            "--- a/x.rs\n+++ b/x.rs\n@@ -2,2 +2,3 @@\n     let gone = 1;\n+    let z = 1;\n     let lost = 2;\n",
            "stale_context",
        ),
        ("missing file", SRC, "--- a/y.rs\n+++ b/y.rs\n@@ -1 +1 @@\n-x\n+y\n", "missing_file"),
        ("create over existing", SRC, "--- /dev/null\n+++ b/x.rs\n@@ -0,0 +1 @@\n+y\n", "file_exists"),
        ("binary", SRC, "diff --git a/x.rs b/x.rs\nGIT binary patch\nliteral 3\nabc\n", "binary"),
        ("binary file", "a\0b\n", "--- a/x.rs\n+++ b/x.rs\n@@ -1 +1 @@\n-a\n+b\n", "binary"),
        ("out by dots", SRC, "--- a/../x.rs\n+++ b/../x.rs\n@@ -1 +1 @@\n-x\n+y\n", "outside_repository"),
        ("out by root", SRC, "--- /dev/null\n+++ /etc/passwd\n@@ -0,0 +1 @@\n+y\n", "outside_repository"),
        ("into .git", SRC, "--- /dev/null\n+++ b/.GIT/hooks/pre-commit\n@@ -0,0 +1 @@\n+y\n", "outside_repository"),
        (
            "a link is created",
            SRC,
            "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n",
            "special_file",
        ),
        (
            "a submodule is created",
            SRC,
            "diff --git a/l b/l\nnew file mode 160000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+Subproject commit 123\n",
            "special_file",
        ),
        ("executable without #!", SRC, "diff --git a/x.rs b/x.rs\nold mode 100644\nnew mode 100755\n", "mode_change"),
        ("setuid", SRC, "diff --git a/y b/y\nnew file mode 104755\n--- /dev/null\n+++ b/y\n@@ -0,0 +1 @@\n+#!/bin/sh\n", "mode_change"),
        ("no change", SRC, "--- a/x.rs\n+++ b/x.rs\n@@ -3 +3 @@\n-    let b = 2;\n+    let b = 2;\n", "no_change"),
        (
            "all there already",
            FIXED,
            "--- a/x.rs\n+++ b/x.rs\n@@ -2,3 +2,3 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n     a + b\n",
            "already_applied",
        ),
        (
            "overlap",
            SRC,
            "--- a/x.rs\n+++ b/x.rs\n@@ -2,2 +2,2 @@\n-    let a = 1;\n-    let b = 2;\n+    let a = 2;\n@@ -3,2 +3,2 @@\n-    let b = 2;\n-    a + b\n+    b\n",
            "overlap",
        ),
        (
            "a mark for left-out code as code",
            SRC,
            "--- a/x.rs\n+++ b/x.rs\n@@ -2,2 +2,2 @@\n     let a = 1;\n-    let b = 2;\n+    // ... rest of the code unchanged ...\n",
            "placeholder",
        ),
        ("cut off", SRC, "```diff\n--- a/x.rs\n+++ b/x.rs\n@@ -1,6 +1,6 @@\n fn one() {\n     let a = 1;\n-    let b = 2;\n", "malformed"),
        ("apply-patch cut off", SRC, "*** Begin Patch\n*** Update File: x.rs\n-    let b = 2;\n", "malformed"),
        ("unclosed search", SRC, "x.rs\n<<<<<<< SEARCH\n    let b = 2;\n=======\n    let b = 5;\n", "malformed"),
        ("two dividers", SRC, "x.rs\n<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE\n", "malformed"),
        ("hunk without a file", SRC, "```diff\n@@ -1 +1 @@\n-a\n+b\n```\n", "malformed"),
        ("copy", SRC, "diff --git a/x.rs b/y.rs\nsimilarity index 100%\ncopy from x.rs\ncopy to y.rs\n", "malformed"),
    ];
    for (name, before, answer, code) in cases {
        let error = run("x.rs", before, answer).map(|applied| applied.canonical).expect_err(name);
        assert_eq!(error.code(), *code, "{name}: {error}");
        let message = error.to_string();
        assert!(!message.contains('\n') && message.len() < 700, "{name}: `{message}`");
    }
}

#[test]
fn mendings_are_named() {
    let cases: &[(&str, &str, RepairKind)] = &[
        (SRC, "--- a/x.rs\n+++ b/x.rs\n@@ -52,2 +52,2 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n", RepairKind::Drift),
        (SRC, "--- a/x.rs\n+++ b/x.rs\n@@ -2,9 +2,9 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n", RepairKind::Recount),
        (SRC, "--- a/x.rs\n+++ b/x.rs\n@@ -2,3 +2,3 @@\n     let a = 7;\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n", RepairKind::StaleContext),
        ("a\r\nb\r\n", "--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,2 @@\n a\n-b\n+B\n", RepairKind::LineEndings),
        ("a\nb", "--- a/x.rs\n+++ b/x.rs\n@@ -1,2 +1,2 @@\n a\n-b\n+B\n", RepairKind::FinalNewline),
        (SRC, "x.rs\n<<<<<<< SEARCH\n    let b = 2;\n=======\n    let b = 5;\n>>>>>>> REPLACE\n", RepairKind::Converted),
    ];
    for (before, answer, kind) in cases {
        let applied = run("x.rs", before, answer).unwrap();
        assert!(applied.repairs.iter().any(|repair| repair.kind == *kind), "{kind:?}: {:?}", applied.repairs);
    }
    let clean = "diff --git a/x.rs b/x.rs\n--- a/x.rs\n+++ b/x.rs\n@@ -2,3 +2,3 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n     a + b\n";
    assert_eq!(run("x.rs", SRC, clean).unwrap().repairs, []);
}

#[test]
fn canonical_form_is_fixed() {
    let applied = run("x.rs", SRC, "x.rs\n<<<<<<< SEARCH\n    let b = 2;\n=======\n    let b = 5;\n>>>>>>> REPLACE\n").unwrap();
    assert_eq!(
        applied.canonical,
        "diff --git a/x.rs b/x.rs\n--- a/x.rs\n+++ b/x.rs\n@@ -1,6 +1,6 @@\n fn one() {\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n     a + b\n }\n \n"
    );
    assert_eq!(applied.stats, Stats { files: 1, added: 1, removed: 1 });
    assert_eq!(applied.hash, PatchHash::of(&applied.canonical));
    assert_eq!(applied.hash.to_string().len(), 64);
    // The canonical diff is its own fixed point.
    let again = run("x.rs", SRC, &applied.canonical).unwrap();
    assert_eq!((again.canonical, again.repairs), (applied.canonical, vec![]));
}

#[test]
fn a_file_is_moved_to_one_place_only() {
    let moved = |to: &str| format!("diff --git a/x.rs b/{to}\nrename from x.rs\nrename to {to}\n");
    let answer = format!(
        "{}diff --git a/x.rs b/x.rs\nnew file mode 100644\n--- /dev/null\n+++ b/x.rs\n@@ -0,0 +1 @@\n+fn three() {{}}\n{}",
        moved("a.rs"),
        moved("b.rs")
    );
    let applied = run("x.rs", SRC, &answer).unwrap();
    assert_eq!(applied.renames, [("x.rs".to_owned(), "a.rs".to_owned())]);
    assert_eq!(applied.stats.files, 2);
    let again = run("x.rs", SRC, &applied.canonical).unwrap();
    assert_eq!((again.files, again.canonical), (applied.files, applied.canonical));
}

#[test]
fn carriage_returns_at_an_end_are_one_line_end() {
    let answer = "--- a/x.rs\n+++ b/x.rs\n@@ -1 +1,2 @@\n-x\n+y\r\r\r\r\n+z\r\r\n";
    let applied = run("x.rs", "x\n", answer).unwrap();
    let again = run("x.rs", "x\n", &applied.canonical).unwrap();
    assert_eq!((again.files, again.canonical), (applied.files, applied.canonical));
}

#[test]
fn blanks_in_a_name_are_kept_and_one_at_its_end_is_refused() {
    for to in [" y.rs", "a b .rs", "\u{a0}z.rs"] {
        let answer = format!("diff --git a/x.rs \"b/{to}\"\nrename from x.rs\nrename to \"{to}\"\n");
        let Ok(applied) = run("x.rs", SRC, &answer) else { continue };
        let again = run("x.rs", SRC, &applied.canonical).unwrap_or_else(|error| panic!("{error} for {:?}", applied.canonical));
        assert_eq!((again.files, again.canonical), (applied.files, applied.canonical), "{to:?}");
    }
    let found = "diff --git a/x.rs b/x.r00*44fn oneb = \n--- a/x.rs\n+2?i)   a +++ / \n";
    assert_eq!(run("x.rs", SRC, found).unwrap_err().code(), "outside_repository");
}

#[test]
fn renames_creations_and_modes() {
    let rename = "diff --git a/x.rs b/y.rs\nsimilarity index 90%\nrename from x.rs\nrename to y.rs\n--- a/x.rs\n+++ b/y.rs\n@@ -2,3 +2,3 @@\n     let a = 1;\n-    let b = 2;\n+    let b = 5;\n     a + b\n";
    let applied = run("x.rs", SRC, rename).unwrap();
    assert_eq!(applied.renames, [("x.rs".to_owned(), "y.rs".to_owned())]);
    assert_eq!(applied.files.len(), 2);
    assert!(applied.canonical.starts_with("diff --git a/x.rs b/y.rs\nrename from x.rs\nrename to y.rs\n"), "{}", applied.canonical);
    let script = "diff --git a/run.sh b/run.sh\nnew file mode 100755\n--- /dev/null\n+++ b/run.sh\n@@ -0,0 +1,2 @@\n+#!/bin/sh\n+true\n";
    let applied = run("x.rs", SRC, script).unwrap();
    assert_eq!(applied.files[0].after.as_ref().map(|file| file.mode), Some(FileMode::Executable));
    let chmod = "diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n";
    let applied = run("run.sh", "#!/bin/sh\ntrue\n", chmod).unwrap();
    assert_eq!(applied.canonical, "diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n");
    // The mode of an edited script is kept.
    let patch = parse("--- a/run.sh\n+++ b/run.sh\n@@ -1,2 +1,2 @@\n #!/bin/sh\n-true\n+false\n").unwrap();
    let script = FileContent { bytes: b"#!/bin/sh\ntrue\n".to_vec(), mode: FileMode::Executable };
    let applied = apply(&patch, |path| (path == "run.sh").then(|| script.clone()), &PatchLimits::default()).unwrap();
    assert_eq!(applied.files[0].after.as_ref().map(|file| file.mode), Some(FileMode::Executable));
}

#[test]
fn limits_are_enforced() {
    let long: String = (0..50).map(|line| format!("+line {line}\n")).collect();
    let answer = format!("--- /dev/null\n+++ b/y.rs\n@@ -0,0 +1,50 @@\n{long}");
    let limits = PatchLimits { max_added_lines: 49, ..PatchLimits::default() };
    let error = apply(&parse(&answer).unwrap(), |_| None, &limits).unwrap_err();
    assert_eq!(error, PatchError::TooLarge { what: "added lines", found: 50, limit: 49 });
    assert_eq!(parse(&"x".repeat(MAX_ANSWER_BYTES + 1)).unwrap_err().code(), "too_large");
    let many: String = (0..400).map(|n| format!("--- /dev/null\n+++ b/f{n}\n@@ -0,0 +1 @@\n+x\n")).collect();
    assert_eq!(parse(&many).unwrap_err().code(), "too_large");
}

#[test]
fn forbidden_paths_and_facts() {
    let rules = PathRules::new(&["infra/**".to_owned()]).unwrap();
    let tree = TreeFacts { symlinks: vec!["docs/link".to_owned()], submodules: vec!["third".to_owned()] };
    let code = |path: &str| {
        let patch = Patch {
            files: vec![FilePatch {
                old_path: None,
                new_path: Some(path.to_owned()),
                kind: FileKind::Create,
                mode: ModeChange::default(),
                hunks: vec![],
                whole: None,
                binary: false,
            }],
            repairs: vec![],
        };
        inspect(&patch, &tree, &rules, &PatchLimits::default()).refusals.first().map_or("ok", PatchError::code)
    };
    let cases = [
        ("src/lib.rs", "ok"),
        ("a b/ü.rs", "ok"),
        (".github/ISSUE_TEMPLATE/x.md", "ok"),
        (".gitignore", "ok"),
        ("src/environment.rs", "ok"),
        ("docs/keys.md", "ok"),
        ("x/git~/y", "ok"),
        ("..a/b", "ok"),
        (".github/workflows/ci.yml", "forbidden_path"),
        (".GitHub/Workflows/ci.yml", "forbidden_path"),
        (".github/actions/x/action.yml", "forbidden_path"),
        ("CODEOWNERS", "forbidden_path"),
        (".github/CODEOWNERS", "forbidden_path"),
        (".gitmodules", "forbidden_path"),
        (".env", "forbidden_path"),
        ("app/.env.production", "forbidden_path"),
        ("certs/server.pem", "forbidden_path"),
        ("home/.ssh/config", "forbidden_path"),
        ("infra/main.tf", "forbidden_path"),
        (".github/workflows./ci.yml", "outside_repository"),
        ("src/CON", "outside_repository"),
        ("src/nul.rs", "outside_repository"),
        ("aux/x.rs", "outside_repository"),
        ("docs/com1.md", "outside_repository"),
        ("docs/lpt\u{b2}.md", "outside_repository"),
        ("src/name ", "outside_repository"),
        ("src /x.rs", "outside_repository"),
        ("src/x.", "outside_repository"),
        ("src/a:b", "outside_repository"),
        ("src/console.rs", "ok"),
        ("src/communication.rs", "ok"),
        ("src/com10.rs", "ok"),
        ("app/[id]/(group)/page.tsx", "ok"),
        ("a/.github/workflows/ci.yml", "forbidden_path"),
        ("", "outside_repository"),
        ("/etc/passwd", "outside_repository"),
        ("../x", "outside_repository"),
        ("a/../../x", "outside_repository"),
        ("a//b", "outside_repository"),
        ("./x", "outside_repository"),
        ("C:/x", "outside_repository"),
        ("a\\..\\x", "outside_repository"),
        ("~/x", "outside_repository"),
        (".git/config", "outside_repository"),
        (".GIT/config", "outside_repository"),
        ("x/.git./hooks/y", "outside_repository"),
        (".git /x", "outside_repository"),
        ("GIT~1/config", "outside_repository"),
        (".git::$INDEX_ALLOCATION/x", "outside_repository"),
        (".g\u{200c}it/config", "outside_repository"),
        ("a\0b", "outside_repository"),
        ("a\nb", "outside_repository"),
        ("a\u{202e}b", "outside_repository"),
        ("a/... /b", "outside_repository"),
        ("docs/link", "special_file"),
        ("docs/link/x.md", "special_file"),
        ("docs/LINK/x.md", "special_file"),
        ("third/x.c", "special_file"),
        ("thirdly/x.c", "ok"),
    ];
    for (path, expected) in cases {
        assert_eq!(code(path), expected, "`{path}`");
    }
    let touches = Touches::of([
        "Cargo.toml",
        "web/yarn.lock",
        "build.rs",
        ".gitlab-ci.yml",
        "tests/it/x.rs",
        "db/migrations/1.sql",
        "src/auth/mod.rs",
        "pkg/__snapshots__/a.snap",
        "api/v1.proto",
    ]);
    assert_eq!(
        (touches.manifests.len(), touches.lock_files.len(), touches.build_scripts.len(), touches.ci.len(), touches.tests.len()),
        (1, 1, 1, 1, 1),
        "{touches:?}"
    );
    assert_eq!((touches.migrations.len(), touches.sensitive.len(), touches.snapshots.len(), touches.public_api.len()), (1, 1, 1, 2), "{touches:?}");
    assert!(PathRules::new(&["a[".to_owned()]).unwrap_err().contains("`a[`"));
}

#[test]
fn nothing_is_looked_up_outside() {
    let asked = std::cell::RefCell::new(Vec::new());
    for path in ["../x", "/etc/passwd", ".git/config", "a/../../x", "b/../x"] {
        let answer = format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-x\n+y\n");
        let result = apply(
            &parse(&answer).unwrap(),
            |path| {
                asked.borrow_mut().push(path.to_owned());
                None
            },
            &PatchLimits::default(),
        );
        assert!(result.is_err(), "{path}");
    }
    for path in asked.into_inner() {
        assert!(inspect::check_path(&path).is_ok(), "{path}");
    }
}

/// Lines that may repeat, with the ends files really have.
fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        3 => "[a-d]{1,2}".prop_map(|word| word),
        2 => "    [a-z]{1,6} = [0-9]{1,3}",
        1 => Just(String::new()),
        1 => Just("}".to_owned()),
        1 => Just("-- x".to_owned()),
        1 => Just("+++ y".to_owned()),
        1 => Just("@@ z".to_owned()),
        1 => Just("diff --git a b".to_owned()),
        1 => "\\PC{0,8}",
    ];
    (proptest::collection::vec(line, 0..30), any::<bool>(), any::<bool>()).prop_map(|(lines, crlf, ended)| {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut text = lines.join(end);
        if ended && !text.is_empty() {
            text.push_str(end);
        }
        text
    })
}

/// Pairs: mostly a text and an edit of it.
fn pair() -> impl Strategy<Value = (String, String)> {
    (text(), proptest::collection::vec((any::<prop::sample::Index>(), 0..3_u8, "[a-z]{1,5}"), 0..6), text(), 0..5_u8).prop_map(
        |(before, edits, other, pick)| {
            if pick == 0 {
                let end = if before.contains("\r\n") { "\r\n" } else { "\n" };
                let other = other.replace("\r\n", "\n").replace('\n', end);
                return (before, other);
            }
            let mut lines: Vec<String> = before.split_inclusive('\n').map(str::to_owned).collect();
            for (at, what, word) in edits {
                if lines.is_empty() {
                    lines.push(format!("{word}\n"));
                    continue;
                }
                let at = at.index(lines.len());
                match what {
                    0 => {
                        lines.remove(at);
                    }
                    1 => lines[at] = format!("{word}\n"),
                    _ => lines.insert(at, format!("{word}\n")),
                }
            }
            (before, lines.concat())
        },
    )
}

fn tree_of(path: &'static str, before: &str) -> BTreeMap<&'static str, FileContent> {
    BTreeMap::from([(path, FileContent::regular(before))])
}

/// What a diff between two texts is canonically, straight from the generator.
fn canonical_of(before: &str, after: &str) -> String {
    let (old, new) = (FileContent::regular(before), FileContent::regular(after));
    canonical::section(Some(("x.rs", &old)), Some(("x.rs", &new))).unwrap().text
}

/// The diff between two texts with headers as models write them.
fn sloppy_of(before: &str, after: &str, drift: usize, recount: usize, strip: bool, fenced: bool) -> String {
    let diff = canonical_of(before, after);
    let mut sloppy = String::new();
    for line in diff.split_inclusive('\n') {
        if let Some(range) = line.strip_prefix("@@ -") {
            let start: usize = range.split([',', ' ']).next().unwrap().parse().unwrap();
            match recount {
                0 => sloppy.push_str("@@ @@\n"),
                1 => sloppy.push_str(&format!("@@ -{},1 +{},1 @@\n", start + drift, start + drift)),
                _ => sloppy.push_str(&format!("@@ -{},99 +{},99 @@\n", start + drift, start + drift)),
            }
        } else if strip && line.starts_with("diff --git ") {
        } else {
            sloppy.push_str(line);
        }
    }
    if fenced {
        sloppy = format!("Here you are:\n\n```diff\n{sloppy}```\n\n- done\n");
    }
    sloppy
}

/// The diff between two texts, numbered, escaped, quoted, wrapped, or as written on another machine.
fn disguised_of(before: &str, after: &str, how: usize) -> String {
    let diff = canonical_of(before, after);
    let mut number = 0_usize;
    let is_header = |line: &str| ["diff --git ", "--- a/x.rs", "+++ b/x.rs", "@@ -", "\\ "].iter().any(|start| line.starts_with(start));
    let mut each = |of: &mut dyn FnMut(&str, usize) -> String| -> String {
        diff.split_inclusive('\n')
            .map(|line| {
                if let Some(range) = line.strip_prefix("@@ -") {
                    number = range.split([',', ' ']).next().and_then(|start| start.parse().ok()).unwrap_or(1);
                }
                if is_header(line) {
                    return line.to_owned();
                }
                let told = of(line, number);
                number += usize::from(!line.starts_with('+'));
                told
            })
            .collect()
    };
    match how {
        0 => each(&mut |line, at| if line.starts_with('+') { line.to_owned() } else { format!("{}{at:4} | {}", &line[..1], &line[1..]) }),
        1 => each(&mut |line, _| line.replace('=', "&#61;").replace("&#61;", "=")),
        2 => format!("- so:\n\n  ```diff\n{}  ```\n", diff.split_inclusive('\n').map(|line| format!("  {line}")).collect::<String>()),
        3 => format!("> ```diff\n{}> ```\n", diff.split_inclusive('\n').map(|line| format!("> {line}")).collect::<String>()),
        4 => serde_json::json!({ "why": "x", "patch": diff }).to_string(),
        5 => diff.replace("a/x.rs", "/work/shop/x.rs").replace("b/x.rs", "/work/shop/x.rs"),
        6 => format!("*** Begin Patch\n{diff}*** End Patch\n"),
        _ => format!("```diff\n{diff}```\nAgain:\n```diff\n{diff}```\n"),
    }
}

/// A sloppy or disguised diff that is refused teaches nothing: of a thousand drawn ones most must be applied.
#[test]
fn most_disguises_are_seen_through() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut sloppy, mut disguised) = ((0, 0), [(0, 0); 8]);
    for round in 0..1000_usize {
        let (before, after) = pair().new_tree(&mut runner).unwrap().current();
        if before == after || before.is_empty() || [&before, &after].iter().any(|text| text.contains(['\u{feff}', '\r', '&', '<', '>'])) {
            continue;
        }
        let tree = tree_of("x.rs", &before);
        let paths = tree.keys().copied().collect();
        let applies =
            |answer: &str| parse(answer).and_then(|patch| apply(&rooted(patch, &paths), |path| tree.get(path).cloned(), &PatchLimits::default())).is_ok();
        sloppy.0 += usize::from(applies(&sloppy_of(&before, &after, round % 40, round % 3, round % 2 == 0, round % 5 == 0)));
        sloppy.1 += 1;
        let how = round % 8;
        disguised[how].0 += usize::from(applies(&disguised_of(&before, &after, how)));
        disguised[how].1 += 1;
    }
    assert!(sloppy.1 >= 300 && sloppy.0 * 10 >= sloppy.1 * 9, "{sloppy:?}");
    assert!(disguised.iter().all(|(applied, all)| *all >= 30 && applied * 10 >= all * 9), "{disguised:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// A right diff gives exactly the intended file, and canonical is a fixed point.
    #[test]
    fn a_right_diff_is_applied_exactly((before, after) in pair()) {
        prop_assume!(before != after && !before.is_empty());
        prop_assume!(!before.contains('\u{feff}') && !after.contains('\u{feff}'));
        let diff = canonical_of(&before, &after);
        let tree = tree_of("x.rs", &before);
        let applied = apply(&parse(&diff).unwrap(), |path| tree.get(path).cloned(), &PatchLimits::default());
        match applied {
            Ok(applied) => {
                let text = applied.files[0].after.as_ref().and_then(FileContent::text).unwrap_or("").to_owned();
                prop_assert_eq!(text, after);
                prop_assert_eq!(applied.canonical, diff);
            }
            // An insertion beside nothing but blank or repeated lines, or text that reads like a mark for left-out code.
            Err(error) => prop_assert!(matches!(error, PatchError::Ambiguous { .. } | PatchError::Placeholder { .. }), "{} for\n{}", error, diff),
        }
    }

    /// Sloppy headers never change what is written: the intended file, or a typed error. [`most_disguises_are_seen_through`] counts how often which.
    #[test]
    fn a_sloppy_diff_is_applied_as_meant_or_refused((before, after) in pair(), drift in 0..40_usize, recount in 0..3_usize, strip in any::<bool>(), fenced in any::<bool>()) {
        prop_assume!(before != after && !before.is_empty());
        prop_assume!(!before.contains('\u{feff}') && !after.contains('\u{feff}'));
        let sloppy = sloppy_of(&before, &after, drift, recount, strip, fenced);
        let tree = tree_of("x.rs", &before);
        let result = parse(&sloppy).and_then(|patch| apply(&patch, |path| tree.get(path).cloned(), &PatchLimits::default()));
        if let Ok(applied) = result {
            let text = applied.files[0].after.as_ref().and_then(FileContent::text).unwrap_or("").to_owned();
            prop_assert_eq!(text, after, "\n{}", sloppy);
        }
    }

    /// A diff that was numbered, escaped, quoted, wrapped, or written on another machine is applied as meant or refused.
    #[test]
    fn a_disguised_diff_is_applied_as_meant_or_refused((before, after) in pair(), how in 0..8_usize) {
        prop_assume!(before != after && !before.is_empty());
        prop_assume!(!before.contains(['\u{feff}', '\r', '&', '<', '>']) && !after.contains(['\u{feff}', '\r', '&', '<', '>']));
        let answer = disguised_of(&before, &after, how);
        let tree = tree_of("x.rs", &before);
        let paths = tree.keys().copied().collect();
        let result = parse(&answer).and_then(|patch| apply(&rooted(patch, &paths), |path| tree.get(path).cloned(), &PatchLimits::default()));
        if let Ok(applied) = result {
            let text = applied.files.iter().find(|file| file.path == "x.rs").and_then(|file| file.after.as_ref()).and_then(FileContent::text).unwrap_or("").to_owned();
            prop_assert_eq!(text, after, "\n{}", answer);
        }
    }

    /// Whatever an answer says, reading it ends without a panic, and no path that is looked up leads outside.
    #[test]
    fn answers_never_escape(parts in proptest::collection::vec(prop_oneof![
        Just("--- a/".to_owned()), Just("+++ b/".to_owned()), Just("@@ -1 +1 @@\n".to_owned()), Just("-x\n".to_owned()), Just("+y\n".to_owned()), Just("\n".to_owned()),
        Just("../".to_owned()), Just("/etc/".to_owned()), Just(".git".to_owned()), Just("\u{200b}".to_owned()), Just("diff --git ".to_owned()), Just("rename from ".to_owned()), Just("rename to ".to_owned()),
        Just("*** Begin Patch\n".to_owned()), Just("*** Update File: ".to_owned()), Just("*** Add File: ".to_owned()), Just("*** End Patch\n".to_owned()), Just("<<<<<<< SEARCH\n".to_owned()), Just("=======\n".to_owned()),
        Just(">>>>>>> REPLACE\n".to_owned()), Just("```diff\n".to_owned()), Just("```\n".to_owned()), Just("new file mode 120000\n".to_owned()), Just("\"\\303\\056\\056/x\"".to_owned()), Just("x.rs\n".to_owned()), "\\PC{0,6}", "[a-z./ ]{0,8}"], 0..40)) {
        let answer = parts.concat();
        if let Ok(patch) = parse(&answer) {
            let result = apply(&patch, |path| {
                assert!(inspect::check_path(path).is_ok(), "looked up `{path}`");
                (path == "x.rs").then(|| FileContent::regular("x\n"))
            }, &PatchLimits::default());
            match result {
                Ok(applied) => for file in applied.files { prop_assert!(inspect::check_path(&file.path).is_ok()); },
                Err(error) => prop_assert!(!error.to_string().contains('\n') && !error.is_bug(), "{}", error),
            }
        }
    }

    /// Paths that are accepted stay inside whatever a file system makes of them.
    #[test]
    fn accepted_paths_stay_inside(path in "(\\.{1,3}|[a-zA-Z~1:. ]{1,5}|\\.[gG][iI][tT][. ]{0,2}|/|\\\\){1,8}") {
        if inspect::check_path(&path).is_ok() {
            let mut depth = 0_i32;
            for part in path.split('/') {
                prop_assert!(part != ".." && part != "." && !part.is_empty());
                prop_assert!(!part.trim_end_matches(['.', ' ']).eq_ignore_ascii_case(".git"), "{}", path);
                depth += 1;
            }
            prop_assert!(depth > 0 && !path.starts_with('/'));
        }
    }
}
