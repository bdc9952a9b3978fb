//! Confirmations in a request: `send.status.delivery` (`bitrix24.md` §4.10), many in one call.

use crate::access::batch::{Command, Entry};
use crate::access::budget::Class;
use crate::deliver::gather::{Waiting, tell};
use crate::deliver::gathered::{Confirming, ConnectorLine, Done};
use crate::deliver::request::Part;
use crate::lines::registration;
use crate::shared::Inner;
use crate::wire::values::line_number;
use crate::wire::verdict::{self, Verdict};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

pub(crate) const METHOD: &str = "imconnector.send.status.delivery";

/// A call for all of a connector and line.
pub(crate) fn parts(bitrix: &Arc<Inner>, waiting: Vec<Waiting<Confirming, Done>>) -> Vec<Part> {
    let mut calls: BTreeMap<ConnectorLine, Vec<Waiting<Value, Done>>> = BTreeMap::new();
    for (Confirming { place, element }, told) in waiting {
        calls.entry(place).or_default().push((element, told));
    }
    calls.into_iter().map(|(place, elements)| part(bitrix, place, elements)).collect()
}

/// They are cheap: what they take is not counted.
fn part(bitrix: &Arc<Inner>, place: ConnectorLine, elements: Vec<Waiting<Value, Done>>) -> Part {
    let command = command(&place, elements.iter().map(|(element, _)| element));
    let bitrix = Arc::clone(bitrix);
    let unload = Box::new(move |entry| Box::pin(async move { conclude(&bitrix, &place, elements, entry).await }) as _);
    Part { command, ids: Vec::new(), weight: 0, is_measure: false, unload }
}

fn command<'e>((connector, line): &ConnectorLine, elements: impl Iterator<Item = &'e Value>) -> Command<'static> {
    let messages: Vec<_> = elements.collect();
    (METHOD, json!({ "CONNECTOR": connector, "LINE": line_number(line), "MESSAGES": messages }))
}

async fn conclude(bitrix: &Arc<Inner>, place: &ConnectorLine, elements: Vec<Waiting<Value, Done>>, entry: Entry) {
    let Err(error) = entry else { return tell(elements, std::iter::repeat(Ok(()))) };
    if verdict::of(&error) == Verdict::Reject && elements.len() > 1 {
        // One of them is refused; the others must not be buried with it.
        let commands: Vec<_> = elements.iter().map(|(element, _)| command(place, std::iter::once(element))).collect();
        let commands: Vec<_> = commands.iter().collect();
        let entries = bitrix.portal.one_by_one(&commands, Class::Confirm.into(), &mut Instant::now()).await;
        let confirmed =
            entries.into_iter().map(|(entry, _)| entry.map(drop).map_err(|error| verdict::to_delivery(&error)));
        return tell(elements, confirmed);
    }
    if verdict::of(&error) == Verdict::ConnectorGone {
        registration::register_again(bitrix, &place.0).await;
    }
    tell(elements, std::iter::repeat(Err(verdict::to_delivery(&error))));
}
