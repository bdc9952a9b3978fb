//! What the way in from Telegram has and remembers, whatever an update is.

use crate::telegram::client::api::Api;
use crate::telegram::outgoing::numbers::Numbers;
use crate::telegram::settings::Settings;
use crate::telegram::updates::chats::Spot;
use openline_core::{StoreError, VisitorInbox};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use teloxide::payloads::SendMessage;
use tokio::time::Instant;

/// So long health tells that an update was set aside.
const TOLD: Duration = Duration::from_secs(3600);

/// Why an update can't be acknowledged yet: it must come again.
#[derive(Debug, thiserror::Error)]
pub(in crate::telegram) enum Held {
    #[error("nothing was stored: {0}")]
    Store(#[from] StoreError),
    #[error("a visitor's file: {0}")]
    File(String),
    #[error("an update was not taken to its end")]
    Fault,
}

/// The way in, for both modes.
pub(in crate::telegram) struct Intake {
    pub(in crate::telegram) api: Arc<Api>,
    pub(in crate::telegram) settings: Arc<Settings>,
    pub(in crate::telegram) inbox: VisitorInbox,
    pub(in crate::telegram) numbers: Arc<Numbers>,
    pub(super) memory: Mutex<Memory>,
}

#[derive(Default)]
pub(super) struct Memory {
    /// Updates that were taken.
    pub(super) taken: VecDeque<i64>,
    /// How often a file was asked for, by chat and key.
    pub(super) tries: HashMap<String, u32>,
    /// How many updates were set aside, and when the last one was.
    pub(super) aside: Option<(u32, Instant)>,
}

impl Intake {
    pub(in crate::telegram) fn new(api: Arc<Api>, settings: Arc<Settings>, inbox: VisitorInbox) -> Self {
        Self { api, settings, inbox, numbers: Arc::default(), memory: Mutex::default() }
    }

    /// Notes that an update is not taken and will not come again, so that all others go on.
    pub(super) fn set_aside(&self, update: Option<i64>, problem: &str) {
        tracing::error!(channel = %self.inbox.channel(), update, problem, "an update of Telegram was set aside");
        let aside = &mut self.memory.lock().aside;
        *aside = Some((aside.map_or(0, |(count, _)| count) + 1, Instant::now()));
    }

    /// Whether an update was set aside lately.
    pub(in crate::telegram) fn health(&self) -> Result<(), String> {
        match self.memory.lock().aside {
            Some((count, last)) if last.elapsed() < TOLD => Err(format!(
                "updates of Telegram that can't be read were set aside: {count}; the log has their numbers"
            )),
            _ => Ok(()),
        }
    }

    /// Says something of our own. Not worth holding anything up: a failure is logged.
    pub(in crate::telegram) async fn say(&self, spot: Spot, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let mut payload = SendMessage::new(teloxide::types::ChatId(spot.chat), text);
        payload.message_thread_id = spot.thread();
        match self.api.call(&payload).await {
            Ok(sent) => {
                let number = sent["message_id"].as_i64().unwrap_or_default();
                self.numbers.saw(spot.chat, number);
            }
            Err(failure) => {
                tracing::warn!(channel = %self.inbox.channel(), problem = failure.line(), "an own text was not sent");
            }
        }
    }
}
