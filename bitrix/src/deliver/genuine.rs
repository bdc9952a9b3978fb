//! Whether the portal has a reply that an event tells of.
//!
//! The `application_token` proves that somebody of the portal's people or servers speaks (`bitrix24.md` §11), not who. So
//! what somebody writes in a conversation for the first time is looked up in the dialog's history before it is shown, and
//! so is each automatic text that was not seen before. Where the portal does not let us look, is away or takes too long,
//! the reply is believed: an honest one must not be lost.

use crate::access::batch::{each, if_any};
use crate::access::budget::Class;
use crate::deliver::history::{self, places, unread};
use crate::deliver::known::{Reply, Writer};
use crate::deliver::replies;
use crate::shared::Inner;
use crate::wire::field::field;
use crate::wire::values::{line_number, text};
use futures_util::future::join_all;
use openline_core::message::{Conversation, Dialog, Happened, OperatorEvent, Visitor};
use openline_core::{ClientAddress, ConversationId, DeliveryError, Rev, sampled};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const DIALOG: &str = "imopenlines.dialog.get";
/// How long a reply may be held up by being looked for.
const PATIENCE: Duration = Duration::from_secs(3);
/// Until what was not found is looked for once more: an event may be quicker than the history. What is there all the same
/// is found by the round that looks for missed replies.
const ONCE_MORE: Duration = Duration::from_millis(700);
/// More replies than this in one event are nobody's: the portal sends one (`bitrix24.md` §6.3).
const MOST: usize = 50;

/// Those of an event's replies that may be shown.
pub(crate) async fn among(bitrix: &Arc<Inner>, replies: Vec<Reply>, from: ClientAddress) -> Vec<OperatorEvent> {
    if replies.len() > MOST {
        let count = replies.len();
        sampled!(warn, target: "security", client = %from, count, result = "refused", "more replies in one event than any portal sends");
    }
    let judged = replies.into_iter().take(MOST).map(|reply| judged(bitrix, reply, from));
    join_all(judged).await.into_iter().flatten().collect()
}

async fn judged(bitrix: &Arc<Inner>, reply: Reply, from: ClientAddress) -> Option<OperatorEvent> {
    let Some(writer) = Writer::of(&reply) else { return Some(reply.event) };
    let turn = bitrix.genuine.turn(&reply.event);
    let _turn = turn.lock().await;
    if bitrix.genuine.knows(&writer) {
        return Some(reply.event);
    }
    let OperatorEvent { channel, chat, .. } = &reply.event;
    match looked_for(bitrix, &reply.event).await {
        Ok(Found::There(found)) => {
            bitrix.genuine.learn(writer);
            Some(OperatorEvent { happened: truth(&reply.event.happened, found, from), ..reply.event })
        }
        Ok(Found::Missing) => {
            bitrix.genuine.forged_by(from);
            let author = reply.author;
            sampled!(warn, target: "security", client = %from, %channel, %chat, author, result = "refused", "a reply that the portal does not have");
            None
        }
        Ok(Found::Unreadable) | Err(_) if bitrix.genuine.suspects(from) => {
            sampled!(warn, target: "security", client = %from, %channel, %chat, result = "refused", "a reply that could not be looked for, from where forged ones came");
            None
        }
        Ok(Found::Unreadable) | Err(_) => {
            sampled!(info, target: "security", client = %from, %channel, %chat, result = "accepted", "a reply that could not be looked for");
            Some(reply.event)
        }
    }
}

