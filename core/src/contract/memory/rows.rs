//! What the store in memory holds.

use crate::domain::id::{ConversationId, FileId, JobId, MessageId, Pos, Rev};
use crate::domain::message::{Conversation, Item, ItemKind, Side};
use crate::domain::time::Timestamp;
use crate::ports::steps::{POS_STEP, Place, kept};
use crate::ports::store::{Change, NEW_BEHIND, Queue, Work};
use std::collections::{BTreeMap, BTreeSet};

/// All of it.
#[derive(Default)]
pub(super) struct Held {
    pub(super) chats: BTreeMap<ConversationId, Chat>,
    pub(super) lanes: Vec<Lane>,
    pub(super) jobs: BTreeMap<JobId, Chore>,
    pub(super) values: BTreeMap<String, Vec<u8>>,
    /// The last number that was given out.
    last: i64,
}

/// A conversation.
pub(super) struct Chat {
    pub(super) conversation: Conversation,
    /// By their ids.
    pub(super) items: Vec<Kept>,
    pub(super) last_pos: i64,
    pub(super) newest_remote: i64,
    /// When the newest item came.
    pub(super) active: Timestamp,
    /// Dialogs whose histories are to be read once more.
    pub(super) past: Vec<(i64, String)>,
}

/// An item, and of when the newest edit is that was heard of.
pub(super) struct Kept {
    pub(super) item: Item,
    pub(super) heard: Option<Timestamp>,
}

/// One conversation in one queue.
pub(super) struct Lane {
    pub(super) conversation: ConversationId,
    pub(super) queue: Queue,
    pub(super) due: Option<Timestamp>,
    pub(super) leased: Option<JobId>,
    pub(super) leased_at: Option<Timestamp>,
    /// Whether the backend knows nothing of the conversation yet.
    pub(super) fresh: bool,
}

impl Lane {
    /// When it counts as due.
    pub(super) fn turn(&self) -> Option<Timestamp> {
        self.due.map(|due| if self.fresh { due.plus(NEW_BEHIND) } else { due })
    }
}

/// A job.
pub(super) struct Chore {
    /// Its place among the lanes.
    pub(super) lane: usize,
    pub(super) work: Work,
    pub(super) message: MessageId,
    pub(super) attempts: u32,
    pub(super) uncertain: bool,
    pub(super) unknown_since: Option<Timestamp>,
    pub(super) created: Timestamp,
    pub(super) dead_at: Option<Timestamp>,
    pub(super) reason: String,
}

impl Chat {
    pub(super) fn of(conversation: Conversation, active: Timestamp) -> Self {
        Self { conversation, items: Vec::new(), last_pos: 0, newest_remote: 0, active, past: Vec::new() }
    }

    /// What visitors see, by position.
    pub(super) fn in_order(&self) -> Vec<Item> {
        let mut items: Vec<_> =
            self.items.iter().map(|kept| &kept.item).filter(|item| item.pos.0 > 0).cloned().collect();
        items.sort_by_key(|item| item.pos);
        items
    }

    pub(super) fn known(&self, side: Side, key: &str) -> Option<&Kept> {
        self.items.iter().find(|kept| kept.item.side == side && kept.item.key == key)
    }

    pub(super) fn item_mut(&mut self, message: MessageId) -> Option<&mut Kept> {
        self.items.iter_mut().find(|kept| kept.item.id == message)
    }

    /// The next revision and the place at the end.
    pub(super) fn next_place(&mut self, at: Timestamp) -> Place {
        self.conversation.rev.0 += 1;
        self.last_pos += POS_STEP;
        self.active = at;
        Place { rev: self.conversation.rev, pos: Pos(self.last_pos) }
    }

    /// Gives a changed item the next revision.
    pub(super) fn touch(&mut self, message: MessageId) -> Change {
        self.conversation.rev.0 += 1;
        let rev = self.conversation.rev;
        if let Some(kept) = self.item_mut(message) {
            kept.item.rev = rev;
        }
        self.change()
    }

    pub(super) fn change(&self) -> Change {
        Change { conversation: self.conversation.id, rev: self.conversation.rev }
    }

