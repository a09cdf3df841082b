//! Test runners of scripting languages and shells: Bats, shunit2, Lua, Perl, R, Julia, Nim, Crystal, PowerShell's Pester.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, summary, test};
use crate::domain::diagnosis::taxonomy::Category::TestAssertion;

/// Rules for the test runners of scripting languages.
pub const RULES: &[Rule] = &[
    // Bats' pretty formatter: ` ✗ name`, and below it `   (in test file test/a.bats, line 12)`.
    frame("bats.location", 76, &["test file "], r"^#?\s*\((?:in|from) (?:function `.*' in )?(?:test )?file (?P<file>\S+), line (?P<line>\d+)[,)]?.*$"),
    detail("bats.command", 80, &["' failed"], r"^#?\s*`(?P<cmd>.*)' failed(?: with status \d+)?$"),
    summary("bats.totals", TestAssertion, 84, &[" failure"], r"^\s*\d+ tests?, [1-9]\d* failures?(?:, \d+ (?:skipped|not run).*)?$"),
    cause("shunit2.assert", TestAssertion, 86, &["ASSERT:"], r"^(?:\x1b\S*)?ASSERT:(?P<msg>.*)$").before(2).late(),
    test("shunit2.test", 60, &["test"], r"^(?P<test>test\w+)$").inside(),
    summary("shunit2.totals", TestAssertion, 80, &["FAILED (failures="], r"^FAILED \(failures=\d+.*\)$"),
    test("vim.case", 86, &["Found errors in "], r"^\s*Found errors in (?P<test>Test_\w+)\(\):$").late().with(Extent::After(6)),
    // busted: `Failure → spec/a_spec.lua @ 12`, then the name.
    cause(
        "busted.failure",
        TestAssertion,
        86,
        &["Failure → ", "Error → ", "Failure -> ", "Error -> "],
        r"^(?:Failure|Error) (?:→|->) (?P<file>\S+) @ (?P<line>\d+)$",
    )
    .with(Extent::After(12))
    .opening(),
    test("busted.name", 86, &[" "], r"^(?P<test>[A-Za-z#\[].*)$").following(&["busted.failure"]),
    summary("busted.totals", TestAssertion, 82, &[" failure"], r"^\d+ success(?:es)? / [^/]*\bfailures? / .*$"),
    test("luaunit.case", 84, &[") "], r"^\d+\) (?P<test>[A-Za-z_]\w*\.test\w*)$").late().with(Extent::After(8)),
    // Test::More and prove.
    test("perl.named", 87, &["Failed test '", "Failed test \""], r#"^\s*#\s+Failed (?:\(TODO\) )?test ['"](?P<test>.*)['"](?: at \S+ line \d+\.)?$"#)
        .with(Extent::After(8)),
    frame("perl.at", 78, &["#   at ", "#  at "], r"^\s*#\s+at (?P<file>\S+) line (?P<line>\d+)\.$"),
    cause("perl.wstat", TestAssertion, 84, &["Wstat: ", "(Wstat"], r"^(?P<file>\S+\.t)\s+\(Wstat: \d+.*Failed: \d+\)$").late().with(Extent::After(4)),
    cause("perl.dubious", TestAssertion, 80, &["Dubious, test returned", "Failed "], r"^(?P<msg>(?:Dubious, test returned \d+.*|Failed \d+/\d+ subtests\s*))$")
        .before(2)
        .late(),
    cause("perl.died", TestAssertion, 74, &[" line "], r"^(?P<msg>\S.* at (?P<file>\S+\.(?:p[lm]|t)) line (?P<line>\d+)\.)$").late().with(Extent::After(2)),
    // testthat and R CMD check.
    test(
        "testthat.new",
        88,
        &["Failure (", "Error ("],
        r"^\s*(?:(?:──|--) )?(?:\d+\. )?(?:Failure|Error) \(['‘]?(?P<file>[^\s:)'’]*\.[rR])(?::(?P<line>\d+))?(?::\d+)?['’]?\): (?P<test>.*?) ?[─-]*$",
    )
    .with(Extent::After(10))
    .opening(),
    noise("testthat.green", &["FAIL 0"], r"^\[ FAIL 0 \|"),
    summary("testthat.totals", TestAssertion, 84, &["[ FAIL "], r"^\[ FAIL [1-9]\d* \|.*\]$"),
    cause("rcmd.check", TestAssertion, 82, &["... ERROR", "... WARNING"], r"^(?:\*|❯) (?P<msg>checking .* \.\.\. ERROR)$").late().with(Extent::Indented(30)),
    summary("rcmd.status", TestAssertion, 80, &["Status: ", "R CMD check found"], r"^(?:Status: \d+ ERRORs?.*|Error: R CMD check found (?:ERRORs|WARNINGs))$")
        .late(),
    cause("r.error", TestAssertion, 70, &["Error in ", "Error: "], r"^(?P<msg>Error in .*)$").with(Extent::After(4)),
    // Julia: `name: Test Failed at /path/test.jl:12`.
    test(
        "julia.case",
        90,
        &["Test Failed at ", "Error During Test at "],
        r"^(?P<test>\S.*?): (?:Test Failed|Error During Test) at (?P<file>[^\s:]+):(?P<line>\d+)$",
    )
    .with(Extent::After(10))
    .opening(),
    detail("julia.values", 84, &["Expression: ", "Evaluated: ", "Got exception"], r"^\s+(?:Expression: |Evaluated: |Got exception ).*$"),
    summary("julia.totals", TestAssertion, 84, &["Some tests did not pass"], r"^(?:ERROR: LoadError: |ERROR: )?Some tests did not pass: .*$").late(),
    summary("julia.totals_gate", TestAssertion, 84, &["failed, ", "errored"], r"^.*Some tests did not pass: \d+ passed, \d+ failed, \d+ errored.*$"),
    // Nim's unittest.
    test("nim.case", 82, &["[FAILED] "], r"^\s*\[FAILED\] (?P<test>\S.*)$").before(6),
    frame("nim.check", 70, &["Check failed: "], r"^\s*(?P<file>\S+\.nim)\((?P<line>\d+), \d+\): Check failed: .*$"),
    // Crystal's spec, as RSpec with another ending.
    frame("crystal.at", 74, &["# spec/"], r"^\s*# (?P<file>spec/\S+\.cr):(?P<line>\d+)(?::\d+)?(?: in .*)?$"),
    test("crystal.listed", 88, &["crystal spec "], r"^crystal spec (?P<file>\S+\.cr):(?P<line>\d+) # (?P<test>.*)$").late(),
    // Pester: `[-] name 12ms (10ms|2ms)`.
    test("pester.case", 86, &["[-] "], r"^\s*\[-\] (?P<test>\S.*?) \d[\d.,]*m?s(?: \(.*\))?$").late().with(Extent::After(10)),
    test("pester.described", 80, &["FAILED"], r"^\s*\[-\] (?P<test>\S.*) FAILED.*$").with(Extent::After(8)),
    frame("pester.at", 74, &["at <ScriptBlock>, ", " line"], r"^\s*at .*, (?P<file>\S+\.ps1): ?(?:line )?(?P<line>\d+)$"),
    summary("pester.totals", TestAssertion, 82, &["Failed: "], r"^Tests Passed: \d+, Failed: [1-9]\d*,.*$"),
    cause("powershell.exception", TestAssertion, 60, &["Exception: "], r"^(?P<msg>(?:\w+Exception|Exception|Write-Error): .*)$")
        .with(Extent::After(8))
        .silent(),
];
