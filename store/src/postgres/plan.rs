//! What a list of settlements does, worked out in memory.

use super::fault::Result;
use super::items::Errand;
use super::row::to_json;
use openline_core::message::{Note, Side, State, Thread};
use openline_core::steps::{Lease, counts, new_state};
use openline_core::store::{Change, Outcome, Queue, Settlement, Work};
use openline_core::{ConversationId, MessageId, Rev, Timestamp};
use std::collections::BTreeMap;

/// A living job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    pub(crate) lane: i64,
    pub(crate) work: Work,
    pub(crate) message: MessageId,
    pub(crate) conversation: ConversationId,
}

pub(crate) struct Conversation {
    pub(crate) rev: i64,
    /// What was told of its place on the backend's side.
    pub(crate) thread: Thread,
    /// The dialogs that were told of, one after another.
    pub(crate) sessions: Vec<String>,
    /// Whether its dialog is open now.
    pub(crate) opened: bool,
    pub(crate) changed: bool,
}

pub(crate) struct Message {
    side: Side,
    pub(crate) state: State,
    /// Its new revision, when it has one.
    pub(crate) rev: Option<i64>,
    /// JSON of the ids under which it was delivered, when they were told.
    pub(crate) delivered_as: Option<String>,
    pub(crate) changed: bool,
}

pub(crate) struct Lane {
    leased: i64,
    owner: i64,
    /// Whether nothing of it was done before, and whether something was now.
    fresh: bool,
    pub(crate) known: bool,
    /// What becomes of it, when its lease ended.
    pub(crate) next: Option<Next>,
}

/// How a lane goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Next {
    /// With its next job, when it has one.
    Job,
    /// Not before that moment.
    Wait(Timestamp),
}

/// An attempt that was none, or the last one.
pub(crate) struct Failed {
    pub(crate) job: i64,
    pub(crate) counted: bool,
    pub(crate) uncertain: Option<bool>,
    pub(crate) dead_at: Option<Timestamp>,
    pub(crate) reason: String,
}

/// What is known, and what is to be written.
pub(crate) struct Plan {
    owner: i64,
    /// The living jobs.
    jobs: BTreeMap<i64, Job>,
    pub(crate) conversations: BTreeMap<i64, Conversation>,
    pub(crate) messages: BTreeMap<i64, Message>,
    pub(crate) lanes: BTreeMap<i64, Lane>,
    pub(crate) done: Vec<i64>,
    pub(crate) failed: Vec<Failed>,
    pub(crate) confirmations: Vec<Errand>,
    pub(crate) notes: Vec<(ConversationId, Note)>,
    pub(crate) changes: Vec<Change>,
}

impl Plan {
    pub(crate) fn new(owner: i64) -> Self {
        Self {
            owner,
            jobs: BTreeMap::new(),
            conversations: BTreeMap::new(),
            messages: BTreeMap::new(),
            lanes: BTreeMap::new(),
            done: Vec::new(),
            failed: Vec::new(),
            confirmations: Vec::new(),
            notes: Vec::new(),
            changes: Vec::new(),
        }
    }

    pub(crate) fn add_conversation(&mut self, id: i64, rev: i64) {
        let (thread, sessions) = (Thread::default(), Vec::new());
        let conversation = Conversation { rev, thread, sessions, opened: false, changed: false };
        self.conversations.insert(id, conversation);
    }

    pub(crate) fn add_lane(&mut self, id: i64, leased: i64, owner: i64, fresh: bool) {
        self.lanes.insert(id, Lane { leased, owner, fresh, known: false, next: None });
    }

    pub(crate) fn add_message(&mut self, id: i64, side: Side, state: State) {
        self.messages.insert(id, Message { side, state, rev: None, delivered_as: None, changed: false });
    }

    pub(crate) fn add_job(&mut self, id: i64, job: Job) {
        self.jobs.insert(id, job);
    }

