//! The `openline` program. See `openline --help`.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    openline::install_crypto();
    openline::cli::run(openline::cli::Cli::parse())
}
