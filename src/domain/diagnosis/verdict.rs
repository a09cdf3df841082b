//! From findings to a category: which evidence is the cause, and how sure that is.

use std::collections::HashMap;

use super::blocks::Block;
use super::rule::Role;
use super::structure::Step;
use super::taxonomy::Category;

/// How much a block counts, by where it stands: what a failed step printed is evidence, the rest is background.
#[derive(Debug)]
pub struct Standing {
    failed: HashMap<u32, ()>,
    /// Logs in which the runner reported a failed step.
    marked: Vec<u16>,
}

impl Standing {
    /// From the steps and the blocks of all logs.
    #[must_use]
    pub fn new(steps: &[Step], blocks: &[Block]) -> Self {
        let failed: HashMap<u32, ()> = steps.iter().filter(|s| s.failed).map(|s| (s.id, ())).collect();
        let mut marked: Vec<u16> = blocks.iter().filter(|b| failed.contains_key(&b.step)).map(|b| b.log).collect();
        marked.dedup();
        Self { failed, marked }
    }

    /// From 0 to 1.
    #[must_use]
    pub fn factor(&self, block: &Block) -> f32 {
        if self.failed.is_empty() || self.failed.contains_key(&block.step) {
            1.0
        } else if self.marked.contains(&block.log) {
            0.25
        } else {
            0.5
        }
    }
}

/// The category and what speaks for it.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The category.
    pub category: Category,
    /// From 0 to 1. At 0.8 and above it is meant to be right every time.
    pub confidence: f32,
    /// A transient fault of the world outside is part of the evidence.
    pub transient: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Support {
    best: f32,
    count: u32,
    /// Best evidence inside a block that names a failed test.
    in_test: f32,
    /// A tool's own totals, or a report near the end of the step that failed.
    agreed: bool,
}

/// Lines before the end of a failed step within which what is said is likely why it ended.
const NEAR_END: u64 = 150;
/// Findings of this worth are a described tool's own words.
const DESCRIBED: u16 = 86;

/// A tool's own totals are the last of what it prints: within so many lines before the end of what only one command printed.
const LAST_WORDS: u64 = 12;

