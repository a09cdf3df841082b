//! What a reader of the diff would not see: characters without a width, text that runs backwards, names in letters that only look alike.
//! Source: Unicode Technical Report 36, section 2.10 (bidirectional text spoofing), and Unicode Technical Standard 39.

use super::tests_found::Source;
use super::{Finding, Rule, Severity};
use crate::domain::source::lexer::Language;
use crate::domain::source::text::is_invisible;

/// New lines with something hidden in them.
pub(super) fn check(before: Option<&Source<'_>>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    let known: std::collections::HashSet<&str> = before.map_or("", |source| source.text).lines().map(str::trim).collect();
    // Text that had such characters before (a table of them, a minified file) is judged by their number.
    let count = |text: &str| text.chars().filter(|c| is_invisible(*c)).count();
    let more = count(after.text) > before.map_or(0, |source| count(source.text));
    // The code view is cut at the same line breaks.
    for (at, (line, code)) in after.text.lines().zip(after.masked.code.lines()).enumerate() {
        if known.contains(line.trim()) {
            continue;
        }
        let message = if more && line.chars().any(turns) {
            "characters that change the direction of the text are added: it reads otherwise than it runs"
        } else if more && hidden(line, after.language != Language::Other) {
            "invisible characters are added"
        } else if after.language != Language::Other && mixed_name(code) {
            "a name mixes letters of two scripts that look alike"
        } else {
            continue;
        };
        findings.push(Finding::new(Rule::HiddenText, Severity::Refuse, after.path, at + 1, message).with(None, Some(line.trim())));
    }
}

/// Embeddings, overrides and isolates.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Joiners and selectors belong to the scripts and pictures around them; beside ASCII they only hide. The mark that begins a file does not count.
fn hidden(line: &str, code: bool) -> bool {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let chars: Vec<char> = line.chars().collect();
    let foreign = |at: Option<&char>| at.is_some_and(|c| !c.is_ascii());
    chars.iter().enumerate().any(|(at, c)| {
        let belongs = matches!(c, '\u{200c}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{61c}')
            && (foreign(at.checked_sub(1).and_then(|at| chars.get(at))) || foreign(chars.get(at + 1)));
        is_invisible(*c) && !belongs && (code || *c != '\u{ad}') && !matches!(c, '\u{2028}' | '\u{2029}')
    })
}

/// A name in which ASCII letters stand beside Cyrillic or Greek ones that look like ASCII letters.
fn mixed_name(code: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|name| name.chars().any(|c| c.is_ascii_alphabetic()) && name.chars().any(looks_latin))
}

fn looks_latin(c: char) -> bool {
    "аеіјоорсухһԁԛԝѕАВЕЅІЈКМНОРСТУХοΑΒΕΖΗΙΚΜΝΟΡΤΥΧ".contains(c)
}
