//! Whose leases live. Each open store has a number, stored with its leases, and a connection of its own that holds the
//! advisory lock of that number: the server lets go of it when the process or its machine is gone. Whoever can take a
//! lock of that kind knows that its owner is no more, and gives the jobs back, marked uncertain.

use super::fault::{Fault, Result};
use super::news::Telling;
use openline_core::StoreError;
use openline_core::store::{News, Queue};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How often the own lock and those of the others are looked at.
const ROUND: Duration = Duration::from_secs(2);
/// How long a round may take before the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(5);
/// Pause before the connection is made anew.
const PAUSE: Duration = Duration::from_millis(250);

/// The number of the lock that all owners of a schema share.
macro_rules! common {
    () => {
        "hashtextextended('openline ' || current_schema(), 0)"
    };
}
pub(crate) use common;

/// The right to lease.
pub(crate) struct Owner {
    id: i64,
    holds: Arc<AtomicBool>,
    /// How often the lock was lost.
    losses: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Owner {
    /// Becomes an owner on this connection, which is kept, and made anew with the options when it is lost. What owners
    /// that are gone had leased is free when this returns.
    pub(crate) async fn new(
        mut db: PgConnection,
        options: PgConnectOptions,
        id: i64,
        telling: Telling,
    ) -> Result<Self> {
        enter(&mut db).await?;
        take(&mut db, id).await?;
        recover(&mut db, id).await?;
        let (holds, losses) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let lock = Lock { id, holds: Arc::clone(&holds), losses: Arc::clone(&losses) };
        let task = tokio::spawn(keep(Some(db), options, lock, telling));
        Ok(Self { id, holds, losses, task })
    }

    /// The number that goes with each lease.
    ///
    /// # Errors
    /// While others may take this owner for gone.
    pub(crate) fn leasing(&self) -> std::result::Result<i64, StoreError> {
        let lost = || StoreError::Unavailable("the connection that keeps this process's leases is lost".to_owned());
        self.holds.load(Ordering::SeqCst).then_some(self.id).ok_or_else(lost)
    }

    /// See [`openline_core::Store::lease_epoch`].
    pub(crate) fn epoch(&self) -> Option<u64> {
        let losses = self.losses.load(Ordering::SeqCst);
        self.holds.load(Ordering::SeqCst).then_some(losses)
    }

    /// The number, whoever asks.
    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    /// Lets the leases go.
    pub(crate) fn close(&self) {
        self.holds.store(false, Ordering::SeqCst);
        self.task.abort();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.close();
    }
}

/// How the own lock stands.
struct Lock {
    id: i64,
    holds: Arc<AtomicBool>,
    losses: Arc<AtomicU64>,
}

/// Keeps the lock, and looks for owners that are gone.
async fn keep(mut db: Option<PgConnection>, options: PgConnectOptions, lock: Lock, telling: Telling) {
    loop {
        tokio::time::sleep(if db.is_some() { ROUND } else { PAUSE }).await;
        match timeout(SILENCE, round(db.take(), &options, lock.id)).await {
            Ok(Ok((connection, freed))) => {
                db = Some(connection);
                lock.holds.store(true, Ordering::SeqCst);
                for queue in freed {
                    telling.tell_all(News::Queue(queue));
                }
            }
            Ok(Err(fault)) => lock.lost(&StoreError::from(fault)),
            Err(_) => lock.lost(&StoreError::Unavailable("the server does not answer".to_owned())),
        }
    }
}

impl Lock {
    fn lost(&self, error: &StoreError) {
        if self.holds.swap(false, Ordering::SeqCst) {
            self.losses.fetch_add(1, Ordering::SeqCst);
            tracing::error!(%error, "lost the connection that keeps the leases; no work is claimed until it is back");
        }
    }
}

async fn round(db: Option<PgConnection>, options: &PgConnectOptions, id: i64) -> Result<(PgConnection, Vec<Queue>)> {
    let mut db = match db {
        Some(db) => db,
        None => again(options, id).await?,
    };
    let freed = recover(&mut db, id).await?;
    Ok((db, freed))
}

async fn again(options: &PgConnectOptions, id: i64) -> Result<PgConnection> {
    let mut db = options.connect().await?;
    sqlx::raw_sql(super::database::SESSION).execute(&mut db).await?;
    take(&mut db, id).await?;
    tracing::info!("the connection that keeps the leases is back");
    Ok(db)
}

/// Takes the own lock, and a share of the one that says that somebody is there. Somebody else may have them for a moment,
/// to see whether anybody is.
async fn take(db: &mut PgConnection, id: i64) -> Result<()> {
    sqlx::query("SELECT pg_advisory_lock($1)").bind(id).execute(&mut *db).await?;
    sqlx::query(concat!("SELECT pg_advisory_lock_shared(", common!(), ")")).execute(db).await?;
    Ok(())
}

/// Who is the first one here looks at waiting lanes once more: the clock may have been set back while nobody was there.
async fn enter(db: &mut PgConnection) -> Result<()> {
    let mut transaction = db.begin().await?;
    let sql = concat!("SELECT pg_try_advisory_xact_lock(", common!(), ")");
    let alone: bool = sqlx::query_scalar(sql).fetch_one(&mut *transaction).await?;
    if alone {
        let sql = "UPDATE lanes SET due_at = 0 WHERE due_at IS NOT NULL AND leased = 0";
        sqlx::query(sql).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

/// Gives back what owners that are gone had leased. The queues that got something.
async fn recover(db: &mut PgConnection, id: i64) -> Result<Vec<Queue>> {
    let sql = "SELECT DISTINCT owner FROM lanes WHERE leased <> 0 AND owner <> $1";
    let owners: Vec<i64> = sqlx::query_scalar(sql).bind(id).fetch_all(&mut *db).await?;
    let mut queues = Vec::new();
    for owner in owners {
        let mut transaction = db.begin().await?;
        let sql = "SELECT pg_try_advisory_xact_lock($1)";
        let gone: bool = sqlx::query_scalar(sql).bind(owner).fetch_one(&mut *transaction).await?;
        if gone {
            queues.extend(free(&mut transaction, owner).await?);
        }
        transaction.commit().await.map_err(Fault::from)?;
    }
    Ok(queues)
}

/// Ends an owner's leases; nobody knows what became of the jobs.
async fn free(db: &mut PgConnection, owner: i64) -> Result<Vec<Queue>> {
    let names: Vec<String> = sqlx::query_scalar(
        "WITH held AS MATERIALIZED (SELECT id, leased, leased_at, queue FROM lanes WHERE leased <> 0 AND owner = $1 \
            ORDER BY conversation, queue FOR UPDATE), \
         marked AS (UPDATE jobs j SET uncertain = true, unknown_since = held.leased_at FROM held WHERE j.id = held.leased), \
         freed AS (UPDATE lanes SET leased = 0, owner = 0, due_at = 0 WHERE id IN (SELECT id FROM held)) \
         SELECT DISTINCT queue FROM held",
    )
    .bind(owner)
    .fetch_all(db)
    .await?;
    tracing::warn!(queues = ?names, "took back the jobs of a process that is gone");
    Ok(names.iter().filter_map(|name| Queue::from_name(name)).collect())
}
