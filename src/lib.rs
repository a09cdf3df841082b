//! regreen turns red branches green. See `ARCHITECTURE.md` for the map of the house.

pub mod adapters;
pub mod config;
pub mod domain;
pub mod ports;
//! regreen turns red branches green.

pub mod cli;
pub mod domain;
//! regreen turns red branches green.

pub mod adapters;
pub mod ports;
