//! Which paths a patch may touch, and what kinds of files it touches.
//!
//! Refusals are about paths, modes and size, and need no content. Facts ([`Touches`]) are not
//! refusals: they feed the risk score and the policies.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Serialize;

use crate::domain::source::files::{Kind, kinds};
use crate::domain::source::text::is_invisible;

use super::{FileKind, FileMode, Patch, PatchError, PatchLimits};

/// Patterns that no patch may touch. A fix that edits the pipeline, the code owners or a key can
/// raise its own rights, so these stay with people.
pub const FORBIDDEN: &[&str] = &[
    ".git/**",
    "**/.git/**",
    ".github/workflows/**",
    ".github/actions/**",
    ".gitmodules",
    "**/.gitmodules",
    "CODEOWNERS",
    ".github/CODEOWNERS",
    ".gitlab/CODEOWNERS",
    "docs/CODEOWNERS",
    "**/.env",
    "**/.env.*",
    "**/.envrc",
    "**/.npmrc",
    "**/.pypirc",
    "**/.netrc",
    "**/.ssh/**",
    "**/.aws/**",
    "**/.gnupg/**",
    "**/*.pem",
    "**/*.key",
    "**/*.p12",
    "**/*.pfx",
    "**/*.jks",
    "**/*.keystore",
    "**/id_rsa*",
    "**/id_ed25519*",
    "**/id_ecdsa*",
];

/// The forbidden patterns, compiled. The defaults can be added to, never taken away.
#[derive(Debug, Clone)]
pub struct PathRules {
    set: GlobSet,
    patterns: Vec<String>,
}

impl PathRules {
    /// The defaults and an operator's additions (globs, matched without regard to case).
    ///
    /// # Errors
    /// The message for a pattern that is not a glob, naming it.
    pub fn new(additions: &[String]) -> Result<Self, String> {
        let patterns: Vec<String> = FORBIDDEN.iter().map(|&pattern| pattern.to_owned()).chain(additions.iter().cloned()).collect();
        let mut builder = GlobSetBuilder::new();
        for pattern in &patterns {
            let glob = GlobBuilder::new(pattern)
                .case_insensitive(true)
                .literal_separator(true)
                .build()
                .map_err(|error| format!("forbidden path pattern `{}` is not a glob: {}", super::shown(pattern), error.kind()))?;
            builder.add(glob);
        }
        let set = builder.build().map_err(|error| format!("forbidden path patterns cannot be compiled: {}", error.kind()))?;
        Ok(Self { set, patterns })
    }

    /// The first pattern that forbids `path`.
    #[must_use]
    pub fn forbids(&self, path: &str) -> Option<&str> {
        // What a case-folding or blank-stripping file system would make of the path counts too.
        let folded: String = path.split('/').map(|part| part.trim_end_matches(['.', ' '])).collect::<Vec<_>>().join("/");
        [path, folded.as_str()].iter().find_map(|path| self.set.matches(path).first().map(|at| self.patterns[*at].as_str()))
    }
}

/// What the base tree holds that is not an ordinary file. Paths as git lists them.
#[derive(Debug, Clone, Default)]
pub struct TreeFacts {
    /// Every symbolic link (mode 120000).
    pub symlinks: Vec<String>,
    /// Every submodule (mode 160000).
    pub submodules: Vec<String>,
}

/// Kinds of files a patch touches. Facts, not refusals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Touches {
    /// `Cargo.toml`, `package.json`, …
    pub manifests: Vec<String>,
    /// `Cargo.lock`, `package-lock.json`, …
    pub lock_files: Vec<String>,
    /// Pipelines of any system, and robots that merge, update or deploy.
    pub ci: Vec<String>,
    /// What acts on the machine of whoever pulls, opens, builds or commits.
    pub machines: Vec<String>,
    /// What tells an agent what to do.
    pub instructions: Vec<String>,
    /// Dot files that are not known.
    pub unknown: Vec<String>,
    /// What says which tests run.
    pub runner_config: Vec<String>,
    /// What a runner would take in place of the thing of that name.
    pub shadows: Vec<String>,
    /// Set-up, doubles, helpers and bases of tests.
    pub test_support: Vec<String>,
    /// `build.rs`, `Makefile`, `Dockerfile`, `setup.py`, …
    pub build_scripts: Vec<String>,
    /// Test sources.
    pub tests: Vec<String>,
    /// Snapshots, golden files, fixtures.
    pub snapshots: Vec<String>,
    /// Database migrations.
    pub migrations: Vec<String>,
    /// Paths that look like authentication, cryptography or payment.
    pub sensitive: Vec<String>,
    /// Generated or vendored code.
    pub generated: Vec<String>,
    /// Interfaces others build on: `lib.rs`, `index.d.ts`, `*.proto`, OpenAPI, …
    pub public_api: Vec<String>,
    /// Files that go away.
    pub deleted: Vec<String>,
    /// Files that come.
    pub created: Vec<String>,
    /// Scripts that become executable.
    pub executable: Vec<String>,
}

