//! PHPStan, Psalm, Sorbet, Bash, PowerShell and other interpreters that refuse a script.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, summary};
use crate::domain::diagnosis::taxonomy::Category::{CompileError, GithubActionsConfig, LintError, TypeError, Unknown};

/// Rules for checkers of scripting languages and for shells.
pub const RULES: &[Rule] = &[
    summary("phpstan.found", TypeError, 86, &["[ERROR] Found"], r"^\s*\[ERROR\] Found \d+ errors?\s*$"),
    cause("phpstan.table", TypeError, 84, &["------ "], r"^\s*Line\s+(?P<file>\S+\.php)\s*$").inside().with(Extent::After(12)),
    cause("psalm.error", TypeError, 90, &["ERROR: "], r"^ERROR: (?P<msg>\w+) - (?P<file>\S+?\.php):(?P<line>\d+):\d+ - .*$").with(Extent::After(3)),
    cause("sorbet.error", TypeError, 92, &["https://srb.help/"], r"^(?P<file>\S+\.rb[i]?):(?P<line>\d+): (?P<msg>.* https://srb\.help/\d+)$").with(Extent::After(6)).inside(),
    cause("sorbet.gate", TypeError, 92, &["annot ", "ot found", "xpected", "nvalid ", "nresolved", "issing ", "ismatch"], r"^(?P<file>\S+\.rbi?):(?P<line>\d+): (?P<msg>.* https://srb\.help/\d+)$").with(Extent::After(6)),
    cause("steep.error", TypeError, 90, &["[error] "], r"^(?P<file>\S+\.rb):(?P<line>\d+):\d+: \[error\] (?P<msg>.*)$").with(Extent::After(6)),
    cause("ruby.syntax", CompileError, 90, &["syntax error", "(SyntaxError)"], r"^(?P<file>\S+\.rb):(?P<line>\d+): (?P<msg>(?:.*syntax errors? .*|.*\(SyntaxError\)))$").with(Extent::After(6)),
    cause("shell.not_found", GithubActionsConfig, 82, &["ot found", "o such file", "ermission denied"], r"^(?:/\S+|bash|sh|zsh|\S+\.sh): (?:line )?(?P<line>\d+): (?P<msg>.*(?:command not found|: not found|No such file or directory|[Pp]ermission denied|Is a directory).*)$").before(3),
    cause("shell.syntax", GithubActionsConfig, 84, &["syntax error near", "unexpected EOF while", "unbound variable", "syntax error:", "bad substitution"], r"^(?:/\S+|bash|sh|\S+\.sh|-bash): (?:line )?\d+: (?P<msg>.*(?:syntax error|unexpected EOF|unbound variable|bad substitution).*)$").before(3).inside(),
    cause("shell.unbound", GithubActionsConfig, 84, &["unbound variable", "parameter not set", "bad substitution"], r"^(?P<file>\S+): (?:line )?(?P<line>\d+): (?P<msg>.*(?:unbound variable|parameter not set|bad substitution).*)$").late(),
    cause("shell.syntax_gate", GithubActionsConfig, 84, &["rror near", "nexpected", "rror:"], r"^(?:/\S+|bash|sh|\S+\.sh|-bash): (?:line )?\d+: (?P<msg>.*(?:syntax error|unexpected EOF|bad substitution).*)$").before(3),
    cause("powershell.error", Unknown, 70, &["ParserError", "CommandNotFoundException", "FullyQualifiedErrorId"], r"^\s*\| ?(?P<msg>.*|\+ FullyQualifiedErrorId.*)$").inside(),
    cause("ansible.fatal", Unknown, 84, &["fatal: ["], r"^fatal: \[.*\]: (?P<msg>(?:FAILED|UNREACHABLE)! => .*)$").with(Extent::After(4)),
    cause("terraform.error", CompileError, 84, &["Error: "], r"^\s*│ (?P<msg>Error: .*)$").with(Extent::Section(12, &["╵"])).inside(),
    cause("cue.lint", LintError, 60, &["[ERROR] templates/"], r"^\[ERROR\] (?P<file>templates/\S*): (?P<msg>.*)$"),
    detail("shell.trace", 40, &["+ "], r"^\+ \S.*$"),
];
