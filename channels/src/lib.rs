//! The channel kinds of openline, one folder a kind.

pub mod api;
mod common;
pub mod echo;
pub mod telegram;
pub mod website;

use openline_core::ChannelKind;

/// Every kind there is. A new one is a folder and a line here.
pub const KINDS: &[&dyn ChannelKind] = &[&website::Kind, &telegram::Kind, &api::Kind, &echo::Kind];

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static dyn ChannelKind> {
    KINDS.iter().copied().find(|kind| kind.name() == name)
}
