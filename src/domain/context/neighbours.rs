//! Files that belong together by their names and places: a test and the code under it, a snapshot and its test, a source and its manifest.

use super::tree::{Tree, ancestors, ending, folder, name};
use crate::domain::diagnosis::Category;
use crate::domain::diagnosis::excerpt::own_name;
use crate::domain::source::files::{is_lock_file, is_manifest, is_snapshot, is_test};

/// Most files of one kind that one file brings in.
const MOST: usize = 3;

/// Names that every folder may have: two files of such a name are no pair.
const GENERIC: [&str; 14] = ["mod", "lib", "main", "index", "init", "__init__", "conftest", "setup", "package", "types", "util", "utils", "helpers", "test"];

/// What a file is about: its name without ending and marks of tests, in lower case. `test_cart.py`, `cart.spec.ts`, `CartTest.java` and
/// `cart.py` are about one thing.
#[must_use]
pub fn stem(path: &str) -> String {
    let first = name(path).split('.').find(|part| !part.is_empty()).unwrap_or_default();
    let camel = ["TestCase", "Tests", "Test", "Spec", "IT", "Should", "Cest"].iter().find_map(|mark| first.strip_suffix(mark)).unwrap_or(first);
    let camel = camel.strip_prefix("Test").filter(|rest| rest.starts_with(char::is_uppercase)).unwrap_or(camel);
    let mut stem = camel.to_lowercase();
    for mark in ["_test", "_tests", "_spec", "-test", "-spec", "_it"] {
        if let Some(rest) = stem.strip_suffix(mark) {
            stem = rest.to_owned();
        }
    }
    stem.strip_prefix("test_").map(str::to_owned).unwrap_or(stem)
}

/// The tests of `path`, or the code under it if it is a test itself: the nearest first.
#[must_use]
pub fn counterparts<'t>(tree: &Tree<'t>, path: &str) -> Vec<&'t str> {
    let stem = stem(path);
    if stem.len() < 3 || GENERIC.contains(&stem.as_str()) {
        return Vec::new();
    }
    let (tested, family) = (is_test(path), family(path));
    let mut found: Vec<&str> = tree
        .paths()
        .filter(|other| is_test(other) != tested && !is_snapshot(other) && self::family(other) == family && !family.is_empty() && self::stem(other) == stem)
        .collect();
    found.sort_by_key(|other| (std::cmp::Reverse(shared(path, other)), other.len(), *other));
    found.truncate(MOST);
    found
}

/// The recorded snapshots of the test at `path`.
#[must_use]
pub fn snapshots<'t>(tree: &Tree<'t>, path: &str) -> Vec<&'t str> {
    let (own, whole, stem) = (folder(path), name(path), stem(path));
    let mut found: Vec<&str> = tree
        .paths()
        .filter(|other| {
            let near = folder(other).strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || own.is_empty());
            // Jest, Vitest and syrupy name the file after the test's; insta puts the module's name between double underscores.
            let named = name(other).starts_with(whole) || name(other).split('.').next().is_some_and(|head| head.split("__").any(|part| part == stem));
            near && is_snapshot(other) && named
        })
        .collect();
    found.truncate(MOST);
    found
}

/// The file that holds the test of this name, where the name tells: a path (`tests/a.py::test_x`), a class (`com.acme.CartTest.total`) or a
/// module (`money::tests::rounds`).
#[must_use]
pub fn holder<'t>(tree: &Tree<'t>, test: &str) -> Option<&'t str> {
    let test = test.split(['[', '(', ' ']).next().unwrap_or(test);
    let head = test.split("::").next().unwrap_or_default();
    if head.contains('.') && head.contains('/') {
        return tree.named(head).into_iter().next();
    }
    let scope = test.strip_suffix(own_name(test))?.trim_end_matches([':', '.', '#', '>', ' ']);
    if test.contains("::") {
        let mut parts: Vec<&str> = scope.split("::").filter(|part| !part.is_empty()).collect();
        while !parts.is_empty() {
            let at = parts.join("/");
            let hit =
                [format!("src/{at}.rs"), format!("src/{at}/mod.rs"), format!("tests/{at}.rs")].iter().find_map(|tail| tree.ending(tail).into_iter().next());
            if hit.is_some() {
                return hit;
            }
            parts.pop();
        }
        return None;
    }
    let at = scope.split('$').next().unwrap_or(scope).replace('.', "/");
    if at.is_empty() {
        return None;
    }
    ["java", "kt", "scala", "groovy", "cs", "php", "py", "rb"].iter().find_map(|ending| tree.ending(&format!("{at}.{ending}")).into_iter().next())
}

