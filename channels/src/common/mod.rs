//! What several kinds share.

pub(crate) mod answer;
pub(crate) mod bearer;
pub(crate) mod beside;
pub(crate) mod http;
pub(crate) mod input;
pub(crate) mod json;
pub(crate) mod marks;
pub(crate) mod media;
#[cfg(test)]
pub(crate) mod memory;
pub(crate) mod multipart;
pub(crate) mod once;
pub(crate) mod rich;
pub(crate) mod schema;
pub(crate) mod serial;
pub(crate) mod settings;
pub(crate) mod split;
