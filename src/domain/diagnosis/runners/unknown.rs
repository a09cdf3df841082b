//! Names of failed tests in formats that nobody here described: marks, words and lists that most runners share.
//!
//! What is read here is only believed where no described tool named a test, and decides a category only weakly.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, noise, summary, test};
use crate::domain::diagnosis::taxonomy::Category::TestAssertion;

/// Rules for test runners in general.
pub const RULES: &[Rule] = &[
    noise("unknown.expected", &["expected failure", "EXPECTED FAIL", "known failure", "KNOWN FAIL", "allowed to fail", "(flaky)", "XFAIL"], r"(?i)\b(?:expected[ -]fail(?:ure|ed)?|known[ -]fail(?:ure)?|allowed to fail|xfail)\b").weighing(70),
    test("unknown.leading", 39, &["FAIL", "FAILED", "FAILURE"], r"^\s*\[? *(?:FAIL|FAILED|FAILURE) *\]?!?[:|]?\s+(?:\d+/\d+ |\(\d+/\d+\) |#?\d+[:.)] |- )?(?P<test>[\w\x22'`(\[<@#$/.].{1,200}?)(?:\s+[(\[]?[\d.,]+ ?(?:ms|s|sec|secs|seconds|m)[)\]]?)?$").with(Extent::After(6)),
    test("unknown.trailing", 38, &["FAIL", "FAILED", "FAILURE"], r"^\s*(?:\[ *\d+/\d+ *\] |\(?\d+/\d+\)? |\d+[.)] |[-*•] |test (?:case )?)?(?P<test>[\w\x22'`(\[<@#$/.].{1,200}?)(?:\s*\.{2,}\s*|\s*…\s*|\s*:\s+|\s+[-=]+>?\s*|\s{2,}|\s+\|?\s*|\s+\[|\s*\()(?:FAIL|FAILED|FAILURE)[\])]?!?(?:\s*[(\[].{0,60}[)\]]|\s+[\d.]+ ?m?s)?$").with(Extent::After(6)),
    test("unknown.middle", 37, &["FAIL"], r"^\s*(?:\[[\w\- ]+\] )?(?P<test>\w[\w ./:#\-\[\]()]{1,120}?)(?: |: )(?:FAILED|FAIL)(?:: | - |, | \()(?P<msg>.*)$").with(Extent::After(4)),
    test("unknown.mark", 43, &["✗ ", "✘ ", "✖ ", "× ", "⨯ ", "❌ ", "✕ ", "[✗] ", "[x] ", "🔴 "], r"^[\s│|]*(?:\[[✗x]\]|[✗✘✖×⨯❌✕🔴]️?)\s+(?P<test>[\w\x22'`(\[<@#$/.].{2,200}?)(?:\s+[(\[]?[\d.,]+ ?(?:ms|s|sec|µs|m)[)\]]?)?$").before(1).with(Extent::After(5)).silent().late(),
    cause("unknown.heading", TestAssertion, 59, &["fail", "Fail", "FAIL"], r"^\s*(?:[=\-#*─━]+ )?(?:\d+ |Summary of |List of |The following (?:\d+ )?)?(?:[Ff]ailures|FAILURES|[Ff]ailed|FAILED|[Ff]ailing|FAILING|[Tt]ests? (?:that )?failed|[Tt]est [Ff]ailures?|tests failed)(?: (?:tests?|TESTS?|Tests?|specs?|cases?|scenarios?|examples?|failed|suites?))?(?: \(\d+\)|: \d+| \[\d+\])?\s*:?(?: [=\-#*─━]+)?\s*$").with(Extent::After(40)),
    test("unknown.item", 67, &[" "], r"^\s*(?:\d+[.)]|[-*•>])\s+(?P<test>[\w\x22'`(\[<@#$/.].{1,200}?)(?:\s+[(\[]?[\d.,]+ ?(?:ms|s)[)\]]?)?:?$").following(&["unknown.heading", "unknown.item", "unknown.bare"]),
    test("unknown.bare", 66, &["  ", "\t"], r"^(?:\s{2,}|\t)(?P<test>[A-Za-z_][\w./:#\-]*[._:/#][\w./:#\-\[\]()]+)$").following(&["unknown.heading", "unknown.bare", "unknown.item"]),
    summary("unknown.totals", TestAssertion, 60, &["fail", "Fail", "FAIL"], r"(?i)^.{0,80}?(?:\b[1-9]\d* (?:(?:unit|integration) )?(?:tests?|specs?|examples?|scenarios?|test (?:cases?|suites?|files?)|assertions?) (?:have |has )?(?:failed|failing|failures?)\b|\bpass(?:ed|ing|es)?\b[^a-z]{1,30}[1-9]\d* (?:tests? )?fail|\b\d+ pass(?:ed|ing|es)?\b.{1,40}\b[1-9]\d* fail(?:ed|ing|ures?|s)?\b|\b[1-9]\d* fail(?:ed|ing|ures?|s)?\b.{1,40}\b\d+ pass(?:ed|ing|es)?\b|\bpass(?:ed)?[:=] ?\d+.{1,40}\bfail(?:ed|ures?)?[:=] ?[1-9]|\bfail(?:ed|ures?)?[:=] ?[1-9]\d*.{1,40}\bpass(?:ed)?[:=] ?\d|\b[1-9]\d* fail(?:ures?|ed)?(?:\(s\))? (?:out )?of \d+|\b[1-9]\d* of \d+ (?:\w+ )?failed\b|\btests?(?: run)?[:=] ?\d+.{1,40}\bfail(?:ed|ures?)?[:=] ?[1-9]).{0,120}$").before(2),
    cause("unknown.assertion", TestAssertion, 58, &["ssert"], r"(?i)^\s*(?P<msg>.{0,120}\bassert(?:ion)?(?: \S{1,40})? (?:failed|failure|violated)\b.*)$").before(3).with(Extent::After(5)),
    cause("unknown.compared", TestAssertion, 57, &["xpected"], r"(?i)^\s*(?P<msg>.{0,160}\bexpected\b.{0,200}\b(?:but (?:got|was|received|found|had)|got:?|actual(?:ly)?:?|to (?:be|equal|eq|match|contain|have|include|throw))\b.*)$").before(3).with(Extent::After(5)),
    detail("unknown.sides", 62, &["xpected", "ctual", "got", "want", "eceived"], r"(?i)^\s*[-+]?\s*(?:expected|actual|got|want|wanted|received|left|right|value|reason|message|error)(?: value| result)?\s*[:=]\s*\S.*$"),
];

