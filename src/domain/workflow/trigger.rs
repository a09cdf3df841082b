//! What starts a workflow, and whether a push or a pull request would.

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::Workflow;
use super::value::Value;

/// Filters of one event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filters {
    pub branches: Option<Vec<String>>,
    pub branches_ignore: Option<Vec<String>>,
    pub tags: Option<Vec<String>>,
    pub tags_ignore: Option<Vec<String>>,
    pub paths: Option<Vec<String>>,
    pub paths_ignore: Option<Vec<String>>,
    /// Activity types, such as `opened`.
    pub types: Option<Vec<String>>,
}

/// What starts a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Triggers {
    pub push: Option<Filters>,
    pub pull_request: Option<Filters>,
    pub pull_request_target: Option<Filters>,
    /// Names of all other events.
    pub others: Vec<String>,
}

/// Something that happens in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening<'a> {
    /// A push to this branch.
    Push { branch: &'a str },
    /// A pull request is opened against this branch.
    PullRequest { base: &'a str },
}

/// What starts this workflow.
pub fn triggers(workflow: &Workflow) -> Triggers {
    let mut triggers = Triggers::default();
    let mut add = |name: &str, value: &Value| {
        let filters = Filters::read(value);
        match name {
            "push" => triggers.push = Some(filters),
            "pull_request" => triggers.pull_request = Some(filters),
            "pull_request_target" => triggers.pull_request_target = Some(filters),
            other => triggers.others.push(other.to_owned()),
        }
    };
    match workflow.root().get("on") {
        Some(Value::Map(entries)) => entries.iter().for_each(|(name, value)| add(name, value)),
        Some(value) => value.texts().iter().for_each(|name| add(name, &Value::Null)),
        None => {}
    }
    triggers
}

/// Whether the happening would start the workflow, whatever files it touches: a workflow with a filter on paths
/// counts as started. [`would_start_for`] takes the touched files into account.
pub fn would_start(triggers: &Triggers, happening: Happening) -> bool {
    filters(triggers, happening).any(|filters| filters.take(happening))
}

/// Whether the happening would start the workflow when these files are touched.
pub fn would_start_for(triggers: &Triggers, happening: Happening, touched: &[&str]) -> bool {
    filters(triggers, happening).any(|filters| filters.take(happening) && filters.take_paths(touched))
}

fn filters<'a>(triggers: &'a Triggers, happening: Happening) -> impl Iterator<Item = &'a Filters> {
    let chosen = match happening {
        Happening::Push { .. } => [triggers.push.as_ref(), None],
        Happening::PullRequest { .. } => [triggers.pull_request.as_ref(), triggers.pull_request_target.as_ref()],
    };
    chosen.into_iter().flatten()
}

impl Filters {
    fn read(value: &Value) -> Self {
        let list = |key: &str| value.get(key).filter(|value| !value.is_empty()).map(Value::texts);
        Self {
            branches: list("branches"),
            branches_ignore: list("branches-ignore"),
            tags: list("tags"),
            tags_ignore: list("tags-ignore"),
            paths: list("paths"),
            paths_ignore: list("paths-ignore"),
            types: list("types"),
        }
    }

    fn take(&self, happening: Happening) -> bool {
        let branch = match happening {
            Happening::Push { branch } => {
                let about_tags = self.tags.is_some() || self.tags_ignore.is_some();
                let about_branches = self.branches.is_some() || self.branches_ignore.is_some();
                // A filter on tags alone excludes every branch.
                if about_tags && !about_branches {
                    return false;
                }
                branch
            }
            Happening::PullRequest { base } => {
                let opened = self.types.as_ref().is_none_or(|types| types.iter().any(|name| name == "opened"));
                if !opened {
                    return false;
                }
                base
            }
        };
        self.branches.as_ref().is_none_or(|patterns| selects(patterns, branch))
            && self.branches_ignore.as_ref().is_none_or(|patterns| !patterns.iter().any(|p| matches(p, branch)))
    }

    fn take_paths(&self, touched: &[&str]) -> bool {
        self.paths.as_ref().is_none_or(|patterns| touched.iter().any(|path| selects(patterns, path)))
            && self.paths_ignore.as_ref().is_none_or(|patterns| touched.iter().any(|path| !patterns.iter().any(|p| matches(p, path))))
    }
}

/// The last pattern that matches decides; a leading `!` excludes.
fn selects(patterns: &[String], name: &str) -> bool {
    patterns.iter().fold(false, |selected, pattern| match pattern.strip_prefix('!') {
        Some(excluded) => selected && !matches(excluded, name),
        None => selected || matches(pattern, name),
    })
}

/// GitHub's filter patterns: `*` any but `/`, `**` anything, `?` and `+` repeat the character before them,
/// `[]` a class, `\` takes the next character literally.
/// <https://docs.github.com/actions/reference/workflow-syntax-for-github-actions#filter-pattern-cheat-sheet>
pub fn matches(pattern: &str, name: &str) -> bool {
    // A pattern that makes no sense selects nothing on GitHub either; only its own literal text is taken.
    Regex::new(&translate(pattern)).map_or(pattern == name, |regex| regex.is_match(name))
}

