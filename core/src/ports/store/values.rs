//! Adapters' own values: credentials, lines, offsets, what belongs to a chat.

use crate::domain::error::StoreError;
use crate::domain::id::{ChannelId, ChatId};
use async_trait::async_trait;

/// Under this and a name stand in the adapters' values those that belong to a chat: they go with its conversation, see
/// [`crate::store::Erasing::erase`]. (No chat id has a `|`.)
pub fn chat_values(channel: &ChannelId, chat: &ChatId) -> String {
    format!("{CHATS}{channel}/{chat}|")
}

/// What the keys of all chats' values begin with.
pub const CHATS: &str = "chat/";

/// The name of the value of a chat that says what it is called on the channel's side, where that can be no [`ChatId`].
pub const OWN_NAME: &str = "name";

/// A value of a chat whose name begins so has, behind it, the key of another value that goes with the chat.
pub const ALSO: &str = "also/";

/// The keys of the values that go with a chat: its own, which are `listed`, and those that they name.
pub fn values_to_go(prefix: &str, listed: Vec<(String, Vec<u8>)>) -> Vec<String> {
    let mut keys: Vec<String> = listed.into_iter().map(|(key, _)| key).collect();
    let also = |key: &String| key.strip_prefix(prefix)?.strip_prefix(ALSO).map(str::to_owned);
    let others: Vec<_> = keys.iter().filter_map(also).collect();
    keys.extend(others);
    keys
}

/// What [`crate::store::Values::state_put`] expects to find.
#[derive(Debug, Clone, Copy)]
pub enum Expect<'a> {
    /// Anything, also nothing.
    Anything,
    /// No value.
    Nothing,
    /// Exactly this value.
    Value(&'a [u8]),
}

/// Adapters' values, by key.
#[async_trait]
pub trait Values: Send + Sync {
    /// An adapter's value.
    async fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps an adapter's value, when what is there is as expected; else [`StoreError::Conflict`].
    async fn state_put(&self, key: &str, value: &[u8], expect: Expect<'_>) -> Result<(), StoreError>;

    /// Forgets an adapter's value.
    async fn state_delete(&self, key: &str) -> Result<(), StoreError>;

    /// All values whose key begins with `prefix`, in the order of the keys' bytes.
    async fn state_list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError>;
}
