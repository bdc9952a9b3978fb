//! What went wrong last, for the admin who looks.

use crate::domain::id::ChannelId;
use crate::ports::clock::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The last failure of each channel since the program started.
#[derive(Clone, Default)]
pub struct Troubles(Arc<Mutex<BTreeMap<ChannelId, Trouble>>>);

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// When.
    pub at: Timestamp,
    /// What, for people.
    pub reason: String,
}

impl Troubles {
    /// Remembers a failure in place of the channel's earlier one.
    pub fn note(&self, channel: &ChannelId, at: Timestamp, reason: &str) {
        let trouble = Trouble { at, reason: reason.to_owned() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(channel.clone(), trouble);
    }

    /// A channel's last failure.
    pub fn last(&self, channel: &ChannelId) -> Option<Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(channel).cloned()
    }
}
