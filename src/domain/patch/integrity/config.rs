//! What runs the tests and the linters: a changed setting can weaken every test at once.

use std::sync::LazyLock;

use regex::Regex;

use super::tests_found::{Source, pattern};
use super::{Finding, Rule, Severity, commands, dependencies};
use crate::domain::source::files::{Kind, kinds};

struct Setting {
    files: &'static str,
    line: &'static str,
    rule: Rule,
    severity: Severity,
    message: &'static str,
}

const FAILING_PASSES: &str = "a failing command would pass";
const LEAVES_OUT: &str = "the test runner would leave tests out";

const SETTINGS: &[Setting] = &[
    Setting {
        files: r"(?i)(^|/)(package\.json|makefile|justfile|taskfile\.ya?ml|tox\.ini|noxfile\.py|composer\.json|rakefile|jenkinsfile|dockerfile|[^/]*\.(ya?ml|sh|bash|mk))$",
        line: r"\|\|\s*(?:true|:|exit\s+0|echo|printf|Write)|;\s*(?:true|exit\s+0)\b|set\s+\+e\b",
        rule: Rule::FailureIgnored,
        severity: Severity::Refuse,
        message: FAILING_PASSES,
    },
    Setting {
        files: r"(?i)(^|/)jenkinsfile$|\.groovy$",
        line: r"\bcatchError\b|\bwarnError\b|returnStatus\s*:\s*true|currentBuild\.result\s*=\s*.SUCCESS",
        rule: Rule::FailureIgnored,
        severity: Severity::Refuse,
        message: "the pipeline would go on over a failure",
    },
    Setting {
        files: r"(?i)cmakelists\.txt$|\.cmake$",
        line: r"\bCOMMAND\s+(?:true|echo|:|\$\{CMAKE_COMMAND\}\s+-E\s+(?:true|echo))\b",
        rule: Rule::RunnerConfigWeakened,
        severity: Severity::Refuse,
        message: "the test would run a command that can't fail",
    },
    Setting {
        files: r"(?i)\.ya?ml$",
        line: r"continueOnError:\s*true|ignore_errors:\s*true|soft_fail:\s*true|failFast:\s*never|ignore_failure:\s*true|failure:\s*ignore",
        rule: Rule::FailureIgnored,
        severity: Severity::Refuse,
        message: "the pipeline would go on over a failure",
    },
    Setting {
        files: r"(?i)(^|/)(makefile|dockerfile[^/]*|justfile|setup\.py|build\.rs|build\.gradle(?:\.kts)?|rakefile|package\.json|composer\.json)$|\.(sh|bash|mk|ya?ml|ps1|gemspec)$",
        line: r"(?i)\b(?:curl|wget|iwr|invoke-webrequest)\b[^\n|]*\|\s*(?:sudo\s+)?(?:(?:ba|z|da|k)?sh|python3?|perl|ruby|node|iex|invoke-expression)\b|<\(\s*(?:curl|wget)\b|base64\s+(?:-d|--decode)[^\n|]*\|",
        rule: Rule::ForeignCode,
        severity: Severity::Refuse,
        message: "what comes from the network, or was encoded, would be run",
    },
    Setting {
        files: r"(?i)pytest\.ini$|pyproject\.toml$|setup\.cfg$|tox\.ini$|nextest\.toml$|playwright\.config|cypress\.config|jest\.config|vitest\.config|\.mocharc|package\.json$|build\.gradle|pom\.xml$|makefile$|\.ya?ml$|\.sh$",
        line: r"--reruns[ =]|--retries[ =]|--flaky|\bretryTimes\s*\(|\brerunFailingTestsCount\b|\bmaxRetries\b|[\x22']?\bretries[\x22']?\s*[:=]\s*[1-9]",
        rule: Rule::RetriesRaised,
        severity: Severity::NeedsApproval,
        message: "a failing test would be tried again until it passes",
    },
    Setting {
        files: r"(?i)pytest\.ini$|pyproject\.toml$|setup\.cfg$|tox\.ini$",
        line: r#"^\s*["']?(?:ignore|default)(?:::?[\w.: ]*)?["']?\s*,?\s*$|filterwarnings\s*=\s*\[?\s*["']?ignore|-W\s*ignore"#,
        rule: Rule::LintConfigWeakened,
        severity: Severity::NeedsApproval,
        message: "warnings that fail a test would be ignored",
    },
    Setting {
        files: r"\.ya?ml$",
        line: r"continue-on-error:\s*true|allow_failure:\s*true|fail-fast:\s*never|^\s*-?\s*if:\s*(?:false|\$\{\{\s*false)",
        rule: Rule::FailureIgnored,
        severity: Severity::Refuse,
        message: "the pipeline would go on over a failure",
    },
    Setting {
        files: r"(?i)(^|/)makefile$|\.mk$",
        line: r"^\t-\s*\S",
        rule: Rule::FailureIgnored,
        severity: Severity::Refuse,
        message: "make would ignore the failure of this line",
    },
    Setting {
        files: r"(^|/)tox\.ini$",
        line: r"^\s*(?:commands\s*=\s*)?-\s+\S",
        rule: Rule::FailureIgnored,
        severity: Severity::Refuse,
        message: "tox would ignore the failure of this command",
    },
    Setting {
        files: r"(?i)package\.json$|jest\.config|vitest\.config|vite\.config|\.mocharc|karma\.conf|playwright\.config|cypress\.config",
        line: r"(?i)testPathIgnorePatterns|--testPathIgnorePatterns|passWithNoTests|--bail=0|testNamePattern|grepInvert|testIgnore|\binvert\b|--exclude|\bexclude\s*:|excludeSpecPattern|modulePathIgnorePatterns",
        rule: Rule::RunnerConfigWeakened,
        severity: Severity::Refuse,
        message: LEAVES_OUT,
    },
    Setting {
        files: r"(?i)package\.json$",
        line: r#""(?:test|check|lint|typecheck|ci)[\w:-]*"\s*:\s*"(?:echo|true|exit 0|:)"#,
        rule: Rule::RunnerConfigWeakened,
        severity: Severity::Refuse,
        message: "the script no longer runs anything",
    },
    Setting {
        files: r"(?i)pytest\.ini$|pyproject\.toml$|setup\.cfg$|tox\.ini$|conftest\.py$|\.ya?ml$|makefile$|noxfile\.py$|\.sh$|mix\.exs$|rakefile$|justfile$|composer\.json$",
        line: r#"--ignore(?:-glob)?\b|--deselect\b|-k\s*["']?\s*not\b|-m\s*["']?\s*not\b|collect_ignore|norecursedirs|--exitfirst-never|-p\s+no:|--skip[ =]|--exclude[ =]"#,
        rule: Rule::RunnerConfigWeakened,
        severity: Severity::Refuse,
        message: LEAVES_OUT,
    },
    Setting {
        files: r"(?i)conftest\.py$",
        line: r"pytest_collection_modifyitems|pytest_ignore_collect|pytest_runtest_makereport|pytest_runtest_setup|exitstatus\s*=",
        rule: Rule::RunnerConfigWeakened,
        severity: Severity::Refuse,
        message: "the collection or the outcome of tests would be changed by a hook",
    },
    Setting {
        files: r"(?i)pytest\.ini$|pyproject\.toml$|setup\.cfg$|jest\.config|vitest\.config|package\.json$|phpunit|rakefile$|\.mocharc|cypress\.config|playwright\.config|karma\.conf|\.rspec$|\.runsettings$",
        line: r"(?i)\btestpaths\b|<directory|<file>|\.pattern\s*=|test_files\s*=|\btestDir\b|\bspecPattern\b|\bspec\s*:|--pattern|\bpython_files\b|\bpython_functions\b|testMatch|testRegex|\broots\b|\binclude\s*:",
        rule: Rule::RunnerConfigWeakened,
        severity: Severity::NeedsApproval,
        message: "what counts as a test would change",
    },
    Setting {
        files: r"(?i)cargo\.toml$",
        line: r"^\s*(?:test|doctest|autotests|harness)\s*=\s*false",
        rule: Rule::RunnerConfigWeakened,
        severity: Severity::Refuse,
        message: "cargo would not run these tests",
    },
    Setting {
        files: r"(?i)pom\.xml$|build\.gradle(?:\.kts)?$|gradle\.properties$|build\.xml$",
        line: r"(?i)skipTests|maven\.test\.skip|testFailureIgnore|ignoreFailures\s*=\s*true|haltonfailure\s*=\s*.(?:no|false)|<exclude>|excludeTestsMatching|\bexclude\s|enabled\s*=\s*false|excludeTags|excludedGroups",
        rule: Rule::RunnerConfigWeakened,
        severity: Severity::Refuse,
        message: "the build would leave tests out or ignore their failure",
    },
    Setting {
        files: r"(?i)phpunit[^/]*\.xml(\.dist)?$|\.runsettings$",
        line: r"(?i)<exclude|<TestCaseFilter>|<group>",
        rule: Rule::RunnerConfigWeakened,
        severity: Severity::Refuse,
        message: LEAVES_OUT,
    },
    Setting {
        files: r"(?i)\.rspec$|\.rubocop(_todo)?\.yml$|spec_helper\.rb$",
        line: r"--tag\s+~|filter_run_excluding|--exclude-pattern|Enabled:\s*false|Exclude:",
        rule: Rule::RunnerConfigWeakened,
        severity: Severity::Refuse,
        message: "specs or rules would be left out",
    },
    Setting {
        files: r"(?i)(^|/)build(\.bazel)?$|\.bzl$|cmakelists\.txt$|meson\.build$",
        line: r#"tags\s*=.*["']manual|DISABLED\s+TRUE|WILL_FAIL|should_fail\s*:\s*true"#,
        rule: Rule::RunnerConfigWeakened,
        severity: Severity::Refuse,
        message: "the build would not run this test, or expect it to fail",
    },
    Setting {
        files: r"(?i)\.eslintrc|eslint\.config|biome\.json|tslint\.json|package\.json$",
        line: r#"["'][\w@/-]+["']\s*:\s*\[?\s*(?:["']off["']|0\b)|:\s*["']off["']|ignorePatterns|\bignores\s*:"#,
        rule: Rule::LintConfigWeakened,
        severity: Severity::NeedsApproval,
        message: "a lint rule would be switched off",
    },
    Setting {
        files: r"(?i)tsconfig[^/]*\.json$",
        line: r#""(?:strict|noImplicit\w+|strictNullChecks|noUnused\w+|noEmitOnError|strict\w+|noUnchecked\w+)"\s*:\s*false|"skipLibCheck"\s*:\s*true|"noEmitOnError"\s*:\s*false|"exclude""#,
        rule: Rule::LintConfigWeakened,
        severity: Severity::NeedsApproval,
        message: "type checking would be loosened",
    },
    Setting {
        files: r"(?i)pyproject\.toml$|setup\.cfg$|\.flake8$|tox\.ini$|ruff\.toml$|mypy\.ini$|\.pylintrc$",
        line: r"(?i)^\s*(?:extend-)?ignore\s*=|ignore_errors\s*=\s*true|ignore_missing_imports\s*=\s*true|per-file-ignores|^\s*disable\s*=|extend-exclude|^\s*omit\s*=|strict\s*=\s*false|disallow_\w+\s*=\s*false|check_untyped_defs\s*=\s*false",
        rule: Rule::LintConfigWeakened,
        severity: Severity::NeedsApproval,
        message: "a lint or type rule would be switched off",
    },
    Setting {
        files: r"(?i)cargo\.toml$|clippy\.toml$",
        line: r#"=\s*(?:"allow"|\{[^}]*"allow")"#,
        rule: Rule::LintConfigWeakened,
        severity: Severity::NeedsApproval,
        message: "a lint would be allowed",
    },
    Setting {
        files: r"(?i)phpstan|psalm\.xml",
        line: r"ignoreErrors|baseline|<issueHandlers|errorLevel",
        rule: Rule::LintConfigWeakened,
        severity: Severity::NeedsApproval,
        message: "static analysis would be loosened",
    },
];

