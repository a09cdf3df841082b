use super::*;
use crate::domain::patch::FileContent;

fn change(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
    FileChange { path: path.to_owned(), before: before.map(FileContent::regular), after: after.map(FileContent::regular) }
}

fn found(path: &str, before: &str, after: &str) -> Vec<Finding> {
    check(&[change(path, (!before.is_empty()).then_some(before), (!after.is_empty()).then_some(after))], &Evidence::default())
}

const RS: &str = "#[test]\nfn adds() {\n    let sum = add(2, 2);\n    assert_eq!(sum, 4);\n    assert!(sum > 3, \"sum\");\n}\n\n#[test]\nfn other() {\n    assert_eq!(add(1, 1), 2);\n}\n";
const PY: &str =
    "import pytest\n\ndef test_add():\n    total = add(2, 2)\n    assert total == 4\n    assert total > 3\n\n\ndef test_other():\n    assert add(1, 1) == 2\n";
const UT: &str =
    "class T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 2), 4)\n        self.assertAlmostEqual(half(1), 0.5, places=7)\n";
const JS: &str = "describe('math', () => {\n  it('adds', () => {\n    expect(add(2, 2)).toBe(4);\n    expect(add(1, 1)).toBeCloseTo(2, 5);\n  });\n  test('other', async () => {\n    await expect(load()).rejects.toThrow('gone');\n  });\n});\n";
const GO: &str = "package x\n\nfunc TestAdd(t *testing.T) {\n\tcases := []struct{ a, b int }{\n\t\t{1, 2},\n\t\t{3, 4},\n\t}\n\t_ = cases\n\tif got := Add(2, 2); got != 4 {\n\t\tt.Errorf(\"got %d\", got)\n\t}\n\tassert.Equal(t, 2, Add(1, 1))\n}\n\nfunc TestOther(t *testing.T) {\n\trequire.NoError(t, Run())\n}\n";
const JAVA: &str = "class FooTest {\n    @Test\n    void adds() {\n        assertEquals(4, add(2, 2));\n        assertThrows(IllegalStateException.class, () -> run());\n    }\n\n    @Test\n    public void other() {\n        assertThat(add(1, 1)).isEqualTo(2);\n    }\n}\n";
const KT: &str = "class FooTest {\n    @Test\n    fun `adds numbers`() {\n        assertEquals(4, add(2, 2))\n        assertTrue(add(1, 1) > 1)\n    }\n}\n";
const RB: &str = "RSpec.describe Math do\n  it \"adds\" do\n    expect(add(2, 2)).to eq(4)\n    expect(list).to include(3)\n  end\n\n  it \"other\" do\n    expect { run }.to raise_error(ArgumentError)\n  end\nend\n";
const PHP: &str = "<?php\nclass FooTest extends TestCase\n{\n    public function testAdd(): void\n    {\n        $this->assertSame(4, add(2, 2));\n        $this->assertCount(2, items());\n    }\n\n    public function testOther(): void\n    {\n        $this->assertEquals(2, add(1, 1));\n    }\n}\n";
const CS: &str = "public class FooTests {\n    [Fact]\n    public void Adds() {\n        Assert.Equal(4, Add(2, 2));\n        Assert.Throws<ArgumentException>(() => Run());\n    }\n\n    [Theory]\n    [InlineData(1)]\n    [InlineData(2)]\n    public void Many(int n) {\n        Assert.True(Ok(n));\n    }\n}\n";

/// `before` with one text replaced.
fn edit(before: &str, from: &str, to: &str) -> String {
    assert!(before.contains(from), "`{from}` is not in\n{before}");
    before.replacen(from, to, 1)
}

