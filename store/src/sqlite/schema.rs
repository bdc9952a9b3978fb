//! Opening, checking and migrating the database file.

use super::mark::Mark;
use crate::{OpenError, private};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// In the file's header: "this is openline's" (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x4F4C_4E45;

/// The schema's steps, in order; the file remembers in `user_version` how many it has.
pub(crate) const MIGRATIONS: [&str; 3] = [
    include_str!("../../migrations/sqlite/0001_first.sql"),
    include_str!("../../migrations/sqlite/0002_past_dialogs.sql"),
    include_str!("../../migrations/sqlite/0003_work.sql"),
];

/// Statements kept ready per connection: all that the store has.
const CACHED_STATEMENTS: usize = 96;
/// Of a new file, in bytes. A message changes a page of each index: with the usual 4096 a third more has to be written.
const PAGE: i64 = 2048;
/// The log is written back after so many bytes.
const LOG: i64 = 16 * 1024 * 1024;
/// How long somebody waits who finds the database locked.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) mark: Mark,
    /// The database's own word.
    pub(crate) name: String,
    /// Held while the database is open: one process at a time, because leases and wake-ups live in this one.
    pub(crate) lock: Lock,
}

/// A locked file. Unlocked by hand, because a process that is just being started may have the file open as well.
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Opens the file for writing, alone, and brings it up to date.
pub(crate) fn open(path: &Path) -> Result<Opened, OpenError> {
    let unusable = |problem: String| OpenError::Unusable { path: path.to_owned(), problem };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private::make_folder(folder).map_err(|e| unusable(format!("can't make the folder: {e}")))?;
    }
    let lock = lock(path).map_err(unusable)?;
    if !path.exists() {
        // SQLite gives what it makes the rights of the umask, and the files beside the database the database's own.
        private::file().create(true).append(true).open(path).map_err(|e| unusable(e.to_string()))?;
    }
    // Without SQLite's own URLs: a file may be called what it likes.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|e| unusable(explain(&e)))?;
    check(&connection).map_err(unusable)?;
    if !ended_well(&connection) {
        check_all(&connection).map_err(unusable)?;
    }
    migrate(&mut connection).map_err(|e| unusable(explain(&e)))?;
    if !prepare(&connection).map_err(|e| unusable(explain(&e)))? {
        return Err(unusable("its folder can't hold a database (no shared memory); use a local disk".to_owned()));
    }
    let mut mark = Mark::beside(path);
    let name = recover(&connection, &mut mark).map_err(unusable)?;
    close_up(path).map_err(|e| unusable(format!("can't take the others' rights to it: {e}")))?;
    Ok(Opened { connection, mark, name, lock })
}

/// What belongs to the database is nobody else's business. (Its mark looks after itself: a change is told by its time.)
fn close_up(path: &Path) -> std::io::Result<()> {
    ["", "-wal", "-shm", ".lock", ".secret", ".erased"].into_iter().try_for_each(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        private::close_up(Path::new(&name))
    })
}

/// Opens a file that is there and up to date, beside whoever has it open: for looking and small repairs while the
/// service runs.
pub(crate) fn attach(path: &Path) -> Result<(Connection, String), OpenError> {
    let unusable = |problem: String| OpenError::Unusable { path: path.to_owned(), problem };
    if !path.exists() {
        return Err(unusable("there is no such database".to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| unusable(explain(&e)))?;
    check(&connection).map_err(unusable)?;
    prepare(&connection).map_err(|e| unusable(explain(&e)))?;
    let name = connection.query_row("SELECT value FROM meta WHERE key = 'tag'", [], |row| row.get(0));
    let name = name.map_err(|_| unusable("was never used by the service; start that first".to_owned()))?;
    Ok((connection, name))
}

/// A connection for reading only.
pub(crate) fn reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        equip(&connection)?;
        Ok(connection)
    };
    open().map_err(|e: rusqlite::Error| OpenError::Unusable { path: path.to_owned(), problem: explain(&e) })
}

pub(crate) fn lock(path: &Path) -> Result<Lock, String> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = private::file()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&name)
        .map_err(|e| format!("can't write {}: {e}; give the service a folder it may write to", name.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => {
            Err("in use by another openline process; stop that one first, or give this one a store of its own".into())
        }
        Err(TryLockError::Error(e)) => Err(format!("can't lock {}: {e}", name.display())),
    }
}

