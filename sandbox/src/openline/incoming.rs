//! A client's message arriving through `imconnector.send.messages` (bitrix24.md §4.7).

use serde_json::{Value, json};

use super::sessions::NewMessage;
use super::text;
use crate::model::{Actor, Author, State};
use crate::php::{json as php_json, value};

/// External ids are kept up to this length.
pub(crate) const MAX_EXTERNAL_ID: usize = 100;
/// User codes are columns of this length.
const MAX_USER_CODE: usize = 255;
const INCOMPLETE: &str = "Incomplete data";

/// One element of `MESSAGES`, keys in lower case, with what was fetched for it.
#[derive(Debug)]
pub(crate) struct Element<'a> {
    /// Connector id as it was sent.
    pub(crate) connector: &'a str,
    pub(crate) line: i64,
    pub(crate) block: &'a Value,
    /// Files that could be downloaded; `None` when none were sent.
    pub(crate) files: Option<Vec<i64>>,
    /// The client's new picture.
    pub(crate) picture: Option<i64>,
}

impl Element<'_> {
    fn part(&self, name: &str) -> &Value {
        value::get(self.block, name).unwrap_or(&Value::Null)
    }

    /// Connector id as chats know it.
    fn connector_id(&self) -> String {
        self.connector.to_lowercase()
    }

    fn external_chat(&self) -> String {
        value::text_of(self.part("chat"), "id")
    }

    /// `message.id`, cut as the portal cuts it; empty when missing.
    fn external_id(&self) -> String {
        value::text_of(self.part("message"), "id").chars().take(MAX_EXTERNAL_ID).collect()
    }

    fn text(&self) -> String {
        text::incoming(&value::text_of(self.part("message"), "text"))
    }

    /// User and chat blocks are there, and a chat id.
    fn addressed(&self) -> bool {
        value::truthy(self.part("user")) && value::truthy(self.part("chat")) && !self.external_chat().is_empty()
    }

    /// The element with the portal's ids in it, as results repeat it.
    pub(crate) fn echo(&self, user: i64) -> Value {
        let mut echo = json!({ "user": user.to_string() });
        for name in ["message", "chat"] {
            if let Some(block) = value::get(self.block, name) {
                echo[name] = block.clone();
            }
        }
        self.echo_message(&mut echo["message"]);
        echo_chat(&mut echo["chat"]);
        if value::text_of(self.part("message"), "disable_crm") == "Y" {
            echo["extra"] = json!({ "disable_tracker": "Y" });
        }
        echo["SUCCESS"] = json!(true);
        echo
    }

    fn echo_message(&self, message: &mut Value) {
        let Some(message) = message.as_object_mut() else { return };
        message.shift_remove("disable_crm");
        if message.contains_key("date") {
            message.insert("date".to_owned(), php_json::empty_object());
        }
        if let Some(files) = &self.files {
            message.insert("files".to_owned(), json!(files));
        }
    }
}

fn echo_chat(chat: &mut Value) {
    let Some(chat) = chat.as_object_mut() else { return };
    if let Some(url) = chat.shift_remove("url").as_ref().and_then(value::text) {
        chat.insert("description".to_owned(), json!(description(&url)));
    }
}

fn description(url: &str) -> String {
    format!("Link to original post: {url}")
}

/// A failed element: texts only, no codes, no echo.
pub(crate) fn failed(errors: &[String]) -> Value {
    json!({ "SUCCESS": false, "ERRORS": errors })
}

fn incomplete() -> Value {
    failed(&[INCOMPLETE.to_owned()])
}

impl State {
    /// Stores one element and gives its entry in `RESULT`. With `pretend` nothing is stored and no session is named,
    /// though it says success (bitrix24.md C17).
    pub(crate) fn store_incoming(&mut self, element: &Element<'_>, pretend: bool, actor: Actor) -> Value {
        if !element.addressed() {
            return incomplete();
        }
        let user = match self.resolve_client(element.connector, element.part("user"), element.picture) {
            Ok(user) => user,
            Err(errors) => return failed(&errors),
        };
        let files = element.files.clone().unwrap_or_default();
        let text = element.text();
        if text.is_empty() && files.is_empty() {
            return incomplete();
        }
        let mut echo = element.echo(user);
        // Without a line there is no session to store into, and still it says success (bitrix24.md §4.7).
        if pretend || !self.lines.contains_key(&element.line) {
            return echo;
        }
        let chat = self.open_chat(element, user);
        if let Some(session) = self.late_vote(element, chat, user, &text, actor) {
            echo["session"] = Self::session_data(session, chat);
            return echo;
        }
        let (session, new) = self.ensure_session(chat, actor);
        self.store_client_message(element, chat, user, NewMessage { text, files, external_ids: ids(element) }, actor);
        if new {
            self.greet(chat, actor);
        }
        self.tell_away(chat, session, actor);
        echo["session"] = Self::session_data(session, chat);
        echo
    }

