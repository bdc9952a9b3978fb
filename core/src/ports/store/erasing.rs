//! Finding conversations to be shown or forgotten, and forgetting them with all that is theirs.

use crate::domain::error::StoreError;
use crate::domain::id::{ConversationId, FileId};
use crate::domain::message::Conversation;
use crate::domain::time::Timestamp;
use async_trait::async_trait;

/// Under this and a file's id stands in the adapters' values what is to be removed unless a message names it: what an
/// erased, deleted or changed message named (empty, unless something stands there already), and what was kept for one that
/// is not stored yet (with the moment, in Unix milliseconds).
pub const FORGET_FILES: &str = "files/forget/";

/// What was forgotten with a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// How many items it had, notes among them.
    pub items: u64,
    /// Kept files that no item of any conversation names any more.
    pub files: Vec<FileId>,
}

/// Finding and forgetting conversations.
#[async_trait]
pub trait Erasing: Send + Sync {
    /// The conversations whose visitor has this chat id, e-mail address (in any case), phone number (its digits), or
    /// name (in any case), by id after `after`, at most `limit`; see [`crate::domain::visitor::Wanted`]. All conversations are
    /// read: it is for an admin.
    async fn find_visitors(
        &self,
        wanted: &str,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError>;

    /// Conversations whose newest item (a note, too) is older than `before`, and which have no living job, by id after
    /// `after`, at most `limit`.
    async fn idle(
        &self,
        before: Timestamp,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError>;

    /// Conversations whose newest item is older than `before`, also those that have something to deliver, by id after
    /// `after`, at most `limit`.
    async fn untouched(
        &self,
        before: Timestamp,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError>;

    /// Forgets a conversation with all its items, jobs (dead ones too), lanes and [`chat_values`](crate::store::chat_values), and what these name by
    /// [`ALSO`](crate::store::ALSO), so that no byte of it is left where it was stored. `None` when there is no such
    /// conversation. What comes for its chat afterwards begins a new one; nothing gets an id that it had. Jobs of it
    /// that are under way are passed over when they are settled.
    ///
    /// In the same transaction it keeps under [`FORGET_FILES`] which kept files it named, so that a crash before they
    /// are removed does not forget them. Of those the ones that nobody names are told.
    async fn erase(&self, id: ConversationId) -> Result<Option<Erased>, StoreError>;

    /// Those of the kept files that no item names. All items are read: it is for the background.
    async fn unnamed_files(&self, files: Vec<FileId>) -> Result<Vec<FileId>, StoreError>;
}
