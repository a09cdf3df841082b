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
    /// A message that says why, not only a name or a total.
    message: f32,
}

/// Decides the category.
#[must_use]
pub fn decide(blocks: &[Block], steps: &[Step], standing: &Standing) -> Verdict {
    let mut support: HashMap<Category, Support> = HashMap::new();
    for block in blocks {
        let factor = standing.factor(block);
        let tests = block.findings().any(|(_, f)| f.rule.role == Role::Test);
        for (_, finding) in block.findings() {
            let Some(category) = finding.rule.category else { continue };
            if !matches!(finding.rule.role, Role::Cause | Role::Test | Role::Summary) {
                continue;
            }
            let mut weight = f32::from(finding.rule.weight) * factor;
            // A test may print what a compiler said: the test is what failed.
            let code = matches!(category, Category::CompileError | Category::TypeError | Category::LintError);
            if tests && code && !finding.rule.id.starts_with("trybuild") && !finding.rule.id.starts_with("ts_jest") {
                weight *= 0.9;
            }
            let entry = support.entry(category).or_default();
            entry.best = entry.best.max(weight);
            entry.count += 1;
            if tests {
                entry.in_test = entry.in_test.max(weight);
            }
            if finding.rule.role == Role::Cause {
                entry.message = entry.message.max(weight);
            }
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
        let explains_test = here.in_test >= 92.0;
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
            (Category::SnapshotDiff, if snapshot.count * 3 >= tests.count { 6.0 } else { -10.0 }),
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
    if weak && let Some(hint) = command_hint(steps) {
        let confidence = if chosen == Some(hint) { 0.65 } else { 0.5 };
        return Verdict { category: hint, confidence, transient };
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
    Verdict { category, confidence: confidence.clamp(0.2, 0.95), transient }
}

/// What the command of the failed step is for, when its output says nothing that is known.
fn command_hint(steps: &[Step]) -> Option<Category> {
    let step = steps.iter().rev().find(|s| s.failed)?;
    let text = format!("{} {}", step.title, step.command).to_lowercase();
    // Only the words of commands count, not parts of paths.
    let has = |words: &[&str]| {
        words.iter().any(|w| text.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')).any(|t| t == *w || t.split(['-', '_']).any(|p| p == *w)))
    };
    let both = |a: &[&str], b: &[&str]| has(a) && has(b);
    if has(&[
        "prettier",
        "eslint",
        "lint",
        "fmt",
        "format",
        "ruff",
        "black",
        "clippy",
        "rubocop",
        "golangci",
        "stylelint",
        "biome",
        "spotless",
        "checkstyle",
        "flake8",
        "pylint",
        "gofmt",
        "rustfmt",
        "linting",
    ]) {
        Some(Category::LintError)
    } else if has(&["tsc", "typecheck", "mypy", "pyright", "types", "typescript", "phpstan"]) {
        Some(Category::TypeError)
    } else if both(&["docker", "buildx", "podman", "buildah"], &["build", "buildx", "bake"]) {
        Some(Category::DockerBuild)
    } else if both(
        &["npm", "pnpm", "yarn", "pip", "uv", "poetry", "bundle", "composer", "apt", "apt-get", "conda", "brew", "go", "cargo", "gem", "bun"],
        &["install", "ci", "sync", "download", "fetch", "update"],
    ) && !has(&["test", "tests"])
    {
        Some(Category::DependencyInstall)
    } else if has(&[
        "test",
        "tests",
        "pytest",
        "jest",
        "vitest",
        "mocha",
        "rspec",
        "phpunit",
        "ctest",
        "nextest",
        "tox",
        "nox",
        "verify",
        "surefire",
        "karma",
        "cypress",
        "playwright",
    ]) {
        Some(Category::TestAssertion)
    } else if has(&["build", "compile", "make", "javac", "cmake", "ninja", "msbuild", "gradle", "gradlew", "mvn", "ant"]) {
        Some(Category::CompileError)
    } else {
        None
    }
}
