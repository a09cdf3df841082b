//! Characters that people do not see, and the escape sequences of terminals: one table and one reader of each, for every room that needs them.

use std::borrow::Cow;

/// Bytes of one control sequence (`ESC [ … m`) at most; terminals take fewer.
const LONGEST_SEQUENCE: usize = 64;

/// Characters that are not seen: joiners, directional marks, variation selectors, annotations, tags. Some file systems drop them from names,
/// and all of them make one text look like another. The line and paragraph separators are among them.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xad | 0x034f | 0x061c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
        | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

/// Bytes of the colour, or of the erasing of a line, that `bytes` begins with: `ESC [ 1;31 m`, `ESC [ K`. None where it begins with neither.
/// Format: ECMA-48, SGR and EL.
#[must_use]
pub fn colour(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"\x1b[")?;
    let digits = rest.iter().take(LONGEST_SEQUENCE).take_while(|b| b.is_ascii_digit() || matches!(b, b';' | b':')).count();
    matches!(rest.get(digits), Some(b'm' | b'K')).then_some(digits + 3)
}

/// Bytes of the escape sequence that `bytes` begins with, whatever it would do: a control sequence, an operating-system command or another
/// string up to its terminator or the end of its line, or a lone escape with its letter. None where no escape stands.
/// Format: ECMA-48, 5.3 to 5.6.
#[must_use]
pub fn sequence(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"\x1b")?;
    let length = match rest.first() {
        Some(b'[') => {
            let body = rest[1..].iter().take(LONGEST_SEQUENCE).take_while(|b| (0x20..=0x3f).contains(*b)).count();
            1 + body + usize::from(rest.get(1 + body).is_some_and(|b| (0x40..=0x7e).contains(b)))
        }
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            let end = rest.iter().position(|b| matches!(b, 0x07 | 0x1b | b'\n')).unwrap_or(rest.len());
            match rest.get(end..) {
                Some([0x07, ..]) => end + 1,
                Some([0x1b, b'\\', ..]) => end + 2,
                _ => end,
            }
        }
        Some(0x20..=0x2f) => {
            let between = rest.iter().take(4).take_while(|b| (0x20..=0x2f).contains(*b)).count();
            between + usize::from(rest.get(between).is_some_and(|b| (0x30..=0x7e).contains(b)))
        }
        Some(0x30..=0x7e) => 1,
        _ => 0,
    };
    Some(1 + length)
}

/// The text without colours; other escapes stay.
#[must_use]
pub fn uncoloured(text: &str) -> Cow<'_, str> {
    without(text, colour)
}

/// The text without any escape sequence.
#[must_use]
pub fn unescaped(text: &str) -> Cow<'_, str> {
    without(text, sequence)
}

fn without(text: &str, length: impl Fn(&[u8]) -> Option<usize>) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match length(rest.as_bytes()) {
            // A sequence is of ASCII, but a string in one need not be: what is cut ends where a character does.
            Some(bytes) => rest = rest.get(bytes..).unwrap_or(""),
            None => {
                out.push('\u{1b}');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// A text from outside as it may be quoted: one line of at most `most` characters, what is not seen written out, and no backtick.
#[must_use]
pub fn shown(text: &str, most: usize) -> String {
    let mut out = String::new();
    for c in text.chars().take(most) {
        // Format characters (bidirectional overrides, joiners) would let a path look like another.
        if c.is_control() || is_invisible(c) {
            out.extend(c.escape_unicode());
        } else if c == '`' {
            out.push('\'');
        } else {
            out.push(c);
        }
    }
    if text.chars().nth(most).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_seen_is_in_the_table_and_letters_are_not() {
        for c in ['\u{ad}', '\u{61c}', '\u{200b}', '\u{202e}', '\u{2069}', '\u{feff}', '\u{fff9}', '\u{fffb}', '\u{fe0f}', '\u{e0041}', '\u{e0100}'] {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in ['a', ' ', '\u{a0}', 'é', '…', '日', '\u{fffc}', '\u{fffd}', '🙂'] {
            assert!(!is_invisible(c), "{c:?}");
        }
    }

    #[test]
    fn colours_go_and_what_else_an_escape_does_stays_unless_all_shall_go() {
        let table = [
            ("\u{1b}[31;1merror\u{1b}[0m: no", "error: no", "error: no"),
            ("\u{1b}[38:5:1mx\u{1b}[K", "x", "x"),
            ("\u{1b}]0;title\u{7}x", "\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]8;;http://é\u{1b}\\link\u{1b}]8;;\u{1b}\\", "\u{1b}]8;;http://é\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}[2J\u{1b}(Bx\u{1b}cy", "\u{1b}[2J\u{1b}(Bx\u{1b}cy", "xy"),
            ("a\u{1b}", "a\u{1b}", "a"),
            ("\u{1b}é", "\u{1b}é", "é"),
        ];
        for (text, without_colours, plain) in table {
            assert_eq!((uncoloured(text).as_ref(), unescaped(text).as_ref()), (without_colours, plain), "{text:?}");
        }
    }

    #[test]
    fn a_quoted_text_is_one_line_and_bounded() {
        assert_eq!(shown("a\n`b`\u{202e}c", 20), "a\\u{a}'b'\\u{202e}c");
        assert_eq!(shown("abcdef", 3), "abc…");
    }

    proptest! {
        #[test]
        fn any_text_is_stripped_without_a_panic_and_holds_no_colour_after(text in "(\\PC|\u{1b}|\\[|m|;|[0-9]|\u{7}){0,40}") {
            prop_assert!(!unescaped(&text).contains(char::from(0x1b)));
            let bare = uncoloured(&text);
            prop_assert!(bare.len() <= text.len() && shown(&text, 1000).lines().count() <= 1);
        }
    }
}
