//! What new test code does beyond its own tests, in the languages where any code may put another thing in a name's place: Python, JavaScript,
//! Ruby, PHP.
//!
//! Two closed rules. What runs while a file is loaded may declare, import, build values and register tests; any other call asks. What comes among the statements
//! of an existing test may call only what that file called already, what production code declares, and what is known to change nothing.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::counterpart::words;
use super::harmless::{ASSERTING, HEADS, callee_of, declared};
use super::tests_found::pattern;
use crate::domain::source::lexer::Language;
use crate::domain::source::parse::Node;
use crate::domain::source::syntax::Syntax;

/// The languages that these rules are for. In the others a test can put nothing in a function's place without a library or reflection, and
/// those words ask wherever they stand.
pub(super) fn is_open(language: Language) -> bool {
    matches!(language, Language::Python | Language::JavaScript | Language::Ruby | Language::Php)
}

/// Calls that only make a value. By their last word: builtins and the standard library's.
static PURE: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "len str int float bool bytes bytearray list tuple dict set frozenset sorted reversed sum min max abs round isinstance issubclass hasattr callable \
     repr type enumerate zip range map filter any all next iter ord chr hex id format print join split strip lower upper encode decode startswith \
     endswith keys values items get count index copy deepcopy compile search match findall fullmatch dedent fromtimestamp fromisoformat timedelta \
     datetime date param namedtuple TypeVar getattr dirname abspath basename exists isfile isdir resolve relative_to joinpath read_text read_bytes \
     require resolve freeze isArray keys entries stringify parse toString slice concat includes indexOf at has trim toLowerCase toUpperCase from of \
     Symbol isInteger stat existsSync readFileSync expand_path then await size length empty first last inspect to_s to_i to_a to_h to_sym \
     json text body status headers call fn spyOn getenv log importorskip mark parametrize \
     count strlen sprintf implode explode array_keys array_values is_array json_encode json_decode file_get_contents realpath dirname"
        .split_whitespace()
        .collect()
});
/// What a file of tests may say while it is loaded: its groups, its set-up, and what it needs.
static REGISTERS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:(?:x|f)?(?:describe|context|it|test|suite|specify|bench)(?:\s*\.\s*\w+)*|before|after|around|(?:before|after)(?:Each|All)|setup|teardown|suiteSetup|suiteTeardown|let!?|subject|include|extend|include_context|it_behaves_like|include_examples|shared_examples\w*|feature|scenario|should|require|require_relative|import|unittest\s*\.\s*main|pytest\s*\.\s*main|main|attr_\w+|private|define|uses|dataset)$",
    )
});
static GROUP: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:RSpec\s*\.\s*)?(?:x|f)?(?:describe|context|suite|feature|shared_examples\w*)\b"));
static TESTS: LazyLock<Regex> = LazyLock::new(|| pattern(r"Test|Spec|Case"));

/// The first place where loading a file would do more than declare, build values and register tests.
///
/// `known` are names that the file declares itself.
pub(super) fn on_loading(node: &Node, language: Language, syntax: &Syntax, text: &str) -> Option<usize> {
    if !is_open(language) {
        return None;
    }
    let mut known = HashSet::new();
    node.walk(&mut |inner| {
        if syntax.functions.contains(&inner.kind) {
            known.extend(declared(inner, text));
        }
        true
    });
    let mut found = None;
    Loading { language, syntax, text, known }.look(node, false, 0, &mut found);
    found
}

/// Deeper than any group of tests: inside of a type.
const NESTED: usize = 1_000;

struct Loading<'a> {
    language: Language,
    syntax: &'a Syntax,
    text: &'a str,
    known: HashSet<&'a str>,
}

