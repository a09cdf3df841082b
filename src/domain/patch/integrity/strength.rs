//! How much an assertion demands, and whether another in its place demands less.

use std::sync::LazyLock;

use regex::Regex;

use super::tests_found::{Assertion, pattern};

/// What replaced an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The same demand, or a stronger one.
    Fine,
    /// It can no longer fail.
    Vacuous,
    /// It demands less.
    Weaker,
    /// The same comparison with a wider tolerance.
    Tolerance,
    /// The same demand of another value.
    Expected,
    /// The call under test is gone from it.
    Subject,
}

static APPROXIMATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)closeTo|almost|approx|inDelta|inEpsilon|isclose|allclose|be_within|abs_diff|relative_eq|ulps_eq|withinPercent|offset\(|BeApproximately|\.Within\(|tolerance|WithDelta|delta\s*=|_NEAR\b|(?:FLOAT|DOUBLE)_EQ|accuracy|\bAbsEq|assertApproxEq|Approx\w*\(|WithinAbs|WithinRel|≈",
    )
});
static NEGATED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"assert_ne\b|[nN]otEqual\w*|NotSame|\.not\b|\bnot_to\b|\bto_not\b|\brefute|AreNotEqual|[nN]otStrictEqual|\bassert\s+not\b|assert!\(\s*!|assertFalse|!=|\bwont_|isNotEqualTo|shouldNot\w*|\bshould\s+not\b|_NE\b|XCTAssertNot\w+|XCTAssertFalse|\bare_not\b|\bis_not\b|\bisNot\w*|-Not\b|\bisnt\b|\bunlike\b|\bis\s+not\b|/=|not=",
    )
});
static EXACT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"assert_eq!|_eq!|\bassert\w*Equals?\w*\s*\(|assertSame|toBe\(|toEqual|toStrictEqual|toMatchObject|\bEqual\w*\s*\(|AreEqual|AreSame|===?|\beq\b|\beql\b|must_equal|[dD]eepEqual|assert_equal|[sS]trictEqual|isEqualTo|shouldBe\b|CalledWith|called_with|called_once_with|[mM]atchSnapshot|InlineSnapshot|[sS]napshot|toThrow\w*\(\s*[^\s)]|assertRaises|pytest\.raises|assertThrows|Throws|raise_error|expectException|assert_matches|matches!|toHaveLength|assertCount|\.Be\(|BeEquivalentTo|containsExactly|toHaveBeenCalledTimes|\bt\.is\(|assertNull|assertNone|assertIsNone|toBeNull|toBeUndefined|be_nil|IsNull|assertArrayEquals|\bNil\(|NoError|_(?:STR)?(?:CASE)?EQ\b|_THROW\b|_DEATH\b|XCTAssertEqual|XCTAssertNil|XCTAssertIdentical|TEST_ASSERT_(?:EQUAL|NULL)|_EQUAL\b|_THROWS_(?:AS|WITH)|are\.(?:equal|same)|assert\.(?:same|equals?|is_nil)|expect_(?:identical|null|snapshot)|expect_error\([^()]*(?:\([^()]*\))?[^()]*,|@\?=|@=\?|`shouldBe`|`shouldReturn`|`shouldThrow`|\bequals\(|finds(?:OneWidget|Nothing|NWidgets|Exactly)|\bisNull\b|assertEq\b|expectEqual\w*|is_deeply|\bis\(|-(?:Be|BeExactly)\b|throws[A-Z]\w*|throwsA|assert_raise|\?_?assert(?:Equal|Match|Error|Exception)|expectRevert\(\s*[^\s)]|\s-(?:eq|ne)\s|assert_output|thrown\?|\(=\s|\bassert\s[^=\n]*\bis\b",
    )
});
static PARTIAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"toContain|assertIn\b|assertNotIn\b|[cC]ontains|includes?\b|toMatch\(|assertRegex|[gG]reater|[lL]ess|startsWith|starts_with|endsWith|hasSize|hasItem|expect\.any|\bin\b|[^=\-]>|<[^=]?\s|toHaveProperty|hasProperty|toBeInstanceOf|isinstance|assertIsInstance|assertInstanceOf|IsType|be_a\b|kind_of|_(?:LT|LE|GT|GE)\b|\bassert(?:Gt|Ge|Lt|Le)\b|expect_(?:gte?|lte?|match|type|length|s3_class)|\bisa\b|-(?:Match|Contain|BeLike|BeGreater\w*|BeLess\w*|BeOfType)|\bisA<|\bhave\b",
    )
});
static BROAD_ERROR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:raises|assertRaises\w*|assertThrows|Throws\w*|raise_error|expectException)\W*(?:Base)?(?:Exception|Throwable|StandardError|Error)?(?:\.class|::class)?\s*(?:[,)>]|$)",
    )
});
static LITERAL_TRUTH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)
        \bassert\s+(?:True|1|not\s+False)\s*(?:$|,) | assert!\(\s*true\b\s*[,)] | (?:assert|assert\.ok|ok|assertTrue|assert_true|IsTrue|True)\s*\(\s*(?:true|True|1|!0)\s*[,)]
        | expect\(\s*(?:true|!0|1)\s*\)\s*\.(?:toBe\(\s*(?:true|1)\s*\)|toBeTruthy|toEqual\(\s*(?:true|1)|to\.be\.true|to\s+(?:be|eq)|toBeDefined)
        | \|\|\s*true\b | \bor\s+(?:True|true|1)\b | \bassert\s+true\b | &&\s*false\b | refute\s+false\b | assertFalse\(\s*(?:false|False)\s*[,)]
        | (?:EXPECT|ASSERT)_TRUE\(\s*(?:true|1)\s*\) | (?:CHECK|REQUIRE|XCTAssert|XCTAssertTrue|expect_true|\#expect|TEST_ASSERT(?:_TRUE)?)\(\s*(?:true|TRUE|1)\s*[,)]
        | assertBool\s+"[^"]*"\s+True | \?assert\(\s*true\s*\) | @test\s+true\b | \(is\s+true\) | ^true\s*\|\s*Should
        "#,
    )
});
static LITERALS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|\b\d[\w.]*|\b(?:true|false|True|False|None|null|nil|undefined)\b"#));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"));
static TRUTH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:[\w.]*\b)?((?:XCT)?assert_?(?:true|false|equals?|same|eq)|(?:EXPECT|ASSERT)_(?:TRUE|FALSE|EQ)|AreEqual|IsTrue|IsFalse|Equal|True|False|expect_(?:true|false|equal))\s*\(",
    )
});
static THROWN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)throw|raise|error|exception|revert"));
static CALLS: LazyLock<Regex> = LazyLock::new(|| pattern(r"([A-Za-z_]\w*)\s*\("));
static CALLEE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\W*([\w.:>\-]+!?)"));

