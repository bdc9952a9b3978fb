//! "It arrived": the end of the clock at an operator's message.

use crate::deliver::gathered::{Confirming, Done};
use crate::deliver::parts::confirmations::METHOD;
use crate::deliver::together::lead;
use crate::shared::Inner;
use crate::wire::values::line_number;
use openline_core::DeliveryError;
use openline_core::backend::Confirmation;
use serde_json::json;
use std::sync::Arc;

pub(crate) async fn confirm(bitrix: &Arc<Inner>, batch: &[Confirmation]) -> Vec<Done> {
    let (mut elements, mut results) = (Vec::new(), Vec::with_capacity(batch.len()));
    for confirmation in batch {
        match element(bitrix, confirmation) {
            Ok(element) => {
                elements.push(element);
                results.push(None);
            }
            Err(error) => results.push(Some(Err(error))),
        }
    }
    let carried = bitrix.gathered.confirmations.carried_all(elements, || lead::<Confirming>(Arc::clone(bitrix))).await;
    let mut carried = carried.into_iter();
    let mut none = || carried.next().flatten().unwrap_or_else(|| Err(DeliveryError::unknown("no result")));
    results.into_iter().map(|result| result.unwrap_or_else(&mut none)).collect()
}

/// Which call a confirmation goes into, and what it says there.
fn element(bitrix: &Inner, confirmation: &Confirmation) -> Result<Confirming, DeliveryError> {
    let (conversation, item) = (&confirmation.conversation, &confirmation.item);
    let refused = |what: &str| DeliveryError::refused(format!("can't be confirmed: {what}"));
    let config = bitrix.portal.config();
    let connector = config.connector_of(&conversation.channel).ok_or_else(|| refused("no connector"))?;
    let line = conversation.thread.line.clone().ok_or_else(|| refused("no line"))?;
    let remote = item.remote.ok_or_else(|| refused("not the portal's message"))?;
    if let Some(after) = bitrix.portal.budget.rests(METHOD, bitrix.portal.clock().now()) {
        return Err(DeliveryError::Paused { reason: format!("{METHOD} is blocked by its operating time"), after });
    }
    let mut im = json!({ "message_id": remote });
    if let Some(chat) = &conversation.thread.chat {
        im["chat_id"] = line_number(chat);
    }
    let message = json!({ "id": item.delivered_as, "date": item.at.seconds() });
    let chat = json!({ "id": conversation.chat.as_str() });
    let element = json!({ "im": im, "message": message, "chat": chat });
    Ok(Confirming { place: (connector.id.clone(), line), element })
}
