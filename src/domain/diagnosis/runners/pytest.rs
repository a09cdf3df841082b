//! pytest (terminal reporter, with and without xdist, `-v`), unittest, nose, tox and nox, doctest, stestr.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, frame, noise, summary, test, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, SnapshotDiff, TestAssertion};

/// Rules for Python's test runners.
pub const RULES: &[Rule] = &[
    noise("pytest.xfail", &["XFAIL", "xfail", "XPASS"], r"^(?:XFAIL|XPASS|.*\bXFAIL\b.*\[ *\d+%\]|.* (?:XFAIL|xfail)(?:ED)?\s*(?:\(.*\))?\s*(?:\[ *\d+%\])?$)"),
    noise("pytest.passed", &["PASSED", "SKIPPED", "RERUN"], r"^(?:\[gw\d+\].*)?(?:.*::.* )?(?:PASSED|SKIPPED|RERUN)\b.*(?:::|\[ *\d+%\])"),
    noise("tox.summary", &["_ summary _"], r"^_+ summary _+$"),
    noise("pytest.durations", &["s call ", "s setup ", "s teardown "], r"^\d+\.\d+s (?:call|setup|teardown) "),
    test(
        "pytest.summary_failed",
        92,
        &["FAILED ", "SUBFAIL "],
        r"^(?:FAILED|SUBFAIL(?:ED)?(?:\(.*?\))?) (?P<test>(?P<file>[^\s:\[]+?\.py\w?)::.+?)(?: - (?P<msg>.*))?$",
    ),
    test("pytest.summary_doctest", 90, &["FAILED "], r"^FAILED (?P<test>(?P<file>[^\s:]+\.(?:rst|md|txt|py|yml|yaml))(?:::\S+)?)(?: - (?P<msg>.*))?$"),
    test("pytest.summary_setup", 87, &["ERROR "], r"^ERROR (?P<test>(?P<file>[^\s:\[]+?\.py\w?)::.+?)(?: - (?P<msg>.*))?$"),
    test("pytest.fatal", 90, &["Fatal Python error: "], r"^(?P<test>(?P<file>[^\s:]+\.py)::\S.*?) Fatal Python error: (?P<msg>.*)$").with(Extent::After(12)),
    cause("pytest.summary_error", TestAssertion, 86, &["ERROR "], r"^ERROR (?P<file>[^\s:]+\.pyi?)(?:::(?P<case>.+?))?(?: - (?P<msg>.*))?$"),
    test("pytest.verbose_failed", 74, &["FAILED"], r"^(?:\[gw\d+\]\s*(?:\[ *\d+%\])?\s*FAILED )?(?P<test>(?P<file>[^\s:]+\.py)::[^ ].*?)(?: FAILED\b.*)?$"),
    cause("pytest.collect", TestAssertion, 87, &["ERROR collecting"], r"^_+ ERROR collecting (?P<file>\S+) _+$")
        .with(Extent::Section(60, &["====", "____", "!!!!"]))
        .opening(),
    test("pytest.header", 80, &["____"], r"^_{3,} (?:ERROR at (?:setup|teardown) of )?(?P<test>[\w.\-\[\]]+(?:\[.*\])?)(?: \(.*\))? _{3,}$")
        .with(Extent::Section(150, &["====", "!!!!"]))
        .opening(),
    // The rule is as wide as the terminal: beside a long name only one dash is left.
    test("pytest.header_long", 80, &["_ "], r"^_+ (?:ERROR at (?:setup|teardown) of )?(?P<test>[A-Za-z_][\w.\-]*(?:\[.*\])?) _+$")
        .inside()
        .with(Extent::Section(150, &["====", "!!!!"]))
        .opening(),
    cause(
        "pytest.snapshot",
        SnapshotDiff,
        92,
        &["snapshot"],
        r"^E\s+(?:.*AssertionError: assert \[- snapshot\]|.*\bsnapshot .*(?:does not match|differs|mismatch))",
    )
    .inside(),
    // A file that does not parse says so before any test: it is worth more than that its collection failed.
    cause("pytest.syntax", CompileError, 94, &["SyntaxError", "IndentationError", "TabError"], r"^E\s+(?P<msg>(?:SyntaxError|IndentationError|TabError): .*)")
        .inside(),
    cause("pytest.assertion", TestAssertion, 90, &["E  ", "E\t"], r"^E\s{2,}(?P<msg>[\w.]*(?:Error|Exception|Warning|Failed|Exit|Interrupt|assert)\b.*)$")
        .inside(),
    cause("pytest.fixture", TestAssertion, 90, &["fixture '"], r"^E\s+(?P<msg>(?:recursive dependency involving )?fixture '.*'(?: not found| detected).*)$")
        .inside(),
    detail("pytest.explanation", 62, &["E  ", "E\t"], r"^E\s{2,}\S.*$"),
    detail("pytest.source", 58, &[">"], r"^>\s{2,}\S.*$"),
    frame(
        "pytest.location",
        72,
        &["rror", "xception", "arning", "Failed", "Exit", "in <module>", ": in "],
        r"^(?P<file>[^\s:]+\.pyx?):(?P<line>\d+): (?:in \S+|[\w.]*(?:Error|Exception|Warning|Failed|Exit)\b.*)$",
    ),
    frame("pytest.location_bare", 58, &[".py:"], r"^(?P<file>[^\s:]+\.pyx?):(?P<line>\d+):\s*$"),
    detail("pytest.captured", 40, &["Captured "], r"^-+ Captured (?:stdout|stderr|log) (?:call|setup|teardown) -+$").with(Extent::After(12)),
    summary(
        "pytest.totals",
        TestAssertion,
        88,
        &[" failed", " error"],
        r"^=* ?(?:\d+ (?:failed|passed|skipped|xfailed|xpassed|errors?|warnings?|deselected|rerun|subtests passed|snapshots? \w+)(?:, )?)*\d+ (?:failed|errors?)\b.* in \d.*$",
    ),
    cause(
        "pytest.usage",
        TestAssertion,
        84,
        &["ERROR: ", "rror:"],
        r"^(?:ERROR: (?:usage|file or directory not found|not found|Unknown|Missing).*|pytest: error: .*|ImportError while loading conftest .*)$",
    )
    .with(Extent::After(8)),
    cause("pytest.none", TestAssertion, 50, &["collected 0 items", "no tests ran"], r"^(?:collected 0 items.*|=+ no tests ran in .*)$").inside(),
    wrapper("pytest.interrupted", 45, &["Interrupted: ", "xdist: "], r"^!+ .*(?:Interrupted: |stopping after|xdist: ).*!+$").inside(),
    cause(
        "pytest.threshold",
        TestAssertion,
        84,
        &["FAIL Required test coverage", "Coverage failure"],
        r"^(?:ERROR: |FAIL:? )?(?:Coverage failure: total of|FAIL Required test coverage of).*",
    ),
    wrapper("pytest.section", 62, &["= ERRORS =", "= FAILURES ="], r"^=+ (?:ERRORS|FAILURES) =+$").with(Extent::After(1)),
    test("unittest.header", 90, &["FAIL: ", "ERROR: "], r"^(?:FAIL|ERROR): (?P<test>[\w.]+(?: \([\w.<>]+\))?(?: \[.*\]| \(.*\))?)$")
        .with(Extent::Section(80, &["====", "Ran "]))
        .opening(),
    summary("unittest.totals", TestAssertion, 84, &["FAILED ("], r"^FAILED \((?:failures|errors|skipped|expected failures|unexpected successes)=.*\)$")
        .before(2),
    test("unittest.verbose", 60, &["FAIL", "ERROR"], r"^(?P<test>test\w+ \([\w.]+\))(?: .*)?\.\.\. (?:FAIL|ERROR)$"),
    cause("doctest.failure", TestAssertion, 84, &["Failed example:"], r"^Failed example:$").before(4).with(Extent::Section(16, &["***"])),
    cause(
        "python.syntax",
        CompileError,
        88,
        &["SyntaxError: ", "IndentationError: ", "TabError: "],
        r"^(?P<msg>(?:SyntaxError|IndentationError|TabError): .*)$",
    )
    .before(4),
    cause("python.import", TestAssertion, 76, &["ModuleNotFoundError: ", "ImportError: "], r"^(?P<msg>(?:ModuleNotFoundError|ImportError): .*)$").before(10),
    cause("python.traceback", TestAssertion, 66, &["Traceback (most recent"], r"^\s*(?:\| )?Traceback \(most recent call last\):$")
        .inside()
        .with(Extent::Indented(60))
        .silent(),
    frame("python.frame", 56, &["File \""], r#"^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in .*)?$"#),
    cause(
        "python.exception",
        TestAssertion,
        70,
        &["Error: ", "Exception: ", "Error", "Exception"],
        r"^(?P<msg>(?:[a-z_][\w]*\.)*[A-Z]\w*(?:Error|Exception|Warning|Timeout|Exit)(?:: .*)?)$",
    )
    .before(12)
    .with(Extent::After(2)),
    wrapper(
        "tox.exit",
        46,
        &["InvocationError", "exited with code", "FAIL code"],
        r"^(?:ERROR: InvocationError for command .*|\S+: (?:exit \d+|FAIL code \d+).*|  ?\S+: FAIL code (?P<code>\d+).*)$",
    ),
    wrapper(
        "nox.failed",
        56,
        &["failed with exit code", "Session "],
        r"^nox > (?:Command (?P<cmd>.*) failed with exit code (?P<code>\d+).*|Session .* failed\.)$",
    )
    .inside(),
    wrapper("nox.command", 60, &["failed with exit code"], r"^nox > Command (?P<cmd>.*) failed with exit code (?P<code>\d+).*$"),
];
