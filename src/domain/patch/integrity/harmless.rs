//! The short list of changes to existing tests that are known to be harmless: layout and comments, whole new tests, added assertions, added
//! rows of a table of cases, imports that bind the same, an argument for a call whose declaration production code changed, and names that
//! production code changed too. Decided on syntax trees. All else asks.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use regex::Regex;

use super::counterpart::{Production, words};
use super::effects;
use super::imports::{self, Binding};
use super::tests_found::{Source, assertion_pattern, pattern};
use crate::domain::source::lexer::Language;
use crate::domain::source::parse::{Node, Parsed, parse};
use crate::domain::source::syntax::Syntax;

/// What a look at a file gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// On the short list.
    Harmless,
    /// Not on it: the 1-based line where that was seen first, and why.
    Asks(usize, &'static str),
    /// Nobody knows.
    NotUnderstood(&'static str),
}

/// Words that reach beyond the test that says them: stubs, patches of modules, ends of the process.
pub(super) static FAR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:setattr|delattr|globals|__dict__|__builtins__|builtins|sys\s*\.\s*modules|defineProperty|defineProperties|exec|eval|_exit|atexit|ctypes|addaudithook|settrace|setprofile|excepthook|setPrototypeOf|__proto__|instance_eval|class_eval|module_eval|define_method|define_singleton_method|instance_variable_set|const_set|remove_method|undef_method|alias_method|refine|prepend|at_exit|exit!|runkit\w*|uopz\w*|register_shutdown_function|set_error_handler|set_exception_handler|class_alias|pcntl\w*|set_hook|take_hook|linkname|monkey|gomonkey|setAccessible|halt|GITHUB_ENV)\b|\b(?:process|sys|os|System|Environment|Runtime|std::process|syscall)\s*(?:\.|::)\s*(?:exit|Exit|kill|abort|reallyExit)\b|\bexit\s*\(|\bquit\s*\(|\b(?:jest|vi)\s*\.\s*(?:mock|doMock|setMock|unstable_mockModule|stubGlobal)\b|\bdef\s+(?:__eq__|__bool__|__exit__)|\bautouse\b|\bunsafe\b|\bextern\b|\bvars\s*\(|\.\s*__\w+__\s*\(|\bObject\s*\.\s*assign\s*\(\s*[^{\s]|\bReflect\s*\.\s*(?:set|deleteProperty|setPrototypeOf)\b|\b(?:sinon|sandbox)\s*\.\s*(?:stub|replace\w*)\s*\(\s*\w|\bpatch(?:\s*\.\s*\w+)?\s*\([^;]*?\)\s*\.\s*start\s*\(|\bpatcher\w*\s*\.\s*start\s*\(|\bimportlib\s*\.\s*reload\b|\bpath\s*\.\s*(?:insert|append)\s*\(|\brequire\s*\.\s*cache\b|\bglobal_allocator\b|\bpanic_handler\b|\bctor\b|\bno_mangle\b|\bexport_name\b|\bmacro_export\b|\bmockkStatic\b|\bmockStatic\b|\bDynamicProxy\b|\bHarmony\b",
    )
});
/// Words of stubs: fine in a test of their own, not among the statements of an existing one.
pub(super) static STUBS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)patch|mock|stub|\bspy|fake|monkey|inject|swizzle|override|\bwhenever\b|\bgiven\b|\bevery\s*\{|\ballow\b|replace|skip|\bpending\b|\btodo\b|\bxfail|\breturn_value|side_effect|delete|\bassume|\bfail_?now\b|\bpop\b|\bclear\b|\bset_?up",
    )
});
static TEST_MARK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"@(?:\w+\.)*(?:Test|ParameterizedTest|RepeatedTest|Property)\b|\[\s*(?:\w+\.)*(?:Fact|Theory|Test|TestMethod|TestCase|DataTestMethod)\b|#\[\s*(?:\w+::)*(?:test|rstest|test_case|quickcheck|wasm_bindgen_test|Test)\b|@test\b",
    )
});
static PRIVATE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:\s*@\w+(?:\([^)]*\))?\s*)*(?:public\s+|protected\s+|internal\s+)?(?:private|static)\b"));
/// Attributes and decorators that do more than name a test.
static ATTRIBUTE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"@Override|\boverride\b|@(?:Before|After)\w*|@(?:Class)?Rule\b|@(?:Extend|Run)With|\[\s*(?:\w+\.)*(?:OneTime)?(?:SetUp|TearDown)|(?:Test|Class|Assembly)(?:Initialize|Cleanup)|ModuleInitializer|\bfixture\s*\([^)]*(?:autouse|name\s*=)|@(?:[\w.]*\.)?(?:hookimpl|hookspec|register|before|after|setup|teardown|atexit)\b",
    )
});
pub(super) static HEADS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:(?:RSpec\s*\.\s*)?(?:describe|context|feature|xdescribe)|it|test|specify|suite|scenario|example|should|given|When|then|expect|bench|shared_examples\w*|let)$|^(?:it|test|describe|suite|context|specify)\s*\.\s*(?:each|concurrent|sequential|describe|extend)\b|^\w+\s*\.\s*Run$",
    )
});
static ROWS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:parametrize|\.each|parameterized(?:\.expand)?|@(?:Csv|Value)Source|\bwith|\.values|listOf|params)$"));
static CASE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\W*(?:case|test_case|InlineData|TestCase|DataRow)\s*\("));
pub(super) static ASSERTING: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)assert|expect|should|require|verify|refute|must|check|raises|throws|^is_|^ok$|^is$"));