static COMPILED: LazyLock<Vec<(Regex, Regex, &'static Setting)>> =
    LazyLock::new(|| SETTINGS.iter().map(|setting| (pattern(setting.files), pattern(setting.line), setting)).collect());
static THRESHOLD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)["']?\b(fail_under|cov-fail-under|--fail-under|branches|functions|lines|statements|minimum_coverage|minimum|threshold|coverage[_-]?threshold|min-?coverage|target|max-warnings|retries|retry|reruns|testTimeout|test_timeout|timeout|defaultCommandTimeout|slow-timeout)\b["']?\s*[:= >]+\s*["']?(\d+(?:\.\d+)?)"#,
    )
});
static THRESHOLD_FILES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\.coveragerc$|pyproject\.toml$|setup\.cfg$|tox\.ini$|pytest\.ini$|package\.json$|jest\.config|vitest\.config|\.nycrc|codecov\.ya?ml$|\.simplecov|spec_helper\.rb$|build\.gradle|pom\.xml$|phpunit|makefile$|\.ya?ml$|tarpaulin\.toml$|nextest\.toml$|playwright\.config|cypress\.config|\.mocharc|karma\.conf",
    )
});
/// Settings whose growth, not whose fall, makes tests milder.
const PATIENCE: [&str; 8] = ["retries", "retry", "reruns", "testtimeout", "test_timeout", "timeout", "defaultcommandtimeout", "slow-timeout"];
static REGISTERED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?m)^\s*(?:\[\[test\]\]|add_test\s*\(|gtest_discover_tests\s*\(|\w*_tests?\s*\(\s*$|test\s*\(\s*'|<testsuite\b|<directory\b|(?:#\[cfg\(test\)\]\s*)?(?:pub\s+)?mod\s+\w*tests?\w*\s*;|#\[path\s*=.*tests?|RUN_TEST\s*\(|tcase_add_test\s*\(|suite_add_tcase\s*\(|cmocka_unit_test\w*\s*\(|CU_add_test\s*\()"#,
    )
});
static REGISTRY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)(^|/)(cargo\.toml|cmakelists\.txt|build|build\.bazel|meson\.build|phpunit[^/]*\.xml(\.dist)?)$|\.rs$|\.bzl$|\.(c|cc|cpp|cxx)$")
});
static TEST_MODULE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^\s*(?:pub\s+)?mod\s+\w+\s*;"));

