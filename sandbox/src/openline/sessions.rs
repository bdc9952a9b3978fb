//! Chats and their sessions: opened by the first message, closed by an operator, opened anew (bitrix24.md E11).

use serde_json::json;

use super::payload::dialog_data;
use crate::events::emit::{Audience, Event};
use crate::model::{Actor, Author, Chat, Message, Session, State};

/// What [`State::add_message`] stores.
#[derive(Debug, Default)]
pub(crate) struct NewMessage {
    pub(crate) text: String,
    pub(crate) files: Vec<i64>,
    pub(crate) external_ids: Vec<String>,
}

impl State {
    /// `connector|line|chat.id|internalUser`; group connectors key by the chat alone.
    pub(crate) fn user_code(&self, connector: &str, line: i64, external_chat: &str, user: i64) -> String {
        let group = self.connectors.get(connector).is_some_and(|connector| connector.flags.chat_group);
        let user = if group { 0 } else { user };
        format!("{connector}|{line}|{external_chat}|{user}")
    }

    /// The chat of a user code.
    pub(crate) fn chat_of(&self, user_code: &str) -> Option<&Chat> {
        self.chats.get(self.chat_codes.get(user_code)?)
    }

    /// Makes a chat without a session.
    pub(crate) fn make_chat(&mut self, connector: &str, line: i64, external_id: &str, user: i64) -> i64 {
        let id = self.next_chat_id();
        let user_code = self.user_code(connector, line, external_id, user);
        let client = self.users.get(&user).map(crate::model::User::full_name).unwrap_or_default();
        let line_name = self.lines.get(&line).map(|line| line.name.clone()).unwrap_or_default();
        self.chat_codes.insert(user_code.clone(), id);
        let chat = Chat {
            id,
            connector: connector.to_owned(),
            line,
            external_id: external_id.to_owned(),
            user,
            user_code,
            title: format!("{client} - {line_name}"),
            description: String::new(),
            session: 0,
            read_up_to: 0,
            rev: self.touch(),
        };
        self.chats.insert(id, chat);
        id
    }

    /// The open session of a chat, made when the last one is closed. True when it is new.
    pub(crate) fn ensure_session(&mut self, chat_id: i64, actor: Actor) -> (i64, bool) {
        let last = self.chats.get(&chat_id).map_or(0, |chat| chat.session);
        if self.sessions.get(&last).is_some_and(|session| session.open) {
            return (last, false);
        }
        let id = self.next_session_id();
        let session =
            Session { id, chat: chat_id, parent: last, open: true, awaits_vote: false, vote: None, told_away: false };
        self.sessions.insert(id, session);
        let rev = self.touch();
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            chat.session = id;
            chat.rev = rev;
        }
        self.emit_dialog("ONIMCONNECTORDIALOGSTART", chat_id, actor);
        (id, true)
    }

    /// Closes the session of a chat; true when it was open.
    pub(crate) fn finish_session(&mut self, chat_id: i64, actor: Actor) -> bool {
        let Some(chat) = self.chats.get(&chat_id).cloned() else { return false };
        if !self.sessions.get(&chat.session).is_some_and(|session| session.open) {
            return false;
        }
        let line = self.lines.get(&chat.line).cloned();
        let votes = line.as_ref().is_some_and(|line| line.is_on("VOTE_MESSAGE"));
        let early = line.as_ref().is_some_and(|line| line.is_on("VOTE_BEFORE_FINISH"));
        if let Some(text) = line.and_then(|line| line.farewell) {
            self.system_text(chat_id, &text, actor);
        }
        if votes && early {
            self.ask_for_vote(chat_id);
        }
        if let Some(session) = self.sessions.get_mut(&chat.session) {
            session.open = false;
        }
        self.emit_dialog("ONIMCONNECTORDIALOGFINISH", chat_id, actor);
        if votes && !early {
            self.ask_for_vote(chat_id);
        }
        self.touch_chat(chat_id);
        true
    }

    fn emit_dialog(&mut self, name: &'static str, chat_id: i64, actor: Actor) {
        let Some(chat) = self.chats.get(&chat_id) else { return };
        let owner = self.connectors.get(&chat.connector).map(|connector| connector.app);
        if let (Some(owner), Some(session)) = (owner, self.sessions.get(&chat.session)) {
            let data = dialog_data(chat, session);
            self.emit(&Event::new(name, data, Audience::App(owner), actor));
        }
    }

    /// Stores a message in the present session of a chat.
    pub(crate) fn add_message(&mut self, chat_id: i64, author: Author, new: NewMessage) -> i64 {
        let id = self.next_message_id();
        let rev = self.touch();
        let session_id = self.chats.get(&chat_id).map_or(0, |chat| chat.session);
        let message = Message {
            id,
            chat_id,
            session_id,
            author,
            text: new.text,
            date_ms: self.now,
            edited: false,
            deleted: false,
            sending: false,
            read: false,
            external_ids: new.external_ids,
            files: new.files,
            rev,
        };
        self.messages.insert(id, message);
        self.chat_messages.entry(chat_id).or_default().push(id);
        self.touch_chat(chat_id);
        id
    }

    /// A text of the portal itself; goes to the channel when the connector takes system messages (bitrix24.md E9).
    pub(crate) fn system_text(&mut self, chat_id: i64, text: &str, actor: Actor) -> i64 {
        let new = NewMessage { text: text.to_owned(), ..NewMessage::default() };
        let id = self.add_message(chat_id, Author::System, new);
        let chat = self.chats.get(&chat_id);
        let connector = chat.and_then(|chat| self.connectors.get(&chat.connector));
        if connector.is_some_and(|connector| connector.flags.need_system_messages) {
            self.send_to_channel(id, actor);
        }
        id
    }

    /// Asks the client to rate the conversation; the next `1` or `0` is the vote.
    pub(crate) fn ask_for_vote(&mut self, chat_id: i64) {
        let Some(chat) = self.chats.get(&chat_id) else { return };
        let text = self.lines.get(&chat.line).map(|line| line.setting("VOTE_MESSAGE_2_TEXT")).unwrap_or_default();
        if let Some(session) = self.sessions.get_mut(&chat.session) {
            session.awaits_vote = true;
        }
        self.system_text(chat_id, &text, Actor::background());
    }

    /// Changes the text of a message, or deletes it with `None`, without telling the channel.
    pub(crate) fn rewrite_message(&mut self, id: i64, text: Option<&str>) {
        let rev = self.touch();
        let Some(message) = self.messages.get_mut(&id) else { return };
        message.rev = rev;
        match text {
            Some(text) => {
                text.clone_into(&mut message.text);
                message.edited = true;
            }
            None => message.deleted = true,
        }
        let chat = message.chat_id;
        self.touch_chat(chat);
    }

    /// Notes a change the list of dialogs shows.
    pub(crate) fn touch_chat(&mut self, chat_id: i64) {
        let rev = self.touch();
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            chat.rev = rev;
        }
    }

    /// Messages of a chat in order.
    pub(crate) fn messages_of(&self, chat_id: i64) -> impl DoubleEndedIterator<Item = &Message> {
        let ids = self.chat_messages.get(&chat_id).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| self.messages.get(id))
    }

    /// `chat.name.set`: a new title.
    pub(crate) fn rename_chat(&mut self, chat_id: i64, name: &str) {
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            name.clone_into(&mut chat.title);
        }
        self.touch_chat(chat_id);
    }

    /// Session block of a `send.messages` result: strings.
    pub(crate) fn session_data(session: i64, chat: i64) -> serde_json::Value {
        json!({ "ID": session.to_string(), "CHAT_ID": chat.to_string() })
    }
}
