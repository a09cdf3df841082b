//! What a file is, told by its path: test, snapshot, lock file, manifest, pipeline, build script, generated.

/// Lock files of package managers. `name` is the file's name in lower case.
#[must_use]
pub fn is_lock_file(name: &str) -> bool {
    matches!(
        name,
        "cargo.lock"
            | "package-lock.json"
            | "npm-shrinkwrap.json"
            | "yarn.lock"
            | "pnpm-lock.yaml"
            | "bun.lock"
            | "bun.lockb"
            | "poetry.lock"
            | "pdm.lock"
            | "uv.lock"
            | "pipfile.lock"
            | "gemfile.lock"
            | "composer.lock"
            | "go.sum"
            | "gradle.lockfile"
            | "packages.lock.json"
            | "mix.lock"
            | "pubspec.lock"
            | "flake.lock"
            | "deno.lock"
            | "podfile.lock"
    )
}

/// Manifests of packages and projects. `name` is the file's name in lower case.
#[must_use]
pub fn is_manifest(name: &str) -> bool {
    matches!(
        name,
        "cargo.toml"
            | "package.json"
            | "pyproject.toml"
            | "setup.cfg"
            | "pipfile"
            | "environment.yml"
            | "gemfile"
            | "composer.json"
            | "go.mod"
            | "pom.xml"
            | "build.gradle"
            | "build.gradle.kts"
            | "settings.gradle"
            | "settings.gradle.kts"
            | "libs.versions.toml"
            | "packages.config"
            | "directory.packages.props"
            | "mix.exs"
            | "pubspec.yaml"
            | "podfile"
            | "package.swift"
            | "deno.json"
            | "rust-toolchain.toml"
            | "rust-toolchain"
    ) || (name.starts_with("requirements") && name.ends_with(".txt"))
        || (name.starts_with("constraints") && name.ends_with(".txt"))
        || [".gemspec", ".csproj", ".fsproj", ".vbproj", ".cabal"].iter().any(|end| name.ends_with(end))
}

/// Pipelines. `path` and `name` in lower case.
#[must_use]
pub fn is_ci(path: &str, name: &str) -> bool {
    [".github/workflows/", ".github/actions/", ".circleci/", ".buildkite/", ".gitlab/ci/", ".woodpecker/", ".drone/"]
        .iter()
        .any(|folder| path.starts_with(folder))
        || matches!(
            name,
            ".gitlab-ci.yml"
                | ".travis.yml"
                | "azure-pipelines.yml"
                | "jenkinsfile"
                | "appveyor.yml"
                | ".appveyor.yml"
                | "bitbucket-pipelines.yml"
                | ".cirrus.yml"
                | ".drone.yml"
                | "codecov.yml"
                | ".codecov.yml"
        )
}

/// What runs while a project is built. `name` is the file's name in lower case.
#[must_use]
pub fn is_build_script(name: &str) -> bool {
    matches!(
        name,
        "build.rs"
            | "makefile"
            | "gnumakefile"
            | "cmakelists.txt"
            | "meson.build"
            | "setup.py"
            | "rakefile"
            | "justfile"
            | "taskfile.yml"
            | "gruntfile.js"
            | "gulpfile.js"
            | "build.xml"
            | "build.sbt"
            | "gradlew"
            | "mvnw"
            | "configure.ac"
            | "build"
            | "build.bazel"
            | "workspace"
            | "module.bazel"
            | "noxfile.py"
            | "tox.ini"
            | "conftest.py"
    ) || name.starts_with("dockerfile")
        || name.ends_with(".dockerfile")
        || name.starts_with("webpack.config.")
        || name.starts_with("vite.config.")
        || name.starts_with("rollup.config.")
        || name.starts_with("babel.config.")
        || [".mk", ".cmake", ".bzl"].iter().any(|end| name.ends_with(end))
}

/// Snapshot, golden and fixture files: what tests compare with.
#[must_use]
pub fn is_snapshot(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    lower.split('/').rev().skip(1).any(|part| {
        matches!(
            part,
            "__snapshots__"
                | "snapshots"
                | "__image_snapshots__"
                | "golden"
                | "goldens"
                | "testdata"
                | "test-data"
                | "test_data"
                | "fixtures"
                | "__fixtures__"
                | "cassettes"
                | "expected"
                | "baselines"
        )
    }) || [".snap", ".golden", ".approved.txt", ".ambr", ".verified.txt", ".snap.new"].iter().any(|end| lower.ends_with(end))
        || lower.rsplit('/').next().is_some_and(|name| name.contains(".approved.") || name.contains(".verified.") || name.contains(".golden."))
}

