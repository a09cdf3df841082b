//! Syntax trees of whole files, and whether they were understood.
//!
//! The trees are tree-sitter's, copied into nodes of our own: without comments (but for those that work), without blanks, each with a hash of
//! all that it holds, so that two stretches of code are compared by one number. Parsing is bounded by [`MOST_BYTES`] and, since this
//! floor has no clock, by [`MOST_STEPS`] of tree-sitter's own counter in place of a time.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::{ControlFlow, Range};
use std::sync::LazyLock;

use regex::Regex;

use super::lexer::Language;
use super::syntax::Syntax;
use super::{dotnet, go, javascript, jvm, native, php, python, ruby, rust};

/// Longer files are not parsed. Hand-written tests are far below; a longer file is a table or was generated.
pub const MOST_BYTES: usize = 1 << 20;

/// How often tree-sitter may report its progress: it does so every hundred operations of its parser. A mebibyte of ordinary code
/// takes about a tenth of that; text that is made to be ambiguous is given up.
const MOST_STEPS: usize = 200_000;

/// Deeper nodes are taken as one piece of text.
const MOST_DEPTH: usize = 200;

/// The fields that anybody asks for.
const FIELDS: [&str; 16] = [
    "name",
    "left",
    "function",
    "method",
    "macro",
    "arguments",
    "body",
    "declarator",
    "receiver",
    "type",
    "value",
    "definition",
    "object",
    "block",
    "constructor",
    "pattern",
];

/// A node of a syntax tree.
#[derive(Debug, Clone)]
pub struct Node {
    /// The kind, by the grammar's name for it.
    pub kind: &'static str,
    /// It has a name in the grammar; else it is a mark such as `(`.
    pub named: bool,
    /// The field of its parent that it is.
    pub field: Option<&'static str>,
    /// Where it stands.
    pub range: Range<usize>,
    /// What it is made of, comments and blanks left out. Strings have no parts.
    pub children: Vec<Node>,
    /// Of the kinds and texts of all its leaves.
    pub hash: u64,
}

/// What came of parsing.
#[derive(Debug)]
pub enum Parsed {
    /// There is no grammar for the file.
    NoGrammar,
    /// Too long, too ambiguous, or not in the language that its name says.
    NotUnderstood,
    /// The whole file was understood.
    Understood(Node, &'static Syntax),
}

/// The grammars that may fit a file, the likeliest first.
fn syntaxes(path: &str) -> &'static [Syntax] {
    let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or(String::new(), |(_, extension)| extension.to_ascii_lowercase());
    match Language::of(path) {
        Language::Rust => &[rust::SYNTAX],
        Language::Python => &[python::SYNTAX],
        Language::JavaScript => match extension.as_str() {
            "ts" | "mts" | "cts" => &[javascript::TYPESCRIPT],
            "tsx" => &[javascript::TSX],
            // Flow's annotations are read as TypeScript's.
            "js" | "jsx" | "mjs" | "cjs" => &[javascript::SYNTAX, javascript::TSX],
            _ => &[],
        },
        Language::Go => &[go::SYNTAX],
        Language::Java => &[jvm::JAVA],
        Language::Kotlin => &[jvm::KOTLIN],
        Language::CSharp => &[dotnet::CSHARP],
        Language::Ruby => &[ruby::SYNTAX],
        Language::Php => &[php::SYNTAX],
        Language::C => match extension.as_str() {
            "c" => &[native::C],
            "h" => &[native::CPP, native::C],
            "m" | "mm" => &[],
            _ => &[native::CPP],
        },
        _ => &[],
    }
}

/// Parse a file.
#[must_use]
pub fn parse(path: &str, text: &str) -> Parsed {
    let syntaxes = syntaxes(path);
    if syntaxes.is_empty() {
        return Parsed::NoGrammar;
    }
    if text.len() > MOST_BYTES {
        return Parsed::NotUnderstood;
    }
    for syntax in syntaxes {
        if let Some(node) = with(syntax, text) {
            return Parsed::Understood(node, syntax);
        }
    }
    Parsed::NotUnderstood
}

fn with(syntax: &Syntax, text: &str) -> Option<Node> {
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(syntax.grammar.language()).ok()?;
    let mut steps = 0_usize;
    let mut progress = |_: &tree_sitter::ParseState| {
        steps += 1;
        if steps > MOST_STEPS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = tree_sitter::ParseOptions::new().progress_callback(&mut progress);
    let bytes = text.as_bytes();
    let tree = parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options))?;
    // Holds for MISSING nodes too.
    if tree.root_node().has_error() {
        return None;
    }
    let mut cursor = tree.walk();
    let mut root = copy(&mut cursor, text, syntax, 0)?;
    root.range = 0..text.len();
    Some(root)
}

