//! One trace a message, over the whole of its way: accepted, stored, waiting, delivering. Whoever collects traces follows it
//! ([`Tracer`]; `docs/operations.md` names the steps). Without a follower nothing is made or timed.
//!
//! A trace's number comes from where the message belongs and its key, so that every process, also one that starts later, knows
//! it without its being stored. Steps name a channel's id and words of ours: never texts, names or what a stranger could
//! multiply.

use crate::domain::id::{ChannelId, ChatId};
use crate::domain::message::{Happened, ItemKind, OperatorEvent, Side};
use crate::domain::time::Timestamp;
use crate::ports::clock::Clock;
use crate::ports::store::{Act, Job, Outcome, Work};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::Span;

/// The number of a message's trace; the same in every process and at every time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

impl TraceId {
    fn of(channel: &ChannelId, chat: &ChatId, from: &str, key: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [channel.as_str(), chat.as_str(), from, key] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let hash: [u8; 32] = hash.finalize().into();
        let mut number = [0; 16];
        number.copy_from_slice(&hash[..16]);
        Self(number)
    }

    /// Of a visitor's message, by the key with which it comes in.
    pub fn of_incoming(channel: &ChannelId, chat: &ChatId, key: &str) -> Self {
        Self::of(channel, chat, VISITOR, key)
    }

    /// Of what happened on the operators' side, when it is about a message.
    pub fn of_event(event: &OperatorEvent) -> Option<Self> {
        let remote = match &event.happened {
            Happened::Wrote { remote, .. }
            | Happened::Greeted { remote, .. }
            | Happened::Arrived { remote, .. }
            | Happened::Edited { remote, .. }
            | Happened::Deleted { remote } => remote,
            Happened::DialogStarted { .. } | Happened::DialogFinished { .. } => return None,
        };
        Some(Self::of(&event.channel, &event.chat, OPERATOR, &remote.to_string()))
    }

    /// Of a job's message.
    pub fn of_job(job: &Job) -> Self {
        let (place, item) = (&job.conversation, &job.item);
        let of = |from, key: &str| Self::of(&place.channel, &place.chat, from, key);
        match (item.kind, item.side, item.remote) {
            (ItemKind::Note, ..) => of(NOTE, &item.key),
            (_, Side::Visitor, _) | (_, _, None) => of(VISITOR, &item.key),
            (_, Side::Operator | Side::System, Some(remote)) => of(OPERATOR, &remote.to_string()),
        }
    }
}

const VISITOR: &str = "visitor";
const OPERATOR: &str = "operator";
const NOTE: &str = "note";

/// 32 hexadecimal digits, as W3C's Trace Context has it.
impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// One step of a message's way that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Of which message.
    pub trace: TraceId,
    /// `accepted`, `stored`, `waiting` or `delivering`.
    pub name: &'static str,
    /// It is the first of the message: the others belong below it.
    pub first: bool,
    /// When it began, since the epoch.
    pub began: Duration,
    /// How long it took.
    pub took: Duration,
    /// Whose channel.
    pub channel: ChannelId,
    /// `to_operators`, `to_visitors` or `confirmation`.
    pub direction: &'static str,
    /// What is done with the message; see [`Work::name`].
    pub task: &'static str,
    /// How it ended: `done`, `known`, `failed`, `retry`, `dead`.
    pub result: &'static str,
    /// Counted attempts before this one.
    pub attempts: u32,
}

/// Who follows messages. It is called where messages are handled, so it must not wait, ask anybody or fail.
pub trait Tracer: Send + Sync {
    /// Whether this message is followed; the same for all steps of one, as far as that can be.
    fn follows(&self, trace: TraceId) -> bool;

    /// A step is over.
    fn step(&self, step: Step);
}

/// The follower, where there is one.
#[derive(Clone, Default)]
pub(crate) struct Traces(pub(crate) Option<Arc<dyn Tracer>>);

/// A moment by both clocks: one that others have, and one that is fine and can't be set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    at: Duration,
    steady: Instant,
}

impl Moment {
    fn now(clock: &dyn Clock) -> Self {
        Self { at: since_epoch(clock.now()), steady: Instant::now() }
    }

    /// A later one.
    fn later(self) -> Self {
        let steady = Instant::now();
        Self { at: self.at + (steady - self.steady), steady }
    }
}

fn since_epoch(at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.0).unwrap_or(0))
}

/// A message, or a change of one, on its way through a door.
pub(crate) struct Entry {
    tracer: Option<Arc<dyn Tracer>>,
    trace: TraceId,
    channel: ChannelId,
    work: Work,
    came: Moment,
    storing: Option<Moment>,
}

impl Entry {
    /// The store is asked now.
    pub(crate) fn storing(&mut self) {
        self.storing = Some(self.came.later());
    }

