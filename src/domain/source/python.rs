//! Python.

use super::syntax::{Grammar, Syntax};

/// tree-sitter-python.
pub(super) const SYNTAX: Syntax = Syntax {
    grammar: Grammar::Python,
    functions: &["function_definition"],
    types: &["class_definition"],
    imports: &["import_statement", "import_from_statement", "future_import_statement"],
    calls: &["call"],
    variables: &[],
    assignments: &["assignment", "augmented_assignment", "named_expression", "delete_statement", "global_statement", "nonlocal_statement"],
    closures: &["lambda"],
    flow: &[
        "return_statement",
        "if_statement",
        "for_statement",
        "while_statement",
        "try_statement",
        "match_statement",
        "raise_statement",
        "break_statement",
        "continue_statement",
        "with_statement",
        "yield",
        "conditional_expression",
        "list_comprehension",
        "generator_expression",
    ],
    expressions: &["expression_statement"],
    assertions: &["assert_statement"],
    declarations: &["module"],
    blocks: &["block"],
    arguments: &["argument_list"],
    attributes: &[],
    wrappers: &["decorated_definition"],
    opaque: &["exec_statement"],
    hooks: r"pytest_\w+|(?i:set_?up|tear_?down)\w*|__\w+__|load_tests|run|debug|id|assert\w*|fail\w*|skip\w*|add\w*Cleanup|doCleanups|countTestCases|defaultTestResult|shortDescription|subTest|_\w*(?:[sS]et_?[uU]p|[tT]ear_?[dD]own|Test|test)\w*",
};
