//! Conversations that were begun and that no operator has answered yet: of each channel, and of each address.

use crate::domain::id::{ChannelId, ChatId};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// After so long one counts no more, whether somebody answered or not.
pub(super) const COUNTS_FOR: Duration = Duration::from_secs(12 * 3600);

type Session = (ChannelId, ChatId);

/// Those that count.
#[derive(Default)]
pub(super) struct Unanswered {
    open: HashMap<Session, IpAddr>,
    /// When each began, oldest first; also of some that were answered since.
    begun: VecDeque<(Instant, Session)>,
    channels: HashMap<ChannelId, u32>,
    addresses: HashMap<IpAddr, u32>,
}

impl Unanswered {
    /// How many there are of the channel and of the address, beside this one.
    pub(super) fn beside(&mut self, session: &Session, from: IpAddr, now: Instant) -> (u32, u32) {
        while let Some((_, old)) = self.begun.pop_front_if(|(begun, _)| now.duration_since(*begun) >= COUNTS_FOR) {
            self.end(&old);
        }
        if self.open.contains_key(session) {
            return (0, 0);
        }
        let count = (self.channels.get(&session.0), self.addresses.get(&from));
        (count.0.copied().unwrap_or(0), count.1.copied().unwrap_or(0))
    }

    /// One begins.
    pub(super) fn begin(&mut self, session: Session, from: IpAddr, now: Instant) {
        if self.open.contains_key(&session) {
            return;
        }
        *self.channels.entry(session.0.clone()).or_default() += 1;
        *self.addresses.entry(from).or_default() += 1;
        self.begun.push_back((now, session.clone()));
        self.open.insert(session, from);
    }

    /// Somebody answered it, or it counts no more.
    pub(super) fn end(&mut self, session: &Session) {
        if let Some(from) = self.open.remove(session) {
            one_less(&mut self.channels, &session.0);
            one_less(&mut self.addresses, &from);
        }
    }
}

fn one_less<K: Hash + Eq>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_or_old_counts_no_more() {
        let session = |name: &str| (ChannelId::parse("site").unwrap(), ChatId::parse(name).unwrap());
        let (here, there) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let (mut unanswered, now) = (Unanswered::default(), Instant::now());
        for name in ["a", "b", "b"] {
            unanswered.begin(session(name), here, now);
        }
        unanswered.begin(session("c"), there, now + COUNTS_FOR / 2);
        assert_eq!(unanswered.beside(&session("d"), here, now), (3, 2));
        assert_eq!(unanswered.beside(&session("a"), here, now), (0, 0), "it counts already");
        unanswered.end(&session("a"));
        unanswered.end(&session("a"));
        assert_eq!(unanswered.beside(&session("d"), here, now), (2, 1));
        assert_eq!(unanswered.beside(&session("d"), here, now + COUNTS_FOR), (1, 0));
        unanswered.end(&session("c"));
        assert!(unanswered.channels.is_empty() && unanswered.addresses.is_empty() && unanswered.open.is_empty());
    }
}
