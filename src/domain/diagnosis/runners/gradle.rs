//! Tests through Gradle: JUnit, TestNG, Spock and Kotest, in the console's formats.

use crate::domain::diagnosis::rule::Evidence::{Described, Hint, Likely};
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::TestAssertion;

const STACK: Extent = Extent::Section(28, &["> Task", "BUILD "]);

/// Rules for Gradle's test tasks.
pub const RULES: &[Rule] = &[
    noise("gradle.passed", &[" PASSED", " SKIPPED", " STARTED"], r"^\S.* (?:PASSED|SKIPPED|STARTED)$"),
    wrapper("gradle.task_failed", Worth::Low, &["FAILED"], r"^> Task (?P<task>:?\S+) FAILED$").ordered(Order::Last).with(Extent::After(2)),
    test(
        "gradle.case",
        Described,
        &[" FAILED"],
        r"^(?:Gradle Test Run .*? > Gradle Test Executor \d+ > )?(?P<class>[\w.$]+(?: > [\w$][^>]*?)*?) > (?P<test>[^>].*?(?:\([^)]*\))?(?:\[.*\])?) FAILED$",
    )
    .specific()
    .with(STACK)
    .opening(),
    test("gradle.testng", Described, &[" FAILED"], r"^(?:Gradle suite > Gradle test > )?(?P<test>(?:[\w$]+\.){2,}[\w$]+(?:\[\d+\])?(?:\(.*\))?) FAILED$")
        .with(STACK)
        .opening(),
    test("gradle.logger", Described, &[" FAILED"], r"^\s+(?:Test )(?P<test>\S.*?) FAILED(?: \(.*\))?$").with(Extent::Section(14, &["Test "])),
    test("gradle.logger_cross", Likely, &["✘ ", "✗ "], r"^\s+[✘✗] (?P<test>\S.*?)(?: \([\d.]+m?s\))?$").with(Extent::Section(14, &["✔", "✘"])),
    summary("gradle.totals", TestAssertion, Described, &[" failed"], r"^\d+ tests? completed, \d+ failed.*$").before(2),
    frame(
        "gradle.where",
        Worth::High,
        &["file '", "cript '"],
        r"^\s*(?:Build file|Settings file|Script|Initialization script|Precompiled script plugin) '(?P<file>[^']+)' line: (?P<line>\d+)$",
    )
    .ordered(Order::Usual),
    cause("gradle.wrong", TestAssertion, Hint, &["* What went wrong:"], r"^\s*\* What went wrong:$")
        .with(Extent::Section(8, &["* Try", "* Exception is"]))
        .silent()
        .inside(),
    cause("gradle.wrong_gate", TestAssertion, Hint, &["FAILURE: Build"], r"^\s*FAILURE: Build (?:failed|completed) with .*$")
        .with(Extent::Section(14, &["* Try", "* Exception is", "BUILD FAILED"]))
        .silent(),
    wrapper("gradle.execution", Worth::Fair, &["Execution failed for task"], r"^\s*Execution failed for task '(?P<task>.*)'\.$").with(Extent::After(3)),
    wrapper("gradle.failing_tests", Worth::Low, &["There were failing tests"], r"^\s*> There were failing tests\. See the report at: .*$").ordered(Order::Last),
    wrapper("gradle.build_failed", Worth::Low, &["BUILD FAILED"], r"^BUILD FAILED(?: in .*)?$").ordered(Order::Last).with(Extent::After(3)),
];
