//! The `openline` program as a library, for its own `main` and for the end-to-end tests.

pub mod channels;
pub mod check;
pub mod cli;
pub mod config;
pub mod dead;
pub mod demo;
mod files;
pub mod http;
pub mod migrate;
pub mod privacy;
pub mod secret;
pub mod service;
mod status;

pub use config::Config;
pub use service::{Service, StartError};

/// Makes rustls use ring. To be called once, before any HTTP client is made.
pub fn install_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
