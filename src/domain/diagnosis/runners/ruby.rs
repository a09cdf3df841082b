//! RSpec, Minitest, Test::Unit and Cucumber.

use crate::domain::diagnosis::rule::Evidence::{Described, Hint, Likely};
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, detail, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::TestAssertion;

/// A list of what is expected to fail ends where the real failures, or the totals, begin.
const PENDING: Extent = Extent::Section(400, &["Failures:", "Finished in", "Failed examples:"]);

/// Rules for Ruby's test runners.
pub const RULES: &[Rule] = &[
    noise("pending.listed", &["Pending: (Fail"], r"^Pending: \(Failures listed here are expected.*$").muting(PENDING),
    noise("pending.plain", &["Pending:"], r"^Pending:$").muting(PENDING).late(),
    noise("ruby.green", &["0 failures", "0 failed"], r"^\d+ (?:examples?|runs|tests|scenarios).* 0 (?:failures|failed)(?:, 0 errors)?"),
    cause("rspec.failures", TestAssertion, Hint, &["Failures:"], r"^Failures:$").with(Extent::Section(150, &["Finished in", "Failed examples"])),
    test("rspec.case", Described, &[") "], r"^\s{1,4}\d+\) (?P<test>\S.*)$").inside().with(Extent::After(20)),
    cause("rspec.expectation", TestAssertion, Described, &["Failure/Error:"], r"^\s*Failure/Error: (?P<msg>.*)$").with(Extent::After(12)),
    detail("rspec.values", Worth::High, &["expected", "got:", "to eq", "expected:"], r"^\s+(?:expected\b.*|got: .*|\(compared using .*\))$")
        .ordered(Order::Usual),
    frame("rspec.location", Worth::Good, &["# ./"], r"^\s*# (?P<file>\./\S+?\.rb):(?P<line>\d+):in .*$"),
    test("rspec.listed", Described, &["rspec ./"], r"^rspec (?P<file>\./\S+?\.rb)(?::(?P<line>\d+)|\[[\d:,]+\]) # (?P<test>.*)$").inside(),
    cause("rspec.failed_examples", TestAssertion, Hint, &["Failed examples:"], r"^Failed examples:$").with(Extent::After(60)),
    summary("rspec.totals", TestAssertion, Described, &[" failure"], r"^\d+ examples?, \d+ failures?(?:, .*)?$"),
    cause(
        "rspec.outside",
        TestAssertion,
        Described,
        &["An error occurred while loading"],
        r"^An error occurred (?:while loading (?P<file>\S+)|in a `.*` hook|outside of examples).*$",
    )
    .with(Extent::After(14)),
    test("minitest.case", Described, &["Failure:", "Error:"], r"^\s*(?:\d+\) )?(?:Failure|Error):\s*$").with(Extent::After(12)).opening(),
    test("minitest.name", Described, &["#test_", "["], r"^(?P<test>[\w:]+#test_\S+)(?: \[(?P<file>[^\]:]+):(?P<line>\d+)\])?:?$").inside(),
    test("rails.case", Described, &["Failure:", "Error:"], r"^(?:Failure|Error):$").with(Extent::After(14)).opening(),
    detail(
        "minitest.values",
        Worth::High,
        &["Expected: ", "Actual: ", "-expected", "+actual"],
        r"^\s*(?:Expected: .*|\s*Actual: .*|--- expected|\+\+\+ actual)$",
    )
    .ordered(Order::Usual),
    summary("minitest.totals", TestAssertion, Described, &[" failures, "], r"^\d+ (?:runs|tests), \d+ assertions, \d+ failures, \d+ errors.*$"),
    wrapper("rails.rerun", Worth::Low, &["rails test ", "bin/rails test "], r"^(?:bin/)?rails test (?P<file>\S+?\.rb):(?P<line>\d+)$")
        .ordered(Order::Last)
        .inside(),
    cause("cucumber.failing", TestAssertion, Hint, &["Failing Scenarios:"], r"^Failing Scenarios:$").with(Extent::Paragraph(40)),
    test("cucumber.listed", Described, &["cucumber "], r"^cucumber (?P<test>(?P<file>\S+\.feature):(?P<line>\d+)) # .*$").inside(),
    cause(
        "ruby.error",
        TestAssertion,
        Likely,
        &["Error)", "Exception)"],
        r"^(?P<file>[^\s:]+\.rb):(?P<line>\d+):in .*: (?P<msg>.*\([\w:]*(?:Error|Exception)\))$",
    )
    .with(Extent::Indented(8)),
    cause("ruby.named", TestAssertion, Likely, &["Error:", "Exception:"], r"^\s+(?P<msg>(?:[A-Z]\w*::)*[A-Z]\w*(?:Error|Exception):?.*)$").inside(),
];
