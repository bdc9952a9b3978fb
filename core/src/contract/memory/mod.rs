//! A store in memory: as simple as can be, and with every promise kept. Other crates' tests use it; it takes no database.

mod conversations;
mod heard;
mod jobs;
mod rows;

use crate::domain::error::StoreError;
use crate::domain::id::{ChannelId, ChatId, ConversationId, FileId, Tag};
use crate::domain::message::{Conversation, Dialog, Item, ItemKind};
use crate::domain::time::Timestamp;
use crate::domain::visitor::Wanted;
use crate::ports::steps::kept;
use crate::ports::store::{
    Dialogs, Erased, Erasing, Expect, FORGET_FILES, Opening, PastDialog, Values, chat_values, values_to_go,
};
use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};
use rows::{Chat, Held};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Numbers of openings, over all stores of this process.
static OPENINGS: AtomicU32 = AtomicU32::new(1);

/// The store. What can go wrong is asked for by [`MemoryStore::refuse`].
pub struct MemoryStore {
    held: Mutex<Held>,
    tag: Tag,
    refuses: AtomicBool,
    closed: AtomicBool,
    calls: Mutex<Vec<&'static str>>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::of(Held::default())
    }
}

impl MemoryStore {
    fn of(held: Held) -> Self {
        Self {
            held: Mutex::new(held),
            tag: Tag(OPENINGS.fetch_add(1, Ordering::Relaxed)),
            refuses: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            calls: Mutex::default(),
        }
    }

    /// What it holds, opened again; this one is closed. Leases end, and what they were for is uncertain.
    #[must_use]
    pub fn reopened(&self) -> Self {
        self.closed.store(true, Ordering::SeqCst);
        let mut held = std::mem::take(&mut *self.held.lock());
        held.recover();
        Self::of(held)
    }

    /// Stores nothing as long as that is so; what is there can be read.
    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// The methods that were called since the last time.
    pub fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock())
    }

    /// All conversations, oldest first, with their items in their order; notes are not among them.
    pub fn all(&self) -> Vec<(Conversation, Vec<Item>)> {
        let held = self.held.lock();
        held.chats.values().map(|chat| (chat.conversation.clone(), chat.in_order())).collect()
    }

    /// All notes, oldest first.
    pub fn all_notes(&self) -> Vec<Item> {
        let held = self.held.lock();
        let mut notes: Vec<_> =
            held.chats.values().flat_map(|chat| &chat.items).map(|kept| kept.item.clone()).collect();
        notes.retain(|item| item.kind == ItemKind::Note);
        notes.sort_by_key(|note| note.id);
        notes
    }

    /// Puts a conversation there as it is, when it is none of those, and items at its end, as if they had come before.
    pub fn put(&self, conversation: &Conversation, items: impl IntoIterator<Item = Item>) {
        let mut held = self.held.lock();
        let (id, at) = (conversation.id, Timestamp::default());
        held.chats.entry(id).or_insert_with(|| Chat::of(conversation.clone(), at));
        for item in items {
            held.put(id, item);
        }
    }

    /// Adapters' values, as they are kept.
    pub fn values(&self) -> BTreeMap<String, Vec<u8>> {
        self.held.lock().values.clone()
    }

    /// Keeps an adapter's value, as if it had been kept before.
    pub fn put_value(&self, key: &str, value: &[u8]) {
        self.held.lock().values.insert(key.to_owned(), value.to_owned());
    }

    fn read(&self, call: &'static str) -> Result<MutexGuard<'_, Held>> {
        self.calls.lock().push(call);
        if self.closed.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the store is closed".to_owned()));
        }
        Ok(self.held.lock())
    }

    fn write(&self, call: &'static str) -> Result<MutexGuard<'_, Held>> {
        let held = self.read(call)?;
        if self.refuses.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the store is told to refuse".to_owned()));
        }
        Ok(held)
    }
}

