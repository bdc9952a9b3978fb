//! Messages and what surrounds them: authors, files, states, and the shapes that enter by the two doors.

use crate::domain::id::{ChannelId, ChatId, ConversationId, FileId, MessageId, Pos, Rev, Tag};
use crate::domain::text::RichText;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Which side an item of a conversation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The customer, through a channel.
    Visitor,
    /// A portal user (or bot) answering in the open line.
    Operator,
    /// The line itself: greetings, closing texts, dialog marks.
    System,
}

/// What kind of item stands in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// Something somebody wrote.
    Message,
    /// The operators' dialog began.
    DialogStarted,
    /// The operators' dialog was closed.
    DialogFinished,
    /// Something that only operators shall see. Never part of what a visitor reads.
    Note,
}

/// How far a message has come on its way to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Durably stored here, on its way.
    Sent,
    /// The other side has it.
    Delivered,
    /// Given up; kept as a dead letter until it is retried or dropped.
    Failed,
}

/// Where a file's bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileSource {
    /// At the backend, at this address. Never shown to a visitor; fetched through [`crate::ports::backend::Backend::open`].
    Backend(String),
    /// Kept here, see [`crate::ports::files::Files`].
    Stored(FileId),
}

/// A file that belongs to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name as the sender gave it, untrusted.
    pub name: String,
    /// Its media type as the sender gave it, untrusted; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mime: String,
    /// Bytes, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Width and height in pixels, of pictures, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<(u32, u32)>,
    /// Where the bytes are.
    pub source: FileSource,
}

impl File {
    /// Whether it is a picture that browsers show safely (no SVG: that is a document with scripts).
    pub fn is_picture(&self) -> bool {
        matches!(
            self.mime.as_str(),
            "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/bmp" | "image/avif"
        )
    }
}

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The text; may be empty when there are files.
    #[serde(default, rename = "x", skip_serializing_if = "RichText::is_empty")]
    pub text: RichText,
    /// The files, in order.
    #[serde(default, rename = "f", skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
}

impl Content {
    /// Literal text without files.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: RichText::plain(text), files: Vec::new() }
    }

    /// Whether there is nothing to deliver.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.files.is_empty()
    }
}

/// The customer as the operators' side shall see them. Kept whole and sent whole with every message, because the
/// portal blanks what is left out (`bitrix24.md` §4.7 "User update").
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    /// What they are called; may be anything, also empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Family name, where the channel tells it apart.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_name: String,
    /// Checked e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Address of their profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Stable public address of their picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// Address of the page on which they write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// A visitor's message on its way in, as a channel hands it over.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Which chat it was written in.
    pub chat: ChatId,
    /// The channel's own key for this message, unique in the chat: the same key is stored once.
    pub key: String,
    /// What is known about the writer now; `None` keeps what is known already.
    pub visitor: Option<Visitor>,
    /// What they wrote.
    pub content: Content,
    /// What the operators shall know beside it; delivered after the message.
    pub note: Option<Note>,
}

/// Something for the operators' eyes only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Unique among the notes of the chat: the same key is stored once.
    pub key: String,
    /// Plain text.
    pub text: String,
}

/// What the backend tells about a conversation's place on its side, to be remembered; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// The open line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The backend's own chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<String>,
    /// The running (or last) dialog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

impl Thread {
    /// Takes over whatever `newer` knows; true when that changed something.
    pub fn update(&mut self, newer: &Self) -> bool {
        let before = self.clone();
        for (mine, theirs) in
            [(&mut self.line, &newer.line), (&mut self.chat, &newer.chat), (&mut self.session, &newer.session)]
        {
            if theirs.is_some() {
                mine.clone_from(theirs);
            }
        }
        *self != before
    }
}

/// Something that happened on the operators' side, as the backend hands it over.
#[derive(Debug, Clone)]
pub struct OperatorEvent {
    /// The channel instance it is for.
    pub channel: ChannelId,
    /// The chat it is for.
    pub chat: ChatId,
    /// What it tells about the conversation's place on the backend's side.
    pub thread: Thread,
    /// What happened.
    pub happened: Happened,
}

/// What happened on the operators' side.
#[derive(Debug, Clone)]
pub enum Happened {
    /// Somebody wrote.
    Wrote {
        /// The backend's message, unique in the portal and growing with the order of writing.
        remote: i64,
        /// [`Side::Operator`] or [`Side::System`].
        side: Side,
        /// The writer's name, when it is told.
        author: Option<String>,
        /// What they wrote.
        content: Content,
    },
    /// The line greeted whoever began a dialog with it: a message of the line's own, which stands before what it greets for.
    Greeted {
        /// The backend's message.
        remote: i64,
        /// What it says.
        content: Content,
    },
    /// Somebody wrote, and it has reached its visitor before: it is stored as delivered, and nothing is to be sent. (What
    /// is fetched after an older backup was restored.)
    Arrived {
        /// The backend's message.
        remote: i64,
        /// [`Side::Operator`] or [`Side::System`].
        side: Side,
        /// The writer's name, when it is told.
        author: Option<String>,
        /// What they wrote.
        content: Content,
        /// The ids it has at the channel.
        delivered_as: Vec<String>,
    },
    /// An operator changed their text.
    Edited {
        /// Which message.
        remote: i64,
        /// When, as far as the backend tells; an older edit never replaces a newer one, and of two of the same moment
        /// the one that comes later counts.
        at: Timestamp,
        /// The whole new text. Files stay as they are.
        text: RichText,
    },
    /// An operator deleted their message.
    Deleted {
        /// Which message.
        remote: i64,
    },
    /// The operators' dialog began.
    DialogStarted {
        /// Its id on the backend's side.
        session: String,
    },
    /// The operators' dialog was closed.
    DialogFinished {
        /// Its id on the backend's side.
        session: String,
    },
}

/// One item of a conversation, as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its row.
    pub id: MessageId,
    /// The word of the run that stored it.
    pub tag: Tag,
    /// The revision at which it last changed.
    pub rev: Rev,
    /// Where it stands.
    pub pos: Pos,
    /// What it is.
    pub kind: ItemKind,
    /// Who it is from.
    pub side: Side,
    /// How far it has come.
    pub state: State,
    /// The dedupe key it was stored under: the channel's key for visitors' messages.
    pub key: String,
    /// Who wrote it, when known.
    pub author: Option<String>,
    /// What it says; empty when deleted.
    pub content: Content,
    /// When it was stored.
    pub at: Timestamp,
    /// The backend's message, of items from there.
    pub remote: Option<i64>,
    /// The ids under which the channel delivered it (one text may become several messages there).
    pub delivered_as: Vec<String>,
    /// Whether it was edited.
    pub edited: bool,
    /// Whether it was deleted.
    pub deleted: bool,
}

impl Item {
    /// Its name at the backend: no other item ever has it, whatever database that is in.
    pub fn external_id(&self) -> String {
        format!("{}-{}", self.tag, self.id)
    }
}

/// How the operators' dialog of a conversation stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialog {
    /// Not begun.
    #[default]
    None,
    /// Somebody is there, or will be.
    Open,
    /// Closed by the operators; the next message opens a new one.
    Closed,
}

/// A conversation: one chat of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its row.
    pub id: ConversationId,
    /// The channel instance.
    pub channel: ChannelId,
    /// The channel's chat.
    pub chat: ChatId,
    /// The customer.
    pub visitor: Visitor,
    /// Where it is on the backend's side.
    pub thread: Thread,
    /// How the operators' dialog stands.
    pub dialog: Dialog,
    /// The newest revision.
    pub rev: Rev,
}
