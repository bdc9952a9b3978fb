//! Visitors' messages to the portal: `send.messages`, `update.messages`, `delete.messages` (`bitrix24.md` §4.7–4.9).

use crate::access::batch::{self, Command};
use crate::access::budget::{Class, Fare};
use crate::config::Connector;
use crate::deliver::element::element;
use crate::deliver::gather::spawn;
use crate::deliver::gathered::{CallKey, Delivered, Messages, Ready};
use crate::deliver::names::RefusedBlocks;
use crate::deliver::{attached, judge, uncertain};
use crate::findings::{Area, Finding};
use crate::lines::registration;
use crate::shared::Inner;
use crate::wire::rest::CallError;
use crate::wire::values::line_number;
use crate::wire::verdict::{self, Verdict};
use futures_util::future::{BoxFuture, join_all};
use openline_core::DeliveryError;
use openline_core::backend::{Act, Delivery, Receipt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What has waited for so long is not sent any more: its lease may end before the answer comes.
const PATIENCE: Duration = Duration::from_secs(90);

/// Carries out a delivery, together with others where that saves requests. One whose sending had an unknown outcome is
/// looked up first, and holds nobody else up.
pub(crate) async fn deliver(bitrix: &Arc<Inner>, delivery: Delivery) -> Delivered {
    let leased = bitrix.portal.inbox.store().lease_epoch();
    let key = match prepare(bitrix, &delivery).await? {
        Prepared::Send(key) => key,
        Prepared::There(receipt) => return Ok(receipt),
    };
    let none = || Err(DeliveryError::unknown("no result"));
    if key.alone.is_some() {
        if !is_ours(bitrix, leased) {
            return Err(taken_over());
        }
        return call(bitrix, &key, &[&delivery], Class::Message.into()).await.pop().unwrap_or_else(none);
    }
    let is_message = delivery.act == Act::Send;
    let (waiting, lead) = if is_message {
        (&bitrix.gathered.messages, lead_messages as fn(Arc<Inner>) -> BoxFuture<'static, ()>)
    } else {
        (&bitrix.gathered.edits, lead_edits as fn(Arc<Inner>) -> BoxFuture<'static, ()>)
    };
    let ready = Ready { delivery, key, since: Instant::now(), leased };
    waiting.carried(ready, || lead(Arc::clone(bitrix))).await.unwrap_or_else(none)
}

fn lead_messages(bitrix: Arc<Inner>) -> BoxFuture<'static, ()> {
    Box::pin(async move { lead(&bitrix, &bitrix.gathered.messages, Class::Message, lead_messages).await })
}

fn lead_edits(bitrix: Arc<Inner>) -> BoxFuture<'static, ()> {
    Box::pin(async move { lead(&bitrix, &bitrix.gathered.edits, Class::Edit, lead_edits).await })
}

async fn lead(
    bitrix: &Arc<Inner>,
    waiting: &Messages,
    class: Class,
    another: fn(Arc<Inner>) -> BoxFuture<'static, ()>,
) {
    let most = || bitrix.pace.messages_a_call();
    waiting.run(&bitrix.portal.budget, most, || spawn(bitrix, another), |items| carry(bitrix, items, class)).await;
}

/// Sends what waits, by one request that was counted already: where requests are limited, several calls go in it.
async fn carry(bitrix: &Arc<Inner>, items: Vec<Ready>, class: Class) -> Vec<Delivered> {
    let mut results: Vec<Option<Delivered>> = vec![None; items.len()];
    let mut calls: BTreeMap<&CallKey, Vec<usize>> = BTreeMap::new();
    let shut = bitrix.portal.shut();
    for (index, item) in items.iter().enumerate() {
        match &shut {
            Some(paused) => results[index] = Some(Err(paused.clone())),
            None if item.since.elapsed() > PATIENCE => results[index] = Some(Err(slow())),
            None if !is_ours(bitrix, item.leased) => results[index] = Some(Err(taken_over())),
            None => calls.entry(&item.key).or_default().push(index),
        }
    }
    if calls.is_empty() {
        bitrix.portal.budget.give_back();
    }
    let calls: Vec<(&CallKey, Vec<usize>)> = calls.into_iter().collect();
    let of = |indexes: &[usize]| indexes.iter().map(|index| &items[*index].delivery).collect::<Vec<_>>();
    let answers = if calls.len() > 1 && batch::pays(&bitrix.portal, class) {
        together(bitrix, &calls.iter().map(|(key, indexes)| (*key, of(indexes))).collect::<Vec<_>>(), class).await
    } else {
        let fare = |first: bool| if first { class.paid() } else { class.into() };
        let each = calls.iter().enumerate().map(|(nth, (key, indexes))| {
            let (deliveries, fare) = (of(indexes), fare(nth == 0));
            async move { call(bitrix, key, &deliveries, fare).await }
        });
        join_all(each).await
    };
    for ((_, indexes), answers) in calls.iter().zip(answers) {
        for (index, answer) in indexes.iter().zip(answers) {
            results[*index] = Some(answer);
        }
    }
    results.into_iter().map(|result| result.unwrap_or_else(|| Err(DeliveryError::unknown("no result")))).collect()
}

/// Whether nobody else may have taken over meanwhile what this process has leased.
fn is_ours(bitrix: &Inner, leased: Option<u64>) -> bool {
    leased.is_some() && bitrix.portal.inbox.store().lease_epoch() == leased
}

fn taken_over() -> DeliveryError {
    DeliveryError::Paused { reason: "another process may have it now".into(), after: Duration::ZERO }
}

fn slow() -> DeliveryError {
    DeliveryError::Paused { reason: "the portal is slow".into(), after: Duration::ZERO }
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
        Act::Send => "imconnector.send.messages",
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

type Group<'d> = (&'d CallKey, Vec<&'d Delivery>);

fn command(key: &CallKey, deliveries: &[&Delivery], refused: &RefusedBlocks) -> Command<'static> {
    let messages: Vec<_> = deliveries.iter().map(|delivery| element(key, delivery, refused)).collect();
    (key.method, json!({ "CONNECTOR": key.connector, "LINE": line_number(&key.line), "MESSAGES": messages }))
}

fn ids<'d>(deliveries: &'d [&Delivery]) -> impl Iterator<Item = &'d str> + Clone {
    deliveries.iter().map(|delivery| delivery.external_id.as_str())
}

