//! The edges: one file or folder an outside system.

pub mod sandbox;
