//! Portal chats, their sessions and messages.

use serde::Serialize;

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "user_id")]
pub enum Author {
    /// The external client, by portal user id.
    Client(i64),
    /// An employee, by portal user id.
    Operator(i64),
    /// The portal itself; `user_id=0` in events.
    System,
}

impl Author {
    /// Portal user id, 0 for the system.
    pub fn user_id(self) -> i64 {
        match self {
            Self::Client(id) | Self::Operator(id) => id,
            Self::System => 0,
        }
    }

    /// `client`, `operator` or `system`.
    pub fn side(self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::Operator(_) => "operator",
            Self::System => "system",
        }
    }
}

/// A message stored in a portal chat.
#[expect(clippy::struct_excessive_bools, reason = "independent marks of a message")]
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    /// Portal message id; grows over the whole portal.
    pub id: i64,
    /// Portal chat id.
    pub chat_id: i64,
    /// The session it belongs to.
    pub session_id: i64,
    /// Who wrote it.
    pub author: Author,
    /// BB text as stored, without signature.
    pub text: String,
    /// When the portal stored it, unix milliseconds.
    pub date_ms: i64,
    /// Its text was changed.
    pub edited: bool,
    /// It was deleted.
    pub deleted: bool,
    /// The clock: handed to the connector and not yet confirmed (bitrix24.md §4.10).
    pub sending: bool,
    /// The client has read it: at least one delivery confirmation arrived.
    pub read: bool,
    /// `CONNECTOR_MID`: external ids, for both directions.
    pub external_ids: Vec<String>,
    /// Portal file ids.
    pub files: Vec<i64>,
    /// Portal revision of the last change.
    pub rev: u64,
}

/// A portal chat of an open line, found by its user code.
#[derive(Debug, Clone)]
pub(crate) struct Chat {
    pub(crate) id: i64,
    /// Connector id, lower case.
    pub(crate) connector: String,
    pub(crate) line: i64,
    /// `chat.id` as the connector sent it.
    pub(crate) external_id: String,
    /// Portal user id of the client who opened it.
    pub(crate) user: i64,
    /// `connector|line|chat.id|internalUser`, the key of the chat.
    pub(crate) user_code: String,
    pub(crate) title: String,
    /// "Link to original post: …", from `chat.url`.
    pub(crate) description: String,
    /// Last session; open or closed.
    pub(crate) session: i64,
    /// Last message the operators have seen.
    pub(crate) read_up_to: i64,
    pub(crate) rev: u64,
}

/// One conversation episode of a chat.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: i64,
    pub(crate) chat: i64,
    pub(crate) parent: i64,
    pub(crate) open: bool,
    /// The client was asked to rate; a text `1` or `0` is a vote (bitrix24.md §4.7).
    pub(crate) awaits_vote: bool,
    pub(crate) vote: Option<bool>,
    /// The client was told that nobody works now.
    pub(crate) told_away: bool,
}
