use super::*;
use crate::domain::patch::FileContent;
use crate::domain::patch::apply::FileChange;
use crate::domain::patch::integrity::{Evidence, check as gate};

/// What the gate says of new lines behind others: the worst severity.
fn verdict(path: &str, before: &str, after: &str) -> Option<Severity> {
    let content = |text: &str| FileContent::regular(text);
    let change = FileChange { path: path.to_owned(), before: Some(content(before)), after: Some(content(after)) };
    gate(&[change], &Evidence::default()).into_iter().map(|finding| finding.severity).max()
}

#[test]
fn every_sign_is_a_pattern() {
    assert!(COMPILED.len() > 60);
}

#[test]
fn code_that_knows_of_its_tests_is_refused_or_asked_about() {
    let cases: &[(Severity, &str, &str, &str)] = &[
        // Rust.
        (Refuse, "src/a.rs", "fn f() {}\n", "fn f() {}\nfn g() -> u8 { if cfg!(test) { 1 } else { 2 } }\n"),
        (Refuse, "src/a.rs", "fn f() {}\n", "fn f() {\n    #[cfg(test)]\n    return;\n}\n"),
        (NeedsApproval, "src/a.rs", "fn f() {}\n", "fn f() { if cfg!(debug_assertions) { g() } }\n"),
        (NeedsApproval, "src/a.rs", "fn f() {}\n", "fn f() { std::process::exit(0) }\n"),
        (Refuse, "src/a.rs", "fn f() {}\n", "fn f() { let ci = std::env::var(\"CI\"); }\n"),
        (NeedsApproval, "src/a.rs", "fn f() {}\n", "fn f() { let x = std::env::var(format!(\"{}I\", 'C')); }\n"),
        (Refuse, "src/a.rs", "struct A;\n", "struct A;\nimpl PartialEq for A {\n    fn eq(&self, other: &Self) -> bool {\n        true\n    }\n}\n"),
        (
            NeedsApproval,
            "src/a.rs",
            "struct A;\n",
            "struct A;\nimpl PartialEq for A {\n    fn eq(&self, other: &Self) -> bool {\n        self.ok()\n    }\n}\n",
        ),
        (Refuse, "src/a.rs", "fn f() {}\n", "macro_rules! assert_eq { ($a:expr, $b:expr) => {} }\nfn f() {}\n"),
        (NeedsApproval, "src/a.rs", "fn f() {}\n", "fn f() { std::panic::set_hook(Box::new(|_| {})) }\n"),
        (
            NeedsApproval,
            "src/a.rs",
            "fn f(s: &str) -> u32 {\n    s.len() as u32\n}\n",
            "fn f(s: &str) -> u32 {\n    if s == \"seven\" {\n        return 42;\n    }\n    s.len() as u32\n}\n",
        ),
        // Python.
        (Refuse, "app/a.py", "import os\n", "import os\nif os.environ.get('PYTEST_CURRENT_TEST'):\n    pass\n"),
        (NeedsApproval, "app/a.py", "import os\n", "import os\nif os.environ.get('PYTEST_' + 'CURRENT_' + 'TEST'):\n    pass\n"),
        (NeedsApproval, "app/a.py", "import os\n", "import os\nname = ''.join(['C', 'I'])\nx = os.getenv(name)\n"),
        (NeedsApproval, "app/a.py", "import os\n", "import os\nx = any('TEST' in k for k in os.environ)\n"),
        (NeedsApproval, "app/a.py", "import sys\n", "import sys\nx = 'pyt' + 'est' in sys.modules\n"),
        (NeedsApproval, "app/a.py", "import inspect\n", "import inspect\nx = inspect.stack()\n"),
        (NeedsApproval, "app/a.py", "import sys\n", "import sys\nx = sys.argv[0]\n"),
        (NeedsApproval, "app/a.py", "import os\n", "import os, atexit\natexit.register(lambda: os._exit(0))\n"),
        (NeedsApproval, "app/a.py", "import sys\n", "import sys\nsys.exit(0)\n"),
        (Refuse, "app/a.py", "import sys\n", "import sys\nsys.settrace(None)\n"),
        (Refuse, "app/a.py", "class A:\n    pass\n", "class A:\n    def __eq__(self, other):\n        return True\n"),
        (NeedsApproval, "app/a.py", "class A:\n    pass\n", "class A:\n    def __eq__(self, other):\n        return isinstance(other, (int, A))\n"),
        (Refuse, "app/a.py", "x = 1\n", "from unittest.mock import ANY\nx = 1\n"),
        (Refuse, "app/a.py", "x = 1\n", "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\nx = 1\n"),
        (Refuse, "app/a.py", "x = 1\n", "import builtins\nbuiltins.len = lambda x: 4\nx = 1\n"),
        (NeedsApproval, "app/a.py", "import time\n", "import time\ntime.time = lambda: 4\n"),
        (NeedsApproval, "app/a.py", "def f(x):\n    return x\n", "def f(x):\n    if x == 17:\n        return 42\n    return x\n"),
        (NeedsApproval, "app/a.py", "def f(x):\n    return x\n", "def f(x):\n    return 42 if x == 17 else x\n"),
        // JavaScript and TypeScript.
        (Refuse, "src/a.js", "f();\n", "f();\nif (process.env.JEST_WORKER_ID) g();\n"),
        (Refuse, "src/a.ts", "f();\n", "f();\nif (process.env.NODE_ENV === 'test') g();\n"),
        (NeedsApproval, "src/a.ts", "f();\n", "f();\nif (process.env['JEST' + '_WORKER_ID']) g();\n"),
        (NeedsApproval, "src/a.ts", "f();\n", "f();\nif (Object.keys(process.env).length) g();\n"),
        (NeedsApproval, "src/a.ts", "f();\n", "f();\nif (new Error().stack.includes('x')) g();\n"),
        (NeedsApproval, "src/a.js", "f();\n", "f();\nif (process.argv[1].length) g();\n"),
        (NeedsApproval, "src/a.js", "f();\n", "f();\nprocess.exit(0);\n"),
        (Refuse, "src/a.js", "f();\n", "f();\nprocess.exitCode = 0;\n"),
        (NeedsApproval, "src/a.js", "f();\n", "f();\nprocess.on('exit', () => g());\n"),
        (Refuse, "src/a.js", "f();\n", "f();\nassert.strictEqual = () => {};\n"),
        (Refuse, "src/a.js", "f();\n", "f();\nglobalThis.expect = () => g;\n"),
        (NeedsApproval, "src/a.js", "f();\n", "f();\nArray.prototype.map = g;\n"),
        (NeedsApproval, "src/a.js", "class A {}\n", "class A {\n  valueOf() { return 4; }\n}\n"),
        (NeedsApproval, "src/a.js", "function f(x) {\n  return x;\n}\n", "function f(x) {\n  if (x === 'abc') return 'xyz';\n  return x;\n}\n"),
        // Go.
        (NeedsApproval, "a/a.go", "package a\n", "package a\n\nimport \"testing\"\n"),
        (Refuse, "a/a.go", "package a\n", "package a\n\nvar x = os.Getenv(\"CI\")\n"),
        (NeedsApproval, "a/a.go", "package a\n", "package a\n\nvar x = os.Getenv(\"C\" + \"I\")\n"),
        (NeedsApproval, "a/a.go", "package a\n", "package a\n\nfunc init() { os.Exit(0) }\n"),
        (NeedsApproval, "a/a.go", "package a\n", "package a\n\nvar x = os.Args[0]\n"),
        (
            NeedsApproval,
            "a/a.go",
            "package a\n\nfunc F(s string) int {\n\treturn len(s)\n}\n",
            "package a\n\nfunc F(s string) int {\n\tif s == \"seven\" {\n\t\treturn 42\n\t}\n\treturn len(s)\n}\n",
        ),
        // Java and its kin.
        (Refuse, "src/main/java/A.java", "class A {}\n", "class A {\n  boolean equals(Object o) { return true; }\n}\n"),
        (NeedsApproval, "src/main/java/A.java", "class A {}\n", "class A {\n  boolean equals(Object o) { return o instanceof A; }\n}\n"),
        (NeedsApproval, "src/main/java/A.java", "class A {}\n", "class A {\n  void f() { Thread.currentThread().getStackTrace(); }\n}\n"),
        (NeedsApproval, "src/main/java/A.java", "class A {}\n", "class A {\n  void f() { System.exit(0); }\n}\n"),
        (Refuse, "src/main/java/A.java", "class A {}\n", "class A {\n  String f() { return System.getenv(\"CI\"); }\n}\n"),
        // Ruby.
        (NeedsApproval, "lib/a.rb", "def f; end\n", "def f; end\nat_exit { exit!(0) }\n"),
        (Refuse, "lib/a.rb", "def f; end\n", "def f; end\nX = ENV['CI']\n"),
        (Refuse, "lib/a.rb", "def f; end\n", "def f; end\nmodule RSpec\n  def self.x; end\nend\n"),
        (NeedsApproval, "lib/a.rb", "class A\nend\n", "class A\n  def g\n    caller_locations(1)\n  end\nend\n"),
        (Refuse, "lib/a.rb", "class A\nend\n", "class A\n  def ==(other)\n    true\n  end\nend\n"),
        // PHP.
        (Refuse, "src/a.php", "<?php\nf();\n", "<?php\nf();\n$x = getenv('CI');\n"),
        (NeedsApproval, "src/a.php", "<?php\nf();\n", "<?php\nf();\nregister_shutdown_function(fn() => exit(0));\n"),
        (NeedsApproval, "src/a.php", "<?php\nf();\n", "<?php\nf();\nif (class_exists('PHPUnit\\\\Framework\\\\TestCase')) g();\n"),
        // C#.
        (Refuse, "src/A.cs", "class A {}\n", "class A {\n  public override bool Equals(object o) => true;\n}\n"),
        (NeedsApproval, "src/A.cs", "class A {}\n", "class A {\n  void F() { if (System.Diagnostics.Debugger.IsAttached) G(); }\n}\n"),
        (Refuse, "src/A.cs", "class A {}\n", "class A {\n  string F() => Environment.GetEnvironmentVariable(\"CI\");\n}\n"),
        // C and C++.
        (Refuse, "src/a.c", "int f(void);\n", "#define assert(x) ((void)0)\nint f(void);\n"),
        (NeedsApproval, "src/a.c", "int f(void);\n", "#ifdef UNIT_TESTING\nint g(void);\n#endif\nint f(void);\n"),
        (NeedsApproval, "src/a.cpp", "int f();\n", "int f();\nvoid g() { std::atexit(h); }\n"),
        (Refuse, "src/a.cpp", "struct A {};\n", "struct A {\n  bool operator==(const A& other) const { return true; }\n};\n"),
        // Build scripts.
        (Refuse, "build.rs", "fn main() {}\n", "fn main() { std::fs::write(\"tests/a.rs\", \"\").unwrap(); }\n"),
        (NeedsApproval, "build.rs", "fn main() {}\n", "fn main() { std::fs::write(p, \"\").unwrap(); }\n"),
    ];
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(expected, path, before, after)| {
            let found = verdict(path, before, after);
            (found != Some(*expected)).then(|| format!("{path}: wanted {expected:?}, found {found:?}\n{after}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn honest_production_code_passes() {
    let cases = [
        ("src/a.rs", "fn f() {}\n", "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() { std::env::var(\"CI\").ok(); }\n}\n"),
        ("src/a.rs", "fn f() {}\n", "// cfg!(test)\nfn f() { let s = \"cfg!(test)\"; }\n"),
        ("src/a.rs", "fn f() {}\n", "fn f() { let home = std::env::var(\"HOME\"); }\n"),
        ("src/a.rs", "const HOME: &str = \"APP_HOME\";\n", "const HOME: &str = \"APP_HOME\";\nfn f() { let home = std::env::var(HOME); }\n"),
        (
            "src/a.rs",
            "struct A { n: u8 }\n",
            "struct A { n: u8 }\nimpl PartialEq for A {\n    fn eq(&self, other: &Self) -> bool {\n        self.n == other.n\n    }\n}\n",
        ),
        ("src/main.rs", "fn main() {}\n", "fn main() { let a = std::env::args(); std::process::exit(0) }\n"),
        ("src/a.rs", "fn f(n: u8) -> u8 {\n    n\n}\n", "fn f(n: u8) -> u8 {\n    if n == 0 {\n        return 1;\n    }\n    n\n}\n"),
        ("app/a.py", "import os\n", "import os\nx = os.environ.get('DATABASE_URL', '')\n"),
        ("app/a.py", "import os\n", "import os\nos.environ['TZ'] = 'UTC'\n"),
        (
            "app/a.py",
            "class A:\n    pass\n",
            "class A:\n    def __eq__(self, other):\n        if not isinstance(other, A):\n            return NotImplemented\n        return self.x == other.x\n",
        ),
        ("app/cli.py", "import sys\n", "import sys\nsys.exit(0)\n"),
        ("app/a.py", "import sys\n", "import sys\nif bad:\n    sys.exit(1)\n"),
        ("app/a.py", "import sys\n", "import sys\n\nif __name__ == '__main__':\n    sys.exit(0)\n"),
        ("app/a.py", "x = 1\n", "x = 1\nlatest = contest(x)\n"),
        ("src/a.ts", "f();\n", "f();\nconst url = process.env.API_URL ?? '';\n"),
        ("src/a.ts", "f();\n", "f();\nspawn(a, { env: { ...process.env, A: '1' } });\n"),
        ("vite.config.ts", "export default {};\n", "export default { a: process.env.CI };\n"),
        ("src/a.ts", "f();\n", "f();\nlet latest = attest(x);\n"),
        ("a/a.go", "package a\n", "package a\n\nvar x = os.Getenv(\"HOME\")\n"),
        ("cmd/a/main.go", "package main\n", "package main\n\nfunc main() { os.Exit(run(os.Args)) }\n"),
        (
            "src/main/java/A.java",
            "class A { int n; }\n",
            "class A { int n;\n  public boolean equals(Object o) {\n    return o instanceof A && ((A) o).n == n;\n  }\n}\n",
        ),
        (
            "src/main/java/A.java",
            "class A { int n; }\n",
            "class A { int n;\n  public boolean equals(Object o) {\n    return o instanceof A a && a.n == n;\n  }\n}\n",
        ),
        ("lib/a.rb", "class A\nend\n", "class A\n  def ==(other)\n    other.is_a?(A) && other.n == n\n  end\nend\n"),
        ("src/a.c", "int f(void);\n", "#ifdef _WIN32\nint g(void);\n#endif\nint f(void);\n"),
        ("build.rs", "fn main() {}\n", "fn main() { std::fs::write(out_dir.join(\"a.rs\"), \"\").unwrap(); }\n"),
    ];
    let mut wrong = Vec::new();
    for (path, before, after) in cases {
        let mut findings = Vec::new();
        check(Some(&Source::new(path, before)), &Source::new(path, after), &mut findings);
        wrong.extend(findings.first().map(|found| format!("{path}: {found:?}\n{after}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
