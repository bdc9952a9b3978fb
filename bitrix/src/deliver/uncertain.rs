//! Messages whose sending had an unknown outcome: whether the portal has them already.

use crate::deliver::attached;
use crate::deliver::element::element;
use crate::deliver::gathered::CallKey;
use crate::deliver::history::{self, Arrival};
use crate::deliver::look::look;
use crate::shared::Inner;
use crate::wire::values::line_number;
use crate::wire::values::text;
use crate::wire::verdict;
use openline_core::DeliveryError;
use openline_core::backend::{Act, Delivery, Receipt};
use openline_core::bridge::LEASE;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How often at the least it is looked whether such a message has arrived, where requests are not short.
const LOOK: Duration = Duration::from_secs(2);

/// After an unknown outcome: whether the portal has the message already.
pub(crate) async fn already_there(
    bitrix: &Arc<Inner>,
    delivery: &Delivery,
    key: &CallKey,
) -> Result<Option<Receipt>, DeliveryError> {
    if !delivery.uncertain || delivery.act != Act::Send {
        return Ok(None);
    }
    // The portal goes on with a request whose connection is gone: what is not there yet may come.
    let flying = || {
        let longest = |count, ran| bitrix.pace.settled_after(count, key.alone.is_some(), ran);
        bitrix.flights.still_flying(&delivery.external_id, longest, elsewhere(bitrix, delivery))
    };
    // Where requests are short, a look that may decide nothing is not worth one.
    let known = bitrix.portal.budget.is_limited().then(flying);
    if let Some(Some(after)) = known {
        return Err(waiting(after));
    }
    let mut conversation = delivery.conversation.clone();
    if conversation.thread.session.is_none() && conversation.thread.chat.is_none() {
        conversation.thread.chat = find_chat(bitrix, delivery, key).await?;
    }
    let arrival = history::arrival(bitrix, &conversation, delivery).await?;
    if !matches!(arrival, Arrival::Unreadable) {
        bitrix.looks.forget(&delivery.external_id);
    }
    if let Arrival::There { mut thread, files } = arrival {
        bitrix.flights.landed(std::iter::once(delivery.external_id.as_str()));
        thread.line = Some(key.line.clone());
        let note = attached::missing(bitrix.words(), &bitrix.portal.config().public_url, delivery, Some(files));
        return Ok(Some(Receipt { thread, note }));
    }
    if let Some(after) = known.unwrap_or_else(flying) {
        return Err(waiting(after.min(LOOK)));
    }
    bitrix.looks.forget(&delivery.external_id);
    if matches!(arrival, Arrival::Missing) || delivery.item.deleted {
        return Ok(None);
    }
    if !bitrix.portal.config().resend_unknown {
        return Err(DeliveryError::refused("it may have arrived, and the dialog's history can't be read"));
    }
    tracing::warn!(message = delivery.external_id, "sent again without knowing whether it arrived");
    Ok(None)
}

/// How long a call that is not of this process may go on: as long as the portal lets any request run, from when the lease
/// ended under which it may have been made.
fn elsewhere(bitrix: &Inner, delivery: &Delivery) -> Duration {
    let longest = bitrix.portal.config().timeout;
    let since = delivery.unknown_since.map(|since| since.plus(LEASE).until(bitrix.portal.clock().now()));
    longest.saturating_sub(since.unwrap_or_default())
}

fn waiting(after: Duration) -> DeliveryError {
    DeliveryError::Paused { reason: "waiting whether the message arrives".into(), after }
}

/// The portal's chat of a conversation whose first message had an unknown outcome, so that nothing told us where it is.
/// An update of that message changes nothing when it isn't there, and its answer names the portal's own user, with whom
/// the dialog can be found (`bitrix24.md` §4.8, §5.1).
async fn find_chat(bitrix: &Arc<Inner>, delivery: &Delivery, key: &CallKey) -> Result<Option<String>, DeliveryError> {
    let (connector, line) = (key.connector.clone(), key.line.clone());
    let probe = CallKey { method: "imconnector.update.messages", connector, line, alone: None };
    let mut probing = element(&probe, delivery, &bitrix.refused_blocks);
    if delivery.item.content.text.is_empty() {
        // Without a text it would delete: a message that there is not is updated instead.
        probing["message"] = json!({ "id": format!("{}-none", delivery.external_id), "text": "?" });
    }
    let params = json!({ "CONNECTOR": probe.connector, "LINE": line_number(&probe.line), "MESSAGES": [probing] });
    // A look that is refused found nothing; one that failed decided nothing.
    let found = async |command| look(bitrix, command).await.map_err(|error| verdict::to_delivery(&error));
    let user = found((probe.method, params)).await?;
    let user = user.and_then(|user| user.pointer("/DATA/RESULT/0/user").and_then(|user| text(Some(user))));
    let Some(user) = user else { return Ok(None) };
    let code = format!("{}|{}|{}|{user}", key.connector, key.line, delivery.conversation.chat);
    let dialog = found(("imopenlines.dialog.get", json!({ "USER_CODE": code }))).await?;
    Ok(dialog.and_then(|dialog| text(dialog.get("id"))))
}