struct Judge<'a> {
    syntax: &'a Syntax,
    language: Language,
    old: &'a str,
    new: &'a str,
    /// All names of the old file.
    names: HashSet<&'a str>,
    hooks: Regex,
    production: &'a Production,
    first: Option<(usize, &'static str)>,
}

/// Where an inserted node would stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Among the declarations of a file or module.
    Module,
    /// Among those of a type.
    Type,
    /// Among the statements of a function.
    Statements,
    /// Among the arguments of a call whose declaration production code changed.
    Arguments,
    /// Among the rows of a table of cases.
    Rows,
    /// Anywhere else: nothing may come.
    Exact,
}

fn is_name(node: &Node) -> bool {
    node.children.is_empty()
        && node.named
        && (node.kind.contains("identifier") || matches!(node.kind, "name" | "constant" | "simple_symbol" | "instance_variable"))
}

fn names<'t>(node: &Node, text: &'t str) -> HashSet<&'t str> {
    node.leaves().into_iter().filter(|leaf| is_name(leaf)).map(|leaf| text.get(leaf.range.clone()).unwrap_or_default().trim_start_matches(':')).collect()
}

/// A whole new file of tests or for tests.
pub(super) fn new_file(node: &Node, syntax: &Syntax, new: &Source<'_>, production: &Production) -> Verdict {
    let mut judge = Judge::new(syntax, new.language, "", new.text, HashSet::new(), production);
    if judge.contained(node, false, true)
        && let Some(at) = effects::on_loading(node, new.language, syntax, new.text)
    {
        judge.no(at, "loading a new test file would do more than declare its tests");
    }
    judge.verdict(new)
}

/// A file of tests before and after.
pub(super) fn changed(was: &Node, is: &Node, syntax: &Syntax, old: &Source<'_>, new: &Source<'_>, production: &Production) -> Verdict {
    if was.hash == is.hash {
        return Verdict::Harmless;
    }
    changed_parts(std::slice::from_ref(was), std::slice::from_ref(is), syntax, old, new, production)
}

/// The parts of a file that are tests, before and after.
pub(super) fn changed_parts(was: &[Node], is: &[Node], syntax: &Syntax, old: &Source<'_>, new: &Source<'_>, production: &Production) -> Verdict {
    if was.iter().map(|node| node.hash).eq(is.iter().map(|node| node.hash)) {
        return Verdict::Harmless;
    }
    let known = was.iter().flat_map(|node| names(node, old.text)).collect();
    let mut judge = Judge::new(syntax, new.language, old.text, new.text, known, production);
    if judge.bodies(&was.iter().collect::<Vec<_>>(), &is.iter().collect::<Vec<_>>(), Place::Module, &HashSet::new(), "") {
        return Verdict::Harmless;
    }
    let verdict = judge.verdict(new);
    // Names that production code changed too: rename them in the old text, and look again.
    if let Some(renamed) = renamed(was, is, old, new, production)
        && let Parsed::Understood(node, syntax) = parse(old.path, &renamed)
        && was.len() == 1
    {
        let source = Source::new(old.path, &renamed);
        return if node.hash == is.first().map_or(0, |node| node.hash) {
            Verdict::Harmless
        } else {
            changed_again(&node, is, syntax, &source, new, production, verdict)
        };
    }
    if verdict == Verdict::Harmless { Verdict::Asks(1, "an existing test changes") } else { verdict }
}

fn changed_again(was: &Node, is: &[Node], syntax: &Syntax, old: &Source<'_>, new: &Source<'_>, production: &Production, verdict: Verdict) -> Verdict {
    let mut judge = Judge::new(syntax, new.language, old.text, new.text, names(was, old.text), production);
    if judge.bodies(&[was], &is.iter().collect::<Vec<_>>(), Place::Module, &HashSet::new(), "") { Verdict::Harmless } else { verdict }
}