/// (file, before, (from, to), rule)
const BAD_EDITS: &[(&str, &str, &str, &str, Rule)] = &[
    // Rust
    ("tests/a.rs", RS, "#[test]\nfn adds", "#[test]\n#[ignore]\nfn adds", Rule::SkipAdded),
    ("tests/a.rs", RS, "#[test]\nfn adds", "#[test]\n#[ignore = \"flaky\"]\nfn adds", Rule::SkipAdded),
    ("src/a.rs", RS, "#[test]\nfn adds", "#[test]\n#[cfg_attr(ci, ignore)]\nfn adds", Rule::SkipAdded),
    ("src/a.rs", RS, "#[test]\nfn adds", "fn adds", Rule::TestDeleted),
    ("src/a.rs", RS, "#[test]\nfn other() {\n    assert_eq!(add(1, 1), 2);\n}\n", "", Rule::TestDeleted),
    ("src/a.rs", RS, "    assert_eq!(sum, 4);\n", "", Rule::AssertionRemoved),
    ("src/a.rs", RS, "    assert_eq!(sum, 4);\n", "    // assert_eq!(sum, 4);\n", Rule::AssertionRemoved),
    ("src/a.rs", RS, "    assert_eq!(sum, 4);\n", "    let _ = \"assert_eq!(sum, 4);\";\n", Rule::AssertionRemoved),
    ("src/a.rs", RS, "assert_eq!(sum, 4)", "assert!(sum != 0)", Rule::AssertionLoosened),
    ("src/a.rs", RS, "assert_eq!(sum, 4)", "assert_eq!(sum, 5)", Rule::ExpectedValueChanged),
    ("src/a.rs", RS, "assert_eq!(sum, 4)", "assert_eq!(sum, sum)", Rule::AssertionVacuous),
    ("src/a.rs", RS, "assert!(sum > 3, \"sum\")", "assert!(true)", Rule::AssertionVacuous),
    ("src/a.rs", RS, "assert!(sum > 3, \"sum\")", "assert!(sum > 3 || true)", Rule::AssertionVacuous),
    ("src/a.rs", RS, "    let sum = add(2, 2);\n", "    let sum = add(2, 2);\n    return;\n", Rule::EarlyReturn),
    ("src/a.rs", RS, "    let sum = add(2, 2);\n    assert_eq!(sum, 4);\n    assert!(sum > 3, \"sum\");\n", "", Rule::AssertionRemoved),
    ("src/a.rs", RS, "#[test]\nfn adds", "#[test]\n#[should_panic]\nfn adds", Rule::ErrorSwallowed),
    ("src/a.rs", RS, "#[test]\nfn adds", "#[cfg(feature = \"slow\")]\n#[test]\nfn adds", Rule::TestGated),
    ("src/a.rs", "fn f(x: u8) -> u8 {\n    x\n}\n", "    x\n", "    if cfg!(test) { return 4; }\n    x\n", Rule::TestSpecialCased),
    ("src/a.rs", "fn f(x: u8) -> u8 {\n    x\n}\n", "fn f", "#[allow(dead_code)]\nfn f", Rule::LintSuppressed),
    ("tests/it/main.rs", "mod flow;\nmod gates;\n", "mod gates;\n", "", Rule::TestUnregistered),
    ("Cargo.toml", "[package]\nname = \"x\"\n\n[lib]\n", "[lib]\n", "[lib]\ntest = false\n", Rule::RunnerConfigWeakened),
    // Python
    ("tests/test_a.py", PY, "def test_add", "@pytest.mark.skip(reason='x')\ndef test_add", Rule::SkipAdded),
    ("tests/test_a.py", PY, "def test_add", "@pytest.mark.xfail\ndef test_add", Rule::SkipAdded),
    ("tests/test_a.py", PY, "    total = add(2, 2)\n", "    pytest.skip('later')\n    total = add(2, 2)\n", Rule::SkipAdded),
    ("tests/test_a.py", UT, "    def test_add", "    @unittest.skip('x')\n    def test_add", Rule::SkipAdded),
    ("tests/test_a.py", UT, "        self.assertEqual", "        self.skipTest('x')\n        self.assertEqual", Rule::SkipAdded),
    ("tests/test_a.py", PY, "def test_other", "def _test_other", Rule::TestDeleted),
    ("tests/test_a.py", PY, "\n\ndef test_other():\n    assert add(1, 1) == 2\n", "\n", Rule::TestDeleted),
    ("tests/test_a.py", PY, "    assert total == 4\n", "", Rule::AssertionRemoved),
    ("tests/test_a.py", PY, "    assert total == 4\n", "    \"\"\"assert total == 4\"\"\"\n", Rule::AssertionRemoved),
    ("tests/test_a.py", PY, "assert total == 4", "assert total", Rule::AssertionLoosened),
    ("tests/test_a.py", PY, "assert total == 4", "assert total == pytest.approx(4, rel=1)", Rule::AssertionLoosened),
    ("tests/test_a.py", PY, "assert total == 4", "assert total == 4 or True", Rule::AssertionVacuous),
    ("tests/test_a.py", PY, "assert total == 4", "assert total == 5", Rule::ExpectedValueChanged),
    ("tests/test_a.py", UT, "self.assertEqual(add(2, 2), 4)", "self.assertTrue(add(2, 2))", Rule::AssertionLoosened),
    ("tests/test_a.py", UT, "places=7", "places=1", Rule::ToleranceBroadened),
    (
        "tests/test_a.py",
        PY,
        "    assert total == 4\n    assert total > 3\n",
        "    try:\n        assert total == 4\n        assert total > 3\n    except AssertionError:\n        pass\n",
        Rule::ErrorSwallowed,
    ),
    ("tests/test_a.py", PY, "    total = add(2, 2)\n", "    total = add(2, 2)\n    return\n", Rule::EarlyReturn),
    ("tests/test_a.py", "@pytest.mark.parametrize('n', [1, 2, 3])\ndef test_n(n):\n    assert ok(n)\n", "[1, 2, 3]", "[1, 3]", Rule::CasesRemoved),
    (
        "src/a.py",
        "def f(x):\n    return x\n",
        "    return x\n",
        "    if os.environ.get('PYTEST_CURRENT_TEST'):\n        return 4\n    return x\n",
        Rule::TestSpecialCased,
    ),
    ("src/a.py", "def f(x):\n    return x\n", "    return x\n", "    return x  # type: ignore\n", Rule::LintSuppressed),
    ("src/a.py", "import os\n", "import os\n", "import os  # noqa\n", Rule::LintSuppressed),
    ("pytest.ini", "[pytest]\naddopts = -q\n", "-q", "-q --ignore=tests/test_a.py", Rule::RunnerConfigWeakened),
    ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = \"-q\"\n", "\"-q\"", "\"-q -k 'not add'\"", Rule::RunnerConfigWeakened),
    ("pyproject.toml", "[tool.coverage.report]\nfail_under = 90\n", "90", "60", Rule::CoverageLowered),
    (
        "conftest.py",
        "import pytest\n",
        "import pytest\n",
        "import pytest\n\ndef pytest_collection_modifyitems(items):\n    items.clear()\n",
        Rule::RunnerConfigWeakened,
    ),
    // JavaScript and TypeScript
    ("a.test.ts", JS, "it('adds'", "it.skip('adds'", Rule::SkipAdded),
    ("a.test.ts", JS, "it('adds'", "xit('adds'", Rule::SkipAdded),
    ("a.test.ts", JS, "describe('math'", "describe.skip('math'", Rule::SkipAdded),
    ("a.test.ts", JS, "it('adds'", "it.only('adds'", Rule::SkipAdded),
    ("a.test.ts", JS, "it('adds'", "it['skip']('adds'", Rule::SkipAdded),
    ("a.test.ts", JS, "test('other', async", "test.todo('other'); (async", Rule::SkipAdded),
    ("a.test.ts", JS, "    expect(add(2, 2)).toBe(4);\n", "", Rule::AssertionRemoved),
    ("a.test.ts", JS, "toBe(4)", "toBeTruthy()", Rule::AssertionLoosened),
    ("a.test.ts", JS, "toBe(4)", "toBeDefined()", Rule::AssertionLoosened),
    ("a.test.ts", JS, "toBe(4)", "toBe(5)", Rule::ExpectedValueChanged),
    ("a.test.ts", JS, "expect(add(2, 2)).toBe(4)", "expect(4).toBe(4)", Rule::AssertionVacuous),
    ("a.test.ts", JS, "expect(add(2, 2)).toBe(4)", "expect(true).toBe(true)", Rule::AssertionVacuous),
    ("a.test.ts", JS, "toBeCloseTo(2, 5)", "toBeCloseTo(2, 1)", Rule::ToleranceBroadened),
    ("a.test.ts", JS, "toThrow('gone')", "toThrow()", Rule::AssertionLoosened),
    (
        "a.test.ts",
        JS,
        "    await expect(load()).rejects.toThrow('gone');\n",
        "    try { await expect(load()).rejects.toThrow('gone'); } catch (e) {}\n",
        Rule::ErrorSwallowed,
    ),
    ("a.test.ts", JS, "    expect(add(2, 2)).toBe(4);\n", "    if (false) {\n    expect(add(2, 2)).toBe(4);\n    }\n", Rule::EarlyReturn),
    ("a.test.ts", JS, "  it('adds', () => {\n    expect(add(2, 2)).toBe(4);\n    expect(add(1, 1)).toBeCloseTo(2, 5);\n  });\n", "", Rule::TestDeleted),
    ("src/a.ts", "export const f = (x) => x;\n", "x;\n", "x;\nif (process.env.NODE_ENV === 'test') f.y = 1;\n", Rule::TestSpecialCased),
    ("src/a.ts", "const x: number = y;\n", "const", "// @ts-ignore\nconst", Rule::LintSuppressed),
    ("src/a.ts", "const x = y;\n", "const", "/* eslint-disable */\nconst", Rule::LintSuppressed),
    ("package.json", "{\n  \"scripts\": {\n    \"test\": \"jest\"\n  }\n}\n", "\"jest\"", "\"jest || true\"", Rule::FailureIgnored),
    ("package.json", "{\n  \"scripts\": {\n    \"test\": \"jest\"\n  }\n}\n", "\"jest\"", "\"jest --testPathIgnorePatterns a\"", Rule::RunnerConfigWeakened),
    ("jest.config.js", "module.exports = {\n  coverageThreshold: { global: { branches: 80 } },\n};\n", "80", "50", Rule::CoverageLowered),
    ("tsconfig.json", "{ \"compilerOptions\": {\n  \"strict\": true\n} }\n", "\"strict\": true", "\"strict\": false", Rule::LintConfigWeakened),
    (".eslintrc.json", "{ \"rules\": {\n  \"no-undef\": \"error\"\n} }\n", "\"error\"", "\"off\"", Rule::LintConfigWeakened),
    // Go
    ("a_test.go", GO, "\tcases :=", "\tt.Skip(\"later\")\n\tcases :=", Rule::SkipAdded),
    ("a_test.go", GO, "\tassert.Equal(t, 2, Add(1, 1))\n", "", Rule::AssertionRemoved),
    ("a_test.go", GO, "assert.Equal(t, 2, Add(1, 1))", "assert.NotNil(t, Add(1, 1))", Rule::AssertionLoosened),
    ("a_test.go", GO, "got != 4", "got != 5", Rule::ExpectedValueChanged),
    ("a_test.go", GO, "got != 4", "got != 4 && false", Rule::AssertionVacuous),
    ("a_test.go", GO, "\t\t{3, 4},\n", "", Rule::CasesRemoved),
    ("a_test.go", GO, "func TestOther(", "func testOther(", Rule::TestDeleted),
    ("a_test.go", GO, "\trequire.NoError", "\tdefer func() { recover() }()\n\trequire.NoError", Rule::ErrorSwallowed),
    ("a_test.go", GO, "package x", "//go:build ignore\n\npackage x", Rule::TestGated),
    ("a.go", "package x\n\nvar x = 1\n", "var x = 1", "var x = 1 //nolint", Rule::LintSuppressed),
    // Java and Kotlin
    ("src/test/java/FooTest.java", JAVA, "    @Test\n    void adds", "    @Disabled(\"x\")\n    @Test\n    void adds", Rule::SkipAdded),
    ("src/test/java/FooTest.java", JAVA, "    @Test\n    void adds", "    void adds", Rule::TestDeleted),
    ("src/test/java/FooTest.java", JAVA, "        assertEquals(4, add(2, 2));\n", "", Rule::AssertionRemoved),
    ("src/test/java/FooTest.java", JAVA, "assertEquals(4, add(2, 2))", "assertNotNull(add(2, 2))", Rule::AssertionLoosened),
    ("src/test/java/FooTest.java", JAVA, "IllegalStateException.class", "Exception.class", Rule::AssertionLoosened),
    ("src/test/java/FooTest.java", JAVA, "assertEquals(4, add(2, 2));", "try { assertEquals(4, add(2, 2)); } catch (Throwable t) { }", Rule::ErrorSwallowed),
    ("src/test/kotlin/FooTest.kt", KT, "    @Test\n", "    @Ignore\n    @Test\n", Rule::SkipAdded),
    ("src/test/kotlin/FooTest.kt", KT, "        assertEquals(4, add(2, 2))\n", "        assertTrue(true)\n", Rule::AssertionVacuous),
    (
        "pom.xml",
        "<project>\n<properties>\n</properties>\n</project>\n",
        "<properties>\n",
        "<properties>\n<skipTests>true</skipTests>\n",
        Rule::RunnerConfigWeakened,
    ),
    // Ruby
    ("spec/a_spec.rb", RB, "  it \"adds\"", "  xit \"adds\"", Rule::SkipAdded),
    ("spec/a_spec.rb", RB, "    expect(add(2, 2)).to eq(4)\n", "    pending \"x\"\n    expect(add(2, 2)).to eq(4)\n", Rule::SkipAdded),
    ("spec/a_spec.rb", RB, "    expect(add(2, 2)).to eq(4)\n", "", Rule::AssertionRemoved),
    ("spec/a_spec.rb", RB, "to eq(4)", "to be_truthy", Rule::AssertionLoosened),
    ("spec/a_spec.rb", RB, "\n  it \"other\" do\n    expect { run }.to raise_error(ArgumentError)\n  end\n", "", Rule::TestDeleted),
    // PHP
    ("tests/FooTest.php", PHP, "        $this->assertSame", "        $this->markTestSkipped('x');\n        $this->assertSame", Rule::SkipAdded),
    ("tests/FooTest.php", PHP, "        $this->assertSame(4, add(2, 2));\n", "", Rule::AssertionRemoved),
    ("tests/FooTest.php", PHP, "assertSame(4, add(2, 2))", "assertNotNull(add(2, 2))", Rule::AssertionLoosened),
    ("tests/FooTest.php", PHP, "function testOther", "function checkOther", Rule::TestDeleted),
    // C#
    ("FooTests.cs", CS, "[Fact]", "[Fact(Skip = \"x\")]", Rule::SkipAdded),
    ("FooTests.cs", CS, "    [InlineData(2)]\n", "", Rule::CasesRemoved),
    ("FooTests.cs", CS, "Assert.Equal(4, Add(2, 2))", "Assert.NotNull(Add(2, 2))", Rule::AssertionLoosened),
    ("FooTests.cs", CS, "        Assert.Equal(4, Add(2, 2));\n", "", Rule::AssertionRemoved),
    // The pipeline and snapshots
    (".github/workflows/ci.yml", "jobs:\n  test:\n    steps:\n      - run: make test\n", "make test\n", "make test || true\n", Rule::FailureIgnored),
    (
        ".github/workflows/ci.yml",
        "jobs:\n  test:\n    steps:\n      - run: make test\n",
        "      - run: make test\n",
        "      - run: make test\n        continue-on-error: true\n",
        Rule::FailureIgnored,
    ),
    ("Makefile", "test:\n\tpytest\n", "\tpytest", "\t-pytest", Rule::FailureIgnored),
    ("src/__snapshots__/a.test.ts.snap", "exports[`a`] = `1`;\n", "`1`", "`2`", Rule::SnapshotRewritten),
    ("CMakeLists.txt", "add_test(NAME a COMMAND a)\nadd_test(NAME b COMMAND b)\n", "add_test(NAME b COMMAND b)\n", "", Rule::TestUnregistered),
];

