//! A store as simple as can be: what the real one must agree with.

mod rooms;

use super::fixture::{LEASE, Talk};
use crate::domain::id::{JobId, MessageId};
use crate::domain::message::{Dialog, Happened, Item, ItemKind, Note, Side, State, Thread, Visitor};
use crate::ports::clock::Timestamp;
use crate::ports::store::{Act, Amend, NEW_BEHIND, Outcome, Queue, Work};
use std::collections::BTreeSet;

/// An item without what a store decides for itself.
#[derive(Debug, Clone)]
pub(super) struct Mail {
    pub(super) id: Option<MessageId>,
    pub(super) kind: ItemKind,
    pub(super) side: Side,
    pub(super) state: State,
    pub(super) key: String,
    pub(super) text: String,
    pub(super) remote: Option<i64>,
    pub(super) heard: Option<Timestamp>,
    pub(super) edited: bool,
    pub(super) deleted: bool,
    pub(super) delivered_as: Vec<String>,
    pub(super) at: Timestamp,
}

impl Mail {
    fn new(kind: ItemKind, side: Side, text: &str, at: Timestamp) -> Self {
        let mark = matches!(kind, ItemKind::DialogStarted | ItemKind::DialogFinished);
        let state = if mark { State::Delivered } else { State::Sent };
        let (key, text) = (String::new(), text.to_owned());
        let (id, remote, heard, delivered_as) = (None, None, None, Vec::new());
        Self { id, kind, side, state, key, text, remote, heard, edited: false, deleted: false, delivered_as, at }
    }

    /// Compares with an item, and learns its id.
    pub(super) fn check(&mut self, item: &Item) {
        assert_eq!(*self.id.get_or_insert(item.id), item.id);
        assert_eq!((item.kind, item.side, item.state, item.at), (self.kind, self.side, self.state, self.at));
        assert_eq!((item.remote, item.edited, item.deleted), (self.remote, self.edited, self.deleted));
        assert_eq!((item.content.text.to_plain(), &item.delivered_as), (self.text.clone(), &self.delivered_as));
        assert!(self.side != Side::Visitor || self.key == item.key);
    }

    fn delete(&mut self) {
        self.deleted = true;
        self.text.clear();
    }
}

/// A conversation.
#[derive(Default)]
pub(super) struct Room {
    pub(super) mails: Vec<Mail>,
    /// Indices of `mails` by position.
    pub(super) order: Vec<usize>,
    pub(super) visitor: Visitor,
    pub(super) thread: Thread,
    pub(super) dialog: Dialog,
    started: Vec<String>,
    finished: BTreeSet<String>,
    /// Dialogs whose histories are to be read once more.
    pub(super) past: BTreeSet<String>,
    /// Whether a visitor can see that something changed since it was looked at last.
    pub(super) changed: bool,
    /// When the newest item came.
    pub(super) active: Timestamp,
}

/// A job.
pub(super) struct Chore {
    pub(super) id: Option<JobId>,
    pub(super) mail: usize,
    remote: Option<i64>,
    pub(super) what: Work,
    pub(super) attempts: u32,
    pub(super) uncertain: bool,
    pub(super) unknown_since: Option<Timestamp>,
    pub(super) created: Timestamp,
    pub(super) dead: bool,
    pub(super) over: bool,
}

impl Chore {
    pub(super) fn lives(&self) -> bool {
        !self.dead && !self.over
    }

    /// Whether it is a dead letter.
    pub(super) fn is_letter(&self) -> bool {
        self.dead && !self.over
    }
}

pub(super) struct Lane {
    pub(super) room: usize,
    pub(super) queue: Queue,
    pub(super) due: Option<Timestamp>,
    leased: Option<usize>,
    leased_at: Option<Timestamp>,
    /// Whether the backend knows nothing of the conversation yet; `None` until there is something.
    fresh: Option<bool>,
    pub(super) works: Vec<Chore>,
}

impl Lane {
    /// When it counts as due.
    pub(super) fn turn(&self) -> Option<Timestamp> {
        self.due.map(|due| if self.fresh == Some(true) { due.plus(NEW_BEHIND) } else { due })
    }

    pub(super) fn head(&self) -> Option<usize> {
        self.living().first().copied()
    }

    /// The living jobs in the order in which they are claimed.
    pub(super) fn living(&self) -> Vec<usize> {
        let mut living: Vec<_> = (0..self.works.len()).filter(|work| self.works[*work].lives()).collect();
        if matches!(self.queue, Queue::Channel(_)) {
            let begun = |work: &Chore| work.attempts > 0 || work.uncertain;
            living.sort_by_key(|work| (!begun(&self.works[*work]), self.works[*work].remote));
        }
        living
    }

