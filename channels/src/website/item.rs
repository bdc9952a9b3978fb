//! Items as `docs/website-api.md` shows them.

use crate::common::schema::{WireKind, WireSide, WireState};
use bytes::Bytes;
use openline_core::message::{Item, ItemKind, Side, State};
use openline_core::store::Slice;
use openline_core::text::RichText;
use serde::Serialize;
use utoipa::ToSchema;

/// An item on the wire.
#[derive(Serialize, ToSchema)]
#[schema(as = Item)]
pub(in crate::website) struct WireItem<'i> {
    /// Unique in this channel.
    id: String,
    /// The conversation's revision at which it last changed.
    rev: i64,
    /// Where it stands; sort by it.
    pos: i64,
    #[schema(value_type = WireKind)]
    kind: ItemKind,
    #[schema(value_type = WireSide)]
    from: Side,
    /// Of the visitor's own: stored here, at the portal, given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = WireState)]
    state: Option<State>,
    /// Who wrote it, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<&'i str>,
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
    /// Of the visitor's own: the key that they were sent with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<&'i str>,
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
    size: u64,
    image: bool,
    /// Needs the session, or is good for a quarter of an hour without one.
    url: String,
    /// In pixels, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    height: Option<u32>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's shape
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Tells where the reader of an item finds its files.
pub(in crate::website) trait FileAddress {
    /// The address of one.
    fn address(&self, item: &Item, index: usize) -> String;
}

/// A page's path: the address needs the session's cookie.
impl FileAddress for String {
    fn address(&self, item: &Item, index: usize) -> String {
        format!("{self}files/{}/{index}", item.id)
    }
}

impl<'i> WireItem<'i> {
    /// An item, with the addresses of its files.
    pub(in crate::website) fn new(item: &'i Item, links: &impl FileAddress) -> Self {
        let own = item.side == Side::Visitor;
        Self {
            id: item.id.to_string(),
            rev: item.rev.0,
            pos: item.pos.0,
            kind: item.kind,
            from: item.side,
            state: own.then_some(item.state),
            name: item.author.as_deref(),
            text: item.content.text.to_plain(),
            rich: (!item.content.text.is_plain()).then_some(&item.content.text),
            files: files(item, links),
            at: item.at.0,
            key: own.then_some(&item.key),
            edited: item.edited,
            deleted: item.deleted,
        }
    }
}

fn files<'i>(item: &'i Item, links: &impl FileAddress) -> Vec<WireFile<'i>> {
    let wire = |(index, file): (usize, &'i openline_core::message::File)| WireFile {
        name: &file.name,
        mime: &file.mime,
        size: file.size.unwrap_or(0),
        image: file.is_picture(),
        url: links.address(item, index),
        width: file.pixels.map(|(width, _)| width),
        height: file.pixels.map(|(_, height)| height),
    };
    item.content.files.iter().enumerate().map(wire).collect()
}

/// A part of a conversation on the wire.
#[derive(Serialize, ToSchema)]
#[schema(as = Slice)]
pub(in crate::website) struct WireSlice<'i> {
    pub(in crate::website) cursor: i64,
    pub(in crate::website) items: Vec<WireItem<'i>>,
    pub(in crate::website) more: bool,
    /// Drop what you show and take these instead.
    #[serde(skip_serializing_if = "is_false")]
    pub(in crate::website) reset: bool,
}

impl<'i> WireSlice<'i> {
    /// News: when there are more, the cursor is at the last one given.
    pub(in crate::website) fn news(slice: &'i Slice, links: &impl FileAddress, reset: bool) -> Self {
        let last = slice.items.last().map(|item| item.rev.0).filter(|_| slice.more);
        Self { cursor: last.unwrap_or(slice.rev.0), items: wire(slice, links), more: slice.more, reset }
    }

    /// A page of history.
    pub(in crate::website) fn history(slice: &'i Slice, links: &impl FileAddress) -> Self {
        Self { cursor: slice.rev.0, items: wire(slice, links), more: slice.more, reset: false }
    }

    /// As it is sent.
    pub(in crate::website) fn json(&self) -> Bytes {
        // Made of texts and numbers only: there is nothing in it that JSON can't say.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// Nothing.
    pub(in crate::website) fn nothing(cursor: i64, reset: bool) -> Self {
        Self { cursor, items: Vec::new(), more: false, reset }
    }
}

fn wire<'i>(slice: &'i Slice, links: &impl FileAddress) -> Vec<WireItem<'i>> {
    slice.items.iter().map(|item| WireItem::new(item, links)).collect()
}
