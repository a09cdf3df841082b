//! The binary: the thinnest possible face of the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: what follows starts threads, and a launcher of namespaces must have one only.
    if let Some(code) = regreen::adapters::sandbox::reexec() {
        return code;
    }
    regreen::cli::run()
}
