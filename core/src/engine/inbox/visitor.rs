//! The visitors' door.

use super::{Beyond, Doors, NoOther};
use crate::domain::error::{DeliveryError, StoreError};
use crate::domain::id::ChatAddress;
use crate::domain::id::{ChannelId, ChatId, ConversationId, MessageId, Pos, Rev};
use crate::domain::line::LineInfo;
use crate::domain::message::{Conversation, File, Incoming, Item, Note, Visitor};
use crate::domain::words::{self, Catalogue};
use crate::engine::forget;
use crate::engine::{measure, trace};
use crate::ports::backend::{Backend, FileStream};
use crate::ports::clock::Timestamp;
use crate::ports::files::{self, ByteStream, FileError, FilePlace, FileRules, Holder};
use crate::ports::store::{Act, Amend, Change, Queue, Recorded, Slice};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::future::FutureExt;

/// Everything one channel instance may do with its conversations. It cannot reach those of another.
#[derive(Clone)]
pub struct VisitorInbox {
    pub(super) doors: Doors,
    pub(super) beyond: Arc<Beyond>,
    pub(super) channel: ChannelId,
}

impl VisitorInbox {
    /// The door of one channel.
    pub(crate) fn new(doors: Doors, beyond: Arc<Beyond>, channel: ChannelId) -> Self {
        Self { doors, beyond, channel }
    }

    /// The door of a channel beside which there is no other one.
    pub fn alone(doors: Doors, backend: Arc<dyn Backend>, channel: ChannelId) -> Self {
        Self::new(doors, Arc::new(Beyond { backend, channels: Arc::new(NoOther) }), channel)
    }

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
    pub async fn accept(&self, mut incoming: Incoming) -> Result<Recorded, StoreError> {
        let mut entry = self.entry((&incoming.chat, &incoming.key), Act::Send);
        let known = self.admits(&incoming.chat).await?;
        let (address, before) = (self.address(incoming.chat.clone()), self.doors.before());
        // What is stored already is not stored again.
        let told = incoming.visitor.take().filter(|told| self.visitor_of(&address, known).as_ref() != Some(told));
        incoming.visitor.clone_from(&told);
        if let Some(entry) = &mut entry {
            entry.storing();
        }
        let recorded = self.doors.store.record_incoming(&self.channel, incoming, self.doors.clock.now()).await;
        trace::stored(entry, recorded.as_ref().map(|recorded| recorded.fresh));
        let recorded = recorded?;
        measure::accepted(&self.channel, recorded.fresh);
        self.doors.named(&recorded.item.content).await;
        if recorded.fresh {
            if let Some(visitor) = told.filter(|_| !self.is_shared()) {
                self.doors.visitors.learn(&address, recorded.change, &visitor);
            }
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
            self.admits(chat).await?;
        }
        let now = self.doors.clock.now();
        let entry = self.entry((chat, key), if matches!(amend, Amend::Edit(_)) { Act::Edit } else { Act::Delete });
        let change = self.doors.store.amend_incoming(&self.channel, chat, key, amend, now).await;
        trace::stored(entry, change.as_ref().map(Option::is_some));
        let change = change?;
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
        let before = self.doors.before();
        let found = self.doors.store.conversation(&self.channel, chat).await?;
        if let Some(found) = found.as_ref().filter(|_| !self.is_shared()) {
            let (address, as_of) = (self.address(chat.clone()), Change { conversation: found.id, rev: found.rev });
            self.doors.visitors.learn(&address, as_of, &found.visitor);
            if self.doors.before() != before {
                self.doors.visitors.forget(&address);
            }
        }
        Ok(found)
    }

    /// What is stored of a chat's visitor, when that is known without reading; never where other processes may change it.
    ///
    /// # Errors
    /// When the chat has to be looked for and the store can't be read.
    pub async fn known_visitor(&self, chat: &ChatId) -> Result<Option<Visitor>, StoreError> {
        let known = self.find(chat).await?;
        Ok(self.visitor_of(&self.address(chat.clone()), known))
    }

    fn visitor_of(&self, address: &ChatAddress, known: Option<ConversationId>) -> Option<Visitor> {
        known.and_then(|id| self.doors.visitors.of(address, id))
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
        match wait.with_cancellation_token(&self.doors.closing).await.flatten().flatten() {
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
        // Thousands wait here: `run_until_cancelled` would have room for what waits twice.
        wait.with_cancellation_token(&self.doors.closing).await.flatten().is_some()
    }

    /// See [`crate::store::Conversations::items_since`].
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn items_since(&self, id: ConversationId, since: Rev, limit: usize) -> Result<Slice, StoreError> {
        self.doors.store.items_since(id, since, limit).await
    }

    /// See [`crate::store::Conversations::items_before`].
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
        self.doors.open_file(file, &*self.beyond.backend).await
    }

    /// The rules for visitors' files in this channel.
    pub fn file_rules(&self) -> FileRules {
        self.doors.equipment.as_ref().map(|equipment| equipment.policy().of(&self.channel).clone()).unwrap_or_default()
    }

    /// Keeps a visitor's file, to be named in the content of a message that is accepted next. `name` and `mime` are what
    /// the sender claims.
    ///
    /// # Errors
    /// [`FileError`]; nothing is kept then. What no message names within an hour is removed.
    pub async fn keep_file(&self, name: &str, mime: &str, bytes: ByteStream) -> Result<File, FileError> {
        let missing = || FileError::Unavailable("there is no place for files".to_owned());
        let equipment = self.doors.equipment.as_ref().ok_or_else(missing)?;
        let policy = equipment.policy();
        let rules = policy.of(&self.channel);
        let (told, bytes) = files::media_type(mime, bytes).await?;
        if let Some(by) = rules.refuses(name, &told) {
            return Err(FileError::TypeRefused(by));
        }
        let kept = self.doors.keep_bytes(&equipment.files, bytes, rules.most).await?;
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
        self.beyond.backend.line(&self.channel).await
    }

    /// What operators read, in their language: notes are written by it.
    pub fn words(&self) -> &'static Catalogue {
        words::operators(self.beyond.backend.language())
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

    /// One item of a conversation.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn item(&self, id: ConversationId, message: MessageId) -> Result<Option<Item>, StoreError> {
        self.doors.store.item(id, message).await
    }

    fn entry(&self, message: (&ChatId, &str), act: Act) -> Option<trace::Entry> {
        self.doors.traces.incoming(&*self.doors.clock, &self.channel, message, act)
    }

    fn address(&self, chat: ChatId) -> ChatAddress {
        ChatAddress { channel: self.channel.clone(), chat }
    }
}
