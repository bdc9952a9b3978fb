//! The visitors' door.

use super::{Doors, Equipment};
use crate::domain::error::{DeliveryError, StoreError};
use crate::domain::id::{ChannelId, ChatId, ConversationId, MessageId, Pos, Rev};
use crate::domain::line::LineInfo;
use crate::domain::message::{Conversation, File, Incoming, Item, Note};
use crate::domain::words::{self, Catalogue};
use crate::engine::export::Exported;
use crate::engine::forget;
use crate::engine::handover::{self, Continuation, Handover};
use crate::engine::measure;
use crate::ports::backend::FileStream;
use crate::ports::channel::ChatAddress;
use crate::ports::clock::Timestamp;
use crate::ports::files::{self, ByteStream, FileError, FilePlace, FileRules, Holder};
use crate::ports::store::{ALSO, Amend, Change, Expect, Queue, Recorded, Slice, chat_values};
use std::time::Duration;

/// Everything one channel instance may do with its conversations. It cannot reach those of another.
#[derive(Clone)]
pub struct VisitorInbox {
    pub(super) doors: Doors,
    pub(super) channel: ChannelId,
}

impl VisitorInbox {
    /// The instance.
    pub fn channel(&self) -> &ChannelId {
        &self.channel
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.doors.clock.now()
    }

    /// Takes a visitor's message. When it returns, the message is durable and will reach the operators.
    ///
    /// # Errors
    /// When nothing was stored; the visitor's side must repeat it with the same key. [`StoreError::Erasing`] as long as what
    /// the visitor wrote before is being erased.
    pub async fn accept(&self, incoming: Incoming) -> Result<Recorded, StoreError> {
        self.nothing_while_erasing(&incoming.chat).await?;
        let (address, before) = (self.address(incoming.chat.clone()), self.doors.before());
        let recorded = self.doors.store.record_incoming(&self.channel, incoming, self.doors.clock.now()).await?;
        measure::accepted(&self.channel, recorded.fresh);
        self.doors.named(&recorded.item.content).await;
        if recorded.fresh {
            self.doors.learn(before, &address, recorded.change);
            self.doors.wake(&Queue::Backend);
        }
        Ok(recorded)
    }

    /// Counts something that came and that the channel knows nothing of.
    pub fn unknown(&self) {
        measure::unknown(&self.channel);
    }

    /// Takes a visitor's edit or deletion of the message with that key. `None` when it changes nothing.
    ///
    /// # Errors
    /// When nothing was stored.
    pub async fn amend(&self, chat: &ChatId, key: &str, amend: Amend) -> Result<Option<Change>, StoreError> {
        if matches!(amend, Amend::Edit(_)) {
            self.nothing_while_erasing(chat).await?;
        }
        let now = self.doors.clock.now();
        let change = self.doors.store.amend_incoming(&self.channel, chat, key, amend, now).await?;
        if let Some(change) = change {
            self.doors.publish(change);
            self.doors.wake(&Queue::Backend);
        }
        Ok(change)
    }

    /// Puts a failed message of the conversation back on its way. False when it isn't failed.
    ///
    /// # Errors
    /// When the store can't.
    pub async fn retry(&self, id: ConversationId, message: MessageId) -> Result<bool, StoreError> {
        let Some((change, queue)) = self.doors.store.retry_failed(id, message, self.now()).await? else {
            return Ok(false);
        };
        self.doors.publish(change);
        self.doors.wake(&queue);
        Ok(true)
    }

