//! The `openline` program. See `openline --help`.

use clap::Parser;
use std::process::ExitCode;

/// With blocks of one size beside each other, what is touched of a buffer is touched again when the next one gets it: with
/// 10,000 visitors who wait that is a quarter less memory than with the allocator of glibc, and what a crowd took goes back
/// to the system after it (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    openline::install_crypto();
    openline::cli::run(openline::cli::Cli::parse())
}
