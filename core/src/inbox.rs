//! The two doors into the bridge: visitors' messages come in by a [`VisitorInbox`], operators' events by the
//! [`OperatorInbox`]. What a door has answered `Ok` is durable.

use crate::backend::FileStream;
use crate::channel::ChatAddress;
use crate::clock::{Clock, Timestamp};
use crate::error::{DeliveryError, StoreError};
use crate::files::{self, ByteStream, FileError, FileLinks, FilePlace, FileRules};
use crate::forget;
use crate::handover::{self, Continuation, Handover, Words};
use crate::hold::{self, Hold};
use crate::hub::{Directory, Revisions};
use crate::id::{ChannelId, ChatId, ConversationId, MessageId, Pos, Rev};
use crate::line::LineInfo;
use crate::message::{Conversation, File, FileSource, Incoming, Item, Note, OperatorEvent};
use crate::secret::MasterSecret;
use crate::store::{Amend, Change, Expect, News, Queue, Recorded, Slice};
use crate::troubles::Troubles;
use crate::{Backend, Channel, Files, Store};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// What the doors and the dispatcher share.
#[derive(Clone)]
pub struct Doors {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) revisions: Revisions,
    pub(crate) directory: Directory,
    /// How often something that is remembered here was forgotten.
    pub(crate) forgotten: Arc<AtomicU64>,
    wakes: Arc<HashMap<Queue, Notify>>,
    /// There was a gap in which events may have been lost.
    gap: Arc<Notify>,
    /// For the bytes of operators' files; known once the bridge is built.
    pub(crate) backend: Arc<OnceLock<Arc<dyn Backend>>>,
    /// Where conversations may be gone on with; known once the bridge is built.
    pub(crate) channels: Arc<OnceLock<HashMap<ChannelId, Arc<dyn Channel>>>>,
    pub(crate) equipment: Option<Equipment>,
    pub(crate) troubles: Troubles,
    hold: Hold,
    erasing: Arc<Notify>,
    /// Ends every wait, so that held answers don't hold up a stop.
    closing: CancellationToken,
}

/// What doors have that deal with files and signed links.
#[derive(Clone)]
pub(crate) struct Equipment {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) rules: FileRules,
    pub(crate) links: FileLinks,
    pub(crate) words: Words,
}

