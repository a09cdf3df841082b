//! ruff, flake8, pylint, black, isort, bandit, and pre-commit's frame around all of them.

use crate::domain::diagnosis::rule::Evidence::Described;
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, detail, noise, summary};
use crate::domain::diagnosis::taxonomy::Category::LintError;

/// Rules for Python's linters and formatters, and pre-commit.
pub const RULES: &[Rule] = &[
    noise("precommit.passed", &["Passed", "Skipped"], r"^.*\.{3,}(?:\(.*\))?(?:Passed|Skipped)$"),
    cause(
        "ruff.concise",
        LintError,
        Described,
        &[".py:", ".pyi:", ".ipynb:"],
        r"^(?P<file>\S+\.(?:pyi?|ipynb))(?::cell \d+)?:(?P<line>\d+):\d+: (?P<msg>[A-Z]{1,5}\d{2,4}:? .*)$",
    )
    .specific()
    .inside(),
    cause(
        "flake8.gate",
        LintError,
        Described,
        &["rror", "xpected", "undefined", "ssert", "issing ", "nvalid ", "violation", "annot ", "fail", "xception", "ot found"],
        r"^(?P<file>\S+\.(?:pyi?|ipynb)):(?P<line>\d+):\d+: (?P<msg>[A-Z]{1,5}\d{2,4}:? .*)$",
    )
    .specific()
    .before(6)
    .with(Extent::After(8)),
    cause(
        "ruff.full",
        LintError,
        Described,
        &["F4", "F8", "E5", "E4", "E7", "I00", "UP0", "B0", "SIM", "W2", "D1", "N8"],
        r"^(?P<msg>[A-Z]{1,5}\d{2,4} (?:\[\*\] )?\S.*)$",
    )
    .specific()
    .inside()
    .with(Extent::Paragraph(14)),
    summary("ruff.found", LintError, Described, &["Found "], r"^Found \d+ errors?(?: \(.*\))?\.$").inside(),
    cause("ruff.found_gate", LintError, Described, &["errors.", "error.", "errors (", "error ("], r"^Found [1-9]\d* errors?(?: \(.*\))?\.$")
        .before(16)
        .with(Extent::After(2)),
    cause("ruff.format", LintError, Described, &["Would reformat", "would reformat"], r"^[Ww]ould reformat:? (?P<file>.+?)$").specific(),
    summary("black.total", LintError, Described, &["would be reformatted", "would be left"], r"^.*\d+ files? would be reformatted.*$").before(1),
    cause("isort.error", LintError, Described, &["ERROR: "], r"^ERROR: (?P<file>\S+) (?P<msg>Imports are incorrectly sorted.*)$").specific(),
    cause("pylint.message", LintError, Described, &["(", "rror"], r"^(?P<file>\S+\.py):(?P<line>\d+):\d+: (?P<msg>[CRWEF]\d{4}: .* \([a-z\-]+\))$").inside(),
    cause(
        "pylint.gate",
        LintError,
        Described,
        &["rror", "issing ", "undefined", "annot ", "ssert", "nvalid ", "xception", "xpected"],
        r"^(?P<file>\S+\.py):(?P<line>\d+):\d+: (?P<msg>[CRWEF]\d{4}: .* \([a-z\-]+\))$",
    )
    .before(6)
    .with(Extent::After(6)),
    cause("precommit.hook", LintError, Described, &["Failed"], r"^(?P<msg>\S.*?)\.{3,}(?:\(.*\))?Failed$").with(Extent::After(14)).opening(),
    detail(
        "precommit.detail",
        Worth::Low,
        &["- hook id:", "- exit code:", "- files were modified", "- duration:"],
        r"^- (?:hook id|exit code|files were modified by this hook|duration).*$",
    )
    .ordered(Order::Last),
    cause(
        "precommit.fixing",
        LintError,
        Described,
        &["Fixing ", "reformatted ", "files were modified by this hook"],
        r"^(?:Fixing|reformatted|Fixed) (?P<file>\S+\.?\w+)$",
    )
    .inside(),
    cause("bandit.issue", LintError, Described, &[">> Issue:"], r"^>> Issue: (?P<msg>.*)$").with(Extent::After(5)).inside(),
    cause("codespell.error", LintError, Described, &[" ==> "], r"^(?P<file>\S+?):(?P<line>\d+): (?P<msg>\S+ ==> .*)$").inside(),
];
