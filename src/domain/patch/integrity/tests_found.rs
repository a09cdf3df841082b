//! Finds the tests of a source and the assertions in them.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::dialects;
use crate::domain::source::lexer::{Language, Masked, mask};

/// A constant pattern; every one of them is compiled by the tests.
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern, compiled by the tests")
}

/// A source with what is known about it.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub path: &'a str,
    pub language: Language,
    pub text: &'a str,
    pub masked: Masked,
    /// The tests that a runner would collect from it.
    pub tests: Vec<Test>,
}

/// One test.
#[derive(Debug, Clone)]
pub(super) struct Test {
    /// Its name; repeated names are numbered.
    pub name: String,
    /// Attributes, head and body.
    pub range: Range<usize>,
    /// The body.
    pub body: Range<usize>,
}

/// One assertion.
#[derive(Debug, Clone)]
pub(super) struct Assertion {
    /// As written, blanks folded.
    pub text: String,
    /// With strings blanked, blanks folded.
    pub code: String,
    /// Offset in the source.
    pub at: usize,
}

impl<'a> Source<'a> {
    pub fn new(path: &'a str, text: &'a str) -> Self {
        let language = Language::of(path);
        let masked = mask(language, text);
        let tests = numbered(tests(path, language, text, &masked));
        Self { path, language, text, masked, tests }
    }

    pub fn line(&self, at: usize) -> usize {
        self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    pub fn line_text(&self, at: usize) -> &'a str {
        let at = at.min(self.text.len());
        let start = self.text[..at].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[at..].find('\n').map_or(self.text.len(), |offset| at + offset);
        self.text[start..end].trim()
    }

    /// The test that an offset belongs to, or that follows it within its attributes.
    pub fn owner(&self, at: usize) -> Option<&Test> {
        self.tests.iter().filter(|test| test.range.contains(&at)).min_by_key(|test| test.range.len())
    }

    pub fn assertions(&self, range: Range<usize>) -> Vec<Assertion> {
        let Some(regex) = assertion_pattern(self.language) else { return Vec::new() };
        let code = &self.masked.code[range.clone()];
        let mut found: Vec<Assertion> = Vec::new();
        let mut end = 0;
        for hit in regex.find_iter(code) {
            // `expect(a).toBe(assertHelper())` is one assertion.
            if hit.start() < end {
                continue;
            }
            // What the pattern needs before the word (a line start, a colon) is not part of it.
            let start = hit.start() + hit.as_str().find(|c: char| !c.is_whitespace() && !matches!(c, ';' | ':')).unwrap_or(0);
            end = statement_end(code, start).max(hit.end());
            let span = range.start + start..range.start + end;
            found.push(Assertion { text: folded(&self.text[span.clone()]), code: folded(&self.masked.code[span.clone()]), at: span.start });
        }
        found
    }
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches([';', ',']).to_owned()
}

/// Where the statement that starts at `start` ends: a `;` or a line break outside brackets that no
/// `.` continues, or the bracket that closes around it.
fn statement_end(code: &str, start: usize) -> usize {
    let bytes = code.as_bytes();
    let mut depth = 0_i32;
    // Go asserts by a condition around a report: the whole block is the assertion.
    if code[start..].starts_with("if ")
        && let Some(open) = code[start..].find('{')
    {
        return closing(code, start + open);
    }
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth -= 1;
                if depth < 0 {
                    return at;
                }
            }
            b';' if depth == 0 => return at,
            b'\n' if depth == 0 => {
                let next = code[at..].trim_start();
                if !(next.starts_with('.') || next.starts_with("?.") || next.starts_with("->") || code[..at].trim_end().ends_with('\\')) {
                    return at;
                }
            }
            _ => {}
        }
    }
    code.len()
}

fn numbered(mut tests: Vec<Test>) -> Vec<Test> {
    let mut seen: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for test in &mut tests {
        let count = seen.entry(test.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            test.name = format!("{}#{count}", test.name);
        }
    }
    tests
}

/// The end (exclusive) of the bracket that opens at `open`.
pub(super) fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_i32;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth -= 1;
                if depth <= 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// What stands between the bracket at `open` and the one that closes it, or the end of the text.
pub(super) fn within(code: &str, open: usize) -> &str {
    let end = closing(code, open);
    let inner = &code[open + 1..end];
    if end > open + 1 { inner.strip_suffix([')', ']', '}']).unwrap_or(inner) } else { "" }
}

