//! The line of updates of each bot: kept until confirmed, for a day at most.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::world::World;

/// How long an unconfirmed update is kept.
const LIFE_MS: i64 = 24 * 3_600_000;

/// Kinds of updates a bot gets only when it asks for them by name.
const ON_REQUEST: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

/// One update that waits.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    pub(crate) id: i64,
    /// `message`, `edited_message`, …
    pub(crate) kind: &'static str,
    /// Webhook updates with the same key are delivered one after the other.
    pub(crate) key: String,
    pub(crate) body: Value,
    pub(crate) expires_at: i64,
    /// Deliveries to the webhook that failed.
    pub(crate) failures: u32,
    /// Not before this moment.
    pub(crate) not_before: Option<Instant>,
    pub(crate) in_flight: bool,
}

impl Update {
    pub(crate) fn json(&self) -> Value {
        let mut json = Map::new();
        json.insert("update_id".to_owned(), json!(self.id));
        json.insert(self.kind.to_owned(), self.body.clone());
        Value::Object(json)
    }
}

/// Where a bot wants its updates.
#[derive(Debug, Clone, Default)]
pub(crate) struct Webhook {
    pub(crate) url: String,
    pub(crate) secret: String,
    pub(crate) max_connections: usize,
    /// Unix seconds and text of the last failure.
    pub(crate) last_error: Option<(i64, String)>,
    /// Grows with every `setWebhook`.
    pub(crate) generation: u64,
}

impl World {
    /// Puts an update at the end of a bot's line, unless the bot does not want this kind.
    pub(crate) fn push(&mut self, bot: i64, kind: &'static str, chat: i64, body: Value) {
        let (now, unordered) = (self.now, self.switches.unordered_webhooks);
        let Some(state) = self.bots.get_mut(&bot) else { return };
        let wanted = if state.allowed.is_empty() {
            !ON_REQUEST.contains(&kind)
        } else {
            state.allowed.iter().any(|allowed| allowed == kind)
        };
        if !wanted {
            return;
        }
        state.last_update += 1;
        let id = state.last_update;
        // Messages and memberships of a chat are separate lines, as in the server's source.
        let line = if kind.ends_with("message") { "message" } else { kind };
        let key = if unordered { id.to_string() } else { format!("{line} {chat}") };
        let update =
            Update { id, kind, key, body, expires_at: now + LIFE_MS, failures: 0, not_before: None, in_flight: false };
        state.updates.push_back(update);
    }

    /// Tells a bot about a message.
    pub(crate) fn announce(&mut self, bot: i64, id: i64, kind: &'static str) {
        let Some(message) = self.messages.get(&(bot, id)) else { return };
        let (chat, body) = (message.chat, self.message_json(message));
        self.push(bot, kind, chat, body);
    }

    /// Forgets updates that are a day old.
    pub(crate) fn expire(&mut self, bot: i64) {
        let now = self.now;
        if let Some(state) = self.bots.get_mut(&bot) {
            state.updates.retain(|update| update.expires_at > now);
        }
    }

    /// What `getUpdates` gives: everything before `offset` is confirmed and forgotten.
    pub(crate) fn take_updates(&mut self, bot: i64, offset: i64, limit: usize) -> Vec<Value> {
        self.expire(bot);
        let Some(state) = self.bots.get_mut(&bot) else { return Vec::new() };
        if offset < 0 {
            let keep = usize::try_from(-offset).unwrap_or(usize::MAX);
            let forget = state.updates.len().saturating_sub(keep);
            state.updates.drain(..forget);
        } else if offset > 0 && offset <= state.last_update + 1 {
            // An offset beyond the line is no confirmation.
            state.updates.retain(|update| update.id >= offset);
        }
        state.updates.iter().take(limit).map(Update::json).collect()
    }

    /// Keeps which kinds of updates a bot wants; without the parameter nothing changes.
    pub(crate) fn set_allowed(&mut self, bot: i64, list: Option<&Value>) {
        let (Some(Value::Array(list)), Some(state)) = (list, self.bots.get_mut(&bot)) else { return };
        state.allowed = list.iter().filter_map(Value::as_str).map(str::to_lowercase).collect();
    }
}
