//! Checkstyle, Spotless, SpotBugs, PMD, ktlint, detekt, scalafmt, Android Lint.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, wrapper};
use crate::domain::diagnosis::taxonomy::Category::LintError;

/// Rules for the JVM's linters and formatters.
pub const RULES: &[Rule] = &[
    cause(
        "checkstyle.maven",
        LintError,
        93,
        &["[ERROR] "],
        r"^\[ERROR\] (?P<file>\S+\.(?:java|xml|kt|properties)):\[(?P<line>\d+)(?:,\d+)?\] (?P<msg>\(\w+\) \w+: .*)$",
    ),
    cause(
        "checkstyle.plain",
        LintError,
        94,
        &["[ERROR] ", "[ant:checkstyle] [ERROR]"],
        r"^(?:\[ant:checkstyle\] )?\[ERROR\] (?P<file>\S+?):(?P<line>\d+)(?::\d+)?: (?P<msg>.* \[\w+\])$",
    ),
    cause(
        "checkstyle.total",
        LintError,
        84,
        &["Checkstyle violations", "Checkstyle rule violations", "Checkstyle files with violations"],
        r"^.*(?P<msg>(?:You have \d+ Checkstyle violations?|Checkstyle (?:rule )?violations were found|Checkstyle files with violations).*)$",
    )
    .with(Extent::After(3)),
    cause("spotless.violations", LintError, 94, &["format violations"], r"^.*(?P<msg>The following files had format violations:).*$").with(Extent::After(24)),
    wrapper("spotless.remedy", 70, &["violations"], r"^.*Run '.*spotless(?:Apply|:apply)' to fix these violations.*$"),
    cause(
        "spotbugs.found",
        LintError,
        88,
        &["SpotBugs violations", "SpotBugs found", "BugInstance"],
        r"^.*(?P<msg>(?:SpotBugs (?:violations were found|found \d+ bugs)|BugInstance size is [1-9]\d*).*)$",
    )
    .with(Extent::After(4))
    .inside(),
    cause("spotbugs.gate", LintError, 86, &["violations were found", "ould not"], r"^.*(?P<msg>(?:SpotBugs|PMD|FindBugs)(?: rule)? violations were found.*)$")
        .with(Extent::After(3)),
    cause("pmd.failure", LintError, 90, &["PMD Failure:"], r"^.*PMD Failure: (?P<class>\S+?):(?P<line>\d+) (?P<msg>Rule:.*)$"),
    cause("ktlint.error", LintError, 90, &[" (standard:"], r"^(?P<file>\S+\.kts?):(?P<line>\d+):\d+:? (?P<msg>.* \(standard:[\w\-]+\))$").inside(),
    cause(
        "ktlint.gate",
        LintError,
        90,
        &["xpected", "nexpected", "issing ", "rror", "annot ", "nvalid "],
        r"^(?P<file>\S+\.kts?):(?P<line>\d+):\d+:? (?P<msg>.* \(standard:[\w\-]+\))$",
    )
    .before(3)
    .with(Extent::After(6)),
    cause("detekt.issue", LintError, 88, &["failed with"], r"^.*(?P<msg>Analysis failed with \d+ (?:weighted )?issues.*)$").before(12),
    cause(
        "scalafmt.check",
        LintError,
        88,
        &["isn't formatted properly", "must be formatted", "Scalafmt"],
        r"^.*(?P<msg>(?P<file>\S+\.scala) isn't formatted properly!?|.*must be formatted.*)$",
    )
    .inside(),
    cause("android.lint", LintError, 88, &["Error: "], r"^(?P<file>/?\S+\.(?:java|kt|xml|gradle(?:\.kts)?))(?::(?P<line>\d+))?: (?P<msg>Error: .* \[\w+\])$")
        .with(Extent::After(4)),
];
