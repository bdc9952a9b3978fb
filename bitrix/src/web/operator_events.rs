//! What the portal's events say (`bitrix24.md` §6), from the form's tree to core's words.

use crate::bbcode;
use crate::config::{Connector, PortalConfig};
use crate::deliver::files;
use crate::deliver::known::Reply;
use crate::lines::heard;
use crate::lines::info::LineInfos;
use crate::wire::form::elements;
use crate::wire::values::{integer, text};
use openline_core::message::{Content, Happened, OperatorEvent, Side, Thread};
use openline_core::quiet::Short;
use openline_core::text::{Href, RichText, Span};
use openline_core::{ChatId, Timestamp, sampled};
use serde_json::Value;
use url::Url;

/// An event of the portal.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// For conversations.
    Conversation(Vec<OperatorEvent>),
    /// The same, of what was written there.
    Replies(Vec<Reply>),
    /// A connector was switched off on a line.
    StatusDelete {
        /// The connector.
        connector: String,
        /// The line.
        line: String,
    },
    /// A line is gone.
    LineDelete {
        /// The line.
        line: String,
    },
    /// The application was updated.
    Update,
    /// The application was removed.
    Uninstall {
        /// Whether the admin asked to erase its data.
        clean: bool,
    },
    /// The event that somebody asked for, with the word that was to come with it.
    Test {
        /// The word.
        word: String,
    },
    /// Nothing we act on.
    Other,
}

/// Reads a verified event by its name, in capitals. What can't be understood is passed over, with a line in the log.
pub(crate) fn read(config: &PortalConfig, name: &str, form: &Value) -> Event {
    let data = form.get("data");
    let at = Timestamp(form.get("ts").and_then(integer).unwrap_or_default().saturating_mul(1000));
    match name {
        "ONIMCONNECTORMESSAGEADD" => Event::Replies(
            messages(config, data, &|connector, message| wrote(connector, message, &config.url))
                .map(|(message, event)| Reply { author: author(message), event })
                .collect(),
        ),
        "ONIMCONNECTORMESSAGEUPDATE" => {
            changes(messages(config, data, &|connector, message| edited(connector, message, at)))
        }
        "ONIMCONNECTORMESSAGEDELETE" => changes(messages(config, data, &|_, message| deleted(message))),
        "ONIMCONNECTORDIALOGSTART" => dialogs(config, data, |session| Happened::DialogStarted { session }),
        "ONIMCONNECTORDIALOGFINISH" => dialogs(config, data, |session| Happened::DialogFinished { session }),
        "ONIMCONNECTORSTATUSDELETE" => status_delete(data),
        "ONIMCONNECTORLINEDELETE" => text(data).map_or(Event::Other, |line| Event::LineDelete { line }),
        "ONAPPTEST" => {
            let word = data.and_then(|data| text(data.get("QUERY")?.get(heard::WORD)));
            word.map_or(Event::Other, |word| Event::Test { word })
        }
        "ONAPPUPDATE" => Event::Update,
        "ONAPPUNINSTALL" => {
            let clean = data.and_then(|data| data.get("CLEAN")).and_then(integer) == Some(1);
            Event::Uninstall { clean }
        }
        _ => Event::Other,
    }
}

/// The line's greeting is a text of its own like others: it is known by its words.
pub(crate) fn tell_greeting(event: &mut OperatorEvent, lines: &LineInfos) {
    let Happened::Wrote { remote, side: Side::System, content, .. } = &event.happened else { return };
    let welcome = event.thread.line.as_ref().and_then(|line| lines.known(line)?.welcome);
    if content.files.is_empty() && welcome.is_some_and(|welcome| welcome.trim() == content.text.to_plain().trim()) {
        event.happened = Happened::Greeted { remote: *remote, content: content.clone() };
    }
}

fn status_delete(data: Option<&Value>) -> Event {
    let field =
        |lower: &str, upper: &str| data.and_then(|data| text(data.get(lower)).or_else(|| text(data.get(upper))));
    match (field("connector", "CONNECTOR"), field("line", "LINE")) {
        (Some(connector), Some(line)) => Event::StatusDelete { connector: connector.to_lowercase(), line },
        _ => Event::Other,
    }
}

fn connector_of<'c>(config: &'c PortalConfig, id: Option<&Value>) -> Option<&'c Connector> {
    let id = text(id)?;
    let connector = config.connector(&id);
    if connector.is_none() {
        sampled!(warn, connector = %Short(&id), "event for a connector that is not configured, passed over");
    }
    connector
}

