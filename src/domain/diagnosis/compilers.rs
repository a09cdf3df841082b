//! Compilers and type checkers: one file a family.

pub mod jvm;
pub mod native;
pub mod others;
pub mod python;
pub mod rustc;
pub mod scripting;
pub mod typescript;