/// Comments that tell a runner, a compiler or a linter something.
static WORKING: LazyLock<Regex> = LazyLock::new(|| {
    super::pattern(
        r"(?im)@(?:test|testWith|dataProvider\w*|expectedException\w*|group|requires|depends|runIn\w+|runTests\w+|backup\w*|jest-\w+|vitest-\w+|ts-\w+|jsx\w*)\b|^//\s*\+build|^//go:|^//export|^#cgo|\boutput:|>>>|\biex>|^#\s*(?:frozen_string_literal|encoding|-\*-)|\bistanbul\b|\bc8 ignore|\btype:\s*ignore|\bnoqa\b|\bpragma\b|\beslint|\bnolint|\brubocop:|\$Expect\w+|~[\^|]*\s*(?:ERROR|WARN|NOTE|HELP)|^//@|\bexpected-error|\bcompile-flags|\berror-pattern|\bCHECK(?:-\w+)?:|\bRUN:|\bXFAIL\b|\bdoctest\b|\bnocov\b",
    )
});

fn copy(cursor: &mut tree_sitter::TreeCursor<'_>, text: &str, syntax: &Syntax, depth: usize) -> Option<Node> {
    let raw = cursor.node();
    let kind = syntax.grammar.language().node_kind_for_id(raw.kind_id())?;
    let range = raw.byte_range();
    let own = text.get(range.clone())?;
    if kind.contains("comment") && !WORKING.is_match(own) {
        return None;
    }
    let mut node = Node {
        kind,
        named: raw.is_named(),
        field: cursor.field_name().and_then(|name| FIELDS.into_iter().find(|known| *known == name)),
        range: range.clone(),
        children: Vec::new(),
        hash: 0,
    };
    let mut hasher = DefaultHasher::new();
    kind.hash(&mut hasher);
    let whole = is_text(kind) || kind.contains("comment") || depth >= MOST_DEPTH;
    if whole || !cursor.goto_first_child() {
        if own.trim().is_empty() && !whole {
            return None;
        }
        own.hash(&mut hasher);
        node.hash = hasher.finish();
        return Some(node);
    }
    // What stands between the parts and is no blank belongs to the node itself; comments do not, and are nodes.
    let mut at = range.start;
    loop {
        let part = cursor.node().byte_range();
        if let Some(between) = text.get(at..part.start).map(str::trim).filter(|between| !between.is_empty()) {
            between.hash(&mut hasher);
        }
        at = part.end.max(at);
        if let Some(child) = copy(cursor, text, syntax, depth + 1) {
            node.children.push(child);
        }
        if !cursor.goto_next_sibling() {
            break;
        }
    }
    cursor.goto_parent();
    if let Some(behind) = text.get(at..range.end).map(str::trim).filter(|behind| !behind.is_empty()) {
        behind.hash(&mut hasher);
    }
    drop_trailing_comma(&mut node, text);
    attribute(&mut node, syntax);
    for child in &node.children {
        child.hash.hash(&mut hasher);
    }
    node.hash = hasher.finish();
    Some(node)
}

/// A comma before a closing bracket is a matter of layout, unless it makes a tuple of one: then the kind differs. `[,]` keeps its own.
fn drop_trailing_comma(node: &mut Node, text: &str) {
    if let [.., before, comma, close] = node.children.as_slice()
        && before.named
        && text.get(comma.range.clone()) == Some(",")
        && text.get(close.range.clone()).is_some_and(|close| matches!(close, ")" | "]" | "}"))
        && node.children.iter().filter(|child| child.kind == ",").count() > usize::from(node.kind == "tuple")
    {
        let at = node.children.len() - 2;
        node.children.remove(at);
    }
}

