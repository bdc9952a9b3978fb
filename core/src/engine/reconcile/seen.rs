//! Up to which of the backend's messages each open dialog was seen: what is behind it is not read again, also not after a
//! restart.

use crate::domain::id::ConversationId;
use crate::domain::message::Conversation;
use crate::engine::inbox::Doors;
use crate::ports::backend::Watched;
use crate::ports::store::Expect;
use std::collections::HashMap;

/// Under this it is kept.
const KEY: &str = "core/seen";
/// Dialogs that are remembered; others are read anew each time.
const MOST: usize = 100_000;

/// By conversation: its newest message that was covered, the dialog it was in, and whether it was looked at in this sweep.
#[derive(Default)]
pub(super) struct Seen {
    known: HashMap<ConversationId, Mark>,
    changed: bool,
    sweep: bool,
}

struct Mark {
    newest: i64,
    /// The number of the sweep, odd or even.
    sweep: bool,
}

impl Seen {
    /// What was kept. It only saves work: what can't be read is as if nothing was.
    pub(super) async fn load(doors: &Doors) -> Self {
        let kept = doors.store.state_get(KEY).await.ok().flatten().unwrap_or_default();
        let kept: Vec<(i64, i64)> = serde_json::from_slice(&kept).unwrap_or_default();
        let mark = |(id, newest)| (ConversationId(id), Mark { newest, sweep: false });
        Self { known: kept.into_iter().map(mark).collect(), ..Self::default() }
    }

    /// Keeps it, if there is something new.
    pub(super) async fn keep(&mut self, doors: &Doors) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        let kept: Vec<_> = self.known.iter().map(|(id, mark)| (id.0, mark.newest)).collect();
        let kept = serde_json::to_vec(&kept).unwrap_or_default();
        if let Err(error) = doors.store.state_put(KEY, &kept, Expect::Anything).await {
            tracing::warn!(%error, "can't keep up to where dialogs were looked at");
            self.changed = true;
        }
    }

    /// The conversation with what is known of it.
    pub(super) fn watched(&mut self, conversation: Conversation, patient: bool) -> Watched {
        let mark = self.known.get_mut(&conversation.id);
        let seen = mark.map(|mark| {
            mark.sweep = self.sweep;
            mark.newest
        });
        Watched { conversation, seen, patient }
    }

    /// It was seen up to there.
    pub(super) fn note(&mut self, conversation: &Conversation, newest: i64) {
        let is_new = self.known.get(&conversation.id).is_none_or(|mark| mark.newest < newest);
        if is_new && (self.known.len() < MOST || self.known.contains_key(&conversation.id)) {
            self.known.insert(conversation.id, Mark { newest, sweep: self.sweep });
            self.changed = true;
        }
    }

    /// All open dialogs are looked at from now on …
    pub(super) fn begin_sweep(&mut self) {
        self.sweep = !self.sweep;
    }

    /// … and were: what was not among them is not open any more.
    pub(super) fn end_sweep(&mut self) {
        let before = self.known.len();
        self.known.retain(|_, mark| mark.sweep == self.sweep);
        self.changed |= self.known.len() != before;
    }
}