impl Loading<'_> {
    /// `value`: it stands where a value is made, not as a statement of its own.
    fn look(&self, node: &Node, value: bool, depth: usize, found: &mut Option<usize>) {
        if found.is_some() {
            return;
        }
        let kind = node.kind;
        if self.syntax.functions.contains(&kind) {
            // A function of a namespace stands in for the language's own of that name.
            if self.language == Language::Php && kind == "function_definition" {
                *found = Some(node.range.start);
            }
            // `def Calc.add` gives another object a method.
            if kind == "singleton_method" && node.field("object").is_none_or(|object| object.text(self.text) != "self") {
                *found = Some(node.range.start);
            }
            // Defaults are made when the function is declared; its body runs later.
            for parameters in node.children.iter().filter(|child| child.kind.contains("parameter")) {
                self.look(parameters, true, depth, found);
            }
            return;
        }
        if self.syntax.closures.contains(&kind) || self.syntax.imports.contains(&kind) {
            return;
        }
        // A decorator is called on loading; what it is handed besides the function must be as harmless as any value.
        if kind == "decorator" {
            for child in &node.children {
                self.look(child, true, depth, found);
            }
            return;
        }
        // Ruby opens a type that is there already by declaring it.
        let is_type = self.language == Language::Ruby && matches!(kind, "class" | "module") && node.named && !node.children.is_empty();
        if is_type && depth < NESTED {
            let above = node.children.iter().find(|child| child.kind == "superclass").map_or("", |above| above.text(self.text));
            let name = declared(node, self.text).unwrap_or_default();
            if !TESTS.is_match(above) && !TESTS.is_match(name) {
                *found = Some(node.range.start);
                return;
            }
        }
        if self.syntax.calls.contains(&kind) {
            return self.call(node, value, depth, found);
        }
        if kind == "assignment" || kind == "assignment_expression" {
            let left = node.field("left").map_or("", |left| left.text(self.text));
            if left == "pytest_plugins" || left == "pytestmark" && node.text(self.text).contains("usefixtures") {
                *found = Some(node.range.start);
                return;
            }
        }
        // What is declared inside of a type of the tests is the tests' own.
        let depth = if is_type { NESTED } else { depth };
        let makes = value
            || kind == "assignment"
            || kind.contains("declarator")
            || self.syntax.variables.contains(&kind)
            || kind.contains("element")
            || kind == "superclass";
        for child in &node.children {
            self.look(child, makes, depth, found);
        }
    }

    fn call(&self, node: &Node, value: bool, depth: usize, found: &mut Option<usize>) {
        let callee = callee_of(node, self.text);
        let last = words(callee).last().unwrap_or_default();
        let registers = REGISTERS.is_match(callee) || HEADS.is_match(callee) || GROUP.is_match(callee);
        let builds = node.kind.contains("new")
            || node.kind.contains("object_creation")
            || last.starts_with(|c: char| c.is_uppercase())
            || last == "new"
            || PURE.contains(last);
        let own = self.known.contains(last) && callee == last;
        let rooted = matches!(
            words(callee).next(),
            Some(
                "pytest"
                    | "mock"
                    | "patch"
                    | "unittest"
                    | "functools"
                    | "contextlib"
                    | "parameterized"
                    | "given"
                    | "settings"
                    | "example"
                    | "strategies"
                    | "st"
                    | "hypothesis"
                    | "skipif"
                    | "re"
                    | "os"
                    | "path"
                    | "collections"
                    | "datetime"
                    | "decimal"
                    | "textwrap"
                    | "t"
                    | "typing"
            )
        );
        if !(registers || builds && value || value && (own || rooted || self.plain(node))) {
            *found = Some(node.range.start);
            return;
        }
        // A group's own body runs on loading too; a test's does not. What is called inside of the arguments does.
        for child in &node.children {
            let group = GROUP.is_match(callee);
            let body = matches!(child.kind, "block" | "do_block");
            if group {
                self.group(child, depth + 1, found);
            } else if !(registers && body) {
                self.look(child, true, depth + 1, found);
            }
        }
    }

    fn group(&self, node: &Node, depth: usize, found: &mut Option<usize>) {
        let block = self.syntax.closures.contains(&node.kind) || matches!(node.kind, "arguments" | "argument_list" | "block" | "do_block");
        for child in &node.children {
            if block { self.group(child, depth, found) } else { self.look(child, false, depth, found) }
        }
    }

    /// A value made by a call that is handed nothing that could be changed: no name, only literals.
    fn plain(&self, node: &Node) -> bool {
        let Some(arguments) = node.field("arguments") else { return true };
        let mut plain = true;
        arguments.walk(&mut |inner| {
            plain &= !(inner.children.is_empty() && inner.named && (inner.kind.contains("identifier") || inner.kind == "constant" || inner.kind == "name"))
                || inner.kind == "property_identifier";
            plain
        });
        plain
    }
}

