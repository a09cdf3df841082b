//! The files of the repository that a source file brings in, read off its own import lines.
//!
//! A line is enough: no grammar is asked, and what does not resolve to a file of the tree belongs to somebody else.

use std::sync::LazyLock;

use regex::Regex;

use super::tree::{Tree, ancestors, ending, folder, name, normal};

/// Most files that one source brings in.
const MOST: usize = 16;
/// Lines of a source that are looked at: imports stand at the top, in tests also further down.
const LINES: usize = 3_000;
/// Most names that are looked at for one source, found or not: a stranger may write imports that lead nowhere, without end.
const LOOKUPS: usize = 20_000;
/// Most parts of one import, and most modules of one line.
const PARTS: usize = 24;
/// A line longer than this holds data, not an import.
const LONGEST: usize = 2_000;

/// The files of the tree that `text`, the file at `path`, imports: in the order of its lines, each once.
#[must_use]
pub fn imported<'t>(tree: &Tree<'t>, path: &str, text: &str) -> Vec<&'t str> {
    let language = ending(path);
    let mut found: Vec<&str> = Vec::new();
    let before = tree.asked();
    for line in text.lines().take(LINES).filter(|line| line.len() <= LONGEST) {
        for hit in of_line(tree, &language, path, line) {
            if hit != path && !found.contains(&hit) {
                found.push(hit);
            }
        }
        if found.len() >= MOST || tree.asked() - before > LOOKUPS {
            break;
        }
    }
    found.truncate(MOST);
    found
}

fn of_line<'t>(tree: &Tree<'t>, language: &str, path: &str, line: &str) -> Vec<&'t str> {
    match language {
        "rs" => rust(tree, path, line),
        "py" | "pyi" => python(tree, path, line),
        "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts" | "vue" | "svelte" => javascript(tree, path, line),
        "go" => go(tree, path, line),
        "java" | "kt" | "kts" | "scala" | "groovy" => jvm(tree, line),
        "c" | "h" | "cc" | "cpp" | "cxx" | "hpp" | "hh" | "m" | "mm" => c(tree, path, line),
        "rb" | "rake" => ruby(tree, path, line),
        "php" => php(tree, path, line),
        "ex" | "exs" => elixir(tree, line),
        "dart" => dart(tree, path, line),
        _ => Vec::new(),
    }
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).expect("a constant pattern"));
    };
}