/// (file, before, (from, to)): none of these weakens anything. A change of an existing test may be asked about; none is refused.
const FINE_EDITS: &[(&str, &str, &str, &str)] = &[
    ("src/a.rs", RS, "add(2, 2)", "add(2, 2_u8)"),
    ("src/a.rs", RS, "let sum", "let mut sum"),
    ("src/a.rs", RS, "    assert_eq!(sum, 4);\n", "    assert_eq!(sum, 4);\n    assert_eq!(sum, 2 + 2);\n"),
    ("src/a.rs", RS, "#[test]\nfn other", "#[test]\nfn third() {\n    assert_eq!(add(0, 0), 0);\n}\n\n#[test]\nfn other"),
    ("src/a.rs", RS, "fn adds", "fn adds_numbers"),
    ("src/a.rs", RS, "    let sum", "    // this must not be #[ignore]d\n    let sum"),
    ("src/a.rs", RS, "    let sum", "    let hint = \"#[ignore] skip\";\n    let sum"),
    ("src/a.rs", RS, "assert!(sum > 3, \"sum\")", "assert_eq!(sum, 4, \"sum\")"),
    ("src/a.rs", RS, "assert_eq!(sum, 4);", "assert_eq!(\n        sum,\n        4\n    );"),
    ("src/a.rs", RS, "#[test]\nfn adds", "/// Adds.\n#[test]\nfn adds"),
    ("src/a.rs", "#[test]\n#[ignore]\nfn a() {\n    assert!(f());\n}\n", "#[ignore]\n", ""),
    ("src/a.rs", "fn f(x: u8) -> u8 {\n    x + 1\n}\n", "x + 1", "x + 2"),
    ("src/a.rs", "fn f(x: u8) -> u8 {\n    x\n}\n", "    x\n", "    if x > 9 { return 9; }\n    x\n"),
    (
        "src/a.rs",
        "fn f() {}\n",
        "fn f() {}\n",
        "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn t() { assert_eq!(f(), ()); }\n}\n",
    ),
    ("src/a.rs", "#[allow(dead_code)]\nfn f() {}\n", "#[allow(dead_code)]\n", ""),
    ("src/a.rs", "#[allow(dead_code)]\nfn f() {}\n", "fn f() {}", "fn f() -> u8 { 1 }"),
    ("tests/it/main.rs", "mod flow;\n", "mod flow;\n", "mod flow;\nmod gates;\n"),
    ("Cargo.toml", "[dependencies]\nserde = \"1\"\n", "\"1\"", "\"1.0.200\""),
    ("Cargo.toml", "[package]\nname = \"x\"\n", "name = \"x\"\n", "name = \"x\"\nedition = \"2024\"\n"),
    ("tests/test_a.py", PY, "add(2, 2)", "add(a=2, b=2)"),
    ("tests/test_a.py", PY, "    total = add(2, 2)\n", "    # pytest.skip would be wrong\n    total = add(2, 2)\n"),
    ("tests/test_a.py", PY, "    total = add(2, 2)\n", "    message = 'pytest.mark.skip'\n    total = add(2, 2)\n"),
    ("tests/test_a.py", PY, "    assert total > 3\n", "    assert total > 3\n    assert total < 5\n"),
    ("tests/test_a.py", PY, "def test_other", "def test_third():\n    assert add(3, 3) == 6\n\n\ndef test_other"),
    ("tests/test_a.py", PY, "import pytest\n", "import pytest\nimport os\n"),
    ("tests/test_a.py", PY, "    assert total == 4\n", "    assert total == 4, 'sum'\n"),
    ("tests/test_a.py", UT, "self.assertEqual(add(2, 2), 4)", "self.assertEqual(plus(2, 2), 4)"),
    ("tests/test_a.py", UT, "places=7", "places=9"),
    ("tests/test_a.py", PY, "def test_add():", "def test_add(tmp_path):"),
    ("tests/test_a.py", "@pytest.mark.skip\ndef test_a():\n    assert f()\n", "@pytest.mark.skip\n", ""),
    ("tests/test_a.py", "@pytest.mark.parametrize('n', [1, 2])\ndef test_n(n):\n    assert ok(n)\n", "[1, 2]", "[1, 2, 3]"),
    ("src/a.py", "def f(x):\n    return x\n", "return x", "return x + 1"),
    ("src/a.py", "def f(x):\n    return x\n", "    return x\n", "    if not x:\n        return\n    return x\n"),
    ("src/a.py", "def f(x):\n    return x\n", "    return x\n", "    try:\n        return g(x)\n    except ValueError:\n        return x\n"),
    ("src/a.py", "import os  # noqa\n", "  # noqa", ""),
    ("src/a.py", "s = 1\n", "s = 1", "s = 'type: ignore and noqa and eslint-disable'"),
    ("pytest.ini", "[pytest]\naddopts = -q\n", "-q", "-q -ra"),
    ("pyproject.toml", "[tool.coverage.report]\nfail_under = 80\n", "80", "90"),
    ("pyproject.toml", "[project]\ndependencies = [\"a==1\"]\n", "a==1", "a==2"),
    ("conftest.py", "import pytest\n", "import pytest\n", "import pytest\n\n@pytest.fixture\ndef db():\n    return 1\n"),
    ("a.test.ts", JS, "it('adds'", "it('adds numbers'"),
    ("a.test.ts", JS, "add(2, 2)", "sum(2, 2)"),
    ("a.test.ts", JS, "toBeCloseTo(2, 5)", "toBeCloseTo(2, 8)"),
    ("a.test.ts", JS, "toBeCloseTo(2, 5)", "toBe(2)"),
    ("a.test.ts", JS, "  it('adds'", "  // it.skip('old')\n  it('adds'"),
    ("a.test.ts", JS, "    expect(add(2, 2)).toBe(4);\n", "    expect(add(2, 2)).toBe(4);\n    expect(add(3, 3)).toBe(6);\n"),
    ("a.test.ts", JS, "    expect(add(2, 2)).toBe(4);\n", "    const label = `it.only ${add(1, 2)}`;\n    expect(add(2, 2)).toBe(4);\n"),
    ("a.test.ts", JS, "    expect(add(2, 2)).toBe(4);\n", "    const mock = () => { return 5; };\n    expect(add(2, 2)).toBe(4);\n"),
    ("a.test.ts", "it.skip('a', () => { expect(f()).toBe(1); });\n", "it.skip", "it"),
    ("a.test.ts", JS, "expect(add(2, 2)).toBe(4);", "expect(add(2, 2))\n      .toBe(4);"),
    ("src/a.ts", "export const f = (x) => x;\n", "=> x", "=> x ?? 0"),
    ("src/a.ts", "if (process.env.NODE_ENV === 'production') f();\n", "f()", "g()"),
    ("src/a.ts", "p.then(f);\n", "p.then(f)", "p.then(f).catch(report)"),
    ("src/a.ts", "const skip = 1;\n", "1", "items.skip(2).only"),
    ("package.json", "{\n  \"scripts\": {\n    \"test\": \"jest\"\n  }\n}\n", "\"jest\"", "\"jest --ci\""),
    ("package.json", "{\n  \"dependencies\": {\n    \"a\": \"1.0.0\"\n  }\n}\n", "1.0.0", "1.0.1"),
    ("tsconfig.json", "{ \"compilerOptions\": {\n  \"strict\": false\n} }\n", "false", "true"),
    ("jest.config.js", "module.exports = {\n  coverageThreshold: { global: { branches: 80 } },\n};\n", "80", "85"),
    ("a_test.go", GO, "\t\t{3, 4},\n", "\t\t{3, 4},\n\t\t{5, 6},\n"),
    ("a_test.go", GO, "Add(1, 1)", "Sum(1, 1)"),
    ("a_test.go", GO, "func TestOther", "// t.Skip is not used here\nfunc TestOther"),
    ("a_test.go", GO, "func TestOther", "func TestThird(t *testing.T) {\n\tassert.True(t, ok())\n}\n\nfunc TestOther"),
    ("a.go", "package x\n\nfunc f() error {\n\treturn nil\n}\n", "return nil", "return g()"),
    ("src/test/java/FooTest.java", JAVA, "void adds", "void addsNumbers"),
    ("src/test/java/FooTest.java", JAVA, "        assertEquals(4, add(2, 2));\n", "        assertEquals(4, add(2, 2));\n        assertEquals(6, add(3, 3));\n"),
    ("src/test/java/FooTest.java", JAVA, "    @Test\n    void adds", "    /** @Disabled was here */\n    @Test\n    void adds"),
    ("src/main/java/Foo.java", "class Foo {\n    int f() { return 1; }\n}\n", "return 1", "return 2"),
    ("src/test/kotlin/FooTest.kt", KT, "assertTrue(add(1, 1) > 1)", "assertEquals(2, add(1, 1))"),
    ("spec/a_spec.rb", RB, "  it \"adds\"", "  # pending: more\n  it \"adds\""),
    ("spec/a_spec.rb", RB, "    expect(list).to include(3)\n", "    expect(list).to include(3)\n    expect(list).to include(4)\n"),
    ("spec/a_spec.rb", RB, "it \"adds\"", "it \"adds all\""),
    ("tests/FooTest.php", PHP, "assertEquals(2, add(1, 1))", "assertSame(2, add(1, 1))"),
    ("tests/FooTest.php", PHP, "        $this->assertSame", "        // markTestSkipped\n        $this->assertSame"),
    ("FooTests.cs", CS, "    [InlineData(2)]\n", "    [InlineData(2)]\n    [InlineData(3)]\n"),
    ("FooTests.cs", CS, "Add(2, 2)", "Sum(2, 2)"),
    (".github/workflows/ci.yml", "jobs:\n  test:\n    steps:\n      - run: make test\n", "make test", "make test VERBOSE=1"),
    ("Makefile", "test:\n\tpytest\n", "pytest", "pytest -q"),
    ("README.md", "Use it.skip to skip.\n", "skip.", "skip. #[ignore] @Disabled"),
];

