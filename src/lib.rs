//! regreen turns red branches green.

pub mod adapters;
pub mod ports;
