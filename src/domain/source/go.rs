//! Go.

use super::syntax::{Grammar, Syntax};

/// tree-sitter-go.
pub(super) const SYNTAX: Syntax = Syntax {
    grammar: Grammar::Go,
    functions: &["function_declaration", "method_declaration"],
    types: &["type_declaration"],
    imports: &["import_declaration"],
    calls: &["call_expression"],
    variables: &["var_declaration", "const_declaration", "short_var_declaration"],
    assignments: &["assignment_statement", "inc_statement", "dec_statement", "send_statement", "receive_statement"],
    closures: &["func_literal"],
    flow: &[
        "return_statement",
        "if_statement",
        "for_statement",
        "expression_switch_statement",
        "type_switch_statement",
        "select_statement",
        "go_statement",
        "defer_statement",
        "goto_statement",
        "break_statement",
        "continue_statement",
        "labeled_statement",
    ],
    expressions: &["expression_statement"],
    assertions: &[],
    declarations: &["source_file"],
    blocks: &["block", "statement_list"],
    arguments: &["argument_list"],
    attributes: &[],
    wrappers: &[],
    opaque: &[],
    hooks: "TestMain|init|main|String|Error|Equal|GoString|Format|MarshalJSON|UnmarshalJSON",
};