    /// Leases the lane by the first of them.
    pub(super) fn claim(&mut self, now: Timestamp) {
        if let Some(leased) = self.leased {
            self.works[leased].uncertain = true;
            self.works[leased].unknown_since = self.leased_at;
        }
        let head = self.head().unwrap();
        (self.leased, self.leased_at, self.due) = (Some(head), Some(now), Some(now.plus(LEASE)));
    }

    /// Whether that one's failure is the lane's, and whether it may be given up.
    fn holds(&self, work: usize) -> (bool, bool) {
        let behind = self.queue == Queue::Confirm && self.leased.is_some_and(|leased| leased < work);
        let holds = self.leased == Some(work);
        (holds, holds || behind)
    }

    fn go_on(&mut self, work: usize, now: Timestamp) {
        if self.leased.is_none_or(|leased| leased == work) {
            self.leased = None;
            self.due = self.head().map(|_| now);
        }
    }
}

/// The whole store.
#[derive(Default)]
pub(super) struct Reference {
    pub(super) rooms: Vec<Room>,
    pub(super) lanes: Vec<Lane>,
}

impl Reference {
    fn enqueue(&mut self, room: usize, queue: &Queue, what: Work, mail: usize, now: Timestamp) {
        let found = self.lanes.iter().position(|lane| lane.room == room && lane.queue == *queue);
        let lane = found.unwrap_or_else(|| {
            self.lanes.push(Lane {
                room,
                queue: queue.clone(),
                due: None,
                leased: None,
                leased_at: None,
                fresh: None,
                works: Vec::new(),
            });
            self.lanes.len() - 1
        });
        let remote = self.rooms[room].mails[mail].remote;
        let fresh = *queue == Queue::Backend && self.rooms[room].thread.chat.is_none();
        let lane = &mut self.lanes[lane];
        lane.fresh.get_or_insert(fresh);
        lane.due.get_or_insert(now);
        let (id, attempts, uncertain, unknown_since, dead, over) = (None, 0, false, None, false, false);
        lane.works.push(Chore { id, mail, remote, what, attempts, uncertain, unknown_since, created: now, dead, over });
    }

    /// Whether it is new.
    pub(super) fn note(&mut self, room: usize, note: &Note, now: Timestamp) -> bool {
        let here = &mut self.rooms[room];
        let known = here.mails.iter().any(|mail| mail.kind == ItemKind::Note && mail.key == note.key);
        if !known {
            let mail = Mail { key: note.key.clone(), ..Mail::new(ItemKind::Note, Side::System, &note.text, now) };
            here.mails.push(mail);
            here.active = here.active.max(now);
            let mail = here.mails.len() - 1;
            self.enqueue(room, &Queue::Backend, Work::Note, mail, now);
        }
        !known
    }

    /// How many items it had.
    pub(super) fn erase(&mut self, room: usize) -> u64 {
        for lane in self.lanes.iter_mut().filter(|lane| lane.room == room) {
            (lane.leased, lane.due, lane.fresh) = (None, None, None);
            lane.works.iter_mut().for_each(|work| work.over = true);
        }
        std::mem::take(&mut self.rooms[room]).mails.len() as u64
    }

    /// The index of the mail, and whether it is new.
    pub(super) fn write(&mut self, room: usize, key: &str, visitor: Option<Visitor>, now: Timestamp) -> (usize, bool) {
        let here = &mut self.rooms[room];
        if let Some(known) = here.visitors(key) {
            return (known, false);
        }
        if let Some(visitor) = visitor {
            here.visitor = visitor;
        }
        let mail = here.place(Mail { key: key.to_owned(), ..Mail::new(ItemKind::Message, Side::Visitor, key, now) });
        self.enqueue(room, &Queue::Backend, Work::ToOperators(Act::Send), mail, now);
        (mail, true)
    }

    /// Whether it changed something.
    pub(super) fn amend(&mut self, room: usize, key: &str, amend: &Amend, now: Timestamp) -> bool {
        let here = &mut self.rooms[room];
        let Some(index) = here.visitors(key) else { return false };
        let mail = &mut here.mails[index];
        let act = match amend {
            _ if mail.deleted => return false,
            Amend::Edit(content) if content.text.to_plain() == mail.text => return false,
            Amend::Edit(content) => {
                (mail.text, mail.edited) = (content.text.to_plain(), true);
                Act::Edit
            }
            Amend::Delete => {
                mail.delete();
                Act::Delete
            }
        };
        here.changed = true;
        self.enqueue(room, &Queue::Backend, Work::ToOperators(act), index, now);
        true
    }

