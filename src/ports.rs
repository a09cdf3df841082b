//! The traits at the edge. The engine knows these and the domain, and nothing of what is behind them.

pub mod alerts;
pub mod clock;
pub mod forge;
pub mod git;
pub mod llm;
pub mod sandbox;
pub mod store;
