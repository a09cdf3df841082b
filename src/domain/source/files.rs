//! What a file is, told by its path: one place for every kind that a gate, the risk score or the context asks about.
//!
//! The kinds that are told by a fixed name or folder stand as data in `files/table.rs`. Only what follows a language's habits (what is a test
//! source, what is data beside tests) is code.
//!
//! **Invariant:** a dot file or a file beneath a dot folder that no line of the table knows is [`Kind::DotConfiguration`]: some tool reads it
//! by itself, and nobody here knows what it does with it.

mod table;

use std::sync::LazyLock;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Serialize;

use super::lexer::Language;

/// A kind of file. One file may be of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A test source, by the habits of its language.
    Test,
    /// Set-up, doubles, helpers and bases that tests stand on.
    TestSupport,
    /// What tests compare with or feed: snapshots, golden files, fixtures, expected output, data beside tests.
    Expected,
    /// What says which tests run and what counts.
    RunnerConfig,
    /// What a runner, an interpreter or a build tool would take in place of the thing of that name.
    RunnerShadow,
    /// The definition of a pipeline, or of a robot that merges, updates or deploys, of any system.
    Pipeline,
    /// What acts on the machine of whoever pulls, opens, builds or commits.
    TeammateMachine,
    /// What tells an agent or an assistant what to do.
    AgentInstructions,
    /// A dot file or a file in a dot folder that is not known.
    DotConfiguration,
    /// A dot file that is known to run nothing.
    HarmlessDot,
    /// What was resolved of the dependencies.
    LockFile,
    /// What the dependencies and the scripts of a package are.
    Manifest,
    /// What runs while a project is built.
    BuildScript,
    /// Generated or vendored code.
    Generated,
    /// A change of a database's schema.
    Migration,
    /// What others build on.
    PublicApi,
    /// A path that looks like authentication, cryptography or payment.
    Sensitive,
}

struct Compiled {
    set: GlobSet,
    rows: Vec<usize>,
}

/// The globs of the rows that `wanted` picks.
fn compile(wanted: impl Fn(Kind) -> bool) -> Compiled {
    let (mut builder, mut rows) = (GlobSetBuilder::new(), Vec::new());
    for (at, (kind, _, globs)) in table::ROWS.iter().enumerate() {
        for glob in globs.iter().filter(|_| wanted(*kind)) {
            let glob = GlobBuilder::new(glob).case_insensitive(true).literal_separator(true).empty_alternates(true).build();
            builder.add(glob.expect("a constant glob, compiled by the tests"));
            rows.push(at);
        }
    }
    Compiled { set: builder.build().expect("constant globs, compiled by the tests"), rows }
}

static ALL: LazyLock<Compiled> = LazyLock::new(|| compile(|_| true));
static LOCK_FILES: LazyLock<Compiled> = LazyLock::new(|| compile(|kind| kind == Kind::LockFile));
static MANIFESTS: LazyLock<Compiled> = LazyLock::new(|| compile(|kind| kind == Kind::Manifest));
static GENERATED: LazyLock<Compiled> = LazyLock::new(|| compile(|kind| kind == Kind::Generated));
static EXPECTED: LazyLock<Compiled> = LazyLock::new(|| compile(|kind| kind == Kind::Expected));
static SUPPORT: LazyLock<Compiled> = LazyLock::new(|| compile(|kind| kind == Kind::TestSupport));

