//! Keeps which dialogs are over, or had to give way to another one.

use super::fault::Result;
use openline_core::ConversationId;
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
