//! Who writes where, as far as the portal's histories have shown it.

use openline_core::message::{Happened, OperatorEvent, Side};
use openline_core::{ChannelId, ChatId, ClientAddress};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// After a look that took too long none is tried for this time: the portal is busy, and each would hold up a reply.
const BLIND: Duration = Duration::from_secs(10);
/// Who has told of so many replies that are not there is believed nothing that can't be looked for: else many forged ones
/// would make the looks too slow for one of them. What is true all the same is fetched with the missed replies.
const SUSPECT: u32 = 3;
/// For so long.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// More than so many known writers and texts are not remembered.
const MANY: usize = 50_000;

/// A reply as an event tells it.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// The portal's number of who is said to have written it; 0: the line itself.
    pub(crate) author: Option<i64>,
    pub(crate) event: OperatorEvent,
}

/// Held while one of a chat's replies is looked for.
type Turn = Arc<tokio::sync::Mutex<()>>;

/// Who writes where, as far as the portal's histories have shown it.
#[derive(Default)]
pub(crate) struct Genuine {
    seen: Mutex<HashSet<Writer>>,
    /// Until when nothing is looked for.
    blind: Mutex<Option<Instant>>,
    /// Who told of replies that are not there: how often, and when last.
    forgers: Mutex<HashMap<IpAddr, (u32, Instant)>>,
    /// What is told of one chat goes one after another, so that a look changes no order.
    turns: Mutex<HashMap<(ChannelId, ChatId), Turn>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Writer {
    /// Somebody in a conversation.
    Person(ChannelId, ChatId, Option<i64>),
    /// The line itself, by what it says: the same to everybody.
    Line(ChannelId, String),
}

impl Writer {
    pub(super) fn of(reply: &Reply) -> Option<Self> {
        let Happened::Wrote { side, content, .. } = &reply.event.happened else { return None };
        let channel = reply.event.channel.clone();
        Some(match side {
            Side::System => Self::Line(channel, content.text.to_plain()),
            _ => Self::Person(channel, reply.event.chat.clone(), reply.author),
        })
    }
}

impl Genuine {
    pub(super) fn knows(&self, writer: &Writer) -> bool {
        self.seen.lock().contains(writer)
    }

    pub(super) fn learn(&self, writer: Writer) {
        let mut seen = self.seen.lock();
        if seen.len() >= MANY {
            seen.clear();
        }
        seen.insert(writer);
    }

    pub(super) fn is_blind(&self) -> bool {
        let until = self.blind.lock();
        until.is_some_and(|until| until > Instant::now())
    }

    pub(super) fn goes_blind(&self) {
        *self.blind.lock() = Some(Instant::now() + BLIND);
    }

    pub(super) fn forged_by(&self, from: ClientAddress) {
        let mut forgers = self.forgers.lock();
        forgers.retain(|_, (_, last)| last.elapsed() < REMEMBERED);
        let (count, last) = forgers.entry(from.network()).or_insert((0, Instant::now()));
        (*count, *last) = (count.saturating_add(1), Instant::now());
    }

    pub(super) fn suspects(&self, from: ClientAddress) -> bool {
        let forgers = self.forgers.lock();
        forgers.get(&from.network()).is_some_and(|(count, last)| *count >= SUSPECT && last.elapsed() < REMEMBERED)
    }

    pub(super) fn turn(&self, event: &OperatorEvent) -> Turn {
        let mut turns = self.turns.lock();
        if turns.len() >= 1000 {
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        Arc::clone(turns.entry((event.channel.clone(), event.chat.clone())).or_default())
    }
}
