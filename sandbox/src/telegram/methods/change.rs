//! Editing and deleting.

use serde_json::{Value, json};

use super::{deliver, send};
use crate::telegram::error::ApiError;
use crate::telegram::params::Params;
use crate::telegram::world::{Message, World};

/// How long a message can be deleted.
const DELETABLE_MS: i64 = 48 * 3_600_000;

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply markup are exactly the \
    same as a current content and reply markup of the message";

/// The bot's own message that is to be edited.
fn editable(world: &World, bot: i64, params: &Params) -> Result<Message, ApiError> {
    if params.text("chat_id").is_empty() && params.int("message_id").is_none() {
        return Err(ApiError::bad("message identifier is not specified"));
    }
    let chat = deliver::chat(world, bot, params)?;
    let message = world.message(bot, chat, params.int("message_id").unwrap_or(0));
    let message = message.ok_or_else(|| ApiError::bad("message to edit not found"))?;
    if message.from != bot {
        return Err(ApiError::bad("message can't be edited"));
    }
    Ok(message.clone())
}

/// Puts the changed message in its place, unless nothing changed.
fn replace(world: &mut World, old: &Message, mut new: Message) -> Result<Value, ApiError> {
    let same = |it: &Message| (it.content.text.clone(), it.content.entities.clone(), it.content.fields.clone());
    if same(old) == same(&new) && old.markup == new.markup {
        return Err(ApiError::bad(NOT_MODIFIED));
    }
    new.edited_at = Some(world.now);
    let json = world.message_json(&new);
    world.messages.insert((new.bot, new.id), new);
    Ok(json)
}

pub(super) fn text(world: &mut World, bot: i64, params: &Params) -> Result<Value, ApiError> {
    let fields = send::link_preview(params)?;
    let formatted = send::given_text(params)?;
    let markup = deliver::markup(params)?;
    let old = editable(world, bot, params)?;
    if old.content.kind != "text" {
        return Err(ApiError::bad("there is no text in the message to edit"));
    }
    let formatted = send::finished_text(formatted)?;
    deliver::refuse_person(world, bot, old.chat)?;
    let mut new = Message { markup, ..old.clone() };
    (new.content.text, new.content.entities, new.content.fields) = (formatted.text, formatted.entities, fields);
    replace(world, &old, new)
}

pub(super) fn caption(world: &mut World, bot: i64, params: &Params) -> Result<Value, ApiError> {
    let formatted = send::caption(params)?;
    let markup = deliver::markup(params)?;
    let old = editable(world, bot, params)?;
    let captioned = ["photo", "document", "voice", "video", "audio", "animation"];
    if !captioned.contains(&old.content.kind.as_str()) {
        return Err(ApiError::bad("there is no caption in the message to edit"));
    }
    deliver::refuse_person(world, bot, old.chat)?;
    let mut new = Message { markup, ..old.clone() };
    (new.content.text, new.content.entities) = (formatted.text, formatted.entities);
    replace(world, &old, new)
}

pub(super) fn markup(world: &mut World, bot: i64, params: &Params) -> Result<Value, ApiError> {
    let markup = deliver::markup(params)?;
    let old = editable(world, bot, params)?;
    let new = Message { markup, ..old.clone() };
    replace(world, &old, new)
}

pub(super) fn delete(world: &mut World, bot: i64, params: &Params) -> Result<Value, ApiError> {
    if params.text("chat_id").is_empty() {
        return Err(ApiError::bad("chat identifier is not specified"));
    }
    let id = params.int("message_id").filter(|id| *id > 0);
    let id = id.ok_or_else(|| ApiError::bad("message identifier is not specified"))?;
    let chat = deliver::chat(world, bot, params)?;
    let message = world.message(bot, chat, id).ok_or_else(|| ApiError::bad("message to delete not found"))?;
    // In private chats a bot may delete what the person wrote, in groups only its own.
    if message.from != bot && chat < 0 {
        return Err(ApiError::bad("message can't be deleted"));
    }
    if world.now - message.at > DELETABLE_MS {
        return Err(ApiError::bad("message can't be deleted for everyone"));
    }
    forget(world, bot, id);
    Ok(json!(true))
}

/// Those that cannot be found or deleted are skipped.
pub(super) fn delete_many(world: &mut World, bot: i64, params: &Params) -> Result<Value, ApiError> {
    if params.text("message_ids").is_empty() {
        return Err(ApiError::bad("message identifiers are not specified"));
    }
    let Some(Value::Array(ids)) = params.json("message_ids", "message_ids")? else {
        return Err(ApiError::bad("expected an Array of message identifiers"));
    };
    if ids.len() > 100 {
        return Err(ApiError::bad("too many message identifiers specified"));
    }
    let chat = deliver::chat(world, bot, params)?;
    for id in &ids {
        let id = id.as_i64().or_else(|| id.as_str()?.parse().ok()).filter(|id| *id > 0);
        let id = id.ok_or_else(|| ApiError::bad("invalid message identifier specified"))?;
        let mine = world.message(bot, chat, id).is_some_and(|it| it.from == bot || chat > 0);
        if mine {
            forget(world, bot, id);
        }
    }
    Ok(json!(true))
}

fn forget(world: &mut World, bot: i64, id: i64) {
    if let Some(message) = world.messages.get_mut(&(bot, id)) {
        message.deleted = true;
    }
}
