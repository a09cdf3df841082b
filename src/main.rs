fn main() {}
//! The binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: what follows may start threads, and the launcher must have one only.
    if let Some(code) = regreen::adapters::sandbox::reexec() {
        return code;
    }
    ExitCode::SUCCESS
//! Entry point; until the command tree is wired, only `diagnose`.

use clap::Parser;
use regreen::cli::diagnose::{DiagnoseArgs, run};

#[derive(Parser)]
enum Command {
    /// Logs in, diagnosis out
    Diagnose(DiagnoseArgs),
}

fn main() -> std::process::ExitCode {
    let Command::Diagnose(args) = Command::parse();
    run(&args, false).unwrap_or_else(|e| {
        eprintln!("{e}");
        std::process::ExitCode::from(2)
    })
}