/// Whether what stands where a name is expected can be one: not a sentence, not a task, not a total.
#[must_use]
pub fn is_name(text: &str) -> bool {
    const HEADS: &[&str] = &[
        "build",
        "task",
        "result",
        "results",
        "status",
        "total",
        "totals",
        "summary",
        "job",
        "step",
        "error",
        "errors",
        "tests",
        "test run",
        "test result",
        "test suite",
        "the",
        "to",
        "with",
        "because",
        "command",
        "process",
        "script",
        "pipeline",
        "stage",
        "run",
        "exit",
        "no",
        "warning",
        "info",
        "debug",
        "fatal",
        "could",
        "cannot",
        "unable",
        "download",
        "request",
        "connection",
        "make",
        "npm",
        "failed",
        "failures",
        "passed",
        "some",
        "all",
        "there",
        "overall",
        "compilation",
        "lint",
        "coverage",
        "check",
        "checks",
        "assertion",
        "expected",
        "one or more",
        "please",
        "see",
        "at least",
        "test session",
        "target",
        "deployment",
        "upload",
        "push",
        "install",
        "installation",
        "execution",
        "workflow",
        "action",
        "when",
        "if",
        "while",
        "->",
        "verdict",
        "conclusion",
        "state",
    ];
    const TAILS: &[&str] =
        &[" is", " was", " has", " have", " had", " are", " were", " be", " will", " to", " and", " or", " not", " the", " a", " test", " tests", " of"];
    let text = text.trim().trim_end_matches([':', '.', ',']);
    let lower = text.to_lowercase();
    if matches!(lower.as_str(), "test" | "testing" | "suite" | "spec" | "tests run" | "test summary" | "finished" | "unit test" | "unit tests") {
        return false;
    }
    let first_word = |head: &&&str| lower.strip_prefix(**head).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':', ',', '=', '!']));
    if ["connect ", "error", "at "].iter().any(|lead| lower.starts_with(lead)) {
        return false;
    }
    if text.contains(" | ") {
        return false;
    }
    let letters = lower.chars().filter(|c| c.is_alphabetic()).count();
    letters >= 2
        && lower.split_whitespace().count() <= 24
        && !HEADS.iter().any(|head| first_word(&head))
        && !TAILS.iter().any(|tail| lower.ends_with(tail))
        && !lower.contains("://")
        && !lower.contains(" exit code")
        && !lower.contains("exited with")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_sentences() {
        for name in ["cart adds an item", "suite.case", "test_total[1-2]", "Foo::bar", "tests/unit/a", "handles a failing server"] {
            assert!(is_name(name), "{name}");
        }
        for text in ["BUILD", "Tests", "to compile", "The build has", "3", "Total: 4", "command `make` was", "Result: bad", "https://example.org/a"] {
            assert!(!is_name(text), "{text}");
        }
    }
}
