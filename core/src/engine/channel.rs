//! The channel port: what a messenger must offer to be joined to an open line. It stands here and not among the other ports,
//! because a channel gets the visitors' door.

use crate::domain::check::Check;
use crate::domain::error::{ConfigError, DeliveryError};
use crate::domain::id::ChannelId;
pub use crate::domain::id::ChatAddress;
use crate::domain::message::{Conversation, Item};
use crate::domain::secret::MasterSecret;
use crate::domain::weak::Maker;
use crate::engine::handover::Continuation;
use crate::engine::inbox::VisitorInbox;
use crate::engine::limits::Limits;
use crate::ports::clock::{Clock, Timestamp};
use async_trait::async_trait;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a channel can do: it follows from its settings, and stays. Core and the contract tests act on it, so it must be the truth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // a set of independent flags
pub struct Capabilities {
    /// An operator's edit can be applied to a delivered message.
    pub edits: bool,
    /// An operator's deletion can be applied to a delivered message.
    pub deletes: bool,
    /// Operators' files can be delivered.
    pub files: bool,
    /// Visitors can change and delete what they wrote.
    pub visitor_edits: bool,
    /// What was delivered keeps its place: a reply that comes late can't be put before a later one. Replies are held for
    /// a quarter of a second then, so that those that overtake each other on the way come in their order, and after a gap
    /// until what was missed is fetched (for ten seconds at the most).
    pub fixed_order: bool,
}

/// A message on its way to a visitor.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The conversation it belongs to.
    pub conversation: &'a Conversation,
    /// The message.
    pub item: &'a Item,
    /// An earlier attempt may have gone through without our learning of it.
    pub uncertain: bool,
    /// How many attempts failed so far; begins anew when a dead letter is replayed.
    pub attempts: u32,
    /// When this was to be done first: the same at every attempt.
    pub since: Timestamp,
}

/// One configured channel instance.
///
/// Core calls [`Channel::send`], [`Channel::edit`] and [`Channel::delete`] for one chat strictly one after another, for
/// different chats at the same time, up to 64. They may take their time, but must come back within a minute (after two and
/// a half core drops them, with an unknown outcome), and must not retry by themselves: core does, by the error they return.
#[async_trait]
pub trait Channel: Send + Sync + 'static {
    /// Brings a message to its visitor and returns the ids it has there, in order, at least one.
    ///
    /// # Errors
    /// See [`DeliveryError`]. With `Unknown` it is called again with `uncertain` set.
    async fn send(&self, message: Outgoing<'_>) -> Result<Vec<String>, DeliveryError>;

    /// Applies an operator's edit; `item.delivered_as` tells where.
    ///
    /// # Errors
    /// `Unsupported` by default; see [`Capabilities::edits`].
    async fn edit(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        let _ = message;
        Err(DeliveryError::Unsupported)
    }

    /// Takes a delivered message back; `item.delivered_as` tells where.
    ///
    /// # Errors
    /// `Unsupported` by default; see [`Capabilities::deletes`].
    async fn delete(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        let _ = message;
        Err(DeliveryError::Unsupported)
    }

    /// Tells a visitor that what they wrote does not reach the operators: it was given up. Nothing by default, which is
    /// right where the visitor's page shows what became of each message. Called once; an error is logged, no more.
    ///
    /// # Errors
    /// See [`DeliveryError`].
    async fn undelivered(&self, message: Outgoing<'_>) -> Result<(), DeliveryError> {
        let _ = message;
        Ok(())
    }

    /// The address where a person meets this channel, for the portal's Contact Center.
    fn public_address(&self) -> Option<String> {
        None
    }

    /// The line of HTML that puts this channel into a page of one's own.
    fn embed(&self) -> Option<String> {
        None
    }

    /// The address that programs call, of channels that are for programs.
    fn endpoint(&self) -> Option<String> {
        None
    }

    /// Where a visitor who brings this word (up to 64 of `A-Za-z0-9_-`) may go on with a conversation of another
    /// channel; see [`VisitorInbox::take_over`]. `None` by default: nowhere.
    fn continue_at(&self, word: &str) -> Option<Continuation> {
        let _ = word;
        None
    }

    /// What an admin should know of how it stands: `Err` with what is wrong. `Ok` by default.
    ///
    /// # Errors
    /// One line for people, without secrets.
    fn health(&self) -> Result<(), String> {
        Ok(())
    }

    /// Asks the messenger how this channel stands there, from a process in which it does not run: whether it is let in,
    /// whether it is told of what is new. With `mend` what is wrong is set right where that can be done from here. Nothing
    /// by default.
    async fn examine(&self, mend: bool) -> Vec<Check> {
        let _ = mend;
        Vec::new()
    }

    /// HTTP routes of the channel, mounted at `/c/{id}`. Empty by default.
    fn routes(self: Arc<Self>) -> axum::Router {
        axum::Router::new()
    }

    /// Takes in messages until `stop`; for channels that fetch. Waits for `stop` by default.
    ///
    /// # Errors
    /// A text for the log; the program starts it again after a pause.
    async fn run(&self, stop: CancellationToken) -> Result<(), String> {
        stop.cancelled().await;
        Ok(())
    }
}

