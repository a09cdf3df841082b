//! Checkstyle, Spotless, SpotBugs, PMD, ktlint, detekt, scalafmt, Android Lint.

use crate::domain::diagnosis::rule::Evidence::Described;
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, wrapper};
use crate::domain::diagnosis::taxonomy::Category::LintError;

/// Rules for the JVM's linters and formatters.
pub const RULES: &[Rule] = &[
    cause(
        "checkstyle.maven",
        LintError,
        Described,
        &["[ERROR] "],
        r"^\[ERROR\] (?P<file>\S+\.(?:java|xml|kt|properties)):\[(?P<line>\d+)(?:,\d+)?\] (?P<msg>\(\w+\) \w+: .*)$",
    )
    .specific(),
    cause(
        "checkstyle.plain",
        LintError,
        Described,
        &["[ERROR] ", "[ant:checkstyle] [ERROR]"],
        r"^(?:\[ant:checkstyle\] )?\[ERROR\] (?P<file>\S+?):(?P<line>\d+)(?::\d+)?: (?P<msg>.* \[\w+\])$",
    )
    .specific(),
    cause(
        "checkstyle.total",
        LintError,
        Described,
        &["Checkstyle violations", "Checkstyle rule violations", "Checkstyle files with violations"],
        r"^.*(?P<msg>(?:You have \d+ Checkstyle violations?|Checkstyle (?:rule )?violations were found|Checkstyle files with violations).*)$",
    )
    .with(Extent::After(3)),
    cause("spotless.violations", LintError, Described, &["format violations"], r"^.*(?P<msg>The following files had format violations:).*$")
        .specific()
        .with(Extent::After(24)),
    wrapper("spotless.remedy", Worth::Good, &["violations"], r"^.*Run '.*spotless(?:Apply|:apply)' to fix these violations.*$").ordered(Order::Broad),
    cause(
        "spotbugs.found",
        LintError,
        Described,
        &["SpotBugs violations", "SpotBugs found", "BugInstance"],
        r"^.*(?P<msg>(?:SpotBugs (?:violations were found|found \d+ bugs)|BugInstance size is [1-9]\d*).*)$",
    )
    .with(Extent::After(4))
    .inside(),
    cause(
        "spotbugs.gate",
        LintError,
        Described,
        &["violations were found", "ould not"],
        r"^.*(?P<msg>(?:SpotBugs|PMD|FindBugs)(?: rule)? violations were found.*)$",
    )
    .with(Extent::After(3)),
    cause("pmd.failure", LintError, Described, &["PMD Failure:"], r"^.*PMD Failure: (?P<class>\S+?):(?P<line>\d+) (?P<msg>Rule:.*)$"),
    cause("ktlint.error", LintError, Described, &[" (standard:"], r"^(?P<file>\S+\.kts?):(?P<line>\d+):\d+:? (?P<msg>.* \(standard:[\w\-]+\))$").inside(),
    cause(
        "ktlint.gate",
        LintError,
        Described,
        &["xpected", "nexpected", "issing ", "rror", "annot ", "nvalid "],
        r"^(?P<file>\S+\.kts?):(?P<line>\d+):\d+:? (?P<msg>.* \(standard:[\w\-]+\))$",
    )
    .before(3)
    .with(Extent::After(6)),
    cause("detekt.issue", LintError, Described, &["failed with"], r"^.*(?P<msg>Analysis failed with \d+ (?:weighted )?issues.*)$").before(12),
    cause(
        "scalafmt.check",
        LintError,
        Described,
        &["isn't formatted properly", "must be formatted", "Scalafmt"],
        r"^.*(?P<msg>(?P<file>\S+\.scala) isn't formatted properly!?|.*must be formatted.*)$",
    )
    .inside(),
    cause(
        "android.lint",
        LintError,
        Described,
        &["Error: "],
        r"^(?P<file>/?\S+\.(?:java|kt|xml|gradle(?:\.kts)?))(?::(?P<line>\d+))?: (?P<msg>Error: .* \[\w+\])$",
    )
    .with(Extent::After(4)),
];
