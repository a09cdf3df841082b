//! C, C++.

use super::syntax::{Grammar, Syntax};

/// tree-sitter-cpp; what it says of C holds for tree-sitter-c, whose kinds are a part of these.
pub(super) const CPP: Syntax = Syntax {
    grammar: Grammar::Cpp,
    functions: &["function_definition"],
    types: &["struct_specifier", "class_specifier", "enum_specifier", "union_specifier", "type_definition", "alias_declaration", "concept_definition"],
    imports: &["preproc_include", "using_declaration"],
    calls: &["call_expression", "new_expression"],
    variables: &["declaration"],
    assignments: &["assignment_expression", "update_expression", "delete_expression"],
    closures: &["lambda_expression"],
    flow: &[
        "return_statement",
        "if_statement",
        "for_statement",
        "for_range_loop",
        "while_statement",
        "do_statement",
        "try_statement",
        "switch_statement",
        "throw_statement",
        "break_statement",
        "continue_statement",
        "goto_statement",
        "labeled_statement",
        "conditional_expression",
        "co_return_statement",
        "co_yield_statement",
    ],
    expressions: &["expression_statement"],
    assertions: &["static_assert_declaration"],
    declarations: &["translation_unit", "declaration_list"],
    blocks: &["compound_statement"],
    arguments: &["argument_list"],
    attributes: &[],
    wrappers: &["template_declaration"],
    opaque: &[
        "preproc_def",
        "preproc_function_def",
        "preproc_call",
        "preproc_if",
        "preproc_ifdef",
        "preproc_else",
        "linkage_specification",
        "template_instantiation",
        "namespace_alias_definition",
    ],
    hooks: r"main|SetUp\w*|TearDown\w*|operator\W*|setUp|tearDown|PrintTo|suiteSetUp|suiteTearDown",
};

/// tree-sitter-c.
pub(super) const C: Syntax = Syntax { grammar: Grammar::C, ..CPP };
