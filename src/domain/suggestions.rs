//! rustc's machine-applicable suggestions, read from `cargo check --message-format=json`.
//!
//! Format: <https://doc.rust-lang.org/rustc/json.html>. Only suggestions of applicability `MachineApplicable` are taken; the parts of
//! one suggestion go together, and what overlaps with an earlier one is left for the next run.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Message>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    byte_start: usize,
    byte_end: usize,
    suggested_replacement: Option<String>,
    suggestion_applicability: Option<String>,
}

/// One replacement: from byte, to byte, text.
type Edit = (usize, usize, String);

/// The edits of each file, by the path that the compiler names, in order and without overlaps.
pub fn read(output: &str) -> BTreeMap<String, Vec<Edit>> {
    let mut groups = BTreeSet::new();
    for line in output.lines().filter(|line| line.starts_with('{')) {
        let Ok(Line { message: Some(message) }) = serde_json::from_str::<Line>(line) else { continue };
        for part in std::iter::once(&message).chain(&message.children) {
            let group: Vec<(String, Edit)> = part
                .spans
                .iter()
                .filter(|span| span.suggestion_applicability.as_deref() == Some("MachineApplicable"))
                .filter_map(|span| Some((span.file_name.clone(), (span.byte_start, span.byte_end, span.suggested_replacement.clone()?))))
                .collect();
            if !group.is_empty() {
                groups.insert(group);
            }
        }
    }
    let mut files: BTreeMap<String, Vec<Edit>> = BTreeMap::new();
    for group in groups {
        let clashes = |(file, edit): &(String, Edit)| {
            files.get(file).is_some_and(|edits| edits.iter().any(|known| edit.0 < known.1.max(known.0 + 1) && known.0 < edit.1.max(edit.0 + 1)))
        };
        if !group.iter().any(clashes) {
            for (file, edit) in group {
                files.entry(file).or_default().push(edit);
            }
        }
    }
    files.values_mut().for_each(|edits| edits.sort());
    files
}

/// The text after the edits; `None` where one does not fit it.
pub fn apply(text: &str, edits: &[Edit]) -> Option<String> {
    let mut out = text.to_owned();
    for (start, end, replacement) in edits.iter().rev() {
        if start > end || *end > out.len() || !out.is_char_boundary(*start) || !out.is_char_boundary(*end) {
            return None;
        }
        out.replace_range(*start..*end, replacement);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(spans: &str) -> String {
        format!("{{\"reason\":\"compiler-message\",\"message\":{{\"spans\":[],\"children\":[{{\"spans\":[{spans}]}}]}}}}\n")
    }

    fn span(start: usize, end: usize, text: &str, how: &str) -> String {
        format!(
            "{{\"file_name\":\"src/lib.rs\",\"byte_start\":{start},\"byte_end\":{end},\"suggested_replacement\":\"{text}\",\"suggestion_applicability\":\"{how}\"}}"
        )
    }

    #[test]
    fn the_parts_of_one_suggestion_go_together() {
        let parts = format!("{},{}", span(3, 4, "", "MachineApplicable"), span(9, 10, "", "MachineApplicable"));
        // The same for the library and its tests; a doubtful one; one that overlaps; noise.
        let output = [
            line(&parts),
            line(&parts),
            line(&span(0, 2, "x", "MaybeIncorrect")),
            line(&span(9, 11, "y", "MachineApplicable")),
            "warning: noise\n{broken\n".into(),
        ]
        .concat();
        let files = read(&output);
        assert_eq!(files["src/lib.rs"], [(3, 4, String::new()), (9, 10, String::new())]);
        assert_eq!(apply("if (a > b) {}", &files["src/lib.rs"]).as_deref(), Some("if a > b {}"));
    }

    #[test]
    fn edits_that_do_not_fit_change_nothing() {
        assert_eq!(apply("é", &[(1, 2, String::new())]), None);
        assert_eq!(apply("a", &[(0, 9, String::new())]), None);
    }
}