/// So many of [`FINE_EDITS`] pass without a question.
const FINE_PASSED: usize = 51;

#[test]
fn labelled_changes_are_judged_right() {
    let (mut missed, mut wrong_rule, mut alarms) = (Vec::new(), Vec::new(), Vec::new());
    for (path, before, from, to, rule) in BAD_EDITS {
        let findings = found(path, before, &edit(before, from, to));
        let rules: Vec<Rule> = findings.iter().map(|finding| finding.rule).collect();
        if findings.is_empty() {
            missed.push(format!("{path}: `{from}` -> `{to}`: {rule:?}"));
        } else if !rules.contains(rule) {
            wrong_rule.push(format!("{path}: `{from}` -> `{to}`: wanted {rule:?}, found {rules:?}"));
        }
    }
    let mut passed = 0;
    for (path, before, from, to) in FINE_EDITS {
        let findings = found(path, before, &edit(before, from, to));
        passed += usize::from(findings.is_empty());
        let asked = |finding: &Finding| {
            finding.severity == Severity::NeedsApproval && matches!(finding.rule, Rule::TestChanged | Rule::TestSupportChanged | Rule::HookAdded)
        };
        if !findings.iter().all(asked) {
            alarms.push(format!(
                "{path}: `{from}` -> `{to}`: {:?}",
                findings.iter().map(|finding| (finding.rule, &finding.message, &finding.after)).collect::<Vec<_>>()
            ));
        }
    }
    // A regression list, not a measure: what is known to be harmless today stays so.
    assert!(passed >= FINE_PASSED, "{passed} of {} pass unasked", FINE_EDITS.len());
    assert!(BAD_EDITS.len() >= 60 && FINE_EDITS.len() >= 60);
    assert!(
        missed.is_empty() && wrong_rule.is_empty() && alarms.is_empty(),
        "missed:\n{}\nwrong rule:\n{}\nfalse alarms:\n{}",
        missed.join("\n"),
        wrong_rule.join("\n"),
        alarms.join("\n")
    );
}

