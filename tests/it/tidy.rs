//! The house's own rules, read off its sources: who may know whom, where the clock and the environment are read, what
//! code may not contain, and whether what the documents name is there.
//!
//! Each rule takes made-up sources as well, and the tests at the end show that it can say no.

mod source;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use source::{Source, Written, test_modules};

/// What breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Breach {
    path: String,
    line: usize,
    rule: &'static str,
    what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.what)
    }
}

/// A place where a rule does not hold, and why that is right.
struct Exception {
    path: &'static str,
    what: &'static str,
    why: &'static str,
}

const fn except(path: &'static str, what: &'static str, why: &'static str) -> Exception {
    Exception { path, what, why }
}

/// Takes out what is excepted. An exception that nothing needs any more is a breach itself.
fn sift(breaches: Vec<Breach>, exceptions: &[Exception], rule: &'static str) -> Vec<Breach> {
    let mut used = vec![false; exceptions.len()];
    let mut left = Vec::new();
    for breach in breaches {
        match exceptions.iter().position(|exception| exception.path == breach.path && exception.what == breach.what) {
            Some(index) => used[index] = true,
            None => left.push(breach),
        }
    }
    let stale = exceptions.iter().zip(used).filter(|(_, used)| !used).map(|(exception, _)| Breach {
        path: exception.path.to_owned(),
        line: 0,
        rule,
        what: format!("the exception for `{}` ({}) is not needed any more: remove it", exception.what, exception.why),
    });
    left.extend(stale);
    left
}

// ---- who may know whom ----

/// The floor or room that a module belongs to: `domain`, `adapters/git`, `cli`; empty for the library's root.
fn room(module: &[String]) -> String {
    match module {
        [] => String::new(),
        [first, second, ..] if first == "adapters" => format!("adapters/{second}"),
        [first, ..] => first.clone(),
    }
}

/// Whether `from` may know `to`.
fn may_know(from: &str, to: &str) -> bool {
    let floors: &[&str] = match from {
        "domain" => &["domain"],
        "ports" => &["domain", "ports"],
        "engine" => &["domain", "ports", "engine"],
        "config" => &["domain", "config"],
        "web" => &["domain", "ports", "engine", "web"],
        "cli" => &["domain", "ports", "engine", "web", "config", "app", "cli"],
        // The composition root builds everything, and is run by the edges.
        "app" => return to != "cli",
        // The library's root declares the rooms.
        "" => return true,
        adapter => return to == adapter || matches!(to, "domain" | "ports"),
    };
    floors.contains(&to)
}

fn arrows(source: &Source) -> Vec<Breach> {
    let from = room(&source.module());
    let known = source.paths().into_iter().filter(|path| path.segments[0] == "crate" && path.segments.len() > 1);
    let wrong = known.filter_map(|path| {
        let to = room(&path.segments[1..]);
        // `adapters` alone is the folder's own declaration.
        let known = may_know(&from, &to) || (from == "adapters" && to.starts_with("adapters"));
        (!known).then(|| Breach { path: source.path.clone(), line: path.line, rule: "arrow", what: format!("{from} may not know {to}") })
    });
    wrong.collect()
}

/// The crates that a pure or inner floor may use. What is not listed it may not, so a new dependency is asked about.
const INNER: &[(&str, &[&str])] = &[
    (
        "domain",
        &[
            "aho_corasick",
            "chrono",
            "diffy",
            "github_actions_expressions",
            "globset",
            "memchr",
            "quick_xml",
            "regex",
            "serde",
            "serde_json",
            "serde_saphyr",
            "sha2",
            "similar",
            "thiserror",
            "tree_sitter",
            "tree_sitter_c",
            "tree_sitter_c_sharp",
            "tree_sitter_cpp",
            "tree_sitter_go",
            "tree_sitter_java",
            "tree_sitter_javascript",
            "tree_sitter_kotlin_ng",
            "tree_sitter_php",
            "tree_sitter_python",
            "tree_sitter_ruby",
            "tree_sitter_rust",
            "tree_sitter_typescript",
            "unicode_width",
        ],
    ),
    ("ports", &["async_trait", "chrono", "secrecy", "serde", "serde_json", "thiserror", "tokio_util", "url"]),
    (
        "engine",
        &[
            "async_trait",
            "chrono",
            "croner",
            "futures",
            "metrics",
            "rand",
            "serde",
            "serde_json",
            "sha2",
            "similar",
            "tempfile",
            "thiserror",
            "tokio",
            "tokio_util",
            "tracing",
            "url",
            "uuid",
        ],
    ),
];

