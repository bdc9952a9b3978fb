//! What is known of the bot and how it stands.

use crate::telegram::client::errors::Failure;
use openline_core::{StoreError, VisitorInbox};
use parking_lot::Mutex;

/// Where the bot's name is kept, so that links to it work from the start.
const USERNAME: &str = "username";

#[derive(Default)]
pub(in crate::telegram) struct Status {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    username: Option<String>,
    problem: Option<String>,
}

impl Status {
    /// The bot's address: https://t.me/name.
    pub(in crate::telegram) fn address(&self) -> Option<String> {
        self.known.lock().username.as_ref().map(|name| format!("https://t.me/{name}"))
    }

    pub(in crate::telegram) fn health(&self) -> Result<(), String> {
        self.known.lock().problem.clone().map_or(Ok(()), Err)
    }

    /// Logs a problem when it is a new one.
    pub(in crate::telegram) fn fails(&self, inbox: &VisitorInbox, problem: String) {
        let mut known = self.known.lock();
        if known.problem.as_ref() != Some(&problem) {
            tracing::error!(channel = %inbox.channel(), problem, "the bot does not work, trying again");
            known.problem = Some(problem);
        }
    }

    pub(in crate::telegram) fn works(&self, inbox: &VisitorInbox) {
        if self.known.lock().problem.take().is_some() {
            tracing::info!(channel = %inbox.channel(), "the bot works again");
        }
    }

    /// Recalls the bot's name from the last time.
    pub(in crate::telegram) async fn recall(&self, inbox: &VisitorInbox) -> Result<(), StoreError> {
        let kept = inbox.remember(USERNAME).await?;
        self.known.lock().username = kept.and_then(|name| String::from_utf8(name).ok()).filter(|name| is_name(name));
        Ok(())
    }

    /// Knows the bot's name from what Telegram says of it; it, when it was not known before.
    pub(in crate::telegram) fn name(&self, me: &serde_json::Value) -> Option<String> {
        let name = me["username"].as_str().filter(|name| is_name(name))?;
        let known = self.known.lock().username.replace(name.to_owned());
        (known.as_deref() != Some(name)).then(|| name.to_owned())
    }

    /// Learns the bot's name from Telegram.
    pub(in crate::telegram) async fn learn(
        &self,
        inbox: &VisitorInbox,
        me: &serde_json::Value,
    ) -> Result<(), StoreError> {
        match self.name(me) {
            Some(new) => inbox.keep(USERNAME, new.as_bytes()).await,
            None => Ok(()),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Why a round did not succeed.
#[derive(Debug)]
pub(in crate::telegram) enum Trouble {
    Telegram(Failure),
    Here(String),
}

impl Trouble {
    pub(in crate::telegram) fn line(&self) -> String {
        match self {
            Self::Telegram(failure) => failure.line(),
            Self::Here(problem) => problem.clone(),
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Telegram(failure)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Here(error.to_string())
    }
}

impl From<crate::telegram::updates::way_in::Held> for Trouble {
    fn from(held: crate::telegram::updates::way_in::Held) -> Self {
        Self::Here(held.to_string())
    }
}
