//! Random operations, each done on the store and on a much simpler one, with everything compared.

use super::fixture::{ALL, Talk, at, claim_some, edited, finished, greeted, started};
use super::random::{Random, Told, seeds};
use super::reference::{Lane, Reference, Room};
use super::{Harness, Stop};
use crate::domain::error::StoreError;
use crate::domain::id::{MessageId, Rev};
use crate::domain::message::{Content, Happened, Incoming, Item, Note, OperatorEvent, Side, State, Thread, Visitor};
use crate::ports::clock::Timestamp;
use crate::ports::store::Store;
use crate::ports::store::{Amend, Claimed, Erased, Expect, Outcome, PastDialog, Queue, Replayed, Settlement};
use std::collections::BTreeMap;
use std::sync::Arc;

const OPERATIONS: usize = 400;

/// What the store answers and what it holds is what a much simpler program answers and holds. When it fails, the
/// environment variable `OPENLINE_SEED` with the number that is printed repeats it.
pub async fn random_operations_do_what_the_model_does(harness: &dyn Harness) {
    for seed in seeds() {
        let _told = Told(seed);
        let mut run = Run::new(harness.fresh().await, seed);
        for _ in 0..OPERATIONS {
            run.operate().await;
        }
        run.compare().await;
        let stop = if run.random.chance(50) { Stop::Clean } else { Stop::Crash };
        run.open(harness.reopen(Arc::clone(&run.store), stop).await);
        run.compare().await;
    }
}

/// What a visitor's page shows, and up to where it has read.
#[derive(Default)]
pub(super) struct Page {
    pub(super) items: BTreeMap<MessageId, Item>,
    pub(super) cursor: Rev,
}

pub(super) struct Run {
    pub(super) store: Arc<dyn Store>,
    pub(super) talks: Vec<Talk>,
    pub(super) pages: Vec<Page>,
    pub(super) reference: Reference,
    pub(super) values: BTreeMap<String, Vec<u8>>,
    /// Every job that was ever claimed, as lane and number in it.
    pub(super) claimed: Vec<(usize, usize)>,
    pub(super) random: Random,
    pub(super) now: Timestamp,
}

impl Run {
    fn new(store: Arc<dyn Store>, seed: u64) -> Self {
        let rooms = (0..3).map(|_| Room::default()).collect();
        let mut run = Self {
            store: Arc::clone(&store),
            talks: Vec::new(),
            pages: (0..3).map(|_| Page::default()).collect(),
            reference: Reference { rooms, lanes: Vec::new() },
            values: BTreeMap::new(),
            claimed: Vec::new(),
            random: Random::new(seed),
            now: at(0),
        };
        run.open(store);
        run
    }

    fn open(&mut self, store: Arc<dyn Store>) {
        self.talks = vec![Talk::of(&store, "site", "c"), Talk::of(&store, "site", "d"), Talk::of(&store, "shop", "c")];
        self.store = store;
    }

    async fn operate(&mut self) {
        match self.random.below(100) {
            0..19 => self.write().await,
            19..26 => self.amend().await,
            26..28 => self.note().await,
            28..48 => self.hear().await,
            48..63 => self.claim().await,
            63..78 => self.settle().await,
            78..80 => self.hurry().await,
            80..83 => self.retry().await,
            83 => self.drop_dead().await,
            84 => self.replay().await,
            85..89 => self.state().await,
            89 => self.erase().await,
            90 => self.read_past_dialogs().await,
            91..96 => self.now = at(self.seconds() + self.random.below(50) as u64),
            _ => self.compare().await,
        }
    }

    /// Since the beginning.
    pub(super) fn seconds(&self) -> u64 {
        at(0).until(self.now).as_secs()
    }

    fn word(&mut self) -> String {
        (*self.random.pick(&["x", "y", "z", ""])).to_owned()
    }

    fn queue(&mut self) -> Queue {
        let queues = [Queue::Backend, Queue::Confirm, self.talks[0].queue(), self.talks[2].queue()];
        self.random.pick(&queues).clone()
    }

