//! Short words for what the tests do again and again.

use openline_core::message::{Content, Incoming, Thread};
use openline_core::store::{Job, Outcome, Queue, Recorded, Settlement};
use openline_core::{ChannelId, ChatId, Store, StoreError, Timestamp};
use std::time::Duration;

pub(crate) const NOW: Timestamp = Timestamp(1_767_225_600_000);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn channel() -> ChannelId {
    ChannelId::parse("site").unwrap()
}

/// A visitor writes in the chat `id`.
pub(crate) async fn write(store: &dyn Store, id: &str, key: &str) -> Result<Recorded, StoreError> {
    let chat = ChatId::parse(id).unwrap();
    let incoming = Incoming { chat, key: key.to_owned(), visitor: None, content: Content::plain(key), note: None };
    store.record_incoming(&channel(), incoming, NOW).await
}

/// Leases jobs to the backend for an hour.
pub(crate) async fn claim(store: &dyn Store, limit: usize) -> Vec<Job> {
    store.claim(&Queue::Backend, limit, NOW, HOUR).await.unwrap().jobs
}

pub(crate) fn done(job: &Job) -> Settlement {
    let outcome = Outcome::Done { thread: Thread::default(), delivered_as: Vec::new(), confirm: false };
    Settlement { job: job.id, outcome }
}

pub(crate) fn retry(job: &Job) -> Settlement {
    let outcome = Outcome::Retry { at: NOW, reason: "busy".to_owned(), uncertain: false, counted: true };
    Settlement { job: job.id, outcome }
}

/// Waits until it is so, and gives what there is then.
pub(crate) async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    for _ in 0..200 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("in ten seconds: never {what}");
}
