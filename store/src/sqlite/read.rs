//! What a visitor's page and an admin ask for.

use super::row::{
    Result, Stored, all, column, conversation as conversation_of, conversation_columns, first, item as item_of,
    item_columns,
};
use openline_core::message::{Conversation, Dialog, Item, Side};
use openline_core::store::{Queue, ShownJob, Slice, Work};
use openline_core::visitor::Wanted;
use openline_core::{ChannelId, ChatId, ConversationId, JobId, MessageId, Pos, Rev, StoreError, Timestamp};
use rusqlite::Connection;

/// How many conversations are looked at in one read.
const VISITORS: i64 = 1000;

pub(crate) fn conversation(db: &Connection, channel: &ChannelId, chat: &ChatId) -> Result<Option<Conversation>> {
    let sql = concat!("SELECT ", conversation_columns!(), " FROM conversations c WHERE c.channel = ?1 AND c.chat = ?2");
    first(db, sql, (channel.as_str(), chat.as_str()), |row| conversation_of(row, 0))
}

pub(crate) fn conversation_by_id(db: &Connection, id: ConversationId) -> Result<Option<Conversation>> {
    let sql = concat!("SELECT ", conversation_columns!(), " FROM conversations c WHERE c.id = ?1");
    first(db, sql, [id.0], |row| conversation_of(row, 0))
}

/// Those of the next conversations whose visitor is wanted, and where to go on.
pub(crate) fn visitors(
    db: &Connection,
    wanted: &Wanted,
    after: ConversationId,
) -> Result<(Vec<Conversation>, Option<ConversationId>)> {
    let sql =
        concat!("SELECT ", conversation_columns!(), " FROM conversations c WHERE c.id > ?1 ORDER BY c.id LIMIT ?2");
    let page = all(db, sql, (after.0, VISITORS), |row| Ok((column(row, 0)?, conversation_of(row, 0))))?;
    let last = page.last().map(|(id, _)| ConversationId(*id));
    Ok((crate::search::fitting(page, wanted), last))
}

pub(crate) fn idle(
    db: &Connection,
    before: Timestamp,
    after: Option<ConversationId>,
    limit: usize,
) -> Result<Vec<ConversationId>> {
    // A lane with living jobs is due at some time.
    let sql = "SELECT c.id FROM conversations c WHERE c.id > ?1 AND c.active_at < ?2 AND NOT EXISTS \
               (SELECT 1 FROM lanes l WHERE l.conversation = c.id AND l.due_at IS NOT NULL) ORDER BY c.id LIMIT ?3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    all(db, sql, (after.unwrap_or_default().0, before.0, limit), |row| Ok(ConversationId(column(row, 0)?)))
}

pub(crate) fn untouched(
    db: &Connection,
    before: Timestamp,
    after: Option<ConversationId>,
    limit: usize,
) -> Result<Vec<ConversationId>> {
    let sql = "SELECT id FROM conversations WHERE id > ?1 AND active_at < ?2 ORDER BY id LIMIT ?3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    all(db, sql, (after.unwrap_or_default().0, before.0, limit), |row| Ok(ConversationId(column(row, 0)?)))
}

pub(crate) fn following(
    db: &Connection,
    after: Option<ConversationId>,
    active_since: Timestamp,
    limit: usize,
) -> Result<Vec<Conversation>> {
    let sql = concat!(
        "SELECT ",
        conversation_columns!(),
        " FROM conversations c \
         WHERE c.dialog = ?1 AND c.id > ?2 AND c.active_at >= ?3 ORDER BY c.id LIMIT ?4"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = (Dialog::Open.code(), after.unwrap_or_default().0, active_since.0, limit);
    all(db, sql, values, |row| conversation_of(row, 0))
}

pub(crate) fn items_since(db: &Connection, id: ConversationId, since: Rev, limit: usize) -> Result<Slice> {
    // The revision is read first: what is committed between the two statements comes with the next call.
    let rev = revision(db, id)?;
    if limit == 0 {
        return Ok(Slice { items: Vec::new(), more: rev > since, rev });
    }
    let sql = concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = ?1 AND m.rev > ?2 AND m.rev <= ?3 ORDER BY m.rev LIMIT ?4"
    );
    // Notes are below.
    let since = since.0.max(0);
    let items = all(db, sql, (id.0, since, rev.0, beyond(limit)), |row| item_of(row, 0))?;
    Ok(cut(items, limit, rev))
}

pub(crate) fn items_before(db: &Connection, id: ConversationId, before: Option<Pos>, limit: usize) -> Result<Slice> {
    let rev = revision(db, id)?;
    let sql = concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = ?1 AND m.pos > 0 AND m.pos < ?2 \
         ORDER BY m.pos DESC LIMIT ?3"
    );
    let before = before.map_or(i64::MAX, |pos| pos.0);
    let items = all(db, sql, (id.0, before, beyond(limit)), |row| item_of(row, 0))?;
    let mut slice = cut(items, limit, rev);
    slice.items.reverse();
    Ok(slice)
}

pub(crate) fn notes(db: &Connection, id: ConversationId, after: Option<MessageId>, limit: usize) -> Result<Vec<Item>> {
    let sql = concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = ?1 AND m.pos < 0 AND m.id > ?2 ORDER BY m.id LIMIT ?3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    all(db, sql, (id.0, after.unwrap_or_default().0, limit), |row| item_of(row, 0))
}

pub(crate) fn item(db: &Connection, id: ConversationId, message: MessageId) -> Result<Option<Item>> {
    let sql = concat!("SELECT ", item_columns!(), " FROM messages m WHERE m.id = ?2 AND m.conversation = ?1");
    first(db, sql, (id.0, message.0), |row| item_of(row, 0))
}

/// `at` is what tells when.
macro_rules! letters {
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

pub(crate) fn dead_letters(db: &Connection, after: Option<JobId>, limit: usize) -> Result<Vec<ShownJob>> {
    let sql = letters!("dead_at", "j.dead_at IS NOT NULL AND j.id > ?1");
    all(db, sql, (after.unwrap_or_default().0, i64::try_from(limit).unwrap_or(i64::MAX)), letter)
}

pub(crate) fn waiting(db: &Connection, queue: &Queue, limit: usize) -> Result<Vec<ShownJob>> {
    let sql = letters!("created_at", "j.dead_at IS NULL AND l.queue = ?1");
    all(db, sql, (queue.name(), i64::try_from(limit).unwrap_or(i64::MAX)), letter)
}

fn letter(row: &rusqlite::Row<'_>) -> Result<ShownJob> {
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

fn revision(db: &Connection, id: ConversationId) -> Result<Rev> {
    let rev = first(db, "SELECT rev FROM conversations WHERE id = ?1", [id.0], |row| column(row, 0))?;
    Ok(Rev(rev.unwrap_or(0)))
}

/// One more than asked for tells whether there are more.
fn beyond(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

fn cut(mut items: Vec<Item>, limit: usize, rev: Rev) -> Slice {
    let more = items.len() > limit;
    items.truncate(limit);
    Slice { items, more, rev }
}

/// The item that is stored under a dedupe key.
pub(crate) fn known(db: &Connection, id: ConversationId, side: Side, key: &str) -> Result<Option<Item>> {
    let sql = concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = ?1 AND m.key = ?2 AND m.side = ?3"
    );
    first(db, sql, (id.0, key, side.code()), |row| item_of(row, 0))
}