pattern!(RUST, r"^\s*(?:pub(?:\([^)]*\))?\s+)?(?:(?:use\s+(?P<use>[\w:]+))|(?:mod\s+(?P<mod>\w+)\s*;))");
pattern!(PYTHON, r"^\s*(?:from\s+(?P<from>\.*[\w.]*)\s+import\s+\(?(?P<names>[\w, ]*)|import\s+(?P<import>[\w., ]+))");
pattern!(JAVASCRIPT, r#"(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire(?:\.resolve)?\s*\(\s*|\bmock\s*\(\s*)["'](?P<path>[^"'\s]+)["']"#);
pattern!(GO, r#"^\s*(?:import\s+)?(?:[\w.]+\s+)?"(?P<path>[\w./\-~]+)"\s*(?://.*)?$"#);
pattern!(JVM, r"^\s*import\s+(?:static\s+)?(?P<path>[\w.]+)");
pattern!(C, r#"^\s*#\s*(?:include|import)\s*["<](?P<path>[^">]+)[">]"#);
pattern!(RUBY, r#"^\s*(?P<how>require_relative|require|load)\s*\(?\s*["'](?P<path>[^"']+)["']"#);
pattern!(PHP, r#"^\s*(?:use\s+(?:function\s+)?(?P<class>[\w\\]+)|(?:require|include)(?:_once)?\b[^"']*["'](?P<path>[^"']+)["'])"#);
pattern!(ELIXIR, r"^\s*(?:alias|import|use|require)\s+(?P<module>[A-Z][\w.]*)");
pattern!(DART, r#"^\s*(?:import|export|part)\s+["'](?P<path>[^"']+)["']"#);

fn rust<'t>(tree: &Tree<'t>, path: &str, line: &str) -> Vec<&'t str> {
    let Some(found) = RUST.captures(line) else { return Vec::new() };
    let own = folder(path);
    // The module's children lie beside `mod.rs`, `lib.rs` and `main.rs`, else in a folder of the file's own name.
    let inside = if matches!(name(path), "mod.rs" | "lib.rs" | "main.rs") { own.to_owned() } else { path.trim_end_matches(".rs").to_owned() };
    if let Some(module) = found.name("mod") {
        let module = module.as_str();
        return first(
            tree,
            &[format!("{inside}/{module}.rs"), format!("{inside}/{module}/mod.rs"), format!("{own}/{module}.rs"), format!("{own}/{module}/mod.rs")],
        );
    }
    let Some(used) = found.name("use") else { return Vec::new() };
    let mut segments: Vec<&str> = used.as_str().split("::").filter(|segment| !segment.is_empty()).take(PARTS).collect();
    let Some(head) = segments.first().copied() else { return Vec::new() };
    let root = ancestors(own).into_iter().find(|at| name(at) == "src").map(str::to_owned);
    let bases: Vec<String> = match head {
        "std" | "core" | "alloc" | "proc_macro" => return Vec::new(),
        "crate" => vec![root.unwrap_or_else(|| own.to_owned())],
        "self" => vec![inside],
        "super" => {
            let ups = segments.iter().take_while(|segment| **segment == "super").count();
            segments.drain(..ups - 1);
            let mut base = inside;
            for _ in 0..ups {
                base = folder(&base).to_owned();
            }
            vec![base]
        }
        other => {
            // A test names its own crate, and crates of a workspace name each other: by a folder of that name, or by the package around it.
            let dashed = other.replace('_', "-");
            let named = [other, dashed.as_str()].into_iter().flat_map(|folder| tree.ending(&format!("{folder}/src/lib.rs"))).map(|lib| folder(lib).to_owned());
            let around = ancestors(own)
                .into_iter()
                .map(|at| if at.is_empty() { "src".to_owned() } else { format!("{at}/src") })
                .find(|src| tree.exact(&format!("{src}/lib.rs")).is_some());
            let mut bases: Vec<String> = named.take(4).collect();
            bases.dedup();
            // From inside of a library, another crate's name is not its own.
            if bases.is_empty() && root.is_none() {
                bases.extend(around);
            }
            bases
        }
    };
    let rest = &segments[1..];
    for base in bases {
        for length in (1..=rest.len()).rev() {
            let at = format!("{base}/{}", rest[..length].join("/"));
            let hit = first(tree, &[format!("{at}.rs"), format!("{at}/mod.rs")]);
            if !hit.is_empty() {
                return hit;
            }
        }
        if !matches!(head, "self" | "super" | "crate")
            && let Some(lib) = tree.exact(&format!("{base}/lib.rs"))
        {
            return vec![lib];
        }
    }
    Vec::new()
}

fn python<'t>(tree: &Tree<'t>, path: &str, line: &str) -> Vec<&'t str> {
    let Some(found) = PYTHON.captures(line) else { return Vec::new() };
    let mut modules: Vec<String> = Vec::new();
    if let Some(from) = found.name("from") {
        let from = from.as_str();
        modules.extend(found["names"].split(',').map(str::trim).filter(|name| !name.is_empty()).map(|name| {
            let name = name.split_whitespace().next().unwrap_or_default();
            if from.ends_with('.') { format!("{from}{name}") } else { format!("{from}.{name}") }
        }));
        modules.push(from.to_owned());
    } else if let Some(import) = found.name("import") {
        modules.extend(import.as_str().split(',').filter_map(|name| name.split_whitespace().next()).map(str::to_owned));
    }
    let mut out = Vec::new();
    let own = folder(path);
    for module in modules.into_iter().take(PARTS) {
        let dots = module.bytes().take_while(|byte| *byte == b'.').count();
        let inner = module[dots..].replace('.', "/");
        if dots == 0 && inner.is_empty() {
            continue;
        }
        let bases: Vec<String> = if dots > 0 {
            let mut base = own;
            for _ in 1..dots {
                base = folder(base);
            }
            vec![base.to_owned()]
        } else {
            // What the interpreter starts from is the root, `src`, or any folder above the file.
            ancestors(own).into_iter().flat_map(|at| [at.to_owned(), join(at, "src")]).collect()
        };
        for base in bases {
            let at = join(&base, &inner);
            let hit = if inner.is_empty() {
                first(tree, &[join(&base, "__init__.py")])
            } else {
                first(tree, &[format!("{at}.py"), format!("{at}.pyi"), format!("{at}.pyx"), format!("{at}/__init__.py")])
            };
            if !hit.is_empty() {
                out.extend(hit);
                break;
            }
        }
    }
    out
}

fn javascript<'t>(tree: &Tree<'t>, path: &str, line: &str) -> Vec<&'t str> {
    let own = folder(path);
    let mut out = Vec::new();
    for found in JAVASCRIPT.captures_iter(line).take(4) {
        let given = &found["path"];
        let given = given.split(['?', '#']).next().filter(|path| !path.is_empty()).unwrap_or(given);
        if given.starts_with('.') {
            if let Some(at) = normal(&format!("{own}/{given}")) {
                out.extend(script(tree, &at));
            }
            continue;
        }
        // `@/x`, `~/x` and `src/x` are what projects alias their sources to.
        let alias = given.strip_prefix("@/").or_else(|| given.strip_prefix("~/")).or_else(|| given.strip_prefix("#/"));
        let inner = alias.or_else(|| given.strip_prefix("src/"));
        if let Some(inner) = inner {
            for at in ancestors(own) {
                let hit = [join(&join(at, "src"), inner), join(&join(at, "app"), inner), join(at, inner)]
                    .iter()
                    .map(|at| script(tree, at))
                    .find(|hit| !hit.is_empty());
                if let Some(hit) = hit {
                    out.extend(hit);
                    break;
                }
            }
            continue;
        }
        // A package of the same workspace has a folder of its own.
        let package = name(given);
        let hit = ["packages", "libs", "apps", "modules"].iter().map(|home| script(tree, &format!("{home}/{package}/src/index"))).find(|hit| !hit.is_empty());
        out.extend(hit.into_iter().flatten());
    }
    out
}

