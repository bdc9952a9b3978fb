//! Messages that are neither text nor file, in words for operators.

use crate::telegram::incoming::names::name;
use openline_core::text::{Href, RichText, Span};
use serde_json::Value;

/// Words for what stands under a key.
type Tell = fn(&Value) -> RichText;

/// What a message without text and file is; `None` for marks that nobody wrote (somebody joined, something was pinned).
pub(in crate::telegram) fn of(message: &Value) -> Option<RichText> {
    let known: [(&str, Tell); 7] = [
        ("venue", venue),
        ("location", location),
        ("contact", contact),
        ("poll", poll),
        ("dice", |dice| note(&format!("dice: {} {}", word(&dice["emoji"]), dice["value"]))),
        ("game", |game| note(&format!("game: {}", word(&game["title"])))),
        ("sticker", |sticker| note(format!("sticker {}", word(&sticker["emoji"])).trim())),
    ];
    if let Some((key, tell)) = known.iter().find(|(key, _)| message[*key].is_object()) {
        return Some(tell(&message[*key]));
    }
    let keys: Vec<&str> = message.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    if keys.iter().any(|key| MARKS.contains(key) || key.starts_with("forum_topic_") || key.starts_with("video_chat_")) {
        return None;
    }
    let foreign = keys.iter().find(|key| !AROUND.contains(key) && !key.starts_with("forward_"));
    Some(match foreign {
        Some(key) => {
            let mut told = note(&format!("unsupported message: {key}"));
            let mut words = Vec::new();
            readable(&message[*key], 0, &mut words);
            told.0.extend(words.into_iter().map(|words| Span::text(format!("\n{words}"))));
            told
        }
        None => note("unsupported message"),
    })
}

/// Names under which people read something, whatever a message is.
const READ: &[&str] = &[
    "additional_chat_count",
    "address",
    "amount",
    "caption",
    "country_code",
    "currency",
    "description",
    "emoji",
    "first_name",
    "header",
    "last_name",
    "name",
    "phone_number",
    "prize_description",
    "question",
    "text",
    "title",
    "total_amount",
    "url",
    "username",
];
/// Most lines and characters of what is read in a message that is not known; and how deep.
const LINES: usize = 20;
const LONGEST: usize = 500;
const DEEPEST: usize = 5;

/// What a person could read in something: a line for each object.
fn readable(value: &Value, depth: usize, lines: &mut Vec<String>) {
    if depth > DEEPEST || lines.len() >= LINES {
        return;
    }
    match value {
        Value::Array(list) => list.iter().for_each(|one| readable(one, depth + 1, lines)),
        Value::Object(map) => {
            let said = |(key, value): (&String, &Value)| match value {
                Value::String(text) if READ.contains(&key.as_str()) => Some(text.trim().to_owned()),
                Value::Number(number) if READ.contains(&key.as_str()) => Some(number.to_string()),
                _ => None,
            };
            let words: Vec<String> = map.iter().filter_map(said).filter(|words| !words.is_empty()).collect();
            if !words.is_empty() {
                lines.push(words.join(" ").chars().take(LONGEST).collect());
            }
            // Who sent it, and in which chat, stands elsewhere.
            let inner = map.iter().filter(|(key, _)| !matches!(key.as_str(), "from" | "chat" | "reply_to_message"));
            inner.for_each(|(_, one)| readable(one, depth + 1, lines));
        }
        Value::String(text) if depth == 0 => lines.push(text.chars().take(LONGEST).collect()),
        _ => {}
    }
}

/// Keys of messages that are marks only.
const MARKS: &[&str] = &[
    "boost_added",
    "channel_chat_created",
    "chat_background_set",
    "connected_website",
    "delete_chat_photo",
    "general_forum_topic_hidden",
    "general_forum_topic_unhidden",
    "group_chat_created",
    "left_chat_member",
    "message_auto_delete_timer_changed",
    "migrate_from_chat_id",
    "migrate_to_chat_id",
    "new_chat_members",
    "new_chat_photo",
    "new_chat_title",
    "pinned_message",
    "proximity_alert_triggered",
    "supergroup_chat_created",
    "write_access_allowed",
];

