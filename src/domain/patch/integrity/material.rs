//! What in a change is material of tests, and whether what becomes of it is known to be harmless.
//!
//! The default is to ask: a change of a test, of its helpers, set-up or data passes only as one of the few kinds in
//! [`super::harmless`]. What cannot be parsed is asked about, and named.

use std::sync::LazyLock;

use regex::Regex;

use super::counterpart::Production;
use super::harmless::{self, Verdict};
use super::lines;
use super::tests_found::{Source, pattern};
use super::{Finding, Rule, Severity};
use crate::domain::patch::apply::FileChange;
use crate::domain::source::files::{Kind, is_lock_file, is_manifest, is_snapshot, is_test, kinds};
use crate::domain::source::lexer::{Language, mask};
use crate::domain::source::parse::{Node, Parsed, parse};

/// What a file is for the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Material {
    /// A runner collects it.
    Test,
    /// Code that tests share.
    Support,
    /// What tests read or compare with.
    Data,
}

static FOLDER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:(?:.*[-_.])?(?:e2e|specs?|fixtures?|goldens?|snapshots?|cassettes|baselines|corpus|corpora|fuzz(?:ing|ers?)?|__mocks__|mocks)|(?:.*[-_.a-z])?tests?(?:[-_.]?(?:ing|data|cases?|suites?|files?|utils?|lib|support|helpers?|fixtures?|resources|assets|programs|inputs?|outputs?|expected|vectors))?|testing|.*[a-z](?:Test|Tests))(?:[-_.].*)?$",
    )
});
static SUPPORT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:conftest|(?:spec|rails|tests?)[-_]?(?:helpers?|utils?|case|base|support|fixtures?|setup|kit|common|lib|runner)|setup[-_.]?tests?|(?:jest|vitest|mocha|karma|cypress|playwright|global)[-_.]?(?:setup|teardown)|run[-_]?tests?|sitecustomize|usercustomize)$",
    )
});
static EXPECTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:.*[-_.])?(?:expected|expectations?|golden|out|output|baseline|reference|approved|test[-_]?(?:data|cases?|vectors?))\.(?:txt|json|jsonl|csv|tsv|xml|ya?ml|html?|svg|out|bin|snap|log|stdout|stderr)$",
    )
});
/// Files that take the place of a runner or of what it loads, wherever they stand.
static SHADOW: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:^|/)(?:(?:_?pytest|py|unittest|nose2?|doctest|mock|hypothesis|site|sitecustomize|usercustomize|pluggy|tox|nox)(?:\.py|/__(?:init|main)__\.py)|conftest\.py|(?:gnu)?makefile|node_modules/.*|__mocks__/.*|(?:spec|rails|test)_helper\.(?:rb|exs)|\.rspec|(?:jest|vitest|mocha)[-_.]?setup\.\w+|setup[-_.]?tests?\.\w+|(?:minitest|rspec|test/unit)\.rb|testing/testing\.go|bootstrap\.php|build\.rs)$",
    )
});

/// A project of tests, by its name or its folder's.
static TESTING: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)(?:^|[/._-])(?:\w*[a-z])?(?:tests?|specs?)(?:[/._-]|$)"));
/// Words by which a build script speaks of tests.
static SPEAKS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)tests?\b|specs?\b|_(?:tests?|specs?)_|\bcheck\b|\bdefault\b|\bpytest|\bjest\b|\bvitest|\bmocha|\bverify\b"));

/// Lines of a build script that speak of tests and come or go: what is run as a test, or not any more, may change with them.
fn builds(old: &Source<'_>, new: &Source<'_>) -> Verdict {
    let speaking = |source: &Source<'_>| -> Vec<String> {
        source.masked.uncommented.lines().map(|line| line.trim().to_owned()).filter(|line| SPEAKS.is_match(line)).collect()
    };
    let (was, is) = (speaking(old), speaking(new));
    let lost = was.iter().any(|line| !is.contains(line));
    let came = new.masked.uncommented.lines().position(|line| SPEAKS.is_match(line) && !was.contains(&line.trim().to_owned()));
    match (lost, came) {
        (_, Some(at)) => Verdict::Asks(at + 1, "what a build script says of tests changes"),
        (true, None) => Verdict::Asks(1, "what a build script says of tests changes"),
        _ => Verdict::Harmless,
    }
}

