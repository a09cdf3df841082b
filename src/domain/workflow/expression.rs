//! Reading GitHub's expression language, `a.b == 'c' && f(x)`, within bounds.
//!
//! The grammar is that of `github-actions-expressions`, which is checked against GitHub's own cases; what its tree means here is in
//! [`super::scope`]. Length and depth have GitHub's limits.
//! <https://docs.github.com/actions/reference/evaluate-expressions-in-workflows-and-actions>

use github_actions_expressions::call::{Call, Function};
use github_actions_expressions::op::BinExpr;
use github_actions_expressions::{Expr, SpannedExpr};

/// Longest expression that is read, in bytes (GitHub's own limit is 21,000 characters).
const MAX_LENGTH: usize = 21_000;
/// Most accesses behind one value: `a.b[c]` has two (GitHub's own limit for depth).
const MAX_ACCESSES: usize = 50;
/// Most operators of one expression: the tree of `a && b && …` is as deep as it has operators.
const MAX_OPERATORS: usize = 500;

/// Reads what stands between `${{` and `}}`.
///
/// # Errors
/// A sentence that says what is wrong with it: it is too long or too deep, no expression, or calls what does not exist.
pub fn parse(text: &str) -> Result<SpannedExpr<'_>, String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("the expression is longer than {MAX_LENGTH} bytes"));
    }
    // Counted too high within texts and for `<=`, which makes it no less safe.
    let operators = text.bytes().filter(|byte| matches!(byte, b'&' | b'|' | b'=' | b'<' | b'>')).count() / 2;
    if operators > MAX_OPERATORS {
        return Err(format!("the expression has more than {MAX_OPERATORS} operators"));
    }
    let expression = Expr::parse(text).map_err(|why| why.to_string())?;
    let too_long = |part: &Expr| matches!(part, Expr::Context(context) if context.parts.len() > MAX_ACCESSES + 1);
    if any(&expression, too_long) {
        return Err(format!("the expression is nested deeper than {MAX_ACCESSES}"));
    }
    Ok(expression)
}

/// True if a status function is called anywhere: then a condition has no implicit `success()`.
pub fn asks_status(expression: &Expr) -> bool {
    let is_status =
        |part: &Expr| matches!(part, Expr::Call(call) if matches!(call.func, Function::Success | Function::Failure | Function::Always | Function::Cancelled));
    any(expression, is_status)
}

/// Whether any part of the tree is such.
fn any(expression: &Expr, wanted: impl Fn(&Expr) -> bool) -> bool {
    let mut open = vec![expression];
    while let Some(part) = open.pop() {
        if wanted(part) {
            return true;
        }
        match part {
            Expr::Literal(_) | Expr::Star | Expr::Identifier(_) => {}
            Expr::Call(Call { args, .. }) => open.extend(args.iter().map(|argument| &argument.inner)),
            Expr::Context(context) => open.extend(context.parts.iter().map(|part| &part.inner)),
            Expr::Index(inner) | Expr::UnExpr { expr: inner, .. } => open.push(&inner.inner),
            Expr::BinExpr(BinExpr { lhs, rhs, .. }) => open.extend([&lhs.inner, &rhs.inner]),
        }
    }
    false
}