/// Settings that the change adds, thresholds that it lowers, registrations that it takes away.
pub(super) fn check(before: Option<&Source<'_>>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    dependencies::check(before, after, findings);
    let name = after.path.rsplit('/').next().unwrap_or(after.path).to_ascii_lowercase();
    // A value on the line below its key is the same value: such a manifest is read once more as it would be written.
    if matches!(name.as_str(), "package.json" | "composer.json")
        && let Some(text) = written_out(after.text)
        && text.lines().count() != after.text.lines().count()
    {
        let was = before.and_then(|source| written_out(source.text));
        let (old, new) = (was.as_deref().map(|text| Source::new(after.path, text)), Source::new(after.path, &text));
        let mut found = Vec::new();
        settings(old.as_ref(), &new, &mut found);
        for mut finding in found {
            let key = finding.after.as_deref().and_then(|line| line.split(':').next()).unwrap_or_default();
            finding.line = after.text.lines().position(|line| !key.is_empty() && line.contains(key)).map_or(1, |at| at + 1);
            findings.push(finding);
        }
    } else {
        settings(before, after, findings);
    }
    if let Some(before) = before {
        thresholds(before, after, findings);
        registrations(before, after, findings);
    }
}

/// JSON with every key and its value on one line.
fn written_out(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    serde_json::to_string_pretty(&value).ok()
}

