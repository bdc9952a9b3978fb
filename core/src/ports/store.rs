//! The store port. Its methods are business steps, each one transaction: after it returns the step is durable, and
//! when it fails nothing of it is stored. No transaction handle crosses the port.
//!
//! # Lanes and leases
//! A job belongs to a *lane*: one conversation and one [`Queue`]. Only the first living job of a lane can be claimed: the
//! oldest, of [`Queue::Channel`] the one whose message the operators wrote first ([`Item::remote`]) unless another one was
//! begun (it has attempts, or is uncertain). While it is claimed or waits for its next attempt the lane stands still. A
//! claim is a lease: when it is not settled in time (crash), the job can be claimed again and comes with
//! [`Job::uncertain`] set.
//!
//! `openline_core::contract` (feature `testing`) holds the tests that every implementation passes.

use crate::domain::error::StoreError;
use crate::domain::id::ChatAddress;
use crate::domain::id::{ChannelId, ChatId, ConversationId, FileId, JobId, MessageId, Pos, Rev, Tag};
use crate::domain::message::{Content, Conversation, Incoming, Item, Note, OperatorEvent};
use crate::ports::clock::Timestamp;
pub use crate::ports::work::{Act, Claimed, Job, NEW_BEHIND, Outcome, Queue, Settlement, ShownJob, Work};
use async_trait::async_trait;
use std::time::Duration;
use tokio::sync::broadcast;

/// "This conversation has a new revision."
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub conversation: ConversationId,
    /// The newest revision.
    pub rev: Rev,
}

/// What another process, a service or a command, did on the same database; see [`Store::news`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A conversation has a new revision.
    Change(Change),
    /// A chat wrote for the first time, and has this conversation now.
    Begun(ChatAddress, ConversationId),
    /// The adapter's value with this key was written or forgotten.
    Value(String),
    /// A queue has work that is due.
    Queue(Queue),
    /// Nobody listened for a while: anything may have changed, in any conversation and any queue.
    Gap,
}

impl News {
    /// That an adapter's value changed; `None` for those that no other process remembers: a chat's, files', a process's own.
    pub fn of_value(key: &str) -> Option<Self> {
        let own = ["chat/", "channel/", "files/", "service/"].iter().any(|prefix| key.starts_with(prefix));
        (!own).then(|| Self::Value(key.to_owned()))
    }
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

/// A dialog that is over, or that another one followed, and whose history has not been read since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastDialog {
    /// Its row.
    pub id: i64,
    /// Its conversation, with that dialog as [`crate::message::Thread::session`].
    pub conversation: Conversation,
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

/// What [`Store::replay_dead`] did.
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

/// Under this and a file's id stands in the adapters' values what is to be removed unless a message names it: what an
/// erased, deleted or changed message named (empty, unless something stands there already), and what was kept for one that
/// is not stored yet (with the moment, in Unix milliseconds).
pub const FORGET_FILES: &str = "files/forget/";

/// Under this and a name stand in the adapters' values those that belong to a chat: they go with its conversation, see
/// [`Store::erase`]. (No chat id has a `|`.)
pub fn chat_values(channel: &ChannelId, chat: &ChatId) -> String {
    format!("{CHATS}{channel}/{chat}|")
}

/// What the keys of all chats' values begin with.
pub const CHATS: &str = "chat/";

/// The name of the value of a chat that says what it is called on the channel's side, where that can be no [`ChatId`].
pub const OWN_NAME: &str = "name";

/// A value of a chat whose name begins so has, behind it, the key of another value that goes with the chat.
pub const ALSO: &str = "also/";

/// The keys of the values that go with a chat: its own, which are `listed`, and those that they name.
pub fn values_to_go(prefix: &str, listed: Vec<(String, Vec<u8>)>) -> Vec<String> {
    let mut keys: Vec<String> = listed.into_iter().map(|(key, _)| key).collect();
    let also = |key: &String| key.strip_prefix(prefix)?.strip_prefix(ALSO).map(str::to_owned);
    let others: Vec<_> = keys.iter().filter_map(also).collect();
    keys.extend(others);
    keys
}

/// What was forgotten with a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// How many items it had, notes among them.
    pub items: u64,
    /// Kept files that no item of any conversation names any more.
    pub files: Vec<FileId>,
}

