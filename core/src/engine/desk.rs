//! What an administrator looks at and does while the service runs: on the application's page in the portal, and at
//! `/admin` of the own listener. Who may is the pages' business.

use crate::domain::error::StoreError;
use crate::domain::id::{ChannelId, JobId};
use crate::engine::inbox::{Doors, OperatorInbox};
use crate::engine::overview::{self, Entry};
use crate::engine::pauses::{self, By, Paused};
use crate::engine::troubles::Trouble;
use crate::ports::clock::Timestamp;
use crate::ports::store::{Queue, Replayed, Store};
use std::sync::Arc;

/// An administrator's desk.
#[derive(Clone)]
pub struct Desk {
    doors: Doors,
}

impl Desk {
    /// One behind these doors.
    pub fn new(doors: &Doors) -> Self {
        Self { doors: doors.clone() }
    }

    /// One beside the backend's door.
    pub fn beside(inbox: &OperatorInbox) -> Self {
        Self::new(&inbox.doors)
    }

    /// The store, to look at.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.doors.store
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.doors.now()
    }

    /// What was given up, the oldest `most` of it.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn given_up(&self, most: usize) -> Result<Vec<Entry>, StoreError> {
        Ok(overview::entries(self.store(), self.store().dead_letters(None, most).await?).await)
    }

    /// What waits, the oldest `most` of it. Confirmations are not among it: nobody misses them.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn waiting(&self, most: usize) -> Result<Vec<Entry>, StoreError> {
        let queues: Vec<_> = self.doors.queues().into_iter().filter(|queue| *queue != Queue::Confirm).collect();
        overview::waiting(self.store(), &queues, most).await
    }

    /// How much waits in a queue.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn depth(&self, queue: &Queue) -> Result<u64, StoreError> {
        self.store().depth(queue).await
    }

    /// What went wrong last in a channel, since the start.
    pub fn trouble(&self, channel: &ChannelId) -> Option<Trouble> {
        self.doors.troubles().last(channel)
    }

    /// Puts a dead letter back on its way; see [`crate::store::DeadLetters::replay_dead`].
    ///
    /// # Errors
    /// When the store can't.
    pub async fn replay(&self, job: JobId) -> Result<Option<Replayed>, StoreError> {
        let replayed = self.store().replay_dead(job, self.now()).await?;
        if let Some(Replayed::Back { queue, change }) = &replayed {
            if let Some(change) = change {
                self.doors.publish(*change);
            }
            self.doors.wake(queue);
        }
        Ok(replayed)
    }

    /// Forgets a dead letter. False when there is none.
    ///
    /// # Errors
    /// When the store can't.
    pub async fn forget(&self, job: JobId) -> Result<bool, StoreError> {
        self.store().drop_dead(job).await
    }

    /// The channels that are paused.
    pub fn paused(&self) -> Paused {
        self.doors.pauses.all()
    }

    /// Lets what operators write wait in a channel's queue. What is under way already goes on. False when the channel is
    /// not configured, or paused already.
    ///
    /// # Errors
    /// When it can't be stored.
    pub async fn pause(&self, channel: &ChannelId, why: &str, by: By) -> Result<bool, StoreError> {
        let known = self.doors.waker(&Queue::Channel(channel.clone())).is_some();
        let paused = known && pauses::pause(self.store(), channel, (why, by), self.now()).await?;
        self.doors.pauses.look(self.store()).await?;
        Ok(paused)
    }

    /// Lets a paused channel go on. False when it is not paused.
    ///
    /// # Errors
    /// When it can't be stored.
    pub async fn resume(&self, channel: &ChannelId) -> Result<bool, StoreError> {
        let resumed = pauses::resume(self.store(), channel).await?;
        self.doors.pauses.look(self.store()).await?;
        Ok(resumed)
    }
}
