//! MAX: a secret in a header, uploads of three shapes, a history, and no key.

use super::call::{Call, Reply};
use super::terms::{Act, Mishap, TOKEN};
use super::world::{Shown, World};
use serde_json::{Value, json};

pub(super) fn event(base: &str, person: &str, act: &Act) -> Option<Value> {
    let chat: u64 = person.parse().ok()?;
    let ada = json!({ "user_id": chat + 1, "first_name": "Ada", "is_bot": false, "last_activity_time": 1 });
    let message = |number: u64, text: &str, attachments: Value| {
        json!({ "sender": ada, "recipient": { "chat_id": chat, "chat_type": "dialog", "user_id": 500 },
            "timestamp": 1_790_000_000_000_u64,
            "body": { "mid": format!("mid.{number}"), "seq": number, "text": text, "attachments": attachments } })
    };
    let update = |kind: &str, message: Value| json!({ "update_type": kind, "timestamp": 1_790_000_000_000_u64, "user_locale": "ru", "message": message });
    Some(match act {
        Act::Writes(number, text) => update("message_created", message(*number, text, json!([]))),
        Act::Sends(number, file) => {
            let url = format!("{base}/files/{}", file.id);
            let attachment = json!({ "type": "file", "payload": { "url": url, "token": "t" }, "filename": file.name,
                "size": file.size });
            update("message_created", message(*number, "", json!([attachment])))
        }
        Act::Edits(number, text) => update("message_edited", message(*number, text, json!([]))),
        Act::Deletes(number) => json!({ "update_type": "message_removed", "timestamp": 1_790_000_000_000_u64,
            "message_id": format!("mid.{number}"), "chat_id": chat, "user_id": chat + 1 }),
    })
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "code": code, "message": message }))
}

pub(super) fn answer(base: &str, world: &mut World, call: &Call) -> Reply {
    if let Some(kind) = call.path.strip_prefix("/upload/") {
        return upload(world, kind, call);
    }
    if call.header("authorization") != TOKEN || world.mishaps.contains(&Mishap::LocksOut) {
        return error(401, "verify.token", "Invalid access_token");
    }
    let asked = |name: &str| call.query.get(name).cloned().unwrap_or_default();
    match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/me") => {
            Reply::ok(&json!({ "user_id": 500, "first_name": "Bot", "username": "kit_bot", "is_bot": true }))
        }
        ("GET", "/subscriptions") => {
            let there = if world.asked.contains("subscribed") { json!([{ "url": world.hook }]) } else { json!([]) };
            Reply::ok(&json!({ "subscriptions": there }))
        }
        ("POST", "/subscriptions") => {
            let (url, secret) = (call.json["url"].as_str(), call.json["secret"].as_str());
            let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            let fits = secret.is_some_and(|secret| (5..=256).contains(&secret.len()) && secret.chars().all(good));
            let Some(url) = url.filter(|_| fits) else { return error(400, "proto.payload", "secret does not match") };
            url.clone_into(&mut world.hook);
            world.asked.insert("subscribed".to_owned());
            Reply::ok(&json!({ "success": true }))
        }
        ("POST", "/uploads") => match asked("type").as_str() {
            kind @ ("image" | "file") => Reply::ok(&json!({ "url": format!("{base}/upload/{kind}") })),
            kind @ ("video" | "audio") => {
                let token = world.next();
                Reply::ok(
                    &json!({ "url": format!("{base}/upload/{kind}?token={token}"), "token": format!("v{token}") }),
                )
            }
            _ => error(400, "proto.payload", "type"),
        },
        ("POST", "/messages") => send(world, &asked("chat_id"), &call.json),
        ("GET", "/messages") => history(world, &asked("chat_id"), asked("from").parse().unwrap_or(0)),
        ("PUT", "/messages") => match world.message(&asked("message_id")) {
            Some(shown) => {
                shown.text = plain(call.json["text"].as_str().unwrap_or_default());
                Reply::ok(&json!({ "success": true }))
            }
            None => Reply::ok(&json!({ "success": false, "message": "Message not found" })),
        },
        ("DELETE", "/messages") => {
            let gone = world.remove(&asked("message_id"));
            Reply::ok(&json!({ "success": gone, "message": if gone { "" } else { "Message not found" } }))
        }
        ("POST", path) if path.ends_with("/actions") => Reply::ok(&json!({ "success": true })),
        _ => error(404, "not.found", "Unknown method"),
    }
}

