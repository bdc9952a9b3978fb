//! The dispatcher: claims due jobs, has them carried out by the other side's adapter, and settles them.

use crate::backend::{Act, Confirmation, Delivery, Receipt};
use crate::channel::Outgoing;
use crate::error::{DeliveryError, StoreError};
use crate::id::ChannelId;
use crate::inbox::Doors;
use crate::message::Thread;
use crate::reconcile::{self, Round};
use crate::retry::after_failure;
use crate::store::{Claimed, Job, Outcome, Queue, Settlement, Task};
use crate::{Backend, Channel};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

/// How long a job is leased: longer than any adapter may take.
const LEASE: Duration = Duration::from_secs(180);
/// Longest sleep of an idle queue; a missed wake-up costs no more than this.
const IDLE: Duration = Duration::from_secs(30);
/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// How often, and in which time, an operator is told that a reply failed.
const NOTE_TRIES: u32 = 10;
const NOTE_PAUSE: Duration = Duration::from_secs(5);
/// Portal calls under way at the same time.
const BACKEND_CALLS: u32 = 8;
/// Batches of one channel under way at the same time, and messages in one.
const CHANNEL_BATCHES: u32 = 2;
const CHANNEL_BATCH: usize = 16;

/// The bridge between the channels and the backend.
pub struct Bridge {
    doors: Doors,
    backend: Arc<dyn Backend>,
    channels: HashMap<ChannelId, Arc<dyn Channel>>,
}

impl Bridge {
    /// A bridge over these doors.
    pub fn new(doors: Doors, backend: Arc<dyn Backend>, channels: HashMap<ChannelId, Arc<dyn Channel>>) -> Arc<Self> {
        let _ = doors.backend.set(Arc::clone(&backend));
        Arc::new(Self { doors, backend, channels })
    }

    /// Works off all queues until `stop`, then finishes what is under way and returns. Looks for missed replies at the
    /// start, after every gap, and after each `reconcile_every`.
    pub async fn run(self: Arc<Self>, reconcile_every: Duration, stop: CancellationToken) {
        let workers = self.doors.queues().into_iter().map(|queue| Arc::clone(&self).work(queue, stop.clone()));
        let reconciling = reconcile::run(self.doors.clone(), Arc::clone(&self.backend), reconcile_every, stop.clone());
        tokio::join!(join_all(workers), reconciling);
    }

    /// Fetches the replies that were missed, by hand.
    ///
    /// # Errors
    /// When the store can't be used.
    pub async fn reconcile(&self) -> Result<Round, StoreError> {
        reconcile::round(&self.doors, &self.backend).await
    }

    /// Carries out everything that is due now, by hand, and returns how many jobs that were. For tests.
    ///
    /// # Errors
    /// When the store can't be used.
    pub async fn drain(&self) -> Result<usize, StoreError> {
        let mut done = 0;
        loop {
            let mut round = 0;
            for queue in self.doors.queues() {
                let claimed = self.claim(&queue).await?;
                round += claimed.jobs.len();
                self.carry_out(&queue, claimed.jobs).await;
            }
            if round == 0 {
                return Ok(done);
            }
            done += round;
        }
    }

    async fn work(self: Arc<Self>, queue: Queue, stop: CancellationToken) {
        let calls = if matches!(queue, Queue::Channel(_)) { CHANNEL_BATCHES } else { BACKEND_CALLS };
        let slots = Arc::new(Semaphore::new(calls as usize));
        while stop.run_until_cancelled(self.next(&queue, &slots, &stop)).await.is_some() {}
        // What is under way holds slots; having all of them means that everything is settled.
        let _ = slots.acquire_many(calls).await;
    }