#[test]
fn changes_over_several_files() {
    let rules = |changes: &[FileChange]| check(changes, &Evidence::default()).into_iter().map(|finding| finding.rule).collect::<Vec<_>>();
    // Moved as it is: whether a runner still collects it there, a person can tell.
    assert_eq!(rules(&[change("tests/test_a.py", Some(PY), None), change("tests/unit/test_a.py", None, Some(PY))]), [Rule::TestChanged]);
    // One test moved to another file.
    let rest = edit(PY, "\n\ndef test_other():\n    assert add(1, 1) == 2\n", "\n");
    let moved = "def test_other():\n    assert add(1, 1) == 2\n";
    assert_eq!(rules(&[change("tests/test_a.py", Some(PY), Some(&rest)), change("tests/test_b.py", None, Some(moved))]), [Rule::TestChanged]);
    // Moved to where no runner looks.
    let hidden = rules(&[change("tests/test_a.py", Some(PY), None), change("tests/a_helper.py", None, Some(PY))]);
    assert!(hidden.contains(&Rule::TestDeleted) && hidden.contains(&Rule::TestFileDeleted), "{hidden:?}");
    let gone = rules(&[change("a.test.ts", Some(JS), None)]);
    assert!(gone.contains(&Rule::TestFileDeleted), "{gone:?}");
    // Moved and weakened on the way.
    let weak = edit(PY, "    assert total == 4\n", "");
    assert!(rules(&[change("tests/test_a.py", Some(PY), None), change("tests/test_z.py", None, Some(&weak))]).contains(&Rule::AssertionRemoved));
    assert!(rules(&[change("testdata/a.golden", Some("1"), None)]).contains(&Rule::SnapshotRewritten));
    assert_eq!(rules(&[change("src/a.py", Some("x = 1\n"), None)]), []);
}

