//! Linters and formatters: one file a family.

pub mod general;
pub mod javascript;
pub mod jvm;
pub mod python;
