//! How far the message is that is being sent in a chat: stored, and known to this process.

use super::instance::Instance;
use super::memory::Progress;
use openline_core::{ChatId, StoreError};

/// Under which name it is kept.
const PROGRESS: &str = "sending";

/// How far the message is that is being sent in a chat.
pub(super) async fn read(instance: &Instance, chat: &ChatId) -> Result<Progress, StoreError> {
    if let Some(known) = instance.sending().and_then(|lately| lately.at(chat, |known| known.clone())) {
        return Ok(known);
    }
    let kept = instance.inbox.remember_of(chat, PROGRESS).await?;
    let kept: Progress = kept.and_then(|kept| serde_json::from_slice(&kept).ok()).unwrap_or_default();
    // Events may tell of a part that was begun meanwhile.
    Ok(match instance.sending() {
        Some(lately) => lately.read(chat, kept),
        None => kept,
    })
}

/// Writes it down.
pub(super) async fn keep(instance: &Instance, chat: &ChatId, progress: &Progress) -> Result<(), StoreError> {
    let kept = serde_json::to_vec(progress).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    instance.inbox.keep_of(chat, PROGRESS, &kept).await?;
    if let Some(lately) = instance.sending() {
        lately.put(chat, progress.clone());
    }
    Ok(())
}

/// Notes what the messenger told of an own message, for a part whose answer may be lost.
pub(super) async fn told(instance: &Instance, chat: &ChatId, id: &str, tag: &str) -> Result<(), StoreError> {
    let mut progress = read(instance, chat).await?;
    let news = (id.to_owned(), tag.to_owned());
    if progress.begun.is_none() || progress.ids.iter().any(|known| known == id) || progress.told.contains(&news) {
        return Ok(());
    }
    progress.told.push(news);
    keep(instance, chat, &progress).await
}
