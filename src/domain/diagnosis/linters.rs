//! Linters and formatters: one file a family.

pub mod general;
pub mod house;
pub mod javascript;
pub mod jvm;
pub mod python;
