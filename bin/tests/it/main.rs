//! The program as its users meet it, in one binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test's helper fails the test

mod cli;
mod config;
mod migrate;
mod package;
mod secrets;
