//! JSON shapes of the desk.

use serde_json::{Value, json};

use crate::model::{Author, Chat, Message, State};
use crate::view::View;

impl State {
    /// `GET /desk/api/state`.
    pub(super) fn desk_state(&self) -> Value {
        let operator = self.users.get(&self.operator);
        let lines = self.lines.values().map(|line| json!({ "id": line.id, "name": line.name, "active": line.active }));
        let connectors = self.connectors.values().map(|connector| {
            let rows = self.statuses.iter().filter(|((id, _), _)| *id == connector.id);
            json!({
                "id": connector.id, "name": connector.name, "color": connector.icon.color,
                "icon": connector.icon.data_image,
                "lines": rows.map(|((_, line), row)| json!({ "line": line, "status": row.status() })).collect::<Value>(),
            })
        });
        json!({
            "portal": { "domain": self.domain, "installed": self.apps.iter().any(|app| app.installed) },
            "operator": { "id": self.operator, "name": operator.map(crate::model::User::full_name) },
            "lines": lines.collect::<Value>(),
            "connectors": connectors.collect::<Value>(),
        })
    }

    /// Dialogs that changed after a revision, newest activity first; all without one. `None` when nothing changed.
    pub(super) fn desk_dialogs(&self, since: Option<u64>) -> Option<Value> {
        let changed = |chat: &&Chat| since.is_none_or(|since| chat.rev > since);
        let mut chats: Vec<&Chat> = self.chats.values().filter(changed).collect();
        chats.sort_by_key(|chat| std::cmp::Reverse(self.messages_of(chat.id).next_back().map_or(0, |last| last.id)));
        let dialogs: Vec<Value> = chats.into_iter().map(|chat| self.desk_dialog(chat)).collect();
        (since.is_none() || !dialogs.is_empty()).then(|| json!({ "rev": self.rev, "dialogs": dialogs }))
    }

    fn desk_dialog(&self, chat: &Chat) -> Value {
        let Some(dialog) = View(self).dialog(chat.id) else { return Value::Null };
        let client = &dialog.client;
        let last = dialog.last.as_ref();
        json!({
            "chat_id": chat.id.to_string(),
            "title": dialog.title,
            "line": { "id": dialog.line, "name": dialog.line_name },
            "connector": { "id": dialog.connector, "name": dialog.connector_name, "color": dialog.color },
            "external_chat_id": dialog.external_chat_id,
            "client": {
                "name": client.name, "last_name": client.last_name, "picture": client.picture,
                "email": client.email, "phone": client.phone, "url": client.url,
            },
            "session_id": dialog.session_id,
            "open": dialog.open,
            "unread": dialog.unread,
            "last": last.map(|last| json!({
                "from": last.author.side(), "text": last.text, "date": last.date_ms,
            })),
            "rev": dialog.rev,
        })
    }

    /// Messages of a chat that changed after a revision, by id; all without one. `None` when nothing changed.
    pub(super) fn desk_messages(&self, chat_id: i64, since: Option<u64>) -> Option<Value> {
        let changed = self.messages_of(chat_id).filter(|message| since.is_none_or(|since| message.rev > since));
        let messages: Vec<Value> = changed.map(|message| self.desk_message(message)).collect();
        (since.is_none() || !messages.is_empty()).then(|| json!({ "rev": self.rev, "messages": messages }))
    }

    fn desk_message(&self, message: &Message) -> Value {
        let author = match message.author {
            Author::System => String::new(),
            Author::Client(id) | Author::Operator(id) => {
                self.users.get(&id).map(crate::model::User::full_name).unwrap_or_default()
            }
        };
        json!({
            "id": message.id.to_string(), "rev": message.rev, "from": message.author.side(), "author": author,
            "text": message.text, "date": message.date_ms, "edited": message.edited, "deleted": message.deleted,
            "sending": message.sending, "external_ids": message.external_ids,
            "files": message.files.iter().filter_map(|id| self.desk_file(*id)).collect::<Value>(),
        })
    }

    fn desk_file(&self, id: i64) -> Option<Value> {
        let file = self.files.get(&id)?;
        Some(json!({
            "name": file.name, "type": file.class().word(), "mime": file.mime, "size": file.bytes.len(),
            "url": file.signed_path(),
        }))
    }
}
