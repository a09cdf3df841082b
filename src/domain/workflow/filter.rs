//! GitHub's filter patterns for branches and tags.
//!
//! `*` any but `/`, `**` anything, `?` and `+` repeat the character before them, `[]` a class, `\` takes the next character
//! literally. <https://docs.github.com/actions/reference/workflow-syntax-for-github-actions#filter-pattern-cheat-sheet>

use regex::Regex;

/// Longest pattern that is read, in bytes; a branch's name has at most 255.
const MAX_PATTERN: usize = 1_000;

/// Whether the pattern matches the name; nothing where the cheat sheet does not say what the pattern means.
pub fn matches(pattern: &str, name: &str) -> Option<bool> {
    if pattern.len() > MAX_PATTERN {
        return None;
    }
    Some(Regex::new(&translate(pattern)?).ok()?.is_match(name))
}

/// Whether an ordered list takes the name in: the last pattern that matches decides, a leading `!` excludes. A pattern that is not
/// understood takes in, and excludes nothing.
pub fn selects(patterns: &[String], name: &str) -> bool {
    patterns.iter().fold(false, |selected, pattern| match pattern.strip_prefix('!') {
        Some(excluded) => selected && matches(excluded, name) != Some(true),
        None => selected || matches(pattern, name) != Some(false),
    })
}

/// Whether a list of patterns to ignore leaves the name out. A pattern that is not understood ignores nothing.
pub fn ignores(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name) == Some(true))
}

fn translate(pattern: &str) -> Option<String> {
    let mut out = String::from(r"(?s)\A");
    let mut chars = pattern.chars().peekable();
    // Whether one character stands before, that `?` or `+` can repeat.
    let mut repeatable = false;
    while let Some(c) = chars.next() {
        match c {
            '*' => {
                repeatable = false;
                if chars.next_if_eq(&'*').is_none() {
                    out.push_str("[^/]*");
                } else if chars.next_if_eq(&'/').is_some() {
                    // `**/x` also matches `x` at the top.
                    out.push_str("(?:.*/)?");
                } else {
                    out.push_str(".*");
                }
            }
            '?' | '+' => {
                if !repeatable {
                    return None;
                }
                out.push(c);
                repeatable = false;
            }
            '[' => {
                out.push_str(&class(&mut chars)?);
                repeatable = true;
            }
            '\\' => {
                out.push_str(&regex::escape(chars.next()?.encode_utf8(&mut [0; 4])));
                repeatable = true;
            }
            c => {
                out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
                repeatable = true;
            }
        }
    }
    out.push_str(r"\z");
    Some(out)
}

/// The class behind a `[`: letters, digits, and ranges of them, which is all that the cheat sheet allows.
fn class(chars: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut out = String::from("[");
    let mut last = None;
    for c in chars {
        match c {
            ']' if last.is_some_and(|last| last != '-') => {
                out.push(']');
                return Some(out);
            }
            '-' if last.is_some_and(|last| last != '-') => {}
            c if c.is_ascii_alphanumeric() => {}
            _ => return None,
        }
        out.push(c);
        last = Some(c);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_follow_the_cheat_sheet() {
        for (pattern, name, expected) in [
            ("main", "main", true),
            ("main", "mainly", false),
            ("feature/*", "feature/a", true),
            ("feature/*", "feature/a/b", false),
            ("feature/**", "feature/a/b", true),
            ("*", "a/b", false),
            ("**", "a/b", true),
            ("**-fix", "team/x-fix", true),
            ("v[12].[0-9]+.x", "v1.25.x", true),
            ("v[12].[0-9]+.x", "v3.2.x", false),
            ("*.jsx?", "page.js", true),
            ("*.jsx?", "page.jsx", true),
            (r"a\+b", "a+b", true),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            (r"\!main", "!main", true),
            ("**/docs/**", "docs/a.md", true),
            ("dependabot/**", "dependabot/npm/x-1.2", true),
            ("a.c", "abc", false),
        ] {
            assert_eq!(matches(pattern, name), Some(expected), "{pattern} {name}");
        }
    }

    #[test]
    fn what_the_cheat_sheet_does_not_say_takes_in_and_excludes_nothing() {
        for pattern in ["release/[", "[]", "[^a]", "[!a]", "[a-]", "[-a]", "[a.b]", "[a&&b]", "+a", "**+", "a??", "[z-a]", "x\\", &"a".repeat(MAX_PATTERN + 1)]
        {
            assert_eq!(matches(pattern, "main"), None, "{pattern}");
            assert!(selects(&[pattern.to_owned()], "main"), "{pattern}");
            assert!(selects(&["main".to_owned(), format!("!{pattern}")], "main"), "{pattern}");
            assert!(!ignores(&[pattern.to_owned()], "main"), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn any_pattern_is_answered(pattern in "[a-z*?+!/\\[\\]\\\\.^&~-]{0,20}", name in "[a-z/.-]{0,20}") {
            let _ = matches(&pattern, &name);
        }

        #[test]
        fn a_plain_name_matches_only_itself(a in "[a-z0-9/_.-]{1,20}", b in "[a-z0-9/_.-]{1,20}") {
            prop_assert_eq!(matches(&a, &a), Some(true));
            prop_assert_eq!(matches(&a, &b), Some(a == b));
        }

        #[test]
        fn an_escaped_name_matches_only_itself(name in "[a-z*?+!/\\[\\].-]{1,20}", other in "[a-z*?+!/\\[\\].-]{1,20}") {
            let escaped: String = name.chars().flat_map(|c| ['\\', c]).collect();
            prop_assert_eq!(matches(&escaped, &name), Some(true));
            prop_assert_eq!(matches(&escaped, &other), Some(name == other));
        }
    }
}