    pub(crate) fn job(&self, id: i64) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// `finished` is whether the dialog that the outcome names is known to be closed.
    pub(crate) fn settle(&mut self, settlement: &Settlement, finished: bool, now: Timestamp) -> Result<()> {
        let id = settlement.job.0;
        let Some(job) = self.jobs.get(&id).copied() else { return Ok(()) };
        if !counts(job.work, self.lease(id, job), &settlement.outcome) {
            return Ok(());
        }
        match &settlement.outcome {
            Outcome::Done { thread, delivered_as, confirm } => {
                self.jobs.remove(&id);
                self.done.push(id);
                self.tell(job, thread, finished);
                self.delivered(job, delivered_as)?;
                self.confirmations.extend(confirm.then(|| confirmation(job)));
                self.go_on(id, job);
                if let Some(lane) = self.lanes.get_mut(&job.lane) {
                    lane.known = lane.fresh;
                }
                self.set_state(job, State::Delivered);
            }
            Outcome::Retry { at, reason, uncertain, counted } => {
                let (counted, uncertain, reason) = (*counted, Some(*uncertain), reason.clone());
                self.failed.push(Failed { job: id, counted, uncertain, dead_at: None, reason });
                self.free(job, Next::Wait(*at));
            }
            Outcome::Dead { reason, note } => {
                self.jobs.remove(&id);
                let (dead_at, reason) = (Some(now), reason.clone());
                self.failed.push(Failed { job: id, counted: true, uncertain: None, dead_at, reason });
                self.go_on(id, job);
                self.notes.extend(note.clone().map(|note| (job.conversation, note)));
                self.set_state(job, State::Failed);
            }
        }
        Ok(())
    }

    /// Who has the lease of the job's lane, as far as it is the settling process's.
    fn lease(&self, id: i64, job: Job) -> Lease {
        self.lanes.get(&job.lane).map_or(Lease::Gone, |lane| Lease::of(lane.leased, id, lane.owner == self.owner))
    }

    fn free(&mut self, job: Job, next: Next) {
        if let Some(lane) = self.lanes.get_mut(&job.lane) {
            (lane.leased, lane.next) = (0, Some(next));
        }
    }

    /// Lets the lane go on after a job, unless another one is leased meanwhile.
    fn go_on(&mut self, id: i64, job: Job) {
        if self.lanes.get(&job.lane).is_some_and(|lane| lane.leased == 0 || lane.leased == id) {
            self.free(job, Next::Job);
        }
    }

    /// A message that was put into a dialog: that one is open, unless it is known that it was closed meanwhile. (Its
    /// start event may have been lost, and then nobody would look for replies in it.)
    fn tell(&mut self, job: Job, thread: &Thread, finished: bool) {
        if let Some(conversation) = self.conversations.get_mut(&job.conversation.0)
            && *thread != Thread::default()
        {
            conversation.thread.update(thread);
            conversation.sessions.extend(thread.session.clone());
            conversation.opened |= thread.session.is_some() && !finished;
            conversation.changed = true;
        }
    }

    fn delivered(&mut self, job: Job, delivered_as: &[String]) -> Result<()> {
        if let Some(message) = self.messages.get_mut(&job.message.0)
            && !delivered_as.is_empty()
        {
            message.delivered_as = Some(to_json(&delivered_as)?);
            message.changed = true;
        }
        Ok(())
    }

    /// Sets a sent message's state; a visitor sees that of their own messages.
    fn set_state(&mut self, job: Job, state: State) {
        let (Some(message), Some(conversation)) =
            (self.messages.get_mut(&job.message.0), self.conversations.get_mut(&job.conversation.0))
        else {
            return;
        };
        let Some(state) = new_state(job.work, message.state, state) else { return };
        (message.state, message.changed) = (state, true);
        if message.side == Side::Visitor {
            conversation.rev += 1;
            conversation.changed = true;
            message.rev = Some(conversation.rev);
            self.changes.push(Change { conversation: job.conversation, rev: Rev(conversation.rev) });
        }
    }
}

fn confirmation(job: Job) -> Errand {
    Errand { conversation: job.conversation, queue: Queue::Confirm, work: Work::Confirm, message: job.message }
}
