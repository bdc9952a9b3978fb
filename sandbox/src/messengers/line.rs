//! LINE: lists of events, files by their numbers, a key for repeats, pictures by their addresses.

use super::call::{Call, Reply};
use super::terms::{Act, Mishap, TOKEN};
use super::world::{Shown, World};
use serde_json::{Value, json};

pub(super) fn event(person: &str, act: &Act) -> Option<Value> {
    let (kind, number, content) = match act {
        Act::Writes(number, text) => {
            let message = json!({ "type": "text", "id": number.to_string(), "quoteToken": format!("q{number}"), "text": text,
                "markAsReadToken": format!("r{number}") });
            ("message", number, message)
        }
        // Files are asked for by the message's number, so that is the file's here.
        Act::Sends(number, file) => {
            let id = file.id.to_string();
            ("message", number, json!({ "type": "file", "id": id, "fileName": file.name, "fileSize": file.size }))
        }
        Act::Deletes(number) => ("unsend", number, json!({ "messageId": number.to_string() })),
        Act::Edits(..) => return None,
    };
    let mut event = json!({ "type": kind, "webhookEventId": format!("01J{kind}{number}"), "mode": "active",
        "deliveryContext": { "isRedelivery": false }, "timestamp": 1_790_000_000_000_u64, "replyToken": "rt",
        "source": { "type": "user", "userId": person } });
    event[kind] = content;
    Some(json!({ "destination": "Uffffffffffffffffffffffffffffffff", "events": [event] }))
}

fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "message": message }))
}

pub(super) fn answer(world: &mut World, call: &Call) -> Reply {
    if call.header("authorization") != format!("Bearer {TOKEN}") || world.mishaps.contains(&Mishap::LocksOut) {
        return error(401, "Authentication failed due to the following reason: invalid token");
    }
    let Some(path) = call.path.strip_prefix("/v2/bot/") else { return error(404, "Not found") };
    match (call.method.as_str(), path) {
        ("GET", "info") => {
            Reply::ok(&json!({ "userId": "Uf", "basicId": "@kit", "displayName": "Kit", "chatMode": "chat",
                "markAsReadMode": "manual" }))
        }
        ("GET", "channel/webhook/endpoint") => {
            Reply::ok(&json!({ "endpoint": "https://old.example/hook", "active": true }))
        }
        ("PUT", "channel/webhook/endpoint") => {
            call.json["endpoint"].as_str().unwrap_or_default().clone_into(&mut world.hook);
            Reply::ok(&json!({}))
        }
        ("POST", "chat/markAsRead") => Reply::ok(&json!({})),
        ("POST", "message/push") => push(world, call),
        ("GET", path) => {
            if let Some(person) = path.strip_prefix("profile/") {
                let known = world.knows(person);
                let profile = json!({ "displayName": "Ada", "userId": person });
                return if known { Reply::ok(&profile) } else { error(404, "Not found") };
            }
            let id = path.strip_prefix("message/").and_then(|rest| rest.strip_suffix("/content")).unwrap_or_default();
            match world.file(id) {
                Some((_, bytes)) => {
                    Reply { status: 200, kind: "application/pdf", body: bytes, took: false, fetches: None }
                }
                None => error(404, "Not found"),
            }
        }
        _ => error(404, "Not found"),
    }
}

/// Hexadecimal digits in groups of 8, 4, 4, 4 and 12.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    let lengths: Vec<_> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn push(world: &mut World, call: &Call) -> Reply {
    let key = call.header("x-line-retry-key").to_owned();
    if !key.is_empty() && !is_uuid(&key) {
        return error(400, "Invalid X-Line-Retry-Key");
    }
    if let Some(id) = world.keys.get(&key) {
        let body = json!({ "message": "The retry key is already accepted", "sentMessages": [{ "id": id }] });
        return Reply::json(409, &body).took();
    }
    let messages = call.json["messages"].as_array().cloned().unwrap_or_default();
    let Some(person) = call.json["to"].as_str().filter(|_| (1..=5).contains(&messages.len())).map(str::to_owned) else {
        return error(400, "The request body has 1 error(s)");
    };
    if !world.knows(&person) {
        return error(400, "Failed to send messages");
    }
    if world.strikes(Mishap::Refuses) {
        return error(400, "Failed to send messages");
    }
    if world.strikes(Mishap::SlowsDown) {
        return error(429, "The API rate limit has been exceeded. Try again later.");
    }
    let (mut sent, mut fetches) = (Vec::new(), None);
    for message in &messages {
        let id = world.next().to_string();
        let text = message["text"].as_str().unwrap_or_default();
        match message["type"].as_str() {
            Some("text") if (1..=5000).contains(&text.encode_utf16().count()) => {}
            Some("image") if message["previewImageUrl"].is_string() => {
                fetches = message["originalContentUrl"].as_str().map(|url| (id.clone(), url.to_owned()));
            }
            _ => return error(400, "The request body has 1 error(s)"),
        }
        world.show(&person, Shown { id: id.clone(), text: text.to_owned(), file: None });
        sent.push(json!({ "id": id, "quoteToken": "q" }));
        if !key.is_empty() {
            world.keys.insert(key.clone(), id);
        }
    }
    let reply = Reply::ok(&json!({ "sentMessages": sent })).took();
    Reply { fetches, ..reply }
}
