//! XCTest and Swift Testing, as `swift test`, xcodebuild, xcpretty and xcbeautify print them.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, noise, summary, test};
use crate::domain::diagnosis::taxonomy::Category::TestAssertion;

/// Rules for Apple's test runners.
pub const RULES: &[Rule] = &[
    noise("xctest.green", &["with 0 failures"], r"^\s*Executed \d+ tests?, with (?:\d+ tests? skipped and )?0 failures"),
    cause("xctest.error", TestAssertion, 96, &[": error: "], r"^(?P<file>\S+?\.\w+):(?P<line>\d+): error: (?P<test>-\[.*?\]|\w+\.\w+) : (?P<msg>.*)$"),
    test("xctest.case", 88, &["' failed ("], r"^Test Case '(?:-\[)?(?:(?P<class>[\w.]+)[ .])?(?P<test>\w+)\]?' failed \([\d.]+ seconds\)\.?$").before(4),
    summary("xctest.totals", TestAssertion, 84, &["failure"], r"^\s*Executed \d+ tests?, with .*[1-9]\d* failures? .*$"),
    test("xcbeautify.case", 86, &["✗ ", "✖ "], r"^\s*[✗✖] (?P<test>test\w+(?:\(\))?)(?:,? (?:on '.*' )?(?:\([\d.]+ seconds\)|(?P<msg>.*)))?$"),
    cause("xcodebuild.failing", TestAssertion, 74, &["Failing tests:"], r"^Failing tests:$").with(Extent::Paragraph(60)).inside(),
    cause("xcodebuild.failing_gate", TestAssertion, 74, &["Failing tests:"], r"^\s*Failing tests:$").with(Extent::Paragraph(60)),
    test("xcodebuild.listed", 86, &["."], r"^\s+(?P<test>(?:-\[)?[A-Z]\w*(?:\.| )test?\w*(?:\(\))?\]?)$").following(&[
        "xcodebuild.failing",
        "xcodebuild.failing_gate",
        "xcodebuild.listed",
    ]),
    test("swift_testing.case", 88, &["✘ Test ", "✗ Test ", "X Test "], r#"^[✘✗X] Test "?(?P<test>[^"]+?)"? failed after [\d.]+ seconds.*$"#).late(),
    test(
        "swift_testing.gate",
        88,
        &["✘ Test ", "✗ Test "],
        r#"^[✘✗] Test "?(?P<test>[^"]+?)"? (?:failed after .*|recorded an issue(?: with .*)? at (?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?: (?P<msg>.*))$"#,
    )
    .with(Extent::After(2)),
    cause(
        "swift_testing.issue",
        TestAssertion,
        90,
        &["recorded an issue"],
        r"^[✘✗X] Test .* recorded an issue(?: with .*?)? at (?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?: (?P<msg>.*)$",
    )
    .late(),
    summary("swift_testing.totals", TestAssertion, 89, &["✘ Test run with", "✗ Test run with"], r"^[✘✗] Test run with \d+ tests? .*failed after.*$"),
];