/// The old text with the names that production code renamed, where the pairing is one to one.
fn renamed(was: &[Node], is: &[Node], old: &Source<'_>, new: &Source<'_>, production: &Production) -> Option<String> {
    let before: Vec<&Node> = was.iter().flat_map(|node| node.leaves()).collect();
    let after: Vec<&Node> = is.iter().flat_map(|node| node.leaves()).collect();
    let known: HashSet<&str> = before.iter().map(|leaf| leaf.text(old.text)).collect();
    let mut pairs: BTreeMap<&str, &str> = BTreeMap::new();
    // Names in order, those that stay taken out: the gone and the come must pair off in the same order.
    let gone = |leaf: &&&Node| is_name(leaf) && production.gone.contains(leaf.text(old.text));
    let came = |leaf: &&&Node| is_name(leaf) && production.came.contains(leaf.text(new.text)) && !known.contains(leaf.text(new.text));
    let (left, right): (Vec<_>, Vec<_>) = (before.iter().filter(gone).collect(), after.iter().filter(came).collect());
    if left.is_empty() || left.len() != right.len() {
        return None;
    }
    for (a, b) in left.iter().zip(&right) {
        let (a, b) = (a.text(old.text), b.text(new.text));
        if ASSERTING.is_match(a) || ASSERTING.is_match(b) || *pairs.entry(a).or_insert(b) != b {
            return None;
        }
    }
    let targets: HashSet<&&str> = pairs.values().collect();
    if targets.len() != pairs.len() {
        return None;
    }
    let mut text = String::with_capacity(old.text.len());
    let mut at = 0;
    for leaf in before.iter().filter(|leaf| is_name(leaf)) {
        if let (Some(name), Some(between)) = (pairs.get(leaf.text(old.text)), old.text.get(at..leaf.range.start)) {
            text.push_str(between);
            text.push_str(name);
            at = leaf.range.end;
        }
    }
    text.push_str(old.text.get(at..)?);
    Some(text)
}

impl<'a> Judge<'a> {
    fn new(syntax: &'a Syntax, language: Language, old: &'a str, new: &'a str, names: HashSet<&'a str>, production: &'a Production) -> Self {
        Self { syntax, language, old, new, names, hooks: pattern(&format!("^(?:{})$", syntax.hooks)), production, first: None }
    }

    fn verdict(&self, new: &Source<'_>) -> Verdict {
        self.first.map_or(Verdict::Harmless, |(at, message)| Verdict::Asks(new.line(at), message))
    }

    fn no(&mut self, at: usize, message: &'static str) -> bool {
        if self.first.is_none() {
            self.first = Some((at, message));
        }
        false
    }

