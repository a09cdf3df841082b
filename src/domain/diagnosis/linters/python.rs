//! ruff, flake8, pylint, black, isort, bandit, and pre-commit's frame around all of them.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, noise, summary};
use crate::domain::diagnosis::taxonomy::Category::LintError;

/// Rules for Python's linters and formatters, and pre-commit.
pub const RULES: &[Rule] = &[
    noise("precommit.passed", &["Passed", "Skipped"], r"^.*\.{3,}(?:\(.*\))?(?:Passed|Skipped)$"),
    cause(
        "ruff.concise",
        LintError,
        94,
        &[".py:", ".pyi:", ".ipynb:"],
        r"^(?P<file>\S+\.(?:pyi?|ipynb))(?::cell \d+)?:(?P<line>\d+):\d+: (?P<msg>[A-Z]{1,5}\d{2,4}:? .*)$",
    )
    .inside(),
    cause(
        "flake8.gate",
        LintError,
        94,
        &["rror", "xpected", "undefined", "ssert", "issing ", "nvalid ", "violation", "annot ", "fail", "xception", "ot found"],
        r"^(?P<file>\S+\.(?:pyi?|ipynb)):(?P<line>\d+):\d+: (?P<msg>[A-Z]{1,5}\d{2,4}:? .*)$",
    )
    .before(6)
    .with(Extent::After(8)),
    cause(
        "ruff.full",
        LintError,
        94,
        &["F4", "F8", "E5", "E4", "E7", "I00", "UP0", "B0", "SIM", "W2", "D1", "N8"],
        r"^(?P<msg>[A-Z]{1,5}\d{2,4} (?:\[\*\] )?\S.*)$",
    )
    .inside()
    .with(Extent::Paragraph(14)),
    summary("ruff.found", LintError, 88, &["Found "], r"^Found \d+ errors?(?: \(.*\))?\.$").inside(),
    cause("ruff.found_gate", LintError, 88, &["errors.", "error.", "errors (", "error ("], r"^Found [1-9]\d* errors?(?: \(.*\))?\.$")
        .before(16)
        .with(Extent::After(2)),
    cause("ruff.format", LintError, 92, &["Would reformat", "would reformat"], r"^[Ww]ould reformat:? (?P<file>.+?)$"),
    summary("black.total", LintError, 88, &["would be reformatted", "would be left"], r"^.*\d+ files? would be reformatted.*$").before(1),
    cause("isort.error", LintError, 92, &["ERROR: "], r"^ERROR: (?P<file>\S+) (?P<msg>Imports are incorrectly sorted.*)$"),
    cause("pylint.message", LintError, 90, &["(", "rror"], r"^(?P<file>\S+\.py):(?P<line>\d+):\d+: (?P<msg>[CRWEF]\d{4}: .* \([a-z\-]+\))$").inside(),
    cause(
        "pylint.gate",
        LintError,
        90,
        &["rror", "issing ", "undefined", "annot ", "ssert", "nvalid ", "xception", "xpected"],
        r"^(?P<file>\S+\.py):(?P<line>\d+):\d+: (?P<msg>[CRWEF]\d{4}: .* \([a-z\-]+\))$",
    )
    .before(6)
    .with(Extent::After(6)),
    cause("precommit.hook", LintError, 86, &["Failed"], r"^(?P<msg>\S.*?)\.{3,}(?:\(.*\))?Failed$").with(Extent::After(14)).opening(),
    detail(
        "precommit.detail",
        52,
        &["- hook id:", "- exit code:", "- files were modified", "- duration:"],
        r"^- (?:hook id|exit code|files were modified by this hook|duration).*$",
    ),
    cause(
        "precommit.fixing",
        LintError,
        84,
        &["Fixing ", "reformatted ", "files were modified by this hook"],
        r"^(?:Fixing|reformatted|Fixed) (?P<file>\S+\.?\w+)$",
    )
    .inside(),
    cause("bandit.issue", LintError, 88, &[">> Issue:"], r"^>> Issue: (?P<msg>.*)$").with(Extent::After(5)).inside(),
    cause("codespell.error", LintError, 84, &[" ==> "], r"^(?P<file>\S+?):(?P<line>\d+): (?P<msg>\S+ ==> .*)$").inside(),
];
