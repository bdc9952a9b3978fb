//! The two doors into the bridge: visitors' messages come in by a [`VisitorInbox`], operators' events by the
//! [`OperatorInbox`]. What a door has answered `Ok` is durable.

use crate::backend::FileStream;
use crate::channel::ChatAddress;
use crate::clock::{Clock, Timestamp};
use crate::error::{DeliveryError, StoreError};
use crate::hub::{Directory, Revisions};
use crate::id::{ChannelId, ChatId, ConversationId, MessageId, Pos, Rev};
use crate::message::{Conversation, File, Incoming, Item, OperatorEvent};
use crate::store::{Amend, Change, News, Queue, Recorded, Slice};
use crate::{Backend, Store};
use std::collections::HashMap;
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
    directory: Directory,
    wakes: Arc<HashMap<Queue, Notify>>,
    /// There was a gap in which events may have been lost.
    gap: Arc<Notify>,
    /// For the bytes of operators' files; known once the bridge is built.
    pub(crate) backend: Arc<OnceLock<Arc<dyn Backend>>>,
    /// Ends every wait, so that held answers don't hold up a stop.
    closing: CancellationToken,
}

impl Doors {
    /// Doors for these channel instances.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, channels: &[ChannelId]) -> Self {
        let queues = channels.iter().cloned().map(Queue::Channel).chain([Queue::Backend, Queue::Confirm]);
        let wakes = Arc::new(queues.map(|queue| (queue, Notify::new())).collect());
        let (revisions, directory) = (Revisions::default(), Directory::default());
        let (gap, backend, closing) = (Arc::default(), Arc::default(), CancellationToken::new());
        Self { store, clock, revisions, directory, wakes, gap, backend, closing }
    }

    /// The door for one channel instance.
    pub fn visitor_inbox(&self, channel: ChannelId) -> VisitorInbox {
        VisitorInbox { doors: self.clone(), channel }
    }

    /// The door for the backend.
    pub fn operator_inbox(&self) -> OperatorInbox {
        OperatorInbox { doors: self.clone() }
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
                    self.revisions.forget_all();
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
        let chat = incoming.chat.clone();
        let recorded = self.doors.store.record_incoming(&self.channel, incoming, self.doors.clock.now()).await?;
        if recorded.fresh {
            self.announce(chat, recorded.change);
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
        let Some(conversation) = self.doors.store.conversation(&self.channel, chat).await? else { return Ok(None) };
        self.doors.directory.publish(&address, Some(conversation.id));
        self.doors.revisions.publish(&conversation.id, conversation.rev);
        Ok(Some(conversation.id))
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

    /// Opens a file that an operator attached.
    ///
    /// # Errors
    /// See [`Backend::open`].
    pub async fn open_file(&self, file: &File) -> Result<FileStream, DeliveryError> {
        match self.doors.backend.get() {
            Some(backend) => backend.open(file).await,
            None => Err(DeliveryError::retry("the backend is not there yet")),
        }
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

    fn announce(&self, chat: ChatId, change: Change) {
        self.doors.directory.publish(&self.address(chat), Some(change.conversation));
        self.doors.publish(change);
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
        if ours.is_empty() {
            return Ok(());
        }
        let addresses: Vec<_> =
            ours.iter().map(|e| ChatAddress { channel: e.channel.clone(), chat: e.chat.clone() }).collect();
        let noted = self.doors.store.record_outgoing(ours, self.doors.clock.now()).await?;
        for (note, address) in noted.into_iter().zip(addresses) {
            if let Some(change) = note.change {
                self.doors.directory.publish(&address, Some(change.conversation));
                self.doors.publish(change);
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
