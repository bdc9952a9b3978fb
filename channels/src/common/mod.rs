//! What several kinds share.

pub(crate) mod bearer;
pub(crate) mod beside;
pub(crate) mod json;
pub(crate) mod multipart;
pub(crate) mod settings;
