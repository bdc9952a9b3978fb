//! What this process remembers of chats, so that the store is not asked for it at each message; nothing where several
//! processes work on one store.

use openline_core::{ConversationId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A chat's conversation, and what its visitor wrote last. After an erasure there is another conversation.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) conversation: ConversationId,
    /// The key of the newest message.
    pub(super) last: String,
    /// When that was taken.
    pub(super) at: Timestamp,
    /// Whether the messenger was told that it is read.
    pub(super) read: bool,
    /// What the messenger knows of the visitor, once it was asked.
    pub(super) profile: Option<BTreeMap<String, String>>,
    /// Values for later calls, once they were read.
    pub(super) kept: Option<BTreeMap<String, String>>,
}

/// What is kept of the message that is being sent in a chat; one at a time is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) message: i64,
    /// Of the parts that were sent.
    pub(super) ids: Vec<String>,
    /// When the part after those was begun; none if it never was.
    pub(super) begun: Option<i64>,
    /// What the messenger told of that part meanwhile, by events.
    #[serde(default)]
    pub(super) told: Vec<(String, String)>,
}
