//! regreen turns red branches green. See `ARCHITECTURE.md` for the map of the house.

pub mod adapters;
pub mod domain;
pub mod ports;