/// What a path is for the tests, by its name.
pub(super) fn of(path: &str) -> Option<Material> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lower = name.to_ascii_lowercase();
    let (stem, extension) = lower.rsplit_once('.').unwrap_or((&lower, ""));
    if is_snapshot(path) {
        return Some(Material::Data);
    }
    if is_test(path) {
        return Some(Material::Test);
    }
    // A project file of tests says which tests are built and run, beside what they need.
    let project = matches!(extension, "csproj" | "fsproj" | "vbproj");
    if project && (TESTING.is_match(path)) {
        return Some(Material::Support);
    }
    if is_lock_file(&lower) || is_manifest(&lower) || stem.starts_with("readme") || project || matches!(extension, "props" | "targets") {
        return None;
    }
    let programming = super::is_source(Language::of(path)) || matches!(Language::of(path), Language::Shell);
    if SUPPORT.is_match(stem) && programming {
        return Some(Material::Support);
    }
    if path.split('/').rev().skip(1).any(|part| FOLDER.is_match(part)) {
        return Some(if programming { Material::Support } else { Material::Data });
    }
    EXPECTED.is_match(name).then_some(Material::Data)
}

/// Whether production code changes in more than layout and comments: then a test may go with what it tested.
pub(super) fn production_changes(changes: &[FileChange]) -> bool {
    changes.iter().any(|change| {
        let language = Language::of(&change.path);
        if of(&change.path).is_some() || !super::is_source(language) {
            return false;
        }
        let code = |content: &Option<crate::domain::patch::FileContent>| -> Vec<String> {
            let text = content.as_ref().and_then(|content| content.text()).unwrap_or_default();
            mask(language, text).uncommented.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
        };
        code(&change.before) != code(&change.after)
    })
}

/// Asks about all changes of test material that are not known to be harmless.
pub(super) fn check(changes: &[FileChange], before: &[Source<'_>], after: &[Source<'_>], findings: &mut Vec<Finding>, not_understood: &mut Vec<String>) {
    let production = Production::of(changes, |path| of(path).is_none());
    for change in changes {
        let path = change.path.as_str();
        let old = before.iter().find(|source| source.path == path);
        let new = after.iter().find(|source| source.path == path);
        let verdict = match (&change.before, &change.after) {
            (None, Some(_)) => fresh(path, new, &production),
            (Some(_), None) => of(path).map_or(Verdict::Harmless, |_| Verdict::Asks(1, "test material is deleted or moved")),
            (Some(was), Some(is)) if was.bytes == is.bytes => Verdict::Harmless,
            (Some(_), Some(_)) => match (old, new) {
                (Some(old), Some(new)) => changed(path, old, new, &production),
                _ => of(path).map_or(Verdict::Harmless, |_| Verdict::Asks(1, "data of tests changes")),
            },
            (None, None) => Verdict::Harmless,
        };
        let told = |findings: &[Finding]| findings.iter().any(|finding| finding.path == path);
        match verdict {
            Verdict::Harmless => {}
            Verdict::Asks(line, message) => {
                if !told(findings) {
                    let rule = match of(path) {
                        _ if change.before.is_none() => Rule::HookAdded,
                        Some(Material::Support | Material::Data) => Rule::TestSupportChanged,
                        _ => Rule::TestChanged,
                    };
                    findings.push(Finding::new(rule, Severity::NeedsApproval, path, line, message));
                }
            }
            Verdict::NotUnderstood(message) => {
                not_understood.push(path.to_owned());
                findings.push(Finding::new(Rule::NotUnderstood, Severity::NeedsApproval, path, 1, message));
            }
        }
    }
}

