//! Deterministic fixers: no model, no cost. The tool runs in the sandbox, and only its changes to known sources are taken.

use std::collections::BTreeMap;

use similar::TextDiff;
use tokio_util::sync::CancellationToken;

use super::workspace::{NotPrepared, Workspace, limits};
use crate::domain::ids::CommitSha;
use crate::domain::remediation::Remediation;
use crate::domain::suggestions;
use crate::engine::{Engine, StageError};
use crate::ports::git::{EntryKind, Remote};
use crate::ports::sandbox::{Network, Shell, ShellCommand};

/// A fixer: when it applies, what it runs, what it may change.
struct Fixer {
    name: &'static str,
    /// A file that the tree must have.
    manifest: &'static str,
    categories: &'static [&'static str],
    /// Words of which one stands in the excerpt: the tool's own.
    signs: &'static [&'static str],
    script: &'static str,
    ending: &'static str,
}

/// rustc's machine-applicable suggestions, applied by `cargo fix`. `--broken-code` keeps what was mended although errors are left.
const FIXERS: [Fixer; 2] = [
    Fixer {
        name: "cargo-fix",
        manifest: "Cargo.toml",
        categories: &["compile_error", "lint_error", "type_error"],
        signs: &["error[E", "could not compile", "error: unused", "error: variable", "= note: `#[deny", "rustc", "-D warnings", "-D unused"],
        script: "cargo fix --offline --all-targets --broken-code --allow-no-vcs --allow-dirty",
        ending: ".rs",
    },
    Fixer { name: "cargo-fmt", manifest: "Cargo.toml", categories: &["lint_error"], signs: &["Diff in "], script: "cargo fmt --all", ending: ".rs" },
];

/// Sources larger than this are left alone.
const FILE_CAP: usize = 2 * 1024 * 1024;

/// What a fixer made.
pub struct Made {
    /// Its name.
    pub name: &'static str,
    /// A unified diff.
    pub diff: String,
}

/// Runs the first fixer that applies and changes anything. `None` where there is none.
pub async fn make(engine: &Engine, remote: &Remote, state: &Remediation, stop: &CancellationToken) -> Result<Option<Made>, StageError> {
    let Some(diagnosis) = &state.diagnosis else { return Ok(None) };
    let sha = &state.opening.key.sha;
    for fixer in &FIXERS {
        let applies = fixer.categories.contains(&diagnosis.category.as_str()) && fixer.signs.iter().any(|sign| diagnosis.excerpt.contains(sign));
        if !applies {
            continue;
        }
        let folder = state.command.as_ref().map(|command| command.directory.trim_matches('/').to_owned()).unwrap_or_default();
        let manifest = if folder.is_empty() { fixer.manifest.to_owned() } else { format!("{folder}/{}", fixer.manifest) };
        if engine.git.read_file(remote, sha, &manifest, 16).await?.is_none() {
            continue;
        }
        match run(engine, remote, sha, state, fixer, &folder, stop).await {
            Ok(Some(diff)) => return Ok(Some(Made { name: fixer.name, diff })),
            Ok(None) => {}
            // Without a sandbox or a set-up there is no fixer; a model may still do it.
            Err(NotPrepared::NoSandbox(why) | NotPrepared::Setup(why)) => {
                tracing::info!(remediation = %state.id, fixer = fixer.name, %why, "the fixer could not be run")
            }
            Err(NotPrepared::Stage(error)) => return Err(error),
        }
    }
    Ok(None)
}

async fn run(
    engine: &Engine,
    remote: &Remote,
    sha: &CommitSha,
    state: &Remediation,
    fixer: &Fixer,
    folder: &str,
    stop: &CancellationToken,
) -> Result<Option<String>, NotPrepared> {
    let rules = engine.rules.of(&state.opening.slug);
    let limits = limits(engine, rules.timeout);
    let setup = state.command.as_ref().map(|command| command.setup.as_slice()).unwrap_or_default();
    let workspace = Workspace::prepare(engine, remote, sha, setup, limits, stop).await?;
    // The step's own variables matter (`RUSTFLAGS`), its command does not.
    let env: BTreeMap<String, String> = state.command.as_ref().map(|command| command.env.clone()).unwrap_or_default();
    let command = ShellCommand { shell: Shell::Sh, script: fixer.script.to_owned() };
    let ran = workspace.run(engine, command, folder, &env, Network::None, limits, stop).await?;
    tracing::debug!(remediation = %state.id, fixer = fixer.name, exit = %ran.exit, "the fixer was run");
    let mut diff = String::new();
    for entry in engine.git.list(remote, sha).await.map_err(StageError::from)? {
        if entry.kind != EntryKind::File || !entry.path.ends_with(fixer.ending) || entry.size > FILE_CAP as u64 {
            continue;
        }
        let Ok(path) = super::workspace::beneath(&workspace.tree, &entry.path) else { continue };
        // Read through no link: the tool ran untrusted build scripts, which may have put one here.
        let Ok(meta) = tokio::fs::symlink_metadata(&path).await else { continue };
        if !meta.is_file() || meta.len() > FILE_CAP as u64 {
            continue;
        }
        let Ok(after) = tokio::fs::read(&path).await else { continue };
        let Some(before) = engine.git.read_file(remote, sha, &entry.path, FILE_CAP).await.map_err(StageError::from)? else { continue };
        let (Ok(before), Ok(after)) = (String::from_utf8(before.bytes), String::from_utf8(after)) else { continue };
        if before != after {
            let (old, new) = (format!("a/{}", entry.path), format!("b/{}", entry.path));
            diff.push_str(&format!("diff --git {old} {new}\n{}", TextDiff::from_lines(&before, &after).unified_diff().header(&old, &new)));
        }
    }
    if diff.is_empty() && fixer.name == "cargo-fix" {
        // `cargo fix` needs a TCP socket of its own, which the weaker sandbox does not give: the compiler's suggestions are the same.
        let check = ShellCommand { shell: Shell::Sh, script: "cargo check --offline --all-targets --message-format=json 2>/dev/null || true".to_owned() };
        let ran = workspace.run(engine, check, folder, &env, Network::None, limits, stop).await?;
        for (named, edits) in suggestions::read(&String::from_utf8_lossy(&ran.output)) {
            let path = if folder.is_empty() { named } else { format!("{folder}/{named}") };
            // A path that the commit does not have is none of its sources.
            if crate::domain::patch::inspect::check_path(&path).is_err() || !path.ends_with(fixer.ending) {
                continue;
            }
            let Some(before) = engine.git.read_file(remote, sha, &path, FILE_CAP).await.map_err(StageError::from)? else { continue };
            let Ok(before) = String::from_utf8(before.bytes) else { continue };
            if let Some(after) = suggestions::apply(&before, &edits).filter(|after| *after != before) {
                let (old, new) = (format!("a/{path}"), format!("b/{path}"));
                diff.push_str(&format!("diff --git {old} {new}\n{}", TextDiff::from_lines(&before, &after).unified_diff().header(&old, &new)));
            }
        }
    }
    Ok((!diff.is_empty()).then_some(diff))
}