/// Decides the category. `last` is the number of the log's last line.
#[must_use]
pub fn decide(blocks: &[Block], steps: &[Step], standing: &Standing, last: u64) -> Verdict {
    // What one command printed, without a runner around it: its end is the log's.
    let bare = steps.iter().all(|step| !step.failed && step.end.is_none());
    let mut support: HashMap<Category, Support> = HashMap::new();
    let first_test = first_tests(blocks);
    for block in blocks {
        let factor = standing.factor(block);
        let tests = block.findings().any(|(_, f)| f.rule.role == Role::Test);
        let end = steps.iter().find(|s| s.id == block.step).filter(|s| s.failed).and_then(|s| s.end);
        for (line, finding) in block.findings() {
            let Some(category) = finding.rule.category else { continue };
            if !matches!(finding.rule.role, Role::Cause | Role::Test | Role::Summary) {
                continue;
            }
            let mut weight = f32::from(finding.rule.weight) * factor;
            // A script that went on to tests that failed was not stopped by a linter before them.
            if category == Category::LintError && first_test.get(&block.step).is_some_and(|first| line.number < *first) {
                weight *= 0.85;
            }
            let near = end.is_none_or(|end| end.saturating_sub(line.number) <= NEAR_END);
            // What the world outside did long before the end was survived.
            if !near && outside(category) {
                weight *= 0.85;
            }
            // A test may print what a compiler said: the test is what failed.
            let code = matches!(category, Category::CompileError | Category::TypeError | Category::LintError);
            if tests && code && !finding.rule.id.starts_with("trybuild") && !finding.rule.id.starts_with("ts_jest") {
                weight *= 0.87;
            }
            let entry = support.entry(category).or_default();
            entry.best = entry.best.max(weight);
            entry.count += 1;
            if tests {
                entry.in_test = entry.in_test.max(weight);
            }
            let reported = end.is_some() || line.text.starts_with("##[error]");
            let described = finding.rule.weight >= DESCRIBED && near && reported;
            let totals = finding.rule.role == Role::Summary && finding.rule.weight >= 76;
            let at_the_end = end.is_some() || (bare && last.saturating_sub(line.number) <= LAST_WORDS);
            entry.agreed |= factor >= 1.0 && (described || (totals && at_the_end));
        }
    }
    let best = |c: Category| support.get(&c).map_or(0.0, |s| s.best);
    let tests = support.get(&Category::TestAssertion).copied().unwrap_or_default();
    let strong_test = tests.best >= 84.0 && tests.count > 1;
    let strong_code = [Category::CompileError, Category::TypeError, Category::LintError].into_iter().map(best).fold(0.0, f32::max) >= 90.0;
    let transient = best(Category::NetworkOrFlaky) >= 84.0;

    let mut chosen = None;
    if best(Category::DockerBuild) >= 85.0 {
        chosen = Some(Category::DockerBuild);
    }
    for (category, threshold) in [
        (Category::RunnerInfrastructure, 86.0),
        (Category::TimeoutOrOom, 84.0),
        (Category::GithubActionsConfig, 86.0),
        (Category::PermissionOrSecret, 84.0),
        (Category::NetworkOrFlaky, 84.0),
        (Category::DependencyInstall, 88.0),
    ] {
        let here = support.get(&category).copied().unwrap_or_default();
        if chosen.is_some() || here.best < threshold {
            continue;
        }
        // What stands in the output of a failed test and names the outside world is that test's cause, if it is specific.
        let explains_test = here.in_test >= 92.0 && category != Category::DependencyInstall;
        if explains_test || !(strong_test || strong_code) {
            chosen = Some(category);
        }
    }
    if chosen.is_none() {
        let snapshot = support.get(&Category::SnapshotDiff).copied().unwrap_or_default();
        let order = [
            (Category::CompileError, 3.0),
            (Category::TypeError, 2.5),
            (Category::LintError, 2.0),
            (Category::SnapshotDiff, if snapshot.count * 4 + 2 >= tests.count { 6.0 } else { -10.0 }),
            (Category::TestAssertion, 0.0),
            (Category::DependencyInstall, 0.0),
            (Category::NetworkOrFlaky, -4.0),
            (Category::PermissionOrSecret, -4.0),
            (Category::GithubActionsConfig, -4.0),
            (Category::TimeoutOrOom, -4.0),
            (Category::RunnerInfrastructure, 0.0),
            (Category::DockerBuild, 0.0),
        ];
        chosen = order
            .into_iter()
            .map(|(c, bonus)| (c, best(c), best(c) + bonus))
            .filter(|(_, best, _)| *best >= 58.0)
            .max_by(|a, b| a.2.total_cmp(&b.2))
            .map(|(c, _, _)| c);
    }
    let weak = chosen.is_none_or(|c| best(c) < 70.0);
    let hint = command_hint(steps);
    // That tests ran and failed is told better by their totals than by a command that builds.
    let told = chosen == Some(Category::TestAssertion) && hint == Some(Category::CompileError);
    if weak
        && !told
        && let Some(hint) = hint
    {
        let confidence = if chosen == Some(hint) { 0.65 } else { 0.5 };
        return Verdict { category: hint, confidence, transient };
    }
    if chosen.is_none() {
        let standing_out = || blocks.iter().filter(|b| standing.factor(b) >= 1.0).flat_map(Block::findings);
        // Tests were named, or places with a remark and without the word error: the likeliest of what is left.
        if standing_out().any(|(_, f)| !f.tests.is_empty()) {
            return Verdict { category: Category::TestAssertion, confidence: 0.4, transient };
        }
        if standing_out().any(|(_, f)| f.rule.family() == "place" && f.file.is_some()) {
            return Verdict { category: Category::LintError, confidence: 0.35, transient };
        }
    }
    let Some(category) = chosen else {
        return Verdict { category: Category::Unknown, confidence: if support.is_empty() { 0.1 } else { 0.3 }, transient };
    };
    let own = best(category);
    let rival = support.iter().filter(|(c, _)| **c != category && **c != Category::Unknown).map(|(_, s)| s.best).fold(0.0, f32::max);
    let mut confidence = (own - 20.0) / 80.0;
    if rival >= 84.0 {
        confidence = confidence.min(0.6);
    } else if rival >= 66.0 {
        confidence = confidence.min(0.75);
    }
    if own < 84.0 {
        confidence = confidence.min(0.7);
    }
    // To be sure takes a described tool's words, the failing step's end, and a command that could have said so.
    let agreed = support.get(&category).is_some_and(|s| s.agreed);
    if !agreed || !hint.is_none_or(|hint| plausible(hint, category)) {
        confidence = confidence.min(0.75);
    }
    Verdict { category, confidence: confidence.clamp(0.2, 0.95), transient }
}

