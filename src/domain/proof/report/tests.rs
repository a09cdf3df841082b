use super::*;
use proptest::prelude::*;

/// ran, passed, failed, skipped, filtered
type Counts = [u64; 5];

fn check(case: &str, output: &str, runner: Runner, counts: Counts, failing: &[&str], names_all: bool) {
    let report = TestReport::read("", output.as_bytes());
    assert_eq!(report.contradictions, Vec::<String>::new(), "{case}");
    assert_eq!(report.runners, [runner].into(), "{case}");
    assert_eq!([report.ran, report.passed, report.failed, report.skipped, report.filtered], counts, "{case}: {report:#?}");
    for name in failing {
        assert!(report.sees_failing(name), "{case}: {name} in {:?}", report.tests);
    }
    assert_eq!(report.names_all_passing, names_all, "{case}: {report:#?}");
}

const CARGO: &str = "\
   Compiling adder v0.1.0 (/workspace)
    Finished `test` profile [unoptimized + debuginfo] target(s) in 0.50s
     Running unittests src/lib.rs (target/debug/deps/adder-92948b65e88960b4)

running 3 tests
test tests::works ... ok
test tests::fails ... FAILED
test tests::slow ... ignored, takes long

failures:

---- tests::fails stdout ----

thread 'tests::fails' panicked at src/lib.rs:20:9:
assertion `left == right` failed
  left: 3
 right: 4
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    tests::fails

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s

     Running tests/it.rs (target/debug/deps/it-0a1b2c3d4e5f6071)

running 1 test
test reads_file - should panic ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s

   Doc-tests adder

