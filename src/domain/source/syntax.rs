//! What the kinds of nodes in a language's syntax trees mean. One `const` of [`Syntax`] a grammar stands in its language's own file.

use std::sync::OnceLock;

/// The grammars that are built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// tree-sitter-rust.
    Rust,
    /// tree-sitter-python.
    Python,
    /// tree-sitter-javascript.
    JavaScript,
    /// tree-sitter-typescript, without JSX.
    TypeScript,
    /// tree-sitter-typescript, with JSX.
    Tsx,
    /// tree-sitter-go.
    Go,
    /// tree-sitter-java.
    Java,
    /// tree-sitter-kotlin-ng.
    Kotlin,
    /// tree-sitter-c-sharp.
    CSharp,
    /// tree-sitter-ruby.
    Ruby,
    /// tree-sitter-php, with the text around it.
    Php,
    /// tree-sitter-c.
    C,
    /// tree-sitter-cpp.
    Cpp,
}

impl Grammar {
    /// The loaded grammar.
    #[must_use]
    pub fn language(self) -> &'static tree_sitter::Language {
        static LOADED: [OnceLock<tree_sitter::Language>; 13] = [const { OnceLock::new() }; 13];
        LOADED[self as usize].get_or_init(|| match self {
            Self::Rust => tree_sitter_rust::LANGUAGE.into(),
            Self::Python => tree_sitter_python::LANGUAGE.into(),
            Self::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Self::Go => tree_sitter_go::LANGUAGE.into(),
            Self::Java => tree_sitter_java::LANGUAGE.into(),
            Self::Kotlin => tree_sitter_kotlin_ng::LANGUAGE.into(),
            Self::CSharp => tree_sitter_c_sharp::LANGUAGE.into(),
            Self::Ruby => tree_sitter_ruby::LANGUAGE.into(),
            Self::Php => tree_sitter_php::LANGUAGE_PHP.into(),
            Self::C => tree_sitter_c::LANGUAGE.into(),
            Self::Cpp => tree_sitter_cpp::LANGUAGE.into(),
        })
    }
}

/// The facts about one grammar. Kinds are those of its `node-types.json`.
#[derive(Debug, Clone, Copy)]
pub struct Syntax {
    /// The grammar.
    pub grammar: Grammar,
    /// Declarations of functions and methods.
    pub functions: &'static [&'static str],
    /// Declarations of types.
    pub types: &'static [&'static str],
    /// What brings names in from elsewhere.
    pub imports: &'static [&'static str],
    /// Calls, of macros too.
    pub calls: &'static [&'static str],
    /// Declarations of variables and constants.
    pub variables: &'static [&'static str],
    /// What binds anew, or changes, what was there: assignments.
    pub assignments: &'static [&'static str],
    /// Functions without a name.
    pub closures: &'static [&'static str],
    /// What may be left without going on to the next statement: conditions, loops, returns.
    pub flow: &'static [&'static str],
    /// A statement that is nothing but an expression.
    pub expressions: &'static [&'static str],
    /// Statements that assert by themselves, without a call.
    pub assertions: &'static [&'static str],
    /// Bodies in which declarations stand: of a file, a module, a type.
    pub declarations: &'static [&'static str],
    /// Bodies in which statements stand.
    pub blocks: &'static [&'static str],
    /// Lists of a call's arguments.
    pub arguments: &'static [&'static str],
    /// Attributes that stand beside what they are about, in front of it.
    pub attributes: &'static [&'static str],
    /// What wraps a declaration: decorators, `export`, `template`.
    pub wrappers: &'static [&'static str],
    /// Definitions that work on text before it is parsed, and others that a look at the tree can't judge.
    pub opaque: &'static [&'static str],
    /// Names of functions that a runner or the language calls by itself, as a regular expression on the whole name.
    pub hooks: &'static str,
}
