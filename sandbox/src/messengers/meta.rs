//! Messenger: entries with lists, attachments that are uploaded first, an echo of everything that is sent, no key.

use super::call::{Call, Reply};
use super::terms::{Act, Mishap, TOKEN};
use super::world::{Shown, World};
use serde_json::{Value, json};

const PAGE: &str = "111";

fn envelope(element: &Value) -> Value {
    json!({ "object": "page", "entry": [{ "id": PAGE, "time": 1_790_000_000_000_u64, "messaging": [element] }] })
}

pub(super) fn event(base: &str, person: &str, act: &Act) -> Option<Value> {
    let mut element =
        json!({ "sender": { "id": person }, "recipient": { "id": PAGE }, "timestamp": 1_790_000_000_000_u64 });
    match act {
        Act::Writes(number, text) => element["message"] = json!({ "mid": format!("m_{number}"), "text": text }),
        Act::Sends(number, file) => {
            // The name stands in the address only.
            let url = format!("{base}/files/{}/{}?x=1", file.id, file.name);
            element["message"] = json!({ "mid": format!("m_{number}"),
                "attachments": [{ "type": "file", "payload": { "url": url } }] });
        }
        Act::Edits(number, text) => {
            element["message_edit"] = json!({ "mid": format!("m_{number}"), "text": text, "num_edit": 1 });
        }
        // On Instagram only.
        Act::Deletes(_) => return None,
    }
    Some(envelope(&element))
}

fn error(status: u16, code: i64, subcode: i64, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "error": { "message": message, "type": "OAuthException", "code": code,
        "error_subcode": subcode, "fbtrace_id": "A" } }),
    )
}

pub(super) fn answer(world: &mut World, call: &Call) -> Reply {
    let bearer = call.header("authorization") == format!("Bearer {TOKEN}");
    let queried = call.query.get("access_token").is_some_and(|token| token == TOKEN);
    if !(bearer || queried) || world.mishaps.contains(&Mishap::LocksOut) {
        return error(401, 190, 463, "Error validating access token");
    }
    let mut path = call.path.trim_start_matches('/').split('/').skip(1);
    match (call.method.as_str(), path.next().unwrap_or_default(), path.next()) {
        ("GET", person, None) if world.knows(person) => {
            Reply::ok(&json!({ "first_name": "Ada", "last_name": "L", "id": person }))
        }
        ("POST", PAGE | "me", Some("subscribed_apps")) => Reply::ok(&json!({ "success": true })),
        ("POST", PAGE | "me", Some("message_attachments")) => {
            let message: Value =
                call.form.get("message").and_then(|m| serde_json::from_str(m).ok()).unwrap_or_default();
            match &call.file {
                Some((field, name, mime, bytes))
                    if field == "filedata" && message["attachment"]["type"].is_string() =>
                {
                    let upload = world.store(name, mime, bytes);
                    Reply::ok(&json!({ "attachment_id": upload.id.to_string() }))
                }
                _ => error(400, 100, 2_018_047, "Upload attachment failure"),
            }
        }
        ("POST", PAGE | "me", Some("messages")) => messages(world, &call.json),
        _ => error(400, 100, 33, "Unsupported request"),
    }
}

fn messages(world: &mut World, body: &Value) -> Reply {
    let Some(person) = body["recipient"]["id"].as_str().filter(|person| world.knows(person)).map(str::to_owned) else {
        return error(400, 100, 2_018_001, "No matching user found");
    };
    if body["sender_action"].is_string() {
        return Reply::ok(&json!({ "recipient_id": person }));
    }
    if world.strikes(Mishap::Refuses) {
        return error(400, 10, 2_018_278, "This message is sent outside of allowed window");
    }
    if world.strikes(Mishap::SlowsDown) {
        return error(400, 1200, 0, "Temporary send message failure");
    }
    let message = &body["message"];
    let text = message["text"].as_str();
    let attachment = &message["attachment"]["payload"]["attachment_id"];
    let file = match (text, attachment.as_str()) {
        (Some(text), None) if (1..=2000).contains(&text.chars().count()) => None,
        (None, Some(id)) => match world.file(id) {
            Some(file) => Some(file),
            None => return error(400, 100, 2_018_047, "Invalid attachment_id"),
        },
        _ => return error(400, 100, 0, "Param message must be non-empty, and of a text or an attachment"),
    };
    if !matches!(body["messaging_type"].as_str(), Some("RESPONSE" | "UPDATE" | "MESSAGE_TAG")) {
        return error(400, 100, 0, "Param messaging_type is required");
    }
    let id = format!("m_our{}", world.next());
    let text = text.unwrap_or_default().to_owned();
    world.show(&person, Shown { id: id.clone(), text: text.clone(), file });
    let mut echo = json!({ "mid": id, "is_echo": true, "app_id": 77, "text": text });
    if message["metadata"].is_string() {
        echo["metadata"] = message["metadata"].clone();
    }
    let at = 1_790_000_000_016_u64;
    world.events.push_back(envelope(
        &json!({ "sender": { "id": PAGE }, "recipient": { "id": person }, "timestamp": at, "message": echo }),
    ));
    world
        .events
        .push_back(envelope(&json!({ "sender": { "id": person }, "recipient": { "id": PAGE }, "timestamp": at,
        "delivery": { "mids": [id], "watermark": at } })));
    Reply::ok(&json!({ "recipient_id": person, "message_id": id })).took()
}