/// A change that a visitor makes to an own message.
#[derive(Debug, Clone)]
pub enum Amend {
    /// The whole new content.
    Edit(Content),
    /// It is gone.
    Delete,
}

/// What [`Store::state_put`] expects to find.
#[derive(Debug, Clone, Copy)]
pub enum Expect<'a> {
    /// Anything, also nothing.
    Anything,
    /// No value.
    Nothing,
    /// Exactly this value.
    Value(&'a [u8]),
}

/// Durable storage of conversations, jobs and adapters' state.
#[async_trait]
pub trait Store: Send + Sync + 'static {
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
    /// changed. Kept files that it does not name any more stand under [`FORGET_FILES`] then.
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

    /// The conversation with that id.
    async fn conversation_by_id(&self, id: ConversationId) -> Result<Option<Conversation>, StoreError>;

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

    /// Forgets a conversation with all its items, jobs (dead ones too), lanes and [`chat_values`], and what these name by
    /// [`ALSO`], so that no byte of it is left where it was stored. `None` when there is no such
    /// conversation. What comes for its chat afterwards begins a new one; nothing gets an id that it had. Jobs of it
    /// that are under way are passed over when they are settled.
    ///
    /// In the same transaction it keeps under [`FORGET_FILES`] which kept files it named, so that a crash before they
    /// are removed does not forget them. Of those the ones that nobody names are told.
    async fn erase(&self, id: ConversationId) -> Result<Option<Erased>, StoreError>;

    /// Those of the kept files that no item names. All items are read: it is for the background.
    async fn unnamed_files(&self, files: Vec<FileId>) -> Result<Vec<FileId>, StoreError>;

    /// The conversation of a chat.
    async fn conversation(&self, channel: &ChannelId, chat: &ChatId) -> Result<Option<Conversation>, StoreError>;

    /// Conversations with an open dialog in which something happened since `active_since`, by id after `after`, at most
    /// `limit`.
    async fn following(
        &self,
        after: Option<ConversationId>,
        active_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError>;

    /// Dialogs that were finished, and those in whose place another one was told of ([`crate::message::Thread::session`]), each until
    /// [`Store::forget_past_dialogs`], by id after `after`, at most `limit`; of conversations in which something happened
    /// since `active_since`. One that is told of again meanwhile has a new id.
    async fn past_dialogs(
        &self,
        after: i64,
        active_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<PastDialog>, StoreError>;

    /// The histories of these dialogs were read.
    async fn forget_past_dialogs(&self, ids: Vec<i64>) -> Result<(), StoreError>;

    /// Items (without notes) new or changed after `since`, by revision, at most `limit`. Go on from [`Slice::rev`], or
    /// from the last item's revision when there are more.
    async fn items_since(&self, id: ConversationId, since: Rev, limit: usize) -> Result<Slice, StoreError>;

    /// The last `limit` items (without notes) that stand before `before` (or at the end), by position.
    async fn items_before(&self, id: ConversationId, before: Option<Pos>, limit: usize) -> Result<Slice, StoreError>;

    /// The notes of a conversation, oldest first, those after `after`, at most `limit`. It is for an admin.
    async fn notes(&self, id: ConversationId, after: Option<MessageId>, limit: usize) -> Result<Vec<Item>, StoreError>;

    /// One item.
    async fn item(&self, id: ConversationId, message: MessageId) -> Result<Option<Item>, StoreError>;

    /// Leases up to `limit` jobs of a queue for `lease`, at most one of a lane. A job whose data can't be read any more
    /// becomes a dead letter.
    ///
    /// Of [`Queue::Confirm`] several of a lane (confirmations may be carried out in any order): the oldest of each lane,
    /// and while there is room all of the lane that is due longest, and so on. The oldest one holds the lane's lease
    /// for all: [`Outcome::Retry`] counts for it only, the others wait with it and have no attempt; [`Outcome::Dead`]
    /// counts for the others as long as it has the lease, so settle it last.
    ///
    /// Of [`Queue::Backend`] the lanes of brand-new conversations stand [`NEW_BEHIND`] others, so that a crowd of
    /// strangers holds up nobody who is in a dialog: those whose chat on the other side was not known when the lane was
    /// made, and of which no job was done yet.
    async fn claim(&self, queue: &Queue, limit: usize, now: Timestamp, lease: Duration) -> Result<Claimed, StoreError>;

    /// Ends leases. May be repeated: jobs that are gone are passed over, and so are [`Outcome::Retry`] and
    /// [`Outcome::Dead`] of a job that nobody has leased. [`Outcome::Done`] of a living job counts even when its lease
    /// ran out.
    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Vec<Change>, StoreError>;

    /// Makes every waiting lane of a queue due now: the other side is back.
    async fn hurry(&self, queue: &Queue, now: Timestamp) -> Result<(), StoreError>;

    /// Puts a failed message back at its old place in its queue; `None` when it isn't failed, or its job was dropped.
    async fn retry_failed(
        &self,
        id: ConversationId,
        message: MessageId,
        now: Timestamp,
    ) -> Result<Option<(Change, Queue)>, StoreError>;

    /// Puts a dead letter's job back at its old place in its queue, as if it had not been tried: a message (as
    /// [`Store::retry_failed`] does), a note, or a change or confirmation of a message that was not given up itself. `None`
    /// when there is no such dead letter.
    ///
    /// Whether an earlier attempt may have been carried out counts for messages and notes only: a change or a confirmation
    /// does no harm twice, and comes after its message in any case.
    async fn replay_dead(&self, job: JobId, now: Timestamp) -> Result<Option<Replayed>, StoreError>;

    /// The dead letters, oldest job first, at most `limit` after `after`.
    async fn dead_letters(&self, after: Option<JobId>, limit: usize) -> Result<Vec<ShownJob>, StoreError>;

    /// Forgets a dead letter's job; its message stays `failed`. False when there is none.
    async fn drop_dead(&self, job: JobId) -> Result<bool, StoreError>;

    /// The oldest living jobs of a queue, at most `limit`. It is for an admin.
    async fn waiting(&self, queue: &Queue, limit: usize) -> Result<Vec<ShownJob>, StoreError>;

    /// Living jobs of a queue.
    async fn depth(&self, queue: &Queue) -> Result<u64, StoreError>;

    /// When the oldest living job of a queue was enqueued; `None` when there is none.
    async fn oldest(&self, queue: &Queue) -> Result<Option<Timestamp>, StoreError>;

    /// An adapter's value.
    async fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps an adapter's value, when what is there is as expected; else [`StoreError::Conflict`].
    async fn state_put(&self, key: &str, value: &[u8], expect: Expect<'_>) -> Result<(), StoreError>;

    /// Forgets an adapter's value.
    async fn state_delete(&self, key: &str) -> Result<(), StoreError>;

    /// All values whose key begins with `prefix`, in the order of the keys' bytes.
    async fn state_list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Whether the database came from a backup, or its server lost what it had confirmed: what was told from it since may
    /// be missing in it. True until [`Store::made_good`], over restarts and for all processes.
    async fn is_restored(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// What is missing was fetched, as far as that goes.
    async fn made_good(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Whether several services may work on the database at the same time: what one remembers may be old then. (Commands may
    /// look into any database, and make small repairs.)
    fn is_shared(&self) -> bool {
        false
    }

    /// What other processes, services and commands, do on the same database from now on, as far as it is heard of: it saves
    /// waiting for the next look, and nothing may depend on it. Whoever lags behind takes that as a [`News::Gap`]. `None` when
    /// nothing is ever heard.
    fn news(&self) -> Option<broadcast::Receiver<News>> {
        None
    }

    /// A number that stays the same as long as nobody else may have taken over what this process has leased; `None` while
    /// that can't be told.
    fn lease_epoch(&self) -> Option<u64> {
        Some(0)
    }

    /// Finishes what is under way and closes the database. After it everything is [`StoreError::Unavailable`].
    async fn close(&self);
}