/// What an instance gets from the program that hosts it.
#[derive(Clone)]
pub struct Host {
    /// The address under which the world reaches this program, without a trailing slash.
    pub public_url: String,
    /// The installation's secret; derive a key with a label of your own.
    pub secret: MasterSecret,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where files that settings name are looked for.
    pub folder: PathBuf,
    /// What one visitor, one address and one channel may do; shared by all channels.
    pub limits: Arc<Limits>,
}

/// A kind of channel: what `kind = "…"` in a `[channels.ID]` table names.
pub trait ChannelKind: Send + Sync {
    /// The word in the configuration.
    fn name(&self) -> &str;

    /// One line for people: what it joins.
    fn summary(&self) -> &str;

    /// A documented example configuration; a test loads it.
    fn example(&self) -> &str;

    /// The settings that are secrets, by their path in the table (`identity.secret`), each one, several with blanks between
    /// them, or a list of them. They are never shown, and samples and guessable ones are refused.
    fn secrets(&self) -> Vec<(String, Maker)> {
        Vec::new()
    }

    /// Reads and checks the instance's `settings` table. Does no I/O but for reading files that settings name, and needs
    /// nothing of the running program: `openline check` does no more than this.
    ///
    /// # Errors
    /// [`ConfigError`] with the key inside `settings`.
    fn read(&self, id: &ChannelId, settings: toml::Table, host: &Host) -> Result<Plan, ConfigError>;
}

/// How an instance is built of the door for its visitors.
type Build = dyn FnOnce(VisitorInbox) -> Result<Arc<dyn Channel>, ConfigError> + Send;

/// What a kind makes of good settings: an instance that is still to be built.
pub struct Plan {
    /// What it will be able to do.
    pub can: Capabilities,
    alone: bool,
    build: Box<Build>,
}

impl Plan {
    /// An instance that can do this. `build` gets the door for its visitors, once, and makes it whole: whatever it needs is
    /// there then. It may make HTTP clients, but no calls; what can't be made is told by the key inside `settings`.
    pub fn new<C: Channel>(
        can: Capabilities,
        build: impl FnOnce(VisitorInbox) -> Result<C, ConfigError> + Send + 'static,
    ) -> Self {
        let build = |inbox| build(inbox).map(|channel| Arc::new(channel) as Arc<dyn Channel>);
        Self { can, alone: false, build: Box::new(build) }
    }

    /// Whether of several processes on one store only one may [`Channel::run`] at a time: the messenger is asked for what is
    /// new, and tells it once.
    #[must_use]
    pub fn alone(self, alone: bool) -> Self {
        Self { alone, ..self }
    }

    /// Builds it.
    ///
    /// # Errors
    /// [`ConfigError`] with the key inside `settings`.
    pub fn build(self, inbox: VisitorInbox) -> Result<Built, ConfigError> {
        let Self { can, alone, build } = self;
        Ok(Built { channel: build(inbox)?, can, alone })
    }
}

/// An instance, and what core acts on.
#[derive(Clone)]
pub struct Built {
    /// The instance.
    pub channel: Arc<dyn Channel>,
    /// What it can do.
    pub can: Capabilities,
    /// Whether only one process may run it, see [`Plan::alone`].
    pub alone: bool,
}
