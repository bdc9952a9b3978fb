//! A chat as it stands on a person's screen.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::world::{Message, World};

/// One message on a person's screen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// Message id.
    pub id: i64,
    /// Whether the bot wrote it.
    pub from_bot: bool,
    /// `text`, `photo`, `document`, …: the field of the message with the content.
    pub kind: String,
    /// Text or caption.
    pub text: String,
    /// `MessageEntity` each.
    pub entities: Vec<Value>,
    /// The file in it.
    pub file: Option<SeenFile>,
    /// The message it answers.
    pub reply_to: Option<i64>,
    /// Album it belongs to.
    pub media_group: Option<String>,
    /// Whether it was edited.
    pub edited: bool,
    /// Whether it was deleted; people do not see it any more.
    pub deleted: bool,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// The whole `Message` as the bot would get it now.
    pub json: Value,
}

/// A file in a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeenFile {
    /// File name; empty for photos and the like.
    pub name: String,
    /// MIME type as it was uploaded.
    pub mime: String,
    /// Content.
    #[serde(skip)]
    pub bytes: Bytes,
    /// `file_id`.
    pub id: String,
}

/// A chat in order.
pub(crate) fn seen(world: &World, bot: i64, chat: i64) -> Vec<Seen> {
    world.messages_of(bot, chat).map(|message| one(world, message)).collect()
}

fn one(world: &World, message: &Message) -> Seen {
    let file = message.content.file.as_ref().and_then(|id| world.files.get(id));
    Seen {
        id: message.id,
        from_bot: message.from == message.bot,
        kind: message.content.kind.clone(),
        text: message.content.text.clone(),
        entities: message.content.entities.clone(),
        file: file.map(|file| SeenFile {
            name: file.name.clone(),
            mime: file.mime.clone(),
            bytes: file.bytes.clone(),
            id: file.id.clone(),
        }),
        reply_to: message.reply_to,
        media_group: message.media_group.clone(),
        edited: message.edited_at.is_some(),
        deleted: message.deleted,
        at_ms: message.at,
        json: world.message_json(message),
    }
}
