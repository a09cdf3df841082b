//! Where other people's code comes from, and what of it runs by itself: read in the manifest's own format where there is a reader for it, and by
//! its sections and keys where there is none.
//!
//! Everything here asks: a fork with the fix in it is an honest dependency, and whether it is one a person sees.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::places;
use super::tests_found::{Source, pattern};
use super::{Finding, Rule, Severity};

const FOREIGN: &str = "code would come from elsewhere than the package registry";
const BY_ITSELF: &str = "a script would run by itself on installing, building or testing";

/// A line of a manifest without a reader, and what it means.
struct Entry {
    files: &'static str,
    line: &'static str,
    rule: Rule,
    severity: Severity,
    message: &'static str,
}

const fn asks(files: &'static str, message: &'static str, line: &'static str) -> Entry {
    Entry { files, line, rule: Rule::ForeignCode, severity: Severity::NeedsApproval, message }
}

/// Sources: the manuals of pip (requirements file format), cargo (specifying dependencies, configuration), Bundler, Go modules, Maven, Gradle,
/// `NuGet` and gitattributes(5).
const ENTRIES: &[Entry] = &[
    asks(
        r"(?i)(^|/)[^/]*(?:requirements|constraints)[^/]*\.(?:txt|in)$|(^|/)requirements/[^/]+\.(?:txt|in)$",
        FOREIGN,
        r"^\s*-(?:[a-bd-qs-z]|-(?:[a-bd-qs-z]|re[^q]|co[^n]))|^\s*(?:[\w.\[\]-]+\s*@\s*)?(?:git|hg|svn|bzr|https?|file|ssh)(?:\+\w+)?:",
    ),
    asks(
        r"(?i)(^|/)(?:pyproject|cargo|pixi|uv|poetry)\.toml$|(^|/)pipfile$|(^|/)\.cargo/config(?:\.toml)?$",
        FOREIGN,
        r#"(?:^|[{,])\s*["']?(?:git|hg|svn|registry|registry-index|index|index-url|extra-index-url|default-index|find-links|url|file|replace-with|branch|rev)["']?\s*=|^\s*\[+\s*(?:tool\.\w+\.(?:source|index|sources)|source|patch|replace|registries)\b|@\s*(?:git|hg|https?|file)(?:\+\w+)?:"#,
    ),
    asks(r"(?i)(^|/)pyproject\.toml$", "what builds the package would be another", r"^\s*(?:build-backend|backend-path|requires)\s*="),
    asks(r"(?i)(^|/)cargo\.toml$", BY_ITSELF, r#"^\s*(?:build|links)\s*=\s*["\[]|^\s*proc-macro\s*=\s*true"#),
    asks(
        r"(?i)(^|/)gemfile$|\.gemspec$",
        FOREIGN,
        r#"^\s*(?:source|git|git_source|path|github|gist|plugin|eval_gemfile)\b|\b(?:git|github|gist|bitbucket|path|source)(?::|\s*=>)|:(?:git|github|path|source)\s*=>"#,
    ),
    asks(r"(?i)(^|/)gemfile$|\.gemspec$", BY_ITSELF, r"\.extensions\s*(?:=|<<)|\bpost_install\b"),
    asks(r"(?i)(^|/)go\.(?:mod|work)$", FOREIGN, r"=>|^\s*replace\b|^\s*toolchain\b"),
    asks(r"(?i)(^|/)pom\.xml$", FOREIGN, r"<(?:repository|pluginRepository|mirror|snapshotRepository|extension)>|<systemPath>"),
    asks(r"(?i)(^|/)pom\.xml$", BY_ITSELF, r"(?:exec|antrun|groovy|gmavenplus|frontend)[\w-]*-plugin"),
    asks(
        r"(?i)\.gradle(?:\.kts)?$|\.versions\.toml$",
        FOREIGN,
        r#"\bmaven\s*[({]|\burl\s*[=(]|\bivy\s*[({]|\bflatDir\b|\bmavenLocal\s*\(|\bincludeBuild\b|\bapply\s*\(?\s*from\b|\bsourceControl\b"#,
    ),
    asks(
        r"(?i)\.(?:cs|fs|vb)proj$|\.(?:props|targets)$|(^|/)nuget\.config$",
        FOREIGN,
        r"(?i)<(?:RestoreSources|RestoreAdditionalProjectSources|packageSource\w*|add\s+key)\b",
    ),
    asks(r"(?i)\.(?:cs|fs|vb)proj$|\.(?:props|targets)$", BY_ITSELF, r"(?i)<(?:Exec|UsingTask|Target|Import|PreBuildEvent|PostBuildEvent)\b"),
    asks(r"(?i)(^|/)mix\.exs$", FOREIGN, r"\b(?:git|github|path|repo):"),
    asks(r"(?i)(^|/)pubspec\.yaml$|(^|/)shard\.yml$", FOREIGN, r"^\s*(?:git|url|path|github|gitlab|hosted|dependency_overrides):"),
    Entry {
        files: r"(^|/)\.gitattributes$",
        line: r"(?:^|\s)(?:-diff|binary|-text|linguist-generated|linguist-vendored|gitlab-generated|linguist-detectable=false)\b",
        rule: Rule::HiddenText,
        severity: Severity::NeedsApproval,
        message: "a change of these files would no longer be shown",
    },
    Entry {
        files: r"(^|/)\.gitattributes$",
        line: r"\b(?:filter|merge|diff)\s*=",
        rule: Rule::ForeignCode,
        severity: Severity::NeedsApproval,
        message: "a program would run on checking out, merging or comparing",
    },
    Entry {
        files: r"(^|/)\.cargo/config(?:\.toml)?$",
        line: r#"^\s*(?:runner|rustc-wrapper|rustc-workspace-wrapper|rustc|rustdoc|linker)\s*=|\brunner\s*="#,
        rule: Rule::RunnerConfigWeakened,
        severity: Severity::Refuse,
        message: "another program would run the tests, or build them",
    },
];

static COMPILED: LazyLock<Vec<(Regex, Regex, &'static Entry)>> =
    LazyLock::new(|| ENTRIES.iter().map(|entry| (pattern(entry.files), pattern(entry.line), entry)).collect());

/// What a manifest newly takes from elsewhere, or newly runs by itself.
pub(super) fn check(before: Option<&Source<'_>>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    let name = after.path.rsplit('/').next().unwrap_or(after.path).to_ascii_lowercase();
    if name == "package.json" || name == "composer.json" {
        json(before, after, findings);
    }
    if name == "pyproject.toml" || name == "setup.cfg" {
        sections(before, after, findings);
    }
    let entries: Vec<_> = COMPILED.iter().filter(|(files, ..)| files.is_match(after.path)).collect();
    if entries.is_empty() {
        return;
    }
    let mut known: HashMap<&str, usize> = HashMap::new();
    for line in before.map_or("", |source| source.masked.uncommented.as_str()).lines() {
        *known.entry(line.trim()).or_default() += 1;
    }
    for (at, line) in after.masked.uncommented.lines().enumerate() {
        if let Some(left) = known.get_mut(line.trim()).filter(|left| **left > 0) {
            *left -= 1;
            continue;
        }
        if let Some((_, _, entry)) = entries.iter().find(|(_, pattern, _)| pattern.is_match(line)) {
            findings.push(Finding::new(entry.rule, entry.severity, after.path, at + 1, entry.message).with(None, Some(line.trim())));
        }
    }
}

/// A JSON manifest, read as JSON: a value on the next line is the same value.
fn json(before: Option<&Source<'_>>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    let mut add = |rule, key: &str, message: &str, value: &Value| {
        let at = after.text.find(&format!("\"{key}\"")).unwrap_or(0);
        findings.push(Finding::new(rule, Severity::NeedsApproval, after.path, after.line(at), message).with(None, Some(&format!("{key}: {value}"))));
    };
    let old = before.map_or(Ok(Value::Null), |source| serde_json::from_str::<Value>(source.text));
    let Ok(new) = serde_json::from_str::<Value>(after.text) else {
        if old.is_ok() {
            add(Rule::ForeignCode, "", "the manifest can no longer be read", &Value::Null);
        }
        return;
    };
    let old = old.unwrap_or(Value::Null);
    let scripts = entries(&new, "scripts");
    for (key, value) in &scripts {
        if entries(&old, "scripts").get(key) != Some(value) && runs_by_itself(key, &scripts) {
            add(Rule::ForeignCode, key, BY_ITSELF, value);
        }
    }
    for group in ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "overrides", "resolutions", "require", "require-dev"] {
        let known = entries(&old, group);
        for (key, value) in entries(&new, group) {
            if known.get(key) != Some(&value) && (value.is_object() || value.as_str().is_some_and(is_foreign)) {
                add(Rule::ForeignCode, key, FOREIGN, value);
            }
        }
    }
    for key in [
        "repositories",
        "gypfile",
        "binary",
        "allow-plugins",
        "pnpm",
        "trustedDependencies",
        "workspaces",
        "bundledDependencies",
        "config",
        "packageManager",
        "volta",
    ] {
        if let Some(value) = new.get(key).filter(|value| old.get(key) != Some(value)) {
            add(Rule::ForeignCode, key, "what it means for where code comes from, or what runs by itself, is not known here", value);
        }
    }
    for key in ["jest", "mocha", "vitest", "ava", "nyc", "c8", "tap", "cypress", "karma", "jasmine", "wallaby"] {
        let (was, is) = (old.get(key), new.get(key));
        let words = |value: Option<&Value>| places::words(&value.map_or(String::new(), Value::to_string));
        if was != is && !places::is_harmless(&words(was), &words(is)) {
            add(Rule::RunnerConfigWeakened, key, "it says which tests run and what counts", is.unwrap_or(&Value::Null));
        }
    }
}

