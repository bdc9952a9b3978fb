//! Jobs: leased, carried out elsewhere, settled.

use super::conversations::Change;
use crate::domain::error::StoreError;
use crate::domain::time::Timestamp;
use crate::ports::work::{Claimed, Queue, Settlement, ShownJob};
use async_trait::async_trait;
use std::time::Duration;

/// Jobs that wait, and those under way.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Leases up to `limit` jobs of a queue for `lease`, at most one of a lane. A job whose data can't be read any more
    /// becomes a dead letter.
    ///
    /// Of [`Queue::Confirm`] several of a lane (confirmations may be carried out in any order): the oldest of each lane,
    /// and while there is room all of the lane that is due longest, and so on. The oldest one holds the lane's lease
    /// for all: [`crate::store::Outcome::Retry`] counts for it only, the others wait with it and have no attempt; [`crate::store::Outcome::Dead`]
    /// counts for the others as long as it has the lease, so settle it last.
    ///
    /// Of [`Queue::Backend`] the lanes of brand-new conversations stand [`NEW_BEHIND`](crate::store::NEW_BEHIND) others, so that a crowd of
    /// strangers holds up nobody who is in a dialog: those whose chat on the other side was not known when the lane was
    /// made, and of which no job was done yet.
    async fn claim(&self, queue: &Queue, limit: usize, now: Timestamp, lease: Duration) -> Result<Claimed, StoreError>;

    /// Ends leases. May be repeated: jobs that are gone are passed over, and so are [`crate::store::Outcome::Retry`] and
    /// [`crate::store::Outcome::Dead`] of a job that nobody has leased. [`crate::store::Outcome::Done`] of a living job counts even when its lease
    /// ran out.
    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Vec<Change>, StoreError>;

    /// Makes every waiting lane of a queue due now: the other side is back.
    async fn hurry(&self, queue: &Queue, now: Timestamp) -> Result<(), StoreError>;

    /// The oldest living jobs of a queue, at most `limit`. It is for an admin.
    async fn waiting(&self, queue: &Queue, limit: usize) -> Result<Vec<ShownJob>, StoreError>;

    /// Living jobs of a queue.
    async fn depth(&self, queue: &Queue) -> Result<u64, StoreError>;

    /// When the oldest living job of a queue was enqueued; `None` when there is none.
    async fn oldest(&self, queue: &Queue) -> Result<Option<Timestamp>, StoreError>;
}
