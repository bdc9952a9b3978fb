//! Jobs that wait, and those under way.

use super::database::{query, transaction};
use super::fault::Result;
use super::row::{limit, shown, shown_columns};
use super::{PostgresStore, claim, settle};
use async_trait::async_trait;
use openline_core::store::{Change, Claimed, Jobs, Outcome, Queue, Settlement, ShownJob};
use openline_core::{StoreError, Timestamp};
use sqlx::postgres::PgConnection;
use std::time::Duration;

#[async_trait]
impl Jobs for PostgresStore {
    async fn claim(&self, queue: &Queue, limit: usize, now: Timestamp, lease: Duration) -> Result<Claimed, StoreError> {
        let owner = self.owner.leasing()?;
        // An empty queue costs a read, not a transaction.
        let next_due = query!(self.database, db => claim::next_due(db, &queue.name()))?;
        if limit == 0 || next_due.is_none_or(|due| due > now) {
            return Ok(Claimed { jobs: Vec::new(), next_due });
        }
        let wanted = claim::Wanted { queue: queue.clone(), limit, now, lease, owner };
        transaction!(self.database, db => claim::claim(db, &wanted))
    }

    async fn settle(&self, settlements: Vec<Settlement>, now: Timestamp) -> Result<Vec<Change>, StoreError> {
        let owner = self.owner.id();
        let changes = transaction!(self.database, db => settle::settle(db, &settlements, owner, now))?;
        for change in &changes {
            self.tell(Some(*change), None);
        }
        for settlement in settlements {
            match settlement.outcome {
                Outcome::Done { confirm: true, .. } => self.tell(None, Some(Queue::Confirm)),
                Outcome::Dead { note: Some(_), .. } => self.tell(None, Some(Queue::Backend)),
                _ => {}
            }
        }
        Ok(changes)
    }

    async fn hurry(&self, queue: &Queue, now: Timestamp) -> Result<(), StoreError> {
        let name = queue.name();
        transaction!(self.database, db => hurry(db, &name, now))?;
        self.tell(None, Some(queue.clone()));
        Ok(())
    }

    async fn waiting(&self, queue: &Queue, limit: usize) -> Result<Vec<ShownJob>, StoreError> {
        let queue = queue.clone();
        query!(self.database, db => waiting(db, &queue, limit))
    }

    async fn depth(&self, queue: &Queue) -> Result<u64, StoreError> {
        let queue = queue.name();
        query!(self.database, db => depth(db, &queue))
    }

    async fn oldest(&self, queue: &Queue) -> Result<Option<Timestamp>, StoreError> {
        let queue = queue.name();
        query!(self.database, db => oldest(db, &queue))
    }
}

/// In one order, as everybody locks lanes.
async fn hurry(db: &mut PgConnection, queue: &str, now: Timestamp) -> Result<()> {
    sqlx::query(
        "WITH waiting AS MATERIALIZED (SELECT id FROM lanes WHERE queue = $1 AND due_at > $2 AND leased = 0 \
            ORDER BY conversation FOR UPDATE) \
         UPDATE lanes SET due_at = $2 WHERE id IN (SELECT id FROM waiting)",
    )
    .bind(queue)
    .bind(now.0)
    .execute(db)
    .await?;
    Ok(())
}

async fn oldest(db: &mut PgConnection, queue: &str) -> Result<Option<Timestamp>> {
    let sql =
        "SELECT min(j.created_at) FROM jobs j JOIN lanes l ON l.id = j.lane WHERE l.queue = $1 AND j.dead_at IS NULL";
    let at: Option<i64> = sqlx::query_scalar(sql).bind(queue).fetch_one(db).await?;
    Ok(at.map(Timestamp))
}

async fn depth(db: &mut PgConnection, queue: &str) -> Result<u64> {
    let sql = "SELECT count(*) FROM jobs j JOIN lanes l ON l.id = j.lane WHERE l.queue = $1 AND j.dead_at IS NULL";
    let count: i64 = sqlx::query_scalar(sql).bind(queue).fetch_one(db).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

async fn waiting(db: &mut PgConnection, queue: &Queue, most: usize) -> Result<Vec<ShownJob>> {
    let sql = shown_columns!("created_at", "j.dead_at IS NULL AND l.queue = $1");
    let rows = sqlx::query(sql).bind(queue.name()).bind(limit(most)).fetch_all(db).await?;
    rows.iter().map(shown).collect()
}
