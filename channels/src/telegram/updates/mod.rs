//! How updates come: polled or by webhook, each once and in order.

pub(crate) mod chats;
pub(crate) mod intake;
pub(crate) mod poll;
pub(crate) mod webhook;
