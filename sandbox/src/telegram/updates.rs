//! The line of updates of each bot: kept until confirmed, for a day at most.

use serde_json::Value;

use super::kept::Update;
use super::world::World;

/// How long an unconfirmed update is kept.
const LIFE_MS: i64 = 24 * 3_600_000;

/// Kinds of updates a bot gets only when it asks for them by name.
const ON_REQUEST: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

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
