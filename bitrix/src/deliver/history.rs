//! The portal's history of a dialog (`bitrix24.md` §5.1): whether a message of ours arrived.
//!
//! It is asked by `SESSION_ID` first: with `CHAT_ID` alone the portal refuses users who don't take part in the chat.

use crate::access::batch::{each, if_any};
use crate::access::budget::Class;
use crate::deliver::gather::spawn;
use crate::deliver::gathered::Looked;
use crate::deliver::replies;
use crate::shared::Inner;
use crate::wire::rest::CallError;
use crate::wire::values::line_number;
use crate::wire::verdict;
use futures_util::future::BoxFuture;
use openline_core::DeliveryError;
use openline_core::backend::Delivery;
use openline_core::message::{Conversation, Dialog, Thread};
use serde_json::{Value, json};
use std::sync::Arc;

/// So many failed looks for one message are enough.
const LOOKS: u32 = 5;

pub(crate) const METHOD: &str = "imopenlines.session.history.get";

/// Histories in one request where requests are limited.
const A_CALL: usize = 15;

/// Whether a message arrived whose sending had an unknown outcome.
pub(crate) enum Arrival {
    /// It did.
    There {
        /// This is where.
        thread: Thread,
        /// With so many files.
        files: usize,
    },
    /// It did not.
    Missing,
    /// The portal does not let us look.
    Unreadable,
}

/// Looks for a message of ours, named by the id we gave it, in a conversation's dialogs.
pub(crate) async fn arrival(
    bitrix: &Arc<Inner>,
    conversation: &Conversation,
    delivery: &Delivery,
) -> Result<Arrival, DeliveryError> {
    let mut readable = false;
    for params in places(&conversation.thread) {
        let history = match read(bitrix, params.clone()).await {
            Ok(Some(history)) => history,
            Ok(None) => continue,
            // A look that keeps failing must not hold the message for ever.
            Err(DeliveryError::Unknown { .. }) if bitrix.looks.failed(&delivery.external_id) >= LOOKS => continue,
            Err(error) => return Err(error),
        };
        // With CHAT_ID it is the last dialog; another one tells what is missing only while it is still open.
        readable |= params.get("CHAT_ID").is_some() || conversation.dialog == Dialog::Open;
        if let Some(message) = replies::ours(&history, &delivery.external_id) {
            return Ok(Arrival::There { thread: replies::thread(&history), files: replies::files_of(message) });
        }
    }
    Ok(if readable { Arrival::Missing } else { Arrival::Unreadable })
}

pub(crate) fn places(thread: &Thread) -> Vec<Value> {
    let asked = [("SESSION_ID", &thread.session), ("CHAT_ID", &thread.chat)];
    let place = |(name, id): (&str, &Option<String>)| id.as_deref().map(|id| json!({ name: line_number(id) }));
    asked.into_iter().filter_map(place).collect()
}

/// One history; `None` when the portal does not let us read it.
pub(crate) async fn read(bitrix: &Arc<Inner>, params: Value) -> Result<Option<Value>, DeliveryError> {
    let read = bitrix.gathered.looks.carried(params, || lead(Arc::clone(bitrix))).await;
    let read = read.ok_or_else(|| DeliveryError::unknown("no result"))?;
    if let Ok(None) = read {
        tracing::debug!("a dialog's history can't be read this way");
    }
    read.map_err(|error| unread(&error))
}

fn lead(bitrix: Arc<Inner>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let (waiting, budget) = (&bitrix.gathered.looks, &bitrix.portal.budget);
        let most = || if budget.is_limited() { A_CALL } else { 1 };
        waiting.run(budget, most, || spawn(&bitrix, lead), |items| carry(&bitrix, items)).await;
    })
}

async fn carry(bitrix: &Arc<Inner>, items: Vec<Value>) -> Vec<Looked> {
    let count = items.len();
    let entries = bitrix.portal.ask_batch(&each(METHOD, items), Class::Look.paid()).await;
    let entries = entries.unwrap_or_else(|error| vec![Err(error); count]);
    entries.into_iter().map(if_any).collect()
}

/// A look that failed decides nothing about the message: it stays as uncertain as it was.
pub(crate) fn unread(error: &CallError) -> DeliveryError {
    match verdict::to_delivery(error) {
        DeliveryError::Refused { reason } => DeliveryError::Unknown { reason },
        other => other,
    }
}
