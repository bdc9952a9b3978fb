//! One described channel at work: its calls, its door, what it remembers, its pause.

use super::caller::{Caller, Keeper};
use super::description::Description;
use super::events::Group;
use super::expr::Scope;
use super::memory::{Heard, Progress};
use super::verdicts::Failed;
use async_trait::async_trait;
use openline_core::clock::Timestamp;
use openline_core::lately::Lately;
use openline_core::{ChatId, ConversationId, DeliveryError, StoreError, VisitorInbox};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::time::Duration;

/// A message waits so long for its turn by the messenger's rates; then it is tried again later.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Under which name it is kept what the next token is fetched with.
const REFRESH: &str = "refresh";
/// Under which name values stand that events left for later calls.
pub(super) const KEPT: &str = "kept";

#[async_trait]
impl Keeper for VisitorInbox {
    async fn refresh(&self) -> Result<Option<String>, StoreError> {
        Ok(self.remember(REFRESH).await?.and_then(|kept| String::from_utf8(kept).ok()))
    }

    async fn keep_refresh(&self, refresh: &str) -> Result<(), StoreError> {
        self.keep(REFRESH, refresh.as_bytes()).await
    }
}

/// One channel.
pub(crate) struct Instance {
    caller: Caller,
    pub(super) inbox: VisitorInbox,
    /// What came.
    heard: Lately<ChatId, Heard>,
    /// What goes: as it is stored, or that it is over.
    sending: Lately<ChatId, Progress>,
    state: Mutex<State>,
}

/// A channel makes calls as its caller does.
impl Deref for Instance {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

#[derive(Default)]
struct State {
    /// The messenger lets nothing in; core tries it again then.
    pause: Option<(Timestamp, String)>,
    trouble: Option<String>,
    /// When the next message may be sent: of all chats (empty), and of each.
    next: HashMap<String, Timestamp>,
    /// Events that no rule knew.
    unknown: u64,
}

impl Instance {
    /// A channel that calls so, with the door for its visitors.
    pub(super) fn new(caller: Caller, inbox: VisitorInbox) -> Self {
        Self { caller, inbox, heard: Lately::default(), sending: Lately::default(), state: Mutex::default() }
    }

    /// What came, unless another process may know better.
    pub(super) fn heard(&self) -> Option<&Lately<ChatId, Heard>> {
        self.is_alone().then_some(&self.heard)
    }

    /// What goes, unless another process may know better.
    pub(super) fn sending(&self) -> Option<&Lately<ChatId, Progress>> {
        self.is_alone().then_some(&self.sending)
    }

    /// Values that a chat's events left for calls.
    pub(super) async fn kept(&self, chat: &ChatId, id: ConversationId) -> Result<BTreeMap<String, String>, StoreError> {
        if !self.description.events.iter().any(Group::keeps) {
            return Ok(BTreeMap::new());
        }
        let same = |heard: &mut Heard| heard.kept.clone().filter(|_| heard.conversation == id);
        if let Some(kept) = self.heard().and_then(|lately| lately.at(chat, same)).flatten() {
            return Ok(kept);
        }
        let kept = self.inbox.remember_of(chat, KEPT).await?;
        let kept = kept.and_then(|kept| serde_json::from_slice(&kept).ok()).unwrap_or_default();
        self.keeps(chat, id, &kept);
        Ok(kept)
    }

    /// Remembers what is stored of them.
    pub(super) fn keeps(&self, chat: &ChatId, id: ConversationId, kept: &BTreeMap<String, String>) {
        if let Some(lately) = self.heard() {
            let same = |heard: &mut Heard| heard.conversation == id;
            lately.at(chat, |heard| heard.kept = same(heard).then(|| kept.clone()));
        }
    }

    fn is_alone(&self) -> bool {
        !self.inbox.is_shared()
    }

    /// Remembers for people why the channel is closed.
    pub(super) fn settle(&self, failed: Failed) -> DeliveryError {
        if let DeliveryError::Closed { reason, after } = &failed.error {
            self.state.lock().pause = Some((self.clock.now().plus(*after), reason.clone()));
        }
        failed.error
    }

    /// Waits until the messenger's rates let one more message of this chat go; not for long.
    pub(super) async fn admitted(&self, chat: &str) -> Result<(), DeliveryError> {
        let Description { per_second, chat_per_minute, chat_burst, .. } = *self.description;
        let rates = [
            // A second's worth may go at once after a silence.
            (String::new(), per_second.map(|n| 1.0 / n), per_second.unwrap_or(1.0)),
            (format!("={chat}"), chat_per_minute.map(|n| 60.0 / n), f64::from(chat_burst)),
        ];
        let wait = {
            let (mut state, now) = (self.state.lock(), self.clock.now());
            if state.next.len() > 10_000 {
                state.next.retain(|_, next| *next > now.minus(Duration::from_secs(3600)));
            }
            let mut places = Vec::new();
            for (key, gap, burst) in rates {
                let Some(gap) = gap.filter(|gap| gap.is_finite() && *gap > 0.0) else { continue };
                let earliest = now.minus(Duration::from_secs_f64((gap * burst).min(3600.0)));
                let place = state.next.get(&key).copied().unwrap_or(earliest).max(earliest);
                places.push((key, place.plus(Duration::from_secs_f64(gap.min(3600.0)))));
            }
            let wait = places.iter().map(|(_, place)| now.until(*place)).max().unwrap_or_default();
            if wait > LONGEST_WAIT {
                let reason = "the messenger's rate is used up".to_owned();
                return Err(DeliveryError::Retry { reason, after: Some(wait) });
            }
            state.next.extend(places);
            wait
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// What the setup's steps took.
    pub(super) fn is_set_up(&self, taken: &Scope, names: &[String]) {
        self.caller.note_setup(taken, names);
        self.state.lock().trouble = None;
    }

    pub(super) fn troubled(&self, trouble: &str) {
        let mut state = self.state.lock();
        if state.trouble.as_deref() != Some(trouble) {
            tracing::error!(channel = %self.inbox.channel(), trouble, "the messenger is not set up, trying again");
            state.trouble = Some(trouble.to_owned());
        }
    }

    /// Counts events that no rule knew.
    pub(super) fn unknown(&self, shape: &str) {
        let mut state = self.state.lock();
        state.unknown += 1;
        self.inbox.unknown();
        tracing::warn!(channel = %self.inbox.channel(), shape, count = state.unknown, "an event that no rule of the description knows");
    }

    /// One line when something is wrong.
    pub(super) fn health(&self) -> Result<(), String> {
        let state = self.state.lock();
        match (&state.pause, &state.trouble) {
            (Some((until, reason)), _) if *until > self.clock.now() => Err(reason.clone()),
            (_, Some(trouble)) => Err(trouble.clone()),
            _ => Ok(()),
        }
    }
}