    /// Whether a list of nodes became another by harmless changes only.
    fn bodies(&mut self, was: &[&'a Node], is: &[&'a Node], place: Place, scope: &HashSet<&'a str>, callee: &str) -> bool {
        let (mut was, mut is) = (was.to_vec(), is.to_vec());
        if matches!(place, Place::Module | Place::Type) && !self.imports(&mut was, &mut is) {
            return false;
        }
        let same = was.iter().zip(&is).take_while(|(a, b)| a.hash == b.hash).count();
        let (was, is) = (&was[same..], &is[same..]);
        let tail = was.iter().rev().zip(is.iter().rev()).take_while(|(a, b)| a.hash == b.hash).count();
        let (was, is) = (&was[..was.len() - tail], &is[..is.len() - tail]);
        let at = is.first().map_or(0, |node| node.range.start);
        // Aligning takes the product of the lengths at most.
        if was.len().saturating_mul(is.len()) > 4_000_000 {
            return self.no(at, "a test file changes too much to be compared");
        }
        let hashes = |nodes: &[&Node]| nodes.iter().map(|node| node.hash).collect::<Vec<_>>();
        let (old, new) = (hashes(was), hashes(is));
        for op in similar::capture_diff_slices(similar::Algorithm::Myers, &old, &new) {
            let (_, a, b) = op.as_tag_tuple();
            let (a, b) = (&was[a], &is[b]);
            if a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.hash == b.hash) {
                continue;
            }
            if !self.gap(a, b, place, scope, callee) {
                let at = b.first().map_or(at, |node| node.range.start);
                return self.no(at, "an existing test, or what it uses, changes otherwise than by additions that are known to be harmless");
            }
        }
        true
    }

    /// One stretch of old nodes in whose place new ones stand.
    fn gap(&mut self, was: &[&'a Node], is: &[&'a Node], place: Place, scope: &HashSet<&'a str>, callee: &str) -> bool {
        let mut next = 0;
        for old in was {
            // The old node's successor is the first of its kind and head.
            let found = (next..is.len()).find(|at| is[*at].kind == old.kind && self.head(old, self.old) == self.head(is[*at], self.new));
            let Some(found) = found else { return false };
            if !is[next..found].iter().all(|node| self.may_come(node, place, scope)) || !self.descend(old, is[found], place, scope, callee) {
                return false;
            }
            next = found + 1;
        }
        is[next..].iter().all(|node| self.may_come(node, place, scope))
    }

    /// What a declaration or a call is told by.
    fn head(&self, node: &'a Node, text: &'a str) -> String {
        let inner = self.unwrapped(node);
        if let Some(name) = declared(inner, text) {
            return name.to_owned();
        }
        let call = if inner.children.len() <= 2 && !self.syntax.calls.contains(&inner.kind) { inner.children.first().unwrap_or(inner) } else { inner };
        if !self.syntax.calls.contains(&call.kind) || !self.is_head(call, text) {
            return String::new();
        }
        let title = call.field("arguments").and_then(|arguments| arguments.children.iter().find(|child| child.named)).map_or("", |first| first.text(text));
        format!("{} {title}", callee_of(call, text))
    }

    fn is_head(&self, call: &Node, text: &str) -> bool {
        HEADS.is_match(callee_of(call, text).trim())
    }

    fn unwrapped<'n>(&self, node: &'n Node) -> &'n Node {
        let mut node = node;
        while self.syntax.wrappers.contains(&node.kind) || node.kind == "attributed" {
            let inner = node.field("definition").or_else(|| node.children.iter().rev().find(|child| child.named));
            match inner {
                Some(inner) => node = inner,
                None => break,
            }
        }
        node
    }

    /// One node that became another.
    fn descend(&mut self, was: &'a Node, is: &'a Node, place: Place, scope: &HashSet<&'a str>, callee: &str) -> bool {
        if was.hash == is.hash {
            return true;
        }
        if was.kind != is.kind || was.children.is_empty() || is.children.is_empty() || self.syntax.opaque.contains(&was.kind) {
            return false;
        }
        let kind = was.kind;
        let own;
        let mut scope = scope;
        if self.syntax.functions.contains(&kind) || self.syntax.closures.contains(&kind) {
            own = names(was, self.old);
            scope = &own;
        }
        let mut called = callee.to_owned();
        let inside = if self.syntax.calls.contains(&kind) || kind.contains("annotation") || kind == "decorator" {
            called = callee_of(was, self.old).to_owned();
            Place::Exact
        } else if self.syntax.declarations.contains(&kind) {
            if matches!(kind, "class_body" | "declaration_list" | "interface_body" | "enum_class_body") && place == Place::Type {
                Place::Type
            } else {
                Place::Module
            }
        } else if self.syntax.blocks.contains(&kind) {
            if scope.is_empty() || (self.described(callee) && !self.inside_test(callee)) { place_of_block(place) } else { Place::Statements }
        } else if self.syntax.arguments.contains(&kind) {
            let last = words(callee).last().unwrap_or_default();
            if self.production.signatures.contains(last) && !ASSERTING.is_match(callee) && !HEADS.is_match(callee) { Place::Arguments } else { Place::Exact }
        } else if self.syntax.types.contains(&kind) {
            Place::Type
        } else if self.is_rows(was, callee) {
            Place::Rows
        } else if place == Place::Rows || (self.syntax.functions.contains(&kind) || kind == "attributed") {
            // Attributes with one case each stand among the parts of a function.
            if kind == "attributed" || self.syntax.functions.contains(&kind) { Place::Exact } else { place }
        } else if matches!(place, Place::Type) && !self.syntax.functions.contains(&kind) {
            Place::Type
        } else {
            Place::Exact
        };
        let was: Vec<&Node> = was.children.iter().collect();
        let is: Vec<&Node> = is.children.iter().collect();
        self.bodies(&was, &is, inside, scope, &called)
    }

    fn described(&self, callee: &str) -> bool {
        let last = callee.trim();
        HEADS.is_match(last)
    }

    fn inside_test(&self, callee: &str) -> bool {
        static GROUP: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^(?:RSpec\s*\.\s*)?(?:describe|context|suite|feature|shared_examples\w*|given|when)\b"));
        !GROUP.is_match(callee.trim())
    }

    fn is_rows(&self, node: &Node, callee: &str) -> bool {
        let list = matches!(
            node.kind,
            "list" | "tuple" | "array" | "array_expression" | "element_value_array_initializer" | "array_creation_expression" | "collection_expression"
        );
        if list {
            return ROWS.is_match(callee.trim());
        }
        // Go: `[]struct{…}{ {…}, {…} }`.
        node.kind == "composite_literal"
            && (self.language == Language::Go)
            && node.field("type").is_some_and(|kind| {
                let text = kind.text(self.old);
                text.starts_with("[]struct") || text.starts_with("map[string]struct")
            })
    }

    /// Whether a node may come where none was.
    fn may_come(&mut self, node: &'a Node, place: Place, scope: &HashSet<&'a str>) -> bool {
        let text = node.text(self.new);
        if !node.named {
            return matches!((place, text), (Place::Module | Place::Type | Place::Statements, ";") | (Place::Arguments | Place::Rows, ","));
        }
        if CASE.is_match(text) && (node.kind.contains("attribute") || node.kind.contains("annotation")) {
            return !STUBS.is_match(text) && !text.to_ascii_lowercase().contains("ignore");
        }
        match place {
            Place::Exact => false,
            Place::Arguments => !self.syntax.closures.contains(&node.kind) && !STUBS.is_match(text) && self.contained(node, true, false),
            Place::Rows => !node.kind.contains("spread") && !node.kind.contains("splat") && self.contained(node, false, false),
            Place::Module | Place::Type => self.declares(node, place),
            Place::Statements => self.states(node, scope),
        }
    }

    /// A declaration, or a test, that may come among others.
    fn declares(&mut self, node: &'a Node, place: Place) -> bool {
        let inner = self.unwrapped(node);
        let text = node.text(self.new);
        let head_end = inner.field("body").map_or(inner.range.end, |body| body.range.start);
        let head = self.new.get(node.range.start..head_end).unwrap_or_default();
        if ATTRIBUTE.is_match(head) {
            return false;
        }
        let fresh = |judge: &Self, name: &str| !name.is_empty() && !judge.names.contains(name) && !judge.hooks.is_match(name);
        if self.syntax.functions.contains(&inner.kind) {
            let Some(name) = declared(inner, self.new) else { return false };
            let bare: &str = words(name).next().unwrap_or(name);
            let is_test = name.to_ascii_lowercase().starts_with("test") || TEST_MARK.is_match(head) || name.contains('(');
            // A method in an existing type may stand in for an inherited one, unless it is a test or private.
            let allowed = place != Place::Type || is_test || PRIVATE.is_match(head);
            // Go: a method belongs to a type that must be new.
            let receiver =
                inner.field("receiver").is_none_or(|receiver| names(receiver, self.new).iter().all(|name| !self.names.contains(name) || name.len() <= 2));
            return allowed
                && receiver
                && (fresh(self, name) && (name.contains('(') || fresh(self, bare)))
                && self.contained(node, false, false)
                && self.loads(node);
        }
        if self.syntax.types.contains(&inner.kind) || matches!(inner.kind, "mod_item" | "namespace_definition" | "internal_module") {
            let Some(name) = declared(inner, self.new) else { return false };
            return fresh(self, name) && !self.takes_over(inner) && self.contained(node, false, false) && self.loads(node);
        }
        if inner.kind == "impl_item" {
            return inner.field("type").is_some_and(|kind| names(kind, self.new).iter().all(|name| !self.names.contains(name)))
                && self.contained(node, false, false);
        }
        if self.syntax.variables.contains(&inner.kind) && inner.kind != "let_declaration" {
            let bound = bound(inner, self.new);
            return !bound.is_empty()
                && bound.iter().all(|name| fresh(self, name))
                && !STUBS.is_match(text)
                && self.contained(node, false, false)
                && self.loads(node);
        }
        // Python and Ruby declare by assigning.
        let assigned = if self.syntax.assignments.contains(&inner.kind) {
            Some(inner)
        } else {
            inner.children.first().filter(|child| inner.children.len() == 1 && child.kind == "assignment")
        };
        if let Some(left) = assigned.and_then(|assigned| assigned.field("left")) {
            let plain = is_name(left) && left.kind != "instance_variable";
            let rest = assigned.map_or(&[][..], |assigned| &assigned.children[1..]);
            return plain
                && fresh(self, left.text(self.new))
                && !STUBS.is_match(text)
                && rest.iter().all(|part| self.contained(part, true, false))
                && self.loads(node);
        }
        self.is_test_call(inner) && self.loads(node)
    }

    /// Loading it does no more than declare.
    fn loads(&mut self, node: &'a Node) -> bool {
        match effects::on_loading(node, self.language, self.syntax, self.new) {
            Some(at) => self.no(at, "loading the new test code would do more than declare tests"),
            None => true,
        }
    }

    /// Whether a new type opens one that is there already (`module RSpec::Matchers`), or has members by the names of assertions, or by those
    /// that the file calls: extension methods and refinements take the place of what tests call.
    fn takes_over(&self, node: &Node) -> bool {
        let head = node.field("name").map(|name| name.text(self.new)).unwrap_or_default();
        if head.contains("::") && self.language == Language::Ruby {
            return true;
        }
        if TEST_MARK.is_match(node.text(self.new)) {
            return false;
        }
        let mut taken = false;
        node.walk(&mut |part| {
            if self.syntax.functions.contains(&part.kind)
                && let Some(name) = declared(part, self.new)
                && !name.to_ascii_lowercase().starts_with("test")
            {
                taken |= ASSERTING.is_match(name) || self.names.contains(name);
            }
            !taken
        });
        taken && matches!(self.language, Language::CSharp | Language::Ruby | Language::Kotlin | Language::Rust | Language::Python | Language::Php)
    }

    fn is_test_call(&mut self, node: &'a Node) -> bool {
        let call = if self.syntax.calls.contains(&node.kind) { node } else { node.children.iter().find(|child| child.named).unwrap_or(node) };
        if !self.syntax.calls.contains(&call.kind) || !self.is_head(call, self.new) {
            return false;
        }
        if callee_of(call, self.new).trim() == "let" {
            let symbol = call.field("arguments").map(|arguments| names(arguments, self.new)).unwrap_or_default();
            if symbol.is_empty() || symbol.iter().any(|name| self.names.contains(name)) {
                return false;
            }
        }
        self.contained(node, false, false)
    }

    /// A statement that may come among those of an existing test.
    fn states(&mut self, node: &'a Node, scope: &HashSet<&'a str>) -> bool {
        let text = node.text(self.new);
        if self.is_test_call(node) {
            return true;
        }
        if STUBS.is_match(text) {
            return false;
        }
        if let Some(at) = effects::among_statements(node, self.language, self.syntax, self.new, &self.names, &self.production.declared) {
            return self.no(at, "a statement that comes to an existing test calls what is not known to change nothing");
        }
        let inner = if node.children.len() <= 2 && self.syntax.expressions.contains(&node.kind) { node.children.first().unwrap_or(node) } else { node };
        let start = text.trim_start().trim_start_matches("await").trim_start();
        let asserts = assertion_pattern(self.language).and_then(|regex| regex.find(start)).is_some_and(|hit| {
            let before = &start[..hit.start()];
            before.len() < 80 && before.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '-' | '>' | ':' | ' ' | '(' | '&'))
        });
        if self.syntax.assertions.contains(&inner.kind) {
            return self.contained(node, true, false);
        }
        if asserts && (self.syntax.expressions.contains(&node.kind) || self.syntax.calls.contains(&node.kind) || inner.kind.contains("await")) {
            return !self.syntax.assignments.contains(&inner.kind) && !self.syntax.flow.contains(&inner.kind) && self.contained(node, true, false);
        }
        // Go reports from under a condition; nothing else may stand there.
        if self.language == Language::Go && node.kind == "if_statement" {
            static REPORT: LazyLock<Regex> = LazyLock::new(|| pattern(r"^if\s[^{}]*\{\s*[tbf]\.(?:Error|Fatal)f?\([^{};\n]*\)\s*\}$"));
            return REPORT.is_match(text);
        }
        // A new local name.
        let bound = bound(inner, self.new);
        let declares = self.syntax.variables.contains(&node.kind) || inner.kind == "assignment";
        let parts: &'a [Node] = if inner.kind == "assignment" { inner.children.get(1..).unwrap_or_default() } else { std::slice::from_ref(node) };
        declares
            && !bound.is_empty()
            && bound.iter().all(|name| !scope.contains(name) && !self.names.contains(name))
            && parts.iter().all(|part| self.contained(part, true, false))
    }

    /// Nothing in it reaches beyond it. `strict`: no assignments and no ways out either.
    fn contained(&mut self, node: &'a Node, strict: bool, file: bool) -> bool {
        let local = bound(node, self.new);
        let text = node.text(self.new);
        if FAR.is_match(text) && self.far_in_code(node) {
            return self.no(node.range.start, "new test code reaches beyond its own tests");
        }
        let aliases = if effects::is_open(self.language) { effects::borrowed(node, self.language, self.syntax, self.new) } else { HashSet::new() };
        let owned: HashSet<&str> = local.difference(&aliases).copied().collect();
        self.inside(node, strict, file, &local, &owned)
    }

    /// [`FAR`] again, without strings.
    fn far_in_code(&self, node: &Node) -> bool {
        let code: String = node
            .leaves()
            .into_iter()
            .filter(|leaf| !leaf.kind.contains("string") && !leaf.kind.contains("comment") && !leaf.kind.contains("heredoc"))
            .map(|leaf| leaf.text(self.new))
            .fold(String::new(), |mut code, part| {
                if code.ends_with(|c: char| c.is_alphanumeric() || c == '_') && part.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
                    code.push(' ');
                }
                code.push_str(part);
                code
            });
        FAR.is_match(&code)
    }

    fn inside(&mut self, node: &'a Node, strict: bool, file: bool, local: &HashSet<&'a str>, owned: &HashSet<&'a str>) -> bool {
        let kind = node.kind;
        if self.syntax.opaque.contains(&kind)
            && !(file && (kind.starts_with("preproc") || kind == "text" || kind == "declare_statement" || kind == "use_declaration"))
        {
            return self.no(node.range.start, "new test code defines what a look at it can't judge");
        }
        if strict && self.syntax.flow.contains(&kind) {
            return self.no(node.range.start, "new code in an existing test could leave it");
        }
        let strict = strict && !self.syntax.closures.contains(&kind);
        if self.syntax.assignments.contains(&kind) {
            let target = node.field("left").or_else(|| node.children.iter().find(|child| child.named)).unwrap_or(node);
            if strict || !self.own(target, if is_name(target) { local } else { owned }) {
                return self.no(node.range.start, "new test code changes what is not its own");
            }
        }
        if file && self.syntax.functions.contains(&kind) {
            static RUNS: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:pytest_\w+|load_tests|TestMain)$"));
            if declared(node, self.new).is_some_and(|name| RUNS.is_match(name)) || (self.language == Language::Go && declared(node, self.new) == Some("init")) {
                return self.no(node.range.start, "a new test file has a hook of its runner");
            }
        }
        node.children.iter().all(|child| self.inside(child, strict, file, local, owned))
    }

    /// Whether what is assigned to belongs to the new code.
    fn own(&self, target: &Node, local: &HashSet<&str>) -> bool {
        if is_name(target) {
            // Bound in the new code, or a field of the test's own object where the language writes no `self`.
            let implicit = matches!(
                self.language,
                Language::C | Language::Java | Language::Kotlin | Language::CSharp | Language::Python | Language::Ruby | Language::Php | Language::Rust
            );
            let global = target.kind == "constant" && !local.contains(target.text(self.new));
            return (implicit && !global) || local.contains(target.text(self.new));
        }
        let leaves = target.leaves();
        let text = target.text(self.new);
        if text.starts_with("self") || text.starts_with("this") || text.starts_with("$this") || text.starts_with('@') || text.starts_with('*') {
            return true;
        }
        // Several at once: each must be.
        if matches!(
            target.kind,
            "pattern_list" | "tuple_pattern" | "expression_list" | "left_assignment_list" | "array_pattern" | "object_pattern" | "list_literal"
        ) {
            return target.children.iter().filter(|child| child.named).all(|child| self.own(child, local));
        }
        leaves.into_iter().find(|leaf| is_name(leaf)).is_some_and(|root| local.contains(root.text(self.new)))
    }

    /// Take the imports out of both lists and compare what they bind.
    fn imports(&mut self, was: &mut Vec<&'a Node>, is: &mut Vec<&'a Node>) -> bool {
        let requires = |node: &Node, text: &str| {
            self.syntax.imports.contains(&node.kind)
                || (self.language == Language::Ruby && node.kind == "call" && matches!(callee_of(node, text).trim(), "require" | "require_relative"))
        };
        let take = |nodes: &mut Vec<&'a Node>, text: &'a str| -> Vec<Binding> {
            let taken: Vec<Binding> =
                nodes.iter().filter(|node| requires(node, text)).flat_map(|node| imports::bindings(self.language, node.text(text))).collect();
            nodes.retain(|node| !requires(node, text));
            taken
        };
        let (mut old, mut new) = (take(was, self.old), take(is, self.new));
        old.retain(|binding| {
            let same = new.iter().position(|other| other == binding);
            same.map(|at| new.swap_remove(at)).is_none()
        });
        if old.is_empty() && new.is_empty() {
            return true;
        }
        let rest: HashSet<&str> = is.iter().flat_map(|node| names(node, self.new)).collect();
        // An import that nobody needs any more may go; one that moved with production code may move.
        for gone in &old {
            let unused = !gone.name.is_empty() && gone.name != "*" && !rest.contains(gone.name.as_str());
            let moved = new.iter().any(|came| came.name == gone.name && self.moved(&gone.from, &came.from));
            if !unused && !moved {
                return self.no(0, "an import of a test file goes or changes");
            }
        }
        for came in &new {
            let moved = old.iter().any(|gone| came.name == gone.name && self.moved(&gone.from, &came.from));
            let own = words(&came.from).any(|word| self.production.stems.contains(&word.to_ascii_lowercase()));
            let fresh = if came.name.is_empty() || came.name == "*" {
                !own && !matches!(self.language, Language::JavaScript | Language::Python)
            } else {
                !self.names.contains(came.name.as_str())
            };
            if !moved && !fresh {
                return self.no(0, "an import of a test file comes that may stand in for what was there");
            }
        }
        true
    }

    /// Production code moved from one place to the other.
    fn moved(&self, from: &str, to: &str) -> bool {
        let only = |a: &str, b: &str| -> Vec<String> { words(a).filter(|word| !words(b).any(|other| other == *word)).map(str::to_ascii_lowercase).collect() };
        let (left, right) = (only(from, to), only(to, from));
        !left.is_empty()
            && !right.is_empty()
            && left.iter().all(|word| self.production.stems.contains(word))
            && right.iter().all(|word| self.production.stems.contains(word))
    }
}

