//! Which places of the repository a line names. What belongs to a tool, a library or the machine is left out.

use std::sync::LazyLock;

use regex::Regex;

use super::mask::below_workspace;

/// A longer path is none: nobody has such files, and whoever reads it would keep it.
const LONGEST: usize = 300;

/// Parts of paths that belong to somebody else.
const FOREIGN: &[&str] = &[
    "node_modules/",
    "site-packages/",
    "dist-packages/",
    "/.cargo/",
    ".cargo/registry",
    "/rustc/",
    "library/std/",
    "library/core/",
    "library/alloc/",
    "/usr/",
    "/opt/",
    "/.nox/",
    "/.tox/",
    "/.venv/",
    "venv/lib",
    "/lib/python",
    "/hostedtoolcache/",
    "node:",
    "internal/",
    "/go/pkg/mod/",
    "/gems/",
    "/.rustup/",
    "/.m2/",
    "/.gradle/",
    "/proc/",
    "/dev/",
    "/etc/",
    "/sys/",
    "webpack:",
    "(native)",
    "/nix/store",
    "vendor/bundle/",
    "/vendor/phpunit",
    "vendor/phpunit",
    "/vendor/",
    "/snap/",
    "/_temp/",
    "_actions/",
    "/tmp/",
    "/var/",
    ".pnpm/",
    ".yarn/",
    "/root/.",
    "/home/runner/.",
    "/frozen ",
    "<frozen",
    "C:\\Program Files",
    "hostedtoolcache",
    "/python3.",
    "dist/",
    "/sdk/gotip/",
    "/Library/",
    "/Applications/",
];

/// Those of them that are roots of the system's own trees.
const SYSTEM: &[&str] = &["/var/", "/opt/", "/usr/", "/etc/", "/tmp/", "/dev/", "/sys/", "/proc/"];

/// Modules of Node itself, as frames name them before Node 16: `at emit (events.js:203:15)`.
const NODE_CORE: &[&str] = &[
    "events.js",
    "domain.js",
    "net.js",
    "module.js",
    "timers.js",
    "child_process.js",
    "bootstrap_node.js",
    "node.js",
    "fs.js",
    "vm.js",
    "assert.js",
    "_http_client.js",
    "_http_server.js",
    "_stream_readable.js",
    "_stream_writable.js",
    "_stream_duplex.js",
    "_tls_wrap.js",
];

/// Endings of files that people write.
const ENDINGS: &str = "rs|py|pyi|pyx|js|jsx|ts|tsx|mjs|cjs|mts|cts|vue|svelte|astro|go|java|kt|kts|scala|groovy|clj|c|h|cc|cpp|cxx|hpp|hh|hxx|m|mm|cs|fs|vb|csproj|fsproj|sln|rb|erb|rake|php|swift|dart|ex|exs|erl|hs|ml|mli|elm|lua|pl|pm|t|r|R|jl|nim|zig|sh|bash|ps1|sql|proto|graphql|css|scss|less|html|md|mdx|rst|yml|yaml|json|json5|toml|xml|gradle|cmake|bzl|tf|hcl|lock|cfg|ini|txt|snap|stderr|stdout|ipynb|gemspec|cabal|properties|cu|sol|tex|adoc";

/// A reference to a place in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path, relative where the workspace could be told.
    pub path: String,
    /// The line, if it was named.
    pub line: Option<u32>,
}

/// The path as the repository would name it, or none if it belongs to somebody else.
#[must_use]
pub fn repository_path(raw: &str) -> Option<String> {
    let raw = raw.trim().trim_matches(['"', '\'', '`', '(', ')', '<', '>']);
    let raw = raw.strip_prefix("file://").unwrap_or(raw);
    if raw.is_empty() || raw.len() > LONGEST || raw.contains("://") || raw.contains(char::is_whitespace) && raw.len() > 160 {
        return None;
    }
    let slashes = raw.replace('\\', "/");
    let inside = below_workspace(raw).map(|p| p.replace('\\', "/"));
    let path = inside.clone().unwrap_or(slashes);
    let path = path.trim_start_matches("./");
    // `<ROOT>/package.json` and the like: nothing of a repository stands in the root of a file system.
    let path = without_detours(path.strip_prefix('/').filter(|rest| !rest.contains('/')).unwrap_or(path));
    let probe = if inside.is_some() { format!("/{path}") } else { path.clone() };
    // A folder of the same name further down (`src/sys/`) is the repository's.
    let of_system = |part: &str| inside.is_none() && probe.starts_with(part);
    if FOREIGN.iter().any(|part| if SYSTEM.contains(part) { of_system(part) } else { probe.contains(part) }) {
        return None;
    }
    if path.starts_with("../../..") || path.contains('$') || path.starts_with('~') || path.starts_with('-') || path.starts_with('<') {
        return None;
    }
    (!path.is_empty() && !path.ends_with('/')).then_some(path)
}

