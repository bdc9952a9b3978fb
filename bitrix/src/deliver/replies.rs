//! What a dialog's history says (`bitrix24.md` §5.1, §11): which messages are ours, and which replies their visitor may
//! not have got.

use crate::bbcode;
use crate::deliver::files;
use crate::wire::field::field;
use crate::wire::form::elements;
use crate::wire::values::{integer, text, truthy};
use openline_core::Timestamp;
use openline_core::message::{Content, Conversation, Happened, OperatorEvent, Side, Thread};
use openline_core::text::{RichText, Span};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// Where the dialog of a history is.
pub(crate) fn thread(history: &Value) -> Thread {
    let id = |name: &str| field(history, name).and_then(|id| text(Some(id)));
    Thread { line: None, chat: id("chatId"), session: id("sessionId") }
}

/// The message of a history that has this external id.
pub(crate) fn ours<'h>(history: &'h Value, external_id: &str) -> Option<&'h Value> {
    messages(history).find(|message| external_ids(message).any(|id| id == external_id))
}

/// When a message was written, by the portal's clock.
pub(crate) fn written(message: &Value) -> Option<Timestamp> {
    let at: jiff::Timestamp = message.get("date")?.as_str()?.parse().ok()?;
    Some(Timestamp(at.as_millisecond()))
}

/// The portal's clock may be so far behind ours.
const SKEW: Duration = Duration::from_secs(60);

/// Whether a history has a system message with that text (BB code) that is not older than that.
pub(crate) fn has_note(history: &Value, bb: &str, since: Timestamp) -> bool {
    let is_it = |message: &Value| {
        let is_system = field(message, "senderid").and_then(integer) == Some(0);
        let same = field(message, "text").and_then(|bb| text(Some(bb))).is_some_and(|there| there.trim() == bb.trim());
        is_system && same && written(message).is_none_or(|at| at.plus(SKEW) >= since)
    };
    messages(history).any(is_it)
}

/// How many files a message has.
pub(crate) fn files_of(message: &Value) -> usize {
    file_ids(message).len()
}

/// The replies behind the message `seen`, oldest first, with their numbers: those that were not confirmed, which their
/// visitor may not have got, and those that were.
pub(crate) fn told(history: &Value, conversation: &Conversation, seen: i64, portal: &Url) -> Vec<(i64, OperatorEvent)> {
    let thread = thread(history);
    let event = |message: &Value| {
        let happened = reply(history, message, portal)?;
        let (channel, chat) = (conversation.channel.clone(), conversation.chat.clone());
        Some((id(message)?, OperatorEvent { channel, chat, thread: thread.clone(), happened }))
    };
    let mut events: Vec<_> = messages(history).filter_map(event).collect();
    events.retain(|(id, _)| *id > seen);
    events.sort_by_key(|(id, _)| *id);
    events
}

/// The messages of a history.
pub(crate) fn messages(history: &Value) -> impl Iterator<Item = &Value> {
    elements(field(history, "message")).into_iter()
}

/// A message's number.
pub(crate) fn id(message: &Value) -> Option<i64> {
    integer(field(message, "id")?)
}

fn param<'m>(message: &'m Value, name: &str) -> Option<&'m Value> {
    field(field(message, "params")?, name)
}

/// A list, or one that stands for itself.
fn several(value: Option<&Value>) -> impl Iterator<Item = String> + '_ {
    let list = elements(value).into_iter().filter_map(|one| text(Some(one)));
    list.chain(text(value))
}

fn external_ids(message: &Value) -> impl Iterator<Item = String> + '_ {
    several(param(message, "connectorMid"))
}

fn file_ids(message: &Value) -> Vec<String> {
    several(param(message, "fileId")).collect()
}

/// A message that was meant for the visitor. Operators' silent notes and the line's internal ones carry a class; of the
/// system's own texts only those of class "output" go out.
fn reply(history: &Value, message: &Value, portal: &Url) -> Option<Happened> {
    let sender = integer(field(message, "senderid")?)?;
    let class = param(message, "class").and_then(|class| text(Some(class))).unwrap_or_default();
    let (side, author) = if sender == 0 {
        class.contains("ol-output").then_some((Side::System, None))?
    } else {
        let user = field(field(history, "users")?, &sender.to_string())?;
        (class.is_empty() && !is_client(user)).then(|| (Side::Operator, name(user)))?
    };
    // No signature stands before a history's texts, and HTML only in `textlegacy`.
    let bb = field(message, "text").and_then(|bb| text(Some(bb))).unwrap_or_default();
    let content = with_files(history, message, bbcode::parse(&bb), portal);
    if content.is_empty() {
        return None;
    }
    let remote = id(message).unwrap_or_default();
    let delivered_as: Vec<String> = external_ids(message).collect();
    Some(if delivered_as.is_empty() {
        Happened::Wrote { remote, side, author, content }
    } else {
        Happened::Arrived { remote, side, author, content, delivered_as }
    })
}

fn is_client(user: &Value) -> bool {
    let known_by = field(user, "externalAuthId").and_then(|kind| text(Some(kind)));
    truthy(field(user, "connector")) || known_by.as_deref() == Some("imconnector")
}

fn name(user: &Value) -> Option<String> {
    let part = |key: &str| field(user, key).and_then(|name| text(Some(name)));
    let parts = || [part("firstName"), part("lastName")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    part("name").or_else(|| Some(parts())).filter(|name| !name.is_empty())
}

/// The message's files; one whose address is not told becomes its name.
fn with_files(history: &Value, message: &Value, mut text_of: RichText, portal: &Url) -> Content {
    let known = elements(field(history, "files"));
    let mut files = Vec::new();
    for id in file_ids(message) {
        let is_it = |file: &&&Value| field(file, "id").and_then(|id| text(Some(id))).as_ref() == Some(&id);
        let Some(file) = known.iter().find(is_it) else { continue };
        match files::read(file, portal) {
            Some(file) => files.push(file),
            None => text_of.0.push(Span::text(format!("\n[{}]", files::name(file)))),
        }
    }
    Content { text: text_of, files }
}

#[cfg(test)]
mod tests;
