//! What one visitor, one address and one channel may do in a time: generous for people, narrow for machines.
//!
//! Each limit is a leaky bucket by key, kept in memory: a restart empties them, and each process has its own.

use crate::domain::id::{ChannelId, ChatId};
use crate::engine::measure;
use crate::engine::unanswered::Unanswered;
use crate::ports::client::ClientAddress;
use crate::sampled;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Above so many keys, those whose bucket is empty are forgotten.
const MANY: usize = 20_000;
/// A piece of an upload, in bytes: what its bucket counts.
const PIECE: u64 = 64 * 1024;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// When somebody may have been answered meanwhile.
const ANSWERED_SOON: Duration = Duration::from_secs(300);

/// The table `[limits]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Most connections.
    pub connections: u32,
    /// Most connections of one address.
    pub connections_each: u32,
    /// Messages a minute of one visitor …
    pub messages: u32,
    /// … and of one address.
    pub messages_each: u32,
    /// Conversations that one address may begin in an hour …
    pub conversations_each: u32,
    /// … and that may begin in one channel in a minute.
    pub conversations: u32,
    /// Conversations of one address that no operator has answered yet, of the last twelve hours …
    pub unanswered_each: u32,
    /// … and of one channel.
    pub unanswered: u32,
    /// Sessions that one address may make in an hour.
    pub sessions_each: u32,
    /// Millions of bytes that one visitor may upload in a day …
    pub upload_megabytes: u32,
    /// … and one address.
    pub upload_megabytes_each: u32,
    /// Streams and held answers of one visitor at a time …
    pub streams: u32,
    /// … and of one address.
    pub streams_each: u32,
    /// Wrong bearer tokens of one address in an hour.
    pub wrong_tokens_each: u32,
}

impl LimitSettings {
    /// The first key whose limit is nothing.
    pub fn first_zero(&self) -> Option<&'static str> {
        let Self { connections, connections_each, messages, messages_each, conversations_each, conversations, .. } =
            *self;
        let Self { unanswered_each, unanswered, sessions_each, .. } = *self;
        let Self { upload_megabytes, upload_megabytes_each, streams, streams_each, .. } = *self;
        let all = [
            ("connections", connections),
            ("connections_each", connections_each),
            ("messages", messages),
            ("messages_each", messages_each),
            ("conversations_each", conversations_each),
            ("conversations", conversations),
            ("unanswered_each", unanswered_each),
            ("unanswered", unanswered),
            ("sessions_each", sessions_each),
            ("upload_megabytes", upload_megabytes),
            ("upload_megabytes_each", upload_megabytes_each),
            ("streams", streams),
            ("streams_each", streams_each),
            ("wrong_tokens_each", self.wrong_tokens_each),
        ];
        all.into_iter().find(|(_, limit)| *limit == 0).map(|(key, _)| key)
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            connections: 15_000,
            connections_each: 500,
            messages: 40,
            messages_each: 400,
            conversations_each: 120,
            conversations: 600,
            unanswered_each: 100,
            unanswered: 10_000,
            sessions_each: 1_200,
            upload_megabytes: 500,
            upload_megabytes_each: 2_000,
            streams: 12,
            streams_each: 400,
            wrong_tokens_each: 60,
        }
    }
}

/// Somebody does too much of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// The key of `[limits]` that says how much is enough.
    pub limit: &'static str,
    /// When to try again.
    pub after: Duration,
}

impl Limited {
    /// When to try again, in whole seconds, as `Retry-After` says it.
    pub fn seconds(&self) -> u64 {
        self.after.as_secs().max(1)
    }
}

struct Buckets<K: Hash + Eq + Clone> {
    limit: &'static str,
    buckets: DefaultKeyedRateLimiter<K>,
    period: Duration,
    /// More at once is never taken.
    burst: u32,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// So many in so long; a third of them at once.
    fn new(limit: &'static str, most: u32, period: Duration) -> Self {
        Self::with_burst(limit, most, most.div_ceil(3), period)
    }