/// The crates that belong to one outside system, and who may use them.
const OWNED: &[(&str, &[&str])] = &[
    ("octocrab", &["adapters/github"]),
    ("git2", &["adapters/git"]),
    ("sea_orm", &["adapters/store"]),
    ("migrations", &["adapters/store"]),
    ("slack_morphism", &["adapters/slack"]),
    ("genai", &["adapters/llm"]),
    ("landlock", &["adapters/sandbox"]),
    // A model that is a command: its process group. The demo: the signal that ends its service.
    ("nix", &["adapters/sandbox", "adapters/llm", "cli"]),
    ("axum", &["web"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("comfy_table", &["cli"]),
    ("terminal_size", &["cli"]),
    ("simulator", &["cli"]),
    ("anyhow", &["app", "cli"]),
    ("dotenvy", &["config"]),
];

/// The names of the dependencies in a Cargo.toml, as code writes them.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let names = section.lines().filter_map(|line| line.split_once(['=', '.'])).map(|(name, _)| name.trim().replace('-', "_"));
    names.filter(|name| !name.is_empty() && !name.starts_with('#')).collect()
}

fn crates(source: &Source, dependencies: &BTreeSet<String>) -> Vec<Breach> {
    let from = room(&source.module());
    let allowed = INNER.iter().find(|(floor, _)| *floor == from).map(|(_, crates)| *crates);
    let mut breaches = Vec::new();
    for path in source.paths() {
        let name = path.segments[0].as_str();
        if !dependencies.contains(name) {
            continue;
        }
        let owners = OWNED.iter().find(|(owned, _)| *owned == name).map(|(_, owners)| *owners);
        if allowed.is_some_and(|allowed| !allowed.contains(&name)) || owners.is_some_and(|owners| !owners.contains(&from.as_str())) {
            breaches.push(Breach { path: source.path.clone(), line: path.line, rule: "crate", what: format!("{from} may not use {name}") });
        }
    }
    breaches
}

/// What of the standard library reaches outside; the domain has none of it.
const OUTSIDE: &[&str] = &["env", "fs", "io", "net", "os", "process", "thread"];

fn purity(source: &Source) -> Vec<Breach> {
    let from = room(&source.module());
    let mut breaches = Vec::new();
    for Written { line, segments } in source.paths() {
        if from != "domain" || segments[0] != "std" {
            continue;
        }
        let clock = segments.get(1).is_some_and(|second| second == "time") && segments.iter().any(|name| name == "Instant" || name == "SystemTime");
        if clock || OUTSIDE.contains(&segments[1].as_str()) {
            breaches.push(Breach { path: source.path.clone(), line, rule: "pure", what: format!("the domain does not know {}", segments.join("::")) });
        }
    }
    breaches
}

// ---- the environment and the clock ----

const ENVIRONMENT: &[Exception] = &[
    except("src/cli.rs", "env::var_os", "NO_COLOR is asked before settings are read, so that their errors are coloured as the person wants"),
    except("src/cli/demo.rs", "env::var_os", "the service that it starts gets an empty environment, but for what finds toolchains and certificates"),
    except("src/cli/demo.rs", "env::vars_os", "with --model, the keys and proxies of the person's own routes are handed on"),
    except("src/cli/fix.rs", "env::var", "a filter of the log that a person set wins over this command's quieter default"),
    except("src/cli/pause.rs", "env::var", "who acts at the terminal, for the audit log: USER and its kin"),
    except("src/adapters/sandbox.rs", "env::var_os", "PATH and the toolchains' homes, as they are on this machine"),
];

fn environment(source: &Source) -> Vec<Breach> {
    const READERS: &[&str] = &["var", "var_os", "vars", "vars_os", "set_var", "remove_var"];
    if source.path == "src/config.rs" {
        return Vec::new();
    }
    let read = source.paths().into_iter().filter_map(|Written { line, segments }| {
        let at = segments.iter().position(|name| name == "env")?;
        let reader = segments.get(at + 1).filter(|name| READERS.contains(&name.as_str()))?;
        Some(Breach { path: source.path.clone(), line, rule: "environment", what: format!("env::{reader}") })
    });
    read.collect()
}

const CLOCK: &[Exception] =
    &[except("src/adapters/git/mirror.rs", "SystemTime::now", "the time of a file's last use is compared with the times that the file system gives")];

fn clock(source: &Source) -> Vec<Breach> {
    if source.path == "src/adapters/clock.rs" {
        return Vec::new();
    }
    let read = source.paths().into_iter().filter_map(|Written { line, segments }| {
        let [.., kind, now] = segments.as_slice() else { return None };
        let clock = now == "now" && matches!(kind.as_str(), "Utc" | "Local" | "SystemTime");
        clock.then(|| Breach { path: source.path.clone(), line, rule: "clock", what: format!("{kind}::now") })
    });
    read.collect()
}

// ---- what code may not contain ----

fn unproven(source: &Source) -> Vec<Breach> {
    let code = source.code.as_bytes();
    let mut breaches = Vec::new();
    let mut breach = |at: usize, what: String| breaches.push(Breach { path: source.path.clone(), line: source.line(at), rule: "unproven", what });
    for name in ["unwrap", "unwrap_err", "expect_err"] {
        for at in source.words(name).filter(|at| called(code, *at, name)) {
            breach(at, format!("`{name}` outside a test"));
        }
    }
    for at in source.words("expect").filter(|at| called(code, *at, "expect")) {
        let argument = source.text[at + "expect".len()..].trim_start_matches('(').trim_start();
        // A method of our own takes something else than a message.
        let message = argument.strip_prefix('"').and_then(|rest| rest.split_once('"'));
        let built = argument.starts_with('&') || argument.starts_with("format!");
        // What is asked on with `?` is a parser's method of our own: the standard library's gives no result.
        let short = message.is_some_and(|(message, rest)| message.split_whitespace().count() < 2 && !rest.starts_with(")?"));
        if built || short {
            breach(at, "`expect` without a sentence that proves it".to_owned());
        }
    }
    breaches
}

/// Whether the word at `at` is called as a method.
fn called(code: &[u8], at: usize, name: &str) -> bool {
    at > 0 && code[at - 1] == b'.' && code.get(at + name.len()) == Some(&b'(')
}

fn leftovers(source: &Source) -> Vec<Breach> {
    let shown = source.path.starts_with("src/cli") || source.path == "src/main.rs";
    let everywhere = ["todo", "unimplemented", "dbg"].into_iter();
    let prints = ["println", "print", "eprintln", "eprint"].into_iter().filter(|_| !shown);
    let mut breaches = Vec::new();
    for name in everywhere.chain(prints) {
        for at in source.words(name).filter(|at| source.code.as_bytes().get(at + name.len()) == Some(&b'!')) {
            breaches.push(Breach { path: source.path.clone(), line: source.line(at), rule: "leftover", what: format!("{name}!") });
        }
    }
    breaches
}

/// Where code may step outside what the compiler proves.
const UNSAFE_ROOMS: &[&str] = &["src/adapters/sandbox", "src/adapters/git/process.rs"];

/// How far above an `unsafe` its reason may begin.
const REASON_WITHIN: usize = 8;

fn unsafety(source: &Source) -> Vec<Breach> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut breaches = Vec::new();
    for at in source.words("unsafe") {
        let line = source.line(at);
        let mut breach = |what: &str| breaches.push(Breach { path: source.path.clone(), line, rule: "unsafe", what: what.to_owned() });
        if !UNSAFE_ROOMS.iter().any(|room| source.path.starts_with(room)) {
            breach("unsafe outside the sandbox's edge");
        }
        if !lines[line.saturating_sub(1 + REASON_WITHIN)..line].iter().any(|line| line.contains("SAFETY: ")) {
            breach("unsafe without a SAFETY comment");
        }
    }
    breaches
}