/// What a setting means where it stands: nothing, that a person is asked, or what its line of the table says.
fn in_context(setting: &Setting, after: &Source<'_>, at: usize, line: &str) -> Option<Severity> {
    static CLEANS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^[\s@\-]*(?:sudo\s+)?(?:rm|rmdir|mkdir|kill|pkill|killall|umount|unlink|docker\s+(?:rm|rmi|stop|kill|network\s+rm|volume\s+rm|compose\s+down)|podman\s+(?:rm|stop|kill)|kubectl\s+delete|command\s+-v|which|type|test\s|\[\s|git\s+(?:config|remote|tag|branch)|ip\s+link|userdel|groupdel|deactivate|popd|trap\s)[^|&;]*\|\|",
        )
    });
    static CLUSTER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^apiVersion:\s*\S"));
    static NO_TESTS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"\b(?:prettier|black|isort|gofmt|rustfmt|dprint|stylelint|rsync|tar|zip|grep|rg|find|tsup|esbuild|vsce|npm\s+pack|cpx|ncp)\b")
    });
    let runs_checks = commands::runs_checks(line);
    if setting.message == FAILING_PASSES {
        // What removes and stops things may find nothing to remove; a cluster's manifest is no pipeline.
        let harmless = CLEANS.is_match(line) || (CLUSTER.is_match(after.text) && !kinds(after.path).iter().any(|(kind, _)| *kind == Kind::Pipeline));
        return if runs_checks {
            Some(setting.severity)
        } else if harmless {
            None
        } else if is_checked(after.path) {
            Some(setting.severity)
        } else {
            Some(Severity::NeedsApproval)
        };
    }
    if setting.message == LEAVES_OUT && !runs_checks && NO_TESTS.is_match(line) && line.contains("--exclude") {
        return None;
    }
    if setting.rule == Rule::RetriesRaised && of_a_probe(after, at) {
        return None;
    }
    Some(setting.severity)
}

