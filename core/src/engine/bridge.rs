//! The dispatcher: claims due jobs, has them carried out by the other side's adapter, and settles them.

mod visitors;

use crate::domain::error::{DeliveryError, StoreError};
use crate::domain::id::{ChannelId, ConversationId};
use crate::domain::message::Note;
use crate::engine::inbox::Doors;
use crate::engine::reconcile::{self, Round};
use crate::engine::retry::after_failure;
use crate::ports::backend::Backend;
use crate::ports::backend::{Act, Confirmation, Delivery, Receipt};
use crate::ports::channel::Channel;
use crate::ports::files::FilePlace;
use crate::ports::store::{Claimed, Job, Outcome, Queue, Settlement, Task};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

/// How long a job is leased: longer than any adapter may take, `visitors::PATIENCE` among them.
const LEASE: Duration = Duration::from_secs(180);
/// Longest sleep of an idle queue; a missed wake-up costs no more than this.
const IDLE: Duration = Duration::from_secs(30);
/// How long the backend may fetch a visitor's file.
const FILE_LINK: Duration = Duration::from_secs(24 * 3600);
/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// How often a note is tried to be stored; the message that it is about does not wait for longer.
const NOTE_TRIES: u32 = 5;
/// Until a note of unknown outcome is said once more, and how long a note is tried that is certainly not there.
const NOTE_PAUSE: Duration = Duration::from_secs(15);
const NOTE_PATIENCE: Duration = Duration::from_secs(10 * 60);
/// Portal calls under way at the same time.
const BACKEND_CALLS: u32 = 8;
/// Messages of one channel under way at the same time, and the most that one claim takes.
const CHANNEL_SENDS: u32 = 64;
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
        let _ = doors.channels.set(channels.clone());
        Arc::new(Self { doors, backend, channels })
    }

    /// Works off all queues until `stop`, then finishes what is under way and returns. Looks for missed replies at the
    /// start, after every gap, and after each `reconcile_every`.
    pub async fn run(self: Arc<Self>, reconcile_every: Duration, stop: CancellationToken) {
        // The time before the start is a gap.
        self.doors.missing.begin();
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
                let claimed = self.claim(&queue, CHANNEL_BATCH).await?;
                round += claimed.jobs.len();
                self.carry_out(&queue, claimed.jobs, None).await;
            }
            if round == 0 {
                return Ok(done);
            }
            done += round;
        }
    }

    async fn work(self: Arc<Self>, queue: Queue, stop: CancellationToken) {
        let calls = if matches!(queue, Queue::Channel(_)) { CHANNEL_SENDS } else { BACKEND_CALLS };
        let slots = Arc::new(Semaphore::new(calls as usize));
        while stop.run_until_cancelled(self.next(&queue, &slots, &stop)).await.is_some() {}
        // What is under way holds slots; having all of them means that everything is settled.
        let _ = slots.acquire_many(calls).await;
    }

    /// Claims and starts one batch, or sleeps until there may be one. It may be dropped wherever it waits: a claim runs
    /// in a task of its own, so that no lease is taken without somebody to settle it.
    async fn next(self: &Arc<Self>, queue: &Queue, slots: &Arc<Semaphore>, stop: &CancellationToken) {
        let Ok(mut held) = Arc::clone(slots).acquire_owned().await else { return };
        if let Queue::Channel(id) = queue {
            if self.doors.has_fixed_order(id) {
                self.doors.missing.none().await;
            }
            // A slot for each message: a slow one keeps its own only.
            let more = slots.available_permits().min(CHANNEL_BATCH - 1);
            if let Ok(more) = Arc::clone(slots).try_acquire_many_owned(u32::try_from(more).unwrap_or_default()) {
                held.merge(more);
            }
        } else {
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
            let claimed = bridge.claim(&owned_queue, held.num_permits()).await;
            let nap = bridge.nap(&owned_queue, &claimed);
            let _ = told.send(nap);
            bridge.carry_out(&owned_queue, claimed.map(|claimed| claimed.jobs).unwrap_or_default(), Some(held)).await;
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

    /// `sends`: how many messages of a channel.
    async fn claim(&self, queue: &Queue, sends: usize) -> Result<Claimed, StoreError> {
        let (deliveries, confirmations) = self.backend.batch_limits();
        let limit = match queue {
            Queue::Backend => deliveries,
            Queue::Confirm => confirmations,
            Queue::Channel(_) => sends,
        };
        self.doors.store.claim(queue, limit, self.doors.clock.now(), LEASE).await
    }

    /// Carries jobs out and settles them; `held`: the slots that they have.
    async fn carry_out(&self, queue: &Queue, jobs: Vec<Job>, held: Option<OwnedSemaphorePermit>) {
        match queue {
            Queue::Channel(id) => self.to_visitors(queue, id, jobs, held).await,
            Queue::Backend | Queue::Confirm => self.to_backend(queue, jobs).await,
        }
    }

    /// A message with files takes as long as the backend fetches them, so each is settled for itself: nobody else waits
    /// for that.
    async fn to_backend(&self, queue: &Queue, jobs: Vec<Job>) {
        let slow = |job: &Job| *queue == Queue::Backend && !job.item.content.files.is_empty();
        let (slow, quick): (Vec<_>, Vec<_>) = jobs.into_iter().partition(slow);
        let batches = slow.into_iter().map(|job| vec![job]).chain([quick]).filter(|jobs| !jobs.is_empty());
        let together = |jobs: Vec<Job>| async move {
            let outcomes = match queue {
                Queue::Confirm => self.confirm(&jobs).await,
                _ => self.to_operators(&jobs).await,
            };
            self.ended(queue, jobs.into_iter().zip(outcomes).collect()).await;
        };
        join_all(batches.map(together)).await;
    }

    /// Tells of what ended, and settles it.
    async fn ended(&self, queue: &Queue, ended: Vec<(Job, Outcome)>) {
        for (job, outcome) in &ended {
            log(queue, job, outcome);
            if let Outcome::Retry { reason, .. } | Outcome::Dead { reason, .. } = outcome {
                self.doors.troubles.note(&job.conversation.channel, self.doors.clock.now(), reason);
            }
        }
        let given_up: Vec<_> = ended.iter().filter(|(job, outcome)| is_lost(queue, job, outcome)).cloned().collect();
        // Backwards, because the first one of a lane holds its lease for all.
        let settlements = ended.into_iter().rev().map(|(job, outcome)| Settlement { job: job.id, outcome }).collect();
        self.settle(settlements).await;
        join_all(given_up.iter().map(|(job, _)| self.tell_visitor(job))).await;
        // The lanes may have more: look again at once.
        self.doors.wake(queue);
    }

    /// Messages in one batch, notes beside them.
    async fn to_operators(&self, jobs: &[Job]) -> Vec<Outcome> {
        let (notes, messages): (Vec<_>, Vec<_>) = jobs.iter().partition(|job| job.task == Task::Note);
        let noted = join_all(notes.into_iter().map(|job| self.note(job)));
        let (noted, delivered) = tokio::join!(noted, self.deliver(&messages));
        let (mut noted, mut delivered) = (noted.into_iter(), delivered.into_iter());
        let mut outcome = |job: &Job| if job.task == Task::Note { noted.next() } else { delivered.next() };
        let lost = |job| self.failed(job, DeliveryError::unknown("the backend gave no result"));
        jobs.iter().map(|job| outcome(job).unwrap_or_else(|| lost(job))).collect()
    }

    /// A note that may not be said (the portal does not let us) is not worth a dead letter, and none is worth holding up
    /// what its visitor writes.
    async fn note(&self, job: &Job) -> Outcome {
        let now = || self.doors.clock.now();
        let reason = match self.backend.note(&job.conversation, &job.item.content.text.to_plain()).await {
            Ok(()) => return done(Receipt::default()),
            // Nobody can look whether it is there. Said once more it may stand there twice; more is not worth it.
            Err(DeliveryError::Unknown { reason }) if !job.uncertain => {
                return Outcome::Retry { at: now().plus(NOTE_PAUSE), reason, uncertain: true, counted: true };
            }
            Err(DeliveryError::Refused { reason } | DeliveryError::Unknown { reason }) => reason,
            Err(DeliveryError::Retry { reason, .. }) if job.created.until(now()) > NOTE_PATIENCE => reason,
            Err(error) => return self.failed(job, error),
        };
        tracing::warn!(item = %job.item.id, reason, "the operators could not be told");
        done(Receipt::default())
    }

    async fn deliver(&self, jobs: &[&Job]) -> Vec<Outcome> {
        let batch: Vec<_> = jobs.iter().filter(|job| !is_moot(job)).map(|job| self.delivery(job)).collect();
        let results = if batch.is_empty() { Vec::new() } else { self.backend.deliver(&batch).await };
        for (delivery, result) in batch.iter().zip(&results) {
            if let Ok(Receipt { note: Some(note), .. }) = result {
                self.remember_note(delivery.conversation.id, note).await;
            }
        }
        let mut results = results.into_iter();
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
        jobs.iter().map(|job| outcome(job)).collect()
    }

    /// Stored before the job is settled: after a crash in between, the same note comes again, and is known by its key.
    async fn remember_note(&self, conversation: ConversationId, note: &Note) {
        for _ in 0..NOTE_TRIES {
            match self.doors.store.record_note(conversation, note.clone(), self.doors.clock.now()).await {
                Ok(_) => return self.doors.wake(&Queue::Backend),
                Err(error) => {
                    tracing::error!(%error, %conversation, "can't store a note to the operators");
                }
            }
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    fn delivery(&self, job: &Job) -> Delivery {
        Delivery {
            conversation: job.conversation.clone(),
            item: job.item.clone(),
            act: match job.task {
                Task::Edit => Act::Edit,
                Task::Delete => Act::Delete,
                Task::Send | Task::Confirm | Task::Note => Act::Send,
            },
            external_id: format!("{}-{}", self.doors.store.tag(), job.item.id),
            uncertain: job.uncertain,
            file_urls: self.file_urls(job),
        }
    }

    fn file_urls(&self, job: &Job) -> Vec<String> {
        let Some(equipment) = &self.doors.equipment else { return Vec::new() };
        let (conversation, message, now) = (job.conversation.id, job.item.id, self.doors.clock.now());
        let url = |(index, file)| {
            let place = FilePlace { conversation, message, index };
            equipment.links.url(place, file, now, FILE_LINK)
        };
        job.item.content.files.iter().enumerate().map(url).collect()
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
                        match &settlement.outcome {
                            Outcome::Done { follow: Some((queue, _)), .. } => self.doors.wake(queue),
                            Outcome::Dead { note: Some(_), .. } => self.doors.wake(&Queue::Backend),
                            _ => {}
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

/// Whether a visitor's message will not reach the operators.
fn is_lost(queue: &Queue, job: &Job, outcome: &Outcome) -> bool {
    *queue == Queue::Backend && job.task == Task::Send && matches!(outcome, Outcome::Dead { .. })
}

fn done(receipt: Receipt) -> Outcome {
    Outcome::Done { thread: receipt.thread, delivered_as: Vec::new(), follow: None }
}

fn log(queue: &Queue, job: &Job, outcome: &Outcome) {
    let (queue, task, item) = (queue.name(), job.task.name(), job.item.id);
    match outcome {
        Outcome::Done { .. } => tracing::debug!(queue, task, %item, "done"),
        Outcome::Retry { reason, at, uncertain, .. } => {
            let wait = at.0;
            tracing::warn!(queue, task, %item, attempts = job.attempts, uncertain, until = wait, reason, "will try again");
        }
        Outcome::Dead { reason, .. } => {
            tracing::error!(queue, task, %item, reason, "given up, kept as a dead letter");
        }
    }
}
