//! `imopenlines.dialog.get`, `.session.open`, `.session.start`, `.operator.finish` (bitrix24.md §5.1).

use serde_json::{Map, Value, json};

use super::call::{Call, Outcome};
use crate::model::{Chat, State};
use crate::rest::error::RestError;

/// The chat object by `CHAT_ID`, `DIALOG_ID`, `SESSION_ID` or `USER_CODE`.
pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    let chat = named_chat(call).filter(|_| sees_all(call));
    let chat = chat.ok_or_else(|| RestError::bad("ACCESS_ERROR", "You do not have access to the specified dialog"))?;
    Ok(chat_object(call.state, chat).into())
}

/// Employees see the dialogs, dismissed ones and clients do not.
pub(super) fn sees_all(call: &Call<'_>) -> bool {
    call.state.users.get(&call.caller.user).is_some_and(|user| user.active && user.external_key.is_none())
}

fn named_chat<'a>(call: &'a Call<'_>) -> Option<&'a Chat> {
    let state = &*call.state;
    let code = call.params.text("USER_CODE").trim_start_matches("imol|").to_owned();
    let dialog = call.params.text("DIALOG_ID");
    let by_dialog = dialog.strip_prefix("chat").and_then(|id| id.parse().ok());
    let by_session = state.sessions.get(&call.params.int("SESSION_ID")).map(|session| session.chat);
    let id = by_dialog.or(by_session).unwrap_or_else(|| call.params.int("CHAT_ID"));
    state.chat_of(&code).or_else(|| state.chats.get(&id))
}

/// As the method's page shows it, in snake case.
fn chat_object(state: &State, chat: &Chat) -> Value {
    let last = state.messages_of(chat.id).next_back().map_or(0, |message| message.id);
    let rights = ["avatar", "rename", "extend", "call", "mute", "leave", "leave_owner", "send", "user_list"];
    json!({
        "id": chat.id, "parent_chat_id": 0, "parent_message_id": 0, "name": chat.title,
        "description": Some(&chat.description).filter(|text| !text.is_empty()), "owner": state.operator,
        "extranet": false, "avatar": "", "color": "#4ba984", "type": "lines", "counter": 0, "user_counter": 2,
        "message_count": state.messages_of(chat.id).count(), "unread_id": 0,
        "restrictions": rights.into_iter().map(|name| (name.to_owned(), json!(true))).collect::<Map<_, _>>(),
        "last_message_id": last, "last_id": last, "marked_id": 0, "disk_folder_id": 0, "entity_type": "LINES",
        "entity_id": chat.user_code, "entity_data_1": session_data(state, chat), "entity_data_2": "",
        "entity_data_3": "N", "mute_list": [], "date_create": "2026-01-01T00:00:00+00:00", "message_type": "L",
        "public": "", "role": "owner", "entity_link": { "type": "LINES", "url": "", "id": chat.user_code },
        "text_field_enabled": true, "background_id": null, "is_new": false, "readed_list": [],
        "manager_list": [state.operator], "dialog_id": format!("chat{}", chat.id),
    })
}

/// Ten items; the sixth is the session while it is open.
pub(super) fn session_data(state: &State, chat: &Chat) -> String {
    let open = state.sessions.get(&chat.session).is_some_and(|session| session.open);
    format!("N|NONE|0|N|N|{}|0|0|0|0", if open { chat.session } else { 0 })
}

pub(super) fn session_open(call: &mut Call<'_>) -> Outcome {
    let chat = named_chat(call).map(|chat| chat.id);
    let chat = chat.ok_or_else(|| RestError::bad("ACCESS_ERROR", "You don't have access to this chat"))?;
    Ok(json!({ "chatId": chat }).into())
}

pub(super) fn session_start(call: &mut Call<'_>) -> Outcome {
    let chat = existing_chat(call)?;
    call.state.ensure_session(chat, call.caller.actor());
    Ok(json!(true).into())
}

pub(super) fn finish(call: &mut Call<'_>) -> Outcome {
    let chat = existing_chat(call)?;
    call.state.finish_session(chat, call.caller.actor());
    Ok(json!(true).into())
}

fn existing_chat(call: &Call<'_>) -> Result<i64, RestError> {
    let id = call.params.int("CHAT_ID");
    if id == 0 {
        return Err(RestError::bad("CHAT_ID", "Chat id can't be empty"));
    }
    call.state.chats.get(&id).map(|chat| chat.id).ok_or_else(|| RestError::bad("ACCESS_DENIED", "Access denied"))
}
