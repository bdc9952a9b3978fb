//! One end of a copy on SQLite. SQLite blocks, so each step runs on a thread that may wait.

use super::ends::{BLANK, Cell, End, FILLED, IS_FILLED, OLDER, PAGE, Result, Row};
use super::table::{ColumnType, Table};
use crate::sqlite::schema::{self, MIGRATIONS, explain};
use async_trait::async_trait;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};

/// An open file, in a transaction.
pub(super) struct Sqlite {
    /// None while a step runs, and after one that broke off.
    db: Option<Connection>,
    /// Let go after the connection.
    _lock: schema::Lock,
}

/// A file to read. It keeps its content; a log that a crash left beside it is put into it, as whoever opens it does.
pub(super) async fn source(path: &Path) -> Result<Sqlite> {
    opened(path, |path| {
        if !path.exists() {
            return Err("there is no such database".to_owned());
        }
        let lock = schema::lock(path)?;
        let db = connect(path, OpenFlags::empty())?;
        schema::check(&db)?;
        match version(&db).map_err(|e| explain(&e))? {
            0 => return Err(BLANK.to_owned()),
            version if version < MIGRATIONS.len() => return Err(OLDER.to_owned()),
            _ => {}
        }
        db.execute_batch("PRAGMA query_only = ON; BEGIN").map_err(|e| explain(&e))?;
        Ok((db, lock))
    })
    .await
}

/// A file to write, made when it is not there.
pub(super) async fn target(path: &Path) -> Result<Sqlite> {
    opened(path, |path| {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            crate::private::make_folder(folder).map_err(|e| format!("can't make the folder: {e}"))?;
        }
        let lock = schema::lock(path)?;
        let mut db = connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        schema::check(&db)?;
        if is_filled(&db).map_err(|e| explain(&e))? {
            return Err(FILLED.to_owned());
        }
        schema::migrate(&mut db).map_err(|e| explain(&e))?;
        if !schema::prepare(&db).map_err(|e| explain(&e))? {
            return Err("its folder can't hold a database (no shared memory); use a local disk".to_owned());
        }
        db.execute_batch("BEGIN IMMEDIATE; DELETE FROM meta").map_err(|e| explain(&e))?;
        Ok((db, lock))
    })
    .await
}

async fn opened(path: &Path, open: fn(&Path) -> Result<(Connection, schema::Lock)>) -> Result<Sqlite> {
    let path = PathBuf::from(path);
    let opened = tokio::task::spawn_blocking(move || open(&path)).await.map_err(|e| e.to_string())?;
    opened.map(|(db, lock)| Sqlite { db: Some(db), _lock: lock })
}

fn connect(path: &Path, more: OpenFlags) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let db = Connection::open_with_flags(path, flags).map_err(|e| explain(&e))?;
    db.busy_timeout(std::time::Duration::from_secs(5)).map_err(|e| explain(&e))?;
    Ok(db)
}

fn version(db: &Connection) -> rusqlite::Result<usize> {
    db.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn is_filled(db: &Connection) -> rusqlite::Result<bool> {
    Ok(version(db)? > 0 && db.query_row(IS_FILLED, [], |row| row.get(0))?)
}

impl Sqlite {
    async fn run<T, F>(&mut self, step: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let db = self.db.take().ok_or("the database is closed")?;
        let ran = tokio::task::spawn_blocking(move || {
            let done = step(&db);
            (db, done)
        });
        let (db, done) = ran.await.map_err(|e| e.to_string())?;
        self.db = Some(db);
        done.map_err(|e| explain(&e))
    }
}

#[async_trait]
impl End for Sqlite {
    async fn page(&mut self, table: &'static Table, after: Option<Cell>) -> Result<Vec<Row>> {
        self.run(move |db| page(db, table, after.as_ref())).await
    }

    async fn insert(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<()> {
        self.run(move |db| {
            let places = vec!["?"; table.columns.len()].join(", ");
            let sql = format!("INSERT INTO {} ({}) VALUES ({places})", table.name, table.names(""));
            let mut statement = db.prepare_cached(&sql)?;
            rows.iter().try_for_each(|row| statement.execute(rusqlite::params_from_iter(row)).map(|_| ()))
        })
        .await
    }

    async fn counter(&mut self, table: &'static Table) -> Result<i64> {
        let sql = format!(
            "SELECT max((SELECT coalesce(max(id), 0) FROM {}), \
             coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?1), 0))",
            table.name
        );
        self.run(move |db| db.query_row(&sql, [table.name], |row| row.get(0))).await
    }

    async fn set_counter(&mut self, table: &'static Table, last: i64) -> Result<()> {
        self.run(move |db| {
            db.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table.name])?;
            // Only of tables that never give out a number again.
            let sql = "INSERT INTO sqlite_sequence (name, seq) SELECT name, ?2 FROM sqlite_schema \
                       WHERE name = ?1 AND type = 'table' AND sql LIKE '% AUTOINCREMENT%'";
            db.execute(sql, (table.name, last)).map(|_| ())
        })
        .await
    }

    async fn finish(mut self: Box<Self>) -> Result<()> {
        self.run(|db| db.execute_batch("COMMIT")).await?;
        let closed = tokio::task::spawn_blocking(move || drop(self));
        closed.await.map_err(|e| e.to_string())
    }
}

fn page(db: &Connection, table: &Table, after: Option<&Cell>) -> rusqlite::Result<Vec<Row>> {
    let values: Vec<_> = table.columns.iter().map(|column| column.value).collect();
    let key = table.key().name;
    let behind = if after.is_some() { format!("AND {key} > ?1") } else { String::new() };
    let sql = format!(
        "SELECT {} FROM {} WHERE {} {behind} ORDER BY {key} LIMIT {PAGE}",
        values.join(", "),
        table.name,
        table.rows
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(after), |row| {
        table.columns.iter().enumerate().map(|(index, column)| cell(row, index, column.kind)).collect()
    })?;
    rows.collect()
}

fn cell(row: &rusqlite::Row<'_>, index: usize, kind: ColumnType) -> rusqlite::Result<Cell> {
    let cell = match kind {
        ColumnType::Number | ColumnType::Flag => row.get::<_, Option<i64>>(index)?.map(Cell::Number),
        ColumnType::Text | ColumnType::Words => row.get::<_, Option<String>>(index)?.map(Cell::Text),
        ColumnType::Bytes => row.get::<_, Option<Vec<u8>>>(index)?.map(Cell::Bytes),
    };
    Ok(cell.unwrap_or_default())
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Number(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
