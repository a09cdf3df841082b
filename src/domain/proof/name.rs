//! When two names mean one test.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Whether two names mean one test. Tools name a test with more or less of its surroundings
/// (`tests/test_a.py::test_x` or `test_x`, `Suite > works` or `works`): one may be the end of the other.
pub fn same_test(left: &str, right: &str) -> bool {
    let (left, right) = (normal(left), normal(right));
    let (short, long) = if left.len() <= right.len() { (&left, &right) } else { (&right, &left) };
    if short.is_empty() {
        return false;
    }
    long == short || long.strip_suffix(short.as_str()).is_some_and(|before| before.ends_with(['\u{1f}', ' ']))
}

/// A name with every separator of nested names made the same.
pub(super) fn normal(name: &str) -> String {
    let name = name.trim().trim_end_matches("()");
    // unittest: `test_x (tests.test_a.Case)` or `test_x (tests.test_a.Case.test_x)`.
    if let Some((method, rest)) = name.split_once(" (") {
        let path = rest.strip_suffix(')').filter(|path| !path.is_empty() && !path.contains(char::is_whitespace) && path.contains('.'));
        if let Some(path) = path.filter(|_| !method.contains(char::is_whitespace)) {
            let case = path.strip_suffix(method).unwrap_or(path).trim_end_matches('.');
            return format!("{case}.{method}").replace(['.', ':'], "\u{1f}").replace("\u{1f}\u{1f}", "\u{1f}");
        }
    }
    // A module is named with its ending by pytest, without it in its report.
    let mut out =
        name.replace(".py::", "::").replace(" > ", "\u{1f}").replace(" › ", "\u{1f}").replace("::", "\u{1f}").replace(['#', '.', '/', '\\'], "\u{1f}");
    if out.contains(" \u{1f}") || out.contains("\u{1f} ") {
        out = out.replace(" \u{1f}", "\u{1f}").replace("\u{1f} ", "\u{1f}");
    }
    out
}

/// Whether a name is of something within another: a test in a file that could not be loaded, in a class whose set-up failed.
pub(super) fn within(inner: &str, outer: &str) -> bool {
    let (inner, outer) = (normal(inner), normal(outer));
    // A file is named with its ending or, as a module, without.
    let bare = outer.strip_suffix("\u{1f}py").unwrap_or(&outer);
    !bare.is_empty() && [outer.as_str(), bare].iter().any(|outer| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['\u{1f}', ' '])))
}

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b0x[0-9a-fA-F]{6,16}\b|@[0-9a-f]{6,8}\b").expect("constant pattern"));

/// A name with the addresses of objects in it made the same: they differ from run to run.
pub(super) fn masked(name: &str) -> Cow<'_, str> {
    ADDRESS.replace_all(name, "\u{2026}")
}