    /// The row of a chat's conversation, when it has one. Remembered, so that asking again costs no read.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn find(&self, chat: &ChatId) -> Result<Option<ConversationId>, StoreError> {
        let address = self.address(chat.clone());
        if let Some(Some(id)) = self.doors.directory.newest(&address) {
            return Ok(Some(id));
        }
        let before = self.doors.before();
        let Some(found) = self.doors.store.conversation(&self.channel, chat).await? else { return Ok(None) };
        self.doors.learn(before, &address, Change { conversation: found.id, rev: found.rev });
        Ok(Some(found.id))
    }

    /// The conversation of a chat as it is stored now.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn conversation(&self, chat: &ChatId) -> Result<Option<Conversation>, StoreError> {
        self.doors.store.conversation(&self.channel, chat).await
    }

    /// Waits at most `patience` for a chat's first message. Another process may have taken it, and news may be lost: at the
    /// end the store is asked.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn wait_for_first(
        &self,
        chat: &ChatId,
        patience: Duration,
    ) -> Result<Option<ConversationId>, StoreError> {
        let address = self.address(chat.clone());
        let wait = self.doors.directory.wait_above(&address, None, patience);
        match self.doors.closing.run_until_cancelled(wait).await.flatten().flatten() {
            Some(id) => Ok(Some(id)),
            None if self.doors.closing.is_cancelled() => Ok(None),
            None => self.find(chat).await,
        }
    }

    /// The newest revision of a conversation.
    ///
    /// # Errors
    /// When the store has to be read and can't be.
    pub async fn newest(&self, id: ConversationId) -> Result<Rev, StoreError> {
        if let Some(rev) = self.doors.revisions.newest(&id) {
            return Ok(rev);
        }
        let rev = self.doors.store.items_since(id, Rev(i64::MAX), 0).await?.rev;
        self.doors.publish(Change { conversation: id, rev });
        Ok(rev)
    }

    /// Waits at most `patience` until the conversation has a revision above `since`; whether it has.
    pub async fn wait_above(&self, id: ConversationId, since: Rev, patience: Duration) -> bool {
        let wait = self.doors.revisions.wait_above(&id, since, patience);
        self.doors.closing.run_until_cancelled(wait).await.flatten().is_some()
    }

    /// See [`Store::items_since`].
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn items_since(&self, id: ConversationId, since: Rev, limit: usize) -> Result<Slice, StoreError> {
        self.doors.store.items_since(id, since, limit).await
    }

    /// See [`Store::items_before`].
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn items_before(
        &self,
        id: ConversationId,
        before: Option<Pos>,
        limit: usize,
    ) -> Result<Slice, StoreError> {
        self.doors.store.items_before(id, before, limit).await
    }

    /// Opens a file of a message, whichever side it is from.
    ///
    /// # Errors
    /// See [`Backend::open`]; `Refused` when it is gone.
    pub async fn open_file(&self, file: &File) -> Result<FileStream, DeliveryError> {
        self.doors.open_file(file).await
    }

    /// The rules for visitors' files in this channel.
    pub fn file_rules(&self) -> FileRules {
        self.doors.equipment.as_ref().map(|equipment| equipment.policy.of(&self.channel).clone()).unwrap_or_default()
    }

    /// Keeps a visitor's file, to be named in the content of a message that is accepted next. `name` and `mime` are what
    /// the sender claims.
    ///
    /// # Errors
    /// [`FileError`]; nothing is kept then. What no message names within an hour is removed.
    pub async fn keep_file(&self, name: &str, mime: &str, bytes: ByteStream) -> Result<File, FileError> {
        let missing = || FileError::Unavailable("there is no place for files".to_owned());
        let Equipment { files, policy, .. } = self.doors.equipment.as_ref().ok_or_else(missing)?;
        let rules = policy.of(&self.channel);
        let (told, bytes) = files::media_type(mime, bytes).await?;
        if let Some(by) = rules.refuses(name, &told) {
            return Err(FileError::TypeRefused(by));
        }
        let kept = self.doors.keep_bytes(files, bytes, rules.most).await?;
        Ok(files::describe(name, mime, &kept))
    }

    /// A signed address of one of a message's files, for whoever has no session here.
    pub fn file_url(&self, item: &Item, conversation: ConversationId, index: usize, holder: Holder) -> Option<String> {
        let links = &self.doors.equipment.as_ref()?.links;
        let place = FilePlace { conversation, message: item.id, index };
        Some(links.url(place, item.content.files.get(index)?, self.now(), holder))
    }

    /// What the open line's settings say; kept for some minutes by the backend.
    ///
    /// # Errors
    /// See [`Backend::line`].
    pub async fn line(&self) -> Result<LineInfo, DeliveryError> {
        match self.doors.backend.get() {
            Some(backend) => backend.line(&self.channel).await,
            None => Err(DeliveryError::retry("the backend is not there yet")),
        }
    }

    /// What operators read, in their language: notes are written by it.
    pub fn words(&self) -> &'static Catalogue {
        words::operators(self.doors.backend.get().map_or("en", |backend| backend.language()))
    }

    /// Tells the operators of a chat's conversation something. False when there is no conversation yet, it is being erased,
    /// or the note's key was known.
    ///
    /// # Errors
    /// When nothing was stored.
    pub async fn note(&self, chat: &ChatId, note: Note) -> Result<bool, StoreError> {
        let Some(id) = self.find(chat).await? else { return Ok(false) };
        if forget::is_going_on(&self.doors, id).await? {
            return Ok(false);
        }
        let stored = self.doors.store.record_note(id, note, self.now()).await?;
        if stored {
            self.doors.wake(&Queue::Backend);
        }
        Ok(stored)
    }

    /// Where the visitor of this chat may go on with the conversation, see [`Channel::continue_at`]: in the channels that
    /// are `offered`, or in all.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn elsewhere(
        &self,
        chat: &ChatId,
        offered: Option<&[ChannelId]>,
    ) -> Result<Vec<Continuation>, StoreError> {
        let (Some(equipment), Some(channels)) = (&self.doors.equipment, self.doors.channels.get()) else {
            return Ok(Vec::new());
        };
        let Some(id) = self.find(chat).await? else { return Ok(Vec::new()) };
        let word = equipment.words.make(id, self.now().plus(handover::LIFETIME));
        let is_offered = |channel: &ChannelId| offered.is_none_or(|offered| offered.contains(channel));
        let others = channels.iter().filter(|(channel, _)| **channel != self.channel && is_offered(channel));
        Ok(handover::told_apart(others.filter_map(|(_, channel)| channel.continue_at(&word)).collect()))
    }

    /// Whether this is a word to take over a conversation by, good or not any more.
    pub fn is_handover(&self, word: &str) -> bool {
        self.doors.equipment.as_ref().is_some_and(|equipment| equipment.words.signed(word).is_some())
    }

    /// Takes over a conversation by the word that its visitor brought; `None` when the word is not good (any more).
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn take_over(&self, word: &str) -> Result<Option<Handover>, StoreError> {
        let Some(words) = self.doors.equipment.as_ref().map(|equipment| &equipment.words) else { return Ok(None) };
        let Some(from) = words.read(word, self.now()) else { return Ok(None) };
        let Some(conversation) = self.doors.store.conversation_by_id(from).await? else { return Ok(None) };
        let slice = self.doors.store.items_before(from, None, handover::TOLD).await?;
        let transcript = handover::transcript(self.words(), conversation.channel.as_str(), &slice.items);
        let word = words.make(from, self.now().plus(handover::KEPT));
        Ok(Some(Handover { from, visitor: conversation.visitor, transcript, word }))
    }

    /// Asks to forget all that this chat's visitor wrote, here and at the backend; see [`crate::engine::forget`]. Whether there is
    /// a conversation to forget.
    ///
    /// # Errors
    /// When the wish was not stored.
    pub async fn forget_visitor(&self, chat: &ChatId) -> Result<bool, StoreError> {
        let Some(conversation) = self.conversation(chat).await? else { return Ok(false) };
        forget::ask_here(&self.doors, conversation.id).await?;
        self.doors.erasing.notify_one();
        Ok(true)
    }

    /// Whether the chat's conversation is just being erased: what came now would go with it, so it should come later.
    ///
    /// # Errors
    /// When the store has to be read and can't be.
    pub async fn is_being_forgotten(&self, chat: &ChatId) -> Result<bool, StoreError> {
        match self.find(chat).await? {
            Some(id) => forget::is_going_on(&self.doors, id).await,
            None => Ok(false),
        }
    }

    async fn nothing_while_erasing(&self, chat: &ChatId) -> Result<(), StoreError> {
        if self.is_being_forgotten(chat).await? { Err(StoreError::Erasing) } else { Ok(()) }
    }

    /// Everything that is kept of a chat's visitor; `None` when there is no conversation.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn export(&self, chat: &ChatId) -> Result<Option<Exported>, StoreError> {
        match self.conversation(chat).await? {
            Some(conversation) => Exported::of(&self.doors.store, conversation).await.map(Some),
            None => Ok(None),
        }
    }

    /// A value of the channel's own (an offset, a known name), by a key that is unique in the channel.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn remember(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.doors.store.state_get(&self.state_key(key)).await
    }

    /// All values of the channel's own whose key begins so, by what follows.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn remembered(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let prefix = self.state_key(prefix);
        let found = self.doors.store.state_list(&prefix).await?;
        Ok(found.into_iter().filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.to_owned(), value))).collect())
    }

    /// Whether other processes work on the same store: what is remembered in memory may be old.
    pub fn is_shared(&self) -> bool {
        self.doors.store.news().is_some()
    }

    /// Keeps a value of the channel's own.
    ///
    /// # Errors
    /// When it was not stored.
    pub async fn keep(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.doors.store.state_put(&self.state_key(key), value, Expect::Anything).await
    }

    /// Forgets a value of the channel's own.
    ///
    /// # Errors
    /// When it is still stored.
    pub async fn forget(&self, key: &str) -> Result<(), StoreError> {
        self.doors.store.state_delete(&self.state_key(key)).await
    }

    /// A value of the channel's own that belongs to a chat, by a name that is unique there.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn remember_of(&self, chat: &ChatId, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.doors.store.state_get(&(chat_values(&self.channel, chat) + name)).await
    }

    /// Keeps a value that belongs to a chat, until its conversation is erased.
    ///
    /// # Errors
    /// When it was not stored.
    pub async fn keep_of(&self, chat: &ChatId, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.doors.store.state_put(&(chat_values(&self.channel, chat) + name), value, Expect::Anything).await
    }

    /// Keeps a value of the channel's own, like [`VisitorInbox::keep`], that goes with a chat's conversation: for what has to
    /// be found without knowing the chat.
    ///
    /// # Errors
    /// When it was not stored.
    pub async fn keep_with(&self, chat: &ChatId, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let key = self.state_key(key);
        let also = format!("{}{ALSO}{key}", chat_values(&self.channel, chat));
        // First what takes it along.
        self.doors.store.state_put(&also, b"", Expect::Anything).await?;
        self.doors.store.state_put(&key, value, Expect::Anything).await
    }

    /// Forgets a value that belongs to a chat.
    ///
    /// # Errors
    /// When it is still stored.
    pub async fn forget_of(&self, chat: &ChatId, name: &str) -> Result<(), StoreError> {
        self.doors.store.state_delete(&(chat_values(&self.channel, chat) + name)).await
    }

    fn state_key(&self, key: &str) -> String {
        format!("channel/{}/{key}", self.channel)
    }

    /// One item of a conversation.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn item(&self, id: ConversationId, message: MessageId) -> Result<Option<Item>, StoreError> {
        self.doors.store.item(id, message).await
    }

    fn address(&self, chat: ChatId) -> ChatAddress {
        ChatAddress { channel: self.channel.clone(), chat }
    }
}
