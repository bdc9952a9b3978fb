//! Calls to the Bot API, and what its answers mean.

pub(crate) mod api;
pub(crate) mod errors;
pub(crate) mod status;
pub(crate) mod upload;
