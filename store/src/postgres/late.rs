//! Where stands what comes later than its place: a reply that was written before others, a greeting, the start of a dialog.

use super::chats::next_place;
use super::fault::Result;
use crate::code::Stored;
use openline_core::message::{ItemKind, Side};
use openline_core::steps::{POS_STEP, Place, Stands, Written, between};
use openline_core::{ConversationId, Timestamp};
use sqlx::postgres::PgConnection;

/// The place at the end, or before the first reply that was written later but came earlier. A greeting stands before what
/// the visitor wrote last.
pub(crate) async fn place_by_remote(
    db: &mut PgConnection,
    id: ConversationId,
    written: &Written,
    at: Timestamp,
) -> Result<Place> {
    let sql = "UPDATE conversations SET newest_remote = $2 WHERE id = $1 AND newest_remote < $2";
    let newest = sqlx::query(sql).bind(id.0).bind(written.remote).execute(&mut *db).await?.rows_affected() > 0;
    let next = match Stands::of(newest, written.greets) {
        Stands::AtTheEnd => None,
        Stands::BeforeLastWords => last_words(db, id).await?,
        Stands::BeforeLater => {
            let sql = "SELECT min(pos) FROM messages WHERE conversation = $1 AND remote > $2";
            sqlx::query_scalar(sql).bind(id.0).bind(written.remote).fetch_one(&mut *db).await?
        }
    };
    place_before(db, id, next, at).await
}

/// Where what began a dialog stands, when its start is told only afterwards: the visitor's last words, or else the first
/// ones since the dialog before.
pub(crate) async fn opening(db: &mut PgConnection, id: ConversationId) -> Result<Option<i64>> {
    if let Some(last) = last_words(db, id).await? {
        return Ok(Some(last));
    }
    let sql = "SELECT min(pos) FROM messages WHERE conversation = $1 AND side = $2 AND pos > coalesce((SELECT pos FROM \
               messages WHERE conversation = $1 AND pos > 0 AND kind IN ($3, $4) ORDER BY pos DESC LIMIT 1), 0)";
    let asked = sqlx::query_scalar(sql).bind(id.0).bind(Side::Visitor.code());
    let asked = asked.bind(ItemKind::DialogStarted.code()).bind(ItemKind::DialogFinished.code());
    Ok(asked.fetch_one(&mut *db).await?)
}

/// The first of the visitor's messages that nobody has answered; `None` when the last word is another's.
async fn last_words(db: &mut PgConnection, id: ConversationId) -> Result<Option<i64>> {
    let sql = "SELECT min(pos) FROM messages WHERE conversation = $1 AND pos > coalesce((SELECT pos FROM messages WHERE \
               conversation = $1 AND pos > 0 AND side <> $2 ORDER BY pos DESC LIMIT 1), 0)";
    Ok(sqlx::query_scalar(sql).bind(id.0).bind(Side::Visitor.code()).fetch_one(&mut *db).await?)
}

/// The middle between the item at `next` and what stands before it, or the place at the end.
pub(crate) async fn place_before(
    db: &mut PgConnection,
    id: ConversationId,
    next: Option<i64>,
    at: Timestamp,
) -> Result<Place> {
    let Some(next) = next else { return next_place(db, id, at).await };
    let sql = "SELECT max(pos) FROM messages WHERE conversation = $1 AND pos < $2";
    let (pos, crowded) = between(sqlx::query_scalar(sql).bind(id.0).bind(next).fetch_one(&mut *db).await?, next);
    if crowded {
        make_room(db, id, next).await?;
    }
    Ok(Place { pos, ..next_place(db, id, at).await? })
}

/// Moves the item at `pos` and all after it one step on; each has changed for those who follow. The late
/// item takes a step at the end as every new one does, so that what comes next still stands behind all.
async fn make_room(db: &mut PgConnection, id: ConversationId, pos: i64) -> Result<()> {
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
    Ok(())
}
