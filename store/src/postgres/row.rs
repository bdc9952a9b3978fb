//! Rows to domain values and back.

use super::fault::{Fault, Result, corrupt};
use crate::code::Stored;
use openline_core::message::{Content, Conversation, Dialog, Item, ItemKind, Side, State, Thread};
use openline_core::store::{ShownJob, Work};
use openline_core::{ChannelId, ChatId, ConversationId, JobId, MessageId, Pos, Rev, StoreError, Tag, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::postgres::{PgRow, Postgres};

/// Columns of a message, in the order [`item`] reads them.
macro_rules! item_columns {
    () => {
        "m.id, m.rev, m.pos, m.kind, m.side, m.state, m.key, m.author, m.content, m.at, m.remote, m.delivered_as, \
         m.edited, m.deleted, m.tag"
    };
}
/// How many columns that are.
pub(crate) const ITEM_COLUMNS: usize = 15;

/// Columns of a conversation, in the order [`conversation`] reads them.
macro_rules! conversation_columns {
    () => {
        "c.id, c.channel, c.chat, c.visitor, c.line, c.portal_chat, c.session, c.dialog, c.rev"
    };
}
/// Jobs as [`shown`] reads them; `at` is what tells when.
macro_rules! shown_columns {
    ($at:literal, $which:literal) => {
        concat!(
            "SELECT j.id, c.channel, j.task, l.conversation, j.message, j.",
            $at,
            ", j.reason, j.attempts FROM jobs j JOIN lanes l ON l.id = j.lane JOIN conversations c ON c.id = l.conversation WHERE ",
            $which,
            " ORDER BY j.id LIMIT $2"
        )
    };
}
pub(crate) use {conversation_columns, item_columns, shown_columns};

pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| corrupt(e.to_string()))
}

pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    // The parser's own words may quote what somebody wrote.
    serde_json::from_str(text).map_err(|e| {
        let what = std::any::type_name::<T>();
        corrupt(format!("{what} is unreadable at its {}. character", e.column()))
    })
}

pub(crate) fn column<'r, T>(row: &'r PgRow, index: usize) -> Result<T>
where
    T: sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    Ok(row.try_get(index)?)
}

/// What somebody wrote, kept as bytes.
pub(crate) fn words(row: &PgRow, index: usize) -> Result<Option<String>> {
    let bytes: Option<Vec<u8>> = column(row, index)?;
    bytes.map(text).transpose()
}

pub(crate) fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| corrupt("a text is not UTF-8"))
}

pub(crate) fn item(row: &PgRow, at: usize) -> Result<Item> {
    let deleted: bool = column(row, at + 13)?;
    let content: &str = column(row, at + 8)?;
    let delivered_as: Option<&str> = column(row, at + 11)?;
    Ok(Item {
        id: MessageId(column(row, at)?),
        rev: Rev(column(row, at + 1)?),
        pos: Pos(column(row, at + 2)?),
        kind: ItemKind::of(column(row, at + 3)?)?,
        side: Side::of(column(row, at + 4)?)?,
        state: State::of(column(row, at + 5)?)?,
        key: text(column(row, at + 6)?)?,
        author: words(row, at + 7)?,
        content: if deleted { Content::default() } else { from_json(content)? },
        at: Timestamp(column(row, at + 9)?),
        remote: column(row, at + 10)?,
        delivered_as: delivered_as.map(from_json).transpose()?.unwrap_or_default(),
        edited: column(row, at + 12)?,
        tag: Tag(u32::try_from(column::<i64>(row, at + 14)?).unwrap_or_default()),
        deleted,
    })
}

pub(crate) fn conversation(row: &PgRow, at: usize) -> Result<Conversation> {
    let invalid = |e: openline_core::id::InvalidId| Fault::Told(StoreError::Corrupt(e.to_string()));
    Ok(Conversation {
        id: ConversationId(column(row, at)?),
        channel: ChannelId::parse(column(row, at + 1)?).map_err(invalid)?,
        chat: ChatId::parse(column(row, at + 2)?).map_err(invalid)?,
        visitor: from_json(column(row, at + 3)?)?,
        thread: Thread { line: words(row, at + 4)?, chat: words(row, at + 5)?, session: words(row, at + 6)? },
        dialog: Dialog::of(column(row, at + 7)?)?,
        rev: Rev(column(row, at + 8)?),
    })
}

pub(crate) fn shown(row: &PgRow) -> Result<ShownJob> {
    let attempts: i32 = column(row, 7)?;
    Ok(ShownJob {
        job: JobId(column(row, 0)?),
        channel: ChannelId::parse(column(row, 1)?).map_err(|error| corrupt(error.to_string()))?,
        work: Work::of(column(row, 2)?)?,
        conversation: ConversationId(column(row, 3)?),
        message: MessageId(column(row, 4)?),
        at: Timestamp(column(row, 5)?),
        reason: words(row, 6)?.unwrap_or_default(),
        attempts: u32::try_from(attempts).unwrap_or(0),
    })
}

/// A number of rows for `LIMIT`.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
