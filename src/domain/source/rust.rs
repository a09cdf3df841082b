//! Rust.

use super::syntax::{Grammar, Syntax};

/// tree-sitter-rust.
pub(super) const SYNTAX: Syntax = Syntax {
    grammar: Grammar::Rust,
    functions: &["function_item", "function_signature_item"],
    types: &["struct_item", "enum_item", "trait_item", "type_item", "union_item"],
    imports: &["use_declaration"],
    calls: &["call_expression", "macro_invocation"],
    variables: &["let_declaration", "const_item", "static_item"],
    assignments: &["assignment_expression", "compound_assignment_expr"],
    closures: &["closure_expression", "async_block"],
    flow: &[
        "return_expression",
        "if_expression",
        "match_expression",
        "loop_expression",
        "while_expression",
        "for_expression",
        "break_expression",
        "continue_expression",
        "try_expression",
        "let_condition",
    ],
    expressions: &["expression_statement"],
    assertions: &[],
    declarations: &["source_file", "declaration_list"],
    blocks: &["block"],
    arguments: &["arguments"],
    attributes: &["attribute_item", "inner_attribute_item"],
    wrappers: &["attributed"],
    opaque: &["macro_definition", "extern_crate_declaration", "foreign_mod_item"],
    hooks: "main|drop|fmt|eq|ne|cmp|partial_cmp|hash|deref|deref_mut|clone|default",
};
