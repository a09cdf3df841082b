//! One file a subcommand.

pub mod diagnose;
pub mod patch;
