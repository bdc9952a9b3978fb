//! The portal's history of a dialog (`bitrix24.md` §5.1): whether a message of ours arrived, and which replies we miss.
//!
//! It is asked by `SESSION_ID` first: with `CHAT_ID` alone the portal refuses users who don't take part in the chat.

use crate::access::budget::Urgency;
use crate::bbcode;
use crate::shared::Inner;
use crate::wire::form::elements;
use crate::wire::rest::CallError;
use crate::wire::values::line_number;
use crate::wire::values::{integer, text, truthy};
use crate::wire::verdict;
use openline_core::DeliveryError;
use openline_core::backend::Delivery;
use openline_core::message::{Content, Conversation, Dialog, File, FileSource, Happened, OperatorEvent, Side, Thread};
use openline_core::text::{RichText, Span};
use serde_json::{Value, json};

/// So many failed looks for one message are enough.
const LOOKS: u32 = 5;

const METHOD: &str = "imopenlines.session.history.get";

/// Whether a message arrived whose sending had an unknown outcome.
pub(crate) enum Arrival {
    /// It did.
    There {
        /// This is where.
        thread: Thread,
        /// With so many files.
        files: usize,
    },
    /// It did not.
    Missing,
    /// The portal does not let us look.
    Unreadable,
}

/// Looks for a message of ours, named by the id we gave it, in a conversation's dialogs.
pub(crate) async fn arrival(
    bitrix: &Inner,
    conversation: &Conversation,
    delivery: &Delivery,
) -> Result<Arrival, DeliveryError> {
    let mut readable = false;
    for params in places(&conversation.thread) {
        let history = match read(bitrix, &params).await {
            Ok(Some(history)) => history,
            Ok(None) => continue,
            // A look that keeps failing must not hold the message for ever.
            Err(DeliveryError::Unknown { .. }) if bitrix.looks.failed(&delivery.external_id) >= LOOKS => continue,
            Err(error) => return Err(error),
        };
        // With CHAT_ID it is the last dialog; another one tells what is missing only while it is still open.
        readable |= params.get("CHAT_ID").is_some() || conversation.dialog == Dialog::Open;
        let ours = |message: &&Value| external_ids(message).any(|id| id == delivery.external_id);
        if let Some(message) = messages(&history).find(ours) {
            let (chat, session) = (text(history.get("chatId")), text(history.get("sessionId")));
            let files = file_ids(message).len();
            return Ok(Arrival::There { thread: Thread { line: None, chat, session }, files });
        }
    }
    Ok(if readable { Arrival::Missing } else { Arrival::Unreadable })
}

/// The operators' messages of each conversation's dialog that were not confirmed: what their visitor may not have got.
pub(crate) async fn missed(
    bitrix: &Inner,
    conversations: &[Conversation],
) -> Vec<Result<Vec<OperatorEvent>, DeliveryError>> {
    let asked: Vec<_> = conversations.iter().map(|c| places(&c.thread).into_iter().next()).collect();
    let params: Vec<_> = asked.iter().flatten().cloned().collect();
    let mut answers = match bitrix.portal.batch(METHOD, &params).await {
        Ok(answers) => answers.into_iter(),
        Err(error) => return vec![Err(unread(&error)); conversations.len()],
    };
    let mut results = Vec::with_capacity(conversations.len());
    for (conversation, asked) in conversations.iter().zip(asked) {
        let history = if asked.is_some() { answers.next().unwrap_or(Ok(None)) } else { Ok(None) };
        let events = |history: Option<Value>| history.map(|history| unconfirmed(&history, conversation));
        results.push(history.map(|history| events(history).unwrap_or_default()).map_err(|error| unread(&error)));
    }
    results
}

fn places(thread: &Thread) -> Vec<Value> {
    let asked = [("SESSION_ID", &thread.session), ("CHAT_ID", &thread.chat)];
    let place = |(name, id): (&str, &Option<String>)| id.as_deref().map(|id| json!({ name: line_number(id) }));
    asked.into_iter().filter_map(place).collect()
}

/// One history; `None` when the portal does not let us read it.
async fn read(bitrix: &Inner, params: &Value) -> Result<Option<Value>, DeliveryError> {
    match bitrix.portal.ask(METHOD, params, Urgency::Later).await {
        Ok(answer) => Ok(Some(answer.result)),
        Err(error) if verdict::refuses_this(&error) => {
            tracing::debug!(%error, "a dialog's history can't be read this way");
            Ok(None)
        }
        Err(error) => Err(unread(&error)),
    }
}

/// A look that failed decides nothing about the message: it stays as uncertain as it was.
fn unread(error: &CallError) -> DeliveryError {
    match verdict::to_delivery(error) {
        DeliveryError::Refused { reason } => DeliveryError::Unknown { reason },
        other => other,
    }
}

fn messages(history: &Value) -> impl Iterator<Item = &Value> {
    elements(history.get("message")).into_iter()
}

fn external_ids(message: &Value) -> impl Iterator<Item = &str> {
    let ids = message.pointer("/params/connectorMid").or_else(|| message.pointer("/params/CONNECTOR_MID"));
    let single = ids.and_then(Value::as_str);
    elements(ids).into_iter().filter_map(Value::as_str).chain(single).filter(|id| !id.is_empty())
}

