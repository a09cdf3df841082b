//! PHPUnit and Pest.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, summary, test};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, TestAssertion};

/// Rules for PHP's test runners.
pub const RULES: &[Rule] = &[
    noise("php.green", &["OK ("], r"^OK \(\d+ tests?, \d+ assertions?\)"),
    cause("phpunit.there", TestAssertion, 60, &["failure", "rror"], r"^There (?:was|were) \d+ (?:failures?|errors?):$")
        .with(Extent::Section(140, &["FAILURES!", "ERRORS!", "--"])),
    test("phpunit.case", 90, &[") "], r"^\d+\) (?P<test>[\w\\]+::\S.*)$").inside().with(Extent::After(16)).opening(),
    cause("phpunit.message", TestAssertion, 90, &["Failed asserting"], r"^(?P<msg>.*Failed asserting that .*)$").with(Extent::After(8)),
    // Any language prints `NameError: why`: it is PHPUnit's under the number and name of a test alone.
    cause("phpunit.thrown", TestAssertion, 90, &["xception: ", "Error: "], r"^(?P<msg>[\w\\]+(?:Exception|Error): .*)$")
        .following(&["phpunit.case", "pest.failed"])
        .with(Extent::After(8)),
    detail("phpunit.diff", 66, &["--- Expected", "+++ Actual", "-", "+"], r"^(?:--- Expected|\+\+\+ Actual|[-+](?:'|\d|\w).*)$"),
    frame("phpunit.location", 78, &[".php:"], r"^(?P<file>/?\S+\.php):(?P<line>\d+)$"),
    summary(
        "phpunit.totals",
        TestAssertion,
        86,
        &["Failures: ", "Errors: ", "FAILURES!", "ERRORS!"],
        r"^(?:Tests: \d+, Assertions: \d+.*(?:Failures|Errors): \d+.*|FAILURES!|ERRORS!)$",
    )
    .with(Extent::After(1)),
    test("pest.failed", 90, &["FAILED  "], r"^\s*FAILED\s+(?P<test>\S.* > .*?)(?:\s{2,}\S+)?$").with(Extent::After(16)).opening(),
    test("pest.cross", 78, &["⨯ "], r"^\s*⨯ (?P<test>\S.*?)(?:\s{2,}[\d.]+s)?$").inside(),
    summary("pest.totals", TestAssertion, 80, &[" failed"], r"^\s*Tests:\s+\d+ failed.*$"),
    cause(
        "php.fatal",
        CompileError,
        90,
        &["PHP Parse error", "Parse error: "],
        r"^(?P<msg>(?:PHP )?Parse error: .*?)(?: in (?P<file>\S+) on line (?P<line>\d+))?$",
    )
    .with(Extent::After(3)),
    cause("php.fatal_error", TestAssertion, 86, &["Fatal error: "], r"^(?P<msg>(?:PHP )?Fatal error: .*?)(?: in (?P<file>\S+?)(?: on line |:)(?P<line>\d+))?$")
        .with(Extent::After(10)),
];
