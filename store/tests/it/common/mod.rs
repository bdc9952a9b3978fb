//! What the tests of the store share.

#![allow(dead_code)] // not everything in every test binary

pub(crate) mod load;

use openline_core::Store;
use openline_store::{OpenError, Report};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens the store of an address as a person writes it.
pub(crate) async fn open(url: &str) -> Result<Arc<dyn Store>, OpenError> {
    openline_store::open(&url.parse()?).await
}

/// Copies between two such stores.
pub(crate) async fn migrate(from: &str, to: &str) -> Result<Report, OpenError> {
    openline_store::migrate(&from.parse()?, &to.parse()?).await
}

/// A file that is kept beside the database.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Copies a database that nobody writes to at the moment, but that was not closed: what a crash leaves.
pub(crate) fn copy_as_after_a_crash(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
    std::fs::copy(beside(from, "-wal"), beside(to, "-wal")).unwrap();
}

/// How many commits are in the write-ahead log (<https://sqlite.org/fileformat2.html#the_write_ahead_log>): a frame that
/// ends one says how large the database is then.
pub(crate) fn commits(path: &Path) -> usize {
    let log = std::fs::read(beside(path, "-wal")).unwrap();
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    if log.is_empty() {
        return 0;
    }
    let (page, salt) = (usize::try_from(number(8)).unwrap(), &log[16..24]);
    let frames = (32..log.len()).step_by(24 + page).take_while(|at| log.get(at + 8..at + 16) == Some(salt));
    frames.filter(|at| number(at + 4) > 0).count()
}
