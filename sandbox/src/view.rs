//! What tests and the desk see of the portal.

use serde::Serialize;

use crate::model::{Author, Chat, EventPost, Message, RestCall, State, User, Violation};

/// One dialog with its client, for lists.
#[derive(Debug, Clone)]
pub struct Dialog {
    /// Portal chat id.
    pub chat_id: i64,
    /// `client - line`, unless renamed.
    pub title: String,
    /// Line id.
    pub line: i64,
    /// Line name; empty when the line was deleted.
    pub line_name: String,
    /// Connector id.
    pub connector: String,
    /// Connector name; the id when it is no longer registered.
    pub connector_name: String,
    /// Tile colour, `#rrggbb`.
    pub color: String,
    /// `chat.id` as the connector sent it.
    pub external_chat_id: String,
    /// "Link to original post: …"; empty without `chat.url`.
    pub description: String,
    /// The client.
    pub client: Client,
    /// The last session.
    pub session_id: i64,
    /// Whether that session is open.
    pub open: bool,
    /// The vote of that session: good or bad.
    pub vote: Option<bool>,
    /// Client messages the operators have not seen.
    pub unread: usize,
    /// The newest message.
    pub last: Option<Message>,
    /// Portal revision of the last change.
    pub rev: u64,
}

/// An external client as a portal user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Client {
    /// Portal user id.
    pub id: i64,
    /// First name; `Guest` when none is known.
    pub name: String,
    /// Last name.
    pub last_name: String,
    /// The portal's own copy of the picture as an absolute URL; empty without one.
    pub picture: String,
    /// E-mail.
    pub email: String,
    /// Phone.
    pub phone: String,
    /// Profile link.
    pub url: String,
    /// `M`, `F` or empty.
    pub gender: String,
}

/// Status of a connector on a line, as `imconnector.status` would give it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status {
    /// Active and connected.
    pub configured: bool,
    /// In error.
    pub error: bool,
    /// Configured and without error.
    pub status: bool,
}

/// A look at the portal at one moment; given to `Sandbox::wait_until`.
#[derive(Debug, Clone, Copy)]
pub struct View<'a>(pub(crate) &'a State);

