//! The channels that are served, and what has to be there before one can be built.

use crate::domain::id::ChannelId;
use crate::engine::channel::Built;
use crate::engine::handover::Continuation;
use crate::engine::inbox::{Asked, Beyond, Doors, VisitorInbox};
use crate::ports::backend::Backend;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The channels that are served now. They come and go while the program runs; at its start there is none. One list, which
/// all share who have to find a channel by its name.
#[derive(Clone, Default)]
pub struct Roster(Arc<RwLock<BTreeMap<ChannelId, Built>>>);

impl Roster {
    /// One of them.
    pub fn get(&self, id: &ChannelId) -> Option<Built> {
        self.0.read().get(id).cloned()
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<ChannelId, Built> {
        self.0.read().clone()
    }

    /// Serves one from now on. A bridge does so for its channels; by hand it is done where there is none.
    pub fn add(&self, id: &ChannelId, channel: Built) {
        self.0.write().insert(id.clone(), channel);
    }

    pub(crate) fn remove(&self, id: &ChannelId) {
        self.0.write().remove(id);
    }
}

impl Asked for Roster {
    fn continuations(&self, word: &str, is_wanted: &dyn Fn(&ChannelId) -> bool) -> Vec<Continuation> {
        let wanted = self.all().into_iter().filter(|(id, _)| is_wanted(id));
        wanted.filter_map(|(_, built)| built.channel.continue_at(word)).collect()
    }
}

/// What a bridge will join: the doors, the backend, and a roster for the channels. It is there before any channel is built,
/// so each gets its door at once.
#[derive(Clone)]
pub struct Sides {
    pub(crate) doors: Doors,
    pub(crate) roster: Roster,
    beyond: Arc<Beyond>,
}

impl Sides {
    /// Of these.
    pub fn new(doors: &Doors, backend: Arc<dyn Backend>, roster: &Roster) -> Self {
        let beyond = Arc::new(Beyond { backend, channels: Arc::new(roster.clone()) });
        Self { doors: doors.clone(), roster: roster.clone(), beyond }
    }

    /// The door for one channel instance.
    pub fn inbox(&self, channel: ChannelId) -> VisitorInbox {
        VisitorInbox::new(self.doors.clone(), Arc::clone(&self.beyond), channel)
    }

    pub(crate) fn backend(&self) -> &Arc<dyn Backend> {
        &self.beyond.backend
    }
}