/// What inspection found. Every refusal is listed, not just the first.
#[derive(Debug, Clone, Default)]
pub struct Inspection {
    /// Why the patch must not be applied; empty when it may.
    pub refusals: Vec<PatchError>,
    /// What it touches.
    pub touches: Touches,
}

/// Judge the paths, modes and size of a parsed patch. No content is looked up.
#[must_use]
pub fn inspect(patch: &Patch, tree: &TreeFacts, rules: &PathRules, limits: &PatchLimits) -> Inspection {
    let mut inspection = Inspection::default();
    let refusals = &mut inspection.refusals;
    if patch.files.len() > limits.max_files {
        refusals.push(PatchError::TooLarge { what: "files", found: patch.files.len(), limit: limits.max_files });
    }
    for file in &patch.files {
        let mut paths: Vec<&str> = file.old_path.iter().chain(&file.new_path).map(String::as_str).collect();
        paths.dedup();
        if file.binary {
            refusals.push(PatchError::Binary { path: file.path().to_owned() });
        }
        for path in paths {
            // A prefix that apply would take off must not carry a path past the rules.
            let bare = path.strip_prefix("a/").or_else(|| path.strip_prefix("b/"));
            for path in std::iter::once(path).chain(bare) {
                refusals.extend(judge(path, tree, rules));
            }
            inspection.touches.path(path);
        }
        match file.mode.new.map(FileMode::from_octal) {
            Some(Some(FileMode::Symlink)) => refusals.push(PatchError::SpecialFile { path: file.path().to_owned(), reason: "it would become a symbolic link" }),
            Some(Some(FileMode::Submodule)) => refusals.push(PatchError::SpecialFile { path: file.path().to_owned(), reason: "it would become a submodule" }),
            Some(Some(FileMode::Executable)) => inspection.touches.executable.push(file.path().to_owned()),
            Some(None) => refusals.push(PatchError::ModeChange { path: file.path().to_owned() }),
            Some(Some(FileMode::Regular)) | None => {}
        }
        match file.kind {
            FileKind::Create => inspection.touches.created.extend(file.new_path.clone()),
            FileKind::Delete => inspection.touches.deleted.extend(file.old_path.clone()),
            FileKind::Modify | FileKind::Rename => {}
        }
    }
    inspection.touches.sort();
    inspection
}

fn judge(path: &str, tree: &TreeFacts, rules: &PathRules) -> Option<PatchError> {
    if let Err(error) = check_path(path) {
        return Some(error);
    }
    if let Some(rule) = rules.forbids(path) {
        return Some(PatchError::Forbidden { path: path.to_owned(), rule: rule.to_owned() });
    }
    let within = |special: &str| beneath(path, special);
    if tree.symlinks.iter().any(|link| within(link)) {
        return Some(PatchError::SpecialFile { path: path.to_owned(), reason: "it is, or lies behind, a symbolic link" });
    }
    if tree.submodules.iter().any(|module| within(module)) {
        return Some(PatchError::SpecialFile { path: path.to_owned(), reason: "it is, or lies in, a submodule" });
    }
    None
}

/// `path` is `special` or lies beneath it, on a file system that may fold case.
fn beneath(path: &str, special: &str) -> bool {
    let (path, special) = (path.to_lowercase(), special.to_lowercase());
    path == special || path.strip_prefix(&special).is_some_and(|rest| rest.starts_with('/'))
}

