//! Patterns: the filter patterns of workflows and branch rules, and a loose form for faults.

use regex::Regex;

/// Whether a GitHub filter pattern matches: `*` stops at `/`, `**` does not, `?` and `+` repeat the character before, `[]` is a class, `\` takes
/// the next character as it stands.
pub fn filter(pattern: &str, text: &str) -> bool {
    let mut out = String::from("^");
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("**/") {
            out.push_str("(.*/)?");
            rest = after;
        } else if let Some(after) = rest.strip_prefix("**") {
            out.push_str(".*");
            rest = after;
        } else {
            match character {
                '*' => out.push_str("[^/]*"),
                '?' | '+' => out.push(character),
                // A class is taken over as it stands; GitHub's and the regular expression's are the same.
                '[' => {
                    let end = rest.find(']').map_or(rest.len(), |at| at + 1);
                    out.push_str(&rest[..end]);
                    rest = &rest[end..];
                    continue;
                }
                '\\' => {
                    let literal = rest.chars().nth(1).unwrap_or('\\');
                    out.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
                    rest = rest.get(1 + literal.len_utf8()..).unwrap_or_default();
                    continue;
                }
                other => out.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
            rest = &rest[character.len_utf8()..];
        }
    }
    out.push('$');
    Regex::new(&out).is_ok_and(|regex| regex.is_match(text))
}

/// Whether an ordered list of patterns takes the text in: later patterns win, `!` takes out again.
pub(crate) fn filter_list<S: AsRef<str>>(patterns: &[S], text: &str) -> bool {
    let mut taken = false;
    for pattern in patterns {
        let pattern = pattern.as_ref();
        if let Some(negative) = pattern.strip_prefix('!') {
            if filter(negative, text) {
                taken = false;
            }
        } else if filter(pattern, text) {
            taken = true;
        }
    }
    taken
}

/// Whether a loose pattern matches: only `*` is special, and it matches anything.
pub(crate) fn loose(pattern: &str, text: &str) -> bool {
    let parts: Vec<String> = pattern.split('*').map(regex::escape).collect();
    Regex::new(&format!("^{}$", parts.join(".*"))).is_ok_and(|regex| regex.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_patterns_match_as_documented() {
        for (pattern, text, expected) in [
            ("feature/*", "feature/a", true),
            ("feature/*", "feature/a/b", false),
            ("feature/**", "feature/a/b", true),
            ("**", "agent-fix/a/b-1", true),
            ("*", "main", true),
            ("*", "a/b", false),
            ("v[12].[0-9]+", "v1.10", true),
            ("v[12].[0-9]+", "v3.1", false),
            ("**/docs/**", "docs/hello.md", true),
            ("**.js", "src/a/b.js", true),
            ("*.jsx?", "page.js", true),
            ("main", "main2", false),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            (r"a\", r"a\", true),
        ] {
            assert_eq!(filter(pattern, text), expected, "{pattern} on {text}");
        }
        assert!(filter_list(&["**", "!agent-fix/**"], "x"));
        assert!(!filter_list(&["**", "!agent-fix/**"], "agent-fix/x"));
        assert!(loose("/repos/*/logs", "/repos/o/r/actions/jobs/1/logs"));
    }
}
