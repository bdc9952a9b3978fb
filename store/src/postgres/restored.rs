//! Whether the database is the one that was here last, or a backup of it, or a server that took another one's place and
//! may not have all that was confirmed by it.

use super::fault::Result;
use sqlx::postgres::PgConnection;

/// The server's cluster and its timeline, which a restore to a point in time and a takeover by a standby change, and the
/// table's number, which a dump that is read in changes.
const PLACE: &str = "SELECT (SELECT system_identifier::text FROM pg_control_system()) || '/' || \
    substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '/' || 'messages'::regclass::oid::text";

/// Compares with where the database was last, and keeps it when that was elsewhere. To be called within a transaction.
pub(crate) async fn look(db: &mut PgConnection) -> Result<()> {
    let now: String = sqlx::query_scalar(PLACE).fetch_one(&mut *db).await?;
    let sql = "SELECT value FROM openline WHERE key = 'place'";
    let known: Option<String> = sqlx::query_scalar(sql).fetch_optional(&mut *db).await?;
    if known.as_ref() == Some(&now) {
        return Ok(());
    }
    if known.is_some() {
        tracing::warn!("the database came from a backup or another server: what is missing in it is fetched back");
        put(db, "restored", "yes").await?;
    }
    put(db, "place", &now).await
}

async fn put(db: &mut PgConnection, key: &str, value: &str) -> Result<()> {
    let sql =
        "INSERT INTO openline (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    sqlx::query(sql).bind(key).bind(value).execute(db).await?;
    Ok(())
}

pub(crate) async fn is_restored(db: &mut PgConnection) -> Result<bool> {
    Ok(sqlx::query("SELECT 1 FROM openline WHERE key = 'restored'").fetch_optional(db).await?.is_some())
}

pub(crate) async fn made_good(db: &mut PgConnection) -> Result<()> {
    sqlx::query("DELETE FROM openline WHERE key = 'restored'").execute(db).await?;
    Ok(())
}
