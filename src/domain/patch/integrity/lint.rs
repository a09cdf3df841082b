//! Settings of linters, type checkers and formatters: a level that falls, a rule that leaves the list.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::tests_found::{Source, pattern};
use super::{Finding, Rule, Severity};

static FILES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(^|/)(\.eslintrc[^/]*|eslint\.config[^/]*|tslint\.json|biome\.jsonc?|\.?oxlintrc\.json|analysis_options\.ya?ml|\.rubocop[^/]*\.yml|\.golangci\.\w+|ruff\.toml|\.ruff\.toml|pyproject\.toml|setup\.cfg|\.flake8|cargo\.toml|clippy\.toml|\.stylelintrc[^/]*|\.swiftlint\.yml|detekt[^/]*\.ya?ml|\.credo\.exs|\.clang-tidy|\.markdownlint[^/]*|\.pre-commit-config\.yaml|\.pylintrc|checkstyle[^/]*\.xml|\.hlint\.yaml|\.yamllint[^/]*)$",
    )
});
/// Where `true` and `false` switch rules, and nothing else.
static SWITCHES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)(^|/)(tslint\.json|\.golangci\.\w+|\.rubocop[^/]*\.yml|\.stylelintrc[^/]*|detekt[^/]*\.ya?ml|analysis_options\.ya?ml|\.markdownlint[^/]*)$")
});
static LEVEL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)["']?([\w@/.-]+)["']?\s*[:=]\s*(?:\{[^}\n]*?\blevel["']?\s*[:=]\s*)?\[?\s*["']?(off|allow|ignore|never|false|info|hint|warn|warning|error|deny|true|forbid|always|[012])\b"#,
    )
});
static LISTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?m)^\s*["']?(select|extend-select|enable|enabled|plugins|linters|only_rules|opt_in_rules|rules|checks|Checks|hooks|extends|required_plugins)["']?\s*[:=]\s*(\[[^\]]*\]|["'][^"'\n]*["']|(?:\n\s*-\s*[^\n]+)+)"#,
    )
});
static ITEM: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\w@/.:*-]*\w[\w@/.:*-]*"));

fn rank(level: &str, switches: bool) -> Option<u8> {
    match level.to_ascii_lowercase().as_str() {
        "true" | "false" if !switches => None,
        "off" | "allow" | "ignore" | "never" | "false" | "0" => Some(0),
        "info" | "hint" => Some(1),
        "warn" | "warning" | "1" => Some(2),
        "error" | "deny" | "true" | "always" | "2" => Some(3),
        "forbid" => Some(4),
        _ => None,
    }
}

/// Levels that fell and rules that left.
pub(super) fn check(before: Option<&Source<'_>>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    let (Some(before), true) = (before, FILES.is_match(after.path)) else { return };
    let switches = SWITCHES.is_match(after.path);
    // Numbers are levels in ESLint's settings only.
    let numbers = after.path.contains("eslint");
    let levels = |source: &Source<'_>| -> Vec<(String, u8, usize)> {
        LEVEL
            .captures_iter(&source.masked.uncommented)
            .filter(|hit| numbers || !hit[2].bytes().all(|byte| byte.is_ascii_digit()))
            .filter_map(|hit| Some((hit[1].to_owned(), rank(&hit[2], switches)?, hit.get(0)?.start())))
            .collect()
    };
    let old: HashMap<String, u8> = levels(before).into_iter().map(|(key, rank, _)| (key, rank)).collect();
    for (key, now, at) in levels(after) {
        if old.get(&key).is_some_and(|was| now < *was) {
            let message = format!("the level of `{}` falls", super::super::shown(&key));
            findings.push(
                Finding::new(Rule::LintConfigWeakened, Severity::NeedsApproval, after.path, after.line(at), message).with(None, Some(after.line_text(at))),
            );
        }
    }
    let lists = |source: &Source<'_>| -> HashMap<String, Vec<String>> {
        let mut lists: HashMap<String, Vec<String>> = HashMap::new();
        for hit in LISTED.captures_iter(&source.masked.uncommented) {
            lists.entry(hit[1].to_owned()).or_default().extend(ITEM.find_iter(&hit[2]).map(|item| item.as_str().to_owned()));
        }
        lists
    };
    let now = lists(after);
    for (key, items) in lists(before) {
        let left = now.get(&key).map_or(&[][..], Vec::as_slice);
        if let Some(gone) = items.iter().find(|item| !left.contains(item)) {
            let message = format!("`{}` leaves the list `{}`", super::super::shown(gone), super::super::shown(&key));
            findings.push(Finding::new(Rule::LintConfigWeakened, Severity::NeedsApproval, after.path, 1, message));
        }
    }
}
