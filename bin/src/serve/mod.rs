//! The running service: wiring and HTTP.

mod admin;
mod alerts;
pub(crate) mod certificate;
mod channels;
pub mod files;
pub mod http;
mod metrics;
pub(crate) mod open_files;
mod pulse;
pub mod reload;
pub(crate) mod room;
pub mod service;
pub mod status;
mod swap;
mod token;
mod traces;
pub(crate) mod watch;