type ReadMessage<'r> = &'r dyn Fn(&Connector, &Value) -> Option<Happened>;

fn changes<'m>(events: impl Iterator<Item = (&'m Value, OperatorEvent)>) -> Event {
    Event::Conversation(events.map(|(_, event)| event).collect())
}

/// The elements of an event that can be understood, with what they mean.
fn messages<'m>(
    config: &PortalConfig,
    data: Option<&'m Value>,
    read: ReadMessage<'_>,
) -> impl Iterator<Item = (&'m Value, OperatorEvent)> + use<'m> {
    let connector = data.and_then(|data| connector_of(config, data.get("CONNECTOR")));
    let line = data.and_then(|data| text(data.get("LINE")));
    let event = |connector: &Connector, message: &'m Value| {
        let chat_id = text(message.pointer("/chat/id"))?;
        let happened = read(connector, message);
        let (Ok(chat), Some(happened)) = (ChatId::parse(&chat_id), happened) else {
            sampled!(warn, chat = %Short(&chat_id), "an event's message can't be understood, passed over");
            return None;
        };
        let thread = Thread { line: line.clone(), chat: text(message.pointer("/im/chat_id")), session: None };
        Some((message, OperatorEvent { channel: connector.channel.clone(), chat, thread, happened }))
    };
    let told = connector.map(|connector| {
        let all = elements(data.and_then(|data| data.get("MESSAGES")));
        all.into_iter().filter_map(|message| event(connector, message)).collect::<Vec<_>>()
    });
    told.unwrap_or_default().into_iter()
}

/// Who is said to have written it.
fn author(element: &Value) -> Option<i64> {
    element.pointer("/message/user_id").and_then(integer)
}

fn remote(message: &Value) -> Option<i64> {
    message.pointer("/im/message_id").and_then(integer)
}

fn wrote(connector: &Connector, element: &Value, portal: &Url) -> Option<Happened> {
    let message = element.get("message")?;
    let side = if author(element) == Some(0) { Side::System } else { Side::Operator };
    let bb = text(message.get("text")).unwrap_or_default();
    let (author, bb) = match side {
        Side::Operator if connector.signature => bbcode::strip_signature(&bb),
        _ => (None, bb.as_str()),
    };
    let files: Vec<_> =
        elements(message.get("files")).into_iter().filter_map(|file| files::read(file, portal)).collect();
    let mut text = bbcode::parse(bb);
    if text.is_empty() && files.is_empty() {
        text = only_link(message)?;
    }
    Some(Happened::Wrote { remote: remote(element)?, side, author, content: Content { text, files } })
}

/// A message may consist of `params[url]` alone (`bitrix24.md` §6.3).
fn only_link(message: &Value) -> Option<RichText> {
    let href = Href::parse(&text(message.pointer("/params/url"))?).ok()?;
    let shown = Span::text(href.as_str());
    Some(RichText(vec![Span::Link { href, c: vec![shown] }]))
}

fn edited(connector: &Connector, element: &Value, at: Timestamp) -> Option<Happened> {
    let bb = text(element.pointer("/message/text")).unwrap_or_default();
    let bb = if connector.signature { bbcode::strip_signature(&bb).1 } else { bb.as_str() };
    Some(Happened::Edited { remote: remote(element)?, at, text: bbcode::parse(bb) })
}

fn deleted(element: &Value) -> Option<Happened> {
    Some(Happened::Deleted { remote: remote(element)? })
}

fn dialogs(config: &PortalConfig, data: Option<&Value>, happened: impl Fn(String) -> Happened) -> Event {
    let Some(data) = data else { return Event::Other };
    let event = |element: &Value| {
        let id = element.pointer("/connector/connector_id").or_else(|| data.get("CONNECTOR"));
        let connector = connector_of(config, id)?;
        let chat = text(element.pointer("/connector/chat_id")).or_else(|| text(element.pointer("/chat/id")))?;
        let session = text(element.pointer("/session/id"))?;
        let line = text(element.pointer("/connector/line_id")).or_else(|| text(data.get("LINE")));
        Some(OperatorEvent {
            channel: connector.channel.clone(),
            chat: ChatId::parse(&chat).ok()?,
            thread: Thread { line, chat: None, session: Some(session.clone()) },
            happened: happened(session),
        })
    };
    Event::Conversation(elements(data.get("DATA")).into_iter().filter_map(event).collect())
}
