//! JSON of users, chats, messages and memberships, with the fields in Telegram's order.

use serde_json::{Map, Value, json};

use super::world::{Message, User, World};

/// Puts a text in unless it is empty.
fn put(json: &mut Map<String, Value>, name: &str, text: &str) {
    if !text.is_empty() {
        json.insert(name.to_owned(), json!(text));
    }
}

impl World {
    /// `User`.
    pub(crate) fn user_json(&self, id: i64) -> Value {
        let unknown = User { id, ..User::default() };
        let user = self.users.get(&id).unwrap_or(&unknown);
        let mut json = Map::new();
        json.insert("id".to_owned(), json!(id));
        json.insert("is_bot".to_owned(), json!(user.is_bot));
        json.insert("first_name".to_owned(), json!(user.first_name));
        put(&mut json, "last_name", &user.last_name);
        put(&mut json, "username", &user.username);
        put(&mut json, "language_code", &user.language);
        Value::Object(json)
    }

    /// `Chat`.
    pub(crate) fn chat_json(&self, id: i64) -> Value {
        let mut json = Map::new();
        json.insert("id".to_owned(), json!(id));
        if let Some(group) = self.groups.get(&id) {
            json.insert("title".to_owned(), json!(group.title));
            json.insert("type".to_owned(), json!(if group.supergroup { "supergroup" } else { "group" }));
            if !group.supergroup {
                json.insert("all_members_are_administrators".to_owned(), json!(true));
            }
        } else {
            let user = self.users.get(&id).cloned().unwrap_or_default();
            json.insert("first_name".to_owned(), json!(user.first_name));
            put(&mut json, "last_name", &user.last_name);
            put(&mut json, "username", &user.username);
            json.insert("type".to_owned(), json!("private"));
        }
        Value::Object(json)
    }

    /// `Message`, with the message it replies to.
    pub(crate) fn message_json(&self, message: &Message) -> Value {
        self.message_fields(message, true)
    }

    fn message_fields(&self, message: &Message, with_reply: bool) -> Value {
        let mut json = Map::new();
        json.insert("message_id".to_owned(), json!(message.id));
        json.insert("from".to_owned(), self.user_json(message.from));
        json.insert("chat".to_owned(), self.chat_json(message.chat));
        json.insert("date".to_owned(), json!(message.at / 1000));
        if let Some(edited) = message.edited_at {
            json.insert("edit_date".to_owned(), json!(edited / 1000));
        }
        if let Some(origin) = &message.forward_origin {
            forwarded(&mut json, origin);
        }
        let replied = message.reply_to.filter(|_| with_reply);
        if let Some(replied) = replied.and_then(|id| self.message(message.bot, message.chat, id)) {
            json.insert("reply_to_message".to_owned(), self.message_fields(replied, false));
        }
        if let Some(group) = &message.media_group {
            json.insert("media_group_id".to_owned(), json!(group));
        }
        content(&mut json, message);
        if let Some(markup) = message.markup.as_ref().filter(|markup| markup.get("inline_keyboard").is_some()) {
            json.insert("reply_markup".to_owned(), markup.clone());
        }
        Value::Object(json)
    }

    /// `ChatMemberUpdated` of a bot's own membership.
    pub(crate) fn membership_json(&self, bot: i64, chat: i64, by: i64, old: &str, new: &str) -> Value {
        let member = |status: &str| {
            let mut json = json!({ "user": self.user_json(bot), "status": status });
            if let (Some(object), "kicked") = (json.as_object_mut(), status) {
                object.insert("until_date".to_owned(), json!(0));
            }
            json
        };
        json!({
            "chat": self.chat_json(chat), "from": self.user_json(by), "date": self.now / 1000,
            "old_chat_member": member(old), "new_chat_member": member(new),
        })
    }
}

/// `forward_origin` and the older fields beside it.
fn forwarded(json: &mut Map<String, Value>, origin: &Value) {
    json.insert("forward_origin".to_owned(), origin.clone());
    if let Some(user) = origin.get("sender_user") {
        json.insert("forward_from".to_owned(), user.clone());
    }
    if let Some(name) = origin.get("sender_user_name") {
        json.insert("forward_sender_name".to_owned(), name.clone());
    }
    json.insert("forward_date".to_owned(), origin.get("date").cloned().unwrap_or_default());
}

fn content(json: &mut Map<String, Value>, message: &Message) {
    let content = &message.content;
    let (text, entities) = if content.kind == "text" { ("text", "entities") } else { ("caption", "caption_entities") };
    if content.kind != "text" {
        json.extend(content.fields.clone());
    }
    put(json, text, &content.text);
    if !content.entities.is_empty() {
        json.insert(entities.to_owned(), json!(content.entities));
    }
    if content.kind == "text" {
        json.extend(content.fields.clone());
    }
}
