//! What went wrong last, for the admin who looks.

use crate::domain::id::ChannelId;
use crate::ports::clock::Timestamp;
use crate::ports::store::Queue;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The last failure of each channel since the program started.
#[derive(Clone, Default)]
pub struct Troubles(Arc<Shared>);

#[derive(Default)]
struct Shared {
    last: Mutex<BTreeMap<ChannelId, (Queue, Trouble)>>,
    /// How many of them are not solved: nothing is locked for what succeeds while all is well.
    open: AtomicUsize,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// When.
    pub at: Timestamp,
    /// What, for people.
    pub reason: String,
    /// When something of the channel went the same way again, into the same direction.
    pub solved: Option<Timestamp>,
}

impl Troubles {
    /// Remembers a failure in place of the channel's earlier one.
    pub fn note(&self, channel: &ChannelId, queue: &Queue, at: Timestamp, reason: &str) {
        let trouble = Trouble { at, reason: reason.to_owned(), solved: None };
        let mut last = self.0.last.lock();
        last.insert(channel.clone(), (queue.clone(), trouble));
        self.count(&last);
    }

    /// Something went well: an earlier failure in the same queue is solved.
    pub fn went_well(&self, channel: &ChannelId, queue: &Queue, at: Timestamp) {
        if self.0.open.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut last = self.0.last.lock();
        if let Some((_, trouble)) = last.get_mut(channel).filter(|(failed, _)| failed == queue) {
            trouble.solved.get_or_insert(at);
        }
        self.count(&last);
    }

    /// A channel's last failure.
    pub fn last(&self, channel: &ChannelId) -> Option<Trouble> {
        self.0.last.lock().get(channel).map(|(_, trouble)| trouble.clone())
    }

    fn count(&self, last: &BTreeMap<ChannelId, (Queue, Trouble)>) {
        let open = last.values().filter(|(_, trouble)| trouble.solved.is_none()).count();
        self.0.open.store(open, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_solved_by_a_success_of_the_same_way() {
        let (troubles, site) = (Troubles::default(), ChannelId::parse("site").unwrap());
        troubles.went_well(&site, &Queue::Backend, Timestamp(1));
        troubles.note(&site, &Queue::Backend, Timestamp(2), "refused");
        troubles.went_well(&site, &Queue::Channel(site.clone()), Timestamp(3));
        assert_eq!(troubles.last(&site).unwrap().solved, None);
        for at in [4, 5] {
            troubles.went_well(&site, &Queue::Backend, Timestamp(at));
        }
        assert_eq!(troubles.last(&site).unwrap().solved, Some(Timestamp(4)));
        troubles.note(&site, &Queue::Backend, Timestamp(6), "refused");
        assert_eq!(troubles.last(&site).unwrap().solved, None);
    }
}