fn translate(pattern: &str) -> String {
    let mut out = String::from(r"(?s)\A");
    let mut chars = pattern.chars().peekable();
    // Whether something stands before that `?` or `+` can repeat.
    let mut repeatable = false;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                // `**/x` also matches `x` at the top.
                if chars.peek() == Some(&'/') {
                    chars.next();
                    out.push_str("(?:.*/)?");
                } else {
                    out.push_str(".*");
                }
                repeatable = false;
            }
            '*' => {
                out.push_str("[^/]*");
                repeatable = false;
            }
            '?' | '+' if repeatable => {
                out.push(c);
                repeatable = false;
            }
            '[' => {
                let mut class = String::new();
                let mut closed = false;
                for inner in chars.by_ref() {
                    if inner == ']' {
                        closed = true;
                        break;
                    }
                    class.push(inner);
                }
                if closed && !class.is_empty() {
                    let escaped: String = class.chars().flat_map(|c| if matches!(c, '\\' | '[' | '^' | '&' | '~') { vec!['\\', c] } else { vec![c] }).collect();
                    out.push('[');
                    out.push_str(&escaped);
                    out.push(']');
                } else {
                    out.push_str(&regex::escape(&format!("[{class}{}", if closed { "]" } else { "" })));
                }
                repeatable = true;
            }
            '\\' => {
                out.push_str(&regex::escape(&chars.next().unwrap_or('\\').to_string()));
                repeatable = true;
            }
            c => {
                out.push_str(&regex::escape(&c.to_string()));
                repeatable = true;
            }
        }
    }
    out.push_str(r"\z");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_follow_the_cheat_sheet() {
        for (pattern, name, expected) in [
            ("main", "main", true),
            ("main", "mainly", false),
            ("feature/*", "feature/a", true),
            ("feature/*", "feature/a/b", false),
            ("feature/**", "feature/a/b", true),
            ("*", "a/b", false),
            ("**", "a/b", true),
            ("**-fix", "team/x-fix", true),
            ("v[12].[0-9]+.x", "v1.25.x", true),
            ("v[12].[0-9]+.x", "v3.2.x", false),
            ("*.jsx?", "page.js", true),
            ("*.jsx?", "page.jsx", true),
            (r"a\+b", "a+b", true),
            ("**/docs/**", "docs/a.md", true),
            ("dependabot/**", "dependabot/npm/x-1.2", true),
            ("release/[", "release/[", true),
            ("a.c", "abc", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn filters_decide() {
        let push = |branch| Happening::Push { branch };
        let pull = |base| Happening::PullRequest { base };
        for (on, happening, expected) in [
            ("on: push", push("x"), true),
            ("on: push", pull("x"), false),
            ("on: [push, pull_request]", pull("topic"), true),
            ("on:\n  push:\n  workflow_dispatch:", push("a/b"), true),
            ("on:\n  push:\n    branches: [main, 'releases/**']", push("topic"), false),
            ("on:\n  push:\n    branches: [main, 'releases/**']", push("releases/1/2"), true),
            ("on:\n  push:\n    branches: ['**', '!agent-fix/**']", push("agent-fix/x-1"), false),
            ("on:\n  push:\n    branches: ['!agent-fix/**', '**']", push("agent-fix/x-1"), true),
            ("on:\n  push:\n    branches-ignore: ['agent-fix/**']", push("agent-fix/x-1"), false),
            ("on:\n  push:\n    branches-ignore: ['agent-fix/**']", push("topic"), true),
            ("on:\n  push:\n    tags: ['v*']", push("topic"), false),
            ("on:\n  push:\n    tags: ['v*']\n    branches: [topic]", push("topic"), true),
            ("on:\n  pull_request:\n    branches: [main]", pull("topic"), false),
            ("on:\n  pull_request:\n    branches: [main]", pull("main"), true),
            ("on:\n  pull_request:\n    types: [labeled]", pull("topic"), false),
            ("on:\n  pull_request:\n    types: [opened, synchronize]", pull("topic"), true),
            ("on:\n  pull_request_target:\n    branches: main", pull("main"), true),
            ("'on': { push: { branches: main } }", push("main"), true),
            ("on: schedule", push("main"), false),
        ] {
            let workflow = Workflow::parse(&format!("{on}\njobs:\n  a:\n    runs-on: x\n    steps: []\n")).unwrap();
            assert_eq!(would_start(&triggers(&workflow), happening), expected, "{on} {happening:?}");
        }
    }

    #[test]
    fn paths_are_asked_only_where_the_files_are_known() {
        let workflow =
            Workflow::parse("on:\n  push:\n    paths: ['src/**', '!src/docs/**']\n  pull_request:\n    paths-ignore: ['**.md']\njobs: {a: {}}\n").unwrap();
        let triggers = triggers(&workflow);
        let push = Happening::Push { branch: "x" };
        let pull = Happening::PullRequest { base: "x" };
        assert!(would_start(&triggers, push));
        assert!(would_start_for(&triggers, push, &["src/a.rs", "README.md"]));
        assert!(!would_start_for(&triggers, push, &["src/docs/a.md", "README.md"]));
        assert!(!would_start_for(&triggers, pull, &["a.md", "docs/b.md"]));
        assert!(would_start_for(&triggers, pull, &["a.md", "b.rs"]));
    }

    proptest! {
        #[test]
        fn any_pattern_is_answered(pattern in "[a-z*?+!/\\[\\]\\\\.^&~-]{0,20}", name in "[a-z/.-]{0,20}") {
            let _ = matches(&pattern, &name);
        }

        #[test]
        fn a_plain_name_matches_only_itself(a in "[a-z0-9/_.-]{1,20}", b in "[a-z0-9/_.-]{1,20}") {
            prop_assert!(matches(&a, &a));
            prop_assert_eq!(matches(&a, &b), a == b);
        }
    }
}