/// A module as Node and the bundlers look for it: as given, with an ending, or the index of a folder.
fn script<'t>(tree: &Tree<'t>, at: &str) -> Vec<&'t str> {
    const ENDINGS: [&str; 10] = ["ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "cts", "vue", "json"];
    // TypeScript's sources are imported by the name that they are built to.
    let bare = [".js", ".jsx", ".mjs", ".cjs"].iter().find_map(|ending| at.strip_suffix(ending)).unwrap_or(at);
    let mut tries = vec![at.to_owned()];
    for base in [at, bare] {
        tries.extend(ENDINGS.iter().map(|ending| format!("{base}.{ending}")));
    }
    tries.extend(ENDINGS.iter().take(6).map(|ending| format!("{at}/index.{ending}")));
    first(tree, &tries)
}

fn go<'t>(tree: &Tree<'t>, path: &str, line: &str) -> Vec<&'t str> {
    let Some(found) = GO.captures(line) else { return Vec::new() };
    let parts: Vec<&str> = found["path"].split('/').take(PARTS).collect();
    // The module's own name stands before the folder; without a dot in the first part it is the standard library.
    if parts.len() < 2 {
        return Vec::new();
    }
    let roots = ancestors(folder(path));
    for skip in 1..parts.len() {
        let tail = parts[skip..].join("/");
        for root in &roots {
            let package: Vec<&str> = tree.within(&join(root, &tail)).filter(|file| file.ends_with(".go") && !file.ends_with("_test.go")).take(4).collect();
            if !package.is_empty() {
                return package;
            }
        }
    }
    Vec::new()
}

fn jvm<'t>(tree: &Tree<'t>, line: &str) -> Vec<&'t str> {
    let Some(found) = JVM.captures(line) else { return Vec::new() };
    let mut parts: Vec<&str> = found["path"].trim_end_matches('.').split('.').take(PARTS).collect();
    // A static or nested name lies in the file of the class around it.
    while parts.len() >= 2 {
        let at = parts.join("/");
        for ending in ["java", "kt", "scala", "groovy"] {
            if let Some(hit) = tree.ending(&format!("{at}.{ending}")).into_iter().next() {
                return vec![hit];
            }
        }
        parts.pop();
    }
    Vec::new()
}