/// The manifests that govern `path`: in its folder or the nearest one above that has any.
#[must_use]
pub fn manifests<'t>(tree: &Tree<'t>, path: &str) -> Vec<&'t str> {
    nearest(tree, path, |name| is_manifest(name) && !is_lock_file(name))
}

/// Settings of the tools that a failure of this kind comes from, nearest to `path`.
#[must_use]
pub fn settings<'t>(tree: &Tree<'t>, path: &str, category: Category) -> Vec<&'t str> {
    let (exact, beginnings): (&[&str], &[&str]) = match category {
        Category::LintError => (
            &[
                "ruff.toml",
                ".ruff.toml",
                ".flake8",
                ".pylintrc",
                ".rubocop.yml",
                ".golangci.yml",
                ".golangci.yaml",
                "clippy.toml",
                ".clippy.toml",
                "rustfmt.toml",
                ".rustfmt.toml",
                "checkstyle.xml",
                ".editorconfig",
                ".clang-format",
                ".clang-tidy",
                "phpcs.xml",
                ".stylelintrc.json",
            ],
            &["eslint.config.", ".eslintrc", "biome.json", ".prettierrc", "prettier.config."],
        ),
        Category::TypeError => (&["mypy.ini", "pyrightconfig.json", "phpstan.neon", "psalm.xml"], &["tsconfig"]),
        Category::CompileError => (&["build.rs", "cmakelists.txt", "makefile", "tsconfig.json"], &[]),
        Category::TestAssertion | Category::SnapshotDiff => (
            &["pytest.ini", "conftest.py", "tox.ini", "phpunit.xml", "phpunit.xml.dist", ".rspec"],
            &["jest.config.", "vitest.config.", "playwright.config.", ".mocharc"],
        ),
        Category::DockerBuild => (&["docker-bake.hcl", ".dockerignore"], &["dockerfile", "compose.y", "docker-compose."]),
        _ => return Vec::new(),
    };
    nearest(tree, path, |name| exact.contains(&name) || beginnings.iter().any(|beginning| name.starts_with(beginning)))
}

/// The files in the nearest folder, from that of `path` upwards, whose names in lower case fit.
fn nearest<'t>(tree: &Tree<'t>, path: &str, fits: impl Fn(&str) -> bool) -> Vec<&'t str> {
    ancestors(folder(path))
        .into_iter()
        .map(|at| tree.within(at).filter(|file| fits(&name(file).to_lowercase())).take(MOST).collect::<Vec<_>>())
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// Whether people write files of this ending as source code.
#[must_use]
pub fn is_source(path: &str) -> bool {
    !family(path).is_empty()
}

/// Languages whose files test each other.
fn family(path: &str) -> &'static str {
    match ending(path).as_str() {
        "rs" => "rust",
        "py" | "pyi" | "pyx" => "python",
        "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts" | "vue" | "svelte" => "javascript",
        "go" => "go",
        "java" | "kt" | "scala" | "groovy" => "jvm",
        "c" | "h" | "cc" | "cpp" | "cxx" | "hpp" | "hh" => "c",
        "rb" => "ruby",
        "php" => "php",
        "cs" | "fs" | "vb" => "dotnet",
        "swift" => "swift",
        "ex" | "exs" => "elixir",
        "dart" => "dart",
        "sh" | "bash" | "bats" => "shell",
        "lua" | "pl" | "pm" | "r" | "jl" | "hs" | "ml" | "zig" | "nim" => "other",
        _ => "",
    }
}

