//! One serial task a chat: what comes of one chat is worked off in the order in which it came, other chats meanwhile.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// The turns of all chats. A chat at which nobody is costs nothing.
#[derive(Debug)]
pub(crate) struct Turns<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq + Clone> Turns<K> {
    /// Stands in the queue of a chat at once; the future waits for the turn, which is over when what it gives is dropped.
    pub(crate) fn stand(&self, chat: &K) -> impl Future<Output = OwnedMutexGuard<()>> + use<K> {
        let mut turns = self.0.lock();
        if turns.len() > 1000 {
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        let turn = Arc::clone(turns.entry(chat.clone()).or_default());
        let mut waiting = Box::pin(turn.lock_owned());
        // Polled once, so that it stands behind those that came before it.
        let first = futures_util::FutureExt::now_or_never(&mut waiting);
        async move {
            match first {
                Some(guard) => guard,
                None => waiting.await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_chat_is_worked_off_in_order_and_others_meanwhile() {
        let turns = Turns::default();
        let first = turns.stand(&1).await;
        let (second, third) = (turns.stand(&1), turns.stand(&1));
        let other = turns.stand(&2).await;
        let mut third = Box::pin(third);
        drop(first);
        assert!(futures_util::FutureExt::now_or_never(&mut third).is_none(), "the second is before it");
        drop(second.await);
        drop((third.await, other));
    }
}
