//! `go test` in its three faces (plain, `-v`, gotestsum), testify, Ginkgo, races and panics.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, TestAssertion, TimeoutOrOom};

/// Rules for Go's test runners.
pub const RULES: &[Rule] = &[
    noise(
        "go.ok",
        &["ok  \t", "--- PASS", "=== RUN", "=== CONT", "=== PAUSE", "[no test files]", "--- SKIP"],
        r"^(?:ok  \t|\s*--- (?:PASS|SKIP)|=== (?:RUN|CONT|PAUSE|NAME)|\?? *\t.*\[no test files\])",
    ),
    test("go.fail", 90, &["--- FAIL: "], r"^\s*--- FAIL: (?P<test>\S+)(?: \([\d.]+s\))?$")
        .with(Extent::Section(30, &["FAIL\t", "ok  \t", "--- PASS", "=== RUN"]))
        .before(6),
    test("gotestsum.fail", 84, &["=== FAIL: "], r"^=== FAIL: (?P<pkg>\S+) (?P<test>\S+)(?: \(.*\))?$").with(Extent::Section(30, &["=== ", "DONE "])).opening(),
    frame("go.location", 80, &["_test.go:", ".go:"], r"^\s+(?P<file>[\w./\-]+\.go):(?P<line>\d+):\s?.*$"),
    detail(
        "testify.trace",
        80,
        &["Error Trace:", "Error:", "Test:", "Messages:", "expected:", "actual  :", "Diff:"],
        r"^\s+(?:Error Trace:|Error:|Test:|Messages:|expected: |actual  ?: |Diff:).*$",
    ),
    cause("go.got_want", TestAssertion, 84, &["want ", "expected "], r"^\s+(?:[\w./\-]+\.go:\d+: )(?P<msg>.*\b(?:want|expected|got)\b.*)$").inside(),
    wrapper("go.package_failed", 62, &["FAIL\t"], r"^FAIL\t\S+(?:\t[\d.]+s|\t\[.*\]| \[.*\])?$"),
    cause("go.build_failed", CompileError, 70, &["[build failed]", "[setup failed]"], r"^FAIL\t\S+ \[(?:build|setup) failed\]$"),
    cause("go.panic", TestAssertion, 90, &["panic: "], r"^\s*(?P<msg>panic: .*)$").with(Extent::Section(24, &["FAIL\t", "ok  \t"])),
    cause("go.timeout", TimeoutOrOom, 94, &["panic: test timed out"], r"^(?P<msg>panic: test timed out after .*)$").with(Extent::After(20)),
    cause(
        "go.race",
        TestAssertion,
        92,
        &["WARNING: DATA RACE", "race detected during"],
        r"^(?:WARNING: (?P<msg>DATA RACE)|\s*testing\.go:\d+: race detected during execution of test)$",
    )
    .with(Extent::Section(40, &["====", "--- "]))
    .inside(),
    cause("go.race_alone", TestAssertion, 92, &["race detected during"], r"^.*(?P<msg>race detected during execution of test).*$").inside().before(30),
    frame("go.frame", 50, &[".go:"], r"^\t(?P<file>\S+\.go):(?P<line>\d+)(?: \+0x[0-9a-f]+)?$"),
    test("ginkgo.fail", 88, &["[FAIL] ", "[Fail] ", "[FAILED]"], r"^\s*(?:• )?\[(?:FAIL|Fail|PANICKED!?|TIMEDOUT)\] (?P<test>.*)$").with(Extent::After(10)),
    cause("ginkgo.failed", TestAssertion, 86, &["[FAILED] "], r"^\s*\[FAILED\] (?P<msg>.*)$").before(2).with(Extent::After(12)),
    summary("ginkgo.totals", TestAssertion, 80, &["Ran "], r"^(?:FAIL! -- |Ran \d+ of \d+ Specs).*$").inside(),
    summary("gotestsum.done", TestAssertion, 76, &["failure"], r"^DONE \d+ tests?(?:, \d+ skipped)?, \d+ failures?.*$"),
    detail("go.goroutine", 40, &["goroutine "], r"^goroutine \d+ \[.*\]:$"),
];
