//! Jobs that wait, and those under way.

use super::row::{Result, all, column, execute, only, shown, shown_columns};
use super::{SqliteStore, claim, settle};
use async_trait::async_trait;
use openline_core::store::{Change, Claimed, Jobs, Queue, Settlement, ShownJob};
use openline_core::{StoreError, Timestamp};
use rusqlite::Connection;
use std::time::Duration;

#[async_trait]
impl Jobs for SqliteStore {
    async fn claim(&self, queue: &Queue, limit: usize, now: Timestamp, lease: Duration) -> Result<Claimed, StoreError> {
        // An empty queue costs a read, not a flush.
        let (asked, queue) = (queue.name(), queue.clone());
        let next_due = self.threads.read(move |db| claim::next_due(db, &asked)).await?;
        if limit == 0 || next_due.is_none_or(|due| due > now) {
            return Ok(Claimed { jobs: Vec::new(), next_due });
        }
        self.threads.write_behind(move |db| claim::claim(db, &claim::Wanted { queue, limit, now, lease })).await
    }

    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Vec<Change>, StoreError> {
        self.threads.write_behind(move |db| settle::settle(db, &settlements, now)).await
    }

    async fn hurry(&self, queue: &Queue, now: Timestamp) -> Result<(), StoreError> {
        let name = queue.name();
        self.threads.write_behind(move |db| hurry(db, &name, now)).await
    }

    async fn waiting(&self, queue: &Queue, limit: usize) -> Result<Vec<ShownJob>, StoreError> {
        let queue = queue.clone();
        self.threads.read(move |db| waiting(db, &queue, limit)).await
    }

    async fn depth(&self, queue: &Queue) -> Result<u64, StoreError> {
        let name = queue.name();
        self.threads.read(move |db| depth(db, &name)).await
    }

    async fn oldest(&self, queue: &Queue) -> Result<Option<Timestamp>, StoreError> {
        let name = queue.name();
        self.threads.read(move |db| oldest(db, &name)).await
    }
}

fn hurry(db: &Connection, queue: &str, now: Timestamp) -> Result<()> {
    let sql = "UPDATE lanes SET due_at = ?2 WHERE queue = ?1 AND due_at > ?2 AND leased = 0";
    execute(db, sql, (queue, now.0)).map(|_| ())
}

fn oldest(db: &Connection, queue: &str) -> Result<Option<Timestamp>> {
    let sql =
        "SELECT min(j.created_at) FROM jobs j JOIN lanes l ON l.id = j.lane WHERE l.queue = ?1 AND j.dead_at IS NULL";
    let at: Option<i64> = only(db, sql, [queue], |row| column(row, 0))?;
    Ok(at.map(Timestamp))
}

fn depth(db: &Connection, queue: &str) -> Result<u64> {
    let sql = "SELECT count(*) FROM jobs j JOIN lanes l ON l.id = j.lane WHERE l.queue = ?1 AND j.dead_at IS NULL";
    only(db, sql, [queue], |row| column(row, 0))
}

fn waiting(db: &Connection, queue: &Queue, limit: usize) -> Result<Vec<ShownJob>> {
    let sql = shown_columns!("created_at", "j.dead_at IS NULL AND l.queue = ?1");
    all(db, sql, (queue.name(), i64::try_from(limit).unwrap_or(i64::MAX)), shown)
}