/// 0 cannot fail · 1 something is there · 2 part of it · 3 about this · 4 exactly this.
pub(super) fn rank(assertion: &Assertion) -> u8 {
    if is_vacuous(assertion) {
        return 0;
    }
    // Strings are blank here: a message cannot pass for a comparison.
    let code = assertion.code.as_str();
    // Go asserts by the condition under which it complains: the demand is its opposite.
    if let Some(condition) = code.strip_prefix("if ").and_then(|rest| rest.split('{').next()) {
        let last = condition.rsplit(';').next().unwrap_or(condition).trim();
        return match () {
            () if last.contains("!=") => 4,
            () if last.starts_with('!') => 3,
            () => 2,
        };
    }
    if APPROXIMATE.is_match(code) {
        3
    } else if BROAD_ERROR.is_match(code) {
        1
    } else if NEGATED.is_match(code) {
        2
    } else if EXACT.is_match(code) {
        4
    } else if PARTIAL.is_match(code) {
        2
    } else {
        1
    }
}

/// It is true whatever the code under test does.
pub(super) fn is_vacuous(assertion: &Assertion) -> bool {
    LITERAL_TRUTH.is_match(&assertion.code) || compares_with_itself(assertion)
}

fn compares_with_itself(assertion: &Assertion) -> bool {
    let text = assertion.text.trim();
    if NEGATED.is_match(&assertion.code) {
        return false;
    }
    // `assert a == a`
    for operator in ["===", "=="] {
        if let Some((left, right)) = text.split_once(operator) {
            let left = left.trim().trim_start_matches("assert").trim_start_matches('!').trim_start_matches('(').trim();
            let right = right.split(',').next().unwrap_or("").trim().trim_end_matches(')').trim();
            return !left.is_empty() && left == right;
        }
    }
    let Some(open) = text.find('(') else { return false };
    let end = super::tests_found::closing(text, open);
    let arguments = split_arguments(super::tests_found::within(text, open));
    // `assertEqual(a, a)`, after a receiver such as Go's `t`.
    let arguments: Vec<&str> = arguments.into_iter().filter(|argument| !matches!(*argument, "t" | "")).collect();
    if let [a, b, ..] = arguments.as_slice()
        && EXACT.is_match(&assertion.code)
    {
        return a == b;
    }
    // `expect(a).toBe(a)`
    let rest = &text[end.min(text.len())..];
    let Some(second) = rest.find('(') else { return false };
    let value = super::tests_found::within(rest, second);
    arguments.len() == 1 && EXACT.is_match(&assertion.code) && arguments[0] == value.trim()
}