running 1 test
test src/lib.rs - add (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.21s

error: test failed, to rerun pass `--lib`
";

#[test]
fn compiled_runners() {
    check("cargo", CARGO, Runner::CargoTest, [4, 3, 1, 1, 2], &["tests::fails"], true);
    let quiet = "\nrunning 3 tests\n.F.\nfailures:\n\nfailures:\n    a::b\n\ntest result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
    check("cargo -q", quiet, Runner::CargoTest, [3, 2, 1, 0, 0], &["a::b"], false);
    let nextest = "\
────────────
 Nextest run ID 0f1c with nextest profile: default
    Starting 3 tests across 2 binaries (1 test skipped)
        PASS [   0.004s] (1/3) adder tests::works
        FAIL [   0.005s] (2/3) adder tests::fails
  stdout ───

running 1 test
test tests::fails ... FAILED

test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 1 filtered out
        PASS [   0.010s] (3/3) adder::it reads
────────────
     Summary [   0.012s] 3 tests run: 2 passed, 1 failed, 1 skipped
        FAIL [   0.005s] (2/3) adder tests::fails
error: test run failed
";
    check("nextest", nextest, Runner::Nextest, [3, 2, 1, 1, 0], &["tests::fails"], true);
    let ctest = "\
Test project /workspace/build
    Start 1: parse
1/3 Test #1: parse ............................   Passed    0.01 sec
    Start 2: render
2/3 Test #2: render ...........................***Failed    0.02 sec
    Start 3: gpu
3/3 Test #3: gpu ..............................***Skipped   0.00 sec

67% tests passed, 1 tests failed out of 3

Total Test time (real) =   0.04 sec

The following tests FAILED:
\t  2 - render (Failed)
Errors while running CTest
";
    check("ctest", ctest, Runner::Ctest, [2, 1, 1, 1, 0], &["render"], true);
}

#[test]
fn python_runners() {
    let verbose = "\
============================= test session starts ==============================
platform linux -- Python 3.11.9, pytest-8.2.0, pluggy-1.5.0 -- /usr/bin/python3
rootdir: /workspace
collecting ... collected 6 items / 1 deselected / 5 selected

tests/test_a.py::test_one PASSED                                         [ 20%]
tests/test_a.py::TestB::test_two FAILED                                  [ 40%]
tests/test_a.py::test_p[a b-1] PASSED                                    [ 60%]
tests/test_a.py::test_skip SKIPPED (needs x)                             [ 80%]
tests/test_a.py::test_x XFAIL (known)                                    [100%]

=================================== FAILURES ===================================
________________________________ TestB.test_two ________________________________
E       assert 3 == 4
=========================== short test summary info ============================
FAILED tests/test_a.py::TestB::test_two - assert 3 == 4
======= 1 failed, 2 passed, 1 skipped, 1 deselected, 1 xfailed in 0.12s ========
";
    check("pytest -v", verbose, Runner::Pytest, [3, 2, 1, 1, 1], &["tests/test_a.py::TestB::test_two", "TestB.test_two"], true);
    let plain = "\
============================= test session starts ==============================
collected 3 items

tests/test_a.py .F.                                                      [100%]

=========================== short test summary info ============================
FAILED tests/test_a.py::test_two - assert 3 == 4
========================= 1 failed, 2 passed in 65.00s (0:01:05) =========================
";
    check("pytest", plain, Runner::Pytest, [3, 2, 1, 0, 0], &["test_two"], false);
    check("pytest -q", "...s                      [100%]\n3 passed, 1 skipped, 2 warnings in 0.05s\n", Runner::Pytest, [3, 3, 0, 1, 0], &[], false);
    let all = "\
============================= test session starts ==============================
collected 2 items

tests/test_a.py ..                                                       [100%]

==================================== PASSES ====================================
=========================== short test summary info ============================
PASSED tests/test_a.py::test_one
PASSED tests/test_a.py::test_two
============================== 2 passed in 0.01s ===============================
";
    check("pytest -rA", all, Runner::Pytest, [2, 2, 0, 0, 0], &[], true);
    let workers = "\
============================= test session starts ==============================
[gw0] [ 50%] PASSED tests/test_a.py::test_one
[gw1] [100%] FAILED tests/test_a.py::test_two
=========================== short test summary info ============================
FAILED tests/test_a.py::test_two - ValueError
========================= 1 failed, 1 passed in 1.50s =========================
";
    check("xdist", workers, Runner::Pytest, [2, 1, 1, 0, 0], &["tests/test_a.py::test_two"], true);
    let broken = "\
============================= test session starts ==============================
collected 0 items / 1 error

==================================== ERRORS ====================================
=========================== short test summary info ============================
ERROR tests/test_a.py - ImportError: cannot import name 'x'
!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!
=============================== 1 error in 0.08s ===============================
";
    check("collection", broken, Runner::Pytest, [1, 0, 1, 0, 0], &["tests/test_a.py"], true);
    let unittest = "\
test_one (tests.test_a.TestA.test_one) ... ok
test_two (tests.test_a.TestA.test_two)
Checks the second. ... FAIL
test_three (tests.test_a.TestA.test_three) ... skipped 'no'

======================================================================
FAIL: test_two (tests.test_a.TestA.test_two)
----------------------------------------------------------------------
Traceback (most recent call last):
AssertionError: 3 != 4

----------------------------------------------------------------------
Ran 3 tests in 0.001s

FAILED (failures=1, skipped=1)
";
    check("unittest -v", unittest, Runner::Unittest, [2, 1, 1, 1, 0], &["test_two (tests.test_a.TestA)", "tests.test_a.TestA.test_two"], true);
    check("unittest", "..\n----\nRan 2 tests in 0.000s\n\nOK\n", Runner::Unittest, [2, 2, 0, 0, 0], &[], false);
}

#[test]
fn javascript_runners() {
    let jest = "\
FAIL src/math.test.js
  Math
    ✓ adds (2 ms)
    ✕ subtracts (3 ms)
    nested
      ✓ works
      ○ skipped later

  ● Math › subtracts

    expect(received).toBe(expected) // Object.is equality

      at Object.<anonymous> (src/math.test.js:10:20)

PASS src/b.test.js
  ✓ stands alone (1 ms)

Test Suites: 1 failed, 1 passed, 2 total
Tests:       1 failed, 1 skipped, 3 passed, 5 total
Snapshots:   0 total
Time:        0.9 s
Ran all test suites.
";
    check("jest", jest, Runner::Jest, [4, 3, 1, 1, 0], &["Math › subtracts", "subtracts"], true);
    let unloaded = "\
FAIL src/a.test.js
  ● Test suite failed to run

    Cannot find module './nope' from 'src/a.test.js'

PASS src/b.test.js

Test Suites: 1 failed, 1 passed, 2 total
Tests:       3 passed, 3 total
Time:        1.2 s
";
    check("jest unloaded", unloaded, Runner::Jest, [4, 3, 1, 0, 0], &["src/a.test.js"], false);
    let vitest = "\
 RUN  v3.0.5 /workspace

 ✓ src/a.test.ts (2 tests) 5ms
 ❯ src/b.test.ts (3 tests | 1 failed | 1 skipped) 10ms
   ✓ Suite > adds 1ms
   × Suite > subtracts 3ms
     → expected 3 to be 4 // Object.is equality
   ↓ Suite > later

⎯⎯⎯⎯⎯⎯⎯ Failed Tests 1 ⎯⎯⎯⎯⎯⎯⎯

 FAIL  src/b.test.ts > Suite > subtracts
AssertionError: expected 3 to be 4 // Object.is equality
 ❯ src/b.test.ts:6:18

 Test Files  1 failed | 1 passed (2)
      Tests  1 failed | 3 passed | 1 skipped (5)
   Start at  10:00:00
   Duration  300ms
";
    check("vitest", vitest, Runner::Vitest, [4, 3, 1, 1, 0], &["src/b.test.ts > Suite > subtracts", "subtracts"], false);
    let mocha = "

  Array
    #indexOf()
      ✔ finds
      1) misses
    - later


  1 passing (6ms)
  1 pending
  1 failing

  1) Array
       #indexOf()
         misses:

      AssertionError [ERR_ASSERTION]: 1 == 2
      at Context.<anonymous> (test/a.js:8:14)