/// Per step the line where tests begin to fail, for steps in which a described runner named a failed one and counted it.
fn first_tests(blocks: &[Block]) -> HashMap<u32, u64> {
    let mut first: HashMap<u32, u64> = HashMap::new();
    let mut counted: Vec<u32> = Vec::new();
    for block in blocks {
        for (line, finding) in block.findings().filter(|(_, f)| f.rule.category == Some(Category::TestAssertion) && f.rule.family() != "unknown") {
            match finding.rule.role {
                Role::Test if finding.rule.weight >= 80 => {
                    let at = first.entry(block.step).or_insert(line.number);
                    *at = line.number.min(*at);
                }
                Role::Summary if finding.rule.weight >= 76 => counted.push(block.step),
                _ => {}
            }
        }
    }
    first.retain(|step, _| counted.contains(step));
    first
}

/// Words of commands that check how code is written.
const LINTERS: &[&str] = &[
    "prettier",
    "eslint",
    "lint",
    "linter",
    "linters",
    "fmt",
    "format",
    "formatting",
    "ruff",
    "black",
    "clippy",
    "rubocop",
    "golangci",
    "stylelint",
    "biome",
    "spotless",
    "spotlesscheck",
    "checkstyle",
    "checkstylemain",
    "flake8",
    "pylint",
    "gofmt",
    "gofumpt",
    "goimports",
    "rustfmt",
    "linting",
    "isort",
    "oxlint",
    "xo",
    "standard",
    "pre-commit",
    "shellcheck",
    "shfmt",
    "hadolint",
    "yamllint",
    "markdownlint",
    "markdownlint-cli2",
    "actionlint",
    "zizmor",
    "codespell",
    "typos",
    "cspell",
    "commitlint",
    "ktlint",
    "ktlintcheck",
    "detekt",
    "scalafmt",
    "scalafmtcheck",
    "scalafmtcheckall",
    "scalafix",
    "swiftlint",
    "swiftformat",
    "clang-format",
    "clang-tidy",
    "cppcheck",
    "cpplint",
    "credo",
    "hlint",
    "ormolu",
    "fourmolu",
    "ocamlformat",
    "luacheck",
    "stylua",
    "selene",
    "tflint",
    "phpcs",
    "php-cs-fixer",
    "pint",
    "phpmd",
    "rector",
    "vale",
    "sqlfluff",
    "djlint",
    "ansible-lint",
    "staticcheck",
    "govulncheck",
    "revive",
    "standardrb",
    "brakeman",
    "reek",
    "erb_lint",
    "erblint",
    "haml-lint",
    "lintr",
    "styler",
    "perltidy",
    "perlcritic",
    "nixfmt",
    "alejandra",
    "statix",
    "deadnix",
    "taplo",
    "knip",
    "depcheck",
    "license-check",
    "licenses",
    "spectral",
    "buf",
    "checkov",
    "tfsec",
    "semgrep",
    "bandit",
    "deny",
    "machete",
    "udeps",
    "style",
    "addlicense",
    "reuse",
    "editorconfig-checker",
];

/// Words of commands that run tests.
const TESTERS: &[&str] = &[
    "test",
    "tests",
    "testing",
    "pytest",
    "jest",
    "vitest",
    "mocha",
    "rspec",
    "phpunit",
    "pest",
    "ctest",
    "nextest",
    "tox",
    "nox",
    "verify",
    "surefire",
    "karma",
    "cypress",
    "playwright",
    "ava",
    "tap",
    "bats",
    "behave",
    "robot",
    "unittest",
    "spec",
    "specs",
    "e2e",
    "integration",
    "unit",
    "jasmine",
    "wdio",
    "testcafe",
    "gotestsum",
    "ginkgo",
    "minitest",
    "cucumber",
    "codecept",
    "codeception",
    "behat",
    "phpspec",
    "prove",
    "busted",
    "alcotest",
    "hspec",
    "eunit",
    "proper",
    "stestr",
    "trial",
    "nose2",
    "runtests",
    "doctest",
    "forge",
    "kaocha",
    "testthat",
    "xctest",
    "molecule",
    "coverage",
    "miri",
    "detox",
    "maestro",
];