async fn call(bitrix: &Arc<Inner>, key: &CallKey, deliveries: &[&Delivery], fare: Fare) -> Vec<Delivered> {
    let (method, params) = command(key, deliveries, &bitrix.refused_blocks);
    bitrix.flights.started(ids(deliveries), deliveries.len());
    let began = Instant::now();
    let result = bitrix.portal.call(method, &params, fare).await;
    if let (Ok(answer), None) = (&result, &key.alone) {
        bitrix.pace.note(deliveries.len(), answer.took);
    }
    conclude(bitrix, key, deliveries, result.map(|answer| answer.result), (fare.class, began)).await
}

/// Several calls in one request.
async fn together(bitrix: &Arc<Inner>, groups: &[Group<'_>], class: Class) -> Vec<Vec<Delivered>> {
    let commands: Vec<_> =
        groups.iter().map(|(key, deliveries)| command(key, deliveries, &bitrix.refused_blocks)).collect();
    let count = groups.iter().map(|(_, deliveries)| deliveries.len()).sum();
    for (_, deliveries) in groups {
        bitrix.flights.started(ids(deliveries), count);
    }
    let began = Instant::now();
    let results = match bitrix.portal.batch(&commands, class.paid()).await {
        Ok(results) => {
            bitrix.pace.note(count, began.elapsed());
            results
        }
        Err(error) => vec![Err(error); groups.len()],
    };
    let concluded = groups.iter().zip(results).map(|((key, deliveries), result)| {
        // What was in the other calls took its time, too.
        conclude(bitrix, key, deliveries, result, (class, began))
    });
    join_all(concluded).await
}

/// What a call's result means for each delivery.
async fn conclude(
    bitrix: &Arc<Inner>,
    key: &CallKey,
    deliveries: &[&Delivery],
    result: Result<Value, CallError>,
    (class, began): (Class, Instant),
) -> Vec<Delivered> {
    match result {
        Ok(result) => {
            bitrix.flights.landed(ids(deliveries));
            judge::walk(bitrix, &result, key, deliveries)
        }
        Err(error) if verdict::of(&error) == Verdict::Reject && deliveries.len() > 1 => {
            // One of them is refused; the others must not be buried with it.
            let mut results = Vec::with_capacity(deliveries.len());
            for delivery in deliveries {
                results.extend(Box::pin(call(bitrix, key, std::slice::from_ref(delivery), class.into())).await);
            }
            results
        }
        Err(error) => {
            if key.alone.is_none() && verdict::of(&error) == Verdict::Unknown {
                bitrix.pace.note_cut(deliveries.len(), began.elapsed());
            }
            match (error.plain(), verdict::of(&error)) {
                (CallError::Api { .. }, Verdict::Unknown) => bitrix.flights.ended(ids(deliveries)),
                (_, Verdict::Unknown) => bitrix.flights.cut(ids(deliveries)),
                _ => bitrix.flights.landed(ids(deliveries)),
            }
            whole_call_failed(bitrix, key, &error).await;
            let verdict = verdict::to_delivery(&error);
            vec![Err(verdict); deliveries.len()]
        }
    }
}

async fn whole_call_failed(bitrix: &Inner, key: &CallKey, error: &CallError) {
    match verdict::of(error) {
        // The portal writes the row at the end of the request that switched it on (`bitrix24.md` §4.3).
        Verdict::LineOff if bitrix.lines.is_new(&key.connector, &key.line, bitrix.portal.clock().now()) => {}
        Verdict::LineOff => {
            tracing::error!(
                connector = key.connector,
                line = key.line,
                "the portal says the connector is off on this line"
            );
            if let Err(error) = bitrix.lines.set(&key.connector, &key.line, false, bitrix.portal.clock().now()).await {
                tracing::error!(%error, "can't remember that the line is off");
            }
        }
        Verdict::ConnectorGone => registration::register_again(bitrix, &key.connector).await,
        _ => {}
    }
}
