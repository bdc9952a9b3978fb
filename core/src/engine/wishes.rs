//! Which conversations somebody asked to forget.

use crate::domain::id::ConversationId;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The wishes that this process knows of, so that messages can be asked about without reading.
#[derive(Default)]
pub(crate) struct Wishes(Mutex<Known>);

#[derive(Default)]
pub(crate) struct Known {
    pub(crate) wished: HashSet<ConversationId>,
    /// Whether those of earlier runs are among them.
    pub(crate) all: bool,
}

impl Wishes {
    pub(crate) fn add(&self, ids: impl IntoIterator<Item = ConversationId>) -> MutexGuard<'_, Known> {
        let mut known = self.lock();
        known.wished.extend(ids);
        known
    }

    pub(crate) fn remove(&self, id: ConversationId) {
        self.lock().wished.remove(&id);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
