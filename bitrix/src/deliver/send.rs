//! Visitors' messages to the portal: `send.messages`, `update.messages`, `delete.messages` (`bitrix24.md` §4.7–4.9).

use crate::access::budget::Urgency;
use crate::bbcode;
use crate::config::Connector;
use crate::deliver::attached;
use crate::deliver::history::{self, Arrival};
use crate::deliver::names::user_block;
use crate::deliver::tries::Tries;
use crate::lines::registration;
use crate::shared::Inner;
use crate::wire::form::elements;
use crate::wire::rest::{CallError, error_of};
use crate::wire::values::line_number;
use crate::wire::values::{text, truthy};
use crate::wire::verdict::{self, Verdict};
use futures_util::future::join_all;
use openline_core::DeliveryError;
use openline_core::backend::{Act, Delivery, Receipt};
use openline_core::message::Thread;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

pub(crate) type Delivered = Result<Receipt, DeliveryError>;

/// An element is refused by text only, without a code: the portal may just have had a bad moment. So often it is tried.
const ELEMENT_TRIES: u32 = 8;

/// A batch that has been worked on for so long sends nothing more: its leases may end before the answer comes.
const PATIENCE: Duration = Duration::from_secs(90);

/// What goes into one call: same method, connector and line.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallKey {
    pub(crate) method: &'static str,
    connector: String,
    line: String,
    /// The message that is alone in its call: the portal fetches its files meanwhile (`bitrix24.md` §4.7).
    alone: Option<String>,
}

/// Carries out a batch with as few calls as it takes.
pub(crate) async fn deliver(bitrix: &Inner, batch: &[Delivery]) -> Vec<Delivered> {
    let mut results: Vec<Option<Delivered>> = vec![None; batch.len()];
    let mut calls: BTreeMap<CallKey, Vec<usize>> = BTreeMap::new();
    let began = Instant::now();
    let prepared = join_all(batch.iter().map(|delivery| prepare(bitrix, delivery))).await;
    for (index, prepared) in prepared.into_iter().enumerate() {
        match prepared {
            Ok(Prepared::Send(key)) => calls.entry(key).or_default().push(index),
            Ok(Prepared::There(receipt)) => results[index] = Some(Ok(receipt)),
            Err(error) => results[index] = Some(Err(error)),
        }
    }
    for (key, indexes) in calls {
        if began.elapsed() > PATIENCE {
            let later = || Err(DeliveryError::Paused { reason: "the portal is slow".into(), after: Duration::ZERO });
            for index in indexes {
                results[index] = Some(later());
            }
            continue;
        }
        let deliveries: Vec<_> = indexes.iter().map(|index| &batch[*index]).collect();
        for (index, result) in indexes.iter().zip(call(bitrix, &key, &deliveries).await) {
            results[*index] = Some(result);
        }
    }
    let missing = || Err(DeliveryError::unknown("no result"));
    results.into_iter().map(|result| result.unwrap_or_else(missing)).collect()
}

/// A delivery that may be sent, or turned out to be there already.
enum Prepared {
    Send(CallKey),
    There(Receipt),
}

async fn prepare(bitrix: &Inner, delivery: &Delivery) -> Result<Prepared, DeliveryError> {
    if delivery.act == Act::Edit && delivery.item.content.text.is_empty() {
        // An update without a text would delete the message, its files with it (`bitrix24.md` §4.8).
        return Ok(Prepared::There(Receipt::default()));
    }
    let key = place(bitrix, delivery).await?;
    if let Some(there) = already_there(bitrix, delivery, &key).await? {
        return Ok(Prepared::There(there));
    }
    // It was taken back before it left: nothing is left to be sent.
    let is_gone = delivery.act == Act::Send && delivery.item.deleted;
    Ok(if is_gone { Prepared::There(Receipt::default()) } else { Prepared::Send(key) })
}

/// Where a delivery goes; an error when its connector is on for no line.
async fn place(bitrix: &Inner, delivery: &Delivery) -> Result<CallKey, DeliveryError> {
    let conversation = &delivery.conversation;
    let connector = bitrix.portal.config.connector_of(&conversation.channel);
    let connector = connector.ok_or_else(|| DeliveryError::paused("the channel has no connector"))?;
    let method = match delivery.act {
        Act::Send => "imconnector.send.messages",
        Act::Edit => "imconnector.update.messages",
        Act::Delete => "imconnector.delete.messages",
    };
    if let Some(after) = bitrix.portal.budget.blocked(method, bitrix.portal.clock().now()) {
        return Err(DeliveryError::Paused { reason: format!("{method} is blocked by its operating time"), after });
    }
    let present = conversation.thread.line.as_deref();
    let line = match bitrix.lines.choose(connector, present) {
        Some(line) => Some(line),
        None => registration::find_lines(bitrix, connector).await,
    };
    let line = line.ok_or_else(|| not_connected(connector))?;
    let alone = attached::sends_files(delivery).then(|| delivery.external_id.clone());
    Ok(CallKey { method, connector: connector.id.clone(), line, alone })
}

