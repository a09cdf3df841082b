//! What acts beyond the code: pipelines, teammates' machines, agents, and what stands in a runner's place. Told by the path alone, whatever the
//! content: nobody here understands all of these formats, so a person looks at them.
//!
//! What no patch may touch at all stands in `patch/inspect.rs`; this is what a person may allow.

use std::sync::LazyLock;

use super::{Finding, Rule, Severity};
use crate::domain::patch::PathRules;
use crate::domain::patch::apply::FileChange;
use crate::domain::source::files::{Kind, kinds};
use crate::domain::source::lexer::{Language, mask};

/// Modules of Python's own that a new file in a folder of the search path would stand in for. Source: the index of modules of Python 3.13, those
/// that runners and their plugins import.
const STANDARD: &[&str] = &[
    "abc",
    "argparse",
    "array",
    "ast",
    "asyncio",
    "atexit",
    "base64",
    "bdb",
    "builtins",
    "cmd",
    "code",
    "codecs",
    "collections",
    "configparser",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "dis",
    "email",
    "enum",
    "errno",
    "faulthandler",
    "fnmatch",
    "fractions",
    "functools",
    "gc",
    "getpass",
    "glob",
    "hashlib",
    "hmac",
    "html",
    "http",
    "importlib",
    "inspect",
    "io",
    "itertools",
    "json",
    "keyword",
    "linecache",
    "locale",
    "logging",
    "math",
    "multiprocessing",
    "operator",
    "os",
    "pathlib",
    "pdb",
    "pickle",
    "pkgutil",
    "platform",
    "pprint",
    "queue",
    "random",
    "re",
    "reprlib",
    "runpy",
    "select",
    "shlex",
    "shutil",
    "signal",
    "site",
    "socket",
    "sqlite3",
    "ssl",
    "stat",
    "statistics",
    "string",
    "struct",
    "subprocess",
    "sys",
    "sysconfig",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "timeit",
    "token",
    "tokenize",
    "trace",
    "traceback",
    "tracemalloc",
    "types",
    "typing",
    "unicodedata",
    "urllib",
    "uuid",
    "venv",
    "warnings",
    "weakref",
    "xml",
    "zipfile",
    "zipimport",
    "zlib",
];

static REFUSED: LazyLock<Result<PathRules, String>> = LazyLock::new(|| PathRules::new(&[]));

/// Findings of a change's paths.
pub(super) fn check(changes: &[FileChange], findings: &mut Vec<Finding>) {
    for change in changes.iter().filter(|change| change.before != change.after) {
        let path = change.path.as_str();
        // What no patch may touch is refused by its path: nobody can allow it.
        if REFUSED.as_ref().is_ok_and(|rules| rules.forbids(path).is_some()) {
            continue;
        }
        let created = change.before.is_none();
        let mut add = |rule, severity, message: String| findings.push(Finding::new(rule, severity, path, 1, message));
        for (kind, what) in kinds(path) {
            match kind {
                Kind::Pipeline => {
                    add(Rule::PipelineChanged, Severity::NeedsApproval, format!("a pipeline would change ({what}): it runs with rights of its own"))
                }
                Kind::TeammateMachine => {
                    add(Rule::TeammateMachine, Severity::NeedsApproval, format!("it acts on the machine of whoever pulls, opens, builds or commits ({what})"));
                }
                Kind::DotConfiguration => {
                    add(
                        Rule::TeammateMachine,
                        Severity::NeedsApproval,
                        "a dot file that is not known here would change: some tool reads it by itself".to_owned(),
                    );
                }
                Kind::AgentInstructions => add(Rule::AgentInstructions, Severity::NeedsApproval, format!("it tells an agent what to do ({what})")),
                Kind::RunnerConfig if says_something(change) => {
                    add(Rule::RunnerConfigWeakened, Severity::NeedsApproval, format!("it says which tests run and what counts ({what})"));
                }
                Kind::RunnerShadow if created => {
                    let certain = matches!(what, "a module in place of the runner" | "what an interpreter loads by itself");
                    let severity = if certain { Severity::Refuse } else { Severity::NeedsApproval };
                    add(Rule::RunnerShadowed, severity, format!("it would be taken in place of the thing of that name ({what})"));
                }
                Kind::RunnerShadow => add(Rule::RunnerShadowed, Severity::NeedsApproval, format!("a runner takes it for a part of its own ({what})")),
                _ => {}
            }
        }
        if created && stands_in(path) {
            add(Rule::RunnerShadowed, Severity::NeedsApproval, "it would be imported in place of Python's own module of that name".to_owned());
        }
        if created && reaches_all_tests(path) {
            add(Rule::RunnerShadowed, Severity::NeedsApproval, "a new `conftest.py` outside of the folders of tests is run before every test".to_owned());
        }
    }
}

