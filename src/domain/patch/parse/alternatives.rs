//! Answers that offer several patches to choose from. All of them together are nobody's meaning, and which one is meant is not ours to say.

use std::sync::LazyLock;

use regex::Regex;

use super::segment::Source;

/// Lines of the answer that one file's section took, and the file: 0-based, the end excluded.
#[derive(Debug)]
pub(super) struct Taken {
    pub start: usize,
    pub end: usize,
    pub path: String,
}

/// What announces a patch as one of several.
#[derive(Debug, PartialEq, Eq)]
enum Mark {
    /// `Option A`, `Approach 2`: its family and its own name.
    Label(String, String),
    /// `Alternatively, …`
    Or,
}

/// `## Option A: …`, `**Alternative 2**`, `1. Second approach`.
static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    let noun = "(?P<{}>option|alternative|approach|variant|choice|possibility|solution|version|way)";
    let named = format!(r"{}\s*#?(?P<name>[a-e]|[1-9]|one|two|three|i{{1,3}})", noun.replace("{}", "before"));
    let counted = format!(r"(?P<ordinal>first|second|third|other)\s+{}", noun.replace("{}", "behind"));
    Regex::new(&format!(r"(?i)^[\s#>*_\-]*(?:\d+[.)]\s*)?[*_]*(?:{named}|{counted})\b")).expect("a constant pattern, compiled by the tests")
});

/// What stands before a second thought that replaces the first.
static OR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^[\s#>*_\-]*(?:\d+[.)]\s*)?[*_]*(?:(?:or,?\s+)?alternatively\b|alternative\s*[*_]*:|alternative (?:fix|patch|solution|version|approach)\b|another (?:option|way|approach|alternative|possibility|solution)\b|or\s*[*_]*:?\s*[*_]*$|or,? if you (?:prefer|would rather|want)\b)",
    )
    .expect("a constant pattern, compiled by the tests")
});

fn mark(line: &str) -> Option<Mark> {
    // Only what begins a line or a heading announces; headings are short.
    let line = line.get(..160).unwrap_or(line);
    if let Some(found) = LABEL.captures(line) {
        let of = |name: &str| found.name(name).map(|text| text.as_str().to_ascii_lowercase());
        return Some(Mark::Label(of("before").or_else(|| of("behind"))?, of("name").or_else(|| of("ordinal"))?));
    }
    OR.is_match(line).then_some(Mark::Or)
}

/// Whether parts of a plan are numbered by such a word as well: then only patches of one file are alternatives.
fn is_soft(family: &str) -> bool {
    matches!(family, "solution" | "version" | "way")
}

/// The lines (0-based) that announce two alternatives, each with a patch behind it. `prose` says whether a line is outside of every fence.
pub(super) fn find(lines: &[Source<'_>], taken: &[Taken], prose: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
    if taken.len() < 2 {
        return None;
    }
    let mut offers: Vec<(Mark, usize, Vec<&str>)> = Vec::new();
    let mut next = 0;
    // Patches that nothing announces: (first line).
    let mut unannounced = None;
    let mut at = 0;
    while at < lines.len() {
        if let Some(part) = taken.get(next).filter(|part| part.start <= at) {
            match offers.last_mut() {
                Some((_, _, paths)) => paths.push(&part.path),
                None => unannounced = unannounced.or(Some(part.start)),
            }
            at = at.max(part.end);
            next += 1;
            continue;
        }
        if prose(at)
            && let Some(found) = mark(lines[at].text)
        {
            offers.push((found, at, Vec::new()));
        }
        at += 1;
    }
    offers.retain(|(_, _, paths)| !paths.is_empty());
    for (behind, (mark, line, paths)) in offers.iter().enumerate() {
        match mark {
            Mark::Or => {
                if let Some(first) = offers[..behind].first().map(|(_, line, _)| *line).or(unannounced) {
                    return Some((first, *line));
                }
            }
            Mark::Label(family, name) => {
                let other = offers[..behind].iter().find(|(other, _, others)| {
                    matches!(other, Mark::Label(a, b) if a == family && b != name) && (!is_soft(family) || paths.iter().any(|path| others.contains(path)))
                });
                if let Some((_, first, _)) = other {
                    return Some((*first, *line));
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Mark, mark};

    #[test]
    fn what_announces_an_alternative_is_told_from_prose() {
        let label = |family: &str, name: &str| Some(Mark::Label(family.to_owned(), name.to_owned()));
        let cases = [
            ("## Option A: clamp it", label("option", "a")),
            ("**Option 2** (preferred)", label("option", "2")),
            ("1. Second approach", label("approach", "second")),
            ("Alternatively, if you prefer:", Some(Mark::Or)),
            ("**Or:**", Some(Mark::Or)),
            ("Another way would be to clamp it:", Some(Mark::Or)),
            ("Options are parsed twice.", None),
            ("Option parsing is wrong.", None),
            ("Or rather: the cache is stale.", None),
            ("I thought of option A first.", None),
            ("Version bump", None),
        ];
        for (line, expected) in cases {
            assert_eq!(mark(line), expected, "{line}");
        }
    }
}
