//! The edges: one file or folder an outside system.

#[cfg(target_os = "linux")]
pub mod sandbox;
#[cfg(not(target_os = "linux"))]
#[path = "adapters/sandbox/elsewhere.rs"]
pub mod sandbox;
