use super::*;

fn identity(fingerprint: &str, category: &str, failed: &[&str]) -> FailureIdentity {
    FailureIdentity { fingerprint: fingerprint.into(), category: category.into(), failed_tests: failed.iter().map(|name| (*name).into()).collect() }
}

fn cargo(tests: &[(&str, &str)]) -> String {
    let count = |verdict: &str| tests.iter().filter(|(_, v)| *v == verdict).count();
    let (passed, failed, ignored) = (count("ok"), count("FAILED"), count("ignored"));
    let listed: String = tests.iter().map(|(name, verdict)| format!("test {name} ... {verdict}\n")).collect();
    let word = if failed == 0 { "ok" } else { "FAILED" };
    format!(
        "\nrunning {} tests\n{listed}\ntest result: {word}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
        tests.len()
    )
}

fn run<'a>(exit: &'a Exit, output: &'a str, identity: Option<&'a FailureIdentity>) -> RunEvidence<'a> {
    RunEvidence { command: "make test", exit, output: output.as_bytes(), identity, results: None }
}

#[test]
fn red_is_judged() {
    let ci = identity("f1", "test_assertion", &["tests::b"]);
    let lint = identity("f9", "lint_error", &[]);
    let red = cargo(&[("tests::a", "ok"), ("tests::b", "FAILED")]);
    let other = cargo(&[("tests::a", "FAILED"), ("tests::b", "ok")]);
    let more = cargo(&[("tests::a", "FAILED"), ("tests::b", "FAILED")]);
    let green = cargo(&[("tests::a", "ok"), ("tests::b", "ok")]);
    let empty = cargo(&[]);
    let same = identity("f1", "test_assertion", &["tests::b"]);
    let unlike = identity("f2", "compile_error", &[]);
    let kind = |red: RedBefore| match red {
        RedBefore::Same { tests, others, fingerprint } => format!("same {} +{} {fingerprint}", tests.len(), others.len()),
        RedBefore::DifferentFailure { .. } => "different".to_owned(),
        RedBefore::Green => "green".to_owned(),
        RedBefore::NotRun(why) => format!("{why:?}").split([' ', '{']).next().unwrap_or_default().to_owned(),
    };
    let code = Exit::Code;
    for (case, ci, exit, output, seen, expected) in [
        ("same test", &ci, code(101), red.as_str(), Some(&same), "same 1 +0 true"),
        ("same test, no diagnosis", &ci, code(101), &red, None, "same 1 +0 false"),
        ("one more fails here", &ci, code(101), &more, None, "same 1 +1 false"),
        ("another test", &ci, code(101), &other, None, "different"),
        ("another kind", &ci, code(101), "error[E0432]: unresolved import\n", Some(&unlike), "different"),
        ("same linter complaint", &lint, code(1), "error: unused variable\n", Some(&lint), "same 0 +0 true"),
        ("another linter complaint", &lint, code(1), "error: something else\n", Some(&unlike), "different"),
        ("green", &ci, code(0), &green, None, "green"),
        ("tool missing", &ci, code(127), "bash: line 1: cargo: command not found\n", None, "MissingTool"),
        ("not executable", &ci, code(126), "bash: ./test.sh: Permission denied\n", None, "MissingTool"),
        ("npm's shell", &ci, code(1), "> jest\n\nsh: 1: jest: not found\n", None, "MissingTool"),
        ("runner's module", &ci, code(1), "/usr/bin/python3: No module named pytest\n", None, "MissingTool"),
        ("subcommand", &ci, code(101), "error: no such command: `nextest`\n", None, "MissingTool"),
        ("network", &ci, code(1), "npm error getaddrinfo EAI_AGAIN registry.npmjs.org\n", None, "Network"),
        ("no test at all", &ci, code(0), &empty, None, "NoTests"),
        ("nothing collected", &ci, code(5), "=== test session starts ===\ncollected 0 items\n\n=== no tests ran in 0.01s ===\n", None, "NoTests"),
        ("limit", &ci, Exit::Limit("wall time".into()), &red, None, "CutOff"),
        ("signal", &ci, Exit::Signal(9), &red, None, "CutOff"),
        ("contradictory", &ci, code(1), "test result: FAILED. 0 passed; 1 failed; 0 ignored\n", None, "Contradictory"),
        (
            "a project's own module is CI's reason",
            &identity("m", "", &[]),
            code(1),
            "ModuleNotFoundError: No module named 'shop.cart'\n",
            Some(&identity("m", "", &[])),
            "same 0 +0 true",
        ),
        ("no fingerprint is no equality", &identity("", "", &[]), code(1), "error\n", Some(&identity("", "", &[])), "different"),
    ] {
        assert_eq!(kind(red_before(ci, &run(&exit, output, seen))), expected, "{case}");
    }
}

