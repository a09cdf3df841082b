//! `dotnet test` (VSTest and the newer platform), xUnit, NUnit, MSTest.

use crate::domain::diagnosis::rule::Evidence::{Described, Likely};
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, detail, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::TestAssertion;

/// Rules for .NET's test runners.
pub const RULES: &[Rule] = &[
    noise("dotnet.green", &["Failed: ", "Failed:"], r"^(?:Passed!|Skipped!)\s+- Failed:\s+0,"),
    test("vstest.failed", Described, &["Failed "], r"^\s*Failed (?P<test>[\w.<>`+]+(?:\(.*\))?.*?) \[(?:<? ?[\d.,]+ ?(?:ms|s|m|min).*)\]$")
        .with(Extent::Section(26, &["Passed ", "Failed ", "Failed! "]))
        .opening(),
    test("mtp.failed", Described, &["failed "], r"^failed (?P<test>\S.*?) \(\d.*s\)$").with(Extent::Section(20, &["failed ", "Test run summary"])).opening(),
    test("xunit.fail", Described, &["[FAIL]"], r"^(?:\[xUnit\.net [\d:.]+\])?\s+(?P<test>\S.*?) \[FAIL\]$")
        .with(Extent::Section(20, &["[xUnit.net", "Passed "])),
    detail("dotnet.message", Worth::Good, &["Error Message:", "Stack Trace:"], r"^\s*(?:Error Message|Stack Trace):$").ordered(Order::Broad),
    cause(
        "dotnet.assert",
        TestAssertion,
        Described,
        &["Assert.", "Expected", "Exception : ", "Exception: "],
        r"^(?:\[xUnit\.net [\d:.]+\])?\s+(?P<msg>(?:Assert\.\w+\(\).*|Assert\.\w+ failed.*|Expected.*|[\w.]+Exception ?: .*|But was: .*))$",
    )
    .inside(),
    detail("dotnet.values", Worth::High, &["Expected: ", "Actual: ", "But was: "], r"^(?:\[xUnit\.net [\d:.]+\])?\s*(?:Expected|Actual|But was):\s.*$")
        .ordered(Order::Broad),
    frame(
        "dotnet.frame",
        Worth::Fair,
        &[":line "],
        r"^(?:\[xUnit\.net [\d:.]+\])?\s*(?:at .* in )?(?P<file>\S[^:]*(?::\\[^:]*)?\.(?:cs|fs|vb)):line (?P<line>\d+)$",
    )
    .ordered(Order::Generic),
    frame("xunit.frame", Worth::Fair, &[".cs("], r"^(?:\[xUnit\.net [\d:.]+\])?\s*(?P<file>\S+\.(?:cs|fs|vb))\((?P<line>\d+),\d+\): at .*$")
        .ordered(Order::Generic),
    summary("vstest.totals", TestAssertion, Described, &["Failed!"], r"^Failed!\s+- Failed:\s+\d+, Passed:.*$"),
    summary("vstest.totals_old", TestAssertion, Likely, &["Failed: "], r"^\s+Failed: [1-9]\d*$").before(2),
    wrapper("vstest.run_failed", Worth::Low, &["Test Run Failed."], r"^Test Run Failed\.$").ordered(Order::Last).with(Extent::After(5)),
    wrapper("mtp.summary", Worth::Good, &["Test run summary: Failed"], r"^Test run summary: Failed!.*$").ordered(Order::Broad).with(Extent::After(6)),
];
