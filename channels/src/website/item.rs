//! Items as `docs/website-api.md` shows them.

use bytes::Bytes;
use openline_core::message::{Item, ItemKind, Side, State};
use openline_core::store::Slice;
use openline_core::text::RichText;
use serde::Serialize;

/// An item on the wire.
#[derive(Serialize)]
pub(super) struct WireItem<'i> {
    id: String,
    rev: i64,
    pos: i64,
    kind: ItemKind,
    from: Side,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'i str>,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rich: Option<&'i RichText>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<WireFile<'i>>,
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'i str>,
    #[serde(skip_serializing_if = "is_false")]
    edited: bool,
    #[serde(skip_serializing_if = "is_false")]
    deleted: bool,
}

#[derive(Serialize)]
struct WireFile<'i> {
    name: &'i str,
    mime: &'i str,
    size: u64,
    image: bool,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's shape
fn is_false(flag: &bool) -> bool {
    !flag
}

impl<'i> WireItem<'i> {
    /// An item; `base` is the page's path, for files.
    pub(super) fn new(item: &'i Item, base: &str) -> Self {
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
            files: files(item, base),
            at: item.at.0,
            key: own.then_some(&item.key),
            edited: item.edited,
            deleted: item.deleted,
        }
    }
}

fn files<'i>(item: &'i Item, base: &str) -> Vec<WireFile<'i>> {
    let wire = |(index, file): (usize, &'i openline_core::message::File)| WireFile {
        name: &file.name,
        mime: &file.mime,
        size: file.size.unwrap_or(0),
        image: file.is_picture(),
        url: format!("{base}files/{}/{index}", item.id),
        width: file.pixels.map(|(width, _)| width),
        height: file.pixels.map(|(_, height)| height),
    };
    item.content.files.iter().enumerate().map(wire).collect()
}

/// A part of a conversation on the wire.
#[derive(Serialize)]
pub(super) struct WireSlice<'i> {
    pub(super) cursor: i64,
    pub(super) items: Vec<WireItem<'i>>,
    pub(super) more: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) reset: bool,
}

impl<'i> WireSlice<'i> {
    /// News: when there are more, the cursor is at the last one given.
    pub(super) fn news(slice: &'i Slice, base: &str, reset: bool) -> Self {
        let last = slice.items.last().map(|item| item.rev.0).filter(|_| slice.more);
        Self { cursor: last.unwrap_or(slice.rev.0), items: wire(slice, base), more: slice.more, reset }
    }

    /// A page of history.
    pub(super) fn history(slice: &'i Slice, base: &str) -> Self {
        Self { cursor: slice.rev.0, items: wire(slice, base), more: slice.more, reset: false }
    }

    /// As it is sent.
    pub(super) fn json(&self) -> Bytes {
        // Made of texts and numbers only: there is nothing in it that JSON can't say.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// Nothing.
    pub(super) fn nothing(cursor: i64, reset: bool) -> Self {
        Self { cursor, items: Vec::new(), more: false, reset }
    }
}

fn wire<'i>(slice: &'i Slice, base: &str) -> Vec<WireItem<'i>> {
    slice.items.iter().map(|item| WireItem::new(item, base)).collect()
}
