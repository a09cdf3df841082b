//! Flows over real git, real HTTP and real processes.

mod git;