#[test]
fn green_is_judged() {
    let red = cargo(&[("a", "ok"), ("b", "FAILED"), ("c", "ok")]);
    let pytest_red = "=== test session starts ===\nFAILED tests/t.py::test_b - x\n=== 1 failed, 2 passed in 0.1s ===\n";
    let not_imported = "=== test session starts ===\nERROR tests/t.py - NameError: name 'x' is not defined\n=== 1 error in 0.1s ===\n";
    let (green, later) = (cargo(&[("a", "ok"), ("b", "ok"), ("c", "ok")]), cargo(&[("d", "ok")]));
    let ignored = cargo(&[("a", "ok"), ("b", "ignored"), ("c", "ok")]);
    let gradle_red = "> Task :test FAILED\n\nBarTest > adds() FAILED\n\n2 tests completed, 1 failed\n";
    let kind = |green: GreenAfter| match green {
        GreenAfter::Proven { strength, .. } => format!("{strength:?}"),
        GreenAfter::StillRed { failing, .. } => format!("red {}", failing.len()),
        GreenAfter::Weakened(less) => format!("weakened {}", less.missing.join(",")),
        GreenAfter::NotRun(why) => format!("{why:?}").split([' ', '{']).next().unwrap_or_default().to_owned(),
    };
    let code = Exit::Code;
    for (case, before, exit, after, expected) in [
        ("each test", red.as_str(), code(0), cargo(&[("a", "ok"), ("b", "ok"), ("c", "ok")]), "EachTest"),
        ("more tests", &red, code(0), cargo(&[("a", "ok"), ("b", "ok"), ("c", "ok"), ("d", "ok")]), "EachTest"),
        ("still red", &red, code(101), red.clone(), "red 1"),
        ("red behind exit 0", &red, code(0), red.clone(), "red 1"),
        ("deleted", &red, code(0), cargo(&[("a", "ok"), ("c", "ok")]), "weakened b"),
        ("renamed", &red, code(0), cargo(&[("a", "ok"), ("z", "ok"), ("c", "ok")]), "weakened b"),
        ("ignored", &red, code(0), cargo(&[("a", "ok"), ("b", "ignored"), ("c", "ok")]), "weakened b"),
        ("another one gone", &red, code(0), cargo(&[("a", "ok"), ("b", "ok"), ("x", "ok")]), "weakened c"),
        ("no tests any more", &red, code(0), String::new(), "weakened "),
        ("zero tests", &red, code(0), cargo(&[]), "weakened a,b,c"),
        ("forged", &red, code(0), format!("{}test result: ok. 9 passed; 0 failed; 0 ignored\n", cargo(&[("a", "ok")])), "Contradictory"),
        ("killed", &red, Exit::Limit("memory".into()), String::new(), "CutOff"),
        ("tool gone", &red, code(127), String::new(), "MissingTool"),
        ("counts", pytest_red, code(0), "=== test session starts ===\n=== 3 passed in 0.1s ===\n".into(), "Counts"),
        ("fewer by count", pytest_red, code(0), "=== test session starts ===\n=== 2 passed in 0.1s ===\n".into(), "weakened "),
        ("skipped by count", pytest_red, code(0), "=== test session starts ===\n=== 3 passed, 1 skipped in 0.1s ===\n".into(), "weakened "),
        ("deselected", pytest_red, code(0), "=== test session starts ===\n=== 3 passed, 1 deselected in 0.1s ===\n".into(), "weakened "),
        ("stopped at the first binary", &red, code(0), format!("{green}{}", cargo(&[("d", "ignored")])), "EachTest"),
        ("stopped at the first binary, and ignored", &red, code(0), format!("{ignored}{}", cargo(&[("d", "ok")])), "weakened b"),
        ("filtered in a later binary", &red, code(0), format!("{green}{}", later.replace("0 filtered", "4 filtered")), "EachTest"),
        (
            "could not be imported, and skipped by count",
            not_imported,
            code(0),
            "=== test session starts ===\n=== 9 passed, 1 skipped in 0.1s ===\n".into(),
            "weakened ",
        ),
        ("could not be imported", not_imported, code(0), "=== test session starts ===\n=== 9 passed in 0.1s ===\n".into(), "Counts"),
        ("silent runner", gradle_red, code(0), "> Task :test\n\nBUILD SUCCESSFUL in 1s\n".into(), "ExitCode"),
        ("silent and not run", gradle_red, code(0), "> Task :test UP-TO-DATE\n\nBUILD SUCCESSFUL in 1s\n".into(), "weakened "),
        ("linter", "error: unused variable\n", code(0), "Finished\n".into(), "ExitCode"),
        ("compiles again", "error[E0308]: mismatched types\n", code(0), cargo(&[("a", "ok")]), "Counts"),
        ("compiles, tests gone", "error[E0308]: mismatched types\n", code(0), cargo(&[]), "weakened "),
        ("linter still red", "error: a\n", code(1), "error: a\n".into(), "red 0"),
    ] {
        let judged = green_after(&run(&code(101), before, None), &run(&exit, &after, None));
        assert_eq!(kind(judged), expected, "{case}");
    }
}

