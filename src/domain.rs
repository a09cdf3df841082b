//! Floor 1, pure: no tokio, no input or output, no clock, no randomness, no environment.
//!
//! **Invariant:** nothing here imports `ports`, `engine`, `adapters`, `web` or `cli`; time is passed in.

pub mod breaker;
pub mod check;
pub mod context;
pub mod diagnosis;
pub mod gate;
pub mod ids;
pub mod patch;
pub mod prompt;
pub mod proof;
pub mod redaction;
pub mod remediation;
pub mod render;
pub mod risk;
pub mod rules;
pub mod source;
pub mod suggestions;
pub mod workflow;