fn not_connected(connector: &Connector) -> DeliveryError {
    DeliveryError::paused(format!(
        "the connector {:?} is not connected to an open line: press Connect in the portal's Contact Center",
        connector.name
    ))
}

/// After an unknown outcome: whether the portal has the message already.
async fn already_there(bitrix: &Inner, delivery: &Delivery, key: &CallKey) -> Result<Option<Receipt>, DeliveryError> {
    if !delivery.uncertain || delivery.act != Act::Send {
        return Ok(None);
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
        thread.line = Some(key.line.clone());
        return Ok(Some(Receipt {
            thread,
            note: attached::missing(&bitrix.portal.config.public_url, delivery, Some(files)),
        }));
    }
    // The portal goes on with a request whose connection is gone: what is not there yet may come.
    let longest = |ran| bitrix.pace.settled_after(key.alone.is_some(), ran);
    if let Some(after) = bitrix.flights.still_flying(&delivery.external_id, longest) {
        return Err(DeliveryError::Paused { reason: "waiting whether the message arrives".into(), after });
    }
    bitrix.looks.forget(&delivery.external_id);
    if matches!(arrival, Arrival::Missing) || delivery.item.deleted {
        return Ok(None);
    }
    if !bitrix.portal.config.resend_unknown {
        return Err(DeliveryError::refused("it may have arrived, and the dialog's history can't be read"));
    }
    tracing::warn!(message = delivery.external_id, "sent again without knowing whether it arrived");
    Ok(None)
}

/// The portal's chat of a conversation whose first message had an unknown outcome, so that nothing told us where it is.
/// An update of that message changes nothing when it isn't there, and its answer names the portal's own user, with whom
/// the dialog can be found (`bitrix24.md` §4.8, §5.1).
async fn find_chat(bitrix: &Inner, delivery: &Delivery, key: &CallKey) -> Result<Option<String>, DeliveryError> {
    let (connector, line) = (key.connector.clone(), key.line.clone());
    let probe = CallKey { method: "imconnector.update.messages", connector, line, alone: None };
    let mut probing = element(&probe, delivery);
    if delivery.item.content.text.is_empty() {
        // Without a text it would delete: a message that there is not is updated instead.
        probing["message"] = json!({ "id": format!("{}-none", delivery.external_id), "text": "?" });
    }
    let params = json!({ "CONNECTOR": probe.connector, "LINE": line_number(&probe.line), "MESSAGES": [probing] });
    let answer = match bitrix.portal.ask(probe.method, &params, Urgency::Now).await {
        Ok(answer) => answer,
        Err(error) => return undecided(&error),
    };
    let user = answer.result.pointer("/DATA/RESULT/0/user").and_then(|user| text(Some(user)));
    let Some(user) = user else { return Ok(None) };
    let code = format!("{}|{}|{}|{user}", key.connector, key.line, delivery.conversation.chat);
    match bitrix.portal.ask("imopenlines.dialog.get", &json!({ "USER_CODE": code }), Urgency::Now).await {
        Ok(answer) => Ok(text(answer.result.get("id"))),
        Err(error) => undecided(&error),
    }
}

/// A probe that is refused found nothing; one that failed decided nothing.
fn undecided(error: &CallError) -> Result<Option<String>, DeliveryError> {
    match verdict::of(error) {
        Verdict::Reject => Ok(None),
        _ => Err(verdict::to_delivery(error)),
    }
}