    /// Below all revisions and positions, so that nobody who reads the conversation comes across it.
    pub(super) fn place_of_note(&self) -> Place {
        let least = self.items.iter().map(|kept| kept.item.rev.0).min().unwrap_or(0).min(0) - 1;
        Place { rev: Rev(least), pos: Pos(least) }
    }
}

impl Held {
    pub(super) fn next(&mut self) -> i64 {
        self.last += 1;
        self.last
    }

    /// The conversations behind that one.
    pub(super) fn behind(&self, after: Option<ConversationId>) -> impl Iterator<Item = &Chat> {
        let after = after.unwrap_or_default();
        self.chats.values().filter(move |chat| chat.conversation.id > after)
    }

    pub(super) fn listed(&self, prefix: &str) -> Vec<(String, Vec<u8>)> {
        let fits = self.values.iter().filter(|(key, _)| key.starts_with(prefix));
        fits.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Those of the files that no item names.
    pub(super) fn unnamed(&self, mut files: BTreeSet<FileId>) -> Vec<FileId> {
        for found in self.chats.values().flat_map(|chat| &chat.items) {
            for named in kept(&found.item.content) {
                files.remove(&named);
            }
        }
        files.into_iter().collect()
    }

    pub(super) fn kept_mut(&mut self, id: ConversationId, message: MessageId) -> Option<&mut Kept> {
        self.chats.get_mut(&id)?.item_mut(message)
    }

    /// Keeps an item, and its id.
    pub(super) fn insert(&mut self, id: ConversationId, item: Item) -> MessageId {
        let message = MessageId(self.next());
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.items.push(Kept { item: Item { id: message, ..item }, heard: None });
        }
        message
    }

    /// Keeps an item that has its id.
    pub(super) fn put(&mut self, id: ConversationId, item: Item) {
        self.last = self.last.max(item.id.0).max(id.0);
        if let Some(chat) = self.chats.get_mut(&id) {
            let Place { rev, pos } = chat.next_place(item.at);
            chat.items.push(Kept { item: Item { rev, pos, ..item }, heard: None });
        }
    }

    /// Puts a job at the end of its lane.
    pub(super) fn enqueue(&mut self, id: ConversationId, work: Work, message: MessageId, at: Timestamp) {
        let Some(chat) = self.chats.get(&id) else { return };
        let queue = work.queue(&chat.conversation.channel);
        let found = self.lanes.iter().position(|lane| lane.conversation == id && lane.queue == queue);
        let fresh = queue == Queue::Backend && chat.conversation.thread.chat.is_none();
        let lane = found.unwrap_or(self.lanes.len());
        if found.is_none() {
            self.lanes.push(Lane { conversation: id, queue, due: None, leased: None, leased_at: None, fresh });
        }
        self.lanes[lane].due.get_or_insert(at);
        let (attempts, uncertain, unknown_since, dead_at) = (0, false, None, None);
        let reason = String::new();
        let chore = Chore { lane, work, message, attempts, uncertain, unknown_since, created: at, dead_at, reason };
        let job = JobId(self.next());
        self.jobs.insert(job, chore);
    }

    /// Forgets the jobs of a conversation that is gone.
    pub(super) fn forget_jobs(&mut self, id: ConversationId) {
        for (index, lane) in self.lanes.iter_mut().enumerate().filter(|(_, lane)| lane.conversation == id) {
            (lane.due, lane.leased) = (None, None);
            self.jobs.retain(|_, chore| chore.lane != index);
        }
    }

    /// After a stop, whatever it was: what was under way may have been carried out.
    pub(super) fn recover(&mut self) {
        for lane in &mut self.lanes {
            if let Some(chore) = lane.leased.take().and_then(|leased| self.jobs.get_mut(&leased)) {
                (chore.uncertain, chore.unknown_since) = (true, lane.leased_at);
                lane.due = Some(Timestamp(0));
            }
        }
    }
}

/// Whether it marks where a dialog began or ended.
pub(super) fn is_mark(item: &Item) -> bool {
    matches!(item.kind, ItemKind::DialogStarted | ItemKind::DialogFinished)
}