/// `build/../src/a.c` is `src/a.c`.
fn without_detours(path: &str) -> String {
    if !path.contains("/../") {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        if part == ".." && parts.last().is_some_and(|last| !matches!(*last, ".." | "")) {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// Places that a line names in the usual notations (`a.c:1:2`, `a.ts(1,2)`, `File "a.py", line 1`, `(A.java:1)`).
#[must_use]
pub fn places(text: &str) -> Vec<Place> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = format!(
            r#"(?P<path>(?:[A-Za-z]:[\\/])?[\w@./\\+\-\[\]$~]*[\w\]\-]\.(?:{ENDINGS})\b|\b(?:[\w./-]*/)?(?:Dockerfile|Makefile|CMakeLists\.txt|Gemfile|Rakefile|Jenkinsfile)(?:\.\w+)?\b)(?:["'`]?, line (?P<a>\d+)|:(?P<b>\d+)|\((?P<c>\d+)[,)]|:\[(?P<d>\d+),|["'`]? on line (?P<e>\d+))?"#
        );
        Regex::new(&pattern).expect("a constant pattern")
    });
    static JAVA: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\bat (?:[\w.\-@]+/{1,2})?(?P<class>[\w.$]+)\.[\w$<>][^()]{0,160}\((?P<file>[\w$]+\.(?:java|kt|groovy|scala)):(?P<line>\d+)\)")
            .expect("a constant pattern")
    });
    if let Some(frame) = JAVA.captures(text) {
        let class = &frame["class"];
        if foreign_class(class) {
            return Vec::new();
        }
        let package = class.rsplit_once('.').map_or("", |(p, _)| p).replace('.', "/");
        let path = if package.is_empty() { frame["file"].to_owned() } else { format!("{package}/{}", &frame["file"]) };
        return if path.len() > LONGEST { Vec::new() } else { vec![Place { path, line: frame["line"].parse().ok() }] };
    }
    let in_frame = text.trim_start().starts_with("at ");
    PATTERN
        .captures_iter(text)
        .take(6)
        .filter_map(|c| {
            let whole = c.name("path")?;
            // The tail of an address of the web is not a file.
            let before = &text[..whole.start()];
            if before.ends_with("://") || before.ends_with(':') && whole.as_str().starts_with("//") || before.ends_with('@') {
                return None;
            }
            let line = ["a", "b", "c", "d", "e"].iter().find_map(|g| c.name(g)).and_then(|m| m.as_str().parse().ok());
            let path = repository_path(whole.as_str())?;
            if in_frame && NODE_CORE.contains(&path.as_str()) {
                return None;
            }
            // `e.g. foo.md`, `v1.c`: without a line and without a directory a name is often not a file.
            (line.is_some() || path.contains('/') || path.contains("file") || path.len() > 6).then_some(Place { path, line })
        })
        .collect()
}

