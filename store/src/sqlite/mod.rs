//! SQLite in WAL mode with `synchronous=FULL`.
//!
//! All writes go to one thread. It takes whatever steps wait, runs them in one transaction (each in a savepoint of its
//! own), commits once, and only then answers: one flush serves everybody who waited for it. Reads run on threads of
//! their own and see the last commit.

mod backup;
mod bell;
mod claim;
mod conversations;
mod dead;
mod dialogs;
mod erasing;
mod incoming;
mod items;
mod jobs;
mod lanes;
mod mark;
mod notes;
mod outgoing;
mod past;
mod row;
pub(crate) mod schema;
mod settle;
#[cfg(test)]
mod tests;
mod threads;
mod values;
mod writer;

pub use backup::{erased, snapshot, tag_of};

use crate::OpenError;
use crate::error::tag;
use async_trait::async_trait;
use bell::Bell;
use openline_core::store::{News, Opening};
use openline_core::{StoreError, Tag};
use std::path::{Path, PathBuf};
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
        let opened = schema::open(path)?;
        let threads = Threads::start(path, opened.connection, Some((opened.lock, opened.mark)))?;
        Ok(Self { path: path.to_owned(), bell: Bell::hear(path), threads, tag: tag(), name: opened.name })
    }

    /// Opens an existing database beside a running service, for looking and small repairs. Blocks.
    ///
    /// # Errors
    /// [`OpenError`] when there is none, or it can't be used.
    pub fn attach(path: &Path) -> Result<Self, OpenError> {
        let (connection, name) = schema::attach(path)?;
        let threads = Threads::start(path, connection, None)?;
        Ok(Self { path: path.to_owned(), bell: Bell::ring(path), threads, tag: tag(), name })
    }
}

#[async_trait]
impl Opening for SqliteStore {
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
