//! C and C++ (CTest, GoogleTest, Catch2, doctest, Boost.Test, meson, automake, Unity, Qt), Dart, Zig, ScalaTest, Bazel and others.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, TestAssertion, TimeoutOrOom};

/// Rules for the test runners of compiled and smaller languages.
pub const RULES: &[Rule] = &[
    noise("ctest.passed", &["tests passed, 0 tests failed", "   Passed  "], r"^(?:100% tests passed, 0 tests failed.*|\s*\d+/\d+ Test +#\d+: .*Passed .*)"),
    noise("gtest.ok", &["[       OK ]", "[  PASSED  ]"], r"^\[ +(?:OK|PASSED) +\]"),
    test(
        "ctest.case",
        86,
        &["***Failed", "***Exception", "***Timeout"],
        r"^\s*\d+/\d+ Test +#\d+: (?P<test>\S+) \.*\s*\*\*\*(?:Failed|Exception.*|Timeout|Not Run).*$",
    )
    .with(Extent::Section(30, &["Start "])),
    test(
        "ctest.listed",
        88,
        &["(Failed)", "(Timeout)", "(Subprocess aborted)"],
        r"^\s*\d+ - (?P<test>\S+) \((?:Failed|SEGFAULT|Timeout|Not Run|Subprocess aborted|ILLEGAL|BAD_COMMAND|SIGTRAP|NUMERICAL).*$",
    ),
    summary("ctest.totals", TestAssertion, 84, &["tests failed out of"], r"^\d+% tests passed, \d+ tests? failed out of \d+$").with(Extent::After(3)),
    wrapper(
        "ctest.following",
        60,
        &["The following tests FAILED", "Errors while running CTest"],
        r"^(?:The following tests FAILED:|Errors while running CTest)$",
    )
    .with(Extent::After(12)),
    test("gtest.failed", 90, &["[  FAILED  ]"], r"^\[  FAILED  \] (?P<test>\w[\w/]*\.\w[\w/]*)(?:, where .*)?(?: \(\d+ ms\))?$"),
    cause("gtest.failure", TestAssertion, 92, &[": Failure"], r"^(?P<file>\S+?)[:(](?P<line>\d+)\)?: (?:Failure|error: .*)$")
        .with(Extent::Section(12, &["[ "]))
        .inside(),
    cause("gtest.failure_alone", TestAssertion, 92, &[": Failure", "Fail"], r"^(?P<file>\S+?)[:(](?P<line>\d+)\)?: Failure$")
        .with(Extent::Section(12, &["[ "]))
        .inside(),
    summary("gtest.totals", TestAssertion, 80, &["FAILED TEST"], r"^\s*\d+ FAILED TESTS?$"),
    detail(
        "gtest.values",
        84,
        &["Expected", "Actual:", "Which is:", "Value of:", "To be equal"],
        r"^\s*(?:Expected.*|Actual:.*|Which is:.*|Value of:.*|To be equal.*)$",
    ),
    cause("catch2.failed", TestAssertion, 90, &["FAILED:"], r"^(?P<file>\S+?)[:(](?P<line>\d+)\)?: FAILED:$").below_name(6).with(Extent::After(10)),
    summary("catch2.totals", TestAssertion, 80, &[" failed"], r"^(?:test cases|assertions): +\d+ \|.*\d+ failed.*$"),
    cause("doctest_cpp.error", TestAssertion, 88, &["ERROR: "], r"^(?P<file>\S+?)[:(](?P<line>\d+)\)?: ERROR: (?P<msg>.*)$").before(4).with(Extent::After(4)),
    cause("boost.error", TestAssertion, 88, &[" error: in "], r#"^(?P<file>\S+?)[:(](?P<line>\d+)\)?: (?:fatal )?error: in "(?P<test>.*?)": (?P<msg>.*)$"#)
        .with(Extent::After(2)),
    test("meson.failed", 84, &["FAIL ", "ERROR ", "TIMEOUT "], r"^\s*\d+/\d+ (?P<test>\S.*?)\s+(?:FAIL|ERROR|TIMEOUT)\s+[\d.]+s.*$").with(Extent::After(10)),
    cause(
        "native.assert",
        TestAssertion,
        88,
        &["Assertion `", "Assertion failed"],
        r"^(?:.*: )?(?P<file>[^\s:]+)?:?(?P<line>\d+)?:? ?.*(?P<msg>Assertion (?:`.*' failed|failed:? .*)).*$",
    )
    .before(3)
    .with(Extent::After(4)),
    cause(
        "native.signal",
        TestAssertion,
        84,
        &["Segmentation fault", "Aborted (core dumped)", "Bus error"],
        r"^.*(?P<msg>Segmentation fault|Aborted \(core dumped\)|Illegal instruction|Bus error).*$",
    )
    .before(6),
    cause(
        "sanitizer.error",
        TestAssertion,
        94,
        &["ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error: ", "ERROR: MemorySanitizer"],
        r"^.*(?P<msg>(?:(?:Address|Leak|Memory|Thread)Sanitizer: [\w\- ]+|runtime error: .*)).*$",
    )
    .with(Extent::After(24)),
    frame("sanitizer.frame", 56, &[" in "], r"^(?:= )?\s*#\d+ 0x[0-9a-f]+ in .* (?P<file>\S+?):(?P<line>\d+)(?::\d+)?$"),
    cause("exunit.gate", TestAssertion, 88, &["Assertion with", "Error)", "Assertion failed, no matching", "Expected truthy, got", "Expected false or nil", "Expected exception "], r"^\s+(?P<msg>Assertion with .* failed|Assertion failed, no matching message.*|Expected truthy, got .*|Expected false or nil, got .*|Expected exception [\w.]+ but .*|\*\* \([\w.]+Error\).*)$")
        .below_name(3)
        .with(Extent::After(12)),
    summary("exunit.totals", TestAssertion, 82, &[" failure"], r"^\s*(?:\d+ doctests?, )?(?:\d+ propert\w+, )?\d+ tests?, [1-9]\d* failures?.*$"),
    test("hspec.case", 86, &["FAILED ["], r"^\s*(?P<test>\S.*?) FAILED \[\d+\]$").with(Extent::After(2)),
    summary("dart.totals", TestAssertion, 80, &["Some tests failed."], r"^\d\d:\d\d \+\d+.* -\d+: Some tests failed\.$").before(10),
    test("bats.case", 86, &["not ok "], r"^not ok \d+ (?P<test>.*?)(?: in \d+ms)?$").with(Extent::Section(20, &["ok ", "not ok "])),
    test("scalatest.case", 88, &["*** FAILED ***"], r"^(?:\[info\] )?\s*- (?P<test>.*) \*\*\* FAILED \*\*\*.*$").with(Extent::After(6)),
    summary("scalatest.totals", TestAssertion, 80, &["FAILED ***"], r"^(?:\[(?:info|error)\] )?\*{3} \d+ (?:TESTS?|SUITES?) (?:FAILED|ABORTED) \*{3}$"),
    test("munit.case", 88, &["xception", "rror", "ssert", "fail"], r"^==> X (?P<test>\S+(?: .*?)?)\s+[\d.]+s (?P<msg>.*)$").with(Extent::After(12)),
    cause("sbt.failed_tests", TestAssertion, 70, &["Failed tests:"], r"^\[error\] Failed tests:$").with(Extent::After(10)),
    cause("perl.failed", TestAssertion, 84, &["Failed test"], r"^\s*#\s+Failed test (?P<msg>.*)$").with(Extent::After(6)),
    summary("prove.totals", TestAssertion, 80, &["Result: FAIL"], r"^Result: FAIL$").before(8),
    cause("bazel.failed", TestAssertion, 80, &["FAILED in ", "TIMEOUT in "], r"^(?P<msg>//\S+)\s+(?:FAILED|TIMEOUT) in .*$"),
    cause("ctest.timeout", TimeoutOrOom, 60, &["(Timeout)"], r"^.*\(Timeout\)$").inside(),
    test("flutter.case", 86, &["❌ "], r"^❌ (?P<file>\S+_test\.dart): (?P<test>.*?)(?: \(failed\))?$").with(Extent::After(14)),
    cause("flutter.exception", TestAssertion, 84, &["EXCEPTION CAUGHT BY"], r"^══╡ (?P<msg>EXCEPTION CAUGHT BY .*) ╞══*$").late().with(Extent::After(24)),
    test("flutter.described", 84, &[" "], r"^\s*(?P<test>\S.*)$").following(&["flutter.description"]),
    detail("flutter.description", 60, &["The test description was:"], r"^The test description was:$").with(Extent::After(3)),
    test("dart.gate", 86, &[" [E]"], r"^\d\d:\d\d \+\d+(?: ~\d+)? -\d+: (?:(?P<file>(?:[A-Za-z]:)?[^\s:]+\.dart): )?(?P<test>.*) \[E\]$")
        .with(Extent::Indented(16))
        .opening(),
    // Zig 0.11 to 0.15.
    test("zig.case", 86, &["FAIL ("], r"^\d+/\d+ (?P<test>\S.*?)\.\.\.\s*FAIL \((?P<msg>\w+)\)$").with(Extent::After(10)),
    test("zig.split", 86, &["...expected "], r"^\d+/\d+ (?P<test>\S.*?)\.\.\.(?P<msg>expected .*)$").with(Extent::After(10)),
    test("zig.named", 86, &["' failed: "], r"^error: '(?P<test>[\w.]+\.test\.?.*?)' failed: (?P<msg>.*)$").with(Extent::After(10)),
    summary("zig.totals", TestAssertion, 80, &[" failed"], r"^\d+ passed; \d+ skipped; [1-9]\d* failed\.$"),
    // automake's parallel harness; lit prints much the same.
    test("lit.case", 86, &["FAIL: "], r"^(?:FAIL|TIMEOUT|UNRESOLVED|XPASS): (?P<test>\S.*? :: \S+) \(\d+ of \d+\)$").with(Extent::After(3)),
    cause("lit.failed", TestAssertion, 84, &["Failed Tests ("], r"^(?:Failed|Timed Out|Unresolved) Tests \(\d+\):$").with(Extent::Paragraph(40)),
    test("lit.listed", 87, &[" :: "], r"^  (?P<test>\S.* :: \S+)$").inside(),
    test("automake.case", 82, &["FAIL: ", "ERROR: "], r"^(?:FAIL|XPASS|ERROR): (?P<test>[\w./\-]+(?: \d+(?: - .*)?)?)$").before(4),
    summary("automake.totals", TestAssertion, 82, &["# FAIL:", "# ERROR:"], r"^# (?:FAIL|ERROR): +[1-9]\d*$"),
    // Unity, CppUTest, Criterion, Check, Qt Test.
    test("unity.case", 90, &[":FAIL"], r"^(?P<file>\S+?\.\w+):(?P<line>\d+):(?P<test>\w+):FAIL(?:: (?P<msg>.*))?$"),
    test("cpputest.case", 90, &["Failure in "], r"^(?P<file>\S+?\.\w+):(?P<line>\d+): error: Failure in (?P<test>(?:IGNORE_)?TEST\(.*\))$")
        .weighing(96)
        .with(Extent::After(5)),
    test("criterion_c.case", 86, &["[FAIL] "], r"^\[FAIL\] (?P<test>\w+::\w+).*$").before(4),
    test("check.case", 86, &[":F:", ":E:"], r"^(?P<file>\S+?\.c):(?P<line>\d+):[FE]:[^:]*:(?P<test>\w+):\d+: (?P<msg>.*)$").late(),
    summary("check.totals", TestAssertion, 80, &["Failures: "], r"^\d+%: Checks: \d+, Failures: \d+, Errors: \d+$"),
    test("qttest.case", 90, &["FAIL!  : "], r"^FAIL!  : (?P<test>\w+::\w+\(.*?\)) (?P<msg>.*)$").with(Extent::After(4)),
    cause("kselftest.expected", TestAssertion, 84, &["xpected "], r"^#\s+(?P<file>\S+\.\w+):(?P<line>\d+):\w+:(?P<msg>Expected .*)$"),
    frame("qttest.at", 76, &["Loc: ["], r"^\s*Loc: \[(?P<file>\S+)\((?P<line>\d+)\)\]$"),
    test("ceedling.case", 86, &["Test: "], r"^\s*Test: (?P<test>\w+)$").late().with(Extent::After(3)),
    frame("ceedling.file", 74, &["[test"], r"^\[(?P<file>test\w*\.\w+)\]$"),
    summary("qttest.totals", TestAssertion, 80, &[" failed, "], r"^Totals: \d+ passed, [1-9]\d* failed, .*$"),
    test("foundry.case", 90, &["[FAIL"], r"^\s*\[FAIL(?:[.:] ?(?:Reason: )?(?P<msg>.*?))?(?:; counterexample: .*)?\] (?P<test>\w+\(.*?\)) \(.*\)$"),
    summary(
        "foundry.totals",
        TestAssertion,
        80,
        &["failing test"],
        r"^(?:Encountered (?:a total of )?\d+ failing tests? .*|Encountered \d+ failing tests?\.?)$",
    ),
    test(
        "unknown.bazel_target",
        84,
        &["FAILED in ", "TIMEOUT in ", "FAIL: //"],
        r"^(?:FAIL: |TIMEOUT: )?(?P<test>//\S+?)(?:\s+(?:FAILED|TIMEOUT)(?: TO BUILD| in \d.*)| \(.*\) ?.*)$",
    )
    .with(Extent::After(2)),
    cause("bazel.build", CompileError, 84, &["ERROR: "], r"^ERROR: (?P<file>\S+?):(?P<line>\d+):\d+: (?P<msg>.* failed: .*)$").with(Extent::After(8)),
    test("postgres.regress", 80, &["FAILED"], r"^(?:test|not ok \d+ +[-+])? ?(?P<test>\w+)\s+\.\.\. FAILED.*$"),
    test("regrtest.listed", 80, &["failed"], r"^test (?P<test>test_\w+) failed.*$"),
];
