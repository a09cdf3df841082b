//! What tests, assertions and skips look like in the languages whose tests are told by one pattern and one shape each.
//!
//! The patterns follow the documentation of the frameworks that are usual in a language. They see code only (strings are blank), save
//! those in [`Dialect::told`].

use std::sync::LazyLock;

use regex::Regex;

use super::tests_found::{Test, closing, pattern};
use crate::domain::source::lexer::{Language, Masked};

/// How far a test reaches from its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Up to the bracket that closes the first `{` behind the head.
    Brace,
    /// The head ends with `(`: up to its `)`, and the block behind it where there is one.
    Call,
    /// Up to the next line that is indented no deeper.
    Indent,
    /// Up to an `end` at the head's own indentation.
    End,
    /// The head begins with `(`: up to its `)`.
    List,
    /// Up to a full stop at the end of a line.
    Stop,
}

/// One language's habits.
struct Dialect {
    languages: &'static [Language],
    /// Heads of tests; the group is the name. Only in files that a runner collects.
    tests: &'static [(&'static str, Shape)],
    assertion: &'static str,
    skips: &'static [&'static str],
    /// Skips that stand in strings.
    told: &'static [&'static str],
}

const DIALECTS: &[Dialect] = &[
    // GoogleTest, Catch2, doctest, Boost.Test, Unity, Check, Criterion, XCTest in Objective-C.
    Dialect {
        languages: &[Language::C],
        tests: &[
            (
                r"\b(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P|TEST_CASE|TEST_CASE_METHOD|TEMPLATE_TEST_CASE|SCENARIO|SUBCASE|BOOST_\w*TEST_CASE|START_TEST|Test|ParameterizedTest)\s*\(([^)\n]*)\)",
                Shape::Brace,
            ),
            (r"(?m)^(?:static\s+)?void\s+(test_?\w*)\s*\(", Shape::Brace),
            (r"(?m)^-\s*\(void\)\s*(test\w*)", Shape::Brace),
        ],
        assertion: r"\b(?:EXPECT|ASSERT)_\w+\s*\(|\b(?:REQUIRE|CHECK|BOOST_(?:CHECK|REQUIRE|TEST))(?:_\w+)?\s*\(|\b(?:ADD_)?FAIL(?:URE)?\s*\(|\bTEST_(?:ASSERT|FAIL)\w*\s*\(|\bXCT(?:Assert|Fail|Unwrap)\w*\s*\(|\bck_assert\w*\s*\(|\bcr_\w+\s*\(|\bassert\w*\s*\(",
        skips: &[
            r"\bGTEST_SKIP\b",
            r"\bDISABLED_\w+",
            r"\bXCTSkip\w*",
            r"\bTEST_IGNORE\w*",
            r"\bSKIP\s*\(",
            r"\bdoctest::(?:skip|may_fail|should_fail|expected_failures)",
            r"\bboost::unit_test::disabled|\bdisabled\s*\(\)",
            r"\.disabled\s*=",
            r"\bXCTExpectFailure",
        ],
        told: &[r#""[^"\n]*\[(?:\.[\w-]*|!(?:hide|mayfail|shouldfail)\w*)\][^"\n]*""#],
    },
    // XCTest, Swift Testing.
    Dialect {
        languages: &[Language::Swift],
        tests: &[
            (r"(?m)^[ \t]*(?:@\w+(?:\([^)\n]*\))?\s+)*(?:\w+\s+)*func\s+(test\w*)\s*\(", Shape::Brace),
            (r"@Test\b(?:\([^\n]*?\))?\s+(?:@\w+(?:\([^)\n]*\))?\s+)*(?:\w+\s+)*func\s+(\w+|`[^`\n]*`)\s*\(", Shape::Brace),
        ],
        assertion: r"\bXCT(?:Assert|Fail|Unwrap)\w*\s*\(|#expect\s*\(|#require\s*\(|\bIssue\.record\s*\(|\bexpect\s*\(",
        skips: &[
            r"\bXCTSkip\w*",
            r"\bXCTExpectFailure\b",
            r"\bwithKnownIssue\b",
            r"\.disabled\s*\(|\.disabled\b",
            r"\.enabled\s*\(\s*if:",
            r"(?m)^\s*(?:xit|fit|pending|xdescribe|fdescribe)\s*\(",
        ],
        told: &[],
    },
    Dialect {
        languages: &[Language::Dart],
        tests: &[(r"\b(?:test|testWidgets|testGoldens|blocTest(?:<[^>\n]*>)?)\s*\(", Shape::Call)],
        assertion: r"\bexpect\w*\s*\(|\bverify\w*\s*\(|\bfail\s*\(",
        skips: &[r"\bskip\s*:\s*[^\s,)]", r"@Skip\b", r"\bsolo(?:Test|Group)?\s*\(|\bsolo\s*:\s*true", r"\bmarkTestSkipped\s*\("],
        told: &[],
    },
    Dialect {
        languages: &[Language::Elixir],
        tests: &[(r#"(?m)^[ \t]*(?:test|property|feature)[ \t(]+("[^"\n]*")"#, Shape::End)],
        assertion: r"\b(?:assert|refute|flunk)\w*\b",
        skips: &[r"@(?:module|describe)?tag\s*:?\s*(?:skip|\[\s*skip)", r"@(?:module|describe)?tag\s+:?(?:skip|pending|wip)\b"],
        told: &[],
    },
    Dialect {
        languages: &[Language::Erlang],
        tests: &[(r"(?m)^(\w+_test_?)\s*\(\s*\)\s*->", Shape::Stop)],
        assertion: r"\?_?assert\w*\s*\(|\bct:fail\s*\(",
        skips: &[r"\{\s*skip\b", r"\bskip_\w+"],
        told: &[],
    },
    // ScalaTest in its styles, MUnit, specs2, ZIO Test; JUnit is found with Java's.
    Dialect {
        languages: &[Language::Scala],
        tests: &[
            (r#"\b(?:test|it|they|property|scenario|Scenario|Property|ignore)\s*\("#, Shape::Call),
            (r#"(?m)^[ \t]*((?:"[^"\n]*"|it|they)[ \t]+(?:should|must|can)[ \t]+"[^"\n]*")[ \t]+(?:taggedAs\b[^{\n]*)?(?:in|ignore|is)\b"#, Shape::Brace),
            (r#"(?m)^[ \t]*("[^"\n]*")[ \t]+(?:in|ignore)[ \t]*\{"#, Shape::Brace),
        ],
        assertion: r"\bassert\w*\s*[(\[{]|\b(?:should|must)(?:Be|Equal|Not\w*)?\b|\bintercept\s*\[|\b(?:the|an?)\s*\[[^\]\n]*\]\s*should|\bfail\s*\(|\bverify\w*\s*\(",
        skips: &[
            r#"(?m)\bignore\s*\(|"[ \t]+ignore\b"#,
            r#""\s*\.\s*(?:ignore|only|fail|flaky)\b"#,
            r"\bpending\b|\bcancel\s*\(",
            r"\bassume\s*\(",
            r"@Ignore\b",
            r"\bTestAspect\.(?:ignore|only|flaky)|@@\s*(?:ignore|flaky)",
        ],
        told: &[],
    },
    // Spock; JUnit is found with Java's.
    Dialect {
        languages: &[Language::Groovy],
        tests: &[(r#"\b(?:def|void)\s+("[^"\n]*"|'[^'\n]*'|test\w*)\s*\("#, Shape::Brace)],
        assertion: r"(?m)\bassert\w*\b|\b(?:not)?[tT]hrown\s*\(|\bnoExceptionThrown\s*\(|\bverify\w*\s*\(|^[^\n=!<>]*[^\s=!<>][^\n=!<>]*\s(?:===?|!=|>=|<=|<|>|in)\s[^\n]*$|^\s*(?:\d+|\(\d+\.\.[\d_]+\)|_)\s*\*\s*\w[^\n]*$",
        skips: &[r"@(?:Ignore\w*|Requires|PendingFeature\w*|IgnoreRest|Disabled\w*|Retry)\b"],
        told: &[],
    },
    // Hspec, Tasty, HUnit, QuickCheck.
    Dialect {
        languages: &[Language::Haskell],
        tests: &[(r#"\b(?:[xf]?it|[xf]?prop|[xf]?specify|testCase|testProperty|testCaseSteps)\s+("[^"\n]*")"#, Shape::Indent)],
        assertion: r"(?m)^[^\n]*(?:`should\w+`|@\?=|@=\?|@\?|\bassert\w+\b|\bexpectationFailure\b|===)[^\n]*$",
        skips: &[r"\b(?:x(?:it|describe|prop|specify|context)|f(?:it|describe|prop|specify|context)|pending(?:With)?|ignoreTest\w*|expectFail\w*)\b"],
        told: &[],
    },
    // busted, LuaUnit.
    Dialect {
        languages: &[Language::Lua],
        tests: &[(r"\b(?:it|test|spec|pending)\s*\(", Shape::Call), (r"(?m)^[ \t]*function\s+([\w.:]*[tT]est\w*)\s*\(", Shape::End)],
        assertion: r"\bassert(?:\.\w+)*\s*\(|\b(?:luaunit|lu)\.assert\w*\s*\(|\bassert[A-Z]\w*\s*\(",
        skips: &[r"\bpending\s*\(", r"\b(?:luaunit|lu)\.skip\w*\s*\("],
        told: &[r##"["'][^"'\n]*#(?:skip|only|wip)"##],
    },
    // Test::More and its kin.
    Dialect {
        languages: &[Language::Perl],
        tests: &[(r#"\bsubtest\s*\(?\s*('[^'\n]*'|"[^"\n]*")"#, Shape::Brace)],
        assertion: r"\b(?:ok|is|isnt|like|unlike|is_deeply|cmp_ok|can_ok|isa_ok|throws_ok|dies_ok|lives_ok|lives_and|fail|eq_or_diff|cmp_deeply)\s*\(",
        skips: &[r"\bskip_all\b", r"\bskip\s*[( ]", r"\$TODO\b|\bTODO\s*:\s*\{", r"\btodo_skip\b|\btodo\s*\("],
        told: &[],
    },
    Dialect {
        languages: &[Language::R],
        tests: &[(r"\b(?:test_that|it)\s*\(", Shape::Call)],
        assertion: r"\bexpect_\w+\s*\(|\bstopifnot\s*\(|\bcheck(?:Equals|True|Exception)\w*\s*\(",
        skips: &[r"\bskip(?:_\w+)?\s*\("],
        told: &[],
    },
    Dialect {
        languages: &[Language::Julia],
        tests: &[(r#"(?m)^[ \t]*@testset\s+(?:\w+\s+)*("[^"\n]*")"#, Shape::End)],
        assertion: r"@test\w*",
        skips: &[r"@test_(?:skip|broken)\b", r"\b(?:skip|broken)\s*=\s*[^\s=]"],
        told: &[],
    },
    Dialect {
        languages: &[Language::Clojure],
        tests: &[(r"\(deftest\s+(?:\^\S+\s+)*([^\s()]+)", Shape::List), (r"\(defspec\s+([^\s()]+)", Shape::List)],
        assertion: r"\((?:is|are)\s",
        skips: &[r"\^:?\{?:?(?:skip|kaocha/skip|kaocha/pending|pending|ignore)\b", r"#_\s*\((?:deftest|is|testing)"],
        told: &[],
    },
    // Forge.
    Dialect {
        languages: &[Language::Solidity],
        tests: &[(r"\bfunction\s+((?:test|invariant|check)\w*)\s*\(", Shape::Brace)],
        assertion: r"\bassert\w*\s*\(|\bvm\.expect\w+\s*\(|\brequire\s*\(|\bfail\s*\(",
        skips: &[r"\bvm\.skip\s*\(", r"\bvm\.assume\s*\(\s*false"],
        told: &[],
    },
    Dialect {
        languages: &[Language::Zig],
        tests: &[(r#"\btest\s+("[^"\n]*"|\w+)\s*\{"#, Shape::Brace)],
        assertion: r"\b(?:std\.)?(?:testing\.)?expect\w*\s*\(",
        skips: &[r"error\.SkipZigTest\b"],
        told: &[],
    },
    // Pester.
    Dialect {
        languages: &[Language::PowerShell],
        tests: &[(r#"(?i)\bIt\s+(?:-Name\s+)?("[^"\n]*"|'[^'\n]*')"#, Shape::Brace)],
        assertion: r"(?im)^[^\n]*\|\s*Should\b[^\n]*$|\bAssert-\w+|\bShould\s+-Invoke\b",
        skips: &[r"(?i)\s-(?:Skip|Pending)\b", r"(?i)\bSet-ItResult\b"],
        told: &[],
    },
    Dialect {
        languages: &[Language::Nim],
        tests: &[(r#"(?m)^[ \t]*test\s+("[^"\n]*")"#, Shape::Indent)],
        assertion: r"(?m)^\s*(?:check|require|doAssert|expect|assert)\b",
        skips: &[r"(?m)^\s*skip\s*\(?\)?"],
        told: &[],
    },
    // xUnit, NUnit, Expecto.
    Dialect {
        languages: &[Language::FSharp],
        tests: &[
            (
                r"\[<\s*(?:Fact|Theory|Test|Property|TestCase)\b[^\n]*>\]\s*(?:\[<[^\n]*>\]\s*)*(?:let|member\s+\w+\.)\s*(?:\w+\.)?(``[^`\n]*``|\w+)",
                Shape::Indent,
            ),
            (r#"\b(?:[pf]?test(?:Case|Property)?(?:Async)?)\s+("[^"\n]*")"#, Shape::Indent),
        ],
        assertion: r"\bAssert\.\w+|\|>\s*should\b|\bExpect\.\w+|=!|<>!|\btest\s*<@",
        skips: &[r"\bSkip\s*=", r"\[<\s*Ignore\b", r"\b[pf]test(?:Case|Property|List)?(?:Async)?\b"],
        told: &[],
    },
    // Bats, shunit2.
    Dialect {
        languages: &[Language::Shell],
        tests: &[(r#"(?m)^@test\s+("[^"\n]*"|'[^'\n]*')"#, Shape::Brace), (r"(?m)^(?:function\s+)?(test\w*)\s*\(\)", Shape::Brace)],
        assertion: r"(?m)^\s*(?:\[\[?|test)\s[^\n]*$|\b(?:assert|refute)\w*\b",
        skips: &[r"(?m)^\s*skip\b", r"\bstartSkipping\b"],
        told: &[],
    },
    // Kotest beside JUnit, which is found with Java's.
    Dialect {
        languages: &[Language::Kotlin],
        tests: &[(r"(?m)^[ \t]*(?:x?(?:test|it|should|expect|scenario))\s*\(", Shape::Call)],
        assertion: r"",
        skips: &[],
        told: &[],
    },
];

struct Compiled {
    tests: Vec<(Regex, Shape)>,
    assertion: Option<Regex>,
    skips: Vec<Regex>,
    told: Vec<Regex>,
}

static COMPILED: LazyLock<Vec<(&'static [Language], Compiled)>> = LazyLock::new(|| {
    let all = |texts: &[&str]| texts.iter().map(|text| pattern(text)).collect();
    let of = |dialect: &'static Dialect| {
        let tests = dialect.tests.iter().map(|(head, shape)| (pattern(head), *shape)).collect();
        let assertion = (!dialect.assertion.is_empty()).then(|| pattern(dialect.assertion));
        (dialect.languages, Compiled { tests, assertion, skips: all(dialect.skips), told: all(dialect.told) })
    };
    DIALECTS.iter().map(of).collect()
});

fn of(language: Language) -> Option<&'static Compiled> {
    COMPILED.iter().find(|(languages, _)| languages.contains(&language)).map(|(_, compiled)| compiled)
}

/// What asserts, where a dialect says it.
pub(super) fn assertion(language: Language) -> Option<&'static Regex> {
    of(language)?.assertion.as_ref()
}

/// Skips, focuses and expected failures.
pub(super) fn skips(language: Language) -> &'static [Regex] {
    of(language).map_or(&[], |dialect| &dialect.skips)
}

/// The same, where they stand in strings.
pub(super) fn told(language: Language) -> &'static [Regex] {
    of(language).map_or(&[], |dialect| &dialect.told)
}

/// The tests of a file that a runner collects.
pub(super) fn tests(language: Language, masked: &Masked, text: &str) -> Vec<Test> {
    let Some(dialect) = of(language) else { return Vec::new() };
    let code = &masked.code;
    let mut tests: Vec<Test> = Vec::new();
    for (regex, shape) in &dialect.tests {
        for hit in regex.captures_iter(code) {
            let Some(all) = hit.get(0) else { continue };
            let Some(body) = reach(code, all.range(), *shape) else { continue };
            let start = all.start() + code[all.start()..].find(|c: char| !c.is_whitespace()).unwrap_or(0);
            let start = attributes(code, start).min(start);
            let name = hit.get(1).map_or_else(|| first_argument(text, all.end()), |name| &text[name.range()]);
            let name = name.trim_matches(['"', '\'', '`']).to_owned();
            tests.push(Test { name, range: start..body.end.max(all.end()), body });
        }
    }
    tests.sort_by_key(|test| test.range.start);
    // Two patterns may see one test.
    tests.dedup_by(|b, a| a.body == b.body);
    tests
}

/// The first argument of the call that opens right before `at`.
fn first_argument(text: &str, at: usize) -> &str {
    let rest = text[at..].trim_start();
    match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest[1..].split(quote).next().unwrap_or(""),
        _ => rest.split([',', ')', '\n']).next().unwrap_or(""),
    }
}

fn line_start(code: &str, at: usize) -> usize {
    code[..at].rfind('\n').map_or(0, |at| at + 1)
}

/// The body of a test whose head is at `head`.
fn reach(code: &str, head: std::ops::Range<usize>, shape: Shape) -> Option<std::ops::Range<usize>> {
    let margin = || {
        let line = &code[line_start(code, head.start + code[head.start..].find(|c: char| !c.is_whitespace()).unwrap_or(0))..];
        line.len() - line.trim_start_matches([' ', '\t']).len()
    };
    let lines_until = |ends: &dyn Fn(&str, usize) -> bool, inclusive: bool| {
        let first = code[head.end..].find('\n').map_or(code.len(), |offset| head.end + offset + 1);
        let mut end = first;
        for line in code[first..].split_inclusive('\n') {
            let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
            if ends(line.trim(), indent) {
                return if inclusive { end + line.len() } else { end };
            }
            end += line.len();
        }
        end
    };
    match shape {
        Shape::Brace => {
            // The head may hold the brace itself, or parameters before it.
            let inside = code[head.clone()].ends_with('{');
            let from = if inside { head.end - 1 } else { head.end };
            let open = from + code[from..].find('{')?;
            let between = &code[from..open];
            (!between.contains(';') && between.len() < 400).then(|| open..closing(code, open))
        }
        Shape::Call => {
            let open = head.end - 1;
            let end = closing(code, open);
            let behind = code[end..].trim_start_matches([' ', '\t']);
            let brace = end + (code[end..].len() - behind.len());
            Some(open..if behind.starts_with('{') { closing(code, brace) } else { end })
        }
        Shape::Indent => {
            let margin = margin();
            Some(head.end..lines_until(&|line, indent| !line.is_empty() && indent <= margin, false))
        }
        Shape::End => {
            let margin = margin();
            Some(head.end..lines_until(&|line, indent| indent == margin && line.starts_with("end"), true))
        }
        Shape::List => Some(head.end..closing(code, head.start)),
        Shape::Stop => {
            let end = code[head.end..].find(".\n").map_or(code.len(), |offset| head.end + offset + 1);
            Some(head.end..end)
        }
    }
}

/// Where the annotations on the lines above `at` begin.
fn attributes(code: &str, at: usize) -> usize {
    let mut start = line_start(code, at);
    while start > 0 {
        let above = line_start(code, start - 1);
        let line = code[above..start].trim();
        if !(line.starts_with('@') || line.starts_with("[<") || line.starts_with("#[")) || line.starts_with("@test ") {
            break;
        }
        start = above;
    }
    start
}
