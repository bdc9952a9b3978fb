//! Random operations, each done on the store and on a much simpler one, with everything compared.

use super::fixture::{ALL, Talk, at, claim_some, edited, finished, follow, started};
use super::random::{Random, Told, seeds};
use super::reference::{Lane, Reference, Room};
use super::{Harness, Stop};
use crate::message::{Content, Dialog, Happened, Item, OperatorEvent, Side, State, Thread, Visitor};
use crate::store::{Amend, Claimed, Expect, Outcome, Queue, Settlement, Task};
use crate::{JobId, MessageId, Rev, Store, StoreError, Timestamp};
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
struct Page {
    items: BTreeMap<MessageId, Item>,
    cursor: Rev,
}

struct Run {
    store: Arc<dyn Store>,
    talks: Vec<Talk>,
    pages: Vec<Page>,
    reference: Reference,
    values: BTreeMap<String, Vec<u8>>,
    /// Every job that was ever claimed, as lane and number in it.
    claimed: Vec<(usize, usize)>,
    random: Random,
    now: Timestamp,
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
            0..20 => self.write().await,
            20..28 => self.amend().await,
            28..48 => self.hear().await,
            48..63 => self.claim().await,
            63..78 => self.settle().await,
            78..80 => self.hurry().await,
            80..83 => self.retry().await,
            83..85 => self.drop_dead().await,
            85..90 => self.state().await,
            90..96 => self.now = at(self.seconds() + self.random.below(50) as u64),
            _ => self.compare().await,
        }
    }

    /// Since the beginning.
    fn seconds(&self) -> u64 {
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
        let recorded = self.talks[room].write_as(&key, visitor.clone(), Content::plain(&key), self.now).await;
        let (mail, fresh) = self.reference.write(room, &key, visitor, self.now);
        assert_eq!(recorded.fresh, fresh);
        assert_eq!(recorded.change.rev, self.talks[room].conversation().await.rev);
        self.reference.rooms[room].mails[mail].check(&recorded.item);
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
            0..6 => Happened::Wrote { remote, side, author: None, content: Content::plain(self.word()) },
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
            self.reference.rooms[room].thread.update(&thread);
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
        let mut due: Vec<_> = lanes.iter().filter(|lane| lane.queue == queue).filter_map(|lane| lane.due).collect();
        due.sort();
        due.retain(|due| *due <= self.now);
        due.truncate(limit);
        assert_eq!(claimed.jobs.len(), due.len());
        self.check_claimed(&queue, &claimed, &due).await;
        let lanes = self.reference.lanes.iter().filter(|lane| lane.queue == queue);
        assert_eq!(claimed.next_due, lanes.filter_map(|lane| lane.due).min());
    }

    async fn check_claimed(&mut self, queue: &Queue, claimed: &Claimed, due: &[Timestamp]) {
        for (job, due) in claimed.jobs.iter().zip(due) {
            let address = (&job.conversation.channel, &job.conversation.chat);
            let room = self.talks.iter().position(|talk| (&talk.channel, &talk.chat) == address).unwrap();
            let is_it = |lane: &Lane| lane.room == room && lane.queue == *queue;
            let index = self.reference.lanes.iter().position(is_it).unwrap();
            let lane = &mut self.reference.lanes[index];
            assert_eq!(lane.due, Some(*due));
            let head = lane.claim(self.now);
            let work = &mut lane.works[head];
            assert_eq!(*work.id.get_or_insert(job.id), job.id);
            let wanted = (work.task, work.attempts, work.uncertain, work.created);
            assert_eq!((job.task, job.attempts, job.uncertain, job.created), wanted);
            self.reference.rooms[room].mails[work.mail].check(&job.item);
            assert_eq!(job.conversation, self.talks[room].conversation().await);
            self.claimed.push((index, head));
        }
    }

    fn outcome(&mut self) -> Outcome {
        match self.random.below(10) {
            0..6 => {
                let delivered_as = (0..self.random.below(3)).map(|n| n.to_string()).collect();
                let follow = self.random.chance(50).then_some((Queue::Confirm, Task::Confirm));
                Outcome::Done { thread: self.thread(), delivered_as, follow }
            }
            6..9 => {
                let when = at(self.seconds() + self.random.below(30) as u64);
                let (uncertain, counted) = (self.random.chance(50), self.random.chance(50));
                Outcome::Retry { at: when, reason: self.word(), uncertain, counted }
            }
            _ => Outcome::Dead { reason: self.word(), note: None },
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
            if self.reference.settle(lane, work, &outcome, self.now) {
                expected.push(self.talks[self.reference.lanes[lane].room].id().await);
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

    async fn drop_dead(&mut self) {
        if self.claimed.is_empty() {
            return;
        }
        let (lane, work) = *self.random.pick(&self.claimed);
        let work = &mut self.reference.lanes[lane].works[work];
        let dropped = self.store.drop_dead(work.id.unwrap()).await.unwrap();
        assert_eq!(dropped, work.dead && !work.over);
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

    /// Everything that can be read, from the store and on the visitors' pages.
    async fn compare(&mut self) {
        for room in 0..3 {
            self.compare_room(room).await;
        }
        for queue in [Queue::Backend, Queue::Confirm, self.talks[0].queue(), self.talks[2].queue()] {
            let works = self.reference.lanes.iter().filter(|lane| lane.queue == queue).flat_map(|lane| &lane.works);
            let living = works.filter(|work| work.lives()).count() as u64;
            assert_eq!(self.store.depth(&queue).await.unwrap(), living);
        }
        let mut open = Vec::new();
        for (talk, room) in self.talks.iter().zip(&self.reference.rooms) {
            if room.dialog == Dialog::Open {
                open.push(talk.conversation().await);
            }
        }
        open.sort_by_key(|conversation| conversation.id);
        assert_eq!(self.store.following(None, at(0), ALL).await.unwrap(), open);
        let letters = self.store.dead_letters(None, ALL).await.unwrap();
        let letters: Vec<_> = letters.iter().map(|letter| (letter.job, letter.task, letter.attempts)).collect();
        let works = self.reference.lanes.iter().flat_map(|lane| &lane.works);
        let mut dead: Vec<(JobId, Task, u32)> = works
            .filter(|work| work.dead && !work.over)
            .map(|work| (work.id.unwrap(), work.task, work.attempts))
            .collect();
        dead.sort_by_key(|(job, _, _)| *job);
        assert_eq!(letters, dead);
        let values: Vec<_> = self.values.clone().into_iter().collect();
        assert_eq!(self.store.state_list("").await.unwrap(), values);
    }

    async fn compare_room(&mut self, index: usize) {
        let (talk, room, page) = (&self.talks[index], &mut self.reference.rooms[index], &mut self.pages[index]);
        if room.mails.is_empty() {
            return;
        }
        let conversation = talk.conversation().await;
        assert_eq!(conversation.visitor, room.visitor);
        assert_eq!((&conversation.thread, conversation.dialog), (&room.thread, room.dialog));
        assert_eq!(conversation.rev > page.cursor, room.changed);
        let items = talk.items().await;
        assert_eq!(items.len(), room.order.len());
        for (item, mail) in items.iter().zip(&room.order) {
            room.mails[*mail].check(item);
        }
        let (news, cursor) = follow(&self.store, conversation.id, page.cursor, 1 + self.random.below(6)).await;
        assert_eq!(cursor, conversation.rev);
        page.cursor = cursor;
        page.items.extend(news.into_iter().map(|item| (item.id, item)));
        room.changed = false;
        let mut shown: Vec<_> = page.items.values().collect();
        shown.sort_by_key(|item| item.pos);
        assert_eq!(shown.len(), items.len());
        for (shown, item) in shown.into_iter().zip(&items) {
            assert_eq!(seen(shown), seen(item));
        }
    }
}

/// An item as visitors see it: not how far an operator's message has come.
fn seen(item: &Item) -> Item {
    let state = if item.side == Side::Visitor { item.state } else { State::Sent };
    Item { state, delivered_as: Vec::new(), ..item.clone() }
}
