//! Tests through Gradle: JUnit, TestNG, Spock and Kotest, in the console's formats.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::TestAssertion;

const STACK: Extent = Extent::Section(28, &["> Task", "BUILD "]);

/// Rules for Gradle's test tasks.
pub const RULES: &[Rule] = &[
    noise("gradle.passed", &[" PASSED", " SKIPPED", " STARTED"], r"^\S.* (?:PASSED|SKIPPED|STARTED)$"),
    wrapper("gradle.task_failed", 52, &["FAILED"], r"^> Task (?P<task>:?\S+) FAILED$").with(Extent::After(2)),
    test(
        "gradle.case",
        92,
        &[" FAILED"],
        r"^(?:Gradle Test Run .*? > Gradle Test Executor \d+ > )?(?P<class>[\w.$]+(?: > [\w$][^>]*?)*?) > (?P<test>[^>].*?(?:\([^)]*\))?(?:\[.*\])?) FAILED$",
    )
    .with(STACK)
    .opening(),
    test("gradle.testng", 90, &[" FAILED"], r"^(?:Gradle suite > Gradle test > )?(?P<test>(?:[\w$]+\.){2,}[\w$]+(?:\[\d+\])?(?:\(.*\))?) FAILED$")
        .with(STACK)
        .opening(),
    test("gradle.logger", 84, &[" FAILED"], r"^\s+(?:Test )(?P<test>\S.*?) FAILED(?: \(.*\))?$").with(Extent::Section(14, &["Test "])),
    test("gradle.logger_cross", 80, &["✘ ", "✗ "], r"^\s+[✘✗] (?P<test>\S.*?)(?: \([\d.]+m?s\))?$").with(Extent::Section(14, &["✔", "✘"])),
    summary("gradle.totals", TestAssertion, 86, &[" failed"], r"^\d+ tests? completed, \d+ failed.*$").before(2),
    frame(
        "gradle.where",
        84,
        &["file '", "cript '"],
        r"^\s*(?:Build file|Settings file|Script|Initialization script|Precompiled script plugin) '(?P<file>[^']+)' line: (?P<line>\d+)$",
    ),
    cause("gradle.wrong", TestAssertion, 62, &["* What went wrong:"], r"^\s*\* What went wrong:$")
        .with(Extent::Section(8, &["* Try", "* Exception is"]))
        .silent()
        .inside(),
    cause("gradle.wrong_gate", TestAssertion, 62, &["FAILURE: Build"], r"^\s*FAILURE: Build (?:failed|completed) with .*$")
        .with(Extent::Section(14, &["* Try", "* Exception is", "BUILD FAILED"]))
        .silent(),
    wrapper("gradle.execution", 58, &["Execution failed for task"], r"^\s*Execution failed for task '(?P<task>.*)'\.$").with(Extent::After(3)),
    wrapper("gradle.failing_tests", 50, &["There were failing tests"], r"^\s*> There were failing tests\. See the report at: .*$"),
    wrapper("gradle.build_failed", 40, &["BUILD FAILED"], r"^BUILD FAILED(?: in .*)?$").with(Extent::After(3)),
];
