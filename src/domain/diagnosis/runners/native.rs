//! C and C++ (CTest, GoogleTest, Catch2, doctest, Boost.Test, meson), Swift, Elixir, Haskell, Dart, Bats and others.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{TestAssertion, TimeoutOrOom};

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
    cause("catch2.failed", TestAssertion, 90, &["FAILED:"], r"^(?P<file>\S+?)[:(](?P<line>\d+)\)?: FAILED:$").before(6).with(Extent::After(10)),
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
    frame("sanitizer.frame", 56, &[" in "], r"^\s*#\d+ 0x[0-9a-f]+ in .* (?P<file>\S+?):(?P<line>\d+)(?::\d+)?$"),
    cause("xctest.error", TestAssertion, 96, &[": error: "], r"^(?P<file>\S+?\.\w+):(?P<line>\d+): error: (?P<test>-\[.*?\]|\w+\.\w+) : (?P<msg>.*)$"),
    test("xctest.case", 88, &["' failed ("], r"^Test Case '(?P<test>.*)' failed \([\d.]+ seconds\)\.?$").before(4),
    test("swift_testing.case", 88, &["✘ Test "], r"^✘ Test (?P<test>.*?) (?:failed after|recorded an issue at (?P<file>[^\s:]+):(?P<line>\d+)).*$"),
    test("exunit.case", 88, &[") "], r"^\s+\d+\) (?P<test>(?:test|doctest|property) .* \([\w.]+\))$").with(Extent::After(18)).inside().opening(),
    cause("exunit.gate", TestAssertion, 88, &["Assertion with", "Error)"], r"^\s+(?P<msg>Assertion with .* failed|\*\* \([\w.]+Error\).*)$")
        .before(3)
        .with(Extent::After(12)),
    summary("exunit.totals", TestAssertion, 82, &[" failure"], r"^\s*(?:\d+ doctests?, )?(?:\d+ propert\w+, )?\d+ tests?, [1-9]\d* failures?.*$"),
    test("hspec.case", 86, &["FAILED ["], r"^\s*(?P<test>\S.*?) FAILED \[\d+\]$").with(Extent::After(2)),
    cause("tasty.fail", TestAssertion, 84, &["FAIL"], r"^\s+(?P<test>\S.*?):\s+FAIL(?: \([\d.]+s\))?$").with(Extent::Indented(12)),
    test("dart.case", 86, &["[E]"], r"^\d\d:\d\d \+\d+(?: ~\d+)? -\d+: (?P<test>.*) \[E\]$").with(Extent::Indented(16)).inside(),
    summary("dart.totals", TestAssertion, 80, &["Some tests failed."], r"^\d\d:\d\d \+\d+.* -\d+: Some tests failed\.$").before(10),
    test("bats.case", 86, &["not ok "], r"^not ok \d+ (?P<test>.*?)(?: in \d+ms)?$").with(Extent::Section(20, &["ok ", "not ok "])),
    test("scalatest.case", 88, &["*** FAILED ***"], r"^(?:\[info\] )?\s*- (?P<test>.*) \*\*\* FAILED \*\*\*.*$").with(Extent::After(6)),
    summary("scalatest.totals", TestAssertion, 80, &["FAILED ***"], r"^(?:\[(?:info|error)\] )?\*{3} \d+ (?:TESTS?|SUITES?) (?:FAILED|ABORTED) \*{3}$"),
    test("munit.case", 88, &["xception", "rror", "ssert", "fail"], r"^==> X (?P<test>\S+(?: .*?)?)\s+[\d.]+s (?P<msg>.*)$").with(Extent::After(12)),
    cause("sbt.failed_tests", TestAssertion, 70, &["Failed tests:"], r"^\[error\] Failed tests:$").with(Extent::After(10)),
    cause("perl.failed", TestAssertion, 84, &["Failed test"], r"^\s*#\s+Failed test (?P<msg>.*)$").with(Extent::After(6)),
    summary("prove.totals", TestAssertion, 80, &["Result: FAIL"], r"^Result: FAIL$").before(8),
    cause("julia.failed", TestAssertion, 88, &["Test Failed at "], r"^.*: Test Failed at (?P<file>[^\s:]+):(?P<line>\d+)$").with(Extent::After(8)),
    test("testthat.case", 86, &["── Failure (", "── Error ("], r"^── (?:Failure|Error) \((?P<file>[^\s:)]+)(?::(?P<line>\d+))?(?::\d+)?\): (?P<test>.*?) ─+$")
        .with(Extent::After(10)),
    cause("bazel.failed", TestAssertion, 80, &["FAILED in ", "TIMEOUT in "], r"^(?P<msg>//\S+)\s+(?:FAILED|TIMEOUT) in .*$"),
    cause("ctest.timeout", TimeoutOrOom, 60, &["(Timeout)"], r"^.*\(Timeout\)$").inside(),
];
