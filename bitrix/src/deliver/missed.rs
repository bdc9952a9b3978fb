//! Replies that never reached us. Most dialogs have nothing new, so it is asked first what a chat's last message is
//! (`imopenlines.dialog.get`, `bitrix24.md` §5.1), of many in one request, and only the histories of those that have
//! something new are read: few in one request when they are long, so that memory stays flat.

use crate::access::batch::{each, if_any};
use crate::access::budget::Class;
use crate::deliver::history::{self, places, unread};
use crate::deliver::replies::{self, id, messages, written};
use crate::shared::Inner;
use crate::wire::rest::CallError;
use crate::wire::values::{integer, line_number};
use crate::wire::verdict::{self, Verdict};
use openline_core::backend::{Missed, Watched};
use openline_core::message::Thread;
use openline_core::{DeliveryError, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Dialogs that are asked about in one request.
pub(crate) const A_CALL: usize = 50;
/// Histories in one request, and messages in them.
const HISTORIES: usize = 20;
const MESSAGES: i64 = 1000;
/// Taken for the length of a history that is not told.
const GUESS: i64 = 100;

/// The event of what is not older than this may be on its way. It tells more than a history does, of files above all.
const YOUNG: Duration = Duration::from_secs(3);

const PROBE: &str = "imopenlines.dialog.get";

type Looked = Result<Missed, DeliveryError>;

/// What a chat is asked first.
#[derive(Clone, Copy, Default)]
struct Probe {
    last: Option<i64>,
    count: Option<i64>,
}

/// What operators wrote in these dialogs that may not have reached us.
pub(crate) async fn missed(bitrix: &Arc<Inner>, dialogs: &[Watched]) -> Vec<Looked> {
    let probes = match probe(bitrix, dialogs).await {
        Ok(probes) => probes,
        Err(error) => return vec![Err(unread(&error)); dialogs.len()],
    };
    let mut results: Vec<Option<Looked>> = vec![None; dialogs.len()];
    let mut changed = Vec::new();
    for (index, (dialog, probe)) in dialogs.iter().zip(&probes).enumerate() {
        let is_quiet = dialog.seen.zip(probe.last).is_some_and(|(seen, last)| last <= seen);
        if is_quiet || places(&dialog.conversation.thread).is_empty() {
            results[index] = Some(Ok(Missed { events: Vec::new(), newest: dialog.seen }));
        } else {
            changed.push(index);
        }
    }
    while !changed.is_empty() {
        let group: Vec<_> = changed.drain(..fitting(&changed, &probes)).collect();
        let params = group.iter().filter_map(|index| places(&dialogs[*index].conversation.thread).into_iter().next());
        let entries = bitrix.portal.ask_batch(&each(history::METHOD, params), Class::History).await;
        let entries = entries.unwrap_or_else(|error| vec![Err(error); group.len()]);
        for (index, entry) in group.into_iter().zip(entries) {
            let read = if_any(entry).map_err(|error| unread(&error));
            let (now, config) = (bitrix.portal.clock().now(), bitrix.portal.config());
            results[index] =
                Some(read.map(|read| found(read.as_ref(), &dialogs[index], probes[index], now, &config.url)));
        }
    }
    results.into_iter().map(|result| result.unwrap_or_else(|| Err(DeliveryError::unknown("no result")))).collect()
}

/// How many of the histories are read together.
fn fitting(changed: &[usize], probes: &[Probe]) -> usize {
    let mut length = 0;
    let fits = changed.iter().take(HISTORIES).take_while(|index| {
        length += probes[**index].count.unwrap_or(GUESS);
        length <= MESSAGES
    });
    fits.count().max(1)
}

/// Where the portal does not tell, the history has to be read.
async fn probe(bitrix: &Arc<Inner>, dialogs: &[Watched]) -> Result<Vec<Probe>, CallError> {
    let asked: Vec<_> = dialogs.iter().map(|dialog| chat(&dialog.conversation.thread)).collect();
    let params: Vec<_> = asked.iter().flatten().cloned().collect();
    let mut answers = bitrix.portal.ask_batch(&each(PROBE, params), Class::History).await?.into_iter();
    let mut probes = Vec::with_capacity(dialogs.len());
    for asked in asked {
        let answer = match asked.and_then(|_| answers.next()).map(if_any) {
            // One that can't be told must not stop the others.
            Some(Err(error)) if verdict::of(&error) != Verdict::Unknown => return Err(error),
            answer => answer.and_then(Result::ok).flatten(),
        };
        let number = |name: &str| answer.as_ref().and_then(|chat| integer(chat.get(name)?));
        probes.push(Probe { last: number("last_message_id").filter(|id| *id > 0), count: number("message_count") });
    }
    Ok(probes)
}

fn chat(thread: &Thread) -> Option<Value> {
    let by_chat = thread.chat.as_deref().map(|chat| json!({ "CHAT_ID": line_number(chat) }));
    by_chat.or_else(|| thread.session.as_deref().map(|session| json!({ "SESSION_ID": line_number(session) })))
}

fn found(history: Option<&Value>, dialog: &Watched, probe: Probe, now: Timestamp, portal: &Url) -> Missed {
    let Some(history) = history else { return Missed { events: Vec::new(), newest: dialog.seen } };
    let is_young = |message: &&Value| dialog.patient && written(message).is_some_and(|at| at.plus(YOUNG) > now);
    let young = messages(history).filter(is_young).filter_map(id).min();
    let newest = probe.last.max(messages(history).filter_map(id).max());
    let newest = young.map(|young| young - 1).or(newest);
    let mut events = replies::told(history, &dialog.conversation, dialog.seen.unwrap_or(0), portal);
    events.retain(|(id, _)| young.is_none_or(|young| *id < young));
    Missed { events: events.into_iter().map(|(_, event)| event).collect(), newest: newest.max(dialog.seen) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openline_core::id::{ChannelId, ChatId, ConversationId, Rev};
    use openline_core::message::{Conversation, Dialog, Visitor};

    fn conversation() -> Conversation {
        Conversation {
            id: ConversationId(1),
            channel: ChannelId::parse("site").unwrap(),
            chat: ChatId::parse("c").unwrap(),
            visitor: Visitor::default(),
            thread: Thread::default(),
            dialog: Dialog::Open,
            rev: Rev(1),
        }
    }

    fn message(id: i64, sender: &str, params: &Value) -> Value {
        json!({ "id": id.to_string(), "senderid": sender, "text": format!("text {id}"), "params": params })
    }

    #[test]
    fn what_was_just_written_is_left_to_its_event() {
        let mut history = json!({ "message": {}, "users": {"27": {"name": "Anna Lee"}} });
        for (id, second) in [(11, 1), (12, 8), (13, 9)] {
            let mut one = message(id, "27", &json!([]));
            one["date"] = json!(format!("2026-01-01T00:00:0{second}+00:00"));
            history["message"][id.to_string()] = one;
        }
        let now = Timestamp(1_767_225_610_000);
        let probe = Probe { last: Some(13), count: None };
        let portal = Url::parse("https://shop.example/").unwrap();
        let look = |patient| {
            let dialog = Watched { conversation: conversation(), seen: None, patient };
            let Missed { events, newest } = found(Some(&history), &dialog, probe, now, &portal);
            (events.len(), newest)
        };
        assert_eq!(look(true), (1, Some(11)));
        assert_eq!(look(false), (3, Some(13)));
    }

    #[test]
    fn long_histories_are_read_alone() {
        let probe = |count| Probe { last: None, count };
        let probes: Vec<_> = [Some(1500), Some(600), Some(300), Some(200), None].map(probe).to_vec();
        assert_eq!(fitting(&[0, 1, 2, 3, 4], &probes), 1);
        assert_eq!(fitting(&[1, 2, 3, 4], &probes), 2);
        assert_eq!(fitting(&[3, 4], &probes), 2);
    }
}