/// Whether a line is a stack frame (or the name that belongs to one) outside the repository.
#[must_use]
pub fn foreign_frame(text: &str) -> bool {
    let body = text.trim_start();
    if let Some(rest) = body.strip_prefix("at ") {
        let rest = rest.strip_prefix("async ").unwrap_or(rest);
        if let Some(open) = rest.find('(')
            && rest.ends_with(')')
        {
            let place = &rest[open + 1..rest.len() - 1];
            let method = rest[..open].trim();
            let class = method.rsplit('/').next().unwrap_or(method);
            if foreign_class(class) || matches!(place, "Native Method" | "Unknown Source" | "<anonymous>") {
                return true;
            }
        }
        return FOREIGN.iter().any(|part| rest.contains(part)) && places(rest).is_empty();
    }
    // Rust prints the name of a frame on a line of its own: `12: core::ops::function::FnOnce::call_once`.
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0
        && digits < 4
        && let Some(name) = body[digits..].strip_prefix(": ")
    {
        let name = name.trim_start_matches('<');
        let name = name.split_once(" - ").filter(|(address, _)| address.starts_with("0x")).map_or(name, |(_, n)| n);
        return ["core::", "std::", "alloc::", "test::", "__rust", "rust_", "tokio::runtime", "_start", "__libc", "start_thread", "clone"]
            .iter()
            .any(|p| name.starts_with(p));
    }
    false
}

/// Whether a class belongs to the platform, a test framework or another library that all projects use.
#[must_use]
pub fn foreign_class(class: &str) -> bool {
    const ROOTS: &[&str] = &[
        "java.",
        "javax.",
        "jdk.",
        "sun.",
        "com.sun.",
        "org.junit.",
        "junit.",
        "org.gradle.",
        "org.apache.maven.",
        "org.mockito.",
        "org.assertj.",
        "org.hamcrest.",
        "org.testng.",
        "kotlin.",
        "kotlinx.",
        "groovy.",
        "org.codehaus.",
        "org.spockframework.",
        "scala.",
        "org.scalatest.",
        "io.netty.",
        "reactor.",
        "org.springframework.test.",
        "org.springframework.boot.test.",
        "org.apache.tools.ant.",
        "com.google.common.",
        "com.intellij.",
        "worker.org.gradle",
        "jakarta.",
    ];
    ROOTS.iter().any(|root| class.starts_with(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_end_is_none() {
        let package = "a".repeat(290);
        assert_eq!(places(&format!("\tat {package}.Thing.run(Thing.java:44)")).len(), 0);
        assert_eq!(places(&format!("{package}/{package}.java:44")).len(), 0);
        assert_eq!(places(&format!("\tat {}.Thing.run(Thing.java:44)", &package[..280])).len(), 1);
    }

    #[test]
    fn places_are_read_in_every_notation() {
        type Expected<'t> = &'t [(&'t str, Option<u32>)];
        let table: &[(&str, Expected<'_>)] = &[
            ("  --> tests/fail/macros.rs:5:5", &[("tests/fail/macros.rs", Some(5))]),
            ("src/app.ts(12,3): error TS1", &[("src/app.ts", Some(12))]),
            ("  File \"/home/runner/work/a/a/pkg/x.py\", line 7, in f", &[("pkg/x.py", Some(7))]),
            ("    at Object.<anonymous> (test/config/get.ts:32:38)", &[("test/config/get.ts", Some(32))]),
            ("    at com.acme.Thing.run(Thing.java:44)", &[("com/acme/Thing.java", Some(44))]),
            ("    at org.junit.Assert.fail(Assert.java:88)", &[]),
            ("    at x (/home/runner/work/a/a/node_modules/y/z.js:1:2)", &[]),
            ("[ERROR] /home/runner/work/a/a/src/main/java/A.java:[10,5] cannot find symbol", &[("src/main/java/A.java", Some(10))]),
            ("= #4 0x10 in xfree /home/travis/build/a/b/build/../src/m.c:119:3", &[("src/m.c", Some(119))]),
            ("panicked at lib/lamp/src/sys/exec.rs:290:13:", &[("lib/lamp/src/sys/exec.rs", Some(290))]),
            ("/usr/include/stdio.h:12:1: error: no", &[]),
            ("    at Gulp.emit (events.js:203:15)", &[]),
            ("Dockerfile:336", &[("Dockerfile", Some(336))]),
            ("GET https://example.org/a/b.json failed", &[]),
            ("D:\\a\\r\\r\\src\\A.cs(4,2): error CS1", &[("src/A.cs", Some(4))]),
        ];
        for (text, want) in table {
            let got = places(text);
            let got: Vec<(&str, Option<u32>)> = got.iter().map(|p| (p.path.as_str(), p.line)).collect();
            assert_eq!(&got, want, "{text}");
        }
    }
}
