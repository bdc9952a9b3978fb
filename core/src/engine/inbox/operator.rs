//! The operators' door.

use super::Doors;
use crate::domain::error::StoreError;
use crate::domain::id::ChatAddress;
use crate::domain::message::OperatorEvent;
use crate::engine::{forget, hold, measure, trace};
use crate::ports::clock::{Clock, Timestamp};
use crate::ports::store::Queue;
use crate::ports::store::Store;
use std::sync::Arc;

/// The backend's door.
#[derive(Clone)]
pub struct OperatorInbox {
    pub(crate) doors: Doors,
}

impl OperatorInbox {
    /// Takes what happened on the operators' side, all in one transaction. When it returns, everything is durable.
    ///
    /// Events for channels that are not configured are passed over: there is nobody to bring them to.
    ///
    /// # Errors
    /// When nothing was stored.
    pub async fn accept(&self, events: Vec<OperatorEvent>) -> Result<(), StoreError> {
        let (ours, foreign): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| self.doors.serves(&event.channel));
        for event in foreign {
            tracing::warn!(channel = %event.channel, "event for a channel that is not configured, passed over");
        }
        let held = |event: &OperatorEvent| self.doors.has_fixed_order(&event.channel);
        let (held, at_once): (Vec<_>, Vec<_>) = ours.into_iter().partition(held);
        if !held.is_empty() {
            self.hold(held).await?;
        }
        if at_once.is_empty() { Ok(()) } else { self.record(at_once).await }
    }

    async fn hold(&self, events: Vec<OperatorEvent>) -> Result<(), StoreError> {
        let (first, told) = self.doors.hold.add(events);
        if first {
            // In a task of its own: whoever came first may go away, and the others wait for it.
            let inbox = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(hold::MOMENT).await;
                let (events, tell) = inbox.doors.hold.take();
                let stored = inbox.record(events).await;
                for tell in tell {
                    let _ = tell.send(stored.clone());
                }
            });
        }
        told.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the service is stopping".to_owned())))
    }

    async fn record(&self, ours: Vec<OperatorEvent>) -> Result<(), StoreError> {
        let addresses: Vec<_> =
            ours.iter().map(|e| ChatAddress { channel: e.channel.clone(), chat: e.chat.clone() }).collect();
        let mut entries: Vec<_> = ours.iter().map(|event| self.doors.traces.event(&*self.doors.clock, event)).collect();
        let before = self.doors.before();
        entries.iter_mut().flatten().for_each(trace::Entry::storing);
        let noted = self.doors.store.record_outgoing(ours, self.doors.clock.now()).await;
        for (index, entry) in entries.into_iter().enumerate() {
            trace::stored(entry, noted.as_ref().map(|noted| noted.get(index).is_some_and(|n| n.change.is_some())));
        }
        // They come only once, so they have to be fetched as soon as the store works again.
        let noted = noted.inspect_err(|_| self.doors.missing.notice())?;
        for (note, address) in noted.into_iter().zip(addresses) {
            measure::told(&address.channel);
            if let Some(change) = note.change {
                self.doors.learn(before, &address, change);
            }
            if let Some(queue) = note.queue {
                self.doors.wake(&queue);
            }
        }
        Ok(())
    }

    /// Tells that the backend can be worked with again: everything that waits for it becomes due, and replies that were
    /// missed meanwhile are fetched.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn backend_is_back(&self) -> Result<(), StoreError> {
        self.doors.missing.notice();
        self.backend_goes_on().await
    }

    /// The same after a pause that is too short for events to be lost: nothing is fetched.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn backend_goes_on(&self) -> Result<(), StoreError> {
        for queue in [Queue::Backend, Queue::Confirm] {
            self.doors.store.hurry(&queue, self.doors.clock.now()).await?;
            self.doors.wake(&queue);
        }
        Ok(())
    }

    /// Erases every conversation in which nothing happened since `before`, here only: the backend is gone. How many.
    ///
    /// # Errors
    /// When the store can't be used; repeat it.
    pub async fn erase_before(&self, before: Timestamp) -> Result<usize, StoreError> {
        forget::everything(&self.doors, before).await
    }

    /// The store, for the backend's own state.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.doors.store
    }

    /// The time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.doors.clock
    }
}