    /// The store has answered; what it was asked for is new, or not.
    fn stored(self, answer: Result<bool, ()>) {
        let Self { tracer, trace, channel, work, came, storing } = self;
        let (direction, task) = (work.direction(), work.name());
        let result = match answer {
            Ok(true) => "done",
            Ok(false) => "known",
            Err(()) => "failed",
        };
        if answer.is_ok() {
            tracing::debug!(%channel, direction, task, %trace, result, "stored");
        }
        let Some(tracer) = tracer else { return };
        let storing = storing.unwrap_or(came);
        let end = storing.later();
        let begins = answer == Ok(true) && work.is_send();
        for (name, began, first) in [("stored", storing, false), ("accepted", came, begins)] {
            let (channel, began, took) = (channel.clone(), began.at, end.steady - began.steady);
            tracer.step(Step { trace, name, first, began, took, channel, direction, task, result, attempts: 0 });
        }
    }
}

/// The store has answered about what came; what it was asked for is new, or not.
pub(crate) fn stored<E>(entry: Option<Entry>, answer: Result<bool, E>) {
    if let Some(entry) = entry {
        entry.stored(answer.map_err(|_| ()));
    }
}

impl Traces {
    /// A visitor's message comes in, or a change of one.
    pub(crate) fn incoming(
        &self,
        clock: &dyn Clock,
        channel: &ChannelId,
        (chat, key): (&ChatId, &str),
        act: Act,
    ) -> Option<Entry> {
        let trace = || Some(TraceId::of_incoming(channel, chat, key));
        self.entry(clock, channel, Work::ToOperators(act), trace)
    }

    /// An operator's event comes in.
    pub(crate) fn event(&self, clock: &dyn Clock, event: &OperatorEvent) -> Option<Entry> {
        let act = match event.happened {
            Happened::Edited { .. } => Act::Edit,
            Happened::Deleted { .. } => Act::Delete,
            _ => Act::Send,
        };
        self.entry(clock, &event.channel, Work::ToVisitor(act), || TraceId::of_event(event))
    }

    fn entry(
        &self,
        clock: &dyn Clock,
        channel: &ChannelId,
        work: Work,
        trace: impl FnOnce() -> Option<TraceId>,
    ) -> Option<Entry> {
        if self.0.is_none() && !tracing::enabled!(tracing::Level::DEBUG) {
            return None;
        }
        let trace = trace()?;
        let tracer = self.0.clone().filter(|tracer| tracer.follows(trace));
        Some(Entry { tracer, trace, channel: channel.clone(), work, came: Moment::now(clock), storing: None })
    }

    /// The moment at which jobs were claimed.
    pub(crate) fn claimed(&self, clock: &dyn Clock) -> Option<Moment> {
        self.0.as_ref().map(|_| Moment::now(clock))
    }

    /// What lines of the log that are written meanwhile name.
    pub(crate) fn span(&self, job: &Job) -> Span {
        match self.0 {
            Some(_) => tracing::info_span!("message", trace = %TraceId::of_job(job)),
            None => Span::none(),
        }
    }

    /// A claimed job ended, for now or for good.
    pub(crate) fn ended(&self, claimed: Option<Moment>, job: &Job, outcome: &Outcome) {
        let (Some(tracer), Some(claimed)) = (&self.0, claimed) else { return };
        let trace = TraceId::of_job(job);
        if !tracer.follows(trace) {
            return;
        }
        let step = |name, began, took, result| Step {
            trace,
            name,
            first: false,
            began,
            took,
            channel: job.conversation.channel.clone(),
            direction: job.work.direction(),
            task: job.work.name(),
            result,
            attempts: job.attempts,
        };
        let enqueued = since_epoch(job.created);
        tracer.step(step("waiting", enqueued, claimed.at.saturating_sub(enqueued), "done"));
        tracer.step(step("delivering", claimed.at, claimed.steady.elapsed(), outcome.name()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::{Content, Thread};
    use crate::engine::retry::tests::job;

    #[test]
    fn a_message_has_one_number_at_the_door_and_in_its_jobs() {
        let mut job = job(0);
        let (channel, chat) = (job.conversation.channel.clone(), job.conversation.chat.clone());
        let content = Content::plain("hello");
        let visitor = TraceId::of_incoming(&channel, &chat, &job.item.key);
        assert_eq!(visitor, TraceId::of_job(&job));
        job.item.key = "another".into();
        assert_ne!(visitor, TraceId::of_job(&job), "another message of the chat");
        let event = |remote| {
            let happened = Happened::Wrote { remote, side: Side::Operator, author: None, content: content.clone() };
            OperatorEvent { channel: channel.clone(), chat: chat.clone(), thread: Thread::default(), happened }
        };
        (job.item.side, job.item.remote) = (Side::Operator, Some(17));
        let operator = TraceId::of_job(&job);
        assert_eq!(TraceId::of_event(&event(17)), Some(operator));
        assert_ne!(TraceId::of_event(&event(18)), Some(operator));
        job.item.kind = ItemKind::Note;
        assert_ne!(operator, TraceId::of_job(&job), "a note about it is another message");
        assert_eq!(operator.to_string().len(), 32);
    }
}
