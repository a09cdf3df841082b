//! What production code does in the change that tests change in.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::harmless::declared;
use crate::domain::patch::apply::FileChange;
use crate::domain::source::parse::{Parsed, parse};

/// What production code did meanwhile.
#[derive(Debug, Default)]
pub(super) struct Production {
    /// Words of its changed files that are gone, and that are new.
    pub(super) gone: HashSet<String>,
    pub(super) came: HashSet<String>,
    /// Functions that are declared before and after, with other parameters.
    pub(super) signatures: HashSet<String>,
    /// Functions that its changed files declare now.
    pub(super) declared: HashSet<String>,
    /// Names of all changed files without their endings, in lower case.
    pub(super) stems: HashSet<String>,
}

impl Production {
    /// Read the changes of the files that `is_production` names.
    pub(super) fn of(changes: &[FileChange], is_production: impl Fn(&str) -> bool) -> Self {
        let (mut old, mut new, mut result) = (HashSet::new(), HashSet::new(), Self::default());
        // Only a test that was there before is compared with what production code declares.
        let asked = changes.iter().any(|change| change.before.is_some() && change.after.is_some() && !is_production(&change.path));
        for change in changes {
            let name = change.path.rsplit('/').next().unwrap_or(&change.path).to_ascii_lowercase();
            result.stems.insert(name.split('.').next().unwrap_or(&name).to_owned());
            if !is_production(&change.path) {
                continue;
            }
            let text = |content: &Option<crate::domain::patch::FileContent>| {
                content.as_ref().and_then(|content| content.text().map(str::to_owned)).unwrap_or_default()
            };
            let (before, after) = (text(&change.before), text(&change.after));
            let of = |text: &str| if asked { parameters(&change.path, text) } else { HashMap::new() };
            let (was, is) = (of(&before), of(&after));
            result.signatures.extend(is.iter().filter(|(name, now)| was.get(*name).is_some_and(|old| old != *now)).map(|(name, _)| name.clone()));
            result.declared.extend(is.into_keys());
            old.extend(words(&before).map(str::to_owned));
            new.extend(words(&after).map(str::to_owned));
        }
        result.gone = old.difference(&new).cloned().collect();
        result.came = new.difference(&old).cloned().collect();
        result
    }
}

/// The functions that a file declares, each with the lists of parameters that it has there. Empty where the file is not understood.
fn parameters(path: &str, text: &str) -> HashMap<String, BTreeSet<String>> {
    let mut found: HashMap<String, BTreeSet<String>> = HashMap::new();
    let Parsed::Understood(root, syntax) = parse(path, text) else { return found };
    root.walk(&mut |node| {
        // `const add = (a, b) => …` declares a function too.
        let value = node.field("value").filter(|value| syntax.closures.contains(&value.kind));
        let function = if syntax.functions.contains(&node.kind) { Some(node) } else { value };
        if let (Some(function), Some(name)) = (function, declared(node, text)) {
            let mut list = String::new();
            function.walk(&mut |part| {
                let is_list = part.kind.contains("parameter") && part.range != function.range;
                if is_list && list.is_empty() {
                    list.extend(part.text(text).chars().filter(|c| !c.is_whitespace()));
                }
                // Not into the body.
                list.is_empty() && part.field != Some("body")
            });
            found.entry(name.to_owned()).or_default().insert(list);
        }
        true
    });
    found
}

/// The names in a text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}