#[test]
fn a_proof_holds_only_when_all_of_it_does() {
    let ci = identity("f1", "test_assertion", &["b"]);
    let (failed, fine) = (Exit::Code(101), Exit::Code(0));
    let red = cargo(&[("a", "ok"), ("b", "FAILED")]);
    let green = cargo(&[("a", "ok"), ("b", "ok")]);
    let wide_red = cargo(&[("a", "ok"), ("b", "ok"), ("net", "FAILED")]);
    let wide_worse = cargo(&[("a", "FAILED"), ("b", "ok"), ("net", "FAILED")]);
    let before = run(&failed, &red, None);
    let after = run(&fine, &green, None);
    let proof = judge(&ci, &before, Some(&after), Widening::NotYet);
    assert!(proof.holds());
    assert_eq!(
        proof.summary,
        ["Before the patch `make test` fails as in CI: `b`.", "After the patch it is green: each failing test is seen passing, 2 tests ran (before: 2)."]
    );
    assert!(!judge(&ci, &before, Some(&before), Widening::NotYet).holds());
    assert!(!judge(&ci, &before, None, Widening::NotYet).holds());
    assert!(!judge(&ci, &after, Some(&after), Widening::NotYet).holds());
    for (wide_before, wide_after, holds) in
        [(None, &green, true), (None, &wide_red, false), (Some(&wide_red), &wide_red, true), (Some(&wide_red), &wide_worse, false)]
    {
        let exit = if wide_after == &green { &fine } else { &failed };
        let wider = WiderRuns { before: wide_before.map(|output| run(&failed, output, None)), after: run(exit, wide_after, None) };
        assert_eq!(judge(&ci, &before, Some(&after), Widening::Ran(wider)).holds(), holds);
    }
    let json = serde_json::to_string(&proof).unwrap();
    assert_eq!(serde_json::from_str::<Proof>(&json).unwrap(), proof);
}