/// Reads the whole file and looks for damage, while nobody else has it open; nothing is changed.
pub(crate) fn examine(path: &Path) -> Result<(), OpenError> {
    let unusable = |problem: String| OpenError::Unusable { path: path.to_owned(), problem };
    if !path.exists() {
        return Err(unusable("there is no such database".to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| unusable(explain(&e)))?;
    connection.busy_timeout(PATIENCE).map_err(|e| unusable(explain(&e)))?;
    check(&connection).and_then(|()| check_all(&connection)).map_err(unusable)
}

/// Whether whoever had the database open last closed it, so that it needs no check.
fn ended_well(db: &Connection) -> bool {
    db.query_row("SELECT value FROM meta WHERE key = 'ended'", [], |_| Ok(())).is_ok()
}

/// Says that the database is whole; to be called by who closes it, last of all.
pub(crate) fn end(db: &Connection) -> rusqlite::Result<()> {
    db.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('ended', 'well')", []).map(|_| ())
}

/// Reads everything: it takes longer the larger the file is.
fn check_all(db: &Connection) -> Result<(), String> {
    let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|e| explain(&e))?;
    if verdict == "ok" { Ok(()) } else { Err(format!("is damaged ({verdict}); restore a backup")) }
}

/// Refuses what is not ours or newer, before anything is changed.
pub(crate) fn check(db: &Connection) -> Result<(), String> {
    let number = |pragma: &str| db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i32>(0));
    let version = number("user_version").map_err(|e| explain(&e))?;
    let application = number("application_id").map_err(|e| explain(&e))?;
    let tables: i64 =
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(|e| explain(&e))?;
    let blank = tables == 0 && version == 0 && application == 0;
    if !blank && application != APPLICATION_ID {
        return Err("is the database of another program; name another file".to_owned());
    }
    let known = MIGRATIONS.len();
    if usize::try_from(version).unwrap_or(usize::MAX) > known {
        return Err(format!(
            "was written by a newer openline (schema {version}, this one knows {known}); install that version again"
        ));
    }
    Ok(())
}

pub(crate) fn migrate(db: &mut Connection) -> rusqlite::Result<()> {
    // Without effect on a file that has pages already.
    db.pragma_update(None, "page_size", PAGE)?;
    let done: usize = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for (index, script) in MIGRATIONS.iter().enumerate().skip(done) {
        let step = db.transaction()?;
        step.execute_batch(script)?;
        step.pragma_update(None, "application_id", APPLICATION_ID)?;
        step.pragma_update(None, "user_version", i64::try_from(index + 1).unwrap_or(i64::MAX))?;
        step.commit()?;
    }
    Ok(())
}

/// What every connection has. Plans must not depend on bound values: SQLite would make such a statement anew at each of
/// its executions.
fn equip(db: &Connection) -> rusqlite::Result<()> {
    db.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    db.busy_timeout(PATIENCE)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

/// Sets up the connection; false when the file system has no write-ahead log.
pub(crate) fn prepare(db: &Connection) -> rusqlite::Result<bool> {
    equip(db)?;
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", "OFF")?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    // What is deleted is written over.
    db.pragma_update(None, "secure_delete", "ON")?;
    db.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    let page: i64 = db.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    db.pragma_update(None, "wal_autocheckpoint", LOG / page.max(1))?;
    // In KiB when negative. What is written to is the newest of each conversation; the rest the system's cache has.
    db.pragma_update(None, "cache_size", -1000)?;
    Ok(mode == "wal")
}

/// Leases of a process that is gone end now, marked uncertain; waiting lanes are looked at once more (the clock may
/// have been set back meanwhile). Whether it is a backup that came back is found out.
fn recover(db: &Connection, mark: &mut Mark) -> Result<String, String> {
    let failed = |e: rusqlite::Error| explain(&e);
    let db = db.unchecked_transaction().map_err(failed)?;
    // What waits has an index of its own: lanes without work are not read.
    for sql in [
        "DELETE FROM meta WHERE key = 'ended'",
        "UPDATE jobs SET uncertain = 1, unknown_since = (SELECT leased_at FROM lanes WHERE lanes.id = jobs.lane) \
         WHERE id IN (SELECT leased FROM lanes WHERE due_at IS NOT NULL AND leased <> 0)",
        "UPDATE lanes SET leased = 0, due_at = 0 WHERE due_at IS NOT NULL AND (due_at <> 0 OR leased <> 0)",
    ] {
        db.execute(sql, []).map_err(failed)?;
    }
    mark.look(&db).map_err(|e| e.to_string())?;
    let make = "INSERT OR IGNORE INTO meta (key, value) VALUES ('tag', lower(hex(randomblob(4))))";
    db.execute(make, []).map_err(failed)?;
    let name = db.query_row("SELECT value FROM meta WHERE key = 'tag'", [], |row| row.get(0)).map_err(failed)?;
    db.commit().map_err(failed)?;
    Ok(name)
}

pub(crate) fn explain(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "is not a database; name another file, or restore a backup".to_owned(),
        Some(ErrorCode::DatabaseCorrupt) => "is damaged; restore a backup".to_owned(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            format!("can't be opened for writing ({error}); check the folder's owner and rights")
        }
        Some(ErrorCode::DiskFull) => "the disk is full; make room and start again".to_owned(),
        _ => error.to_string(),
    }
}
