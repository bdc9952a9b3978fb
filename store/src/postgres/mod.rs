//! PostgreSQL, for several processes on one database.
//!
//! Each step is one transaction (READ COMMITTED). What happens inside a conversation is put in order by its row's lock,
//! which is taken first; so revisions, positions, ids and the jobs of a lane grow together. Visitors' messages that wait
//! at the same time are stored together. Claims pass over lanes that somebody else has locked.
//!
//! It needs sessions that stay: a pooler between must not be in transaction mode (advisory locks, LISTEN).

mod amend;
mod chats;
mod claim;
mod conversations;
pub(crate) mod database;
mod dead;
mod dialogs;
mod erasing;
pub(crate) mod fault;
mod group;
mod incoming;
mod items;
mod jobs;
mod late;
mod news;
mod notes;
mod outgoing;
pub(crate) mod owner;
mod past;
mod plan;
mod restored;
pub(crate) mod row;
pub(crate) mod schema;
mod settle;
mod values;

use crate::OpenError;
use crate::error::tag;
use crate::url::{Location, StoreUrl};
use async_trait::async_trait;
use database::{Database, query, transaction};
use group::Group;
use news::{Post, Telling};
use openline_core::store::{Change, News, Opening, Queue};
use openline_core::{StoreError, Tag};
use owner::Owner;
use sqlx::postgres::PgConnectOptions;
use std::sync::Arc;
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
            Location::Server { options, .. } => Self::connect(&options).await,
            Location::File(path) => Err(OpenError::UnknownUrl(path.display().to_string())),
        }
    }

    pub(crate) async fn connect(options: &PgConnectOptions) -> Result<Self, OpenError> {
        let options = options.clone();
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
        Ok(Self { database, group, owner, post, telling, tag: tag() })
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
impl Opening for PostgresStore {
    async fn is_restored(&self) -> Result<bool, StoreError> {
        query!(self.database, db => restored::is_restored(db))
    }

    async fn made_good(&self) -> Result<(), StoreError> {
        transaction!(self.database, db => restored::made_good(db))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn news(&self) -> Option<broadcast::Receiver<News>> {
        Some(self.telling.subscribe())
    }

    fn lease_epoch(&self) -> Option<u64> {
        self.owner.epoch()
    }

    async fn close(&self) {
        self.group.close().await;
        self.database.close().await;
        self.post.close().await;
        self.owner.close();
    }
}
