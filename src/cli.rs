//! One file a subcommand.

pub mod patch;
pub mod diagnose;
