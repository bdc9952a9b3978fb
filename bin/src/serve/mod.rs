//! The running service: wiring and HTTP.

pub mod files;
pub mod http;
pub mod service;
pub mod status;