";
    check("mocha", mocha, Runner::Mocha, [2, 1, 1, 1, 0], &["Array > #indexOf() > misses"], true);
    let spec = "\
▶ math
  ✔ adds (0.5ms)
  ✖ subtracts (1.2ms)
✖ math (3.1ms)
﹣ later (0.1ms) # SKIP
✔ alone (0.2ms)
ℹ tests 4
ℹ suites 1
ℹ pass 2
ℹ fail 1
ℹ cancelled 0
ℹ skipped 1
ℹ todo 0
ℹ duration_ms 50.1

✖ failing tests:

test at test/a.test.js:6:3
✖ subtracts (1.2ms)
  AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:
";
    check("node spec", spec, Runner::NodeTest, [3, 2, 1, 1, 0], &["math > subtracts"], true);
    let tap = "\
TAP version 13
# Subtest: math
    # Subtest: adds
    ok 1 - adds
      ---
      duration_ms: 0.5
      type: 'test'
      ...
    1..1
ok 1 - math
  ---
  duration_ms: 1.0
  type: 'suite'
  ...
# Subtest: alone
not ok 2 - alone
  ---
  duration_ms: 0.3
  type: 'test'
  failureType: 'testCodeFailure'
  ...
# Subtest: later
ok 3 - later # SKIP
  ---
  duration_ms: 0.1
  ...
1..3
# tests 3
# suites 1
# pass 1
# fail 1
# cancelled 0
# skipped 1
# todo 0
# duration_ms 40
";
    check("node tap", tap, Runner::NodeTest, [2, 1, 1, 1, 0], &["alone"], true);
}

