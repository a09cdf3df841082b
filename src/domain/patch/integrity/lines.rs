//! What is judged line by line: examples in documentation, and test files in languages without a grammar here.

use std::collections::{HashMap, HashSet};

use super::harmless::{FAR, STUBS, Verdict};
use super::tests_found::{Source, assertion_pattern};
use crate::domain::source::lexer::Language;

/// A whole new file in a language without a grammar here.
pub(super) fn new_text(new: &Source<'_>) -> Verdict {
    match FAR.find(&new.masked.code) {
        Some(hit) => Verdict::Asks(new.line(hit.start()), "a new test file reaches beyond its own tests"),
        None => Verdict::Harmless,
    }
}

/// Examples in the documentation of production code, which a runner runs: none may change or go.
pub(super) fn examples(old: &Source<'_>, new: &Source<'_>) -> Verdict {
    let blocks = |source: &Source<'_>| -> HashMap<String, usize> {
        let mut blocks: HashMap<String, usize> = HashMap::new();
        let mut block: Option<String> = None;
        for line in source.text.lines() {
            let line = line.trim();
            match source.language {
                Language::Rust => {
                    let Some(doc) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
                        block = None;
                        continue;
                    };
                    let doc = doc.trim();
                    if let Some(mark) = doc.strip_prefix("```") {
                        match block.take() {
                            Some(text) => *blocks.entry(text).or_default() += 1,
                            None if mark.is_empty()
                                || mark.split(',').all(|word| {
                                    matches!(word.trim(), "rust" | "should_panic" | "no_run" | "ignore" | "edition2018" | "edition2021" | "edition2024")
                                }) =>
                            {
                                block = Some(mark.to_owned())
                            }
                            // Of another language: skip up to its end.
                            None => block = Some(String::from("\0")),
                        }
                    } else if let Some(text) = &mut block {
                        text.push('\n');
                        text.push_str(doc);
                    }
                }
                Language::Python | Language::Elixir => {
                    let starts = line.starts_with(">>>") || line.starts_with("iex>");
                    match &mut block {
                        None if starts => block = Some(line.to_owned()),
                        Some(text) if starts || !(line.is_empty() || line.ends_with("\"\"\"") || line.ends_with("'''")) => {
                            text.push('\n');
                            text.push_str(line);
                        }
                        Some(_) => *blocks.entry(block.take().unwrap_or_default()).or_default() += 1,
                        None => {}
                    }
                }
                _ => return HashMap::new(),
            }
        }
        blocks.retain(|text, _| !text.starts_with('\0'));
        blocks
    };
    let (was, is) = (blocks(old), blocks(new));
    let lost = was.iter().any(|(text, count)| is.get(text).is_none_or(|now| now < count));
    if lost { Verdict::Asks(1, "an example that is run as a test changes or goes") } else { Verdict::Harmless }
}

/// A file in a language without a grammar here: whole new tests and lines with an assertion may come, all other lines stay.
pub(super) fn changed_text(old: &Source<'_>, new: &Source<'_>) -> Verdict {
    let known: HashSet<&str> = old.tests.iter().map(|test| test.name.as_str()).collect();
    let came: Vec<_> = new.tests.iter().filter(|test| !known.contains(test.name.as_str())).map(|test| test.range.clone()).collect();
    if let Some(range) = came.iter().find(|range| new.masked.code.get((*range).clone()).is_some_and(|code| FAR.is_match(code))) {
        return Verdict::Asks(new.line(range.start), "new test code reaches beyond its own tests");
    }
    let indented = matches!(old.language, Language::Nim | Language::FSharp | Language::Haskell | Language::Config | Language::Other);
    let trimmed = |line: &str| if indented { line.trim_end().to_owned() } else { line.trim().to_owned() };
    let was: Vec<String> = old.masked.uncommented.lines().map(trimmed).filter(|line| !line.trim().is_empty()).collect();
    let mut at = 0;
    let mut is: Vec<(usize, String)> = Vec::new();
    for line in new.masked.uncommented.split_inclusive('\n') {
        let (start, end) = (at + line.len() - line.trim_start().len(), at + line.trim_end().len());
        at += line.len();
        if !line.trim().is_empty() && !came.iter().any(|range| range.start <= start && end <= range.end) {
            is.push((start, trimmed(line)));
        }
    }
    let mut left = was.iter().peekable();
    for (start, line) in &is {
        if left.peek() == Some(&line) {
            left.next();
            continue;
        }
        let balanced = |open: char, close: char| line.matches(open).count() == line.matches(close).count();
        let asserts = assertion_pattern(old.language).and_then(|regex| regex.find(line)).is_some_and(|hit| line[..hit.start()].trim().is_empty());
        let whole = balanced('(', ')') && balanced('[', ']') && balanced('{', '}') && !line.ends_with([',', '(', '\\']) && !line.contains([';']);
        if !asserts || !whole || STUBS.is_match(line) || FAR.is_match(line) {
            return Verdict::Asks(new.line(*start), "an existing test, or what it uses, changes otherwise than by additions that are known to be harmless");
        }
    }
    if left.next().is_some() { Verdict::Asks(1, "lines of a test file go") } else { Verdict::Harmless }
}
