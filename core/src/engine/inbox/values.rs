//! What a channel may keep of its own.

use super::visitor::VisitorInbox;
use crate::domain::error::StoreError;
use crate::domain::id::ChatId;
use crate::ports::store::{ALSO, Expect, chat_values};

impl VisitorInbox {
    /// A value of the channel's own (an offset, a known name), by a key that is unique in the channel.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn remember(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.doors.store.state_get(&self.state_key(key)).await
    }

    /// All values of the channel's own whose key begins so, by what follows.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn remembered(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let prefix = self.state_key(prefix);
        let found = self.doors.store.state_list(&prefix).await?;
        Ok(found.into_iter().filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.to_owned(), value))).collect())
    }

    /// Whether other processes work on the same store: what is remembered in memory may be old.
    pub fn is_shared(&self) -> bool {
        self.doors.store.is_shared()
    }

    /// Keeps a value of the channel's own.
    ///
    /// # Errors
    /// When it was not stored.
    pub async fn keep(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.doors.store.state_put(&self.state_key(key), value, Expect::Anything).await
    }

    /// Forgets a value of the channel's own.
    ///
    /// # Errors
    /// When it is still stored.
    pub async fn forget(&self, key: &str) -> Result<(), StoreError> {
        self.doors.store.state_delete(&self.state_key(key)).await
    }

    /// A value of the channel's own that belongs to a chat, by a name that is unique there.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn remember_of(&self, chat: &ChatId, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.doors.store.state_get(&(chat_values(&self.channel, chat) + name)).await
    }

    /// Keeps a value that belongs to a chat, until its conversation is erased.
    ///
    /// # Errors
    /// When it was not stored.
    pub async fn keep_of(&self, chat: &ChatId, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.doors.store.state_put(&(chat_values(&self.channel, chat) + name), value, Expect::Anything).await
    }

    /// Keeps a value of the channel's own, like [`VisitorInbox::keep`], that goes with a chat's conversation: for what has to
    /// be found without knowing the chat.
    ///
    /// # Errors
    /// When it was not stored.
    pub async fn keep_with(&self, chat: &ChatId, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let key = self.state_key(key);
        let also = format!("{}{ALSO}{key}", chat_values(&self.channel, chat));
        // First what takes it along.
        self.doors.store.state_put(&also, b"", Expect::Anything).await?;
        self.doors.store.state_put(&key, value, Expect::Anything).await
    }

    /// Forgets a value that belongs to a chat.
    ///
    /// # Errors
    /// When it is still stored.
    pub async fn forget_of(&self, chat: &ChatId, name: &str) -> Result<(), StoreError> {
        self.doors.store.state_delete(&(chat_values(&self.channel, chat) + name)).await
    }

    fn state_key(&self, key: &str) -> String {
        format!("channel/{}/{key}", self.channel)
    }
}
