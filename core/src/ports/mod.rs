//! What the program needs from outside: a backend, a store, files, the time. What it needs of channels is in `engine/channel.rs`.

pub mod backend;
pub mod client;
pub mod clock;
pub mod files;
pub mod steps;
pub mod store;
pub mod work;