    /// Claims and starts one batch, or sleeps until there may be one. It may be dropped wherever it waits: a claim runs
    /// in a task of its own, so that no lease is taken without somebody to settle it.
    async fn next(self: &Arc<Self>, queue: &Queue, slots: &Arc<Semaphore>, stop: &CancellationToken) {
        let Ok(slot) = Arc::clone(slots).acquire_owned().await else { return };
        if !matches!(queue, Queue::Channel(_)) {
            self.backend.ready().await;
        }
        let Some(waker) = self.doors.waker(queue) else { return };
        let woken = waker.notified();
        let (told, hears) = oneshot::channel();
        let (bridge, owned_queue, stop) = (Arc::clone(self), queue.clone(), stop.clone());
        tokio::spawn(async move {
            if stop.is_cancelled() {
                return;
            }
            let claimed = bridge.claim(&owned_queue).await;
            let nap = bridge.nap(&owned_queue, &claimed);
            let _ = told.send(nap);
            bridge.carry_out(&owned_queue, claimed.map(|claimed| claimed.jobs).unwrap_or_default()).await;
            drop(slot);
        });
        if let Ok(Some(nap)) = hears.await {
            let _ = tokio::time::timeout(nap, woken).await;
        }
    }

    /// How long there will be nothing to claim, unless a wake-up comes; `None` when there was something.
    fn nap(&self, queue: &Queue, claimed: &Result<Claimed, StoreError>) -> Option<Duration> {
        match claimed {
            Err(error) => {
                tracing::error!(queue = queue.name(), %error, "can't claim work");
                Some(STORE_PAUSE)
            }
            Ok(claimed) if !claimed.jobs.is_empty() => None,
            Ok(Claimed { next_due: None, .. }) => Some(IDLE),
            Ok(Claimed { next_due: Some(due), .. }) => {
                Some(self.doors.clock.now().until(*due).min(IDLE).max(Duration::from_millis(1)))
            }
        }
    }

    async fn claim(&self, queue: &Queue) -> Result<Claimed, StoreError> {
        let (deliveries, confirmations) = self.backend.batch_limits();
        let limit = match queue {
            Queue::Backend => deliveries,
            Queue::Confirm => confirmations,
            Queue::Channel(_) => CHANNEL_BATCH,
        };
        self.doors.store.claim(queue, limit, self.doors.clock.now(), LEASE).await
    }

    async fn carry_out(&self, queue: &Queue, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let outcomes = match queue {
            Queue::Backend => self.deliver(&jobs).await,
            Queue::Confirm => self.confirm(&jobs).await,
            Queue::Channel(id) => join_all(jobs.iter().map(|job| self.send(id, job))).await,
        };
        for (job, outcome) in jobs.iter().zip(&outcomes) {
            log(queue, job, outcome);
        }
        self.tell_operators(queue, &jobs, &outcomes);
        let settlements: Vec<_> =
            jobs.iter().zip(outcomes).map(|(job, outcome)| Settlement { job: job.id, outcome }).collect();
        self.settle(settlements).await;
        // The lanes may have more: look again at once.
        self.doors.wake(queue);
    }

    /// An operator learns that a reply did not reach its visitor. Done beside the work, and tried some times only: the
    /// dead letter is what is kept.
    fn tell_operators(&self, queue: &Queue, jobs: &[Job], outcomes: &[Outcome]) {
        if !matches!(queue, Queue::Channel(_)) {
            return;
        }
        for (job, outcome) in jobs.iter().zip(outcomes).filter(|(job, _)| job.task == Task::Send) {
            let Outcome::Dead { reason } = outcome else { continue };
            let (backend, conversation) = (Arc::clone(&self.backend), job.conversation.clone());
            let text = format!("This message did not reach the visitor: {reason}");
            tokio::spawn(async move {
                for _ in 0..NOTE_TRIES {
                    backend.ready().await;
                    match backend.note(&conversation, &text).await {
                        Ok(()) => return,
                        Err(DeliveryError::Refused { reason }) => {
                            return tracing::warn!(reason, "an operator could not be told of a failed reply");
                        }
                        Err(_) => tokio::time::sleep(NOTE_PAUSE).await,
                    }
                }
            });
        }
    }

    async fn deliver(&self, jobs: &[Job]) -> Vec<Outcome> {
        let batch: Vec<_> = jobs.iter().filter(|job| !is_moot(job)).map(|job| self.delivery(job)).collect();
        let mut results = if batch.is_empty() { Vec::new() } else { self.backend.deliver(&batch).await }.into_iter();
        let mut outcome = |job: &Job| {
            if is_moot(job) {
                return done(Receipt::default());
            }
            match results.next() {
                Some(Ok(receipt)) => done(receipt),
                Some(Err(error)) => self.failed(job, error),
                None => self.failed(job, DeliveryError::unknown("the backend gave no result")),
            }
        };
        jobs.iter().map(&mut outcome).collect()
    }

