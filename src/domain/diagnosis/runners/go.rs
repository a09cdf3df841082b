//! `go test` in its three faces (plain, `-v`, gotestsum), testify, Ginkgo, races and panics.

use crate::domain::diagnosis::rule::Evidence::{Described, Likely};
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, detail, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, TestAssertion, TimeoutOrOom};

/// Rules for Go's test runners.
pub const RULES: &[Rule] = &[
    noise(
        "go.ok",
        &["ok  \t", "--- PASS", "=== RUN", "=== CONT", "=== PAUSE", "[no test files]", "--- SKIP"],
        r"^(?:ok  \t|\s*--- (?:PASS|SKIP)|=== (?:RUN|CONT|PAUSE|NAME)|\?? *\t.*\[no test files\])",
    ),
    test("go.fail", Described, &["--- FAIL: "], r"^\s*--- FAIL: (?P<test>\S+)(?: \([\d.]+s\))?$")
        .with(Extent::Section(30, &["FAIL\t", "ok  \t", "--- PASS", "=== RUN"]))
        .before(6),
    test("gotestsum.fail", Described, &["=== FAIL: "], r"^=== FAIL: (?P<pkg>\S+) (?P<test>\S+)(?: \(.*\))?$")
        .with(Extent::Section(30, &["=== ", "DONE "]))
        .opening(),
    frame("go.location", Worth::High, &["_test.go:", ".go:"], r"^\s+(?P<file>[\w./\-]+\.go):(?P<line>\d+):\s?.*$"),
    detail(
        "testify.trace",
        Worth::High,
        &["Error Trace:", "Error:", "Test:", "Messages:", "expected:", "actual  :", "Diff:"],
        r"^\s+(?:Error Trace:|Error:|Test:|Messages:|expected: |actual  ?: |Diff:).*$",
    )
    .ordered(Order::Broad),
    cause("go.got_want", TestAssertion, Described, &["want ", "expected "], r"^\s+(?:[\w./\-]+\.go:\d+: )(?P<msg>.*\b(?:want|expected|got)\b.*)$").inside(),
    wrapper("go.package_failed", Worth::Fair, &["FAIL\t"], r"^FAIL\t\S+(?:\t[\d.]+s|\t\[.*\]| \[.*\])?$"),
    cause("go.build_failed", CompileError, Likely, &["[build failed]", "[setup failed]"], r"^FAIL\t\S+ \[(?:build|setup) failed\]$"),
    cause("go.panic", TestAssertion, Described, &["panic: "], r"^\s*(?P<msg>panic: .*)$").with(Extent::Section(24, &["FAIL\t", "ok  \t"])),
    cause("go.timeout", TimeoutOrOom, Described, &["panic: test timed out"], r"^(?P<msg>panic: test timed out after .*)$").specific().with(Extent::After(20)),
    cause(
        "go.race",
        TestAssertion,
        Described,
        &["WARNING: DATA RACE", "race detected during"],
        r"^(?:WARNING: (?P<msg>DATA RACE)|\s*testing\.go:\d+: race detected during execution of test)$",
    )
    .specific()
    .with(Extent::Section(40, &["====", "--- "]))
    .inside(),
    cause("go.race_alone", TestAssertion, Described, &["race detected during"], r"^.*(?P<msg>race detected during execution of test).*$")
        .specific()
        .inside()
        .before(30),
    frame("go.frame", Worth::Low, &[".go:"], r"^\t(?P<file>\S+\.go):(?P<line>\d+)(?: \+0x[0-9a-f]+)?$").ordered(Order::Last),
    test("ginkgo.fail", Described, &["[FAIL] ", "[Fail] ", "[FAILED]"], r"^\s*(?:• )?\[(?:FAIL|Fail|PANICKED!?|TIMEDOUT)\] (?P<test>.*)$")
        .with(Extent::After(10)),
    cause("ginkgo.failed", TestAssertion, Described, &["[FAILED] "], r"^\s*\[FAILED\] (?P<msg>.*)$").before(2).with(Extent::After(12)),
    summary("ginkgo.totals", TestAssertion, Likely, &["Ran "], r"^(?:FAIL! -- |Ran \d+ of \d+ Specs).*$").inside(),
    summary("gotestsum.done", TestAssertion, Likely, &["failure"], r"^DONE \d+ tests?(?:, \d+ skipped)?, \d+ failures?.*$"),
    detail("go.goroutine", Worth::Low, &["goroutine "], r"^goroutine \d+ \[.*\]:$").ordered(Order::Last),
];
