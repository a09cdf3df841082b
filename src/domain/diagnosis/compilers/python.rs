//! mypy, pyright, pytype, pyre, ty.

use crate::domain::diagnosis::rule::Evidence::Described;
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, detail, noise, summary};
use crate::domain::diagnosis::taxonomy::Category::TypeError;

/// Rules for Python's type checkers.
pub const RULES: &[Rule] = &[
    noise("mypy.green", &["Success: no issues", "0 errors, "], r"^(?:Success: no issues found.*|0 errors, \d+ warnings.*)$"),
    cause("mypy.error", TypeError, Described, &[": error: "], r"^(?P<file>[^\s:]+\.pyi?):(?P<line>\d+)(?::\d+)?(?:: \d+:\d+)?: (?P<msg>error: .*)$")
        .specific()
        .with(Extent::After(1)),
    cause("mypy.build", TypeError, Described, &["error: not checking stubs"], r"^(?P<msg>error: not checking stubs due to .*)$"),
    detail("mypy.note", Worth::Trace, &[": note: "], r"^\S+\.pyi?:\d+(?::\d+)?: note: .*$").ordered(Order::Last),
    summary("mypy.found", TypeError, Described, &["errors in ", "error in "], r"^Found \d+ errors? in \d+ files?.*$"),
    cause("pyright.error", TypeError, Described, &[" - error"], r"^\s*(?P<file>\S+\.pyi?):(?P<line>\d+):\d+ - (?P<msg>error: .*)$")
        .specific()
        .with(Extent::Indented(4)),
    summary("pyright.found", TypeError, Described, &["errors, "], r"^[1-9]\d* errors?, \d+ warnings?(?:, \d+ informations?)?.*$"),
    cause("ty.error", TypeError, Described, &["error[", "error:"], r"^(?P<msg>error\[[a-z\-]+\](?:: .*)?)$").specific().with(Extent::Paragraph(14)),
    cause("pyre.error", TypeError, Described, &["rror"], r"^(?P<file>\S+\.pyi?):(?P<line>\d+):\d+ (?P<msg>[A-Z][\w ]+ \[\d+\]: .*)$").specific(),
    cause("stubtest.error", TypeError, Described, &["error: "], r"^(?P<msg>error: [\w.]+ (?:is not present|is inconsistent|variable differs|.* failed to).*)$")
        .specific()
        .with(Extent::Paragraph(8)),
];