/// Whether a path is, by the habits of its language, a test source.
#[must_use]
pub fn is_test(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let name_cased = path.rsplit('/').next().unwrap_or(path);
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let stem_cased = name_cased.rsplit_once('.').map_or(name_cased, |(stem, _)| stem);
    let in_folder = lower.split('/').rev().skip(1).any(|part| {
        matches!(part, "test" | "tests" | "__tests__" | "spec" | "specs" | "e2e" | "testing") || part.ends_with(".tests") || part.ends_with(".test")
    });
    match extension {
        "py" => stem.starts_with("test_") || stem.ends_with("_test") || stem == "tests" || (in_folder && (stem == "conftest" || stem.starts_with("test"))),
        "go" => stem.ends_with("_test"),
        "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts" | "vue" => {
            [".test", ".spec", "-test", "-spec", "_test", "_spec", ".cy", ".e2e"].iter().any(|end| stem.ends_with(end))
                || lower.split('/').rev().skip(1).any(|part| matches!(part, "__tests__" | "test" | "tests" | "e2e" | "spec"))
        }
        "rb" => stem.ends_with("_spec") || stem.ends_with("_test") || stem.starts_with("test_"),
        "php" => stem_cased.ends_with("Test") || stem_cased.ends_with("Tests") || stem_cased.ends_with("Cest") || in_folder,
        "java" | "kt" | "groovy" | "scala" | "cs" | "swift" => {
            ["Test", "Tests", "TestCase", "Spec", "Suite", "IT", "Should"].iter().any(|end| stem_cased.ends_with(end))
                || stem_cased.starts_with("Test")
                || in_folder
        }
        "rs" => in_folder || stem == "tests" || stem == "test" || stem.ends_with("_test") || stem.ends_with("_tests"),
        "c" | "cc" | "cpp" | "cxx" | "h" | "hpp" | "m" | "mm" | "ex" | "exs" | "dart" | "clj" | "cljc" | "cljs" | "nim" | "hs" | "fs" | "jl" => {
            in_folder
                || ["_test", "_tests", "_unittest", "_spec"].iter().any(|end| stem.ends_with(end))
                || ["Test", "Tests", "Spec"].iter().any(|end| stem_cased.ends_with(end))
                || stem.starts_with("test_")
                || stem == "runtests"
        }
        "erl" => in_folder || stem.ends_with("_tests") || stem.ends_with("_suite") || stem.ends_with("_test"),
        "lua" => in_folder || stem.ends_with("_spec") || stem.ends_with("_test") || stem.starts_with("test_"),
        "t" | "bats" => true,
        "pl" | "sh" => in_folder,
        "r" => lower.contains("testthat/") || stem.starts_with("test-") || stem.starts_with("test_"),
        "sol" => stem.ends_with(".t") || in_folder,
        "ps1" => stem.ends_with(".tests"),
        _ => false,
    }
}

/// Generated or vendored code. `path` and `name` in lower case.
#[must_use]
pub fn is_generated(path: &str, name: &str) -> bool {
    path.split('/')
        .rev()
        .skip(1)
        .any(|part| matches!(part, "generated" | "gen" | "__generated__" | "vendor" | "third_party" | "node_modules" | "dist" | "autogen"))
        || [".pb.go", "_pb2.py", "_pb2_grpc.py", ".g.dart", ".generated.ts", ".generated.cs", ".designer.cs", ".min.js", ".min.css"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// Interfaces that others build on. `name` is the file's name in lower case.
#[must_use]
pub fn is_public_api(name: &str) -> bool {
    matches!(
        name,
        "lib.rs"
            | "index.d.ts"
            | "openapi.yaml"
            | "openapi.yml"
            | "openapi.json"
            | "swagger.json"
            | "swagger.yaml"
            | "schema.graphql"
            | "mod.rs"
            | "__init__.py"
    ) || [".proto", ".graphql", ".thrift", ".avsc", ".wit"].iter().any(|end| name.ends_with(end))
}
