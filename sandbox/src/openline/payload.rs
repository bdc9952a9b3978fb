//! The `data` of connector events, field by field (bitrix24.md §6.3–§6.8).

use serde_json::{Map, Value, json};

use super::text::{signed_edit, signed_new};
use crate::model::{Author, Chat, Connector, FileClass, Message, Session, State, StoredFile};

/// Minutes after which the portal closes a session by itself.
const CLOSE_TERM: i64 = 10;

impl State {
    /// `data` of `ONIMCONNECTORMESSAGEADD`; `None` when nothing is left to send.
    pub(super) fn message_add_data(&self, connector: &Connector, chat: &Chat, message: &Message) -> Option<Value> {
        let files: Vec<Value> =
            message.files.iter().filter_map(|id| Some(self.file_data(self.files.get(id)?))).collect();
        if files.is_empty() && message.text.is_empty() {
            return None;
        }
        let text = match self.signature(connector, chat.line, message.author) {
            Some(name) => signed_new(&name, &message.text),
            None => message.text.clone(),
        };
        let mut body = Map::from_iter([("user_id".to_owned(), json!(message.author.user_id()))]);
        if !text.is_empty() {
            body.insert("text".to_owned(), json!(text));
        }
        if !files.is_empty() {
            body.insert("files".to_owned(), json!(files));
        }
        Some(messages_data(chat, &[element(chat, message, &Value::Object(body))]))
    }

    /// `data` of `ONIMCONNECTORMESSAGEUPDATE`: ids as an array, no author, no files.
    pub(super) fn message_update_data(&self, connector: &Connector, chat: &Chat, message: &Message) -> Value {
        let text = match self.signature(connector, chat.line, message.author) {
            Some(name) => signed_edit(&name, &message.text),
            None => message.text.clone(),
        };
        let body = json!({ "id": message.external_ids, "text": text });
        messages_data(chat, &[element(chat, message, &body)])
    }

    /// Name to put in front of a text; `None` for system texts, hidden operators and connectors without signatures.
    fn signature(&self, connector: &Connector, line: i64, author: Author) -> Option<String> {
        let hidden = self.lines.get(&line).is_some_and(|line| line.hide_operators);
        match author {
            Author::Operator(id) if connector.flags.need_signature && !hidden => {
                self.users.get(&id).map(crate::model::User::full_name)
            }
            _ => None,
        }
    }

    /// One entry of `message.files` (bitrix24.md §8.4).
    pub(crate) fn file_data(&self, file: &StoredFile) -> Value {
        let portal = self.portal_url();
        let fragment =
            if file.class() == FileClass::Image { format!("#img.{}", file.extension()) } else { String::new() };
        let mut data = json!({
            "name": file.name,
            "type": file.class().word(),
            "mime": file.mime,
            "link": format!("{portal}/~{}{fragment}", file.short),
            "downloadLink": format!("{portal}{}", file.signed_path()),
            "size": file.bytes.len(),
            "sizef": human_size(file.bytes.len()),
        });
        if let Some((width, height)) = file.dimensions {
            data["width"] = json!(width);
            data["height"] = json!(height);
        }
        data
    }
}

/// `data` of `ONIMCONNECTORMESSAGEDELETE`: one element for each external id, which is a string.
pub(super) fn message_delete_data(chat: &Chat, message: &Message) -> Value {
    let one = |id: &String| element(chat, message, &json!({ "id": id }));
    messages_data(chat, &message.external_ids.iter().map(one).collect::<Vec<_>>())
}

/// `data` of `ONIMCONNECTORDIALOGSTART` and `…FINISH`; `user_id` is the portal's own id of the client.
pub(super) fn dialog_data(chat: &Chat, session: &Session) -> Value {
    json!({ "CONNECTOR": chat.connector, "LINE": chat.line, "DATA": [{
        "connector": {
            "connector_id": chat.connector, "line_id": chat.line,
            "chat_id": chat.external_id, "user_id": chat.user,
        },
        "session": {
            "id": session.id, "closed": if session.open { "N" } else { "Y" },
            "parent_id": session.parent, "close_term": CLOSE_TERM,
        },
        "chat": { "id": chat.external_id },
        "user": { "id": chat.user },
    }] })
}

fn messages_data(chat: &Chat, messages: &[Value]) -> Value {
    json!({ "CONNECTOR": chat.connector, "LINE": chat.line, "MESSAGES": messages })
}

fn element(chat: &Chat, message: &Message, body: &Value) -> Value {
    json!({
        "im": { "chat_id": chat.id, "message_id": message.id },
        "message": body,
        "chat": { "id": chat.external_id },
    })
}

/// `47.08 KB`.
fn human_size(bytes: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a rounded figure for people")]
    let mut size = bytes as f64;
    for unit in ["B", "KB", "MB"] {
        if size < 1024.0 {
            let digits = usize::from(unit != "B") * 2;
            return format!("{size:.digits$} {unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.2} GB")
}