/// Of a reply that is there the portal's own words count, whatever its event says.
fn truth(told: &Happened, found: Happened, from: ClientAddress) -> Happened {
    let words = |happened: &Happened| match happened {
        Happened::Wrote { content, .. } => {
            Some(content.text.to_plain().split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        }
        _ => None,
    };
    match (words(told), words(&found)) {
        (Some(told), Some(there)) if told != there => {
            sampled!(warn, target: "security", client = %from, result = "corrected", "an event tells another text than the portal has");
            found
        }
        _ => told.clone(),
    }
}

/// What a look for a reply came to.
enum Found {
    /// The history has it, with these words.
    There(Happened),
    /// The history has no such reply.
    Missing,
    /// The portal does not let us look.
    Unreadable,
}

async fn looked_for(bitrix: &Arc<Inner>, event: &OperatorEvent) -> Result<Found, DeliveryError> {
    if let Some(paused) = bitrix.portal.shut() {
        return Err(paused);
    }
    if bitrix.genuine.is_blind() {
        return Err(late());
    }
    let look = async || {
        let looked = tokio::time::timeout(PATIENCE, look(bitrix, event)).await;
        looked.unwrap_or_else(|_| {
            bitrix.genuine.goes_blind();
            Err(late())
        })
    };
    match look().await? {
        Found::Missing => {
            tokio::time::sleep(ONCE_MORE).await;
            Ok(look().await.unwrap_or(Found::Missing))
        }
        found => Ok(found),
    }
}

fn late() -> DeliveryError {
    DeliveryError::retry("the portal takes long to tell")
}

async fn look(bitrix: &Arc<Inner>, event: &OperatorEvent) -> Result<Found, DeliveryError> {
    let known = bitrix.portal.inbox.store().conversation(&event.channel, &event.chat).await;
    let known = known.map_err(|error| DeliveryError::retry(error.to_string()))?;
    let conversation = known.unwrap_or_else(|| nobodys(event));
    let mut readable = false;
    for place in places(&conversation.thread) {
        let Some(history) = history::read(bitrix, place).await? else { continue };
        readable = true;
        if let Some(found) = in_history(bitrix, &history, &conversation, event) {
            return Ok(Found::There(found));
        }
    }
    // It may stand in a dialog that we were not told of yet.
    let newer = newer(bitrix, event, &conversation).await?;
    let Some(place) = newer else { return Ok(if readable { Found::Missing } else { Found::Unreadable }) };
    let Newer::At(place) = place else { return Ok(Found::Missing) };
    let Some(history) = history::read(bitrix, place).await? else {
        return Ok(if readable { Found::Missing } else { Found::Unreadable });
    };
    let found = in_history(bitrix, &history, &conversation, event);
    Ok(found.map_or(Found::Missing, Found::There))
}

/// The dialog that is in the chat now.
enum Newer {
    /// Its history.
    At(Value),
    /// The chat is another visitor's.
    Foreign,
}

/// `None` where the portal does not tell.
async fn newer(
    bitrix: &Arc<Inner>,
    event: &OperatorEvent,
    known: &Conversation,
) -> Result<Option<Newer>, DeliveryError> {
    let Some(chat) = event.thread.chat.as_ref().or(known.thread.chat.as_ref()) else { return Ok(None) };
    let chat = line_number(chat);
    let asked = each(DIALOG, [json!({ "CHAT_ID": chat })]);
    let mut answers = bitrix.portal.ask_batch(&asked, Class::Look).await.map_err(|error| unread(&error))?;
    let Some(answer) = answers.pop() else { return Ok(None) };
    let Some(dialog) = if_any(answer).map_err(|error| unread(&error))? else { return Ok(None) };
    let item = |name: &str, nth: usize| {
        let all = field(&dialog, name).and_then(|all| text(Some(all)))?;
        all.split('|').nth(nth).map(str::to_owned)
    };
    // connector|line|chat|user (`bitrix24.md` §5.1)
    let is_its = item("entity_id", 2).is_some_and(|owner| owner == event.chat.as_str());
    if !is_its {
        return Ok(Some(Newer::Foreign));
    }
    let session = item("entity_data_1", 5).filter(|session| session.parse::<i64>().is_ok_and(|session| session > 0));
    Ok(Some(Newer::At(match session {
        Some(session) => json!({ "SESSION_ID": line_number(&session) }),
        None => json!({ "CHAT_ID": chat }),
    })))
}

fn in_history(bitrix: &Inner, history: &Value, conversation: &Conversation, event: &OperatorEvent) -> Option<Happened> {
    let Happened::Wrote { remote, .. } = &event.happened else { return None };
    let told = replies::told(history, conversation, remote - 1, &bitrix.portal.config().url);
    told.into_iter().find(|(id, _)| id == remote).map(|(_, event)| event.happened)
}

/// A conversation of which nothing is known yet.
fn nobodys(event: &OperatorEvent) -> Conversation {
    Conversation {
        id: ConversationId(0),
        channel: event.channel.clone(),
        chat: event.chat.clone(),
        visitor: Visitor::default(),
        thread: event.thread.clone(),
        dialog: Dialog::None,
        rev: Rev(0),
    }
}
