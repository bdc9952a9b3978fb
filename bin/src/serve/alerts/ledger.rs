//! What was told of, and to whom: a row each in the store.

use super::told::Told;
use openline_bitrix::Concern;
use openline_core::store::Expect;
use openline_core::{Store, StoreError, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Under this and a concern's key stands its entry.
const ROWS: &str = "service/alert/";

/// Something that is or was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    concern: Concern,
    /// In Unix milliseconds.
    since: i64,
    /// Whether it is over.
    pub(super) over: bool,
    /// The ways that were told that it is so.
    heard: Vec<String>,
    /// The ways that are to be told what is so now.
    pub(super) waiting: Vec<String>,
}

impl Entry {
    pub(super) fn new(concern: &Concern, now: Timestamp, ways: Vec<String>) -> Self {
        Self { concern: concern.clone(), since: now.0, over: false, heard: Vec::new(), waiting: ways }
    }

    /// It is over, which only those are told who have heard of it.
    pub(super) fn ended(self) -> Self {
        Self { over: true, waiting: self.heard.clone(), ..self }
    }

    /// It is so again, of which those are told who have heard that it was over.
    pub(super) fn returned(self) -> Self {
        let waiting = self.heard.iter().filter(|way| !self.waiting.contains(way)).cloned().collect();
        let heard = self.waiting;
        Self { over: false, heard, waiting, ..self }
    }

    /// A way was told.
    pub(super) fn is_told(&mut self, way: &str) {
        self.waiting.retain(|one| one != way);
        if !self.over {
            self.heard.push(way.to_owned());
        }
    }

    pub(super) fn told(&self) -> Told {
        let Self { concern, since, over, .. } = self.clone();
        Told { concern, since: Timestamp(since), over }
    }
}

/// All entries.
pub(super) struct Ledger {
    store: Arc<dyn Store>,
    pub(super) entries: BTreeMap<String, Entry>,
}

impl Ledger {
    pub(super) async fn open(store: &Arc<dyn Store>) -> Result<Self, StoreError> {
        let read = |(key, value): (String, Vec<u8>)| {
            Some((key.strip_prefix(ROWS)?.to_owned(), serde_json::from_slice(&value).ok()?))
        };
        let entries = store.state_list(ROWS).await?.into_iter().filter_map(read).collect();
        Ok(Self { store: Arc::clone(store), entries })
    }

    pub(super) async fn keep(&mut self, key: &str, entry: Entry) -> Result<(), StoreError> {
        let value = serde_json::to_vec(&entry).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        self.store.state_put(&format!("{ROWS}{key}"), &value, Expect::Anything).await?;
        self.entries.insert(key.to_owned(), entry);
        Ok(())
    }

    pub(super) async fn forget(&self, key: &str) -> Result<(), StoreError> {
        self.store.state_delete(&format!("{ROWS}{key}")).await
    }
}
