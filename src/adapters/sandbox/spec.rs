//! What the service tells the launcher: one JSON document on standard input, read once, before anything of the job runs.

use std::{collections::BTreeMap, os::fd::RawFd, path::PathBuf};

use serde::{Deserialize, Serialize};

/// Everything the inner side needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spec {
    /// The file system to build, in order; only the built-in namespaces read it (bwrap gets the same as arguments).
    pub mounts: Vec<Mount>,
    /// Commands to try in turn, the next one only where the one before does not exist.
    pub argv: Vec<Vec<String>>,
    /// The script's file inside, and its text.
    pub script: (PathBuf, String),
    /// Where the command starts.
    pub directory: PathBuf,
    /// The whole environment of the command.
    pub env: BTreeMap<String, String>,
    /// Bounds the kernel keeps.
    pub rlimits: Rlimits,
    /// The way out, where there is one.
    pub relay: Option<Relay>,
    /// What Landlock should leave.
    pub landlock: Landlock,
    /// The inherited descriptor on which the inner side reports.
    pub status_fd: RawFd,
}

/// Bounds per process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Rlimits {
    /// Seconds of processor time of one process.
    pub cpu_seconds: u64,
    /// Largest file in bytes.
    pub file_bytes: u64,
    /// Threads and processes; `None` where the kernel would count those of the whole user.
    pub tasks: Option<u64>,
}

/// The relay from a loopback port to the proxy's socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Relay {
    /// The proxy's socket, as seen by the inner side.
    pub socket: PathBuf,
    /// The port to listen on; 0 for any.
    pub port: u16,
    /// Hosts that are not asked for through the proxy, comma-separated.
    pub no_proxy: String,
}

/// Rules for Landlock.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Landlock {
    /// Trees that can be read and executed.
    pub read: Vec<PathBuf>,
    /// Trees that can be written too.
    pub write: Vec<PathBuf>,
    /// Whether TCP is forbidden but to the relay; for walls without a network namespace.
    pub deny_tcp: bool,
}

/// One step in building the inside. Sources are canonical host paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mount {
    /// A host folder or file.
    Bind {
        /// On the host.
        from: PathBuf,
        /// Inside.
        to: PathBuf,
        /// Whether it can be written.
        writable: bool,
    },
    /// A symbolic link.
    Symlink {
        /// What it says.
        target: PathBuf,
        /// Where it is.
        at: PathBuf,
    },
    /// A fresh file system in memory, of at most so many bytes.
    Tmpfs {
        /// Where.
        at: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// A fresh `/proc`.
    Proc,
    /// A minimal `/dev`.
    Dev,
    /// Nothing more is written here.
    ReadOnly {
        /// A mount point built before.
        at: PathBuf,
    },
}

/// What the inner side says on the status descriptor, one JSON line each.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The walls stand; what is printed from here on is the job's.
    Started,
    /// The shell returned.
    Code(i32),
    /// The shell was killed.
    Signal(i32),
    /// The walls did not come up.
    Failed(String),
}
