//! Jobs: what waits to be done, where, and how it ended.

use crate::domain::id::{ChannelId, ConversationId, JobId, MessageId};
use crate::domain::message::{Conversation, Item, Note, Thread};
use crate::domain::time::Timestamp;
use std::time::Duration;

/// Where a job waits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Visitors' messages, to the backend.
    Backend,
    /// Delivery confirmations, to the backend; after the visitors' messages.
    Confirm,
    /// Operators' messages, to one channel instance.
    Channel(ChannelId),
}

impl Queue {
    /// The name under which it is stored: `backend`, `confirm`, `channel/<id>`.
    pub fn name(&self) -> String {
        match self {
            Self::Backend => "backend".to_owned(),
            Self::Confirm => "confirm".to_owned(),
            Self::Channel(id) => format!("channel/{id}"),
        }
    }

    /// The queue of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "backend" => Some(Self::Backend),
            "confirm" => Some(Self::Confirm),
            _ => name.strip_prefix("channel/").and_then(|id| ChannelId::parse(id).ok()).map(Self::Channel),
        }
    }
}

/// What is done with a message on the side to which it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Bring it there.
    Send,
    /// Bring its present text to where it was sent.
    Edit,
    /// Take it back there.
    Delete,
}

/// What a job is: what it does with its message, which says in what queue it is, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// A visitor's message, to the operators.
    ToOperators(Act),
    /// What only the operators shall see; in the lane of what the visitor wrote.
    Note,
    /// An operators' message, to its visitor.
    ToVisitor(Act),
    /// That an operators' message arrived, for the backend.
    Confirm,
}

impl Work {
    /// The queue of such a job about a message of that channel.
    pub fn queue(self, channel: &ChannelId) -> Queue {
        match self {
            Self::ToOperators(_) | Self::Note => Queue::Backend,
            Self::ToVisitor(_) => Queue::Channel(channel.clone()),
            Self::Confirm => Queue::Confirm,
        }
    }

    /// Which way it leads, as metrics and traces name it.
    pub fn direction(self) -> &'static str {
        match self {
            Self::ToOperators(_) | Self::Note => "to_operators",
            Self::Confirm => "confirmation",
            Self::ToVisitor(_) => "to_visitors",
        }
    }

    /// Whether a message is brought by it, to either side: it stands or falls with it.
    pub fn is_send(self) -> bool {
        matches!(self, Self::ToOperators(Act::Send) | Self::ToVisitor(Act::Send))
    }

    /// Whether an item is brought by it: a message, or a note. What else there is changes or confirms one.
    pub fn brings(self) -> bool {
        self.is_send() || self == Self::Note
    }

    /// What it does, in a word of ours for logs and lists: `send`, `edit`, `delete`, `confirm`, `note`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ToOperators(act) | Self::ToVisitor(act) => act.name(),
            Self::Note => "note",
            Self::Confirm => "confirm",
        }
    }
}

impl Act {
    fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Edit => "edit",
            Self::Delete => "delete",
        }
    }
}

/// How much later a brand-new conversation counts as due to the backend than one that exists there: whatever comes of
/// those, it has its turn after so long.
pub const NEW_BEHIND: Duration = Duration::from_secs(3600);

/// A claimed job with all that is needed to carry it out.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its row.
    pub id: JobId,
    /// What to do.
    pub work: Work,
    /// The conversation as it is now.
    pub conversation: Conversation,
    /// The message as it is now.
    pub item: Item,
    /// How many counted attempts failed so far.
    pub attempts: u32,
    /// An earlier attempt may have been carried out.
    pub uncertain: bool,
    /// Of the last such attempt: when it was claimed, where its lease ended without a word (the call may have begun as
    /// long as the lease was later), or when it was settled.
    pub unknown_since: Option<Timestamp>,
    /// When it was enqueued.
    pub created: Timestamp,
}

/// What [`crate::store::Jobs::claim`] found.
#[derive(Debug, Clone, Default)]
pub struct Claimed {
    /// The jobs, longest due first; see [`crate::store::Jobs::claim`].
    pub jobs: Vec<Job>,
    /// When nothing (more) is due: the moment at which the next lane will be.
    pub next_due: Option<Timestamp>,
}

/// How a claimed job ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was carried out.
    Done {
        /// What the backend told about the conversation's place.
        thread: Thread,
        /// The ids the message got at the channel; empty leaves them.
        delivered_as: Vec<String>,
        /// Whether the backend is to be told that the message arrived: a job of [`Queue::Confirm`] for it, in the same
        /// transaction.
        confirm: bool,
    },
    /// Try again.
    Retry {
        /// When.
        at: Timestamp,
        /// Why, for people.
        reason: String,
        /// It may have been carried out.
        uncertain: bool,
        /// Whether this was an attempt (a pause of the other side is none).
        counted: bool,
    },
    /// Give up: keep it as a dead letter.
    Dead {
        /// Why, for people.
        reason: String,
        /// What the operators shall be told of it: a note of the conversation, with a job of its own, in the same
        /// transaction.
        note: Option<Note>,
    },
}

impl Outcome {
    /// Its name in metrics and traces.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::Retry { .. } => "retry",
            Self::Dead { .. } => "dead",
        }
    }
}

/// A job and its outcome.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// Which job.
    pub job: JobId,
    /// How it ended.
    pub outcome: Outcome,
}

/// A job as people are shown it: one that waits, or one that was given up (a dead letter).
#[derive(Debug, Clone)]
pub struct ShownJob {
    /// The job.
    pub job: JobId,
    /// Of which channel.
    pub channel: ChannelId,
    /// What it is to do.
    pub work: Work,
    /// In which conversation.
    pub conversation: ConversationId,
    /// With which message.
    pub message: MessageId,
    /// When it was given up; of one that waits, when it was enqueued.
    pub at: Timestamp,
    /// Why it was given up, or failed last; empty when it has not failed.
    pub reason: String,
    /// Counted attempts.
    pub attempts: u32,
}

impl ShownJob {
    /// Where it is.
    pub fn queue(&self) -> Queue {
        self.work.queue(&self.channel)
    }
}