/// Keys that stand around what a message is.
const AROUND: &[&str] = &[
    "author_signature",
    "business_connection_id",
    "caption",
    "caption_entities",
    "chat",
    "date",
    "edit_date",
    "effect_id",
    "external_reply",
    "from",
    "has_media_spoiler",
    "has_protected_content",
    "is_automatic_forward",
    "is_from_offline",
    "is_topic_message",
    "link_preview_options",
    "media_group_id",
    "message_id",
    "message_thread_id",
    "quote",
    "reply_markup",
    "reply_to_message",
    "reply_to_story",
    "sender_boost_count",
    "sender_business_bot",
    "sender_chat",
    "show_caption_above_media",
    "via_bot",
];

/// A remark of ours, in brackets.
pub(in crate::telegram) fn note(text: &str) -> RichText {
    RichText::plain(format!("[{text}]"))
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn location(place: &Value) -> RichText {
    let (Some(latitude), Some(longitude)) = (place["latitude"].as_f64(), place["longitude"].as_f64()) else {
        return note("location");
    };
    let address = format!("https://maps.google.com/?q={latitude},{longitude}");
    let label = vec![Span::text(format!("location {latitude}, {longitude}"))];
    match Href::parse(&address) {
        Ok(href) => RichText(vec![Span::Link { href, c: label }]),
        Err(_) => RichText(label),
    }
}

fn venue(venue: &Value) -> RichText {
    let lines = [word(&venue["title"]), word(&venue["address"])];
    let lines = lines.iter().filter(|line| !line.is_empty()).map(|line| Span::text(format!("{line}\n")));
    RichText(lines.chain(location(&venue["location"]).0).collect())
}

fn contact(contact: &Value) -> RichText {
    let phone = word(&contact["phone_number"]);
    let who = name(contact).map(|name| Span::text(format!("{name}, ")));
    let digits: String = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    let number = match Href::parse(&format!("tel:{digits}")) {
        Ok(href) => Span::Link { href, c: vec![Span::text(phone)] },
        Err(_) => Span::text(if phone.is_empty() { "no number" } else { phone }),
    };
    RichText([Span::text("contact: ")].into_iter().chain(who).chain([number]).collect())
}

fn poll(poll: &Value) -> RichText {
    let options = poll["options"].as_array().into_iter().flatten();
    let options: Vec<_> = options.map(|option| word(&option["text"])).collect();
    note(format!("poll: {}\n{}", word(&poll["question"]), options.join(" / ")).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(message: &Value) -> String {
        of(message).unwrap().to_plain()
    }

    #[test]
    fn everything_has_words() {
        let place = json!({"latitude": 52.5, "longitude": 13.25});
        assert_eq!(told(&json!({"location": place})), "location 52.5, 13.25 (https://maps.google.com/?q=52.5,13.25)");
        let venue = json!({"venue": {"location": place, "title": "Shop", "address": "Street 1"}, "location": place});
        assert!(told(&venue).starts_with("Shop\nStreet 1\nlocation 52.5"));
        let contact = json!({"contact": {"phone_number": "+49 30 1", "first_name": "Ann"}});
        assert_eq!(told(&contact), "contact: Ann, +49 30 1 (tel:+49301)");
        let poll = json!({"poll": {"question": "Tea?", "options": [{"text": "yes"}, {"text": "no"}]}});
        assert_eq!(told(&poll), "[poll: Tea?\nyes / no]");
        assert_eq!(told(&json!({"dice": {"emoji": "🎲", "value": 3}})), "[dice: 🎲 3]");
        assert_eq!(told(&json!({"game": {"title": "Chess"}})), "[game: Chess]");
        assert_eq!(told(&json!({"location": {"latitude": "x"}})), "[location]");
    }

    #[test]
    fn what_is_not_known_brings_what_a_person_could_read() {
        let list =
            json!({"checklist": {"title": "To do", "tasks": [{"id": 1, "text": "milk"}, {"id": 2, "text": "eggs"}]}});
        assert_eq!(told(&list), "[unsupported message: checklist]\nTo do\nmilk\neggs");
        let invoice =
            json!({"invoice": {"title": "Tea", "description": "green", "currency": "EUR", "total_amount": 500}});
        assert_eq!(told(&invoice), "[unsupported message: invoice]\nTea green EUR 500");
        assert_eq!(told(&json!({"hologram": {"x": 1}})), "[unsupported message: hologram]");
        let huge: Vec<_> = (0..100).map(|n| json!({"text": format!("{n}{}", "x".repeat(900))})).collect();
        assert!(told(&json!({"list": huge})).len() < 21 * 510);
        let mut deep = json!({"text": "x"});
        (0..100).for_each(|_| deep = json!([deep]));
        assert_eq!(told(&json!({"list": deep})), "[unsupported message: list]");
    }
}
