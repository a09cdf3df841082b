//! The commands that run tests and linters, wherever they are written down: taken away, narrowed, or no longer heard when they fail.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::tests_found::{Source, pattern};
use super::{Finding, Rule, Severity};

static FILES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(^|/)(package\.json|composer\.json|deno\.jsonc?|makefile|gnumakefile|justfile|taskfile\.ya?ml|tox\.ini|noxfile\.py|rakefile|jenkinsfile|mix\.exs|pyproject\.toml|dockerfile|[^/]*\.(ya?ml|sh|bash|mk|ps1|cmd|bat))$",
    )
});
static RUNNER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:py\.?test|python3?\s+-m\s+(?:pytest|unittest)|tox|nox|go\s+(?:test|vet)|gotestsum|cargo\s+(?:test|nextest|clippy|fmt)|jest|vitest|mocha|karma\s+start|ava|cypress\s+run|playwright\s+test|(?:npm|pnpm|yarn|bun)\s+(?:run\s+)?(?:test|lint|check|typecheck)\S*|deno\s+(?:test|lint)|node\s+--test|\.?/?(?:mvnw?|gradlew?)\s|sbt|rspec|rake\s+(?:test|spec)|rails\s+test|phpunit|pest|artisan\s+test|mix\s+(?:test|credo)|rebar3\s+(?:eunit|ct)|dotnet\s+test|ctest|make\s+(?:check|test|lint)\S*|bats|busted|prove|stack\s+test|cabal\s+test|swift\s+test|xcodebuild|(?:flutter|dart)\s+(?:test|analyze)|zig\s+build\s+test|forge\s+test|lein\s+test|Invoke-Pester|ruff\s+check|flake8|mypy|pyright|eslint|biome\s+(?:check|ci|lint)|golangci-lint|tsc|rubocop|phpstan|psalm|pylint|(?:black|prettier|isort)\s+--check)",
    )
});
static NARROWING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:-run|-skip|-k|-t|-g|-m|-E|-Dtest=.*|--filter\S*|--grep\S*|--testNamePattern\S*|--test-name-pattern\S*|--only\S*|--lib|--bins?|--doc|--exclude\S*|--ignore\S*|--deselect\S*|--group\S*|--tags?\S*|--tests|--changed\S*|--lf|--last-failed|--shard\S*|--passWithNoTests|-DskipTests\S*|--skip\S*|--no-verify|--exit-zero|--force-exclude)$",
    )
});
static STRICT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*set\s+-\w*e|^\s*set\s+-o\s+(?:errexit|pipefail)|^\s*\$ErrorActionPreference\s*="));
static ENDS_WELL: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*exit\s+0\s*;?\s*$"));

/// Whether a line calls something that runs tests or checks.
pub(super) fn runs_checks(line: &str) -> bool {
    RUNNER.is_match(line)
}

/// Compares the commands of a file that says how tests are run.
pub(super) fn check(before: Option<&Source<'_>>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    let (Some(before), true) = (before, FILES.is_match(after.path)) else { return };
    let lines = |source: &Source<'_>| -> Vec<(usize, String)> {
        source.masked.uncommented.lines().enumerate().map(|(at, line)| (at + 1, line.trim().to_owned())).filter(|(_, line)| !line.is_empty()).collect()
    };
    let (mut old, mut new) = (lines(before), lines(after));
    let had_runner = old.iter().any(|(_, line)| RUNNER.is_match(line));
    let left_runner = new.iter().any(|(_, line)| RUNNER.is_match(line));
    // A target or a key is named after its command, and is none.
    old.retain(|(_, line)| !line.ends_with(':'));
    // Lines that both have say nothing.
    old.retain(|(_, line)| {
        let same = new.iter().position(|(_, other)| other == line);
        same.map(|at| new.remove(at)).is_none()
    });
    let mut add = |rule, severity, line: usize, message: &str, was: Option<&str>, is: Option<&str>| {
        findings.push(Finding::new(rule, severity, after.path, line, message).with(was, is));
    };
    for (_, line) in old.iter().filter(|(_, line)| STRICT.is_match(line)) {
        if !new.iter().any(|(_, other)| STRICT.is_match(other)) {
            add(Rule::FailureIgnored, Severity::Refuse, 1, "the script would go on over a failing command", Some(line), None);
        }
    }
    if had_runner {
        for (at, line) in new.iter().filter(|(_, line)| ENDS_WELL.is_match(line)) {
            add(Rule::FailureIgnored, Severity::Refuse, *at, "the script would end well whatever the tests say", None, Some(line));
        }
    }
    for (_, line) in &old {
        let Some(runner) = RUNNER.find(line) else { continue };
        let word = runner.as_str().split_whitespace().next().unwrap_or_default();
        let successor = new.iter().position(|(_, other)| RUNNER.find(other).is_some_and(|found| found.as_str().split_whitespace().next() == Some(word)));
        let other = successor.or_else(|| new.iter().position(|(_, other)| RUNNER.is_match(other)));
        match other {
            Some(found) => {
                let (at, other) = new.remove(found);
                if successor.is_none() {
                    continue;
                }
                if let Some(severity) = narrowed(line, &other, runner.start()) {
                    add(Rule::RunnerConfigWeakened, severity, at, "the command would run less than before", Some(line), Some(&other));
                }
            }
            None => {
                let severity = if left_runner { Severity::NeedsApproval } else { Severity::Refuse };
                add(Rule::RunnerConfigWeakened, severity, 1, "a command that runs tests or checks is gone", Some(line), None);
            }
        }
    }
}

/// Words that came and leave tests out: flags surely, paths perhaps.
fn narrowed(old: &str, new: &str, from: usize) -> Option<Severity> {
    let words = |text: &str| -> Vec<String> { text.split_whitespace().map(|word| word.trim_matches(['"', '\'', ',', ';', '`', '\\']).to_owned()).collect() };
    let known: BTreeSet<String> = words(old).into_iter().collect();
    let start = RUNNER.find(new).map_or(0, |found| found.start());
    let behind = words(&new[start..]);
    let came: Vec<&String> = behind.iter().skip(1).filter(|word| !known.contains(*word)).collect();
    if came.iter().any(|word| NARROWING.is_match(word)) {
        return Some(Severity::Refuse);
    }
    // A path or a name in place of everything, or of something wider.
    let had = words(&old[from..]);
    let named = |words: &[String]| words.iter().skip(1).filter(|word| !word.starts_with('-') && (word.contains('/') || word.contains('.'))).count();
    let deeper = came.iter().any(|word| !word.starts_with('-') && (word.contains('/') || word.contains("test")) && !word.contains('='));
    (deeper && (named(&had) == 0 || named(&behind) <= named(&had))).then_some(Severity::NeedsApproval)
}
