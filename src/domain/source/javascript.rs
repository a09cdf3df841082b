//! JavaScript and TypeScript.

use super::syntax::{Grammar, Syntax};

/// tree-sitter-javascript.
pub(super) const SYNTAX: Syntax = Syntax {
    grammar: Grammar::JavaScript,
    functions: &["function_declaration", "generator_function_declaration", "method_definition", "function_signature", "abstract_method_signature"],
    types: &["class_declaration", "interface_declaration", "type_alias_declaration", "enum_declaration", "abstract_class_declaration"],
    imports: &["import_statement"],
    calls: &["call_expression", "new_expression"],
    variables: &["lexical_declaration", "variable_declaration"],
    assignments: &["assignment_expression", "augmented_assignment_expression", "update_expression"],
    closures: &["arrow_function", "function_expression", "generator_function", "function"],
    flow: &[
        "return_statement",
        "if_statement",
        "for_statement",
        "for_in_statement",
        "while_statement",
        "do_statement",
        "try_statement",
        "switch_statement",
        "throw_statement",
        "break_statement",
        "continue_statement",
        "yield_expression",
        "ternary_expression",
        "with_statement",
        "labeled_statement",
    ],
    expressions: &["expression_statement"],
    assertions: &[],
    declarations: &["program"],
    blocks: &["statement_block"],
    arguments: &["arguments"],
    attributes: &[],
    wrappers: &["export_statement"],
    opaque: &["debugger_statement", "ambient_declaration", "internal_module", "module"],
    hooks: r"toString|valueOf|then|constructor|toJSON|equals|asymmetricMatch|(?:before|after)(?:Each|All)?|setup|teardown",
};

/// tree-sitter-typescript, without JSX.
pub(super) const TYPESCRIPT: Syntax = Syntax { grammar: Grammar::TypeScript, ..SYNTAX };

/// tree-sitter-typescript, with JSX.
pub(super) const TSX: Syntax = Syntax { grammar: Grammar::Tsx, ..SYNTAX };
