//! Everything that is tested over the real binary, real processes, real HTTP and real git.

/// Returns from a test, saying so, where the machine lacks what it needs.
macro_rules! requires {
    ($name:expr, $met:expr, $needs:expr) => {
        if !$met {
            eprintln!("not run: {} (needs {})", $name, $needs);
            return;
        }
    };
}
pub(crate) use requires;

mod bed;
mod circuit;
mod demo;
mod fix;
mod gates;
mod git;
mod github;
mod llm;
mod ops;
mod patch;
mod redaction;
mod sandbox;
mod serve;
mod slack;
mod store;
mod web;