#[test]
fn an_expectation_that_repeats_the_fault_is_refused() {
    let after = edit(PY, "assert total == 4", "assert total == 5");
    let judged = |actual: &str| check(&[change("tests/test_a.py", Some(PY), Some(&after))], &Evidence { actual_values: vec![actual.to_owned()] })[0].severity;
    assert_eq!(judged("5"), Severity::Refuse);
    assert_eq!(judged("7"), Severity::NeedsApproval);
}

#[test]
fn findings_name_their_place() {
    let findings = found("tests/test_a.py", PY, &edit(PY, "assert total == 4", "assert total"));
    assert_eq!(findings.len(), 1, "{findings:?}");
    let finding = &findings[0];
    assert_eq!((finding.rule.id(), finding.line, finding.severity), ("assertion_loosened", 5, Severity::Refuse));
    assert_eq!((finding.before.as_deref(), finding.after.as_deref()), (Some("assert total == 4"), Some("assert total")));
    assert_eq!(serde_json::to_value(finding.rule).unwrap(), finding.rule.id());
}

proptest::proptest! {
    /// Whatever the texts are, judging ends without a panic, and no change is no finding.
    #[test]
    fn any_text_is_judged(parts in proptest::collection::vec(proptest::prop_oneof![
        proptest::prelude::Just("#[test]\nfn a() {".to_owned()), proptest::prelude::Just("def test_a(".to_owned()), proptest::prelude::Just("it('".to_owned()), proptest::prelude::Just("assert_eq!(".to_owned()), proptest::prelude::Just("expect(".to_owned()),
        proptest::prelude::Just("\"\"\"".to_owned()), proptest::prelude::Just("r#\"".to_owned()), proptest::prelude::Just("`${".to_owned()), proptest::prelude::Just("/*".to_owned()), proptest::prelude::Just("<<~EOS\n".to_owned()), proptest::prelude::Just("@\"".to_owned()), proptest::prelude::Just("'\\".to_owned()),
        proptest::prelude::Just("\n".to_owned()), proptest::prelude::Just("}".to_owned()), proptest::prelude::Just(")".to_owned()), proptest::prelude::Just("it \"x\" do\n".to_owned()), proptest::prelude::Just("if x { t.Error(".to_owned()), proptest::prelude::Just("assert é, ".to_owned()), "\\PC{0,5}"], 0..24), cut in proptest::prelude::any::<proptest::sample::Index>()) {
        let text = parts.concat();
        let half = parts[..cut.index(parts.len() + 1)].concat();
        for path in ["tests/a.rs", "test_a.py", "a.test.ts", "a_test.go", "ATest.java", "ATest.kt", "a_spec.rb", "ATest.php", "ATests.cs", "pyproject.toml", "package.json", "x.sh", "x.xml", "x.txt"] {
            let _ = check(&[change(path, Some(&half), Some(&text))], &Evidence::default());
            let _ = check(&[change(path, Some(&text), Some(&half))], &Evidence::default());
            proptest::prop_assert_eq!(check(&[change(path, Some(&text), Some(&text))], &Evidence::default()), vec![]);
        }
    }
}

