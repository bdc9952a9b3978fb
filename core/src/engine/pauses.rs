//! Channels that an administrator paused: what operators write waits in the channel's queue until it is resumed. Visitors'
//! messages go on to the operators. A pause is stored, so that it outlasts restarts and counts for every process.

use crate::domain::error::StoreError;
use crate::domain::id::ChannelId;
use crate::ports::clock::Timestamp;
use crate::ports::store::{Expect, Store};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// Under this and a channel stands its pause in the adapters' values.
const PAUSES: &str = "pause/";
/// How soon a pause that another process made counts here at the latest: usually it is heard of at once.
const EVERY: Duration = Duration::from_secs(15);
/// How soon it is looked again after a look failed.
const AGAIN: Duration = Duration::from_secs(2);
/// Longest reason, in characters.
const LONGEST: usize = 200;

/// That a channel is paused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Why, in the words of who paused it; may be empty.
    pub why: String,
    /// Who paused it.
    #[serde(default)]
    pub by: By,
}

/// Who paused a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// An administrator of the backend, by number there.
    Backend(String),
    /// Whoever reaches the machine's own dashboard.
    #[default]
    Machine,
    /// Who gave a command, by their name on the machine.
    Command(String),
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backend(user) => write!(f, "user {user} of the portal"),
            Self::Machine => f.write_str("somebody at /admin"),
            Self::Command(user) => write!(f, "{user} at the command line"),
        }
    }
}

/// The paused channels.
pub type Paused = BTreeMap<ChannelId, Pause>;

/// What is known of them here.
#[derive(Clone)]
pub(crate) struct Pauses {
    known: Arc<watch::Sender<Option<Paused>>>,
    /// Somebody else may have changed them.
    changed: Arc<Notify>,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { known: Arc::new(watch::Sender::new(None)), changed: Arc::default() }
    }
}

impl Pauses {
    /// Those that are known.
    pub(crate) fn all(&self) -> Paused {
        self.known.borrow().clone().unwrap_or_default()
    }

    /// Returns when it is known that the channel is not paused.
    pub(crate) async fn over(&self, channel: &ChannelId) {
        let goes_on = |paused: &Option<Paused>| paused.as_ref().is_some_and(|paused| !paused.contains_key(channel));
        // The sender lives as long as this does.
        let _ = self.known.subscribe().wait_for(goes_on).await;
    }

    /// Reads what is stored.
    pub(crate) async fn look(&self, store: &Arc<dyn Store>) -> Result<(), StoreError> {
        let now = Some(stored(store).await?);
        self.known.send_if_modified(|known| {
            let changed = *known != now;
            *known = now;
            changed
        });
        Ok(())
    }

    /// Another process wrote or forgot the value with this key; `None`: any may be changed.
    pub(crate) fn changed_elsewhere(&self, key: Option<&str>) {
        if key.is_none_or(|key| key.starts_with(PAUSES)) {
            self.changed.notify_one();
        }
    }

    /// Keeps looking until `stop`: when somebody else may have changed them, and now and then. Until the first look succeeds
    /// no channel sends.
    pub(crate) async fn follow(&self, store: &Arc<dyn Store>, stop: &CancellationToken) {
        loop {
            let looked = self.look(store).await;
            if let Err(error) = &looked {
                tracing::warn!(%error, "can't look which channels are paused");
            }
            let every = if looked.is_ok() { EVERY } else { AGAIN };
            let wait = tokio::time::timeout(every, self.changed.notified());
            if stop.run_until_cancelled(wait).await.is_none() {
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
        Some((channel, serde_json::from_slice(&value).unwrap_or_default()))
    };
    Ok(store.state_list(PAUSES).await?.into_iter().filter_map(pause).collect())
}

/// Pauses a channel, whether a service runs on the store or not. False when it is paused already; the earlier reason stays.
///
/// # Errors
/// When it can't be stored.
pub async fn pause(
    store: &Arc<dyn Store>,
    channel: &ChannelId,
    (why, by): (&str, By),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let pause = Pause { since: now, why: why.trim().chars().take(LONGEST).collect(), by };
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
pub async fn resume(store: &Arc<dyn Store>, channel: &ChannelId) -> Result<bool, StoreError> {
    let key = format!("{PAUSES}{channel}");
    let was = store.state_get(&key).await?.is_some();
    store.state_delete(&key).await?;
    Ok(was)
}
