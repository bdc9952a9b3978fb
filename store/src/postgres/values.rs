//! Adapters' own values.

use super::PostgresStore;
use super::database::{query, transaction};
use super::fault::Result;
use super::row::{column, text};
use async_trait::async_trait;
use openline_core::StoreError;
use openline_core::store::{Expect, Values};
use sqlx::postgres::PgConnection;

const NEW: &str = "INSERT INTO state (key, value) VALUES ($1, $2) ON CONFLICT (sha256(key)) DO NOTHING";

#[async_trait]
impl Values for PostgresStore {
    async fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        query!(self.database, db => get(db, key))
    }

    async fn state_put(&self, key: &str, value: &[u8], expect: Expect<'_>) -> Result<(), StoreError> {
        transaction!(self.database, db => put(db, key, value, expect))?;
        self.tell_value(key);
        Ok(())
    }

    async fn state_delete(&self, key: &str) -> Result<(), StoreError> {
        transaction!(self.database, db => delete(db, key))?;
        self.tell_value(key);
        Ok(())
    }

    async fn state_list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        query!(self.database, db => list(db, prefix))
    }
}

pub(crate) async fn get(db: &mut PgConnection, key: &str) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT value FROM state WHERE sha256(key) = sha256($1)";
    Ok(sqlx::query_scalar(sql).bind(key.as_bytes()).fetch_optional(db).await?)
}

pub(crate) async fn put(db: &mut PgConnection, key: &str, value: &[u8], expect: Expect<'_>) -> Result<()> {
    let query = match expect {
        Expect::Anything => sqlx::query(
            "INSERT INTO state (key, value) VALUES ($1, $2) \
             ON CONFLICT (sha256(key)) DO UPDATE SET value = excluded.value",
        ),
        Expect::Nothing => sqlx::query(NEW),
        Expect::Value(_) => sqlx::query("UPDATE state SET value = $2 WHERE sha256(key) = sha256($1) AND value = $3"),
    };
    let query = query.bind(key.as_bytes()).bind(value);
    let query = if let Expect::Value(expected) = expect { query.bind(expected) } else { query };
    match query.execute(db).await?.rows_affected() {
        0 => Err(StoreError::Conflict.into()),
        _ => Ok(()),
    }
}

/// Puts a value where there is none; one that is there stays.
pub(crate) async fn put_new(db: &mut PgConnection, key: &str, value: &[u8]) -> Result<()> {
    sqlx::query(NEW).bind(key.as_bytes()).bind(value).execute(db).await?;
    Ok(())
}

pub(crate) async fn delete(db: &mut PgConnection, key: &str) -> Result<()> {
    let sql = "DELETE FROM state WHERE sha256(key) = sha256($1)";
    sqlx::query(sql).bind(key.as_bytes()).execute(db).await?;
    Ok(())
}

pub(crate) async fn list(db: &mut PgConnection, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
    // The index has the beginnings of the keys; whatever begins with the prefix stands behind the prefix's beginning.
    let rows = sqlx::query(
        "SELECT key, value FROM state WHERE substring(key FROM 1 FOR 256) >= substring($1 FROM 1 FOR 256) \
         AND substring(key FROM 1 FOR 256) < $2 AND substring(key FROM 1 FOR length($1)) = $1 ORDER BY key",
    )
    .bind(prefix.as_bytes())
    .bind(end(prefix))
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok((text(column(row, 0)?)?, column(row, 1)?))).collect()
}

/// Bytes that stand behind everything that begins with the prefix's first bytes. (No UTF-8 has the byte 255.)
fn end(prefix: &str) -> Vec<u8> {
    let mut end: Vec<u8> = prefix.bytes().take(256).collect();
    end.push(0xff);
    end
}
