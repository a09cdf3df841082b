//! Hostile text on its way to a reader.

use crate::domain::source::text::is_invisible;

/// Cuts to at most `max` characters, with an ellipsis where something was cut.
pub fn bounded(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

/// Whether a character could deceive a reader: controls, and all that is not seen ([`is_invisible`]). The two separators of Unicode end a
/// line, as blanks do, and hide nothing.
pub fn deceptive(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || (is_invisible(c) && !matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Replaces what could deceive a reader or a terminal; line ends stay. The selector that only makes an emoji of a sign is left out: a mark in
/// its place would stand beside every second check mark of a log.
pub fn visible(text: &str) -> String {
    text.chars().filter(|c| *c != '\u{fe0f}').map(|c| if deceptive(c) { '\u{fffd}' } else { c }).collect()
}

/// One line: line ends become spaces.
pub fn line(text: &str, max: usize) -> String {
    let joined = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    bounded(&joined, max)
}

/// Plain words within Markdown: no markup, no HTML, no mention, no link, no issue reference.
pub fn markdown(text: &str, max: usize) -> String {
    let mut out = String::new();
    for c in line(text, max).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Entities, since a backslash does not keep GitHub from making mentions and references.
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '!' | '|' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    // A bare address would become a link.
    out.replace("://", ":&#47;&#47;").replace("www.", "www&#46;")
}

/// A code span that nothing within can leave.
pub fn code(text: &str, max: usize) -> String {
    let text = line(text, max);
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A code block that nothing within can leave.
pub fn block(text: &str, language: &str, max: usize) -> String {
    let text = bounded(&visible(text), max);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n'))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Slack's three control characters, and no mention that a channel would hear.
pub fn slack(text: &str, max: usize) -> String {
    let text = line(text, max).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // `@here` and the like are only heard in angle brackets, which are gone; what is left is broken for good measure.
    text.replace('@', "@\u{2060}").replace('`', "'").replace('*', "∗")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_becomes_markup() {
        for (text, expected) in [
            ("@octocat see #12", "&#64;octocat see &#35;12"),
            ("<img src=x> [a](http://b)", "&lt;img src=x&gt; \\[a\\]\\(http:&#47;&#47;b\\)"),
            ("a\nb\u{1b}[31mc", "a b\u{fffd}\\[31mc"),
        ] {
            assert_eq!(markdown(text, 100), expected);
        }
        assert_eq!(code("a``b", 10), "```a``b```");
        assert_eq!(code("`", 10), "`` ` ``");
        assert!(block("x\n````\ny", "", 100).starts_with("`````\n"));
        assert_eq!(slack("<!channel> & `x`", 50), "&lt;!channel&gt; &amp; 'x'");
    }

    proptest! {
        #[test]
        fn a_block_can_not_be_left(text in "[`\n a]{0,60}") {
            let shown = block(&text, "", 1000);
            let fence: String = shown.chars().take_while(|c| *c == '`').collect();
            let inner = &shown[fence.len()..shown.len() - fence.len()];
            prop_assert!(!inner.contains(&fence));
        }

        #[test]
        fn no_control_character_survives(text in "\\PC*|[\u{0}-\u{1f}\u{7f}\u{202e}a]{0,40}") {
            for shown in [markdown(&text, 200), slack(&text, 200), code(&text, 200)] {
                prop_assert!(!shown.chars().any(|c| deceptive(c) && c != '\u{2060}'), "{shown:?}");
            }
        }
    }
}
