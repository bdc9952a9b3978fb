//! `im.message.add`: a text in a chat, as the token's user or as the system (bitrix24.md §4.12, E16).

use serde_json::json;

use super::call::{Call, Outcome};
use crate::model::Author;
use crate::openline::sessions::NewMessage;
use crate::rest::error::RestError;

/// Gives the message id. A system line is not echoed to the channel, a person's text is.
pub(super) fn message_add(call: &mut Call<'_>) -> Outcome {
    let chat = chat_id(call)?;
    let text = call.params.text("MESSAGE");
    if text.trim().is_empty() {
        return Err(RestError::bad("MESSAGE_EMPTY", "Message can't be empty"));
    }
    if !call.state.chats.contains_key(&chat) {
        return Err(RestError::bad("ACCESS_ERROR", "Action unavailable"));
    }
    let new = NewMessage { text, ..NewMessage::default() };
    let id = if call.params.text("SYSTEM") == "Y" {
        call.state.add_message(chat, Author::System, new)
    } else {
        let id = call.state.add_message(chat, Author::Operator(call.caller.user), new);
        call.state.send_to_channel(id, call.caller.actor());
        id
    };
    Ok(json!(id).into())
}

/// A notice in a user's list; one with the same tag takes the earlier one's place (bitrix24.md §11).
pub(super) fn notify_system_add(call: &mut Call<'_>) -> Outcome {
    let (user, text, tag) = (call.params.int("USER_ID"), call.params.text("MESSAGE"), call.params.text("TAG"));
    if !call.state.users.contains_key(&user) {
        return Err(RestError::bad("USER_ID_EMPTY", "User ID can't be empty"));
    }
    if text.trim().is_empty() {
        return Err(RestError::bad("MESSAGE_EMPTY", "Message can't be empty"));
    }
    call.state.record.notices.retain(|(to, _, known)| *to != user || tag.is_empty() || *known != tag);
    call.state.record.notices.push((user, text, tag));
    Ok(json!(call.state.record.notices.len()).into())
}

fn chat_id(call: &Call<'_>) -> Result<i64, RestError> {
    let dialog = call.params.text("DIALOG_ID");
    let from_dialog = dialog.strip_prefix("chat").and_then(|id| id.parse().ok());
    match from_dialog.unwrap_or_else(|| call.params.int("CHAT_ID")) {
        0 => Err(RestError::bad("DIALOG_ID_EMPTY", "Dialog ID can't be empty")),
        id => Ok(id),
    }
}
