//! The newest message numbers, in memory.

use parking_lot::Mutex;
use std::collections::HashMap;

/// Supergroups and news channels have numbers below this.
const SUPERGROUPS: i64 = -1_000_000_000_000;

/// The newest message numbers: of each supergroup, and of all other chats together (0).
#[derive(Default)]
pub(in crate::telegram) struct Numbers(Mutex<HashMap<i64, Newest>>);

#[derive(Clone, Copy, Default)]
pub(super) struct Newest {
    pub(super) seen: i64,
    /// What the store has of it; `None`: not looked up yet.
    pub(super) kept: Option<i64>,
}

impl Numbers {
    /// Notes that a message was sent or came.
    pub(in crate::telegram) fn saw(&self, chat: i64, number: i64) {
        self.change(chat, |newest| newest.seen = number.max(newest.seen));
    }

    pub(super) fn change(&self, chat: i64, change: impl FnOnce(&mut Newest)) -> Newest {
        let mut numbers = self.0.lock();
        let newest = numbers.entry(scope(chat)).or_default();
        change(newest);
        *newest
    }
}

pub(super) fn scope(chat: i64) -> i64 {
    if chat < SUPERGROUPS { chat } else { 0 }
}
