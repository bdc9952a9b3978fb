//! The engine, primitive by primitive: a small description, a script in place of the network, a store in memory.

mod coming;
mod costs;
mod going;
mod limits;
mod network;
mod signing;
mod tokens;

use super::caller::Caller;
use super::events::Read;
use super::expr::value;
use super::instance::Instance;
use super::intake::{Held, Intake};
use super::load::load;
use super::script::{Script, Scripted};
use super::sender::Sender;
use super::settings;
use super::transport::Transport;
use crate::common::memory::{Shelf, item};
use openline_core::channel::Outgoing;
use openline_core::clock::{ManualClock, Timestamp};
use openline_core::contract::{MemoryStore, Nobody};
use openline_core::files::{FilePolicy, FileRules, Files};
use openline_core::inbox::Doors;
use openline_core::message::{Content, Conversation, Dialog, Item, Side, Thread, Visitor};
use openline_core::secret::MasterSecret;
use openline_core::{ChannelId, ChatId, Clock, ConversationId, DeliveryError, Rev, Store, VisitorInbox};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::Arc;

/// The time when a test begins, in milliseconds.
const NOW: i64 = 1_790_000_000_000;
const HOOK: &str = "https://chat.example/c/kit/hook";

/// What every description begins with.
const KIT: &str = r#"
version = 1
name = "Kit"
summary = "a messenger of the tests"
[settings]
token = { is = "secret", about = "A token.", default = "t0ken" }
api = { is = "url", about = "Where it is.", default = "https://api.example" }
template = { is = "text", about = "A template.", default = "" }
[http]
base = "{{ settings.api }}"
[webhook]
verify = [{ given = "{{ headers['x-secret'] }}", equals = "s3cret" }]
[[events]]
each = ["m in body.messages"]
chat = "{{ m.chat }}"
key = "{{ m.id }}"
text = "{{ m.text }}"
user = { name = "{{ m.name }}", phone = "{{ m.phone }}" }
keep = { last = "{{ m.id }}" }
rules = [
  { when = "m.type == 'ref'", action = "note", text = "The visitor came by {{ m.ref }}." },
  { when = "m.type == 'edit'", action = "edit" },
  { when = "m.type == 'gone'", action = "delete" },
  { when = "m.type == 'receipt'", action = "receipt", state = "{{ m.state }}", id = "{{ m.of }}", tag = "{{ m.tag }}", why = "{{ m.why }}" },
  { when = "m.text == 'first'", text = "the first rule" },
  { when = "m.text" },
]
"#;

/// The usual way out.
const SEND: &str = r#"
[[send]]
steps = [{ post = "/send", json = { to = "{{ chat }}", text = "{{ text }}", tag = "{{ message.tag }}", last = "{{ kept.last }}" }, id = "answer.id" }]
"#;

/// A channel at work.
struct Stage {
    intake: Arc<Intake>,
    memory: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    script: Script,
}

fn ok(id: &str) -> Scripted {
    Scripted::of(200, &format!("{{\"id\":\"{id}\"}}"))
}

impl Stage {
    /// With the description [`KIT`] and `more`, and answers in their order.
    fn scripted(more: &str, answers: impl IntoIterator<Item = Scripted>) -> Self {
        let script = Script::new(answers.into_iter().collect());
        Self { script: script.clone(), ..Self::over(more, "", Box::new(script)) }
    }

    fn over(more: &str, settings: &str, transport: Box<dyn Transport>) -> Self {
        let description = Arc::new(load(&format!("{KIT}{more}")).unwrap_or_else(|wrong| panic!("{wrong}")));
        let given = settings::read(&description.settings, settings.parse().unwrap()).unwrap();
        let (clock, memory) = (Arc::new(ManualClock::at(Timestamp(NOW))), Arc::new(MemoryStore::default()));
        let id = ChannelId::parse("kit").unwrap();
        let store = Arc::clone(&memory) as Arc<dyn Store>;
        let doors = Doors::new(store, Arc::clone(&clock) as Arc<dyn Clock>, std::slice::from_ref(&id));
        // Nothing that may be run, whatever other channels take.
        let rules =
            |rules: &[&str]| FileRules { most: 1000, types: rules.iter().map(|&rule| rule.to_owned()).collect() };
        let of_channels = HashMap::from([(id.clone(), rules(&["image/*", "text/plain"]))]);
        let policy = FilePolicy { of_channels, ..rules(&["*/*"]).into() };
        let files = Arc::new(Shelf::default()) as Arc<dyn Files>;
        let doors = doors.equipped(files, policy, "https://chat.example", &MasterSecret::new([7; 32]));
        let inbox = VisitorInbox::alone(doors, Arc::new(Nobody), id);
        let (keeper, time) = (Box::new(inbox.clone()), Arc::clone(&clock) as Arc<dyn Clock>);
        let caller = Caller::new(description, given, HOOK, transport, time, keeper);
        let intake = Arc::new(Intake::new(Instance::new(caller, inbox)));
        Self { intake, memory, clock, script: Script::default() }
    }

    fn read(&self, body: &Json) -> Read {
        self.intake.read(&self.intake.instance.scope().with("body", value(body)))
    }

    /// A body whose signature was good.
    async fn comes(&self, body: Json) -> Result<(), Held> {
        self.intake.take(self.read(&body)).await
    }

    /// Items of a chat.
    fn items(&self, chat: &str) -> Vec<Item> {
        let rooms = self.memory.all();
        rooms.iter().find(|(room, _)| room.chat.as_str() == chat).map(|(_, items)| items.clone()).unwrap_or_default()
    }

    fn texts(&self, chat: &str) -> Vec<String> {
        self.items(chat).iter().map(|item| item.content.text.to_plain()).collect()
    }

    fn notes(&self) -> Vec<String> {
        self.memory.all_notes().iter().map(|note| note.content.text.to_plain()).collect()
    }

    fn conversation(&self, chat: &str) -> Conversation {
        let rooms = self.memory.all();
        let known = rooms.iter().find(|(room, _)| room.chat.as_str() == chat).map(|(room, _)| room.clone());
        known.unwrap_or_else(|| Conversation {
            id: ConversationId(99),
            channel: ChannelId::parse("kit").unwrap(),
            chat: ChatId::parse(chat).unwrap(),
            visitor: Visitor::default(),
            thread: Thread::default(),
            dialog: Dialog::None,
            rev: Rev(1),
        })
    }

    /// An operator's message on its way out.
    async fn sends(&self, chat: &str, text: &str, uncertain: bool) -> Result<Vec<String>, DeliveryError> {
        let conversation = self.conversation(chat);
        let item = item(9000, "o", Side::Operator, Content::plain(text));
        let since = self.clock.now();
        let message = Outgoing { conversation: &conversation, item: &item, uncertain, attempts: 0, since };
        Sender { instance: &self.intake.instance }.send(message).await
    }

    /// The addresses that were called.
    fn called(&self) -> Vec<String> {
        let url = |request: &Json| request["url"].as_str().unwrap_or_default().replace("https://api.example", "");
        self.script.asked().iter().map(url).collect()
    }
}