/// A path that stays inside the repository on every file system a teammate may check it out on.
///
/// # Errors
/// `outside_repository`, with the rule it breaks.
pub fn check_path(path: &str) -> Result<(), PatchError> {
    let refuse = |reason| Err(PatchError::OutsideRepository { path: path.to_owned(), reason });
    if path.is_empty() {
        return refuse("it is empty");
    }
    if path.len() > 1024 {
        return refuse("it is longer than 1024 bytes");
    }
    if path.starts_with(['/', '\\', '~']) || path.as_bytes().get(1) == Some(&b':') {
        return refuse("it is absolute");
    }
    if path.contains('\\') {
        return refuse("it contains a backslash");
    }
    if path.chars().any(|c| c.is_control() || c == '\u{fffd}' || is_invisible(c)) {
        return refuse("it contains a control or invisible character");
    }
    for part in path.split('/') {
        match part {
            "" => return refuse("it contains an empty part"),
            "." | ".." => return refuse("it contains `.` or `..`"),
            _ if part.len() > 255 => return refuse("a part is longer than 255 bytes"),
            _ => {}
        }
        if is_git_dir(part) {
            return refuse("it leads into `.git`");
        }
        if part.trim_end_matches(['.', ' ']).is_empty() {
            return refuse("a part is only dots or blanks");
        }
        if part.ends_with(['.', ' ']) {
            return refuse("a part ends with a blank or a dot, which some file systems drop");
        }
        if part.contains(':') {
            return refuse("it contains a colon, behind which Windows sees a stream of another file");
        }
        if is_device(part) {
            return refuse("it is the name of a device on Windows");
        }
    }
    Ok(())
}

/// `.git` under any spelling that some file system takes for it: case, trailing dots and blanks,
/// a stream name (`.git::$INDEX_ALLOCATION`), a short name (`git~1`).
/// Source: git's own `verify_path`, `is_ntfs_dotgit` and `is_hfs_dotgit`.
fn is_git_dir(part: &str) -> bool {
    let lower = part.to_lowercase();
    let stem = lower.split(':').next().unwrap_or("").trim_end_matches(['.', ' ']);
    stem == ".git" || stem.strip_prefix("git~").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Names that Windows opens as a device, with whatever extension.
/// Source: Microsoft, "Naming Files, Paths, and Namespaces".
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).trim_end().to_lowercase();
    let numbered = |name: &str| {
        stem.strip_prefix(name)
            .is_some_and(|rest| matches!(rest, "\u{b9}" | "\u{b2}" | "\u{b3}") || (rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit())))
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$" | "clock$") || numbered("com") || numbered("lpt")
}

impl Touches {
    /// The facts of a list of paths.
    #[must_use]
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let mut touches = Self::default();
        paths.into_iter().for_each(|path| touches.path(path));
        touches.sort();
        touches
    }

    fn path(&mut self, path: &str) {
        let kinds = kinds(path);
        let expected = kinds.iter().any(|(kind, _)| *kind == Kind::Expected);
        for (kind, _) in kinds {
            let list = match kind {
                // What tests compare with counts once, as that.
                Kind::Test | Kind::TestSupport if expected => continue,
                Kind::Test => &mut self.tests,
                Kind::TestSupport => &mut self.test_support,
                Kind::Expected => &mut self.snapshots,
                Kind::RunnerConfig => &mut self.runner_config,
                Kind::RunnerShadow => &mut self.shadows,
                Kind::Pipeline => &mut self.ci,
                Kind::TeammateMachine => &mut self.machines,
                Kind::AgentInstructions => &mut self.instructions,
                Kind::DotConfiguration => &mut self.unknown,
                Kind::HarmlessDot => continue,
                Kind::LockFile => &mut self.lock_files,
                Kind::Manifest => &mut self.manifests,
                Kind::BuildScript => &mut self.build_scripts,
                Kind::Generated => &mut self.generated,
                Kind::Migration => &mut self.migrations,
                Kind::PublicApi => &mut self.public_api,
                Kind::Sensitive => &mut self.sensitive,
            };
            list.push(path.to_owned());
        }
    }

    fn sort(&mut self) {
        for list in [
            &mut self.manifests,
            &mut self.lock_files,
            &mut self.ci,
            &mut self.machines,
            &mut self.instructions,
            &mut self.unknown,
            &mut self.runner_config,
            &mut self.shadows,
            &mut self.test_support,
            &mut self.build_scripts,
            &mut self.tests,
            &mut self.snapshots,
            &mut self.migrations,
            &mut self.sensitive,
            &mut self.generated,
            &mut self.public_api,
            &mut self.deleted,
            &mut self.created,
            &mut self.executable,
        ] {
            list.sort_unstable();
            list.dedup();
        }
    }
}
