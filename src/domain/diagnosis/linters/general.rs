//! golangci-lint, gofmt, RuboCop, PHP-CS-Fixer, clang-format and -tidy, shellcheck, hadolint, actionlint, yamllint, markdownlint, "git diff must be empty".

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, noise, summary, wrapper};
use crate::domain::diagnosis::taxonomy::Category::{GithubActionsConfig, LintError};

/// Rules for linters of other languages.
pub const RULES: &[Rule] = &[
    noise("rubocop.green", &["no offenses"], r"no offenses detected"),
    cause("golangci.issue", LintError, 95, &["(govet)", "(errcheck)", "(staticcheck)", "(unused)", "(gosimple)", "(ineffassign)", "(revive)", "(gofmt)", "(goimports)", "(gosec)", "(lll)", "(stylecheck)", "(gocritic)", "(misspell)", "(gofumpt)", "(typecheck)", "(gocyclo)", "(funlen)", "(dupl)", "(nolintlint)", "(unparam)", "(bodyclose)", "(gci)", "(whitespace)", "(errorlint)", "(wrapcheck)", "(exhaustive)", "(prealloc)", "(testifylint)", "(perfsprint)", "(godot)", "(depguard)", "(forbidigo)", "(nilerr)", "(noctx)", "(paralleltest)", "(thelper)", "(unconvert)", "(goconst)", "(gocognit)", "(cyclop)", "(intrange)", "(usestdlibvars)", "(copyloopvar)", "(contextcheck)", "(predeclared)", "(asciicheck)", "(dogsled)", "(nakedret)", "(wsl)", "(nlreturn)", "(mnd)", "(gochecknoglobals)", "(tagliatelle)", "(varnamelen)", "(err113)", "(forcetypeassert)", "(spancheck)", "(sloglint)", "(modernize)"], r"^(?P<file>[\w./\-]+\.go):(?P<line>\d+)(?::\d+)?: (?P<msg>.*\([a-z0-9]+\))$").with(Extent::After(2)).inside(),
    cause("golangci.gate", LintError, 95, &["rror", "ssert", "undefined", "xpected", "annot ", "nvalid ", "issing ", "fail", "ot found", "would be ", "problem", "ismatch", "out of ", "cancel", "exit code", "nresolved"], r"^(?:##\[error\])?(?P<file>[\w./\-]+\.go):(?P<line>\d+)(?::\d+)?: (?P<msg>.* \([a-z0-9]+\))$").before(4).with(Extent::After(8)),
    summary("golangci.total", LintError, 84, &[" issues:", "issues found"], r"^(?:\d+ issues?:|##\[error\]issues found|.*golangci-lint exit with code \d+.*)$").before(20).with(Extent::After(6)).inside(),
    wrapper("golangci.exit", 70, &["##[error]issues found", "exit code", "rror"], r"^(?:##\[error\])?(?:issues found|golangci-lint exit with code \d+)$").before(10),
    cause("rubocop.offense", LintError, 93, &[": C: ", ": W: ", ": E: ", ": F: "], r"^(?P<file>\S+?):(?P<line>\d+):\d+: (?P<msg>[CWEF]: (?:\[\w+\] )?\w+/.*)$").inside().with(Extent::After(2)),
    summary("rubocop.total", LintError, 86, &["offense"], r"^\d+ files? inspected, [1-9]\d* offenses? detected.*$").before(20),
    cause("phpcs.file", LintError, 88, &["RRORS", "RROR "], r"^FOUND \d+ ERRORS?.*$").before(3).with(Extent::After(10)),
    cause("phpcsfixer.found", LintError, 88, &["Found "], r"^Found \d+ of \d+ files that can be fixed.*$").before(14).inside(),
    cause("clang_format.error", LintError, 93, &["[-Wclang-format-violations]"], r"^(?P<file>[^\s:]+):(?P<line>\d+):\d+: (?P<msg>(?:error|warning): .*\[-Wclang-format-violations\])$").with(Extent::After(3)),
    cause("clang_tidy.error", LintError, 96, &["warnings-as-errors]"], r"^(?P<file>[^\s:]+):(?P<line>\d+):\d+: (?P<msg>error: .*\[[\w.,\-]+,-warnings-as-errors\])$").with(Extent::After(4)),
    cause("shellcheck.code", LintError, 88, &["SC1", "SC2", "SC3"], r"^.*(?P<msg>SC\d{4}(?: \(\w+\))?: .*|.*\[SC\d{4}\].*)$").before(4).inside(),
    cause("shellcheck.head", LintError, 86, &["In "], r"^In (?P<file>\S+) line (?P<line>\d+):$").with(Extent::After(6)).inside(),
    cause("hadolint.code", LintError, 88, &["DL3", "DL4", "DL1"], r"^(?P<file>\S*Dockerfile\S*):(?P<line>\d+) (?P<msg>(?:DL|SC)\d{4} .*)$").inside(),
    cause("actionlint.error", LintError, 93, &[".github/workflows/"], r"^(?P<file>\.github/workflows/\S+?):(?P<line>\d+):\d+: (?P<msg>.* \[[\w\-]+\])$").with(Extent::After(4)).inside(),
    cause("actionlint.gate", LintError, 93, &["rror", "undefined", "nexpected", "xpected", "ot found", "nvalid "], r"^(?P<file>\.github/workflows/\S+?):(?P<line>\d+):\d+: (?P<msg>.* \[[\w\-]+\])$").with(Extent::After(4)),
    cause("yamllint.error", LintError, 88, &["  error  ", "[error]"], r"^\s+(?P<line>\d+):\d+\s+error\s+(?P<msg>.*\([a-z\-]+\))$").before(2),
    cause("markdownlint.error", LintError, 90, &["MD0"], r"^(?P<file>\S+\.mdx?):(?P<line>\d+)(?::\d+)? (?:error )?(?P<msg>MD\d{3}/.*)$").inside(),
    cause("markdownlint.gate", LintError, 90, &["rror", "xpected"], r"^(?P<file>\S+\.mdx?):(?P<line>\d+)(?::\d+)? (?:error )?(?P<msg>MD\d{3}/.*)$"),
    cause("cspell.unknown", LintError, 84, &["Unknown word"], r"^(?P<file>\S+?):(?P<line>\d+):\d+ - (?P<msg>Unknown word .*)$").inside(),
    cause("dirty.tree", LintError, 78, &["ncommitted", "rror"], r"^(?:##\[error\]|error: |Error: )?(?P<msg>.*(?:[Uu]ncommitted changes|(?:are|is) not up[- ]to[- ]date|(?:is|are) out of date|please run .* and commit).*)$").before(14),
    cause("gofmt.diff", LintError, 84, &["diff -u ", "gofmt"], r"^diff(?: -u)? (?P<file>\S+\.go)\.orig \S+$").inside().with(Extent::After(12)),
    detail("diff.hunk", 56, &["@@ "], r"^@@ .* @@.*$"),
    cause("swiftlint.error", LintError, 97, &["error: "], r"^(?P<file>\S+\.swift):(?P<line>\d+)(?::\d+)?: (?P<msg>error: .* \([a-z_]+\))$"),
    cause("mix.format", LintError, 92, &["failed"], r"^\*\* \(Mix\) (?P<msg>mix format failed.*)$").with(Extent::After(14)),
    cause("license.missing", LintError, 70, &["issing ", "nvalid ", "xpected"], r"^.*(?P<msg>(?:[Mm]issing|[Ii]nvalid|[Ss]ome files do not have the expected) license headers?.*)$").with(Extent::After(6)),
    cause("workflow.schema", GithubActionsConfig, 60, &["workflow is not valid"], r"^.*workflow is not valid.*$").inside(),
];
