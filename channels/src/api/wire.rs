//! Items of a conversation as `docs/api-channel.md` shows them.

use crate::common::schema::{WireKind, WireSide, WireState};
use openline_core::export::Exported;
use openline_core::files::Holder;
use openline_core::message::{File, Item, ItemKind, Side, State, Visitor};
use openline_core::store::Slice;
use openline_core::text::RichText;
use openline_core::{ChannelId, ConversationId, VisitorInbox};
use serde::Serialize;
use utoipa::ToSchema;

/// An item on the wire.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(super) struct WireMessage<'i> {
    /// openline's id, unique in the channel.
    id: String,
    /// On visitors' messages: your own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<&'i str>,
    /// The chat's revision at which it last changed.
    rev: i64,
    /// Where it stands; sort by it.
    pos: i64,
    #[schema(value_type = WireKind)]
    kind: ItemKind,
    #[schema(value_type = WireSide)]
    from: Side,
    /// On visitors' messages: stored here, at the portal, given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = WireState)]
    state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    author: Option<&'i str>,
    /// Readable text without formatting.
    text: String,
    /// Only with formatting: spans, see docs/website-api.md.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Object>)]
    rich: Option<&'i RichText>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<WireFile<'i>>,
    /// Unix milliseconds.
    at: i64,
    /// On operators' messages: the ids that you answered the webhook with.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    ids: &'i [String],
    #[serde(skip_serializing_if = "is_false")]
    edited: bool,
    #[serde(skip_serializing_if = "is_false")]
    deleted: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = File)]
struct WireFile<'i> {
    name: &'i str,
    mime: &'i str,
    #[schema(required)]
    size: Option<u64>,
    /// Signed, good for a quarter of an hour, needs no token.
    #[schema(required)]
    url: Option<String>,
}

/// A message by itself.
#[derive(Serialize, ToSchema)]
pub(super) struct One<'i> {
    pub(super) message: WireMessage<'i>,
    pub(super) cursor: i64,
}

/// Of which message an event tells.
#[derive(Serialize, ToSchema)]
pub(super) struct EventData<'i> {
    #[schema(value_type = String)]
    pub(super) channel: &'i ChannelId,
    /// Your own id of the chat.
    pub(super) chat: &'i str,
    pub(super) message: WireMessage<'i>,
}

/// Whether there was something to forget.
#[derive(Serialize, ToSchema)]
pub(super) struct Forgotten {
    pub(super) forgotten: bool,
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
#[derive(Serialize, ToSchema)]
#[schema(as = Export)]
pub(super) struct WireExport<'i> {
    /// Your own id.
    chat: &'i str,
    /// What is known of the visitor; what is not known is left out or empty.
    #[schema(value_type = Object)]
    visitor: &'i Visitor,
    messages: Vec<WireMessage<'i>>,
    /// What the operators were told beside the messages.
    notes: Vec<String>,
    given_up: Vec<GivenUp<'i>>,
}

#[derive(Serialize, ToSchema)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = Slice)]
pub(super) struct WireSlice<'i> {
    cursor: i64,
    messages: Vec<WireMessage<'i>>,
    more: bool,
    /// Drop what you show and take these instead.
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
