//! pytest (terminal reporter, with and without xdist, `-v`), unittest, nose, tox and nox, doctest, stestr.

use crate::domain::diagnosis::rule::Evidence::{Described, Hint, Likely};
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, detail, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, SnapshotDiff, TestAssertion};

/// Rules for Python's test runners.
pub const RULES: &[Rule] = &[
    noise("pytest.xfail", &["XFAIL", "xfail", "XPASS"], r"^(?:XFAIL|XPASS|.*\bXFAIL\b.*\[ *\d+%\]|.* (?:XFAIL|xfail)(?:ED)?\s*(?:\(.*\))?\s*(?:\[ *\d+%\])?$)"),
    noise("pytest.passed", &["PASSED", "SKIPPED", "RERUN"], r"^(?:\[gw\d+\].*)?(?:.*::.* )?(?:PASSED|SKIPPED|RERUN)\b.*(?:::|\[ *\d+%\])"),
    noise("tox.summary", &["_ summary _"], r"^_+ summary _+$"),
    noise("pytest.durations", &["s call ", "s setup ", "s teardown "], r"^\d+\.\d+s (?:call|setup|teardown) "),
    test(
        "pytest.summary_failed",
        Described,
        &["FAILED ", "SUBFAIL "],
        r"^(?:FAILED|SUBFAIL(?:ED)?(?:\(.*?\))?) (?P<test>(?P<file>[^\s:\[]+?\.py\w?)::.+?)(?: - (?P<msg>.*))?$",
    )
    .specific(),
    test("pytest.summary_doctest", Described, &["FAILED "], r"^FAILED (?P<test>(?P<file>[^\s:]+\.(?:rst|md|txt|py|yml|yaml))(?:::\S+)?)(?: - (?P<msg>.*))?$"),
    test("pytest.summary_setup", Described, &["ERROR "], r"^ERROR (?P<test>(?P<file>[^\s:\[]+?\.py\w?)::.+?)(?: - (?P<msg>.*))?$"),
    test("pytest.fatal", Described, &["Fatal Python error: "], r"^(?P<test>(?P<file>[^\s:]+\.py)::\S.*?) Fatal Python error: (?P<msg>.*)$")
        .with(Extent::After(12)),
    cause("pytest.summary_error", TestAssertion, Described, &["ERROR "], r"^ERROR (?P<file>[^\s:]+\.pyi?)(?:::(?P<case>.+?))?(?: - (?P<msg>.*))?$"),
    test("pytest.verbose_failed", Likely, &["FAILED"], r"^(?:\[gw\d+\]\s*(?:\[ *\d+%\])?\s*FAILED )?(?P<test>(?P<file>[^\s:]+\.py)::[^ ].*?)(?: FAILED\b.*)?$"),
    cause("pytest.collect", TestAssertion, Described, &["ERROR collecting"], r"^_+ ERROR collecting (?P<file>\S+) _+$")
        .with(Extent::Section(60, &["====", "____", "!!!!"]))
        .opening(),
    test("pytest.header", Likely, &["____"], r"^_{3,} (?:ERROR at (?:setup|teardown) of )?(?P<test>[\w.\-\[\]]+(?:\[.*\])?)(?: \(.*\))? _{3,}$")
        .with(Extent::Section(150, &["====", "!!!!"]))
        .opening(),
    // The rule is as wide as the terminal: beside a long name only one dash is left.
    test("pytest.header_long", Likely, &["_ "], r"^_+ (?:ERROR at (?:setup|teardown) of )?(?P<test>[A-Za-z_][\w.\-]*(?:\[.*\])?) _+$")
        .inside()
        .with(Extent::Section(150, &["====", "!!!!"]))
        .opening(),
    cause(
        "pytest.snapshot",
        SnapshotDiff,
        Described,
        &["snapshot"],
        r"^E\s+(?:.*AssertionError: assert \[- snapshot\]|.*\bsnapshot .*(?:does not match|differs|mismatch))",
    )
    .specific()
    .inside(),
    // A file that does not parse says so before any test: it is worth more than that its collection failed.
    cause(
        "pytest.syntax",
        CompileError,
        Described,
        &["SyntaxError", "IndentationError", "TabError"],
        r"^E\s+(?P<msg>(?:SyntaxError|IndentationError|TabError): .*)",
    )
    .specific()
    .inside(),
    cause(
        "pytest.assertion",
        TestAssertion,
        Described,
        &["E  ", "E\t"],
        r"^E\s{2,}(?P<msg>[\w.]*(?:Error|Exception|Warning|Failed|Exit|Interrupt|assert)\b.*)$",
    )
    .worth(Worth::Essential)
    .inside(),
    cause(
        "pytest.fixture",
        TestAssertion,
        Described,
        &["fixture '"],
        r"^E\s+(?P<msg>(?:recursive dependency involving )?fixture '.*'(?: not found| detected).*)$",
    )
    .inside(),
    detail("pytest.explanation", Worth::Fair, &["E  ", "E\t"], r"^E\s{2,}\S.*$"),
    detail("pytest.source", Worth::Fair, &[">"], r"^>\s{2,}\S.*$"),
    frame(
        "pytest.location",
        Worth::Good,
        &["rror", "xception", "arning", "Failed", "Exit", "in <module>", ": in "],
        r"^(?P<file>[^\s:]+\.pyx?):(?P<line>\d+): (?:in \S+|[\w.]*(?:Error|Exception|Warning|Failed|Exit)\b.*)$",
    ),
    frame("pytest.location_bare", Worth::Fair, &[".py:"], r"^(?P<file>[^\s:]+\.pyx?):(?P<line>\d+):\s*$").ordered(Order::Generic),
    detail("pytest.captured", Worth::Low, &["Captured "], r"^-+ Captured (?:stdout|stderr|log) (?:call|setup|teardown) -+$")
        .ordered(Order::Last)
        .with(Extent::After(12)),
    summary(
        "pytest.totals",
        TestAssertion,
        Described,
        &[" failed", " error"],
        r"^=* ?(?:\d+ (?:failed|passed|skipped|xfailed|xpassed|errors?|warnings?|deselected|rerun|subtests passed|snapshots? \w+)(?:, )?)*\d+ (?:failed|errors?)\b.* in \d.*$",
    ),
    cause(
        "pytest.usage",
        TestAssertion,
        Described,
        &["ERROR: ", "rror:"],
        r"^(?:ERROR: (?:usage|file or directory not found|not found|Unknown|Missing).*|pytest: error: .*|ImportError while loading conftest .*)$",
    )
    .with(Extent::After(8)),
    cause("pytest.none", TestAssertion, Hint, &["collected 0 items", "no tests ran"], r"^(?:collected 0 items.*|=+ no tests ran in .*)$")
        .ordered(Order::Last)
        .silent()
        .worth(Worth::Low)
        .inside(),
    wrapper("pytest.interrupted", Worth::Low, &["Interrupted: ", "xdist: "], r"^!+ .*(?:Interrupted: |stopping after|xdist: ).*!+$")
        .ordered(Order::Last)
        .inside(),
    cause(
        "pytest.threshold",
        TestAssertion,
        Described,
        &["FAIL Required test coverage", "Coverage failure"],
        r"^(?:ERROR: |FAIL:? )?(?:Coverage failure: total of|FAIL Required test coverage of).*",
    ),
    wrapper("pytest.section", Worth::Fair, &["= ERRORS =", "= FAILURES ="], r"^=+ (?:ERRORS|FAILURES) =+$").with(Extent::After(1)),
    test("unittest.header", Described, &["FAIL: ", "ERROR: "], r"^(?:FAIL|ERROR): (?P<test>[\w.]+(?: \([\w.<>]+\))?(?: \[.*\]| \(.*\))?)$")
        .with(Extent::Section(80, &["====", "Ran "]))
        .opening(),
    summary("unittest.totals", TestAssertion, Described, &["FAILED ("], r"^FAILED \((?:failures|errors|skipped|expected failures|unexpected successes)=.*\)$")
        .before(2),
    test("unittest.verbose", Hint, &["FAIL", "ERROR"], r"^(?P<test>test\w+ \([\w.]+\))(?: .*)?\.\.\. (?:FAIL|ERROR)$"),
    cause("doctest.failure", TestAssertion, Described, &["Failed example:"], r"^Failed example:$").before(4).with(Extent::Section(16, &["***"])),
    cause(
        "python.syntax",
        CompileError,
        Described,
        &["SyntaxError: ", "IndentationError: ", "TabError: "],
        r"^(?P<msg>(?:SyntaxError|IndentationError|TabError): .*)$",
    )
    .before(4),
    cause("python.import", TestAssertion, Likely, &["ModuleNotFoundError: ", "ImportError: "], r"^(?P<msg>(?:ModuleNotFoundError|ImportError): .*)$")
        .before(10),
    cause("python.traceback", TestAssertion, Hint, &["Traceback (most recent"], r"^\s*(?:\| )?Traceback \(most recent call last\):$")
        .inside()
        .with(Extent::Indented(60))
        .silent(),
    frame("python.frame", Worth::Fair, &["File \""], r#"^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in .*)?$"#).ordered(Order::Last),
    cause(
        "python.exception",
        TestAssertion,
        Likely,
        &["Error: ", "Exception: ", "Error", "Exception"],
        r"^(?P<msg>(?:[a-z_][\w]*\.)*[A-Z]\w*(?:Error|Exception|Warning|Timeout|Exit)(?:: .*)?)$",
    )
    .before(12)
    .with(Extent::After(2)),
    wrapper(
        "tox.exit",
        Worth::Low,
        &["InvocationError", "exited with code", "FAIL code"],
        r"^(?:ERROR: InvocationError for command .*|\S+: (?:exit \d+|FAIL code \d+).*|  ?\S+: FAIL code (?P<code>\d+).*)$",
    )
    .ordered(Order::Last),
    wrapper(
        "nox.failed",
        Worth::Fair,
        &["failed with exit code", "Session "],
        r"^nox > (?:Command (?P<cmd>.*) failed with exit code (?P<code>\d+).*|Session .* failed\.)$",
    )
    .ordered(Order::Last)
    .inside(),
    wrapper("nox.command", Worth::Fair, &["failed with exit code"], r"^nox > Command (?P<cmd>.*) failed with exit code (?P<code>\d+).*$"),
];
