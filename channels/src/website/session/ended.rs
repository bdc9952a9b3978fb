//! Sessions that were ended before their time: one by signing out, all of a chat by "forget me".
//!
//! Each is a line in the store under a keyed hash, from which neither the session nor the chat can be made, until the
//! sessions would have ended anyway.

use crate::website::session::sessions::{Session, Sessions};
use openline_core::{StoreError, Timestamp, VisitorInbox};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Under this and a keyed hash stands when it was ended, in Unix milliseconds.
const ENDED: &str = "ended/";
/// No session is older.
const LONGEST: Duration = Duration::from_secs(181 * 24 * 3600);
/// How soon it is looked again what other processes have ended.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// What was ended, as far as it is known here.
#[derive(Default)]
pub(in crate::website) struct Ended(RwLock<Option<Known>>);

/// What is kept of a session while somebody waits with it, to tell whether it was ended meanwhile.
pub(in crate::website) struct Mark {
    id: String,
    of_chat: String,
    made: i64,
}

impl Mark {
    pub(in crate::website) fn of(session: &Session, sessions: &Sessions) -> Self {
        let of_chat = sessions.id_of(session.chat.as_str());
        Self { id: session.id.clone(), of_chat, made: session.made }
    }
}

struct Known {
    at: HashMap<String, i64>,
    looked: Instant,
}

impl Ended {
    /// Whether a session was ended.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(in crate::website) async fn is_over(&self, mark: &Mark, inbox: &VisitorInbox) -> Result<bool, StoreError> {
        if self.is_stale(inbox) {
            self.look(inbox).await?;
        }
        let known = self.0.read();
        let Some(known) = known.as_ref().filter(|known| !known.at.is_empty()) else { return Ok(false) };
        let of_chat = known.at.get(&mark.of_chat);
        Ok(known.at.contains_key(&mark.id) || of_chat.is_some_and(|at| mark.made <= *at))
    }

    fn is_stale(&self, inbox: &VisitorInbox) -> bool {
        let known = self.0.read();
        known.as_ref().is_none_or(|known| inbox.is_shared() && known.looked.elapsed() > LOOK_AGAIN)
    }

    async fn look(&self, inbox: &VisitorInbox) -> Result<(), StoreError> {
        let oldest = inbox.now().minus(LONGEST).0;
        let mut at = HashMap::new();
        for (key, value) in inbox.remembered(ENDED).await? {
            let ended = std::str::from_utf8(&value).ok().and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
            if ended < oldest {
                inbox.forget(&format!("{ENDED}{key}")).await?;
            } else {
                at.insert(key, ended);
            }
        }
        *self.0.write() = Some(Known { at, looked: Instant::now() });
        Ok(())
    }

    /// Ends one session.
    ///
    /// # Errors
    /// When it may be good still.
    pub(in crate::website) async fn end(&self, session: &Session, inbox: &VisitorInbox) -> Result<(), StoreError> {
        self.keep(session.id.clone(), inbox).await
    }

    /// Ends all sessions of a session's chat that were made up to now.
    ///
    /// # Errors
    /// When they may be good still.
    pub(in crate::website) async fn end_all(
        &self,
        session: &Session,
        sessions: &Sessions,
        inbox: &VisitorInbox,
    ) -> Result<(), StoreError> {
        self.keep(sessions.id_of(session.chat.as_str()), inbox).await
    }

    async fn keep(&self, id: String, inbox: &VisitorInbox) -> Result<(), StoreError> {
        let now: Timestamp = inbox.now();
        inbox.keep(&format!("{ENDED}{id}"), now.0.to_string().as_bytes()).await?;
        if let Some(known) = self.0.write().as_mut() {
            known.at.insert(id, now.0);
        }
        Ok(())
    }
}
