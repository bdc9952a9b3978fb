//! What several kinds share.

pub(crate) mod json;
