//! Room on the disk of the database; that of visitors' files is the store's own affair.

use crate::config::Config;
use std::path::{Path, PathBuf};

/// The folder of a database that is a file, and how many bytes should be free there.
pub(crate) fn of_database(config: &Config) -> Option<(PathBuf, u64)> {
    let folder = config.store.file()?.parent().filter(|folder| !folder.as_os_str().is_empty());
    Some((folder.unwrap_or(Path::new(".")).to_owned(), config.files.floor))
}

/// What is wrong when there is less.
pub(crate) fn problem((folder, floor): &(PathBuf, u64)) -> Option<String> {
    let free = openline_store::room(folder).filter(|free| free < floor)?;
    Some(format!("{}: {} MB of room are left for the database", folder.display(), free / 1_000_000))
}
