//! Messages' rows and the jobs about them, inside a conversation that this transaction has locked.

use super::fault::Result;
use super::row::{item as item_of, item_columns, to_json};
use crate::code::Stored;
use openline_core::message::{Item, Side};
use openline_core::store::{Queue, Work};
use openline_core::{ConversationId, MessageId, Timestamp};
use sqlx::postgres::PgConnection;

/// The item that is stored under a dedupe key.
pub(crate) async fn known(db: &mut PgConnection, id: ConversationId, side: Side, key: &str) -> Result<Option<Item>> {
    let row = sqlx::query(concat!(
        "SELECT ",
        item_columns!(),
        " FROM messages m WHERE m.conversation = $1 AND sha256(m.key) = sha256($2) AND m.side = $3"
    ))
    .bind(id.0)
    .bind(key.as_bytes())
    .bind(side.code())
    .fetch_optional(db)
    .await?;
    row.map(|row| item_of(&row, 0)).transpose()
}

/// Stores an item (its `id` is made here).
pub(crate) async fn insert(db: &mut PgConnection, id: ConversationId, item: &Item) -> Result<MessageId> {
    let delivered_as = (!item.delivered_as.is_empty()).then(|| to_json(&item.delivered_as)).transpose()?;
    let message = sqlx::query_scalar(
        "INSERT INTO messages (conversation, rev, pos, kind, side, state, key, author, content, at, remote, \
         tag, delivered_as) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
    )
    .bind(id.0)
    .bind(item.rev.0)
    .bind(item.pos.0)
    .bind(item.kind.code())
    .bind(item.side.code())
    .bind(item.state.code())
    .bind(item.key.as_bytes())
    .bind(item.author.as_deref().map(str::as_bytes))
    .bind(to_json(&item.content)?)
    .bind(item.at.0)
    .bind(item.remote)
    .bind(i64::from(item.tag.0))
    .bind(delivered_as)
    .fetch_one(db)
    .await?;
    Ok(MessageId(message))
}

/// Replaces an item's content.
pub(crate) async fn edit(db: &mut PgConnection, message: MessageId, content: &str) -> Result<()> {
    let sql = "UPDATE messages SET content = $2, edited = true WHERE id = $1";
    sqlx::query(sql).bind(message.0).bind(content).execute(db).await?;
    Ok(())
}

/// Empties an item.
pub(crate) async fn delete(db: &mut PgConnection, message: MessageId) -> Result<()> {
    let sql = "UPDATE messages SET content = '{}', deleted = true WHERE id = $1";
    sqlx::query(sql).bind(message.0).execute(db).await?;
    Ok(())
}

/// A job to be.
pub(crate) struct Errand {
    pub(crate) conversation: ConversationId,
    pub(crate) queue: Queue,
    pub(crate) work: Work,
    pub(crate) message: MessageId,
}

/// Puts jobs at the ends of their lanes, in their order.
pub(crate) async fn enqueue(db: &mut PgConnection, errands: &[Errand], at: Timestamp) -> Result<()> {
    sqlx::query(
        "WITH errand AS MATERIALIZED (SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::smallint[]) \
            WITH ORDINALITY k (conversation, queue, message, task, n)), \
         lane AS (INSERT INTO lanes (conversation, queue, due_at, fresh) \
            SELECT DISTINCT conversation, queue, $5::bigint, queue = $6 AND portal_chat IS NULL FROM errand \
            JOIN conversations c ON c.id = conversation ORDER BY conversation, queue \
            ON CONFLICT (conversation, queue) DO UPDATE SET due_at = coalesce(lanes.due_at, excluded.due_at) \
            RETURNING id, conversation, queue) \
         INSERT INTO jobs (lane, message, task, created_at) SELECT lane.id, errand.message, errand.task, $5 \
            FROM errand JOIN lane ON lane.conversation = errand.conversation AND lane.queue = errand.queue \
            ORDER BY errand.n",
    )
    .bind(errands.iter().map(|errand| errand.conversation.0).collect::<Vec<_>>())
    .bind(errands.iter().map(|errand| errand.queue.name()).collect::<Vec<_>>())
    .bind(errands.iter().map(|errand| errand.message.0).collect::<Vec<_>>())
    .bind(errands.iter().map(|errand| errand.work.code()).collect::<Vec<_>>())
    .bind(at.0)
    .bind(Queue::Backend.name())
    .execute(db)
    .await?;
    Ok(())
}
