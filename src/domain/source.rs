//! What source files are made of: their language, their kind, and what in them is code, comment, string, test and assertion.
//!
//! **Invariant:** nothing here knows patches, risk, context or proof; they know this room.

pub mod files;
pub mod lexer;
pub mod text;
