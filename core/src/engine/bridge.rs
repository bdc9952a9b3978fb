//! The dispatcher: claims due jobs, has them carried out by the other side's adapter, and settles them.

mod asked;
mod gates;
mod operators;
mod serving;
mod visitors;
mod workers;

use crate::domain::again::chance;
use crate::domain::error::{DeliveryError, StoreError};
use crate::domain::id::ChannelId;
use crate::engine::channel::Built;
use crate::engine::inbox::Doors;
use crate::engine::measure;
use crate::engine::reconcile::{self, Round};
use crate::engine::retry::after_failure;
use crate::engine::roster::Sides;
use crate::engine::trace::{Moment, TraceId};
use crate::ports::backend::{Backend, Receipt};
use crate::ports::store::{Act, Claimed, Job, Outcome, Queue, Settlement, Work};
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use gates::{Gates, May};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use workers::Workers;

/// How long a job is leased: longer than any adapter may take, `visitors::PATIENCE` among them.
pub const LEASE: Duration = Duration::from_secs(180);
/// Longest sleep of an idle queue; a missed wake-up costs no more than this.
const IDLE: Duration = Duration::from_secs(30);
/// Pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// Slots for what the backend has under way; how many of them a message takes is the backend's wish.
const BACKEND_SLOTS: u32 = 160;
/// Batches of confirmations under way at the same time.
const CONFIRM_SLOTS: u32 = 8;
/// Messages of one channel under way at the same time, and the most that one claim takes.
const CHANNEL_SLOTS: u32 = 64;
const CHANNEL_BATCH: u32 = 16;
/// So many are settled in one step of the store at the most: a long one holds up visitors who come meanwhile.
const SETTLED_TOGETHER: usize = 16;
/// After the stop what is under way may take so long.
const STOP_PATIENCE: Duration = Duration::from_secs(8);

fn slots_of(queue: &Queue) -> u32 {
    match queue {
        Queue::Backend => BACKEND_SLOTS,
        Queue::Confirm => CONFIRM_SLOTS,
        Queue::Channel(_) => CHANNEL_SLOTS,
    }
}

/// Slots of jobs under way.
struct Held {
    permit: OwnedSemaphorePermit,
    /// Of one job.
    cost: usize,
}

impl Held {
    /// The slots of so many of the jobs.
    fn split(&mut self, jobs: usize) -> Option<Self> {
        Some(Self { permit: self.permit.split(jobs * self.cost)?, cost: self.cost })
    }
}

/// The bridge between the channels and the backend.
pub struct Bridge {
    doors: Doors,
    backend: Arc<dyn Backend>,
    sides: Sides,
    gates: Gates,
    workers: Workers,
}

impl Bridge {
    /// A bridge over these sides, for these channels. Everything that it joins is there already, so nobody has to wait for a
    /// part of it.
    pub fn new(sides: Sides, channels: BTreeMap<ChannelId, Built>) -> Arc<Self> {
        let (doors, backend) = (sides.doors.clone(), Arc::clone(sides.backend()));
        let (gates, workers) = (Gates::default(), Workers::default());
        let bridge = Arc::new(Self { doors, backend, sides, gates, workers });
        for (id, channel) in channels {
            bridge.add(&id, channel);
        }
        bridge
    }