/// More of them. A regression list as well: rules have been mended by what it showed.
const MORE_BAD: &[(&str, &str, &str, &str)] = &[
    (
        "src/lib.rs",
        "mod tests {\n    #[tokio::test]\n    async fn works() {\n        let r = run().await.unwrap();\n        assert_eq!(r.len(), 3);\n        assert_eq!(r[0].name, \"a\");\n    }\n}\n",
        "        assert_eq!(r[0].name, \"a\");\n",
        "        let _ = &r[0].name;\n",
    ),
    (
        "src/lib.rs",
        "mod tests {\n    #[tokio::test]\n    async fn works() {\n        let r = run().await.unwrap();\n        assert_eq!(r.len(), 3);\n    }\n}\n",
        "assert_eq!(r.len(), 3)",
        "assert!(r.len() >= 1)",
    ),
    (
        "src/lib.rs",
        "mod tests {\n    #[test]\n    fn fails() {\n        let e = run().unwrap_err();\n        assert!(matches!(e, Error::Gone));\n    }\n}\n",
        "matches!(e, Error::Gone)",
        "e.to_string().len() > 0",
    ),
    (
        "src/lib.rs",
        "mod tests {\n    #[test]\n    #[should_panic(expected = \"boom\")]\n    fn panics() {\n        run();\n    }\n}\n",
        "#[should_panic(expected = \"boom\")]",
        "#[should_panic]",
    ),
    ("src/lib.rs", "mod tests {\n    #[test]\n    fn close() {\n        assert!((f() - 1.0).abs() < 1e-9);\n    }\n}\n", "1e-9", "1e-1"),
    (
        "tests/unit/test_api.py",
        "class TestApi:\n    @pytest.mark.asyncio\n    async def test_get(self, client):\n        response = await client.get('/x')\n        assert response.status_code == 200\n        assert response.json() == {'a': 1}\n",
        "assert response.json() == {'a': 1}",
        "assert response.json() is not None",
    ),
    (
        "tests/unit/test_api.py",
        "class TestApi:\n    def test_get(self, client):\n        with pytest.raises(ValueError, match='bad'):\n            client.get('/x')\n",
        "pytest.raises(ValueError, match='bad')",
        "pytest.raises(Exception)",
    ),
    (
        "tests/unit/test_api.py",
        "class TestApi:\n    def test_get(self, mocker):\n        m = mocker.patch('x')\n        run()\n        m.assert_called_once_with(1, 2)\n",
        "assert_called_once_with(1, 2)",
        "assert_called()",
    ),
    ("tests/unit/test_api.py", "def test_get(client):\n    assert client.get('/x').status_code == 200\n", "== 200", "in (200, 500)"),
    (
        "tests/unit/test_api.py",
        "class TestApi:\n    def test_get(self, client):\n        assert client.get('/x').ok\n",
        "class TestApi:",
        "@pytest.mark.skipif(True, reason='x')\nclass TestApi:",
    ),
    (
        "src/Button.test.tsx",
        "test('renders', () => {\n  render(<Button label=\"Don't\" />);\n  expect(screen.getByRole('button')).toHaveTextContent(\"Don't\");\n});\n",
        "toHaveTextContent(\"Don't\")",
        "toBeInTheDocument()",
    ),
    (
        "src/api.spec.js",
        "describe('api', function () {\n  it('gets', async function () {\n    const r = await get();\n    assert.deepStrictEqual(r, { a: 1 });\n  });\n});\n",
        "assert.deepStrictEqual(r, { a: 1 })",
        "assert.ok(r)",
    ),
    (
        "src/api.spec.js",
        "describe('api', function () {\n  it('gets', async function () {\n    expect(await get()).toEqual({ a: 1 });\n  });\n});\n",
        "it('gets', async function () {",
        "it('gets', async function () {\n    this.skip();",
    ),
    ("src/api.spec.js", "it('calls', () => {\n  run(spy);\n  expect(spy).toHaveBeenCalledWith(1);\n});\n", "toHaveBeenCalledWith(1)", "toHaveBeenCalled()"),
    ("src/api.spec.js", "it.each([[1, 2], [3, 4]])('adds %i', (a, b) => {\n  expect(f(a)).toBe(b);\n});\n", ", [3, 4]", ""),
    (
        "pkg/x_test.go",
        "package x\n\nfunc TestX(t *testing.T) {\n\tgot, err := X()\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n\tif diff := cmp.Diff(want, got); diff != \"\" {\n\t\tt.Errorf(\"diff %s\", diff)\n\t}\n}\n",
        "\tif diff := cmp.Diff(want, got); diff != \"\" {\n\t\tt.Errorf(\"diff %s\", diff)\n\t}\n",
        "\tt.Log(got)\n",
    ),
    (
        "pkg/x_test.go",
        "package x\n\nfunc TestX(t *testing.T) {\n\tgot := X()\n\tif got != 3 {\n\t\tt.Errorf(\"got %d\", got)\n\t}\n}\n",
        "t.Errorf(",
        "t.Logf(",
    ),
    (
        "pkg/x_test.go",
        "package x\n\nfunc TestX(t *testing.T) {\n\trequire.Equal(t, 3, X())\n}\n",
        "\trequire.Equal",
        "\tif testing.Short() {\n\t\tt.SkipNow()\n\t}\n\trequire.Equal",
    ),
    (
        "app/src/test/java/AT.java",
        "class ATest {\n  @ParameterizedTest\n  @ValueSource(ints = {1, 2, 3})\n  void many(int n) {\n    assertTrue(ok(n));\n  }\n}\n",
        "{1, 2, 3}",
        "{1}",
    ),
    (
        "app/src/test/java/AT.java",
        "class ATest {\n  @Test\n  void many() {\n    assertThat(list()).containsExactly(1, 2);\n  }\n}\n",
        "containsExactly(1, 2)",
        "isNotEmpty()",
    ),
    (
        "app/src/test/java/AT.java",
        "class ATest {\n  @Test\n  void many() {\n    assumeTrue(isLinux());\n    assertEquals(1, f());\n  }\n}\n",
        "assertEquals(1, f())",
        "assertEquals(1, f(), 100)",
    ),
    (
        "spec/models/user_spec.rb",
        "describe User do\n  it { is_expected.to validate_presence_of(:name) }\n  it 'is valid' do\n    expect(user).to be_valid\n  end\nend\n",
        "  it { is_expected.to validate_presence_of(:name) }\n",
        "",
    ),
    (
        "test/user_test.rb",
        "class UserTest < Minitest::Test\n  def test_name\n    assert_equal 'a', user.name\n  end\nend\n",
        "assert_equal 'a', user.name",
        "assert user.name",
    ),
    ("tests/UserTest.php", "<?php\nit('adds', function () {\n    expect(add(1, 2))->toBe(3);\n});\n", "->toBe(3)", "->not->toBeNull()"),
    (
        "Tests/UserTests.cs",
        "public class UserTests {\n  [Test]\n  public void Name() {\n    Assert.That(user.Name, Is.EqualTo(\"a\"));\n  }\n}\n",
        "Is.EqualTo(\"a\")",
        "Is.Not.Null",
    ),
    (
        "Tests/UserTests.cs",
        "public class UserTests {\n  [TestMethod]\n  public void Name() {\n    user.Name.Should().Be(\"a\");\n  }\n}\n",
        "  [TestMethod]\n",
        "  [TestMethod]\n  [Ignore]\n",
    ),
    ("src/app.py", "def charge(x):\n    return pay(x)\n", "    return pay(x)\n", "    if 'pytest' in sys.modules:\n        return True\n    return pay(x)\n"),
    ("setup.cfg", "[flake8]\nmax-line-length = 100\n", "max-line-length = 100\n", "max-line-length = 100\nignore = E501,F401\n"),
    ("tox.ini", "[testenv]\ncommands = pytest tests\n", "pytest tests", "- pytest tests"),
    ("build.gradle.kts", "tasks.test {\n    useJUnitPlatform()\n}\n", "useJUnitPlatform()", "useJUnitPlatform { excludeTags(\"slow\") }"),
];

// An input that changes inside an assertion changes what is tested: it is no alarm to ask.
const INPUT_CHANGED: (&str, &str, &str, &str) =
    ("app/src/test/java/ATest.java", "class ATest {\n  @Test\n  void x() {\n    assertEquals(1, f(2));\n  }\n}\n", "f(2)", "f(3)");

