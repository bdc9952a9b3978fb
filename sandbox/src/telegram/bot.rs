//! The bots.

use std::sync::Arc;

use super::hub::Hub;
use super::webhook;

/// A bot. Cheap to clone; all clones are the same bot.
#[derive(Debug, Clone)]
pub struct Bot {
    pub(crate) hub: Arc<Hub>,
    pub(crate) id: i64,
}

/// Registers a bot and begins to serve its webhook.
pub(crate) fn add_bot(hub: &Arc<Hub>, token: &str, username: &str) -> Bot {
    let before = hub.view(|world| world.bots.len());
    let id = hub.edit(|world| world.add_bot(token, username));
    if hub.view(|world| world.bots.len()) > before {
        webhook::spawn(hub, id);
    }
    Bot { hub: Arc::clone(hub), id }
}

impl Bot {
    /// The number before the colon of the token.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The key.
    pub fn token(&self) -> String {
        self.hub.view(|world| world.bots.get(&self.id).map(|bot| bot.token.clone()).unwrap_or_default())
    }

    /// Its name without `@`.
    pub fn username(&self) -> String {
        self.hub.view(|world| world.users.get(&self.id).map(|user| user.username.clone()).unwrap_or_default())
    }

    /// Gets another key, as from BotFather; the old one is answered 401 from now on.
    pub fn changes_token(&self, token: &str) {
        self.hub.edit(|world| world.bots.get_mut(&self.id).map(|bot| token.clone_into(&mut bot.token)));
    }

    /// Switches privacy mode off (or on again): the bot reads everything in its groups.
    pub fn reads_groups(&self, reads: bool) {
        self.hub.edit(|world| world.bots.get_mut(&self.id).map(|bot| bot.reads_groups = reads));
    }

    /// Closes the connections of all polls that wait now.
    pub fn drops_polls(&self) {
        self.hub.edit(|world| world.bots.get_mut(&self.id).map(|bot| bot.polls_cut += 1));
    }
}