    /// Works off all queues until `stop`, then finishes what is under way and returns. Looks for missed replies at the
    /// start, after every gap, and after each `reconcile_every`.
    pub async fn run(self: Arc<Self>, reconcile_every: Duration, stop: CancellationToken) {
        // The time before the start is a gap.
        self.doors.missing.begin();
        self.workers.start(&stop);
        self.doors.queues().into_iter().for_each(|queue| self.begin(queue));
        let reconciling = reconcile::run(self.doors.clone(), Arc::clone(&self.backend), reconcile_every, stop.clone());
        let pausing = self.doors.pauses.follow(&self.doors.store, &stop);
        tokio::join!(self.workers.ended(&stop), reconciling, pausing);
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
        self.doors.pauses.look(&self.doors.store).await?;
        let paused = self.doors.pauses.all();
        let is_paused = |queue: &Queue| matches!(queue, Queue::Channel(id) if paused.contains_key(id));
        let mut done = 0;
        loop {
            let mut round = 0;
            for queue in self.doors.queues().into_iter().filter(|queue| !is_paused(queue)) {
                let claimed = self.claim(&queue, self.limit(&queue, CHANNEL_BATCH as usize)).await?;
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
        let most = slots_of(&queue);
        let slots = Arc::new(Semaphore::new(most as usize));
        while stop.run_until_cancelled(self.next(&queue, &slots, &stop)).await.is_some() {}
        // What is under way holds slots; having all of them means that everything is settled.
        if tokio::time::timeout(STOP_PATIENCE, slots.acquire_many(most)).await.is_err() {
            tracing::warn!(queue = queue.name(), "cut what did not end in time: it is looked up at the next start");
        }
    }

    /// Claims and starts some jobs, or sleeps until there may be one. It may be dropped wherever it waits: a claim runs in
    /// a task of its own, so that no lease is taken without somebody to settle it.
    async fn next(self: &Arc<Self>, queue: &Queue, slots: &Arc<Semaphore>, stop: &CancellationToken) {
        match queue {
            Queue::Channel(id) => {
                if self.doors.has_fixed_order(id) {
                    self.doors.missing.none().await;
                }
                self.doors.pauses.over(id).await;
            }
            Queue::Backend | Queue::Confirm => self.backend.ready().await,
        }
        let (cost, mut jobs) = self.wanted(queue);
        if let Queue::Channel(id) = queue {
            jobs = jobs.min(self.admitted(id, queue).await);
        }
        let Ok(mut held) = Arc::clone(slots).acquire_many_owned(cost).await else { return };
        // A slot for each message: a slow one keeps its own only.
        let free = u32::try_from(slots.available_permits()).unwrap_or(u32::MAX);
        let more = (free / cost).min(jobs - 1) * cost;
        if let Ok(more) = Arc::clone(slots).try_acquire_many_owned(more) {
            held.merge(more);
        }
        let Some(waker) = self.doors.waker(queue) else { return };
        let woken = waker.notified();
        let (told, hears) = oneshot::channel();
        let (bridge, owned_queue, stop) = (Arc::clone(self), queue.clone(), stop.clone());
        tokio::spawn(async move {
            if stop.is_cancelled() {
                return;
            }
            let limit = bridge.limit(&owned_queue, held.num_permits() / cost as usize);
            let claimed = bridge.claim(&owned_queue, limit).await;
            let nap = bridge.nap(&owned_queue, &claimed);
            let some = claimed.as_ref().is_ok_and(|claimed| !claimed.jobs.is_empty());
            if !some {
                bridge.is_still_untried(&owned_queue);
            }
            let _ = told.send(nap);
            let held = Held { permit: held, cost: cost as usize };
            bridge.carry_out(&owned_queue, claimed.map(|claimed| claimed.jobs).unwrap_or_default(), Some(held)).await;
            if some && bridge.is_still_untried(&owned_queue) {
                bridge.doors.wake(&owned_queue);
            }
        });
        if let Ok(Some(nap)) = hears.await {
            let _ = tokio::time::timeout(nap, woken).await;
        }
    }

    /// Waits until a channel lets something in, or may be tried; how many messages may be claimed of it then.
    async fn admitted(&self, id: &ChannelId, queue: &Queue) -> u32 {
        loop {
            let wait = match self.gates.ask(id, Instant::now()) {
                May::Many => return CHANNEL_BATCH,
                May::One => return 1,
                May::Wait(wait) => wait,
            };
            let woken = async {
                if let Some(waker) = self.doors.waker(queue) {
                    waker.notified().await;
                }
            };
            let _ = tokio::time::timeout(wait, woken).await;
        }
    }

    /// Whether a claim that may have tried a channel has asked it nothing.
    fn is_still_untried(&self, queue: &Queue) -> bool {
        matches!(queue, Queue::Channel(id) if self.gates.is_still_untried(id))
    }

    /// How many slots a job of a queue takes now, and how many jobs one claim has at the most (at least one).
    fn wanted(&self, queue: &Queue) -> (u32, u32) {
        let most = slots_of(queue);
        match queue {
            Queue::Channel(_) => (1, CHANNEL_BATCH),
            // One for each call; a claim has many.
            Queue::Confirm => (1, 1),
            Queue::Backend => {
                let (deliveries, _) = self.backend.batch_limits();
                let under_way = u32::try_from(deliveries).unwrap_or(most).clamp(1, most);
                (most / under_way, under_way)
            }
        }
    }

    /// How many jobs a claim takes that has so many places.
    fn limit(&self, queue: &Queue, places: usize) -> usize {
        if *queue == Queue::Confirm { self.backend.batch_limits().1 } else { places }
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

    async fn claim(&self, queue: &Queue, limit: usize) -> Result<Claimed, StoreError> {
        self.doors.store.claim(queue, limit, self.doors.clock.now(), LEASE).await
    }

    /// Carries jobs out and settles them; `held`: the slots that they have.
    async fn carry_out(&self, queue: &Queue, jobs: Vec<Job>, held: Option<Held>) {
        match queue {
            Queue::Channel(_) | Queue::Backend => self.each(queue, jobs, held, |job| self.carried_out(job)).await,
            Queue::Confirm if jobs.is_empty() => {}
            Queue::Confirm => {
                let claimed = self.doors.traces.claimed(&*self.doors.clock);
                let outcomes = self.confirm(&jobs).await;
                self.ended(queue, claimed, jobs.into_iter().zip(outcomes).collect()).await;
            }
        }
    }

    async fn carried_out(&self, job: Job) -> (Job, Outcome) {
        let outcome = match job.work {
            Work::ToVisitor(act) => self.send(&job, act).await,
            Work::ToOperators(act) => self.deliver(&job, act).await,
            Work::Note => self.note(&job).await,
            Work::Confirm => self.confirm_one(&job).await,
        };
        (job, outcome)
    }

    /// Each job is settled when it ends, those that end at the same time together: a large file or a message that has to
    /// be looked up holds up neither other chats nor the state of what is done.
    async fn each<'b, F>(&'b self, queue: &Queue, jobs: Vec<Job>, held: Option<Held>, carry: impl Fn(Job) -> F)
    where
        F: Future<Output = (Job, Outcome)> + 'b,
    {
        let count = jobs.len();
        if count == 0 {
            return;
        }
        // What is not needed is free at once.
        let mut held = held.and_then(|mut held| held.split(count));
        let claimed = self.doors.traces.claimed(&*self.doors.clock);
        let followed = |job: Job| {
            let span = self.doors.traces.span(&job);
            carry(job).instrument(span)
        };
        let under_way: FuturesUnordered<_> = jobs.into_iter().map(followed).collect();
        let settling = |ended: Vec<(Job, Outcome)>| {
            let slots = held.as_mut().and_then(|held| held.split(ended.len()));
            async move {
                self.ended(queue, claimed, ended).await;
                drop(slots);
            }
        };
        under_way.ready_chunks(count.min(SETTLED_TOGETHER)).for_each_concurrent(None, settling).await;
    }

    /// Tells of what ended, and settles it.
    async fn ended(&self, queue: &Queue, claimed: Option<Moment>, ended: Vec<(Job, Outcome)>) {
        for (job, outcome) in &ended {
            log(queue, job, outcome);
            measure::ended(job, outcome, self.doors.clock.now());
            self.doors.traces.ended(claimed, job, outcome);
            let (troubles, now) = (&self.doors.troubles, self.doors.clock.now());
            match outcome {
                Outcome::Done { .. } => troubles.went_well(&job.conversation.channel, queue, now),
                Outcome::Retry { reason, .. } | Outcome::Dead { reason, .. } => {
                    troubles.note(&job.conversation.channel, queue, now, reason);
                }
            }
        }
        let given_up: Vec<_> = ended.iter().filter(|(job, outcome)| is_lost(job, outcome)).cloned().collect();
        // Backwards, because the first one of a lane holds its lease for all.
        let settlements = ended.into_iter().rev().map(|(job, outcome)| Settlement { job: job.id, outcome }).collect();
        self.settle(settlements).await;
        join_all(given_up.iter().map(|(job, _)| self.tell_visitor(job))).await;
        // The lanes may have more: look again at once.
        self.doors.wake(queue);
    }

    fn failed(&self, job: &Job, error: DeliveryError) -> Outcome {
        after_failure(job, error, self.doors.clock.now(), chance())
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
                            Outcome::Done { confirm: true, .. } => self.doors.wake(&Queue::Confirm),
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

/// Whether a visitor's message will not reach the operators.
fn is_lost(job: &Job, outcome: &Outcome) -> bool {
    job.work == Work::ToOperators(Act::Send) && matches!(outcome, Outcome::Dead { .. })
}

fn done(receipt: Receipt) -> Outcome {
    Outcome::Done { thread: receipt.thread, delivered_as: Vec::new(), confirm: false }
}

fn log(queue: &Queue, job: &Job, outcome: &Outcome) {
    let (queue, task, item) = (queue.name(), job.work.name(), job.item.id);
    // Made only when the line is written.
    let trace = || TraceId::of_job(job);
    match outcome {
        Outcome::Done { .. } => tracing::debug!(queue, task, %item, trace = %trace(), "done"),
        Outcome::Retry { reason, at, uncertain, .. } => {
            let attempts = job.attempts;
            tracing::warn!(queue, task, %item, trace = %trace(), attempts, uncertain, until = %at, reason, "will try again");
        }
        Outcome::Dead { reason, .. } => {
            tracing::error!(queue, task, %item, trace = %trace(), reason, "given up, kept as a dead letter");
        }
    }
}
