//! The backend port: the open-line side of the bridge.

use crate::domain::error::DeliveryError;
use crate::domain::id::ChannelId;
use crate::domain::line::LineInfo;
use crate::domain::message::{Conversation, File, Item, Note, OperatorEvent, Thread};
use crate::ports::clock::Timestamp;
pub use crate::ports::work::Act;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

/// What shall be done on the backend's side for one conversation.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The conversation, with what is known of its place on the backend's side.
    pub conversation: Conversation,
    /// The message.
    pub item: Item,
    /// What to do with it.
    pub act: Act,
    /// The id under which the backend shall know the message: unique over all installations that ever used the same
    /// connector, at most 100 characters.
    pub external_id: String,
    /// An earlier attempt may have gone through: look before doing it again.
    pub uncertain: bool,
    /// See [`crate::store::Job::unknown_since`].
    pub unknown_since: Option<Timestamp>,
    /// Signed addresses of the message's files, in order, good for a day: whoever has one gets the file.
    pub file_urls: Vec<String>,
}

/// What the backend says of a delivery that succeeded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Where the conversation is now.
    pub thread: Thread,
    /// What the operators shall know of it: stored before the delivery counts as done.
    pub note: Option<Note>,
}

/// "This operator's message reached its visitor."
#[derive(Debug, Clone)]
pub struct Confirmation {
    /// The conversation.
    pub conversation: Conversation,
    /// The operator's message; `remote` and `delivered_as` are set.
    pub item: Item,
}

/// A file's bytes on their way.
pub struct FileStream {
    /// Bytes to come, when known.
    pub size: Option<u64>,
    /// The media type the backend's server named.
    pub mime: Option<String>,
    /// The bytes.
    pub bytes: BoxStream<'static, std::io::Result<Bytes>>,
}

/// A dialog in which replies may have been missed.
#[derive(Debug, Clone)]
pub struct Watched {
    /// The conversation, with the dialog as [`Thread::session`].
    pub conversation: Conversation,
    /// Up to which of the backend's messages nothing is missed, as [`Missed::newest`] told; `None` when it was not looked
    /// at before.
    pub seen: Option<i64>,
    /// The events of what was written within the last seconds may be on their way: leave those out, and [`Missed::newest`]
    /// before them. Not so after a gap.
    pub patient: bool,
}

/// What a look at a dialog found.
#[derive(Debug, Clone, Default)]
pub struct Missed {
    /// What operators wrote there that may not have reached us, oldest first. It may name what we have: taking it twice is
    /// harmless.
    pub events: Vec<OperatorEvent>,
    /// The newest of the backend's messages that the look has covered; `None` when it can't tell.
    pub newest: Option<i64>,
}

/// The open-line side.
///
/// Core never has two deliveries of one conversation under way, so a backend may carry out together and in any order what
/// it gets at the same time. It must not retry by itself beyond renewing its own credentials.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Waits until deliveries make sense (installed, not paused). Core claims no work before it returns.
    async fn ready(&self) {}

    /// Another process on the same store wrote or forgot the adapter's value with this key; `None`: any of them may have
    /// changed. What is remembered of it here is to be read again.
    async fn changed_elsewhere(&self, _key: Option<&str>) {}

    /// So many processes work with the backend now, this one among them: what it lets through is for all together.
    fn share(&self, _processes: usize) {}

    /// How many deliveries it likes to have under way at the same time, and how many confirmations [`Backend::confirm`]
    /// likes to get at once.
    fn batch_limits(&self) -> (usize, usize) {
        (1, 1)
    }

    /// Carries out a delivery; each is settled when it ends, so none holds up the others.
    ///
    /// # Errors
    /// See [`DeliveryError`].
    async fn deliver(&self, delivery: Delivery) -> Result<Receipt, DeliveryError>;

    /// Tells that operators' messages reached their visitors; one result for each, in order. Repeating is harmless.
    async fn confirm(&self, batch: &[Confirmation]) -> Vec<Result<(), DeliveryError>>;

    /// What may be missing of these dialogs; one result for each, in order. What the backend knows to have arrived comes as
    /// [`Happened::Arrived`](crate::message::Happened::Arrived); it is taken after a backup was restored only.
    async fn missed(&self, dialogs: &[Watched]) -> Vec<Result<Missed, DeliveryError>>;

    /// Tells the operators of a conversation something about it that its visitor shall not see. `unknown_since` is since when
    /// it may be there already: then it is looked for first.
    ///
    /// # Errors
    /// See [`DeliveryError`].
    async fn note(
        &self,
        conversation: &Conversation,
        text: &str,
        unknown_since: Option<Timestamp>,
    ) -> Result<(), DeliveryError>;

    /// The operators' language, as a code of [`crate::domain::words::operators`]: what notes are written in.
    fn language(&self) -> &'static str {
        "en"
    }

    /// How many dialogs [`Backend::missed`] likes to get at once.
    fn missed_limit(&self) -> usize {
        20
    }

    /// What the settings of the open line say to which this channel is connected. May be some minutes old.
    ///
    /// # Errors
    /// `Unsupported` by default; `Paused` while the channel is connected to no line.
    async fn line(&self, channel: &ChannelId) -> Result<LineInfo, DeliveryError> {
        let _ = channel;
        Err(DeliveryError::Unsupported)
    }

    /// Opens a file that an operator attached. Fetches only from the backend's own hosts.
    ///
    /// # Errors
    /// `Refused` for a foreign host or a file that is gone, `Retry` otherwise.
    async fn open(&self, file: &File) -> Result<FileStream, DeliveryError>;
}
