//! `dotnet test` (VSTest and the newer platform), xUnit, NUnit, MSTest.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::TestAssertion;

/// Rules for .NET's test runners.
pub const RULES: &[Rule] = &[
    noise("dotnet.green", &["Failed: ", "Failed:"], r"^(?:Passed!|Skipped!)\s+- Failed:\s+0,"),
    test("vstest.failed", 90, &["Failed "], r"^\s*Failed (?P<test>[\w.<>`+]+(?:\(.*\))?.*?) \[(?:<? ?[\d.,]+ ?(?:ms|s|m|min).*)\]$")
        .with(Extent::Section(26, &["Passed ", "Failed ", "Failed! "]))
        .opening(),
    test("mtp.failed", 90, &["failed "], r"^failed (?P<test>\S.*?) \(\d.*s\)$").with(Extent::Section(20, &["failed ", "Test run summary"])).opening(),
    test("xunit.fail", 90, &["[FAIL]"], r"^(?:\[xUnit\.net [\d:.]+\])?\s+(?P<test>\S.*?) \[FAIL\]$").with(Extent::Section(20, &["[xUnit.net", "Passed "])),
    detail("dotnet.message", 78, &["Error Message:", "Stack Trace:"], r"^\s*(?:Error Message|Stack Trace):$"),
    cause(
        "dotnet.assert",
        TestAssertion,
        88,
        &["Assert.", "Expected", "Exception : ", "Exception: "],
        r"^(?:\[xUnit\.net [\d:.]+\])?\s+(?P<msg>(?:Assert\.\w+\(\).*|Assert\.\w+ failed.*|Expected.*|[\w.]+Exception ?: .*|But was: .*))$",
    )
    .inside(),
    detail("dotnet.values", 82, &["Expected: ", "Actual: ", "But was: "], r"^(?:\[xUnit\.net [\d:.]+\])?\s*(?:Expected|Actual|But was):\s.*$"),
    frame("dotnet.frame", 60, &[":line "], r"^(?:\[xUnit\.net [\d:.]+\])?\s*(?:at .* in )?(?P<file>\S[^:]*(?::\\[^:]*)?\.(?:cs|fs|vb)):line (?P<line>\d+)$"),
    frame("xunit.frame", 60, &[".cs("], r"^(?:\[xUnit\.net [\d:.]+\])?\s*(?P<file>\S+\.(?:cs|fs|vb))\((?P<line>\d+),\d+\): at .*$"),
    summary("vstest.totals", TestAssertion, 84, &["Failed!"], r"^Failed!\s+- Failed:\s+\d+, Passed:.*$"),
    summary("vstest.totals_old", TestAssertion, 78, &["Failed: "], r"^\s+Failed: [1-9]\d*$").before(2),
    wrapper("vstest.run_failed", 50, &["Test Run Failed."], r"^Test Run Failed\.$").with(Extent::After(5)),
    wrapper("mtp.summary", 70, &["Test run summary: Failed"], r"^Test run summary: Failed!.*$").with(Extent::After(6)),
];
