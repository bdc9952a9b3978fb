//! VK: one event a call, a secret in the body, methods that take forms and answer 200 whatever happens.

use super::call::{Call, Reply};
use super::terms::{Act, Mishap, SECRET, TOKEN};
use super::world::{Shown, World};
use serde_json::{Value, json};

pub(super) fn event(base: &str, person: &str, act: &Act) -> Option<Value> {
    let id: u64 = person.parse().ok()?;
    let message = |number: u64, text: &str, attachments: Value| {
        json!({ "id": number, "date": 1_790_000_000, "from_id": id, "peer_id": id, "out": 0, "conversation_message_id": number,
            "text": text, "attachments": attachments, "fwd_messages": [], "random_id": 0, "version": 1001 })
    };
    let new = |message: Value| json!({ "message": message, "client_info": { "keyboard": true } });
    let (kind, object, event) = match act {
        Act::Writes(number, text) => ("message_new", new(message(*number, text, json!([]))), format!("n{id}-{number}")),
        Act::Sends(number, file) => {
            let doc = json!({ "id": file.id, "owner_id": id, "title": file.name, "size": file.size, "ext": "pdf", "type": 1, "date": 1_790_000_000,
                "url": format!("{base}/files/{}", file.id) });
            let sent = message(*number, "", json!([{ "type": "doc", "doc": doc }]));
            ("message_new", new(sent), format!("n{id}-{number}"))
        }
        Act::Edits(number, text) => ("message_edit", message(*number, text, json!([])), format!("e{id}-{number}")),
        Act::Deletes(_) => return None,
    };
    Some(json!({ "type": kind, "group_id": 300, "event_id": event, "v": "5.199", "secret": SECRET, "object": object }))
}

fn error(code: i64, message: &str) -> Reply {
    Reply::ok(&json!({ "error": { "error_code": code, "error_msg": message, "request_params": [] } }))
}

pub(super) fn answer(base: &str, world: &mut World, call: &Call) -> Reply {
    if let Some(kind) = call.path.strip_prefix("/upload/") {
        return upload(world, kind, call);
    }
    let Some(method) = call.path.strip_prefix("/method/") else { return error(3, "Unknown method passed") };
    if call.header("content-type").starts_with("application/json") || call.parameter("v").is_none() {
        return error(100, "One of the parameters specified was missing or invalid: v is required");
    }
    let bearer = call.header("authorization").strip_prefix("Bearer ").map(str::to_owned);
    let token = call.parameter("access_token").map(str::to_owned).or(bearer);
    if token.as_deref() != Some(TOKEN) || world.mishaps.contains(&Mishap::LocksOut) {
        return error(5, "User authorization failed: invalid access_token");
    }
    let number = |name: &str| call.parameter(name).and_then(|value| value.parse::<i64>().ok());
    match method {
        "messages.send" => send(world, call),
        "messages.edit" => {
            let (id, text) =
                (call.parameter("message_id").unwrap_or_default(), call.parameter("message").unwrap_or_default());
            match world.message(id) {
                Some(shown) => {
                    shown.text = seen(text);
                    Reply::ok(&json!({ "response": 1 }))
                }
                None => error(909, "Can't edit this message, because it's too old"),
            }
        }
        "messages.delete" => {
            let id = call.parameter("message_ids").unwrap_or_default().to_owned();
            if call.parameter("delete_for_all") != Some("1") {
                return error(924, "Can't delete this message for everybody");
            }
            let gone = i32::from(world.remove(&id));
            Reply::ok(&json!({ "response": { id: gone } }))
        }
        "messages.markAsRead" | "messages.setActivity" => Reply::ok(&json!({ "response": 1 })),
        "users.get" => {
            let id = number("user_ids").unwrap_or_default();
            Reply::ok(&json!({ "response": [{ "id": id, "first_name": "Ada", "last_name": "Lovelace" }] }))
        }
        "groups.getCallbackConfirmationCode" => Reply::ok(&json!({ "response": { "code": "c0de" } })),
        "photos.getMessagesUploadServer" => {
            Reply::ok(&json!({ "response": { "upload_url": format!("{base}/upload/photo"), "album_id": -3 } }))
        }
        "docs.getMessagesUploadServer" => {
            Reply::ok(&json!({ "response": { "upload_url": format!("{base}/upload/doc") } }))
        }
        "photos.saveMessagesPhoto" => match call.parameter("photo") {
            None | Some("[]") => error(100, "One of the parameters specified was missing or invalid: photo"),
            Some(photo) => {
                Reply::ok(&json!({ "response": [{ "id": saved(photo), "owner_id": 7, "access_key": "k" }] }))
            }
        },
        "docs.save" => {
            let doc = json!({ "id": saved(call.parameter("file").unwrap_or_default()), "owner_id": 7 });
            Reply::ok(&json!({ "response": { "type": "doc", "doc": doc } }))
        }
        _ => error(3, "Unknown method passed"),
    }
}

fn saved(text: &str) -> i64 {
    text.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or_default()
}

/// The upload server answers JSON as a page.
fn upload(world: &mut World, kind: &str, call: &Call) -> Reply {
    let wanted = if kind == "photo" { "photo" } else { "file" };
    match &call.file {
        Some((field, name, mime, bytes)) if field == wanted => {
            let upload = world.store(name, mime, bytes);
            let file = format!("[{}]", upload.id);
            let answer = if kind == "photo" {
                json!({ "server": 1, "photo": file, "hash": "h" })
            } else {
                json!({ "file": file })
            };
            Reply::text(&answer.to_string())
        }
        _ if kind == "photo" => Reply::text(r#"{"server":1,"photo":"[]","hash":"h"}"#),
        _ => Reply::text(r#"{"error":"no_file"}"#),
    }
}

/// What a person reads: the sign that keeps mentions away is invisible.
fn seen(text: &str) -> String {
    text.replace('\u{200b}', "")
}

fn send(world: &mut World, call: &Call) -> Reply {
    let (Some(peer), Some(random)) = (call.parameter("peer_id"), call.parameter("random_id")) else {
        return error(100, "One of the parameters specified was missing or invalid: random_id is required");
    };
    if !random.parse::<i32>().is_ok_and(|random| random >= 0) {
        return error(100, "One of the parameters specified was missing or invalid: random_id");
    }
    if !world.knows(peer) {
        return error(901, "Can't send messages for users without permission");
    }
    if world.strikes(Mishap::Refuses) {
        return error(901, "Can't send messages for users without permission");
    }
    if world.strikes(Mishap::SlowsDown) {
        return error(6, "Too many requests per second");
    }
    let key = format!("{peer}/{random}");
    if let Some(known) = world.keys.get(&key).filter(|_| random != "0") {
        return Reply::ok(&json!({ "response": known.parse::<i64>().unwrap_or_default() })).took();
    }
    let text = call.parameter("message").unwrap_or_default();
    if text.chars().count() > 4096 {
        return error(914, "Message is too long");
    }
    let attachment = call.parameter("attachment").unwrap_or_default();
    let file = attachment.split('_').nth(1).and_then(|id| world.file(id));
    if text.is_empty() && file.is_none() {
        return error(100, "One of the parameters specified was missing or invalid: message is empty");
    }
    let id = world.next();
    world.show(peer, Shown { id: id.to_string(), text: seen(text), file });
    world.keys.insert(key, id.to_string());
    Reply::ok(&json!({ "response": id })).took()
}
