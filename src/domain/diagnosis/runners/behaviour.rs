//! Runners of scenarios and keywords: Cucumber, behave, Behat, Robot Framework, Gauge, Codeception, Postman's Newman, k6.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, summary, test};
use crate::domain::diagnosis::taxonomy::Category::TestAssertion;

/// Rules for runners of scenarios.
pub const RULES: &[Rule] = &[
    cause("behave.failing", TestAssertion, 70, &["Failing scenarios:", "Errored scenarios:"], r"^(?:Failing|Errored) scenarios:$").with(Extent::Paragraph(60)),
    test("behave.listed", 90, &[".feature:"], r"^\s+(?P<file>\S+\.feature):(?P<line>\d+)\s+(?P<test>\S.*)$").following(&["behave.failing", "behave.listed"]),
    summary("behave.totals", TestAssertion, 84, &["failed, "], r"^\d+ (?:features?|scenarios?) passed, [1-9]\d* failed(?:, .*)?$"),
    summary("cucumber.totals", TestAssertion, 84, &[" failed"], r"^\d+ (?:scenarios?|steps?) \((?:.*, )?[1-9]\d* failed\b.*\)$"),
    test("cucumber.js", 88, &["Scenario: "], r"^\s*\d+\) Scenario: (?P<test>.*?) # (?P<file>\S+\.feature):(?P<line>\d+)$").late().with(Extent::After(14)),
    test("cucumber.jvm", 84, &["Scenario: ", ".feature:"], r"^(?:file://)?(?P<file>\S+\.feature):(?P<line>\d+) ?#? (?P<test>(?:Scenario: )?\S.*)$").late(),
    cause("behat.failed", TestAssertion, 70, &["--- Failed scenarios:"], r"^--- Failed scenarios:$").with(Extent::After(30)),
    test("behat.listed", 84, &[".feature:"], r"^\s+(?P<test>(?P<file>\S+\.feature):(?P<line>\d+)(?: \(on line \d+\))?)$")
        .following(&["behat.failed", "behat.listed"]),
    // Robot Framework: the name, its documentation and the verdict in columns; the message below.
    test("robot.case", 88, &["| FAIL |"], r"^(?P<test>\S.*?)(?: :: .*?)?\s*\| FAIL \|$").with(Extent::After(4)),
    summary("robot.totals", TestAssertion, 84, &[" failed"], r"^\d+ (?:critical )?tests?, (?:\d+ tests total, )?\d+ passed, [1-9]\d* failed.*$"),
    test("gauge.case", 80, &["✘"], r"^\s*## (?P<test>\S.*?)\s+(?:[✔✘] ?)*✘\s*$").late().with(Extent::After(10)),
    detail("gauge.step", 74, &["Failed Step:", "Error Message:"], r"^\s*(?:Failed Step|Error Message|Specification): .*$"),
    test("codeception.case", 89, &[") "], r"^\d+\) (?P<class>\w+(?:Cest|Test|Cept)): (?P<test>\S.*)$").late().with(Extent::After(14)).opening(),
    frame("codeception.at", 78, &["Test "], r"^\s*Test\s+(?P<file>\S+\.php):\w+.*$"),
    // PHPSpec: the line of the example and what it is.
    test("phpspec.case", 84, &["✘ "], r"^\s+\d+\s+✘ (?P<test>\S.*)$").with(Extent::After(8)),
    // Newman lists failures in a table of its own, k6 the thresholds that were crossed.
    test("newman.case", 80, &["AssertionError", "rror"], r"^\s*\d{1,3}\.\s+(?:AssertionError|\w*Error)\s{2,}(?P<test>\S.*)$").with(Extent::After(6)),
    cause("k6.threshold", TestAssertion, 84, &["thresholds on metrics"], r"^.*(?P<msg>thresholds on metrics '.*' have been (?:crossed|breached)).*$").late(),
    cause("k6.crossed", TestAssertion, 80, &["✗ "], r"^\s*✗ (?P<msg>[\w{}:]+\.*: .*)$"),
];
