//! Visitors' changes to what they wrote. The portal can change a message's text only, so a file that takes the place of
//! another comes as a message of its own.

use crate::telegram::incoming::describe;
use crate::telegram::updates::way_in::{Held, Intake};
use openline_core::StoreError;
use openline_core::clock::Timestamp;
use openline_core::message::{Content, Incoming, Item, Side};
use openline_core::store::Amend;
use openline_core::text::Span;
use serde_json::Value;
use std::time::Duration;

/// So many of a conversation's last items are looked through for the message that was changed.
const BACK: usize = 200;
/// An older message that we never had was not for us: Telegram keeps updates for a day, so it can't be one that we missed.
const MISSED: Duration = Duration::from_secs(24 * 3600);

/// Takes a changed message, which reads as `now`. One that we don't know is taken as a new one when it may have been missed
/// (written before the bot was joined to the line, or while openline was down); the key keeps it from being stored twice.
pub(super) async fn message(intake: &Intake, message: &Value, now: Incoming) -> Result<(), Held> {
    let known = versions(intake, &now).await?;
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        return unknown(intake, message, now).await;
    };
    let text = Content { text: now.content.text.clone(), files: first.content.files.clone() };
    let replaced = !now.content.files.is_empty() && !same_files(&now.content, &last.content);
    intake.inbox.amend(&now.chat, &now.key, Amend::Edit(text)).await?;
    if !replaced {
        return Ok(());
    }
    let what = if last.content.files.is_empty() { "file added to" } else { "file of" };
    let mut text = describe::note(&format!("new {what} an earlier message"));
    if !now.content.text.is_empty() {
        text.0.push(Span::text("\n"));
        text.0.extend(now.content.text.0.clone());
    }
    let key = format!("{}/e{}", now.key, message["edit_date"].as_i64().unwrap_or_default());
    let content = Content { text, files: now.content.files };
    intake.accept(Incoming { key, content, ..now }).await
}

/// The message and the files that took the place of its own, in order.
async fn versions(intake: &Intake, now: &Incoming) -> Result<Vec<Item>, StoreError> {
    let Some(id) = intake.inbox.find(&now.chat).await? else { return Ok(Vec::new()) };
    let slice = intake.inbox.items_before(id, None, BACK).await?;
    let later = format!("{}/e", now.key);
    let is_it = |item: &Item| item.side == Side::Visitor && (item.key == now.key || item.key.starts_with(&later));
    Ok(slice.items.into_iter().filter(is_it).collect())
}

/// A message that is not among the last ones, or was never here.
async fn unknown(intake: &Intake, message: &Value, now: Incoming) -> Result<(), Held> {
    if intake.inbox.amend(&now.chat, &now.key, Amend::Edit(now.content.clone())).await?.is_some() {
        return Ok(());
    }
    let written = Timestamp(message["date"].as_i64().unwrap_or_default().saturating_mul(1000));
    if written.until(intake.inbox.now()) > MISSED {
        tracing::info!(
            channel = %intake.inbox.channel(), message = message["message_id"].as_i64(),
            "a visitor changed an old message that was never here, passed over"
        );
        return Ok(());
    }
    intake.accept(now).await
}

/// Whether both have the same bytes, whatever they are called.
fn same_files(one: &Content, other: &Content) -> bool {
    one.files.iter().map(|file| &file.source).eq(other.files.iter().map(|file| &file.source))
}
