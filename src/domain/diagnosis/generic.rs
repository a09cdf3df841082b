//! What is left when no tool's format is recognised: lines that call themselves an error.

use super::rule::{Extent, Rule, cause, detail, frame, noise, wrapper};
use super::taxonomy::Category::Unknown;

/// Rules of last resort, all of low worth.
pub const RULES: &[Rule] = &[
    noise(
        "generic.none",
        &[
            "0 errors",
            "0 failed",
            "0 failures",
            "no errors",
            "no error",
            "0 error",
            "rrors: 0",
            "rrors=0",
            "ailures: 0",
            "0 Error",
            "without error",
            "failed: 0",
            "failed=0",
            "fail: 0",
            "if-no-files-found: error",
            "ignore errors",
            "fail-fast",
        ],
        r"(?i)\b(?:0|no|without) (?:errors?|failed|failures?)\b|(?:errors?|failures?|failed|fail)[:=] ?0\b|if-no-files-found|fail-fast",
    )
    // After the totals of the tools, in which one number is zero and another is not.
    .weighing(58),
    noise(
        "generic.warning",
        &["warning: ", "WARN", "Warning: ", "warn ", "[warning]", "[WARNING]", "DeprecationWarning"],
        r"^(?:\[WARNING\]|warning: |Warning: |##\[warning\]|WARN(?:ING)?[ :]|\[?[\d\-T:., ]*\]? *\[?WARN)",
    )
    .weighing(58),
    noise("generic.log_info", &["INFO", "DEBUG", "[info]", "TRACE"], r"^(?:\[?[\d\-T:.,Z ]*\]? *)?\[?(?:INFO|DEBUG|TRACE|info|debug)\]?[ :]").weighing(57),
    cause("generic.anywhere", Unknown, 32, &["rror: ", "RROR: "], r"(?P<msg>\b(?:[Ee]rror|ERROR): .*)$").with(Extent::After(1)),
    cause("generic.fatal", Unknown, 50, &["fatal", "FATAL", "Fatal"], r"^\s*(?:\S+: )?(?P<msg>(?:fatal|FATAL|Fatal)(?: error)?: .*)$")
        .before(2)
        .with(Extent::After(3)),
    cause(
        "generic.error",
        Unknown,
        44,
        &["rror: ", "RROR: ", "rror!", "RROR ", "RROR]"],
        r"^\s*(?:\[?[\d\-T:.,Z ]*\]? *)?(?:\S+: )?(?P<msg>(?:\[?(?:ERROR|Error|error)\]?)[:!\]]? ?\S.*)$",
    )
    .before(2)
    .with(Extent::After(3)),
    cause("generic.cross", Unknown, 42, &["❌ ", "✗ ", "✖ ", "✘ "], r"^\s*(?P<msg>[❌✗✘✖]️? ?\S.*)$").before(1).with(Extent::After(4)),
    cause("generic.failed", Unknown, 36, &["failed", "FAILED", "Failed"], r"^(?P<msg>\s*\S.{0,160}\b(?:failed|FAILED|Failed)\b.{0,160})$")
        .before(1)
        .with(Extent::After(2)),
    cause("generic.exception", Unknown, 40, &["xception"], r"^(?P<msg>\s*\S{0,120}Exception\b.*)$").with(Extent::After(3)),
    cause("generic.cannot", Unknown, 34, &["annot ", "ould not", "nable to"], r"^(?P<msg>\s*(?:\S+: )?(?:[Cc]annot|[Cc]ould not|[Uu]nable to) .*)$")
        .before(1)
        .with(Extent::After(2)),
    cause("generic.file_error", Unknown, 56, &["rror"], r"^(?P<file>[\w@./\-]+\.\w{1,6}):(?P<line>\d+)(?::\d+)?:? (?P<msg>.*\b[Ee]rror\b.*)$")
        .with(Extent::After(2)),
    wrapper(
        "generic.exit",
        38,
        &["exited with", "exit code", "xit status"],
        r"^.*(?:exited with (?:exit )?(?:code|status)|[Ee]xit (?:code|status))[: ]+(?P<code>[1-9]\d*)\b.*$",
    ),
    detail("generic.listed", 50, &["/"], r"^\s*(?:[-*•] )?(?P<file>[\w@.\-\[\]()+]+(?:/[\w@.\-\[\]()+]+)+\.\w{1,8})$"),
    frame("generic.place", 30, &[":"], r"^\s*(?:at |in |from )?(?P<file>[\w@./\-]+/[\w@.\-]+\.\w{1,5}):(?P<line>\d+)(?::\d+)?\)?.*$"),
];
