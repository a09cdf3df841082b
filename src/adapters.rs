//! The edges: one file or folder an outside system. None imports another.

pub mod github;
