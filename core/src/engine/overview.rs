//! What waits and what was given up, as an administrator is shown it: with channel, visitor, text and the portal's chat.

use crate::domain::error::StoreError;
use crate::domain::message::{Conversation, Item};
use crate::ports::store::{Queue, ShownJob, Store};
use std::sync::Arc;

/// A job and what it is about.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The job.
    pub job: ShownJob,
    /// Its conversation; `None` when that was forgotten meanwhile, or can't be read.
    pub conversation: Option<Conversation>,
    /// Its message; alike.
    pub item: Option<Item>,
}

/// These jobs with what they are about. What can't be read is left out: the job may have been given up for just that.
pub async fn entries(store: &Arc<dyn Store>, jobs: Vec<ShownJob>) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(jobs.len());
    for job in jobs {
        let conversation = store.conversation_by_id(job.conversation).await.ok().flatten();
        let item = store.item(job.conversation, job.message).await.ok().flatten();
        entries.push(Entry { job, conversation, item });
    }
    entries
}

/// The oldest `most` jobs that wait in these queues.
///
/// # Errors
/// When the store can't be read.
pub async fn waiting(store: &Arc<dyn Store>, queues: &[Queue], most: usize) -> Result<Vec<Entry>, StoreError> {
    let mut jobs = Vec::new();
    for queue in queues {
        jobs.extend(store.waiting(queue, most).await?);
    }
    jobs.sort_by_key(|job| (job.at, job.job));
    jobs.truncate(most);
    Ok(entries(store, jobs).await)
}

impl Entry {
    /// Whose conversation it is: the name, or else what is known of them; the chat's id at the least.
    pub fn visitor(&self) -> String {
        let Some(Conversation { visitor, chat, .. }) = &self.conversation else { return String::new() };
        let name = format!("{} {}", visitor.name.trim(), visitor.last_name.trim());
        let named = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        let known = named.or_else(|| visitor.email.clone()).or_else(|| visitor.phone.clone());
        known.unwrap_or_else(|| chat.to_string())
    }

    /// The portal's chat, when it has one.
    pub fn portal_chat(&self) -> Option<&str> {
        self.conversation.as_ref()?.thread.chat.as_deref()
    }

    /// What it says, in one line of at most so many characters; see [`excerpt`].
    pub fn text(&self, most: usize) -> String {
        self.item.as_ref().map(|item| excerpt(item, most)).unwrap_or_default()
    }
}

/// A message in one line: at most so many characters of its text, and the names of its files. Nothing is left of one that
/// was deleted.
pub fn excerpt(item: &Item, most: usize) -> String {
    let text = item.content.text.to_plain();
    let short: String = text.chars().take(most).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    let files = item.content.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
    format!("{}{more} {files}", short.replace('\n', " ")).trim().to_owned()
}