/// Where the attributes before `at` begin: behind the last `;`, `{` or `}` outside brackets.
fn attributes_start(code: &str, at: usize) -> usize {
    let mut depth = 0_i32;
    for (index, byte) in code.as_bytes()[..at].iter().enumerate().rev() {
        match byte {
            b')' | b']' => depth += 1,
            b'(' | b'[' => depth -= 1,
            b';' | b'{' | b'}' if depth <= 0 => return index + 1,
            _ => {}
        }
    }
    0
}

fn tests(path: &str, language: Language, text: &str, masked: &Masked) -> Vec<Test> {
    // Where runners collect by path, a test elsewhere is not a test.
    let collected = crate::domain::source::files::is_test(path);
    match language {
        Language::Rust => attributed(&RUST_FN, &RUST_MARK, None, masked, text),
        Language::Java => attributed(&JAVA_FN, &JAVA_MARK, None, masked, text)
            .into_iter()
            .chain(if collected { attributed(&JUNIT3, &ALWAYS, None, masked, text) } else { Vec::new() })
            .collect(),
        Language::Kotlin => {
            let mut tests = attributed(&KOTLIN_FN, &JAVA_MARK, None, masked, text);
            tests.extend(if collected { dialects::tests(language, masked, text) } else { Vec::new() });
            tests.sort_by_key(|test| test.range.start);
            tests
        }
        Language::Scala | Language::Groovy => {
            let mut tests = attributed(&JAVA_FN, &JAVA_MARK, None, masked, text);
            tests.extend(if collected { dialects::tests(language, masked, text) } else { Vec::new() });
            tests.sort_by_key(|test| test.range.start);
            tests
        }
        // Zig's tests stand beside what they test.
        Language::Zig => dialects::tests(language, masked, text),
        Language::CSharp => attributed(&JAVA_FN, &CSHARP_MARK, None, masked, text),
        Language::Php if collected => {
            let mut tests = attributed(&PHP_FN, &PHP_MARK, Some(&PHP_DOC), masked, text);
            tests.extend(calls(&PEST, masked, text));
            tests.sort_by_key(|test| test.range.start);
            tests
        }
        Language::Python if collected => python(masked),
        Language::JavaScript if collected => calls(&JS_TEST, masked, text),
        Language::Go if collected => {
            let mut tests = attributed(&GO_FN, &ALWAYS, None, masked, text);
            tests.extend(calls(&GO_RUN, masked, text));
            tests.sort_by_key(|test| test.range.start);
            tests
        }
        Language::Ruby if collected => ruby(masked, text),
        other if collected => dialects::tests(other, masked, text),
        _ => Vec::new(),
    }
}

