//! The running service: wiring and HTTP.

mod admin;
pub(crate) mod certificate;
pub mod files;
pub mod http;
mod metrics;
pub(crate) mod open_files;
mod pulse;
pub mod service;
pub mod status;
mod token;