/// A file whose every command is a check or a step to one.
fn is_checked(path: &str) -> bool {
    kinds(path).iter().any(|(kind, _)| matches!(kind, Kind::Pipeline | Kind::RunnerConfig | Kind::Manifest | Kind::BuildScript))
}

/// A line of YAML beneath a health check, whose tries are those of a service and not of a test.
fn of_a_probe(source: &Source<'_>, at: usize) -> bool {
    let lower = source.path.to_ascii_lowercase();
    if !lower.ends_with(".yml") && !lower.ends_with(".yaml") {
        return false;
    }
    let lines: Vec<&str> = source.masked.uncommented.lines().take(at + 1).collect();
    let depth = |line: &str| line.len() - line.trim_start().len();
    let Some(mut inner) = lines.last().map(|line| depth(line)) else { return false };
    for line in lines.iter().rev().skip(1).filter(|line| !line.trim().is_empty()) {
        if depth(line) < inner {
            inner = depth(line);
            let key = line.trim().trim_start_matches("- ").to_ascii_lowercase();
            if key.starts_with("health") || key.contains("probe:") {
                return true;
            }
        }
    }
    false
}

/// The settings that the change adds.
fn settings(before: Option<&Source<'_>>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    let mut known = std::collections::HashMap::<&str, usize>::new();
    for line in before.map_or("", |source| source.masked.uncommented.as_str()).lines() {
        *known.entry(line.trim()).or_default() += 1;
    }
    for (at, line) in after.masked.uncommented.lines().enumerate() {
        let trimmed = line.trim();
        if let Some(left) = known.get_mut(trimmed).filter(|left| **left > 0) {
            *left -= 1;
            continue;
        }
        for (files, pattern, setting) in COMPILED.iter() {
            if !files.is_match(after.path) || !pattern.is_match(line) || moved(pattern, before, after) {
                continue;
            }
            if let Some(severity) = in_context(setting, after, at, line) {
                findings.push(Finding::new(setting.rule, severity, after.path, at + 1, setting.message).with(None, Some(trimmed)));
                break;
            }
        }
    }
}

/// The setting was there before, as often and with no more to it.
fn moved(pattern: &Regex, before: Option<&Source<'_>>, after: &Source<'_>) -> bool {
    let lines = |source: &Source<'_>| {
        source.masked.uncommented.lines().filter(|line| pattern.is_match(line)).map(|line| line.split_whitespace().collect::<String>()).collect::<Vec<_>>()
    };
    let Some(before) = before.map(lines) else { return false };
    let after = lines(after);
    after.len() <= before.len() && after.iter().map(String::len).sum::<usize>() <= before.iter().map(String::len).sum::<usize>()
}

