//! What each kind adds to a request, and what the answer means for it.

pub(crate) mod confirmations;
pub(crate) mod looks;
pub(crate) mod messages;
pub(crate) mod notes;