    async fn write(&mut self) {
        let room = self.random.below(3);
        let key = self.random.below(40).to_string();
        let name = self.word();
        let visitor = self.random.chance(30).then(|| Visitor { name, ..Visitor::default() });
        let note = self.random.chance(20).then(|| self.some_note());
        let talk = &self.talks[room];
        let (chat, content) = (talk.chat.clone(), Content::plain(&key));
        let incoming = Incoming { chat, key: key.clone(), visitor: visitor.clone(), content, note: note.clone() };
        let recorded = self.store.record_incoming(&talk.channel, incoming, self.now).await.unwrap();
        let (mail, fresh) = self.reference.write(room, &key, visitor, self.now);
        if let Some(note) = note.filter(|_| fresh) {
            self.reference.note(room, &note, self.now);
        }
        assert_eq!(recorded.fresh, fresh);
        assert_eq!(recorded.change.rev, self.talks[room].conversation().await.rev);
        self.reference.rooms[room].mails[mail].check(&recorded.item);
    }

    fn some_note(&mut self) -> Note {
        let (key, text) = (self.random.below(10).to_string(), self.word());
        Note { key, text }
    }

    async fn note(&mut self) {
        let (room, note) = (self.random.below(3), self.some_note());
        if !self.reference.rooms[room].mails.is_empty() {
            let stored = self.store.record_note(self.talks[room].id().await, note.clone(), self.now).await.unwrap();
            assert_eq!(stored, self.reference.note(room, &note, self.now));
        }
    }

    async fn erase(&mut self) {
        let room = self.random.below(3);
        if !self.reference.rooms[room].mails.is_empty() {
            let erased = self.store.erase(self.talks[room].id().await).await.unwrap().unwrap();
            assert_eq!(erased, Erased { items: self.reference.erase(room), files: Vec::new() });
            self.pages[room] = Page::default();
        }
    }

    /// Some of them, of one conversation.
    async fn read_past_dialogs(&mut self) {
        let room = self.random.below(3);
        let read: Vec<_> = self.reference.rooms[room].past.clone().into_iter().take(self.random.below(3)).collect();
        let talk = &self.talks[room];
        let is_read = |past: &PastDialog| {
            (&past.conversation.channel, &past.conversation.chat) == (&talk.channel, &talk.chat)
                && past.conversation.thread.session.as_ref().is_some_and(|session| read.contains(session))
        };
        let past = self.store.past_dialogs(0, at(0), ALL).await.unwrap();
        let ids = past.iter().filter(|past| is_read(past)).map(|past| past.id).collect();
        self.store.forget_past_dialogs(ids).await.unwrap();
        self.reference.rooms[room].past.retain(|session| !read.contains(session));
    }

    async fn amend(&mut self) {
        let (room, key) = (self.random.below(3), self.random.below(40).to_string());
        let amend = if self.random.chance(70) { Amend::Edit(Content::plain(self.word())) } else { Amend::Delete };
        let change = self.talks[room].amend(&key, amend.clone(), self.now).await;
        assert_eq!(change.is_some(), self.reference.amend(room, &key, &amend, self.now));
    }

    fn happened(&mut self) -> Happened {
        let remote = i64::try_from(self.random.below(40)).unwrap() + 1;
        let session = self.random.below(4).to_string();
        let side = *self.random.pick(&[Side::Operator, Side::System]);
        match self.random.below(10) {
            0 => greeted(remote),
            1..6 => Happened::Wrote { remote, side, author: None, content: Content::plain(self.word()) },
            6 => edited(remote, at(self.random.below(10) as u64), &self.word()),
            7 => Happened::Deleted { remote },
            8 => started(&session),
            _ => finished(&session),
        }
    }

    fn thread(&mut self) -> Thread {
        let mut part = || self.random.chance(20).then(|| self.random.below(3).to_string());
        Thread { line: part(), chat: part(), session: part() }
    }