    fn delivery(&self, job: &Job) -> Delivery {
        Delivery {
            conversation: job.conversation.clone(),
            item: job.item.clone(),
            act: match job.task {
                Task::Edit => Act::Edit,
                Task::Delete => Act::Delete,
                Task::Send | Task::Confirm => Act::Send,
            },
            external_id: format!("{}-{}", self.doors.store.tag(), job.item.id),
            uncertain: job.uncertain,
            attempts: job.attempts,
        }
    }

    async fn confirm(&self, jobs: &[Job]) -> Vec<Outcome> {
        let batch: Vec<_> = jobs
            .iter()
            .map(|job| Confirmation { conversation: job.conversation.clone(), item: job.item.clone() })
            .collect();
        let mut results = self.backend.confirm(&batch).await.into_iter();
        jobs.iter()
            .map(|job| match results.next() {
                Some(Ok(())) => done(Receipt::default()),
                Some(Err(error)) => self.failed(job, error),
                None => self.failed(job, DeliveryError::unknown("the backend gave no result")),
            })
            .collect()
    }

    async fn send(&self, id: &ChannelId, job: &Job) -> Outcome {
        let Some(channel) = self.channels.get(id) else {
            return self.failed(job, DeliveryError::paused("the channel is not configured"));
        };
        let outgoing = Outgoing { conversation: &job.conversation, item: &job.item, uncertain: job.uncertain };
        let sent = match job.task {
            Task::Send if job.item.deleted => return done(Receipt::default()),
            Task::Send | Task::Confirm => channel.send(outgoing).await,
            Task::Edit if job.item.deleted || !channel.capabilities().edits => Ok(Vec::new()),
            Task::Edit => channel.edit(outgoing).await.map(|()| Vec::new()),
            Task::Delete if !channel.capabilities().deletes => Ok(Vec::new()),
            Task::Delete => channel.delete(outgoing).await.map(|()| Vec::new()),
        };
        match sent {
            Ok(delivered_as) => {
                let follow = (job.task == Task::Send).then_some((Queue::Confirm, Task::Confirm));
                Outcome::Done { thread: Thread::default(), delivered_as, follow }
            }
            Err(error) => self.failed(job, error),
        }
    }

    fn failed(&self, job: &Job, error: DeliveryError) -> Outcome {
        // A random number that needs no seed: the hasher's own keys.
        let jitter =
            f64::from(u32::try_from(RandomState::new().hash_one(job.id) >> 32).unwrap_or(0)) / f64::from(u32::MAX);
        after_failure(job, error, self.doors.clock.now(), jitter)
    }

    /// Settles, and keeps trying while the store is unavailable: an outcome that is forgotten would be done twice.
    async fn settle(&self, settlements: Vec<Settlement>) {
        loop {
            match self.doors.store.settle(settlements.clone(), self.doors.clock.now()).await {
                Ok(changes) => {
                    for change in changes {
                        self.doors.publish(change);
                    }
                    for settlement in &settlements {
                        if let Outcome::Done { follow: Some((queue, _)), .. } = &settlement.outcome {
                            self.doors.wake(queue);
                        }
                    }
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, jobs = settlements.len(), "can't settle finished work, trying again");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }
}

/// A send of something that was taken back before it left.
fn is_moot(job: &Job) -> bool {
    job.item.deleted && job.task != Task::Delete && !job.uncertain
}

fn done(receipt: Receipt) -> Outcome {
    Outcome::Done { thread: receipt.thread, delivered_as: Vec::new(), follow: None }
}

fn log(queue: &Queue, job: &Job, outcome: &Outcome) {
    let (queue, task, message) = (queue.name(), job.task.name(), job.item.id);
    match outcome {
        Outcome::Done { .. } => tracing::debug!(queue, task, %message, "done"),
        Outcome::Retry { reason, at, uncertain, .. } => {
            let wait = at.0;
            tracing::warn!(queue, task, %message, attempts = job.attempts, uncertain, until = wait, reason, "will try again");
        }
        Outcome::Dead { reason } => tracing::error!(queue, task, %message, reason, "given up, kept as a dead letter"),
    }
}
