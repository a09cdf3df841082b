//! Haskell (hspec, tasty, HUnit, QuickCheck), OCaml (Alcotest, OUnit, dune), Elm, Clojure, Scala (specs2, uTest, ZIO), Erlang, Elixir, Gleam.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, summary, test};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, SnapshotDiff, TestAssertion};

/// Rules for the test runners of functional languages.
pub const RULES: &[Rule] = &[
    frame("hspec.location", 80, &[".hs:"], r"^\s+(?P<file>\S+\.l?hs):(?P<line>\d+):\d+:\s*$"),
    test("hspec.listed", 90, &[") "], r"^\s{1,3}\d+\) (?P<test>\S.*)$").following(&["hspec.location"]),
    test("hspec.rerun", 91, &["--match \""], r#"^\s*To rerun use: --match "/?(?P<test>.*?)/?"(?: --seed \d+)?$"#).late(),
    summary("hspec.totals", TestAssertion, 84, &[" failure"], r"^\d+ examples?, [1-9]\d* failures?(?:, \d+ pending)?$"),
    test("tasty.case", 86, &["FAIL"], r"^\s+(?P<test>\S.*?):\s+FAIL(?: \([\d.]+s\))?$").with(Extent::Indented(14)),
    summary("tasty.totals", TestAssertion, 82, &["tests failed ("], r"^\d+ out of \d+ tests? failed(?: \(.*\))?$"),
    cause("quickcheck.failed", TestAssertion, 84, &["*** Failed!"], r"^\s*(?P<msg>\*\*\* Failed! .*)$").with(Extent::After(6)),
    test("hunit.case", 86, &["### Failure in: ", "### Error in: "], r"^### (?:Failure|Error) in:? (?P<test>\S.*)$").with(Extent::After(5)),
    cause("doctest_hs.failed", TestAssertion, 84, &["failure in expression"], r"^(?P<file>\S+\.hs):(?P<line>\d+): failure in expression.*$")
        .with(Extent::After(6)),
    summary("cabal.suite", TestAssertion, 78, &[": FAIL"], r"^Test suite \S+: FAIL$").with(Extent::After(2)),
    // Alcotest marks the line twice, in the list and above the message.
    test("alcotest.case", 88, &["[FAIL]"], r"^\s*[│>|]?\s*\[FAIL\]\s+(?P<class>\S.*?)\s{2,}\d+\s{2,}(?P<test>\S.*?)\.?\s*│?$").with(Extent::After(8)),
    summary("alcotest.totals", TestAssertion, 82, &["failure! in", "failures! in"], r"^[1-9]\d* failures?! in .*$"),
    frame("ocaml.backtrace", 72, &["in file \""], r#"^(?:Raised|Called|Re-raised) (?:at|from) .* in file "(?P<file>[^"]+)", lines? (?P<line>\d+).*$"#),
    test("ounit.case", 84, &["Error: ", "Failure: "], r"^(?:Error|Failure): (?P<test>[A-Za-z][\w/\-]*(?::\d+:[\w ./\-]+)+)\.?$").late().with(Extent::After(6)),
    cause("dune.diff", SnapshotDiff, 74, &["File \""], r#"^File "(?P<file>\S+\.(?:t|expected|ml|mli))", line \d+, characters 0-0:$"#)
        .with(Extent::After(14))
        .late(),
    // elm-test: `↓ Suite` above `✗ name`.
    test("elm.case", 84, &["✗ "], r"^✗ (?P<test>[a-z].*)$").with(Extent::After(14)).before(2),
    summary("elm.totals", TestAssertion, 86, &["TEST RUN FAILED"], r"^TEST RUN FAILED$").with(Extent::After(4)),
    cause("elm.compile", CompileError, 92, &[" - src/", "-- "], r"^-- (?P<msg>[A-Z][A-Z ]+?) -+ (?P<file>\S+\.elm)$").late().with(Extent::After(20)),
    // clojure.test and those that print like it.
    test(
        "clojure.case",
        90,
        &["FAIL in (", "ERROR in ("],
        r"^\s*(?:FAIL|ERROR) in (?:\((?P<test>[^)]+)\)|(?P<name>\S+))(?: \((?P<file>[^:)\s]+):(?P<line>\d+)\))?$",
    )
    .with(Extent::After(12))
    .opening(),
    test("kaocha.case", 90, &["FAIL in ", "ERROR in "], r"^(?:FAIL|ERROR) in (?P<test>[\w.\-]+/[\w\-?!*<>]+) \((?P<file>[^:)\s]+):(?P<line>\d+)\)$")
        .with(Extent::After(14))
        .opening(),
    summary(
        "clojure.totals",
        TestAssertion,
        84,
        &[" failures"],
        r"^\d+ (?:failures?|tests?, \d+ assertions?)(?:, \d+ errors?)?(?:, [1-9]\d* failures?\.?|\.)$",
    ),
    noise("clojure.green", &["0 failures, 0 errors"], r"^0 failures, 0 errors\.$"),
    detail("clojure.values", 84, &["expected: ", "actual: "], r"^\s*(?:expected|actual): .*$"),
    // specs2, uTest, ZIO Test through sbt.
    test("specs2.case", 84, &["[error] "], r"^\[error\]\s+[x!] (?P<test>\S.*?)(?: \(\d+ m?s\))?$").late().with(Extent::After(6)),
    test("utest.case", 84, &["[info] X ", "X "], r"^(?:\[\w+\] )?X (?P<test>[\w.\-]+(?:\.[\w \-]+)+) \d+ms.*$").late().with(Extent::After(6)),
    test("ziotest.case", 82, &["- "], r"^(?:\[info\] )?\s*- (?P<test>\S.*)$").following(&["ziotest.suite"]),
    test("unknown.sbt_suite", 74, &["[error] "], r"^\[error\] \t(?P<test>(?:[\w$]+\.)+[\w$]+)$").inside(),
    cause("sbt.tests_failed", TestAssertion, 78, &["TestsFailedException"], r"^\[error\] \(.*\) sbt\.TestsFailedException: .*$"),
    cause("sbt.compile_failed", CompileError, 80, &["Compilation failed"], r"^\[error\] \(.*\) Compilation failed$"),
    // EUnit and Common Test.
    frame("eunit.at", 76, &["%% /"], r"^\s*%% (?P<file>\S+\.erl):(?P<line>\d+):in .*$"),
    test("eunit.case", 88, &["*failed*"], r"^(?:\S+:\d+: )?(?P<test>[\w:/]+(?:\.\.\.)?.*?)\.\.\.\s*\*failed\*$").with(Extent::After(12)),
    summary("eunit.totals", TestAssertion, 82, &["Failed: "], r"^\s*Failed: [1-9]\d*\.\s+Skipped: .*$"),
    test("common_test.case", 88, &["FAILED"], r"^(?:%%% )?(?P<class>\w+) ?(?:==>|:) ?(?P<test>\w+): (?:\*\*\* )?FAILED(?: \*\*\*)?$").with(Extent::After(10)),
    test("gleeunit.case", 86, &["Failed", "assert"], r"^\s*(?:❌ |test: )(?P<test>\w+\.\w+_test).*$").with(Extent::After(8)),
    // ExUnit's numbered list begins where nothing else announces it.
    test("exunit.numbered", 89, &[") test ", ") property ", ") doctest "], r"^\s+\d+\) (?P<test>(?:test|property|doctest) .* \((?:Elixir\.)?[A-Z][\w.]+\))$")
        .with(Extent::After(18))
        .opening()
        .late(),
    frame("exunit.at", 80, &[".exs:"], r"^\s+(?P<file>(?:apps/\S+/)?test/\S+\.exs):(?P<line>\d+)$"),
    cause(
        "mix.warnings",
        CompileError,
        86,
        &["warnings as errors", "warnings-as-errors"],
        r"^(?P<msg>(?:Compilation failed due to warnings.*|.*while using the --warnings-as-errors option.*))$",
    )
    .before(14),
    cause("credo.issue", TestAssertion, 70, &["┃ "], r"^┃ \[[A-Z]\] \S (?P<msg>.*)$")
        .late()
        .speaking_for(crate::domain::diagnosis::taxonomy::Category::LintError)
        .weighing(84)
        .with(Extent::After(2)),
    frame("credo.at", 74, &["┃ "], r"^┃\s+(?P<file>\S+\.exs?):(?P<line>\d+)(?::\d+)? .*$"),
    cause("dialyzer.warning", TestAssertion, 86, &[".ex:"], r"^(?P<file>\S+\.exs?):(?P<line>\d+)(?::\d+)?:(?P<msg>[a-z_]+)$")
        .late()
        .speaking_for(crate::domain::diagnosis::taxonomy::Category::TypeError)
        .with(Extent::After(4)),
];
