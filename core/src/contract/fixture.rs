//! Short words for what the promises do again and again.

use crate::domain::id::{ChannelId, ChatId, ConversationId, Rev};
use crate::domain::message::{Content, Conversation, Happened, Incoming, Item, OperatorEvent, Side, Thread, Visitor};
use crate::domain::text::RichText;
use crate::ports::clock::Timestamp;
use crate::ports::store::Store;
use crate::ports::store::{Amend, Change, Claimed, Job, Noted, Outcome, Queue, Recorded, Settlement};
use std::sync::Arc;
use std::time::Duration;

/// How long jobs are leased here.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// More than any promise stores.
pub(super) const ALL: usize = 10_000;

/// That many seconds after the beginning.
pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp(1_767_225_600_000).plus(Duration::from_secs(seconds))
}

pub(super) fn channel(id: &str) -> ChannelId {
    ChannelId::parse(id).unwrap()
}

pub(super) fn chat(id: &str) -> ChatId {
    ChatId::parse(id).unwrap()
}

/// One chat of one channel.
#[derive(Clone)]
pub(super) struct Talk {
    pub(super) store: Arc<dyn Store>,
    pub(super) channel: ChannelId,
    pub(super) chat: ChatId,
}

impl Talk {
    pub(super) fn new(store: &Arc<dyn Store>, id: &str) -> Self {
        Self::of(store, "site", id)
    }

    pub(super) fn of(store: &Arc<dyn Store>, channel_id: &str, id: &str) -> Self {
        Self { store: Arc::clone(store), channel: channel(channel_id), chat: chat(id) }
    }

    /// The visitor writes the key as text.
    pub(super) async fn write(&self, key: &str, now: Timestamp) -> Recorded {
        self.write_as(key, None, Content::plain(key), now).await
    }

    pub(super) async fn write_as(
        &self,
        key: &str,
        visitor: Option<Visitor>,
        content: Content,
        now: Timestamp,
    ) -> Recorded {
        let incoming = Incoming { chat: self.chat.clone(), key: key.to_owned(), visitor, content, note: None };
        self.store.record_incoming(&self.channel, incoming, now).await.unwrap()
    }

    pub(super) async fn amend(&self, key: &str, amend: Amend, now: Timestamp) -> Option<Change> {
        self.store.amend_incoming(&self.channel, &self.chat, key, amend, now).await.unwrap()
    }

    pub(super) fn event(&self, happened: Happened) -> OperatorEvent {
        OperatorEvent { channel: self.channel.clone(), chat: self.chat.clone(), thread: Thread::default(), happened }
    }

    /// One event that comes alone.
    pub(super) async fn hear(&self, happened: Happened, now: Timestamp) -> Noted {
        let noted = self.store.record_outgoing(vec![self.event(happened)], now).await.unwrap();
        noted.into_iter().next().unwrap()
    }

    /// An operator writes the number as text.
    pub(super) async fn answer(&self, remote: i64, now: Timestamp) -> Noted {
        self.hear(wrote(remote), now).await
    }

    pub(super) async fn conversation(&self) -> Conversation {
        self.store.conversation(&self.channel, &self.chat).await.unwrap().unwrap()
    }

    pub(super) async fn id(&self) -> ConversationId {
        self.conversation().await.id
    }

    /// All items by position.
    pub(super) async fn items(&self) -> Vec<Item> {
        let slice = self.store.items_before(self.id().await, None, ALL).await.unwrap();
        assert!(!slice.more);
        slice.items
    }

    /// All items' texts by position.
    pub(super) async fn texts(&self) -> Vec<String> {
        self.items().await.iter().map(text_of).collect()
    }

    /// The visitor's item of that key.
    pub(super) async fn item(&self, key: &str) -> Item {
        self.items().await.into_iter().find(|item| item.side == Side::Visitor && item.key == key).unwrap()
    }