/// A kind and the thing of that kind, for a reader: `(Pipeline, "CircleCI")`.
pub type Named = (Kind, &'static str);

/// Every kind that `path` is of, each once, with what it is. Sorted by kind.
#[must_use]
pub fn kinds(path: &str) -> Vec<Named> {
    let path = folded(path);
    let mut found: Vec<Named> = ALL.set.matches(&path).into_iter().map(|at| (table::ROWS[ALL.rows[at]].0, table::ROWS[ALL.rows[at]].1)).collect();
    let known = found.iter().any(|(kind, _)| !matches!(kind, Kind::Generated | Kind::BuildScript | Kind::Expected | Kind::Migration | Kind::PublicApi));
    if !known && path.split('/').any(|part| part.starts_with('.')) && !in_test_folder(&path) {
        found.push((Kind::DotConfiguration, "settings of a tool that is not known here"));
    }
    if is_test(&path) {
        found.push((Kind::Test, "a test source"));
    }
    if is_snapshot(&path) {
        found.push((Kind::Expected, "what tests compare with"));
    }
    if words(&path.to_ascii_lowercase()).any(|word| SENSITIVE.contains(&word)) {
        found.push((Kind::Sensitive, "authentication, cryptography or payment"));
    }
    found.sort_by_key(|(kind, _)| *kind);
    found.dedup_by_key(|(kind, _)| *kind);
    found
}

/// Whether `path` is of `kind`.
#[must_use]
pub fn is(path: &str, kind: Kind) -> bool {
    kinds(path).iter().any(|(of, _)| *of == kind)
}

/// As a file system that strips trailing dots and blanks, or splits at backslashes, would read the path.
fn folded(path: &str) -> String {
    path.split(['/', '\\']).map(|part| part.trim_end_matches(['.', ' '])).collect::<Vec<_>>().join("/")
}

/// Lock files of package managers. `name` is a file's name or path.
#[must_use]
pub fn is_lock_file(name: &str) -> bool {
    LOCK_FILES.set.is_match(name)
}

/// Manifests of packages and projects. `name` is a file's name or path.
#[must_use]
pub fn is_manifest(name: &str) -> bool {
    MANIFESTS.set.is_match(name)
}

/// Set-up, doubles, helpers and bases that tests stand on.
#[must_use]
pub fn is_test_support(path: &str) -> bool {
    SUPPORT.set.is_match(path)
}

/// Generated or vendored code.
#[must_use]
pub fn is_generated(path: &str) -> bool {
    GENERATED.set.is_match(path)
}

/// Folders that hold tests, and whatever tests need.
fn in_test_folder(path: &str) -> bool {
    path.to_ascii_lowercase().split('/').rev().skip(1).any(|part| {
        words(part).any(|word| {
            matches!(word, "test" | "tests" | "spec" | "specs" | "e2e" | "testing" | "unittests" | "testsuite" | "testdata" | "testcases" | "fixtures")
        })
    })
}

/// Snapshots, golden files, fixtures, expected output, and data in a test folder: what tests compare with or feed.
///
/// In a folder of tests, every file counts that no compiler or interpreter reads and that is not known as something else (a manifest, a
/// runner's settings, a text for people).
#[must_use]
pub fn is_snapshot(path: &str) -> bool {
    if EXPECTED.set.is_match(path) {
        return !is_text_for_people(path);
    }
    let data = matches!(Language::of(path), Language::Other | Language::Config | Language::Json | Language::Xml);
    data && in_test_folder(path) && !is_text_for_people(path) && ALL.set.matches(path).is_empty() && !is_tool_settings(path) && !is_test(path)
}

/// Written in a language that runs.
fn is_programming(path: &str) -> bool {
    !matches!(Language::of(path), Language::Other | Language::Config | Language::Json | Language::Xml)
}

/// `README`, `CHANGELOG` and their like.
fn is_text_for_people(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    ["readme", "changelog", "contributing", "license", "licence", "notice", "authors", "todo"].iter().any(|word| name.starts_with(word))
}

/// Settings of tools that stand in test folders too: `tsconfig.json`, `.eslintrc`, `vite.config.ts`.
fn is_tool_settings(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    name.starts_with('.') || name.starts_with("tsconfig") || name.starts_with("jsconfig") || name.contains(".config.") || name.ends_with("rc")
}

/// Whether a path is, by the habits of its language, a test source.
#[must_use]
pub fn is_test(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let name_cased = path.rsplit('/').next().unwrap_or(path);
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let stem_cased = name_cased.rsplit_once('.').map_or(name_cased, |(stem, _)| stem);
    let in_folder = lower.split('/').rev().skip(1).any(|part| {
        matches!(part, "test" | "tests" | "__tests__" | "spec" | "specs" | "e2e" | "testing") || part.ends_with(".tests") || part.ends_with(".test")
    });
    // `test.ts` beside what it tests, in whatever language.
    if matches!(stem, "test" | "tests" | "spec" | "specs") && is_programming(path) {
        return true;
    }
    match extension {
        "py" => stem.starts_with("test_") || stem.ends_with("_test") || stem == "tests" || (in_folder && (stem == "conftest" || stem.starts_with("test"))),
        "go" => stem.ends_with("_test"),
        "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts" | "vue" => {
            [".test", ".spec", "-test", "-spec", "_test", "_spec", ".cy", ".e2e"].iter().any(|end| stem.ends_with(end))
                || lower.split('/').rev().skip(1).any(|part| matches!(part, "__tests__" | "test" | "tests" | "e2e" | "spec"))
        }
        "rb" => stem.ends_with("_spec") || stem.ends_with("_test") || stem.starts_with("test_"),
        "php" => stem_cased.ends_with("Test") || stem_cased.ends_with("Tests") || stem_cased.ends_with("Cest") || in_folder,
        // The layout of Maven and Gradle keeps production code apart: `FunSpec.kt` may well be a specification of a function there.
        "java" | "kt" | "groovy" | "scala" if lower.starts_with("src/main/") || lower.contains("/src/main/") => false,
        "java" | "kt" | "groovy" | "scala" | "cs" | "swift" => {
            ["Test", "Tests", "TestCase", "Spec", "Suite", "IT", "Should"].iter().any(|end| stem_cased.ends_with(end))
                || stem_cased.starts_with("Test")
                || in_folder
        }
        "rs" => in_folder || stem == "tests" || stem == "test" || stem.ends_with("_test") || stem.ends_with("_tests"),
        "c" | "cc" | "cpp" | "cxx" | "h" | "hpp" | "m" | "mm" | "ex" | "exs" | "dart" | "clj" | "cljc" | "cljs" | "nim" | "hs" | "fs" | "jl" => {
            in_folder
                || ["_test", "_tests", "_unittest", "_spec"].iter().any(|end| stem.ends_with(end))
                || ["Test", "Tests", "Spec"].iter().any(|end| stem_cased.ends_with(end))
                || stem.starts_with("test_")
                || stem == "runtests"
        }
        "erl" => in_folder || stem.ends_with("_tests") || stem.ends_with("_suite") || stem.ends_with("_test"),
        "lua" => in_folder || stem.ends_with("_spec") || stem.ends_with("_test") || stem.starts_with("test_"),
        "t" | "bats" => true,
        "pl" | "sh" => in_folder,
        "r" => lower.contains("testthat/") || stem.starts_with("test-") || stem.starts_with("test_"),
        "sol" => stem.ends_with(".t") || in_folder,
        "ps1" => stem.ends_with(".tests"),
        _ => false,
    }
}

const SENSITIVE: &[&str] = &[
    "auth",
    "authentication",
    "authorization",
    "oauth",
    "oauth2",
    "saml",
    "login",
    "session",
    "sessions",
    "password",
    "passwords",
    "credential",
    "credentials",
    "permission",
    "permissions",
    "acl",
    "rbac",
    "crypto",
    "cryptography",
    "cipher",
    "tls",
    "ssl",
    "jwt",
    "token",
    "tokens",
    "secret",
    "secrets",
    "payment",
    "payments",
    "billing",
    "checkout",
    "invoice",
    "stripe",
    "paypal",
    "security",
];

/// The words of a path: split at everything that is not a letter or digit.
fn words(path: &str) -> impl Iterator<Item = &str> {
    path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests;
