//! Systems without namespaces: nothing untrusted is run, and the reason says so. Proofs are left to the team's CI.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use crate::ports::sandbox::{Sandbox, SandboxError};

/// What the sandboxes of Linux need to know; nothing here.
#[derive(Debug, Clone, Default)]
pub struct Options {}

impl Options {
    /// Nothing is read.
    #[must_use]
    pub fn from_process(_launcher: &Path) -> Self {
        Self {}
    }

    /// Nothing is offered.
    #[must_use]
    pub fn with_extra_toolchains(self, _folders: Vec<PathBuf>) -> Self {
        self
    }
}

/// Always a refusal, also for our own code: there is no weak sandbox here either.
///
/// # Errors
/// [`SandboxError::Refused`].
pub fn detect(_launcher: &Path, _allow_weak: bool) -> Result<Arc<dyn Sandbox>, SandboxError> {
    Err(SandboxError::Refused { reason: "sandboxes need Linux".to_owned(), remedy: "run regreen on Linux, or set prove = \"ci\"".to_owned() })
}

/// As [`detect`].
///
/// # Errors
/// [`SandboxError::Refused`].
pub fn detect_with(_options: &Options, allow_weak: bool) -> Result<Arc<dyn Sandbox>, SandboxError> {
    detect(Path::new(""), allow_weak)
}

/// There is no launcher here.
#[must_use]
pub fn reexec() -> Option<ExitCode> {
    None
}
