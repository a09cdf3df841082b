//! The code under test, taken out of the test or taught its answers: mocked, told that it is tested, special-cased for one input, or made
//! equal to everything.

use std::sync::LazyLock;

use regex::Regex;

use super::tests_found::{Source, pattern};
use super::{Finding, Rule, Severity};

static MODULE_MOCK: LazyLock<Regex> = LazyLock::new(|| pattern(r#"\b(?:jest|vi)\s*\.\s*(?:mock|doMock|unstable_mockModule)\s*\(\s*['"]([^'"\n]+)['"]"#));
static NAME_MOCK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"\b(?:patch|setattr)\s*\(\s*['"](?:[\w.]+\.)?(\w+)['"]|\b(?:patch\.object|setattr|spyOn)\s*\(\s*\w+\s*,\s*['"](\w+)['"]|\breceive\s*\(\s*:(\w+)|\b(?:when|doReturn\([^)\n]*\)\.when|every|coEvery|given)\s*[({]\s*[\w.]+[.)](\w+)\s*\("#,
    )
});
static IMPORTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?m)^\s*(?:import\s+([^;'"\n]*?)\s+from\s+['"]([^'"\n]+)['"]|(?:const|let|var)\s+([^=\n]+?)\s*=\s*(?:await\s+)?(?:require|import)\s*\(\s*['"]([^'"\n]+)['"])"#,
    )
});
static ALWAYS_EQUAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"def\s+__(?:eq|ge|le|contains|instancecheck)__\s*\([^)]*\)[^:\n]*:\s*return\s+True\b|\bboolean\s+equals\s*\([^)]*\)\s*\{\s*return\s+true\s*;|\bbool\s+Equals\s*\([^)]*\)\s*(?:\{\s*return\s+true\s*;|=>\s*true\s*;)|\bfn\s+eq\s*\([^)]*\)\s*->\s*bool\s*\{\s*true\s*\}|\boperator\s*==\s*\([^)]*\)\s*(?:const)?\s*(?:noexcept)?\s*\{\s*return\s+true\s*;|\bdef\s+==\s*\(?\s*\w+\s*\)?\s*;?\s*true\b|\bfunc\s+==\s*\([^)]*\)\s*->\s*Bool\s*\{\s*(?:return\s+)?true\s*\}|\boverride\s+fun\s+equals\s*\([^)]*\)[^={\n]*(?:=\s*true\b|\{\s*return\s+true\b)",
    )
});
static WATCHED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)
        defined\?\s*\(?\s*(?:RSpec|Minitest|Test::Unit) | \btypeof\s+(?:jest|vi|describe|it|test|expect)\b | \bglobal(?:This)?\.(?:jest|vi|describe|expect)\b
        | (?:inspect\.stack|sys\._getframe|\bcaller(?:_locations)?\b|getStackTrace|StackTrace|Error\(\)\.stack|debug_backtrace|runtime\.Caller|Thread\.callStackSymbols)[^\n]*(?i:test|junit|spec)
        | (?i:test|spec)[^\n]*(?:inspect\.stack|sys\._getframe|getStackTrace|Error\(\)\.stack|debug_backtrace|runtime\.Caller)
        | \bMix\.env\(?\)?\s*==\s*:test | NSClassFromString\s*\(\s*"XC | ['"]FLUTTER_TEST['"] | \bXCTestConfigurationFilePath\b
        | \b(?:if|unless|when|any|Any|&&|\|\||\?)[^\n]*["'][^"'\n]*(?i:junit|testng|xunit|nunit|mstest|phpunit|pytest|rspec|\bjest\b|mocha|vitest)[^"'\n]*["']
        "#,
    )
});
/// A condition that is nothing but the comparison with a whole list, an address, a sentence, a long number: what a test feeds, and what a rule
/// of the trade seldom is.
static ONE_INPUT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)\b(?:if|elif|elsif|when|unless)\b
        (?: \s*\(?\s*[\w.$&*@]+(?:\[\w*\])?\s*(?:===?|\beq\b|\bis\b|\.equals\s*\(|\.eql\?\s*\(?)\s*(?: \[[^\]\n]*\w[^\]\n]*\] | \([^()\n]*,[^()\n]*\) | (?:vec!|&)\[[^\]\n]*\w[^\]\n]*\] | "[^"\n]*(?:://|@|\ |\d)[^"\n]*" | '[^'\n]*(?:://|@|\ |\d)[^'\n]*' | \d{4,}\b )\s*\)?\s*\)?\s*(?:[:{\n]|then\b|return\b|$)
        | [^\n]*?\[\d+\]\s*===?\s*[\w"'.-]+ [^\n]*?(?:&&|\band\b|[)\s:{]) )"#,
    )
});
static ANSWER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"^(?:[^\n]*?[:{)\n]\s*)??\s*(?:\breturn\b\s*|=>\s*|\bthen\s+)(?:"[^"\n]*"|'[^'\n]*'|-?\d[\w.]*|true|false|True|False|None|null|nil|\[[^\]\n]*\]|\{[^}\n]*\}|Some\([^)\n]*\)|Ok\([^)\n]*\))\s*(?:[;}\n]|$)"#,
    )
});

