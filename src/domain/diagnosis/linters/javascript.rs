//! ESLint, Prettier, Biome, stylelint, oxlint, knip, Deno's formatter.

use crate::domain::diagnosis::rule::{Extent, Rule, cause, detail, noise, summary};
use crate::domain::diagnosis::taxonomy::Category::{LintError, TypeError};

/// Rules for JavaScript's linters and formatters.
pub const RULES: &[Rule] = &[
    noise("eslint.warnings", &["0 errors"], r"^\s*✖ \d+ problems? \(0 errors, .*$"),
    cause("eslint.error", LintError, 94, &[" error "], r"^\s+(?P<line>\d+):\d+\s+error\s+(?P<msg>\S.*)$").before(3).with(Extent::After(2)),
    // eslint-formatter-pretty, as XO prints it; tsd prints its diagnostics of types like it, without the name of a rule.
    cause("pretty.rule", LintError, 91, &["✖ "], r"^\s+✖\s+(?P<line>\d+):\d+\s+(?P<msg>\S.*\s{2,}[@\w/\-]+)$").before(2),
    cause("tsd.diagnostic", TypeError, 90, &["✖ "], r"^\s+✖\s+(?P<line>\d+):\d+\s+(?P<msg>\S.*)$").before(2),
    cause("eslint.unix", LintError, 92, &["[Error"], r"^(?P<file>\S+):(?P<line>\d+):\d+: (?P<msg>.* \[(?:Error|Warning)/.*\])$"),
    detail("eslint.file", 70, &[".js", ".ts", ".vue", ".jsx", ".tsx", ".mjs", ".cjs", ".svelte", ".css", ".scss"], r"^(?P<file>/?[\w@./\-\[\]]+\.(?:[cm]?[jt]sx?|vue|svelte|s?css|less|json|md))$"),
    summary("eslint.total", LintError, 88, &["problem"], r"^\s*[✖×] \d+ problems? \(.*$"),
    cause("eslint.config", LintError, 88, &["ESLint couldn't find", "Failed to load plugin", "Failed to load config", "Oops! Something went wrong"], r"^(?P<msg>(?:ESLint couldn't find .*|.*Failed to load (?:plugin|config|parser) .*|Oops! Something went wrong! :\()$)").with(Extent::After(10)).inside(),
    cause("eslint.crash", LintError, 86, &["went wrong", "could not", "couldn't find", "annot "], r"^(?:Oops! Something went wrong! :\(|ESLint couldn't find .*)$").with(Extent::After(10)).inside(),
    cause("prettier.warn", LintError, 92, &["[warn] "], r"^\[warn\] (?P<file>[\w@./\-\[\]()+]+\.\w+)$").inside(),
    cause("prettier.summary", LintError, 94, &["Code style issues found", "Forgot to run Prettier"], r"^\[(?:warn|error)\] (?P<msg>Code style issues (?:found|fixed).*)$").before(14).inside(),
    cause("prettier.issue", LintError, 94, &["[error] ", "rror"], r"^\[error\] (?P<file>\S+?): (?P<msg>(?:SyntaxError|TypeError): .*)$").with(Extent::After(6)),
    cause("prettier.run", LintError, 84, &["rettier"], r"^\s*(?P<msg>.*(?:[Rr]un(?:ning)? [Pp]rettier|prettier --write|prettier-all|uses prettier to format|not formatted with [Pp]rettier).*)$").inside(),
    cause("biome.rule", LintError, 93, &[" ━━", " lint/", " format ", "assist/"], r"^(?P<file>\S+?)(?::(?P<line>\d+):\d+)? (?P<msg>(?:lint/\S+|format|organizeImports|assist\S*|parse|suppressions/\S+)(?: +FIXABLE)?) +━+$").with(Extent::Section(18, &["Checked "])).inside().opening(),
    cause("biome.gate", LintError, 90, &["rrors were emitted"], r"^\s*(?:× |✖ )?(?P<msg>(?:Formatter would have printed the following content:|Some errors were emitted while running checks\.?|File content differs from formatting output))$").before(3).with(Extent::After(10)),
    cause("biome.cross", LintError, 92, &[" × "], r"^\s{2}[×✖] (?P<msg>\S.*)$").before(2).with(Extent::After(14)),
    summary("biome.found", LintError, 84, &["Found "], r"^Found \d+ errors?\.$").inside(),
    cause("stylelint.error", LintError, 92, &["✖  ", "✖ ", " × "], r"^\s+(?P<line>\d+):\d+\s+[✖×]\s+(?P<msg>\S.*)$").before(2),
    cause("oxlint.error", LintError, 90, &[" × eslint"], r"^\s+[×x] (?P<msg>(?:eslint|typescript|unicorn|oxc)[\w\-]*\(.*)$").with(Extent::After(8)),
    cause("deno.fmt", LintError, 92, &["error: Found"], r"^error: (?P<msg>Found \d+ not formatted files? in .*)$").before(12),
    cause("knip.unused", LintError, 84, &["Unused "], r"^Unused (?:files|dependencies|devDependencies|exports|types) \(\d+\)$").with(Extent::Paragraph(14)).inside(),
    cause("commitlint.error", LintError, 88, &["✖ "], r"^✖\s+(?P<msg>.* \[[a-z\-]+\])$").before(3),
];
