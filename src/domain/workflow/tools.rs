//! Toolchains that a job's `setup-*` actions ask for.

use serde::{Deserialize, Serialize};

use super::scope::Scope;
use super::template::fill;
use super::value::Value;

/// A toolchain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    Node,
    Python,
    Rust,
    Go,
    Java,
    Dotnet,
    Ruby,
    Php,
    Deno,
    Bun,
    Pnpm,
    Uv,
    Poetry,
    Beam,
    Gradle,
    Julia,
    Haskell,
    Swift,
    Zig,
    Nextest,
}

/// A toolchain, and the version that is wanted, as the workflow writes it (`3.11`, `lts/*`, `stable`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolHint {
    pub tool: Tool,
    pub version: Option<String>,
    /// A file of the checkout that names the version, such as `.nvmrc`.
    pub version_file: Option<String>,
}

/// Action, tool, the inputs that name its version (the first that is set counts), the inputs that name a file.
type Row = (&'static str, Tool, &'static [&'static str], &'static [&'static str]);

const ACTIONS: [Row; 26] = [
    ("actions/setup-node", Tool::Node, &["node-version"], &["node-version-file"]),
    ("actions/setup-python", Tool::Python, &["python-version"], &["python-version-file"]),
    ("actions/setup-go", Tool::Go, &["go-version"], &["go-version-file"]),
    ("actions/setup-java", Tool::Java, &["java-version"], &["java-version-file"]),
    ("actions/setup-dotnet", Tool::Dotnet, &["dotnet-version"], &["global-json-file"]),
    ("ruby/setup-ruby", Tool::Ruby, &["ruby-version"], &[]),
    ("shivammathur/setup-php", Tool::Php, &["php-version"], &["php-version-file"]),
    ("dtolnay/rust-toolchain", Tool::Rust, &["toolchain"], &[]),
    ("actions-rs/toolchain", Tool::Rust, &["toolchain"], &[]),
    ("actions-rust-lang/setup-rust-toolchain", Tool::Rust, &["toolchain"], &[]),
    ("moonrepo/setup-rust", Tool::Rust, &["channel"], &[]),
    ("hecrj/setup-rust-action", Tool::Rust, &["rust-version"], &[]),
    ("denoland/setup-deno", Tool::Deno, &["deno-version"], &["deno-version-file"]),
    ("oven-sh/setup-bun", Tool::Bun, &["bun-version"], &["bun-version-file"]),
    ("pnpm/action-setup", Tool::Pnpm, &["version"], &["package_json_file"]),
    ("astral-sh/setup-uv", Tool::Uv, &["version"], &["version-file"]),
    ("snok/install-poetry", Tool::Poetry, &["version"], &[]),
    ("abatilo/actions-poetry", Tool::Poetry, &["poetry-version"], &[]),
    ("erlef/setup-beam", Tool::Beam, &["elixir-version", "otp-version"], &["version-file"]),
    ("gradle/actions/setup-gradle", Tool::Gradle, &["gradle-version"], &[]),
    ("gradle/gradle-build-action", Tool::Gradle, &["gradle-version"], &[]),
    ("julia-actions/setup-julia", Tool::Julia, &["version"], &[]),
    ("haskell-actions/setup", Tool::Haskell, &["ghc-version"], &[]),
    ("swift-actions/setup-swift", Tool::Swift, &["swift-version"], &[]),
    ("mlugg/setup-zig", Tool::Zig, &["version"], &[]),
    ("taiki-e/install-action", Tool::Nextest, &[], &[]),
];

/// Actions that leave nothing behind a rerun would need.
const HARMLESS: [&str; 13] = [
    "actions/checkout",
    "actions/cache",
    "actions/cache/restore",
    "actions/cache/save",
    "actions/upload-artifact",
    "Swatinem/rust-cache",
    "mozilla-actions/sccache-action",
    "codecov/codecov-action",
    "coverallsapp/github-action",
    "dorny/test-reporter",
    "step-security/harden-runner",
    "gradle/wrapper-validation-action",
    "gradle/actions/wrapper-validation",
];

fn action_of(uses: &str) -> (&str, Option<&str>) {
    uses.split_once('@').map_or((uses, None), |(action, version)| (action, Some(version)))
}

fn row(uses: &str) -> Option<&'static Row> {
    let (action, _) = action_of(uses);
    ACTIONS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(action))
}

/// The tools that these steps set up, in order; an unresolved version is none.
pub(super) fn hints(steps: &[Value], scopes: &[Scope]) -> Vec<ToolHint> {
    steps
        .iter()
        .zip(scopes)
        .filter_map(|(step, scope)| {
            let uses = step.get("uses")?.to_text();
            let (_, tool, versions, files) = row(&uses)?;
            let input = |name: &&str| -> Option<String> {
                let value = match step.get("with")?.get(name)? {
                    Value::Text(text) => fill(text, scope).ok()?.to_text(),
                    other => other.to_text(),
                };
                let value = value.trim().to_owned();
                (!value.is_empty()).then_some(value)
            };
            if *tool == Tool::Nextest {
                let tools = input(&"tool").or_else(|| action_of(&uses).1.map(str::to_owned))?;
                let version = tools.split(',').map(str::trim).find(|tool| tool.contains("nextest"))?;
                let version = version.split_once('@').map(|(_, version)| version.to_owned());
                return Some(ToolHint { tool: *tool, version, version_file: None });
            }
            let pinned = || {
                // `dtolnay/rust-toolchain@1.85` names the version behind the `@`; a commit or `v1` does not.
                let (action, version) = action_of(&uses);
                let version = version.filter(|v| action == "dtolnay/rust-toolchain" && *v != "master" && *v != "v1" && v.len() < 40)?;
                Some(version.to_owned())
            };
            Some(ToolHint { tool: *tool, version: versions.iter().find_map(input).or_else(pinned), version_file: files.iter().find_map(input) })
        })
        .collect()
}

/// True for an action whose absence a rerun does not notice (or whose tool is set up otherwise).
pub(super) fn is_harmless(uses: &str, step: &Value) -> bool {
    let (action, _) = action_of(uses);
    if action.eq_ignore_ascii_case("actions/checkout") {
        // Another repository's checkout is content that a rerun would miss.
        return step.get("with").and_then(|with| with.get("repository")).is_none();
    }
    HARMLESS.iter().any(|name| name.eq_ignore_ascii_case(action)) || row(uses).is_some()
}
