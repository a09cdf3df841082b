//! A file or a text as it stands in a prompt: whole, or as windows around the lines that matter, in a fence that nothing within can close.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Lines kept on each side of a line that matters, tried from the widest to the narrowest.
const RADII: [usize; 7] = [400, 200, 120, 60, 30, 12, 5];
/// Lines at the top of a file that hold its imports: a fix may need one more.
const TOP: usize = 20;
/// A line of more bytes was made by a machine.
const LONGEST: usize = 4_000;

/// `text` between two marks that carry a hash of it. Whatever stands within, the closing mark does not: it would have to hold its own hash.
#[must_use]
pub fn fenced(text: &str) -> String {
    let mark = mark(text);
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("<text-{mark}>\n{text}{end}</text-{mark}>\n")
}

/// The bytes that [`fenced`] adds to a text.
pub(super) const FENCE: usize = 2 * "<text-0123456789ab>\n".len() + 2;

/// Twelve hexadecimal digits that do not stand in the text.
fn mark(text: &str) -> String {
    let mut round = 0_u32;
    loop {
        let mut hash = Sha256::new();
        hash.update(text.as_bytes());
        if round > 0 {
            hash.update(round.to_le_bytes());
        }
        let mark = hash.finalize().iter().take(6).fold(String::new(), |mut mark, byte| {
            let _ = write!(mark, "{byte:02x}");
            mark
        });
        if !text.contains(&mark) {
            return mark;
        }
        round += 1;
    }
}

/// Lines of a text, from the first one wanted to the last, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first line.
    pub from: usize,
    /// The last line.
    pub to: usize,
}

/// Whether a machine wrote the text: its lines are far longer than people's.
#[must_use]
pub fn has_long_lines(text: &str) -> bool {
    text.lines().any(|line| line.len() > LONGEST)
}

/// The largest view of `text` that takes at most `limit` bytes, with its fences: whole, or windows around `anchors` (lines from 1), or the
/// beginning where there are none. `None` where not even the smallest fits.
#[must_use]
pub fn view(text: &str, anchors: &BTreeSet<usize>, limit: usize) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    if text.len() + FENCE <= limit {
        let whole = render(&lines, &[Span { from: 1, to: lines.len() }], text);
        if whole.len() <= limit {
            return Some(whole);
        }
    }
    RADII.iter().find_map(|radius| {
        let spans = spans(lines.len(), anchors, *radius);
        let size: usize = spans.iter().flat_map(|span| &lines[span.from - 1..span.to]).map(|line| line.len()).sum();
        if size > limit {
            return None;
        }
        let shown = render(&lines, &spans, text);
        (shown.len() <= limit).then_some(shown)
    })
}

fn spans(lines: usize, anchors: &BTreeSet<usize>, radius: usize) -> Vec<Span> {
    if lines == 0 {
        return Vec::new();
    }
    let mut wanted = vec![Span { from: 1, to: if anchors.is_empty() { radius.min(lines) } else { TOP.min(radius).min(lines) } }];
    for anchor in anchors {
        // A log may name a line that is not there any more.
        let at = (*anchor).clamp(1, lines);
        wanted.push(Span { from: at.saturating_sub(radius).max(1), to: (at + radius).min(lines) });
    }
    wanted.sort_by_key(|span| span.from);
    let mut merged: Vec<Span> = Vec::new();
    for span in wanted {
        match merged.last_mut() {
            // A gap of a few lines costs more to tell than to show.
            Some(last) if span.from <= last.to + 4 => last.to = last.to.max(span.to),
            _ => merged.push(span),
        }
    }
    merged
}

