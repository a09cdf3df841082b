//! What the failing tests really got, read out of a log's excerpt.

use std::sync::LazyLock;

use regex::Regex;

use super::Evidence;
use super::tests_found::pattern;

/// A value: a quoted string, a bracketed one, a number or a word.
macro_rules! value {
    () => {
        r#"("(?:[^"\\\n]|\\.){0,200}"|'(?:[^'\\\n]|\\.){0,200}'|`[^`\n]{0,200}`|[\[{(][^\n]{0,200}?[\])}]|-?[\w.+-]{1,80})"#
    };
}

/// One format of a runner, the group being what was got.
const FORMATS: &[&str] = &[
    // Rust's assert_eq!: the left side, and the right one; which of them is the expectation is the author's choice.
    concat!(r"^\s*left:\s*", value!(), r"\s*,?\s*$"),
    concat!(r"^\s*right:\s*", value!(), r"\s*,?\s*$"),
    // pytest's introspection: `assert 3 == 4`.
    concat!(r"^(?:E\s+)?(?:AssertionError:\s*)?assert\s+", value!(), r"\s*(?:==|is|>=?|<=?|in)\s"),
    // unittest: `AssertionError: 3 != 4`.
    concat!(r"AssertionError:\s*", value!(), r"\s*(?:!=|not\s|is\s|==)"),
    // Jest, Vitest, Chai, Minitest, PHPUnit, xUnit, NUnit, GoogleTest's neighbours.
    concat!(r"(?i)\b(?:received|actual(?:ly)?|but\s+(?:it\s+)?was|got)(?:\s+value)?\s*[:=]?\s*", value!()),
    r"(?i)expected:?\s*<[^>\n]{0,200}>\s*but\s+was:?\s*<([^>\n]{0,200})>",
    r"(?i)expected:?\s*\[[^\]\n]{0,200}\]\s*but\s+(?:found|was):?\s*\[([^\]\n]{0,200})\]",
    concat!(r"(?i)failed asserting that\s+", value!(), r"\s+(?:is|matches|equals)"),
    concat!(r"(?i)expected\s+", value!(), r"\s+to\s+(?:be|equal|deeply|strictly|loosely|match|contain|have)"),
    // GoogleTest: `Which is: 3`.
    concat!(r"^\s*Which is:\s*", value!()),
    // Go: `got 3, want 4`, `= 3, want 4`, `got = 3`.
    concat!(r"(?:\bgot|=)\s*[:=]?\s*", value!(), r"\s*[,;]\s*(?:want|wanted|expected)"),
];

/// Longer lines, and more lines than this, are not read.
const MOST_LINE: usize = 2_000;
const MOST_LINES: usize = 5_000;
const MOST_VALUES: usize = 200;

impl Evidence {
    /// The values that failing tests got, out of a log's excerpt: as runners write them, and bounded. What is read wrongly only makes a
    /// change of an expectation into that very value be refused in place of being asked about.
    #[must_use]
    pub fn from_log(log: &str) -> Self {
        static COMPILED: LazyLock<Vec<Regex>> = LazyLock::new(|| FORMATS.iter().map(|text| pattern(text)).collect());
        let mut actual_values: Vec<String> = Vec::new();
        for line in log.lines().take(MOST_LINES).filter(|line| line.len() <= MOST_LINE) {
            for value in COMPILED.iter().filter_map(|regex| regex.captures(line)).filter_map(|hit| hit.get(1)) {
                let value = value.as_str().trim().trim_end_matches(['.', ',', ';']);
                let word = value.chars().all(|c| c.is_alphabetic())
                    && !matches!(value, "true" | "false" | "True" | "False" | "nil" | "null" | "None" | "undefined" | "NaN");
                if !value.is_empty() && !word && !actual_values.iter().any(|known| known == value) && actual_values.len() < MOST_VALUES {
                    actual_values.push(value.to_owned());
                }
            }
        }
        Self { actual_values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_test_got_is_read_as_runners_write_it() {
        let cases = [
            ("  left: 4\n right: 5", &["4", "5"][..]),
            ("E       assert 3 == 4\nE        +  where 3 = add(1, 2)", &["3"]),
            ("AssertionError: 3 != 4", &["3"]),
            ("    Expected: 4\n    Received: 3", &["3"]),
            ("    a_test.go:9: got 3, want 4", &["3"]),
            ("    a_test.go:9: Add(1, 2) = 3, want 4", &["3"]),
            ("org.opentest4j.AssertionFailedError: expected: <4> but was: <3>", &["3"]),
            ("  expected: 4\n       got: 3", &["3"]),
            ("  Expected: \"a b\"\n    Actual: \"c d\"", &["\"c d\""]),
            ("Failed asserting that 3 matches expected 4.", &["3"]),
            ("AssertionError: expected 3 to equal 4", &["3"]),
            ("Expected equality of these values:\n  add(1, 2)\n    Which is: 3\n  4", &["3"]),
            ("  Expected: 4\n  But was:  3", &["3"]),
            ("error: the server was not reached\nnothing to see", &[]),
        ];
        for (log, values) in cases {
            assert_eq!(Evidence::from_log(log).actual_values, values, "{log}");
        }
    }
}