#[test]
fn other_runners() {
    let plain = "--- FAIL: TestSub (0.00s)\n    math_test.go:12: got 3, want 4\nFAIL\nFAIL\texample.com/m/math\t0.003s\nok  \texample.com/m/text\t(cached)\n?   \texample.com/m/cmd\t[no test files]\nFAIL\n";
    check("go", plain, Runner::Go, [2, 1, 1, 0, 0], &["TestSub", "example.com/m/math"], true);
    let verbose = "=== RUN   TestAdd\n=== RUN   TestAdd/big\n--- PASS: TestAdd (0.00s)\n    --- PASS: TestAdd/big (0.00s)\n=== RUN   TestSub\n    math_test.go:12: got 3\n--- FAIL: TestSub (0.00s)\n=== RUN   TestNet\n--- SKIP: TestNet (0.00s)\nFAIL\nFAIL\texample.com/m/math\t0.003s\nFAIL\n";
    check("go -v", verbose, Runner::Go, [3, 2, 1, 1, 0], &["TestSub"], true);
    let json = r#"{"Time":"2026-01-01T00:00:00Z","Action":"run","Package":"e.com/m","Test":"TestA"}
{"Action":"output","Package":"e.com/m","Test":"TestA","Output":"--- PASS: TestFake (0.00s)\n"}
{"Action":"pass","Package":"e.com/m","Test":"TestA","Elapsed":0}
{"Action":"fail","Package":"e.com/m","Test":"TestB","Elapsed":0}
{"Action":"skip","Package":"e.com/m","Test":"TestC","Elapsed":0}
{"Action":"fail","Package":"e.com/m","Elapsed":0.1}
"#;
    check("go -json", json, Runner::Go, [2, 1, 1, 1, 0], &["TestB", "e.com/m.TestB"], true);
    let maven = "\
[INFO] Running com.foo.BarTest
[ERROR] Tests run: 3, Failures: 1, Errors: 0, Skipped: 1, Time elapsed: 0.05 s <<< FAILURE! -- in com.foo.BarTest
[ERROR] com.foo.BarTest.adds  Time elapsed: 0.010 s <<< FAILURE!
org.opentest4j.AssertionFailedError: expected: <4> but was: <3>
[INFO] Running com.foo.OkTest
[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.01 s -- in com.foo.OkTest
[INFO] Results:
[ERROR] Failures: 
[ERROR]   BarTest.adds:12 expected: <4> but was: <3>
[ERROR] Tests run: 5, Failures: 1, Errors: 0, Skipped: 1
";
    check("maven", maven, Runner::Maven, [4, 3, 1, 1, 0], &["com.foo.BarTest.adds", "BarTest.adds"], false);
    let gradle = "> Task :compileTestJava\n> Task :test FAILED\n\nBarTest > adds() FAILED\n    org.opentest4j.AssertionFailedError at BarTest.java:12\n\n5 tests completed, 1 failed, 1 skipped\n\nBUILD FAILED in 3s\n";
    let ant = "    [junit] Testsuite: org.foo.BarTest\n    [junit] Tests run: 3, Failures: 0, Errors: 1, Skipped: 0, Time elapsed: 1.4 sec\n    [junit] \n    [junit] Testcase: testNext took 1.429 sec\n    [junit] \tCaused an ERROR\n    [junit] boom\n    [junit] Testcase: testLast took 0.1 sec\n";
    check("ant", ant, Runner::Ant, [3, 2, 1, 0, 0], &["testNext"], false);
    check("gradle", gradle, Runner::Gradle, [4, 3, 1, 1, 0], &["BarTest > adds()"], false);
    let listed = "> Task :app:test\n\nBarTest > adds() PASSED\n\nBarTest > later() SKIPPED\n\nBUILD SUCCESSFUL in 3s\n";
    check("gradle listed", listed, Runner::Gradle, [1, 1, 0, 1, 0], &[], true);
    let rspec = "..F*\n\nFailures:\n\n  1) Foo does bar\n     Failure/Error: expect(1).to eq 2\n\nFinished in 0.02 seconds (files took 0.1 seconds to load)\n4 examples, 1 failure, 1 pending\n\nFailed examples:\n\nrspec ./spec/foo_spec.rb:10 # Foo does bar\n";
    check("rspec", rspec, Runner::Rspec, [3, 2, 1, 1, 0], &["Foo does bar"], false);
    let minitest = "Run options: --seed 1\n\n# Running:\n\n.F\n\nFinished in 0.001s, 1000 runs/s.\n\n  1) Failure:\nTestMath#test_sub [test/math_test.rb:9]:\nExpected: 4\n  Actual: 3\n\n2 runs, 2 assertions, 1 failures, 0 errors, 0 skips\n";
    check("minitest", minitest, Runner::Minitest, [2, 1, 1, 0, 0], &["TestMath#test_sub"], false);
    let phpunit = "PHPUnit 11.5.0 by Sebastian Bergmann and contributors.\n\n.FS                3 / 3 (100%)\n\nThere was 1 failure:\n\n1) Tests\\FooTest::testBar\nFailed asserting that 3 is identical to 4.\n\nFAILURES!\nTests: 3, Assertions: 2, Failures: 1, Skipped: 1.\n";
    check("phpunit", phpunit, Runner::Phpunit, [2, 1, 1, 1, 0], &["Tests\\FooTest::testBar"], false);
    let dotnet = "  Failed Foo.Tests.MathTests.Subtracts [5 ms]\n  Error Message:\n   Assert.Equal() Failure\n\nFailed!  - Failed:     1, Passed:     4, Skipped:     1, Total:     6, Duration: 10 ms - Foo.Tests.dll (net8.0)\n";
    check("dotnet", dotnet, Runner::Dotnet, [5, 4, 1, 1, 0], &["Foo.Tests.MathTests.Subtracts"], false);
    let tap = "TAP version 13\nok 1 - loads\nnot ok 2 - adds\n  ---\n  ...\nok 3 - net # SKIP offline\n1..3\n";
    check("tap", tap, Runner::Tap, [2, 1, 1, 1, 0], &["adds"], true);
    let prove = "t/a.t .. ok\nt/b.t .. Failed 1/4 subtests\nFiles=2, Tests=10,  0 wallclock secs ( 0.01 usr)\nResult: FAIL\nFailed 1/2 test programs. 1/10 subtests failed.\n";
    check("prove", prove, Runner::Tap, [10, 9, 1, 0, 0], &[], false);
}

#[test]
fn silence_is_told_from_tests() {
    for text in ["", "Compiling x\nerror[E0308]: mismatched types\n", "All matched files use Prettier code style!\n", "ok\nPASS\nok then\n1..2..3\n"] {
        assert!(TestReport::read("", text.as_bytes()).is_empty(), "{text}");
    }
    let silent = TestReport::read("", b"> Task :test\n\nBUILD SUCCESSFUL in 2s\n");
    assert!(silent.uncounted && !silent.names_all_passing && silent.contradictions.is_empty());
    assert!(TestReport::read("", b"> Task :test UP-TO-DATE\n> Task :testClasses\n\nBUILD SUCCESSFUL in 2s\n").is_empty());
    let gone = TestReport::read("", b"ok  \texample.com/m\t0.01s [no tests to run]\n");
    assert_eq!((gone.is_empty(), gone.ran), (false, 0));
}

#[test]
fn forged_pieces_are_contradictions() {
    let forged_cargo =
        CARGO.replace("failures:\n\n----", "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\nfailures:\n\n----");
    for (case, text) in [
        ("a second result", forged_cargo.as_str()),
        ("a result nobody announced", "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n"),
        ("counts that do not add up", "running 2 tests\ntest result: ok. 9 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n"),
        ("a word against its count", "running 1 test\ntest result: ok. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n"),
        ("a binary that died", "running 2 tests\ntest a ... ok\n"),
        ("two pytest summaries", "== test session starts ==\n==== 1 failed in 0.1s ====\n==== 5 passed in 0.1s ====\n".replace("== test", "=== test").as_str()),
        ("a jest total", "Test Suites: 1 passed, 1 total\nTests:       5 passed, 9 total\n"),
        ("a jest summary too many", "Test Suites: 1 passed, 1 total\nTests:       5 passed, 5 total\nTests:       5 passed, 5 total\n"),
        ("a tap plan", "1..5\nok 1 - a\n"),
        (
            "a maven total",
            "[INFO] Results:\n[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 0\n[INFO] Tests run: 20, Failures: 0, Errors: 0, Skipped: 0\n",
        ),
        ("listed more than counted", "Ran 1 test in 0.1s\n\nOK\ntest_a (m.C.test_a) ... ok\ntest_b (m.C.test_b) ... ok\n"),
    ] {
        assert!(!TestReport::read("", text.as_bytes()).contradictions.is_empty(), "{case}");
    }
}

#[test]
fn names_meet_across_tools() {
    for (left, right, expected) in [
        ("tests/test_a.py::test_x", "test_x", true),
        ("tests/test_a.py::TestB::test_x", "TestB.test_x", true),
        ("test_x (tests.test_a.Case)", "tests.test_a.Case.test_x", true),
        ("test_x (tests.test_a.Case.test_x)", "test_x (tests.test_a.Case)", true),
        ("Suite › works", "Suite > works", true),
        ("adder tests::fails", "tests::fails", true),
        ("example.com/m.TestSub", "TestSub", true),
        ("com.foo.BarTest.adds", "BarTest > adds()", true),
        ("test_xy", "y", false),
        ("tests::a", "tests::b", false),
        ("", "x", false),
    ] {
        assert_eq!(same_test(left, right), expected, "{left} {right}");
    }
}

#[test]
fn colours_and_overwritten_text_are_left_out() {
    let coloured = "\u{1b}[1mTest Suites: \u{1b}[22m\u{1b}[1m\u{1b}[32m1 passed\u{1b}[39m\u{1b}[22m, 1 total\r\n\u{1b}[1mTests:       \u{1b}[22m\u{1b}[32m2 passed\u{1b}[39m, 2 total\r\n";
    check("coloured", coloured, Runner::Jest, [2, 2, 0, 0, 0], &[], false);
    assert_eq!(clean(b"progress 10%\rprogress 100%\r"), "progress 100%");
    assert_eq!(clean(b"\x1b]0;title\x07text\x1b[0m"), "text");
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = TestReport::read("", &bytes);
    }

    #[test]
    fn never_panics_on_shuffled_lines(lines in proptest::collection::vec(proptest::sample::select(
        CARGO.lines().chain(["Ran 99999999999999999999 tests in 0.1s", "OK", "1..18446744073709551615", "not ok 1 - x", "ℹ tests 3", "ℹ cancelled 1",
            "Tests:       18446744073709551615 failed, 18446744073709551615 passed, 3 total", "Test Suites: 1 failed, 1 total", "  4 passing (1ms)", "  1) x", "100% tests passed, 0 tests failed out of 2",
            "[INFO] Tests run: 3, Failures: 9, Errors: 0, Skipped: 0", "▶ a", "  ✔ b (1ms)", "Files=1, Tests=1, 0"]).collect::<Vec<_>>()), 0..40)) {
        let report = TestReport::read("", lines.join("\n").as_bytes());
        prop_assert!(report.ran >= report.passed);
    }

    #[test]
    fn a_test_is_itself(name in "[a-z_:./ >]{1,30}") {
        prop_assume!(!name.trim().is_empty());
        prop_assume!(!normal(&name).is_empty());
        prop_assert!(same_test(&name, &name));
    }
}
