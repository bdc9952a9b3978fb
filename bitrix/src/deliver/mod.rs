//! What goes to the portal and what is fetched from it: messages, confirmations, notes, histories, files.

pub(crate) mod attached;
pub(crate) mod confirm;
pub(crate) mod element;
pub(crate) mod files;
pub(crate) mod flights;
pub(crate) mod gather;
pub(crate) mod gathered;
pub(crate) mod genuine;
pub(crate) mod history;
pub(crate) mod judge;
pub(crate) mod known;
pub(crate) mod look;
pub(crate) mod missed;
pub(crate) mod names;
pub(crate) mod note;
pub(crate) mod pace;
pub(crate) mod parts;
pub(crate) mod replies;
pub(crate) mod request;
pub(crate) mod send;
pub(crate) mod together;
pub(crate) mod tries;
pub(crate) mod uncertain;
