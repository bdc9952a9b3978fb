//! Groups: people and bots together.

use std::sync::Arc;

use serde_json::json;

use super::Person;
use crate::telegram::bot::Bot;
use crate::telegram::hub::Hub;
use crate::telegram::text;
use crate::telegram::world::{Content, GroupChat, Message, World};

/// A group. Cheap to clone; all clones are the same group.
#[derive(Debug, Clone)]
pub struct Group {
    pub(crate) hub: Arc<Hub>,
    pub(crate) id: i64,
}

impl Group {
    /// Chat id, negative.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Lets a person in; bots see `new_chat_members`.
    pub fn adds(&self, person: &Person) {
        self.hub.edit(|world| {
            if let Some(group) = world.groups.get_mut(&self.id) {
                group.members.insert(person.id);
            }
            let who = world.user_json(person.id);
            self.service(world, person.id, "new_chat_members", json!([who]));
        });
    }

    /// A person adds a bot: it gets `my_chat_member` and the service message.
    pub fn adds_bot(&self, by: &Person, bot: &Bot) {
        self.hub.edit(|world| {
            if let Some(group) = world.groups.get_mut(&self.id) {
                group.members.insert(by.id);
                group.bots.insert(bot.id());
                group.kicked.remove(&bot.id());
            }
            let update = world.membership_json(bot.id(), self.id, by.id, "left", "member");
            world.push(bot.id(), "my_chat_member", self.id, update);
            let who = world.user_json(bot.id());
            self.service(world, by.id, "new_chat_members", json!([who]));
        });
    }

    /// A person throws a bot out: it gets `my_chat_member` with `kicked`, and 403 from now on.
    pub fn removes_bot(&self, by: &Person, bot: &Bot) {
        self.hub.edit(|world| {
            let update = world.membership_json(bot.id(), self.id, by.id, "member", "kicked");
            world.push(bot.id(), "my_chat_member", self.id, update);
            if let Some(group) = world.groups.get_mut(&self.id) {
                group.bots.remove(&bot.id());
                group.kicked.insert(bot.id());
            }
        });
    }

    /// A member writes; gives the message id as the first bot of the group counts, 0 when it has none.
    /// A bot in privacy mode is told only about commands, mentions of it and replies to it.
    pub fn writes(&self, person: &Person, text: &str) -> i64 {
        self.writes_reply(person, None, text)
    }

    /// A member answers a message of the group.
    pub fn replies_to(&self, person: &Person, message: i64, text: &str) -> i64 {
        self.writes_reply(person, Some(message), text)
    }

    fn writes_reply(&self, person: &Person, reply_to: Option<i64>, text: &str) -> i64 {
        self.hub.edit(|world| {
            let content = Content::text(text, text::detect(text));
            self.post(world, &Message { from: person.id, reply_to, content, ..Message::default() }, false)
        })
    }

    /// Becomes a supergroup with another id: bots see `migrate_to_chat_id`, and 400 at the old id.
    #[must_use]
    pub fn upgrades(&self) -> Self {
        self.hub.edit(|world| {
            let old = world.groups.get(&self.id).cloned().unwrap_or_default();
            let id = world.add_group(&old.title, true);
            let somebody = old.members.first().copied().unwrap_or_default();
            self.service(world, somebody, "migrate_to_chat_id", json!(id));
            if let Some(group) = world.groups.get_mut(&self.id) {
                group.migrated_to = Some(id);
            }
            world.groups.insert(id, GroupChat { supergroup: true, ..old });
            Self { hub: Arc::clone(&self.hub), id }
        })
    }

    fn service(&self, world: &mut World, from: i64, field: &str, value: serde_json::Value) {
        let content = Content::field(field, value);
        self.post(world, &Message { from, content, ..Message::default() }, true);
    }

    /// One copy for each bot, under that bot's own message id.
    fn post(&self, world: &mut World, message: &Message, service: bool) -> i64 {
        let bots = world.groups.get(&self.id).map(|group| group.bots.clone()).unwrap_or_default();
        let mut first = 0;
        for bot in bots {
            let id = world.post(Message { bot, chat: self.id, ..message.clone() });
            first = if first == 0 { id } else { first };
            if service || reaches(world, bot, message) {
                world.announce(bot, id, "message");
            }
        }
        first
    }
}

/// Privacy mode.
fn reaches(world: &World, bot: i64, message: &Message) -> bool {
    let reads = world.bots.get(&bot).is_some_and(|bot| bot.reads_groups);
    let name = world.users.get(&bot).map(|user| format!("@{}", user.username)).unwrap_or_default();
    let replied = message.reply_to.and_then(|id| world.messages.get(&(bot, id))).is_some_and(|it| it.from == bot);
    let text = &message.content.text;
    let to_another = text.split_whitespace().next().is_some_and(|word| word.contains('@') && !word.ends_with(&name));
    reads || replied || text.contains(&name) || (text.starts_with('/') && !to_another)
}
