//! The two doors into the bridge: visitors' messages come in by a [`VisitorInbox`], operators' events by the
//! [`OperatorInbox`]. What a door has answered `Ok` is durable.

mod operator;
mod rights;
mod values;
mod visitor;

pub use operator::OperatorInbox;
pub use visitor::VisitorInbox;

use crate::domain::error::DeliveryError;
use crate::domain::id::ChannelId;
use crate::domain::id::ChatAddress;
use crate::domain::message::{File, FileSource};
use crate::domain::secret::MasterSecret;
use crate::engine::arriving::Arriving;
use crate::engine::handover::{Continuation, Words};
use crate::engine::hold::Hold;
use crate::engine::hub::{Directory, Revisions};
use crate::engine::lately::Visitors;
use crate::engine::missing::Missing;
use crate::engine::pauses::Pauses;
use crate::engine::trace::{Tracer, Traces};
use crate::engine::troubles::Troubles;
use crate::engine::wishes::Wishes;
use crate::ports::backend::Backend;
use crate::ports::backend::FileStream;
use crate::ports::clock::{Clock, Timestamp};
use crate::ports::files::Files;
use crate::ports::files::{FileError, FileLinks, FilePolicy};
use crate::ports::store::Store;
use crate::ports::store::{Change, News, Queue};
use parking_lot::RwLock;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// What visitors' doors ask of the other channels.
pub(crate) trait Asked: Send + Sync {
    /// Where who brings this word may go on, in the wanted channels; see [`crate::Channel::continue_at`].
    fn continuations(&self, word: &str, is_wanted: &dyn Fn(&ChannelId) -> bool) -> Vec<Continuation>;
}

/// No other channel.
struct NoOther;

impl Asked for NoOther {
    fn continuations(&self, _: &str, _: &dyn Fn(&ChannelId) -> bool) -> Vec<Continuation> {
        Vec::new()
    }
}

/// What visitors' doors reach beyond the store.
pub(crate) struct Beyond {
    /// For what the open line says, and the bytes of operators' files.
    pub(crate) backend: Arc<dyn Backend>,
    /// Where conversations may be gone on with.
    pub(crate) channels: Arc<dyn Asked>,
}

/// What the doors and the dispatcher share.
#[derive(Clone)]
pub struct Doors {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) revisions: Revisions,
    pub(crate) directory: Directory,
    pub(crate) visitors: Arc<Visitors>,
    /// How often something that is remembered here was forgotten.
    pub(crate) forgotten: Arc<AtomicU64>,
    /// Who waits for work, by queue: of the channels that are served.
    wakes: Arc<RwLock<HashMap<Queue, Arc<Notify>>>>,
    /// Whether there was a gap in which events may have been lost.
    pub(crate) missing: Missing,
    /// The channels in which what was delivered keeps its place, see [`crate::channel::Capabilities::fixed_order`].
    fixed_order: Arc<RwLock<BTreeSet<ChannelId>>>,
    pub(crate) equipment: Option<Equipment>,
    pub(crate) troubles: Troubles,
    /// Channels that an administrator paused.
    pub(crate) pauses: Pauses,
    /// Who follows messages on their way.
    pub(crate) traces: Traces,
    hold: Hold,
    erasing: Arc<Notify>,
    pub(crate) wishes: Arc<Wishes>,
    pub(crate) arriving: Arc<Arriving>,
    /// Ends every wait, so that held answers don't hold up a stop.
    closing: CancellationToken,
}

/// What doors have that deal with files and signed links.
#[derive(Clone)]
pub(crate) struct Equipment {
    pub(crate) files: Arc<dyn Files>,
    policy: Arc<RwLock<Arc<FilePolicy>>>,
    pub(crate) links: FileLinks,
    pub(crate) words: Words,
}

impl Equipment {
    /// How visitors' files are dealt with now.
    pub(crate) fn policy(&self) -> Arc<FilePolicy> {
        Arc::clone(&self.policy.read())
    }
}