impl Doors {
    /// Doors for these channel instances.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, channels: &[ChannelId]) -> Self {
        let queues = channels.iter().cloned().map(Queue::Channel).chain([Queue::Backend, Queue::Confirm]);
        let wakes = Arc::new(queues.map(|queue| (queue, Notify::new())).collect());
        let (revisions, directory) = (Revisions::default(), Directory::default());
        let (gap, backend, channels) = (Arc::default(), Arc::default(), Arc::default());
        let (closing, troubles, forgotten) = (CancellationToken::new(), Troubles::default(), Arc::default());
        let (equipment, erasing, hold) = (None, Arc::default(), Hold::default());
        Self {
            store,
            clock,
            revisions,
            directory,
            forgotten,
            wakes,
            gap,
            backend,
            channels,
            equipment,
            troubles,
            hold,
            erasing,
            closing,
        }
    }

    /// The same doors with a place for visitors' files, and with signed links.
    #[must_use]
    pub fn equipped(self, files: Arc<dyn Files>, rules: FileRules, public_url: &str, secret: &MasterSecret) -> Self {
        let (links, words) = (FileLinks::new(public_url, secret), Words::new(secret));
        Self { equipment: Some(Equipment { files, rules, links, words }), ..self }
    }

    /// Opens the file that a signed link names, see [`FileLinks`]; `None` when the link is not good, or what it named
    /// is gone.
    ///
    /// # Errors
    /// When the file can't be opened now.
    pub async fn linked_file(&self, token: &str) -> Result<Option<(File, FileStream)>, DeliveryError> {
        let links = self.equipment.as_ref().map(|equipment| &equipment.links);
        let Some(place) = links.and_then(|links| links.check(token, self.clock.now())) else { return Ok(None) };
        let item = self.store.item(place.conversation, place.message).await;
        let item = item.map_err(|error| DeliveryError::retry(error.to_string()))?.filter(|item| !item.deleted);
        let Some(file) = item.and_then(|item| item.content.files.into_iter().nth(place.index)) else { return Ok(None) };
        let stream = self.open_file(&file).await?;
        Ok(Some((file, stream)))
    }

    async fn open_file(&self, file: &File) -> Result<FileStream, DeliveryError> {
        match &file.source {
            FileSource::Backend(_) => match self.backend.get() {
                Some(backend) => backend.open(file).await,
                None => Err(DeliveryError::retry("the backend is not there yet")),
            },
            FileSource::Stored(id) => match &self.equipment {
                Some(equipment) => equipment.files.open(id).await.map_err(|error| match error {
                    FileError::Gone => DeliveryError::refused(error.to_string()),
                    other => DeliveryError::retry(other.to_string()),
                }),
                None => Err(DeliveryError::retry("there is no place for files")),
            },
        }
    }

    /// The door for one channel instance.
    pub fn visitor_inbox(&self, channel: ChannelId) -> VisitorInbox {
        VisitorInbox { doors: self.clone(), channel }
    }

    /// The door for the backend.
    pub fn operator_inbox(&self) -> OperatorInbox {
        OperatorInbox { doors: self.clone() }
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Somebody asked to erase a conversation.
    pub(crate) fn erasing(&self) -> &Notify {
        &self.erasing
    }

    /// What went wrong last in each channel.
    pub fn troubles(&self) -> &Troubles {
        &self.troubles
    }

    /// Ends all waiting for news, now and from now on.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Follows what other processes do on the same database, until [`Doors::close`]; returns at once when there can't be
    /// others.
    pub async fn listen(&self) {
        let Some(mut news) = self.store.news() else { return };
        while let Some(heard) = self.closing.run_until_cancelled(news.recv()).await {
            match heard {
                Ok(News::Change(change)) => self.publish(change),
                Ok(News::Queue(queue)) => self.wake(&queue),
                Ok(News::Gap) | Err(RecvError::Lagged(_)) => {
                    self.forget_all();
                    self.wakes.values().for_each(Notify::notify_one);
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// All queues there are.
    pub fn queues(&self) -> Vec<Queue> {
        self.wakes.keys().cloned().collect()
    }

    pub(crate) fn wake(&self, queue: &Queue) {
        if let Some(wake) = self.wakes.get(queue) {
            wake.notify_one();
        }
    }

    pub(crate) fn waker(&self, queue: &Queue) -> Option<&Notify> {
        self.wakes.get(queue)
    }

    pub(crate) fn gap(&self) -> &Notify {
        &self.gap
    }

    pub(crate) fn publish(&self, change: Change) {
        self.revisions.publish(&change.conversation, change.rev);
    }

    /// Before something is read or written that [`Doors::learn`] is told of.
    fn before(&self) -> u64 {
        self.forgotten.load(Ordering::SeqCst)
    }

    /// Remembers what became of a chat's conversation, unless it may have been erased meanwhile.
    fn learn(&self, before: u64, address: &ChatAddress, change: Change) {
        self.directory.publish(address, Some(change.conversation));
        self.publish(change);
        if self.before() != before {
            self.directory.forget(address);
            self.revisions.forget(&change.conversation);
        }
    }

    fn serves(&self, channel: &ChannelId) -> bool {
        self.wakes.contains_key(&Queue::Channel(channel.clone()))
    }
}

/// Everything one channel instance may do with its conversations. It cannot reach those of another.
#[derive(Clone)]
pub struct VisitorInbox {
    doors: Doors,
    channel: ChannelId,
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
    /// When nothing was stored; the visitor's side must repeat it with the same key.
    pub async fn accept(&self, incoming: Incoming) -> Result<Recorded, StoreError> {
        let (address, before) = (self.address(incoming.chat.clone()), self.doors.before());
        let recorded = self.doors.store.record_incoming(&self.channel, incoming, self.doors.clock.now()).await?;
        if recorded.fresh {
            self.doors.learn(before, &address, recorded.change);
            self.doors.wake(&Queue::Backend);
        }
        Ok(recorded)
    }

    /// Takes a visitor's edit or deletion of the message with that key. `None` when it changes nothing.
    ///
    /// # Errors
    /// When nothing was stored.
    pub async fn amend(&self, chat: &ChatId, key: &str, amend: Amend) -> Result<Option<Change>, StoreError> {
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

    /// Waits at most `patience` for a chat's first message.
    pub async fn wait_for_first(&self, chat: &ChatId, patience: Duration) -> Option<ConversationId> {
        let address = self.address(chat.clone());
        let wait = self.doors.directory.wait_above(&address, None, patience);
        self.doors.closing.run_until_cancelled(wait).await.flatten().flatten()
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

    /// The rules for visitors' files.
    pub fn file_rules(&self) -> FileRules {
        self.doors.equipment.as_ref().map(|equipment| equipment.rules.clone()).unwrap_or_default()
    }

    /// Keeps a visitor's file, to be named in the content of a message that is accepted next. `name` and `mime` are what
    /// the sender claims.
    ///
    /// # Errors
    /// [`FileError`]; nothing is kept then.
    pub async fn keep_file(&self, name: &str, mime: &str, bytes: ByteStream) -> Result<File, FileError> {
        let missing = || FileError::Unavailable("there is no place for files".to_owned());
        let Equipment { files, rules, .. } = self.doors.equipment.as_ref().ok_or_else(missing)?;
        let kept = files.keep(bytes, rules.most).await?;
        let file = files::describe(name, mime, &kept);
        if !rules.takes(&file.mime) {
            return Err(FileError::TypeRefused(file.mime));
        }
        Ok(file)
    }

    /// A signed address of one of a message's files, for whoever has no session here.
    pub fn file_url(
        &self,
        item: &Item,
        conversation: ConversationId,
        index: usize,
        lifetime: Duration,
    ) -> Option<String> {
        let links = &self.doors.equipment.as_ref()?.links;
        let place = FilePlace { conversation, message: item.id, index };
        Some(links.url(place, item.content.files.get(index)?, self.now(), lifetime))
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

    /// Tells the operators of a chat's conversation something. False when there is no conversation yet, or the note's
    /// key was known.
    ///
    /// # Errors
    /// When nothing was stored.
    pub async fn note(&self, chat: &ChatId, note: Note) -> Result<bool, StoreError> {
        let Some(id) = self.find(chat).await? else { return Ok(false) };
        let stored = self.doors.store.record_note(id, note, self.now()).await?;
        if stored {
            self.doors.wake(&Queue::Backend);
        }
        Ok(stored)
    }

    /// Where the visitor of this chat may go on with the conversation, see [`Channel::continue_at`].
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn elsewhere(&self, chat: &ChatId) -> Result<Vec<Continuation>, StoreError> {
        let (Some(equipment), Some(channels)) = (&self.doors.equipment, self.doors.channels.get()) else {
            return Ok(Vec::new());
        };
        let Some(id) = self.find(chat).await? else { return Ok(Vec::new()) };
        let word = equipment.words.make(id, self.now().plus(handover::LIFETIME));
        let others = channels.iter().filter(|(channel, _)| **channel != self.channel);
        let mut places: Vec<_> = others.filter_map(|(_, channel)| channel.continue_at(&word)).collect();
        places.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(places)
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
        let transcript = handover::transcript(conversation.channel.as_str(), &slice.items);
        let word = words.make(from, self.now().plus(handover::KEPT));
        Ok(Some(Handover { from, visitor: conversation.visitor, transcript, word }))
    }

    /// Asks to forget all that this chat's visitor wrote, here and at the backend; see [`crate::forget`]. Whether there is
    /// a conversation to forget.
    ///
    /// # Errors
    /// When the wish was not stored.
    pub async fn forget_visitor(&self, chat: &ChatId) -> Result<bool, StoreError> {
        let Some(conversation) = self.conversation(chat).await? else { return Ok(false) };
        forget::ask(&self.doors.store, conversation.id, self.now()).await?;
        self.doors.erasing.notify_one();
        Ok(true)
    }

    /// A value of the channel's own (an offset, a known name), by a key that is unique in the channel.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn remember(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.doors.store.state_get(&self.state_key(key)).await
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

/// The backend's door.
#[derive(Clone)]
pub struct OperatorInbox {
    doors: Doors,
}

impl OperatorInbox {
    /// Takes what happened on the operators' side, all in one transaction. When it returns, everything is durable.
    ///
    /// Events for channels that are not configured are passed over: there is nobody to bring them to.
    ///
    /// # Errors
    /// When nothing was stored.
    pub async fn accept(&self, events: Vec<OperatorEvent>) -> Result<(), StoreError> {
        let (ours, foreign): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| self.doors.serves(&event.channel));
        for event in foreign {
            tracing::warn!(channel = %event.channel, "event for a channel that is not configured, passed over");
        }
        let (held, at_once): (Vec<_>, Vec<_>) = ours.into_iter().partition(|event| self.is_held(&event.channel));
        if !held.is_empty() {
            self.hold(held).await?;
        }
        if at_once.is_empty() { Ok(()) } else { self.record(at_once).await }
    }

    /// Whether what was delivered in this channel can't be put into another order.
    fn is_held(&self, channel: &ChannelId) -> bool {
        let channels = self.doors.channels.get();
        channels.and_then(|all| all.get(channel)).is_some_and(|channel| channel.capabilities().fixed_order)
    }

    async fn hold(&self, events: Vec<OperatorEvent>) -> Result<(), StoreError> {
        let (first, told) = self.doors.hold.add(events);
        if first {
            // In a task of its own: whoever came first may go away, and the others wait for it.
            let inbox = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(hold::MOMENT).await;
                let (events, tell) = inbox.doors.hold.take();
                let stored = inbox.record(events).await;
                for tell in tell {
                    let _ = tell.send(stored.clone());
                }
            });
        }
        told.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the service is stopping".to_owned())))
    }

    async fn record(&self, ours: Vec<OperatorEvent>) -> Result<(), StoreError> {
        let addresses: Vec<_> =
            ours.iter().map(|e| ChatAddress { channel: e.channel.clone(), chat: e.chat.clone() }).collect();
        let before = self.doors.before();
        let noted = self.doors.store.record_outgoing(ours, self.doors.clock.now()).await?;
        for (note, address) in noted.into_iter().zip(addresses) {
            if let Some(change) = note.change {
                self.doors.learn(before, &address, change);
            }
            if let Some(queue) = note.queue {
                self.doors.wake(&queue);
            }
        }
        Ok(())
    }

    /// Tells that the backend can be worked with again: everything that waits for it becomes due, and replies that were
    /// missed meanwhile are fetched.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn backend_is_back(&self) -> Result<(), StoreError> {
        for queue in [Queue::Backend, Queue::Confirm] {
            self.doors.store.hurry(&queue, self.doors.clock.now()).await?;
            self.doors.wake(&queue);
        }
        self.doors.gap.notify_one();
        Ok(())
    }

    /// The store, for the backend's own state.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.doors.store
    }

    /// The time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.doors.clock
    }
}
