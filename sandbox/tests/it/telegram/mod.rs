//! The stand-in Telegram against the documented behaviour of the Bot API, with raw calls over real HTTP.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing helper fails its test")]

mod change;
mod control;
mod faults;
mod intake;
mod media;
mod people;
mod send;
mod support;
mod webhook;
