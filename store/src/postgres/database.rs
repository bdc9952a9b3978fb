//! Connections and transactions.

use super::fault::{Fault, Result};
use openline_core::StoreError;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, Postgres};
use std::time::Duration;
use tokio::time::error::Elapsed;

/// Connections for steps and reads.
const CONNECTIONS: u32 = 8;
/// How long somebody waits for one: a server that is away must not hold a visitor's request for ever.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a step may take. The server gives up before that, so that this is only reached when nothing comes back.
pub(crate) const SILENCE: Duration = Duration::from_secs(30);
/// How often a step is repeated that gave way to another one.
const REPEATS: u32 = 5;

/// Makes a session behave the same on every server: each commit is flushed, and statements see what was committed before
/// them. Every statement finds its few rows by an index; a plan is made once, and must not remember that the tables were
/// empty then. A client that is gone is noticed soon, so that its locks don't outlive it by hours.
pub(crate) const SESSION: &str = "SET default_transaction_isolation = 'read committed'; \
    SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; \
    SET enable_mergejoin = off; SET jit = off; \
    SET statement_timeout = '20s'; SET idle_in_transaction_session_timeout = '20s'; \
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
    SET client_min_messages = 'warning'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Runs a step in a transaction of its own; again, when it had to give way to another one. (A macro, because a closure's
/// future that borrows what the closure borrows can't be told to be `Send`.)
macro_rules! transaction {
    ($database:expr, $db:ident => $step:expr) => {{
        let mut repeats = 0;
        loop {
            let mut session = $database.begin().await?;
            let $db = session.connection();
            let result = tokio::time::timeout($crate::postgres::database::SILENCE, $step).await;
            if let Some(result) = session.commit(result, &mut repeats).await {
                break result;
            }
        }
    }};
}

/// Runs a query that changes nothing; again, when its connection was dead.
macro_rules! query {
    ($database:expr, $db:ident => $query:expr) => {{
        let mut repeats = 0;
        loop {
            let mut session = $database.session().await?;
            let $db = session.connection();
            let result = tokio::time::timeout($crate::postgres::database::SILENCE, $query).await;
            if let Some(result) = session.answer(result, &mut repeats) {
                break result;
            }
        }
    }};
}
pub(crate) use {query, transaction};

/// The pool of connections.
pub(crate) struct Database {
    pool: PgPool,
}

impl Database {
    /// A pool that connects when it is used.
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            // A dead connection is found by its first statement, without asking before each.
            .test_before_acquire(false)
            .after_connect(|connection, _| {
                Box::pin(async move { sqlx::raw_sql(SESSION).execute(connection).await.map(|_| ()) })
            });
        Self { pool: pool.connect_lazy_with(options) }
    }

    /// A connection.
    pub(crate) async fn session(&self) -> std::result::Result<Session, StoreError> {
        let connection = self.pool.acquire().await.map_err(Fault::from)?;
        Ok(Session { connection, sound: false })
    }

    /// A connection in a transaction. After the server was away there are connections that do not know it yet.
    pub(crate) async fn begin(&self) -> std::result::Result<Session, StoreError> {
        let mut dead = 0;
        loop {
            let mut session = self.session().await?;
            match session.run("BEGIN").await {
                Ok(()) => return Ok(session),
                Err(fault) if fault.is_dead() && dead < CONNECTIONS => dead += 1,
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    /// Waits for what is under way and closes all connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A connection that somebody uses. When that breaks off half-way, it is closed.
pub(crate) struct Session {
    connection: sqlx::pool::PoolConnection<Postgres>,
    /// Whether the next one may use it.
    sound: bool,
}

impl Session {
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    async fn run(&mut self, sql: &'static str) -> Result<()> {
        let run = sqlx::raw_sql(sql).execute(&mut *self.connection);
        let done = tokio::time::timeout(SILENCE, run).await.map_err(|_| Fault::Silent)?;
        Ok(done.map(|_| ())?)
    }

    /// Ends the transaction. `None` asks to run the step again.
    pub(crate) async fn commit<T>(
        mut self,
        result: std::result::Result<Result<T>, Elapsed>,
        repeats: &mut u32,
    ) -> Option<std::result::Result<T, StoreError>> {
        let mut result = result.unwrap_or_else(|_| Err(Fault::Silent));
        match &result {
            Ok(_) => match self.run("COMMIT").await {
                Ok(()) => self.sound = true,
                Err(fault) => result = Err(fault),
            },
            Err(fault) if fault.disconnected() => {}
            Err(_) => self.sound = self.run("ROLLBACK").await.is_ok(),
        }
        match result {
            Err(fault) if fault.gave_way() && *repeats < REPEATS => {
                *repeats += 1;
                None
            }
            result => Some(result.map_err(StoreError::from)),
        }
    }

    /// Ends a query. `None` asks to run it again.
    pub(crate) fn answer<T>(
        mut self,
        result: std::result::Result<Result<T>, Elapsed>,
        repeats: &mut u32,
    ) -> Option<std::result::Result<T, StoreError>> {
        match result.unwrap_or_else(|_| Err(Fault::Silent)) {
            Err(fault) if fault.is_dead() && *repeats < CONNECTIONS => {
                *repeats += 1;
                None
            }
            result => {
                self.sound = result.as_ref().err().is_none_or(|fault| !fault.disconnected());
                Some(result.map_err(StoreError::from))
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.sound {
            self.connection.close_on_drop();
        }
    }
}