/// Split at commas outside brackets and strings.
pub(super) fn split_arguments(text: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start) = (0_i32, None, 0);
    let mut arguments = Vec::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                arguments.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    arguments.push(text[start..].trim());
    if arguments.last() == Some(&"") {
        arguments.pop();
    }
    arguments
}

/// The literals of an assertion, in order.
pub(super) fn literals(assertion: &Assertion) -> Vec<&str> {
    LITERALS.find_iter(essence(&assertion.text)).map(|literal| literal.as_str()).collect()
}

/// The literals of a line, in order.
pub(super) fn literals_in(line: &str) -> Vec<&str> {
    LITERALS.find_iter(line).map(|literal| literal.as_str()).collect()
}

/// Whether `more` holds all of `few`, as often and in their order.
pub(super) fn has_all(more: &[&str], few: &[&str]) -> bool {
    let mut more = more.iter();
    few.iter().all(|literal| more.any(|other| other == literal))
}

/// An assertion without the message that it shows on failure.
fn essence(text: &str) -> &str {
    let end_of = |start: usize, count: usize| {
        let arguments = split_arguments(&text[start..]);
        // The arguments are slices of `text`, so their place in it is known.
        arguments.get(..count).and_then(<[&str]>::last).map_or(text.len(), |last| last.as_ptr() as usize + last.len() - text.as_ptr() as usize)
    };
    if text.starts_with("if ") {
        return text.split('{').next().unwrap_or(text);
    }
    if let Some(rest) = text.strip_prefix("assert ") {
        return &text[..end_of(text.len() - rest.len(), 1)];
    }
    for (name, count) in [("assert!(", 1), ("assert_eq!(", 2), ("assert_ne!(", 2), ("assert_matches!(", 2)] {
        if let Some(rest) = text.strip_prefix(name) {
            return &text[..end_of(text.len() - rest.len(), count).min(text.len())];
        }
    }
    text
}

fn callee(assertion: &Assertion) -> &str {
    CALLEE.captures(&assertion.code).and_then(|found| found.get(1)).map_or("", |callee| callee.as_str())
}

