fn main() {}
//! The binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: what follows may start threads, and the launcher must have one only.
    if let Some(code) = regreen::adapters::sandbox::reexec() {
        return code;
    }
    ExitCode::SUCCESS
}
