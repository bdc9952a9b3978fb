//! Rows to domain values and back.

pub(crate) use crate::code::Stored;
use openline_core::message::{Content, Conversation, Dialog, Item, ItemKind, Side, State, Thread};
use openline_core::store::{ShownJob, Work};
use openline_core::{ChannelId, ChatId, ConversationId, JobId, MessageId, Pos, Rev, StoreError, Tag, Timestamp};
use rusqlite::{CachedStatement, Connection, ErrorCode, Params, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// SQLite's errors as ours.
pub(crate) fn failed(error: &rusqlite::Error) -> StoreError {
    use rusqlite::Error as E;
    let code = error.sqlite_error_code();
    let corrupt =
        matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation))
            || matches!(
                error,
                E::FromSqlConversionFailure(..) | E::InvalidColumnType(..) | E::IntegralValueOutOfRange(..)
            );
    if corrupt { StoreError::Corrupt(error.to_string()) } else { StoreError::Unavailable(error.to_string()) }
}

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
            " ORDER BY j.id LIMIT ?2"
        )
    };
}
pub(crate) use {conversation_columns, item_columns, shown_columns};

pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| StoreError::Corrupt(e.to_string()))
}

pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    // The parser's own words may quote what somebody wrote.
    serde_json::from_str(text).map_err(|e| {
        let what = std::any::type_name::<T>();
        StoreError::Corrupt(format!("{what} is unreadable at its {}. character", e.column()))
    })
}

pub(crate) fn column<T: rusqlite::types::FromSql>(row: &Row<'_>, index: usize) -> Result<T> {
    row.get(index).map_err(|e| failed(&e))
}

pub(crate) fn item(row: &Row<'_>, at: usize) -> Result<Item> {
    let deleted = column::<bool>(row, at + 13)?;
    let content: String = column(row, at + 8)?;
    let delivered_as: Option<String> = column(row, at + 11)?;
    Ok(Item {
        id: MessageId(column(row, at)?),
        rev: Rev(column(row, at + 1)?),
        pos: Pos(column(row, at + 2)?),
        kind: ItemKind::of(column(row, at + 3)?)?,
        side: Side::of(column(row, at + 4)?)?,
        state: State::of(column(row, at + 5)?)?,
        key: column(row, at + 6)?,
        author: column(row, at + 7)?,
        content: if deleted { Content::default() } else { from_json(&content)? },
        at: Timestamp(column(row, at + 9)?),
        remote: column(row, at + 10)?,
        delivered_as: delivered_as.as_deref().map(from_json).transpose()?.unwrap_or_default(),
        edited: column(row, at + 12)?,
        tag: Tag(column(row, at + 14)?),
        deleted,
    })
}

pub(crate) fn conversation(row: &Row<'_>, at: usize) -> Result<Conversation> {
    let text = |index: usize| column::<String>(row, at + index);
    let corrupt = |e: openline_core::id::InvalidId| StoreError::Corrupt(e.to_string());
    Ok(Conversation {
        id: ConversationId(column(row, at)?),
        channel: ChannelId::parse(&text(1)?).map_err(corrupt)?,
        chat: ChatId::parse(&text(2)?).map_err(corrupt)?,
        visitor: from_json(&text(3)?)?,
        thread: Thread { line: column(row, at + 4)?, chat: column(row, at + 5)?, session: column(row, at + 6)? },
        dialog: Dialog::of(column(row, at + 7)?)?,
        rev: Rev(column(row, at + 8)?),
    })
}

pub(crate) fn shown(row: &Row<'_>) -> Result<ShownJob> {
    let channel: String = column(row, 1)?;
    Ok(ShownJob {
        job: JobId(column(row, 0)?),
        channel: ChannelId::parse(&channel).map_err(|error| StoreError::Corrupt(error.to_string()))?,
        work: Work::of(column(row, 2)?)?,
        conversation: ConversationId(column(row, 3)?),
        message: MessageId(column(row, 4)?),
        at: Timestamp(column(row, 5)?),
        reason: column::<Option<String>>(row, 6)?.unwrap_or_default(),
        attempts: column(row, 7)?,
    })
}

pub(crate) fn statement<'db>(db: &'db Connection, sql: &str) -> Result<CachedStatement<'db>> {
    let statement = db.prepare_cached(sql).map_err(|e| failed(&e))?;
    #[cfg(test)]
    super::tests::look_at(sql, &statement);
    Ok(statement)
}

/// Runs a statement that returns nothing; how many rows it changed.
pub(crate) fn execute(db: &Connection, sql: &str, params: impl Params) -> Result<usize> {
    statement(db, sql)?.execute(params).map_err(|e| failed(&e))
}

/// The first row of a query.
pub(crate) fn first<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut statement = statement(db, sql)?;
    let mut rows = statement.query(params).map_err(|e| failed(&e))?;
    rows.next().map_err(|e| failed(&e))?.map(read).transpose()
}

/// The only row of a query that always has one.
pub(crate) fn only<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<T> {
    first(db, sql, params, read)?.ok_or_else(|| StoreError::Corrupt(format!("no row for {sql}")))
}

/// All rows of a query.
pub(crate) fn all<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = statement(db, sql)?;
    let mut rows = statement.query(params).map_err(|e| failed(&e))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(|e| failed(&e))? {
        found.push(read(row)?);
    }
    Ok(found)
}
