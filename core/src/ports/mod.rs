//! What the program needs from outside: channels, a backend, a store, files, the time.

pub mod backend;
pub mod channel;
pub mod client;
pub mod clock;
pub mod files;
pub mod store;