fn c<'t>(tree: &Tree<'t>, path: &str, line: &str) -> Vec<&'t str> {
    let Some(found) = C.captures(line) else { return Vec::new() };
    let given = &found["path"];
    let beside = normal(&join(folder(path), given)).and_then(|at| tree.exact(&at));
    let Some(header) = beside.or_else(|| normal(given).and_then(|given| tree.ending(&given).into_iter().next())) else { return Vec::new() };
    let mut out = vec![header];
    // What a header declares is defined in the source of its name.
    let stem = name(header).rsplit_once('.').map_or(name(header), |(stem, _)| stem);
    out.extend(["c", "cc", "cpp", "cxx"].iter().find_map(|ending| {
        let source = format!("{stem}.{ending}");
        tree.exact(&join(folder(header), &source)).or_else(|| tree.ending(&source).into_iter().next())
    }));
    out
}

fn ruby<'t>(tree: &Tree<'t>, path: &str, line: &str) -> Vec<&'t str> {
    let Some(found) = RUBY.captures(line) else { return Vec::new() };
    let given = found["path"].trim_end_matches(".rb");
    if &found["how"] == "require_relative" || given.starts_with('.') {
        return normal(&join(folder(path), given)).map(|at| first(tree, &[format!("{at}.rb")])).unwrap_or_default();
    }
    first(tree, &["lib", "app", "spec", "test", ""].map(|root| join(root, &format!("{given}.rb"))))
}

fn php<'t>(tree: &Tree<'t>, path: &str, line: &str) -> Vec<&'t str> {
    let Some(found) = PHP.captures(line) else { return Vec::new() };
    if let Some(given) = found.name("path") {
        return normal(&join(folder(path), given.as_str().trim_start_matches('/'))).and_then(|at| tree.exact(&at)).into_iter().collect();
    }
    // PSR-4: the first parts of a namespace stand for a folder that composer.json names.
    let parts: Vec<&str> = found.name("class").map(|class| class.as_str().split('\\').take(PARTS).collect()).unwrap_or_default();
    for skip in 0..parts.len().saturating_sub(1) {
        if let Some(hit) = tree.ending(&format!("{}.php", parts[skip..].join("/"))).into_iter().next() {
            return vec![hit];
        }
    }
    Vec::new()
}

fn elixir<'t>(tree: &Tree<'t>, line: &str) -> Vec<&'t str> {
    let Some(found) = ELIXIR.captures(line) else { return Vec::new() };
    let at: Vec<String> = found["module"].trim_end_matches('.').split('.').map(snake).collect();
    tree.ending(&format!("{}.ex", at.join("/"))).into_iter().take(1).collect()
}

fn dart<'t>(tree: &Tree<'t>, path: &str, line: &str) -> Vec<&'t str> {
    let Some(found) = DART.captures(line) else { return Vec::new() };
    let given = &found["path"];
    match given.strip_prefix("package:").and_then(|rest| rest.split_once('/')) {
        Some((_, inner)) => tree.ending(&format!("lib/{inner}")).into_iter().take(1).collect(),
        None => normal(&join(folder(path), given)).and_then(|at| tree.exact(&at)).into_iter().collect(),
    }
}

