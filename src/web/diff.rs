//! A unified diff, coloured.

use super::html::Html;

/// Longer diffs are cut: the page says so.
const LINES: usize = 3000;

/// Longer lines are cut.
const COLUMNS: usize = 500;

/// What a line of a diff is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Hunk,
    Added,
    Removed,
    Note,
    Same,
}

/// Tells the lines of a canonical diff apart. Within a hunk the first character decides, so that a removed `-- x` is no file header.
fn kinds(diff: &str) -> impl Iterator<Item = (Kind, &str)> {
    let (mut old, mut new) = (0_u64, 0_u64);
    diff.lines().map(move |line| {
        let in_hunk = old > 0 || new > 0;
        let kind = match line.as_bytes().first() {
            Some(b'\\') => Kind::Note,
            Some(b'+') if in_hunk => {
                new = new.saturating_sub(1);
                Kind::Added
            }
            Some(b'-') if in_hunk => {
                old = old.saturating_sub(1);
                Kind::Removed
            }
            _ if in_hunk => {
                (old, new) = (old.saturating_sub(1), new.saturating_sub(1));
                Kind::Same
            }
            Some(b'@') => {
                (old, new) = hunk(line).unwrap_or((0, 0));
                Kind::Hunk
            }
            _ => Kind::File,
        };
        (kind, line)
    })
}

/// The lengths in `@@ -1,7 +1,8 @@`; 1 where none is given.
fn hunk(line: &str) -> Option<(u64, u64)> {
    let mut words = line.strip_prefix("@@ ")?.split(' ');
    let mut length = |sign| {
        let range = words.next()?.strip_prefix(sign)?;
        range.split_once(',').map_or(Some(1), |(_, length)| length.parse().ok())
    };
    Some((length('-')?, length('+')?))
}

/// Added and removed lines.
pub fn counts(diff: &str) -> (usize, usize) {
    kinds(diff).fold((0, 0), |(added, removed), (kind, _)| (added + usize::from(kind == Kind::Added), removed + usize::from(kind == Kind::Removed)))
}

/// The diff as a block that scrolls by itself and can be reached by keyboard.
pub fn block(diff: &str) -> Html {
    let mut html = Html::new();
    html.raw("<pre class=\"diff\" tabindex=\"0\" role=\"region\" aria-label=\"The patch\">");
    for (kind, line) in kinds(diff).take(LINES) {
        html.raw(match kind {
            Kind::File => "<span class=\"df\">",
            Kind::Hunk => "<span class=\"dh\">",
            Kind::Added => "<span class=\"da\">",
            Kind::Removed => "<span class=\"dr\">",
            Kind::Note => "<span class=\"dn\">",
            Kind::Same => "<span>",
        });
        let line = line.strip_suffix('\r').unwrap_or(line);
        html.text(crate::domain::render::escape::bounded(line, COLUMNS)).raw("\n</span>");
    }
    html.raw("</pre>");
    let left = diff.lines().count().saturating_sub(LINES);
    if left > 0 {
        html.raw("<p class=\"note\">").text(left).raw(" further lines are not shown; the JSON form of this page has them.</p>");
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "diff --git a/q.sql b/q.sql\n--- a/q.sql\n+++ b/q.sql\n@@ -1,3 +1,3 @@\n select 1\n--- old\n+++ new\n end\n\\ No newline at end of file\ndiff --git a/b b/b\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-x\n+<b>\n";

    #[test]
    fn lines_within_a_hunk_are_no_headers() {
        use Kind::{Added, File, Hunk, Note, Removed, Same};
        let found: Vec<Kind> = kinds(DIFF).map(|(kind, _)| kind).collect();
        assert_eq!(found, [File, File, File, Hunk, Same, Removed, Added, Same, Note, File, File, File, Hunk, Removed, Added]);
        assert_eq!(counts(DIFF), (2, 2));
    }

    #[test]
    fn content_is_escaped_and_bounded() {
        let shown = block(DIFF).into_string();
        assert!(shown.contains("<span class=\"da\">+&lt;b&gt;\n</span>"));
        let long = format!("@@ -0,0 +1,4000 @@\n{}", "+y\n".repeat(4000));
        let shown = block(&long).into_string();
        assert_eq!(shown.matches("<span").count(), LINES);
        assert!(shown.contains("1001 further lines"));
    }
}
