//! The names in a commit's tree, so that a path which a log or an import gives is found without a walk.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

/// An ordinary file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path from the root, with slashes.
    pub path: String,
    /// Bytes of content.
    pub size: u64,
}

/// The ordinary files of a commit, by path and by name.
#[derive(Debug)]
pub struct Tree<'t> {
    sizes: BTreeMap<&'t str, u64>,
    by_name: HashMap<&'t str, Vec<&'t str>>,
    /// How many names were looked at: whoever follows what a stranger wrote stops by it.
    asked: Cell<usize>,
}

/// Most files that one name may stand for: more of them tell nothing.
const AMBIGUOUS: usize = 3;

/// Names that so many folders have that the name alone says nothing.
const GENERIC: [&str; 12] =
    ["__init__.py", "mod.rs", "lib.rs", "main.rs", "index.js", "index.ts", "index.tsx", "package.json", "Cargo.toml", "README.md", "Makefile", "pom.xml"];

impl<'t> Tree<'t> {
    /// Of the entries, in any order.
    #[must_use]
    pub fn new(entries: &'t [Entry]) -> Self {
        let sizes: BTreeMap<&str, u64> = entries.iter().map(|entry| (entry.path.as_str(), entry.size)).collect();
        let mut by_name: HashMap<&str, Vec<&str>> = HashMap::new();
        for path in sizes.keys() {
            by_name.entry(name(path)).or_default().push(path);
        }
        Self { sizes, by_name, asked: Cell::new(0) }
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// How many names were looked at so far.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.get()
    }

    fn ask(&self, names: usize) {
        self.asked.set(self.asked.get().saturating_add(names));
    }

    /// The path as the tree holds it, if it is there.
    #[must_use]
    pub fn exact(&self, path: &str) -> Option<&'t str> {
        self.ask(1);
        self.sizes.get_key_value(path).map(|(path, _)| *path)
    }

    /// Bytes of the file at `path`; 0 where there is none.
    #[must_use]
    pub fn size(&self, path: &str) -> u64 {
        self.sizes.get(path).copied().unwrap_or(0)
    }

    /// Every path, in order.
    pub fn paths(&self) -> impl Iterator<Item = &'t str> + '_ {
        self.sizes.keys().copied()
    }

    /// The paths directly in `folder` (empty for the root), in order.
    pub fn within(&self, folder: &str) -> impl Iterator<Item = &'t str> + '_ {
        self.ask(4);
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let from = prefix.clone();
        self.sizes
            .range::<str, (Bound<&str>, Bound<&str>)>((Bound::Included(from.as_str()), Bound::Unbounded))
            .map(|(path, _)| *path)
            .take_while(move |path| path.starts_with(&prefix))
            .filter(move |path| self::folder(path).len() + 1 == from.len() || (from.is_empty() && !path.contains('/')))
    }

    /// The paths that end in `tail` by whole components, the shortest first.
    #[must_use]
    pub fn ending(&self, tail: &str) -> Vec<&'t str> {
        let tail = tail.trim_start_matches('/');
        let alike = self.by_name.get(name(tail)).map(Vec::as_slice).unwrap_or_default();
        self.ask(1 + alike.len());
        let mut found: Vec<&str> = alike.iter().copied().filter(|path| is_tail(tail, path)).collect();
        found.sort_by_key(|path| (path.len(), *path));
        found
    }

    /// The files that a log may mean by `named`: a runner has the repository under a folder of its own, and a tool names a file from where
    /// it was started. So one of the two is the other's tail; else the name alone decides, where only one file has it.
    #[must_use]
    pub fn named(&self, named: &str) -> Vec<&'t str> {
        let named = named.trim_start_matches("./");
        if let Some(path) = self.exact(named.trim_start_matches('/')) {
            return vec![path];
        }
        let same_name = self.by_name.get(name(named)).map(Vec::as_slice).unwrap_or_default();
        // The tree's path at the end of the log's: the longest is the file, shorter ones are accidents.
        if let Some(path) = same_name.iter().copied().filter(|path| path.contains('/') && is_tail(path, named)).max_by_key(|path| path.len()) {
            return vec![path];
        }
        if named.contains('/') {
            let tails = self.ending(named);
            if !tails.is_empty() {
                return tails.into_iter().take(AMBIGUOUS).collect();
            }
        }
        let bare = !named.contains('/') && same_name.len() <= AMBIGUOUS;
        if bare || (same_name.len() == 1 && !GENERIC.contains(&name(named))) { same_name.to_vec() } else { Vec::new() }
    }
}

/// The last part of a path.
pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What stands before the last part; empty for the root.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The ending of a name, in lower case; empty where it has none.
pub(super) fn ending(path: &str) -> String {
    name(path).rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_lowercase())
}

/// Most folders above a file that matter: a path of hundreds is nobody's project.
const NEAREST: usize = 12;

/// The folder and the folders above it, the nearest first, the root (empty) last.
pub(super) fn ancestors(folder: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut at = folder;
    while !at.is_empty() && all.len() < NEAREST {
        all.push(at);
        at = self::folder(at);
    }
    all.push("");
    all
}

/// `path` with its `.` and `..` taken out; `None` where it leaves the root.
pub(super) fn normal(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn is_tail(tail: &str, path: &str) -> bool {
    path.strip_suffix(tail).is_some_and(|head| head.is_empty() || head.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(paths: &[&str]) -> Vec<Entry> {
        paths.iter().map(|path| Entry { path: (*path).to_owned(), size: 1 }).collect()
    }

    #[test]
    fn a_path_of_a_log_is_found() {
        let entries =
            entries(&["src/cart.rs", "lib/cart.rb", "packages/a/src/cart.ts", "packages/b/src/cart.ts", "pkg/x/mod.rs", "cart.rs", "deep/only_here.py"]);
        let tree = Tree::new(&entries);
        let table: &[(&str, &[&str])] = &[
            ("src/cart.rs", &["src/cart.rs"]),
            ("./src/cart.rs", &["src/cart.rs"]),
            ("/home/runner/work/x/x/src/cart.rs", &["src/cart.rs"]),
            ("/app/packages/a/src/cart.ts", &["packages/a/src/cart.ts"]),
            ("src/cart.ts", &["packages/a/src/cart.ts", "packages/b/src/cart.ts"]),
            ("cart.rb", &["lib/cart.rb"]),
            ("elsewhere/only_here.py", &["deep/only_here.py"]),
            ("elsewhere/mod.rs", &[]),
            ("none.rs", &[]),
            ("", &[]),
        ];
        for (named, expected) in table {
            assert_eq!(tree.named(named), *expected, "{named}");
        }
        assert_eq!(tree.within("").collect::<Vec<_>>(), ["cart.rs"]);
        assert_eq!(tree.within("packages/a/src").collect::<Vec<_>>(), ["packages/a/src/cart.ts"]);
        assert_eq!(tree.within("packages").count(), 0);
    }

    #[test]
    fn a_relative_path_stays_in_the_tree() {
        for (path, expected) in [("a/./b/../c", Some("a/c")), ("../x", None), ("a/../../x", None), ("a//b", Some("a/b"))] {
            assert_eq!(normal(path).as_deref(), expected, "{path}");
        }
        assert_eq!(ancestors("a/b"), ["a/b", "a", ""]);
    }
}