/// Whether a category is about the world around the code.
fn outside(category: Category) -> bool {
    matches!(category, Category::RunnerInfrastructure | Category::TimeoutOrOom | Category::PermissionOrSecret | Category::NetworkOrFlaky)
}

/// Whether a command that seems to be for `hint` can well fail for `category`.
fn plausible(hint: Category, category: Category) -> bool {
    use Category::{CompileError, DependencyInstall, DockerBuild, GithubActionsConfig, LintError, SnapshotDiff, TestAssertion, TypeError};
    hint == category
        || outside(category)
        || category == GithubActionsConfig
        || match hint {
            TestAssertion => matches!(category, CompileError | TypeError | SnapshotDiff | DependencyInstall),
            CompileError => matches!(category, TestAssertion | TypeError | LintError | SnapshotDiff | DependencyInstall),
            TypeError => matches!(category, CompileError | DependencyInstall),
            LintError => matches!(category, CompileError | TypeError | DependencyInstall),
            DockerBuild => matches!(category, DependencyInstall),
            _ => false,
        }
}

/// What the command of the failed step is for, when its output says nothing that is known.
fn command_hint(steps: &[Step]) -> Option<Category> {
    // A job that was cancelled because another one failed says nothing; where a script ended, its code is told.
    let failed = || steps.iter().rev().filter(|s| s.failed);
    let step = failed().find(|s| s.exit_code.is_some()).or_else(|| failed().next())?;
    hint_of(&step.ran).or_else(|| hint_of(&format!("{} {}", step.title, step.command)))
}

/// What a command is for, by its words.
fn hint_of(text: &str) -> Option<Category> {
    let text = text.to_lowercase();
    // Only the words of commands count, not parts of paths.
    let has = |words: &[&str]| {
        words.iter().any(|w| text.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')).any(|t| t == *w || t.split(['-', '_']).any(|p| p == *w)))
    };
    let both = |a: &[&str], b: &[&str]| has(a) && has(b);
    if has(LINTERS) {
        Some(Category::LintError)
    } else if has(&[
        "tsc",
        "typecheck",
        "type-check",
        "mypy",
        "pyright",
        "types",
        "typescript",
        "phpstan",
        "psalm",
        "dialyzer",
        "sorbet",
        "steep",
        "ty",
        "pyre",
        "vue-tsc",
    ]) {
        Some(Category::TypeError)
    } else if both(&["docker", "buildx", "podman", "buildah", "kaniko"], &["build", "buildx", "bake", "build-push-action", "executor"]) {
        Some(Category::DockerBuild)
    } else if has(TESTERS) || both(&["make", "gmake", "ninja", "meson", "bazel", "sbt", "gradlew", "gradle"], &["check", "distcheck", "testall"]) {
        Some(Category::TestAssertion)
    } else if both(
        &[
            "npm",
            "pnpm",
            "yarn",
            "pip",
            "pip3",
            "uv",
            "poetry",
            "pipenv",
            "bundle",
            "composer",
            "apt",
            "apt-get",
            "conda",
            "mamba",
            "brew",
            "go",
            "cargo",
            "gem",
            "bun",
            "dependencies",
            "deps",
            "dotnet",
            "nuget",
            "mix",
            "pod",
            "carthage",
            "apk",
            "dnf",
            "yum",
            "choco",
            "vcpkg",
            "conan",
            "opam",
            "luarocks",
            "cpanm",
            "flutter",
            "dart",
            "pub",
            "helm",
            "pdm",
            "rye",
            "hatch",
        ],
        &["install", "ci", "sync", "download", "fetch", "update", "restore", "get", "deps", "dependencies", "add", "lock"],
    ) {
        Some(Category::DependencyInstall)
    } else if has(&[
        "build",
        "compile",
        "make",
        "javac",
        "cmake",
        "ninja",
        "msbuild",
        "gradle",
        "gradlew",
        "mvn",
        "mvnw",
        "ant",
        "webpack",
        "vite",
        "rollup",
        "esbuild",
        "tsup",
        "bundle",
        "package",
        "assemble",
        "xcodebuild",
        "meson",
        "dune",
        "stack",
        "cabal",
        "zig",
        "sbt",
        "rebar3",
        "elm",
        "docs",
        "doc",
        "sphinx-build",
        "mkdocs",
        "hugo",
        "jekyll",
        "latexmk",
    ]) {
        Some(Category::CompileError)
    } else {
        None
    }
}
