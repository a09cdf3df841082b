//! `regreen fix --repo` by the real binary: real git, real test runners in the sandbox, a model on the loopback.

pub mod bench;
mod canary;
mod command;
mod languages;
mod model;
mod repository;
mod setup;
