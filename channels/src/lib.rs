//! The channel kinds of openline, one folder a kind.

pub mod api;
mod common;
pub mod described;
pub mod echo;
#[cfg(test)]
mod pager;
pub mod signed;
pub mod telegram;
pub mod website;

pub use described::Kinds;
use openline_core::ChannelKind;

/// Every kind that is written in Rust. A new one is a folder and a line here; a messenger with webhooks and calls is rather
/// a description, see [`described`].
pub const KINDS: &[&dyn ChannelKind] = &[&website::Kind, &telegram::Kind, &api::Kind, &echo::Kind];

/// The kind of that name in the program, in Rust or by description.
pub fn kind(name: &str) -> Option<&'static dyn ChannelKind> {
    Kinds::shipped().get(name)
}
