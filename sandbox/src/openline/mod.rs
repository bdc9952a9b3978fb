//! What happens inside the portal: clients, chats, sessions, operators, lines, and the life of applications.

pub(crate) mod clients;
pub(crate) mod incoming;
pub(crate) mod lifecycle;
pub(crate) mod lines;
pub(crate) mod operator;
mod payload;
pub(crate) mod sessions;
pub(crate) mod statuses;
pub(crate) mod text;
