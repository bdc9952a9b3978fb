//! Dialogs in which replies may have been missed.

use crate::domain::error::StoreError;
use crate::domain::id::ConversationId;
use crate::domain::message::Conversation;
use crate::domain::time::Timestamp;
use async_trait::async_trait;

/// A dialog that is over, or that another one followed, and whose history has not been read since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastDialog {
    /// Its row.
    pub id: i64,
    /// Its conversation, with that dialog as [`crate::message::Thread::session`].
    pub conversation: Conversation,
}

/// Dialogs, as far as their histories are looked at.
#[async_trait]
pub trait Dialogs: Send + Sync {
    /// Conversations with an open dialog in which something happened since `active_since`, by id after `after`, at most
    /// `limit`.
    async fn following(
        &self,
        after: Option<ConversationId>,
        active_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError>;

    /// Dialogs that were finished, and those in whose place another one was told of ([`crate::message::Thread::session`]), each until
    /// [`Dialogs::forget_past_dialogs`], by id after `after`, at most `limit`; of conversations in which something happened
    /// since `active_since`. One that is told of again meanwhile has a new id.
    async fn past_dialogs(
        &self,
        after: i64,
        active_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<PastDialog>, StoreError>;

    /// The histories of these dialogs were read.
    async fn forget_past_dialogs(&self, ids: Vec<i64>) -> Result<(), StoreError>;
}
