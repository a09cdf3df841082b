//! mypy, pyright, pytype, pyre, ty.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, noise, summary};
use crate::domain::diagnosis::taxonomy::Category::TypeError;

/// Rules for Python's type checkers.
pub const RULES: &[Rule] = &[
    noise("mypy.green", &["Success: no issues", "0 errors, "], r"^(?:Success: no issues found.*|0 errors, \d+ warnings.*)$"),
    cause("mypy.error", TypeError, 95, &[": error: "], r"^(?P<file>[^\s:]+\.pyi?):(?P<line>\d+)(?::\d+)?(?:: \d+:\d+)?: (?P<msg>error: .*)$")
        .with(Extent::After(1)),
    cause("mypy.build", TypeError, 84, &["error: not checking stubs"], r"^(?P<msg>error: not checking stubs due to .*)$"),
    detail("mypy.note", 30, &[": note: "], r"^\S+\.pyi?:\d+(?::\d+)?: note: .*$"),
    summary("mypy.found", TypeError, 88, &["errors in ", "error in "], r"^Found \d+ errors? in \d+ files?.*$"),
    cause("pyright.error", TypeError, 95, &[" - error"], r"^\s*(?P<file>\S+\.pyi?):(?P<line>\d+):\d+ - (?P<msg>error: .*)$").with(Extent::Indented(4)),
    summary("pyright.found", TypeError, 84, &["errors, "], r"^[1-9]\d* errors?, \d+ warnings?(?:, \d+ informations?)?.*$"),
    cause("ty.error", TypeError, 93, &["error[", "error:"], r"^(?P<msg>error\[[a-z\-]+\](?:: .*)?)$").with(Extent::Paragraph(14)),
    cause("pyre.error", TypeError, 92, &["rror"], r"^(?P<file>\S+\.pyi?):(?P<line>\d+):\d+ (?P<msg>[A-Z][\w ]+ \[\d+\]: .*)$"),
    cause("stubtest.error", TypeError, 92, &["error: "], r"^(?P<msg>error: [\w.]+ (?:is not present|is inconsistent|variable differs|.* failed to).*)$")
        .with(Extent::Paragraph(8)),
];
