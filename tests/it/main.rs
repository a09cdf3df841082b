//! Everything that is tested over the real binary, real processes, real HTTP and real git.

pub(crate) use not_run::requires;

mod bed;
mod circuit;
mod demo;
mod fix;
mod git;
mod github;
mod llm;
mod not_run;
mod patch;
mod redaction;
mod sandbox;
mod serve;
mod slack;
mod store;
mod tidy;
mod web;
