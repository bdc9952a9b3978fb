//! What a visitor's page and an admin ask for.

use super::fault::Result;
use super::row::{column, conversation as conversation_of, conversation_columns, item as item_of, item_columns, limit};
use crate::code::Stored;
use openline_core::message::{Conversation, Dialog, Item};
use openline_core::store::Slice;
use openline_core::{ChannelId, ChatId, ConversationId, MessageId, Pos, Rev, StoreError, Timestamp};
use sqlx::postgres::PgConnection;

pub(crate) async fn conversation(
    db: &mut PgConnection,
    channel: &ChannelId,
    chat: &ChatId,
) -> Result<Option<Conversation>> {
    let row = sqlx::query(concat!(
        "SELECT ",
        conversation_columns!(),
        " FROM conversations c WHERE c.channel = $1 AND c.chat = $2"
    ))
    .bind(channel.as_str())
    .bind(chat.as_str())
    .fetch_optional(db)
    .await?;
    row.map(|row| conversation_of(&row, 0)).transpose()
}

pub(crate) async fn conversation_by_id(db: &mut PgConnection, id: ConversationId) -> Result<Option<Conversation>> {
    let row = sqlx::query(concat!("SELECT ", conversation_columns!(), " FROM conversations c WHERE c.id = $1"))
        .bind(id.0)
        .fetch_optional(db)
        .await?;
    row.map(|row| conversation_of(&row, 0)).transpose()
}

/// The next conversations, as far as they can be read.
pub(crate) async fn page(
    db: &mut PgConnection,
    after: ConversationId,
) -> Result<Vec<(i64, std::result::Result<Conversation, StoreError>)>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        conversation_columns!(),
        " FROM conversations c WHERE c.id > $1 ORDER BY c.id LIMIT 1000"
    ))
    .bind(after.0)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok((column(row, 0)?, conversation_of(row, 0).map_err(StoreError::from)))).collect()
}

pub(crate) async fn idle(
    db: &mut PgConnection,
    before: Timestamp,
    after: Option<ConversationId>,
    most: usize,
) -> Result<Vec<ConversationId>> {
    // A lane with living jobs is due at some time.
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT c.id FROM conversations c WHERE c.id > $1 AND c.active_at < $2 AND NOT EXISTS \
         (SELECT 1 FROM lanes l WHERE l.conversation = c.id AND l.due_at IS NOT NULL) ORDER BY c.id LIMIT $3",
    )
    .bind(after.unwrap_or_default().0)
    .bind(before.0)
    .bind(limit(most))
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

pub(crate) async fn untouched(
    db: &mut PgConnection,
    before: Timestamp,
    after: Option<ConversationId>,
    most: usize,
) -> Result<Vec<ConversationId>> {
    let sql = "SELECT id FROM conversations WHERE id > $1 AND active_at < $2 ORDER BY id LIMIT $3";
    let query = sqlx::query_scalar(sql).bind(after.unwrap_or_default().0).bind(before.0).bind(limit(most));
    let ids: Vec<i64> = query.fetch_all(db).await?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

pub(crate) async fn following(
    db: &mut PgConnection,
    after: Option<ConversationId>,
    active_since: Timestamp,
    most: usize,
) -> Result<Vec<Conversation>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        conversation_columns!(),
        " FROM conversations c WHERE c.dialog = 1 AND c.id > $1 AND c.active_at >= $2 ORDER BY c.id LIMIT $3"
    ))
    .bind(after.unwrap_or_default().0)
    .bind(active_since.0)
    .bind(limit(most))
    .fetch_all(db)
    .await?;
    // The number is in the statement, so that the index of open conversations serves it.
    debug_assert_eq!(Dialog::Open.code(), 1);
    rows.iter().map(|row| conversation_of(row, 0)).collect()
}

pub(crate) async fn items_since(db: &mut PgConnection, id: ConversationId, since: Rev, most: usize) -> Result<Slice> {
    // The revision is read first: what is committed between the two statements comes with the next call.
    let rev = revision(db, id).await?;
    if most == 0 || rev <= since {
        return Ok(Slice { items: Vec::new(), more: rev > since, rev });
    }
    let rows = sqlx::query(concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = $1 AND m.rev > $2 AND m.rev <= $3 ORDER BY m.rev LIMIT $4"
    ))
    .bind(id.0)
    // Notes are below.
    .bind(since.0.max(0))
    .bind(rev.0)
    .bind(beyond(most))
    .fetch_all(db)
    .await?;
    let items: Result<Vec<_>> = rows.iter().map(|row| item_of(row, 0)).collect();
    Ok(cut(items?, most, rev))
}

pub(crate) async fn items_before(
    db: &mut PgConnection,
    id: ConversationId,
    before: Option<Pos>,
    most: usize,
) -> Result<Slice> {
    let rev = revision(db, id).await?;
    let rows = sqlx::query(concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = $1 AND m.pos > 0 AND m.pos < $2 ORDER BY m.pos DESC LIMIT $3"
    ))
    .bind(id.0)
    .bind(before.map_or(i64::MAX, |pos| pos.0))
    .bind(beyond(most))
    .fetch_all(db)
    .await?;
    let items: Result<Vec<_>> = rows.iter().map(|row| item_of(row, 0)).collect();
    let mut slice = cut(items?, most, rev);
    slice.items.reverse();
    Ok(slice)
}

pub(crate) async fn notes(
    db: &mut PgConnection,
    id: ConversationId,
    after: Option<MessageId>,
    most: usize,
) -> Result<Vec<Item>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = $1 AND m.pos < 0 AND m.id > $2 ORDER BY m.id LIMIT $3"
    ))
    .bind(id.0)
    .bind(after.unwrap_or_default().0)
    .bind(limit(most))
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| item_of(row, 0)).collect()
}

pub(crate) async fn item(db: &mut PgConnection, id: ConversationId, message: MessageId) -> Result<Option<Item>> {
    let row =
        sqlx::query(concat!("SELECT ", item_columns!(), " FROM messages m WHERE m.id = $2 AND m.conversation = $1"))
            .bind(id.0)
            .bind(message.0)
            .fetch_optional(db)
            .await?;
    row.map(|row| item_of(&row, 0)).transpose()
}

async fn revision(db: &mut PgConnection, id: ConversationId) -> Result<Rev> {
    let sql = "SELECT rev FROM conversations WHERE id = $1";
    let row = sqlx::query(sql).bind(id.0).fetch_optional(db).await?;
    Ok(Rev(row.map(|row| column(&row, 0)).transpose()?.unwrap_or(0)))
}

/// One more than asked for tells whether there are more.
fn beyond(most: usize) -> i64 {
    limit(most).saturating_add(1)
}

fn cut(mut items: Vec<Item>, most: usize, rev: Rev) -> Slice {
    let more = items.len() > most;
    items.truncate(most);
    Slice { items, more, rev }
}
