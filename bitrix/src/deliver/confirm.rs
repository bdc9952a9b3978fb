//! "It arrived": `send.status.delivery` (`bitrix24.md` §4.10), many in one call.

use crate::access::batch::{Command, Entry};
use crate::access::budget::Class;
use crate::deliver::gather::spawn;
use crate::deliver::gathered::{Confirmed, ConnectorLine};
use crate::lines::registration;
use crate::shared::Inner;
use crate::wire::values::line_number;
use crate::wire::verdict::{self, Verdict};
use futures_util::future::BoxFuture;
use openline_core::DeliveryError;
use openline_core::backend::Confirmation;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const METHOD: &str = "imconnector.send.status.delivery";

/// Confirmations in one request; they are cheap.
pub(crate) const A_CALL: usize = 50;

pub(crate) async fn confirm(bitrix: &Arc<Inner>, batch: &[Confirmation]) -> Vec<Confirmed> {
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
    let carried = bitrix.gathered.confirmations.carried_all(elements, || lead(Arc::clone(bitrix))).await;
    let mut carried = carried.into_iter();
    let mut none = || carried.next().flatten().unwrap_or_else(|| Err(DeliveryError::unknown("no result")));
    results.into_iter().map(|result| result.unwrap_or_else(&mut none)).collect()
}

fn lead(bitrix: Arc<Inner>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let (waiting, budget) = (&bitrix.gathered.confirmations, &bitrix.portal.budget);
        waiting.run(budget, || A_CALL, || spawn(&bitrix, lead), |items| carry(&bitrix, items)).await;
    })
}

/// Tells of those who wait, in one request.
async fn carry(bitrix: &Arc<Inner>, items: Vec<(ConnectorLine, Value)>) -> Vec<Confirmed> {
    let count = items.len();
    if let Some(paused) = bitrix.portal.shut() {
        bitrix.portal.budget.give_back();
        return vec![Err(paused); count];
    }
    let mut calls: BTreeMap<ConnectorLine, Vec<(usize, Value)>> = BTreeMap::new();
    for (index, (place, element)) in items.into_iter().enumerate() {
        calls.entry(place).or_default().push((index, element));
    }
    let commands: Vec<_> = calls.iter().map(|(place, elements)| command(place, elements)).collect();
    let entries = bitrix.portal.batch(&commands, Class::Confirm.paid()).await;
    let entries = entries.unwrap_or_else(|error| vec![Err(error); commands.len()]);
    let mut results = vec![Ok(()); count];
    for ((place, elements), entry) in calls.iter().zip(entries) {
        for ((index, _), result) in elements.iter().zip(conclude(bitrix, place, elements, entry).await) {
            results[*index] = result;
        }
    }
    results
}

fn command((connector, line): &ConnectorLine, elements: &[(usize, Value)]) -> Command<'static> {
    let messages: Vec<_> = elements.iter().map(|(_, element)| element).collect();
    (METHOD, json!({ "CONNECTOR": connector, "LINE": line_number(line), "MESSAGES": messages }))
}

async fn conclude(
    bitrix: &Arc<Inner>,
    place: &ConnectorLine,
    elements: &[(usize, Value)],
    entry: Entry,
) -> Vec<Confirmed> {
    let Err(error) = entry else { return vec![Ok(()); elements.len()] };
    if verdict::of(&error) == Verdict::Reject && elements.len() > 1 {
        // One of them is refused; the others must not be buried with it.
        let commands: Vec<_> = elements.iter().map(|element| command(place, std::slice::from_ref(element))).collect();
        let entries = bitrix.portal.one_by_one(&commands, Class::Confirm.into()).await;
        let confirmed = entries.into_iter().map(|entry| entry.map(drop).map_err(|error| verdict::to_delivery(&error)));
        return confirmed.collect();
    }
    if verdict::of(&error) == Verdict::ConnectorGone {
        registration::register_again(bitrix, &place.0).await;
    }
    vec![Err(verdict::to_delivery(&error)); elements.len()]
}

/// Which call a confirmation goes into, and what it says there.
fn element(bitrix: &Inner, confirmation: &Confirmation) -> Result<((String, String), Value), DeliveryError> {
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
    Ok(((connector.id.clone(), line), json!({ "im": im, "message": message, "chat": chat })))
}
