//! Visitors' messages to the portal: `send.messages`, `update.messages`, `delete.messages` (`bitrix24.md` §4.7–4.9).

use crate::access::budget::Class;
use crate::config::Connector;
use crate::deliver::gathered::{CallKey, Change, Delivered, Message, Ready};
use crate::deliver::parts::messages;
use crate::deliver::together::carried;
use crate::deliver::{attached, request, uncertain};
use crate::findings::{Area, Finding};
use crate::lines::registration;
use crate::shared::Inner;
use openline_core::DeliveryError;
use openline_core::backend::{Act, Delivery, Receipt};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Carries out a delivery, together with others where that saves requests. One whose sending had an unknown outcome is
/// looked up first, and holds nobody else up.
pub(crate) async fn deliver(bitrix: &Arc<Inner>, delivery: Delivery) -> Delivered {
    let leased = bitrix.portal.inbox.store().lease_epoch();
    let key = match prepare(bitrix, &delivery).await? {
        Prepared::Send(key) => key,
        Prepared::There(receipt) => return Ok(receipt),
    };
    let (is_alone, is_message) = (key.alone.is_some(), delivery.act == Act::Send);
    let ready = Ready { delivery, key, since: Instant::now(), leased };
    match (is_alone, is_message) {
        (true, _) => alone(bitrix, ready).await,
        (false, true) => carried(bitrix, Message(ready)).await,
        (false, false) => carried(bitrix, Change(ready)).await,
    }
}

async fn alone(bitrix: &Arc<Inner>, ready: Ready) -> Delivered {
    let (tell, hear) = oneshot::channel();
    request::send(bitrix, messages::parts(bitrix, [(ready, tell)]), Class::Message.into()).await;
    hear.await.unwrap_or_else(|_| Err(DeliveryError::unknown("no result")))
}

/// A delivery that may be sent, or turned out to be there already.
enum Prepared {
    Send(CallKey),
    There(Receipt),
}

async fn prepare(bitrix: &Arc<Inner>, delivery: &Delivery) -> Result<Prepared, DeliveryError> {
    if delivery.act == Act::Edit && delivery.item.content.text.is_empty() {
        // An update without a text would delete the message, its files with it (`bitrix24.md` §4.8).
        return Ok(Prepared::There(Receipt::default()));
    }
    let key = place(bitrix, delivery).await?;
    if let Some(there) = uncertain::already_there(bitrix, delivery, &key).await? {
        return Ok(Prepared::There(there));
    }
    // It was taken back before it left: nothing is left to be sent.
    let is_gone = delivery.act == Act::Send && delivery.item.deleted;
    Ok(if is_gone { Prepared::There(Receipt::default()) } else { Prepared::Send(key) })
}

/// Where a delivery goes; an error when its connector is on for no line.
async fn place(bitrix: &Inner, delivery: &Delivery) -> Result<CallKey, DeliveryError> {
    let conversation = &delivery.conversation;
    let config = bitrix.portal.config();
    let connector = config.connector_of(&conversation.channel);
    let connector = connector.ok_or_else(|| DeliveryError::paused("the channel has no connector"))?;
    let method = match delivery.act {
        Act::Send => messages::SEND,
        Act::Edit => "imconnector.update.messages",
        Act::Delete => "imconnector.delete.messages",
    };
    if let Some(after) = bitrix.portal.budget.rests(method, bitrix.portal.clock().now()) {
        return Err(DeliveryError::Paused { reason: format!("{method} is blocked by its operating time"), after });
    }
    let present = conversation.thread.line.as_deref();
    let line = match bitrix.lines.choose(connector, present) {
        Some(line) => Some(line),
        None => registration::find_lines(bitrix, connector).await,
    };
    let line = line.ok_or_else(|| not_connected(bitrix, connector))?;
    let alone = attached::sends_files(delivery).then(|| delivery.external_id.clone());
    Ok(CallKey { method, connector: connector.id.clone(), line, alone })
}

fn not_connected(bitrix: &Inner, connector: &Connector) -> DeliveryError {
    bitrix.findings.add(Area::Waiting, Finding::Unconnected(connector.name.clone()));
    DeliveryError::paused(format!(
        "the connector {:?} is not connected to an open line: press Connect in the portal's Contact Center",
        connector.name
    ))
}
