//! Floor 1, pure: no tokio, no input or output, no clock, no randomness, no environment.
//!
//! **Invariant:** nothing here imports `ports`, `engine`, `adapters`, `web` or `cli`; time is passed in.

pub mod breaker;
pub mod gate;
pub mod ids;
pub mod proof;
pub mod redaction;
pub mod remediation;
pub mod render;
pub mod rules;
pub mod workflow;
//! The pure floor: no runtime, no I/O, no clock, no randomness, no environment.

pub mod patch;
pub mod risk;
//! The pure floor: no runtime, no I/O, no clock, no randomness, no environment.

pub mod diagnosis;