/// How many parts two paths share, marks of test folders aside.
fn shared(a: &str, b: &str) -> usize {
    let parts = |path: &str| -> Vec<String> {
        folder(path)
            .split('/')
            .filter(|part| !matches!(*part, "" | "src" | "lib" | "test" | "tests" | "main" | "__tests__" | "spec" | "app"))
            .map(str::to_owned)
            .collect()
    };
    let (a, b) = (parts(a), parts(b));
    a.iter().filter(|part| b.contains(part)).count()
}

#[cfg(test)]
mod tests {
    use super::super::tree::Entry;
    use super::*;

    fn with<R>(paths: &[&str], look: impl FnOnce(&Tree<'_>) -> R) -> R {
        let entries: Vec<Entry> = paths.iter().map(|path| Entry { path: (*path).to_owned(), size: 1 }).collect();
        look(&Tree::new(&entries))
    }

    #[test]
    fn a_test_and_its_code_have_one_stem() {
        for (a, b) in [
            ("tests/test_cart.py", "shop/cart.py"),
            ("cart.spec.ts", "cart.ts"),
            ("cart_test.go", "cart.go"),
            ("CartTest.java", "Cart.java"),
            ("TestCart.java", "Cart.java"),
            ("cart-test.js", "cart.js"),
            ("CartIT.kt", "Cart.kt"),
            ("CartSpec.scala", "Cart.scala"),
        ] {
            assert_eq!(stem(a), stem(b), "{a} {b}");
        }
        assert_ne!(stem("contest.py"), stem("con.py"));
    }

    #[test]
    fn neighbours_are_found() {
        let java = ["a/src/main/java/x/Cart.java", "a/src/test/java/x/CartTest.java", "b/src/main/java/x/Cart.java", "a/pom.xml", "pom.xml"];
        with(&java, |tree| {
            assert_eq!(counterparts(tree, java[1])[0], java[0]);
            assert_eq!(counterparts(tree, java[0]), [java[1]]);
            assert_eq!(manifests(tree, java[0]), ["a/pom.xml"]);
            assert_eq!(holder(tree, "x.CartTest.total"), Some(java[1]));
            assert_eq!(holder(tree, "x.CartTest$Inner.total()"), Some(java[1]));
        });
        let rust = ["src/money.rs", "src/shop/mod.rs", "tests/cart.rs", "Cargo.toml", "src/snapshots/shop__money__tests__a.snap"];
        with(&rust, |tree| {
            assert_eq!(holder(tree, "money::tests::rounds"), Some(rust[0]));
            assert_eq!(holder(tree, "shop::tests::rounds"), Some(rust[1]));
            assert_eq!(holder(tree, "rounds"), None);
            assert_eq!(snapshots(tree, "src/money.rs"), [rust[4]]);
        });
        let python = ["tests/test_cart.py", "shop/cart.py", "pyproject.toml", "tests/conftest.py", "mypy.ini"];
        with(&python, |tree| {
            assert_eq!(holder(tree, "tests/test_cart.py::test_total[a-1]"), Some(python[0]));
            assert_eq!(settings(tree, "tests/test_cart.py", Category::TestAssertion), ["tests/conftest.py"]);
            assert_eq!(settings(tree, "shop/cart.py", Category::TypeError), ["mypy.ini"]);
            assert_eq!(settings(tree, "shop/cart.py", Category::NetworkOrFlaky), Vec::<&str>::new());
        });
        let script = ["src/cart.ts", "src/cart.test.ts", "src/__snapshots__/cart.test.ts.snap", "src/index.ts", "lib/index.test.ts"];
        with(&script, |tree| {
            assert_eq!(snapshots(tree, "src/cart.test.ts"), [script[2]]);
            assert_eq!(counterparts(tree, "src/cart.test.ts"), [script[0]]);
            assert_eq!(counterparts(tree, "src/index.ts"), Vec::<&str>::new());
        });
    }
}
