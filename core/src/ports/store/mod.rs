//! The store port. Its methods are business steps, each one transaction: after it returns the step is durable, and
//! when it fails nothing of it is stored. No transaction handle crosses the port.
//!
//! # Lanes and leases
//! A job belongs to a *lane*: one conversation and one [`Queue`]. Only the first living job of a lane can be claimed: the
//! oldest, of [`Queue::Channel`] the one whose message the operators wrote first (its `remote`) unless another one was
//! begun (it has attempts, or is uncertain). While it is claimed or waits for its next attempt the lane stands still. A
//! claim is a lease: when it is not settled in time (crash), the job can be claimed again and comes with
//! [`Job::uncertain`] set.
//!
//! `openline_core::contract` (feature `testing`) holds the tests that every implementation passes.

mod conversations;
mod dead;
mod dialogs;
mod erasing;
mod jobs;
mod opening;
mod values;

pub use crate::ports::work::{Act, Claimed, Job, NEW_BEHIND, Outcome, Queue, Settlement, ShownJob, Work};
pub use conversations::{Amend, Change, Conversations, Noted, Recorded, Slice};
pub use dead::{DeadLetters, Replayed};
pub use dialogs::{Dialogs, PastDialog};
pub use erasing::{Erased, Erasing, FORGET_FILES};
pub use jobs::Jobs;
pub use opening::{News, Opening};
pub use values::{ALSO, CHATS, Expect, OWN_NAME, Values, chat_values, values_to_go};

/// The traits of all parts, for whoever has a store by its own type.
pub mod prelude {
    pub use super::{Conversations, DeadLetters, Dialogs, Erasing, Jobs, Opening, Store, Values};
}

/// Durable storage of conversations, jobs and adapters' state: whoever keeps all of it is a store. Who uses a part asks for
/// that one only.
pub trait Store: Conversations + Dialogs + Erasing + Jobs + DeadLetters + Values + Opening + 'static {}

impl<T: Conversations + Dialogs + Erasing + Jobs + DeadLetters + Values + Opening + 'static> Store for T {}