    fn with_burst(limit: &'static str, most: u32, burst: u32, period: Duration) -> Self {
        let some = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(period / some(most).get()).unwrap_or(Quota::per_second(some(most)));
        Self { limit, buckets: RateLimiter::keyed(quota.allow_burst(some(burst))), period, burst }
    }

    fn take(&self, key: &K, count: u32) -> Result<(), Limited> {
        if self.buckets.len() > MANY {
            self.buckets.retain_recent();
        }
        if count > self.burst {
            return Err(self.limited(self.period));
        }
        let Some(count) = NonZeroU32::new(count) else { return Ok(()) };
        match self.buckets.check_key_n(key, count) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(until)) => Err(self.limited(until.wait_time_from(DefaultClock::default().now()))),
            Err(_) => Err(self.limited(self.period)),
        }
    }

    fn limited(&self, after: Duration) -> Limited {
        Limited { limit: self.limit, after }
    }
}

type Session = (ChannelId, ChatId);

/// The limits at work, for all channels.
pub struct Limits {
    messages: Buckets<Session>,
    messages_each: Buckets<IpAddr>,
    conversations: Buckets<ChannelId>,
    conversations_each: Buckets<IpAddr>,
    most_unanswered: (u32, u32),
    unanswered: Mutex<Unanswered>,
    sessions_each: Buckets<IpAddr>,
    uploads: Buckets<Session>,
    uploads_each: Buckets<IpAddr>,
    wrong_tokens_each: Buckets<IpAddr>,
    streams: Counters<Session>,
    streams_each: Counters<IpAddr>,
}

/// Pieces of so many millions of bytes.
fn pieces(megabytes: u32) -> u32 {
    u32::try_from(u64::from(megabytes) * 1_000_000 / PIECE).unwrap_or(u32::MAX).max(1)
}

impl Limits {
    /// With these numbers.
    pub fn new(settings: &LimitSettings) -> Self {
        let (own, each) = (pieces(settings.upload_megabytes), pieces(settings.upload_megabytes_each));
        Self {
            messages: Buckets::with_burst("messages", settings.messages, settings.messages, MINUTE),
            messages_each: Buckets::new("messages_each", settings.messages_each, MINUTE),
            conversations: Buckets::new("conversations", settings.conversations, MINUTE),
            conversations_each: Buckets::new("conversations_each", settings.conversations_each, HOUR),
            most_unanswered: (settings.unanswered, settings.unanswered_each),
            unanswered: Mutex::default(),
            sessions_each: Buckets::new("sessions_each", settings.sessions_each, HOUR),
            uploads: Buckets::with_burst("upload_megabytes", own, own, DAY),
            uploads_each: Buckets::with_burst("upload_megabytes_each", each, each, DAY),
            wrong_tokens_each: Buckets::new("wrong_tokens_each", settings.wrong_tokens_each, HOUR),
            streams: Counters::new("streams", settings.streams),
            streams_each: Counters::new("streams_each", settings.streams_each),
        }
    }

    /// A visitor sends a message; `new`: it begins a conversation.
    ///
    /// # Errors
    /// [`Limited`]: it is not taken.
    pub fn message(&self, channel: &ChannelId, chat: &ChatId, from: ClientAddress, new: bool) -> Result<(), Limited> {
        let take = || {
            self.messages.take(&(channel.clone(), chat.clone()), 1)?;
            self.messages_each.take(&from.network(), 1)?;
            if new {
                let session = (channel.clone(), chat.clone());
                let mut unanswered = self.unanswered.lock();
                self.has_room(&mut unanswered, &session, from)?;
                self.conversations_each.take(&from.network(), 1)?;
                self.conversations.take(channel, 1)?;
                unanswered.begin(session, from.network(), Instant::now());
            }
            Ok(())
        };
        told(from, take())
    }