    fn open_chat(&mut self, element: &Element<'_>, user: i64) -> i64 {
        let (connector, external) = (element.connector_id(), element.external_chat());
        let code = self.user_code(&connector, element.line, &external, user);
        if external.contains('|') || code.chars().count() > MAX_USER_CODE {
            self.record.violation(self.now, "chat.id holds a pipe or makes the user code too long");
        }
        let known = self.chat_of(&code).map(|chat| chat.id);
        let id = known.unwrap_or_else(|| self.make_chat(&connector, element.line, &external, user));
        let url = value::text_of(element.part("chat"), "url");
        if let Some(chat) = self.chats.get_mut(&id).filter(|_| !url.is_empty()) {
            chat.description = description(&url);
        }
        id
    }

    /// Stores the text as the client's, or as an operator's when `message.user_id` names one (bitrix24.md E16).
    fn store_client_message(&mut self, element: &Element<'_>, chat: i64, user: i64, mut new: NewMessage, actor: Actor) {
        let operator = value::get(element.part("message"), "user_id").map_or(0, value::int);
        if self.users.get(&operator).is_some_and(|user| user.external_key.is_none()) {
            let id = self.add_message(chat, Author::Operator(operator), new);
            self.send_to_channel(id, actor);
            return;
        }
        let thanks = self.take_vote(chat, &mut new.text);
        self.add_message(chat, Author::Client(user), new);
        if let Some(thanks) = thanks {
            self.system_text(chat, &thanks, actor);
        }
    }

    /// A text of `1` or `0` is a vote while one is awaited; the line thanks for it.
    fn take_vote(&mut self, chat: i64, text: &mut String) -> Option<String> {
        let chat = self.chats.get(&chat)?;
        let session = self.sessions.get_mut(&chat.session).filter(|session| session.awaits_vote)?;
        let vote = vote(text)?;
        session.awaits_vote = false;
        session.vote = Some(vote);
        let (mark, thanks) = if vote { ("[like]", "LIKE") } else { ("[dislike]", "DISLIKE") };
        mark.clone_into(text);
        let line = self.lines.get(&chat.line).filter(|line| line.is_on("VOTE_MESSAGE"));
        line.map(|line| line.setting(&format!("VOTE_MESSAGE_2_{thanks}")))
    }

    /// A vote after the session was closed belongs to that session and opens no other.
    fn late_vote(&mut self, element: &Element<'_>, chat: i64, user: i64, text: &str, actor: Actor) -> Option<i64> {
        let session = self.sessions.get(&self.chats.get(&chat)?.session)?;
        let id = session.id;
        if session.open || !session.awaits_vote || vote(text).is_none() {
            return None;
        }
        let new = NewMessage { text: text.to_owned(), external_ids: ids(element), ..NewMessage::default() };
        self.store_client_message(element, chat, user, new, actor);
        Some(id)
    }

    /// Outside the working hours the line says so, once in a session.
    fn tell_away(&mut self, chat: i64, session: i64, actor: Actor) {
        let Some(line) = self.chats.get(&chat).and_then(|chat| self.lines.get(&chat.line)) else { return };
        let text = line.setting("WORKTIME_DAYOFF_TEXT");
        if line.works_at(self.now) || line.setting("WORKTIME_DAYOFF_RULE") != "text" || text.is_empty() {
            return;
        }
        let Some(session) = self.sessions.get_mut(&session).filter(|session| !session.told_away) else { return };
        session.told_away = true;
        self.system_text(chat, &text, actor);
    }

    fn greet(&mut self, chat_id: i64, actor: Actor) {
        let line = self.chats.get(&chat_id).and_then(|chat| self.lines.get(&chat.line));
        if let Some(text) = line.and_then(|line| line.greeting.clone()) {
            self.system_text(chat_id, &text, actor);
        }
    }

    /// `update.messages` (`text` set) and `delete.messages` for one element; an unknown id is a success too.
    pub(crate) fn rewrite_incoming(&mut self, element: &Element<'_>, delete: bool) -> Value {
        if !element.addressed() || !value::truthy(element.part("message")) {
            return incomplete();
        }
        let text = element.text();
        let files_sent = value::get(element.part("message"), "files").is_some_and(value::truthy);
        if !delete && text.is_empty() && !files_sent {
            return incomplete();
        }
        let user = match self.resolve_client(element.connector, element.part("user"), element.picture) {
            Ok(user) => user,
            Err(errors) => return failed(&errors),
        };
        // An update that brings files only arrives as an empty text, and that deletes (bitrix24.md §4.8).
        let new_text = (!delete && !text.is_empty()).then_some(text.as_str());
        for id in self.find_external(element, user) {
            self.rewrite_message(id, new_text);
        }
        element.echo(user)
    }

    fn find_external(&self, element: &Element<'_>, user: i64) -> Vec<i64> {
        let code = self.user_code(&element.connector_id(), element.line, &element.external_chat(), user);
        let wanted = element.external_id();
        let Some(chat) = self.chat_of(&code).filter(|_| !wanted.is_empty()) else { return Vec::new() };
        self.messages_of(chat.id)
            .filter(|message| message.external_ids.contains(&wanted))
            .map(|message| message.id)
            .collect()
    }
}

/// What a text says while a vote is awaited.
fn vote(text: &str) -> Option<bool> {
    match text.split_whitespace().next() {
        Some("1") => Some(true),
        Some("0") => Some(false),
        _ => None,
    }
}

fn ids(element: &Element<'_>) -> Vec<String> {
    Some(element.external_id()).filter(|id| !id.is_empty()).into_iter().collect()
}
