//! What tests and the phone page see.

use serde_json::Value;

use super::bot::Bot;
use super::people::Person;
use super::record::{ApiCall, WebhookPost};
use super::seen::{Seen, seen};
use super::world::World;

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