fn entries<'a>(value: &'a Value, group: &str) -> BTreeMap<&'a str, &'a Value> {
    value.get(group).and_then(Value::as_object).map(|map| map.iter().map(|(key, value)| (key.as_str(), value)).collect()).unwrap_or_default()
}

/// Scripts that a package manager runs unasked. Sources: npm's "scripts" (life cycle, pre and post scripts), Composer's "scripts" (events).
fn runs_by_itself(name: &str, scripts: &BTreeMap<&str, &Value>) -> bool {
    let life =
        ["install", "prepare", "prepublish", "prepublishOnly", "prepack", "postpack", "dependencies", "preinstall", "postinstall", "preprepare", "postprepare"];
    let around = name.strip_prefix("pre").or_else(|| name.strip_prefix("post")).is_some_and(|of| scripts.contains_key(of) || of.starts_with('-'));
    life.contains(&name) || around || name.ends_with("-cmd") || name.starts_with("pre-") || name.starts_with("post-")
}

/// A version that names a place. Source: npm's `package.json`, "dependencies".
fn is_foreign(version: &str) -> bool {
    let scheme = version.split(':').next().filter(|_| version.contains(':')).unwrap_or("");
    let harmless = matches!(scheme, "" | "workspace" | "catalog");
    !harmless || (version.contains('/') && !version.starts_with('@'))
}

