//! What tests and the phone page see.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::people::Person;
use super::record::{ApiCall, WebhookPost};
use super::server::Bot;
use super::world::{Message, World};

/// One message on a person's screen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// Message id.
    pub id: i64,
    /// Whether the bot wrote it.
    pub from_bot: bool,
    /// `text`, `photo`, `document`, …: the field of the message with the content.
    pub kind: String,
    /// Text or caption.
    pub text: String,
    /// `MessageEntity` each.
    pub entities: Vec<Value>,
    /// The file in it.
    pub file: Option<SeenFile>,
    /// The message it answers.
    pub reply_to: Option<i64>,
    /// Album it belongs to.
    pub media_group: Option<String>,
    /// Whether it was edited.
    pub edited: bool,
    /// Whether it was deleted; people do not see it any more.
    pub deleted: bool,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// The whole `Message` as the bot would get it now.
    pub json: Value,
}

/// A file in a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeenFile {
    /// File name; empty for photos and the like.
    pub name: String,
    /// MIME type as it was uploaded.
    pub mime: String,
    /// Content.
    #[serde(skip)]
    pub bytes: Bytes,
    /// `file_id`.
    pub id: String,
}

/// How a bot gets its updates now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookState {
    /// Address; empty when the bot polls.
    pub url: String,
    /// The secret token.
    pub secret: String,
    /// How many posts may be on their way at once.
    pub max_connections: usize,
    /// Text of the last failure.
    pub last_error: Option<String>,
}

/// A look at the stand-in at one moment; given to `TelegramServer::wait_until`.
#[derive(Debug, Clone, Copy)]
pub struct TelegramView<'a>(pub(crate) &'a World);

impl TelegramView<'_> {
    /// The chat of a person with a bot, deleted messages marked.
    pub fn chat(&self, person: &Person, bot: &Bot) -> Vec<Seen> {
        seen(self.0, bot.id(), person.id())
    }

    /// Texts and captions the bot wrote to a person, without deleted ones.
    pub fn texts_to(&self, person: &Person, bot: &Bot) -> Vec<String> {
        let shown = self.chat(person, bot).into_iter().filter(|it| it.from_bot && !it.deleted);
        shown.map(|it| it.text).collect()
    }

    /// What the bot is shown to be doing in a chat, `typing` for example.
    pub fn action(&self, person: &Person, bot: &Bot) -> Option<String> {
        self.0.privates.get(&(bot.id(), person.id())).and_then(|it| it.action.clone())
    }

    /// A group's messages as a bot knows them.
    pub fn group(&self, group: &super::Group, bot: &Bot) -> Vec<Seen> {
        seen(self.0, bot.id(), group.id())
    }

    /// All API calls, oldest first.
    pub fn calls(&self) -> impl DoubleEndedIterator<Item = &ApiCall> {
        self.0.record.calls.iter()
    }

    /// Calls of one method, oldest first.
    pub fn calls_of<'b>(&'b self, method: &'b str) -> impl DoubleEndedIterator<Item = &'b ApiCall> {
        self.calls().filter(move |call| call.method == method)
    }

    /// How often a method was called.
    pub fn count(&self, method: &str) -> usize {
        self.calls_of(method).count()
    }

    /// All posts to webhooks, oldest first.
    pub fn webhooks(&self) -> impl DoubleEndedIterator<Item = &WebhookPost> {
        self.0.record.webhooks.iter()
    }

    /// Updates of a bot that are not confirmed yet.
    pub fn pending(&self, bot: &Bot) -> usize {
        self.0.bots.get(&bot.id()).map_or(0, |bot| bot.updates.len())
    }

    /// Ids of those updates.
    pub fn pending_ids(&self, bot: &Bot) -> Vec<i64> {
        let bot = self.0.bots.get(&bot.id());
        bot.map(|bot| bot.updates.iter().map(|update| update.id).collect()).unwrap_or_default()
    }

    /// How many updates are on their way to the webhook.
    pub fn in_flight(&self, bot: &Bot) -> usize {
        self.0.bots.get(&bot.id()).map_or(0, |bot| bot.updates.iter().filter(|update| update.in_flight).count())
    }

    /// How many long polls have begun to wait so far.
    pub fn polls_begun(&self, bot: &Bot) -> u64 {
        self.0.bots.get(&bot.id()).map_or(0, |bot| bot.poll)
    }

    /// The webhook of a bot.
    pub fn webhook(&self, bot: &Bot) -> WebhookState {
        let webhook = self.0.bots.get(&bot.id()).and_then(|bot| bot.webhook.clone()).unwrap_or_default();
        let last_error = webhook.last_error.map(|(_, words)| words);
        let (url, secret, max_connections) = (webhook.url, webhook.secret, webhook.max_connections);
        WebhookState { url, secret, max_connections, last_error }
    }

    /// The commands a bot has set.
    pub fn commands(&self, bot: &Bot) -> Value {
        self.0.bots.get(&bot.id()).map(|bot| bot.commands.clone()).unwrap_or_default()
    }
}

/// A chat in order.
pub(crate) fn seen(world: &World, bot: i64, chat: i64) -> Vec<Seen> {
    world.messages_of(bot, chat).map(|message| one(world, message)).collect()
}

fn one(world: &World, message: &Message) -> Seen {
    let file = message.content.file.as_ref().and_then(|id| world.files.get(id));
    Seen {
        id: message.id,
        from_bot: message.from == message.bot,
        kind: message.content.kind.clone(),
        text: message.content.text.clone(),
        entities: message.content.entities.clone(),
        file: file.map(|file| SeenFile {
            name: file.name.clone(),
            mime: file.mime.clone(),
            bytes: file.bytes.clone(),
            id: file.id.clone(),
        }),
        reply_to: message.reply_to,
        media_group: message.media_group.clone(),
        edited: message.edited_at.is_some(),
        deleted: message.deleted,
        at_ms: message.at,
        json: world.message_json(message),
    }
}
