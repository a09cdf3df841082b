//! An answer in JSON: the patch is the value of one of its keys.

use serde_json::Value;

/// Objects in objects that are looked into.
const MAX_DEPTH: usize = 8;

/// The one text in a JSON answer, or in its JSON fence, that looks like a patch. Two different ones are none: which one counts is not known.
pub(super) fn text(answer: &str) -> Option<String> {
    let whole = serde_json::from_str::<Value>(answer.trim()).ok();
    let fenced = || {
        let (_, rest) = answer.split_once("```json")?;
        let (body, _) = rest.split_once("\n```")?;
        serde_json::from_str::<Value>(body.trim()).ok()
    };
    let mut found = Vec::new();
    let value = whole.or_else(fenced)?;
    collect(&value, 0, &mut found);
    found.dedup();
    match found.as_slice() {
        [one] => Some((*one).to_owned()),
        _ => None,
    }
}

fn collect<'a>(value: &'a Value, depth: usize, found: &mut Vec<&'a str>) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::String(text) if is_patch(text) => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| collect(value, depth + 1, found)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, depth + 1, found)),
        _ => {}
    }
}

fn is_patch(text: &str) -> bool {
    let starts = |marks: &[&str]| text.lines().any(|line| marks.iter().any(|mark| line.starts_with(mark)));
    text.contains('\n') && ((starts(&["--- "]) && starts(&["+++ "])) || starts(&["diff --git ", "*** Begin Patch", "<<<<<<< SEARCH"]))
}