impl View<'_> {
    /// All dialogs, newest activity first.
    pub fn dialogs(&self) -> Vec<Dialog> {
        let mut dialogs: Vec<Dialog> = self.0.chats.values().map(|chat| dialog(self.0, chat)).collect();
        dialogs.sort_by_key(|dialog| std::cmp::Reverse(dialog.last.as_ref().map_or(0, |message| message.id)));
        dialogs
    }

    /// One dialog by portal chat id.
    pub fn dialog(&self, chat_id: i64) -> Option<Dialog> {
        self.0.chats.get(&chat_id).map(|chat| dialog(self.0, chat))
    }

    /// Messages of a chat in order, deleted ones included.
    pub fn messages(&self, chat_id: i64) -> Vec<Message> {
        self.0.messages_of(chat_id).cloned().collect()
    }

    /// All messages of the portal in order.
    pub fn all_messages(&self) -> impl Iterator<Item = &Message> {
        self.0.messages.values()
    }

    /// One message.
    pub fn message(&self, id: i64) -> Option<&Message> {
        self.0.messages.get(&id)
    }

    /// Texts of a chat's messages that are not deleted, by who wrote them: `client`, `operator`, `system`.
    pub fn texts(&self, chat_id: i64, side: &str) -> Vec<String> {
        let shown = self.0.messages_of(chat_id).filter(|message| !message.deleted && message.author.side() == side);
        shown.map(|message| message.text.clone()).collect()
    }

    /// Content of a portal file.
    pub fn file(&self, id: i64) -> Option<(String, bytes::Bytes)> {
        self.0.files.get(&id).map(|file| (file.name.clone(), file.bytes.clone()))
    }

    /// All REST calls, oldest first.
    pub fn calls(&self) -> impl DoubleEndedIterator<Item = &RestCall> {
        self.0.record.calls.iter()
    }

    /// REST calls of one method, oldest first.
    pub fn calls_of<'b>(&'b self, method: &'b str) -> impl DoubleEndedIterator<Item = &'b RestCall> {
        self.0.record.calls.iter().filter(move |call| call.method == method)
    }

    /// All event posts, oldest first.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &EventPost> {
        self.0.record.events.iter()
    }

    /// Posts of one event (upper case), oldest first.
    pub fn events_of<'b>(&'b self, event: &'b str) -> impl DoubleEndedIterator<Item = &'b EventPost> {
        self.0.record.events.iter().filter(move |post| post.event == event)
    }

    /// What a client must never do and did.
    pub fn violations(&self) -> impl Iterator<Item = &Violation> {
        self.0.record.violations.iter()
    }

    /// Ids of the registered connectors.
    pub fn connectors(&self) -> Vec<String> {
        self.0.connectors.keys().cloned().collect()
    }

    /// Status of a connector on a line.
    pub fn status(&self, connector: &str, line: i64) -> Status {
        let row = self.0.statuses.get(&(connector.to_owned(), line)).cloned().unwrap_or_default();
        Status { configured: row.configured(), error: row.error, status: row.status() }
    }

    /// What `imconnector.connector.data.set` saved, by upper-case name.
    pub fn connector_data(&self, connector: &str, line: i64) -> serde_json::Map<String, serde_json::Value> {
        self.0.statuses.get(&(connector.to_owned(), line)).map(|row| row.data.clone()).unwrap_or_default()
    }

    /// What a user was told by the system, oldest first.
    pub fn notices(&self, user: i64) -> Vec<String> {
        self.0.record.notices.iter().filter(|(to, ..)| *to == user).map(|(_, text, _)| text.clone()).collect()
    }

    /// Event bindings as (event, handler).
    pub fn bindings(&self) -> Vec<(String, String)> {
        self.0.bindings.iter().map(|binding| (binding.event.clone(), binding.handler.clone())).collect()
    }

    /// Whether an application has finished its installation.
    pub fn is_installed(&self, client_id: &str) -> bool {
        self.0.apps.iter().any(|app| app.client_id == client_id && app.installed)
    }

    /// A client's card by portal user id.
    pub fn client(&self, id: i64) -> Option<Client> {
        self.0.users.get(&id).map(|user| client(self.0, user))
    }
}

fn dialog(state: &State, chat: &Chat) -> Dialog {
    let connector = state.connectors.get(&chat.connector);
    let session = state.sessions.get(&chat.session);
    let unseen = |message: &&Message| message.id > chat.read_up_to && matches!(message.author, Author::Client(_));
    Dialog {
        chat_id: chat.id,
        title: chat.title.clone(),
        line: chat.line,
        line_name: state.lines.get(&chat.line).map(|line| line.name.clone()).unwrap_or_default(),
        connector: chat.connector.clone(),
        connector_name: connector.map_or_else(|| chat.connector.clone(), |connector| connector.name.clone()),
        color: connector.map_or_else(|| "#90be00".to_owned(), |connector| connector.icon.color.clone()),
        external_chat_id: chat.external_id.clone(),
        description: chat.description.clone(),
        client: state.users.get(&chat.user).map(|user| client(state, user)).unwrap_or_default(),
        session_id: chat.session,
        open: session.is_some_and(|session| session.open),
        vote: session.and_then(|session| session.vote),
        unread: state.messages_of(chat.id).rev().filter(unseen).count(),
        last: state.messages_of(chat.id).next_back().cloned(),
        rev: chat.rev,
    }
}

fn client(state: &State, user: &User) -> Client {
    let picture = user.picture.and_then(|file| state.files.get(&file));
    Client {
        id: user.id,
        name: user.name.clone(),
        last_name: user.last_name.clone(),
        picture: picture.map(|file| format!("{}{}", state.portal_url(), file.signed_path())).unwrap_or_default(),
        email: user.email.clone(),
        phone: user.phone.clone(),
        url: user.url.clone(),
        gender: user.gender.clone(),
    }
}
