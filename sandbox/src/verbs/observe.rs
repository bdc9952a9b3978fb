//! Watching the portal.

use std::fmt;
use std::time::Duration;

use crate::model::{EventPost, Message, RestCall, Violation};
use crate::sandbox::Sandbox;
use crate::view::{Dialog, View};

/// How long [`Sandbox::wait_until`] waits.
const PATIENCE: Duration = Duration::from_secs(15);

/// The awaited condition did not come true in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedOut {
    /// How long it was waited for.
    pub after: Duration,
    /// The last REST calls and events, to see what happened instead.
    pub lately: String,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the portal did not come to the awaited state within {:?}; lately:\n{}", self.after, self.lately)
    }
}

impl std::error::Error for TimedOut {}

impl Sandbox {
    /// Looks at the portal.
    pub fn view<R>(&self, look: impl FnOnce(View<'_>) -> R) -> R {
        self.portal.view(|state| look(View(state)))
    }

    /// All dialogs, newest activity first.
    pub fn dialogs(&self) -> Vec<Dialog> {
        self.view(|view| view.dialogs())
    }

    /// Messages of a chat in order, deleted ones included.
    pub fn messages(&self, chat_id: i64) -> Vec<Message> {
        self.view(|view| view.messages(chat_id))
    }

    /// All REST calls so far (the last twenty thousand).
    pub fn calls(&self) -> Vec<RestCall> {
        self.view(|view| view.calls().cloned().collect())
    }

    /// All event posts so far (the last twenty thousand).
    pub fn events(&self) -> Vec<EventPost> {
        self.view(|view| view.events().cloned().collect())
    }

    /// What a client must never do and did.
    pub fn violations(&self) -> Vec<Violation> {
        self.view(|view| view.violations().cloned().collect())
    }

    /// Forgets calls, events and violations.
    pub fn clear_record(&self) {
        self.portal.edit(|state| state.record.clear());
    }

    /// Waits until a condition holds, for fifteen seconds at most. The condition is tested at every change.
    pub async fn wait_until(&self, condition: impl Fn(View<'_>) -> bool) -> Result<(), TimedOut> {
        self.wait_until_within(PATIENCE, condition).await
    }

    /// Waits until a condition holds, for the given time at most.
    pub async fn wait_until_within(
        &self,
        patience: Duration,
        condition: impl Fn(View<'_>) -> bool,
    ) -> Result<(), TimedOut> {
        let mut changes = self.portal.changes();
        let met = async {
            while !self.view(&condition) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        match tokio::time::timeout(patience, met).await {
            Ok(()) => Ok(()),
            Err(_) => Err(TimedOut { after: patience, lately: self.view(lately) }),
        }
    }
}

/// The last few calls and events in one line each.
fn lately(view: View<'_>) -> String {
    let calls = view.calls().rev().take(8).map(|call| format!("{} {} {}", call.method, call.status, call.verdict));
    let events = view.events().rev().take(8).map(|post| format!("{} {} {}", post.event, post.url, post.outcome));
    calls.chain(events).collect::<Vec<_>>().join("\n")
}
