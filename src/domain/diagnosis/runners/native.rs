//! C and C++ (CTest, GoogleTest, Catch2, doctest, Boost.Test, meson, automake, Unity, Qt), Dart, Zig, ScalaTest, Bazel and others.

use crate::domain::diagnosis::rule::Evidence::{Described, Hint, Likely};
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, detail, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, TestAssertion, TimeoutOrOom};

/// Rules for the test runners of compiled and smaller languages.
pub const RULES: &[Rule] = &[
    noise("ctest.passed", &["tests passed, 0 tests failed", "   Passed  "], r"^(?:100% tests passed, 0 tests failed.*|\s*\d+/\d+ Test +#\d+: .*Passed .*)"),
    noise("gtest.ok", &["[       OK ]", "[  PASSED  ]"], r"^\[ +(?:OK|PASSED) +\]"),
    test(
        "ctest.case",
        Described,
        &["***Failed", "***Exception", "***Timeout"],
        r"^\s*\d+/\d+ Test +#\d+: (?P<test>\S+) \.*\s*\*\*\*(?:Failed|Exception.*|Timeout|Not Run).*$",
    )
    .with(Extent::Section(30, &["Start "])),
    test(
        "ctest.listed",
        Described,
        &["(Failed)", "(Timeout)", "(Subprocess aborted)"],
        r"^\s*\d+ - (?P<test>\S+) \((?:Failed|SEGFAULT|Timeout|Not Run|Subprocess aborted|ILLEGAL|BAD_COMMAND|SIGTRAP|NUMERICAL).*$",
    ),
    summary("ctest.totals", TestAssertion, Described, &["tests failed out of"], r"^\d+% tests passed, \d+ tests? failed out of \d+$").with(Extent::After(3)),
    wrapper(
        "ctest.following",
        Worth::Fair,
        &["The following tests FAILED", "Errors while running CTest"],
        r"^(?:The following tests FAILED:|Errors while running CTest)$",
    )
    .with(Extent::After(12)),
    test("gtest.failed", Described, &["[  FAILED  ]"], r"^\[  FAILED  \] (?P<test>\w[\w/]*\.\w[\w/]*)(?:, where .*)?(?: \(\d+ ms\))?$"),
    cause("gtest.failure", TestAssertion, Described, &[": Failure"], r"^(?P<file>\S+?)[:(](?P<line>\d+)\)?: (?:Failure|error: .*)$").specific()
        .with(Extent::Section(12, &["[ "]))
        .inside(),
    cause("gtest.failure_alone", TestAssertion, Described, &[": Failure", "Fail"], r"^(?P<file>\S+?)[:(](?P<line>\d+)\)?: Failure$").specific()
        .with(Extent::Section(12, &["[ "]))
        .inside(),
    summary("gtest.totals", TestAssertion, Likely, &["FAILED TEST"], r"^\s*\d+ FAILED TESTS?$"),
    detail(
        "gtest.values",
        Worth::High,
        &["Expected", "Actual:", "Which is:", "Value of:", "To be equal"],
        r"^\s*(?:Expected.*|Actual:.*|Which is:.*|Value of:.*|To be equal.*)$",
    ).ordered(Order::Usual),
    cause("catch2.failed", TestAssertion, Described, &["FAILED:"], r"^(?P<file>\S+?)[:(](?P<line>\d+)\)?: FAILED:$").below_name(6).with(Extent::After(10)),
    summary("catch2.totals", TestAssertion, Likely, &[" failed"], r"^(?:test cases|assertions): +\d+ \|.*\d+ failed.*$"),
    cause("doctest_cpp.error", TestAssertion, Described, &["ERROR: "], r"^(?P<file>\S+?)[:(](?P<line>\d+)\)?: ERROR: (?P<msg>.*)$").before(4).with(Extent::After(4)),
    cause("boost.error", TestAssertion, Described, &[" error: in "], r#"^(?P<file>\S+?)[:(](?P<line>\d+)\)?: (?:fatal )?error: in "(?P<test>.*?)": (?P<msg>.*)$"#)
        .with(Extent::After(2)),
    test("meson.failed", Described, &["FAIL ", "ERROR ", "TIMEOUT "], r"^\s*\d+/\d+ (?P<test>\S.*?)\s+(?:FAIL|ERROR|TIMEOUT)\s+[\d.]+s.*$").with(Extent::After(10)),
    cause(
        "native.assert",
        TestAssertion,
        Described,
        &["Assertion `", "Assertion failed"],
        r"^(?:.*: )?(?P<file>[^\s:]+)?:?(?P<line>\d+)?:? ?.*(?P<msg>Assertion (?:`.*' failed|failed:? .*)).*$",
    )
    .before(3)
    .with(Extent::After(4)),
    cause(
        "native.signal",
        TestAssertion,
        Described,
        &["Segmentation fault", "Aborted (core dumped)", "Bus error"],
        r"^.*(?P<msg>Segmentation fault|Aborted \(core dumped\)|Illegal instruction|Bus error).*$",
    )
    .before(6),
    cause(
        "sanitizer.error",
        TestAssertion,
        Described,
        &["ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error: ", "ERROR: MemorySanitizer"],
        r"^.*(?P<msg>(?:(?:Address|Leak|Memory|Thread)Sanitizer: [\w\- ]+|runtime error: .*)).*$",
    ).specific()
    .with(Extent::After(24)),
    frame("sanitizer.frame", Worth::Fair, &[" in "], r"^(?:= )?\s*#\d+ 0x[0-9a-f]+ in .* (?P<file>\S+?):(?P<line>\d+)(?::\d+)?$").ordered(Order::Last),
    cause("exunit.gate", TestAssertion, Described, &["Assertion with", "Error)", "Assertion failed, no matching", "Expected truthy, got", "Expected false or nil", "Expected exception "], r"^\s+(?P<msg>Assertion with .* failed|Assertion failed, no matching message.*|Expected truthy, got .*|Expected false or nil, got .*|Expected exception [\w.]+ but .*|\*\* \([\w.]+Error\).*)$")
        .below_name(3)
        .with(Extent::After(12)),
    summary("exunit.totals", TestAssertion, Likely, &[" failure"], r"^\s*(?:\d+ doctests?, )?(?:\d+ propert\w+, )?\d+ tests?, [1-9]\d* failures?.*$"),
    test("hspec.case", Described, &["FAILED ["], r"^\s*(?P<test>\S.*?) FAILED \[\d+\]$").with(Extent::After(2)),
    summary("dart.totals", TestAssertion, Likely, &["Some tests failed."], r"^\d\d:\d\d \+\d+.* -\d+: Some tests failed\.$").before(10),
    test("bats.case", Described, &["not ok "], r"^not ok \d+ (?P<test>.*?)(?: in \d+ms)?$").with(Extent::Section(20, &["ok ", "not ok "])),
    test("scalatest.case", Described, &["*** FAILED ***"], r"^(?:\[info\] )?\s*- (?P<test>.*) \*\*\* FAILED \*\*\*.*$").with(Extent::After(6)),
    summary("scalatest.totals", TestAssertion, Likely, &["FAILED ***"], r"^(?:\[(?:info|error)\] )?\*{3} \d+ (?:TESTS?|SUITES?) (?:FAILED|ABORTED) \*{3}$"),
    test("munit.case", Described, &["xception", "rror", "ssert", "fail"], r"^==> X (?P<test>\S+(?: .*?)?)\s+[\d.]+s (?P<msg>.*)$").with(Extent::After(12)),
    cause("sbt.failed_tests", TestAssertion, Likely, &["Failed tests:"], r"^\[error\] Failed tests:$").with(Extent::After(10)),
    cause("perl.failed", TestAssertion, Described, &["Failed test"], r"^\s*#\s+Failed test (?P<msg>.*)$").with(Extent::After(6)),
    summary("prove.totals", TestAssertion, Likely, &["Result: FAIL"], r"^Result: FAIL$").before(8),
    cause("bazel.failed", TestAssertion, Likely, &["FAILED in ", "TIMEOUT in "], r"^(?P<msg>//\S+)\s+(?:FAILED|TIMEOUT) in .*$"),
    cause("ctest.timeout", TimeoutOrOom, Hint, &["(Timeout)"], r"^.*\(Timeout\)$").inside(),
    test("flutter.case", Described, &["❌ "], r"^❌ (?P<file>\S+_test\.dart): (?P<test>.*?)(?: \(failed\))?$").with(Extent::After(14)),
    cause("flutter.exception", TestAssertion, Described, &["EXCEPTION CAUGHT BY"], r"^══╡ (?P<msg>EXCEPTION CAUGHT BY .*) ╞══*$").late().with(Extent::After(24)),
    test("flutter.described", Described, &[" "], r"^\s*(?P<test>\S.*)$").following(&["flutter.description"]),
    detail("flutter.description", Worth::Fair, &["The test description was:"], r"^The test description was:$").with(Extent::After(3)),
    test("dart.gate", Described, &[" [E]"], r"^\d\d:\d\d \+\d+(?: ~\d+)? -\d+: (?:(?P<file>(?:[A-Za-z]:)?[^\s:]+\.dart): )?(?P<test>.*) \[E\]$")
        .with(Extent::Indented(16))
        .opening(),
    // Zig 0.11 to 0.15.
    test("zig.case", Described, &["FAIL ("], r"^\d+/\d+ (?P<test>\S.*?)\.\.\.\s*FAIL \((?P<msg>\w+)\)$").with(Extent::After(10)),
    test("zig.split", Described, &["...expected "], r"^\d+/\d+ (?P<test>\S.*?)\.\.\.(?P<msg>expected .*)$").with(Extent::After(10)),
    test("zig.named", Described, &["' failed: "], r"^error: '(?P<test>[\w.]+\.test\.?.*?)' failed: (?P<msg>.*)$").with(Extent::After(10)),
    summary("zig.totals", TestAssertion, Likely, &[" failed"], r"^\d+ passed; \d+ skipped; [1-9]\d* failed\.$"),
    // automake's parallel harness; lit prints much the same.
    test("lit.case", Described, &["FAIL: "], r"^(?:FAIL|TIMEOUT|UNRESOLVED|XPASS): (?P<test>\S.*? :: \S+) \(\d+ of \d+\)$").with(Extent::After(3)),
    cause("lit.failed", TestAssertion, Described, &["Failed Tests ("], r"^(?:Failed|Timed Out|Unresolved) Tests \(\d+\):$").with(Extent::Paragraph(40)),
    test("lit.listed", Described, &[" :: "], r"^  (?P<test>\S.* :: \S+)$").inside(),
    test("automake.case", Likely, &["FAIL: ", "ERROR: "], r"^(?:FAIL|XPASS|ERROR): (?P<test>[\w./\-]+(?: \d+(?: - .*)?)?)$").before(4),
    summary("automake.totals", TestAssertion, Likely, &["# FAIL:", "# ERROR:"], r"^# (?:FAIL|ERROR): +[1-9]\d*$"),
    // Unity, CppUTest, Criterion, Check, Qt Test.
    test("unity.case", Described, &[":FAIL"], r"^(?P<file>\S+?\.\w+):(?P<line>\d+):(?P<test>\w+):FAIL(?:: (?P<msg>.*))?$"),
    test("cpputest.case", Described, &["Failure in "], r"^(?P<file>\S+?\.\w+):(?P<line>\d+): error: Failure in (?P<test>(?:IGNORE_)?TEST\(.*\))$").specific()
        .with(Extent::After(5)),
    test("criterion_c.case", Described, &["[FAIL] "], r"^\[FAIL\] (?P<test>\w+::\w+).*$").before(4),
    test("check.case", Described, &[":F:", ":E:"], r"^(?P<file>\S+?\.c):(?P<line>\d+):[FE]:[^:]*:(?P<test>\w+):\d+: (?P<msg>.*)$").late(),
    summary("check.totals", TestAssertion, Likely, &["Failures: "], r"^\d+%: Checks: \d+, Failures: \d+, Errors: \d+$"),
    test("qttest.case", Described, &["FAIL!  : "], r"^FAIL!  : (?P<test>\w+::\w+\(.*?\)) (?P<msg>.*)$").with(Extent::After(4)),
    cause("kselftest.expected", TestAssertion, Described, &["xpected "], r"^#\s+(?P<file>\S+\.\w+):(?P<line>\d+):\w+:(?P<msg>Expected .*)$"),
    frame("qttest.at", Worth::Good, &["Loc: ["], r"^\s*Loc: \[(?P<file>\S+)\((?P<line>\d+)\)\]$"),
    test("ceedling.case", Described, &["Test: "], r"^\s*Test: (?P<test>\w+)$").late().with(Extent::After(3)),
    frame("ceedling.file", Worth::Good, &["[test"], r"^\[(?P<file>test\w*\.\w+)\]$"),
    summary("qttest.totals", TestAssertion, Likely, &[" failed, "], r"^Totals: \d+ passed, [1-9]\d* failed, .*$"),
    test("foundry.case", Described, &["[FAIL"], r"^\s*\[FAIL(?:[.:] ?(?:Reason: )?(?P<msg>.*?))?(?:; counterexample: .*)?\] (?P<test>\w+\(.*?\)) \(.*\)$"),
    summary(
        "foundry.totals",
        TestAssertion,
        Likely,
        &["failing test"],
        r"^(?:Encountered (?:a total of )?\d+ failing tests? .*|Encountered \d+ failing tests?\.?)$",
    ),
    test(
        "unknown.bazel_target",
        Described,
        &["FAILED in ", "TIMEOUT in ", "FAIL: //"],
        r"^(?:FAIL: |TIMEOUT: )?(?P<test>//\S+?)(?:\s+(?:FAILED|TIMEOUT)(?: TO BUILD| in \d.*)| \(.*\) ?.*)$",
    )
    .with(Extent::After(2)),
    cause("bazel.build", CompileError, Described, &["ERROR: "], r"^ERROR: (?P<file>\S+?):(?P<line>\d+):\d+: (?P<msg>.* failed: .*)$").with(Extent::After(8)),
    test("postgres.regress", Likely, &["FAILED"], r"^(?:test|not ok \d+ +[-+])? ?(?P<test>\w+)\s+\.\.\. FAILED.*$"),
    test("regrtest.listed", Likely, &["failed"], r"^test (?P<test>test_\w+) failed.*$"),
];
