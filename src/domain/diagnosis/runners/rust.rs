//! libtest, cargo-nextest, trybuild, insta, doctests, panics.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, passed, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, SnapshotDiff, TestAssertion};

/// Rules for Rust's test runners.
pub const RULES: &[Rule] = &[
    noise("libtest.ok", &["test "], r"^\s*test .* \.\.\. (?:ok|ignored)(?:,.*)?$"),
    noise("libtest.result_ok", &["test result: ok"], r"^\s*test result: ok\."),
    noise("nextest.pass", &["PASS ", "SLOW", "LEAK"], r"^\s*(?:PASS|SLOW|LEAK|START|SETUP) \["),
    noise("nextest.all_passed", &["tests run:"], r"^\s*Summary \[.*\] +\d+ tests? run: \d+ passed(?: \(.*?\))?(?:, \d+ skipped)?$"),
    test("libtest.failed", 84, &["FAILED"], r"^\s*test (?P<test>\S+(?: - .*?)?(?: \(line \d+\))?) (?:- should panic )?\.\.\. FAILED\s*$"),
    test("libtest.stdout", 86, &[" stdout ----", " stderr ----"], r"^\s*---- (?P<test>.+?) (?:stdout|stderr) ----$")
        .with(Extent::Section(70, &["----", "failures:", "test result"]))
        .opening()
        .inside(),
    cause("libtest.failures", TestAssertion, 60, &["failures:"], r"^\s*failures:$").with(Extent::After(4)),
    summary("libtest.totals", TestAssertion, 84, &["test result: FAILED"], r"^\s*test result: FAILED\. .*$"),
    test(
        "nextest.failed",
        90,
        &["FAIL ", "SIGABRT", "SIGSEGV", "FAIL ["],
        r"^\s*(?:TRY \d+ )?(?:FAIL(?: \+ LEAK)?|SIG[A-Z]+) \[ *[\d.]+s\](?: \([ \d/─]+\))? (?P<test>\S+ \S+(?: \S+)*)\s*$",
    )
    .with(Extent::Section(110, &["PASS [", "Cancelling"])),
    passed(
        "nextest.retried",
        96,
        &["PASS [", "FLAKY "],
        r"^\s*(?:TRY [2-9]\d* PASS|FLAKY \d+/\d+) \[ *[\d.]+s\](?: \([ \d/─]+\))? (?P<test>\S+ \S+(?: \S+)*)\s*$",
    )
    .late(),
    passed("nextest.flaky", 96, &["FLAKY "], r"^\s*FLAKY \d+/\d+ \[ *[\d.]+s\](?: \([ \d/─]+\))? (?P<test>\S+ \S+(?: \S+)*)\s*$"),
    test("nextest.timeout", 91, &["TIMEOUT"], r"^\s*(?:TRY \d+ )?TIMEOUT \[ *[>\d.]+s\](?: \([ \d/─]+\))? (?P<test>\S+ \S+)\s*$")
        .with(Extent::Section(40, &["PASS [", "Cancelling"])),
    summary("nextest.totals", TestAssertion, 90, &["tests run:", "test run:"], r"^\s*Summary \[.*\] +.*\d+ tests? run: .*(?:failed|timed out|exec failed).*$")
        .inside(),
    summary("nextest.totals_alone", TestAssertion, 90, &[" failed"], r"^\s*Summary \[.*\] +.*\d+(?:/\d+)? tests? run: .*\d+ failed.*$"),
    cause(
        "rust.panic",
        TestAssertion,
        90,
        &["panicked at"],
        r"^\s*thread '(?P<thread>.*)'(?: \(\d+\))? (?:has )?panicked at (?:'(?P<msg>.*)', )?(?:(?P<file>[^\s:,]+):(?P<line>\d+):\d+:?)?.*$",
    )
    .with(Extent::After(10)),
    cause("rust.assertion", TestAssertion, 91, &["assertion `", "assertion failed"], r"^\s*(?P<msg>assertion (?:`.*|failed.*))$").with(Extent::After(3)),
    detail("rust.sides", 78, &["left: ", "right: ", "left:", "right:"], r"^\s*(?:left|right):\s.*$"),
    cause(
        "trybuild.mismatch",
        CompileError,
        92,
        &["mismatch", "rror"],
        r"^\s*test (?P<file>\S+\.rs)(?: \[should (?:pass|fail to compile)\])? \.\.\. (?:mismatch|error)\s*$",
    )
    .judging_code()
    .with(Extent::Section(90, &["test tests", "PASS ["])),
    detail("trybuild.sides", 60, &["EXPECTED:", "ACTUAL OUTPUT:"], r"^\s*(?:EXPECTED|ACTUAL OUTPUT):$"),
    summary("trybuild.totals", CompileError, 88, &["tests failed"], r"^\s*\d+ of \d+ tests failed$").inside().judging_code(),
    cause(
        "insta.mismatch",
        SnapshotDiff,
        93,
        &["Snapshot Summary", "snapshot assertion", "xpected"],
        r"^.*(?:━+ Snapshot Summary ━+|snapshot assertion for '.*' failed in line \d+).*$",
    )
    .with(Extent::Section(50, &["----"]))
    .inside(),
    cause("insta.failed", SnapshotDiff, 94, &["snapshot assertion for"], r"^.*(?P<msg>snapshot assertion for '.*' failed).*$"),
    detail("insta.file", 62, &["Snapshot file:", "Source:", "Snapshot:"], r"^(?:Snapshot file|Snapshot|Source): .*$"),
    frame("rust.backtrace", 44, &["at ./", "at src/", "at /home", "at /__w"], r"^\s+at (?P<file>\S+\.rs):(?P<line>\d+)(?::\d+)?$"),
    wrapper("nextest.run_failed", 50, &["test run failed"], r"^error: test run failed$"),
    wrapper(
        "cargo.test_failed",
        56,
        &["test failed, to rerun", "doctest failed, to rerun", "target failed", "targets failed"],
        r"^error: (?:(?:doc)?test failed, to rerun pass `(?P<cmd>.*)`|\d+ targets? failed:).*$",
    ),
    wrapper(
        "cargo.process",
        44,
        &["process didn't exit successfully"],
        r"^.*process didn't exit successfully: `(?P<cmd>.*)` \((?:exit (?:status|code): (?P<code>\d+)|signal: .*)\).*$",
    )
    .inside(),
    wrapper("cargo.signal", 70, &["process didn't exit successfully"], r"^.*process didn't exit successfully: .*\(signal: .*\).*$").inside(),
    test("doctest.failed", 84, &["FAILED"], r"^\s*test (?P<test>(?P<file>\S+\.rs) - .*\(line \d+\)(?: - \w+)*) \.\.\. FAILED$"),
];
