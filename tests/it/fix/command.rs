//! Commands that say nothing of the code: each ends with its own word, nothing is written, and no model is paid.

use super::bench::{Answer, Bench, PYTHON, PYTHON_FIX, UNITTEST, diff, has, isolates};

/// Runs one command on the Python clone; nothing may change, nobody may be asked.
async fn says_nothing(settings: &str, arguments: &[&str], reason: &str, words: &str) {
    let mut bench = Bench::new(&PYTHON, vec![diff(PYTHON_FIX)]).await;
    bench.settings = settings.to_owned();
    let before = bench.look();
    let ran = bench.fix(arguments).await;
    let json = ran.expect("not_reproduced", reason, 1);
    assert!(json["detail"].as_str().is_some_and(|detail| detail.contains(words)), "`{words}`: {json}");
    assert_eq!((json["attempts"].as_u64(), json["tokens"].as_u64(), &json["commit"]), (Some(0), Some(0), &serde_json::Value::Null));
    assert_eq!(bench.look(), before, "{arguments:?}");
    assert_eq!(bench.model.asked().len(), 0, "a model was asked about {arguments:?}");
    assert!(ran.stdout.len() < 64 << 10 && ran.stderr.len() < 64 << 10, "{} and {} bytes printed", ran.stdout.len(), ran.stderr.len());
    bench.assert_tidy();
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_are_not_red_for_a_reason() {
    requires!("commands_that_are_not_red_for_a_reason", isolates() && has("python3", &["--version"]), "user namespaces and python3");
    let cases: &[(&[&str], &str, &str)] = &[
        (&["--cmd", "true"], "not_reproduced", "passes here"),
        (&["--cmd", "python3 -m unittest -v test_calc.CalcTest.test_zero"], "not_reproduced", "passes here"),
        (&["--cmd", "regreen-nonesuch --x"], "not_reproducible", "regreen-nonesuch"),
        (&["--cmd", "./regreen-nonesuch"], "not_reproducible", "regreen-nonesuch"),
        (&["--cmd", "python3 -m unittest discover -p 'none*.py'"], "not_reproducible", "no test"),
        (&["--cmd", "kill -9 $$"], "not_reproducible", "signal 9"),
        (&["--cmd", UNITTEST, "--setup", "exit 3"], "setup_failed", "exit code 3"),
        (&["--cmd", UNITTEST, "--setup", "sleep 600", "--timeout", "1s"], "setup_failed", "time"),
        // Nothing but registries is reached, and no address of one's own network.
        (&["--cmd", UNITTEST, "--setup", "curl -fsS -m 20 https://example.com/"], "setup_failed", "exit code"),
        (&["--cmd", UNITTEST, "--setup", "curl -fsS -m 20 http://169.254.169.254/latest/meta-data/"], "setup_failed", "exit code"),
    ];
    for (arguments, reason, words) in cases {
        says_nothing("", arguments, reason, words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_without_end() {
    requires!("commands_without_end", isolates() && has("python3", &["--version"]), "user namespaces and python3");
    let small = "[sandbox]\nmemory_mib = 300\nprocesses = 40\ndisk_mib = 48\noutput_mib = 1\n";
    let allocates = "python3 -c 'import time; kept = bytearray(700 << 20); time.sleep(60)'";
    // Bounded by itself, in case that nothing else bounds it.
    let forks = "for n in $(seq 120); do sleep 60 & done; wait";
    let hidden = "setsid sh -c 'sleep 600 & sleep 600' & sleep 600";
    let cases: &[(&[&str], &str)] = &[
        (&["--cmd", "sleep 600", "--timeout", "1s"], "the limit on time"),
        (&["--cmd", hidden, "--timeout", "1s"], "the limit on time"),
        (&["--cmd", "cat /dev/zero", "--timeout", "60s"], "the limit on output"),
        (&["--cmd", "yes 'FAILED test_calc.py::test_add'", "--timeout", "60s"], "the limit on output"),
        (&["--cmd", "dd if=/dev/zero of=big bs=1M count=300 status=none; sleep 60", "--timeout", "60s"], "the limit on disk space"),
        (&["--cmd", allocates, "--timeout", "60s"], "the limit on memory"),
        (&["--cmd", forks, "--timeout", "60s"], "the limit on processes"),
    ];
    for (arguments, words) in cases {
        says_nothing(small, arguments, "not_reproducible", words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_use_is_told() {
    let bench = Bench::new(&PYTHON, vec![diff(PYTHON_FIX)]).await;
    let before = bench.look();
    bench.fix(&[]).await.refused(2, "--cmd");
    for (arguments, words) in [
        (&["--cmd", "true", "--timeout", "soon"][..], "such as 90s"),
        (&["--cmd", "true", "--timeout", "0"], "such as 90s"),
        (&["--cmd", "true", "--log", "nonesuch.log"], "nonesuch.log"),
        (&["--cmd", "true", "--run", "https://github.com/o/r/actions/runs/1"], "cannot be used"),
    ] {
        bench.fix(arguments).await.refused(2, words);
    }
    assert_eq!(bench.look(), before);
    assert_eq!(bench.model.asked().len(), 0);
}

/// A patch that hangs, floods or breaks the wider command is no fix.
#[tokio::test(flavor = "multi_thread")]
async fn patches_that_do_harm_when_run() {
    requires!("patches_that_do_harm_when_run", isolates() && has("python3", &["--version"]), "user namespaces and python3");
    let patch = |line: &str| diff(&format!("--- a/calc.py\n+++ b/calc.py\n@@ -1,3 +1,3 @@\n def add(a, b):\n-    return a - b\n+    {line}\n \n"));
    let cases: [(&str, Answer, &[&str], &str); 4] = [
        ("hangs", patch("return add(a, b) if a else __import__('time').sleep(600)"), &[], "the limit on time"),
        ("floods", patch("return [print('x' * 9999) for _ in iter(int, 1)]"), &[], "the limit on output"),
        ("ends with success", patch("import os; os._exit(0)"), &[], "less tested"),
        ("breaks the wider command", diff(PYTHON_FIX), &["--test", "grep -q 'a - b' calc.py"], "The wider command is red"),
    ];
    for (name, answer, more, words) in cases {
        let mut bench = Bench::new(&PYTHON, vec![answer]).await;
        bench.settings = "[sandbox]\noutput_mib = 1\n".into();
        let before = bench.look();
        let ran = bench.fix(&[&["--cmd", UNITTEST, "--timeout", "4s"], more].concat()).await;
        let json = ran.json();
        assert_eq!((json["outcome"].as_str(), ran.code), (Some("no_fix"), 1), "{name}: {json}");
        assert!(["not_proved", "attempts_spent"].contains(&json["reason"].as_str().unwrap()), "{name}: {json}");
        assert_eq!(bench.look(), before, "{name}");
        // What happened is told to the next attempt.
        assert_eq!((json["attempts"].as_u64(), bench.model.asked().len()), (Some(3), 3), "{name}: {json}");
        let told = bench.model.prompt(1);
        assert!(told.contains("Earlier attempt 1") && told.contains(words), "{name}: `{words}` is not told: {told}");
        bench.assert_tidy();
    }
}
