//! Viber: one event a call, files by their addresses, 200 whatever happens, tokens of 64 bits.

use super::call::{Call, Reply};
use super::terms::{Act, Mishap, TOKEN};
use super::world::{Shown, World};
use serde_json::{Value, json};

/// Tokens differ in the last digits only: whoever keeps them as fractions mixes them up.
const FIRST: u64 = 5_990_000_000_000_000_000;

pub(super) fn webhook(number: u64) -> Value {
    json!({ "event": "webhook", "timestamp": 1_790_000_000_000_u64, "message_token": FIRST + number, "chat_hostname": "SN-1" })
}

pub(super) fn event(base: &str, person: &str, act: &Act) -> Option<Value> {
    let (number, message) = match act {
        Act::Writes(number, text) => (number, json!({ "type": "text", "text": text })),
        Act::Sends(number, file) => {
            let media = format!("{base}/files/{}", file.id);
            (number, json!({ "type": "file", "media": media, "file_name": file.name, "size": file.size }))
        }
        Act::Edits(..) | Act::Deletes(_) => return None,
    };
    let sender = json!({ "id": person, "name": "Ada", "language": "en", "country": "DE", "api_version": 10 });
    Some(json!({ "event": "message", "timestamp": 1_790_000_000_001_u64, "chat_hostname": "SN-1",
        "message_token": FIRST + 1_000_000 + number, "sender": sender, "message": message, "silent": false }))
}

fn status(status: i64, message: &str) -> Reply {
    Reply::ok(&json!({ "status": status, "status_message": message, "chat_hostname": "SN-1" }))
}

/// The refusal of a call without the right token.
pub(super) fn unwelcome(call: &Call) -> Option<Reply> {
    let given = call.json["auth_token"].as_str().unwrap_or_else(|| call.header("x-viber-auth-token"));
    (given != TOKEN).then(|| status(2, "invalidAuthToken"))
}

pub(super) fn is_set(reached: bool) -> Reply {
    if reached {
        Reply::ok(&json!({ "status": 0, "status_message": "ok", "event_types": [] }))
    } else {
        status(1, "invalidUrl")
    }
}

pub(super) fn answer(world: &mut World, call: &Call) -> Reply {
    if let Some(refusal) = unwelcome(call) {
        return refusal;
    }
    if world.mishaps.contains(&Mishap::LocksOut) {
        return status(2, "invalidAuthToken");
    }
    if call.path != "/pa/send_message" {
        return status(3, "badData");
    }
    let body = &call.json;
    let Some(person) = body["receiver"].as_str().map(str::to_owned) else { return status(4, "missingData") };
    if !world.knows(&person) {
        return status(6, "receiverNotSubscribed");
    }
    if world.strikes(Mishap::Refuses) {
        return status(6, "receiverNotSubscribed");
    }
    if world.strikes(Mishap::SlowsDown) {
        return status(12, "tooManyRequests");
    }
    let name = body["sender"]["name"].as_str().unwrap_or_default();
    if !(1..=28).contains(&name.chars().count()) || body.to_string().len() > 30_000 {
        return status(3, "badData");
    }
    let (text, media) = (body["text"].as_str().unwrap_or_default(), body["media"].as_str());
    let good = match body["type"].as_str() {
        Some("text") => (1..=7000).contains(&text.chars().count()) && media.is_none(),
        Some("picture") => media.is_some() && text.chars().count() <= 768,
        Some("video") => media.is_some() && body["size"].is_u64(),
        Some("file") => {
            let named =
                body["file_name"].as_str().is_some_and(|name| name.contains('.') && name.chars().count() <= 256);
            media.is_some() && body["size"].is_u64() && named
        }
        _ => false,
    };
    if !good {
        return status(4, "missingData");
    }
    let token = FIRST + world.next();
    world.show(&person, Shown { id: token.to_string(), text: text.to_owned(), file: None });
    world.events.push_back(json!({ "event": "delivered", "timestamp": 1_790_000_000_012_u64, "message_token": token,
        "user_id": person }));
    let answer = json!({ "status": 0, "status_message": "ok", "message_token": token, "chat_hostname": "SN-1" });
    let reply = Reply::ok(&answer).took();
    Reply { fetches: media.map(|media| (token.to_string(), media.to_owned())), ..reply }
}
