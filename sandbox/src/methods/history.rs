//! `imopenlines.session.history.get`, key by key as its page shows it (bitrix24.md §5.1, §11): ids of messages, chats and
//! users are texts, those of files numbers; files have lower-case keys, users and the chat camel case.

use serde_json::{Map, Value, json};

use super::call::{Call, Outcome};
use crate::clock::iso;
use crate::model::{Chat, Message, State, StoredFile, User};
use crate::openline::text::legacy;
use crate::rest::error::RestError;

/// The messages of one session, with the external ids that tell whether a text was stored.
pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    let (session, chat) = (call.params.int("SESSION_ID"), call.params.int("CHAT_ID"));
    if session == 0 && chat == 0 {
        return Err(RestError::bad("MISSING_REQUIRED_PARAM", "Session ID or Chat ID must be provided"));
    }
    let session = if session == 0 { call.state.chats.get(&chat).map_or(0, |chat| chat.session) } else { session };
    let unknown = || RestError::bad("INVALID_SESSION_ID", "Unable to determine session ID from provided parameters");
    let found = call.state.sessions.get(&session).ok_or_else(unknown)?;
    if !super::dialog::sees_all(call) {
        let text = "You cannot open this conversation as you do not have sufficient rights";
        return Err(RestError::bad("ACCESS_DENIED", text));
    }
    let chat = call.state.chats.get(&found.chat).ok_or_else(unknown)?;
    Ok(history(call.state, session, chat).into())
}

fn history(state: &State, session: i64, chat: &Chat) -> Value {
    let of_session = |message: &&Message| message.session_id == session && !message.deleted;
    let mut messages: Vec<&Message> = state.messages_of(chat.id).filter(of_session).collect();
    messages.reverse();
    let key = chat.id.to_string();
    let ids: Vec<String> = messages.iter().map(|message| message.id.to_string()).collect();
    let list: Map<String, Value> = messages.iter().map(|it| (it.id.to_string(), message_object(it))).collect();
    let people = people(state, chat, &messages);
    let unblocked: Map<String, Value> = people.iter().map(|user| (user.id.to_string(), json!(false))).collect();
    json!({
        "chatId": chat.id, "canJoin": "Y", "canVoteHead": "Y", "sessionId": session, "sessionVoteHead": 0,
        "sessionCommentHead": null, "userId": format!("chat{key}"),
        "message": list,
        "usersMessage": { format!("chat{key}"): ids },
        "users": people.iter().map(|user| (user.id.to_string(), user_object(user))).collect::<Map<_, _>>(),
        "openlines": { "canvoteashead": { chat.line.to_string(): true } },
        "userInGroup": [], "woUserInGroup": [],
        "chat": { &key: chat_object(state, chat) },
        "userBlockChat": { &key: unblocked },
        "userInChat": { &key: people.iter().map(|user| user.id).collect::<Vec<_>>() },
        "files": files(state, &messages),
    })
}

fn message_object(message: &Message) -> Value {
    let mut params = Map::new();
    // The line's own texts that go out to the client carry this class; its internal ones don't (the vendor's page on
    // this method shows both).
    let went_out = message.sending || message.read || !message.external_ids.is_empty();
    if message.author.user_id() == 0 && went_out {
        params.insert("class".to_owned(), json!("bx-messenger-content-item-ol-output"));
    }
    if !message.external_ids.is_empty() {
        params.insert("connectorMid".to_owned(), json!(message.external_ids));
    }
    if !message.files.is_empty() {
        params.insert("fileId".to_owned(), json!(message.files));
    }
    json!({
        "id": message.id.to_string(), "chatid": message.chat_id.to_string(),
        "senderid": message.author.user_id().to_string(), "recipientid": format!("chat{}", message.chat_id),
        "date": iso(message.date_ms), "text": message.text, "textlegacy": legacy(&message.text), "params": params,
    })
}

/// Everybody who wrote, and the client.
fn people<'s>(state: &'s State, chat: &Chat, messages: &[&Message]) -> Vec<&'s User> {
    let mut ids: Vec<i64> = messages.iter().map(|message| message.author.user_id()).chain([chat.user]).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.iter().filter_map(|id| state.users.get(id)).collect()
}

fn user_object(user: &User) -> Value {
    let external = user.external_key.is_some();
    json!({
        "id": user.id.to_string(), "name": user.full_name(), "active": user.active, "firstName": user.name,
        "lastName": user.last_name, "workPosition": null, "color": "#4ba984", "avatar": user.picture_url,
        "avatarId": user.picture.map(|id| id.to_string()), "birthday": false, "gender": user.gender, "phoneDevice": false,
        "phones": false, "extranet": external, "network": false, "bot": false, "connector": external,
        "profile": format!("/company/personal/user/{}/", user.id),
        "externalAuthId": if external { "imconnector" } else { "socservices" }, "status": null, "idle": false,
        "lastActivityDate": false, "mobileLastDate": false, "desktopLastDate": false, "departments": [], "absent": false,
        "type": "user", "services": null, "botData": null,
    })
}

fn chat_object(state: &State, chat: &Chat) -> Value {
    let manager = state.operator.to_string();
    json!({
        "id": chat.id.to_string(), "parentChatId": 0, "parentMessageId": 0, "name": chat.title, "owner": manager,
        "color": "#ba9c7b", "extranet": false, "avatar": "/bitrix/js/im/images/blank.gif", "call": "0", "callNumber": "",
        "entityType": "LINES", "entityId": chat.user_code, "entityData1": super::dialog::session_data(state, chat),
        "entityData2": "", "entityData3": "", "messageCount": state.messages_of(chat.id).count(), "public": "",
        "muteList": { manager: false }, "managerList": [state.operator], "dateCreate": "2026-01-01T00:00:00+00:00",
        "type": "lines", "entityLink": { "type": "LINES", "url": "", "id": chat.user_code },
        "textFieldEnabled": true, "backgroundId": null, "messageType": "L", "isNew": false,
    })
}

fn files(state: &State, messages: &[&Message]) -> Value {
    let known = messages.iter().flat_map(|message| message.files.iter().map(move |id| (*message, id)));
    let shape = |(message, id): (&Message, &i64)| {
        let file = state.files.get(id)?;
        Some((id.to_string(), file_object(state, message, file)))
    };
    Value::Object(known.filter_map(shape).collect())
}

fn file_object(state: &State, message: &Message, file: &StoredFile) -> Value {
    let link = |action: &str| format!("{}{}", state.portal_url(), file.disk_path(action));
    let author = message.author.user_id();
    let shown = if file.dimensions.is_some() { "showImage" } else { "download" };
    json!({
        "id": file.id, "chatid": message.chat_id, "date": iso(message.date_ms), "type": file.class().word(),
        "name": file.name, "extension": file.extension(), "size": file.bytes.len(),
        "image": file.dimensions.map_or(json!(false), |(width, height)| json!({ "height": height, "width": width })),
        "status": "done", "progress": 100, "authorid": author,
        "authorname": state.users.get(&author).map(User::full_name), "urlpreview": link(shown), "urlshow": link(shown),
        "urldownload": link("download"), "mediaurl": [], "istranscribable": false, "isvideonote": false,
        "isvoicenote": false,
    })
}
