//! Items of a conversation as `docs/api-channel.md` shows them.

use openline_core::export::Exported;
use openline_core::files::Holder;
use openline_core::message::{File, Item, ItemKind, Side, State, Visitor};
use openline_core::store::Slice;
use openline_core::text::RichText;
use openline_core::{ConversationId, VisitorInbox};
use serde::Serialize;

/// An item on the wire.
#[derive(Serialize)]
pub(super) struct WireMessage<'i> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'i str>,
    rev: i64,
    pos: i64,
    kind: ItemKind,
    from: Side,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<&'i str>,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rich: Option<&'i RichText>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<WireFile<'i>>,
    at: i64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    ids: &'i [String],
    #[serde(skip_serializing_if = "is_false")]
    edited: bool,
    #[serde(skip_serializing_if = "is_false")]
    deleted: bool,
}

#[derive(Serialize)]
struct WireFile<'i> {
    name: &'i str,
    mime: &'i str,
    size: Option<u64>,
    url: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's shape
fn is_false(flag: &bool) -> bool {
    !flag
}

impl<'i> WireMessage<'i> {
    /// An item of a conversation; its files get fresh signed addresses.
    pub(super) fn new(item: &'i Item, conversation: ConversationId, inbox: &VisitorInbox) -> Self {
        let own = item.side == Side::Visitor;
        let file = |(index, file): (usize, &'i File)| WireFile {
            name: &file.name,
            mime: &file.mime,
            size: file.size,
            url: inbox.file_url(item, conversation, index, Holder::Reader),
        };
        Self {
            id: item.id.to_string(),
            key: own.then_some(&item.key),
            rev: item.rev.0,
            pos: item.pos.0,
            kind: item.kind,
            from: item.side,
            state: own.then_some(item.state),
            author: item.author.as_deref(),
            text: item.content.text.to_plain(),
            rich: (!item.content.text.is_plain()).then_some(&item.content.text),
            files: item.content.files.iter().enumerate().map(file).collect(),
            at: item.at.0,
            ids: &item.delivered_as,
            edited: item.edited,
            deleted: item.deleted,
        }
    }
}

/// Everything that is kept of a visitor.
#[derive(Serialize)]
pub(super) struct WireExport<'i> {
    chat: &'i str,
    visitor: &'i Visitor,
    messages: Vec<WireMessage<'i>>,
    /// What the operators were told beside the messages.
    notes: Vec<String>,
    given_up: Vec<GivenUp<'i>>,
}

#[derive(Serialize)]
struct GivenUp<'i> {
    message: String,
    reason: &'i str,
}

impl<'i> WireExport<'i> {
    pub(super) fn new(chat: &'i str, exported: &'i Exported, inbox: &VisitorInbox) -> Self {
        let Exported { conversation, items, notes, dead, .. } = exported;
        Self {
            chat,
            visitor: &conversation.visitor,
            messages: items.iter().map(|item| WireMessage::new(item, conversation.id, inbox)).collect(),
            notes: notes.iter().map(|note| note.content.text.to_plain()).collect(),
            given_up: dead.iter().map(|l| GivenUp { message: l.message.to_string(), reason: &l.reason }).collect(),
        }
    }
}

/// A part of a conversation on the wire.
#[derive(Serialize)]
pub(super) struct WireSlice<'i> {
    cursor: i64,
    messages: Vec<WireMessage<'i>>,
    more: bool,
    #[serde(skip_serializing_if = "is_false")]
    reset: bool,
}

impl<'i> WireSlice<'i> {
    /// News: when there are more, the cursor is at the last one given.
    pub(super) fn news(slice: &'i Slice, id: ConversationId, inbox: &VisitorInbox, reset: bool) -> Self {
        let last = slice.items.last().map(|item| item.rev.0).filter(|_| slice.more);
        Self { cursor: last.unwrap_or(slice.rev.0), reset, ..Self::history(slice, id, inbox) }
    }

    /// A page of history.
    pub(super) fn history(slice: &'i Slice, id: ConversationId, inbox: &VisitorInbox) -> Self {
        let messages = slice.items.iter().map(|item| WireMessage::new(item, id, inbox)).collect();
        Self { cursor: slice.rev.0, messages, more: slice.more, reset: false }
    }

    /// Nothing.
    pub(super) fn nothing(cursor: i64, reset: bool) -> Self {
        Self { cursor, messages: Vec::new(), more: false, reset }
    }
}
