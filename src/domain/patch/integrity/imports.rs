//! What the imports of a test file bind, so that imports may be sorted, merged and split.

use crate::domain::source::lexer::Language;

/// A name that comes from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    /// The name; empty where the import binds none by itself, `*` where it binds all.
    pub name: String,
    /// Where it comes from, the name there included.
    pub from: String,
}

/// What one statement binds.
pub(super) fn bindings(language: Language, text: &str) -> Vec<Binding> {
    let text = text.trim().trim_end_matches(';').trim();
    let bind = |name: &str, from: &str| Binding { name: name.trim().to_owned(), from: from.split_whitespace().collect::<Vec<_>>().join(" ") };
    let listed = |list: &str| -> Vec<String> {
        list.trim().trim_matches(['(', ')', '{', '}']).split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    let aliased = |item: &str, from: &str| match item.split_once(" as ") {
        Some((name, alias)) => bind(alias, &format!("{from} {}", name.trim())),
        None => bind(item, &format!("{from} {item}")),
    };
    match language {
        Language::Python => match text.strip_prefix("from ").and_then(|rest| rest.split_once(" import")) {
            Some((from, items)) => listed(&items.replace('\\', " ")).iter().map(|item| aliased(item, from)).collect(),
            None => listed(text.trim_start_matches("import"))
                .iter()
                .map(|item| match item.split_once(" as ") {
                    Some((from, alias)) => bind(alias, from),
                    None => bind(item.split('.').next().unwrap_or(item), item),
                })
                .collect(),
        },
        Language::JavaScript => {
            let Some((what, from)) = text.trim_start_matches("import").rsplit_once("from") else { return vec![bind("", text)] };
            let from = from.trim();
            let (plain, braced) = match what.split_once('{') {
                Some((plain, braced)) => (plain, braced.trim_end().trim_end_matches('}')),
                None => (what, ""),
            };
            let plain = plain.trim().trim_end_matches(',').trim();
            let mut found: Vec<Binding> = listed(braced).iter().map(|item| aliased(item.trim_start_matches("type "), from)).collect();
            for item in plain.split(',').map(str::trim).filter(|item| !item.is_empty() && *item != "type") {
                found.push(match item.split_once(" as ") {
                    Some((_, name)) => bind(name, &format!("{from} *")),
                    None => bind(item.trim_start_matches("type "), &format!("{from} default")),
                });
            }
            found
        }
        Language::Rust => {
            let start = text.find("use ").map_or(0, |at| at + 4);
            let mut found = Vec::new();
            tree("", text.get(start..).unwrap_or_default(), &mut found, 0);
            found
        }
        Language::Go => text
            .trim_start_matches("import")
            .trim()
            .trim_matches(['(', ')'])
            .split(['\n', ';'])
            .map(|line| line.split("//").next().unwrap_or(line).trim())
            .filter(|line| !line.is_empty())
            .map(|line| match line.split_once(char::is_whitespace) {
                Some(("_" | ".", from)) => bind("*", from),
                Some((alias, from)) => bind(alias, from),
                None => bind(line.trim_matches('"').rsplit('/').next().unwrap_or(line), line),
            })
            .collect(),
        Language::Java | Language::Kotlin | Language::Php => {
            let path = text.trim_start_matches("import").trim_start_matches("use").trim();
            let path = path.strip_prefix("static ").unwrap_or(path);
            match path.split_once(" as ") {
                Some((_, alias)) => vec![bind(alias, text)],
                None => vec![bind(path.rsplit(['.', '\\']).next().unwrap_or(path).trim_matches('}'), text)],
            }
        }
        Language::CSharp => match text.split_once('=') {
            Some((alias, _)) => vec![bind(alias.trim_start_matches("global").trim_start_matches("using"), text)],
            None => vec![bind("", text)],
        },
        _ => vec![bind("", text)],
    }
}

/// A tree of `use`.
fn tree(prefix: &str, text: &str, found: &mut Vec<Binding>, depth: usize) {
    let text = text.trim();
    if depth > 8 || text.is_empty() {
        return;
    }
    if let Some(open) = text.find('{') {
        let prefix = format!("{prefix}{}", text.get(..open).unwrap_or_default().trim());
        let inner = text.get(open + 1..).unwrap_or_default().trim_end().trim_end_matches('}');
        // A brace too many was taken where trees are nested: split by depth, whatever is left closes by itself.
        for item in super::strength::split_arguments(text.get(open + 1..text.rfind('}').unwrap_or(text.len())).unwrap_or(inner)) {
            tree(&prefix, item, found, depth + 1);
        }
        return;
    }
    let (path, alias) = match text.split_once(" as ") {
        Some((path, alias)) => (path.trim(), Some(alias.trim())),
        None => (text, None),
    };
    let from = format!("{prefix}{path}");
    let last = if path == "self" { prefix.trim_end_matches("::").rsplit("::").next().unwrap_or(prefix) } else { path.rsplit("::").next().unwrap_or(path) };
    found.push(Binding { name: alias.unwrap_or(last).to_owned(), from });
}