    fn has_room(&self, open: &mut Unanswered, session: &Session, from: ClientAddress) -> Result<(), Limited> {
        let (of_channel, of_address) = open.beside(session, from.network(), Instant::now());
        let reached = [
            ("unanswered_each", of_address >= self.most_unanswered.1),
            ("unanswered", of_channel >= self.most_unanswered.0),
        ];
        match reached.into_iter().find(|(_, reached)| *reached) {
            Some((limit, _)) => Err(Limited { limit, after: ANSWERED_SOON }),
            None => Ok(()),
        }
    }

    /// An operator answered a visitor.
    pub fn answered(&self, channel: &ChannelId, chat: &ChatId) {
        self.unanswered.lock().end(&(channel.clone(), chat.clone()));
    }

    /// Somebody wants a new session.
    ///
    /// # Errors
    /// [`Limited`]: they get none.
    pub fn session(&self, from: ClientAddress) -> Result<(), Limited> {
        told(from, self.sessions_each.take(&from.network(), 1))
    }

    /// A visitor begins to upload so many bytes.
    ///
    /// # Errors
    /// [`Limited`]: they are not taken.
    pub fn upload(&self, channel: &ChannelId, chat: &ChatId, from: ClientAddress, bytes: u64) -> Result<(), Limited> {
        let pieces = u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX);
        let own = self.uploads.take(&(channel.clone(), chat.clone()), pieces);
        told(from, own.and_then(|()| self.uploads_each.take(&from.network(), pieces)))
    }

    /// Somebody shows a token that is none of ours.
    ///
    /// # Errors
    /// [`Limited`]: too often.
    pub fn wrong_token(&self, from: ClientAddress) -> Result<(), Limited> {
        told(from, self.wrong_tokens_each.take(&from.network(), 1))
    }

    /// A visitor wants to wait for news. The place is taken until it is dropped.
    ///
    /// # Errors
    /// [`Limited`]: they wait in too many places already.
    pub fn stream(&self, channel: &ChannelId, chat: &ChatId, from: ClientAddress) -> Result<Waiting, Limited> {
        let own = told(from, self.streams.take((channel.clone(), chat.clone())))?;
        Ok(Waiting { _own: own, _each: told(from, self.streams_each.take(from.network()))? })
    }
}

/// Counts that a limit was reached; of `[limits]` the key.
pub fn reached(limit: &'static str) {
    measure::limited(limit);
}

/// Says in the log who reached which limit, and counts it.
fn told<T>(from: ClientAddress, taken: Result<T, Limited>) -> Result<T, Limited> {
    taken.inspect_err(|limited| {
        let Limited { limit, .. } = *limited;
        reached(limit);
        sampled!(warn, target: "security", client = %from, limit, result = "refused", "a limit is reached");
    })
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(&LimitSettings::default())
    }
}

/// The place of one who waits for news.
pub struct Waiting {
    _own: Counted<Session>,
    _each: Counted<IpAddr>,
}

type Counts<K> = Arc<Mutex<HashMap<K, u32>>>;

struct Counters<K: Hash + Eq + Clone> {
    limit: &'static str,
    most: u32,
    counts: Counts<K>,
}

/// Counted until it is dropped.
struct Counted<K: Hash + Eq + Clone> {
    counts: Counts<K>,
    key: K,
}

impl<K: Hash + Eq + Clone> Counters<K> {
    fn new(limit: &'static str, most: u32) -> Self {
        Self { limit, most, counts: Arc::default() }
    }

    fn take(&self, key: K) -> Result<Counted<K>, Limited> {
        let mut counts = self.counts.lock();
        let count = counts.entry(key.clone()).or_default();
        if *count >= self.most {
            return Err(Limited { limit: self.limit, after: Duration::from_secs(5) });
        }
        *count += 1;
        Ok(Counted { counts: Arc::clone(&self.counts), key })
    }
}

impl<K: Hash + Eq + Clone> Drop for Counted<K> {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        if let Some(count) = counts.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests;
