//! libtest, cargo-nextest, trybuild, insta, doctests, panics.

use crate::domain::diagnosis::rule::Evidence::{Described, Hint};
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, detail, frame, noise, passed, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, SnapshotDiff, TestAssertion};

/// Rules for Rust's test runners.
pub const RULES: &[Rule] = &[
    noise("libtest.ok", &["test "], r"^\s*test .* \.\.\. (?:ok|ignored)(?:,.*)?$"),
    noise("libtest.result_ok", &["test result: ok"], r"^\s*test result: ok\."),
    noise("nextest.pass", &["PASS ", "SLOW", "LEAK"], r"^\s*(?:PASS|SLOW|LEAK|START|SETUP) \["),
    noise("nextest.all_passed", &["tests run:"], r"^\s*Summary \[.*\] +\d+ tests? run: \d+ passed(?: \(.*?\))?(?:, \d+ skipped)?$"),
    test("libtest.failed", Described, &["FAILED"], r"^\s*test (?P<test>\S+(?: - .*?)?(?: \(line \d+\))?) (?:- should panic )?\.\.\. FAILED\s*$"),
    test("libtest.stdout", Described, &[" stdout ----", " stderr ----"], r"^\s*---- (?P<test>.+?) (?:stdout|stderr) ----$")
        .with(Extent::Section(70, &["----", "failures:", "test result"]))
        .opening()
        .inside(),
    cause("libtest.failures", TestAssertion, Hint, &["failures:"], r"^\s*failures:$").with(Extent::After(4)),
    summary("libtest.totals", TestAssertion, Described, &["test result: FAILED"], r"^\s*test result: FAILED\. .*$"),
    test(
        "nextest.failed",
        Described,
        &["FAIL ", "SIGABRT", "SIGSEGV", "FAIL ["],
        r"^\s*(?:TRY \d+ )?(?:FAIL(?: \+ LEAK)?|SIG[A-Z]+) \[ *[\d.]+s\](?: \([ \d/─]+\))? (?P<test>\S+ \S+(?: \S+)*)\s*$",
    )
    .with(Extent::Section(110, &["PASS [", "Cancelling"])),
    passed("nextest.retried", &["PASS [", "FLAKY "], r"^\s*(?:TRY [2-9]\d* PASS|FLAKY \d+/\d+) \[ *[\d.]+s\](?: \([ \d/─]+\))? (?P<test>\S+ \S+(?: \S+)*)\s*$")
        .late(),
    passed("nextest.flaky", &["FLAKY "], r"^\s*FLAKY \d+/\d+ \[ *[\d.]+s\](?: \([ \d/─]+\))? (?P<test>\S+ \S+(?: \S+)*)\s*$"),
    test("nextest.timeout", Described, &["TIMEOUT"], r"^\s*(?:TRY \d+ )?TIMEOUT \[ *[>\d.]+s\](?: \([ \d/─]+\))? (?P<test>\S+ \S+)\s*$")
        .with(Extent::Section(40, &["PASS [", "Cancelling"])),
    summary(
        "nextest.totals",
        TestAssertion,
        Described,
        &["tests run:", "test run:"],
        r"^\s*Summary \[.*\] +.*\d+ tests? run: .*(?:failed|timed out|exec failed).*$",
    )
    .inside(),
    summary("nextest.totals_alone", TestAssertion, Described, &[" failed"], r"^\s*Summary \[.*\] +.*\d+(?:/\d+)? tests? run: .*\d+ failed.*$"),
    cause(
        "rust.panic",
        TestAssertion,
        Described,
        &["panicked at"],
        r"^\s*thread '(?P<thread>.*)'(?: \(\d+\))? (?:has )?panicked at (?:'(?P<msg>.*)', )?(?:(?P<file>[^\s:,]+):(?P<line>\d+):\d+:?)?.*$",
    )
    .with(Extent::After(10)),
    cause("rust.assertion", TestAssertion, Described, &["assertion `", "assertion failed"], r"^\s*(?P<msg>assertion (?:`.*|failed.*))$")
        .worth(Worth::Essential)
        .with(Extent::After(3)),
    detail("rust.sides", Worth::Good, &["left: ", "right: ", "left:", "right:"], r"^\s*(?:left|right):\s.*$").ordered(Order::Broad),
    cause(
        "trybuild.mismatch",
        CompileError,
        Described,
        &["mismatch", "rror"],
        r"^\s*test (?P<file>\S+\.rs)(?: \[should (?:pass|fail to compile)\])? \.\.\. (?:mismatch|error)\s*$",
    )
    .specific()
    .with(Extent::Section(90, &["test tests", "PASS ["])),
    detail("trybuild.sides", Worth::Fair, &["EXPECTED:", "ACTUAL OUTPUT:"], r"^\s*(?:EXPECTED|ACTUAL OUTPUT):$"),
    summary("trybuild.totals", CompileError, Described, &["tests failed"], r"^\s*\d+ of \d+ tests failed$").inside(),
    cause(
        "insta.mismatch",
        SnapshotDiff,
        Described,
        &["Snapshot Summary", "snapshot assertion", "xpected"],
        r"^.*(?:━+ Snapshot Summary ━+|snapshot assertion for '.*' failed in line \d+).*$",
    )
    .specific()
    .with(Extent::Section(50, &["----"]))
    .inside(),
    cause("insta.failed", SnapshotDiff, Described, &["snapshot assertion for"], r"^.*(?P<msg>snapshot assertion for '.*' failed).*$").specific(),
    detail("insta.file", Worth::Fair, &["Snapshot file:", "Source:", "Snapshot:"], r"^(?:Snapshot file|Snapshot|Source): .*$"),
    frame("rust.backtrace", Worth::Low, &["at ./", "at src/", "at /home", "at /__w"], r"^\s+at (?P<file>\S+\.rs):(?P<line>\d+)(?::\d+)?$").ordered(Order::Last),
    wrapper("nextest.run_failed", Worth::Low, &["test run failed"], r"^error: test run failed$").ordered(Order::Last),
    wrapper(
        "cargo.test_failed",
        Worth::Fair,
        &["test failed, to rerun", "doctest failed, to rerun", "target failed", "targets failed"],
        r"^error: (?:(?:doc)?test failed, to rerun pass `(?P<cmd>.*)`|\d+ targets? failed:).*$",
    )
    .ordered(Order::Last),
    wrapper(
        "cargo.process",
        Worth::Low,
        &["process didn't exit successfully"],
        r"^.*process didn't exit successfully: `(?P<cmd>.*)` \((?:exit (?:status|code): (?P<code>\d+)|signal: .*)\).*$",
    )
    .ordered(Order::Last)
    .inside(),
    wrapper("cargo.signal", Worth::Good, &["process didn't exit successfully"], r"^.*process didn't exit successfully: .*\(signal: .*\).*$")
        .ordered(Order::Broad)
        .inside(),
    test("doctest.failed", Described, &["FAILED"], r"^\s*test (?P<test>(?P<file>\S+\.rs) - .*\(line \d+\)(?: - \w+)*) \.\.\. FAILED$"),
];