/// Something beside comments and blanks differs that is not known to be harmless, or it cannot be read.
fn says_something(change: &FileChange) -> bool {
    let said = |content: &Option<crate::domain::patch::FileContent>| -> Option<Vec<String>> {
        let text = content.as_ref()?.text()?;
        Some(words(&mask(Language::of(&change.path), text).uncommented))
    };
    match (said(&change.before), said(&change.after)) {
        (Some(before), Some(after)) => !is_harmless(&before, &after),
        _ => true,
    }
}

/// The words of a runner's settings, in whatever format: split at blanks, brackets, quotes and what stands between a key and its value.
pub(super) fn words(settings: &str) -> Vec<String> {
    settings.split(|c: char| c.is_whitespace() || ",;{}[]()\"'`=:".contains(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A change of a runner's settings that is known to leave no test out and to demand no less.
pub(super) fn is_harmless(before: &[String], after: &[String]) -> bool {
    stricter(before, after) || only_louder(before, after)
}

/// The same words, but numbers that demand more: a higher threshold, a shorter patience.
fn stricter(before: &[String], after: &[String]) -> bool {
    const DEMANDS: [&str; 7] = ["branches", "functions", "lines", "statements", "fail_under", "threshold", "minimum_coverage"];
    const PATIENCE: [&str; 5] = ["retries", "reruns", "timeout", "testtimeout", "maxfail"];
    before.len() == after.len()
        && before.iter().zip(after).enumerate().all(|(at, (old, new))| {
            let key = at.checked_sub(1).and_then(|at| after.get(at)).map_or(String::new(), |key| key.trim_start_matches('-').to_lowercase());
            match (old.parse::<f64>(), new.parse::<f64>()) {
                _ if old == new => true,
                (Ok(old), Ok(new)) => (DEMANDS.contains(&key.as_str()) && new >= old) || (PATIENCE.contains(&key.as_str()) && new <= old),
                _ => false,
            }
        })
}

/// Words that came, or went, only say how much is shown or in which kind of page tests run, or make more things fail.
fn only_louder(before: &[String], after: &[String]) -> bool {
    const SHOWN: [&str; 21] = [
        "-q",
        "-qq",
        "-v",
        "-vv",
        "-vvv",
        "-ra",
        "-rA",
        "-rs",
        "-rf",
        "-l",
        "--showlocals",
        "--verbose",
        "--quiet",
        "--durations",
        "--tb",
        "--color",
        "environment",
        "testEnvironment",
        "jsdom",
        "happy-dom",
        "node",
    ];
    const STRICT: [&str; 8] = ["--strict-markers", "--strict-config", "--strict", "xfail_strict", "filterwarnings", "error", "forbidOnly", "--forbid-only"];
    let beyond = |some: &[String], others: &[String]| -> Vec<String> {
        let mut left = others.to_vec();
        some.iter().filter(|word| left.iter().position(|other| other == *word).map(|at| left.swap_remove(at)).is_none()).cloned().collect()
    };
    let (went, came) = (beyond(before, after), beyond(after, before));
    went.iter().all(|word| SHOWN.contains(&word.as_str())) && came.iter().all(|word| SHOWN.contains(&word.as_str()) || STRICT.contains(&word.as_str()))
}

/// A Python file in a folder that is searched before the installed one, named like a module of Python's own.
fn stands_in(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let (folder, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let searched = |folder: &str| matches!(folder, "" | "src" | "lib" | "test" | "tests" | "bin" | "scripts");
    match (name.strip_suffix(".py"), folder.rsplit_once('/').unwrap_or(("", folder))) {
        (Some("__init__"), (above, package)) => searched(above) && STANDARD.contains(&package),
        (Some(module), _) => searched(folder) && STANDARD.contains(&module),
        _ => false,
    }
}

fn reaches_all_tests(path: &str) -> bool {
    let mut parts = path.split('/').rev();
    let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("conftest.py"));
    named && !parts.any(|part| part.to_ascii_lowercase().contains("test"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::patch::FileContent;

    fn found(path: &str, before: Option<&str>, after: Option<&str>) -> Vec<(Rule, Severity)> {
        let content = |text: &str| FileContent::regular(text);
        let mut findings = Vec::new();
        check(&[FileChange { path: path.to_owned(), before: before.map(content), after: after.map(content) }], &mut findings);
        findings.into_iter().map(|finding| (finding.rule, finding.severity)).collect()
    }

    #[test]
    fn what_acts_beyond_the_code_asks_whether_it_is_made_changed_or_deleted() {
        use Rule::{AgentInstructions, PipelineChanged, RunnerConfigWeakened, RunnerShadowed, TeammateMachine};
        for (path, rule) in [
            (".circleci/config.yml", PipelineChanged),
            ("ci/Jenkinsfile.release", PipelineChanged),
            ("action.yml", PipelineChanged),
            (".husky/pre-commit", TeammateMachine),
            (".vscode/tasks.json", TeammateMachine),
            (".gitattributes", TeammateMachine),
            ("gradle/wrapper/gradle-wrapper.jar", TeammateMachine),
            (".never-heard-of/x", TeammateMachine),
            ("docs/AGENTS.md", AgentInstructions),
            (".cursor/rules/x.mdc", AgentInstructions),
            ("pytest.ini", RunnerConfigWeakened),
            ("node_modules/jest/index.js", RunnerShadowed),
        ] {
            for (before, after) in [(None, Some("x = 1\n")), (Some("x = 1\n"), Some("x = 2\n")), (Some("x = 1\n"), None)] {
                assert_eq!(found(path, before, after), [(rule, Severity::NeedsApproval)], "{path} {before:?} {after:?}");
            }
            assert_eq!(found(path, Some("x\n"), Some("x\n")), [], "{path}");
        }
        assert_eq!(found("pytest.ini", Some("[pytest]\nx = 1\n"), Some("[pytest]\n# as ever\nx = 1\n")), []);
    }

    #[test]
    fn what_stands_in_for_a_runner_is_told_when_it_is_new() {
        let cases = [
            ("pytest.py", Some(Severity::Refuse)),
            ("src/sitecustomize.py", Some(Severity::Refuse)),
            ("unittest/__main__.py", Some(Severity::Refuse)),
            ("x.pth", Some(Severity::Refuse)),
            ("GNUmakefile", Some(Severity::NeedsApproval)),
            ("jest.js", Some(Severity::NeedsApproval)),
            ("random.py", Some(Severity::NeedsApproval)),
            ("json/__init__.py", Some(Severity::NeedsApproval)),
            ("conftest.py", Some(Severity::NeedsApproval)),
            ("app/conftest.py", Some(Severity::NeedsApproval)),
            ("tests/conftest.py", None),
            ("app/json.py", None),
            ("src/parse.rs", None),
        ];
        for (path, expected) in cases {
            assert_eq!(found(path, None, Some("x = 1\n")).first().map(|(_, severity)| *severity), expected, "{path}");
        }
    }
}