/// A file that comes new.
fn fresh(path: &str, new: Option<&Source<'_>>, production: &Production) -> Verdict {
    if SHADOW.is_match(path) {
        return Verdict::Asks(1, "a new file would be loaded by the runner, or in its place");
    }
    let Some(material) = of(path) else { return Verdict::Harmless };
    let Some(new) = new.filter(|_| material != Material::Data) else { return Verdict::Harmless };
    match parse(path, new.text) {
        Parsed::Understood(node, syntax) => harmless::new_file(&node, syntax, new, production),
        Parsed::NotUnderstood if !gaps(new.language) => Verdict::NotUnderstood("a new test file can't be parsed"),
        _ if new.masked.lost => Verdict::NotUnderstood("where strings and comments end in a new test file can't be told"),
        _ => lines::new_text(new),
    }
}

/// Grammars that can't know macros, or lag behind their language: there the lexer is heard too.
fn gaps(language: Language) -> bool {
    matches!(language, Language::C | Language::Kotlin)
}

fn changed(path: &str, old: &Source<'_>, new: &Source<'_>, production: &Production) -> Verdict {
    let material = of(path);
    if material == Some(Material::Data) {
        return Verdict::Asks(1, "data of tests changes");
    }
    let inline = material.is_none();
    if inline && new.language != Language::Rust && kinds(path).iter().any(|(kind, _)| *kind == Kind::BuildScript) {
        return builds(old, new);
    }
    if inline {
        let marked = |source: &Source<'_>| {
            !source.tests.is_empty()
                || source.masked.uncommented.contains("import.meta.vitest")
                || (source.language == Language::Rust && INLINE.is_match(&source.masked.code))
        };
        let examples = lines::examples(old, new);
        if !marked(old) && !marked(new) {
            return examples;
        }
        if examples != Verdict::Harmless {
            return examples;
        }
        if old.language == Language::Rust {
            return match (parse(path, old.text), parse(path, new.text)) {
                (Parsed::Understood(was, syntax), Parsed::Understood(is, _)) => {
                    let (mut a, mut b) = (Vec::new(), Vec::new());
                    inline_tests(was, old.text, &mut a);
                    inline_tests(is, new.text, &mut b);
                    harmless::changed_parts(&a, &b, syntax, old, new, production)
                }
                _ => Verdict::NotUnderstood("a file with tests in it can't be parsed"),
            };
        }
    }
    match (parse(path, old.text), parse(path, new.text)) {
        (Parsed::Understood(was, syntax), Parsed::Understood(is, _)) => harmless::changed(&was, &is, syntax, old, new, production),
        (Parsed::NotUnderstood, _) | (_, Parsed::NotUnderstood) if !gaps(old.language) => Verdict::NotUnderstood("a test file can't be parsed"),
        _ if old.masked.lost || new.masked.lost => Verdict::NotUnderstood("where strings and comments end in a test file can't be told"),
        _ => lines::changed_text(old, new),
    }
}

static INLINE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"#!?\[\s*cfg\s*\([^\]]*\btest\b|#\[\s*(?:\w+::)*(?:test|rstest|test_case|quickcheck|wasm_bindgen_test|bench)\b|\bproptest!"));
static NOT_TEST: LazyLock<Regex> = LazyLock::new(|| pattern(r"#\[\s*cfg\s*\(\s*not\s*\(\s*test\s*\)"));

/// The items of a production file that are built for tests only.
fn inline_tests(node: Node, text: &str, out: &mut Vec<Node>) {
    let whole = node.kind == "source_file" && node.children.iter().any(|child| child.kind == "inner_attribute_item" && INLINE.is_match(child.text(text)));
    let marked = node.kind == "attributed"
        && node.children.iter().any(|child| child.kind == "attribute_item" && INLINE.is_match(child.text(text)) && !NOT_TEST.is_match(child.text(text)));
    if whole || marked || (node.kind == "macro_invocation" && node.text(text).starts_with("proptest!")) {
        out.push(node);
    } else {
        for child in node.children {
            inline_tests(child, text, out);
        }
    }
}
