//! What comes from either side, as the item that it becomes, and the key under which that is known.

use super::places::Place;
use crate::domain::id::{MessageId, Tag};
use crate::domain::message::{Content, Dialog, Happened, Item, ItemKind, Note, Side, State};
use crate::domain::text::RichText;
use crate::domain::time::Timestamp;

/// The key of a message that operators or the line wrote.
pub fn remote_key(remote: i64) -> String {
    format!("im/{remote}")
}

/// The key of a note: among what the line itself says, where dialog marks have theirs.
pub fn note_key(key: &str) -> String {
    format!("note/{key}")
}

fn item(place: Place, kind: ItemKind, side: Side, tag: Tag, at: Timestamp) -> Item {
    Item {
        id: MessageId(0),
        tag,
        rev: place.rev,
        pos: place.pos,
        kind,
        side,
        state: State::Sent,
        key: String::new(),
        author: None,
        content: Content::default(),
        at,
        remote: None,
        delivered_as: Vec::new(),
        edited: false,
        deleted: false,
    }
}

/// What a visitor wrote; its id is made where it is stored.
pub fn visitors(place: Place, tag: Tag, at: Timestamp, key: String, content: Content) -> Item {
    Item { key, content, ..item(place, ItemKind::Message, Side::Visitor, tag, at) }
}

/// What only operators shall see, as the item that it becomes.
pub fn note(place: Place, at: Timestamp, note: &Note) -> Item {
    let (key, content) = (note_key(&note.key), Content::plain(note.text.as_str()));
    Item { key, content, ..item(place, ItemKind::Note, Side::System, Tag::default(), at) }
}

/// What happened at the operators' side, by what is to be done.
#[derive(Debug, Clone)]
pub enum Heard {
    /// A message that may be known.
    Written(Written),
    /// The text of one was replaced.
    Edited {
        /// Which.
        remote: i64,
        /// When.
        at: Timestamp,
        /// The whole new text.
        text: RichText,
    },
    /// One was deleted.
    Deleted {
        /// Which.
        remote: i64,
    },
    /// A dialog began or ended.
    Marked {
        /// Which of both.
        mark: Mark,
        /// Which dialog.
        session: String,
    },
}

impl From<Happened> for Heard {
    fn from(happened: Happened) -> Self {
        match happened {
            Happened::Wrote { remote, side, author, content } => {
                Self::Written(Written { remote, side, author, content, arrived: None, greets: false })
            }
            Happened::Greeted { remote, content } => {
                let (side, author) = (Side::System, None);
                Self::Written(Written { remote, side, author, content, arrived: None, greets: true })
            }
            Happened::Arrived { remote, side, author, content, delivered_as } => {
                Self::Written(Written { remote, side, author, content, arrived: Some(delivered_as), greets: false })
            }
            Happened::Edited { remote, at, text } => Self::Edited { remote, at, text },
            Happened::Deleted { remote } => Self::Deleted { remote },
            Happened::DialogStarted { session } => Self::Marked { mark: Mark::Start, session },
            Happened::DialogFinished { session } => Self::Marked { mark: Mark::Finish, session },
        }
    }
}

/// A message from the operators' side.
#[derive(Debug, Clone)]
pub struct Written {
    /// Its number there.
    pub remote: i64,
    /// An operator's, or the line's own.
    pub side: Side,
    /// Who wrote it.
    pub author: Option<String>,
    /// What.
    pub content: Content,
    /// The ids under which it reached its visitor before; then nothing is to be sent.
    pub arrived: Option<Vec<String>>,
    /// It stands before what the visitor began the dialog with.
    pub greets: bool,
}

impl Written {
    /// As an item; its id is made where it is stored.
    pub fn item(self, place: Place, tag: Tag, at: Timestamp) -> Item {
        Item {
            state: if self.arrived.is_some() { State::Delivered } else { State::Sent },
            key: remote_key(self.remote),
            author: self.author,
            content: self.content,
            remote: Some(self.remote),
            delivered_as: self.arrived.unwrap_or_default(),
            ..item(place, ItemKind::Message, self.side, tag, at)
        }
    }
}

/// Which mark of a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It began.
    Start,
    /// It ended.
    Finish,
}

impl Mark {
    /// The key of a session's mark.
    pub fn key(self, session: &str) -> String {
        match self {
            Self::Start => format!("start/{session}"),
            Self::Finish => format!("finish/{session}"),
        }
    }

    /// The session that a mark's key names.
    pub fn session(self, key: &str) -> Option<&str> {
        let word = match self {
            Self::Start => "start/",
            Self::Finish => "finish/",
        };
        key.strip_prefix(word)
    }

    /// The marks after which this one means nothing: itself, and a start that comes after its finish is late.
    pub fn outdated_by(self) -> &'static [Self] {
        match self {
            Self::Start => &[Self::Finish, Self::Start],
            Self::Finish => &[Self::Finish],
        }
    }

    /// How the conversation's dialog stands after it; `None`: as before, because another dialog runs.
    pub fn dialog(self, another_runs: bool) -> Option<Dialog> {
        match self {
            Self::Start => Some(Dialog::Open),
            Self::Finish => (!another_runs).then_some(Dialog::Closed),
        }
    }

    /// The kind of its item.
    pub fn kind(self) -> ItemKind {
        match self {
            Self::Start => ItemKind::DialogStarted,
            Self::Finish => ItemKind::DialogFinished,
        }
    }

    /// As an item; its id is made where it is stored.
    pub fn item(self, session: &str, place: Place, tag: Tag, at: Timestamp) -> Item {
        let (state, key) = (State::Delivered, self.key(session));
        Item { state, key, ..item(place, self.kind(), Side::System, tag, at) }
    }
}
