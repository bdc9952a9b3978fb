//! What was seen lately, in memory, so that the store is not asked for it each time. Nothing is kept here only: what is
//! forgotten is read again.

use crate::domain::id::{ChatAddress, ConversationId, Rev};
use crate::domain::message::Visitor;
use crate::ports::store::Change;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// So many values at least are remembered, and twice as many at the most.
const MANY: usize = 2048;

/// The values that were changed last. Where several processes work on one store, another one may know better.
#[derive(Debug)]
pub struct Lately<K, V>(Mutex<[HashMap<K, V>; 2]>);

impl<K, V> Default for Lately<K, V> {
    fn default() -> Self {
        Self(Mutex::new([HashMap::new(), HashMap::new()]))
    }
}

impl<K: Hash + Eq + Clone, V> Lately<K, V> {
    /// Looks at a value, and may change it; `None` when there is none.
    pub fn at<R>(&self, key: &K, look: impl FnOnce(&mut V) -> R) -> Option<R> {
        let [young, old] = &mut *self.0.lock();
        young.get_mut(key).or_else(|| old.get_mut(key)).map(look)
    }

    /// Remembers a value.
    pub fn put(&self, key: &K, value: V) {
        Self::add(&mut self.0.lock(), key, value);
    }

    /// Remembers what was read, unless somebody was faster; gives what is remembered.
    pub fn read(&self, key: &K, value: V) -> V
    where
        V: Clone,
    {
        let mut both = self.0.lock();
        if let Some(known) = both[0].get(key).or_else(|| both[1].get(key)) {
            return known.clone();
        }
        Self::add(&mut both, key, value.clone());
        value
    }

    fn add([young, old]: &mut [HashMap<K, V>; 2], key: &K, value: V) {
        if young.len() >= MANY {
            *old = mem::take(young);
        }
        young.insert(key.clone(), value);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.0.lock() = Default::default();
    }
}

/// What is stored of the visitors of chats, as of a revision of their conversations.
#[derive(Debug, Default)]
pub(crate) struct Visitors(Lately<ChatAddress, (Change, Visitor)>);

impl Visitors {
    /// The visitor of a chat whose conversation is this one.
    pub(crate) fn of(&self, chat: &ChatAddress, id: ConversationId) -> Option<Visitor> {
        self.0.at(chat, |(as_of, visitor)| (as_of.conversation == id).then(|| visitor.clone())).flatten()
    }

    /// Remembers it, unless something newer is known.
    pub(crate) fn learn(&self, chat: &ChatAddress, as_of: Change, visitor: &Visitor) {
        let newer =
            |known: &mut (Change, Visitor)| known.0.conversation == as_of.conversation && known.0.rev > as_of.rev;
        if !self.0.at(chat, newer).unwrap_or(false) {
            self.0.put(chat, (as_of, visitor.clone()));
        }
    }

    /// Forgets a chat's.
    pub(crate) fn forget(&self, chat: &ChatAddress) {
        // No conversation has this id.
        let nobody = Change { conversation: ConversationId(-1), rev: Rev(0) };
        self.0.at(chat, |known| *known = (nobody, Visitor::default()));
    }

    pub(crate) fn forget_all(&self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{ChannelId, ChatId};

    #[test]
    fn the_newest_are_remembered_and_not_all() {
        let lately = Lately::default();
        (0..MANY * 5).for_each(|n| lately.put(&n, n));
        let there = (0..MANY * 5).filter(|n| lately.at(n, |found| found == n).is_some()).count();
        assert!((MANY..=MANY * 2).contains(&there), "{there}");
        assert_eq!(lately.at(&(MANY * 5 - 1), |n| mem::replace(n, 7)), Some(MANY * 5 - 1));
        lately.put(&(MANY * 4), 8);
        assert_eq!(lately.at(&(MANY * 4), |n| *n), Some(8), "the newer one stands before the older");
        assert_eq!((lately.read(&(MANY * 4), 9), lately.read(&(MANY * 9), 9)), (8, 9));
    }

    #[test]
    fn what_is_older_does_not_stand_over_what_is_newer() {
        let visitors = Visitors::default();
        let chat = ChatAddress { channel: ChannelId::parse("site").unwrap(), chat: ChatId::parse("c").unwrap() };
        let named = |name: &str| Visitor { name: name.to_owned(), ..Visitor::default() };
        let as_of = |id, rev| Change { conversation: ConversationId(id), rev: Rev(rev) };
        visitors.learn(&chat, as_of(1, 5), &named("Bob"));
        visitors.learn(&chat, as_of(1, 4), &named("Ada"));
        assert_eq!(visitors.of(&chat, ConversationId(1)), Some(named("Bob")));
        visitors.learn(&chat, as_of(2, 1), &named("Eve"));
        assert_eq!(
            (visitors.of(&chat, ConversationId(1)), visitors.of(&chat, ConversationId(2))),
            (None, Some(named("Eve")))
        );
        visitors.forget(&chat);
        assert_eq!(visitors.of(&chat, ConversationId(2)), None);
    }
}
