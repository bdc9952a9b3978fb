//! One end of a copy on PostgreSQL.

use super::ends::{BLANK, Cell, End, FILLED, IN_USE, IS_FILLED, OLDER, Result, Row};
use super::rows::{insert, page, read};
use super::table::{ColumnType, Table};
use crate::postgres::database::SESSION;
use crate::postgres::fault::Fault;
use crate::postgres::owner::common;
use crate::postgres::schema::{self, MIGRATIONS, explain};
use async_trait::async_trait;
use openline_core::StoreError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long it may take to connect.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often, and after which pauses, it is asked whether anybody has the database open: the server hears a little late
/// that a process is gone.
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// A copy takes the time that it takes.
const NO_HURRY: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";

/// A connection in a transaction.
pub(super) struct Postgres {
    db: PgConnection,
}

/// A database to read, which is not changed.
pub(super) async fn source(options: &PgConnectOptions) -> Result<Postgres> {
    let mut db = connect(options).await?;
    match schema::version(&mut db).await.map_err(told)?? {
        0 => return Err(BLANK.to_owned()),
        version if version < MIGRATIONS.len() => return Err(OLDER.to_owned()),
        _ => {}
    }
    if !alone(&mut db).await? {
        return Err(IN_USE.to_owned());
    }
    run(&mut db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    Ok(Postgres { db })
}

/// A database to write, with its tables made when they are not there.
pub(super) async fn target(options: &PgConnectOptions) -> Result<Postgres> {
    let mut db = connect(options).await?;
    let filled = schema::version(&mut db).await.map_err(told)?? > 0
        && sqlx::query_scalar(IS_FILLED).fetch_one(&mut db).await.map_err(failed)?;
    if filled {
        return Err(FILLED.to_owned());
    }
    if !alone(&mut db).await? {
        return Err(IN_USE.to_owned());
    }
    let made = schema::open(options).await.map_err(|error| match error {
        crate::OpenError::Refused { problem, .. } => problem,
        error => error.to_string(),
    })?;
    made.connection.close().await.map_err(failed)?;
    run(&mut db, "BEGIN").await?;
    // Nobody else fills it until the end: somebody may have done so before it was ours.
    if sqlx::query_scalar(IS_FILLED).fetch_one(&mut db).await.map_err(failed)? {
        return Err(FILLED.to_owned());
    }
    run(&mut db, "DELETE FROM openline WHERE key <> 'schema'").await?;
    Ok(Postgres { db })
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection> {
    let connected = timeout(PATIENCE, options.connect()).await;
    let connected = connected.map_err(|_| "does not answer; check the host, the port and the network".to_owned())?;
    let mut db = connected.map_err(|error| explain(&error, options))?;
    run(&mut db, SESSION).await?;
    run(&mut db, NO_HURRY).await?;
    match schema::unfit(&mut db).await.map_err(told)? {
        Some(problem) => Err(problem),
        None => Ok(db),
    }
}

/// Shuts out processes that lease, until the connection ends; false when there is one.
async fn alone(db: &mut PgConnection) -> Result<bool> {
    for _ in 0..LOOKS {
        let sql = concat!("SELECT pg_try_advisory_lock(", common!(), ")");
        if sqlx::query_scalar(sql).fetch_one(&mut *db).await.map_err(failed)? {
            return Ok(true);
        }
        sleep(PAUSE).await;
    }
    Ok(false)
}

async fn run(db: &mut PgConnection, sql: &'static str) -> Result<()> {
    sqlx::raw_sql(sql).execute(db).await.map(|_| ()).map_err(failed)
}

fn told(fault: Fault) -> String {
    StoreError::from(fault).to_string()
}

fn failed(error: sqlx::Error) -> String {
    told(error.into())
}

#[async_trait]
impl End for Postgres {
    async fn page(&mut self, table: &'static Table, after: Option<Cell>) -> Result<Vec<Row>> {
        let sql = AssertSqlSafe(page(table, after.is_some()));
        let query = match after {
            None | Some(Cell::Null) => sqlx::query(sql),
            Some(Cell::Number(key)) => sqlx::query(sql).bind(key),
            Some(Cell::Text(key)) if table.key().kind == ColumnType::Words => sqlx::query(sql).bind(key.into_bytes()),
            Some(Cell::Text(key)) => sqlx::query(sql).bind(key),
            Some(Cell::Bytes(key)) => sqlx::query(sql).bind(key),
        };
        let rows = query.fetch_all(&mut self.db).await.map_err(failed)?;
        rows.iter().map(|row| read(row, table).map_err(told)).collect()
    }

    async fn insert(&mut self, table: &'static Table, mut rows: Vec<Row>) -> Result<()> {
        let mut query = sqlx::query(AssertSqlSafe(insert(table)));
        for (index, column) in table.columns.iter().enumerate() {
            let cells = rows.iter_mut().map(|row| std::mem::take(&mut row[index]));
            query = match column.kind {
                ColumnType::Number | ColumnType::Flag => query.bind(cells.map(Cell::number).collect::<Vec<_>>()),
                ColumnType::Text => query.bind(cells.map(Cell::text).collect::<Vec<_>>()),
                ColumnType::Words | ColumnType::Bytes => query.bind(cells.map(Cell::bytes).collect::<Vec<_>>()),
            };
        }
        query.execute(&mut self.db).await.map(|_| ()).map_err(failed)
    }

    async fn counter(&mut self, table: &'static Table) -> Result<i64> {
        let name = table.name;
        let sql = format!(
            "SELECT greatest((SELECT max(id) FROM {name}), \
             pg_sequence_last_value(pg_get_serial_sequence('{name}', 'id')::regclass), 0)"
        );
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.db).await.map_err(failed)
    }

    async fn set_counter(&mut self, table: &'static Table, last: i64) -> Result<()> {
        let sql = "SELECT setval(pg_get_serial_sequence($1, 'id')::regclass, greatest($2, 1), $2 > 0)";
        let set = sqlx::query(sql).bind(table.name).bind(last).execute(&mut self.db).await;
        set.map(|_| ()).map_err(failed)
    }

    async fn finish(mut self: Box<Self>) -> Result<()> {
        run(&mut self.db, "COMMIT").await?;
        // What was copied is copied, however the connection ends.
        let _ = run(&mut self.db, "SELECT pg_advisory_unlock_all()").await;
        let _ = self.db.close().await;
        Ok(())
    }
}