    /// The operators' item of that remote id.
    pub(super) async fn reply(&self, remote: i64) -> Item {
        self.items().await.into_iter().find(|item| item.remote == Some(remote)).unwrap()
    }

    /// The queue to this talk's visitor.
    pub(super) fn queue(&self) -> Queue {
        Queue::Channel(self.channel.clone())
    }
}

pub(super) fn wrote(remote: i64) -> Happened {
    let content = Content::plain(remote.to_string());
    Happened::Wrote { remote, side: Side::Operator, author: Some("Ann".to_owned()), content }
}

pub(super) fn greeted(remote: i64) -> Happened {
    Happened::Greeted { remote, content: Content::plain(remote.to_string()) }
}

pub(super) fn edited(remote: i64, edited_at: Timestamp, text: &str) -> Happened {
    Happened::Edited { remote, at: edited_at, text: RichText::plain(text) }
}

pub(super) fn started(session: &str) -> Happened {
    Happened::DialogStarted { session: session.to_owned() }
}

pub(super) fn finished(session: &str) -> Happened {
    Happened::DialogFinished { session: session.to_owned() }
}

pub(super) fn text_of(item: &Item) -> String {
    item.content.text.to_plain()
}

/// Claims whatever is due.
pub(super) async fn claim(store: &Arc<dyn Store>, queue: &Queue, now: Timestamp) -> Vec<Job> {
    claim_some(store, queue, ALL, now).await.jobs
}

pub(super) async fn claim_some(store: &Arc<dyn Store>, queue: &Queue, limit: usize, now: Timestamp) -> Claimed {
    store.claim(queue, limit, now, LEASE).await.unwrap()
}

/// Claims the only job that is due.
pub(super) async fn claim_one(store: &Arc<dyn Store>, queue: &Queue, now: Timestamp) -> Job {
    let mut jobs = claim(store, queue, now).await;
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs.remove(0)
}

pub(super) async fn settle(store: &Arc<dyn Store>, job: &Job, outcome: Outcome, now: Timestamp) -> Vec<Change> {
    store.settle(vec![Settlement { job: job.id, outcome }], now).await.unwrap()
}

pub(super) fn done() -> Outcome {
    Outcome::Done { thread: Thread::default(), delivered_as: Vec::new(), confirm: false }
}

pub(super) fn retry(when: Timestamp) -> Outcome {
    Outcome::Retry { at: when, reason: "busy".to_owned(), uncertain: false, counted: true }
}

pub(super) fn die() -> Outcome {
    Outcome::Dead { reason: "refused".to_owned(), note: None }
}

/// Works off everything that is due in a queue and returns the texts in the order in which they came.
pub(super) async fn work_off(store: &Arc<dyn Store>, queue: &Queue, now: Timestamp) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        let jobs = claim(store, queue, now).await;
        if jobs.is_empty() {
            return texts;
        }
        assert!(texts.len() < ALL, "it never ends");
        for job in jobs {
            texts.push(text_of(&job.item));
            settle(store, &job, done(), now).await;
        }
    }
}

/// Everything after `since`, fetched in slices of `limit` the way a visitor's page does it; the items in the order in
/// which they came, and where the page stands then.
pub(super) async fn follow(store: &Arc<dyn Store>, id: ConversationId, since: Rev, limit: usize) -> (Vec<Item>, Rev) {
    let (mut all, mut cursor) = (Vec::new(), since);
    loop {
        let slice = store.items_since(id, cursor, limit).await.unwrap();
        assert!(slice.items.len() <= limit);
        assert!(slice.items.iter().all(|item| item.rev > cursor && item.rev <= slice.rev));
        assert!(slice.items.is_sorted_by(|a, b| a.rev < b.rev));
        cursor = if slice.more { slice.items.last().unwrap().rev } else { slice.rev };
        all.extend(slice.items);
        if !slice.more {
            return (all, cursor);
        }
    }
}
