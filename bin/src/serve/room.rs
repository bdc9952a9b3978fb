//! Room on the disks of the database and of visitors' files.

use crate::config::Config;
use openline_bitrix::Concern;
use std::path::{Path, PathBuf};

/// The folders that are written to, and how many bytes should be free in each.
pub(crate) fn places(config: &Config) -> Vec<(PathBuf, u64)> {
    let of_database = config.store.file().and_then(Path::parent).map(|folder| match folder {
        here if here.as_os_str().is_empty() => Path::new("."),
        folder => folder,
    });
    let folders = std::iter::once(&*config.files.folder).chain(of_database);
    folders.map(|folder| (folder.to_owned(), config.files.floor)).collect()
}

/// What is wrong when there is less in one of them.
pub(crate) fn problem(places: &[(PathBuf, u64)]) -> Option<Concern> {
    let short = |(folder, floor): &(PathBuf, u64)| {
        let free = openline_store::room(folder).filter(|free| free < floor)? / 1_000_000;
        let (folder, megabytes) = (folder.display().to_string(), free.to_string());
        Some(Concern::new("disk", "disk", &[("folder", &folder), ("megabytes", &megabytes)]))
    };
    places.iter().find_map(short)
}