fn place_of_block(place: Place) -> Place {
    if place == Place::Type { Place::Type } else { Place::Module }
}

/// The name that a declaration declares. Of `TEST(Suite, Name)` it is the whole head.
pub(super) fn declared<'t>(node: &Node, text: &'t str) -> Option<&'t str> {
    if let Some(name) = node.field("name") {
        return text.get(name.range.clone());
    }
    let declarator = node.field("declarator")?;
    let own = text.get(declarator.range.clone())?;
    if own.starts_with(|c: char| c.is_ascii_uppercase()) && own.contains('(') && words(own).next().is_some_and(|word| word.to_ascii_uppercase() == word) {
        return Some(own);
    }
    let mut found = None;
    declarator.walk(&mut |inner| {
        if found.is_none() && is_name(inner) {
            found = text.get(inner.range.clone());
        }
        found.is_none() && !inner.kind.contains("parameter")
    });
    found
}

pub(super) fn callee_of<'t>(node: &Node, text: &'t str) -> &'t str {
    let end = node.field("arguments").or_else(|| node.field("block")).map_or(node.range.end, |arguments| arguments.range.start);
    let head = text.get(node.range.start..end).unwrap_or_default();
    let head = head.trim_start_matches(['@', '[', '#']).trim();
    // `it.each([…])('name', …)`, and a call inside of a decorator.
    head.split(['(', '`', '{']).next().unwrap_or(head).trim()
}

