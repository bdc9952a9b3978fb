//! Jobs that were given up.

use super::conversations::Change;
use crate::domain::error::StoreError;
use crate::domain::id::{ConversationId, JobId, MessageId};
use crate::domain::time::Timestamp;
use crate::ports::work::{Queue, ShownJob};
use async_trait::async_trait;

/// What [`crate::store::DeadLetters::replay_dead`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// The job is back in this queue.
    Back {
        /// Where.
        queue: Queue,
        /// The conversation's newest revision, when something changed that a visitor can see.
        change: Option<Change>,
    },
    /// Nothing: the message itself was given up, by this job, which has to go first. It brings the present text.
    Behind(JobId),
}

/// Dead letters.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// The dead letters, oldest job first, at most `limit` after `after`.
    async fn dead_letters(&self, after: Option<JobId>, limit: usize) -> Result<Vec<ShownJob>, StoreError>;

    /// Puts a failed message back at its old place in its queue; `None` when it isn't failed, or its job was dropped.
    async fn retry_failed(
        &self,
        id: ConversationId,
        message: MessageId,
        now: Timestamp,
    ) -> Result<Option<(Change, Queue)>, StoreError>;

    /// Puts a dead letter's job back at its old place in its queue, as if it had not been tried: a message (as
    /// [`DeadLetters::retry_failed`] does), a note, or a change or confirmation of a message that was not given up itself. `None`
    /// when there is no such dead letter.
    ///
    /// Whether an earlier attempt may have been carried out counts for messages and notes only: a change or a confirmation
    /// does no harm twice, and comes after its message in any case.
    async fn replay_dead(&self, job: JobId, now: Timestamp) -> Result<Option<Replayed>, StoreError>;

    /// Forgets a dead letter's job; its message stays `failed`. False when there is none.
    async fn drop_dead(&self, job: JobId) -> Result<bool, StoreError>;
}
