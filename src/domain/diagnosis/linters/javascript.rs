//! ESLint, Prettier, Biome, stylelint, oxlint, knip, Deno's formatter.

use crate::domain::diagnosis::rule::Evidence::Described;
use crate::domain::diagnosis::rule::{Extent, Order, Rule, Worth, cause, detail, noise, summary};
use crate::domain::diagnosis::taxonomy::Category::{LintError, TypeError};

/// Rules for JavaScript's linters and formatters.
pub const RULES: &[Rule] = &[
    noise("eslint.warnings", &["0 errors"], r"^\s*✖ \d+ problems? \(0 errors, .*$"),
    cause("eslint.error", LintError, Described, &[" error "], r"^\s+(?P<line>\d+):\d+\s+error\s+(?P<msg>\S.*)$").specific().before(3).with(Extent::After(2)),
    // eslint-formatter-pretty, as XO prints it; tsd prints its diagnostics of types like it, without the name of a rule.
    cause("pretty.rule", LintError, Described, &["✖ "], r"^\s+✖\s+(?P<line>\d+):\d+\s+(?P<msg>\S.*\s{2,}[@\w/\-]+)$").before(2),
    cause("tsd.diagnostic", TypeError, Described, &["✖ "], r"^\s+✖\s+(?P<line>\d+):\d+\s+(?P<msg>\S.*)$").before(2),
    cause("eslint.unix", LintError, Described, &["[Error"], r"^(?P<file>\S+):(?P<line>\d+):\d+: (?P<msg>.* \[(?:Error|Warning)/.*\])$").specific(),
    detail("eslint.file", Worth::Good, &[".js", ".ts", ".vue", ".jsx", ".tsx", ".mjs", ".cjs", ".svelte", ".css", ".scss"], r"^(?P<file>/?[\w@./\-\[\]]+\.(?:[cm]?[jt]sx?|vue|svelte|s?css|less|json|md))$").ordered(Order::Broad),
    summary("eslint.total", LintError, Described, &["problem"], r"^\s*[✖×] \d+ problems? \(.*$"),
    cause("eslint.config", LintError, Described, &["ESLint couldn't find", "Failed to load plugin", "Failed to load config", "Oops! Something went wrong"], r"^(?P<msg>(?:ESLint couldn't find .*|.*Failed to load (?:plugin|config|parser) .*|Oops! Something went wrong! :\()$)").with(Extent::After(10)).inside(),
    cause("eslint.crash", LintError, Described, &["went wrong", "could not", "couldn't find", "annot "], r"^(?:Oops! Something went wrong! :\(|ESLint couldn't find .*)$").with(Extent::After(10)).inside(),
    cause("prettier.warn", LintError, Described, &["[warn] "], r"^\[warn\] (?P<file>[\w@./\-\[\]()+]+\.\w+)$").specific().inside(),
    cause("prettier.summary", LintError, Described, &["Code style issues found", "Forgot to run Prettier"], r"^\[(?:warn|error)\] (?P<msg>Code style issues (?:found|fixed).*)$").specific().before(14).inside(),
    cause("prettier.issue", LintError, Described, &["[error] ", "rror"], r"^\[error\] (?P<file>\S+?): (?P<msg>(?:SyntaxError|TypeError): .*)$").specific().with(Extent::After(6)),
    cause("prettier.run", LintError, Described, &["rettier"], r"^\s*(?P<msg>.*(?:[Rr]un(?:ning)? [Pp]rettier|prettier --write|prettier-all|uses prettier to format|not formatted with [Pp]rettier).*)$").inside(),
    cause("biome.rule", LintError, Described, &[" ━━", " lint/", " format ", "assist/"], r"^(?P<file>\S+?)(?::(?P<line>\d+):\d+)? (?P<msg>(?:lint/\S+|format|organizeImports|assist\S*|parse|suppressions/\S+)(?: +FIXABLE)?) +━+$").specific().with(Extent::Section(18, &["Checked "])).inside().opening(),
    cause("biome.gate", LintError, Described, &["rrors were emitted"], r"^\s*(?:× |✖ )?(?P<msg>(?:Formatter would have printed the following content:|Some errors were emitted while running checks\.?|File content differs from formatting output))$").before(3).with(Extent::After(10)),
    cause("biome.cross", LintError, Described, &[" × "], r"^\s{2}[×✖] (?P<msg>\S.*)$").specific().before(2).with(Extent::After(14)),
    summary("biome.found", LintError, Described, &["Found "], r"^Found \d+ errors?\.$").inside(),
    cause("stylelint.error", LintError, Described, &["✖  ", "✖ ", " × "], r"^\s+(?P<line>\d+):\d+\s+[✖×]\s+(?P<msg>\S.*)$").specific().before(2),
    cause("oxlint.error", LintError, Described, &[" × eslint"], r"^\s+[×x] (?P<msg>(?:eslint|typescript|unicorn|oxc)[\w\-]*\(.*)$").with(Extent::After(8)),
    cause("deno.fmt", LintError, Described, &["error: Found"], r"^error: (?P<msg>Found \d+ not formatted files? in .*)$").specific().before(12),
    cause("knip.unused", LintError, Described, &["Unused "], r"^Unused (?:files|dependencies|devDependencies|exports|types) \(\d+\)$").with(Extent::Paragraph(14)).inside(),
    cause("commitlint.error", LintError, Described, &["✖ "], r"^✖\s+(?P<msg>.* \[[a-z\-]+\])$").before(3),
];
