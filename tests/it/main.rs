//! Everything that is tested over the real binary, real processes, real HTTP and real git.

/// Returns from a test, saying so, where the machine lacks what the test needs; in CI it fails instead.
///
/// `requires!(name, met, needs)`: the test's name, whether the need is met, and what is needed, for people.
macro_rules! requires {
    ($name:expr, $met:expr, $needs:expr) => {
        if !$met {
            $crate::not_run::note($name, $needs);
            return;
        }
    };
}
pub(crate) use requires;

mod bed;
mod canary;
mod check;
mod circuit;
mod demo;
mod diagnosis;
mod dialect;
mod fix;
mod gates;
mod git;
mod github;
mod late;
mod llm;
mod not_run;
mod ops;
mod patch;
mod reach;
mod redaction;
mod sandbox;
mod serve;
mod slack;
mod spy;
mod store;
mod tidy;
mod web;