/// The names that a piece of code binds: variables, parameters, loops.
fn bound<'t>(node: &Node, text: &'t str) -> HashSet<&'t str> {
    let mut names = HashSet::new();
    node.walk(&mut |inner| {
        let binds = inner.kind.contains("declarator")
            || inner.kind.contains("parameter")
            || inner.kind.contains("declaration")
            || matches!(
                inner.kind,
                "let_declaration"
                    | "assignment"
                    | "as_pattern_target"
                    | "for_statement"
                    | "for_in_clause"
                    | "range_clause"
                    | "var_spec"
                    | "const_spec"
                    | "const_item"
                    | "static_item"
                    | "assignment_expression"
                    | "foreach_statement"
                    | "variable_declaration"
                    | "catch_clause"
                    | "with_item"
                    | "const_element"
                    | "property_element"
                    | "for_in_statement"
                    | "enhanced_for_statement"
                    | "resource"
                    | "lambda_literal"
                    | "arrow_function"
                    | "closure_expression"
                    | "as_pattern"
            );
        if binds {
            for child in &inner.children {
                let left = matches!(child.field, Some("left" | "name" | "pattern" | "declarator" | "alias"));
                if is_name(child)
                    && (left
                        || inner.kind.contains("parameter")
                        || inner.kind == "as_pattern_target"
                        || inner.kind == "variable_declaration"
                        || inner.kind.contains("declarator"))
                {
                    names.extend(text.get(child.range.clone()));
                } else if left
                    && matches!(
                        child.kind,
                        "expression_list" | "pattern_list" | "tuple_pattern" | "left_assignment_list" | "variable_name" | "object_pattern" | "array_pattern"
                    )
                {
                    names.extend(child.leaves().into_iter().filter(|leaf| is_name(leaf)).filter_map(|leaf| text.get(leaf.range.clone())));
                }
            }
        }
        true
    });
    names
}