/// Lines without tests: where to think of splitting, and where it must be done.
const THINK: usize = 600;
const SPLIT: usize = 1000;

const OUTGROWN: &[Exception] = &[];

fn size(source: &Source) -> Vec<Breach> {
    let lines = source.size();
    let breach = || Breach { path: source.path.clone(), line: lines, rule: "size", what: format!("more than {SPLIT} lines without tests") };
    (lines > SPLIT).then(breach).into_iter().collect()
}

/// Words that belong to a workshop, not to a house. Put together here, so that this file does not contain them.
fn foreign(path: &str, text: &str) -> Vec<Breach> {
    let words = [concat!("/wo", "rk/shared"), concat!("/wo", "rk/wt"), concat!("/wo", "rk/main"), concat!("/tmp", "/brief"), concat!("shared", "/design")];
    let found = text.lines().enumerate().flat_map(|(index, line)| {
        words.iter().filter(move |word| line.contains(*word)).map(move |word| Breach {
            path: path.to_owned(),
            line: index + 1,
            rule: "foreign",
            what: format!("`{word}` has no place here"),
        })
    });
    found.collect()
}

// ---- what belongs together ----

/// Every file beside a `main.rs` of tests is declared in it: what is not compiled tests nothing.
fn undeclared(main: &str, files: &[String]) -> Vec<String> {
    let declared = |name: &str| main.lines().any(|line| line.trim() == format!("mod {name};"));
    files.iter().filter(|name| *name != "main" && !declared(name)).cloned().collect()
}

