//! regreen turns red branches green. See `ARCHITECTURE.md` for the map of the house.
//!
//! Three floors, and data goes one way through them: `domain` is pure, `engine` orders effects and knows the domain
//! and the ports, `adapters`, `web` and `cli` are the edges. `app` is the only room that sees all of them.

pub mod adapters;
pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod ports;
pub mod web;
