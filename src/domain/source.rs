//! What source files are made of: their language, their kind, and what in them is code, comment, string, test and assertion.
//!
//! **Invariant:** nothing here knows patches, risk, context or proof; they know this room.

pub mod files;
pub mod lexer;
pub mod parse;
pub mod syntax;
pub mod text;

mod dotnet;
mod go;
mod javascript;
mod jvm;
mod native;
mod php;
mod python;
mod ruby;
mod rust;

/// A constant pattern; every one of them is compiled by the tests.
fn pattern(text: &str) -> regex::Regex {
    regex::Regex::new(text).expect("a constant pattern, compiled by the tests")
}
