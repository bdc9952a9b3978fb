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
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;

const SHARDS: usize = 64;
/// A shard forgets what nobody waits for when it has grown to this many.
const SHARD_LIMIT: usize = 4096;

type Shard<K, V> = HashMap<K, Entry<V>>;

/// A value, and the bell of those who wait for a higher one. Thousands are known and nobody waits for most of them, so the
/// bell is theirs: the last one takes it along.
struct Entry<V> {
    value: V,
    bell: Weak<Notify>,
}

impl<V> Entry<V> {
    fn of(value: V) -> Self {
        Self { value, bell: Weak::new() }
    }

    /// The bell that rings when the value grows or is forgotten.
    fn bell(&mut self) -> Arc<Notify> {
        self.bell.upgrade().unwrap_or_else(|| {
            let bell = Arc::default();
            self.bell = Arc::downgrade(&bell);
            bell
        })
    }

    fn ring(&self) {
        if let Some(bell) = self.bell.upgrade() {
            bell.notify_waiters();
        }
    }
}

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
        match shard.get_mut(key) {
            Some(entry) if value > entry.value => {
                entry.value = value;
                entry.ring();
            }
            Some(_) => {}
            None => remember(&mut shard, key, value),
        }
    }

    /// The newest value, when it is known here.
    pub fn newest(&self, key: &K) -> Option<V> {
        self.shard(key).get(key).map(|entry| entry.value)
    }

    /// Forgets a value, for when it may not be trusted any more.
    pub fn forget(&self, key: &K) {
        if let Some(entry) = self.shard(key).remove(key) {
            entry.ring();
        }
    }

    /// Forgets everything and ends all waits: nothing known here may be trusted.
    pub fn forget_all(&self) {
        for shard in self.shards.iter() {
            shard.lock().drain().for_each(|(_, entry)| entry.ring());
        }
    }

    /// Waits until the value is above `known`, at most `patience`; the value if it is.
    pub async fn wait_above(&self, key: &K, known: V, patience: Duration) -> Option<V> {
        let bell = {
            let mut shard = self.shard(key);
            if !shard.contains_key(key) {
                remember(&mut shard, key, known);
            }
            shard.get_mut(key)?.bell()
        };
        let grown = async {
            loop {
                // Before the look: what comes after it rings.
                let rung = bell.notified();
                match self.heard(key, &bell)? {
                    value if value > known => return Some(value),
                    _ => rung.await,
                }
            }
        };
        tokio::time::timeout(patience, grown).await.ok().flatten()
    }

    /// The value of those who wait by this bell; `None` when it was forgotten meanwhile.
    fn heard(&self, key: &K, bell: &Arc<Notify>) -> Option<V> {
        let shard = self.shard(key);
        let entry = shard.get(key)?;
        std::ptr::eq(entry.bell.as_ptr(), Arc::as_ptr(bell)).then_some(entry.value)
    }
}

fn remember<K: Hash + Eq + Clone, V>(shard: &mut Shard<K, V>, key: &K, value: V) {
    if shard.len() >= SHARD_LIMIT {
        shard.retain(|_, entry| entry.bell.strong_count() > 0);
    }
    shard.insert(key.clone(), Entry::of(value));
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

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_what_is_forgotten_waits_no_more() {
        let hub = Revisions::default();
        let (one, two) = (ConversationId(1), ConversationId(2));
        let begun = tokio::time::Instant::now();
        let (first, second, again, ()) = tokio::join!(
            hub.wait_above(&one, Rev(4), LONG),
            hub.wait_above(&two, Rev(0), LONG),
            async {
                tokio::task::yield_now().await;
                hub.wait_above(&one, Rev(4), LONG).await
            },
            async {
                tokio::task::yield_now().await;
                hub.forget(&one);
                // Known again at once, by somebody else's look.
                hub.publish(&one, Rev(3));
                hub.forget_all();
            }
        );
        assert_eq!((first, second, again), (None, None, None));
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bell_is_gone_with_those_who_waited_by_it() {
        let hub = Revisions::default();
        let one = ConversationId(1);
        assert_eq!(hub.wait_above(&one, Rev(4), Duration::from_millis(1)).await, None);
        assert_eq!(hub.shard(&one)[&one].bell.strong_count(), 0);
        let (one_of_two, other, ()) =
            tokio::join!(hub.wait_above(&one, Rev(4), LONG), hub.wait_above(&one, Rev(5), LONG), async {
                for rev in 5..7 {
                    tokio::task::yield_now().await;
                    hub.publish(&one, Rev(rev));
                }
            });
        assert_eq!((one_of_two, other), (Some(Rev(5)), Some(Rev(6))));
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
