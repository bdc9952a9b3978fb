//! How updates come: polled or by webhook, each once and in order.

mod changed;
pub(crate) mod chats;
pub(crate) mod examine;
pub(crate) mod intake;
pub(crate) mod poll;
mod reactions;
pub(crate) mod way_in;
pub(crate) mod webhook;
