//! The running service: wiring and HTTP.

pub mod files;
pub mod http;
mod metrics;
mod open_files;
mod pulse;
pub mod service;
pub mod status;
