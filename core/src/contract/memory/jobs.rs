//! Jobs: leased, settled, given up.

use super::rows::Held;
use super::{MemoryStore, Result};
use crate::domain::id::{ConversationId, JobId, MessageId};
use crate::domain::message::{Side, State};
use crate::domain::time::Timestamp;
use crate::ports::steps::{Lease, counts, new_state};
use crate::ports::store::{
    Change, Claimed, DeadLetters, Job, Jobs, Outcome, Queue, Replayed, Settlement, ShownJob, Work,
};
use async_trait::async_trait;
use std::time::Duration;

#[async_trait]
impl Jobs for MemoryStore {
    async fn claim(&self, queue: &Queue, limit: usize, now: Timestamp, lease: Duration) -> Result<Claimed> {
        Ok(self.write("claim")?.claim(queue, limit, now, lease))
    }

    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Vec<Change>> {
        let mut held = self.write("settle")?;
        Ok(settlements.into_iter().filter_map(|one| held.settle(one.job, one.outcome, now)).collect())
    }

    async fn hurry(&self, queue: &Queue, now: Timestamp) -> Result<()> {
        let mut held = self.write("hurry")?;
        for lane in held.lanes.iter_mut().filter(|lane| lane.queue == *queue && lane.leased.is_none()) {
            lane.due = lane.due.map(|due| due.min(now));
        }
        Ok(())
    }

    async fn waiting(&self, queue: &Queue, limit: usize) -> Result<Vec<ShownJob>> {
        let held = self.read("waiting")?;
        let living = held.living(queue);
        Ok(living.take(limit).filter_map(|job| held.shown(job)).collect())
    }

    async fn depth(&self, queue: &Queue) -> Result<u64> {
        Ok(self.read("depth")?.living(queue).count() as u64)
    }

    async fn oldest(&self, queue: &Queue) -> Result<Option<Timestamp>> {
        let held = self.read("oldest")?;
        Ok(held.living(queue).map(|job| held.jobs[&job].created).min())
    }
}

#[async_trait]
impl DeadLetters for MemoryStore {
    async fn dead_letters(&self, after: Option<JobId>, limit: usize) -> Result<Vec<ShownJob>> {
        let held = self.read("dead_letters")?;
        let dead = held.jobs.iter().filter(|(job, chore)| chore.dead_at.is_some() && **job > after.unwrap_or_default());
        Ok(dead.take(limit).filter_map(|(job, _)| held.shown(*job)).collect())
    }

    async fn retry_failed(
        &self,
        id: ConversationId,
        message: MessageId,
        now: Timestamp,
    ) -> Result<Option<(Change, Queue)>> {
        let mut held = self.write("retry_failed")?;
        let Some(job) = held.dead_send(message).filter(|job| held.conversation_of(*job) == Some(id)) else {
            return Ok(None);
        };
        let queue = held.revive(job, now);
        Ok(held.sent_again(id, message).zip(queue))
    }

    async fn replay_dead(&self, job: JobId, now: Timestamp) -> Result<Option<Replayed>> {
        let mut held = self.write("replay_dead")?;
        let Some(chore) = held.jobs.get(&job).filter(|chore| chore.dead_at.is_some()) else { return Ok(None) };
        let (work, message) = (chore.work, chore.message);
        if !work.brings() {
            if let Some(before) = held.dead_send(message) {
                return Ok(Some(Replayed::Behind(before)));
            }
            if let Some(chore) = held.jobs.get_mut(&job) {
                (chore.uncertain, chore.unknown_since) = (false, None);
            }
        }
        let (id, queue) = (held.conversation_of(job), held.revive(job, now));
        let change = id.filter(|_| work.is_send()).and_then(|id| held.sent_again(id, message));
        if let (Work::Note, Some(id)) = (work, id)
            && let Some(kept) = held.kept_mut(id, message)
        {
            kept.item.state = State::Sent;
        }
        Ok(queue.map(|queue| Replayed::Back { queue, change }))
    }