/// The sections of a manifest that say which tests run: any change of them is asked about unless it is known to be harmless.
fn sections(before: Option<&Source<'_>>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    static RUNNER: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"^\s*\[\[?\s*["']?(?:tool[.:]\s*)?(?:pytest|coverage|tox|nox|testenv|nosetests|unittest|hatch\.envs)"#));
    let read = |source: &Source<'_>| -> (usize, String) {
        let (mut inside, mut text, mut first) = (false, String::new(), 1);
        for (at, line) in source.masked.uncommented.lines().enumerate() {
            if line.trim_start().starts_with('[') && line.trim_end().ends_with(']') && !line.contains('=') {
                inside = RUNNER.is_match(line);
            }
            if inside {
                if text.is_empty() {
                    first = at + 1;
                }
                text.push_str(line);
                text.push('\n');
            }
        }
        (first, text)
    };
    let (_, old) = before.map(read).unwrap_or_default();
    let (line, new) = read(after);
    let (was, is) = (places::words(&old), places::words(&new));
    if was != is && !places::is_harmless(&was, &is) {
        findings.push(Finding::new(
            Rule::RunnerConfigWeakened,
            Severity::NeedsApproval,
            after.path,
            line,
            "the section that says which tests run and what counts would change",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, before: &str, after: &str) -> Vec<(Rule, usize)> {
        let mut findings = Vec::new();
        check(Some(&Source::new(path, before)), &Source::new(path, after), &mut findings);
        findings.into_iter().map(|finding| (finding.rule, finding.line)).collect()
    }

    #[test]
    fn what_comes_from_elsewhere_or_runs_by_itself_asks() {
        let cases = [
            ("package.json", "{}", "{\n \"scripts\": {\n  \"postinstall\":\n   \"node x.js\"\n }\n}", Some(3)),
            ("package.json", "{\"scripts\": {\"build\": \"tsc\"}}", "{\"scripts\": {\"build\": \"tsc\", \"prebuild\": \"x\"}}", Some(1)),
            ("package.json", "{\"scripts\": {\"build\": \"tsc\"}}", "{\"scripts\": {\"build\": \"tsc -p .\"}}", None),
            ("package.json", "{}", "{\"dependencies\": {\"a\": \"github:x/y\"}}", Some(1)),
            ("package.json", "{}", "{\"dependencies\": {\"a\": \"x/y\"}}", Some(1)),
            ("package.json", "{}", "{\"dependencies\": {\"a\":\n\"https://x.test/a.tgz\"}}", Some(1)),
            ("package.json", "{}", "{\"dependencies\": {\"a\": \"npm:other@1\"}}", Some(1)),
            ("package.json", "{}", "{\"dependencies\": {\"a\": \"^1.2.3\", \"b\": \"workspace:*\"}}", None),
            ("package.json", "{\"jest\": {\"testMatch\": [\"a\"]}}", "{\"jest\": {\"testMatch\": [\"b\"]}}", Some(1)),
            ("package.json", "{}", "{,}", Some(1)),
            ("composer.json", "{}", "{\"scripts\": {\"post-install-cmd\": \"x\"}}", Some(1)),
            ("composer.json", "{}", "{\"repositories\": [{\"type\": \"vcs\"}]}", Some(1)),
            ("requirements.txt", "a==1\n", "a==1\n--index-url https://x.test\n", Some(2)),
            ("requirements.txt", "a==1\n", "a==1\n--extra-index-url=https://x.test\n", Some(2)),
            ("requirements.txt", "a==1\n", "a==1\n-i https://x.test\n", Some(2)),
            ("requirements-dev.txt", "a==1\n", "a @ git+https://x.test/a\n", Some(1)),
            ("requirements.txt", "a==1\n", "a==2\n-r base.txt\n", None),
            ("Cargo.toml", "[dependencies]\n", "[dependencies]\na = { git = \"https://x.test\" }\n", Some(2)),
            ("Cargo.toml", "[dependencies]\n", "[dependencies.a]\ngit = \"https://x.test\"\n", Some(2)),
            ("Cargo.toml", "[dependencies]\n", "[dependencies]\na = \"1\"\nrepository = \"https://x.test\"\n", None),
            ("Gemfile", "gem 'a'\n", "gem 'a', github: 'x/y'\n", Some(1)),
            ("go.mod", "module x\n", "module x\n\nreplace a => ../a\n", Some(3)),
            (".gitattributes", "*.a text\n", "*.a text\nsrc/** -diff\n", Some(2)),
            (".gitattributes", "", "src/** linguist-generated=true\n", Some(1)),
            (".cargo/config.toml", "", "[target.x86_64-unknown-linux-gnu]\nrunner = \"true\"\n", Some(2)),
            ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = \"-q\"\n", "[tool.pytest.ini_options]\naddopts = \"-q --anything\"\n", Some(1)),
            ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = \"-q\"\n", "[tool.pytest.ini_options]\naddopts = \"-v\"\n", None),
            ("pyproject.toml", "[tool.black]\nline-length = 80\n", "[tool.black]\nline-length = 100\n", None),
        ];
        for (path, before, after, line) in cases {
            assert_eq!(found(path, before, after).first().map(|(_, line)| *line), line, "{path}: {after}");
        }
    }
}