async fn call(bitrix: &Inner, key: &CallKey, deliveries: &[&Delivery]) -> Vec<Delivered> {
    let messages: Vec<_> = deliveries.iter().map(|delivery| element(key, delivery)).collect();
    let params = json!({ "CONNECTOR": key.connector, "LINE": line_number(&key.line), "MESSAGES": messages });
    let ids = || deliveries.iter().map(|delivery| delivery.external_id.as_str());
    bitrix.flights.started(ids());
    let began = Instant::now();
    let result = bitrix.portal.call(key.method, &params, Urgency::Now).await;
    match result {
        Ok(answer) => {
            if key.alone.is_none() {
                bitrix.pace.note(deliveries.len(), answer.took);
            }
            bitrix.flights.landed(ids());
            walk(bitrix, &answer.result, key, deliveries)
        }
        Err(error) if verdict::of(&error) == Verdict::Reject && deliveries.len() > 1 => {
            // One of them is refused; the others must not be buried with it.
            let mut results = Vec::with_capacity(deliveries.len());
            for delivery in deliveries {
                results.extend(Box::pin(call(bitrix, key, std::slice::from_ref(delivery))).await);
            }
            results
        }
        Err(error) => {
            if key.alone.is_none() && verdict::of(&error) == Verdict::Unknown {
                bitrix.pace.note_cut(deliveries.len(), began.elapsed());
            }
            match (error.plain(), verdict::of(&error)) {
                (CallError::Api { .. }, Verdict::Unknown) => bitrix.flights.ended(ids()),
                (_, Verdict::Unknown) => bitrix.flights.cut(ids()),
                _ => bitrix.flights.landed(ids()),
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

fn element(key: &CallKey, delivery: &Delivery) -> Value {
    let conversation = &delivery.conversation;
    let chat = json!({ "id": conversation.chat.as_str() });
    let user = user_block(conversation);
    if key.method == "imconnector.delete.messages" {
        return json!({ "user": user, "message": { "id": delivery.external_id }, "chat": chat });
    }
    let item = &delivery.item;
    let mut message = json!({
        "id": delivery.external_id,
        "date": item.at.seconds(),
        "text": bbcode::write(&item.content.text),
    });
    if attached::sends_files(delivery) {
        message["files"] = attached::files(delivery);
    }
    json!({ "user": user, "message": message, "chat": chat })
}

/// The result of every element: the call as a whole succeeds whatever happened to them.
fn walk(bitrix: &Inner, result: &Value, key: &CallKey, deliveries: &[&Delivery]) -> Vec<Delivered> {
    let elements = result.pointer("/DATA/RESULT");
    let at = |index: usize| match elements {
        Some(Value::Array(list)) => list.get(index),
        Some(Value::Object(map)) => map.get(&index.to_string()),
        _ => None,
    };
    let public_url = &bitrix.portal.config.public_url;
    let judged = |(index, delivery): (usize, &&Delivery)| judge(at(index), public_url, key, delivery, &bitrix.refusals);
    deliveries.iter().enumerate().map(judged).collect()
}

fn judge(element: Option<&Value>, public_url: &str, key: &CallKey, delivery: &Delivery, refusals: &Tries) -> Delivered {
    let Some(element) = element else {
        return Err(DeliveryError::unknown("the portal's answer has no result for this message"));
    };
    if !truthy(element.get("SUCCESS")) {
        let reason = match attached::nothing_left(public_url, delivery) {
            Some(why) => format!("{why} ({})", errors(element)),
            None => format!("the portal refused the message: {}", errors(element)),
        };
        if refusals.failed(&delivery.external_id) < ELEMENT_TRIES {
            return Err(DeliveryError::retry(reason));
        }
        refusals.forget(&delivery.external_id);
        return Err(DeliveryError::refused(reason));
    }
    refusals.forget(&delivery.external_id);
    let thread = |session: Option<&Value>| Thread {
        line: Some(key.line.clone()),
        chat: session.and_then(|session| text(session.get("CHAT_ID"))),
        session: session.and_then(|session| text(session.get("ID"))),
    };
    let session = element.get("session").filter(|session| session.is_object());
    if delivery.act == Act::Send && session.is_none() {
        return Err(DeliveryError::retry("the portal accepted the message but put it into no dialog"));
    }
    let fetched = element.pointer("/message/files").map(|files| elements(Some(files)).len());
    Ok(Receipt { thread: thread(session), note: attached::missing(public_url, delivery, fetched) })
}

fn errors(element: &Value) -> String {
    let list = match element.get("ERRORS") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "),
        _ => element.as_object().and_then(error_of).map(|(code, _)| code).unwrap_or_default(),
    };
    list.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::attached::tests::delivery;

    const URL: &str = "https://c.example";

    fn key() -> CallKey {
        CallKey { method: "imconnector.send.messages", connector: "c".into(), line: "1".into(), alone: None }
    }

    #[test]
    fn a_message_takes_its_files_along_once() {
        let (files, none) = (delivery("", &["a.png"]), delivery("x", &[]));
        assert_eq!(element(&key(), &files)["message"]["files"][0]["name"], "a.png");
        assert!(element(&key(), &none)["message"].get("files").is_none());
        let edit = Delivery { act: Act::Edit, ..delivery("x", &["a.png"]) };
        assert!(element(&key(), &edit)["message"].get("files").is_none());
    }

    #[test]
    fn files_that_were_not_fetched_are_a_note_and_no_second_message() {
        let answer = |files: Value| json!({ "SUCCESS": true, "session": { "ID": "3", "CHAT_ID": "4" }, "message": { "files": files } });
        let tries = Tries::default();
        let receipt = |files| judge(Some(&answer(files)), URL, &key(), &delivery("x", &["a", "b"]), &tries).unwrap();
        assert!(receipt(json!([1])).note.unwrap().text.contains("1 of them"));
        assert!(receipt(json!([])).note.is_some() && receipt(json!({ "0": 1, "3": 2 })).note.is_none());
    }

    #[test]
    fn a_message_of_unfetched_files_alone_is_tried_again_and_then_given_up_with_the_reason() {
        let refused = json!({ "SUCCESS": false, "ERRORS": ["Incomplete data"] });
        let tries = Tries::default();
        let judged = |text| judge(Some(&refused), URL, &key(), &delivery(text, &["a.png"]), &tries).unwrap_err();
        for _ in 0..ELEMENT_TRIES {
            assert!(matches!(judged(""), DeliveryError::Retry { .. }));
        }
        let DeliveryError::Refused { reason } = judged("") else { panic!("not given up") };
        assert!(
            reason.starts_with("the portal could not fetch the message's files from https://c.example"),
            "{reason}"
        );
        assert!(reason.ends_with("(Incomplete data)"));
        assert!(judged("x").to_string().starts_with("the portal refused the message"));
    }
}