#[test]
fn hostile_names_are_shown_tame() {
    let name = format!("evil\u{1b}[31m\u{202e}{}", "x".repeat(500));
    let output = format!("running 1 test\ntest {name} ... FAILED\ntest result: FAILED. 0 passed; 1 failed; 0 ignored\n");
    let proof = judge(&identity("", "", &[&name]), &run(&Exit::Code(1), &output, None), None, Widening::NotYet);
    assert!(proof.summary[0].chars().all(|c| !c.is_control() && c != '\u{202e}'));
    assert!(proof.summary[0].len() < 600);
}

/// The judgement of a wider run after the patch (and before it, where it was run) beside a proved failing command.
fn widened(after: (&Exit, &str), before: Option<(&Exit, &str)>) -> Proof {
    let ci = identity("f1", "test_assertion", &["b"]);
    let red = cargo(&[("a", "ok"), ("b", "FAILED"), ("c", "ok"), ("d", "ok")]);
    let green = red.replace("FAILED. 3 passed; 1 failed", "ok. 4 passed; 0 failed").replace("FAILED", "ok");
    let wider = WiderRuns { before: before.map(|(exit, output)| run(exit, output, None)), after: run(after.0, after.1, None) };
    judge(&ci, &run(&Exit::Code(101), &red, None), Some(&run(&Exit::Code(0), &green, None)), Widening::Ran(wider))
}

#[test]
fn a_wider_run_that_says_nothing_or_says_less_is_no_yes() {
    let many = cargo(&[("a", "ok"), ("b", "ok"), ("c", "ok"), ("d", "ok"), ("e", "ok")]);
    let few = cargo(&[("a", "ok")]);
    let still = cargo(&[("a", "ok"), ("b", "FAILED"), ("net", "FAILED")]);
    for (case, exit, output) in [
        ("it hung", Exit::Limit("time".into()), ""),
        ("it hung behind a summary", Exit::Limit("time".into()), many.as_str()),
        ("it crashed", Exit::Signal(11), &many),
        ("it was stopped", Exit::Stopped, &many),
        ("it could not be started", Exit::Code(127), ""),
        ("it ran less than the failing command", Exit::Code(0), &few),
        ("it ran nothing", Exit::Code(0), &cargo(&[])),
    ] {
        assert!(!widened((&exit, output), None).holds(), "{case}");
    }
    assert!(widened((&Exit::Code(0), &many), None).holds(), "more than the failing command");
    assert!(!widened((&Exit::Code(0), &few), Some((&Exit::Code(0), &many))).holds(), "less than before");
    assert!(widened((&Exit::Code(0), &few), Some((&Exit::Code(0), &few))).holds(), "as much as before");
    assert!(!widened((&Exit::Code(101), &still), Some((&Exit::Code(101), &still))).holds(), "the test that is mended fails here");
}

#[test]
fn an_added_test_hides_no_skip() {
    let pytest = |line: &str| format!("=== test session starts ===\n{line}\n");
    let was = pytest("=== 1 failed, 99 passed in 0.1s ===");
    let is = pytest("=== 101 passed, 1 skipped in 0.1s ===");
    let judged = green_after(&run(&Exit::Code(1), &was, None), &run(&Exit::Code(0), &is, None));
    assert!(matches!(judged, GreenAfter::Weakened(_)), "{judged:?}");
}

#[test]
fn a_name_with_an_address_may_differ_in_it_and_not_vanish() {
    let red = cargo(&[("a", "ok"), ("b", "FAILED"), ("p[<object at 0x7f12ab34cd>]", "ok")]);
    let other = cargo(&[("a", "ok"), ("b", "ok"), ("p[<object at 0x7f99ab34cd>]", "ok")]);
    let gone = cargo(&[("a", "ok"), ("b", "ok"), ("new", "ok")]);
    let judged = |after: &str| green_after(&run(&Exit::Code(101), &red, None), &run(&Exit::Code(0), after, None));
    assert!(matches!(judged(&other), GreenAfter::Proven { strength: Strength::EachTest, .. }), "{:?}", judged(&other));
    assert!(matches!(judged(&gone), GreenAfter::Weakened(_)), "{:?}", judged(&gone));
}

