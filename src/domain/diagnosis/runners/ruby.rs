//! RSpec, Minitest, Test::Unit and Cucumber.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::TestAssertion;

/// A list of what is expected to fail ends where the real failures, or the totals, begin.
const PENDING: Extent = Extent::Section(400, &["Failures:", "Finished in", "Failed examples:"]);

/// Rules for Ruby's test runners.
pub const RULES: &[Rule] = &[
    noise("pending.listed", &["Pending: (Fail"], r"^Pending: \(Failures listed here are expected.*$").muting(PENDING),
    noise("pending.plain", &["Pending:"], r"^Pending:$").muting(PENDING).late(),
    noise("ruby.green", &["0 failures", "0 failed"], r"^\d+ (?:examples?|runs|tests|scenarios).* 0 (?:failures|failed)(?:, 0 errors)?"),
    cause("rspec.failures", TestAssertion, 60, &["Failures:"], r"^Failures:$").with(Extent::Section(150, &["Finished in", "Failed examples"])),
    test("rspec.case", 88, &[") "], r"^\s{1,4}\d+\) (?P<test>\S.*)$").inside().with(Extent::After(20)),
    cause("rspec.expectation", TestAssertion, 88, &["Failure/Error:"], r"^\s*Failure/Error: (?P<msg>.*)$").with(Extent::After(12)),
    detail("rspec.values", 86, &["expected", "got:", "to eq", "expected:"], r"^\s+(?:expected\b.*|got: .*|\(compared using .*\))$"),
    frame("rspec.location", 70, &["# ./"], r"^\s*# (?P<file>\./\S+?\.rb):(?P<line>\d+):in .*$"),
    test("rspec.listed", 90, &["rspec ./"], r"^rspec (?P<file>\./\S+?\.rb)(?::(?P<line>\d+)|\[[\d:,]+\]) # (?P<test>.*)$").inside(),
    cause("rspec.failed_examples", TestAssertion, 60, &["Failed examples:"], r"^Failed examples:$").with(Extent::After(60)),
    summary("rspec.totals", TestAssertion, 86, &[" failure"], r"^\d+ examples?, \d+ failures?(?:, .*)?$"),
    cause(
        "rspec.outside",
        TestAssertion,
        86,
        &["An error occurred while loading"],
        r"^An error occurred (?:while loading (?P<file>\S+)|in a `.*` hook|outside of examples).*$",
    )
    .with(Extent::After(14)),
    test("minitest.case", 90, &["Failure:", "Error:"], r"^\s*(?:\d+\) )?(?:Failure|Error):\s*$").with(Extent::After(12)).opening(),
    test("minitest.name", 90, &["#test_", "["], r"^(?P<test>[\w:]+#test_\S+)(?: \[(?P<file>[^\]:]+):(?P<line>\d+)\])?:?$").inside(),
    test("rails.case", 89, &["Failure:", "Error:"], r"^(?:Failure|Error):$").with(Extent::After(14)).opening(),
    detail("minitest.values", 84, &["Expected: ", "Actual: ", "-expected", "+actual"], r"^\s*(?:Expected: .*|\s*Actual: .*|--- expected|\+\+\+ actual)$"),
    summary("minitest.totals", TestAssertion, 84, &[" failures, "], r"^\d+ (?:runs|tests), \d+ assertions, \d+ failures, \d+ errors.*$"),
    wrapper("rails.rerun", 44, &["rails test ", "bin/rails test "], r"^(?:bin/)?rails test (?P<file>\S+?\.rb):(?P<line>\d+)$").inside(),
    cause("cucumber.failing", TestAssertion, 60, &["Failing Scenarios:"], r"^Failing Scenarios:$").with(Extent::Paragraph(40)),
    test("cucumber.listed", 84, &["cucumber "], r"^cucumber (?P<test>(?P<file>\S+\.feature):(?P<line>\d+)) # .*$").inside(),
    cause("ruby.error", TestAssertion, 72, &["Error)", "Exception)"], r"^(?P<file>[^\s:]+\.rb):(?P<line>\d+):in .*: (?P<msg>.*\([\w:]*(?:Error|Exception)\))$")
        .with(Extent::Indented(8)),
    cause("ruby.named", TestAssertion, 76, &["Error:", "Exception:"], r"^\s+(?P<msg>(?:[A-Z]\w*::)*[A-Z]\w*(?:Error|Exception):?.*)$").inside(),
];
