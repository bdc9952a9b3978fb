//! Notes to operators, looked for first when one may be there already.

use crate::bbcode;
use crate::deliver::gathered::Noting;
use crate::deliver::together::carried;
use crate::deliver::{history, replies};
use crate::shared::Inner;
use openline_core::message::{Conversation, Thread};
use openline_core::text::RichText;
use openline_core::{DeliveryError, Timestamp};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Says it, unless it may be there since then and is found.
pub(crate) async fn note(
    bitrix: &Arc<Inner>,
    conversation: &Conversation,
    text: &str,
    unknown_since: Option<Timestamp>,
) -> Result<(), DeliveryError> {
    let chat = conversation.thread.chat.as_deref();
    let chat = chat.ok_or_else(|| DeliveryError::refused("the portal's chat is not known"))?;
    // It may repeat what a visitor wrote, or how they called a file.
    let text = bbcode::write(&RichText::plain(text));
    let id = format!("note/{chat}/{text}");
    if unknown_since.is_some()
        && let Some(after) = still_flying(bitrix, &id)
    {
        return Err(DeliveryError::Paused { reason: "waiting whether the note arrives".into(), after });
    }
    if let Some(since) = unknown_since
        && is_there(bitrix, &conversation.thread, &text, since).await?
    {
        bitrix.flights.landed(std::iter::once(id.as_str()));
        return Ok(());
    }
    let params = json!({ "DIALOG_ID": format!("chat{chat}"), "MESSAGE": text, "SYSTEM": "Y" });
    carried(bitrix, Noting { params, id }).await
}

/// How long the portal may still be working on a request with this note that was cut.
fn still_flying(bitrix: &Inner, id: &str) -> Option<Duration> {
    let longest = |weight, ran| bitrix.pace.settled_after(weight, false, ran);
    bitrix.flights.still_flying(id, longest, Duration::ZERO)
}

/// Whether a note stands in the dialog's history. Where that can't be read, `portal.resend_unknown` decides whether it is
/// said once more.
async fn is_there(bitrix: &Arc<Inner>, thread: &Thread, text: &str, since: Timestamp) -> Result<bool, DeliveryError> {
    let mut readable = false;
    for (_, found) in history::read_all(bitrix, thread).await {
        let Some(found) = found.map_err(unlooked)? else { continue };
        readable = true;
        if replies::has_note(&found, text, since) {
            return Ok(true);
        }
    }
    if readable || bitrix.portal.config().resend_unknown {
        return Ok(false);
    }
    Err(DeliveryError::refused("it may be there, and the dialog's history can't be read"))
}

/// A look that failed is no saying: how often a note is said is counted.
fn unlooked(error: DeliveryError) -> DeliveryError {
    match error {
        DeliveryError::Unknown { reason } => DeliveryError::retry(reason),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_failed_is_no_saying() {
        assert_eq!(unlooked(DeliveryError::unknown("HTTP 502")), DeliveryError::retry("HTTP 502"));
        assert_eq!(unlooked(DeliveryError::paused("away")), DeliveryError::paused("away"));
    }
}
