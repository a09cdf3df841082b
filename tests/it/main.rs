//! Flows over real HTTP, real git and the real binary.

mod github;
