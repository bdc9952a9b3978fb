//! Boards: values that people wait for, in memory, keyed and sharded.
//!
//! The revision board saves the store from polls that find nothing: a poll whose cursor is the newest revision is
//! answered from memory, and one that wants to wait sleeps there. It is keyed by conversation, so that news wakes only
//! those concerned. The directory is a second board: which conversation a chat has, for those that have none yet.

use crate::domain::id::ChatAddress;
use crate::domain::id::{ConversationId, Rev};
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const SHARDS: usize = 64;
/// A shard forgets what nobody waits for when it has grown to this many.
const SHARD_LIMIT: usize = 4096;

type Shard<K, V> = HashMap<K, watch::Sender<V>>;

/// The newest revision of each conversation that somebody asked for lately.
pub type Revisions = Board<ConversationId, Rev>;

/// The conversation of each chat that somebody asked for lately; `None` when it had none.
pub type Directory = Board<ChatAddress, Option<ConversationId>>;

/// Values that only grow, and people waiting for them to.
pub struct Board<K, V> {
    shards: Arc<Vec<Mutex<Shard<K, V>>>>,
    hasher: RandomState,
}

impl<K, V> Clone for Board<K, V> {
    fn clone(&self) -> Self {
        Self { shards: Arc::clone(&self.shards), hasher: self.hasher.clone() }
    }
}

impl<K, V> Default for Board<K, V> {
    fn default() -> Self {
        Self { shards: Arc::new((0..SHARDS).map(|_| Mutex::default()).collect()), hasher: RandomState::new() }
    }
}

impl<K: Hash + Eq + Clone, V: PartialOrd + Copy> Board<K, V> {
    fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K, V>> {
        let index = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        self.shards[index].lock()
    }

    /// Spreads a value. Smaller ones than the known are passed over.
    pub fn publish(&self, key: &K, value: V) {
        let mut shard = self.shard(key);
        match shard.get(key) {
            Some(news) => {
                news.send_if_modified(|known| {
                    let newer = value > *known;
                    if newer {
                        *known = value;
                    }
                    newer
                });
            }
            None => remember(&mut shard, key, value),
        }
    }

    /// The newest value, when it is known here.
    pub fn newest(&self, key: &K) -> Option<V> {
        self.shard(key).get(key).map(|news| *news.borrow())
    }

    /// Forgets a value, for when it may not be trusted any more.
    pub fn forget(&self, key: &K) {
        self.shard(key).remove(key);
    }

    /// Forgets everything and ends all waits: nothing known here may be trusted.
    pub fn forget_all(&self) {
        for shard in self.shards.iter() {
            shard.lock().clear();
        }
    }

    /// Waits until the value is above `known`, at most `patience`; the value if it is.
    pub async fn wait_above(&self, key: &K, known: V, patience: Duration) -> Option<V> {
        let mut news = {
            let mut shard = self.shard(key);
            if !shard.contains_key(key) {
                remember(&mut shard, key, known);
            }
            shard.get(key)?.subscribe()
        };
        match tokio::time::timeout(patience, news.wait_for(|value| *value > known)).await {
            Ok(Ok(value)) => Some(*value),
            _ => None,
        }
    }
}

fn remember<K: Hash + Eq + Clone, V>(shard: &mut Shard<K, V>, key: &K, value: V) {
    if shard.len() >= SHARD_LIMIT {
        shard.retain(|_, news| news.receiver_count() > 0);
    }
    shard.insert(key.clone(), watch::Sender::new(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_waiter_wakes_by_news_of_its_own_conversation_only() {
        let hub = Revisions::default();
        hub.publish(&ConversationId(1), Rev(4));
        let (one, two) = (ConversationId(1), ConversationId(2));
        let waits = hub.wait_above(&one, Rev(4), LONG);
        let other = hub.wait_above(&two, Rev(0), LONG);
        let (woke, slept, ()) = tokio::join!(waits, other, async {
            tokio::task::yield_now().await;
            hub.publish(&ConversationId(1), Rev(5));
        });
        assert_eq!(woke, Some(Rev(5)));
        assert_eq!(slept, None);
    }

    #[test]
    fn revisions_never_go_back() {
        let hub = Revisions::default();
        hub.publish(&ConversationId(1), Rev(4));
        hub.publish(&ConversationId(1), Rev(3));
        assert_eq!(hub.newest(&ConversationId(1)), Some(Rev(4)));
    }

    #[tokio::test]
    async fn news_from_before_the_wait_counts() {
        let hub = Revisions::default();
        hub.publish(&ConversationId(1), Rev(9));
        assert_eq!(hub.wait_above(&ConversationId(1), Rev(8), LONG).await, Some(Rev(9)));
    }

    #[test]
    fn a_full_shard_forgets_what_nobody_waits_for() {
        let hub = Revisions::default();
        let count = i64::try_from(SHARDS * SHARD_LIMIT * 2).unwrap();
        (0..count).for_each(|n| hub.publish(&ConversationId(n), Rev(1)));
        let kept: usize = hub.shards.iter().map(|shard| shard.lock().len()).sum();
        assert!(kept <= SHARDS * SHARD_LIMIT);
    }
}
