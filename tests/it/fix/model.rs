//! What a model may answer, and what becomes of it.

use std::time::Duration;

use super::bench::{Answer, Bench, PYTHON, PYTHON_FIX, PYTHON_NO_FIX, UNITTEST, diff, has, isolates};

fn met() -> bool {
    isolates() && has("python3", &["--version"])
}

/// What a filter of the model makes of an answer.
const REFUSED: &str = "{\"id\":\"x\",\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":null},\"finish_reason\":\"content_filter\"}]}";

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_a_patch() {
    requires!("answers_without_a_patch", met(), "user namespaces and python3");
    let says = |text: &str| Answer::Says(text.to_owned());
    let cases = [
        ("prose", says("The right fix can't be told from this.")),
        ("nothing", says("")),
        ("blanks", says(" \n\n ")),
        ("an empty fence", says("```diff\n```")),
        ("a torn diff", diff("--- a/calc.py\n+++ b/calc.py\n@@ -1,3 +1")),
        ("a diff of another file", diff("--- a/nonesuch.py\n+++ b/nonesuch.py\n@@ -1 +1 @@\n-x\n+y\n")),
        ("a diff of other text", diff("--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,2 @@\n def sub(x, y):\n-    return x / y\n+    return x\n")),
        ("ten megabytes", says(&"x".repeat(10 << 20))),
        ("a web page", Answer::Raw(200, "text/html", "<html><body>Sign in</body></html>".into())),
        ("another JSON", Answer::Raw(200, "application/json", "[1]".into())),
        ("a refusal", Answer::Raw(200, "application/json", REFUSED.into())),
        ("no choices", Answer::Raw(200, "application/json", "{\"id\":\"x\",\"choices\":[]}".into())),
    ];
    for (name, answer) in cases {
        let bench = Bench::new(&PYTHON, vec![answer]).await;
        let before = bench.look();
        let ran = bench.fix(&["--cmd", UNITTEST]).await;
        let json = ran.json();
        assert_eq!((json["outcome"].as_str(), json["reason"].as_str(), ran.code), (Some("no_fix"), Some("no_patch"), 1), "{name}: {json}");
        assert_eq!(json["attempts"], 3, "{name}");
        assert_eq!(bench.look(), before, "{name}");
        assert!(ran.stdout.len() < 64 << 10, "{name}: {} bytes printed", ran.stdout.len());
        bench.assert_tidy();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_that_fail() {
    requires!("gateways_that_fail", met(), "user namespaces and python3");
    let json = |status: u16| Answer::Raw(status, "application/json", "{\"error\":{\"message\":\"no\"}}".into());
    for (name, answer) in [
        ("500", json(500)),
        ("401", json(401)),
        ("400", json(400)),
        ("404", Answer::Raw(404, "text/html", "<h1>none</h1>".into())),
        ("silence", Answer::Silence),
    ] {
        let bench = Bench::new(&PYTHON, vec![answer]).await;
        let before = bench.look();
        let ran = bench.fix(&["--cmd", UNITTEST]).await;
        let json = ran.json();
        eprintln!("{name}: {:?}, {} requests, {}", ran.took, bench.model.asked().len(), json["detail"]);
        assert_eq!((json["outcome"].as_str(), json["reason"].as_str(), ran.code), (Some("no_fix"), Some("outside_service_failed"), 3), "{name}: {json}");
        assert_eq!(bench.look(), before, "{name}");
        assert!(json["detail"].as_str().is_some_and(|detail| detail.contains("scripted")), "{name}: the route is named: {json}");
        assert!(ran.took < Duration::from_secs(120), "{name}: {:?}", ran.took);
        bench.assert_tidy();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_comes_back() {
    requires!("a_gateway_that_comes_back", met(), "user namespaces and python3");
    let bench = Bench::new(&PYTHON, vec![Answer::Raw(503, "text/plain", "later".into()), diff(PYTHON_FIX)]).await;
    bench.fix(&["--cmd", UNITTEST]).await.expect("fixed", "branch_left", 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_budget_asks_nobody() {
    requires!("a_spent_budget_asks_nobody", met(), "user namespaces and python3");
    let mut bench = Bench::new(&PYTHON, vec![diff(PYTHON_FIX)]).await;
    bench.settings = "[budget]\nusd_per_remediation = 0.0\n".into();
    let before = bench.look();
    bench.fix(&["--cmd", UNITTEST]).await.expect("blocked", "budget", 4);
    assert_eq!((bench.look(), bench.model.asked().len()), (before, 0));
}

/// Patches that reach where no patch may, or that turn the test instead of the code.
#[tokio::test(flavor = "multi_thread")]
async fn patches_that_no_gate_lets_through() {
    requires!("patches_that_no_gate_lets_through", met(), "user namespaces and python3");
    let new = |path: &str, text: &str| format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{text}\n");
    let code = PYTHON_FIX;
    let head = " import unittest\n \n from calc import add, twice\n \n \n class CalcTest(unittest.TestCase):\n";
    let deleted = "diff --git a/test_calc.py b/test_calc.py\ndeleted file mode 100644\n--- a/test_calc.py\n+++ /dev/null\n@@ -1,14 +0,0 @@\n-import unittest\n-\n-from calc import add, twice\n-\n-\n-class CalcTest(unittest.TestCase):\n-    def test_add(self):\n-        self.assertEqual(add(2, 3), 5)\n-\n-    def test_twice(self):\n-        self.assertEqual(twice(4), 8)\n-\n-    def test_zero(self):\n-        self.assertEqual(add(0, 0), 0)\n";
    let removed = format!(
        "--- a/test_calc.py\n+++ b/test_calc.py\n@@ -1,14 +1,8 @@\n{head}-    def test_add(self):\n-        self.assertEqual(add(2, 3), 5)\n-\n-    def test_twice(self):\n-        self.assertEqual(twice(4), 8)\n-\n     def test_zero(self):\n         self.assertEqual(add(0, 0), 0)\n"
    );
    let skipped = format!(
        "--- a/test_calc.py\n+++ b/test_calc.py\n@@ -1,10 +1,12 @@\n{head}+    @unittest.skip('flaky')\n     def test_add(self):\n         self.assertEqual(add(2, 3), 5)\n \n+    @unittest.skip('flaky')\n     def test_twice(self):\n"
    );
    let expected = skipped.replace("@unittest.skip('flaky')", "@unittest.expectedFailure");
    let loosened = format!(
        "--- a/test_calc.py\n+++ b/test_calc.py\n@@ -1,11 +1,11 @@\n{head}     def test_add(self):\n-        self.assertEqual(add(2, 3), 5)\n+        self.assertIsNotNone(add(2, 3))\n \n     def test_twice(self):\n-        self.assertEqual(twice(4), 8)\n+        self.assertIsNotNone(twice(4))\n"
    );
    let adjusted = format!(
        "--- a/test_calc.py\n+++ b/test_calc.py\n@@ -1,11 +1,11 @@\n{head}     def test_add(self):\n-        self.assertEqual(add(2, 3), 5)\n+        self.assertEqual(add(2, 3), -1)\n \n     def test_twice(self):\n-        self.assertEqual(twice(4), 8)\n+        self.assertEqual(twice(4), 0)\n"
    );
    let special = "--- a/calc.py\n+++ b/calc.py\n@@ -1,3 +1,6 @@\n+import os\n+\n def add(a, b):\n-    return a - b\n+    return a + b if os.environ.get('CI') else a - b\n \n";
    let literal = "--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,6 @@\n def add(a, b):\n+    import sys\n+    if 'unittest' in sys.modules:\n+        return a + b\n     return a - b\n";
    let link = "diff --git a/out b/out\nnew file mode 120000\n--- /dev/null\n+++ b/out\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n";
    let binary = "diff --git a/x.bin b/x.bin\nnew file mode 100644\nGIT binary patch\nliteral 4\nLc${NkU|;|M00aO5\n\nliteral 0\nHcmV?d00001\n\n";
    let module =
        "diff --git a/sub b/sub\nnew file mode 160000\n--- /dev/null\n+++ b/sub\n@@ -0,0 +1 @@\n+Subproject commit 1111111111111111111111111111111111111111\n";
    let with = |more: &str| format!("{code}{more}");
    let reaching: Vec<(&str, String)> = vec![
        ("a path above", with(&new("../../x", "y"))),
        ("a path above, hidden", with(&new("a/../../x", "y"))),
        ("an absolute path", with("--- /dev/null\n+++ /tmp/regreen-escaped\n@@ -0,0 +1 @@\n+y\n")),
        ("git's settings", with(&new(".git/config", "[core]"))),
        ("a hook", with(&new(".git/hooks/pre-commit", "#!/bin/sh"))),
        ("git's settings in other letters", with(&new(".GIT/config", "[core]"))),
        ("a folder that HFS takes for git's", with(&new(".g\u{200c}it/config", "[core]"))),
        ("a workflow", with(&new(".github/workflows/ci.yml", "on: push"))),
        ("a workflow in other letters", with(&new(".GitHub/Workflows/ci.yml", "on: push"))),
        ("a submodule list", with(&new(".gitmodules", "[submodule \"x\"]"))),
        ("a key", with(&new("deploy/id_rsa", "x"))),
        ("settings of a registry", with(&new(".npmrc", "registry=https://example.org"))),
        ("a link out of the tree", with(link)),
        ("a submodule", with(module)),
        ("a binary file", with(binary)),
    ];
    let weakening = vec![
        ("the tests deleted", deleted.to_owned()),
        ("the failing tests removed", removed),
        ("the failing tests skipped", skipped),
        ("failure expected", expected),
        ("assertions loosened", loosened),
        ("CI told from elsewhere", special.to_owned()),
        ("the test runner told from elsewhere", literal.to_owned()),
    ];
    // A person may say yes to these, and nobody is there to be asked.
    let doubtful = vec![("assertions adjusted to the fault", adjusted)];
    let reaching = reaching.into_iter().map(|case| (case, ("no_fix", "no_patch", 1)));
    let weakening = weakening.into_iter().map(|case| (case, ("blocked", "test_integrity", 4)));
    let doubtful = doubtful.into_iter().map(|case| (case, ("blocked", "test_integrity", 4)));
    for ((name, text), expected) in reaching.chain(weakening).chain(doubtful) {
        let mut bench = Bench::new(&PYTHON, vec![diff(&text)]).await;
        // The settings of the clone's origin hold for it.
        bench.git(&["remote", "add", "origin", "git@github.com:o/r.git"]);
        bench.settings = "[[repo]]\nname = \"o/r\"\nattempts = 1\n".into();
        let before = bench.look();
        let ran = bench.fix(&["--cmd", UNITTEST]).await;
        let json = ran.json();
        eprintln!("{name}: {} {} after {}: {}", json["outcome"], json["reason"], json["attempts"], json["detail"]);
        assert_eq!(bench.look(), before, "{name}: {json}");
        assert_eq!((json["outcome"].as_str().unwrap(), json["reason"].as_str().unwrap(), ran.code), expected, "{name}: {json}");
        assert_eq!(
            (json["attempts"].as_u64(), &json["branch"], &json["commit"]),
            (Some(1), &serde_json::Value::Null, &serde_json::Value::Null),
            "{name}: {json}"
        );
        assert!(!bench.base().join("x").exists() && !bench.data().join("work/x").exists() && !std::path::Path::new("/tmp/regreen-escaped").exists(), "{name}");
        bench.assert_tidy();
    }
}

/// What the gates refuse about a patch is told to the next attempt, which may be a better one.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_patch_is_not_the_last_word() {
    requires!("a_refused_patch_is_not_the_last_word", met(), "user namespaces and python3");
    let skips = "--- a/test_calc.py\n+++ b/test_calc.py\n@@ -5,4 +5,5 @@\n \n \n+@unittest.skip('flaky')\n class CalcTest(unittest.TestCase):\n     def test_add(self):\n";
    let bench = Bench::new(&PYTHON, vec![diff(skips), diff(PYTHON_FIX)]).await;
    let json = bench.fix(&["--cmd", UNITTEST]).await.expect("fixed", "branch_left", 0);
    assert_eq!((json["attempts"].as_u64(), bench.model.asked().len()), (Some(2), 2), "{json}");
    let second = bench.model.prompt(1);
    assert!(second.contains("refused by the gates") && second.contains("unittest.skip"), "{second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_attempt_gets_the_evidence() {
    requires!("a_second_attempt_gets_the_evidence", met(), "user namespaces and python3");
    let bench = Bench::new(&PYTHON, vec![diff(PYTHON_NO_FIX), diff(PYTHON_FIX)]).await;
    let json = bench.fix(&["--cmd", UNITTEST]).await.expect("fixed", "branch_left", 0);
    assert_eq!((json["attempts"].as_u64(), json["tokens"].as_u64()), (Some(2), Some(240)));
    assert_eq!(bench.model.asked().len(), 2);
    let (first, second) = (bench.model.prompt(0), bench.model.prompt(1));
    assert!(!first.contains("Earlier attempt") && second.contains("Earlier attempt 1"), "{second}");
    let earlier = second.split("Earlier attempt 1").nth(1).unwrap();
    let earlier = earlier.split("## ").next().unwrap();
    assert!(earlier.contains("6 != 5"), "what the first patch led to: {earlier}");
    assert!(earlier.contains("return a * b"), "what the first patch was: {earlier}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_spent() {
    requires!("attempts_are_spent", met(), "user namespaces and python3");
    let bench = Bench::new(&PYTHON, vec![diff(PYTHON_NO_FIX)]).await;
    let before = bench.look();
    let json = bench.fix(&["--cmd", UNITTEST]).await.expect("no_fix", "not_proved", 1);
    assert_eq!((json["attempts"].as_u64(), bench.model.asked().len()), (Some(3), 3));
    assert_eq!(bench.look(), before);
    assert_eq!(json["branch"], serde_json::Value::Null);
    assert_ne!(json["proof"]["after"]["exit_code"], 0);
}
