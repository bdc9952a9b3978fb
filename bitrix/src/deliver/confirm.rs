//! "It arrived": `send.status.delivery` (`bitrix24.md` §4.10), many in one call.

use crate::access::budget::Urgency;
use crate::lines::registration;
use crate::shared::Inner;
use crate::wire::values::line_number;
use crate::wire::verdict::{self, Verdict};
use openline_core::DeliveryError;
use openline_core::backend::Confirmation;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const METHOD: &str = "imconnector.send.status.delivery";

pub(crate) async fn confirm(bitrix: &Inner, batch: &[Confirmation]) -> Vec<Result<(), DeliveryError>> {
    let mut results = vec![Ok(()); batch.len()];
    let mut calls: BTreeMap<(String, String), Vec<(usize, Value)>> = BTreeMap::new();
    for (index, confirmation) in batch.iter().enumerate() {
        match element(bitrix, confirmation) {
            Ok((key, element)) => calls.entry(key).or_default().push((index, element)),
            Err(error) => results[index] = Err(error),
        }
    }
    for (place, elements) in calls {
        let messages: Vec<_> = elements.iter().map(|(_, element)| element).collect();
        for ((index, _), result) in elements.iter().zip(call(bitrix, &place, &messages).await) {
            results[*index] = result;
        }
    }
    results
}

async fn call(bitrix: &Inner, place: &(String, String), messages: &[&Value]) -> Vec<Result<(), DeliveryError>> {
    let (connector, line) = place;
    let params = json!({ "CONNECTOR": connector, "LINE": line_number(line), "MESSAGES": messages });
    match bitrix.portal.call(METHOD, &params, Urgency::Later).await {
        Ok(_) => vec![Ok(()); messages.len()],
        Err(error) if verdict::of(&error) == Verdict::Reject && messages.len() > 1 => {
            // One of them is refused; the others must not be buried with it.
            let mut results = Vec::with_capacity(messages.len());
            for message in messages {
                results.extend(Box::pin(call(bitrix, place, std::slice::from_ref(message))).await);
            }
            results
        }
        Err(error) => {
            if verdict::of(&error) == Verdict::ConnectorGone {
                registration::register_again(bitrix, connector).await;
            }
            vec![Err(verdict::to_delivery(&error)); messages.len()]
        }
    }
}

/// Which call a confirmation goes into, and what it says there.
fn element(bitrix: &Inner, confirmation: &Confirmation) -> Result<((String, String), Value), DeliveryError> {
    let (conversation, item) = (&confirmation.conversation, &confirmation.item);
    let refused = |what: &str| DeliveryError::refused(format!("can't be confirmed: {what}"));
    let connector = bitrix.portal.config.connector_of(&conversation.channel).ok_or_else(|| refused("no connector"))?;
    let line = conversation.thread.line.clone().ok_or_else(|| refused("no line"))?;
    let remote = item.remote.ok_or_else(|| refused("not the portal's message"))?;
    if let Some(after) = bitrix.portal.budget.blocked(METHOD, bitrix.portal.clock().now()) {
        return Err(DeliveryError::Paused { reason: format!("{METHOD} is blocked by its operating time"), after });
    }
    let mut im = json!({ "message_id": remote });
    if let Some(chat) = &conversation.thread.chat {
        im["chat_id"] = line_number(chat);
    }
    let message = json!({ "id": item.delivered_as, "date": item.at.seconds() });
    let chat = json!({ "id": conversation.chat.as_str() });
    Ok(((connector.id.clone(), line), json!({ "im": im, "message": message, "chat": chat })))
}
