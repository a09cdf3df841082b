//! Flows over real git, real HTTP and real processes.

mod git;
//! Everything that is tested over the real binary, real processes and real files.

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

mod sandbox;