/// Put attributes, and comments that work, into one node with what they stand before.
fn attribute(node: &mut Node, syntax: &Syntax) {
    let leads = |child: &Node| (syntax.attributes.contains(&child.kind) && child.kind != "inner_attribute_item") || child.kind.contains("comment");
    if !node.children.iter().any(leads) {
        return;
    }
    let mut children: Vec<Node> = Vec::with_capacity(node.children.len());
    let mut waiting: Vec<Node> = Vec::new();
    for child in node.children.drain(..) {
        if leads(&child) {
            waiting.push(child);
        } else if waiting.is_empty() || !child.named {
            children.append(&mut waiting);
            children.push(child);
        } else {
            let mut hasher = DefaultHasher::new();
            let range = waiting.first().map_or(child.range.start, |first| first.range.start)..child.range.end;
            waiting.push(child);
            for part in &waiting {
                part.hash.hash(&mut hasher);
            }
            children.push(Node { kind: "attributed", named: true, field: None, range, children: std::mem::take(&mut waiting), hash: hasher.finish() });
        }
    }
    children.append(&mut waiting);
    node.children = children;
}

/// Strings and their kin, whose blanks count. Their parts are not looked at.
fn is_text(kind: &str) -> bool {
    matches!(
        kind,
        "string" | "template_string" | "regex" | "char_literal" | "character_literal" | "heredoc_body" | "subshell" | "string_array" | "symbol_array" | "text"
    ) || kind.ends_with("string_literal")
        || kind.ends_with("_string")
        || kind.ends_with("string_expression")
        || kind == "heredoc"
        || kind == "nowdoc"
        || kind == "jsx_text"
        || kind == "encapsed_string"
}

impl Node {
    /// Its text.
    #[must_use]
    pub fn text<'a>(&self, source: &'a str) -> &'a str {
        source.get(self.range.clone()).unwrap_or_default()
    }

    /// The part that is the field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.field == Some(name))
    }

    /// Itself and all that is in it, from the outside in, until `visit` says that it needs not look inside.
    pub fn walk<'n>(&'n self, visit: &mut dyn FnMut(&'n Self) -> bool) {
        if visit(self) {
            for child in &self.children {
                child.walk(visit);
            }
        }
    }

    /// Its leaves, in order.
    #[must_use]
    pub fn leaves(&self) -> Vec<&Self> {
        let mut leaves = Vec::new();
        self.walk(&mut |node| {
            if node.children.is_empty() {
                leaves.push(node);
            }
            true
        });
        leaves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_parses_is_understood_and_what_does_not_is_told() {
        let good = [
            ("a.rs", "#[test]\nfn a() {\n    assert_eq!(f(), 1);\n}\n"),
            ("a.py", "def test_a():\n    assert f() == 1\n"),
            ("a.js", "it('a', () => { expect(f()).toBe(1); });\n"),
            ("a.ts", "it('a', (): void => { expect(f() as number).toBe(1); });\n"),
            ("a.tsx", "it('a', () => { render(<A b={1} />); });\n"),
            ("a.go", "package a\n\nfunc TestA(t *testing.T) {\n\tif f() != 1 {\n\t\tt.Fatal()\n\t}\n}\n"),
            ("A.java", "class A { @Test void a() { assertEquals(1, f()); } }\n"),
            ("A.kt", "class A {\n    @Test\n    fun a() {\n        assertEquals(1, f())\n    }\n}\n"),
            ("A.cs", "class A { [Fact] public void B() { Assert.Equal(1, F()); } }\n"),
            ("a.rb", "it \"a\" do\n  expect(f).to eq(1)\nend\n"),
            ("a.php", "<?php\nclass A { public function testA() { $this->assertSame(1, f()); } }\n"),
            ("a.c", "void test_a(void) { assert(f() == 1); }\n"),
            ("a.cpp", "int main() { return f<int>() == 1 ? 0 : 1; }\n"),
        ];
        for (path, text) in good {
            assert!(matches!(parse(path, text), Parsed::Understood(..)), "{path}: {text}");
            // Cut in the middle, it is not.
            let cut = &text[..text.rfind('(').unwrap() + 1];
            assert!(!matches!(parse(path, cut), Parsed::Understood(..)), "{path}: {cut}");
        }
    }

    #[test]
    fn layout_and_comments_make_no_difference_and_text_does() {
        let hash = |text: &str| match parse("a.rs", text) {
            Parsed::Understood(node, _) => node.hash,
            other => panic!("{other:?}"),
        };
        let base = hash("fn a() { f(\"x y\"); }\n");
        assert_eq!(base, hash("// why\nfn a() {\n    f(\"x y\");\n}\n"));
        assert_ne!(base, hash("fn a() { f(\"x  y\"); }\n"));
        assert_ne!(base, hash("fn a() { g(\"x y\"); }\n"));
    }
}