impl Doors {
    /// Doors for these channel instances.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, channels: &[ChannelId]) -> Self {
        let queues = channels.iter().cloned().map(Queue::Channel).chain([Queue::Backend, Queue::Confirm]);
        let wakes = Arc::new(RwLock::new(queues.map(|queue| (queue, Arc::default())).collect()));
        let (revisions, directory) = (Revisions::default(), Directory::default());
        let (closing, troubles, forgotten) = (CancellationToken::new(), Troubles::default(), Arc::default());
        let (equipment, erasing, wishes, hold) = (None, Arc::default(), Arc::default(), Hold::default());
        Self {
            store,
            clock,
            revisions,
            directory,
            visitors: Arc::default(),
            forgotten,
            wakes,
            missing: Missing::default(),
            fixed_order: Arc::default(),
            equipment,
            troubles,
            pauses: Pauses::default(),
            traces: Traces::default(),
            hold,
            erasing,
            wishes,
            arriving: Arc::default(),
            closing,
        }
    }

    /// The same doors with a place for visitors' files, and with signed links.
    #[must_use]
    pub fn equipped(
        self,
        files: Arc<dyn Files>,
        policy: impl Into<FilePolicy>,
        public_url: &str,
        secret: &MasterSecret,
    ) -> Self {
        let policy = policy.into();
        let links = FileLinks::new(public_url, secret).with_reader(policy.reader_link);
        let policy = Arc::new(RwLock::new(Arc::new(policy)));
        Self { equipment: Some(Equipment { files, policy, links, words: Words::new(secret) }), ..self }
    }

    /// The same doors with somebody who follows messages on their way.
    #[must_use]
    pub fn traced(self, tracer: Arc<dyn Tracer>) -> Self {
        Self { traces: Traces(Some(tracer)), ..self }
    }

    /// Visitors' files are dealt with otherwise from now on; what is being taken goes on as it began.
    pub fn take_files_by(&self, policy: FilePolicy) {
        if let Some(equipment) = &self.equipment {
            *equipment.policy.write() = Arc::new(policy);
        }
    }

    /// The file that a signed link names, see [`FileLinks`]; `None` when the link is not good, or what it named is gone.
    pub(crate) async fn linked(&self, token: &str) -> Result<Option<File>, DeliveryError> {
        let links = self.equipment.as_ref().map(|equipment| &equipment.links);
        let Some(place) = links.and_then(|links| links.check(token, self.clock.now())) else { return Ok(None) };
        let item = self.store.item(place.conversation, place.message).await;
        let item = item.map_err(|error| DeliveryError::retry(error.to_string()))?.filter(|item| !item.deleted);
        Ok(item.and_then(|item| item.content.files.into_iter().nth(place.index)))
    }

    /// Opens a file, whichever side it is from.
    pub(crate) async fn open_file(&self, file: &File, backend: &dyn Backend) -> Result<FileStream, DeliveryError> {
        match (&file.source, &self.equipment) {
            (FileSource::Backend(_), _) => backend.open(file).await,
            (FileSource::Stored(id), Some(equipment)) => equipment.files.open(id).await.map_err(|error| match error {
                FileError::Gone => DeliveryError::refused(error.to_string()),
                other => DeliveryError::retry(other.to_string()),
            }),
            (FileSource::Stored(_), None) => Err(DeliveryError::retry("there is no place for files")),
        }
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

    /// Follows what other processes, services and commands, do on the same database, until [`Doors::close`]; returns at once
    /// when nothing is heard of them.
    pub(crate) async fn listen(&self, backend: &dyn Backend) {
        let Some(mut news) = self.store.news() else { return };
        while let Some(heard) = self.closing.run_until_cancelled(news.recv()).await {
            match heard {
                Ok(News::Change(change)) => self.publish(change),
                Ok(News::Queue(queue)) => self.wake(&queue),
                Ok(News::Begun(address, conversation)) => self.directory.publish(&address, Some(conversation)),
                Ok(News::Value(key)) => self.changed_elsewhere(Some(&key), backend).await,
                Ok(News::Gap) | Err(RecvError::Lagged(_)) => {
                    self.forget_all();
                    self.wake_all();
                    self.changed_elsewhere(None, backend).await;
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Another process changed the value with this key; `None`: any may be changed.
    async fn changed_elsewhere(&self, key: Option<&str>, backend: &dyn Backend) {
        self.pauses.changed_elsewhere(key);
        backend.changed_elsewhere(key).await;
    }

    /// This process did nothing for a while: what is remembered may be wrong, leases may have run out, and events of the
    /// portal were not taken.
    pub fn stood_still(&self) {
        self.forget_all();
        self.wake_all();
        self.missing.notice();
    }

    /// All queues there are.
    pub fn queues(&self) -> Vec<Queue> {
        self.wakes.read().keys().cloned().collect()
    }

    /// Serves a channel from now on; `fixed_order`: see [`crate::channel::Capabilities::fixed_order`].
    pub(crate) fn serve(&self, channel: &ChannelId, fixed_order: bool) {
        let queue = Queue::Channel(channel.clone());
        self.wakes.write().entry(queue).or_default();
        let mut fixed = self.fixed_order.write();
        let _ = if fixed_order { fixed.insert(channel.clone()) } else { fixed.remove(channel) };
    }

    /// Serves it no more: what comes for it is passed over as if it had never been.
    pub(crate) fn serve_no_more(&self, channel: &ChannelId) {
        let queue = Queue::Channel(channel.clone());
        self.wakes.write().remove(&queue);
    }

    fn wake_all(&self) {
        self.wakes.read().values().for_each(|wake| wake.notify_one());
    }

    pub(crate) fn wake(&self, queue: &Queue) {
        if let Some(wake) = self.wakes.read().get(queue) {
            wake.notify_one();
        }
    }

    pub(crate) fn waker(&self, queue: &Queue) -> Option<Arc<Notify>> {
        self.wakes.read().get(queue).cloned()
    }

    /// Whether what was delivered in this channel can't be put into another order.
    pub(crate) fn has_fixed_order(&self, channel: &ChannelId) -> bool {
        self.fixed_order.read().contains(channel)
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
            self.visitors.forget(address);
            self.revisions.forget(&change.conversation);
        }
    }

    fn serves(&self, channel: &ChannelId) -> bool {
        self.wakes.read().contains_key(&Queue::Channel(channel.clone()))
    }
}
