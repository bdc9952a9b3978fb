//! Which conversations somebody asked to forget.

use crate::domain::id::ConversationId;
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashSet;

/// The wishes that this process knows of, so that messages can be asked about without reading.
#[derive(Default)]
pub(crate) struct Wishes(pub(super) Mutex<Known>);

#[derive(Default)]
pub(crate) struct Known {
    pub(crate) wished: HashSet<ConversationId>,
    /// Whether those of earlier runs are among them.
    pub(crate) all: bool,
}

impl Wishes {
    pub(crate) fn add(&self, ids: impl IntoIterator<Item = ConversationId>) -> MutexGuard<'_, Known> {
        let mut known = self.0.lock();
        known.wished.extend(ids);
        known
    }

    pub(crate) fn remove(&self, id: ConversationId) {
        self.0.lock().wished.remove(&id);
    }
}
