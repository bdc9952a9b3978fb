//! Visitors' messages and their changes in a request: a call for all that go to the same place.

use crate::access::batch::Entry;
use crate::access::budget::Class;
use crate::deliver::element::element;
use crate::deliver::gather::{Waiting, tell};
use crate::deliver::gathered::{CallKey, Delivered, Ready};
use crate::deliver::judge;
use crate::deliver::request::{self, Part};
use crate::lines::registration;
use crate::shared::Inner;
use crate::wire::rest::CallError;
use crate::wire::values::line_number;
use crate::wire::verdict::{self, Verdict};
use openline_core::DeliveryError;
use openline_core::backend::Delivery;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What has waited for so long is not sent any more: its lease may end before the answer comes.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) const SEND: &str = "imconnector.send.messages";

/// A call for all that go to the same place.
pub(crate) fn parts(bitrix: &Arc<Inner>, waiting: impl IntoIterator<Item = Waiting<Ready, Delivered>>) -> Vec<Part> {
    let mut calls: BTreeMap<CallKey, Group> = BTreeMap::new();
    for (ready, told) in waiting {
        match stays(bitrix, &ready) {
            Some(why) => drop(told.send(Err(why))),
            None => calls.entry(ready.key).or_default().push((ready.delivery, told)),
        }
    }
    calls.into_iter().map(|(key, group)| part(bitrix, key, group)).collect()
}

/// Those of one call.
type Group = Vec<Waiting<Delivery, Delivered>>;

fn part(bitrix: &Arc<Inner>, key: CallKey, group: Group) -> Part {
    let ids = group.iter().map(|(delivery, _)| delivery.external_id.clone()).collect();
    let messages: Vec<_> = group.iter().map(|(delivery, _)| element(&key, delivery, &bitrix.refused_blocks)).collect();
    let params = json!({ "CONNECTOR": key.connector, "LINE": line_number(&key.line), "MESSAGES": messages });
    let (command, weight, is_measure) = ((key.method, params), group.len(), key.alone.is_none());
    let bitrix = Arc::clone(bitrix);
    let unload = Box::new(move |entry| Box::pin(async move { conclude(&bitrix, &key, group, entry).await }) as _);
    Part { command, ids, weight, is_measure, unload }
}

/// Why something is not sent now after all.
fn stays(bitrix: &Inner, ready: &Ready) -> Option<DeliveryError> {
    if ready.since.elapsed() > PATIENCE {
        return Some(slow());
    }
    (!is_ours(bitrix, ready.leased)).then(taken_over)
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

/// What a call's result means for each delivery.
async fn conclude(bitrix: &Arc<Inner>, key: &CallKey, group: Group, entry: Entry) {
    match entry {
        Ok(result) => {
            let deliveries: Vec<_> = group.iter().map(|(delivery, _)| delivery).collect();
            let judged = judge::walk(bitrix, &result, key, &deliveries);
            tell(group, judged);
        }
        Err(error) if verdict::of(&error) == Verdict::Reject && group.len() > 1 => {
            // One of them is refused; the others must not be buried with it.
            let class = if key.method == SEND { Class::Message } else { Class::Edit };
            for one in group {
                request::send(bitrix, vec![part(bitrix, key.clone(), vec![one])], class.into()).await;
            }
        }
        Err(error) => {
            whole_call_failed(bitrix, key, &error).await;
            tell(group, std::iter::repeat(Err(verdict::to_delivery(&error))));
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
