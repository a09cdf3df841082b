//! Settings of libgit2 that hold for the whole process.

use std::sync::OnceLock;
use std::time::Duration;

use git2::{ConfigLevel, opts};

use super::GitOptions;
use crate::ports::git::GitError;

/// Prepares libgit2 once; later calls give the first one's outcome.
///
/// The machine's git configuration is shut out: a `~/.gitconfig` with `insteadOf`, a proxy or a credential helper
/// would change where the agent connects and with what.
pub(super) fn prepare(options: &GitOptions) -> Result<(), GitError> {
    static PREPARED: OnceLock<Result<(), String>> = OnceLock::new();
    let outcome = PREPARED.get_or_init(|| set(options).map_err(|error| error.message().to_owned()));
    outcome.clone().map_err(|reason| GitError::Failed { what: "preparing libgit2".to_owned(), reason })
}

#[allow(unsafe_code, reason = "libgit2's process-wide settings have no safe binding")]
fn set(options: &GitOptions) -> Result<(), git2::Error> {
    // SAFETY: these write libgit2's globals without a lock of their own. This runs inside the one `OnceLock` above,
    // before the first `GitMirrors` exists, and nothing else in the program calls libgit2, so no call is concurrent.
    unsafe {
        for level in [ConfigLevel::ProgramData, ConfigLevel::System, ConfigLevel::XDG, ConfigLevel::Global] {
            opts::set_search_path(level, "")?;
        }
        opts::set_server_timeout_in_milliseconds(milliseconds(options.stall))?;
        opts::set_server_connect_timeout_in_milliseconds(milliseconds(options.connect))?;
        // libgit2 runs nothing that a repository's configuration names (no hooks, no fsmonitor, no filters), which
        // is what the owner check is for; with it, a clone mounted into a container could not be read.
        opts::set_verify_owner_validation(false)?;
        if let Some(bundle) = &options.ca_bundle {
            opts::set_ssl_cert_file(bundle.as_path())?;
        }
    }
    Ok(())
}

/// libgit2 takes 0 as "wait for ever", so the least is one.
fn milliseconds(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX).max(1)
}
