//! One file a command.

pub mod backup;
pub mod channels;
pub mod check;
pub mod dead;
#[cfg(feature = "demo")]
pub mod demo;
pub mod doctor;
pub mod health;
pub mod messengers;
pub mod migrate;
pub mod privacy;
pub mod reload;
