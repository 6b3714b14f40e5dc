//! The `degenbot` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    degenbot::cli::run()
}