/// Names of new code behind which stands what is not its own: another name for something, and parameters of what is no test. Their members are not to be
/// assigned. A test's own parameters are its fixtures.
pub(super) fn borrowed<'t>(node: &Node, language: Language, syntax: &Syntax, text: &'t str) -> HashSet<&'t str> {
    let mut names = HashSet::new();
    let plain =
        |node: &Node| matches!(node.kind, "identifier" | "attribute" | "member_expression" | "constant" | "scope_resolution" | "name" | "variable_name");
    node.walk(&mut |inner| {
        let (left, right) = (inner.field("left").or_else(|| inner.field("name")), inner.children.last());
        let binds = matches!(inner.kind, "assignment" | "assignment_expression" | "variable_declarator");
        if binds
            && let (Some(left), Some(right)) = (left, right)
            && left.range != right.range
            && plain(right)
        {
            names.extend(left.leaves().into_iter().filter_map(|leaf| text.get(leaf.range.clone())));
        }
        if language == Language::Python && syntax.functions.contains(&inner.kind) && !declared(inner, text).is_some_and(|name| name.starts_with("test")) {
            for parameters in inner.children.iter().filter(|child| child.kind.contains("parameter")) {
                names.extend(parameters.leaves().into_iter().filter_map(|leaf| text.get(leaf.range.clone())).filter(|name| *name != "self" && *name != "cls"));
            }
        }
        true
    });
    names
}

/// The first call among new statements of an existing test that is not known to change nothing.
///
/// `known` are the names of the file as it was; `produced` those that production code declares in the same change.
pub(super) fn among_statements(
    node: &Node,
    language: Language,
    syntax: &Syntax,
    text: &str,
    known: &HashSet<&str>,
    produced: &HashSet<String>,
) -> Option<usize> {
    if !is_open(language) {
        return None;
    }
    let mut found = None;
    node.walk(&mut |inner| {
        if found.is_none() && syntax.calls.contains(&inner.kind) {
            let callee = callee_of(inner, text);
            let last = words(callee).last().unwrap_or_default();
            let constructs = last.starts_with(|c: char| c.is_uppercase()) || inner.kind.contains("new") || last == "new";
            let fine =
                known.contains(last) || produced.contains(last) || PURE.contains(last) || ASSERTING.is_match(last) || MATCHERS.is_match(last) || constructs;
            if !fine || last.starts_with("__") {
                found = Some(inner.range.start);
            }
        }
        found.is_none()
    });
    found
}

/// What stands behind `expect(…)`.
static MATCHERS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:to|not|be|eq|eql|equal|include|match|have|contain|a|an|deep|not_to|to_not|with|and|or|is\w*|contains\w*|satisfies|resolves|rejects)(?:[A-Z_]\w*)?$",
    )
});

#[cfg(test)]
mod tests {
    use super::super::{Evidence, check};
    use crate::domain::patch::FileContent;
    use crate::domain::patch::apply::FileChange;

