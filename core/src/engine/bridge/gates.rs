//! Whether a channel can be worked with at all: one that lets nothing in is left alone for a while, and then tried with one
//! message, so that a token that was taken back costs a call a minute and not one for each chat.

use crate::domain::id::ChannelId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// So long the message that is tried holds up the others at the most: who lets nothing in says so at once.
const TRIAL: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    /// Nothing is tried until then.
    Shut(Instant),
    /// One message is tried, and no other until then.
    Trying(Instant),
}

/// What may be claimed of a channel now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    Many,
    One,
    /// Nothing for so long.
    Wait(Duration),
}

/// The gates of all channels.
#[derive(Default)]
pub(super) struct Gates(Mutex<HashMap<ChannelId, Gate>>);

impl Gates {
    /// At the start nobody knows whether a channel lets us in: it is tried.
    pub(super) fn add(&self, id: &ChannelId) {
        self.0.lock().insert(id.clone(), Gate::Shut(Instant::now()));
    }

    pub(super) fn remove(&self, id: &ChannelId) {
        self.0.lock().remove(id);
    }

    fn change<R: Default>(&self, id: &ChannelId, change: impl FnOnce(&mut Gate) -> R) -> R {
        self.0.lock().get_mut(id).map(change).unwrap_or_default()
    }

    /// What may be claimed now; who may claim one message tries it.
    pub(super) fn ask(&self, id: &ChannelId, now: Instant) -> May {
        let asked = self.change(id, |gate| match *gate {
            Gate::Open => None,
            Gate::Shut(until) | Gate::Trying(until) if until > now => Some(May::Wait(until - now)),
            Gate::Shut(_) => {
                *gate = Gate::Trying(now + TRIAL);
                Some(May::One)
            }
            // It is slow, but it was let in.
            Gate::Trying(_) => {
                *gate = Gate::Open;
                None
            }
        });
        asked.unwrap_or(May::Many)
    }

    /// The channel let a message in, or had something to say about that one.
    pub(super) fn open(&self, id: &ChannelId) {
        self.change(id, |gate| *gate = Gate::Open);
    }

    /// The channel lets nothing in.
    pub(super) fn shut(&self, id: &ChannelId, until: Instant) {
        self.change(id, |gate| *gate = Gate::Shut(until));
    }

    /// A claim is carried out; whether nobody was asked by it, so that the next may try.
    pub(super) fn is_still_untried(&self, id: &ChannelId) -> bool {
        self.change(id, |gate| {
            let untried = matches!(gate, Gate::Trying(_));
            if untried {
                *gate = Gate::Shut(Instant::now());
            }
            untried
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_channel_is_tried_with_one_message_a_pause() {
        let id = ChannelId::parse("bot").unwrap();
        let gates = Gates::default();
        gates.add(&id);
        let mut now = Instant::now();
        let mut calls = 0;
        // Whoever has something for it asks each second, for five minutes.
        for _ in 0..300 {
            if gates.ask(&id, now) == May::One {
                calls += 1;
                assert!(matches!(gates.ask(&id, now), May::Wait(_)), "the others wait for the one");
                gates.shut(&id, now + Duration::from_secs(60));
                assert!(!gates.is_still_untried(&id));
            }
            now += Duration::from_secs(1);
        }
        assert_eq!(calls, 5);
        now += Duration::from_secs(60);
        assert_eq!(gates.ask(&id, now), May::One);
        gates.open(&id);
        assert_eq!(gates.ask(&id, now), May::Many);
    }

    #[test]
    fn a_claim_of_nothing_is_no_trial_and_one_that_hangs_holds_up_nobody_for_long() {
        let id = ChannelId::parse("bot").unwrap();
        let gates = Gates::default();
        gates.add(&id);
        assert_eq!(gates.ask(&id, Instant::now()), May::One);
        assert!(gates.is_still_untried(&id));
        let now = Instant::now();
        assert_eq!(gates.ask(&id, now), May::One);
        assert_eq!(gates.ask(&id, now), May::Wait(TRIAL));
        assert_eq!(gates.ask(&id, now + TRIAL), May::Many);
    }
}
