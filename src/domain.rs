//! The pure floor: no runtime, no I/O, no clock, no randomness, no environment.

pub mod diagnosis;
