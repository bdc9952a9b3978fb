//! One test for each line of the simulator checklist (bitrix24.md §9), over real HTTP, named after it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing helper fails its test")]

mod auth;
mod connector;
mod desk;
mod events;
mod install;
mod lines;
mod messages;
mod rest;
mod support;
mod surface;
