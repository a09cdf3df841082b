//! Ruby.

use super::syntax::{Grammar, Syntax};

/// tree-sitter-ruby.
pub(super) const SYNTAX: Syntax = Syntax {
    grammar: Grammar::Ruby,
    functions: &["method", "singleton_method"],
    types: &["class", "module"],
    // `require` is a call in Ruby.
    imports: &[],
    calls: &["call", "super"],
    variables: &[],
    assignments: &["assignment", "operator_assignment", "undef", "alias"],
    closures: &["lambda"],
    flow: &[
        "return",
        "if",
        "unless",
        "if_modifier",
        "unless_modifier",
        "while",
        "until",
        "while_modifier",
        "until_modifier",
        "rescue_modifier",
        "case",
        "case_match",
        "for",
        "begin",
        "break",
        "next",
        "redo",
        "retry",
        "yield",
        "conditional",
        "ensure",
        "rescue",
    ],
    expressions: &[],
    assertions: &[],
    declarations: &["program"],
    blocks: &["body_statement", "block_body"],
    arguments: &["argument_list"],
    attributes: &[],
    wrappers: &[],
    opaque: &["begin_block", "end_block", "singleton_class"],
    hooks: r"setup|teardown|(?:before|after)\w*|initialize|==|===|eql\?|equal\?|!=|=~|hash|to_s|inspect|method_missing|respond_to\w*|assert\w*|refute\w*|skip|flunk|run\w*|inherited|included|extended|prepended|method_added|const_missing|coerce|<=>",
};
