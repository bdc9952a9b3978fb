//! Where a reply stands that may come later than ones that were written after it.

use super::chats::{POS_STEP, Place, next_place};
use super::fault::Result;
use openline_core::{ConversationId, Pos, Timestamp};
use sqlx::postgres::PgConnection;

/// The place at the end, or before the first reply that was written later but came earlier.
pub(crate) async fn place_by_remote(
    db: &mut PgConnection,
    id: ConversationId,
    remote: i64,
    at: Timestamp,
) -> Result<Place> {
    let sql = "UPDATE conversations SET newest_remote = $2 WHERE id = $1 AND newest_remote < $2";
    let newest = sqlx::query(sql).bind(id.0).bind(remote).execute(&mut *db).await?;
    if newest.rows_affected() > 0 {
        return next_place(db, id, at).await;
    }
    let late = late_pos(db, id, remote).await?;
    let place = next_place(db, id, at).await?;
    Ok(Place { pos: late.unwrap_or(place.pos), ..place })
}

/// The middle between the first later reply and what stands before it.
async fn late_pos(db: &mut PgConnection, id: ConversationId, remote: i64) -> Result<Option<Pos>> {
    let sql = "SELECT min(pos) FROM messages WHERE conversation = $1 AND remote > $2";
    let next: Option<i64> = sqlx::query_scalar(sql).bind(id.0).bind(remote).fetch_one(&mut *db).await?;
    let Some(mut next) = next else { return Ok(None) };
    let sql = "SELECT max(pos) FROM messages WHERE conversation = $1 AND pos < $2";
    let before: Option<i64> = sqlx::query_scalar(sql).bind(id.0).bind(next).fetch_one(&mut *db).await?;
    // Notes are below.
    let before = before.unwrap_or(0).max(0);
    if next - before < 2 {
        next = make_room(db, id, next).await?;
    }
    Ok(Some(Pos(before + (next - before) / 2)))
}

/// Moves the item at `pos` and all after it one step on; each has changed for those who follow. The new `pos`. The late
/// item takes a step at the end as every new one does, so that what comes next still stands behind all.
async fn make_room(db: &mut PgConnection, id: ConversationId, pos: i64) -> Result<i64> {
    sqlx::query(
        "WITH behind AS (SELECT m.id, c.rev + row_number() OVER (ORDER BY m.pos) AS rev \
            FROM messages m JOIN conversations c ON c.id = m.conversation WHERE m.conversation = $1 AND m.pos >= $2), \
         moved AS (UPDATE messages m SET pos = m.pos + $3, rev = behind.rev FROM behind WHERE m.id = behind.id) \
         UPDATE conversations SET rev = (SELECT max(rev) FROM behind) WHERE id = $1",
    )
    .bind(id.0)
    .bind(pos)
    .bind(POS_STEP)
    .execute(db)
    .await?;
    Ok(pos + POS_STEP)
}
