//! How much of a terminal's line a text takes, and how it is made to fit.

use unicode_width::UnicodeWidthChar as _;

use super::escape::deceptive;
use crate::domain::source::text::is_invisible;

/// Marks without a width of their own that one letter may carry; more of them only deface the lines around.
const COMBINING: usize = 3;
/// Columns between tab stops.
const TAB: usize = 4;

/// `text` as one line that a terminal shows as it is: controls and invisible characters are replaced, tabs become spaces, line ends a space.
#[must_use]
pub fn flat(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut column, mut combining) = (0, 0);
    for c in text.chars() {
        let c = match c {
            '\n' | '\r' => ' ',
            '\t' => {
                let blanks = TAB - column % TAB;
                out.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
                continue;
            }
            c if deceptive(c) || is_invisible(c) || c.is_control() => '\u{fffd}',
            c => c,
        };
        let width = c.width().unwrap_or(0);
        combining = if width == 0 { combining + 1 } else { 0 };
        if combining <= COMBINING {
            out.push(c);
            column += width;
        }
    }
    out
}

/// The columns that a flat text takes.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text in at most `width` columns, with an ellipsis at its end where something was cut.
#[must_use]
pub fn clip(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut out = head(text, width.saturating_sub(1)).to_owned();
    if width > 0 {
        out.push('…');
    }
    out
}

/// The text in at most `width` columns, with an ellipsis at its beginning where something was cut: of a path the end says more.
#[must_use]
pub fn clip_start(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let mut from = text.len();
    let mut used = 0;
    for (at, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        from = at;
    }
    if width > 0 { format!("…{}", &text[from..]) } else { String::new() }
}

/// The text in lines of at most `width` columns, at most `lines` of them: broken at spaces where there are any, the last one clipped.
#[must_use]
pub fn wrap(text: &str, width: usize, lines: usize) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text.trim_end();
    while out.len() + 1 < lines && columns(rest) > width && width > 0 {
        let fits = head(rest, width);
        if fits.is_empty() {
            break;
        }
        // A break in the first half would leave more blank than text.
        let cut = fits.rfind(' ').filter(|at| columns(&fits[..*at]) * 2 > width).unwrap_or(fits.len());
        out.push(rest[..cut].trim_end().to_owned());
        rest = rest[cut..].trim_start();
    }
    out.push(clip(rest, width));
    out
}

/// The longest beginning of at most `width` columns.
fn head(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > width {
            return &text[..at];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_fit_their_columns() {
        assert_eq!(clip("日本語テスト", 7), "日本語…");
        assert_eq!(clip_start("src/deep/down/a.rs", 9), "…own/a.rs");
        assert_eq!(wrap("one two three four", 9, 2), ["one two", "three fo…"]);
        assert_eq!(wrap("abcdefghij", 4, 9), ["abcd", "efgh", "ij"]);
        assert_eq!(flat("a\tb\u{1b}[2J\r\nc\u{202e}\u{ad}d"), "a   b\u{fffd}[2J  c\u{fffd}\u{fffd}d");
        assert_eq!(flat(&format!("e{}x", "\u{301}".repeat(500))).chars().count(), 5);
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_asked(text in "\\PC{0,80}|[\u{0}-\u{1f}日é\u{301}\u{200b} a]{0,80}", width in 0_usize..60, lines in 1_usize..5) {
            let flat = flat(&text);
            prop_assert!(!flat.chars().any(char::is_control), "{:?}", flat);
            prop_assert!(columns(&clip(&flat, width)) <= width);
            prop_assert!(columns(&clip_start(&flat, width)) <= width);
            let wrapped = wrap(&flat, width, lines);
            prop_assert!(wrapped.len() <= lines && wrapped.iter().all(|line| columns(line) <= width));
        }
    }
}