const MORE_FINE: &[(&str, &str, &str, &str)] = &[
    (
        "src/lib.rs",
        "mod tests {\n    #[tokio::test]\n    async fn works() {\n        let r = run().await.unwrap();\n        assert_eq!(r.len(), 3);\n    }\n}\n",
        "run().await.unwrap()",
        "run(Default::default()).await.unwrap()",
    ),
    (
        "src/lib.rs",
        "pub fn f() -> Result<u8, E> {\n    g()\n}\n",
        "    g()\n",
        "    match g() {\n        Ok(v) => Ok(v),\n        Err(_) => return Ok(0),\n    }\n",
    ),
    ("src/lib.rs", "mod tests {\n    #[test]\n    fn a() {\n        assert!(f().is_ok());\n    }\n}\n", "assert!(f().is_ok())", "assert_eq!(f(), Ok(1))"),
    (
        "src/lib.rs",
        "#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {\n        let x = 'a';\n        assert_eq!(x, 'a');\n    }\n}\n",
        "let x = 'a'",
        "let x: char = 'a'",
    ),
    ("src/lib.rs", "#[cfg(test)]\nmod tests;\nmod a;\n", "mod a;\n", "mod a;\nmod b;\n"),
    (
        "tests/unit/test_api.py",
        "class TestApi:\n    def test_get(self, client):\n        response = client.get('/x')\n        assert response.status_code == 200\n",
        "client.get('/x')",
        "client.get('/x', headers={})",
    ),
    ("tests/unit/test_api.py", "import os\nfrom a import b\n\ndef test_x():\n    assert b() == 1\n", "from a import b", "from c import b"),
    (
        "tests/unit/test_api.py",
        "def make():\n    return 1\n\ndef test_x():\n    assert make() == 1\n",
        "def make():\n    return 1\n",
        "def make(n=1):\n    return n\n",
    ),
    ("tests/unit/test_api.py", "def test_x():\n    with pytest.raises(Exception):\n        f()\n", "pytest.raises(Exception)", "pytest.raises(ValueError)"),
    ("tests/unit/test_api.py", "def test_x():\n    assert f() in (1, 2)\n", "assert f() in (1, 2)", "assert f() == 1"),
    ("tests/unit/test_api.py", "def test_x():\n    def inner():\n        return 3\n    assert f(inner) == 3\n", "return 3", "return 1 + 2"),
    (
        "src/app.py",
        "class A:\n    def run(self):\n        assert self.ready\n        go()\n",
        "        assert self.ready\n",
        "        if not self.ready:\n            raise RuntimeError('not ready')\n",
    ),
    ("src/app.py", "def test_connection(host):\n    assert host\n    return ping(host)\n", "    assert host\n", ""),
    (
        "src/Button.test.tsx",
        "test('renders', () => {\n  render(<Button label=\"Don't\" />);\n  expect(screen.getByRole('button')).toBeVisible();\n});\n",
        "<Button label",
        "<Button kind=\"x\" label",
    ),
    (
        "src/api.spec.js",
        "const { get } = require('./api');\nit('gets', async () => {\n  expect(await get()).toEqual({ a: 1 });\n});\n",
        "require('./api')",
        "require('../api')",
    ),
    (
        "src/api.spec.js",
        "it('gets', async () => {\n  expect(await get()).toEqual({ a: 1 });\n});\n",
        "it('gets', async () => {\n",
        "beforeEach(() => reset());\n\nit('gets', async () => {\n",
    ),
    ("src/api.spec.js", "it('matches', () => {\n  expect(re.test('it.skip(')).toBe(true);\n});\n", "re.test", "regex.test"),
    ("src/api.spec.js", "it('maps', () => {\n  expect([1].map((n) => { return n; })).toEqual([1]);\n});\n", "(n) => { return n; }", "(n) => n"),
    (
        "src/api.js",
        "export async function get() {\n  return fetch(u);\n}\n",
        "  return fetch(u);\n",
        "  try {\n    return await fetch(u);\n  } catch (e) {\n    return null;\n  }\n",
    ),
    (
        "pkg/x_test.go",
        "package x\n\nfunc TestX(t *testing.T) {\n\tt.Run(\"a\", func(t *testing.T) {\n\t\tassert.Equal(t, 1, X())\n\t})\n}\n",
        "assert.Equal(t, 1, X())",
        "assert.Equal(t, 1, X(ctx))",
    ),
    (
        "pkg/x_test.go",
        "package x\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {\n\tif X() != 1 {\n\t\tt.Fatal(\"x\")\n\t}\n}\n",
        "\tif X() != 1 {\n\t\tt.Fatal(\"x\")",
        "\tif got := X(); got != 1 {\n\t\tt.Fatalf(\"got %d\", got)",
    ),
    (
        "app/src/main/java/A.java",
        "class A {\n  void f() {\n    g();\n  }\n}\n",
        "    g();\n",
        "    try {\n      g();\n    } catch (IOException e) {\n      throw new RuntimeException(e);\n    }\n",
    ),
    (
        "spec/models/user_spec.rb",
        "describe User do\n  let(:user) { User.new }\n  it 'is valid' do\n    expect(user).to be_valid\n  end\nend\n",
        "User.new",
        "User.new(name: 'a')",
    ),
    (
        "tests/UserTest.php",
        "<?php\nclass UserTest extends TestCase {\n    public function testName() {\n        $u = new User();\n        $this->assertSame('a', $u->name);\n    }\n}\n",
        "new User()",
        "new User('a')",
    ),
    (
        "Tests/UserTests.cs",
        "public class UserTests {\n  [Test]\n  public async Task Name() {\n    Assert.That(await Get(), Is.EqualTo(\"a\"));\n  }\n}\n",
        "await Get()",
        "await GetAsync()",
    ),
    ("setup.cfg", "[flake8]\nmax-line-length = 100\n", "[flake8]\n", "[metadata]\nname = x\n\n[flake8]\n"),
    ("package.json", "{\n  \"scripts\": {\n    \"build\": \"tsc\",\n    \"test\": \"vitest run\"\n  }\n}\n", "\"tsc\"", "\"tsc -b\""),
    ("docker-compose.yml", "services:\n  db:\n    image: pg\n", "image: pg", "image: postgres"),
    ("README.md", "# x\n", "# x\n", "# x\n\nUse `# noqa` or `|| true`.\n"),
];

#[test]
fn a_changed_input_needs_approval() {
    let (path, before, from, to) = INPUT_CHANGED;
    let findings = found(path, before, &edit(before, from, to));
    assert_eq!(findings.iter().map(|finding| (finding.rule, finding.severity)).collect::<Vec<_>>(), [(Rule::ExpectedValueChanged, Severity::NeedsApproval)]);
}

#[test]
fn more_labelled_changes_are_judged_right() {
    let missed: Vec<String> = MORE_BAD
        .iter()
        .filter(|(path, before, from, to)| found(path, before, &edit(before, from, to)).is_empty())
        .map(|(path, _, from, to)| format!("{path}: `{from}` -> `{to}`"))
        .collect();
    let refused: Vec<String> = MORE_FINE
        .iter()
        .map(|(path, before, from, to)| (path, from, to, found(path, before, &edit(before, from, to))))
        .filter(|(.., findings)| findings.iter().any(|finding| finding.severity == Severity::Refuse))
        .map(|(path, from, to, findings)| format!("{path}: `{from}` -> `{to}`: {findings:?}"))
        .collect();
    assert!(missed.is_empty() && refused.is_empty(), "missed:\n{}\nrefused, and honest:\n{}", missed.join("\n"), refused.join("\n"));
}
