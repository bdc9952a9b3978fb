//! Whether the database is the one that was written here last, or came back from a backup.
//!
//! A small file beside the database has a random word, which is changed now and then while something is written; the
//! database knows the word, and when the file system last changed the file (its ctime, which nobody can set). A database
//! that was copied back knows an older word; where the file was copied back with it, its ctime is another one. What can't
//! be told apart is a whole disk that was set back.

use super::row::{Result, column, execute, first};
use crate::private;
use openline_core::StoreError;
use rusqlite::Connection;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often the word is changed while something is written.
const EVERY: Duration = Duration::from_secs(10);

/// The file beside the database.
pub(crate) struct Mark {
    path: PathBuf,
    changed: Option<Instant>,
}

impl Mark {
    pub(crate) fn beside(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push(".mark");
        Self { path: path.into(), changed: None }
    }

    /// Compares with what the database knows, keeps it when they differ, and changes the word. The file is changed first:
    /// whoever is killed in between is taken for a backup, which costs a look into the dialogs' histories.
    pub(crate) fn look(&mut self, db: &Connection) -> Result<()> {
        let known: Option<String> = first(db, "SELECT value FROM meta WHERE key = 'mark'", [], |row| column(row, 0))?;
        if known.is_some() && known != self.read() {
            tracing::warn!(
                "the database is an older one than was here last (a backup?): what is missing is fetched back"
            );
            execute(db, "INSERT OR REPLACE INTO meta (key, value) VALUES ('restored', 'yes')", [])?;
            // From here on its numbers are other ones than those that were given out under its word.
            execute(db, "DELETE FROM meta WHERE key = 'tag'", [])?;
        }
        self.renew(db)
    }

    /// Changes the word, when it is time. To be called within a transaction.
    pub(crate) fn keep(&mut self, db: &Connection) -> Result<()> {
        if self.changed.is_some_and(|changed| changed.elapsed() < EVERY) { Ok(()) } else { self.renew(db) }
    }

    fn renew(&mut self, db: &Connection) -> Result<()> {
        let word = self.write().map_err(|e| StoreError::Unavailable(format!("{}: {e}", self.path.display())))?;
        execute(db, "INSERT OR REPLACE INTO meta (key, value) VALUES ('mark', ?1)", [word])?;
        self.changed = Some(Instant::now());
        Ok(())
    }

    fn write(&self) -> std::io::Result<String> {
        let word = format!("{:016x}", getrandom::u64().map_err(std::io::Error::other)?);
        private::close_up(&self.path)?;
        let mut file = private::file().create(true).write(true).truncate(false).open(&self.path)?;
        file.write_all(word.as_bytes())?;
        file.sync_all()?;
        Ok(format!("{word} {}", changed(&file)?))
    }

    /// `None` when there is none.
    fn read(&self) -> Option<String> {
        let mut file = File::open(&self.path).ok()?;
        let mut word = String::new();
        file.read_to_string(&mut word).ok()?;
        Some(format!("{word} {}", changed(&file).ok()?))
    }
}

#[cfg(unix)]
fn changed(file: &File) -> std::io::Result<String> {
    use std::os::unix::fs::MetadataExt;
    let about = file.metadata()?;
    Ok(format!("{}.{:09}", about.ctime(), about.ctime_nsec()))
}

#[cfg(not(unix))]
fn changed(_: &File) -> std::io::Result<String> {
    Ok(String::new())
}

pub(crate) fn is_restored(db: &Connection) -> Result<bool> {
    Ok(first(db, "SELECT 1 FROM meta WHERE key = 'restored'", [], |_| Ok(()))?.is_some())
}

pub(crate) fn made_good(db: &Connection) -> Result<()> {
    execute(db, "DELETE FROM meta WHERE key = 'restored'", []).map(|_| ())
}
