//! The `openline` program as a library, for its own `main` and for the end-to-end tests.

mod audit;
pub mod cli;
pub mod commands;
pub mod config;
mod log;
pub mod secret;
pub mod serve;

pub use config::Config;
pub use serve::service::{Service, StartError};

/// Makes rustls use ring. To be called once, before any HTTP client is made.
pub fn install_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
