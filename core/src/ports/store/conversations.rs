//! Conversations: what is written in them, and what is read of them.

use crate::domain::error::StoreError;
use crate::domain::id::{ChannelId, ChatId, ConversationId, MessageId, Pos, Rev, Tag};
use crate::domain::message::{Content, Conversation, Incoming, Item, Note, OperatorEvent};
use crate::domain::time::Timestamp;
use crate::ports::work::Queue;
use async_trait::async_trait;

/// "This conversation has a new revision."
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub conversation: ConversationId,
    /// The newest revision.
    pub rev: Rev,
}

/// What became of a visitor's message.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The message as stored; the earlier one when the key was known.
    pub item: Item,
    /// The conversation's newest revision.
    pub change: Change,
    /// False when the key was known and nothing was stored.
    pub fresh: bool,
}

/// What became of an operators' event.
#[derive(Debug, Clone, Default)]
pub struct Noted {
    /// The conversation's newest revision, when something changed that a visitor can see.
    pub change: Option<Change>,
    /// The queue that got a job.
    pub queue: Option<Queue>,
}

/// A part of a conversation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Slice {
    /// The items.
    pub items: Vec<Item>,
    /// Whether there are more in the asked direction.
    pub more: bool,
    /// The conversation's newest revision at the time of reading.
    pub rev: Rev,
}

/// A change that a visitor makes to an own message.
#[derive(Debug, Clone)]
pub enum Amend {
    /// The whole new content.
    Edit(Content),
    /// It is gone.
    Delete,
}

/// Conversations and their items.
#[async_trait]
pub trait Conversations: Send + Sync {
    /// A random word of this opening: every item that is stored from now on has it as its [`Item::tag`]. Two openings never
    /// share one, whether of the same database, of another one, or of a backup of it.
    fn tag(&self) -> Tag;

    /// Walk 1, step 4: conversation (made when new), message and job, once per key.
    async fn record_incoming(
        &self,
        channel: &ChannelId,
        incoming: Incoming,
        at: Timestamp,
    ) -> Result<Recorded, StoreError>;

    /// A visitor edits or deletes an own message, named by its key. `None` when there is no such message or nothing
    /// changed. Kept files that it does not name any more stand under [`FORGET_FILES`](crate::store::FORGET_FILES) then.
    async fn amend_incoming(
        &self,
        channel: &ChannelId,
        chat: &ChatId,
        key: &str,
        amend: Amend,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError>;

    /// Walk 2, step 4: all events in one transaction, each once however often it comes. One result for each.
    ///
    /// Events may come in any order: a message stands before those of the same conversation with a greater `remote`
    /// that came earlier (to make room, items may move; they have a new revision then), of several edits the newest
    /// stays, and a late start does not open, a late finish does not close a dialog. The start of a dialog stands before
    /// what its visitor began it with, and so does the line's greeting.
    async fn record_outgoing(&self, events: Vec<OperatorEvent>, at: Timestamp) -> Result<Vec<Noted>, StoreError>;

    /// Stores a note for the operators of a conversation, with its job in the conversation's lane of [`Queue::Backend`].
    /// False when there is no such conversation, or its key was known.
    ///
    /// Notes take no part in what visitors read: they have no revision (the conversation's stays as it is) and no
    /// position among its items.
    async fn record_note(&self, id: ConversationId, note: Note, at: Timestamp) -> Result<bool, StoreError>;

    /// The conversation of a chat.
    async fn conversation(&self, channel: &ChannelId, chat: &ChatId) -> Result<Option<Conversation>, StoreError>;

    /// The conversation with that id.
    async fn conversation_by_id(&self, id: ConversationId) -> Result<Option<Conversation>, StoreError>;

    /// Items (without notes) new or changed after `since`, by revision, at most `limit`. Go on from [`Slice::rev`], or
    /// from the last item's revision when there are more.
    async fn items_since(&self, id: ConversationId, since: Rev, limit: usize) -> Result<Slice, StoreError>;

    /// The last `limit` items (without notes) that stand before `before` (or at the end), by position.
    async fn items_before(&self, id: ConversationId, before: Option<Pos>, limit: usize) -> Result<Slice, StoreError>;

    /// One item.
    async fn item(&self, id: ConversationId, message: MessageId) -> Result<Option<Item>, StoreError>;

    /// The notes of a conversation, oldest first, those after `after`, at most `limit`. It is for an admin.
    async fn notes(&self, id: ConversationId, after: Option<MessageId>, limit: usize) -> Result<Vec<Item>, StoreError>;
}
