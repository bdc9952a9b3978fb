//! Which updates are taken and which are not yet. Asking for what comes after an update is its acknowledgement, so as
//! long as one is not taken, Telegram is asked from that one on, and what came before comes again.

use crate::telegram::updates::intake::chat_of;
use openline_core::again::Ladder;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, VecDeque};
use tokio::time::Instant;

/// A chat's number; updates that are of none are taken one after another, too.
pub(in crate::telegram) type ChatNumber = Option<i64>;

/// How long a chat is left alone whose update could not be taken, and Telegram after a round that failed.
pub(in crate::telegram) const LADDER: Ladder = Ladder::of(&[1, 2, 4, 8, 16, 30]);

/// The updates from the first that is not taken on.
#[derive(Default)]
pub(in crate::telegram) struct Window {
    /// Heard of, not taken.
    open: BTreeSet<i64>,
    /// Taken after one that is still open.
    taken: BTreeSet<i64>,
    /// The newest that was heard of.
    newest: Option<i64>,
    /// What waits behind the update that is taken now, for each chat at which somebody is.
    chats: HashMap<ChatNumber, VecDeque<Value>>,
    /// Open ones that somebody is at, or that wait for that.
    begun: BTreeSet<i64>,
    /// Chats that are left alone for a while.
    resting: HashMap<ChatNumber, Rest>,
}

struct Rest {
    until: Instant,
    failures: u32,
    problem: String,
}

impl Window {
    /// Whether all is taken.
    pub(in crate::telegram) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// What one of the resting chats fails by.
    pub(in crate::telegram) fn problem(&self) -> Option<&str> {
        self.resting.values().next().map(|rest| rest.problem.as_str())
    }

    /// The first that is not taken.
    pub(in crate::telegram) fn next(&self) -> Option<i64> {
        self.open.first().copied().or_else(|| self.newest.map(|newest| newest + 1))
    }

    /// Hears an answer of Telegram's: everything from the offset on. Returns what is to be taken now: of each chat at
    /// which nobody is the first one.
    pub(in crate::telegram) fn hear(&mut self, updates: &[Value], now: Instant) -> Vec<(ChatNumber, Value)> {
        let heard: BTreeSet<i64> = updates.iter().filter_map(number).collect();
        // What Telegram does not bring again is forgotten there.
        self.open.retain(|number| heard.contains(number) || self.begun.contains(number));
        self.taken.retain(|number| heard.contains(number));
        self.newest = heard.last().copied().or(self.newest);
        let mut first = Vec::new();
        for update in updates {
            let (Some(number), chat) = (number(update), chat_of(update)) else { continue };
            if self.taken.contains(&number) || self.begun.contains(&number) {
                continue;
            }
            self.open.insert(number);
            if self.resting.get(&chat).is_some_and(|rest| rest.until > now) {
                continue;
            }
            self.begun.insert(number);
            if let Some(waiting) = self.chats.get_mut(&chat) {
                waiting.push_back(update.clone());
            } else {
                self.chats.insert(chat, VecDeque::new());
                first.push((chat, update.clone()));
            }
        }
        first
    }

    /// An update is taken. Returns the chat's next.
    pub(in crate::telegram) fn took(&mut self, chat: ChatNumber, number: i64) -> Option<Value> {
        self.open.remove(&number);
        self.begun.remove(&number);
        self.taken.insert(number);
        self.resting.remove(&chat);
        let next = self.chats.get_mut(&chat).and_then(VecDeque::pop_front);
        if next.is_none() {
            self.chats.remove(&chat);
        }
        next
    }

    /// An update could not be taken: it comes again, and those of its chat that wait behind it.
    pub(in crate::telegram) fn failed(&mut self, chat: ChatNumber, failed: i64) {
        self.begun.remove(&failed);
        for behind in self.chats.remove(&chat).unwrap_or_default().iter().filter_map(number) {
            self.begun.remove(&behind);
        }
    }

    /// The chat is left alone for 1, 2, 4 … 30 s.
    pub(in crate::telegram) fn rest(&mut self, chat: ChatNumber, problem: String, now: Instant) {
        let failures = self.resting.get(&chat).map_or(0, |rest| rest.failures);
        let until = now + LADDER.step(failures);
        self.resting.insert(chat, Rest { until, failures: failures + 1, problem });
    }
}

/// An update's number.
pub(in crate::telegram) fn number(update: &Value) -> Option<i64> {
    update["update_id"].as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    fn update(number: i64, chat: i64) -> Value {
        json!({"update_id": number, "message": {"chat": {"id": chat}}})
    }

    fn numbers(work: &[(ChatNumber, Value)]) -> Vec<i64> {
        work.iter().filter_map(|(_, update)| number(update)).collect()
    }

    #[test]
    fn the_first_that_is_open_is_the_offset_whatever_is_taken_after_it() {
        let (mut window, now) = (Window::default(), Instant::now());
        let all = [update(7, 1), update(8, 1), update(9, 2)];
        assert_eq!(numbers(&window.hear(&all, now)), [7, 9]);
        assert_eq!(window.took(Some(2), 9), None);
        assert_eq!(window.next(), Some(7));
        // They come again, with a new one; what is under way or done is not begun again.
        assert_eq!(numbers(&window.hear(&[&all[..], &[update(10, 2)]].concat(), now)), [10]);
        assert_eq!(window.took(Some(1), 7), Some(update(8, 1)));
        assert_eq!(window.next(), Some(8));
        assert_eq!(window.took(Some(1), 8), None);
        assert_eq!(window.next(), Some(10));
        window.took(Some(2), 10);
        assert_eq!((window.next(), window.is_empty()), (Some(11), true));
    }

    #[test]
    fn a_chat_stands_still_behind_what_failed_and_keeps_its_order() {
        let (mut window, now) = (Window::default(), Instant::now());
        let all = [update(7, 1), update(8, 1), update(9, 2)];
        window.hear(&all, now);
        window.took(Some(2), 9);
        window.failed(Some(1), 7);
        window.rest(Some(1), "no file".into(), now);
        assert_eq!((window.next(), window.problem()), (Some(7), Some("no file")));
        assert!(window.hear(&all, now).is_empty());
        let later = now + Duration::from_secs(2);
        assert_eq!(numbers(&window.hear(&all, later)), [7]);
        assert_eq!(window.took(Some(1), 7), Some(update(8, 1)));
        assert_eq!(window.problem(), None);
    }

    #[test]
    fn what_telegram_has_forgotten_holds_up_nothing() {
        let (mut window, now) = (Window::default(), Instant::now());
        window.hear(&[update(7, 1), update(9, 2)], now);
        window.took(Some(2), 9);
        window.failed(Some(1), 7);
        assert_eq!(numbers(&window.hear(&[update(10, 2)], now)), [10]);
        window.took(Some(2), 10);
        assert_eq!(window.next(), Some(11));
        // Numbers began anew.
        assert_eq!(numbers(&window.hear(&[update(3, 2)], now)), [3]);
        window.took(Some(2), 3);
        assert_eq!(window.next(), Some(4));
    }
}
