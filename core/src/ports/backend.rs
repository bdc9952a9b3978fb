//! The backend port: the open-line side of the bridge.

use crate::domain::error::DeliveryError;
use crate::domain::id::ChannelId;
use crate::domain::line::LineInfo;
use crate::domain::message::{Conversation, File, Item, Note, OperatorEvent, Thread};
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
    /// Signed addresses of the message's files, in order, good for a day: whoever has one gets the file.
    pub file_urls: Vec<String>,
}

/// What to do with a visitor's message at the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Show it to the operators.
    Send,
    /// Replace the shown text by the present one.
    Edit,
    /// Take it back.
    Delete,
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

/// The open-line side.
///
/// Core never has two deliveries of one conversation under way, and never puts two into one batch, so a backend may
/// carry out a batch in any order. It must not retry by itself beyond renewing its own credentials.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Waits until deliveries make sense (installed, not paused). Core claims no work before it returns.
    async fn ready(&self) {}

    /// How many deliveries [`Backend::deliver`] likes to get at once, and how many confirmations
    /// [`Backend::confirm`].
    fn batch_limits(&self) -> (usize, usize) {
        (1, 1)
    }

    /// Carries out deliveries; one result for each, in order.
    async fn deliver(&self, batch: &[Delivery]) -> Vec<Result<Receipt, DeliveryError>>;

    /// Tells that operators' messages reached their visitors; one result for each, in order. Repeating is harmless.
    async fn confirm(&self, batch: &[Confirmation]) -> Vec<Result<(), DeliveryError>>;

    /// What operators wrote in these conversations that may not have reached us, oldest first; one result for each
    /// conversation, in order. It may name what we have: taking it twice is harmless.
    async fn missed(&self, conversations: &[Conversation]) -> Vec<Result<Vec<OperatorEvent>, DeliveryError>>;

    /// Tells the operators of a conversation something about it that its visitor shall not see.
    ///
    /// # Errors
    /// See [`DeliveryError`].
    async fn note(&self, conversation: &Conversation, text: &str) -> Result<(), DeliveryError>;

    /// How many conversations [`Backend::missed`] likes to get at once.
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
