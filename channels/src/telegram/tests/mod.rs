//! The kind against a small Bot API server.

#![allow(clippy::needless_pass_by_value)] // json!(…) is handed over where it is made

mod coming;
mod edges;
mod fake;
mod finding;
mod going;
mod hook;

use super::settings::Settings;
use super::updates::webhook::Hook;
use super::{CAN, Telegram};
use crate::common::memory::{self, Shelf};
use fake::Telegram as Fake;
use openline_core::channel::{Built, Host};
use openline_core::clock::{ManualClock, Timestamp};
use openline_core::contract::{MemoryStore, Nobody};
use openline_core::files::{FilePolicy, FileRules, Files};
use openline_core::inbox::Doors;
use openline_core::message::{Content, Conversation, Dialog, Thread, Visitor};
use openline_core::secret::MasterSecret;
use openline_core::{
    Bridge, Channel, ChannelId, ChatId, Clock, ConversationId, Rev, Roster, Sides, Store, VisitorInbox,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The token; must never be seen anywhere.
const TOKEN: &str = "12:hush-hush";

struct World {
    fake: Arc<Fake>,
    memory: Arc<MemoryStore>,
    shelf: Arc<Shelf>,
    doors: Doors,
    bridge: Arc<Bridge>,
    host: Host,
    url: String,
    settings: String,
    channel: Arc<Telegram>,
}

fn id(text: &str) -> ChannelId {
    ChannelId::parse(text).unwrap()
}

/// A bot with these settings, and a bridge over these doors that has it.
fn joined(doors: &Doors, host: &Host, settings: &str) -> (Arc<Bridge>, Arc<Telegram>) {
    let sides = Sides::new(doors, Arc::new(Nobody), &Roster::default());
    let settings = Settings::read(toml::from_str(settings).unwrap(), &host.public_url, &host.folder).unwrap();
    let hook = Hook::new(&id("tg"), host);
    let bot = Telegram::new(settings, hook, Arc::clone(&host.clock), sides.inbox(id("tg"))).unwrap();
    let channel = Arc::new(bot);
    let built = Built { channel: Arc::clone(&channel) as Arc<dyn Channel>, can: CAN, alone: true };
    (Bridge::new(sides, BTreeMap::from([(id("tg"), built)])), channel)
}

impl World {
    async fn new(settings: &str) -> Self {
        let (fake, url) = Fake::start().await;
        let (memory, shelf) = (Arc::new(MemoryStore::default()), Arc::new(Shelf::default()));
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(1_790_000_000_000)));
        let secret = MasterSecret::new([7; 32]);
        let store = Arc::clone(&memory) as Arc<dyn Store>;
        let files = Arc::clone(&shelf) as Arc<dyn Files>;
        let rules = FileRules { most: 1000, types: vec!["*/*".to_owned()] };
        let doors = Doors::new(store, Arc::clone(&clock), &[id("tg"), id("site")]);
        let doors = doors.equipped(files, rules, "https://chat.example", &secret);
        let host = Host {
            public_url: "https://chat.example".into(),
            secret,
            clock,
            folder: ".".into(),
            limits: Arc::default(),
        };
        let settings = format!("token = '{TOKEN}'\napi_url = '{url}'\n{settings}");
        let (bridge, channel) = joined(&doors, &host, &settings);
        Self { fake, memory, shelf, doors, bridge, host, url, settings, channel }
    }

    fn inbox(&self) -> VisitorInbox {
        self.bridge.visitor_inbox(id("tg"))
    }

    /// With other rules for files.
    fn equip(&mut self, files: Arc<dyn Files>, policy: FilePolicy) {
        self.doors = self.doors.clone().equipped(files, policy, "https://chat.example", &self.host.secret);
        (self.bridge, self.channel) = joined(&self.doors, &self.host, &self.settings);
    }

    /// As after a restart: nothing is in memory but what was stored.
    fn restart(&mut self, settings: &str) {
        self.restart_as(TOKEN, settings);
    }

    /// The same with the key of any bot.
    fn restart_as(&mut self, token: &str, settings: &str) {
        self.settings = format!("token = '{token}'\napi_url = '{}'\n{settings}", self.url);
        (self.bridge, self.channel) = joined(&self.doors, &self.host, &self.settings);
    }

    fn run(&self) -> (CancellationToken, JoinHandle<Result<(), String>>) {
        let (stop, channel) = (CancellationToken::new(), Arc::clone(&self.channel));
        let stopped = stop.clone();
        (stop, tokio::spawn(async move { channel.run(stopped).await }))
    }

    /// Takes one update as if it had come in.
    async fn take(&self, update: &Value) -> Result<(), crate::telegram::updates::way_in::Held> {
        self.channel.intake.take(update).await
    }

    async fn say(&self, message: Value) {
        self.take(&json!({ "message": message })).await.unwrap();
    }

    /// What the operators would read, of one chat.
    fn read(&self, chat: &str) -> Vec<String> {
        let rooms = self.memory.all();
        let room = rooms.iter().find(|(room, _)| room.chat.as_str() == chat);
        room.map(|(_, items)| items.iter().map(|item| shown(&item.content)).collect()).unwrap_or_default()
    }

    fn notes(&self) -> Vec<String> {
        self.memory.all_notes().iter().map(|note| note.content.text.to_plain()).collect()
    }
}

fn shown(content: &Content) -> String {
    let files: String = content.files.iter().map(|file| format!("<{} {}>", file.name, file.mime)).collect();
    format!("{}{files}", content.text.to_plain())
}

/// A message of Ann's.
fn ann(number: i64, more: Value) -> Value {
    let mut message = json!({
        "message_id": number, "date": 1_790_000_000,
        "chat": {"id": 5, "type": "private", "first_name": "Ann", "username": "ann"},
        "from": {"id": 5, "first_name": "Ann", "is_bot": false},
    });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message
}

fn conversation(chat: &str) -> Conversation {
    Conversation {
        id: ConversationId(1),
        channel: id("tg"),
        chat: ChatId::parse(chat).unwrap(),
        visitor: Visitor::default(),
        thread: Thread::default(),
        dialog: Dialog::Open,
        rev: Rev(1),
    }
}