#[async_trait]
impl Dialogs for MemoryStore {
    async fn following(
        &self,
        after: Option<ConversationId>,
        active_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Conversation>> {
        let held = self.read("following")?;
        let open =
            held.behind(after).filter(|chat| chat.conversation.dialog == Dialog::Open && chat.active >= active_since);
        Ok(open.take(limit).map(|chat| chat.conversation.clone()).collect())
    }

    async fn past_dialogs(&self, after: i64, active_since: Timestamp, limit: usize) -> Result<Vec<PastDialog>> {
        let held = self.read("past_dialogs")?;
        let lively = held.chats.values().filter(|chat| chat.active >= active_since);
        let past =
            lively.flat_map(|chat| chat.past.iter().map(move |(id, session)| (*id, session, &chat.conversation)));
        let mut past: Vec<_> = past.filter(|(id, ..)| *id > after).collect();
        past.sort_by_key(|(id, ..)| *id);
        let told = |(id, session, conversation): (i64, &String, &Conversation)| {
            let mut conversation = conversation.clone();
            conversation.thread.session = Some(session.clone());
            PastDialog { id, conversation }
        };
        Ok(past.into_iter().take(limit).map(told).collect())
    }

    async fn forget_past_dialogs(&self, ids: Vec<i64>) -> Result<()> {
        let mut held = self.write("forget_past_dialogs")?;
        held.chats.values_mut().for_each(|chat| chat.past.retain(|(id, _)| !ids.contains(id)));
        Ok(())
    }
}

#[async_trait]
impl Erasing for MemoryStore {
    async fn find_visitors(
        &self,
        wanted: &str,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>> {
        let (held, wanted) = (self.read("find_visitors")?, Wanted::new(wanted));
        let found = held.behind(after).map(|chat| &chat.conversation);
        Ok(found.filter(|found| wanted.fits(&found.chat, &found.visitor)).take(limit).cloned().collect())
    }

    async fn idle(
        &self,
        before: Timestamp,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>> {
        let held = self.read("idle")?;
        let waits = |id: ConversationId| held.lanes.iter().any(|lane| lane.conversation == id && lane.due.is_some());
        let idle = held.behind(after).filter(|chat| chat.active < before).map(|chat| chat.conversation.id);
        Ok(idle.filter(|id| !waits(*id)).take(limit).collect())
    }

    async fn untouched(
        &self,
        before: Timestamp,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>> {
        let held = self.read("untouched")?;
        let old = held.behind(after).filter(|chat| chat.active < before);
        Ok(old.take(limit).map(|chat| chat.conversation.id).collect())
    }

    async fn erase(&self, id: ConversationId) -> Result<Option<Erased>> {
        let mut held = self.write("erase")?;
        let Some(chat) = held.chats.remove(&id) else { return Ok(None) };
        let prefix = chat_values(&chat.conversation.channel, &chat.conversation.chat);
        for key in values_to_go(&prefix, held.listed(&prefix)) {
            held.values.remove(&key);
        }
        let files: BTreeSet<FileId> = chat.items.iter().flat_map(|found| kept(&found.item.content)).collect();
        for file in &files {
            held.values.entry(format!("{FORGET_FILES}{file}")).or_default();
        }
        held.forget_jobs(id);
        let unnamed = held.unnamed(files);
        Ok(Some(Erased { items: chat.items.len() as u64, files: unnamed }))
    }

    async fn unnamed_files(&self, files: Vec<FileId>) -> Result<Vec<FileId>> {
        Ok(self.read("unnamed_files")?.unnamed(files.into_iter().collect()))
    }
}

#[async_trait]
impl Values for MemoryStore {
    async fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.read("state_get")?.values.get(key).cloned())
    }

    async fn state_put(&self, key: &str, value: &[u8], expect: Expect<'_>) -> Result<()> {
        let mut held = self.write("state_put")?;
        let known = held.values.get(key).map(Vec::as_slice);
        let fits = match expect {
            Expect::Anything => true,
            Expect::Nothing => known.is_none(),
            Expect::Value(expected) => known == Some(expected),
        };
        if !fits {
            return Err(StoreError::Conflict);
        }
        held.values.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    async fn state_delete(&self, key: &str) -> Result<()> {
        self.write("state_delete")?.values.remove(key);
        Ok(())
    }

    async fn state_list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
        Ok(self.read("state_list")?.listed(prefix))
    }
}

#[async_trait]
impl Opening for MemoryStore {
    async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

impl Held {
    fn find(&self, channel: &ChannelId, chat: &ChatId) -> Option<ConversationId> {
        let is_it = |found: &&Conversation| found.channel == *channel && found.chat == *chat;
        self.chats.values().map(|chat| &chat.conversation).find(is_it).map(|found| found.id)
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryStore;
    use crate::contract::{Harness, Stop};
    use crate::ports::store::Store;
    use async_trait::async_trait;
    use parking_lot::Mutex;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    /// Knows what it made, to open it again.
    #[derive(Default)]
    struct Made(Mutex<BTreeMap<u32, Arc<MemoryStore>>>);

    impl Made {
        fn add(&self, store: MemoryStore) -> Arc<dyn Store> {
            let store = Arc::new(store);
            self.0.lock().insert(store.tag.0, Arc::clone(&store));
            store
        }
    }

    #[async_trait]
    impl Harness for Made {
        async fn fresh(&self) -> Arc<dyn Store> {
            self.add(MemoryStore::default())
        }

        async fn reopen(&self, store: Arc<dyn Store>, _: Stop) -> Arc<dyn Store> {
            let made = Arc::clone(&self.0.lock()[&store.tag().0]);
            self.add(made.reopened())
        }
    }

    crate::store_contract!(Made::default());
}
