//! Opening, checking and migrating the database.

use super::database::SESSION;
use super::fault::Result;
use crate::OpenError;
use crate::url::server;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use std::time::Duration;
use tokio::time::timeout;

/// The schema's steps, in order; the database remembers how many it has.
pub(crate) const MIGRATIONS: [&str; 3] = [
    include_str!("../../migrations/postgres/0001_first.sql"),
    include_str!("../../migrations/postgres/0002_past_dialogs.sql"),
    include_str!("../../migrations/postgres/0003_work.sql"),
];
/// `server_version_num` of the oldest server that has all that is used here.
const OLDEST: i32 = 130_000;
/// How long it may take to connect.
const PATIENCE: Duration = Duration::from_secs(10);

/// A database that is up to date.
pub(crate) struct Opened {
    pub(crate) connection: PgConnection,
    /// A number that nobody else has.
    pub(crate) owner: i64,
}

/// Connects, and brings the database up to date.
pub(crate) async fn open(options: &PgConnectOptions) -> std::result::Result<Opened, OpenError> {
    let refuse = |problem: String| OpenError::Refused { database: server(options), problem };
    let explained = |error: sqlx::Error| refuse(explain(&error, options));
    let mut connection = match timeout(PATIENCE, options.connect()).await {
        Ok(connected) => connected.map_err(explained)?,
        Err(_) => return Err(refuse("does not answer; check the host, the port and the network".to_owned())),
    };
    sqlx::raw_sql(SESSION).execute(&mut connection).await.map_err(explained)?;
    match prepare(&mut connection).await {
        Ok(Ok(owner)) => Ok(Opened { connection, owner }),
        Ok(Err(problem)) => Err(refuse(problem)),
        Err(super::fault::Fault::Database(error)) => Err(explained(error)),
        Err(fault) => Err(refuse(openline_core::StoreError::from(fault).to_string())),
    }
}

/// Checks and migrates in one transaction, one process at a time. The inner error is a reason why this is no place for
/// the store; nothing is changed then.
async fn prepare(db: &mut PgConnection) -> Result<std::result::Result<i64, String>> {
    if let Some(problem) = unfit(db).await? {
        return Ok(Err(problem));
    }
    let mut transaction = db.begin().await?;
    let sql = "SELECT pg_advisory_xact_lock(hashtextextended('openline migrates ' || current_schema(), 0))";
    sqlx::query(sql).execute(&mut *transaction).await?;
    let done = match version(&mut transaction).await? {
        Ok(done) => done,
        Err(problem) => return Ok(Err(problem)),
    };
    for script in MIGRATIONS.iter().skip(done) {
        sqlx::raw_sql(*script).execute(&mut *transaction).await?;
    }
    let owner = remember(&mut transaction).await?;
    super::restored::look(&mut transaction).await?;
    transaction.commit().await?;
    Ok(Ok(owner))
}

/// Why the server can't be used.
pub(crate) async fn unfit(db: &mut PgConnection) -> Result<Option<String>> {
    let (number, encoding, standby, schema): (i32, String, bool, Option<String>) = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), pg_is_in_recovery(), \
         current_schema()::text",
    )
    .fetch_one(db)
    .await?;
    Ok(if number < OLDEST {
        Some(format!("is PostgreSQL {}; version {} or newer is needed", number / 10_000, OLDEST / 10_000))
    } else if encoding != "UTF8" {
        Some(format!("has the encoding {encoding}; make a database with ENCODING 'UTF8'"))
    } else if standby {
        Some("is a standby server, which can't be written to; name the primary server".to_owned())
    } else if schema.is_none() {
        Some("has none of the schemas in the user's search_path; make one, or set another search_path".to_owned())
    } else {
        None
    })
}

/// How many migrations the database has.
pub(crate) async fn version(db: &mut PgConnection) -> Result<std::result::Result<usize, String>> {
    // What extensions bring is nobody's data.
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace \
         AND c.relkind IN ('r', 'p') AND NOT EXISTS \
         (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')",
    )
    .fetch_all(&mut *db)
    .await?;
    if tables.is_empty() {
        return Ok(Ok(0));
    }
    if !tables.iter().any(|table| table == "openline") {
        return Ok(Err("holds the tables of another program; name an empty database".to_owned()));
    }
    let sql = "SELECT value FROM openline WHERE key = 'schema'";
    let version: Option<String> = sqlx::query_scalar(sql).fetch_optional(db).await?;
    let known = MIGRATIONS.len();
    Ok(match version.as_deref().map(str::parse::<usize>) {
        Some(Ok(version)) if version <= known => Ok(version),
        Some(Ok(version)) => Err(format!(
            "was written by a newer openline (schema {version}, this one knows {known}); install that version again"
        )),
        _ => Err("is damaged (it does not know its schema's version); restore a backup".to_owned()),
    })
}

/// Keeps the version; an owner's number is made by the server's random numbers.
async fn remember(db: &mut PgConnection) -> Result<i64> {
    sqlx::query(
        "INSERT INTO openline (key, value) VALUES ('schema', $1) ON CONFLICT (key) DO UPDATE \
         SET value = excluded.value WHERE openline.value <> excluded.value",
    )
    .bind(MIGRATIONS.len().to_string())
    .execute(&mut *db)
    .await?;
    Ok(sqlx::query_scalar("SELECT hashtextextended(gen_random_uuid()::text, 0)").fetch_one(db).await?)
}

/// Why it can't be opened, and what would help.
pub(crate) fn explain(error: &sqlx::Error, options: &PgConnectOptions) -> String {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default();
    match (error, code.as_ref()) {
        (_, "28P01" | "28000") => format!("the server refuses the user or the password ({error}); check both"),
        (_, "3D000") => {
            let database = options.get_database().unwrap_or(options.get_username());
            format!("there is no such database; make it with CREATE DATABASE {database} ENCODING 'UTF8'")
        }
        (_, "42501") => format!("the user may not do that ({error}); make the user the owner of the database"),
        (_, "53300") => format!("the server has no connection to spare ({error}); raise its max_connections"),
        (_, "57P03") => format!("the server is not ready ({error}); try again in a moment"),
        (sqlx::Error::Io(error), _) => {
            format!("is not reachable ({error}); check that the server runs, its host and its port")
        }
        (sqlx::Error::Tls(error), _) => {
            format!("there is no safe connection ({error}); check sslmode and the certificate")
        }
        _ => error.to_string(),
    }
}
