//! Adapters' own values.

use super::SqliteStore;
use super::row::{Result, all, column, execute, first};
use async_trait::async_trait;
use openline_core::StoreError;
use openline_core::store::{Expect, News, Values};
use rusqlite::Connection;

#[async_trait]
impl Values for SqliteStore {
    async fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let key = key.to_owned();
        self.threads.read(move |db| get(db, &key)).await
    }

    async fn state_put(&self, key: &str, value: &[u8], expect: Expect<'_>) -> Result<(), StoreError> {
        let (own, value) = (key.to_owned(), value.to_owned());
        let expected = Expected::from(expect);
        self.threads.write(move |db| put(db, &own, &value, &expected)).await?;
        self.bell.tell(News::of_value(key));
        Ok(())
    }

    async fn state_delete(&self, key: &str) -> Result<(), StoreError> {
        let own = key.to_owned();
        self.threads.write(move |db| delete(db, &own)).await?;
        self.bell.tell(News::of_value(key));
        Ok(())
    }

    async fn state_list(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let prefix = prefix.to_owned();
        self.threads.read(move |db| list(db, &prefix)).await
    }
}

pub(crate) fn get(db: &Connection, key: &str) -> Result<Option<Vec<u8>>> {
    first(db, "SELECT value FROM state WHERE key = ?1", [key], |row| column(row, 0))
}

/// [`Expect`] on its way to the writer's thread.
pub(crate) enum Expected {
    Anything,
    Exactly(Option<Vec<u8>>),
}

impl From<Expect<'_>> for Expected {
    fn from(expect: Expect<'_>) -> Self {
        match expect {
            Expect::Anything => Self::Anything,
            Expect::Nothing => Self::Exactly(None),
            Expect::Value(value) => Self::Exactly(Some(value.to_owned())),
        }
    }
}

pub(crate) fn put(db: &Connection, key: &str, value: &[u8], expected: &Expected) -> Result<()> {
    if let Expected::Exactly(expected) = expected
        && get(db, key)? != *expected
    {
        return Err(StoreError::Conflict);
    }
    let sql = "INSERT INTO state (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    execute(db, sql, (key, value)).map(|_| ())
}

/// Puts a value where there is none; one that is there stays.
pub(crate) fn put_new(db: &Connection, key: &str, value: &[u8]) -> Result<()> {
    execute(db, "INSERT INTO state (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING", (key, value)).map(|_| ())
}

pub(crate) fn delete(db: &Connection, key: &str) -> Result<()> {
    execute(db, "DELETE FROM state WHERE key = ?1", [key]).map(|_| ())
}

pub(crate) fn list(db: &Connection, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
    // As bytes: length() of a text ends at its first NUL. And a part of nothing is NULL, not nothing.
    let sql = "SELECT key, value FROM state WHERE key >= ?1 AND (?1 = '' \
               OR substr(CAST(key AS BLOB), 1, length(CAST(?1 AS BLOB))) = CAST(?1 AS BLOB)) ORDER BY key";
    all(db, sql, [prefix], |row| Ok((column(row, 0)?, column(row, 1)?)))
}