    async fn drop_dead(&self, job: JobId) -> Result<bool> {
        let mut held = self.write("drop_dead")?;
        let is_dead = held.jobs.get(&job).is_some_and(|chore| chore.dead_at.is_some());
        Ok(is_dead && held.jobs.remove(&job).is_some())
    }
}

impl Held {
    /// The living jobs of a queue, oldest first.
    fn living(&self, queue: &Queue) -> impl Iterator<Item = JobId> {
        let living = self.jobs.iter().filter(|(_, chore)| chore.dead_at.is_none());
        living.filter(move |(_, chore)| self.lanes[chore.lane].queue == *queue).map(|(job, _)| *job)
    }

    /// The living jobs of a lane in the order in which they are claimed.
    fn in_turn(&self, lane: usize) -> Vec<JobId> {
        let living = self.jobs.iter().filter(|(_, chore)| chore.lane == lane && chore.dead_at.is_none());
        let mut living: Vec<_> = living.map(|(job, _)| *job).collect();
        if let Queue::Channel(_) = self.lanes[lane].queue {
            let chat = self.chats.get(&self.lanes[lane].conversation);
            let remote = |message: MessageId| {
                chat.and_then(|chat| chat.items.iter().find(|kept| kept.item.id == message))
                    .and_then(|kept| kept.item.remote)
            };
            living.sort_by_key(|job| {
                let chore = &self.jobs[job];
                (chore.attempts == 0 && !chore.uncertain, remote(chore.message))
            });
        }
        living
    }

    fn claim(&mut self, queue: &Queue, limit: usize, now: Timestamp, lease: Duration) -> Claimed {
        let is_due = |due: Option<Timestamp>| due.is_some_and(|due| due <= now);
        let mut due: Vec<_> = (0..self.lanes.len())
            .filter(|lane| self.lanes[*lane].queue == *queue && is_due(self.lanes[*lane].due))
            .collect();
        due.sort_by_key(|lane| self.lanes[*lane].turn());
        due.truncate(limit);
        // Each lane gives one, and what is free then goes to the first of them.
        let mut free = if *queue == Queue::Confirm { limit - due.len() } else { 0 };
        let mut jobs = Vec::new();
        for lane in due {
            if let Some(chore) = self.lanes[lane].leased.and_then(|leased| self.jobs.get_mut(&leased)) {
                (chore.uncertain, chore.unknown_since) = (true, self.lanes[lane].leased_at);
            }
            let first: Vec<_> = self.in_turn(lane).into_iter().take(1 + free).collect();
            free -= first.len().saturating_sub(1);
            let held = &mut self.lanes[lane];
            (held.leased, held.leased_at) = (first.first().copied(), Some(now));
            held.due = held.leased.map(|_| now.plus(lease));
            jobs.extend(first.into_iter().filter_map(|job| self.job(job)));
        }
        let lanes = self.lanes.iter().filter(|lane| lane.queue == *queue);
        Claimed { jobs, next_due: lanes.filter_map(|lane| lane.due).min() }
    }

    fn job(&self, id: JobId) -> Option<Job> {
        let chore = self.jobs.get(&id)?;
        let chat = self.chats.get(&self.lanes[chore.lane].conversation)?;
        let item = chat.items.iter().find(|kept| kept.item.id == chore.message)?.item.clone();
        Some(Job {
            id,
            work: chore.work,
            conversation: chat.conversation.clone(),
            item,
            attempts: chore.attempts,
            uncertain: chore.uncertain,
            unknown_since: chore.unknown_since,
            created: chore.created,
        })
    }

    fn shown(&self, job: JobId) -> Option<ShownJob> {
        let chore = self.jobs.get(&job)?;
        let conversation = self.lanes[chore.lane].conversation;
        Some(ShownJob {
            job,
            channel: self.chats.get(&conversation)?.conversation.channel.clone(),
            work: chore.work,
            conversation,
            message: chore.message,
            at: chore.dead_at.unwrap_or(chore.created),
            reason: chore.reason.clone(),
            attempts: chore.attempts,
        })
    }