static ALWAYS: LazyLock<Regex> = LazyLock::new(|| pattern(""));
static RUST_FN: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bfn\s+(\w+)\s*(?:<[^>{]*>)?\s*\("));
static RUST_MARK: LazyLock<Regex> = LazyLock::new(|| pattern(r"#\[\s*(?:[\w:]+::)?(?:test|rstest|test_case|quickcheck|wasm_bindgen_test|case)\b"));
static JAVA_FN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)\b(?:void|Task|ValueTask|[A-Z][\w<>, ]*)\s+(\w+)\s*\("));
static JUNIT3: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bpublic\s+void\s+(test\w*)\s*\("));
static JAVA_MARK: LazyLock<Regex> = LazyLock::new(|| pattern(r"@(?:Test|ParameterizedTest|RepeatedTest|TestFactory|Property)\b"));
static KOTLIN_FN: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bfun\s+(`[^`\n]*`|\w+)\s*\("));
static CSHARP_MARK: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[\s*(?:Fact|Theory|Test|TestMethod|TestCase|DataTestMethod)\b"));
static PHP_FN: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bfunction\s+(\w+)\s*\("));
static PHP_MARK: LazyLock<Regex> = LazyLock::new(|| pattern(r"#\[\s*Test\b|function\s+test"));
static PHP_DOC: LazyLock<Regex> = LazyLock::new(|| pattern(r"@test\b"));
static PEST: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^\s*(?:it|test)\s*\("));
static GO_FN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^func\s+((?:Test|Benchmark|Fuzz|Example)\w*)\s*\("));
static GO_RUN: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b\w+\.Run\s*\("));
static JS_TEST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:^|[^\w.$])(?:x|f)?(?:it|test|specify)(?:\s*\.\s*(?:each|only|skip|todo|concurrent|failing|fails|fixme|sequential|skipIf|runIf))*\s*(?:`[^`]*`)?\s*\(",
    )
});
static CHAINED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*->\s*\w+\s*\("));
static PY_DEF: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^([ \t]*)(?:async[ \t]+)?def[ \t]+(test\w*)[ \t]*\("));
static RUBY_TEST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?m)^([ \t]*)(?:(?:x|f)?(?:it|specify|scenario|example)|test|should|pending|skip)\b[ \t]*[\(]?[ \t]*[^\n]*?(?:\bdo\b|\{)|^([ \t]*)def[ \t]+(test_\w+)",
    )
});

/// Functions whose attributes (or head) say that they are tests.
fn attributed(head: &Regex, mark: &Regex, doc: Option<&Regex>, masked: &Masked, text: &str) -> Vec<Test> {
    let code = &masked.code;
    let mut tests = Vec::new();
    for hit in head.captures_iter(code) {
        let (Some(all), Some(name)) = (hit.get(0), hit.get(1)) else { continue };
        let start = attributes_start(code, all.start());
        let marked = mark.is_match(&code[start..all.end()]) || doc.is_some_and(|doc| doc.is_match(&masked.comments[start..all.start()]));
        if !marked {
            continue;
        }
        let parameters = closing(code, all.end() - 1);
        let rest = &code[parameters..];
        let brace = rest.find('{');
        let stop = rest.find([';', '=']);
        let body = match (brace, stop) {
            // `=> value;` and `= value`: an expression is the body.
            (brace, Some(stop)) if brace.is_none_or(|brace| stop < brace) => {
                let from = parameters + stop;
                let value = from + code[from..].find(|c: char| !matches!(c, '=' | '>' | ' ' | '\n')).unwrap_or(0);
                from..statement_end(code, value)
            }
            (Some(brace), _) => parameters + brace..closing(code, parameters + brace),
            _ => continue,
        };
        let first = start + code[start..].find(|c: char| !c.is_whitespace()).unwrap_or(0);
        tests.push(Test { name: text[name.range()].to_owned(), range: first.min(all.start())..body.end, body });
    }
    tests
}

/// `it("name", …)` and its kin.
fn calls(head: &Regex, masked: &Masked, text: &str) -> Vec<Test> {
    let code = &masked.code;
    let mut tests = Vec::new();
    for hit in head.find_iter(code) {
        let start = hit.start() + code[hit.start()..].find(|c: char| c.is_alphabetic()).unwrap_or(0);
        let mut open = hit.end() - 1;
        let mut end = closing(code, open);
        // `it.each([…])("name", …)`: the test is the second call.
        let behind = code[end..].trim_start();
        if behind.starts_with('(') {
            open = end + (code[end..].len() - behind.len());
            end = closing(code, open);
        }
        let inner = text[open + 1..end].trim_start();
        let name = match inner.as_bytes().first() {
            Some(quote @ (b'"' | b'\'' | b'`')) => inner[1..].split(char::from(*quote)).next().unwrap_or("").to_owned(),
            // A call whose first argument is not a name is not a test.
            Some(_) => inner.split([',', ')']).next().unwrap_or("").trim().to_owned(),
            None => continue,
        };
        // Pest hangs a test's cases on behind: `->with([…])`.
        let mut chained = end;
        while let Some(call) = CHAINED.find(&code[chained..]) {
            chained = closing(code, chained + call.end() - 1);
        }
        tests.push(Test { name: folded(&name), range: start..chained, body: open..end });
    }
    tests
}

fn python(masked: &Masked) -> Vec<Test> {
    let code = &masked.code;
    let mut tests = Vec::new();
    for hit in PY_DEF.captures_iter(code) {
        let (Some(all), Some(margin), Some(name)) = (hit.get(0), hit.get(1), hit.get(2)) else { continue };
        let head_end = closing(code, all.end() - 1);
        let body_start = code[head_end..].find('\n').map_or(code.len(), |offset| head_end + offset);
        let mut end = body_start;
        for line in code[body_start..].split_inclusive('\n') {
            let indent = line.len() - line.trim_start().len();
            if !line.trim().is_empty() && indent <= margin.len() {
                break;
            }
            end += line.len();
        }
        tests.push(Test { name: name.as_str().to_owned(), range: decorators(code, all.start(), margin.len())..end, body: head_end..end });
    }
    tests
}

/// The first of the decorator lines above `at`.
fn decorators(code: &str, at: usize, margin: usize) -> usize {
    let mut first = at;
    let mut end = at;
    while end > 0 {
        let start = code[..end - 1].rfind('\n').map_or(0, |at| at + 1);
        let line = &code[start..end];
        let indent = line.len() - line.trim_start().len();
        let word = line.trim();
        if word.is_empty() || indent < margin || (indent == margin && !word.starts_with(['@', ')', ']', '}'])) {
            break;
        }
        if indent == margin && word.starts_with('@') {
            first = start;
        }
        end = start;
    }
    first
}

fn ruby(masked: &Masked, text: &str) -> Vec<Test> {
    let code = &masked.code;
    let mut tests = Vec::new();
    for hit in RUBY_TEST.captures_iter(code) {
        let Some(all) = hit.get(0) else { continue };
        let margin = hit.get(1).or_else(|| hit.get(2)).map_or("", |margin| margin.as_str());
        let head = &text[all.range()];
        let name = hit.get(3).map_or_else(
            || {
                let quoted = head.find(['"', '\'']).map(|at| (head.as_bytes()[at], &head[at + 1..]));
                quoted.map_or_else(|| folded(head), |(quote, rest)| rest.split(char::from(quote)).next().unwrap_or("").to_owned())
            },
            |name| name.as_str().to_owned(),
        );
        let line_end = code[all.end()..].find('\n').map_or(code.len(), |offset| all.end() + offset);
        let single = head.ends_with('{') && code[all.end()..line_end].contains('}');
        let mut end = line_end;
        if !single {
            for line in code[line_end..].split_inclusive('\n') {
                end += line.len();
                let indent = &line[..line.len() - line.trim_start().len()];
                let word = line.trim();
                if indent.trim_matches('\n') == margin && (word == "end" || word.starts_with("end ") || word.starts_with("end.") || word == "}") {
                    break;
                }
            }
        }
        tests.push(Test { name, range: all.start()..end.min(code.len()), body: all.end()..end.min(code.len()) });
    }
    tests
}

pub(super) fn assertion_pattern(language: Language) -> Option<&'static Regex> {
    static RUST: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:debug_)?(?:prop_)?assert\w*!|\.expect_err\(|\.unwrap_err\(|\bpanic!|\bunreachable!"));
    static PYTHON: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?m)(?:^|[;:])\s*assert\b|\bself\.(?:assert\w+|fail)\s*\(|\bpytest\.(?:raises|fail|warns)\s*\(|\.assert_\w+\s*\(|\b(?:np|numpy|npt|pd|torch)\.testing\.assert\w+\s*\(|\bassert_\w+\s*\(",
        )
    });
    static JS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\bexpect\w*\s*\(|\bassert\w*(?:\.\w+)*\s*\(|\.should\b|\bt\.(?:is|not|deepEqual|true|false|truthy|falsy|throws\w*|equal|ok|like|regex|snapshot|same|fail)\s*\(",
        )
    });
    static GO: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"\bif\s[^{}\n]*\{\s*[tbf]\.(?:Error|Fatal)|\b[tbf]\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\s*\(|\b(?:assert|require|is|should)\.\w+\s*\(")
    });
    static JAVA: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"\b(?:Assert(?:ions)?\.)?(?:assert\w*|fail|verify\w*|expectThrows)\s*(?:<[^>]*>\s*)?[\({]|\bshould\w*\b|\bexpect\s*\("));
    static CSHARP: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b\w*Assert\.\w+|\.Should\s*\(|\.Verify\w*\s*\(|\.Received\w*\s*\("));
    static RUBY: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"\b(?:assert|refute)\w*|\bexpect\b\s*[\({]|\bis_expected\b|\.must_\w+|\.wont_\w+|\.should\b|\bflunk\b"));
    static PHP: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:->|::)(?:assert\w+|expectException\w*|fail)\s*\(|\bexpect\s*\(|\bassert\s*\("));
    match language {
        Language::Rust => Some(&RUST),
        Language::Python => Some(&PYTHON),
        Language::JavaScript => Some(&JS),
        Language::Go => Some(&GO),
        Language::Java | Language::Kotlin => Some(&JAVA),
        Language::CSharp => Some(&CSHARP),
        Language::Ruby => Some(&RUBY),
        Language::Php => Some(&PHP),
        other => dialects::assertion(other),
    }
}
