//! What the tests of the store share.

use std::path::{Path, PathBuf};

/// The file that SQLite keeps beside the database.
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
