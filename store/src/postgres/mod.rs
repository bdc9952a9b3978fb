//! PostgreSQL, for several processes on one database.
//!
//! Each step is one transaction (READ COMMITTED). What happens inside a conversation is put in order by its row's lock,
//! which is taken first; so revisions, positions, ids and the jobs of a lane grow together. Visitors' messages that wait
//! at the same time are stored together. Claims pass over lanes that somebody else has locked.
//!
//! It needs sessions that stay: a pooler between must not be in transaction mode (advisory locks, LISTEN).

mod chats;
mod claim;
pub(crate) mod database;
mod dead;
mod erase;
pub(crate) mod fault;
mod group;
mod incoming;
mod items;
mod late;
mod news;
mod notes;
mod outgoing;
pub(crate) mod owner;
mod past;
mod plan;
mod read;
mod restored;
pub(crate) mod row;
pub(crate) mod schema;
mod settle;
mod state;

use crate::OpenError;
use crate::url::{Place, StoreUrl};
use async_trait::async_trait;
use database::{Database, query, transaction};
use group::Group;
use incoming::Letter;
use news::{Post, Telling};
use openline_core::channel::ChatAddress;
use openline_core::message::{Conversation, Incoming, Item, Note, OperatorEvent};
use openline_core::store::{
    Amend, Change, Claimed, Erased, Expect, News, Noted, Outcome, PastDialog, Queue, Recorded, Replayed, Settlement,
    ShownJob, Slice,
};
use openline_core::visitor::Wanted;
use openline_core::{
    ChannelId, ChatId, ConversationId, FileId, JobId, MessageId, Pos, Rev, Store, StoreError, Tag, Timestamp,
};
use owner::Owner;
use sqlx::postgres::PgConnectOptions;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;

/// The store for several processes.
pub struct PostgresStore {
    database: Arc<Database>,
    group: Group,
    owner: Owner,
    post: Post,
    telling: Telling,
    tag: Tag,
}