fn render(lines: &[&str], spans: &[Span], text: &str) -> String {
    let mut out = String::new();
    let whole = matches!(spans, [span] if span.from == 1 && span.to == lines.len()) || lines.is_empty();
    if whole {
        out.push_str(&fenced(text));
    } else {
        for span in spans {
            let _ = writeln!(out, "lines {} to {} of {}:", span.from, span.to, lines.len());
            out.push_str(&fenced(&lines[span.from - 1..span.to].concat()));
        }
    }
    let at_end = spans.last().is_some_and(|span| span.to == lines.len());
    if at_end && !text.is_empty() && !text.ends_with('\n') {
        out.push_str("(no newline at the end of the file)\n");
    }
    out
}

/// The beginning of `text` in at most `limit` bytes with its fence, cut at the end of a line. `None` where not one line fits.
#[must_use]
pub fn beginning(text: &str, limit: usize) -> Option<String> {
    if text.len() + FENCE <= limit {
        return Some(fenced(text));
    }
    const CUT: &str = "(cut here for length)\n";
    let room = limit.checked_sub(FENCE + CUT.len())?;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if end + line.len() > room {
            break;
        }
        end += line.len();
    }
    (end > 0).then(|| format!("{}{CUT}", fenced(&text[..end])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What stands in the fences, as a reader who trusts only matching marks sees it.
    pub fn opened(shown: &str) -> Vec<String> {
        let mut out = Vec::new();
        let mut inside: Option<(String, String)> = None;
        for line in shown.split_inclusive('\n') {
            match &mut inside {
                Some((close, text)) if line.trim_end_matches('\n') == *close => {
                    out.push(std::mem::take(text));
                    inside = None;
                }
                Some((_, text)) => text.push_str(line),
                None => {
                    if let Some(mark) = line.strip_prefix("<text-").and_then(|rest| rest.strip_suffix(">\n")) {
                        inside = Some((format!("</text-{mark}>"), String::new()));
                    }
                }
            }
        }
        assert!(inside.is_none(), "a fence is open: {shown}");
        out
    }

    #[test]
    fn windows_stand_around_the_named_lines() {
        let text: String = (1..=1_000).map(|n| format!("line {n}\n")).collect();
        let shown = view(&text, &BTreeSet::from([500, 503, 900]), 2_000).expect("it fits");
        for (part, stands) in [("lines 1 to ", true), ("line 500\n", true), ("line 900\n", true), ("line 700\n", false), (" of 1000:", true)] {
            assert_eq!(shown.contains(part), stands, "{part}: {shown}");
        }
        assert!(view(&text, &BTreeSet::new(), 600).expect("its beginning fits").contains("line 12\n"));
        assert_eq!(view(&text, &BTreeSet::from([5]), 40), None);
        assert!(view("a\nb", &BTreeSet::new(), 200).expect("it fits").ends_with("(no newline at the end of the file)\n"));
        assert!(view(&text, &BTreeSet::from([5_000]), 2_000).expect("a line past the end is the last one").contains("line 1000\n"));
    }

    #[test]
    fn a_text_that_holds_its_own_mark_gets_another() {
        // The hash can't be foreseen by the text, but the rule must not rest on luck.
        let text = "</text-000000000000>\n<text-000000000000>\nEND\n";
        assert_eq!(opened(&fenced(text)), [text]);
        assert!(!text.contains(&mark(text)));
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_fence(lines in proptest::collection::vec("(</?text-[0-9a-f]{12}>|END EVIDENCE|## File x|[a-z<>/`~-]{0,20})", 0..60), limit in 0_usize..2_000, anchors in proptest::collection::btree_set(0_usize..80, 0..4)) {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            if let Some(shown) = view(&text, &anchors, limit) {
                prop_assert!(shown.len() <= limit);
                for part in opened(&shown) {
                    prop_assert!(text.contains(&part));
                }
            }
            if let Some(shown) = beginning(&text, limit) {
                prop_assert!(shown.len() <= limit);
                let parts = opened(&shown);
                prop_assert!(parts.len() == 1 && text.starts_with(&parts[0]));
            }
            prop_assert_eq!(opened(&fenced(&text)), vec![text]);
        }
    }
}
