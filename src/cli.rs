//! One file a subcommand.

pub mod patch;
pub mod redact;
pub mod diagnose;
