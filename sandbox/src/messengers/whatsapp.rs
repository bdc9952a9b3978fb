//! WhatsApp: batches in envelopes, files that are looked up and fetched with the token, statuses, no key.

use super::call::{Call, Reply};
use super::terms::{Act, Mishap, TOKEN};
use super::world::{Shown, World};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const NUMBER: &str = "700200";

fn envelope(value: &Value) -> Value {
    json!({ "object": "whatsapp_business_account",
        "entry": [{ "id": "900100", "changes": [{ "field": "messages", "value": value }] }] })
}

pub(super) fn event(person: &str, act: &Act) -> Value {
    let id = |number: &u64| format!("wamid.{number}");
    let mut message = json!({ "from": person, "timestamp": "1790000000" });
    let (kind, own, content) = match act {
        Act::Writes(number, text) => ("text", id(number), json!({ "body": text })),
        Act::Sends(number, file) => {
            let document =
                json!({ "id": file.id.to_string(), "mime_type": file.mime, "sha256": "q83w", "filename": file.name });
            ("document", id(number), document)
        }
        Act::Edits(number, text) => {
            let edit =
                json!({ "original_message_id": id(number), "message": { "type": "text", "text": { "body": text } } });
            ("edit", format!("wamid.e{number}"), edit)
        }
        Act::Deletes(number) => ("revoke", format!("wamid.r{number}"), json!({ "original_message_id": id(number) })),
    };
    message["type"] = json!(kind);
    message["id"] = json!(own);
    message[kind] = content;
    envelope(&json!({ "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "4930111", "phone_number_id": NUMBER },
        "contacts": [{ "profile": { "name": "Ada" }, "wa_id": person, "user_id": format!("DE.{person}") }], "messages": [message] }))
}

fn error(status: u16, code: i64, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "error": { "message": format!("(#{code}) {message}"), "type": "OAuthException", "code": code,
        "error_data": { "messaging_product": "whatsapp", "details": message }, "fbtrace_id": "A" } }),
    )
}

pub(super) fn answer(base: &str, world: &mut World, call: &Call) -> Reply {
    if call.header("authorization") != format!("Bearer {TOKEN}") || world.mishaps.contains(&Mishap::LocksOut) {
        return error(401, 190, "Invalid OAuth access token");
    }
    let mut path = call.path.trim_start_matches('/').split('/');
    let (version, object, edge) = (path.next().unwrap_or_default(), path.next().unwrap_or_default(), path.next());
    if !version.starts_with('v') {
        return error(400, 100, "Unknown path");
    }
    match (call.method.as_str(), object, edge) {
        ("GET", NUMBER, None) => Reply::ok(&json!({ "display_phone_number": "+49 30 111", "id": NUMBER })),
        ("GET", media, None) => match world.file(media) {
            Some((_, bytes)) => {
                let sum = hex::encode(Sha256::digest(&bytes));
                Reply::ok(&json!({ "url": format!("{base}/files/{media}"), "mime_type": "application/pdf", "id": media,
                "sha256": sum, "file_size": bytes.len(), "messaging_product": "whatsapp" }))
            }
            None => error(400, 100, "Unsupported get request: no such object"),
        },
        ("POST", NUMBER, Some("media")) => match &call.file {
            Some((field, name, mime, bytes)) if field == "file" && call.form.get("type") == Some(mime) => {
                let upload = world.store(name, mime, bytes);
                Reply::ok(&json!({ "id": upload.id.to_string() }))
            }
            _ => error(400, 100, "Invalid parameter: file or type"),
        },
        ("POST", NUMBER, Some("messages")) => messages(world, &call.json),
        _ => error(400, 100, "Unsupported request"),
    }
}

fn messages(world: &mut World, body: &Value) -> Reply {
    if body["messaging_product"] != "whatsapp" {
        return error(400, 100, "The parameter messaging_product is required");
    }
    if body["status"] == "read" {
        return Reply::ok(&json!({ "success": body["message_id"].is_string() }));
    }
    let Some(to) = body["to"].as_str().filter(|to| world.knows(to)) else {
        return error(400, 131_026, "Message undeliverable");
    };
    if world.strikes(Mishap::Refuses) {
        return error(400, 131_047, "Re-engagement message");
    }
    if world.strikes(Mishap::SlowsDown) {
        return error(400, 130_429, "Rate limit hit");
    }
    let kind = body["type"].as_str().unwrap_or_default();
    let (text, file) = match kind {
        "text" => (body["text"]["body"].as_str().unwrap_or_default(), None),
        "image" | "video" | "audio" | "document" => {
            let media = &body[kind];
            let Some((name, bytes)) = media["id"].as_str().and_then(|id| world.file(id)) else {
                return error(400, 131_053, "Media upload error");
            };
            let name = media["filename"].as_str().map_or(name, str::to_owned);
            (media["caption"].as_str().unwrap_or_default(), Some((name, bytes)))
        }
        _ => return error(400, 131_008, "Required parameter is missing"),
    };
    let longest = if kind == "text" { 4096 } else { 1024 };
    if text.chars().count() > longest || text.is_empty() && file.is_none() {
        return error(400, 100, "Invalid parameter: text");
    }
    let (to, text) = (to.to_owned(), text.to_owned());
    let id = format!("wamid.OUR{}", world.next());
    world.show(&to, Shown { id: id.clone(), text, file });
    for status in ["sent", "delivered"] {
        let mut told = json!({ "id": id, "status": status, "timestamp": "1790000020", "recipient_id": to });
        if let Some(tag) = body["biz_opaque_callback_data"].as_str() {
            told["biz_opaque_callback_data"] = json!(tag);
        }
        world.events.push_back(envelope(&json!({ "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "4930111", "phone_number_id": NUMBER }, "statuses": [told] })));
    }
    let answer = json!({ "messaging_product": "whatsapp", "contacts": [{ "input": to, "wa_id": to }], "messages": [{ "id": id }] });
    Reply::ok(&answer).took()
}
