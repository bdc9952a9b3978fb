//! What core does: take in at the doors, hand on, look for what was missed, erase.

mod arriving;
pub mod bridge;
pub mod channel;
pub mod desk;
pub mod duty;
pub mod erasure;
pub mod export;
pub mod forget;
pub mod handover;
pub mod hold;
pub mod hub;
pub mod inbox;
pub mod lately;
pub mod limits;
pub(crate) mod measure;
pub mod missing;
pub mod overview;
pub mod pauses;
pub mod reconcile;
pub mod retry;
pub mod roster;
pub mod trace;
pub mod troubles;
mod unanswered;
mod wishes;