    async fn hear(&mut self) {
        let (mut events, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..=self.random.below(4) {
            let (room, happened, thread) = (self.random.below(3), self.happened(), self.thread());
            let talk = &self.talks[room];
            // What an event that means nothing leaves of a conversation that is not there is the store's business.
            let thread = if self.reference.rooms[room].mails.is_empty() { Thread::default() } else { thread };
            self.reference.rooms[room].tell(&thread);
            expected.push(self.reference.hear(room, talk, &happened, self.now));
            events.push(OperatorEvent { thread, ..talk.event(happened) });
        }
        let noted = self.store.record_outgoing(events, self.now).await.unwrap();
        let noted: Vec<_> = noted.iter().map(|noted| (noted.change.is_some(), noted.queue.is_some())).collect();
        assert_eq!(noted, expected);
    }

    async fn claim(&mut self) {
        let (queue, limit) = (self.queue(), self.random.below(4));
        let claimed = claim_some(&self.store, &queue, limit, self.now).await;
        let lanes = &self.reference.lanes;
        let due = lanes.iter().filter(|lane| lane.queue == queue && lane.due.is_some_and(|due| due <= self.now));
        let mut due: Vec<_> = due.filter_map(Lane::turn).collect();
        due.sort();
        due.truncate(limit);
        self.check_claimed(&queue, &claimed, &due, limit).await;
        let lanes = self.reference.lanes.iter().filter(|lane| lane.queue == queue);
        assert_eq!(claimed.next_due, lanes.filter_map(|lane| lane.due).min());
    }

    /// Lane by lane, in the order of their turns. Of each its oldest job; confirmations as many as there is room for.
    async fn check_claimed(&mut self, queue: &Queue, claimed: &Claimed, due: &[Timestamp], limit: usize) {
        let mut lanes = claimed.jobs.chunk_by(|one, two| one.conversation.id == two.conversation.id);
        let mut room_left = if *queue == Queue::Confirm { limit - due.len() } else { 0 };
        for due in due {
            let jobs = lanes.next().unwrap();
            let address = (&jobs[0].conversation.channel, &jobs[0].conversation.chat);
            let room = self.talks.iter().position(|talk| (&talk.channel, &talk.chat) == address).unwrap();
            let is_it = |lane: &Lane| lane.room == room && lane.queue == *queue;
            let index = self.reference.lanes.iter().position(is_it).unwrap();
            let lane = &mut self.reference.lanes[index];
            assert_eq!(lane.turn(), Some(*due));
            lane.claim(self.now);
            let living = lane.living();
            let more = room_left.min(living.len() - 1);
            room_left -= more;
            assert_eq!(jobs.len(), 1 + more);
            for (job, number) in jobs.iter().zip(living) {
                let work = &mut self.reference.lanes[index].works[number];
                assert_eq!(*work.id.get_or_insert(job.id), job.id);
                let wanted = (work.what, work.attempts, work.uncertain, work.unknown_since, work.created);
                assert_eq!((job.work, job.attempts, job.uncertain, job.unknown_since, job.created), wanted);
                self.reference.rooms[room].mails[work.mail].check(&job.item);
                assert_eq!(job.conversation, self.talks[room].conversation().await);
                self.claimed.push((index, number));
            }
        }
        assert!(lanes.next().is_none());
    }

    fn outcome(&mut self) -> Outcome {
        match self.random.below(10) {
            0..6 => {
                let delivered_as = (0..self.random.below(3)).map(|n| n.to_string()).collect();
                let confirm = self.random.chance(50);
                Outcome::Done { thread: self.thread(), delivered_as, confirm }
            }
            6..9 => {
                let when = at(self.seconds() + self.random.below(30) as u64);
                let (uncertain, counted) = (self.random.chance(50), self.random.chance(50));
                Outcome::Retry { at: when, reason: self.word(), uncertain, counted }
            }
            _ => {
                let note = self.random.chance(50).then(|| self.some_note());
                Outcome::Dead { reason: self.word(), note }
            }
        }
    }

    /// Mostly of jobs that were claimed lately, sometimes of old ones.
    async fn settle(&mut self) {
        let (mut settlements, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..=self.random.below(3) {
            let Some(most) = self.claimed.len().checked_sub(1) else { return };
            let back = if self.random.chance(80) { self.random.below(4) } else { self.random.below(most + 1) };
            let (lane, work) = self.claimed[most.saturating_sub(back)];
            let outcome = self.outcome();
            let room = self.reference.lanes[lane].room;
            if self.reference.settle(lane, work, &outcome, self.now) {
                expected.push(self.talks[room].id().await);
            }
            let job = self.reference.lanes[lane].works[work].id.unwrap();
            settlements.push(Settlement { job, outcome });
        }
        let changes = self.store.settle(settlements, self.now).await.unwrap();
        assert_eq!(changes.iter().map(|change| change.conversation).collect::<Vec<_>>(), expected);
    }

    async fn hurry(&mut self) {
        let queue = self.queue();
        self.store.hurry(&queue, self.now).await.unwrap();
        self.reference.hurry(&queue, self.now);
    }

    async fn retry(&mut self) {
        let room = self.random.below(3);
        let mails = &self.reference.rooms[room].mails;
        let failed: Vec<_> = (0..mails.len()).filter(|mail| mails[*mail].state == State::Failed).collect();
        let any = if failed.is_empty() { (0..mails.len()).collect() } else { failed };
        if any.is_empty() {
            return;
        }
        let mail = *self.random.pick(&any);
        let Some(id) = mails[mail].id else { return };
        let conversation = self.talks[room].id().await;
        let retried = self.store.retry_failed(conversation, id, self.now).await.unwrap();
        assert_eq!(retried.map(|(_, queue)| queue), self.reference.retry(room, mail, self.now));
    }

    /// Mostly a dead letter.
    async fn replay(&mut self) {
        let is_letter = |(lane, work): &&(usize, usize)| self.reference.lanes[*lane].works[*work].is_letter();
        let dead: Vec<_> = self.claimed.iter().filter(is_letter).copied().collect();
        let any = if dead.is_empty() || self.random.chance(10) { &self.claimed } else { &dead };
        if any.is_empty() {
            return;
        }
        let (lane, work) = *self.random.pick(any);
        let job = self.reference.lanes[lane].works[work].id.unwrap();
        let replayed = self.store.replay_dead(job, self.now).await.unwrap();
        let told = replayed.map(|replayed| match replayed {
            Replayed::Back { queue, change } => {
                let is_message = self.reference.lanes[lane].works[work].what.is_send();
                assert_eq!(change.is_some(), is_message);
                Ok(queue)
            }
            Replayed::Behind(first) => Err(first),
        });
        assert_eq!(told, self.reference.replay(lane, work, self.now));
    }

    async fn drop_dead(&mut self) {
        if self.claimed.is_empty() {
            return;
        }
        let (lane, work) = *self.random.pick(&self.claimed);
        let work = &mut self.reference.lanes[lane].works[work];
        let dropped = self.store.drop_dead(work.id.unwrap()).await.unwrap();
        assert_eq!(dropped, work.is_letter());
        work.over |= dropped;
    }

    async fn state(&mut self) {
        let (key, value) = (self.word(), self.word().into_bytes());
        let guess = self.word().into_bytes();
        let (expect, fits) = match self.random.below(3) {
            0 => (Expect::Anything, true),
            1 => (Expect::Nothing, !self.values.contains_key(&key)),
            _ => (Expect::Value(&guess), self.values.get(&key) == Some(&guess)),
        };
        match self.store.state_put(&key, &value, expect).await {
            Ok(()) => {
                assert!(fits);
                self.values.insert(key, value);
            }
            Err(StoreError::Conflict) => assert!(!fits),
            Err(error) => panic!("{error}"),
        }
        if self.random.chance(20) {
            let key = self.word();
            self.store.state_delete(&key).await.unwrap();
            self.values.remove(&key);
        }
    }
}