    fn settle(&mut self, job: JobId, outcome: Outcome, now: Timestamp) -> Option<Change> {
        let chore = self.jobs.get_mut(&job).filter(|chore| chore.dead_at.is_none())?;
        let (work, message, lane) = (chore.work, chore.message, chore.lane);
        let leased = self.lanes[lane].leased.unwrap_or_default();
        if !counts(work, Lease::of(leased.0, job.0, true), &outcome) {
            return None;
        }
        let id = self.lanes[lane].conversation;
        match outcome {
            Outcome::Done { thread, delivered_as, confirm } => {
                self.jobs.remove(&job);
                self.delivered_into(id, &thread);
                if let Some(kept) = self.chats.get_mut(&id)?.item_mut(message).filter(|_| !delivered_as.is_empty()) {
                    kept.item.delivered_as = delivered_as;
                }
                if confirm {
                    self.enqueue(id, Work::Confirm, message, now);
                }
                self.go_on(lane, job, now);
                self.lanes[lane].fresh = false;
                self.set_state(id, work, message, State::Delivered)
            }
            Outcome::Retry { at, reason, uncertain, counted } => {
                chore.attempts += u32::from(counted);
                (chore.uncertain, chore.reason) = (uncertain, reason);
                if uncertain && counted {
                    chore.unknown_since = Some(now);
                }
                (self.lanes[lane].leased, self.lanes[lane].due) = (None, Some(at));
                None
            }
            Outcome::Dead { reason, note } => {
                chore.attempts += 1;
                (chore.dead_at, chore.reason) = (Some(now), reason);
                self.go_on(lane, job, now);
                if let Some(note) = note {
                    self.note(id, &note, now);
                }
                self.set_state(id, work, message, State::Failed)
            }
        }
    }

    /// Lets the lane go on after a job, unless another one is leased meanwhile.
    fn go_on(&mut self, lane: usize, job: JobId, now: Timestamp) {
        if self.lanes[lane].leased.is_none_or(|leased| leased == job) {
            let due = self.in_turn(lane).first().map(|_| now);
            (self.lanes[lane].leased, self.lanes[lane].due) = (None, due);
        }
    }

    /// What a visitor sees of it: the state of their own messages.
    fn set_state(&mut self, id: ConversationId, work: Work, message: MessageId, state: State) -> Option<Change> {
        let chat = self.chats.get_mut(&id)?;
        let kept = chat.item_mut(message)?;
        kept.item.state = new_state(work, kept.item.state, state)?;
        if kept.item.side == Side::Visitor { Some(chat.touch(message)) } else { None }
    }

    fn conversation_of(&self, job: JobId) -> Option<ConversationId> {
        self.jobs.get(&job).map(|chore| self.lanes[chore.lane].conversation)
    }

    /// The job by which a message was given up.
    fn dead_send(&self, message: MessageId) -> Option<JobId> {
        let is_it = self
            .jobs
            .iter()
            .find(|(_, chore)| chore.message == message && chore.work.is_send() && chore.dead_at.is_some());
        is_it.map(|(job, _)| *job)
    }

    /// Lets a dead job live, at its old place.
    fn revive(&mut self, job: JobId, now: Timestamp) -> Option<Queue> {
        let chore = self.jobs.get_mut(&job)?;
        (chore.dead_at, chore.attempts, chore.created) = (None, 0, now);
        let lane = &mut self.lanes[chore.lane];
        lane.due.get_or_insert(now);
        Some(lane.queue.clone())
    }

    /// Its message is on its way again, whoever wrote it.
    fn sent_again(&mut self, id: ConversationId, message: MessageId) -> Option<Change> {
        let chat = self.chats.get_mut(&id)?;
        chat.item_mut(message)?.item.state = State::Sent;
        Some(chat.touch(message))
    }
}