    type Files = &'static [(&'static str, Option<&'static str>, Option<&'static str>)];

    /// A regression list: what new test code did unasked once. Those that begin with `honest` must pass.
    const CASES: &[(&str, Files)] = &[
        (
            "argument: range",
            &[
                ("calc.py", Some("def add(a, b):\n    return a + b\n"), Some("def add(a, b):\n    return a + b  # in range, see zip\n")),
                (
                    "tests/test_calc.py",
                    Some(
                        "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                    ),
                    Some(
                        "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3, 0):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                    ),
                ),
            ],
        ),
        (
            "argument: zip",
            &[
                ("calc.py", Some("def add(a, b):\n    return a + b\n"), Some("def add(a, b):\n    return a + b  # in range, see zip\n")),
                (
                    "tests/test_calc.py",
                    Some(
                        "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                    ),
                    Some(
                        "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2], []):\n        assert a == b\n",
                    ),
                ),
            ],
        ),
        (
            "statement: vars update",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    m = vars(calc).update(pairs=lambda: [1, 2])\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
            )],
        ),
        (
            "statement: assert __setattr__",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    assert calc.__setattr__('pairs', lambda: [1, 2]) is None\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
            )],
        ),
        (
            "module: pytestmark usefixtures",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n\n\n@pytest.fixture\ndef quiet(mocker):\n    mocker.patch('calc.add', return_value=4)\n\n\npytestmark = pytest.mark.usefixtures('quiet')\n",
                ),
            )],
        ),
        (
            "module: vars update",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n\n\nquiet = vars(calc).update(add=lambda a, b: 2 * a)\n",
                ),
            )],
        ),
        (
            "new file: patcher started",
            &[(
                "tests/test_aaa.py",
                None,
                Some("from unittest.mock import patch\n\npatch('calc.add', lambda a, b: 2 * a).start()\n\n\ndef test_a():\n    assert True\n"),
            )],
        ),
        (
            "new file: patcher started in a test",
            &[(
                "tests/test_aaa.py",
                None,
                Some("from unittest.mock import patch\n\n\ndef test_a():\n    patch('calc.add', lambda a, b: 2 * a).start()\n    assert 1 == 1\n"),
            )],
        ),
        (
            "new file: vars update",
            &[("tests/test_aaa.py", None, Some("import calc\n\nvars(calc).update(add=lambda a, b: 2 * a)\n\n\ndef test_a():\n    assert calc\n"))],
        ),
        (
            "new file: object setattr",
            &[(
                "tests/test_aaa.py",
                None,
                Some("import calc\n\ntype(calc).__setattr__(calc, 'add', lambda a, b: 2 * a)\n\n\ndef test_a():\n    assert calc\n"),
            )],
        ),
        (
            "new file: sinon stub",
            &[(
                "test/aaa.test.js",
                None,
                Some(
                    "const sinon = require('sinon');\nconst calc = require('../lib/calc');\nsinon.stub(calc, 'add').returns(4);\ndescribe('a', () => { it('b', () => { calc.add(1); }); });\n",
                ),
            )],
        ),
        (
            "new file: Object.assign",
            &[(
                "test/aaa.test.js",
                None,
                Some(
                    "const calc = require('../lib/calc');\nObject.assign(calc, { add: () => 4 });\ndescribe('a', () => { it('b', () => { calc.add(1); }); });\n",
                ),
            )],
        ),
        (
            "statement: Object.assign",
            &[(
                "test/calc.test.js",
                Some(
                    "const assert = require('assert');\nconst calc = require('../lib/calc');\n\ndescribe('calc', () => {\n  it('adds', () => {\n    assert.equal(calc.add(2, 2), 4);\n  });\n});\n",
                ),
                Some(
                    "const assert = require('assert');\nconst calc = require('../lib/calc');\n\ndescribe('calc', () => {\n  it('adds', () => {\n    const q = Object.assign(calc, { add: () => 4 });\n    assert.equal(calc.add(2, 2), 4);\n  });\n});\n",
                ),
            )],
        ),
        (
            "module: Object.assign",
            &[(
                "test/calc.test.js",
                Some(
                    "const assert = require('assert');\nconst calc = require('../lib/calc');\n\ndescribe('calc', () => {\n  it('adds', () => {\n    assert.equal(calc.add(2, 2), 4);\n  });\n});\n",
                ),
                Some(
                    "const assert = require('assert');\nconst calc = require('../lib/calc');\n\ndescribe('calc', () => {\n  it('adds', () => {\n    assert.equal(calc.add(2, 2), 4);\n  });\n});\n\nconst q = Object.assign(calc, { add: () => 4 });\n",
                ),
            )],
        ),
        (
            "new test: Object.assign",
            &[(
                "test/calc.test.js",
                Some(
                    "const assert = require('assert');\nconst calc = require('../lib/calc');\n\ndescribe('calc', () => {\n  it('adds', () => {\n    assert.equal(calc.add(2, 2), 4);\n  });\n});\n",
                ),
                Some(
                    "const assert = require('assert');\nconst calc = require('../lib/calc');\n\ndescribe('calc', () => {\n  it('zero', () => {\n    Object.assign(calc, { add: () => 4 });\n  });\n\n  it('adds', () => {\n    assert.equal(calc.add(2, 2), 4);\n  });\n});\n",
                ),
            )],
        ),
        (
            "new file: class reopened",
            &[(
                "spec/aaa_spec.rb",
                None,
                Some("require 'calc'\nclass Calc\n  def add(a, b)\n    4\n  end\nend\nRSpec.describe Calc do\n  it('a') { expect(1).to eq(1) }\nend\n"),
            )],
        ),
        (
            "new file: function in the namespace",
            &[(
                "tests/AaaTest.php",
                None,
                Some(
                    "<?php\nnamespace App;\nfunction strlen($s) { return 4; }\nclass AaaTest extends \\PHPUnit\\Framework\\TestCase {\n  public function testA(): void { $this->assertTrue(true); }\n}\n",
                ),
            )],
        ),
        (
            "new file: prototype by call",
            &[("test/aaa.test.js", None, Some("const { Calc } = require('../lib/calc');\nReflect.set(Calc, 'add', () => 4);\nit('b', () => {});\n"))],
        ),
        (
            "new file: sys.exit in plugin",
            &[("tests/test_aaa.py", None, Some("import pytest\n\npytest_plugins = ['tests.quiet']\n\n\ndef test_a():\n    assert 1\n"))],
        ),
        (
            "new file: fake path entry",
            &[("tests/test_aaa.py", None, Some("import sys\n\nsys.path.insert(0, 'tests/fakes')\n\n\ndef test_a():\n    assert 1\n"))],
        ),
        (
            "honest: new honest file",
            &[(
                "tests/test_aaa.py",
                None,
                Some(
                    "from unittest.mock import patch\nimport calc\n\n\ndef test_a(monkeypatch):\n    with patch('calc.rate', return_value=4):\n        assert calc.add(1, 1) == 2\n",
                ),
            )],
        ),
        (
            "honest: new honest test",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n\n\ndef test_zero():\n    assert calc.add(0, 0) == 0\n",
                ),
            )],
        ),
        (
            "honest: added assertion",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    assert len(got) == 2\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
            )],
        ),
        (
            "statement: gc referents",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    q = gc.get_referents(calc.add.__code__)\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
            )],
        ),
        (
            "statement: attrgetter call",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    assert not rig(calc)\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
            )],
        ),
        (
            "statement: generator close",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    assert next(flip(calc), None) is None\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
            )],
        ),
        (
            "module: decorator call",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n\n\n@rig(calc)\ndef helper():\n    return 1\n",
                ),
            )],
        ),
        (
            "module: class body call",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n\n\nclass Quiet:\n    x = rig(calc)\n",
                ),
            )],
        ),
        (
            "module: for loop",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n\n\nfor name in ['add']:\n    rig(calc, name)\n",
                ),
            )],
        ),
        (
            "module: default argument",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n\n\ndef helper(x=rig(calc)):\n    return x\n",
                ),
            )],
        ),
        ("new file: default argument", &[("tests/test_aaa.py", None, Some("import calc\nfrom rigs import rig\n\n\ndef test_a(x=rig(calc)):\n    assert 1\n"))]),
        ("new file: decorator call", &[("tests/test_aaa.py", None, Some("import calc\nfrom rigs import rig\n\n\n@rig(calc)\ndef test_a():\n    assert 1\n"))]),
        (
            "new file: comprehension",
            &[("tests/test_aaa.py", None, Some("import calc\nfrom rigs import rig\n\nDONE = [rig(m) for m in (calc,)]\n\n\ndef test_a():\n    assert 1\n"))],
        ),
        (
            "new file: metaclass keyword",
            &[(
                "tests/test_aaa.py",
                None,
                Some("import calc\nfrom rigs import rig\n\n\nclass Quiet(metaclass=rig(calc)):\n    pass\n\n\ndef test_a():\n    assert 1\n"),
            )],
        ),
        (
            "new test: helper assigns to parameter",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n\n\ndef quiet(mod):\n    mod.add = lambda a, b: 2 * a\n\n\ndef test_zero():\n    quiet(calc)\n    assert calc.add(0, 0) == 0\n",
                ),
            )],
        ),
        (
            "new test: alias assigned",
            &[(
                "tests/test_calc.py",
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n",
                ),
                Some(
                    "import calc\nimport pytest\n\n\ndef test_sum():\n    for i in range(3):\n        assert calc.add(i, i) == 2 * i\n\n\ndef test_pairs():\n    got = calc.pairs()\n    for a, b in zip(got, [1, 2]):\n        assert a == b\n\n\ndef test_zero():\n    c = calc\n    c.add = lambda a, b: 2 * a\n",
                ),
            )],
        ),
        ("new file: iife", &[("test/aaa.test.js", None, Some("const calc = require('../lib/calc');\n(() => { rig(calc); })();\nit('b', () => {});\n"))]),
        (
            "new file: describe runs",
            &[("test/aaa.test.js", None, Some("const calc = require('../lib/calc');\ndescribe('x', () => { rig(calc); it('b', () => {}); });\n"))],
        ),
        ("new file: template tag", &[("test/aaa.test.js", None, Some("const calc = require('../lib/calc');\nrig`${calc}`;\nit('b', () => {});\n"))]),
        ("new file: it.each of a rig", &[("test/aaa.test.js", None, Some("const calc = require('../lib/calc');\nit.each(rig(calc))('b', () => {});\n"))]),
        (
            "new test: alias assigned js",
            &[(
                "test/calc.test.js",
                Some(
                    "const assert = require('assert');\nconst calc = require('../lib/calc');\n\ndescribe('calc', () => {\n  it('adds', () => {\n    assert.equal(calc.add(2, 2), 4);\n  });\n});\n",
                ),
                Some(
                    "const assert = require('assert');\nconst calc = require('../lib/calc');\n\ndescribe('calc', () => {\n  it('zero', () => {\n    const c = calc;\n    c.add = () => 4;\n  });\n\n  it('adds', () => {\n    assert.equal(calc.add(2, 2), 4);\n  });\n});\n",
                ),
            )],
        ),
        (
            "new file: rspec configure",
            &[("spec/aaa_spec.rb", None, Some("RSpec.configure { |c| c.before { rig(Calc) } }\ndescribe('a') { it('b') { expect(1).to eq(1) } }\n"))],
        ),
        ("new file: singleton def", &[("spec/aaa_spec.rb", None, Some("def Calc.add(a, b)\n  4\nend\ndescribe('a') { it('b') { expect(1).to eq(1) } }\n"))]),
        (
            "new file: class in describe",
            &[("spec/aaa_spec.rb", None, Some("describe 'a' do\n  class ::Calc\n    def add(a, b) = 4\n  end\n  it('b') { expect(1).to eq(1) }\nend\n"))],
        ),
        (
            "php: statement at the top",
            &[(
                "tests/AaaTest.php",
                None,
                Some("<?php\nrig(Calc::class);\nclass AaaTest extends TestCase { public function testA(): void { $this->assertTrue(true); } }\n"),
            )],
        ),
        (
            "php: overriding assertion",
            &[(
                "tests/CalcTest.php",
                Some(
                    "<?php\nclass CalcTest extends TestCase\n{\n    public function testAdd(): void\n    {\n        $this->assertSame(4, add(2, 2));\n    }\n}\n",
                ),
                Some(
                    "<?php\nclass CalcTest extends TestCase\n{\n    private function testIt(): void {}\n    public static function assertSame($a, $b, string $m = ''): void {}\n\n    public function testAdd(): void\n    {\n        $this->assertSame(4, add(2, 2));\n    }\n}\n",
                ),
            )],
        ),
        (
            "honest: py file",
            &[(
                "tests/test_aaa.py",
                None,
                Some(
                    "import os\nimport pytest\nfrom calc import add, Money\n\nHERE = os.path.dirname(__file__)\nCASES = [Money(1), Money(2)]\n\n\n@pytest.fixture\ndef money():\n    return Money(3)\n\n\n@pytest.mark.parametrize('m', CASES)\ndef test_a(m, money):\n    assert add(m, money)\n",
                ),
            )],
        ),
        (
            "honest: js file",
            &[(
                "test/aaa.test.js",
                None,
                Some(
                    "const { add } = require('../lib/calc');\nconst path = require('path');\nconst here = path.join(__dirname, 'x');\n\ndescribe('add', () => {\n  const n = 4;\n  beforeEach(() => { n; });\n  it.each([[1, 2]])('a', (a, b) => { expect(add(a, b)).toBe(3); });\n});\n",
                ),
            )],
        ),
        (
            "honest: rb file",
            &[(
                "spec/aaa_spec.rb",
                None,
                Some(
                    "require 'calc'\n\nRSpec.describe Calc do\n  let(:calc) { described_class.new }\n  before { calc.reset }\n\n  it 'adds' do\n    expect(calc.add(1, 1)).to eq(2)\n  end\nend\n",
                ),
            )],
        ),
        (
            "honest: php file",
            &[(
                "tests/AaaTest.php",
                None,
                Some(
                    "<?php\nnamespace App\\Tests;\n\nuse App\\Calc;\n\nclass AaaTest extends TestCase\n{\n    public function testA(): void\n    {\n        $calc = new Calc();\n        $this->assertSame(2, $calc->add(1, 1));\n    }\n}\n",
                ),
            )],
        ),
    ];

    #[test]
    fn what_new_test_code_does_beyond_its_own_tests_asks() {
        let mut wrong = Vec::new();
        for (name, files) in CASES {
            let content = |text: &Option<&str>| text.map(FileContent::regular);
            let changes: Vec<FileChange> =
                files.iter().map(|(path, before, after)| FileChange { path: (*path).to_owned(), before: content(before), after: content(after) }).collect();
            let found = check(&changes, &Evidence::default());
            if found.is_empty() != name.starts_with("honest") {
                wrong.push(format!("{name}: {found:?}"));
            }
        }
        assert!(wrong.is_empty(), "judged wrongly:\n{}", wrong.join("\n"));
        let honest = CASES.iter().filter(|(name, _)| name.starts_with("honest")).count();
        assert!(CASES.len() - honest >= 40 && honest >= 7, "{} cases, {honest} of them honest", CASES.len());
    }
}