#[test]
fn expected_failures_are_green() {
    let was = "F.x\n======\nFAIL: test_b (m.C.test_b)\n------\nRan 3 tests in 0.001s\n\nFAILED (failures=1, expected failures=1)\n";
    let is = "..x\n------\nRan 3 tests in 0.001s\n\nOK (expected failures=1)\n";
    let of = |exit, output| RunEvidence { command: "python3 -m unittest", ..run(exit, output, None) };
    let judged = green_after(&of(&Exit::Code(1), was), &of(&Exit::Code(0), is));
    assert!(matches!(judged, GreenAfter::Proven { .. }), "{judged:?}");
}

#[test]
fn packages_are_not_told_as_tests() {
    let was = "--- FAIL: TestB (0.00s)\nFAIL\nFAIL\te.com/m/a\t0.003s\nok  \te.com/m/b\t0.1s\nFAIL\n";
    let is = "ok  \te.com/m/a\t0.003s\nok  \te.com/m/b\t0.1s\n";
    let of = |exit, output| RunEvidence { command: "go test ./...", ..run(exit, output, None) };
    let proof = judge(&identity("", "", &["TestB"]), &of(&Exit::Code(1), was), Some(&of(&Exit::Code(0), is)), Widening::NotYet);
    assert!(proof.holds(), "{proof:?}");
    assert!(proof.summary[1].contains("2 packages"), "{:?}", proof.summary);
}

#[test]
fn runs_of_one_command_are_added_up() {
    let of = |command, exit, output| RunEvidence { command, ..run(exit, output, None) };
    let (red, green) = ("1 failed, 2 passed in 0.05s\n", "3 passed in 0.05s\n4 passed in 0.05s\n");
    let judged = green_after(&of("pytest -q a && pytest -q b", &Exit::Code(1), red), &of("pytest -q a && pytest -q b", &Exit::Code(0), green));
    assert!(matches!(judged, GreenAfter::Proven { ran_after: 7, .. }), "{judged:?}");
    let worker = "Finished in 0.02 seconds (files took 0.1 seconds to load)\n";
    let (red, green) = (
        format!("{worker}2 examples, 0 failures\n{worker}2 examples, 1 failure\n4 examples, 1 failure\n"),
        format!("{worker}2 examples, 0 failures\n{worker}2 examples, 0 failures\n4 examples, 0 failures\n"),
    );
    let judged = green_after(&of("parallel_rspec spec", &Exit::Code(1), &red), &of("parallel_rspec spec", &Exit::Code(0), &green));
    assert!(matches!(judged, GreenAfter::Proven { ran_after: 4, .. }), "{judged:?}");
}

#[test]
fn a_reader_that_does_not_fit_the_command_has_no_veto() {
    let of = |exit, output| RunEvidence { command: "pytest -q", ..run(exit, output, None) };
    let noise = "1..10\nTest Suites: 1 passed, 1 total\nTests:       9 passed, 12 total\n";
    let (red, green) = (format!("{noise}1 failed, 2 passed in 0.05s\n"), format!("{noise}3 passed in 0.05s\n"));
    let judged = green_after(&of(&Exit::Code(1), &red), &of(&Exit::Code(0), &green));
    assert!(matches!(judged, GreenAfter::Proven { ran_after: 3, .. }), "{judged:?}");
    let make = |exit, output| RunEvidence { command: "make test", ..run(exit, output, None) };
    let (red, green) = ("1..10\n1 failed, 2 passed in 0.05s\n", "1..10\n3 passed in 0.05s\n");
    let judged = green_after(&make(&Exit::Code(1), red), &make(&Exit::Code(0), green));
    assert!(matches!(judged, GreenAfter::Proven { ran_after: 3, .. }), "{judged:?}");
}
