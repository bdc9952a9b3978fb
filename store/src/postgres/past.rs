//! Dialogs that are over, or that another one followed, and whose histories are to be read once more.

use super::fault::Result;
use super::row::{column, conversation, conversation_columns, limit, text};
use openline_core::store::PastDialog;
use openline_core::{ConversationId, Timestamp};
use sqlx::postgres::PgConnection;

/// That dialog is over.
pub(crate) async fn add(db: &mut PgConnection, id: ConversationId, session: &str) -> Result<()> {
    sqlx::query(
        "INSERT INTO past_dialogs (conversation, session) VALUES ($1, $2) \
         ON CONFLICT (conversation, sha256(session)) DO UPDATE SET id = DEFAULT",
    )
    .bind(id.0)
    .bind(session.as_bytes())
    .execute(db)
    .await?;
    Ok(())
}

/// The dialogs that are known give way to the next ones, where those are others. Each conversation is named once.
pub(crate) async fn add_before(db: &mut PgConnection, next: &[(ConversationId, &str)]) -> Result<()> {
    if next.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO past_dialogs (conversation, session) SELECT c.id, c.session FROM conversations c \
         JOIN unnest($1::bigint[], $2::bytea[]) k (id, next) ON c.id = k.id WHERE c.session <> k.next \
         ON CONFLICT (conversation, sha256(session)) DO UPDATE SET id = DEFAULT",
    )
    .bind(next.iter().map(|(id, _)| id.0).collect::<Vec<_>>())
    .bind(next.iter().map(|(_, session)| session.as_bytes()).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}

pub(crate) async fn page(
    db: &mut PgConnection,
    after: i64,
    active_since: Timestamp,
    most: usize,
) -> Result<Vec<PastDialog>> {
    let rows = sqlx::query(concat!(
        "SELECT p.id, p.session, ",
        conversation_columns!(),
        " FROM past_dialogs p JOIN conversations c ON c.id = p.conversation \
         WHERE p.id > $1 AND c.active_at >= $2 ORDER BY p.id LIMIT $3"
    ))
    .bind(after)
    .bind(active_since.0)
    .bind(limit(most))
    .fetch_all(db)
    .await?;
    let past = |row| {
        let mut conversation = conversation(row, 2)?;
        conversation.thread.session = Some(text(column(row, 1)?)?);
        Ok(PastDialog { id: column(row, 0)?, conversation })
    };
    rows.iter().map(past).collect()
}

pub(crate) async fn forget(db: &mut PgConnection, ids: &[i64]) -> Result<()> {
    sqlx::query("DELETE FROM past_dialogs WHERE id = ANY($1)").bind(ids).execute(db).await?;
    Ok(())
}
