//! What comes from a person: messages, media, files.

pub(crate) mod describe;
pub(crate) mod entities;
pub(crate) mod media;
pub(crate) mod message;
pub(crate) mod names;
pub(crate) mod start;