/// The tests and files that a document names in backticks and that are not there.
/// A test is named as `path/of/file.rs::name_of_the_test`.
fn dangling(text: &str, read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let spans = text.split('`').skip(1).step_by(2);
    let ours = |span: &&str| {
        let top = ["src/", "tests/", "simulator/", "migrations/", "prompts/", "policies/", "deploy/", "benches/", ".ci/"];
        top.iter().any(|top| span.starts_with(top)) && !span.contains([' ', '*', '{', '<'])
    };
    let missing = spans.filter(ours).filter(|span| {
        let (file, test) = span.split_once("::").map_or((*span, None), |(file, test)| (file, Some(test)));
        let Some(content) = read(file) else { return true };
        test.is_some_and(|test| {
            let name = test.rsplit("::").next().unwrap_or(test);
            !content.contains(&format!("fn {name}(")) && !content.contains(&format!("    {name}\n"))
        })
    });
    missing.map(str::to_owned).collect()
}

// ---- the house itself ----

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` whose name ends in one of `endings`, sorted, as paths from the root.
fn files(folder: &str, endings: &[&str]) -> Vec<String> {
    fn walk(folder: &Path, root: &Path, endings: &[&str], found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_dir() {
                if !matches!(name.as_str(), "target" | ".git" | "node_modules") {
                    walk(&path, root, endings, found);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &root(), endings, &mut found);
    found.sort();
    found
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The sources below `folder` that are no tests.
fn sources(folder: &str) -> Vec<Source> {
    let paths = files(folder, &[".rs"]);
    let tests: Vec<String> = paths.iter().flat_map(|path| test_modules(path, &read(path))).collect();
    let is_test = |path: &str| tests.iter().any(|test| path == format!("{test}.rs") || path.starts_with(&format!("{test}/")));
    let sources: Vec<Source> = paths.iter().filter(|path| !is_test(path)).map(|path| Source::new(path, &read(path))).collect();
    assert!(!sources.is_empty(), "no sources in {folder}");
    sources
}

fn each<'a>(sources: impl IntoIterator<Item = &'a Source>, rule: impl Fn(&Source) -> Vec<Breach>) -> Vec<Breach> {
    sources.into_iter().flat_map(rule).collect()
}

#[track_caller]
fn holds(mut breaches: Vec<Breach>) {
    breaches.sort();
    breaches.dedup();
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

/// What the house's own code is made of; the simulator and the migrations beside it.
fn all_sources() -> Vec<Source> {
    ["src", "migrations/src", "simulator/src"].into_iter().flat_map(sources).collect()
}

#[test]
fn no_arrow_runs_the_wrong_way() {
    holds(each(&sources("src"), arrows));
}

#[test]
fn crates_stay_in_their_rooms() {
    let dependencies = dependencies(&read("Cargo.toml"));
    assert!(dependencies.contains("tokio") && dependencies.contains("aho_corasick") && dependencies.contains("serde_json"), "{dependencies:?}");
    holds(each(&sources("src"), |source| crates(source, &dependencies)));
}

#[test]
fn the_domain_is_pure() {
    holds(each(&sources("src"), purity));
}

#[test]
fn only_the_settings_read_the_environment() {
    holds(sift(each(&sources("src"), environment), ENVIRONMENT, "environment"));
}

#[test]
fn only_the_clock_tells_the_time() {
    holds(sift(each(&sources("src"), clock), CLOCK, "clock"));
}

#[test]
fn what_may_fail_is_handled_or_proven() {
    holds(each(&sources("src"), unproven));
}

#[test]
fn nothing_is_left_over() {
    holds(each(&all_sources(), leftovers));
}

#[test]
fn what_is_unsafe_is_at_the_edge_and_says_why() {
    holds(each(&all_sources(), unsafety));
}

#[test]
fn no_file_has_outgrown_its_purpose() {
    use std::io::Write as _;
    let sources = all_sources();
    let mut large: Vec<(usize, &str)> = sources.iter().map(|source| (source.size(), source.path.as_str())).filter(|(lines, _)| *lines > THINK).collect();
    large.sort();
    for (lines, path) in large {
        // Past libtest's capture: it is a report, not a failure.
        let _ = writeln!(std::io::stderr().lock(), "large: {path} has {lines} lines without tests; think of splitting at {THINK}");
    }
    holds(sift(each(&sources, size), OUTGROWN, "size"));
}

#[test]
fn nothing_foreign_is_left_behind() {
    let paths = files("", &[".rs", ".md", ".toml", ".txt", ".yml", ".yaml", ".json", ".html", ".example", ".cedar", ".sh", "run", "Dockerfile", ".service"]);
    assert!(paths.iter().any(|path| path == ".ci/run") && paths.iter().any(|path| path == "README.md"), "{paths:?}");
    holds(paths.iter().flat_map(|path| foreign(path, &String::from_utf8_lossy(&std::fs::read(root().join(path)).unwrap()))).collect());
}

#[test]
fn every_file_of_tests_is_declared() {
    for folder in ["tests/it", "simulator/tests/it"] {
        let names: Vec<String> = files(folder, &[".rs"])
            .iter()
            .filter_map(|path| path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".rs").filter(|name| !name.contains('/')).map(str::to_owned))
            .collect();
        assert!(names.len() > 1, "{folder}: {names:?}");
        assert_eq!(undeclared(&read(&format!("{folder}/main.rs")), &names), Vec::<String>::new(), "{folder}");
    }
}

/// What a manifest asks of a dependency, where it takes it from the workspace as well.
fn requirement(manifest: &toml::Table, name: &str) -> Option<toml::Value> {
    let asked = manifest.get("dependencies")?.get(name)?;
    let shared = asked.get("workspace").and_then(toml::Value::as_bool) == Some(true);
    if shared { manifest.get("workspace")?.get("dependencies")?.get(name).cloned() } else { Some(asked.clone()) }
}

#[test]
fn the_fuzzed_domain_is_built_with_the_same_dependencies() {
    let (house, fuzz): (toml::Table, toml::Table) = (read("Cargo.toml").parse().unwrap(), read("fuzz/Cargo.toml").parse().unwrap());
    let domain = INNER.iter().find(|(floor, _)| *floor == "domain").expect("the domain has a list").1;
    for name in domain.iter().map(|name| name.replace('_', "-")) {
        let name = if house["dependencies"].get(&name).is_some() { name } else { name.replace('-', "_") };
        let asked = requirement(&house, &name);
        assert!(asked.is_some(), "`{name}`");
        assert_eq!(requirement(&fuzz, &name), asked, "fuzz/Cargo.toml and Cargo.toml ask for different versions or features of `{name}`");
    }
}

#[test]
fn every_migration_is_run_and_has_a_sample() {
    let (list, samples) = (read("migrations/src/lib.rs"), read("tests/it/store.rs"));
    let names: Vec<String> = files("migrations/src", &[".rs"])
        .iter()
        .filter_map(|path| path.rsplit('/').next()?.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| name != "lib")
        .collect();
    assert!(!names.is_empty());
    for name in names {
        assert!(list.contains(&format!("Box::new({name}::")), "`{name}` is not in the list of migrations");
        assert!(samples.contains(&format!("\"{name}\"")), "`{name}` has no sample rows in tests/it/store.rs");
    }
}

#[test]
fn documents_name_what_is_there() {
    let there = |path: &str| {
        let path = root().join(path);
        if path.is_dir() { Some(String::new()) } else { std::fs::read_to_string(path).ok() }
    };
    for document in ["README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        assert_eq!(dangling(&read(document), &there), Vec::<String>::new(), "{document}");
    }
}

#[test]
fn the_architecture_names_a_test_for_each_invariant() {
    let text = read("ARCHITECTURE.md");
    let section = text.split("\n## Invariants").nth(1).expect("the architecture has a section on invariants").split("\n## ").next().unwrap();
    let invariants: Vec<&str> = section.split("\n### ").skip(1).collect();
    assert!(invariants.len() >= 8, "{}", invariants.len());
    for invariant in invariants {
        let name = invariant.lines().next().unwrap_or_default();
        assert!(invariant.contains(".rs::") || invariant.contains("No test holds this yet"), "`{name}` names no test");
    }
}

// ---- that the rules can say no ----

/// What a rule says about one made-up file.
#[track_caller]
fn says(rule: impl Fn(&Source) -> Vec<Breach>, path: &str, text: &str, expected: &[&str]) {
    let found: Vec<String> = rule(&Source::new(path, text)).iter().map(|breach| format!("{}: {}", breach.line, breach.what)).collect();
    assert_eq!(found, expected, "{path}: {text}");
}

#[test]
fn a_wrong_arrow_is_seen() {
    let all = [
        ("src/domain/gate.rs", "use crate::ports::git::Git;", &["1: domain may not know ports"] as &[_]),
        ("src/domain/gate.rs", "use super::super::engine::Engine;", &["1: domain may not know engine"]),
        ("src/domain/gate.rs", "\nfn f() { crate::adapters::git::look() }", &["2: domain may not know adapters/git"]),
        ("src/domain/gate.rs", "use super::ids::RepoId; // crate::engine::x\nconst A: &str = \"crate::engine::x\";", &[]),
        ("src/domain/gate.rs", "#[cfg(test)]\nmod tests { use crate::engine::Engine; }", &[]),
        ("src/ports/git.rs", "use crate::{domain::ids, engine::{Engine, worker}};", &["1: ports may not know engine", "1: ports may not know engine"]),
        ("src/engine/worker.rs", "use crate::adapters::store::SqlStore;", &["1: engine may not know adapters/store"]),
        ("src/engine/worker.rs", "use crate::config::Settings;", &["1: engine may not know config"]),
        ("src/adapters/git.rs", "use crate::adapters::github::GitHub;", &["1: adapters/git may not know adapters/github"]),
        ("src/adapters/git/mirror.rs", "use super::super::store::SqlStore;", &["1: adapters/git may not know adapters/store"]),
        ("src/adapters/git/mirror.rs", "use super::network; use crate::ports::git::Git;", &[]),
        ("src/adapters/slack.rs", "use crate::engine::Engine;", &["1: adapters/slack may not know engine"]),
        ("src/web/jobs.rs", "use crate::app::engine; use crate::engine::Engine;", &["1: web may not know app"]),
        ("src/cli/fix.rs", "use crate::adapters::git; use crate::app::engine;", &["1: cli may not know adapters/git"]),
        ("src/app.rs", "use crate::adapters::git; use crate::cli::fix;", &["1: app may not know cli"]),
    ];
    for (path, text, expected) in all {
        says(arrows, path, text, expected);
    }
}

#[test]
fn a_crate_in_the_wrong_room_is_seen() {
    let dependencies = dependencies(
        "[x]\na = 1\n\n[dependencies]\ntokio.workspace = true\nserde = \"1\"\nsea-orm = { version = \"2\" }\n\n[dev-dependencies]\nproptest = \"1\"\n",
    );
    assert_eq!(dependencies, ["sea_orm", "serde", "tokio"].map(str::to_owned).into());
    let rule = |source: &Source| crates(source, &dependencies);
    says(rule, "src/domain/a.rs", "use tokio::sync::Mutex; use serde::Serialize;", &["1: domain may not use tokio"]);
    says(rule, "src/engine/a.rs", "use tokio::sync::Mutex;\nuse sea_orm::Value;", &["2: engine may not use sea_orm"]);
    says(rule, "src/adapters/git.rs", "use sea_orm::Value;", &["1: adapters/git may not use sea_orm"]);
    says(rule, "src/adapters/store/a.rs", "use sea_orm::Value;", &[]);
}

#[test]
fn impurity_is_seen() {
    says(purity, "src/domain/a.rs", "fn f() { std::fs::read(p) }", &["1: the domain does not know std::fs::read"]);
    says(purity, "src/domain/a.rs", "use std::time::{Duration, Instant};", &["1: the domain does not know std::time::Instant"]);
    says(purity, "src/domain/a.rs", "use std::{collections::BTreeMap, env};", &["1: the domain does not know std::env"]);
    says(purity, "src/domain/a.rs", "use std::time::Duration; use std::fmt;", &[]);
}

#[test]
fn a_read_of_the_environment_is_seen() {
    says(environment, "src/web.rs", "fn f() { std::env::var(\"X\") }", &["1: env::var"]);
    says(environment, "src/web.rs", "use std::env;\nfn f() { env::vars_os() }", &["2: env::vars_os"]);
    says(environment, "src/web.rs", "use std::env::{temp_dir, var};", &["1: env::var"]);
    says(environment, "src/config.rs", "fn f() { std::env::var(\"X\") }", &[]);
    let found = environment(&Source::new("src/web.rs", "fn f() { std::env::var(\"X\") }"));
    assert_eq!(sift(found.clone(), &[except("src/web.rs", "env::var", "")], "environment"), []);
    assert_eq!(sift(found, &[except("src/other.rs", "env::var", "")], "environment").len(), 2, "neither excepted nor needed");
}

#[test]
fn a_look_at_the_clock_is_seen() {
    says(clock, "src/engine/a.rs", "let now = chrono::Utc::now();", &["1: Utc::now"]);
    says(clock, "src/engine/a.rs", "let now = SystemTime::now(); let began = Instant::now();", &["1: SystemTime::now"]);
    says(clock, "src/adapters/clock.rs", "Utc::now()", &[]);
}

#[test]
fn what_is_not_proven_is_seen() {
    let rule = unproven;
    says(rule, "src/a.rs", "x.unwrap()", &["1: `unwrap` outside a test"]);
    says(rule, "src/a.rs", "x.unwrap_or(1); unwrap(x); // x.unwrap()\n\"x.unwrap()\"", &[]);
    says(rule, "src/a.rs", "#[cfg(test)]\nmod tests { fn f() { x.unwrap() } }", &[]);
    says(rule, "src/a.rs", "x.expect(\"some\")", &["1: `expect` without a sentence that proves it"]);
    says(rule, "src/a.rs", "x\n  .expect(\n    \"\")", &["2: `expect` without a sentence that proves it"]);
    says(rule, "src/a.rs", "x.expect(&message)", &["1: `expect` without a sentence that proves it"]);
    says(rule, "src/a.rs", "x.expect(\"constant pattern\"); parser.expect(b')'); parser.expect(\"]\")?;", &[]);
}

#[test]
fn leftovers_are_seen() {
    says(leftovers, "src/web.rs", "todo!(); dbg!(x); println!(); \"todo!()\"", &["1: todo!", "1: dbg!", "1: println!"]);
    says(leftovers, "src/cli/fix.rs", "println!(); unimplemented!()", &["1: unimplemented!"]);
}

#[test]
fn unexplained_unsafety_is_seen() {
    says(unsafety, "src/web.rs", "// SAFETY: none\nunsafe { f() }", &["2: unsafe outside the sandbox's edge"]);
    says(unsafety, "src/adapters/sandbox/a.rs", "unsafe { f() }", &["1: unsafe without a SAFETY comment"]);
    says(unsafety, "src/adapters/sandbox/a.rs", "// SAFETY: it holds.\nunsafe { f() } // unsafe", &[]);
}

#[test]
fn an_outgrown_file_is_seen() {
    let long = "fn f() {}\n".repeat(SPLIT + 1);
    says(size, "src/a.rs", &long, &[&format!("{}: more than {SPLIT} lines without tests", SPLIT + 1)]);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
    says(size, "src/a.rs", &tests, &[]);
}

#[test]
fn foreign_words_and_undeclared_files_are_seen() {
    assert_eq!(foreign("a.md", &format!("a\nsee {}/x", concat!("/wo", "rk/shared"))).len(), 1);
    assert_eq!(foreign("a.md", "shared work"), []);
    let names = ["main", "git", "github"].map(str::to_owned);
    assert_eq!(undeclared("mod git;\n// mod github;\n", &names), ["github"]);
}

#[test]
fn dangling_names_are_seen() {
    let there = |path: &str| (path == "src/a.rs").then(|| "fn it_holds() {}".to_owned());
    let text = "`src/a.rs` `src/a.rs::it_holds` `src/a.rs::tests::it_holds` `src/b.rs` `src/a.rs::it_breaks` `cargo test` src/c.rs";
    assert_eq!(dangling(text, &there), ["src/b.rs", "src/a.rs::it_breaks"]);
}
