//! The traits at the edge.

pub mod sandbox;
