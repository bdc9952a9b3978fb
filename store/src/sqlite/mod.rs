//! SQLite in WAL mode with `synchronous=FULL`.
//!
//! All writes go to one thread. It takes whatever steps wait, runs them in one transaction (each in a savepoint of its
//! own), commits once, and only then answers: one flush serves everybody who waited for it. Reads run on threads of
//! their own and see the last commit.

mod backup;
mod bell;
mod claim;
mod erase;
mod lanes;
mod mark;
mod notes;
mod outgoing;
mod past;
mod read;
mod row;
pub(crate) mod schema;
mod settle;
mod state;
#[cfg(test)]
mod tests;
mod threads;
mod write;
mod writer;

pub use backup::{erased, snapshot, tag_of};

use crate::OpenError;
use async_trait::async_trait;
use bell::Bell;
use openline_core::message::{Conversation, Incoming, Item, Note, OperatorEvent};
use openline_core::store::{
    Amend, Change, Claimed, Erased, Expect, News, Noted, PastDialog, Queue, Recorded, Replayed, Settlement, ShownJob,
    Slice,
};
use openline_core::visitor::Wanted;
use openline_core::{
    ChannelId, ChatId, ConversationId, FileId, JobId, MessageId, Pos, Rev, Store, StoreError, Tag, Timestamp,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use threads::Threads;
use tokio::sync::broadcast;

/// The embedded store.
pub struct SqliteStore {
    path: PathBuf,
    /// Before the threads: its place is another process's as soon as these end.
    bell: Bell,
    threads: Threads,
    tag: Tag,
    /// The database's own word, by which the journal of what was erased knows it; a new one after a restore.
    name: String,
}

impl SqliteStore {
    /// Opens or makes the database file. Blocks.
    ///
    /// # Errors
    /// [`OpenError`] when the folder is not writable, the file is damaged, foreign, newer than this program, or in use
    /// by another process.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let tag = crate::error::tag(path)?;
        let opened = schema::open(path)?;
        let threads = Threads::start(path, opened.connection, Some((opened.lock, opened.mark)))?;
        Ok(Self { path: path.to_owned(), bell: Bell::hear(path), threads, tag, name: opened.name })
    }

    /// Opens an existing database beside a running service, for looking and small repairs. Blocks.
    ///
    /// # Errors
    /// [`OpenError`] when there is none, or it can't be used.
    pub fn attach(path: &Path) -> Result<Self, OpenError> {
        let ((connection, name), tag) = (schema::attach(path)?, crate::error::tag(path)?);
        let threads = Threads::start(path, connection, None)?;
        Ok(Self { path: path.to_owned(), bell: Bell::ring(path), threads, tag, name })
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn tag(&self) -> Tag {
        self.tag
    }

    async fn record_incoming(
        &self,
        channel: &ChannelId,
        incoming: Incoming,
        at: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let (channel, tag) = (channel.clone(), self.tag);
        self.threads.write(move |db| write::record_incoming(db, &channel, &incoming, tag, at)).await
    }

    async fn amend_incoming(
        &self,
        channel: &ChannelId,
        chat: &ChatId,
        key: &str,
        amend: Amend,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        let (channel, chat, key) = (channel.clone(), chat.clone(), key.to_owned());
        self.threads.write(move |db| write::amend_incoming(db, &channel, &chat, &key, &amend, at)).await
    }

    async fn record_outgoing(&self, events: Vec<OperatorEvent>, at: Timestamp) -> Result<Vec<Noted>, StoreError> {
        let tag = self.tag;
        let record = move |db: &_| events.into_iter().map(|event| outgoing::record(db, event, tag, at)).collect();
        self.threads.write(record).await
    }

    async fn record_note(&self, id: ConversationId, note: Note, at: Timestamp) -> Result<bool, StoreError> {
        self.threads.write(move |db| notes::record(db, id, &note, at)).await
    }

    async fn conversation_by_id(&self, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        self.threads.read(move |db| read::conversation_by_id(db, id)).await
    }

    async fn find_visitors(
        &self,
        wanted: &str,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        let wanted = Wanted::new(wanted);
        let (mut found, mut after) = (Vec::new(), after.unwrap_or_default());
        // A page at a time, so that others can read meanwhile.
        while found.len() < limit {
            let wanted = wanted.clone();
            let (fits, last) = self.threads.read(move |db| read::visitors(db, &wanted, after)).await?;
            found.extend(fits);
            let Some(last) = last else { break };
            after = last;
        }
        found.truncate(limit);
        Ok(found)
    }

    async fn idle(
        &self,
        before: Timestamp,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError> {
        self.threads.read(move |db| read::idle(db, before, after, limit)).await
    }

    async fn untouched(
        &self,
        before: Timestamp,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError> {
        self.threads.read(move |db| read::untouched(db, before, after, limit)).await
    }

    async fn erase(&self, id: ConversationId) -> Result<Option<Erased>, StoreError> {
        // Before it is done: an older copy must not bring it back, whenever the process ends.
        let (path, name) = (self.path.clone(), self.name.clone());
        let noted = tokio::task::spawn_blocking(move || backup::note_erased(&path, &name, id)).await;
        let noted = noted.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        noted.map_err(|error| StoreError::Unavailable(format!("can't write down what is erased: {error}")))?;
        let erased = self.threads.write(move |db| erase::erase(db, id)).await?;
        let Some((items, files)) = erased else { return Ok(None) };
        let path = self.path.clone();
        let _ = tokio::task::spawn_blocking(move || erase::cut_log(&path)).await;
        Ok(Some(Erased { items, files: self.unnamed_files(files.into_iter().collect()).await? }))
    }

    async fn unnamed_files(&self, files: Vec<FileId>) -> Result<Vec<FileId>, StoreError> {
        let (mut files, mut after) = (files.into_iter().collect::<BTreeSet<_>>(), Some(0));
        // A page at a time, so that others can read meanwhile.
        while let Some(start) = after.filter(|_| !files.is_empty()) {
            let look = move |db: &_| {
                let after = erase::take_named(db, &mut files, start)?;
                Ok((files, after))
            };
            (files, after) = self.threads.read(look).await?;
        }
        Ok(files.into_iter().collect())
    }

    async fn conversation(&self, channel: &ChannelId, chat: &ChatId) -> Result<Option<Conversation>, StoreError> {
        let (channel, chat) = (channel.clone(), chat.clone());
        self.threads.read(move |db| read::conversation(db, &channel, &chat)).await
    }

    async fn following(
        &self,
        after: Option<ConversationId>,
        active_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        self.threads.read(move |db| read::following(db, after, active_since, limit)).await
    }

    async fn past_dialogs(
        &self,
        after: i64,
        active_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<PastDialog>, StoreError> {
        self.threads.read(move |db| past::page(db, after, active_since, limit)).await
    }

    async fn forget_past_dialogs(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        self.threads.write_behind(move |db| past::forget(db, &ids)).await
    }

    async fn items_since(&self, id: ConversationId, since: Rev, limit: usize) -> Result<Slice, StoreError> {
        self.threads.read(move |db| read::items_since(db, id, since, limit)).await
    }

    async fn items_before(&self, id: ConversationId, before: Option<Pos>, limit: usize) -> Result<Slice, StoreError> {
        self.threads.read(move |db| read::items_before(db, id, before, limit)).await
    }

    async fn notes(&self, id: ConversationId, after: Option<MessageId>, limit: usize) -> Result<Vec<Item>, StoreError> {
        self.threads.read(move |db| read::notes(db, id, after, limit)).await
    }

    async fn item(&self, id: ConversationId, message: MessageId) -> Result<Option<Item>, StoreError> {
        self.threads.read(move |db| read::item(db, id, message)).await
    }

    async fn claim(&self, queue: &Queue, limit: usize, now: Timestamp, lease: Duration) -> Result<Claimed, StoreError> {
        // An empty queue costs a read, not a flush.
        let (asked, queue) = (queue.name(), queue.clone());
        let next_due = self.threads.read(move |db| claim::next_due(db, &asked)).await?;
        if limit == 0 || next_due.is_none_or(|due| due > now) {
            return Ok(Claimed { jobs: Vec::new(), next_due });
        }
        self.threads.write_behind(move |db| claim::claim(db, &claim::Wanted { queue, limit, now, lease })).await
    }

    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Vec<Change>, StoreError> {
        self.threads.write_behind(move |db| settle::settle(db, &settlements, now)).await
    }

    async fn hurry(&self, queue: &Queue, now: Timestamp) -> Result<(), StoreError> {
        let name = queue.name();
        self.threads.write_behind(move |db| claim::hurry(db, &name, now)).await
    }

    async fn retry_failed(
        &self,
        id: ConversationId,
        message: MessageId,
        now: Timestamp,
    ) -> Result<Option<(Change, Queue)>, StoreError> {
        self.threads.write(move |db| settle::retry_failed(db, id, message, now)).await
    }

    async fn replay_dead(&self, job: JobId, now: Timestamp) -> Result<Option<Replayed>, StoreError> {
        let replayed = self.threads.write(move |db| settle::replay_dead(db, job, now)).await?;
        if let Some(Replayed::Back { queue, change }) = &replayed {
            self.bell.tell(change.map(News::Change).into_iter().chain([News::Queue(queue.clone())]));
        }
        Ok(replayed)
    }

    async fn dead_letters(&self, after: Option<JobId>, limit: usize) -> Result<Vec<ShownJob>, StoreError> {
        self.threads.read(move |db| read::dead_letters(db, after, limit)).await
    }

    async fn drop_dead(&self, job: JobId) -> Result<bool, StoreError> {
        self.threads.write(move |db| settle::drop_dead(db, job)).await
    }

    async fn waiting(&self, queue: &Queue, limit: usize) -> Result<Vec<ShownJob>, StoreError> {
        let queue = queue.clone();
        self.threads.read(move |db| read::waiting(db, &queue, limit)).await
    }

    async fn depth(&self, queue: &Queue) -> Result<u64, StoreError> {
        let name = queue.name();
        self.threads.read(move |db| claim::depth(db, &name)).await
    }

    async fn oldest(&self, queue: &Queue) -> Result<Option<Timestamp>, StoreError> {
        let name = queue.name();
        self.threads.read(move |db| claim::oldest(db, &name)).await
    }

    async fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let key = key.to_owned();
        self.threads.read(move |db| state::get(db, &key)).await
    }

    async fn state_put(&self, key: &str, value: &[u8], expect: Expect<'_>) -> Result<(), StoreError> {
        let (own, value) = (key.to_owned(), value.to_owned());
        let expected = state::Expected::from(expect);
        self.threads.write(move |db| state::put(db, &own, &value, &expected)).await?;
        self.bell.tell(News::of_value(key));
        Ok(())
    }

    async fn state_delete(&self, key: &str) -> Result<(), StoreError> {
        let own = key.to_owned();
        self.threads.write(move |db| state::delete(db, &own)).await?;
        self.bell.tell(News::of_value(key));
        Ok(())
    }

    async fn state_list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let prefix = prefix.to_owned();
        self.threads.read(move |db| state::list(db, &prefix)).await
    }

    async fn is_restored(&self) -> Result<bool, StoreError> {
        self.threads.read(mark::is_restored).await
    }

    async fn made_good(&self) -> Result<(), StoreError> {
        self.threads.write(mark::made_good).await
    }

    fn news(&self) -> Option<broadcast::Receiver<News>> {
        self.bell.subscribe()
    }

    async fn close(&self) {
        self.bell.close();
        self.threads.close().await;
    }
}