/// What became of `before` when `after` took its place.
pub(super) fn compare(before: &Assertion, after: &Assertion) -> Change {
    if says_truth(before, after) {
        return Change::Fine;
    }
    let (old, new) = (rank(before), rank(after));
    if new == 0 && old > 0 {
        return Change::Vacuous;
    }
    if new < old {
        return Change::Weaker;
    }
    if old == 3 && new == 3 {
        if widened(before, after) {
            return Change::Tolerance;
        }
        let (old, new) = (literals(before), literals(after));
        if old.len() == new.len() && old.len() > 1 && old[..old.len() - 1] == new[..new.len() - 1] {
            return Change::Fine;
        }
    }
    // Ranks are coarse: within one, a turned comparison is another demand.
    let turned = NEGATED.is_match(&before.code) != NEGATED.is_match(&after.code);
    let calls = |assertion: &Assertion| -> Vec<String> {
        CALLS.captures_iter(&assertion.code).filter_map(|found| found.get(1).map(|name| name.as_str().to_owned())).collect()
    };
    let (old_calls, new_calls) = (calls(before), calls(after));
    let own = |name: &String| EXACT.is_match(&format!("{name}(")) || name.to_ascii_lowercase().contains("assert") || name == "expect" || name.starts_with("to");
    if old_calls.iter().any(|name| !own(name)) && !new_calls.iter().any(|name| !own(name)) {
        return Change::Subject;
    }
    // An error that is asked for more closely: the same literals, and others that the message or a field must have.
    let closer = THROWN.is_match(&before.code) && THROWN.is_match(&after.code) && !after.code.contains("||") && !after.code.contains(" or ");
    if new == old && closer && !turned && has_all(&literals(after), &literals(before)) {
        return Change::Fine;
    }
    if new == old && (turned || literals(before) != literals(after)) {
        return Change::Expected;
    }
    Change::Fine
}

/// `assertEqual(x, false)` and `assertFalse(x)` demand the same, and so the other way round.
fn says_truth(before: &Assertion, after: &Assertion) -> bool {
    let truth = |assertion: &Assertion| -> Option<(bool, String)> {
        let hit = TRUTH.captures(&assertion.code)?;
        let open = hit.get(0)?.end() - 1;
        let arguments = split_arguments(super::tests_found::within(&assertion.text, open.min(assertion.text.len().saturating_sub(1))));
        let name = hit[1].to_ascii_lowercase();
        let literal = |text: &str| matches!(text.to_ascii_lowercase().as_str(), "true" | "false");
        let (said, subject) = if name.ends_with("true") || name.ends_with("false") {
            (name.ends_with("true"), *arguments.first()?)
        } else {
            let said = arguments.iter().find(|argument| literal(argument))?;
            (said.eq_ignore_ascii_case("true"), *arguments.iter().find(|argument| !literal(argument))?)
        };
        Some((said, subject.to_owned()))
    };
    before.code.len() == before.text.len() && after.code.len() == after.text.len() && truth(before).is_some_and(|old| truth(after) == Some(old))
}

/// A tolerance grew, or the number of places shrank.
fn widened(before: &Assertion, after: &Assertion) -> bool {
    let last = |assertion: &Assertion| NUMBER.find_iter(&assertion.text).last().and_then(|number| number.as_str().parse::<f64>().ok());
    // `1 ether`, `2 * EPSILON`: what is no plain number can't be compared, and is taken for wider where it differs.
    let argument = |assertion: &Assertion| -> Option<String> {
        let open = assertion.text.rfind('(')?;
        split_arguments(super::tests_found::within(&assertion.text, open)).last().map(|last| (*last).to_owned())
    };
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'_'));
    if let (Some(old), Some(new)) = (argument(before), argument(after))
        && plain(&old) != plain(&new)
        && NUMBER.is_match(&old)
        && NUMBER.is_match(&new)
    {
        return true;
    }
    let (Some(old), Some(new)) = (last(before), last(after)) else {
        return NUMBER.find_iter(&before.text).count() != NUMBER.find_iter(&after.text).count();
    };
    // `closeTo(x, 5)` and `places=5` count digits: fewer is wider.
    let places =
        before.code.contains("toBeCloseTo") || before.code.contains("places") || (before.code.contains("AlmostEqual") && !before.code.contains("delta"));
    if places { new < old } else { new > old }
}

/// Which of `candidates` most likely took the place of `before`.
pub(super) fn counterpart(before: &Assertion, candidates: &[Assertion]) -> Option<usize> {
    let words = |assertion: &Assertion| -> std::collections::BTreeSet<String> {
        assertion.text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let own = words(before);
    candidates
        .iter()
        .enumerate()
        .max_by_key(|(at, candidate)| {
            let common = own.intersection(&words(candidate)).count();
            (common, callee(before) == callee(candidate), std::cmp::Reverse(*at))
        })
        .map(|(at, _)| at)
}
