//! What the SQLite store promises beyond the contract: which files it takes, how it commits, and what it does when the
//! disk or the process is gone.

#![allow(clippy::unwrap_used)] // in a test

#[path = "../common/mod.rs"]
mod common;
mod crashing;
mod opening;
mod talk;
mod writing;
