//! Set-ups that do more than fetch: they install or build the project, write beside its sources, and read what a patch changes.

use super::bench::{Bench, PYTHON, PYTHON_FIX, PYTHON_NO_FIX, UNITTEST, diff, has, isolates};

fn met() -> bool {
    isolates() && has("python3", &["--version"])
}

/// As `pip install .` does: what is tested is a copy of the sources among the dependencies.
const INSTALL: &str = "mkdir -p .venv/lib && cp *.py .venv/lib/";
const INSTALLED: &str = "cd .venv/lib && python3 -m unittest -v";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_set_up_installs_is_the_code_of_its_commit() {
    requires!("what_a_set_up_installs_is_the_code_of_its_commit", met(), "user namespaces and python3");
    let bench = Bench::new(
        &PYTHON,
        vec![
            diff(PYTHON_NO_FIX),
            diff(PYTHON_FIX),
            diff("--- a/calc.py\n+++ b/calc.py\n@@ -5,2 +5,2 @@\n def twice(a):\n-    return add(a, 1)\n+    return add(a, a)\n"),
        ],
    )
    .await;
    let json = bench.fix(&["--setup", INSTALL, "--cmd", INSTALLED]).await.expect("fixed", "branch_left", 0);
    assert_eq!(json["attempts"], 2, "what mends nothing is not proved: {json}");
    let told = bench.model.prompt(1);
    assert!(told.contains("After the patch it is still red"), "{told}");

    // The same set-up and lock files, another commit, another fault.
    bench.write("calc.py", "def add(a, b):\n    return a + b\n\n\ndef twice(a):\n    return add(a, 1)\n");
    bench.git(&["add", "-A"]);
    bench.commit("another fault");
    let ran = bench.fix(&["--setup", INSTALL, "--cmd", INSTALLED]).await;
    let json = ran.expect("fixed", "branch_left", 0);
    assert_eq!(json["attempts"], 1, "{json}");
    assert!(ran.stderr.contains("test_twice"), "{}", ran.stderr);

    // And none.
    bench.write("calc.py", "def add(a, b):\n    return a + b\n\n\ndef twice(a):\n    return add(a, a)\n");
    bench.git(&["add", "-A"]);
    bench.commit("mended");
    bench.fix(&["--setup", INSTALL, "--cmd", INSTALLED]).await.expect("not_reproduced", "not_reproduced", 1);
    bench.assert_tidy();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_set_up_writes_into_folders_of_the_commit_is_there_again() {
    requires!("what_a_set_up_writes_into_folders_of_the_commit_is_there_again", met(), "user namespaces and python3");
    let mut files = PYTHON.to_vec();
    let test = PYTHON[1].1.replace("import unittest\n", "import unittest\n\nfrom pkg.made import VERSION\n").replace("add(0, 0), 0", "add(0, 0), VERSION");
    files[1].1 = &test;
    files.push(("pkg/__init__.py", ""));
    let bench = Bench::new(&files, vec![diff(PYTHON_FIX)]).await;
    // With the network it would be fetched once more; the count says how often the set-up ran.
    let setup = "echo run >> \"$HOME/runs\"; echo 'VERSION = 0' > pkg/made.py";
    let json = bench.fix(&["--setup", setup, "--cmd", &format!("{UNITTEST} && test $(wc -l < \"$HOME/runs\") = 1")]).await.expect("fixed", "branch_left", 0);
    assert_eq!(json["attempts"], 1, "{json}");
    bench.assert_tidy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_reads_the_patched_manifest() {
    requires!("a_set_up_reads_the_patched_manifest", met(), "user namespaces and python3");
    let mut files = PYTHON.to_vec();
    files[0] = ("calc.py", "from installed import add\n\n\ndef twice(a):\n    return add(a, a)\n");
    files.push(("deps/wanted.txt", "sub\n"));
    files.push(("registry/sub.py", "def add(a, b):\n    return a - b\n"));
    files.push(("registry/add.py", "def add(a, b):\n    return a + b\n"));
    let fix = |to: &str| diff(&format!("--- a/deps/wanted.txt\n+++ b/deps/wanted.txt\n@@ -1 +1 @@\n-sub\n+{to}\n"));
    let bench = Bench::new(&files, vec![fix("nonesuch"), fix("add")]).await;
    let setup = "cp \"registry/$(cat deps/wanted.txt).py\" installed.py";
    let json = bench.fix(&["--setup", setup, "--cmd", UNITTEST]).await.expect("fixed", "branch_left", 0);
    assert_eq!(json["attempts"], 2, "{json}");
    let told = bench.model.prompt(1);
    assert!(told.contains("This patch was applied, and then the set-up step") && told.contains("nonesuch"), "{told}");
    bench.assert_tidy();
}