fn file_ids(message: &Value) -> Vec<String> {
    let ids = message.pointer("/params/fileId").or_else(|| message.pointer("/params/FILE_ID"));
    let single = text(ids);
    elements(ids).into_iter().filter_map(|id| text(Some(id))).chain(single).collect()
}

fn unconfirmed(history: &Value, conversation: &Conversation) -> Vec<OperatorEvent> {
    let thread = Thread { line: None, chat: text(history.get("chatId")), session: text(history.get("sessionId")) };
    let event = |message: &Value| {
        let happened = reply(history, message)?;
        let (channel, chat) = (conversation.channel.clone(), conversation.chat.clone());
        Some((integer(message.get("id")?)?, OperatorEvent { channel, chat, thread: thread.clone(), happened }))
    };
    let mut events: Vec<_> =
        messages(history).filter(|message| external_ids(message).next().is_none()).filter_map(event).collect();
    events.sort_by_key(|(id, _)| *id);
    events.into_iter().map(|(_, event)| event).collect()
}

/// A message that was meant for the visitor. Operators' silent notes and the line's internal ones carry a class; of the
/// system's own texts only those of class "output" go out.
fn reply(history: &Value, message: &Value) -> Option<Happened> {
    let sender = integer(message.get("senderid")?)?;
    let class = text(message.pointer("/params/class").or_else(|| message.pointer("/params/CLASS"))).unwrap_or_default();
    let (side, author) = if sender == 0 {
        class.contains("ol-output").then_some((Side::System, None))?
    } else {
        let user = history.pointer(&format!("/users/{sender}"))?;
        let is_client =
            truthy(user.get("connector")) || text(user.get("externalAuthId")).as_deref() == Some("imconnector");
        (class.is_empty() && !is_client).then(|| (Side::Operator, text(user.get("name"))))?
    };
    let text_of = bbcode::parse(&text(message.get("text")).unwrap_or_default());
    let content = with_files(history, message, text_of);
    (!content.is_empty()).then(|| Happened::Wrote {
        remote: integer(&message["id"]).unwrap_or_default(),
        side,
        author,
        content,
    })
}

/// The message's files; one whose address is not told becomes its name.
fn with_files(history: &Value, message: &Value, mut text_of: RichText) -> Content {
    let mut files = Vec::new();
    for id in file_ids(message) {
        let Some(file) =
            elements(history.get("files")).into_iter().find(|file| text(file.get("id")).as_ref() == Some(&id))
        else {
            continue;
        };
        let name = text(file.get("name")).unwrap_or_else(|| "file".to_owned());
        match text(file.get("urlDownload")).filter(|url| url.starts_with("http")) {
            Some(url) => files.push(File {
                name,
                mime: String::new(),
                size: file.get("size").and_then(integer).and_then(|size| u64::try_from(size).ok()),
                pixels: None,
                source: FileSource::Backend(url),
            }),
            None => text_of.0.push(Span::text(format!("\n[{name}]"))),
        }
    }
    Content { text: text_of, files }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openline_core::id::{ChannelId, ChatId, ConversationId, Rev};
    use openline_core::message::Visitor;

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
    fn only_unconfirmed_replies_meant_for_the_visitor_are_missed() {
        let history = json!({
            "chatId": 7, "sessionId": 9,
            "message": {
                "15": message(15, "27", &json!([])),
                "11": message(11, "27", &json!([])),
                "12": message(12, "450", &json!({"connectorMid": ["m-1"]})),
                "13": message(13, "27", &json!({"connectorMid": ["4"]})),
                "14": message(14, "27", &json!({"class": "bx-messenger-content-item-system"})),
                "16": message(16, "0", &json!([])),
                "17": message(17, "0", &json!({"class": "bx-messenger-content-item-ol-output"})),
                "18": message(18, "450", &json!([])),
                "19": message(19, "99", &json!([])),
            },
            "users": {"27": {"name": "Anna Lee", "connector": false}, "450": {"connector": true, "externalAuthId": "imconnector"}},
        });
        let remotes: Vec<_> = unconfirmed(&history, &conversation())
            .into_iter()
            .map(|event| match event.happened {
                Happened::Wrote { remote, side, author, .. } => (remote, side, author),
                other => panic!("{other:?}"),
            })
            .collect();
        let anna = Some("Anna Lee".to_owned());
        let expected = [(11, Side::Operator, anna.clone()), (15, Side::Operator, anna), (17, Side::System, None)];
        assert_eq!(remotes, expected);
    }

    #[test]
    fn the_external_id_is_found_in_all_shapes_of_a_history() {
        for history in [
            json!({"message": {"7": {"params": {"connectorMid": ["a", "m-1"]}}}}),
            json!({"message": [{"params": {"connectorMid": "m-1"}}]}),
            json!({"message": {"7": {"params": {"CONNECTOR_MID": {"0": "m-1"}}}}}),
        ] {
            assert!(messages(&history).any(|message| external_ids(message).any(|id| id == "m-1")), "{history}");
        }
        for empty in [json!({"message": []}), json!({}), json!({"message": {"7": {"params": []}}})] {
            assert!(!messages(&empty).any(|message| external_ids(message).next().is_some()), "{empty}");
        }
    }
}
