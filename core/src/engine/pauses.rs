//! Channels that an administrator paused: what operators write waits in the channel's queue until it is resumed. Visitors'
//! messages go on to the operators. A pause is stored, so that it outlasts restarts and counts for every process.

use crate::domain::error::StoreError;
use crate::domain::id::ChannelId;
use crate::ports::clock::Timestamp;
use crate::ports::store::{Expect, Store};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Under this and a channel stands its pause in the adapters' values.
const PAUSES: &str = "pause/";
/// How soon a pause that another process made counts here at the latest.
const EVERY: Duration = Duration::from_secs(2);
/// Longest reason, in characters.
const LONGEST: usize = 200;

/// That a channel is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Why, in the words of who paused it; may be empty.
    pub why: String,
}

/// The paused channels.
pub type Paused = BTreeMap<ChannelId, Pause>;

/// What is known of them here.
#[derive(Clone)]
pub(crate) struct Pauses(Arc<watch::Sender<Option<Paused>>>);

impl Default for Pauses {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Pauses {
    /// Those that are known.
    pub(crate) fn all(&self) -> Paused {
        self.0.borrow().clone().unwrap_or_default()
    }

    /// Returns when it is known that the channel is not paused.
    pub(crate) async fn over(&self, channel: &ChannelId) {
        let goes_on = |paused: &Option<Paused>| paused.as_ref().is_some_and(|paused| !paused.contains_key(channel));
        // The sender lives as long as this does.
        let _ = self.0.subscribe().wait_for(goes_on).await;
    }

    /// Reads what is stored.
    pub(crate) async fn look(&self, store: &Arc<dyn Store>) -> Result<(), StoreError> {
        let now = Some(stored(store).await?);
        self.0.send_if_modified(|known| {
            let changed = *known != now;
            *known = now;
            changed
        });
        Ok(())
    }

    /// Keeps looking until `stop`. Until the first look succeeds no channel sends.
    pub(crate) async fn follow(&self, store: &Arc<dyn Store>, stop: &CancellationToken) {
        loop {
            if let Err(error) = self.look(store).await {
                tracing::warn!(%error, "can't look which channels are paused");
            }
            if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }
}

/// The channels that are paused, as it is stored.
///
/// # Errors
/// When the store can't be read.
pub async fn stored(store: &Arc<dyn Store>) -> Result<Paused, StoreError> {
    let pause = |(key, value): (String, Vec<u8>)| {
        let channel = ChannelId::parse(key.strip_prefix(PAUSES)?).ok()?;
        // One that can't be read is a pause all the same.
        let unread = Pause { since: Timestamp::default(), why: String::new() };
        Some((channel, serde_json::from_slice(&value).unwrap_or(unread)))
    };
    Ok(store.state_list(PAUSES).await?.into_iter().filter_map(pause).collect())
}

/// Pauses a channel. False when it is paused already; the earlier reason stays.
///
/// # Errors
/// When it can't be stored.
pub(crate) async fn pause(
    store: &Arc<dyn Store>,
    channel: &ChannelId,
    why: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let pause = Pause { since: now, why: why.trim().chars().take(LONGEST).collect() };
    let value = serde_json::to_vec(&pause).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    match store.state_put(&format!("{PAUSES}{channel}"), &value, Expect::Nothing).await {
        Ok(()) => Ok(true),
        Err(StoreError::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Lets it go on. False when it is not paused.
///
/// # Errors
/// When it can't be stored.
pub(crate) async fn resume(store: &Arc<dyn Store>, channel: &ChannelId) -> Result<bool, StoreError> {
    let key = format!("{PAUSES}{channel}");
    let was = store.state_get(&key).await?.is_some();
    store.state_delete(&key).await?;
    Ok(was)
}
