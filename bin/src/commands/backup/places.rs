//! What belongs to an installation, here and in an archive.

use crate::config::Config;
use crate::secret;
use std::path::{Path, PathBuf};

/// The database's name in an archive.
pub(super) const DATABASE: &str = "openline.db";
/// The name of the file with the installation's secret.
pub(super) const SECRET: &str = "openline.db.secret";
/// The folder of visitors' files.
pub(super) const FILES: &str = "files";
/// The list of checksums.
pub(super) const SUMS: &str = "SHA256SUMS";

/// Where an installation keeps what belongs together.
pub(super) struct Places {
    pub(super) database: PathBuf,
    pub(super) secret: PathBuf,
    pub(super) files: PathBuf,
}

impl Places {
    pub(super) fn of(config: &Config) -> Result<Self, String> {
        let database = config.store.file().map(Path::to_owned).ok_or_else(|| {
            "the database is on a server: back it up with pg_dump, and the folder of files beside it (docs/operations.md)"
                .to_owned()
        })?;
        Ok(Self { secret: secret::file_of(&database), database, files: config.files.folder.clone() })
    }
}
