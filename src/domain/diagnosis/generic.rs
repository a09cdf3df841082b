//! What is left when no tool's format is recognised: lines that call themselves an error.

use super::rule::Evidence::Hint;
use super::rule::{Extent, Order, Rule, Worth, cause, detail, frame, noise, wrapper};
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
    .ordered(Order::Generic),
    noise(
        "generic.warning",
        &["warning: ", "WARN", "Warning: ", "warn ", "[warning]", "[WARNING]", "DeprecationWarning"],
        r"^(?:\[WARNING\]|warning: |Warning: |##\[warning\]|WARN(?:ING)?[ :]|\[?[\d\-T:., ]*\]? *\[?WARN)",
    )
    .ordered(Order::Generic),
    noise("generic.log_info", &["INFO", "DEBUG", "[info]", "TRACE"], r"^(?:\[?[\d\-T:.,Z ]*\]? *)?\[?(?:INFO|DEBUG|TRACE|info|debug)\]?[ :]")
        .ordered(Order::Last),
    cause("generic.anywhere", Unknown, Hint, &["rror: ", "RROR: "], r"(?P<msg>\b(?:[Ee]rror|ERROR): .*)$")
        .ordered(Order::Last)
        .worth(Worth::Trace)
        .with(Extent::After(1)),
    cause("generic.fatal", Unknown, Hint, &["fatal", "FATAL", "Fatal"], r"^\s*(?:\S+: )?(?P<msg>(?:fatal|FATAL|Fatal)(?: error)?: .*)$")
        .ordered(Order::Last)
        .worth(Worth::Low)
        .before(2)
        .with(Extent::After(3)),
    cause(
        "generic.error",
        Unknown,
        Hint,
        &["rror: ", "RROR: ", "rror!", "RROR ", "RROR]"],
        r"^\s*(?:\[?[\d\-T:.,Z ]*\]? *)?(?:\S+: )?(?P<msg>(?:\[?(?:ERROR|Error|error)\]?)[:!\]]? ?\S.*)$",
    )
    .ordered(Order::Last)
    .worth(Worth::Low)
    .before(2)
    .with(Extent::After(3)),
    cause("generic.cross", Unknown, Hint, &["❌ ", "✗ ", "✖ ", "✘ "], r"^\s*(?P<msg>[❌✗✘✖]️? ?\S.*)$")
        .ordered(Order::Last)
        .worth(Worth::Low)
        .before(1)
        .with(Extent::After(4)),
    cause("generic.failed", Unknown, Hint, &["failed", "FAILED", "Failed"], r"^(?P<msg>\s*\S.{0,160}\b(?:failed|FAILED|Failed)\b.{0,160})$")
        .ordered(Order::Last)
        .worth(Worth::Trace)
        .before(1)
        .with(Extent::After(2)),
    cause("generic.exception", Unknown, Hint, &["xception"], r"^(?P<msg>\s*\S{0,120}Exception\b.*)$")
        .ordered(Order::Last)
        .worth(Worth::Low)
        .with(Extent::After(3)),
    cause("generic.cannot", Unknown, Hint, &["annot ", "ould not", "nable to"], r"^(?P<msg>\s*(?:\S+: )?(?:[Cc]annot|[Cc]ould not|[Uu]nable to) .*)$")
        .ordered(Order::Last)
        .worth(Worth::Trace)
        .before(1)
        .with(Extent::After(2)),
    cause("generic.file_error", Unknown, Hint, &["rror"], r"^(?P<file>[\w@./\-]+\.\w{1,6}):(?P<line>\d+)(?::\d+)?:? (?P<msg>.*\b[Ee]rror\b.*)$")
        .ordered(Order::Last)
        .with(Extent::After(2)),
    wrapper(
        "generic.exit",
        Worth::Low,
        &["exited with", "exit code", "xit status"],
        r"^.*(?:exited with (?:exit )?(?:code|status)|[Ee]xit (?:code|status))[: ]+(?P<code>[1-9]\d*)\b.*$",
    )
    .ordered(Order::Last),
    detail("generic.listed", Worth::Low, &["/"], r"^\s*(?:[-*•] )?(?P<file>[\w@.\-\[\]()+]+(?:/[\w@.\-\[\]()+]+)+\.\w{1,8})$").ordered(Order::Last),
    frame("generic.place", Worth::Trace, &[":"], r"^\s*(?:at |in |from )?(?P<file>[\w@./\-]+/[\w@.\-]+\.\w{1,5}):(?P<line>\d+)(?::\d+)?\)?.*$")
        .ordered(Order::Last),
];
