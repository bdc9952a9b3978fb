//! `imopenlines.dialog.get`, `.session.*`, `.operator.finish` (bitrix24.md §5.1).

use serde_json::{Map, Value, json};

use super::{Call, Outcome};
use crate::clock::iso;
use crate::model::{Chat, Message, State};
use crate::rest::error::RestError;

/// The chat object by `CHAT_ID`, `DIALOG_ID`, `SESSION_ID` or `USER_CODE`.
pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    let chat = named_chat(call).filter(|_| sees_all(call));
    let chat = chat.ok_or_else(|| RestError::bad("ACCESS_ERROR", "You don't have access to this chat"))?;
    Ok(chat_object(call.state, chat).into())
}

/// Employees see the dialogs, dismissed ones and clients do not.
fn sees_all(call: &Call<'_>) -> bool {
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

fn chat_object(state: &State, chat: &Chat) -> Value {
    let open = state.sessions.get(&chat.session).is_some_and(|session| session.open);
    let last = state.messages_of(chat.id).next_back().map_or(0, |message| message.id);
    json!({
        "id": chat.id, "title": chat.title, "name": chat.title, "description": chat.description, "owner": state.operator,
        "extranet": false, "avatar": "", "color": "#4ba984", "type": "lines", "entity_type": "LINES",
        "entity_id": chat.user_code,
        "entity_data_1": format!("N|NONE|0|N|N|{}|0|0|0|0", if open { chat.session } else { 0 }),
        "entity_data_2": "", "entity_data_3": "", "date_create": "2026-01-01T00:00:00+00:00",
        "message_type": "L", "dialog_id": format!("chat{}", chat.id), "last_message_id": last,
        "message_count": state.messages_of(chat.id).count(), "manager_list": [state.operator],
    })
}

/// The messages of one session, with the external ids that tell whether a text was stored.
pub(super) fn history(call: &mut Call<'_>) -> Outcome {
    let (session, chat) = (call.params.int("SESSION_ID"), call.params.int("CHAT_ID"));
    if session == 0 && chat == 0 {
        return Err(RestError::bad("MISSING_REQUIRED_PARAM", "SESSION_ID or CHAT_ID is required"));
    }
    let session = if session == 0 { call.state.chats.get(&chat).map_or(0, |chat| chat.session) } else { session };
    let found = call.state.sessions.get(&session);
    let found = found.ok_or_else(|| RestError::bad("INVALID_SESSION_ID", "Session ID is invalid"))?;
    if !sees_all(call) {
        return Err(RestError::bad("ACCESS_DENIED", "Access denied"));
    }
    Ok(session_object(call.state, found.id, found.chat).into())
}

fn session_object(state: &State, session: i64, chat_id: i64) -> Value {
    let messages: Vec<&Message> =
        state.messages_of(chat_id).filter(|message| message.session_id == session && !message.deleted).collect();
    let ids: Vec<String> = messages.iter().map(|message| message.id.to_string()).collect();
    let list: Map<String, Value> = messages.iter().map(|it| (it.id.to_string(), message_object(it))).collect();
    let chat = state.chats.get(&chat_id).map(|chat| json!({ chat_id.to_string(): chat_object(state, chat) }));
    json!({
        "chatId": chat_id, "sessionId": session, "message": list,
        "usersMessage": { format!("chat{chat_id}"): ids },
        "users": users(state, &messages), "openlines": [], "userInGroup": [], "woUserInGroup": [],
        "chat": chat, "userInChat": [], "userChatBlockStatus": [], "userLoad": "N", "readedList": [], "phones": [],
        "files": files(state, &messages),
    })
}

fn message_object(message: &Message) -> Value {
    let mut params = Map::new();
    if !message.external_ids.is_empty() {
        params.insert("connectorMid".to_owned(), json!(message.external_ids));
    }
    // The line's own texts that go out to the client carry this class; its internal ones don't (the vendor's page on
    // this method shows both).
    let went_out = message.sending || message.read || !message.external_ids.is_empty();
    if message.author.user_id() == 0 && went_out {
        params.insert("class".to_owned(), json!("bx-messenger-content-item-ol-output"));
    }
    if !message.files.is_empty() {
        params.insert("fileId".to_owned(), json!(message.files));
    }
    json!({
        "id": message.id, "chatid": message.chat_id, "senderid": message.author.user_id().to_string(),
        "recipientid": format!("chat{}", message.chat_id), "date": iso(message.date_ms), "text": message.text,
        "textlegacy": message.text, "params": params,
    })
}

fn users(state: &State, messages: &[&Message]) -> Value {
    let known = messages.iter().filter_map(|message| state.users.get(&message.author.user_id()));
    let shape = |user: &crate::model::User| {
        json!({
            "id": user.id, "name": user.full_name(), "first_name": user.name, "last_name": user.last_name,
            "connector": user.external_key.is_some(), "active": user.active,
        })
    };
    Value::Object(known.map(|user| (user.id.to_string(), shape(user))).collect())
}

fn files(state: &State, messages: &[&Message]) -> Value {
    let known = messages.iter().flat_map(|message| &message.files).filter_map(|id| state.files.get(id));
    Value::Object(
        known
            .map(|file| (file.id.to_string(), json!({ "id": file.id, "name": file.name, "size": file.bytes.len() })))
            .collect(),
    )
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
