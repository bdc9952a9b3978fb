//! Notes to operators. There is no way to mark one message as failed (`bitrix24.md` §4.12), so they are told in the chat:
//! a system message, which is not echoed to the visitor.

use crate::access::batch::each;
use crate::access::budget::Class;
use crate::bbcode;
use crate::deliver::gather::spawn;
use crate::deliver::{history, replies};
use crate::shared::Inner;
use crate::wire::rest::CallError;
use crate::wire::verdict::{self, Verdict};
use futures_util::future::BoxFuture;
use openline_core::message::{Conversation, Thread};
use openline_core::text::RichText;
use openline_core::{DeliveryError, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;

const METHOD: &str = "im.message.add";

/// Notes in one request where requests are limited.
const A_CALL: usize = 25;

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
    if let Some(since) = unknown_since
        && is_there(bitrix, &conversation.thread, &text, since).await?
    {
        return Ok(());
    }
    let params = json!({ "DIALOG_ID": format!("chat{chat}"), "MESSAGE": text, "SYSTEM": "Y" });
    let carried = bitrix.gathered.notes.carried(params, || lead(Arc::clone(bitrix))).await;
    carried.unwrap_or_else(|| Err(DeliveryError::unknown("no result")))
}

/// Whether a note stands in the dialog's history. Where that can't be read, `portal.resend_unknown` decides whether it is
/// said once more.
async fn is_there(bitrix: &Arc<Inner>, thread: &Thread, text: &str, since: Timestamp) -> Result<bool, DeliveryError> {
    let mut readable = false;
    for params in history::places(thread) {
        let Some(found) = history::read(bitrix, params).await.map_err(unlooked)? else { continue };
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

fn lead(bitrix: Arc<Inner>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let (waiting, budget) = (&bitrix.gathered.notes, &bitrix.portal.budget);
        let most = || if budget.is_limited() { A_CALL } else { 1 };
        waiting.run(budget, most, || spawn(&bitrix, lead), |items| carry(&bitrix, items)).await;
    })
}

async fn carry(bitrix: &Arc<Inner>, items: Vec<Value>) -> Vec<Result<(), DeliveryError>> {
    let count = items.len();
    if let Some(paused) = bitrix.portal.shut() {
        bitrix.portal.budget.give_back();
        return vec![Err(paused); count];
    }
    let entries = bitrix.portal.batch(&each(METHOD, items), Class::Note.paid()).await;
    let entries = entries.unwrap_or_else(|error| vec![Err(error); count]);
    entries.into_iter().map(|entry| entry.map(|_| ()).map_err(|error| verdict_on(&error))).collect()
}

fn verdict_on(error: &CallError) -> DeliveryError {
    match verdict::of(error) {
        // Nothing may be said there (no scope `im`, no access to the chat): it stays in our own records.
        Verdict::Suspend(_) if !error.is_about_the_portal() => DeliveryError::refused(error.to_string()),
        _ => verdict::to_delivery(error),
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
