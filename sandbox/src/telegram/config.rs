//! What the stand-in Telegram is started with, and the switches that may be flipped while it runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of one stand-in Bot API server.
#[derive(Debug, Clone)]
pub struct TelegramConfig {
    /// Where it listens; port 0 takes any free port.
    pub listen: SocketAddr,
    /// Everything random (ids, fault probabilities) follows from this.
    pub seed: u64,
    /// Pause before a failed webhook update is posted again; doubles with each failure (1 s in reality).
    pub webhook_backoff: Duration,
    /// Longest such pause (1 to 2 minutes in reality).
    pub webhook_backoff_max: Duration,
    /// How long a webhook may take to answer.
    pub webhook_timeout: Duration,
    /// Behaviours that may be changed later.
    pub switches: TelegramSwitches,
}

impl TelegramConfig {
    /// The default server with ids derived from `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed,
            webhook_backoff: Duration::from_millis(50),
            webhook_backoff_max: Duration::from_secs(1),
            webhook_timeout: Duration::from_secs(10),
            switches: TelegramSwitches::default(),
        }
    }
}

impl Default for TelegramConfig {
    fn default() -> Self {
        Self::seeded(1)
    }
}

/// Behaviours that tests want off or on. Change them with `TelegramServer::switch` or `POST /sandbox/switches`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelegramSwitches {
    /// Webhooks must be https on port 443, 80, 88 or 8443, as in reality; else http on the loopback is taken too.
    pub https_webhooks_only: bool,
    /// Calls are slowed down as in reality: one `setWebhook` a second, quick polls with the same offset wait three
    /// seconds, and a second conflict within three seconds is told three seconds later.
    pub strict_pace: bool,
    /// Every update goes to the webhook on its own, so that a later one may overtake an earlier one of the same chat.
    /// Else updates of one chat keep their order and chats go side by side.
    pub unordered_webhooks: bool,
    /// Too many messages in one chat are refused with 429.
    pub flood: Option<FloodLimit>,
}

/// A leaky bucket for each chat: refused while it would hold more than `burst`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FloodLimit {
    /// How many messages may come at once.
    pub burst: f64,
    /// How many leak away each second (about 1 in reality).
    pub per_second: f64,
}
