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
    let value = whole.or_else(fenced);
    match &value {
        Some(value) => collect(value, 0, &mut found),
        None => return one(&literals(answer)),
    }
    one(&found)
}

/// The one text of all, however often it stands there.
fn one<T: AsRef<str>>(found: &[T]) -> Option<String> {
    let first = found.first()?.as_ref();
    found.iter().all(|other| other.as_ref() == first).then(|| first.to_owned())
}

/// Strings of JSON that stand in other text and hold an apply-patch text.
fn literals(answer: &str) -> Vec<String> {
    const MARK: &str = "*** Begin Patch\\n";
    /// Bytes before the mark in which the string must begin, and strings that are looked at.
    const LEAD: usize = 256;
    const MOST: usize = 16;
    let quotes = |end: usize| answer[..end].rmatch_indices('"').map(|(at, _)| at).take_while(move |at| end - at <= LEAD);
    let string = |at: usize| serde_json::Deserializer::from_str(&answer[at..]).into_iter::<String>().next().and_then(Result::ok);
    let holds = |text: &String| text.contains("*** Begin Patch\n");
    answer.match_indices(MARK).take(MOST).filter_map(|(mark, _)| quotes(mark).filter_map(string).find(holds)).collect()
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
    text.contains('\n') && ((starts(&["--- "]) && starts(&["+++ "])) || starts(&["diff --git ", "*** Begin Patch", "apply_patch ", "<<<<<<< SEARCH"]))
}