fn upload(world: &mut World, kind: &str, call: &Call) -> Reply {
    let Some((field, name, mime, bytes)) = &call.file else { return error(400, "proto.payload", "no file") };
    if field != "data" {
        return error(400, "proto.payload", "the field must be data");
    }
    let upload = world.store(name, mime, bytes);
    match kind {
        "image" => Reply::ok(&json!({ "photos": { "p": { "token": format!("p{}", upload.id) } } })),
        "file" => Reply::ok(&json!({ "token": format!("f{}", upload.id), "fileId": upload.id })),
        _ => {
            if let Some(token) = call.query.get("token") {
                world.keys.insert(format!("v{token}"), upload.id.to_string());
            }
            Reply::text("<retval>1</retval>")
        }
    }
}

fn send(world: &mut World, chat: &str, body: &Value) -> Reply {
    if !world.knows(chat) {
        return error(404, "chat.not.found", "Chat not found");
    }
    if world.strikes(Mishap::Refuses) {
        return error(403, "chat.denied", "error.dialog.suspended");
    }
    if world.strikes(Mishap::SlowsDown) {
        return error(429, "too.many.requests", "Too many requests");
    }
    let text = body["text"].as_str().unwrap_or_default();
    if text.chars().count() >= 4000 {
        return error(400, "proto.payload", "text: must not exceed 4000");
    }
    let attachments = body["attachments"].as_array().cloned().unwrap_or_default();
    let alone = attachments.iter().any(|one| one["type"] == "file" || one["type"] == "audio");
    if alone && attachments.len() > 1 || text.is_empty() && attachments.is_empty() {
        return error(400, "proto.payload", "attachments");
    }
    let mut file = None;
    if let Some(attachment) = attachments.first() {
        let payload = &attachment["payload"];
        let token = payload["token"].as_str().or_else(|| payload["photos"]["p"]["token"].as_str()).unwrap_or_default();
        let wanted = match attachment["type"].as_str() {
            Some("image") => 'p',
            Some("file") => 'f',
            _ => 'v',
        };
        let id =
            if wanted == 'v' { world.keys.get(token).cloned() } else { token.strip_prefix(wanted).map(str::to_owned) };
        let Some(found) = id.and_then(|id| world.file(&id)) else { return error(400, "proto.payload", "token") };
        // Processing takes its time: the first that ask come too early.
        if world.asked.insert(format!("ready/{token}")) {
            return error(400, "attachment.not.ready", "Key: errors.process.attachment.file.not.processed");
        }
        file = Some(found);
    }
    let html = body["format"] == "html";
    let text = if html { plain(text) } else { text.to_owned() };
    let shown = Shown { id: format!("mid.o{}", world.next()), text, file };
    world.show(chat, shown.clone());
    Reply::ok(&json!({ "message": of_the_bot(chat, &shown, 1_790_000_000_000) })).took()
}

/// One of the bot's messages as the API tells it.
fn of_the_bot(chat: &str, shown: &Shown, at: i64) -> Value {
    let bot = json!({ "user_id": 500, "first_name": "Bot", "is_bot": true, "last_activity_time": at });
    let file = |name: &String| json!({ "type": "file", "payload": { "url": "https://fd.oneme.ru/f", "token": "t" }, "filename": name, "size": 1 });
    let attachments: Vec<Value> = shown.file.iter().map(|(name, _)| file(name)).collect();
    json!({ "sender": bot, "timestamp": at,
        "recipient": { "chat_id": chat.parse::<i64>().unwrap_or_default(), "chat_type": "dialog", "user_id": 8001 },
        "body": { "mid": shown.id, "seq": 1, "text": shown.text, "attachments": attachments } })
}

/// Newest first. All messages here are from a time that is later than any `from`.
fn history(world: &World, chat: &str, from: i64) -> Reply {
    let at = from.max(1_790_000_000_000);
    let shown = world.shown.get(chat).cloned().unwrap_or_default();
    let message = |(n, shown): (usize, Shown)| of_the_bot(chat, &shown, at + i64::try_from(n).unwrap_or(0));
    let mut messages: Vec<Value> = shown.into_iter().enumerate().map(message).collect();
    messages.reverse();
    Reply::ok(&json!({ "messages": messages }))
}

/// What a person reads of HTML.
fn plain(html: &str) -> String {
    let mut out = String::new();
    let mut tag = false;
    for c in html.chars() {
        match c {
            '<' => tag = true,
            '>' if tag => tag = false,
            c if !tag => out.push(c),
            _ => {}
        }
    }
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
