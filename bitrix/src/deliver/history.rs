//! The portal's history of a dialog (`bitrix24.md` §5.1): whether a message of ours arrived.
//!
//! It is asked by `SESSION_ID` first: with `CHAT_ID` alone the portal refuses users who don't take part in the chat.

use crate::deliver::{look, replies};
use crate::shared::Inner;
use crate::wire::rest::CallError;
use crate::wire::values::line_number;
use crate::wire::verdict;
use futures_util::future::join_all;
use openline_core::DeliveryError;
use openline_core::backend::Delivery;
use openline_core::message::{Conversation, Dialog, Thread};
use serde_json::{Value, json};
use std::sync::Arc;

/// So many failed looks for one message are enough.
const LOOKS: u32 = 5;

pub(crate) const METHOD: &str = "imopenlines.session.history.get";

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
    for (params, history) in read_all(bitrix, &conversation.thread).await {
        let history = match history {
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

/// The histories in which something of a conversation may stand, read at the same time (by one request where requests are
/// limited): what is missing has to be missing in all of them, and the dialog waits for whoever looks.
pub(super) async fn read_all(
    bitrix: &Arc<Inner>,
    thread: &Thread,
) -> Vec<(Value, Result<Option<Value>, DeliveryError>)> {
    let places = places(thread);
    let histories = join_all(places.iter().map(|params| read(bitrix, params.clone()))).await;
    places.into_iter().zip(histories).collect()
}

/// One history; `None` when the portal does not let us read it.
pub(crate) async fn read(bitrix: &Arc<Inner>, params: Value) -> Result<Option<Value>, DeliveryError> {
    let read = look::look(bitrix, (METHOD, params)).await.map_err(|error| unread(&error))?;
    if read.is_none() {
        tracing::debug!("a dialog's history can't be read this way");
    }
    Ok(read)
}

/// A look that failed decides nothing about the message: it stays as uncertain as it was.
pub(crate) fn unread(error: &CallError) -> DeliveryError {
    match verdict::to_delivery(error) {
        DeliveryError::Refused { reason } => DeliveryError::Unknown { reason },
        other => other,
    }
}
