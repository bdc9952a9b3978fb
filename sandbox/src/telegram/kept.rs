//! What the memory keeps of files and updates.

use std::time::Instant;

use bytes::Bytes;
use serde_json::{Map, Value, json};

/// One file as one bot knows it.
#[derive(Debug, Clone)]
pub(crate) struct StoredFile {
    pub(crate) bot: i64,
    pub(crate) id: String,
    pub(crate) unique_id: String,
    /// `photo`, `document`, …: the field it travels in.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) bytes: Bytes,
    pub(crate) path: String,
    /// Unix milliseconds until which the path can be downloaded; 0 before `getFile`.
    pub(crate) link_until: i64,
}

impl StoredFile {
    /// `file_id`, `file_unique_id`, `file_size`.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let mut json = Map::new();
        json.insert("file_id".to_owned(), json!(self.id));
        json.insert("file_unique_id".to_owned(), json!(self.unique_id));
        json.insert("file_size".to_owned(), json!(self.bytes.len()));
        json
    }
}

/// One update that waits.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    pub(crate) id: i64,
    /// `message`, `edited_message`, …
    pub(crate) kind: &'static str,
    /// Webhook updates with the same key are delivered one after the other.
    pub(crate) key: String,
    pub(crate) body: Value,
    pub(crate) expires_at: i64,
    /// Deliveries to the webhook that failed.
    pub(crate) failures: u32,
    /// Not before this moment.
    pub(crate) not_before: Option<Instant>,
    pub(crate) in_flight: bool,
}

impl Update {
    pub(crate) fn json(&self) -> Value {
        let mut json = Map::new();
        json.insert("update_id".to_owned(), json!(self.id));
        json.insert(self.kind.to_owned(), self.body.clone());
        Value::Object(json)
    }
}

/// Where a bot wants its updates.
#[derive(Debug, Clone, Default)]
pub(crate) struct Webhook {
    pub(crate) url: String,
    pub(crate) secret: String,
    pub(crate) max_connections: usize,
    /// Unix seconds and text of the last failure.
    pub(crate) last_error: Option<(i64, String)>,
    /// Grows with every `setWebhook`.
    pub(crate) generation: u64,
}
