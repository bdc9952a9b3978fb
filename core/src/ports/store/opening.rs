//! What concerns the store as a whole, and other processes on it.

use super::conversations::Change;
use crate::domain::error::StoreError;
use crate::domain::id::{ChatAddress, ConversationId};
use crate::ports::work::Queue;
use async_trait::async_trait;
use tokio::sync::broadcast;

/// What another process, a service or a command, did on the same database; see [`crate::store::Opening::news`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A conversation has a new revision.
    Change(Change),
    /// A chat wrote for the first time, and has this conversation now.
    Begun(ChatAddress, ConversationId),
    /// The adapter's value with this key was written or forgotten.
    Value(String),
    /// A queue has work that is due.
    Queue(Queue),
    /// Nobody listened for a while: anything may have changed, in any conversation and any queue.
    Gap,
}

impl News {
    /// That an adapter's value changed; `None` for those that no other process remembers: a chat's, files', a process's own.
    pub fn of_value(key: &str) -> Option<Self> {
        let own = ["chat/", "channel/", "files/", "service/"].iter().any(|prefix| key.starts_with(prefix));
        (!own).then(|| Self::Value(key.to_owned()))
    }
}

/// An opened store.
#[async_trait]
pub trait Opening: Send + Sync {
    /// Whether the database came from a backup, or its server lost what it had confirmed: what was told from it since may
    /// be missing in it. True until [`Opening::made_good`], over restarts and for all processes.
    async fn is_restored(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// What is missing was fetched, as far as that goes.
    async fn made_good(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Whether several services may work on the database at the same time: what one remembers may be old then. (Commands may
    /// look into any database, and make small repairs.)
    fn is_shared(&self) -> bool {
        false
    }

    /// What other processes, services and commands, do on the same database from now on, as far as it is heard of: it saves
    /// waiting for the next look, and nothing may depend on it. Whoever lags behind takes that as a [`News::Gap`]. `None` when
    /// nothing is ever heard.
    fn news(&self) -> Option<broadcast::Receiver<News>> {
        None
    }

    /// A number that stays the same as long as nobody else may have taken over what this process has leased; `None` while
    /// that can't be told.
    fn lease_epoch(&self) -> Option<u64> {
        Some(0)
    }

    /// Finishes what is under way and closes the database. After it everything is [`StoreError::Unavailable`].
    async fn close(&self);
}