fn thresholds(before: &Source<'_>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    if !THRESHOLD_FILES.is_match(after.path) {
        return;
    }
    let read = |source: &Source<'_>| -> Vec<(String, f64, usize, String)> {
        THRESHOLD
            .captures_iter(&source.masked.uncommented)
            .filter_map(|hit| {
                let at = hit.get(0)?.start();
                Some((hit.get(1)?.as_str().to_ascii_lowercase(), hit.get(2)?.as_str().parse().ok()?, at, source.line_text(at).to_owned()))
            })
            .collect()
    };
    let (old, new) = (read(before), read(after));
    let mut used = vec![false; new.len()];
    for (name, value, _, text) in &old {
        let found = new.iter().enumerate().find(|(at, (other, ..))| !used[*at] && other == name);
        match found {
            Some((at, (_, now, offset, line))) => {
                used[at] = true;
                let patience = PATIENCE.contains(&name.as_str());
                let probe = of_a_probe(after, after.line(*offset) - 1);
                if patience && now > value && !probe {
                    findings.push(
                        Finding::new(Rule::RetriesRaised, Severity::NeedsApproval, after.path, after.line(*offset), "tests get more tries or more time")
                            .with(Some(text), Some(line)),
                    );
                }
                let lower = if name == "max-warnings" { now > value } else { !patience && now < value };
                if lower {
                    findings.push(
                        Finding::new(Rule::CoverageLowered, Severity::Refuse, after.path, after.line(*offset), "a threshold is lowered")
                            .with(Some(text), Some(line)),
                    );
                }
            }
            None if !PATIENCE.contains(&name.as_str()) && name != "lines" && name != "target" && name != "minimum" && name != "threshold" => {
                findings.push(Finding::new(Rule::CoverageLowered, Severity::Refuse, after.path, 1, "a threshold is removed").with(Some(text), None));
            }
            None => {}
        }
    }
}

fn registrations(before: &Source<'_>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    if !REGISTRY.is_match(after.path) {
        return;
    }
    let in_tests = crate::domain::source::files::is_test(after.path) && after.path.ends_with(".rs");
    let regex = if in_tests { &*TEST_MODULE } else { &*REGISTERED };
    let read = |source: &Source<'_>| -> Vec<String> {
        regex.find_iter(&source.masked.uncommented).map(|hit| source.line_text(hit.end().saturating_sub(1)).to_owned()).collect()
    };
    let mut now = read(after);
    for line in read(before) {
        if let Some(at) = now.iter().position(|other| *other == line) {
            now.swap_remove(at);
        } else if now.is_empty() {
            findings.push(Finding::new(Rule::TestUnregistered, Severity::Refuse, after.path, 1, "a test is taken out of the build").with(Some(&line), None));
        } else {
            // Another line took its place: renamed, perhaps.
            now.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_judged_where_it_stands() {
        use Severity::{NeedsApproval, Refuse};
        let cluster = "apiVersion: v1\nkind: Pod\nspec:\n  command: |\n    ";
        let service = "services:\n  db:\n    healthcheck:\n      test: pg_isready\n";
        let cases: &[(&str, &str, &str, Option<Severity>)] = &[
            ("scripts/clean.sh", "cd x\n", "cd x\nrm -r out || true\n", None),
            ("scripts/clean.sh", "cd x\n", "cd x\nnpm test || true\n", Some(Refuse)),
            ("scripts/clean.sh", "cd x\n", "cd x\nrm -r out; npm test || true\n", Some(Refuse)),
            ("scripts/run.sh", "cd x\n", "cd x\n./check || true\n", Some(NeedsApproval)),
            ("k8s/pod.yaml", cluster, &format!("{cluster}cat x || echo none\n"), None),
            ("k8s/pod.yaml", cluster, &format!("{cluster}pytest || echo none\n"), Some(Refuse)),
            ("package.json", "{\"scripts\": {\"format\": \"prettier .\"}}", "{\"scripts\": {\"format\": \"prettier . --exclude dist\"}}", None),
            ("package.json", "{\"scripts\": {\"test\": \"vitest\"}}", "{\"scripts\": {\"test\": \"vitest --exclude dist\"}}", Some(Refuse)),
            ("package.json", "{\"scripts\": {\"test\": \"vitest\"}}", "{\"scripts\": {\"test\":\n\"echo ok\"}}", Some(Refuse)),
            ("compose.yaml", service, &format!("{service}      retries: 5\n"), None),
            ("compose.yaml", &format!("{service}      retries: 3\n"), &format!("{service}      retries: 5\n"), None),
            ("e2e.yaml", "tests:\n  a: b\n", "tests:\n  a: b\n  retries: 5\n", Some(NeedsApproval)),
        ];
        for (path, before, after, expected) in cases {
            let mut findings = Vec::new();
            check(Some(&Source::new(path, before)), &Source::new(path, after), &mut findings);
            assert_eq!(findings.iter().map(|finding| finding.severity).max(), *expected, "{path}: {after}");
        }
    }
}
