//! regreen turns red branches green.

pub mod cli;
pub mod domain;
