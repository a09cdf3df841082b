//! One file a subcommand.

pub mod patch;
