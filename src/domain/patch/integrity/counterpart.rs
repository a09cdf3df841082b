//! What production code does in the change that tests change in.

use std::collections::HashSet;

use crate::domain::patch::apply::FileChange;

/// What production code did meanwhile.
#[derive(Debug, Default)]
pub(super) struct Production {
    /// Words of its changed files that are gone, and that are new.
    pub(super) gone: HashSet<String>,
    pub(super) came: HashSet<String>,
    /// Words of the lines that came.
    pub(super) touched: HashSet<String>,
    /// Names of all changed files without their endings, in lower case.
    pub(super) stems: HashSet<String>,
}

impl Production {
    /// Read the changes of the files that `is_production` names.
    pub(super) fn of(changes: &[FileChange], is_production: impl Fn(&str) -> bool) -> Self {
        let (mut old, mut new, mut result) = (HashSet::new(), HashSet::new(), Self::default());
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
            let known: HashSet<&str> = before.lines().map(str::trim).collect();
            for line in after.lines().filter(|line| !known.contains(line.trim())) {
                result.touched.extend(words(line).map(str::to_owned));
            }
            old.extend(words(&before).map(str::to_owned));
            new.extend(words(&after).map(str::to_owned));
        }
        result.gone = old.difference(&new).cloned().collect();
        result.came = new.difference(&old).cloned().collect();
        result
    }
}

/// The names in a text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}