/// `HTTPClient` as `http_client`.
fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let next_small = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && at > 0 && (letters[at - 1].is_lowercase() || next_small) {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

fn join(folder: &str, rest: &str) -> String {
    if folder.is_empty() { rest.to_owned() } else { format!("{folder}/{rest}") }
}

fn first<'t>(tree: &Tree<'t>, tries: &[String]) -> Vec<&'t str> {
    tries.iter().find_map(|path| tree.exact(path.trim_start_matches('/'))).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::Entry;
    use super::*;

    #[test]
    fn imports_lead_to_files() {
        type Case<'t> = (&'t str, &'t str, &'t [&'t str], &'t [&'t str]);
        let table: &[Case<'_>] = &[
            ("src/shop/cart.rs", "use crate::money::{Money, round};", &["src/money.rs"], &["src/money.rs"]),
            ("src/shop/cart.rs", "use super::tax::rate;", &["src/shop/tax.rs"], &["src/shop/tax.rs"]),
            ("src/shop/cart.rs", "mod lines;", &["src/shop/cart/lines.rs"], &["src/shop/cart/lines.rs"]),
            ("src/lib.rs", "pub mod money;", &["src/money/mod.rs"], &["src/money/mod.rs"]),
            ("tests/all.rs", "use shop::money::Money;", &["src/lib.rs", "src/money.rs"], &["src/money.rs"]),
            ("tests/all.rs", "use std::fs::File;", &["src/lib.rs", "src/fs.rs"], &[]),
            ("crates/a/src/lib.rs", "use my_core::x;", &["crates/my-core/src/lib.rs"], &["crates/my-core/src/lib.rs"]),
            ("tests/test_cart.py", "from shop.cart import Cart", &["shop/cart.py"], &["shop/cart.py"]),
            ("tests/test_cart.py", "from shop import cart, tax", &["src/shop/__init__.py", "src/shop/cart.py"], &["src/shop/cart.py", "src/shop/__init__.py"]),
            ("shop/a/b.py", "from ..c import d", &["shop/c.py"], &["shop/c.py"]),
            ("shop/a/b.py", "from . import e", &["shop/a/e.py"], &["shop/a/e.py"]),
            ("shop/a.py", "import os, shop.x as y", &["shop/x.py"], &["shop/x.py"]),
            ("src/a.test.ts", "import { a } from './a.js'", &["src/a.ts"], &["src/a.ts"]),
            ("web/src/x/a.ts", "const b = require(\"../b\");", &["web/src/b/index.tsx"], &["web/src/b/index.tsx"]),
            ("web/src/x/a.ts", "import b from '@/lib/b'", &["web/src/lib/b.ts"], &["web/src/lib/b.ts"]),
            ("packages/a/x.ts", "import { q } from '@acme/core'", &["packages/core/src/index.ts"], &["packages/core/src/index.ts"]),
            ("web/a.ts", "import b from '../../../../etc/passwd'", &["etc/passwd"], &[]),
            ("cmd/main.go", "\t\"example.com/shop/internal/cart\"", &["internal/cart/cart.go", "internal/cart/cart_test.go"], &["internal/cart/cart.go"]),
            ("cmd/main.go", "import \"fmt\"", &["fmt/x.go"], &[]),
            ("x/A.java", "import com.acme.Cart;", &["src/main/java/com/acme/Cart.java"], &["src/main/java/com/acme/Cart.java"]),
            ("x/A.kt", "import static com.acme.Cart.total;", &["src/com/acme/Cart.java"], &["src/com/acme/Cart.java"]),
            ("src/a.c", "#include \"cart.h\"", &["include/cart.h", "src/cart.c"], &["include/cart.h", "src/cart.c"]),
            ("spec/cart_spec.rb", "require_relative '../lib/cart'", &["lib/cart.rb"], &["lib/cart.rb"]),
            ("spec/cart_spec.rb", "require 'shop/cart'", &["lib/shop/cart.rb"], &["lib/shop/cart.rb"]),
            ("tests/CartTest.php", "use App\\Models\\Cart;", &["app/Models/Cart.php"], &["app/Models/Cart.php"]),
            ("test/cart_test.exs", "  alias Shop.HTTPClient", &["lib/shop/http_client.ex"], &["lib/shop/http_client.ex"]),
            ("test/cart_test.dart", "import 'package:shop/cart.dart';", &["lib/cart.dart"], &["lib/cart.dart"]),
            ("notes.txt", "import x", &["x.py"], &[]),
        ];
        for (path, line, tree, expected) in table {
            let entries: Vec<Entry> = tree.iter().map(|path| Entry { path: (*path).to_owned(), size: 1 }).collect();
            assert_eq!(imported(&Tree::new(&entries), path, line), *expected, "{path}: {line}");
        }
    }

    #[test]
    fn a_file_of_imports_is_bounded() {
        let entries: Vec<Entry> = (0..200).map(|n| Entry { path: format!("m{n}.py"), size: 1 }).collect();
        let text: String = (0..200).map(|n| format!("import m{n}\n")).collect();
        assert_eq!(imported(&Tree::new(&entries), "a.py", &text).len(), MOST);
    }
}
