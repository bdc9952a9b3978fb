//! What the stores and the folder of files promise, in one binary: it is linked once, and a run has one PostgreSQL.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // failing is what a test is for

#[path = "common/cluster.rs"]
mod cluster;
mod common;
mod files;
mod migrate;
mod postgres;
mod sqlite;