impl PostgresStore {
    /// Opens the database that a `postgres://` URL names, and makes its tables when it is empty.
    ///
    /// # Errors
    /// [`OpenError`] when the server can't be reached or refuses us, or the database is missing, foreign, or newer than
    /// this program.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        match url.parse::<StoreUrl>()?.0 {
            Place::Server { options, .. } => Self::connect(&options).await,
            Place::File(path) => Err(OpenError::UnknownUrl(path.display().to_string())),
        }
    }

    pub(crate) async fn connect(options: &PgConnectOptions) -> Result<Self, OpenError> {
        let options = options.clone();
        let chance =
            |e: getrandom::Error| OpenError::Refused { database: crate::url::server(&options), problem: e.to_string() };
        let tag = getrandom::u32().map(Tag).map_err(chance)?;
        let opened = schema::open(&options).await?;
        let (post, telling) = Post::start(&options, opened.owner);
        let owner = Owner::new(opened.connection, options.clone(), opened.owner, telling.clone()).await;
        let refused = |fault| OpenError::Refused {
            database: crate::url::server(&options),
            problem: StoreError::from(fault).to_string(),
        };
        let owner = owner.map_err(refused)?;
        let database = Arc::new(Database::new(options));
        let group = Group::start(Arc::clone(&database));
        Ok(Self { database, group, owner, post, telling, tag })
    }

    fn tell(&self, change: Option<Change>, queue: Option<Queue>) {
        for news in change.map(News::Change).into_iter().chain(queue.map(News::Queue)) {
            self.telling.tell(news);
        }
    }

    fn tell_value(&self, key: &str) {
        if let Some(news) = News::of_value(key) {
            self.telling.tell(news);
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn tag(&self) -> Tag {
        self.tag
    }

    async fn record_incoming(
        &self,
        channel: &ChannelId,
        incoming: Incoming,
        at: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let address = ChatAddress { channel: channel.clone(), chat: incoming.chat.clone() };
        let recorded = self.group.record(Letter::new(channel, incoming, self.tag, at)?).await?;
        if recorded.fresh {
            self.tell(Some(recorded.change), None);
            if recorded.change.rev == Rev(1) {
                self.telling.tell(News::Begun(address, recorded.change.conversation));
            }
            self.tell(None, Some(Queue::Backend));
        }
        Ok(recorded)
    }

    async fn amend_incoming(
        &self,
        channel: &ChannelId,
        chat: &ChatId,
        key: &str,
        amend: Amend,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        let change = transaction!(self.database, db => items::amend(db, channel, chat, key, &amend, at))?;
        self.tell(change, change.map(|_| Queue::Backend));
        Ok(change)
    }

    async fn record_outgoing(&self, events: Vec<OperatorEvent>, at: Timestamp) -> Result<Vec<Noted>, StoreError> {
        let noted = transaction!(self.database, db => outgoing::record(db, &events, self.tag, at))?;
        for noted in &noted {
            self.tell(noted.change, noted.queue.clone());
        }
        Ok(noted)
    }

    async fn record_note(&self, id: ConversationId, note: Note, at: Timestamp) -> Result<bool, StoreError> {
        let stored = transaction!(self.database, db => notes::record_apart(db, id, &note, at))?;
        if stored {
            self.tell(None, Some(Queue::Backend));
        }
        Ok(stored)
    }

    async fn conversation_by_id(&self, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        query!(self.database, db => read::conversation_by_id(db, id))
    }

    async fn find_visitors(
        &self,
        wanted: &str,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        let wanted = Wanted::new(wanted);
        let (mut found, mut after) = (Vec::new(), after.unwrap_or_default());
        while found.len() < limit {
            let page = query!(self.database, db => read::page(db, after))?;
            let Some((last, _)) = page.last() else { break };
            after = ConversationId(*last);
            found.extend(crate::search::fitting(page, &wanted));
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
        query!(self.database, db => read::idle(db, before, after, limit))
    }

    async fn untouched(
        &self,
        before: Timestamp,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, StoreError> {
        query!(self.database, db => read::untouched(db, before, after, limit))
    }

    async fn erase(&self, id: ConversationId) -> Result<Option<Erased>, StoreError> {
        let Some((items, files)) = transaction!(self.database, db => erase::erase(db, id))? else { return Ok(None) };
        // The others must not go on with what they remember.
        self.telling.tell(News::Gap);
        Ok(Some(Erased { items, files: self.unnamed_files(files.into_iter().collect()).await? }))
    }

    async fn unnamed_files(&self, files: Vec<FileId>) -> Result<Vec<FileId>, StoreError> {
        let (mut files, mut after) = (files.into_iter().collect::<BTreeSet<_>>(), Some(0));
        while let Some(start) = after.filter(|_| !files.is_empty()) {
            let named;
            (named, after) = query!(self.database, db => erase::named(db, start))?;
            files.retain(|file| !named.contains(file));
        }
        Ok(files.into_iter().collect())
    }

    async fn conversation(&self, channel: &ChannelId, chat: &ChatId) -> Result<Option<Conversation>, StoreError> {
        query!(self.database, db => read::conversation(db, channel, chat))
    }

    async fn following(
        &self,
        after: Option<ConversationId>,
        active_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        query!(self.database, db => read::following(db, after, active_since, limit))
    }

    async fn past_dialogs(
        &self,
        after: i64,
        active_since: Timestamp,
        limit: usize,
    ) -> Result<Vec<PastDialog>, StoreError> {
        query!(self.database, db => past::page(db, after, active_since, limit))
    }

    async fn forget_past_dialogs(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        transaction!(self.database, db => past::forget(db, &ids))
    }

    async fn items_since(&self, id: ConversationId, since: Rev, limit: usize) -> Result<Slice, StoreError> {
        query!(self.database, db => read::items_since(db, id, since, limit))
    }

    async fn items_before(&self, id: ConversationId, before: Option<Pos>, limit: usize) -> Result<Slice, StoreError> {
        query!(self.database, db => read::items_before(db, id, before, limit))
    }

    async fn notes(&self, id: ConversationId, after: Option<MessageId>, limit: usize) -> Result<Vec<Item>, StoreError> {
        query!(self.database, db => read::notes(db, id, after, limit))
    }

    async fn item(&self, id: ConversationId, message: MessageId) -> Result<Option<Item>, StoreError> {
        query!(self.database, db => read::item(db, id, message))
    }

    async fn claim(&self, queue: &Queue, limit: usize, now: Timestamp, lease: Duration) -> Result<Claimed, StoreError> {
        let owner = self.owner.leasing()?;
        // An empty queue costs a read, not a transaction.
        let next_due = query!(self.database, db => claim::next_due(db, &queue.name()))?;
        if limit == 0 || next_due.is_none_or(|due| due > now) {
            return Ok(Claimed { jobs: Vec::new(), next_due });
        }
        let wanted = claim::Wanted { queue: queue.clone(), limit, now, lease, owner };
        transaction!(self.database, db => claim::claim(db, &wanted))
    }

    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Vec<Change>, StoreError> {
        let owner = self.owner.id();
        let changes = transaction!(self.database, db => settle::settle(db, &settlements, owner, now))?;
        for change in &changes {
            self.tell(Some(*change), None);
        }
        for settlement in settlements {
            match settlement.outcome {
                Outcome::Done { confirm: true, .. } => self.tell(None, Some(Queue::Confirm)),
                Outcome::Dead { note: Some(_), .. } => self.tell(None, Some(Queue::Backend)),
                _ => {}
            }
        }
        Ok(changes)
    }

    async fn hurry(&self, queue: &Queue, now: Timestamp) -> Result<(), StoreError> {
        let name = queue.name();
        transaction!(self.database, db => claim::hurry(db, &name, now))?;
        self.tell(None, Some(queue.clone()));
        Ok(())
    }

    async fn retry_failed(
        &self,
        id: ConversationId,
        message: MessageId,
        now: Timestamp,
    ) -> Result<Option<(Change, Queue)>, StoreError> {
        let retried = transaction!(self.database, db => dead::retry(db, id, message, now))?;
        if let Some((change, queue)) = &retried {
            self.tell(Some(*change), Some(queue.clone()));
        }
        Ok(retried)
    }

    async fn replay_dead(&self, job: JobId, now: Timestamp) -> Result<Option<Replayed>, StoreError> {
        let replayed = transaction!(self.database, db => dead::replay(db, job, now))?;
        if let Some(Replayed::Back { queue, change }) = &replayed {
            self.tell(*change, Some(queue.clone()));
        }
        Ok(replayed)
    }

    async fn dead_letters(&self, after: Option<JobId>, limit: usize) -> Result<Vec<ShownJob>, StoreError> {
        query!(self.database, db => dead::letters(db, after, limit))
    }

    async fn drop_dead(&self, job: JobId) -> Result<bool, StoreError> {
        transaction!(self.database, db => dead::forget(db, job))
    }

    async fn waiting(&self, queue: &Queue, limit: usize) -> Result<Vec<ShownJob>, StoreError> {
        let queue = queue.clone();
        query!(self.database, db => dead::waiting(db, &queue, limit))
    }

    async fn depth(&self, queue: &Queue) -> Result<u64, StoreError> {
        let queue = queue.name();
        query!(self.database, db => claim::depth(db, &queue))
    }

    async fn oldest(&self, queue: &Queue) -> Result<Option<Timestamp>, StoreError> {
        let queue = queue.name();
        query!(self.database, db => claim::oldest(db, &queue))
    }

    async fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        query!(self.database, db => state::get(db, key))
    }

    async fn state_put(&self, key: &str, value: &[u8], expect: Expect<'_>) -> Result<(), StoreError> {
        transaction!(self.database, db => state::put(db, key, value, expect))?;
        self.tell_value(key);
        Ok(())
    }

    async fn state_delete(&self, key: &str) -> Result<(), StoreError> {
        transaction!(self.database, db => state::delete(db, key))?;
        self.tell_value(key);
        Ok(())
    }

    async fn state_list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        query!(self.database, db => state::list(db, prefix))
    }

    async fn is_restored(&self) -> Result<bool, StoreError> {
        query!(self.database, db => restored::is_restored(db))
    }

    async fn made_good(&self) -> Result<(), StoreError> {
        transaction!(self.database, db => restored::made_good(db))
    }

    fn lease_epoch(&self) -> Option<u64> {
        self.owner.epoch()
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn news(&self) -> Option<broadcast::Receiver<News>> {
        Some(self.telling.subscribe())
    }

    async fn close(&self) {
        self.group.close().await;
        self.database.close().await;
        self.post.close().await;
        self.owner.close();
    }
}
