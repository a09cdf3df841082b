//! Floor 3, the edges: one room an outside system.
//!
//! **Invariant:** adapters import the domain, the ports and their own SDK; they never import each other.

pub mod clock;
pub mod folders;
pub mod git;
pub mod github;
pub mod llm;
pub mod local;
pub mod sandbox;
pub mod slack;
pub mod store;
