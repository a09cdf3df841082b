//! Floor 3, the edges: one room an outside system. They never import each other.

pub mod git;
//! The edges: one file or folder an outside system.

pub mod sandbox;