    /// Whether something changed, and whether there is a job for the channel.
    pub(super) fn hear(&mut self, room: usize, talk: &Talk, happened: &Happened, now: Timestamp) -> (bool, bool) {
        let (changed, job) = self.rooms[room].hear(happened, now);
        self.rooms[room].changed |= changed;
        if let Some((act, mail)) = job {
            self.enqueue(room, &talk.queue(), Work::ToVisitor(act), mail, now);
        }
        (changed, job.is_some())
    }

    /// Whether the visitor sees it.
    pub(super) fn settle(&mut self, lane: usize, work: usize, outcome: &Outcome, now: Timestamp) -> bool {
        let (room, here) = (self.lanes[lane].room, &mut self.lanes[lane]);
        let (holds, may_die) = here.holds(work);
        let job = &mut here.works[work];
        if !job.lives() {
            return false;
        }
        let (what, mail) = (job.what, job.mail);
        match outcome {
            Outcome::Done { thread, delivered_as, confirm } => {
                job.over = true;
                here.fresh = Some(false);
                here.go_on(work, now);
                self.rooms[room].delivered_into(thread);
                if !delivered_as.is_empty() {
                    self.rooms[room].mails[mail].delivered_as.clone_from(delivered_as);
                }
                if *confirm {
                    self.enqueue(room, &Queue::Confirm, Work::Confirm, mail, now);
                }
                what.brings() && self.rooms[room].set_state(mail, State::Delivered)
            }
            Outcome::Retry { at, uncertain, counted, .. } if holds => {
                job.attempts += u32::from(*counted);
                job.uncertain = *uncertain;
                if *uncertain && *counted {
                    job.unknown_since = Some(now);
                }
                (here.leased, here.due) = (None, Some(*at));
                false
            }
            Outcome::Dead { note, .. } if may_die => {
                (job.dead, job.attempts) = (true, job.attempts + 1);
                here.go_on(work, now);
                if let Some(note) = note {
                    self.note(room, note, now);
                }
                what.brings() && self.rooms[room].set_state(mail, State::Failed)
            }
            Outcome::Retry { .. } | Outcome::Dead { .. } => false,
        }
    }

    pub(super) fn hurry(&mut self, queue: &Queue, now: Timestamp) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.queue == *queue && lane.leased.is_none()) {
            lane.due = lane.due.map(|due| due.min(now));
        }
    }

    /// The queue to which the failed message went back.
    pub(super) fn retry(&mut self, room: usize, mail: usize, now: Timestamp) -> Option<Queue> {
        let (lane, work) = self.dead_send(room, mail)?;
        Some(self.revive(lane, work, now))
    }

    /// Lane and number of the job by which a message was given up.
    fn dead_send(&self, room: usize, mail: usize) -> Option<(usize, usize)> {
        let is_it = |work: &Chore| work.mail == mail && work.what.is_send() && work.is_letter();
        let mut lanes = self.lanes.iter().enumerate().filter(|(_, lane)| lane.room == room);
        lanes.find_map(|(index, lane)| Some((index, lane.works.iter().position(is_it)?)))
    }

    fn revive(&mut self, lane: usize, work: usize, now: Timestamp) -> Queue {
        let lane = &mut self.lanes[lane];
        let work = &mut lane.works[work];
        (work.dead, work.attempts, work.created) = (false, 0, now);
        lane.due.get_or_insert(now);
        let room = &mut self.rooms[lane.room];
        if work.what.brings() {
            room.mails[work.mail].state = State::Sent;
        }
        room.changed |= work.what.is_send();
        lane.queue.clone()
    }

    /// Whether it goes back at once; the queue, or the job that has to go first.
    pub(super) fn replay(&mut self, lane: usize, work: usize, now: Timestamp) -> Option<Result<Queue, JobId>> {
        let room = self.lanes[lane].room;
        let it = &mut self.lanes[lane].works[work];
        if !it.is_letter() {
            return None;
        }
        let mail = it.mail;
        if !it.what.brings() {
            if let Some((lane, work)) = self.dead_send(room, mail) {
                return self.lanes[lane].works[work].id.map(Err);
            }
            let it = &mut self.lanes[lane].works[work];
            (it.uncertain, it.unknown_since) = (false, None);
        }
        Some(Ok(self.revive(lane, work, now)))
    }
}