fn fresh<'a>(before: Option<&Source<'_>>, after: &'a Source<'_>) -> Vec<(usize, &'a str)> {
    let known: std::collections::HashSet<&str> = before.map_or("", |source| source.masked.uncommented.as_str()).lines().map(str::trim).collect();
    let mut at = 0;
    let mut lines = Vec::new();
    for line in after.masked.uncommented.split_inclusive('\n') {
        if !line.trim().is_empty() && !known.contains(line.trim()) {
            lines.push((at, line));
        }
        at += line.len();
    }
    lines
}

/// New mocks in a test file that stand for what its assertions ask.
pub(super) fn mocked(before: &Source<'_>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    let asserted: Vec<String> = before.assertions(0..before.text.len()).into_iter().map(|assertion| assertion.text).collect();
    let called = |name: &str| {
        let call = |text: &str| {
            text.match_indices(name).any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') && text[at + name.len()..].starts_with('('))
        };
        asserted.iter().any(|text| call(text)) || before.tests.iter().any(|test| call(&before.masked.code[test.body.clone()]))
    };
    for (at, line) in fresh(Some(before), after) {
        let module = MODULE_MOCK.captures(line).and_then(|hit| hit.get(1)).is_some_and(|target| {
            IMPORTED.captures_iter(before.text).any(|hit| {
                let (names, from) = (hit.get(1).or_else(|| hit.get(3)), hit.get(2).or_else(|| hit.get(4)));
                let names = names.map_or("", |names| names.as_str());
                from.is_some_and(|from| from.as_str() == target.as_str())
                    && names.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').any(|name| !name.is_empty() && called(name))
            })
        });
        // Only what the test names itself is its subject: `patch('url.socket.getaddrinfo')` is what lies behind it.
        let named = NAME_MOCK.captures(line).and_then(|hit| hit.iter().skip(1).flatten().next()).is_some_and(|name| called(name.as_str()));
        if module || named {
            findings.push(
                Finding::new(Rule::SubjectMocked, Severity::NeedsApproval, after.path, after.line(at), "what the test asserts would be answered by a mock")
                    .with(None, Some(line.trim())),
            );
        }
    }
}

/// Production code that answers one input, or every comparison, by heart.
pub(super) fn special(before: Option<&Source<'_>>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    let mut add = |at: usize, severity, message: &str| {
        findings.push(Finding::new(Rule::TestSpecialCased, severity, after.path, after.line(at), message).with(None, Some(after.line_text(at))));
    };
    let count = |source: &Source<'_>| ALWAYS_EQUAL.find_iter(&source.masked.code).count();
    if count(after) > before.map_or(0, count)
        && let Some(hit) = ALWAYS_EQUAL.find_iter(&after.masked.code).last()
    {
        add(hit.start(), Severity::Refuse, "everything would be equal to it");
    }
    for (at, line) in fresh(before, after) {
        if after.owner(at).is_some() {
            continue;
        }
        if WATCHED.is_match(line) {
            add(at, Severity::NeedsApproval, "production code seems to ask whether it is being tested");
        } else if let Some(hit) = ONE_INPUT.find(line) {
            let rest: String = after.masked.uncommented[at + hit.end()..].split_inclusive('\n').take(2).collect();
            if before.is_some() && ANSWER.is_match(&rest) {
                add(at, Severity::NeedsApproval, "one input gets an answer of its own");
            }
        }
    }
}
