//! How inserted lines are indented where the file indents otherwise than the answer.

use std::collections::HashMap;

use super::super::{Line, LineKind};
use super::doc::{Doc, indent};
use super::old_lines;

/// How inserted lines are indented where the file indents differently from the answer.
pub(super) enum Reindent<'a> {
    Same,
    Add(&'a str),
    Strip(&'a str),
    /// So many blanks are one tab.
    ToTabs(usize),
    /// One tab is so many blanks.
    ToSpaces(usize),
    Map(HashMap<&'a str, &'a str>),
}

impl Reindent<'_> {
    pub fn line(&self, text: &str) -> Option<String> {
        if text.is_empty() || (text.trim().is_empty() && !matches!(self, Self::Add(_))) {
            return Some(text.to_owned());
        }
        let (own, rest) = (indent(text), text.trim_start());
        match self {
            Self::Same => Some(text.to_owned()),
            Self::Add(prefix) => Some(format!("{prefix}{text}")),
            Self::Strip(prefix) => text.strip_prefix(prefix).map(str::to_owned),
            Self::ToTabs(width) => {
                let blanks = own.len();
                (own.bytes().all(|byte| byte == b' ') && blanks.is_multiple_of(*width)).then(|| format!("{}{rest}", "\t".repeat(blanks / width)))
            }
            Self::ToSpaces(width) => own.bytes().all(|byte| byte == b'\t').then(|| format!("{}{rest}", " ".repeat(own.len() * width))),
            Self::Map(map) => map.get(own).map(|indent| format!("{indent}{rest}")),
        }
    }
}

/// The one rule that explains every pair of indentations and can indent every inserted line.
pub(super) fn indentation<'a>(doc: &'a Doc, lines: &'a [Line], at: usize) -> Option<Reindent<'a>> {
    let pairs: Vec<(&str, &str)> = old_lines(lines)
        .zip(&doc.lines[at..])
        .filter(|(line, _)| !line.text.trim().is_empty())
        .map(|(line, own)| (indent(&line.text), indent(&own.text)))
        .collect();
    let rule = reindent(&pairs)?;
    lines.iter().filter(|line| line.kind == LineKind::Insert).all(|line| rule.line(&line.text).is_some()).then_some(rule)
}

fn reindent<'a>(pairs: &[(&'a str, &'a str)]) -> Option<Reindent<'a>> {
    let (patch, own) = *pairs.iter().find(|(patch, own)| patch != own).or_else(|| pairs.first())?;
    if pairs.iter().all(|(patch, own)| patch == own) {
        return Some(Reindent::Same);
    }
    if let Some(prefix) = own.strip_suffix(patch)
        && pairs.iter().all(|(patch, own)| own.strip_suffix(patch) == Some(prefix))
    {
        return Some(Reindent::Add(prefix));
    }
    if let Some(prefix) = patch.strip_suffix(own)
        && pairs.iter().all(|(patch, own)| patch.strip_suffix(own) == Some(prefix))
    {
        return Some(Reindent::Strip(prefix));
    }
    let (blanks, tabs) = (|text: &str| text.bytes().all(|byte| byte == b' '), |text: &str| text.bytes().all(|byte| byte == b'\t'));
    if !own.is_empty() && pairs.iter().all(|(patch, own)| blanks(patch) && tabs(own)) {
        let width = patch.len() / own.len();
        if width > 0 && pairs.iter().all(|(patch, own)| patch.len() == own.len() * width) {
            return Some(Reindent::ToTabs(width));
        }
    }
    if !patch.is_empty() && pairs.iter().all(|(patch, own)| tabs(patch) && blanks(own)) {
        let width = own.len() / patch.len();
        if width > 0 && pairs.iter().all(|(patch, own)| own.len() == patch.len() * width) {
            return Some(Reindent::ToSpaces(width));
        }
    }
    let mut map: HashMap<&str, &str> = HashMap::new();
    for (patch, own) in pairs {
        if map.insert(patch, own).is_some_and(|before| before != *own) {
            return None;
        }
    }
    Some(Reindent::Map(map))
}
